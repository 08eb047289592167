"""What this library raises and warns about."""

from __future__ import annotations

import os

__all__ = [
    "DecodeError",
    "DicomError",
    "DicomWarning",
    "LimitError",
    "MissingDecoderError",
    "MissingElementError",
    "NotDicomError",
    "ParseError",
    "TruncatedError",
    "UnsupportedError",
]


class DicomWarning(UserWarning):
    """Something in a file was repaired or ignored; given once a file and kind.

    The text says where: file, tag and offset. ``warnings.simplefilter("error", fastdicom.DicomWarning)`` makes errors of them.
    """


class DicomError(Exception):
    """The root of everything that this library raises about a file or a stream.

    Attributes
    ----------
    path : str or None
        The file, where it is known.
    """

    path: str | None = None

    def __str__(self) -> str:
        return self._in_file(super().__str__())

    def _in_file(self, text: str) -> str:
        return text if self.path is None or text.startswith(self.path) else f"{self.path}: {text}"


class ParseError(DicomError, ValueError):
    """The bytes break the format beyond repair.

    Attributes
    ----------
    reason : str
        What was found and what was expected.
    tag : int or None
        The element at which it happened.
    offset : int or None
        The offset in the file (for a deflated data set: in the inflated bytes).
    path : str or None
        The file.
    """

    def __init__(
        self, reason: str, tag: int | None = None, offset: int | None = None, path: str | bytes | os.PathLike[str] | None = None
    ) -> None:
        super().__init__(reason, tag, offset, path)
        self.reason = reason
        self.tag = tag
        self.offset = offset
        self.path = None if path is None else os.fsdecode(path)

    def __str__(self) -> str:
        where = "" if self.path is None else f"{self.path}: "
        if self.tag is not None:
            keyword = getattr(self.tag, "keyword", "")
            where += f"({self.tag >> 16:04X},{self.tag & 0xFFFF:04X}){' ' if keyword else ''}{keyword}"
            where += ": " if self.offset is None else " "
        if self.offset is not None:
            where += f"at 0x{self.offset:X}: "
        return where + self.reason


class NotDicomError(ParseError):
    """No DICM prefix (PS3.10 7.1), no group 0002, and ``force`` was not given."""


class TruncatedError(ParseError, EOFError):
    """The file ends inside what was asked for."""


class MissingElementError(DicomError, KeyError):
    """An operation needs an element that is absent or empty: pixels without Rows, for example. The message names it."""

    def __str__(self) -> str:  # KeyError would show the repr of the message
        return self._in_file(str(self.args[0]) if self.args else "")


class UnsupportedError(DicomError, NotImplementedError):
    """A transfer syntax or pixel layout that nobody here decodes."""


class MissingDecoderError(UnsupportedError):
    """A decoder exists but is not installed; the message holds the install command."""


class DecodeError(DicomError, RuntimeError):
    """A broken bitstream, or a stream that contradicts the header.

    Attributes
    ----------
    frame : int or None
        The number of the frame, from 0.
    offset : int or None
        The offset in the stream.
    """

    def __init__(self, reason: str, frame: int | None = None, offset: int | None = None) -> None:
        super().__init__(reason, frame, offset)
        self.reason = reason
        self.frame = frame
        self.offset = offset

    def __str__(self) -> str:
        where = "" if self.frame is None else f"frame {self.frame}: "
        return self._in_file(where + self.reason + ("" if self.offset is None else f" (at byte {self.offset} of the stream)"))


class LimitError(DicomError, ValueError):
    """A limit of the caller's was reached: depth (`max_depth`), inflated size (`max_inflated`), decoded size (`limit`)."""
