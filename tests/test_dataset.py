"""Dataset, DataElement and Sequence as the documentation describes them."""

from __future__ import annotations

import copy
import pickle
import struct
from pathlib import Path

import pytest

import builders as b
import fastdicom
from builders import BIG, IMPLICIT


def read(*elements: bytes, syntax: str = b.EXPLICIT_LITTLE) -> fastdicom.Dataset:
    return fastdicom.dcmread(b.part10(b"".join(elements), syntax))


def tree() -> bytes:
    purpose = b.sequence(0x0040A170, b.item(b.element(0x00080100, "SH", "121322")), b.item(b.element(0x00080100, "SH", "121323")))
    return b.dataset(
        b.minimal(),
        b.element(0x00200013, "IS", "7"),
        b.element(0x00280010, "US", 2),
        b.private_block(0x0029, "SIEMENS CSA HEADER", (0x08, "CS", "IMAGE NUM 4"), (0x10, "OB", b"\1\2")),
        b.sequence(0x00400275, b.item(b.element(0x00080050, "SH", "A1"), purpose), b.item(b.element(0x00080050, "SH", "A2"))),
        b.pixel_data(bytes(8)),
    )


@pytest.fixture
def ds() -> fastdicom.Dataset:
    return read(tree())


# access


def test_by_keyword_is_the_value(ds: fastdicom.Dataset) -> None:
    assert ds.PatientName == "Doe^Jane"
    assert ds.PatientName.family_name == "Doe"
    assert ds.InstanceNumber == 7
    assert ds.Rows == 2


@pytest.mark.parametrize("key", ("PatientName", 0x00100010, (0x0010, 0x0010), "00100010", fastdicom.Tag(0x00100010)))
def test_item_access_is_the_element(ds: fastdicom.Dataset, key: object) -> None:
    elem = ds[key]  # type: ignore[index]
    assert isinstance(elem, fastdicom.DataElement)
    assert (elem.tag, elem.VR, elem.VM, elem.keyword, elem.name) == (0x00100010, "PN", 1, "PatientName", "Patient's Name")
    assert (elem.value, bytes(elem.raw), elem.length) == ("Doe^Jane", b"Doe^Jane", 8)
    assert (elem.is_undefined_length, elem.is_private, elem.is_truncated, elem.is_big_endian) == (False, False, False, False)
    assert key in ds


def test_lower_case_hex(ds: fastdicom.Dataset) -> None:
    assert ds["7fe00010"].keyword == "PixelData"
    assert "7fe00010" in ds


def test_get(ds: fastdicom.Dataset) -> None:
    assert ds.get("PatientName") == "Doe^Jane"  # by keyword: the value
    assert ds.get("PatientSex") is None
    assert ds.get("PatientSex", "U") == "U"
    assert ds.get("NoSuchKeyword", 5) == 5
    for key in (0x00100010, (0x0010, 0x0010), "00100010"):  # by tag: the element
        assert isinstance(ds.get(key), fastdicom.DataElement)
    assert ds.get(0x00100040) is None
    assert ds.get((0x0010, 0x0040), "x") == "x"


def test_absent(ds: fastdicom.Dataset) -> None:
    with pytest.raises(AttributeError, match=r"PatientSex.*\(0010,0040\)") as caught:
        _ = ds.PatientSex
    assert not isinstance(caught.value, fastdicom.DicomError)
    with pytest.raises(AttributeError, match="NoSuchKeyword"):
        _ = ds.NoSuchKeyword
    for key in ("PatientSex", "NoSuchKeyword", 0x00100040, (0x0010, 0x0040), "00100040"):
        with pytest.raises(KeyError):
            _ = ds[key]
        assert key not in ds
    assert not hasattr(ds, "PatientSex")
    assert hasattr(ds, "PatientName")
    assert getattr(ds, "PatientSex", "U") == "U"


