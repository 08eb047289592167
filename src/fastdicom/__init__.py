"""Reads DICOM at the speed of the machine: files lazily, folders into tables.

>>> import fastdicom
>>> ds = fastdicom.dcmread("image.dcm")
>>> table = fastdicom.scan("folder", ["PatientID", "Modality"])
"""

from __future__ import annotations

from fastdicom._version import __version__

TYPE_CHECKING = False  # typing itself takes half of the time of this import
if TYPE_CHECKING:
    from typing import Any

    from fastdicom import codecs as codecs
    from fastdicom import dictionary as dictionary
    from fastdicom import pixels as pixels
    from fastdicom import scan as scan
    from fastdicom.dataset import DataElement, Dataset, Sequence
    from fastdicom.errors import (
        DecodeError,
        DicomError,
        DicomWarning,
        LimitError,
        MissingDecoderError,
        MissingElementError,
        NotDicomError,
        ParseError,
        TruncatedError,
        UnsupportedError,
    )
    from fastdicom.pixels.batch import decode_many
    from fastdicom.pydicom.convert import from_pydicom
    from fastdicom.reader import dcmread
    from fastdicom.tag import Tag
    from fastdicom.transfer_syntax import TransferSyntax
    from fastdicom.uid import UID
    from fastdicom.values import PersonName

_ERRORS = (
    "DecodeError",
    "DicomError",
    "DicomWarning",
    "LimitError",
    "MissingDecoderError",
    "MissingElementError",
    "NotDicomError",
    "ParseError",
    "TruncatedError",
    "UnsupportedError",
)
# name -> the module that has it; imported on first use, so that `import fastdicom` costs next to nothing
_HOME = {
    **dict.fromkeys(_ERRORS, "errors"),
    "DataElement": "dataset",
    "Dataset": "dataset",
    "PersonName": "values",
    "Sequence": "dataset",
    "Tag": "tag",
    "TransferSyntax": "transfer_syntax",
    "UID": "uid",
    "dcmread": "reader",
    "decode_many": "pixels.batch",
    "from_pydicom": "pydicom.convert",
}
_ROOMS = ("codecs", "dictionary", "pixels", "scan")

__all__ = [
    "UID",
    "DataElement",
    "Dataset",
    "DecodeError",
    "DicomError",
    "DicomWarning",
    "LimitError",
    "MissingDecoderError",
    "MissingElementError",
    "NotDicomError",
    "ParseError",
    "PersonName",
    "Sequence",
    "Tag",
    "TransferSyntax",
    "TruncatedError",
    "UnsupportedError",
    "__version__",
    "codecs",
    "dcmread",
    "decode_many",
    "dictionary",
    "from_pydicom",
    "get_include",
    "pixels",
    "scan",
]


def get_include() -> str:
    """The folder of the C headers, which a module needs that does ``cimport fastdicom._core``."""
    from pathlib import Path

    return str(Path(__file__).parent / "csrc")


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in _HOME:
        value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    elif name in _ROOMS:
        value = import_module(f"{__name__}.{name}")
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
