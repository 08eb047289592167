"""Indexes whose unchanged column chunks are copied: what comes out is what a new scan gives, whatever has changed."""

from __future__ import annotations

import errno
import os
import random
import shutil
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import fastdicom
from builders import element, minimal, part10
from fastdicom.cli.main import main
from fastdicom.scan import _scan, footer, parquet, renew, update

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

TAGS = [
    "PatientID", "PatientName", "Rows", "StudyDate", "StudyTime", "ImageType", "Modality", "SOPInstanceUID", "SliceThickness",
    "RescaleSlope", "InstanceNumber",
]  # fmt: skip


def image(number: int, chance: random.Random) -> bytes:
    """An image with many values that its neighbours have too, and some that may be missing or wrong."""
    more = [
        element(0x00080008, "CS", chance.choice(["A\\B", "A", "ORIGINAL\\PRIMARY\\X"])),
        element(0x00080018, "UI", f"1.2.3.{number}.{chance.randrange(3)}"),
        element(0x00080020, "DA", chance.choice(["20260102", "20260103", "nonsense"])),
        element(0x00100010, "PN", chance.choice(["A^B", "C^D", ""])),
        element(0x00180050, "DS", chance.choice(["1.5", "2", "nan", "x"])),
        element(0x00280010, "US", 512),
    ]
    return part10(minimal(*[item for item in more if chance.random() > 0.1]))


class Tree:
    """Folders of files, changed at random."""

    def __init__(self, folder: Path, seed: int, files: int = 250) -> None:
        self.folder = folder
        self.chance = random.Random(seed)
        self.number = 0
        for _ in range(files):
            self.add()

    def files(self) -> list[Path]:
        return sorted(path for path in self.folder.rglob("*") if path.is_file() and not path.is_symlink())

    def some(self, count: int) -> list[Path]:
        files = self.files()
        return self.chance.sample(files, min(count, len(files)))

    def add(self) -> None:
        self.number += 1
        path = self.folder / str(self.chance.randrange(5)) / f"{self.chance.randrange(10**6):06}"
        path.parent.mkdir(parents=True, exist_ok=True)
        kind = self.chance.random()
        if kind > 0.1:
            path.write_bytes(image(self.number, self.chance))
        elif kind > 0.05:
            path.write_text("text")
        elif not path.exists():
            path.symlink_to("nowhere")

    def change(self, count: int) -> None:
        for path in self.some(count):
            path.write_bytes(image(self.chance.randrange(10**6), self.chance))
            os.utime(path, ns=(1, self.chance.randrange(1, 10**15)))

    def touch(self, count: int) -> None:
        for path in self.some(count):
            os.utime(path, ns=(1, self.chance.randrange(1, 10**15)))

    def remove(self, count: int) -> None:
        for path in self.some(count):
            path.unlink()


def stored(path: Path) -> list[tuple[Any, ...]]:
    table = pq.read_table(path).to_pydict()
    return list(zip(*table.values(), strict=True))


def rows_of(table: Any) -> list[tuple[Any, ...]]:
    return list(zip(*table.to_pydict().values(), strict=True))


def comparable(rows: list[tuple[Any, ...]]) -> list[str]:
    return [repr(row) for row in rows]  # NaN is equal to NaN then


@pytest.fixture
def small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "_CHUNK_ROWS", 50)
    monkeypatch.setattr(renew, "_GROUP_ROWS", 50)


