"""What all adapters of imagecodecs share: its arrays are the caller's buffer where sizes allow, and its faults are ours."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from fastdicom.codecs import _stream
from fastdicom.errors import DecodeError, UnsupportedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from fastdicom.codecs.base import FrameInfo

__all__ = ["called", "described", "ended", "even", "fill"]

_EOI = b"\xff\xd9"
_WHOLE = {(1, 1)}


def described(src: memoryview, info: FrameInfo, wanted: str, /) -> FrameInfo:
    """The description with what the stream says, which is read here if nobody has.

    Raises
    ------
    UnsupportedError
        The stream is of another format than `wanted`, such as "jpeg-ls".
    DecodeError
        It is of none, or its size is not that of the data set.
    """
    stream = info.stream
    if stream is not None and stream.format == wanted:  # who has read it has compared it, see `codecs.base.Decoder`
        return info
    if stream is None:
        stream = _stream.header(src)
        if stream is None:
            raise DecodeError(f"the stream does not begin as one of {wanted.upper()}")
        info = replace(info, stream=stream)
    if stream.format != wanted:
        raise UnsupportedError(f"the stream is {stream.format.upper()}, the transfer syntax is one of {wanted.upper()}")
    for name, held, said in (
        ("rows", stream.rows, info.rows),
        ("columns", stream.columns, info.columns),
        ("components", stream.components, info.samples_per_pixel),
    ):
        if held != said:
            raise DecodeError(f"the stream has {held} {name}, the data set says {said}")
    return info


def even(info: FrameInfo, /) -> FrameInfo:
    """The same description; UnsupportedError when the components of its JPEG 2000 stream differ in size, precision or sign."""
    stream = info.stream
    if stream is not None and (stream.is_uneven or set(stream.sampling) != _WHOLE):
        raise UnsupportedError(
            f"the components of the stream differ, or are subsampled: {stream.precision} bits, at distances {stream.sampling}"
        )
    return info


def ended(src: memoryview, /) -> None:
    """Raise DecodeError when a JPEG or JPEG-LS stream does not end with EOI and padding.

    In coded data there is no EOI. CharLS counts through 2**31 bits behind some streams that end without (fifteen seconds).
    """
    if src[-2:] == _EOI:
        return
    size = 64
    while True:
        tail = bytes(src[-size:]).rstrip(b"\0")
        if len(tail) >= 16 or size >= len(src):
            break
        size *= 8
    if _EOI not in tail[-16:]:  # some are padded by a byte of something
        raise DecodeError("the stream does not end with EOI", offset=len(src))


def called(function: Callable[[], Any], /) -> Any:
    """What a function of a library returns; whatever it raises is a DecodeError."""
    try:
        return function()
    except (MemoryError, DecodeError, UnsupportedError):
        raise
    except Exception as error:  # its errors have no common root but this
        raise DecodeError(f"{type(error).__name__}: {error}") from error


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
        target = np.ndarray(info.shape, expected, out)
    try:
        array = codec(src, out=target, **options)
    except (MemoryError, DecodeError, UnsupportedError):
        raise
    except Exception as error:  # as `called`
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
