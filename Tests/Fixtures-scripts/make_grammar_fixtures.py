"""Writes what others say about JSON schemas, regular expressions and GBNF grammars, for the tests of TesseraText.

    python3 Tests/Fixtures-scripts/make_grammar_fixtures.py --llama LLAMA.CPP --library FOLDER

needs jsonschema[format-nongpl], hypothesis-jsonschema and hypothesis 6.100 (newer ones do not go with it); llama.cpp's sources, and the folder of a libllama.so built of them.
Documents: jsonschema says which are valid. Texts of expressions: Python's re. Texts of grammars: llama.cpp.
"""

import argparse
import copy
import itertools
import json
import random
import re
import subprocess
import tempfile
import warnings
from pathlib import Path

import jsonschema
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis_jsonschema import from_schema

from grammar_expressions import EXPRESSIONS, GRAMMARS, REFUSED_EXPRESSIONS, REFUSED_GRAMMARS
from grammar_schemas import REFUSED, SERVED

FOLDER = Path(__file__).resolve().parent.parent / "TesseraTextTests" / "Fixtures" / "grammars"
ORACLE = """
#include "llama-grammar.h"
#include <cstdio>
#include <string>
static bool read(std::string & text) {
    size_t count;
    if (scanf("%zu", &count) != 1) { return false; }
    getchar();
    text.resize(count);
    return fread(text.data(), 1, count, stdin) == count;
}
int main() {
    std::string grammar, text;
    while (read(grammar) && read(text)) {
        auto * parsed = llama_grammar_init_impl(nullptr, grammar.c_str(), "root", false, nullptr, 0, nullptr, 0);
        if (!parsed) { puts("error"); continue; }
        bool accepted = true;
        try { llama_grammar_accept_str(*parsed, text); } catch (const std::exception &) { accepted = false; }
        if (accepted) {
            accepted = false;
            for (const auto & stack : llama_grammar_get_stacks(parsed)) { accepted = accepted || stack.empty(); }
        }
        puts(accepted ? "yes" : "no");
        llama_grammar_free_impl(parsed);
    }
}
"""


def validator(schema):
    return jsonschema.Draft202012Validator(schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)


def ordered(value, schema, root):
    """The value with its members in the schema's order; KeyError where a member is not listed and none may be."""
    if isinstance(schema, bool):
        return value
    if "$ref" in schema:
        target = root
        for part in schema["$ref"].split("/")[1:]:
            target = target[part.replace("~1", "/").replace("~0", "~")]
        schema = {**{k: v for k, v in target.items()}, **{k: v for k, v in schema.items() if k != "$ref"}}
    for key in ("anyOf", "oneOf"):
        for option in schema.get(key, []):
            if validator({**option, "$defs": root.get("$defs", {})}).is_valid(value):
                if "properties" in schema:
                    break
                return ordered(value, option, root)
    merged = dict(schema)
    for part in schema.get("allOf", []):
        if "$ref" in part:
            part = root["$defs"][part["$ref"].split("/")[-1]]
        merged["properties"] = {**merged.get("properties", {}), **part.get("properties", {})}
    if isinstance(value, dict):
        listed = dict(merged.get("properties", {}))
        for name in merged.get("required", []):
            listed.setdefault(name, merged.get("additionalProperties", True))
        result = {name: ordered(value[name], listed[name], root) for name in listed if name in value}
        for name in value:
            if name not in listed:
                if listed and "additionalProperties" not in merged:
                    raise KeyError(name)
                result[name] = ordered(value[name], merged.get("additionalProperties", True), root)
        return result
    if isinstance(value, list):
        prefix = merged.get("prefixItems", [])
        return [ordered(item, prefix[i] if i < len(prefix) else merged.get("items", True), root)
                for i, item in enumerate(value)]
    return value


