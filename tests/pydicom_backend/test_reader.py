"""`fastdicom.pydicom.dcmread` gives what ``pydicom.dcmread`` gives."""

from __future__ import annotations

import copy
import io
import os
import pickle
import warnings
from pathlib import Path
from typing import Any

import pytest

pydicom = pytest.importorskip("pydicom")

from pydicom.data import get_testdata_file  # noqa: E402
from pydicom.dataset import FileDataset  # noqa: E402

from fastdicom.pydicom import dcmread  # noqa: E402

NAMES = ["CT_small.dcm", "MR_small_RLE.dcm", "rtplan.dcm", "nested_priv_SQ.dcm", "ExplVR_BigEnd.dcm", "DICOMDIR", "UN_sequence.dcm"]


def saved(ds: Any) -> bytes:
    out = io.BytesIO()
    ds.save_as(out)
    return out.getvalue()


@pytest.mark.parametrize("name", NAMES)
def test_the_same_data_set(name: str) -> None:
    path = get_testdata_file(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours, theirs = dcmread(path), pydicom.dcmread(path)
        assert type(ours) is FileDataset
        assert saved(ours) == saved(theirs)  # untouched
        assert list(vars(ours)) == list(vars(theirs))
        assert str(ours) == str(theirs)
        assert saved(ours) == saved(theirs)  # all touched
        assert ours == theirs


def test_pickles_need_no_fastdicom() -> None:
    path = get_testdata_file("rtplan.dcm")
    ds = dcmread(path)
    assert len(ds.BeamSequence) == 1  # a sequence that is half made
    data = pickle.dumps(ds)
    assert b"fastdicom" not in data.replace(os.fsencode(path), b"")
    assert pickle.loads(data) == copy.deepcopy(ds) == pydicom.dcmread(path)


def long_file(path: Path) -> bytes:
    """A file whose pixel data are behind what is read at first."""
    ds = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    ds.PixelData = bytes(range(256)) * 2000
    ds.save_as(path)
    return path.read_bytes()


def test_saving_over_the_file_that_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    before = long_file(path)
    ds = dcmread(path)
    ds.save_as(path)
    assert path.read_bytes() == before


def test_a_file_that_was_removed(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    before = long_file(path)
    ds = dcmread(path)
    path.unlink()
    assert saved(ds) == before


@pytest.mark.parametrize("size", (-1, 2**64, 1e30, float("inf"), "1 kb"))
def test_any_size_to_defer_by(size: Any) -> None:
    path = get_testdata_file("CT_small.dcm")
    assert dcmread(path, defer_size=size).PixelData == pydicom.dcmread(path, defer_size=size).PixelData
