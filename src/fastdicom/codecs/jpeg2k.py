"""JPEG 2000 and HTJ2K (T.800, T.814; PS3.5 A.4.4) by OpenJPEG, through imagecodecs."""

from __future__ import annotations

import imagecodecs

from fastdicom.codecs import _tileparts
from fastdicom.codecs._imagecodecs import described, even, fill
from fastdicom.codecs.base import Decoded
from fastdicom.codecs.workers import inner_threads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fastdicom.codecs.base import FrameInfo

__all__ = ["decode"]

_THREADS_FROM = 1 << 16  # samples: code-blocks of 64 x 64 are what threads share


def decode(src: memoryview, info: FrameInfo, out: memoryview, /) -> Decoded:
    """Decode one frame; see `codecs.base.Decoder`.

    OpenJPEG decodes what it finds and fills the rest, so the codestream is known to be whole before. The boxes of a file are left
    out: in them are profiles and palettes that imagecodecs would apply.
    """
    info = even(described(src, info, "j2k"))
    stream = info.stream
    assert stream is not None
    start, stop = _tileparts.whole(src)
    threads = inner_threads() if info.samples >= _THREADS_FROM else 1
    fill(imagecodecs.jpeg2k_decode, src[start:stop], info, out, numthreads=threads)
    return Decoded(stream.rows, stream.columns, stream.components, stream.precision[0], stream.signed[0])
