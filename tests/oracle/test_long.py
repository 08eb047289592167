"""The long table has the elements that dcmread and pydicom give, with their values as text: every file of the corpus."""

from __future__ import annotations

import logging
import struct
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import corpus
import fastdicom
from fastdicom.dictionary import _tables

TEXT = frozenset({"AE", "AS", "CS", "DA", "DT", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"})
INTEGERS = frozenset({"US", "SS", "UL", "SL", "UV", "SV", "IS"})
FLOATS = frozenset({"FL", "FD", "DS"})
PIXELS = frozenset({0x7FE00010, 0x7FE00008, 0x7FE00009})

Row = dict[str, Any]


def rows_of(folder: Path) -> dict[str, list[Row]]:
    """The rows of each file, in order. A folder is named, because a DICOMDIR that is named stands for the files that it lists."""
    out: dict[str, list[Row]] = {}
    for batch in fastdicom.scan(folder, elements=True, thorough=True, value_limit=1 << 24, batch_size=1000):
        for row in batch.to_pylist():
            out.setdefault(str(row["path"]), []).append(row)
    return out


def name(tag: int, creator: str | None) -> str:
    if tag & 0x10000:
        return f"{tag:08x}" if not creator else f'({tag >> 16:04x},"{creator}",{tag & 0xFF:02x})'
    keyword = _tables.keyword(tag)
    return keyword if keyword and _tables.tag_for(keyword) == tag else f"{tag:08x}"  # 60xx: the keyword means 6000


def creator_of(ds: Any, tag: int) -> str | None:
    if not tag & 0x10000 or tag & 0xFFFF < 0x1000:
        return None
    raw = ds.get(tag & 0xFFFF0000 | tag >> 8 & 0xFF)
    if raw is None:
        return None
    data = bytes(raw.raw).rstrip(b" \0").lstrip(b" ")
    return "".join(chr(byte) if byte < 0x80 else f"\\x{byte:02X}" for byte in data)


def elements(ds: Any, prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """(the way to it, DataElement) in the order of the long table."""
    for elem in ds.elements():
        path = prefix + name(elem.tag, creator_of(ds, elem.tag))
        yield path, elem
        if elem.VR == "SQ" and depth < 64:
            for i, item in enumerate(elem.value):
                yield from elements(item, f"{path}[{i}]/", depth + 1)


def agrees(value: object, text: str | None, vr: str, tag: int) -> bool:
    """Is `text` what the long table shall say of a value?"""
    if vr not in TEXT | INTEGERS | FLOATS | {"AT"} or tag in PIXELS:
        return text is None
    if value is None or (value == "" and vr in FLOATS | INTEGERS):
        return text is None
    if text is None:
        return False
    values = value if isinstance(value, list) else [value]
    parts = [text] if vr in ("LT", "ST", "UT", "UR") else text.split("\\")
    return len(values) == len(parts) and all(part_agrees(v, p, vr) for v, p in zip(values, parts, strict=True))


def part_agrees(value: Any, part: str, vr: str) -> bool:
    if value is None:
        return part == ""
    if isinstance(value, fastdicom.Tag):
        return part == f"{int(value):08x}"
    if isinstance(value, str):
        return part.strip() == value.strip() if vr in FLOATS | INTEGERS else part == value
    if vr == "FL":
        return struct.pack("<f", float(part)) == struct.pack("<f", value) or (part == "nan" and value != value)
    if vr == "IS":
        return float(part) == value
    return float(part) == value or (value != value and part == "nan")


def differences(path: Path, rows: list[Row]) -> Iterator[str]:
    try:
        ds = fastdicom.dcmread(path)
    except fastdicom.ParseError as error:
        if [row["error"] for row in rows] != [error.reason]:
            yield f"{path}: {rows[0]['error']} is not {error.reason}"
        return
    expected = [*elements(ds.file_meta), *elements(ds)]
    got = [row for row in rows if row["element"] is not None]
    if [row["element"] for row in got] != [path for path, _ in expected]:
        yield f"{path}: {len(got)} elements, not {len(expected)}"
        return
    for row, (_, elem) in zip(got, expected, strict=True):
        length = None if elem.is_undefined_length else elem.length
        facts = f"{int(elem.tag):08x}", elem.keyword or None, elem.VR, length, None
        if (row["tag"], row["keyword"], row["vr"], row["length"], row["error"]) != facts:
            yield f"{path}: {row} is not {facts}"
        try:
            value = None if elem.VR == "SQ" else elem.value
        except fastdicom.DicomError as error:
            yield f"{path}: {error}"
            continue
        if not agrees(value, row["value"], elem.VR, elem.tag):
            yield f"{path}: {row['element']} {elem.VR}: {row['value']!r:.90} is not {value!r:.90}"


@pytest.mark.parametrize("source", ["corpus", "pydicom"])
def test_rows_are_what_dcmread_gives(source: str, request: pytest.FixtureRequest) -> None:
    if source == "corpus":
        folder = request.getfixturevalue("corpus")
        files = [entry.path for entry in corpus.entries(hostile=True)]
    else:
        folder = Path(pytest.importorskip("pydicom").__file__).parent / "data"
        files = sorted(path for path in folder.rglob("*") if path.is_file())
    rows = rows_of(folder)
    assert rows.keys() >= set(map(str, files))
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", fastdicom.DicomWarning)
        for path in files:
            found += list(differences(path, rows[str(path)]))
    assert found == []
    assert sum(map(len, rows.values())) > 5000


@pytest.fixture(name="corpus_folder")
def the_folder_of_the_corpus(corpus: Path) -> Path:
    """The name `corpus` is that of the module here."""
    return corpus


def their_elements(ds: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for tag in sorted(ds.keys()):
        elem = ds[tag]
        block = ds.get((tag.group, tag.element >> 8)) if tag.is_private and tag.element > 0xFF else None
        creator = "".join(c if c.isascii() else f"\\x{ord(c):02X}" for c in str(block.value).strip(" \0")) if block else None
        path = prefix + name(int(tag), creator)
        yield path, elem
        if elem.VR == "SQ":
            for i, item in enumerate(elem.value):
                yield from their_elements(item, f"{path}[{i}]/")


def plain(value: Any, vr: str) -> Any:
    """A value of pydicom's as one of ours."""
    if value is None or isinstance(value, (bytes, str)):
        return None if value is None or (value == "" and vr not in TEXT) else str(value) if isinstance(value, str) else value
    if vr == "PN":
        return [str(v) for v in value] if not hasattr(value, "original_string") else str(value)
    if hasattr(value, "__len__"):
        return [plain(v, vr) for v in value] if len(value) else ("" if vr in TEXT else None)
    return fastdicom.Tag(int(value)) if vr == "AT" else int(value) if vr in INTEGERS else float(value)


# Where the two libraries differ on purpose (tolerated_pydicom.py has the reasons): cut off pixel data, group lengths, UN in big endian.
OTHER_ELEMENTS = "emri_small_jpeg_2k_lossless_too_short.dcm"


def tolerated(file: str, path: str) -> bool:
    last = path.rpartition("/")[2]
    return last.endswith("0000") or ("BigEndian" in file and last.startswith("("))


def test_values_are_those_of_pydicom(corpus_folder: Path) -> None:
    pydicom = pytest.importorskip("pydicom")
    files = [entry.path for entry in corpus.entries() if entry.size < 40_000_000]
    rows, found, compared = rows_of(corpus_folder), [], 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.getLogger("pydicom").setLevel(logging.CRITICAL)
        for path in files:
            try:
                ds = pydicom.dcmread(path)
                theirs = [*their_elements(ds.file_meta), *their_elements(ds)]
            except Exception:  # pydicom's own limits: test_rows_are_what_dcmread_gives has these files
                continue
            ours = {row["element"]: row for row in rows[str(path)]}
            if set(ours) - {None} != {p for p, _ in theirs} and path.name != OTHER_ELEMENTS:
                found.append(f"{path}: {sorted(set(ours) ^ {p for p, _ in theirs}, key=str)[:5]}")
                continue
            for where, elem in theirs:
                row = ours[where]  # that we have more of a broken file is well
                compared += 1
                if tolerated(str(path), where):
                    continue
                value = None if elem.VR == "SQ" else plain(elem.value, elem.VR)
                if (row["tag"], row["vr"]) != (f"{int(elem.tag):08x}", elem.VR):
                    found.append(f"{path}: {where}: {row['tag']} {row['vr']} is not {elem.tag} {elem.VR}")
                elif not agrees(value, row["value"], elem.VR, int(elem.tag)):
                    found.append(f"{path}: {where}: {row['value']!r:.80} is not {value!r:.80}")
    assert found == []
    assert compared > 50_000
