"""`fastdicom codecs`: which transfer syntax is decoded by what."""

from __future__ import annotations

import argparse
import json
from typing import Any

from fastdicom.cli.parsers import add_command

DESCRIPTION = "Print every transfer syntax with its decoders, in the order in which they are tried."
EXAMPLES = """examples:
  fastdicom codecs
  fastdicom codecs --json | jq .
"""


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add the command to the program."""
    parser = add_command(subparsers, "codecs", DESCRIPTION, EXAMPLES)
    parser.add_argument("-j", "--json", action="store_true", help="a list of objects, for programs")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the table; always 0."""
    from fastdicom.codecs import available

    lines = available()
    if args.json:
        print(json.dumps([line._asdict() for line in lines], indent=1))
        return 0
    table = [("transfer syntax", "name", "family", "decoder", "state")]
    last = ""
    for line in lines:
        if line.decoder is None:
            decoder, state = "-", "no decoder yet"
        else:
            decoder, state = line.decoder, f"installed, {line.version or 'version unknown'}" if line.installed else f"{line.install}"
        table.append((*((line.uid, line.name, line.family) if line.uid != last else ("", "", "")), decoder, state))
        last = line.uid
    widths = [min(max(len(row[column]) for row in table), 60) for column in range(5)]
    for row in table:
        cells = (text if len(text) <= width else text[: width - 3] + "..." for text, width in zip(row, widths, strict=True))
        print("  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip())
    return 0
