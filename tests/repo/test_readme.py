"""What the README tells to type works: its commands, its Python, its links; and .ci/run runs its test command."""

from __future__ import annotations

import importlib
import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / name for name in ("README.md", "DESIGN.md", "CONTRIBUTING.md", "CHANGELOG.md") if (ROOT / name).is_file()]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def all_blocks(language: str) -> list[object]:
    return [pytest.param(block, id=f"{page.stem}-{n}") for page in PAGES for n, block in enumerate(blocks(page, language))]


def commands() -> list[str]:
    return [line.split("#")[0].strip() for page in PAGES for block in blocks(page, "sh") for line in block.splitlines() if line.strip()]


def test_command() -> str:
    """The first command of the README that runs pytest."""
    return next(line for line in "\n".join(blocks(ROOT / "README.md", "sh")).splitlines() if "pytest" in line)


test_command.__test__ = False  # type: ignore[attr-defined]


@pytest.mark.skipif(sys.platform == "win32", reason="no bash")
def test_ci_runs_the_test_command_of_the_readme() -> None:
    script = ROOT / ".ci" / "run"
    if not script.is_file():
        pytest.skip("no .ci/run here (an sdist may leave it out)")
    told = subprocess.run(["bash", str(script), "--test-command"], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == test_command()


def test_install_commands_name_extras_that_exist() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = {extra for line in commands() for found in re.findall(r"\[([\w,]+)\]", line) if "pip" in line for extra in found.split(",")}
    assert {"scan", "test"} <= extras
    assert extras <= project["optional-dependencies"].keys()


@pytest.mark.parametrize("code", all_blocks("python"))
def test_python_is_python(code: str) -> None:
    compile(code, "README", "exec")


@pytest.mark.parametrize("code", all_blocks("python"))
def test_names_of_the_package_exist(code: str) -> None:
    import fastdicom

    for name in set(re.findall(r"\bfastdicom\.([a-zA-Z_]\w*)", code)):
        assert hasattr(fastdicom, name) or importlib.util.find_spec(f"fastdicom.{name}"), f"fastdicom.{name}"


def subcommands() -> set[str]:
    told = subprocess.run([sys.executable, "-m", "fastdicom", "--help"], capture_output=True, text=True, check=True)
    return set(re.findall(r"^\s+(\w+)\s", told.stdout, re.MULTILINE)) | set(re.findall(r"[{,](\w+)(?=[},])", told.stdout))


def test_commands_of_the_program_exist() -> None:
    used = {match[1] for line in commands() if (match := re.search(r"\bfastdicom\s+([a-z]+)", line))}
    assert "scan" in used
    assert used <= subcommands()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (ROOT / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_paths_named_in_code_marks_exist(page: Path) -> None:
    for name in re.findall(r"`((?:src|tests|tools|benchmarks|\.ci|\.github)/[\w./-]+)`", page.read_text(encoding="utf-8")):
        assert "NAME" in name or (ROOT / name).exists(), name
