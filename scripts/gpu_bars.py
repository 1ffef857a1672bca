"""What the kernels' code for an H100 must reach: the table that scripts/gpu-check writes, and fails by.

A row takes the launches of GPULaunches.swift by what they compute, and of their kernels the function that it names; what it
shows is the worst of them and the best.
"""

import re
from dataclasses import dataclass
from typing import Callable

ARCHITECTURE = "sm_90"
UNITS = 132
FORMATS = r"(Q\d_\d|Q\d_K|F16)"
FOUR_BITS = r"Q4_(0|1|K)"


# ---- What a row shows of a launch. `code` is gpu_sass.describe's; None: nothing of that kind is in it.

def is_quant(origins):
    """Loads from the plane of quants; from that of scales the address has its offset in it."""
    return "weights" in origins and "scales_offset" not in origins


def loading_loop(code, wants):
    """The loop with the most bytes of such loads, without the loops around it; all of the code where no loop has any."""
    def weight(loop):
        return sum(size * count for origins, size, count in loop["loads"] if wants(origins))

    loops = [loop for loop in code["loops"] if weight(loop)]
    inner = [loop for loop in loops if not any(
        other is not loop and loop["start"] <= other["start"] and other["end"] <= loop["end"] for other in loops)]
    return max(inner, key=weight, default=code["whole"] if weight(code["whole"]) else None)


def share(*kinds):
    """Of 100 instructions those of the kinds, in each loop without another inside that has any, which has at least half as many as
    the one with the most; of those loops the worst."""
    def count(lap):
        return sum(lap["counts"].get(kind, 0) for kind in kinds)

    def measure(code, items, groups):
        having = [loop for loop in code["loops"] if count(loop["lap"])]
        laps = [loop["lap"] for loop in having if not any(
            other is not loop and loop["start"] <= other["start"] and other["end"] <= loop["end"] for other in having)]
        laps = laps or [code["whole"]["lap"]]
        most = max(map(count, laps))
        return min((100 * count(lap) / lap["length"] for lap in laps if most and count(lap) * 2 >= most), default=None)
    return measure


def share_of_path(*kinds):
    """The same without what a lap may go around: masks, which few laps need."""
    def measure(code, items, groups):
        loops = [{**loop, "lap": loop["path"]} for loop in code["loops"]]
        return share(*kinds)({"loops": loops, "whole": code["whole"]}, items, groups)
    return measure


def in_flight(view, wants=None):
    """Megabytes that all units together wait for: of a work-item, times the work-items that run at once."""
    def measure(code, items, groups):
        loop = loading_loop(code, wants or (lambda origins: view in origins))
        if loop is None:
            return None
        return loop["flight"][view] * items * min(groups, code["groups"] * UNITS) / 1e6
    return measure


def least(*measures):
    def measure(*launch):
        found = [one(*launch) for one in measures]
        return None if None in found else min(found)
    return measure


def instructions_of_four_bits(code, items, groups):
    loop = loading_loop(code, is_quant)
    if loop is None:
        return None
    weights = 2 * sum(size * count for origins, size, count in loop["loads"] if is_quant(origins))
    # What one warp alone does is shared by all.
    warps, lap, path = items // 32, loop["lap"]["length"], loop["path"]["length"]
    return (path + (lap - path) / warps) / weights


def narrow_quants(code, items, groups):
    """Loads of quants that are narrower than 16 bytes."""
    if loading_loop(code, is_quant) is None:
        return None
    return sum(count for origins, size, count in code["whole"]["loads"] if is_quant(origins) and size < 16)


def occupancy(code, items, groups):
    return code["occupancy"] * 100


def work_items(code, items, groups):
    return groups * items


# ---- The rows.

@dataclass
class Row:
    kernel: str
    shown: str
    # The work of a launch, and the kernel's name.
    work: str
    function: str
    measure: Callable
    unit: str
    at_least: float
    aim: float
    # A row below its bar is a fault.
    must: bool = True
    fewer_is_better: bool = False

    def passes(self, found, bar):
        return found <= bar if self.fewer_is_better else found >= bar


