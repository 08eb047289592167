"""Again tomorrow: only what has changed is read, the rest comes from an index or from what a killed scan has left."""

from __future__ import annotations

import os
import secrets
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fastdicom._version import __version__
from fastdicom.scan import _scan, parquet, renew, sources
from fastdicom.scan.footer import FooterError
from fastdicom.scan.journal import Journal

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from fastdicom.scan._scan import Batch
    from fastdicom.scan.arrow import Counts, Scan

    Rows = npt.NDArray[np.int64]

__all__ = ["Known", "Plan", "batches", "identity", "prepare", "written"]

_ROWS_AT_ONCE: Final = 65536
_STEP: Final = 0.1  # seconds from one call for the progress to the next
_ROW_IDENTITY: Final = ("fastdicom-version", "fastdicom-tags", "fastdicom-options")
_NO_DICOM: Final = ("no DICM ", "the file is empty")  # as fd_part10 says it


class Plan:
    """What a scan takes from earlier ones.

    Attributes
    ----------
    known : pyarrow.Table or None
        The rows that may be taken, one a path; of an index that is open in `old` those columns that tell which.
    journal : Journal or None
        Where what is read is noted.
    walk : Walk or None
        What is there now.
    old : Old or None
        The index of which row groups may be taken as they are.
    """

    def __init__(self, known: pa.Table | None, journal: Journal | None, walk: Walk | None = None, old: renew.Old | None = None) -> None:
        self.known = known
        self.journal = journal
        self.walk = walk
        self.old = old

    def done(self) -> None:
        """The scan is complete: nobody needs to go on."""
        if self.journal is not None:
            self.journal.remove()

    def close(self) -> None:
        """It was not."""
        if self.journal is not None:
            self.journal.close()
        if self.walk is not None:
            self.walk.close()
        if self.old is not None:
            self.old.close()


class Walk:
    """A walk that has begun, in a thread of its own: what is there now.

    Parameters
    ----------
    scan : Scan
        Which walks the same source.
    """

    def __init__(self, scan: Scan) -> None:
        self._scan = scan.facts()
        self._found: list[Any] = []
        self._error: BaseException | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fastdicom walk", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            for batch in self._scan.batches(self._look):
                self._found.append(batch)
        except _Stopped:
            pass
        except BaseException as error:
            self._error = error

    def _look(self, _: Counts) -> None:
        if self._stop.is_set():
            raise _Stopped

    def table(self, progress: Callable[[Counts], object] | None) -> pa.Table:
        """Wait for its end; path, size, mtime, error, notes and path_bytes of each file."""
        while self._thread.is_alive():
            self._thread.join(_STEP)
            if progress is not None:
                progress(self._scan.counts)
        if self._error is not None:
            raise self._error
        arrow = parquet.pyarrow()
        found, self._found = self._found, []
        return arrow.Table.from_batches([arrow.record_batch(batch) for batch in found], arrow.schema(self._scan.schema))

    def close(self) -> None:
        """Stop it, when it is still under way."""
        self._stop.set()
        self._thread.join()


class _Stopped(Exception):
    """Nobody wants to know any more."""


def _warn(text: str) -> None:
    warnings.warn(text, UserWarning, stacklevel=4)


def prepare(
    scan: Scan,
    path: str | os.PathLike[str],
    kind: str,
    *,
    update: bool = False,
    resume: bool = False,
    say: Callable[[str], object] | None = None,
) -> Plan:
    """Return what a scan that writes `path` can take from the index that is there and from what a killed one has left.

    Parameters
    ----------
    scan : Scan
        What is asked for.
    path : path
        A file.
    kind : str
        ``parquet`` or ``ipc``.
    update : bool
        Take the rows of the index.
    resume : bool
        Take the rows of the journal.
    say : callable, optional
        Called with the reason when all is read anew; without it, that is a warning.
    """
    say = say or _warn
    if update or resume:
        scan.unfold_source()
    if reason := _not_for_update(scan):
        if update or resume:
            say(f"{os.fspath(path)}: {reason}: all is read anew")
        return Plan(None, None)
    plan = Plan(None, None, Walk(scan) if (update and Path(path).is_file()) or resume else None)  # while the index is read
    try:
        if plan.walk is not None:
            _import()
        plan.journal = Journal(path, identity(scan))
        _find(plan, scan, path, kind, update, resume, say)
    except BaseException:
        plan.close()
        raise
    if plan.known is None and plan.walk is not None:
        plan.walk.close()
    return plan


