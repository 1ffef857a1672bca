"""The tiny decoders with experts of `family_models.MODELS`: config.json and tensors as published, under each family's names.

As `decoder_models.DECODERS`; experts have the widths of the other layers, so that few kernels are compiled.
"""

import torch
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
GPT_OSS = BASE | {
    "architectures": ["GptOssForCausalLM"], "model_type": "gpt_oss", "hidden_act": "silu", "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0, "attention_bias": True, "head_dim": 16, "intermediate_size": 32, "num_local_experts": 6,
    "num_experts_per_tok": 2, "experts_per_token": 2, "sliding_window": 8, "swiglu_limit": 7.0,
    "layer_types": ["sliding_attention", "full_attention"], "output_router_logits": False,
    "router_aux_loss_coef": 0.9, "initial_context_length": 32,
    "rope_scaling": {
        "rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32, "beta_fast": 32.0,
        "beta_slow": 1.0, "truncate": False,
    },
}
# The values of 4 bits: signs, exponents of two bits, one bit.
FOUR_BITS = torch.tensor([0, 0.5, 1, 1.5, 2, 3, 4, 6])


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


def four_bits(values):
    """Values (…, 32) and scale exponents: the nearest that blocks of MXFP4 hold (OCP Microscaling Formats, 2023)."""
    scale = torch.floor(torch.log2(values.abs().amax(-1, keepdim=True).clamp(min=2.0**-100))) - 2
    quants = (values.abs() / 2**scale).unsqueeze(-1).sub(FOUR_BITS).abs().argmin(-1)
    return quants + 8 * (values < 0), scale


def on_four_bits(values):
    """Expert matrices (experts, columns, rows) with rows of blocks of MXFP4."""
    blocks = values.transpose(1, 2).reshape(len(values), values.shape[2], -1, 32)
    quants, scale = four_bits(blocks)
    exact = FOUR_BITS[quants % 8] * torch.where(quants < 8, 1.0, -1.0) * 2**scale
    return exact.reshape(len(values), values.shape[2], -1).transpose(1, 2)


def blocks_and_scales(tensors, _):
    """Experts' matrices as OpenAI published them: blocks of 16 bytes, elements 2i and 2i + 1 in byte i, and scales."""
    result = {}
    for name, tensor in tensors.items():
        if not name.endswith(("gate_up_proj", "down_proj")):
            result[name] = tensor
            continue
        blocks = tensor.float().transpose(1, 2).reshape(len(tensor), tensor.shape[2], -1, 32)
        quants, scale = four_bits(blocks)
        result[f"{name}_blocks"] = (quants[..., ::2] | quants[..., 1::2] << 4).to(torch.uint8)
        result[f"{name}_scales"] = (scale.squeeze(-1) + 127).to(torch.uint8)
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
    ("gpt-oss", "GptOssForCausalLM", GPT_OSS, {}),
    ("gpt-oss-mxfp4", "GptOssForCausalLM", GPT_OSS | {
        "quantization_config": {
            "quant_method": "mxfp4", "modules_to_not_convert": [
                "model.layers.*.self_attn", "model.layers.*.mlp.router", "model.embed_tokens", "lm_head",
            ],
        },
    }, {"rename": blocks_and_scales, "stand_in": GPT_OSS}),
]
