#!/usr/bin/env python3
"""Times Tessera's attention beside PyTorch's scaled_dot_product_attention: 32 heads over 8 KV heads of 128, float32.

    pip install torch
    swift build -c release
    python Benchmarks/compare/torch-attention.py
    python Benchmarks/compare/torch-attention.py --prefill 2048 --decode --json

Causal prefill of a prompt, and decode: one query over a long cache, which is cold on both sides. The two take turns,
five rounds; figures are medians with the least and the most. PyTorch may choose the faster of its own grouped heads
(`enable_gqa`) and keys that were copied for each head beforehand. Rates: GFLOP/s of the pairs that the mask leaves.
"""

import argparse
import json
import os
import sys

from common import Torch, add_options, measure_kernels, processor, summary, table

HEADS, KV_HEADS, HEAD_SIZE = 32, 8, 128
PEER = "PyTorch SDPA"


class Case:
    def __init__(self, torch, kind, length):
        self.torch, self.kind, self.length = torch, kind, length
        cache = "F32" if torch.dtype == torch.torch.float32 else "F16"
        self.id = f"attention/{kind}/{HEADS}x{KV_HEADS}x{HEAD_SIZE}/{cache}/{length}"
        pairs = length * (length + 1) // 2 if kind == "prefill" else length
        self.operations = 4 * pairs * HEADS * HEAD_SIZE
        queries = length if kind == "prefill" else 1
        size = 2 * length * KV_HEADS * HEAD_SIZE * 4
        copies = torch.cold_copies(size) if kind == "decode" else 1
        self.q = torch.random(1, HEADS, queries, HEAD_SIZE)
        self.caches = [[torch.random(1, KV_HEADS, length, HEAD_SIZE) for _ in "kv"] for _ in range(copies)]

    def seconds(self, repetitions):
        """The better of grouped heads and copied ones."""
        attend = self.torch.torch.nn.functional.scaled_dot_product_attention
        causal = self.kind == "prefill"

        def grouped(index):
            k, v = self.caches[index % len(self.caches)]
            return attend(self.q, k, v, is_causal=causal, enable_gqa=True)

        times = [self.torch.seconds(grouped, repetitions)]
        if causal:
            # For one query the copies would be four times the work that matters: reading.
            k, v = (x.repeat_interleave(HEADS // KV_HEADS, dim=1) for x in self.caches[0])
            times.append(self.torch.seconds(lambda index: attend(self.q, k, v, is_causal=causal), repetitions))
        return min(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prefill", type=int, nargs="*", default=[512, 2048], help="lengths of prompts")
    parser.add_argument("--decode", type=int, nargs="*", default=[1024, 8192], help="lengths of caches")
    parser.add_argument("--torch-device", help="by default cuda where there is one, else cpu")
    parser.add_argument("--dtype", default="float32", choices=["float32", "float16"])
    add_options(parser)
    options = parser.parse_args()

    load = os.getloadavg()[0]
    torch = Torch(options.torch_device, options.dtype)
    cases = [Case(torch, "prefill", n) for n in options.prefill] + [Case(torch, "decode", n) for n in options.decode]
    rates = {case.id: ([], []) for case in cases}
    device = None
    for index in range(options.rounds):
        for case in cases:
            rates[case.id][1].append(case.operations / case.seconds(options.repetitions) / 1e9)
        rows, report = measure_kernels(options, [case.id for case in cases])
        device = report["machine"]["device"]
        for case in cases:
            rates[case.id][0].append(rows[case.id]["operations_per_second"] / 1e9)
        print(f"round {index + 1} of {options.rounds}", file=sys.stderr)
    results = {
        "processor": processor(),
        "device": device,
        "peer": torch.name,
        "unit": "GFLOP/s",
        "rounds": options.rounds,
        "load_average": load,
        "results": [summary(case.id, PEER, *rates[case.id]) for case in cases],
    }
    if options.json:
        print(json.dumps(results, indent=1))
        return
    print(f"Tessera on {device}; {torch.name}; {results['processor']}; load average {load:.2f}")
    print(f"medians of {options.rounds} rounds, GFLOP/s (least–most)\n")
    print(table(results["results"], PEER))


if __name__ == "__main__":
    main()
