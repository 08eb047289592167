"""Well-formed data sets in every encoding of PS3.5, and the encodings that writers really use."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import pytest

import builders as b
import fastdicom
from builders import BIG, EXPLICIT, IMPLICIT, Encoding

ENCODINGS = {"explicit": EXPLICIT, "implicit": IMPLICIT, "big": BIG}
SYNTAXES = {"explicit": b.EXPLICIT_LITTLE, "implicit": b.IMPLICIT_LITTLE, "big": b.EXPLICIT_BIG}
IMPLICIT_BIG = Encoding(implicit=True, big=True)  # no transfer syntax of the standard, but of some private ones

encodings = pytest.mark.parametrize("name", ENCODINGS)


def read(data: bytes, syntax: str | None = b.EXPLICIT_LITTLE, **options: object) -> fastdicom.Dataset:
    return fastdicom.dcmread(b.part10(data, syntax), **options)  # type: ignore[arg-type]


def read_as(name: str, *elements: bytes) -> fastdicom.Dataset:
    return read(b.dataset(*elements), SYNTAXES[name])


# headers

VALUES = {
    "AE": ("STORESCP", "STORESCP"), "AS": ("018M", "018M"), "AT": (0x00280010, 0x00280010), "CS": ("ORIGINAL", "ORIGINAL"),
    "DA": ("20240229", "20240229"), "DS": ("1.5", 1.5), "DT": ("20240229101500", "20240229101500"), "FD": (0.1, 0.1), "FL": (1.5, 1.5),
    "IS": ("-12", -12), "LO": ("text", "text"), "LT": ("a\\b", "a\\b"), "OB": (b"\1\2", b"\1\2"), "OD": (b"12345678", b"12345678"),
    "OF": (b"1234", b"1234"), "OL": (b"1234", b"1234"), "OV": (b"12345678", b"12345678"), "OW": (b"\1\2", b"\1\2"),
    "PN": ("Doe^Jane", "Doe^Jane"), "SH": ("short", "short"), "SL": (-70000, -70000), "SS": (-3, -3), "ST": ("a\\b", "a\\b"),
    "SV": (-(2**60), -(2**60)), "TM": ("101500.5", "101500.5"), "UC": ("long", "long"), "UI": ("1.2.840", "1.2.840"),
    "UL": (4000000000, 4000000000), "UN": (b"\1\2", b"\1\2"), "UR": ("http://x.org/a", "http://x.org/a"), "US": (65535, 65535),
    "UT": ("a\\b", "a\\b"), "UV": (2**63, 2**63),
}  # fmt: skip


@pytest.mark.parametrize("vr", VALUES)
@pytest.mark.parametrize("name", ("explicit", "big"))
def test_every_vr(vr: str, name: str) -> None:
    stored, expected = VALUES[vr]
    first = b.element(0x00090010, "LO", "NOBODY KNOWS", ENCODINGS[name])  # a private creator
    ds = read_as(name, first, b.element(0x00091001, vr, stored, ENCODINGS[name]), b.element(0x00100010, "PN", "Doe^Jane", ENCODINGS[name]))
    elem = ds[0x00091001]
    assert (elem.VR, elem.value, elem.tag) == (vr, expected, 0x00091001)
    assert elem.length == len(elem.raw) == len(b.value_bytes(vr, stored))
    assert elem.raw == b.value_bytes(vr, stored, ENCODINGS[name])
    assert ds.PatientName == "Doe^Jane"


def test_sequence_completes_the_34_vrs() -> None:
    assert len({*VALUES, "SQ"}) == 34


@pytest.mark.parametrize("vr", sorted(b.LONG_VRS - {"SQ"}))
@pytest.mark.parametrize("name", ("explicit", "big"))
def test_reserved_bytes_do_not_count(vr: str, name: str) -> None:
    """PS3.5 7.1.2: the two bytes behind a long VR are reserved; some writers leave rubbish in them."""
    encoding = ENCODINGS[name]
    data = b.header(0x00091001, vr, 8, encoding, reserved=0x2020) + b"12345678" + b.element(0x00100020, "LO", "P", encoding)
    ds = read(data, SYNTAXES[name])
    assert ds[0x00091001].raw == b"12345678"
    assert ds.PatientID == "P"


@encodings
def test_implicit_length_of_more_than_64_kib(name: str) -> None:
    ds = read_as(name, b.element(0x00081030, "UT", "x" * 70_000, ENCODINGS[name]), b.element(0x00100020, "LO", "P", ENCODINGS[name]))
    assert len(ds.StudyDescription) == 70_000
    assert ds.PatientID == "P"


@encodings
def test_offsets_and_lengths(name: str) -> None:
    data = b.part10(b.minimal(encoding=ENCODINGS[name]), SYNTAXES[name])
    ds = fastdicom.dcmread(data)
    for elem in ds:
        assert data[elem.offset : elem.offset + elem.length] == elem.raw
    assert [elem.keyword for elem in ds] == ["SOPClassUID", "SOPInstanceUID", "Modality", "PatientName", "PatientID"]
    assert (ds.is_implicit_VR, ds.is_big_endian) == (name == "implicit", name == "big")


@encodings
def test_group_2_is_explicit_little_always(name: str) -> None:
    ds = read_as(name, b.minimal(encoding=ENCODINGS[name]))
    assert ds.file_meta.TransferSyntaxUID == SYNTAXES[name] == ds.transfer_syntax.uid
    assert ds.file_meta.FileMetaInformationVersion == b"\0\1"
    assert ds.file_meta["FileMetaInformationGroupLength"].VR == "UL"
    assert len(ds.file_meta) == 6
    assert 0x00020010 not in ds


@pytest.mark.parametrize("said", (True, False, 0, 1, 7, 100_000, 0xFFFFFFFF))
@encodings
def test_group_length_of_group_2_may_lie(name: str, said: int | bool) -> None:
    meta = b.file_meta(SYNTAXES[name], group_length=said)
    ds = fastdicom.dcmread(b.part10(b.minimal(encoding=ENCODINGS[name]), meta=meta))
    assert ds.file_meta.TransferSyntaxUID == SYNTAXES[name]
    assert [elem.keyword for elem in ds] == ["SOPClassUID", "SOPInstanceUID", "Modality", "PatientName", "PatientID"]


@encodings
@pytest.mark.parametrize("said", (0, 4, 1_000_000, 0xFFFFFFFF))
def test_group_lengths_that_lie(name: str, said: int) -> None:
    encoding = ENCODINGS[name]
    ds = read_as(
        name,
        b.element(0x00080000, "UL", said, encoding),
        b.element(0x00080060, "CS", "CT", encoding),
        b.element(0x00100000, "UL", said, encoding),
        b.element(0x00100020, "LO", "P", encoding),
    )
    assert ds[0x00080000].value == said
    assert ds[0x00080000].name == "Group Length"
    assert (ds.Modality, ds.PatientID, len(ds)) == ("CT", "P", 4)


# sequences

LENGTHS = [(sq, it) for sq in (False, True) for it in (False, True)]


@encodings
@pytest.mark.parametrize(("sequence_undefined", "item_undefined"), LENGTHS)
def test_sequences_of_every_kind_of_length(name: str, sequence_undefined: bool, item_undefined: bool) -> None:
    encoding = ENCODINGS[name]

    def sequence(tag: int, *items: bytes) -> bytes:
        return b.sequence(tag, *items, encoding=encoding, undefined=sequence_undefined)

    def item(*elements: bytes) -> bytes:
        return b.item(*elements, encoding=encoding, undefined=item_undefined)

    made = sequence(
        0x00081140,  # Referenced Image Sequence
        item(
            b.element(0x00081155, "UI", "1.2.1", encoding),
            sequence(0x0040A170, item(b.element(0x00080100, "SH", "121322", encoding))),  # Purpose of Reference Code Sequence
        ),
        item(),
        item(b.element(0x00081155, "UI", "1.2.2", encoding), sequence(0x0040A170)),
    )
    ds = read_as(name, made, b.element(0x00100020, "LO", "P", encoding))
    images = ds.ReferencedImageSequence
    assert len(images) == 3
    assert images[0].ReferencedSOPInstanceUID == "1.2.1"
    assert images[0].PurposeOfReferenceCodeSequence[0].CodeValue == "121322"
    assert len(images[1]) == 0
    assert len(images[2].PurposeOfReferenceCodeSequence) == 0
    assert ds.PatientID == "P"
    assert ds["ReferencedImageSequence"].is_undefined_length == sequence_undefined
    assert images.is_undefined_length == sequence_undefined
    raw = made[8 if name == "implicit" else 12 :]
    assert ds["ReferencedImageSequence"].raw == (raw[:-8] if sequence_undefined else raw)  # it ends before the delimiter


@encodings
@pytest.mark.parametrize(("sequence_undefined", "item_undefined"), LENGTHS)
def test_nothing_in_nothing(name: str, sequence_undefined: bool, item_undefined: bool) -> None:
    encoding = ENCODINGS[name]
    inner = b""
    for _ in range(20):
        inner = b.sequence(
            0x00081140, b.item(inner, encoding=encoding, undefined=item_undefined), encoding=encoding, undefined=sequence_undefined
        )
    ds = read_as(name, inner, b.element(0x00100020, "LO", "P", encoding))
    depth, here = 0, ds
    while "ReferencedImageSequence" in here:
        here, depth = here.ReferencedImageSequence[0], depth + 1
    assert (depth, len(here), ds.PatientID) == (20, 0, "P")


@encodings
@pytest.mark.parametrize("undefined", (False, True))
def test_empty_sequence(name: str, undefined: bool) -> None:
    encoding = ENCODINGS[name]
    ds = read_as(name, b.sequence(0x00081140, encoding=encoding, undefined=undefined), b.element(0x00100020, "LO", "P", encoding))
    assert len(ds.ReferencedImageSequence) == 0
    assert ds["ReferencedImageSequence"].raw == b""
    assert ds.PatientID == "P"


@encodings
def test_ten_thousand_items(name: str) -> None:
    encoding = ENCODINGS[name]
    items = [b.item(b.element(0x00200013, "IS", str(i), encoding), encoding=encoding, undefined=i % 2 == 0) for i in range(10_000)]
    ds = read_as(name, b.sequence(0x52009230, *items, encoding=encoding, undefined=True), b.element(0x7FE00010, "OW", b"\1\2", encoding))
    frames = ds.PerFrameFunctionalGroupsSequence
    assert len(frames) == 10_000
    assert frames[9_999].InstanceNumber == frames[-1].InstanceNumber == 9_999
    assert [frame.InstanceNumber for frame in frames[5_000:5_003]] == [5_000, 5_001, 5_002]
    assert ds.PixelData == b"\1\2"


# UN


@pytest.mark.parametrize("name", ("explicit", "big"))
@pytest.mark.parametrize("item_undefined", (False, True))
@pytest.mark.parametrize("tag", (0x00081140, 0x00091001), ids=("public", "private"))
def test_un_of_undefined_length_is_implicit_little_inside(name: str, item_undefined: bool, tag: int) -> None:
    """CP-246, PS3.5 6.2.2 note 4: whatever the transfer syntax."""
    encoding = ENCODINGS[name]
    inner = b.sequence(0x0040A170, b.item(b.element(0x00080100, "SH", "121322", IMPLICIT)), encoding=IMPLICIT, undefined=item_undefined)
    content = b.item(b.element(0x00081155, "UI", "1.2.1", IMPLICIT), inner, undefined=item_undefined)
    ds = read_as(
        name,
        b.header(tag, "UN", b.UNDEFINED, encoding),
        content,
        b.SEQUENCE_END,
        b.element(0x00100020, "LO", "P", encoding),
    )
    elem = ds[tag]
    assert (elem.VR, elem.is_undefined_length, len(elem.value)) == ("SQ", True, 1)
    assert elem.value[0].ReferencedSOPInstanceUID == "1.2.1"
    assert elem.value[0].PurposeOfReferenceCodeSequence[0].CodeValue == "121322"
    assert ds.PatientID == "P"


def test_un_of_undefined_length_in_big_endian_as_some_write_it() -> None:
    ds = read_as(
        "big",
        b.header(0x00081140, "UN", b.UNDEFINED, BIG),
        b.item(b.element(0x00081155, "UI", "1.2.1", IMPLICIT_BIG), encoding=IMPLICIT_BIG),
        b.sequence_end(BIG),
        b.element(0x00100020, "LO", "P", BIG),
    )
    assert ds.ReferencedImageSequence[0].ReferencedSOPInstanceUID == "1.2.1"
    assert ds.PatientID == "P"


@pytest.mark.parametrize("inside", (IMPLICIT, EXPLICIT), ids=("implicit", "explicit"))
@pytest.mark.filterwarnings("ignore::fastdicom.DicomWarning")
def test_un_of_defined_length_that_the_dictionary_calls_sq(inside: Encoding) -> None:
    content = b.item(b.element(0x00081155, "UI", "1.2.1", inside))
    ds = read(b.element(0x00081140, "UN", content))
    assert ds["ReferencedImageSequence"].VR == "SQ"
    assert ds.ReferencedImageSequence[0].ReferencedSOPInstanceUID == "1.2.1"


def test_un_that_the_dictionary_calls_sq_but_holds_no_items() -> None:
    ds = read(b.element(0x00081140, "UN", b"no items here "))
    assert ds["ReferencedImageSequence"].VR == "UN"
    assert ds.ReferencedImageSequence == b"no items here "


@pytest.mark.parametrize("name", ("explicit", "big"))
def test_the_dictionary_gives_un_its_vr_and_it_is_little_endian(name: str) -> None:
    """PS3.5 6.2.2 note 3: the value of UN is in little endian, irrespective of the transfer syntax."""
    encoding = ENCODINGS[name]
    ds = read_as(
        name,
        b.element(0x00100010, "UN", b"Doe^Jane", encoding),
        b.element(0x00180050, "UN", b"2.5 ", encoding),  # Slice Thickness
        b.element(0x00280010, "UN", struct.pack("<H", 512), encoding),  # Rows
        b.element(0x00280011, "US", 256, encoding),  # Columns
        b.element(0x00289001, "UN", struct.pack("<2I", 1, 2), encoding),  # Data Point Rows, with two values
        b.element(0x00289999, "UN", b"\1\2", encoding),  # nobody knows it
    )
    assert [(elem.VR, elem.value) for elem in ds] == [
        ("PN", "Doe^Jane"), ("DS", 2.5), ("US", 512), ("US", 256), ("UL", [1, 2]), ("UN", b"\1\2"),
    ]  # fmt: skip
    assert ds[0x00280010].raw == b"\0\2"


@pytest.mark.parametrize("group", (0x0009, 0x0018))
@pytest.mark.parametrize("name", ("explicit", "implicit"))
def test_group_length_is_ul(name: str, group: int) -> None:
    encoding = ENCODINGS[name]
    ds = read_as(name, b.element(0x00080060, "CS", "CT", encoding), b.element(group << 16, "UN", struct.pack("<I", 10), encoding))
    assert (ds[group, 0].VR, ds[group, 0].value) == ("UL", 10)


# private elements


@encodings
def test_private_elements_get_their_vr_from_their_creator(name: str) -> None:
    encoding = ENCODINGS[name]
    ds = read_as(
        name,
        b.element(0x00290010, "LO", "SIEMENS CSA HEADER", encoding),
        b.element(0x00290011, "LO", "NOBODY KNOWS", encoding),
        b.element(0x00291008, "CS", "IMAGE NUM 4", encoding),
        b.element(0x00291108, "UN", b"12", encoding),
    )
    assert ds[0x00290010].VR == "LO"
    assert ds[0x00290010].value == "SIEMENS CSA HEADER"
    assert (ds[0x00291008].VR, ds[0x00291008].value) == ("CS", "IMAGE NUM 4")
    assert (ds[0x00291108].VR, bytes(ds[0x00291108].value)) == ("UN", b"12")
    assert ds[0x00291008].is_private
    assert ds[0x00291008].name != "Private tag data"
    assert ds[0x00291108].name == "Private tag data"
    assert ds[0x00290010].name == "Private Creator"


def test_private_elements_without_a_creator_are_un() -> None:
    ds = read_as("implicit", b.element(0x00291008, "CS", "IMAGE NUM 4", IMPLICIT))
    assert (ds[0x00291008].VR, bytes(ds[0x00291008].value)) == ("UN", b"IMAGE NUM 4 ")


@pytest.mark.parametrize("block", (0x10, 0x80, 0xFF))
def test_any_block_number(block: int) -> None:
    made = b.private_block(0x0029, "SIEMENS CSA HEADER", (0x08, "CS", "IMAGE NUM 4"), block=block, encoding=IMPLICIT)
    ds = read_as("implicit", made)
    assert ds[0x0029, block << 8 | 8].VR == "CS"
    assert ds.private_block(0x0029, "SIEMENS CSA HEADER")[8].value == "IMAGE NUM 4"


def test_items_have_their_own_creators() -> None:
    item = b.item(b.private_block(0x0029, "SIEMENS CSA HEADER", (0x08, "CS", "INNER"), encoding=IMPLICIT))
    ds = read_as("implicit", b.sequence(0x00081140, item, encoding=IMPLICIT), b.element(0x00291008, "CS", "OUTER", IMPLICIT))
    assert ds.ReferencedImageSequence[0][0x00291008].VR == "CS"
    assert ds[0x00291008].VR == "UN"


# encapsulated pixel data (PS3.5 A.4)

FRAMES = [b"\xff\xd8one!\xff\xd9", b"\xff\xd8two two\xff\xd9"]


def test_encapsulated_pixel_data() -> None:
    ds = read(b.minimal(b.image(None, 2, 2, frames=2), b.encapsulated(FRAMES, bot=True), b.element(0xFFFCFFFC, "OB", bytes(4))))
    assert not ds.is_complete  # the fragments wait until somebody asks
    assert ds.Rows == 2
    elem = ds["PixelData"]
    assert (elem.VR, elem.is_encapsulated, elem.is_undefined_length) == ("OB", True, True)
    expected = b.encapsulated(FRAMES, bot=True)
    assert elem.raw == expected[12:-8]  # the fragments, without header and sequence delimiter
    assert elem.value == elem.raw
    assert len(ds) == 16
    assert ds[0xFFFCFFFC].raw == bytes(4)


@pytest.mark.parametrize("delimiter", (b"", bytes(8), bytes(100)), ids=("none", "zeros", "many zeros"))
def test_encapsulated_pixel_data_without_delimiter(delimiter: bytes) -> None:
    ds = read(b.minimal(b.encapsulated(FRAMES, delimiter=False) + delimiter))
    with pytest.warns(fastdicom.DicomWarning):
        raw = bytes(ds["PixelData"].raw)
    assert raw == b.encapsulated(FRAMES)[12:-8]


def icon(undefined: bool, **kinds: bool) -> bytes:
    """Icon Image Sequence with encapsulated Pixel Data of its own."""
    item = b.item(b.image(None, 1, 1, allocated=8), b.encapsulated([b"\xff\xd8icon\xff\xd9"]), undefined=undefined)
    return b.sequence(0x00880200, item, undefined=kinds.get("sequence_undefined", False))


@pytest.mark.parametrize("undefined", (False, True))
@pytest.mark.parametrize("sequence_undefined", (False, True))
def test_an_icon_does_not_swallow_the_outer_pixel_data(undefined: bool, sequence_undefined: bool) -> None:
    # pydicom #2324: the icon's fragments end before the item does
    ds = read(b.minimal(b.image(None, 2, 2), icon(undefined, sequence_undefined=sequence_undefined), b.encapsulated(FRAMES)))
    inner = ds.IconImageSequence[0]
    assert inner["PixelData"].raw == b.encapsulated([b"\xff\xd8icon\xff\xd9"])[12:-8]
    assert inner.Rows == 1
    assert ds.Rows == 2
    assert ds["PixelData"].raw == b.encapsulated(FRAMES)[12:-8]


@pytest.mark.filterwarnings("ignore::fastdicom.DicomWarning")
def test_an_icon_without_delimiter_in_an_item_of_defined_length() -> None:
    # its item ends first: what follows belongs to the outer data set
    item = b.item(b.image(None, 1, 1, allocated=8), b.encapsulated([b"\xff\xd8icon\xff\xd9"], delimiter=False))
    ds = read(b.minimal(b.image(None, 2, 2), b.sequence(0x00880200, item), b.encapsulated(FRAMES)))
    assert ds.IconImageSequence[0]["PixelData"].raw == b.encapsulated([b"\xff\xd8icon\xff\xd9"])[12:-8]
    assert ds["PixelData"].raw == b.encapsulated(FRAMES)[12:-8]


def test_fragments_that_look_like_elements_and_delimiters() -> None:
    nasty = b.SEQUENCE_END + b.ITEM_END + b.element(0x00100020, "LO", "fragment") + b.item(b.element(0x00100020, "LO", "x"))
    ds = read(b.minimal(b.encapsulated([nasty, nasty]), b.element(0xFFFCFFFC, "OB", bytes(4))))
    assert ds["PixelData"].raw == b.encapsulated([nasty, nasty])[12:-8]
    assert ds.PatientID == "P-1"
    assert len(ds) == 7


# deflated (PS3.5 A.5)


def test_deflated() -> None:
    data = b.minimal(b.pixel_data(bytes(100_000)))
    ds = fastdicom.dcmread(b.deflated_part10(data))
    assert ds.transfer_syntax.uid == b.DEFLATED_EXPLICIT
    assert ds.PatientName == "Doe^Jane"
    assert ds.PixelData == bytes(100_000)
    elem = ds["PatientName"]
    assert data[elem.offset : elem.offset + elem.length] == elem.raw  # offsets count the inflated bytes
    assert ds.file_meta.TransferSyntaxUID == b.DEFLATED_EXPLICIT
    assert ds.preamble == bytes(128)


@pytest.mark.parametrize("level", (0, 1, 9))
def test_deflate_levels(level: int) -> None:
    assert fastdicom.dcmread(b.deflated_part10(b.minimal(), level=level)).PatientID == "P-1"


def test_deflated_from_a_path(tmp_path) -> None:
    path = tmp_path / "deflated.dcm"
    noise = zlib.compress(bytes(range(256)) * 400) * 400  # does not shrink again: the file is longer than its head
    path.write_bytes(b.deflated_part10(b.minimal(b.pixel_data(noise))))
    ds = fastdicom.dcmread(path)
    assert ds.PixelData == noise + b"\0" * (len(noise) % 2)
    assert ds.filename == str(path)
    ds.close()
    assert ds.PatientID == "P-1"


def test_an_empty_deflated_data_set() -> None:
    assert len(fastdicom.dcmread(b.deflated_part10(b""))) == 0
    assert len(fastdicom.dcmread(b.part10(b"", b.DEFLATED_EXPLICIT))) == 0


def test_a_deflated_bomb_stops_at_the_limit() -> None:
    bomb = b.deflated_part10(b.minimal(b.pixel_data(bytes(50_000_000))), level=9)
    assert len(bomb) < 100_000
    with pytest.raises(fastdicom.LimitError, match="max_inflated") as caught:
        fastdicom.dcmread(bomb, max_inflated=1_000_000)
    assert isinstance(caught.value, ValueError)
    assert fastdicom.dcmread(bomb, max_inflated=60_000_000).PixelData.nbytes == 50_000_000


def test_truncated_deflated_stream() -> None:
    values = b"".join(b.element(0x00091000 + i, "UT", zlib.compress(bytes([i]) * 1000).hex()) for i in range(200))
    whole = b.deflated_part10(b.minimal(values))
    with pytest.warns(fastdicom.DicomWarning) as given:
        ds = fastdicom.dcmread(whole[: len(whole) * 2 // 3])
    assert any("cut off" in str(warning.message) for warning in given)
    assert 50 < len(ds) < 200
    assert ds.PatientID == "P-1"


def test_corrupt_deflated_stream() -> None:
    whole = b.minimal(b"".join(b.element(0x00111000 + i, "UT", zlib.compress(bytes([i]) * 1000).hex()) for i in range(200)))
    compressor = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    good = compressor.compress(whole) + compressor.flush(zlib.Z_FULL_FLUSH)
    bad = b"\x07" + bytes(100)  # the last block, of a type that there is not
    with pytest.warns(fastdicom.DicomWarning, match="broken") as given:
        ds = fastdicom.dcmread(b.part10(good + bad, b.DEFLATED_EXPLICIT))
    assert len(given) == 1
    assert len(ds) == 205  # zlib gives nothing of a call that fails: what comes out before the fault must be asked for
    assert ds.PatientID == "P-1"


@pytest.mark.parametrize("name", ("explicit", "implicit", "big"))
def test_said_deflated_but_is_not(name: str) -> None:
    with pytest.warns(fastdicom.DicomWarning) as given:
        ds = fastdicom.dcmread(b.part10(b.minimal(encoding=ENCODINGS[name]), b.DEFLATED_EXPLICIT))
    assert "deflated" in str(given[0].message)
    assert len(given) == (1 if name == "explicit" else 2)
    assert (ds.PatientID, ds.PatientName, len(ds)) == ("P-1", "Doe^Jane", 5)


def test_zlib_stream_instead_of_raw_deflate() -> None:
    """Some writers put a zlib header (RFC 1950) before the stream; PS3.5 A.5 wants RFC 1951."""
    data = b.part10(zlib.compress(b.minimal()), b.DEFLATED_EXPLICIT)
    with pytest.warns(fastdicom.DicomWarning, match="zlib"):
        ds = fastdicom.dcmread(data)
    assert (ds.PatientID, len(ds)) == ("P-1", 5)


# a data set in another syntax than group 0002 says


def wrong_syntaxes() -> Iterator[tuple[str, str]]:
    for is_really in ENCODINGS:
        for said in (*SYNTAXES.values(), b.JPEG_BASELINE, "1.2.3.4.5.6", None):
            yield is_really, str(said)


@pytest.mark.parametrize(("is_really", "said"), list(wrong_syntaxes()))
@pytest.mark.filterwarnings("ignore::fastdicom.DicomWarning")
def test_wrong_transfer_syntax(is_really: str, said: str) -> None:
    encoding = ENCODINGS[is_really]
    data = b.minimal(
        b.sequence(0x00081140, b.item(b.element(0x00081155, "UI", "1.2.1", encoding), encoding=encoding), encoding=encoding),
        b.element(0x00280010, "US", 512, encoding),
        encoding=encoding,
    )
    ds = read(data, None if said == "None" else said)
    assert (ds.is_implicit_VR, ds.is_big_endian) == (is_really == "implicit", is_really == "big")
    assert (ds.PatientName, ds.Rows, ds.ReferencedImageSequence[0].ReferencedSOPInstanceUID) == ("Doe^Jane", 512, "1.2.1")


@pytest.mark.parametrize("is_really", ENCODINGS)
@pytest.mark.parametrize("said", SYNTAXES)
def test_wrong_transfer_syntax_is_said_once(is_really: str, said: str) -> None:
    if is_really == said:
        return  # then there is nothing to say, and a warning would be an error
    with pytest.warns(fastdicom.DicomWarning) as given:
        assert all(elem.value for elem in read(b.minimal(encoding=ENCODINGS[is_really]), SYNTAXES[said]))
    kinds = {"implicit" in str(warning.message) for warning in given}
    assert len(kinds) == len(given)  # once a kind: the VRs, the byte order
    assert all("than the transfer syntax says" in str(warning.message) for warning in given)


@encodings
@pytest.mark.parametrize("kind", ("nothing", "group 2 without preamble", "DICM only"))
def test_without_preamble_or_group_2(name: str, kind: str) -> None:
    data = b.minimal(encoding=ENCODINGS[name])
    if kind == "nothing":
        with pytest.raises(fastdicom.NotDicomError, match="force"):
            fastdicom.dcmread(data)
        ds = fastdicom.dcmread(data, force=True)
    elif kind == "DICM only":
        ds = fastdicom.dcmread(b"DICM" + b.file_meta(SYNTAXES[name]) + data)
    else:
        ds = fastdicom.dcmread(b.part10(data, SYNTAXES[name], preamble=None))
    assert (ds.PatientName, ds.PatientID, len(ds)) == ("Doe^Jane", "P-1", 5)
    assert ds.preamble is None
    assert len(ds.file_meta) == (0 if kind == "nothing" else 6)
    assert ds.transfer_syntax.uid == SYNTAXES[name]


@encodings
def test_dicm_without_group_2(name: str) -> None:
    ds = fastdicom.dcmread(b.part10(b.minimal(encoding=ENCODINGS[name]), meta=b""))
    assert (ds.PatientName, len(ds), len(ds.file_meta), ds.preamble) == ("Doe^Jane", 5, 0, bytes(128))


def test_dicm_and_nothing() -> None:
    ds = fastdicom.dcmread(bytes(128) + b"DICM")
    assert (len(ds), len(ds.file_meta), list(ds)) == (0, 0, [])


def test_group_2_only() -> None:
    ds = fastdicom.dcmread(b.part10(b""))
    assert len(ds) == 0
    assert ds.file_meta.TransferSyntaxUID == b.EXPLICIT_LITTLE


@pytest.mark.filterwarnings("ignore::fastdicom.DicomWarning")
def test_group_2_in_implicit_vr() -> None:
    """pydicom #503: some writers use the encoding of the data set for group 0002 as well."""
    meta = b.element(0x00020002, "UI", "1.2.840.10008.5.1.4.1.1.7", IMPLICIT) + b.element(0x00020010, "UI", b.IMPLICIT_LITTLE, IMPLICIT)
    ds = fastdicom.dcmread(b.part10(b.minimal(encoding=IMPLICIT), meta=meta))
    assert ds.file_meta.TransferSyntaxUID == b.IMPLICIT_LITTLE
    assert ds.PatientID == "P-1"


