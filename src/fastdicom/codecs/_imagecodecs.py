"""What all adapters of imagecodecs share: its arrays are the caller's buffer where sizes allow, and its faults are ours."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastdicom.codecs import _stream
from fastdicom.errors import DecodeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from fastdicom.codecs.base import FrameInfo

__all__ = ["fill"]


def fill(
    codec: Callable[..., Any], src: memoryview, info: FrameInfo, out: memoryview, /, *, dtype: str | None = None, **options: Any
) -> None:
    """Decode with a function of imagecodecs into `out`.

    Where samples of the stream are as wide as those of the data set, the function gets an array on `out` and nothing is copied;
    else it makes its own array, whose samples are widened with their own sign (PS3.5 8.1.1: they are in the low bits).

    Parameters
    ----------
    codec : callable
        ``imagecodecs.NAME_decode``: takes bytes and ``out=``, returns an array.
    src, info, out
        As in `codecs.base.Decoder`; ``info.stream`` must be there when `dtype` is not.
    dtype : str, optional
        The type in which the function decodes; ``info.stream.dtype`` by default.
    **options
        More for the function.

    Raises
    ------
    DecodeError
        When the function raises, or gives an array of another shape or type than is expected.
    """
    if dtype is None:
        if info.stream is None:
            raise DecodeError("the stream does not begin as its transfer syntax says")
        dtype = info.stream.dtype
    expected = np.dtype(dtype)
    target = None
    if expected.itemsize == info.itemsize:
        target = np.frombuffer(out, expected).reshape(info.shape)
    try:
        array = codec(src, out=target, **options)
    except MemoryError:
        raise
    except Exception as error:  # its errors have no common root but this
        raise DecodeError(f"{type(error).__name__}: {error}") from error
    if array is target:
        return
    array = np.asarray(array)
    found = array.shape if array.ndim == len(info.shape) else tuple(n for n in array.shape if n != 1)
    wanted = info.shape if array.ndim == len(info.shape) else tuple(n for n in info.shape if n != 1)
    if found != wanted or array.dtype != expected:
        raise DecodeError(f"the decoder gave {array.dtype} {array.shape}, {expected} {info.shape} was expected")
    if expected.itemsize > info.itemsize:
        raise DecodeError(f"the stream has samples of {8 * expected.itemsize} bits, the data set allocates {info.bits_allocated}")
    _stream.widen(np.ascontiguousarray(array).view(np.uint8).reshape(-1), out, expected.itemsize, info.itemsize, expected.kind == "i")
