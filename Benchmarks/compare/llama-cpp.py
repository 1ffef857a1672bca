#!/usr/bin/env python3
"""Times Tessera beside llama.cpp on one file: prefill of 512 tokens (pp512) and decode of 128 (tg128).

    pip install llama-cpp-python            (builds llama.cpp from source)
    swift build -c release --product tessera
    python Benchmarks/compare/llama-cpp.py "$(scripts/fetch-model smollm2)"
    python Benchmarks/compare/llama-cpp.py --device "Portable Computing Language" --json MODEL.gguf

The two take turns, llama.cpp first, five rounds, so that a machine which slows down slows both; figures are medians,
with the least and the most. The ratio is Tessera's median over llama.cpp's; its range is that of the rounds' own ratios.

Both are measured as llama-bench does it: a warm-up that does not count, an empty cache before each run, tokens chosen
at random, logits of the last position only. llama.cpp has llama-bench's options, and as many threads as there are cores.
Tessera runs exactly and with --precision fast, which rounds activations to 8 bits as llama.cpp always does.
Nothing else may run on the machine: the load average at the start is printed with the figures.
"""

import argparse
import json
import os
import sys
from importlib.metadata import version

from common import ROOT, processor, run_json, summary, table
from llama import LlamaCpp


PRECISIONS = ("exact", "fast")


def measure_tessera(options, precision):
    command = [
        options.tessera, "bench", "--model", options.model, "-p", str(options.prompt), "-n", str(options.generated),
        "-r", "1", "--precision", precision, "--json",
    ] + (["--device", options.device] if options.device else [])
    rows = {row["test"]: row for row in run_json(command)}
    prefill, decode = rows[f"pp{options.prompt}"], rows[f"tg{options.generated}"]
    return prefill["tokens_per_second_mean"], decode["tokens_per_second_mean"], decode["device"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a GGUF file")
    parser.add_argument("--tessera", default=str(ROOT / ".build/release/tessera"), help="the command's path")
    parser.add_argument("--device", help="Tessera's device, as the command takes it")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="llama.cpp's")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("-p", dest="prompt", type=int, default=512, help="tokens of prefill")
    parser.add_argument("-n", dest="generated", type=int, default=128, help="tokens of decode")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()

    load = os.getloadavg()[0]
    peer = LlamaCpp(options.model, options.threads, options.prompt, options.generated)
    rounds = []
    for index in range(options.rounds):
        sides = [peer.measure(options.prompt, options.generated)]
        sides += [measure_tessera(options, precision) for precision in PRECISIONS]
        rounds.append(sides)
        rates = ("{:.0f} and {:.1f}".format(*side) for side in sides)
        print("round {}: llama.cpp {} t/s, Tessera {}, fast {}".format(index + 1, *rates), file=sys.stderr)
    peer, *tessera = ([list(column) for column in zip(*side)] for side in zip(*rounds))
    results = {
        "model": os.path.basename(options.model),
        "processor": processor(),
        "threads": options.threads,
        "device": tessera[0][2][0],
        "llama_cpp_python": version("llama-cpp-python"),
        "rounds": options.rounds,
        "load_average": load,
        "results": [
            summary(test + note, "llama.cpp", rates[index], peer[index])
            for rates, note in zip(tessera, ("", ", fast"))
            for index, test in enumerate((f"pp{options.prompt}", f"tg{options.generated}"))
        ],
    }
    if options.json:
        print(json.dumps(results, indent=1))
        return
    print(f"{results['model']} on {results['processor']}, {results['threads']} threads; load average {load:.2f}")
    print(f"Tessera on {results['device']}; llama-cpp-python {results['llama_cpp_python']}")
    print(f"medians of {options.rounds} rounds, tokens per second (least–most)\n")
    print(table(results["results"], "llama.cpp"))


if __name__ == "__main__":
    main()
