"""Compressed frames by GDCM (python-gdcm). It is the last choice: streams are known that end the process in it."""

from __future__ import annotations

import gdcm

from fastdicom.codecs._foreign import checked, fill
from fastdicom.codecs._imagecodecs import called
from fastdicom.codecs.base import Decoded
from fastdicom.errors import UnsupportedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fastdicom.codecs.base import FrameInfo

__all__ = ["decode"]


def decode(src: memoryview, info: FrameInfo, out: memoryview, /) -> Decoded | None:
    """Decode one frame; see `codecs.base.Decoder`. The GIL is held, and the frame copied thrice."""
    info = checked(src, info)
    fill(called(lambda: _decoded(bytes(src), info)), info, out)
    stream = info.stream
    return Decoded(stream.rows, stream.columns, stream.components, stream.precision[0]) if stream is not None else None


def _decoded(src: bytes, info: FrameInfo) -> bytes:
    stream = info.stream
    bits = stream.precision[0] if stream is not None else info.bits_stored
    allocated = (8 if bits <= 8 else 16 if bits <= 16 else 32) if stream is not None else info.bits_allocated
    signed = int(stream.signed[0]) if stream is not None and stream.format == "j2k" else info.pixel_representation
    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(src)
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())
    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((info.columns, info.rows, 1))
    image.SetDataElement(element)
    # the colour of the stream is wanted, whatever it is
    photometric = "MONOCHROME2" if info.samples_per_pixel == 1 else "RGB"
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(gdcm.PhotometricInterpretation.GetPIType(photometric)))
    if info.samples_per_pixel > 1:
        image.SetPlanarConfiguration(0)
    kind = gdcm.TransferSyntax.GetTSType(info.transfer_syntax_uid)
    image.SetTransferSyntax(gdcm.TransferSyntax(kind))
    image.SetPixelFormat(gdcm.PixelFormat(info.samples_per_pixel, allocated, bits, bits - 1, signed))
    text = image.GetBuffer()
    if not text:
        raise UnsupportedError("GDCM does not decode this stream")
    data: bytes = text.encode("utf-8", "surrogateescape")  # SWIG gives what it has as text
    return data
