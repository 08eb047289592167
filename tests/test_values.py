"""Values: bytes and VR to Python, for each VR well-formed, padded, empty, several, and wrong; and against pydicom."""

from __future__ import annotations

import copy
import math
import pickle
import struct
import warnings
from datetime import UTC, date, datetime, time, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastdicom.charset import Charset
from fastdicom.tag import Tag
from fastdicom.uid import UID
from fastdicom.values import PersonName, as_date, as_datetime, as_time, decode, vm

TEXT_VRS = ("AE", "AS", "CS", "DA", "DT", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT")
BYTES_VRS = ("OB", "OD", "OF", "OL", "OV", "OW", "UN")
NUMBERS = {"FD": "d", "FL": "f", "SL": "i", "SS": "h", "SV": "q", "UL": "I", "US": "H", "UV": "Q"}
ALL_VRS = (*TEXT_VRS, *BYTES_VRS, *NUMBERS, "DS", "IS", "AT")  # all 34 but SQ


def read(vr: str, data: bytes, **options: object) -> tuple[object, list[str]]:
    messages: list[str] = []
    return decode(vr, data, warn=messages.append, **options), messages  # type: ignore[arg-type]


# VR, bytes, value; all without a warning.
VALUES = [
    ("AE", b" STORE SCP  ", "STORE SCP"),
    ("AE", b" A \\ B ", ["A", "B"]),
    ("AS", b"042Y", "042Y"),
    ("CS", b"ORIGINAL\\PRIMARY ", ["ORIGINAL", "PRIMARY"]),
    ("CS", b"A \\ B\0 ", ["A ", " B"]),
    ("DA", b"20240229", "20240229"),
    ("DA", b"20240101-20240131 ", "20240101-20240131"),
    ("DT", b"20240229120000.5+0100 ", "20240229120000.5+0100"),
    ("TM", b"120000.123 ", "120000.123"),
    ("LO", b" A\0\\B \\\\C ", [" A", "B", "", "C"]),
    ("LO", b"A\\", ["A", ""]),
    ("SH", b"shrt", "shrt"),
    ("UC", b"a\\b", ["a", "b"]),
    ("LT", b" a\\b \r\n ", " a\\b \r\n"),
    ("ST", b"a\\b\0", "a\\b"),
    ("UT", b"\\\\server\\share ", "\\\\server\\share"),
    ("UR", b"http://example.org/a%5Cb ", "http://example.org/a%5Cb"),
    ("UI", b"1.2.840.10008.1.2\0", UID("1.2.840.10008.1.2")),
    ("UI", b"1.2\0\\1.3 \\1.4\0\0", [UID("1.2"), UID("1.3"), UID("1.4")]),
    ("PN", b"Doe^John ", PersonName("Doe^John")),
    ("PN", b"Doe^John\\Roe^Jane==", [PersonName("Doe^John"), PersonName("Roe^Jane")]),
    ("DS", b" 1.5 ", 1.5),
    ("DS", b"-1.5e-3\\+2\\.5\\5.", [-0.0015, 2.0, 0.5, 5.0]),
    ("DS", b"1\\\\3", [1.0, None, 3.0]),
    ("DS", b"1 \0", 1.0),
    ("IS", b"42", 42),
    ("IS", b" -7 \\+8\\0", [-7, 8, 0]),
    ("IS", b"4.000", 4),
    ("IS", b"1e3 ", 1000),
    ("IS", b"0.0", 0),
    ("IS", b"-1200e-2", -12),
    ("IS", b"+.5E1", 5),
    ("IS", b"000." + b"0" * 5000, 0),
    ("IS", b"0" * 5000 + b"70." + b"0" * 5000, 70),
    ("IS", b"9007199254740993.0", 9007199254740993),  # a float would round it
    ("IS", b"99999999999", 99999999999),  # more than 32 bits, but a number
    ("IS", b"1\\\\3", [1, None, 3]),
    ("AT", b"\x10\x00\x20\x00", Tag(0x00100020)),
    ("AT", b"\x10\x00\x20\x00\xe0\x7f\x10\x00", [Tag(0x00100020), Tag(0x7FE00010)]),
    ("US", b"\x00\x02", 512),
    ("US", b"\x01\x00\xff\xff", [1, 65535]),
    ("SS", b"\xff\xff", -1),
    ("UL", b"\xff\xff\xff\xff", 0xFFFFFFFF),
    ("SL", b"\xfe\xff\xff\xff", -2),
    ("UV", b"\xff" * 8, 2**64 - 1),
    ("SV", b"\xff" * 8, -1),
    ("FL", struct.pack("<f", 1.5), 1.5),
    ("FD", struct.pack("<2d", 1.5, -2.25), [1.5, -2.25]),
]


@pytest.mark.parametrize(("vr", "data", "value"), VALUES)
def test_value(vr, data, value):
    found, messages = read(vr, data)
    assert found == value
    assert type(found) is type(value)
    if isinstance(value, list):
        assert [type(item) for item in found] == [type(item) for item in value]
    assert messages == []
    assert decode(vr, bytearray(data)) == decode(vr, memoryview(data)) == value


@pytest.mark.parametrize("vr", ALL_VRS)
def test_empty(vr):
    value, messages = read(vr, b"")
    assert value == ("" if vr in TEXT_VRS else None)
    assert messages == []
    assert vm(vr, value) == 0


@pytest.mark.parametrize("vr", (*TEXT_VRS, "DS", "IS"))
def test_nothing_but_padding_is_empty(vr):
    assert read(vr, b"    ") == ("" if vr in TEXT_VRS else None, [])


@pytest.mark.parametrize("vr", (*BYTES_VRS, "??", "", "ZZ"))
def test_bytes_are_a_view_without_copy(vr):
    data = bytearray(b"\x01\x02\x03")
    value = decode(vr, memoryview(data))
    assert isinstance(value, memoryview)
    assert value.readonly
    assert value == b"\x01\x02\x03"
    data[0] = 9
    assert value[0] == 9


@pytest.mark.parametrize("vr", NUMBERS)
def test_big_endian_numbers(vr):
    data = struct.pack(">2" + NUMBERS[vr], 1, 2)
    assert decode(vr, data, big_endian=True) == [1, 2]


def test_big_endian_tag():
    assert decode("AT", b"\x00\x10\x00\x20", big_endian=True) == Tag(0x00100020)


@pytest.mark.parametrize("vr", (*NUMBERS, "AT"))
def test_length_that_is_no_multiple(vr):
    size = 4 if vr == "AT" else struct.calcsize("=" + NUMBERS[vr])
    value, messages = read(vr, bytes(2 * size + 1))
    assert value == [0, 0]
    assert messages == [f"value length {2 * size + 1} is not a multiple of {size}"]
    assert read(vr, b"\x01") == (None, [f"value length 1 is not a multiple of {size}"])
    assert decode(vr, bytes(size + 1)) == 0


# What is no number stays text, with one message; in a list only the bad item is text.
BAD_NUMBERS = [
    ("IS", b"1.5 ", "1.5"),
    ("IS", b"abc", "abc"),
    ("IS", b"1\\ x \\3", [1, " x", 3]),
    ("IS", b"1_000", "1_000"),
    ("IS", b"5-", "5-"),
    ("IS", b"1e-400", "1e-400"),
    ("IS", b"1e999999999", "1e999999999"),
    ("IS", b"1e300", "1e300"),
    ("IS", b"nan", "nan"),
    ("IS", b"inf", "inf"),
    ("IS", b"4.0000000000000000000000001", "4.0000000000000000000000001"),
    ("IS", b"9" * 5000, "9" * 5000),
    ("DS", b"1,5 ", "1,5"),
    ("DS", b"1.0\\x\\y", [1.0, "x", "y"]),
    ("DS", b"1_0", "1_0"),
    ("DS", b"0x10", "0x10"),
    ("DS", b"1.5.2\0", "1.5.2"),
]


@pytest.mark.parametrize(("vr", "data", "value"), BAD_NUMBERS)
def test_text_that_is_no_number(vr, data, value):
    found, messages = read(vr, data)
    assert found == value
    assert len(messages) == 1
    assert len(messages[0]) < 120
    assert decode(vr, data) == value


def test_zero_with_a_monstrous_exponent():
    assert read("IS", b"0e999999999") == (0, [])
    assert read("IS", b"-0.0e-99999999999999999999999") == (0, [])
    assert read("IS", b"1e-99999999999999999999999") == (
        "1e-99999999999999999999999",
        ["'1e-99999999999999999999999' is no integer number"],
    )


@pytest.mark.parametrize(("text", "value"), ((b"inf ", math.inf), (b"-Infinity", -math.inf), (b"1e999", math.inf)))
def test_decimal_string_that_is_not_finite(text, value):
    found, messages = read("DS", text)
    assert found == value
    assert len(messages) == 1


def test_decimal_string_nan():
    value, messages = read("DS", b"NaN\\1")
    assert isinstance(value, list)
    assert math.isnan(value[0])
    assert value[1] == 1.0
    assert len(messages) == 1


def test_charset_holds_for_text_only():
    utf8 = Charset.of("ISO_IR 192")
    data = "é".encode()
    for vr in ("LO", "LT", "PN", "SH", "ST", "UC", "UT"):
        assert read(vr, data, charset=utf8) == ("é", [])
    for vr in ("AE", "AS", "CS", "DA", "DT", "TM", "UI", "UR"):
        value, messages = read(vr, data, charset=utf8)
        assert value == "Ã©"
        assert len(messages) == 1


def test_high_bytes_without_charset_are_latin_1_with_a_message():
    value, messages = read("LO", b"M\xfcller\\\xe9")
    assert value == ["Müller", "é"]
    assert len(messages) == 1


def test_values_split_after_decoding():
    assert read("LO", b"\x81\\\\a", charset=Charset.of("GBK")) == (["乗", "a"], [])
    japanese = Charset.of(["", "ISO 2022 IR 87"])
    assert read("LO", b"\x1b$B\\\\\x1b(B\\a ", charset=japanese) == (["樛", "a"], [])
    assert read("LT", b"\\~", charset=Charset.of("ISO_IR 13")) == ("¥‾", [])
    assert read("LO", b"a\\b", charset=Charset.of("ISO_IR 13")) == (["a", "b"], [])


# PS3.5 6.2.1.1 and annexes H to J
NAMES = [
    ("Adams^John Robert Quincy^^Rev.^B.A. M.Div.", ("Adams", "John Robert Quincy", "", "Rev.", "B.A. M.Div.")),
    ("Morrison-Jones^Susan^^^Ph.D., Chief Executive Officer", ("Morrison-Jones", "Susan", "", "", "Ph.D., Chief Executive Officer")),
    ("Doe^John", ("Doe", "John", "", "", "")),
    ("ABC Farms^Running on Water", ("ABC Farms", "Running on Water", "", "", "")),
    ("", ("", "", "", "", "")),
    ("A^B^C^D^E^F", ("A", "B", "C", "D", "E")),
]


@pytest.mark.parametrize(("text", "components"), NAMES)
def test_components_of_a_name(text, components):
    name = PersonName(text)
    assert (name.family_name, name.given_name, name.middle_name, name.name_prefix, name.name_suffix) == components
    assert name == text
    assert name.alphabetic == text
    assert name.ideographic == name.phonetic == ""


def test_component_groups_of_a_name():
    data = b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf "
    name, messages = read("PN", data, charset=Charset.of("\\ISO 2022 IR 149"))
    assert isinstance(name, PersonName)
    assert name.components == ("Hong^Gildong", "洪^吉洞", "홍^길동")
    assert (name.alphabetic, name.ideographic, name.phonetic) == name.components
    assert name.family_name == "Hong"
    assert messages == []


def test_name_without_alphabetic_group():
    name = PersonName("=山田^太郎=")
    assert name == "=山田^太郎"
    assert name.alphabetic == name.family_name == name.phonetic == ""
    assert name.ideographic == "山田^太郎"
    assert PersonName("===").components == ()


def test_name_is_a_str():
    name = PersonName("Doe^John=")
    assert isinstance(name, str)
    assert name == "Doe^John"
    assert hash(name) == hash("Doe^John")
    assert {name: 1}["Doe^John"] == 1
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(name, protocol))
        assert (again, type(again)) == (name, PersonName)
    assert type(copy.deepcopy(name)) is PersonName
    assert name.family_comma_given() == "Doe, John"
    assert name.formatted("%(given_name)s %(family_name)s") == "John Doe"
    assert not PersonName()


