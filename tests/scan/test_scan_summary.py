"""What a scan has met, in numbers."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import archive
import fastdicom
from fastdicom.scan.summary import Distinct, Summary, error_kind


def summarised(scan: fastdicom.scan.Scan) -> Summary:
    summary = Summary(scan.schema.names)
    for batch in scan:
        summary.add(batch)
    return summary


@pytest.mark.parametrize("with_arrow", [True, False])
def test_summary(tmp_path: Path, with_arrow: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if with_arrow:
        pytest.importorskip("pyarrow")
    else:
        monkeypatch.setitem(sys.modules, "pyarrow", None)
    folder = archive.make(tmp_path / "in")
    (folder / "broken").symlink_to("nowhere")
    summary = summarised(fastdicom.scan(folder, batch_size=4))
    assert summary.bytes == sum(path.stat().st_size for path in folder.iterdir() if path.exists())
    said = summary.lines()
    assert said[0] == "2 patients, 3 studies, 4 series, 12 instances"
    assert said[1] == "modalities: CT 12"
    assert said[2] == "transfer syntaxes: Explicit VR Little Endian 12"
    assert said[3] == "errors: No such file or directory: 1"


def test_summary_of_other_columns(tmp_path: Path) -> None:
    folder = archive.make(tmp_path / "in")
    assert summarised(fastdicom.scan(folder, ["Rows"])).lines() == []
    assert summarised(fastdicom.scan(folder, ["PatientID"])).lines() == ["2 patients"]


def test_many_kinds_are_cut(tmp_path: Path) -> None:
    for i in range(20):
        (tmp_path / str(i)).write_bytes(archive.instance(i, modality=f"M{i:02}"))
    line = summarised(fastdicom.scan(tmp_path)).lines(3)[1]
    assert line == "modalities: M00 1, M01 1, M02 1, and 17 more"


def test_distinct_is_exact_up_to_its_limit() -> None:
    found = Distinct(limit=1000)
    found.add(["a", "b", "a", None, ""])
    assert (len(found), str(found)) == (2, "2")
    for start in range(0, 100_000, 10_000):
        found.add(str(i) for i in range(start, start + 10_000))
    assert (len(found), str(found), found.is_exact) == (1000, "at least 1,000", False)


def test_distinct_over_many_batches() -> None:
    found = Distinct()
    for turn in range(3):
        for start in range(0, 150_000, 7_500):
            found.add(str(i + turn) for i in range(start, start + 7_500))
    assert len(found) == 150_002


def test_kinds_of_errors() -> None:
    kinds = {error_kind(f"(0028,{i:04X}) at 0x{i:X}: {i} bytes of '{i}'") for i in range(100)}
    assert len(kinds) == 1
