"""Writes Tests/TesseraReferenceTests/Fixtures/quantizers.json.

Rows of float32 with the blocks that gguf.quants.quantize makes of them, and, for the formats that are searched (Q4_K, Q5_K,
Q6_K), the root mean square error of what ggml's own quantizer makes of each kind of row, without an importance matrix.
Needs: pip install gguf numpy llama-cpp-python
Usage: python make_quantizer_fixtures.py LIBGGML_BASE_SO OUTPUT.json
"""

import base64
import ctypes
import json
import sys

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType
from gguf.quants import dequantize, quantize

EXACT = ["F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "TQ1_0", "TQ2_0", "MXFP4"]
SEARCHED = ["Q4_K", "Q5_K", "Q6_K"]


def rows(rng):
    """Kinds of rows of 256: as weights are, and as they are not."""
    normal = rng.standard_normal((8, 256)) * 0.02
    ties = rng.integers(-16, 17, (2, 256)) / 16
    ties[:, ::32] = 1.0
    below = np.nextafter(np.float32(2.0) ** rng.integers(-9, 4, (2, 256)).astype(np.float32), np.float32(0))
    special = np.zeros((3, 256))
    special[1] = 0.25
    special[2, ::2] = -0.75
    special[2, 100] = 6.5
    return {
        "normal": normal,
        "heavy tails": rng.standard_t(3, (4, 256)) * 0.01,
        "shifted": rng.standard_normal((4, 256)) * 0.1 + 0.3,
        "tiny": rng.standard_normal((2, 256)) * 1e-7,
        "ties": ties,
        "below powers of two": below * np.where(rng.integers(0, 2, below.shape), 1, -1),
        "special": special,
    }


def ggml_error(library, name, x):
    number = GGMLQuantizationType[name]
    block, size = GGML_QUANT_SIZES[number]
    data = np.zeros((x.shape[0], x.shape[1] // block * size), np.uint8)
    library.ggml_quantize_chunk(
        ctypes.c_int(number), ctypes.c_void_p(x.ctypes.data), ctypes.c_void_p(data.ctypes.data), ctypes.c_int64(0),
        ctypes.c_int64(x.shape[0]), ctypes.c_int64(x.shape[1]), None)
    return float(np.sqrt(np.mean((dequantize(data, number).astype(np.float64) - x) ** 2)))


def main():
    library = ctypes.CDLL(sys.argv[1])
    library.ggml_quantize_chunk.restype = ctypes.c_size_t
    rng = np.random.default_rng(20240301)
    cases = []
    for kind, x in rows(rng).items():
        x = np.ascontiguousarray(x, np.float32)
        with np.errstate(all="ignore"):
            blocks = {name: quantize(x, GGMLQuantizationType[name]).tobytes() for name in EXACT}
        cases.append({
            "kind": kind,
            "values": base64.b64encode(x.astype("<f4").tobytes()).decode(),
            "blocks": {name: base64.b64encode(data).decode() for name, data in blocks.items()},
            "errors": {name: ggml_error(library, name, x) for name in SEARCHED},
        })
    with open(sys.argv[2], "w") as file:
        json.dump(cases, file, indent=0)
        file.write("\n")


if __name__ == "__main__":
    main()
