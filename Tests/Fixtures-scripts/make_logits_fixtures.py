"""Writes Tests/TesseraTests/Fixtures/logits-{smollm2,gemma3,qwen2}.json: what transformers computes from the same file.

    pip install torch transformers accelerate gguf
    python Tests/Fixtures-scripts/make_logits_fixtures.py smollm2 "$(scripts/fetch-model smollm2)"
    python Tests/Fixtures-scripts/make_logits_fixtures.py gemma3 "$(scripts/fetch-model gemma3)"
    python Tests/Fixtures-scripts/make_logits_fixtures.py qwen2 "$(scripts/fetch-model qwen2.5-coder-0.5b)"

The reference is the family's own implementation in transformers, in float32, on the weights that `gguf` dequantizes.
Each prompt is continued greedily by 48 tokens, past any end-of-text token. Then one forward pass over prompt and
continuation gives everything that is written:

    prompt      the token ids, beginning-of-text included
    generated   the 48 continuation ids
    margins     at each of the 48 steps, the likeliest token's logit minus the second's
    top         for each of the positions, [position, [8 ids], [8 log-probabilities]], likeliest first; logits at
                position p are those of the token at p + 1. The 48 generating positions and 16 of the prompt's.
"""

import hashlib
import json
import os
import sys
from pathlib import Path

import gguf
import torch
import transformers

HERE = Path(__file__).resolve().parent
FIXTURES = HERE.parent / "TesseraTests" / "Fixtures"
GENERATED = 48
PROMPT_POSITIONS = 16
TOP = 8

CHAT = {
    "smollm2": "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
    "<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n",
    "qwen2": "<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant.<|im_end|>\n"
    "<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n",
    "gemma3": "<bos><start_of_turn>user\n{}<end_of_turn>\n<start_of_turn>model\n",
}
BEGINNING = {"smollm2": "", "gemma3": "<bos>", "qwen2": ""}


def load_reference(path, dtype=torch.float32):
    """The model of a GGUF file, dequantized, as transformers computes it."""
    folder, file = os.path.split(os.path.abspath(path))
    return transformers.AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=dtype).eval()


def architecture(path):
    """The file's `general.architecture`."""
    return gguf.GGUFReader(path).fields["general.architecture"].contents()


def reference_logits(model, tokens):
    """float32 logits of every position, (tokens, vocabulary)."""
    with torch.inference_mode():
        return model(torch.tensor([tokens]), use_cache=False).logits[0].float()


def prompts(name, path):
    """(name, token ids) of each prompt. The longest two are cut to length: the tests are about numbers, not sense."""
    folder, file = os.path.split(os.path.abspath(path))
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, gguf_file=file)

    def encode(text):
        return tokenizer.encode(text, add_special_tokens=False)

    def text(file):
        return (HERE / "logits-prompts" / file).read_text(encoding="utf-8").rstrip("\n")

    start = BEGINNING[name]
    yield "four tokens", encode(start + "The capital of France")[:4]
    yield "a chat", encode(CHAT[name].format(text("question.txt")))
    yield "a function", encode(start + text("function.txt"))
    yield "many languages", encode(start + text("multilingual.txt"))
    yield "600 tokens of code", encode(start + text("code.txt"))[:600]
    yield "1000 tokens of prose", encode(start + text("prose.txt"))[:1000]


def greedy(model, prompt):
    with torch.inference_mode():
        inputs, cache, generated = torch.tensor([prompt]), None, []
        for _ in range(GENERATED):
            output = model(inputs, past_key_values=cache, use_cache=True)
            cache = output.past_key_values
            generated.append(int(output.logits[0, -1].argmax()))
            inputs = torch.tensor([[generated[-1]]])
    return generated


def record(model, name, prompt):
    generated = greedy(model, prompt)
    logits = reference_logits(model, prompt + generated[:-1])
    first = len(prompt) - 1
    steps = range(first, first + GENERATED)
    best = logits[first:].topk(2).values
    margins = (best[:, 0] - best[:, 1]).tolist()
    # One pass and 49 passes round differently: near a tie they may choose differently, elsewhere they must agree.
    for step, margin in zip(steps, margins):
        chosen = generated[step - first]
        if int(logits[step].argmax()) != chosen and margin > 1e-3:
            sys.exit(f"error: {name}: the cached and the plain forward disagree at position {step}")
    count = min(PROMPT_POSITIONS, first)
    positions = sorted({round(i * (first - 1) / max(count - 1, 1)) for i in range(count)}) + list(steps)
    log_probabilities = torch.log_softmax(logits[positions].double(), dim=-1).topk(TOP)
    return {
        "name": name,
        "prompt": prompt,
        "generated": generated,
        "margins": [round(margin, 5) for margin in margins],
        "top": [
            [position, ids, [round(value, 5) for value in values]]
            for position, ids, values in zip(
                positions, log_probabilities.indices.tolist(), log_probabilities.values.tolist()
            )
        ],
    }


def main():
    name, path = sys.argv[1:]
    torch.manual_seed(0)
    model = load_reference(path)
    fixture = {
        "model": os.path.basename(path),
        "architecture": architecture(path),
        "sha256": hashlib.sha256(Path(path).read_bytes()).hexdigest(),
        "reference": f"transformers {transformers.__version__}, torch {torch.__version__}, float32",
        "prompts": [record(model, prompt_name, prompt) for prompt_name, prompt in prompts(name, path)],
    }
    target = FIXTURES / f"logits-{name}.json"
    target.write_text(json.dumps(fixture, separators=(",", ":")) + "\n")
    for prompt in fixture["prompts"]:
        print(f"{prompt['name']}: {len(prompt['prompt'])} tokens, smallest margin {min(prompt['margins'])}")
    print(f"{target}: {target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
