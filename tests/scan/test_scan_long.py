"""The long table: a row an element."""

from __future__ import annotations

import csv
import io
import json
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import children
import fastdicom
from builders import (
    BIG,
    EXPLICIT_BIG,
    IMPLICIT,
    IMPLICIT_LITTLE,
    RLE_LOSSLESS,
    UNDEFINED,
    dataset,
    deflate,
    deflated_part10,
    element,
    encapsulated,
    file_meta,
    header,
    item,
    minimal,
    nested,
    part10,
    pixel_data,
    private_block,
    sequence,
)

COLUMNS = ["path", "element", "tag", "keyword", "vr", "length", "value", "error", "notes"]
Row = dict[str, Any]


def table(tmp_path: Path, file: bytes, *, meta: bool = False, **options: Any) -> list[Row]:
    """The rows of one file, those of group 0002 only when wished."""
    path = tmp_path / "file.dcm"
    path.write_bytes(file)
    rows = [row for batch in fastdicom.scan(path, elements=True, ordered=True, **options) for row in batch.to_pylist()]
    assert {row["path"] for row in rows} == {str(path)}
    return [row for row in rows if meta or not (row["tag"] or "").startswith("0002")]


def values(tmp_path: Path, *elements: bytes, syntax: str = "1.2.840.10008.1.2.1", **options: Any) -> dict[str, Any]:
    """Element path -> value."""
    rows = table(tmp_path, part10(dataset(*elements), syntax), **options)
    assert [row["error"] for row in rows] == [None] * len(rows)
    return {row["element"]: row["value"] for row in rows}


def only(tmp_path: Path, *elements: bytes, **options: Any) -> Row:
    (row,) = table(tmp_path, part10(dataset(*elements)), **options)
    return row


def test_columns_and_group_0002(tmp_path: Path) -> None:
    path = tmp_path / "1"
    path.write_bytes(part10(element(0x00100010, "PN", "Doe^Jane")))
    (batch,) = fastdicom.scan(path, elements=True)
    assert batch.column_names == fastdicom.scan(path, elements=True).schema.names == COLUMNS
    rows = batch.rows()
    assert [row[2] for row in rows] == ["00020000", "00020001", "00020002", "00020003", "00020010", "00020012", "00100010"]
    assert rows[4] == (str(path), "TransferSyntaxUID", "00020010", "TransferSyntaxUID", "UI", 20, "1.2.840.10008.1.2.1", None, None)
    assert rows[6] == (str(path), "PatientName", "00100010", "PatientName", "PN", 8, "Doe^Jane", None, None)


@pytest.mark.parametrize(
    ("tag", "vr", "stored", "expected"),
    [
        (0x00100020, "LO", b" P 1 ", " P 1"),
        (0x00100020, "LO", b"", ""),
        (0x00080008, "CS", b"ORIGINAL\\PRIMARY\\\\AXIAL ", "ORIGINAL\\PRIMARY\\\\AXIAL"),
        (0x00080018, "UI", b"1.2.3\0", "1.2.3"),
        (0x00081150, "UI", b"1.2\0\\1.3\0", "1.2\\1.3"),
        (0x00100010, "PN", b"A^B==\\C=", "A^B\\C"),
        (0x00104000, "LT", b"a\\ b\r\n  ", "a\\ b\r\n"),
        (0x00200032, "DS", b" 0.50\\ -1e3\\7 ", "0.50\\-1e3\\7"),
        (0x00200013, "IS", b"  ", None),
        (0x00200013, "IS", b"", None),
        (0x00200013, "IS", b"007 ", "007"),
        (0x00280010, "US", struct.pack("<H", 65535), "65535"),
        (0x00280010, "US", b"", None),
        (0x00280010, "US", struct.pack("<3H", 0, 1, 2), "0\\1\\2"),
        (0x00280106, "SS", struct.pack("<2h", -32768, 32767), "-32768\\32767"),
        (0x00283002, "SS", struct.pack("<3h", -1, -1, 16), "65535\\-1\\16"),
        (0x00280009, "AT", b"\x18\x00\x63\x10\x54\x00\x0a\x00", "00181063\\0054000a"),
        (0x00081161, "UL", struct.pack("<I", 0xFFFFFFFF), "4294967295"),
        (0x00186020, "SL", struct.pack("<i", -(1 << 31)), "-2147483648"),
        (0x00720082, "SV", struct.pack("<q", -(1 << 63)), "-9223372036854775808"),
        (0x00720083, "UV", struct.pack("<Q", (1 << 64) - 1), "18446744073709551615"),
        (0x00720076, "FL", struct.pack("<3f", 0.1, 1.0, -0.0), "0.1\\1\\-0"),
        (0x00720076, "FL", struct.pack("<2f", 16777217.0, 3.4028235e38), "16777216\\3.4028235e+38"),
        (0x00720076, "FL", struct.pack("<3f", float("inf"), float("-inf"), float("nan")), "inf\\-inf\\nan"),
        (0x00720074, "FD", struct.pack("<4d", 0.1, 1 / 3, 1e22, -5.0), "0.1\\0.3333333333333333\\1e+22\\-5"),
        (0x00720074, "FD", struct.pack("<d", 0.30000000000000004), "0.30000000000000004"),
        (0x00720065, "OB", b"1234", None),
        (0x00091010, "UN", b"1234", None),
    ],
)
def test_values(tmp_path: Path, tag: int, vr: str, stored: bytes, expected: str | None) -> None:
    row = only(tmp_path, element(tag, vr, stored, pad=False))
    assert (row["value"], row["vr"], row["length"], row["notes"]) == (expected, vr, len(stored), None)
    big = element(tag, vr, stored if vr == "AT" or len(stored) < 2 else swapped(vr, stored), BIG, pad=False)
    if vr not in ("AT", "OB", "UN"):
        assert values(tmp_path, big, syntax=EXPLICIT_BIG) == {row["element"]: expected}


