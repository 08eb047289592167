"""Gray sequential JPEG for tests (ITU T.81 Annex F) from coefficients, whatever they are: options that encoders do not have."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from jpegll_builder import codes, segment

DC = tuple(range(16))
AC = tuple(run << 4 | category for run in range(16) for category in range(16))  # 0x00: end of block, 0xF0: 16 zeros
# The number of codes of each length 1 to 16, none of ones alone: nearly alike; and the first ones short, the others as long as may be
FLAT_DC, FLAT_AC = (0, 0, 0, 0, 16, *[0] * 11), (*[0] * 8, 128, 128, *[0] * 6)
STEEP_DC, STEEP_AC = (*[1] * 8, *[0] * 7, 8), (*[1] * 6, *[0] * 9, 250)

Blocks = npt.NDArray[np.integer]  # blocks x 64 coefficients in zigzag, the first as it is and not as a difference


@dataclass(frozen=True)
class Options:
    """What the stream is like."""

    precision: int = 8
    steps: Sequence[int] = (1,) * 64
    wide_steps: bool = False
    process: int = 0
    restart: int = 0
    dc: tuple[int, ...] = FLAT_DC
    ac: tuple[int, ...] = FLAT_AC
    ac_symbols: tuple[int, ...] = AC
    destinations: tuple[int, int, int] = (0, 0, 0)  # of steps, DC and AC
    sampling: int = 0x11
    padding: int = 1  # the bits that fill the last byte of an interval
    fill: bytes = b""  # before each marker
    before: bytes = b""  # the tables
    behind: bytes = b"\xff\xd9"


def magnitude(value: int) -> tuple[int, int]:
    """The category of a number, and the bits that follow it (F.1.2.1)."""
    category = abs(value).bit_length()
    return category, value if value >= 0 else value + (1 << category) - 1


class _Bits:
    def __init__(self) -> None:
        self.value, self.count = 0, 0

    def add(self, value: int, count: int) -> None:
        self.value, self.count = self.value << count | value, self.count + count

    def done(self, padding: int) -> bytes:
        while self.count % 8:
            self.add(padding, 1)
        return self.value.to_bytes(self.count // 8, "big").replace(b"\xff", b"\xff\0")


def data_of(blocks: Blocks, options: Options) -> bytes:
    """The entropy coded data of an interval."""
    dc = dict(zip(DC, codes(options.dc), strict=True))
    ac = dict(zip(options.ac_symbols, codes(options.ac), strict=True))
    out, before = _Bits(), 0
    for block in blocks.tolist():
        category, bits = magnitude(block[0] - before)
        before = block[0]
        out.add(*dc[category])
        out.add(bits, category)
        run, last = 0, max((k for k in range(64) if block[k]), default=0)
        for value in block[1 : last + 1]:
            if not value:
                run += 1
                continue
            for _ in range(run // 16):
                out.add(*ac[0xF0])
            category, bits = magnitude(value)
            out.add(*ac[run % 16 << 4 | category])
            out.add(bits, category)
            run = 0
        if last < 63:
            out.add(*ac[0])
    return out.done(options.padding)


def table(kind: int, lengths: Sequence[int], symbols: Sequence[int]) -> bytes:
    return segment(0xFFC4, bytes([kind, *lengths, *symbols]))


def encode(blocks: Blocks, rows: int, columns: int, options: Options) -> bytes:
    """A stream of these blocks; there must be as many as rows and columns need, or there is something wrong with it."""
    o = options
    steps, dc, ac = o.destinations
    quantisation = struct.pack(">64H" if o.wide_steps else "64B", *o.steps)
    frame = struct.pack(">BHHBBBB", o.precision, rows, columns, 1, 1, o.sampling, steps)
    parts = [
        o.before,
        segment(0xFFDB, bytes([o.wide_steps << 4 | steps]) + quantisation),
        segment(0xFFC0 | o.process, frame),
        table(dc, o.dc, DC),
        table(0x10 | ac, o.ac, o.ac_symbols),
    ]
    if o.restart:
        parts.append(segment(0xFFDD, struct.pack(">H", o.restart)))
    parts.append(segment(0xFFDA, bytes([1, 1, dc << 4 | ac, 0, 63, 0])))
    out = b"\xff\xd8" + b"".join(o.fill + part if part[:1] == b"\xff" else part for part in parts)
    for n, start in enumerate(range(0, len(blocks), o.restart or len(blocks))):
        out += (o.fill + bytes([0xFF, 0xD0 + (n - 1) % 8])) if n else b""
        out += data_of(blocks[start : start + (o.restart or len(blocks))], o)
    return out + o.fill + o.behind
