"""Members of zip and tar archives as rows, without unpacking: of each member its head is read, and more where the head goes on.

Nothing is written, and a member's name is text in the table, never a path that is opened. What an archive declares of
itself allocates nothing.
"""

from __future__ import annotations

import bz2
import gzip
import os
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import IO, BinaryIO, Final, Protocol

from fastdicom.scan import _scan

__all__ = ["SUFFIXES", "is_archive", "unread", "visit"]

_TARS: Final = {".tar": None, ".tar.gz": gzip.open, ".tgz": gzip.open, ".tar.bz2": bz2.open, ".tbz2": bz2.open}

#: How names of archives end; case does not matter.
SUFFIXES: Final = (".zip", *_TARS)

_HEAD: Final = 16384  # the first read of a member
_STEP: Final = 65536  # bytes skipped at once
_KEPT: Final = 32 << 20  # of a member in memory: the longest value of a column is half of it
_INFLATED: Final = 1 << 29  # how far into a compressed member the wanted elements may lie; as in dcmread
_ROUNDS: Final = 1000  # how often a member may need more
_HEADER: Final = 1 << 20  # a tar header with its extensions
_BOMB_FROM, _BOMB_RATIO = 1 << 30, 200  # a compressed tar that is larger than this and than so many times its file
_ZIP_METHODS: Final = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2}

_ESCAPED: Final = re.compile(rb"\\x([0-9A-F]{2})")

# What the standard library raises over archives that are broken on purpose or by accident.
_BROKEN: Final = (
    OSError,
    EOFError,
    ValueError,
    RuntimeError,
    ArithmeticError,
    LookupError,
    struct.error,
    zlib.error,
    zipfile.BadZipFile,
    tarfile.TarError,
)


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _File(_Readable, Protocol):
    def seek(self, offset: int, /) -> int: ...


def is_archive(name: str) -> bool:
    """Does the name end as that of an archive which is read?"""
    return name.lower().endswith(SUFFIXES)


def unread(batch: _scan.Batch) -> Iterator[bytes]:
    """The archives among the files of a batch: what has the name of one and could not be read as DICOM."""
    errors = batch.column("error")
    for path, error in zip(batch.column("path"), errors, strict=True):
        if error is None or not isinstance(path, str) or not is_archive(path):
            continue
        name = os.fsencode(path)
        if not os.path.isfile(name):  # bytes that are no UTF-8 stand in the table as \xNN
            name = _ESCAPED.sub(lambda match: bytes([int(match[1], 16)]), name)
        if os.path.isfile(name):
            yield name


def visit(scanner: _scan.Scanner, path: bytes) -> Iterator[_scan.Batch | None]:
    """Visit the members of an archive; yields batches as they fill up, and None now and then. The last rows stay in the scanner."""
    size = mtime = None
    try:
        with open(path, "rb") as file:
            facts = os.fstat(file.fileno())
            size, mtime = facts.st_size, facts.st_mtime_ns // 1000
            members = _zip(scanner, path, file) if path.lower().endswith(b".zip") else _tar(scanner, path, file)
            for _ in members:
                yield scanner.take() if scanner.full else None
    except _BROKEN as error:
        scanner.fail(path, _words(error), size, mtime)
    if scanner.full:
        yield scanner.take()


def _words(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"broken archive: {error}" if str(error) else f"broken archive ({type(error).__name__})"


def _member_path(archive: bytes, name: str) -> bytes:
    return archive + b"/" + name.encode("utf-8", "surrogateescape" if not _has_other_surrogates(name) else "replace")


def _has_other_surrogates(name: str) -> bool:
    return any("\ud800" <= char <= "\udfff" and not "\udc80" <= char <= "\udcff" for char in name) if not name.isascii() else False


# zip


def _zip(scanner: _scan.Scanner, archive: bytes, file: BinaryIO) -> Iterator[None]:
    with zipfile.ZipFile(file) as opened:
        for info in opened.infolist():
            if info.is_dir():
                continue
            path, size, mtime = _member_path(archive, info.filename), info.file_size, _zip_time(info)
            if info.flag_bits & 1:
                scanner.fail(path, "the member is encrypted", size, mtime)
            elif info.compress_type not in _ZIP_METHODS:
                scanner.fail(path, f"compression method {info.compress_type} is not read (stored, deflated and bzip2 are)", size, mtime)
            else:
                _visit_zip_member(scanner, opened, info, path, mtime)
            yield


def _visit_zip_member(scanner: _scan.Scanner, opened: zipfile.ZipFile, info: zipfile.ZipInfo, path: bytes, mtime: int | None) -> None:
    try:
        member: IO[bytes] = opened.open(info)
    except _BROKEN as error:
        scanner.fail(path, _words(error), info.file_size, mtime)
        return
    with member:
        _visit_stream(scanner, path, member, info.file_size, mtime)


def _zip_time(info: zipfile.ZipInfo) -> int | None:
    """The member's time, which is without a zone, as if it were UTC."""
    try:
        return int(datetime(*info.date_time, tzinfo=UTC).timestamp()) * 1_000_000
    except ValueError:  # month 0, second 62: nobody set it
        return None


# tar


class _Guarded:
    """A tar file as `tarfile` may read it: no header allocates by what it declares, and a compressed one ends somewhere.

    `tarfile` steps back by a byte before each header. That byte is kept: a compressed file cannot step back.
    """

    def __init__(self, data: _File, raw: BinaryIO) -> None:
        self._data = data
        self._compressed = data is not raw
        self._size = os.fstat(raw.fileno()).st_size
        self._at = self._end = 0  # where the next read begins, and where the file stands
        self.last = b""  # what was read last: the end of the archive, or what stands in its place

    def read(self, size: int = -1, /) -> bytes:
        if not 0 <= size <= _HEADER:
            raise tarfile.ReadError(f"a header of {size} bytes (up to {_HEADER} are read)")
        behind = self._end - self._at
        data = self.last[len(self.last) - behind :][:size] if behind else b""
        if len(data) < size:
            more = self._data.read(size - len(data))
            self._end += len(more)
            data += more
        self._at += len(data)
        if self._at == self._end:
            self.last = data
        return data

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, /) -> int:
        if self._end - len(self.last) <= offset <= self._end:
            self._at = offset
        elif not self._compressed:
            self._at = self._end = self._data.seek(min(offset, self._size))
            self.last = b""
        elif offset < self._end:
            raise tarfile.ReadError("its headers lead backwards")
        else:
            self._pass(offset)
        return self._at

    def _pass(self, offset: int) -> None:
        while self._end < offset:
            if self._end > max(_BOMB_FROM, _BOMB_RATIO * self._size):
                raise tarfile.ReadError(f"it inflates to more than {_BOMB_RATIO} times its size")
            self.last = self._data.read(min(_STEP, offset - self._end))
            if not self.last:
                break
            self._end += len(self.last)
        self._at = self._end


