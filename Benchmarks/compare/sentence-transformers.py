#!/usr/bin/env python3
"""Times `tessera embed` beside sentence-transformers on one folder: 256 sentences of 4 to 60 words.

    pip install torch sentence-transformers
    swift build -c release --product tessera
    python Benchmarks/compare/sentence-transformers.py "$(scripts/fetch-model minilm)"

The two take turns, five rounds; figures are medians of sentences per second, with the least and the most. sentence-transformers
sorts texts by length and computes 32 at once, its default, with as many threads as there are cores. Tessera's is what 2,048
sentences take more than 256: its command loads the model each time. Nothing else may run on the machine.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time

from common import ROOT, processor, summary, table

WORDS = """time person year way day thing man world life hand part child eye woman place work week case point government company
number group problem fact river mountain water letter music science history paper light small large early young important few
public bad same able go make know take see come think look want give use find tell ask feel try leave call""".split()


def sentences(count):
    generator = random.Random(7)
    return [" ".join(generator.choices(WORDS, k=generator.randint(4, 60))).capitalize() + "." for _ in range(count)]


def embedding_seconds(options, texts):
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(texts) + "\n")
        file.flush()
        command = [options.tessera, "embed", "-m", options.model, "--file", file.name, "--quiet"]
        start = time.perf_counter()
        result = subprocess.run(
            command + (["--device", options.device] if options.device else []), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, text=True)
        seconds = time.perf_counter() - start
    if result.returncode or len(result.stdout.splitlines()) != len(texts):
        sys.exit(f"error: {' '.join(command)} ended with status {result.returncode}")
    return seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a folder")
    parser.add_argument("--tessera", default=str(ROOT / ".build/release/tessera"), help="the command's path")
    parser.add_argument("--device", help="Tessera's device, as the command takes it")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()

    try:
        import torch
        from sentence_transformers import SentenceTransformer, __version__
    except ImportError as error:
        sys.exit(f"error: {error}: pip install torch sentence-transformers")
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    peer = SentenceTransformer(options.model, device="cpu")
    texts = sentences(256)
    peer.encode(texts)
    embedding_seconds(options, texts)

    rates = []
    for index in range(options.rounds):
        start = time.perf_counter()
        peer.encode(texts)
        theirs = len(texts) / (time.perf_counter() - start)
        first, nine = embedding_seconds(options, texts), embedding_seconds(options, texts * 9)
        rates.append((8 * len(texts) / (nine - first), theirs))
        print("round {}: Tessera {:.0f}, sentence-transformers {:.0f}".format(index + 1, *rates[-1]), file=sys.stderr)
    tessera, theirs = zip(*rates)
    result = summary(f"{len(texts)} sentences", "sentence-transformers", tessera, theirs)
    if options.json:
        print(json.dumps(result, indent=1))
        return
    print(f"{os.path.basename(options.model)} on {processor()}, {torch.get_num_threads()} threads; "
          f"sentence-transformers {__version__}, PyTorch {torch.__version__}")
    print(f"medians of {options.rounds} rounds, sentences per second (least–most)\n")
    print(table([result], "sentence-transformers", digits=0))


if __name__ == "__main__":
    main()
