"""Scans as text: comma-separated values for programs, a table for people. Needs no Arrow library."""

from __future__ import annotations

import csv
import os
import unicodedata
from collections.abc import Container, Iterable, Iterator, Sequence
from datetime import date, time
from typing import TYPE_CHECKING, Final, TextIO

from fastdicom.scan.output import replacing

if TYPE_CHECKING:
    from fastdicom.scan._scan import Batch
    from fastdicom.scan.arrow import Counts, Scan

__all__ = ["TextTable", "cell_text", "write_csv"]

_GAP: Final = "  "
_NARROWEST: Final = 8
_ROWS_TO_MEASURE: Final = 256


def cell_text(value: object) -> str:
    """Return a value of a row as text: several values with backslashes between them, bytes in hexadecimal, None as nothing."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "\\".join(cell_text(item) for item in value)
    if isinstance(value, (date, time)):
        return value.isoformat()
    return value.hex() if isinstance(value, bytes) else str(value)


def write_csv(scan: Scan, target: str | os.PathLike[str] | TextIO, batches: Iterator[Batch]) -> Counts:
    """Write batches as comma-separated values and return the counts of the scan."""
    if isinstance(target, (str, os.PathLike)):
        with replacing(target) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
            _write_rows(scan, file, batches)
    else:
        _write_rows(scan, target, batches)
    return scan.counts


def _write_rows(scan: Scan, file: TextIO, batches: Iterator[Batch]) -> None:
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(scan.schema.names)
    for batch in batches:
        writer.writerows([[cell_text(value) for value in row] for row in batch.rows()])


class TextTable:
    """Rows of text in columns that fit a terminal.

    The first rows decide the widths, and columns in which they have nothing are left out, as are the last columns when there
    is no room. A longer text is cut, a path at its front.

    Parameters
    ----------
    names : sequence of str
        The names of the columns.
    width : int
        Of the terminal, in characters.
    cut_front : container of int
        The columns that are cut at their front: paths.
    keep_empty : bool
        Show columns and a heading even if they have nothing.
    """

    def __init__(self, names: Sequence[str], width: int, *, cut_front: Container[int] = (0,), keep_empty: bool = False) -> None:
        self.names = list(names)
        self.width = max(width, 20)
        self._cut_front = cut_front
        self._keep_empty = keep_empty
        self._pending: list[list[str]] = []
        self._widths: dict[int, int] | None = None  # of the columns that are shown

    def lines(self, rows: Iterable[Sequence[object]]) -> Iterator[str]:
        """Yield the lines that can be printed now."""
        for row in rows:
            texts = [_printable(cell_text(value)) for value in row]
            if self._widths is not None:
                yield self._line(texts)
                continue
            self._pending.append(texts)
            if len(self._pending) == _ROWS_TO_MEASURE:
                yield from self.flush()

    def flush(self) -> Iterator[str]:
        """Yield the lines that were kept back to measure them."""
        if self._widths is None:
            self._widths = self._fitted()
            if self._pending or self._keep_empty:
                yield self._line(self.names, heading=True)
            for texts in self._pending:
                yield self._line(texts)
            self._pending.clear()

    def _fitted(self) -> dict[int, int]:
        """Return widths that fit: the widest columns give way first."""
        full = {}
        for i, name in enumerate(self.names):
            longest = max((_width(texts[i]) for texts in self._pending), default=0)
            if longest or i == 0 or self._keep_empty:
                full[i] = max(longest, len(name))
        least = {i: min(width, self.width // 3 if i == 0 else _NARROWEST) for i, width in full.items()}
        while len(full) > 1 and _total(least) > self.width:
            del full[max(full)], least[max(least)]
        while _total(full) > self.width:
            wide = [i for i in full if full[i] > least[i]]
            if not wide:
                break
            full[max(wide, key=full.__getitem__)] -= 1
        return full

    def _line(self, texts: Sequence[str], heading: bool = False) -> str:
        widths = self._widths or {}
        return _GAP.join(_fit(texts[i], width, keep_end=i in self._cut_front and not heading) for i, width in widths.items()).rstrip()


def _total(widths: dict[int, int]) -> int:
    return sum(widths.values()) + len(_GAP) * (len(widths) - 1)


def _printable(text: str) -> str:
    """Return text without anything that moves the cursor or colours the terminal."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def _width(text: str) -> int:
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def _fit(text: str, width: int, *, keep_end: bool) -> str:
    used = _width(text)
    if used <= width:
        return text + " " * (width - used)
    kept: list[str] = []
    room = width - 1
    for char in reversed(text) if keep_end else text:
        room -= _width(char)
        if room < 0:
            break
        kept.append(char)
    cut = "…" + "".join(reversed(kept)) if keep_end else "".join(kept) + "…"
    return cut + " " * (width - _width(cut))
