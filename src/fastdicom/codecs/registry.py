"""The table of decoders: a row says what it decodes and where it is; its module is imported when it is needed."""

from __future__ import annotations

import sys
import threading
import warnings
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, replace
from importlib import import_module, metadata
from importlib.machinery import PathFinder
from importlib.util import find_spec
from typing import Any

from fastdicom._version import __version__
from fastdicom.errors import DicomWarning, MissingDecoderError, UnsupportedError
from fastdicom.transfer_syntax import TRANSFER_SYNTAXES, get

__all__ = ["ENTRY_POINTS", "PYLIBJPEG_ENTRY_POINTS", "SECONDS", "Row", "find", "load", "register", "rows", "session"]

ENTRY_POINTS = "fastdicom.decoders"
PYLIBJPEG_ENTRY_POINTS = "pylibjpeg.pixel_data_decoders"
SECONDS = 80
"""The rank from which on a decoder works only when it is named, or when nothing else of its syntax is installed."""


@dataclass(frozen=True)
class Row:
    """One decoder.

    Attributes
    ----------
    syntaxes : tuple of str
        The UIDs that it decodes.
    name : str
        What it is called by ``ds.decode(decoder=...)``.
    module : str or object
        The module with the function `decode`, or ``"module:object"`` with such a method, imported on first use; or the object.
    distribution : str
        What to install.
    needs : tuple of str
        Modules that must be there: ``"imagecodecs._jpegls"`` is a part of a package that some builds leave out.
    rank : int
        The lowest goes first.
    """

    syntaxes: tuple[str, ...]
    name: str
    module: Any
    distribution: str = "fastdicom-core"
    needs: tuple[str, ...] = ()
    rank: int = 50

    def __post_init__(self) -> None:
        given: Any = self.syntaxes  # a str by mistake, every part of which would be one of them
        uids = (given,) if isinstance(given, str) else tuple(given)
        object.__setattr__(self, "syntaxes", uids)

    @property
    def installed(self) -> bool:
        """Whether the modules that it needs can be found; none is imported."""
        return all(map(_is_there, self.needs))

    @property
    def version(self) -> str | None:
        """The version of the distribution, if it is installed."""
        try:
            if self.distribution == "fastdicom-core":
                return __version__
            return metadata.version(self.distribution) if self.installed else None
        except metadata.PackageNotFoundError:
            return None

    @property
    def install(self) -> str:
        """The command that gets it."""
        return f"pip install {self.distribution}"


def _is_there(name: str) -> bool:
    if name in sys.modules:
        return sys.modules[name] is not None
    top, _, part = name.partition(".")
    try:
        spec = find_spec(top)
    except (ImportError, ValueError):  # a module without a spec, such as one that a test put there
        return top in sys.modules
    if spec is None or not part:
        return spec is not None
    # find_spec of the whole name would import the package
    return PathFinder.find_spec(name, list(spec.submodule_search_locations or ())) is not None


def _family(*families: str) -> tuple[str, ...]:
    return tuple(uid for uid, syntax in TRANSFER_SYNTAXES.items() if syntax.family in families)


def _dicom(*suffixes: str) -> tuple[str, ...]:
    return tuple(f"1.2.840.10008.1.2.{suffix}" for suffix in suffixes)


