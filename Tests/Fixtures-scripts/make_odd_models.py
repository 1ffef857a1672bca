"""Writes Tests/TesseraTests/Fixtures/odd: tiny models that are odd as published files are, and what they compute.

    pip install numpy gguf
    python Tests/Fixtures-scripts/make_odd_models.py

`expected.json` has one prompt, and for each file the log-probabilities [tokens, vocabulary] that `odd_forward.py`
computes in float64 on the file's dequantized weights (an array as in ../families/README.md). `"same_as"` names the
file whose bits it must give, `"odd"` says what is odd.
"""

import base64
import json
import zlib
from pathlib import Path

import gguf
import numpy as np
from odd_forward import Shape, log_probabilities

OUT = Path(__file__).resolve().parent.parent / "TesseraTests" / "Fixtures" / "odd"
Q8, F16, F32 = (gguf.GGMLQuantizationType[name] for name in ("Q8_0", "F16", "F32"))
KIND = gguf.GGUFValueType
WIDTH, VOCABULARY, TOKENS = 32, 96, 20
CHAT = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def vocabulary():
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    words = ["th", "the", "Ġ", "Ċ"] + [chr(code) for code in range(33, 127)]
    return (special + words)[:VOCABULARY], [3] * len(special) + [1] * (VOCABULARY - len(special))


class Maker:
    """One file's keys and tensors; the same `weights` gives the same weights."""

    def __init__(self, shape, feed_forward=32, weights="base"):
        self.shape, self.arch = shape, "gemma3" if shape.gemma else "llama"
        self.random = np.random.default_rng(zlib.crc32(weights.encode()))
        widths = feed_forward if isinstance(feed_forward, list) else [feed_forward] * shape.layers
        tokens, types = vocabulary()
        self.keys = {
            "general.name": (KIND.STRING, "tiny"),
            "block_count": (KIND.UINT32, shape.layers), "context_length": (KIND.UINT32, 128),
            "embedding_length": (KIND.UINT32, WIDTH), "feed_forward_length": (KIND.UINT32, widths[0]),
            "attention.head_count": (KIND.UINT32, shape.heads),
            "attention.head_count_kv": (KIND.UINT32, shape.kv_heads[0]),
            "attention.key_length": (KIND.UINT32, shape.head_dim),
            "attention.value_length": (KIND.UINT32, shape.head_dim),
            "rope.dimension_count": (KIND.UINT32, shape.head_dim), "rope.freq_base": (KIND.FLOAT32, shape.theta),
            "attention.layer_norm_rms_epsilon": (KIND.FLOAT32, shape.epsilon),
            "vocab_size": (KIND.UINT32, VOCABULARY),
            "tokenizer.ggml.model": (KIND.STRING, "gpt2"), "tokenizer.ggml.pre": (KIND.STRING, "smollm"),
            "tokenizer.ggml.tokens": (KIND.ARRAY, tokens), "tokenizer.ggml.token_type": (KIND.ARRAY, types),
            "tokenizer.ggml.merges": (KIND.ARRAY, ["t h", "th e"]),
            "tokenizer.ggml.bos_token_id": (KIND.UINT32, 1), "tokenizer.ggml.eos_token_id": (KIND.UINT32, 2),
            "tokenizer.chat_template": (KIND.STRING, CHAT),
        }
        if shape.window:
            self.keys["attention.sliding_window"] = (KIND.UINT32, shape.window)
        self.tensors = {"token_embd.weight": (self.matrix(VOCABULARY, WIDTH, 2.0), Q8)}
        self.tensors["output_norm.weight"] = (self.norm(WIDTH), F32)
        for layer in range(shape.layers):
            self.add_layer(f"blk.{layer}.", shape.kv_heads[layer], widths[layer])

    def matrix(self, rows, columns, gain=1.4):
        return (gain / columns**0.5 * self.random.standard_normal((rows, columns))).astype(np.float32)

    def norm(self, width):
        return (1 + 0.2 * self.random.standard_normal(width)).astype(np.float32)

    def add_layer(self, prefix, kv_heads, feed_forward):
        query, key = self.shape.heads * self.shape.head_dim, kv_heads * self.shape.head_dim
        for name, rows, columns in [
            ("attn_q", query, WIDTH), ("attn_k", key, WIDTH), ("attn_v", key, WIDTH), ("attn_output", WIDTH, query),
            ("ffn_gate", feed_forward, WIDTH), ("ffn_up", feed_forward, WIDTH), ("ffn_down", WIDTH, feed_forward),
        ]:
            self.tensors[f"{prefix}{name}.weight"] = (self.matrix(rows, columns), F16 if columns % 32 else Q8)
        norms = [("attn_norm", WIDTH), ("ffn_norm", WIDTH)]
        if self.shape.gemma:
            norms += [("post_attention_norm", WIDTH), ("post_ffw_norm", WIDTH)]
            norms += [("attn_q_norm", self.shape.head_dim), ("attn_k_norm", self.shape.head_dim)]
        for name, width in norms:
            self.tensors[f"{prefix}{name}.weight"] = (self.norm(width), F32)

    def write(self, path):
        writer = gguf.GGUFWriter(path, self.arch)
        for key, (kind, value) in self.keys.items():
            key = key if key.startswith(("general.", "tokenizer.")) else f"{self.arch}.{key}"
            writer.add_array(key, value) if kind == KIND.ARRAY else writer.add_key_value(key, value, kind)
        for name, (values, kind) in self.tensors.items():
            if kind == Q8:
                writer.add_tensor(name, gguf.quants.quantize(values, Q8), raw_dtype=Q8)
            else:
                writer.add_tensor(name, values.astype(np.float16 if kind == F16 else np.float32))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()


