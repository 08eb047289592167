"""The shape of a dictionary entry; a module of its own so that importing the dictionary does not import typing."""

from typing import NamedTuple


class Entry(NamedTuple):
    """What PS3.6 says about a data element.

    Attributes
    ----------
    tag : int
        The tag that was asked for; of a repeating group in :func:`fastdicom.dictionary.entries`, the first.
    VR : str
        As PS3.6 prints it, so also ``"US or SS"``; ``"NONE"`` for items and delimiters.
    VM : str
        ``"1"``, ``"1-n"``, ``"3-3n"``.
    keyword, name : str
        Either may be empty.
    is_retired : bool
    is_repeating : bool
        One of a family of tags such as (60xx,0010).
    """

    tag: int
    VR: str
    VM: str
    keyword: str
    name: str
    is_retired: bool
    is_repeating: bool
