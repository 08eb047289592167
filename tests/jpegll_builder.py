"""A lossless JPEG encoder for tests (ITU T.81 Annex H), written for clarity: every option that a stream may have."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

# The number of codes of each length 1 to 16: all 17 categories in 5 bits; and one of each length, so that codes are long
FLAT = (0, 0, 0, 0, 17, *[0] * 11)
STEEP = tuple([1] * 16)

Samples = npt.NDArray[np.integer]


@dataclass(frozen=True)
class Options:
    """What the stream is like."""

    precision: int = 16
    predictor: int = 1
    transform: int = 0  # the point transform
    restart_rows: int = 0
    interleaved: bool = True
    lengths: tuple[int, ...] = FLAT
    tables: tuple[tuple[int, ...], ...] = ()  # one for each component, in the place of `lengths`
    table_behind_frame: bool = False
    fill_bytes: int = 0
    ids: tuple[int, ...] = (1, 2, 3, 4)
    process: int = 3
    rows_behind: bool = False  # a frame header without rows, which follow the first scan (DNL)


def segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">HH", marker, len(data) + 2) + data


def codes(lengths: Iterable[int]) -> list[tuple[int, int]]:
    """(code, length) in the order of the categories, after annex C."""
    out, code = [], 0
    for length, count in enumerate(lengths, 1):
        for _ in range(count):
            out.append((code, length))
            code += 1
        code <<= 1
    return out


def predicted(plane: Samples, row: int, column: int, first_row: int, options: Options) -> int:
    """Table H.1, and H.1.1 for the edges."""
    if column == 0:
        return 1 << (options.precision - options.transform - 1) if row == first_row else int(plane[row - 1, 0])
    a = int(plane[row, column - 1])
    if row == first_row:
        return a
    b, c = int(plane[row - 1, column]), int(plane[row - 1, column - 1])
    return (a, b, c, a + b - c, a + ((b - c) >> 1), b + ((a - c) >> 1), (a + b) >> 1)[options.predictor - 1]


class Bits:
    """Bits, most significant first, with a zero byte behind each 0xFF."""

    def __init__(self) -> None:
        self.text: list[str] = []

    def put(self, value: int, count: int) -> None:
        if count:
            self.text.append(f"{value:0{count}b}")

    def bytes(self) -> bytes:
        text = "".join(self.text)
        text += "1" * (-len(text) % 8)
        return bytes(int(text[i : i + 8], 2) for i in range(0, len(text), 8)).replace(b"\xff", b"\xff\0")


def put_difference(bits: Bits, difference: int, table: list[tuple[int, int]]) -> None:
    difference = (difference + 32768) % 65536 - 32768
    if difference == -32768:
        difference = 32768  # H.1.2.2: category 16 has no bits
    category = abs(difference).bit_length()
    bits.put(*table[category])
    if category < 16:
        bits.put(difference if difference > 0 else difference + (1 << category) - 1, category)


def scan(planes: list[Samples], names: Iterable[int], options: Options) -> bytes:
    """One scan of these components, with its header."""
    rows, columns = planes[0].shape
    names = list(names)
    numbers = [options.ids.index(name) if options.tables else 0 for name in names]
    tables = [codes(options.tables[number] if options.tables else options.lengths) for number in numbers]
    named = [part for name, number in zip(names, numbers, strict=True) for part in (name, number << 4)]
    head = bytes([len(planes), *named, options.predictor, 0, options.transform])
    out = segment(0xFFDA, head)
    interval = options.restart_rows or rows
    for number, first in enumerate(range(0, rows, interval)):
        bits = Bits()
        for row in range(first, min(first + interval, rows)):
            for column in range(columns):
                for plane, table in zip(planes, tables, strict=True):
                    put_difference(bits, int(plane[row, column]) - predicted(plane, row, column, first, options), table)
        out += (struct.pack(">H", 0xFFD0 + (number - 1) % 8) if number else b"") + bits.bytes()
    return out


def encode(image: npt.ArrayLike, options: Options | None = None, **more: object) -> bytes:
    """A stream of (rows, columns) or (rows, columns, components); the point transform drops low bits."""
    options = replace(options or Options(), **more)  # type: ignore[arg-type]
    array = np.asarray(image).astype(np.int64)
    array = array[..., None] if array.ndim == 2 else array
    rows, columns, components = array.shape
    planes = [array[..., i] >> options.transform for i in range(components)]
    lengths = enumerate(options.tables or (options.lengths,))
    table = b"".join(segment(0xFFC4, bytes([number, *each, *range(sum(each))])) for number, each in lengths)
    frame = struct.pack(">BHHB", options.precision, 0 if options.rows_behind else rows, columns, components)
    frame += b"".join(bytes([options.ids[i], 0x11, 0]) for i in range(components))
    head = segment(0xFFC0 + options.process, frame)
    out = b"\xff\xd8" + (head + table if options.table_behind_frame else table + head)
    if options.restart_rows:
        out += segment(0xFFDD, struct.pack(">H", options.restart_rows * columns))
    parts = [(planes, options.ids[:components])] if options.interleaved else [([p], [options.ids[i]]) for i, p in enumerate(planes)]
    for number, (some, names) in enumerate(parts):
        out += b"\xff" * options.fill_bytes + scan(list(some), names, options)
        if options.rows_behind and number == 0:
            out += segment(0xFFDC, struct.pack(">H", rows))
    return out + b"\xff\xd9"
