"""Runs the examples of a page of the documentation, from its top to its end, as a reader would who types them.

A block of a page is run by the language of its fence:

=========== ==========================================================================================================
python      is executed; the names of the blocks above it are there
pycon       the same, and what is printed is compared (``...`` stands for anything)
sh          each command must end with status 0; those of pip are not run, but the extras that they name must exist
console     commands behind ``$``, on a terminal of 100 columns; what they print is compared
=========== ==========================================================================================================

What has no language, or another one, is no example. A comment ``<!-- needs: NAME -->`` before a block names a service of
`services.py`, which is started for it; the block is passed over where the service cannot be had.
"""

from __future__ import annotations

import doctest
import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any, Self

import fastdicom
import terminal

__all__ = ["ROOT", "Block", "Page", "blocks", "extras", "sample_files", "tables"]

ROOT = Path(__file__).resolve().parents[1]
LANGUAGES = ("python", "pycon", "sh", "console")
COLUMNS = 100
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
# what pydicom carries for its own documentation (pydicom.examples), without those that are no images of one kind
SAMPLES = ("ct", "jpeg2k", "mr", "overlay", "palette_color", "rgb_color", "rt_dose", "rt_plan", "rt_ss", "waveform", "ybr_color")

_FENCE = re.compile(r"^( *)```(\w*)\s*$")
_NEEDS = re.compile(r"^\s*<!-- needs: (\w+) -->\s*$")


@dataclass(frozen=True)
class Block:
    """An example."""

    path: Path
    line: int
    language: str
    text: str
    needs: str | None = None

    def __str__(self) -> str:
        return f"{self.path.name}:{self.line}"


def blocks(path: Path) -> list[Block]:
    """The examples of a page, in order."""
    found: list[Block] = []
    lines = path.read_text(encoding="utf-8").splitlines()
    needs, at = None, 0
    while at < len(lines):
        if match := _NEEDS.match(lines[at]):
            needs = match[1]
        elif opening := re.match(r"^( *)(`{3,})", lines[at]):
            fence = _FENCE.match(lines[at])
            end = next(n for n in range(at + 1, len(lines)) if lines[n].strip() == opening[2])
            if fence and fence[2] in LANGUAGES:
                text = textwrap.dedent("\n".join(lines[at + 1 : end])) + "\n"
                found.append(Block(path, at + 2, fence[2], text, needs))
            at, needs = end, None
        elif lines[at].strip():
            needs = None
        at += 1
    return found


def tables(path: Path) -> Iterator[list[list[str]]]:
    """The tables of a page: rows of cells, without the line of dashes."""
    rows: list[list[str]] = []
    for line in [*path.read_text(encoding="utf-8").splitlines(), ""]:
        if line.startswith("|"):
            cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
            if not set("".join(cells)) <= set("-|: "):
                rows.append(cells)
        elif rows:
            yield rows
            rows = []


def extras(command: str) -> set[str]:
    """The extras of this project that a command of pip names."""
    return {
        name.strip()
        for group in re.findall(r"fastdicom-core\[([\w, ]+)\]|'?\.\[([\w, ]+)\]", command)
        for name in ",".join(group).split(",")
        if name
    }


def sample_files(folder: Path) -> Path:
    """Copy the files that pydicom carries into a folder: those of the start page."""
    from pydicom.examples import get_path

    folder.mkdir(parents=True, exist_ok=True)
    for name in SAMPLES:
        shutil.copy(get_path(name), folder / f"{name}.dcm")
    return folder


def _commands(text: str) -> Iterator[str]:
    """The commands of a block; a backslash at the end of a line continues it."""
    for line in text.replace("\\\n", " ").splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            yield line.strip()


def _sessions(text: str) -> Iterator[tuple[str, str]]:
    """Commands behind a dollar, and what they print."""
    command, said = "", ""
    for line in text.splitlines():
        if line.startswith("$ "):
            if command:
                yield command, said
            command, said = line[2:], ""
        elif command.endswith("\\"):
            command = command[:-1] + line
        else:
            said += line + "\n"
    yield command, said


