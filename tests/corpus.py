"""The corpus of real files: where it is and what its manifest says of each.

``FASTDICOM_CORPUS`` names the folder; unset, it is ``../shared/corpus`` beside the project. Tests that need it are skipped where
there is none, and fail instead where ``FASTDICOM_REQUIRE_CORPUS=1``.

Examples
--------
>>> import pytest, corpus
>>> @corpus.needed
... @pytest.mark.parametrize("entry", corpus.entries(), ids=str)
... def test_reads(entry: corpus.Entry) -> None: ...
"""

from __future__ import annotations

import csv
import functools
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

__all__ = ["ROOT", "Entry", "entries", "folder", "needed", "required"]

ROOT = Path(__file__).resolve().parents[1]
HOSTILE = "dicom-fuzzing-corpus"


@dataclass(frozen=True)
class Entry:
    """One file of the manifest.

    Attributes
    ----------
    name : str
        Its path inside the corpus.
    path : Path
        Its path.
    row : mapping of str to str
        What the manifest says: ``transfer_syntax_uid``, ``modality``, ``rows``, ``note``, ….
    """

    name: str
    path: Path
    row: Mapping[str, str]

    @property
    def hostile(self) -> bool:
        """Made to break readers: open it in a child process (children.py)."""
        return self.name.startswith(HOSTILE)

    @property
    def size(self) -> int:
        return int(self.row["size"])

    def __str__(self) -> str:
        return self.name


def folder() -> Path | None:
    """The corpus's folder, or None."""
    told = os.environ.get("FASTDICOM_CORPUS")
    path = Path(told) if told else ROOT.parent / "shared" / "corpus"
    return path.resolve() if (path / "manifest.csv").is_file() else None


def required() -> bool:
    """Whether a missing corpus is a failure."""
    return os.environ.get("FASTDICOM_REQUIRE_CORPUS", "") not in {"", "0"}


@functools.cache
def entries(*, hostile: bool = False) -> tuple[Entry, ...]:
    """Every file of the manifest in its order; the hostile ones only when asked for. Empty without a corpus."""
    root = folder()
    if root is None:
        return ()
    with (root / "manifest.csv").open(newline="", encoding="utf-8") as file:
        found = [Entry(row["path"], root / row["path"], row) for row in csv.DictReader(file)]
    return tuple(entry for entry in found if hostile or not entry.hostile)


needed = pytest.mark.skipif(folder() is None and not required(), reason="no corpus: set FASTDICOM_CORPUS to its folder")
"""For a test that reads the corpus."""
