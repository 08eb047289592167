"""`fastdicom check`: what is wrong in a folder or an index."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from fastdicom.cli.parsers import add_command
from fastdicom.cli.report import Reporter, one_line
from fastdicom.cli.tree import complain

if TYPE_CHECKING:
    from fastdicom.scan import Report

DESCRIPTION = """Look for what is wrong: empty, unreadable and truncated files, images without pixel data or with less than their header
says, instances that are there twice, series whose files name different patients or studies, missing slices, missing UIDs. What may
be in order is called a hint: repairs while reading, gaps in the instance numbers, positions with fewer images than the others. A
folder is read, each file to its end; of an index (.parquet, .arrow or .csv) only what it tells is judged."""
EXAMPLES = """examples:
  fastdicom check /data/archive
  fastdicom check /data/archive --no-hints --no-compare
  fastdicom check index.parquet --all
  fastdicom check index.parquet --json | jq '.findings[].text'

exit status: 0 nothing was found, 1 something was found or could not be read, 2 wrong usage
"""
_FINDINGS, _FILES = 10, 3  # shown of a kind, and of a finding, without --all
_TITLES = {
    "empty": "empty files",
    "unreadable": "unreadable files",
    "truncated": "truncated files",
    "no-pixels": "images without pixel data",
    "missing-uid": "missing UIDs",
    "duplicate": "duplicate instances",
    "disagreement": "disagreements",
    "missing-slices": "missing slices",
    "incomplete": "positions with fewer images (hint)",
    "numbering": "gaps in instance numbers (hint)",
    "repaired": "read with repairs (hint)",
}


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add the command to the program."""
    parser = add_command(subparsers, "check", DESCRIPTION, EXAMPLES)
    parser.add_argument("source", metavar="DIR|INDEX", help="a folder, which is read, or an index")
    parser.add_argument(
        "-a", "--all", action="store_true", help=f"every finding and every file, not {_FINDINGS} of a kind and {_FILES} files"
    )
    parser.add_argument("--no-hints", dest="hints", action="store_false", help="only what is wrong, not what may be in order")
    parser.add_argument(
        "--no-compare", dest="compare", action="store_false", help="do not read duplicates to see whether they are identical"
    )
    parser.add_argument("-j", "--json", action="store_true", help="the report as JSON")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress on stderr")
    parser.set_defaults(run=run, parser=parser)


def run(args: argparse.Namespace) -> int:
    """Check; 0: nothing was found, 1: something was, or the source could not be read."""
    import fastdicom.scan as room
    from fastdicom.scan import checks
    from fastdicom.scan.index import is_index

    limit = None if args.all else 1000 if args.json else _FINDINGS
    options = {"limit": limit, "hints": args.hints, "compare": args.compare}
    try:
        if is_index(args.source):
            report = room.check(args.source, **options)
        else:
            scan = room.Scan(args.source, checks.CHECK_TAGS, **checks.CHECK_OPTIONS)
            reporter = Reporter(scan, args.quiet, sources=[args.source], names_failures=False)
            report = room.check(scan, batches=reporter.watched(), **options)
            reporter.clear()
    except BrokenPipeError:
        raise
    except (OSError, ValueError, ModuleNotFoundError) as error:
        return complain(args.source, error)
    if args.json:
        json.dump(asdict(report), sys.stdout, indent=1, ensure_ascii=False)
        print()
    else:
        _print(report, None if args.all else _FILES)
    return 1 if report.findings else 0


def _print(report: Report, most_files: int | None) -> None:
    for kind, title in _TITLES.items():
        total = report.totals.get(kind, 0)
        if not total:
            continue
        print(f"{title}:")
        shown = [finding for finding in report.findings if finding.kind == kind]
        for finding in shown:
            about = f" {finding.uid}:" if finding.uid else ""
            number = f" ({finding.count:,} {'file' if finding.count == 1 else 'files'})" if finding.count and not finding.uid else ""
            print(one_line(f" {about} {finding.text}{number}"))
            files = finding.files[:most_files]
            for path in files:
                print(f"    {one_line(path)}")
            if finding.count > len(files):
                print(f"    and {finding.count - len(files):,} more")
        if total > len(shown):
            print(f"  and {total - len(shown):,} more (--all)")
    for text in report.unknown:
        print(f"not judged: {one_line(text)}")
    found = sum(report.totals.values())
    parts = [f"{report.files:,} files", f"{report.dicom:,} DICOM"]
    parts += [f"{number:,} {what}" for number, what in ((report.not_dicom, "no DICOM"), (report.dicomdirs, "DICOMDIR")) if number]
    said = "nothing found" if not found else "1 finding" if found == 1 else f"{found:,} findings"
    print(f"{', '.join(parts)}: {said}")
