"""`fastdicom scan`: the heads of all files in folders as a table."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastdicom.cli.parsers import add_command
from fastdicom.cli.report import Reporter

if TYPE_CHECKING:
    from distributed import Client

    from fastdicom.scan import Scan
    from fastdicom.scan._scan import Batch
    from fastdicom.scan.update import Plan

DESCRIPTION = """Read the heads of all files in folders into a table: a row a file, a column a tag. What cannot be read is a row
with its error, and named on stderr; files that are no DICOM are counted. Without -o a table for people is printed on a
terminal, and comma-separated values into a pipe."""
EXAMPLES = """examples:
  fastdicom scan /data/archive -o index.parquet
  fastdicom scan /data/archive -o index.parquet --update     # tomorrow
  fastdicom scan /data/archive --to postgresql://me@server/archive --table instances
  fastdicom scan /data/archive -o index.csv -t PatientID -t StudyDate -t 0018,0050
  fastdicom scan . -t Modality | cut -d, -f5 | sort | uniq -c
  fastdicom scan . -t SharedFunctionalGroupsSequence/PixelMeasuresSequence/PixelSpacing -t transfer_syntax -t pixel_data_offset
  fastdicom scan . -t 'RequestAttributesSequence[*]/ScheduledProcedureStepID'
  fastdicom scan /shared/archive --dask tcp://head:8786 -o /shared/index.parquet
  fastdicom scan . -t '(0029,"SIEMENS CSA HEADER",08)'
  fastdicom scan s3://bucket/studies --requests 256 -o index.parquet
  fastdicom scan study.zip more.tar.gz /media/cd/DICOMDIR -o index.parquet
  fastdicom scan . --all -o long.parquet
  duckdb -c "SELECT value, count(*) FROM 'long.parquet' WHERE element LIKE '%/PixelSpacing' GROUP BY ALL"
  duckdb -c "SELECT Modality, count(*) FROM 'index.parquet' GROUP BY ALL"
