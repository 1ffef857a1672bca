"""Figures of runs, as JSON, as a table and as plots."""

import statistics

PERCENTS = (50, 90, 99)


def percentiles(values):
    """Nearest rank: each is a time that was measured."""
    ordered = sorted(values)
    return {f"p{percent}": ordered[-(-percent * len(ordered) // 100) - 1] for percent in PERCENTS} if ordered else {}


def spread(values):
    return {"median": statistics.median(values), "least": min(values), "most": max(values)}


def rates(answers):
    """The throughput of one run."""
    good = [answer for answer in answers if not answer.error]
    wall = max((answer.done for answer in answers), default=0) or 1
    return {
        "requests_per_second": len(good) / wall,
        "prompt_tokens_per_second": sum(answer.prompt_tokens for answer in good) / wall,
        "output_tokens_per_second": sum(answer.output_tokens for answer in good) / wall,
    }


def figures(runs):
    """Of all runs of one server: rates are those of runs, percentiles those of all requests together."""
    answers = [answer for run in runs for answer in run]
    good = [answer for answer in answers if not answer.error]
    each = [rates(run) for run in runs]
    errors = {}
    for answer in answers:
        if answer.error:
            errors[answer.error] = errors.get(answer.error, 0) + 1
    return {
        "requests": len(answers),
        "errors": errors,
        "prompt_tokens": sum(answer.prompt_tokens for answer in good),
        "cached_prompt_tokens": sum(answer.cached_tokens for answer in good),
        "output_tokens": sum(answer.output_tokens for answer in good),
        **{name: spread([rate[name] for rate in each]) for name in each[0]},
        "time_to_first_token_seconds": percentiles([answer.first for answer in good]),
        "time_per_output_token_seconds": percentiles([time for answer in good if (time := answer.per_token) is not None]),
    }


def cell(values, digits=1):
    return f"{values['median']:.{digits}f} ({values['least']:.{digits}f}–{values['most']:.{digits}f})"


def milliseconds(values):
    return " / ".join(f"{1e3 * values[f'p{percent}']:.0f}" for percent in PERCENTS) if values else "none"


def table(results):
    lines = [
        "| server | output tokens/s | prompt tokens/s | first token, ms p50/p90/p99 | a token, ms p50/p90/p99 | cached | errors |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for name, row in results.items():
        share = row["cached_prompt_tokens"] / row["prompt_tokens"] if row["prompt_tokens"] else 0
        lines.append(
            f"| {name} | {cell(row['output_tokens_per_second'])} | {cell(row['prompt_tokens_per_second'])} "
            f"| {milliseconds(row['time_to_first_token_seconds'])} | {milliseconds(row['time_per_output_token_seconds'])} "
            f"| {share:.0%} | {sum(row['errors'].values())} of {row['requests']} |"
        )
    return "\n".join(lines)


def ratios(results):
    """How many times the first server's output rate is each other's."""
    (first, ours), *others = results.items()
    rate = "output_tokens_per_second"
    return {
        f"{first} to {name}": ours[rate]["median"] / row[rate]["median"] if row[rate]["median"] else None
        for name, row in others
    }


def plot(path, results, runs, title):
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (first, token, flow) = pyplot.subplots(1, 3, figsize=(13, 3.8), layout="constrained")
    for name, all_runs in runs.items():
        good = [answer for run in all_runs for answer in run if not answer.error]
        for axes, values in ((first, [answer.first for answer in good]), (token, [answer.per_token for answer in good])):
            ordered = sorted(1e3 * value for value in values if value is not None)
            axes.plot(ordered, [(index + 1) / len(ordered) for index in range(len(ordered))], drawstyle="steps-post", label=name)
        last_run = [answer for answer in all_runs[-1] if not answer.error]
        times = sorted(time for answer in last_run for time in answer.pieces)
        # The last run's pieces, in windows of a fortieth of it.
        width = max(times[-1] / 40, 1e-3) if times else 1
        counts = [0] * 41
        for time in times:
            counts[min(40, int(time / width))] += 1
        flow.plot([index * width for index in range(41)], [count / width for count in counts], label=name)
    for axes, label in ((first, "time to first token, ms"), (token, "time per output token, ms")):
        axes.set(xlabel=label, ylabel="share of requests", ylim=(0, 1.02))
        axes.set_xlim(left=0)
    flow.set(xlabel="seconds since the start of the last run", ylabel="pieces of text per second")
    for axes in (first, token, flow):
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    first.legend(frameon=False)
    figure.suptitle(title)
    figure.savefig(path)
