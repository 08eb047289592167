"""Our decoders as a plug-in of pylibjpeg 2: for ``pylibjpeg.decode``, and for the table of pixel data decoders that pydicom asks.

The distribution registers these functions as entry points; nobody needs to import this module. A program names ours by
``pylibjpeg.decode(data, decoder="fastdicom")``. Who goes first where other plug-ins decode the same, pylibjpeg and its callers decide:

- pydicom 3 takes them in alphabetical order of their modules, and this one's is before the others'.
- The table of version 1 (``get_pixel_data_decoders()``, pydicom 2) has one function a syntax, which of several by chance: by the hashes
  of strings, which are others in every process. So that results are not a matter of chance, ours then hands over to the other.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from fastdicom import _environment

TYPE_CHECKING = False
if TYPE_CHECKING:
    import numpy.typing as npt

    from fastdicom.codecs.base import FrameInfo, StreamHeader

__all__ = ["decode", "decode_deflated_frame", "decode_pixel_data", "decode_rle"]

_RLE = "1.2.840.10008.1.2.5"
_DEFLATED = "1.2.840.10008.1.2.8.1"
# keyword of a data set -> the name of the same among pylibjpeg 2's options
_ASKED = {
    "Rows": "rows",
    "Columns": "columns",
    "SamplesPerPixel": "samples_per_pixel",
    "BitsAllocated": "bits_allocated",
    "BitsStored": "bits_stored",
    "PixelRepresentation": "pixel_representation",
    "PhotometricInterpretation": "photometric_interpretation",
}


def decode(src: bytes, *, reshape: bool = True, **_: Any) -> npt.NDArray[Any]:
    """Decode a JPEG, JPEG-LS, JPEG 2000, HTJ2K or JPEG XL stream by itself: what ``pylibjpeg.decode`` calls.

    Parameters
    ----------
    src : bytes-like
        The stream.
    reshape : bool
        False for a flat array of bytes.

    Returns
    -------
    numpy.ndarray
        (rows, columns) or (rows, columns, samples), of the type that the stream says; colour as in the stream, but for what its format
        itself undoes (the component transform of JPEG 2000, XYB of JPEG XL).

    Raises
    ------
    DecodeError
        The stream is broken, or cut off. It is a RuntimeError.
    UnsupportedError
        It is of a kind that nobody here decodes. It is a NotImplementedError.
    """
    out, info = _decoded(src, {}, None, keeps_allocated=False)
    return _array(out, info, reshape)


def decode_pixel_data(src: bytes, ds: Any = None, version: int = 1, **options: Any) -> npt.NDArray[Any] | bytearray:
    """Decode a frame whose stream says what it is: JPEG, JPEG-LS, JPEG 2000, HTJ2K, JPEG XL.

    Parameters
    ----------
    src : bytes-like
        The stream of one frame.
    ds : pydicom.Dataset or dict, optional
        The elements of group 0028 by keyword, for version 1.
    version : {1, 2}
        1: an array; 2: bytes.
    **options
        The same by other names (``rows``, ``columns``, ``samples_per_pixel``, ``bits_allocated``, ``photometric_interpretation``), and
        ``transfer_syntax_uid``. What is not said, the stream says.

    Returns
    -------
    numpy.ndarray or bytearray
        Interleaved little endian samples with the sign and the colour of the stream. Of JPEG 2000 and JPEG-LS in as many bytes as their
        precision takes, which is what pydicom expects of plug-ins for them; of the others, and in version 1, in Bits Allocated where
        that is said. In version 1 a flat array of bytes, and Photometric Interpretation RGB makes RGB of a stream that is marked as
        YCbCr; where another plug-in decodes such streams too, it is called instead.

    Raises
    ------
    DecodeError, UnsupportedError
        As in `decode`; also when the stream has other rows, columns or components than was said.
    """
    if version == 1 and (other := _other_for(src, options)) is not None:
        made: npt.NDArray[Any] = other(src, ds, version=1, **options)
        return made
    asked, uid = _asked(ds, options), options.get("transfer_syntax_uid")
    if version == 2:
        return _decoded(src, asked, uid, keeps_allocated=None)[0]
    rgb = asked.get("photometric_interpretation") == "RGB"
    out, info = _decoded(src, asked, uid, keeps_allocated=True, rgb=rgb)
    return _array(out, info, False)


def decode_rle(src: bytes, ds: Any = None, version: int = 1, **options: Any) -> npt.NDArray[Any] | bytearray:
    """Decode a frame of RLE Lossless (PS3.5 G), which does not say what it is.

    Parameters
    ----------
    src, ds, version
        As in `decode_pixel_data`.
    **options
        ``rows``, ``columns`` and ``bits_allocated`` are needed, here or in `ds`; ``samples_per_pixel`` is counted where it is not said.
        ``byteorder=">"`` gives big endian samples, ``pack_bits=True`` with one bit allocated eight pixels a byte (version 2).

    Returns
    -------
    numpy.ndarray or bytearray
        The samples, plane behind plane; a flat array of bytes in version 1.

    Raises
    ------
    ValueError
        Rows, columns or bits allocated are not said.
    DecodeError
        The frame is broken, or cut off.
    """
    import numpy as np

    if version == 1 and (other := _other(_RLE)) is not None:
        made: npt.NDArray[Any] = other(src, ds, version=1, **options)
        return made
    asked = _asked(ds, options)
    _need(asked)
    planes = int.from_bytes(bytes(memoryview(src)[:4]), "little")
    samples = asked.setdefault("samples_per_pixel", max(1, planes * 8 // max(8, asked["bits_allocated"])))
    out, info = _decoded(src, asked, _RLE, keeps_allocated=True, as_stored=True)
    array = np.frombuffer(out, info.dtype)
    if samples > 1:
        array = array.reshape(-1, samples).T
    if options.get("byteorder", "<") == ">" and info.itemsize > 1:
        array = array.byteswap()
    if version == 2 and info.bits_allocated == 1 and options.get("pack_bits", False):
        array = np.packbits(array, bitorder="little")
    flat = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    return bytearray(flat) if version == 2 else flat


def decode_deflated_frame(src: bytes, ds: Any = None, version: int = 1, **options: Any) -> npt.NDArray[Any] | bytearray:
    """Decode a Deflated Image Frame (PS3.5 A.4.13), which does not say what it is.

    Parameters
    ----------
    src, ds, version
        As in `decode_pixel_data`.
    **options
        ``rows``, ``columns`` and ``bits_allocated`` are needed, here or in `ds`.

    Returns
    -------
    numpy.ndarray or bytearray
        Interleaved samples; a flat array of bytes in version 1.
    """
    asked = _asked(ds, options)
    _need(asked)
    out, info = _decoded(src, asked, _DEFLATED, keeps_allocated=True)
    return out if version == 2 else _array(out, info, False)


@cache
def _other(uid: str) -> Any:
    """Somebody else's plug-in for a transfer syntax, or None."""
    from importlib.metadata import entry_points

    for point in sorted(entry_points(group="pylibjpeg.pixel_data_decoders", name=uid), key=lambda point: point.value):
        if not point.value.startswith("fastdicom."):
            try:
                return point.load()
            except ImportError:
                continue
    return None


