"""What the comparisons share: running Tessera's side, medians with ranges, tables."""

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def add_options(parser):
    """The options that every comparison of kernels has."""
    parser.add_argument(
        "--benchmarks", default=str(ROOT / ".build/release/tessera-benchmarks"),
        help="the executable's path",
    )
    parser.add_argument("--device", help="Tessera's device, as its commands take it")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--repetitions", type=int, default=5, help="runs of each side in a round; their median counts")
    parser.add_argument("--json", action="store_true")


def run_json(command, environment=None):
    """Runs a command that prints one JSON document; ends the program if it fails."""
    try:
        result = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
            env={**os.environ, **(environment or {})},
        )
    except OSError as error:
        sys.exit(f"error: {command[0]}: {error.strerror}: build it first (docs/benchmarks.md)")
    if result.returncode != 0:
        sys.exit(f"error: {' '.join(command)} ended with status {result.returncode}")
    return json.loads(result.stdout)


def known_cases(options):
    """The names of the cases that the executable has."""
    result = subprocess.run(
        [options.benchmarks, "--list"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=True
    )
    return result.stdout.split()


def measure_kernels(options, ids, roofs=False):
    """The executable's report on exactly these cases, as a dictionary from id to row, and the report."""
    command = [
        options.benchmarks, "--quiet", "--json", "-", "--repetitions", str(options.repetitions),
        "--filter", "^(" + "|".join(ids) + ")$",
    ] + ([] if roofs else ["--no-roofs"]) + (["--device", options.device] if options.device else [])
    report = run_json(command)
    rows = {row["measurement"]["id"]: row for row in report["rows"]}
    missing = [name for name in ids if name not in rows]
    if missing:
        sys.exit(f"error: not measured: {', '.join(missing)}")
    return rows, report


def processor():
    try:
        with open("/proc/cpuinfo") as file:
            return next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def spread(values):
    return {"median": statistics.median(values), "least": min(values), "most": max(values)}


def summary(name, peer_name, tessera, peer):
    """Rates of both in each round. The ratio is that of the medians, its range that of the rounds' own ratios."""
    ratios = [ours / theirs for ours, theirs in zip(tessera, peer)]
    ratio = {**spread(ratios), "median": statistics.median(tessera) / statistics.median(peer)}
    return {"test": name, "tessera": spread(tessera), peer_name: spread(peer), "ratio": ratio}


def cell(values, digits):
    return "{median:.{d}f} ({least:.{d}f}–{most:.{d}f})".format(d=digits, **values)


def table(results, peer_name, digits=1):
    lines = [f"| test | Tessera | {peer_name} | ratio |", "|---|--:|--:|--:|"]
    for row in results:
        cells = [cell(row["tessera"], digits), cell(row[peer_name], digits), cell(row["ratio"], 2)]
        lines.append(f"| {row['test']} | {' | '.join(cells)} |")
    return "\n".join(lines)


class Torch:
    """Runs PyTorch on the CPU with as many threads as cores, or on a GPU."""

    def __init__(self, device, dtype):
        try:
            import torch
        except ImportError:
            sys.exit("error: no PyTorch here: pip install torch")
        self.torch = torch
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.dtype = getattr(torch, dtype)
        torch.manual_seed(0)
        torch.set_grad_enabled(False)
        # Products in float32 as Tessera's are, not in TF32.
        torch.backends.cuda.matmul.allow_tf32 = False
        if self.device.type == "cpu":
            torch.set_num_threads(len(os.sched_getaffinity(0)))

    @property
    def name(self):
        if self.device.type == "cuda":
            return f"PyTorch {self.torch.__version__} on {self.torch.cuda.get_device_name(self.device)}"
        return f"PyTorch {self.torch.__version__}, {self.torch.get_num_threads()} threads"

    def random(self, *shape):
        return self.torch.randn(*shape, device=self.device, dtype=self.dtype)

    def cold_copies(self, size):
        """As many copies as do not fit a cache: those of the executable on a cache of 32 MiB, or more."""
        return max(1, -(-(256 << 20) // size))

    def seconds(self, call, repetitions):
        """The median time of `call(index)`; two runs before do not count."""
        def once(index):
            if self.device.type == "cuda":
                begin, end = (self.torch.cuda.Event(enable_timing=True) for _ in range(2))
                begin.record()
                call(index)
                end.record()
                end.synchronize()
                return begin.elapsed_time(end) / 1e3
            start = time.perf_counter()
            call(index)
            return time.perf_counter() - start

        once(0), once(1)
        return statistics.median(once(index + 2) for index in range(repetitions))
