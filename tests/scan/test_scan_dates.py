"""DA, TM and DT as dates and times: what parses, what does not, and what becomes of its text."""

from __future__ import annotations

import random
import re
import string
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pytest

import fastdicom
from builders import IMPLICIT, IMPLICIT_LITTLE, dataset, element, part10
from fastdicom.scan.columns import Column, columns_of

DATES = (0x00181200, "DA", "DateOfLastCalibration")  # of VM 1-n, as are the others
TIMES = (0x00181201, "TM", "TimeOfLastCalibration")
MOMENTS = (0x0040A13A, "DT", "ReferencedDateTime")


def scanned(tmp_path: Path, data: bytes, *tags: str, syntax: str = "1.2.840.10008.1.2.1", **options: Any) -> dict[str, Any]:
    """The values of the only row."""
    (tmp_path / "1.dcm").write_bytes(part10(data, syntax))
    (batch,) = fastdicom.scan(tmp_path, tags, ordered=True, **options)
    return batch.to_pylist()[0]


def parsed(tmp_path: Path, what: tuple[int, str, str], texts: list[str]) -> list[Any]:
    """What each text becomes. Implicit VR, whose values may be long."""
    tag, vr, keyword = what
    data = element(tag, vr, "\\".join(texts).encode("latin-1"), IMPLICIT)
    found = scanned(tmp_path, data, keyword, syntax=IMPLICIT_LITTLE)[keyword]
    assert len(found) == len(texts)
    return list(found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20240229", date(2024, 2, 29)),
        ("2024.02.29", date(2024, 2, 29)),
        ("20240229  ", date(2024, 2, 29)),
        ("00010101", date(1, 1, 1)),
        ("99991231", date(9999, 12, 31)),
        ("19691231", date(1969, 12, 31)),
        ("20000229", date(2000, 2, 29)),
        *((text, None) for text in ("20230230", "19000229", "20231301", "20230001", "20230100", "00000101")),
        *(
            (text, None)
            for text in ("2023", "202301", "20230101-20231231", "2023-01-01", "2023.1.01", " 20230101", "2023010a", "20230101120000")
        ),
    ],
)
def test_dates(tmp_path: Path, text: str, expected: date | None) -> None:
    assert parsed(tmp_path, DATES, ["20010101", text, "20010101"])[1] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("07", time(7)),
        ("0709", time(7, 9)),
        ("070907", time(7, 9, 7)),
        ("070907.0705", time(7, 9, 7, 70500)),
        ("070907.000001 ", time(7, 9, 7, 1)),
        ("235959.999999", time(23, 59, 59, 999999)),
        ("07:09", time(7, 9)),
        ("07:09:07", time(7, 9, 7)),
        ("07:09:07.5", time(7, 9, 7, 500000)),
        *(
            (text, None)
            for text in ("24", "2400", "24:00", "235960", "0760", "7", "070", "07090", "0709.5", "07.5", "070907.", "070907.1234567")
        ),
        *(
            (text, None)
            for text in ("070907.-1", "07:0907", "0709:07", "07:", "07:09:", "0709-0809", "noon", " 0709", "070907,5", "+1", "0x")
        ),
    ],
)
def test_times(tmp_path: Path, text: str, expected: time | None) -> None:
    assert parsed(tmp_path, TIMES, ["01", text, "01"])[1] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024", datetime(2024, 1, 1)),
        ("202402", datetime(2024, 2, 1)),
        ("20240229", datetime(2024, 2, 29)),
        ("2024022907", datetime(2024, 2, 29, 7)),
        ("202402290709", datetime(2024, 2, 29, 7, 9)),
        ("20240229070907", datetime(2024, 2, 29, 7, 9, 7)),
        ("20240229070907.5", datetime(2024, 2, 29, 7, 9, 7, 500000)),
        ("20240229070907.123456+0530", datetime(2024, 2, 29, 7, 9, 7, 123456)),
        ("2024-1200", datetime(2024, 1, 1)),
        ("202402+1400", datetime(2024, 2, 1)),
        ("00010101", datetime(1, 1, 1)),
        ("99991231235959.999999", datetime(9999, 12, 31, 23, 59, 59, 999999)),
        *((text, None) for text in ("202", "20245", "2024022", "202413", "20240230", "202402290", "2024022924", "20240229070960")),
        *(
            (text, None)
            for text in ("2024+1401", "2024-1201", "2024+0060", "2024+01", "2024+01000", "2024-2025", "20240101-20241231", "+0100")
        ),
        *((text, None) for text in ("2024022907:09", "2024.02.29", "2024-02-29T07:09", "20240229 07", "2024+-100", "20240229.5")),
    ],
)
def test_moments(tmp_path: Path, text: str, expected: datetime | None) -> None:
    assert parsed(tmp_path, MOMENTS, ["2001", text, "2001"])[1] == expected


