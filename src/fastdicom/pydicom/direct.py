"""`Dataset.pixel_array` of pydicom 3.0 without its runner, where everything is plain: the same array, and half of the time of small ones.

Whatever is unusual, wrong or worth a warning is left to pydicom: nothing here raises or says what pydicom would not.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from struct import Struct, unpack_from
from typing import Any, NamedTuple

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileDataset
from pydicom.pixels.common import PhotometricInterpretation
from pydicom.tag import Tag

from fastdicom._core import Source
from fastdicom.codecs.base import FrameInfo
from fastdicom.pixels._frames import FrameIndex
from fastdicom.pydicom._lazy import Elements, untouched
from fastdicom.pydicom._values import finished
from fastdicom.pydicom.convert import from_pydicom
from fastdicom.pydicom.frames import YBR, Piece, encoded, fill, streams_of
from fastdicom.reader import read_source

TYPE_CHECKING = False
if TYPE_CHECKING:
    import numpy.typing as npt

    from fastdicom.codecs.base import StreamHeader

    Array = npt.NDArray[Any]

__all__ = ["array_of", "array_of_file", "quick_ids"]

_PLAIN = (Dataset, FileDataset)
_KNOWN = frozenset(str(each.value) for each in PhotometricInterpretation)
# Samples per Pixel, Rows, Columns, Bits Allocated, Bits Stored, Pixel Representation
_NUMBERS = tuple(map(Tag, (0x00280002, 0x00280010, 0x00280011, 0x00280100, 0x00280101, 0x00280103)))
_PHOTOMETRIC, _PLANAR, _FRAMES, _PIXELS = Tag(0x00280004), Tag(0x00280006), Tag(0x00280008), Tag(0x7FE00010)
_STORED = frozenset(map(Tag, (0x7FE00008, 0x7FE00009, 0x7FE00010)))
# Extended Offset Table, Float and Double Float Pixel Data
_OTHERS = tuple(map(Tag, (0x7FE00001, 0x7FE00008, 0x7FE00009)))
_KINDS = {"frame": "fragment", "any": "markers"}  # as in `pixels.stored`; no videos
_COUNT = re.compile(rb" *[0-9]{1,9} *")
_MANY = 64  # frames of a file from which it is better to go by its offset table, as pydicom does, than to look at every fragment
_RGB_IDS = ((82, 71, 66), (114, 103, 98))
_ITEM, _ITEM_TAG, _DELIMITER = Struct("<II"), 0xE000FFFE, (0xE0DDFFFE, 0)  # the two halves of a tag as one number


def _value(ds: Any, tag: Any) -> Any:
    element = ds._dict.get(tag)
    if element is None or type(element) is DataElement:
        return None if element is None else element.value
    return ds[tag].value


def array_of(ds: Any, index: Any, raw: bool, is_ours: Callable[[str], bool]) -> Array | None:
    """The pixels of a data set, decoded straight into the array; None where pydicom's own way must be taken.

    Parameters
    ----------
    ds : pydicom.dataset.Dataset
        The data set.
    index : int or None
        The frame.
    raw : bool
        Whether colour stays as it is stored.
    is_ours : callable
        Whether frames of a transfer syntax are decoded here.
    """
    if type(ds) not in _PLAIN or (index is not None and (type(index) is not int or index < 0)):
        return None
    meta = getattr(ds, "file_meta", None)
    uid = None if meta is None else meta.get("TransferSyntaxUID")
    if not uid or not is_ours(uid):
        return None
    if any(ds._dict.get(tag) is not None for tag in _OTHERS):
        return None
    numbers = [_value(ds, tag) for tag in _NUMBERS]
    count = 1 if ds._dict.get(_FRAMES) is None else _value(ds, _FRAMES)
    described = _described(str(uid), numbers, _value(ds, _PLANAR), _value(ds, _PHOTOMETRIC), count)
    src = _value(ds, _PIXELS)
    if described is None or type(src) is not bytes:
        return None
    size = described.streams.info.frame_size * count
    if len(src) in (size, size + size % 2):  # pydicom warns: they may be uncompressed
        return None
    frames: list[Any] | None = _side_by_side(src, int(count)) if index is None else None
    if frames is None:
        frames = encoded(src, index, int(count))
    return None if frames is None else _array(described, frames, index, raw)


def array_of_file(src: Any, index: Any, raw: bool, is_ours: Callable[[str], bool]) -> Array | None:
    """The same of a file, or of one frame of a data set that our reader gave and nobody changed: only that frame is read.

    Parameters
    ----------
    src : str, PathLike or pydicom.dataset.FileDataset
        The file.
    index, raw, is_ours
        As in `array_of`.
    """
    if index is not None and (type(index) is not int or index < 0):
        return None
    is_path = isinstance(src, (str, os.PathLike))
    if not is_path and (index is None or type(src) is not FileDataset or untouched(src._dict) is None):
        return None
    with _quiet(src) if is_path else from_pydicom(src) as own:
        source = own.source
        source.quiet = True
        syntax = own.transfer_syntax
        kind = _KINDS.get(syntax.fragments)
        count = own.get("NumberOfFrames", 1)
        if kind is None or not is_ours(syntax.uid) or type(count) is not int or not _is_plain_count(own.get(_FRAMES)):
            return None
        if index is not None and (index >= count or (is_path and count > _MANY)):
            return None
        if _PIXELS not in own or any(tag in own for tag in _OTHERS):  # these are looked for behind the fragments, too
            return None
        numbers = list(own.numbers(_NUMBERS))
        planar = own.get("PlanarConfiguration")
        described = _described(syntax.uid, numbers, planar, own.get("PhotometricInterpretation"), count)
        element = own[_PIXELS]
        if described is None or not element.is_encapsulated or element.is_truncated:
            return None
        frames = FrameIndex(element, count, kind, None)
        if frames.notes or frames.is_cut or len(frames) != count or source.has_notes:
            return None
        return _array(described, [frames.read(n) for n in (range(count) if index is None else (index,))], index, raw)


def _quiet(path: Any) -> Any:
    """A data set of which nothing is said: whatever there is to be said, pydicom is asked instead, and may see nothing in it."""
    source = Source.from_path(path)
    source.quiet = True
    return read_source(source)


def _is_plain_count(element: Any) -> bool:
    """Whether Number of Frames is written as pydicom takes it without a word: "1.0" is a number to us, too."""
    return element is None or (element.VR == "IS" and _COUNT.fullmatch(bytes(element.raw)) is not None)


def _side_by_side(src: bytes, count: int) -> list[memoryview] | None:
    """The encoded frames without a copy, where each is one fragment, and the offset table says so or is empty; else None."""
    header, end, view = _ITEM.unpack_from, len(src), memoryview(src)
    tag, size = header(src) if end >= 8 else (0, 0)
    if tag != _ITEM_TAG or size not in (0, 4 * count) or end < 8 + size:
        return None
    table, at, first = unpack_from(f"<{size // 4}I", src, 8), 8 + size, 8 + size
    frames: list[memoryview] = []
    while end - at >= 8 and len(frames) < count:
        tag, length = header(src, at)
        if tag != _ITEM_TAG or length > end - at - 8 or (size and table[len(frames)] != at - first):
            return None
        frames.append(view[at + 8 : at + 8 + length])
        at += 8 + length
    if end - at == 8 and header(src, at) == _DELIMITER:
        at += 8
    return frames if at == end and len(frames) == count else None


class _Described(NamedTuple):
    """What the elements of a data set say, when all of them are as pydicom wants them."""

    streams: Any
    photometric: str
    frames: int


def _described(uid: str, numbers: list[Any], planar: Any, photometric: Any, count: Any) -> _Described | None:
    described = (*numbers, planar if numbers[0] == 3 else 0)
    if any(type(number) is not int for number in described) or not _is_plain(*described):
        return None
    if not isinstance(count, int) or count < 1 or type(photometric) is not str or photometric not in _KNOWN:
        return None
    return _Described(streams_of((uid, *described), lambda: _info(uid, photometric, *described)), photometric, int(count))


def _array(described: _Described, frames: list[Any], index: int | None, raw: bool) -> Array | None:
    pieces = _pieces(described.streams, frames, described.photometric, raw)
    if pieces is None:
        return None
    array = fill(described.streams, pieces, index or 0)
    shape = described.streams.info.shape
    return array.reshape(shape if index is not None or described.frames == 1 else (described.frames, *shape))


def _is_plain(samples: int, rows: int, columns: int, allocated: int, stored: int, sign: int, planar: int) -> bool:
    is_shape = samples in (1, 3) and 0 < rows < 65536 and 0 < columns < 65536
    return is_shape and allocated in (8, 16, 32) and 0 < stored <= allocated and sign in (0, 1) and planar in (0, 1)


def _info(
    uid: str, photometric: str, samples: int, rows: int, columns: int, allocated: int, stored: int, sign: int, planar: int
) -> FrameInfo:
    return FrameInfo(rows, columns, samples, allocated, stored, stored - 1, sign, photometric, planar, uid)


def _pieces(streams: Any, frames: list[Any], photometric: str, raw: bool) -> list[Piece] | None:
    """The frames and what is done with them; None where there is something to be said."""
    pieces, last, plan = [], streams, None
    for frame in frames:
        src = frame if type(frame) is memoryview else memoryview(frame)
        header = streams.header(src)
        if plan is None or header is not last:
            last = header
            reading = streams.reading(header, photometric)
            if reading.notes or _is_conformed(header, photometric):
                return None
            plan = reading.plan
            if not raw:
                if reading.problem is not None or (reading.colour in YBR and reading.to_rgb is None):
                    return None
                plan = reading.to_rgb or plan
        pieces.append(Piece(src, plan))
    return pieces


def _is_conformed(header: StreamHeader | None, photometric: str) -> bool:
    """Whether pydicom says that the markers of JPEG contradict Photometric Interpretation."""
    if header is None or header.components != 3 or header.format not in ("jpeg", "jpeg-ls"):
        return False
    return (header.ids in _RGB_IDS and photometric != "RGB") or (header.jfif and "YBR" not in photometric)


def _finish(ds: Any, tag: Any, raw: Any) -> Any:
    """The element of a tag as ``ds[tag]`` gives and keeps it, without pydicom's own conversion where that is plain."""
    made = finished(raw)
    if made is None:
        return ds[tag]
    if tag in _STORED:  # as its `__setitem__` does
        ds._pixel_array, ds._pixel_id = None, {}
    ds._dict[tag] = made
    return made


def quick_ids(before: Callable[[Any], dict[str, int]]) -> Callable[[Any], dict[str, int]]:
    """``get_image_pixel_ids`` of pydicom, which `Dataset.pixel_array` asks twice, with fewer look-ups; the same answer."""
    tags = [(keyword, Tag(keyword)) for keyword in before(Dataset())]
    nothing = id(None)

    def get_image_pixel_ids(ds: Any) -> dict[str, int]:
        if type(ds) not in _PLAIN:
            return before(ds)
        store: Any = ds._dict
        is_lazy, ids = type(store) is Elements, {}
        for keyword, tag in tags:
            if is_lazy and tag in store:
                element = store[tag]  # finished, where `get` gives it as it is in the file
            else:
                element = store.get(tag)
            if element is None:
                ids[keyword] = nothing
                continue
            if type(element) is not DataElement:
                element = _finish(ds, tag, element)
            ids[keyword] = id(element.value)
        return ids

    return get_image_pixel_ids
