"""The builders against bytes that are written by hand after the standard."""

from __future__ import annotations

import io
import zlib

import builders as b


def test_explicit_little_short_header() -> None:
    assert b.element(0x00280010, "US", 512) == bytes.fromhex("2800 1000") + b"US" + bytes.fromhex("0200 0002")


def test_explicit_big_long_header() -> None:
    assert b.element(0x7FE00010, "OW", b"\1\2", b.BIG) == bytes.fromhex("7FE0 0010") + b"OW" + bytes.fromhex("0000 00000002 0102")


def test_implicit_header_has_no_vr() -> None:
    assert b.element("0010,0010", "PN", "A^B", b.IMPLICIT) == bytes.fromhex("1000 1000 04000000") + b"A^B "


def test_padding_is_nul_for_uids_and_a_space_for_text() -> None:
    assert b.value_bytes("UI", "1.2") == b"1.2\0"
    assert b.value_bytes("LO", ["a", "b"]) == b"a\\b "
    assert b.value_bytes("AT", 0x00280010) == bytes.fromhex("2800 1000")


def test_sequence_of_undefined_length() -> None:
    made = b.sequence(0x00081140, b.item(undefined=True), undefined=True)
    assert made == bytes.fromhex("0800 4011") + b"SQ" + bytes.fromhex("0000 FFFFFFFF FEFF00E0 FFFFFFFF FEFF0DE0 00000000 FEFFDDE0 00000000")


def test_nested_of_both_lengths_has_the_same_depth() -> None:
    for undefined in (False, True):
        made = b.nested(3, b.element(0x00100020, "LO", "x"), undefined=undefined)
        assert made.count(b"SQ") == 3


def test_offset_tables_point_at_first_fragments() -> None:
    frames = [[b"12", b"345"], [b"6"]]
    made = b.encapsulated(frames, bot=True)
    offsets = b.basic_offset_table(frames)
    assert offsets == bytes.fromhex("00000000 16000000")  # 8 + 2 + 8 + 4 = 22
    first = made.index(offsets) + len(offsets)
    assert made[first + 22 :].startswith(bytes.fromhex("FEFF00E0 02000000") + b"6\0")


def test_deflated_part10_inflates_to_the_data_set() -> None:
    made = b.deflated_part10(b.minimal())
    start = len(b.part10(transfer_syntax=b.DEFLATED_EXPLICIT))
    assert zlib.decompressobj(-15).decompress(made[start:]) == b.minimal()


def test_group_length_counts_what_follows_it() -> None:
    meta = b.file_meta()
    assert int.from_bytes(meta[8:12], "little") == len(meta) - 12


def test_pydicom_reads_what_is_built() -> None:
    import pydicom

    data = b.part10(
        b.dataset(
            b.minimal(),
            b.private_block(0x0029, "ACME 1.0", (0x10, "LO", "x")),
            b.nested(2, undefined=False),
            b.image(bytes(8), 2, 2),
        )
    )
    ds = pydicom.dcmread(io.BytesIO(data))
    assert ds.PatientName == "Doe^Jane"
    assert ds.private_block(0x0029, "ACME 1.0")[0x10].value == "x"
    assert ds.pixel_array.shape == (2, 2)
