"""Sends a request as it is told and reads the answer; asyncio's streams alone, so that nothing is put right on the way."""

import asyncio
import json


class Wrong(Exception):
    """What the server should not have done."""


async def read_answer(reader, head_only=False):
    """Status, header fields and body, or None where the server closes without an answer."""
    line = await reader.readline()
    if not line:
        return None
    words = line.split(b" ", 2)
    if not words[0].startswith(b"HTTP/1.") or len(words) < 2 or not words[1].isdigit():
        raise Wrong(f"no HTTP: {line[:80]!r}")
    status, fields = int(words[1]), {}
    while (line := await reader.readline()) not in (b"\r\n", b""):
        name, _, value = line.partition(b":")
        fields[name.decode("latin-1").lower()] = value.strip().decode("latin-1")
    if 100 <= status < 200 and status != 101:
        return await read_answer(reader, head_only)
    if head_only or status in (204, 304):
        return status, fields, b""
    if fields.get("transfer-encoding", "") == "chunked":
        body = bytearray()
        while size := int((await reader.readline()).split(b";")[0] or b"0", 16):
            body += await reader.readexactly(size)
            await reader.readexactly(2)
        await reader.readline()
        return status, fields, bytes(body)
    if "content-length" in fields:
        return status, fields, await reader.readexactly(int(fields["content-length"]))
    return status, fields, await reader.read()


def check(request, answer):
    """Raises Wrong where the answer is not one that the request may get."""
    if answer is None:
        if request.raw is None:
            raise Wrong("the connection was closed without an answer")
        return
    status, fields, body = answer
    if status not in request.statuses:
        raise Wrong(f"status {status}, expected {sorted(request.statuses)[:8]}: {body[:300]!r}")
    if request.raw is not None:
        return
    if status >= 400:
        if request.method == "HEAD":
            return
        try:
            error = json.loads(body)["error"]
            right = isinstance(error["message"], str) and error["message"] and isinstance(error["type"], str) and {"param", "code"} <= set(error)
        except (ValueError, KeyError, TypeError):
            right = False
        if not right:
            raise Wrong(f"status {status} without OpenAI's error form: {body[:300]!r}")
    elif fields.get("content-type", "").startswith("text/event-stream"):
        check_events(body)
    elif fields.get("content-type", "").startswith("application/json"):
        value = json.loads(body)
        if request.holds:
            choice = value["choices"][0]
            if choice["finish_reason"] == "stop" and not request.holds(choice["message"]["content"]):
                raise Wrong(f"an answer that its constraint does not allow: {choice['message']['content']!r}")
    elif request.path not in ("/", "/metrics") and not request.path.startswith("/?"):
        raise Wrong(f"a body of {fields.get('content-type')}")


def check_events(body):
    try:
        events = [event for event in body.decode("utf-8").split("\n\n") if event]
    except UnicodeDecodeError as error:
        raise Wrong(f"events are no UTF-8: {error}") from error
    data = [event.removeprefix("data: ") for event in events if event.startswith("data: ")]
    if not data or data[-1] != "[DONE]":
        raise Wrong(f"a stream without its end: {body[-200:]!r}")
    for event in data[:-1]:
        if "error" in (value := json.loads(event)):
            raise Wrong(f"an error within a stream: {value['error']}")


class Client:
    """One connection, kept as long as it serves."""

    def __init__(self, host, port, seconds):
        self.host, self.port, self.seconds = host, port, seconds
        self.reader = self.writer = None

    async def connect(self):
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection(self.host, self.port, limit=1 << 20)

    async def close(self):
        if self.writer is not None:
            self.writer.close()
            try:
                await self.writer.wait_closed()
            except OSError:
                pass
            self.reader = self.writer = None

    def bytes(self, request):
        if request.raw is not None:
            return request.raw
        fields = {"Host": f"{self.host}:{self.port}", "Content-Length": str(len(request.body)), **request.headers}
        if request.method == "GET":
            fields.pop("Content-Length")
            fields.pop("Content-Type", None)
        head = f"{request.method} {request.path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items()) + "\r\n"
        return head.encode() + (b"" if request.method == "GET" else request.body)

    async def send(self, request, fresh=True):
        """Sends it, and checks the answer. A connection that the server closed in between is opened once more."""
        reused = self.writer is not None
        try:
            answer = await asyncio.wait_for(self._send(request), self.seconds)
        except (OSError, asyncio.IncompleteReadError):
            await self.close()
            if reused and fresh:
                return await self.send(request, fresh=False)
            if request.raw is None and request.leaves is None:
                raise Wrong("the connection broke") from None
            return None
        except asyncio.TimeoutError:
            await self.close()
            raise Wrong(f"no answer in {self.seconds} seconds") from None
        if answer is None and reused and fresh and request.leaves is None and request.raw is None:
            await self.close()
            return await self.send(request, fresh=False)
        if request.raw is not None or request.leaves is not None or request.half_closes or answer is None or answer[1].get("connection") == "close":
            await self.close()
        if request.leaves is None:
            check(request, answer)
        return answer

    async def _send(self, request):
        if request.raw is not None or request.half_closes or request.leaves is not None:
            await self.close()
        await self.connect()
        data = self.bytes(request)
        if request.leaves is not None:
            return await self._vanish(request, data)
        self.writer.write(data)
        if request.half_closes or request.raw is not None:
            self.writer.write_eof()
        await self.writer.drain()
        return await read_answer(self.reader, request.method == "HEAD")

    async def _vanish(self, request, data):
        """Sends a part, or all and reads a part, and is gone."""
        self.writer.write(data[:int(len(data) * request.leaves)])
        await self.writer.drain()
        if request.leaves > 1:
            try:
                await asyncio.wait_for(self.reader.read(int(4000 * (request.leaves - 1)) + 1), 5)
            except asyncio.TimeoutError:
                pass
        if request.leaves > 1.3:
            self.writer.transport.abort()
        return None
