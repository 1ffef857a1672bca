"""Adds to some folders of Tests/TesseraTests/Fixtures/families what transformers finds by beam search: `beams.json`.

    pip install torch transformers==5.23.0 safetensors
    python Tests/Fixtures-scripts/make_beam_fixtures.py [NAME…]

All in float64. A case is taken only if it comes out the same with noise of 1e-3 on every logit, so that float32 cannot
turn it around. Tokens that end an answer are chosen so that some answers end before the limit. Where a folder's
configuration forces the last token that may come (`forced_eos_token_id`), so do the answers, and there is what greedy
search finds then, too.
"""

import itertools
import json
import sys

import torch
import transformers
from family_models import MODELS, load_float64
from family_references import float64_throughout, ids
from make_family_fixtures import OUT

NAMES = ["t5", "bart", "mbart", "marian", "m2m100", "qwen2-tied"]
CASES = [
    {"width": 2, "length_penalty": 1.0, "stopping": "heuristic"},
    {"width": 4, "length_penalty": 0.0, "stopping": "never", "no_repeat_ngram": 2},
    {"width": 4, "length_penalty": 2.0, "stopping": "early", "min_tokens": 5},
    {"width": 3, "length_penalty": 0.6, "stopping": "never", "first_tokens": [17], "no_repeat_ngram": 3},
]
STOPPING = {"heuristic": False, "early": True, "never": "never"}
MAX_TOKENS = 12
# Of greedy search; at the first one a forced first token gives way to the last.
LIMITS = [1, 2, 5]


class Noise(transformers.LogitsProcessor):
    """Adds noise, and sees whether an answer goes on behind padding: M2M-100's positions would not count it."""

    def __init__(self, seed, prompt_count, padding):
        self.generator = torch.Generator().manual_seed(seed) if seed else None
        self.prompt_count, self.padding, self.has_padding = prompt_count, padding, False

    def __call__(self, tokens, scores):
        self.has_padding |= bool((tokens[:, self.prompt_count :] == self.padding).any())
        if not self.generator:
            return scores
        return scores + 1e-3 * torch.randn(scores.shape, generator=self.generator, dtype=torch.float64)


def search(instance, case, source, prompt, ends, seed):
    """All answers; None where one has padding."""
    arguments = {"input_ids": torch.tensor([prompt])}
    if source:
        arguments = {"input_ids": torch.tensor([source]), "decoder_input_ids": torch.tensor([prompt])}
    first = case.get("first_tokens", [None])[0]
    last = getattr(instance.generation_config, "forced_eos_token_id", None)
    padding = getattr(instance.config, "pad_token_id", None)
    noise = Noise(seed, len(prompt), -1 if padding is None else padding)
    result = instance.generate(
        **arguments, num_beams=case["width"], num_return_sequences=case["width"], do_sample=False,
        length_penalty=case["length_penalty"], early_stopping=STOPPING[case["stopping"]],
        no_repeat_ngram_size=case.get("no_repeat_ngram", 0), min_new_tokens=case.get("min_tokens", 0),
        max_new_tokens=MAX_TOKENS, eos_token_id=ends, pad_token_id=0, forced_bos_token_id=first,
        forced_eos_token_id=last, bad_words_ids=None, return_dict_in_generate=True, output_scores=True,
        logits_processor=transformers.LogitsProcessorList([noise]),
    )
    if noise.has_padding:
        return None
    answers = []
    for tokens, score in zip(result.sequences.tolist(), result.sequences_scores.tolist()):
        tokens = tokens[len(prompt) : len(prompt) + MAX_TOKENS]
        end = next((place for place, token in enumerate(tokens) if token in ends), None)
        is_ended = end is not None and (last is None or end < MAX_TOKENS - 1)
        answers.append({"tokens": tokens[:end], "is_ended": is_ended, "score": score})
    return answers


def greedy(instance, entry, limit):
    """Ends by no token but the one that is forced; the files' first one is kept."""
    prompt = entry["target"][:1]
    last = instance.generation_config.forced_eos_token_id
    tokens = instance.generate(
        input_ids=torch.tensor([entry["source"]]), decoder_input_ids=torch.tensor([prompt]), num_beams=1,
        do_sample=False, max_new_tokens=limit, eos_token_id=last, pad_token_id=0, bad_words_ids=None,
    )[0].tolist()[1:]
    assert len(tokens) <= limit and tokens[-1] == last, tokens
    return {"source": entry["source"], "prompt": prompt, "max_tokens": limit, "end": last, "tokens": tokens[:-1]}


def find(instance, case, source, prompt, vocabulary):
    """The first choice of end tokens with which answers end before the limit, and nothing is near a tie."""
    last = {instance.generation_config.forced_eos_token_id} - {None}
    for seed in range(60):
        ends = sorted(set(ids(2 if seed % 2 else 1, vocabulary, seed)) - {17} | last)
        if not ends:
            continue
        answers = search(instance, case, source, prompt, ends, 0)
        if answers is None or sum(answer["is_ended"] for answer in answers) < 2 or len(answers[0]["tokens"]) < 3:
            continue
        same = all(
            [answer["tokens"] for answer in search(instance, case, source, prompt, ends, noise) or []]
            == [answer["tokens"] for answer in answers]
            for noise in (1, 2, 3)
        )
        if same:
            return {"end_tokens": ends, "answers": answers}
    return None


def main():
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    for model in MODELS:
        if model.name not in NAMES or (len(sys.argv) > 1 and model.name not in sys.argv[1:]):
            continue
        folder = OUT / model.name
        reference = json.loads((folder / "reference.json").read_text())
        cases, limited = [], []
        with float64_throughout(), torch.no_grad():
            instance = load_float64(model, folder)
            if instance.generation_config.forced_eos_token_id is not None:
                limited = [greedy(instance, pair, limit) for pair in reference["pairs"] for limit in LIMITS]
            for case, entry in itertools.product(CASES, reference.get("pairs") or reference["prompts"][:2]):
                source = entry.get("source")
                prompt = entry["target"][:1] if source else entry["tokens"]
                if model.name == "mbart":
                    continue  # for its first token, and the last
                if len(prompt) > 1 and "first_tokens" in case:
                    continue  # transformers forces a token behind the first alone
                found = find(instance, case, source, prompt, model.config["vocab_size"])
                if found:
                    inputs = {"prompt": prompt} | ({"source": source} if source else {})
                    cases.append(inputs | case | {"max_tokens": MAX_TOKENS} | found)
        document = {"cases": cases} | ({"limited": limited} if limited else {})
        (folder / "beams.json").write_text(json.dumps(document, separators=(",", ":")) + "\n")
        print(f"{model.name}: {len(cases)} cases", flush=True)


if __name__ == "__main__":
    main()
