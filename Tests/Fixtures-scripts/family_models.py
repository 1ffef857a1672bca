"""The tiny random models of make_family_fixtures.py: their config.json, their weights and how the files are laid out.

Each model is built by its class in transformers, filled from a seed, and written as people publish it: `config.json`
in the hub's older style (`rope_theta`, `torch_dtype`) or, where `new_style`, as transformers 5 writes it.
"""

import importlib
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import baichuan
import jina_bert
import torch
import transformers
from decoder_models import DECODERS
from encoder_models import ENCODERS, published_nomic
from expert_models import EXPERTS, on_four_bits
from family_references import float64_throughout
from safetensors.torch import save_file
from speech_models import SPEECH
from speech_models import deviation as speech_deviation
from translation_models import TRANSLATORS, is_computed
from translation_models import deviation as translator_deviation
from translation_models import published as published_translator


@dataclass
class Model:
    name: str
    class_name: str
    config: dict
    dtype: torch.dtype = torch.float32
    shards: int = 1
    seed: int = 0
    gguf: bool = True  # whether the folder has a GGUF file, too
    on_grid: bool = False  # weights that Q8_0 holds exactly: the folder has such a file as well
    attention: str = "eager"  # of the reference
    rename: Callable | None = None  # tensors and config to tensors under their published names
    stand_in: dict | None = None  # the config of a class that computes the same, where transformers has none


GPT2 = {
    "architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "activation_function": "gelu_new",
    "vocab_size": 112, "n_ctx": 64, "n_positions": 64, "n_embd": 32, "n_head": 2, "n_layer": 2, "n_inner": None,
    "layer_norm_epsilon": 1e-5, "bos_token_id": 111, "eos_token_id": 111, "torch_dtype": "float32",
}
QWEN2 = {
    "architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "hidden_act": "silu", "attention_dropout": 0.0,
    "vocab_size": 96, "max_position_embeddings": 128, "rms_norm_eps": 1e-6, "bos_token_id": 0, "eos_token_id": 1,
    "use_sliding_window": False, "sliding_window": 128, "max_window_layers": 2, "use_cache": True,
}
MIXTRAL = {
    "architectures": ["MixtralForCausalLM"], "model_type": "mixtral", "hidden_act": "silu", "vocab_size": 96,
    "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "head_dim": 24,
    "num_key_value_heads": 1, "num_local_experts": 5, "num_experts_per_tok": 2, "max_position_embeddings": 128,
    "rms_norm_eps": 1e-5, "rope_theta": 1000000.0, "sliding_window": None, "tie_word_embeddings": False,
    "bos_token_id": 1, "eos_token_id": 2, "torch_dtype": "bfloat16",
}
T5 = {
    "architectures": ["T5ForConditionalGeneration"], "model_type": "t5", "vocab_size": 96, "d_model": 32,
    "dropout_rate": 0.1, "layer_norm_epsilon": 1e-6, "is_encoder_decoder": True, "initializer_factor": 1.0,
    "n_positions": 512, "decoder_start_token_id": 0, "pad_token_id": 0, "eos_token_id": 1,
}
BERT = {
    "architectures": ["BertModel"], "model_type": "bert", "hidden_act": "gelu", "vocab_size": 100, "hidden_size": 32,
    "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "max_position_embeddings": 64,
    "type_vocab_size": 2, "layer_norm_eps": 1e-12, "pad_token_id": 0, "position_embedding_type": "absolute",
    "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1, "torch_dtype": "float32",
}

