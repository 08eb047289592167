"""Valid data sets that look like something else: they are read as what their transfer syntax says."""

from __future__ import annotations

import random
import struct
from typing import TypeAlias

import pytest

import builders as b
import fastdicom

LOOKS_LIKE_A_VR = [int.from_bytes(vr, "little") for vr in (b"DA", b"DS", b"DT", b"FD", b"FL", b"LO", b"LT", b"PN", b"TM")]  # all even
MARKS = [
    b"\xfe\xff\x00\xe0\xff\xff\xff\xff",  # an item
    b"\xfe\xff\x0d\xe0\x00\x00\x00\x00",  # its delimiter
    b"\xfe\xff\xdd\xe0\x00\x00\x00\x00",  # of a sequence
    b"\x10\x00\x10\x00PN\x04\x00ABCD",
    b"CSCS",
    b"OB\0\0",
    b"UNUN",
    b"\0" * 8,
    b"\xff" * 8,
]


def read(data: bytes, syntax: str) -> fastdicom.Dataset:
    return fastdicom.dcmread(b.part10(data, syntax))  # a warning would be an error


@pytest.mark.parametrize("length", LOOKS_LIKE_A_VR)
@pytest.mark.parametrize("mark", MARKS)
@pytest.mark.parametrize("depth", [0, 1, 2])
@pytest.mark.parametrize("undefined", [False, True])
def test_implicit_length_that_looks_like_a_vr(length: int, mark: bytes, depth: int, undefined: bool) -> None:
    """The first element of a data set in implicit VR, whose length says DS, and whose value goes on like a header."""
    value = (mark * length)[:length]
    data = b.element(0x00189924, "OB", value, b.IMPLICIT) + b.element(0x00200010, "SH", "ID", b.IMPLICIT)
    for _ in range(depth):
        data = b.sequence(0x00081140, b.item(data, encoding=b.IMPLICIT, undefined=undefined), encoding=b.IMPLICIT, undefined=undefined)
    ds = read(data, b.IMPLICIT_LITTLE)
    for _ in range(depth):
        ds = ds.ReferencedImageSequence[0]
    assert ds.is_implicit_VR
    assert bytes(ds[0x00189924].raw) == value
    assert ds.StudyID == "ID"


@pytest.mark.parametrize("length", LOOKS_LIKE_A_VR)
def test_implicit_sequence_whose_length_looks_like_a_vr(length: int) -> None:
    """In an item, the item that follows the header at once is no sign of an empty value in explicit VR."""
    inner = b.sequence(
        0x00081140, b.item(b.element(0x00189924, "OB", bytes(length - 16), b.IMPLICIT), encoding=b.IMPLICIT), encoding=b.IMPLICIT
    )
    assert inner[4:8] == struct.pack("<I", length)
    ds = read(b.sequence(0x00081115, b.item(inner, encoding=b.IMPLICIT), encoding=b.IMPLICIT), b.IMPLICIT_LITTLE)
    assert ds.ReferencedSeriesSequence[0].ReferencedImageSequence[0][0x00189924].length == length - 16


@pytest.mark.parametrize("encoding", [b.EXPLICIT, b.IMPLICIT])
@pytest.mark.parametrize("group", [0x0400, 0x2000, 0x2200, 0x5400, 0x5600])
@pytest.mark.parametrize("undefined", [False, True])
def test_first_group_that_reads_in_both_byte_orders(encoding: b.Encoding, group: int, undefined: bool) -> None:
    item = b.item(b.element(0x003A0010, "IS", "1", encoding), encoding=encoding, undefined=undefined)
    data = b.sequence(group << 16 | 0x0100, item, encoding=encoding, undefined=undefined) + b.element(
        group << 16 | 0x0110, "LO", "", encoding
    )
    ds = read(data, b.IMPLICIT_LITTLE if encoding.implicit else b.EXPLICIT_LITTLE)
    assert not ds.is_big_endian
    assert [int(tag) for tag in ds.tags()] == [group << 16 | 0x0100, group << 16 | 0x0110]


def test_big_endian_said_to_be_little_whose_length_leads_to_a_header() -> None:
    """There is no group 0800: 00 08 is group 0008 in big endian, even where 00 0A read as 0A00 bytes leads to a header."""
    first = b.element(0x00080005, "CS", "ISO_IR 100", b.BIG)
    filler = b.element(0x00104000, "LT", "x" * (8 + 0x0A00 - len(first) - 8), b.BIG)
    with pytest.warns(fastdicom.DicomWarning, match="byte order"):
        ds = fastdicom.dcmread(b.part10(first + filler + b.element(0x00200010, "SH", "ID", b.BIG)))
    assert ds.is_big_endian
    assert ds.StudyID == "ID"


