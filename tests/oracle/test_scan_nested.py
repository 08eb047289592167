"""What a path into sequences gives is what dcmread finds there: every element of every item, over the whole corpus."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import fastdicom
from fastdicom.scan.columns import Column, columns_of
from oracle.test_scan import WHEN, moment, plain

ELEMENTS_A_FILE = 300
BINARY = {"OB", "OD", "OF", "OL", "OV", "OW", "UN"}


def nested(ds: fastdicom.Dataset, path: str = "") -> Iterator[tuple[str, Any]]:
    """(path, element) of everything inside sequences that has a keyword."""
    for elem in ds:
        if not elem.keyword:
            continue
        if elem.VR == "SQ":
            for i, inner in enumerate(elem.value):
                yield from nested(inner, f"{path}{elem.keyword}[{i}]/")
        elif path and elem.VR not in BINARY:
            yield path + elem.keyword, elem


def expected(column: Column, element: Any) -> Any:
    value = plain(element.value)
    if value == "" and element.VR in ("DS", "IS"):
        value = None
    if column.kind in WHEN:
        value = moment(column, value)
    return [value] if column.multiple and value is not None and not isinstance(value, list) else value


def differences(path: Path) -> tuple[int, list[str]]:
    """How many elements of a file were compared, and where they differ."""
    different: list[str] = []
    with fastdicom.dcmread(path) as ds:
        inside = dict(islice(nested(ds), ELEMENTS_A_FILE))
        wanted = columns_of(inside)
        (batch,) = fastdicom.scan(path, wanted, thorough=True)
        row, *more = batch.to_pylist()
        if more or row["path"] != str(path):
            return 0, []  # a DICOMDIR: the scan is of the files that it names
        for column, (name, element) in zip(wanted, inside.items(), strict=True):
            got, value = row[column.name], expected(column, element)
            same = got == value or (got != got and value != value)
            noted = f"{column.name}: " in (row["notes"] or "")
            if column.kind == "binary":  # LUT Data, which dcmread reads as numbers where the file says US
                continue
            if not same and (not noted or (column.kind in WHEN and value is not None)):
                different.append(f"{path.name}: {name}: {got!r:.80} is not {value!r:.80}, VR {element.VR}")
        return len(inside), different


def test_values_inside_sequences(corpus: Path) -> None:
    compared, different = 0, []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", fastdicom.DicomWarning)
        for path in sorted(corpus.rglob("*")):
            if not path.is_file() or path.suffix in {".csv", ".md", ".txt", ".json"}:
                continue
            try:
                count, found = differences(path)
            except (fastdicom.DicomError, RecursionError):
                continue  # the oracle itself does not get through
            compared += count
            different += found
    assert different == []
    assert compared > 2000
