"""JPEG 2000 and HTJ2K (T.800, T.814; PS3.5 A.4.4) by OpenJPEG, through imagecodecs."""

from __future__ import annotations

import imagecodecs
import numpy as np

from fastdicom.codecs import _packets, _tileparts
from fastdicom.codecs._imagecodecs import called, described, even, fill
from fastdicom.codecs.base import Decoded
from fastdicom.codecs.workers import inner_threads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fastdicom.codecs.base import FrameInfo

__all__ = ["PARTIAL", "decode"]

PARTIAL = True  # what ends too early gives a coarser image
_THREADS_FROM = 1 << 16  # samples: code-blocks of 64 x 64 are what threads share


def decode(src: memoryview, info: FrameInfo, out: memoryview, /) -> Decoded:
    """Decode one frame; see `codecs.base.Decoder`.

    OpenJPEG decodes what it finds and fills the rest, so the codestream is known to be whole before. The boxes of a file are left
    out: in them are profiles and palettes that imagecodecs would apply.
    """
    info = even(described(src, info, "j2k"))
    stream = info.stream
    assert stream is not None
    start, stop = _tileparts.whole(src, info.partial)
    threads = inner_threads() if info.samples >= _THREADS_FROM else 1
    if not stop:
        return _before_the_cut(src[start:], info, out, threads)
    fill(imagecodecs.jpeg2k_decode, src[start:stop], info, out, numthreads=threads)
    return Decoded(stream.rows, stream.columns, stream.components, stream.precision[0], stream.signed[0])


def _before_the_cut(src: memoryview, info: FrameInfo, out: memoryview, threads: int) -> Decoded:
    """Decode what there is of a codestream that ends too early: all of the image, coarser, or some of its tiles."""
    repaired = called(lambda: _packets.repaired(src))
    if not repaired.data:
        return Decoded(whole_rows=0)
    fill(imagecodecs.jpeg2k_decode, memoryview(repaired.data), info, out, numthreads=threads)
    samples = np.frombuffer(out, f"u{info.itemsize}").reshape(info.rows, info.columns, -1)
    for top, bottom, left, right in repaired.missing:
        samples[top:bottom, left:right] = 0
    return Decoded(coarse=repaired.said, missing=tuple(repaired.missing))
