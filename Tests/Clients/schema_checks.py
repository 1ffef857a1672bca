"""schemathesis: requests made from the server's own description of its interface, `/openapi.json`."""

import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import tiny_model
from serving import LeftOut, Server, expect, scratch

# What an answer must be: no 5xx, a status and a media type that the description has, 405 for other methods.
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,unsupported_method"


def check_schemathesis(command, examples=60):
    with scratch() as folder, Server(command, [tiny_model.write(Path(folder) / "tiny")]) as server:
        try:
            urllib.request.urlopen(server.url + "/openapi.json", timeout=30).close()
        except urllib.error.HTTPError as error:
            raise LeftOut(f"/openapi.json has status {error.code}") from None
        arguments = [
            sys.executable, "-m", "schemathesis.cli", "run", server.url + "/openapi.json", "--checks", CHECKS, "--max-examples", str(examples),
            "--seed", "14", "--request-timeout", "60", "--workers", "1", "--no-color", "--generation-deterministic",
        ]
        result = subprocess.run(arguments, stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=folder)
        expect(server.alive, "the server has ended")
        text = result.stdout[result.stdout.find("FAILURES"):][:3000] if "FAILURES" in result.stdout else (result.stdout + result.stderr)[-1500:]
        expect(result.returncode == 0, text)