def models():
    """(name, what is odd, maker, name of the file it must equal)."""
    two = Shape(layers=2)
    yield "base", "nothing", Maker(two), None

    linear = Shape(layers=2, position_scale=0.25)
    maker = Maker(linear)
    maker.keys |= {"rope.scaling.type": (KIND.STRING, "linear"), "rope.scaling.factor": (KIND.FLOAT32, 4.0)}
    yield "linear", "nothing: linear scaling of positions by 4", maker, None
    maker = Maker(linear)
    maker.keys["rope.scaling.factor"] = (KIND.FLOAT32, 4.0)
    yield "factor_only", "a scaling factor without a type is linear", maker, "linear"

    maker = Maker(two)
    maker.keys["tokenizer.ggml.padding_token_id"] = (KIND.UINT32, 0xFFFF_FFFF)
    yield "pad_minus_one", "a special id outside the vocabulary is ignored", maker, "base"
    maker = Maker(two)
    maker.tensors["blk.0.ffn_gate.weight"] = (maker.tensors["blk.0.ffn_gate.weight"][0], F16)
    yield "gate_up_mixed", "the first layer's gate is F16, its up Q8_0", maker, None
    maker = Maker(two)
    maker.keys["attention.head_count_kv"] = (KIND.ARRAY, [1, 1])
    yield "kv_array", "KV heads as an array of one value", maker, "base"
    maker = Maker(two)
    maker.keys["feed_forward_length"] = (KIND.ARRAY, [32, 32])
    yield "ff_array", "feed-forward widths as an array of one value", maker, "base"

    layered = Shape(layers=2, heads=4, kv_heads=[2, 1])
    maker = Maker(layered, weights="kv_layers")
    maker.keys["attention.head_count_kv"] = (KIND.ARRAY, [2, 1])
    yield "kv_layers", "2 KV heads in the first layer, 1 in the second", maker, None
    maker = Maker(two, feed_forward=[32, 96], weights="ff_layers")
    maker.keys["feed_forward_length"] = (KIND.ARRAY, [32, 96])
    yield "ff_layers", "feed-forward widths of 32 and 96", maker, None

    maker = Maker(two)
    for layer in range(2):
        for name, width in [("q", 64), ("k", 32), ("v", 32), ("output", 32)]:
            bias = (0.5 * maker.random.standard_normal(width)).astype(np.float32)
            maker.tensors[f"blk.{layer}.attn_{name}.bias"] = (bias, F32)
    yield "bias", "attention has biases", maker, None

    for size in (8, 24, 40, 72, 80, 100):
        shape = Shape(layers=2 if size <= 24 else 1, head_dim=size)
        yield f"heads_{size}", f"heads of {size}", Maker(shape, weights=f"heads_{size}"), None

    shape = Shape(layers=2, gemma=True, theta=1e6, epsilon=1e-6)
    yield "gemma_no_window", "no window: every layer sees everything", Maker(shape, weights="gemma"), None
    shape = Shape(layers=4, gemma=True, theta=1e6, epsilon=1e-6, window=8, is_global=lambda layer: layer % 2 == 1)
    maker = Maker(shape, weights="gemma")
    maker.keys["attention.sliding_window_pattern"] = (KIND.UINT32, 2)
    yield "gemma_pattern2", "every second layer is global", maker, None


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    for old in OUT.glob("*.gguf"):
        old.unlink()
    prompt = np.random.default_rng(20).integers(3, VOCABULARY, size=TOKENS).tolist()
    computed, entries = {}, {}
    for name, odd, maker, same in models():
        path = OUT / f"{name}.gguf"
        maker.write(path)
        computed[name] = log_probabilities(path, maker.shape, prompt)
        values = computed[name].astype("<f4")
        entries[name] = {"odd": odd}
        if same:
            assert np.array_equal(computed[name], computed[same]), name
            entries[name]["same_as"] = same
        else:
            text = base64.b64encode(values.tobytes()).decode()
            entries[name]["log_probabilities"] = {"shape": list(values.shape), "float32": text}
        spread, difference = values.std(), np.abs(computed[name] - computed["base"]).max()
        print(f"{name}: {path.stat().st_size} bytes, spread {spread:.2f}, from base {difference:.3f}")
    text = json.dumps({"prompt": prompt, "models": entries}, separators=(",", ":"))
    (OUT / "expected.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
