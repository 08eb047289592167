"""Scans on a cluster: the workers of a Dask client scan a piece each, the results are one table."""

from __future__ import annotations

import asyncio
import heapq
import os
import pickle
import queue
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fastdicom._version import __version__
from fastdicom.scan import _scan, output, packed, parquet, shards, sources

if TYPE_CHECKING:
    from distributed import Client, Future

    from fastdicom.scan._scan import Batch
    from fastdicom.scan.arrow import Scan

__all__ = ["ROWS", "Cluster", "ClusterError", "run_piece"]

#: Rows after which a task ends and hands back what is left of its folders, to be shared out: about a second of work.
ROWS: Final = 131072
_PIECES_A_THREAD: Final = 16
_FLYING_A_THREAD: Final = 2  # tasks, so that a worker never waits for the next
_EXPANDED_SOURCES: Final = 64  # more paths than these are taken as they come
_PATHS_A_PIECE: Final = 1024  # of those
_NAMED_A_PIECE: Final = 64  # archives, URLs and the like
_PATIENCE: Final = 60.0  # seconds without any worker, or without an answer of the scheduler
_LOOK: Final = 1.0  # seconds from one look at the cluster to the next
_CANCELLED: Final = "the tasks of the scan are gone: the scheduler was lost or restarted, or somebody cancelled them"
_SHARED: Final = ": the workers write beside the index, into a folder that all machines must share"
_RANDOM_BYTES: Final = 6
_ESCAPE: Final = re.compile(rb"\\x([0-9a-fA-F]{2})")

Progress = Callable[[tuple[int, ...]], object]
Order = tuple[int, ...]  # that of the walk: (3,) < (3, 0) < (3, 1) < (4,)


class ClusterError(OSError):
    """A cluster did not do its work: no workers, no scheduler, or workers that cannot scan."""


class Outcome(NamedTuple):
    """What comes back from a task.

    Attributes
    ----------
    counts : tuple of int
        As in :class:`fastdicom.scan.Counts`.
    failures : list of list of (str, str)
        Paths and errors, for each batch.
    data : bytes
        The rows; none when they were written to a file.
    rest : list of Entry
        What is left to be scanned, behind these rows.
    """

    counts: tuple[int, ...]
    failures: list[list[tuple[str, str]]]
    data: bytes
    rest: list[shards.Entry]


class _Piece(NamedTuple):
    make: Callable[[Iterable[bytes]], Scan]
    paths: list[bytes]
    walked: bool  # they are folders and what is in folders, not what the user has named
    rows: int | None  # to stop behind; None: never
    recursive: bool
    part: str | None
    here: Path | None  # the folder from which the client names paths, where that matters


# on a worker


def run_piece(payload: bytes) -> Outcome:
    """Scan a piece; a task calls this on a worker."""
    piece: _Piece = pickle.loads(payload)  # noqa: S301 it comes from the client, whose functions the worker runs anyway
    if piece.here is not None and (found := Path.cwd()) != piece.here:
        name = os.fsdecode(piece.paths[0])
        raise RuntimeError(f"it is in the folder {found}, the client in {piece.here}: give an absolute path instead of {name!r}")
    scan = piece.make(iter(piece.paths))  # not a list: a part must not say that these are the sources of the index
    scan.names_tell = not piece.walked
    work = _Work(scan, piece)
    data = b""
    if piece.part is None:
        data = packed.pack(scan, work.batches())
    else:
        parquet.write(scan, piece.part, work.batches())
    return Outcome(tuple(scan.counts) if work.counts is None else work.counts, work.failures, data, work.rest)


class _Work:
    """The batches of a piece, up to where it is cut."""

    def __init__(self, scan: Scan, piece: _Piece) -> None:
        self._scan = scan
        self._piece = piece
        self.counts: tuple[int, ...] | None = None
        self.failures: list[list[tuple[str, str]]] = []
        self.rest: list[shards.Entry] = []

    def batches(self) -> Iterator[Batch]:
        limit = self._piece.rows
        found = (0, 0, 0, 0, 0)
        for batch in self._scan.batches():
            self.failures.append(batch.failures())
            yield batch
            if limit is None:
                continue
            found = tuple(map(sum, zip(found, packed.numbers(batch), strict=True)))  # type: ignore[assignment]
            if found[0] >= limit and (rest := self._behind(batch)) is not None:
                self.counts, self.rest = found, rest  # those of the scan may be ahead of its batches
                return

    def _behind(self, batch: Batch) -> list[shards.Entry] | None:
        text = str(batch.column("path")[-1])
        last = os.fsencode(text)
        if "\\x" in text:  # the name as it is, or one whose bytes are no UTF-8
            names = {last, _ESCAPE.sub(lambda found: bytes.fromhex(found[1].decode()), last)}
            there = [name for name in names if os.path.lexists(name)]
            if len(there) != 1:
                return None
            last = there[0]
        return shards.behind(self._piece.paths, last, self._piece.recursive)


