"""A look at mapped pixels survives the truncation of their file."""

import sys

import pytest

from children import run, sanitized

PROGRAM = """
import faulthandler, mmap, os, sys
from fastdicom.codecs import _native
from fastdicom.errors import TruncatedError

if sys.argv[2] == "before":
    faulthandler.enable()
with open(sys.argv[1], "r+b") as file:
    view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    assert _native.unused_clean(view, 2, 12, False)
    if sys.argv[2] == "after":
        faulthandler.enable()
    file.truncate(8192)
    for _ in range(3):
        try:
            _native.unused_clean(view, 2, 12, False)
        except TruncatedError as error:
            print(error)
    assert _native.unused_clean(view[:8192], 2, 12, False)
    if sys.argv[3] == "touch":
        bytes(view)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not truncate mapped files")
@pytest.mark.parametrize("faulthandler", ["none", "before", "after"])
def test_truncated_while_looked_at(tmp_path, faulthandler):
    path = tmp_path / "pixels"
    path.write_bytes(bytes(1 << 20))
    assert run(PROGRAM, path, faulthandler, "leave").count("truncated") == 3


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not truncate mapped files")
@pytest.mark.skipif(sanitized(), reason="the sanitizer has its own end for this")
def test_touch_outside_of_the_guard_ends_the_process_as_ever(tmp_path):
    path = tmp_path / "pixels"
    path.write_bytes(bytes(1 << 20))
    with pytest.raises(AssertionError, match=r"killed by signal 7(.|\n)*Bus error"):
        run(PROGRAM, path, "before", "touch")
