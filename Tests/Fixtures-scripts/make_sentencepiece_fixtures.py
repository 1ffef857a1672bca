"""Writes Tests/TesseraTextTests/Fixtures/sentencepiece.json: small SentencePiece models, and what sentencepiece and the
tokenizers of transformers make of hard texts.

    python make_sentencepiece_fixtures.py

Needs sentencepiece, protobuf, tokenizers and transformers 4, whose tokenizers in Python call SentencePiece (those of
transformers 5 are conversions for another library; of Marian and M2M-100 they are the same).
"""

import base64
import io
import json
import pathlib
import tempfile
import unicodedata
import warnings

import sentencepiece
from sentencepiece import sentencepiece_model_pb2 as schema
from transformers import (
    GemmaTokenizer, LlamaTokenizer, M2M100Tokenizer, MarianTokenizer, MBart50Tokenizer, MBartTokenizer, NllbTokenizer,
    PegasusTokenizer, T5Tokenizer, XLMRobertaTokenizer,
)

from make_tokenizer_json_fixtures import hard_texts

warnings.filterwarnings("ignore")
HERE = pathlib.Path(__file__).resolve().parent
OUTPUT = HERE.parent / "TesseraTextTests" / "Fixtures" / "sentencepiece.json"
CORPUS = [
    "The quick brown fox jumps over the lazy dog, and the dog sleeps on.",
    "Hello world! This is a small text from which pieces are learned; it is not long.",
    "Ein kleiner Frosch sitzt am grünen Teich und quakt: Ä, ö, ü, ß.",
    "Le café est près de l'hôtel où naïve façade brille.", "Numbers such as 123, 4567 and 2024-01-02 come too.",
    "Привет, мир! Это небольшой текст.", "日本語の文章も少しあります。", "مرحبا بالعالم", "  two  spaces\tand a tab ",
    "fi ligature ﬁ, full width ＡＢＣ１２３, ellipsis …, ½ of ①", "tokens <s> and </s> and <mask> in text",
] * 12
SETTINGS = {
    # Marian's and PEGASUS's kind of model; NFKC as most of them have.
    "unigram": {"model_type": "unigram", "vocab_size": 240, "rules": True},
    # Llama's kind: bytes, digits one by one, spaces as they are.
    "bpe": {
        "model_type": "bpe", "vocab_size": 600, "byte_fallback": True, "split_digits": True,
        "normalization_rule_name": "identity", "remove_extra_whitespaces": False, "allow_whitespace_only_pieces": True,
    },
    # Gemma's kind: no space before the text, pieces of the user's own.
    "bpe-user": {
        "model_type": "bpe", "vocab_size": 640, "byte_fallback": True, "normalization_rule_name": "identity",
        "remove_extra_whitespaces": False, "add_dummy_prefix": False, "allow_whitespace_only_pieces": True,
        "user_defined_symbols": ["<h1>", "brown fox", "zz", "\u2581\u2581\u2581"], "pad_id": 0, "eos_id": 1, "bos_id": 2,
        "unk_id": 3, "bos_piece": "<bos>", "eos_piece": "<eos>",
    },
    "unigram-user": {
        "model_type": "unigram", "vocab_size": 260, "rules": True, "byte_fallback": False,
        "user_defined_symbols": ["<sep>", "quick", "ABC", "..."], "control_symbols": ["<ctrl>"],
    },
    # T5's: <pad>, </s>, <unk>.
    "t5": {
        "model_type": "unigram", "vocab_size": 230, "rules": True, "pad_id": 0, "eos_id": 1,
        "unk_id": 2, "bos_id": -1,
    },
    "suffix": {"model_type": "unigram", "vocab_size": 220, "rules": True, "treat_whitespace_as_suffix": True},
    "unescaped": {"model_type": "bpe", "vocab_size": 300, "rules": True, "remove_extra_whitespaces": False},
}


