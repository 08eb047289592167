"""From what the user named to rows: order, odd names, links, what is never opened."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

import fastdicom
from builders import minimal, part10

FILE = part10(minimal())
posix = pytest.mark.skipif(sys.platform == "win32", reason="fifos, names of any bytes and links are POSIX's")


def rows(source: Any, **options: Any) -> list[dict[str, Any]]:
    """The rows in the order of the walk, which no number of threads may change; without `ordered` they are the same rows."""
    if isinstance(source, Iterator):
        return one_run(source, threads=2, ordered=True, **options)
    want = one_run(source, threads=1, ordered=True, **options)
    assert one_run(source, threads=1, **options) == want
    assert one_run(source, threads=4, ordered=True, **options) == want
    assert sorted(one_run(source, threads=4, **options), key=repr) == sorted(want, key=repr)
    return want


def one_run(source: Any, **options: Any) -> list[dict[str, Any]]:
    return [row for batch in fastdicom.scan(source, ["PatientID"], **options) for row in batch.to_pylist()]


def paths(source: Any, **options: Any) -> list[str]:
    return [row["path"] for row in rows(source, **options)]


def put(path: Path, data: bytes = FILE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def test_files_first_then_folders_each_sorted(tmp_path: Path) -> None:
    for name in ("b/2", "b/10", "a/z/1", "a/1", "c", "B", "a.dcm"):
        put(tmp_path / name)
    assert paths(tmp_path) == [str(tmp_path / name) for name in ("B", "a.dcm", "c", "a/1", "a/z/1", "b/10", "b/2")]
    assert paths(tmp_path, recursive=False) == [str(tmp_path / name) for name in ("B", "a.dcm", "c")]


@pytest.mark.parametrize("count", [0, 1, 24, 25, 26, 1000])
@pytest.mark.parametrize("form", ["{:06d}", "{}", "x{:x}", "same-start-that-is-long-{:o}", "{:0>3}{:0>200}"])
def test_names_are_sorted_as_bytes(tmp_path: Path, count: int, form: str) -> None:
    names = {form.format(i * 7919 % 1000, i) if form.count("{") > 1 else form.format(i * 7919 % 1000) for i in range(count)}
    for name in names:
        (tmp_path / name).touch()
    assert paths(tmp_path) == [str(tmp_path / name) for name in sorted(names)]


def test_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = put(tmp_path / "1"), put(tmp_path / "folder/2")
    both = [str(first), str(second)]
    assert paths(str(tmp_path)) == paths(tmp_path) == paths(os.fsencode(tmp_path)) == both
    assert paths(f"{tmp_path}/") == both
    assert paths([second, os.fsencode(first), str(tmp_path / "folder")]) == [str(second), str(first), str(second)]
    assert paths(path for path in (first,)) == [str(first)]
    assert paths([]) == []
    monkeypatch.chdir(tmp_path)
    assert paths(".") == ["./1", "./folder/2"]
    assert paths("folder") == ["folder/2"]


@pytest.mark.parametrize("ordered", [True, False])
def test_many_paths_from_an_iterator_are_taken_as_they_come(tmp_path: Path, ordered: bool) -> None:
    path = put(tmp_path / "1")
    asked = 0

    def source() -> Iterator[Path]:
        nonlocal asked
        for _ in range(50_000):
            asked += 1
            yield path

    batches = iter(fastdicom.scan(source(), [], batch_size=100, threads=2, ordered=ordered))
    assert len(next(batches)) == 100
    assert asked < 5000  # those looked ahead, and those in batches that wait
    assert sum(map(len, batches)) == 49_900


def test_an_iterator_can_be_used_once(tmp_path: Path) -> None:
    scan = fastdicom.scan(iter([put(tmp_path / "1")]), [])
    assert sum(map(len, scan)) == 1
    with pytest.raises(ValueError, match="used up"):
        list(scan)
    scan = fastdicom.scan([tmp_path / "1"], [])
    assert [sum(map(len, scan)) for _ in range(2)] == [1, 1]


@pytest.mark.parametrize("source", [5, None, [5], [None]])
def test_what_is_no_source(source: Any) -> None:
    with pytest.raises(TypeError):
        list(fastdicom.scan(source))


def test_a_file_that_is_not_there_is_a_row(tmp_path: Path) -> None:
    (row,) = rows(tmp_path / "none")
    assert row["path"] == str(tmp_path / "none")
    assert row["error"] == os.strerror(2)
    assert (row["size"], row["mtime"]) == (None, None)
    (row,) = rows("")
    assert row["error"] == os.strerror(2)
    (row,) = rows("a\0b")
    assert (row["path"], row["error"]) == ("a\0b", os.strerror(22))
    (row,) = rows(str(tmp_path / ("x" * 300)))
    assert row["error"] is not None


def test_file_facts(tmp_path: Path) -> None:
    path = put(tmp_path / "1")
    os.utime(path, ns=(0, 1_600_000_000_123_456_789))
    (row,) = rows(path)
    assert row["size"] == len(FILE)
    assert row["mtime"].isoformat() == "2020-09-13T12:26:40.123456+00:00"
    os.utime(path, ns=(0, -1_500_000_000))
    (row,) = rows(path)
    assert row["mtime"].isoformat() == "1969-12-31T23:59:58.500000+00:00"


@posix
def test_odd_names(tmp_path: Path) -> None:
    names = [b"new\nline", b"b\xff\xfed.dcm", "ümlaut".encode(), b"\xed\xa0\x80", b"\\x41", b" ", b"a" * 255, b"\x1b[31m"]
    for name in names:
        put(Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)))
    (folder := tmp_path / os.fsdecode(b"\xff")).mkdir()
    put(folder / "in")
    found = rows(tmp_path, path_bytes=True)
    assert [row["path_bytes"] for row in found] == [os.fsencode(tmp_path) + b"/" + name for name in [*sorted(names), b"\xff/in"]]
    assert {row["PatientID"] for row in found} == {"P-1"}
    shown = {row["path"].removeprefix(f"{tmp_path}/") for row in found}
    assert {"new\nline", "b\\xFF\\xFEd.dcm", "ümlaut", "\\xED\\xA0\\x80", "\\x41", "\\xFF/in"} <= shown


@posix
def test_what_is_no_regular_file_is_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to("fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(tmp_path / "socket"))
        found = rows(tmp_path)
    assert [(Path(row["path"]).name, row["error"]) for row in found] == [
        (name, "not a regular file") for name in ("fifo", "link", "socket")
    ]
    assert rows(["/dev/null", tmp_path / "fifo"])[0]["error"] == "not a regular file"


@posix
def test_links(tmp_path: Path) -> None:
    put(tmp_path / "data/1")
    (tmp_path / "data/loop").symlink_to("..")
    (tmp_path / "data/self").symlink_to("self")
    (tmp_path / "file").symlink_to("data/1")
    (tmp_path / "folder").symlink_to("data")
    (tmp_path / "broken").symlink_to("nothing")
    found = {row["path"].removeprefix(f"{tmp_path}/"): row["error"] for row in rows(tmp_path)}
    loop = os.strerror(40 if sys.platform == "linux" else 62)
    assert found == {"broken": os.strerror(2), "file": None, "data/1": None, "data/self": loop}
    followed = paths(tmp_path, follow_links=True)
    assert sorted(path.removeprefix(f"{tmp_path}/") for path in followed) == ["broken", "data/1", "data/self", "file"]
    assert paths(tmp_path / "folder") == [str(tmp_path / "folder/1"), str(tmp_path / "folder/self")]  # what was named is followed
    assert paths([tmp_path / "folder"], follow_links=True)[0] == str(tmp_path / "folder/1")


@posix
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may read everything")
def test_unreadable(tmp_path: Path) -> None:
    (closed := tmp_path / "closed").mkdir()
    put(closed / "in")
    put(tmp_path / "file").chmod(0)
    closed.chmod(0)
    try:
        found = {row["path"]: row["error"] for row in rows(tmp_path)}
    finally:
        closed.chmod(0o700)
    assert found == {str(tmp_path / "file"): os.strerror(13), str(closed): os.strerror(13)}


@posix
@pytest.mark.parametrize("threads", [1, 2])
def test_what_vanishes_after_it_was_listed_is_a_row(tmp_path: Path, threads: int) -> None:
    for i in range(60):
        put(tmp_path / f"a/{i:02}")
    put(tmp_path / "b/1")
    # in order the threads run ahead of who takes the batches by a few units, here of a file each
    scan = iter(fastdicom.scan(tmp_path, [], batch_size=1, threads=threads, ordered=True))
    assert next(scan).column("path") == [str(tmp_path / "a/00")]
    (tmp_path / "a/58").unlink()
    (tmp_path / "b/1").unlink()
    (tmp_path / "b").rmdir()
    failures = [failure for batch in scan for failure in batch.failures()]
    assert failures == [(str(tmp_path / name), os.strerror(2)) for name in ("a/58", "b")]


@posix
def test_deep_folders(tmp_path: Path) -> None:
    here = os.getcwd()
    os.chdir(tmp_path)
    try:
        for _ in range(60):  # beyond PATH_MAX
            os.mkdir("d" * 100)
            os.chdir("d" * 100)
        Path("file").write_bytes(FILE)
        found = rows(tmp_path)
    finally:
        os.chdir(here)
    assert [row["error"] for row in found] == [os.strerror(36 if sys.platform == "linux" else 63)]
    assert found[0]["size"] is None


@pytest.mark.parametrize("batch_size", [1, 7, 64, 1000])
def test_batches(tmp_path: Path, batch_size: int) -> None:
    for i in range(150):
        put(tmp_path / f"{i:03}")
    scan = fastdicom.scan(tmp_path, [], batch_size=batch_size, ordered=True)
    sizes = [len(batch) for batch in scan]
    assert sum(sizes) == 150
    assert set(sizes[:-1]) <= {batch_size}
    sizes = [len(batch) for batch in fastdicom.scan(tmp_path, [], batch_size=batch_size)]
    assert sum(sizes) == 150
    assert max(sizes) <= batch_size
    assert scan.counts == (150, 150, 0, 0, 0)


def test_counts_and_failures(tmp_path: Path) -> None:
    put(tmp_path / "good")
    put(tmp_path / "text", b"text")
    put(tmp_path / "dup", part10(minimal(minimal())))
    scan = fastdicom.scan([tmp_path, tmp_path / "none"], thorough=True, ordered=True)
    (batch,) = scan
    assert scan.counts._asdict() == {"files": 4, "read": 2, "not_dicom": 1, "failed": 1, "noted": 1}
    assert batch.failures() == [(str(tmp_path / "none"), os.strerror(2))]


def test_a_large_batch_is_cut_by_its_bytes(tmp_path: Path) -> None:
    from builders import element

    path = put(tmp_path / "1", part10(minimal(element(0x0040A160, "UT", b"x" * (8 << 20)))))
    sizes = [len(batch) for batch in fastdicom.scan([path] * 40, ["TextValue"], threads=1, ordered=True)]
    assert sizes == [16, 16, 8]


@pytest.mark.parametrize("options", [{"threads": 0}, {"batch_size": 0}, {"threads": -1}, {"threads": 1025}])
def test_numbers_out_of_range(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="from 1"):
        fastdicom.scan(".", **options)


def test_options_are_for_scan_and_for_the_callable_package() -> None:
    import inspect

    from fastdicom.scan import scan

    assert inspect.signature(fastdicom.scan) == inspect.signature(scan)
    assert fastdicom.scan.scan is scan
    assert fastdicom.scan(".", threads=2).columns == scan(".").columns


def test_progress(tmp_path: Path) -> None:
    put(tmp_path / "1")
    seen: list[int] = []
    batches: Iterable[object] = fastdicom.scan([tmp_path] * 200, []).batches(lambda counts: seen.append(counts.files))
    assert sum(map(len, list(batches))) == 200
    assert seen == sorted(seen)
    assert seen[-1] == 200
