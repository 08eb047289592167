"""``FASTDICOM_PYDICOM=1``: our face is installed in programs that cannot be edited, as soon as they have imported pydicom.

Nothing of Python's start is touched for that. pydicom asks pylibjpeg for plug-ins while it is imported, and pylibjpeg imports ours
(`fastdicom.pylibjpeg`, which the distribution registers), which calls `follow` here.
"""

from __future__ import annotations

import os
import sys
import warnings
from importlib.machinery import ModuleSpec

__all__ = ["NAME", "follow", "wanted"]

NAME = "FASTDICOM_PYDICOM"


def wanted() -> bool:
    """Whether the environment asks for it: any value but nothing and 0."""
    return os.environ.get(NAME, "") not in ("", "0")


def follow() -> None:
    """Install as soon as pydicom has been imported, when the environment asks for it: at once, if it has."""
    spec = getattr(sys.modules.get("pydicom"), "__spec__", None)
    if not wanted() or not isinstance(spec, ModuleSpec):
        return
    if not getattr(spec, "_initializing", False):
        _install()
    elif type(spec) is ModuleSpec:
        # the import system sets this attribute to False when the module is complete, and there is no other sign of it
        vars(spec)[_KEPT] = vars(spec).pop("_initializing")
        spec.__class__ = _Followed


_KEPT = "_fastdicom_initializing"


class _Followed(ModuleSpec):
    """The specification of a module that is being imported, which tells when that ends."""

    @property
    def _initializing(self) -> bool:
        return bool(vars(self).get(_KEPT))

    @_initializing.setter
    def _initializing(self, value: bool) -> None:
        vars(self)[_KEPT] = value
        if not value:
            complete = "pydicom" in sys.modules  # what failed has been taken out by now
            del vars(self)[_KEPT]
            self.__class__ = ModuleSpec  # type: ignore[assignment]  # as it was
            self._initializing = False
            if complete:
                _install()


def _install() -> None:
    try:
        from fastdicom.pydicom.patch import install

        install()
    except Exception as error:
        # the program does not know of us, and goes on without
        warnings.warn(f"{NAME} is set, but fastdicom cannot be installed in pydicom: {error}", RuntimeWarning, stacklevel=2)
