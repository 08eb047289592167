"""What a scan has met, in numbers: patients, studies, series, instances, modalities, transfer syntaxes, errors by kind."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from fastdicom import transfer_syntax
from fastdicom.scan.tally import Tally

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from fastdicom.scan._scan import Batch

__all__ = ["NUMBERS", "Distinct", "Summary", "error_kind"]

_LEVELS: Final = (
    ("PatientID", "patient", "patients"),
    ("StudyInstanceUID", "study", "studies"),
    ("SeriesInstanceUID", "series", "series"),
    ("SOPInstanceUID", "instance", "instances"),
)
_COUNTED: Final = ("Modality", "TransferSyntaxUID")
_KINDS: Final = 1000  # of values that are counted one by one: a file may say anything
#: What differs from file to file in an error; DuckDB reads it too.
NUMBERS: Final = r"\(?[0-9A-Fa-f]{4},[0-9A-Fa-f]{4}\)?|\b0x[0-9A-Fa-f]+\b|\b\d+\b|'[^']*'"


def error_kind(error: str) -> str:
    """Return an error without what differs from file to file: numbers, tags, offsets, quoted bytes.

    Examples
    --------
    >>> error_kind("(0028,0010) Rows at 0x1A2: 3 bytes")
    '… Rows at …: … bytes'
    """
    return re.sub(NUMBERS, "…", error)


class Distinct:
    """Counts different texts in little memory: eight bytes each, by hash; exact up to a limit.

    Attributes
    ----------
    is_exact : bool
        Was the limit not reached?
    """

    def __init__(self, limit: int = 1 << 20) -> None:
        self.limit = limit
        self.is_exact = True
        self._known: npt.NDArray[np.int64] | None = None  # sorted, each once
        self._new: list[npt.NDArray[np.int64]] = []
        self._waiting = 0

    def add(self, values: Iterable[object]) -> None:
        """Add values; None and empty text are none."""
        if not self.is_exact:
            return
        import numpy as np

        # 64 bits of a keyed hash: among a million texts two that collide are met once in thirty million runs.
        hashes = np.fromiter((hash(value) for value in values if value), dtype=np.int64)
        self._new.append(hashes)
        self._waiting += len(hashes)
        if self._waiting > max(65536, 0 if self._known is None else len(self._known)):
            self._settle()

    def _settle(self) -> None:
        import numpy as np

        if not self._new:
            return
        known = np.unique(np.concatenate([*self._new, *(() if self._known is None else (self._known,))]))
        self._new, self._waiting = [], 0
        self.is_exact = len(known) <= self.limit
        self._known = known[: self.limit]

    def __len__(self) -> int:
        self._settle()
        return 0 if self._known is None else len(self._known)

    def __str__(self) -> str:
        number = len(self)
        return f"{number:,}" if self.is_exact else f"at least {number:,}"


class Summary:
    """Counts what passes by in batches; memory stays flat. Only columns that the scan has are looked at.

    Parameters
    ----------
    names : sequence of str
        The names of the columns.

    Attributes
    ----------
    bytes : int
        The sum of the sizes of all files.
    distinct : dict
        From ``PatientID``, ``StudyInstanceUID``, ``SeriesInstanceUID`` and ``SOPInstanceUID`` to a :class:`Distinct`.
    counts : dict
        From ``Modality`` and ``TransferSyntaxUID`` to the number of files of each value, and from ``error`` to that of the
        files that could not be read (see :func:`error_kind`). Files that are no DICOM are not among these.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.bytes = 0
        self.distinct = {name: Distinct() for name, _, _ in _LEVELS if name in names}
        self.counts: dict[str, Counter[str]] = {name: Counter() for name in (*_COUNTED, "error") if name in {*names, "error"}}
        self._has_size = "size" in names

    def add(self, batch: Batch) -> None:
        """Count the rows of a batch."""
        tally = Tally(batch)
        if self._has_size:
            self.bytes += tally.total("size")
        for name, distinct in self.distinct.items():
            # Nearly every file is an instance of its own: to look for equal ones first would be for nothing.
            distinct.add(batch.column(name) if name == "SOPInstanceUID" else tally.values(name))
        for name, counter in self.counts.items():
            if name != "error":
                _count(counter, tally.values(name))
        _count(self.counts["error"], Counter(error_kind(error) for _, error in batch.failures()))

    def lines(self, most: int = 12) -> list[str]:
        """Return lines for people: the levels, then what was counted, the most frequent first, up to `most` of each."""
        levels = [
            f"{self.distinct[name]} {one if len(self.distinct[name]) == 1 else many}"
            for name, one, many in _LEVELS
            if name in self.distinct
        ]
        lines = [", ".join(levels)] if levels else []
        for name, title in (("Modality", "modalities"), ("TransferSyntaxUID", "transfer syntaxes"), ("error", "errors")):
            counter = self.counts.get(name)
            if not counter:
                continue
            found = sorted(counter.items(), key=lambda item: (-item[1], item[0]))
            parts = [f"{_name(name, value)} {number:,}" for value, number in found[:most]]
            if len(found) > most:
                parts.append(f"and {len(found) - most:,} more")
            lines.append(f"{title}: " + (", " if name != "error" else "; ").join(parts))
        return lines


def _count(counter: Counter[str], values: dict[str, int]) -> None:
    for value, number in values.items():
        counter[value if value in counter or len(counter) < _KINDS else "others"] += number


def _name(column: str, value: str) -> str:
    if column != "TransferSyntaxUID":
        return f"{value}:" if column == "error" else value
    return transfer_syntax.get(value).name
