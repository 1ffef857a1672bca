"""Writes Tests/TesseraTests/Fixtures/embeddings-NAME.json: what transformers makes of ten texts, in float64.

    pip install torch transformers
    python Tests/Fixtures-scripts/make_embedding_fixtures.py minilm "$(scripts/fetch-model minilm)"
    python Tests/Fixtures-scripts/make_embedding_fixtures.py e5 "$(scripts/fetch-e5)"

Each text has its `ids` (with those that are added around it) and its `embedding`: the mean over all of them of the last layer's
hidden states, normalized; an array as in families/README.md. `modules.json` of the model says so.
`scripts/verify-embeddings` compares Tessera with the same reference.
"""

import base64
import hashlib
import json
import sys
from pathlib import Path

import torch
import transformers

HERE = Path(__file__).resolve().parent
FIXTURES = HERE.parent / "TesseraTests" / "Fixtures"
STORED = 10

TEXTS = [
    "What is gravity?",
    "A man is eating food.",
    "The girl is carrying a baby.",
    "Naïve café Ærøskøbing, ÅNGSTRÖM and İstanbul — straße!",
    "I'm sure they'd've said so; shouldn't we ask (again) at 10:45?",
    "def f(x): return x ** 2  # square",
    "你好，世界！日本語とEnglish混在。",
    "x",
    "Pneumonoultramicroscopicsilicovolcanoconiosis antidisestablishmentarianism",
    "The quick brown fox jumps over the lazy dog. " * 6,
    "A man is riding a white horse on an enclosed ground.",
    "Someone in a gorilla costume is playing a set of drums.",
    "Ελληνικά και Русский текст, ещё — Việt Nam đẹp lắm",
    "3.14159 1,000,000 1e-10 0x1F 50% $100 €50 £20",
    "tabs\there and\nnew lines\r\n\r\nwith  many   spaces ",
    "😀 smile 🎉 party 👩🏽‍💻 code",
    "[brackets] {curly} <angle> written by a_user",
    "한국어 텍스트 각 สวัสดีชาวโลก العربية",
    "https://example.com/path?query=1&x=%20#frag user@example.org",
]


def texts():
    """Twenty: the last is longer than the 256 tokens that the model's files allow."""
    return TEXTS + [(HERE / "logits-prompts" / "prose.txt").read_text(encoding="utf-8").strip()]


class Reference:
    """The model of a sentence-transformers folder, in float64: hidden states, and the pooling that its files name."""

    def __init__(self, folder):
        folder = Path(folder)
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        self.model = transformers.AutoModel.from_pretrained(folder, attn_implementation="eager").double().eval()
        self.limit = json.loads((folder / "sentence_bert_config.json").read_text())["max_seq_length"]
        kinds = [module["type"].rsplit(".", 1)[-1] for module in json.loads((folder / "modules.json").read_text())]
        pooling = json.loads((folder / "1_Pooling" / "config.json").read_text())
        if kinds != ["Transformer", "Pooling", "Normalize"] or not pooling["pooling_mode_mean_tokens"]:
            raise SystemExit(f"error: {folder}: only a normalized mean is known here, not {kinds}, {pooling}")

    def ids(self, text):
        return self.tokenizer(text, truncation=True, max_length=self.limit, padding=False)["input_ids"]

    def hidden(self, ids):
        with torch.inference_mode():
            return self.model(torch.tensor([ids])).last_hidden_state[0]

    def embedding(self, ids, pooling="mean", normalize=True):
        hidden = self.hidden(ids)
        pooled = {"mean": hidden.mean(0), "cls": hidden[0], "last": hidden[-1]}[pooling]
        return torch.nn.functional.normalize(pooled, dim=0) if normalize else pooled


def main():
    name, folder = sys.argv[1], Path(sys.argv[2])
    reference = Reference(folder)
    entries = []
    for text in texts()[:STORED]:
        ids = reference.ids(text)
        values = reference.embedding(ids).numpy().astype("<f4")
        array = {"shape": list(values.shape), "float32": base64.b64encode(values.tobytes()).decode()}
        entries.append({"text": text, "ids": ids, "embedding": array})
    fixture = {
        "model": folder.name,
        "architecture": json.loads((folder / "config.json").read_text())["architectures"][0],
        "sha256": hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest(),
        "reference": f"transformers {transformers.__version__}, torch {torch.__version__}, float64",
        "texts": entries,
    }
    target = FIXTURES / f"embeddings-{name}.json"
    target.write_text(json.dumps(fixture, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")
    print(f"{target}: {target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
