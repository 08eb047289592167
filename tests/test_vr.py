"""The 34 value representations."""

import pytest

from fastdicom.vr import AMBIGUOUS, VR


def test_all():
    assert len(VR) == 34
    assert all(vr == vr.name and len(vr) == 2 for vr in VR)
    assert VR("US") is VR.US
    assert f"{VR.PN}" == "PN"
    with pytest.raises(ValueError):
        VR("ZZ")
    assert all(set(vrs) <= set(VR) for vrs in AMBIGUOUS.values())


def test_long_length():
    """PS3.5 7.1.2, Table 7.1-1."""
    assert {vr for vr in VR if vr.has_long_length} == {"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"}


def test_character_set():
    """PS3.5 6.1.2.3."""
    assert {vr for vr in VR if vr.uses_character_set} == {"LO", "LT", "PN", "SH", "ST", "UC", "UT"}


def test_kinds_and_sizes():
    sizes = {vr: vr.item_size for vr in VR if vr.kind == "number"}
    assert sizes == {"AT": 4, "FD": 8, "FL": 4, "SL": 4, "SS": 2, "SV": 8, "UL": 4, "US": 2, "UV": 8}
    sizes = {vr: vr.item_size for vr in VR if vr.kind == "binary"}
    assert sizes == {"OB": 1, "OD": 8, "OF": 4, "OL": 4, "OV": 8, "OW": 2, "UN": 1}
    assert [vr for vr in VR if vr.kind == "sequence"] == ["SQ"]
    assert all(vr.item_size == 0 for vr in VR if vr.kind == "text")


def test_padding():
    """PS3.5 6.2: text is padded with a space, but UI with NUL."""
    assert all(vr.padding == (b" " if vr.kind == "text" and vr != "UI" else b"" if vr == "SQ" else b"\0") for vr in VR)


def test_lengths():
    """PS3.5 Table 6.2-1."""
    text = {vr: vr.max_length for vr in VR if vr.kind == "text"}
    assert text == {
        "AE": 16, "AS": 4, "CS": 16, "DA": 8, "DS": 16, "DT": 26, "IS": 12, "LO": 64, "LT": 10240, "PN": 64,
        "SH": 16, "ST": 1024, "TM": 14, "UC": 0, "UI": 64, "UR": 0, "UT": 0,
    }  # fmt: skip


def test_multiplicity():
    """PS3.5 6.4."""
    assert {vr for vr in VR if not vr.is_multi_valued} == {"LT", "OB", "OD", "OF", "OL", "OV", "OW", "SQ", "ST", "UN", "UR", "UT"}
