"""How the parsers of the commands are made."""

from __future__ import annotations

import argparse
import os
from typing import Any

from fastdicom.cli.main import COMMANDS

__all__ = ["add_command", "is_same_file"]


def add_command(subparsers: argparse._SubParsersAction[Any], name: str, description: str, examples: str) -> argparse.ArgumentParser:
    """Add a command to the program; its options follow."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        name, help=COMMANDS[name], description=description, epilog=examples, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    return parser


def is_same_file(one: str, other: str) -> bool:
    """Whether two paths lead to one file, which writing one while reading the other would destroy."""
    try:
        return os.path.samefile(one, other)  # noqa: PTH121  # - is a stream and no path
    except OSError:
        return False
