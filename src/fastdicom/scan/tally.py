"""Counting the values of a batch: by pyarrow where it is installed, else value by value."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastdicom.scan._scan import Batch

__all__ = ["Tally"]


class Tally:
    """Sums and counts of the columns of a batch. Nulls, and text that is empty, count for nothing."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._column: Any = None
        try:
            import pyarrow as pa
            import pyarrow.compute as pc
        except ModuleNotFoundError:
            return
        self._compute = pc
        self._column = batch.arrow_column if hasattr(batch, "arrow_column") else pa.record_batch(batch).column

    def values(self, name: str) -> dict[str, int]:
        """Return how often each text of a column is met."""
        if self._column is None:
            found = Counter(self._batch.column(name))
            pairs: Any = found.items()
        else:
            counted = self._compute.value_counts(self._column(name))
            pairs = zip(counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True)
        return {str(value): number for value, number in pairs if value}

    def total(self, name: str) -> int:
        """Return the sum of a column of integers."""
        if self._column is None:
            return sum(value for value in self._batch.column(name) if isinstance(value, int))
        return self._compute.sum(self._column(name)).as_py() or 0
