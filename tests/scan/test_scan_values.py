"""The value of one element in one row: by the VR in the file and the type of the column."""

from __future__ import annotations

import math
import random
import struct
import zlib
from datetime import date
from pathlib import Path
from typing import Any

import pytest

import fastdicom
from builders import (
    BIG,
    DEFLATED_EXPLICIT,
    EXPLICIT,
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT,
    IMPLICIT_LITTLE,
    UNDEFINED,
    Encoding,
    dataset,
    deflate,
    deflated_part10,
    element,
    item,
    minimal,
    nested,
    part10,
    private_block,
    sequence,
    sequence_end,
)
from fastdicom.scan import _scan


def row(tmp_path: Path, file: bytes, *tags: object, **options: Any) -> dict[str, Any]:
    """The only row of a scan of `file`."""
    path = tmp_path / "file.dcm"
    path.write_bytes(file)
    (batch,) = fastdicom.scan(path, tags, **options)
    columns = batch.to_pydict()
    assert {len(values) for values in columns.values()} == {1}
    return {name: values[0] for name, values in columns.items()}


def value(tmp_path: Path, *elements: bytes, tag: object, syntax: str = "1.2.840.10008.1.2.1") -> tuple[Any, str | None]:
    """The value in the column of `tag`, and the note."""
    found = row(tmp_path, part10(dataset(*elements), syntax), tag)
    assert found["error"] is None
    name = next(name for name in found if name not in ("path", "size", "mtime", "error", "notes"))
    return found[name], found["notes"]


@pytest.mark.parametrize(
    ("keyword", "tag", "vr", "stored", "expected"),
    [
        ("PatientID", 0x00100020, "LO", b"P 1 ", "P 1"),
        ("PatientID", 0x00100020, "LO", b"  P\0 ", "  P"),
        ("PatientID", 0x00100020, "LO", b"", ""),
        ("PatientID", 0x00100020, "LO", b"    ", ""),
        ("StationAETitle", 0x00080055, "AE", b"  AE ", "AE"),
        ("SOPInstanceUID", 0x00080018, "UI", b"1.2.3\0", "1.2.3"),
        ("PatientName", 0x00100010, "PN", b"Doe^Jane==", "Doe^Jane"),
        ("ImageType", 0x00080008, "CS", b"ORIGINAL\\PRIMARY\\AXIAL ", ["ORIGINAL", "PRIMARY", "AXIAL"]),
        ("ImageType", 0x00080008, "CS", b"", [""]),
        ("ImageType", 0x00080008, "CS", b"A\\\\B\\", ["A", "", "B", ""]),
        ("ImageType", 0x00080008, "CS", b"ONE ", ["ONE"]),
        ("PatientComments", 0x00104000, "LT", b"a\\b\r\n", "a\\b\r\n"),
        ("InstanceNumber", 0x00200013, "IS", b" 12 ", 12),
        ("InstanceNumber", 0x00200013, "IS", b"+7", 7),
        ("InstanceNumber", 0x00200013, "IS", b"-0 ", 0),
        ("InstanceNumber", 0x00200013, "IS", b"4.000 ", 4),
        ("InstanceNumber", 0x00200013, "IS", b"4e3 ", 4000),
        ("InstanceNumber", 0x00200013, "IS", b"-9223372036854775808 ", -(1 << 63)),
        ("InstanceNumber", 0x00200013, "IS", b"", None),
        ("InstanceNumber", 0x00200013, "IS", b"  ", None),
        ("SliceThickness", 0x00180050, "DS", b"0.1 ", 0.1),
        ("SliceThickness", 0x00180050, "DS", b"-1.5E-3 ", -1.5e-3),
        ("SliceThickness", 0x00180050, "DS", b".5", 0.5),
        ("SliceThickness", 0x00180050, "DS", b"5. ", 5.0),
        ("SliceThickness", 0x00180050, "DS", b"0.97655999660492", 0.97655999660492),
        (
            "SliceThickness",
            0x00180050,
            "DS",
            b"8.41470984807896506652502321630298999622563060798371",
            0.841470984807896506652502321630298999622563060798371e1,
        ),
        ("SliceThickness", 0x00180050, "DS", b"123456789012345678901234567890", 123456789012345678901234567890.0),
        ("SliceThickness", 0x00180050, "DS", b"1e-310", 1e-310),
        ("PixelSpacing", 0x00280030, "DS", b"0.5\\ 0.25", [0.5, 0.25]),
        ("PixelSpacing", 0x00280030, "DS", b"0.5\\", [0.5, None]),
        ("PixelSpacing", 0x00280030, "DS", b"", None),
        ("Rows", 0x00280010, "US", b"\x00\x02", 512),
        ("Rows", 0x00280010, "US", b"", None),
        ("FrameIncrementPointer", 0x00280009, "AT", b"\x18\x00\x63\x10\x54\x00\x0a\x00", ["00181063", "0054000a"]),
        ("EventTimeOffset", 0x00082134, "FD", struct.pack("<d", 1 / 3), 1 / 3),
        ("RecommendedDisplayFrameRateInFloat", 0x00089459, "FL", struct.pack("<f", 0.5), 0.5),
        ("ExtendedOffsetTable", 0x7FE00001, "OV", bytes(16), bytes(16)),
    ],
)
def test_values(tmp_path: Path, keyword: str, tag: int, vr: str, stored: bytes, expected: object) -> None:
    got, notes = value(tmp_path, element(tag, vr, stored, pad=False), tag=keyword)
    assert (got, notes) == (expected, None)
    assert type(got) is type(expected)


