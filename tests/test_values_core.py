"""The compiled core decodes plain values itself: it must agree with the reference in `values`."""

from __future__ import annotations

import math
import struct
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import dataset, element, file_meta, part10
from fastdicom.charset import Charset
from fastdicom.reader import dcmread
from fastdicom.values import decode

TAG = 0x00091010
TEXTS = ("AE", "AS", "CS", "DA", "DT", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT", "DS", "IS")
NUMBERS = {"FD": "d", "FL": "f", "SL": "i", "SS": "h", "SV": "q", "UL": "I", "US": "H", "UV": "Q", "AT": "HH"}
CHARSETS = ("", "ISO_IR 100", "ISO_IR 192", "ISO_IR 13", "GBK", "\\ISO 2022 IR 87", "\\ISO 2022 IR 149")


def through_core(vr: str, raw: bytes, declared: str = "") -> object:
    """The value as a user gets it, out of a file with one element."""
    data = dataset(element(0x00080005, "CS", declared), element(TAG, vr, raw))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return dcmread(part10(data, file_meta()))[TAG].value


def same(found: object, expected: object) -> bool:
    if isinstance(expected, list):
        return isinstance(found, list) and len(found) == len(expected) and all(map(same, found, expected))
    if isinstance(expected, float) and math.isnan(expected):
        return isinstance(found, float) and math.isnan(found)
    return type(found) is type(expected) and found == expected


def check(vr: str, raw: bytes, declared: str = "") -> None:
    raw += b"\0" * (len(raw) % 2 and vr == "UI") + b" " * (len(raw) % 2 and vr != "UI")
    found, expected = through_core(vr, raw, declared), decode(vr, raw, charset=Charset.of(declared))
    assert same(found, expected), (vr, raw, declared, found, expected)


pieces = st.lists(st.sampled_from(["A", "b7", " ", "  ", "\\", "^", "=", "\0", "~", "1.2", "\t", "\r\n", "é", "\x7f", "\x1b"]), max_size=8)


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(TEXTS), pieces, st.sampled_from(CHARSETS))
def test_text(vr, parts, declared):
    check(vr, "".join(parts).encode("latin_1"), declared)


digits = st.lists(
    st.sampled_from(["0", "1", "9", "12345", "9007199254740993", ".", "-", "+", "e", "E5", "e-22", "e400", " ", "\\", "\0", "_"]),
    max_size=7,
)


@settings(max_examples=1000, deadline=None)
@given(st.sampled_from(["DS", "IS"]), digits)
def test_number_texts(vr, parts):
    check(vr, "".join(parts).encode())


@settings(max_examples=500, deadline=None)
@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=4),
    st.sampled_from(["{!r}", "{:.10g}", "{:.17e}", "{:f}"]),
)
def test_decimal_strings_round_once(numbers, form):
    texts = [form.format(number) for number in numbers]
    raw = "\\".join(texts).encode()
    check("DS", raw)
    assert decode("DS", raw) == ([float(text) for text in texts] if len(texts) > 1 else float(texts[0]))


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(sorted(NUMBERS)), st.binary(max_size=40))
def test_binary_numbers(vr, raw):
    size = struct.calcsize("=" + NUMBERS[vr])
    for data in (raw, raw[: len(raw) // size * size]):
        if len(data) % 2 == 0:
            assert same(through_core(vr, data), decode(vr, data))


@pytest.mark.parametrize("vr", TEXTS)
@pytest.mark.parametrize("raw", (b"", b"  ", b"\0\0", b"a\0", b"\\ ", b" a\\ b ", b"a \\b ", b"~\\", b"1\0\\2 ", b"\xe9 "))
def test_awkward_text(vr, raw):
    for declared in CHARSETS:
        check(vr, raw, declared)
