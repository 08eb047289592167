"""Plug-ins of pylibjpeg: every function that is registered as one decodes here too, unchanged."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import numpy as np

from fastdicom.codecs._foreign import checked, fill
from fastdicom.codecs.base import Decoded
from fastdicom.errors import DecodeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from fastdicom.codecs.base import FrameInfo

__all__ = ["Plugin", "libjpeg", "openjpeg", "rle"]

_RLE = "1.2.840.10008.1.2.5"


class _ImagePixel(dict[str, Any]):
    """The elements of the Image Pixel module by keyword, as much of a data set as plug-ins ask for."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class Plugin:
    """The decoder that a distribution registered: by transfer syntax a function, imported on first use.

    The function takes the bytes of a frame, and by keyword what its signature has of ``ds`` (elements by keyword), ``version`` (2: an
    answer in bytes) and what pydicom passes (``rows``, ``columns``, ``samples_per_pixel``, ``bits_allocated``, ...). It returns bytes
    or an array: interleaved little endian samples, but plane behind plane for RLE.
    """

    def __init__(self, name: str, points: Mapping[str, EntryPoint | str]) -> None:
        self.name = name
        self._points = points
        self._functions: dict[str, tuple[Callable[..., Any], frozenset[str] | None]] = {}

    def decode(self, src: memoryview, info: FrameInfo, out: memoryview, /) -> Decoded | None:
        """Decode one frame; see `codecs.base.Decoder`."""
        info = checked(src, info)
        function, accepted = self._function(info.transfer_syntax_uid)
        options = _options(info)
        if accepted is not None:
            options = {key: value for key, value in options.items() if key in accepted}
        try:
            data = function(bytes(src), **options)
        except (MemoryError, KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # somebody else's code: what panics in Rust is no Exception
            raise DecodeError(f"{self.name}: {type(error).__name__}: {error}") from error
        fill(_bytes_of(data, self.name), info, out, planes=info.transfer_syntax_uid == _RLE)
        stream = info.stream
        return Decoded(stream.rows, stream.columns, stream.components, stream.precision[0]) if stream is not None else None

    def _function(self, uid: str) -> tuple[Callable[..., Any], frozenset[str] | None]:
        found = self._functions.get(uid)
        if found is None:
            point = self._points.get(uid) or next(iter(self._points.values()))
            function = import_module(point).decode_pixel_data if isinstance(point, str) else point.load()
            found = self._functions[uid] = function, _keywords(function)
        return found


def _keywords(function: Callable[..., Any]) -> frozenset[str] | None:
    """The keywords that a function takes; None for any."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # written in C
        return None
    if any(each.kind is each.VAR_KEYWORD for each in parameters):
        return None
    return frozenset(each.name for each in list(parameters)[1:] if each.kind is not each.POSITIONAL_ONLY)


def _options(info: FrameInfo) -> dict[str, Any]:
    module = _ImagePixel(
        SamplesPerPixel=info.samples_per_pixel,
        PhotometricInterpretation=info.photometric_interpretation,
        PlanarConfiguration=info.planar_configuration,
        NumberOfFrames=1,
        Rows=info.rows,
        Columns=info.columns,
        BitsAllocated=info.bits_allocated,
        BitsStored=info.bits_stored,
        HighBit=info.high_bit,
        PixelRepresentation=info.pixel_representation,
    )
    return {
        "ds": module,
        "version": 2,
        "transfer_syntax_uid": info.transfer_syntax_uid,
        "rows": info.rows,
        "columns": info.columns,
        "samples_per_pixel": info.samples_per_pixel,
        "number_of_frames": 1,
        "photometric_interpretation": info.photometric_interpretation,
        "planar_configuration": info.planar_configuration,
        "bits_allocated": info.bits_allocated,
        "bits_stored": info.bits_stored,
        "pixel_representation": info.pixel_representation,
        "pixel_keyword": "PixelData",
    }


def _bytes_of(data: Any, name: str) -> Any:
    if isinstance(data, np.ndarray):
        if data.dtype.byteorder == ">" or (data.dtype.byteorder == "=" and sys.byteorder == "big"):
            data = data.astype(data.dtype.newbyteorder("<"))
        return np.ascontiguousarray(data).reshape(-1).view(np.uint8)
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise DecodeError(f"{name} gave a {type(data).__name__}: bytes or an array were expected")
    return data


openjpeg = Plugin("pylibjpeg-openjpeg", {"": "openjpeg"})
libjpeg = Plugin("pylibjpeg-libjpeg", {"": "libjpeg"})
rle = Plugin("pylibjpeg-rle", {"": "rle"})
