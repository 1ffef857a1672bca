"""A server with OpenAI's chat interface that says what the tests of the chat page need, and serves the page."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MARKDOWN = """## Why *stones* sing

A **mosaic** is made of *tesserae*: small pieces, each of one color. See [the museum](https://example.org/stones "title") or
https://example.org/a_b_c.

1. Cut the stone
   - by `hammer`
   - by hand
2. Lay it

> Quoted
> twice

| piece | count |
|---|--:|
| red | 12 |
| blue | ~~7~~ 8 |

```swift
for piece in pieces where piece.color == .red {
  print("<b>\\(piece)</b>")  // not bold
}
```

---
The end of snake_case_names, 2 * 3 * 4, and \\*stars\\*."""

ATTACKS = """<script>window.hurt = 1</script><img src=x onerror="window.hurt = 2"><svg onload=window.hurt=3>

[click](javascript:window.hurt=4) [data](data:text/html,<script>parent.hurt=5</script>) [v](vbscript:x) [j]( javascript:hurt=6)
![pixel](https://evil.example/pixel.png) ![x](x" onerror="window.hurt=7)
<iframe srcdoc="<script>parent.hurt=8</script>"></iframe> <style>body{display:none}</style>
<a href="javascript:window.hurt=9">x</a> <form action=https://evil.example><input name=q></form>
`<img src=x onerror=window.hurt=10>` **<img src=x onerror=window.hurt=11>**

```html"><img src=x onerror=window.hurt=12>
</code></pre><script>window.hurt = 13</script>
```

| <script>window.hurt=14</script> | b |
|---|---|
| <img src=x onerror=window.hurt=15> | [k](JaVaScRiPt:window.hurt=16) |

> <object data="https://evil.example/x.swf"></object>
> <base href="https://evil.example/"> <link rel=stylesheet href=https://evil.example/x.css> <meta http-equiv=refresh content=0>

[x](https://example.org/"onmouseover="window.hurt=17) https://example.org/"onclick="window.hurt=18
""" + "*a " * 60000 + "_b" * 3000 + "[" * 3000 + ">" * 300 + "\n" + "- " * 300


class ScriptedServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, page):
        super().__init__(("127.0.0.1", 0), Handler)
        self.page = page
        self.left = threading.Event()  # a client went away in the middle of an answer
        self.asked = []  # the bodies of requests
        self.tries = {}
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/"

    def handle_error(self, request, address):
        pass


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def reply(self, status, body, kind="application/json"):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def refuse(self, status, message):
        self.reply(status, {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None}})

    def do_GET(self):
        if self.path == "/":
            self.reply(200, self.server.page.encode(), "text/html; charset=utf-8")
        elif self.path == "/v1/models":
            names = ["stone-135m", "an-embedder-with-a-rather-long-name-q4_k_m"]
            self.reply(200, {"object": "list", "data": [{"id": name, "object": "model"} for name in names]})
        else:
            self.refuse(404, "no such place")

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(asked)
        text = asked["messages"][-1]["content"]
        self.verb = text.split()[0].lower().strip(",:")
        tries = self.server.tries[self.verb] = self.server.tries.get(self.verb, 0) + 1
        if self.verb == "fail" or self.verb == "flaky" and tries == 1:
            return self.refuse(400, "the prompt has 5000 tokens, the context 2048 <b>")
        if self.verb == "locked" and self.headers.get("Authorization") != "Bearer secret":
            return self.refuse(401, "a valid API key is needed")
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        try:
            self.stream(asked)
        except OSError:
            self.server.left.set()

    def event(self, value):
        self.wfile.write(f"data: {value if isinstance(value, str) else json.dumps(value)}\n\n".encode())
        self.wfile.flush()

    def stream(self, asked):
        verb, count = self.verb, 0
        texts = {
            "markdown": MARKDOWN, "attack": ATTACKS, "echo": json.dumps(asked),
            "long": "\n\n".join(f"Paragraph {number} of many." for number in range(60)),
        }
        if verb == "think":
            for piece in ["First ", "I think ", "about it."]:
                self.delta(reasoning_content=piece)
                time.sleep(0.02)
        if verb == "slow":
            while True:
                self.delta(content=f"word{count} ")
                count += 1
                time.sleep(0.03)
        text = texts.get(verb, "Ein Gruß, 日本語 and 👩‍🚀: an answer of some words.")
        # A comment, and a first piece whose bytes come apart.
        self.wfile.write(b": keep-alive\r\n\r\n")
        pieces = [text[at:at + 12] for at in range(0, len(text), 12)] if len(text) < 4000 else [text]
        for piece in pieces:
            data = f"data: {json.dumps(self.part(content=piece), ensure_ascii=False)}\n\n".encode()
            for byte in range(0, len(data), 61):
                self.wfile.write(data[byte:byte + 61])
                self.wfile.flush()
            count += 1
            time.sleep(0.004)
        if verb == "break":
            return
        if verb == "midway":
            return self.event({"error": {"message": "the device was lost", "type": "server_error"}})
        self.event(self.part(finish="length" if verb == "cut" else "stop"))
        usage = {"prompt_tokens": 120, "completion_tokens": count, "total_tokens": 120 + count,
                 "prompt_tokens_details": {"cached_tokens": 64}}
        self.event({"object": "chat.completion.chunk", "choices": [], "usage": usage})
        self.event("[DONE]")

    def part(self, finish=None, **delta):
        return {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}

    def delta(self, **delta):
        self.event(self.part(**delta))
