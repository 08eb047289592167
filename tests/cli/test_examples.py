"""Every example of every ``--help`` does what it says, as it stands there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import archive
import fastdicom
from builders import image, minimal, part10
from fastdicom.cli.main import COMMANDS, main

pytest.importorskip("pyarrow")
pytest.importorskip("duckdb")

DUCKDB = "import duckdb, sys; print(duckdb.connect().execute(sys.argv[2]).fetchall())"
# What needs a server, or a medium that is not here, is tested where its servers are started.
ELSEWHERE = re.compile(r"://|/media/|--dask|--client|sqlite|postgres")


def examples(command: str, capsys: pytest.CaptureFixture[str]) -> Iterator[str]:
    """The lines of the paragraph "examples:"."""
    with pytest.raises(SystemExit):
        main([command, "--help"] if command else ["--help"])
    paragraph = capsys.readouterr().out.partition("examples:\n")[2].partition("\n\n")[0]
    yield from (line.strip() for line in paragraph.splitlines() if line.strip())


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder where the examples find their files, and the programs that they name."""
    data = archive.make(tmp_path / "data" / "archive")
    (data / "copy.dcm").write_bytes((data / "1.2.1-0.dcm").read_bytes())
    fastdicom.scan(data).to_parquet(tmp_path / "index.parquet")
    fastdicom.scan(data).to_csv(tmp_path / "index.csv")
    (tmp_path / "image.dcm").write_bytes(part10(minimal(image(bytes(range(32)), 4, 4))))
    (programs := tmp_path / "programs").mkdir()
    shims = {"fastdicom": "-m fastdicom", "duckdb": f"-c '{DUCKDB}'"}
    if shutil.which("jq") is None:
        shims["jq"] = "-c 'import json, sys; [json.loads(line) for line in sys.stdin] if sys.argv[1:] == [\".\"] else json.load(sys.stdin)'"
    for name, arguments in shims.items():
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments} "$@"\n')
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(Path(fastdicom.__file__).parents[1]))
    return tmp_path


def test_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("", *COMMANDS):
        assert list(examples(command, capsys)), command


@pytest.mark.skipif(sys.platform == "win32", reason="the examples are for a POSIX shell")
@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_examples_work(command: str, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for line in examples(command, capsys):
        if ELSEWHERE.search(line):
            continue
        shown = line.replace("/data/archive", str(place / "data" / "archive"))
        done = subprocess.run(["bash", "-o", "pipefail", "-c", shown], cwd=place, capture_output=True, text=True, check=False)
        # the archive has a copy of a file, so that `check` has something to say, and says it with 1
        expected = 1 if " check " in line else 0
        assert done.returncode == expected, f"{line}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