@pytest.mark.parametrize(
    ("keyword", "tag", "vr", "stored", "expected", "note"),
    [
        ("InstanceNumber", 0x00200013, "IS", b"1.5 ", None, "'1.5'"),
        ("InstanceNumber", 0x00200013, "IS", b"1_0 ", None, "'1_0'"),
        ("InstanceNumber", 0x00200013, "IS", b"9223372036854775808", None, "'9223372036854775808'"),
        ("InstanceNumber", 0x00200013, "IS", b"1\\2 ", None, "several values"),
        ("SliceThickness", 0x00180050, "DS", b"thin", None, "'thin'"),
        ("SliceThickness", 0x00180050, "DS", b"1e999 ", math.inf, "'1e999'"),
        ("SliceThickness", 0x00180050, "DS", b"-inf", -math.inf, "'-inf'"),
        ("PixelSpacing", 0x00280030, "DS", b"0.5\\x ", [0.5, None], "'x'"),
        ("PatientID", 0x00100020, "LO", b"A\\B ", None, "several values"),
        ("Rows", 0x00280010, "US", b"\x00\x02\x00\x02", None, "2 values"),
        ("Rows", 0x00280010, "US", b"\x00\x02\x07", 512, "value length 3 is not a multiple of 2"),
        ("Rows", 0x00280010, "US", b"\x07", None, "value length 1 is not a multiple of 2"),
        ("FrameIncrementPointer", 0x00280009, "AT", b"\x18\x00\x63\x10\x54", ["00181063"], "value length 5"),
        ("RecommendedDisplayFrameRateInFloat", 0x00089459, "FD", struct.pack("<d", 1e300), None, "does not fit"),
        ("PatientID", 0x00100020, "LO", b"\xc4\xd6\xdc ", "ÄÖÜ", "read as ISO_IR 100"),
        ("Modality", 0x00080060, "CS", b"\xc4 ", "Ä", "read as ISO_IR 100"),
    ],
)
def test_values_that_do_not_fit_are_noted(
    tmp_path: Path, keyword: str, tag: int, vr: str, stored: bytes, expected: object, note: str
) -> None:
    got, notes = value(tmp_path, element(tag, vr, stored, pad=False), tag=keyword)
    assert got == expected
    assert notes is not None
    assert notes.startswith(f"{keyword}: ")
    assert note in notes


def test_absent_is_null(tmp_path: Path) -> None:
    found = row(tmp_path, part10(minimal()), "PatientSex", "ImageType", "Rows", "PatientID")
    assert (found["PatientSex"], found["ImageType"], found["Rows"], found["PatientID"]) == (None, None, None, "P-1")


