"""What is wrong in an archive: unreadable and truncated files, duplicates, series that disagree, missing slices."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from fastdicom.scan.contents import CONTENT_TAGS, contents_sql, pixels_sql
from fastdicom.scan.hierarchy import dicomdir_sql, opened, read_sql, value_sql
from fastdicom.scan.slices import Place, judged
from fastdicom.scan.summary import NUMBERS

if TYPE_CHECKING:
    from fastdicom.scan._scan import Batch
    from fastdicom.scan.index import Index

__all__ = ["CHECK_OPTIONS", "CHECK_TAGS", "Finding", "Report", "check"]

#: What is looked at.
CHECK_TAGS: Final = (
    "MediaStorageSOPClassUID",
    "ImageType",
    "SOPClassUID",
    "SOPInstanceUID",
    "Modality",
    "PatientID",
    "PatientName",
    "PatientBirthDate",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "AcquisitionNumber",
    "InstanceNumber",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "NumberOfFrames",
    *CONTENT_TAGS,
)
#: How a folder is scanned to be checked: to the end of each file, with names that can be opened again.
CHECK_OPTIONS: Final[dict[str, Any]] = {"thorough": True, "path_bytes": True}

# PS3.4 GG, PS3.6 A: what belongs to no patient has no study and no series (hanging protocols, palettes, implants, protocols, inventories).
_NO_STUDY: Final = tuple(f"1.2.840.10008.5.1.4.{n}" for n in ("38.", "39.", "43.", "44.", "45.", "1.1.200.", "1.1.201."))
_DISAGREE: Final = ("PatientID", "PatientName", "PatientBirthDate", "StudyInstanceUID")
_VALUES: Final = 5  # of those that disagree are shown
# What the cursor notes (csrc/fd_cursor) and says of a file that is cut off: SQL of the note, and what is said of the file.
_OF_PIXELS: Final = "note LIKE '(7FE0,00%'"
_AT_END: Final = "TRY_CAST(regexp_extract(note, 'at (0x[0-9A-F]+): ', 1) AS BIGINT) BETWEEN size - 7 AND size"
_NOTES: Final = (
    ("contains(note, 'inside the header of an element')", "the file ends inside the header of an element"),
    (f"contains(note, 'goes beyond the end') AND {_OF_PIXELS}", "the file ends inside its pixel data"),
    ("contains(note, 'goes beyond the end')", "the file ends inside an element"),
    ("contains(note, 'deflated data set is broken')", "the deflated data set is cut off or broken"),
    (f"contains(note, 'without its delimiter') AND {_OF_PIXELS}", "the pixel data have no end (no sequence delimiter)"),
    # places in a deflated data set are none in the file
    (f"contains(note, 'without its delimiter') AND {_AT_END} AND NOT deflated", "the file ends inside a sequence"),
)
_DEFLATED: Final = "1.2.840.10008.1.2.1.99"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong, or that hints at it.

    Attributes
    ----------
    kind : str
        ``empty``, ``unreadable``, ``truncated``, ``no-pixels``, ``duplicate``, ``missing-uid``, ``disagreement``,
        ``missing-slices``, or, as hints, ``repaired``, ``incomplete``, ``numbering``.
    is_hint : bool
        It may be in order.
    text : str
        For people.
    uid : str or None
        Of the instance, series or study that it is about.
    count : int
        How many files it is about.
    files : tuple of str
        Some of these, by name.
    """

    kind: str
    is_hint: bool
    text: str
    uid: str | None = None
    count: int = 0
    files: tuple[str, ...] = ()


@dataclass(slots=True)
class Report:
    """What :func:`check` found.

    Attributes
    ----------
    files, dicom, not_dicom, dicomdirs : int
        All files, those that were read, those that are no DICOM, and DICOMDIRs, which are not checked.
    findings : list of Finding
        Up to the limit of each kind; in the same order for the same files.
    totals : dict
        From each kind to the number of findings, those beyond the limit included.
    unknown : list of str
        What could not be judged, and why.
    """

    files: int = 0
    dicom: int = 0
    not_dicom: int = 0
    dicomdirs: int = 0
    findings: list[Finding] = field(default_factory=list)
    totals: dict[str, int] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)

    def _add(self, finding: Finding, limit: int | None) -> None:
        number = self.totals[finding.kind] = self.totals.get(finding.kind, 0) + 1
        if limit is None or number <= limit:
            self.findings.append(finding)


