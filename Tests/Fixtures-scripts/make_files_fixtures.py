"""Writes the fixtures of TesseraFilesTests with the formats' own libraries.

    pip install numpy gguf safetensors torch llama-cpp-python
    python make_files_fixtures.py [FOLDER]     (default: ../TesseraFilesTests/Fixtures)

`ggml_types.txt` is asked of the ggml library inside llama-cpp-python.
"""

import ctypes
import importlib.util
import json
import sys
from pathlib import Path

import gguf
import numpy as np
import torch
from safetensors.torch import save_file

HERE = Path(__file__).resolve().parent
OUT = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parent / "TesseraFilesTests" / "Fixtures"
TYPE_COUNT = 43  # GGML_TYPE_COUNT of the library below


def ramp(*shape: int) -> np.ndarray:
    """float32 values 0, 0.25, 0.5, … in the given shape."""
    return (np.arange(np.prod(shape), dtype=np.float32) * 0.25).reshape(shape)


def make_gguf(path: Path) -> None:
    writer = gguf.GGUFWriter(path, "fixture")
    kind = gguf.GGUFValueType
    writer.add_uint8("n.uint8", 255)
    writer.add_int8("n.int8", -128)
    writer.add_uint16("n.uint16", 65_535)
    writer.add_int16("n.int16", -32_768)
    writer.add_uint32("n.uint32", 4_294_967_295)
    writer.add_int32("n.int32", -2_147_483_648)
    writer.add_uint64("n.uint64", 18_446_744_073_709_551_615)
    writer.add_int64("n.int64", -9_223_372_036_854_775_808)
    writer.add_float32("n.float32", 0.1)
    writer.add_float64("n.float64", 0.1)
    writer.add_bool("n.true", True)
    writer.add_bool("n.false", False)
    writer.add_string("n.string", "Straße 🦊\n")
    writer.add_key_value("n.empty", "", kind.STRING)
    writer.add_array("a.int32", [-1, 0, 7])
    writer.add_array("a.float32", [0.5, -2.0])
    writer.add_array("a.bool", [True, False, True])
    writer.add_array("a.strings", ["a", "", "Ġthe", "日本"])
    writer.add_array("a.bytes", [b"\xff\xfe", b"ok"])
    writer.add_array("a.arrays", [[1, 2], [3]])
    writer.add_key_value("a.uint64", [2**63, 1], kind.ARRAY, kind.UINT64)
    writer.add_custom_alignment(64)

    quant = gguf.GGMLQuantizationType
    writer.add_tensor("t.f32", ramp(2, 3))
    writer.add_tensor("t.f16", ramp(5).astype(np.float16))
    writer.add_tensor("t.f64", ramp(2, 2, 2, 2).astype(np.float64))
    writer.add_tensor("t.i8", np.arange(3, dtype=np.int8))
    writer.add_tensor("t.i64", np.arange(3, dtype=np.int64))
    for name in ["BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0"]:
        data = gguf.quants.quantize(ramp(3, 64), quant[name])
        writer.add_tensor(f"t.{name.lower()}", data, raw_dtype=quant[name])
    rng = np.random.default_rng(7)
    for name in ["Q4_K", "Q6_K", "IQ2_XXS", "TQ1_0", "MXFP4"]:
        _, byte_count = gguf.GGML_QUANT_SIZES[quant[name]]
        blocks = 256 // gguf.GGML_QUANT_SIZES[quant[name]][0]
        data = rng.integers(0, 256, size=(2, blocks * byte_count), dtype=np.uint8)
        writer.add_tensor(f"t.{name.lower()}", data, raw_dtype=quant[name])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def make_tensor_table(path: Path, gguf_path: Path) -> None:
    """What the gguf package reads back: name, type, dimensions, offset, bytes, sum of the bytes."""
    with path.open("w") as out:
        for tensor in gguf.GGUFReader(gguf_path).tensors:
            shape = ",".join(str(int(size)) for size in tensor.shape)
            total = int(tensor.data.view(np.uint8).sum(dtype=np.uint64))
            print(tensor.name, tensor.tensor_type.name, shape, tensor.data_offset, tensor.n_bytes, total, file=out)