def _task() -> Callable[[str, bytes], object]:
    """Return what is sent to the workers: an inner function travels with its code, so that one without this library can say so."""

    def scan_piece(version: str, payload: bytes) -> object:
        cure = f"install the client's there: pip install 'fastdicom-core[dask]=={version}'"
        try:
            from fastdicom._version import __version__ as found
            from fastdicom.scan.distributed import run_piece
        except ImportError as error:
            raise RuntimeError(f"it cannot import fastdicom ({error}); {cure}") from None
        if found != version:
            raise RuntimeError(f"it has fastdicom {found}, the client {version}; {cure}")
        return tuple(run_piece(payload))

    return scan_piece


# on the client


class _Task(NamedTuple):
    paths: list[bytes]
    walked: bool = True


@dataclass(slots=True)
class _State:
    """What is under way: pieces in their order, as heaps, and tasks by their keys."""

    waiting: list[tuple[Order, _Task]] = field(default_factory=list)
    flying: dict[str, tuple[Order, Future[Any]]] = field(default_factory=dict)
    ready: list[tuple[Order, Outcome]] = field(default_factory=list)
    arrived: queue.SimpleQueue[str] = field(default_factory=queue.SimpleQueue)

    def watch(self, key: str, future: Future[Any]) -> None:
        future.add_done_callback(lambda _: self.arrived.put(key))


