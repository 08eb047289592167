"""``install()`` and ``uninstall()``: pydicom's reader and decoders are ours, everywhere at once, until taken back."""

from __future__ import annotations

import contextlib
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from types import ModuleType, TracebackType
from typing import Any, Self

import pydicom
import pydicom.filereader
from pydicom.pixels.decoders.base import _PIXEL_DATA_DECODERS

from fastdicom.pydicom import decoders
from fastdicom.pydicom.reader import dcmread, dcmread_copied

__all__ = ["InstallWarning", "Installation", "install", "installed", "is_installed", "uninstall"]


class InstallWarning(UserWarning):
    """A module had bound a function of pydicom's before `install` replaced it, or keeps something that `uninstall` did not put there."""


@dataclass(frozen=True, slots=True)
class Installation:
    """What `install` did. In a ``with`` statement it is taken back at the end, unless it had been in force before.

    Attributes
    ----------
    names : tuple of str
        The names that were replaced in pydicom's own modules, such as ``pydicom.filereader.dcmread``.
    elsewhere : tuple of str
        Those in modules of others that had bound pydicom's function before, such as ``highdicom.io.dcmread``.
    left : tuple of str
        Names that go on reading with pydicom: in modules of others, under another name than ``dcmread``, or any with ``rebind=False``.
    decoders : tuple of str
        The UIDs of the transfer syntaxes for which pydicom asks our decoders first.
    """

    names: tuple[str, ...]
    elsewhere: tuple[str, ...]
    left: tuple[str, ...]
    decoders: tuple[str, ...]
    _taken_back_at_end: bool = field(default=True, repr=False, compare=False)

    def __str__(self) -> str:
        return "\n".join(
            [
                f"fastdicom reads for pydicom {pydicom.__version__}",
                f"  replaced: {', '.join(self.names)}",
                f"  in modules that had bound it before: {', '.join(self.elsewhere) or 'none'}",
                f"  left as they are: {', '.join(self.left) or 'none'}",
                f"  decodes first: {len(self.decoders)} transfer syntaxes",
            ]
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        if self._taken_back_at_end:
            uninstall()


class _Patch:
    """One installation in force: every name that was replaced, and by what."""

    def __init__(self, rebind: bool, mmap: bool) -> None:
        self.reader = dcmread if mmap else dcmread_copied
        # pydicom.dcmread and pydicom.filereader.dcmread are one function, unless somebody else has replaced one of them
        self.originals: list[object] = []
        for original in (pydicom.filereader.dcmread, pydicom.dcmread):
            if not _is_ours(original) and not self._is_original(original):
                self.originals.append(original)
        self.rebind = rebind
        self.replaced: list[tuple[dict[str, Any], str, object]] = []
        # names that were ours before: somebody has imported our function, and keeps it
        self.ours_before: list[tuple[dict[str, Any], str]] = []
        self.undo_decoders: Callable[[], object] | None = None
        self.report = Installation((), (), (), ())

    def apply(self) -> None:
        """Replace everything; when it fails, nothing is."""
        try:
            # decoders first: who reads with ours may decode at once
            uids = self._register_decoders()
            self.report = self._rebind(uids)
            if self.report.elsewhere or self.report.left:
                warnings.warn(_bound_before(self.report), InstallWarning, stacklevel=4)
        except BaseException:
            self.undo()
            raise

    def undo(self) -> None:
        """Put back what was replaced, and pydicom's function where ours was bound meanwhile."""
        changed = []
        for namespace, name, original in self.replaced:
            if namespace.get(name) is self.reader:
                namespace[name] = original
            elif name in namespace and namespace[name] is not original:
                changed.append(f"{namespace.get('__name__')}.{name}")
        before = {(id(namespace), name) for namespace, name in self.ours_before}
        for _, namespace in _namespaces():
            for name, value in namespace.copy().items():
                if value is self.reader and (id(namespace), name) not in before:
                    namespace[name] = self.originals[0]
        if self.undo_decoders is not None:
            self.undo_decoders()
            self.undo_decoders = None
        if changed:
            text = f"replaced by somebody else after install(), and left so by uninstall(): {', '.join(changed)}"
            warnings.warn(text, InstallWarning, stacklevel=4)

    def _is_original(self, value: object) -> bool:
        return any(value is original for original in self.originals)

    def _register_decoders(self) -> tuple[str, ...]:
        """Put our decoders first, unless the caller has registered them as he wants them; the transfer syntaxes they are first for."""
        if not decoders.is_registered():
            self.undo_decoders = decoders.unregister
            decoders.register(first=True)
        return _decoded_by_us()

    def _rebind(self, uids: tuple[str, ...]) -> Installation:
        """Replace the function in every module that has it."""
        names: list[str] = []
        elsewhere: list[str] = []
        left: list[str] = []
        # pydicom first: what is imported from now on binds ours
        for module, namespace in sorted(_namespaces(), key=lambda entry: not _is_pydicom(entry[0])):
            for name, value in namespace.copy().items():
                if _is_ours(value):
                    self.ours_before.append((namespace, name))
                    continue
                if not self._is_original(value):
                    continue
                # in modules of others, one that was given another name is kept on purpose: to be called, or to be put back
                if not _is_pydicom(module) and not (self.rebind and name == "dcmread"):
                    left.append(f"{module}.{name}")
                    continue
                self.replaced.append((namespace, name, value))
                namespace[name] = self.reader
                (names if _is_pydicom(module) else elsewhere).append(f"{module}.{name}")
        return Installation((*names, *decoders.replaced()), tuple(elsewhere), tuple(left), uids)


def _is_ours(value: object) -> bool:
    return value is dcmread or value is dcmread_copied


def _is_pydicom(module: str) -> bool:
    return module == "pydicom" or module.startswith("pydicom.")


def _namespaces() -> Iterator[tuple[str, dict[str, Any]]]:
    """The modules that have been imported, except our own, each with its global names. Nothing is loaded by this."""
    seen = set()
    for name, module in sys.modules.copy().items():
        # neither getattr nor vars: a module that loads itself when touched must not
        if not issubclass(type(module), ModuleType) or str(name).partition(".")[0] == "fastdicom":
            continue
        namespace = object.__getattribute__(module, "__dict__")
        if id(namespace) not in seen:
            seen.add(id(namespace))
            yield name, namespace


def _decoded_by_us() -> tuple[str, ...]:
    """The transfer syntaxes for which pydicom asks one of our functions first."""
    found = []
    for uid, (decoder, _) in _PIXEL_DATA_DECODERS.items():
        first = next(iter(decoder._available.copy().values()), None)
        if first is not None and str(getattr(first, "__module__", "")).startswith("fastdicom."):
            found.append(str(uid))
    return tuple(found)


def _bound_before(report: Installation) -> str:
    """The words of the warning about modules that were imported too early."""
    parts = []
    if report.elsewhere:
        parts.append(
            f"{', '.join(report.elsewhere)}: bound before install(), replaced now, but a copy that the module keeps elsewhere "
            "(a default argument, an attribute of a class, a closure) still reads with pydicom"
        )
    if report.left:
        parts.append(f"{', '.join(report.left)}: bound before install(), and still reads with pydicom")
    cure = "call fastdicom.pydicom.install() before these imports"
    return f"pydicom.dcmread had been imported by other modules. {'. '.join(parts)}. Cure: {cure}"


class _Process:
    """The installation in force, of which a process has one, and who asked for it."""

    lock = threading.RLock()
    patch: _Patch | None = None
    asked = False  # install(), until uninstall()
    blocks = 0  # of installed() that are open


def install(*, rebind: bool = True, mmap: bool = True) -> Installation:
    """Let ``pydicom.dcmread`` and pydicom's decoders be ours in the whole process, until `uninstall`.

    Our decoders become the first that pydicom asks; then every module of pydicom gets our `dcmread` in place of its own, and whatever is
    imported from now on binds ours. Modules of others that have bound ``dcmread`` before get ours too, and are named in a warning, because
    what they keep elsewhere (a default argument, an attribute of a class) cannot be found: install before you import them.

    Installing twice is installing once. Other threads may read meanwhile: each call is pydicom's or ours, whole. A process that is started
    by ``fork`` inherits the installation, one that is started afresh does not: see ``python -m fastdicom.pydicom --help``.

    Parameters
    ----------
    rebind : bool
        Replace the name ``dcmread`` in modules of others too. Without, they are only named.
    mmap : bool
        As in `dcmread`. False: each file is read to its end at once, for programs that write to files of which they have read data sets.
        What is in force already stays as it is.

    Returns
    -------
    Installation
        The names that were replaced, and the transfer syntaxes that we decode. In a ``with`` statement, `uninstall` is called at its end,
        unless the installation was in force before.

    Warns
    -----
    InstallWarning
        Modules of others had bound ``pydicom.dcmread`` before.

    Examples
    --------
    >>> import fastdicom.pydicom
    >>> report = fastdicom.pydicom.install()
    >>> from pydicom import dcmread  # reads with fastdicom from now on, here and in all libraries
    """
    with _Process.lock:
        new = _Process.patch is None
        report = _apply(rebind, mmap)
        _Process.asked = True
        return report if new else replace(report, _taken_back_at_end=False)


def uninstall() -> bool:
    """Take back what `install` did: every name has the object that it had before, and pydicom's decoders their order.

    Modules that were imported meanwhile, and so bound our `dcmread`, get pydicom's. Names that somebody else has replaced meanwhile stay as
    they are, with a warning. Data sets that were read stay as they are and go on working.

    Returns
    -------
    bool
        Whether there was anything to take back.
    """
    with _Process.lock:
        _Process.asked, _Process.blocks = False, 0
        return _take_back()


@contextlib.contextmanager
def installed(*, rebind: bool = True, mmap: bool = True) -> Iterator[Installation]:
    """Install for the time of a ``with`` statement. Blocks may be nested, and overlap in several threads: the last one takes it back.

    It is the whole process that reads with ours meanwhile, not only the thread that entered the block. What had been in force
    before the block stays in force.

    Examples
    --------
    >>> with fastdicom.pydicom.installed():
    ...     ds = pydicom.dcmread(path)
    """
    with _Process.lock:
        report = _apply(rebind, mmap)
        patch = _Process.patch
        _Process.blocks += 1
    try:
        yield report
    finally:
        with _Process.lock:
            # an uninstall() inside the block has ended it already
            if _Process.patch is patch:
                _Process.blocks -= 1
                if not _Process.blocks and not _Process.asked:
                    _take_back()


def is_installed() -> bool:
    """Whether pydicom reads with ours at this moment."""
    return _Process.patch is not None


def _apply(rebind: bool, mmap: bool) -> Installation:
    if _Process.patch is None:
        patch = _Patch(rebind, mmap)
        patch.apply()
        _Process.patch = patch
    return _Process.patch.report


def _take_back() -> bool:
    patch, _Process.patch = _Process.patch, None
    if patch is None:
        return False
    patch.undo()
    return True
