"""JPEG XL (ISO/IEC 18181; PS3.5 A.4.10 to A.4.12) by libjxl, through imagecodecs."""

from __future__ import annotations

import imagecodecs

from fastdicom.codecs._imagecodecs import described, fill
from fastdicom.codecs.base import Decoded
from fastdicom.codecs.workers import inner_threads
from fastdicom.errors import DecodeError, UnsupportedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fastdicom.codecs.base import FrameInfo

__all__ = ["PARTIAL", "decode"]

PARTIAL = True  # of what ends too early imagecodecs gives nothing, and that is said
_CUT = "JXL_DEC_NEED_MORE_INPUT"
_THREADS_FROM = 1 << 18  # samples: groups of 256 x 256 are what threads share


def decode(src: memoryview, info: FrameInfo, out: memoryview, /) -> Decoded:
    """Decode one frame; see `codecs.base.Decoder`. Three components are RGB, whatever is stored: libjxl undoes XYB and YCbCr.

    libjxl refuses a codestream that ends early: what it has decoded until then, imagecodecs does not ask for.
    """
    info = described(src, info, "jxl")
    stream = info.stream
    assert stream is not None
    if stream.extra:
        raise UnsupportedError(f"the JPEG XL stream has {stream.extra} channel(s) besides colour")
    if not stream.is_float and stream.precision[0] > 16:
        raise UnsupportedError(f"the JPEG XL stream has integers of {stream.precision[0]} bits, of which libjxl gives 24 at most")
    threads = inner_threads() if info.samples >= _THREADS_FROM else 1
    try:
        fill(imagecodecs.jpegxl_decode, src, info, out, numthreads=threads, keeporientation=True)
    except DecodeError as error:
        if _CUT not in error.reason:
            raise
        if not info.partial:
            raise DecodeError(f"the JPEG XL stream ends too early ({_CUT})") from error
        return Decoded(stream.rows, stream.columns, stream.components, whole_rows=0)
    colour = "RGB" if stream.components == 3 else None
    return Decoded(stream.rows, stream.columns, stream.components, stream.precision[0], photometric_interpretation=colour)
