"""The tiny encoders of make_family_fixtures.py; those with a head are classifiers, of texts or of tokens."""

SIZES = {
    "vocab_size": 100, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
    "max_position_embeddings": 64, "hidden_act": "gelu", "layer_norm_eps": 1e-12, "torch_dtype": "float32",
}
BERT = SIZES | {"model_type": "bert", "type_vocab_size": 2, "pad_token_id": 0, "position_embedding_type": "absolute"}
ROBERTA = SIZES | {
    "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2, "max_position_embeddings": 66, "layer_norm_eps": 1e-5,
    "position_embedding_type": "absolute",
}


def labels(*names):
    return {
        "id2label": {str(number): name for number, name in enumerate(names)},
        "label2id": {name: number for number, name in enumerate(names)},
    }


def entry(name, class_name, config, **more):
    return {"name": name, "class_name": class_name, "config": {"architectures": [class_name]} | config} | more


ENCODERS = [
    # A cross-encoder: one score for two texts.
    entry("bert-pairs", "BertForSequenceClassification", BERT | labels("relevance"), gguf=False),
    entry("bert-tokens", "BertForTokenClassification", BERT | labels("O", "B-PER", "I-PER"), gguf=False),
    entry("roberta", "RobertaModel", ROBERTA | {"model_type": "roberta", "type_vocab_size": 1}),
    entry(
        "xlm-roberta", "XLMRobertaForSequenceClassification",
        ROBERTA | {"model_type": "xlm-roberta", "type_vocab_size": 1} | labels("relevance"),
    ),
    entry(
        "distilbert", "DistilBertForSequenceClassification",
        {
            "model_type": "distilbert", "vocab_size": 100, "dim": 32, "hidden_dim": 64, "n_layers": 2, "n_heads": 2,
            "max_position_embeddings": 64, "activation": "gelu", "pad_token_id": 0, "sinusoidal_pos_embds": False,
            "torch_dtype": "float32",
        } | labels("NEGATIVE", "POSITIVE"),
    ),
    entry(
        "mpnet", "MPNetForSequenceClassification",
        ROBERTA | {"model_type": "mpnet", "relative_attention_num_buckets": 32} | labels("no", "maybe", "yes"),
        gguf=False,
    ),
    # Windows of 8 keys on each side, in the layers 1 and 2 of 4.
    entry(
        "modernbert", "ModernBertForSequenceClassification",
        {
            "model_type": "modernbert", "vocab_size": 100, "hidden_size": 32, "intermediate_size": 64,
            "num_hidden_layers": 4, "num_attention_heads": 2, "max_position_embeddings": 64,
            "hidden_activation": "gelu", "norm_eps": 1e-5, "layer_norm_eps": 1e-5, "norm_bias": False,
            "attention_bias": False, "mlp_bias": False, "local_attention": 16, "global_attn_every_n_layers": 3,
            "global_rope_theta": 160000.0, "local_rope_theta": 10000.0, "classifier_pooling": "mean",
            "classifier_bias": False, "classifier_activation": "gelu", "position_embedding_type": "absolute",
            "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "cls_token_id": 1, "sep_token_id": 2,
            "tie_word_embeddings": True, "torch_dtype": "float32",
        } | labels("entailment", "neutral", "contradiction"),
    ),
    entry(
        "electra", "ElectraForSequenceClassification",
        BERT | {"model_type": "electra", "embedding_size": 16} | labels("no", "yes"), gguf=False,
    ),
    # Four layers in two groups.
    entry(
        "albert", "AlbertForSequenceClassification",
        BERT | {
            "model_type": "albert", "embedding_size": 16, "num_hidden_layers": 4, "num_hidden_groups": 2,
            "inner_group_num": 1, "hidden_act": "gelu_new",
        } | labels("no", "yes"), gguf=False,
    ),
    # As it was published, with the names of transformers in the configuration besides.
    entry(
        "nomic-bert", "NomicBertModel",
        SIZES | {
            "model_type": "nomic_bert", "hidden_act": "silu", "type_vocab_size": 2, "pad_token_id": 0,
            "max_position_embeddings": 2048, "rope_parameters": {"rope_theta": 1000.0, "rope_type": "default"},
            "n_embd": 32, "n_head": 2, "n_layer": 2, "n_inner": 64, "n_positions": 8192,
            "activation_function": "swiglu", "layer_norm_epsilon": 1e-12, "rotary_emb_base": 1000,
            "rotary_emb_fraction": 1.0, "rotary_emb_interleaved": False, "rotary_emb_scale_base": None,
            "rotary_scaling_factor": None, "qkv_proj_bias": False, "mlp_fc1_bias": False, "mlp_fc2_bias": False,
            "prenorm": False, "causal": False, "use_rms_norm": False, "parallel_block": False,
            "max_trained_positions": 2048,
        },
    ),
    entry(
        "nomic-bert-new", "NomicBertModel",
        SIZES | {
            "model_type": "nomic_bert", "hidden_act": "silu", "type_vocab_size": 2, "pad_token_id": 0,
            "rope_parameters": {"rope_theta": 1000.0, "rope_type": "default"},
        }, gguf=False,
    ),
    # Three heads: the third one's slope is of the finer sequence.
    entry(
        "jina-bert", "JinaBertModel",
        BERT | {
            "model_type": "bert", "position_embedding_type": "alibi", "feed_forward_type": "geglu",
            "num_attention_heads": 3, "hidden_size": 48, "layer_norm_eps": 1e-12,
        },
    ),
]

NOMIC_NAMES = [
    ("embeddings.LayerNorm", "emb_ln"), ("layers.", "encoder.layers."), ("self_attn.o_proj", "attn.out_proj"),
    ("mlp.up_proj", "mlp.fc11"), ("mlp.gate_proj", "mlp.fc12"), ("mlp.down_proj", "mlp.fc2"),
    ("post_attention_layernorm", "norm1"), ("post_mlp_layernorm", "norm2"),
]


def published_nomic(tensors):
    """NomicBERT's tensors as they were first published: queries, keys and values in one."""
    import torch

    result = {}
    for name, tensor in tensors.items():
        for new, old in NOMIC_NAMES:
            name = name.replace(new, old)
        if "self_attn.q_proj" in name:
            parts = [tensors[f"{name.removeprefix('encoder.')}".replace("q_proj", part)]
                     for part in ("q_proj", "k_proj", "v_proj")]
            result[name.replace("self_attn.q_proj", "attn.Wqkv")] = torch.cat(parts).contiguous()
        elif "self_attn." not in name:
            result[name] = tensor
    return result
