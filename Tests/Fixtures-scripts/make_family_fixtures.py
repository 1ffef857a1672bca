"""Writes Tests/TesseraTests/Fixtures/families: a tiny random model of each family, and what it computes.

    pip install torch transformers==5.23.0 safetensors gguf
    python Tests/Fixtures-scripts/make_family_fixtures.py [NAME…]

Every folder is a Hugging Face folder (config.json and safetensors, no tokenizer) with a `reference.json`, computed by
transformers in float64 throughout on the weights as they are stored. The README beside the folders has the formats.
`make_family_gguf.py` adds each one's GGUF.
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path

import torch
import transformers
from family_models import MODELS, build, load_float64, save
from family_references import reference
from speech_models import reference as speech_reference

OUT = Path(__file__).resolve().parent.parent / "TesseraTests" / "Fixtures" / "families"
SEEDS = 200


def spread(result):
    """The mean standard deviation of the last prompt's logits, to be told."""
    import base64

    import numpy

    entries = result.get("prompts") or result.get("pairs") or result.get("sounds")
    if not entries:
        return ""
    stored = entries[-1]["log_probabilities"]
    values = numpy.frombuffer(base64.b64decode(stored["float32"]), "<f4").reshape(stored["shape"])
    return f", logits spread by {values.std(axis=-1).mean():.2f}"


def make(model):
    for model.seed in range(SEEDS):
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            kind = speech_reference if model.config.get("model_type") == "whisper" else None
            save(model, build(model), folder)
            try:
                result = reference(model, load_float64(model, folder), kind)
            except ValueError:
                continue
            target = OUT / model.name
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(folder, target)
            for path in [target, *target.rglob("*")]:
                path.chmod(0o755 if path.is_dir() else 0o644)
            break
    else:
        sys.exit(f"error: {model.name}: no seed of {SEEDS} has clear margins")
    head = {
        "reference": f"transformers {transformers.__version__}, torch {torch.__version__}, float64",
        "seed": model.seed,
    }
    (target / "reference.json").write_text(json.dumps(head | result, separators=(",", ":")) + "\n")
    size = sum(file.stat().st_size for file in target.rglob("*") if file.is_file())
    print(f"{model.name}: seed {model.seed}, {size} bytes{spread(result)}", flush=True)


def main():
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    for model in MODELS:
        if len(sys.argv) == 1 or model.name in sys.argv[1:]:
            make(model)


if __name__ == "__main__":
    main()