def swapped(vr: str, data: bytes) -> bytes:
    size = {"US": 2, "SS": 2, "UL": 4, "SL": 4, "FL": 4, "FD": 8, "SV": 8, "UV": 8}.get(vr, 1)
    return b"".join(data[i : i + size][::-1] for i in range(0, len(data), size))


def test_floats_read_back(tmp_path: Path) -> None:
    import random

    chance = random.Random(5)
    bits = [chance.getrandbits(64) for _ in range(2000)] + [1, 2, 0x7FEFFFFFFFFFFFFF, 0x0010000000000000, 0x4340000000000001]
    doubles = struct.unpack(f"<{len(bits)}d", struct.pack(f"<{len(bits)}Q", *bits))
    floats = struct.unpack(f"<{len(bits)}f", struct.pack(f"<{len(bits)}I", *[b & 0xFFFFFFFF for b in bits]))
    found = values(
        tmp_path,
        element(0x00720074, "FD", struct.pack(f"<{len(bits)}d", *doubles)),
        element(0x00720076, "FL", struct.pack(f"<{len(bits)}f", *floats)),
    )
    for text, number in zip(found["SelectorFDValue"].split("\\"), doubles, strict=True):
        assert float(text) == number or number != number
        assert len(text) <= max(len(repr(number)), 22)
    for text, number in zip(found["SelectorFLValue"].split("\\"), floats, strict=True):
        assert number != number or struct.pack("<f", float(text)) == struct.pack("<f", number)
        assert len(text) <= 15


def test_numbers_do_not_follow_the_locale_of_the_process(tmp_path: Path) -> None:
    path = tmp_path / "1"
    path.write_bytes(part10(element(0x00720074, "FD", struct.pack("<d", 0.25))))
    code = """
import locale, sys
for name in ("de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "C"):
    try:
        locale.setlocale(locale.LC_ALL, name)
        break
    except locale.Error:
        pass
import fastdicom
print([row["value"] for batch in fastdicom.scan(sys.argv[1], elements=True, ordered=True) for row in batch.to_pylist()][-1])
"""
    assert children.run(code, path).strip() == "0.25"


def test_nested_elements(tmp_path: Path) -> None:
    spacing = element(0x00280030, "DS", "0.5\\0.5")
    for undefined in (False, True):
        inner = sequence(0x00289110, item(spacing, undefined=undefined), undefined=undefined)
        outer = sequence(0x52009229, item(inner, undefined=undefined), item(undefined=undefined), undefined=undefined)
        rows = table(tmp_path, part10(outer + element(0x7FE00010, "OB", b"12")))
        assert [(row["element"], row["vr"], row["length"], row["value"]) for row in rows] == [
            ("SharedFunctionalGroupsSequence", "SQ", None if undefined else len(outer) - 12, None),
            ("SharedFunctionalGroupsSequence[0]/PixelMeasuresSequence", "SQ", None if undefined else len(inner) - 12, None),
            ("SharedFunctionalGroupsSequence[0]/PixelMeasuresSequence[0]/PixelSpacing", "DS", 8, "0.5\\0.5"),
            ("PixelData", "OB", 2, None),
        ]


