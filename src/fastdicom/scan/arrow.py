"""A scan as an iterable of Arrow record batches and as an Arrow stream."""

from __future__ import annotations

import copy
import operator
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain, groupby, islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TextIO

from fastdicom.scan import _scan, archives, dicomdir, objects, text, threads
from fastdicom.scan.columns import Column, Wanted, columns_of
from fastdicom.scan.sources import Kind, groups, is_url

if TYPE_CHECKING:
    import pyarrow as pa
    from distributed import Client

    from fastdicom.scan import distributed
    from fastdicom.scan.update import Plan

    PathLike = str | bytes | os.PathLike[str] | os.PathLike[bytes]

__all__ = ["BATCH_SIZE", "VALUE_LIMIT", "Counts", "Scan", "Schema"]

#: Rows in a batch, at most.
BATCH_SIZE: Final = 32768

#: Bytes of the longest value that the long table shows.
VALUE_LIMIT: Final = 65536

_LONGEST_VALUE: Final = 1 << 24  # FD_VALUE_LIMIT of csrc/fd_convert.h
_MEMBERS_A_STEP: Final = 64  # of archives, between two calls for the progress
_STEP: Final = 0.1  # seconds in which an interrupt is noticed, and a slow source of paths left for what is ready
_MOST_THREADS: Final = 1024


class Counts(NamedTuple):
    """What a scan has met: a row each, in the long table one or more.

    Attributes
    ----------
    files : int
        All files, and what else was a row.
    read : int
        Files that were read.
    not_dicom : int
        Files that are no DICOM.
    failed : int
        What could not be opened or read: files, folders, broken links, and what is no regular file.
    noted : int
        Files that were read and have `notes`.
    """

    files: int = 0
    read: int = 0
    not_dicom: int = 0
    failed: int = 0
    noted: int = 0


class _Elsewhere(NamedTuple):
    """Rows that nobody has read in this run."""

    counts: tuple[int, ...]


class Schema:
    """The columns of a scan, for Arrow consumers: ``pyarrow.schema(scan.schema)``."""

    __slots__ = ("_scanner", "columns")

    def __init__(self, scanner: _scan.Scanner, columns: tuple[Column, ...]) -> None:
        self._scanner = scanner
        self.columns = columns

    @property
    def names(self) -> list[str]:
        """The names of all columns, those of the file included."""
        return list(self._scanner.names)

    def __arrow_c_schema__(self) -> object:
        """Return the schema as a PyCapsule (Arrow PyCapsule interface)."""
        return self._scanner.schema_capsule()

    def __len__(self) -> int:
        return len(self._scanner.names)

    def __repr__(self) -> str:
        return f"<fastdicom.scan.Schema: {', '.join(self._scanner.names)}>"


def _give(engine: _scan.Engine, paths: Iterator[PathLike]) -> bool:
    """Give some paths, and say whether there may be more."""
    until = time.monotonic() + _STEP
    room = engine.room
    for path in islice(paths, room):
        engine.give(os.fsencode(path))
        room -= 1
        if time.monotonic() > until:
            return True
    return room == 0


def _counting(progress: Callable[[Counts], object] | None) -> Callable[[tuple[int, ...]], object] | None:
    return None if progress is None else lambda counts: progress(Counts(*counts))