def test_transfer_syntax_with_spaces_and_nuls() -> None:
    for written in (b.IMPLICIT_LITTLE + "  ", b.IMPLICIT_LITTLE + "\0\0\0", " " + b.IMPLICIT_LITTLE):
        ds = fastdicom.dcmread(b.part10(b.minimal(encoding=IMPLICIT), written))
        assert ds.transfer_syntax.uid == b.IMPLICIT_LITTLE
        assert ds.PatientID == "P-1"


def test_ge_private_syntax_is_implicit() -> None:
    ds = fastdicom.dcmread(b.part10(b.minimal(encoding=IMPLICIT), "1.2.840.113619.5.2"))
    assert (ds.PatientID, ds.is_implicit_VR) == ("P-1", True)


def test_command_set_before_the_data_set() -> None:
    """Dumps of a network session: group 0000 is implicit little endian whatever follows (PS3.7 6.3.1)."""
    command = (
        b.element(0x00000000, "UL", 12, IMPLICIT) + b.element(0x00000100, "US", 1, IMPLICIT) + b.element(0x00000800, "US", 257, IMPLICIT)
    )
    ds = fastdicom.dcmread(command + b.minimal(encoding=IMPLICIT), force=True)
    assert ds[0x00000100].value == 1
    assert ds.PatientID == "P-1"


