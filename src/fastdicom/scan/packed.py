"""Batches of rows on their way from one process to another, as Arrow IPC streams."""

from __future__ import annotations

import _thread
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

from fastdicom.scan._scan import Batch

try:
    import pyarrow as pa
except ModuleNotFoundError as missing:
    if missing.name != "pyarrow":
        raise
    raise ModuleNotFoundError("a cluster needs pyarrow: pip install 'fastdicom-core[dask]'", name="pyarrow") from None

if TYPE_CHECKING:
    from fastdicom.scan.arrow import Scan

__all__ = ["ArrivedBatch", "numbers", "pack", "stream", "unpack"]


class ArrivedBatch(Batch):
    """A batch that another process has made; it is used as one of this process is.

    Parameters
    ----------
    data : pyarrow.RecordBatch
        The rows.
    failures : sequence of (str, str)
        Path and error of what could not be opened or read.
    """

    def __init__(self, data: pa.RecordBatch, failures: Sequence[tuple[str, str]]) -> None:
        self._data = data
        self._failures = list(failures)

    def __len__(self) -> int:
        return int(self._data.num_rows)

    @property
    def num_rows(self) -> int:
        """The number of rows, one a file."""
        return len(self)

    @property
    def num_columns(self) -> int:
        """The number of columns, those of the file included."""
        return int(self._data.num_columns)

    @property
    def column_names(self) -> list[str]:
        """The names of the columns."""
        return list(self._data.schema.names)

    def column(self, name: str) -> list[object]:
        """The values of a column as a list of Python objects; KeyError when there is none of that name."""
        if name not in self._data.schema.names:
            raise KeyError(name)
        return list(self._data.column(name).to_pylist())

    def to_pydict(self) -> dict[str, list[object]]:
        """A dictionary of the columns as lists of Python objects."""
        return {name: self.column(name) for name in self.column_names}

    def to_pylist(self) -> list[dict[str, object]]:
        """The rows as a list of dictionaries."""
        names = self.column_names
        return [dict(zip(names, row, strict=True)) for row in self.rows()]

    def rows(self) -> list[tuple[object, ...]]:
        """The rows as a list of tuples, in the order of the columns."""
        return list(zip(*[self.column(name) for name in self.column_names], strict=True))

    def failures(self) -> list[tuple[str, str]]:
        """(path, error) of each row whose file or folder could not be opened or read; what is no DICOM is not among them."""
        return list(self._failures)

    def __arrow_c_schema__(self) -> object:
        """Return the schema as a PyCapsule (Arrow PyCapsule interface)."""
        return self._data.schema.__arrow_c_schema__()

    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]:
        """Return schema and array as PyCapsules (Arrow PyCapsule interface); there is one schema, whatever is requested."""
        return cast("tuple[object, object]", self._data.__arrow_c_array__())

    def __repr__(self) -> str:
        return f"<fastdicom.scan.Batch: {len(self)} rows, {self.num_columns} columns>"


def pack(scan: Scan, batches: Iterable[Batch]) -> bytes:
    """Return batches as the bytes of an Arrow IPC stream, compressed."""
    sink = pa.BufferOutputStream()
    # LZ4 takes a tenth of the time of Zstandard: the bytes live for one way through the network.
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with pa.ipc.new_stream(sink, pa.schema(scan.schema), options=options) as writer:
        for batch in batches:
            writer.write_batch(pa.record_batch(batch))
    return cast("bytes", sink.getvalue().to_pybytes())


def unpack(data: bytes, failures: Sequence[Sequence[tuple[str, str]]]) -> Iterator[ArrivedBatch]:
    """Yield the batches of a stream, each with its failures."""
    with pa.ipc.open_stream(data) as reader:
        for batch, failed in zip(reader, failures, strict=True):
            yield ArrivedBatch(batch, failed)


def numbers(batch: Batch) -> tuple[int, int, int, int, int]:
    """Count the rows of a batch as a scan counts: files, read, no DICOM, failed, read with notes."""
    data: Any = pa.record_batch(batch)
    files = data.num_rows
    read = data.column("error").null_count
    failed = len(batch.failures())
    return files, read, files - read - failed, failed, files - data.column("notes").null_count


def stream(scan: Scan, batches: Iterator[Batch]) -> object:
    """Return batches as an Arrow stream, a PyCapsule."""
    schema = pa.schema(scan.schema)
    return pa.RecordBatchReader.from_batches(schema, _records(batches)).__arrow_c_stream__()


def _records(batches: Iterator[Batch]) -> Iterator[pa.RecordBatch]:
    try:
        for batch in batches:
            yield pa.record_batch(batch)
    except KeyboardInterrupt:
        _thread.interrupt_main()  # the consumer makes an error of its own out of ours; the interrupt must not be lost
        raise