@pytest.fixture
def renewed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the indexes of which row groups were taken as they are."""
    found: list[str] = []
    plain = renew.write

    def write(path: Any, old: Any, pieces: Any) -> None:
        found.append(Path(path).name)
        plain(path, old, pieces)

    monkeypatch.setattr(renew, "write", write)
    return found


@pytest.mark.usefixtures("small_groups")
@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("seed", range(2))
def test_whatever_changes(tmp_path: Path, renewed: list[str], ordered: bool, seed: int) -> None:
    tree = Tree(tmp_path / "in", seed)
    path = tmp_path / "index.parquet"
    scan = fastdicom.scan(tree.folder, TAGS, ordered=ordered, batch_size=20, threads=2)
    scan.to_parquet(path)
    what = [
        lambda: None, lambda: tree.touch(5), lambda: tree.change(5), lambda: tree.remove(4), lambda: [tree.add() for _ in range(6)],
        lambda: (tree.change(3), tree.remove(3), tree.touch(3), tree.add()), lambda: shutil.rmtree(tree.folder / "3", ignore_errors=True),
        lambda: [tree.add() for _ in range(150)], lambda: tree.change(100), lambda: tree.remove(100),
    ]  # fmt: skip
    tree.chance.shuffle(what)
    for step in what:
        step()
        counts = scan.to_parquet(path, update=True)
        fresh = fastdicom.scan(tree.folder, TAGS, ordered=True)
        expected, found = comparable(rows_of(fresh.to_table())), comparable(stored(path))
        assert (found if ordered else sorted(found)) == (expected if ordered else sorted(expected))
        assert counts == fresh.counts
        about = pq.ParquetFile(path)
        assert about.metadata.num_rows == len(found)
        assert sum(about.metadata.row_group(i).num_rows for i in range(about.metadata.num_row_groups)) == len(found)
        assert about.schema_arrow.equals(parquet.file_schema(scan, "parquet"))
    assert len(renewed) >= len(what) - 3
    assert sorted(os.listdir(tmp_path)) == ["in", "index.parquet"]


def chunks_of(path: Path) -> dict[tuple[int, str], bytes]:
    data, about = path.read_bytes(), pq.read_metadata(path)
    found = {}
    for i in range(about.num_row_groups):
        for j in range(about.num_columns):
            chunk = about.row_group(i).column(j)
            begin = chunk.dictionary_page_offset or chunk.data_page_offset
            found[i, chunk.path_in_schema] = data[begin : begin + chunk.total_compressed_size]
    return found


@pytest.mark.usefixtures("small_groups")
def test_what_has_not_changed_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for i in range(200):
        (folder / f"{i:03}").write_bytes(image(i, random.Random(i)))
    path = tmp_path / "index.parquet"
    scan = fastdicom.scan(folder, TAGS, ordered=True, batch_size=50)
    scan.to_parquet(path)
    before = chunks_of(path)
    encoded = parquet.encoded
    made: list[str] = []

    def noting(table: Any, schema: Any) -> Any:
        made.extend(schema.names if table is not None else [])
        return encoded(table, schema)

    monkeypatch.setattr(parquet, "encoded", noting)
    scan.to_parquet(path, update=True)
    assert made == []
    assert chunks_of(path) == before
    os.utime(folder / "060", ns=(1, 10**15))
    scan.to_parquet(path, update=True)
    after = chunks_of(path)
    assert {key for key in before if before[key] != after[key]} == {(1, "mtime")}
    (folder / "199").write_bytes(image(7, random.Random(199)))
    scan.to_parquet(path, update=True)
    assert {key for key in before if after[key] != chunks_of(path)[key]} <= {(3, "mtime"), (3, "size"), (3, "SOPInstanceUID")}
    assert comparable(stored(path)) == comparable(rows_of(scan.to_table()))


def test_an_index_that_another_library_has_written(tmp_path: Path, renewed: list[str]) -> None:
    tree = Tree(tmp_path / "in", 1, 50)
    path = tmp_path / "index.parquet"
    scan = fastdicom.scan(tree.folder, TAGS, ordered=True)
    scan.to_parquet(path)
    table = pq.read_table(path)
    tree.change(3)
    expected = comparable(rows_of(scan.to_table()))
    for options in ({"write_page_index": True}, {"version": "1.0"}, {"compression": "gzip"}, {"row_group_size": 1}):
        pq.write_table(table, path, **options)
        scan.to_parquet(path, update=True)
        assert comparable(stored(path)) == expected
    assert len(renewed) == 2  # an index of pages is not kept up, and rows in groups of one are joined


def test_a_damaged_index(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tree = Tree(tmp_path / "in", 1, 50)
    path = tmp_path / "index.parquet"
    fastdicom.scan(tree.folder, TAGS, ordered=True).to_parquet(path)
    whole = path.read_bytes()
    tree.change(3)
    tags = [part for tag in TAGS for part in ("-t", tag)]
    for name, said in (("path", "it is no index"), ("SOPInstanceUID", "the index is damaged")):
        chunk = pq.read_metadata(path).row_group(0).column(pq.read_metadata(path).schema.names.index(name))
        spoiled = bytearray(whole)
        spoiled[chunk.data_page_offset : chunk.data_page_offset + 40] = b"\xff" * 40
        path.write_bytes(spoiled)
        status = main(["scan", "-q", str(tree.folder), "-o", str(path), "--update", "--ordered", *tags])
        error = capsys.readouterr().err
        assert said in error
        if "damaged" in said:
            assert status == 1
            assert path.read_bytes() == spoiled
        else:
            assert comparable(stored(path)) == comparable(rows_of(fastdicom.scan(tree.folder, TAGS, ordered=True).to_table()))
        path.write_bytes(whole)


def test_a_walk_in_vain_ends(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "in", 1, 50)
    path = tmp_path / "index.parquet"
    fastdicom.scan(tree.folder, TAGS).to_parquet(path)
    with pytest.warns(UserWarning, match="other tags"):
        fastdicom.scan(tree.folder, ["Rows"]).to_parquet(path, update=True)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("fastdicom")]


def test_an_interrupt_leaves_the_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = Tree(tmp_path / "in", 1, 50)
    path = tmp_path / "index.parquet"
    scan = fastdicom.scan(tree.folder, TAGS)
    scan.to_parquet(path)
    before = path.read_bytes()

    def interrupt(*args: Any) -> Any:
        raise KeyboardInterrupt

    for where in ((update, "_aligned"), (renew, "_patched"), (renew.Old, "bytes")):
        tree.touch(2)
        with monkeypatch.context() as changed:
            changed.setattr(*where, interrupt)
            with pytest.raises(KeyboardInterrupt):
                scan.to_parquet(path, update=True)
        assert path.read_bytes() == before
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("fastdicom")]
    scan.to_parquet(path, update=True)
    assert sorted(comparable(stored(path))) == sorted(comparable(rows_of(scan.to_table())))


def test_a_summary_of_an_update(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tree = Tree(tmp_path / "in", 1, 80)
    arguments = ["scan", str(tree.folder), "-o", str(tmp_path / "index.parquet"), *[part for tag in TAGS for part in ("-t", tag)]]
    main(arguments)
    capsys.readouterr()
    tree.change(5)
    main([*arguments, "--update"])
    updated = capsys.readouterr().err.splitlines()
    main(arguments)
    fresh = capsys.readouterr().err.splitlines()
    assert sorted(line for line in updated if " in " not in line) == sorted(line for line in fresh if " in " not in line)


FULL = """
import resource, sys
from fastdicom.cli.main import main
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), int(sys.argv[3])))
sys.exit(main(["scan", "-q", sys.argv[1], "-o", sys.argv[2], "--update"]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such limits")
@pytest.mark.parametrize("limit", [0, 100, 5000])
def test_a_full_disk_leaves_the_index(tmp_path: Path, limit: int) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for i in range(60):
        (folder / f"{i:03}").write_bytes(image(i, random.Random(i)))
    path = tmp_path / "index.parquet"
    assert main(["scan", "-q", str(folder), "-o", str(path)]) == 0
    before = path.read_bytes()
    (folder / "001").unlink()
    done = subprocess.run([sys.executable, "-c", FULL, str(folder), str(path), str(limit)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert os.strerror(errno.EFBIG) in done.stderr
    assert path.read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == [".index.parquet.journal", "in", "index.parquet"]
    assert main(["scan", "-q", str(folder), "-o", str(path), "--update"]) == 0
    assert len(stored(path)) == 59
    assert sorted(os.listdir(tmp_path)) == ["in", "index.parquet"]


CHILD = """
import sys
from fastdicom.cli.main import main
main(["scan", sys.argv[1], "-o", sys.argv[2], "--update"])
print("pandas" in sys.modules)
"""


def test_an_update_imports_no_pandas(tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    tree = Tree(tmp_path / "in", 1, 80)
    path = tmp_path / "index.parquet"
    main(["scan", "-q", str(tree.folder), "-o", str(path)])
    tree.change(3)
    tree.remove(3)
    done = subprocess.run([sys.executable, "-c", CHILD, str(tree.folder), str(path)], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"  # pyarrow does, when it is asked for an array, and that takes longer than the walk


# footers


def parts(path: Path) -> tuple[bytes, bytes]:
    data = path.read_bytes()
    length = footer.tail(data[-8:])
    return data[: -8 - length], data[-8 - length : -8]


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "x.parquet"
    columns: dict[str, Any] = {name: list(range(i, i + 100)) for i, name in enumerate("abcdefghijklmnopqrs")}
    pq.write_table(
        pa.table(columns | {"text": ["x" * (i % 7) for i in range(100)], "list": [[i, None] for i in range(100)]}), path, row_group_size=6
    )
    return path


def test_a_footer_is_written_as_it_was_read(written: Path) -> None:
    pages, about = parts(written)
    found = footer.parse(about)
    places = [[chunk.offset for chunk in group.chunks] for group in found.groups]
    assert footer.write(found, places)[:-8] == about
    written.with_name("y.parquet").write_bytes(
        b"PAR1" + bytes(1000) + pages[4:] + footer.write(found, [[at + 1000 for at in row] for row in places])
    )
    assert pq.read_table(written.with_name("y.parquet")).equals(pq.read_table(written))


def test_broken_footers_are_refused(written: Path) -> None:
    pq.write_table(pq.read_table(written).select(["a", "text", "list"]).slice(0, 9), written, row_group_size=3)
    _, about = parts(written)
    for end in range(0, len(about), 3):
        with pytest.raises(footer.FooterError):
            footer.parse(about[:end])
    chance = random.Random(1)
    for _ in range(1000):
        spoiled = bytearray(about)
        for _ in range(chance.randrange(1, 4)):
            spoiled[chance.randrange(len(spoiled))] = chance.randrange(256)
        with suppress(footer.FooterError):
            footer.parse(bytes(spoiled))
    with pytest.raises(footer.FooterError):
        footer.parse(b"\x1c" * 5000 + b"\0")  # structures in structures
    with pytest.raises(footer.FooterError):
        footer.tail(b"\0\0\0\0PARE")


def test_chunks_that_cannot_be_moved_are_refused(written: Path) -> None:
    pq.write_table(pq.read_table(written), written, write_page_index=True)
    with pytest.raises(footer.FooterError, match="an index"):
        footer.parse(parts(written)[1])


# texts among texts


def texts(values: list[str]) -> tuple[Any, Any, int, int]:
    return update._texts(pa.chunked_array([pa.array(values, pa.string())]))


def test_places_are_those_of_a_dictionary() -> None:
    chance = random.Random(1)
    for size in (0, 1, 2, 10, 300):
        for _ in range(30):
            among = [f"{chance.randrange(size * 2)}" * chance.choice([1, 1, 5]) for _ in range(size)]
            wanted = chance.choice([among, sorted(among), [*among[3:], "new", *among], [], [""], chance.sample(among, size // 2)])
            found = memoryview(_scan.places(texts(wanted), texts(among), chance.getrandbits(64))).cast("q")
            assert len(found) == len(wanted)
            for text, at in zip(wanted, found, strict=True):
                assert among[at] == text if at >= 0 else text not in among


def test_places_look_at_nothing_outside() -> None:
    good = texts(["a", "b"])
    for offsets in ([0, -1, 2], [0, 2, 1], [0, 1, 3], [-1, 0, 1]):
        bad = (pa.array(offsets, pa.int64()).buffers()[1], b"ab", 0, 2)
        for pair in ((bad, good), (good, bad)):
            with pytest.raises(ValueError, match="offsets"):
                _scan.places(*pair, 1)
    for first, count in ((0, 3), (1, 2), (3, 1)):
        with pytest.raises(ValueError, match="there are no"):
            _scan.places((good[0].slice(0, 24), good[1], first, count), good, 1)
    with pytest.raises((OverflowError, ValueError)):
        _scan.places((good[0], good[1], -1, 1), good, 1)