def check(
    source: Any, *, limit: int | None = 1000, hints: bool = True, compare: bool = True, batches: Iterable[Batch] | None = None
) -> Report:
    """Look for what is wrong in a folder or an index.

    Parameters
    ----------
    source : path, iterable of paths, Scan, or Index
        A path named .parquet, .arrow or .csv is an index: what it does not tell is not judged. Any other is scanned, each
        file to its end. A Scan should have the tags :data:`CHECK_TAGS` and be ``thorough``.
    limit : int, optional
        The most findings of a kind, and the most files that a finding names. None: all.
    hints : bool
        Report what may be in order too: repairs while reading, gaps in instance numbers, positions with fewer images.
    compare : bool
        Read files that have the same SOP Instance UID and the same size, to tell copies from what differs. Not for an index.
    batches : iterable of Batch, optional
        The batches of `source`, a Scan, when somebody else looks at them on their way.

    Returns
    -------
    Report
        With no `findings` when nothing is wrong.

    Raises
    ------
    ModuleNotFoundError
        duckdb or pyarrow is not installed.
    ValueError
        Not an index.

    Notes
    -----
    Slices are judged among the single-frame images of a series with the same orientation, by their distance along the normal
    of the slice (PS3.3 C.7.6.2.1.1): where most distances are equal, one that is a multiple has slices missing. Of two parts of which
    more than a third is missing between them that is said when the Instance Numbers leave out as many, or when there are as many
    slices as are missing, but not of two acquisitions. Localizers are passed over. Several images at each position (times, echoes)
    are in order; a position with fewer of them is a hint.
    """
    with ExitStack() as stack:
        return _Check(opened(source, CHECK_TAGS, stack, batches, **CHECK_OPTIONS), limit, hints, compare).run()


