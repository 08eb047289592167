"""`fastdicom query`: SQL over indexes, by DuckDB."""

from __future__ import annotations

import argparse
import csv
import json
import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

from fastdicom.cli.parsers import add_command
from fastdicom.cli.tree import complain

if TYPE_CHECKING:
    import pyarrow as pa

    from fastdicom.scan import Index

DESCRIPTION = """Ask an index (.parquet, .arrow or .csv, from fastdicom scan) with the SQL of DuckDB. The table is named files; of several
indexes it has the rows of all, and NAME=INDEX makes a table NAME as well. The answer is a table on a terminal, and comma-separated
values in a pipe. SQL reads the indexes and no other file, and writes none; --allow-files lifts that."""
EXAMPLES = """examples:
  fastdicom query index.parquet "SELECT Modality, count(*) FROM files GROUP BY ALL ORDER BY 2 DESC"
  fastdicom query index.parquet "DESCRIBE files"
  fastdicom query index.parquet "SELECT path FROM files WHERE error IS NOT NULL" > unread.csv
  fastdicom query index.parquet "SELECT * FROM files WHERE Modality = 'MR'" -o mr.parquet
  fastdicom query old=index.parquet new=index.csv "SELECT path FROM new EXCEPT SELECT path FROM old"
  echo "SELECT count(*) FROM files" | fastdicom query index.parquet - --json

exit status: 0, 1 when an index cannot be read or the answer cannot be written, 2 when DuckDB finds a mistake in the SQL
"""
# Statements that read or write nothing but the tables. COPY could write over the index itself, which must stay readable.
_HARMLESS = frozenset(
    {"SELECT", "EXPLAIN", "MULTI", "PRAGMA", "CALL", "SET", "VARIABLE_SET", "CREATE", "DROP", "INSERT", "UPDATE", "DELETE"}
)
_NAMED = re.compile(r"([A-Za-z_]\w*)=(.+)", re.DOTALL)


class _SQLError(Exception):
    """What DuckDB says against the SQL, and what SQL may not do."""


