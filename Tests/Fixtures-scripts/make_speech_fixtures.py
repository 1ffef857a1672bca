"""Writes Tests/TesseraTests/Fixtures/speech: what openai-whisper's program does with answers and windows.

    apt-get install espeak-ng
    pip install torch transformers==5.23.0 safetensors openai-whisper==20250625
    python Tests/Fixtures-scripts/make_speech_fixtures.py FOLDER     (of tiny.en: scripts/fetch-whisper)

- `answers.json`: its filters of logits and its greedy decoder on the logits of the tiny Whisper in Fixtures/families, in
  float64, with ids of its own (the vocabulary has 96).
- `windows.json`: its `transcribe` over 220 s with a model that answers by heart: what each window is told, and the segments.
- `sentence.wav`, `sentence.json`: a sentence by espeak-ng, and its tokens by tiny.en.
"""

import json
import sys
import tempfile
import types
from pathlib import Path

import numpy
import torch
import whisper
from family_models import MODELS, load_float64
from family_references import float64_throughout
from make_family_fixtures import OUT as FAMILIES
from whisper.decoding import (
    ApplyTimestampRules, DecodingResult, GreedyDecoder, SuppressBlank, SuppressTokens,
)

OUT = FAMILIES.parent / "speech"
MARGIN = 0.02
RULES = {
    "end": 60, "start": 61, "languages": [62, 63], "translate": 64, "transcribe": 65, "previous": 67, "no_speech": 68,
    "no_timestamps": 69, "suppressed": [5, 9, 61, 64, 65, 66, 67, 68], "suppressed_first": [7, 60],
    "last_initial_timestamp": 74,
}
CONTEXT = 64


def check(*margins):
    if min(margins) < MARGIN:
        raise ValueError(f"margins of {margins}")


