"""dcmread: from a path, bytes or a file object to a Dataset."""

from __future__ import annotations

import io
import os
import stat
import zlib
from mmap import mmap as map_type

from fastdicom import _core
from fastdicom.dataset import Dataset, _Head
from fastdicom.errors import LimitError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO
    from zlib import _Decompress as Inflater

__all__ = ["dcmread"]

INFLATED_LIMIT = 1 << 29
STEP = 1 << 20


def dcmread(
    source: str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO,
    *,
    force: bool = False,
    mmap: bool = True,
    max_depth: int = 64,
    max_inflated: int = INFLATED_LIMIT,
) -> Dataset:
    """Open a DICOM file: read its head, index its top level, decode nothing.

    Parameters
    ----------
    source : str, PathLike, bytes-like or binary file object
        A path is read lazily: its head now, values behind the head when touched. An ordinary open file at its beginning
        is treated as its path would be; other file objects, seekable or not, are read to their end.
    force : bool
        Read what has neither DICM nor group 0002 as a bare data set, whose encoding the first element tells.
    mmap : bool
        Whether long values may be views on a map of the file. False for files that others may truncate meanwhile (network
        shares): values are then copied when touched.
    max_depth : int
        How deep sequences may be nested before touching one raises LimitError.
    max_inflated : int
        How many bytes a deflated data set (PS3.5 A.5) may inflate to before LimitError is raised.

    Returns
    -------
    Dataset

    Raises
    ------
    NotDicomError
        No DICM, no group 0002, and ``force`` is false.
    LimitError
        A deflated data set is larger than ``max_inflated``.
    OSError
        What the operating system says of the path.
    """
    return read_source(_source_of(source, mmap), force, max_depth, max_inflated)


def read_source(opened: _core.Source, force: bool = False, max_depth: int = 64, max_inflated: int = INFLATED_LIMIT) -> Dataset:
    """The same of a source that is open."""
    has_preamble, meta_start, meta_stop, start, implicit, big, deflated, uid, guessed = _core.read_part10(opened, force)
    dataset = Dataset.__new__(Dataset)
    if deflated and start < opened.size:
        data = _inflate(opened, start, max_inflated)
        if data is not None:
            inflated = _core.Source.from_buffer(data, opened.path)
            inflated.quiet = opened.quiet
            dataset._open(inflated, 0, len(data), implicit, big, max_depth=max_depth)
            dataset._attach(_Head(opened, opened.path, has_preamble, meta_start, meta_stop, uid))
            return dataset
    dataset._open(opened, start, opened.size, implicit, big, max_depth=max_depth, quiet=guessed)
    dataset._attach(_Head(opened, opened.path, has_preamble, meta_start, meta_stop, uid))
    return dataset


def _source_of(source: object, mmap: bool) -> _core.Source:
    if isinstance(source, (str, os.PathLike)):
        return _core.Source.from_path(source, mmap)
    if isinstance(source, _core.DataElement):  # it has a read(), which gives its value every time
        raise TypeError("dcmread takes a path, bytes or a binary file object, not a DataElement; the bytes of its value are element.raw")
    read = getattr(source, "read", None)
    if read is None or isinstance(source, memoryview):
        try:
            view = memoryview(source)  # type: ignore[arg-type]
        except TypeError:
            raise TypeError(f"dcmread takes a path, bytes or a binary file object, not {type(source).__name__}") from None
        return _core.Source.from_buffer(view if view.c_contiguous else bytes(view))
    name = getattr(source, "name", None)
    path = name if isinstance(name, (str, bytes)) else None
    if isinstance(source, map_type):
        return _core.Source.from_buffer(memoryview(source)[source.tell() :])
    if _is_plain_file(source):
        return _core.Source.from_descriptor(source.fileno(), path, mmap)  # type: ignore[attr-defined]
    return _core.Source.from_buffer(_read_all(source), path)


def _read_all(source: object) -> bytes:
    """What is left of a file object. Some streams give less than everything at once."""
    if isinstance(source, io.TextIOBase):
        raise TypeError(f"dcmread needs a binary file object, not {type(source).__name__}: open it with mode 'rb'")
    parts: list[bytes] = []
    while True:
        part = source.read()  # type: ignore[attr-defined]
        if not isinstance(part, (bytes, bytearray, memoryview)):
            raise TypeError(f"dcmread needs a binary file object: read() gave {type(part).__name__}")
        if not part:
            return parts[0] if len(parts) == 1 else b"".join(parts)
        parts.append(bytes(part))


def _is_plain_file(source: object) -> bool:
    """A regular file of the operating system, at its beginning: its descriptor serves as its path would."""
    if not isinstance(source, (io.FileIO, io.BufferedReader, io.BufferedRandom)):
        return False
    if isinstance(source, (io.BufferedReader, io.BufferedRandom)) and not isinstance(source.raw, io.FileIO):
        return False
    if isinstance(source, io.BufferedRandom):
        source.flush()
    return stat.S_ISREG(os.fstat(source.fileno()).st_mode) and source.tell() == 0


def _inflate(opened: _core.Source, start: int, limit: int) -> bytes | None:
    """The data set of a deflated file (PS3.5 A.5); None when it is not deflated after all.

    What could be inflated of a broken stream is kept, with a warning. Memory grows with what comes out, up to the limit.
    """
    data, problem = _inflate_as(opened, start, limit, -zlib.MAX_WBITS)
    if problem and not data:
        data, zlib_problem = _inflate_as(opened, start, limit, zlib.MAX_WBITS)
        if not data:
            opened.warn(f"at 0x{start:X}: the transfer syntax says deflated, the data set is not: read as it is", "not deflated")
            return None
        problem = zlib_problem
        opened.warn(f"at 0x{start:X}: a zlib header (RFC 1950) before the deflated data set was passed over", "zlib header")
    if problem:
        opened.warn(f"at 0x{start:X}: the deflated data set is broken ({problem}): {len(data)} bytes could be inflated", "inflate")
    return data


def _inflate_as(opened: _core.Source, start: int, limit: int, wbits: int) -> tuple[bytes, str]:
    """What the stream at `start` gives, and what is wrong with it ("": nothing)."""
    stream = zlib.decompressobj(wbits)
    parts = []
    size = 0
    at = start
    problem = ""
    while at < opened.size and not stream.eof and not problem:
        step = bytes(opened.read(at, min(STEP, opened.size - at)))
        at += len(step)
        more = True
        while more and not stream.eof:
            before = stream.copy()
            try:
                part = stream.decompress(step, STEP)
                step = stream.unconsumed_tail
            except zlib.error as error:
                problem = str(error)
                part, step = _up_to_the_fault(before, step), b""
            size += len(part)
            if size > limit:
                where = "" if opened.path is None else f"{os.fsdecode(opened.path)}: "
                raise LimitError(f"{where}the deflated data set is larger than {limit} bytes; max_inflated= allows more")
            parts.append(part)
            more = bool(step) or (len(part) == STEP and not problem)  # of which zlib may hold back some when all is fed
    return b"".join(parts), problem or ("" if stream.eof else "it is cut off")


def _up_to_the_fault(stream: Inflater, data: bytes) -> bytes:
    """What comes out before the byte that breaks the stream: zlib gives nothing of a call that fails."""
    parts = []
    size = 512  # which inflates to half of STEP at most
    while size and data:
        before = stream.copy()
        try:
            parts.append(stream.decompress(data[:size], STEP))
        except zlib.error:
            stream = before
            size //= 2
        else:
            data = data[size:]
    return b"".join(parts)
