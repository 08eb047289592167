"""Scans on several threads: the same rows, and nothing left behind however they end."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import children
import fastdicom
from builders import element, minimal, part10

linux = pytest.mark.skipif(sys.platform != "linux", reason="counts the threads in /proc")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for i in range(600):
        path = tmp_path / "in" / f"{i % 7}" / f"{i % 3}" / f"{i:03}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(part10(minimal(element(0x00200013, "IS", str(i)))) if i % 11 else b"text")
    return tmp_path / "in"


def rows(source: Any, **options: Any) -> list[tuple[Any, ...]]:
    return [row for batch in fastdicom.scan(source, **options) for row in batch.rows()]


def system_threads() -> int:
    return len(os.listdir("/proc/self/task"))


def wait_for_threads(most: int) -> bool:
    """A thread that was joined may be seen by the system for a moment more."""
    until = time.monotonic() + 20
    while system_threads() > most and time.monotonic() < until:
        time.sleep(0.01)
    return system_threads() <= most


@pytest.mark.parametrize("threads", [1, 2, 8])
@pytest.mark.parametrize("batch_size", [3, 32768])
def test_the_same_rows(folder: Path, threads: int, batch_size: int) -> None:
    want = rows(folder, threads=1, ordered=True)
    assert len(want) == 600
    assert rows(folder, threads=threads, ordered=True, batch_size=batch_size) == want
    assert sorted(rows(folder, threads=threads, batch_size=batch_size), key=repr) == sorted(want, key=repr)
    named = [path for path in sorted(folder.rglob("*")) if path.is_file()] + [folder]
    assert len(rows(named, threads=threads, batch_size=batch_size)) == 1200


@pytest.mark.corpus
def test_the_same_rows_of_the_corpus(corpus: Path) -> None:
    want = rows(corpus, threads=1, ordered=True)
    for threads in (1, 2, 8):
        assert repr(rows(corpus, threads=threads, ordered=True)) == repr(want)
        assert sorted(map(repr, rows(corpus, threads=threads))) == sorted(map(repr, want))


@linux
@pytest.mark.parametrize("ordered", [True, False])
def test_a_scan_that_is_left_early_leaves_no_thread(folder: Path, ordered: bool) -> None:
    before = system_threads()
    for _ in range(5):
        scan = fastdicom.scan(folder, threads=4, batch_size=1, ordered=ordered).batches()
        next(scan)
        scan.close()  # type: ignore[attr-defined]
    dropped = iter(fastdicom.scan(folder, threads=4, batch_size=1, ordered=ordered))
    next(dropped)
    del dropped
    with pytest.raises(ZeroDivisionError):
        [1 // 0 for _ in fastdicom.scan(folder, threads=4, batch_size=1, ordered=ordered)]
    gc.collect()
    assert wait_for_threads(before)


@linux
def test_a_stream_that_is_dropped_half_way_leaves_no_thread(folder: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    pa.table(fastdicom.scan(folder, threads=1))  # pyarrow's own threads are there now
    before = system_threads()
    with pa.RecordBatchReader.from_stream(fastdicom.scan(folder, threads=4, batch_size=1)) as reader:
        reader.read_next_batch()
    del reader
    gc.collect()
    assert wait_for_threads(before)


@pytest.mark.parametrize("threads", [1, 4])
def test_what_a_source_raises_ends_the_scan(folder: Path, threads: int) -> None:
    def source() -> Iterator[Path]:
        yield folder
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        rows(source(), threads=threads)


def test_an_endless_source_is_asked_as_it_is_read(folder: Path) -> None:
    batches = iter(fastdicom.scan(iter(lambda: folder, None), [], threads=2))
    assert sum(len(next(batches)) for _ in range(2)) > 0


def test_the_end_of_the_interpreter_with_a_scan_half_read(folder: Path) -> None:
    code = """
import sys, fastdicom
kept = iter(fastdicom.scan([sys.argv[1]] * 50, threads=4, batch_size=1))
next(kept)
print("done")
"""
    assert children.run(code, folder).strip() == "done"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_process_is_told(folder: Path) -> None:
    code = """
import os, sys, warnings, fastdicom
warnings.simplefilter("ignore")
scan = iter(fastdicom.scan([sys.argv[1]] * 50, threads=2, batch_size=1))
next(scan)
if os.fork() == 0:
    try:
        next(scan)
    except RuntimeError as error:
        print(error, flush=True)
    print(sum(map(len, fastdicom.scan(sys.argv[1], threads=2))), flush=True)
    os._exit(0)
os.wait()
"""
    said = children.run(code, folder).splitlines()
    assert "forked" in said[0]
    assert said[1:] == ["600"]


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
@pytest.mark.parametrize("options", ["threads=1", "threads=4", "threads=4, ordered=True"])
def test_an_interrupt_ends_the_threads(folder: Path, options: str) -> None:
    code = f"""