def rule_file(path):
    """NFKC for the characters of the corpus and some beside, since the whole map has 240 KB; some rules of several
    characters, such that insert spaces, and such that leave nothing."""
    characters = [chr(code) for pool in [(0xA0, 0x180), (0x2000, 0x2060), (0x2150, 0x2190), (0x2460, 0x2470),
                  (0x3000, 0x3002), (0xAC00, 0xAC10), (0xFB00, 0xFB07), (0xFF01, 0xFF5F), (0xFF66, 0xFFA0)]
                  for code in range(*pool)]
    rules = {text: unicodedata.normalize("NFKC", text) for text in characters}
    for base in "aeiouAEIOU":
        for mark in "\u0300\u0301\u0302\u0308":
            rules[base + mark] = unicodedata.normalize("NFKC", base + mark)
    rules |= {"\u200b": " ", "\ufeff": "", "\t": " ", "\n": " ", "\r": "", "...": "\u2026 ", "Hello w": "hello  W"}
    with open(path, "w") as file:
        for source, target in rules.items():
            if source != target:
                columns = [" ".join(f"{ord(letter):X}" for letter in text) for text in (source, target)]
                file.write("\t".join(columns) + "\n")
    return str(path)


def train(settings, rules):
    settings = dict(settings)
    if settings.pop("rules", False):
        settings |= {"normalization_rule_tsv": rules, "normalization_rule_name": "user_defined"}
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS), model_writer=model, hard_vocab_limit=False, minloglevel=2, num_threads=1,
        **settings)
    return model.getvalue()


def changed(data, change):
    model = schema.ModelProto.FromString(data)
    change(model)
    return model.SerializeToString()


def unused(model):
    """Every fifth longer piece is only a step to others."""
    long = [piece for piece in model.pieces if piece.type == 1 and len(piece.piece) > 1]
    for piece in long[::5]:
        piece.type = 5


def unescaped(model):
    model.normalizer_spec.escape_whitespaces = False


def model_case(name, data, texts):
    processor = sentencepiece.SentencePieceProcessor(model_proto=data)
    ids = [processor.encode(text) for text in texts]
    return {"name": name, "ids": ids}


def words(data):
    return [piece.piece for piece in schema.ModelProto.FromString(data).pieces]


def marian_vocabulary(data):
    texts = ["</s>", "<unk>"] + [text for text in words(data)[3:] if text != "\u2581th"]
    # The target's own, among them characters that the source's model does not know; and languages.
    texts += ["\u2603", "\u2581\u2603\u2603", "Ω", ">>fra<<", ">>deu<<", ">>zh_Hans<<", "<pad>"]
    return {text: index for index, text in enumerate(texts)}


def m2m_vocabulary(data):
    texts = ["<s>", "<pad>", "</s>", "<unk>"] + words(data)[3:]
    return {text: index for index, text in enumerate(texts)}


def class_cases(models, texts):
    m2m_languages = [f"__{code}__" for code in M2M100Tokenizer.__init__.__globals__["FAIRSEQ_LANGUAGE_CODES"]["m2m100"]]
    marian = {"source.spm": "unigram", "target.spm": "unigram-user"}
    fairseq = "sentencepiece.bpe.model"
    return [
        ("marian", MarianTokenizer, marian | {"vocab.json": marian_vocabulary(models["unigram"])}, {"source_lang": "en"}),
        ("m2m100", M2M100Tokenizer, {fairseq: "unigram", "vocab.json": m2m_vocabulary(models["unigram"])},
         {"src_lang": "fr", "additional_special_tokens": m2m_languages}),
        ("nllb", NllbTokenizer, {fairseq: "unigram"}, {"src_lang": "deu_Latn"}),
        ("nllb-legacy", NllbTokenizer, {fairseq: "unigram"}, {"legacy_behaviour": True}),
        ("mbart", MBartTokenizer, {fairseq: "unigram"}, {"src_lang": "de_DE"}),
        ("mbart50", MBart50Tokenizer, {fairseq: "unigram"}, {}),
        ("xlm-roberta", XLMRobertaTokenizer, {fairseq: "unigram"}, {}),
        ("pegasus", PegasusTokenizer, {"spiece.model": "t5"}, {}),
        ("pegasus-bigbird", PegasusTokenizer, {"spiece.model": "t5"},
         {"offset": 0, "mask_token": "[MASK]", "mask_token_sent": None, "additional_special_tokens": []}),
        ("t5", T5Tokenizer, {"spiece.model": "t5"}, {}),
        ("t5-new", T5Tokenizer, {"spiece.model": "t5"}, {"legacy": False, "extra_ids": 5}),
        ("mt5", T5Tokenizer, {"spiece.model": "t5"}, {"extra_ids": 0, "additional_special_tokens": ["<new>"]}),
        ("llama", LlamaTokenizer, {"tokenizer.model": "bpe"}, {}),
        ("llama-new", LlamaTokenizer, {"tokenizer.model": "bpe"}, {"legacy": False, "add_eos_token": True}),
        ("llama-plain", LlamaTokenizer, {"tokenizer.model": "bpe"},
         {"legacy": False, "add_prefix_space": False, "pad_token": "<pad>"}),
        ("gemma", GemmaTokenizer, {"tokenizer.model": "bpe-user"}, {}),
    ]


