"""`fastdicom check` and `fastdicom tree` as programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import archive
import fastdicom
from fastdicom.cli.main import main

pytest.importorskip("pyarrow")
pytest.importorskip("duckdb")


def test_nothing_found_is_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(archive.make(tmp_path / "in"))]) == 0
    assert capsys.readouterr().out == "13 files, 12 DICOM, 1 no DICOM: nothing found\n"


def test_findings_are_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = archive.make(tmp_path / "in")
    (folder / "bad\nname").write_bytes(b"")
    for i in range(12):
        (folder / f"copies-{i}").write_bytes(archive.instance(i, uid=f"1.9.{i // 2}", series="1.9", z=float(i)))
    assert main(["check", str(folder), "-q"]) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[:3] == ["empty files:", "  the file is empty (1 file)", f"    {folder}/bad\\nname"]
    assert said[3] == "duplicate instances:"
    assert said[-1].endswith(": 7 findings")
    assert main(["check", str(folder), "-q", "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["totals"] == {"empty": 1, "duplicate": 6}
    assert report["findings"][0]["files"] == [f"{folder}/bad\nname"]


def test_hints_can_be_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in (1, 2, 4):
        (tmp_path / str(number)).write_bytes(archive.instance(number))
    assert main(["check", str(tmp_path)]) == 1
    assert "(hint)" in capsys.readouterr().out
    assert main(["check", str(tmp_path), "--no-hints"]) == 0


@pytest.mark.parametrize("command", ["tree", "check"])
def test_sources_that_cannot_be_read_are_1(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, str(tmp_path / "none.parquet")]) == 1
    assert "none.parquet: No such file" in capsys.readouterr().err
    assert main([command, str(tmp_path / "none")]) == 1
    assert "none" in "".join(capsys.readouterr())
    with pytest.raises(SystemExit) as caught:
        main([command])
    assert caught.value.code == 2


def test_tree(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = archive.make(tmp_path / "in")
    fastdicom.scan(folder).to_parquet(tmp_path / "index.parquet")
    assert main(["tree", str(folder), "-q"]) == 0
    of_folder = capsys.readouterr().out
    assert main(["tree", str(tmp_path / "index.parquet")]) == 0
    assert capsys.readouterr().out == of_folder
    assert main(["tree", str(tmp_path / "index.parquet"), "--json"]) == 0
    assert [patient["id"] for patient in json.loads(capsys.readouterr().out)["patients"]] == ["P-1", "P-2"]