_HERE = "fastdicom.codecs."
_JPEG = _dicom("4.50", "4.51")
_PROGRESSIVE = _dicom("4.53", "4.55")
_ARITHMETIC = _dicom("4.52", "4.54", "4.56")
_JPEG_LOSSLESS = _dicom("4.57", "4.70")
_JPEG_LS = _dicom("4.80", "4.81")
_JPEG_2000 = _dicom("4.90", "4.91", "4.92", "4.93")
_STEREO = _dicom("4.106", "4.106.1")  # of two views libav decodes one
_HTJ2K = _dicom("4.201", "4.202", "4.203")
_SECOND = _JPEG + _JPEG_LOSSLESS + _JPEG_LS  # not RLE: GDCM's is wrong in colour, and ends the process at 1 bit
# Ranks: 0 our own, 10 the fastest library, 20 the next, 30 what a format was not made for, 80 what may end the process
_rows = [
    Row(_family("native"), "native", _HERE + "native", rank=0),
    Row(_dicom("1.98"), "uncompressed", _HERE + "uncompressed", rank=0),
    Row(_dicom("5"), "rle", _HERE + "rle", rank=0),
    Row(_JPEG_LOSSLESS, "jpegll", _HERE + "jpegll", rank=0),
    Row(_JPEG, "jpegdct", _HERE + "jpegdct", rank=0),
    Row(_JPEG + _PROGRESSIVE + _ARITHMETIC, "simplejpeg", _HERE + "simplejpeg", "simplejpeg", ("simplejpeg",), 10),
    Row(_JPEG + _PROGRESSIVE + _ARITHMETIC, "libjpeg-turbo", _HERE + "jpeg", "imagecodecs", ("imagecodecs._jpeg8",), 20),
    Row(_JPEG + _PROGRESSIVE + _ARITHMETIC, "libjpeg-turbo-checked", _HERE + "jpeg_checked", "imagecodecs", ("imagecodecs._jpeg8",), 30),
    Row(_JPEG_LS, "charls", _HERE + "jpegls", "imagecodecs", ("imagecodecs._jpegls",), 10),
    Row(_HTJ2K, "openjph", _HERE + "htj2k", "imagecodecs", ("imagecodecs._htj2k",), 10),
    Row(_JPEG_2000 + _HTJ2K, "openjpeg", _HERE + "jpeg2k", "imagecodecs", ("imagecodecs._jpeg2k",), 20),
    Row(_family("jpegxl"), "libjxl", _HERE + "jpegxl", "imagecodecs", ("imagecodecs._jpegxl",), 10),
    Row(_dicom("8.1"), "libdeflate", _HERE + "deflated:libdeflate", "imagecodecs", ("imagecodecs._deflate",), 10),
    Row(_dicom("8.1"), "zlib", _HERE + "deflated:zlib", rank=20),
    Row(tuple(uid for uid in _family("mpeg2", "h264", "hevc") if uid not in _STEREO), "pyav", _HERE + "video", "av", ("av",), 10),
    Row(_JPEG_2000[:2] + _HTJ2K, "pylibjpeg-openjpeg", _HERE + "pylibjpeg:openjpeg", "pylibjpeg-openjpeg", ("openjpeg", "_openjpeg"), 30),
    Row(_dicom("5"), "pylibjpeg-rle", _HERE + "pylibjpeg:rle", "pylibjpeg-rle", ("rle",), 30),
    Row(_SECOND, "pylibjpeg-libjpeg", _HERE + "pylibjpeg:libjpeg", "pylibjpeg-libjpeg", ("libjpeg", "_libjpeg"), 80),
    Row(_SECOND + _PROGRESSIVE + _JPEG_2000[:2], "gdcm", _HERE + "gdcm", "python-gdcm", ("gdcm",), 90),
]
_rows.sort(key=lambda row: row.rank)
_lock = threading.RLock()
_plugins_read = False


def register(row: Row) -> None:
    """Add a row; one with the same name is replaced."""
    with _lock:
        _rows[:] = sorted([other for other in _rows if other.name != row.name] + [row], key=lambda each: each.rank)


def rows() -> list[Row]:
    """Every row, best first; what other distributions offer (entry points) is read the first time that this is asked."""
    global _plugins_read  # noqa: PLW0603  # a process has one set of plug-ins
    with _lock:
        if not _plugins_read:
            _plugins_read = True
            _read_entry_points()
        return list(_rows)


def _read_entry_points() -> None:
    for point in metadata.entry_points(group=ENTRY_POINTS):
        try:
            row = point.load()
            register(row if isinstance(row, Row) else row())
        except Exception as error:  # somebody else's code: it must not take our own decoders down
            warnings.warn(f"the decoder {point.name} ({point.value}) cannot be loaded: {error!r}", DicomWarning, stacklevel=4)
    for row in _pylibjpeg_rows():
        register(row)


def _pylibjpeg_rows() -> list[Row]:
    """The plug-ins of pylibjpeg: the name of an entry point is a UID; nothing of them is imported."""
    found: dict[str, dict[str, metadata.EntryPoint]] = {}
    for point in metadata.entry_points(group=PYLIBJPEG_ENTRY_POINTS):
        if point.value.partition(".")[0] == "fastdicom":  # our own, for pylibjpeg: it would come back to this table
            continue
        name = point.dist.name if point.dist is not None else point.value.partition(":")[0]
        points = found.setdefault(name, {})
        if points.setdefault(point.name, point) != point:  # a second decoder of one distribution
            found.setdefault(f"{name}:{point.value}", {})[point.name] = point
    known, result = {row.name: row for row in _rows}, []
    for name, points in found.items():
        if name in known:  # it may have learned more since
            row = known[name]
            more = tuple(uid for uid in points if uid not in row.syntaxes)
            if more and isinstance(row.module, str):
                result.append(replace(row, syntaxes=row.syntaxes + more))
            continue
        from fastdicom.codecs.pylibjpeg import Plugin

        result.append(Row(tuple(points), name, Plugin(name, points), name.partition(":")[0], rank=60))
    return result