def make_type_table(path: Path) -> None:
    """Number, name, elements and bytes of a block, as ggml itself has them; 0 bytes where a type was removed."""
    package = Path(importlib.util.find_spec("llama_cpp").origin).parent
    library = ctypes.CDLL(str(next(package.glob("lib/libggml-base.so*"))))
    library.ggml_type_size.restype = ctypes.c_size_t
    library.ggml_blck_size.restype = ctypes.c_int64
    library.ggml_type_name.restype = ctypes.c_char_p
    with path.open("w") as out:
        for number in range(TYPE_COUNT):
            name = library.ggml_type_name(number).decode().split()[0]
            print(number, name, library.ggml_blck_size(number), library.ggml_type_size(number), file=out)


def make_safetensors(folder: Path) -> None:
    names = ["float32", "float16", "bfloat16", "float64", "int8", "int16", "int32", "int64", "uint8", "bool"]
    tensors = {f"t.{name}": torch.arange(6).reshape(2, 3).to(getattr(torch, name)) for name in names}
    tensors["t.float8_e4m3fn"] = torch.arange(6).to(torch.float32).to(torch.float8_e4m3fn)
    tensors["t.float8_e5m2"] = torch.arange(6).to(torch.float32).to(torch.float8_e5m2)
    tensors["t.scalar"] = torch.tensor(2.5)
    tensors["t.nothing"] = torch.zeros(0, 4)
    save_file(tensors, folder / "all_types.safetensors", metadata={"format": "pt", "note": "Straße"})

    sharded = folder / "sharded"
    sharded.mkdir(exist_ok=True)
    shards = {"model-00001-of-00002.safetensors": "a.weight", "model-00002-of-00002.safetensors": "b.weight"}
    for index, (file, name) in enumerate(shards.items()):
        save_file({name: torch.full((2, 2), float(index + 1))}, sharded / file, metadata={"format": "pt"})
    index = {"metadata": {"total_size": 32}, "weight_map": {name: file for file, name in shards.items()}}
    (sharded / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n")
    config = {
        "model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 4, "rms_norm_eps": 1e-05,
        "rope_theta": 10000.0, "tie_word_embeddings": True, "eos_token_id": [1, 2], "rope_scaling": None,
        "limits": [0.0, float("inf")], "text_config": {"head_dim": 2},
    }
    (sharded / "config.json").write_text(json.dumps(config, indent=2) + "\n")


def make_npy(folder: Path) -> None:
    for name in ["<f2", "<f4", "<f8", "<i1", "<i2", "<i4", "<i8", "<u1", "<u2", "<u4", "<u8", "|b1"]:
        np.save(folder / f"{name[1:]}.npy", np.arange(6).reshape(2, 3).astype(name))
    np.save(folder / "scalar.npy", np.float32(2.5))
    np.save(folder / "fortran.npy", np.asfortranarray(ramp(2, 3)))
    np.save(folder / "big_endian.npy", ramp(3).astype(">f4"))
    np.save(folder / "record.npy", np.zeros(2, dtype=[("a", "<f4"), ("b", "<i4")]))
    np.save(folder / "object.npy", np.array([1, "a"], dtype=object), allow_pickle=True)
    for version in [(2, 0), (3, 0)]:
        with (folder / f"version{version[0]}.npy").open("wb") as out:
            np.lib.format.write_array(out, ramp(2, 3), version=version)
    # What Tessera's writer must produce, byte for byte.
    np.save(folder / "ramp_3x5.npy", ramp(3, 5))
    np.save(folder / "ramp_7.npy", ramp(7))


if __name__ == "__main__":
    (OUT / "npy").mkdir(parents=True, exist_ok=True)
    make_gguf(OUT / "numpy.gguf")
    make_tensor_table(OUT / "numpy_gguf_tensors.txt", OUT / "numpy.gguf")
    make_type_table(OUT / "ggml_types.txt")
    make_safetensors(OUT)
    make_npy(OUT / "npy")
