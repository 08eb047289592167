"""What a scan reads of a file, and how often: as little as the wanted elements allow, and nothing twice."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import children
import fastdicom
from builders import dataset, deflated_part10, element, item, minimal, part10, sequence
from fastdicom.scan import _scan, text
from fastdicom.scan.columns import columns_of

linux = pytest.mark.skipif(sys.platform != "linux", reason="the system counts reads in /proc/self/io")

HEAD, PAGE = 8192, 4096  # of the first files; what the system reads from a disk at least

# How many reads a scan makes and of how many bytes, by the system's own count
COUNT = """
import sys
import fastdicom

def counted():
    with open("/proc/self/io", "rb", buffering=0) as file:
        fields = dict(line.split(b": ") for line in file.read(4096).splitlines())
    return int(fields[b"syscr"]), int(fields[b"rchar"])

folder, tags = sys.argv[1], sys.argv[2].split()
scan = fastdicom.scan(folder, tags, threads=1, ordered=True)
list(fastdicom.scan(folder + "/nothing", tags, threads=1))
first = counted()
second = counted()
rows = [row for batch in scan for row in batch.rows()]
third = counted()
for row in rows[:1]:
    print(*row[3:-1], sep="\\n")
print(len(rows), third[0] - second[0] - (second[0] - first[0]), third[1] - second[1] - (second[1] - first[1]))
"""


class Reads:
    """What a scan of a folder said of its first file, and what it read."""

    def __init__(self, folder: Path, *tags: str) -> None:
        *self.row, last = children.run(COUNT, folder, " ".join(tags)).splitlines()
        self.files, self.reads, self.bytes = map(int, last.split())


def put(folder: Path, file: bytes, count: int = 1) -> Path:
    folder.mkdir(exist_ok=True)
    for i in range(count):
        (folder / f"{i:04}").write_bytes(file)
    return folder


def long(tag: int, size: int) -> bytes:
    return element(tag, "OB", b"\xab" * size)


PIXELS = element(0x7FE00010, "OW", b"z" * 50_000)
ROWS = element(0x00280010, "US", 7)


@linux
def test_an_ordinary_file_is_one_read(tmp_path: Path) -> None:
    found = Reads(put(tmp_path / "in", part10(minimal(ROWS, PIXELS)), 200), "PatientID", "Rows")
    assert (found.row, found.files, found.reads) == (["None", "P-1", "7"], 200, 200)
    assert found.bytes <= 200 * HEAD


@linux
def test_what_is_no_dicom_is_one_look(tmp_path: Path) -> None:
    found = Reads(put(tmp_path / "in", b"text" * 20_000, 200), "PatientID", "Rows")
    assert (found.files, found.reads) == (200, 200)
    assert found.bytes <= 200 * HEAD


@linux
@pytest.mark.parametrize("size", [HEAD, 60_000, 3_000_000])
def test_a_long_private_value_before_a_wanted_one_is_not_read(tmp_path: Path, size: int) -> None:
    file = part10(minimal(long(0x00191010, size), ROWS, PIXELS))
    found = Reads(put(tmp_path / "in", file, 20), "PatientID", "PatientName", "Rows")
    assert found.row == ["None", "P-1", "Doe^Jane", "7"]
    assert found.reads == 2 * 20
    assert found.bytes <= 20 * (HEAD + 2 * PAGE)


@linux
def test_many_long_values_before_a_wanted_one_are_not_read(tmp_path: Path) -> None:
    """Sparse, a gigabyte each: reading one would take longer than this test may."""
    (tmp_path / "in").mkdir()
    with (tmp_path / "in/1").open("wb") as file:
        file.write(part10(minimal()))
        for i in range(20):
            file.write(b"\x19\x00" + (0x1010 + i).to_bytes(2, "little") + b"OB\0\0" + (1 << 30).to_bytes(4, "little"))
            file.seek(1 << 30, os.SEEK_CUR)
        file.write(ROWS + PIXELS)
    found = Reads(tmp_path / "in", "PatientID", "PatientName", "Rows")
    assert found.row == ["None", "P-1", "Doe^Jane", "7"]
    assert found.reads == 1 + 20
    assert found.bytes <= HEAD + 20 * (512 + PAGE)


@linux
@pytest.mark.parametrize("size", [9000, 40_000, 65_536])
def test_of_a_wanted_value_exactly_what_is_missing_is_read(tmp_path: Path, size: int) -> None:
    file = part10(minimal(element(0x0040A160, "UT", "x" * size), PIXELS))
    found = Reads(put(tmp_path / "in", file), "PatientID", "TextValue")
    assert found.row == ["None", "P-1", "x" * size]
    assert found.reads == 2
    assert found.bytes == len(file) - 50_000  # to behind the header that follows: there could be the same tag once more


@linux
def test_a_wanted_value_of_megabytes_is_read_once(tmp_path: Path) -> None:
    file = part10(minimal(element(0x0040A160, "UT", "x" * 5_000_000), PIXELS))
    found = Reads(put(tmp_path / "in", file), "PatientID", "TextValue", "Rows")
    assert found.row[:3] == ["None", "P-1", "x" * 5_000_000]
    assert found.reads <= 3
    assert found.bytes <= len(file) - 50_000 + 2 * PAGE


@linux
@pytest.mark.parametrize("elements", [300, 1200, 4000])
def test_a_header_of_many_elements_is_read_in_few_steps(tmp_path: Path, elements: int) -> None:
    file = part10(minimal(*(element(0x00191000 + i, "LO", "x" * 40) for i in range(elements)), ROWS, PIXELS))
    header = len(file) - 50_000
    found = Reads(put(tmp_path / "in", file), "PatientID", "Rows")
    assert found.row == ["None", "P-1", "7"]
    assert found.reads <= 7
    assert found.bytes <= 2 * header + PAGE


@linux
def test_the_first_read_follows_the_files_before(tmp_path: Path) -> None:
    file = part10(minimal(*(element(0x00191000 + i, "LO", "x" * 40) for i in range(1200)), ROWS, PIXELS))
    found = Reads(put(tmp_path / "in", file, 400), "PatientID", "Rows")
    assert found.reads <= 400 + 64 * 4
    assert found.bytes <= 400 * (1 << 17)


@linux
def test_nothing_is_read_twice(tmp_path: Path) -> None:
    """The walk is over before the first value is asked for: those before a long value, and those behind it."""
    names = {
        0x00080060: "Modality",
        0x00100020: "PatientID",
        0x00180050: "SliceThickness",
        0x00200013: "InstanceNumber",
        0x00280010: "Rows",
    }
    values = [
        element(0x00080060, "CS", "CT"),
        long(0x00091010, 30_000),
        element(0x00100020, "LO", "P-1"),
        long(0x00111010, 30_000),
        element(0x00180050, "DS", "1.5"),
        long(0x00191010, 30_000),
        element(0x00200013, "IS", "3"),
        long(0x00211010, 30_000),
        element(0x00280010, "US", 7),
        PIXELS,
    ]
    found = Reads(put(tmp_path / "in", part10(dataset(*values)), 10), *names.values())
    assert found.row == ["None", "CT", "P-1", "1.5", "3", "7"]
    assert found.reads == 5 * 10
    assert found.bytes <= 10 * (HEAD + 4 * (512 + PAGE))


def make(seed: int) -> bytes:
    """Wanted elements between long and short ones, in sequences too: each run of the walk jumps elsewhere."""
    luck = random.Random(seed)
    sizes = [10, 400, 3000, 5000, 9000, 70_000] + [1_200_000] * (seed % 10 == 0)

    def other(tag: int) -> bytes:
        return element(tag, "OB", luck.randbytes(luck.choice(sizes) // 2 * 2)) if luck.random() < 0.7 else b""

    inner = [element(0x00081155, "UI", "1.2.3"), other(0x00091010), element(0x00081199, "LO", "z"), element(0x00280030, "DS", "0.5\\0.25")]
    parts = [
        element(0x00080008, "CS", "ORIGINAL\\PRIMARY"),
        other(0x00091010),
        sequence(0x00081140, item(dataset(*sorted(inner))), item(dataset(*inner[:1])), undefined=luck.random() < 0.5),
        element(0x0008103E, "LO", "x" * luck.randrange(64)),
        *(other(0x00091011 + i) for i in range(luck.randrange(12))),
        element(0x00100020, "LO", f"patient {seed}"),
        *(element(0x00111000 + i, "LO", "y" * luck.randrange(64)) for i in range(luck.choice([0, 10, 1000]))),
        element(0x00104000, "UT", "y" * luck.choice(sizes)),
        other(0x00191010),
        element(0x00200013, "IS", str(seed)),
        other(0x00211010),
        element(0x00280030, "DS", "1.5\\2.5"),
        other(0x7FE00010),
    ]
    data = dataset(*(part for part in parts if luck.random() < 0.9))
    return deflated_part10(data) if seed % 7 == 3 else part10(data)


TAGS = [
    "PatientID",
    "ImageType",
    "SeriesDescription",
    "PatientComments",
    "InstanceNumber",
    "PixelSpacing",
    "ReferencedImageSequence[*]/PixelSpacing",
]


@pytest.mark.parametrize("thorough", [True, False])
def test_a_file_read_in_pieces_is_the_whole_file(tmp_path: Path, thorough: bool) -> None:
    whole = _scan.Scanner(columns_of(TAGS), text.decode, thorough=thorough)
    for seed in range(120):
        data = make(seed)
        path = tmp_path / f"{seed:04}"
        path.write_bytes(data)
        assert whole.visit(os.fsencode(path), len(data), path.stat().st_mtime_ns // 1000, [(0, data)]) is None
    rows = [row for batch in fastdicom.scan(tmp_path, TAGS, ordered=True, thorough=thorough, threads=2) for row in batch.rows()]
    assert rows == whole.take().rows()


def elements_of(source: Any) -> list[tuple[Any, ...]]:
    columns = "element", "vr", "length", "value", "notes"
    return [
        row
        for batch in fastdicom.scan(source, elements=True, threads=1, ordered=True)
        for row in zip(*map(batch.column, columns), strict=True)
    ]


def test_the_long_table_of_a_file_read_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "1"
    for seed in range(40):
        data = make(seed)
        path.write_bytes(data)
        whole = _scan.Scanner([], text.decode, elements=True, batch_size=1 << 30)
        whole.visit(b"1", len(data), None, [(0, data)])
        batch = whole.take()
        columns = "element", "vr", "length", "value", "notes"
        assert elements_of(path) == list(zip(*map(batch.column, columns), strict=True))


# before their turn


def engine_rows(paths: list[bytes], options: dict[str, Any], **more: Any) -> Iterator[tuple[Any, ...]]:
    scanner = _scan.Scanner(columns_of(["PatientID", "InstanceNumber"]), text.decode, batch_size=50)
    engine = _scan.Engine(scanner, **options, **more)
    try:
        for path in paths:
            engine.give(path)
        engine.end()
        while (found := engine.wait(100)) is not None:
            if isinstance(found, _scan.Batch):
                yield from found.rows()
    finally:
        engine.close()


def open_files() -> int:
    return len(os.listdir("/proc/self/fd")) if sys.platform == "linux" else 0


def archive(folder: Path) -> list[bytes]:
    for i in range(400):
        path = folder / f"{i % 3}" / f"{i:03}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(make(i % 9) if i % 11 else b"text")
    (folder / "0/none").symlink_to("nothing")
    (folder / "1/loop").symlink_to("loop")
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "2/fifo")
    return [os.fsencode(path) for path in sorted(folder.rglob("*")) if not path.is_dir()]


@pytest.mark.skipif(sys.platform == "win32", reason="links and fifos")
@pytest.mark.parametrize("options", [{"threads": 1}, {"threads": 4}, {"threads": 3, "ordered": True}, {"threads": 300}])
@pytest.mark.parametrize("named", [True, False])
def test_files_opened_before_their_turn_are_the_same_rows(tmp_path: Path, options: dict[str, Any], named: bool) -> None:
    paths = archive(tmp_path)
    source = [*paths, b"/dev/null", b"/nowhere"] if named else [os.fsencode(tmp_path)]
    before = open_files()
    want = sorted(engine_rows(source, {"threads": 1}, look_ahead=False), key=repr)
    assert len(want) == len(paths) + 2 * named
    assert sorted(engine_rows(source, options, look_ahead=True), key=repr) == want
    early = engine_rows(source, options, look_ahead=True)
    next(early)
    early.close()  # type: ignore[attr-defined]
    assert open_files() == before


@linux
def test_files_opened_before_their_turn_keep_out_no_other(tmp_path: Path) -> None:
    code = """
