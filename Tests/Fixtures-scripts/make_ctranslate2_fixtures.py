"""Writes Tests/TesseraTests/Fixtures/ctranslate2: a tiny Whisper, as a Hugging Face folder and as CTranslate2 writes it.

    pip install torch transformers==5.23.0 safetensors tokenizers ctranslate2==4.8.5
    python Tests/Fixtures-scripts/make_ctranslate2_fixtures.py

`huggingface` has weights from a seed, each of which float16 holds; `float32`, `float16` and `int8` are what CTranslate2's
converter makes of it.
"""

import json
import shutil
import tempfile
from pathlib import Path

import torch
from ctranslate2.converters import TransformersConverter
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import GenerationConfig, PreTrainedTokenizerFast, WhisperConfig, WhisperForConditionalGeneration

OUT = Path(__file__).resolve().parent.parent / "TesseraTests" / "Fixtures" / "ctranslate2"
LETTERS = [chr(letter) for letter in range(ord("a"), ord("z") + 1)] + ["Ġ"]
SPECIAL = ["<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|de|>", "<|translate|>", "<|transcribe|>"]
SPECIAL += ["<|startoflm|>", "<|startofprev|>", "<|nocaptions|>", "<|notimestamps|>"]
END = len(LETTERS)
# Beyond the tokenizer's tokens there are times, as in real models.
VOCABULARY = len(LETTERS) + len(SPECIAL) + 11


def tokenizer():
    words = {letter: index for index, letter in enumerate(LETTERS)}
    result = Tokenizer(models.BPE(vocab=words, merges=[]))
    result.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    result.decoder = decoders.ByteLevel()
    result.add_special_tokens(SPECIAL)
    return PreTrainedTokenizerFast(tokenizer_object=result, eos_token=SPECIAL[0])


def model():
    tokens = {name: END for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    config = WhisperConfig(
        vocab_size=VOCABULARY, d_model=8, encoder_layers=1, decoder_layers=2, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=12, num_mel_bins=80, max_source_positions=10,
        max_target_positions=6, decoder_start_token_id=END + 1, suppress_tokens=[1, 2], begin_suppress_tokens=[26, END],
        **tokens,
    )
    torch.manual_seed(13)
    result = WhisperForConditionalGeneration(config)
    with torch.no_grad():
        for parameter in result.parameters():
            parameter.copy_(torch.randn(parameter.shape).mul(0.3).half().float())
    result.generation_config = GenerationConfig(
        suppress_tokens=[1, 2], begin_suppress_tokens=[26, END], alignment_heads=[[0, 1], [1, 0]], max_length=6,
        decoder_start_token_id=END + 1, **tokens,
    )
    return result.eval()


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    with tempfile.TemporaryDirectory() as work:
        model().save_pretrained(work)
        tokenizer().save_pretrained(work)
        for kind in ("float32", "float16", "int8"):
            files = ["tokenizer.json"] if kind == "float32" else None
            TransformersConverter(work, copy_files=files).convert(str(OUT / kind), quantization=kind)
        (OUT / "huggingface").mkdir()
        for name in ("config.json", "model.safetensors"):
            shutil.copy(Path(work) / name, OUT / "huggingface" / name)
    for path in sorted(OUT.rglob("*.json")):
        path.write_text(json.dumps(json.loads(path.read_text()), separators=(",", ":"), ensure_ascii=False) + "\n")
    for path in sorted(OUT.rglob("*")):
        if path.is_file():
            print(path.relative_to(OUT), path.stat().st_size)


if __name__ == "__main__":
    main()
