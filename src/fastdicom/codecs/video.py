"""Frames of MPEG-2, H.264 and HEVC streams (PS3.5 8.2.5 to 8.2.13, A.4.5 to A.4.9) by libav, through PyAV."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import av
import numpy as np

from fastdicom.codecs import _native
from fastdicom.errors import DecodeError, UnsupportedError
from fastdicom.transfer_syntax import get

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fastdicom.codecs.base import FrameInfo

__all__ = ["Reader", "decode"]

# family -> what libav calls the codec, and a stream without a container
_CODECS = {"mpeg2": ("mpeg2video", "mpegvideo"), "h264": ("h264", "h264"), "hevc": ("hevc", "hevc")}
_TS_PACKET = 188


def decode(src: memoryview, info: FrameInfo, out: memoryview, /) -> None:
    """Decode the first frame; see `codecs.base.Decoder`. The others follow from it: `Reader` has them."""
    Reader(src, info).read(0, out)


class Reader:
    """The frames of a stream, in the order in which they are shown; to go back is to begin again.

    Parameters
    ----------
    src : memoryview
        The whole stream: bare, as a program or transport stream, or in an MP4 container.
    info : FrameInfo
        What the data set says. With ``info.wanted_rgb`` frames become RGB by the matrix that the stream names (BT.601 when it names
        none); else chrominance is put at every pixel, and luminance and chrominance stay what they are.
    """

    def __init__(self, src: memoryview, info: FrameInfo) -> None:
        self._src = bytes(src)
        self._info = info
        self._codec, bare = _CODECS[get(info.transfer_syntax_uid).family]
        self._container = _container(self._src, bare)
        self._frames: Iterator[Any] = iter(())
        self._next: int | None = None

    def read(self, number: int, out: memoryview) -> None:
        """Put frame `number` into `out`.

        Raises
        ------
        DecodeError
            The stream is broken before this frame, has fewer frames, or frames that do not fit the data set.
        UnsupportedError
            It is a stream of another codec.
        """
        if self._next is None or number < self._next:
            self._frames, self._next = self._decoded(), 0
        try:
            for frame in self._frames:
                self._next += 1
                if self._next == number + 1:
                    self._put(frame, out)
                    return
        except (av.FFmpegError, ValueError, EOFError) as error:
            self._next = None
            raise DecodeError(f"libav: {error}") from error
        there, self._next = self._next, None
        raise DecodeError(f"the stream has {there} frames, frame {number} was asked")

    def _decoded(self) -> Iterator[Any]:
        # A named format: what is guessed might be a playlist, which opens other files
        with av.open(io.BytesIO(self._src), format=self._container, options={"err_detect": "explode"}) as container:
            if not container.streams.video:
                raise DecodeError("there is no video in the stream")
            stream = container.streams.video[0]
            context = stream.codec_context
            if context.name != self._codec:
                raise UnsupportedError(f"the stream is {context.name}, the transfer syntax is one of {self._codec}")
            context.options = {"err_detect": "explode"}
            stream.thread_type = "AUTO"
            for frame in container.decode(stream):
                if frame.is_corrupt:
                    raise DecodeError("libav decoded a frame from damaged data")
                yield frame

    def _put(self, frame: Any, out: memoryview) -> None:
        info, kind = self._info, frame.format
        bits, components = kind.components[0].bits, 1 if len(kind.components) == 1 else 3
        for name, found, said in (
            ("rows", frame.height, info.rows),
            ("columns", frame.width, info.columns),
            ("components", components, info.samples_per_pixel),
        ):
            if found != said:
                raise DecodeError(f"the frames of the stream have {found} {name}, the data set says {said}")
        size = 1 if bits == 8 else 2
        if size != info.itemsize:
            raise DecodeError(f"the stream has samples of {bits} bits, the data set allocates {info.bits_allocated}")
        deep = "" if bits == 8 else f"{bits}le"
        if components == 1:
            out[:] = _planes(frame.reformat(format=f"gray{deep}"), size).data.cast("B")
        elif info.wanted_rgb and bits == 8:
            out[:] = _rows(frame.reformat(format="rgb24").planes[0], frame.height, 3 * frame.width, 1).data.cast("B")
        else:
            planes = _planes(frame.reformat(format=f"gbrp{deep}" if info.wanted_rgb else f"yuv444p{deep}"), size)
            if info.wanted_rgb:
                planes = planes[[2, 0, 1]]
            _native.interleave(np.ascontiguousarray(planes).data.cast("B"), out, size, 3)


def _rows(plane: Any, height: int, width: int, size: int) -> np.ndarray[Any, np.dtype[Any]]:
    """The samples of a plane, without what pads its lines."""
    lines = np.frombuffer(plane, f"<u{size}").reshape(-1, plane.line_size // size)
    return np.ascontiguousarray(lines[:height, :width])


def _planes(frame: Any, size: int) -> np.ndarray[Any, np.dtype[Any]]:
    return np.stack([_rows(plane, frame.height, frame.width, size) for plane in frame.planes])


def _container(src: bytes, bare: str) -> str:
    """What the stream is in, by its first bytes."""
    if src[4:8] == b"ftyp":
        return "mp4"
    if src[:4] == b"\0\0\1\xba":  # ISO/IEC 13818-1: a pack header
        return "mpeg"
    if src[:1] == b"\x47" and src[_TS_PACKET : _TS_PACKET + 1] == b"\x47":
        return "mpegts"
    return bare
