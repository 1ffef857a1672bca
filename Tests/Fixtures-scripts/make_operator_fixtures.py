"""Writes Tests/TesseraReferenceTests/Fixtures/operators.json.

Small random cases of every operator with what torch and transformers make of them, in float64.
Needs: pip install torch transformers
Usage: python make_operator_fixtures.py OUTPUT.json
"""

import json
import sys

import torch
from transformers import LlamaConfig
from transformers.generation.logits_process import RepetitionPenaltyLogitsProcessor
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS
from transformers.models.cohere.modeling_cohere import apply_rotary_pos_emb as rotate_adjacent
from transformers.models.llama.modeling_llama import LlamaRMSNorm
from transformers.models.llama.modeling_llama import apply_rotary_pos_emb as rotate_halves

torch.manual_seed(7)


def random(*shape, scale=1.0):
    """float64 values that are exact in float32."""
    return (torch.randn(*shape) * scale).double()


def flat(tensor):
    return tensor.reshape(-1).tolist()


def rope_frequencies():
    cases = []
    for head_dim, base, scaling in [
        (64, 10000.0, {"rope_type": "linear", "factor": 4.0}),
        (128, 500000.0, {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                         "original_max_position_embeddings": 8192}),
        (64, 500000.0, {"rope_type": "llama3", "factor": 32.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                        "original_max_position_embeddings": 8192}),
        (128, 1000000.0, {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}),
        (96, 10000.0, {"rope_type": "yarn", "factor": 16.0, "original_max_position_embeddings": 4096,
                       "beta_fast": 24.0, "beta_slow": 2.0}),
    ]:
        config = LlamaConfig(
            hidden_size=head_dim * 2, num_attention_heads=2, head_dim=head_dim, max_position_embeddings=131072,
            rope_parameters={"rope_theta": base, **scaling})
        frequencies, magnitude = ROPE_INIT_FUNCTIONS[scaling["rope_type"]](config, "cpu")
        cases.append({
            "kind": scaling["rope_type"], "headDim": head_dim, "base": base, "factor": scaling["factor"],
            "low": scaling.get("low_freq_factor"), "high": scaling.get("high_freq_factor"),
            "betaFast": scaling.get("beta_fast", 32.0), "betaSlow": scaling.get("beta_slow", 1.0),
            "originalContext": scaling.get("original_max_position_embeddings", 0),
            "frequencies": flat(frequencies.double()), "magnitude": float(magnitude)})
    return cases


def rotations():
    cases = []
    positions, heads, head_dim, base = [0, 1, 5, 1000], 3, 16, 10000.0
    for pairing in ["adjacent", "halves"]:
        x = random(len(positions), heads, head_dim)
        frequencies = base ** (-torch.arange(0, head_dim, 2).double() / head_dim)
        angles = torch.tensor(positions).double()[:, None] * frequencies
        if pairing == "adjacent":
            angles, rotate = torch.repeat_interleave(angles, 2, dim=-1), rotate_adjacent
        else:
            angles, rotate = torch.cat([angles, angles], dim=-1), rotate_halves
        q = x.transpose(0, 1)[None]
        # Cohere's function works in float32: its result is compared at 1e-6.
        y, _ = rotate(q, q, angles.cos()[None], angles.sin()[None])
        cases.append({"pairing": pairing, "positions": positions, "headCount": heads, "headDim": head_dim, "base": base,
                      "x": flat(x), "y": flat(y[0].transpose(0, 1).double())})
    return cases


def attentions():
    cases = []
    for heads, kv_heads, head_dim, query_positions, key_count, causal, window, cap, scale in [
        (3, 3, 8, [0, 1, 2, 3, 4], 5, True, None, None, None),
        (6, 2, 8, [4, 5, 6], 7, True, None, None, None),
        (4, 1, 16, [9], 10, True, 4, None, 0.1),
        (4, 2, 8, [3, 9, 5], 12, True, 3, 5.0, 2.0),
        (2, 2, 8, [0, 1, 2], 6, False, None, None, None),
    ]:
        q = random(len(query_positions), heads, head_dim)
        k, v = random(key_count, kv_heads, head_dim), random(key_count, kv_heads, head_dim)
        p = torch.tensor(query_positions)[:, None]
        j = torch.arange(key_count)[None]
        mask = (j <= p) if causal else torch.ones(len(query_positions), key_count, dtype=torch.bool)
        if window:
            mask = mask & (j > p - window)
        scale = scale or head_dim**-0.5
        qt, kt, vt = (t.transpose(0, 1)[None] for t in (q, k, v))
        if cap is None:
            y = torch.nn.functional.scaled_dot_product_attention(
                qt, kt, vt, attn_mask=mask, scale=scale, enable_gqa=True)
        else:
            kt, vt = (t.repeat_interleave(heads // kv_heads, 1) for t in (kt, vt))
            scores = cap * torch.tanh(qt @ kt.transpose(-1, -2) * scale / cap)
            y = scores.masked_fill(~mask, float("-inf")).softmax(-1) @ vt
        cases.append({
            "headCount": heads, "kvHeadCount": kv_heads, "headDim": head_dim, "queryPositions": query_positions,
            "keyCount": key_count, "isCausal": causal, "window": window, "softCap": cap, "scale": scale,
            "queries": flat(q), "keys": flat(k), "values": flat(v), "y": flat(y[0].transpose(0, 1))})
    return cases


def activations():
    gate = torch.cat([torch.linspace(-12, 12, 49), torch.tensor([-90.0, 90.0, 0.0])]).float().double()
    up = random(len(gate))
    return {"gate": flat(gate), "up": flat(up), "swiGLU": flat(torch.nn.functional.silu(gate) * up),
            "geGLU": flat(torch.nn.functional.gelu(gate, approximate="tanh") * up)}


def norm():
    module = LlamaRMSNorm(24, eps=1e-5).double()
    x, weight = random(3, 24, scale=3.0), random(24)
    module.weight.data = weight
    # LlamaRMSNorm casts to float32 inside, so the comparison is at 1e-6; the formula is repeated in float64 beside it.
    y = weight * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5)
    assert torch.allclose(module(x).double(), y, rtol=1e-5, atol=1e-6)
    return {"rowCount": 3, "columnCount": 24, "epsilon": 1e-5, "x": flat(x), "weight": flat(weight), "y": flat(y)}


def product():
    x, w, bias, residual = random(3, 20), random(5, 20), random(5), random(3, 5)
    return {"tokenCount": 3, "rowCount": 5, "columnCount": 20, "x": flat(x), "weights": flat(w), "bias": flat(bias),
            "residual": flat(residual), "y": flat(torch.nn.functional.linear(x, w, bias) + residual)}


def sampling():
    logits = random(1, 40, scale=4.0)
    occurred = [3, 3, 17, 0, 39, 8]
    penalized = RepetitionPenaltyLogitsProcessor(1.3)(torch.tensor([occurred]), logits.clone())
    values, ids = torch.topk(logits[0], 6)
    return {"logits": flat(logits), "occurred": occurred, "penalty": 1.3, "penalized": flat(penalized),
            "topIds": flat(ids), "topLogits": flat(values)}


with open(sys.argv[1], "w") as file:
    json.dump({"frequencies": rope_frequencies(), "rotations": rotations(), "attentions": attentions(),
               "activations": activations(), "norm": norm(), "product": product(), "sampling": sampling()}, file)
    file.write("\n")