MODELS = [
    Model("gpt2", "GPT2LMHeadModel", GPT2),
    # As the first GPT-2 lies on the hub: no prefix, half precision, and each layer's causal mask as a tensor.
    Model("gpt2-plain-names", "GPT2LMHeadModel", GPT2 | {"torch_dtype": "float16"}, torch.float16, gguf=False),
    # Widths that are no multiples of 32.
    Model("gpt2-odd-widths", "GPT2LMHeadModel", GPT2 | {"n_embd": 40, "n_inner": 72, "torch_dtype": "float16"},
          torch.float16, gguf=False),
    # Four heads of 24, one KV head; transformers 5's keys.
    Model("qwen2-tied", "Qwen2ForCausalLM", QWEN2 | {
        "hidden_size": 96, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 1, "tie_word_embeddings": True, "dtype": "bfloat16",
        "rope_parameters": {"rope_theta": 1000000.0, "rope_type": "default"},
        "layer_types": ["full_attention"] * 2,
    }, torch.bfloat16),
    Model("qwen2-untied", "Qwen2ForCausalLM", QWEN2 | {
        "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 3, "num_attention_heads": 2,
        "num_key_value_heads": 1, "tie_word_embeddings": False, "rope_theta": 10000.0, "torch_dtype": "float32",
    }, shards=2),
    Model("mixtral", "MixtralForCausalLM", MIXTRAL, torch.bfloat16),
    Model("mixtral-odd-widths", "MixtralForCausalLM", MIXTRAL | {
        "hidden_size": 48, "intermediate_size": 80, "head_dim": 12, "num_local_experts": 4,
    }, torch.bfloat16, gguf=False),
    Model("t5", "T5ForConditionalGeneration", T5 | {
        "d_kv": 16, "d_ff": 64, "num_layers": 2, "num_decoder_layers": 2, "num_heads": 2,
        "feed_forward_proj": "relu", "relative_attention_num_buckets": 8, "relative_attention_max_distance": 20,
        "tie_word_embeddings": True, "torch_dtype": "float16",
    }, torch.float16),
    # An inner width of 4 × 16 beside a hidden size of 32, and more layers in the encoder than in the decoder.
    Model("t5-gated", "T5ForConditionalGeneration", T5 | {
        "d_kv": 16, "d_ff": 64, "num_layers": 3, "num_decoder_layers": 2, "num_heads": 4,
        "feed_forward_proj": "gated-gelu", "relative_attention_num_buckets": 32,
        "relative_attention_max_distance": 128, "tie_word_embeddings": False, "torch_dtype": "bfloat16",
    }, torch.bfloat16),
    Model("bert", "BertModel", BERT),
]
MODELS += [Model(*model, on_grid=True, **more) for *model, more in DECODERS + EXPERTS]

MODELS += [Model(**entry) for entry in ENCODERS]
MODELS += [Model(**entry) for entry in TRANSLATORS]
MODELS += [Model(**entry) for entry in SPEECH]