def _import() -> None:
    """Import what takes a tenth of a second while the walk is under way, rather than behind it."""
    parquet.pyarrow()
    import numpy as np  # noqa: F401
    import pyarrow.compute as pc  # noqa: F401
    import pyarrow.parquet as pq  # noqa: F401


def _find(
    plan: Plan, scan: Scan, path: str | os.PathLike[str], kind: str, update: bool, resume: bool, say: Callable[[str], object]
) -> None:
    """What is there to be taken."""
    assert plan.journal is not None
    found = []
    if resume:
        rows = plan.journal.rows()
        if rows is None:
            say(f"{os.fspath(path)}: no scan of the same tags and options was stopped half way: there is nothing to resume")
        else:
            found.append(rows)
    plan.journal.begin(bool(found))
    if update:
        if kind == "parquet" and not found:
            plan.old = _open(scan, path)
        index, reason = _keys(plan)
        if index is None:
            index, reason = _index(scan, path, kind)
        if index is None:
            say(f"{os.fspath(path)}: {reason}: all is read anew")
        else:
            found.append(index)
    plan.known = _joined(found) if found else None


def _keys(plan: Plan) -> tuple[pa.Table | None, str]:
    """The columns of an index that tell which rows may stay."""
    if plan.old is not None:
        try:
            return plan.old.keys(), ""
        except OSError:
            plan.old.close()
            plan.old = None
    return None, ""


def _open(scan: Scan, path: str | os.PathLike[str]) -> renew.Old | None:
    """An index of which row groups can be copied."""
    if not Path(path).is_file():
        return None
    arrow = parquet.pyarrow()
    schema = parquet.file_schema(scan, "parquet")
    try:
        old = renew.Old(path, schema)
    except (arrow.ArrowException, OSError, FooterError):
        return None
    if _difference(old.found_schema, identity(scan)):
        old.close()
        return None
    return old


def identity(scan: Scan) -> pa.Schema:
    """Return a schema that is equal for scans that make the same rows of the same files."""
    schema = parquet.schema_of(scan)
    return schema.with_metadata({name: schema.metadata[name.encode()] for name in _ROW_IDENTITY})


def _not_for_update(scan: Scan) -> str:
    if scan.client is not None:
        return "the workers of a cluster read everything"
    if scan.elements:
        return "the long table cannot be brought up to date"
    comparable = (sources.Kind.FILES, sources.Kind.OBJECTS)
    if scan.unfolds_archives or any(sources.kind_of(path) not in comparable for path in scan.source_paths or ()):
        return "the sizes and times of members are not compared"
    return ""


def _index(scan: Scan, path: str | os.PathLike[str], kind: str) -> tuple[pa.Table | None, str]:
    """The rows of an index, or why it cannot be used."""
    arrow = parquet.pyarrow()
    if not Path(path).is_file():
        return None, "there is no index yet"
    wanted = identity(scan)
    try:
        with arrow.OSFile(os.fspath(path)) as file:  # not mapped: it is replaced, and may shrink, while its rows are in use
            if kind == "ipc":
                with arrow.ipc.open_file(file) as reader:
                    schema = reader.schema
                    if not (reason := _difference(schema, wanted)):
                        return reader.read_all().cast(wanted), ""
            else:
                import pyarrow.parquet as pq

                with pq.ParquetFile(file) as reader:
                    schema = reader.schema_arrow
                    if not (reason := _difference(schema, wanted)):
                        table = reader.read(use_threads=True)
                        return table if table.schema == wanted else table.cast(wanted), ""
    except (arrow.ArrowException, OSError) as error:
        return None, f"it is no index ({' '.join(str(error).split())[:200]})"
    return None, reason


def _difference(schema: pa.Schema, wanted: pa.Schema) -> str:
    """Why the rows of an index are not those of a scan; nothing when they are."""
    found = schema.metadata or {}
    if b"fastdicom-version" not in found:
        return "it is no index of fastdicom's"
    version = found[b"fastdicom-version"].decode("utf-8", "replace")
    if version != __version__:
        return f"the index was made by fastdicom {version}, this is {__version__}"
    if found.get(b"fastdicom-options") != wanted.metadata[b"fastdicom-options"]:
        return "the index was made with other options"
    if _fields(schema) != _fields(wanted):
        return "the index has other tags"
    return ""


