"""Headers: scanning, opening, every value, ours beside the peers that are installed (pytest-benchmark)."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import readers

# SimpleITK and GDCM in one process crash at its end; compare.py gives each a process of its own
HERE = ("fastdicom-core", "pydicom", "dicomsdl", "GDCM")


def rows(theme: str) -> list[Any]:
    found = [row for row in readers.rows(theme) if row.reader in HERE]
    return [pytest.param(row, id=f"{row.reader}: {row.what}") for row in found]


def read_of(row: readers.Row) -> readers.Read:
    if readers.version_of(row.reader) is None:
        pytest.skip(f"{row.reader} is not installed")
    return row.make()


@pytest.mark.parametrize("row", rows("scan"))
@pytest.mark.benchmark(group="scan", min_rounds=3, max_time=0.5)
def test_scan(benchmark: Any, row: readers.Row, work: dict[str, Any]) -> None:
    read = read_of(row)
    if row.whole:
        benchmark.extra_info["files"] = len(work["paths"])
        benchmark(read, work)
    else:
        paths = itertools.cycle(work["paths"])
        benchmark(lambda: read(next(paths)))


@pytest.mark.parametrize("row", rows("open"))
@pytest.mark.benchmark(group="open", max_time=0.5)
def test_open(benchmark: Any, row: readers.Row, work: dict[str, Any]) -> None:
    read, paths = read_of(row), itertools.cycle(work["paths"])
    benchmark(lambda: read(next(paths)))


@pytest.mark.parametrize("row", rows("every"))
@pytest.mark.benchmark(group="every value", max_time=0.5)
def test_every_value(benchmark: Any, row: readers.Row, work: dict[str, Any]) -> None:
    read, paths = read_of(row), itertools.cycle(work["paths"])
    benchmark(lambda: read(next(paths)))


@pytest.mark.parametrize("lengths", ["undefined", "defined"])
@pytest.mark.parametrize("row", rows("seg"))
@pytest.mark.benchmark(group="segmentation", min_rounds=2, max_time=0.5)
def test_segmentation(benchmark: Any, row: readers.Row, lengths: str, segmentations: dict[str, Path]) -> None:
    read = read_of(row)
    assert int(benchmark(read, str(segmentations[lengths]))) == 3000


@pytest.mark.benchmark(group="import", min_rounds=5, max_time=0.5)
@pytest.mark.parametrize("statement", ["pass", "import fastdicom", "from fastdicom import dcmread"])
def test_import(benchmark: Any, statement: str) -> None:
    benchmark(lambda: subprocess.run([sys.executable, "-c", statement], check=True))
