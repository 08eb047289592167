"""Encapsulated Uncompressed (PS3.5 A.4.11): each frame as it is, in a fragment of its own."""

from __future__ import annotations

from fastdicom.codecs import native
from fastdicom.codecs.base import Decoded
from fastdicom.errors import DecodeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fastdicom.codecs.base import FrameInfo

__all__ = ["PARTIAL", "decode"]

PARTIAL = True  # what ends too early gives the rows before


def decode(src: memoryview, info: FrameInfo, out: memoryview, /) -> Decoded | None:
    """Decode one frame; see `codecs.base.Decoder`. Frames begin on a byte, and end with one of padding where that makes them even.

    Raises
    ------
    DecodeError
        The fragment is shorter or longer than the frame.
    """
    size = (native.frame_bits(info) + 7) // 8
    if info.partial and len(src) < size:
        native.decode(memoryview(bytes(src).ljust(size, b"\0")), info, out)
        return Decoded(whole_rows=native.whole_rows(info, 0, len(src)))
    if len(src) not in (size, size + size % 2):
        raise DecodeError(f"the fragment has {len(src)} bytes, a frame of {info.rows} x {info.columns} has {size}")
    native.decode(src[:size], info, out)
    return None
