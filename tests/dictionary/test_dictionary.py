"""The data dictionary: by tag, by keyword, repeating groups, rules, vendors."""

import subprocess
import sys

import pytest

from fastdicom import dictionary as d
from fastdicom.vr import AMBIGUOUS, VR


def test_lookup():
    entry = d.lookup("PatientName")
    assert entry == d.Entry(0x00100010, "PN", "1", "PatientName", "Patient's Name", False, False)
    assert entry.VR == "PN"
    assert d.lookup(0x00091001) is None
    assert d.lookup((0x0008, 0x0000)) is None
    with pytest.raises(ValueError):
        d.lookup("NoSuchKeyword")
    with pytest.raises(TypeError):
        d.lookup(1.5)
    for number in (-1, 1 << 32):
        with pytest.raises(ValueError):
            d.lookup(number)


def test_functions():
    tag = 0x00280106
    assert d.dictionary_VR(tag) == "US or SS"
    assert d.dictionary_VM(tag) == "1"
    assert d.dictionary_keyword(tag) == d.keyword_for_tag(tag) == "SmallestImagePixelValue"
    assert d.dictionary_description(tag) == "Smallest Image Pixel Value"
    assert not d.dictionary_is_retired(tag)
    assert d.dictionary_is_retired("EthnicGroup")
    assert d.dictionary_has_tag(tag)
    assert d.tag_for_keyword("SmallestImagePixelValue") == tag
    assert d.tag_for_keyword("smallestimagepixelvalue") is None
    assert d.tag_for_keyword("") is None
    assert d.tag_for_keyword("x" * 1000) is None
    assert d.tag_for_keyword("PatientNam\udc80") is None
    assert d.edition() == "2026b"
    for function in (d.dictionary_VR, d.dictionary_VM, d.dictionary_keyword, d.dictionary_description, d.dictionary_is_retired):
        with pytest.raises(KeyError, match="0009,1001"):
            function(0x00091001)
    assert d.keyword_for_tag(0x00091001) == ""
    assert not d.dictionary_has_tag("NoSuchKeyword")


@pytest.mark.parametrize(
    ("tag", "vr"),
    (
        (0x00280120, "US or SS"),
        (0x00283006, "US or OW"),
        (0x00281200, "US or SS or OW"),
        (0x7FE00010, "OB or OW"),
        (0x54001010, "OB or OW"),
        (0xFFFEE000, "NONE"),
        (0xFFFEE00D, "NONE"),
        (0xFFFEE0DD, "NONE"),
        (0xFFFCFFFC, "OB"),
        (0x7FE00008, "OF"),
        (0x7FE00001, "OV"),
        (0x0072006D, "UN"),
    ),
)
def test_vrs(tag, vr):
    assert d.dictionary_VR(tag) == vr


def test_by_rule():
    """PS3.5 7.2: a group length is UL; 7.8.1: a private creator is LO."""
    for tag in (0x00080000, 0x00090000, 0x00270000, 0x50000000):
        assert d.dictionary_VR(tag) == "UL"
        assert d.dictionary_description(tag) == "Group Length"
        assert not d.dictionary_has_tag(tag)
    for tag in (0x00090010, 0x000900FF):
        assert d.dictionary_VR(tag) == "LO"
        assert d.dictionary_description(tag) == "Private Creator"
    for tag in (0x0009000F, 0x00090100, 0x0009FFFF):
        assert d.lookup(tag) is None
    assert d.dictionary_keyword(0x00020000) == "FileMetaInformationGroupLength"


@pytest.mark.parametrize(
    ("tag", "keyword"),
    (
        (0x50000005, "CurveDimensions"),
        (0x501E3000, "CurveData"),
        (0x60000010, "OverlayRows"),
        (0x60023000, "OverlayData"),
        (0x60FE0010, "OverlayRows"),
        (0x7F020010, "VariablePixelData"),
        (0x7FE00010, "PixelData"),
        (0x002031AB, "SourceImageIDs"),
        (0x00200032, "ImagePositionPatient"),
        (0x00280400, "TransformLabel"),
        (0x002804F0, "RowsForNthOrderCoefficients"),
        (0x00280413, "CoefficientCodingPointers"),
        (0x002808A8, "ImageDataLocation"),
        (0x1000ABC5, "ShiftTableTriplet"),
        (0x10101234, "ZonalMap"),
    ),
)
def test_repeating(tag, keyword):
    assert d.keyword_for_tag(tag) == keyword
    assert d.repeater_has_tag(tag) == d.lookup(tag).is_repeating == (keyword not in ("PixelData", "ImagePositionPatient", "TransformLabel"))
    assert d.dictionary_has_tag(tag) != d.repeater_has_tag(tag)
    assert d.lookup(tag).tag == tag


def test_not_repeating():
    for tag in (0x60010010, 0x50010005, 0x61000010, 0x60000013, 0x00280416, 0x00300010, 0x10100000, 0x7F000012):
        assert not d.repeater_has_tag(tag)


