"""``python -m fastdicom.pydicom``: programs run as Python runs them, with our reader in pydicom's place."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import builders as b

pytest.importorskip("pydicom")

SHOW = """\
import sys
main = sys.modules["__main__"]
print(__name__, main.__dict__ is globals(), __spec__ and __spec__.name, __package__)
print(sys.argv, sys.path[0], globals().get("__file__"), type(__loader__).__name__, __doc__, __builtins__.__name__)
"""
BACKEND = [sys.executable, "-m", "fastdicom.pydicom"]


def start(command: list[str], folder: Path, text: str | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if name not in ("PYTHONSAFEPATH", "FASTDICOM_PYDICOM")}
    # an in-tree run names src by PYTHONPATH, perhaps not as a full path
    env["PYTHONPATH"] = os.pathsep.join(str(Path(part).resolve()) for part in env.get("PYTHONPATH", "").split(os.pathsep) if part)
    return subprocess.run(command, cwd=folder, input=text, env={**env, **environment}, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("programs")
    (folder / "sub").mkdir()
    (folder / "sub" / "script.py").write_text(SHOW)
    (folder / "module.py").write_text(SHOW)
    (folder / "package").mkdir()
    (folder / "package" / "__init__.py").write_text("")
    (folder / "package" / "__main__.py").write_text(SHOW)
    with zipfile.ZipFile(folder / "packed.pyz", "w") as archive:
        archive.writestr("__main__.py", SHOW)
    if os.name == "posix":
        (folder / "link.py").symlink_to(folder / "sub" / "script.py")
    return folder


CASES = [
    ["sub/script.py", "--flag", "-m", "x"],
    ["link.py", "a"],
    ["package", "a"],
    ["packed.pyz", "a"],
    ["-m", "module", "-v", "a b"],
    ["-m", "package"],
    ["-c", SHOW, "-c", "a"],
    ["-", "a"],
]


@pytest.mark.parametrize("command", CASES, ids=lambda case: case[0] + case[1][:8])
def test_runs_as_python_does(programs: Path, command: list[str]) -> None:
    if not (programs / command[0]).exists() and command[0] == "link.py":
        pytest.skip("no symbolic links here")
    text = SHOW if command[0] == "-" else None
    theirs = start([sys.executable, *command], programs, text)
    ours = start([*BACKEND, *command], programs, text)
    assert theirs.returncode == 0, theirs.stderr
    assert (ours.stdout, ours.stderr, ours.returncode) == (theirs.stdout, theirs.stderr, 0)


def test_safe_path(programs: Path) -> None:
    theirs = start([sys.executable, "sub/script.py"], programs, PYTHONSAFEPATH="1")
    ours = start([*BACKEND, "sub/script.py"], programs, PYTHONSAFEPATH="1")
    assert (ours.stdout, ours.returncode) == (theirs.stdout, 0)


READ = """\
import sys
from pydicom import dcmread
from pydicom.filereader import dcmread as again
import pydicom.fileset
assert dcmread is again is pydicom.fileset.dcmread
ds = dcmread(sys.argv[1])
print(dcmread.__module__.split(".")[0], ds.PatientName, type(ds).__name__)
sys.exit(7)
"""


def test_program_reads_with_ours_and_its_status_passes(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(b.part10(b.element(0x00100010, "PN", "Doe^John")))
    (tmp_path / "read.py").write_text(READ)
    done = start([*BACKEND, "-v", "read.py", "a.dcm"], tmp_path)
    assert (done.stdout, done.returncode) == ("fastdicom Doe^John FileDataset\n", 7)
    assert "pydicom.filereader.dcmread" in done.stderr


def test_error_shows_the_frames_of_the_program(tmp_path: Path) -> None:
    (tmp_path / "wrong.py").write_text("def inner():\n    raise ValueError('no such thing')\n\ninner()\n")
    theirs = start([sys.executable, "wrong.py"], tmp_path)
    ours = start([*BACKEND, "wrong.py"], tmp_path)
    assert (ours.returncode, ours.stderr) == (theirs.returncode, theirs.stderr)
    assert (theirs.returncode, "inner()" in theirs.stderr) == (1, True)


def test_error_of_a_module(tmp_path: Path) -> None:
    (tmp_path / "wrong.py").write_text("import no_such_module_anywhere\n")
    done = start([*BACKEND, "-m", "wrong"], tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback")
    assert "No module named 'no_such_module_anywhere'" in done.stderr
    assert "runpy" not in done.stderr
    assert "fastdicom" not in done.stderr


def test_syntax_error(tmp_path: Path) -> None:
    (tmp_path / "wrong.py").write_text("def f(:\n")
    theirs = start([sys.executable, "wrong.py"], tmp_path)
    ours = start([*BACKEND, "wrong.py"], tmp_path)
    assert ours.returncode == theirs.returncode == 1
    assert "wrong.py" in ours.stderr
    assert ours.stderr.splitlines()[-1] == theirs.stderr.splitlines()[-1]
    assert "fastdicom" not in ours.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "text"),
    [
        ([], 2, "which program"),
        (["--nonsense"], 2, "unknown option --nonsense"),
        (["-m"], 2, "argument expected for the -m option"),
        (["-m", "no_such_module_anywhere"], 1, "No module named no_such_module_anywhere"),
        (["no/such/file.py"], 2, "can't open file 'no/such/file.py': [Errno 2]"),
    ],
)
def test_wrong_usage(tmp_path: Path, arguments: list[str], status: int, text: str) -> None:
    done = start([*BACKEND, *arguments], tmp_path)
    assert done.returncode == status
    assert text in done.stderr
    assert "Traceback" not in done.stderr


def test_help_and_versions(tmp_path: Path) -> None:
    done = start([*BACKEND, "--help"], tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: python -m fastdicom.pydicom")
    done = start([*BACKEND, "--version"], tmp_path)
    assert done.stdout.startswith("fastdicom ")
    assert ", pydicom 3." in done.stdout


def test_the_command_of_pydicom(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(b.part10(b.element(0x00100010, "PN", "Doe^John")))
    programs = [["-c", "from pydicom.cli.main import main; main()"]]
    command = shutil.which("pydicom", path=str(Path(sys.executable).parent))
    if command is not None and os.name == "posix":  # elsewhere it is no script
        programs.append([command])
    for program in programs:
        theirs = start([sys.executable, *program, "show", "a.dcm"], tmp_path)
        ours = start([*BACKEND, *program, "show", "a.dcm"], tmp_path)
        assert theirs.returncode == 0, theirs.stderr
        assert "Doe^John" in theirs.stdout
        assert (ours.stdout, ours.stderr, ours.returncode) == (theirs.stdout, theirs.stderr, 0)


@pytest.fixture
def registered(tmp_path: Path) -> dict[str, str]:
    """An environment in which pylibjpeg finds our plug-in, as it does where the distribution is installed."""
    info = tmp_path / "site" / "fastdicom_probe-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fastdicom-probe\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[pylibjpeg.pixel_data_decoders]\n1.2.840.10008.1.2.5 = fastdicom.pylibjpeg:decode_rle\n")
    paths = [str(Path(part).resolve()) for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]
    return {"PYTHONPATH": os.pathsep.join([str(info.parent), *paths])}


WHOSE = "import pydicom, pydicom.fileset\nfrom pydicom import dcmread\nprint(dcmread.__module__, pydicom.fileset.dcmread is dcmread)\n"


@pytest.mark.parametrize(("value", "module"), [("1", "fastdicom.pydicom.reader"), ("0", "pydicom.filereader"), ("", "pydicom.filereader")])
def test_environment_variable_turns_it_on(tmp_path: Path, registered: dict[str, str], value: str, module: str) -> None:
    done = start([sys.executable, "-W", "error", "-c", WHOSE], tmp_path, FASTDICOM_PYDICOM=value, **registered)
    assert (done.stdout, done.stderr) == (f"{module} True\n", "")


def test_environment_variable_and_our_own_import(tmp_path: Path, registered: dict[str, str]) -> None:
    code = "import fastdicom.pydicom\nprint(fastdicom.pydicom.is_installed())\n"
    done = start([sys.executable, "-W", "error", "-c", code], tmp_path, FASTDICOM_PYDICOM="1", **registered)
    assert (done.stdout, done.stderr) == ("True\n", "")


def test_environment_variable_in_a_program_that_fails_to_import_pydicom(tmp_path: Path, registered: dict[str, str]) -> None:
    code = (
        "import sys\nsys.modules['pydicom.filewriter'] = None\ntry:\n    import pydicom\nexcept ImportError as error:\n    print(error)\n"
    )
    done = start([sys.executable, "-W", "error", "-c", code], tmp_path, FASTDICOM_PYDICOM="1", **registered)
    assert "pydicom.filewriter" in done.stdout
    assert done.stderr == ""


SPAWN = """\
import multiprocessing, subprocess, sys

def whose(_):
    from pydicom import dcmread
    return dcmread.__module__

if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print(pool.map(whose, [0]))
    code = "import pydicom; print(pydicom.dcmread.__module__)"
    print(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout)
"""


def test_processes_that_the_program_starts(tmp_path: Path, registered: dict[str, str]) -> None:
    (tmp_path / "spawn.py").write_text(SPAWN)
    done = start([*BACKEND, "spawn.py"], tmp_path, **registered)
    assert done.stdout.split() == ["['fastdicom.pydicom.reader']", "fastdicom.pydicom.reader"], done.stderr
