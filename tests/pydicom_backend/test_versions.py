"""A pydicom that is missing, too old or unknown is refused when fastdicom.pydicom is imported, in words that say what to do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import fastdicom

SOURCE = Path(fastdicom.__file__).resolve().parents[1]


def imported(folder: Path, name: str = "fastdicom.pydicom") -> subprocess.CompletedProcess[str]:
    code = f"import sys; sys.path[:0] = [{str(folder)!r}, {str(SOURCE)!r}]; import {name}"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("version", ["2.4.4", "1.4.2", "0.9.9", "4.0.0", "4.0.0.dev0", "", "unknown", None])
def test_refused(version: str | None, tmp_path: Path) -> None:
    (tmp_path / "pydicom").mkdir()
    (tmp_path / "pydicom" / "__init__.py").write_text("" if version is None else f"__version__ = {version!r}\n")
    done = imported(tmp_path)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError: fastdicom.pydicom ")
    assert "pip install 'fastdicom-core[pydicom]'" in last
    assert (version or "unknown") in last


def test_missing(tmp_path: Path) -> None:
    (tmp_path / "pydicom.py").write_text("raise ModuleNotFoundError(\"No module named 'pydicom'\", name='pydicom')\n")
    done = imported(tmp_path)
    assert done.returncode == 1
    assert "ImportError: fastdicom.pydicom needs pydicom 3, which is not installed: pip install" in done.stderr


@pytest.mark.parametrize("version", ["2.4.4", None])
def test_the_command_says_it_in_a_line(version: str | None, tmp_path: Path) -> None:
    (tmp_path / "pydicom.py").write_text("raise ModuleNotFoundError(name='pydicom')" if version is None else f"__version__ = {version!r}\n")
    command = [sys.executable, "-m", "fastdicom.pydicom", "-c", "print(1)"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(tmp_path), str(SOURCE)))}
    environment.pop("FASTDICOM_PYDICOM", None)
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
    assert done.returncode == 1
    assert done.stdout == ""
    [line] = done.stderr.strip().splitlines()
    assert "fastdicom.pydicom " in line
    assert "pip install 'fastdicom-core[pydicom]'" in line


def test_the_rest_needs_no_pydicom(tmp_path: Path) -> None:
    (tmp_path / "pydicom.py").write_text("raise ModuleNotFoundError(\"No module named 'pydicom'\", name='pydicom')\n")
    assert imported(tmp_path, "fastdicom").returncode == 0


@pytest.mark.parametrize("version", ["3.0.0", "3.0.1", "3.1.0", "3.1.0.dev0", "3.2.0rc1"])
def test_accepted(version: str, tmp_path: Path) -> None:
    """The names are loaded when first asked for: the import itself looks at the version alone."""
    (tmp_path / "pydicom").mkdir()
    (tmp_path / "pydicom" / "__init__.py").write_text(f"__version__ = {version!r}\n")
    assert imported(tmp_path).returncode == 0
