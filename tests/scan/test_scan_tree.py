"""Indexes and folders as trees."""

from __future__ import annotations

from pathlib import Path

import pytest

import archive
import fastdicom
from builders import part10
from fastdicom.cli.tree import lines

pytest.importorskip("pyarrow")
pytest.importorskip("duckdb")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return archive.make(tmp_path / "in")


def test_tree_of_a_folder(folder: Path) -> None:
    found = fastdicom.scan.tree(folder)
    assert [patient.id for patient in found.patients] == ["P-1", "P-2"]
    first = found.patients[0]
    assert (first.name, first.birth_date, first.sex, first.instances) == ("Doe^Jane", "1970-01-01", "F", 10)
    assert [study.uid for study in first.studies] == ["1.2", "1.3"]
    study = first.studies[0]
    assert (study.date, study.description, study.accession) == ("2024-01-31", "chest", "A-7")
    assert [(series.uid, series.number, series.modality, series.instances) for series in study.series] == [
        ("1.2.1", 1, "CT", 5),
        ("1.2.2", 2, "CT", 3),
    ]
    assert study.size == sum(path.stat().st_size for path in folder.glob("1.2.*"))
    assert found.left_out == 1


@pytest.mark.parametrize("kind", ["parquet", "csv", "arrow", "stream", "scan", "list", "folder of files"])
def test_tree_is_the_same_of_every_source(folder: Path, tmp_path: Path, kind: str) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    expected = fastdicom.scan.tree(folder)
    scan = fastdicom.scan(folder, ordered=True)
    source: object = scan
    if kind == "parquet":
        scan.to_parquet(source := tmp_path / "it's *.parquet")
    elif kind == "csv":
        scan.to_csv(source := tmp_path / "index.csv")
    elif kind == "list":
        source = [str(path) for path in sorted(folder.iterdir(), reverse=True)]
    elif kind == "folder of files":
        (source := tmp_path / "parts.parquet").mkdir()
        for i, batch in enumerate(fastdicom.scan(folder, ordered=True, batch_size=5)):
            pq.write_table(pa.Table.from_batches([pa.record_batch(batch)]), source / f"part-{i}.parquet")
    elif kind in ("arrow", "stream"):
        table = pa.table(scan)
        i = table.schema.get_field_index("Modality")
        table = table.set_column(i, "Modality", table.column(i).dictionary_encode())
        source = tmp_path / "index.arrow"
        make = pa.ipc.new_file if kind == "arrow" else pa.ipc.new_stream
        with make(source, table.schema) as writer:
            writer.write_table(table)
    assert fastdicom.scan.tree(source) == expected


def test_patients_without_an_id_are_told_apart_by_name(tmp_path: Path) -> None:
    for i, name in enumerate(["B", "A", "A"]):
        (tmp_path / str(i)).write_bytes(archive.instance(i, patient="", name=name))
    found = fastdicom.scan.tree(tmp_path).patients
    assert [(patient.id, patient.name, patient.instances) for patient in found] == [(None, "A", 2), (None, "B", 1)]


def test_an_index_with_few_columns(folder: Path, tmp_path: Path) -> None:
    fastdicom.scan(folder, ["PatientID"]).to_parquet(tmp_path / "few.parquet")
    found = fastdicom.scan.tree(tmp_path / "few.parquet")
    assert [(patient.id, patient.files) for patient in found.patients] == [("P-1", 10), ("P-2", 2)]
    fastdicom.scan(folder, ["Rows"]).to_parquet(tmp_path / "none.parquet")
    with pytest.raises(ValueError, match="none of the columns PatientID"):
        fastdicom.scan.tree(tmp_path / "none.parquet")


def test_a_dicomdir_of_another_name_is_no_instance_of_an_index_either(folder: Path, tmp_path: Path) -> None:
    (folder / "DICOMDIR-old").write_bytes(archive.instance(uid="", study="", series="", meta_class="1.2.840.10008.1.3.10"))
    (folder / "DICOMDIR-like").write_bytes(archive.instance(uid="1.77"))
    fastdicom.scan(folder).to_parquet(tmp_path / "x.parquet")
    assert fastdicom.scan.tree(tmp_path / "x.parquet") == fastdicom.scan.tree(folder)


def test_a_dicomdir_is_no_instance(folder: Path) -> None:
    (folder / "DICOMDIR").write_bytes(archive.instance(99))
    (folder / "copy of it").write_bytes(archive.instance(98, meta_class="1.2.840.10008.1.3.10"))
    found = fastdicom.scan.tree(folder)
    assert (found.left_out, sum(patient.instances for patient in found.patients)) == (3, 12)


def test_an_empty_folder(tmp_path: Path) -> None:
    found = fastdicom.scan.tree(tmp_path)
    assert found.patients == ()
    assert list(lines(found)) == ["0 patients, 0 studies, 0 series, 0 instances, 0 B"]


@pytest.mark.parametrize("name", ["x.parquet", "x.csv", "x.arrow"])
def test_what_is_no_index(tmp_path: Path, name: str) -> None:
    with pytest.raises(FileNotFoundError):
        fastdicom.scan.tree(tmp_path / name)
    (tmp_path / name).write_bytes(part10(b"")[:100] + b"\n\n\0\xff" * 20)
    with pytest.raises(ValueError, match=f"{name}: no index|none of the columns"):
        fastdicom.scan.tree(tmp_path / name)


def test_lines(folder: Path) -> None:
    found = fastdicom.scan.tree(folder)
    said = list(lines(found))
    assert said[0].startswith("P-1  Doe^Jane  1970-01-01  F  [2 studies, 10 instances, ")
    assert said[1].startswith("├── 2024-01-31  chest  accession A-7  [2 series, 8 instances, ")
    assert said[2].startswith("│   ├── 1  CT  thorax  [5 instances, ")
    assert said[3].startswith("│   └── 2  CT  thorax  [3 instances, ")
    assert said[-1].startswith("2 patients, 3 studies, 4 series, 12 instances, ")
    assert said[-1].endswith(", 1 other file left out")
    plain = list(lines(found, can_draw=False, depth=2, uids=True))
    assert "".join(plain).isascii()
    assert len(plain) == 6
    assert "1.2" in plain[1].split()


def test_long_lists_are_cut(folder: Path) -> None:
    said = list(lines(fastdicom.scan.tree(folder), limit=1))
    assert said[3:5] == ["│   └── … and 1 more series", "└── … and 1 more studies"]
    assert said[-2] == "… and 1 more patients"


def test_no_control_characters(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(archive.instance(description="\x07bell\x7f", patient="P\x01"))
    assert all(line.isprintable() for line in lines(fastdicom.scan.tree(tmp_path)))


def test_without_duckdb_the_message_holds_the_cure(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "duckdb", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'fastdicom-core\[scan\]'"):
        fastdicom.scan.tree(folder)
