"""Data sets with tables, windows and overlays, as bytes."""

from __future__ import annotations

import struct

import numpy as np

import fastdicom
from builders import EXPLICIT, EXPLICIT_LITTLE, Encoding, element, image, item, part10, sequence


def ordered(*elements: bytes, big: bool = False) -> bytes:
    """Elements in ascending order of their tags."""
    order = ">HH" if big else "<HH"
    return b"".join(sorted(elements, key=lambda one: struct.unpack_from(order, one)))


def words(values, encoding: Encoding = EXPLICIT) -> bytes:
    return np.asarray(values).astype(np.int64).astype(">u2" if encoding.big else "<u2").tobytes()


def descriptor(tag: int, count: int, first: int, bits: int, encoding: Encoding = EXPLICIT) -> bytes:
    """US or SS, whatever the first sample needs: the bytes are the same."""
    return element(tag, "SS" if first < 0 else "US", words([count, first, bits], encoding), encoding)


def lut_item(table, first: int, bits: int, *, vr: str = "US", count: int | None = None, encoding: Encoding = EXPLICIT) -> bytes:
    """An item of Modality or VOI LUT Sequence."""
    count = len(table) & 0xFFFF if count is None else count
    return item(
        descriptor(0x00283002, count, first, bits, encoding) + element(0x00283006, vr, words(table, encoding), encoding),
        encoding=encoding,
    )


def modality_lut(table, first: int, bits: int, **options) -> bytes:
    encoding = options.get("encoding", EXPLICIT)
    return sequence(0x00283000, lut_item(table, first, bits, **options), encoding=encoding)


def voi_lut(*items: bytes, encoding: Encoding = EXPLICIT) -> bytes:
    return sequence(0x00283010, *items, encoding=encoding)


def rescale(slope: str, intercept: str) -> bytes:
    return element(0x00281052, "DS", intercept) + element(0x00281053, "DS", slope)


def window(center: str, width: str, function: str = "") -> bytes:
    made = element(0x00281050, "DS", center) + element(0x00281051, "DS", width)
    return made + (element(0x00281056, "CS", function) if function else b"")


def palette(tables, first: int, bits: int, *, count: int | None = None, segmented: bool = False, packed: bool = False) -> bytes:
    """Descriptors and data of red, green, blue and perhaps alpha."""
    count = len(tables[0]) & 0xFFFF if count is None else count
    out = b""
    for i in range(3):
        out += descriptor(0x00281101 + i, count, first, bits)
    for tag, table in zip((1, 2, 3, 4), tables, strict=False):
        data = bytes(np.asarray(table, np.uint8)) if packed else words(table)
        out += element((0x00281220 if segmented else 0x00281200) + tag, "OW", data + b"\0" * (len(data) % 2))
    return out


def overlay(group: int, rows: int, columns: int, data: bytes | None, *more: bytes, frames: int | None = None, vr: str = "OW") -> bytes:
    base = group << 16
    out = element(base | 0x10, "US", rows) + element(base | 0x11, "US", columns)
    if frames is not None:
        out += element(base | 0x15, "IS", str(frames))
    out += element(base | 0x40, "CS", "G") + b"".join(more)
    return out if data is None else out + element(base | 0x3000, vr, data)


def split(data: bytes) -> list[bytes]:
    """The elements of an explicit little endian data set of defined lengths."""
    out, at = [], 0
    while at < len(data):
        long = data[at + 4 : at + 6] in (b"OB", b"OW", b"SQ", b"OF", b"OD", b"UN")
        length = struct.unpack_from("<I" if long else "<H", data, at + (8 if long else 6))[0] + (12 if long else 8)
        out.append(data[at : at + length])
        at += length
    return out


def opened(pixels: np.ndarray, *more: bytes, syntax: str = EXPLICIT_LITTLE, **fields):
    """A data set with these pixels and further elements, in the order of tags."""
    color = fields.get("samples", 1) > 1
    *frames, rows, columns = pixels.shape[:-1] if color else pixels.shape
    if color:
        fields.setdefault("planar", 0)
    fields.setdefault("allocated", 8 * pixels.itemsize)
    fields.setdefault("signed", pixels.dtype.kind == "i")
    data = image(pixels.tobytes(), rows, columns, frames=frames[0] if frames else None, **fields)
    return fastdicom.dcmread(part10(ordered(*split(data), *split(b"".join(more))), syntax))


def theirs(ds):
    """pydicom's reading of the same bytes."""
    return ds.to_pydicom()
