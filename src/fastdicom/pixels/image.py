"""A frame as a workstation shows it: the grayscale and colour pipelines of PS3.4 N.2 with what the data set itself holds."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from fastdicom.errors import DecodeError, UnsupportedError
from fastdicom.pixels.color import read_palette, warn_of_narrow
from fastdicom.pixels.describe import warn
from fastdicom.pixels.frames import Frames, pixel_array, whole
from fastdicom.pixels.lut import (
    Table,
    Window,
    apply_modality_lut,
    has_patterns,
    look_up,
    luts,
    map_patterns,
    number,
    patterns,
    quietly,
    read_table,
    read_window,
    rescale,
    sequence,
    text,
    value_range,
    voi_first_is_signed,
)
from fastdicom.pixels.overlay import burn_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    import numpy.typing as npt

    from fastdicom.codecs.base import FrameInfo

    Array = npt.NDArray[Any]
    Step = Callable[[Array], Array]

__all__ = ["functional_group", "pixel_array_rescaled", "to_image"]

_COLOURS = frozenset(("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_PARTIAL_422", "YBR_PARTIAL_420", "YBR_ICT", "YBR_RCT", "XYB"))
_GRAYS = frozenset(("MONOCHROME1", "MONOCHROME2"))
# X-Ray Angiographic, its biplane (retired) and Radiofluoroscopic Image Storage
_X_RAY = frozenset(f"1.2.840.10008.5.1.4.1.1.12.{n}" for n in (1, 2, 3))
_FRAME_TYPES = ("CTImageFrameTypeSequence", "MRImageFrameTypeSequence", "PETFrameTypeSequence")
_PADDING = {
    "int": ("PixelPaddingValue", "PixelPaddingRangeLimit"),
    "float": ("FloatPixelPaddingValue", "FloatPixelPaddingRangeLimit"),
    "double": ("DoubleFloatPixelPaddingValue", "DoubleFloatPixelPaddingRangeLimit"),
}


def functional_group(dataset: Any, keyword: str, frame: int) -> Any:
    """The item of a functional group for a frame: of the frame itself, or shared by all (PS3.3 C.7.6.16); None when there is none."""
    own = sequence(dataset, "PerFrameFunctionalGroupsSequence")
    shared = sequence(dataset, "SharedFunctionalGroupsSequence")
    for holder in (*((own[frame],) if frame < len(own) else ()), *((shared[0],) if len(shared) else ())):
        items = sequence(holder, keyword)
        if len(items):
            return items[0]
    return None


def pixel_array_rescaled(dataset: Any, /) -> Array:
    """The pixels of all frames after the modality LUT (PS3.3 C.11.1): Hounsfield units, doses, optical densities.

    Parameters
    ----------
    dataset : Dataset
        The data set with the Image Pixel module.

    Returns
    -------
    numpy.ndarray
        Of the shape of `pixel_array`. float64 where there is a slope and an intercept, of the data set or of its functional groups
        (Pixel Value Transformation, C.7.6.16.2.9); uint8 or uint16 by a Modality LUT Sequence; else what `pixel_array` is.

    Raises
    ------
    MissingElementError, DecodeError, UnsupportedError, TruncatedError
        As from `pixel_array` and `apply_modality_lut`.
    """
    array = pixel_array(dataset)
    frames = len(Frames(dataset))
    if all(functional_group(dataset, "PixelValueTransformationSequence", i) is None for i in range(frames)):
        return apply_modality_lut(array, dataset)
    out = np.empty(array.shape, np.float64)
    source, target = (array, out) if frames > 1 else (array[np.newaxis], out[np.newaxis])
    for i in range(frames):
        group = functional_group(dataset, "PixelValueTransformationSequence", i)
        target[i] = apply_modality_lut(source[i], dataset if group is None else group)
    return out


def to_image(dataset: Any, /, window: Any = None, frame: int = 0, *, overlays: bool = True) -> Array:
    """A frame for people to look at.

    Parameters
    ----------
    dataset : Dataset
        The data set with the Image Pixel module.
    window : tuple of float, optional
        Center and width, in what comes out of the modality LUT; for grayscale. Without it: the first VOI LUT of the data set or of
        the frame, else its first window, else from the least to the greatest sample that is no padding.
    frame : int
        Which frame, from 0; from the end when negative.
    overlays : bool
        Whether overlays are burned in, in white.

    Returns
    -------
    numpy.ndarray
        (rows, columns) or, of colour images, (rows, columns, 3) of uint8; an array of its own. Pixels that are not square stay so.

    Raises
    ------
    IndexError
        There is no such frame.
    ValueError, TypeError
        `window` is none, or the image is in colour.
    MissingElementError, DecodeError, UnsupportedError, TruncatedError
        The pixels, the modality LUT or the palette are damaged. A VOI LUT, window or overlay that is damaged is left out, with a
        warning.

    Notes
    -----
    Grayscale goes through the modality LUT, the VOI LUT and the presentation LUT shape (PS3.4 N.2.1). Of X-ray angiography with
    logarithmic or other than linear intensity the modality LUT is for measuring, not for display, and not applied (PS3.3
    C.8.7.1.1.2). Where samples are in part grayscale and in part indices of a supplemental palette (C.7.6.19), those are in colour.
    """
    frames = Frames(dataset)
    try:
        which = range(len(frames))[whole(frame, "frame")]
    except IndexError:
        raise IndexError(f"frame {frame} was asked, there are {len(frames)}") from None
    info = frames.description.info
    photometric = info.photometric_interpretation
    asked = None if window is None else _asked(window, dataset, which)
    gray = info.samples_per_pixel == 1 and photometric in _GRAYS
    if asked is not None and not gray:
        raise ValueError(f"a window is for grayscale, this image is {photometric}")
    if gray:
        image = _gray(dataset, frames[which], info, asked, which)
    elif info.samples_per_pixel == 1 and photometric == "PALETTE COLOR":
        image = _palette(dataset, frames[which])
    elif info.samples_per_pixel == 3 and photometric in _COLOURS:
        image = _colour(dataset, frames, which)
    else:
        raise UnsupportedError(f"{photometric} with {info.samples_per_pixel} sample(s) a pixel cannot be shown")
    if overlays:
        burn_in(dataset, image, which)
    return image


def _asked(window: Any, dataset: Any, frame: int) -> Window:
    try:
        center, width = (float(one) for one in window)
    except (TypeError, ValueError):
        raise TypeError(f"window is {str(window)[:100]!r}: a pair of center and width was expected") from None
    if not (np.isfinite(center) and np.isfinite(width)):
        raise ValueError(f"window is {center}, {width}: finite numbers were expected")
    function = text(_voi_holder(dataset, frame), "VOILUTFunction")
    try:
        return Window(center, width, function if function in ("LINEAR_EXACT", "SIGMOID") else "LINEAR")
    except DecodeError as error:
        raise ValueError(error.reason) from None


# Colour


def _colour(dataset: Any, frames: Frames, which: int) -> Array:
    info, pixels = frames.description.info, frames[which]
    if info.kind != "int" or info.is_signed:
        raise UnsupportedError("signed or floating-point samples of a colour image cannot be shown")
    if info.bits_stored == 8 and pixels.dtype == np.uint8:
        return np.array(pixels, np.uint8)
    bits = info.bits_stored
    if pixels.size and int(pixels.max()) >> bits:  # a stream that has more, which counts (PS3.5 8.2.1)
        bits = max(bits, frames.precision(which))
        warn(dataset, f"Bits Stored is {info.bits_stored}, but the stream has samples of {bits} bits: they were followed")
    most = 2.0**bits - 1
    return _through(pixels, lambda arr: _stretched(arr, 0.0, most))


def _palette(dataset: Any, pixels: Array) -> Array:
    palette = read_palette(dataset)
    warn_of_narrow(dataset, palette)
    return look_up(pixels, palette.first, np.ascontiguousarray(palette.to_bytes()[:, :3]))


def _supplement(dataset: Any, gray: Array, pixels: Array, frame: int) -> Array:
    """Pixels from the first mapped sample on in the colours of the supplemental palette (PS3.3 C.7.6.19, C.8.16.2.1.1.1)."""
    if not _is_supplemented(dataset, frame):
        return gray
    palette = read_palette(dataset)
    image = np.repeat(gray[..., np.newaxis], 3, axis=-1)
    coloured = pixels >= palette.first
    image[coloured] = look_up(pixels[coloured], palette.first, np.ascontiguousarray(palette.to_bytes()[:, :3]))
    return image


def _is_supplemented(dataset: Any, frame: int) -> bool:
    if text(dataset, "PixelPresentation") not in ("COLOR", "MIXED") or dataset.get("RedPaletteColorLookupTableDescriptor") is None:
        return False
    groups = (functional_group(dataset, keyword, frame) for keyword in _FRAME_TYPES)
    return all(group is None or text(group, "PixelPresentation") != "MONOCHROME" for group in groups)


# Grayscale


def _gray(dataset: Any, pixels: Array, info: FrameInfo, asked: Window | None, frame: int) -> Array:
    modality = _modality(dataset, frame)
    voi = asked or _voi(dataset, frame)
    low, high = _limits(dataset, pixels, info, modality, frame) if voi is None else (0.0, 0.0)
    inverse = _is_inverse(dataset, info)

    def chain(arr: Array) -> Array:
        arr = modality(arr)
        if voi is None:
            made = _stretched(arr, low, high)
        elif isinstance(voi, Window):
            made = voi.to_bytes(rescale(arr, 1.0, 0.0))
        else:
            made = _levels(arr, voi)
        return 255 - made if inverse else made

    return _supplement(dataset, _through(pixels, chain), pixels, frame)


def _through(pixels: Array, chain: Step) -> Array:
    """Samples through a chain of steps; of 8 or 16 bits, all values once, if there are less of them than pixels."""
    if has_patterns(pixels):
        native = pixels.astype(pixels.dtype.newbyteorder("="), order="C", copy=False)
        return map_patterns(native, chain(patterns(native.dtype)))
    return chain(np.ascontiguousarray(pixels))


def _stretched(arr: Array, low: float, high: float) -> Array:
    """From `low` to `high` to 0 to 255; all 0 where there is nothing between them."""
    if not high > low:
        return np.zeros(arr.shape, np.uint8)
    scale = 1.0 if abs(low) < 1e300 and abs(high) < 1e300 else 1e-10  # no sum or difference of two doubles overflows
    low, high = low * scale, high * scale
    return Window((low + high) / 2, high - low, "LINEAR_EXACT").to_bytes(rescale(arr, scale, 0.0))


def _levels(arr: Array, table: Table) -> Array:
    """Through a VOI LUT, whose entries of so many bits become 8."""
    most = float(2**table.bits - 1)
    levels = np.floor(table.entries * (255.0 / most) + 0.5).astype(np.uint8)
    return look_up(np.floor(arr + 0.5) if arr.dtype.kind == "f" else arr, table.first, levels)


def _modality(dataset: Any, frame: int) -> Step:
    """What the modality LUT does to samples (PS3.3 C.11.1), of the frame where it has its own (C.7.6.16.2.9)."""
    group = functional_group(dataset, "PixelValueTransformationSequence", frame)
    if group is None and dataset.get("SOPClassUID") in _X_RAY and text(dataset, "PixelIntensityRelationship") in ("LOG", "DISP"):
        return lambda arr: arr
    holder = dataset if group is None else group
    if group is not None or not len(luts(dataset, "ModalityLUTSequence")):
        slope, intercept = number(holder, "RescaleSlope"), number(holder, "RescaleIntercept")
        if slope is None or intercept is None or (slope, intercept) == (1.0, 0.0):
            return lambda arr: arr
    return lambda arr: apply_modality_lut(arr, holder)


def _voi_holder(dataset: Any, frame: int) -> Any:
    group = functional_group(dataset, "FrameVOILUTSequence", frame)
    return dataset if group is None else group


def _voi(dataset: Any, frame: int) -> Window | Table | None:
    """The first VOI LUT, else the first window; those that are damaged are passed over with a warning (PS3.3 C.11.2)."""
    holder = _voi_holder(dataset, frame)
    items = luts(holder, "VOILUTSequence")
    if len(items):
        table: Table | None = quietly(dataset, lambda: read_table(items[0], voi_first_is_signed(dataset, items[0])))
        if table is not None:
            return table
    window: Window | None = quietly(dataset, lambda: read_window(holder))
    return window


def _is_inverse(dataset: Any, info: FrameInfo) -> bool:
    """Whether the least value is white.

    MONOCHROME1 says so (PS3.3 C.7.6.3.1.2), and Presentation LUT Shape says it again: INVERSE (C.11.6, C.8.11.1). Where they contradict
    each other, the shape counts, which comes last in the pipeline (PS3.4 N.2.3); dcmtk does the same.
    """
    shape, by_photometric = text(dataset, "PresentationLUTShape"), info.photometric_interpretation == "MONOCHROME1"
    if shape not in ("IDENTITY", "INVERSE"):
        return by_photometric
    if (shape == "INVERSE") != by_photometric:
        warn(
            dataset,
            f"Presentation LUT Shape is {shape}, but Photometric Interpretation {info.photometric_interpretation}: the shape counts",
        )
    return shape == "INVERSE"


def _padding(dataset: Any, info: FrameInfo) -> tuple[float, float] | None:
    """The samples that are padding, from the least to the greatest (PS3.3 C.7.5.1.1.2)."""
    value, limit = (quietly(dataset, partial(number, dataset, keyword)) for keyword in _PADDING[info.kind])
    if value is None:
        return None
    ends = [value, value if limit is None else limit]
    if info.kind == "int" and info.bits_allocated <= 16:  # explicit VR of the wrong sign
        turn = 1 << info.bits_allocated
        ends = [x - turn if info.is_signed and x >= turn / 2 else x + turn if not info.is_signed and x < 0 else x for x in ends]
    return min(ends), max(ends)


def _limits(dataset: Any, pixels: Array, info: FrameInfo, modality: Step, frame: int) -> tuple[float, float]:
    """What becomes black and white where nothing says it: the least and greatest value that is no padding."""
    if info.kind == "int" and info.bits_stored == 1:
        return 0.0, 1.0
    if text(dataset, "SegmentationType") == "FRACTIONAL":  # PS3.3 C.8.20.2.3.2
        most = quietly(dataset, lambda: number(dataset, "MaximumFractionalValue"))
        if most is not None and most > 0:
            return 0.0, most
    padding = _padding(dataset, info)
    if _is_supplemented(dataset, frame):
        plain = pixels[pixels < read_palette(dataset).first]
        if padding is not None:  # these are stored samples, not what comes out of the modality LUT
            plain = plain[(plain < padding[0]) | (plain > padding[1])]
        found = value_range(modality(plain)) if plain.size else None
        return found or (0.0, 0.0)
    found = value_range(pixels, padding)
    if found is None:
        warn(dataset, "all pixels are padding: there is nothing to be shown")
        return 0.0, 0.0
    if found[0] == found[1] and padding is not None:  # one value on padding, such as a segment: both are shown
        padding, found = None, value_range(pixels) or found
    if len(luts(dataset, "ModalityLUTSequence")):  # not monotonic: all values count
        kept = pixels if padding is None else pixels[(pixels < padding[0]) | (pixels > padding[1])]
        return value_range(modality(kept)) or (0.0, 0.0)
    ends = modality(np.array(found, np.float64))
    return float(ends.min()), float(ends.max())
