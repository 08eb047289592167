"""One frame without a data set around it: its stream, and what somebody says of it."""

from __future__ import annotations

import warnings
from typing import Any

from fastdicom.codecs import _stream, registry
from fastdicom.codecs.base import HEADER_OF
from fastdicom.errors import DecodeError, DicomError, DicomWarning
from fastdicom.pixels.agree import agree
from fastdicom.pixels.stored import check_stream_size
from fastdicom.transfer_syntax import get as transfer_syntax_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fastdicom.codecs.base import FrameInfo, StreamHeader

__all__ = ["decode_stream", "header_of"]


def header_of(src: memoryview, info: FrameInfo) -> StreamHeader | None:
    """What the stream says of itself, None where those of its transfer syntax say nothing."""
    return _stream.header(src) if transfer_syntax_of(info.transfer_syntax_uid).family in HEADER_OF else None


def decode_stream(
    src: memoryview, info: FrameInfo, out: memoryview | None = None, *, rgb: bool = True, decoder: str | None = None
) -> memoryview:
    """Decode the stream of one frame, with all that is asked of frames in a data set.

    Parameters
    ----------
    src : memoryview
        The bitstream, whole, without item headers.
    info : FrameInfo
        What is said of the frame; it is not looked at once more whether that is possible at all.
    out : memoryview, optional
        ``info.frame_size`` writable bytes; made when not given, after the stream was seen to be able to fill them.
    rgb : bool
        Whether luminance and chrominance become RGB.
    decoder : str, optional
        The name of the decoder, as in ``fastdicom.codecs.available()``.

    Returns
    -------
    memoryview
        `out`: interleaved little endian samples.

    Raises
    ------
    DecodeError
        The stream is broken, or contradicts what was said of it.
    UnsupportedError, MissingDecoderError
        Nobody here decodes it.
    """
    codec = registry.load(info.transfer_syntax_uid, decoder)
    plan = agree(info, header_of(src, info), rgb)
    for note in plan.notes:
        warnings.warn(f"pixel data: {note}", DicomWarning, stacklevel=3)
    check_stream_size(info, len(src))
    if out is None:
        out = memoryview(bytearray(info.frame_size))
    try:
        held: Any = codec.decode(src, plan.info, out)
    except (DicomError, MemoryError, KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # somebody else's decoder: what panics in Rust is no Exception
        raise DecodeError(f"{type(error).__name__}: {error}") from error
    plan.finish(held, out)
    return out