class _Answer(NamedTuple):
    names: list[str]
    rows: Iterator[tuple[Any, ...]]
    is_plan: bool


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add the command to the program."""
    parser = add_command(subparsers, "query", DESCRIPTION, EXAMPLES)
    parser.add_argument("indexes", metavar="INDEX", nargs="+", help="an index, or NAME=INDEX")
    parser.add_argument("sql", metavar="SQL", help="one or more statements, the last of which is answered; - reads standard input")
    parser.add_argument("-o", "--output", metavar="FILE", help="write to FILE: .parquet or .csv; it appears when it is complete")
    parser.add_argument("-j", "--json", action="store_true", help="a JSON object a row, a line each")
    parser.add_argument("--allow-files", action="store_true", help="let SQL read and write other files, and fetch extensions of DuckDB")
    parser.set_defaults(run=run, parser=parser)


def run(args: argparse.Namespace) -> int:
    """Answer; 0: done, 1: something could not be read or written, 2: a mistake in the SQL."""
    from fastdicom.scan import Index

    if args.output and Path(args.output).suffix.lower() not in (".parquet", ".csv"):
        args.parser.error(f"-o {args.output}: the name ends in .parquet or .csv")
    if args.output and args.json:
        args.parser.error("--json is for standard output, -o for a file")
    sql = sys.stdin.read() if args.sql == "-" else args.sql
    try:
        with Index() as index:
            _add(index, args.indexes)
            if not args.allow_files:
                index.lock()
            _answer(index, sql, args)
    except BrokenPipeError:
        raise
    except _SQLError as error:
        print(f"fastdicom: {error}", file=sys.stderr)
        return 2
    except (OSError, ValueError, ModuleNotFoundError) as error:
        return complain(args.output or ", ".join(args.indexes), error)
    return 0


def _add(index: Index, sources: Iterable[str]) -> None:
    names = []
    for i, source in enumerate(sources):
        match = None if Path(source).exists() else _NAMED.fullmatch(source)
        name, path = match.groups() if match else (f"files_{i + 1}", source)
        if name in index.tables or name == "files":
            raise ValueError(f"{source}: there is a table {name} already")
        if Path(path).is_dir() and Path(path).suffix.lower() != ".parquet":
            raise ValueError(f"{path}: a folder is no index; make one: fastdicom scan {path} -o index.parquet")
        index.add_file(name, path)
        names.append(name)
    index.union("files", names)


def _answer(index: Index, sql: str, args: argparse.Namespace) -> None:
    try:
        statements = index.statements(sql)
    except index.error as error:
        raise _SQLError(str(error)) from None
    if not statements:
        raise _SQLError("there is no SQL")
    for kind, text in statements:
        is_hidden = kind in {"EXPLAIN", "MULTI"} and re.search(r"\b(copy|export)\b", text, re.IGNORECASE)
        if not args.allow_files and (kind not in _HARMLESS or is_hidden):
            raise _SQLError(f"{kind} is for other files or settings: -o FILE writes the answer, --allow-files lifts this")
    for _, text in statements[:-1]:
        for _ in _run(index, text).rows:
            pass
    kind, text = statements[-1]
    if args.output and args.output.lower().endswith(".parquet"):
        _write_parquet(index, text, args.output)
        return
    answer = _run(index, text)._replace(is_plan=kind == "EXPLAIN")
    if args.output:
        from fastdicom.scan.output import replacing

        with replacing(args.output) as name, open(name, "w", encoding="utf-8", newline="") as file:
            _write_csv(answer, file)
    else:
        _show(answer, args.json)


def _batches(index: Index, sql: str) -> tuple[list[str], Iterator[pa.RecordBatch], pa.Schema | None]:
    """Names, record batches and schema; what DuckDB has to say becomes an error about SQL."""
    import pyarrow as pa

    try:
        reader = index.stream(sql)
    except (index.error, pa.ArrowException) as error:
        raise _SQLError(str(error)) from None
    if reader is None:
        return [], iter(()), None

    def read() -> Iterator[pa.RecordBatch]:
        try:
            while True:
                batch = index.wait(lambda: next(reader, None))
                if batch is None:
                    return
                yield batch
        except (index.error, pa.ArrowException, OSError) as error:
            raise _SQLError(str(error)) from None

    return list(reader.schema.names), read(), reader.schema


def _run(index: Index, sql: str) -> _Answer:
    names, batches, _ = _batches(index, sql)
    rows = (row for batch in batches for row in zip(*(column.to_pylist() for column in batch.columns), strict=True))
    return _Answer(names, rows, False)


def _write_parquet(index: Index, sql: str, output: str) -> None:
    import pyarrow.parquet as pq

    from fastdicom.scan.output import replacing

    _, batches, schema = _batches(index, sql)
    if schema is None:
        raise _SQLError("the last statement has no answer to write")
    with replacing(output) as name, pq.ParquetWriter(name, schema, compression="zstd") as writer:
        for batch in batches:
            writer.write_batch(batch)


def _text(value: object) -> str:
    from fastdicom.scan.table import cell_text

    if isinstance(value, dict) or (isinstance(value, list) and any(isinstance(item, (dict, list)) for item in value)):
        return json.dumps(value, ensure_ascii=False, default=cell_text)
    return cell_text(value)


def _json_value(value: object) -> object:
    if isinstance(value, Decimal):  # what sum() of integers is to DuckDB
        return int(value) if value == value.to_integral_value() else float(value)
    return _text(value)


def _write_csv(answer: _Answer, file: TextIO) -> None:
    writer = csv.writer(file, lineterminator="\r\n")
    if answer.names:
        writer.writerow(answer.names)
    writer.writerows([_text(value) for value in row] for row in answer.rows)


def _show(answer: _Answer, as_json: bool) -> None:
    from fastdicom.scan.table import TextTable

    if as_json:
        for row in answer.rows:
            print(json.dumps(dict(zip(answer.names, row, strict=True)), ensure_ascii=False, default=_json_value))
    elif answer.is_plan:
        for row in answer.rows:
            print(row[-1])
    elif not sys.stdout.isatty():
        # The program decides how its output is encoded: names are UTF-8, and lines end as RFC 4180 says.
        with open(sys.stdout.fileno(), "w", encoding="utf-8", newline="", closefd=False) as file:
            _write_csv(answer, file)
    elif answer.names:
        paths = [i for i, name in enumerate(answer.names) if name == "path"]
        table = TextTable(answer.names, shutil.get_terminal_size().columns, cut_front=paths, keep_empty=True)
        for line in table.lines([_text(value) for value in row] for row in answer.rows):
            print(line)
        for line in table.flush():
            print(line)
