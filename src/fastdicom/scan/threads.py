"""How many threads a scan takes when nobody says.

A local disk that is cold does not need more of them: files are opened before their turn (csrc/fd_engine). Where each call waits for
an answer from elsewhere, only threads have several calls under way.
"""

from __future__ import annotations

import os
from typing import Final

from fastdicom.scan import _scan

__all__ = ["cores", "default"]

# A network file system answers many questions at a time, each after a while.
_REMOTE_PER_CORE: Final = 4
_REMOTE_LEAST: Final = 16
_LOOKED_AT: Final = 8  # of many paths


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "process_cpu_count"):  # Python 3.13
        return os.process_cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def default(source: object) -> int:
    """Return the number of threads for a source: the cores, more of them for paths on a network."""
    paths = source[:_LOOKED_AT] if isinstance(source, (list, tuple)) else ()
    for path in paths:
        if isinstance(path, (str, bytes, os.PathLike)):
            name = os.fsencode(path)
            if b"\0" not in name and _scan.is_remote(name):
                return max(_REMOTE_LEAST, _REMOTE_PER_CORE * cores())
    return cores()
