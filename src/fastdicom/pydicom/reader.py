"""dcmread as pydicom's, over elements that are made when touched."""

from __future__ import annotations

import os
from functools import partial

import pydicom.uid
from pydicom import config
from pydicom.charset import default_encoding
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.filereader import dcmread as _pydicom_dcmread
from pydicom.misc import size_in_bytes
from pydicom.tag import Tag

from fastdicom._core import Source, read_part10
from fastdicom.errors import DicomError
from fastdicom.pydicom import _lazy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, BinaryIO

__all__ = ["dcmread"]

PIXELS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})


def dcmread(
    fp: str | os.PathLike[str] | BinaryIO,
    defer_size: str | float | None = None,
    stop_before_pixels: bool = False,
    force: bool = False,
    specific_tags: list[Any] | None = None,
    *,
    mmap: bool = True,
) -> FileDataset:
    """Read a DICOM file as ``pydicom.dcmread`` does; elements are made when they are touched.

    Parameters
    ----------
    fp : str, PathLike, file-like or readable buffer
        As in ``pydicom.dcmread``.
    defer_size : int, str or float, optional
        The size above which pydicom reads a value again when it is touched.
    stop_before_pixels : bool
        Leave out the pixel data and what is behind them.
    force : bool
        Read what has no DICM.
    specific_tags : list, optional
        The elements to have, and (0008,0005).
    mmap : bool
        Whether long values may be read from the file when they are touched, which stays open for that. False reads the whole file now,
        as pydicom does: for files that others write to meanwhile.

    Returns
    -------
    pydicom.dataset.FileDataset
    """
    whole = partial(_pydicom_dcmread, fp, defer_size, stop_before_pixels, force, specific_tags)
    if config.debugging or not isinstance(fp, (str, os.PathLike)):
        return whole()
    path = fp if isinstance(fp, str) else fp.__fspath__()
    limit = size_in_bytes(defer_size)
    try:
        found = _read(path, limit, stop_before_pixels, mmap)
    except (DicomError, OSError, ValueError):
        found = None
    if found is None:
        return whole()
    if specific_tags:
        _lazy.only(
            found._dict,  # type: ignore[arg-type]
            {0x00080005, *(Tag(tag) for tag in specific_tags)},
        )
    return found


def _read(path: str, limit: float | None, stop_before_pixels: bool, mmap: bool) -> FileDataset | None:
    source = _lazy.steady(Source.from_path(path, False), mmap)
    has_preamble, meta_start, meta_stop, start, implicit, big, deflated, uid, guessed = read_part10(source)
    if not has_preamble or deflated or guessed or meta_stop != start or meta_start != 132 or not uid or start >= source.size:
        return None
    if uid in pydicom.uid.PrivateTransferSyntaxes:
        return None
    preamble = bytes(source.read(0, 128))
    meta = _lazy.open_elements(source, meta_start, meta_stop, False, False, frozenset(), None, None, default_encoding)
    if meta is None:
        return None
    file_meta = FileMetaDataset(dict(meta.items()))
    file_meta.set_original_encoding(False, True, default_encoding)
    file_meta[min(file_meta.keys())]  # which pydicom's reader converts, too
    if "FileMetaInformationGroupLength" in file_meta and file_meta.FileMetaInformationGroupLength != meta_stop - meta_start - 12:
        return None
    transfer_syntax = file_meta.get("TransferSyntaxUID")
    expected = (transfer_syntax == pydicom.uid.ImplicitVRLittleEndian, transfer_syntax == pydicom.uid.ExplicitVRBigEndian)
    if expected != (implicit, big):
        return None
    reread = partial(_pydicom_dcmread, path, limit, stop_before_pixels, True)
    before = PIXELS if stop_before_pixels else frozenset()
    elements = _lazy.open_elements(source, start, source.size, implicit, big, before, limit, reread, default_encoding)
    if elements is None:
        return None
    made = FileDataset(path, elements, preamble, file_meta, implicit, not big)
    made.set_original_encoding(implicit, not big, made._character_set)
    return made
