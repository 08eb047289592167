"""A codec of numcodecs: arrays of zarr whose chunks are the frames of DICOM files, where they lie.

>>> import fastdicom, fsspec, zarr
>>> from fastdicom.numcodecs import references
>>> refs = references(fastdicom.dcmread("enhanced.dcm"))      # where each frame begins, and how long it is; nothing is copied
>>> store = fsspec.filesystem("reference", fo=refs).get_mapper("")
>>> frames = zarr.open(store, zarr_format=2, mode="r")["frames"]

The distribution registers the codec with numcodecs (entry point), so that a store that names it is read wherever this package is
installed; nobody needs to import this module.
"""

from __future__ import annotations

import json
from typing import Any

try:
    from numcodecs.abc import Codec
    from numcodecs.compat import ensure_contiguous_ndarray, ndarray_copy
except ImportError as error:  # pragma: no cover
    raise ImportError("fastdicom.numcodecs needs numcodecs: pip install 'fastdicom-core[zarr]'") from error

import numpy as np

from fastdicom.codecs import native
from fastdicom.codecs.base import FrameInfo
from fastdicom.errors import DecodeError, UnsupportedError
from fastdicom.pixels import Frames, describe
from fastdicom.pixels.alone import decode_stream
from fastdicom.transfer_syntax import get as transfer_syntax_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fastdicom.dataset import Dataset

__all__ = ["DicomFrame", "references"]


class DicomFrame(Codec):  # type: ignore[misc]
    """Decodes the stream of one frame; it does not encode.

    Parameters
    ----------
    transfer_syntax_uid : str
        How the frame is compressed.
    rows, columns, samples_per_pixel, bits_allocated, bits_stored, high_bit, pixel_representation : int
        What the data set says of its frames (PS3.3 C.7.6.3.1).
    photometric_interpretation : str
    planar_configuration : int
        Of uncompressed frames.
    big_endian_unit : int
        The bytes of a sample where uncompressed frames are big endian, else 1.
    rgb : bool
        Whether luminance and chrominance become RGB, as `pixel_array` does it.

    Raises
    ------
    ValueError
        The numbers are those of no image.
    """

    codec_id = "fastdicom"

    def __init__(
        self,
        transfer_syntax_uid: str,
        rows: int,
        columns: int,
        *,
        samples_per_pixel: int = 1,
        bits_allocated: int = 16,
        bits_stored: int | None = None,
        high_bit: int | None = None,
        pixel_representation: int = 0,
        photometric_interpretation: str = "MONOCHROME2",
        planar_configuration: int = 0,
        big_endian_unit: int = 1,
        rgb: bool = True,
    ) -> None:
        stored = bits_allocated if bits_stored is None else bits_stored
        if min(rows, columns, samples_per_pixel) < 1 or bits_allocated not in (1, 8, 12, 16, 32, 64) or not 1 <= stored <= bits_allocated:
            raise ValueError(
                f"a frame of {rows} x {columns} x {samples_per_pixel} samples of {stored} bits, {bits_allocated} allocated, is none: "
                "sizes are positive, and 1, 8, 12, 16, 32 or 64 bits are allocated"
            )
        self.transfer_syntax_uid = str(transfer_syntax_uid)
        self.rows = int(rows)
        self.columns = int(columns)
        self.samples_per_pixel = int(samples_per_pixel)
        self.bits_allocated = int(bits_allocated)
        self.bits_stored = int(stored)
        self.high_bit = self.bits_stored - 1 if high_bit is None else int(high_bit)
        self.pixel_representation = int(pixel_representation)
        self.photometric_interpretation = str(photometric_interpretation)
        self.planar_configuration = int(planar_configuration)
        self.big_endian_unit = int(big_endian_unit)
        self.rgb = bool(rgb)

    @classmethod
    def of(cls, dataset: Dataset, *, rgb: bool = True) -> DicomFrame:
        """The codec of the frames of a data set.

        Raises
        ------
        MissingElementError, DecodeError, UnsupportedError
            As `pixel_array`, before anything is decoded; also for a video, whose frames are no streams of their own.
        """
        info = describe(dataset).info
        if info.kind != "int":
            raise UnsupportedError("floating point pixels need no codec: they are what is stored")
        if transfer_syntax_of(info.transfer_syntax_uid).video:
            raise UnsupportedError(f"transfer syntax {info.transfer_syntax_uid} is a video: its frames depend on one another")
        if info.big_endian_unit > info.itemsize:
            raise UnsupportedError("the pixels are 8-bit samples in big endian words: frames do not stand by themselves")
        return cls(
            info.transfer_syntax_uid,
            info.rows,
            info.columns,
            samples_per_pixel=info.samples_per_pixel,
            bits_allocated=info.bits_allocated,
            bits_stored=info.bits_stored,
            high_bit=info.high_bit,
            pixel_representation=info.pixel_representation,
            photometric_interpretation=info.photometric_interpretation,
            planar_configuration=info.planar_configuration,
            big_endian_unit=info.big_endian_unit,
            rgb=rgb,
        )

    @property
    def _info(self) -> FrameInfo:
        return FrameInfo(
            self.rows,
            self.columns,
            self.samples_per_pixel,
            self.bits_allocated,
            self.bits_stored,
            self.high_bit,
            self.pixel_representation,
            self.photometric_interpretation,
            self.planar_configuration,
            self.transfer_syntax_uid,
            big_endian_unit=self.big_endian_unit,
        )

    def encode(self, buf: Any) -> Any:  # noqa: ARG002
        """UnsupportedError, which is a NotImplementedError: frames are only decoded."""
        raise UnsupportedError(
            "the codec 'fastdicom' decodes frames and does not encode: open the array with mode='r', or copy it to another codec"
        )

    def decode(self, buf: Any, out: Any = None) -> Any:
        """Decode the stream of one frame.

        Parameters
        ----------
        buf : buffer-like
            The stream, whole.
        out : buffer-like, optional
            Where to put the samples: exactly as many bytes as a frame has.

        Returns
        -------
        buffer-like
            `out`, or a flat array of the samples, little endian and interleaved.

        Raises
        ------
        DecodeError
            The stream is broken or cut off, or contradicts the parameters.
        ValueError
            `out` has another size.
        """
        info = self._info
        src = memoryview(ensure_contiguous_ndarray(buf)).cast("B").toreadonly()
        if out is None:
            return np.frombuffer(self._decoded(src, info, None), info.dtype)
        target = ensure_contiguous_ndarray(out)
        if target.nbytes != info.frame_size:
            raise ValueError(f"out has {target.nbytes} bytes, a frame has {info.frame_size}")
        if target.flags.writeable:
            self._decoded(src, info, memoryview(target).cast("B"))
            return out
        return ndarray_copy(np.frombuffer(self._decoded(src, info, None), info.dtype), out)

    def _decoded(self, src: memoryview, info: FrameInfo, out: memoryview | None) -> memoryview:
        if transfer_syntax_of(info.transfer_syntax_uid).family == "native":
            size = (native.frame_bits(info) + 7) // 8
            if len(src) not in (size, size + size % 2):
                raise DecodeError(f"the chunk has {len(src)} bytes, a frame of {info.rows} x {info.columns} has {size}")
            src = src[:size]
        return decode_stream(src, info, out, rgb=self.rgb)


