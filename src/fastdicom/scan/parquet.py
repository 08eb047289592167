"""Scans as pyarrow tables, Parquet files and Arrow files (IPC)."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import urlsplit, urlunsplit

from fastdicom._version import __version__
from fastdicom.scan import footer, sources
from fastdicom.scan.output import replacing

if TYPE_CHECKING:
    from types import ModuleType

    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from fastdicom.scan._scan import Batch
    from fastdicom.scan.arrow import Counts, Scan

__all__ = [
    "IPC_SUFFIXES",
    "Target",
    "chunks",
    "encoded",
    "file_schema",
    "kind_of",
    "metadata_of",
    "numbers",
    "plain",
    "pyarrow",
    "schema_of",
    "table",
    "write",
]

#: Names that say that a file is an Arrow file.
IPC_SUFFIXES: Final = (".arrow", ".feather", ".ipc")

_CHUNK_ROWS: Final = 65536
_CHUNK_BYTES: Final = 64 << 20
_SOURCES: Final = 100  # named in a file, at most
_UNIQUE: Final = frozenset({"path", "path_bytes", "SOPInstanceUID"})  # a dictionary of these would be made for nothing


class Target(Protocol):
    """A file that takes tables."""

    def write_table(self, table: pa.Table) -> None:
        """Append rows."""


def pyarrow() -> ModuleType:
    """Return pyarrow, or say how to get it."""
    try:
        import pyarrow as pa
    except ModuleNotFoundError as error:
        if error.name != "pyarrow":
            raise
        raise ModuleNotFoundError("this needs pyarrow: pip install 'fastdicom-core[scan]'", name="pyarrow") from None
    return pa  # type: ignore[no-any-return]  # without pyarrow's stubs it is anything


def numbers(values: npt.NDArray[np.int64]) -> pa.Array:
    """Return 64-bit integers as an Arrow array, without a copy."""
    arrow = pyarrow()
    return arrow.Array.from_buffers(arrow.int64(), len(values), [None, arrow.py_buffer(values)])


def table(scan: Scan) -> pa.Table:
    """Return the rows of a scan as a ``pyarrow.Table``."""
    try:
        table: pa.Table = pyarrow().table(scan)
        return table
    except OSError as error:
        failure = error
    time.sleep(0)  # an interrupt, which pyarrow made that error of, is raised here
    raise failure


def kind_of(path: str | os.PathLike[str]) -> str:
    """Return what the name of a file says that it is: ``parquet``, ``ipc``, or nothing."""
    suffix = Path(path).suffix.lower()
    return "parquet" if suffix == ".parquet" else "ipc" if suffix in IPC_SUFFIXES else ""


def write(scan: Scan, path: str | os.PathLike[str], batches: Iterable[Batch], kind: str = "parquet") -> Counts:
    """Write batches to a file, which appears when it is complete, and return the counts of the scan.

    Parameters
    ----------
    scan : Scan
        Where the batches come from.
    path : path
        The file; one that exists is replaced.
    batches : iterable
        What is written; joined, or divided, into pieces of some ten thousand rows.
    kind : str
        ``parquet`` or ``ipc``.
    """
    schema = file_schema(scan, kind)
    with replacing(path) as temporary, target(temporary, schema, kind) as file:
        for chunk in chunks(batches, schema):
            file.write_table(chunk)
    return scan.counts


@contextmanager
def target(path: str, schema: pa.Schema, kind: str) -> Iterator[Target]:
    """Open a file for tables of that schema."""
    arrow = pyarrow()
    if kind == "ipc":
        # Readers do not agree on dictionaries that grow or change within a file: columns are plain, and compressed.
        options = arrow.ipc.IpcWriteOptions(compression="zstd", use_threads=False)
        with arrow.OSFile(path, "wb") as file, arrow.ipc.new_file(file, schema, options=options) as writer:
            yield writer
    else:
        import pyarrow.parquet as pq

        with pq.ParquetWriter(path, schema, **_settings(schema)) as writer:
            yield _RowGroups(writer)


def _settings(schema: pa.Schema) -> dict[str, Any]:
    """How Parquet is written."""
    is_list = pyarrow().types.is_list
    names = [f"{field.name}.list.element" if is_list(field.type) else field.name for field in schema if field.name not in _UNIQUE]
    return {"compression": "zstd", "compression_level": 1, "version": "2.6", "write_statistics": True, "use_dictionary": names}


def encoded(table: pa.Table | None, schema: pa.Schema) -> tuple[footer.Footer, pa.Buffer]:
    """Return a table as the bytes of a Parquet file with one row group, and what its footer says; no table: there is none."""
    import pyarrow.parquet as pq

    sink = pyarrow().BufferOutputStream()
    with pq.ParquetWriter(sink, schema, **_settings(schema)) as writer:
        if table is not None:
            writer.write_table(table, row_group_size=len(table))
    data = sink.getvalue()
    length = footer.tail(data[-8:].to_pybytes())
    return footer.parse(data[-8 - length : -8].to_pybytes()), data


class _RowGroups:
    """Each table a row group."""

    def __init__(self, writer: Any) -> None:
        self._writer = writer

    def write_table(self, table: pa.Table) -> None:
        self._writer.write_table(table, row_group_size=max(len(table), 1))


def schema_of(scan: Scan) -> pa.Schema:
    """Return the schema of a scan with what a file says about itself."""
    return pyarrow().schema(scan.schema).with_metadata(metadata_of(scan))


def file_schema(scan: Scan, kind: str) -> pa.Schema:
    """Return the schema of a file of a kind: Arrow files have no dictionaries, Parquet files none inside of lists."""
    return plain(schema_of(scan), nested_only=kind != "ipc")


def metadata_of(scan: Scan) -> dict[str, str]:
    """Return what a file says about itself: the version, what was asked for, of what, and when."""
    options = scan.options
    paths = scan.source_paths
    found = {
        "fastdicom-version": __version__,
        "fastdicom-tags": json.dumps([column.name for column in scan.columns]),
        "fastdicom-options": json.dumps(options, sort_keys=True),
        "fastdicom-time": datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="seconds"),
    }
    if scan.elements:
        found["fastdicom-table"] = "elements"
    if paths is not None and len(paths) <= _SOURCES:
        found["fastdicom-sources"] = json.dumps([_shown(path) for path in paths])
    return found


def _shown(path: str | bytes | os.PathLike[str] | os.PathLike[bytes]) -> str:
    """A source as text; a URL without what opens doors: user and password, and the query, where signatures are."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    if sources.kind_of(path) is not sources.Kind.OBJECTS:
        return text
    try:
        parts = urlsplit(text)
    except ValueError:  # it is no URL; the scan says so
        return text.partition("://")[0] + "://"
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment=""))