def test_items_are_counted(tmp_path: Path) -> None:
    found = values(tmp_path, sequence(0x00081140, *(item(element(0x00081155, "UI", f"1.{i}")) for i in range(12))))
    assert found == {"ReferencedImageSequence": None} | {
        f"ReferencedImageSequence[{i}]/ReferencedSOPInstanceUID": f"1.{i}" for i in range(12)
    }


def test_private_elements(tmp_path: Path) -> None:
    block = private_block(0x0029, "SIEMENS CSA HEADER ", (0x08, "CS", "IMAGE NUM 4"), block=0x11)
    inside = private_block(0x0029, "OTHER", (0x08, "LO", "x"))
    found = values(
        tmp_path,
        block,
        element(0x00290C10, "LO", "nobody's"),
        sequence(0x00400275, item(inside)),
        private_block(0x0041, "\u00e9\xff", (0x01, "LO", "y")),
        private_block(0x0043, "ACME", (0x00, "SQ", item(element(0x00100020, "LO", "z")))),
    )
    assert found == {
        "00290011": "SIEMENS CSA HEADER",
        '(0029,"SIEMENS CSA HEADER",08)': "IMAGE NUM 4",
        "00290c10": "nobody's",
        "RequestAttributesSequence": None,
        "RequestAttributesSequence[0]/00290010": "OTHER",
        'RequestAttributesSequence[0]/(0029,"OTHER",08)': "x",
        "00410010": "éÿ",
        '(0041,"\\xE9\\xFF",01)': "y",
        "00430010": "ACME",
        '(0043,"ACME",00)': None,
        '(0043,"ACME",00)[0]/PatientID': "z",
    }


def test_a_keyword_of_a_family_of_tags_is_no_name(tmp_path: Path) -> None:
    rows = table(tmp_path, part10(element(0x60000010, "US", 1) + element(0x60020010, "US", 2)))
    assert [(row["element"], row["keyword"]) for row in rows] == [("OverlayRows", "OverlayRows"), ("60020010", "OverlayRows")]


def test_items_have_their_own_character_set(tmp_path: Path) -> None:
    name = 0x00081050, "PN"
    found = values(
        tmp_path,
        element(0x00080005, "CS", "ISO_IR 100"),
        element(*name, "Ä".encode("latin-1")),
        sequence(
            0x00081140,
            item(element(0x00080005, "CS", "ISO_IR 192"), element(*name, "Ж".encode()), nested(1, element(*name, "Щ".encode()))),
            item(element(0x00080005, "CS", "ISO_IR 144"), element(*name, "Ж".encode("iso8859-5"))),
            item(element(*name, "Ö".encode("latin-1"))),
        ),
        element(0x00100010, "PN", "Ü".encode("latin-1")),
    )
    assert [value for value in found.values() if value and not value.startswith("ISO")] == ["Ä", "Ж", "Щ", "Ж", "Ö", "Ü"]


def test_implicit_vr_and_context(tmp_path: Path) -> None:
    found = table(
        tmp_path,
        part10(
            dataset(
                element(0x00189810, "SS", -5, IMPLICIT),
                element(0x00280103, "US", 1, IMPLICIT),
                sequence(0x00283000, item(element(0x00283002, "SS", [-1, 0, 16], IMPLICIT), encoding=IMPLICIT), encoding=IMPLICIT),
                element(0x00280106, "SS", -5, IMPLICIT)[:0],
                private_block(0x0029, "UNKNOWN", (1, "UN", b"12"), encoding=IMPLICIT),
                element(0x00990000, "UL", 4, IMPLICIT),
            ),
            IMPLICIT_LITTLE,
        ),
    )
    assert [(row["element"], row["vr"], row["value"]) for row in found] == [
        ("ZeroVelocityPixelValue", "SS", "-5"),
        ("PixelRepresentation", "US", "1"),
        ("ModalityLUTSequence", "SQ", None),
        ("ModalityLUTSequence[0]/LUTDescriptor", "SS", "65535\\0\\16"),
        ("00290010", "LO", "UNKNOWN"),
        ('(0029,"UNKNOWN",01)', "UN", None),
        ("00990000", "UL", "4"),
    ]


