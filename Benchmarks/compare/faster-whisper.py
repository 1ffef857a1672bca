#!/usr/bin/env python3
"""Times `tessera transcribe` beside faster-whisper (CTranslate2, float32, greedy) on about a minute of speech.

    apt-get install espeak-ng; pip install faster-whisper
    swift build -c release --product tessera
    python Benchmarks/compare/faster-whisper.py --peer CT2FOLDER "$(scripts/fetch-whisper)" [SPEECH.wav]

CT2FOLDER is the CTranslate2 folder that the model was converted from. Without a WAV file espeak-ng says a text. The two take turns,
five rounds; figures are medians of seconds of speech per second, with the least and the most. Of both the model is loaded before:
Tessera's is the time that its command says. Falling back to higher temperatures is off. Nothing else may run on the machine.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import wave

from common import ROOT, processor, summary, table

TEXT = """The river begins high in the mountains, where the snow melts in early summer. At first it is only a small stream that
runs between stones and grass. Further down other streams join it, and soon it is wide enough for boats. People have lived on its
banks for thousands of years. They caught fish, watered their fields, and built mills that ground their corn. Later came
factories, railways and bridges, and the villages grew into towns. Today most of the old mills are museums, and on warm evenings
people sit by the water and watch the boats go by. """


def spoken(folder):
    path, text = os.path.join(folder, "speech.wav"), os.path.join(folder, "text")
    with open(text, "w") as file:
        file.write(TEXT * 2)
    try:
        subprocess.run(["espeak-ng", "-s", "150", "-f", text, "-w", path], check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"error: {error}: apt-get install espeak-ng, or name a WAV file")
    return path


def transcribing_seconds(options, path):
    command = [options.tessera, "transcribe", "-m", options.model, path, "--temperature", "0"]
    command += ["--device", options.device] if options.device else []
    result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    found = re.search(r"([\d.]+) s of sound in ([\d.]+) s", result.stderr)
    if result.returncode or not found:
        sys.exit(f"error: {' '.join(command)} ended with status {result.returncode}: {result.stderr[-300:]}")
    return float(found[2])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a Hugging Face folder of Whisper")
    parser.add_argument("sound", nargs="?", help="a WAV file")
    parser.add_argument("--peer", required=True, help="the same model for CTranslate2")
    parser.add_argument("--tessera", default=str(ROOT / ".build/release/tessera"), help="the command's path")
    parser.add_argument("--device", help="Tessera's device, as the command takes it")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()

    try:
        from faster_whisper import WhisperModel, __version__, decode_audio
    except ImportError as error:
        sys.exit(f"error: {error}: pip install faster-whisper")
    threads = len(os.sched_getaffinity(0))
    peer = WhisperModel(options.peer, device="cpu", compute_type="float32", cpu_threads=threads)

    def listening_seconds(sound):
        start = time.perf_counter()
        segments, _ = peer.transcribe(sound, beam_size=1, best_of=1, temperature=[0.0])
        for _ in segments:
            pass
        return time.perf_counter() - start

    with tempfile.TemporaryDirectory() as folder:
        path = options.sound or spoken(folder)
        with wave.open(path) as file:
            duration = file.getnframes() / file.getframerate()
        sound = decode_audio(path)
        listening_seconds(sound), transcribing_seconds(options, path)
        rates = []
        for index in range(options.rounds):
            theirs, ours = duration / listening_seconds(sound), duration / transcribing_seconds(options, path)
            rates.append((ours, theirs))
            print("round {}: Tessera {:.1f}, faster-whisper {:.1f}".format(index + 1, *rates[-1]), file=sys.stderr)
    tessera, theirs = zip(*rates)
    result = summary(f"{duration:.0f} s of speech", "faster-whisper", tessera, theirs)
    if options.json:
        print(json.dumps(result, indent=1))
        return
    print(f"{os.path.basename(options.model)} on {processor()}, {threads} threads; faster-whisper {__version__}")
    print(f"medians of {options.rounds} rounds, seconds of speech per second (least–most)\n")
    print(table([result], "faster-whisper"))


if __name__ == "__main__":
    main()
