"""llama.cpp's tests of its own server, as they are in its source, against `tessera serve`.

They are copied, with a few replacements of what is about llama.cpp itself and not about the interface (REPLACED), and
run by pytest with a plugin that starts `tessera serve` where they start theirs. What remains must pass; what is left
out is listed with its reason.
"""

import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree
from pathlib import Path

from serving import ROOT, LeftOut, fetch, scratch

HERE = Path(__file__).resolve().parent

FILES = [
    "test_basic.py", "test_chat_completion.py", "test_completion.py", "test_compat_oai_responses.py", "test_embedding.py",
    "test_security.py", "test_template.py", "test_tokenize.py", "test_tool_call.py",
]

# Replaced in the tests' text: pattern, replacement; the reason beside it.
REPLACED = [
    # Fingerprints of llama.cpp begin with the number of its build.
    (r'system_fingerprint(["\]]*)\.startswith\("b"\)', r"system_fingerprint\1"),
    (r'\["system_fingerprint"\]\.startswith\("b"\)', r'["system_fingerprint"]'),
    # llama.cpp answers for any model's name; here it must be that of one that is served.
    (r'model="(davinci-002|gpt-3\.5-turbo-instruct|gpt-3\.5-turbo|gpt-4\.1)"', "model=server.model_alias"),
    (r'model="text-embedding-3-small"', "model=server.model_alias"),
    # Without a version, completions are llama.cpp's own there; with it they are OpenAI's.
    (r'"POST", "/completions"', '"POST", "/v1/completions"'),
    # OpenAI's first piece has a role and no text, as "" or null.
    (r'(choice\["delta"\]\["content"\]|choice\.delta\.content) is None', r"not \1"),
    # The words of the message.
    (r'"too large" in res\.body', '"context" in res.body'),
    (r'assert "content" in res\.body\n', 'assert "choices" in res.body\n'),
]

OWN = "llama.cpp's own path or fields, not OpenAI's"
SWITCH = "a switch of llama.cpp's program"
LEFT_OUT = {
    "test_basic.py": {
        "test_server_multiple_addresses": SWITCH, "test_server_props": OWN, "test_server_slots": OWN, "test_no_ui": SWITCH,
        "test_load_split_model": "a model that must be fetched; the tests of files have split ones",
        "test_server_model_aliases_and_tags": SWITCH,
    },
    "test_chat_completion.py": {
        "test_chat_completion_cached_tokens": "counts of another model's tokens, and of a cache of single tokens",
        "test_chat_template": OWN, "test_chat_template_assistant_prefill": OWN,
        "test_chat_template_continue_final_message_vllm_compat": OWN, "test_apply_chat_template": SWITCH,
        "test_return_progress": OWN, "test_chat_completions_token_count": OWN, "test_verbose_debug": OWN,
        "test_chat_completion_with_timings_per_token": OWN,
        "test_context_size_exceeded": "llama.cpp's own type of error; OpenAI's code is checked with its package",
        "test_context_size_exceeded_stream": "llama.cpp's own type of error; OpenAI's code is checked with its package",
        "test_completion_with_response_format[response_format1-10-[ -3000 ]]": "a list as 'items' is of older JSON schemas: refused, with the reason",
        "test_invalid_chat_completion_req[messages7]": "OpenAI takes two answers in a row",
    },
    "test_completion.py": {"*": OWN},
    "test_compat_oai_responses.py": {"test_responses_stream_with_llama_telemetry": OWN},
    "test_embedding.py": {
        **{
            f"test_embedding_mixed_input[input{case}]": "tokens and text mixed, or objects: no input of OpenAI's embeddings"
            for case in ("3-False", "7-True", "8-False", "9-False", "10-True")
        },
        "test_embedding_multiple_with_fa": "of 256 tokens, and the model here has 256 with its marks",
        "test_embedding_pooling_none": OWN, "test_embedding_pooling_none_oai": SWITCH,
        "test_embedding_content_text_same_as_string": "content in parts is no input of OpenAI's embeddings",
    },
    "test_security.py": {
        "test_access_static_assets_without_api_key": "files of llama.cpp's own page",
        "test_correct_api_key_anthropic_header": "another interface's header", "test_cors_options": "CORS is off by default here",
        "test_cors_origins_localhost_reflects": SWITCH, "test_cors_origins_localhost_rejects": SWITCH,
        "test_cors_origins_defaults_to_localhost_with_tools_enabled": SWITCH,
        "test_cors_proxy_only_forwards_explicit_proxy_headers": OWN, "test_local_media_file": "pictures",
    },
    "test_template.py": {"*": SWITCH},
    "test_tokenize.py": {"test_tokenize_with_bos": "the model here adds no mark at the beginning"},
    "test_tool_call.py": {
        "test_completion_with_required_tool_real_model": "a model that must be fetched", "test_weather": "a model that must be fetched",
        "test_completion_without_tool_call_slow": "a model that must be fetched", "test_calc_result": "a model that must be fetched",
        "test_thoughts": "a model that must be fetched", "test_hello_world": "a model that must be fetched",
    },
}
# Of whole files, by what they are about.
FILES_LEFT_OUT = {
    "test_compat_anthropic.py": "another interface", "test_compat_gcp.py": "another interface", "test_ctx_shift.py": SWITCH,
    "test_ignore_eos.py": OWN, "test_infill.py": OWN, "test_kv_keep_only_active.py": SWITCH, "test_lora.py": OWN,
    "test_mcp_servers.py": OWN, "test_metrics.py": "metrics have vLLM's names here", "test_proxy.py": OWN,
    "test_rerank.py": "a ranking model that must be fetched", "test_router.py": OWN, "test_sleep.py": SWITCH,
    "test_slot_save.py": OWN, "test_speculative.py": SWITCH, "test_stream.py": OWN, "test_tools_builtin.py": OWN,
    "test_vision_api.py": "pictures",
}


