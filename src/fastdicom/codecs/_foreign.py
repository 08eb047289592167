"""What adapters of libraries that return bytes share: whether the stream ends, and whether what came back is a frame."""

from __future__ import annotations

from typing import Any

from fastdicom.codecs import _native, _stream, _tileparts
from fastdicom.codecs._imagecodecs import described, ended, even
from fastdicom.codecs.base import HEADER_OF
from fastdicom.errors import DecodeError
from fastdicom.transfer_syntax import get

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fastdicom.codecs.base import FrameInfo

__all__ = ["checked", "fill"]


def checked(src: memoryview, info: FrameInfo, /) -> FrameInfo:
    """The description with what the stream says; DecodeError when the stream does not fit it, or does not end as its format asks.

    These libraries decode what they find; that it is whole must be known before.
    """
    wanted = HEADER_OF.get(get(info.transfer_syntax_uid).family)
    if wanted is None:
        return info
    info = described(src, info, wanted)
    if wanted == "j2k":
        _tileparts.whole(src)
        return even(info)
    if wanted in ("jpeg", "jpeg-ls"):
        ended(src)
    return info


def fill(data: Any, info: FrameInfo, out: memoryview, /, *, planes: bool = False) -> None:
    """Put the bytes of a decoded frame into `out`, in wider samples where they are narrower.

    Parameters
    ----------
    data : bytes-like
        Little endian samples.
    planes : bool
        Plane behind plane, not interleaved.
    """
    view = memoryview(data).cast("B")
    size, rest = divmod(len(view), info.samples)
    if rest or size not in (1, 2, 4, 8) or size > info.itemsize:
        raise DecodeError(f"the decoder gave {len(view)} bytes, a frame has {info.frame_size}")
    if planes and info.samples_per_pixel > 1:
        interleaved = bytearray(len(view))
        _native.interleave(view, interleaved, size, info.samples_per_pixel)
        view = memoryview(interleaved)
    if size == info.itemsize:
        out[:] = view
    else:
        _stream.widen(view, out, size, info.itemsize, info.stream.signed[0] if info.stream is not None else info.is_signed)
