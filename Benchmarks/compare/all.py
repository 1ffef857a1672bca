#!/usr/bin/env python3
"""Everything that a claim of speed rests on, in one run and one table: peers beside Tessera, kernels beside the roofs.

    swift build -c release --product tessera
    swift build -c release
    python Benchmarks/compare/all.py --model "$(scripts/fetch-model smollm2)" \\
        --model "$(scripts/fetch-model gemma3)" --markdown speed.md --output speed.json

Sections, of which --only takes some: llama (prefill and decode beside llama.cpp), attention (beside PyTorch's SDPA),
matmul (float32, beside PyTorch and CLBlast), roofs (attention and quantized products as fractions of what the device
can do at most, measured in the same process), compile (a model's first run, with no kernel compiled), host (the share
of a decode step that is not waiting for the device). A section whose peer is not installed is left out, and the table
says so; peers may be in Python environments of their own (--torch-python, --llama-python).

Nothing else may run on the machine. Figures are medians with the least and the most of the rounds.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from itertools import zip_longest
from pathlib import Path

from common import ROOT, add_options, cell, known_cases, measure_kernels, processor, run_json, spread

SECTIONS = ["llama", "attention", "matmul", "roofs", "compile", "host"]
HERE = Path(__file__).resolve().parent
# Products of these types of weights are to reach a fraction of the multiply-add peak, and vector products of a read.
MATRIX_TYPES = ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K"]
VECTOR_TYPES = MATRIX_TYPES + ["IQ4_NL", "IQ4_XS", "MXFP4", "BF16", "F16", "F32"]


class Table:
    def __init__(self):
        self.rows, self.skipped = [], []
        self.device, self.peers, self.roofs = None, {}, None

    def add(self, section, work, value, unit, least=None, aim=None, lower=False, detail=""):
        """`least` and `aim` are what is demanded; `lower` where smaller is better."""
        row = {"section": section, "work": work, "value": value, "unit": unit, "detail": detail}
        if least is not None:
            median = value["median"]
            row.update(least=least, aim=aim, is_met=median <= least if lower else median >= least)
        self.rows.append(row)

    def skip(self, section, why):
        self.skipped.append((section, why))
        print(f"{section}: left out: {why}", file=sys.stderr)

    def markdown(self, header):
        lines = [*header, "", "| work | figure | at least | aim | |", "|---|--:|--:|--:|---|"]
        for row in self.rows:
            goal = [self.number(row.get(key), row["unit"]) for key in ("least", "aim")]
            mark = {True: "met", False: "**missed**", None: ""}[row.get("is_met")]
            note = "; ".join(filter(None, [mark, row["detail"]]))
            lines.append(f"| {row['work']} | {self.spread(row)} | {goal[0]} | {goal[1]} | {note} |")
        skipped = [f"- {section} was left out: {why}" for section, why in self.skipped]
        return "\n".join([*lines, "", *skipped]).rstrip() + "\n"

    @staticmethod
    def number(value, unit):
        if value is None:
            return ""
        return {"x": f"{value:g}×", "%": f"{value * 100:g}%", "s": f"{value:g} s"}[unit]

    @staticmethod
    def spread(row):
        value, unit = row["value"], row["unit"]
        if unit == "%":
            return cell({key: number * 100 for key, number in value.items()}, 0) + " %"
        return cell(value, 2) + {"x": "×", "s": " s"}[unit]


def script(name, python, arguments, options):
    """A comparison's document, or None with the reason where it cannot run."""
    module = "llama_cpp" if name.startswith("llama") else "torch"
    if subprocess.run([python, "-c", f"import {module}"], capture_output=True).returncode != 0:
        return None, f"{python} has no module {module}"
    device = ["--device", options.device] if options.device else []
    return run_json([python, str(HERE / name), "--json", "--rounds", str(options.rounds), *arguments, *device]), None


def pair(row, peer):
    return "Tessera {}, {} {}".format(cell(row["tessera"], 1), peer, cell(row[peer], 1))


def llama(options, table):
    goals = {"smollm2": [(2.5, 4), (1.5, 2)], "gemma": [(1.3, 2), (1.3, 1.6)]}
    for model in options.model:
        arguments = [model, "--tessera", options.tessera]
        document, why = script("llama-cpp.py", options.llama_python, arguments, options)
        if document is None:
            return table.skip("llama", why)
        table.device, table.peers["llama.cpp"] = document["device"], f"llama-cpp-python {document['llama_cpp_python']}"
        name = Path(model).stem
        wanted = next((goal for key, goal in goals.items() if key in name.lower()), [])
        for row, (least, aim) in zip_longest(document["results"], wanted, fillvalue=(None, None)):
            table.add(
                "llama", f"{name} {row['test']}, against llama.cpp", row["ratio"], "x", least, aim,
                detail=pair(row, "llama.cpp") + " tokens/s")


def attention(options, table):
    arguments = ["--benchmarks", options.benchmarks, "--repetitions", str(options.repetitions)]
    document, why = script("torch-attention.py", options.torch_python, arguments, options)
    if document is None:
        return table.skip("attention", why)
    table.device, table.peers["PyTorch"] = document["device"], document["peer"]
    for row in document["results"]:
        is_goal = row["test"].endswith("prefill/32x8x128/F32/2048")
        table.add(
            "attention", f"{row['test']}, against SDPA", row["ratio"], "x", *((1.7, 2.5) if is_goal else (None, None)),
            detail=pair(row, "PyTorch SDPA") + " GFLOP/s")


