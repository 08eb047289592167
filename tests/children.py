"""Runs Python code in a child process with limits of time and memory: for files that want to break the reader."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

__all__ = ["run", "sanitized"]

TESTS = Path(__file__).resolve().parent

_LIMITS = """\
try:
    import resource
except ImportError:
    pass
else:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if {memory}:
        resource.setrlimit(resource.RLIMIT_AS, ({memory}, {memory}))
"""


def sanitized() -> bool:
    """Whether this run is one under ASan, whose shadow memory knows no limit."""
    return "asan" in os.environ.get("LD_PRELOAD", "") or bool(os.environ.get("FASTDICOM_SANITIZE"))


def run(code: str, *args: str | os.PathLike[str], timeout: float = 20, memory: int = 2 << 30, check: bool = True) -> str:
    """Run `code` in a fresh interpreter and return what it printed.

    Parameters
    ----------
    *args : str or PathLike
        ``sys.argv[1:]`` of the child.
    timeout : float
        Seconds; under a sanitizer ten times as many.
    memory : int
        Bytes of address space; 0 for no limit. Not held on Windows and under a sanitizer.
    check : bool
        Fail when the child does not end with status 0.

    Raises
    ------
    AssertionError
        It took too long, was killed by a signal, or (with `check`) failed; the message holds its stderr.
    """
    sanitizer = sanitized()
    limits = _LIMITS.format(memory=0 if sanitizer else memory)
    paths = [str(TESTS), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    command = [sys.executable, "-X", "faulthandler", "-c", limits + code, *map(os.fspath, args)]
    # OpenBLAS takes address space for each thread that it may start
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONIOENCODING": "utf-8", "OPENBLAS_NUM_THREADS": "1"}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, encoding="utf-8", errors="replace", timeout=timeout * (10 if sanitizer else 1)
        )
    except subprocess.TimeoutExpired as error:
        raise AssertionError(f"the child took more than {timeout} s: {list(map(str, args))}\n{error.stderr!r}") from None
    if done.returncode < 0:
        raise AssertionError(f"the child was killed by signal {-done.returncode}: {list(map(str, args))}\n{done.stderr}")
    if check and done.returncode:
        raise AssertionError(f"the child ended with {done.returncode}: {list(map(str, args))}\n{done.stderr}")
    return done.stdout
