"""Specific Character Set (0008,0005): bytes of text to str (PS3.3 C.12.1.1.2, PS3.5 6.1.2).

A :class:`Charset` holds what one value of Specific Character Set says. Text of the sets of ISO 2022 is read by a small
state machine: escape sequences designate a set as G0 (bytes 0x21 to 0x7E) or as G1 (bytes 0xA0 to 0xFF), and delimiters
bring back the sets of value 1. ``ISO_IR 192``, ``GB18030`` and ``GBK`` know no escape sequences and go to Python's codec.
"""

from __future__ import annotations

from functools import lru_cache

# re and typing would be a third of the time of `import fastdicom`: re is imported where text is not plain.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Final, TypeAlias

    Warn: TypeAlias = Callable[[str], None]

__all__ = ["DEFAULT", "Charset"]

# PS3.3 tables C.12-2, C.12-3 and C.12-4. Sets go by their number in the ISO register, as strings, because those outside
# it (UTF-8, GB18030, GBK) go by the name of their codec.
# Number -> codec with that set as G1 and ISO-IR 6 as G0, and the escape sequence that designates it.
_G1_SETS: Final = {
    "100": ("latin_1", b"\x1b-A"),
    "101": ("iso8859_2", b"\x1b-B"),
    "109": ("iso8859_3", b"\x1b-C"),
    "110": ("iso8859_4", b"\x1b-D"),
    "126": ("iso8859_7", b"\x1b-F"),
    "127": ("iso8859_6", b"\x1b-G"),
    "138": ("iso8859_8", b"\x1b-H"),
    "144": ("iso8859_5", b"\x1b-L"),
    "148": ("iso8859_9", b"\x1b-M"),
    "166": ("tis_620", b"\x1b-T"),
    "203": ("iso8859_15", b"\x1b-b"),
    "13": ("shift_jis", b"\x1b)I"),  # of which JIS X 0201 is the part with one byte a character
    "149": ("euc_kr", b"\x1b$)C"),
    "58": ("gb2312", b"\x1b$)A"),
}
# ISO-IR 14, JIS X 0201 Romaji, comes with ISO-IR 13 as its G0.
_G0_ESCAPES: Final = {"6": b"\x1b(B", "14": b"\x1b(J", "87": b"\x1b$B", "159": b"\x1b$(D"}
_DOUBLE_BYTE_G0: Final = frozenset({"87", "159"})
_MULTI_BYTE: Final = frozenset({"58", "87", "149", "159", "192", "GB18030", "GBK"})
# PS3.5 6.1.2.5.4 d: these cannot take part in code extension.
_STAND_ALONE: Final = {"192": "utf_8", "GB18030": "gb18030", "GBK": "gbk"}
_STAND_ALONE_TERMS: Final = {"192": "ISO_IR 192", "GB18030": "GB18030", "GBK": "GBK"}
# JIS X 0201 Romaji is ISO 646 with two characters replaced (PS3.5 6.1.2.3 note 3).
_ROMAJI: Final = {0x5C: "\u00a5", 0x7E: "\u203e"}
# Some writers put the name of a codec into Specific Character Set. These, all supersets of ASCII, are taken at their word;
# the names are those of Python's modules, so that a name out of a file never makes Python look for a module.
_CODECS_MULTI_BYTE: Final = frozenset(
    "utf_8 utf_8_sig big5 big5hkscs cp932 cp949 cp950 euc_jp euc_jis_2004 euc_kr gb2312 iso2022_jp iso2022_jp_1 iso2022_jp_2 "  # noqa: SIM905 -- a table reads better
    "iso2022_jp_3 iso2022_jp_ext iso2022_kr johab shift_jis shift_jis_2004".split()
)
_CODECS_SINGLE_BYTE: Final = frozenset(
    "ascii latin_1 iso8859_2 iso8859_3 iso8859_4 iso8859_5 iso8859_6 iso8859_7 iso8859_8 iso8859_9 iso8859_10 iso8859_11 iso8859_13 "  # noqa: SIM905
    "iso8859_14 iso8859_15 iso8859_16 koi8_r koi8_u tis_620 mac_roman cp437 cp850 cp852 cp866 cp874 cp1250 cp1251 cp1252 cp1253 cp1254 "
    "cp1255 cp1256 cp1257 cp1258".split()
)
_MOST_VALUES: Final = 64  # more sets than there are; a hostile declaration ends here

_NO_SET: Final = ""  # G1 of the default repertoire: nothing is designated (PS3.5 6.1.2.5.4 a and c)
# PS3.5 6.1.2.5.3: the sets of value 1 are active again after these, whatever the VR.
_CONTROL_RESETS: Final = b"\t\n\f\r"

