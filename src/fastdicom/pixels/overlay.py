"""Overlay planes (PS3.3 C.9.2): in Overlay Data of groups 6000 to 601E, or, retired, in unused bits of the pixels."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastdicom.codecs import _native
from fastdicom.errors import DecodeError, DicomError, MissingElementError, TruncatedError
from fastdicom.pixels.describe import describe, path_of, warn
from fastdicom.pixels.lut import flat
from fastdicom.pixels.stored import stored

TYPE_CHECKING = False
if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[Any]

__all__ = ["burn_in", "overlay_array", "overlay_groups"]

_ROWS, _COLUMNS, _FRAMES, _ORIGIN, _FIRST_FRAME, _ALLOCATED, _POSITION, _DATA = (
    0x0010,
    0x0011,
    0x0015,
    0x0050,
    0x0051,
    0x0100,
    0x0102,
    0x3000,
)


def overlay_groups(dataset: Any) -> list[int]:
    """The groups of a data set that hold an overlay, in ascending order: of the sixteen that PS3.5 7.6 leaves to them."""
    return [group for group in range(0x6000, 0x6020, 2) if group << 16 | _DATA in dataset or group << 16 | _POSITION in dataset]


def _number(dataset: Any, group: int, element: int, name: str, low: int, high: int, default: int | None = None) -> int:
    elem = dataset.get((group, element))
    value = None if elem is None else elem.value
    if value is None or value == "":
        if default is None:
            raise MissingElementError(f"({group:04X},{element:04X}) {name} is absent or empty: without it the overlay cannot be read")
        return default
    try:
        made = int(value)
    except (TypeError, ValueError):
        made = low - 1
    if not low <= made <= high:
        raise DecodeError(f"({group:04X},{element:04X}) {name} is {str(value)[:100]!r}: {low} to {high} was expected")
    return made


def overlay_array(dataset: Any, /, group: int = 0x6000) -> Array:
    """The overlay of a group; as in pydicom.

    Parameters
    ----------
    dataset : Dataset
        The data set with the Overlay Plane module (PS3.3 C.9.2).
    group : int
        The group of its elements: 0x6000 to 0x60FF, even.

    Returns
    -------
    numpy.ndarray
        (rows, columns) or (frames, rows, columns) of uint8: 0 or 1.

    Raises
    ------
    ValueError
        `group` is no group of overlays.
    MissingElementError
        There is no such overlay, or an element that is needed to read it is absent.
    DecodeError
        An element contradicts the standard or the length of the data.
    UnsupportedError
        The overlay stands in bits of the pixels that were not kept when they were compressed, or nobody here decodes them.
    """
    if not 0x6000 <= group <= 0x60FF or group & 1:
        raise ValueError(f"group {group:04X} holds no overlay: 6000 to 60FF, even, was expected (PS3.5 7.6)")
    rows = _number(dataset, group, _ROWS, "Overlay Rows", 1, 65535)
    columns = _number(dataset, group, _COLUMNS, "Overlay Columns", 1, 65535)
    frames = _number(dataset, group, _FRAMES, "Number of Frames in Overlay", 1, 1 << 31, 1)
    elem = dataset.get((group, _DATA))
    if elem is None or elem.value is None:
        return _embedded(dataset, group, rows, columns)
    needed, raw = (rows * columns * frames + 7) // 8, elem.raw
    if len(raw) < needed:
        raise DecodeError(
            f"({group:04X},3000) Overlay Data has {len(raw)} bytes: {frames} frame(s) of {rows} x {columns} bits need {needed}"
        )
    if len(raw) > needed + needed % 2:
        warn(dataset, f"({group:04X},3000) Overlay Data has {len(raw)} bytes, {needed} were expected: the rest was ignored")
    if elem.is_big_endian and elem.VR == "OW":  # PS3.5 8.1.2
        words = bytearray(len(raw) // 2 * 2)
        _native.swap(raw[: len(words)], words, 2)
        raw = words
        if len(raw) < needed:
            raise DecodeError(f"({group:04X},3000) Overlay Data ends inside a word")
    out = np.empty((frames, rows, columns) if frames > 1 else (rows, columns), np.uint8)
    _native.unpack_1(raw, flat(out))
    return out


def _embedded(dataset: Any, group: int, rows: int, columns: int) -> Array:
    """Retired from PS3.3 C.9.2: Overlay Bit Position says which unused bit of the pixels is the overlay."""
    position = _number(dataset, group, _POSITION, "Overlay Bit Position", 0, 63, 0)
    description = describe(dataset)
    info, frames = description.info, description.number_of_frames
    if position == 0 and info.bits_allocated > 1 and _number(dataset, group, _ALLOCATED, "Overlay Bits Allocated", 1, 64, 1) == 1:
        raise MissingElementError(f"({group:04X},3000) Overlay Data is absent")
    if (rows, columns) != (info.rows, info.columns) or info.samples_per_pixel != 1:
        raise DecodeError(f"the overlay is {rows} x {columns}, the pixels that it should be in are {info.rows} x {info.columns}")
    low = info.high_bit - info.bits_stored + 1
    if info.bits_allocated not in (8, 16, 32) or not 0 <= position < info.bits_allocated or low <= position <= info.high_bit:
        raise DecodeError(f"({group:04X},0102) Overlay Bit Position is {position}: no unused bit of the pixels")
    source = stored(dataset, description)
    if description.available < frames:
        raise TruncatedError("the file ends inside the pixels that hold the overlay", None, None, path_of(dataset))
    out = np.empty((frames, rows, columns), np.uint8)
    cells = memoryview(bytearray(info.frame_size))
    for number in range(frames):
        source.cells(number, cells, position)
        _native.bit(cells, flat(out[number]), info.itemsize, position)
    return out[0] if frames == 1 else out


def burn_in(dataset: Any, image: Array, frame: int) -> None:
    """Set the pixels of all overlays of a frame to white, in place; those that cannot be read are left out with a warning.

    Overlay Origin (1, 1) is the first pixel; what is outside of the image is cut. Overlays of several frames begin at Image Frame
    Origin; one of a single frame, without that element, is for all frames (PS3.3 C.9.2.1.4, C.9.3).
    """
    for group in overlay_groups(dataset):
        try:
            plane = _plane(dataset, group, frame)
            if plane is None:
                continue
            origin = dataset.get((group, _ORIGIN))
            value = None if origin is None else origin.value
            top, left = (int(one) - 1 for one in value) if value is not None else (0, 0)
        except (DicomError, TypeError, ValueError) as error:
            warn(dataset, f"the overlay of group {group:04X} is not shown: {error}")
            continue
        rows, columns = image.shape[:2]
        up, before = max(-top, 0), max(-left, 0)
        part = plane[up : max(rows - top, up), before : max(columns - left, before)]
        target = image[max(top, 0) : max(top, 0) + part.shape[0], max(left, 0) : max(left, 0) + part.shape[1]]
        target[part[: target.shape[0], : target.shape[1]] != 0] = 255


def _plane(dataset: Any, group: int, frame: int) -> Array | None:
    """The overlay of a frame; None when it has none."""
    planes = overlay_array(dataset, group)
    first = _number(dataset, group, _FIRST_FRAME, "Image Frame Origin", 1, 1 << 31, 0)
    if planes.ndim == 2:
        return planes if first in (0, frame + 1) else None
    number = frame - (max(first, 1) - 1)
    return planes[number] if 0 <= number < len(planes) else None
