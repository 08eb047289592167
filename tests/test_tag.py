"""Tags from everything that a user may write."""

import copy
import pickle

import numpy as np
import pytest

from fastdicom.tag import Tag, to_number, to_tag

PATIENT_NAME = 0x00100010


@pytest.mark.parametrize(
    "written",
    (
        PATIENT_NAME,
        (0x0010, 0x0010),
        [0x0010, 0x0010],
        ("0x10", "10"),
        "PatientName",
        "00100010",
        "0x00100010",
        "100010",
        "(0010,0010)",
        "(0010, 0010)",
        "0010,0010",
        " 0010,0010 ",
        "10,10",
        np.uint32(PATIENT_NAME),
        (np.uint16(0x10), np.int64(0x10)),
    ),
)
def test_every_form(written):
    assert Tag(written) == PATIENT_NAME
    assert to_tag(written) == PATIENT_NAME
    assert to_number(written) == PATIENT_NAME
    assert type(Tag(written)) is Tag


def test_two_arguments():
    assert Tag(0x7FE0, 0x0010) == 0x7FE00010
    assert Tag("7FE0", "0010") == 0x7FE00010
    assert Tag("7fe0,0010") == 0x7FE00010


def test_parts():
    tag = Tag(0x00280010)
    assert (tag.group, tag.element, tag.elem) == (0x28, 0x10, 0x10)
    assert (tag.keyword, tag.name) == ("Rows", "Rows")
    assert tag.json_key == "00280010"
    assert Tag(0x60020010).keyword == "OverlayRows"
    assert Tag(0x00080000).name == "Group Length"
    assert Tag(0x00080000).keyword == ""
    assert Tag(0x00091001).keyword == Tag(0x00091001).name == ""


def test_private():
    assert not Tag(0x00100010).is_private
    assert Tag(0x00090010).is_private
    assert Tag(0x00090010).is_private_creator
    assert Tag(0x000900FF).is_private_creator
    for number in (0x0009000F, 0x00090100, 0x00091010, 0x00080010):
        assert not Tag(number).is_private_creator
    assert Tag(0x00090010).name == "Private Creator"


def test_is_an_int():
    tag = Tag(0x7FE00010)
    assert repr(tag) == str(tag) == f"{tag}" == "(7FE0,0010)"
    assert f"{tag:08X}" == "7FE00010"
    assert hash(tag) == hash(0x7FE00010)
    assert {0x7FE00010: 1}[tag] == 1
    assert sorted([Tag(3), Tag(1)]) == [1, 3]
    for back in (pickle.loads(pickle.dumps(tag)), copy.copy(tag), copy.deepcopy(tag)):
        assert type(back) is Tag
        assert back == tag
    assert to_tag(tag) is tag
    assert not hasattr(tag, "__dict__")


@pytest.mark.parametrize("wrong", (None, 1.5, b"PatientName", True, object(), {1, 2}, (1.5, 2), (None, 1), (True, 1)))
def test_wrong_types(wrong):
    with pytest.raises(TypeError):
        Tag(wrong)


@pytest.mark.parametrize(
    "wrong",
    (
        "",
        "()",
        ",",
        "NoSuchKeyword",
        "123456789",
        "0010,00100",
        "1_0",
        "+1",
        "-1",
        "0x",
        -1,
        1 << 32,
        (1,),
        (1, 2, 3),
        (0x10000, 0),
        (0, -1),
        ("zz", "1"),
        ("", "1"),
    ),
)
def test_wrong_values(wrong):
    with pytest.raises(ValueError):
        Tag(wrong)


def test_equals_whatever_names_it():
    tag = Tag(0x00100010)
    for same in (0x00100010, Tag("PatientName"), (0x10, 0x10), ("0010", "0010"), "PatientName", "00100010", "(0010,0010)"):
        assert tag == same
        assert not tag != same  # noqa: SIM202  # it has a method of its own
    for other in (0x00100020, (0x10, 0x20), (0x10,), ("x", "y"), "PatientID", "no such keyword", None, 1.5, [0x10, 0x10]):
        assert tag != other
    assert {tag: 1}[0x00100010] == 1
    assert sorted([Tag(5), Tag(3)]) == [3, 5]


def test_a_suggestion():
    for written in ("PatientNam", "patientname", "Patient Name", "PatientsName"):
        with pytest.raises(ValueError, match="did you mean 'PatientName'"):
            Tag(written)
    with pytest.raises(ValueError, match="neither a keyword nor a tag") as raised:
        Tag("Zqxwvy" * 100)
    assert len(str(raised.value)) < 200
    with pytest.raises(ValueError, match="neither"):
        Tag("PatientName\0")
    with pytest.raises(ValueError, match="neither"):
        Tag("\udc80")
