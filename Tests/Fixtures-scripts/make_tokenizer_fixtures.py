#!/usr/bin/env python3
"""Writes the tokenizers' fixtures: what llama.cpp and transformers make of a hard set of texts.

    pip install llama-cpp-python==0.3.36 transformers==5.23.0 tokenizers gguf numpy torch
    make_tokenizer_fixtures.py SMOLLM2.gguf GEMMA3.gguf REPOSITORY

Three files are written:
- Tests/TesseraTests/Fixtures/tokenizer-smollm2.json and tokenizer-gemma3.json: the ids of the two real tokenizers.
- Tests/TesseraTextTests/Fixtures/tokenizers-small.json: small vocabularies with llama.cpp's ids under every
  pre-tokenizer and flag. The BPE vocabulary is trained across word boundaries, so that a wrong boundary gives other ids.

Ids are llama.cpp's. Where transformers (or, for the small vocabularies, the `tokenizers` library with the model's
published regular expression) gives other ids for the same text, those are written beside them as "others".
"""
import base64
import ctypes
import json
import os
import random
import sys
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"

import gguf
import llama_cpp
import numpy as np
import tokenizers
from tokenizers import Regex, decoders, models, pre_tokenizers, trainers

TEXTS = [
    "", " ", "  ", "   ", "\n", "\t", "\r\n", "a", "Hello, world!", " Hello", "Hello  world", "Hello   world  ",
    "The quick brown fox jumps over the lazy dog.",
    "I'm you're he's we've they'll she'd don't 'S 'T 'RE 'VE 'M 'LL 'D I'M YOU'RE HE'S WE'VE THEY'LL SHE'D DON'T",
    "'s't'm'd're've'll '' 'x 'l 'r 'v ' ' ſ'ſ it’s don’t",
    "tabs\there\t\tand\t\t\tthere\t \t mixed", "a\nb\n\nc\n\n\nd\n\n\n\n", "a\r\nb\r\n\r\nc\rd\n\re", " \n \n\n  \n\t\n x",
    "trailing spaces   \nnext   \n\n   indented\n\tindented", "x" * 70, " " * 70, "\n" * 45, "\t" * 40, "=" * 40, "ab" * 40,
    "1", "12", "123", "1234", "12345678901234567890", "3.14159 1,000,000 1e-10 0x1F 007", "a1b2c3 v1.2.3 2024-01-31",
    "½ ² Ⅷ ٣ ४ 五 ① 𝟙𝟚𝟛 ৩৪৫", "$100 €50 £20 ¥9 100% #1 C++ a+b=c <=> ^~| `x` a_b @me",
    "!!! ... ?! -- --- ,,, ;; :: () [] {} <> «» “” ‘’ „“ 「」 【】 。、！？", "....\n\n!!!\n???\r\n  ---\n",
    "😀😃😄 🎉🎊 ❤️ ☺ ✌🏽 👍🏿 🇩🇪🇯🇵🇺🇸 👨‍👩‍👧‍👦 👩🏽‍💻 🏳️‍🌈 🏴‍☠️ 🧑‍🚀", "text😀text 😀 text😀😀\n😀",
    "é e\u0301 ñ n\u0303 ü u\u0308 Å A\u030a ṩ s\u0323\u0307 q\u0307\u0323 Z\u0335\u0321\u0361\u0489",
    "naïve café Ærøskøbing straße ÅNGSTRÖM İstanbul ǅ ǆ ﬁ ﬀ", "Ελληνικά ΩΔΣ ς ϐ", "Русский текст, ещё ЁЖИК", "Việt Nam đẹp lắm",
    "你好，世界！这是一个测试。", "日本語のテキストとカタカナ、ひらがな。ｶﾀｶﾅ", "한국어 텍스트 각 ᄀ\u1161\u11a8", "漢字かなAlphabet混在123",
    "สวัสดีชาวโลก ภาษาไทยไม่มีเว้นวรรค ก็ น้ำ", "العربية مرحبا بالعالم ١٢٣ لُغَةٌ عَرَبِيَّة", "עברית שָׁלוֹם", "فارسی می\u200cخواهم",
    "हिन्दी नमस्ते दुनिया क्षत्रिय ज़िन्दगी", "বাংলা ভাষা தமிழ் తెలుగు ಕನ್ನಡ മലയാളം ગુજરાતી ਪੰਜਾਬੀ සිංහල", "ខ្មែរ ລາວ မြန်မာ བོད་ཡིག ქართული Հայերեն አማርኛ ᏣᎳᎩ",
    "𝕳𝖊𝖑𝖑𝖔 𝒲𝑜𝓇𝓁𝒹 𐐷𐑊 𠀀𠀁𠮷 𒀀 🜁", "ﷺ ￼ \ufeff \u200b\u200c\u200d\u2060 \u00ad \u202e",
    "non\u00a0breaking\u2003em\u3000ideographic\u2028line\u2029para\u0085nel \u1680 \u205f", "\x00\x01\x02\x04\x1b[0m\x7f\x1c\x1d\x1e\x1f", "\x0b\x0c \x0b",
    "def f(x):\n    if x > 0:\n        return x ** 2  # square\n    else:\n\treturn -x\n\n\nprint(f'{f(3)!r}')\n",
    'int main(void) {\n  for (int i = 0; i < 10; ++i) printf("%d\\n", i);\n  return 0;\n}\n', "if(a&&b||!c){x->y[i]+=~z;}//end",
    '{"key": [1, 2.5, null, true], "nested": {"a": "b\\u00e9"}}', "<html><body class=\"x\"><h1>Hi</h1><table><tr><td>1</td></tr></table></body></html>",
    "https://example.com/path?query=1&x=%20#frag user@example.org C:\\Windows\\System32", "SELECT * FROM t WHERE a='b' AND c<>5;",
    "$$\\int_0^\\infty e^{-x^2}dx = \\frac{\\sqrt{\\pi}}{2}$$", "| a | b |\n|---|---|\n| 1 | 2 |\n\n- [ ] todo\n* item\n", "camelCase snake_case SCREAMING_CASE kebab-case",
    "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n", "<start_of_turn>user\nHi<end_of_turn>\n<start_of_turn>model\n",
    "a <|im_end|> b<|im_end|>c  <|im_end|>  d", "<|im_end|><|im_end|><|endoftext|>", "<|im_end| <|im_end|<|im_end|>|>", "<bos><eos><pad><unk><mask> x <s></s>",
    "<unused0><unused99> <unused9><unused", "[multimodal]<start_of_image><end_of_image>[multi", "<table></table><b>bold</b> <h1>x</h1> <h7>",
    "▁ ▁▁ a▁b ▁c >▁</ > </", "Ġ Ċ Ġa âĢ Â ł Ã©", "<0x0A><0xFF> <0x41>", "<repo_name><reponame><file_sep><jupyter_start>",
    "Pneumonoultramicroscopicsilicovolcanoconiosis antidisestablishmentarianism Donaudampfschifffahrtsgesellschaftskapitän",
    "aaaaabbbbbaaaaabbbbb aaaa bbbb", "AAAA BBBB aAaAaA", "the the the The THE tHE", "word.Word,word;word:word!word?word",
    "    four\n        eight\n            twelve\n", "a  b   c    d     e      f       g", " \t \t \n \t \r\n \t", "end with space ", "end with newline\n",
    "\u0301combining first", "a\u0301\u0302\u0303\u0304b", "1\u20e3 #\ufe0f\u20e3", "\ue000\uf8ff \U000f0000 \U0010ffff", "\ufffd\ufffd x\ufffdy", "\u0378 \u1c89 \u2b96 \U00011bc0 \U0001fae9",
]
BYTES = [
    b"\xff", b"\x80", b"abc\xffdef", b"\xff\xfe\xfd", b"\xe2\x82", b"\xe2\x82 x", b"caf\xe9 na\xefve", b"\xf0\x9f\x98", b"\xf0\x9f\x98 a\xf0\x9f",
    b"\xc3", b"\xc3(", b"\xa0\xa1", b"ok \xe4\xbd\xa0\xe5\xa5 ok", b"\xed\xa0\x80 \xed\xbf\xbf", b"\xc0\x80 \xe0\x80\xaf", b"\xf0\x9f\x98\x80\x80\x80",
    b"\x80 \x80 \xe2", b"<|im_end|>\xff<|im_end|>", b"<end_of_turn>\xe2<end_of_turn>", b" \xe2 \xe2\x96 \xe2\x96\x81", b"\xe2\x96\xe2\x96\x81a",
]


