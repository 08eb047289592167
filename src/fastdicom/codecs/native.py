"""Uncompressed frames: where each one lies in the value, and how its bytes become samples (PS3.5 8.1, A.1 to A.3)."""

from __future__ import annotations

from typing import NamedTuple

from fastdicom.codecs import _native
from fastdicom.errors import DecodeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fastdicom.codecs.base import FrameInfo

__all__ = [
    "SUBSAMPLED",
    "Span",
    "decode",
    "frame_bits",
    "is_in_place",
    "is_stored_as_decoded",
    "shift",
    "span",
    "whole_frames",
    "whole_rows",
]

# PS3.3 C.7.6.3.1.2: uncompressed, two pixels of a row share their chrominance
SUBSAMPLED = frozenset(("YBR_FULL_422", "YBR_PARTIAL_422"))


class Span(NamedTuple):
    """The bytes of a frame in the value, and how many pixels or bytes in them belong to the frame before."""

    start: int
    stop: int
    skip: int


def frame_bits(info: FrameInfo) -> int:
    """The bits of one frame as stored; frames follow each other without padding (PS3.5 8.1.1)."""
    bits = info.samples * info.bits_allocated
    return bits // 6 * 4 if info.photometric_interpretation in SUBSAMPLED else bits  # 4 samples stand for 6


def shift(info: FrameInfo) -> int:
    """How many bits lie below a sample: none but in old files: PS3.5 8.1.1 now makes High Bit one less than Bits Stored."""
    return info.high_bit + 1 - info.bits_stored if info.kind == "int" else 0


def span(info: FrameInfo, index: int) -> Span:
    """Where frame `index` lies in the value of Pixel Data.

    Returns
    -------
    Span
        `start` and `stop` in bytes. `skip` is in pixels for packed bits, and in bytes for 8-bit samples in 16-bit words.
    """
    bits = frame_bits(info)
    first, last = index * bits, (index + 1) * bits
    start, stop, skip = first // 8, -(-last // 8), 0
    if info.bits_allocated == 1:
        skip = first % 8
    elif info.bits_allocated == 12:
        start = first // 24 * 3  # two pixels in three bytes
        skip = (first - 8 * start) // 12
    if info.big_endian_unit > info.itemsize or (info.big_endian_unit > 1 and info.bits_allocated in (1, 12)):
        return _in_words(info, Span(start, stop, skip))
    return Span(start, stop, skip)


def _in_words(info: FrameInfo, plain: Span) -> Span:
    """The same bytes when they stand in 16-bit words: from the start of a word to the end of one (PS3.5 8.1.2)."""
    start = plain.start - plain.start % 2
    if info.bits_allocated == 12:
        start = plain.start // 6 * 6  # the start of a word and of a pair of pixels
        skip = plain.skip + (plain.start - start) // 3 * 2
    else:
        skip = plain.skip + (plain.start - start) * (8 if info.bits_allocated == 1 else 1)
    return Span(start, plain.stop + plain.stop % 2, skip)


def whole_frames(info: FrameInfo, length: int) -> int:
    """How many frames lie whole in a value of `length` bytes."""
    return 8 * _in_whole_words(info, length) // frame_bits(info)


def whole_rows(info: FrameInfo, index: int, length: int) -> int:
    """How many rows of frame `index`, from the first one on, lie whole in a value of `length` bytes."""
    bits = frame_bits(info)
    there = min(max(8 * _in_whole_words(info, length) - index * bits, 0), bits)
    if info.samples_per_pixel > 1 and info.planar_configuration == 1:
        bits //= info.samples_per_pixel
        there = max(there - bits * (info.samples_per_pixel - 1), 0)
    return there * info.rows // bits


def _in_whole_words(info: FrameInfo, length: int) -> int:
    return length - length % 2 if _has_words(info) else length


def _is_packed(info: FrameInfo) -> bool:
    return info.bits_allocated in (1, 12)


def _has_words(info: FrameInfo) -> bool:
    return info.big_endian_unit == 2 and (info.itemsize == 1 or _is_packed(info))


def is_in_place(info: FrameInfo) -> bool:
    """Whether a frame has as many bytes decoded as stored, in the same order: :func:`decode` takes `out` for `src`."""
    interleaved = info.samples_per_pixel == 1 or info.planar_configuration == 0
    return interleaved and not _is_packed(info) and not _has_words(info) and info.photometric_interpretation not in SUBSAMPLED


def is_stored_as_decoded(info: FrameInfo) -> bool:
    """Whether the stored bytes are the decoded ones, apart from unused bits: an array can be a view on them."""
    return info.big_endian_unit == 1 and is_in_place(info) and shift(info) == 0


def decode(src: memoryview, info: FrameInfo, out: memoryview, skip: int = 0, whole_cells: bool = False) -> None:
    """Decode one uncompressed frame.

    Parameters
    ----------
    src : memoryview
        The bytes of :func:`span`. The same buffer as `out` where :func:`is_in_place` holds.
    info : FrameInfo
        The description of the frame.
    out : memoryview
        ``info.frame_size`` writable bytes: interleaved little endian samples, colour as stored.
    skip : int
        As in :func:`span`.
    whole_cells : bool
        Leave the bits above and below Bits Stored as they are: old overlays are there.

    Raises
    ------
    DecodeError
        When `src` has another size than the description says.
    """
    try:
        _rearrange(src, info, out, skip)
    except ValueError as error:
        raise DecodeError(str(error)) from error
    if info.kind == "int" and info.bits_allocated != 1 and not whole_cells:
        if below := shift(info):
            _native.shift(out, info.itemsize, below)
        bits = 8 * info.itemsize
        if info.bits_stored < bits and (info.bits_stored < info.bits_allocated or info.is_signed):
            _native.clear_unused(out, info.itemsize, info.bits_stored, info.is_signed)


def _rearrange(src: memoryview, info: FrameInfo, out: memoryview, skip: int) -> None:
    itemsize, unit = info.itemsize, info.big_endian_unit
    if _has_words(info):
        plain = bytearray(len(src) // 2 * 2)
        _native.swap(memoryview(src)[: len(plain)], plain, 2)
        src, unit = memoryview(plain), 1
        if not _is_packed(info):
            src, skip = src[skip : skip + frame_bits(info) // 8], 0
    if _is_packed(info):
        planes = info.planar_configuration == 1 and info.samples_per_pixel > 1
        target = memoryview(bytearray(len(out))) if planes else out
        (_native.unpack_1 if info.bits_allocated == 1 else _native.unpack_12)(src, target, skip)
        if planes:
            _native.interleave(target, out, itemsize, info.samples_per_pixel)
    elif info.photometric_interpretation in SUBSAMPLED:
        _native.expand_422(src, out, itemsize)
    elif info.planar_configuration == 1 and info.samples_per_pixel > 1:
        _native.interleave(src, out, itemsize, info.samples_per_pixel)
    else:
        _native.swap(src, out, itemsize if unit > 1 else 1)
        return
    if unit > 1 and not _is_packed(info):
        _native.swap(out, out, itemsize)
