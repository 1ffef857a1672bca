"""Writes Tests/TesseraAudioTests/Fixtures: what transformers' feature extractor makes of sound.

    apt-get install espeak-ng
    pip install numpy scipy transformers==5.23.0
    python Tests/Fixtures-scripts/make_audio_fixtures.py

`speech.wav` is a spoken sentence at 16 kHz. `mel-speech-N.npy` is its spectrogram in N bands, float32 of shape [N, frames],
of every fourth frame that is not behind its end; `mel-noise-N.npy` that of 31 s of noise from a seed, every 50th frame and the
first and last three. By the extractor's path through numpy in float64, of windows of 30 s. `resampled.npy` has the
sentence's first 8000 samples at 22050 Hz by scipy, through a filter of 256 zero crossings a side.
"""

import subprocess
import tempfile
from pathlib import Path

import numpy as np
from scipy import signal
from scipy.io import wavfile
from transformers import WhisperFeatureExtractor

OUT = Path(__file__).resolve().parent.parent / "TesseraAudioTests" / "Fixtures"
TEXT = "Every mosaic is made of small tiles."
NOISE_FRAMES = [0, 1, 2, *range(50, 3000, 50), 2997, 2998, 2999]


def resampled(sound, rate, other, cut, crossings):
    """At another rate: a windowed sinc that lets pass what is below `cut` times half of the lower rate."""
    common = np.gcd(rate, other)
    up, down = other // common, rate // common
    wide = max(up, down)
    taps = signal.firwin(2 * crossings * wide + 1, cut / wide, window=("kaiser", 12.0))
    return signal.resample_poly(sound, up, down, window=taps)


def speech():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        subprocess.run(["espeak-ng", "-v", "en-us", "-s", "150", "-w", path, TEXT], check=True)
        rate, sound = wavfile.read(path)
    sound = resampled(sound / 32768, rate, 16000, 0.93, 64)
    return np.clip(np.rint(sound * 32768), -32768, 32767).astype(np.int16)


def noise(count):
    """Numbers of a generator that Swift has, too: the upper 24 bits of a linear congruence of 64."""
    values, state = np.empty(count, np.float32), 13
    for index in range(count):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        values[index] = ((state >> 40) / 2**24 - 0.5) * (0.01 + index % 40000 / 40000)
    return values


def mel(sound, bands):
    extractor = WhisperFeatureExtractor(feature_size=bands)
    window = np.zeros(480000)
    window[: min(len(sound), 480000)] = sound[:480000]
    return extractor._np_extract_fbank_features(window[None], "cpu")[0].astype(np.float32)


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    words = speech()
    wavfile.write(OUT / "speech.wav", 16000, words)
    sound = words / 32768
    frames = -(-len(words) // 160) + 2
    for bands in (80, 128):
        np.save(OUT / f"mel-speech-{bands}.npy", mel(sound, bands)[:, :frames:4])
        np.save(OUT / f"mel-noise-{bands}.npy", np.ascontiguousarray(mel(noise(31 * 16000), bands)[:, NOISE_FRAMES]))
    np.save(OUT / "resampled.npy", resampled(sound, 16000, 22050, 1, 256).astype(np.float32)[:8000])
    for path in sorted(OUT.iterdir()):
        print(path.name, path.stat().st_size)


if __name__ == "__main__":
    main()