@pytest.mark.parametrize(
    ("keyword", "tag", "vr", "stored", "expected"),
    [
        ("Rows", 0x00280010, "UL", struct.pack("<I", 512), 512),  # met in the wild
        ("Rows", 0x00280010, "SS", struct.pack("<h", 512), 512),
        ("Rows", 0x00280010, "IS", b"512 ", 512),
        ("Rows", 0x00280010, "UN", struct.pack("<H", 512), 512),
        ("Rows", 0x00280010, "FD", struct.pack("<d", 512.0), 512),
        ("PatientName", 0x00100010, "LO", b"Doe^Jane", "Doe^Jane"),
        ("PatientName", 0x00100010, "UN", b"Doe^Jane", "Doe^Jane"),
        ("InstanceNumber", 0x00200013, "DS", b"12.0", 12),
        ("InstanceNumber", 0x00200013, "US", b"\x07\x00", 7),
        ("SliceThickness", 0x00180050, "IS", b"5 ", 5.0),
        ("SliceThickness", 0x00180050, "FL", struct.pack("<f", 0.5), 0.5),
        ("SliceThickness", 0x00180050, "SV", struct.pack("<q", -5), -5.0),
        ("StudyDate", 0x00080020, "LO", b"20240229", date(2024, 2, 29)),
        ("StudyDate", 0x00080020, "DS", b"20240229", date(2024, 2, 29)),  # met in the wild
        ("StudyDescription", 0x00081030, "US", b"\x07\x00", "7"),
        ("ImageType", 0x00080008, "FL", struct.pack("<2f", 0.5, 2), ["0.5", "2.0"]),
        ("PatientID", 0x00100020, "AT", b"\x18\x00\x63\x10", "00181063"),
    ],
)
def test_another_vr_in_the_file_than_in_the_dictionary(
    tmp_path: Path, keyword: str, tag: int, vr: str, stored: bytes, expected: object
) -> None:
    assert value(tmp_path, element(tag, vr, stored), tag=keyword) == (expected, None)


@pytest.mark.parametrize(
    ("vr", "stored", "note"),
    [
        ("UL", struct.pack("<I", 70000), "does not fit"),
        ("SS", struct.pack("<h", -1), "does not fit"),
        ("FD", struct.pack("<d", 0.5), "does not fit"),
        ("OB", bytes(6), "6 bytes"),
        ("SQ", item(), "a sequence"),
    ],
)
def test_another_vr_whose_value_does_not_fit(tmp_path: Path, vr: str, stored: bytes, note: str) -> None:
    got, notes = value(tmp_path, element(0x00280010, vr, stored), tag="Rows")
    assert got is None
    assert note in (notes or "")


@pytest.mark.parametrize(("representation", "expected"), [(0, 65535), (1, -1), (None, 65535)])
@pytest.mark.parametrize("encoding", [IMPLICIT])
def test_us_or_ss_by_pixel_representation(tmp_path: Path, encoding: Encoding, representation: int | None, expected: int) -> None:
    elements = [element(0x00280106, "US", b"\xff\xff", encoding)]  # Smallest Image Pixel Value
    if representation is not None:
        elements.insert(0, element(0x00280103, "US", representation, encoding))
    assert value(tmp_path, *elements, tag="SmallestImagePixelValue", syntax=IMPLICIT_LITTLE) == (expected, None)


def test_the_first_value_of_a_lut_descriptor_is_never_negative(tmp_path: Path) -> None:
    stored = element(0x00281101, "SS", [-32768, -5, 16])
    assert value(tmp_path, stored, tag="RedPaletteColorLookupTableDescriptor") == ([32768, -5, 16], None)


@pytest.mark.parametrize(("encoding", "syntax"), [(IMPLICIT, IMPLICIT_LITTLE), (BIG, EXPLICIT_BIG)])
def test_other_encodings(tmp_path: Path, encoding: Encoding, syntax: str) -> None:
    elements = dataset(
        element(0x00080008, "CS", "A\\B", encoding),
        element(0x00280009, "AT", [0x00181063], encoding),
        element(0x00280010, "US", 512, encoding),
    )
    found = row(tmp_path, part10(elements, syntax), "Rows", "ImageType", "FrameIncrementPointer")
    assert (found["Rows"], found["ImageType"], found["FrameIncrementPointer"]) == (512, ["A", "B"], ["00181063"])
    assert found["notes"] is None