def is_plain(value, wants_lines):
    """Whether numbers are short ones without exponents, and integers without points."""
    if isinstance(value, bool) or value is None:
        return True
    if isinstance(value, int):
        return abs(value) < 10**16
    if isinstance(value, float):
        return value != int(value) and re.fullmatch(r"-?\d{1,16}\.\d{1,20}", repr(value)) is not None
    if isinstance(value, str):
        return wants_lines or not re.search("[\n\r\u2028\u2029]", value)
    if isinstance(value, dict):
        return all(is_plain(v, wants_lines) and is_plain(k, wants_lines) for k, v in value.items())
    return all(is_plain(v, wants_lines) for v in value)


def values(rng, depth=0):
    kind = rng.randrange(9 if depth < 3 else 6)
    if kind == 0:
        return rng.choice([None, True, False])
    if kind in (1, 2):
        return rng.choice([0, 1, -1, 3, 7, 9, 10, 17, 18, 95, 100, 101, 1203, 1204, -12, -7, -8, rng.randint(-10**6, 10**6)])
    if kind == 3:
        return rng.choice([0.5, 1.5, 0.1, 0.125, 0.25, -1.25, 2.5, 10.05, 9.5, 0.005, 1e30, -0.5, 0.2500001, 1.0])
    if kind in (4, 5):
        return "".join(rng.choices("abcxyz-01é\"\\\n日 ", k=rng.randrange(6)))
    if kind in (6, 7):
        return {rng.choice(["a", "b", "c", "x", "y", "kind", "name", "ab", "z"]): values(rng, depth + 1)
                for _ in range(rng.randrange(3))}
    return [values(rng, depth + 1) for _ in range(rng.randrange(4))]


def instance(schema, root, rng, depth=0):
    """A document that is valid mostly, for what hypothesis-jsonschema does not know."""
    if isinstance(schema, bool) or not schema:
        return values(rng, 2)
    if "$ref" in schema:
        target = root
        for part in schema["$ref"].split("/")[1:]:
            target = target[part.replace("~1", "/").replace("~0", "~")]
        return instance({**target, **{k: v for k, v in schema.items() if k != "$ref"}}, root, rng, depth)
    for key in ("anyOf", "oneOf"):
        if key in schema and "properties" not in schema:
            return instance(rng.choice(schema[key]), root, rng, depth)
    if "allOf" in schema:
        merged = {k: v for k, v in schema.items() if k != "allOf"}
        for part in schema["allOf"]:
            part = root["$defs"][part["$ref"].split("/")[-1]] if "$ref" in part else part
            merged = {**merged, **part, "properties": {**merged.get("properties", {}), **part.get("properties", {})},
                      "required": merged.get("required", []) + part.get("required", [])}
        return instance(merged, root, rng, depth)
    if "const" in schema or "enum" in schema:
        return schema["const"] if "const" in schema else rng.choice(schema["enum"])
    kind = schema.get("type", "object" if "properties" in schema else "array")
    kind = rng.choice(kind) if isinstance(kind, list) else kind
    if kind == "object":
        required = schema.get("required", [])
        names = [n for n in schema.get("properties", {}) if n in required or rng.random() < max(0.1, 0.6 - depth / 5)]
        result = {n: instance(schema["properties"][n], root, rng, depth + 1) for n in names}
        extra = schema.get("additionalProperties", False)
        for name in rng.choices(["a", "k", "é\"", "abc", ""], k=rng.randrange(3)) if extra else []:
            result.setdefault(name, instance(extra, root, rng, depth + 1))
        return result
    if kind == "array":
        prefix, items = schema.get("prefixItems", []), schema.get("items", True)
        most = schema.get("maxItems", 4) if items else len(prefix)
        count = rng.randint(min(schema.get("minItems", 0), most), max(0, most - depth))
        return [instance(prefix[i] if i < len(prefix) else items, root, rng, depth + 1) for i in range(count)]
    if kind == "integer":
        low = schema.get("minimum", min(-50, schema.get("maximum", 0)))
        return rng.randint(low, max(low, schema.get("maximum", 2000)))
    if kind == "string":
        return "".join(rng.choices("abc é\"\\\n0", k=rng.randint(schema.get("minLength", 0), schema.get("maxLength", 6))))
    return {"number": rng.choice([0, 1, 0.5, 12.25]), "boolean": rng.random() < 0.5, "null": None}[kind]


