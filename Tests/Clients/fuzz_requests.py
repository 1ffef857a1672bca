"""Requests from a seed: right ones, wrong ones, and what the server may answer to each."""

import json
import random
import re
from dataclasses import dataclass, field

REFUSED = {400, 404, 413, 422}
EITHER = {200} | REFUSED
CHAT, COMPLETIONS = "/v1/chat/completions", "/v1/completions"

PATTERNS = [
    "(a+)+$", "(a|aa)*b", "(?:a?){64}a{64}", "a{1,100000}", "(((a{100}){100}){100}){100}", "[^\\x00-\\x{10FFFF}]", "(?<=a)b", "\\1",
    "(a)\\1", "\\p{Greek}+", "[z-a]", "(", ")", "[", "*", "a**", "\\", "(?P<n>a)(?P=n)", ".*.*.*.*=.*", "^$", "", "\\d{1000}", "a" * 5000,
    "[" + "ab" * 3000 + "]", "(" * 500 + "a" + ")" * 500, "(?:" * 3000 + "a" + ")" * 3000, "|" * 5000, "(?i)abc", "\\u{110000}", "💥+",
]
GRAMMARS = [
    'root ::= "a" root', "root ::= root", 'root ::= ("a" | root)* "b"', "", "root", 'root ::= "', "root ::= missing", 'x ::= "a"',
    'root ::= [^\\x00-\\U0010FFFF]', 'root ::= "a"{100000}', "root ::= " + "(" * 2000 + '"a"' + ")" * 2000, 'root ::= "a"?' * 3,
    "\n".join(f'r{index} ::= r{index + 1} r{index + 1}' for index in range(60)) + '\nr60 ::= "a"\nroot ::= r0', 'root ::= ' + '"a" | ' * 3000 + '"b"',
    'root ::= ""', 'root ::= root root | "a"', 'root ::= a\na ::= b\nb ::= a', 'root ::= "\\uD800"',
]
STRANGE = [
    None, True, False, 0, -1, 1, 0.5, -0.0, 1e308, -1e308, 2**31, 2**63, -(2**63) - 1, 2**64, 10**300, "", "x", "\u0000", "\ud7ff\ue000",
    "💥" * 50, "{{7*7}}", "{% for i in range(10**9) %}x{% endfor %}", "../../etc/passwd", "<|end|>", "</s>" * 30, [], {}, [[]], [None], [{}],
    {"": None}, "y" * 20000, list(range(300)), {str(index): index for index in range(300)}, "%s%n%x", "'; DROP TABLE", "nan", "1",
]
FIELDS = [
    "model", "messages", "prompt", "max_tokens", "max_completion_tokens", "temperature", "top_p", "top_k", "min_p", "n", "stop", "stream",
    "stream_options", "seed", "logprobs", "top_logprobs", "logit_bias", "presence_penalty", "frequency_penalty", "repetition_penalty",
    "response_format", "tools", "tool_choice", "parallel_tool_calls", "user", "echo", "best_of", "suffix", "cache_salt", "priority",
    "guided_json", "guided_regex", "guided_grammar", "guided_choice", "grammar", "json_schema", "chat_template", "chat_template_kwargs",
    "add_generation_prompt", "ignore_eos", "metadata", "store", "reasoning_effort", "modalities", "audio", "stop_token_ids",
    "reproduce", "background", "truncation",
]


@dataclass
class Request:
    kind: str
    method: str = "POST"
    path: str = CHAT
    body: bytes = b""
    headers: dict = field(default_factory=lambda: {"Content-Type": "application/json"})
    statuses: set = field(default_factory=lambda: {200})
    streamed: bool = False
    raw: bytes = None  # sent as it is, instead
    leaves: float = None  # the share of the way after which the client vanishes
    half_closes: bool = False
    holds: object = None  # what must be true of the text of an answer that was not cut


def text(generator, most=40):
    alphabet = "abc déf 漢字 👩‍🚀\n\t\"\\{}<|>" if generator.random() < 0.4 else "the cat sat on a mat "
    return "".join(generator.choice(alphabet) for _ in range(generator.randint(1, most)))


