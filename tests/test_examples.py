"""The programs in examples/ run, where what they are for is installed."""

from __future__ import annotations

import importlib.util
import os
import pickle
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import children
import fastdicom
from builders import (
    BIG,
    EXPLICIT,
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT,
    IMPLICIT_LITTLE,
    element,
    encapsulated,
    image,
    item,
    minimal,
    part10,
    pixel_data,
    sequence,
)
from rle_builder import encoded as rle

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "pytorch_dataloader.py"


@pytest.fixture
def folder(tmp_path):
    for i in range(10):
        pixels = np.random.default_rng(i).integers(0, 4000, (40, 50)).astype("<u2")
        syntax, value = ("1.2.840.10008.1.2.5", encapsulated([rle(pixels)])) if i % 2 else ("1.2.840.10008.1.2.1", b"")
        data = image(None if value else pixels.tobytes(), 40, 50, stored=12) + value
        (tmp_path / f"{i}.dcm").write_bytes(part10(data, syntax))
    (tmp_path / "notes.txt").write_text("no DICOM")
    return tmp_path


@pytest.mark.parametrize("workers", (0, 2))
def test_pytorch_dataloader(folder, workers):
    pytest.importorskip("torch")
    if not EXAMPLE.is_file():
        pytest.skip("no examples here (an installed package has none)")
    arguments = [folder, "--batch", "4", "--workers", str(workers), "--epochs", "1"]
    done = subprocess.run(
        [sys.executable, str(EXAMPLE), *map(str, arguments)], env=dict(os.environ), capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert "10 images of uint16 (40, 50); 1 other files" in done.stdout
    assert done.stdout.count("images/s") == 3
    assert f"fastdicom, DataLoader, {workers} workers" in done.stdout


def test_its_data_set_is_pickled_by_path(folder, monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.syspath_prepend(EXAMPLE.parent)
    import pytorch_dataloader as example

    files = example.DicomFiles([str(path) for path in sorted(folder.glob("*.dcm"))], (40, 50), torch.uint16)
    data = pickle.dumps(files)
    assert len(data) < 2000
    again = pickle.loads(data)
    assert torch.equal(again[3], files.__getitems__([2, 3])[1])


CLIENT = """
import sys, threading, warnings
sys.path.insert(0, sys.argv[1])
warnings.simplefilter("ignore")
import fastdicom, headwalk
for path in sys.argv[2:]:
    data = open(path, "rb").read()
    ds = fastdicom.dcmread(path)
    sizes = {}
    for elem in ds:
        sizes[elem.VR] = sizes.get(elem.VR, 0) + elem.length
    assert headwalk.sizes_by_vr(ds) == {vr: size for vr, size in sizes.items() if size}, path
    for elem in ds:
        assert headwalk.first_bytes(ds, elem.tag, 5) == bytes(elem.raw[:5]), elem
        if elem.VR == "SQ":
            assert headwalk.items(ds, elem.tag) == list(elem.value)
    if not ds.is_implicit_VR:
        assert headwalk.count_all(data) == len(list(ds.iterall())), path
    counts = []
    threads = [threading.Thread(target=lambda: counts.append(headwalk.count_all(data))) for _ in range(3)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(set(counts)) == 1 and len(counts) == 3
assert headwalk.first_bytes(ds, 0x00110011) is None
try:
    headwalk.count_all(b"no DICOM" * 100)
except ValueError as error:
    print(error)
print(len(sys.argv) - 2, "files")
"""


def test_a_package_on_the_c_interface(tmp_path):
    """It is built in a folder of its own, against fastdicom as it is installed here: by what that ships, and nothing else."""
    pytest.importorskip("Cython")
    if importlib.util.find_spec("setuptools") is None:  # which must not be imported behind distutils
        pytest.skip("setuptools is not installed")
    source = EXAMPLE.parent / "cython_client"
    if not source.is_dir():
        pytest.skip("no examples here (an installed package has none)")
    if children.sanitized():
        pytest.skip("the client would have to be built with the sanitizers too")
    import shutil
    import sysconfig

    if sys.platform != "win32" and shutil.which((sysconfig.get_config_var("CC") or "cc").split()[0]) is None:
        pytest.skip("no C compiler here")
    for path in [Path(fastdicom.get_include()) / "fd_index.h", Path(fastdicom.__file__).parent / "_core.pxd"]:
        assert path.is_file()
    shutil.copytree(source, tmp_path / "client")
    paths = [str(Path(fastdicom.__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        [sys.executable, "setup.py", "-q", "build_ext", "--inplace"],
        cwd=tmp_path / "client",
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "CFLAGS": "-O0"},  # half of the time
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    tag = 0x0040A730  # Content Sequence
    inner = sequence(tag, item(minimal(), sequence(tag, item(element(0x00080060, "CS", "CT")), undefined=True)), item())
    files = []
    for encoding, uid in ((EXPLICIT, EXPLICIT_LITTLE), (IMPLICIT, IMPLICIT_LITTLE), (BIG, EXPLICIT_BIG)):
        files.append(tmp_path / uid)
        body = minimal(element(0x00181310, "US", [1, 2, 3, 4], encoding), encoding=encoding) + (inner if encoding is EXPLICIT else b"")
        files[-1].write_bytes(part10(body, uid))
    told = children.run(CLIENT, tmp_path / "client", *files)
    assert "no DICM" in told
    assert "3 files" in told


def slice_file(path, number, pixels, *, slope="1", place=True):
    """A CT slice, compressed where its number is odd."""
    rows, columns = pixels.shape
    before = element(0x00080060, "CS", "CT") + element(0x00200013, "IS", str(number))
    if place:
        before += element(0x00200032, "DS", f"-120.5\\{0.1 * number:.2f}\\{2.5 * number:.2f}")
        before += element(0x00200037, "DS", "0.9998\\0.0175\\0\\-0.0175\\0.9998\\0.02")
    value = encapsulated([rle(pixels)]) if number % 2 else pixel_data(pixels.tobytes())
    module = image(None, rows, columns, stored=12)
    at = module.index(b"\x28\0\0\1")  # Pixel Spacing stands before Bits Allocated
    module = module[:at] + element(0x00280030, "DS", "0.75\\0.5") + module[at:]
    scale = element(0x00281052, "DS", "-1024") + element(0x00281053, "DS", slope)
    path.write_bytes(part10(before + module + scale + value, "1.2.840.10008.1.2.5" if number % 2 else "1.2.840.10008.1.2.1"))


def test_monai_reader(tmp_path, monkeypatch):
    """By the real MONAI: values, affine and metadata are those of its own reader."""
    monai = pytest.importorskip("monai")
    pytest.importorskip("pydicom")
    monkeypatch.syspath_prepend(EXAMPLE.parent)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from monai_reader import FastDicomReader
    random = np.random.default_rng(8)
    for name, slopes in (("ct", ["1"] * 5), ("pet", ["1", "0.5", "2.25", "1", "3"])):
        (tmp_path / name).mkdir()
        for number in range(5):
            pixels = random.integers(0, 4000, (24, 20)).astype("<u2")
            slice_file(tmp_path / name / f"{9 - number}.dcm", number, pixels, slope=slopes[number])
    (tmp_path / "ct" / "notes.txt").write_text("no DICOM")
    slice_file(tmp_path / "single.dcm", 1, pixels)
    slice_file(tmp_path / "nowhere.dcm", 2, pixels, place=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for path in (tmp_path / "ct", tmp_path / "pet", tmp_path / "single.dcm", tmp_path / "nowhere.dcm"):
            for swap in (True, False):
                theirs = monai.data.PydicomReader(swap_ij=swap)
                array, meta = FastDicomReader(swap_ij=swap).get_data(FastDicomReader().read(path))
                expected, expected_meta = theirs.get_data(theirs.read(path))
                assert array.shape == expected.shape
                assert np.allclose(array, expected, rtol=1e-6, atol=0)
                assert np.allclose(meta["affine"], expected_meta["affine"], atol=1e-9)
                assert tuple(meta["spatial_shape"]) == tuple(expected_meta["spatial_shape"])
                assert np.allclose(meta["spacing"], expected_meta["spacing"])
                assert meta["space"] == expected_meta["space"]
                for tag in ("00200032", "00200037"):  # to Pixel Spacing theirs adds the distance of slices
                    assert meta.get(tag) == expected_meta.get(tag)
        loaded = monai.transforms.LoadImage(reader=FastDicomReader(), ensure_channel_first=True)(tmp_path / "ct")
        assert tuple(loaded.shape) == (1, 20, 24, 5)
        both = FastDicomReader().read([tmp_path / "single.dcm", tmp_path / "nowhere.dcm"])
        assert FastDicomReader().get_data(both)[0].shape == (2, 20, 24)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(EXAMPLE.parent / "monai_reader.py"), str(tmp_path / "pet"), "--repeat", "1"],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert "PydicomReader" in done.stdout
