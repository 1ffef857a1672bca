"""The `openai` package against the server: what it sends and what it reads."""

import asyncio
import base64
import json
import math
import struct

import openai
from pydantic import BaseModel

from serving import LeftOut, expect

ASKED = [{"role": "user", "content": "What is the capital of France?"}]
WEATHER = {"type": "function", "function": {
    "name": "get_weather", "description": "The weather of a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}, "unit": {"enum": ["celsius", "fahrenheit"]}},
                   "required": ["city", "unit"], "additionalProperties": False},
}}


class Context:
    def __init__(self, url, chat, embedder, tools):
        self.url, self.chat, self.embedder, self.tools = url, chat, embedder, tools
        self.client = openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0, timeout=300)
        self.asynchronous = openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0, timeout=300)

    def ask(self, messages=ASKED, **options):
        return self.client.chat.completions.create(model=self.chat, messages=messages, **{"max_tokens": 24, "temperature": 0, **options})


def refused(kind, call):
    try:
        call()
    except kind as error:
        body = error.body or {}
        expect(isinstance(body.get("message"), str) and body["message"], f"a message: {body}")
        expect(isinstance(body.get("type"), str), f"a type: {body}")
        return error
    raise AssertionError(f"{kind.__name__} was expected")


def check_models(context):
    names = [model.id for model in context.client.models.list()]
    expect({context.chat, context.embedder} <= set(names), f"both models: {names}")
    expect(context.client.models.retrieve(context.chat).id == context.chat, "one of them")
    refused(openai.NotFoundError, lambda: context.client.models.retrieve("nobody"))


def check_chat(context):
    answer = context.ask()
    choice, usage = answer.choices[0], answer.usage
    expect(answer.object == "chat.completion" and answer.id and answer.created > 1.6e9 and answer.model == context.chat, "its head")
    expect(choice.message.role == "assistant" and "Paris" in choice.message.content, f"its text: {choice.message.content}")
    expect(choice.finish_reason in ("stop", "length"), "why it ended")
    expect(usage.total_tokens == usage.prompt_tokens + usage.completion_tokens and 0 < usage.completion_tokens <= 24, f"{usage}")
    parts = context.ask([{"role": "user", "content": [{"type": "text", "text": ASKED[0]["content"]}]}])
    expect(parts.choices[0].message.content == choice.message.content, "content in parts is the same")


def check_streaming(context):
    whole = context.ask()
    chunks = list(context.ask(stream=True, stream_options={"include_usage": True}))
    expect(chunks[0].choices[0].delta.role == "assistant", "the role comes first")
    expect(len({chunk.id for chunk in chunks}) == 1 and chunks[0].object == "chat.completion.chunk", "one answer")
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    expect(text == whole.choices[0].message.content, f"the same text: {text!r}")
    reasons = [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices and chunk.choices[0].finish_reason]
    expect(reasons == [whole.choices[0].finish_reason], f"one reason: {reasons}")
    expect(chunks[-1].choices == [] and chunks[-1].usage.completion_tokens == whole.usage.completion_tokens, "usage comes last")
    expect(all(chunk.usage is None for chunk in chunks[:-1]), "and there alone")
    expect(all(chunk.usage is None for chunk in context.ask(stream=True)), "no usage where none is asked for")


def check_lengths_and_stops(context):
    short = context.ask(max_tokens=3)
    expect(short.usage.completion_tokens == 3 and short.choices[0].finish_reason == "length", f"{short.usage}")
    newer = context.client.chat.completions.create(model=context.chat, messages=ASKED, max_completion_tokens=3, temperature=0)
    expect(newer.choices[0].message.content == short.choices[0].message.content, "the newer name")
    stopped = context.ask(stop=["Paris"]).choices[0]
    expect("Paris" not in stopped.message.content and stopped.finish_reason == "stop", f"{stopped}")
    streamed = "".join(chunk.choices[0].delta.content or "" for chunk in context.ask(stop=["Paris"], stream=True) if chunk.choices)
    expect(streamed == stopped.message.content, f"nothing of a stop is streamed: {streamed!r}")