def test_name_from_components():
    assert PersonName.from_named_components("Doe", "John") == "Doe^John"
    assert PersonName.from_named_components("Yamada", "Tarou", ideographic="山田^太郎", phonetic="やまだ^たろう") == (
        "Yamada^Tarou=山田^太郎=やまだ^たろう"
    )
    with pytest.raises(ValueError, match="delimiter"):
        PersonName.from_named_components("Do^e")
    with pytest.raises(ValueError, match="delimiter"):
        PersonName.from_named_components("Doe", ideographic="a=b")


def test_vm():
    assert vm("SQ", []) == 1
    assert vm("LO", "a") == vm("US", 0) == vm("OB", memoryview(b"\0")) == vm("OB", b"\0") == 1
    assert vm("LO", ["a", "b"]) == vm("DS", [1.0, None]) == 2
    assert vm("LO", "") == vm("US", None) == vm("OB", memoryview(b"")) == 0


def test_date():
    assert as_date("20240229") == as_date("2024.02.29") == as_date(" 20240229 ") == date(2024, 2, 29)
    for wrong in ("", "2024", "20230229", "20241301", "20240101-20240131", "2024-02-29", "2024０101", "00000101"):
        with pytest.raises(ValueError, match="is no date"):
            as_date(wrong)


def test_time():
    assert as_time("12") == time(12)
    assert as_time("1234") == as_time("12:34") == time(12, 34)
    assert as_time("123456") == as_time("12:34:56") == time(12, 34, 56)
    assert as_time("123456.7 ") == as_time("12:34:56.7") == time(12, 34, 56, 700000)
    assert as_time("123456.000001") == time(12, 34, 56, 1)
    assert as_time("235960") == time(23, 59, 59)
    for wrong in ("", "1", "123", "2400", "1260", "120061", "123456.", "123456.1234567", "1234.5", "12:3456", "1000-1800", "12345a", "1²"):
        with pytest.raises(ValueError, match="is no time"):
            as_time(wrong)


