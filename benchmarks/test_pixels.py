"""Pixels: an uncompressed image as an array, ours beside the peers that are installed (pytest-benchmark)."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import readers

HERE = ("fastdicom-core", "pydicom", "dicomsdl")


@pytest.mark.parametrize("row", [pytest.param(row, id=f"{row.reader}: {row.what}") for row in readers.rows("pixels") if row.reader in HERE])
@pytest.mark.benchmark(group="pixels", max_time=0.5)
def test_pixel_array(benchmark: Any, row: readers.Row, work: dict[str, Any]) -> None:
    if readers.version_of(row.reader) is None:
        pytest.skip(f"{row.reader} is not installed")
    read, paths = row.make(), itertools.cycle(work["paths"])
    benchmark(lambda: read(next(paths)))


def test_pixel_array_is_a_view(work: dict[str, Any]) -> None:
    import numpy as np

    from fastdicom import dcmread

    ds = dcmread(work["paths"][0])
    pixels = ds.pixel_array
    assert pixels.shape == (512, 512)
    assert np.shares_memory(pixels, np.frombuffer(ds["PixelData"].raw, np.uint8))
