#!/usr/bin/env python3
"""Times Tessera's float32 product beside PyTorch's matmul and CLBlast's SGEMM.

    pip install torch
    swift build -c release
    python Benchmarks/compare/torch-matmul.py
    python Benchmarks/compare/torch-matmul.py --tokens 512 --json

y = x · wᵀ with 4096 × 4096 weights, cold on all sides. The three take turns, five rounds; figures are medians with the
least and the most. CLBlast is measured by the same executable, from the call until the device is done, where it was built with
--traits CLBlast.
"""

import argparse
import json
import os
import sys

from common import Torch, add_options, known_cases, measure_kernels, processor, summary, table

ROWS, COLUMNS = 4096, 4096


class Case:
    def __init__(self, torch, tokens):
        self.torch, self.tokens = torch, tokens
        self.id = f"product/F32/{tokens}x{ROWS}x{COLUMNS}"
        self.clblast_id = f"clblast/F32/{tokens}x{ROWS}x{COLUMNS}"
        self.operations = 2 * tokens * ROWS * COLUMNS
        self.x = torch.random(tokens, COLUMNS)
        self.weights = [torch.random(ROWS, COLUMNS) for _ in range(torch.cold_copies(ROWS * COLUMNS * 4))]

    def rate(self, repetitions):
        def call(index):
            return self.torch.torch.nn.functional.linear(self.x, self.weights[index % len(self.weights)])

        return self.operations / self.torch.seconds(call, repetitions) / 1e9


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=int, nargs="*", default=[1, 16, 512])
    parser.add_argument("--torch-device", help="by default cuda where there is one, else cpu")
    parser.add_argument("--no-clblast", action="store_true")
    add_options(parser)
    options = parser.parse_args()

    load = os.getloadavg()[0]
    if not options.no_clblast and not any(name.startswith("clblast/") for name in known_cases(options)):
        print("CLBlast is left out: the executable was built without it", file=sys.stderr)
        options.no_clblast = True
    torch = Torch(options.torch_device, "float32")
    cases = [Case(torch, tokens) for tokens in options.tokens]
    ours, theirs, clblast = ({case.id: [] for case in cases} for _ in range(3))
    device = None
    for index in range(options.rounds):
        for case in cases:
            theirs[case.id].append(case.rate(options.repetitions))
        ids = [case.id for case in cases] + ([] if options.no_clblast else [case.clblast_id for case in cases])
        rows, report = measure_kernels(options, ids)
        device = report["machine"]["device"]
        for case in cases:
            ours[case.id].append(rows[case.id]["operations_per_second"] / 1e9)
            if not options.no_clblast:
                clblast[case.id].append(rows[case.clblast_id]["operations_per_second"] / 1e9)
        print(f"round {index + 1} of {options.rounds}", file=sys.stderr)
    peers = {"PyTorch": theirs} if options.no_clblast else {"PyTorch": theirs, "CLBlast": clblast}
    results = {
        "processor": processor(),
        "device": device,
        "peer": torch.name,
        "unit": "GFLOP/s",
        "rounds": options.rounds,
        "load_average": load,
        "results": [
            summary(case.id, peer, ours[case.id], rates[case.id]) for peer, rates in peers.items() for case in cases
        ],
    }
    if options.json:
        print(json.dumps(results, indent=1))
        return
    print(f"Tessera on {device}; {torch.name}; {results['processor']}; load average {load:.2f}")
    print(f"medians of {options.rounds} rounds, GFLOP/s (least–most)")
    for peer in peers:
        print("\n" + table([row for row in results["results"] if peer in row], peer))


if __name__ == "__main__":
    main()
