"""Drives headless Chromium by its DevTools protocol over a pipe; the standard library is enough."""

import base64
import json
import os
import queue
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

KEYS = {
    "Enter": ("Enter", 13, "\r"), "Escape": ("Escape", 27, ""), "Tab": ("Tab", 9, ""), "Backspace": ("Backspace", 8, ""),
    "ArrowDown": ("ArrowDown", 40, ""), "ArrowUp": ("ArrowUp", 38, ""), " ": ("Space", 32, " "), "/": ("Slash", 191, "/"),
    "?": ("Slash", 191, "?"),
}
MODIFIERS = {"Alt": 1, "Control": 2, "Meta": 4, "Shift": 8}


def find_chromium():
    """The program and its environment: $CHROMIUM, an installed one, or Debian's package in the cache."""
    for name in (os.environ.get("CHROMIUM"), "chromium", "chromium-headless-shell", "google-chrome", "chromium-browser"):
        if name and shutil.which(name):
            return shutil.which(name), dict(os.environ)
    command = [str(ROOT / "scripts/unpack-debian"), "chromium", "chromium-headless-shell", "fonts-dejavu-core"]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    if result.returncode != 0:
        raise NoBrowser
    folder = result.stdout.strip()
    # Some packages' libraries look for others in a folder of their own, such as PulseAudio's.
    found = {str(path.parent) for top in ("lib", "usr/lib") for path in Path(folder, top).glob("x86_64-linux-gnu/**/*.so*")}
    libraries = sorted(found, key=lambda path: (len(path), path))
    environment = {**os.environ, "LD_LIBRARY_PATH": ":".join(libraries + [os.environ.get("LD_LIBRARY_PATH", "")])}
    return f"{folder}/usr/lib/chromium/chromium-headless-shell", environment


class NoBrowser(Exception):
    """There is none, and none can be had."""


class PageError(Exception):
    pass


class Browser:
    """One browser process. Use it in a `with` block."""

    def __init__(self):
        program, environment = find_chromium()
        self.profile = tempfile.mkdtemp(prefix="page-test-")
        commands, self.writer = os.pipe()
        self.reader, answers = os.pipe()
        options = [
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars",
            "--force-color-profile=srgb", "--remote-debugging-pipe", f"--user-data-dir={self.profile}", "about:blank",
        ]
        # The browser reads commands from descriptor 3 and writes answers to 4.
        script = f'exec "$0" "$@" 3<&{commands} 4>&{answers}'
        self.process = subprocess.Popen(
            ["bash", "-c", script, program, *options], env=environment, pass_fds=(commands, answers),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        os.close(commands)
        os.close(answers)
        self.answers, self.pages, self.last = {}, {}, 0
        self.arrived = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.writer)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.profile, ignore_errors=True)

    def _read(self):
        rest = b""
        while chunk := os.read(self.reader, 1 << 16):
            *messages, rest = (rest + chunk).split(b"\0")
            for message in messages:
                self.arrived.put(json.loads(message))
        self.arrived.put(None)

    def pump(self, seconds=0):
        """Takes in what has arrived; waits at most so long for something to."""
        try:
            message = self.arrived.get(timeout=seconds) if seconds else self.arrived.get_nowait()
        except queue.Empty:
            return
        if message is None:
            raise PageError("the browser has ended")
        if "id" in message:
            self.answers[message["id"]] = message
        elif message.get("sessionId") in self.pages:
            self.pages[message["sessionId"]].event(message["method"], message["params"])

    def call(self, method, session=None, **parameters):
        self.last += 1
        number = self.last
        message = {"id": number, "method": method, "params": parameters, **({"sessionId": session} if session else {})}
        os.write(self.writer, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + 600
        while number not in self.answers:
            if time.monotonic() > end:
                raise PageError(f"{method}: no answer")
            self.pump(1)
        answer = self.answers.pop(number)
        if "error" in answer:
            raise PageError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def open(self, url, width=1280, height=800, dark=False, calm=False):
        """A page with storage of its own."""
        return Page(self, self.call("Target.createBrowserContext")["browserContextId"], url, width, height, dark, calm)


class Page:
    def __init__(self, browser, context, url, width, height, dark, calm):
        self.browser, self.context = browser, context
        self.faults, self.requests = [], []
        target = browser.call("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        self.session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        browser.pages[self.session] = self
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce" if calm else "no-preference"},
        ])
        self.go(url)

    def call(self, method, **parameters):
        return self.browser.call(method, self.session, **parameters)

    def event(self, method, parameters):
        if method == "Runtime.exceptionThrown":
            details = parameters["exceptionDetails"]
            self.faults.append(details.get("exception", {}).get("description", details["text"]))
        elif method == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning", "assert"):
            self.faults.append(" ".join(str(each.get("value", each.get("description"))) for each in parameters["args"]))
        elif method == "Log.entryAdded" and parameters["entry"]["level"] in ("error", "warning"):
            self.faults.append(f"{parameters['entry']['source']}: {parameters['entry']['text']}")
        elif method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
        elif method == "Page.javascriptDialogOpening":
            self.faults.append(f"a dialog of the browser: {parameters['message']}")

    def go(self, url):
        self.call("Page.navigate", url=url)
        self.wait("document.readyState === 'complete' && document.getElementById('send') !== null")

    def reload(self):
        self.run("window.before = true")
        self.call("Page.reload")
        self.wait("!window.before && document.readyState === 'complete' && document.getElementById('send') !== null")

    def run(self, script):
        result = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True, userGesture=True)
        if "exceptionDetails" in result:
            details = result["exceptionDetails"]
            raise PageError(details.get("exception", {}).get("description", details["text"]))
        return result["result"].get("value")

    def wait(self, script, seconds=120):
        end = time.monotonic() + seconds
        while True:
            try:
                if self.run(f"!!({script})"):
                    return
            except PageError:
                if time.monotonic() > end:
                    raise
            if time.monotonic() > end:
                raise PageError(f"in {seconds} s it did not come true: {script}")
            self.browser.pump(0.05)

    def press(self, key, *modifiers):
        code, number, text = KEYS.get(key, (f"Key{key.upper()}", ord(key.upper()[0]), key))
        bits = sum(MODIFIERS[each] for each in modifiers)
        text = text if not bits & 7 else ""
        common = {"key": key, "code": code, "windowsVirtualKeyCode": number, "modifiers": bits}
        self.call("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", **common, **({"text": text} if text else {}))
        self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    def type(self, text):
        self.call("Input.insertText", text=text)

    def click(self, selector):
        """Clicks in the middle of the first element, as a pointer would: what covers it gets the click."""
        place = self.run(f"""(() => {{ const element = document.querySelector({json.dumps(selector)});
            element.scrollIntoView({{ block: 'nearest' }}); const box = element.getBoundingClientRect();
            return [box.x + box.width / 2, box.y + box.height / 2]; }})()""")
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left", clickCount=1)

    def picture(self, path):
        Path(path).write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def close(self):
        self.browser.call("Target.disposeBrowserContext", browserContextId=self.context)
        del self.browser.pages[self.session]
