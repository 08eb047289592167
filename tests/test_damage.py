"""Damage that the fuzzer found once, built in code."""

from __future__ import annotations

import pytest

import builders as b
import fastdicom


@pytest.mark.parametrize(
    ("vr", "value"),
    [("SQ", b.item(b.element(0x00100010, "PN", "inner"))), ("SL", 1), ("AT", 0x00100010), ("FD", 1.5), ("OB", b"\1\2")],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_character_set_of_another_vr(vr: str, value: b.Value) -> None:
    """(0008,0005) with a VR that holds no text, which a broken header can give it: the default character set."""
    data = b.part10(b.element(0x00080005, vr, value) + b.element(0x00100010, "PN", "Doe^Jane"))
    ds = fastdicom.dcmread(data)
    assert ds.PatientName == "Doe^Jane"
    assert [elem.value for elem in ds][1] == "Doe^Jane"
    assert "Doe^Jane" in str(ds)


def test_character_set_that_is_said_with_a_wrong_vr_counts() -> None:
    """The bytes of (0008,0005) say what they say, whatever VR stands before them; a scan reads them so too."""
    data = b.part10(b.element(0x00080005, "OB", b"ISO_IR 192") + b.element(0x00100010, "PN", "Ä^Ö".encode()))
    assert fastdicom.dcmread(data).PatientName == "Ä^Ö"