def _fields(schema: pa.Schema) -> list[tuple[object, ...]]:
    lists = parquet.pyarrow().types.is_list
    # Parquet calls the items of a list by another name
    kinds = [("list", field.type.value_type) if lists(field.type) else field.type for field in parquet.plain(schema)]
    return [(field.name, kind, (field.metadata or {}).get(b"dicom.tag")) for field, kind in zip(schema, kinds, strict=True)]


def _joined(tables: list[pa.Table]) -> pa.Table:
    arrow = parquet.pyarrow()
    return arrow.concat_tables([table.replace_schema_metadata(None) for table in tables]) if len(tables) > 1 else tables[0]


def batches(scan: Scan, plan: Plan, fresh: Iterator[Batch], progress: Callable[[Counts], object] | None) -> Iterator[Any]:
    """Yield the rows of a scan: those that nothing speaks against from `plan`, else `fresh`, which is noted."""
    if plan.known is not None:
        yield from _from_known(scan, plan, plan.known, progress)
        return
    for batch in fresh:
        if plan.journal is not None:
            plan.journal.add(batch)
        yield batch


def _from_known(scan: Scan, plan: Plan, known: pa.Table, progress: Callable[[Counts], object] | None) -> Iterator[Known | renew.Piece]:
    assert plan.walk is not None
    work = _Work(scan, plan.walk.table(progress), known)
    plan.known = None
    read = []
    for batch in scan.read(work.changed(), progress):
        if plan.journal is not None:
            plan.journal.add(batch)
        read.append(batch)
    fresh = _Fresh(scan, read)
    if plan.old is not None:
        layout = work.layout(fresh, plan.old)
        if layout is not None:
            rows, failed = work.rows_read(fresh)
            yield from renew.pieces(plan.old, layout, rows.cast(plan.old.plain()), failed)
            return
        known = plan.old.read_all().cast(parquet.pyarrow().schema(scan.schema))
        plan.old.close()
    yield from work.rows(fresh, known)


class Known:
    """Rows that were known, between those that were read: as a batch of a scan."""

    def __init__(self, batch: pa.RecordBatch, failed: Rows) -> None:
        self._batch = batch
        self._failed = failed

    def __len__(self) -> int:
        return int(self._batch.num_rows)

    @property
    def num_rows(self) -> int:
        """The number of rows."""
        return len(self)

    @property
    def column_names(self) -> list[str]:
        """The names of the columns."""
        return list(self._batch.schema.names)

    def column(self, name: str) -> list[object]:
        """Return the values of a column."""
        return list(self._batch.column(name).to_pylist())

    def rows(self) -> list[tuple[object, ...]]:
        """Return the rows as tuples."""
        return list(zip(*(self.column(name) for name in self.column_names), strict=True))

    def failures(self) -> list[tuple[str, str]]:
        """(path, error) of each row whose file or folder could not be opened or read."""
        found = self._batch.select(["path", "error"]).take(parquet.numbers(self._failed))
        return [(row["path"], row["error"]) for row in found.to_pylist()]

    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]:
        """Schema and array as PyCapsules (Arrow PyCapsule interface)."""
        found: tuple[object, object] = self._batch.__arrow_c_array__(requested_schema)
        return found

    def __arrow_c_schema__(self) -> object:
        """Return the schema as a PyCapsule (Arrow PyCapsule interface)."""
        return self._batch.schema.__arrow_c_schema__()


class _Fresh:
    """What was read now."""

    def __init__(self, scan: Scan, batches: list[Any]) -> None:
        arrow = parquet.pyarrow()
        self.schema = arrow.schema(scan.schema)
        table = arrow.Table.from_batches([arrow.record_batch(batch) for batch in batches], self.schema)
        self.table = table.replace_schema_metadata(None)
        self.failed = _names(table, batches)


