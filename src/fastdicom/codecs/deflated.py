"""Deflated Image Frame (PS3.5 A.4.13): each frame as raw DEFLATE (RFC 1951), in a fragment of its own."""

from __future__ import annotations

import zlib as _zlib
from abc import ABC, abstractmethod
from typing import Any

from fastdicom.codecs import native
from fastdicom.codecs.base import Decoded
from fastdicom.errors import DecodeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fastdicom.codecs.base import FrameInfo

__all__ = ["libdeflate", "zlib"]


class _Deflated(ABC):
    """A decoder of one library: what is inflated has at most the size of the frame, whatever the stream holds."""

    PARTIAL = True  # what ends too early gives the rows before
    _last: tuple[FrameInfo, int, bool] | None = None  # replaced whole, so that threads do not mind

    def decode(self, src: memoryview, info: FrameInfo, out: memoryview, /) -> Decoded | None:
        """Decode one frame; see `codecs.base.Decoder`.

        Raises
        ------
        DecodeError
            The stream is broken or cut off, or holds less or more than the frame.
        """
        last = self._last
        if last is None or last[0] is not info:  # the bytes of a frame, and whether they are those that are wanted
            last = self._last = info, (native.frame_bits(info) + 7) // 8, native.is_stored_as_decoded(info)
        size = last[1]
        if last[2] and self.fits(src, out):
            return None
        room = memoryview(bytearray(size + 1))
        if info.partial and (there := _before_the_cut(src, room)) is not None:
            native.decode(room[:size], info, out)
            return Decoded(whole_rows=native.whole_rows(info, 0, there))
        count = self.inflate(src, room)
        if count != size and (count != size + 1 or size % 2 == 0 or room[size]):  # a byte that makes it even is padding
            raise DecodeError(f"the stream holds {count} bytes, a frame of {info.rows} x {info.columns} has {size}")
        native.decode(room[:size], info, out)
        return None

    def fits(self, src: memoryview, out: memoryview) -> bool:  # noqa: ARG002
        """Inflate into `out`, if that is just what the stream holds."""
        return False

    @abstractmethod
    def inflate(self, src: memoryview, room: memoryview) -> int:
        """Inflate into `room`; how much there was, or DecodeError when it is broken or more."""


class _Libdeflate(_Deflated):
    _inflate: Any = None  # takes every buffer, whatever its stub says

    def fits(self, src: memoryview, out: memoryview) -> bool:
        try:
            return self.inflate(src, out) == len(out)
        except DecodeError:  # said again by those who know more
            return False

    def inflate(self, src: memoryview, room: memoryview) -> int:
        inflate = self._inflate
        if inflate is None:
            import imagecodecs

            inflate = self._inflate = imagecodecs.deflate_decode
        try:
            return len(inflate(src, raw=True, out=room))
        except MemoryError:
            raise
        except Exception as error:
            raise DecodeError(f"the deflated frame is broken, cut off, or holds more than {len(room) - 1} bytes: {error}") from error


class _Zlib(_Deflated):
    def inflate(self, src: memoryview, room: memoryview) -> int:
        inflater = _zlib.decompressobj(-_zlib.MAX_WBITS)
        try:
            data = inflater.decompress(src, len(room))
            if not inflater.eof and len(data) == len(room):  # full: is there more, or only the end?
                more = inflater.decompress(inflater.unconsumed_tail, 1)
                if more:
                    raise DecodeError(f"the deflated frame holds more than {len(room) - 1} bytes")
        except _zlib.error as error:
            raise DecodeError(f"the deflated frame is broken: {error}") from error
        if not inflater.eof:
            raise DecodeError("the deflated frame is cut off")
        room[: len(data)] = data
        return len(data)


def _before_the_cut(src: memoryview, room: memoryview) -> int | None:
    """Inflate what there is of a stream that ends too early, and tell how much; None when it does not."""
    inflater = _zlib.decompressobj(-_zlib.MAX_WBITS)
    try:
        data = inflater.decompress(src, len(room))
    except _zlib.error:
        return None
    if inflater.eof or len(data) == len(room):
        return None
    room[: len(data)] = data
    return min(len(data), len(room) - 1)


libdeflate: Any = _Libdeflate()
zlib: Any = _Zlib()