def check_sampling(context):
    def drawn(**options):
        return context.ask(temperature=1, **options).choices[0].message.content
    expect(drawn(seed=7) == drawn(seed=7), "a seed gives the same")
    expect(len({drawn(seed=seed) for seed in range(4)}) > 1, "other seeds give others")
    both = context.ask(n=2, temperature=1, seed=3).choices
    expect([choice.index for choice in both] == [0, 1] and both[0].message.content != both[1].message.content, "two answers")
    greedy = context.ask().choices[0].message.content
    expect(drawn(top_p=1e-6, seed=1) == greedy, "top-p of nearly nothing is greedy")
    context.ask(presence_penalty=1, frequency_penalty=1)
    extra = context.ask(temperature=1, seed=1, extra_body={"top_k": 1, "min_p": 0.1, "repetition_penalty": 1.1})
    expect(extra.choices[0].message.content, "what others have too")


def check_logprobs(context):
    choice = context.ask(logprobs=True, top_logprobs=3, max_tokens=8).choices[0]
    tokens = choice.logprobs.content
    expect(b"".join(bytes(token.bytes) for token in tokens).decode() == choice.message.content, "tokens are the text")
    for token in tokens:
        best = token.top_logprobs
        expect(len(best) == 3 and token.logprob <= 0, "three alternatives")
        expect([each.logprob for each in best] == sorted((each.logprob for each in best), reverse=True), "the likeliest first")
        expect(best[0].token == token.token and sum(math.exp(each.logprob) for each in best) <= 1 + 1e-5, "greedy takes it")
    parts = [part for chunk in context.ask(logprobs=True, top_logprobs=3, max_tokens=8, stream=True)
             if chunk.choices and chunk.choices[0].logprobs for part in chunk.choices[0].logprobs.content]
    expect([(part.token, part.logprob) for part in parts] == [(token.token, token.logprob) for token in tokens], "streamed too")
    refused(openai.BadRequestError, lambda: context.ask(top_logprobs=3))


def check_logit_bias(context):
    first = context.ask(max_tokens=1, logprobs=True).choices[0].message.content
    response = context.client.post("/../tokenize", body={"model": context.chat, "content": first}, cast_to=object)
    banned = context.ask(max_tokens=1, logit_bias={str(token): -100 for token in response["tokens"]}).choices[0].message.content
    expect(banned != first, f"{banned!r} is not {first!r}")


def check_completions(context):
    create = context.client.completions.create
    one = create(model=context.chat, prompt="The capital of France is", max_tokens=5, temperature=0)
    expect(one.object == "text_completion" and "Paris" in one.choices[0].text, f"{one.choices[0].text}")
    two = create(model=context.chat, prompt=["The capital of France is", "One, two, three,"], max_tokens=5, temperature=0)
    expect([choice.index for choice in two.choices] == [0, 1] and two.choices[0].text == one.choices[0].text, "two prompts")
    streamed = create(model=context.chat, prompt="The capital of France is", max_tokens=5, temperature=0, stream=True)
    expect("".join(chunk.choices[0].text for chunk in streamed if chunk.choices) == one.choices[0].text, "streamed")


def check_echo_and_scores(context):
    prompt = "The capital of France is Paris"
    answer = context.client.completions.create(model=context.chat, prompt=prompt, max_tokens=1, temperature=0, echo=True, logprobs=2)
    choice = answer.choices[0]
    scores = choice.logprobs
    expect(choice.text.startswith(prompt), f"the prompt is there: {choice.text!r}")
    expect(scores.token_logprobs[0] is None and all(value <= 0 for value in scores.token_logprobs[1:]), "the first has no score")
    expect("".join(scores.tokens) == choice.text, f"tokens are the text: {scores.tokens}")
    offset = 0
    for token, at in zip(scores.tokens, scores.text_offset):
        expect(at == offset, f"offsets: {scores.text_offset}")
        offset += len(token)
    expect(all(len(best) >= 2 for best in scores.top_logprobs[1:]), "alternatives")
    expect(len(scores.tokens) == answer.usage.total_tokens, "as many as were counted")