class Cluster:
    """A run of a scan on the workers of a Dask client.

    Parameters
    ----------
    client : distributed.Client
        A synchronous client.
    scan : Scan
        What gives schema and columns.
    options : dict
        The keyword arguments with which a worker makes its scan.
    """

    def __init__(self, client: Client, scan: Scan, options: dict[str, Any]) -> None:
        if not (hasattr(client, "submit") and hasattr(client, "scheduler_info")):
            raise TypeError(f"client is a distributed.Client, not {type(client).__name__}")
        if client.asynchronous:
            raise TypeError("client is an asynchronous one: a scan needs distributed.Client(address), which waits")
        self._client = client
        self._scan = scan
        self._recursive = bool(options.get("recursive", True))
        self._whole = bool(options.get("follow_links", False))  # each folder once: only one walk knows which it has entered
        self._ordered = bool(options.get("ordered"))
        # a piece can be cut only where everything before is there: rows are in order, whatever is asked for
        options = {**options, "threads": options.get("threads") or 1, "ordered": True}
        self._make: Callable[[Iterable[bytes]], Scan] = partial(type(scan), **options)
        self._by_file = scan.elements or bool(options.get("archives"))  # rows do not tell how far a walk has come
        self._limit = None if self._whole or self._by_file else ROWS
        self._token = secrets.token_hex(6)
        self._threads = 0
        self._alive = self._looked = time.monotonic()
        self.counts: tuple[int, ...] = (0, 0, 0, 0, 0)

    def batches(self, source: Iterable[Any], progress: Progress | None = None) -> Iterator[Batch]:
        """Scan, and yield the rows as record batches."""
        for _, outcome in self._outcomes(source, None, progress):
            yield from packed.unpack(outcome.data, outcome.failures)

    def write(
        self,
        source: Iterable[Any],
        path: str | os.PathLike[str],
        progress: Progress | None = None,
        failed: Callable[[str, str], object] | None = None,
    ) -> None:
        """Scan into a folder of Parquet files, which appears under its name when it is complete.

        Parameters
        ----------
        source : iterable of paths
            What to scan.
        path : path
            The folder; an index of this name that exists is replaced. The workers write beside it: they see it under the same name.
        progress : callable, optional
            Called with the counts when a piece is done.
        failed : callable, optional
            Called with path and error of what could not be opened or read.
        """
        with _new_folder(path) as (work, parts):
            done: list[tuple[Order, Path]] = []
            for order, outcome in self._outcomes(source, work, progress):
                for failures in outcome.failures:
                    for failure in failures:
                        if failed is not None:
                            failed(*failure)
                if outcome.counts[0]:
                    done.append((order, work / _part_name(order)))
            for number, (_, part) in enumerate(sorted(done)):
                try:
                    part.rename(parts / f"part-{number:05}.parquet")
                except FileNotFoundError:
                    raise ClusterError(f"{part} was written, but not here{_SHARED}") from None
            if not done:
                parquet.write(self._scan, parts / "part-00000.parquet", iter(()))

    # the tasks

    def _outcomes(self, source: Iterable[Any], folder: Path | None, progress: Progress | None) -> Iterator[tuple[Order, Outcome]]:
        """Have every piece scanned; yield what comes back, in the order of the walk if that is asked for."""
        self._look(now=True)
        ordered = self._ordered and folder is None  # the names of parts keep their order
        pieces = enumerate(self._pieces(source))
        state = _State()
        flying, ready = state.flying, state.ready
        try:
            while True:
                self._fill(pieces, state, folder)
                if not flying and not ready:
                    return
                if flying and (key := self._next(state)) is not None:
                    order, future = flying[key]
                    outcome = self._result(future)
                    if outcome is None:  # its worker was lost with the result: somebody makes it again
                        state.watch(key, future)
                    else:
                        del flying[key]
                        future.release()
                        for i, paths in enumerate(self._split(outcome.rest)):
                            heapq.heappush(state.waiting, ((*order, i), _Task(paths)))
                        heapq.heappush(ready, (order, outcome))
                        self.counts = tuple(map(sum, zip(self.counts, outcome.counts, strict=True)))
                        if progress is not None:
                            progress(self.counts)
                while ready and not (ordered and any(order < ready[0][0] for order, _ in (*flying.values(), *state.waiting[:1]))):
                    yield heapq.heappop(ready)
        finally:
            if flying:
                with suppress(Exception):  # what ended the run is said, not what came of it
                    self._client.cancel([future for _, future in flying.values()], force=True)

    def _fill(self, pieces: Iterator[tuple[int, _Task]], state: _State, folder: Path | None) -> None:
        """Send tasks until enough are under way. The first of all pieces never waits for the others, which wait for it."""
        room = max(4, _FLYING_A_THREAD * self._threads)
        waiting = state.waiting
        while True:
            full = len(state.flying) + len(state.ready) >= room
            if waiting and (not full or not any(order < waiting[0][0] for order, _ in (*state.flying.values(), *state.ready[:1]))):
                order, task = heapq.heappop(waiting)
            elif full or (piece := next(pieces, None)) is None:
                return
            else:
                order, task = (piece[0],), piece[1]
            future = self._submit(order, task, folder)
            state.flying[future.key] = order, future
            state.watch(future.key, future)

    def _submit(self, order: Order, task: _Task, folder: Path | None) -> Future[Any]:
        part = None if folder is None else str(folder / _part_name(order))
        here = Path.cwd() if any(not os.path.isabs(path) and b"://" not in path for path in task.paths) else None  # noqa: PTH117 bytes
        limit = self._limit if task.walked else None
        payload = pickle.dumps(_Piece(self._make, task.paths, task.walked, limit, self._recursive, part, here))
        key = f"fastdicom-scan-{self._token}-{'-'.join(map(str, order))}"
        try:
            return self._client.submit(_task(), __version__, payload, key=key, pure=False, priority=-order[0])
        except Exception as error:
            raise ClusterError(f"the scheduler takes no tasks: {error}") from error

    def _next(self, state: _State) -> str | None:
        """The key of a task that has ended; None now and then, when there is none."""
        self._look()
        try:
            return state.arrived.get(timeout=_LOOK)
        except queue.Empty:
            return None

    def _result(self, future: Future[Any]) -> Outcome | None:
        if future.status == "cancelled":
            raise ClusterError(_CANCELLED)
        try:
            return Outcome(*future.result(timeout=_PATIENCE / 2))
        except TimeoutError:
            if future.status == "error":
                raise ClusterError("a worker ran into a time limit") from None
            return None
        except (Exception, asyncio.CancelledError) as error:
            if future.status == "cancelled":
                raise ClusterError(_CANCELLED) from None
            if type(error).__name__ == "KilledWorker":
                raise ClusterError(f"the workers that scanned a piece died, one after the other: {error}") from None
            name = "" if isinstance(error, (RuntimeError, ModuleNotFoundError)) else f"{type(error).__name__}: "
            where = _SHARED if isinstance(error, OSError) else ""
            raise ClusterError(f"a worker failed: {name}{error}{where}") from error

    def _look(self, *, now: bool = False) -> None:
        """See, once a second, how many threads the workers have; raise when there was none for too long."""
        while now or time.monotonic() - self._looked >= _LOOK:
            try:
                threads = self._client.sync(self._client.scheduler.ncores, callback_timeout=_PATIENCE)
            except Exception as error:  # there is a kind of its own for each way in which a connection ends
                raise ClusterError(f"the scheduler does not answer: {str(error) or type(error).__name__}") from error
            self._looked = time.monotonic()
            self._threads = sum(threads.values())
            if self._threads:
                self._alive = self._looked
            elif self._looked - self._alive > _PATIENCE:
                raise ClusterError(f"the cluster has had no worker for {_PATIENCE:.0f} s")
            if self._threads or not now:
                return
            time.sleep(_LOOK / 4)

    # the pieces

    def _pieces(self, source: Iterable[Any]) -> Iterator[_Task]:
        if self._whole:
            if everything := [os.fsencode(path) for path in source]:
                yield _Task(everything, walked=False)
            return
        for kind, named in sources.groups(source):
            paths = map(os.fsencode, named)
            if kind is sources.Kind.FILES:
                yield from (_Task(piece) for piece in self._folders(paths))
                continue
            first = list(islice(paths, _EXPANDED_SOURCES + 1))
            yield from (_Task([path], walked=False) for path in first)
            while piece := list(islice(paths, _NAMED_A_PIECE)):
                yield _Task(piece, walked=False)

    def _folders(self, paths: Iterator[bytes]) -> Iterator[list[bytes]]:
        """Folders and files."""
        if self._by_file:
            yield from shards.files_of(paths, self._recursive)
            return
        first = list(islice(paths, _EXPANDED_SOURCES + 1))
        if len(first) <= _EXPANDED_SOURCES:
            yield from self._split([(path, True) for path in first])
            return
        piece = first
        while piece:
            piece += islice(paths, _PATHS_A_PIECE - len(piece))
            yield piece
            piece = list(islice(paths, _PATHS_A_PIECE))

    def _split(self, entries: Iterable[shards.Entry]) -> Iterator[list[bytes]]:
        return shards.split(entries, _PIECES_A_THREAD * max(self._threads, 1), self._recursive)


