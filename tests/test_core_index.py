"""The index behind encapsulated pixel data: completed late, completed twice, not to be completed."""

from __future__ import annotations

import time
import warnings
from pathlib import Path

import pytest

import builders as b
import fastdicom

AFTER = 0x7FE10010
FRAGMENTS = (b"\xaa" * 5000,) * 30  # longer than the head that is read at first


def compressed(*fragments: bytes) -> bytes:
    """Pixel Data of undefined length: an empty offset table, fragments, delimiter (PS3.5 A.4)."""
    return b.header(0x7FE00010, "OB", b.UNDEFINED) + b.fragment(b"") + b"".join(map(b.fragment, fragments)) + b.sequence_end()


def test_closed_before_it_was_completed(tmp_path: Path) -> None:
    """What stands behind the fragments is unknown, which is not the same as absent."""
    path = tmp_path / "closed.dcm"
    data = b.element(0x00080060, "CS", "CT") + compressed(*FRAGMENTS) + b.element(AFTER, "LO", "after")
    path.write_bytes(b.part10(data, b.JPEG_BASELINE))
    ds = fastdicom.dcmread(path)
    ds.close()
    assert ds.Modality == "CT"
    assert "CT" in repr(ds)
    for _ in range(2):  # it does not take the failure for an answer
        with pytest.raises(ValueError, match="closed"):
            AFTER in ds  # noqa: B015
        with pytest.raises(ValueError, match="closed"):
            len(ds)


def test_pixel_data_twice() -> None:
    """The walk stops at the first only."""
    pixels = compressed(*FRAGMENTS) + compressed(b"\xbb" * 10)
    ds = fastdicom.dcmread(b.part10(pixels + b.element(AFTER, "LO", "after"), b.JPEG_BASELINE))
    with pytest.warns(fastdicom.DicomWarning, match="twice"):
        assert AFTER in ds
    assert ds.is_complete
    assert ds["PixelData"].length == 8 + 8 + 10


def test_duplicate_behind_pixel_data() -> None:
    """Once the whole data set is known, the last of two counts, also where the first was asked for before."""
    data = b.element(0x00100010, "PN", "First") + compressed(*FRAGMENTS) + b.element(0x00100010, "PN", "Last")
    ds = fastdicom.dcmread(b.part10(data, b.JPEG_BASELINE))
    assert ds.PatientName == "First"
    with pytest.warns(fastdicom.DicomWarning, match="order"):
        assert len(ds) == 2
    assert ds.PatientName == "Last"
    assert bytes(ds["PatientName"].raw) == b"Last"


def test_second_damage_of_a_kind_is_marked() -> None:
    """is_truncated tells of this element, not of the first one that was warned about."""
    first = b.header(0x00420011, "OB", b.UNDEFINED) + b.fragment(b"ab") + b.element(0x00420012, "LO", "behind it")
    second = b.header(0x7FE00010, "OB", b.UNDEFINED) + b.fragment(b"cd")
    with pytest.warns(fastdicom.DicomWarning, match="delimiter"):
        ds = fastdicom.dcmread(b.part10(first + second))
    assert [elem.is_truncated for elem in ds] == [True, False, True]


def test_charset_is_not_looked_for_behind_the_fragments(tmp_path: Path) -> None:
    """Text without (0008,0005) is read without a walk through the fragments, and so after closing too."""
    path = tmp_path / "ascii.dcm"
    data = b.element(0x00081140, "SQ", b.item(b.element(0x00080060, "CS", "CT"))) + b.element(0x00100010, "PN", "Doe^Jane~")
    path.write_bytes(b.part10(data + compressed(*FRAGMENTS), b.JPEG_BASELINE))
    ds = fastdicom.dcmread(path)
    assert ds.PatientName == "Doe^Jane~"
    assert ds.ReferencedImageSequence[0].Modality == "CT"
    assert not ds.is_complete


def test_many_sequences_behind_the_head(tmp_path: Path) -> None:
    """Each is kept when touched, and found again among the others without a search through all."""
    count = 30_000
    one = b.item(b.element(0x00080060, "CS", "CT"))
    path = tmp_path / "many.dcm"
    padding = b.element(0x00080001, "OB", bytes(2 << 20))
    path.write_bytes(
        b.part10(padding + b"".join(b.sequence(0x00090000 + 0x20000 * (i >> 15) + (i & 0x7FFF) + 1, one) for i in range(count)))
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ds = fastdicom.dcmread(path)
        start = time.process_time()
        assert sum(len(elem.value) for elem in ds if elem.VR == "SQ") == count
    assert time.process_time() - start < 10


@pytest.mark.parametrize("over", range(0, 600, 2))
def test_last_bytes_of_a_deflated_data_set(over: int) -> None:
    """zlib may hold back what does not fit a step when all is fed (PS3.5 A.5)."""
    head = b.element(0x00080060, "CS", "CT")
    length = (1 << 20) + over - len(head) - 12
    ds = fastdicom.dcmread(b.deflated_part10(head + b.header(0x7FE00010, "OB", length) + bytes(length)))
    assert ds["PixelData"].length == length
    assert not ds["PixelData"].is_truncated
