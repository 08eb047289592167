"""The program: commands, exit statuses, pipes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import terminal
from builders import element, minimal, part10
from fastdicom.cli.main import COMMANDS, main


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (folder := tmp_path / "in").mkdir()
    for i in range(3):
        (folder / f"{i}.dcm").write_bytes(part10(minimal(element(0x00280010, "US", i))))
    (folder / "text").write_text("text")
    return folder


def status(*args: object) -> int:
    """The exit status of a run."""
    child = start(*args)
    child.communicate()
    return child.returncode


def start(*args: object, **options: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "fastdicom", *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


def test_help_lists_the_commands_and_imports_none(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    said = capsys.readouterr().out
    assert all(command in said for command in COMMANDS)
    assert "examples:" in said
    code = "import sys\nfrom fastdicom.cli.main import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
    code += "print([m for m in sys.modules if m.startswith('fastdicom.') and m.split('.')[1] not in ('cli', '_version')])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip().endswith("[]")


@pytest.mark.parametrize("command", ["scan", "dump"])
def test_help_of_a_command_has_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    assert "examples:" in capsys.readouterr().out


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["nothing"],
        ["scan"],
        ["scan", ".", "-t", "PatientNam"],
        ["scan", ".", "-t", "ReferencedImageSequence"],
        ["scan", ".", "-o", "x.txt"],
        ["dump", "-t", "Nope", "x.dcm"],
        ["scan", ".", "--threads", "0"],
        ["scan", ".", "--update"],
    ],
)
def test_wrong_usage_is_2(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(argv)
    assert caught.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out.startswith("fastdicom-core ")


def test_csv_when_piped(folder: Path) -> None:
    done = start("scan", folder, "-t", "Rows", "-t", "0010,0020")
    out, said = done.communicate()
    assert done.returncode == 0
    lines = out.decode().split("\r\n")
    assert lines[0] == "path,size,mtime,error,Rows,PatientID,notes"
    assert len(lines) == 6
    assert b"4 files in" in said
    assert b"1 no DICOM" in said


def test_what_cannot_be_read_is_named_and_1(folder: Path, tmp_path: Path) -> None:
    done = start("scan", folder, tmp_path / "none", "-q")
    _, said = done.communicate()
    assert done.returncode == 1
    assert said.decode().splitlines() == [f"fastdicom: {tmp_path / 'none'}: {os.strerror(2)}"]


def test_output_files(folder: Path, tmp_path: Path) -> None:
    assert status("scan", folder, "-o", tmp_path / "x.csv") == 0
    assert (tmp_path / "x.csv").read_text().startswith("path,size,mtime,error,PatientID,")
    pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    assert status("scan", folder, "-o", tmp_path / "x.parquet") == 0
    assert pq.read_table(tmp_path / "x.parquet").num_rows == 4
    done = start("scan", folder, "-o", tmp_path / "no/x.csv")
    _, said = done.communicate()
    assert done.returncode == 1
    assert said.decode().splitlines() == [f"fastdicom: {tmp_path / 'no/x.csv'}: {os.strerror(2)}"]


@pytest.mark.skipif(sys.platform == "win32", reason="terminals are POSIX's")
def test_a_table_on_a_terminal(folder: Path) -> None:
    lines = terminal.run("scan", folder, columns=100, stderr=False).splitlines()
    assert lines[0].split()[:3] == ["path", "error", "Modality"]
    assert len(lines) == 5
    assert max(map(len, lines)) <= 100


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
def test_a_closed_pipe_is_no_error(folder: Path) -> None:
    child = start("scan", *[folder] * 4000)
    assert child.stdout is not None
    assert child.stderr is not None
    child.stdout.readline()
    child.stdout.close()
    said = child.stderr.read().decode()
    child.stderr.close()
    assert child.wait(30) == 141
    assert "Error" not in said
    assert "Traceback" not in said


def test_a_closed_output_is_no_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)  # what Python makes of `>&-`
    assert main(["dump", str(folder / "0.dcm")]) == 0
    sys.stdout.close()


def is_written(folder: Path, pattern: str) -> bool:
    """Whether rows are in the file: a program that is interrupted while it makes the file may leave it, empty."""
    try:
        return any(path.stat().st_size for path in folder.glob(pattern))
    except FileNotFoundError:  # it was complete in between
        return False


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
def test_an_interrupt_is_130_and_leaves_nothing(folder: Path, tmp_path: Path) -> None:
    for _ in range(10):  # on a busy machine the scan may end before the signal comes
        child = start("scan", *[folder] * 20000, "-o", tmp_path / "x.csv", "-q")
        while child.poll() is None and not is_written(tmp_path, ".x.csv.*"):
            pass
        child.send_signal(signal.SIGINT)
        _, said = child.communicate(timeout=30)
        if child.returncode != 0:
            break
        (tmp_path / "x.csv").unlink()
    assert child.returncode == 130
    assert said == b""
    assert not list(tmp_path.glob("*x.csv*"))


# What comes behind main(): the interrupt meets the process there.
ENDS = {
    "between two steps": "status = main(); os.kill(os.getpid(), signal.SIGINT); time.sleep(5); sys.exit(status)",
    "while it catches one": "sys.stdout.flush = interrupt; cli._run = twice; sys.exit(main())",
    "inside a text that is run": "cli._run = lambda arguments: caught(); sys.exit(main())",
    "while it waits for threads": "threading.Thread(target=late).start(); sys.exit(main())",
    "when nothing is left": "atexit.register(os.kill, os.getpid(), signal.SIGINT); sys.exit(main())",
}


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
@pytest.mark.parametrize("end", ENDS)
def test_an_interrupt_at_the_very_end_is_130(end: str, folder: Path) -> None:
    code = f"""
import atexit, os, signal, sys, threading, time
import fastdicom.cli.main as cli
from fastdicom.cli.main import main
def interrupt(): raise KeyboardInterrupt
def late(): time.sleep(1.5); os.kill(os.getpid(), signal.SIGINT); time.sleep(1)
def caught():
    try: exec("raise KeyboardInterrupt")
    except KeyboardInterrupt: return 130
def twice(arguments): raise KeyboardInterrupt
sys.argv = ["fastdicom", "dump", {str(folder / "0.dcm")!r}]
{ENDS[end]}
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60, check=False)
    assert done.returncode == (0 if end == "when nothing is left" else 130)
    assert done.stderr == b""


def test_the_program_is_the_module(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = start("dump", folder / "0.dcm")
    out, _ = done.communicate()
    assert done.returncode == 0
    assert b"Doe^Jane" in out


@pytest.mark.parametrize("encoding", ("ascii", "cp1252"))
def test_output_that_cannot_hold_a_character(encoding: str, tmp_path: Path) -> None:
    name = element(0x00080005, "CS", "ISO_IR 192") + element(0x00100010, "PN", "\u0416\u0443\u043a".encode())
    (tmp_path / "x.dcm").write_bytes(part10(name))
    command = [sys.executable, "-m", "fastdicom", "dump", tmp_path / "x.dcm"]
    done = subprocess.run(command, env={**os.environ, "PYTHONIOENCODING": encoding}, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert rb"\u0416\u0443\u043a" in done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="names are bytes on Linux")
def test_a_name_that_is_no_utf8(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/b\xff.dcm"
    Path(os.fsdecode(path)).write_bytes(part10(minimal()))
    command = [sys.executable, "-m", "fastdicom", "dump", path, path]
    done = subprocess.run(command, env={**os.environ, "PYTHONIOENCODING": "utf-8:strict"}, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.count(rb"b\udcff.dcm") == 2