def answer(logits_of, before, language_of):
    """As `DecodingTask.run` has it, one sound at a time."""
    tokenizer = types.SimpleNamespace(
        encode=lambda _: [RULES["suppressed_first"][0]], eot=RULES["end"], no_timestamps=RULES["no_timestamps"],
        timestamp_begin=RULES["no_timestamps"] + 1)
    context = [RULES["previous"], *before[-(CONTEXT // 2 - 1):]] if before else []
    prompt = [*context, RULES["start"], language_of, RULES["transcribe"]]
    begin = len(prompt)
    filters = [
        SuppressBlank(tokenizer, begin), SuppressTokens(RULES["suppressed"]),
        ApplyTimestampRules(tokenizer, begin, RULES["last_initial_timestamp"] - tokenizer.timestamp_begin),
    ]
    decoder, tokens, sums = GreedyDecoder(0, RULES["end"]), torch.tensor([prompt]), torch.zeros(1)
    for step in range(CONTEXT // 2):
        rows = logits_of(tokens[0].tolist())
        if step == 0:
            no_speech = float(rows[len(context)].softmax(-1)[RULES["no_speech"]])
        logits = rows[-1:].clone()
        for each in filters:
            each.apply(logits, tokens)
        best = logits[0].topk(2).values
        check(float(best[0] - best[1]))
        tokens, completed = decoder.update(tokens, logits, sums)
        if completed or tokens.shape[-1] > CONTEXT:
            break
    found = tokens[0, begin:].tolist()
    found = found[: found.index(RULES["end"])] if RULES["end"] in found else found
    return {
        "context": before, "language": language_of, "tokens": found, "no_speech": no_speech,
        "average_log_probability": float(sums[0]) / (len(found) + 1),
    }


def answers():
    model = next(each for each in MODELS if each.name == "whisper")
    folder = FAMILIES / "whisper"
    instance = load_float64(model, folder)
    reference = json.loads((folder / "reference.json").read_text())
    result = []
    with float64_throughout(), torch.no_grad():
        for index, sound in enumerate(reference["sounds"]):
            import base64

            values = numpy.frombuffer(base64.b64decode(sound["features"]["float32"]), "<f4").astype(float)
            inputs = torch.tensor(values.reshape(sound["features"]["shape"])).T[None]

            def logits_of(tokens):
                return instance(
                    input_features=inputs, decoder_input_ids=torch.tensor([tokens]), use_cache=False).logits[0]

            first = logits_of([RULES["start"]])[0]
            language = max(RULES["languages"], key=lambda token: float(first[token]))
            generator = numpy.random.default_rng(index)
            for before in ([], [11, 75, 12], generator.integers(10, 60, 45).tolist()):
                try:
                    result.append({"sound": index} | answer(logits_of, before, language))
                except ValueError as error:
                    print(f"sound {index}, {len(before)} tokens said before: left out, {error}")
    print(f"answers of {[len(each['tokens']) for each in result]} tokens")
    return {"rules": RULES, "answers": result}


def windows():
    """What `transcribe` makes of answers that are known by heart."""
    first = 50363  # 0 s, in tiny.en's vocabulary
    at = lambda step: first + step  # noqa: E731
    script = iter([
        # Two segments, and one without an end.
        ([at(0), 11, 12, at(100), at(100), 13, at(200), at(200), 14], -0.3, 0.01, 1.5),
        # An end, behind which nothing is said.
        ([at(10), 15, at(300), at(320), 16, 17, at(600)], -0.5, 0.1, 1.5),
        # Again and again the same, until it is drawn.
        ([at(0), 18, 18, 18], -0.3, 0.1, 5.0),
        ([at(0), 18, 18, 19], -1.2, 0.1, 1.9),
        ([at(0), 20, 21, 22], -0.9, 0.7, 2.3),
        # Silence.
        ([at(0), 23], -1.5, 0.9, 1.0),
        # A blank, and a part without length.
        ([at(50), 220, at(100), at(100), at(100), 24, at(250), at(250)], -0.4, 0.7, 1.0),
        ([at(0), 25, at(1000), at(1000), 26, at(1450), at(1450)], -0.9, 0.1, 1.0),
        # No end at all.
        ([at(0), 27, 28], -0.2, 0.1, 1.0), ([at(0), 29, at(120)], -0.2, 0.1, 1.0), ([30, 31], -0.2, 0.1, 1.0),
        ([at(0), 32, at(50), at(50)], -0.2, 0.1, 1.0), ([at(0), 33], -0.2, 0.1, 1.0),
    ])
    calls = []

    class Model:
        dims = types.SimpleNamespace(n_mels=80, n_audio_ctx=1500, n_text_ctx=448)
        device, is_multilingual, num_languages = torch.device("cpu"), False, 99

        def decode(self, segment, options):
            tokens, probability, no_speech, ratio = next(script)
            calls.append({
                "context": list(options.prompt), "tokens": tokens, "average_log_probability": probability,
                "no_speech": no_speech, "compression_ratio": ratio, "temperature": options.temperature,
            })
            return DecodingResult(
                audio_features=segment, language="en", tokens=tokens, avg_logprob=probability, no_speech_prob=no_speech,
                temperature=options.temperature, compression_ratio=ratio)

    samples = numpy.random.default_rng(0).normal(0, 0.1, 220 * 16000 + 555).astype(numpy.float32)
    result = whisper.transcribe.__globals__["transcribe"](Model(), samples, fp16=False, initial_prompt="So")
    segments = [
        {key: each[key] for key in ("start", "end", "tokens")} for each in result["segments"] if each["tokens"]
    ]
    print(f"{len(calls)} windows, {len(segments)} segments")
    return {"frames": len(samples) // 160, "first_timestamp": first, "blank": 220, "calls": calls, "segments": segments}


def sentence(folder):
    from importlib.machinery import SourceFileLoader
    from importlib.util import module_from_spec, spec_from_loader

    loader = SourceFileLoader("verify_speech", str(Path(__file__).resolve().parents[2] / "scripts" / "verify-speech"))
    script = module_from_spec(spec_from_loader("verify_speech", loader))
    loader.exec_module(script)
    with tempfile.TemporaryDirectory() as work:
        _, path, samples = script.speak("Please call the office tomorrow.", Path(work), "sentence")
        (OUT / "sentence.wav").write_bytes(path.read_bytes())
    with torch.inference_mode():
        result = whisper.transcribe(script.reference(folder), samples, temperature=0.0, fp16=False)
    tokens = [token for each in result["segments"] for token in each["tokens"]]
    print(result["text"], len(tokens), [each["avg_logprob"] for each in result["segments"]])
    [segment] = result["segments"]
    return {
        "model": "whisper-tiny.en", "architecture": "WhisperForConditionalGeneration", "text": result["text"],
        "tokens": tokens, "start": segment["start"], "end": segment["end"],
        "average_log_probability": segment["avg_logprob"], "no_speech": segment["no_speech_prob"],
        "compression_ratio": segment["compression_ratio"],
    }


def main():
    torch.set_num_threads(1)
    OUT.mkdir(exist_ok=True)
    made = {"answers": answers(), "windows": windows(), "sentence": sentence(sys.argv[1])}
    for name, value in made.items():
        (OUT / f"{name}.json").write_text(json.dumps(value, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
