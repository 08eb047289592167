"""Scans on several threads: the same rows, and nothing left behind however they end."""

from __future__ import annotations

import gc
import os
import random
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
import fastdicom.scan.threads as thread_count
from builders import element, minimal, part10
from fastdicom.scan import _scan

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
@pytest.mark.skipif(children.sanitized(), reason="the sanitizer's own memory does not survive a fork among threads")
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


HUGE = 1 << 30
LARGEST = 0xFFFFFFFE


def put_huge(folder: Path) -> Path:
    """Sparse files: a gigabyte and more in values that are wanted, that are not, and in sequences; and 300 gigabytes."""
    folder.mkdir()
    long_text = b"\x20\x00\x00\x40UT\0\0"
    document = b"\x42\x00\x11\x00OB\0\0"
    private = b"\x11\x00\x10\x10OB\0\0"
    numbers = b"\x18\x00\x63\x10UN\0\0"
    items = b"\x18\x00\x46\x93SQ\0\0"
    pixels = b"\xe0\x7f\x10\x00OW\0\0"
    behind = element(0x7FE00010, "OW", bytes(100))
    for name, head, length, size, tail in (
        ("text", long_text, HUGE, HUGE, behind),
        ("text-cut", long_text, LARGEST, HUGE, b""),
        ("bytes", document, HUGE, HUGE, behind),
        ("bytes-cut", document, LARGEST, HUGE, b""),
        ("private", private, HUGE, HUGE, element(0x00204000, "LT", "behind") + behind),
        ("numbers", numbers, HUGE, HUGE, behind),
        ("sequence", items, HUGE, HUGE, element(0x00204000, "LT", "behind") + behind),
        ("item", items, HUGE + 8, 0, b"\xfe\xff\x00\xe0" + HUGE.to_bytes(4, "little")),
        ("pixels", pixels, LARGEST, 300 << 30, b""),
        ("undefined", pixels, 0xFFFFFFFF, 300 << 30, b""),
    ):
        with (folder / name).open("wb") as file:
            file.write(part10(minimal()) + head + length.to_bytes(4, "little"))
            if size:
                file.seek(size, os.SEEK_CUR)
            file.write(tail)
            file.truncate(max(file.tell(), HUGE))
    return folder


