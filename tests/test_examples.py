"""The programs in examples/ run, where what they are for is installed."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from builders import encapsulated, image, part10
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