"""
# What the table for people shows when nothing is asked for: what tells files apart, in as many columns as there is room.
SHOWN = ("Modality", "PatientID", "StudyDate", "SeriesNumber", "InstanceNumber", "Rows", "Columns", "SeriesDescription")
_TAG_HELP = (
    "what to extract, a column each; may be repeated: a keyword, a tag (0010,0020), a path into sequences, a private element by its "
    "creator, or of the file transfer_syntax, pixel_data_offset, pixel_data_length, offset_table_frames, last_tag"
)
_TO_CONNECT = 15  # seconds


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add the command to the program."""
    parser = add_command(subparsers, "scan", DESCRIPTION, EXAMPLES)
    parser.add_argument(
        "sources",
        metavar="DIR",
        nargs="+",
        help="a folder, which is walked, a file, an archive, a DICOMDIR, or s3://, gs://, az://, https://",
    )
    parser.add_argument("-t", "--tag", metavar="TAG", action="append", help=_TAG_HELP)
    parser.add_argument("--all", action="store_true", help="the long table: a row an element, those of sequences too")
    parser.add_argument("--value-limit", metavar="BYTES", type=int, help="longer values are left out of the long table (65536)")
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="write to FILE: .parquet, .arrow or .csv; it appears when it is complete; or .sqlite"
    )
    parser.add_argument("--update", action="store_true", help="read only what is not in FILE as it is now; .parquet and .arrow")
    parser.add_argument("--resume", action="store_true", help="go on where a scan into FILE was killed; .parquet and .arrow")
    parser.add_argument("--to", metavar="URI", help="write to a database: sqlite:///FILE or postgresql://USER@HOST/DATABASE")
    parser.add_argument("--table", metavar="NAME", help="the table of the database (instances); paths that it has are replaced")
    parser.add_argument("--threads", metavar="N", type=_positive, help="how many threads read (the cores; more on a network share)")
    parser.add_argument("--ordered", action="store_true", help="rows in the order of the folders and names (a table always is)")
    parser.add_argument("--no-recursive", dest="recursive", action="store_false", help="do not go into folders in folders")
    parser.add_argument("-f", "--force", action="store_true", help="read what has neither DICM nor group 0002 as a bare data set")
    parser.add_argument("--thorough", action="store_true", help="read on behind the last wanted tag, for elements out of order")
    parser.add_argument("--follow-links", action="store_true", help="follow links to folders")
    parser.add_argument("--path-bytes", action="store_true", help="one more column: the names as the system has them")
    parser.add_argument("--archives", action="store_true", help="open zip and tar archives that are met in folders")
    parser.add_argument("--requests", metavar="N", type=_positive, help="how many requests to a bucket at a time (64)")
    parser.add_argument(
        "--storage-option",
        metavar="KEY=VALUE",
        type=_key_value,
        action="append",
        default=[],
        help="for buckets: endpoint=URL, region=NAME, skip_signature=true, allow_http=true, timeout=SECONDS; may be repeated",
    )
    parser.add_argument(
        "--keep-text", action="store_true", help="one more column for each date or time: its text, where it is no valid one"
    )
    parser.add_argument(
        "--dask",
        metavar="ADDRESS",
        help="scan on the workers of a Dask scheduler; -o FILE.parquet is a folder of files then",
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress and no summary on stderr")
    parser.set_defaults(run=run, parser=parser)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1")
    return int(text)


def _key_value(text: str) -> tuple[str, str | bool]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    return key, {"true": True, "false": False}.get(value.lower(), value) if key.startswith("allow_") else value


def run(args: argparse.Namespace) -> int:
    """Scan; 0: all was read, 1: something could not be opened or read (named on stderr)."""
    if not args.dask:
        return _run(args, None)
    if args.update or args.resume:
        args.parser.error("--update and --resume are for scans without --dask, whose workers read everything")
    try:
        from distributed import Client

        client = Client(args.dask, timeout=_TO_CONNECT, set_as_default=False)
    except ModuleNotFoundError as error:
        if error.name != "distributed":
            raise
        print("fastdicom: --dask needs distributed: pip install 'fastdicom-core[dask]'", file=sys.stderr)
        return 1
    except (OSError, ValueError) as error:
        print(f"fastdicom: --dask {args.dask}: {error}", file=sys.stderr)
        return 1
    with client:
        return _run(args, client)


def _run(args: argparse.Namespace, client: Client | None) -> int:
    import fastdicom.scan as room

    kind = _kind(args)
    tags = args.tag if args.tag or args.all or kind != "table" else SHOWN
    if args.all and args.tag:
        args.parser.error("--all takes every element: leave -t out, and choose in SQL")
    if args.value_limit is not None and not args.all:
        args.parser.error("--value-limit is for --all")
    try:
        scan = room.Scan(
            args.sources,
            tags,
            threads=args.threads,
            ordered=args.ordered or kind == "table",
            recursive=args.recursive,
            force=args.force,
            thorough=args.thorough,
            follow_links=args.follow_links,
            path_bytes=args.path_bytes,
            archives=args.archives,
            storage_options=dict(args.storage_option),
            **({} if args.requests is None else {"requests": args.requests}),
            keep_text=args.keep_text,
            elements=args.all,
            value_limit=room.VALUE_LIMIT if args.value_limit is None else args.value_limit,
            client=client,
        )
        goal = None
        if kind == "database":
            from fastdicom.scan import database

            goal = database.target_of(args.to or args.output, args.table)
    except ValueError as error:
        args.parser.error(str(error))
    reporter = Reporter(
        scan, args.quiet, sources=args.sources, recursive=args.recursive, follow_links=args.follow_links, expected=_rows_before(args.output)
    )
    try:
        if goal is not None:
            database.write(scan, goal, reporter.watched())
        else:
            scan.plan = _plan(scan, kind, args)
            _write(scan, kind, args.output, reporter, scan.plan)
    except BrokenPipeError:
        raise
    except (OSError, ModuleNotFoundError) as error:
        reporter.clear()
        name = f"{args.output}: " if args.output and goal is None else ""
        print(f"fastdicom: {name}{(isinstance(error, OSError) and error.strerror) or error}", file=sys.stderr)
        return 1
    reporter.summary()
    return 1 if scan.counts.failed else 0


def _rows_before(output: str | None) -> int | None:
    """How many rows the index has that is to be replaced: a first guess at the number of files."""
    if not output or not sys.stderr.isatty() or not Path(output).is_file():
        return None
    from fastdicom.scan.index import rows_of

    return rows_of(output)


def _kind(args: argparse.Namespace) -> str:
    """What comes out: parquet, ipc, csv, database, or a table for people."""
    suffix = Path(args.output or "").suffix.lower()
    if (args.update or args.resume) and suffix not in (".parquet", ".arrow", ".feather", ".ipc"):
        args.parser.error("--update and --resume need -o with a name that ends in .parquet or .arrow")
    if args.to and args.output:
        args.parser.error("-o and --to: one of them")
    if args.to or suffix in (".sqlite", ".sqlite3", ".db"):
        return "database"
    if args.table:
        args.parser.error("--table is for a database: --to, or -o with a name that ends in .sqlite")
    if not args.output:
        return "table" if sys.stdout.isatty() else "csv"
    kind = suffix.lstrip(".")
    if kind in ("arrow", "feather", "ipc"):
        return "ipc"
    if kind not in ("parquet", "csv"):
        args.parser.error(f"-o {args.output}: the name ends in .parquet, .arrow (.feather, .ipc), .csv or .sqlite (.db)")
    return kind


def _plan(scan: Scan, kind: str, args: argparse.Namespace) -> Plan | None:
    """What can be taken from an earlier scan, for files that can be brought up to date."""
    if kind not in ("parquet", "ipc") or (kind == "parquet" and scan.client is not None):
        return None
    from fastdicom.scan import update

    def say(text: str) -> None:
        print(f"fastdicom: {text}", file=sys.stderr)

    return update.prepare(scan, args.output, kind, update=args.update, resume=args.resume, say=say)


def _write(scan: Scan, kind: str, output: str | None, reporter: Reporter, plan: Plan | None) -> None:
    from fastdicom.scan import table, update

    batches = reporter.watched()
    if kind == "parquet" and output and scan.client is not None:
        scan.to_parts(output, progress=reporter.progress, failed=reporter.failed)
    elif plan is not None and output:
        update.written(scan, output, batches, plan, kind)
    elif kind == "csv":
        if output:
            table.write_csv(scan, output, batches)
            return
        # The program decides how its output is encoded: names are UTF-8, and lines end as RFC 4180 says.
        with open(sys.stdout.fileno(), "w", encoding="utf-8", newline="", closefd=False) as file:
            table.write_csv(scan, file, batches)
    else:
        _print_table(scan, batches, reporter)


def _print_table(scan: Scan, batches: Iterator[Batch], reporter: Reporter) -> None:
    from fastdicom.scan.table import TextTable

    names = scan.schema.names
    wanted = [0, names.index("error"), *range(4, 4 + len(scan.columns)), names.index("notes")]
    if scan.elements:
        wanted = [names.index(name) for name in ("path", "error", "element", "vr", "length", "value", "notes")]
    table = TextTable([names[i] for i in wanted], shutil.get_terminal_size().columns)
    for batch in batches:
        reporter.clear()
        for line in table.lines([row[i] for i in wanted] for row in batch.rows()):
            print(line)
    reporter.clear()
    for line in table.flush():
        print(line)
