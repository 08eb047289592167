"""A program that uses pydicom in its typical ways gives the same bytes with pydicom's reader and decoders and with ours."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("pydicom")

PROGRAM = Path(__file__).with_name("typical.py")
WAYS = (
    "look_at_headers",
    "walk_everything",
    "anonymise",
    "stack_a_series",
    "read_compressed",
    "to_and_from_json",
    "browse_a_file_set",
    "read_in_part",
    "copy_and_pickle",
    "change_and_write",
    "show_pictures",
)


def run(folder: Path, *command: str) -> tuple[str, dict[str, bytes]]:
    """What the program prints, and the files that it writes."""
    # an in-tree run names src by PYTHONPATH, perhaps not as a full path
    paths = os.pathsep.join(str(Path(part).resolve()) for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part)
    environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONIOENCODING": "utf-8", "PYTHONPATH": paths}
    command = (sys.executable, "-W", "ignore", *command, str(PROGRAM), "out", *WAYS)
    folder.mkdir()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, encoding="utf-8", timeout=300)
    assert done.returncode == 0, done.stderr
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
    return done.stdout, files


def test_same_output_byte_for_byte(tmp_path: Path) -> None:
    theirs, their_files = run(tmp_path / "theirs")
    ours, our_files = run(tmp_path / "ours", "-m", "fastdicom.pydicom")
    # way by way, so that a difference says where
    for way, expected, found in zip(WAYS, theirs.split("== ")[1:], ours.split("== ")[1:], strict=True):
        assert expected.startswith(f"{way}\n")
        assert found == expected, way
        assert expected.count("\n") > 1
    assert list(our_files) == list(their_files)
    assert [name for name in their_files if our_files[name] != their_files[name]] == []
    assert len(their_files) > 40