def mixtures(count, seed):
    """Pieces of the texts, cut anywhere and put together."""
    generator = random.Random(seed)
    for _ in range(count):
        pieces = []
        for _ in range(generator.randint(2, 5)):
            text = generator.choice(TEXTS)
            start = generator.randint(0, len(text))
            pieces.append(text[start : start + generator.randint(1, 12)])
        yield "".join(pieces)


ALL = [text.encode() for text in [*TEXTS, *mixtures(40, seed=7)]] + BYTES


class LlamaTokenizer:
    """llama.cpp's tokenizer of a GGUF file."""

    def __init__(self, path):
        quiet = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)(lambda *_: None)
        self.callback = quiet
        llama_cpp.llama_log_set(quiet, None)
        parameters = llama_cpp.llama_model_default_params()
        parameters.vocab_only = True
        self.model = llama_cpp.llama_model_load_from_file(str(path).encode(), parameters)
        assert self.model, path
        self.vocabulary = llama_cpp.llama_model_get_vocab(self.model)
        self.count = llama_cpp.llama_vocab_n_tokens(self.vocabulary)

    def encode(self, text, add_special=False, parse_special=True):
        buffer = (llama_cpp.llama_token * (4 * len(text) + 16))()
        count = llama_cpp.llama_tokenize(
            self.vocabulary, text, len(text), buffer, len(buffer), add_special, parse_special)
        assert count >= 0, text
        return list(buffer[:count])

    def piece(self, token):
        buffer = ctypes.create_string_buffer(4096)
        count = llama_cpp.llama_token_to_piece(self.vocabulary, token, buffer, len(buffer), 0, True)
        return buffer.raw[:count]

    def end_tokens(self):
        return [token for token in range(self.count) if llama_cpp.llama_vocab_is_eog(self.vocabulary, token)]