def valid_chat(generator):
    roles = ["system", "user", "assistant", "user"][generator.randint(0, 1):]
    body = {
        "model": "tiny", "max_tokens": generator.randint(1, 4),
        "messages": [{"role": role, "content": text(generator)} for role in roles],
    }
    extras = {
        "temperature": generator.choice([0, 0.5, 1, 2]), "top_p": generator.choice([0.1, 0.9, 1]), "seed": generator.randrange(2**31),
        "n": generator.randint(1, 2), "stop": generator.choice(["a", ["b", "cd"]]), "presence_penalty": generator.uniform(-2, 2),
        "logit_bias": {str(generator.randrange(260)): generator.randint(-100, 100)}, "user": text(generator),
        "cache_salt": "salt", "min_p": 0.05, "top_k": generator.randint(1, 50), "reproduce": True,
    }
    for name in generator.sample(sorted(extras), generator.randint(0, 4)):
        body[name] = extras[name]
    if generator.random() < 0.2:
        body |= {"logprobs": True, "top_logprobs": generator.randint(0, 5)}
    return body


def valid_completion(generator):
    prompts = [text(generator), [text(generator), text(generator)], [generator.randrange(256) for _ in range(5)]]
    body = {"model": "tiny", "prompt": generator.choice(prompts), "max_tokens": generator.randint(1, 4)}
    if generator.random() < 0.3:
        body |= {"echo": True, "logprobs": generator.randint(0, 3)}
    return body


def dump(value, generator=None):
    return json.dumps(value, ensure_ascii=generator is not None and generator.random() < 0.5).encode("utf-8", "surrogatepass")


def is_json(data):
    """Whether this is JSON text by the letter."""
    def refuse(_):
        raise ValueError
    try:
        json.loads(data.decode("utf-8"), parse_constant=refuse)
    except (ValueError, RecursionError):
        return False
    return True


def valid(generator):
    kind = generator.randrange(10)
    if kind < 5:
        body, path = valid_chat(generator), CHAT
    elif kind < 8:
        body, path = valid_completion(generator), COMPLETIONS
    elif kind == 8:
        return Request("valid", path="/tokenize", body=dump({"content": text(generator)}, generator))
    else:
        return Request("valid", method="GET", path=generator.choice(["/v1/models", "/health", "/v1/models/tiny", "/", "/metrics"]))
    streamed = generator.random() < 0.4
    if streamed:
        body["stream"] = True
        if generator.random() < 0.5:
            body["stream_options"] = {"include_usage": True}
    return Request("valid", path=path, body=dump(body, generator), streamed=streamed)


def changed_bytes(generator):
    """A right body with some bytes changed, taken away or put in."""
    data = bytearray(dump(valid_chat(generator), generator))
    for _ in range(generator.randint(1, 6)):
        at, what = generator.randrange(len(data) + 1), generator.randrange(4)
        if what == 0:
            data[at:at + 1] = bytes([generator.randrange(256)])
        elif what == 1:
            del data[at:at + generator.randint(1, 9)]
        elif what == 2:
            data[at:at] = generator.choice([b"{", b"}", b"[", b"]", b'"', b",", b":", b"\\", b"\0", b"\xff", b"\xed\xa0\x80", b"1e999", b"\\ud800", b"-"])
        else:
            del data[at:]
        if not data:
            break
    return Request("changed bytes", body=bytes(data), statuses=EITHER if is_json(bytes(data)) else {400})


def changed_field(generator):
    body = valid_chat(generator) if generator.random() < 0.7 else valid_completion(generator)
    path = CHAT if "messages" in body else COMPLETIONS
    for _ in range(generator.randint(1, 3)):
        body[generator.choice(FIELDS)] = generator.choice(STRANGE)
    if "messages" in body and isinstance(body["messages"], list) and body["messages"] and generator.random() < 0.3:
        message = generator.choice(body["messages"])
        if isinstance(message, dict):
            message[generator.choice(["role", "content", "name", "tool_calls", "tool_call_id", "reasoning_content"])] = generator.choice(STRANGE)
    # At most so many tokens of an answer, whatever else there is.
    for name in ("max_tokens", "max_completion_tokens"):
        if isinstance(body.get(name), int) and body[name] > 4 and body[name] < 1000:
            body[name] = 4
    return Request("changed field", path=path, body=dump(body, generator), statuses=EITHER, streamed=bool(body.get("stream") is True))


def big_number(generator):
    number = generator.choice(["1e999999", "-1e999999", "9" * 5000, "0." + "3" * 5000, "1e-999999", "123456789012345678901234567890", "-0"])
    name = generator.choice(["temperature", "max_tokens", "n", "seed", "top_p", "top_k", "logprobs", "unknown_field"])
    body = dump(valid_chat(generator))[:-1] + f', "{name}": {number}}}'.encode()
    return Request("big number", body=body, statuses=EITHER)


