#!/usr/bin/env python3
"""Times builds of the tessera command in turns, and llama.cpp beside them where it is installed, on one model.

    swift build -c release --product tessera
    python Benchmarks/compare/builds.py "$(scripts/fetch-model smollm2)"
    python Benchmarks/compare/builds.py --build before=/elsewhere/.build/release/tessera MODEL
    python Benchmarks/compare/builds.py --busy 1 -p 0 --batch 1 MODEL

What is measured, in five rounds, in each of which all take turns:

    pp512      tokens per second of a prompt
    tg128      of tokens decoded one after another
    tg128x8    of eight sequences decoded together, all of them counted
    load       seconds until the model is there
    first      seconds from the start of loading until the first token of a short prompt is there

Figures are medians with the least and the most. A ratio is how many times faster this build is: its median beside the
other's, its range that of the rounds' own ratios. --busy N keeps N processors busy with other processes meanwhile.
llama.cpp maps the file and reads it when it is used, so its load is told by `first` alone; `first` leaves the start of
the process out, on all sides. What a build cannot do (--batch, in old ones) is left out for it.
Nothing else may run on the machine: the load average at the start is printed with the figures.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

from common import ROOT, cell, processor, run_json, spread

OURS = "this build"
PEER = "llama.cpp"
IN_SECONDS = ("load", "first")
SHORT = [1, 2, 3, 4]


class Build:
    """The tessera command at a path."""

    def __init__(self, name, path, options):
        self.name, self.path, self.options = name, path, options
        self.device = None
        if not os.access(path, os.X_OK):
            sys.exit(f"error: {path}: no such program: build it first (docs/benchmarks.md)")
        text = subprocess.run([path, "help", "bench"], stdin=subprocess.DEVNULL, capture_output=True, text=True).stdout
        self.has_batch = "--batch" in text

    def run(self, subcommand, *arguments):
        device = ["--device", self.options.device] if self.options.device else []
        return run_json([
            self.path, subcommand, "--model", self.options.model, "--precision", self.options.precision, "--json",
            *device, *arguments,
        ])

    def start(self):
        """Seconds until the model is loaded, and until it has given a token."""
        row = self.run("generate", "--tokens", ",".join(map(str, SHORT)), "-n", "1")["statistics"]
        return row["load_seconds"], row["load_seconds"] + row["time_to_first_token_seconds"]

    def measure(self):
        figures = {}
        counts = ["-p", str(self.options.prompt), "-n", str(self.options.generated), "-r", "1"]
        # One process each: a context for several sequences is another one.
        for batch in self.options.batch if self.has_batch else [1]:
            tests = counts + (["--batch", str(batch)] if batch > 1 else [])
            if batch > 1:
                tests[1] = "0"
            if tests[1] == tests[3] == "0":
                continue
            for row in self.run("bench", *tests):
                figures[row["test"]] = row["tokens_per_second_mean"]
                self.device = row["device"]
        figures["load"], figures["first"] = self.start()
        return figures


class Peer:
    """llama.cpp, loaded anew in each round."""

    name = PEER

    def __init__(self, options):
        self.options = options

    def measure(self):
        from llama import LlamaCpp

        options, figures = self.options, {}
        prompt, generated, most = options.prompt, options.generated, max(options.batch)
        start = time.perf_counter()
        model = LlamaCpp(options.model, options.threads, max(prompt, len(SHORT)), generated)
        model.decode(SHORT)
        figures["first"] = time.perf_counter() - start
        # What does not count comes first, as in the command.
        if prompt:
            model.rate(prompt, prompt)
            figures[f"pp{prompt}"] = model.rate(prompt, prompt)
        if generated and 1 in options.batch:
            model.rate(1, 1)
            figures[f"tg{generated}"] = model.rate(generated, 1)
        model.close()
        if generated and most > 1:
            model = LlamaCpp(options.model, options.threads, 0, generated, most)
            for batch in (count for count in options.batch if count > 1):
                model.rate_together(1, batch)
                figures[f"tg{generated}x{batch}"] = model.rate_together(generated, batch)
            model.close()
        return figures


def ratio(test, ours, others):
    """How many times faster `ours` are; the range is that of the rounds' own ratios."""
    def faster(a, b):
        return b / a if test in IN_SECONDS else a / b

    values = [faster(a, b) for a, b in zip(ours, others)]
    return {**spread(values), "median": faster(statistics.median(ours), statistics.median(others))}


