"""Scans in files: Parquet, CSV, and the table for people."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

import fastdicom
from builders import element, minimal, part10
from fastdicom.scan import parquet
from fastdicom.scan.output import replacing
from fastdicom.scan.table import TextTable


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (folder := tmp_path / "in").mkdir()
    for i in range(20):
        (folder / f"{i:02}").write_bytes(part10(element(0x00080008, "CS", "A\\B") + minimal(element(0x00280010, "US", i))))
    (folder / "text").write_text("text")
    return folder


def test_parquet(folder: Path, tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    scan = fastdicom.scan(folder, ["PatientID", "ImageType", "Rows"], batch_size=8, ordered=True)
    counts = scan.to_parquet(tmp_path / "index.parquet")
    assert counts == scan.counts == (21, 20, 1, 0, 0)
    file = pq.ParquetFile(tmp_path / "index.parquet")
    assert file.metadata.num_row_groups == 1  # whatever the batches are
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"
    table = file.read()
    file.close()
    assert table.replace_schema_metadata() == pa.table(scan)
    assert table.schema.metadata[b"fastdicom-version"].decode() == fastdicom.__version__
    assert json.loads(table.schema.metadata[b"fastdicom-tags"]) == ["PatientID", "ImageType", "Rows"]
    assert json.loads(table.schema.metadata[b"fastdicom-options"]) == {"force": False, "thorough": False}
    assert json.loads(table.schema.metadata[b"fastdicom-sources"]) == [str(folder)]
    urls = ["https://user:secret@host/a/b.dcm?X-Amz-Signature=secret", "s3://key:secret@bucket/a", "http://[secret"]
    said = parquet.metadata_of(fastdicom.scan([*urls, "a@b?c"]))
    assert json.loads(said["fastdicom-sources"]) == ["https://host/a/b.dcm", "s3://bucket/a", "http://", "a@b?c"]
    assert datetime.fromisoformat(table.schema.metadata[b"fastdicom-time"].decode()) <= datetime.now(UTC)
    assert sorted(os.listdir(tmp_path)) == ["in", "index.parquet"]


@pytest.mark.parametrize("suffix", [".arrow", ".feather", ".ipc"])
def test_arrow_file(folder: Path, tmp_path: Path, suffix: str) -> None:
    pa = pytest.importorskip("pyarrow")
    pl = pytest.importorskip("polars")
    path = tmp_path / f"index{suffix}"
    scan = fastdicom.scan(folder, ["PatientID", "ImageType", "Rows"], batch_size=8, ordered=True)
    assert scan.to_ipc(path) == scan.counts == (21, 20, 1, 0, 0)
    with pa.ipc.open_file(path) as file:
        table = file.read_all()
    assert table.schema.metadata[b"fastdicom-version"].decode() == fastdicom.__version__
    assert table.to_pydict() == pa.table(scan).to_pydict()
    assert pl.read_ipc(path).rows() == pl.DataFrame(scan).rows()


def test_chunks_are_of_a_sensible_size(monkeypatch: pytest.MonkeyPatch) -> None:
    pa = pytest.importorskip("pyarrow")
    from fastdicom.scan import parquet

    monkeypatch.setattr(parquet, "_CHUNK_ROWS", 10)
    schema = pa.schema([("a", pa.int64())], metadata={"x": "y"})
    batches = [pa.record_batch({"a": pa.array(range(n), pa.int64())}) for n in (3, 3, 3, 3, 25, 0, 1)]
    tables = list(parquet.chunks(batches, schema))
    assert [len(table) for table in tables] == [12, 25, 1]
    assert all(table.schema.equals(schema, check_metadata=True) for table in tables)


def test_dictionaries_that_differ_from_batch_to_batch(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    from fastdicom.scan import parquet

    kind = pa.dictionary(pa.int32(), pa.string())
    batches = [
        pa.record_batch([pa.array(words).cast(kind), pa.array([[word] for word in words], pa.list_(pa.string()))], ["d", "l"])
        for words in (["a", "b"], ["c", "a"], ["b", "d"])
    ]
    for name in ("x.parquet", "x.arrow"):
        schema = parquet.plain(batches[0].schema, nested_only=name == "x.parquet")
        with parquet.target(str(tmp_path / name), schema, parquet.kind_of(name)) as file:
            for chunk in parquet.chunks(batches[:2], schema):
                file.write_table(chunk)
            for chunk in parquet.chunks(batches[2:], schema):
                file.write_table(chunk)
    import pyarrow.parquet as pq

    assert pq.read_table(tmp_path / "x.parquet")["d"].to_pylist() == ["a", "b", "c", "a", "b", "d"]
    with pa.ipc.open_file(tmp_path / "x.arrow") as read:
        assert read.read_all()["d"].to_pylist() == ["a", "b", "c", "a", "b", "d"]
    nested = pa.schema([("l", pa.list_(kind))])
    assert parquet.plain(nested, nested_only=True).field("l").type == pa.list_(pa.string())
    encoded = pa.DictionaryArray.from_arrays(pa.array([0, 0], pa.int32()), pa.array(["z"]))
    batch = pa.record_batch([pa.ListArray.from_arrays(pa.array([0, 1, 2], pa.int32()), encoded)], schema=nested)
    [chunk] = parquet.chunks([batch], parquet.plain(nested, nested_only=True))
    assert chunk["l"].to_pylist() == [["z"], ["z"]]


def test_without_pyarrow_the_message_holds_the_cure(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'fastdicom-core\[scan\]'"):
        fastdicom.scan(folder).to_parquet(tmp_path / "x.parquet")
    with pytest.raises(ModuleNotFoundError, match="pyarrow"):
        fastdicom.scan(folder).to_table()


def test_csv(folder: Path, tmp_path: Path) -> None:
    scan = fastdicom.scan(folder, ["PatientID", "ImageType", "Rows"], ordered=True)
    scan.to_csv(tmp_path / "index.csv")
    text = (tmp_path / "index.csv").read_bytes()
    rows = list(csv.DictReader(io.StringIO(text.decode(), newline="")))
    assert text.startswith(b"path,size,mtime,error,PatientID,ImageType,Rows,notes\r\n")
    assert len(rows) == 21
    assert (rows[3]["ImageType"], rows[3]["Rows"], rows[3]["error"]) == ("A\\B", "3", "")
    assert rows[-1]["error"].startswith("no DICM")
    stream = io.StringIO(newline="")
    scan.to_csv(stream)
    assert stream.getvalue().encode() == text


def test_a_file_appears_when_it_is_complete(tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.write_text("old")
    half = replacing(target)
    Path(half.__enter__()).write_text("new")
    assert half.__exit__(RuntimeError, RuntimeError("half way"), None) is False
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["out"]
    with replacing(target) as name:
        Path(name).write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert os.listdir(tmp_path) == ["out"]


@pytest.mark.parametrize("step", ["locked", "os.fsync", "Path.exists", "Path.replace"])
def test_an_interrupt_at_any_step_leaves_nothing(step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(f"fastdicom.scan.output.{step}", interrupted)
    (tmp_path / "out").write_text("old")
    with pytest.raises(KeyboardInterrupt), replacing(tmp_path / "out") as name:
        Path(name).write_text("new")
    monkeypatch.undo()
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("out", "old")]


def test_what_killed_writers_leave_is_removed(tmp_path: Path) -> None:
    target = tmp_path / "out"
    stale = tmp_path / ".out.0123456789ab.tmp"
    others = [tmp_path / name for name in (".out.0123456789a.tmp", ".other.0123456789ab.tmp", ".out.x.0123456789ab.tmp")]
    for path in (stale, *others):
        path.write_text("half")
    with replacing(target) as first:
        Path(first).write_text("first")
        with replacing(target) as second:  # two at once: both are whole, the last wins
            Path(second).write_text("second")
        assert not stale.exists()
        assert target.read_text() == "second"
    assert target.read_text() == "first"
    assert sorted(tmp_path.iterdir()) == sorted([target, *others])


def test_where_no_file_can_be(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match="Is a directory"), replacing(tmp_path):
        pass
    with pytest.raises(FileNotFoundError) as caught, replacing(tmp_path / "no/where"):
        pass
    assert caught.value.filename == str(tmp_path / "no/where")


def lines(table: TextTable, rows: list[list[object]]) -> Iterator[str]:
    yield from table.lines(rows)
    yield from table.flush()


def test_table_for_people_fits_the_terminal() -> None:
    rows: list[list[object]] = [
        [f"/a/long/path/to/some/{i:05}.dcm", "CT", None, ["A", "B"], "the description of a series"] for i in range(400)
    ]
    found = list(lines(TextTable(["path", "Modality", "empty", "ImageType", "SeriesDescription"], 60), rows))
    assert len(found) == 401
    assert all(len(line) <= 60 for line in found)
    assert found[0].split()[:3] == ["path", "Modality", "ImageType"]
    assert "empty" not in found[0]
    assert "00399.dcm" in found[-1]


def test_table_for_people_shows_no_control_characters() -> None:
    found = list(lines(TextTable(["path", "x"], 80), [["new\nline", "\x1b[31mred"]]))
    assert found[1].split() == ["new\\nline", "\\x1b[31mred"]


def test_table_for_people_counts_wide_characters() -> None:
    found = list(lines(TextTable(["path", "name"], 30), [["a", "山田^太郎山田^太郎山田^太郎"], ["b", "x"]]))
    assert found[1].endswith("…")


def test_empty_table() -> None:
    assert list(lines(TextTable(["path"], 80), [])) == []