class _Work:
    """What is on the disk now, compared with what is known."""

    def __init__(self, scan: Scan, facts: pa.Table, known: pa.Table) -> None:
        import numpy as np
        import pyarrow.compute as pc

        self._scan = scan
        self._facts = facts
        path = facts["path"]
        self._at = _aligned(path, known["path"])
        there = self._at >= 0
        if len(known):
            at = np.where(there, self._at, 0)
            for name in ("size", "mtime"):
                there &= _integers(facts[name]) == _integers(known[name])[at]
            there &= _usable(known["error"])[at]
        there &= _flags(facts["mtime"].is_valid())  # a server may tell none: then nobody knows
        if os.name != "nt":  # bytes that are no UTF-8 are written with a backslash: then the text may name two files
            there &= ~_flags(pc.match_substring(path, "\\x"))
        self._failed = _flags(pc.is_valid(facts["error"]))
        self._taken = there & ~self._failed
        self._read = ~there & ~self._failed
        stay = parquet.numbers(self._at[self._taken])
        kept, notes = known["error"].take(stay), known["notes"].take(stay)
        errors, noted = len(kept) - kept.null_count, len(notes) - notes.null_count
        failed = int(self._failed.sum())
        scan.count_first(len(kept) + failed, len(kept) - errors, errors, failed, noted)

    def changed(self) -> Iterator[bytes]:
        """Yield the paths that must be read."""
        chosen = self._facts["path_bytes"].take(_true(self._read))
        for chunk in chosen.chunks:
            yield from chunk.to_pylist()

    def _found(self, fresh: _Fresh) -> tuple[Rows, Rows]:
        """For each file its number among what was read now, and behind that what the system refused; then what is there in excess."""
        import numpy as np

        found = np.full(len(self._at), -1, dtype=np.int64)
        chosen = self._facts["path"].take(_true(self._read))
        read = _matches(chosen, fresh.table["path"])
        found[self._read] = read
        found[self._failed] = len(fresh.table) + np.arange(int(self._failed.sum()))
        return found, np.setdiff1d(np.arange(len(fresh.table)), read)  # where a folder is in the place of a file, there are more

    def rows_read(self, fresh: _Fresh) -> tuple[pa.Table, npt.NDArray[np.bool_]]:
        """The rows that are no old ones, and which of them failed."""
        import numpy as np

        arrow = parquet.pyarrow()
        lost = _widened(self._facts.take(_true(self._failed)), fresh.schema)
        rows = arrow.concat_tables([fresh.table, lost]).unify_dictionaries().combine_chunks()
        failed = np.zeros(len(rows), dtype=bool)
        failed[fresh.failed] = True
        failed[len(fresh.table) :] = True
        return rows, failed

    def layout(self, fresh: _Fresh, old: renew.Old) -> renew.Layout | None:
        """How the rows become row groups that are like the old ones; None: better not."""
        import numpy as np

        found, extra = self._found(fresh)
        here = self._taken | (found >= 0)  # a file that has gone meanwhile has no row, or one with its error
        home = np.concatenate([self._at[here], np.full(len(extra), -1)])
        return renew.arrange(home, np.concatenate([found[here], extra]), old.bounds, self._scan.is_ordered)

    def rows(self, fresh: _Fresh, known: pa.Table) -> Iterator[Known]:
        """Yield all rows in the order of the walk: `fresh` are those that were read."""
        import numpy as np

        arrow = parquet.pyarrow()
        read, failed = self.rows_read(fresh)
        everything = arrow.concat_tables([known.cast(fresh.schema).replace_schema_metadata(None), read])
        everything = everything.unify_dictionaries().combine_chunks()
        found, extra = self._found(fresh)
        order = np.where(self._taken, self._at, np.where(found >= 0, len(known) + found, -1))
        order = np.concatenate([order[order >= 0], len(known) + extra])
        is_failed = np.concatenate([np.zeros(len(known), dtype=bool), failed])
        for start in range(0, len(order), _ROWS_AT_ONCE):
            part = order[start : start + _ROWS_AT_ONCE]
            [batch] = everything.take(parquet.numbers(part)).combine_chunks().to_batches()
            yield Known(batch, np.flatnonzero(is_failed[part]))


def _names(read: pa.Table, batches: list[Any]) -> Rows:
    """Which of the rows that were read failed."""
    import numpy as np

    paths = {path for batch in batches for path, _ in batch.failures()}
    return np.array([i for i, path in enumerate(read["path"].to_pylist() if paths else ()) if path in paths], dtype=np.int64)


def _places(wanted: pa.ChunkedArray, among: pa.ChunkedArray) -> Rows:
    """Where each text is among others; -1: nowhere."""
    import pyarrow.compute as pc

    arrow = parquet.pyarrow()
    values = _whole(among)
    found = pc.index_in(wanted.cast(arrow.large_string()), value_set=values)
    return _integers(found, -1)


