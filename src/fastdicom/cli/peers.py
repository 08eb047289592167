"""What `fastdicom bench` times: our decoders, and the other libraries that are installed beside."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module, metadata
from importlib.util import find_spec
from typing import Any

__all__ = ["Contestant", "contestants", "pydicom_by_itself", "same", "versions"]

# name -> (module, distribution)
LIBRARIES = {
    "pydicom": ("pydicom", "pydicom"),
    "imagecodecs": ("imagecodecs", "imagecodecs"),
    "GDCM": ("gdcm", "python-gdcm"),
    "SimpleITK": ("SimpleITK", "SimpleITK"),
    "dicomsdl": ("dicomsdl", "dicomsdl"),
}
# TransferSyntax.family -> the function of imagecodecs that decodes a frame of it
_RAW_CALLS = {
    "rle": "dicomrle_decode",
    "jpeg": "jpeg8_decode",
    "jpeg-lossless": "jpeg8_decode",
    "jpeg-ls": "jpegls_decode",
    "jpeg2000": "jpeg2k_decode",
    "htj2k": "htj2k_decode",
    "jpegxl": "jpegxl_decode",
}


@dataclass(frozen=True, slots=True)
class Contestant:
    """One line of the table.

    Attributes
    ----------
    name : str
        Library and decoder.
    scope : {"frames", "file"}
        "frames": from an open file, only the frames that are timed. "file": opening and reading are part of it, all frames are
        decoded.
    run : callable
        Decodes once; answers an array, or None.
    """

    name: str
    scope: str
    run: Callable[[], Any]


def in_rgb(ds: Any) -> bool:
    """Whether what is timed ends in RGB: of JPEG, as libjpeg makes it in all the libraries. Of others nothing is converted."""
    return bool(ds.transfer_syntax.family == "jpeg")


def _there(name: str) -> Any:
    module = LIBRARIES[name][0]
    return import_module(module) if find_spec(module) is not None else None


def pydicom_by_itself() -> None:
    """Take our functions out of pydicom's plug-in of pylibjpeg, until the process ends: nobody is to be held against himself."""
    if _there("pydicom") is None:
        return
    plugin = import_module(LIBRARIES["pydicom"][0] + ".pixels.decoders.pylibjpeg")
    for functions in plugin._DECODERS.values():  # transfer syntax -> module -> function
        functions.pop("fastdicom.pylibjpeg", None)


def versions() -> dict[str, str]:
    """The version of each library that is installed."""
    found = {}
    for name, (module, distribution) in LIBRARIES.items():
        if find_spec(module) is not None:
            try:
                found[name] = metadata.version(distribution)
            except metadata.PackageNotFoundError:
                found[name] = "unknown"
    return found


def contestants(path: str, ds: Any, count: int, threads: int) -> Iterator[Contestant]:
    """Ours first, the best decoder before all: what the others are compared with."""
    yield from _ours(path, ds, count, threads)
    for make in (_pydicom, _imagecodecs, _gdcm, _simpleitk, _dicomsdl):
        try:
            yield from make(path, ds, count)
        except Exception as error:  # a peer that cannot begin is a line that says so
            yield Contestant(make.__name__.strip("_"), "frames", _raising(error))


def _raising(error: Exception) -> Callable[[], Any]:
    def run() -> Any:
        raise error

    return run


def _ours(path: str, ds: Any, count: int, threads: int) -> Iterator[Contestant]:
    import numpy as np

    from fastdicom.codecs import registry
    from fastdicom.reader import dcmread

    frames, raw = ds.frames, not in_rgb(ds)
    out = np.empty((count, *frames.shape[1:]), frames.dtype)

    def decoding(name: str, number: int) -> Callable[[], Any]:
        return lambda: ds.decode(out=out, frames=range(count), threads=number, raw=raw, decoder=name)

    uid = frames.description.info.transfer_syntax_uid
    rows = [row for row in registry.find(uid) if row.installed and row.rank < registry.SECONDS]
    for row in rows:
        yield Contestant(f"fastdicom {row.name}", "frames", decoding(row.name, 1))
    if rows and threads > 1 and count > 1:
        yield Contestant(f"fastdicom {rows[0].name}, {threads} threads", "frames", decoding(rows[0].name, threads))
    if rows:

        def whole() -> Any:
            with dcmread(path, force=True) as again:  # as it was opened
                return again.decode(raw=raw, threads=1, out=np.empty(frames.shape[len(frames) == 1 :], frames.dtype))

        yield Contestant("fastdicom", "file", whole)


