"""The workloads: conversations of one or more turns, made from a seed, so that every server gets the same."""

import random
from dataclasses import dataclass

WORDS = (
    "the a of and to in is that it was for on are as with his they at be this from have or by one had not but what all "
    "were when we there can an your which their said if do will each about how up out them then she many some so these "
    "would other into has more her two like him see time could no make than first been its who now people my made over "
    "did down only way find use may water long little very after words called just where most know stone river city"
).split()


@dataclass
class Conversation:
    """`questions` are asked one after another, each with the answers before it."""

    system: str
    questions: list
    output_tokens: list  # the most tokens of each answer


def text(generator, count):
    """About so many tokens: words that tokenizers for English have whole."""
    return " ".join(generator.choice(WORDS) for _ in range(count))


def spread(generator, bounds):
    least, most = bounds
    return generator.randint(least, most)


def make(options, seed):
    """The conversations of one run. Other seeds give other texts, so that no run finds an earlier one's prefixes."""
    generator = random.Random(f"{options.workload} {seed}")
    shared = text(generator, options.prefix) if options.workload == "shared-prefix" else ""
    conversations = []
    for _ in range(options.requests):
        turns = options.turns if options.workload == "multi-turn" else 1
        conversations.append(Conversation(
            shared,
            [text(generator, spread(generator, options.input)) + "?" for _ in range(turns)],
            [spread(generator, options.output) for _ in range(turns)],
        ))
    return conversations


def arrivals(options, seed):
    """When each conversation begins, in seconds: a Poisson process, or all at once where the concurrency is fixed."""
    generator, now, times = random.Random(f"arrivals {seed}"), 0.0, []
    for _ in range(options.requests):
        times.append(now)
        now += generator.expovariate(options.rate) if options.rate else 0
    return times
