"""Lossless JPEG (ITU T.81 Annex H; PS3.5 A.4.2) by our own decoder."""

from __future__ import annotations

from fastdicom.codecs import _native, _stream, registry
from fastdicom.codecs.base import Decoded
from fastdicom.errors import DecodeError, UnsupportedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fastdicom.codecs.base import FrameInfo

__all__ = ["PARTIAL", "decode"]

PARTIAL = True  # what ends too early gives the rows before
_DCT = frozenset((0, 1, 2, 9, 10))  # n of SOFn that others decode
_EXTENDED = "1.2.840.10008.1.2.4.51"


def decode(src: memoryview, info: FrameInfo, out: memoryview) -> Decoded | None:
    """Decode one frame. A stream of a DCT process in spite of its transfer syntax is left to the decoder of those (PS3.5 8.2.1).

    Raises
    ------
    DecodeError
        The stream is broken, or has other rows, columns, components or more bits than the description.
    UnsupportedError
        It is of another process of JPEG; MissingDecoderError where the decoder of that one is not installed.
    """
    if info.stream is not None and info.stream.process in _DCT:
        dct: Decoded | None = registry.load(_EXTENDED).decode(src, info, out)
        return dct
    if info.stream is not None and info.stream.is_subsampled:  # which PS3.5 8.2.1 has no place for
        raise UnsupportedError("lossless JPEG with subsampled components; decoder='pylibjpeg-libjpeg' or 'gdcm' may know it")
    held = _native.jpegll_header(src)
    if held["process"] != 3:
        raise UnsupportedError(
            f"the stream is JPEG process SOF{held['process']}, lossless JPEG with Huffman codes is SOF3 (ITU T.81 B.2.2)"
        )
    for name, said in (("rows", info.rows), ("columns", info.columns), ("components", info.samples_per_pixel)):
        if held[name] != said:
            raise DecodeError(f"the stream has {held[name]} {name}, the data set says {said}")
    if held["precision"] > info.bits_allocated:
        raise DecodeError(f"the stream has samples of {held['precision']} bits, the data set allocates {info.bits_allocated}")
    if info.itemsize <= 2:
        whole = _native.decode_jpegll(src, out, info.itemsize, info.partial)
    else:  # samples have 16 bits at most
        narrow = bytearray(2 * info.samples)
        whole = _native.decode_jpegll(src, narrow, 2, info.partial)
        _stream.widen(narrow, out, 2, info.itemsize, False)
    rows = None if whole == info.rows else whole
    return Decoded(info.rows, info.columns, info.samples_per_pixel, held["precision"], whole_rows=rows)
