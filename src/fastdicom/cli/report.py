"""What a command says on stderr while it scans: progress, what failed, and a summary."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastdicom.scan import Counts, Scan
    from fastdicom.scan._scan import Batch

__all__ = ["FileCount", "Reporter", "one_line", "size_text"]

_BETWEEN = 0.2  # seconds from one progress line to the next
_COUNT_AFTER = 2.0  # seconds: a scan that ends before that needs no estimate


class Reporter:
    """Says on stderr how a scan goes.

    Progress is shown while stderr is a terminal. It ends with an estimate of the time that is left once somebody knows how
    many files there are: an old index, or a count of the folders that runs ahead. Until then there is none.

    Parameters
    ----------
    scan : Scan
        Whose batches are watched.
    quiet : bool
        Neither progress nor a summary; failures are named all the same.
    sources : iterable of str
        The folders, to be counted.
    recursive, follow_links : bool
        As the scan walks.
    expected : int, optional
        How many files there were last time.
    names_failures : bool
        Name what failed as it goes by; False where a report names it later.
    """

    def __init__(
        self,
        scan: Scan,
        quiet: bool,
        *,
        sources: Iterable[str] = (),
        recursive: bool = True,
        follow_links: bool = False,
        expected: int | None = None,
        names_failures: bool = True,
    ) -> None:
        self._scan = scan
        self._quiet = quiet
        self._live = sys.stderr.isatty() and not quiet
        self._shown = False
        self._begin = self._next = time.monotonic()
        self._expected = expected
        self._names_failures = names_failures
        self._ahead = FileCount([] if follow_links else list(sources), recursive)
        self._summary: Any = None

    def watched(self) -> Iterator[Batch]:
        """The batches of the scan; the failures among them are printed as they go by."""
        from fastdicom.scan.summary import Summary

        if not self._quiet:
            self._summary = Summary(self._scan.schema.names)
        try:
            for batch in self._scan.batches(self.progress if self._live else None):
                for path, error in batch.failures() if self._names_failures else ():
                    self.failed(path, error)
                if self._summary is not None:
                    self._summary.add(batch)
                yield batch
        finally:
            self._ahead.stop()

    def failed(self, path: str, error: str) -> None:
        """Name what could not be opened or read."""
        self.clear()
        print(f"fastdicom: {one_line(path)}: {error}", file=sys.stderr)

    def progress(self, counts: Counts) -> None:
        """Show how far it is, a few times a second, on a terminal."""
        if not self._live:
            return
        now = time.monotonic()
        if now < self._next + _BETWEEN:
            return
        self._next = now
        seconds = now - self._begin
        if seconds > _COUNT_AFTER:
            self._ahead.start()
        total = self._ahead.total if self._ahead.total is not None else self._expected
        text = progress_text(counts, seconds, total, about=self._ahead.total is None)
        sys.stderr.write("\r\x1b[K" + text[: shutil.get_terminal_size().columns - 1])
        sys.stderr.flush()
        self._shown = True

    def clear(self) -> None:
        """Take the progress line away."""
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._shown = False

    def summary(self) -> None:
        """Say what was met."""
        self.clear()
        if self._quiet:
            return
        counts = self._scan.counts
        seconds = max(time.monotonic() - self._begin, 1e-9)
        parts = [f"{counts.files:,} files in {seconds:.2f} s ({counts.files / seconds:,.0f} files/s)", f"{counts.read:,} read"]
        parts += [
            f"{number:,} {what}"
            for number, what in ((counts.noted, "of them with notes"), (counts.not_dicom, "no DICOM"), (counts.failed, "failed"))
            if number
        ]
        if self._summary is not None and self._summary.bytes:
            parts.append(size_text(self._summary.bytes))
        print(": ".join((parts[0], ", ".join(parts[1:]))), file=sys.stderr)
        for line in self._summary.lines() if self._summary is not None else ():
            print(one_line(line), file=sys.stderr)


class FileCount:
    """Counts the files in folders ahead of a scan, in a thread.

    Parameters
    ----------
    sources : list of str
        Files and folders. Something else among them: there is no count.
    recursive : bool
        Go into folders in folders, but never through a link.

    Attributes
    ----------
    total : int or None
        The number of files; None until it is known.
    """

    def __init__(self, sources: list[str], recursive: bool = True) -> None:
        self.total: int | None = None
        self._sources = sources
        self._recursive = recursive
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, when it has not begun."""
        if self._thread is None and self._sources and not self._stop.is_set():
            self._thread = threading.Thread(target=self.run, name="fastdicom count", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Give up."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(1)

    def run(self) -> None:
        """Count, in the thread that calls."""
        total = 0
        folders = []
        for source in self._sources:
            if Path(source).is_dir():
                folders.append(source)
            elif Path(source).is_file():
                total += 1
            else:
                return
        while folders:
            try:
                with os.scandir(folders.pop()) as entries:
                    for entry in entries:
                        if self._stop.is_set():
                            return
                        if not entry.is_dir(follow_symlinks=False):
                            total += 1
                        elif self._recursive:
                            folders.append(entry.path)
            except OSError:  # the scan has a row for a folder that cannot be entered
                total += 1
        self.total = total


def progress_text(counts: Counts, seconds: float, total: int | None, *, about: bool = False) -> str:
    """The progress line; without an estimate when `total` is unknown or was wrong. `about`: nobody has counted."""
    rate = counts.files / max(seconds, 1e-9)
    known = total is not None and total >= counts.files > 0
    text = f"{counts.files:,} of {'about ' if about else ''}{total:,} files" if known else f"{counts.files:,} files"
    text += f", {rate:,.0f} files/s, {counts.not_dicom:,} no DICOM, {counts.failed:,} {'error' if counts.failed == 1 else 'errors'}"
    if known and total is not None:
        text += f", {_clock((total - counts.files) / rate)} left"
    return text


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def size_text(size: int) -> str:
    """A number of bytes in the unit that fits."""
    if size < 1000:
        return f"{size} B"
    number = float(size)
    units = ["PB", "TB", "GB", "MB", "kB"]
    number /= 1000
    while number >= 999.5 and len(units) > 1:
        number /= 1000
        units.pop()
    return f"{number:.3g} {units[-1]}"


def one_line(text: str) -> str:
    """Text without anything that moves the cursor or colours the terminal."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)