# single elements in the other kind of VR


@pytest.mark.filterwarnings("ignore::fastdicom.DicomWarning")
def test_implicit_items_in_an_explicit_file() -> None:
    """pydicom #1067: sequences in implicit VR in an explicit file."""
    item = b.item(b.element(0x00081150, "UI", "1.2.840", IMPLICIT), b.element(0x00081155, "UI", "1.2.1", IMPLICIT))
    for undefined in (False, True):
        ds = read(b.minimal(b.sequence(0x00081140, item, undefined=undefined), b.element(0x00100040, "CS", "F")))
        assert ds.ReferencedImageSequence[0].ReferencedSOPInstanceUID == "1.2.1"
        assert ds.PatientSex == "F"


@pytest.mark.filterwarnings("ignore::fastdicom.DicomWarning")
def test_explicit_items_in_an_implicit_file() -> None:
    item = b.item(b.element(0x00081150, "UI", "1.2.840"), b.element(0x00081155, "UI", "1.2.1"))
    ds = read_as("implicit", b.sequence(0x00081140, item, encoding=IMPLICIT), b.element(0x00100040, "CS", "F", IMPLICIT))
    assert ds.ReferencedImageSequence[0].ReferencedSOPInstanceUID == "1.2.1"
    assert ds.PatientSex == "F"


