"""What a scan extracts: from keywords and tags to typed columns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple, TypeAlias

from fastdicom.dictionary import _tables
from fastdicom.tag import Tag

__all__ = ["DEFAULT_TAGS", "FACTS", "STUDY_TAGS", "Column", "Step", "Wanted", "columns_of"]

#: A keyword, ``"ggggeeee"``, a number, a pair (group, element), or (group, private creator, element); a path of these into
#: sequences, with slashes between its steps; the name of a fact of the file, of :data:`FACTS`.
Wanted: TypeAlias = "str | int | Sequence[int | str] | Column"

#: Of which patient, study and series a file is.
STUDY_TAGS: Final = (
    "PatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "StudyInstanceUID",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "StudyDescription",
    "AccessionNumber",
    "SeriesInstanceUID",
    "SeriesNumber",
)
#: What is extracted when nothing is asked for: which patients, studies, series and instances there are.
DEFAULT_TAGS: Final = (
    *STUDY_TAGS,
    "SeriesDate",
    "SeriesDescription",
    "Modality",
    "BodyPartExamined",
    "Manufacturer",
    "ManufacturerModelName",
    "SOPClassUID",
    "SOPInstanceUID",
    "InstanceNumber",
    "ImageType",
    "TransferSyntaxUID",
    "NumberOfFrames",
    "Rows",
    "Columns",
)

# PS3.5 6.2: what the values of each VR are. IS may hold 32 bits only, writers know more.
_KINDS: Final = {
    "IS": "int64",
    "DS": "float64",
    "US": "uint16",
    "SS": "int16",
    "UL": "uint32",
    "SL": "int32",
    "UV": "uint64",
    "SV": "int64",
    "FL": "float32",
    "FD": "float64",
    "US or SS": "int32",
    "DA": "date32",
    "TM": "time64",
    "DT": "timestamp",
    "OB": "binary",
    "OW": "binary",
    "OF": "binary",
    "OD": "binary",
    "OL": "binary",
    "OV": "binary",
    "UN": "binary",
    "OB or OW": "binary",
    "US or OW": "binary",
    "US or SS or OW": "binary",
}
_ONE_VALUE_VRS: Final = frozenset({"LT", "ST", "UT", "UR"})  # whatever the dictionary's VM says (PS3.5 6.2)
# Text that is the same in most files of a series: dictionary-encoded, as are all texts of these VRs.
_CONSTANT_VRS: Final = frozenset({"AE", "AS", "CS", "SH"})
# fmt: off
_CONSTANTS: Final = frozenset(
    {
        "PatientID", "PatientName", "IssuerOfPatientID", "PatientBirthName",
        "PatientAddress", "PatientSpeciesDescription", "PatientBreedDescription", "ResponsiblePerson",
        "ResponsibleOrganization", "AdditionalPatientHistory", "StudyInstanceUID", "StudyDescription", "ReferringPhysicianName",
        "AdmissionID", "RequestedProcedureDescription", "RequestingPhysician",
        "RequestingService", "ClinicalTrialProtocolID", "ClinicalTrialProtocolName", "ClinicalTrialSubjectID", "ClinicalTrialSiteID",
        "ClinicalTrialSiteName", "ClinicalTrialSponsorName", "ClinicalTrialTimePointID", "SeriesInstanceUID", "SeriesDescription",
        "ProtocolName", "PerformedProcedureStepDescription", "FrameOfReferenceUID",
        "SynchronizationFrameOfReferenceUID", "PositionReferenceIndicator", "Manufacturer", "InstitutionName", "InstitutionAddress",
        "InstitutionalDepartmentName", "ManufacturerModelName", "DeviceSerialNumber", "DeviceUID", "DeviceID",
        "PlateID", "GantryID", "ContrastBolusAgent",
        "ContrastBolusRoute",  "ImplementationClassUID", "SOPClassUID", "MediaStorageSOPClassUID", "TransferSyntaxUID",
        "RadiopharmaceuticalRoute", "Radiopharmaceutical",
    }
)
# fmt: on
_WHEN_KINDS: Final = frozenset({"date32", "time64", "timestamp"})
_UNSPLIT, _LUT, _KEPT, _SPLIT = 1, 2, 4, 8  # FD_COLUMN_* of csrc/fd_convert.h
_LUT_DESCRIPTORS: Final = frozenset({0x00283002, 0x00281101, 0x00281102, 0x00281103})
_PRIVATE: Final = re.compile(r"""\(?\s*([0-9A-Fa-f]{1,4})\s*,\s*["']([^"']+)["']\s*,\s*([0-9A-Fa-f]{1,2})\s*\)?""")
# A step of a path, which of its items, and what follows. A private creator may hold a slash.
_STEP: Final = re.compile(
    r"""\s*(\(\s*[0-9A-Fa-f]{1,4}\s*,\s*(?:"[^"]+"|'[^']+')\s*,\s*[0-9A-Fa-f]{1,2}\s*\)|[^/\[\]"']+?)\s*(?:\[\s*([0-9]+|\*)\s*\]\s*)?(/|$)"""
)
_HIGHEST_ITEM: Final = 0xFFFFFFFE  # one more means all of them
_FILE_COLUMNS: Final = frozenset({"path", "size", "mtime", "error", "notes", "path_bytes"})


class Step(NamedTuple):
    """A step of a path: a sequence, and which of its items.

    Attributes
    ----------
    tag : int
        The tag of the sequence; of a private creator's, that of block 00.
    creator : str, optional
        The private creator.
    item : int, optional
        From 0; None: every item.
    """

    tag: int
    creator: str | None = None
    item: int | None = 0


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a scan: an element and the type of its values.

    Attributes
    ----------
    name : str
        The keyword; ``ggggeeee`` where the dictionary has none; of an element inside sequences, the path.
    tag : int
        The tag; of an element of a private creator, that of block 00.
    vr : str
        The VR of the dictionary, as PS3.6 prints it; empty when no dictionary knows the element. The file's own VR counts
        when it says one.
    kind : str
        The Arrow type of a value: ``utf8``, ``binary``, ``int16`` … ``uint64``, ``float32``, ``float64``, ``date32``, ``time64``
        and ``timestamp`` (in microseconds, without a zone).
    multiple : bool
        Is the column's type a list?
    creator : str, optional
        The private creator (PS3.5 7.8.1).
    dictionary : bool
        Is text dictionary-encoded (each different one stored once in a batch)?
    path : tuple of Step
        The sequences on the way to the element, from the outermost.
    fact : str
        Not an element but this fact of the file, one of :data:`FACTS`.
    text_of : Column, optional
        The column of dates or times whose text this one keeps, where that one does not hold all that the text says.
    """

    name: str
    tag: int
    vr: str
    kind: str
    multiple: bool = False
    creator: str | None = None
    dictionary: bool = False
    path: tuple[Step, ...] = ()
    fact: str = ""
    text_of: Column | None = None

    @property
    def flags(self) -> int:
        """FD_COLUMN_* of csrc/fd_convert.h."""
        if self.text_of is not None:
            return _KEPT | (_SPLIT if self.text_of.multiple else 0)
        is_whole = not self.vr or (self.creator is not None and self.kind == "utf8" and not self.multiple)
        return (_UNSPLIT if is_whole else 0) | (_LUT if self.tag in _LUT_DESCRIPTORS else 0)

    @property
    def item_kind(self) -> str:
        """The type of a value; of a column that keeps text, the type that the text did not fit."""
        return self.kind if self.text_of is None else self.text_of.kind

    @property
    def tag_text(self) -> str:
        """The tag for people and metadata."""
        return self.name if self.creator is not None or self.path or self.fact else f"{self.tag:08x}"


def columns_of(tags: Iterable[Wanted] | None, *, keep_text: bool = False, dictionary: bool = True) -> tuple[Column, ...]:
    """Return the columns for what was asked for, each once, in that order.

    Parameters
    ----------
    tags : iterable, optional
        What is wanted; None: :data:`DEFAULT_TAGS`.
    keep_text : bool
        Behind each column of dates or times, one more: its text, where the date or time does not hold all of it.
    dictionary : bool
        Encode the texts that are the same in most files of a series as dictionaries.

    Raises
    ------
    ValueError
        A keyword that the dictionary does not know (the message suggests one); a sequence: its items have no place in one
        column; a path with a step that is no sequence.
    TypeError
        `tags` is a single keyword instead of a list of them, or holds something that is no tag.
    """
    if isinstance(tags, (str, bytes, int)):
        raise TypeError(f"tags is a list of keywords or tags, not {type(tags).__name__}")
    found: dict[str, Column] = {}
    for wanted in DEFAULT_TAGS if tags is None else tags:
        column = _column(wanted)
        if not dictionary:
            column = replace(column, dictionary=False)
        has_text = column.kind in _WHEN_KINDS and all(step.item is not None for step in column.path)
        wanted_too = [_text_of(column)] if keep_text and has_text else []
        for each in (column, *wanted_too):
            if each.name in _FILE_COLUMNS:
                raise ValueError(f"a scan has a column {each.name!r} of its own")
            known = found.setdefault(each.name, each)
            if known != each:
                raise ValueError(f"two different columns are named {each.name!r}")
    return tuple(found.values())


def _text_of(column: Column) -> Column:
    return replace(column, name=column.name + "_text", kind="utf8", multiple=False, dictionary=False, text_of=column)


class _Element(NamedTuple):
    """An element as it is asked for, and what the dictionaries know of it."""

    name: str
    tag: int
    vr: str
    vm: str
    creator: str | None = None


def _column(wanted: Wanted) -> Column:
    if isinstance(wanted, Column):
        return wanted
    if isinstance(wanted, str):
        if wanted in FACTS:
            return FACTS[wanted]
        if ("/" in wanted or "[" in wanted) and not _PRIVATE.fullmatch(wanted.strip()):
            return _nested(wanted)
    element = _element(wanted)
    if element.vr == "SQ":
        inside = f"{element.name}/KEYWORD (of its first item) or {element.name}[*]/KEYWORD (of every one)"
        raise ValueError(f"{element.name} is a sequence: its items have no place in one column; ask for {inside}")
    return _typed(element)


def _element(wanted: str | int | Sequence[int | str]) -> _Element:
    if isinstance(wanted, str):
        match = _PRIVATE.fullmatch(wanted.strip())
        if match:
            return _private(int(match[1], 16), match[2], int(match[3], 16))
    elif isinstance(wanted, (tuple, list)) and len(wanted) == 3:
        group, creator, element = wanted
        if not isinstance(group, int) or not isinstance(creator, str) or not isinstance(element, int):
            raise TypeError(f"a private element is (group, creator, element), not {wanted!r}")
        return _private(group, creator, element)
    tag = int(Tag(wanted))  # it says what is wrong
    if tag >> 16 == 0xFFFE:
        raise ValueError(f"{Tag(tag)} delimits items and has no value")
    entry = _tables.find(tag)
    vr, vm, keyword = ("", "", "") if entry is None else entry[1:4]
    if entry is None and tag & 0xFFFF == 0:  # a group length (PS3.5 7.2)
        vr, vm = "UL", "1"
    elif entry is None and tag & 0x10000 and 0x10 <= tag & 0xFFFF <= 0xFF:  # a private creator
        vr, vm = "LO", "1"
    return _Element(keyword or f"{tag:08x}", tag, "" if vr == "NONE" else vr, vm)


def _private(group: int, creator: str, element: int) -> _Element:
    if not 0 <= group <= 0xFFFF or not group & 1 or not 0 <= element <= 0xFF:
        raise ValueError(f"(0x{group:04X}, {creator!r}, 0x{element:02X}): a private element has an odd group and an element up to 0xFF")
    creator = creator.strip(" \0")
    if not creator or "\0" in creator:
        raise ValueError("a private creator has a name")
    entry = _tables.private_find(creator, group << 16 | 0x1000 | element)  # the block does not matter
    vr, vm = ("", "") if entry is None else entry[:2]
    return _Element(f'({group:04x},"{creator}",{element:02x})', group << 16 | element, vr, vm, creator)


def _nested(text: str) -> Column:
    """``Sequence/Sequence[2]/Keyword``, ``Sequence[*]/Keyword``: the column of an element inside sequences."""
    steps: list[Step] = []
    name = ""
    at = 0
    while match := _STEP.match(text, at):
        element = _element(match[1])
        at = match.end()
        if not match[3]:
            break
        if element.vr not in ("SQ", ""):
            raise ValueError(f"{text}: {element.name} is no sequence (VR {element.vr}): a path goes through sequences")
        item = None if match[2] == "*" else int(match[2] or 0)
        if item is not None and item > _HIGHEST_ITEM:
            raise ValueError(f"{text}: no sequence has an item {item}")
        steps.append(Step(element.tag, element.creator, item))
        name += f"{element.name}{'[*]' if item is None else f'[{item}]' if item else ''}/"
    if not match:
        raise ValueError(f"{text!r} is no path: Sequence/Keyword, Sequence[2]/Keyword and Sequence[*]/Keyword are")
    if element.vr == "SQ" or match[2]:
        inside = f"{name}{element.name}{f'[{match[2]}]' if match[2] else ''}"
        raise ValueError(f"{text}: a path ends in an element with values; ask for {inside}/KEYWORD")
    column = _typed(element)
    several = column.multiple or any(step.item is None for step in steps)
    return replace(column, name=name + element.name, path=tuple(steps), multiple=several, dictionary=column.dictionary and not several)


def _typed(element: _Element) -> Column:
    name, tag, vr, vm, creator = element
    kind = _KINDS.get(vr, "utf8")
    # A private dictionary tells how many values somebody has seen: one number there is a list in another vendor's release. Text does
    # not need one: it keeps its backslashes.
    several = bool(vm) and (vm != "1" or (creator is not None and (kind != "utf8" or vr == "AT")))
    multiple = several and kind != "binary" and vr not in _ONE_VALUE_VRS
    constant = kind == "utf8" and not multiple and (vr in _CONSTANT_VRS or (creator is None and name in _CONSTANTS))
    return Column(name, tag, vr, kind, multiple, creator, constant)


#: What is known of a file as a whole, by the name of its column: the transfer syntax in force (one that nothing told, too), where
#: in the file the value of its pixel data starts, how many bytes of native pixel data there are, how many frames the offset table of
#: encapsulated ones has, and the tag of its last element, which only a thorough scan knows.
FACTS: Final = {
    name: Column(name, 0, vr, kind, dictionary=kind == "utf8", fact=name)
    for name, vr, kind in (
        ("transfer_syntax", "UI", "utf8"),
        ("pixel_data_offset", "", "int64"),
        ("pixel_data_length", "", "int64"),
        ("offset_table_frames", "", "int64"),
        ("last_tag", "", "utf8"),
    )
}