def as_text(data):
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def real_fixture(path):
    """The ids of a real file's tokenizer, by llama.cpp and by transformers."""
    from transformers import AutoTokenizer

    llama = LlamaTokenizer(path)
    other = AutoTokenizer.from_pretrained(os.path.dirname(path) or ".", gguf_file=os.path.basename(path))
    if "smollm" in path:
        # The conversion from GGUF loses this step of the published tokenizer.
        other._tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    cases = []
    for data in ALL:
        case = {
            "text_base64": base64.b64encode(data).decode(),
            "ids_parse_special_true": llama.encode(data),
            "ids_add_special_true": llama.encode(data, add_special=True),
        }
        plain = llama.encode(data, parse_special=False)
        if plain != case["ids_parse_special_true"]:
            case["ids_parse_special_false"] = plain
        text = as_text(data)
        if text is not None:
            others = other(text, add_special_tokens=False)["input_ids"]
            if others != case["ids_parse_special_true"]:
                case["others"] = others
                print(os.path.basename(path), "transformers differs:", repr(text)[:100])
        cases.append(case)
    pieces = {}
    for token in random.Random(1).sample(range(llama.count), 300):
        pieces[token] = base64.b64encode(llama.piece(token)).decode()
    return {"count": llama.count, "end_tokens": llama.end_tokens(), "pieces": pieces, "cases": cases}


GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace("{1,3}", "")
QWEN35 = QWEN2.replace(r"\p{L}+", r"[\p{L}\p{M}]+").replace(r"[^\s\p{L}\p{N}]+", r"[^\s\p{L}\p{M}\p{N}]+")
# The published expressions; llama.cpp's "default" has none.
EXPRESSIONS = {"default": None, "gpt-2": [GPT2], "smollm": [r"\p{N}", GPT2], "llama-bpe": [LLAMA3], "qwen2": [QWEN2],
               "qwen35": [QWEN35]}
CONTROLS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<unk>"]
USER_DEFINED = ["<table>", "\n\n\n", "[multimodal]"]


