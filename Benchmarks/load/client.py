"""Asks an OpenAI endpoint and notes when each piece of its answers came."""

import asyncio
import json
import time
from dataclasses import dataclass, field

import aiohttp

import workloads


@dataclass
class Answer:
    """What one request gave; times are seconds since the run began."""

    asked: float
    pieces: list = field(default_factory=list)  # when each piece of text came
    done: float = 0
    text: str = ""
    prompt_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    error: str = ""

    @property
    def first(self):
        return self.pieces[0] - self.asked

    @property
    def per_token(self):
        """Seconds per token after the first, or None where there is no second."""
        if self.output_tokens < 2 or len(self.pieces) < 2:
            return None
        return (self.pieces[-1] - self.pieces[0]) / (self.output_tokens - 1)


class Endpoint:
    def __init__(self, name, url, options):
        self.name, self.options = name, options
        self.url = url.rstrip("/").removesuffix("/v1") + "/v1"
        self.headers = {"Authorization": f"Bearer {options.api_key}"} if options.api_key else {}
        self.model = options.model

    async def prepare(self, session):
        """Finds the model's name, and asks one question that does not count."""
        if not self.model:
            async with session.get(f"{self.url}/models", headers=self.headers) as response:
                response.raise_for_status()
                self.model = (await response.json())["data"][0]["id"]
        answer = Answer(0)
        await self.ask(session, answer, [{"role": "user", "content": "Hello"}], 2, time.perf_counter())
        if answer.error:
            raise SystemExit(f"error: {self.name}: {answer.error}")

    def body(self, messages, most):
        body = {
            "model": self.model, "max_tokens": most, "temperature": 0, "stream": True,
            "stream_options": {"include_usage": True},
        }
        if self.options.ignore_eos:
            body["ignore_eos"] = True
        if self.options.api == "completions":
            return "completions", {**body, "prompt": "\n".join(message["content"] for message in messages)}
        return "chat/completions", {**body, "messages": messages}

    async def ask(self, session, answer, messages, most, start):
        path, body = self.body(messages, most)
        whole = False
        try:
            async with session.post(f"{self.url}/{path}", headers=self.headers, json=body) as response:
                if response.status != 200:
                    answer.error = f"status {response.status}: {(await response.text())[:200]}"
                    return
                async for line in response.content:
                    if not line.startswith(b"data:"):
                        continue
                    data = line[5:].strip()
                    if data == b"[DONE]":
                        whole = True
                        break
                    self.take(answer, json.loads(data), time.perf_counter() - start)
        except (aiohttp.ClientError, asyncio.TimeoutError, ValueError) as error:
            answer.error = f"{type(error).__name__}: {error}"
        answer.done = time.perf_counter() - start
        answer.output_tokens = answer.output_tokens or len(answer.pieces)
        if not answer.error and not (whole and answer.pieces):
            answer.error = "the answer broke off" if not whole else "no text"

    def take(self, answer, event, now):
        if "error" in event:
            answer.error = str(event["error"])[:200]
        for choice in event.get("choices", []):
            delta = choice.get("delta", {})
            piece = choice.get("text") or (delta.get("content") or "") + (delta.get("reasoning_content") or "")
            if piece:
                answer.pieces.append(now)
                answer.text += piece
        if usage := event.get("usage"):
            answer.prompt_tokens = usage["prompt_tokens"]
            answer.output_tokens = usage["completion_tokens"]
            answer.cached_tokens = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0

    async def run(self, seed):
        """One run of the workload: its answers, in the order in which they were asked for."""
        options, answers = self.options, []
        gate = asyncio.Semaphore(options.concurrency or 1 << 30)
        connector = aiohttp.TCPConnector(limit=0)
        timeout = aiohttp.ClientTimeout(total=options.timeout)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            await self.prepare(session)
            start = time.perf_counter()

            async def converse(conversation, begin):
                await asyncio.sleep(begin)
                async with gate:
                    messages = [{"role": "system", "content": conversation.system}] if conversation.system else []
                    for question, most in zip(conversation.questions, conversation.output_tokens):
                        messages.append({"role": "user", "content": question})
                        answer = Answer(time.perf_counter() - start)
                        answers.append(answer)
                        await self.ask(session, answer, messages, most, start)
                        if answer.error:
                            return
                        messages.append({"role": "assistant", "content": answer.text})

            work = zip(workloads.make(options, seed), workloads.arrivals(options, seed))
            await asyncio.gather(*(converse(*each) for each in work))
        return answers