# sentence-transformers' files, which say how the token vectors become one.
BERT_FILES = {
    "modules.json": [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
        {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
    ],
    "1_Pooling/config.json": {
        "word_embedding_dimension": 32, "pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True,
        "pooling_mode_max_tokens": False, "pooling_mode_mean_sqrt_len_tokens": False,
    },
    "sentence_bert_config.json": {"max_seq_length": 48, "do_lower_case": False},
}


def class_of(model):
    own = [getattr(module, model.class_name, None) for module in (transformers, jina_bert, baichuan)]
    return next(kind for kind in own if kind)


LESS_ONE = ("gemma", "gemma2", "nemotron")


def deviation(model, name, parameter):
    """(mean, standard deviation) of a parameter: outputs of a few units, attention and routing that decide."""
    config, leaf = model.stand_in or model.config, name.rsplit(".", 1)[-1]
    if config.get("model_type") == "whisper":
        return speech_deviation(name, parameter)
    if "encoder_ffn_dim" in config:
        return translator_deviation(name, parameter, config)
    width = config.get("hidden_size") or config.get("n_embd") or config.get("dim") or config["d_model"]
    if name == "decoder.final_layer_norm.weight" and config["tie_word_embeddings"]:
        return 10.0, 2.0  # logits are divided by √width; embeddings that made up for it would only repeat the input
    if config.get("model_type") in ("gemma", "gemma2") and name in ("model.norm.weight", "model.embed_tokens.weight"):
        return (4.0, 1.0) if name == "model.norm.weight" else (0.0, 0.1)  # embeddings are multiplied by √width
    if "norm" in name.lower() or ".ln_" in name:
        # Gemma and Nemotron store such weights less one.
        return (float(config.get("model_type") not in LESS_ONE), 0.2) if leaf == "weight" else (0.0, 0.2)
    if leaf == "bias":
        return (0.0, 0.5) if "self_attn" in name else (0.0, 0.2)
    if "relative_attention_bias" in name:
        return 0.0, 1.0
    if config.get("model_type") == "gpt_oss" and leaf == "gate_up_proj":
        return 0.0, 4.0 / width**0.5  # some are beyond the limit
    if name == "lm_head.weight":
        return 0.0, 2.0 / width**0.5
    if "embed" in name or name in ("shared.weight", "transformer.wte.weight", "transformer.wpe.weight"):
        return (0.0, 0.2) if name == "shared.weight" and config["tie_word_embeddings"] else (0.0, 2.0 / width**0.5)
    is_transposed = config.get("model_type") == "gpt2" and name.startswith("transformer.h.")
    inputs = parameter.shape[0] if is_transposed else parameter.shape[-1]
    if "d_kv" in config and name.endswith(".q.weight"):  # T5 does not divide by √headDim
        return 0.0, 1.4 / (inputs * config["d_kv"]) ** 0.5
    return 0.0, 1.4 / inputs**0.5


def build(model):
    """The model in transformers with weights from its seed, rounded to the type in which they are stored."""
    kind = class_of(model)
    instance = kind(kind.config_class.from_dict(dict(model.stand_in or model.config))).eval()
    if model.class_name.endswith("T5ForConditionalGeneration") and not model.config["tie_word_embeddings"]:
        instance.lm_head.weight = torch.nn.Parameter(instance.lm_head.weight.detach().clone())
    generator = torch.Generator().manual_seed(zlib.crc32(model.name.encode()) + model.seed)
    with torch.no_grad():
        for name, parameter in instance.named_parameters():
            if is_computed(name) and not parameter.requires_grad:
                continue
            mean, spread = deviation(model, name, parameter)
            values = mean + spread * torch.randn(parameter.shape, generator=generator)
            if values.dim() == 3 and "gpt_oss" == model.config.get("model_type"):  # stored as (columns, rows)
                values = on_four_bits(values) if model.stand_in else grid(values.transpose(1, 2)).transpose(1, 2)
            elif model.on_grid and values.dim() in (2, 3) and values.shape[1] % 32 == 0:
                values = grid(values)
            parameter.copy_(values.to(model.dtype).float())
        if hasattr(instance, "final_logits_bias"):
            bias = instance.final_logits_bias
            bias.copy_((0.2 * torch.randn(bias.shape, generator=generator)).to(model.dtype).float())
        for name, buffer in instance.named_buffers():
            if name.endswith("e_score_correction_bias"):
                buffer.copy_(0.2 * torch.randn(buffer.shape, generator=generator))
    return instance


def grid(values):
    """Blocks of 32 whole multiples, up to 127, of a power of two: Q8_0 finds the same scale and quants again."""
    blocks = values.reshape(-1, 32)
    scale = 2 ** torch.ceil(torch.log2(blocks.abs().max(dim=1, keepdim=True).values / 127))
    quants = torch.round(blocks / scale)
    largest = quants.abs().argmax(dim=1, keepdim=True)
    quants.scatter_(1, largest, 127 * torch.sign(quants.gather(1, largest)))
    return (quants * scale).reshape(values.shape)


def published(model, instance):
    """Tensors under the names that published files have."""
    config = model.stand_in or model.config
    tied = config.get("tie_word_embeddings", config.get("model_type") in ("gpt2", "opt", "falcon", "bloom", "mpt"))
    tensors = {}
    for name, tensor in instance.state_dict().items():
        tensor = tensor.to(model.dtype).contiguous()
        if name in ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight"):
            continue  # `shared.weight`
        if name == "lm_head.weight" and tied:
            continue
        if config.get("model_type") != "mixtral":
            tensors[name] = tensor
        elif ".mlp.experts.gate_up_proj" in name:
            prefix = name.replace("mlp.experts.gate_up_proj", "block_sparse_moe.experts")
            for expert, fused in enumerate(tensor):
                gate, up = fused.chunk(2)
                tensors[f"{prefix}.{expert}.w1.weight"] = gate.contiguous()
                tensors[f"{prefix}.{expert}.w3.weight"] = up.contiguous()
        elif ".mlp.experts.down_proj" in name:
            prefix = name.replace("mlp.experts.down_proj", "block_sparse_moe.experts")
            for expert, down in enumerate(tensor):
                tensors[f"{prefix}.{expert}.w2.weight"] = down.contiguous()
        else:
            tensors[name.replace("mlp.gate.weight", "block_sparse_moe.gate.weight")] = tensor
    if config.get("is_encoder_decoder") and not model.rename:
        tensors = published_translator(model, tensors)
    if model.name == "nomic-bert":
        tensors = published_nomic(tensors)
    if model.rename:
        return {name: tensor.contiguous() for name, tensor in model.rename(tensors, config).items()}
    if model.name == "gpt2-plain-names":
        tensors = {name.removeprefix("transformer."): tensor for name, tensor in tensors.items()}
        for layer in range(model.config["n_layer"]):
            tensors[f"h.{layer}.attn.bias"] = torch.ones(64, 64).tril().to(torch.uint8)[None, None]
    return tensors


def save(model, instance, folder):
    folder.mkdir(parents=True, exist_ok=True)
    files = {"config.json": model.config}
    if model.name == "bert":
        files |= BERT_FILES
    for name, value in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(value, indent=2) + "\n")
    tensors = published(model, instance)
    if model.shards == 1:
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        return
    names, index = list(tensors), {}
    for number in range(model.shards):
        file = f"model-{number + 1:05d}-of-{model.shards:05d}.safetensors"
        part = names[number * len(names) // model.shards : (number + 1) * len(names) // model.shards]
        save_file({name: tensors[name] for name in part}, folder / file, metadata={"format": "pt"})
        index |= {name: file for name in part}
    size = sum(tensor.nbytes for tensor in tensors.values())
    text = json.dumps({"metadata": {"total_size": size}, "weight_map": dict(sorted(index.items()))}, indent=2)
    (folder / "model.safetensors.index.json").write_text(text + "\n")


def load_float64(model, folder):
    """The folder as transformers reads it, in float64; every tensor must be used and none be missing."""
    kind = class_of(model)
    has_experts = {"num_local_experts", "num_experts", "n_routed_experts"} & set(model.config)
    experts = {"experts_implementation": "eager"} if has_experts else {}
    if model.stand_in:
        # transformers does not know the folder's names.
        config = kind.config_class.from_dict(dict(model.stand_in), attn_implementation="eager", **experts)
        instance = kind(config).double()
        instance.load_state_dict(build(model).double().state_dict())
        return in_float64(instance)
    instance, report = kind.from_pretrained(
        folder, dtype=torch.float64, attn_implementation=model.attention, output_loading_info=True, **experts
    )
    expected = {f"{prefix}h.{layer}.attn.bias" for layer in range(9) for prefix in ("", "transformer.")}
    for problem, names in report.items():
        if set(names) - (expected if problem == "unexpected_keys" else set()):
            raise SystemExit(f"error: {folder}: {problem}: {names}")
    return in_float64(instance)


def in_float64(instance):
    """Makes the buffers that transformers computes in float32 again."""
    with float64_throughout():
        for module in instance.modules():
            if any(name.endswith("inv_freq") for name, _ in module.named_buffers(recurse=False)):
                fresh = type(module)(module.config)
                for name, buffer in fresh.named_buffers(recurse=False):
                    setattr(module, name, buffer)
                for name in [name for name in vars(fresh) if name.endswith("attention_scaling")]:
                    setattr(module, name, getattr(fresh, name))
            elif hasattr(module, "make_weights"):
                module.make_weights(module.num_positions + module.offset, module.embedding_dim, module.padding_idx)
            elif hasattr(module, "embed_positions") and isinstance(module.embed_positions, torch.Tensor):
                config = instance.config
                make = importlib.import_module(type(module).__module__).create_sinusoidal_positions
                module.embed_positions = make(config.max_position_embeddings, config.rotary_dim)
    return instance.eval()
