"""Batches and streams in the hands of Arrow consumers."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import children
import fastdicom
from builders import element, minimal, part10

TAGS = ["PatientID", "ImageType", "Rows", "SliceThickness", "InstanceNumber", "FrameIncrementPointer", "PixelData"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for i in range(50):
        more = element(0x00080008, "CS", "A\\B") if i % 3 else b""
        more += element(0x00180050, "DS", f"{i}.5") + element(0x00200013, "IS", str(i))
        more += element(0x00280010, "US", i) if i % 2 else b""
        (tmp_path / f"{i:02}.dcm").write_bytes(part10(minimal(more)) if i != 7 else b"text")
    return tmp_path


def expected(folder: Path) -> dict[str, list[Any]]:
    out: dict[str, list[Any]] = {}
    for batch in fastdicom.scan(folder, TAGS, ordered=True, path_bytes=True):
        for name, values in batch.to_pydict().items():
            out.setdefault(name, []).extend(values)
    return out


@pytest.mark.parametrize("batch_size", [1, 8, 9, 1000])
def test_pyarrow(folder: Path, batch_size: int) -> None:
    pa = pytest.importorskip("pyarrow")
    scan = fastdicom.scan(folder, TAGS, ordered=True, path_bytes=True, batch_size=batch_size)
    table = pa.table(scan)
    table.validate(full=True)
    assert table.to_pydict() == expected(folder)
    assert table.schema.field("mtime").type == pa.timestamp("us", "UTC")
    assert table.schema.field("ImageType").type == pa.list_(pa.string())
    assert table.schema.field("Rows").type == pa.uint16()
    assert table.schema.field("Rows").metadata == {b"dicom.tag": b"00280010", b"dicom.vr": b"US"}
    assert table.schema == pa.schema(scan.schema) == pa.schema(scan)
    batches = [pa.record_batch(batch) for batch in scan]
    for batch in batches:
        batch.validate(full=True)
    assert pa.Table.from_batches(batches) == table
    assert scan.to_table() == table
    with pa.RecordBatchReader.from_stream(scan) as reader:
        assert reader.read_next_batch().num_rows == min(batch_size, 50)


def test_polars(folder: Path) -> None:
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame(fastdicom.scan(folder, TAGS, ordered=True))
    found = expected(folder)
    assert frame["PatientID"].to_list() == found["PatientID"]
    assert frame["ImageType"].to_list() == found["ImageType"]
    assert frame["mtime"].to_list() == found["mtime"]


def test_duckdb(folder: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    pytest.importorskip("pyarrow")
    scan = fastdicom.scan(folder, TAGS, ordered=True)
    with duckdb.connect() as connection:
        connection.register("scan", scan)
        found = connection.sql('SELECT count(*), count(error), max("Rows"), sum(len(ImageType)) FROM scan').fetchall()
        assert found == [(50, 1, 49, 64)]
        assert connection.sql("SELECT sum(InstanceNumber) FROM scan WHERE SliceThickness > 10").fetchall() == [(sum(range(10, 50)),)]


def test_pandas(folder: Path) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    frame = pandas.DataFrame.from_arrow(fastdicom.scan(folder, TAGS, ordered=True)) if hasattr(pandas.DataFrame, "from_arrow") else None
    if frame is None:
        pytest.skip("this pandas does not take Arrow streams")
    assert frame["PatientID"].tolist().count("P-1") == 49


def test_views_outlive_everything(folder: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    (batch,) = fastdicom.scan(folder, TAGS, ordered=True)
    columns = pa.record_batch(batch).columns
    again = pa.record_batch(batch)
    del batch
    gc.collect()
    assert [len(column) for column in columns] == [50] * len(columns)
    column = again.column("ImageType")
    del again, columns
    gc.collect()
    assert column.to_pylist() == expected(folder)["ImageType"]


def test_capsules_that_nobody_takes_are_released(folder: Path) -> None:
    scan = fastdicom.scan(folder, TAGS, ordered=True)
    (batch,) = scan
    for _ in range(10):
        assert scan.__arrow_c_stream__() is not None
        assert scan.__arrow_c_schema__() is not None
        assert len(batch.__arrow_c_array__()) == 2
        assert batch.__arrow_c_schema__() is not None
    gc.collect()


def test_an_empty_scan(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    table = pa.table(fastdicom.scan(tmp_path, TAGS))
    assert table.num_rows == 0
    assert table.schema == pa.schema(fastdicom.scan(tmp_path, TAGS).schema)


def test_an_error_of_the_source_reaches_the_consumer(folder: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    with pytest.raises(OSError, match="TypeError"):
        pa.table(fastdicom.scan([5], TAGS))


def test_consumers_on_several_threads(folder: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    want = pa.table(fastdicom.scan(folder, TAGS, ordered=True))
    found: list[bool] = []

    def work() -> None:
        for _ in range(20):
            found.append(pa.table(fastdicom.scan(folder, TAGS, ordered=True, batch_size=9)).combine_chunks().equals(want))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 80


def test_reprs(folder: Path) -> None:
    scan = fastdicom.scan(folder, TAGS, ordered=True)
    (batch,) = scan
    assert str(folder) in repr(scan)
    assert "PatientID" in repr(scan)
    assert repr(batch) == "<fastdicom.scan.Batch: 50 rows, 12 columns>"
    assert "mtime" in repr(scan.schema)
    assert (len(batch), batch.num_rows, batch.num_columns) == (50, 50, 12)
    assert [row["PatientID"] for row in batch.to_pylist()] == batch.column("PatientID")
    assert len(scan.schema) == 12
    with pytest.raises(KeyError):
        batch.column("nothing")
    with pytest.raises(TypeError):
        type(batch)()


@pytest.mark.skipif(children.sanitized(), reason="a sanitizer's memory says nothing")
@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss has another unit")
def test_memory_is_flat(tmp_path: Path) -> None:
    path = tmp_path / "1"
    path.write_bytes(part10(minimal(element(0x00204000, "LT", "x" * 2000))))
    code = """
import resource, sys
import fastdicom
def run(n):
    for batch in fastdicom.scan((sys.argv[1] for _ in range(n)), ["PatientID", "ImageComments"], batch_size=2000):
        pass
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
few = run(10_000)
print(run(60_000) - few)
"""
    assert int(children.run(code, path)) < 6_000  # KiB; all of it would be 120 MB


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
@pytest.mark.parametrize("how", ["for batch in scan: pass", "scan.to_table()", "import pyarrow; pyarrow.table(scan)"])
def test_interrupts_are_honoured(tmp_path: Path, how: str) -> None:
    if "table" in how:
        pytest.importorskip("pyarrow")
    path = tmp_path / "1"
    path.write_bytes(part10(minimal()))
    code = f"""
import sys
import fastdicom
scan = fastdicom.scan(iter(lambda: print("on", flush=True) or sys.argv[1], None), [])
{how}
"""
    child = subprocess.Popen([sys.executable, "-c", code, os.fspath(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert child.stdout is not None
    child.stdout.readline()
    child.send_signal(signal.SIGINT)
    _, said = child.communicate(timeout=20)
    # Another library makes an error of its own out of it; the interrupt follows at Python's next step.
    assert "KeyboardInterrupt" in said or ("pyarrow" in how and "interrupted" in said)
    assert child.returncode in (1, -signal.SIGINT, 130)


def test_nothing_heavy_is_imported() -> None:
    code = (
        "import sys, fastdicom.scan; fastdicom.scan('.'); print([m for m in ('numpy', 'pyarrow', 'polars', 'duckdb') if m in sys.modules])"
    )
    assert children.run(code).strip() == "[]"
