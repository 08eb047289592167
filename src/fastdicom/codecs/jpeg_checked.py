"""JPEG of the DCT processes by libjpeg-turbo, when all codes of the stream were read before: for archives that may be damaged."""

from __future__ import annotations

from fastdicom.codecs import jpeg

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fastdicom.codecs.base import Decoded, FrameInfo

__all__ = ["PARTIAL", "decode"]

PARTIAL = jpeg.PARTIAL


def decode(src: memoryview, info: FrameInfo, out: memoryview) -> Decoded | None:
    """Decode one frame as `codecs.jpeg` does.

    Raises
    ------
    DecodeError
        The stream is broken: also where libjpeg would have decoded it to the end, and only warned.
    UnsupportedError
        See `codecs.jpeg`.
    """
    return jpeg.decode(src, info, out, thorough=True)
