"""Known faults of the code that compilers make, each with its reason: scripts/gpu-check prints them every time, fails by any other,
and by one of these that is no more."""

import re

# What a fault may be: fewer than 100 bytes of spills, or 200 where it says so, which may be in a loop.
FEW = r"(\d\d? bytes spilled|a private array in a loop: \d\d? loads and stores of it)"
MORE = FEW.replace(r"\d\d? bytes", r"1?\d\d? bytes")
# Of AMD's.
VECTORS = r"(\d VGPRs spilled|a private array in a loop: \d loads and stores of it)"
OCCUPANCY = "registers are left: the assembler spills some for one more work-group a unit"
SCALES = "without an instruction of its own for dot products a set's blocks are a loop, not unrolled: its scales are in memory"

# Each a pattern of `architecture: variant: fault`, and why it stays.
KNOWN = [
    (rf"sm_90: decode_attention .*\bHEAD_SIZE=(512|576) KEY_TYPE=[01] .*: {FEW}", OCCUPANCY),
    (rf"sm_90: decode_attention .*\bHEAD_SIZE=576 KEY_TYPE=3 .*: {FEW}", OCCUPANCY),
    (rf"sm_90: decode_attention HAS_BIAS=1 .*\bHEAD_SIZE=(64 KEY_TYPE=0|128 KEY_TYPE=1) .*: {MORE}", OCCUPANCY),
    (rf"sm_90: attention/flash_attention\.ptx\.cl:flash_attention HEAD_SIZE=128 MASK=1 .*\bTOKENS=1 .*: {FEW}",
     "one query of 128 elements and its sums take all 255 registers"),
    (rf"sm_90: matmul/matmul\.simt\.cl:matmul .*\bTILE_M=1 WEIGHT_TYPE=(0|1|8|10|11) .*: {FEW}", OCCUPANCY),
    (rf"sm_90: matmul/matmul\.simt\.cl:matmul .*\bGROUPED=1 .*\bTILE_M=(1 WEIGHT_TYPE=(6|7|18|29)|8 WEIGHT_TYPE=34) .*: {MORE}",
     OCCUPANCY),
    (rf"sm_90: matmul/matmul\.simt\.cl:matmul .*\bTILE_M=2 WEIGHT_TYPE=12 .*: {FEW}", OCCUPANCY),
    (rf"sm_(75|80): decode_attention .*\bHEAD_SIZE=576 KEY_TYPE=3 .*: {MORE}", OCCUPANCY),
    (rf"sm_(75|80): decode_attention .*: {FEW}", OCCUPANCY),
    (rf"sm_(75|80): attention/flash_attention\.simt\.cl:flash_attention .*\bHEAD_SIZE=(576 KEY_TYPE=0|128 KEY_TYPE=2 MASK=1) .*: {FEW}",
     "scores, and sums, take all 255 registers"),
    (rf"sm_(75|80): matmul/matmul\.simt\.cl:matmul .*\bTILE_M=1 .*: {MORE}", OCCUPANCY),
    (r"gfx1100: matmul/matmul\.simt\.cl:matmul .*\bLANE_ROWS=2 .*\bTILE_M=8 .*: "
     r"(\d+ VGPRs spilled|a private array in a loop: \d+ loads and stores of it)",
     "chosen only where work-groups may have more than 256 work-items, which AMD's may not"),
    (rf"gfx1100: attention/flash_attention\.simt\.cl:flash_attention .*: {VECTORS}",
     "scores, and sums, take all 256 registers"),
    (rf"sm_90: matmul/matmul_8\.ptx\.cl:matmul_8 TILE_M=64 WEIGHT_TYPE=(6|13) .*: {MORE}", OCCUPANCY),
    (r"gfx90a: matmul/matmul_8\.cl:matmul_8 WEIGHT_TYPE=1[234] .*: a private array in a loop: \d\d loads and stores of it", SCALES),
    (r"gfx1100: matmul/matmul_8\.cl:matmul_8 WEIGHT_TYPE=1[234] .*: a private array in a loop: \d\d? loads and stores of it", SCALES),
]


def split(faults):
    """Faults that are not known; lines about the known ones, with how many variants have each; and patterns that match none."""
    new, found = [], {pattern: [] for pattern, _ in KNOWN}
    for fault in faults:
        pattern = next((pattern for pattern in found if re.fullmatch(pattern, fault)), None)
        (found[pattern] if pattern else new).append(fault)
    lines = [f"{fault}\n    {reason}" for pattern, reason in KNOWN for fault in found[pattern]]
    return new, lines, [pattern for pattern, seen in found.items() if not seen]
