"""Scans in databases: SQLite and PostgreSQL, through ADBC."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from fastdicom.scan import parquet
from fastdicom.scan.apart import Apart

if TYPE_CHECKING:
    from types import ModuleType

    import pyarrow as pa

    from fastdicom.scan._scan import Batch
    from fastdicom.scan.arrow import Counts, Scan

__all__ = ["SQLITE_SUFFIXES", "TABLE", "TableError", "Target", "target_of", "write"]

#: Names that say that a file is an SQLite database.
SQLITE_SUFFIXES: Final = (".sqlite", ".sqlite3", ".db")

#: The table that is written when none is named.
TABLE: Final = "instances"

_STAGING: Final = "fastdicom_staging"
_LONGEST_NAME: Final = 63  # bytes of a name in PostgreSQL, which cuts longer ones
_BUSY: Final = 60_000  # milliseconds to wait for another writer of an SQLite file
_TYPES: Final = {  # of Arrow -> SQLite, PostgreSQL
    "int16": ("INTEGER", "smallint"),
    "uint16": ("INTEGER", "integer"),
    "int32": ("INTEGER", "integer"),
    "uint32": ("INTEGER", "bigint"),
    "int64": ("INTEGER", "bigint"),
    "uint64": ("TEXT", "numeric"),  # SQLite's integers have 63 bits
    "float": ("REAL", "real"),
    "double": ("REAL", "double precision"),
    "string": ("TEXT", "text"),
    "binary": ("BLOB", "bytea"),
    "date32[day]": ("TEXT", "date"),
    "time64[us]": ("TEXT", "time"),
    "timestamp[us]": ("TEXT", "timestamp"),
    "timestamp[us, tz=UTC]": ("TEXT", "timestamptz"),
}


class TableError(OSError, ValueError):
    """The table is there and has other columns."""


class Target:
    """Where rows go: a database and a table in it.

    Attributes
    ----------
    kind : str
        ``sqlite`` or ``postgresql``.
    address : str
        What the driver takes.
    table : str
        The name of the table.
    """

    def __init__(self, kind: str, address: str, table: str, shown: str) -> None:
        if not table or "\0" in table:
            raise ValueError(f"{table!r} is no name of a table")
        if kind == "postgresql" and len(table.encode("utf-8", "replace")) > _LONGEST_NAME:
            raise ValueError(f"the name of the table has more than {_LONGEST_NAME} bytes, which PostgreSQL would cut: {table!r}")
        self.kind = kind
        self.address = address
        self.table = table
        self._shown = shown

    def __str__(self) -> str:
        """The database for people: never with a password."""
        return self._shown


def target_of(uri: str | os.PathLike[str], table: str | None = None) -> Target:
    """Return where a URI, or the name of an SQLite file, leads.

    Raises
    ------
    ValueError
        It is none.
    """
    text = os.fspath(uri)
    scheme, separator, rest = text.partition("://")
    if not separator:
        if Path(text).suffix.lower() in SQLITE_SUFFIXES:
            return Target("sqlite", text, TABLE if table is None else table, text)
    elif scheme == "sqlite":
        if rest.startswith("/") and len(rest) > 1:
            return Target("sqlite", rest[1:], TABLE if table is None else table, rest[1:])
    elif scheme in ("postgresql", "postgres"):
        parts = urlsplit(text)
        pairs = parse_qsl(parts.query, keep_blank_values=True)
        named = [value for name, value in pairs if name == "table"]
        # quote, not quote_plus: libpq takes a plus sign for one
        query = urlencode([(name, value) for name, value in pairs if name != "table"], quote_via=quote)
        shown = urlunsplit(("postgresql", parts.netloc.rpartition("@")[2], parts.path, "", ""))
        address = urlunsplit(("postgresql", parts.netloc, parts.path, query, ""))
        return Target("postgresql", address, table or (named[-1] if named else TABLE), shown)
    names = ", ".join(SQLITE_SUFFIXES)
    raise ValueError(f"{_without_password(text)!r} is no database: sqlite:///FILE, postgresql://USER@HOST/DATABASE, or a file {names}")


def write(scan: Scan, target: Target, batches: Iterable[Batch]) -> Counts:
    """Write batches to a table, keyed by path, and return the counts of the scan.

    Each transaction has some ten thousand rows and is whole or not there. A path that is in the table already is replaced. An SQLite
    file into which nothing was written, because of an interrupt or an error, is not left behind.

    Raises
    ------
    OSError
        The database cannot be reached, or refuses.
    ValueError
        The table has other columns, or this is the long table, of which a path is no key.
    """
    if scan.elements:
        raise TableError("the long table has many rows a path, and a database is keyed by path: write it to a .parquet file")
    schema = parquet.plain(parquet.schema_of(scan))
    with _nothing_empty(target), _failures(target), _connected(target) as (connection, thread):
        writer = _Writer(connection, thread, target, schema)
        thread.do(writer.look, writer.stop)
        for chunk in parquet.chunks(batches, schema):
            writer.append(chunk)
        thread.do(writer.create, writer.stop)
    return scan.counts


class _Writer:
    """The statements for one table."""

    def __init__(self, connection: Any, thread: Apart, target: Target, schema: pa.Schema) -> None:
        self._connection = connection
        self._thread = thread
        self._is_there = False
        self._target = target
        self._sqlite = target.kind == "sqlite"
        self._table = _quoted(target.table)
        self._names = [name if self._sqlite else _short(name) for name in schema.names]
        columns = [f"{_quoted(name)} {self._type(field.type)}" for name, field in zip(self._names, schema, strict=True)]
        columns[0] += " PRIMARY KEY"
        self._definition = ", ".join(columns)

    def _type(self, kind: Any) -> str:
        if parquet.pyarrow().types.is_list(kind):
            return "TEXT" if self._sqlite else self._type(kind.value_type) + "[]"
        return _TYPES[str(kind)][0 if self._sqlite else 1]

    def _go_on(self) -> None:
        if self._thread.is_stopping:  # somebody has raised that already
            raise KeyboardInterrupt

    def _execute(self, sql: str) -> list[str]:
        self._go_on()
        with self._connection.cursor() as cursor:
            cursor.execute(sql)
            return [column[0] for column in cursor.description or ()]

    def look(self) -> None:
        """See that a table that is there has the same columns, before anything is read. A server is asked to make one as well."""
        if self._sqlite:
            self._execute(f"PRAGMA busy_timeout = {_BUSY}")
            # The table of a new file is made together with its first rows: an interrupt must not leave an empty one.
            with self._connection.cursor() as cursor:
                cursor.execute(f"PRAGMA table_info({self._table})")
                self._is_there = cursor.fetchone() is not None
        else:
            self._make()
        found = self._execute(f"SELECT * FROM {self._table} LIMIT 0") if self._is_there else self._names
        if set(found) != set(self._names):
            other = sorted(set(found) ^ set(self._names))
            raise TableError(
                f"the table {self._target.table} of {self._target} has other columns than this scan ({', '.join(other)}): "
                "name another table, or ask for the same tags"
            )
        self._connection.commit()

    def create(self) -> None:
        """Make the table, if no rows have."""
        self._make()
        self._connection.commit()

    def _make(self) -> None:
        if not self._is_there:
            self._execute(f"CREATE TABLE IF NOT EXISTS {self._table} ({self._definition})")
            self._is_there = True

    def append(self, rows: pa.Table) -> None:
        """Add rows in a transaction of their own."""
        columns = [_for_sqlite(column) if self._sqlite else _for_postgresql(column) for column in rows.columns]
        staged = parquet.pyarrow().table(columns, names=self._names)
        self._thread.do(lambda: self._insert(staged), self.stop)

    def stop(self) -> None:
        """End the statement that runs: it may wait for somebody who has locked the table."""
        with suppress(Exception):  # SQLite's driver cannot, a server may have ended the statement already
            self._connection.adbc_cancel()

    def _insert(self, staged: pa.Table) -> None:
        self._make()
        names = ", ".join(map(_quoted, self._names))
        with self._connection.cursor() as cursor:
            cursor.adbc_ingest(_STAGING, staged, mode="create", temporary=True)
        if self._sqlite:
            self._execute(f"INSERT OR REPLACE INTO main.{self._table} ({names}) SELECT {names} FROM temp.{_STAGING}")
        else:
            key, *rest = map(_quoted, self._names)
            change = ", ".join(f"{name} = EXCLUDED.{name}" for name in rest)
            # In the order of the key, so that two scans at once wait for each other and never in a circle.
            self._execute(
                f"INSERT INTO {self._table} ({names}) SELECT DISTINCT ON ({key}) {names} FROM pg_temp.{_STAGING} ORDER BY {key}"
                f" ON CONFLICT ({key}) DO UPDATE SET {change}"
            )
        self._execute(f"DROP TABLE {'temp' if self._sqlite else 'pg_temp'}.{_STAGING}")
        self._go_on()
        self._connection.commit()


def _for_sqlite(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """SQLite has numbers, text and bytes: several values are one text with backslashes, as DICOM writes them."""
    arrow = parquet.pyarrow()
    if arrow.types.is_list(column.type):
        return arrow.chunked_array([_with_backslashes(chunk) for chunk in column.chunks], type=arrow.string())
    if arrow.types.is_time(column.type) or arrow.types.is_uint64(column.type):
        return column.cast(arrow.string())
    return column


def _with_backslashes(lists: pa.ListArray) -> pa.Array:
    arrow = parquet.pyarrow()
    import pyarrow.compute as pc

    kind = lists.type.value_type
    if arrow.types.is_binary(kind):
        texts = arrow.array([None if item is None else item.hex() for item in lists.values.to_pylist()], arrow.string())
    else:
        texts = lists.values.cast(arrow.string())
    joined = pc.binary_join(arrow.ListArray.from_arrays(lists.offsets, pc.fill_null(texts, "")), "\\")
    return pc.if_else(lists.is_valid(), joined, arrow.scalar(None, arrow.string()))


def _for_postgresql(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """PostgreSQL has no NUL in text and no unsigned integers."""
    arrow = parquet.pyarrow()
    import pyarrow.compute as pc

    if arrow.types.is_uint64(column.type):
        return column.cast(arrow.decimal128(20, 0))
    if arrow.types.is_string(column.type):
        return pc.replace_substring(column, "\0", "\ufffd")
    if arrow.types.is_list(column.type):
        inner = column.type.value_type
        if arrow.types.is_uint64(inner):
            return column.cast(arrow.list_(arrow.decimal128(20, 0)))
        if arrow.types.is_string(inner):
            lists = column.combine_chunks()
            lists = arrow.concat_arrays(lists.chunks) if isinstance(lists, arrow.ChunkedArray) else lists
            values = pc.replace_substring(lists.values, "\0", "\ufffd")
            return arrow.chunked_array([arrow.ListArray.from_arrays(lists.offsets, values, mask=lists.is_null())])
    return column


@contextmanager
def _connected(target: Target) -> Iterator[tuple[Any, Apart]]:
    """Yield a connection and the thread to use it in; what was not committed when it ends has never been."""
    driver = _driver(target.kind)
    thread = Apart("fastdicom database")
    connection = None
    try:
        connection = thread.do(lambda: driver.connect(target.address))
        yield connection, thread
    finally:
        if connection is not None and not thread.is_lost:
            with suppress(driver.Error):  # the server is gone: the first error says it
                thread.do(connection.close)
        thread.close()


@contextmanager
def _nothing_empty(target: Target) -> Iterator[None]:
    """Remove the empty file that SQLite has made, if what follows fails."""
    path = Path(target.address)
    is_new = target.kind == "sqlite" and not path.exists()
    try:
        yield
    except BaseException:
        with suppress(OSError):
            if is_new and path.stat().st_size == 0:
                path.unlink()
        raise


def _driver(kind: str) -> ModuleType:
    parquet.pyarrow()
    name = f"adbc_driver_{kind}"
    try:
        found: ModuleType = __import__(f"{name}.dbapi", fromlist=["dbapi"])
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("adbc_driver"):
            raise
        cure = f"this needs {name.replace('_', '-')}: pip install 'fastdicom-core[database]'"
        raise ModuleNotFoundError(cure, name=error.name) from None
    return found


@contextmanager
def _failures(target: Target) -> Iterator[None]:
    """What the driver raises, as an OSError that names the database."""
    driver = _driver(target.kind)
    try:
        yield
    except driver.Error as error:
        text = " ".join(str(error).split())
        raise OSError(f"{target}: {text}") from None


def _short(name: str) -> str:
    """A name that PostgreSQL does not cut: of a long one the beginning, and a hash of the whole."""
    raw = name.encode()
    if len(raw) <= _LONGEST_NAME:
        return name
    return raw[:52].decode("utf-8", "ignore") + "…" + hashlib.sha256(raw).hexdigest()[:8]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _without_password(uri: str) -> str:
    scheme, separator, rest = uri.partition("://")
    return scheme + separator + rest.rpartition("@")[2]