def find(uid: str) -> list[Row]:
    """The rows of a transfer syntax, best first, installed or not."""
    return [row for row in rows() if uid in row.syntaxes]


def _imported(row: Row) -> Any:
    if not isinstance(row.module, str):
        return row.module
    module, _, name = row.module.partition(":")
    loaded = import_module(module)  # not what sys.modules has: another thread may be importing it
    return getattr(loaded, name) if name else loaded


class _InTurn:
    """Several decoders of a syntax: one that says that it does not know such a stream leaves it to the next."""

    def __init__(self, decoders: list[Any]) -> None:
        self.decoders = decoders
        self.PARTIAL = getattr(decoders[0], "PARTIAL", False)

        self._last: tuple[Any, list[Any]] | None = None  # replaced whole, so that threads do not mind

    def decode(self, src: memoryview, info: Any, out: memoryview, /) -> Any:
        """Decode by the first that does not raise UnsupportedError; the error of the first is raised when all do."""
        last = self._last
        if last is None or last[0] is not info:
            last = self._last = info, self._in_order(info)
        errors: dict[int, UnsupportedError] = {}
        for decoder in last[1]:
            try:
                return decoder.decode(src, info, out)
            except UnsupportedError as error:
                errors[id(decoder)] = error
        raise errors[id(self.decoders[0])]

    def _in_order(self, info: Any) -> list[Any]:
        """The decoders; last those in front of which the description alone tells that they do not decode such frames."""
        first = 0
        while first < len(self.decoders) and hasattr(self.decoders[first], "declines") and self.decoders[first].declines(info):
            first += 1
        return self.decoders[first:] + self.decoders[:first]


def session(decoder: Any) -> AbstractContextManager[object]:
    """What a decoder wants to be done once around many frames, on whatever threads they are decoded; see `codecs.base.Decoder`."""
    decoders = decoder.decoders if isinstance(decoder, _InTurn) else (decoder,)
    wanted = [each.session for each in decoders if hasattr(each, "session")]
    if len(wanted) < 2:
        found: AbstractContextManager[object] = wanted[0]() if wanted else nullcontext()
        return found
    stack = ExitStack()
    for each in wanted:
        stack.enter_context(each())
    return stack


def load(uid: str, name: str | None = None) -> Any:
    """The decoder of a transfer syntax: the best one installed, or the one called `name`.

    Where more than one is installed, a stream that the best does not know (UnsupportedError) goes to the next; what it calls broken
    stays broken. Decoders from rank 80 on are libraries that hostile streams have crashed: they are taken only by name, or alone.

    Raises
    ------
    UnsupportedError
        Nobody decodes the syntax, or nobody called `name` does.
    MissingDecoderError
        Somebody does, but is not installed; the message says how to install it.
    """
    found = find(uid)
    chosen = found if name is None else [row for row in found if row.name == name]
    if not chosen:
        raise UnsupportedError(f"transfer syntax {uid} ({get(uid).name}): {_nobody(found, name)}")
    installed: list[Any] = []
    broken: list[str] = []
    for row in chosen:
        if (name is not None or row.rank < SECONDS or not installed) and row.installed:
            try:
                installed.append(_imported(row))
            except ImportError as error:  # there, but its libraries are not
                broken.append(f"{row.name} is installed but cannot be imported: {error}")
    if len(installed) == 1:
        return installed[0]
    if installed:
        return _InTurn(installed)
    cures = dict.fromkeys(row.install for row in chosen)
    text = "; ".join([*broken, f"get it by {' or by '.join(cures)}"])
    raise MissingDecoderError(f"transfer syntax {uid} ({get(uid).name}): its decoder is not installed; {text}")


def _nobody(found: list[Row], name: str | None) -> str:
    if name is None:
        return "there is no decoder for it"
    names = ", ".join(row.name for row in found)
    return f"there is no decoder called {name[:100]} for it" + (f", but {names}" if names else "")