def _tar(scanner: _scan.Scanner, archive: bytes, file: BinaryIO) -> Iterator[None]:
    name = archive.lower().decode("latin-1")
    opener = next(opener for suffix, opener in _TARS.items() if name.endswith(suffix))
    data: _File = file if opener is None else opener(file, "rb")
    guarded = _Guarded(data, file)
    with tarfile.open(fileobj=guarded, mode="r:", errors="surrogateescape", encoding="utf-8") as opened:  # type: ignore[call-overload]
        while (info := opened.next()) is not None:
            opened.members = []  # it would keep them all
            if info.isfile():
                path, mtime = _member_path(archive, info.name), _tar_time(info)
                member = opened.extractfile(info)
                if member is not None:
                    with member:
                        _visit_stream(scanner, path, member, info.size, mtime)
            yield
        if guarded.last.strip(b"\0"):  # tarfile takes what is no header for the end
            raise tarfile.ReadError(f"no header where one was expected, at 0x{opened.offset:X}")


def _tar_time(info: tarfile.TarInfo) -> int | None:
    try:
        mtime = int(info.mtime * 1_000_000)
    except (ValueError, OverflowError):  # PAX writes decimals: nan and inf
        return None
    return mtime if abs(mtime) < 1 << 62 else None


# a member


def _visit_stream(scanner: _scan.Scanner, path: bytes, stream: _Readable, size: int, mtime: int | None) -> None:
    """A row of what can be read forward only. Bytes that are passed over are kept, up to a limit: values are asked for later."""
    pieces: list[tuple[int, bytes]] = []
    at = kept = 0
    step = _HEAD
    try:
        for _ in range(_ROUNDS):
            need = scanner.visit(path, size, mtime, pieces)
            if need is None:
                return
            start, end = need
            if start < at:
                break
            if end > _INFLATED:
                scanner.fail(path, f"what is wanted lies behind the first {_INFLATED} bytes of the member", size, mtime)
                return
            if start - at + kept <= _KEPT:
                start = at
            else:
                at = _skip(stream, at, start)
            data = _read(stream, min(max(end, start + step), size) - start) if at == start else b""
            if at + len(data) < end:  # it is shorter than the archive says
                size = at + len(data)
            _append(pieces, start, data)
            at += len(data)
            kept += len(data)
            if at == size:
                stream.read(1)  # zip members have their checksum compared at the end
            step = min(2 * step, 1 << 20)
            if kept > _KEPT:
                break
    except _BROKEN as error:
        scanner.fail(path, _words(error), size, mtime)
        return
    scanner.fail(path, "the wanted elements lie too far apart in the member", size, mtime)


def _skip(stream: _Readable, at: int, to: int) -> int:
    while at < to:
        data = stream.read(min(_STEP, to - at))
        if not data:
            break
        at += len(data)
    return at


def _read(stream: _Readable, n: int) -> bytes:
    parts = []
    while n > 0 and (data := stream.read(min(n, _STEP))):
        parts.append(data)
        n -= len(data)
    return b"".join(parts)


def _append(pieces: list[tuple[int, bytes]], at: int, data: bytes) -> None:
    if pieces and pieces[-1][0] + len(pieces[-1][1]) == at:
        start, before = pieces[-1]
        pieces[-1] = (start, before + data)
    else:
        pieces.append((at, data))