def deep(generator):
    depth = generator.choice([65, 200, 5000, 100000])
    left, right = generator.choice([("[", "]"), ('{"a":', "}")])
    inside = left * depth + ("1" if left != "[" else "") + (right * depth if generator.random() < 0.7 else "")
    name = generator.choice(["messages", "metadata", "response_format", "unknown_field"])
    return Request("deep nesting", body=f'{{"model": "tiny", "{name}": {inside}}}'.encode(), statuses={400})


def no_json(generator):
    bodies = [
        b"", b" ", b"null", b"[]", b"1", b'"x"', b"{", b"\xef\xbb\xbf{}", "{}".encode("utf-16"), b"{}{}", b"{'model': 'tiny'}", b"{model: 1}", b"\0",
        b"{\"a\": 01}", b"{\"a\": .5}", b"{\"a\": NaN}", b"{\"a\": Infinity}", b"{\"a\": 1,}", b"[1,2", b'{"a": "\x01"}', b"\xff\xfe", b'{"a": "\\x"}',
        b'{"a": "\\u12"}', b"<xml/>", b"model=tiny", b'{"a" 1}', b"// comment\n{}", b'{"model": "tiny"} x', b"true", b'{"messages": "\xc3\x28"}',
    ]
    return Request("no JSON", body=generator.choice(bodies), statuses={400})


def unknown_model(generator):
    body = valid_chat(generator)
    body["model"] = generator.choice(["nobody", "", "../tiny", "TINY", "tiny ", "x" * 5000, "\0", "漢", "tiny/../../etc"])
    return Request("unknown model", body=dump(body), statuses={404, 400})


def odd_place(generator):
    path = generator.choice(["/v1", "/v1/nowhere", "/..", "/../../etc/passwd", "/v1/models/" + "x" * 3000, "/%00", "/%ff%fe", "/v1/models/%2e%2e%2f", "/?" + "q" * 3000])
    choice = generator.randrange(4)
    if choice == 0:
        return Request("odd place", method="GET", path=path, statuses={404, 400, 414} | ({200} if path.startswith("/?") else set()))
    if choice == 1:
        return Request("odd place", method=generator.choice(["PUT", "DELETE", "PATCH", "TRACE", "BREW"]), path=CHAT, body=b"{}", statuses={400, 404, 405, 501})
    if choice == 2:
        return Request("odd place", method="GET", path=CHAT, statuses={404, 405})
    kind = generator.choice(["text/plain", "application/xml", "multipart/form-data", "x", "application/json; charset=utf-16", "a" * 2000])
    return Request("odd place", body=dump(valid_chat(generator)), headers={"Content-Type": kind}, statuses={200, 400, 415})


def schema(generator, depth=0):
    """A JSON schema, right or not."""
    if depth > 4 or generator.random() < 0.25:
        return generator.choice([
            {"type": "string"}, {"type": "integer"}, {"type": "boolean"}, {"type": "null"}, {"enum": [1, "a", None]}, {"const": {"a": [1]}},
            {"type": "hiccup"}, {"type": 3}, True, False, {"$ref": "#"}, {"$ref": "#/$defs/x"}, {"$ref": "https://evil.example/schema.json"},
            {"$ref": "#/../../etc"}, {"type": "string", "pattern": generator.choice(PATTERNS)}, {"type": "string", "minLength": 10**9},
            {"type": "string", "maxLength": -1}, {"type": "integer", "minimum": 10**400 if generator.random() < 0.1 else 5, "maximum": 1},
            {"type": "number", "multipleOf": 0}, {"enum": [str(index) for index in range(generator.choice([2, 5000]))]}, {"type": "string", "format": "date-time"},
            {"type": "string", "format": "💥"}, {"enum": []}, {"type": ["string", "null"]}, {}, None, [], "x", {"type": "array", "minItems": 10**12},
        ])
    inner = lambda: schema(generator, depth + 1)  # noqa: E731
    return generator.choice([
        lambda: {"type": "object", "properties": {text(generator, 6): inner() for _ in range(generator.randint(0, 3))}, "additionalProperties": generator.choice([False, True, inner()])},
        lambda: {"type": "object", "properties": {"a": inner()}, "required": generator.choice([["a"], ["b"], ["a", "a"], "a", [1]]), "additionalProperties": False},
        lambda: {"type": "array", "items": inner(), "minItems": generator.choice([0, 1, -1, 2**40]), "maxItems": generator.choice([0, 2, 2**40])},
        lambda: {generator.choice(["anyOf", "oneOf", "allOf"]): [inner() for _ in range(generator.randint(0, 3))]},
        lambda: {"not": inner()}, lambda: {"if": inner(), "then": inner(), "else": inner()},
        lambda: {"$defs": {"x": inner()}, "$ref": "#/$defs/x"}, lambda: {"$defs": {"x": {"$ref": "#/$defs/y"}, "y": {"$ref": "#/$defs/x"}}, "$ref": "#/$defs/x"},
        lambda: {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"], "additionalProperties": False},
        lambda: {"type": "object", "patternProperties": {generator.choice(PATTERNS): inner()}}, lambda: {"prefixItems": [inner(), inner()]},
    ])()


def constraint(generator):
    body = valid_chat(generator)
    body["max_tokens"] = generator.randint(1, 8)
    body.pop("n", None)
    body |= generator.choice([
        lambda: {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": schema(generator)}}},
        lambda: {"response_format": {"type": generator.choice(["json_object", "text", "sound", 3, None])}},
        lambda: {"response_format": {"type": "json_schema", "json_schema": generator.choice(STRANGE)}},
        lambda: {"guided_json": schema(generator)}, lambda: {"guided_regex": generator.choice(PATTERNS)},
        lambda: {"guided_choice": generator.choice([["a", "b"], [], ["x" * 9000], [1], ["a"] * 3000])},
        lambda: {"grammar": generator.choice(GRAMMARS)}, lambda: {"guided_grammar": generator.choice(GRAMMARS)},
        lambda: {"tools": [{"type": "function", "function": {"name": generator.choice(["f", "", "a b", "x" * 999]), "parameters": schema(generator)}}],
                 "tool_choice": generator.choice(["auto", "none", "required", 3, {"type": "function", "function": {"name": "f"}},
                                                  {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "f"}}]}}])},
    ])()
    streamed = generator.random() < 0.3
    if streamed:
        body["stream"] = True
    return Request("constraint", body=dump(body, generator), statuses=EITHER, streamed=streamed)