def check_same_bits_together(context):
    questions = [f"Count to {number} and then say something about the number {number}." for number in range(8)]

    def messages(text):
        return [{"role": "user", "content": text}]

    def values(answer):
        return [(token.token, token.logprob) for token in answer.choices[0].logprobs.content]
    alone = [values(context.ask(messages(text), logprobs=True, max_tokens=12)) for text in questions]

    async def all_at_once():
        create = context.asynchronous.chat.completions.create
        return await asyncio.gather(*(
            create(model=context.chat, messages=messages(text), max_tokens=12, temperature=0, logprobs=True) for text in questions))
    together = asyncio.run(all_at_once())
    expect([values(answer) for answer in together] == alone, "eight at once give the log-probabilities of each alone")


def check_cached_prefix(context):
    text = "The quick brown fox jumps over the lazy dog. " * 30
    first = context.ask([{"role": "user", "content": text + "What animal is it?"}], max_tokens=8)
    again = context.ask([{"role": "user", "content": text + "What animal is it?"}], max_tokens=8)
    expect(again.usage.prompt_tokens_details.cached_tokens >= 128, f"cached: {again.usage}")
    expect(again.choices[0].message.content == first.choices[0].message.content, "and the same")
    salted = context.ask([{"role": "user", "content": text + "What animal is it?"}], max_tokens=8, extra_body={"cache_salt": "other"})
    expect(salted.usage.prompt_tokens_details.cached_tokens == 0, "another salt finds nothing")


def check_leaving(context):
    stream = context.ask(max_tokens=400, stream=True)
    next(iter(stream))
    stream.close()
    expect(context.ask(max_tokens=2).usage.completion_tokens == 2, "the server goes on")


class City(BaseModel):
    name: str
    country: str
    inhabitants: int


def check_structured_output(context):
    answer = context.client.chat.completions.parse(
        model=context.tools, messages=[{"role": "user", "content": "Describe Paris as JSON."}], response_format=City, max_tokens=120, temperature=0)
    city = answer.choices[0].message.parsed
    expect(isinstance(city, City) and city.name, f"{answer.choices[0].message}")
    free = context.ask(ASKED, response_format={"type": "json_object"}, max_tokens=200)
    if free.choices[0].finish_reason == "stop":
        expect(isinstance(json.loads(free.choices[0].message.content), dict), "an object")
    schema = {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 9}, "minItems": 3, "maxItems": 3}
    numbers = context.ask(ASKED, max_tokens=40, temperature=1, seed=5, response_format={
        "type": "json_schema", "json_schema": {"name": "numbers", "schema": schema}})
    value = json.loads(numbers.choices[0].message.content)
    expect(len(value) == 3 and all(isinstance(each, int) and 0 <= each <= 9 for each in value), f"{value}")
    refused(openai.BadRequestError, lambda: context.ask(
        response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "hiccup"}}}))


def check_tools(context):
    def create(messages, **options):
        return context.client.chat.completions.create(
            model=context.tools, messages=messages, tools=[WEATHER], max_tokens=100, temperature=0, **options)
    asked = [{"role": "user", "content": "What is the weather in Oslo, in celsius? Call get_weather."}]
    # So small a model often writes a call otherwise than its template says: a regular expression holds it to that.
    form = r'<tool_call>\n\{"name": "get_weather", "arguments": \{"city": "[A-Z][a-z]{1,12}", "unit": "celsius"\}\}\n</tool_call>'
    call_form = {"extra_body": {"guided_regex": form}}
    choice = create(asked, **call_form).choices[0]
    expect(choice.finish_reason == "tool_calls" and choice.message.tool_calls, f"{choice}")
    call = choice.message.tool_calls[0]
    arguments = json.loads(call.function.arguments)
    expect(call.id and call.type == "function" and call.function.name == "get_weather" and arguments["city"], f"{call}")
    pieces, name, identity, reason = "", None, None, None
    for chunk in create(asked, stream=True, **call_form):
        for part in (chunk.choices[0].delta.tool_calls or []) if chunk.choices else []:
            identity, name = part.id or identity, part.function.name or name
            pieces += part.function.arguments or ""
        reason = (chunk.choices[0].finish_reason if chunk.choices else None) or reason
    expect(name == "get_weather" and identity and reason == "tool_calls" and json.loads(pieces) == arguments, f"streamed: {name} {pieces}")
    after = [*asked, choice.message.model_dump(exclude_none=True), {"role": "tool", "tool_call_id": call.id, "content": "11 degrees, rain"}]
    told = create(after, tool_choice="none").choices[0].message
    expect(told.content and not told.tool_calls, f"an answer after the tool's: {told}")
    refused(openai.BadRequestError, lambda: create(asked, tool_choice={"type": "function", "function": {"name": "nobody"}}))


