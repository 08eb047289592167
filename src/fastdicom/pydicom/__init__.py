"""fastdicom under pydicom's names: a backend for programs that use pydicom.

`dcmread` takes what ``pydicom.dcmread`` takes and returns what it returns, a `pydicom.dataset.FileDataset`, whose elements are made when
they are touched. It needs pydicom 3: another version is refused when this package is imported.
"""

from __future__ import annotations

import importlib
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fastdicom.pydicom.convert import from_pydicom, to_pydicom
    from fastdicom.pydicom.decoders import register, unregister
    from fastdicom.pydicom.patch import Installation, InstallWarning, install, installed, is_installed, uninstall
    from fastdicom.pydicom.reader import dcmread

__all__ = [
    "InstallWarning",
    "Installation",
    "dcmread",
    "from_pydicom",
    "install",
    "installed",
    "is_installed",
    "register",
    "to_pydicom",
    "uninstall",
    "unregister",
]

_PATCH = ("InstallWarning", "Installation", "install", "installed", "is_installed", "uninstall")
_MODULES = {
    "register": "fastdicom.pydicom.decoders",
    "unregister": "fastdicom.pydicom.decoders",
    "dcmread": "fastdicom.pydicom.reader",
    "from_pydicom": "fastdicom.pydicom.convert",
    "to_pydicom": "fastdicom.pydicom.convert",
    **dict.fromkeys(_PATCH, "fastdicom.pydicom.patch"),
}


def _check_version() -> None:
    """Raise ImportError unless pydicom is there in a version that this package knows.

    Its `name` is this package: ``python -m`` then says it in a line, where it shows a traceback for any other.
    """
    cure = "pip install 'fastdicom-core[pydicom]'"
    try:
        import pydicom
    except ImportError as error:
        raise ImportError(f"fastdicom.pydicom needs pydicom 3, which is not installed: {cure}", name=__name__) from error
    version = str(getattr(pydicom, "__version__", "")) or "an unknown version"
    found = re.match(r"(\d+)\.(\d+)", version)
    if found is None or int(found[1]) != 3:
        raise ImportError(f"fastdicom.pydicom works with pydicom 3.0 and later versions 3, not with {version}: {cure}", name=__name__)


_check_version()


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_MODULES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
