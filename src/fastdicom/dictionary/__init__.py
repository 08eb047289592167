"""The data dictionary of the standard (PS3.6) and of vendors, looked up by tag or keyword.

A tag is whatever :class:`fastdicom.tag.Tag` takes: a number, a pair, a keyword, ``"(0010,0010)"``.
Group lengths (PS3.5 7.2) and private creators (PS3.5 7.8.1) have a VR and a name by rule, though no dictionary lists them.
"""

from __future__ import annotations

from fastdicom.dictionary import _tables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeAlias

    from fastdicom.dictionary._entry import Entry

    TagLike: TypeAlias = int | str | tuple[int, int]

__all__ = [
    "Entry",
    "dictionary_VM",
    "dictionary_VR",
    "dictionary_description",
    "dictionary_has_tag",
    "dictionary_is_retired",
    "dictionary_keyword",
    "edition",
    "entries",
    "keyword_for_tag",
    "keywords",
    "lookup",
    "private_dictionary_VM",
    "private_dictionary_VR",
    "private_dictionary_description",
    "private_entries",
    "repeater_has_keyword",
    "repeater_has_tag",
    "tag_for_keyword",
]


def __getattr__(name: str) -> object:
    if name == "Entry":  # NamedTuple needs typing, which costs more than all the rest of this module
        from fastdicom.dictionary._entry import Entry

        globals()["Entry"] = Entry
        return Entry
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _number(tag: TagLike) -> int:
    if type(tag) is not int:
        from fastdicom.tag import to_tag

        tag = to_tag(tag)
    if not 0 <= tag <= 0xFFFFFFFF:
        raise ValueError(f"a tag has 32 bits, {tag} has not")
    return tag


def _known(tag: TagLike) -> tuple[int, str, str, str, str, bool, bool]:
    number = _number(tag)
    found = _tables.find(number, True)
    if found is None:
        raise KeyError(f"({number >> 16:04X},{number & 0xFFFF:04X}) is not in the data dictionary")
    return found


def _known_private(tag: TagLike, creator: str) -> tuple[str, str, str]:
    number = _number(tag)
    found = _tables.private_find(creator, number)
    if found is None:
        raise KeyError(f"({number >> 16:04X},{number & 0xFFFF:04X}) of {creator!r} is not in the private dictionary")
    return found


def edition() -> str:
    """Return the edition of PS3.6 that the dictionary was made from, such as ``"2026b"``."""
    return _tables.edition()


def lookup(tag: TagLike, /) -> Entry | None:
    """Return the entry of a tag, of a repeating group's too, or None.

    Raises
    ------
    TypeError, ValueError
        That is no tag.
    """
    found = _tables.find(_number(tag))
    if found is None:
        return None
    from fastdicom.dictionary._entry import Entry

    return Entry(*found)


def entries() -> Iterator[Entry]:
    """Iterate over the dictionary in the order of tags, repeating groups last."""
    from fastdicom.dictionary._entry import Entry

    return (Entry(*entry) for entry in _tables.entries())


def keywords() -> list[str]:
    """Return all keywords in the order of tags."""
    return _tables.keywords()


def private_entries() -> Iterator[tuple[str, int, str, str, str]]:
    """Iterate over the vendors' elements: creator, tag with block 00, VR, VM, name."""
    return iter(_tables.private_entries())


def dictionary_VR(tag: TagLike) -> str:
    """Return the VR as PS3.6 prints it (``"US or SS"`` where the context decides); KeyError when unknown."""
    return _known(tag)[1]


def dictionary_VM(tag: TagLike) -> str:
    """Return the value multiplicity; KeyError when unknown."""
    return _known(tag)[2]


def dictionary_keyword(tag: TagLike) -> str:
    """Return the keyword; KeyError when unknown."""
    return _known(tag)[3]


def dictionary_description(tag: TagLike) -> str:
    """Return the name; KeyError when unknown."""
    return _known(tag)[4]


def dictionary_is_retired(tag: TagLike) -> bool:
    """Return whether the element is retired; KeyError when unknown."""
    return _known(tag)[5]


def dictionary_has_tag(tag: TagLike) -> bool:
    """Return whether the tag has its own entry: a member of a repeating group has not, see :func:`repeater_has_tag`."""
    try:
        found = _tables.find(_number(tag))
    except (TypeError, ValueError):
        return False
    return found is not None and not found[6]


def repeater_has_tag(tag: TagLike) -> bool:
    """Return whether the tag belongs to a repeating group (PS3.5 7.6), such as (6002,0010)."""
    found = _tables.find(_number(tag))
    return found is not None and found[6]


def repeater_has_keyword(keyword: str) -> bool:
    """Return whether the keyword is that of a repeating group, such as ``"OverlayRows"``."""
    tag = _tables.tag_for(keyword)
    return tag is not None and repeater_has_tag(tag)


def keyword_for_tag(tag: TagLike) -> str:
    """Return the keyword, or an empty string when there is none."""
    return _tables.keyword(_number(tag))


def tag_for_keyword(keyword: str) -> int | None:
    """Return the tag of a keyword, or None; of a repeating group the first: ``"OverlayRows"`` is (6000,0010)."""
    return _tables.tag_for(keyword)


def private_dictionary_VR(tag: TagLike, private_creator: str) -> str:
    """Return the VR of a vendor's element; its block does not matter (PS3.5 7.8.1). KeyError when unknown."""
    return _known_private(tag, private_creator)[0]


def private_dictionary_VM(tag: TagLike, private_creator: str) -> str:
    """Return the value multiplicity of a vendor's element; KeyError when unknown."""
    return _known_private(tag, private_creator)[1]


def private_dictionary_description(tag: TagLike, private_creator: str) -> str:
    """Return the name of a vendor's element, which may be empty; KeyError when unknown."""
    return _known_private(tag, private_creator)[2]
