"""Writes what transformers renders for the chat templates in Tests/TesseraTextTests/Fixtures/templates.

    python3 Tests/Fixtures-scripts/make_template_fixtures.py [--smollm2 MODEL.gguf]

needs transformers and jinja2 (and gguf for --smollm2, which refreshes smollm2.jinja from the model's metadata).
The other templates are written after the public ones of the models that they are named for.
"""

import argparse
import json
from pathlib import Path

import jinja2
from transformers.utils.chat_template_utils import _compile_jinja_template

from template_expressions import EXPRESSIONS, VARIABLES

TESTS = Path(__file__).resolve().parent.parent
FOLDER = TESTS / "TesseraTextTests" / "Fixtures" / "templates"
LANGUAGE = TESTS / "JinjaTests" / "Fixtures"


def message(role, content, **fields):
    return {"role": role, "content": content, **fields}


def call(name, arguments, identifier="abc123XYZ"):
    return {"id": identifier, "type": "function", "function": {"name": name, "arguments": arguments}}


USER = message("user", "What is gravity?")
ANSWER = message("assistant", "A curvature of spacetime.")
SYSTEM = message("system", "You are terse.\nVery.")
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "the weather at a <place> & 'time'",
            "parameters": {
                "type": "object",
                "properties": {
                    "place": {"type": "string", "description": "Zürich,\nor elsewhere"},
                    "days": {"type": "integer", "minimum": 0, "maximum": 1.5e16},
                    "units": {"enum": ["C", "F"]},
                    "tags": {"type": "array", "items": {"type": "string"}, "nullable": True},
                },
                "required": ["place"],
            },
        },
    },
    {"type": "function", "function": {"name": "now", "parameters": {"type": "object", "properties": {}}}},
]

# What templates of tools alone read: every parameter has a type and a description.
TYPED_TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "The weather.",
            "parameters": {
                "type": "object",
                "properties": {
                    "place": {"type": "string", "description": " Zürich,\nor elsewhere "},
                    "far": {"type": "boolean", "description": "b"},
                    "tags": {"type": "array", "items": {"type": "number"}, "description": "[]"},
                    "more": {"type": "object", "additionalProperties": {"type": "integer"}, "description": "{}"},
                    "either": {"type": ["string", "integer"], "description": "one of two"},
                },
                "required": ["place"],
            },
            "return": {"type": "string", "description": "text"},
        },
    },
    {"type": "function", "function": {"name": "now", "description": "The time.", "parameters": {"properties": {}}}},
]

CONVERSATIONS = {
    "user": [USER],
    "system": [SYSTEM, USER],
    "turns": [SYSTEM, USER, ANSWER, message("user", "  Why?\n")],
    "unicode": [message("user", "é e\u0301 \u00a0🤷🏽‍♀️\u200d 中文 \u2028 \\n '\"<|im_end|>\r\n\tend \u3000")],
    "empty": [message("user", ""), message("assistant", ""), message("user", " ")],
    "ends-with-answer": [USER, ANSWER],
    "two-users": [USER, USER],
    "assistant-first": [ANSWER, USER],
    "unknown-role": [USER, message("critic", "No.")],
    "late-system": [USER, ANSWER, SYSTEM],
    "thinking": [
        USER,
        message("assistant", "<think>\nHm, mass.\n</think>\n\nIt bends."),
        message("user", "And light?"),
        message("assistant", "Too.", reasoning_content="\nPhotons\n"),
    ],
    "parts": [message("user", [{"type": "text", "text": " look "}, {"type": "image"}, {"type": "text", "text": "here"}])],
    "null-content": [USER, message("assistant", None)],
    "none": [],
    "no-content": [{"role": "user"}],
    "numbers": [message("user", "1"), message("assistant", 2)],
}
TOOL_CONVERSATIONS = {
    "tools": [SYSTEM, USER],
    "tool-call": [
        USER,
        message("assistant", None, tool_calls=[call("weather", {"place": "Zürich", "days": 3, "far": False, "x": None})]),
        message("tool", "{\"t\": 21.5}", tool_call_id="abc123XYZ", name="weather"),
        message("assistant", "21.5 °C."),
        message("user", "Thanks"),
    ],
    "two-calls": [
        USER,
        message("assistant", "", tool_calls=[call("now", {}), call("weather", {"place": "a/b \"c\"", "v": [1, 2.0]}, "123456789")]),
        message("tool", "12:00", tool_call_id="abc123XYZ"),
        message("tool", "[1, 2]", tool_call_id="123456789"),
    ],
    "no-message": [],
}
TYPED_CONVERSATIONS = {
    "typed-tools": [SYSTEM, USER],
    "typed-call": TOOL_CONVERSATIONS["tool-call"],
    "typed-calls": [SYSTEM, *TOOL_CONVERSATIONS["two-calls"]],
}
# Templates that iterate over the tools whether there are any or not: without tools they are given an empty list.
TOOL_ONLY_TEMPLATES = {"command-r-plus", "hermes-tool-use"}
TOOL_TEMPLATES = {"gpt-oss", "llama-3.2", "mistral-v3", "mistral-nemo", "qwen2.5", "qwen3", "macros", "deepseek-r1"}


