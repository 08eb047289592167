"""Files for the benchmarks, made once a run."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))

FILES = 200
FRAMES = 3000


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of CT files of 258 elements and 512 × 512 pixels."""
    make_archive = pytest.importorskip("make_archive", exc_type=ImportError)
    folder = tmp_path_factory.mktemp("archive")
    make_archive.make(folder, FILES)
    return folder


@pytest.fixture(scope="session")
def work(archive: Path) -> dict[str, object]:
    """What a scan is given."""
    return {"paths": [str(path) for path in sorted(archive.rglob("*.dcm"))], "scan_source": str(archive)}


@pytest.fixture(scope="session")
def segmentations(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Segmentations of 3,000 frames: with sequences of undefined and of defined lengths."""
    import make_seg

    return make_seg.make(tmp_path_factory.mktemp("seg"), FRAMES)