def _pydicom(path: str, ds: Any, count: int) -> Iterator[Contestant]:
    if (pydicom := _there("pydicom")) is None:
        return
    decoders = import_module(LIBRARIES["pydicom"][0] + ".pixels")
    pydicom_by_itself()
    theirs = pydicom.dcmread(path, force=True)
    if ds.transfer_syntax.family == "native":
        plugins: tuple[str, ...] = ("",)
    else:
        try:
            decoder = decoders.get_decoder(theirs.file_meta.TransferSyntaxUID)
        except NotImplementedError:
            return
        plugins = decoder.available_plugins
    decoder = decoders.get_decoder(theirs.file_meta.TransferSyntaxUID)
    for plugin in plugins:
        options: dict[str, Any] = {"raw": not in_rgb(ds)} | ({"decoding_plugin": plugin} if plugin else {})

        def run(options: Any = options) -> Any:
            if count == len(ds.frames):
                return decoder.as_array(theirs, **options)[0]
            return [decoder.as_array(theirs, index=i, **options)[0] for i in range(count)]

        yield Contestant(f"pydicom {plugin}".strip(), "frames", run)


def _imagecodecs(path: str, ds: Any, count: int) -> Iterator[Contestant]:  # noqa: ARG001
    family = ds.transfer_syntax.family
    if family not in _RAW_CALLS or (imagecodecs := _there("imagecodecs")) is None:
        return
    decode = getattr(imagecodecs, _RAW_CALLS[family])
    streams = [bytes(ds.frames.encoded(i)) for i in range(count)]
    dtype = ds.frames.dtype.str.replace("i", "u") if family == "rle" else None
    options = {"dtype": dtype} if dtype else {"numthreads": 1} if family in ("jpeg2000", "jpegxl") else {}
    yield Contestant(f"imagecodecs {decode.__name__}", "frames", lambda: [decode(stream, **options) for stream in streams])


def _gdcm(path: str, ds: Any, count: int) -> Iterator[Contestant]:  # noqa: ARG001
    if (gdcm := _there("GDCM")) is None:
        return

    def run() -> Any:
        reader = gdcm.ImageReader()
        reader.SetFileName(path)
        if not reader.Read():
            raise ValueError("GDCM cannot read it")
        buffer = reader.GetImage().GetBuffer()
        return buffer.encode("utf-8", errors="surrogateescape") if isinstance(buffer, str) else buffer

    yield Contestant("GDCM ImageReader", "file", run)


def _simpleitk(path: str, ds: Any, count: int) -> Iterator[Contestant]:  # noqa: ARG001
    if (sitk := _there("SimpleITK")) is None:
        return
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    held: list[Any] = []

    def run() -> Any:
        held[:] = [sitk.ReadImage(path)]  # the array is a view that does not hold it
        return sitk.GetArrayViewFromImage(held[0])

    yield Contestant("SimpleITK ReadImage", "file", run)


def _dicomsdl(path: str, ds: Any, count: int) -> Iterator[Contestant]:  # noqa: ARG001
    if (dicomsdl := _there("dicomsdl")) is None:
        return
    frames = len(ds.frames)
    yield Contestant("dicomsdl pixelData", "file", lambda: [dicomsdl.open(path).pixelData(i) for i in range(frames)])


def same(reference: Any, found: Any) -> str:
    """What the samples of a contestant are beside those of the first: "same", "±1", "differs", or "not compared"."""
    import numpy as np

    if isinstance(found, (bytes, bytearray)):
        data = np.ascontiguousarray(reference).tobytes()
        return "same" if data == bytes(found[: len(data)]) else "differs"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        array = np.asarray(found)
    if array.dtype == object or array.size != reference.size:
        return "not compared"
    array = array.reshape(reference.shape)
    if array.dtype.itemsize == reference.dtype.itemsize and array.dtype.kind in "iu" and reference.dtype.kind in "iu":
        array = array.view(reference.dtype)  # raw calls know no sign
    if np.array_equal(array, reference, equal_nan=reference.dtype.kind == "f"):
        return "same"
    return "±1" if np.abs(array.astype(np.float64) - reference).max() <= 1 else "differs"
