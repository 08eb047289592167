"""Ctrl-C while the system hangs, while something large inflates, and reads that fail: a scan ends, and tells."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import children
import fastdicom
from builders import deflated_part10, element, minimal, part10

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="leases and LD_PRELOAD are Linux's")

AT_ONCE = 1.0  # seconds between the interrupt and the end; what the machine takes for a process more is added
OPTIONS = [["--threads", "1"], ["--threads", "4"], ["--threads", "4", "--ordered"]]

# A system in which a read hangs, or fails behind the head of a file, or a folder takes ten milliseconds a name: the name says so
SHIM = r"""
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int named(int file, const char *what)
{
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n < 0) return 0;
    path[n] = 0;
    return strstr(strrchr(path, '/'), what) != NULL;
}

ssize_t pread64(int file, void *to, size_t n, off64_t offset)
{
    ssize_t (*real)(int, void *, size_t, off64_t) = (ssize_t (*)(int, void *, size_t, off64_t))dlsym(RTLD_NEXT, "pread64");
    if (named(file, "hangs")) {
        close(open(getenv("SAID"), O_CREAT | O_WRONLY, 0600));
        for (;;) pause();
    }
    if (named(file, "fails") && offset > 0 && offset < 100000) {
        errno = EIO;
        return -1;
    }
    return real(file, to, n, offset);
}

ssize_t pread(int file, void *to, size_t n, off_t offset) { return pread64(file, to, n, offset); }

struct dirent64 *readdir64(DIR *stream)
{
    struct dirent64 *(*real)(DIR *) = (struct dirent64 *(*)(DIR *))dlsym(RTLD_NEXT, "readdir64");
    if (named(dirfd(stream), "slow")) {
        close(open(getenv("SAID"), O_CREAT | O_WRONLY, 0600));
        usleep(10000);
    }
    return real(stream);
}

struct dirent *readdir(DIR *stream) { return (struct dirent *)readdir64(stream); }
"""


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler")
    if children.sanitized():
        pytest.skip("the sanitizer must be loaded first")
    folder = tmp_path_factory.mktemp("shim")
    (folder / "shim.c").write_text(SHIM)
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", folder / "shim.c", "-o", folder / "shim.so", "-ldl"], check=True)
    return folder / "shim.so"


def interrupted(command: list[str], ready: Callable[[], bool], **more: str) -> tuple[int, float, str]:
    """Exit status of the command after an interrupt that came when it was ready, how long it took, and what it said."""
    environment = {**os.environ, **more}
    child = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        until = time.monotonic() + 60
        while not ready():
            assert time.monotonic() < until
            assert child.poll() is None, child.communicate()[0]
            time.sleep(0.01)
        child.send_signal(signal.SIGINT)
        start = time.monotonic()
        out, _ = child.communicate(timeout=60)
        return child.returncode, time.monotonic() - start, out
    finally:
        child.kill()
        child.wait()


def a_start() -> float:
    """What the interpreter takes to start and end on this machine, as busy as it is."""
    start = time.monotonic()
    subprocess.run([sys.executable, "-c", "import fastdicom.cli.main"], check=True)
    return time.monotonic() - start


def scan_command(folder: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "fastdicom", "scan", os.fspath(folder), "-o", os.fspath(folder.parent / "out.csv"), *options]


def put(folder: Path, *names: str, file: bytes | None = None) -> Path:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_bytes(part10(minimal()) if file is None else file)
    return folder


@pytest.mark.parametrize("options", OPTIONS)
def test_an_interrupt_while_a_read_hangs(tmp_path: Path, shim: Path, options: list[str]) -> None:
    folder = put(tmp_path / "in", *(f"{i:03}" for i in range(100)), "050-hangs", "zzz")
    said = tmp_path / "said"
    status, seconds, out = interrupted(scan_command(folder, *options), said.exists, LD_PRELOAD=os.fspath(shim), SAID=os.fspath(said))
    assert status == 130, out
    assert seconds < AT_ONCE + a_start()
    assert not (tmp_path / "out.csv").exists()


@pytest.fixture
def lease(tmp_path: Path) -> Iterator[tuple[Path, Callable[[], bool]]]:
    """A folder with a file that another program (this one) has a lease on, and whether somebody waits for it in the system."""
    import fcntl

    folder = put(tmp_path / "in", "001", "002-leased", "003")
    asked: list[int] = []
    before = signal.signal(signal.SIGIO, lambda *args: asked.append(1))
    file = os.open(folder / "002-leased", os.O_RDWR)
    try:
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        yield folder, lambda: bool(asked)
    except OSError:
        pytest.skip("no leases on this file system")
    finally:
        os.close(file)
        signal.signal(signal.SIGIO, before)


@pytest.mark.parametrize("options", OPTIONS)
def test_an_interrupt_while_opening_hangs(lease: tuple[Path, Callable[[], bool]], options: list[str]) -> None:
    """The system lets a program that opens the file wait until the lease is given up: 45 seconds."""
    folder, asked = lease
    status, seconds, out = interrupted(scan_command(folder, *options), asked)
    assert status == 130, out
    assert seconds < AT_ONCE + a_start()


@pytest.mark.parametrize("options", OPTIONS)
def test_an_interrupt_while_a_large_folder_is_listed(tmp_path: Path, shim: Path, options: list[str]) -> None:
    """A thousand names, which take ten seconds."""
    folder = put(tmp_path / "slow", *(f"{i:04}" for i in range(1000)))
    said = tmp_path / "said"
    status, seconds, out = interrupted(scan_command(folder, *options), said.exists, LD_PRELOAD=os.fspath(shim), SAID=os.fspath(said))
    assert status == 130, out
    assert seconds < AT_ONCE + a_start()


@pytest.mark.parametrize("options", ["threads=1", "threads=4", "threads=4, ordered=True"])
def test_a_scan_that_is_left_while_a_large_folder_is_listed(tmp_path: Path, shim: Path, options: str) -> None:
    put(tmp_path / "first", "1")
    put(tmp_path / "slow", *(f"{i:04}" for i in range(1000)))
    code = f"""
