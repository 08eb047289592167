"""The child process holds its limits; a test that relies on them must be able to fail."""

from __future__ import annotations

import sys

import pytest

import children


def test_output_comes_back() -> None:
    assert children.run("import sys; print(sys.argv[1])", "µ") == "µ\n"


def test_failure_is_seen() -> None:
    with pytest.raises(AssertionError, match="ended with 3"):
        children.run("raise SystemExit(3)")


def test_time_is_limited() -> None:
    with pytest.raises(AssertionError, match="took more than"):
        children.run("import time; time.sleep(60)", timeout=0.5)


@pytest.mark.skipif(sys.platform == "win32", reason="no signals")
def test_crash_is_seen() -> None:
    with pytest.raises(AssertionError, match="signal 6"):
        children.run("import os; os.abort()")


@pytest.mark.skipif(sys.platform != "linux" or children.sanitized(), reason="no limit of address space here")
def test_memory_is_limited() -> None:
    with pytest.raises(AssertionError, match="MemoryError"):
        children.run("bytearray(1 << 31)", memory=1 << 30)
