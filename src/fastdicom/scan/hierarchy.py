"""An index as a tree: patients, their studies, and the series in these."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fastdicom.scan.arrow import Scan
from fastdicom.scan.columns import STUDY_TAGS
from fastdicom.scan.index import Index, is_index

if TYPE_CHECKING:
    from fastdicom.scan._scan import Batch

__all__ = ["TREE_TAGS", "Patient", "Series", "Study", "Tree", "opened", "tree", "value_sql"]

#: What a tree is made of.
TREE_TAGS: Final = (
    "MediaStorageSOPClassUID",
    *STUDY_TAGS,
    "SeriesDescription",
    "Modality",
    "SOPInstanceUID",
)
DICOMDIR_CLASS: Final = "1.2.840.10008.1.3.10"  # Media Storage Directory Storage (PS3.6 A)


@dataclass(frozen=True, slots=True)
class Series:
    """A series: its attributes as text (None where absent or empty), how many files and instances, and their bytes."""

    uid: str | None
    number: int | None
    modality: str | None
    description: str | None
    files: int
    instances: int
    size: int


@dataclass(frozen=True, slots=True)
class Study:
    """A study of a patient and its series, by their numbers. Dates are ``YYYY-MM-DD`` where they are dates."""

    uid: str | None
    id: str | None
    date: str | None
    time: str | None
    description: str | None
    accession: str | None
    series: tuple[Series, ...]

    @property
    def files(self) -> int:
        """How many files."""
        return sum(series.files for series in self.series)

    @property
    def instances(self) -> int:
        """How many different instances."""
        return sum(series.instances for series in self.series)

    @property
    def size(self) -> int:
        """The bytes of the files."""
        return sum(series.size for series in self.series)


@dataclass(frozen=True, slots=True)
class Patient:
    """A patient, by Patient ID, and the studies, by date. Of several names the first in the order of their letters is given.

    Files without a Patient ID are told apart by the name.
    """

    id: str | None
    name: str | None
    birth_date: str | None
    sex: str | None
    studies: tuple[Study, ...]

    @property
    def files(self) -> int:
        """How many files."""
        return sum(study.files for study in self.studies)

    @property
    def instances(self) -> int:
        """How many different instances."""
        return sum(study.instances for study in self.studies)

    @property
    def size(self) -> int:
        """The bytes of the files."""
        return sum(study.size for study in self.studies)


@dataclass(frozen=True, slots=True)
class Tree:
    """What :func:`tree` returns.

    Attributes
    ----------
    patients : tuple of Patient
        By Patient ID; files without one come last.
    left_out : int
        How many files are not in it: no DICOM, unreadable, or a DICOMDIR.
    """

    patients: tuple[Patient, ...]
    left_out: int


def tree(source: Any) -> Tree:
    """Return the patients, studies and series of an index or a folder.

    Parameters
    ----------
    source : path, iterable of paths, Scan, or Index
        A path named .parquet, .arrow or .csv is an index that a scan wrote; any other is scanned.

    Returns
    -------
    Tree
        The same for the same files, in whatever order they were found.

    Raises
    ------
    ModuleNotFoundError
        duckdb or pyarrow is not installed.
    ValueError
        Not an index, or one that has neither a Patient ID nor a Study or Series Instance UID.

    Examples
    --------
    >>> import fastdicom
    >>> for patient in fastdicom.scan.tree("index.parquet").patients:  # doctest: +SKIP
    ...     print(patient.id, len(patient.studies), patient.instances)
    """
    with ExitStack() as stack:
        return _tree(opened(source, TREE_TAGS, stack))


def opened(source: Any, tags: Iterable[str], stack: ExitStack, batches: Iterable[Batch] | None = None, **options: Any) -> Index:
    """Return an :class:`Index` whose table ``files`` is `source`; `stack` closes it, unless it was one already."""
    if isinstance(source, Index):
        return source
    index = stack.enter_context(Index())
    if isinstance(source, Scan):
        index.add_scan("files", source, batches)
    elif is_index(source):
        index.add_file("files", source)
    else:
        index.add_scan("files", Scan(source, tuple(tags), **options))
    return index


def value_sql(index: Index, name: str) -> str:
    """The SQL of a column as text, null where it is empty or where the index has no such column."""
    return f"NULLIF(TRIM(CAST({name} AS VARCHAR)), '')" if name in index.columns else "CAST(NULL AS VARCHAR)"


def dicomdir_sql(index: Index) -> str:
    """The SQL that is true of a DICOMDIR (PS3.10 8.6: by its class; an index without it tells by the name).

    A name that only begins so, as of a copy, is that of a DICOMDIR when there is no SOP Instance UID in it.
    """
    names = r"regexp_matches(path, '(^|[/\\])DICOMDIR{}$', 'i')"
    by_name = names.format("") if "path" in index.columns else "false"
    if {"path", "SOPInstanceUID"} <= index.columns.keys():
        begins_so = names.format(r"[^/\\]*")
        by_name = f"({by_name} OR ({begins_so} AND {value_sql(index, 'SOPInstanceUID')} IS NULL))"
    return f"({value_sql(index, 'MediaStorageSOPClassUID')} IS NOT DISTINCT FROM '{DICOMDIR_CLASS}' OR {by_name})"


def read_sql(index: Index) -> str:
    """The SQL that is true of a file that was read."""
    return "error IS NULL" if "error" in index.columns else "true"


_DATE: Final = re.compile(r"(\d{4})\.?(\d\d)\.?(\d\d)")


class _Row(NamedTuple):
    """A series of the tree, as the query gives it."""

    patient: str | None
    nameless: str | None
    study: str | None
    series: str | None
    name: str | None
    birth: str | None
    sex: str | None
    id: str | None
    date: str | None
    time: str | None
    what: str | None
    accession: str | None
    number: int | None
    description: str | None
    modality: str | None
    files: int
    instances: int
    size: int | None


_SERIES: Final = """
WITH shown AS (
  SELECT {patient} AS patient, {study} AS study, {series} AS series, {instance} AS instance, {size} AS size,
    {name} AS name, {birth} AS birth, {sex} AS sex, {id} AS id, {date} AS date, {time} AS time, {what} AS what,
    {accession} AS accession, TRY_CAST({number} AS BIGINT) AS number, {description} AS description, {modality} AS modality
  FROM files WHERE {read} AND NOT {dicomdir}
)
SELECT patient, CASE WHEN patient IS NULL THEN name END AS nameless, study, series,
  min(name), min(birth), min(sex), min(id), min(date), min(time), min(what), min(accession), min(number), min(description),
  string_agg(DISTINCT modality, '/' ORDER BY modality), count(*),
  count(DISTINCT hash(instance)) FILTER (WHERE instance IS NOT NULL) + count(*) FILTER (WHERE instance IS NULL), sum(size)
