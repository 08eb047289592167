"""Every uncompressed file of the corpus and of pydicom's package: the same array as pydicom's, or an error of both."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

import corpus
import fastdicom
from fastdicom.transfer_syntax import get

pydicom = pytest.importorskip("pydicom")

PACKAGED = Path(pydicom.__file__).parent / "data" / "test_files"
UNCOMPRESSED = [
    entry
    for entry in corpus.entries()
    if entry.row["rows"] and (not entry.row["transfer_syntax_uid"] or get(entry.row["transfer_syntax_uid"]).family == "native")
]
# Nobody but us reads these, or differently, and why
OURS_ALONE = {
    "OT-PAL-8-face": "no group 0002: the encoding is guessed from the first element",
}


def theirs(path: Path):
    """pydicom's array, or its error; None for what is compressed or no DICOM."""
    try:
        ds = pydicom.dcmread(path, force=True)
        syntax = ds.file_meta.get("TransferSyntaxUID")
        if syntax is None or syntax.is_compressed or syntax.is_private:
            return None
        return ds.pixel_array
    except Exception as error:
        return error


def compare(path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = theirs(path)
        if expected is None:
            pytest.skip("compressed, or without a transfer syntax")
        try:
            ds = fastdicom.dcmread(path, force=True)
            array = ds.pixel_array
        except fastdicom.DicomError as error:
            if isinstance(expected, Exception):
                return
            pytest.fail(f"pydicom reads it; ours: {error}")
        if isinstance(expected, Exception):
            pytest.skip(f"only ours reads it: {expected}")
        assert array.shape == expected.shape
        assert array.dtype == expected.dtype.newbyteorder("=")
        assert np.array_equal(array, expected, equal_nan=array.dtype.kind == "f")
        last = ds.frames[-1]
        assert np.array_equal(last, expected[-1] if len(ds.frames) > 1 else expected, equal_nan=array.dtype.kind == "f")


@corpus.needed
@pytest.mark.parametrize("entry", UNCOMPRESSED, ids=str)
def test_corpus(entry):
    if Path(entry.name).stem in OURS_ALONE:
        pytest.skip(OURS_ALONE[Path(entry.name).stem])
    compare(entry.path)


@pytest.mark.parametrize("path", sorted(PACKAGED.glob("*.dcm")), ids=lambda path: path.name)
def test_pydicom_files(path):
    compare(path)


def test_ybr_to_rgb_like_pydicom():
    """Equal but where a result lies exactly between two integers and 32-bit floats lose the half: one pair in 65,536."""
    from pydicom.pixels.processing import convert_color_space

    from fastdicom.codecs import _native

    cb, cr = np.meshgrid(np.arange(256, dtype=np.uint8), np.arange(256, dtype=np.uint8), indexing="ij")
    for y in range(0, 256, 15):
        source = np.stack([np.full_like(cb, y), cb, cr], -1)
        out = np.empty_like(source)
        _native.ybr_to_rgb(source, out)
        differs = (out != convert_color_space(source, "YBR_FULL", "RGB")).any(-1)
        differs[128 - 50, 128 + 50] = False  # green: y - 18.5 exactly
        differs[128 + 50, 128 - 50] = False
        assert not differs.any()
