"""Files that appear under their names only when they are complete."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["replacing"]


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[str]:
    """Give the name of a new file beside `path`, which takes its place when the block ends without an exception.

    Whoever is killed in between leaves what was there before as it was, and a file ``.NAME.*.tmp``.
    """
    target = Path(path).resolve()
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(6)}.tmp")
    try:
        temporary.touch(exist_ok=False)
    except OSError as error:  # it is about the folder, whose name the caller knows
        raise type(error)(error.errno, error.strerror, os.fspath(path)) from None
    try:
        yield str(temporary)
        _synchronise(temporary, os.O_RDWR)
        temporary.replace(target)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    with suppress(OSError):  # the name, too, survives a power failure, where folders can be synchronised
        _synchronise(target.parent, os.O_RDONLY)


def _synchronise(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
