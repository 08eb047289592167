"""The table of decoders: a row says what it decodes and where it is; its module is imported when it is needed."""

from __future__ import annotations

import threading
import warnings
from dataclasses import dataclass
from importlib import import_module, metadata
from importlib.util import find_spec
from typing import Any

from fastdicom._version import __version__
from fastdicom.errors import DicomWarning, MissingDecoderError, UnsupportedError
from fastdicom.transfer_syntax import TRANSFER_SYNTAXES, get

__all__ = ["ENTRY_POINTS", "Row", "find", "load", "register", "rows"]

ENTRY_POINTS = "fastdicom.decoders"


@dataclass(frozen=True)
class Row:
    """One decoder: its transfer syntaxes and its module (or object) with the function `decode`; the lowest rank goes first."""

    syntaxes: tuple[str, ...]
    name: str
    module: Any
    distribution: str = "fastdicom-core"
    needs: tuple[str, ...] = ()
    rank: int = 50

    @property
    def installed(self) -> bool:
        """Whether the modules that it needs can be found; none is imported."""
        return all(find_spec(name.partition(".")[0]) is not None for name in self.needs)

    @property
    def version(self) -> str | None:
        """The version of the distribution, if it is installed."""
        try:
            if self.distribution == "fastdicom-core":
                return __version__
            return metadata.version(self.distribution) if self.installed else None
        except metadata.PackageNotFoundError:
            return None


_NATIVE = tuple(uid for uid, syntax in TRANSFER_SYNTAXES.items() if syntax.family == "native")
_RLE = ("1.2.840.10008.1.2.5",)
_JPEG_LOSSLESS = ("1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70")
# PS3.5 A.4.1: baseline, extended, and retired progressive ones
_JPEG = tuple(f"1.2.840.10008.1.2.4.{n}" for n in (50, 51, 53, 55))
_rows = [
    Row(_NATIVE, "native", "fastdicom.codecs.native", rank=0),
    Row(_RLE, "rle", "fastdicom.codecs.rle", rank=0),
    Row(_JPEG_LOSSLESS, "jpegll", "fastdicom.codecs.jpegll", rank=0),
    Row(_JPEG, "libjpeg-turbo", "fastdicom.codecs.jpeg", "imagecodecs", ("imagecodecs",), 10),
    Row(_JPEG, "libjpeg-turbo-checked", "fastdicom.codecs.jpeg_checked", "imagecodecs", ("imagecodecs",), 20),
]
_lock = threading.Lock()
_plugins_read = False


def register(row: Row) -> None:
    """Add a row; one with the same name is replaced."""
    with _lock:
        _rows[:] = sorted([other for other in _rows if other.name != row.name] + [row], key=lambda each: each.rank)


def rows() -> list[Row]:
    """Every row, best first; what other distributions offer (entry points) is read the first time that this is asked."""
    global _plugins_read
    with _lock:
        first, _plugins_read = not _plugins_read, True
    for point in metadata.entry_points(group=ENTRY_POINTS) if first else ():
        try:
            row = point.load()
            register(row if isinstance(row, Row) else row())
        except Exception as error:  # somebody else's code: it must not take our own decoders down
            warnings.warn(f"the decoder {point.name} ({point.value}) cannot be loaded: {error!r}", DicomWarning, stacklevel=3)
    return list(_rows)


def find(uid: str) -> list[Row]:
    """The rows of a transfer syntax, best first, installed or not."""
    return [row for row in rows() if uid in row.syntaxes]


def load(uid: str, name: str | None = None) -> Any:
    """The decoder of a transfer syntax: the best one installed, or the one called `name`.

    Raises UnsupportedError when nobody decodes the syntax, MissingDecoderError with the cure when it is not installed.
    """
    found = [row for row in find(uid) if name in (None, row.name)]
    if not found:
        by = "" if name is None else f" called {name}"
        raise UnsupportedError(f"transfer syntax {uid} ({get(uid).name}): there is no decoder{by} for it yet")
    for row in found:
        if row.installed:
            return import_module(row.module) if isinstance(row.module, str) else row.module
    cure = " or ".join(f"pip install {row.distribution}" for row in found)
    raise MissingDecoderError(f"transfer syntax {uid} ({get(uid).name}): its decoder is not installed; {cure}")