@pytest.mark.filterwarnings("ignore::fastdicom.DicomWarning")
def test_one_implicit_element_in_an_explicit_file() -> None:
    """pydicom #1035."""
    implicit = b.element(0x00081030, "LO", "study", IMPLICIT)
    ds = read(b.element(0x00080060, "CS", "CT") + implicit + b.element(0x00100020, "LO", "P") + b.element(0x00100040, "CS", "F"))
    assert ds.Modality == "CT"
    assert ds.StudyDescription == "study"
    assert ds.PatientSex == "F"


@pytest.mark.parametrize("written", (b"  ", b"??", b"\0\0", b"XX", b"ZZ", b"us"))
@pytest.mark.filterwarnings("ignore::fastdicom.DicomWarning")
def test_an_unknown_vr_does_not_lose_what_follows(written: bytes) -> None:
    ds = read(
        b.element(0x00080060, "CS", "CT")
        + b.header(0x00081030, written, 6, long=False)
        + b"study "
        + b.element(0x00100020, "LO", "P")
        + b.element(0x00100040, "CS", "F")
    )
    assert (ds.Modality, ds.PatientID, ds.PatientSex) == ("CT", "P", "F")
    assert ds[0x00081030].raw == b"study "
    assert ds.StudyDescription == "study"


@pytest.mark.filterwarnings("ignore::fastdicom.DicomWarning")
def test_a_vr_of_a_later_edition_has_a_32_bit_length() -> None:
    ds = read(
        b.element(0x00080060, "CS", "CT") + b.header(0x00091001, "QQ", 70_000, long=True) + bytes(70_000) + b.element(0x00100020, "LO", "P")
    )
    assert ds[0x00091001].length == 70_000
    assert ds.PatientID == "P"
