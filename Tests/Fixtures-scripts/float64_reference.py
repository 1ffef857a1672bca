"""The reference in float64 throughout, to see how far float32 itself is from exact arithmetic.

transformers computes norms and rotary angles in float32 whatever the model's type, so both are replaced here.
"""

import types

import torch
from make_logits_fixtures import load_reference

# Gemma stores its norms' weights less one.
NORMS = {"LlamaRMSNorm": 0.0, "Qwen2RMSNorm": 0.0, "Gemma3RMSNorm": 1.0}
ROTARY = {"LlamaRotaryEmbedding", "Qwen2RotaryEmbedding", "Gemma3RotaryEmbedding"}


def norm(offset):
    def forward(self, x):
        epsilon = self.eps if hasattr(self, "eps") else self.variance_epsilon
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + epsilon) * (self.weight + offset)

    return forward


def rotary(self, x, position_ids, layer_type=None):
    parameters = self.config.rope_parameters
    theta = (parameters[layer_type] if layer_type else parameters)["rope_theta"]
    size = getattr(self.config, "head_dim", None) or self.config.hidden_size // self.config.num_attention_heads
    frequencies = theta ** -(torch.arange(0, size, 2, dtype=torch.float64) / size)
    angles = position_ids[:, :, None].double() * frequencies
    angles = torch.cat([angles, angles], dim=-1)
    return angles.cos(), angles.sin()


class Float64:
    def __init__(self, path):
        self.model = load_reference(path).double()
        replaced = set()
        for module in self.model.modules():
            name = type(module).__name__
            if name in NORMS:
                module.forward = types.MethodType(norm(NORMS[name]), module)
            elif name in ROTARY:
                module.forward = types.MethodType(rotary, module)
            elif name == "Gemma3TextScaledWordEmbedding":
                module.embed_scale = torch.tensor(module.embedding_dim, dtype=torch.float64).sqrt()
            else:
                continue
            replaced.add(name)
        if len(replaced) < 2:
            raise SystemExit(f"error: {path}: norms or rotary embedding of this family are not known here")

    def logits(self, tokens):
        with torch.inference_mode():
            return self.model(torch.tensor([tokens]), use_cache=False).logits[0]

    def generate(self, tokens, count):
        return None
