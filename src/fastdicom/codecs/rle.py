"""RLE Lossless (PS3.5 Annex G) by our own decoder."""

from __future__ import annotations

from fastdicom.codecs import _native
from fastdicom.codecs.base import Decoded
from fastdicom.errors import DecodeError, UnsupportedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fastdicom.codecs.base import FrameInfo

__all__ = ["PARTIAL", "decode"]

PARTIAL = True  # what ends too early gives the rows before


def decode(src: memoryview, info: FrameInfo, out: memoryview) -> Decoded | None:
    """Decode one frame; it says nothing of itself but the number of its byte planes.

    Raises
    ------
    DecodeError
        The number of planes is not that of the description, one ends before its pixels do, or all of them hold another row.
    UnsupportedError
        Bits Allocated is neither 1 nor a whole number of bytes.
    """
    if info.bits_allocated == 1 and info.samples_per_pixel == 1:  # bits packed as they are uncompressed (PS3.5 8.1.1), each frame by itself
        packed = bytearray((info.samples + 7) // 8)
        whole, left = _native.decode_rle(src, packed, 1, 1, info.partial)
        _fit(left * 8, info)
        _native.unpack_1(packed, out)
        return None if whole == len(packed) else Decoded(whole_rows=whole * 8 // info.columns)
    if info.bits_allocated % 8:
        raise UnsupportedError(f"RLE with {info.bits_allocated} bits allocated (PS3.5 G.2 packs bytes)")
    whole, left = _native.decode_rle(src, out, info.itemsize, info.samples_per_pixel, info.partial)
    _fit(left, info)
    return None if whole == info.rows * info.columns else Decoded(whole_rows=whole // info.columns)


def _fit(left: int, info: FrameInfo) -> None:
    """DecodeError when the stream holds `left` pixels more, and they are no padding: then Rows or Columns are wrong.

    Columns that are too few would give a picture that is sheared; less than a row of it may be an encoder's carelessness.
    """
    if left >= info.columns:
        found = f"{info.rows * info.columns + left} pixels"
        raise DecodeError(f"the RLE segments hold {found}, Rows x Columns ({info.rows} x {info.columns}) are {info.rows * info.columns}")
