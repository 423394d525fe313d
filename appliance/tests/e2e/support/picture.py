"""A picture that carries a number: 8 x 4 black and white cells, readable at any size and after
any codec. Rows 0-1: a 16-bit counter, highest bit first. Row 2: its CRC-8. Row 3: a fixed
pattern. The same layout is drawn by `js/picture.mjs`."""

import numpy as np

COLUMNS, ROWS = 8, 4
BLACK, WHITE = 24, 232
PATTERN = 0b10110010
"""Tells a picture of ours from noise."""


def crc8(counter):
    """CRC-8 (polynomial 0x07) over the counter's two bytes."""
    crc = 0
    for byte in (counter >> 8 & 0xFF, counter & 0xFF):
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x07) & 0xFF if crc & 0x80 else crc << 1
    return crc


def cells(counter):
    """The 32 cells of a counter as 0 and 1."""
    word = (counter & 0xFFFF) << 16 | crc8(counter) << 8 | PATTERN
    return np.array([word >> bit & 1 for bit in range(31, -1, -1)], np.uint8).reshape(ROWS, COLUMNS)


def luma(counter, width, height):
    """The picture of a counter as a `height` x `width` array of brightness."""
    rows = np.arange(height) * ROWS // height
    columns = np.arange(width) * COLUMNS // width
    return np.where(cells(counter)[rows][:, columns] == 1, WHITE, BLACK).astype(np.uint8)


def i420(counter, width, height):
    """The picture as I420 bytes, without colour."""
    return luma(counter, width, height).tobytes() + b"\x80" * (width * height // 2)


def busy(counter, width, height):
    """The picture as I420 bytes with something moving over all of it, as costly to encode as a
    room full of people."""
    rows, columns = np.mgrid[0:height, 0:width]
    grain = np.random.default_rng(counter).integers(-40, 40, (height // 4 + 1, width // 4 + 1))
    grain = grain.repeat(4, 0).repeat(4, 1)[:height, :width]
    moving = 20 * np.sin((rows + columns + 7 * counter) / 9)
    bright = np.clip(luma(counter, width, height) + grain + moving, 0, 255).astype(np.uint8)
    return bright.tobytes() + b"\x80" * (width * height // 2)


def read(plane):
    """The counter in a brightness array, or `None` where it is not (or no longer) readable."""
    height, width = plane.shape
    cell_h, cell_w = height / ROWS, width / COLUMNS
    word = 0
    for row in range(ROWS):
        top, bottom = int((row + 0.3) * cell_h), int((row + 0.7) * cell_h) + 1
        for column in range(COLUMNS):
            left, right = int((column + 0.3) * cell_w), int((column + 0.7) * cell_w) + 1
            word = word << 1 | int(plane[top:bottom, left:right].mean() > 128)
    counter = word >> 16
    return counter if word & 0xFF == PATTERN and word >> 8 & 0xFF == crc8(counter) else None