def _other_for(src: bytes, options: dict[str, Any]) -> Any:
    from fastdicom.codecs import _stream

    uid = options.get("transfer_syntax_uid")
    if uid is None:
        header = _stream.header(memoryview(src).cast("B"))
        if header is None:
            return None
        uid = _syntax_of(header)
    return _other(str(uid))


def _asked(ds: Any, options: dict[str, Any]) -> dict[str, Any]:
    """What is said of the frame, by the names of pylibjpeg 2; a data set goes before options, as in other plug-ins."""
    asked = {}
    for keyword, name in _ASKED.items():
        value = ds.get(keyword) if ds is not None else None
        value = options.get(name) if value is None else value
        if value is not None:
            asked[name] = value if name == "photometric_interpretation" else int(value)
    return asked


def _need(asked: dict[str, Any]) -> None:
    missing = [name for name in ("rows", "columns", "bits_allocated") if name not in asked]
    if missing:
        raise ValueError(f"the stream does not say its {', '.join(missing)}: `ds` or these options must")
    if asked["rows"] < 1 or asked["columns"] < 1 or asked["bits_allocated"] not in (1, 8, 16, 32, 64):
        raise ValueError(
            f"rows, columns and bits_allocated are {asked['rows']}, {asked['columns']} and {asked['bits_allocated']}: "
            "positive sizes were expected, and 1, 8, 16, 32 or 64 bits"
        )


