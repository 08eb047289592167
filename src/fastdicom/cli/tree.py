"""`fastdicom tree`: patients, studies and series of an index or a folder."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from fastdicom.cli.parsers import add_command
from fastdicom.cli.report import Reporter, one_line, size_text

if TYPE_CHECKING:
    from fastdicom.scan import Patient, Series, Study, Tree

DESCRIPTION = """Print patients, their studies and the series in these as a tree, with dates, descriptions, modalities, the number of
instances and their size. An index (.parquet, .arrow or .csv, from fastdicom scan) is read; a folder is scanned."""
EXAMPLES = """examples:
  fastdicom tree index.parquet
  fastdicom tree /data/archive
  fastdicom tree index.parquet --depth 2 --limit 10
  fastdicom tree index.parquet --uids
  fastdicom tree index.parquet --json | jq '.patients[0]'
"""
_LIMIT = 100  # on a terminal
_LINES = {True: ("├── ", "└── ", "│   ", "…"), False: ("|-- ", "`-- ", "|   ", "...")}


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add the command to the program."""
    parser = add_command(subparsers, "tree", DESCRIPTION, EXAMPLES)
    parser.add_argument("source", metavar="INDEX|DIR", help="an index, or a folder, which is scanned")
    parser.add_argument("--depth", metavar="N", type=int, choices=(1, 2, 3), default=3, help="1: patients, 2: and studies, 3: and series")
    parser.add_argument("--limit", metavar="N", type=number, help=f"show N of each level, 0: all ({_LIMIT} on a terminal, else all)")
    parser.add_argument("--uids", action="store_true", help="show the UIDs of studies and series")
    parser.add_argument("-j", "--json", action="store_true", help="the whole tree as JSON")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress and no summary on stderr")
    parser.set_defaults(run=run, parser=parser)


def number(text: str) -> int:
    """The argument of an option that counts."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Print the tree; 0: all was read, 1: something could not be opened or read (named on stderr)."""
    import fastdicom.scan as room
    from fastdicom.scan import hierarchy
    from fastdicom.scan.index import is_index

    failed = 0
    try:
        with ExitStack() as stack:
            if is_index(args.source):
                index = hierarchy.opened(args.source, (), stack)
            else:
                scan = room.Scan(args.source, hierarchy.TREE_TAGS)
                reporter = Reporter(scan, args.quiet, sources=[args.source])
                index = hierarchy.opened(scan, (), stack, reporter.watched())
                reporter.summary()
                failed = scan.counts.failed
            found = room.tree(index)
    except BrokenPipeError:
        raise
    except (OSError, ValueError, ModuleNotFoundError) as error:
        return complain(args.source, error)
    if args.json:
        json.dump(_as_json(found), sys.stdout, indent=1, ensure_ascii=False)
        print()
    else:
        _print(found, args)
    return 1 if failed else 0


def complain(source: str, error: Exception) -> int:
    """Say why a source could not be read; the exit status."""
    text = (isinstance(error, OSError) and error.strerror) or str(error)
    print(f"fastdicom: {text}" if source in text else f"fastdicom: {one_line(source)}: {text}", file=sys.stderr)
    return 1


def _as_json(found: Tree) -> dict[str, Any]:
    return asdict(found)


def _print(found: Tree, args: argparse.Namespace) -> None:
    is_terminal = sys.stdout.isatty()
    limit = args.limit if args.limit is not None else _LIMIT if is_terminal else 0
    width = shutil.get_terminal_size().columns if is_terminal else 0
    can_draw = draws(sys.stdout.encoding)
    for line in lines(found, depth=args.depth, limit=limit, uids=args.uids, can_draw=can_draw):
        print(line if not width or len(line) <= width else line[: width - 1] + ("…" if can_draw else "~"))


def draws(encoding: str | None) -> bool:
    """Whether an output in that encoding can show lines."""
    try:
        "".join(_LINES[True]).encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def lines(found: Tree, *, depth: int = 3, limit: int = 0, uids: bool = False, can_draw: bool = True) -> Iterator[str]:
    """The lines of a tree, the totals last."""
    marks = _LINES[can_draw]
    show = one_line if can_draw else _ascii
    for patient in _some(found.patients, limit):
        yield show(_patient_line(patient))
        if depth > 1:
            yield from (show(line) for line in _below(patient.studies, depth, limit, uids, marks, ""))
    if limit and len(found.patients) > limit:
        yield show(f"{marks[3]} and {len(found.patients) - limit:,} more patients")
    yield _totals(found)


def _below(items: Sequence[Any], depth: int, limit: int, uids: bool, marks: Sequence[str], indent: str) -> Iterator[str]:
    branch, last, pass_by, dots = marks
    shown = _some(items, limit)
    for i, item in enumerate(shown):
        is_last = i == len(items) - 1
        is_study = hasattr(item, "series")
        yield indent + (last if is_last else branch) + (_study_line(item, uids) if is_study else _series_line(item, uids))
        if is_study and depth > 2:
            yield from _below(item.series, depth, limit, uids, marks, indent + ("    " if is_last else pass_by))
    if len(items) > len(shown):
        what = "studies" if hasattr(items[0], "series") else "series"
        yield f"{indent}{last}{dots} and {len(items) - len(shown):,} more {what}"


def _some(items: Sequence[Any], limit: int) -> Sequence[Any]:
    return items[:limit] if limit else items


def _patient_line(patient: Patient) -> str:
    about = [patient.id or "(no Patient ID)", patient.name, patient.birth_date, patient.sex]
    return _joined(*about, f"[{_many(len(patient.studies), 'study', 'studies')}, {_content(patient)}]")


def _study_line(study: Study, uids: bool) -> str:
    accession = f"accession {study.accession}" if study.accession else None
    head = [study.date or "(no date)", study.description or (f"study {study.id}" if study.id else None), accession]
    return _joined(*head, study.uid if uids else None, f"[{_many(len(study.series), 'series', 'series')}, {_content(study)}]")


def _series_line(series: Series, uids: bool) -> str:
    about = ["-" if series.number is None else str(series.number), series.modality or "(no modality)", series.description]
    return _joined(*about, series.uid if uids else None, f"[{_content(series)}]")


def _joined(*parts: str | None) -> str:
    return "  ".join(part for part in parts if part)


def _many(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"


def _content(level: Patient | Study | Series) -> str:
    text = _many(level.instances, "instance", "instances")
    if level.files != level.instances:
        text += f" in {_many(level.files, 'file', 'files')}"
    return f"{text}, {size_text(level.size)}"


def _totals(found: Tree) -> str:
    studies = [study for patient in found.patients for study in patient.studies]
    parts = [
        _many(len(found.patients), "patient", "patients"),
        _many(len(studies), "study", "studies"),
        _many(sum(len(study.series) for study in studies), "series", "series"),
        _many(sum(study.instances for study in studies), "instance", "instances"),
        size_text(sum(study.size for study in studies)),
    ]
    if found.left_out:
        parts.append(f"{_many(found.left_out, 'other file', 'other files')} left out")
    return ", ".join(parts)


def _ascii(text: str) -> str:
    return one_line(text).encode("ascii", "backslashreplace").decode("ascii")