@pytest.mark.parametrize("key", (None, 1.5, b"PatientName", object(), [0x0010, 0x0010]))
def test_what_is_no_key(ds: fastdicom.Dataset, key: object) -> None:
    with pytest.raises(TypeError):
        _ = ds[key]  # type: ignore[index]
    with pytest.raises(TypeError):
        _ = key in ds  # type: ignore[operator]


@pytest.mark.parametrize("key", (-1, 1 << 32, (0x10000, 0), (0, -1)))
def test_numbers_that_are_no_tag(ds: fastdicom.Dataset, key: object) -> None:
    with pytest.raises(ValueError, match=r"tag|group|element"):
        _ = ds[key]  # type: ignore[index]


def test_key_that_no_encoding_knows(ds: fastdicom.Dataset) -> None:
    assert "A\ud800" not in ds
    assert not hasattr(ds, "A\ud800")
    assert ds.get("A\ud800", 3) == 3
    with pytest.raises(KeyError):
        ds["A\ud800"]


def test_slices(ds: fastdicom.Dataset) -> None:
    assert [elem.keyword for elem in ds[0x00100000:0x00110000]] == ["PatientName", "PatientID"]
    assert len(ds[:]) == len(ds)


def test_len_bool_and_iteration(ds: fastdicom.Dataset) -> None:
    assert len(ds) == 12
    assert ds
    assert [elem.tag for elem in ds] == ds.tags() == ds.keys() == [tag for tag, _ in ds.items()]
    assert ds.tags() == sorted(ds.tags())
    assert [elem.tag for elem in ds.values()] == ds.tags()
    assert len(read()) == 0
    assert not read()


def test_iterall_and_walk(ds: fastdicom.Dataset) -> None:
    expected = [
        "SOPClassUID", "SOPInstanceUID", "Modality", "PatientName", "PatientID", "InstanceNumber", "Rows", "", "", "",
        "RequestAttributesSequence", "AccessionNumber", "PurposeOfReferenceCodeSequence", "CodeValue", "CodeValue", "AccessionNumber",
        "PixelData",
    ]  # fmt: skip
    assert [elem.keyword for elem in ds.iterall()] == expected
    seen = []
    ds.walk(lambda dataset, elem: seen.append((dataset[elem.tag] == elem, elem.keyword)))
    assert seen == [(True, word) for word in expected]
    top = []
    ds.walk(lambda _, elem: top.append(elem.tag), recursive=False)
    assert top == ds.tags()


def test_dir_and_completion(ds: fastdicom.Dataset) -> None:
    assert ds.dir() == sorted(ds.dir())
    assert ds.dir("patient") == ["PatientID", "PatientName"]
    assert ds.dir("NAME", "rows") == ["PatientName", "Rows"]
    assert {"PatientName", "Rows", "to_json", "file_meta", "pixel_array"} <= set(dir(ds))
    assert "PatientSex" not in dir(ds)


def test_private_block(ds: fastdicom.Dataset) -> None:
    block = ds.private_block(0x0029, "SIEMENS CSA HEADER")
    assert block[0x08].value == "IMAGE NUM 4"
    assert 0x08 in block
    assert 0x09 not in block
    assert [elem.tag for elem in block] == [0x00291008, 0x00291010]
    assert block.get_tag(0x08) == 0x00291008
    assert ds.private_creators(0x0029) == ["SIEMENS CSA HEADER"]
    assert "SIEMENS" in repr(block)
    with pytest.raises(KeyError):
        _ = block[0x09]
    with pytest.raises(KeyError, match="SIEMENS CSA HEADER"):
        ds.private_block(0x0029, "NOBODY")
    with pytest.raises(ValueError, match="odd"):
        ds.private_block(0x0028, "SIEMENS CSA HEADER")
    with pytest.raises(ValueError, match="one byte"):
        block.get_tag(0x100)