ONE = "one token, 4096 × 4096"
MANY = "512 tokens, exact"
# Whole passes over the logits; the other kernels of sampling read parts of them.
TENSOR = "`mma` a 100 instructions of the inner loops"
ATTENTION = r"\w+_attention"
SAMPLING = "survey|mass|weigh"
ROWS = [
    Row(ONE, "bytes of weights in flight on 132 units", rf"{FORMATS}, 1 × ", "matmul", in_flight("weights", is_quant), "MB", 2, 4),
    Row(ONE, "instructions a weight, 4-bit types", rf"{FOUR_BITS}, 1 × ", "matmul", instructions_of_four_bits, "", 3.5, 2.5,
        fewer_is_better=True),
    Row(ONE, "loads of weights narrower than 16 bytes", rf"{FORMATS}, 1 × ", "matmul", narrow_quants, "", 0, 0,
        fewer_is_better=True),
    Row(MANY, "share of FFMA in the inner loop", rf"{FORMATS}, 512 × ", "matmul", share("FFMA"), "%", 75, 85),
    Row(MANY, "occupancy by registers and local memory", rf"{FORMATS}, 512 × ", "matmul", occupancy, "%", 25, 33),
    Row("512 tokens, fast (int8)", TENSOR, r"fast Q\S+, 512 × ", r"matmul_\d+", share_of_path("IMMA", "HMMA"), "", 15, 30, must=False),
    Row("512 tokens, fast (F16)", TENSOR, "fast F16, 512 × ", r"matmul_\d+", share_of_path("IMMA", "HMMA"), "", 15, 30),
    Row("attention prefill, exact, head 128, F16 cache", "share of FFMA, q·k and p·v", "attention prefill,", ATTENTION,
        share("FFMA"), "%", 70, 80),
    Row("attention prefill, fast", TENSOR, "fast attention prefill,", ATTENTION,
        share_of_path("IMMA", "HMMA"), "", 12, 25),
    Row("attention decode, 32/8 heads × 128, F16, 8192 keys", "bytes of keys, and of values, in flight on 132 units",
        "attention decode,", ATTENTION, least(in_flight("keys"), in_flight("values")), "MB", 2, 4),
    Row("sampling of 131072 logits", "work-items at work", "sampling", SAMPLING, work_items, "", 8192, 32768),
]


def text(value, unit):
    number = "none" if value == 0 else f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
    return f"{number} {unit}".strip().replace(" %", "%")


def table(results, is_whole):
    """The table's lines, and the faults; of variants and what is known of each. Where they are all, a row without any is a fault."""
    lines = [f"## What the code for {ARCHITECTURE} reaches", "",
             "| kernel | shown | at least | aim | found, worst to best | |", "|---|---|--:|--:|--:|---|"]
    faults = []
    for row in ROWS:
        found = []
        for variant, result in results:
            for launch in variant.get("launches", []):
                if not re.match(row.work, launch["work"]) or not re.fullmatch(row.function, variant["function"]):
                    continue
                groups = launch["groups"][0] * launch["groups"][1] * launch["groups"][2]
                value = row.measure(result["code"], variant["items"], groups) if "code" in result else None
                if value is not None:
                    found.append((value, launch["work"].split(",")[0] if "×" in launch["work"] else variant["function"]))
        bars = f"| {row.kernel} | {row.shown} | {text(row.at_least, row.unit)} | {text(row.aim, row.unit)} |"
        if not found:
            lines.append(f"{bars} nothing | there is no such code |")
            if row.must and is_whole:
                faults.append(f"{row.kernel}: {row.shown}: no launch has it")
            continue
        found.sort(reverse=row.fewer_is_better)
        (value, name), (best, best_name) = found[0], found[-1]
        verdict = "aim" if row.passes(value, row.aim) else "passes" if row.passes(value, row.at_least) else "**below**"
        shown = f"{text(value, row.unit)} ({name})"
        if name != best_name:
            shown += f" to {text(best, row.unit)} ({best_name})"
        lines.append(f"{bars} {shown} | {verdict} |")
        if verdict == "**below**" and row.must:
            faults.append(f"{row.kernel}: {row.shown}: {text(value, row.unit)} of {name}, at least {text(row.at_least, row.unit)}")
    return lines, faults
