"""Adds to the folders of Tests/TesseraTests/Fixtures/families the GGUF that llama.cpp's converter makes of each.

    pip install torch transformers==5.23.0 safetensors gguf sentencepiece
    python Tests/Fixtures-scripts/make_family_gguf.py LLAMA_CPP [NAME…]

LLAMA_CPP is llama.cpp's source folder; llama-cpp-python's source distribution has it as `vendor/llama.cpp`. Everything
but the vocabulary is the converter's: the folders have no tokenizer, so a vocabulary of the family's kind is written.

A GGUF does not say T5's largest relative distance: it is 128. `t5` has 20, so its GGUF has a reference of its own.
"""

import json
import logging
import sys
from pathlib import Path

import family_references
import torch
from family_models import MODELS, load_float64

OUT = Path(__file__).resolve().parent.parent / "TesseraTests" / "Fixtures" / "families"
LLAMA_CPP = Path(sys.argv[1])
sys.path[:0] = [str(LLAMA_CPP), str(LLAMA_CPP / "gguf-py")]

import gguf  # noqa: E402
from conversion import ModelBase, get_model_class  # noqa: E402

# Kinds of vocabulary, by model_type.
BYTE_LEVEL = {
    "bloom", "cohere", "cohere2", "exaone", "exaone4", "falcon", "glm4", "gpt_neox", "granite", "mpt", "olmo2", "phi",
    "qwen3", "smollm3", "stablelm", "starcoder2", "qwen2_moe", "qwen3_moe", "olmoe", "granitemoe", "granitemoeshared",
    "deepseek_v2", "deepseek_v3", "gpt_oss",
}
SENTENCE_PIECE = {"baichuan", "gemma", "gemma2", "internlm2", "llama", "ministral3", "mistral", "mixtral", "nemotron", "phi3"}
NORMAL, UNKNOWN, CONTROL, UNUSED = 1, 2, 3, 5
LETTERS = [chr(code) for code in range(33, 127)]


def byte_level(writer, count, special):
    """GPT-2's kind: `special` control tokens at the end, then two merges and single characters before them."""
    tokens = ["th", "the", *LETTERS, "Ġ", "Ċ"] + [f"[unused{number}]" for number in range(count)]
    tokens = tokens[: count - len(special)] + special
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(tokens)
    writer.add_token_types([NORMAL] * (count - len(special)) + [CONTROL] * len(special))
    writer.add_token_merges(["t h", "th e"])


def sentence_piece(writer, count, model, first):
    """SentencePiece's kinds, of which `first` are the special pieces."""
    tokens = (first + ["▁", "e", "t", "▁the"] + [letter for letter in LETTERS if letter not in "et"])[:count]
    writer.add_tokenizer_model(model)
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * len(first) + [-float(place) for place in range(1, count - len(first) + 1)])
    types = [UNKNOWN if token == "<unk>" else CONTROL for token in first]
    writer.add_token_types(types + [NORMAL] * (count - len(first)))