FROM shown GROUP BY patient, nameless, study, series
"""


def _tree(index: Index) -> Tree:
    keys = {"patient": "PatientID", "study": "StudyInstanceUID", "series": "SeriesInstanceUID"}
    if not any(name in index.columns for name in keys.values()):
        raise ValueError(f"the index has none of the columns {', '.join(keys.values())}: it has {', '.join(index.columns)}")
    fields = keys | {
        "instance": "SOPInstanceUID",
        "name": "PatientName",
        "birth": "PatientBirthDate",
        "sex": "PatientSex",
        "id": "StudyID",
        "date": "StudyDate",
        "time": "StudyTime",
        "what": "StudyDescription",
        "accession": "AccessionNumber",
        "number": "SeriesNumber",
        "description": "SeriesDescription",
        "modality": "Modality",
    }
    parts = {field: value_sql(index, name) for field, name in fields.items()}
    parts["size"] = "CAST(size AS BIGINT)" if "size" in index.columns else "0"
    sql = _SERIES.format(**parts, read=read_sql(index), dicomdir=dicomdir_sql(index))
    patients: dict[tuple[str | None, str | None], dict[str | None, list[_Row]]] = {}
    shown = 0
    for values in index.rows(sql):
        row = _Row(*values)
        patients.setdefault((row.patient, row.nameless), {}).setdefault(row.study, []).append(row)
        shown += row.files
    total = index.value("SELECT count(*) FROM files")
    found = [_patient(key[0], studies) for key, studies in patients.items()]
    return Tree(tuple(sorted(found, key=lambda patient: _order(patient.id, patient.name))), total - shown)


def _order(*values: Any) -> tuple[tuple[bool, Any], ...]:
    """A key to sort by; what is absent comes last."""
    return tuple((value is None, value) for value in values)


def _least(rows: Iterable[_Row], name: str) -> str | None:
    return min((value for row in rows if (value := getattr(row, name)) is not None), default=None)


def _patient(id_: str | None, studies: dict[str | None, list[_Row]]) -> Patient:
    rows = [row for found in studies.values() for row in found]
    made = sorted((_study(uid, found) for uid, found in studies.items()), key=lambda study: _order(study.date, study.time, study.uid))
    return Patient(id_, _least(rows, "name"), _date(_least(rows, "birth")), _least(rows, "sex"), tuple(made))


def _study(uid: str | None, rows: list[_Row]) -> Study:
    series = [
        Series(row.series, row.number, row.modality, row.description, row.files, row.instances, int(row.size or 0))
        for row in sorted(rows, key=lambda row: _order(row.number, row.series))
    ]
    date, time, what = _date(_least(rows, "date")), _least(rows, "time"), _least(rows, "what")
    return Study(uid, _least(rows, "id"), date, time, what, _least(rows, "accession"), tuple(series))


def _date(text: str | None) -> str | None:
    """A DA value as people write it (PS3.5 6.2: with dots before 1993); what is no date stays as it is."""
    match = _DATE.fullmatch(text or "")
    return "-".join(match.groups()) if match else text