_LATIN_1_ASSUMED: Final = (
    "bytes above 0x7F in the default character repertoire, read as ISO_IR 100; Specific Character Set (0008,0005) should name their set"
)
_G1_KEPT: Final = "text after a delimiter lacks its escape sequence, the character set before the delimiter was kept"
_G0_RETURN_MISSING: Final = "single-byte text after double-byte text lacks the escape sequence of ISO-IR 6, which was assumed"
_ESCAPE_UNKNOWN: Final = "escape sequence of a set that Specific Character Set (0008,0005) does not declare, left in the text"
_ROMAJI_UNDECLARED: Final = "escape sequence of ISO-IR 14, which Specific Character Set (0008,0005) does not declare"


class Charset:
    """What one value of Specific Character Set (0008,0005) says about text.

    Immutable, hashable, and the same object for the same declaration; made by :meth:`of`.

    Attributes
    ----------
    names : tuple of str
        The defined terms in force, after repairs. The first is ``""`` for the default repertoire.
    problems : tuple of str
        What was wrong with the declaration and what was made of it: one warning each.
    codecs : tuple of str
        The name of a Python codec for each of `names`.
    """

    __slots__ = ("_declared", "_escapes", "_g0", "_g1", "codecs", "names", "problems")

    names: tuple[str, ...]
    problems: tuple[str, ...]
    codecs: tuple[str, ...]
    _declared: tuple[str, ...]
    _escapes: dict[bytes, tuple[bool, str]] | None  # escape sequence -> (is it for G0?, set); None: no code extension
    _g0: str
    _g1: str

    def __init__(self, declared: tuple[str, ...]) -> None:
        problems: list[str] = []
        sets = _declared_sets(declared, problems)
        put = object.__setattr__
        put(self, "_declared", declared)
        put(self, "problems", tuple(problems))
        put(self, "names", tuple(_term(key, len(sets) > 1) for key in sets))
        put(self, "codecs", tuple(_codec(key) for key in sets))
        first = sets[0]
        put(self, "_g0", "14" if first == "13" else "6")
        if first in _G1_SETS or first in (_NO_SET, "6"):
            put(self, "_g1", _NO_SET if first == "6" else first)
        else:
            put(self, "_g1", "ascii" if first in _DOUBLE_BYTE_G0 else first)
        extensible = first in _G1_SETS or first in _G0_ESCAPES or first == _NO_SET
        put(self, "_escapes", _escape_table(sets) if extensible else None)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Charset cannot be changed: {name}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a Charset cannot be changed: {name}")

    @staticmethod
    def of(value: str | Sequence[str | None] | None, parent: Charset | None = None) -> Charset:
        """Return the character sets that a value of Specific Character Set (0008,0005) declares.

        Parameters
        ----------
        value : str, sequence of str, or None
            The value or values of the element; ``None`` when the data set has no such element.
        parent : Charset, optional
            That of the enclosing data set, which holds where the element is absent (PS3.5 7.5.3).

        Returns
        -------
        Charset
            Never fails: what cannot be understood is replaced and named in ``problems``.
        """
        if value is None:
            return DEFAULT if parent is None else parent
        values = value.split("\\") if isinstance(value, str) else value
        return _made(tuple((item or "").strip(" \0") for item in values[:_MOST_VALUES]) or ("",))

    @property
    def is_default(self) -> bool:
        """Is this the default character repertoire, ISO-IR 6, alone?"""
        return self.names == ("",)

    @property
    def is_multibyte(self) -> bool:
        """Can a character take more than one byte?"""
        return any(_key_of_term(name) in _MULTI_BYTE or name in _CODECS_MULTI_BYTE for name in self.names)

    @property
    def is_ascii_compatible(self) -> bool:
        """Are bytes below 0x80 without an escape sequence the characters of ASCII?

        So in all sets but ISO-IR 14, where 0x5C and 0x7E are the yen sign and the overline.
        """
        return self._g0 == "6"

    def decode(self, data: bytes | bytearray | memoryview, delimiters: bytes = b"", warn: Warn | None = None) -> str:
        r"""Return text of these character sets as str, without removing anything but escape sequences.

        Parameters
        ----------
        data : bytes-like
            A whole value field, or one value of it.
        delimiters : bytes
            The bytes that delimit text in this VR and so bring back the sets of value 1 (PS3.5 6.1.2.5.3): ``b"\\"``
            where there can be several values, ``b"\\^="`` for PN. TAB, LF, FF and CR always do. A delimiter comes out as
            its character of ASCII, in ISO-IR 14 too.
        warn : callable, optional
            Called with a message for each kind of thing that was wrong with the bytes.

        Returns
        -------
        str
            U+FFFD stands where bytes are no character of their set.
        """
        data = bytes(data)
        found: dict[str, None] = {}  # an ordered set
        if self._escapes is not None and b"\x1b" in data:
            text = self._decode_extended(data, delimiters, self._escapes, found)
        else:
            if b"\x1b" in data and "2022" not in self.codecs[0]:
                found[_ESCAPE_UNKNOWN] = None
            text = _decode_run(data, "6", self._g1, found)
            if self._g0 == "14":
                # Translated afterwards, so that kanji of Shift JIS with 0x5C as the second byte, wrong here but met, survive.
                text = text.translate({code: char for code, char in _ROMAJI.items() if code not in delimiters})
        if warn is not None:
            for message in found:
                warn(message)
        return text

    def _decode_extended(self, data: bytes, delimiters: bytes, escapes: dict[bytes, tuple[bool, str]], found: dict[str, None]) -> str:
        """Read text with escape sequences (PS3.5 6.1.2.5)."""
        import re

        single = re.compile(b"[\x1b" + _CONTROL_RESETS + re.escape(delimiters) + b"]")
        double = re.compile(b"[\x1b" + _CONTROL_RESETS + b"]")  # other delimiters are halves of characters there
        out: list[str] = []
        g0, g1 = self._g0, self._g1
        latest = _NO_SET
        returned = False
        position = 0
        while position < len(data):
            special = (double if g0 in _DOUBLE_BYTE_G0 else single).search(data, position)
            end = special.start() if special else len(data)
            if end > position:
                run = data[position:end]
                if g1 == _NO_SET and latest and not run.isascii():
                    # By the standard these bytes mean nothing; the writer forgot to designate the set again.
                    g1 = latest
                    found[_G1_KEPT] = None
                if returned and re.search(rb"[\x21-\x7e]", run):
                    found[_G0_RETURN_MISSING] = None
                out.append(_decode_run(run, g0, g1, found))
            if special is None:
                break
            position = special.end()
            if data[end] != 0x1B:
                out.append(chr(data[end]))
                g0, g1, returned = self._g0, self._g1, False
                continue
            length = 4 if data[end : end + 4] in escapes else 3
            designated = escapes.get(data[end : end + length])
            if designated is None:
                found[_ESCAPE_UNKNOWN] = None
                out.append("\x1b")
                g0, g1, returned = self._g0, self._g1, False
                continue
            for_g0, name = designated
            if not for_g0:
                g1 = latest = name
                if g0 in _DOUBLE_BYTE_G0:
                    # By ISO 2022 the kanji stay in G0. Writers (pydicom is one) mean both halves of the new set instead, and
                    # no writer is known to go on with kanji here.
                    g0, returned = self._g0, True
            else:
                g0, returned = name, False
                if name == "14" and "ISO 2022 IR 13" not in self.names and "ISO_IR 13" not in self.names:
                    found[_ROMAJI_UNDECLARED] = None
            position = end + length
        return "".join(out)

    def __eq__(self, other: object) -> bool:
        return self._declared == other._declared if isinstance(other, Charset) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._declared)

    def __repr__(self) -> str:
        return f"Charset.of({list(self._declared)!r})"

    def __reduce__(self) -> tuple[object, ...]:
        return Charset.of, (self._declared,)