def class_case(name, kind, files, config, models, texts):
    config = {"tokenizer_class": kind.__name__} | config
    with tempfile.TemporaryDirectory() as folder:
        for file, content in files.items():
            path = pathlib.Path(folder) / file
            if isinstance(content, str):
                path.write_bytes(models[content])
            else:
                path.write_text(json.dumps(content))
        (pathlib.Path(folder) / "tokenizer_config.json").write_text(json.dumps(config))
        tokenizer = kind.from_pretrained(folder)
    special = [str(token) for token in tokenizer.all_special_tokens][:9] + ["<extra_id_0>", "<h1>", "\u2581"]
    marked = [f"a {token} b{token}{token} c" for token in special] + [f"{token} x" for token in special]
    texts = texts + marked + [">>fra<< Bonjour", ">>xxx<<foo", "a >>fra<< b", ">>fra<<"]
    ids = [tokenizer.encode(text) for text in texts]
    names = {key: getattr(tokenizer, key + "_id") for key in ("bos_token", "eos_token", "unk_token", "pad_token")}
    return {
        "name": name, "files": {file: content for file, content in files.items() if file != "target.spm"},
        "config": config, "ids": ids, "more": texts[len(texts) - len(marked) - 4:],
        "texts": [tokenizer.decode(line, skip_special_tokens=True, clean_up_tokenization_spaces=False) for line in ids],
        "count": len(tokenizer), "names": names,
    }


def main():
    rules = rule_file(pathlib.Path(tempfile.mkdtemp()) / "rules.tsv")
    models = {name: train(settings, rules) for name, settings in SETTINGS.items()}
    models["unescaped"] = changed(models["unescaped"], unescaped)
    models["bpe-unused"] = changed(models["bpe"], unused)
    models["unigram-unused"] = changed(models["unigram-user"], unused)
    texts = hard_texts(150, 5) + CORPUS[:11] + [
        "", " ", "  ", "\n", " a", "a ", "  a  b  ", "\u2581", "\u2581a", "a\u2581\u2581b", "\u3000wide\u3000", "\ufeffx",
        "quick ABC<sep>abc", "brown fox zz zzz", "☃", "☃☃ Ω", "a☃b", "\u00a0x\u00a0", "e\u0301", "\u0000a", "<0x41>",
    ]
    document = {
        "texts": texts,
        "models": [model_case(name, data, texts) for name, data in models.items()],
        "classes": [
            class_case(name, kind, files, config, models, texts)
            for name, kind, files, config in class_cases(models, texts)
        ],
        "files": {name: base64.b64encode(data).decode() for name, data in models.items()},
    }
    OUTPUT.write_text(json.dumps(document, separators=(",", ":")) + "\n")
    print(OUTPUT, OUTPUT.stat().st_size)
    for name, data in models.items():
        print(name, len(data))


main()