CLOCK = r"(\d\d)(?:(\d\d)(?:(\d\d)(?:\.(\d{1,6}))?)?)?"
FORMS = {
    "DA": [r"(\d{4})(\d\d)(\d\d)", r"(\d{4})\.(\d\d)\.(\d\d)"],
    "TM": [CLOCK, r"(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?"],
    "DT": [rf"(\d{{4}})(?:(\d\d)(?:(\d\d)(?:{CLOCK})?)?)?(?:[+]((?:0\d|1[0-3])[0-5]\d|1400)|-((?:0\d|1[01])[0-5]\d|1200))?"],
}


def by_datetime(vr: str, text: str) -> date | time | datetime | None:
    """The same by regular expressions and Python's datetime."""
    match = next(filter(None, (re.fullmatch(form, text.rstrip(" "), re.ASCII) for form in FORMS[vr])), None)
    if match is None:
        return None
    parts = list(match.groups())
    if vr != "TM":
        parts[:3] = [part or "1" for part in parts[:3]]
    if vr != "DA":
        at = 3 if vr == "TM" else 6
        parts = [*parts[:at], (parts[at] or "").ljust(6, "0")]
    numbers = [int(part or 0) for part in parts]
    try:
        return {"DA": date, "TM": time, "DT": datetime}[vr](*numbers)
    except ValueError:
        return None


def changed(text: str, random: random.Random) -> str:
    """The text with one character less, more or other."""
    at = random.randrange(len(text) + 1)
    return text[:at] + random.choice(["", random.choice(string.digits + ".:+- ")]) + text[at + random.randrange(2) :]


@pytest.mark.parametrize("what", [DATES, TIMES, MOMENTS], ids=lambda what: what[1])
@pytest.mark.parametrize("seed", range(3))
def test_python_parses_the_same(tmp_path: Path, what: tuple[int, str, str], seed: int) -> None:
    luck = random.Random(seed)
    vr = what[1]
    texts = []
    for _ in range(3000):
        moment = datetime.fromordinal(luck.randrange(1, 3652060)).replace(
            hour=luck.randrange(24), minute=luck.randrange(60), second=luck.randrange(60), microsecond=luck.randrange(10**6)
        )
        day, clock = f"{moment.year:04}{moment:%m%d}", f"{moment:%H%M%S}"
        text = {"DA": day, "TM": clock, "DT": day + clock}[vr]
        if luck.random() < 0.3:
            text = {"DA": f"{day[:4]}.{day[4:6]}.{day[6:]}", "TM": f"{moment:%H:%M:%S}", "DT": text}[vr]
        if luck.random() < 0.5 and vr != "DA":
            text += f".{moment:%f}"[: luck.randrange(2, 8)]
        if luck.random() < 0.5:
            text = text[: luck.randrange(len(text) + 1)]
        if luck.random() < 0.3 and vr == "DT":
            text += f"{luck.choice('+-')}{luck.randrange(1600):04}"
        texts.append(changed(text, luck) if luck.random() < 0.3 else text)
    texts[-1] = "x"  # the padding of the last one belongs to the whole value
    found = parsed(tmp_path, what, texts)
    assert found == [by_datetime(vr, text) for text in texts]
    assert sum(value is not None for value in found) > 500