class _Check:
    """One check of one index."""

    def __init__(self, index: Index, limit: int | None, hints: bool, compare: bool) -> None:
        self.index = index
        self.limit = limit
        self.hints = hints
        self.compare = compare and "path_bytes" in index.columns
        self.report = Report()
        if "path" not in index.columns:
            raise ValueError(f"the index has no column path: it has {', '.join(index.columns)}")

    def run(self) -> Report:
        index, report = self.index, self.report
        wanted = {name: value_sql(index, name) for name in CHECK_TAGS if name not in ("ImageType", *_VECTORS)}
        parts = [f"{sql} AS {name}" for name, sql in wanted.items()]
        parts += [_vector_sql(index, name) for name in _VECTORS]
        image_type = value_sql(index, "ImageType")
        parts.append(f"coalesce({image_type} ILIKE '%LOCALIZER%', false) AS localizer")
        raw = "path_bytes" if "path_bytes" in index.columns else "CAST(NULL AS BLOB) AS path_bytes"
        for name in ("error", "notes", "size"):
            parts.append(name if name in index.columns else f"NULL AS {name}")
        where = f"SELECT path, {raw}, {', '.join(parts)} FROM files"
        index.define("every", where)
        index.define("sound", f"SELECT * FROM every WHERE {read_sql(index)} AND NOT {dicomdir_sql(index)}")
        self.count()
        self.errors()
        if self.needs("truncated files", "notes"):
            self.notes()
            self.contents()
        self.missing_uids()
        self.duplicates()
        self.disagreements()
        regular = self.slices()
        if self.hints:
            self.numbering(regular)
        return report

    def add(self, kind: str, text: str, *, hint: bool = False, uid: str | None = None, count: int = 0, files: Iterable[str] = ()) -> None:
        self.report._add(Finding(kind, hint, text, uid, count, tuple(files)[: self.limit]), self.limit)

    def needs(self, what: str, *names: str) -> bool:
        """Whether the index has these columns; if not, `what` cannot be judged."""
        missing = [name for name in names if name not in self.index.columns]
        if missing:
            self.report.unknown.append(f"{what}: the index has no column {', '.join(missing)}")
        return not missing

    @property
    def some(self) -> str:
        """The SQL that gives some paths of a group, in order."""
        return "list(path ORDER BY path)" if self.limit is None else f"min(path, {max(self.limit, 1)})"

    def count(self) -> None:
        report, index = self.report, self.index
        report.files = index.value("SELECT count(*) FROM files")
        report.dicom = index.value(f"SELECT count(*) FROM files WHERE {read_sql(index)}")
        report.dicomdirs = index.value(f"SELECT count(*) FROM files WHERE {read_sql(index)} AND {dicomdir_sql(index)}")
        report.not_dicom = index.value(f"SELECT count(*) FROM every WHERE {_NOT_DICOM} AND NOT {_EMPTY}")

    def errors(self) -> None:
        """Empty and unreadable files."""
        if not self.needs("unreadable files", "error"):
            return
        sql = f"SELECT count(*), {self.some} FROM every WHERE {_EMPTY} HAVING count(*) > 0"
        for number, files in self.index.rows(sql):
            self.add("empty", "the file is empty", count=number, files=files)
        sql = f"""SELECT regexp_replace(error, ?, '…', 'g') AS reason, count(*) AS n, {self.some} FROM every
            WHERE error IS NOT NULL AND NOT {_NOT_DICOM} AND NOT {_EMPTY} GROUP BY reason ORDER BY n DESC, reason"""
        for reason, number, files in self.index.rows(sql, [NUMBERS]):
            self.add("unreadable", reason, count=number, files=files)

    def notes(self) -> None:
        """What was repaired while reading: the file is cut off, or something else."""
        if "path_bytes" not in self.index.columns:
            self.report.unknown.append("truncated files: an index knows a file up to the last of its tags; check the folder")
        cases = " ".join(f"WHEN {condition} THEN 'truncated:{text}'" for condition, text in _NOTES)
        numbers = NUMBERS.replace("'", "''")
        self.index.define(
            "noted",
            f"""WITH each AS (SELECT path, size, transfer_syntax IS NOT DISTINCT FROM '{_DEFLATED}' AS deflated,
              unnest(string_split(notes, '; ')) AS note FROM every WHERE notes IS NOT NULL)
            SELECT path, CASE {cases} ELSE 'repaired:' || regexp_replace(note, '{numbers}', '…', 'g') END AS reason FROM each""",
        )
        self.reasons("noted")

    def contents(self) -> None:
        """What was cut off between two elements, and images without their pixels."""
        cut = "path NOT IN (SELECT path FROM noted WHERE starts_with(reason, 'truncated:'))"
        if sql := contents_sql(self.index):
            self.reasons(f"(SELECT * FROM ({sql}) WHERE {cut})")
        if sql := pixels_sql(self.index):
            sql = f"""SELECT count(DISTINCT path), list_distinct({self.some}), arg_min(wanted, path), arg_min(found, path)
                FROM ({sql}) WHERE {cut} HAVING count(*) > 0"""
            for number, files, wanted, found in self.index.rows(sql):
                text = (
                    f"pixel data shorter than Rows × Columns × Samples per Pixel × Bits Allocated × Number of Frames: {wanted:,.0f} bytes"
                )
                text += f" expected, {found:,} found{' (in the first of these files)' if number > 1 else ''}"
                self.add("truncated", text, count=number, files=sorted(files))

    def reasons(self, table: str) -> None:
        """Findings of a table with path and reason, which is the kind and the text."""
        sql = f"""SELECT reason, count(DISTINCT path) AS n, list_distinct({self.some}) FROM {table} GROUP BY reason
            ORDER BY reason[1:1] DESC, n DESC, reason"""
        for reason, number, files in self.index.rows(sql):
            kind, _, text = reason.partition(":")
            if kind != "repaired" or self.hints:
                self.add(kind, text, hint=kind == "repaired", count=number, files=sorted(files))

    def missing_uids(self) -> None:
        names = ("SOPInstanceUID", "SOPClassUID", "StudyInstanceUID", "SeriesInstanceUID")
        for name in names:
            if not self.needs(f"files without {name}", name):
                continue
            exempt = ""
            if name in ("StudyInstanceUID", "SeriesInstanceUID"):
                exempt = "".join(f" AND coalesce(SOPClassUID, '') NOT LIKE '{root}%'" for root in _NO_STUDY)
            sql = f"SELECT count(*), {self.some} FROM sound WHERE {name} IS NULL{exempt} HAVING count(*) > 0"
            for number, files in self.index.rows(sql):
                self.add("missing-uid", f"no {name}", count=number, files=files)

    def duplicates(self) -> None:
        """The same SOP Instance UID in several files."""
        if not self.needs("duplicates", "SOPInstanceUID"):
            return
        sql = """WITH twice AS (SELECT SOPInstanceUID AS uid FROM sound WHERE SOPInstanceUID IS NOT NULL
              GROUP BY uid HAVING count(DISTINCT path) > 1)
            SELECT DISTINCT uid, path, path_bytes, size FROM sound JOIN twice ON uid = SOPInstanceUID ORDER BY uid, path"""
        for uid, rows in groupby(self.index.rows(sql), key=itemgetter(0)):
            files = {path: (raw, size) for _, path, raw, size in rows}
            self.add("duplicate", self._same(files), uid=uid, count=len(files), files=files)

    def _same(self, files: dict[str, tuple[bytes | None, int | None]]) -> str:
        """Whether files with one UID are copies of each other, in words."""
        if len({size for _, size in files.values()}) > 1:
            return f"the same SOP Instance UID in {len(files)} files of different sizes"
        if not self.compare:
            return f"the same SOP Instance UID in {len(files)} files of the same size (contents not compared)"
        try:
            contents = {_digest(path if raw is None else raw) for path, (raw, _) in files.items()}
        except OSError as error:
            return f"the same SOP Instance UID in {len(files)} files of the same size (not compared: {error.strerror})"
        what = "identical files" if len(contents) == 1 else f"files of the same size, {len(contents)} different contents"
        return f"the same SOP Instance UID in {len(files)} {what}"

    def disagreements(self) -> None:
        """Files of one series that name different patients or studies; and series of one study that do."""
        if not self.needs("series that disagree", "SeriesInstanceUID"):
            return
        for name in _DISAGREE:
            if self.needs(f"series that disagree on {name}", name):
                self._disagreement("SeriesInstanceUID", name, "sound")
        if "StudyInstanceUID" in self.index.columns and "PatientID" in self.index.columns:
            # Where a series already disagrees, that of its study is told.
            agreeing = """(SELECT * FROM sound WHERE StudyInstanceUID NOT IN (SELECT StudyInstanceUID FROM sound
                WHERE StudyInstanceUID IS NOT NULL GROUP BY StudyInstanceUID, SeriesInstanceUID
                HAVING count(DISTINCT coalesce(PatientID, '')) > 1))"""
            self._disagreement("StudyInstanceUID", "PatientID", agreeing)

    def _disagreement(self, group: str, name: str, table: str) -> None:
        value = _NAME if name == "PatientName" else name
        sql = f"""WITH each AS (SELECT {group} AS uid, coalesce({value}, '') AS value, count(*) AS n, min(path) AS path
              FROM {table} WHERE {group} IS NOT NULL GROUP BY ALL)
            SELECT uid, count(*), list(value ORDER BY n DESC, value)[1:{_VALUES}], list(n ORDER BY n DESC, value)[1:{_VALUES}],
              list(path ORDER BY n DESC, value), sum(n) FROM each GROUP BY uid HAVING count(*) > 1 ORDER BY uid"""
        what = "series" if group == "SeriesInstanceUID" else "study"
        for uid, number, values, counts, files, total in self.index.rows(sql):
            shown = ", ".join(f"{value or '(none)'} in {n:,}" for value, n in zip(values, counts, strict=True))
            more = f" and {number - _VALUES:,} more" if number > _VALUES else ""
            self.add("disagreement", f"one {what}, {number:,} values of {name}: {shown}{more}", uid=uid, count=int(total), files=files)

    def slices(self) -> set[str]:
        """Missing slices; the series whose slices are told to be complete."""
        if not self.needs("missing slices", "SeriesInstanceUID", *_VECTORS):
            return set()
        complete = set()
        for uid, rows in groupby(self.index.rows(_PLACES), key=itemgetter(0)):
            found = judged(Place((x, y, z), *place) for _, x, y, z, *place in rows)
            for gap in found.gaps:
                text = f"{gap.missing} of {gap.expected} slices missing, {found.spacing_text(gap)}"
                self.add("missing-slices", text, uid=uid, count=len(gap.files), files=gap.files)
            if found.thin and self.hints:
                self.add("incomplete", found.thin_text, hint=True, uid=uid, count=len(found.thin), files=found.thin)
            if found.is_regular:
                complete.add(uid)
        return complete

    def numbering(self, regular: set[str]) -> None:
        """Gaps in Instance Number, where the places of the slices do not tell."""
        if not self.needs("gaps in Instance Number", "SeriesInstanceUID", "InstanceNumber"):
            return
        # Numbers with more gaps than numbers do not count anything.
        sql = f"""WITH each AS (SELECT SeriesInstanceUID AS uid, TRY_CAST(InstanceNumber AS BIGINT) AS number, path FROM sound)
            SELECT uid, min(number) AS low, max(number) AS high, list_sort(list(DISTINCT number)) AS numbers, count(*) AS n, {self.some}
            FROM each WHERE uid IS NOT NULL AND number IS NOT NULL GROUP BY uid
            HAVING count(DISTINCT number) >= 3 AND high - low >= count(DISTINCT number)
              AND high - low < 2 * count(DISTINCT number) ORDER BY uid"""
        for uid, low, high, numbers, number, files in self.index.rows(sql):
            if uid not in regular:
                missing = sorted(set(range(low, high + 1)).difference(numbers))
                text = f"Instance Numbers {low} to {high} without {_ranges(missing)}"
                self.add("numbering", text, hint=True, uid=uid, count=number, files=files)


