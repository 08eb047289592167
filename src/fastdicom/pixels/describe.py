"""What a data set says about its pixels, checked in Python integers before anything is multiplied into an allocation."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, replace
from typing import Any

from fastdicom.codecs import native
from fastdicom.codecs.base import FrameInfo
from fastdicom.errors import DecodeError, DicomWarning, MissingElementError, TruncatedError, UnsupportedError
from fastdicom.transfer_syntax import get as transfer_syntax_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from fastdicom.transfer_syntax import TransferSyntax

__all__ = ["Description", "describe"]

# PS3.3 C.7.6.3.1.2, retired ones included
PHOTOMETRIC_INTERPRETATIONS = frozenset(
    (
        "MONOCHROME1",
        "MONOCHROME2",
        "PALETTE COLOR",
        "RGB",
        "YBR_FULL",
        "YBR_FULL_422",
        "YBR_ICT",
        "YBR_RCT",
        "YBR_PARTIAL_420",
        "YBR_PARTIAL_422",
        "XYB",
        "HSV",
        "ARGB",
        "CMYK",
    )
)
_TAGS = {
    "SamplesPerPixel": 0x00280002,
    "PhotometricInterpretation": 0x00280004,
    "PlanarConfiguration": 0x00280006,
    "NumberOfFrames": 0x00280008,
    "Rows": 0x00280010,
    "Columns": 0x00280011,
    "BitsAllocated": 0x00280100,
    "BitsStored": 0x00280101,
    "HighBit": 0x00280102,
    "PixelRepresentation": 0x00280103,
}
_KINDS: tuple[tuple[int, Literal["int", "float", "double"], int], ...] = (
    (0x7FE00010, "int", 0),
    (0x7FE00008, "float", 32),
    (0x7FE00009, "double", 64),
)
_ABSENT: Any = object()


@dataclass(frozen=True, slots=True)
class Description:
    """The frames of a data set.

    Attributes
    ----------
    info : FrameInfo
        What each frame is.
    number_of_frames : int
        How many there are: Number of Frames, or more when an uncompressed value holds more whole ones.
    element : DataElement
        The element that holds them.
    available : int
        How many of them lie in the file whole: less when it was cut off.
    is_native : bool
        Whether they are uncompressed.
    """

    info: FrameInfo
    number_of_frames: int
    element: Any
    available: int
    is_native: bool

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array of all frames; one frame has no frame axis."""
        return self.info.shape if self.number_of_frames == 1 else (self.number_of_frames, *self.info.shape)


def warn(dataset: Any, text: str) -> None:
    """Give a DicomWarning, once a file where the data set knows its file."""
    source = getattr(dataset, "source", None)
    if source is not None:
        source.warn(f"pixel data: {text}", text)
    else:
        warnings.warn(f"pixel data: {text}", DicomWarning, stacklevel=2)


def path_of(dataset: Any) -> Any:
    """The path of the file that a data set is in, for errors; None when it is in memory."""
    return getattr(getattr(dataset, "source", None), "path", None)


def _where(keyword: str) -> str:
    tag = _TAGS[keyword]
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X}) {keyword}"


def _integer(keyword: str, value: Any) -> int:
    """A whole number, whatever VR it was written in; hostile files write Rows as UL, or as text."""
    if type(value) is int:
        return value
    if value is None or (isinstance(value, str) and not value.strip()):
        raise MissingElementError(f"{_where(keyword)} is empty: without it the pixel data cannot be read")
    try:
        number = float(value) if isinstance(value, (str, float)) else value
        if number == int(number):
            return int(value)
    except (TypeError, ValueError, OverflowError):
        pass
    raise DecodeError(f"{_where(keyword)} is {str(value)[:100]!r}: one whole number was expected")


def _required(dataset: Any, keyword: str, low: int, high: int) -> int:
    value = dataset.get(keyword, _ABSENT)
    if type(value) is not int:
        if value is _ABSENT:
            raise MissingElementError(f"{_where(keyword)} is absent: without it the pixel data cannot be read")
        value = _integer(keyword, value)
    if not low <= value <= high:
        raise DecodeError(f"{_where(keyword)} is {value}: {low} to {high} was expected")
    return value


def _number_of_frames(dataset: Any) -> int:
    value = dataset.get("NumberOfFrames", _ABSENT)
    if value is _ABSENT:
        return 1
    if value is None or value == 0 or (isinstance(value, str) and not value.strip()):
        warn(dataset, f"{_where('NumberOfFrames')} is {'empty' if value != 0 else '0'}: one frame was assumed")
        return 1
    number = _integer("NumberOfFrames", value)
    if number < 1:
        raise DecodeError(f"{_where('NumberOfFrames')} is {number}: at least 1 was expected")
    return number


