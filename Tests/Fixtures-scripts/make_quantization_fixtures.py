"""Writes Tests/TesseraReferenceTests/Fixtures/quantization.json.

Random blocks of every weight format with what gguf.quants.dequantize makes of them. Scales cover zero, minus zero,
subnormal, largest, infinite and NaN halves as well as ordinary ones. Needs: pip install gguf numpy
Usage: python make_quantization_fixtures.py OUTPUT.json
"""

import base64
import json
import sys

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType
from gguf.quants import dequantize

EXTREME_HALVES = [0x0000, 0x8000, 0x0001, 0x83FF, 0x0400, 0x7BFF, 0xFBFF, 0x7C00, 0xFC00, 0x7E00, 0x3C00, 0xBC00]
# Byte offsets of the half-precision scales in a block.
SCALES = {
    "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208],
    "Q2_K": [80, 82], "Q3_K": [108], "IQ1_S": [0], "IQ1_M": [], "IQ2_XXS": [0], "IQ2_XS": [0], "IQ2_S": [0], "IQ3_XXS": [0],
    "IQ3_S": [0], "IQ4_NL": [0], "IQ4_XS": [0], "TQ1_0": [52], "TQ2_0": [64], "MXFP4": [],
}
RANDOM_BLOCKS = {32: 24, 256: 4}


def blocks(name, rng):
    block_size, byte_count = GGML_QUANT_SIZES[GGMLQuantizationType[name]]
    if name == "F32":
        special = np.array([0, 1 << 31, 1, 0x7F7FFFFF, 0x7F800000, 0x7FC00000], dtype=np.uint32)
        return np.concatenate([special, rng.integers(0, 1 << 32, 250, dtype=np.uint32)]).view(np.uint8)
    if name in ("F16", "BF16"):
        extreme = np.array(EXTREME_HALVES, dtype=np.uint16)
        return np.concatenate([extreme, np.arange(0, 1 << 16, 37, dtype=np.uint16)]).view(np.uint8)
    extreme = EXTREME_HALVES if block_size == 32 else EXTREME_HALVES[:8]
    data = rng.integers(0, 256, (RANDOM_BLOCKS[block_size] + len(extreme), byte_count), dtype=np.uint8)
    magnitudes = rng.integers(0, 0x7C00, (len(data), 2), dtype=np.uint16)
    halves = magnitudes | (rng.integers(0, 2, (len(data), 2), dtype=np.uint16) << 15)
    halves[: len(extreme), 0] = extreme
    for i, offset in enumerate(SCALES[name]):
        data[:, offset : offset + 2] = halves[:, i : i + 1].copy().view(np.uint8)
    if name == "IQ1_M":  # The half's nibbles are the top ones of four others.
        for i in range(4):
            data[:, 49 + 2 * i] = data[:, 49 + 2 * i] & 15 | (halves[:, 0] >> 4 * i & 15).astype(np.uint8) << 4
    if name == "MXFP4":  # Exponents at the ends of their range.
        data[:8, 0] = [0, 1, 2, 3, 127, 128, 254, 255]
    return data.reshape(-1)


def main():
    rng = np.random.default_rng(20240229)
    cases = []
    for name in ["F32", "F16", "BF16", *SCALES]:
        data = blocks(name, rng)
        with np.errstate(all="ignore"):
            values = dequantize(data, GGMLQuantizationType[name]).astype(np.float32).reshape(-1)
        cases.append({
            "type": name,
            "count": len(values),
            "bytes": base64.b64encode(data.tobytes()).decode(),
            "values": base64.b64encode(values.astype("<f4").tobytes()).decode(),
        })
    with open(sys.argv[1], "w") as file:
        json.dump(cases, file, indent=1)
        file.write("\n")


main()
