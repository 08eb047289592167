"""Which columns a scan gets for what is asked for."""

from __future__ import annotations

import pytest

from fastdicom.scan.columns import DEFAULT_TAGS, Column, columns_of


def one(wanted: object) -> Column:
    (column,) = columns_of([wanted])  # type: ignore[list-item]
    return column


@pytest.mark.parametrize("wanted", ["PatientID", 0x00100020, (0x0010, 0x0020), "00100020", "0010,0020", "(0010,0020)"])
def test_each_way_to_name_an_element_gives_the_same_column(wanted: object) -> None:
    assert one(wanted) == Column("PatientID", 0x00100020, "LO", "utf8", dictionary=True)


@pytest.mark.parametrize(
    ("keyword", "kind", "multiple"),
    [
        ("InstanceNumber", "int64", False),  # IS
        ("SliceThickness", "float64", False),  # DS
        ("PixelSpacing", "float64", True),  # DS, VM 2
        ("Rows", "uint16", False),
        ("TagAngleSecondAxis", "int16", False),  # SS
        ("SmallestImagePixelValue", "int32", False),  # US or SS
        ("FileMetaInformationGroupLength", "uint32", False),
        ("FrameIncrementPointer", "utf8", True),  # AT, VM 1-n
        ("RecommendedDisplayFrameRateInFloat", "float32", False),
        ("EventTimeOffset", "float64", False),  # FD
        ("ExtendedOffsetTable", "binary", False),  # OV
        ("PixelData", "binary", False),
        ("ImageType", "utf8", True),
        ("PatientName", "utf8", False),
        ("AdditionalPatientHistory", "utf8", False),  # LT holds one value
        ("OtherPatientNames", "utf8", True),
    ],
)
def test_types_follow_vr_and_vm(keyword: str, kind: str, multiple: bool) -> None:
    column = one(keyword)
    assert (column.name, column.kind, column.multiple) == (keyword, kind, multiple)


def test_elements_without_a_keyword_are_named_by_their_tag() -> None:
    assert one(0x00091001) == Column("00091001", 0x00091001, "", "utf8")
    assert one(0x00090010).vr == "LO"  # a private creator
    assert one(0x00280000).kind == "uint32"  # a group length


@pytest.mark.parametrize("wanted", [(0x0029, "SIEMENS CSA HEADER", 0x08), '(0029,"SIEMENS CSA HEADER",08)'])
def test_private_elements_are_named_by_their_creator(wanted: object) -> None:
    assert one(wanted) == Column('(0029,"SIEMENS CSA HEADER",08)', 0x00290008, "CS", "utf8", False, "SIEMENS CSA HEADER", True)


def test_default_set() -> None:
    assert [column.name for column in columns_of(None)] == list(DEFAULT_TAGS)


def test_the_same_element_twice_is_one_column() -> None:
    assert len(columns_of(["PatientID", 0x00100020])) == 1


@pytest.mark.parametrize(
    ("tags", "error", "text"),
    [
        (["PatientNam"], ValueError, "did you mean 'PatientName'"),
        (["ReferencedImageSequence"], ValueError, "sequence"),
        ([0xFFFEE000], ValueError, "delimits"),
        ("PatientID", TypeError, "list"),
        ([(0x0028, "X", 1)], ValueError, "odd group"),
        ([(0x0029, "", 1)], ValueError, "name"),
        ([(0x0029, "X", 0x100)], ValueError, "0xFF"),
        ([1.5], TypeError, "float"),
        ([Column("path", 0x00100020, "LO", "utf8")], ValueError, "of its own"),
        ([Column("x", 0x00100020, "LO", "utf8"), Column("x", 0x00100010, "PN", "utf8")], ValueError, "two different"),
    ],
)
def test_what_cannot_be_a_column(tags: object, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        columns_of(tags)  # type: ignore[arg-type]