def parsed(predicate):
    def holds(text):
        try:
            return predicate(json.loads(text))
        except ValueError:
            return False
    return holds


def digit(value):
    return type(value) is int and 0 <= value <= 9


# Constraints, and what holds of an answer that was not cut.
KEPT = [
    ({"response_format": {"type": "json_object"}}, parsed(lambda value: isinstance(value, dict))),
    ({"guided_json": {"type": "integer", "minimum": 0, "maximum": 9}}, parsed(digit)),
    ({"guided_json": {"enum": ["red", 7, None]}}, parsed(lambda value: value in ("red", 7, None) and value is not True)),
    ({"guided_json": {"type": "array", "items": {"type": "boolean"}, "minItems": 2, "maxItems": 2}},
     parsed(lambda value: isinstance(value, list) and len(value) == 2 and all(type(each) is bool for each in value))),
    ({"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {
        "type": "object", "properties": {"a": {"type": "integer", "minimum": 0, "maximum": 9}, "b": {"enum": ["x", "y"]}},
        "required": ["a", "b"], "additionalProperties": False}}}},
     parsed(lambda value: set(value) == {"a", "b"} and digit(value["a"]) and value["b"] in ("x", "y"))),
    ({"guided_regex": "[ab]{3}"}, re.compile("[ab]{3}").fullmatch),
    ({"guided_regex": "\\d{2}-(foo|bar)+x"}, re.compile("[0-9]{2}-(foo|bar)+x").fullmatch),
    ({"guided_choice": ["red", "green", "漢字"]}, {"red", "green", "漢字"}.__contains__),
    ({"grammar": 'root ::= "a"{5}'}, "aaaaa".__eq__),
    ({"grammar": 'root ::= ("x" | y) "z"\ny ::= "yy" | [0-3]'}, re.compile("(x|yy|[0-3])z").fullmatch),
]


def kept_constraint(generator):
    body = {"model": "tiny", "messages": [{"role": "user", "content": text(generator)}], "max_tokens": 60, "seed": generator.randrange(2**31),
            "temperature": generator.choice([0, 1, 2])}
    fields, holds = generator.choice(KEPT)
    return Request("kept constraint", body=dump(body | fields, generator), holds=holds)


def template(generator):
    body = valid_chat(generator)
    evil = generator.choice(["{{ messages }}", "{% for i in range(100000000) %}x{% endfor %}", "{{ ''.__class__.__mro__ }}", "{{ 'x' * 10**9 }}", "{% include '/etc/passwd' %}", "{%"])
    choice = generator.randrange(3)
    if choice == 0:
        body["messages"][-1]["content"] = evil
        return Request("template", body=dump(body))
    body["chat_template" if choice == 1 else "chat_template_kwargs"] = evil if choice == 1 else {generator.choice(["messages", "bos_token", "x"]): evil}
    return Request("template", body=dump(body), statuses=EITHER)


