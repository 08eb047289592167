"""The examples of the README are run too, with files and names that stand for those of the reader."""

from __future__ import annotations

import re
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import documents
import fastdicom
import services
from builders import dataset, element, image, item, part10, sequence
from documents import ROOT, Page

for needed in ("pydicom", "pyarrow", "duckdb", "obstore"):
    pytest.importorskip(needed)
if sys.platform == "win32":
    pytest.skip("the examples are for a POSIX shell", allow_module_level=True)

README = ROOT / "README.md"
# What needs a server is run from the pages of the documentation, where its servers are started.
ELSEWHERE = re.compile(r"tcp://|postgresql://")


def blocks() -> list[documents.Block]:
    """Those that are run: the commands that install and test are what .ci/run does."""
    found = []
    for block in documents.blocks(README):
        lines = [
            line
            for line in block.text.splitlines()
            if block.language != "sh" or not re.search(r"pip install|pytest|build_wheels|postgresql://", line.split("#")[0])
        ]
        if lines and not (block.language == "python" and ELSEWHERE.search(block.text)):
            found.append(documents.Block(block.path, block.line, block.language, "\n".join(lines) + "\n"))
    return found


def test_readme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    studies = documents.sample_files(tmp_path / "studies")
    pixels = np.arange(20 * 16, dtype="<u2").tobytes()
    referenced = sequence(0x00081140, item(element(0x00081155, "UI", "1.2.3")))
    name = element(0x00100010, "PN", "Doe^Jane")
    (tmp_path / "image.dcm").write_bytes(part10(dataset(referenced, name, image(pixels, 4, 4, frames=20))))
    # for what is done on other libraries
    (tmp_path / "enhanced.dcm").write_bytes((studies / "ybr_color.dcm").read_bytes())
    stream = bytes(fastdicom.dcmread(studies / "ybr_color.dcm").frames.encoded(0))
    names = {"data": stream, **{name: pytest.importorskip(name) for name in ("fsspec", "pylibjpeg", "zarr")}}
    names |= {"paths": [studies / "ct.dcm", studies / "mr.dcm"], "array": np.empty((10, 4, 4), "<u2")}
    with services.installed(), Page(tmp_path, replace={"/path/to/studies": "studies"}, names=names) as page:
        for block in blocks():
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                # modules of this test run had bound the reader that the README replaces
                warnings.filterwarnings("ignore", "pydicom.dcmread had been imported")
                page.run(block)
        assert page.names["batch"].errors.keys() == {1}  # of another shape


def test_most_of_it_is_run() -> None:
    run = "".join(block.text for block in blocks())
    said = [line for block in documents.blocks(README) for line in block.text.splitlines()]
    left = [line for line in said if line.strip() and line not in run]
    assert all(re.search(r"pip install|build_wheels|postgresql://|Client|^$", line) for line in left), left