def check_tool_choice(context):
    """A call that the request wants, by a constraint on the answer."""
    asked = [{"role": "user", "content": "What is the weather in Oslo, in celsius?"}]
    named = {"type": "function", "function": {"name": "get_weather"}}
    for wanted in ("required", named, {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [named]}}):
        try:
            message = context.client.chat.completions.create(
                model=context.tools, messages=asked, tools=[WEATHER], max_tokens=100, temperature=0, tool_choice=wanted).choices[0].message
        except openai.BadRequestError as error:
            raise LeftOut(f"the server says: {error.body['message']}") from None
        arguments = json.loads(message.tool_calls[0].function.arguments)
        expect(message.tool_calls[0].function.name == "get_weather" and set(arguments) == {"city", "unit"}, f"{message}")


def check_embeddings(context):
    create = context.client.embeddings.create
    texts = ["A cat sits on the mat.", "A kitten rests on a rug.", "The stock market fell."]
    answer = create(model=context.embedder, input=texts)
    rows = [row.embedding for row in answer.data]
    expect([row.index for row in answer.data] == [0, 1, 2] and len(rows[0]) == 384, "three rows")
    dot = lambda one, other: sum(x * y for x, y in zip(one, other))  # noqa: E731
    expect(abs(dot(rows[0], rows[0]) - 1) < 1e-4 and dot(rows[0], rows[1]) > dot(rows[0], rows[2]), "near ones are near")
    plain = create(model=context.embedder, input=texts[0], encoding_format="float").data[0].embedding
    packed = create(model=context.embedder, input=texts[0], encoding_format="base64").data[0].embedding
    values = packed if isinstance(packed, list) else struct.unpack(f"<{len(plain)}f", base64.b64decode(packed))
    expect([struct.pack("<f", value) for value in plain] == [struct.pack("<f", value) for value in values], "both encodings are the same")
    expect(answer.usage.prompt_tokens == answer.usage.total_tokens > 0, "usage")
    refused(openai.BadRequestError, lambda: create(model=context.embedder, input=[]))


def check_errors(context):
    create = context.client.chat.completions.create
    error = refused(openai.NotFoundError, lambda: create(model="nobody", messages=ASKED))
    expect("nobody" in str(error), "it names the model")
    for wrong in ({"temperature": -1}, {"top_p": 2}, {"n": 0}, {"max_tokens": -5}, {"stop": ["a"] * 1000}, {"logit_bias": {"x": 1}}, {"seed": "x"}):
        refused(openai.BadRequestError, lambda: context.ask(**wrong))
    refused(openai.BadRequestError, lambda: context.ask([]))
    refused(openai.BadRequestError, lambda: context.ask([{"role": "nobody", "content": "x"}]))
    long = refused(openai.BadRequestError, lambda: context.ask([{"role": "user", "content": "word " * 100000}]))
    expect(any(digit.isdigit() for digit in str(long)) and "context" in str(long).lower(), f"a long prompt is told with numbers: {long}")
    refused(openai.BadRequestError, lambda: list(context.ask([{"role": "user", "content": "word " * 100000}], stream=True)))