def test_datetime():
    assert as_datetime("2024") == datetime(2024, 1, 1)
    assert as_datetime("202402") == datetime(2024, 2, 1)
    assert as_datetime("2024022912") == datetime(2024, 2, 29, 12)
    assert as_datetime("20240229123456.5 ") == datetime(2024, 2, 29, 12, 34, 56, 500000)
    assert as_datetime("20240229123456.000001-0730").utcoffset() == timedelta(hours=-7, minutes=-30)
    assert as_datetime("2024+0200") == datetime(2024, 1, 1, tzinfo=timezone(timedelta(hours=2)))
    assert as_datetime("20161231235960+0000") == datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)
    for wrong in ("", "20", "20240230", "2024022924", "2024+9900", "2024+0260", "2024-2025", "202402291234.5", "20240229123456.", "x024"):
        with pytest.raises(ValueError, match="is no date and time"):
            as_datetime(wrong)


@given(st.sampled_from(ALL_VRS), st.binary(max_size=40), st.booleans())
def test_any_bytes_have_a_value(vr, data, big_endian):
    value = decode(vr, data, big_endian=big_endian, warn=lambda _: None)
    count = vm(vr, value)
    assert count == len(value) if isinstance(value, list) else count in (0, 1)


# --- against pydicom -------------------------------------------------------------------------------------------------


