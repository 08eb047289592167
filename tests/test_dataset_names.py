"""The names of elements, as the dictionaries give them."""

from __future__ import annotations

import pytest

import builders as b
import fastdicom


@pytest.mark.parametrize(
    ("tag", "name"),
    (
        (0x00100010, "Patient's Name"),
        (0x60000010, "Overlay Rows"),  # (60xx,0010), a repeating group (PS3.6 6)
        (0x60020010, "Overlay Rows"),
        (0x501E0005, "Curve Dimensions"),  # (50xx,0005)
        (0x00203102, "Source Image IDs"),  # (0020,31xx)
        (0x00080000, "Group Length"),
        (0x00080002, ""),
        (0x00090010, "Private Creator"),
        (0x00091001, "Private tag data"),
    ),
)
def test_name(tag: int, name: str) -> None:
    ds = fastdicom.dcmread(b.part10(b.element(tag, "UN", b"abcd")))
    assert ds[tag].name == name
    assert name in str(ds)
