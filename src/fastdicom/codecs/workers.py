"""How many threads a decoder may start inside of one frame: what whoever decodes frames on threads of his own leaves it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["inner", "inner_threads"]

_here = threading.local()


def inner_threads() -> int:
    """The threads that a decoder called in this thread may use, itself included; 1 unless :func:`inner` says more."""
    return getattr(_here, "number", 1)


@contextmanager
def inner(number: int) -> Iterator[None]:
    """Let decoders that are called in this thread use so many threads for a frame."""
    before = inner_threads()
    _here.number = max(1, number)
    try:
        yield
    finally:
        _here.number = before
