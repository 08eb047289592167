"""Values: the bytes of an element and its VR to Python objects (PS3.5 6.2).

:func:`decode` is complete and exact: every VR but SQ, every repair. The compiled core reads plain, well-formed values
by itself and comes here for everything else.
"""

from __future__ import annotations

import struct

from fastdicom.charset import DEFAULT, Charset
from fastdicom.tag import Tag
from fastdicom.uid import UID

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date, datetime, time
    from typing import Final, Self, TypeAlias

    Warn: TypeAlias = Callable[[str], None]

__all__ = ["PersonName", "as_date", "as_datetime", "as_time", "decode", "vm"]

# PS3.5 table 6.2-1: which VRs Specific Character Set (0008,0005) touches, and which can hold one value only.
_CHARSET_VRS: Final = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
_ONE_TEXT_VRS: Final = frozenset({"LT", "ST", "UT"})
_TEXT_VRS: Final = frozenset({"AE", "AS", "CS", "DA", "DT", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"})
_NUMBER_FORMATS: Final = {"FD": "d", "FL": "f", "SL": "i", "SS": "h", "SV": "q", "UL": "I", "US": "H", "UV": "Q"}
_BLANKS: Final = " \0\t\n\r\f\v"

# An IS has 32 bits; texts like "1e999999999" must not become integers of a billion digits.
_IS_WIDEST: Final = 1 << 63


class PersonName(str):
    """A person's name: up to three component groups of up to five components (PS3.5 6.2.1.1).

    A ``str`` in every respect: it compares, hashes and pickles as the text, whose empty groups at the end are left out.
    """

    __slots__ = ()

    def __new__(cls, text: str = "") -> Self:
        """Make a name out of its text."""
        return super().__new__(cls, text.rstrip("="))

    @classmethod
    def from_named_components(
        cls,
        family_name: str = "",
        given_name: str = "",
        middle_name: str = "",
        name_prefix: str = "",
        name_suffix: str = "",
        *,
        ideographic: str = "",
        phonetic: str = "",
    ) -> Self:
        """Make a name out of the components of its alphabetic group and the two other groups as text.

        Raises
        ------
        ValueError
            A component holds ``^``, ``=`` or a backslash, which delimit.
        """
        components = (family_name, given_name, middle_name, name_prefix, name_suffix)
        for component in components:
            if any(delimiter in component for delimiter in "^=\\"):
                raise ValueError(f"the component {component!r} of a person name holds a delimiter: ^, = or \\")
        for group in (ideographic, phonetic):
            if any(delimiter in group for delimiter in "=\\"):
                raise ValueError(f"the component group {group!r} of a person name holds a delimiter: = or \\")
        return cls("=".join(("^".join(components).rstrip("^"), ideographic, phonetic)))

    @property
    def components(self) -> tuple[str, ...]:
        """The component groups: alphabetic, ideographic, phonetic, as many as there are."""
        return tuple(self.split("=")) if self else ()

    def _group(self, number: int) -> str:
        groups = self.split("=", number + 1)
        return groups[number] if number < len(groups) else ""

    def _component(self, number: int) -> str:
        components = self._group(0).split("^", number + 1)
        return components[number] if number < len(components) else ""

    @property
    def alphabetic(self) -> str:
        """The first component group, in characters of the alphabet."""
        return self._group(0)

    @property
    def ideographic(self) -> str:
        """The second component group: kanji, hanja, hanzi."""
        return self._group(1)

    @property
    def phonetic(self) -> str:
        """The third component group: kana, hangul."""
        return self._group(2)

    @property
    def family_name(self) -> str:
        """The first component of the alphabetic group."""
        return self._component(0)

    @property
    def given_name(self) -> str:
        """The second component of the alphabetic group."""
        return self._component(1)

    @property
    def middle_name(self) -> str:
        """The third component of the alphabetic group."""
        return self._component(2)

    @property
    def name_prefix(self) -> str:
        """The fourth component of the alphabetic group."""
        return self._component(3)

    @property
    def name_suffix(self) -> str:
        """The fifth component of the alphabetic group."""
        return self._component(4)

    def family_comma_given(self) -> str:
        """Return the name as "Family, Given"."""
        return f"{self.family_name}, {self.given_name}"

    def formatted(self, template: str) -> str:
        """Return `template` with ``%(family_name)s`` and the names of the other properties filled in."""
        names = ("family_name", "given_name", "middle_name", "name_prefix", "name_suffix", "alphabetic", "ideographic", "phonetic")
        return template % {name: getattr(self, name) for name in names}


def decode(
    vr: str,
    data: bytes | bytearray | memoryview,
    *,
    big_endian: bool = False,
    charset: Charset = DEFAULT,
    warn: Warn | None = None,
) -> object:
    """Return the value of an element: what its bytes mean in its VR.

    Parameters
    ----------
    vr : str
        The value representation. SQ is not for this function; what is no VR of the standard reads like UN.
    data : bytes-like
        The value field as stored.
    big_endian : bool
        Are numbers stored with the high byte first?
    charset : Charset
        The character sets of the data set (PS3.3 C.12.1.1.2).
    warn : callable, optional
        Called with a message, without tag and offset, for each kind of thing that does not fit the VR.

    Returns
    -------
    object
        One value, or a list of several. Empty: ``""`` for text, else ``None``, also inside a list. Text is ``str``,
        PN :class:`PersonName`, UI :class:`UID`, DS ``float``, IS ``int``, AT :class:`Tag`, the binary numbers
        ``int`` or ``float``, and the rest a read-only ``memoryview`` of `data` itself. A number in text that
        does not fit its VR is the text; of binary numbers with a wrong length, the whole ones are there.
    """
    number_format = _NUMBER_FORMATS.get(vr)
    if number_format is not None or vr == "AT":
        return _decode_numbers(number_format or "HH", data, big_endian, warn)
    if vr in _CHARSET_VRS:
        return _decode_text(vr, data, charset, warn)
    if vr in ("DS", "IS"):
        return _decode_number_texts(vr, _default_text(data, warn), warn)
    if vr in _TEXT_VRS:
        return _decode_code_text(vr, _default_text(data, warn))
    view = memoryview(data)
    return view.toreadonly() if view.nbytes else None


def _one_or_list(values: list[object]) -> object:
    return values[0] if len(values) == 1 else values


def _default_text(data: bytes | bytearray | memoryview, warn: Warn | None) -> str:
    """Decode text of a VR that has the default character repertoire, whatever Specific Character Set (0008,0005) says."""
    text = bytes(data).decode("latin_1")
    if warn is not None and not text.isascii():
        warn("bytes above 0x7F, which this VR cannot hold, read as ISO_IR 100")
    return text


def _decode_numbers(code: str, data: bytes | bytearray | memoryview, big_endian: bool, warn: Warn | None) -> object:
    """Decode binary numbers, or tags when `code` is two of them."""
    size = struct.calcsize("=" + code)
    view = memoryview(data).cast("B")
    whole = len(view) - len(view) % size
    if whole != len(view) and warn is not None:
        warn(f"value length {len(view)} is not a multiple of {size}")
    if not whole:
        return None
    numbers = struct.unpack(f"{'>' if big_endian else '<'}{whole // size * len(code)}{code[0]}", view[:whole])
    if code == "HH":
        return _one_or_list([Tag(group << 16 | element) for group, element in zip(numbers[::2], numbers[1::2], strict=True)])
    return _one_or_list(list(numbers))


def _decode_text(vr: str, data: bytes | bytearray | memoryview, charset: Charset, warn: Warn | None) -> object:
    """Decode the VRs that Specific Character Set (0008,0005) touches. Padding goes after decoding: 0x20 can be half of a character."""
    if vr in _ONE_TEXT_VRS:
        return charset.decode(data, b"", warn).rstrip(" \0")
    if vr == "PN":
        text = charset.decode(data, b"\\^=", warn).rstrip(" \0")
        return _one_or_list([PersonName(name) for name in text.split("\\")])
    return _one_or_list([item.rstrip(" \0") for item in charset.decode(data, b"\\", warn).split("\\")])


def _decode_code_text(vr: str, text: str) -> object:
    """Decode the text VRs of the default character repertoire, as pydicom 3 strips them, and NULs everywhere."""
    if vr == "AE":
        return _one_or_list([item.strip(_BLANKS) for item in text.split("\\")])
    if vr == "UR":  # one value; the backslash is no character of a URI, but none is lost here
        return text.rstrip(_BLANKS)
    items = text.rstrip(" \0").split("\\")
    if vr == "UI":
        # PS3.5 6.4 allows padding after the last UID only, but writers pad each.
        return _one_or_list([UID(item.strip(" \0")) for item in items])
    return _one_or_list(list(items))


def _decode_number_texts(vr: str, text: str, warn: Warn | None) -> object:
    """Decode DS or IS: numbers, None where one is empty, and the text where it is no number."""
    convert: Callable[[str], int | float | None] = _ds if vr == "DS" else _is
    values: list[object] = []
    bad: list[str] = []
    for item in text.rstrip(" \0").split("\\"):
        stripped = item.strip(_BLANKS)
        value: object = None
        if stripped:
            value = convert(stripped)
            if value is None:
                value = item.rstrip(" \0")
                bad.append(stripped)
            elif value != value or value in (_INFINITY, -_INFINITY):
                bad.append(stripped)
        values.append(value)
    if bad and warn is not None:
        others = f" and {len(bad) - 1} more" if len(bad) > 1 else ""
        warn(f"{_shortened(bad[0])}{others} is no {'decimal' if vr == 'DS' else 'integer'} number")
    return _one_or_list(values)


_INFINITY: Final = float("inf")


def _shortened(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")


def _ds(text: str) -> float | None:
    """Return the number of a DS, or None. "nan" and "inf", which no DS may be, are numbers to programs that write them."""
    if "_" in text:  # digits grouped as in Python source are no number here
        return None
    try:
        return float(text)
    except ValueError:
        return None


def _is(text: str) -> int | None:
    """Return the number of an IS, or None; "4.000" and "4e3" are whole numbers too."""
    if "_" in text:
        return None
    try:
        return int(text)
    except ValueError:
        pass
    try:
        near = float(text)
    except ValueError:
        return None
    if not -_IS_WIDEST < near < _IS_WIDEST:
        return None
    # Digit by digit, because the float would round "9007199254740993.0".
    number, _, exponent = text.lower().partition("e")
    whole, _, fraction = number.lstrip("+-").partition(".")
    digits = (whole + fraction).strip("0")
    if not digits:
        return 0
    if len(exponent) > 18:  # near is 0 then: a tiny fraction
        return None
    zeros = int(exponent or 0) - len(fraction) + len(whole + fraction) - len((whole + fraction).rstrip("0"))
    if zeros < 0:
        return None
    exact: int = int(digits) * 10**zeros
    return -exact if number[0] == "-" else exact


def vm(vr: str, value: object) -> int:
    """Return the value multiplicity of a decoded value (PS3.5 6.4): 0 when it is empty; a sequence has one."""
    if vr == "SQ":
        return 1
    if value is None:
        return 0
    if isinstance(value, str):
        return 1 if value else 0
    if isinstance(value, memoryview):
        return 1 if value.nbytes else 0
    if isinstance(value, (bytes, bytearray)):
        return 1 if value else 0
    return len(value) if isinstance(value, (list, tuple)) else 1


def as_date(text: str) -> date:
    """Return the date of a DA value.

    Parameters
    ----------
    text : str
        ``YYYYMMDD`` (PS3.5 6.2), or ``YYYY.MM.DD`` as before DICOM. Spaces around it do not count.

    Raises
    ------
    ValueError
        It is empty, a range, or no date.
    """
    from datetime import date

    digits = text.strip(" \0")
    if len(digits) == 10 and digits[4] == "." and digits[7] == ".":
        digits = digits.replace(".", "")
    if len(digits) != 8 or not _all_digits(digits):
        raise ValueError(f"{_shortened(text)} is no date of the form YYYYMMDD")
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError as error:
        raise ValueError(f"{_shortened(text)} is no date: {error}") from None


def as_time(text: str) -> time:
    """Return the time of a TM value.

    Parameters
    ----------
    text : str
        ``HH``, ``HHMM``, ``HHMMSS`` or ``HHMMSS.FFFFFF`` with one to six digits of a second (PS3.5 6.2), or the same with
        colons as before DICOM. What is left out is zero. Spaces around it do not count.

    Returns
    -------
    time
        A leap second, ``SS`` = 60, which Python does not have, becomes second 59.

    Raises
    ------
    ValueError
        It is empty, a range, or no time.
    """
    from datetime import time

    digits, dot, fraction = text.strip(" \0").partition(".")
    if len(digits) in (5, 8) and digits[2] == ":" and digits[-3] == ":":
        digits = digits.replace(":", "")
    if len(digits) not in (2, 4, 6) or not _all_digits(digits) or (dot and len(digits) != 6):
        raise ValueError(f"{_shortened(text)} is no time of the form HHMMSS.FFFFFF")
    try:
        return time(*_clock(digits, dot, fraction))
    except ValueError as error:
        raise ValueError(f"{_shortened(text)} is no time: {error}") from None


def as_datetime(text: str) -> datetime:
    """Return the date and time of a DT value.

    Parameters
    ----------
    text : str
        ``YYYYMMDDHHMMSS.FFFFFF&ZZXX`` (PS3.5 6.2); everything after the year can be left out, from the right, and the offset
        from UTC can follow at any length. A month or day that is left out is the first, an hour, minute or second zero.

    Returns
    -------
    datetime
        With a time zone when the value has an offset. A leap second becomes second 59.

    Raises
    ------
    ValueError
        It is empty, a range, or no date and time.
    """
    from datetime import datetime, timedelta, timezone

    stripped = text.strip(" \0")
    zone: timezone | None = None
    if len(stripped) > 5 and stripped[-5] in "+-":
        offset = stripped[-4:]
        if not _all_digits(offset) or int(offset[2:]) > 59 or int(offset[:2]) > 14:
            raise ValueError(f"{_shortened(text)} is no date and time: the offset from UTC is no time")
        minutes = int(offset[:2]) * 60 + int(offset[2:])
        zone = timezone(timedelta(minutes=-minutes if stripped[-5] == "-" else minutes))
        stripped = stripped[:-5]
    digits, dot, fraction = stripped.partition(".")
    if len(digits) not in (4, 6, 8, 10, 12, 14) or not _all_digits(digits) or (dot and len(digits) != 14):
        raise ValueError(f"{_shortened(text)} is no date and time of the form YYYYMMDDHHMMSS.FFFFFF&ZZXX")
    try:
        clock = _clock(digits[8:], dot, fraction)
        return datetime(int(digits[:4]), int(digits[4:6] or 1), int(digits[6:8] or 1), *clock, tzinfo=zone)
    except ValueError as error:
        raise ValueError(f"{_shortened(text)} is no date and time: {error}") from None


def _all_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _clock(digits: str, dot: str, fraction: str) -> tuple[int, int, int, int]:
    """Return hour, minute, second and microsecond of HHMMSS and its fraction."""
    if dot and not (1 <= len(fraction) <= 6 and _all_digits(fraction)):
        raise ValueError("the fraction of a second has one to six digits")
    second = int(digits[4:6] or 0)
    return int(digits[:2] or 0), int(digits[2:4] or 0), 59 if second == 60 else second, int(fraction.ljust(6, "0"))
