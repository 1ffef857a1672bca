"""Llama's and Gemma 3's forward pass in numpy and float64, on the tensors of a GGUF file.

What the model is, is told by the caller, not read from the file: the files are odd in just that.
"""

from dataclasses import dataclass, field

import gguf
import numpy as np


@dataclass
class Shape:
    layers: int
    heads: int = 2
    kv_heads: list = field(default_factory=lambda: [1] * 16)  # of each layer
    head_dim: int = 32
    theta: float = 10000.0
    position_scale: float = 1.0
    gemma: bool = False
    window: int = 0  # 0: none
    is_global: object = None  # layer → whether it sees everything, where there is a window
    epsilon: float = 1e-5


def tensors(path):
    reader = gguf.GGUFReader(path)
    return {t.name: gguf.dequantize(t.data, t.tensor_type).astype(np.float64) for t in reader.tensors}


def norm(x, weight, epsilon):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + epsilon) * weight


def rotate(x, theta, scale, halves):
    """x: (heads, tokens, head_dim); pairs are neighbors (Llama's files) or halves (Gemma's)."""
    size = x.shape[-1]
    angles = np.outer(np.arange(x.shape[1]) * scale, theta ** (-np.arange(0, size, 2) / size))
    cosine, sine = np.cos(angles), np.sin(angles)
    first, second = (x[..., : size // 2], x[..., size // 2 :]) if halves else (x[..., 0::2], x[..., 1::2])
    pair = first * cosine - second * sine, first * sine + second * cosine
    return np.concatenate(pair, -1) if halves else np.stack(pair, -1).reshape(x.shape)


def attention(shape, layer, w, x):
    tokens, heads, kv_heads = len(x), shape.heads, shape.kv_heads[layer]

    def project(name, count):
        y = x @ w(f"attn_{name}.weight").T + w(f"attn_{name}.bias", 0.0)
        return y.reshape(tokens, count, shape.head_dim).swapaxes(0, 1)

    q, k, v = project("q", heads), project("k", kv_heads), project("v", kv_heads)
    local = shape.window > 0 and not shape.is_global(layer)
    if shape.gemma:
        q, k = norm(q, w("attn_q_norm.weight"), shape.epsilon), norm(k, w("attn_k_norm.weight"), shape.epsilon)
    theta, scale = (10000.0, 1.0) if local else (shape.theta, shape.position_scale)
    q, k = (rotate(y, theta, scale, halves=shape.gemma) for y in (q, k))
    k, v = (np.repeat(y, heads // kv_heads, axis=0) for y in (k, v))
    scores = q @ k.swapaxes(1, 2) / np.sqrt(shape.head_dim)
    distance = np.subtract.outer(np.arange(tokens), np.arange(tokens))
    hidden = (distance < 0) | (distance >= shape.window if local else False)
    scores = np.where(hidden, -np.inf, scores)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    mixed = (weights / weights.sum(-1, keepdims=True)) @ v
    return mixed.swapaxes(0, 1).reshape(tokens, -1) @ w("attn_output.weight").T + w("attn_output.bias", 0.0)


def gelu(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def log_probabilities(path, shape, tokens):
    """Log-probabilities of every position, (tokens, vocabulary)."""
    stored = tensors(path)
    embedding = stored["token_embd.weight"]
    x = embedding[tokens] * (np.sqrt(embedding.shape[1]) if shape.gemma else 1.0)
    activation = gelu if shape.gemma else lambda y: y / (1 + np.exp(-y))
    for layer in range(shape.layers):

        def w(name, *default):
            key = f"blk.{layer}.{name}"
            return stored.get(key, *default) if default else stored[key]

        y = attention(shape, layer, w, norm(x, w("attn_norm.weight"), shape.epsilon))
        x = x + (norm(y, w("post_attention_norm.weight"), shape.epsilon) if shape.gemma else y)
        y = norm(x, w("ffn_norm.weight"), shape.epsilon)
        y = (activation(y @ w("ffn_gate.weight").T) * (y @ w("ffn_up.weight").T)) @ w("ffn_down.weight").T
        x = x + (norm(y, w("post_ffw_norm.weight"), shape.epsilon) if shape.gemma else y)
    logits = norm(x, stored["output_norm.weight"], shape.epsilon) @ embedding.T
    logits -= logits.max(-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))
