"""Writes Tests/TesseraTests/Fixtures/translation: tokenizers of SentencePiece files for the tiny Marian and M2M-100 of
Fixtures/families, and what transformers translates with them, greedily and in float64.

    python Tests/Fixtures-scripts/make_translation_fixtures.py

Needs torch, transformers and sentencepiece.
"""

import io
import json
import pathlib
import shutil
import tempfile

import sentencepiece
import torch
from transformers import M2M100ForConditionalGeneration, M2M100Tokenizer, MarianMTModel, MarianTokenizer

FIXTURES = pathlib.Path(__file__).resolve().parent.parent / "TesseraTests" / "Fixtures"
SIZE = 96
TEXTS = ["The cat sits on the mat.", "A small dog runs to the big house!", "one two three", "  Two  cats   and a dog ", "☃"]
CORPUS = [
    "The cat sits on the mat. The dog runs to the house!", "A small cat and a big dog, one two three.",
    "Die Katze sitzt auf der Matte und der Hund rennt.", "Le chat est petit et le chien est grand.",
] * 10


def train(count):
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS), model_writer=model, vocab_size=count, hard_vocab_limit=False, minloglevel=2,
        num_threads=1, normalization_rule_name="identity")
    return model.getvalue()


def pieces(model):
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    return [processor.id_to_piece(index) for index in range(3, processor.get_piece_size())]


def write(folder, spm, model, texts, config):
    folder.mkdir(parents=True, exist_ok=True)
    for name in spm:
        (folder / name).write_bytes(model)
    vocabulary = {text: index for index, text in enumerate(texts)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False, indent=0) + "\n")
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=1) + "\n")


def translate(model, tokenizer, text, **more):
    source = tokenizer(text, return_tensors="pt").input_ids
    with torch.no_grad():
        tokens = model.generate(source, num_beams=1, do_sample=False, max_new_tokens=10, **more)[0]
    answer = tokens[1:].tolist()
    # The end of an answer is none of its tokens; Marian's files force it where the answer is at its longest.
    if answer[-1] == model.config.eos_token_id:
        answer.pop()
    return {
        "text": text, "source": source[0].tolist(), "tokens": answer,
        "answer": tokenizer.decode(tokens, skip_special_tokens=True),
    }


def loaded(kind, name, folder):
    with tempfile.TemporaryDirectory() as place:
        for part in [FIXTURES / "families" / name, folder]:
            shutil.copytree(part, place, dirs_exist_ok=True)
        return kind.from_pretrained(place, dtype=torch.float64).eval()


def main():
    root = FIXTURES / "translation"
    model = train(84)
    words = pieces(model)[: SIZE - 8]
    texts = ["</s>", "<unk>"] + words + [">>deu<<", ">>fra<<"]
    texts += [f"<rest{index}>" for index in range(SIZE - 1 - len(texts))] + ["<pad>"]
    write(root / "marian", ["source.spm", "target.spm"], model, texts, {"tokenizer_class": "MarianTokenizer"})
    tokenizer = MarianTokenizer.from_pretrained(root / "marian")
    marian = loaded(MarianMTModel, "marian", root / "marian")
    cases = {"marian": [
        translate(marian, tokenizer, (f">>{target}<< " if target else "") + text) | {"text": text, "to": target}
        for text in TEXTS for target in (None, "deu", "fra")
    ]}

    texts = ["<s>", "<pad>", "</s>", "<unk>"] + words[: SIZE - 12]
    texts += [f"<rest{index}>" for index in range(SIZE - 8 - len(texts))]
    languages = ["en", "ha", "is", "ja", "cs", "ru", "zh", "de"]
    config = {
        "tokenizer_class": "M2M100Tokenizer", "language_codes": "wmt21",
        "additional_special_tokens": [f"__{code}__" for code in languages],
    }
    write(root / "m2m100", ["sentencepiece.bpe.model"], model, texts, config)
    tokenizer = M2M100Tokenizer.from_pretrained(root / "m2m100")
    m2m = loaded(M2M100ForConditionalGeneration, "m2m100", root / "m2m100")
    cases["m2m100"] = []
    for text in TEXTS:
        for source, target in (("en", "de"), ("de", "ru")):
            tokenizer.src_lang = source
            case = translate(m2m, tokenizer, text, forced_bos_token_id=tokenizer.get_lang_id(target))
            cases["m2m100"].append(case | {"from": source, "to": target})
    (root / "cases.json").write_text(json.dumps(cases, ensure_ascii=False, indent=0) + "\n")
    for name, list in cases.items():
        for case in list:
            print(name, case)


if __name__ == "__main__":
    main()