def pydicom_value(vr: str, data: bytes, declared: object = None, little: bool = True) -> object:
    """What pydicom makes of the bytes, in our types."""
    from pydicom import valuerep
    from pydicom.charset import convert_encodings
    from pydicom.dataelem import RawDataElement
    from pydicom.multival import MultiValue
    from pydicom.tag import BaseTag
    from pydicom.values import convert_value

    raw = RawDataElement(BaseTag(0x00091001), vr, len(data), data, 0, False, little)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value = convert_value(vr, raw, convert_encodings(declared))  # type: ignore[arg-type]

    def plain(item: object) -> object:
        if vr in ("DS", "IS") and isinstance(item, str) and not item.strip():
            return None  # a blank number is empty here, and no text
        if isinstance(item, valuerep.PersonName):
            return str(item)
        return int(item) if isinstance(item, BaseTag) else item

    return [plain(item) for item in value] if isinstance(value, (MultiValue, list)) else plain(value)


ascii_text = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=24)
padding = st.sampled_from(["", " ", "\0", "  "])


@settings(max_examples=400, deadline=None)
@given(st.sampled_from([vr for vr in TEXT_VRS if vr not in ("PN", "UI")]), ascii_text, padding)
def test_ascii_text_as_pydicom(vr, text, pad):
    pad = pad.replace("\0", "") if vr in ("AE", "UR") else pad  # see DIFFERENCES
    data = (text + pad).encode()
    assert decode(vr, data) == pydicom_value(vr, data)


@settings(max_examples=200, deadline=None)
@given(st.text("AB^=\\ ", max_size=16), padding)
def test_names_as_pydicom(text, pad):
    data = (text + pad).encode()
    assert decode("PN", data) == pydicom_value("PN", data)


@settings(max_examples=200, deadline=None)
@given(st.text("0123456789.\\ ", max_size=24), padding)
def test_uids_as_pydicom(text, pad):
    data = (text + pad).encode()
    assert decode("UI", data) == pydicom_value("UI", data)


numbers = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers(-(2**31), 2**31 - 1).map(str),
    st.integers(-999, 999).map("{}.000".format),
    st.just(""),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(numbers, min_size=1, max_size=4), st.sampled_from(["", " ", "  "]), st.sampled_from(["", " "]))