def test_nothing_is_null(tmp_path: Path) -> None:
    data = dataset(element(0x00080020, "DA", b""), element(0x00080030, "TM", b"  "), element(DATES[0], "DA", b""))
    found = scanned(tmp_path, data, "StudyDate", "StudyTime", DATES[2], MOMENTS[2], keep_text=True)
    assert found["notes"] is None
    assert not {found[name] for name in found if name.endswith("_text") or name in ("StudyDate", "StudyTime", DATES[2], MOMENTS[2])} - {
        None
    }


def test_the_text_of_what_does_not_parse_is_kept(tmp_path: Path) -> None:
    data = dataset(
        element(0x00080020, "DA", "20230230"),
        element(0x00080021, "DA", "20230228"),
        element(0x0008002A, "DT", "20230228-0500"),
        element(0x00080030, "TM", b"07\xff9", pad=False),
        element(0x00080031, "US", 7),
        element(DATES[0], "DA", r"20230101\2023\ "),
        element(TIMES[0], "TM", r"07\08"),
    )
    wanted = ("StudyDate", "SeriesDate", "AcquisitionDateTime", "StudyTime", "SeriesTime", DATES[2], TIMES[2], MOMENTS[2])
    found = scanned(tmp_path, data, *wanted, keep_text=True)
    assert list(found)[4:8] == ["StudyDate", "StudyDate_text", "SeriesDate", "SeriesDate_text"]
    assert {name: found[f"{name}_text"] for name in wanted if found[f"{name}_text"]} == {
        "StudyDate": "20230230",
        "AcquisitionDateTime": "20230228-0500",
        "StudyTime": r"07\xFF9",
        DATES[2]: "20230101\\2023\\",
    }
    assert found["AcquisitionDateTime"] == datetime(2023, 2, 28)
    assert found[DATES[2]] == [date(2023, 1, 1), None, None]
    assert found["notes"] == (
        "StudyDate: not a date: '20230230'; StudyTime: not a time of the day: '07\\xFF9'; "
        "SeriesTime: numbers where a date or time was expected; DateOfLastCalibration: not a date: '2023'"
    )


def test_several_values_where_one_is_held(tmp_path: Path) -> None:
    found = scanned(tmp_path, element(0x00080020, "DA", r"20230101\20230102"), "StudyDate", keep_text=True)
    assert (found["StudyDate"], found["StudyDate_text"]) == (None, r"20230101\20230102")
    assert "several values" in found["notes"]


def test_columns_that_keep_text() -> None:
    columns = columns_of(["StudyDate", "PatientID", DATES[2]], keep_text=True)
    assert [column.name for column in columns] == ["StudyDate", "StudyDate_text", "PatientID", DATES[2], f"{DATES[2]}_text"]
    assert columns[1] == Column("StudyDate_text", 0x00080020, "DA", "utf8", text_of=columns[0])
    assert [column.kind for column in columns_of(["StudyDate", "StudyTime", MOMENTS[2]])] == ["date32", "time64", "timestamp"]


def test_csv_is_iso_8601(tmp_path: Path) -> None:
    data = dataset(element(0x00080020, "DA", "20230228"), element(0x0008002A, "DT", "2023"), element(DATES[0], "DA", r"20230101\20230102"))
    (tmp_path / "1.dcm").write_bytes(part10(data))
    out = tmp_path / "out.csv"
    fastdicom.scan(tmp_path / "1.dcm", ["StudyDate", "AcquisitionDateTime", DATES[2]]).to_csv(out)
    assert out.read_text().splitlines()[1].split(",")[4:7] == ["2023-02-28", "2023-01-01T00:00:00", r"2023-01-01\2023-01-02"]


def test_arrow_types(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    (tmp_path / "1.dcm").write_bytes(part10(dataset(element(DATES[0], "DA", r"20230101\x"), element(TIMES[0], "TM", "07"))))
    table = pa.table(fastdicom.scan(tmp_path, ["StudyDate", "StudyTime", MOMENTS[2], DATES[2]], ordered=True))
    table.validate(full=True)
    assert [str(field.type) for field in table.schema][4:8] == [
        "date32[day]",
        "time64[us]",
        "list<item: timestamp[us]>",
        "list<item: date32[day]>",
    ]
    assert table[DATES[2]].to_pylist() == [[date(2023, 1, 1), None]]