@dataclass
class Page:
    """Runs blocks, one after the other."""

    folder: Path
    services: Mapping[str, Callable[[], AbstractContextManager[Mapping[str, str]]]] = field(default_factory=dict)
    replace: Mapping[str, str] = field(default_factory=dict)
    names: dict[str, Any] = field(default_factory=dict)
    record: Callable[[Block, str], None] | None = None

    def __post_init__(self) -> None:
        self.names.setdefault("__name__", "__main__")
        self._stack = ExitStack()  # services run until the page ends
        self._started: dict[str, Mapping[str, str]] = {}
        programs = self.folder / ".programs"
        programs.mkdir(exist_ok=True)
        for name, arguments in {"fastdicom": "-m fastdicom", "python": "", "python3": ""}.items():
            (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments} "$@"\n')
            (programs / name).chmod(0o755)
        self._environment = {
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join([str(Path(fastdicom.__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]),
            "COLUMNS": str(COLUMNS),
            "LINES": "40",
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.names.clear()
        self._stack.close()

    def run(self, block: Block) -> None:
        """Run one block; AssertionError, or what its code raises, when it does not do what the page says."""
        if block.needs and block.needs not in self._started:
            self._started[block.needs] = self._stack.enter_context(self.services[block.needs]())
        text = block.text
        for old, new in {**self.replace, **self._started.get(block.needs or "", {})}.items():
            text = text.replace(old, new)
        getattr(self, f"_{block.language}")(block, text)

    def _python(self, block: Block, text: str) -> None:
        code = compile("\n" * (block.line - 1) + text, str(block.path), "exec")
        with redirect_stdout(StringIO()):
            exec(code, self.names)

    def _pycon(self, block: Block, text: str) -> None:
        test = doctest.DocTestParser().get_doctest(text, {}, str(block), str(block.path), block.line - 1)
        assert test.examples, f"{block}: a pycon block without >>>"
        test.globs = self.names
        said = StringIO()
        result = doctest.DocTestRunner(optionflags=FLAGS, verbose=False).run(test, out=said.write, clear_globs=False)
        assert not result.failed, f"{block}\n{said.getvalue()}"

    def _sh(self, block: Block, text: str) -> None:
        for command in _commands(text):
            if re.match(r"(python3? -m )?pip ", command):
                known = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
                assert extras(command) <= known.keys(), f"{block}: {command}"
                continue
            done = subprocess.run(
                ["bash", "-o", "pipefail", "-c", command],
                cwd=self.folder,
                env={**os.environ, **self._environment},
                capture_output=True,
                text=True,
                check=False,
                timeout=120,
            )
            assert done.returncode == 0, f"{block}: {command}\n{done.stdout}{done.stderr}"

    def _console(self, block: Block, text: str) -> None:
        for command, wanted in _sessions(text):
            status, said = self._on_terminal(command)
            if self.record is not None:
                self.record(block, f"$ {command}\n{said}")
                continue
            # 1 is what `fastdicom check` ends with when it found something; whether it should is told by what it prints
            assert status in {0, 1}, f"{block}: {command}\n{said}"
            if not doctest.OutputChecker().check_output(wanted, said, FLAGS):
                raise AssertionError(f"{block}: {shlex.join(['$', command])} printed\n{said}\nbut the page says\n{wanted}")

    def _on_terminal(self, command: str) -> tuple[int, str]:
        import pty

        master, slave = pty.openpty()
        child = subprocess.Popen(
            ["bash", "-o", "pipefail", "-c", command],
            cwd=self.folder,
            env={**os.environ, **self._environment},
            stdin=slave,
            stdout=slave,
            stderr=slave,
        )
        os.close(slave)
        said = terminal.drained(master)
        text = said.decode().replace("\r\n", "\n")
        text = re.sub(r"[^\n]*\r\x1b\[K", "", text)  # progress, which the next line erases
        return child.wait(), "".join(f"{line.rstrip()}\n" for line in text.splitlines())