@lru_cache(maxsize=256)
def _made(declared: tuple[str, ...]) -> Charset:
    return Charset(declared)


def _key_of_term(term: str) -> str | None:
    """Return the set that a term means, in any of the spellings that are met; ``""`` for an empty one, None when unknown."""
    if not term:
        return _NO_SET
    import re

    spelled = re.sub(r"[^A-Z0-9]", "", term.upper())
    match = re.fullmatch(r"(?:ISO)?(?:2022)?(?:IR)?0*(\d{1,3})", spelled)
    if match:
        number = match[1]
        return number if number in _G1_SETS or number in _G0_ESCAPES or number == "192" else None
    return {"GB18030": "GB18030", "GBK": "GBK", "ISO2022GBK": "GBK"}.get(spelled)


def _codec_named(term: str) -> str | None:
    """Return the Python codec that a term names, if it is one of those that are taken at their word."""
    from encodings import normalize_encoding
    from encodings.aliases import aliases

    name = normalize_encoding(term).lower()
    name = aliases.get(name, name)
    return name if name in _CODECS_MULTI_BYTE or name in _CODECS_SINGLE_BYTE else None


def _term(key: str, extended: bool) -> str:
    """Return the defined term of a set."""
    if key in _G1_SETS or key in _G0_ESCAPES:
        return f"ISO 2022 IR {key}" if extended or key in _MULTI_BYTE else f"ISO_IR {key}"
    return _STAND_ALONE_TERMS.get(key, key)


