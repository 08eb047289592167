"""Make segmentations with twelve thousand frames, to time what many items in a sequence cost.

The shape of the files of pydicom's issue #1728: 98 segments, a functional group for each of 12,000 frames, every sequence of
undefined length; and the same with defined lengths. Frames are tiny: the header is what is measured. Needs nothing.
"""

from __future__ import annotations

import argparse
import struct
from collections.abc import Callable
from pathlib import Path

SEG_STORAGE = "1.2.840.10008.5.1.4.1.1.66.4"
CT_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
ROOT = "1.2.826.0.1.3680043.8.498.7."
ROWS = COLUMNS = 16
LONG = frozenset({"OB", "OW", "SQ", "UN", "UT"})
UNDEFINED = 0xFFFFFFFF

Sequence = Callable[[int, list[bytes]], bytes]


def element(tag: int, vr: str, value: bytes | str) -> bytes:
    """A data element in explicit VR little endian (PS3.5 7.1.2)."""
    raw = value.encode() if isinstance(value, str) else value
    if len(raw) % 2:
        raw += b" " if isinstance(value, str) and vr != "UI" else b"\0"
    head = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr.encode())
    return head + (struct.pack("<HI", 0, len(raw)) if vr in LONG else struct.pack("<H", len(raw))) + raw


def us(tag: int, *numbers: int) -> bytes:
    return element(tag, "US", struct.pack(f"<{len(numbers)}H", *numbers))


def ul(tag: int, *numbers: int) -> bytes:
    return element(tag, "UL", struct.pack(f"<{len(numbers)}I", *numbers))


def undefined(tag: int, items: list[bytes]) -> bytes:
    """A sequence and items that end with delimiters (PS3.5 7.5)."""
    inside = b"".join(b"\xfe\xff\x00\xe0\xff\xff\xff\xff" + item + b"\xfe\xff\x0d\xe0\0\0\0\0" for item in items)
    head = struct.pack("<HH2sHI", tag >> 16, tag & 0xFFFF, b"SQ", 0, UNDEFINED)
    return head + inside + b"\xfe\xff\xdd\xe0\0\0\0\0"


def defined(tag: int, items: list[bytes]) -> bytes:
    """A sequence and items that say how long they are."""
    return element(tag, "SQ", b"".join(b"\xfe\xff\x00\xe0" + struct.pack("<I", len(item)) + item for item in items))


def code(sequence: Sequence, tag: int, value: str, scheme: str, meaning: str) -> bytes:
    return sequence(tag, [element(0x00080100, "SH", value) + element(0x00080102, "SH", scheme) + element(0x00080104, "LO", meaning)])


def segment(sequence: Sequence, number: int) -> bytes:
    return b"".join(
        (
            code(sequence, 0x00620003, "91723000", "SCT", "Anatomical Structure"),
            us(0x00620004, number),
            element(0x00620005, "LO", f"Structure {number}"),
            element(0x00620008, "CS", "AUTOMATIC"),
            element(0x00620009, "LO", "A model"),
            us(0x0062000D, 43803, 26565, 37722),
            code(sequence, 0x0062000F, "64033007", "SCT", "Kidney structure"),
        )
    )


def frame(sequence: Sequence, i: int, segments: int) -> bytes:
    """The functional groups of one frame (PS3.3 A.51.5 and C.7.6.16)."""
    position = i // segments + 1
    purpose = code(sequence, 0x0040A170, "121322", "DCM", "Source image for image processing operation")
    source = element(0x00081150, "UI", CT_STORAGE) + element(0x00081155, "UI", f"{ROOT}2.{position}") + purpose
    derivation = sequence(0x00082112, [source]) + code(sequence, 0x00089215, "113076", "DCM", "Segmentation")
    content = element(0x00209056, "SH", "1") + ul(0x00209057, position) + ul(0x00209157, i % segments + 1, position, i % 7 + 1)
    return b"".join(
        (
            sequence(0x00089124, [derivation]),
            sequence(0x00209111, [content]),
            sequence(0x00209113, [element(0x00200032, "DS", f"-158.1\\-179.0\\{-75.5 + position}")]),
            sequence(0x0062000A, [us(0x0062000B, i % segments + 1)]),
        )
    )


def encoded(sequence: Sequence, frames: int = 12000, segments: int = 98) -> bytes:
    """The bytes of a segmentation, its sequences written by `sequence`."""
    instance = f"{ROOT}1.{frames}.{segments}"
    meta = element(0x00020001, "OB", b"\0\1") + element(0x00020002, "UI", SEG_STORAGE) + element(0x00020003, "UI", instance)
    meta += element(0x00020010, "UI", EXPLICIT_LITTLE) + element(0x00020012, "UI", ROOT + "0")
    shared = sequence(0x00289110, [element(0x00180050, "DS", "1.0") + element(0x00280030, "DS", "0.8\\0.8")])
    body = (
        element(0x00080005, "CS", "ISO_IR 100"),
        element(0x00080008, "CS", "DERIVED\\PRIMARY"),
        element(0x00080016, "UI", SEG_STORAGE),
        element(0x00080018, "UI", instance),
        element(0x00080020, "DA", "20240131"),
        element(0x00080060, "CS", "SEG"),
        element(0x00100010, "PN", "Doe^Jane"),
        element(0x00100020, "LO", "PID00000"),
        element(0x0020000D, "UI", ROOT + "3"),
        element(0x0020000E, "UI", ROOT + "4"),
        element(0x00200013, "IS", "1"),
        us(0x00280002, 1),
        element(0x00280004, "CS", "MONOCHROME2"),
        element(0x00280008, "IS", str(frames)),
        us(0x00280010, ROWS),
        us(0x00280011, COLUMNS),
        us(0x00280100, 1),
        us(0x00280101, 1),
        us(0x00280102, 0),
        us(0x00280103, 0),
        element(0x00620001, "CS", "BINARY"),
        sequence(0x00620002, [segment(sequence, k + 1) for k in range(segments)]),
        sequence(0x52009229, [shared]),
        sequence(0x52009230, [frame(sequence, i, segments) for i in range(frames)]),
        element(0x7FE00010, "OB", bytes((ROWS * COLUMNS * frames + 7) // 8)),
    )
    return bytes(128) + b"DICM" + ul(0x00020000, len(meta)) + meta + b"".join(body)


def make(folder: Path, frames: int = 12000, segments: int = 98) -> dict[str, Path]:
    """Write both variants and return their paths by name."""
    folder.mkdir(parents=True, exist_ok=True)
    made = {}
    for name, sequence in (("undefined", undefined), ("defined", defined)):
        made[name] = folder / f"seg_{name}.dcm"
        made[name].write_bytes(encoded(sequence, frames, segments))
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dir", type=Path)
    parser.add_argument("--frames", type=int, default=12000)
    parser.add_argument("--segments", type=int, default=98)
    args = parser.parse_args()
    for path in make(args.dir, args.frames, args.segments).values():
        print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
