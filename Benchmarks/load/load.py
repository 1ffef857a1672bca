#!/usr/bin/env python3
"""Puts an OpenAI-compatible server under load and measures throughput and latencies; or two servers, in turns.

    pip install aiohttp matplotlib
    python Benchmarks/load/load.py --url http://127.0.0.1:8080 --concurrency 16
    python Benchmarks/load/load.py --url http://127.0.0.1:8080 --rate 4 --requests 200 --workload shared-prefix --prefix 1000
    python Benchmarks/load/load.py --compare tessera=http://127.0.0.1:8080 llama=http://127.0.0.1:8090 \\
        --concurrency 16 --output 64 --ignore-eos --rounds 5 --plot load.svg --json load.json

Workloads, from a seed, so that every server gets the same:

    independent     each request has a prompt of its own
    shared-prefix   all have one system prompt of --prefix tokens, and a question of their own
    multi-turn      conversations of --turns questions; each is asked with all that was said before it

Requests begin as a Poisson process (--rate), or as many run at once as --concurrency says. Counts of tokens are those
that the server reports (usage); a prompt's length is that of so many common English words. Each round has other texts
than the round before, so that it finds none of them in a cache. Figures of rates are medians over the rounds with the
least and the most; percentiles are of all requests of all rounds. The first of several servers begins in even rounds.
"""

import argparse
import asyncio
import json
import os
import sys
from pathlib import Path

import report

try:
    from client import Endpoint
except ImportError as error:
    sys.exit(f"error: {error.name} is not here: pip install aiohttp")


def bounds(text):
    """`64` or `16:128`, both ends included."""
    least, _, most = text.partition(":")
    pair = int(least), int(most or least)
    if not 1 <= pair[0] <= pair[1]:
        raise argparse.ArgumentTypeError(f"{text}: a count, or two as in 16:128")
    return pair


def named(text):
    name, equals, url = text.partition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"{text}: NAME=URL")
    return name, url


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--url", help="the server's address")
    where.add_argument("--compare", type=named, nargs="+", metavar="NAME=URL", help="several servers, in turns")
    parser.add_argument("--model", help="default: the first that the server lists")
    parser.add_argument("--api-key", default=os.environ.get("OPENAI_API_KEY"))
    parser.add_argument("--api", choices=["chat", "completions"], default="chat")
    parser.add_argument("--workload", choices=["independent", "shared-prefix", "multi-turn"], default="independent")
    parser.add_argument("--requests", type=int, default=64, help="conversations of a round")
    pace = parser.add_mutually_exclusive_group()
    pace.add_argument("--rate", type=float, help="conversations that begin in a second, on average")
    pace.add_argument("--concurrency", type=int, help="conversations at once (default: 8, unless --rate is given)")
    parser.add_argument("--input", type=bounds, default=(64, 64), metavar="N[:M]", help="tokens of a question (about)")
    parser.add_argument("--output", type=bounds, default=(64, 64), metavar="N[:M]", help="the most tokens of an answer")
    parser.add_argument("--prefix", type=int, default=1000, help="tokens of the shared system prompt (about)")
    parser.add_argument("--turns", type=int, default=4)
    parser.add_argument("--ignore-eos", action="store_true", help="ask for all of an answer's tokens (an extension)")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--timeout", type=float, default=600, help="seconds until a request counts as failed")
    parser.add_argument("--json", metavar="FILE", help="all figures, and each request's")
    parser.add_argument("--plot", metavar="FILE", help="an .svg or .png")
    options = parser.parse_args()
    if options.rate is None and options.concurrency is None:
        options.concurrency = 8
    return options


def main():
    options = parse()
    servers = [Endpoint(name, url, options) for name, url in options.compare or [("server", options.url)]]
    runs = {server.name: [] for server in servers}
    for number in range(options.rounds):
        for server in servers if number % 2 == 0 else reversed(servers):
            answers = asyncio.run(server.run(f"{options.seed} {number}"))
            runs[server.name].append(answers)
            rate = report.rates(answers)["output_tokens_per_second"]
            print(f"round {number + 1}: {server.name}: {rate:.1f} output tokens/s", file=sys.stderr)

    results = {name: report.figures(each) for name, each in runs.items()}
    pace = f"{options.rate} a second" if options.rate else f"{options.concurrency} at once"
    title = f"{options.workload}, {options.requests} conversations, {pace}"
    print(f"{title}; {os.cpu_count()} processors, load average {os.getloadavg()[0]:.1f}\n\n{report.table(results)}")
    for name, ratio in report.ratios(results).items():
        print(f"\n{name}: {ratio:.2f} times its output rate" if ratio else f"\n{name}: no answers")
    for name, row in results.items():
        for error, count in row["errors"].items():
            print(f"{name}: {count} times: {error}")
    if options.json:
        requests = {
            name: [[
                {"asked": answer.asked, "done": answer.done, "pieces": answer.pieces, "prompt_tokens": answer.prompt_tokens,
                 "cached_tokens": answer.cached_tokens, "output_tokens": answer.output_tokens, "error": answer.error}
                for answer in run] for run in each] for name, each in runs.items()
        }
        settings = {name: value for name, value in vars(options).items() if name not in ("api_key", "json", "plot")}
        text = json.dumps({"options": settings, "results": results, "requests": requests}, indent=1)
        Path(options.json).write_text(text + "\n")
    if options.plot:
        report.plot(options.plot, results, runs, title)
    return 1 if any(row["errors"] for row in results.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