def test_a_data_set_is_read_only(ds: fastdicom.Dataset) -> None:
    with pytest.raises(AttributeError, match="read-only"):
        ds.PatientName = "x"
    with pytest.raises(TypeError, match="read-only"):
        ds[0x00100010] = "x"  # type: ignore[index]
    with pytest.raises(TypeError, match="read-only"):
        del ds[0x00100010]  # type: ignore[attr-defined]
    with pytest.raises(TypeError):
        hash(ds)
    with pytest.raises(TypeError, match="Dataset"):
        fastdicom.DataElement()


# sequences


def test_sequence(ds: fastdicom.Dataset) -> None:
    sequence = ds.RequestAttributesSequence
    assert isinstance(sequence, fastdicom.Sequence)
    assert len(sequence) == 2
    assert [item.AccessionNumber for item in sequence] == ["A1", "A2"]
    assert [item.AccessionNumber for item in reversed(sequence)] == ["A2", "A1"]
    assert sequence[-1].AccessionNumber == "A2"
    assert [item.AccessionNumber for item in sequence[:1]] == ["A1"]
    assert sequence[0] is sequence[0]
    assert ds.RequestAttributesSequence is sequence
    assert sequence[0] in sequence
    for i in (2, -3, 10**9):
        with pytest.raises(IndexError):
            _ = sequence[i]
    with pytest.raises(TypeError):
        _ = sequence["0"]  # type: ignore[call-overload]
    assert repr(sequence) == "<Sequence of 2 items>"
    assert ds["RequestAttributesSequence"].VM == 1
    assert sequence == [sequence[0], sequence[1]]
    assert sequence != [sequence[1], sequence[0]]


def test_items_know_no_file(ds: fastdicom.Dataset) -> None:
    item = ds.RequestAttributesSequence[0]
    assert isinstance(item, fastdicom.Dataset)
    assert item.filename is None
    assert item.preamble is None
    with pytest.raises(AttributeError, match="file_meta"):
        _ = item.file_meta
    assert item["AccessionNumber"].offset > ds["RequestAttributesSequence"].offset


# values


def test_empty_values() -> None:
    ds = read(
        *(b.element(0x00111000 + i, vr) for i, vr in enumerate(sorted({*b.LONG_VRS, "LO", "PN", "UI", "DS", "IS", "US", "FD", "AT", "DA"})))
    )
    values = {elem.VR: elem.value for elem in ds}
    text = {"LO", "PN", "UI", "DA", "UC", "UR", "UT"}
    for vr, value in values.items():
        assert value == ("" if vr in text else [] if vr == "SQ" else None), vr
    assert isinstance(values["PN"], fastdicom.PersonName)
    assert values["PN"].family_name == ""
    assert isinstance(values["UI"], fastdicom.UID)
    assert all((1 if elem.VR == "SQ" else 0) == elem.VM for elem in ds)


def test_several_values() -> None:
    ds = read(
        b.element(0x00080008, "CS", ["ORIGINAL", "PRIMARY", ""]),
        b.element(0x00101001, "PN", ["Doe^Jane", "Roe^J"]),
        b.element(0x0020000D, "UI", ["1.2", "1.3"]),
        b.element(0x00280009, "AT", [0x00181063, 0x00280010]),
        b.element(0x00280030, "DS", ["0.5", "0.25"]),
        b.element(0x00281050, "DS", ["1", "", "3"]),
    )
    assert ds.ImageType == ["ORIGINAL", "PRIMARY", ""]
    assert [name.given_name for name in ds.OtherPatientNames] == ["Jane", "J"]
    assert ds.StudyInstanceUID == ["1.2", "1.3"]
    assert all(isinstance(uid, fastdicom.UID) for uid in ds.StudyInstanceUID)
    assert ds.FrameIncrementPointer == [0x00181063, 0x00280010]
    assert isinstance(ds.FrameIncrementPointer[0], fastdicom.Tag)
    assert ds.PixelSpacing == [0.5, 0.25]
    assert ds.WindowCenter == [1.0, None, 3.0]
    assert [elem.VM for elem in ds] == [3, 2, 2, 2, 2, 3]


