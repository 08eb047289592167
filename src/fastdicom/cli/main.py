"""The program ``fastdicom``: which command, and the exit status."""

from __future__ import annotations

import argparse
import atexit
import io
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from types import TracebackType
from typing import Any, NoReturn

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

_INTERRUPTED = 128 + signal.SIGINT

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
    if argv is not None:
        return _run(list(argv))
    sys.excepthook = _end_by_interrupt
    statuses: list[int] = []
    atexit.register(_end, statuses)  # the first that is registered is the last that runs
    try:
        statuses.append(_run(sys.argv[1:]))
    finally:
        _settle_interrupts(_leave)
    return statuses[0]


def _end(statuses: list[int]) -> None:
    """The last thing that the program does."""
    if statuses == [_INTERRUPTED]:
        _leave()  # Python may remember an interrupt that was caught, and end the process by the signal (exec of text in an import)
    _settle_interrupts(signal.SIG_IGN)  # nothing is left to be interrupted


def _end_by_interrupt(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """An interrupt between two steps of the program: Python would end the process by the signal."""
    if issubclass(kind, KeyboardInterrupt):
        _leave()
    sys.__excepthook__(kind, error, trace)


def _leave(*_: object) -> NoReturn:
    with suppress(BaseException):
        sys.stdout.flush()
    os._exit(_INTERRUPTED)


def _settle_interrupts(handler: Any) -> None:
    """What an interrupt does while Python shuts down, which has no place that catches one."""
    with suppress(ValueError):  # not the main thread: it has none
        if signal.getsignal(signal.SIGINT) in (signal.default_int_handler, _leave):
            signal.signal(signal.SIGINT, handler)


def _run(arguments: list[str]) -> int:
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
        return _INTERRUPTED
    except RuntimeError as error:  # of Python 3.11, from an interrupt while a class is made
        if isinstance(error.__cause__, KeyboardInterrupt):
            return _INTERRUPTED
        raise
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