def _syntax_of(header: StreamHeader) -> str:
    """A transfer syntax whose streams are such ones, for callers that do not tell."""
    if header.format == "jpeg":
        last = "70" if header.process == 3 else "51"
    elif header.format == "j2k":
        last = "203" if header.is_ht else "91"
    else:
        last = "81" if header.format == "jpeg-ls" else "112"
    return f"1.2.840.10008.1.2.4.{last}"


def _decoded(
    src: bytes, asked: dict[str, Any], uid: str | None, *, keeps_allocated: bool | None, rgb: bool = False, as_stored: bool = False
) -> tuple[bytearray, FrameInfo]:
    """The samples and what they are.

    `keeps_allocated`: whether samples have as many bytes as Bits Allocated says, not only as many as the stream needs; None for what
    pydicom takes plug-ins to give. `as_stored`: unused bits stay what they are.
    """
    from dataclasses import replace

    from fastdicom.codecs import _stream
    from fastdicom.codecs.base import FrameInfo
    from fastdicom.errors import DecodeError
    from fastdicom.pixels.alone import decode_stream

    view = memoryview(src).cast("B").toreadonly()
    header = None if uid in (_RLE, _DEFLATED) else _stream.header(view)
    if header is None:
        if uid not in (_RLE, _DEFLATED):
            raise DecodeError("the stream is none of JPEG, JPEG-LS, JPEG 2000 or JPEG XL")
        bits, stored, sign = (
            asked["bits_allocated"],
            asked.get("bits_stored", asked["bits_allocated"]),
            asked.get("pixel_representation", 0),
        )
        rows, columns, samples = asked["rows"], asked["columns"], asked.get("samples_per_pixel", 1)
        stored, sign = (bits, 0) if as_stored else (stored, sign)
    else:
        bits, stored, sign = 8 * header.itemsize, max(header.precision), int(header.signed[0])
        if keeps_allocated or (keeps_allocated is None and header.format not in ("j2k", "jpeg-ls")):
            bits = max(bits, asked.get("bits_allocated", 0))
        rows, columns, samples = (
            asked.get("rows", header.rows),
            asked.get("columns", header.columns),
            asked.get("samples_per_pixel", header.components),
        )
    colour = asked.get("photometric_interpretation") or ("RGB" if samples > 1 else "MONOCHROME2")
    info = FrameInfo(rows, columns, samples, bits, stored, stored - 1, sign, str(colour), transfer_syntax_uid=uid or "")
    if header is not None:
        info = replace(info, transfer_syntax_uid=str(uid or _syntax_of(header)), stream=header)
    out = decode_stream(view, info, rgb=rgb).obj
    assert isinstance(out, bytearray)  # which decode_stream made
    return out, info


def _array(out: bytearray, info: FrameInfo, shaped: bool) -> npt.NDArray[Any]:
    import numpy as np

    return np.frombuffer(out, info.dtype).reshape(info.shape) if shaped else np.frombuffer(out, np.uint8)


# pydicom, which has us imported while it is imported itself, may be wanted to read with ours
_environment.follow()