def left_out(file, name):
    reasons = LEFT_OUT.get(file, {})
    bare = name.split("[")[0]
    if file == "test_completion.py" and "openai_library" in bare and not bare.endswith("stops"):
        return None
    return reasons.get(name) or reasons.get(bare) or reasons.get("*")


def run(checks, command, only=None):
    source = subprocess.run(
        [str(ROOT / "Benchmarks/compare/build-llama-server"), "--source"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=True
    ).stdout.strip()
    with scratch() as folder:
        tests = Path(folder) / "tests"
        shutil.copytree(Path(source) / "tools/server/tests", tests)
        (tests / "conftest.py").unlink()
        for path in (tests / "unit").glob("*.py"):
            text = path.read_text()
            for pattern, replacement in REPLACED:
                text = re.sub(pattern, replacement, text)
            path.write_text(text)
        environment = {
            **os.environ, "PYTHONPATH": str(HERE), "TESSERA_COMMAND": command, "TESSERA_CHAT_MODEL": fetch("smollm2"),
            "TESSERA_EMBEDDER": fetch("minilm"),
        }
        report = Path(folder) / "report.xml"
        pytest = [sys.executable, "-m", "pytest", "-q", "-p", "llama_cpp_plugin", "-p", "no:cacheprovider", f"--junitxml={report}"]
        pytest += [f"unit/{file}" for file in FILES] + (["-k", only] if only else [])
        result = subprocess.run(pytest, stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=tests, env=environment)
        if not report.exists():
            checks.run("llama.cpp", lambda: (_ for _ in ()).throw(RuntimeError(result.stdout[-400:] + result.stderr[-400:])))
            return
        for case in xml.etree.ElementTree.parse(report).iter("testcase"):
            checks.run(f"llama.cpp: {case.get('classname').removeprefix('unit.')}: {case.get('name')}"[:150], outcome, case)
    for file, reason in FILES_LEFT_OUT.items():
        checks.run(f"llama.cpp: {file}", leave, reason)


def leave(reason):
    raise LeftOut(reason)


def outcome(case):
    """Says again what pytest found."""
    for child in case:
        if child.tag == "skipped":
            raise LeftOut(child.get("message"))
        if child.tag in ("failure", "error"):
            raise AssertionError(child.get("message").replace("\n", " "))
