"""Writes Sources/TesseraText/Tokenizers/Normalizers/OldUnicode.swift: asks Hugging Face's tokenizers library about each
scalar, as some of its parts have tables of old versions of Unicode.

    pip install tokenizers==0.23.3
    python Tests/Fixtures-scripts/make_unicode_sets.py .
"""

import os
import sys

from tokenizers import normalizers, pre_tokenizers

SCALARS = [value for value in range(0x110000) if not 0xD800 <= value < 0xE000]


def removed(pre_tokenizer):
    """The scalars that a pre-tokenizer leaves out."""
    result = []
    for start in range(0, len(SCALARS), 4096):
        chunk = SCALARS[start : start + 4096]
        kept = set("".join(piece for piece, _ in pre_tokenizer.pre_tokenize_str("".join(map(chr, chunk)))))
        result += [value for value in chunk if chr(value) not in kept]
    return result


def mapped(normalizer, target):
    """The scalars that a normalizer makes `target` and that are not so already."""
    return [value for value in SCALARS if chr(value) != target and normalizer.normalize_str(chr(value)) == target]


def number(value):
    digits = f"{value:04X}"
    return "0x" + (digits if len(digits) == 4 else digits[:-4] + "_" + digits[-4:])


def write(name, comment, scalars):
    ranges = []
    for value in scalars:
        if ranges and ranges[-1][1] == value - 1:
            ranges[-1][1] = value
        else:
            ranges.append([value, value])
    lines, line = [], "   "
    for low, high in ranges:
        item = f" {number(low)}...{number(high)},"
        if len(line) + len(item) > 118:
            lines.append(line)
            line = "   "
        line += item
    body = "\n".join([*lines, line])
    return (f"  /// {comment}\n  static let {name} = ScalarSet({name}Ranges)\n"
            f"  private static let {name}Ranges: [ClosedRange<UInt32>] = [\n{body}\n  ]\n")


def main():
    cleaning = normalizers.BertNormalizer(
        clean_text=True, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    stripping = normalizers.BertNormalizer(
        clean_text=False, handle_chinese_chars=False, strip_accents=True, lowercase=False)
    parts = [
        ("punctuation", "Punctuation to `Punctuation` and `BertPreTokenizer`.",
         removed(pre_tokenizers.Punctuation("removed"))),
        ("otherScalars", "Scalars that `BertNormalizer` takes out of the text.", mapped(cleaning, "")),
        ("bertSpaces", "Scalars that `BertNormalizer` makes a space.", mapped(cleaning, " ")),
        ("combiningMarks", "Scalars that `StripAccents` takes out.", mapped(normalizers.StripAccents(), "")),
        ("nonspacingMarks", "Scalars that `BertNormalizer` takes out as accents.", mapped(stripping, "")),
    ]
    path = os.path.join(sys.argv[1], "Sources/TesseraText/Tokenizers/Normalizers/OldUnicode.swift")
    with open(path, "w", encoding="utf-8") as file:
        file.write(
            "/// Sets of scalars as the tokenizers library has them, of versions of Unicode from 7 to 10 and with its own\n"
            "/// exceptions.\n///\n"
            "/// `Tests/Fixtures-scripts/make_unicode_sets.py` wrote this file: it asks the library about each scalar.\n"
            "enum OldUnicode {\n" + "\n".join(write(*part) for part in parts) + "}\n")


if __name__ == "__main__":
    main()
