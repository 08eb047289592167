"""The 34 value representations of PS3.5 6.2."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["AMBIGUOUS", "VR"]

# kind, bytes a value (0: text), longest value in characters or bytes (0: no limit), padding, flags. PS3.5 Table 6.2-1 and 7.1.2.
# l: 32-bit length in explicit VR; c: Specific Character Set applies (PS3.5 6.1.2.3); m: a backslash separates values or several fit
_FACTS: dict[str, tuple[str, int, int, bytes, str]] = {
    "AE": ("text", 0, 16, b" ", "m"),
    "AS": ("text", 0, 4, b" ", "m"),
    "AT": ("number", 4, 4, b"\0", "m"),
    "CS": ("text", 0, 16, b" ", "m"),
    "DA": ("text", 0, 8, b" ", "m"),
    "DS": ("text", 0, 16, b" ", "m"),
    "DT": ("text", 0, 26, b" ", "m"),
    "FD": ("number", 8, 8, b"\0", "m"),
    "FL": ("number", 4, 4, b"\0", "m"),
    "IS": ("text", 0, 12, b" ", "m"),
    "LO": ("text", 0, 64, b" ", "cm"),
    "LT": ("text", 0, 10240, b" ", "c"),
    "OB": ("binary", 1, 0, b"\0", "l"),
    "OD": ("binary", 8, 0, b"\0", "l"),
    "OF": ("binary", 4, 0, b"\0", "l"),
    "OL": ("binary", 4, 0, b"\0", "l"),
    "OV": ("binary", 8, 0, b"\0", "l"),
    "OW": ("binary", 2, 0, b"\0", "l"),
    "PN": ("text", 0, 64, b" ", "cm"),
    "SH": ("text", 0, 16, b" ", "cm"),
    "SL": ("number", 4, 4, b"\0", "m"),
    "SQ": ("sequence", 0, 0, b"", "l"),
    "SS": ("number", 2, 2, b"\0", "m"),
    "ST": ("text", 0, 1024, b" ", "c"),
    "SV": ("number", 8, 8, b"\0", "lm"),
    "TM": ("text", 0, 14, b" ", "m"),
    "UC": ("text", 0, 0, b" ", "lcm"),
    "UI": ("text", 0, 64, b"\0", "m"),
    "UL": ("number", 4, 4, b"\0", "m"),
    "UN": ("binary", 1, 0, b"\0", "l"),
    "UR": ("text", 0, 0, b" ", "l"),
    "US": ("number", 2, 2, b"\0", "m"),
    "UT": ("text", 0, 0, b" ", "lc"),
    "UV": ("number", 8, 8, b"\0", "lm"),
}

AMBIGUOUS: dict[str, tuple[str, ...]] = {
    "OB or OW": ("OB", "OW"),
    "US or SS": ("US", "SS"),
    "US or OW": ("US", "OW"),
    "US or SS or OW": ("US", "SS", "OW"),
}
"""What PS3.6 prints where the context decides, and the VRs that it stands for."""


class VR(StrEnum):
    """A value representation: a ``str`` of two letters with the facts of PS3.5 Table 6.2-1."""

    AE = "AE"
    AS = "AS"
    AT = "AT"
    CS = "CS"
    DA = "DA"
    DS = "DS"
    DT = "DT"
    FD = "FD"
    FL = "FL"
    IS = "IS"
    LO = "LO"
    LT = "LT"
    OB = "OB"
    OD = "OD"
    OF = "OF"
    OL = "OL"
    OV = "OV"
    OW = "OW"
    PN = "PN"
    SH = "SH"
    SL = "SL"
    SQ = "SQ"
    SS = "SS"
    ST = "ST"
    SV = "SV"
    TM = "TM"
    UC = "UC"
    UI = "UI"
    UL = "UL"
    UN = "UN"
    UR = "UR"
    US = "US"
    UT = "UT"
    UV = "UV"

    @property
    def kind(self) -> str:
        """``"text"``, ``"number"``, ``"binary"`` (a string of bytes or words) or ``"sequence"``."""
        return _FACTS[self][0]

    @property
    def item_size(self) -> int:
        """Bytes of one value or word, and so the unit of byte swapping; 0 for text and sequences. AT: two words of 2."""
        return _FACTS[self][1]

    @property
    def max_length(self) -> int:
        """The longest value: characters for text (PN: of one component group), bytes for numbers; 0 when there is no limit."""
        return _FACTS[self][2]

    @property
    def padding(self) -> bytes:
        """The byte that fills a value of odd length: a space, or NUL for UI and binary; nothing for SQ."""
        return _FACTS[self][3]

    @property
    def has_long_length(self) -> bool:
        """Whether explicit VR writes two reserved bytes and a 32-bit length (PS3.5 7.1.2)."""
        return "l" in _FACTS[self][4]

    @property
    def uses_character_set(self) -> bool:
        """Whether Specific Character Set (0008,0005) applies (PS3.5 6.1.2.3)."""
        return "c" in _FACTS[self][4]

    @property
    def is_multi_valued(self) -> bool:
        """Whether an element may hold several values (PS3.5 6.4); LT, ST, UR and UT take a backslash as it is."""
        return "m" in _FACTS[self][4]
