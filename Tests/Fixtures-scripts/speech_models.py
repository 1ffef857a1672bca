"""The tiny Whisper of family_models.MODELS, and its reference: sound is random numbers here, as a spectrogram's are."""

import numpy
import torch
from family_references import array, check_continuation, greedy, ids

# Rows of ten floats, which are no multiples of 16 bytes; hidden size and heads as the translators have them.
CONFIG = {
    "architectures": ["WhisperForConditionalGeneration"], "model_type": "whisper", "vocab_size": 96, "d_model": 32,
    "num_mel_bins": 10, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 2,
    "decoder_attention_heads": 2, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64, "max_source_positions": 24,
    "max_target_positions": 64, "activation_function": "gelu", "scale_embedding": False, "is_encoder_decoder": True,
    "decoder_start_token_id": 90, "bos_token_id": 89, "eos_token_id": 89, "pad_token_id": 89, "torch_dtype": "float16",
    "tie_word_embeddings": True, "begin_suppress_tokens": None, "suppress_tokens": None,
}


def published(tensors, _):
    return {name: tensor for name, tensor in tensors.items() if name != "proj_out.weight"}


SPEECH = [{
    "name": "whisper", "class_name": "WhisperForConditionalGeneration", "config": CONFIG, "dtype": torch.float16,
    "gguf": False, "rename": published,
}]


def deviation(name, parameter):
    """(mean, standard deviation), as of the translators; the source decides, too."""
    if name.endswith(".bias"):
        return 0.0, 0.1
    if name == "model.decoder.layer_norm.weight":
        return 2.0, 0.4
    if "norm" in name:
        return 1.0, 0.2
    if "embed" in name:
        return 0.0, 0.25
    if ".conv" in name:
        return 0.0, 1.4 / (parameter.shape[1] * parameter.shape[2]) ** 0.5
    return 0.0, (4.0 if "fc2" in name else 1.4) / parameter.shape[-1] ** 0.5


def reference(model, instance):
    config = model.config
    frames, sounds = 2 * config["max_source_positions"], []
    for number, targets in enumerate((1, 11)):
        generator = numpy.random.default_rng([model.seed, number])
        features = generator.normal(0, 0.5, size=(frames, config["num_mel_bins"])).astype("<f4").astype(float)
        inputs = torch.tensor(features).T[None]
        start = config["decoder_start_token_id"]
        target = [start] + ids(targets + 40, config["vocab_size"], model.seed)[: targets - 1]

        def logits_of(target):
            return instance(
                input_features=inputs, decoder_input_ids=torch.tensor([target]), use_cache=False
            ).logits[0]

        encoded = instance.get_encoder()(inputs).last_hidden_state[0]
        generated, margins = greedy(logits_of, [start])
        check_continuation(f"{model.name}, sound {number}", generated, margins)
        sounds.append({
            "features": array(torch.tensor(features)), "target": target, "generated": generated, "margins": margins,
            "encoder_hidden_states": array(encoded),
            "log_probabilities": array(torch.log_softmax(logits_of(target), dim=-1)),
        })
    if sounds[0]["generated"] == sounds[1]["generated"]:
        raise ValueError("both sounds give the same tokens: take another seed")
    return {"sounds": sounds}
