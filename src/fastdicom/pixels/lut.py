"""Look-up tables and windows of a data set (PS3.3 C.7.6.3.1.5, C.7.9, C.11.1, C.11.2, C.11.6), under pydicom's names.

Each function takes an array and the data set, or item of a functional group, whose module says what is done to it. What pydicom
returns is what these return, with its dtypes; the tests hold both together. Where a table is damaged, these raise.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastdicom.errors import DecodeError, DicomError, MissingElementError, UnsupportedError
from fastdicom.pixels import _lut
from fastdicom.pixels.describe import warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[Any]

__all__ = [
    "Table",
    "apply_modality_lut",
    "apply_presentation_lut",
    "apply_rescale",
    "apply_voi",
    "apply_voi_lut",
    "apply_windowing",
    "look_up",
    "read_table",
    "sequence",
]

_KINDS = {np.dtype(name): number for number, name in enumerate(_lut.KINDS)}
_NAN = float("nan")


# Arrays


def samples(arr: Any) -> tuple[Array, int]:
    """An array as the C code wants it, in one piece and in the byte order of the machine, and the number of its kind."""
    arr = np.asarray(arr)
    kind = _KINDS.get(arr.dtype.newbyteorder("="))
    if kind is None:
        if arr.dtype == np.bool_:
            arr, kind = arr.view(np.uint8), 0
        elif arr.dtype == np.float16:
            arr, kind = arr.astype(np.float32), _KINDS[np.dtype("f4")]
        else:
            raise TypeError(f"the array is of {arr.dtype}: whole or floating-point numbers were expected")
    return np.ascontiguousarray(arr, arr.dtype.newbyteorder("=")), kind


def flat(arr: Array) -> memoryview:
    """The bytes of an array that is in one piece."""
    return arr.reshape(-1).view(np.uint8).data


def has_patterns(arr: Array) -> bool:
    """Whether samples have so few values, and the array so many samples, that it pays to make a table of all values first."""
    return arr.dtype.kind in "iu" and arr.itemsize <= 2 and arr.size >= 1 << 8 * arr.itemsize


def patterns(dtype: np.dtype[Any]) -> Array:
    """All values of a type of 1 or 2 bytes, in the order of their bit patterns."""
    made: Array = np.arange(1 << 8 * dtype.itemsize, dtype=f"u{dtype.itemsize}").view(dtype)
    return made


def map_patterns(arr: Array, table: Array) -> Array:
    """Look samples up in a table of all their patterns: (patterns,) or (patterns, channels)."""
    table, channels = _padded(table)
    out = np.empty((*arr.shape, channels) if channels > 1 else arr.shape, table.dtype)
    stride = table.itemsize * (1 if table.ndim == 1 else table.shape[1])
    _lut.map_all(flat(arr), arr.itemsize, flat(table), stride, flat(out), channels * table.itemsize)
    return out


def _padded(table: Array) -> tuple[Array, int]:
    """RGB entries get a fourth number, so that they stand 4 or 8 bytes apart."""
    channels = 1 if table.ndim == 1 else table.shape[1]
    if channels == 3:
        wide = np.zeros((len(table), 4), table.dtype)
        wide[:, :3] = table
        table = wide
    return np.ascontiguousarray(table), channels


def look_up(arr: Any, first: int, table: Array) -> Array:
    """``table[arr - first]``, numbers below the table giving its first entry and those beyond it the last.

    Parameters
    ----------
    arr : array_like
        Samples of any shape; floating-point ones are cut to whole numbers.
    first : int
        The sample that the first entry is for; from -2147483648 to 65535.
    table : numpy.ndarray
        (entries,) or (entries, channels) of uint8 or uint16, with 1, 3 or 4 channels.

    Returns
    -------
    numpy.ndarray
        Of the shape of `arr`, with the channels last.
    """
    arr, kind = samples(arr)
    if has_patterns(arr):
        return map_patterns(arr, look_up_plainly(patterns(arr.dtype), kind, first, table))
    return look_up_plainly(arr, kind, first, table)


def look_up_plainly(arr: Array, kind: int, first: int, table: Array) -> Array:
    table, channels = _padded(table)
    out = np.empty((*arr.shape, channels) if channels > 1 else arr.shape, table.dtype)
    stride = table.itemsize * (1 if table.ndim == 1 else table.shape[1])
    _lut.apply(flat(arr), kind, first, flat(table), stride, flat(out), channels * table.itemsize)
    return out


def rescale(arr: Any, slope: float, intercept: float) -> Array:
    """Doubles: ``arr * slope + intercept``."""
    arr, kind = samples(arr)
    out = np.empty(arr.shape, np.float64)
    _lut.rescale(flat(arr), kind, flat(out), slope, intercept)
    return out


def value_range(arr: Any, padding: tuple[float, float] | None = None) -> tuple[float, float] | None:
    """The least and the greatest finite sample that is no padding; None when there is none."""
    arr, kind = samples(arr)
    low, high = padding if padding is not None else (_NAN, _NAN)
    return _lut.value_range(flat(arr), kind, low, high)


# What a data set says


def number(ds: Any, keyword: str, default: float | None = None, index: int = 0) -> float | None:
    """A number of a data set, the one at `index` of several; `default` where it is absent or empty.

    Raises
    ------
    DecodeError
        It is no finite number.
    """
    value = ds.get(keyword)
    if not isinstance(value, str) and hasattr(value, "__getitem__"):
        value = value[index] if len(value) > index else None
    if value is None or (isinstance(value, str) and not value.strip(" \0")):
        return default
    try:
        made = float(value)
    except (TypeError, ValueError, OverflowError):
        made = _NAN
    if not math.isfinite(made):
        raise DecodeError(f"{keyword} is {str(value)[:100]!r}: a finite number was expected")
    return made


def text(ds: Any, keyword: str) -> str:
    """A text of a data set in capitals, the first of several; empty where it is absent."""
    value = ds.get(keyword)
    if not isinstance(value, str) and hasattr(value, "__getitem__") and len(value):
        value = value[0]
    return str(value).strip(" \0").upper() if value is not None else ""


def sequence(ds: Any, keyword: str) -> Any:
    """The items of a sequence of a data set; an empty list where it is absent, or no sequence."""
    value = ds.get(keyword)
    if value is None or isinstance(value, (str, bytes, memoryview, int, float)):
        return []
    return value if len(value) and hasattr(value[0], "get") else []


def luts(ds: Any, keyword: str) -> Any:
    """The items of a sequence of tables; an empty list where it is absent, or its first item was emptied (anonymised files)."""
    items = sequence(ds, keyword)
    if len(items) and items[0].get("LUTDescriptor") is None and items[0].get("LUTData") is None:
        warn(ds, f"{keyword} has an item without a table: it was ignored")
        return []
    return items


@dataclass(frozen=True, slots=True)
class Table:
    """A look-up table.

    Attributes
    ----------
    first : int
        The sample that the first entry is for.
    bits : int
        Of an entry, as the descriptor says, or more where the entries need more.
    entries : numpy.ndarray
        uint8 where bits are 8 or less, else uint16.
    """

    first: int
    bits: int
    entries: Array


def descriptor(ds: Any, keyword: str, is_signed: bool | None = None) -> tuple[int, int, int]:
    """Number of entries (0 says 65536), first sample, bits of an entry (PS3.3 C.7.6.3.1.5, C.11.1.1, C.11.2.1.1).

    `is_signed` says how the first sample is meant where its VR does not tell.
    """
    value = ds.get(keyword)
    if value is None:
        raise MissingElementError(f"{keyword} is absent")
    try:
        count, first, bits = (int(one) for one in value)
    except (TypeError, ValueError):
        raise DecodeError(f"{keyword} is {str(value)[:100]!r}: three numbers were expected") from None
    if not (-32768 <= count <= 65536 and -32768 <= first <= 65535 and 1 <= bits <= 16):
        raise DecodeError(f"{keyword} is {count}, {first}, {bits}: entries up to 65535, a 16-bit number and up to 16 bits were expected")
    count &= 0xFFFF  # the first and the third value are unsigned, whatever the VR
    if is_signed is not None:
        first = first - 65536 if is_signed and first > 32767 else first + 65536 if not is_signed and first < 0 else first
    return count or 65536, first, bits


def entries(ds: Any, keyword: str, count: int, bits: int, is_palette: bool = False) -> Array:
    """The entries of a table, of OW, US, OB or SS.

    8-bit entries are packed two in a word, or stand alone in words (PS3.3 C.7.6.3.1.6): the length tells. Palettes that say 16 bits
    and have a byte an entry are read as pydicom does.

    Raises
    ------
    MissingElementError
        There are none.
    DecodeError
        There are fewer than the descriptor says.
    """
    elem = ds.get(keyword) if ds.get(keyword) is None else ds[keyword]
    if elem is None or elem.value is None or not len(_bytes_like(elem.value)):
        raise MissingElementError(f"{keyword} is absent or empty")
    raw = getattr(elem, "raw", None)
    if raw is None:  # pydicom's
        raw = elem.value
        if not isinstance(raw, (bytes, bytearray, memoryview)):
            return _from_numbers(keyword, _bytes_like(raw), count)
        big = getattr(ds, "original_encoding", (None, True))[1] is False
    else:
        big = bool(elem.is_big_endian) and elem.VR != "OB"
    have = len(raw)
    if have >= 2 * count:
        return np.frombuffer(raw, ">u2" if big else "<u2", count).astype(np.uint16)
    if have in (count, count + count % 2) and (bits <= 8 or (is_palette and have == count)):
        data: Array = np.frombuffer(raw, np.uint8, have)
        if big and have % 2 == 0:  # PS3.5 7.3: words are swapped, and two entries in each with them
            data = data.reshape(-1, 2)[:, ::-1].reshape(-1)
        return data[:count].copy()
    raise DecodeError(f"{keyword} has {have} bytes: {count} entries of {bits} bits need {count * (2 if bits > 8 else 1)}")


def _bytes_like(value: Any) -> Any:
    return [value] if isinstance(value, (int, float)) else value


def _from_numbers(keyword: str, value: Any, count: int) -> Array:
    if len(value) < count:
        raise DecodeError(f"{keyword} has {len(value)} entries: the descriptor says {count}")
    return (np.asarray(value[:count], np.int64) & 0xFFFF).astype(np.uint16)


def read_table(item: Any, is_signed: bool | None = None) -> Table:
    """The table of an item of Modality LUT Sequence or VOI LUT Sequence (PS3.3 C.11.1.1, C.11.2.1.1).

    Raises
    ------
    MissingElementError
        LUT Descriptor or LUT Data is absent.
    DecodeError
        They contradict the standard or each other.
    """
    count, first, bits = descriptor(item, "LUTDescriptor", is_signed)
    made = entries(item, "LUTData", count, bits)
    most = int(made.max())
    if most >> bits:  # dcmtk and others meet tables whose bits are too few as well
        found = 8 if most < 256 else max(most.bit_length(), 9)
        warn(item, f"LUT Descriptor says {bits} bits, the entries need {found}: these are taken")
        bits = found
    return Table(first, bits, made.astype(np.uint8 if bits <= 8 else np.uint16))


def voi_first_is_signed(ds: Any, item: Any) -> bool | None:
    """Whether the first sample of a VOI LUT is signed where the encoding does not say: as what comes out of the modality LUT is."""
    if not getattr(item, "is_implicit_VR", False):
        return None
    if len(luts(ds, "ModalityLUTSequence")):
        return False  # PS3.3 C.11.1.1: the output of a LUT is unsigned
    intercept = number(ds, "RescaleIntercept", 0.0) or 0.0
    return ds.get("PixelRepresentation") == 1 or intercept < 0


# pydicom's names


def apply_modality_lut(arr: Any, ds: Any) -> Array:
    """Apply the modality LUT, or Rescale Slope and Intercept (PS3.3 C.11.1).

    Parameters
    ----------
    arr : array_like
        Stored samples.
    ds : Dataset
        The data set, or an item of Pixel Value Transformation Sequence.

    Returns
    -------
    numpy.ndarray
        By a table uint8 or uint16, as many bits as its entries have; by rescaling float64; `arr` where there is neither.

    Raises
    ------
    MissingElementError, DecodeError
        The table or the numbers are damaged.
    """
    arr = np.asarray(arr)
    items = luts(ds, "ModalityLUTSequence")
    if len(items):
        table = read_table(items[0], ds.get("PixelRepresentation") == 1 if getattr(items[0], "is_implicit_VR", False) else None)
        return look_up(arr, table.first, table.entries)
    slope, intercept = number(ds, "RescaleSlope"), number(ds, "RescaleIntercept")
    return arr if slope is None or intercept is None else rescale(arr, slope, intercept)


apply_rescale = apply_modality_lut


def apply_voi_lut(arr: Any, ds: Any, index: int = 0, prefer_lut: bool = True) -> Array:
    """Apply the VOI LUT or the window number `index` (PS3.3 C.11.2): of both the LUT, unless `prefer_lut` is false.

    Returns
    -------
    numpy.ndarray
        As from `apply_voi` or `apply_windowing`; `arr` where there is neither.

    Raises
    ------
    IndexError
        There is no view of that number.
    MissingElementError, DecodeError, ValueError
        See there.
    """
    items = sequence(ds, "VOILUTSequence")
    has_lut = len(items) > 0 and items[0].get("LUTDescriptor") is not None and items[0].get("LUTData") is not None
    has_window = ds.get("WindowCenter") is not None and ds.get("WindowWidth") is not None
    if has_lut and (prefer_lut or not has_window):
        return apply_voi(arr, ds, index)
    return apply_windowing(arr, ds, index) if has_window else np.asarray(arr)


def apply_voi(arr: Any, ds: Any, index: int = 0) -> Array:
    """Apply item `index` of VOI LUT Sequence (PS3.3 C.11.2.1.1).

    Parameters
    ----------
    arr : array_like
        What came out of the modality LUT, or stored samples where there is none.
    ds : Dataset
        The data set, or an item of Frame VOI LUT Sequence.
    index : int
        Which of the views.

    Returns
    -------
    numpy.ndarray
        uint8 or uint16, as many bits as the entries have; `arr` where there is no such sequence.
    """
    items = sequence(ds, "VOILUTSequence")
    if not len(items):
        return np.asarray(arr)
    if not -len(items) <= index < len(items):
        raise IndexError(f"view {index} was asked, VOI LUT Sequence has {len(items)}")
    table = read_table(items[index], voi_first_is_signed(ds, items[index]))
    return look_up(arr, table.first, table.entries)


def apply_windowing(arr: Any, ds: Any, index: int = 0) -> Array:
    """Apply the window number `index`: LINEAR, LINEAR_EXACT or SIGMOID (PS3.3 C.11.2.1.2, C.11.2.1.3).

    Parameters
    ----------
    arr : array_like
        What came out of the modality LUT, or stored samples where there is none.
    ds : Dataset
        The data set. Bits Stored, Pixel Representation and the modality LUT module say what the window's output reaches.
    index : int
        Which of the views, where there are several.

    Returns
    -------
    numpy.ndarray
        float64; `arr` where there is no window.

    Raises
    ------
    ValueError
        The pixels are no MONOCHROME1 or MONOCHROME2.
    IndexError
        There is no view of that number.
    DecodeError
        The window is none: Window Width below 1, or 0 and less where it is no LINEAR one.
    """
    if ds.get("WindowWidth") is None and ds.get("WindowCenter") is None:
        return np.asarray(arr)
    if text(ds, "PhotometricInterpretation") not in ("MONOCHROME1", "MONOCHROME2"):
        raise ValueError(f"a window is for MONOCHROME1 and MONOCHROME2, not for {text(ds, 'PhotometricInterpretation')}")
    window = read_window(ds, index)
    if window is None:
        raise MissingElementError("one of Window Center and Window Width is absent")
    low, high = output_range(ds)
    return window.apply(arr, low, high)


def output_range(ds: Any) -> tuple[float, float]:
    """The range of what comes out of the modality LUT, by what the data set says of its samples (PS3.4 N.2.1.1)."""
    items = luts(ds, "ModalityLUTSequence")
    if len(items):
        low, high = 0.0, float(2 ** descriptor(items[0], "LUTDescriptor")[2] - 1)
    else:
        stored = number(ds, "BitsStored")
        if stored is None or not 1 <= stored <= 64:
            raise DecodeError(f"BitsStored is {stored}: 1 to 64 was expected")
        signed = number(ds, "PixelRepresentation", 0.0) == 1
        low, high = (-(2.0 ** (stored - 1)), 2.0 ** (stored - 1) - 1) if signed else (0.0, 2.0**stored - 1)
    slope, intercept = number(ds, "RescaleSlope"), number(ds, "RescaleIntercept")
    if slope is not None and intercept is not None:
        low, high = low * slope + intercept, high * slope + intercept
    return low, high


@dataclass(frozen=True, slots=True)
class Window:
    """A window: center, width and function (PS3.3 C.11.2.1.2, C.11.2.1.3)."""

    center: float
    width: float
    function: str = "LINEAR"

    def __post_init__(self) -> None:
        if self.function not in ("LINEAR", "LINEAR_EXACT", "SIGMOID"):
            raise DecodeError(f"VOILUTFunction is {self.function[:64]!r}: LINEAR, LINEAR_EXACT or SIGMOID was expected")
        if self.function == "LINEAR" and not self.width >= 1:  # C.11.2.1.2.1
            raise DecodeError(f"WindowWidth is {self.width}: at least 1 was expected of a LINEAR window")
        if not self.width > 0:  # C.11.2.1.3
            raise DecodeError(f"WindowWidth is {self.width}: more than 0 was expected")

    def apply(self, arr: Any, low: float, high: float) -> Array:
        """As float64 from `low` to `high`."""
        arr, _ = samples(arr)
        if has_patterns(arr):
            return map_patterns(arr, self._doubles(patterns(arr.dtype), low, high))
        return self._doubles(arr, low, high)

    def to_bytes(self, arr: Array) -> Array:
        """Doubles to uint8 from 0 to 255, rounded half up; NaN gives 0."""
        if self.function == "SIGMOID":
            y = np.nan_to_num(self._sigmoid(arr, 0.0, 255.0), nan=0.0)
            return np.floor(y + 0.5).astype(np.uint8)
        out = np.empty(arr.shape, np.uint8)
        _lut.window(flat(arr), flat(out), 1, *self._linear(), 0.0, 255.0)
        return out

    def _linear(self) -> tuple[float, float]:
        return (self.center - 0.5, self.width - 1) if self.function == "LINEAR" else (self.center, self.width)

    def _doubles(self, arr: Array, low: float, high: float) -> Array:
        out = arr.astype(np.float64)
        if self.function == "SIGMOID":
            return self._sigmoid(out, low, high)
        _lut.window(flat(out), flat(out), 8, *self._linear(), low, high)
        return out

    def _sigmoid(self, arr: Array, low: float, high: float) -> Array:
        with np.errstate(over="ignore", invalid="ignore"):  # far below the window: exp is infinite and the result 0
            made: Array = (high - low) / (1 + np.exp(-4 * (arr - self.center) / self.width)) + low
        return made


def read_window(ds: Any, index: int = 0) -> Window | None:
    """A window of a data set or of an item of Frame VOI LUT Sequence; None when there is none.

    Raises
    ------
    IndexError
        There is no view of that number.
    DecodeError
        The window is none, see `Window`.
    """
    center, width = number(ds, "WindowCenter", None, index), number(ds, "WindowWidth", None, index)
    if center is None or width is None:
        there = min(_count(ds.get("WindowCenter")), _count(ds.get("WindowWidth")))
        if there > 1:
            raise IndexError(f"view {index} was asked, there are {there} windows")
        return None
    return Window(center, width, text(ds, "VOILUTFunction") or "LINEAR")


def _count(value: Any) -> int:
    return 0 if value is None else 1 if isinstance(value, (str, int, float)) else len(value)


def apply_presentation_lut(arr: Any, ds: Any) -> Array:
    """Apply Presentation LUT Sequence or Presentation LUT Shape (PS3.3 C.11.4, C.11.6).

    Returns
    -------
    numpy.ndarray
        P-values: by a table uint8 or uint16, the samples being scaled to its entries; by INVERSE ``arr.max() - arr``; else `arr`.
    """
    arr = np.asarray(arr)
    items = sequence(ds, "PresentationLUTSequence")
    if len(items):
        table = read_table(items[0], False)
        scaled = arr.astype(np.float32)
        scaled -= scaled.min()
        most = scaled.max()
        if most > 0:
            scaled /= most / (len(table.entries) - 1)
        return look_up(scaled, 0, table.entries)
    shape = text(ds, "PresentationLUTShape")
    if shape not in ("", "IDENTITY", "INVERSE"):
        raise UnsupportedError(f"PresentationLUTShape is {shape[:64]!r}: IDENTITY and INVERSE are known")
    made: Array = arr.max() - arr if shape == "INVERSE" and arr.size else arr
    return made


def quietly(ds: Any, read: Callable[[], Any]) -> Any:
    """What `read` answers; None, with a warning, where the data set's numbers are no use: a picture is shown all the same."""
    try:
        return read()
    except DicomError as error:
        warn(ds, f"{error}: it was ignored")
        return None
