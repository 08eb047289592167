"""Many files into one array."""

from __future__ import annotations

import os
import pickle
import threading

import numpy as np
import pytest

import fastdicom
import jpegll_builder as jpegll
from builders import encapsulated, image, part10
from fastdicom import DecodeError, LimitError
from rle_builder import encoded as rle

RLE = "1.2.840.10008.1.2.5"
SV1 = "1.2.840.10008.1.2.4.70"
IMAGES = [np.random.default_rng(i).integers(0, 4000, (20, 30)).astype("<u2") for i in range(30)]


def file_of(pixels: np.ndarray, kind: int = 0) -> bytes:
    head = image(None, *pixels.shape, stored=12, signed=pixels.dtype.kind == "i")
    if kind == 1:
        return part10(head + encapsulated([rle(pixels)]), RLE)
    if kind == 2:
        return part10(head + encapsulated([jpegll.encode(pixels, precision=12)]), SV1)
    return part10(image(pixels.tobytes(), *pixels.shape, stored=12, signed=pixels.dtype.kind == "i"))


@pytest.fixture
def folder(tmp_path):
    paths = []
    for i, pixels in enumerate(IMAGES):
        paths.append(tmp_path / f"{i:02}.dcm")
        paths[-1].write_bytes(file_of(pixels, i % 3))
    return paths


@pytest.mark.parametrize("threads", (None, 1, 2, 7))
def test_all_well(folder, threads):
    batch = fastdicom.decode_many(folder, threads=threads)
    assert batch.array.dtype == np.uint16
    assert np.array_equal(batch.array, np.stack(IMAGES))
    assert batch.errors == {}
    assert batch.ok.all()
    array, errors = batch
    assert array is batch.array
    assert errors is batch.errors
    assert "(30, 20, 30), 0 errors" in repr(batch)


def test_what_may_be_given(folder):
    mixed = [folder[0], str(folder[1]), folder[2].read_bytes(), fastdicom.dcmread(folder[3])]
    batch = fastdicom.decode_many(one for one in mixed)
    assert np.array_equal(batch.array, np.stack(IMAGES[:4]))
    assert np.array_equal(fastdicom.dcmread(folder[3]).pixel_array, mixed[3].pixel_array)  # the caller's is not closed


@pytest.mark.filterwarnings("ignore::fastdicom.DicomWarning")
def test_errors_by_index(folder, tmp_path):
    folder[0].write_bytes(b"no DICOM at all")
    folder[4].write_bytes(folder[4].read_bytes()[:-300])
    folder[7].write_bytes(file_of(IMAGES[7][:10]))
    folder[8].write_bytes(part10(image(None, 20, 30)))
    folder[9] = tmp_path / "absent.dcm"
    batch = fastdicom.decode_many(folder, fill=7, threads=3)
    assert list(batch.errors) == [0, 4, 7, 8, 9]
    kinds = {index: type(error).__name__ for index, error in batch.errors.items()}
    assert kinds == {0: "NotDicomError", 4: kinds[4], 7: "DecodeError", 8: "MissingElementError", 9: "FileNotFoundError"}
    assert "uint16 (10, 30), the batch has uint16 (20, 30)" in str(batch.errors[7])
    assert all(str(folder[index]) in str(error) for index, error in batch.errors.items())
    good = [i for i in range(30) if i not in batch.errors]
    assert np.array_equal(batch.array[batch.ok], np.stack(IMAGES)[good])
    assert (batch.array[~batch.ok] == 7).all()


def test_into_the_callers_array(folder):
    out = np.zeros((30, 20, 30), np.uint16)
    batch = fastdicom.decode_many(folder, out=out)
    assert batch.array is out
    assert np.array_equal(out, np.stack(IMAGES))
    wider = np.zeros((30, 20, 30), np.float32)
    fastdicom.decode_many(folder, out=wider)
    assert np.array_equal(wider, np.stack(IMAGES))
    narrow = fastdicom.decode_many(folder, out=np.zeros((30, 20, 30), np.uint8), fill=9)
    assert len(narrow.errors) == 30
    assert (narrow.array == 9).all()
    for wrong in (np.zeros((29, 20, 30), "u2"), np.zeros((30, 20)), np.zeros((30, 20, 60), "u2")[..., ::2]):
        with pytest.raises(ValueError, match="out"):
            fastdicom.decode_many(folder, out=wrong)
    with pytest.raises(TypeError, match="list"):
        fastdicom.decode_many(folder, out=[])
    with pytest.raises(ValueError, match="threads"):
        fastdicom.decode_many(folder, threads=0)


