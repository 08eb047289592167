"""Elements inside sequences, by path; and facts of a file."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

import children
import fastdicom
from builders import (
    BIG,
    EXPLICIT,
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT,
    IMPLICIT_LITTLE,
    JPEG_BASELINE,
    SEQUENCE_END,
    UNDEFINED,
    Encoding,
    deflated_part10,
    element,
    encapsulated,
    file_meta,
    header,
    image,
    item,
    minimal,
    nested,
    part10,
    pixel_data,
    private_block,
    sequence,
)
from fastdicom.scan.columns import Step, columns_of

REQUESTS = 0x00400275  # Request Attributes Sequence
STEP_ID = 0x00400009  # Scheduled Procedure Step ID, SH
SHARED, MEASURES, SPACING = 0x52009229, 0x00289110, 0x00280030
FIRST, EVERY = "RequestAttributesSequence/ScheduledProcedureStepID", "RequestAttributesSequence[*]/ScheduledProcedureStepID"
SPACING_PATH = "SharedFunctionalGroupsSequence/PixelMeasuresSequence/PixelSpacing"


def row(tmp_path: Path, file: bytes, *tags: str, **options: Any) -> dict[str, Any]:
    (tmp_path / "1.dcm").write_bytes(file)
    (batch,) = fastdicom.scan(tmp_path / "1.dcm", tags, **options)
    return batch.to_pylist()[0]


def value(tmp_path: Path, data: bytes, path: str, syntax: str = EXPLICIT_LITTLE, **options: Any) -> tuple[Any, Any]:
    found = row(tmp_path, part10(data, syntax), path, **options)
    assert found["error"] is None
    (name,) = set(found) - {"path", "size", "mtime", "error", "notes"}
    return found[name], found["notes"]


def requests(*ids: str | None, encoding: Encoding = EXPLICIT, undefined: bool = False) -> bytes:
    """A Request Attributes Sequence with an item for each; None: an item without the ID."""
    items = [item(b"" if one is None else element(STEP_ID, "SH", one, encoding), encoding=encoding, undefined=undefined) for one in ids]
    return sequence(REQUESTS, *items, encoding=encoding, undefined=undefined)


@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize(
    ("encoding", "syntax"),
    [(EXPLICIT, EXPLICIT_LITTLE), (IMPLICIT, IMPLICIT_LITTLE), (BIG, EXPLICIT_BIG)],
    ids=["explicit", "implicit", "big"],
)
def test_items(tmp_path: Path, encoding: Encoding, syntax: str, undefined: bool) -> None:
    data = requests("A", None, "C ", "", encoding=encoding, undefined=undefined) + element(0x00400280, "ST", "behind", encoding)
    assert value(tmp_path, data, FIRST, syntax) == ("A", None)
    assert value(tmp_path, data, EVERY, syntax) == (["A", None, "C", ""], None)
    for n, expected in enumerate(["A", None, "C", "", None]):
        assert value(tmp_path, data, f"RequestAttributesSequence[{n}]/ScheduledProcedureStepID", syntax) == (expected, None)


def test_absent_and_empty_sequences(tmp_path: Path) -> None:
    assert value(tmp_path, minimal(), EVERY) == (None, None)
    assert value(tmp_path, minimal(), FIRST) == (None, None)
    assert value(tmp_path, requests(), EVERY) == ([], None)
    assert value(tmp_path, requests(), FIRST) == (None, None)
    assert value(tmp_path, requests(undefined=True), EVERY) == ([], None)


def test_values_of_several_and_several_sequences_are_flat(tmp_path: Path) -> None:
    def group(*spacings: str | None) -> bytes:
        return item(sequence(MEASURES, *[item(b"" if one is None else element(SPACING, "DS", one)) for one in spacings]))

    data = sequence(SHARED, group(r"1\2", ""), group(), group(None, r"3\4"), item())
    path = "SharedFunctionalGroupsSequence[*]/PixelMeasuresSequence[*]/PixelSpacing"
    assert value(tmp_path, data, path) == ([1.0, 2.0, None, None, 3.0, 4.0, None], None)
    assert value(tmp_path, data, SPACING_PATH) == ([1.0, 2.0], None)
    assert value(tmp_path, data, "SharedFunctionalGroupsSequence[2]/PixelMeasuresSequence[1]/PixelSpacing") == ([3.0, 4.0], None)


def test_what_does_not_fit_is_null_in_its_place(tmp_path: Path) -> None:
    data = sequence(MEASURES, *[item(element(0x00180050, "DS", text)) for text in ("1.5", "thick", "2.5")])
    got, notes = value(tmp_path, data, "PixelMeasuresSequence[*]/SliceThickness")
    assert got == [1.5, None, 2.5]
    assert notes == "PixelMeasuresSequence[*]/SliceThickness: not a number that fits the column: 'thick'"


def test_items_with_a_character_set_of_their_own(tmp_path: Path) -> None:
    latin, cyrillic = element(0x00080005, "CS", "ISO_IR 100"), element(0x00080005, "CS", "ISO_IR 144")
    inner = sequence(0x00400100, item(element(0x00400007, "LO", b"\xb4\xd0")))  # in the character set of the item around it
    items = item(cyrillic, element(STEP_ID, "SH", b"\xb4\xd0"), inner), item(element(STEP_ID, "SH", b"\xe4 "))
    data = latin + sequence(REQUESTS, *items)
    assert value(tmp_path, data, EVERY) == (["Да", "ä"], None)
    path = "RequestAttributesSequence/ScheduledProcedureStepSequence/ScheduledProcedureStepDescription"
    assert value(tmp_path, data, path) == ("Да", None)
    found = row(tmp_path, part10(data + element(0x00401400, "LT", b"\xe4 ")), EVERY, "RequestedProcedureComments")
    assert found["RequestedProcedureComments"] == "ä"


def test_pixel_representation_of_the_item_or_of_what_encloses_it(tmp_path: Path) -> None:
    sign = element(0x00280103, "US", 1, IMPLICIT)
    lowest = element(0x00280106, "SS", -1, IMPLICIT)
    items = item(lowest, encoding=IMPLICIT), item(element(0x00280103, "US", 0, IMPLICIT), lowest, encoding=IMPLICIT)
    data = sign + sequence(0x00283000, *items, encoding=IMPLICIT)
    assert value(tmp_path, data, "ModalityLUTSequence[*]/SmallestImagePixelValue", IMPLICIT_LITTLE) == ([-1, 65535], None)


def test_private_steps(tmp_path: Path) -> None:
    inner = private_block(0x0029, "AC/ME [1]", (0x20, "LO", "inside"))
    data = private_block(0x0029, "AC/ME [1]", (0x10, "SQ", item(inner) + item()), block=0x33)
    path = '(0029,"AC/ME [1]",10)[*]/(0029,"AC/ME [1]",20)'
    assert value(tmp_path, data, path) == (["inside", None], None)
    assert columns_of([path])[0].name == path
    assert value(tmp_path, data, '(0029,"OTHER",10)[*]/(0029,"AC/ME [1]",20)') == (None, None)


def test_unknown_vr_of_undefined_length(tmp_path: Path) -> None:
    """CP-246: a sequence, implicit VR little endian inside."""
    inner = item(element(STEP_ID, "SH", "x", IMPLICIT), encoding=IMPLICIT, undefined=True)
    assert value(tmp_path, header(REQUESTS, "UN", UNDEFINED) + inner + SEQUENCE_END, EVERY) == (["x"], None)
    assert value(tmp_path, element(REQUESTS, "UN", inner), FIRST) == ("x", None)


@pytest.mark.parametrize("path", [FIRST, EVERY])
def test_a_step_that_is_no_sequence(tmp_path: Path, path: str) -> None:
    got, notes = value(tmp_path, element(REQUESTS, "LO", "text"), path)
    assert (got, notes) == (None, f"{path}: a step of the path is no sequence")


def test_damaged_sequences(tmp_path: Path) -> None:
    got, notes = value(tmp_path, requests("A", "B")[:-1], EVERY)
    assert got == ["A", "B"]
    assert "beyond the end" in notes
    got, notes = value(tmp_path, element(REQUESTS, "SQ", b"no items at all"), EVERY)
    assert got == []
    assert "where an item was expected" in notes


@pytest.mark.parametrize("undefined", [False, True])
def test_depth(tmp_path: Path, undefined: bool) -> None:
    data = nested(70, element(0x00081150, "UI", "1.2"), undefined=undefined)
    step = "ReferencedImageSequence/"
    assert value(tmp_path, data, step * 3 + "ReferencedSOPClassUID") == (None, None)
    deep = nested(64, element(0x00081150, "UI", "1.2"), undefined=undefined)
    assert value(tmp_path, deep, step * 64 + "ReferencedSOPClassUID") == ("1.2", None)
    got, notes = value(tmp_path, data, step * 65 + "ReferencedSOPClassUID")
    assert got is None
    assert "deeper than 64 levels" in notes


def test_twelve_thousand_items(tmp_path: Path) -> None:
    big = requests(*[f"{i:05}" for i in range(12000)]) + element(0x00402001, "LO", "behind")
    found = row(tmp_path, part10(big), EVERY, "RequestAttributesSequence[11999]/ScheduledProcedureStepID", FIRST)
    assert found[EVERY] == [f"{i:05}" for i in range(12000)]
    assert found["RequestAttributesSequence[11999]/ScheduledProcedureStepID"] == "11999"
    assert found[FIRST] == "00000"


def test_elements_out_of_order_in_an_item(tmp_path: Path) -> None:
    data = sequence(REQUESTS, item(element(0x00401001, "SH", "later"), element(STEP_ID, "SH", "x")))
    assert value(tmp_path, data, FIRST)[0] is None
    assert value(tmp_path, data, FIRST, thorough=True)[0] == "x"


def test_dates_inside(tmp_path: Path) -> None:
    data = sequence(0x00400100, item(element(0x00400002, "DA", "20230230")), item(element(0x00400002, "DA", "20230228")))
    path = "ScheduledProcedureStepSequence/ScheduledProcedureStepStartDate"
    found = row(tmp_path, part10(data), path, path.replace("/", "[*]/"), keep_text=True)
    assert (found[path], found[f"{path}_text"], found[path.replace("/", "[*]/")]) == (None, "20230230", [None, date(2023, 2, 28)])


def test_deflated(tmp_path: Path) -> None:
    found = row(tmp_path, deflated_part10(requests("A", "B") + pixel_data(bytes(4))), EVERY, "pixel_data_offset", "transfer_syntax")
    assert (found[EVERY], found["pixel_data_offset"], found["transfer_syntax"]) == (["A", "B"], None, "1.2.840.10008.1.2.1.99")


@pytest.mark.parametrize(
    ("wanted", "name", "kind", "multiple"),
    [
        (SPACING_PATH, SPACING_PATH, "float64", True),
        (" 52009229[0] / 0028,9110 [ 0 ] / PixelSpacing ", SPACING_PATH, "float64", True),
        (EVERY, EVERY, "utf8", True),
        (FIRST.replace("/", "[3]/"), FIRST.replace("/", "[3]/"), "utf8", False),
    ],
)
def test_names_and_types(wanted: str, name: str, kind: str, multiple: bool) -> None:
    (column,) = columns_of([wanted])
    assert (column.name, column.kind, column.multiple) == (name, kind, multiple)


def test_steps() -> None:
    (column,) = columns_of(["RequestAttributesSequence[*]/(0029,'X',10)[2]/PatientID"])
    assert column.path == (Step(REQUESTS, None, None), Step(0x00290010, "X", 2))
    assert len(columns_of([FIRST, FIRST.replace("/", "[0]/")])) == 1
    assert columns_of([FIRST])[0].dictionary
    assert not columns_of([EVERY])[0].dictionary


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ("PatientID/PatientName", "PatientID is no sequence"),
        ("RequestAttributesSequence/ScheduledProtocolCodeSequence", "ScheduledProtocolCodeSequence/KEYWORD"),
        ("RequestAttributesSequence[*]", r"RequestAttributesSequence\[\*\]/KEYWORD"),
        ("RequestAttributesSequence", r"RequestAttributesSequence\[\*\]/KEYWORD"),
        ("RequestAttributesSequence[-1]/PatientID", "is no path"),
        ("RequestAttributesSequence[1/PatientID", "is no path"),
        ("RequestAttributesSequence//PatientID", "is no path"),
        ("/PatientID", "is no path"),
        ("RequestAttributesSequence/", "is no path"),
        ("RequestAttributesSequence[4294967295]/PatientID", "no sequence has an item"),
        ("RequestAttributesSequenze/PatientID", "did you mean"),
        ("RequestAttributesSequence/PatientI", "did you mean"),
    ],
)
def test_what_is_no_path(wanted: str, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        columns_of([wanted])


FACTS = ("transfer_syntax", "pixel_data_offset", "offset_table_frames")


def facts(tmp_path: Path, file: bytes, *tags: str, **options: Any) -> tuple[Any, ...]:
    found = row(tmp_path, file, *FACTS, *tags, **options)
    return tuple(found[name] for name in FACTS)


@pytest.mark.parametrize("tags", [(), ("PatientID",), ("PixelData",), ("DataSetTrailingPadding",)])
@pytest.mark.parametrize("thorough", [False, True])
def test_facts(tmp_path: Path, tags: tuple[str, ...], thorough: bool) -> None:
    plain = part10(minimal(image(bytes(8), 2, 2)))
    assert facts(tmp_path, plain, *tags, thorough=thorough) == (EXPLICIT_LITTLE, len(plain) - 8, None)
    for frames, bot, eot, expected in ([b"ab"], False, False, 0), ([b"ab"] * 3, True, False, 3), ([b"ab"] * 2, False, True, 2):
        pixels = encapsulated(frames, bot=bot, eot=eot)
        head = part10(minimal(image(None, 2, 2)), JPEG_BASELINE)
        at = len(head) + pixels.index(b"\xe0\x7f\x10\x00") + 12
        assert facts(tmp_path, head + pixels, *tags, thorough=thorough) == (JPEG_BASELINE, at, expected)
    assert facts(tmp_path, part10(minimal()), *tags, thorough=thorough) == (EXPLICIT_LITTLE, None, None)
    floats = part10(minimal(element(0x7FE00008, "OF", bytes(4))))
    assert facts(tmp_path, floats, *tags, thorough=thorough) == (EXPLICIT_LITTLE, len(floats) - 4, None)


@pytest.mark.parametrize(
    ("encoding", "syntax"),
    [(EXPLICIT, EXPLICIT_LITTLE), (IMPLICIT, IMPLICIT_LITTLE), (BIG, EXPLICIT_BIG)],
    ids=["explicit", "implicit", "big"],
)
def test_a_transfer_syntax_that_nobody_told(tmp_path: Path, encoding: Encoding, syntax: str) -> None:
    file = part10(minimal(encoding=encoding), meta=file_meta(None))
    assert facts(tmp_path, file)[0] == syntax
    assert row(tmp_path, file, "transfer_syntax")["transfer_syntax"] == syntax
    with fastdicom.dcmread(tmp_path / "1.dcm") as ds:
        assert ds.transfer_syntax.uid == syntax
    assert facts(tmp_path, part10(b"", meta=file_meta(None)))[0] is None


@pytest.mark.parametrize("thorough", [False, True])
def test_how_long_the_pixels_are_and_where_the_file_ends(tmp_path: Path, thorough: bool) -> None:
    def found(file: bytes) -> tuple[int | None, str | None]:
        got = row(tmp_path, file, "pixel_data_length", "last_tag", thorough=thorough)
        return got["pixel_data_length"], got["last_tag"]

    def last(tag: str) -> str | None:
        return tag if thorough else None

    plain = minimal(image(bytes(8), 2, 2))
    assert found(part10(plain)) == (8, last("7fe00010"))
    assert found(part10(plain)[:-3]) == (5, last("7fe00010"))
    assert found(part10(plain + element(0xFFFCFFFC, "OB", bytes(2)))) == (8, last("fffcfffc"))
    assert found(deflated_part10(plain)) == (8, last("7fe00010"))
    assert found(part10(minimal(element(0x7FE00008, "OF", bytes(12))))) == (12, last("7fe00008"))
    assert found(part10(minimal(image(None, 2, 2)) + encapsulated([b"ab"]), JPEG_BASELINE)) == (None, last("7fe00010"))
    assert found(part10(minimal())) == (None, last("00100020"))
    assert found(part10(b"")) == (None, None)


def test_a_transfer_syntax_that_is_no_text(tmp_path: Path) -> None:
    assert facts(tmp_path, part10(minimal(), "1.2.\xff\xe4")) == ("1.2.\xff\xe4", None, None)


def test_pixels_that_are_cut_off(tmp_path: Path) -> None:
    file = part10(minimal(image(None, 2, 2)) + header(0x7FE00010, "OB", UNDEFINED), JPEG_BASELINE)
    assert facts(tmp_path, file) == (JPEG_BASELINE, len(file), None)


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="Linux counts what a process reads")
def test_where_the_pixels_are_costs_no_reading_of_them(tmp_path: Path) -> None:
    pixels = encapsulated([bytes(1000)] * 500, bot=True)
    (tmp_path / "1.dcm").write_bytes(part10(minimal(image(None, 2, 2)) + pixels, JPEG_BASELINE))
    code = """
import sys
import fastdicom
def read(*tags):
    def total():
        with open("/proc/self/io") as file:
            return int(file.read().split()[1])
    before = total()
    for batch in fastdicom.scan([sys.argv[1]] * 200, tags, threads=1):
        pass
    return total() - before
read("PatientID")
print(read("transfer_syntax", "pixel_data_offset", "pixel_data_length", "offset_table_frames"))
"""
    assert int(children.run(code, tmp_path / "1.dcm")) < 200 * 20_000  # all of it would be 200 times half a megabyte