def test_values_are_kept(ds: fastdicom.Dataset) -> None:
    assert ds.PatientName is ds.PatientName
    assert ds["PatientName"].value is ds.PatientName


def test_binary_is_a_read_only_view(ds: fastdicom.Dataset) -> None:
    assert isinstance(ds.PixelData, memoryview)
    assert ds.PixelData.readonly
    assert ds.PixelData.nbytes == 8


# VRs by context


@pytest.mark.parametrize("signed", (0, 1, None))
@pytest.mark.parametrize("nested", (False, True))
def test_us_or_ss(signed: int | None, nested: bool) -> None:
    """PS3.5 A.1 and PS3.3 C.7.6.3.1.1: Pixel Representation, also of the data set around."""
    data = b.element(0x00280106, "US", 0xFFFE, IMPLICIT)  # Smallest Image Pixel Value
    if nested:
        data = b.sequence(0x00400275, b.item(data), encoding=IMPLICIT)
    around = b"" if signed is None else b.element(0x00280103, "US", signed, IMPLICIT)
    ds = read(around, data, syntax=b.IMPLICIT_LITTLE)
    here = ds.RequestAttributesSequence[0] if nested else ds
    assert here.SmallestImagePixelValue == (-2 if signed else 0xFFFE)
    assert ("SS" if signed else "US") == here["SmallestImagePixelValue"].VR


def test_an_item_with_its_own_pixel_representation() -> None:
    own = b.item(b.element(0x00280103, "US", 0, IMPLICIT), b.element(0x00280106, "US", 0xFFFE, IMPLICIT))
    data = b.element(0x00280103, "US", 1, IMPLICIT) + b.sequence(0x00400275, own, encoding=IMPLICIT)
    ds = read(data, syntax=b.IMPLICIT_LITTLE)
    assert ds.RequestAttributesSequence[0].SmallestImagePixelValue == 0xFFFE


@pytest.mark.parametrize("allocated", (8, 16))
def test_pixel_data_in_implicit_vr_is_ow(allocated: int) -> None:
    """PS3.5 A.1: always, whatever Bits Allocated says."""
    ds = read(b.image(bytes(8), 2, 2, allocated=allocated, encoding=IMPLICIT), syntax=b.IMPLICIT_LITTLE)
    assert ds["PixelData"].VR == "OW"


def test_overlay_data_is_ow_and_has_a_keyword() -> None:
    ds = read(b.element(0x60023000, "OW", bytes(8), IMPLICIT), syntax=b.IMPLICIT_LITTLE)
    assert (ds[0x60023000].VR, ds[0x60023000].keyword) == ("OW", "OverlayData")


@pytest.mark.parametrize("signed", (0, 1))
def test_lut_descriptor(signed: int) -> None:
    """PS3.3 C.11.1.1: the first value counts entries and is never negative; the second is as Pixel Representation says."""
    table = b.item(b.element(0x00283002, "US", [0xFFFF, 0xFFF0, 16], IMPLICIT), b.element(0x00283006, "OW", bytes(4), IMPLICIT))
    data = b.element(0x00280103, "US", signed, IMPLICIT) + b.sequence(0x00283000, table, encoding=IMPLICIT)
    item = read(data, syntax=b.IMPLICIT_LITTLE).ModalityLUTSequence[0]
    assert item.LUTDescriptor == [0xFFFF, -16 if signed else 0xFFF0, 16]
    assert ("SS" if signed else "US") == item["LUTDescriptor"].VR
    assert item["LUTData"].VR == "OW"


def test_big_endian_numbers() -> None:
    ds = read(b.element(0x00280009, "AT", 0x00181063, BIG), b.element(0x00280010, "US", 2, BIG), syntax=b.EXPLICIT_BIG)
    assert (ds.Rows, ds.FrameIncrementPointer) == (2, 0x00181063)
    assert ds["Rows"].raw == struct.pack(">H", 2)
    assert ds["Rows"].is_big_endian


