"""The footers of Parquet files, so that column chunks can go from one file to another as they are (Apache Parquet, parquet.thrift).

A footer is a structure in the compact protocol of Apache Thrift. Only what has to be understood is: the rest is carried along as bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

__all__ = ["MAGIC", "Chunk", "Footer", "FooterError", "Group", "parse", "tail", "write"]

#: At the beginning and at the end of each file.
MAGIC: Final = b"PAR1"

_BOOLEANS: Final = (1, 2)
_INTEGERS: Final = (4, 5, 6)  # of 16, 32 and 64 bit
_BYTE, _I64, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = 3, 6, 7, 8, 9, 10, 12
_MOST_DEPTH: Final = 16  # a footer has six levels

# the fields that are used, by their numbers in parquet.thrift
_FILE_ROWS, _FILE_GROUPS = 3, 4
_GROUP_COLUMNS, _GROUP_BYTES, _GROUP_ROWS, _GROUP_OFFSET, _GROUP_COMPRESSED = 1, 2, 3, 5, 6
_CHUNK_OFFSET, _CHUNK_META = 2, 3
_META_UNCOMPRESSED, _META_COMPRESSED, _META_DATA_PAGE, _META_DICTIONARY_PAGE = 6, 7, 9, 11
# what else may be in the metadata of a chunk without saying where something is in the file
_META_HARMLESS: Final = frozenset({1, 2, 3, 4, 5, 8, 12, 13, 16})


class FooterError(ValueError):
    """A footer that is broken, or says something that nobody here understands."""


class _Field(NamedTuple):
    kind: int
    begin: int
    end: int  # of the value's bytes
    value: Any  # an integer, a structure as a dictionary, a list; None of what only goes along


_NOTHING: Final = _Field(0, 0, 0, None)


class Chunk(NamedTuple):
    """The pages of a column in a row group, and what the footer says about them.

    Attributes
    ----------
    offset, length : int
        Where the pages are.
    size : int
        Bytes when nothing is compressed.
    about : list of (int, int, bytes)
        The fields of its metadata: number, type and encoded value.
    """

    offset: int
    length: int
    size: int
    about: list[tuple[int, int, bytes]]


class Group(NamedTuple):
    """A row group."""

    rows: int
    chunks: list[Chunk]


class Footer(NamedTuple):
    """What a file says about itself: its row groups, and all the rest as encoded fields."""

    groups: list[Group]
    rest: list[tuple[int, int, bytes]]


class _Reader:
    """Reads values in the compact protocol; nothing leaves `data` unnoticed."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def number(self, at: int) -> tuple[int, int]:
        """An unsigned number, and where it ends."""
        data = self.data
        found = data[at]
        at += 1
        if found < 0x80:
            return found, at
        found &= 0x7F
        shift = 7
        while True:
            byte = data[at]
            at += 1
            found |= (byte & 0x7F) << shift
            if byte < 0x80:
                return found, at
            shift += 7
            if shift > 63:
                raise FooterError("a number of more than 64 bits")

    def integer(self, at: int) -> tuple[int, int]:
        found, at = self.number(at)
        return found >> 1 ^ -(found & 1), at

    def structure(self, at: int, depth: int = 0) -> tuple[dict[int, _Field], int]:
        """The fields of a structure, and where it ends."""
        found: dict[int, _Field] = {}
        number = 0
        while head := self.data[at]:
            at += 1
            if head >> 4:
                number += head >> 4
            else:
                number, at = self.integer(at)
            kind = head & 15
            value, end = (None, at) if kind in _BOOLEANS else self.value(kind, at, depth)
            found[number] = _Field(kind, at, end, value)
            at = end
        return found, at + 1

    def value(self, kind: int, at: int, depth: int) -> tuple[Any, int]:
        """A value and where it ends; not a boolean of a structure, whose value is its type."""
        if depth > _MOST_DEPTH:
            raise FooterError("structures in structures in structures")
        if kind in _INTEGERS:
            return self.integer(at)
        if kind == _BINARY:
            length, at = self.number(at)
            return None, self.within(at + length)
        if kind == _STRUCT:
            return self.structure(at, depth + 1)
        if kind in (_LIST, _SET):
            return self.items(at, depth + 1)
        if kind == _BYTE or kind in _BOOLEANS:
            return None, self.within(at + 1)
        if kind == _DOUBLE:
            return None, self.within(at + 8)
        raise FooterError(f"a value of type {kind}")  # maps are nowhere in a footer

    def within(self, end: int) -> int:
        if end > len(self.data):
            raise FooterError("a value that is longer than the footer")
        return end

    def items(self, at: int, depth: int) -> tuple[list[Any], int]:
        head = self.data[at]
        at += 1
        count = head >> 4
        if count == 15:
            count, at = self.number(at)
        found = []
        for _ in range(count):  # each takes a byte at least
            value, at = self.value(head & 15, at, depth)
            found.append(value)
        return found, at

    def kept(self, fields: dict[int, _Field], *but: int) -> list[tuple[int, int, bytes]]:
        return [(number, f.kind, self.data[f.begin : f.end]) for number, f in fields.items() if number not in but]


def _integer(fields: dict[int, _Field], number: int) -> int:
    field = fields.get(number)
    if field is None or field.kind not in _INTEGERS:
        raise FooterError(f"no number where field {number} should be")
    return int(field.value)


