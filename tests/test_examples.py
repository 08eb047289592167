"""The programs in examples/ run, where what they are for is installed."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
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
    pytest.importorskip("setuptools")
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