import os, resource, sys
from fastdicom.scan import _scan, text
from fastdicom.scan.columns import columns_of

used = len(os.listdir("/proc/self/fd"))
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
engine = _scan.Engine(_scan.Scanner(columns_of(["PatientID"]), text.decode), threads=1, look_ahead=True)
resource.setrlimit(resource.RLIMIT_NOFILE, (used + 4, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))  # it thinks that there are more
engine.give(os.fsencode(sys.argv[1]))
engine.end()
rows = []
while (found := engine.wait(100)) is not None:
    rows += found.rows() if isinstance(found, _scan.Batch) else []
print(len(rows), {row[3] for row in rows})
"""
    put(tmp_path / "in", part10(minimal()), 300)
    assert children.run(code, tmp_path / "in").strip() == "300 {None}"


@linux
def test_files_that_are_not_in_memory_are_asked_for_before_their_turn(tmp_path: Path) -> None:
    """Seen from outside: each file is one request of its head's size, and the system does not read on by itself."""
    folder = put(tmp_path / "in", part10(minimal(ROWS, element(0x7FE00010, "OW", b"z" * 500_000))), 150)

    def cold() -> int:
        for path in folder.iterdir():
            with path.open("rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        before = fetched()
        assert len(list(engine_rows([os.fsencode(folder)], {"threads": 1, "ordered": True}, look_ahead=ahead))) == 150
        return fetched() - before

    taken: dict[bool | None, int] = {}
    for ahead in (False, None):
        taken[ahead] = cold()
    if taken[False] < 150 * HEAD * 3 // 2:
        pytest.skip("this file system keeps its files in memory, or never reads on by itself")
    assert taken[None] < 0.8 * taken[False]


def fetched() -> int:
    """Bytes that this process had read from disks."""
    fields = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(fields["read_bytes"])


@pytest.mark.parametrize("change", [Path.unlink, lambda path: path.write_bytes(b""), lambda path: path.write_bytes(make(2))])
@pytest.mark.parametrize("ahead", [True, False])
def test_files_that_change_while_they_are_scanned(tmp_path: Path, change: Callable[[Path], object], ahead: bool) -> None:
    put(tmp_path / "in", part10(minimal(element(0x00200013, "IS", "3"))), 300)
    found = engine_rows([os.fsencode(tmp_path / "in")], {"threads": 1}, look_ahead=ahead)
    rows = [next(found)]
    for path in (tmp_path / "in").iterdir():
        change(path)
    rows += found
    assert len(rows) == 300
    for row in rows:
        assert row[4:6] in {("P-1", 3), ("patient 2", 2), (None, None)}
        assert row[3] or row[4]