class Scan:
    """What :func:`fastdicom.scan.scan` returns.

    Iterating reads the files and yields record batches; memory stays flat however many there are. Each iteration, and each
    Arrow consumer, is a scan of its own; a `source` that is an iterator can be used once.

    Attributes
    ----------
    columns : tuple of Column
        The columns that come out of the files, in order; none in the long table, whose columns are always the same.
    elements : bool
        Is this the long table?
    client : distributed.Client or None
        On whose workers it runs.
    names_tell : bool
        Is a source an archive or a DICOMDIR when its name says so? False: it is what a walk takes it for.
    """

    def __init__(
        self,
        source: PathLike | Iterable[PathLike],
        tags: Iterable[Wanted] | None = None,
        *,
        threads: int | None = None,
        ordered: bool = False,
        recursive: bool = True,
        force: bool = False,
        thorough: bool = False,
        follow_links: bool = False,
        path_bytes: bool = False,
        archives: bool = False,
        store: Any = None,
        storage_options: Mapping[str, Any] | None = None,
        requests: int = objects.REQUESTS,
        keep_text: bool = False,
        dictionary: bool = True,
        elements: bool = False,
        value_limit: int = VALUE_LIMIT,
        batch_size: int = BATCH_SIZE,
        client: Client | None = None,
    ) -> None:
        asked = {name: value for name, value in locals().items() if name not in ("self", "source", "tags", "client")}
        if threads is not None and not 1 <= operator.index(threads) <= _MOST_THREADS:
            raise ValueError(f"threads is a number from 1 to {_MOST_THREADS}, not {threads}")
        if operator.index(batch_size) < 1:
            raise ValueError(f"batch_size is a number from 1, not {batch_size}")
        if isinstance(source, (str, bytes, os.PathLike)):
            source = (source,)
        elif not isinstance(source, Iterable):
            raise TypeError(f"source is a path or an iterable of paths, not {type(source).__name__}")
        self._source: Iterable[PathLike] = source
        self._used = False
        self._threads = threads
        self._ordered = bool(ordered)
        self.plan: Plan | None = None
        self._archives = bool(archives)
        if operator.index(requests) < 1:
            raise ValueError(f"requests is a number from 1, not {requests}")
        self._objects = objects.Options(store, dict(storage_options or {}), int(requests), self._ordered, bool(recursive))
        self.elements = bool(elements)
        if elements and tags is not None:
            raise ValueError("the long table has every element: leave tags out, and choose in SQL")
        if not 0 <= operator.index(value_limit) <= _LONGEST_VALUE:
            raise ValueError(f"value_limit is a number up to {_LONGEST_VALUE}, not {value_limit}")
        self.columns = () if elements else columns_of(tags, keep_text=keep_text, dictionary=dictionary)
        self._options: dict[str, Any] = {
            "force": bool(force),
            "thorough": bool(thorough),
            "recursive": bool(recursive),
            "follow_links": bool(follow_links),
            "path_bytes": bool(path_bytes),
            "plain": not dictionary,
            "elements": self.elements,
            "value_limit": int(value_limit),
            "batch_size": int(batch_size),
        }
        self._past = Counts()  # what the latest run has met in sources that it is done with
        self._parts: list[_scan.Scanner | _scan.Engine | _Elsewhere] = []  # of the source at hand: each counts for itself
        self.names_tell = True
        self._asked = {**asked, "tags": None if tags is None else self.columns}  # with which a worker makes the same scan
        self.client = client
        self._cluster: distributed.Cluster | None = None
        self._current = self._scanner()  # nothing but a schema and zeros until a run begins

    def _scanner(self) -> _scan.Scanner:
        return _scan.Scanner(self.columns, text.decode, **self._options)

    @property
    def schema(self) -> Schema:
        """The names and types of the columns."""
        return Schema(self._current, self.columns)

    @property
    def options(self) -> dict[str, bool]:
        """The options that change what a row of a file holds."""
        return {name: self._options[name] for name in ("force", "thorough")}

    @property
    def source_paths(self) -> tuple[PathLike, ...] | None:
        """What is scanned; None when it is an iterable that only a run unfolds."""
        return tuple(self._source) if isinstance(self._source, (tuple, list)) else None

    @property
    def counts(self) -> Counts:
        """What the latest run has met until now."""
        if self._cluster is not None:
            return Counts(*self._cluster.counts)
        return Counts(*map(sum, zip(self._past, *(part.counts for part in self._parts), strict=True)))

    def __iter__(self) -> Iterator[_scan.Batch]:
        return self.batches()

    def batches(self, progress: Callable[[Counts], object] | None = None) -> Iterator[_scan.Batch]:
        """Scan, and yield the rows as record batches.

        Parameters
        ----------
        progress : callable, optional
            Called with the counts ten times a second, and at the end.

        Raises
        ------
        TypeError
            The source yields something that is no path.
        ValueError
            The source is an iterator that an earlier run has used up.
        """
        if self.client is not None:
            return self._on_cluster(progress)
        scanner = self._scanner()
        self._current = scanner
        found = self._run(scanner, progress)
        if self.plan is None:
            return found
        from fastdicom.scan import update

        return update.batches(self, self.plan, found, progress)

    def facts(self) -> Scan:
        """Return a scan of the same source that only walks, in order: path, size, mtime, error, notes and path_bytes of each file."""
        facts = copy.copy(self)
        facts.columns, facts.plan, facts._ordered = (), None, True
        facts._options = self._options | {"path_bytes": True, "facts_only": True}
        facts._objects = replace(self._objects, ordered=True, facts_only=True)
        facts._current = facts._scanner()
        return facts

    def read(self, paths: Iterator[bytes], progress: Callable[[Counts], object] | None) -> Iterator[_scan.Batch]:
        """Read these files and objects, whatever the source; they count."""
        for is_object, group in groupby(paths, is_url) if self.names_tell else [(False, paths)]:
            scanner = self._scanner()
            self._current = scanner
            if is_object:
                self._parts.append(scanner)
                yield from self._others(scanner, Kind.OBJECTS, group, progress, exact=True)
            else:
                yield from self._files(scanner, group, progress)

    def count_first(self, *counts: int) -> None:
        """Begin a run with rows that came from elsewhere."""
        self._past, self._parts = Counts(), [_Elsewhere(counts)]

    def unfold_source(self) -> None:
        """Make a list of a source that is an iterable: for a run that needs it more than once."""
        if self.source_paths is None:
            self._source = tuple(self._paths())
            self._used = False

    @property
    def is_ordered(self) -> bool:
        """Must the rows come in the order of the walk?"""
        return self._ordered

    @property
    def unfolds_archives(self) -> bool:
        """Are the members of archives that are met rows too?"""
        return self._archives

    def _run(self, scanner: _scan.Scanner, progress: Callable[[Counts], object] | None) -> Iterator[_scan.Batch]:
        paths = self._paths()
        self._past, self._parts = Counts(), []
        for kind, group in groups(paths) if self.names_tell else [(Kind.FILES, paths)]:
            if kind is Kind.FILES and self._archives:
                yield from self._files_and_archives(scanner, group, progress)
            elif kind is Kind.FILES:
                yield from self._files(scanner, group, progress)
            else:
                others = self._scanner()
                self._parts.append(others)
                yield from self._others(others, kind, group, progress)
            self._past = self.counts
            self._parts = []
        if progress is not None:
            progress(self.counts)

    def _files_and_archives(
        self, scanner: _scan.Scanner, paths: Iterator[PathLike], progress: Callable[[Counts], object] | None
    ) -> Iterator[_scan.Batch]:
        members = self._scanner()
        self._parts.append(members)
        for batch in self._files(scanner, paths, progress):
            yield batch
            yield from self._others(members, Kind.ARCHIVE, archives.unread(batch), progress)

    def _others(
        self,
        scanner: _scan.Scanner,
        kind: Kind,
        paths: Iterator[PathLike],
        progress: Callable[[Counts], object] | None,
        exact: bool = False,
    ) -> Iterator[_scan.Batch]:
        """What is no folder and no file that is read as it is; `exact`: each URL names one object."""
        found: Iterator[_scan.Batch | None]
        if kind is Kind.ARCHIVE:
            found = chain.from_iterable(archives.visit(scanner, os.fsencode(path)) for path in paths)
        elif kind is Kind.OBJECTS:
            found = objects.visit(self._scanner, scanner, map(os.fsdecode, paths), replace(self._objects, exact=exact))
        else:
            found = chain.from_iterable(self._listed(scanner, os.fsencode(path), progress) for path in paths)
        for i, batch in enumerate(found):
            if batch is not None:
                yield batch
            if progress is not None and i % _MEMBERS_A_STEP == 0:
                progress(self.counts)
        if scanner.rows:
            yield scanner.take()

    def _listed(self, scanner: _scan.Scanner, path: bytes, progress: Callable[[Counts], object] | None) -> Iterator[_scan.Batch | None]:
        """The files of a DICOMDIR; then, from `scanner`, those that must not be opened."""
        refused = []

        def allowed() -> Iterator[bytes]:
            for entry in dicomdir.entries(path):
                if entry.error is None:
                    yield entry.path
                else:
                    refused.append(entry)

        yield from self._files(self._scanner(), allowed(), progress)
        for path, error in refused:
            scanner.fail(path, error or "")
            yield scanner.take() if scanner.full else None

    def _files(
        self, scanner: _scan.Scanner, paths: Iterator[PathLike], progress: Callable[[Counts], object] | None
    ) -> Iterator[_scan.Batch]:
        count = threads.default(self._source) if self._threads is None else self._threads
        # by which of its names a folder is entered must not depend on which thread comes first
        ordered = self._ordered or self._options["follow_links"]
        engine = _scan.Engine(scanner, threads=count, ordered=ordered)
        self._parts.append(engine)
        try:
            while (found := engine.wait(round(1000 * _STEP))) is not None:
                if progress is not None:
                    progress(self.counts)
                if isinstance(found, _scan.Batch):
                    yield found
                elif found == _scan.HUNGRY and not _give(engine, paths):
                    engine.end()
        finally:
            engine.close()

    def _paths(self) -> Iterator[PathLike]:
        if self._used:
            raise ValueError("the iterator of paths was used up by an earlier run of this scan; give a list to scan it twice")
        paths = iter(self._source)
        self._used = paths is self._source
        return paths

    def _new_cluster(self) -> distributed.Cluster:
        from fastdicom.scan import distributed

        assert self.client is not None
        self._cluster = distributed.Cluster(self.client, self, self._asked)
        return self._cluster

    def _on_cluster(self, progress: Callable[[Counts], object] | None) -> Iterator[_scan.Batch]:
        yield from self._new_cluster().batches(self._paths(), _counting(progress))

    def __arrow_c_schema__(self) -> object:
        """Return the schema as a PyCapsule (Arrow PyCapsule interface)."""
        return self._current.schema_capsule()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Return a scan as an Arrow stream, a PyCapsule; there is one schema, whatever is requested."""
        if self.client is not None:
            from fastdicom.scan import packed

            return packed.stream(self, self.batches())
        scanner = self._scanner()
        self._current = scanner
        return _scan.stream_capsule(scanner, self._run(scanner, None))

    def to_table(self) -> pa.Table:
        """Scan, and return all rows as a ``pyarrow.Table``.

        Raises
        ------
        ModuleNotFoundError
            pyarrow is not installed.
        """
        from fastdicom.scan import parquet

        return parquet.table(self)

    def to_parquet(
        self,
        path: str | os.PathLike[str],
        *,
        update: bool = False,
        resume: bool = False,
        progress: Callable[[Counts], object] | None = None,
    ) -> Counts:
        """Scan into a Parquet file, which appears under its name when it is complete; with a `client`, a folder of such files.

        Its row groups have some ten thousand rows, whatever the size of the batches. The file says with what version, tags and
        options it was made, of what and when (keys ``fastdicom-…`` of the schema's metadata).

        While it is being made there is a file ``.NAME.journal`` beside it with what was read so far.

        Parameters
        ----------
        path : path
            The file or folder; one that exists is replaced. The workers of a cluster see it under the same name.
        update : bool
            Take from the file that is there the rows of all files whose size and mtime are the same, and read only the others. The
            result is that of a new scan. Where a file could not be opened or read, that is tried again. An index of other tags
            or options, of another version, or none: all is read, with a warning.
        resume : bool
            Take from the journal what a killed scan of the same tags and options has read, under the same condition.
        progress : callable, optional
            Called with the counts ten times a second, and at the end.

        Returns
        -------
        Counts
            What was met.

        Raises
        ------
        ModuleNotFoundError
            pyarrow is not installed.
        ValueError
            `update` or `resume` with a `client`.

        Notes
        -----
        `update` copies what has not changed as it is; rows of new files come last, unless the scan is `ordered`. It holds path, size
        and time of all files in memory while it works, and the whole table where it cannot copy, as `resume` does. Of
        objects the listing tells size and time. Archives and the long table are always read anew.
        """
        if self.client is None:
            return self._to_file(path, "parquet", update, resume, progress)
        if update or resume:
            raise ValueError("the workers of a cluster read everything: update and resume are for scans without a client")
        return self.to_parts(path, progress=progress)

    def to_ipc(
        self,
        path: str | os.PathLike[str],
        *,
        update: bool = False,
        resume: bool = False,
        progress: Callable[[Counts], object] | None = None,
    ) -> Counts:
        """Scan into an Arrow file (IPC, also called Feather), which appears under its name when it is complete.

        Columns are plain, never dictionary-encoded, and compressed with zstd.

        Parameters
        ----------
        path : path
            The file; one that exists is replaced.
        update, resume : bool
            As in :meth:`to_parquet`.
        progress : callable, optional
            Called with the counts ten times a second, and at the end.

        Returns
        -------
        Counts
            What was met.

        Raises
        ------
        ModuleNotFoundError
            pyarrow is not installed.
        """
        return self._to_file(path, "ipc", update, resume, progress)

    def _to_file(
        self, path: str | os.PathLike[str], kind: str, update: bool, resume: bool, progress: Callable[[Counts], object] | None
    ) -> Counts:
        from fastdicom.scan import update as again

        self.plan = again.prepare(self, path, kind, update=update, resume=resume)
        try:
            return again.written(self, path, self.batches(progress), self.plan, kind)
        finally:
            self.plan = None

    def to_database(
        self, uri: str | os.PathLike[str], table: str | None = None, *, progress: Callable[[Counts], object] | None = None
    ) -> Counts:
        r"""Scan into a table of a database, keyed by path: a path that is there already is replaced.

        Rows are written in transactions of some ten thousand. One that fails leaves the table as it was before it, and the same
        scan run again ends in the same table.

        Parameters
        ----------
        uri : str
            ``sqlite:///FILE`` (``sqlite:////FILE`` from the root), a path that ends in .sqlite, .sqlite3 or .db, or
            ``postgresql://USER@HOST/DATABASE``, with ``?table=NAME`` when wished.
        table : str, optional
            The table, ``instances`` when not named; it is made when it is not there.
        progress : callable, optional
            Called with the counts every few dozen files.

        Returns
        -------
        Counts
            What was met.

        Raises
        ------
        OSError
            The database cannot be reached, or refuses.
        ValueError
            No such kind of database; a table with other columns; the long table, of which a path is no key.
        ModuleNotFoundError
            pyarrow or the ADBC driver is not installed.

        Notes
        -----
        PostgreSQL has arrays for several values, ``date``, ``time``, ``timestamp`` and, for `mtime`, ``timestamptz``; a NUL in
        text is written U+FFFD, and a column's name of more than 63 bytes is cut with a hash at its end. SQLite has text: dates
        and times are ISO 8601 (`mtime` in UTC), several values have backslashes between them.
        """
        from fastdicom.scan import database

        return database.write(self, database.target_of(uri, table), self.batches(progress))

    def to_parts(
        self,
        path: str | os.PathLike[str],
        *,
        progress: Callable[[Counts], object] | None = None,
        failed: Callable[[str, str], object] | None = None,
    ) -> Counts:
        """Scan with the workers of `client` into a folder of Parquet files, in the order of the walk by their names.

        Each worker writes its own; the folder appears under its name when it is complete.

        Parameters
        ----------
        path : path
            The folder; an index of this name that exists is replaced. The workers see it under the same name.
        progress : callable, optional
            Called with the counts whenever a part is there.
        failed : callable, optional
            Called with path and error of each file or folder that could not be opened or read.

        Returns
        -------
        Counts
            What was met.

        Raises
        ------
        ValueError
            The scan has no `client`.
        FileExistsError
            There is a folder of that name that holds something else than Parquet files.
        OSError
            The cluster has no workers or went away, or its workers cannot scan or write.
        """
        if self.client is None:
            raise ValueError("only a scan with a client is written in parts")
        self._new_cluster().write(self._paths(), path, _counting(progress), failed)
        return self.counts

    def to_csv(self, target: str | os.PathLike[str] | TextIO, *, progress: Callable[[Counts], object] | None = None) -> Counts:
        r"""Scan into comma-separated values (RFC 4180, UTF-8), the names of the columns first.

        Several values are separated by backslashes, dates and times are ISO 8601, null is nothing.

        Parameters
        ----------
        target : path or text file
            A file of that name appears when it is complete.
        progress : callable, optional
            Called with the counts ten times a second, and at the end.
        """
        from fastdicom.scan import table

        return table.write_csv(self, target, self.batches(progress))

    def __repr__(self) -> str:
        sources = (
            [os.fsdecode(path) for path in islice(self._source, 3)] if isinstance(self._source, (tuple, list)) else ["an iterable of paths"]
        )
        names = "every element" if self.elements else ", ".join(column.name for column in self.columns[:4])
        more = f" and {len(self.columns) - 4} more" if len(self.columns) > 4 else ""
        return f"<fastdicom.scan.Scan of {', '.join(sources)}: {names}{more}>"