def mutated(value, rng):
    """A document that differs in one place."""
    value = copy.deepcopy(value)
    if isinstance(value, dict) and value and rng.random() < 0.8:
        key = rng.choice(sorted(value))
        if rng.random() < 0.3:
            del value[key]
        elif rng.random() < 0.3:
            value[rng.choice(["a", "b", "q", "zz"])] = values(rng, 2)
        else:
            value[key] = mutated(value[key], rng)
        return value
    if isinstance(value, list) and value and rng.random() < 0.8:
        index = rng.randrange(len(value))
        if rng.random() < 0.4:
            value.insert(index, copy.deepcopy(rng.choice(value)))
        elif rng.random() < 0.4:
            del value[index]
        else:
            value[index] = mutated(value[index], rng)
        return value
    if isinstance(value, str) and value and rng.random() < 0.8:
        index = rng.randrange(len(value))
        return value[:index] + rng.choice(["", "a", "0", "-", "\"", value]) + value[index + 1:]
    if isinstance(value, (int, float)) and not isinstance(value, bool) and rng.random() < 0.7:
        return value + rng.choice([1, -1, 0.5, 100, -100])
    return values(rng, 1)


def documents(schema, rng):
    found = []

    @settings(max_examples=40, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))
    @given(from_schema(schema))
    def collect(value):
        found.append(value)

    try:
        collect()
    except Exception as error:  # It knows no recursion and no newer keywords.
        print("hypothesis:", json.dumps(schema)[:80], type(error).__name__)
    root = schema if isinstance(schema, dict) else {}
    if not re.search("pattern|format|exclusive|[.]", json.dumps(root)):
        found += [instance(schema, root, rng) for _ in range(25)]
    return found + [values(rng) for _ in range(20)] + [mutated(rng.choice(found), rng) for _ in range(40) if found]


def write(name, content):
    FOLDER.mkdir(exist_ok=True)
    rows = ",\n".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in content)
    (FOLDER / f"{name}.json").write_text(f"[\n{rows}\n]\n")


def schemas():
    rng = random.Random(14)
    rows = []
    for schema in SERVED:
        check = validator(schema)
        text = json.dumps(schema)
        lines = not re.search('"(pattern|format)"', text)
        accepted, valid, invalid = {}, {}, {}
        for value in documents(schema, rng):
            written = json.dumps(value, ensure_ascii=False)
            try:
                written.encode()
            except UnicodeEncodeError:
                continue
            if len(written) > 400:
                continue
            if not check.is_valid(value):
                invalid[written] = None
                continue
            valid[written] = None
            if '"format"' in text:  # They are stricter than the standards.
                continue
            try:
                best = ordered(value, schema, schema if isinstance(schema, dict) else {})
            except KeyError:
                continue
            if is_plain(best, lines):
                style = rng.choice([(", ", ": "), (",", ":")])
                accepted[json.dumps(best, ensure_ascii=False, separators=style)] = None
        if not accepted and '"format"' not in text:
            print("none accepted:", text)
        rows.append({"schema": schema, "accepted": sorted(accepted)[:20], "valid": sorted(valid)[:10],
                     "refused": sorted(invalid)[:25]})
    write("schemas", rows)
    write("schemas-refused", [{"schema": s if isinstance(s, str) else json.dumps(s), "code": c} for s, c in REFUSED])


def texts_of(pattern, rng, alphabet):
    """Texts near those that a pattern matches."""
    texts = {"", *alphabet}
    texts |= {"".join(p) for p in itertools.product(alphabet[:4], repeat=2)}
    for _ in range(150):
        texts.add("".join(rng.choices(alphabet, k=rng.randrange(1, 9))))
    return texts