@pytest.mark.skipif(sys.platform == "win32", reason="sparse files")
@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("elements", [True, False])
def test_memory_stays_flat_whatever_a_file_says(tmp_path: Path, threads: int, elements: bool) -> None:
    code = """
import resource, sys
import fastdicom
folder, threads, elements = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "True"
tags = None if elements else ["PatientID", "ImageComments", "EncapsulatedDocument", "FrameIncrementPointer", "Rows", "PixelData"]
list(fastdicom.scan(folder + "/nothing", tags, elements=elements))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
found = {}
for _ in range(3):
    for batch in fastdicom.scan([folder] * 2, tags, threads=threads, elements=elements):
        for row in batch.to_pylist():
            found.setdefault(row["path"].rpartition("/")[2], []).append(row)
for name in sorted(found):
    rows = found[name]
    if elements:
        print(name, sum(row["value"] == "P-1" for row in rows), {row["error"] for row in rows}, "behind" in {row["value"] for row in rows})
    else:
        print(name, len(rows), {row["error"] for row in rows}, {row["PatientID"] for row in rows}, {row["ImageComments"] for row in rows})
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
    *lines, grown = children.run(code, put_huge(tmp_path / "in"), str(threads), str(elements), timeout=60).splitlines()
    assert len(lines) == 10
    for line in lines:
        name, _, rest = line.partition(" ")
        has = name in ("private", "sequence")
        assert rest == (f"6 {{None}} {has}" if elements else f"6 {{None}} {{'P-1'}} { {'behind' if has else None} }"), line
    assert int(grown) < (100 if children.sanitized() else 40)  # MiB; a value of a column has 16 at most


@pytest.mark.skipif(sys.platform == "win32", reason="sparse files")
def test_values_of_a_gigabyte_are_null_with_a_note(tmp_path: Path) -> None:
    found = {}
    for row in rows(put_huge(tmp_path / "in"), tags=["PatientID", "ImageComments", "EncapsulatedDocument"], threads=2):
        found[Path(row[0]).name] = row[3:]
    for name, column in ("text", 2), ("bytes", 3):
        assert found[name][:4] == (None, "P-1", None, None)
        assert f"a value of {HUGE} bytes is longer than" in found[name][-1]
        assert found[f"{name}-cut"][column] is None
        assert "goes beyond the end" in found[f"{name}-cut"][-1]
    for name in "private", "sequence":
        assert found[name] == (None, "P-1", "behind", None, None)


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


@pytest.mark.skipif(sys.platform == "win32", reason="a file that is open elsewhere")
@pytest.mark.parametrize("options", [{"threads": 1}, {"threads": 4}, {"threads": 4, "ordered": True}])
def test_files_that_vanish_and_come_back_and_grow_and_shrink_while_they_are_read(tmp_path: Path, options: dict[str, Any]) -> None:
    whole = part10(minimal(element(0x00111010, "OB", bytes(20_000)), element(0x00204000, "LT", "x" * 9000)))
    paths = [tmp_path / f"{i:02}" for i in range(40)]
    done = threading.Event()

    def change(seed: int) -> None:
        luck = random.Random(seed)
        while not done.is_set():
            path = luck.choice(paths)
            what = luck.randrange(4)
            if what == 0:
                path.unlink(missing_ok=True)
            elif what == 1:
                path.write_bytes(whole[: luck.choice([0, 100, 140, 400, 5000, 10_000, 25_000])])
            else:
                (tmp_path / f"new-{seed}").write_bytes(whole + bytes(luck.randrange(3) * 1000))
                (tmp_path / f"new-{seed}").replace(path)

    writers = [threading.Thread(target=change, args=(seed,)) for seed in range(2)]
    for path in paths:
        path.write_bytes(whole)
    for writer in writers:
        writer.start()
    try:
        found = rows(paths * 100, tags=["PatientID", "ImageComments"], **options)
        long = rows(paths * 20, elements=True, **options)
    finally:
        done.set()
        for writer in writers:
            writer.join()
    assert len(found) == 4000
    kinds = set()
    for _, _, _, error, patient, comments, notes in found:
        assert patient in ("P-1", None)
        assert comments is None or set(comments) <= {"x"}
        # what is not there has a reason: an error, a note, or a file that ends between two elements
        assert error is None or (patient, comments) == (None, None)
        kinds.add((error is not None, comments == "x" * 9000, notes is not None))
    assert (True, False, False) in kinds
    assert (False, True, False) in kinds
    assert {row[0] for row in long} == {os.fspath(path) for path in paths}


@linux
@pytest.mark.parametrize("threads", [1, 4])
def test_scans_of_a_large_folder_that_are_left_early_leave_no_thread(tmp_path: Path, threads: int) -> None:
    """That the listing itself ends early is in test_scan_interrupts.py, where it can be made slow."""
    (tmp_path / "0").touch()
    for i in range(1, 50_000):
        os.link(tmp_path / "0", tmp_path / f"{i:05}")
    before = system_threads()
    for ordered in (True, False):
        scan = fastdicom.scan([tmp_path] * 100, [], threads=threads, ordered=ordered, batch_size=1).batches()
        next(scan)
        scan.close()  # type: ignore[attr-defined]
    assert wait_for_threads(before)


def test_threads_by_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The cores; where a server or a program answers, four times as many, and at least 16. The system says which that are."""
    assert not _scan.is_remote(os.fsencode(tmp_path))
    assert not _scan.is_remote(b"/nowhere")
    assert thread_count.default([tmp_path]) == thread_count.default(iter([tmp_path])) == thread_count.cores() >= 1
    asked: list[bytes] = []

    def is_remote(path: bytes) -> bool:
        asked.append(path)
        return path.startswith(b"/net")

    monkeypatch.setattr(thread_count._scan, "is_remote", is_remote)
    for cores, remote in (1, 16), (2, 16), (4, 16), (8, 32):
        monkeypatch.setattr(thread_count, "cores", lambda cores=cores: cores)
        assert thread_count.default(["/here", b"/here"]) == cores
        assert thread_count.default(["/here", Path("/net/x")]) == remote
        assert thread_count.default((b"/net",)) == remote
    assert thread_count.default([object(), "a\0b"]) == 8
    asked.clear()
    thread_count.default([f"/{i}" for i in range(1000)])
    assert len(asked) == 8


def test_a_folder_of_very_many_files(tmp_path: Path) -> None:
    for i in range(50_000):
        os.close(os.open(tmp_path / f"{i:05}", os.O_CREAT | os.O_WRONLY))
    counts = fastdicom.scan(tmp_path, [], threads=4)
    assert sum(map(len, counts)) == 50_000
    assert counts.counts.not_dicom == 50_000