def write_gguf(path, name, model, pre, tokens, types, scores=None, merges=None, flags=None):
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name(name)
    writer.add_tokenizer_model(model)
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    if scores:
        writer.add_token_scores(scores)
    if merges:
        writer.add_token_merges(merges)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(3)
    for key, value in (flags or {}).items():
        writer.add_bool(f"tokenizer.ggml.{key}", value)
    writer.add_tensor("none", np.zeros(1, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def small_byte_pair_vocabulary():
    """A vocabulary trained across word boundaries."""
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    trainer = trainers.BpeTrainer(
        vocab_size=1_100, min_frequency=2, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False,
        max_token_length=12)
    # Every text several times, and cut in the middle, so that merges of all kinds come up, but none makes a special token.
    texts = [text.replace("<", "").replace("[multi", "") for text in TEXTS if len(set(text)) > 2]
    lines = [text[start:] for text in texts for start in (0, len(text) // 3, len(text) // 2)]
    tokenizer.train_from_iterator(lines, trainer)
    document = json.loads(tokenizer.to_str())["model"]
    learned = [token for token, _ in sorted(document["vocab"].items(), key=lambda item: item[1])]
    tokens = CONTROLS + learned + [text for text in USER_DEFINED]
    types = [3] * len(CONTROLS) + [1] * len(learned) + [4] * len(USER_DEFINED)
    return tokens, types, [" ".join(merge) for merge in document["merges"]]


def published(name, tokens, merges):
    """The `tokenizers` library with the published expressions of a pre-tokenizer."""
    model = models.BPE(
        vocab={token: index for index, token in enumerate(tokens)}, merges=[tuple(merge.split(" ")) for merge in merges],
        ignore_merges=name == "llama-bpe")
    tokenizer = tokenizers.Tokenizer(model)
    splits = [pre_tokenizers.Split(Regex(expression), "isolated") for expression in EXPRESSIONS[name]]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [*splits, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.add_special_tokens(CONTROLS)
    tokenizer.add_tokens([tokenizers.AddedToken(text, normalized=False) for text in USER_DEFINED])
    return tokenizer


def byte_pair_fixture(folder):
    """Ids by pre-tokenizer; null where they are those of gpt-2."""
    tokens, types, merges = small_byte_pair_vocabulary()
    expected, others = {}, {}
    for name, expressions in EXPRESSIONS.items():
        path = os.path.join(folder, f"{name}.gguf")
        write_gguf(path, name, "gpt2", name, tokens, types, merges=merges)
        llama = LlamaTokenizer(path)
        expected[name] = [llama.encode(data) for data in ALL]
        if expressions is None:
            continue
        other = published(name, tokens, merges)
        for index, data in enumerate(ALL):
            text = as_text(data)
            ids = text is not None and other.encode(text, add_special_tokens=False).ids
            if text is not None and ids != expected[name][index]:
                others.setdefault(name, {})[index] = ids
                print("small", name, "tokenizers differs:", repr(text)[:100])
    for name, lists in expected.items():
        if name != "gpt-2":
            expected[name] = [None if ids == plain else ids for ids, plain in zip(lists, expected["gpt-2"])]
    return {"tokens": tokens, "types": types, "merges": merges, "expected": expected, "others": others}


def small_scored_vocabulary(path):
    """Some of a real SentencePiece vocabulary: the bytes, and every seventh of the tokens that occur in the texts."""
    reader = gguf.GGUFReader(path)
    tokens = reader.fields["tokenizer.ggml.tokens"].contents()
    types = reader.fields["tokenizer.ggml.token_type"].contents()
    scores = reader.fields["tokenizer.ggml.scores"].contents()
    everything = "".join(TEXTS).replace(" ", "▁")
    kept = [token for token in range(len(tokens)) if types[token] == 1 and len(tokens[token]) < 12
            and tokens[token] in everything]
    kept = [token for index, token in enumerate(kept) if index % 7 == 0 or tokens[token] in ("▁", "▁▁", "e", "l", "o")]
    kept_texts = {tokens[token] for token in kept}
    names = ["<|endoftext|>", "<s>", "</s>", "<unk>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    extra = [">▁</", "▁b▁c"]
    assert not kept_texts & set(names + USER_DEFINED + extra + ["<|im_end|>"])
    result = names + [tokens[token] for token in kept] + extra + USER_DEFINED + ["<|im_end|>"]
    result_types = [3, 3, 3, 2] + [6] * 256 + [1] * (len(kept) + len(extra)) + [4] * len(USER_DEFINED) + [3]
    result_scores = [0.0] * 260 + [scores[token] for token in kept] + [-3.0, -4.0] + [0.0] * 4
    return result, result_types, result_scores


def scored_fixture(folder, gemma):
    tokens, types, scores = small_scored_vocabulary(gemma)
    variants = {
        "plain": ("small", {"add_space_prefix": False}),
        "prefixed": ("small", {}),
        "phi": ("Phi-3 small", {"add_eos_token": True}),
    }
    expected = {}
    for key, (name, flags) in variants.items():
        path = os.path.join(folder, f"{key}.gguf")
        write_gguf(path, name, "llama", "default", tokens, types, scores=scores, flags=flags)
        llama = LlamaTokenizer(path)
        # 48 texts are enough for the flags; all of them for the plain one.
        texts = ALL if key == "plain" else ALL[::3]
        expected[key] = [llama.encode(data, add_special=key != "plain") for data in texts]
    return {"tokens": tokens, "types": types, "scores": scores, "expected": expected}


def write(path, document):
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    # One case a line, so that a change shows where it is.
    text = text.replace('{"text_base64"', '\n{"text_base64"')
    with open(path, "w", encoding="utf-8") as file:
        file.write(text + "\n")
    print(path, len(text.encode()), "bytes")


def main():
    smollm2, gemma3, repository = sys.argv[1:]
    real = os.path.join(repository, "Tests/TesseraTests/Fixtures")
    write(os.path.join(real, "tokenizer-smollm2.json"), real_fixture(smollm2))
    write(os.path.join(real, "tokenizer-gemma3.json"), real_fixture(gemma3))
    with tempfile.TemporaryDirectory() as folder:
        document = {
            "texts": [base64.b64encode(data).decode() for data in ALL],
            "byte_pair": byte_pair_fixture(folder),
            "scored": scored_fixture(folder, gemma3),
        }
    write(os.path.join(repository, "Tests/TesseraTextTests/Fixtures/tokenizers-small.json"), document)


if __name__ == "__main__":
    main()