def _codec(key: str) -> str:
    """Return the Python codec of a set."""
    if key in _G1_SETS:
        return _G1_SETS[key][0]
    return {_NO_SET: "latin_1", "6": "latin_1", "87": "iso2022_jp", "159": "iso2022_jp_2"}.get(key) or _STAND_ALONE.get(key, key)


def _declared_sets(declared: tuple[str, ...], problems: list[str]) -> list[str]:
    """Return the sets of a declaration, at least one, and add to `problems` what had to be repaired."""
    sets: list[str] = []
    for number, term in enumerate(declared):
        key = _key_of_term(term)
        if key is None or key == "14":
            key = _codec_named(term)
            if key is None:
                problems.append(f"Specific Character Set {term!r} is unknown, the default character repertoire is assumed")
                key = _NO_SET
            else:
                problems.append(f"Specific Character Set {term!r} is no defined term, the codec {key} is assumed")
        elif key and term not in (_term(key, True), _term(key, False)):
            problems.append(f"Specific Character Set {term!r} is no defined term, {_term(key, len(declared) > 1)!r} is assumed")
        stands_alone = key in _STAND_ALONE or key in _CODECS_MULTI_BYTE or key in _CODECS_SINGLE_BYTE
        if number == 0 and stands_alone and len(declared) > 1:
            problems.append(f"Specific Character Set {term!r} allows no code extensions, {', '.join(map(repr, declared[1:]))} ignored")
            return [key]
        if number and stands_alone:
            problems.append(f"Specific Character Set {term!r} cannot be a code extension and is ignored")
        elif number == 0 or key not in (_NO_SET, *sets):
            sets.append(key)
    if sets == ["6"]:
        return [_NO_SET]
    return sets


def _escape_table(sets: list[str]) -> dict[bytes, tuple[bool, str]]:
    """Return the escape sequences that a declaration allows, with the code element and the set that each designates."""
    table = {_G0_ESCAPES["6"]: (True, "6")}
    for key in sets:
        if key in _G1_SETS:
            table[_G1_SETS[key][1]] = (False, key)
        elif key in _DOUBLE_BYTE_G0:
            table[_G0_ESCAPES[key]] = (True, key)
        if key in ("13", "87", "159"):  # many Japanese writers return from kanji to ISO-IR 14 without declaring it
            table[_G0_ESCAPES["14"]] = (True, "14")
    return table


def _decode_run(run: bytes, g0: str, g1: str, found: dict[str, None]) -> str:
    """Decode bytes between which no set changes."""
    if g0 in _DOUBLE_BYTE_G0:
        import re

        parts = re.findall(rb"[\x21-\x7e]+|[\x00-\x20\x7f]+|[\x80-\xff]+", run)
        return "".join(_decode_pairs(part, g0, found) if 0x21 <= part[0] <= 0x7E else _decode_run(part, "6", g1, found) for part in parts)
    if g1 == _NO_SET and not run.isascii():
        found[_LATIN_1_ASSUMED] = None
    codec = _codec(g1)
    try:
        text = run.decode(codec)
    except UnicodeError:
        found[f"bytes that are no text of {_term(g1, False)}, replaced by U+FFFD"] = None
        text = run.decode(codec, "replace")
    return text.translate(_ROMAJI) if g0 == "14" else text


def _decode_pairs(run: bytes, g0: str, found: dict[str, None]) -> str:
    """Decode characters of JIS X 0208 or JIS X 0212, two bytes each."""
    shift = b"\x8f" if g0 == "159" else b""  # EUC-JP holds both sets, with the high bits set
    high = bytes(byte | 0x80 for byte in run)
    out: list[str] = []
    for start in range(0, len(high), 2):
        try:
            out.append((shift + high[start : start + 2]).decode("euc_jp"))
        except UnicodeError:
            found[f"bytes that are no text of ISO 2022 IR {g0}, replaced by U+FFFD"] = None
            out.append("\ufffd")
    return "".join(out)


#: The default character repertoire, ISO-IR 6. Bytes above 0x7F, which it does not have, are read as ISO_IR 100.
DEFAULT: Final = _made(("",))