def _structures(fields: dict[int, _Field], number: int) -> list[dict[int, _Field]]:
    field = fields.get(number)
    if field is None or field.kind != _LIST or not all(isinstance(item, dict) for item in field.value):
        raise FooterError(f"no list of structures where field {number} should be")
    return list(field.value)


def tail(end: bytes) -> int:
    """Return the length of a footer from the last eight bytes of a file."""
    if len(end) != 8 or end[4:] != MAGIC:
        raise FooterError("no Parquet file, or one whose footer is encrypted")
    return int.from_bytes(end[:4], "little")


def parse(data: bytes) -> Footer:
    """Return what a footer says.

    Raises
    ------
    FooterError
        It is broken, or its column chunks are not all there is: they have indexes, Bloom filters, keys or files of their own.
    """
    reader = _Reader(data)
    try:
        top, _ = reader.structure(0)
    except IndexError:
        raise FooterError("it ends in the middle of a value") from None
    groups = [_group(reader, fields) for fields in _structures(top, _FILE_GROUPS)]
    return Footer(groups, reader.kept(top, _FILE_ROWS, _FILE_GROUPS))


def _group(reader: _Reader, fields: dict[int, _Field]) -> Group:
    return Group(_integer(fields, _GROUP_ROWS), [_chunk(reader, chunk) for chunk in _structures(fields, _GROUP_COLUMNS)])


def _chunk(reader: _Reader, fields: dict[int, _Field]) -> Chunk:
    if set(fields) - {_CHUNK_OFFSET, _CHUNK_META} or fields.get(_CHUNK_META, _NOTHING).kind != _STRUCT:
        raise FooterError("a column chunk with an index, a key or a file of its own")
    meta: dict[int, _Field] = fields[_CHUNK_META].value
    places = {_META_UNCOMPRESSED, _META_COMPRESSED, _META_DATA_PAGE, _META_DICTIONARY_PAGE}
    if strange := set(meta) - places - _META_HARMLESS:
        raise FooterError(f"a column chunk with the fields {sorted(strange)}")
    begin = _integer(meta, _META_DATA_PAGE)
    if _META_DICTIONARY_PAGE in meta:
        begin = min(begin, _integer(meta, _META_DICTIONARY_PAGE))
    length, size = _integer(meta, _META_COMPRESSED), _integer(meta, _META_UNCOMPRESSED)
    if begin < len(MAGIC) or length < 0 or size < 0:
        raise FooterError("a column chunk that is nowhere")
    return Chunk(begin, length, size, reader.kept(meta))


# writing


def _number(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _signed(value: int) -> bytes:
    return _number(value << 1 ^ value >> 63)


def _encoded(fields: Sequence[tuple[int, int, bytes]]) -> bytes:
    out = bytearray()
    before = 0
    for number, kind, value in fields:
        step = number - before
        out += bytes([step << 4 | kind]) if 0 < step < 16 else bytes([kind]) + _signed(number)
        out += value
        before = number
    return bytes(out + b"\0")


def _list_of(items: Sequence[bytes]) -> bytes:
    head = bytes([len(items) << 4 | _STRUCT]) if len(items) < 15 else bytes([0xF0 | _STRUCT]) + _number(len(items))
    return head + b"".join(items)


def write(footer: Footer, places: Sequence[Sequence[int]]) -> bytes:
    """Return the bytes behind the last page of a file, from its footer to its end.

    Parameters
    ----------
    footer : Footer
        Its row groups, with chunks from anywhere.
    places : sequence of sequence of int
        Where the pages of each chunk are now.
    """
    groups = [_group_bytes(group, offsets) for group, offsets in zip(footer.groups, places, strict=True)]
    rows = sum(group.rows for group in footer.groups)
    own = [(_FILE_ROWS, _I64, _signed(rows)), (_FILE_GROUPS, _LIST, _list_of(groups))]
    data = _encoded(sorted([*footer.rest, *own]))
    return data + len(data).to_bytes(4, "little") + MAGIC


def _group_bytes(group: Group, offsets: Sequence[int]) -> bytes:
    chunks = [_chunk_bytes(chunk, offset - chunk.offset) for chunk, offset in zip(group.chunks, offsets, strict=True)]
    fields = [
        (_GROUP_COLUMNS, _LIST, _list_of(chunks)),
        (_GROUP_BYTES, _I64, _signed(sum(chunk.size for chunk in group.chunks))),
        (_GROUP_ROWS, _I64, _signed(group.rows)),
        (_GROUP_OFFSET, _I64, _signed(min(offsets, default=0))),
        (_GROUP_COMPRESSED, _I64, _signed(sum(chunk.length for chunk in group.chunks))),
    ]
    return _encoded(fields)


def _chunk_bytes(chunk: Chunk, distance: int) -> bytes:
    moved = {_META_DATA_PAGE, _META_DICTIONARY_PAGE}
    about = [(n, k, _signed(_Reader(v).integer(0)[0] + distance) if n in moved else v) for n, k, v in chunk.about]
    return _encoded([(_CHUNK_OFFSET, _I64, _signed(0)), (_CHUNK_META, _STRUCT, _encoded(about))])