def test_unknown_of_undefined_length_is_a_sequence(tmp_path: Path) -> None:
    inner = item(element(0x00100020, "LO", "in", IMPLICIT), encoding=IMPLICIT, undefined=True)
    for encoding, syntax in (((), "1.2.840.10008.1.2.1"), ((BIG,), EXPLICIT_BIG)):
        end = struct.pack(">HHI" if encoding else "<HHI", 0xFFFE, 0xE0DD, 0)
        rows = table(tmp_path, part10(header(0x00091001, "UN", UNDEFINED, *encoding) + inner + end, syntax))
        assert [(row["element"], row["vr"], row["value"]) for row in rows][:2] == [
            ("00091001", "SQ", None),
            ("00091001[0]/PatientID", "LO", "in"),
        ]


def test_long_values_are_null_and_said(tmp_path: Path) -> None:
    text = element(0x00189004, "UT", "x" * 65_537, pad=False)
    row = only(tmp_path, text)
    assert (row["value"], row["length"]) == (None, 65_537)
    assert "value_limit" in row["notes"]
    assert "65536 bytes" in row["notes"]
    assert len(only(tmp_path, text, value_limit=65_537)["value"]) == 65_537
    assert only(tmp_path, element(0x00280010, "US", 5), value_limit=0)["value"] is None
    for wrong in (-1, (1 << 24) + 1):
        with pytest.raises(ValueError, match="value_limit"):
            fastdicom.scan(tmp_path, elements=True, value_limit=wrong)


def test_pixel_data_is_never_read(tmp_path: Path) -> None:
    path = tmp_path / "file.dcm"
    behind = element(0xFFFCFFFC, "OB", b"12")
    with path.open("wb") as file:  # a sparse file: 4 GiB that nobody touches
        file.write(part10(header(0x7FE00010, "OW", 0xFFFFFFF0)))
        file.seek(0xFFFFFFF0, 1)
        file.write(behind)
    rows = [row for batch in fastdicom.scan(path, elements=True) for row in batch.to_pylist()][-2:]
    assert [(row["element"], row["length"], row["value"]) for row in rows] == [
        ("PixelData", 0xFFFFFFF0, None),
        ("DataSetTrailingPadding", 2, None),
    ]


def test_what_stands_behind_encapsulated_pixels(tmp_path: Path) -> None:
    file = part10(minimal() + encapsulated([b"ab"] * 50) + element(0xFFFCFFFC, "OB", b"12"), RLE_LOSSLESS)
    quick, thorough = table(tmp_path, file), table(tmp_path, file, thorough=True)
    assert (quick[-1]["element"], quick[-1]["vr"], quick[-1]["length"]) == ("PixelData", "OB", None)
    assert thorough == [*quick, thorough[-1]]
    assert thorough[-1]["element"] == "DataSetTrailingPadding"


def test_depth_has_a_limit(tmp_path: Path) -> None:
    for undefined in (True, False):
        rows = table(tmp_path, part10(nested(70, element(0x00100020, "LO", "x"), undefined=undefined)))
        assert len(rows) == 65
        assert rows[-1]["element"].count("/") == 64
        assert "deeper than 64 levels" in rows[-1]["notes"]
        assert all(row["notes"] is None for row in rows[:-1])
        assert table(tmp_path, part10(nested(64, element(0x00100020, "LO", "x"), undefined=undefined)))[-1]["value"] == "x"


