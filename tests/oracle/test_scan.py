"""Each row of a scan is what dcmread gives for the same file: every element of the dictionary, over the whole corpus.

Dates and times are what pydicom makes of the text.
"""

from __future__ import annotations

import warnings
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

import fastdicom
from fastdicom.dictionary import _tables
from fastdicom.scan.columns import Column, columns_of

pytest.importorskip("pydicom", minversion="3.0")
from pydicom import valuerep

# Not in a data set: commands (PS3.7 E), and what is too large to compare for nothing.
SKIPPED = {"PixelData", "FloatPixelData", "DoubleFloatPixelData"}


def columns() -> tuple[Column, ...]:
    entries = _tables.entries()
    return columns_of(e[3] for e in entries if e[3] and e[1] != "SQ" and 0 < e[0] >> 16 < 0xFFFE and e[3] not in SKIPPED and not e[6])


def plain(value: Any) -> Any:
    if isinstance(value, fastdicom.Tag):
        return f"{int(value):08x}"
    if isinstance(value, str):
        return str(value)
    if isinstance(value, memoryview):
        return bytes(value)
    return [plain(item) for item in value] if isinstance(value, list) else value


WHEN = {"date32": valuerep.DA, "time64": valuerep.TM, "timestamp": valuerep.DT}


def moment(column: Column, text: Any) -> Any:
    """A date or time as pydicom understands the text; of what it does not understand, null with a note is right."""
    if isinstance(text, list):
        return [moment(column, item) for item in text]
    if column.kind == "time64":
        text = str(text or "").replace(":", "")  # HH:MM:SS of ACR-NEMA, which pydicom does not take and six files here have
    try:
        found = WHEN[column.kind](str(text).rstrip(" \0")) if text else None
    except ValueError:
        return None
    if found is None or column.kind == "date32":
        return None if found is None else datetime(found.year, found.month, found.day).date()
    return found.replace(tzinfo=None)


def compare(folder: Path) -> tuple[int, list[str]]:
    """How many values were compared, and where they differ."""
    wanted = columns()
    compared, different = 0, []
    for batch in fastdicom.scan(folder, wanted, thorough=True, batch_size=100):
        found = batch.to_pydict()
        for i, path in enumerate(found["path"]):
            try:
                ds = fastdicom.dcmread(path)
            except fastdicom.ParseError as error:
                if found["error"][i] != error.reason:
                    different.append(f"{path}: {found['error'][i]} is not {error.reason}")
                continue
            if found["error"][i] is not None:
                different.append(f"{path}: {found['error'][i]}")
            for column in wanted:
                element = (ds.file_meta if column.tag >> 16 == 2 else ds).get(column.tag)
                value = None if element is None else plain(element.value)
                if value == "" and element is not None and element.VR in ("DS", "IS"):
                    value = None
                if column.kind in WHEN:
                    value = moment(column, value)
                if column.multiple and value is not None and not isinstance(value, list):
                    value = [value]
                compared += value is not None
                got = found[column.name][i]
                same = got == value or (got != got and value != value)
                noted = f"{column.name}: " in (found["notes"][i] or "")
                if not same and (not noted or column.kind in WHEN):
                    different.append(f"{path}: {column.name}: {got!r:.80} is not {value!r:.80}, VR {element and element.VR}")
    return compared, different


@pytest.mark.parametrize("name", ["corpus", "pydicom"])
def test_rows_are_what_dcmread_gives(name: str, request: pytest.FixtureRequest) -> None:
    if name == "corpus":
        folder = request.getfixturevalue("corpus")
    else:
        folder = Path(pytest.importorskip("pydicom").__file__).parent / "data"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", fastdicom.DicomWarning)
        compared, different = compare(folder)
    # DA as DS, AS as IS: what dcmread makes a number of is a date and a text in a column of these
    tolerated = ("TC0239_studydate_DA_as_DS.dcm: StudyDate", "TC0245_patientage_AS_as_IS.dcm: PatientAge")
    assert [line for line in different if not any(part in line for part in tolerated)] == []
    assert compared > 5000