def references(dataset: Dataset, url: str | None = None, name: str = "frames") -> dict[str, Any]:
    """Where the frames of a file lie, as a reference file system of fsspec takes it (version 1): a zarr group of one array.

    Parameters
    ----------
    dataset : Dataset
        The data set of a file.
    url : str, optional
        What the references name; the path of the file by default. It is read by fsspec: ``s3://``, ``https://`` and others will do.
    name : str
        Of the array in its group.

    Returns
    -------
    dict
        Of what JSON can hold. The array is that of `pixel_array`, but always with a frame axis; a chunk is a frame, and names its bytes.

    Raises
    ------
    UnsupportedError
        Frames are no streams of their own (videos, packed bits that do not begin on a byte), the data set is deflated, or big endian; or
        a frame is in several fragments, which are several ranges of bytes.
    ValueError
        The data set has no path, and `url` is not given.
    TruncatedError, DecodeError
        A frame is not there whole, or the frames cannot be told apart.
    """
    path = url if url is not None else dataset.filename
    if path is None:
        raise ValueError("the data set has no path: what are the references to name? url= says it")
    if dataset.transfer_syntax.deflated:
        raise UnsupportedError("the data set is deflated: its frames have no place in the file")
    codec, frames = DicomFrame.of(dataset), Frames(dataset)
    info = frames.description.info
    shape = list(frames.shape)
    array = {
        "zarr_format": 2,
        "shape": shape,
        "chunks": [1, *shape[1:]],
        "dtype": info.dtype,
        "compressor": codec.get_config(),
        "fill_value": None,
        "order": "C",
        "filters": None,
        "dimension_separator": ".",
    }
    refs: dict[str, Any] = {
        ".zgroup": json.dumps({"zarr_format": 2}),
        f"{name}/.zarray": json.dumps(array),
        f"{name}/.zattrs": json.dumps({"_ARRAY_DIMENSIONS": ["frame", "row", "column", "sample"][: len(shape)]}),
    }
    rest = ".".join("0" * (len(shape) - 1))
    is_native = frames.description.is_native
    for number in range(len(frames)):
        spans = frames.spans(number)
        if len(spans) != 1:
            raise UnsupportedError(f"frame {number} is in {len(spans)} fragments: a reference names one range of bytes")
        if is_native and native.span(info, number).skip:
            raise UnsupportedError(f"frame {number} of packed bits does not begin on a byte")
        refs[f"{name}/{number}.{rest}"] = [path, *spans[0]]
    return {"version": 1, "refs": refs}
