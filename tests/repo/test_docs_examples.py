"""Every example of the documentation and of the README does what the page says, as it stands there."""

from __future__ import annotations

import gc
import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

import documents
from documents import ROOT, Page
from services import SERVICES

for needed in ("pydicom", "pyarrow", "duckdb", "polars", "pandas", "PIL"):
    pytest.importorskip(needed)
if sys.platform == "win32":
    pytest.skip("the examples are for a POSIX shell", allow_module_level=True)

PAGES = sorted((ROOT / "docs").rglob("*.md"))
if not PAGES:
    pytest.skip("no documentation here (an installed package has none)", allow_module_level=True)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the files of the start page; what an example changes in this process is undone."""
    from fastdicom.codecs import registry

    registry.rows()
    before = registry._rows[:]
    documents.sample_files(tmp_path / "studies")
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    registry._rows[:] = before
    backend = sys.modules.get("fastdicom.pydicom")
    if backend is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for name in ("uninstall", "unregister"):
                undo = getattr(backend, name, None)
                if undo is not None:
                    undo()


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_page(path: Path, place: Path) -> None:
    with Page(place, SERVICES) as page:
        for block in documents.blocks(path):
            try:
                page.run(block)
            except pytest.skip.Exception:
                # only what a service of this machine is needed for: CI has them all
                assert block.needs
                assert not os.environ.get("CI"), f"{block}: {block.needs} is not here"
    gc.collect()


def test_there_are_examples() -> None:
    found = [block for path in PAGES for block in documents.blocks(path)]
    assert len(found) > 80
    assert {block.language for block in found} == set(documents.LANGUAGES)
    assert {block.needs for block in found} - {None} == SERVICES.keys()


@pytest.mark.parametrize("text", [">>> 1 + 1\n3\n", ">>> 1 + 1\n", ">>> print(2)\n"], ids=["other", "said", "printed"])
def test_a_wrong_output_is_noticed(text: str, place: Path) -> None:
    with pytest.raises(AssertionError):
        Page(place).run(documents.Block(place, 1, "pycon", text))


def test_a_wrong_command_is_noticed(place: Path) -> None:
    page = Page(place)
    for language, text in (
        ("sh", "fastdicom dump nothing.dcm\n"),
        ("sh", "pip install 'fastdicom-core[nothing]'\n"),
        ("console", "$ fastdicom dump studies/ct.dcm -t Rows\n(0028,0010) Rows  US: 129\n"),
    ):
        with pytest.raises(AssertionError):
            page.run(documents.Block(place, 1, language, text))
    page.run(documents.Block(place, 1, "console", "$ fastdicom dump studies/ct.dcm -t Rows\n(0028,0010) Rows  US: 128\n"))
