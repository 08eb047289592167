"""The benchmarks run: on a few tiny files, once. What they measure there means nothing and is not looked at."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("pydicom", reason="the archive's header is pydicom's CT_small.dcm")
pytest.importorskip("pyarrow")


def run(*args: str | Path) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "FASTDICOM_BENCH_RUST"}
    done = subprocess.run([sys.executable, *map(str, args)], env=environment, capture_output=True, text=True, encoding="utf-8", timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_compare_prints_a_table_a_theme(root: Path, tmp_path: Path) -> None:
    saved = tmp_path / "numbers.json"
    out = run(root / "benchmarks" / "compare.py", "--quick", "--files", "6", "--frames", "20", "--tmp", tmp_path, "--json", saved)
    assert out.count("\n## ") == 9  # eight themes and the goals
    found = json.loads(saved.read_text(encoding="utf-8"))
    ours = [cell for cell in found["cells"] if cell["reader"] == "fastdicom-core"]
    assert {cell["theme"] for cell in ours} >= {"scan", "open", "every", "pixels", "seg", "size", "import"}
    assert [cell["error"] for cell in ours if cell["error"]] == []
    assert all(goal["value"] is not None for goal in found["goals"] if goal["theme"] in {"every", "pixels", "seg", "import"})


def test_archive_differs_where_it_should(root: Path, tmp_path: Path) -> None:
    pydicom = pytest.importorskip("pydicom")
    run(root / "benchmarks" / "make_archive.py", tmp_path, "3", "--rows", "16", "--links", "1")
    paths = sorted(tmp_path.rglob("*.dcm"))
    assert len(paths) == 6
    read = [pydicom.dcmread(path) for path in paths]
    assert len({ds.SOPInstanceUID for ds in read}) == 3
    assert len({ds.SeriesInstanceUID for ds in read}) == 1
    assert all(ds.SOPInstanceUID == ds.file_meta.MediaStorageSOPInstanceUID for ds in read)
    assert all(len(ds) == 258 and ds.pixel_array.shape == (16, 16) for ds in read)


def test_segmentations_hold_the_same_in_both_forms(root: Path, tmp_path: Path) -> None:
    pydicom = pytest.importorskip("pydicom")
    run(root / "benchmarks" / "make_seg.py", tmp_path, "--frames", "6", "--segments", "2")
    first, second = (pydicom.dcmread(tmp_path / f"seg_{name}.dcm") for name in ("defined", "undefined"))
    assert first == second
    assert first.PerFrameFunctionalGroupsSequence[5].FrameContentSequence[0].DimensionIndexValues == [2, 3, 6]
    assert first.pixel_array.shape == (6, 16, 16)
    assert not first["PerFrameFunctionalGroupsSequence"].is_undefined_length
    assert second["PerFrameFunctionalGroupsSequence"].is_undefined_length


def test_scale_prints_tables_and_draws(root: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    out = run(
        root / "benchmarks" / "scale.py", "--quick", "threads", "million", "growth", "--tmp", tmp_path, "--plot", tmp_path / "plot.svg"
    )
    assert out.count("\n## ") == 4
    assert "<svg" in (tmp_path / "plot.svg").read_text(encoding="utf-8")
    assert len(list(tmp_path.iterdir())) == 1  # what it made is gone


def test_decode_prints_a_table(root: Path) -> None:
    out = run(root / "benchmarks" / "decode.py", "--rounds", "1")
    assert out.count("fastdicom-core") == 8


def test_frames_prints_tables_and_goals(root: Path) -> None:
    pytest.importorskip("imagecodecs")
    out = run(root / "benchmarks" / "frames.py", "--quick")
    assert out.count("\n## ") == 7  # six themes and the goals
    assert "not measured" not in out