# the file around it


def test_what_the_file_says(tmp_path: Path) -> None:
    path = tmp_path / "it.dcm"
    preamble = b"II*\0" + bytes(124)
    path.write_bytes(b.part10(tree(), preamble=preamble))
    ds = fastdicom.dcmread(path)
    assert ds.filename == str(path)
    assert ds.preamble == preamble
    assert ds.file_meta.TransferSyntaxUID == b.EXPLICIT_LITTLE
    assert isinstance(ds.file_meta, fastdicom.Dataset)
    assert isinstance(ds.transfer_syntax, fastdicom.TransferSyntax)
    assert ds.transfer_syntax.uid == b.EXPLICIT_LITTLE
    assert read(tree()).filename is None


def test_to_pydicom(ds: fastdicom.Dataset) -> None:
    pydicom = pytest.importorskip("pydicom")
    theirs = ds.to_pydicom()
    assert isinstance(theirs, pydicom.dataset.FileDataset)
    assert theirs.PatientName == "Doe^Jane"
    assert theirs.RequestAttributesSequence[0].PurposeOfReferenceCodeSequence[1].CodeValue == "121323"
    assert theirs.file_meta.TransferSyntaxUID == b.EXPLICIT_LITTLE
    item = ds.RequestAttributesSequence[0].to_pydicom()
    assert item.AccessionNumber == "A1"
    theirs.PatientName = "Other"  # it can be changed, and ours is not
    assert ds.PatientName == "Doe^Jane"


# equality, copies, pickles


def test_equality(ds: fastdicom.Dataset) -> None:
    assert ds == read(tree())
    assert ds["PatientName"] == read(tree())["PatientName"]
    assert ds != read(b.minimal())
    assert ds != 5
    assert ds["PatientName"] != ds["PatientID"]
    assert ds["PatientName"] != "Doe^Jane"
    # the encoding does not count, and neither does the order
    some = [(0x00080060, "CS", "CT"), (0x00280010, "US", 2)]
    assert read(*(b.element(*e) for e in some)) == read(*(b.element(*e, BIG) for e in some), syntax=b.EXPLICIT_BIG)


@pytest.mark.parametrize("made", ("small", "mapped", "deflated", "implicit", "bytes"))
@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickling(made: str, protocol: int, tmp_path: Path) -> None:
    path = tmp_path / "it.dcm"
    data = {
        "small": b.part10(tree()),
        "mapped": b.part10(tree()[:-20] + b.pixel_data(bytes(200_000))),
        "deflated": b.deflated_part10(tree()),
        "implicit": b.part10(b.minimal(b.element(0x00280106, "US", 5, IMPLICIT), encoding=IMPLICIT), b.IMPLICIT_LITTLE),
        "bytes": b.part10(tree()),
    }[made]
    path.write_bytes(data)
    ds = fastdicom.dcmread(data if made == "bytes" else path)
    again = pickle.loads(pickle.dumps(ds, protocol))
    assert again == ds
    assert (again.filename, again.preamble, again.file_meta) == (ds.filename, ds.preamble, ds.file_meta)
    assert again.transfer_syntax.uid == ds.transfer_syntax.uid
    assert [(elem.tag, elem.VR, elem.offset) for elem in again] == [(elem.tag, elem.VR, elem.offset) for elem in ds]
    path.unlink()
    assert pickle.loads(pickle.dumps(again, protocol)) == ds  # by bytes: the file is not needed


def test_pickling_of_parts(ds: fastdicom.Dataset) -> None:
    item = ds.RequestAttributesSequence[0]
    for part in (
        ds["PatientName"],
        ds["PixelData"],
        ds.RequestAttributesSequence,
        item,
        item["AccessionNumber"],
        ds.file_meta,
        ds.PatientName,
    ):
        assert pickle.loads(pickle.dumps(part)) == part
    assert pickle.loads(pickle.dumps(item)).PurposeOfReferenceCodeSequence[1].CodeValue == "121323"
    assert len(pickle.dumps(item)) < len(pickle.dumps(ds))