def test_vr_of_a_later_edition() -> None:
    """PS3.5 7.1.2: two reserved bytes and a 32-bit length, even if length and value look like a header too."""
    data = b.header(0x00080102, "ZZ", 20, long=True) + b"CS\x04\x00ABCDEFGHIJKLMNOP" + b.element(0x00200010, "SH", "ID")
    with pytest.warns(fastdicom.DicomWarning, match="VR"):
        ds = fastdicom.dcmread(b.part10(data))
    assert [elem.length for elem in ds] == [20, 2]


def test_truncated_value_whose_length_looks_like_a_vr() -> None:
    """Implicit VR, 0x5344 (DS) bytes of pixels, of which 1000 are there: not an empty DS."""
    data = b.header(0x7FE00010, "OW", 0x5344, b.IMPLICIT) + b"\x01\x02" * 500
    with pytest.warns(fastdicom.DicomWarning, match="beyond the end"):
        ds = fastdicom.dcmread(b.part10(b.element(0x00080060, "CS", "CT", b.IMPLICIT) + data, b.IMPLICIT_LITTLE))
    assert len(ds) == 2
    assert ds["PixelData"].length == 1000
    assert ds["PixelData"].is_truncated


# Random valid data sets in every encoding

Model: TypeAlias = "list[tuple[int, str, bytes | list[tuple[Model, bool]], bool]]"  # tag, VR, value or items (undefined?), undefined?
SEQUENCES = (0x00081140, 0x00081115, 0x0040A730, 0x00409096, 0x30060010, 0x54000100, 0x52009230)
LEAVES = {
    0x00080060: "CS", 0x00080018: "UI", 0x00081030: "LO", 0x00100010: "PN", 0x00104000: "LT", 0x00180050: "DS", 0x00200013: "IS",
    0x00280010: "US", 0x00280009: "AT", 0x00189073: "FD", 0x0040A160: "UT", 0x00420011: "OB", 0x00660016: "OF", 0x00660040: "OL",
    0x30020011: "DS", 0x54001010: "OW", 0x2100_0160: "SH", 0x00081196: "US",
}  # fmt: skip


def random_model(r: random.Random, depth: int = 0) -> Model:
    out: Model = []
    for tag in sorted(r.sample([*LEAVES, *SEQUENCES], r.randint(0, 12))):
        if tag in LEAVES:
            length = r.choice([0, 8, 16, 24, 64, r.choice(LOOKS_LIKE_A_VR) & ~7])
            if LEAVES[tag] not in b.LONG_VRS:
                length &= 0xFFF8
            value = r.randbytes(length) if r.random() < 0.3 else b"".join(r.choices(MARKS, k=length // 4 + 1))[:length]
            out.append((tag, LEAVES[tag], value, False))
        elif depth < 4:
            items = [(random_model(r, depth + 1), r.random() < 0.5) for _ in range(r.randint(0, 2))]
            out.append((tag, "SQ", items, r.random() < 0.5))
    return out


def written(model: Model, encoding: b.Encoding) -> bytes:
    out = b""
    for tag, vr, value, undefined in model:
        if isinstance(value, bytes):
            out += b.header(tag, vr, len(value), encoding) + value
        else:
            items = [b.item(written(inner, encoding), encoding=encoding, undefined=open_end) for inner, open_end in value]
            out += b.sequence(tag, *items, encoding=encoding, undefined=undefined)
    return out


def same(ds: fastdicom.Dataset, model: Model) -> None:
    elements = list(ds)
    assert [(int(elem.tag), elem.VR) for elem in elements] == [(tag, vr) for tag, vr, _, _ in model]
    for elem, (_, _, value, undefined) in zip(elements, model, strict=True):
        assert elem.is_undefined_length == undefined
        if isinstance(value, bytes):
            assert bytes(elem.raw or b"") == value
            continue
        assert len(elem.value) == len(value)
        for item, (inner, _) in zip(elem.value, value, strict=True):
            same(item, inner)


@pytest.mark.parametrize("seed", range(60))
def test_round_trip(seed: int) -> None:
    """Nested data sets whose values are full of delimiters and headers: every byte where it was written, no warning."""
    model = random_model(random.Random(seed))
    same(read(written(model, b.EXPLICIT), b.EXPLICIT_LITTLE), model)
    same(read(written(model, b.IMPLICIT), b.IMPLICIT_LITTLE), model)
    same(read(written(model, b.BIG), b.EXPLICIT_BIG), model)
    same(fastdicom.dcmread(b.deflated_part10(written(model, b.EXPLICIT))), model)