def test_first_of_a_family():
    assert d.tag_for_keyword("OverlayData") == 0x60003000
    assert d.tag_for_keyword("CurveData") == 0x50003000
    assert d.tag_for_keyword("SourceImageIDs") == 0x00203100
    assert d.tag_for_keyword("EscapeTriplet") == 0x10000010
    assert d.repeater_has_keyword("OverlayData")
    assert not d.repeater_has_keyword("PixelData")
    assert not d.repeater_has_keyword("NoSuchKeyword")


def test_all_entries():
    entries = list(d.entries())
    assert len({entry.tag for entry in entries}) == len(entries) > 5200
    plain = [entry.tag for entry in entries if not entry.is_repeating]
    assert plain == sorted(plain)
    assert sum(entry.is_repeating for entry in entries) == 88
    assert d.dictionary_VR("ThermalCameraSettingsSequence") == "SQ"  # added by hand to the gathered tables
    keywords = [entry.keyword for entry in entries if entry.keyword]
    assert keywords == d.keywords()
    assert len(set(keywords)) == len(keywords)
    assert all(keyword.isidentifier() for keyword in keywords)
    for entry in entries:
        assert entry.VR in VR.__members__ or entry.VR in AMBIGUOUS or entry.VR == "NONE"
        assert entry.VM[0].isdigit()
        assert d.lookup(entry.tag) == entry
        assert not entry.keyword or d.tag_for_keyword(entry.keyword) == entry.tag
        assert entry.tag >> 16 & 1 == 0
        assert entry.name or entry.is_retired


def test_private():
    assert d.private_dictionary_VR(0x0019100C, "SIEMENS MR HEADER") == "IS"
    assert d.private_dictionary_description(0x0019100C, "SIEMENS MR HEADER") == "B_value"
    assert d.private_dictionary_VM(0x0019100E, "SIEMENS MR HEADER") == "3"
    # the block is where the file put it; the creator may be padded
    assert d.private_dictionary_VR(0x0019FF0C, " SIEMENS MR HEADER ") == "IS"
    assert d.private_dictionary_VR((0x0029, 0x1010), "SIEMENS CSA HEADER\0") == "OB"
    # a group that repeats
    assert d.private_dictionary_VR(0x60211010, "PAPYRUS 3.0") == "US"
    for tag, creator in (
        (0x0019100C, "siemens mr header"),
        (0x0019100C, ""),
        (0x0019100C, "   "),
        (0x0019100C, "x" * 5000),
        (0x0019000C, "SIEMENS MR HEADER"),  # not in a block
        (0x0018100C, "SIEMENS MR HEADER"),  # not private
        (0x001B100C, "SIEMENS MR HEADER"),
        (0x0019100C, "SIEMENS MR HEADER\0x"),
        (0x0019100C, "\udc80"),
    ):
        with pytest.raises(KeyError):
            d.private_dictionary_VR(tag, creator)


def test_all_private_entries():
    entries = list(d.private_entries())
    assert len(entries) > 10_000
    assert len({(creator, tag) for creator, tag, *_ in entries}) == len(entries)
    for creator, tag, vr, vm, name in entries:
        assert vr in VR.__members__ or vr in AMBIGUOUS
        tag |= 0 if tag & 0xFF00 else 0x1100  # in any block, unless it is said which
        tag |= 0xF10000 if tag >> 16 & 1 == 0 else 0  # a group of free digits is given as its even first
        assert (d.private_dictionary_VR(tag, creator), d.private_dictionary_VM(tag, creator)) == (vr, vm)
        assert d.private_dictionary_description(tag, creator) == name


def test_import_is_light():
    """Neither typing nor the table of UIDs is loaded before it is needed."""
    code = (
        "import sys; import fastdicom; before = set(sys.modules)\n"
        "import fastdicom.dictionary, fastdicom.tag, fastdicom.uid, fastdicom.transfer_syntax\n"
        "heavy = {'typing', 'dataclasses', 're', 'numpy', 'difflib', 'fastdicom.dictionary._entry', 'fastdicom.dictionary._uids'}\n"
        "print(sorted(heavy & set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-S", "-c", f"import sys; sys.path[:0] = {sys.path!r}\n{code}"], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
    assert d.Entry.__name__ == "Entry"
    with pytest.raises(AttributeError):
        _ = d.NoSuchName


def test_a_private_element_that_is_another_in_block_10():
    # ELSCINT1 published (01F1,1026) FD and (01F1,xx26) DS
    assert d.private_dictionary_VR(0x01F11026, "ELSCINT1") == "FD"
    assert d.private_dictionary_VR(0x01F11126, "ELSCINT1") == "DS"
    assert d.private_dictionary_VR(0x01F1104E, "ELSCINT1") == "SH"
    assert d.private_dictionary_VR(0x01F1124E, "ELSCINT1") == "LO"
    assert d.private_dictionary_description(0x00E11021, "ELSCINT1") == "DLP"
