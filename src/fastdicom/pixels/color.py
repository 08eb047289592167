"""Colour of decoded frames (PS3.3 C.7.6.3.1.2)."""

from __future__ import annotations

from fastdicom.codecs import _native
from fastdicom.errors import UnsupportedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fastdicom.codecs.base import FrameInfo

__all__ = ["becomes_rgb", "to_rgb"]


def becomes_rgb(info: FrameInfo) -> bool:
    """Whether uncompressed frames of this description are shown as RGB.

    Raises UnsupportedError for luminance and chrominance in samples that PS3.3 gives no formula for.
    """
    if info.photometric_interpretation not in ("YBR_FULL", "YBR_FULL_422"):
        return False
    if info.samples_per_pixel != 3 or info.itemsize != 1 or info.is_signed or info.kind != "int":
        raise UnsupportedError(
            f"{info.photometric_interpretation} with {info.samples_per_pixel} {'signed' if info.is_signed else 'unsigned'} samples of "
            f"{info.bits_allocated} bits cannot become RGB; raw=True gives the samples as they are"
        )
    return True


def to_rgb(frame: memoryview) -> None:
    """YBR_FULL of 8 bits, interleaved, to RGB in place."""
    _native.ybr_to_rgb(frame, frame)
