"""PNG files of frames: square pixels, and many frames on one sheet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from fastdicom.codecs import png
from fastdicom.errors import DicomError
from fastdicom.pixels.frames import Frames
from fastdicom.pixels.image import functional_group, to_image
from fastdicom.pixels.lut import number

TYPE_CHECKING = False
if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[Any]

__all__ = ["contact_sheet", "pixel_aspect", "repr_png", "square_pixels", "to_png"]

SHEET_FRAMES = 64  # on a sheet at most
_SHEET_SIDE = 2048  # pixels of its longer side, about
_GAP = 2
_STEEPEST = 20.0  # the most that a pixel may be higher than wide, or wider than high, to be made square
_LARGEST = 16384  # the longest side that this may lead to


def pixel_aspect(dataset: Any, frame: int = 0) -> float:
    """The height of a pixel over its width.

    From Pixel Spacing, of the frame where it has its own (PS3.3 C.7.6.16.2.1), Imager Pixel Spacing or Nominal Scanned Pixel Spacing
    (10.7.1, C.8), else from Pixel Aspect Ratio (C.7.6.3.1.7). 1 where nothing is said, or no sense made.
    """
    measures = functional_group(dataset, "PixelMeasuresSequence", frame)
    holders = [(dataset if measures is None else measures, "PixelSpacing")]
    holders += [(dataset, keyword) for keyword in ("ImagerPixelSpacing", "NominalScannedPixelSpacing", "PixelAspectRatio")]
    for holder, keyword in holders:
        try:
            height, width = number(holder, keyword, None, 0), number(holder, keyword, None, 1)
        except DicomError:
            continue
        if height and width and height > 0 and width > 0 and 1 / _STEEPEST <= height / width <= _STEEPEST:
            return height / width
    return 1.0


def square_pixels(image: Array, aspect: float) -> Array:
    """An image whose pixels are square: the side that has too few of them is stretched, linearly."""
    rows, columns = image.shape[:2]
    high, wide = (round(rows * aspect), columns) if aspect > 1 else (rows, round(columns / aspect))
    if (high, wide) == (rows, columns) or max(high, wide) > _LARGEST:
        return image
    return _resized(image, high, wide)


def to_png(dataset: Any, /, window: Any = None, frame: int = 0, *, overlays: bool = True) -> bytes:
    """A frame as a PNG file: `to_image` with square pixels.

    Raises
    ------
    MissingDecoderError
        imagecodecs is not installed.
    Others
        As from `to_image`.
    """
    image = to_image(dataset, window, frame, overlays=overlays)
    return png.encode(square_pixels(image, pixel_aspect(dataset, max(frame, 0))))


def contact_sheet(dataset: Any, /, window: Any = None, *, overlays: bool = True, frames: Sequence[int] | None = None) -> Array:
    """Many frames on one sheet, from left to right and from top to bottom.

    Parameters
    ----------
    dataset : Dataset
        The data set with the Image Pixel module.
    window : tuple of float, optional
        As in `to_image`.
    overlays : bool
        As in `to_image`.
    frames : sequence of int, optional
        Which frames: all when not given, or, of more than 64, so many at equal distances.

    Returns
    -------
    numpy.ndarray
        (rows, columns) or (rows, columns, 3) of uint8, its longer side about 2048, or less where the frames are small.

    Raises
    ------
    ValueError
        `frames` is empty.
    Others
        As from `to_image`.
    """
    chosen = sheet_frames(len(Frames(dataset))) if frames is None else list(frames)
    if not chosen:
        raise ValueError("a sheet needs at least one frame")
    across = math.ceil(math.sqrt(len(chosen)))
    down = -(-len(chosen) // across)
    sheet: Array | None = None
    for place, frame in enumerate(chosen):
        image = square_pixels(to_image(dataset, window, frame, overlays=overlays), pixel_aspect(dataset, max(frame, 0)))
        if sheet is None:
            side = _SHEET_SIDE // across
            shrink = min(1.0, side / max(image.shape[:2]))
            rows, columns = (max(1, round(n * shrink)) for n in image.shape[:2])
            shape = (down * (rows + _GAP) - _GAP, across * (columns + _GAP) - _GAP, *image.shape[2:])
            sheet = np.full(shape, 64, np.uint8)  # dark gray between them, so that black frames have an edge
        if image.ndim > sheet.ndim:  # frames in colour among gray ones
            sheet = np.repeat(sheet[..., np.newaxis], 3, axis=-1)
        elif image.ndim < sheet.ndim:
            image = np.repeat(image[..., np.newaxis], 3, axis=-1)
        top, left = place // across * (rows + _GAP), place % across * (columns + _GAP)
        sheet[top : top + rows, left : left + columns] = _resized(image, rows, columns)
    assert sheet is not None
    return sheet


def sheet_frames(count: int) -> list[int]:
    """The frames of a sheet: all, or `SHEET_FRAMES` of them from the first to the last."""
    if count <= SHEET_FRAMES:
        return list(range(count))
    return [round(i * (count - 1) / (SHEET_FRAMES - 1)) for i in range(SHEET_FRAMES)]


def repr_png(dataset: Any) -> bytes | None:
    """The first frame as a PNG file; None where it cannot be shown: a notebook shows the text then."""
    try:
        return to_png(dataset)
    except (DicomError, OSError, ValueError, TypeError, IndexError):
        return None


def _resized(image: Array, rows: int, columns: int) -> Array:
    return _along(_along(image, rows, 0), columns, 1)


def _along(image: Array, length: int, axis: int) -> Array:
    """One side of an image: shrunk to means of what falls together, stretched linearly between the middles of pixels."""
    have = image.shape[axis]
    if have == length:
        return image
    shape = [1] * image.ndim
    shape[axis] = length
    if have > length:
        edges = np.arange(length) * have // length
        sizes = np.diff(np.append(edges, have)).reshape(shape)
        sums = np.add.reduceat(image, edges, axis=axis, dtype=np.uint32)
        means: Array = ((sums + sizes // 2) // sizes).astype(np.uint8)
        return means
    at = np.clip((np.arange(length) + 0.5) * have / length - 0.5, 0, have - 1)
    low = at.astype(np.intp)
    part = (at - low).astype(np.float32).reshape(shape)
    first = np.take(image, low, axis=axis).astype(np.float32)
    second = np.take(image, np.minimum(low + 1, have - 1), axis=axis)
    made: Array = np.floor(first + (second - first) * part + 0.5).astype(np.uint8)
    return made
