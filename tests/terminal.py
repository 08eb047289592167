"""Runs the program on a terminal: what it prints for people."""

from __future__ import annotations

import os
import subprocess
import sys

__all__ = ["run"]


def run(*args: object, columns: int, stdout: bool = True, stderr: bool = True) -> str:
    """Run ``fastdicom`` with these arguments and return what it says; it must end with status 0.

    Parameters
    ----------
    columns : int
        The width of the terminal.
    stdout, stderr : bool
        Which of its outputs are the terminal; the other goes nowhere.
    """
    import pty

    master, slave = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "fastdicom", *map(str, args)],
        stdout=slave if stdout else subprocess.DEVNULL,
        stderr=slave if stderr else subprocess.DEVNULL,
        env={**os.environ, "COLUMNS": str(columns)},
    )
    os.close(slave)
    said = drained(master)
    assert child.wait() == 0, said
    return said.decode()


def drained(master: int) -> bytes:
    """All that is written to a terminal until its other end is closed; closes this one."""
    said = b""
    while True:
        try:
            step = os.read(master, 65536)
        except OSError:  # Linux says so when the other end is closed
            break
        if not step:
            break
        said += step
    os.close(master)
    return said