def test_damage_is_noted_where_it_is(tmp_path: Path) -> None:
    rows = table(tmp_path, part10(element(0x00080060, "CS", "CT") + element(0x00100020, "LO", "P-1", length=400)))
    assert [(row["element"], row["value"]) for row in rows] == [("Modality", "CT"), ("PatientID", "P-1")]
    assert rows[0]["notes"] is None
    assert "(0010,0020) at 0x" in rows[1]["notes"]
    assert "beyond the end" in rows[1]["notes"]

    rows = table(tmp_path, part10(element(0x00100020, "LO", "A") + element(0x00100020, "LO", "B") + element(0x00080060, "CS", "CT")))
    assert [(row["element"], row["value"]) for row in rows] == [("PatientID", "B"), ("Modality", "CT")]
    assert "a tag twice" in rows[0]["notes"]
    assert "out of order" in rows[1]["notes"]

    rows = table(tmp_path, part10(sequence(0x00081140, element(0x00100020, "LO", "x")) + element(0x00100020, "LO", "P")))
    assert [(row["element"], row["value"]) for row in rows] == [("ReferencedImageSequence", None), ("PatientID", "P")]
    assert "no item" in rows[0]["notes"]

    rows = table(tmp_path, part10(element(0x00280010, "US", b"\1\0\2", pad=False) + bytes(9)))
    assert rows[0]["value"] == "1"
    assert "length 3 is not a multiple of 2" in rows[0]["notes"]
    assert "behind the last element" in rows[0]["notes"]


def test_text_that_cannot_be_decoded_is_noted(tmp_path: Path) -> None:
    row = only(tmp_path, element(0x00080060, "CS", b"C\xe9"))
    assert (row["value"], row["notes"]) == ("Cé", "bytes above 0x7F, which this VR cannot hold, read as ISO_IR 100")


def test_a_file_without_elements(tmp_path: Path) -> None:
    (row,) = table(tmp_path, part10(meta=b""))
    assert {name for name, value in row.items() if value is not None} == {"path"}
    (row,) = table(tmp_path, part10(bytes(40), meta=b""))
    assert {name for name, value in row.items() if value is not None} == {"path", "notes"}


def test_what_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "1.dcm").write_bytes(part10(minimal()))
    (tmp_path / "2.txt").write_text("text")
    (tmp_path / "3").symlink_to("nowhere")
    scan = fastdicom.scan([tmp_path, tmp_path / "gone"], elements=True, ordered=True)
    (batch,) = scan
    rows = batch.to_pylist()
    bad = [row for row in rows if row["error"] is not None]
    assert [Path(row["path"]).name for row in bad] == ["2.txt", "3", "gone"]
    assert {row[name] for row in bad for name in COLUMNS if name not in ("path", "error")} == {None}
    assert "DICM" in bad[0]["error"]
    assert "No such file" in bad[2]["error"]
    assert scan.counts == (4, 1, 1, 2, 0)
    assert [Path(path).name for path, _ in batch.failures()] == ["3", "gone"]


@pytest.mark.parametrize("batch_size", [1, 2, 7, 64, 1000])
def test_batches_are_cut_between_the_rows_of_a_file(tmp_path: Path, batch_size: int) -> None:
    frames = [item(sequence(0x00289110, item(element(0x00280030, "DS", f"{i}\\1"), undefined=i % 2 == 0))) for i in range(40)]
    for i in range(3):
        (tmp_path / f"{i}.dcm").write_bytes(part10(minimal(sequence(0x52009230, *frames, undefined=i == 1))))
    (tmp_path / "3.txt").write_text("text")
    whole = [row for batch in fastdicom.scan(tmp_path, elements=True, ordered=True) for row in batch.rows()]
    scan = fastdicom.scan(tmp_path, elements=True, ordered=True, batch_size=batch_size, path_bytes=True)
    batches = [batch.rows() for batch in scan]
    assert [row[:-1] for batch in batches for row in batch] == whole
    assert all(row[-1].decode() == row[0] for batch in batches for row in batch)
    assert all(len(batch) <= batch_size for batch in batches)
    assert scan.counts == (4, 3, 1, 0, 0)


def test_notes_survive_a_cut(tmp_path: Path) -> None:
    file = part10(element(0x00080060, "CS", "CT") + element(0x00280010, "US", b"\1\0\2", pad=False) + bytes(9))
    assert table(tmp_path, file, batch_size=1) == table(tmp_path, file)


def test_deflated(tmp_path: Path) -> None:
    data = element(0x00080005, "CS", "ISO_IR 100") + nested(3, element(0x00100020, "LO", "x")) + element(0x00204000, "LT", "y" * 10_000)
    plain, deflated = table(tmp_path, part10(data)), table(tmp_path, deflated_part10(data))
    assert deflated == plain
    assert table(tmp_path, deflated_part10(data), batch_size=2) == plain
    stored = table(tmp_path, part10(data, "1.2.840.10008.1.2.1.99"), meta=True)
    assert [row["value"] for row in stored[6:]] == [row["value"] for row in plain]
    assert any("the data set is not" in (row["notes"] or "") for row in stored)


