"""The tiny dense decoders of `family_models.MODELS`: config.json as published, under the names of each family.

Hidden size 32 and heads of 16 or 8 throughout, so that few kernels are compiled. Weights lie on a grid that F32, BF16 and
Q8_0 all hold exactly (`family_models.on_grid`), so that one reference is for the folder and both GGUF files.

InternLM2, EXAONE and Baichuan are no part of transformers: `stand_in` is the Llama (or that of `baichuan.py`) that
computes the same, and `rename` gives its tensors the published names.
"""

import torch

BASE = {
    "vocab_size": 96, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
    "num_key_value_heads": 1, "max_position_embeddings": 128, "bos_token_id": 1, "eos_token_id": 2,
    "tie_word_embeddings": False, "torch_dtype": "float32",
}
GROUPED = BASE | {"num_attention_heads": 4, "num_key_value_heads": 2}  # heads of 8


def llama(**changes):
    return BASE | {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0, "attention_bias": False, "mlp_bias": False,
    } | changes


def small_llama(**changes):
    """One layer: enough to see how heads are turned."""
    return llama(num_hidden_layers=1, intermediate_size=32, vocab_size=64, **changes)


def internlm2_names(tensors, config):
    """`wqkv` has groups of query heads, each with its key and value head behind it."""
    size, heads, kv_heads = config["hidden_size"], config["num_attention_heads"], config["num_key_value_heads"]
    head, result = size // heads, {}
    names = {
        "embed_tokens": "tok_embeddings", "self_attn.o_proj": "attention.wo", "mlp.gate_proj": "feed_forward.w1",
        "mlp.up_proj": "feed_forward.w3", "mlp.down_proj": "feed_forward.w2", "input_layernorm": "attention_norm",
        "post_attention_layernorm": "ffn_norm", "lm_head": "output",
    }
    for name, tensor in tensors.items():
        if "k_proj" in name or "v_proj" in name:
            continue
        if "q_proj" in name:
            groups = [
                tensors[name.replace("q_proj", f"{part}_proj")].reshape(kv_heads, -1, size) for part in ("q", "k", "v")
            ]
            result[name.replace("self_attn.q_proj", "attention.wqkv")] = torch.cat(groups, 1).reshape(-1, size)
            assert groups[1].shape[1] == head
            continue
        for old, new in names.items():
            name = name.replace(old, new)
        result[name] = tensor
    return result


def exaone_names(tensors, _):
    names = {
        "model.embed_tokens": "transformer.wte", "model.layers": "transformer.h", "model.norm": "transformer.ln_f",
        "input_layernorm": "ln_1", "post_attention_layernorm": "ln_2", "self_attn.o_proj": "attn.attention.out_proj",
        "self_attn": "attn.attention", "mlp.gate_proj": "mlp.c_fc_0", "mlp.up_proj": "mlp.c_fc_1",
        "mlp.down_proj": "mlp.c_proj",
    }
    result = {}
    for name, tensor in tensors.items():
        for old, new in names.items():
            name = name.replace(old, new)
        result[name] = tensor
    return result


def baichuan_names(tensors, _):
    result = {}
    for name, tensor in tensors.items():
        if "q_proj" in name:
            parts = [tensors[name.replace("q_proj", f"{part}_proj")] for part in ("q", "k", "v")]
            result[name.replace("q_proj", "W_pack")] = torch.cat(parts)
        elif "k_proj" not in name and "v_proj" not in name:
            result[name] = tensor
    return result


def neox_names(tensors, _):
    return {name.replace("lm_head.", "embed_out."): tensor for name, tensor in tensors.items()}