def chunks(batches: Iterable[Any], schema: pa.Schema) -> Iterator[pa.Table]:
    """Join batches into tables of some ten thousand rows; memory stays flat. Each has that schema."""
    arrow = pyarrow()
    waiting: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        got = batch if isinstance(batch, arrow.RecordBatch) else arrow.record_batch(batch)
        waiting.append(got)
        rows += got.num_rows
        size += got.nbytes
        if rows >= _CHUNK_ROWS or size >= _CHUNK_BYTES:
            yield _joined(arrow, waiting, schema)
            waiting, rows, size = [], 0, 0
    if rows:
        yield _joined(arrow, waiting, schema)


def _joined(arrow: ModuleType, batches: list[pa.RecordBatch], schema: pa.Schema) -> pa.Table:
    table = arrow.Table.from_batches(batches)
    if table.schema != schema:  # before dictionaries are unified: that cannot be done inside of lists
        table = table.cast(schema)
    return table.unify_dictionaries().replace_schema_metadata(schema.metadata)


def plain(schema: pa.Schema, *, nested_only: bool = False) -> pa.Schema:
    """Return a schema without dictionaries; `nested_only`: without those inside of lists."""
    arrow = pyarrow()
    is_dictionary = arrow.types.is_dictionary
    fields = []
    for field in schema:
        kind = field.type
        if is_dictionary(kind) and not nested_only:
            kind = kind.value_type
        elif arrow.types.is_list(kind) and is_dictionary(kind.value_type):
            kind = arrow.list_(kind.value_type.value_type)
        fields.append(field.with_type(kind))
    return arrow.schema(fields, metadata=schema.metadata)
