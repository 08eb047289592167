"""What a command says on stderr while it scans."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import archive
import terminal
from fastdicom.cli.report import FileCount, one_line, progress_text, size_text
from fastdicom.scan import Counts


def test_progress_has_an_estimate_only_when_the_number_of_files_is_known() -> None:
    counts = Counts(files=1000, read=989, not_dicom=10, failed=1)
    assert progress_text(counts, 2, None) == "1,000 files, 500 files/s, 10 no DICOM, 1 error"
    assert progress_text(counts, 2, 46000).startswith("1,000 of 46,000 files, ")
    assert progress_text(counts, 2, 46000).endswith(", 1:30 left")
    assert progress_text(counts, 2, 46000, about=True).startswith("1,000 of about 46,000 files, ")
    assert progress_text(counts, 2, 4600000).endswith(", 2:33:18 left")
    assert "left" not in progress_text(counts, 2, 999)
    assert "left" not in progress_text(Counts(), 2, 10)


def test_files_are_counted_ahead(tmp_path: Path) -> None:
    folder = archive.make(tmp_path / "in")
    archive.make(folder / "deeper")
    (folder / "deeper" / "link").symlink_to(folder)
    ahead = FileCount([str(folder), str(folder / "readme.txt")])
    ahead.run()
    assert ahead.total == 13 + 14 + 1
    flat = FileCount([str(folder)], recursive=False)
    flat.run()
    assert flat.total == 13
    unknown = FileCount(["s3://bucket/prefix"])
    unknown.start()
    unknown.stop()
    assert unknown.total is None


def test_sizes() -> None:
    assert [size_text(n) for n in (0, 999, 1000, 1234567, 999_999, 10**13)] == ["0 B", "999 B", "1 kB", "1.23 MB", "1 MB", "10 TB"]


def test_one_line() -> None:
    assert one_line("a\nb\x1b[31mé") == "a\\nb\\x1b[31mé"


@pytest.mark.skipif(sys.platform == "win32", reason="terminals are POSIX's")
def test_progress_and_summary_on_a_terminal(tmp_path: Path) -> None:

    folder = archive.make(tmp_path / "in")
    said = terminal.run("scan", *[folder] * 4000, "-o", tmp_path / "x.csv", columns=100, stdout=False)
    assert "files/s" in said
    assert "2 patients, 3 studies, 4 series, 12 instances\r\n" in said
    assert "modalities: CT 48,000\r\n" in said