def test_broken_deflate(tmp_path: Path) -> None:
    data = minimal(*(element(0x00201000 + i, "LO", f"{i * 7919 % 1000}") for i in range(0, 4000, 2)))
    cut = part10(deflate(data)[:-400], "1.2.840.10008.1.2.1.99")
    rows = table(tmp_path, cut, meta=True)
    assert 20 < len(rows) < 2005
    assert any("deflated data set is broken" in (row["notes"] or "") for row in rows)


def test_a_deflate_bomb_is_an_error(tmp_path: Path) -> None:
    from fastdicom.scan import _scan, text

    path = tmp_path / "bomb"
    path.write_bytes(deflated_part10(element(0x7FE00010, "OB", bytes(3_000_000))))
    scanner = _scan.Scanner((), text.decode, elements=True, inflate_limit=1_000_000)
    scanner.give(bytes(path))
    assert scanner.run(5) == _scan.END
    rows = scanner.take().to_pylist()
    assert "larger than 1000000 bytes" in rows[-1]["error"]
    assert scanner.counts == (1, 0, 0, 1, 0)


def test_a_large_header(tmp_path: Path) -> None:
    """Headers of many windows: sequences are walked twice, and the window comes back."""
    items = [item(element(0x00081155, "UI", f"1.{i}"), element(0x0008010C, "UI", "2" * 200), undefined=True) for i in range(20_000)]
    rows = table(tmp_path, part10(sequence(0x00081140, *items, undefined=True) + element(0x00100020, "LO", "end")))
    assert len(rows) == 40_002
    assert rows[-1]["value"] == "end"
    assert rows[40_000]["value"] == "2" * 200
    assert all(row["notes"] is None or "out of order" in row["notes"] for row in rows)


def test_the_index_of_a_data_set_is_not_confused_by_others(tmp_path: Path) -> None:
    """One scanner reads many files: nothing of a file is left for the next."""
    (tmp_path / "1").write_bytes(part10(element(0x00080005, "CS", "ISO_IR 192") + element(0x00280103, "US", 1)))
    (tmp_path / "2").write_bytes(part10(element(0x00081050, "PN", b"\xe9") + element(0x00280106, "SS", -1)))
    (tmp_path / "3").write_bytes(part10(element(0x00280106, "US", 0xFFFF, IMPLICIT), IMPLICIT_LITTLE))
    rows = [row for batch in fastdicom.scan(tmp_path, elements=True, ordered=True) for row in batch.to_pylist()]
    assert [row["value"] for row in rows if (row["tag"] or "") > "0003"] == ["ISO_IR 192", "1", "é", "-1", "65535"]


def test_tags_are_left_out(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="leave tags out"):
        fastdicom.scan(tmp_path, ["PatientID"], elements=True)
    assert "every element" in repr(fastdicom.scan(tmp_path, elements=True))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (folder := tmp_path / "in").mkdir()
    for i in range(6):
        measures = sequence(0x00289110, item(element(0x00280030, "DS", f"0.{i + 1}\\0.5")))
        nested_spacing = sequence(0x52009229, item(measures))
        (folder / f"{i}.dcm").write_bytes(
            part10(minimal(nested_spacing if i % 2 else element(0x00280030, "DS", "2\\2"), pixel_data(b"1234")))
        )
    (folder / "text").write_text("text")
    return folder


