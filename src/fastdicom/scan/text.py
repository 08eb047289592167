"""The text that C leaves to Python: character sets that need tables, and numbers where a column of text was expected."""

from __future__ import annotations

import struct

from fastdicom.charset import Charset

__all__ = ["decode"]

# PS3.5 6.2: which VRs Specific Character Set (0008,0005) touches, and what delimits text in them (6.1.2.5.3).
_DELIMITERS = {"PN": b"\\^=", "LO": b"\\", "SH": b"\\", "UC": b"\\", "LT": b"", "ST": b"", "UT": b""}
_ONE_VALUE = frozenset({"LT", "ST", "UT", "UR"})
_NUMBERS = {"FD": "d", "FL": "f", "SL": "i", "SS": "h", "SV": "q", "UL": "I", "US": "H", "UV": "Q"}


def decode(vr: str, data: bytes, charset: bytes, big_endian: bool, unsplit: bool) -> tuple[list[str], list[str]]:
    """Return the values as text, trimmed as the reader trims them, and what was wrong with them.

    Parameters
    ----------
    vr : str
        The value representation.
    data, charset : bytes
        The value, and Specific Character Set (0008,0005), as stored.
    big_endian : bool
        Are numbers stored with the high byte first?
    unsplit : bool
        Leave several values in one text, with the backslashes between them.
    """
    if vr in _NUMBERS:
        texts = _numbers(vr, data, big_endian)
        return (["\\".join(texts)] if unsplit and texts else texts), []
    remarks: list[str] = []
    if vr in _DELIMITERS:
        sets = Charset.of(charset.decode("latin_1") if charset else None)
        remarks += sets.problems
        text = sets.decode(data, _DELIMITERS[vr], remarks.append)
    else:
        text = data.decode("latin_1")
        if not text.isascii():
            remarks.append("bytes above 0x7F, which this VR cannot hold, read as ISO_IR 100")
    text = text.rstrip(" \0")
    if unsplit or vr in _ONE_VALUE:
        return [text], remarks
    return [_trimmed(vr, value) for value in text.split("\\")], remarks


def _trimmed(vr: str, value: str) -> str:
    if vr in ("LO", "SH", "UC"):
        return value.rstrip(" \0")
    if vr == "PN":
        return value.rstrip("=")
    if vr == "AE":
        return value.strip()
    return value.strip(" \0") if vr in ("UI", "IS", "DS") else value


def _numbers(vr: str, data: bytes, big_endian: bool) -> list[str]:
    code = _NUMBERS[vr]
    size = struct.calcsize("=" + code)
    whole = len(data) - len(data) % size
    return [repr(number) for number in struct.unpack(f"{'>' if big_endian else '<'}{whole // size}{code}", data[:whole])]