PHI3 = BASE | {
    "architectures": ["Phi3ForCausalLM"], "model_type": "phi3", "hidden_act": "silu", "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0, "original_max_position_embeddings": 128, "attention_bias": False, "pad_token_id": 0,
}
NEOX = BASE | {
    "architectures": ["GPTNeoXForCausalLM"], "model_type": "gpt_neox", "hidden_act": "gelu", "layer_norm_eps": 1e-5,
    "rotary_pct": 0.25, "rotary_emb_base": 10000, "use_parallel_residual": True, "attention_bias": True,
}
del NEOX["num_key_value_heads"]
STABLELM = BASE | {
    "architectures": ["StableLmForCausalLM"], "model_type": "stablelm", "hidden_act": "silu", "layer_norm_eps": 1e-5,
    "partial_rotary_factor": 0.25, "rope_theta": 10000, "use_qkv_bias": True, "qk_layernorm": False,
    "use_parallel_residual": False,
}
COHERE = BASE | {
    "architectures": ["CohereForCausalLM"], "model_type": "cohere", "hidden_act": "silu", "layer_norm_eps": 1e-5,
    "rope_theta": 10000.0, "logit_scale": 0.75, "use_qk_norm": False, "attention_bias": False,
    "tie_word_embeddings": True,
}
FALCON = {
    "architectures": ["FalconForCausalLM"], "model_type": "falcon", "vocab_size": 96, "hidden_size": 32,
    "num_hidden_layers": 2, "num_attention_heads": 4, "layer_norm_epsilon": 1e-5, "alibi": False, "bias": False,
    "multi_query": True, "parallel_attn": True, "new_decoder_architecture": False, "bos_token_id": 11,
    "eos_token_id": 11, "torch_dtype": "float32",
}
GPTJ = {
    "architectures": ["GPTJForCausalLM"], "model_type": "gptj", "activation_function": "gelu_new", "vocab_size": 96,
    "n_positions": 128, "n_embd": 32, "n_layer": 2, "n_head": 2, "n_inner": None, "rotary_dim": 8,
    "layer_norm_epsilon": 1e-5, "tie_word_embeddings": False, "bos_token_id": 95, "eos_token_id": 95,
    "torch_dtype": "float32",
}