def test_a_pickled_item_keeps_what_the_data_set_around_it_says() -> None:
    item = b.item(b.element(0x00080104, "LO", "Größe".encode("latin-1")), b.element(0x00280106, "SS", -2))
    implicit = b.item(b.element(0x00080104, "LO", "Größe".encode("latin-1"), IMPLICIT), b.element(0x00280106, "SS", -2, IMPLICIT))
    for encoding, made, syntax in ((b.EXPLICIT, item, b.EXPLICIT_LITTLE), (IMPLICIT, implicit, b.IMPLICIT_LITTLE)):
        ds = read(
            b.element(0x00080005, "CS", "ISO_IR 100", encoding),
            b.element(0x00280103, "US", 1, encoding),  # Pixel Representation
            b.sequence(0x00400275, made, encoding=encoding),
            syntax=syntax,
        )
        for again in (
            pickle.loads(pickle.dumps(ds.RequestAttributesSequence[0])),
            pickle.loads(pickle.dumps(ds.RequestAttributesSequence))[0],
        ):
            assert (again.CodeMeaning, again.SmallestImagePixelValue) == ("Größe", -2)


@pytest.mark.parametrize("how", (copy.copy, copy.deepcopy, fastdicom.Dataset.copy))
def test_copies(ds: fastdicom.Dataset, how) -> None:
    again = how(ds)
    assert again == ds
    assert again is not ds
    assert again.file_meta == ds.file_meta
    item = how(ds.RequestAttributesSequence[0])
    assert item.AccessionNumber == "A1"


def test_deepcopy_of_parts(ds: fastdicom.Dataset) -> None:
    for part in (ds["PatientName"], ds.RequestAttributesSequence, ds.PatientName, [ds, ds]):
        assert copy.deepcopy(part) == part


# for people


def test_repr_and_str(ds: fastdicom.Dataset, tmp_path: Path) -> None:
    assert repr(ds).startswith("<Dataset")
    assert "P-1" in repr(ds)
    assert "12 elements" in repr(ds)
    text = str(ds)
    for part in (
        "(0010,0010)",
        "Patient's Name",
        "PN",
        "Doe^Jane",
        "(0002,0010)",
        "Explicit VR Little Endian",
        "121323",
        "item 1 of 2",
        "8 bytes",
    ):
        assert part in text, part
    assert text.index("(0002,0010)") < text.index("(0008,0016)") < text.index("(7FE0,0010)")
    assert "Secondary Capture" in text
    assert "Patient's Name" in repr(ds["PatientName"])
    assert str(read()) is not None
    path = tmp_path / "it.dcm"
    path.write_bytes(b.part10(tree()))
    assert "it.dcm" in repr(fastdicom.dcmread(path))


def test_str_of_long_values_is_short() -> None:
    ds = read(
        b.element(0x00080070, "LO", "x" * 10_000), b.element(0x00091001, "UN", bytes(50_000)), b.element(0x00281050, "DS", ["1.5"] * 5_000)
    )
    assert all(len(line) < 200 for line in str(ds).splitlines())


def test_weak_references(ds: fastdicom.Dataset) -> None:
    import weakref

    assert weakref.ref(ds)() is ds


def test_unpickling_repeats_the_guess_of_the_byte_order() -> None:
    # (0800,4011) in implicit VR under a big endian syntax: what it is taken for depends on what was said of it
    data = b.part10(bytes.fromhex("08001140") + bytes(40), "1.2.840.10008.1.2.2")
    with pytest.warns(fastdicom.DicomWarning):
        ds = fastdicom.dcmread(data)
    with pytest.warns(fastdicom.DicomWarning):
        again = pickle.loads(pickle.dumps(ds))
    assert (again.is_big_endian, again.is_implicit_VR) == (ds.is_big_endian, ds.is_implicit_VR)
    assert again.tags() == ds.tags()