def named_build(text):
    name, separator, path = text.partition("=")
    if not separator or not name or not path:
        raise argparse.ArgumentTypeError(f"{text}: it is NAME=PATH")
    return name, path


def batch_counts(text):
    try:
        counts = sorted({int(part) for part in text.split(",")})
    except ValueError:
        counts = []
    if not counts or counts[0] < 1:
        raise argparse.ArgumentTypeError(f"{text}: counts of sequences, e.g. 1,8")
    return counts


def table(results, others):
    lines = ["| test | " + " | ".join([OURS, *(f"{name} | times" for name in others)]) + " |"]
    lines.append("|---|" + "--:|" * (1 + 2 * len(others)))
    for row in results:
        digits = 2 if row["test"] in IN_SECONDS else 1
        cells = [cell(row[OURS], digits)]
        for name in others:
            cells += [cell(row[name], digits), cell(row["ratios"][name], 2)] if name in row else ["", ""]
        lines.append(f"| {row['test']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a GGUF file")
    parser.add_argument("--tessera", default=str(ROOT / ".build/release/tessera"), help="this build's path")
    parser.add_argument(
        "--build", action="append", type=named_build, default=[], metavar="NAME=PATH", help="another one; may be repeated")
    parser.add_argument("--device", help="Tessera's device, as the command takes it")
    parser.add_argument("--precision", default="exact", choices=["exact", "fast"], help="the builds'")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="llama.cpp's")
    parser.add_argument("--no-llama", action="store_true", help="leave llama.cpp out")
    parser.add_argument("--busy", type=int, default=0, metavar="N", help="processes that keep a processor busy each")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("-p", dest="prompt", type=int, default=512, help="tokens of prefill; 0 leaves it out")
    parser.add_argument("-n", dest="generated", type=int, default=128, help="tokens of decode; 0 leaves it out")
    parser.add_argument("--batch", type=batch_counts, default=[1, 8], help="sequences decoded together: 1,8")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if min(options.prompt, options.generated, options.busy) < 0 or options.rounds < 1:
        parser.error("-p, -n and --busy must be 0 or more, --rounds 1 or more")

    load = os.getloadavg()[0]
    builds = [Build(name, path, options) for name, path in [(OURS, options.tessera), *options.build]]
    sides, version = list(builds), None
    if not options.no_llama:
        try:
            from importlib.metadata import version as version_of

            import llama_cpp  # noqa: F401

            version = version_of("llama-cpp-python")
            # First: a machine that slows down slows Tessera.
            sides.insert(0, Peer(options))
        except ImportError:
            print("llama.cpp is left out: pip install llama-cpp-python", file=sys.stderr)

    # The first start of a build compiles kernels.
    for build in builds:
        build.start()
    figures = {side.name: {} for side in sides}
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(options.busy)]
    try:
        for index in range(options.rounds):
            for side in sides:
                for test, value in side.measure().items():
                    figures[side.name].setdefault(test, []).append(value)
            print(f"round {index + 1} of {options.rounds}", file=sys.stderr)
    finally:
        for process in busy:
            process.kill()
            process.wait()

    others = [side.name for side in sides if side.name != OURS]
    results = []
    for test, ours in figures[OURS].items():
        row = {"test": test, OURS: spread(ours), "ratios": {}}
        for name in others:
            if test in figures[name]:
                row[name] = spread(figures[name][test])
                row["ratios"][name] = ratio(test, ours, figures[name][test])
        results.append(row)
    document = {
        "model": os.path.basename(options.model), "processor": processor(), "threads": options.threads,
        "device": builds[0].device, "precision": options.precision, "llama_cpp_python": version,
        "busy": options.busy, "rounds": options.rounds, "load_average": load, "results": results,
    }
    if options.json:
        print(json.dumps(document, indent=1))
        return
    print(f"{document['model']} on {document['processor']}, {options.threads} threads; load average {load:.2f}"
          + (f"; {options.busy} kept busy" if options.busy else ""))
    print(f"Tessera on {document['device']}, {options.precision}" + (f"; llama-cpp-python {version}" if version else ""))
    print(f"medians of {options.rounds} rounds (least–most): tokens per second, load and first seconds\n")
    print(table(results, others))


if __name__ == "__main__":
    main()