def vocabulary(kind, writer, config):
    count = config["vocab_size"]
    if kind in BYTE_LEVEL:
        byte_level(writer, count, ["<|endoftext|>"])
        writer.add_tokenizer_pre("gpt-2")
        writer.add_eos_token_id(count - 1)
    elif kind in SENTENCE_PIECE:
        sentence_piece(writer, count, "llama", ["<unk>", "<s>", "</s>"])
        writer.add_bos_token_id(1)
        writer.add_eos_token_id(2)
        writer.add_unk_token_id(0)
    elif kind == "gpt2":
        byte_level(writer, count, ["<|endoftext|>"])
        writer.add_tokenizer_pre("gpt-2")
        writer.add_bos_token_id(count - 1)
        writer.add_eos_token_id(count - 1)
    elif kind == "qwen2":
        byte_level(writer, count, ["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
        writer.add_tokenizer_pre("qwen2")
        writer.add_eos_token_id(count - 1)
        writer.add_pad_token_id(count - 3)
    elif kind in ("t5", "mt5", "umt5"):
        sentence_piece(writer, count, "t5", ["<pad>", "</s>", "<unk>"])
        writer.add_add_space_prefix(True)
        writer.add_remove_extra_whitespaces(True)
        writer.add_pad_token_id(0)
        writer.add_eos_token_id(1)
        writer.add_unk_token_id(2)
        writer.add_add_bos_token(False)
        writer.add_add_eos_token(True)
    elif kind in ("roberta", "modernbert"):
        byte_level(writer, count, ["<s>", "<pad>", "</s>", "<mask>"])
        writer.add_tokenizer_pre("gpt-2")
        if kind == "roberta":
            writer.add_token_type_count(config["type_vocab_size"])
        writer.add_bos_token_id(count - 4)
        writer.add_eos_token_id(count - 2)
    elif kind == "xlm-roberta":
        sentence_piece(writer, count, "t5", ["<s>", "<pad>", "</s>", "<unk>"])
        writer.add_add_space_prefix(True)
        writer.add_remove_extra_whitespaces(True)
        writer.add_token_type_count(config["type_vocab_size"])
        writer.add_bos_token_id(0)
        writer.add_pad_token_id(1)
        writer.add_eos_token_id(2)
        writer.add_unk_token_id(3)
    elif kind in ("bert", "distilbert", "nomic_bert"):
        special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        words = ["▁the", "s", *("▁" + letter for letter in LETTERS)][: count - len(special)]
        writer.add_token_type_count(config.get("type_vocab_size", 1))
        writer.add_tokenizer_model("bert")
        writer.add_tokenizer_pre("default")
        writer.add_token_list(special + words)
        writer.add_token_types([CONTROL] * len(special) + [NORMAL] * len(words))
        for add, place in [
            (writer.add_pad_token_id, 0), (writer.add_unk_token_id, 1), (writer.add_bos_token_id, 2),
            (writer.add_sep_token_id, 3), (writer.add_mask_token_id, 4),
        ]:
            add(place)
    else:
        sys.exit(f"error: no vocabulary for {kind}: write one of its tokenizer's kind here")


def convert(model, folder, file, stored):
    config = json.loads((folder / "config.json").read_text())
    kind = config["model_type"]

    base = get_model_class(config["architectures"][0])
    # Of two architectures with one name.
    base = getattr(base, "Ministral3Model", base)

    class Converter(base):
        model_arch = base.model_arch

        def set_vocab(self):
            self.vocab_size = config["vocab_size"]
            vocabulary(kind, self.gguf_writer, config)

        def _is_tokenizer_xlmroberta(self):
            return False

    target = folder / file
    with torch.inference_mode():
        # The configuration as it is stored: transformers gives some of its keys other names.
        own = {"hparams": config} if model.on_grid else {}
        Converter(folder, stored, target, model_name=f"tiny {model.name}", **own).write()
    print(f"{target.relative_to(OUT)}: {target.stat().st_size} bytes", flush=True)


def gguf_reference(model, folder):
    instance = load_float64(model, folder)
    for module in instance.modules():
        if hasattr(module, "relative_attention_max_distance"):
            module.relative_attention_max_distance = 128
    family_references.VARIETY = 1  # the seed was chosen for the folder's own distance
    head = {"reference": "as reference.json, with a largest relative distance of 128"}
    result = head | family_references.reference(model, instance)
    (folder / "reference-gguf.json").write_text(json.dumps(result, separators=(",", ":")) + "\n")


def main():
    logging.basicConfig(level=logging.WARNING)
    for model in MODELS:
        if not model.gguf or (len(sys.argv) > 2 and model.name not in sys.argv[2:]):
            continue
        types = gguf.LlamaFileType
        stored = {torch.bfloat16: types.MOSTLY_BF16, torch.float16: types.MOSTLY_F16}.get(model.dtype, types.ALL_F32)
        convert(model, OUT / model.name, "model.gguf", stored)
        if model.on_grid:
            convert(model, OUT / model.name, "model-q8_0.gguf", types.MOSTLY_Q8_0)
        if model.name == "t5":
            model.seed = json.loads((OUT / "t5/reference.json").read_text())["seed"]
            gguf_reference(model, OUT / "t5")


if __name__ == "__main__":
    main()
