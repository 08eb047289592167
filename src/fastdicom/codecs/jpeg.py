"""JPEG of the DCT processes (ITU T.81; PS3.5 8.2.1, A.4.1), baseline to progressive, 8 and 12 bits, by libjpeg-turbo."""

from __future__ import annotations

from typing import Any, NamedTuple

import imagecodecs
import numpy as np

from fastdicom.codecs import _stream, jpegll
from fastdicom.codecs._imagecodecs import fill
from fastdicom.codecs.base import Decoded
from fastdicom.errors import DecodeError, UnsupportedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fastdicom.codecs.base import FrameInfo, StreamHeader

__all__ = ["PARTIAL", "decode"]

PARTIAL = True  # what ends too early gives the rows before

_jpeg8: Any = imagecodecs.jpeg8_decode  # its stub does not know that it takes any buffer
_LOSSLESS = 3
# n of SOFn -> what libjpeg-turbo decodes: baseline, extended and progressive, by Huffman or by arithmetic codes
_DECODED = frozenset((0, 1, 2, 9, 10))
_SEQUENTIAL = frozenset((0, 1))  # by Huffman codes
_PRECISIONS = (8, 12)
_RGB = Decoded(photometric_interpretation="RGB")
_CORNER = 4  # pixels at the end of the last row


def decode(src: memoryview, info: FrameInfo, out: memoryview, *, thorough: bool = False) -> Decoded | None:
    """Decode one frame; its colour becomes RGB where ``info.wanted_rgb`` says so, and is else left as it is in the stream.

    libjpeg fills what is missing in a stream with gray and only warns, which nobody hears here; `codecs.simplejpeg` hears it, and
    goes first where it can. So all codes of gray sequential streams are read before, as that costs little. Of others the markers
    are looked at, and where the last pixels are such gray, the blocks are counted. Damage inside the codes of colour that leaves
    both alone is not seen; `codecs.jpeg_checked` reads those too, for a quarter more time.

    Raises
    ------
    DecodeError
        The stream is broken or cut off.
    UnsupportedError
        It is of a process that libjpeg-turbo does not decode, or has samples of another precision than 8 or 12 bits.
    """
    global _last  # noqa: PLW0603  # what was found out last, and nothing that changes an answer
    how = _last
    if how is None or how.info is not info or info.stream is None:
        stream = info.stream or _stream.header(src)
        if stream is None or stream.format != "jpeg":
            raise DecodeError("the stream is no JPEG, as its transfer syntax says")
        if stream.process == _LOSSLESS:  # in spite of its transfer syntax
            return jpegll.decode(src, info, out)
        how = _last = _how(stream, info)
    thorough = thorough or how.is_read
    whole_rows = _stream.check_jpeg(src, thorough, info.partial)
    if whole_rows is None and how.in_place:
        target = np.frombuffer(out, how.dtype).reshape(how.shape)
        try:
            _jpeg8(src, out=target, **how.spaces)
        except Exception as error:  # its errors have no common root but this
            raise error if isinstance(error, MemoryError) else DecodeError(f"{type(error).__name__}: {error}") from error
    elif whole_rows != 0:
        fill(_jpeg8, src, info, out, dtype=how.dtype, **how.spaces)
    if whole_rows is not None:  # the rest is what libjpeg made up
        start = whole_rows * (info.frame_size // info.rows)
        out[start:] = bytes(len(out) - start)
        return Decoded(photometric_interpretation="RGB" if how.answer else None, whole_rows=whole_rows)
    if not thorough and out[-len(how.gray) :] == how.gray:
        _stream.check_jpeg(src)
    return how.answer


class _How(NamedTuple):
    """How the frames of one description are decoded: most files have one, and looking it up costs more than it seems."""

    info: FrameInfo
    dtype: str
    shape: tuple[int, ...]
    in_place: bool
    spaces: dict[str, Any]
    gray: bytes  # what libjpeg fills the end of a frame with
    answer: Decoded | None
    is_read: bool  # all codes, before


_last: _How | None = None  # replaced whole, so that threads do not mind


def _how(stream: StreamHeader, info: FrameInfo) -> _How:
    _check(stream, info)
    to_rgb = info.wanted_rgb and stream.components == 3
    gray = (1 << stream.precision[0] - 1).to_bytes(info.itemsize, "little") * (_CORNER * stream.components)
    in_place = stream.itemsize == info.itemsize
    is_read = stream.components == 1 and stream.process in _SEQUENTIAL
    return _How(info, stream.dtype, info.shape, in_place, _spaces(stream, to_rgb), gray, _RGB if to_rgb else None, is_read)


def _spaces(stream: StreamHeader, to_rgb: bool) -> dict[str, Any]:
    """What libjpeg is told of colour. Unless told it goes by markers, which `pixels.agree` has weighed already."""
    if stream.components == 1 or (to_rgb and stream.jfif):
        return {}
    held = "YCBCR" if stream.components == 3 else "CMYK"
    return {"colorspace": held, "outcolorspace": "RGB" if to_rgb else held}


def _check(stream: StreamHeader, info: FrameInfo) -> None:
    if stream.process not in _DECODED:
        raise UnsupportedError(f"the stream is JPEG process SOF{stream.process}, which libjpeg-turbo does not decode (ITU T.81 B.2.2)")
    if stream.precision[0] not in _PRECISIONS:
        raise UnsupportedError(f"the stream has samples of {stream.precision[0]} bits, libjpeg-turbo decodes 8 and 12")
    if (stream.rows, stream.columns, stream.components) != (info.rows, info.columns, info.samples_per_pixel):
        found = f"{stream.rows} x {stream.columns} x {stream.components}"
        raise DecodeError(f"the stream has {found} samples, {info.rows} x {info.columns} x {info.samples_per_pixel} were expected")
