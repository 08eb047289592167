"""DICOMDIR (PS3.10 8, PS3.3 F): the list of the files on a medium."""

from __future__ import annotations

import os
import stat
import warnings
from collections.abc import Iterator
from typing import NamedTuple

from fastdicom import _core
from fastdicom.charset import Charset
from fastdicom.errors import DicomError, DicomWarning

__all__ = ["Entry", "entries", "is_dicomdir"]

_DIRECTORY_RECORDS = 0x00041220
_IN_USE = 0x00041410
_FILE_ID = 0x00041500
_INACTIVE = b"\0\0"
_NOT_DIRECTORY = "no DICOMDIR: it has no Directory Record Sequence (0004,1220)"


class Entry(NamedTuple):
    """A file that a DICOMDIR refers to.

    Attributes
    ----------
    path : bytes
        Where it is, or would be.
    error : str or None
        Why it must not be opened.
    """

    path: bytes
    error: str | None = None


class _Record(_core.Index):
    """A data set of which only bytes are wanted."""

    __slots__ = ()

    def _charset(self) -> Charset:
        return Charset.of(None)

    @staticmethod
    def _sequence(items: _core.Items) -> _core.Items:
        return items

    def bytes_of(self, tag: int) -> bytes:
        """The value as stored; nothing when it is absent or cut off: half a path is none."""
        element = self.indexed(tag)
        return b"" if element is None or element.is_truncated else bytes(element.raw)


def is_dicomdir(name: bytes) -> bool:
    """Is this the name that PS3.10 8.6 gives to a directory? Media readers show it in lower case, or with a version behind it."""
    return name.upper().removesuffix(b";1").removesuffix(b".") == b"DICOMDIR"


def entries(path: bytes) -> Iterator[Entry]:
    """The files that a DICOMDIR refers to, in its order; what cannot be read, and what is not confined to its folder, with an error.

    A Referenced File ID (0004,1500) is looked for as it is written, then in upper case, then in lower case: media readers
    differ there. Records that are not in use (0004,1410) are left out, and a file to which several refer comes once.
    """
    try:
        ids, cut = _file_ids(path)
    except DicomError as error:
        yield Entry(path, getattr(error, "reason", None) or str(error))
        return
    except OSError as error:
        yield Entry(path, error.strerror or str(error))
        return
    folder = os.path.dirname(path)
    root = os.path.realpath(folder or b".")
    confined: dict[bytes, bool] = {}  # folders, which files share
    given: dict[bytes, list[bytes]] = {}  # the paths that differ in case only
    for file_id in ids:
        entry = _entry(folder, root, file_id, confined)
        alike = given.setdefault(entry.path.upper(), [])
        if entry.path not in alike and not any(_same_file(entry.path, path) for path in alike):
            alike.append(entry.path)
            yield entry
    if cut:
        yield Entry(path, f"the file ends inside the Directory Record Sequence (0004,1220): {len(ids)} files were found in it")


def _file_ids(path: bytes) -> tuple[list[bytes], bool]:
    """The Referenced File IDs, and whether the file is cut off."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DicomWarning)
        source = _core.Source.from_path(path, False)
        try:
            _, _, _, start, implicit, big, _, _, guessed = _core.read_part10(source)
            directory = _Record()._open(source, start, source.size, implicit, big, quiet=guessed)
            records = directory.value(_DIRECTORY_RECORDS)
            if not isinstance(records, _core.Items):
                raise DicomError(_NOT_DIRECTORY)
            found = []
            for i in range(len(records)):
                record = records.dataset(i)
                file_id = record.bytes_of(_FILE_ID).strip(b" \0")
                if file_id and record.bytes_of(_IN_USE) != _INACTIVE:
                    found.append(file_id)
            return found, directory.get(_DIRECTORY_RECORDS).is_truncated
        finally:
            source.close()


def _entry(folder: bytes, root: bytes, file_id: bytes, confined: dict[bytes, bool]) -> Entry:
    parts = [part.strip(b" \0") for part in file_id.split(b"\\")]
    as_written = os.path.join(folder, file_id)
    for part in parts:
        if part in (b"", b".", b"..") or any(byte in b"/:\0" for byte in part):
            text = file_id.decode("ascii", "backslashreplace")
            return Entry(as_written, f"Referenced File ID (0004,1500) {text!r} leads out of the folder of the DICOMDIR: not opened")
    relative = os.path.join(*parts)
    for name in (relative, relative.upper(), relative.lower()):
        path = os.path.join(folder, name)
        try:
            mode = os.lstat(path).st_mode
        except OSError:
            continue
        return _checked(path, mode, root, confined)
    return Entry(os.path.join(folder, relative))  # which is missing: opening it says so


def _checked(path: bytes, mode: int, root: bytes, confined: dict[bytes, bool]) -> Entry:
    parent = os.path.dirname(path)
    if parent not in confined:
        confined[parent] = _inside(root, parent or b".")
    if not confined[parent] or (stat.S_ISLNK(mode) and not _inside(root, path)):
        return Entry(path, "a link leads out of the folder of the DICOMDIR: not opened")
    if stat.S_ISDIR(mode) or (stat.S_ISLNK(mode) and os.path.isdir(path)):
        return Entry(path, "Referenced File ID (0004,1500) names a folder: a file was expected")
    return Entry(path)


def _same_file(one: bytes, other: bytes) -> bool:
    """Whether two names that differ in case are one to the file system."""
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False


def _inside(root: bytes, path: bytes) -> bool:
    real = os.path.realpath(path)
    return real == root or real.startswith(os.path.join(root, b""))