def matmul(options, table):
    arguments = ["--benchmarks", options.benchmarks, "--repetitions", str(options.repetitions)]
    document, why = script("torch-matmul.py", options.torch_python, arguments, options)
    if document is None:
        return table.skip("matmul", why)
    table.device, table.peers["PyTorch"] = document["device"], document["peer"]
    for row in document["results"]:
        peer = next(key for key in row if key not in ("test", "tessera", "ratio"))
        table.add(
            "matmul", f"{row['test']}, against {peer}", row["ratio"], "x", detail=pair(row, peer) + " GFLOP/s")


def roofs(options, table):
    known = known_cases(options)
    wanted = [
        ("attention/decode/32x8x128/F32/8192", "bandwidth", "decode attention, 32/8 × 128, 8K keys: of the read roof"),
        *(
            (f"product/{t}/512x4096x4096", "compute", f"{t} product, 512 × 4096 × 4096: of the multiply-add roof")
            for t in MATRIX_TYPES
        ),
        *(
            (f"product/{t}/1x4096x14336", "bandwidth", f"{t} vector product, 4096 × 14336: of the read roof")
            for t in VECTOR_TYPES
        ),
        *(
            (f"product-fast/{t}/1x4096x14336", "bandwidth", f"{t} vector product, --precision fast: of the read roof")
            for t in MATRIX_TYPES
        ),
    ]
    wanted = [item for item in wanted if item[0] in known]
    fractions, rates = {item[0]: [] for item in wanted}, {"read": [], "copy": [], "multiply_add": []}
    for index in range(options.rounds):
        rows, report = measure_kernels(options, [item[0] for item in wanted], roofs=True)
        table.device = report["machine"]["device"]
        for name, kind, _ in wanted:
            fractions[name].append(rows[name]["fractions"][kind])
        for name, values in rates.items():
            values.append(report["roofs"][name]["rate"] / 1e9)
        print(f"roofs: round {index + 1} of {options.rounds}", file=sys.stderr)
    for name, _, work in wanted:
        goals = (None, None) if "fast" in name else (0.6, 0.85)
        table.add("roofs", work, spread(fractions[name]), "%", *goals)
    table.roofs = {name: spread(values) for name, values in rates.items()}


def first_run(options, table):
    for model in options.model:
        with tempfile.TemporaryDirectory() as folder:
            # Tessera's own cache of programs, and those of the drivers.
            fresh = {
                key: f"{folder}/{key}"
                for key in ("TESSERA_CACHE", "POCL_CACHE_DIR", "CUDA_CACHE_PATH", "cl_cache_dir", "NEO_CACHE_DIR")
            }
            for path in fresh.values():
                os.mkdir(path)
            command = bench(options, model, 512, 2, 1)
            seconds = []
            for _ in range(2):
                start = time.perf_counter()
                run_json(command, fresh)
                seconds.append(time.perf_counter() - start)
        taken = seconds[0] - seconds[1]
        table.add(
            "compile", f"{Path(model).stem}, first run: all kernels compiled", spread([taken]), "s", 20, 8, lower=True,
            detail=f"{seconds[0]:.1f} s with no kernel compiled, {seconds[1]:.1f} s afterward")


def host(options, table):
    for model in options.model:
        row = run_json(bench(options, model, 0, 64, max(3, options.rounds)))[0]
        table.add(
            "host", f"{Path(model).stem}, decode: share of the host", spread([row["host_share_median"]]), "%", 0.1,
            lower=True)


def bench(options, model, prompt, generated, repetitions):
    return [
        options.tessera, "bench", "--model", model, "-p", str(prompt), "-n", str(generated), "-r", str(repetitions),
        "--json",
    ] + (["--device", options.device] if options.device else [])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", action="append", default=[], help="a GGUF file; may be given more than once")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=SECTIONS)
    parser.add_argument("--tessera", default=str(ROOT / ".build/release/tessera"), help="the command's path")
    parser.add_argument("--torch-python", default=sys.executable, help="a Python that has PyTorch")
    parser.add_argument("--llama-python", default=sys.executable, help="a Python that has llama-cpp-python")
    parser.add_argument("--markdown", help="write the table there")
    parser.add_argument("--output", help="write the document there", metavar="FILE.json")
    add_options(parser)
    options = parser.parse_args()

    load, start = os.getloadavg()[0], time.time()
    table = Table()
    run = {"llama": llama, "attention": attention, "matmul": matmul, "roofs": roofs, "compile": first_run, "host": host}
    for section in options.only:
        if not options.model and section in ("llama", "compile", "host"):
            table.skip(section, "it needs --model")
            continue
        print(f"== {section}", file=sys.stderr)
        run[section](options, table)
    document = {
        "processor": processor(), "device": table.device, "peers": table.peers,
        "rounds": options.rounds, "load_average": load, "seconds": time.time() - start, "roofs_gigabytes_or_gigaflops_per_second": table.roofs, "rows": table.rows,
        "skipped": dict(table.skipped),
    }
    header = [
        f"{document['processor']}, {len(os.sched_getaffinity(0))} threads; load average {load:.2f} at the start; "
        f"medians of {options.rounds} rounds (least–most)."
    ]
    if table.device:
        header.append(". ".join(["Tessera on " + table.device, *table.peers.values()]) + ".")
    if table.roofs:
        rates = [cell(table.roofs[name], 1) for name in ("read", "copy", "multiply_add")]
        header.append(
            "Roofs: read {} GB/s, copy {} GB/s, multiply-add {} GFLOP/s; how much they spread is the machine's noise."
            .format(*rates))
    text = table.markdown(header)
    for path, content in ((options.markdown, text), (options.output, json.dumps(document, indent=1) + "\n")):
        if path:
            Path(path).write_text(content)
    print(json.dumps(document, indent=1) if options.json else text, end="" if not options.json else "\n")


if __name__ == "__main__":
    main()
