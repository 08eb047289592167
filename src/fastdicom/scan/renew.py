"""A Parquet index of yesterday as that of today: column chunks in which nothing has changed are copied, not decoded and encoded again."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fastdicom.scan import footer, parquet
from fastdicom.scan.output import replacing

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    Rows = npt.NDArray[np.int64]

__all__ = ["KEYS", "UNKNOWN", "Layout", "Old", "Piece", "arrange", "pieces", "write"]

#: The columns that tell whether a row may stay.
KEYS: Final = ("path", "size", "mtime", "error", "notes")

#: Instead of a value that may be anything, None too.
UNKNOWN: Final = object()

_GROUP_ROWS: Final = 65536
_WORKERS: Final = 4  # at most
_SCHEMA, _CREATOR = 2, 6  # fields of a footer, in parquet.thrift


class Old:
    """An index that is there, and stays open.

    Parameters
    ----------
    path : path
        A Parquet file.
    schema : pyarrow.Schema
        Of the file that takes its place.

    Raises
    ------
    FooterError
        Its column chunks cannot be copied: another library, or this one in another version, has written it.
    OSError, pyarrow.ArrowException
        It cannot be read.
    """

    def __init__(self, path: str | os.PathLike[str], schema: pa.Schema) -> None:
        import pyarrow.parquet as pq

        self._parquet = pq
        self._readers = threading.local()
        self.name = os.fspath(path)
        self.schema = schema
        self._plain = parquet.plain(schema)
        self._numbers = {name: i for i, name in enumerate(schema.names)}
        self.source = parquet.pyarrow().OSFile(self.name)  # not mapped: it may shrink while it is used
        try:
            self._end, self.footer = self._read_footer()
            self._metadata = pq.read_metadata(self.source)
            self.found_schema = self._metadata.schema.to_arrow_schema()
            self.rest = parquet.encoded(None, schema)[0].rest
            for number in (_SCHEMA, _CREATOR):
                if _field(self.footer.rest, number) != _field(self.rest, number):
                    raise footer.FooterError("another library has written it, or this one in another version")
            self._check(len(schema))
        except BaseException:
            self.source.close()
            raise

    def _read_footer(self) -> tuple[int, footer.Footer]:
        """What the footer says, and where the last column chunk ends at the latest."""
        size = self.source.size()
        length = footer.tail(self.bytes(size - 8, 8))
        return size - 8 - length, footer.parse(self.bytes(size - 8 - length, length))

    def _check(self, width: int) -> None:
        for group in self.footer.groups:
            if len(group.chunks) != width or group.rows < 0:
                raise footer.FooterError("a row group without all columns")
            if any(chunk.offset + chunk.length > self._end for chunk in group.chunks):
                raise footer.FooterError("a column chunk that ends behind the file")

    def bytes(self, offset: int, length: int) -> bytes:
        """Return bytes of the file."""
        if offset < 0:
            raise footer.FooterError("a footer that is longer than the file")
        data: bytes = self.source.read_at(length, offset)
        if len(data) != length:
            raise OSError(f"{self.name} became shorter while it was read")
        return data

    @property
    def bounds(self) -> Rows:
        """The number of the first row of each row group; behind them that of all rows."""
        import numpy as np

        return np.cumsum([0, *(group.rows for group in self.footer.groups)], dtype=np.int64)

    def _reader(self) -> Any:
        """One for each thread."""
        found = getattr(self._readers, "one", None)
        if found is None:
            found = self._readers.one = self._parquet.ParquetFile(self.source, metadata=self._metadata)
        return found

    def read(self, group: int, names: list[str]) -> pa.Table:
        """Return columns of a row group; in any thread.

        Raises
        ------
        OSError
            They are damaged.
        """
        with self._damage():
            return self._reader().read_row_group(group, columns=names, use_threads=False)

    def keys(self) -> pa.Table:
        """Return the columns of all rows that tell which may stay.

        Raises
        ------
        OSError
            They are damaged.
        """
        groups = range(len(self.footer.groups))
        empty = [name for name in KEYS if all(self.constant(group, name) is None for group in groups)]
        found = self.read_all([name for name in KEYS if name not in empty])
        for name in empty:
            found = found.append_column(self._plain.field(name), parquet.pyarrow().nulls(len(found), self._plain.field(name).type))
        return found

    @contextmanager
    def _damage(self) -> Iterator[None]:
        try:
            yield
        except (parquet.pyarrow().ArrowException, OSError) as error:
            text = " ".join(str(error).split())[:200]
            raise OSError(f"{self.name}: the index is damaged ({text}): scan without an update of it") from None

    def constant(self, group: int, name: str) -> object:
        """Return the value that every row of a group has in a column, None for null; `UNKNOWN` where that takes reading it."""
        arrow = parquet.pyarrow()
        kind = self._plain.field(name).type
        types = arrow.types
        if not (types.is_string(kind) or types.is_integer(kind) or types.is_date32(kind) or types.is_time64(kind)):
            return UNKNOWN
        about = self._metadata.row_group(group).column(self._numbers[name])
        found = about.statistics
        if found is None or not found.has_null_count:
            return UNKNOWN
        if found.null_count == about.num_values:
            return None
        return found.min if not found.null_count and found.has_min_max and found.min == found.max else UNKNOWN

    def plain(self, names: Iterable[str] | None = None) -> pa.Schema:
        """Return the schema of columns without dictionaries; all columns when none are named."""
        return self._plain if names is None else parquet.pyarrow().schema([self._plain.field(name) for name in names])

    def read_all(self, names: list[str] | None = None) -> pa.Table:
        """Return columns of all rows; all columns when none are named.

        Raises
        ------
        OSError
            They are damaged.
        """
        with self._damage():
            return self._reader().read(columns=names, use_threads=True)

    def close(self) -> None:
        """Close the file."""
        self.source.close()


def _field(fields: list[tuple[int, int, bytes]], number: int) -> bytes | None:
    return next((value for n, _, value in fields if n == number), None)


class Layout(NamedTuple):
    """What the rows of the new index are.

    Attributes
    ----------
    home : ndarray
        The number of the row in the old index that is this row, or was; -1: it is new.
    fresh : ndarray
        The number of the row among those that were made now; -1: it is as it was.
    groups : list of (int, int, int)
        The row groups: which old one each of them was, and its first and last row.
    """

    home: Rows
    fresh: Rows
    groups: list[tuple[int, int, int]]


def arrange(home: Rows, fresh: Rows, bounds: Rows, ordered: bool) -> Layout | None:
    """Divide rows into row groups so that as much as can be is as it was.

    Parameters
    ----------
    home, fresh : ndarray
        The rows in the order of the walk; see :class:`Layout`.
    bounds : ndarray
        Where the row groups of the old index begin, and its end.
    ordered : bool
        The rows must stay in the order of the walk.

    Returns
    -------
    Layout or None
        None: they are better written anew, as their order is another, or the groups would become too small.
    """
    import numpy as np

    known = home >= 0
    if len(bounds) < 2:
        return None
    if not (np.diff(home[known]) > 0).all():
        if ordered:
            return None
        order = np.argsort(np.where(known, home, bounds[-1]), kind="stable")  # what is new comes last
        home, fresh = home[order], fresh[order]
        known = home >= 0
        if not (np.diff(home[known]) > 0).all():  # a path that was named twice
            return None
    group = np.maximum.accumulate(np.where(known, np.searchsorted(bounds, home, "right") - 1, 0))
    cuts = np.searchsorted(group, np.arange(len(bounds)))
    groups = []
    for number, (begin, end) in enumerate(zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True)):
        step = _GROUP_ROWS if end - begin > 2 * _GROUP_ROWS else max(end - begin, 1)
        groups += [(number, first, min(first + step, end)) for first in range(begin, end, step)]
    if len(groups) > 2 * (len(home) // _GROUP_ROWS + 4):
        return None
    return Layout(home, fresh, groups)


@dataclass
class Piece:
    """A row group of the new index; as a batch of a scan, of which columns are read when they are asked for.

    Attributes
    ----------
    old : Old
        What it was.
    number : int
        The row group that it was, there.
    num_rows : int
        The number of rows.
    failed : ndarray
        The rows of files that could not be opened or read.
    made : dict
        From the names of columns to what they hold now; those that nobody has read are as they were.
    chunks : dict
        From the names of columns to what they are when encoded; the others are as they were.
    """

    old: Old
    number: int
    num_rows: int
    failed: Rows
    made: dict[str, pa.ChunkedArray] = field(default_factory=dict)
    chunks: dict[str, tuple[footer.Chunk, Any]] = field(default_factory=dict)

    def __len__(self) -> int:
        return self.num_rows

    @property
    def column_names(self) -> list[str]:
        """The names of the columns."""
        return list(self.old.schema.names)

    def table(self, names: Iterable[str]) -> pa.Table:
        """Return columns, without dictionaries."""
        names = list(names)
        if missing := [name for name in names if name not in self.made]:
            read = self.old.read(self.number, missing).cast(self.old.plain(missing))
            self.made.update({name: read[name] for name in missing})
        return parquet.pyarrow().table({name: self.made[name] for name in names})

    def arrow_column(self, name: str) -> pa.ChunkedArray:
        """Return a column."""
        return self.table([name])[name]

    def column(self, name: str) -> list[object]:
        """Return the values of a column."""
        return list(self.arrow_column(name).to_pylist())

    def rows(self) -> list[tuple[object, ...]]:
        """Return the rows as tuples."""
        return list(zip(*(self.column(name) for name in self.column_names), strict=True))

    def failures(self) -> list[tuple[str, str]]:
        """(path, error) of each row whose file or folder could not be opened or read."""
        if not len(self.failed):
            return []
        found = self.table(["path", "error"]).take(parquet.numbers(self.failed))
        return [(row["path"], row["error"]) for row in found.to_pylist()]


class _Made(NamedTuple):
    columns: dict[str, pa.ChunkedArray]
    chunks: dict[str, tuple[footer.Chunk, Any]]


def pieces(old: Old, layout: Layout, fresh: pa.Table, failed: npt.NDArray[np.bool_]) -> Iterator[Piece]:
    """Yield the row groups of the new index.

    Parameters
    ----------
    old : Old
        The index that is there.
    layout : Layout
        What becomes of it.
    fresh : pyarrow.Table
        The rows that were made now, in the schema of the index without dictionaries.
    failed : ndarray of bool
        Which of them are of files that could not be opened or read.
    """
    import numpy as np

    workers = max(1, min(_WORKERS, os.cpu_count() or 1))
    waiting: deque[tuple[Piece, list[Any]]] = deque()
    with ThreadPoolExecutor(workers, "fastdicom update") as pool:
        try:
            for number, first, end in layout.groups:
                mine = layout.fresh[first:end]
                changed = np.flatnonzero(mine >= 0)
                piece = Piece(old, number, end - first, changed[failed[mine[changed]]])
                work = _work(old, layout.home[first:end], number, fresh, mine, changed)
                waiting.append((piece, [pool.submit(work, names) for names in _shares(old.schema.names, workers)] if work else []))
                if len(waiting) > workers:
                    yield _finished(*waiting.popleft())
            while waiting:
                yield _finished(*waiting.popleft())
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _shares(names: list[str], count: int) -> list[list[str]]:
    """Columns for each worker; neighbours are alike, and go to different ones."""
    return [names[i::count] for i in range(min(count, len(names)))]


def _finished(piece: Piece, futures: list[Any]) -> Piece:
    for made in (future.result() for future in futures):
        piece.made |= made.columns
        piece.chunks |= made.chunks
    return piece


def _work(old: Old, home: Rows, number: int, fresh: pa.Table, mine: Rows, changed: Rows) -> Any:
    """What makes the columns of a row group; None: all of them are as they were."""
    begin, end = old.bounds[number : number + 2]
    if len(home) == end - begin and home[0] == begin and home[-1] == end - 1 and (home >= 0).all():
        return partial(_patched, old, number, fresh, mine, changed) if len(changed) else None
    return partial(_rebuilt, old, number, home - begin, fresh, mine, changed)


def _patched(old: Old, number: int, fresh: pa.Table, mine: Rows, changed: Rows, names: list[str]) -> _Made:
    """Columns of a row group of the same files, of which some have changed: only what differs is made anew."""
    import numpy as np

    new = fresh.select(names).take(parquet.numbers(mine[changed]))
    rows = parquet.numbers(changed)
    asked = [name for name in names if name != "path" and not _is_all(new[name], old.constant(number, name))]
    found = old.read(number, asked)
    before = found.take(rows).cast(old.plain(asked))
    different = [name for name in asked if not before[name].equals(new[name])]  # NaN is equal to nothing
    order = np.arange(len(mine))
    order[changed] = len(mine) + np.arange(len(changed))
    return _encoded(_joined(old, found.select(different), new, order))


def _is_all(column: pa.ChunkedArray, value: object) -> bool:
    """Tell whether every value of a column is this one."""
    if value is UNKNOWN:
        return False
    found = column.unique()
    return len(found) == 1 and bool(found[0].as_py() == value)


def _rebuilt(old: Old, number: int, home: Rows, fresh: pa.Table, mine: Rows, changed: Rows, names: list[str]) -> _Made:
    """Columns of a row group with files that were not there before, or without some that were."""
    import numpy as np

    found = old.read(number, names)
    new = fresh.select(names).take(parquet.numbers(mine[changed]))
    order = home.copy()
    order[changed] = len(found) + np.arange(len(changed))
    return _encoded(_joined(old, found, new, order))


def _joined(old: Old, found: pa.Table, new: pa.Table, order: Rows) -> pa.Table:
    """Rows of the one and, counted on, of the other table: the columns of the first, without dictionaries."""
    arrow = parquet.pyarrow()
    schema = old.plain(found.schema.names)
    columns = []
    for name in schema.names:
        chunks = [*found[name].cast(schema.field(name).type).chunks, *new[name].chunks]
        columns.append(arrow.concat_arrays(chunks).take(parquet.numbers(order)))
    return arrow.table(columns, schema=schema)


def _encoded(table: pa.Table) -> _Made:
    names = table.schema.names
    if not names:
        return _Made({}, {})
    about, data = parquet.encoded(table, table.schema)
    [group] = about.groups
    view = memoryview(data)
    chunks = {name: (chunk, view[chunk.offset : chunk.offset + chunk.length]) for name, chunk in zip(names, group.chunks, strict=True)}
    return _Made({name: table[name] for name in names}, chunks)


def write(path: str | os.PathLike[str], old: Old, found: Iterable[Piece]) -> None:
    """Write row groups to a file, which appears when it is complete."""
    with replacing(path) as temporary:
        groups, places = [], []
        with open(temporary, "wb") as file:
            file.write(footer.MAGIC)
            for piece in found:
                chunks, offsets = [], []
                before = old.footer.groups[piece.number].chunks
                for name, known in zip(old.schema.names, before, strict=True):
                    chunk, data = piece.chunks.get(name) or (known, old.bytes(known.offset, known.length))
                    chunks.append(chunk)
                    offsets.append(file.tell())
                    file.write(data)
                groups.append(footer.Group(piece.num_rows, chunks))
                places.append(offsets)
            file.write(footer.write(footer.Footer(groups, old.rest), places))
        old.close()  # where a file that is open cannot be replaced
