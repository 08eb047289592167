"""Gray JPEG of the sequential DCT processes with Huffman codes (ITU T.81 Annex F; PS3.5 A.4.1), 8 and 12 bits, by our own decoder."""

from __future__ import annotations

from typing import NamedTuple

from fastdicom.codecs import _native, _stream
from fastdicom.codecs.base import Decoded
from fastdicom.errors import DecodeError, UnsupportedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fastdicom.codecs.base import FrameInfo, StreamHeader

__all__ = ["PARTIAL", "declines", "decode"]

PARTIAL = True  # what ends too early gives the rows before

_SEQUENTIAL = frozenset((0, 1))  # n of SOFn
_PRECISIONS = (8, 12)


def decode(src: memoryview, info: FrameInfo, out: memoryview, /) -> Decoded | None:
    """Decode one frame, with the samples of libjpeg-turbo. Every code is checked where it is decoded.

    Raises
    ------
    DecodeError
        The stream is broken or cut off.
    UnsupportedError
        It is of another kind (colour, progressive, arithmetic codes), or holds what hardly an encoder writes: libjpeg decides of it.
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
    if how.itemsize == info.itemsize:
        rows = _native.decode_jpegdct(src, out, info.rows, info.columns, how.precision, how.itemsize, info.partial)
    else:  # samples have 16 bits at most
        narrow = bytearray(how.itemsize * info.samples)
        rows = _native.decode_jpegdct(src, narrow, info.rows, info.columns, how.precision, how.itemsize, info.partial)
        _stream.widen(narrow, out, how.itemsize, info.itemsize, False)
    return None if rows == info.rows else Decoded(whole_rows=rows)


def declines(info: FrameInfo, /) -> bool:
    """Whether the description alone tells that such a frame is not decoded here; see `codecs.base.Decoder`."""
    return info.stream is not None and info.stream.format == "jpeg" and bool(_how(info.stream, info).unsupported)


class _How(NamedTuple):
    """How the frames of one description are decoded."""

    info: FrameInfo
    precision: int
    itemsize: int
    unsupported: str


_last: _How | None = None  # replaced whole, so that threads do not mind


def _how(stream: StreamHeader, info: FrameInfo) -> _How:
    if (stream.rows, stream.columns, stream.components) != (info.rows, info.columns, info.samples_per_pixel):
        found = f"{stream.rows} x {stream.columns} x {stream.components}"
        raise DecodeError(f"the stream has {found} samples, {info.rows} x {info.columns} x {info.samples_per_pixel} were expected")
    precision = stream.precision[0]
    unsupported = ""
    if stream.process not in _SEQUENTIAL or precision not in _PRECISIONS or (precision > 8 and info.itemsize < 2):
        unsupported = f"the stream is JPEG process SOF{stream.process} of {precision} bits"
    elif stream.components != 1:
        unsupported = f"the stream has {stream.components} components"
    if unsupported:
        unsupported += ", which jpegdct does not decode"
    return _How(info, precision, min(info.itemsize, 2), unsupported)
