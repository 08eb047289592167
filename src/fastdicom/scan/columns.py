"""What a scan extracts: from keywords and tags to typed columns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from fastdicom.dictionary import _tables
from fastdicom.tag import Tag

__all__ = ["DEFAULT_TAGS", "Column", "Wanted", "columns_of"]

#: A keyword, ``"ggggeeee"``, a number, a pair (group, element), or (group, private creator, element).
Wanted: TypeAlias = "str | int | Sequence[int | str] | Column"

#: What is extracted when nothing is asked for: which patients, studies, series and instances there are.
DEFAULT_TAGS: Final = (
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
_FILE_COLUMNS: Final = frozenset({"path", "size", "mtime", "error", "notes", "path_bytes"})


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a scan: an element and the type of its values.

    Attributes
    ----------
    name : str
        The keyword; ``ggggeeee`` where the dictionary has none.
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
    text_of: Column | None = None

    @property
    def flags(self) -> int:
        """FD_COLUMN_* of csrc/fd_convert.h."""
        if self.text_of is not None:
            return _KEPT | (_SPLIT if self.text_of.multiple else 0)
        return (0 if self.vr else _UNSPLIT) | (_LUT if self.tag in _LUT_DESCRIPTORS else 0)

    @property
    def item_kind(self) -> str:
        """The type of a value; of a column that keeps text, the type that the text did not fit."""
        return self.kind if self.text_of is None else self.text_of.kind

    @property
    def tag_text(self) -> str:
        """The tag for people and metadata."""
        return f"{self.tag:08x}" if self.creator is None else self.name


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
        A keyword that the dictionary does not know (the message suggests one), or a sequence: its items have no place in one
        column.
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
        wanted_too = [_text_of(column)] if keep_text and column.kind in _WHEN_KINDS else []
        for each in (column, *wanted_too):
            if each.name in _FILE_COLUMNS:
                raise ValueError(f"a scan has a column {each.name!r} of its own")
            known = found.setdefault(each.name, each)
            if known != each:
                raise ValueError(f"two different columns are named {each.name!r}")
    return tuple(found.values())


def _text_of(column: Column) -> Column:
    return replace(column, name=column.name + "_text", kind="utf8", multiple=False, dictionary=False, text_of=column)


def _column(wanted: Wanted) -> Column:
    if isinstance(wanted, Column):
        return wanted
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
    return _typed(keyword or f"{tag:08x}", tag, "" if vr == "NONE" else vr, vm, None)


def _private(group: int, creator: str, element: int) -> Column:
    if not 0 <= group <= 0xFFFF or not group & 1 or not 0 <= element <= 0xFF:
        raise ValueError(f"(0x{group:04X}, {creator!r}, 0x{element:02X}): a private element has an odd group and an element up to 0xFF")
    creator = creator.strip(" \0")
    if not creator or "\0" in creator:
        raise ValueError("a private creator has a name")
    entry = _tables.private_find(creator, group << 16 | 0x1000 | element)  # the block does not matter
    vr, vm = ("", "") if entry is None else entry[:2]
    return _typed(f'({group:04x},"{creator}",{element:02x})', group << 16 | element, vr, vm, creator)


def _typed(name: str, tag: int, vr: str, vm: str, creator: str | None) -> Column:
    if vr == "SQ":
        raise ValueError(f"{name} is a sequence: its items have no place in one column")
    kind = _KINDS.get(vr, "utf8")
    multiple = bool(vm) and vm != "1" and kind != "binary" and vr not in _ONE_VALUE_VRS
    constant = kind == "utf8" and not multiple and (vr in _CONSTANT_VRS or (creator is None and name in _CONSTANTS))
    return Column(name, tag, vr, kind, multiple, creator, constant)