def test_types_that_differ():
    signed = IMAGES[1].astype("<i2") - 2000
    files = [file_of(IMAGES[0]), file_of(signed)]
    assert list(fastdicom.decode_many(files).errors) == [1]
    both = fastdicom.decode_many(files, dtype="float32")
    assert both.array.dtype == np.float32
    assert np.array_equal(both.array, np.stack([IMAGES[0], signed]))


def test_frames_and_colour():
    volume = np.arange(3 * 4 * 5, dtype="<u2").reshape(3, 4, 5)
    files = [part10(image((volume + i).tobytes(), 4, 5, frames=3)) for i in range(2)]
    assert np.array_equal(fastdicom.decode_many(files).array, np.stack([volume, volume + 1]))
    assert np.array_equal(fastdicom.decode_many(files[:1], threads=4).array, volume[None])
    rgb = np.arange(60, dtype="u1").reshape(4, 5, 3)
    files = [part10(image(rgb.tobytes(), 4, 5, samples=3, photometric="RGB", planar=0, allocated=8))] * 3
    assert np.array_equal(fastdicom.decode_many(files).array, np.stack([rgb] * 3))
    assert 2 in fastdicom.decode_many([*files[:2], file_of(IMAGES[0])]).errors


def test_limits(folder):
    assert fastdicom.decode_many(folder, limit=30 * 1200).array.nbytes == 36000
    with pytest.raises(LimitError, match="36000 bytes"):
        fastdicom.decode_many(folder, limit=35999)
    with pytest.raises(ValueError, match="no files"):
        fastdicom.decode_many([])
    with pytest.raises(DecodeError, match="none of 2") as caught:
        fastdicom.decode_many([b"x", b"y"])
    assert isinstance(caught.value.__cause__, fastdicom.NotDicomError)
    assert fastdicom.decode_many([], out=np.zeros((0, 2, 2))).array.shape == (0, 2, 2)


def test_progress(folder):
    told: list[tuple[int, int]] = []
    fastdicom.decode_many(folder, threads=3, progress=lambda *now: told.append(now))
    assert told == [(i + 1, 30) for i in range(30)]

    def stop(*_: int) -> None:
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fastdicom.decode_many(folder, threads=2, progress=stop)
    assert threading.active_count() < 10


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts open files")
def test_files_are_closed(folder):
    before = len(os.listdir("/proc/self/fd"))
    fastdicom.decode_many(folder * 20, threads=2)
    assert len(os.listdir("/proc/self/fd")) <= before + 2


def pixel_sum(ds: fastdicom.Dataset) -> int:
    return int(ds.pixel_array.sum())


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_data_sets_go_to_spawned_workers(folder):
    """As a training loop's workers get them."""
    import multiprocessing

    sets = [fastdicom.dcmread(path) for path in folder[:3]]
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(_sum_of_pickled, [pickle.dumps(ds) for ds in sets]) == [int(pixels.sum()) for pixels in IMAGES[:3]]


def _sum_of_pickled(data: bytes) -> int:
    return pixel_sum(pickle.loads(data))


@pytest.mark.parametrize("fill", (-1, 1.5, 1 << 16, float("nan")))
def test_fill_must_fit(folder, fill):
    with pytest.raises(ValueError, match="does not hold"):
        fastdicom.decode_many(["no such file", folder[0]], fill=fill)
    with pytest.raises(TypeError, match="a number"):
        fastdicom.decode_many(folder[:1], fill="x")


def test_out_decides_the_type(folder):
    out = np.empty((2, 20, 30), np.uint16)
    with pytest.raises(ValueError, match="float32"):
        fastdicom.decode_many(folder[:2], out=out, dtype="f4")
    assert fastdicom.decode_many(folder[:2], out=out, dtype="u2").array is out
