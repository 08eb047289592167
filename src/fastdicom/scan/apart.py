"""Work in a thread of its own, for libraries that take an interrupt for themselves when they run in the main thread."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

__all__ = ["Apart"]

_STEP: Final = 0.1  # seconds in which an interrupt is noticed, whatever thread the system gave the signal
_PATIENCE: Final = 5.0  # seconds that work which cannot be stopped may take after an interrupt


class _Task:
    """Something to do, and what came of it."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self.work = work
        self.value: Any = None
        self.error: BaseException | None = None
        self.is_done = False


class Apart:
    """A thread that does one thing after the other, while the caller waits and can be interrupted.

    There are no locks of Python's in it: an interrupt between taking one and giving it back would stop the thread for ever.

    Attributes
    ----------
    is_stopping : bool
        An interrupt has come: what is being done may look, and end early.
    is_lost : bool
        What was being done did not end then: it is left alone.
    """

    def __init__(self, name: str) -> None:
        self.is_stopping = False
        self.is_lost = False
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._ended: queue.SimpleQueue[None] = queue.SimpleQueue()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def _run(self) -> None:
        while (task := self._tasks.get()) is not None:
            try:
                task.value = task.work()
            except BaseException as error:  # it is raised where somebody waits
                task.error = error
            task.is_done = True
            self._ended.put(None)
            del task

    def do(self, work: Callable[[], Any], stop: Callable[[], object] | None = None) -> Any:
        """Do something there, and return or raise what it does.

        Parameters
        ----------
        work : callable
            What is done.
        stop : callable, optional
            After an interrupt it is called again and again until the work ends, for a few seconds at most: one that comes before
            the work has begun may be lost.
        """
        task = _Task(work)
        try:
            self._tasks.put(task)
            while not task.is_done:
                self._wait()
        except KeyboardInterrupt:
            self.is_stopping = True
            until = time.monotonic() + _PATIENCE
            while not task.is_done and not self.is_lost:
                if stop is not None:
                    stop()
                self._wait()
                self.is_lost = time.monotonic() > until
            raise
        if task.error is not None:
            raise task.error
        return task.value

    def _wait(self) -> None:
        with suppress(queue.Empty):
            self._ended.get(timeout=_STEP)

    def close(self) -> None:
        """End, when what is being done is done."""
        self._tasks.put(None)
