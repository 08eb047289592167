"""Tags: the numbers that name data elements (PS3.5 7.1.1)."""

from __future__ import annotations

import operator

from fastdicom.dictionary import _tables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self, SupportsIndex, TypeAlias

    TagLike: TypeAlias = SupportsIndex | str | Sequence[SupportsIndex | str]

__all__ = ["Tag", "to_tag"]

_HEX = frozenset("0123456789abcdefABCDEF")


class Tag(int):
    """A tag: an ``int`` of 32 bits, the group in the upper half.

    Parameters
    ----------
    tag : int, str or pair
        The number; a keyword (``"PatientName"``); hexadecimal digits (``"00100010"``, ``"0010,0010"``, ``"(0010,0010)"``);
        or group and element as a pair.
    element : int, optional
        The element number when `tag` is the group.

    Raises
    ------
    ValueError
        No such keyword (the message suggests one), or a number that does not fit.
    TypeError
        Something that cannot be a tag.
    """

    __slots__ = ()

    def __new__(cls, tag: TagLike, element: SupportsIndex | str | None = None, /) -> Self:  # noqa: D102
        return super().__new__(cls, to_number(tag) if element is None else _pair((tag, element)))

    @property
    def group(self) -> int:
        """The group number, the upper 16 bits."""
        return self >> 16

    @property
    def element(self) -> int:
        """The element number, the lower 16 bits."""
        return self & 0xFFFF

    elem = element

    @property
    def keyword(self) -> str:
        """The keyword of PS3.6, or an empty string."""
        return _tables.keyword(self)

    @property
    def name(self) -> str:
        """The name of PS3.6, or an empty string."""
        found = _tables.find(self, True)
        return "" if found is None else found[4]

    @property
    def is_private(self) -> bool:
        """Whether the group is odd (PS3.5 7.8)."""
        return bool(self & 0x10000)

    @property
    def is_private_creator(self) -> bool:
        """Whether it reserves a block of private elements: (odd group, 0010-00FF), PS3.5 7.8.1."""
        return bool(self & 0x10000) and 0x10 <= self & 0xFFFF <= 0xFF

    @property
    def json_key(self) -> str:
        """Eight hexadecimal digits, as the DICOM JSON model writes it (PS3.18 F.2.2)."""
        return f"{int(self):08X}"

    def __eq__(self, other: object) -> bool:
        """Whether it is the same tag; `other` may be a number, a pair or text, as in ``elem.tag == (0x0010, 0x0010)``."""
        if isinstance(other, int):
            return int.__eq__(self, other)
        if not isinstance(other, (tuple, str)):
            return NotImplemented
        try:
            return int.__eq__(self, to_number(other))
        except (TypeError, ValueError):
            return False

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = int.__hash__

    def __repr__(self) -> str:
        return f"({self >> 16:04X},{self & 0xFFFF:04X})"

    __str__ = __repr__


def to_tag(tag: TagLike, /) -> Tag:
    """Return a :class:`Tag`; what is one already comes back as it is."""
    return tag if type(tag) is Tag else Tag(tag)


def to_number(tag: TagLike, /) -> int:
    """Return the number of whatever :class:`Tag` takes."""
    if isinstance(tag, str):
        return _from_text(tag)
    if isinstance(tag, (tuple, list)):
        return _pair(tag)
    number = _index(tag, "a tag is a number, a keyword or a pair (group, element)")
    if not 0 <= number <= 0xFFFFFFFF:
        raise ValueError(f"a tag has 32 bits, {number} has not")
    return number


def _index(value: object, expected: str) -> int:
    if isinstance(value, bool):
        raise TypeError(f"{expected}, not bool")
    try:
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"{expected}, not {type(value).__name__}") from None


def _from_text(text: str) -> int:
    number = _tables.tag_for(text)
    if number is not None:
        return number
    digits = text.strip()
    if digits[:1] == "(" and digits[-1:] == ")":
        digits = digits[1:-1]
    group, comma, element = (part.strip() for part in digits.partition(","))
    if comma and 0 < len(group) <= 4 and 0 < len(element) <= 4 and _HEX.issuperset(group + element):
        return int(group, 16) << 16 | int(element, 16)
    digits = digits[2:] if digits[:2] in ("0x", "0X") else digits
    if 0 < len(digits) <= 8 and _HEX.issuperset(digits):
        return int(digits, 16)
    raise ValueError(_unknown(text))


def _pair(pair: Sequence[object]) -> int:
    if len(pair) != 2:
        raise ValueError(f"a tag is a pair (group, element), not {len(pair)} values")
    numbers = []
    for part in pair:
        if isinstance(part, str):
            digits = part[2:] if part[:2] in ("0x", "0X") else part
            if not digits or not _HEX.issuperset(digits):
                raise ValueError(f"{part!r} is not hexadecimal")
            number = int(digits, 16)
        else:
            number = _index(part, "group and element are numbers")
        if not 0 <= number <= 0xFFFF:
            raise ValueError(f"group and element have 16 bits, {number} has not")
        numbers.append(number)
    return numbers[0] << 16 | numbers[1]


def _unknown(text: str) -> str:
    """Say which keyword may have been meant; the search takes milliseconds and is made for the message only."""
    import difflib

    if len(text) > 100:  # no keyword is that long, and the search is quadratic
        return f"{text[:100]!r}... is neither a keyword nor a tag"
    known = _tables.keywords()
    lower = {keyword.lower(): keyword for keyword in known}
    close = difflib.get_close_matches("".join(text.split()).lower(), lower, 1, 0.75)
    hint = f"; did you mean {lower[close[0]]!r}?" if close else ""
    return f"{text!r} is neither a keyword nor a tag{hint}"
