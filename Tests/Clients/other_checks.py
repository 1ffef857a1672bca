"""curl, LangChain and lm-eval against the server."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from serving import LeftOut, expect, scratch

HERE = Path(__file__).resolve().parent


def curl(context, path, *arguments):
    if not shutil.which("curl"):
        raise LeftOut("there is no curl")
    command = ["curl", "--silent", "--show-error", "--max-time", "120", "--write-out", "\n%{http_code}", *arguments, context.url + path]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    expect(result.returncode == 0, result.stderr)
    text, _, status = result.stdout.rpartition("\n")
    return int(status), text


def check_curl(context):
    expect(curl(context, "/health")[0] == 200, "health")
    status, text = curl(context, "/metrics")
    expect(status == 200 and "# TYPE" in text, "metrics")
    status, text = curl(context, "/")
    expect(status == 200 and "<!doctype html>" in text.lower(), "the chat page")
    body = json.dumps({"model": context.chat, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 4, "stream": True})
    status, text = curl(context, "/v1/chat/completions", "--no-buffer", "--header", "Content-Type: application/json", "--data", body)
    expect(status == 200 and text.startswith("data: {") and text.rstrip().endswith("data: [DONE]"), f"a stream: {text[-80:]}")
    # What `curl --data` sends when one forgets the header.
    expect(curl(context, "/v1/chat/completions", "--data", body)[0] in (200, 415), "without the header")
    for path, status in {"/nowhere": 404, "/v1/models/nobody": 404}.items():
        found, text = curl(context, path)
        expect(found == status and "message" in json.loads(text)["error"], f"{path}: {found} {text}")
    expect(curl(context, "/v1/chat/completions")[0] in (404, 405), "GET of what wants POST")
    status, text = curl(context, "/v1/chat/completions", "--header", "Content-Type: application/json", "--data", "{")
    expect(status == 400 and json.loads(text)["error"]["type"] == "invalid_request_error", f"half of a body: {text}")
    expect(curl(context, "/health", "--http1.0")[0] == 200, "HTTP/1.0")
    status, text = curl(context, "/tokenize", "--header", "Content-Type: application/json", "--data",
                        json.dumps({"model": context.chat, "content": "Hello there"}))
    tokens = json.loads(text)["tokens"]
    status, text = curl(context, "/detokenize", "--header", "Content-Type: application/json", "--data",
                        json.dumps({"model": context.chat, "tokens": tokens}))
    expect(status == 200 and json.loads(text)["content"] == "Hello there", text)
    status, text = curl(context, "/apply-template", "--header", "Content-Type: application/json", "--data",
                        json.dumps({"model": context.chat, "messages": [{"role": "user", "content": "Hi"}]}))
    expect(status == 200 and "Hi" in json.loads(text)["prompt"], text)


def check_replay(context, command, model):
    """What curl saves of an answer is given again by `tessera replay`, to the bit; another answer is told apart."""
    schema = {"type": "object", "properties": {"name": {"type": "string", "maxLength": 20}}, "required": ["name"]}
    common = {"model": context.chat, "messages": [{"role": "user", "content": "Name a city."}], "temperature": 0.8, "reproduce": True}
    for count, more in ((2, {"n": 2, "max_tokens": 24}), (2, {"n": 2, "max_tokens": 24, "stream": True}), (1, {"max_tokens": 60, "json_schema": schema})):
        status, text = curl(context, "/v1/chat/completions", "--header", "Content-Type: application/json", "--data", json.dumps({**common, **more}))
        expect(status == 200, text)

        def replay(text):
            return subprocess.run([command, "replay", "-m", model, "-"], input=text, capture_output=True, text=True)
        same = replay(text)
        expect(same.returncode == 0 and same.stdout.count("the same bits") == count, f"{same.stdout} {same.stderr}")
        bits = json.loads(re.search(r'"logprob_bits":(\[[0-9,]*\])', text)[1])
        other = replay(text.replace(f"{bits[2]}", f"{bits[2] ^ 1}", 1))
        expect(other.returncode == 1 and "token 2, whose log-probability has other bits" in other.stderr, f"{other.stdout} {other.stderr}")


def check_langchain(context):
    from langchain_core.messages import HumanMessage, SystemMessage
    from langchain_openai import ChatOpenAI, OpenAIEmbeddings
    from pydantic import BaseModel

    class Answer(BaseModel):
        """An answer."""
        city: str
        sure: bool

    common = {"base_url": f"{context.url}/v1", "api_key": "none", "temperature": 0, "max_tokens": 60, "max_retries": 0}
    model = ChatOpenAI(model=context.chat, **common)
    asked = [SystemMessage("Be brief."), HumanMessage("What is the capital of France?")]
    whole = model.invoke(asked)
    expect("Paris" in whole.content and whole.usage_metadata["total_tokens"] > 0, f"{whole}")
    expect("".join(chunk.content for chunk in model.stream(asked)) == whole.content, "streamed")
    expect([each.content for each in model.batch([asked, asked, asked])] == [whole.content] * 3, "three at once")
    able = ChatOpenAI(model=context.tools, **common)
    found = able.with_structured_output(Answer, method="json_schema").invoke("Which city is the capital of France?")
    expect(isinstance(found, Answer) and found.city, f"{found}")
    form = r'<tool_call>\n\{"name": "Answer", "arguments": \{"city": "[A-Z][a-z]{1,12}", "sure": true\}\}\n</tool_call>'
    called = able.bind_tools([Answer], extra_body={"guided_regex": form}).invoke("Which city is the capital of France?")
    expect(called.tool_calls and called.tool_calls[0]["name"] == "Answer", f"{called}")
    embedder = OpenAIEmbeddings(model=context.embedder, base_url=f"{context.url}/v1", api_key="none", check_embedding_ctx_length=False)
    vectors = embedder.embed_documents(["one", "two"])
    expect(len(vectors) == 2 and len(vectors[0]) == 384 and vectors[0] != vectors[1], "embeddings")


def check_lm_eval(context):
    """A task of our own: questions with four answers each, by the answers' likelihood, and one by what is generated."""
    with scratch() as folder:
        # The harness tokenizes with the server, by the paths that vLLM has too.
        arguments = (
            f"model={context.chat},base_url={context.url}/v1/completions,num_concurrent=4,max_retries=1,"
            "tokenizer_backend=remote,tokenized_requests=True,max_length=2048"
        )
        environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": folder, "OPENAI_API_KEY": "none"}
        command = [
            sys.executable, "-m", "lm_eval", "--model", "local-completions", "--model_args", arguments, "--include_path",
            str(HERE / "tasks"), "--tasks", "capitals,counting", "--output_path", folder, "--batch_size", "4",
        ]
        result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment, cwd=HERE / "tasks")
        expect(result.returncode == 0, (result.stderr or result.stdout)[-600:])
        found = json.loads(next(Path(folder).rglob("results*.json")).read_text())["results"]
        expect(found["capitals"]["acc,none"] >= 0.75, f"{found}")
        expect(found["counting"]["exact_match,first"] >= 0.5, f"{found}")