# (name, class in transformers, config.json, other members of `Model`)
DECODERS = [
    ("llama-biases", "LlamaForCausalLM", llama(attention_bias=True, mlp_bias=True), {}),
    ("llama-linear", "LlamaForCausalLM", small_llama(rope_scaling={"type": "linear", "factor": 4.0}), {}),
    ("llama3", "LlamaForCausalLM", small_llama(rope_scaling={
        "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 32,
    }), {}),
    ("llama-yarn", "LlamaForCausalLM", small_llama(rope_scaling={
        "rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32,
    }), {}),
    ("llama-dynamic", "LlamaForCausalLM", small_llama(rope_scaling={"rope_type": "dynamic", "factor": 2.0}), {}),
    ("llama-longrope", "LlamaForCausalLM", small_llama(rope_scaling={
        "rope_type": "longrope", "factor": 4.0, "original_max_position_embeddings": 32,
        "short_factor": [1.0, 1.1, 1.2, 1.4, 1.6, 1.8, 2.0, 2.1], "long_factor": [1.0, 1.3, 2.0, 2.5, 3.0, 4.0, 4.5, 5.0],
    }), {"gguf": False}),
    ("mistral", "MistralForCausalLM", llama(
        architectures=["MistralForCausalLM"], model_type="mistral", head_dim=16, sliding_window=24), {"gguf": False}),
    ("ministral", "MinistralForCausalLM", llama(
        architectures=["MinistralForCausalLM"], model_type="ministral", head_dim=16, sliding_window=24,
        layer_types=["full_attention", "sliding_attention"]), {"gguf": False}),
    ("qwen3", "Qwen3ForCausalLM", BASE | {
        "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "hidden_act": "silu", "rms_norm_eps": 1e-6,
        "head_dim": 16, "num_attention_heads": 4, "num_key_value_heads": 2, "rope_theta": 1000000,
        "attention_bias": False, "use_sliding_window": False, "sliding_window": None, "max_window_layers": 2,
    }, {}),
    ("gemma", "GemmaForCausalLM", BASE | {
        "architectures": ["GemmaForCausalLM"], "model_type": "gemma", "hidden_act": "gelu_pytorch_tanh",
        "hidden_activation": None, "rms_norm_eps": 1e-6, "head_dim": 16, "rope_theta": 10000.0,
        "attention_bias": False, "tie_word_embeddings": True,
    }, {}),
    ("gemma2", "Gemma2ForCausalLM", BASE | {
        "architectures": ["Gemma2ForCausalLM"], "model_type": "gemma2", "hidden_act": "gelu_pytorch_tanh",
        "hidden_activation": "gelu_pytorch_tanh", "rms_norm_eps": 1e-6, "head_dim": 16, "rope_theta": 10000.0,
        "attention_bias": False, "query_pre_attn_scalar": 16, "sliding_window": 16, "attn_logit_softcapping": 3.0,
        "final_logit_softcapping": 5.0, "tie_word_embeddings": True,
    }, {}),
    ("phi3", "Phi3ForCausalLM", PHI3 | {"sliding_window": 24, "rope_scaling": None}, {}),
    # Phi-4-mini: factors by length, and three quarters of a head that turn.
    ("phi4", "Phi3ForCausalLM", PHI3 | {
        "original_max_position_embeddings": 32, "sliding_window": None, "partial_rotary_factor": 0.75,
        "tie_word_embeddings": True, "rope_scaling": {
            "type": "longrope", "short_factor": [1.0, 1.1, 1.2, 1.4, 1.6, 1.8],
            "long_factor": [1.0, 1.3, 2.0, 2.5, 3.0, 4.0],
        },
    }, {}),
    ("phi2", "PhiForCausalLM", BASE | {
        "architectures": ["PhiForCausalLM"], "model_type": "phi", "hidden_act": "gelu_new", "layer_norm_eps": 1e-5,
        "partial_rotary_factor": 0.5, "qk_layernorm": False, "rope_theta": 10000.0, "num_key_value_heads": 2,
        "intermediate_size": 128,
    }, {}),
    ("smollm3", "SmolLM3ForCausalLM", BASE | {
        "architectures": ["SmolLM3ForCausalLM"], "model_type": "smollm3", "hidden_act": "silu", "rms_norm_eps": 1e-6,
        "num_hidden_layers": 4, "intermediate_size": 32, "no_rope_layers": [1, 1, 1, 0], "no_rope_layer_interval": 4,
        "rope_theta": 5000000.0, "attention_bias": False, "mlp_bias": False, "use_sliding_window": False,
        "sliding_window": None, "layer_types": ["full_attention"] * 4, "tie_word_embeddings": True, "pad_token_id": 0,
    }, {}),
    ("olmo2", "Olmo2ForCausalLM", GROUPED | {
        "architectures": ["Olmo2ForCausalLM"], "model_type": "olmo2", "hidden_act": "silu", "rms_norm_eps": 1e-6,
        "rope_theta": 500000, "attention_bias": False,
    }, {}),
    ("granite", "GraniteForCausalLM", BASE | {
        "architectures": ["GraniteForCausalLM"], "model_type": "granite", "hidden_act": "silu", "rms_norm_eps": 1e-5,
        "rope_theta": 10000000.0, "attention_bias": False, "mlp_bias": False, "attention_multiplier": 0.3,
        "embedding_multiplier": 3.0, "residual_multiplier": 0.6, "logits_scaling": 2.0, "rope_scaling": None,
    }, {}),
    ("gpt-neox", "GPTNeoXForCausalLM", NEOX, {"rename": neox_names}),
    ("gpt-neox-sequential", "GPTNeoXForCausalLM", NEOX | {"use_parallel_residual": False}, {"rename": neox_names}),
    ("stablelm", "StableLmForCausalLM", STABLELM, {}),
    ("stablelm-2-12b", "StableLmForCausalLM", STABLELM | {
        "num_attention_heads": 4, "num_key_value_heads": 2, "use_qkv_bias": False, "qk_layernorm": True,
        "use_parallel_residual": True,
    }, {"gguf": False}),  # the converter loses norms of heads
    ("starcoder2", "Starcoder2ForCausalLM", BASE | {
        "architectures": ["Starcoder2ForCausalLM"], "model_type": "starcoder2", "hidden_act": "gelu_pytorch_tanh",
        "mlp_type": "default", "norm_type": "layer_norm", "norm_epsilon": 1e-5, "rope_theta": 999999.4420358813,
        "sliding_window": None, "use_bias": True, "tie_word_embeddings": True,
    }, {}),
    ("command-r", "CohereForCausalLM", COHERE, {}),
    ("command-r-plus", "CohereForCausalLM", COHERE | {
        "num_attention_heads": 4, "num_key_value_heads": 2, "use_qk_norm": True,
    }, {}),
    ("command-r7b", "Cohere2ForCausalLM", BASE | {
        "architectures": ["Cohere2ForCausalLM"], "model_type": "cohere2", "hidden_act": "silu", "layer_norm_eps": 1e-5,
        "rope_theta": 50000, "logit_scale": 0.75, "attention_bias": False, "head_dim": 16, "sliding_window": 16,
        "sliding_window_pattern": 4, "num_hidden_layers": 4, "intermediate_size": 32, "rotary_pct": 1.0,
        "layer_types": ["sliding_attention"] * 3 + ["full_attention"], "tie_word_embeddings": True,
    }, {}),
    ("gptj", "GPTJForCausalLM", GPTJ, {"gguf": False}),
    ("codegen", "CodeGenForCausalLM", GPTJ | {
        "architectures": ["CodeGenForCausalLM"], "model_type": "codegen", "n_ctx": 128, "n_head": 4, "rotary_dim": 4,
        "n_inner": 64,
    }, {"gguf": False}),
    ("opt", "OPTForCausalLM", {
        "architectures": ["OPTForCausalLM"], "model_type": "opt", "activation_function": "relu", "vocab_size": 96,
        "hidden_size": 32, "ffn_dim": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "word_embed_proj_dim": 32,
        "max_position_embeddings": 126, "do_layer_norm_before": True, "enable_bias": True,
        "layer_norm_elementwise_affine": True, "_remove_final_layer_norm": False, "bos_token_id": 2,
        "eos_token_id": 2, "pad_token_id": 1, "torch_dtype": "float32",
    }, {"gguf": False}),
    ("opt-350m", "OPTForCausalLM", {
        "architectures": ["OPTForCausalLM"], "model_type": "opt", "activation_function": "relu", "vocab_size": 96,
        "hidden_size": 32, "ffn_dim": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "word_embed_proj_dim": 64,
        "max_position_embeddings": 126, "do_layer_norm_before": False, "enable_bias": True,
        "layer_norm_elementwise_affine": True, "_remove_final_layer_norm": False, "bos_token_id": 2,
        "eos_token_id": 2, "pad_token_id": 1, "torch_dtype": "float32",
    }, {"gguf": False}),
    ("falcon", "FalconForCausalLM", FALCON, {}),
    ("falcon-40b", "FalconForCausalLM", FALCON | {
        "multi_query": False, "new_decoder_architecture": True, "num_kv_heads": 2,
    }, {}),
    ("falcon-rw", "FalconForCausalLM", FALCON | {
        "alibi": True, "bias": True, "multi_query": False, "parallel_attn": False,
    }, {"gguf": False, "attention": "sdpa"}),  # the other way adds ALiBi twice
    ("bloom", "BloomForCausalLM", {
        "architectures": ["BloomForCausalLM"], "model_type": "bloom", "vocab_size": 96, "hidden_size": 32,
        "n_layer": 2, "n_head": 4, "layer_norm_epsilon": 1e-5, "seq_length": 128, "bos_token_id": 1,
        "eos_token_id": 2, "apply_residual_connection_post_layernorm": False, "torch_dtype": "float32",
    }, {}),
    ("mpt", "MptForCausalLM", {
        "architectures": ["MPTForCausalLM"], "model_type": "mpt", "vocab_size": 96, "d_model": 32, "n_heads": 4,
        "n_layers": 2, "expansion_ratio": 4, "max_seq_len": 128, "no_bias": True, "learned_pos_emb": True,
        "logit_scale": None, "norm_type": "low_precision_layernorm", "torch_dtype": "float32",
        "attn_config": {
            "alibi": True, "alibi_bias_max": 8, "attn_type": "multihead_attention", "clip_qkv": None, "prefix_lm": False,
            "qk_ln": False, "softmax_scale": None, "attn_uses_sequence_id": False,
        },
    }, {}),
    ("internlm2", "LlamaForCausalLM", GROUPED | {
        "architectures": ["InternLM2ForCausalLM"], "model_type": "internlm2", "hidden_act": "silu",
        "rms_norm_eps": 1e-5, "rope_theta": 1000000, "rope_scaling": {"type": "dynamic", "factor": 2.0}, "bias": False,
    }, {"rename": internlm2_names, "stand_in": GROUPED | {
        "hidden_act": "silu", "rms_norm_eps": 1e-5, "rope_theta": 1000000, "attention_bias": False,
    }}),
    ("exaone", "LlamaForCausalLM", {
        "architectures": ["ExaoneForCausalLM"], "model_type": "exaone", "activation_function": "silu",
        "vocab_size": 96, "hidden_size": 32, "intermediate_size": 64, "num_layers": 2, "num_attention_heads": 2,
        "num_key_value_heads": 1, "head_dim": 16, "max_position_embeddings": 128, "layer_norm_epsilon": 1e-5,
        "rope_theta": 1000000.0, "tie_word_embeddings": True, "bos_token_id": 1, "eos_token_id": 2,
        "torch_dtype": "float32", "rope_scaling": {
            "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 32,
        },
    }, {"rename": exaone_names, "stand_in": BASE | {
        "hidden_act": "silu", "rms_norm_eps": 1e-5, "rope_theta": 1000000.0, "attention_bias": False,
        "tie_word_embeddings": True, "rope_scaling": {
            "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 32,
        },
    }}),
    ("exaone4", "Exaone4ForCausalLM", BASE | {
        "architectures": ["Exaone4ForCausalLM"], "model_type": "exaone4", "hidden_act": "silu", "rms_norm_eps": 1e-5,
        "num_hidden_layers": 4, "intermediate_size": 32, "head_dim": 16, "rope_theta": 1000000.0,
        "sliding_window": 16, "sliding_window_pattern": "LLLG",
        "layer_types": ["sliding_attention"] * 3 + ["full_attention"],
    }, {}),
    ("glm4", "Glm4ForCausalLM", BASE | {
        "architectures": ["Glm4ForCausalLM"], "model_type": "glm4", "hidden_act": "silu", "rms_norm_eps": 1e-5,
        "head_dim": 16, "partial_rotary_factor": 0.5, "rope_theta": 10000.0, "attention_bias": True, "pad_token_id": 0,
    }, {}),
    ("glm", "GlmForCausalLM", BASE | {
        "architectures": ["GlmForCausalLM"], "model_type": "glm", "hidden_act": "silu", "rms_norm_eps": 1e-5,
        "head_dim": 16, "partial_rotary_factor": 0.5, "rope_theta": 10000.0, "attention_bias": True, "pad_token_id": 0,
        "intermediate_size": 32,
    }, {"gguf": False}),
    ("nemotron", "NemotronForCausalLM", BASE | {
        "architectures": ["NemotronForCausalLM"], "model_type": "nemotron", "hidden_act": "relu2", "norm_eps": 1e-5,
        "head_dim": 16, "partial_rotary_factor": 0.5, "rope_theta": 10000, "attention_bias": False, "mlp_bias": False,
    }, {}),
    ("baichuan", "LlamaForCausalLM", {
        "architectures": ["BaichuanForCausalLM"], "model_type": "baichuan", "hidden_act": "silu", "vocab_size": 96,
        "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
        "max_position_embeddings": 128, "model_max_length": 128, "rms_norm_eps": 1e-6, "bos_token_id": 1,
        "eos_token_id": 2, "tie_word_embeddings": False, "torch_dtype": "float32",
    }, {"gguf": False, "rename": baichuan_names, "stand_in": BASE | {
        "num_key_value_heads": 2, "hidden_act": "silu", "rms_norm_eps": 1e-6, "attention_bias": False,
    }}),
    # Of 13B: ALiBi; of the second version: an output that is normalized as it is read.
    ("baichuan2-13b", "Baichuan2", {
        "architectures": ["BaichuanForCausalLM"], "model_type": "baichuan", "hidden_act": "silu", "vocab_size": 96,
        "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
        "model_max_length": 128, "rms_norm_eps": 1e-6, "bos_token_id": 1, "eos_token_id": 2, "z_loss_weight": 0,
        "tie_word_embeddings": False, "torch_dtype": "float32",
    }, {"gguf": False, "rename": baichuan_names, "stand_in": BASE | {
        "num_attention_heads": 4, "num_key_value_heads": 4, "hidden_act": "silu", "rms_norm_eps": 1e-6,
        "attention_bias": False,
    }}),
    # Shorter than the context at which queries get a factor.
    ("ministral3", "Ministral3ForCausalLM", BASE | {
        "architectures": ["Ministral3ForCausalLM"], "model_type": "ministral3", "hidden_act": "silu",
        "rms_norm_eps": 1e-5, "head_dim": 16, "sliding_window": None, "rope_parameters": {
            "type": "yarn", "rope_type": "yarn", "rope_theta": 1000000.0, "factor": 2.0,
            "original_max_position_embeddings": 64, "max_position_embeddings": 128, "beta_fast": 32.0,
            "beta_slow": 1.0, "mscale": 1.0, "mscale_all_dim": 1.0, "llama_4_scaling_beta": 0.1,
        },
    }, {}),
]