def _aligned(wanted: pa.ChunkedArray, among: pa.ChunkedArray) -> Rows:
    """As :func:`_places`, for texts that mostly come in the same order; of equal ones it is any."""
    import numpy as np

    found = _scan.places(_texts(wanted), _texts(among), secrets.randbits(64))
    return np.frombuffer(found, dtype=np.int64)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    arrow = parquet.pyarrow()
    chunks = column.cast(arrow.large_string()).chunks
    return arrow.concat_arrays(chunks) if chunks else arrow.nulls(0, arrow.large_string())


def _true(mask: npt.NDArray[np.bool_]) -> pa.Array:
    """The numbers of those that are."""
    import numpy as np

    return parquet.numbers(np.flatnonzero(mask))


def _texts(column: pa.ChunkedArray) -> tuple[Any, Any, int, int]:
    array = _whole(column)
    _, offsets, data = array.buffers()
    return offsets or bytes(8), data, array.offset, len(array)


def _matches(wanted: pa.ChunkedArray, among: pa.ChunkedArray) -> Rows:
    """As :func:`_places`, but of texts that are there several times the first goes to the first, the second to the second."""
    import numpy as np

    codes, numbers = _places(wanted, among), _places(among, among)
    size = len(among) + 1
    keys = numbers * size + _repetitions(numbers)
    if not len(keys):
        return codes
    order = np.argsort(keys)
    sought = codes * size + np.minimum(_repetitions(codes), size - 1)
    place = np.minimum(np.searchsorted(keys, sought, sorter=order), len(keys) - 1)
    return np.where((codes >= 0) & (keys[order[place]] == sought), order[place], -1)


def _repetitions(codes: Rows) -> Rows:
    """How often each code was there before."""
    import numpy as np

    order = np.argsort(codes, kind="stable")
    there = codes[order]
    place = np.arange(len(codes))
    begins = np.concatenate([np.ones(min(len(codes), 1), dtype=bool), there[1:] != there[:-1]])
    found = np.empty_like(codes)
    found[order] = place - np.maximum.accumulate(np.where(begins, place, 0))
    return found


# Between numpy and Arrow all goes by way of their buffers: to_numpy(), pyarrow.array and pyarrow.scalar import pandas first, where it is
# installed, and that takes longer than a walk over a hundred thousand files.


def _integers(column: pa.ChunkedArray, null: int = -(1 << 62)) -> Rows:
    import numpy as np

    arrow = parquet.pyarrow()
    found = [np.empty(0, dtype=np.int64)]
    for chunk in column.cast(arrow.int64()).chunks:
        if len(chunk):
            values = np.frombuffer(chunk.buffers()[1], np.int64, len(chunk), 8 * chunk.offset)
            found.append(np.where(_flags(chunk.is_valid()), values, null) if chunk.null_count else values)
    return np.concatenate(found)


def _flags(column: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    """True and false, without nulls."""
    import numpy as np

    arrow = parquet.pyarrow()
    bytes_of = column.cast(arrow.int8())
    chunks = [chunk for chunk in getattr(bytes_of, "chunks", [bytes_of]) if len(chunk)]
    found = [np.frombuffer(chunk.buffers()[1], np.int8, len(chunk), chunk.offset) for chunk in chunks]
    return np.concatenate([np.empty(0, dtype=np.int8), *found]).astype(bool)


def _usable(errors: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    """Which rows may be kept: those of files that were read or are no DICOM. What the system refused is tried again."""
    import numpy as np
    import pyarrow.compute as pc

    if errors.null_count == len(errors):
        return np.ones(len(errors), dtype=bool)
    usable = pc.is_null(errors)
    for words in _NO_DICOM:
        usable = pc.or_kleene(usable, pc.starts_with(errors, words))
    return _flags(usable)


def _widened(facts: pa.Table, schema: pa.Schema) -> pa.Table:
    """Rows that have only what the system knows."""
    arrow = parquet.pyarrow()
    columns = [facts[field.name] if field.name in facts.column_names else arrow.nulls(len(facts), field.type) for field in schema]
    return arrow.table([arrow.chunked_array([c]) if not hasattr(c, "chunks") else c for c in columns], schema=schema.remove_metadata())


def written(scan: Scan, path: str | os.PathLike[str], found: Iterable[Any], plan: Plan, kind: str) -> Counts:
    """Write batches, and end the journal when they are."""
    try:
        batches = iter(found)
        first = list(islice(batches, 1))
        if first and isinstance(first[0], renew.Piece):
            renew.write(path, first[0].old, chain(first, batches))
        else:
            parquet.write(scan, path, chain(first, batches), kind)
        plan.done()
    finally:
        plan.close()
    return scan.counts