import itertools, sys, threading, fastdicom
try:
    for batch in fastdicom.scan(itertools.repeat(sys.argv[1]), {options}):
        print("on", flush=True)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""
    child = subprocess.Popen([sys.executable, "-c", code, os.fspath(folder)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    child.stdout.readline()
    child.send_signal(signal.SIGINT)
    out, _ = child.communicate(timeout=60)
    assert out.splitlines()[-1] == "interrupted"
    assert child.returncode == 0


def test_many_scans_at_once(folder: Path) -> None:
    want = sorted(rows(folder, threads=1), key=repr)
    found: list[bool] = []

    def work(ordered: bool) -> None:
        for _ in range(3):
            found.append(sorted(rows(folder, threads=3, ordered=ordered, batch_size=50), key=repr) == want)

    threads = [threading.Thread(target=work, args=(i % 2 == 0,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 18


@pytest.mark.skipif(sys.platform == "win32", reason="sparse files")
def test_a_file_of_300_gigabytes(tmp_path: Path) -> None:
    path = tmp_path / "1"
    with path.open("wb") as file:
        file.write(part10(minimal()) + b"\xe0\x7f\x10\x00OW\0\0" + (0xFFFFFFF0).to_bytes(4, "little"))
        file.truncate(300 << 30)
    (row,) = rows(tmp_path, tags=["PatientID", "PixelData"])
    assert row[1] == 300 << 30
    assert row[3] is None
    assert row[4] == "P-1"


@pytest.mark.skipif(sys.platform == "win32", reason="sparse files")
@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff",
        b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\0\0\0\0",
        b"\x40\x00\x75\x02SQ\0\0\xff\xff\xff\xff",
        b"\x40\x00\x75\x02SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\xff\xff\xff\xff",
    ],
    ids=["nothing", "pixels", "fragments", "sequence", "item"],
)
def test_zeros_without_an_end_are_not_read_to_their_end(tmp_path: Path, head: bytes, threads: int) -> None:
    with (tmp_path / "1").open("wb") as file:
        file.write(part10(minimal()) + head)
        file.truncate(300 << 30)
    (row,) = rows(tmp_path, tags=["PatientID", "PixelData"], threads=threads)
    assert row[1] == 300 << 30
    assert row[4] == "P-1"
    assert row[-1]


@pytest.mark.skipif(sys.platform == "win32", reason="sparse files")
def test_a_wanted_value_of_a_gigabyte(tmp_path: Path) -> None:
    with (tmp_path / "1").open("wb") as file:
        file.write(part10(minimal()) + b"\x20\x00\x00\x40UT\0\0" + (1 << 30).to_bytes(4, "little"))
        file.truncate(file.tell() + (1 << 30))
    (row,) = rows(tmp_path, tags=["PatientID", "ImageComments"])
    assert row[4:6] == ("P-1", None)
    assert "a value of 1073741824 bytes is longer than" in row[-1]


@pytest.mark.skipif(sys.platform == "win32", reason="a file that is open elsewhere")
@pytest.mark.parametrize("ordered", [True, False])
def test_a_file_that_shrinks_and_grows_while_it_is_read(tmp_path: Path, ordered: bool) -> None:
    data = part10(minimal(element(0x00204000, "LT", "x" * 9000)))
    path = tmp_path / "1"
    path.write_bytes(data)
    done = threading.Event()

    def change() -> None:
        with path.open("r+b", buffering=0) as file:
            while not done.is_set():
                for size in (0, 140, 400, 5000):
                    file.truncate(size)
                    file.seek(0)
                    file.write(data)

    writer = threading.Thread(target=change)
    writer.start()
    try:
        found = rows([path] * 2000, tags=["PatientID", "ImageComments"], threads=4, ordered=ordered)
    finally:
        done.set()
        writer.join()
    assert len(found) == 2000
    assert {row[0] for row in found} == {os.fspath(path)}


@linux
@pytest.mark.parametrize("threads", [1, 4])
def test_a_folder_of_very_many_files_left_while_it_is_listed(tmp_path: Path, threads: int) -> None:
    for i in range(50_000):
        os.close(os.open(tmp_path / f"{i:05}", os.O_CREAT | os.O_WRONLY))
    before = system_threads()
    for ordered in (True, False):
        scan = fastdicom.scan([tmp_path] * 100, [], threads=threads, ordered=ordered, batch_size=1).batches()
        next(scan)
        scan.close()  # type: ignore[attr-defined]
    assert wait_for_threads(before)


def test_a_folder_of_very_many_files(tmp_path: Path) -> None:
    for i in range(50_000):
        os.close(os.open(tmp_path / f"{i:05}", os.O_CREAT | os.O_WRONLY))
    counts = fastdicom.scan(tmp_path, [], threads=4)
    assert sum(map(len, counts)) == 50_000
    assert counts.counts.not_dicom == 50_000
