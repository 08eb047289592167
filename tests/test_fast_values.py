"""The compiled core against `values.decode` on bytes of any kind: every VR, odd lengths, both byte orders, in an item too."""

from __future__ import annotations

import math
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import builders as b
from fastdicom.charset import Charset
from fastdicom.reader import dcmread
from fastdicom.values import decode
from fastdicom.vr import VR

TAG = 0x00091010
ALL = sorted({str(vr) for vr in VR} - {"SQ"})
SYNTAXES = {False: b.EXPLICIT_LITTLE, True: b.EXPLICIT_BIG}
adversarial = st.lists(
    st.sampled_from(
        [
            b"\\",
            b" ",
            b"\0",
            b"1",
            b"-",
            b"+",
            b".",
            b"e",
            b"E",
            b"9" * 19,
            b"0" * 30,
            b"inf",
            b"nan",
            b"_",
            b"^",
            b"=",
            b"~",
            b"\xff",
            b"\x1b$B",
        ]
    ),
    max_size=9,
).map(b"".join)
values = st.one_of(adversarial, st.binary(max_size=64), st.text("0123456789.+-eE \\", max_size=40).map(str.encode))


def same(found: object, expected: object) -> bool:
    if isinstance(expected, list):
        return isinstance(found, list) and len(found) == len(expected) and all(map(same, found, expected))
    if isinstance(expected, float):
        return isinstance(found, float) and (found.hex() == expected.hex() or (math.isnan(found) and math.isnan(expected)))
    return type(found) is type(expected) and found == expected


@pytest.mark.parametrize("vr", ALL)
@settings(max_examples=120, deadline=None)
@given(raw=values, big=st.booleans(), nested=st.booleans())
def test_any_bytes(vr: str, raw: bytes, big: bool, nested: bool) -> None:
    encoding = b.BIG if big else b.EXPLICIT
    data = b.element(TAG, vr, raw, encoding, pad=False)
    if nested:
        data = b.sequence(0x00081140, b.item(data, encoding=encoding), encoding=encoding)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ds = dcmread(b.part10(data, SYNTAXES[big]))
        elem = (ds.ReferencedImageSequence[0] if nested else ds)[TAG]
        found, expected = elem.value, decode(vr, raw, big_endian=big, charset=Charset.of(None))
    assert vr == elem.VR
    assert elem.raw == raw
    assert same(found, expected), (vr, raw, found, expected)


@settings(max_examples=3000, deadline=None)
@given(st.integers(-(10**20), 10**20), st.integers(-330, 330), st.sampled_from(["{}e{}", "{}.0E{}", " {}E{:+} "]))
def test_ds_rounds_as_float_does(mantissa: int, exponent: int, form: str) -> None:
    """Clinger's fast path is exact or not taken."""
    text = form.format(mantissa, exponent)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = dcmread(b.part10(b.element(TAG, "DS", text)))[TAG].value
    assert isinstance(found, float)
    assert found.hex() == float(text).hex()