def _element(dataset: Any) -> tuple[Any, Literal["int", "float", "double"], int]:
    found = [(dataset[tag], kind, bits) for tag, kind, bits in _KINDS if tag in dataset]
    if not found:
        raise MissingElementError("there is no Pixel Data (7FE0,0010), nor Float (7FE0,0008) or Double Float Pixel Data (7FE0,0009)")
    if len(found) > 1:  # PS3.3 C.7.6.3, C.7.6.24, C.7.6.25: only one of them
        raise DecodeError("more than one of Pixel Data, Float Pixel Data and Double Float Pixel Data is present")
    return found[0]


def _syntax(dataset: Any, element: Any) -> TransferSyntax:
    """The transfer syntax of the pixels: an item, such as an icon's, has that of its file (PS3.5 A.4)."""
    syntax: TransferSyntax = dataset.transfer_syntax
    outer = getattr(getattr(dataset, "source", None), "transfer_syntax", None)
    if syntax.family == "native" and element.is_encapsulated and outer:
        return transfer_syntax_of(outer)
    return syntax


def _bits(dataset: Any, kind: str, float_bits: int) -> tuple[int, int, int, int]:
    """Bits Allocated, Bits Stored, High Bit, Pixel Representation."""
    allocated = _required(dataset, "BitsAllocated", 0, 65535)
    if kind != "int":  # PS3.3 C.7.6.24, C.7.6.25
        if allocated != float_bits:
            raise DecodeError(f"{_where('BitsAllocated')} is {allocated}: {kind} pixels have {float_bits}")
        return allocated, allocated, allocated - 1, 0
    if allocated not in (1, 8, 12, 16, 32, 64):
        raise UnsupportedError(f"{_where('BitsAllocated')} is {allocated}: 1, 8, 12, 16, 32 and 64 can be read")
    stored = _required(dataset, "BitsStored", 1, allocated)
    sign = _required(dataset, "PixelRepresentation", 0, 1)
    return allocated, stored, _high_bit(dataset, allocated, stored), sign


def _high_bit(dataset: Any, allocated: int, stored: int) -> int:
    """High Bit, where it makes sense.

    PS3.5 8.1.1 says Bits Stored - 1, which earlier editions did not: with a higher one the samples are shifted down, as dcmtk and GDCM do.
    pydicom takes the lower bits, which are not the samples.
    """
    high = dataset.get("HighBit")
    if high == stored - 1 or type(high) is not int:
        return stored - 1
    if not stored <= high < allocated or allocated in (1, 12):
        warn(dataset, f"{_where('HighBit')} is {high}: {stored - 1} was assumed, as {_where('BitsStored')} is {stored}")
        return stored - 1
    return high


def _photometric(dataset: Any) -> str:
    value = dataset.get("PhotometricInterpretation", _ABSENT)
    if value is _ABSENT or value is None or value == "":
        state = "absent" if value is _ABSENT else "empty"
        raise MissingElementError(f"{_where('PhotometricInterpretation')} is {state}: without it the pixel data cannot be read")
    if not isinstance(value, str) or value not in PHOTOMETRIC_INTERPRETATIONS:
        raise UnsupportedError(f"{_where('PhotometricInterpretation')} is {str(value)[:100]!r}, which PS3.3 C.7.6.3.1.2 does not know")
    return value


def _big_endian_unit(element: Any, syntax: Any, kind: str, allocated: int) -> int:
    """Big endian words, where they are: what the element was found in counts, not what group 0002 said."""
    # GE's private syntax is little endian but for these words
    if not (element.is_big_endian or (syntax.pixels_big_endian and not syntax.big_endian)):
        return 1
    if kind == "int" and allocated in (1, 8, 12):
        return 2 if element.VR == "OW" else 1  # PS3.5 8.1.2: OB has no byte order
    return allocated // 8


