"""Writes Tests/TesseraTests/Fixtures/adapters: adapters of some of the tiny models of `families`, and what the models compute with them.

    pip install torch transformers==5.23.0 peft==0.21.2 safetensors gguf
    python Tests/Fixtures-scripts/make_adapter_fixtures.py LLAMA_CPP [NAME…]

Every folder is what PEFT saves, with matrices from a seed, and a `reference.json` in the format of the families', computed by
transformers and PEFT in float64 throughout. LLAMA_CPP is llama.cpp's source folder, whose converter makes `adapter.gguf` of some.
"""

import json
import shutil
import subprocess
import sys
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import peft
import torch
import transformers
from family_models import MODELS, load_float64
from family_references import float64_throughout, reference

FIXTURES = Path(__file__).resolve().parent.parent / "TesseraTests" / "Fixtures"
OUT = FIXTURES / "adapters"
SEEDS = 200
LLAMA = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


@dataclass
class Adapter:
    name: str
    model: str
    options: dict
    gguf: bool = False
    dtype: torch.dtype = torch.float32
    seed: int = field(default=0)


ADAPTERS = [
    Adapter("llama3-all", "llama3", {"r": 4, "lora_alpha": 8, "target_modules": LLAMA}, gguf=True),
    # Other ranks and scales of some matrices, and a root of the rank.
    Adapter("llama3-some", "llama3", {
        "r": 3, "lora_alpha": 5, "use_rslora": True, "target_modules": ["q_proj", "v_proj", "down_proj"],
        "rank_pattern": {"self_attn.v_proj": 6}, "alpha_pattern": {"down_proj": 2},
    }),
    Adapter("qwen2-tied-all", "qwen2-tied", {"r": 3, "lora_alpha": 6, "target_modules": LLAMA}, gguf=True,
            dtype=torch.bfloat16),
    Adapter("gpt2-all", "gpt2", {
        "r": 4, "lora_alpha": 8, "fan_in_fan_out": True, "target_modules": ["c_attn", "c_fc", "c_proj"],
    }),
    # Queries, keys and values are one tensor, gates and ups another.
    Adapter("phi3-all", "phi3", {
        "r": 4, "lora_alpha": 8, "target_modules": ["qkv_proj", "o_proj", "gate_up_proj", "down_proj"],
    }, gguf=True),
    Adapter("mixtral-attention", "mixtral", {"r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "v_proj"]}),
    Adapter("bert-all", "bert", {"r": 4, "lora_alpha": 8, "target_modules": ["query", "key", "value", "dense"],
                                 "exclude_modules": ["pooler.dense"]}),
    Adapter("t5-all", "t5", {"r": 4, "lora_alpha": 8, "target_modules": ["q", "k", "v", "o", "wi", "wo"]}),
]


def adapted(adapter, model, folder):
    """The model with the adapter, which is saved as float32 or narrower, in float64."""
    config = peft.LoraConfig(**adapter.options)
    instance = peft.get_peft_model(load_float64(model, FIXTURES / "families" / model.name), config,
                                   autocast_adapter_dtype=False)
    generator = torch.Generator().manual_seed(zlib.crc32(adapter.name.encode()) + adapter.seed)
    with torch.no_grad():
        for name, parameter in instance.named_parameters():
            if ".lora_" in name:
                values = torch.randn(parameter.shape, generator=generator, dtype=torch.float32)
                spread = parameter.shape[1] ** -0.5 if ".lora_A" in name else 0.3
                parameter.data = (spread * values).to(adapter.dtype)
    instance.save_pretrained(folder)
    return instance.double().eval()


def make(adapter, llama_cpp):
    model = next(model for model in MODELS if model.name == adapter.model)
    target = OUT / adapter.name
    for adapter.seed in range(SEEDS):
        shutil.rmtree(target, ignore_errors=True)
        model.seed = adapter.seed
        with torch.no_grad():
            instance = adapted(adapter, model, target)
            try:
                result = reference(model, instance.base_model.model)
            except ValueError:
                continue
        break
    else:
        sys.exit(f"error: {adapter.name}: no seed of {SEEDS} has clear margins")
    (target / "README.md").unlink(missing_ok=True)
    config = json.loads((target / "adapter_config.json").read_text())
    config["base_model_name_or_path"] = adapter.model
    config["target_modules"].sort()
    (target / "adapter_config.json").write_text(json.dumps(config, indent=2) + "\n")
    head = {
        "reference": f"transformers {transformers.__version__}, peft {peft.__version__}, torch {torch.__version__}, float64",
        "seed": adapter.seed,
    }
    (target / "reference.json").write_text(json.dumps(head | result, separators=(",", ":")) + "\n")
    if adapter.gguf:
        subprocess.run(
            [sys.executable, llama_cpp / "convert_lora_to_gguf.py", "--outtype", "f32", "--base",
             FIXTURES / "families" / adapter.model, "--outfile", target / "adapter.gguf", target],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for path in [target, *target.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    size = sum(file.stat().st_size for file in target.rglob("*"))
    print(f"{adapter.name}: seed {adapter.seed}, {size} bytes", flush=True)


def main():
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    for adapter in ADAPTERS:
        if len(sys.argv) == 2 or adapter.name in sys.argv[2:]:
            make(adapter, Path(sys.argv[1]))


if __name__ == "__main__":
    main()
