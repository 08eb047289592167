"""The DICOM JSON model (PS3.18 F): each VR, what is empty, what is wrong, depth; over a stand-in and over real files."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field

import pytest

from fastdicom.errors import DicomWarning, LimitError, ParseError
from fastdicom.json import _text, to_json, to_json_dict
from fastdicom.tag import Tag
from fastdicom.values import decode


@dataclass
class Elem:
    """An element as the model needs it."""

    tag: Tag
    VR: str
    raw: bytes = b""
    items: list[DS] = field(default_factory=list)
    error: Exception | None = None
    is_big_endian: bool = False
    keyword: str = "Keyword"

    @property
    def value(self) -> object:
        if self.error is not None:
            raise self.error
        return self.items if self.VR == "SQ" else decode(self.VR, self.raw, big_endian=self.is_big_endian)


class DS(list):  # type: ignore[type-arg]
    """A data set as the model needs it: something that gives elements."""


def attribute(vr: str, raw: bytes, **options: object) -> object:
    """The attribute object of one element."""
    return to_json_dict(DS([Elem(Tag(0x00091001), vr, raw)]), **options)["00091001"]  # type: ignore[arg-type]


VALUES = [
    ("AE", b"SCP ", ["SCP"]),
    ("CS", b"A\\B ", ["A", "B"]),
    ("LO", b"A\\\\C ", ["A", None, "C"]),
    ("LT", b"a\\b", ["a\\b"]),
    ("DA", b"20240229", ["20240229"]),
    ("UI", b"1.2.840.10008.1.2\0", ["1.2.840.10008.1.2"]),
    ("UR", b"http://example.org ", ["http://example.org"]),
    ("PN", b"Doe^John ", [{"Alphabetic": "Doe^John"}]),
    ("PN", b"A=B=C\\=B", [{"Alphabetic": "A", "Ideographic": "B", "Phonetic": "C"}, {"Ideographic": "B"}]),
    ("PN", b"\\D==C", [None, {"Alphabetic": "D", "Phonetic": "C"}]),
    ("DS", b"1.50\\-2\\x\\", [1.5, -2.0, "x", None]),
    ("IS", b"4.000\\-7\\1.5", [4, -7, "1.5"]),
    ("DS", b"nan", ["NaN"]),
    ("AT", b"\x10\x00\x20\x00\xe0\x7f\x10\x00", ["00100020", "7FE00010"]),
    ("US", b"\x01\x00\xff\xff", [1, 65535]),
    ("SS", b"\xff\xff", [-1]),
    ("UV", b"\xff" * 8, [2**64 - 1]),
    ("FL", struct.pack("<f", 1.5), [1.5]),
    ("FD", struct.pack("<3d", float("inf"), -float("inf"), float("nan")), ["Infinity", "-Infinity", "NaN"]),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("vr", "raw", "values"), VALUES)
def test_values(vr, raw, values):
    assert attribute(vr, raw) == {"vr": vr, "Value": values}


@pytest.mark.parametrize("vr", ("OB", "OD", "OF", "OL", "OV", "OW", "UN"))
def test_binary(vr):
    assert attribute(vr, b"\x01\x02\x03\x04") == {"vr": vr, "InlineBinary": "AQIDBA=="}


def test_what_is_no_vr_is_unknown():
    assert attribute("??", b"\x01\x02") == {"vr": "UN", "InlineBinary": "AQI="}


@pytest.mark.parametrize("vr", ("LO", "PN", "DS", "US", "AT", "OB", "UN", "UI", "SQ"))
def test_empty(vr):
    assert attribute(vr, b"") == {"vr": vr}


@pytest.mark.parametrize(("vr", "size"), (("OB", 1), ("UN", 1), ("OW", 2), ("OL", 4), ("OF", 4), ("OD", 8), ("OV", 8)))
def test_big_endian_words_are_swapped(vr, size):
    import base64

    raw = bytes(range(17))  # the last byte is no whole word, and stays
    made = to_json_dict(DS([Elem(Tag(0x00091001), vr, raw, is_big_endian=True)]))  # type: ignore[arg-type]
    expected = b"".join(raw[i : i + size][:: -1 if i + size <= 17 else 1] for i in range(0, 17, size))
    assert base64.b64decode(made["00091001"]["InlineBinary"]) == expected


def test_bulk_data():
    def handler(elem):
        return f"https://example.org/{elem.tag.json_key}"

    assert attribute("OB", bytes(769), bulk_data_element_handler=handler) == {"vr": "OB", "BulkDataURI": "https://example.org/00091001"}
    assert "InlineBinary" in attribute("OB", bytes(768), bulk_data_element_handler=handler)  # 1024 characters of base64
    assert "InlineBinary" in attribute("OB", bytes(2000))
    assert "BulkDataURI" in attribute("OB", bytes(30), bulk_data_element_handler=handler, bulk_data_threshold=39)


def test_order_group_lengths_and_duplicates():
    made = to_json_dict(
        DS(
            [
                Elem(Tag(0x00100020), "LO", b"b "),
                Elem(Tag(0x00080000), "UL", b"\x04\0\0\0"),  # group length: no part of the model
                Elem(Tag(0x00080016), "UI", b"1.2\0"),
                Elem(Tag(0x7FE00010), "OW", b"\0\0"),
            ]
        )  # type: ignore[arg-type]
    )
    assert list(made) == ["00080016", "00100020", "7FE00010"]


def test_sequences():
    inner = DS([Elem(Tag(0x00080100), "SH", b"x ")])
    made = to_json_dict(DS([Elem(Tag(0x00081140), "SQ", items=[inner, DS(), inner]), Elem(Tag(0x00400275), "SQ")]))  # type: ignore[arg-type]
    item = {"00080100": {"vr": "SH", "Value": ["x"]}}
    assert made == {"00081140": {"vr": "SQ", "Value": [item, {}, item]}, "00400275": {"vr": "SQ"}}


def test_depth_is_not_that_of_the_stack():
    dataset = DS([Elem(Tag(0x00080100), "SH", b"x ")])
    for _ in range(20_000):
        dataset = DS([Elem(Tag(0x00081140), "SQ", items=[dataset])])
    text = to_json(dataset)  # type: ignore[arg-type]
    assert text.count('"00081140"') == 20_000
    assert text.endswith('{"00080100":{"vr":"SH","Value":["x"]}' + "}]}" * 20_000 + "}")
    while dataset and dataset[0].items:  # taken apart here, not by 20,000 destructors inside each other
        dataset = dataset[0].items.pop()


def test_text():
    dataset = DS([Elem(Tag(0x00100010), "PN", b"M\xfcller^J\x01"), Elem(Tag(0x00081140), "SQ", items=[DS(), DS()])])
    text = to_json(dataset)  # type: ignore[arg-type]
    assert text.isascii()
    assert text == '{"00081140":{"vr":"SQ","Value":[{},{}]},"00100010":{"vr":"PN","Value":[{"Alphabetic":"M\\u00fcller^J\\u0001"}]}}'
    assert json.loads(text) == to_json_dict(dataset)  # type: ignore[arg-type]
    assert to_json(dataset, indent=2) == json.dumps(to_json_dict(dataset), indent=2)  # type: ignore[arg-type]
    for indent in (None, 2):
        pieces = "".join(_text(to_json_dict(dataset), indent))  # type: ignore[arg-type]
        assert pieces == to_json(dataset, indent=indent)  # type: ignore[arg-type]
    assert to_json(DS()) == "".join(_text({}, None)) == "{}"  # type: ignore[arg-type]


def test_damage_is_named_and_the_rest_is_written():
    class Broken(DS):
        def __iter__(self):
            yield Elem(Tag(0x00100020), "LO", b"kept")
            raise ParseError("the rest is gone")

    with pytest.warns(DicomWarning, match="the rest is gone"):
        assert to_json_dict(Broken()) == {"00100020": {"vr": "LO", "Value": ["kept"]}}  # type: ignore[arg-type]

    text = Elem(Tag(0x00100020), "LO", b"ab", error=ParseError("no value"))
    with pytest.warns(DicomWarning, match="no value; its bytes"):
        assert to_json_dict(DS([text])) == {"00100020": {"vr": "UN", "InlineBinary": "YWI="}}  # type: ignore[arg-type]

    deep = Elem(Tag(0x00081140), "SQ", error=LimitError("too deep"))
    with pytest.warns(DicomWarning, match="too deep"):
        assert to_json_dict(DS([deep])) == {"00081140": {"vr": "SQ"}}  # type: ignore[arg-type]


def test_what_is_written_is_what_pydicom_reads():
    from pydicom import Dataset

    rows = [("LO", b"A\\B ", ["A", "B"]), ("PN", b"Doe^John=B", "Doe^John=B"), ("DS", b"1.50\\-2", [1.5, -2]), ("US", b"\1\0", 1)]
    rows += [("AT", b"\x10\x00\x20\x00", 0x00100020), ("OB", b"\1\2", b"\1\2"), ("IS", b"4 ", 4), ("LO", b"", "")]
    dataset = DS([Elem(Tag(0x00091001 + i), vr, raw) for i, (vr, raw, _) in enumerate(rows)])
    read = Dataset.from_json(to_json(dataset))  # type: ignore[arg-type]
    assert [elem.value for elem in read] == [value for _, _, value in rows]