def check_responses(context):
    answer = context.client.responses.create(model=context.chat, input="What is the capital of France?", max_output_tokens=24, temperature=0)
    expect(answer.id.startswith("resp_") and "Paris" in answer.output_text and answer.status in ("completed", "incomplete"), f"{answer}")
    text, last = "", None
    for event in context.client.responses.create(
            model=context.chat, input=ASKED, instructions="Be brief.", max_output_tokens=24, temperature=0, stream=True):
        text += event.delta if event.type == "response.output_text.delta" else ""
        last = event
    expect(last.type in ("response.completed", "response.incomplete") and text == last.response.output_text, "streamed")


RESPONSE_WEATHER = {"type": "function", "strict": True, **WEATHER["function"]}


def check_response_tools(context):
    """A call, whole and in events, and an answer to its result."""
    create = context.client.responses.create
    asked = [{"role": "user", "content": "What is the weather in Oslo, in celsius?"}]
    options = {"model": context.tools, "tools": [RESPONSE_WEATHER], "max_output_tokens": 100, "temperature": 0}
    answer = create(input=asked, tool_choice="required", **options)
    call = answer.output[0]
    expect(call.type == "function_call" and call.name == "get_weather" and call.status == "completed", f"{answer.output}")
    arguments = json.loads(call.arguments)
    expect(set(arguments) == {"city", "unit"} and call.call_id, f"{call}")
    named = {"type": "function", "name": "get_weather"}
    with context.client.responses.stream(input=asked, tool_choice=named, **options) as stream:
        events = list(stream)
        whole = stream.get_final_response()
    kinds = list(dict.fromkeys(event.type for event in events))
    expect(kinds == ["response.created", "response.in_progress", "response.output_item.added", "response.function_call_arguments.delta",
                     "response.function_call_arguments.done", "response.output_item.done", "response.completed"], f"{kinds}")
    expect([event.sequence_number for event in events] == list(range(len(events))), "numbers")
    expect(whole.output[0].parsed_arguments == arguments, f"{whole.output}")
    after = [*asked, call.model_dump(exclude_none=True), {"type": "function_call_output", "call_id": call.call_id, "output": "11 degrees, rain"}]
    told = create(input=after, tool_choice="none", **options)
    expect(told.output_text and [item.type for item in told.output] == ["message"], f"{told.output}")
    for wrong in ({"tools": [{"type": "web_search"}]}, {"tool_choice": {"type": "function", "name": "nobody"}}):
        refused(openai.BadRequestError, lambda: create(input=asked, **{**options, **wrong}))


def check_response_form(context):
    answer = context.client.responses.parse(
        model=context.tools, input="Describe Paris as JSON.", text_format=City, max_output_tokens=120, temperature=0)
    expect(isinstance(answer.output_parsed, City) and answer.output_parsed.name, f"{answer.output}")
    for wrong in ({"previous_response_id": "resp_1"}, {"background": True}):
        refused(openai.BadRequestError, lambda: context.client.responses.create(model=context.chat, input="x", **wrong))


def check_seeds(context):
    """The seed that was drawn gives the same answers, which tell what reproduces them."""
    def choices(**options):
        return context.ask(temperature=0.8, n=2, max_tokens=12, extra_body={"reproduce": True}, **options).choices
    first = choices()
    expect(first[1].seed == first[0].seed + 1, f"{first[0].seed} {first[1].seed}")
    again = choices(seed=first[0].seed)
    expect([each.message.content for each in first] == [each.message.content for each in again], "the same texts")
    for one, other in zip(first, again):
        expect(one.reproduce["answer"] == other.reproduce["answer"] and len(one.reproduce["model_digest"]) == 64, f"{one.reproduce}")


def check_keys(context, url):
    """Of a server that wants keys, at another address."""
    right = openai.OpenAI(base_url=f"{url}/v1", api_key="right", max_retries=0)
    wrong = openai.OpenAI(base_url=f"{url}/v1", api_key="wrong", max_retries=0)
    expect(list(right.models.list()), "the right one")
    refused(openai.AuthenticationError, lambda: wrong.models.list())
    refused(openai.AuthenticationError, lambda: wrong.chat.completions.create(model=context.chat, messages=ASKED))
