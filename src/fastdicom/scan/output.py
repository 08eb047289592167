"""Files that appear under their names only when they are complete."""

from __future__ import annotations

import errno
import os
import re
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

if sys.platform != "win32":  # there, a file that is open cannot be removed in the first place
    import fcntl

__all__ = ["locked", "remove_stale", "replacing", "target_of"]

_RANDOM_BYTES = 6


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[str]:
    """Give the name of a new file beside `path`, which takes its place when the block ends without an exception.

    Whoever is killed in between leaves what was there before as it was, and a file ``.NAME.*.tmp``. The next one that succeeds
    removes it, when nobody writes to it any more.
    """
    target = target_of(path)
    temporary, lock = target, -1
    try:
        while not lock >= 0:
            temporary = _unused(target)  # known before there is such a file: an interrupt may come between any two steps
            lock = _created(temporary, path)
        yield str(temporary)
        _synchronise(temporary, os.O_RDWR)
        if os.name == "nt":
            lock = _closed(lock)
        temporary.replace(target)
    except BaseException:
        lock = _closed(lock)
        if temporary != target:
            with suppress(OSError):
                temporary.unlink()
        raise
    _closed(lock)
    with suppress(OSError):  # the name, too, survives a power failure, where folders can be synchronised
        _synchronise(target.parent, os.O_RDONLY)
    remove_stale(target)


def target_of(path: str | os.PathLike[str]) -> Path:
    """Return the file that a path names, through links; IsADirectoryError when that is a folder."""
    target = Path(path).resolve()
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    return target


def _unused(target: Path) -> Path:
    return target.with_name(f".{target.name}.{secrets.token_hex(_RANDOM_BYTES)}.tmp")


def _created(temporary: Path, path: str | os.PathLike[str]) -> int:
    """Make the file; a descriptor that holds a lock on it, the sign that somebody is at work. -1: try another."""
    try:
        descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666)
    except FileExistsError:
        return -1
    except OSError as error:  # it is about the folder, whose name the caller knows
        raise type(error)(error.errno, error.strerror, os.fspath(path)) from None
    locked(descriptor)
    if temporary.exists():
        return descriptor
    return _closed(descriptor)  # somebody took it for a stale one before it was locked


def locked(descriptor: int) -> bool:
    """Take the lock of an open file without waiting; False: somebody else has it, or there are no locks here."""
    if sys.platform != "win32":
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
    return True


def remove_stale(target: Path) -> None:
    """Remove what killed writers of `target` have left."""
    name = re.compile(re.escape(f".{target.name}.") + rf"[0-9a-f]{{{2 * _RANDOM_BYTES}}}\.tmp")
    with suppress(OSError):
        for found in os.listdir(target.parent):  # noqa: PTH208 names are all that is needed
            if name.fullmatch(found):
                with suppress(OSError):
                    _remove_unused(target.parent / found)


def _remove_unused(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
    try:
        if os.name != "nt" and locked(descriptor):
            path.unlink()
    finally:
        os.close(descriptor)
    if os.name == "nt":
        path.unlink()


def _closed(descriptor: int) -> int:
    if descriptor >= 0:
        os.close(descriptor)
    return -1


def _synchronise(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