def _part_name(order: Order) -> str:
    """A task that runs twice writes the same file twice."""
    return f"{'-'.join(map(str, order))}.parquet"


@contextmanager
def _new_folder(path: str | os.PathLike[str]) -> Iterator[tuple[Path, Path]]:
    """Give two folders, one to work in and one that takes the place of `path` at the end.

    A task that was taken for lost may write when all is done: it finds no folder any more, or one that nobody looks into.
    """
    target = Path(path).resolve()
    if target.is_dir() and any(child.suffix != ".parquet" or not child.is_file() for child in target.iterdir()):
        raise FileExistsError(f"{os.fspath(path)} is a folder that holds something else than Parquet files: it is not replaced")
    _clear(target)
    around = target.with_name(f".{target.name}.{secrets.token_hex(_RANDOM_BYTES)}.tmp")
    work, parts = around / "work", around / "parts"
    try:
        around.mkdir()
    except OSError as error:
        raise type(error)(error.errno, error.strerror, os.fspath(path)) from None
    lock = _locked(around)
    try:
        work.mkdir()
        parts.mkdir()
        yield work, parts
        _take_place(parts, target, around / "old")
    finally:
        if lock is not None and os.name == "nt":  # there, a file that is open cannot be removed
            os.close(lock)
        shutil.rmtree(around, ignore_errors=True)
        if lock is not None and os.name != "nt":
            os.close(lock)


def _take_place(parts: Path, target: Path, old: Path) -> None:
    """Give a folder the name of another one, which goes away; at once, where the system can."""
    if not target.exists():
        parts.rename(target)
    elif not _scan.exchange(os.fsencode(parts), os.fsencode(target)):
        try:
            target.rename(old)
            parts.rename(target)  # who is killed here leaves both; _clear finds them
        except BaseException:
            if old.exists() and not target.exists():
                old.rename(target)
            raise


def _locked(around: Path) -> int | None:
    """Hold a lock in a folder, the sign that somebody is at work; None: somebody else has it, or there are no locks here."""
    try:
        descriptor = os.open(around / "lock", os.O_CREAT | os.O_RDWR | getattr(os, "O_NOFOLLOW", 0), 0o666)
    except OSError:
        return None
    if os.name != "nt" and output.locked(descriptor):
        return descriptor
    os.close(descriptor)
    return None


def _clear(target: Path) -> None:
    """Remove what killed runs have left beside an index. One that was killed between two renames is brought to its end."""
    name = re.compile(re.escape(f".{target.name}.") + rf"[0-9a-f]{{{2 * _RANDOM_BYTES}}}\.tmp")
    with suppress(OSError):
        for around in [child for child in target.parent.iterdir() if name.fullmatch(child.name) and child.is_dir()]:
            lock = _locked(around) if (around / "lock").exists() else None  # else somebody has just begun
            if lock is None:
                continue
            try:
                if (around / "old").is_dir() and (around / "parts").is_dir() and not target.exists():
                    (around / "parts").rename(target)
                shutil.rmtree(around, ignore_errors=True)
            finally:
                os.close(lock)
