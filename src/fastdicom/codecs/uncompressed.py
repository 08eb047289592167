"""Encapsulated Uncompressed (PS3.5 A.4.11): each frame as it is, in a fragment of its own."""

from __future__ import annotations

from fastdicom.codecs import native
from fastdicom.errors import DecodeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fastdicom.codecs.base import FrameInfo

__all__ = ["decode"]


def decode(src: memoryview, info: FrameInfo, out: memoryview, /) -> None:
    """Decode one frame; see `codecs.base.Decoder`. Frames begin on a byte, and end with one of padding where that makes them even.

    Raises
    ------
    DecodeError
        The fragment is shorter or longer than the frame.
    """
    size = (native.frame_bits(info) + 7) // 8
    if len(src) not in (size, size + size % 2):
        raise DecodeError(f"the fragment has {len(src)} bytes, a frame of {info.rows} x {info.columns} has {size}")
    native.decode(src[:size], info, out)
