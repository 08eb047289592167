"""Text that is the same in most files: dictionaries, one a batch, in the hands of every Arrow consumer."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

import fastdicom
from builders import IMPLICIT, IMPLICIT_LITTLE, dataset, element, part10
from fastdicom.scan.columns import Column, columns_of

TAGS = ["PatientID", "Modality", "ImageType", "Manufacturer", "SOPInstanceUID"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Forty files: a patient each six, so that the dictionaries of batches of seven differ; one is no DICOM."""
    for i in range(40):
        data = dataset(
            element(0x00080008, "CS", f"A\\B{i // 7}") if i % 3 else b"",
            element(0x00080018, "UI", f"1.2.{i}"),
            element(0x00080060, "CS", f"M{i // 5}") if i % 4 else element(0x00080060, "CS", "") if i % 8 else b"",
            element(0x00100020, "LO", "" if i == 20 else f"P{i // 6}"),
        )
        (tmp_path / f"{i:02}.dcm").write_bytes(part10(data) if i != 5 else b"text")
    return tmp_path


def expected(folder: Path) -> list[tuple[Any, ...]]:
    (batch,) = fastdicom.scan(folder, TAGS, ordered=True, dictionary=False)
    return [row[4:9] for row in batch.rows()]


def test_which_columns() -> None:
    wanted = [
        "StudyInstanceUID",
        "PatientName",
        "TransferSyntaxUID",
        "Modality",
        "StationName",
        "ImageType",
        "SOPInstanceUID",
        "ImageComments",
    ]
    assert [column.dictionary for column in columns_of(wanted)] == [True] * 5 + [False] * 3
    assert not any(column.dictionary for column in columns_of(wanted, dictionary=False))
    assert not any(column.dictionary for column in columns_of(["StudyDate", "Rows"], keep_text=True))


def test_without_an_arrow_library(folder: Path) -> None:
    rows = [row[4:9] for batch in fastdicom.scan(folder, TAGS, ordered=True, batch_size=7) for row in batch.rows()]
    assert rows == expected(folder)
    assert rows[0] == ("P0", None, None, None, "1.2.0")
    assert rows[4] == ("P0", "", ["A", "B0"], None, "1.2.4")
    assert rows[20][0] == ""
    assert rows[5] == (None,) * 5


@pytest.mark.parametrize("batch_size", [1, 7, 100])
def test_pyarrow_and_parquet(folder: Path, tmp_path_factory: pytest.TempPathFactory, batch_size: int) -> None:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    scan = fastdicom.scan(folder, TAGS, ordered=True, batch_size=batch_size)
    table = pa.table(scan)
    table.validate(full=True)
    text = pa.dictionary(pa.int32(), pa.string())
    assert [table.schema.field(name).type for name in TAGS] == [text, text, pa.list_(pa.string()), text, pa.string()]
    assert table.schema.field("PatientID").metadata[b"dicom.vr"] == b"LO"
    rows = expected(folder)
    assert [tuple(row[name] for name in TAGS) for row in table.to_pylist()] == rows
    frame = table.to_pandas() if _has("pandas") else None
    if frame is not None:
        assert frame["PatientID"].astype(object).where(frame["PatientID"].notna(), None).tolist() == [row[0] for row in rows]
    path = tmp_path_factory.mktemp("out") / "index.parquet"
    scan.to_parquet(path)
    assert [tuple(row[name] for name in TAGS) for row in parquet.read_table(path).to_pylist()] == rows
    assert table.schema.field("PatientID").type == parquet.read_table(path).schema.field("PatientID").type


def test_plain_on_request(folder: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    table = pa.table(fastdicom.scan(folder, TAGS, ordered=True, dictionary=False))
    assert [table.schema.field(name).type for name in TAGS] == [pa.string(), pa.string(), pa.list_(pa.string()), pa.string(), pa.string()]


def test_polars(folder: Path) -> None:
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame(fastdicom.scan(folder, TAGS, ordered=True, batch_size=7))
    assert frame.select(TAGS).rows() == expected(folder)
    assert frame.group_by("PatientID").len().height == 9  # seven patients, one without a name, one file that is none


def test_duckdb(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    duckdb = pytest.importorskip("duckdb")
    pytest.importorskip("pyarrow")
    scan = fastdicom.scan(folder, TAGS, ordered=True, batch_size=7)
    path = tmp_path_factory.mktemp("out") / "index.parquet"
    scan.to_parquet(path)
    with duckdb.connect() as connection:
        connection.register("scan", scan)
        for source in ("scan", f"'{path}'"):
            assert connection.sql(f"SELECT {', '.join(TAGS)} FROM {source}").fetchall() == expected(folder)
            assert connection.sql(f"SELECT count(*) FROM {source} WHERE PatientID = 'P2' AND Modality LIKE 'M%'").fetchall() == [(4,)]


def test_pandas(folder: Path) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    if not hasattr(pandas.DataFrame, "from_arrow"):
        pytest.skip("this pandas does not take Arrow streams")
    frame = pandas.DataFrame.from_arrow(fastdicom.scan(folder, TAGS, ordered=True, batch_size=7))
    assert [None if pandas.isna(value) else value for value in frame["Modality"]] == [row[1] for row in expected(folder)]


def test_a_dictionary_that_grows(tmp_path: Path) -> None:
    """More texts than a table of any first size holds, each of them in several places, empty and null ones among them."""
    luck = random.Random(1)
    some = [f"{luck.randrange(10**6)}" * luck.randrange(3) for _ in range(6000)]
    texts = [luck.choice(some) for _ in range(20000)]
    data = element(0x00081070, "PN", "\\".join([*texts, "x"]), IMPLICIT)  # whose values may be long together
    (tmp_path / "1.dcm").write_bytes(part10(data, IMPLICIT_LITTLE))
    wanted = Column("OperatorsName", 0x00081070, "PN", "utf8", multiple=True, dictionary=True)
    batches = list(fastdicom.scan(tmp_path, [wanted], ordered=True))
    assert batches[0].column("OperatorsName") == [[*texts, "x"]]
    pa = pytest.importorskip("pyarrow")
    array = pa.record_batch(batches[0]).column("OperatorsName")
    array.validate(full=True)
    assert len(array.values.dictionary) == len({*texts, "x"})
    assert array.values.dictionary_encode().to_pylist() == [*texts, "x"]


def _has(module: str) -> bool:
    try:
        __import__(module)
    except ImportError:
        return False
    return True
