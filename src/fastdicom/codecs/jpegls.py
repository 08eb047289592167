"""JPEG-LS (ITU T.87; PS3.5 A.4.3) by CharLS, through imagecodecs."""

from __future__ import annotations

from functools import partial
from typing import Any

import imagecodecs
import numpy as np

from fastdicom.codecs import _native
from fastdicom.codecs._imagecodecs import called, described, ended, fill
from fastdicom.codecs.base import Decoded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fastdicom.codecs.base import FrameInfo

__all__ = ["decode"]

_charls: Any = imagecodecs.jpegls_decode  # takes every buffer, whatever its stub says


def decode(src: memoryview, info: FrameInfo, out: memoryview, /) -> Decoded:
    """Decode one frame; see `codecs.base.Decoder`. CharLS itself refuses coded data that end early."""
    info = described(src, info, "jpeg-ls")
    stream = info.stream
    assert stream is not None
    ended(src)
    if stream.components > 1 and stream.interleave == 0:  # T.87 C.2.3: a scan a component
        _planes(src, info, out)
    else:
        fill(_charls, src, info, out)
    return Decoded(stream.rows, stream.columns, stream.components, stream.precision[0])


def _planes(src: memoryview, info: FrameInfo, out: memoryview) -> None:
    stream = info.stream
    assert stream is not None
    planes = np.empty((stream.components, stream.rows, stream.columns), stream.dtype)
    called(partial(_charls, src, out=planes))
    if planes.itemsize == info.itemsize and stream.components == info.samples_per_pixel and planes.nbytes == len(out):
        _native.interleave(planes.view(np.uint8).reshape(-1), out, planes.itemsize, stream.components)
    else:
        fill(lambda _, out: np.moveaxis(planes, 0, -1), src, info, out)  # noqa: ARG005