@pytest.mark.parametrize(
    ("charset", "stored", "expected"),
    [
        ("ISO_IR 100", "Äneas^Rüdiger".encode("latin_1"), "Äneas^Rüdiger"),
        ("ISO_IR 192", "王^小東=".encode(), "王^小東"),
        ("ISO_IR 144", "Люкceмбypг".encode("iso8859_5"), "Люкceмбypг"),
        ("GB18030", "王^小\\东".encode("gb18030"), None),  # two values
        ("GB18030", "王^小东".encode("gb18030"), "王^小东"),
        ("ISO 2022 IR 6\\ISO 2022 IR 87", b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B", "Yamada^Tarou=山田^太郎"),
        ("ISO_IR 13", b"a~b ", "a\u203eb"),
        ("ISO_IR 192", b"\xff\xfe", "\ufffd\ufffd"),
    ],
)
def test_character_sets(tmp_path: Path, charset: str, stored: bytes, expected: str | None) -> None:
    elements = element(0x00080005, "CS", charset), element(0x00100010, "PN", stored)
    got, _ = value(tmp_path, *elements, tag="PatientName")
    assert got == expected


def test_text_is_that_of_dcmread(tmp_path: Path) -> None:
    path = tmp_path / "file.dcm"
    for charset in ("", "ISO_IR 13", "ISO 2022 IR 13\\ISO 2022 IR 87", "\\ISO 2022 IR 149", "iso2022_kr", "ISO_IR 999"):
        for stored in (b"A\\B", b"a~b ", b"\x0e\x21\x21\x0f", b"\x1b$)C\xfb\xf3=x", b"x=\xa1\xa2", b" \\ a "):
            path.write_bytes(part10(element(0x00080005, "CS", charset) + element(0x00101001, "PN", stored)))
            (batch,) = fastdicom.scan(path, ["OtherPatientNames"])
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("warnings.warn", lambda *args, **options: None)
                expected = fastdicom.dcmread(path).OtherPatientNames
            assert batch.column("OtherPatientNames") == [expected if isinstance(expected, list) else [expected]], (charset, stored)


def test_the_last_of_duplicates_wins(tmp_path: Path) -> None:
    elements = element(0x00100020, "LO", "first"), element(0x00100020, "LO", "last"), element(0x00100030, "DA", "")
    got, notes = value(tmp_path, *elements, tag="PatientID")
    assert got == "last"
    assert "a tag twice" in (notes or "")


def test_out_of_order_is_seen_before_the_last_wanted_tag_or_when_thorough(tmp_path: Path) -> None:
    file = part10(
        element(0x00280010, "US", 1)
        + element(0x00100020, "LO", "early")
        + element(0x00280011, "US", 2)
        + element(0x00280100, "US", 16)  # here a scan for Columns may stop
        + element(0x00100010, "PN", "late")
    )
    found = row(tmp_path, file, "PatientID", "PatientName", "Columns")
    assert (found["PatientID"], found["PatientName"], found["Columns"]) == ("early", None, 2)
    found = row(tmp_path, file, "PatientID", "PatientName", "Columns", thorough=True)
    assert (found["PatientID"], found["PatientName"], found["Columns"]) == ("early", "late", 2)
    assert "out of order" in found["notes"]


def test_damage_behind_the_last_wanted_tag_is_not_noticed_unless_thorough(tmp_path: Path) -> None:
    file = part10(minimal(element(0x00280010, "US", 7), element(0x7FE00010, "OW", bytes(4), length=4000)))
    assert row(tmp_path, file, "Rows")["notes"] is None
    assert "beyond the end" in row(tmp_path, file, "Rows", thorough=True)["notes"]


def test_a_cut_value_keeps_what_there_is(tmp_path: Path) -> None:
    got, notes = value(tmp_path, element(0x00100020, "LO", "P-1234", length=400), tag="PatientID")
    assert got == "P-1234"
    assert "beyond the end" in (notes or "")


@pytest.mark.parametrize("tag", [(0x0029, "ACME", 0x08), (0x0029, "OTHER", 0x08)])
def test_private_creators_reserve_blocks(tmp_path: Path, tag: tuple[int, str, int]) -> None:
    blocks = private_block(0x0029, "ACME", (0x08, "LO", "one"), block=0x10) + private_block(
        0x0029, "OTHER ", (0x08, "LO", "two"), block=0x11
    )
    file = part10(minimal(private_block(0x0019, "ACME", (0x08, "LO", "no")), blocks, element(0x00400001, "AE", "X")))
    found = row(tmp_path, file, tag, "PatientID")
    assert found[f'(0029,"{tag[1]}",08)'] == {"ACME": "one", "OTHER": "two"}[tag[1]]
    assert found["PatientID"] == "P-1"


@pytest.mark.parametrize(
    ("creator", "group", "number", "vr", "one", "several"),
    [
        ("GEMS_PARM_01", 0x43, 0x12, "SS", ([7], [7]), ([7, 8], [7, 8])),
        ("SIEMENS MR HEADER", 0x19, 0x0C, "IS", ("1000", [1000]), ("0\\1000", [0, 1000])),
        ("SIEMENS MR HEADER", 0x19, 0x0C, "IS", ("", None), ("\\5", [None, 5])),
        ("SIEMENS CSA HEADER", 0x29, 0x08, "CS", ("IMAGE", "IMAGE"), ("IMAGE\\NUM 4", "IMAGE\\NUM 4")),
        ("SIEMENS CSA HEADER", 0x29, 0x08, "LO", ("\u00e4", "\u00e4"), ("\u00e4\\b", "\u00e4\\b")),
    ],
)
def test_several_private_values_where_a_dictionary_has_one(
    creator: str, group: int, number: int, vr: str, one: Any, several: Any, tmp_path: Path
) -> None:
    for i, (stored, expected) in enumerate((one, several)):
        stored = stored.encode("latin-1") if isinstance(stored, str) else stored
        elements = element(0x00080005, "CS", "ISO_IR 100"), private_block(group, creator, (number, vr, stored))
        found = value(tmp_path, *elements, tag=(group, creator, number))
        assert found == (expected, None), i


def test_private_elements_by_tag(tmp_path: Path) -> None:
    file = part10(minimal(private_block(0x0029, "ACME", (0x08, "LO", "a\\b"), (0x09, "US", [1, 2]), (0x0A, "UN", b"\1\2"))))
    found = row(tmp_path, file, 0x00291008, 0x00291009, 0x0029100A)
    assert (found["00291008"], found["00291009"], found["0029100a"]) == ("a\\b", "1\\2", None)
    assert "2 bytes that no dictionary explains" in found["notes"]


def test_group_2(tmp_path: Path) -> None:
    found = row(tmp_path, part10(minimal()), "TransferSyntaxUID", "MediaStorageSOPInstanceUID")
    assert (found["TransferSyntaxUID"], found["MediaStorageSOPInstanceUID"]) == ("1.2.840.10008.1.2.1", "1.2.3.4")


def test_sequences_are_passed_over(tmp_path: Path) -> None:
    hidden = element(0x00280010, "US", 9)
    file = part10(minimal(nested(20, hidden), sequence(0x00082112, item(hidden)), element(0x00280010, "US", 3)))
    assert row(tmp_path, file, "Rows")["Rows"] == 3


def test_long_headers_are_read_as_needed(tmp_path: Path) -> None:
    big = element(0x00291010, "OB", bytes(3 << 20))  # behind this, another window
    many = b"".join(element(0x00310000 + 0x1000 + i, "LO", "x" * 60) for i in range(2000))
    file = part10(minimal(big, many, element(0x00400009, "SH", "end")))
    found = row(tmp_path, file, "PatientName", "00400009", "0031100a")
    assert found["PatientName"] == "Doe^Jane"  # far before the window in which the last was found
    assert (found["0031100a"], found["ScheduledProcedureStepID"]) == ("x" * 60, "end")


def test_a_value_beyond_the_limit_is_null(tmp_path: Path) -> None:
    got, notes = value(tmp_path, element(0x0040A160, "UT", b"x" * ((1 << 24) + 2)), tag="TextValue")
    assert got is None
    assert "longer than" in (notes or "")
    got, notes = value(tmp_path, element(0x0040A160, "UT", b"x" * (1 << 24)), tag="TextValue")
    assert (got, notes) == ("x" * (1 << 24), None)


def test_deflated(tmp_path: Path) -> None:
    data = minimal(element(0x00191010, "OB", bytes(3 << 20)), element(0x00280010, "US", 5))
    found = row(tmp_path, deflated_part10(data), "Rows", "PatientName", "TransferSyntaxUID")
    assert (found["Rows"], found["PatientName"], found["TransferSyntaxUID"]) == (5, "Doe^Jane", "1.2.840.10008.1.2.1.99")
    assert found["notes"] is None
    found = row(tmp_path, deflated_part10(data), "PixelData", thorough=True)
    assert found["PixelData"] is None


def test_a_cut_value_in_a_deflated_data_set(tmp_path: Path) -> None:
    found = row(tmp_path, deflated_part10(minimal(element(0x00280010, "US", 5, length=200))), "Rows", "PatientName")
    assert (found["Rows"], found["PatientName"]) == (5, "Doe^Jane")
    assert "beyond the end" in found["notes"]


def test_broken_deflate_keeps_what_could_be_inflated(tmp_path: Path) -> None:
    whole = part10(deflate(minimal(element(0x00100030, "DA", "x" * 20000))) + deflate(b""), "1.2.840.10008.1.2.1.99")
    found = row(tmp_path, whole[:-20], "PatientName", "Rows")
    assert found["PatientName"] == "Doe^Jane"
    assert "broken" in found["notes"]


def test_said_to_be_deflated_and_is_not(tmp_path: Path) -> None:
    found = row(tmp_path, part10(minimal(), "1.2.840.10008.1.2.1.99"), "PatientName")
    assert found["PatientName"] == "Doe^Jane"
    assert "not: read as it is" in found["notes"]


@pytest.mark.parametrize("level", [0, 1, 6, 9])
@pytest.mark.parametrize("cut", [0, 40])
def test_a_zlib_header_is_passed_over_as_dcmread_does(tmp_path: Path, level: int, cut: int) -> None:
    """Some writers put one (RFC 1950) before the stream; PS3.5 A.5 wants RFC 1951."""
    luck = random.Random(level)
    stored = zlib.compress(minimal(element(0x00104000, "LT", luck.randbytes(30_000).hex()), element(0x00280010, "US", 5)), level)
    file = part10(stored[: len(stored) - cut], DEFLATED_EXPLICIT)
    wanted = ["PatientID", "PatientComments", "Rows"]
    with pytest.warns(fastdicom.DicomWarning) as said, fastdicom.dcmread(file) as ds:
        expected = [ds.get(name) for name in wanted]
    found = row(tmp_path, file, *wanted, thorough=True)
    assert [found[name] for name in wanted] == expected
    assert found["error"] is None
    words = [str(warning.message) for warning in said]
    assert any("a zlib header (RFC 1950) before the deflated data set was passed over" in text for text in words)
    assert "a zlib header (RFC 1950) before the deflated data set was passed over" in found["notes"]
    assert ("broken" in found["notes"]) == any("broken" in text for text in words) == bool(cut)
    (long,) = fastdicom.scan(tmp_path / "file.dcm", elements=True)
    assert "P-1" in long.column("value")
    assert any("a zlib header" in (text or "") for text in long.column("notes"))


def test_a_deflated_data_set_of_nothing(tmp_path: Path) -> None:
    file = part10(deflate(b""), DEFLATED_EXPLICIT)
    found = row(tmp_path, file, "PatientID", "TransferSyntaxUID")
    assert (found["error"], found["PatientID"], found["TransferSyntaxUID"]) == (None, None, DEFLATED_EXPLICIT)
    assert found["notes"] is None
    assert list(fastdicom.dcmread(file).keys()) == []


def test_a_deflate_bomb_is_a_row_with_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = deflated_part10(minimal(element(0x00091010, "OB", bytes(64 << 20)), element(0x00280010, "US", 5)), level=9)
    assert len(bomb) < 100_000
    assert row(tmp_path, bomb, "Rows")["Rows"] == 5
    path = tmp_path / "file.dcm"
    scan = fastdicom.scan(path, ["Rows"])
    scanner = _scan.Scanner(scan.columns, lambda *args: ([], []), inflate_limit=1 << 20)
    scanner.give(bytes(path))
    while scanner.run(10) != _scan.END:
        pass
    batch = scanner.take()
    assert batch.column("error") == ["the deflated data set is larger than 1048576 bytes"]
    assert batch.column("Rows") == [None]


@pytest.mark.parametrize("undefined", [True, False])
def test_un_of_undefined_length_is_a_sequence(tmp_path: Path, undefined: bool) -> None:
    inner = item(element(0x00280010, "US", 9, IMPLICIT))
    wrapped = element(0x00280009, "UN", inner, length=UNDEFINED) + sequence_end() if undefined else b""
    found = row(tmp_path, part10(minimal(wrapped, element(0x00280010, "US", 3))), "Rows", "FrameIncrementPointer")
    assert (found["Rows"], found["FrameIncrementPointer"]) == (3, None)


@pytest.mark.parametrize("file", [b"", b"x", bytes(200), b"\x89PNG\r\n" + bytes(300), b"not DICOM at all, but long enough" * 10])
def test_no_dicom_in_the_words_of_dcmread(tmp_path: Path, file: bytes) -> None:
    with pytest.raises(fastdicom.NotDicomError) as caught:
        fastdicom.dcmread(file)
    found = row(tmp_path, file, "PatientID")
    assert (found["error"], found["PatientID"], found["size"]) == (caught.value.reason, None, len(file))


def test_force(tmp_path: Path) -> None:
    assert row(tmp_path, minimal(), "PatientName")["error"] is not None
    assert row(tmp_path, minimal(), "PatientName", force=True)["PatientName"] == "Doe^Jane"


def test_dicm_and_nothing(tmp_path: Path) -> None:
    found = row(tmp_path, bytes(128) + b"DICM", "PatientName")
    assert (found["error"], found["PatientName"]) == (None, None)


def test_no_wanted_tag_at_all(tmp_path: Path) -> None:
    assert list(row(tmp_path, part10(minimal()))) == ["path", "size", "mtime", "error", "notes"]


def test_a_broken_deflated_data_set_gives_what_could_be_inflated(tmp_path: Path) -> None:
    """As dcmread does: up to the byte that breaks the stream, and a note."""
    luck = random.Random(1)
    stored = deflate(minimal(element(0x00104000, "LT", "".join(luck.choice("abcdefgh ") for _ in range(9000)))))
    file = part10(stored[: len(stored) // 2] + b"\xff" * 64, "1.2.840.10008.1.2.1.99")
    found = row(tmp_path, file, "PatientID", "PatientComments")
    assert (found["error"], found["PatientID"]) == (None, "P-1")
    with pytest.warns(fastdicom.DicomWarning), fastdicom.dcmread(tmp_path / "file.dcm") as ds:
        assert found["PatientComments"] == ds.PatientComments
    assert found["notes"]


@pytest.mark.parametrize("encoding", (EXPLICIT, IMPLICIT))
def test_a_private_element_by_its_number_is_what_its_creator_says(encoding: Encoding, tmp_path: Path) -> None:
    """PS3.5 7.8.1: in implicit VR nothing but the creator of the block tells what it is."""
    known = private_block(0x0029, "SIEMENS CSA HEADER", (0x08, "CS", "IMAGE NUM 4"), block=0x11, encoding=encoding)
    number = private_block(0x0043, "GEMS_PARM_01", (0x12, "SS", 7), encoding=encoding)
    unknown = private_block(0x0051, "NOBODY", (0x01, "LO", "x"), encoding=encoding)
    syntax = EXPLICIT_LITTLE if encoding is EXPLICIT else IMPLICIT_LITTLE
    (tmp_path / "x.dcm").write_bytes(part10(known + number + unknown, syntax))
    (batch,) = fastdicom.scan(tmp_path, [0x00291108, 0x00431012, 0x00511001])
    ds = fastdicom.dcmread(tmp_path / "x.dcm")
    assert batch.column("00291108") == [ds[0x00291108].value] == ["IMAGE NUM 4"]
    assert batch.column("00431012") == [str(ds[0x00431012].value)] == ["7"]
    assert batch.column("00511001") == ["x" if encoding is EXPLICIT else None]
