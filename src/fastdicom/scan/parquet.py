"""Scans as Parquet files and pyarrow tables: the only place that imports pyarrow."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from fastdicom._version import __version__
from fastdicom.scan.output import replacing

if TYPE_CHECKING:
    from types import ModuleType

    import pyarrow as pa

    from fastdicom.scan._scan import Batch
    from fastdicom.scan.arrow import Counts, Scan

__all__ = ["table", "write"]


def table(scan: Scan) -> pa.Table:
    """Return the rows of a scan as a ``pyarrow.Table``."""
    table: pa.Table = _pyarrow().table(scan)
    return table


def write(scan: Scan, path: str | os.PathLike[str], batches: Iterator[Batch]) -> Counts:
    """Write batches to a Parquet file, a row group each, and return the counts of the scan."""
    arrow = _pyarrow()
    import pyarrow.parquet as pq

    metadata = {"fastdicom-version": __version__, "fastdicom-tags": json.dumps([column.name for column in scan.columns])}
    if scan.elements:
        metadata["fastdicom-table"] = "elements"
    schema = arrow.schema(scan.schema).with_metadata(metadata)
    with (
        replacing(path) as temporary,
        pq.ParquetWriter(temporary, schema, compression="zstd", version="2.6", write_statistics=True) as writer,
    ):
        for batch in batches:
            writer.write_batch(arrow.record_batch(batch).replace_schema_metadata(metadata))
    return scan.counts


def _pyarrow() -> ModuleType:
    try:
        import pyarrow as pa
    except ModuleNotFoundError as error:
        if error.name != "pyarrow":
            raise
        raise ModuleNotFoundError("this needs pyarrow: pip install 'fastdicom-core[scan]'", name="pyarrow") from None
    return pa  # type: ignore[no-any-return]  # without pyarrow's stubs it is anything
