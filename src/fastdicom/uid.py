"""Unique identifiers (PS3.5 9) and what PS3.6 A says about the registered ones."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self

    from fastdicom.transfer_syntax import TransferSyntax

__all__ = ["UID"]

DICOM_ROOT = "1.2.840.10008."


def _registered(uid: str) -> tuple[str, str, bool, str] | None:
    """Return name, type, retired and keyword; the table is loaded when first asked."""
    from fastdicom.dictionary._uids import UIDS

    return UIDS.get(uid)


class UID(str):
    """A UID: a ``str`` that knows its registered name.

    Any text is taken: what a file holds may be no UID, and :attr:`is_valid` tells.
    """

    __slots__ = ()

    @classmethod
    def from_keyword(cls, keyword: str, /) -> Self:
        """Return the registered UID with this keyword, such as ``"CTImageStorage"``; ValueError when there is none."""
        from fastdicom.dictionary._uids import UIDS

        for uid, entry in UIDS.items():
            if entry[3] == keyword and keyword:
                return cls(uid)
        import difflib

        close = difflib.get_close_matches(keyword[:100], [entry[3] for entry in UIDS.values()], 1, 0.75)
        raise ValueError(f"{keyword[:100]!r} is no keyword of a registered UID" + (f"; did you mean {close[0]!r}?" if close else ""))

    @property
    def name(self) -> str:
        """The registered name, else the UID itself."""
        found = _registered(self)
        return str(self) if found is None else found[0]

    @property
    def type(self) -> str:
        """``"SOP Class"``, ``"Transfer Syntax"`` and so on, or an empty string."""
        found = _registered(self)
        return "" if found is None else found[1]

    @property
    def keyword(self) -> str:
        """The registered keyword, or an empty string."""
        found = _registered(self)
        return "" if found is None else found[3]

    @property
    def is_retired(self) -> bool:
        """Whether it is registered and retired."""
        found = _registered(self)
        return found is not None and found[2]

    @property
    def is_private(self) -> bool:
        """Whether it lies outside of DICOM's own root (PS3.5 9.1)."""
        return not self.startswith(DICOM_ROOT)

    @property
    def is_valid(self) -> bool:
        """Whether it is written as PS3.5 9.1 says: numbers without leading zeros between dots, at most 64 characters."""
        if not 0 < len(self) <= 64 or not self.isascii():
            return False
        return all(part.isdigit() and (part == "0" or part[0] != "0") for part in self.split("."))

    @property
    def is_transfer_syntax(self) -> bool:
        """Whether it is a transfer syntax, registered or a private one that is known here."""
        from fastdicom import transfer_syntax

        return self in transfer_syntax.TRANSFER_SYNTAXES

    @property
    def transfer_syntax(self) -> TransferSyntax:
        """What is known of it as a transfer syntax; ValueError when it is none."""
        from fastdicom import transfer_syntax

        if self not in transfer_syntax.TRANSFER_SYNTAXES:
            raise ValueError(f"{self!s} is no transfer syntax")
        return transfer_syntax.TRANSFER_SYNTAXES[self]

    @property
    def is_implicit_VR(self) -> bool:
        """Of a transfer syntax: whether the VR is not written (PS3.5 7.1.3); ValueError when it is none."""
        return self.transfer_syntax.implicit_vr

    @property
    def is_little_endian(self) -> bool:
        """Of a transfer syntax: whether the data set is little endian; ValueError when it is none."""
        return not self.transfer_syntax.big_endian

    @property
    def is_deflated(self) -> bool:
        """Of a transfer syntax: whether the whole data set is deflated (PS3.5 A.5); ValueError when it is none."""
        return self.transfer_syntax.deflated

    @property
    def is_encapsulated(self) -> bool:
        """Of a transfer syntax: whether Pixel Data is made of fragments (PS3.5 A.4); ValueError when it is none."""
        return bool(self.transfer_syntax.encapsulated)

    is_compressed = is_encapsulated
