"""Objects in buckets and on the web as rows: of each its head is fetched, and exactly what is missing where the head is longer.

Listing, requests and parsing share one thread with an event loop of its own; the caller's thread takes finished batches, so
that an interrupt is noticed at once. `requests` are on their way at a time, and nothing is ahead of the batches by more.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import queue
import re
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import ModuleType
from typing import Any, Final, NamedTuple
from urllib.parse import unquote, urlsplit

from fastdicom.scan import _scan

__all__ = ["REQUESTS", "Options", "visit"]

#: How many requests are on their way at a time.
REQUESTS: Final = 64

_HEAD_SIZES: Final = (16384, 32768, 49152, 65536)  # of the first request of an object
_LEARN_FROM: Final = 64  # objects
_MORE: Final = 16384  # the least that is fetched beyond the head; it doubles
_MOST_AT_ONCE: Final = 1 << 20
_OBJECT: Final = 24 << 20  # bytes fetched of an object: the longest value of a column is 16 MiB
_ROUNDS: Final = 64  # requests for an object
_LARGE: Final = 1 << 20  # objects of which so much was fetched wait for each other
_ATTEMPT, _RETRY, _CONNECT = 20.0, 30.0, 5.0  # seconds: a request, its repetitions, a connection
_GRACE: Final = 1.0  # what is added to both before a request is given up, whatever the library does
_FAILURES: Final = 64  # objects of a host in a row without an answer, before the others of it fail at once
# what obstore takes for its HTTP client, and not as configuration of a store
_CLIENT: Final = frozenset(
    {
        "allow_http",
        "allow_invalid_certificates",
        "connect_timeout",
        "default_headers",
        "proxy_ca_certificate",
        "proxy_excludes",
        "proxy_url",
        "root_certificate",
        "timeout",
        "user_agent",
    }
)
_NO_ANSWER: Final = re.compile(r"Connection refused|Connection reset|timed out|TimedOut|dns error|Name or service not known|certificate")


@dataclass(frozen=True)
class Options:
    """How objects are reached.

    Attributes
    ----------
    store : object, optional
        An obstore store that serves all URLs, whatever their bucket.
    storage_options : mapping
        What obstore's stores take as configuration, for the stores that are made from URLs, client options (`allow_http`,
        `timeout` in seconds, ...) and `retry_timeout` in seconds too.
    requests : int
        How many are on their way at a time.
    facts_only : bool
        Path, size and time: nothing is fetched of what a listing tells.
    exact : bool
        Each URL names one object: nothing is listed.
    """

    store: Any = None
    storage_options: Mapping[str, Any] = field(default_factory=dict)
    requests: int = REQUESTS
    ordered: bool = False
    recursive: bool = True
    facts_only: bool = False
    exact: bool = False


class _Target(NamedTuple):
    """An object to be read, or, with an error, a row without one."""

    path: str
    store: Any = None
    host: str = ""
    key: str = ""
    size: int | None = None
    mtime: int | None = None
    tag: str | None = None
    error: str | None = None


class _Failed(Exception):
    """What becomes the error of a row."""

    def __init__(self, text: str, size: int | None = None, mtime: int | None = None) -> None:
        super().__init__(text)
        self.size, self.mtime = size, mtime


def visit(make: Callable[[], _scan.Scanner], scanner: _scan.Scanner, urls: Iterator[str], options: Options) -> Iterator[_scan.Batch | None]:
    """Visit what URLs name; yields batches as they fill up, and None now and then. The last rows stay in the scanner.

    `make` makes a scanner like `scanner`: where rows are ordered, it tries out what an object takes.

    Raises
    ------
    ModuleNotFoundError
        obstore is not installed.
    """
    run = _Run(_obstore(), make, scanner, urls, options)
    thread = threading.Thread(target=run.main, name="fastdicom objects", daemon=True)
    thread.start()
    try:
        while (batch := run.take()) is not _END:
            yield batch
    finally:
        run.stop()
        thread.join(5.0)
    if run.problem is not None:
        raise run.problem


def _obstore() -> ModuleType:
    try:
        import obstore
        import obstore.store
    except ModuleNotFoundError as error:
        if error.name != "obstore":
            raise
        raise ModuleNotFoundError(
            "s3://, gs://, az:// and https:// need obstore: pip install 'fastdicom-core[cloud]'", name="obstore"
        ) from None
    module: ModuleType = obstore
    return module


_END: Any = object()


class _Run:
    def __init__(
        self, obstore: ModuleType, make: Callable[[], _scan.Scanner], scanner: _scan.Scanner, urls: Iterator[str], options: Options
    ) -> None:
        self.problem: BaseException | None = None
        self._obstore = obstore
        self._scanner = scanner
        self._probe = make() if options.ordered else scanner
        self._urls = urls
        self._options = options
        self._stores: dict[str, Any] = {}
        self._silent: dict[str, int] = {}  # host -> objects without an answer since the last answer
        self._batches: queue.Queue[_scan.Batch | None] = queue.Queue()
        self._head = _Head()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopped = False
        timeout = _seconds(options.storage_options.get("timeout", _ATTEMPT))
        self._limit = timeout + _seconds(options.storage_options.get("retry_timeout", _RETRY)) + _GRACE

    # the caller's thread

    def take(self) -> _scan.Batch | None:
        try:
            return self._batches.get(timeout=0.1)
        except queue.Empty:
            return None

    def stop(self) -> None:
        self._stopped = True
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            if self._loop is not None and self._task is not None:
                self._loop.call_soon_threadsafe(self._task.cancel)

    # the other thread

    def main(self) -> None:
        try:
            asyncio.run(self._all())
        except asyncio.CancelledError:
            pass
        except BaseException as error:  # raised again in the caller's thread
            self.problem = error
        self._batches.put(_END)

    async def _all(self) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        if self._stopped:  # before there was a task to cancel
            return
        self._slots = asyncio.Semaphore(self._options.requests)
        self._large = asyncio.Semaphore(2)
        running: set[asyncio.Task[None]] = set()
        before: asyncio.Task[None] | None = None
        try:
            async for target in self._targets():
                while len(running) >= 2 * self._options.requests or self._batches.qsize() >= 2:
                    running = await self._fewer(running)
                before = asyncio.create_task(self._object(target, before if self._options.ordered else None))
                running.add(before)
            while running:
                running = await self._fewer(running)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    @staticmethod
    async def _fewer(running: set[asyncio.Task[None]]) -> set[asyncio.Task[None]]:
        """Wait until an object is finished, or a while, as long as nobody takes the batches."""
        if not running:
            await asyncio.sleep(0.02)
            return running
        done, running = await asyncio.wait(running, timeout=0.05, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
        return running

    # what is there

    async def _targets(self) -> AsyncIterator[_Target]:
        for url in self._urls:
            try:
                root, key, shown = _parts(url)
                store = self._options.store or self._store(url, root)
            except (self._obstore.exceptions.BaseError, ValueError, OSError) as error:
                yield _Target(url, error=_words(error))
                continue
            if self._options.exact or (root.startswith(("https://", "http://")) and not key.endswith("/")):
                yield _Target(shown, store, root, key)
                continue
            async for target in self._listed(shown, store, root, key):
                yield target

    async def _listed(self, url: str, store: Any, root: str, prefix: str) -> AsyncIterator[_Target]:
        """The objects below a prefix, in the order of the listing; else the one object of that name."""
        found = False
        base = root if root.endswith("/") else root + "/"
        try:
            async for chunk in self._chunks(store, prefix):
                for meta in chunk:
                    found = True
                    yield _Target(
                        base + meta["path"], store, root, meta["path"], meta["size"], _microseconds(meta["last_modified"]), meta["e_tag"]
                    )
        except (self._obstore.exceptions.BaseError, OSError, ValueError, TimeoutError) as error:
            yield _Target(url, error=f"listing: {_words(error)}")
            return
        if found or not prefix:
            return
        if prefix.endswith("/"):
            yield _Target(url, error="nothing is there")
        else:
            yield _Target(url, store, root, prefix)

    async def _chunks(self, store: Any, prefix: str) -> AsyncIterator[list[dict[str, Any]]]:
        if not self._options.recursive:
            async with asyncio.timeout(self._limit):
                yield (await self._obstore.list_with_delimiter_async(store, prefix or None))["objects"]
            return
        stream = self._obstore.list(store, prefix or None, chunk_size=1000)
        while True:
            async with asyncio.timeout(self._limit):
                try:
                    chunk = await anext(stream)
                except StopAsyncIteration:
                    return
            yield chunk

    def _store(self, url: str, root: str) -> Any:
        query, user = urlsplit(url).query, urlsplit(url).netloc.rpartition("@")[0]
        is_web = root.startswith(("https://", "http://"))
        name = f"{root}?{query}" if is_web and query else root
        if (name, user) == (root, "") and root in self._stores:
            return self._stores[root]
        options = dict(self._options.storage_options)
        client = {"timeout": _ATTEMPT, "connect_timeout": _CONNECT, **{key: options.pop(key) for key in _CLIENT & options.keys()}}
        for key in ("timeout", "connect_timeout"):
            client[key] = timedelta(seconds=_seconds(client[key]))
        retry = {"retry_timeout": timedelta(seconds=_seconds(options.pop("retry_timeout", _RETRY)))}
        stores = self._obstore.store
        if not is_web:
            store = stores.from_url(root, config=options or None, client_options=client, retry_config=retry)
        else:
            client["allow_http"] = root.startswith("http://") or bool(client.get("allow_http"))
            if user:
                code = base64.b64encode(unquote(user).encode()).decode()
                client["default_headers"] = {**client.get("default_headers", {}), "authorization": f"Basic {code}"}
            store = stores.HTTPStore.from_url(name, client_options=client, retry_config=retry)
        if (name, user) == (root, ""):
            self._stores[root] = store
        return store

    # an object

    async def _object(self, target: _Target, before: asyncio.Task[None] | None) -> None:
        path, size, mtime = target.path.encode("utf-8", "surrogateescape"), target.size, target.mtime
        try:
            if target.error is not None:
                raise _Failed(target.error)
            pieces: list[tuple[int, bytes]] = []
            if size is None or not self._options.facts_only:
                size, mtime, pieces = await self._pieces(path, target)
        except _Failed as error:
            if before is not None:
                await asyncio.wait([before])
            if error.size is not None:
                size, mtime = error.size, error.mtime
            self._scanner.fail(path, str(error), size, mtime)
        else:
            if before is not None:
                await asyncio.wait([before])
            if self._probe is not self._scanner:
                self._scanner.visit(path, size, mtime, pieces)
        if self._scanner.full:
            self._batches.put(self._scanner.take())

    async def _pieces(self, path: bytes, target: _Target) -> tuple[int, int | None, list[tuple[int, bytes]]]:
        """Fetch until the scanner asks for nothing more."""
        size, mtime = target.size, target.mtime
        pieces: list[tuple[int, bytes]] = []
        want = (0, self._head.size)
        fetched, reached, large = 0, 0, False
        step = _MORE
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(_ROUNDS):
                if size is None or size > 0:
                    if not large and fetched + want[1] - want[0] > _LARGE:
                        large = True
                        await stack.enter_async_context(self._large)
                    data, size, mtime, target = await self._get(
                        target, want[0], want[1] if size is None else min(want[1], size), size, mtime
                    )
                    fetched += len(data)
                    _append(pieces, want[0], data)
                need = self._probe.visit(path, size, mtime, pieces)
                if self._probe is not self._scanner and self._probe.full:
                    self._probe.take()
                if need is None:
                    self._head.learn(reached)
                    return size, mtime, pieces
                reached = max(reached, need[1]) if need[1] <= _HEAD_SIZES[-1] else reached
                want = (need[0], max(need[1], need[0] + step))
                step = min(2 * step, _MOST_AT_ONCE)
                if fetched + want[1] - want[0] > _OBJECT:
                    break
        raise _Failed("the wanted elements lie too far apart in the object", size, mtime)

    async def _get(
        self, target: _Target, start: int, end: int, size: int | None, mtime: int | None
    ) -> tuple[bytes, int, int | None, _Target]:
        """Bytes [start, end) of an object, at least one of them; its size and time; and the target with its ETag."""
        errors = self._obstore.exceptions
        options: dict[str, Any] = {"range": (start, end)}
        if target.tag is not None:
            options["if_match"] = target.tag
        for attempt in (1, 2, 3):
            try:
                async with self._slots, asyncio.timeout(self._limit):
                    if self._silent.get(target.host, 0) >= _FAILURES:
                        raise _Failed(f"the last {_FAILURES} objects of {target.host} got no answer: not tried", size, mtime)
                    result = await self._obstore.get_async(target.store, target.key, options=options)
                    data = bytes(await result.bytes_async())
                break
            except errors.NotSupportedError:
                return await self._whole(target, start, end)
            except errors.PreconditionError:
                raise _Failed("the object changed while it was read") from None
            except errors.GenericError as error:
                text = str(error)
                if size is None and "416 Range" in text:
                    return b"", 0, mtime, target
                if attempt < 3 and "response body" in text:
                    continue
                self._answered(target, not _NO_ANSWER.search(text))
                raise _Failed(_words(error), size, mtime) from None
            except TimeoutError:
                self._answered(target, False)
                raise _Failed(f"no answer within {self._limit:g} seconds", size, mtime) from None
            except (errors.BaseError, OSError, ValueError) as error:
                raise _Failed(_words(error), size, mtime) from None
        self._answered(target, True)
        return self._checked(target, result, data, start, end, size, mtime)

    @staticmethod
    def _checked(
        target: _Target, result: Any, data: bytes, start: int, end: int, size: int | None, mtime: int | None
    ) -> tuple[bytes, int, int | None, _Target]:
        meta = result.meta
        if size is None:
            size = int(meta["size"])
            mtime = _microseconds(meta["last_modified"])
            target = target._replace(size=size, mtime=mtime, tag=meta["e_tag"])
        if result.range[0] != start or not data or len(data) < min(end, size) - start:
            raise _Failed(f"{len(data)} bytes came where {min(end, size) - start} were asked for at {start}", size, mtime)
        return data[: end - start], size, mtime, target

    async def _whole(self, target: _Target, start: int, end: int) -> tuple[bytes, int, int | None, _Target]:
        """From a server that knows no ranges: the beginning of everything, and then the connection is closed."""
        if end > _MOST_AT_ONCE:
            raise _Failed("the server does not answer ranges, and the wanted elements lie behind the first MiB", target.size, target.mtime)
        try:
            async with self._slots, asyncio.timeout(self._limit):
                result = await self._obstore.get_async(target.store, target.key)
                size, mtime = int(result.meta["size"]), _microseconds(result.meta["last_modified"])
                parts, n = [], 0
                async for part in result.stream(min_chunk_size=16384):
                    parts.append(bytes(part))
                    n += len(part)
                    if n >= end:
                        break
        except TimeoutError:
            raise _Failed(f"no answer within {self._limit:g} seconds", target.size, target.mtime) from None
        except (self._obstore.exceptions.BaseError, OSError, ValueError) as error:
            raise _Failed(_words(error), target.size, target.mtime) from None
        data = b"".join(parts)[start:end]
        if len(data) < min(end, size) - start:
            raise _Failed(f"{n} bytes came where {min(end, size)} were asked for", size, mtime)
        return data, size, mtime, target._replace(size=size, mtime=mtime)

    def _answered(self, target: _Target, answered: bool) -> None:
        self._silent[target.host] = 0 if answered else self._silent.get(target.host, 0) + 1


class _Head:
    """How much the first request asks for: as little as most objects of the last ones needed."""

    def __init__(self) -> None:
        self.size = _HEAD_SIZES[0]
        self._needs: list[int] = []

    def learn(self, reached: int) -> None:
        """How far into the object the scanner asked for more, as far as a first request can go; 0: it did not ask."""
        self._needs.append(reached)
        if len(self._needs) < _LEARN_FROM:
            return
        typical = sorted(self._needs)[3 * _LEARN_FROM // 4]
        if typical:
            self.size = next(size for size in _HEAD_SIZES if size >= typical)
        self._needs.clear()


def _parts(url: str) -> tuple[str, str, str]:
    """The root of a store, the key, and the URL as it is shown, without a password."""
    parts = urlsplit(url)
    if not parts.netloc:
        raise ValueError("a URL needs a bucket or a host")
    if parts.scheme in ("https", "http"):
        host = parts.netloc.rpartition("@")[2]
        return f"{parts.scheme}://{host}", unquote(parts.path).lstrip("/"), parts._replace(netloc=host).geturl()
    root = f"{parts.scheme}://{parts.netloc}"
    return root, url[len(root) :].lstrip("/"), url  # "?" and "#" are ordinary characters of a key


def _append(pieces: list[tuple[int, bytes]], at: int, data: bytes) -> None:
    if pieces and pieces[-1][0] + len(pieces[-1][1]) == at:
        start, before = pieces[-1]
        pieces[-1] = (start, before + data)
    elif data:
        pieces.append((at, data))


def _seconds(value: Any) -> float:
    return value.total_seconds() if isinstance(value, timedelta) else float(value)


def _microseconds(when: datetime | None) -> int | None:
    """Since 1970; a server that tells no time is given 1970 by the library."""
    if when is None:
        return None
    return int(when.timestamp() * 1_000_000) or None


def _words(error: BaseException) -> str:
    """One line of what the library says: the status, what the service adds to it, or what the network did."""
    text = str(error)
    status = re.search(r"status code: (\d{3}(?: [A-Z][A-Za-z-]*)*)", text)
    if status:
        code, message = re.search(r"<Code>([^<]+)</Code>", text), re.search(r"<Message>([^<]+)</Message>", text)
        details = ": ".join(match[1] for match in (code, message) if match)
        return f"{status[1]} ({details})" if details else status[1]
    what = _NO_ANSWER.search(text)
    if what:
        return {"TimedOut": "timed out"}.get(what[0], what[0])
    line = " ".join(text.partition("\n\nDebug source")[0].split())
    return re.sub(r"Error performing [A-Z]+ \S+ in \S+?(?:, | - |$)", "", line)[:300] or type(error).__name__
