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
import random
import sys
import time
from importlib.metadata import version

import llama_cpp

from common import ROOT, processor, run_json, summary, table


PRECISIONS = ("exact", "fast")


class LlamaCpp:
    """llama.cpp through its C interface: no sampling, no text, no copy of logits."""

    def __init__(self, path, threads, prompt, generated):
        quiet = llama_cpp.llama_log_callback(lambda level, text, data: None)
        llama_cpp.llama_log_set(quiet, None)
        self.quiet = quiet  # the library keeps only a pointer to it
        llama_cpp.llama_backend_init()
        self.model = llama_cpp.llama_model_load_from_file(
            os.fsencode(path), llama_cpp.llama_model_default_params()
        )
        if not self.model:
            sys.exit(f"error: {path}: llama.cpp could not load it")
        options = llama_cpp.llama_context_default_params()
        options.n_ctx = prompt + generated
        options.n_threads = options.n_threads_batch = threads
        options.swa_full = False
        self.context = llama_cpp.llama_init_from_model(self.model, options)
        if not self.context:
            sys.exit("error: llama.cpp could not make a context")
        vocabulary = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(self.model))
        self.tokens = random.Random(0).choices(range(vocabulary), k=max(prompt, generated))

    def decode(self, tokens):
        array = (llama_cpp.llama_token * len(tokens))(*tokens)
        if llama_cpp.llama_decode(self.context, llama_cpp.llama_batch_get_one(array, len(tokens))) != 0:
            sys.exit("error: llama.cpp could not decode a batch")
        llama_cpp.llama_synchronize(self.context)

    def rate(self, count, batch):
        """Tokens per second for `count` tokens from an empty cache, `batch` at a time."""
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(self.context), True)
        start = time.perf_counter()
        for first in range(0, count, batch):
            self.decode(self.tokens[first : min(first + batch, count)])
        return count / (time.perf_counter() - start)

    def measure(self, prompt, generated):
        self.rate(prompt, prompt)
        prefill = self.rate(prompt, prompt)
        self.rate(1, 1)
        return prefill, self.rate(generated, 1)


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
