"""The tiny encoder-decoders of family_models.MODELS beside T5's own: UMT5, BART and its kin.

Hidden size 32 and two heads of 16 throughout, as T5's, so that few kernels are compiled.
"""

import torch

BASE = {
    "vocab_size": 96, "d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 2,
    "decoder_attention_heads": 2, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64, "max_position_embeddings": 64,
    "is_encoder_decoder": True, "tie_word_embeddings": True, "torch_dtype": "float16", "dropout": 0.1,
}
T5_BASE = {
    "vocab_size": 96, "d_model": 32, "d_kv": 16, "d_ff": 64, "num_layers": 2, "num_decoder_layers": 2, "num_heads": 2,
    "feed_forward_proj": "gated-gelu", "layer_norm_epsilon": 1e-6, "relative_attention_num_buckets": 8,
    "relative_attention_max_distance": 128, "dropout_rate": 0.1, "is_encoder_decoder": True,
    "decoder_start_token_id": 0, "pad_token_id": 0, "eos_token_id": 1, "torch_dtype": "float16",
}
ROBERTA_TOKENS = {"bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2}


def entry(name, class_name, config, **more):
    head = {"name": name, "class_name": class_name, "dtype": torch.float16, "gguf": False}
    return head | {"config": {"architectures": [class_name]} | config} | more


TRANSLATORS = [
    entry("umt5", "UMT5ForConditionalGeneration", T5_BASE | {
        "model_type": "umt5", "scalable_attention": True, "tie_word_embeddings": True,
    }, gguf=True),
    # T5's gated form; FLAN-T5 is T5's class with such a configuration, and `t5-gated` its fixture.
    entry("mt5", "MT5ForConditionalGeneration", T5_BASE | {
        "model_type": "mt5", "num_layers": 1, "tie_word_embeddings": False, "tokenizer_class": "T5Tokenizer",
    }),
    entry("bart", "BartForConditionalGeneration", BASE | ROBERTA_TOKENS | {
        "model_type": "bart", "activation_function": "gelu", "scale_embedding": False, "decoder_start_token_id": 2,
        "forced_eos_token_id": 2, "encoder_layers": 1,
    }),
    entry("mbart", "MBartForConditionalGeneration", BASE | ROBERTA_TOKENS | {
        "model_type": "mbart", "activation_function": "gelu", "scale_embedding": True, "decoder_start_token_id": 2,
        "forced_eos_token_id": 2, "forced_bos_token_id": 93,
    }),
    entry("pegasus", "PegasusForConditionalGeneration", BASE | {
        "model_type": "pegasus", "activation_function": "relu", "scale_embedding": True, "decoder_start_token_id": 0,
        "pad_token_id": 0, "eos_token_id": 1, "forced_eos_token_id": 1, "static_position_embeddings": True,
    }),
    # Four heads of 8 in the encoder; the last token is padding, with which the target begins.
    entry("marian", "MarianMTModel", BASE | {
        "model_type": "marian", "activation_function": "swish", "scale_embedding": True, "decoder_start_token_id": 95,
        "pad_token_id": 95, "eos_token_id": 0, "forced_eos_token_id": 0, "bad_words_ids": [[95]],
        "static_position_embeddings": True, "encoder_attention_heads": 4, "share_encoder_decoder_embeddings": True,
        "decoder_vocab_size": 96,
    }),
    entry("m2m100", "M2M100ForConditionalGeneration", BASE | ROBERTA_TOKENS | {
        "model_type": "m2m_100", "activation_function": "relu", "scale_embedding": True, "decoder_start_token_id": 2,
    }),
]


def deviation(name, parameter, config):
    """(mean, standard deviation): the feed-forward blocks decide, so that an answer does not repeat its last token."""
    if name.endswith(".bias"):
        return 0.0, 0.1
    if name.endswith("shared.weight"):
        return 0.0, 0.1 if config["scale_embedding"] and config["model_type"] != "marian" else 0.25
    if name in ("model.decoder.layer_norm.weight", "model.decoder.layers.1.final_layer_norm.weight"):
        return 2.0, 0.4
    if "norm" in name:
        return 1.0, 0.2
    if "embed_positions" in name:
        return 0.0, 0.3
    return 0.0, (4.0 if "fc2" in name else 0.7 if "encoder_attn.out_proj" in name else 1.4) / parameter.shape[-1] ** 0.5


def is_computed(name):
    """Sinusoidal positions: no seed fills them."""
    return name.endswith("embed_positions.weight")


def published(model, tensors):
    """Marian's folders leave out what is computed; PEGASUS's have it."""
    names = {f"{prefix}{stack}.embed_tokens.weight" for prefix in ("", "model.") for stack in ("encoder", "decoder")}
    return {
        name: tensor for name, tensor in tensors.items()
        if name not in names and not (model.name == "marian" and is_computed(name))
    }
