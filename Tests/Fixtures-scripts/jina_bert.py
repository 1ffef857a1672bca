"""JinaBERT v2, which transformers does not have: a plain program after the paper (Günther et al. 2023) and the names of
the published weights."""

import torch
from torch import nn
from transformers import PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput


class JinaBertConfig(PretrainedConfig):
    model_type = "bert"


def slopes(count):
    def sequence(count):
        return [2 ** (-8 * (head + 1) / count) for head in range(count)]

    power = 1 << (count.bit_length() - 1)
    return sequence(power) + sequence(2 * power)[0::2][: count - power]


class Attention(nn.Module):
    def __init__(self, config):
        super().__init__()
        size = config.hidden_size
        self.self = nn.Module()
        for name in ("query", "key", "value"):
            setattr(self.self, name, nn.Linear(size, size))
        self.output = nn.Module()
        self.output.dense = nn.Linear(size, size)
        self.output.LayerNorm = nn.LayerNorm(size, eps=config.layer_norm_eps)
        self.heads = config.num_attention_heads

    def forward(self, x):
        count, size = x.shape
        q, k, v = (
            getattr(self.self, name)(x).view(count, self.heads, -1).transpose(0, 1) for name in ("query", "key", "value")
        )
        places = torch.arange(count, dtype=x.dtype)
        distance = (places[None, :] - places[:, None]).abs()
        falls = torch.tensor(slopes(self.heads), dtype=x.dtype)[:, None, None]
        scores = q @ k.transpose(1, 2) / (size // self.heads) ** 0.5 - falls * distance
        gathered = (scores.softmax(-1) @ v).transpose(0, 1).reshape(count, size)
        return self.output.LayerNorm(self.output.dense(gathered) + x)


class MLP(nn.Module):
    def __init__(self, config):
        super().__init__()
        size, inner = config.hidden_size, config.intermediate_size
        self.gated_layers = nn.Linear(size, 2 * inner, bias=False)
        self.wo = nn.Linear(inner, size)
        self.layernorm = nn.LayerNorm(size, eps=config.layer_norm_eps)

    def forward(self, x):
        gated, plain = self.gated_layers(x).chunk(2, -1)
        return self.layernorm(self.wo(nn.functional.gelu(gated) * plain) + x)


class Layer(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.attention, self.mlp = Attention(config), MLP(config)

    def forward(self, x):
        return self.mlp(self.attention(x))


class JinaBertModel(PreTrainedModel):
    config_class = JinaBertConfig
    base_model_prefix = "bert"
    _supports_attention_backend = True

    def __init__(self, config):
        super().__init__(config)
        size = config.hidden_size
        self.embeddings = nn.Module()
        self.embeddings.word_embeddings = nn.Embedding(config.vocab_size, size)
        self.embeddings.token_type_embeddings = nn.Embedding(config.type_vocab_size, size)
        self.embeddings.LayerNorm = nn.LayerNorm(size, eps=config.layer_norm_eps)
        self.encoder = nn.Module()
        self.encoder.layer = nn.ModuleList(Layer(config) for _ in range(config.num_hidden_layers))
        self.post_init()

    def get_output_embeddings(self):
        return None

    def forward(self, input_ids, token_type_ids):
        parts = self.embeddings
        x = parts.LayerNorm(parts.word_embeddings(input_ids[0]) + parts.token_type_embeddings(token_type_ids[0]))
        for layer in self.encoder.layer:
            x = layer(x)
        return BaseModelOutput(last_hidden_state=x[None])
