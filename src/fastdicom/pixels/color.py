"""Colour of decoded frames (PS3.3 C.7.6.3.1.2), and palettes (C.7.6.3.1.5, C.7.6.3.1.6, C.7.9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fastdicom.codecs import _native
from fastdicom.errors import DecodeError, MissingElementError, UnsupportedError
from fastdicom.pixels import _lut
from fastdicom.pixels.describe import warn
from fastdicom.pixels.lut import descriptor, entries, flat, look_up, text
from fastdicom.pixels.palettes import WELL_KNOWN, well_known

TYPE_CHECKING = False
if TYPE_CHECKING:
    import numpy.typing as npt

    from fastdicom.codecs.base import FrameInfo

    Array = npt.NDArray[Any]

__all__ = ["Palette", "apply_color_lut", "apply_palette", "becomes_rgb", "convert_color_space", "read_palette", "to_rgb"]

_YBR = ("YBR_FULL", "YBR_FULL_422")
_PARTIAL = ("YBR_PARTIAL_422", "YBR_PARTIAL_420")
_COLORS = ("Red", "Green", "Blue")


def becomes_rgb(info: FrameInfo) -> bool:
    """Whether frames of this description are luminance and chrominance that become RGB.

    Raises UnsupportedError for luminance and chrominance in samples that PS3.3 gives no formula for.
    """
    if info.photometric_interpretation not in (*_YBR, *_PARTIAL):
        return False
    if info.samples_per_pixel != 3 or info.bits_allocated != 8 or info.is_signed or info.kind != "int":
        raise UnsupportedError(
            f"{info.photometric_interpretation} with {info.samples_per_pixel} {'signed' if info.is_signed else 'unsigned'} samples of "
            f"{info.bits_allocated} bits cannot become RGB; raw=True gives the samples as they are"
        )
    return True


def to_rgb(frame: memoryview, photometric_interpretation: str = "YBR_FULL") -> None:
    """YBR_FULL or YBR_PARTIAL of 8 bits, interleaved, to RGB in place."""
    if photometric_interpretation in _PARTIAL:
        _native.partial_to_rgb(frame, frame)
    else:
        _native.ybr_to_rgb(frame, frame)


def convert_color_space(arr: Array, current: str, desired: str, per_frame: bool = False) -> Array:
    """Convert 8-bit samples between RGB and YBR_FULL (PS3.3 C.7.6.3.1.2); under pydicom's name.

    Parameters
    ----------
    arr : numpy.ndarray
        (rows, columns, 3) or (frames, rows, columns, 3) of uint8. Chrominance of YBR_FULL_422 is already at every pixel.
    current, desired : str
        ``"RGB"``, ``"YBR_FULL"`` or ``"YBR_FULL_422"``; `current` may also be ``"YBR_PARTIAL_422"`` or ``"YBR_PARTIAL_420"``.
    per_frame : bool
        Change `arr` in place when it has several frames.

    Returns
    -------
    numpy.ndarray
        A new array, or `arr` where nothing is to be done or it was changed. Every sample is the exact formula's, rounded half up.

    Raises
    ------
    ValueError
        `arr` is not of uint8, or has not three samples.
    NotImplementedError
        No such conversion is known.
    """
    if arr.dtype != np.uint8:
        raise ValueError(f"colours of {arr.dtype} cannot be converted: uint8 was expected")
    known = (*_YBR, "RGB")
    if current not in (*known, *_PARTIAL) or desired not in known:
        raise UnsupportedError(f"a conversion from {current[:64]} to {desired[:64]} is not known")
    if (current == "RGB") == (desired == "RGB") and current not in _PARTIAL:
        return arr
    if arr.ndim < 1 or arr.shape[-1] != 3:
        raise ValueError(f"the shape is {arr.shape}: three samples a pixel were expected")
    in_place = per_frame and arr.ndim == 4
    out = arr if in_place and arr.flags.c_contiguous else np.array(arr, order="C")
    if current != "RGB":
        to_rgb(flat(out), current)
    if desired != "RGB":
        _native.rgb_to_ybr(flat(out), flat(out))
    if in_place and out is not arr:
        arr[...] = out
        return arr
    return out


@dataclass(frozen=True, slots=True)
class Palette:
    """A palette color look-up table.

    Attributes
    ----------
    first : int
        The sample that the first entry is for.
    bits : int
        Of a number in it: 8 or 16, as the descriptor says.
    entries : numpy.ndarray
        (entries, 3), or (entries, 4) with alpha, of uint8 or uint16.
    """

    first: int
    bits: int
    entries: Array

    def to_bytes(self) -> Array:
        """The entries as uint8. Numbers of 16 bits have the whole range; those that never pass 255 were 8 bits in words."""
        if self.entries.dtype == np.uint8:
            return self.entries
        if self.bits == 8 or not (self.entries[:, :3] >> 8).any():
            return np.minimum(self.entries, 255).astype(np.uint8)
        return (self.entries >> 8).astype(np.uint8)


def read_palette(ds: Any) -> Palette:
    """The palette of a data set: Palette Color Lookup Table module, or what Image Pixel has of it, plain or segmented.

    Raises
    ------
    MissingElementError
        A descriptor or the data of a color is absent.
    DecodeError
        They contradict the standard or each other.
    """
    is_signed = ds.get("PixelRepresentation") == 1  # PS3.3 C.7.6.3.1.5: the VR of the second value follows it
    said = [descriptor(ds, f"{color}PaletteColorLookupTableDescriptor", is_signed) for color in _COLORS]
    if len(set(said)) > 1:
        raise DecodeError(f"the descriptors of the palette contradict each other: {said}")
    count, first, bits = said[0]
    if bits not in (8, 16):
        raise DecodeError(f"RedPaletteColorLookupTableDescriptor says {bits} bits: 8 or 16 were expected")
    is_segmented = not _has(ds, "RedPaletteColorLookupTableData")
    if is_segmented and not _has(ds, "SegmentedRedPaletteColorLookupTableData"):
        raise MissingElementError("RedPaletteColorLookupTableData is absent, and so is SegmentedRedPaletteColorLookupTableData")
    alpha = "SegmentedAlphaPaletteColorLookupTableData" if is_segmented else "AlphaPaletteColorLookupTableData"
    colors = (*_COLORS, "Alpha") if _has(ds, alpha) else _COLORS
    if is_segmented:
        tables = [_segments(ds, f"Segmented{color}PaletteColorLookupTableData", count, bits) for color in colors]
    else:
        tables = [entries(ds, f"{color}PaletteColorLookupTableData", count, bits, True) for color in colors]
    if len({table.dtype for table in tables}) > 1:
        raise DecodeError("the tables of the palette have 8 bits and 16 bits: all the same was expected")
    return Palette(first, bits, np.stack(tables, axis=1))


def _has(ds: Any, keyword: str) -> bool:
    value = ds.get(keyword)
    return value is not None and (not hasattr(value, "__len__") or len(value) > 0)


def _segments(ds: Any, keyword: str, count: int, bits: int) -> Array:
    if not _has(ds, keyword):
        raise MissingElementError(f"{keyword} is absent or empty")
    elem = ds[keyword]
    raw = getattr(elem, "raw", None)
    if raw is None:  # pydicom's
        raw, big = elem.value, getattr(ds, "original_encoding", (None, True))[1] is False
    else:
        big = bool(elem.is_big_endian)
    out = np.empty(count, np.uint16)
    _lut.expand(raw, bits // 8, big and bits == 16, flat(out))
    return out.astype(np.uint8) if bits == 8 else out


def apply_color_lut(arr: Any, ds: Any = None, palette: Any = None) -> Array:
    """Look indices up in a palette (PS3.3 C.7.6.3.1.5, C.7.9); under pydicom's name, and also as `apply_palette`.

    Parameters
    ----------
    arr : array_like
        Stored samples. Those below the first that is mapped get the first entry, those beyond the table the last.
    ds : Dataset
        The data set with the palette.
    palette : str or Dataset, optional
        What is taken instead: a data set of the Color Palette IOD (PS3.3 A.58), or the name or UID of a well-known palette (PS3.6
        Annex B), such as ``"HOT_IRON"``.

    Returns
    -------
    numpy.ndarray
        The shape of `arr` and 3 samples, or 4 with alpha: uint8 or uint16, as the entries are stored.

    Raises
    ------
    ValueError
        Neither `ds` nor `palette` is given, the palette is for a part of the samples only (C.7.6.19), or its name is not known.
    MissingElementError, DecodeError
        There is no palette, or it is damaged.
    """
    if ds is None and palette is None:
        raise ValueError("a data set or a palette is needed")
    if isinstance(palette, str):
        table = well_known(palette)
        if table is None:
            raise ValueError(f"the palette {palette[:64]!r} is not known: one of {', '.join(WELL_KNOWN)} or its UID was expected")
        return look_up(arr, 0, table)
    source = ds if palette is None else palette
    if text(source, "PixelPresentation") in ("MIXED", "COLOR"):
        raise ValueError("a supplemental palette is for a part of the samples only (PS3.3 C.7.6.19); to_image shows it")
    found = read_palette(source)
    return look_up(arr, found.first, found.entries)


apply_palette = apply_color_lut


def warn_of_narrow(ds: Any, palette: Palette) -> None:
    """Say that entries of 16 bits hold numbers of 8."""
    if palette.bits == 16 and palette.entries.dtype == np.uint16 and not (palette.entries[:, :3] >> 8).any():
        warn(ds, "the palette says 16 bits, but no entry passes 255: they were taken for 8 bits")