def test_decimal_strings_as_pydicom(texts, before, after):
    data = "\\".join(before + text + after for text in texts).encode()
    assert decode("DS", data) == pydicom_value("DS", data)


integers = st.one_of(st.integers(-(10**15), 10**15).map(str), st.integers(-999, 999).map("{}.0".format), st.just(""))


@settings(max_examples=400, deadline=None)
@given(st.lists(integers, min_size=1, max_size=4), st.sampled_from(["", " "]), st.sampled_from(["", " "]))
def test_integer_strings_as_pydicom(texts, before, after):
    data = "\\".join(before + text + after for text in texts).encode()
    found, expected = decode("IS", data), pydicom_value("IS", data)
    assert found == expected


@settings(max_examples=400, deadline=None)
@given(st.sampled_from([*NUMBERS, "AT"]), st.binary(max_size=32), st.booleans())
def test_binary_numbers_as_pydicom(vr, data, little):
    size = 4 if vr == "AT" else struct.calcsize("=" + NUMBERS[vr])
    data = data[: len(data) // size * size]
    ours, theirs = decode(vr, data, big_endian=not little), pydicom_value(vr, data, little=little)
    assert repr(ours) == repr(theirs) if vr in ("FL", "FD") else ours == theirs


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(["ISO_IR 100", "ISO_IR 144", "ISO_IR 126", "ISO_IR 166", "ISO_IR 192", "GB18030", "GBK"]),
    st.sampled_from(["LO", "LT", "PN", "SH", "ST", "UC", "UT"]),
    st.text(max_size=20),
)
def test_text_of_character_sets_as_pydicom(declared, vr, text):
    charset = Charset.of(declared)
    data = text.encode(charset.codecs[0], "ignore").replace(b"\x1b", b"")
    assert decode(vr, data, charset=charset) == pydicom_value(vr, data, declared)


# Where pydicom 3.0 gives another value: VR, bytes, ours, pydicom's, and why.
DIFFERENCES = {
    "blank number": ("DS", b"  ", None, "", "empty is None where the value is a number"),
    "empty number among others": ("IS", b"1\\\\2", [1, None, 2], [1, "", 2], "empty is None where the value is a number"),
    "integer with a fraction": ("IS", b"1.5", "1.5", 1.5, "an IS is no float: the text, with a warning"),
    "one bad item": ("DS", b"1\\x", [1.0, "x"], ["1", "x"], "only the bad item is text"),
    "padding inside of numbers": ("DS", b"1 \0\\2", [1.0, 2.0], ["1", "2"], "padding is not the number's fault"),
    "digits grouped as in Python": ("DS", b"1_0", "1_0", 10.0, "no number by PS3.5 6.2; it is one to Python's float() only"),
    "long integer with a point": ("IS", b"9007199254740993.0", 9007199254740993, 9007199254740992, "pydicom goes through a float"),
    "padding between UIDs": ("UI", b"1.2\0\\1.3", ["1.2", "1.3"], ["1.2\0", "1.3"], "the NUL is padding"),
    "AE title padded with NUL": ("AE", b"SCP\0", "SCP", "SCP\0", "the NUL is padding"),
    "URI padded with NUL": ("UR", b"http://a.b\0", "http://a.b", "http://a.b\0", "the NUL is padding"),
    "a tag and a byte": ("AT", b"\x10\0\x20\0\0", 0x00100020, [0x00100020], "one value is no list"),
}


@pytest.mark.parametrize("name", DIFFERENCES)
def test_named_difference_from_pydicom(name):
    import pydicom
    from pydicom.multival import MultiValue
    from pydicom.values import convert_value

    vr, data, ours, theirs, _ = DIFFERENCES[name]
    assert decode(vr, data) == ours
    if pydicom.__version__.startswith("3.0."):
        from pydicom.dataelem import RawDataElement
        from pydicom.tag import BaseTag

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = convert_value(vr, RawDataElement(BaseTag(0x00091001), vr, len(data), data, 0, False, True))
        value = list(value) if isinstance(value, MultiValue) else value
        assert value == theirs


@pytest.mark.parametrize("vr", NUMBERS)
def test_wrong_length_raises_in_pydicom_only(vr):
    from pydicom.errors import BytesLengthException

    with pytest.raises(BytesLengthException):
        pydicom_value(vr, b"\0\0\0")
    assert vm(vr, decode(vr, b"\0\0\0")) in (0, 1)