def large(generator):
    """Larger than what fits the context, or than what a body may be. (Bodies of 100 MB are apart.)"""
    body = valid_chat(generator)
    body["messages"][-1]["content"] = "word " * generator.choice([200, 2000, 20000])
    return Request("large", body=dump(body), statuses={400, 413})


def response_items(generator):
    kinds = ["message", "reasoning", "function_call", "function_call_output", "item_reference", None, generator.choice(STRANGE)]
    fields = ["role", "content", "call_id", "name", "arguments", "output", "summary", "id", "status"]
    values = ["user", "assistant", "x", "{}", [{"type": "output_text", "text": "x"}], [{"type": "summary_text", "text": "x"}]]
    return [
        {"type": generator.choice(kinds)} | {name: generator.choice(values if generator.random() < 0.8 else STRANGE) for name in generator.sample(fields, generator.randint(1, 6))}
        for _ in range(generator.randint(0, 6))
    ]


def many_calls(generator):
    """One large text that is no JSON among many calls: each is read once."""
    arguments = ['{"a": "' + "a" * (1 << 20)] + ["{}"] * 400
    items = [{"type": "function_call", "call_id": "c", "name": "f", "arguments": each} for each in arguments]
    return Request("many calls", path="/v1/responses", body=dump({"input": items, "max_output_tokens": 2}, generator), statuses=EITHER)


def other_interface(generator):
    path = generator.choice(["/v1/embeddings", "/v1/rerank", "/detokenize", "/apply-template", "/v1/responses", "/v1/audio/transcriptions", "/tokenize"])
    body = {generator.choice(["input", "query", "documents", "tokens", "messages", "content", "model", "top_n", "max_output_tokens", "instructions", "encoding_format", "dimensions"]):
            generator.choice([*STRANGE, [text(generator)], [[1, 2]], [2**70], [-1], [{"role": "user", "content": "x"}]]) for _ in range(generator.randint(1, 4))}
    if path == "/v1/responses":
        body.setdefault("max_output_tokens", 2)
        if generator.random() < 0.5:
            body["input"] = response_items(generator)
        for name in generator.sample(["tools", "tool_choice", "text", "reasoning", "stream", "reproduce", "store", "metadata"], generator.randint(0, 2)):
            body[name] = generator.choice([*STRANGE, {"format": {"type": "json_object"}}, {"type": "function", "name": "f"}, [{"type": "function", "name": "f"}]])
    return Request("other interface", path=path, body=dump(body, generator), statuses=EITHER | {415, 501})


def raw(generator):
    """What is no right HTTP."""
    post = f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n".encode()
    pieces = [
        b"\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\0\0\0\0\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", b"GET / HTTP/1.1\nHost: x\n\n", b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: " + b"b" * 100000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 5000 + b"\r\n", b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        post + b"Content-Length: -1\r\n\r\n", post + b"Content-Length: 99999999999999999999\r\n\r\n", post + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n{}{}{}",
        post + b"Content-Length: x\r\n\r\n", post + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n", post + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n{}\r\n",
        post + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n", post + b"Transfer-Encoding: gzip\r\n\r\n{}", post + b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n{}",
        post + b"Content-Length: 2\r\nContent-Encoding: gzip\r\n\r\n{}", b"GET / HTTP/1.1\r\nHost: x\r\n bad: folded\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nBad Name: y\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nA: \x00\x01\r\n\r\n", b"G" * 70000, b"GET http://evil.example/ HTTP/1.1\r\nHost: x\r\n\r\n", b"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n", b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n" * 20,
    ]
    data = generator.choice(pieces)
    if generator.random() < 0.3:
        data = data[:generator.randint(0, len(data))]
    return Request("no HTTP", raw=data, statuses=set(range(200, 500)) | {501, 505})


def vanishing(generator):
    request = valid(generator)
    request.kind, request.leaves = "vanishing", generator.random() * 1.6
    return request


def half_closing(generator):
    request = valid(generator)
    request.kind, request.half_closes = "half-closing", True
    return request


KINDS = {
    valid: 10, changed_bytes: 16, changed_field: 24, big_number: 4, deep: 2, no_json: 6, unknown_model: 3, odd_place: 6, constraint: 10, kept_constraint: 4, template: 3,
    large: 2, many_calls: 1, other_interface: 10, raw: 6, vanishing: 4, half_closing: 2,
}


def request(seed, number):
    generator = random.Random(f"{seed} {number}")
    return generator.choices(list(KINDS), list(KINDS.values()))[0](generator)
