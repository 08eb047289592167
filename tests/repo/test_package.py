"""What is published: the sdist holds the repository, wheels hold nothing of others, and both can be made again."""

from __future__ import annotations

import gzip
import importlib.metadata
import importlib.util
import io
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import types
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def tool(name: str) -> types.ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


check_package, build_wheels = tool("check_package"), tool("build_wheels")


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made of a copy of what belongs to the repository, committed or not."""
    # not imported: it refuses to where something else has imported distutils before
    if int(importlib.metadata.version("setuptools").split(".")[0]) < 77:
        pytest.skip("setuptools from 77 on")
    told = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, check=False
    )
    if told.returncode:
        pytest.skip("no repository")
    copy = tmp_path_factory.mktemp("copy")
    for name in told.stdout.decode().split("\0"):
        if name and (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, copy / name)
    (copy / "src/fastdicom/_core.c").write_text("/* made by Cython */")
    (copy / "tests/junk.pyc").write_bytes(b"")
    subprocess.run([sys.executable, "setup.py", "-q", "sdist"], cwd=copy, capture_output=True, check=True)
    (made,) = (copy / "dist").iterdir()
    return made


def test_sdist_holds_the_repository_and_nothing_else(sdist: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
    )
    here = {name for name in told.stdout.decode().split("\0") if name and (ROOT / name).is_file()}
    monkeypatch.setattr(check_package, "tracked", lambda: here)
    assert check_package.sdist_faults(sdist) == []
    monkeypatch.setattr(check_package, "tracked", lambda: here - {"setup.py"} | {"forgotten.c"})
    assert check_package.sdist_faults(sdist) == ["forgotten.c is missing", "setup.py is not of the repository"]


def test_sdist_is_the_same_bytes_whoever_packs_it(sdist: Path, tmp_path: Path) -> None:
    one = tmp_path / "one" / sdist.name
    other = tmp_path / "other" / sdist.name
    one.parent.mkdir()
    other.parent.mkdir()
    shutil.copyfile(sdist, one)
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(sdist.read_bytes()))) as old, tarfile.open(other, "w:gz", compresslevel=1) as new:
        for member in sorted(old, key=lambda member: member.name, reverse=True):
            member.uid, member.uname, member.mtime, member.mode = 1000, "somebody", 5, member.mode & 0o755 | 0o020
            new.addfile(member, old.extractfile(member) if member.isfile() else None)
    for path in (one, other):
        build_wheels.rewritten(path, 1_700_000_000)
    assert one.read_bytes() == other.read_bytes()
    with tarfile.open(one) as tar:
        assert {(member.uid, member.uname, member.mtime) for member in tar} == {(0, "", 1_700_000_000)}
    assert check_package.sdist_faults(one) == check_package.sdist_faults(sdist)


def made_wheel(folder: Path, more: dict[str, bytes], *, without: str = "") -> Path:
    """A wheel as it should be, and what is put into it."""
    version = re.search(r'"(.+)"', (ROOT / "src/fastdicom/_version.py").read_text(encoding="utf-8"))
    assert version is not None
    info = f"fastdicom_core-{version[1]}.dist-info/"
    path = folder / f"fastdicom_core-{version[1]}-cp311-cp311-manylinux_2_28_x86_64.whl"
    metadata = (
        f"Metadata-Version: 2.4\nName: fastdicom-core\nVersion: {version[1]}\nSummary: s\nRequires-Python: >=3.11\n"
        "License-Expression: MIT\nLicense-File: LICENSE\nDescription-Content-Type: text/markdown\n\ntext"
    )
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("fastdicom/", b"")
        wheel.writestr("fastdicom/__init__.py", b"")
        wheel.writestr(info + "METADATA", metadata)
        wheel.writestr(info + "licenses/LICENSE", (ROOT / "LICENSE").read_bytes())
        for module in check_package.modules() - {without}:
            wheel.writestr(f"{module}.cpython-311-x86_64-linux-gnu.so", b"\x7fELF")
        for name, data in more.items():
            wheel.writestr(name, data)
    return path


@pytest.mark.parametrize(
    ("name", "data", "fault"),
    [
        ("fastdicom_core.libs/libz-1.so", b"\x7fELF", "none of the project's"),
        ("fastdicom/libjpeg.so.8", b"\x7fELF", "none of the project's"),
        ("fastdicom/helper.py", b"MZ\x90", "none of the project's"),
        ("fastdicom/csrc/fd_os.c", b"", "none of the project's"),
        ("tests/test_tag.py", b"", "none of the project's"),
        ("fastdicom/_other.cp311-win_amd64.pyd", b"MZ", "missing or too many"),
        ("fastdicom/_core.cp311-win_amd64.pyd", b"MZ /tmp/build-x/src/fastdicom/_core.pyx", "names the folder"),
        ("fastdicom/_core.cp311-win_amd64.pyd", rb"MZ C:\Users\me\fd.pdb", "names the folder"),
        ("fastdicom/big.py", None, "more than 5,000,000"),
    ],
)
def test_what_a_wheel_may_not_hold(tmp_path: Path, name: str, data: bytes | None, fault: str) -> None:
    path = made_wheel(tmp_path, {name: bytes(5_000_000) if data is None else data})
    (told,) = check_package.wheel_faults(path)
    assert fault in told
    assert check_package.main([str(path)]) == 1


def test_a_good_wheel_and_one_that_lacks_a_module(tmp_path: Path) -> None:
    assert check_package.wheel_faults(made_wheel(tmp_path, {})) == []
    assert "fastdicom/_core" in check_package.wheel_faults(made_wheel(tmp_path, {}, without="fastdicom/_core"))[0]


def test_versions_are_those_that_are_built_and_tested() -> None:
    said = {line.rpartition(" ")[2] for line in PROJECT["project"]["classifiers"] if re.search(r":: 3\.\d+$", line)}
    built = re.findall(r"cp3(\d+)-\*", PROJECT["tool"]["cibuildwheel"]["build"])
    assert said == {f"3.{minor}" for minor in built}
    wheels = (ROOT / ".github/workflows/wheels.yml").read_text(encoding="utf-8")
    assert set(re.findall(r'"(3\.\d+)"', re.findall(r"python: \[(.+)\]", wheels)[0])) == said
    tests = (ROOT / ".github/workflows/tests.yml").read_text(encoding="utf-8")
    assert set(re.findall(r'"(3\.\d+)"', re.findall(r"python: \[(.+)\]", tests)[0])) == said


def test_free_threaded_wheels_are_built_when_the_modules_say_so() -> None:
    built = "t-*" in PROJECT["tool"]["cibuildwheel"]["build"]
    assert built == ('"freethreading_compatible": True' in (ROOT / "setup.py").read_text(encoding="utf-8"))


def test_compilers_of_a_release_are_allowed_ones() -> None:
    requirements = pytest.importorskip("packaging.requirements")
    pinned = dict(line.split("==") for line in (ROOT / "tools/build.txt").read_text(encoding="utf-8").split() if "==" in line)
    for text in PROJECT["build-system"]["requires"]:
        requirement = requirements.Requirement(text)
        assert requirement.specifier.contains(pinned[requirement.name]), text
