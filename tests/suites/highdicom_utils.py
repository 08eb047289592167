"""Stands for the helpers of highdicom's tests, which its sdist has not: what the tests call, made anew after how they call it."""

from __future__ import annotations

from io import BytesIO

from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_files
from pydicom.dataset import FileMetaDataset


def write_and_read_dataset(dataset: Dataset) -> Dataset:
    """The data set after it was in a file: one without file meta information goes in implicit VR little endian and is read by force."""
    shallow = Dataset(dataset)
    with BytesIO() as file:
        if hasattr(dataset, "file_meta"):
            shallow.file_meta = FileMetaDataset(dataset.file_meta)
            shallow.save_as(file, enforce_file_format=True)
        else:
            shallow.save_as(file, implicit_vr=True, little_endian=True)
        file.seek(0)
        return dcmread(file, force=True)


def find_readable_images() -> list[tuple[str, None]]:
    """pydicom's test images. Those that cannot be decoded fail with pydicom alone, and are not compared."""
    found = []
    for path in sorted(get_testdata_files("*.dcm")):
        try:
            ds = dcmread(path, stop_before_pixels=True)
        except Exception:  # some are no DICOM on purpose
            continue
        if "Rows" in ds and "SOPClassUID" in ds:
            found.append((path, None))
    return found
