"""Members of zip and tar archives, and the files that a DICOMDIR lists."""

from __future__ import annotations

import bz2
import gzip
import io
import os
import random
import struct
import sys
import tarfile
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import fastdicom
from builders import dataset, element, file_meta, item, part10, sequence

NOISE = random.Random(5).randbytes(300_000)
TARS = {".tar": lambda data: data, ".tar.gz": gzip.compress, ".tgz": gzip.compress, ".tar.bz2": bz2.compress}


def dicom(patient: str, *, pixels: bytes = NOISE) -> bytes:
    return part10(dataset(element(0x00100020, "LO", patient), element(0x00280010, "US", 7), element(0x7FE00010, "OW", pixels)))


def rows(source: Any, tags: Any = ("PatientID", "Rows"), **options: Any) -> list[dict[str, Any]]:
    return [row for batch in fastdicom.scan(source, tags, **options) for row in batch.to_pylist()]


def make_zip(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as out:
        for name, data in members.items():
            out.writestr(zipfile.ZipInfo(name, (2024, 5, 6, 7, 8, 10)), data, method)
    return path


def tar_bytes(members: dict[str, bytes], **options: Any) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", **options) as out:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(data), 1_700_000_000
            out.addfile(info, io.BytesIO(data))
    return file.getvalue()


# zip


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_zip(tmp_path: Path, method: int) -> None:
    path = make_zip(
        tmp_path / "study.ZIP", {"a/1": dicom("one"), "a/ü.dcm": dicom("two"), "note.txt": b"hello", "empty": b"", "d/": b""}, method
    )
    found = rows(path)
    assert [row["path"] for row in found] == [f"{path}/{name}" for name in ("a/1", "a/ü.dcm", "note.txt", "empty")]
    assert [row["PatientID"] for row in found] == ["one", "two", None, None]
    assert [row["Rows"] for row in found] == [7, 7, None, None]
    assert [row["size"] for row in found] == [len(dicom("one")), len(dicom("two")), 5, 0]
    assert found[0]["mtime"] == datetime(2024, 5, 6, 7, 8, 10, tzinfo=UTC)
    assert found[0]["error"] is None
    assert "DICM" in found[2]["error"]
    scan = fastdicom.scan(path)
    assert len(list(scan)) == 1
    assert scan.counts == (4, 2, 2, 0, 0)


def test_only_heads_of_members_are_inflated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_zip(tmp_path / "a.zip", {str(i): dicom(str(i), pixels=bytes(3_000_000)) for i in range(5)})
    read = 0
    original = zipfile.ZipExtFile.read

    def counting(self: zipfile.ZipExtFile, n: int | None = -1) -> bytes:
        nonlocal read
        data = original(self, n)
        read += len(data)
        return data

    monkeypatch.setattr(zipfile.ZipExtFile, "read", counting)
    assert [row["PatientID"] for row in rows(path)] == list("01234")
    assert read <= 5 * 16384


def test_an_element_behind_a_long_one_is_found(tmp_path: Path) -> None:
    data = part10(dataset(element(0x00080008, "CS", "A\\B"), element(0x00204000, "UT", b"y" * 40_000_000), element(0x00280010, "US", 9)))
    path = make_zip(tmp_path / "a.zip", {"1": data})
    assert rows(path, ["ImageType", "Rows"])[0]["Rows"] == 9
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(tar_bytes({"1": data, "2": dicom("two")}), 1))
    assert [row["Rows"] for row in rows(tmp_path / "a.tar.gz", ["ImageType", "Rows"])] == [9, 7]


def test_members_that_cannot_be_read_are_rows(tmp_path: Path) -> None:
    path = make_zip(
        tmp_path / "a.zip", {"encrypted": dicom("x"), "odd": dicom("x"), "crc": b"short" * 50, "good": dicom("good")}, zipfile.ZIP_STORED
    )
    data = bytearray(path.read_bytes())
    entries = [i for i in range(len(data)) if data[i : i + 4] == b"PK\1\2"]
    struct.pack_into("<H", data, entries[0] + 8, 1)
    struct.pack_into("<H", data, entries[1] + 10, 99)
    data[data.index(b"short")] ^= 1
    path.write_bytes(data)
    found = rows(path)
    assert "encrypted" in found[0]["error"]
    assert "99" in found[1]["error"]
    assert "CRC" in found[2]["error"]
    assert found[3]["PatientID"] == "good"
    scan = fastdicom.scan(path)
    failures = [failure for batch in scan for failure in batch.failures()]
    assert [name for name, _ in failures] == [f"{path}/{name}" for name in ("encrypted", "odd", "crc")]


