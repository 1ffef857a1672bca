"""Baichuan 2 13B, which transformers does not have: Llama of which heads do not turn, scores have ALiBi's slopes, and rows of
the output are divided by their lengths (Yang et al. 2023)."""

import torch
from jina_bert import slopes
from torch import nn
from transformers import LlamaForCausalLM


class NoRotation(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.size = config.hidden_size // config.num_attention_heads

    def forward(self, x, position_ids):
        shape = (*position_ids.shape, self.size)
        return torch.ones(shape, dtype=x.dtype), torch.zeros(shape, dtype=x.dtype)


class NormalizedOutput(nn.Linear):
    def forward(self, x):
        return nn.functional.linear(x, nn.functional.normalize(self.weight, dim=1))


class Baichuan2(LlamaForCausalLM):
    def __init__(self, config):
        super().__init__(config)
        self.model.rotary_emb = NoRotation(config)
        self.lm_head = NormalizedOutput(config.hidden_size, config.vocab_size, bias=False)
        for layer in self.model.layers:
            layer.self_attn.register_forward_pre_hook(self.slope, with_kwargs=True)

    def slope(self, _, arguments, options):
        """Keys weigh more the later they are, which is ALiBi's fall with the distance, up to a constant of each row."""
        count = options["hidden_states"].shape[1]
        falls = torch.tensor(slopes(self.config.num_attention_heads))[:, None, None]
        allowed = torch.ones(count, count).tril().log()  # 0, and -∞ where keys are later
        return arguments, options | {"attention_mask": (falls * torch.arange(count) + allowed)[None]}