def describe(dataset: Any, *, partial: bool = False) -> Description:
    """Read and check what a data set says about its pixels; no pixel is touched.

    Parameters
    ----------
    dataset : Dataset
        The data set with the Image Pixel module (PS3.3 C.7.6.3).
    partial : bool
        An uncompressed value that is too short is no error.

    Returns
    -------
    Description
        The description of a frame, the number of frames and the element that holds them.

    Raises
    ------
    MissingElementError
        There are no pixels, or an element that is needed to read them is absent or empty.
    DecodeError
        An element contradicts the standard, another element or the length of the value.
    UnsupportedError
        A layout that nobody here reads.
    TruncatedError
        The file ends before the first frame is whole.
    """
    element, kind, float_bits = _element(dataset)
    syntax = _syntax(dataset, element)
    samples = _required(dataset, "SamplesPerPixel", 1, 65535)
    photometric = _photometric(dataset)
    frames = _number_of_frames(dataset)
    rows = _required(dataset, "Rows", 1, 65535)
    columns = _required(dataset, "Columns", 1, 65535)
    allocated, stored, high, sign = _bits(dataset, kind, float_bits)
    is_native = syntax.family == "native"
    if samples not in (1, 3):
        raise UnsupportedError(f"{_where('SamplesPerPixel')} is {samples}: 1 and 3 can be read")
    planar = 0
    if samples == 3 and (is_native or "PlanarConfiguration" in dataset):
        planar = _required(dataset, "PlanarConfiguration", 0, 1)
    unit = _big_endian_unit(element, syntax, kind, allocated) if is_native else 1
    info = FrameInfo(rows, columns, samples, allocated, stored, high, sign, photometric, planar, syntax.uid, kind, unit)
    if not is_native:
        return Description(info, frames, element, frames, False)
    if element.is_encapsulated or element.is_undefined_length:
        raise DecodeError(f"the pixel data is made of fragments, but the transfer syntax is {syntax.uid} ({syntax.name})")
    _check_layout(info)
    if photometric in ("YBR_ICT", "YBR_RCT"):  # transformations of JPEG 2000: whoever decompressed it undid them with it
        warn(dataset, f"{_where('PhotometricInterpretation')} is {photometric}, but the pixels are uncompressed: they were taken for RGB")
    frames, available = _check_length(dataset, element, info, frames, partial)
    if photometric in native.SUBSAMPLED:  # from here on it is known to be what it says
        return Description(replace(info, planar_configuration=0), frames, element, available, True)
    return Description(info, frames, element, available, True)


def _check_layout(info: FrameInfo) -> None:
    photometric = info.photometric_interpretation
    if photometric in native.SUBSAMPLED:
        if info.samples_per_pixel != 3 or info.bits_allocated not in (8, 16, 32):
            raise UnsupportedError(
                f"{photometric} with {info.samples_per_pixel} samples of {info.bits_allocated} bits: PS3.3 C.7.6.3.1.2 defines it for 3"
            )
        if info.rows * info.columns % 2:
            raise DecodeError(f"{photometric} needs pairs of pixels: {info.rows} x {info.columns} is odd")
    elif photometric == "YBR_PARTIAL_420":  # retired; the standard gave no order of its samples
        raise UnsupportedError("YBR_PARTIAL_420 is for compressed frames only: how it lies in uncompressed ones is nowhere said")


def _check_length(dataset: Any, element: Any, info: FrameInfo, frames: int, partial: bool) -> tuple[int, int]:
    """The number of frames, and how many of them are whole; raises when the value is too short for what the header says."""
    bits, length = native.frame_bits(info), element.length
    expected, whole = (bits * frames + 7) // 8, native.whole_frames(info, length)
    if partial and whole < frames:
        return frames, whole
    if length == expected or length == expected + expected % 2:
        return frames, frames
    if length < expected:
        text = f"the pixel data has {length} bytes, {frames} frame(s) of {info.rows} x {info.columns} need {expected}"
        if not element.is_truncated:
            raise DecodeError(text)
        if not whole:
            raise TruncatedError(f"the file ends inside the first frame: {text}", element.tag, element.offset, path_of(dataset))
        return frames, whole
    excess = f"the pixel data has {length} bytes, {expected} were expected"
    photometric = info.photometric_interpretation
    if photometric in native.SUBSAMPLED:
        full = expected // 2 * 3
        if length >= full + full % 2:  # written whole: the pairs would be read as what they are not
            raise DecodeError(f"{excess} of {photometric}: it is not subsampled, the photometric interpretation is wrong")
    elif (whole := 8 * length // bits) > frames:
        warn(dataset, f"{excess}: there are {whole} frames, {_where('NumberOfFrames')} says {frames}; all are read")
        return whole, whole
    warn(dataset, f"{excess}: the rest is padding and was ignored")
    return frames, frames


def decoded_size(info: FrameInfo, frames: int) -> int:
    """The bytes of so many decoded frames."""
    return math.prod((frames, info.rows, info.columns, info.samples_per_pixel, info.itemsize))