_VECTORS: Final = ("ImagePositionPatient", "ImageOrientationPatient")
# The normal of a slice is the cross product of its rows' and its columns' direction (PS3.3 C.7.6.2.1.1).
_PLACES: Final = """
WITH placed AS (
  SELECT SeriesInstanceUID AS uid, path, ImageOrientationPatient AS o, ImagePositionPatient AS p,
    TRY_CAST(InstanceNumber AS BIGINT) AS number, AcquisitionNumber AS acquisition FROM sound
  WHERE SeriesInstanceUID IS NOT NULL AND coalesce(TRY_CAST(NumberOfFrames AS BIGINT), 1) <= 1 AND NOT localizer
    AND len(ImageOrientationPatient) = 6 AND len(ImagePositionPatient) = 3
), turned AS (
  SELECT uid, path, p, number, acquisition,
    o[2] * o[6] - o[3] * o[5] AS x, o[3] * o[4] - o[1] * o[6] AS y, o[1] * o[5] - o[2] * o[4] AS z FROM placed
), measured AS (
  SELECT uid, path, p, number, acquisition, x / size AS x, y / size AS y, z / size AS z
  FROM (SELECT *, sqrt(x * x + y * y + z * z) AS size FROM turned)
  WHERE size BETWEEN 0.5 AND 2
)
SELECT uid, x, y, z, x * p[1] + y * p[2] + z * p[3] AS along, count(*), min(path), min(number),
  CASE WHEN count(DISTINCT acquisition) = 1 AND count(acquisition) = count(*) THEN min(acquisition) END
FROM measured WHERE isfinite(along)
GROUP BY ALL ORDER BY ALL
"""
# A name without what may be left out: empty components and groups at the end, and blanks around them (PS3.5 6.2, 6.2.1.1).
_NAME: Final = r"rtrim(regexp_replace(regexp_replace(PatientName, '\s*([\^=])\s*', '\1', 'g'), '\^+(=|$)', '\1', 'g'), '=')"
_EMPTY: Final = "(error IS NOT NULL AND size IS NOT DISTINCT FROM 0)"
_NOT_DICOM: Final = "(error IS NOT NULL AND (error LIKE 'no DICM at byte%' OR error LIKE 'the file is empty%'))"


def _vector_sql(index: Index, name: str) -> str:
    if name not in index.columns:
        return f"CAST(NULL AS DOUBLE[]) AS {name}"
    return f"TRY_CAST({name} AS DOUBLE[]) AS {name}"


def _digest(path: str | bytes) -> bytes:
    with open(os.fsdecode(path), "rb") as file:
        return hashlib.file_digest(file, "blake2b").digest()


def _ranges(numbers: list[int], most: int = 8) -> str:
    """Numbers in words: 3, 5 to 7."""
    found: list[list[int]] = []  # first and last of each run
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    parts = [str(first) if first == last else f"{first} to {last}" for first, last in found[:most]]
    return ", ".join(parts) + (f" and {len(found) - most} more gaps" if len(found) > most else "")
