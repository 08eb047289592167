"""An RLE encoder for tests (PS3.5 Annex G)."""

from __future__ import annotations

import struct

import numpy as np


def packed(data: bytes) -> bytes:
    """PackBits with runs of every kind: repeats from three on, no-ops (0x80) in between."""
    out, i = b"", 0
    while i < len(data):
        run = 1
        while run < 128 and data[i : i + run + 1] == data[i : i + 1] * (run + 1):
            run += 1
        if run >= 3:
            out += bytes([257 - run, data[i]])
            i += run
        else:
            piece = data[i : i + 1 + i % 128]
            out += b"\x80" * (i % 3 == 0) + bytes([len(piece) - 1]) + piece
            i += len(piece)
    return out


def frame(planes: list[bytes]) -> bytes:
    offsets, body = [], b""
    for plane in planes:
        offsets.append(64 + len(body))
        body += plane + b"\0" * (len(plane) % 2)
    return struct.pack("<16I", len(planes), *offsets, *[0] * (15 - len(offsets))) + body


def encoded(image: np.ndarray) -> bytes:
    """The most significant byte of the first sample first (G.2)."""
    pixels = image.reshape(image.shape[0] * image.shape[1], -1)
    planes = []
    for sample in range(pixels.shape[1]):
        parts = np.ascontiguousarray(pixels[:, sample]).view(np.uint8).reshape(len(pixels), -1)
        planes += [packed(parts[:, k].tobytes()) for k in reversed(range(parts.shape[1]))]
    return frame(planes)
