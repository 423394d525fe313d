"""A bedside monitor's picture, drawn: three running curves. Shows nobody's data."""

import numpy as np

BACKGROUND = (20, 128, 128)
CURVES = (
    # brightness, blue and red difference; height; what one beat looks like from 0 to 1
    ((175, 75, 70), lambda t: 0.9 * np.exp(-(((t - 0.4) / 0.012) ** 2)) + 0.16 * np.exp(-(((t - 0.62) / 0.05) ** 2))),
    ((190, 150, 60), lambda t: 0.7 * np.exp(-(((t - 0.45) / 0.09) ** 2)) + 0.3 * np.exp(-(((t - 0.68) / 0.08) ** 2))),
    ((200, 60, 150), lambda t: 0.35 + 0.35 * np.sin(2 * np.pi * t)),
)
BEATS = 5
"""Beats across the picture."""


def i420(counter, width, height):
    """The picture number `counter` as I420 bytes."""
    planes = [np.full((height, width), value, np.uint8) for value in BACKGROUND]
    columns = np.arange(width)
    sweep = counter * 6 % width
    age = (sweep - columns) % width
    for row, (colour, beat) in enumerate(CURVES):
        base, high = (row + 0.85) * height / 3, height / 3 * 0.75
        at = (base - high * beat(columns * BEATS / width % 1)).astype(int)
        before = np.roll(at, 1)
        before[0] = at[0]
        for x in columns[age < width - 24]:
            top, bottom = sorted((at[x], before[x]))
            for plane, value in zip(planes, colour):
                plane[max(top - 1, 0) : bottom + 2, x] = value
    luma, blue, red = planes
    return luma.tobytes() + blue[::2, ::2].tobytes() + red[::2, ::2].tobytes()
