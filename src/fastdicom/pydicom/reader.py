"""dcmread as pydicom's, over elements that are made when touched."""

from __future__ import annotations

import io
import logging
import math
import os
import stat
from functools import partial

from pydicom import config
from pydicom.dataset import FileDataset
from pydicom.filereader import dcmread as _pydicom_dcmread
from pydicom.misc import size_in_bytes
from pydicom.tag import Tag

from fastdicom._core import Source
from fastdicom.errors import DicomError
from fastdicom.pydicom import _files, _lazy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, BinaryIO

__all__ = ["dcmread"]

PIXELS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
CHARSET = 0x00080005


def dcmread(
    fp: str | os.PathLike[str] | BinaryIO,
    defer_size: str | float | None = None,
    stop_before_pixels: bool = False,
    force: bool = False,
    specific_tags: list[Any] | None = None,
    *,
    mmap: bool = True,
) -> FileDataset:
    """Read a DICOM file as ``pydicom.dcmread`` does; elements and items are made when they are touched.

    The data set is one of pydicom's own: values, types, positions and what ``save_as`` writes are the same. Those of items are warned of,
    and raise, when they are touched. A file that is not regular (damaged, deflated, without preamble, private transfer syntaxes) is
    read by pydicom itself, and so are file objects other than
    `io.BytesIO` and ordinary files opened for reading at their beginning.

    Parameters
    ----------
    fp : str, PathLike, file-like or readable buffer
        As in ``pydicom.dcmread``.
    defer_size : int, str or float, optional
        The size above which pydicom reads a value again when it is touched.
    stop_before_pixels : bool
        Leave out the pixel data and what stands behind them.
    force : bool
        Read what has no DICM.
    specific_tags : list of (int or str or 2-tuple of int), optional
        The elements to have, besides (0008,0005).
    mmap : bool
        Whether long values of a file above 64 KiB may be read when they are touched; the file stays open for that, and may be removed or
        replaced meanwhile. If its
        size or time change, touching such a value raises. False reads all of it now, as pydicom does.

    Returns
    -------
    pydicom.dataset.FileDataset

    Raises
    ------
    TypeError
        If `fp` is nothing to read from.
    pydicom.errors.InvalidDicomError
        If it is no DICOM file, and `force` is not given. Other errors are pydicom's, too.
    """
    limit = size_in_bytes(defer_size)
    found = None
    is_plain = limit is None or 0 <= limit < 2**63 or limit == math.inf
    if is_plain and not config.debugging and not config.logger.isEnabledFor(logging.DEBUG):  # pydicom tells what it reads
        try:
            found = _read(fp, limit, stop_before_pixels, mmap)
        except (DicomError, OSError, ValueError):  # pydicom says what is wrong
            found = None
    if found is None:
        return _pydicom_dcmread(fp, defer_size, stop_before_pixels, force, specific_tags)
    if specific_tags:
        _lazy.only(found._dict, {CHARSET, *(Tag(tag) for tag in specific_tags)})  # type: ignore[arg-type]
    return found


def dcmread_copied(
    fp: str | os.PathLike[str] | BinaryIO,
    defer_size: str | float | None = None,
    stop_before_pixels: bool = False,
    force: bool = False,
    specific_tags: list[Any] | None = None,
    *,
    mmap: bool = False,
) -> FileDataset:
    """`dcmread` that reads all of a file at once: what ``install(mmap=False)`` puts in pydicom's place."""
    return dcmread(fp, defer_size, stop_before_pixels, force, specific_tags, mmap=mmap)


def _read(fp: object, limit: float | None, stop_before_pixels: bool, mmap: bool) -> FileDataset | None:
    """The data set, or None: pydicom should read it, from where `fp` stands."""
    path: str | None = None
    buffer: io.BytesIO | None = None
    stop_before = PIXELS if stop_before_pixels else None
    if isinstance(fp, (str, os.PathLike)):
        path = fp if isinstance(fp, str) else os.fspath(fp)
        if not isinstance(path, str):
            return None
        source = Source.from_path(path, False)
    elif type(fp) is io.BytesIO and fp.tell() == 0 and not vars(fp):
        buffer = fp
        source = Source.from_buffer(fp.getvalue())
    elif type(fp) is io.BufferedReader and isinstance(fp.raw, io.FileIO) and isinstance(fp.name, str) and fp.tell() == 0:
        if not stat.S_ISREG(os.fstat(fp.fileno()).st_mode):
            return None
        path = fp.name
        source = Source.from_descriptor(fp.fileno(), path, False)
    else:
        return None
    source = _lazy.steady(source, mmap)
    found = _files.open_file(source, path, buffer, stop_before, limit, partial(_again, source, limit, stop_before_pixels))
    if found is not None and not isinstance(fp, (str, os.PathLike)):
        place = _lazy.end_of(found._dict)  # type: ignore[arg-type]
        fp.seek(source.size if place is None else place)
    return found


def _again(source: Source, limit: float | None, stop_before_pixels: bool) -> FileDataset:
    """The same data set by pydicom's own reader, when it turns out later that it is not regular."""
    return _pydicom_dcmread(io.BytesIO(source.read(0, source.size)), limit, stop_before_pixels, True)
