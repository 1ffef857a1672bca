"""Writes a tiny random decoder with a tokenizer of bytes and a chat template: a server of it is as fast as its own code."""

import array
import json
import math
import random
import struct
from pathlib import Path

HIDDEN, LAYERS, HEADS, KV_HEADS, FEED_FORWARD, CONTEXT = 64, 2, 4, 2, 128, 512
SPECIAL = ["<s>", "</s>", "<|user|>", "<|end|>"]
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<|user|>{{ message.role }}: {{ message.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|user|>assistant: {% endif %}"
)


def byte_letters():
    """The letters by which byte-level tokenizers write bytes."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    other = [byte for byte in range(256) if byte not in plain]
    letters = {byte: chr(byte) for byte in plain}
    letters.update({byte: chr(256 + index) for index, byte in enumerate(other)})
    return [letters[byte] for byte in range(256)]


def write(folder):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    letters = byte_letters()
    vocabulary = len(letters) + len(SPECIAL)
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": HIDDEN, "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS, "num_key_value_heads": KV_HEADS, "intermediate_size": FEED_FORWARD,
        "vocab_size": vocabulary, "max_position_embeddings": CONTEXT, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
        "tie_word_embeddings": True, "hidden_act": "silu", "bos_token_id": 256, "eos_token_id": 257, "torch_dtype": "float32",
    }
    tokenizer = {
        "version": "1.0", "truncation": None, "padding": None, "normalizer": None, "post_processor": None,
        "added_tokens": [{"id": 256 + index, "content": text, "special": True, "single_word": False, "lstrip": False,
                          "rstrip": False, "normalized": False} for index, text in enumerate(SPECIAL)],
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
        "decoder": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": None,
                  "fuse_unk": False, "byte_fallback": False, "vocab": {letter: byte for byte, letter in enumerate(letters)},
                  "merges": []},
    }
    settings = {"bos_token": "<s>", "eos_token": "</s>", "chat_template": TEMPLATE, "tokenizer_class": "PreTrainedTokenizerFast"}
    for name, value in {"config.json": config, "tokenizer.json": tokenizer, "tokenizer_config.json": settings}.items():
        (folder / name).write_text(json.dumps(value))

    head = HIDDEN // HEADS
    shapes = {"model.embed_tokens.weight": (vocabulary, HIDDEN), "model.norm.weight": (HIDDEN,)}
    for layer in range(LAYERS):
        prefix = f"model.layers.{layer}."
        shapes |= {
            prefix + "input_layernorm.weight": (HIDDEN,), prefix + "post_attention_layernorm.weight": (HIDDEN,),
            prefix + "self_attn.q_proj.weight": (HIDDEN, HIDDEN), prefix + "self_attn.k_proj.weight": (KV_HEADS * head, HIDDEN),
            prefix + "self_attn.v_proj.weight": (KV_HEADS * head, HIDDEN), prefix + "self_attn.o_proj.weight": (HIDDEN, HIDDEN),
            prefix + "mlp.gate_proj.weight": (FEED_FORWARD, HIDDEN), prefix + "mlp.up_proj.weight": (FEED_FORWARD, HIDDEN),
            prefix + "mlp.down_proj.weight": (HIDDEN, FEED_FORWARD),
        }
    generator, header, data = random.Random(14), {}, bytearray()
    for name, shape in shapes.items():
        count = math.prod(shape)
        norm = len(shape) == 1
        values = array.array("f", ([1.0] * count if norm else [generator.gauss(0, 0.15) for _ in range(count)]))
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [len(data), len(data) + 4 * count]}
        data += values.tobytes()
    text = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)
    return str(folder)
