"""Indexes asked with SQL: what a scan wrote, or a scan itself, as tables of a DuckDB in memory."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from fastdicom.scan.apart import Apart
from fastdicom.scan.columns import columns_of

if TYPE_CHECKING:
    from types import ModuleType

    import pyarrow as pa

    from fastdicom.scan._scan import Batch
    from fastdicom.scan.arrow import Scan

__all__ = ["Index", "is_index", "rows_of"]

_SUFFIXES: Final = frozenset({".parquet", ".arrow", ".arrows", ".feather", ".ipc", ".csv"})
_DATABASES: Final = frozenset({".sqlite", ".sqlite3", ".db"})
_ROWS_A_FETCH: Final = 4096
_SQL_TYPES: Final = {
    "int16": "BIGINT",
    "uint16": "BIGINT",
    "int32": "BIGINT",
    "uint32": "BIGINT",
    "int64": "BIGINT",
    "uint64": "UBIGINT",
    "float32": "DOUBLE",
    "float64": "DOUBLE",
    "date32": "DATE",
    "time64": "TIME",
    "timestamp": "TIMESTAMP",
}
_FILE_TYPES: Final = {"size": "BIGINT", "mtime": "TIMESTAMPTZ"}
# Nothing is fetched from anywhere, and Python variables are no tables.
_SETTINGS: Final = (
    "TimeZone = 'UTC'",
    "memory_limit = '1GB'",
    "preserve_insertion_order = true",
    "enable_progress_bar = false",
    "python_enable_replacements = false",
    "autoinstall_known_extensions = false",
    "autoload_known_extensions = false",
    "allow_community_extensions = false",
)


def is_index(path: object) -> bool:
    """Tell whether a path has the name of an index: a file, or a folder NAME.parquet of Parquet files.

    Raises
    ------
    ValueError
        It has that of a database, which would be scanned as if it were an image.
    """
    if not isinstance(path, (str, os.PathLike)):
        return False
    found = Path(os.fsdecode(path))
    if found.suffix.lower() in _DATABASES and found.is_file():
        raise ValueError(f"{found}: a database is asked in its own SQL; an index is a .parquet, .arrow or .csv file")
    return found.suffix.lower() in _SUFFIXES and (found.suffix.lower() == ".parquet" or not found.is_dir())


def rows_of(path: str | os.PathLike[str]) -> int | None:
    """Return how many rows a Parquet file says that it has; None where that cannot be told without reading it."""
    if Path(path).suffix.lower() != ".parquet":
        return None
    try:
        import pyarrow.parquet as pq

        return int(pq.read_metadata(path).num_rows)
    except (ImportError, OSError, ValueError):  # pyarrow's errors derive from these
        return None


class Index:
    """Tables in a DuckDB in memory. What does not fit into a gigabyte goes to a temporary folder, until `close`.

    Attributes
    ----------
    tables : dict
        From the name of each table to its columns, and from each column to its SQL type.

    Raises
    ------
    ModuleNotFoundError
        duckdb or pyarrow is not installed.
    """

    def __init__(self) -> None:
        self._duckdb = _module("duckdb")
        self._arrow = _module("pyarrow")
        self._spill = tempfile.mkdtemp(prefix="fastdicom-")
        self._readable: list[str] = []
        self._worker = Apart("fastdicom index")
        self._connection: Any = self._duckdb.connect(":memory:")
        for setting in (*_SETTINGS, f"temp_directory = {_quoted(self._spill)}"):
            self._connection.execute(f"SET {setting}")
        self.tables: dict[str, dict[str, str]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Drop everything."""
        self._worker.close()
        if not self._worker.is_lost:
            self._connection.close()
        shutil.rmtree(self._spill, ignore_errors=True)

    @property
    def columns(self) -> dict[str, str]:
        """The columns of the table ``files`` and their SQL types."""
        return self.tables["files"]

    def add_file(self, name: str, path: str | os.PathLike[str]) -> None:
        """Add an index that was written to a file (or, for Parquet, a folder of files) as a table.

        Raises
        ------
        OSError
            There is no such file, or it cannot be read.
        ValueError
            It is no index.
        """
        text = os.path.abspath(path)  # noqa: PTH100 a Path would drop what SQL needs not know
        suffix = Path(text).suffix.lower()
        if suffix not in _SUFFIXES:
            raise ValueError(f"{os.fspath(path)}: an index is a .parquet, .arrow or .csv file")
        if not Path(text).exists():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), os.fspath(path))
        Path(text).stat()
        try:
            if suffix == ".parquet":
                self._add_parquet(name, text)
            elif suffix == ".csv":
                self._add_csv(name, text)
            else:
                self._add_ipc(name, text)
        except (self._duckdb.Error, self._arrow.ArrowInvalid) as error:
            raise ValueError(f"{os.fspath(path)}: no index: {error}") from None

    def _add_parquet(self, name: str, path: str) -> None:
        is_folder = Path(path).is_dir()
        pattern = f"{_literal_glob(path)}/**/*.parquet" if is_folder else _literal_glob(path)
        self._readable.append(path + os.sep if is_folder else path)
        self.define(name, f"SELECT * FROM read_parquet({_quoted(pattern)}, union_by_name = true, hive_partitioning = false)")

    def _add_csv(self, name: str, path: str) -> None:
        self._readable.append(path)
        source = f"read_csv({_quoted(_literal_glob(path))}, header = true, all_varchar = true, delim = ',', quote = '\"', escape = '\"')"
        names = [row[0] for row in self.rows(f"DESCRIBE SELECT * FROM {source}")]
        parts = [f"{_csv_value(column)} AS {_identifier(column)}" for column in names]
        self.define(name, f"SELECT {', '.join(parts)} FROM {source}")

    def _add_ipc(self, name: str, path: str) -> None:
        arrow = self._arrow
        source = arrow.memory_map(path)
        try:
            file = arrow.ipc.open_file(source)
        except arrow.ArrowInvalid:  # not the file format: the stream
            self.add_batches(name, arrow.ipc.open_stream(path).schema, arrow.ipc.open_stream(path))
            return
        self.add_batches(name, file.schema, (file.get_batch(i) for i in range(file.num_record_batches)))

    def add_batches(self, name: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
        """Add record batches as a table; they are read in this thread, now."""
        schema = self._arrow.schema(schema)
        columns = ", ".join(f"{self._plain(field)} AS {_identifier(field.name)}" for field in schema)
        self._append(f"CREATE TABLE {_identifier(name)} AS SELECT {columns} FROM batch", schema.empty_table())
        for batch in batches:
            self._append(f"INSERT INTO {_identifier(name)} SELECT {columns} FROM batch", self._arrow.record_batch(batch))
        self._described(name)

    def add_scan(self, name: str, scan: Scan, batches: Iterable[Batch] | None = None) -> None:
        """Scan, and add the rows as a table.

        Parameters
        ----------
        name : str
            Of the table.
        scan : Scan
            What gives the columns.
        batches : iterable of Batch, optional
            Its batches, when somebody else looks at them on their way.
        """
        self.add_batches(name, self._arrow.schema(scan.schema), scan.batches() if batches is None else batches)

    def _append(self, sql: str, data: Any) -> None:
        if not isinstance(data, self._arrow.Table):
            data = self._arrow.Table.from_batches([data])

        def append() -> None:
            self._connection.register("batch", data)
            try:
                self._connection.execute(sql).fetchall()
            finally:
                self._connection.unregister("batch")

        self.wait(append)  # in the main thread DuckDB would make an error of an interrupt

    def _plain(self, field: pa.Field) -> str:
        """The SQL of a column without dictionaries: each batch may have its own."""
        types = self._arrow.types
        name = _identifier(field.name)
        if types.is_dictionary(field.type):
            return f"CAST({name} AS VARCHAR)"
        if types.is_list(field.type) and types.is_dictionary(field.type.value_type):
            return f"CAST({name} AS VARCHAR[])"
        return name

    def union(self, name: str, names: Sequence[str]) -> None:
        """Define a table as the rows of others, by the names of their columns."""
        self.define(name, " UNION ALL BY NAME ".join(f"SELECT * FROM {_identifier(other)}" for other in names))

    def define(self, name: str, sql: str) -> None:
        """Define a table as what a query gives."""
        self.wait(lambda: self._connection.execute(f"CREATE VIEW {_identifier(name)} AS {sql}").fetchall())
        self._described(name)

    def _described(self, name: str) -> None:
        self.tables[name] = {row[0]: row[1] for row in self.rows(f"DESCRIBE {_identifier(name)}")}

    def lock(self) -> None:
        """From now on no SQL opens another file than the indexes, nor changes a setting."""
        folders = [path for path in self._readable if path.endswith(os.sep)]
        files = [path for path in self._readable if not path.endswith(os.sep)]
        self._connection.execute(f"SET allowed_paths = [{', '.join(map(_quoted, files))}]")
        self._connection.execute(f"SET allowed_directories = [{', '.join(map(_quoted, [*folders, self._spill + os.sep]))}]")
        self._connection.execute("SET enable_external_access = false")
        self._connection.execute("SET lock_configuration = true")

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a query. Read them to the end before the next query."""
        cursor = self.wait(lambda: self._connection.execute(sql, list(parameters)))
        while found := self.wait(lambda: cursor.fetchmany(_ROWS_A_FETCH)):
            yield from found

    def value(self, sql: str) -> Any:
        """Return the only value of a query with one row."""
        [row] = self.rows(sql)
        return row[0]

    def stream(self, sql: str) -> pa.RecordBatchReader | None:
        """Run a query and return its result as an Arrow stream, to be read to the end; None when it has none."""
        relation = self.wait(lambda: self._connection.sql(sql))
        return None if relation is None else self.wait(lambda: self._arrow.RecordBatchReader.from_stream(relation))

    def wait(self, work: Callable[[], Any]) -> Any:
        """Do something with the database in its own thread, and wait for it so that an interrupt is noticed."""
        return self._worker.do(work, self._connection.interrupt)

    def statements(self, sql: str) -> list[tuple[str, str]]:
        """Return the statements of a text, each with its kind: SELECT, EXPLAIN, COPY …."""
        return [(str(statement.type).rpartition(".")[2], statement.query) for statement in self._connection.extract_statements(sql)]

    @property
    def error(self) -> type[Exception]:
        """What DuckDB raises."""
        kind: type[Exception] = self._duckdb.Error
        return kind


def _module(name: str) -> ModuleType:
    try:
        return __import__(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise ModuleNotFoundError(f"this needs {name}: pip install 'fastdicom-core[scan]'", name=name) from None


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _literal_glob(path: str) -> str:
    """A path in which a star is a star."""
    return "".join(f"[{char}]" if char in "*?[" else char for char in path)


def _csv_value(name: str) -> str:
    """The SQL that gives a column of comma-separated values its type back."""
    quoted = _identifier(name)
    kind, multiple = _FILE_TYPES.get(name, "VARCHAR"), False
    if name not in {"path", "error", "notes", *_FILE_TYPES}:
        try:
            column = columns_of([name])[0]
        except (ValueError, TypeError):
            return quoted
        kind, multiple = _SQL_TYPES.get(column.kind, "VARCHAR"), column.multiple
    if multiple:
        return f"TRY_CAST(string_split({quoted}, '\\') AS {kind}[])" if kind != "VARCHAR" else f"string_split({quoted}, '\\')"
    return quoted if kind == "VARCHAR" else f"TRY_CAST({quoted} AS {kind})"
