"""How the parsers of the commands are made."""

from __future__ import annotations

import argparse
from typing import Any

from fastdicom.cli.main import COMMANDS

__all__ = ["add_command"]


def add_command(subparsers: argparse._SubParsersAction[Any], name: str, description: str, examples: str) -> argparse.ArgumentParser:
    """Add a command to the program; its options follow."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        name, help=COMMANDS[name], description=description, epilog=examples, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    return parser
