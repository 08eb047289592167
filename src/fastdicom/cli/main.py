"""The program ``fastdicom``: which command, and the exit status."""

from __future__ import annotations

import argparse
import io
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from fastdicom._version import __version__

__all__ = ["main"]

#: command -> what it does, for the list of commands. The module of a command is imported when it is the one that runs.
COMMANDS = {
    "scan": "read the heads of all files in folders into a table",
    "tree": "print patients, studies and series as a tree",
    "check": "find what is damaged, duplicate, contradictory or missing",
    "query": "ask indexes with SQL",
    "show": "write a picture of an image as PNG",
    "decode": "decode frames into a NumPy file",
    "bench": "time the decoders on files",
    "dump": "print the elements of files",
    "codecs": "list the transfer syntaxes and what decodes them",
}

EPILOG = """commands have a --help of their own

exit status: 0 all was read, 1 something could not be opened or read, 2 wrong usage

examples:
  fastdicom scan /data/archive -o index.parquet
  fastdicom scan . -t PatientID -t Modality -t Rows
  fastdicom tree index.parquet
  fastdicom check /data/archive
  fastdicom query index.parquet "SELECT Modality, count(*) FROM files GROUP BY ALL"
  fastdicom dump image.dcm
  fastdicom show image.dcm -o image.png
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments; those of the process when left out.

    Returns
    -------
    int
        The exit status: 0 all was read, 1 something could not be opened or read, 2 wrong usage, 130 interrupted.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if sys.stdout is None:  # closed by the shell (>&-): nobody listens, but what is read still counts
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 as long as the process
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # what it cannot hold is written as an escape, rather than nothing at all
            stream.reconfigure(errors="backslashreplace")
    try:
        args = _parser(arguments).parse_args(arguments)
        status = int(args.run(args))
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except BrokenPipeError:
        # Whoever read the output (head, less) has had enough. Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + getattr(signal, "SIGPIPE", 13)


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    """The parser, with the options of the command that `arguments` name and the bare names of all others."""
    parser = argparse.ArgumentParser(
        prog="fastdicom",
        description="Reads DICOM at the speed of the machine.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"fastdicom-core {__version__}")
    subparsers: argparse._SubParsersAction[Any] = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    chosen = next((argument for argument in arguments if not argument.startswith("-")), "")
    for command, text in COMMANDS.items():
        if command == chosen:
            import_module(f"fastdicom.cli.{command}").add_parser(subparsers)
        else:
            subparsers.add_parser(command, help=text, add_help=False)
    return parser
