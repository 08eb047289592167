"""Files that are wrong: everything readable stays readable, what is not raises the right error, and each kind is told once."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

import builders as b
import children
import fastdicom
from builders import BIG, EXPLICIT, IMPLICIT, Encoding

ENCODINGS = {"explicit": EXPLICIT, "implicit": IMPLICIT, "big": BIG}
SYNTAXES = {"explicit": b.EXPLICIT_LITTLE, "implicit": b.IMPLICIT_LITTLE, "big": b.EXPLICIT_BIG}
encodings = pytest.mark.parametrize("name", ENCODINGS)


def read(*elements: bytes, name: str = "explicit", **options: object) -> fastdicom.Dataset:
    return fastdicom.dcmread(b.part10(b"".join(elements), SYNTAXES[name]), **options)  # type: ignore[arg-type]


def warned(*elements: bytes, name: str = "explicit") -> tuple[fastdicom.Dataset, list[str]]:
    """The data set after every value was touched, and what was warned of."""
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        ds = read(*elements, name=name)
        touch(ds)
    assert all(warning.category is fastdicom.DicomWarning for warning in given)
    return ds, [str(warning.message) for warning in given]


def touch(ds: fastdicom.Dataset) -> None:
    """All that must work on a damaged file as far as its bytes go."""
    for elem in ds.iterall():
        _ = (elem.tag, elem.VR, elem.VM, elem.value, bytes(elem.raw), elem.name, repr(elem))
    assert str(ds) == str(ds)
    assert repr(ds)
    assert ds.to_json()
    assert len(ds.file_meta) == len(list(ds.file_meta))


def flat(ds: fastdicom.Dataset, where: tuple[int, ...] = ()) -> Iterator[tuple[tuple[int, ...], fastdicom.DataElement]]:
    for elem in ds:
        yield (*where, elem.tag), elem
        if elem.VR == "SQ":
            for i, item in enumerate(elem.value):
                yield from flat(item, (*where, elem.tag, i))


# truncation


def tree(encoding: Encoding, *, undefined: bool) -> bytes:
    """A small data set with a bit of everything."""
    meaning = b.element(0x00080100, "SH", "121322", encoding) + b.element(0x00080104, "LO", "Source", encoding)
    code = b.item(meaning, encoding=encoding, undefined=undefined)
    purpose = b.sequence(0x0040A170, code, code, encoding=encoding, undefined=undefined)
    image = b.item(b.element(0x00081155, "UI", "1.2.1", encoding), purpose, encoding=encoding, undefined=undefined)
    empty = b.item(encoding=encoding, undefined=undefined)
    return b.dataset(
        b.minimal(encoding=encoding),
        b.element(0x00200013, "IS", "7", encoding),
        b.element(0x00280010, "US", 2, encoding),
        b.element(0x00281050, "DS", ["40", "80.5"], encoding),
        b.sequence(0x00400275, image, empty, image, encoding=encoding, undefined=undefined),
        b.element(0x7FE00010, "OW", bytes(range(8)), encoding),
    )


def check_cut(whole: bytes, expected: dict[tuple[int, ...], tuple[int, str, bytes]], cut: int) -> None:
    try:
        ds = fastdicom.dcmread(whole[:cut])
    except fastdicom.NotDicomError:
        assert cut < 132
        return
    found = {where: (elem.offset, elem.VR, bytes(elem.raw)) for where, elem in flat(ds)}
    for where, (offset, vr, raw) in expected.items():
        if offset + len(raw) <= cut and not (vr == "SQ" and where not in found):  # a sequence that is all header may be cut there
            there = found[where]
            assert (there[0], there[1], there[2][: len(raw)]) == (offset, vr, raw), (cut, where)
            assert len(there[2]) < len(raw) + 8  # a part of a delimiter may be left behind
    touch(ds)


@encodings
@pytest.mark.parametrize("undefined", (False, True))
@pytest.mark.filterwarnings("ignore::fastdicom.DicomWarning")
def test_truncation_at_every_byte(name: str, undefined: bool) -> None:
    whole = b.part10(tree(ENCODINGS[name], undefined=undefined), SYNTAXES[name])
    full = fastdicom.dcmread(whole)
    expected = {where: (elem.offset, elem.VR, bytes(elem.raw)) for where, elem in flat(full)}
    assert len(expected) == 22
    for cut in range(len(whole) + 1):
        check_cut(whole, expected, cut)


@pytest.mark.filterwarnings("ignore::fastdicom.DicomWarning")
def test_truncation_of_encapsulated_pixel_data_at_every_byte() -> None:
    whole = b.part10(
        b.minimal(b.image(None, 1, 1, frames=2), b.encapsulated([b"frame one", [b"two a", b"two b"]], bot=True)), b.RLE_LOSSLESS
    )
    expected = {where: (elem.offset, elem.VR, bytes(elem.raw)) for where, elem in flat(fastdicom.dcmread(whole))}
    for cut in range(132, len(whole) + 1):
        check_cut(whole, expected, cut)


@pytest.mark.filterwarnings("ignore::fastdicom.DicomWarning")
def test_truncation_of_a_real_header_at_every_byte() -> None:
    data = pytest.importorskip("pydicom.data")
    whole = Path(data.get_testdata_file("CT_small.dcm")).read_bytes()
    full = fastdicom.dcmread(whole)
    expected = [(elem.tag, elem.offset, elem.length) for elem in full]
    end = full["PixelData"].offset
    for cut in range(132, end):
        ds = fastdicom.dcmread(whole[:cut])
        there = [(elem.tag, elem.offset, elem.length) for elem in ds]
        whole_ones = [entry for entry in expected if entry[1] + entry[2] <= cut]
        assert there[: len(whole_ones)] == whole_ones
        assert len(there) <= len(whole_ones) + 1
        assert [elem.value for elem in ds][: len(whole_ones)] == [full[tag].value for tag, _, _ in whole_ones]


@pytest.mark.filterwarnings("ignore::fastdicom.DicomWarning")
def test_truncated_files_are_read_like_truncated_bytes(tmp_path: Path) -> None:
    whole = b.part10(tree(EXPLICIT, undefined=True) + b.element(0xFFFCFFFC, "OB", bytes(100_000)))
    for cut in (130, 140, 300, 400, 500, 70_000):
        path = tmp_path / str(cut)
        path.write_bytes(whole[:cut])
        try:
            expected = fastdicom.dcmread(whole[:cut])
        except fastdicom.NotDicomError:
            with pytest.raises(fastdicom.NotDicomError):
                fastdicom.dcmread(path)
            continue
        assert fastdicom.dcmread(path) == expected


def test_a_cut_value_is_kept_and_told_once() -> None:
    ds, given = warned(b.minimal(), b.element(0x00280010, "US", 512), b.element(0x7FE00010, "OW", b"12345678", length=1000))
    assert len(given) == 1
    assert "(7FE0,0010)" in given[0]
    assert "0x" in given[0]
    assert ds.PixelData == b"12345678"
    assert ds["PixelData"].is_truncated
    assert not ds["Rows"].is_truncated
    assert ds.Rows == 512


# lengths


@encodings
@pytest.mark.parametrize("length", (0x7FFFFFFF, 0x80000000, 0xFFFFFFF0, 0xFFFFFFFE))
@pytest.mark.parametrize("vr", ("OB", "UT", "UN", "SQ", "OW"))
def test_a_length_beyond_the_end_loses_nothing_before(name: str, length: int, vr: str) -> None:
    encoding = ENCODINGS[name]
    ds, given = warned(
        b.minimal(encoding=encoding), b.header(0x00400275, vr, length, encoding), b"what there is "[: 14 if vr != "SQ" else 8], name=name
    )
    assert (ds.PatientName, ds.PatientID) == ("Doe^Jane", "P-1")
    assert given
    assert len(set(given)) == len(given)
    if 0x00400275 in ds:
        assert bytes(ds[0x00400275].raw) in (b"what there is ", b"what the")


@encodings
@pytest.mark.parametrize("inside", (0, 1, 2))
def test_a_length_beyond_the_end_inside_items(name: str, inside: int) -> None:
    encoding = ENCODINGS[name]
    bad = b.element(0x00080104, "UT", "meaning", encoding, length=0x10000000)
    for _ in range(inside + 1):
        bad = b.sequence(0x00081140, b.item(b.element(0x00080060, "CS", "CT", encoding), bad, encoding=encoding), encoding=encoding)
    ds, given = warned(bad, b.element(0x00100020, "LO", "P", encoding), name=name)
    assert ds.PatientID == "P"  # the items have a length: what is wrong in them ends with them
    here = ds
    for _ in range(inside + 1):
        here = here.ReferencedImageSequence[0]
        assert here.Modality == "CT"
    assert here.CodeMeaning == "meaning"
    assert here["CodeMeaning"].is_truncated
    assert len(given) <= 2


@encodings
@pytest.mark.parametrize("length", (0, 4, 1000, 0xFFFFFFF0))
def test_items_whose_length_lies(name: str, length: int) -> None:
    encoding = ENCODINGS[name]
    item = b.item(b.element(0x00080060, "CS", "CT", encoding), encoding=encoding, length=length)
    ds, _ = warned(b.sequence(0x00081140, item, encoding=encoding), b.element(0x00100020, "LO", "P", encoding), name=name)
    assert ds.PatientID == "P"
    assert len(ds.ReferencedImageSequence) >= 1


@pytest.mark.parametrize("undefined", (False, True))
def test_a_sequence_length_that_ends_within_an_item(undefined: bool) -> None:
    items = b.item(b.element(0x00080060, "CS", "CT"), undefined=undefined) + b.item(b.element(0x00080060, "CS", "MR"), undefined=undefined)
    ds, given = warned(b.minimal(), b.header(0x00081140, "SQ", len(items) - 4) + items + b.element(0x00280010, "US", 512))
    assert ds.PatientID == "P-1"
    assert ds.ReferencedImageSequence[0].Modality == "CT"
    assert given


@encodings
@pytest.mark.parametrize("vr", ("US", "SS", "UL", "SL", "FL", "FD", "AT", "UV", "SV"))
def test_odd_lengths_of_numbers(name: str, vr: str) -> None:
    encoding = ENCODINGS[name]
    if name == "implicit":
        known = {"US": 0x00280010, "UL": 0x00041200, "SL": 0x00186020, "FD": 0x00189089, "AT": 0x00280009, "FL": 0x00189461}
        tag = known.get(vr, 0)
        if not tag:
            return
    else:
        tag = 0x00091001
    good = b.value_bytes(vr, 1, encoding)
    ds, given = warned(b.element(tag, vr, good + b"\1\2\3", encoding, pad=False), b.element(0x00400009, "SH", "P", encoding), name=name)
    assert ds[0x00400009].value == "P"
    assert ds[tag].raw == good + b"\1\2\3"
    value = ds[tag].value
    assert (value[0] if isinstance(value, list) else value) == 1
    told = [text for text in given if "multiple" in text]
    assert len(told) == 1
    assert f"value length {len(good) + 3} is not a multiple of" in told[0]
    assert str(fastdicom.Tag(tag)) in told[0]


def test_the_message_is_as_promised(tmp_path: Path) -> None:
    """The example of the documentation: where, what was found, what was expected."""
    path = tmp_path / "ct.dcm"
    data = b.part10(b.element(0x00280010, "US", b"\0\2\0", pad=False) + b.element(0x00280011, "US", 512))
    path.write_bytes(data)
    ds = fastdicom.dcmread(path)
    offset = ds["Rows"].offset
    with pytest.warns(fastdicom.DicomWarning) as given:
        assert ds.Rows == 512
    assert str(given[0].message) == f"{path}: (0028,0010) Rows, US at 0x{offset:X}: value length 3 is not a multiple of 2"


@encodings
def test_odd_lengths_of_text(name: str) -> None:
    encoding = ENCODINGS[name]
    ds = read(
        b.element(0x00080060, "CS", "CTX", encoding, pad=False),
        b.element(0x00100010, "PN", "Doe^J", encoding, pad=False),
        b.element(0x00100020, "LO", "", encoding),
        b.element(0x00200013, "IS", "5", encoding, pad=False),
        b.element(0x00280030, "DS", "0.5", encoding, pad=False),
        name=name,
    )
    assert [elem.value for elem in ds] == ["CTX", "Doe^J", "", 5, 0.5]


def test_spaces_instead_of_a_length() -> None:
    """A Siemens writer fills the length of an empty element with spaces (GDCM PR #233)."""
    ds, given = warned(
        b.element(0x00080060, "CS", "CT") + b.element(0x00090010, "LO", "SIEMENS CT VA0  COAD") + b.header(0x00091050, "UN", 0x20202020),
        b.element(0x00100020, "LO", "P"),
        b.element(0x00280010, "US", 512),
    )
    assert (ds.Modality, ds.PatientID, ds.Rows) == ("CT", "P", 512)
    assert ds[0x00091050].length == 0
    assert given


def test_ob_of_undefined_length_that_is_not_encapsulated() -> None:
    """Undefined length, but no items: the value goes up to a delimiter, or takes all there is."""
    ds, given = warned(
        b.minimal(), b.header(0x00091001, "OB", b.UNDEFINED) + b"no fragments" + b.SEQUENCE_END, b.element(0x00100040, "CS", "F")
    )
    assert ds[0x00091001].raw == b"no fragments"
    assert ds.PatientSex == "F"
    assert len([text for text in given if "item" in text]) == 1

    ds, given = warned(b.minimal(), b.header(0x00400009, "OB", b.UNDEFINED) + b"no fragments, no end")
    assert ds[0x00400009].raw == b"no fragments, no end"
    assert ds.PatientID == "P-1"


@pytest.mark.parametrize("vr", ("OW", "OB", "UN", "UT"))
def test_pixel_data_of_undefined_length_without_fragments(vr: str) -> None:
    ds, given = warned(b.minimal(b.image(None, 2, 2)), b.header(0x7FE00010, vr, b.UNDEFINED) + bytes(range(1, 9)))
    assert ds.Rows == 2
    assert ds["PixelData"].raw == bytes(range(1, 9))
    assert given


# order


@encodings
def test_elements_out_of_order(name: str) -> None:
    encoding = ENCODINGS[name]
    ds, given = warned(
        b.element(0x00100020, "LO", "P", encoding),
        b.element(0x00280010, "US", 512, encoding),
        b.element(0x00080060, "CS", "CT", encoding),
        b.element(0x00200013, "IS", "1", encoding),
        b.element(0x00100010, "PN", "Doe", encoding),
        name=name,
    )
    assert [elem.keyword for elem in ds] == ["PatientID", "Rows", "Modality", "InstanceNumber", "PatientName"]  # the file's order
    assert (ds.Modality, ds.PatientName, ds.PatientID, ds.Rows, ds.InstanceNumber) == ("CT", "Doe", "P", 512, 1)
    assert len(given) == 1
    assert "(0008,0060)" in given[0]
    assert "order" in given[0]


@encodings
def test_the_last_of_duplicates_wins(name: str) -> None:
    encoding = ENCODINGS[name]
    ds, given = warned(
        b.element(0x00080060, "CS", "CT", encoding),
        b.element(0x00100020, "LO", "first", encoding),
        b.element(0x00100020, "LO", "second", encoding),
        b.element(0x00280010, "US", 512, encoding),
        b.element(0x00080060, "CS", "MR", encoding),
        name=name,
    )
    assert (ds.Modality, ds.PatientID, ds.Rows, len(ds)) == ("MR", "second", 512, 3)
    assert [elem.tag for elem in ds] == ds.tags() == [0x00100020, 0x00280010, 0x00080060]
    assert len(given) == 2  # twice, and out of order


def test_elements_behind_encapsulated_pixel_data_count_too() -> None:
    data = b.minimal(b.encapsulated([b"frame"])) + b.element(0x00100020, "LO", "behind") + b.element(0x00100040, "CS", "F")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ds = read(data)
        assert ds.PatientSex == "F"
        assert ds.PatientID == "behind"
        assert len(ds) == 7


# things that are no elements


@encodings
@pytest.mark.parametrize("stray", ("item end", "sequence end", "both", "many"))
def test_stray_delimiters(name: str, stray: str) -> None:
    encoding = ENCODINGS[name]
    item_end, sequence_end = b.item_end(encoding), b.sequence_end(encoding)
    known = {"item end": item_end, "sequence end": sequence_end, "both": item_end + sequence_end}
    made = known.get(stray, (item_end + sequence_end) * 1000)
    ds, given = warned(
        b.element(0x00080060, "CS", "CT", encoding),
        made,
        b.element(0x00100020, "LO", "P", encoding),
        made,
        b.sequence(0x00400275, b.item(b.element(0x00080060, "CS", "MR", encoding), made, encoding=encoding), encoding=encoding),
        b.element(0x7FE00010, "OW", b"\1\2", encoding),
        made,
        name=name,
    )
    assert (ds.Modality, ds.PatientID, ds.PixelData, len(ds)) == ("CT", "P", b"\1\2", 4)
    assert ds.RequestAttributesSequence[0].Modality == "MR"
    assert len(given) == 1


@encodings
@pytest.mark.parametrize("n", (1, 2, 7, 8, 9, 100, 5000, 1_000_000))
def test_trailing_zeros(name: str, n: int) -> None:
    ds, given = warned(b.minimal(encoding=ENCODINGS[name]), bytes(n), name=name)
    assert len(ds) == 5
    assert len(given) == 1


@encodings
def test_trailing_padding_element(name: str) -> None:
    """Data Set Trailing Padding (PS3.10 7.2) is an element like others."""
    ds = read(b.minimal(encoding=ENCODINGS[name]), b.element(0xFFFCFFFC, "OB", bytes(1000), ENCODINGS[name]), name=name)
    assert len(ds) == 6
    assert ds.DataSetTrailingPadding == bytes(1000)


@pytest.mark.parametrize("tail", (b"\xff" * 3, b"\xff" * 20, b"junk", b"\0\0\0\0\1\0\0\0x", b"\n\n\n\n\n\n\n\n\n"))
def test_rubbish_behind_the_last_element(tail: bytes) -> None:
    ds, given = warned(b.minimal(b.element(0x7FE00010, "OW", b"\1\2")), tail)
    assert (ds.PatientID, ds.PixelData) == ("P-1", b"\1\2")
    assert given


@pytest.mark.parametrize("undefined", (False, True))
def test_a_sequence_whose_bytes_are_no_items(undefined: bool) -> None:
    content = b.element(0x00080060, "CS", "CT") + b.element(0x00100020, "LO", "inner")
    ds, given = warned(b.header(0x00081140, "SQ", b.UNDEFINED if undefined else len(content)) + content + b.SEQUENCE_END * undefined)
    assert isinstance(ds.ReferencedImageSequence, fastdicom.Sequence)
    assert len(ds.ReferencedImageSequence) == 0
    assert given


def test_a_sequence_with_rubbish_between_items() -> None:
    item = b.item(b.element(0x00080060, "CS", "CT"))
    ds, given = warned(b.minimal(b.sequence(0x00400275, item, b"rubbish!", item), b.element(0x7FE00010, "OW", b"\1\2")))
    assert ds.RequestAttributesSequence[0].Modality == "CT"
    assert ds.PixelData == b"\1\2"
    assert given


@pytest.mark.parametrize("sequence_delimiter", (False, True))
@pytest.mark.parametrize("item_delimiter", (False, True))
def test_missing_delimiters_at_the_end(sequence_delimiter: bool, item_delimiter: bool) -> None:
    item = b.item(b.element(0x00080060, "CS", "CT"), undefined=True, delimiter=item_delimiter)
    ds, given = warned(b.minimal(b.sequence(0x00400275, item, item, undefined=True, delimiter=sequence_delimiter)))
    assert [item.Modality for item in ds.RequestAttributesSequence] == ["CT", "CT"]
    assert ds.PatientID == "P-1"
    assert bool(given) == (not (sequence_delimiter and item_delimiter))


def test_an_item_without_delimiter_behind_items_that_have_one() -> None:
    inner = b.sequence(0x0040A170, b.item(b.element(0x00080100, "SH", "121322"), undefined=True), undefined=True)
    outer = b.item(inner, b.element(0x0040A30A, "DS", "1234.567"), undefined=True, delimiter=False)
    ds, given = warned(b.minimal(b.sequence(0x00400275, outer, undefined=True, delimiter=False)))
    assert ds.RequestAttributesSequence[0].NumericValue == 1234.567
    assert given


# VRs that disagree


@pytest.mark.parametrize("name", ("explicit", "big"))
def test_a_vr_that_disagrees_with_the_dictionary_is_taken_as_written(name: str) -> None:
    encoding = ENCODINGS[name]
    ds = read(
        b.element(0x00200013, "US", 7, encoding),  # Instance Number, an IS
        b.element(0x00280010, "UL", 512, encoding),  # Rows, a US
        b.element(0x00280011, "IS", "512", encoding),  # Columns, a US
        b.element(0x00281050, "FD", [40.0, 0.5], encoding),  # Window Center, a DS
        name=name,
    )
    assert [(elem.VR, elem.value) for elem in ds] == [("US", 7), ("UL", 512), ("IS", 512), ("FD", [40.0, 0.5])]


@pytest.mark.parametrize("length", (1, 3, 4, 6))
def test_implicit_values_of_another_length_than_their_vr(length: int) -> None:
    ds, _ = warned(b.element(0x00280010, "US", b"\0\2\0\0\0\0"[:length], IMPLICIT, pad=False), name="implicit")
    value = ds.Rows
    assert (value if not isinstance(value, list) else value[0]) in (512, None)


def test_values_that_do_not_fit_are_the_text_and_told_once() -> None:
    ds, given = warned(
        b.element(0x00200013, "IS", "1.5 "),
        b.element(0x00280030, "DS", ["0.5", "abc"]),
        b.element(0x00280034, "IS", ["1", "4.000"]),
    )
    assert ds.InstanceNumber == "1.5"
    assert ds.PixelSpacing == [0.5, "abc"]
    assert ds.PixelAspectRatio == [1, 4]
    assert len(given) == 2


def test_a_short_vr_with_a_long_length_field() -> None:
    """OB and its kin with a 16-bit length, as some writers have it."""
    ds, _ = warned(b.minimal(), b.header(0x00420011, "OB", 4, long=False) + b"%PDF" + b.element(0x00480006, "US", 512))
    assert ds.EncapsulatedDocument == b"%PDF"
    assert ds[0x00480006].value == 512


# depth

DEEP = """
import sys, warnings
import builders as b
import fastdicom
warnings.simplefilter("ignore")
undefined = sys.argv[1] == "True"
depth = int(sys.argv[2])
data = b.part10(b.nested(depth, b.element(0x00100020, "LO", "inmost"), undefined=undefined) + b.element(0x00100010, "PN", "Doe^Jane"))
ds = fastdicom.dcmread(data)
assert ds.PatientName == "Doe^Jane" and len(ds) == 2
here, n = ds, 0
try:
    while True:
        here, n = here.ReferencedImageSequence[0], n + 1
except fastdicom.LimitError as error:
    text = str(error)
assert n == 64, n
assert "(0008,1140)" in text and "64" in text and "max_depth" in text and "0x" in text, text
assert sum(1 for elem in ds.iterall()) == 66            # 65 sequences, and the name
assert "Doe^Jane" in str(ds) and "max_depth" in str(ds)
assert "Doe^Jane" in ds.to_json()
seen = []
ds.walk(lambda dataset, elem: seen.append(elem.tag))
assert len(seen) == 66
other = fastdicom.dcmread(data)
assert (ds == other) in (True, False)
import pickle
assert pickle.loads(pickle.dumps(ds)).PatientName == "Doe^Jane"
print("alive")
"""


@pytest.mark.parametrize("undefined", (False, True))
def test_ten_thousand_nested_items(undefined: bool) -> None:
    depth = 10_000 if undefined else 2_000  # the builder of defined lengths is quadratic
    assert children.run(DEEP, str(undefined), str(depth), timeout=60) == "alive\n"


def test_a_larger_depth_on_demand() -> None:
    code = """
import builders as b
import fastdicom
data = b.part10(b.nested(3000, b.element(0x00100020, "LO", "inmost")))
ds = fastdicom.dcmread(data, max_depth=5000)
here, n = ds, 0
while "ReferencedImageSequence" in here:
    here, n = here.ReferencedImageSequence[0], n + 1
assert (n, here.PatientID) == (3000, "inmost")
assert sum(1 for elem in ds.iterall()) == 3001
del here, ds                       # 3,000 objects, each held by the one around it
print("alive")
"""
    assert children.run(code, timeout=60) == "alive\n"


# size: time grows with the bytes, not with their square

MANY = """
import struct, sys, warnings
import builders as b
import fastdicom
warnings.simplefilter("ignore")
kind, n = sys.argv[1], 1_000_000
if kind == "descending":
    data = b"".join(struct.pack("<HH2sH", (i >> 12) * 2 + 8, i & 0xFFF, b"US", 0) for i in range(n, 0, -1))
elif kind == "duplicates":
    data = struct.pack("<HH2sH", 8, 0x60, b"CS", 0) * n
elif kind == "delimiters":
    data, n = b.ITEM_END * n, 0
elif kind == "items":
    data, n = b.sequence(0x00081140, b.item() * n), 1
elif kind == "undefined items":
    data, n = b.sequence(0x00081140, b.item(undefined=True) * n, undefined=True), 1
elif kind == "fragments":
    data, n = b.header(0x7FE00010, "OB", b.UNDEFINED) + b.fragment(b"") * n, 1
elif kind == "empty sequences":
    data = b"".join(struct.pack("<HH2sHI", (i >> 12) * 2 + 8, i & 0xFFF, b"SQ", 0, 0xFFFFFFFF) + b.SEQUENCE_END for i in range(1, n + 1))
elif kind == "sequences without items":
    data, n = b"".join(struct.pack("<HH2sHI", (i >> 12) * 2 + 8, i & 0xFFF, b"SQ", 0, 0xFFFFFFFF) + b"no items" for i in range(1, n + 1)), 1
elif kind == "bad VRs":
    data, n = b"".join(struct.pack("<HH2sH", (i >> 12) * 2 + 8, i & 0xFFF, b"? ", 0) for i in range(1, n + 1)), None
path = sys.argv[2]
with open(path, "wb") as file:
    file.write(b.part10(data))
for source in (b.part10(data), path):
    ds = fastdicom.dcmread(source)
    assert n is None or len(ds) == (1 if kind == "duplicates" else n), len(ds)
    if kind == "descending":
        assert ds[(500_000 >> 12) * 2 + 8, 500_000 & 0xFFF].length == 0
    if "items" in kind and "without" not in kind:
        assert len(ds.ReferencedImageSequence) == 1_000_000 and len(ds.ReferencedImageSequence[999_999]) == 0
print("alive")
"""


@pytest.mark.parametrize(
    "kind",
    (
        "descending",
        "duplicates",
        "delimiters",
        "items",
        "undefined items",
        "fragments",
        "empty sequences",
        "sequences without items",
        "bad VRs",
    ),
)
def test_a_million_of_a_kind(kind: str, tmp_path: Path) -> None:
    assert children.run(MANY, kind, tmp_path / "it.dcm", timeout=40) == "alive\n"


# warnings


def test_a_warning_is_given_once_a_file_and_kind() -> None:
    data = b.part10(
        b.element(0x00080060, "CS", "CT")
        + b.ITEM_END
        + b.element(0x00100020, "LO", "P")
        + b.ITEM_END
        + b.sequence(0x00400275, b.item(b.element(0x00080060, "CS", "MR"), b.SEQUENCE_END))
    )
    with pytest.warns(fastdicom.DicomWarning) as given:
        touch(fastdicom.dcmread(data))
    assert len(given) == 1
    with pytest.warns(fastdicom.DicomWarning) as given:  # another opening is another file
        touch(fastdicom.dcmread(data))
    assert len(given) == 1


def test_a_warning_points_at_the_callers_line() -> None:
    with pytest.warns(fastdicom.DicomWarning) as given:
        read(b.minimal(), b.ITEM_END)
    assert given[0].filename == __file__


def test_a_warning_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "odd.dcm"
    path.write_bytes(b.part10(b.minimal() + b.ITEM_END))
    with pytest.warns(fastdicom.DicomWarning, match=r"odd\.dcm: \(FFFE,E00D\) at 0x[0-9A-F]+: .*delimiter"):
        fastdicom.dcmread(path)


def test_warnings_as_errors_leave_the_data_set_usable() -> None:
    ds = read(b.minimal(), b.element(0x00200013, "IS", "1.5 "))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(fastdicom.DicomWarning):
            _ = ds.InstanceNumber
    assert ds.InstanceNumber == "1.5"
    assert ds.PatientID == "P-1"


# group 0002


@pytest.mark.parametrize("syntax", ("", "1.2.840.10008.1.2.1.0.0.0", "x" * 64, "x" * 200, "\0\0", "1.2.840.10008.1.2\\1.2"))
@encodings
@pytest.mark.filterwarnings("ignore::fastdicom.DicomWarning")
def test_rubbish_as_transfer_syntax(name: str, syntax: str) -> None:
    ds = fastdicom.dcmread(b.part10(b.minimal(encoding=ENCODINGS[name]), syntax))
    assert (ds.PatientName, ds.PatientID) == ("Doe^Jane", "P-1")
    assert ds.transfer_syntax.uid is not None
    assert str(ds)


@pytest.mark.filterwarnings("ignore::fastdicom.DicomWarning")
def test_a_value_in_group_2_that_runs_over_the_file() -> None:
    meta = b.file_meta() + b.header(0x00020013, "SH", 0xFFF0)
    meta = b.element(0x00020000, "UL", len(meta) - 12) + meta[12:]
    ds = fastdicom.dcmread(b.part10(b.minimal(), meta=meta))
    assert ds.PatientID == "P-1"
    assert ds.file_meta.TransferSyntaxUID == b.EXPLICIT_LITTLE


@pytest.mark.filterwarnings("ignore::fastdicom.DicomWarning")
def test_deep_but_short_structures_of_rubbish() -> None:
    """Sequence and item headers alone, cut anywhere."""
    data = b.part10((b.header(0x00081140, "SQ", b.UNDEFINED) + struct.pack("<HHI", 0xFFFE, 0xE000, b.UNDEFINED)) * 30)
    for cut in range(132, len(data)):
        touch(fastdicom.dcmread(data[:cut]))