@pytest.mark.parametrize("cut", [0, 10, 1000, -1, -30])
def test_a_broken_zip_is_a_row(tmp_path: Path, cut: int) -> None:
    whole = make_zip(tmp_path / "whole.zip", {"1": dicom("1")}).read_bytes()
    path = tmp_path / "a.zip"
    path.write_bytes(whole[:cut])
    (row,) = rows(path)
    assert row["path"] == str(path)
    assert row["size"] == len(whole[:cut])
    assert "archive" in row["error"]


def test_hostile_names_are_text(tmp_path: Path) -> None:
    names = ["../../etc/passwd", "/etc/shadow", "a\nb", "C:\\x", "x" * 60_000]
    path = make_zip(tmp_path / "a.zip", {name: dicom("p") for name in names}, zipfile.ZIP_STORED)
    assert [row["path"] for row in rows(path)] == [f"{path}/{name}" for name in names]
    path = tmp_path / "a.tar"
    path.write_bytes(tar_bytes({name: dicom("p") for name in names}))
    assert [row["path"] for row in rows(path)] == [f"{path}/{name}" for name in names]


def test_a_zip_of_mutated_bytes_never_stops_a_scan(tmp_path: Path) -> None:
    whole = make_zip(tmp_path / "whole.zip", {"1": dicom("1", pixels=b""), "2": b"x" * 100}).read_bytes()
    archive = tar_bytes({"1": dicom("1", pixels=b""), "2": b"x" * 100})
    chance = random.Random(3)
    good = tmp_path / "good.dcm"
    good.write_bytes(dicom("good"))
    for i in range(150):
        data = bytearray(whole if i % 2 else archive)
        for _ in range(chance.randrange(1, 6)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        path = tmp_path / f"m{'.zip' if i % 2 else '.tar'}"
        path.write_bytes(data[: chance.randrange(len(data))] if i % 3 == 0 else data)
        assert rows([path, good])[-1]["PatientID"] == "good"


# tar


@pytest.mark.parametrize("suffix", TARS)
def test_tar(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"study{suffix}"
    members = {f"a/{i}": dicom(str(i), pixels=NOISE[: 1000 * i]) for i in range(40)}
    path.write_bytes(TARS[suffix](tar_bytes(members | {"long/" * 60 + "name": b"no"})))
    found = rows(path)
    assert [row["path"] for row in found] == [f"{path}/a/{i}" for i in range(40)] + [f"{path}/{'long/' * 60}name"]
    assert [row["PatientID"] for row in found] == [*map(str, range(40)), None]
    assert [row["size"] for row in found] == [*map(len, members.values()), 2]
    assert found[0]["mtime"] == datetime.fromtimestamp(1_700_000_000, UTC)


def test_what_is_no_file_in_a_tar_is_passed_over(tmp_path: Path) -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as out:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE):
            info = tarfile.TarInfo(f"special{kind!r}")
            info.type, info.linkname = kind, "/etc/passwd"
            out.addfile(info)
        data = dicom("p")
        info = tarfile.TarInfo("file")
        info.size = len(data)
        out.addfile(info, io.BytesIO(data))
    (tmp_path / "a.tar").write_bytes(file.getvalue())
    assert [row["PatientID"] for row in rows(tmp_path / "a.tar")] == ["p"]


@pytest.mark.parametrize("suffix", TARS)
def test_a_broken_tar_is_a_row_behind_what_was_read(tmp_path: Path, suffix: str) -> None:
    whole = tar_bytes({"1": dicom("1"), "2": dicom("2")})
    second = whole.index(b"2\0\0\0\0\0", 1024)
    path = tmp_path / f"a{suffix}"
    for data in (whole[: second + 300], whole[:second] + b"x" * 600 + whole[second + 600 :]):
        path.write_bytes(TARS[suffix](data))
        found = rows(path)
        assert found[0]["PatientID"] == "1"
        assert found[1]["path"] == str(path)
        assert "archive" in found[1]["error"]
    path.write_bytes(b"this is no archive" * 100)
    (row,) = rows(path)
    assert "archive" in row["error"] or "gzip" in row["error"] or "data" in row["error"]


def test_a_tar_header_allocates_nothing_by_what_it_declares(tmp_path: Path) -> None:
    header = bytearray(tarfile.TarInfo("x").tobuf(tarfile.GNU_FORMAT))
    header[156] = ord("x")  # a PAX header of 8 GiB
    header[124:136] = b"77777777777\0"
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    path = tmp_path / "a.tar"
    path.write_bytes(header + bytes(10240))
    (row,) = rows(path)
    assert "up to 1048576" in row["error"]


# in folders


def test_archives_in_folders_are_opened_on_request(tmp_path: Path) -> None:
    make_zip(tmp_path / "a.zip", {"1": dicom("1")})
    (tmp_path / "b.dcm").write_bytes(dicom("b"))
    (tmp_path / "c").mkdir()
    (tmp_path / "c/d.tar").write_bytes(tar_bytes({"2": dicom("2")}))
    assert len(rows(tmp_path)) == 3
    found = {row["path"]: row["PatientID"] for row in rows(tmp_path, archives=True)}
    assert {path: value for path, value in found.items() if value} == {
        f"{tmp_path}/a.zip/1": "1",
        f"{tmp_path}/b.dcm": "b",
        f"{tmp_path}/c/d.tar/2": "2",
    }
    assert len(found) == 5  # the archives themselves too
    scan = fastdicom.scan([tmp_path, tmp_path / "a.zip"], archives=True)
    list(scan)
    assert scan.counts.files == 6
    assert scan.counts.failed == 0


def test_a_dicom_file_with_the_name_of_an_archive_in_a_folder_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(dicom("1"))
    assert [row["PatientID"] for row in rows(tmp_path, archives=True)] == ["1"]


@pytest.mark.skipif(sys.platform != "linux", reason="names of any bytes")
def test_archives_with_names_of_any_bytes(tmp_path: Path) -> None:
    name = os.path.join(os.fsencode(tmp_path), b"\xff.zip")
    make_zip(Path(os.fsdecode(name)), {"1": dicom("1")})
    assert [row["path"] for row in rows(name, path_bytes=True)] == [f"{tmp_path}/\\xFF.zip/1"]
    assert [row["PatientID"] for row in rows(tmp_path, archives=True)] == [None, "1"]


def test_mixed_sources_stay_in_order(tmp_path: Path) -> None:
    first = make_zip(tmp_path / "a.zip", {"1": dicom("1"), "2": dicom("2")})
    (tmp_path / "b.dcm").write_bytes(dicom("b"))
    second = make_zip(tmp_path / "c.zip", {"3": dicom("3")})
    sources = [first, tmp_path / "b.dcm", second, str(tmp_path / "gone.zip"), os.fsencode(tmp_path / "b.dcm")]
    assert [row["PatientID"] for row in rows(iter(sources), ordered=True)] == ["1", "2", "b", "3", None, "b"]
    assert [len(batch) for batch in fastdicom.scan(first, batch_size=1)] == [1, 1]
    seen: list[int] = []
    list(fastdicom.scan(sources).batches(lambda counts: seen.append(counts.files)))
    assert seen[-1] == 6


# DICOMDIR


def dicomdir(*file_ids: str | tuple[str, int]) -> bytes:
    """A DICOMDIR of records for these files (PS3.3 F.3)."""
    records = []
    for entry in file_ids:
        file_id, in_use = entry if isinstance(entry, tuple) else (entry, 0xFFFF)
        records.append(
            item(
                element(0x00041400, "UL", 0),
                element(0x00041410, "US", in_use),
                element(0x00041430, "CS", "IMAGE"),
                *([element(0x00041500, "CS", file_id)] if file_id else []),
            )
        )
    data = element(0x00041130, "CS", "TEST") + sequence(0x00041220, *records)
    return part10(data, meta=file_meta(sop_class="1.2.840.10008.1.3.10"))


def medium(folder: Path, *file_ids: str | tuple[str, int], name: str = "DICOMDIR") -> Path:
    folder.mkdir(exist_ok=True)
    for i, path in enumerate(("IMAGES/A", "IMAGES/B", "IMAGES/UNLISTED", "images2/c")):
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(dicom(str(i)))
    (folder / name).write_bytes(dicomdir(*file_ids))
    return folder / name


def test_a_dicomdir_is_a_list_of_files(tmp_path: Path) -> None:
    path = medium(tmp_path / "cd", "", "IMAGES\\B", "IMAGES\\A", ("IMAGES\\A", 0), "IMAGES2\\C", "IMAGES\\GONE")
    found = rows(path, ordered=True)
    assert [row["path"] for row in found] == [f"{tmp_path}/cd/{name}" for name in ("IMAGES/B", "IMAGES/A", "images2/c", "IMAGES/GONE")]
    assert [row["PatientID"] for row in found] == ["1", "0", "3", None]
    assert found[3]["error"] == os.strerror(2)
    assert len(rows(tmp_path / "cd")) == 5  # a folder is walked, whatever its DICOMDIR says


@pytest.mark.parametrize("name", ["dicomdir", "DICOMDIR;1", "DICOMDIR."])
def test_names_of_a_dicomdir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    medium(tmp_path / "cd", "IMAGES\\A", name=name)
    monkeypatch.chdir(tmp_path / "cd")
    assert [row["path"] for row in rows(name)] == [os.path.join("IMAGES", "A")]


@pytest.mark.parametrize(
    "file_id", ["..\\SECRET", "IMAGES\\..\\..\\SECRET", "\\SECRET", "C:\\SECRET", "IMAGES/../../SECRET", "IMAGES\\.\\A"]
)
def test_a_dicomdir_is_confined_to_its_folder(tmp_path: Path, file_id: str) -> None:
    (tmp_path / "SECRET").write_bytes(dicom("secret"))
    path = medium(tmp_path / "cd", file_id, "IMAGES\\A")
    good, bad = rows(path)
    assert good["PatientID"] == "0"
    assert bad["PatientID"] is None
    assert "(0004,1500)" in bad["error"]


def test_a_path_that_was_cut_off_is_no_path(tmp_path: Path) -> None:
    path = medium(tmp_path / "cd", "IMAGES\\B", "IMAGES\\A")
    (tmp_path / "cd/IMAGES/ABCDEF").write_bytes(dicom("another"))
    whole = dicomdir("IMAGES\\B", "IMAGES\\ABCDEF")
    assert len(rows(path)) == 2
    name = whole.rindex(b"IMAGES\\ABCDEF")
    for end in range(name + 1, name + 13):  # at IMAGES\\A there is another file
        path.write_bytes(whole[:end])
        good, cut = rows(path)
        assert (good["path"], cut["path"]) == (f"{tmp_path}/cd/IMAGES/B", str(path))
        assert "the file ends inside the Directory Record Sequence (0004,1220): 1 files" in cut["error"]


@pytest.mark.parametrize("file_ids", [("IMAGES\\A", "images\\a", "IMAGES\\A"), ("images2\\C", "IMAGES2\\C", "images2\\c")])
def test_a_file_to_which_several_records_refer_comes_once(tmp_path: Path, file_ids: tuple[str, ...]) -> None:
    found = rows(medium(tmp_path / "cd", *file_ids, "IMAGES\\B"), ordered=True)
    assert [row["PatientID"] for row in found] == ["0" if file_ids[0] == "IMAGES\\A" else "3", "1"]


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_links_of_a_dicomdir_are_confined_too(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/A").write_bytes(dicom("secret"))
    path = medium(tmp_path / "cd", "LINK", "FOLDER\\A", "INSIDE", "IMAGES")
    (tmp_path / "cd/LINK").symlink_to(tmp_path / "outside/A")
    (tmp_path / "cd/FOLDER").symlink_to(tmp_path / "outside")
    (tmp_path / "cd/INSIDE").symlink_to(tmp_path / "cd/IMAGES/A")
    good, *bad = rows(path)
    assert good["PatientID"] == "0"
    assert [row["PatientID"] for row in bad] == [None, None, None]
    assert ["link" in row["error"] for row in bad] == [True, True, False]
    assert "folder" in bad[2]["error"]


@pytest.mark.parametrize("data", [b"", b"no DICOM", dicom("an image"), dicomdir("A")[:-20]], ids=["empty", "text", "image", "cut"])
def test_what_is_no_dicomdir_is_a_row(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "DICOMDIR"
    path.write_bytes(data)
    (row,) = rows(path)
    assert row["error"]
