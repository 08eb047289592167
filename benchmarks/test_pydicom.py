"""`fastdicom.pydicom.dcmread` beside pydicom's own: the same calls on the same classes (pytest-benchmark)."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import readers

Read = Callable[..., Any]


@pytest.fixture(params=["fastdicom.pydicom", "pydicom"])
def read(request: pytest.FixtureRequest) -> Read:
    return pytest.importorskip(request.param).dcmread


@pytest.mark.benchmark(group="pydicom: open", max_time=0.5)
def test_open(benchmark: Any, read: Read, work: dict[str, Any]) -> None:
    paths = itertools.cycle(work["paths"])
    benchmark(lambda: read(next(paths)))


@pytest.mark.benchmark(group="pydicom: open, ten values", max_time=0.5)
def test_ten_values(benchmark: Any, read: Read, work: dict[str, Any]) -> None:
    paths = itertools.cycle(work["paths"])

    def ten() -> list[Any]:
        ds = read(next(paths))
        return [ds.get(keyword) for keyword in readers.KEYWORDS]

    benchmark(ten)


@pytest.mark.benchmark(group="pydicom: every value", max_time=0.5)
def test_every_value(benchmark: Any, read: Read, work: dict[str, Any]) -> None:
    paths = itertools.cycle(work["paths"])
    benchmark(lambda: [elem.value for elem in read(next(paths), stop_before_pixels=True)])


@pytest.mark.parametrize("lengths", ["undefined", "defined"])
@pytest.mark.benchmark(group="pydicom: segmentation, one value", min_rounds=2, max_time=0.5)
def test_segmentation(benchmark: Any, read: Read, lengths: str, segmentations: dict[str, Path]) -> None:
    path = segmentations[lengths]
    assert int(benchmark(lambda: read(path).NumberOfFrames)) == 3000


@pytest.mark.parametrize("lengths", ["undefined", "defined"])
@pytest.mark.benchmark(group="pydicom: segmentation, every group", min_rounds=2, max_time=0.5)
def test_every_group(benchmark: Any, read: Read, lengths: str, segmentations: dict[str, Path]) -> None:
    path = segmentations[lengths]

    def touch() -> int:
        return sum(len(group.FrameContentSequence[0].DimensionIndexValues) for group in read(path).PerFrameFunctionalGroupsSequence)

    assert benchmark(touch) >= 3000
