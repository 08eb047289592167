"""Damages DICOM files as files are damaged in the wild, and worse: flips, lying lengths, other VRs, cuts, splices, delimiters."""

from __future__ import annotations

import random
import re
import struct
from collections.abc import Callable

import builders as b

__all__ = ["mutate"]

LENGTHS = [0, 1, 2, 3, 4, 7, 8, 0x7F, 0xFF, 0xFFFE, 0xFFFF, 0x10000, 0x20202020, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF]
VRS = re.findall(rb"..", b"AEASATCSDADSDTFDFLISLOLTOBODOFOLOVOWPNSHSLSQSSSTSVTMUCUIULUNURUSUTUV")
CHARSETS = [
    b"ISO_IR 100",
    b"ISO_IR 192",
    b"GB18030",
    b"GBK",
    b"ISO_IR 166",
    b"\\ISO 2022 IR 87",
    b"\\ISO 2022 IR 149",
    b"ISO 2022 IR 58",
    b"?",
]
TEXTS = [
    b"\x1b$B",
    b"\x1b(J",
    b"\x1b$)C",
    b"\x1b-F",
    b"\x1b",
    b"\\",
    b"^",
    b"=",
    b"\xff",
    b"1e400",
    b"NaN",
    b"-",
    b"\0",
    b" ",
    b"\xed\xa0\x80",
]
VR_AT = re.compile(b"|".join(VRS))
TAGS = [0x00080005, 0x00280103, 0x00280010, 0x00280008, 0x7FE00010, 0x7FE00001, 0x00020010, 0x00020000, 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD]
SMALL = [
    b.ITEM_END,
    b.SEQUENCE_END,
    b.item(),
    b.item(undefined=True),
    b.header(0x00081140, "SQ", b.UNDEFINED) + b.tag_bytes(0xFFFEE000) + b"\xff" * 4,
    b.header(0x00091001, "UN", b.UNDEFINED),
    b.header(0x7FE00010, "OB", b.UNDEFINED) + b.fragment(b""),
    b.nested(70),
    b.element(0x00080005, "CS", "\\ISO 2022 IR 87"),
    b.element(0x00280103, "US", 1),
    bytes(16),
]


def flip(rng: random.Random, data: bytearray, seeds: list[bytes]) -> None:
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def set_byte(rng: random.Random, data: bytearray, seeds: list[bytes]) -> None:
    data[rng.randrange(len(data))] = rng.choice((0, 1, 0x20, 0x5C, 0x7F, 0x80, 0xFE, 0xFF, rng.randrange(256)))


def vr_position(rng: random.Random, data: bytearray) -> int:
    """Where a VR is written, or anything on an even offset."""
    found = VR_AT.search(data, rng.randrange(len(data)))
    return found.start() if found else rng.randrange(len(data)) & ~1


def lie_about_length(rng: random.Random, data: bytearray, seeds: list[bytes]) -> None:
    position = vr_position(rng, data)
    length = rng.choice([*LENGTHS, len(data), len(data) - position, rng.randrange(1 << 16)])
    order = rng.choice("<<<>")
    if data[position : position + 2].decode("latin-1") in b.LONG_VRS:
        field = struct.pack(order + "I", length & 0xFFFFFFFF)
        position += 4
    elif rng.random() < 0.7:
        field = struct.pack(order + "H", length & 0xFFFF)
    else:
        field = struct.pack(order + "I", length & 0xFFFFFFFF)
    data[position + 2 : position + 2 + len(field)] = field


def other_vr(rng: random.Random, data: bytearray, seeds: list[bytes]) -> None:
    position = vr_position(rng, data)
    data[position : position + 2] = rng.choice([*VRS, b"??", b"\0\0", b"ZZ", b"  "])


def other_tag(rng: random.Random, data: bytearray, seeds: list[bytes]) -> None:
    position = max(vr_position(rng, data) - 4, 0)
    data[position : position + 4] = b.tag_bytes(rng.choice(TAGS), rng.choice((b.EXPLICIT, b.EXPLICIT, b.BIG)))


def cut(rng: random.Random, data: bytearray, seeds: list[bytes]) -> None:
    del data[rng.randrange(len(data)) :]


def delete(rng: random.Random, data: bytearray, seeds: list[bytes]) -> None:
    start = rng.randrange(len(data))
    del data[start : start + rng.choice((1, 2, 4, 8, 12, rng.randrange(1, 200)))]


def repeat(rng: random.Random, data: bytearray, seeds: list[bytes]) -> None:
    start = rng.randrange(len(data))
    chunk = data[start : start + rng.choice((2, 8, 12, rng.randrange(1, 200)))]
    data[start:start] = chunk * rng.choice((1, 1, 2, 20))


def insert(rng: random.Random, data: bytearray, seeds: list[bytes]) -> None:
    start = max(vr_position(rng, data) - 4, 0)
    data[start:start] = rng.choice(SMALL)


def splice(rng: random.Random, data: bytearray, seeds: list[bytes]) -> None:
    other = rng.choice(seeds)
    start = rng.randrange(len(other) or 1)
    chunk = other[start : start + rng.choice((16, 64, 512, 4096))]
    position = rng.randrange(len(data))
    if rng.random() < 0.5:
        data[position:position] = chunk
    else:
        data[position : position + len(chunk)] = chunk


def text(rng: random.Random, data: bytearray, seeds: list[bytes]) -> None:
    position = vr_position(rng, data) + 4
    chunk = rng.choice(TEXTS)
    data[position : position + len(chunk)] = chunk


def charset(rng: random.Random, data: bytearray, seeds: list[bytes]) -> None:
    position = data.find(b"\x08\0\x05\0")
    chunk = rng.choice(CHARSETS)
    if position >= 0:
        data[position + 8 : position + 8 + len(chunk)] = chunk


def zero(rng: random.Random, data: bytearray, seeds: list[bytes]) -> None:
    start = rng.randrange(len(data))
    n = min(rng.choice((4, 8, 64, 5000)), len(data) - start)
    data[start : start + n] = bytes([rng.choice((0, 0, 0xFF, 0x20))]) * n


KINDS: list[Callable[[random.Random, bytearray, list[bytes]], None]] = [
    flip,
    set_byte,
    lie_about_length,
    lie_about_length,
    lie_about_length,
    other_vr,
    other_tag,
    cut,
    delete,
    repeat,
    insert,
    splice,
    text,
    charset,
    zero,
]


def mutate(rng: random.Random, seeds: list[bytes]) -> bytes:
    """One of the seeds, damaged in one to six ways; never longer than it and some kilobytes."""
    data = bytearray(rng.choice(seeds))
    for _ in range(rng.choice((1, 1, 2, 2, 3, 4, 6))):
        if not data:
            break
        rng.choice(KINDS)(rng, data, seeds)
    return bytes(data)