def test_arrow_parquet_and_sql(folder: Path, tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    duckdb = pytest.importorskip("duckdb")
    scan = fastdicom.scan(folder, elements=True, ordered=True, batch_size=13)
    arrow = pa.table(scan)
    arrow.validate(full=True)
    texts = {"path", "element", "tag", "keyword", "vr"}
    assert {field.name for field in arrow.schema if pa.types.is_dictionary(field.type)} == texts
    plain = pa.table(fastdicom.scan(folder, elements=True, dictionary=False))
    assert {str(plain.schema.field(name).type) for name in texts} == {"string"}
    assert plain.to_pylist() == arrow.to_pylist()
    assert arrow.schema.field("length").type == pa.int64()
    assert scan.to_parquet(tmp_path / "long.parquet") == scan.counts == (7, 6, 1, 0, 0)
    stored = pq.read_table(tmp_path / "long.parquet")
    assert stored.replace_schema_metadata().to_pydict() == arrow.to_pydict()
    assert stored.schema.metadata[b"fastdicom-table"] == b"elements"
    assert json.loads(stored.schema.metadata[b"fastdicom-tags"]) == []
    with duckdb.connect() as connection:
        connection.register("long", stored)
        spacings = connection.sql("""
            SELECT CAST(split_part(value, '\\', 1) AS DOUBLE) AS spacing, count(*)
            FROM long WHERE keyword = 'PixelSpacing' GROUP BY ALL ORDER BY ALL""").fetchall()
        assert spacings == [(0.2, 1), (0.4, 1), (0.6, 1), (2.0, 3)]
        assert connection.sql("SELECT count(DISTINCT path), count(error) FROM long").fetchall() == [(7, 1)]
        assert connection.sql("SELECT DISTINCT length, value FROM long WHERE keyword = 'PixelData'").fetchall() == [(4, None)]


def test_csv(folder: Path) -> None:
    file = io.StringIO(newline="")
    fastdicom.scan(folder, elements=True, ordered=True).to_csv(file)
    rows = list(csv.DictReader(io.StringIO(file.getvalue(), newline="")))
    assert list(rows[0]) == COLUMNS
    assert [row["value"] for row in rows if row["keyword"] == "PatientID"] == ["P-1"] * 6


def test_the_command(folder: Path, tmp_path: Path) -> None:
    def run(*args: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-m", "fastdicom", "scan", *map(str, args)], capture_output=True, text=True)

    done = run(folder, "--all")
    assert done.returncode == 0
    assert "7 files" in done.stderr
    assert "PixelMeasuresSequence[0]/PixelSpacing" in done.stdout
    assert run(folder, "--all", "-o", tmp_path / "long.csv", "--value-limit", 2, "-q").returncode == 0
    rows = list(csv.DictReader(io.StringIO((tmp_path / "long.csv").read_bytes().decode(), newline="")))
    assert {row["value"] for row in rows if row["length"] != "" and int(row["length"]) > 2} == {""}
    for wrong in (["--all", "-t", "PatientID"], ["--value-limit", "5"], ["--all", "--value-limit", "-1"]):
        done = run(folder, *wrong)
        assert done.returncode == 2
        assert "error:" in done.stderr


def test_force_and_no_group_0002(tmp_path: Path) -> None:
    bare = minimal()
    assert table(tmp_path, bare)[0]["error"]
    assert [row["value"] for row in table(tmp_path, bare, force=True)] == [row["value"] for row in table(tmp_path, part10(bare))]
    assert table(tmp_path, part10(bare, meta=file_meta(group_length=False)))[-1]["value"] == "P-1"


@pytest.mark.parametrize("step", [1, 100, 4096, 1_000_000])
def test_objects_of_which_pieces_are_at_hand(tmp_path: Path, step: int) -> None:
    from fastdicom.scan import _scan, text

    spacing = element(0x00280030, "DS", "0.5\\0.5")
    data = part10(
        minimal(
            sequence(0x52009230, *(item(sequence(0x00289110, item(spacing), undefined=True), undefined=True) for _ in range(9))),
            pixel_data(bytes(20_000)),
        )
    )
    whole = table(tmp_path, data, meta=True)
    scanner = _scan.Scanner((), text.decode, elements=True, batch_size=4, path_bytes=True)
    scanner.fail(b"s3://b/0", "403: no", size=5)
    have: dict[int, bytes] = {}
    while (need := scanner.visit(b"s3://b/1", len(data), None, sorted(have.items()))) is not None:
        assert scanner.rows == 1
        start, end = need
        before = max((at for at in have if at <= start <= at + len(have[at])), default=start)
        have[before] = data[before : max(end, start + step)]
    assert sum(map(len, have.values())) < 10_000 or step > 4096
    assert scanner.full
    assert scanner.counts == (2, 1, 0, 1, 0)
    first, *rows = scanner.take().to_pylist()
    assert (first["path"], first["error"]) == ("s3://b/0", "403: no")
    assert {row.pop("path_bytes") for row in rows} == {b"s3://b/1"}
    assert [row | {"path": ""} for row in rows] == [row | {"path": ""} for row in whole]
