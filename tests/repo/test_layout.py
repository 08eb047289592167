"""Measures that tell when to stop and split, and what a folder may not hold."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILE_LINES = 1000
CORE_LINES = 1500
FUNCTION_LINES = 60

# a line of nothing but a comment sign and ornament, or a title between ornaments
BANNER = re.compile(r"^\s*(#|//|/\*)\s*([-=*#~_]\s?){4,}")
GENERATED = "GENERATED"
CODE = {".py", ".pyi", ".pyx", ".pxd", ".c", ".h", ".sh"}


def tracked() -> list[Path]:
    """The project's own files; without git (an unpacked sdist) what stands in its folders."""
    try:
        told = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
        )
        paths = [ROOT / name for name in told.stdout.decode().split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        paths = [path for folder in ("src", "tests", "tools", "benchmarks") for path in (ROOT / folder).rglob("*")]
        made = {ROOT / "src" / path.relative_to(ROOT / "src").with_suffix(".c") for path in (ROOT / "src").rglob("*.pyx")}
        paths = [path for path in paths if path not in made]
    return sorted(path for path in paths if path.is_file() and "__pycache__" not in path.parts)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def by_hand(path: Path) -> bool:
    if path.suffix not in CODE:
        return False
    with path.open(encoding="utf-8") as file:
        return GENERATED not in file.readline() + file.readline() + file.readline()


HAND_WRITTEN = [path for path in tracked() if by_hand(path)]


@pytest.mark.parametrize("path", HAND_WRITTEN, ids=name_of)
def test_file_is_short_and_has_no_banner(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= (CORE_LINES if path.name == "_core.pyx" else FILE_LINES)
    assert not [line for line in lines if BANNER.match(line)]


@pytest.mark.parametrize("path", [path for path in HAND_WRITTEN if path.suffix == ".py"], ids=name_of)
def test_python_functions_are_short(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        start = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
        length = (node.end_lineno or 0) - start.lineno + 1
        assert length <= FUNCTION_LINES, f"{node.name} has {length} lines"


@pytest.mark.parametrize("path", [path for path in HAND_WRITTEN if path.suffix == ".py" and "tests" not in path.parts], ids=name_of)
def test_module_says_its_purpose(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree) or path.name == "_version.py" or not tree.body


def cython_functions(text: str) -> list[tuple[str, int]]:
    """Name and number of lines of each function, docstring and all, by indentation."""
    out = []
    lines = text.splitlines()
    head = re.compile(r"^(\s*)(?:def|cdef|cpdef)\b[^=]*?(\w+)\s*\(.*(?<!;)$")
    for n, line in enumerate(lines):
        match = head.match(line)
        if not match or line.rstrip().endswith(")") or re.match(r"\s*cdef\s+(extern|class|struct|enum)", line):
            continue
        end = n
        for m in range(n + 1, len(lines)):
            if lines[m].strip() and len(lines[m]) - len(lines[m].lstrip()) <= len(match[1]) and not lines[m].lstrip().startswith(")"):
                break
            if lines[m].strip():
                end = m
        out.append((match[2], end - n + 1))
    return out


@pytest.mark.parametrize("path", [path for path in HAND_WRITTEN if path.suffix == ".pyx"], ids=name_of)
def test_cython_functions_are_short(path: Path) -> None:
    too_long = [found for found in cython_functions(path.read_text(encoding="utf-8")) if found[1] > FUNCTION_LINES + 10]
    assert not too_long


@pytest.mark.parametrize("path", [path for path in HAND_WRITTEN if path.suffix == ".c" and "csrc" in path.parts], ids=name_of)
def test_c_functions_are_short(path: Path) -> None:
    start = None
    for n, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line == "{":
            start = n
        elif line == "}" and start is not None:
            assert n - start - 1 <= FUNCTION_LINES, f"a function of {n - start - 1} lines at line {start}"
            start = None


def test_no_folder_is_kept_for_later() -> None:
    """A folder of code holds code: an ``__init__.py`` that is empty and alone is a room for later."""
    for folder in {path.parent for path in tracked() if "src" in path.parts}:
        files = [path for path in tracked() if path.parent == folder or folder in path.parents]
        assert any(path.stat().st_size for path in files), f"{name_of(folder)} is empty"


def test_what_is_made_is_not_committed() -> None:
    made = {".so", ".pyd", ".pyc", ".parquet", ".dcm", ".whl"}
    assert not [name_of(path) for path in tracked() if path.suffix in made]
    for path in tracked():
        if path.suffix == ".c":
            with path.open(encoding="utf-8") as file:
                assert not file.readline().startswith("/* Generated by Cython"), name_of(path)
