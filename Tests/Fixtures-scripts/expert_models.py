"""The tiny decoders with experts of `family_models.MODELS`: config.json and tensors as published, under each family's names.

As `decoder_models.DECODERS`; experts have the widths of the other layers, so that few kernels are compiled.
"""

from decoder_models import BASE, GROUPED

SILU = {"hidden_act": "silu", "attention_bias": False, "rope_scaling": None}
QWEN2_MOE = BASE | SILU | {
    "architectures": ["Qwen2MoeForCausalLM"], "model_type": "qwen2_moe", "rms_norm_eps": 1e-6, "rope_theta": 1000000.0,
    "use_sliding_window": False, "sliding_window": None, "max_window_layers": 2, "decoder_sparse_step": 1,
    "moe_intermediate_size": 32, "shared_expert_intermediate_size": 64, "num_experts": 6, "num_experts_per_tok": 2,
    "norm_topk_prob": False, "mlp_only_layers": [],
}
QWEN3_MOE = QWEN2_MOE | {
    "architectures": ["Qwen3MoeForCausalLM"], "model_type": "qwen3_moe", "head_dim": 16, "num_attention_heads": 4,
    "num_key_value_heads": 2, "norm_topk_prob": True,
}
del QWEN3_MOE["shared_expert_intermediate_size"]
GRANITE_MOE = BASE | SILU | {
    "architectures": ["GraniteMoeForCausalLM"], "model_type": "granitemoe", "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
    "intermediate_size": 32, "num_local_experts": 6, "num_experts_per_tok": 2, "attention_multiplier": 0.3,
    "embedding_multiplier": 3.0, "residual_multiplier": 0.6, "logits_scaling": 2.0,
}
DEEPSEEK = BASE | {
    "hidden_act": "silu", "attention_bias": False, "rms_norm_eps": 1e-6, "rope_theta": 10000.0,
    "num_key_value_heads": 2, "kv_lora_rank": 32, "qk_nope_head_dim": 16, "qk_rope_head_dim": 8, "v_head_dim": 16,
    "first_k_dense_replace": 1, "moe_layer_freq": 1, "moe_intermediate_size": 32, "num_experts_per_tok": 2,
    "rope_scaling": {
        "type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32, "mscale": 0.707, "mscale_all_dim": 0.707,
        "beta_fast": 32, "beta_slow": 1,
    },
}


def experts_apart(tensors, _):
    """Each expert's matrices as tensors of their own."""
    result = {}
    for name, tensor in tensors.items():
        prefix, _, leaf = name.rpartition(".experts.")
        if leaf == "gate_up_proj":
            for expert, fused in enumerate(tensor):
                for part, rows in zip(("gate_proj", "up_proj"), fused.chunk(2)):
                    result[f"{prefix}.experts.{expert}.{part}.weight"] = rows
        elif leaf == "down_proj":
            for expert, rows in enumerate(tensor):
                result[f"{prefix}.experts.{expert}.down_proj.weight"] = rows
        else:
            result[name] = tensor
    return result


def granite_names(tensors, _):
    names = {
        "experts.gate_up_proj": "input_linear.weight", "experts.down_proj": "output_linear.weight",
        "router.weight": "router.layer.weight",
    }
    result = {}
    for name, tensor in tensors.items():
        for old, new in names.items():
            name = name.replace(f"block_sparse_moe.{old}", f"block_sparse_moe.{new}")
        result[name] = tensor
    return result


# (name, class in transformers, config.json, other members of `Model`)
EXPERTS = [
    ("qwen3-moe", "Qwen3MoeForCausalLM", QWEN3_MOE, {"rename": experts_apart}),
    # A layer without experts, and weights that are not normalized.
    ("qwen3-moe-mixed", "Qwen3MoeForCausalLM", QWEN3_MOE | {
        "mlp_only_layers": [0], "norm_topk_prob": False,
    }, {"rename": experts_apart, "gguf": False}),
    ("qwen2-moe", "Qwen2MoeForCausalLM", QWEN2_MOE, {"rename": experts_apart}),
    ("olmoe", "OlmoeForCausalLM", GROUPED | SILU | {
        "architectures": ["OlmoeForCausalLM"], "model_type": "olmoe", "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
        "intermediate_size": 32, "num_experts": 6, "num_experts_per_tok": 2, "norm_topk_prob": False, "clip_qkv": None,
    }, {"rename": experts_apart}),
    ("granite-moe", "GraniteMoeForCausalLM", GRANITE_MOE, {"rename": granite_names}),
    ("granite-moe-shared", "GraniteMoeSharedForCausalLM", GRANITE_MOE | {
        "architectures": ["GraniteMoeSharedForCausalLM"], "model_type": "granitemoeshared",
        "shared_intermediate_size": 64,
    }, {"rename": granite_names}),
    ("deepseek-v2", "DeepseekV2ForCausalLM", DEEPSEEK | {
        "architectures": ["DeepseekV2ForCausalLM"], "model_type": "deepseek_v2", "q_lora_rank": None,
        "n_routed_experts": 6, "n_shared_experts": 2, "n_group": 3, "topk_group": 2, "routed_scaling_factor": 1.5,
        "topk_method": "group_limited_greedy", "scoring_func": "softmax", "norm_topk_prob": False,
    }, {"rename": experts_apart}),
    ("deepseek-v3", "DeepseekV3ForCausalLM", DEEPSEEK | {
        "architectures": ["DeepseekV3ForCausalLM"], "model_type": "deepseek_v3", "q_lora_rank": 32,
        "n_routed_experts": 8, "n_shared_experts": 1, "n_group": 4, "topk_group": 2, "routed_scaling_factor": 2.5,
        "topk_method": "noaux_tc", "scoring_func": "sigmoid", "norm_topk_prob": True,
    }, {"rename": experts_apart}),
]
