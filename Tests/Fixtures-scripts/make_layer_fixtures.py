"""Writes Tests/TesseraTests/Fixtures/layers.json: hidden states behind every layer of some of the tiny families.

    pip install torch transformers==5.23.0 safetensors
    python Tests/Fixtures-scripts/make_layer_fixtures.py

Computed by transformers in float64 throughout, on the weights of Fixtures/families. `states` begins with the embeddings;
the last ones are normalized.
"""

import json
from pathlib import Path

import torch
from family_models import MODELS, load_float64
from family_references import array, float64_throughout, ids

FIXTURES = Path(__file__).resolve().parent.parent / "TesseraTests" / "Fixtures"
NAMES = ["qwen2-tied", "gpt2", "t5", "bert", "albert", "modernbert"]


def states(model, instance):
    tokens = torch.tensor([ids(6, model.config["vocab_size"], 0)])
    if instance.config.is_encoder_decoder:
        source = torch.tensor([ids(5, model.config["vocab_size"], 1)])
        result = instance(input_ids=source, decoder_input_ids=tokens, output_hidden_states=True)
        return {
            "source": source[0].tolist(), "tokens": tokens[0].tolist(),
            "states": [array(layer[0]) for layer in result.decoder_hidden_states],
        }
    base = getattr(instance, instance.base_model_prefix, instance)
    result = base(tokens, output_hidden_states=True)
    layers = list(result.hidden_states)
    layers[-1] = result.last_hidden_state
    return {"tokens": tokens[0].tolist(), "states": [array(layer[0]) for layer in layers]}


def main():
    torch.set_num_threads(1)
    result = {}
    for model in MODELS:
        if model.name in NAMES:
            instance = load_float64(model, FIXTURES / "families" / model.name)
            with float64_throughout(), torch.no_grad():
                result[model.name] = states(model, instance)
    path = FIXTURES / "layers.json"
    path.write_text(json.dumps(result, separators=(",", ":")) + "\n")
    print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
