"""Writes Tests/TesseraTextTests/Fixtures/tokenizer-json.json: the parts of `tokenizer.json` with what Hugging Face's
tokenizers library makes of hard texts.

    pip install tokenizers==0.23.3
    python Tests/Fixtures-scripts/make_tokenizer_json_fixtures.py .

`hard_texts` is also what scripts/verify-tokenizers compares large tokenizers on.
"""

import json
import os
import random
import sys

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

BASE = [
    "Hello, world!", "  leading and   multiple   spaces  ", "don't can't we'll I'M YOU'RE it's 'tis",
    "1234567890 12 345.678,9 x1234 12345a 1234", "naïve café résumé ÀÉÎõü Å Ω", "日本語のテキスト、漢字。カタカナ ーabc",
    "中文分词测试，没有空格。", "한국어 텍스트 테스트", "مرحبا بالعالم ١٢٣٤", "שלום עולם", "Привет, мир! Ёлка",
    "हिन्दी पाठ क्षत्रिय", "ไทยภาษา น้ำ", "👩‍👩‍👧‍👦🏳️‍🌈🇩🇪👍🏽", "e\u0301 a\u0308 o\u0302", "\t\ttabs\tand\nnewlines\r\nCRLF\n\n\n",
    "\u200b\u200d\ufeff\u00a0\u3000\u2028\u2029x", "def f(x):\n    return x**2  # comment\n",
    '<html><body class="a">&amp;</body></html>', '{"key": [1, 2.5e-3, null]}', "https://example.com/path?q=1&r=%20",
    "ﬁ ﬂ ½ ² ³ Ⅷ ①", "ﬀ ŉ ǆ ẞ ß İ ı ſ K 'ſ", "\x00\x01\x02\x7f\x80\x9f", "a" * 50, " " * 30, "▁▁ ▁a", "##ing ##",
    "<s></s><unk><mask><pad>[CLS][SEP][MASK][UNK]<|endoftext|><|im_start|>user<|im_end|>", "\ud7a3\u1112\u1161\u11ab",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝟘𝟙𝟚", "ᾳ ῼ ΐ Σς ΟΔΟΣ", "x̂ ỹ Z̄ n̈", "０１２ＡＢＣ！？", "«quoted» “smart” ‘single’ — – … •",
    "!!!???...,,,;;;:::", "foo_bar fooBar FooBARBaz HTTPServer ÀbcÉD", "I ♥ NY ™ © ®", "\u0e33\u0e4d\u0e32 \u0eb3",
    "ｶﾞｷﾞ ㌔ ㍿ ﷺ", "\u1ec7\u0323\u0302e", "İstanbul Iğdır", "don’t it’s we’ve", "100,000.50€ $5 £3 ¥7", "C++ C# .NET node.js",
    "\n", " ", "\n \n", "a\n b\n  c", "do not . ? ! , ' n't 'm 's 've 're", "",
]
POOLS = [
    (0x20, 0x7E), (0xA0, 0x24F), (0x300, 0x36F), (0x370, 0x52F), (0x590, 0x6FF), (0x900, 0xDFF), (0xE00, 0xFFF),
    (0x1000, 0x1FFF), (0x2000, 0x2FFF), (0x3000, 0x30FF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0xF900, 0xFFFF),
    (0x10000, 0x1FFFF), (0x20000, 0x2FA1F), (0xE0000, 0xE01EF),
]


def hard_texts(count, seed):
    """The texts above, mixtures of them, letters of one script and of many, small words, and odd spaces."""
    chance = random.Random(seed)
    texts = list(BASE)
    while len(texts) < count:
        kind = chance.randrange(6)
        if kind == 0:
            text = "".join(chance.choice(BASE) for _ in range(chance.randint(1, 4)))
        elif kind == 1:
            parts = []
            for _ in range(chance.randint(2, 6)):
                part = chance.choice(BASE)
                start = chance.randint(0, len(part))
                parts.append(part[start : start + chance.randint(1, 10)])
            text = chance.choice(["", " "]).join(parts)
        elif kind == 2:
            low, high = chance.choice(POOLS)
            text = "".join(chr(chance.randint(low, high)) for _ in range(chance.randint(1, 20)))
        elif kind == 3:
            text = " ".join(
                "".join(chr(chance.randint(97, 122)) for _ in range(chance.randint(1, 12)))
                for _ in range(chance.randint(1, 12)))
        elif kind == 4:
            text = "".join(chance.choice(" \n\taB1é中.'s\u0301▁-\r") for _ in range(chance.randint(1, 25)))
        else:
            text = "".join(chr(chance.randint(*chance.choice(POOLS))) for _ in range(chance.randint(1, 12)))
        texts.append("".join(letter for letter in text if not 0xD800 <= ord(letter) < 0xE000))
    return texts[:count]


GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
SPACES = r"\s*[\r\n]+|\s+(?!\S)|\s+"
SHORT = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
LLAMA3 = SHORT + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|" + SPACES
CL100K = (r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]"
          r"|\s+(?!\S)|\s")


def cased(suffix, more=""):
    capitals, small = rf"[\p{{Lu}}\p{{Lt}}\p{{Lm}}\p{{Lo}}\p{{M}}{more}]", rf"[\p{{Ll}}\p{{Lm}}\p{{Lo}}\p{{M}}{more}]"
    return (rf"[^\r\n\p{{L}}\p{{N}}]?{capitals}*{small}+{suffix}|[^\r\n\p{{L}}\p{{N}}]?{capitals}+{small}*{suffix}")


O200K = cased(SHORT + "?") + r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|" + SPACES
TEKKEN = cased("") + r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|" + SPACES
KIMI = (r"[\p{Han}]+|" + cased(SHORT + "?", r"&&[^\p{Han}]") + r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|" + SPACES)
DEEPSEEK3 = [
    r"\p{N}{1,3}", "[一-龥぀-ゟ゠-ヿ]+",
    r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|"""
    + SPACES]
GROUPS = r"(?=(\d{3})+(?!\d))"
GROUPS_AT_WORD_ENDS = r"\d{1,3}(?=(?:\d{3})*\b)"
# The names of `tokenizer.ggml.pre` whose published patterns are worth a comparison.
NAMED = {
    "gpt-2": [GPT2], "llama-bpe": [LLAMA3], "gpt-4o": [O200K], "tekken": [TEKKEN], "kimi-k2": [KIMI],
    "deepseek-v3": DEEPSEEK3, "deepseek-coder": [
        r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[一-龥ࠀ-一가-\ud7ff]+".replace("\ud7ff", "퟿"), r"\p{N}"],
    "qwen2": [LLAMA3.replace("{1,3}", "")], "bloom": [r" ?[^(\s|[.,!?…。，、।۔،])]+"],
    "tiny_aya": [GROUPS_AT_WORD_ENDS, O200K], "superbpe": [r"\p{N}+", GROUPS],
    "falcon": [r"[\p{P}\$\+<=>\^~\|`]+", GPT2, "[0-9][0-9][0-9]"],
    "exaone-moe": [SHORT + r"|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?"
                   r"|\s*[\r\n]|\s+(?!\S)|\s+"],
    "bailingmoe": [r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]"
                   r"|\s+(?!\S)|\s+"],
}
PATTERNS = [
    CL100K, r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+", r"\w+|[^\w\s]+",
    r"\bfoo|o\b", r"^a|b$", r"(?<=a)b|(?<!x)y", r"a*?b|a{2,3}?", r"[[:alpha:]]+|[[:punct:]]", r"(?:ab|a)(?:c|bcd)?", r"\s*",
    r"[^\S\n]+", r"\d+(?=\s)", r"(?i)é|k|s", r".+?\n|.", r"\p{^L}+", r"\P{L}+", r"[a-z&&[^aeiou]]+", r"(a|b)*c|(?>x+)y",
    r"\h+", r"(?m:.)+", r"\x{4e2d}|\u00e9", r"\p{Alpha}+|\p{Lu}\p{Ll}*", r"a{,2}b", r"x{y}", r"[\w]+", r"(?i:[^s])+",
]


def state(part):
    return json.loads(part.__getstate__())


def split(pattern, behavior="isolated", invert=False):
    return pre_tokenizers.Split(Regex(pattern), behavior, invert)


def normalizer_cases(texts):
    n = normalizers
    parts = [
        n.NFC(), n.NFD(), n.NFKC(), n.NFKD(), n.BertNormalizer(),
        n.BertNormalizer(clean_text=False, handle_chinese_chars=False, strip_accents=True, lowercase=False), n.Strip(),
        n.Strip(left=True, right=False), n.Sequence([n.NFD(), n.StripAccents()]), n.Lowercase(), n.Nmt(), n.Prepend("▁"),
        n.Replace(" ", "▁"), n.Replace(Regex(r"\s{2,}"), "_"), n.ByteLevel()]
    return [{"config": state(part), "expected": [part.normalize_str(text) for text in texts]} for part in parts]


def pieces(part, texts):
    return [[piece for piece, _ in part.pre_tokenize_str(text)] for text in texts]


def pre_tokenizer_cases(texts):
    p = pre_tokenizers
    parts = [
        p.BertPreTokenizer(), p.ByteLevel(), p.ByteLevel(add_prefix_space=False, use_regex=False),
        p.CharDelimiterSplit("a"), p.Metaspace(), p.Metaspace(prepend_scheme="first"),
        p.Metaspace(prepend_scheme="never", split=False), p.Whitespace(), p.WhitespaceSplit(),
        p.Sequence([p.WhitespaceSplit(), p.Metaspace(prepend_scheme="first"), p.Digits(True)]), p.Digits(False),
        p.Digits(True), p.FixedLength(3)]
    for behavior in ["removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"]:
        parts += [p.Punctuation(behavior), split(r"\s|[.,!?]", behavior), split(r"\w+", behavior, invert=True),
                  p.Split("a", behavior)]
    parts += [split(pattern) for pattern in PATTERNS]
    return [{"config": state(part), "expected": pieces(part, texts)} for part in parts]


def named_cases(texts):
    result = {}
    for name, patterns in NAMED.items():
        part = pre_tokenizers.Sequence([split(pattern) for pattern in patterns])
        result[name] = pieces(part, texts)
    return result


def decoder_cases():
    d = decoders
    words = [["Hello", "wor", "##ld", "do", "not", ".", "it", "'", "s"], ["##a"], ["a", "a", "b", "a", "|", "|", "a"],
             ["▁Hel", "lo▁▁x", "▁"], ["<0xE4>", "<0xB8>", "<0xAD>", "x", "<0xFF>", "<0x41>", "<0x4G>", "<0xE4>"],
             ["  a", " ", "b  ", "   "], ["low</w>", "er</w>", "a"], ["Ġa", "Ã", "©", "中", "Ċ"], ["aaaba", "xaaa"],
             [" ", " ", " "], ["a", "<pad>", "a", "<pad>", "b"]]
    parts = [
        d.ByteLevel(), d.Metaspace(), d.Metaspace(prepend_scheme="never"), d.WordPiece(), d.WordPiece("##", False),
        d.ByteFallback(), d.Fuse(), d.Strip("a", 2, 0), d.Replace("a", "X"), d.Replace(Regex("a+"), "X"),
        d.CTC(), d.CTC("a", "b", False), d.BPEDecoder(), d.Sequence([d.Fuse(), d.Strip(" ", 1, 2)]),
        d.Sequence([d.Fuse(), d.Replace("ab", "X")]),
        d.Sequence([d.Replace("▁", " "), d.ByteFallback(), d.Fuse(), d.Strip(" ", 1, 0)]),
        d.Sequence([d.Metaspace(), d.ByteFallback()])]

    def decode(part, tokens):
        try:
            return part.decode(tokens)
        except BaseException:  # The library panics on some.
            return None

    return [{"config": state(part), "expected": [decode(part, tokens) for tokens in words]} for part in parts], words


def trained(model, trainer, corpus, normalizer=None, pre=None, decoder=None):
    tokenizer = Tokenizer(model)
    if normalizer:
        tokenizer.normalizer = normalizer
    if pre:
        tokenizer.pre_tokenizer = pre
    tokenizer.train_from_iterator(corpus, trainer)
    if decoder:
        tokenizer.decoder = decoder
    return tokenizer


def tokenizers_to_compare(corpus):
    p, d, n = pre_tokenizers, decoders, normalizers
    alphabet = p.ByteLevel.alphabet()

    def bpe(size, **options):
        return trainers.BpeTrainer(vocab_size=size, show_progress=False, **options)

    result = {}
    level = result["byte-level BPE"] = trained(
        models.BPE(), bpe(400, initial_alphabet=alphabet, special_tokens=["<s>", "</s>", "<|im_end|>"]), corpus,
        pre=p.ByteLevel(add_prefix_space=False), decoder=d.ByteLevel())
    level.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(
            single="<s> $A </s>", pair="<s> $A </s> $B:1 </s>:1", special_tokens=[("<s>", 0), ("</s>", 1)])])
    result["BPE with ends of words"] = trained(
        models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"),
        bpe(300, limit_alphabet=90, end_of_word_suffix="</w>", special_tokens=["<unk>"]), corpus, pre=p.WhitespaceSplit(),
        decoder=d.BPEDecoder())
    result["BPE with marks within words"] = trained(
        models.BPE(unk_token="<unk>", continuing_subword_prefix="##"),
        bpe(300, continuing_subword_prefix="##", limit_alphabet=60, special_tokens=["<unk>"]), corpus,
        pre=p.WhitespaceSplit(), decoder=d.WordPiece())
    result["BPE that fuses the unknown"] = trained(
        models.BPE(unk_token="<unk>", fuse_unk=True), bpe(150, limit_alphabet=40, special_tokens=["<unk>"]), corpus,
        pre=p.WhitespaceSplit())
    result["BPE that drops the unknown"] = trained(
        models.BPE(), bpe(150, limit_alphabet=40), corpus, pre=p.WhitespaceSplit())
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    result["BPE with bytes"] = trained(
        models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True),
        bpe(450, limit_alphabet=60, special_tokens=["<unk>", *bytes_]), corpus,
        normalizer=n.Sequence([n.Prepend("▁"), n.Replace(" ", "▁")]), pre=p.Split(" ", "merged_with_previous"),
        decoder=d.Sequence([d.Replace("▁", " "), d.ByteFallback(), d.Fuse(), d.Strip(" ", 1, 0)]))
    plain = [text for text in corpus if text.isascii()]
    unigram = result["Unigram"] = trained(
        models.Unigram(),
        trainers.UnigramTrainer(
            vocab_size=250, show_progress=False, unk_token="<unk>", special_tokens=["<pad>", "</s>", "<unk>"]), plain,
        normalizer=n.Sequence([n.Nmt(), n.NFKC(), n.Replace(Regex(" {2,}"), " ")]), pre=p.Metaspace(),
        decoder=d.Metaspace())
    document = json.loads(unigram.to_str())
    document["model"]["byte_fallback"] = True
    document["model"]["vocab"] += [[name, 0.0] for name in bytes_]
    document["decoder"] = state(d.Sequence([d.Metaspace(), d.ByteFallback()]))
    result["Unigram with bytes"] = Tokenizer.from_str(json.dumps(document))
    word_piece = result["WordPiece"] = trained(
        models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=20),
        trainers.WordPieceTrainer(
            vocab_size=350, limit_alphabet=90, show_progress=False, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]), corpus,
        normalizer=n.BertNormalizer(), pre=p.BertPreTokenizer(), decoder=d.WordPiece())
    word_piece.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    word_level = result["WordLevel"] = trained(
        models.WordLevel(vocab={"[UNK]": 0}, unk_token="[UNK]"),
        trainers.WordLevelTrainer(vocab_size=200, show_progress=False, special_tokens=["[UNK]", "<s>", "</s>"]), corpus,
        pre=p.Whitespace())
    word_level.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 1))
    flags = [("plain", {}), ("left", {"lstrip": True}), ("right", {"rstrip": True}), ("word", {"single_word": True}),
             ("both", {"normalized": False, "lstrip": True, "rstrip": True})]
    for name, options in flags:
        tokenizer = result[f"added tokens, {name}"] = trained(
            models.BPE(), bpe(280, initial_alphabet=alphabet), corpus, pre=p.ByteLevel(add_prefix_space=False),
            decoder=d.ByteLevel())
        tokenizer.add_tokens([AddedToken(text, **options) for text in ["foo", "Hello", "a b", "中", "don't", "<s>", "n"]])
        tokenizer.add_special_tokens([AddedToken(text, **options) for text in ["</s>", "<|im_end|>", "[MASK]"]])
    return result


def tokenizer_cases(corpus, texts):
    cases = []
    for name, tokenizer in tokenizers_to_compare(corpus).items():
        encoded = [tokenizer.encode(text, add_special_tokens=False).ids for text in texts]
        pairs = [tokenizer.encode(text, other) for text, other in zip(texts[:6], texts[6:12])]
        cases.append({
            "name": name, "tokenizer": json.loads(tokenizer.to_str()), "ids": encoded,
            "texts": [tokenizer.decode(ids) for ids in encoded],
            "special": [tokenizer.encode(text).ids for text in texts[:6]],
            "pairs": [{"ids": pair.ids, "types": pair.type_ids} for pair in pairs]})
    return cases


def main():
    texts = BASE + [text for text in hard_texts(140, seed=5)[len(BASE):]]
    few = texts[:len(BASE)] + texts[-10:]
    decoder_list, tokens = decoder_cases()
    document = {
        "texts": few, "normalizers": normalizer_cases(few), "pre_tokenizers": pre_tokenizer_cases(few),
        "named": named_cases(few), "decoders": decoder_list, "tokens": tokens,
        "tokenizers": tokenizer_cases(hard_texts(400, seed=9), few)}
    path = os.path.join(sys.argv[1], "Tests/TesseraTextTests/Fixtures/tokenizer-json.json")
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    # One case a line, so that a change shows where it is.
    text = text.replace('{"config"', '\n{"config"').replace('{"name"', '\n{"name"')
    with open(path, "w", encoding="utf-8") as file:
        file.write(text + "\n")
    print(path, len(text), "bytes")


if __name__ == "__main__":
    main()
