"""A tone, and how much of a sound it is."""

import numpy as np

RATE = 48_000
"""Samples per second, Opus' own."""

FRAME = RATE // 100
"""Samples in the 10 ms that WebRTC moves at a time."""

AMPLITUDE = 12_000
WINDOW = RATE // 5
"""Samples looked at: 200 ms, fine enough to tell 20 Hz apart."""


def frame(hertz, first_sample, samples=FRAME):
    """A piece of an endless tone, as 16-bit PCM."""
    at = np.arange(first_sample, first_sample + samples)
    return (AMPLITUDE * np.sin(2 * np.pi * hertz * at / RATE)).astype(np.int16)


def share(samples, hertz):
    """Which share of the sound's power lies within 20 Hz of the tone: 0 to 1; 0 for silence."""
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    total = power.sum()
    if total < 1e6:
        return 0.0
    frequency = np.fft.rfftfreq(len(samples), 1 / RATE)
    return float(power[np.abs(frequency - hertz) <= 20].sum() / total)


def loudness(samples):
    """Root mean square of 16-bit PCM."""
    return float(np.sqrt(np.mean(np.square(samples.astype(np.float64)))))