def render(template, variables):
    try:
        output = _compile_jinja_template(template).render(**variables)
        # An object's address is printed: not a prompt that anyone wants, and an error in Tessera.
        return {"error": "Address"} if " at 0x" in output else {"output": output}
    except jinja2.exceptions.TemplateError as error:
        raised = type(error) is jinja2.exceptions.TemplateError
        return {"raised": str(error)} if raised else {"error": type(error).__name__}
    except Exception as error:  # whatever Python raises inside a template is an error of the template
        return {"error": type(error).__name__}


def case(template, name, source, **options):
    document = {**CONVERSATIONS, **TOOL_CONVERSATIONS, **TYPED_CONVERSATIONS}[name]
    tools = TOOLS if name in TOOL_CONVERSATIONS else TYPED_TOOLS if name in TYPED_CONVERSATIONS else None
    if tools is None and template in TOOL_ONLY_TEMPLATES:
        tools = []
    generation = options.pop("add_generation_prompt", True)
    variables = {"bos_token": "<s>", "eos_token": "</s>", "date_string": "26 Jul 2024", **options}
    result = render(
        source,
        {**variables, "messages": document, "tools": tools, "documents": None, "add_generation_prompt": generation},
    )
    return {"template": template, "conversation": name, "generation": generation, "variables": variables, **result}


def cases():
    for path in sorted(FOLDER.glob("*.jinja")):
        source = path.read_text(encoding="utf-8")
        for name in CONVERSATIONS:
            yield case(path.stem, name, source)
        yield case(path.stem, "turns", source, add_generation_prompt=False)
        if path.stem in TOOL_TEMPLATES:
            for name in TOOL_CONVERSATIONS:
                yield case(path.stem, name, source)
        if path.stem in TOOL_ONLY_TEMPLATES:
            for name in TYPED_CONVERSATIONS:
                yield case(path.stem, name, source)
    llama = (FOLDER / "llama-3.2.jinja").read_text(encoding="utf-8")
    yield case("llama-3.2", "tools", llama, tools_in_user_message=False)
    qwen = (FOLDER / "qwen3.jinja").read_text(encoding="utf-8")
    yield case("qwen3", "thinking", qwen, enable_thinking=False)
    oss = (FOLDER / "gpt-oss.jinja").read_text(encoding="utf-8")
    yield case("gpt-oss", "tool-call", oss, add_generation_prompt=False, reasoning_effort="high")


def write(name, value, **style):
    text = json.dumps(value, ensure_ascii=False, **style) + "\n"
    (FOLDER / name).write_text(text, encoding="utf-8")


def lines(items):
    return "[\n" + ",\n".join(json.dumps(item, ensure_ascii=False, separators=(",", ":")) for item in items) + "\n]\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smollm2", help="SmolLM2-135M-Instruct as GGUF")
    model = parser.parse_args().smollm2
    if model:
        from gguf import GGUFReader

        text = GGUFReader(model).fields["tokenizer.chat_template"].contents()
        (FOLDER / "smollm2.jinja").write_text(text, encoding="utf-8")
    conversations = {name: {"messages": messages} for name, messages in CONVERSATIONS.items()}
    conversations |= {name: {"messages": messages, "tools": TOOLS} for name, messages in TOOL_CONVERSATIONS.items()}
    conversations |= {
        name: {"messages": messages, "tools": TYPED_TOOLS} for name, messages in TYPED_CONVERSATIONS.items()
    }
    write("conversations.json", conversations, separators=(",", ":"))
    (FOLDER / "rendered.json").write_text(lines(cases()), encoding="utf-8")
    (LANGUAGE / "variables.json").write_text(json.dumps(VARIABLES, ensure_ascii=False) + "\n", encoding="utf-8")
    grid = [{"source": source, **render(source, VARIABLES)} for source in EXPRESSIONS]
    (LANGUAGE / "expressions.json").write_text(lines(grid), encoding="utf-8")


if __name__ == "__main__":
    main()
