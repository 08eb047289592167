"""JPEG of the DCT processes and 8 bits by libjpeg-turbo through simplejpeg, which tells what libjpeg only warns of."""

from __future__ import annotations

from typing import Any, NamedTuple

import simplejpeg

from fastdicom.codecs import _stream
from fastdicom.codecs.base import Decoded
from fastdicom.errors import DecodeError, UnsupportedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fastdicom.codecs.base import FrameInfo, StreamHeader

__all__ = ["PARTIAL", "declines", "decode"]

PARTIAL = True  # what ends too early gives the rows before

_decode: Any = simplejpeg.decode_jpeg
_DECODED = frozenset((0, 1, 2, 9, 10))  # n of SOFn, as in `codecs.jpeg`
_SEQUENTIAL = frozenset((0, 1))  # by Huffman codes, all of which `_stream.check_jpeg` can read
_RGB_IDS = (82, 71, 66)
_MOST = 1 << 30  # bytes of a frame: simplejpeg counts them in an int
# Warnings that a stream may bring whose blocks are all there: of bytes between segments, and of a missing end marker
_HARMLESS = ("extraneous bytes", "Premature end of JPEG file")
_RGB = Decoded(photometric_interpretation="RGB")


def decode(src: memoryview, info: FrameInfo, out: memoryview, /) -> Decoded | None:
    """Decode one frame; its colour becomes RGB where ``info.wanted_rgb`` says so.

    The same library as in `codecs.jpeg`, at the same speed, with the same samples. But here its warnings are heard: of codes that
    are none, of blocks that are missing, of data that are left over. What it fills with gray is an error. Of a run that goes beyond
    the last coefficient of a block it does not warn, so that damage which makes only such runs is not noticed.

    Raises
    ------
    DecodeError
        The stream is broken or cut off.
    UnsupportedError
        It has not 8 bits, or another colour than libjpeg would make of it is wanted.
    """
    global _last  # noqa: PLW0603  # what was found out last, and nothing that changes an answer
    how = _last
    if how is None or how.info is not info or info.stream is None:
        stream = info.stream or _stream.header(src)
        if stream is None or stream.format != "jpeg":
            raise DecodeError("the stream is no JPEG, as its transfer syntax says")
        how = _last = _how(stream, info)
    if how.unsupported:
        raise UnsupportedError(how.unsupported)
    whole_rows = _stream.check_jpeg(src, False, info.partial, not info.partial)
    target: Any = out if how.in_place else memoryview(bytearray(info.samples))
    if whole_rows is None:
        try:
            _decode(src, how.space, buffer=target)
        except ValueError as error:
            _weigh(src, how, target, str(error))
    elif whole_rows:
        _decode_all(src, how, target)
    if not how.in_place:
        _stream.widen(target, out, 1, info.itemsize, False)
    if whole_rows is None:
        return how.answer
    start = whole_rows * (info.frame_size // info.rows)  # the rest is what libjpeg made up
    out[start:] = bytes(len(out) - start)
    return Decoded(photometric_interpretation="RGB" if how.answer else None, whole_rows=whole_rows)


def declines(info: FrameInfo, /) -> bool:
    """Whether the description alone tells that such a frame is not decoded here; see `codecs.base.Decoder`."""
    return info.stream is not None and info.stream.format == "jpeg" and bool(_how(info.stream, info).unsupported)


class _How(NamedTuple):
    """How the frames of one description are decoded."""

    info: FrameInfo
    space: str
    in_place: bool
    is_sequential: bool
    answer: Decoded | None
    unsupported: str


_last: _How | None = None  # replaced whole, so that threads do not mind


def _how(stream: StreamHeader, info: FrameInfo) -> _How:
    if (stream.rows, stream.columns, stream.components) != (info.rows, info.columns, info.samples_per_pixel):
        found = f"{stream.rows} x {stream.columns} x {stream.components}"
        raise DecodeError(f"the stream has {found} samples, {info.rows} x {info.columns} x {info.samples_per_pixel} were expected")
    to_rgb = info.wanted_rgb and stream.components == 3
    space = "GRAY" if stream.components == 1 else "RGB"
    unsupported = ""
    if stream.process not in _DECODED or stream.precision[0] != 8:
        unsupported = f"the stream is JPEG process SOF{stream.process} of {stream.precision[0]} bits"
    elif stream.components not in (1, 3) or (stream.components == 3 and _is_taken_for_rgb(stream) == to_rgb):
        unsupported = "libjpeg would make another colour of the stream than is wanted"
    elif info.samples > _MOST:
        unsupported = f"the stream has {info.samples} samples"
    if unsupported:
        unsupported += ", which simplejpeg does not decode"
    return _How(info, space, info.itemsize == 1, stream.process in _SEQUENTIAL, _RGB if to_rgb else None, unsupported)


def _is_taken_for_rgb(stream: StreamHeader) -> bool:
    """What libjpeg goes by: it takes three components for YCbCr unless a marker, or else their identifiers, say RGB."""
    if stream.jfif:
        return False
    return stream.adobe == 0 if stream.adobe is not None else stream.ids == _RGB_IDS


def _decode_all(src: memoryview, how: _How, target: memoryview) -> None:
    """Decode whatever libjpeg warns of."""
    try:
        _decode(src, how.space, buffer=target, strict=False)
    except ValueError as error:  # no warning: it gave up, perhaps because the stream is of a kind that others know
        raise UnsupportedError(f"simplejpeg: {error}") from error


def _weigh(src: memoryview, how: _How, target: memoryview, warning: str) -> None:
    """Say what is wrong with a stream of which libjpeg warned, or decode it because nothing is."""
    if how.is_sequential:
        _stream.check_jpeg(src)
    if not how.is_sequential or not any(text in warning for text in _HARMLESS):
        _decode_all(src, how, target)
        raise DecodeError(f"libjpeg-turbo: {warning}")
    _decode_all(src, how, target)
