"""Specific Character Set (0008,0005) in data sets: what is in force where, and what is warned of."""

from __future__ import annotations

import pytest

from builders import dataset, element, file_meta, item, part10, sequence
from fastdicom.errors import DicomWarning
from fastdicom.reader import dcmread


def test_items_inherit_and_override():
    # PS3.5 7.5.3: an item without the attribute has that of the data set around it
    inner = sequence(
        0x00081140,
        item(element(0x00100010, "PN", "é".encode() + b" " * (len("é".encode()) % 2))),
        item(element(0x00080005, "CS", "ISO_IR 144"), element(0x00100010, "PN", b"\xbb ")),
        item(element(0x00080005, "CS", ""), element(0x00100010, "PN", b"a ")),
    )
    read = dcmread(part10(dataset(element(0x00080005, "CS", "ISO_IR 192"), inner), file_meta()))
    assert [made.PatientName for made in read[0x00081140].value] == ["é", "Л", "a"]


def test_wrong_declaration_is_warned_of_once():
    data = dataset(element(0x00080005, "CS", "ISO IR 192"), element(0x00100020, "LO", "é".encode()))
    read = dcmread(part10(dataset(data), file_meta()))
    with pytest.warns(DicomWarning, match="'ISO IR 192' is no defined term, 'ISO_IR 192' is assumed") as caught:
        assert [read.PatientID, read.get("PatientID")] == ["é", "é"]
    assert len(caught) == 1


def test_yen_sign_and_overline_of_iso_ir_13():
    data = dataset(element(0x00080005, "CS", "ISO_IR 13"), element(0x00100020, "LO", b"a\\b "), element(0x00104000, "LT", b"\\~"))
    read = dcmread(part10(data, file_meta()))
    assert read[0x00104000].value == "¥‾"
    assert read[0x00100020].value == ["a", "b"]
