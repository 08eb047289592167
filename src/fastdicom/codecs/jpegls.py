"""JPEG-LS (ITU T.87; PS3.5 A.4.3) by CharLS, through imagecodecs."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

import imagecodecs
import numpy as np

from fastdicom.codecs import _native
from fastdicom.codecs._imagecodecs import called, described, ended, fill
from fastdicom.codecs.base import Decoded
from fastdicom.errors import DecodeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fastdicom.codecs.base import FrameInfo, StreamHeader

__all__ = ["PARTIAL", "decode"]

PARTIAL = True  # what ends too early gives the rows before
# CharLS 1, which is in DCMTK and GDCM; CharLS 2 and the libjpeg of ISO/IEC 18477 agree with each other, and not with it
_UNLIKE = "near-lossless streams of fewer than 8 bits that DCMTK or GDCM made are not as ITU T.87 has them: decoder='gdcm' reads those"
_EOI = b"\xff\xd9"
_charls: Any = imagecodecs.jpegls_decode  # takes every buffer, whatever its stub says


def decode(src: memoryview, info: FrameInfo, out: memoryview, /) -> Decoded:
    """Decode one frame; see `codecs.base.Decoder`. CharLS itself refuses coded data that end early."""
    global _last  # noqa: PLW0603  # what was found out last, and nothing that changes an answer
    how = _last
    if how is None or how.info is not info or info.stream is None:
        how = _last = _how(info, described(src, info, "jpeg-ls"))
    info, stream = how.described, how.stream
    try:
        ended(src)
    except DecodeError:
        if not info.partial:
            raise
        return Decoded(stream.rows, stream.columns, stream.components, whole_rows=_before_the_cut(src, info, out))
    try:
        if how.planes:
            _planes(src, info, out)
        else:
            fill(_charls, src, info, out, dtype=how.dtype)
    except DecodeError as error:
        if not stream.near or stream.precision[0] >= 8:
            raise
        raise DecodeError(f"{error.reason}; {_UNLIKE}") from error
    return how.answer


class _How(NamedTuple):
    """How the frames of one description are decoded."""

    info: FrameInfo
    described: FrameInfo
    stream: StreamHeader
    dtype: str
    planes: bool  # T.87 C.2.3: a scan a component
    answer: Decoded


_last: _How | None = None  # replaced whole, so that threads do not mind


def _how(info: FrameInfo, told: FrameInfo) -> _How:
    stream = told.stream
    assert stream is not None
    planes = stream.components > 1 and stream.interleave == 0
    answer = Decoded(stream.rows, stream.columns, stream.components, stream.precision[0])
    return _How(info, told, stream, stream.dtype, planes, answer)


def _planes(src: memoryview, info: FrameInfo, out: memoryview) -> None:
    stream = info.stream
    assert stream is not None
    planes = np.empty((stream.components, stream.rows, stream.columns), stream.dtype)
    called(partial(_charls, src, out=planes))
    _interleaved(planes, info, out)


def _interleaved(planes: Any, info: FrameInfo, out: memoryview) -> None:
    stream = info.stream
    assert stream is not None
    if planes.itemsize == info.itemsize and stream.components == info.samples_per_pixel and planes.nbytes == len(out):
        _native.interleave(planes.view(np.uint8).reshape(-1), out, planes.itemsize, stream.components)
    else:
        fill(lambda _, out: np.moveaxis(planes, 0, -1), memoryview(b""), info, out)  # noqa: ARG005


def _before_the_cut(src: memoryview, info: FrameInfo, out: memoryview) -> int:
    """Decode the rows that a stream has which ends too early, and tell how many they are.

    CharLS writes row by row and gives up where there are no more bits. Which rows it wrote, and which of these needs a bit that was
    not there, three answers tell, with other bits behind the end, of which already the first one differs. Each is written over the
    inverse of the one before, so that the last two are the same only where both of them were written.
    """
    stream = info.stream
    assert stream is not None
    there = bytes(src).rstrip(b"\0").rstrip(b"\xff")  # padding; and half a marker or a byte whose successor is half stuffed
    shape = (stream.rows, stream.columns) if stream.components == 1 else (stream.rows, stream.columns, stream.components)
    axis = 0
    if stream.components > 1 and stream.interleave == 0:
        shape, axis = (stream.components, stream.rows, stream.columns), 1
    last = np.full((int(np.prod(shape)), stream.itemsize), 0xFF, np.uint8).view(stream.dtype).reshape(shape)
    other = last
    for more in (b"\0" * 8, b"\xfe" * 8, b"\0" * 8):
        other, last = last, ~last
        with suppress(DecodeError):  # that it gives up is what is expected
            called(partial(_charls, there + more + _EOI, out=last))
    same = (last == other).all(axis=tuple(each for each in range(len(shape)) if each != axis))
    whole = int(np.argmin(same)) if not same.all() else stream.rows
    if axis:
        _interleaved(last, info, out)
    else:
        fill(lambda _, out: last, src, info, out)  # noqa: ARG005
    return whole
