"""`fastdicom dump`: a file as text, or as DICOM JSON."""

from __future__ import annotations

import argparse
import sys
import warnings
from typing import Any

from fastdicom.cli.parsers import add_command
from fastdicom.errors import DicomError, DicomWarning

DESCRIPTION = "Print the elements of DICOM files: tag, name, VR and value, those of sequences indented."
EXAMPLES = """examples:
  fastdicom dump image.dcm
  fastdicom dump image.dcm -t PatientName -t 0028,0010
  fastdicom dump image.dcm --json | jq .
  cat image.dcm | fastdicom dump -
"""


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add the command to the program."""
    parser = add_command(subparsers, "dump", DESCRIPTION, EXAMPLES)
    parser.add_argument("files", metavar="FILE", nargs="+", help="a DICOM file; - reads standard input")
    parser.add_argument("-a", "--all", action="store_true", help="whole values, however long; without it they are shortened")
    parser.add_argument("-j", "--json", action="store_true", help="the DICOM JSON model of PS3.18 F, a line a file")
    parser.add_argument(
        "-t", "--tag", metavar="TAG", action="append", help="only this element of the top level (keyword or gggg,eeee); may be repeated"
    )
    parser.add_argument("-f", "--force", action="store_true", help="read what has neither DICM nor group 0002 as a bare data set")
    parser.set_defaults(run=run, parser=parser)


def run(args: argparse.Namespace) -> int:
    """Print each file; 0: all were read, 1: some could not be (named on stderr)."""
    from fastdicom.tag import Tag

    try:
        args.tags = [Tag(name) for name in args.tag or ()]
    except (TypeError, ValueError) as error:
        args.parser.error(str(error))
    status = 0
    for path in args.files:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("always", DicomWarning)
                warnings.showwarning = _warn  # type: ignore[assignment]
                _dump(path, args)
        except DicomError as error:
            text = str(error).replace("force=True", "--force")
            print(f"fastdicom: {text}" if path in text else f"fastdicom: {path}: {text}", file=sys.stderr)
            status = 1
        except BrokenPipeError:
            raise
        except OSError as error:
            print(f"fastdicom: {path}: {error.strerror or error}", file=sys.stderr)
            status = 1
    return status


def _warn(message: Warning | str, *_: object) -> None:
    print(f"warning: {message}", file=sys.stderr)


def _dump(path: str, args: argparse.Namespace) -> None:
    from fastdicom.reader import dcmread

    source = sys.stdin.buffer if path == "-" else path
    with dcmread(source, force=args.force) as ds:
        if len(args.files) > 1 and not args.json:
            print(f"# {path}")
        if args.tag:
            for tag in args.tags:
                elem = ds.get(tag) or (ds.file_meta.get(tag) if tag >> 16 == 2 else None)
                print(f"{tag} absent" if elem is None else elem)
        elif args.json:
            print(ds.to_json())
        else:
            for line in ds.formatted_lines(None if args.all else 64):
                print(line)