def expressions():
    from hypothesis import strategies
    rng = random.Random(15)
    rows = []
    for pattern in EXPRESSIONS:
        python = re.compile(re.sub(r"\\u\{(\w+)\}", lambda m: chr(int(m[1], 16)), pattern).replace("(?<month>", "(?P<month>"),
                            re.ASCII if pattern.isascii() else 0)
        found = set()

        @settings(max_examples=30, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
                  suppress_health_check=list(HealthCheck))
        @given(strategies.from_regex(python, fullmatch=True))
        def collect(text):
            found.add(text)

        collect()
        letters = sorted({c for text in found for c in text})[:8] + list("abc1")
        for text in sorted(found):
            for _ in range(3):
                index = rng.randrange(len(text) + 1)
                found.add(text[:index] + rng.choice(["", *letters]) + text[index + rng.randrange(2):])
        found |= texts_of(pattern, rng, letters)
        # Python's matcher goes back and forth for ages where repetitions nest.
        longest = 18 if re.search(r"\)[*+?{]", pattern) else 300
        # What a dot takes differs between languages, and before a last line's end Python's '$' matches.
        found = {t for t in found if len(t) <= longest and not re.search("[\r\u2028\u2029\ud800-\udfff]", t) and not t.endswith("\n")}
        matches = sorted(t for t in found if python.fullmatch(t))
        rows.append({"expression": pattern, "accepted": matches[:25],
                     "refused": sorted((t for t in found if not python.fullmatch(t)), key=lambda t: (len(t), t))[:35]})
    write("expressions", rows)
    write("expressions-refused", [{"expression": p, "code": c} for p, c in REFUSED_EXPRESSIONS])


def grammars(llama, library):
    rng = random.Random(16)
    with tempfile.TemporaryDirectory() as folder:
        source, program = Path(folder, "oracle.cpp"), Path(folder, "oracle")
        source.write_text(ORACLE)
        subprocess.run(["c++", "-std=c++17", "-o", program, source, f"-I{llama}/src", f"-I{llama}/include",
                        f"-I{llama}/ggml/include", f"-L{library}", "-lllama", f"-Wl,-rpath,{library}",
                        f"-Wl,-rpath-link,{library}"], check=True)

        def ask(pairs):
            data = b"".join(b"%d\n%b" % (len(t), t) for pair in pairs for t in (x.encode() for x in pair))
            answer = subprocess.run([program], input=data, capture_output=True, check=True).stdout.decode()
            return answer.split()

        rows = []
        for grammar, alphabet in GRAMMARS:
            texts = {"".join(p) for n in range(5) for p in itertools.product(alphabet[:4], repeat=n)}
            texts |= {"".join(rng.choices(alphabet, k=rng.randrange(1, 9))) for _ in range(3000)}
            if "pair" in grammar:
                texts |= {'{}', '{"a":1}', '{"a": {"aa":{}}, "a": 11}', '{"a":1,}', '{ "a" : 1}', '{"a":{}', '{"1":1}'}
            texts = sorted(texts)
            answers = ask([(grammar, text) for text in texts])
            assert "error" not in answers and len(answers) == len(texts), grammar
            accepted = [t for t, a in zip(texts, answers) if a == "yes"]
            refused = [t for t, a in zip(texts, answers) if a == "no"]
            assert accepted and refused, grammar
            rows.append({"grammar": grammar, "accepted": rng.sample(accepted, min(30, len(accepted))),
                         "refused": rng.sample(refused, min(30, len(refused)))})
        write("gbnf", rows)
    write("gbnf-refused", [{"grammar": g, "code": c} for g, c in REFUSED_GRAMMARS])


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser()
    parser.add_argument("--llama", required=True)
    parser.add_argument("--library", required=True)
    arguments = parser.parse_args()
    schemas()
    expressions()
    grammars(arguments.llama, Path(arguments.library).resolve())
