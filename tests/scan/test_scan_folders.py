"""An index that is a folder takes the place of another one: whoever is killed meanwhile leaves one of them."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fastdicom.scan import _scan

pytest.importorskip("pyarrow")

from fastdicom.scan import distributed

CHILD = """
import os, sys
from pathlib import Path
from fastdicom.scan import _scan, distributed
target, stop_at, exchanges = sys.argv[1], sys.argv[2], sys.argv[3] == "True"
if not exchanges:
    _scan.exchange = lambda path, other: False
rename = Path.rename

def stopping(self, to):
    if stop_at == "first" or (stop_at == "second" and self.name == "parts"):
        os._exit(9)
    rename(self, to)

Path.rename = stopping
with distributed._new_folder(target) as (work, parts):
    (parts / "part-00000.parquet").write_text("new")
    if stop_at == "work":
        os._exit(9)
"""


def index(folder: Path, text: str) -> Path:
    folder.mkdir()
    (folder / "part-00000.parquet").write_text(text)
    return folder


def text_of(folder: Path) -> str:
    return (folder / "part-00000.parquet").read_text()


def replace(folder: Path, text: str) -> None:
    with distributed._new_folder(folder) as (_, parts):
        (parts / "part-00000.parquet").write_text(text)


@pytest.mark.parametrize("exchanges", [True, False])
def test_an_index_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exchanges: bool) -> None:
    folder = tmp_path / "index.parquet"
    if not exchanges:
        monkeypatch.setattr(_scan, "exchange", lambda path, other: False)
    for text in ("one", "two", "three"):
        replace(folder, text)
        assert text_of(folder) == text
        assert os.listdir(tmp_path) == ["index.parquet"]
    with pytest.raises(RuntimeError), distributed._new_folder(folder):
        raise RuntimeError
    assert text_of(folder) == "three"
    assert os.listdir(tmp_path) == ["index.parquet"]


@pytest.mark.skipif(sys.platform == "win32", reason="locks")
@pytest.mark.parametrize(("stop_at", "exchanges", "left"), [
    ("work", True, "old"), ("first", True, "new"), ("first", False, "old"), ("second", False, None),
])  # fmt: skip
def test_whoever_is_killed_leaves_one(tmp_path: Path, stop_at: str, exchanges: bool, left: str | None) -> None:
    folder = index(tmp_path / "index.parquet", "old")
    other = index(tmp_path / ".index.parquet.0123456789ab.other", "of somebody else")
    done = subprocess.run([sys.executable, "-c", CHILD, str(folder), stop_at, str(exchanges)], check=False)
    if left == "new":
        assert done.returncode == 0  # there is no moment in between
    else:
        assert done.returncode == 9
    assert (text_of(folder) if folder.exists() else None) == left
    with distributed._new_folder(folder) as (_, parts):
        assert text_of(folder) == (left or "new")  # what the killed one has left is in order before anything else is done
        (parts / "part-00000.parquet").write_text("newer")
    assert text_of(folder) == "newer"
    assert sorted(os.listdir(tmp_path)) == [other.name, "index.parquet"]


@pytest.mark.skipif(sys.platform == "win32", reason="locks")
def test_what_is_being_written_stays(tmp_path: Path) -> None:
    folder = index(tmp_path / "index.parquet", "old")
    with distributed._new_folder(folder) as (_, parts):
        replace(folder, "faster")
        assert parts.is_dir()
        (parts / "part-00000.parquet").write_text("slower")
    assert text_of(folder) == "slower"


def test_an_exchange(tmp_path: Path) -> None:
    one, two = index(tmp_path / "one", "1"), index(tmp_path / "two", "2")
    if not _scan.exchange(os.fsencode(one), os.fsencode(two)):
        pytest.skip("this system cannot")
    assert (text_of(one), text_of(two)) == ("2", "1")
    with pytest.raises(FileNotFoundError) as found:
        _scan.exchange(os.fsencode(one), os.fsencode(tmp_path / "nowhere"))
    assert found.value.errno == errno.ENOENT
    assert os.fsdecode(found.value.filename) == str(one)
