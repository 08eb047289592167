"""Makes the bytes of DICOM files, element by element, so that a test shows every field that it is about.

Nothing here is checked: lengths can lie, VRs can be wrong, delimiters can be missing. Each function returns `bytes` that
are put together with ``+`` or :func:`dataset`. The encoding of a data set is an :class:`Encoding`; the default is
Explicit VR Little Endian.

Examples
--------
>>> rows = element(0x00280010, "US", 512)
>>> rows.hex(" ")
'28 00 10 00 55 53 02 00 00 02'
>>> file = part10(dataset(rows, element("0028,0011", "US", 512)))
>>> file[128:132]
b'DICM'
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeAlias

__all__ = [
    "BIG",
    "DEFLATED_EXPLICIT",
    "EXPLICIT",
    "EXPLICIT_BIG",
    "EXPLICIT_LITTLE",
    "IMPLICIT",
    "IMPLICIT_LITTLE",
    "ITEM_END",
    "JPEG_BASELINE",
    "LONG_VRS",
    "PREAMBLE",
    "RLE_LOSSLESS",
    "SEQUENCE_END",
    "UNDEFINED",
    "Encoding",
    "Tag",
    "Value",
    "basic_offset_table",
    "dataset",
    "deflate",
    "deflated_part10",
    "element",
    "encapsulated",
    "extended_offset_table",
    "file_meta",
    "fragment",
    "header",
    "image",
    "item",
    "item_end",
    "minimal",
    "nested",
    "part10",
    "pixel_data",
    "private_block",
    "sequence",
    "sequence_end",
    "tag_bytes",
    "tag_number",
    "value_bytes",
]

UNDEFINED = 0xFFFFFFFF
"""The length field of what has undefined length (PS3.5 7.1.2)."""

IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
DEFLATED_EXPLICIT = "1.2.840.10008.1.2.1.99"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
RLE_LOSSLESS = "1.2.840.10008.1.2.5"

LONG_VRS = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"})
"""The VRs with two reserved bytes and a 32-bit length in explicit VR (PS3.5 7.1.2)."""

_NUMBERS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "UV": "Q", "SV": "q", "FL": "f", "FD": "d"}
_PAD_WITH_NUL = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UI", "UN"})  # PS3.5 6.2: text is padded with a space


class Encoding(NamedTuple):
    """How the elements of a data set are written.

    Attributes
    ----------
    implicit : bool
        Implicit VR: the header has no VR and always a 32-bit length (PS3.5 7.1.3).
    big : bool
        Big endian (PS3.5 7.3).
    """

    implicit: bool = False
    big: bool = False

    @property
    def order(self) -> str:
        """The byte order as `struct` writes it."""
        return ">" if self.big else "<"


EXPLICIT = Encoding()
IMPLICIT = Encoding(implicit=True)
BIG = Encoding(big=True)

Tag: TypeAlias = int | str | tuple[int, int]
Value: TypeAlias = "bytes | str | int | float | Sequence[int | float | str] | None"


def tag_number(tag: Tag) -> int:
    """The tag as a number: from ``0x00100010``, ``(0x0010, 0x0010)``, ``"0010,0010"``, ``"(0010,0010)"`` or ``"00100010"``."""
    if isinstance(tag, tuple):
        return tag[0] << 16 | tag[1]
    if isinstance(tag, str):
        return int(tag.strip("()").replace(",", ""), 16)
    return tag


def tag_bytes(tag: Tag, encoding: Encoding = EXPLICIT) -> bytes:
    """Four bytes: group and element, each in the byte order of the data set (PS3.5 7.1.1)."""
    number = tag_number(tag)
    return struct.pack(encoding.order + "HH", number >> 16, number & 0xFFFF)


def value_bytes(vr: str, value: Value, encoding: Encoding = EXPLICIT, *, pad: bool = True) -> bytes:
    """The bytes of a value.

    Parameters
    ----------
    vr : str
        Decides how numbers are packed. AT takes tags as numbers.
    value : bytes, str, number, sequence of these, or None
        `bytes` are taken as they are; text is Latin-1; several values of text are joined by a backslash (PS3.5 6.4).
    pad : bool
        Pad text and `bytes` to an even length (PS3.5 6.2).
    """
    if value is None:
        return b""
    if not isinstance(value, (bytes, bytearray, str)):
        values = list(value) if isinstance(value, Iterable) else [value]
        if vr == "AT":
            return b"".join(tag_bytes(int(v), encoding) for v in values)
        if vr in _NUMBERS:
            return struct.pack(f"{encoding.order}{len(values)}{_NUMBERS[vr]}", *values)
        value = "\\".join(str(v) for v in values)
    out = value.encode("latin-1") if isinstance(value, str) else bytes(value)
    if pad and len(out) % 2:
        out += b"\0" if vr in _PAD_WITH_NUL else b" "
    return out


def header(tag: Tag, vr: str | bytes, length: int, encoding: Encoding = EXPLICIT, *, reserved: int = 0, long: bool | None = None) -> bytes:
    """An element's header (PS3.5 7.1).

    Parameters
    ----------
    vr : str or bytes
        Two characters; `bytes` may be no VR at all.
    length : int
        What the length field says; nothing is checked but that it fits the field.
    reserved : int
        The two bytes that follow a VR with a 32-bit length.
    long : bool, optional
        Write a 32-bit length whatever the VR (True) or a 16-bit one (False).
    """
    start = tag_bytes(tag, encoding)
    if encoding.implicit:
        return start + struct.pack(encoding.order + "I", length)
    code = vr.encode("ascii") if isinstance(vr, str) else vr
    if long is None:
        long = code.decode("latin-1") in LONG_VRS
    if long:
        return start + code + struct.pack(encoding.order + "HI", reserved, length)
    return start + code + struct.pack(encoding.order + "H", length)


def element(
    tag: Tag, vr: str | bytes, value: Value = None, encoding: Encoding = EXPLICIT, *, length: int | None = None, pad: bool = True
) -> bytes:
    """One element: header and value.

    Parameters
    ----------
    length : int, optional
        What the length field says, when it shall lie (or is :data:`UNDEFINED`).
    """
    text = vr if isinstance(vr, str) else vr.decode("latin-1")
    data = value_bytes(text, value, encoding, pad=pad)
    return header(tag, vr, len(data) if length is None else length, encoding) + data


def item_end(encoding: Encoding = EXPLICIT) -> bytes:
    """The item delimitation item (FFFE,E00D), of length 0."""
    return tag_bytes(0xFFFEE00D, encoding) + struct.pack(encoding.order + "I", 0)


def sequence_end(encoding: Encoding = EXPLICIT) -> bytes:
    """The sequence delimitation item (FFFE,E0DD), of length 0."""
    return tag_bytes(0xFFFEE0DD, encoding) + struct.pack(encoding.order + "I", 0)


ITEM_END = item_end()
SEQUENCE_END = sequence_end()


def item(
    *elements: bytes, encoding: Encoding = EXPLICIT, undefined: bool = False, length: int | None = None, delimiter: bool | None = None
) -> bytes:
    """An item of a sequence (PS3.5 7.5).

    Parameters
    ----------
    undefined : bool
        Of undefined length, with its delimiter.
    length : int, optional
        What the length field says, when it shall lie.
    delimiter : bool, optional
        Whether the item delimiter is written; by default only for an undefined length.
    """
    body = b"".join(elements)
    if length is None:
        length = UNDEFINED if undefined else len(body)
    if delimiter is None:
        delimiter = undefined
    return tag_bytes(0xFFFEE000, encoding) + struct.pack(encoding.order + "I", length) + body + (item_end(encoding) if delimiter else b"")


def sequence(
    tag: Tag,
    *items: bytes,
    encoding: Encoding = EXPLICIT,
    undefined: bool = False,
    length: int | None = None,
    delimiter: bool | None = None,
    vr: str = "SQ",
) -> bytes:
    """A sequence of items made by :func:`item`, of defined or undefined length (PS3.5 7.5). Arguments as in :func:`item`."""
    body = b"".join(items)
    if length is None:
        length = UNDEFINED if undefined else len(body)
    if delimiter is None:
        delimiter = undefined
    return header(tag, vr, length, encoding) + body + (sequence_end(encoding) if delimiter else b"")


def nested(depth: int, inner: bytes = b"", tag: Tag = 0x00081140, encoding: Encoding = EXPLICIT, *, undefined: bool = True) -> bytes:
    """`depth` sequences of one item, each inside the other, around `inner`."""
    if undefined:
        opening = header(tag, "SQ", UNDEFINED, encoding) + tag_bytes(0xFFFEE000, encoding) + struct.pack(encoding.order + "I", UNDEFINED)
        return opening * depth + inner + (item_end(encoding) + sequence_end(encoding)) * depth
    for _ in range(depth):
        inner = sequence(tag, item(inner, encoding=encoding), encoding=encoding)
    return inner


def private_block(group: int, creator: str, *elements: tuple[int, str, Value], block: int = 0x10, encoding: Encoding = EXPLICIT) -> bytes:
    """A private creator (gggg,00bb) and the elements that it reserves, (gggg,bbxx) (PS3.5 7.8.1).

    Parameters
    ----------
    *elements : tuple of (int, str, value)
        The low byte of the element number, VR, value.
    block : int
        The block's number, 0x10 to 0xFF.
    """
    out = element(group << 16 | block, "LO", creator, encoding)
    for low, vr, value in elements:
        out += element(group << 16 | block << 8 | low, vr, value, encoding)
    return out


def dataset(*elements: bytes) -> bytes:
    """The elements one after the other."""
    return b"".join(elements)


PREAMBLE = bytes(128)


def file_meta(
    transfer_syntax: str | None = EXPLICIT_LITTLE,
    *more: bytes,
    sop_class: str = "1.2.840.10008.5.1.4.1.1.7",
    sop_instance: str = "1.2.3.4",
    group_length: int | bool = True,
) -> bytes:
    """Group 0002, always Explicit VR Little Endian (PS3.10 7.1).

    Parameters
    ----------
    transfer_syntax : str or None
        None leaves (0002,0010) out.
    *more : bytes
        Elements behind it.
    group_length : int or bool
        True: the right one; False: none; a number: that one.
    """
    body = element(0x00020001, "OB", b"\0\1")  # File Meta Information Version
    body += element(0x00020002, "UI", sop_class) + element(0x00020003, "UI", sop_instance)
    if transfer_syntax is not None:
        body += element(0x00020010, "UI", transfer_syntax)
    body += element(0x00020012, "UI", "1.2.3.4.5") + b"".join(more)  # Implementation Class UID
    if group_length is False:
        return body
    return element(0x00020000, "UL", len(body) if group_length is True else group_length) + body


def part10(
    data: bytes = b"", transfer_syntax: str | None = EXPLICIT_LITTLE, *, meta: bytes | None = None, preamble: bytes | None = PREAMBLE
) -> bytes:
    """A file (PS3.10 7.1): preamble, DICM, group 0002, `data`.

    Parameters
    ----------
    meta : bytes, optional
        Group 0002, when it shall be another than ``file_meta(transfer_syntax)``; ``b""`` leaves it out.
    preamble : bytes or None
        None leaves out the preamble and DICM.
    """
    if meta is None:
        meta = file_meta(transfer_syntax)
    return (b"" if preamble is None else preamble + b"DICM") + meta + data


def deflate(data: bytes, level: int = 6) -> bytes:
    """Raw DEFLATE (RFC 1951), padded to an even length (PS3.5 A.5)."""
    compressor = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
    out = compressor.compress(data) + compressor.flush()
    return out + b"\0" * (len(out) % 2)


def deflated_part10(data: bytes, *, level: int = 6) -> bytes:
    """A file whose data set is deflated; group 0002 is not (PS3.5 A.5)."""
    return part10(deflate(data, level), DEFLATED_EXPLICIT)


def fragment(data: bytes, *, length: int | None = None, pad: bool = True) -> bytes:
    """One fragment: an item whose bytes are no data set (PS3.5 A.4)."""
    if pad and len(data) % 2:
        data += b"\0"
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(data) if length is None else length) + data


def basic_offset_table(frames: Sequence[Sequence[bytes]]) -> bytes:
    """The offset of each frame's first fragment, counted from behind the table's own item (PS3.5 A.4)."""
    offsets = []
    position = 0
    for fragments in frames:
        offsets.append(position)
        position += sum(8 + len(data) + len(data) % 2 for data in fragments)
    return struct.pack(f"<{len(offsets)}I", *offsets)


def extended_offset_table(frames: Sequence[Sequence[bytes]]) -> bytes:
    """Extended Offset Table (7FE0,0001) and its lengths (7FE0,0002): 64 bits a frame (PS3.3 C.7.6.3.1.8)."""
    offsets = struct.unpack(f"<{len(frames)}I", basic_offset_table(frames))
    lengths = [sum(len(data) for data in fragments) for fragments in frames]
    return element(0x7FE00001, "OV", struct.pack(f"<{len(frames)}Q", *offsets)) + element(
        0x7FE00002, "OV", struct.pack(f"<{len(frames)}Q", *lengths)
    )


def encapsulated(
    frames: Sequence[bytes | Sequence[bytes]], *, bot: bool | bytes = False, eot: bool = False, delimiter: bool = True, vr: str = "OB"
) -> bytes:
    """Pixel Data of undefined length, made of fragments (PS3.5 A.4).

    Parameters
    ----------
    frames : sequence of bytes or of sequences of bytes
        One fragment a frame, or several.
    bot : bool or bytes
        Basic Offset Table: empty, right, or these bytes.
    eot : bool
        An Extended Offset Table before it.
    delimiter : bool
        Whether the sequence delimiter is written.
    """
    parts = [[frame] if isinstance(frame, (bytes, bytearray)) else list(frame) for frame in frames]
    table = bot if isinstance(bot, bytes) else basic_offset_table(parts) if bot else b""
    out = extended_offset_table(parts) if eot else b""
    out += header(0x7FE00010, vr, UNDEFINED) + fragment(table, pad=False)
    out += b"".join(fragment(data) for fragments in parts for data in fragments)
    return out + (SEQUENCE_END if delimiter else b"")


def pixel_data(data: bytes, vr: str = "OW", encoding: Encoding = EXPLICIT) -> bytes:
    """Pixel Data as stored, with its padding byte (PS3.5 A.1)."""
    return element(0x7FE00010, vr, data + b"\0" * (len(data) % 2), encoding)


def image(
    pixels: bytes | None,
    rows: int,
    columns: int,
    *,
    encoding: Encoding = EXPLICIT,
    frames: int | None = None,
    samples: int = 1,
    photometric: str = "MONOCHROME2",
    planar: int | None = None,
    allocated: int = 16,
    stored: int | None = None,
    high: int | None = None,
    signed: bool = False,
    vr: str | None = None,
) -> bytes:
    """The Image Pixel module (PS3.3 C.7.6.3) and `pixels`, the value as stored; None: put :func:`encapsulated` behind it."""
    stored = allocated if stored is None else stored
    out = element(0x00280002, "US", samples, encoding) + element(0x00280004, "CS", photometric, encoding)
    if planar is not None:
        out += element(0x00280006, "US", planar, encoding)
    if frames is not None:
        out += element(0x00280008, "IS", str(frames), encoding)
    out += element(0x00280010, "US", rows, encoding) + element(0x00280011, "US", columns, encoding)
    out += element(0x00280100, "US", allocated, encoding) + element(0x00280101, "US", stored, encoding)
    high = max(stored - 1, 0) if high is None else high
    out += element(0x00280102, "US", high, encoding) + element(0x00280103, "US", int(signed), encoding)
    if pixels is None:
        return out
    return out + pixel_data(pixels, vr or ("OB" if allocated <= 8 and not encoding.implicit else "OW"), encoding)


def minimal(*more: bytes, encoding: Encoding = EXPLICIT) -> bytes:
    """The bytes of a small data set that every reader takes, and `more` behind it."""
    return (
        element(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.7", encoding)  # SOP Class UID: Secondary Capture
        + element(0x00080018, "UI", "1.2.3.4", encoding)  # SOP Instance UID
        + element(0x00080060, "CS", "OT", encoding)  # Modality
        + element(0x00100010, "PN", "Doe^Jane", encoding)  # Patient's Name
        + element(0x00100020, "LO", "P-1", encoding)  # Patient ID
        + b"".join(more)
    )