import os, sys, time
import fastdicom
scan = fastdicom.scan(sys.argv[1:3], [], {options}, batch_size=1).batches()
next(scan)
while not os.path.exists(sys.argv[3]):
    time.sleep(0.01)
start = time.monotonic()
scan.close()
print(time.monotonic() - start, len(os.listdir("/proc/self/task")))
"""
    said = os.fspath(tmp_path / "said")
    environment = {**os.environ, "LD_PRELOAD": os.fspath(shim), "SAID": said}
    command = [sys.executable, "-c", code, tmp_path / "first", tmp_path / "slow", said]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60)
    seconds, threads = done.stdout.split()
    assert float(seconds) < 0.5  # it ended, and was not left alone after 0.7
    assert int(threads) <= 2  # a thread that was joined may be seen for a moment more


def test_what_hangs_keeps_nothing_else_waiting(tmp_path: Path, shim: Path) -> None:
    folder = put(tmp_path / "in", "000-hangs", *(f"{i:03}" for i in range(1, 300)))
    code = """
import os, sys
import fastdicom
rows = 0
for batch in fastdicom.scan(sys.argv[1], ["PatientID"], threads=2, batch_size=10):
    assert batch.column("PatientID") == ["P-1"] * len(batch)
    rows += len(batch)
    if rows >= 200:
        break
print(rows >= 200, flush=True)
"""
    environment = {"LD_PRELOAD": os.fspath(shim), "SAID": os.fspath(tmp_path / "said")}
    done = subprocess.run(
        [sys.executable, "-c", code, folder], env={**os.environ, **environment}, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.strip() == "True", done.stderr


@pytest.fixture(scope="module")
def bomb() -> bytes:
    """A data set of half a megabyte that inflates to four hundred."""
    return deflated_part10(minimal(element(0x00091010, "OB", bytes(400 << 20)), element(0x00280010, "US", 5)), level=1)


@pytest.mark.parametrize("more", [[], ["--all"]], ids=["columns", "elements"])
@pytest.mark.parametrize("threads", ["1", "4"])
def test_an_interrupt_while_something_large_inflates(tmp_path: Path, threads: str, more: list[str], bomb: bytes) -> None:
    folder = put(tmp_path / "in", "000", file=bomb)
    for i in range(1, 200):
        os.link(folder / "000", folder / f"{i:03}")
    busy_from = time.monotonic() + 1 + a_start()
    status, seconds, out = interrupted(scan_command(folder, "--threads", threads, *more), lambda: time.monotonic() > busy_from)
    assert status == 130, out
    assert seconds < AT_ONCE + a_start()


@pytest.mark.parametrize("threads", [1, 4])
def test_a_read_that_fails_is_a_row_with_its_error(tmp_path: Path, shim: Path, threads: int) -> None:
    """A value that cannot be read must not look like that of a shorter file, whatever was read after it."""
    value = element(0x00104000, "UT", "x" * 200_000)
    folder = put(tmp_path / "in", *(f"{i:02}" for i in range(40)), file=part10(minimal(value, element(0x00280010, "US", 7))))
    put(folder, "20-fails", file=part10(minimal(value, element(0x00280010, "US", 7))))
    put(folder, "30-fails", file=part10(minimal(element(0x00091010, "OB", bytes(20_000)), element(0x00280010, "US", 7))))
    code = """
import sys
import fastdicom
for elements in (False, True):
    tags = None if elements else ["PatientID", "PatientComments", "Rows"]
    scan = fastdicom.scan(sys.argv[1], tags, threads=int(sys.argv[2]), ordered=True, elements=elements, value_limit=1 << 20)
    for batch in scan:
        for path, error in zip(batch.column("path"), batch.column("error")):
            if error:
                print(path[-8:], error)
    print(*scan.counts)
"""
    environment = {**os.environ, "LD_PRELOAD": os.fspath(shim)}
    done = subprocess.run([sys.executable, "-c", code, folder, str(threads)], env=environment, capture_output=True, text=True, check=True)
    failed = [f"20-fails {os.strerror(5)}", f"30-fails {os.strerror(5)}"]
    assert done.stdout.splitlines() == [*failed, "42 40 0 2 0"] * 2


def test_the_shim_changes_nothing_else(tmp_path: Path, shim: Path) -> None:
    folder = put(tmp_path / "in", "1", "2")
    code = "import fastdicom, sys; print(sum(map(len, fastdicom.scan(sys.argv[1], threads=2))))"
    environment = {**os.environ, "LD_PRELOAD": os.fspath(shim)}
    done = subprocess.run([sys.executable, "-c", code, folder], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(sum(map(len, fastdicom.scan(folder)))) == "2"
