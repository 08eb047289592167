"""What a stream says against what its data set says: the one place that decides what is decoded, and what sign and colour come out.

PS3.5 8.2.1 (JPEG), 8.2.3 (JPEG-LS), 8.2.4 (JPEG 2000), 8.2.14 (HTJ2K) and 8.2.15 (JPEG XL) say the same of all formats: the data
set shall be consistent with the stream, and the characteristics in the stream shall be used to decode it. So the stream decides
where it says something, with a warning where the data set said otherwise; the data set decides where the stream is silent; and
where it is not safe to follow either of them, there is an error.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from fastdicom.codecs import _native
from fastdicom.codecs.base import HEADER_OF
from fastdicom.codecs.native import shift
from fastdicom.errors import DecodeError, UnsupportedError
from fastdicom.pixels.color import becomes_rgb, to_rgb
from fastdicom.transfer_syntax import get as transfer_syntax_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Literal

    from fastdicom.codecs.base import Decoded, FrameInfo, StreamHeader

    Step = Literal["", "cells", "extend", "either", "fits", "positive"]

__all__ = ["Plan", "agree", "is_exact"]

_NAMES = {"jpeg": "JPEG", "jpeg-ls": "JPEG-LS", "j2k": "JPEG 2000", "jxl": "JPEG XL"}
_LOSSLESS_JPEG = frozenset((3, 7, 11, 15))
_RGB_IDS = ((82, 71, 66), (114, 103, 98))  # 'R', 'G', 'B' and 'r', 'g', 'b'
_FULL = frozenset(("YBR_FULL", "YBR_FULL_422"))
_PARTIAL = frozenset(("YBR_PARTIAL_422", "YBR_PARTIAL_420"))
_RAW = "raw=True gives the samples as they are in the stream"


@dataclass(frozen=True, slots=True)
class Plan:
    """How the frames of one kind of stream become those of the data set.

    Attributes
    ----------
    info : FrameInfo
        What the decoder is told.
    colour : str
        The photometric interpretation of the samples that a decoder gives which does not convert them.
    rgb : bool
        Whether they are luminance and chrominance of which RGB is wanted.
    step : {"", "cells", "extend", "either", "fits", "positive"}
        What is done to the samples that come out, or asked of them, for the sake of their sign.
    bits : int
        The bits for that.
    notes : tuple of str
        Where the data set was not followed, to be warned of.
    unsupported : str
        Why nobody here makes RGB of them, if the decoder has not.
    """

    info: FrameInfo
    colour: str
    rgb: bool
    step: Step
    bits: int
    notes: tuple[str, ...] = ()
    unsupported: str = ""

    def finish(self, held: Decoded | None, out: memoryview) -> None:
        """Give decoded samples the sign and the colour of the data set, in place.

        Raises DecodeError when the decoder says that the stream held something else, or when sign or colour are not safe.
        """
        if held is not None:
            _check_held(self.info, held)
        if self.step:
            self._sign(out)
        if self.rgb and not (held is not None and held.photometric_interpretation == "RGB"):
            if self.unsupported:
                raise UnsupportedError(self.unsupported)
            to_rgb(out, self.colour)

    def is_done(self, held: Decoded | None) -> bool:
        """Whether a frame of which a decoder answers this needs nothing to be done, and no other frame of the same answer does."""
        if held is None:
            return not self.step and not self.rgb
        is_whole = held.whole_rows is None and not held.coarse
        return is_whole and not self.step and not (self.rgb and held.photometric_interpretation != "RGB")

    def _sign(self, out: memoryview) -> None:
        info, bits = self.info, self.bits
        size = info.itemsize
        if self.step == "fits":  # the unsigned samples are the numbers, unless one has the bit that would be a sign
            if _native.unused_clean(out, size, bits, False, True):
                return
        elif self.step == "positive":
            if _native.unused_clean(out, size, 8 * size - 1, False, True):
                return
        elif self.step == "cells":
            _native.shift(out, size, shift(info))
            _native.clear_unused(out, size, bits, info.is_signed)
            return
        elif self.step == "extend" or _native.unused_clean(out, size, bits, True, True) or _native.unused_clean(out, size, bits, False):
            _native.clear_unused(out, size, bits, info.is_signed)
            return
        stream = info.stream
        found = "" if stream is None else f"{'signed' if stream.signed[0] else 'unsigned'} samples of {max(stream.precision)} bits"
        raise DecodeError(
            f"the stream has {found}, the data set says {'signed' if info.is_signed else 'unsigned'} of {info.bits_stored}, and there "
            "are samples for which that makes a difference; frames.encoded(i) gives the stream as it is"
        )


def is_exact(info: FrameInfo, header: StreamHeader) -> bool:
    """Whether a stream gives back every bit of the cells that were compressed: by its header, and for some by its transfer syntax too."""
    if header.format == "jpeg":
        return header.process in _LOSSLESS_JPEG and not header.point_transform
    if header.format == "jpeg-ls":
        return not header.near and not header.point_transform
    if not transfer_syntax_of(info.transfer_syntax_uid).lossless:  # a reversible stream may have lost its last layers
        return False
    return header.is_reversible if header.format == "j2k" else not (header.is_xyb or header.is_recompressed)


def agree(info: FrameInfo, header: StreamHeader | None, rgb: bool, has_overlay: bool = False) -> Plan:
    """Compare a stream with its data set.

    Parameters
    ----------
    info : FrameInfo
        What the data set says.
    header : StreamHeader or None
        What the stream says; None where it does not (RLE, raw bytes): then the data set decides all.
    rgb : bool
        Whether luminance and chrominance shall become RGB. If not, colour is nobody's matter here.
    has_overlay : bool
        Whether the data set says that a bit above its samples is an overlay.

    Returns
    -------
    Plan
        What the decoder is told, and what is to be done with what it gives.

    Raises
    ------
    DecodeError
        They contradict each other, and neither can be followed safely.
    UnsupportedError
        The stream is of a kind that has no place in DICOM and that nobody here decodes.
    """
    if header is None:
        # PS3.5 8.1.1: the bits above Bits Stored say nothing. RLE compresses whole cells (PS3.5 G.2)
        is_rle = transfer_syntax_of(info.transfer_syntax_uid).family == "rle"
        step: Step = "" if info.kind != "int" or info.bits_stored == 8 * info.itemsize else "cells" if is_rle else "extend"
        return _plan(info, info.photometric_interpretation, rgb, step, info.bits_stored)
    _check_layout(info, header)
    step, bits = _signs(info, header, has_overlay)
    colour, notes = (info.photometric_interpretation, ()) if not rgb else _colour(info, header)
    notes = (*_contradictions(info, header), *notes)
    wanted = rgb and header.format == "jpeg" and colour == "YBR_FULL"
    return _plan(replace(info, stream=header, wanted_rgb=wanted), colour, rgb, step, bits, notes)


def _contradictions(info: FrameInfo, header: StreamHeader) -> Iterator[str]:
    """Where the two do not say the same, and one reading is safe: how the stream was read."""
    syntax = transfer_syntax_of(info.transfer_syntax_uid)
    if header.format == "jpeg" and syntax.family in ("jpeg", "jpeg-lossless"):
        lossless = header.process in _LOSSLESS_JPEG
        if lossless != (syntax.family == "jpeg-lossless"):
            found = "lossless" if lossless else "lossy"
            yield f"the stream is {found} JPEG (SOF{header.process}), the transfer syntax is {syntax.name}: the stream was followed"
    # without a sign in the format there is nothing that could contradict
    if header.format == "j2k" and info.kind == "int" and header.signed[0] != info.is_signed:
        found, said = ("signed", "unsigned") if header.signed[0] else ("unsigned", "signed")
        yield f"Pixel Representation says {said} samples, the JPEG 2000 stream {found} ones: the same bits were taken for {said} ones"


def _plan(info: FrameInfo, colour: str, rgb: bool, step: Step, bits: int, notes: tuple[str, ...] = ()) -> Plan:
    """Whether there is something to convert is settled once, not for every frame."""
    unsupported = ""
    try:
        rgb = rgb and becomes_rgb(replace(info, photometric_interpretation=colour))
    except UnsupportedError as error:
        unsupported = str(error)
    return Plan(info, colour, rgb, step, bits, notes, unsupported)


def _check_held(info: FrameInfo, held: Decoded) -> None:
    """What a decoder says that it found, once more: third parties decode streams whose headers nobody here reads."""
    found = (held.rows, held.columns, held.samples_per_pixel)
    said = (info.rows, info.columns, info.samples_per_pixel)
    for name, there, wanted in zip(("rows", "columns", "components"), found, said, strict=True):
        if there is not None and there != wanted:
            raise DecodeError(f"the stream has {there} {name}, the data set says {wanted}")
    if held.precision is not None and held.precision > info.bits_allocated:
        raise DecodeError(f"the stream has samples of {held.precision} bits, the data set allocates {info.bits_allocated}")


def _check_layout(info: FrameInfo, header: StreamHeader) -> None:
    """The format and the shape: never a crop, and never a channel more or less, in silence."""
    syntax = transfer_syntax_of(info.transfer_syntax_uid)
    expected = HEADER_OF.get(syntax.family, header.format)
    if header.format != expected:
        raise DecodeError(f"the stream is {_NAMES[header.format]}, the transfer syntax is {info.transfer_syntax_uid} ({syntax.name})")
    for name, there, wanted in (
        ("rows", header.rows, info.rows),
        ("columns", header.columns, info.columns),
        ("components", header.components, info.samples_per_pixel),
    ):
        if name == "rows" and there == 0 and header.format == "jpeg" and header.process == 3:
            continue  # they are told behind the first scan (T.81 B.2.5), where our decoder reads and compares them
        if there != wanted:
            raise DecodeError(f"the stream has {there} {name}, the data set says {wanted}")
    precision = max(header.precision)
    if precision > info.bits_allocated:
        raise DecodeError(f"the stream has samples of {precision} bits, the data set allocates {info.bits_allocated}")
    if header.is_float != (info.kind != "int"):
        found, said = ("floating point numbers", "Pixel Data") if header.is_float else ("integers", "Float Pixel Data")
        raise DecodeError(f"the stream has {found}, which do not belong into {said}")
    if header.is_uneven:
        raise UnsupportedError(f"the components of the stream differ in precision or sign: {header.precision} bits")
    if header.extra:  # PS3.5 8.2.15: 1 or 3 samples a pixel; alpha has no place
        what = "an alpha channel" if header.has_alpha else f"{header.extra} extra channel(s)"
        raise DecodeError(f"the stream has {what} besides {header.components} components, the data set has no place for it")
    if header.orientation != 1:  # a decoder would turn the image: Rows, Columns and all geometry in the data set would be wrong
        raise DecodeError(f"the stream has orientation {header.orientation}, which PS3.3 knows nothing of: 1 was expected")
    if header.mapped:
        raise UnsupportedError("the samples of the JPEG-LS stream are indices of a mapping table (ITU T.87 A.1)")
    if header.format == "j2k" and any(each != (1, 1) for each in header.sampling):
        raise UnsupportedError(f"the components of the JPEG 2000 stream are subsampled: {header.sampling}")


def _signs(info: FrameInfo, header: StreamHeader, has_overlay: bool) -> tuple[Step, int]:
    """What the numbers in the stream are in the data set: Pixel Representation against the sign of the stream.

    Streams of JPEG, JPEG-LS and JPEG XL have no sign: a signed sample is in them as its two's complement bits, and gets its sign
    back at Bits Stored (PS3.5 8.2.1, 8.2.3). JPEG 2000 has one, and encoders that ignore it are common in both directions
    (pydicom #1149, #2009, #2073): they passed bits through, and the same bits are read as the data set says, if stream and data
    set agree in how many there are. Where they do not, the two readings (extension at the precision of the stream or at Bits
    Stored) must give the same numbers for every sample.
    """
    if info.kind != "int":
        return "", 0
    precision, stored, width = max(header.precision), info.bits_stored, 8 * info.itemsize
    if header.format == "jpeg" and header.process in _LOSSLESS_JPEG and precision > stored:
        # whole cells were compressed, with whatever was in the unused bits (PS3.5 8.1.1), such as overlays
        return ("cells" if precision > info.high_bit else "extend"), stored
    if precision > max(stored, info.high_bit) and (has_overlay or shift(info)) and is_exact(info, header):
        return "cells", stored  # the same of the other formats, where the data set says so: else their precision is what counts
    if header.signed[0] == info.is_signed:
        # A precision above Bits Stored is what counts (PS3.5 8.2.4): lossy streams overshoot, and to cut off bits would
        # turn white into black
        return "", 0
    if info.is_signed:
        if precision == stored:
            return ("extend", stored) if stored < width else ("", 0)
        return ("either", stored) if precision > stored else ("fits", precision - 1)
    if precision == stored:
        return ("extend", stored) if stored < width else ("", 0)
    return "positive", precision


def _colour(info: FrameInfo, header: StreamHeader) -> tuple[str, tuple[str, ...]]:
    """The photometric interpretation of what a decoder gives, and where that is not what the data set says."""
    if header.components != 3:
        return info.photometric_interpretation, ()
    if header.format == "j2k":
        return _colour_j2k(info, header)
    if header.format == "jxl":
        return _colour_jxl(info, header)
    return _colour_jpeg(info, header)


def _no_reading(info: FrameInfo, found: str) -> DecodeError:
    return DecodeError(f"{found}, the data set says {info.photometric_interpretation}: the colour is not safe to tell; {_RAW}")


def _follow(info: FrameInfo, colour: str, found: str, agreeing: frozenset[str]) -> tuple[str, tuple[str, ...]]:
    said = info.photometric_interpretation
    return colour, () if said in agreeing else (f"Photometric Interpretation is {said}, but {found}: the stream was followed",)


def _colour_jpeg(info: FrameInfo, header: StreamHeader) -> tuple[str, tuple[str, ...]]:
    """JPEG and JPEG-LS: components have no colour of their own (ITU T.81); those who write streams mark it in three ways.

    JFIF is YCbCr (ITU T.871 6.1); Adobe's APP14 says 0 for none, 1 for YCbCr (ITU T.872 6.5.3); identifiers 'R', 'G', 'B' are what
    libjpeg and DCMTK write for RGB. pydicom 3 goes by identifiers and JFIF in this way, against the data set (pydicom #2029).
    """
    said, rgb, ybr = info.photometric_interpretation, [], []
    if header.ids in _RGB_IDS:
        rgb.append("component identifiers " + bytes(header.ids).decode())
    if header.hp_transform:
        rgb.append("HP's colour transform, which is undone")
    if header.jfif:
        ybr.append("a JFIF segment (YCbCr)")
    if header.adobe is not None:
        (rgb if header.adobe == 0 else ybr).append(f"an Adobe segment with transform {header.adobe}")
    if (rgb and ybr) or header.adobe not in (None, 0, 1):
        raise _no_reading(info, "the stream has " + " and ".join(rgb + ybr))
    if rgb:
        return _follow(info, "RGB", "the stream has " + rgb[0], frozenset(("RGB",)))
    if ybr:
        return _follow(info, "YBR_FULL", "the stream has " + ybr[0], _FULL)
    if said in _PARTIAL:
        return said, ()
    if header.is_subsampled:  # nobody subsamples green and blue
        return _follow(info, "YBR_FULL", "the second and third component of the stream are subsampled", _FULL)
    if said in _FULL:
        return "YBR_FULL", ()
    if said == "RGB":
        return said, ()
    raise _no_reading(info, "the stream has three components and does not say which")


def _colour_j2k(info: FrameInfo, header: StreamHeader) -> tuple[str, tuple[str, ...]]:
    """JPEG 2000: PS3.5 8.2.4 ties Photometric Interpretation to the multiple component transform (RCT, ICT) of the stream.

    With the transform a decoder gives RGB, whatever of the two names the data set has. Without it the samples are what was
    encoded: RGB, or YBR_FULL. An RCT of 8 bits has 9 bits of chrominance (ITU T.800 G.2), so that YBR_RCT without the transform
    can only be RGB; YBR_ICT might be YCbCr that was made outside, or RGB.
    """
    said = info.photometric_interpretation
    if header.transform:
        if said in _FULL or said in _PARTIAL:
            raise _no_reading(info, "the JPEG 2000 stream has a multiple component transform, which gives RGB")
        return _follow(info, "RGB", "the JPEG 2000 stream has a multiple component transform", frozenset(("RGB", "YBR_RCT", "YBR_ICT")))
    if said in _FULL:
        return "YBR_FULL", ()
    if said in ("RGB", *_PARTIAL):
        return said, ()
    if said == "YBR_RCT":
        return _follow(info, "RGB", "the JPEG 2000 stream has no multiple component transform", frozenset())
    raise _no_reading(info, "the JPEG 2000 stream has three components without a multiple component transform")


def _colour_jxl(info: FrameInfo, header: StreamHeader) -> tuple[str, tuple[str, ...]]:
    """JPEG XL: XYB and the YCbCr of a recompressed JPEG are undone by the decoder, which gives RGB (PS3.5 8.2.15)."""
    said = info.photometric_interpretation
    if header.is_xyb or header.is_recompressed or info.transfer_syntax_uid == "1.2.840.10008.1.2.4.111":
        return "RGB", ()
    if said in ("RGB", "XYB"):
        return _follow(info, "RGB", "the JPEG XL stream holds RGB", frozenset(("RGB",)))
    raise _no_reading(info, "the JPEG XL stream holds three components without XYB")
