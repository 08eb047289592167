"""Tables, windows, palettes and overlays of every file of the corpus that has them: the numbers and dtypes of pydicom.pixels.processing."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

import corpus
import fastdicom
from fastdicom import pixels

pydicom = pytest.importorskip("pydicom")
peer = pytest.importorskip("pydicom.pixels")

PACKAGED = Path(pydicom.__file__).parent / "data" / "test_files"
FILES = [entry.path for entry in corpus.entries() if entry.row["rows"] and not entry.hostile] + sorted(PACKAGED.glob("*.dcm"))
WANTED = {
    "apply_modality_lut": ("ModalityLUTSequence", "RescaleSlope"),
    "apply_voi_lut": ("VOILUTSequence", "WindowCenter"),
    "apply_voi": ("VOILUTSequence",),
    "apply_windowing": ("WindowCenter",),
    "apply_color_lut": ("RedPaletteColorLookupTableDescriptor",),
    "apply_presentation_lut": ("PresentationLUTShape",),
}
# Where pydicom raises and ours gives the array as it is: an item of a sequence, or a window, that was emptied with the patient's name
MORE = {"apply_modality_lut", "apply_voi_lut", "apply_windowing"}
# Where ours is right: pydicom does not swap the words of big endian palettes. The twin in little endian gives ours.
OURS = {("OBXXXX1A_expb.dcm", "apply_color_lut"): "OBXXXX1A.dcm"}


def compare(name: str, arr: np.ndarray, ours, theirs) -> None:
    try:
        expected = getattr(peer, name)(arr.copy(), theirs)
    except Exception:
        try:
            made = getattr(pixels, name)(arr, ours)
        except (fastdicom.DicomError, ValueError):
            return
        assert name in MORE
        assert np.array_equal(made, arr)
        return
    made = getattr(pixels, name)(arr, ours)
    assert made.dtype == expected.dtype
    assert np.array_equal(made, expected, equal_nan=made.dtype.kind == "f")


@corpus.needed
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_file(path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ours = fastdicom.dcmread(path, force=True)
            theirs = pydicom.dcmread(path, force=True)
            names = [name for name, keywords in WANTED.items() if any(keyword in ours for keyword in keywords)]
            arr = np.array(ours.frames[0]) if names else None
        except fastdicom.DicomError:
            pytest.skip("it has no pixels that can be read, and why is tested elsewhere")
        if arr is None:
            pytest.skip("it has no such elements")
        for name in names:
            if (twin := OURS.get((path.name, name))) is not None:
                other = fastdicom.dcmread(path.with_name(twin))
                assert np.array_equal(getattr(pixels, name)(arr, ours), getattr(pixels, name)(other.pixel_array, other))
                continue
            compare(name, arr, ours, theirs)
            if "apply_modality_lut" in names and name.startswith(("apply_v", "apply_w")):
                compare(name, pixels.apply_modality_lut(arr, ours), ours, theirs)
        for group in pixels.overlay_groups(ours):
            if all((group, element) in ours for element in (0x10, 0x11, 0x100, 0x3000)) and ours[group, 0x10].value:
                assert np.array_equal(ours.overlay_array(group), theirs.overlay_array(group))
