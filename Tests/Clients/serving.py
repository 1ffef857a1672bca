"""Starts `tessera serve`, and runs checks: one line each."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def default_command():
    for build in ("release", "debug"):
        path = ROOT / ".build" / build / "tessera"
        if path.exists():
            return str(path)
    return "tessera"


def fetch(name):
    """The path of a model that scripts/fetch-model knows."""
    command = [str(ROOT / "scripts/fetch-model"), name]
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


class Server:
    """A server on a free port. Use it in a `with` block."""

    def __init__(self, command, models, *arguments, environment=None, seconds=300):
        models = [word for model in models for word in ("--model", model)]
        self.errors = []
        self.process = subprocess.Popen(
            [command, "serve", *models, "--port", "0", *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True, env={**os.environ, **(environment or {})},
        )
        self.url = None
        self._ready = threading.Event()
        threading.Thread(target=self._listen, daemon=True).start()
        if not self._ready.wait(seconds) or not self.url:
            self.stop()
            sys.exit("error: the server did not start:\n" + "".join(self.errors[-20:]))

    def _listen(self):
        for line in self.process.stderr:
            self.errors.append(line)
            if match := re.search(r"listening on (http://\S+)", line):
                self.url = match[1].rstrip("/")
                self._ready.set()
        self._ready.set()

    @property
    def alive(self):
        return self.process.poll() is None

    def stop(self):
        if self.alive:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(300)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        return self.process.returncode

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class LeftOut(Exception):
    """A check that does not apply here, with the reason."""


class Checks:
    """Collects functions, runs them and counts."""

    def __init__(self):
        self.passed, self.failed, self.left_out = 0, 0, 0

    def run(self, name, check, *arguments):
        began = time.monotonic()
        try:
            check(*arguments)
        except LeftOut as reason:
            self.left_out += 1
            print(f"left out {name}: {reason}", flush=True)
            return
        except Exception as error:  # Whatever it is, the other checks run.
            self.failed += 1
            where = traceback.extract_tb(error.__traceback__)[-1]
            here = [frame for frame in traceback.extract_tb(error.__traceback__) if "Tests/Clients" in frame.filename]
            where = here[-1] if here else where
            print(f"FAILED   {name}: {type(error).__name__}: {str(error)[:400]} ({Path(where.filename).name}:{where.lineno})", flush=True)
            return
        self.passed += 1
        print(f"passed   {name} ({time.monotonic() - began:.1f} s)", flush=True)

    def run_all(self, prefix, functions, *arguments):
        for name, function in functions.items():
            if name.startswith("check_"):
                self.run(f"{prefix} {name.removeprefix('check_').replace('_', ' ')}", function, *arguments)


def expect(truth, what):
    if not truth:
        raise AssertionError(what)


def scratch():
    return tempfile.TemporaryDirectory(prefix="client-check-")
