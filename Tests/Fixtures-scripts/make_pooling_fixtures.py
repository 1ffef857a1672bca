"""Writes Tests/TesseraTests/Fixtures/pooling: how sentence-transformers makes one vector of hidden states.

    pip install torch transformers==5.23.0 safetensors sentence-transformers
    python Tests/Fixtures-scripts/make_pooling_fixtures.py

`2_Dense` is a layer as its `modules.json` names it, random from a seed. `expected.json` has, for two of the tiny families,
the vectors of a few texts by each kind of pooling, and those of the mean behind the layer, normalized: by
sentence-transformers' modules in float64, on hidden states that transformers computed in float64 throughout.
"""

import json
from pathlib import Path

import torch
from family_models import MODELS, load_float64
from family_references import array, float64_throughout, ids
from sentence_transformers.models import Dense, Pooling

OUT = Path(__file__).resolve().parent.parent / "TesseraTests" / "Fixtures" / "pooling"
MODES = ["mean", "cls", "lasttoken", "max", "weightedmean", "mean_sqrt_len_tokens"]
SIZE, OUTPUTS = 32, 24


def dense():
    torch.manual_seed(1)
    layer = Dense(SIZE, OUTPUTS, bias=True, activation_function=torch.nn.Tanh())
    with torch.no_grad():
        layer.linear.weight.normal_(0, 1.0 / SIZE**0.5)
        layer.linear.bias.normal_(0, 0.2)
    folder = OUT / "2_Dense"
    folder.mkdir(parents=True, exist_ok=True)
    layer.save(str(folder))
    return layer.double()


def main():
    torch.set_num_threads(1)
    layer, result = dense(), {}
    for model in MODELS:
        if model.name not in ("bert", "qwen2-untied"):
            continue
        instance = load_float64(model, OUT.parent / "families" / model.name)
        base = getattr(instance, instance.base_model_prefix, instance)
        texts = []
        for count in (1, 9):
            tokens = torch.tensor([ids(count, model.config["vocab_size"], 2)])
            with float64_throughout(), torch.no_grad():
                hidden = base(tokens).last_hidden_state
                features = {"token_embeddings": hidden, "attention_mask": torch.ones_like(tokens)}
                text = {"tokens": tokens[0].tolist(), "vectors": {}}
                for mode in MODES:
                    vector = Pooling(SIZE, mode)(dict(features))["sentence_embedding"]
                    text["vectors"][mode] = array(vector[0])
                mean = Pooling(SIZE, "mean")(dict(features))
                text["dense"] = array(torch.nn.functional.normalize(layer(mean)["sentence_embedding"][0], dim=0))
            texts.append(text)
        result[model.name] = texts
    (OUT / "expected.json").write_text(json.dumps(result, separators=(",", ":")) + "\n")
    for file in sorted(OUT.rglob("*")):
        if file.is_file():
            file.chmod(0o644)
            print(file.relative_to(OUT), file.stat().st_size)


if __name__ == "__main__":
    main()
