"""The DICOM JSON model of a data set (PS3.18 Annex F)."""

from __future__ import annotations

import math
import warnings
from base64 import b64encode

from fastdicom.errors import DicomError, DicomWarning

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, Final, TypeAlias

    from fastdicom.dataset import DataElement, Dataset

    JSON: TypeAlias = dict[str, Any]
    Handler: TypeAlias = Callable[[DataElement], str]
    Job: TypeAlias = tuple[Dataset, JSON]

__all__ = ["to_json", "to_json_dict"]

# PS3.18 table F.2.3-1. Binary VRs with the size of their words, which is what big endian swaps.
_BINARY: Final = {"OB": 1, "OD": 8, "OF": 4, "OL": 4, "OV": 8, "OW": 2, "UN": 1}
_NUMBERS: Final = frozenset({"DS", "FD", "FL", "IS", "SL", "SS", "SV", "UL", "US", "UV"})
_TEXTS: Final = frozenset({"AE", "AS", "CS", "DA", "DT", "LO", "LT", "SH", "ST", "TM", "UC", "UI", "UR", "UT"})
_GROUPS_OF_A_NAME: Final = ("Alphabetic", "Ideographic", "Phonetic")


def to_json_dict(
    dataset: Dataset, /, *, bulk_data_threshold: int = 1024, bulk_data_element_handler: Handler | None = None
) -> dict[str, Any]:
    """Return a data set in the DICOM JSON model (PS3.18 Annex F).

    Damage does not stop it: what cannot be read is left out or given as its bytes, with a :class:`DicomWarning`.

    Parameters
    ----------
    dataset : Dataset
        Its file meta information is no part of the model.
    bulk_data_threshold : int
        Binary values whose base64 text would be longer than this many characters go to the handler.
    bulk_data_element_handler : callable, optional
        Called with a long element, returns the URI to write as its BulkDataURI. Without one, all is written inline.

    Returns
    -------
    dict
        Tags as eight hexadecimal digits, in ascending order, each with ``vr`` and at most one of ``Value``, ``InlineBinary``
        and ``BulkDataURI``. Group lengths are left out (F.2.2), an empty value among others is ``None`` (F.2.5), and
        numbers that JSON does not have are ``"NaN"``, ``"Infinity"`` and ``"-Infinity"``.
    """
    made: JSON = {}
    # Sequences wait in a list of their own, so that the depth of a file never is that of the stack.
    jobs: list[Job] = [(dataset, made)]
    while jobs:
        owner, target = jobs.pop()
        for element in sorted(_elements(owner), key=_tag_of):
            if element.tag & 0xFFFF:
                target[f"{int(element.tag):08X}"] = _attribute(element, jobs, bulk_data_threshold, bulk_data_element_handler)
    return made


def to_json(
    dataset: Dataset,
    /,
    *,
    bulk_data_threshold: int = 1024,
    bulk_data_element_handler: Handler | None = None,
    indent: int | None = None,
) -> str:
    """Return the text of :func:`to_json_dict`, in ASCII.

    Parameters
    ----------
    dataset, bulk_data_threshold, bulk_data_element_handler
        As for :func:`to_json_dict`.
    indent : int, optional
        Spaces for each level, for people; without it the text is one line.
    """
    made = to_json_dict(dataset, bulk_data_threshold=bulk_data_threshold, bulk_data_element_handler=bulk_data_element_handler)
    import json

    try:
        return json.dumps(made, allow_nan=False, indent=indent, separators=(",", ":") if indent is None else None)
    except RecursionError:
        return "".join(_text(made, indent))


def _tag_of(element: DataElement) -> int:
    return int(element.tag)


def _elements(dataset: Dataset) -> list[DataElement]:
    """Return the elements that can be reached: a data set that breaks off keeps those before."""
    elements: list[DataElement] = []
    try:
        elements.extend(dataset)
    except DicomError as error:
        _warn(str(error))
    return elements


def _attribute(element: DataElement, jobs: list[Job], threshold: int, handler: Handler | None) -> JSON:
    """Return the attribute object of an element; items of a sequence are put into `jobs`."""
    vr = str(element.VR)
    if vr == "SQ":
        return _sequence(element, jobs)
    if vr not in _BINARY:
        try:
            value: Any = element.value
            if not isinstance(value, memoryview):
                return _with_values(vr, value)
        except DicomError as error:
            _warn(f"{element.tag} {element.keyword or 'element'}: {error}; its bytes are written instead")
        vr = "UN"  # no value of its VR; what is no VR at all ends here too
    try:
        raw = memoryview(element.raw).cast("B")
    except DicomError as error:
        _warn(f"{element.tag} {element.keyword or 'element'}: {error}; its value is left out")
        return {"vr": vr}
    if not len(raw):
        return {"vr": vr}
    if handler is not None and (len(raw) + 2) // 3 * 4 > threshold:
        return {"vr": vr, "BulkDataURI": handler(element)}
    data = _little_endian(raw, _BINARY[vr]) if element.is_big_endian else raw
    return {"vr": vr, "InlineBinary": b64encode(data).decode("ascii")}


def _sequence(element: DataElement, jobs: list[Job]) -> JSON:
    items: list[JSON] = []
    try:
        for item in element.value:
            items.append({})
            jobs.append((item, items[-1]))
    except DicomError as error:
        _warn(f"{element.tag} {element.keyword or 'sequence'}: {error}; it is written up to there")
    return {"vr": "SQ", "Value": items} if items else {"vr": "SQ"}


def _with_values(vr: str, value: Any) -> JSON:
    values = list(value) if isinstance(value, (list, tuple)) else [value]
    if len(values) == 1 and (values[0] is None or values[0] == ""):
        return {"vr": vr}
    if vr not in _TEXTS and vr not in _NUMBERS and vr not in ("AT", "PN"):
        vr = "UN"
    return {"vr": vr, "Value": [_one_value(vr, item) for item in values]}


def _one_value(vr: str, value: Any) -> object:
    if value is None or value == "":
        return None
    if vr == "PN":
        groups = zip(_GROUPS_OF_A_NAME, str(value).split("="), strict=False)
        return {name: group for name, group in groups if group} or None
    if vr == "AT":
        return f"{int(value):08X}"
    if isinstance(value, float) and not math.isfinite(value):
        # RFC 8259 has no such numbers, PS3.18 does not say; strings are what other writers make of them.
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, (int, float)):
        return value
    return str(value)


def _little_endian(raw: memoryview, size: int) -> bytes:
    """Swap whole words; PS3.18 F.2.7 writes them as in the little endian transfer syntaxes."""
    whole = len(raw) - len(raw) % size
    swapped = bytearray(raw)
    for place in range(size):
        swapped[place:whole:size] = raw[size - 1 - place : whole : size]
    return bytes(swapped)


def _warn(text: str) -> None:
    warnings.warn(text, DicomWarning, stacklevel=2)


def _text(made: JSON, indent: int | None) -> Iterator[str]:
    """Yield the pieces of the text of a file so deep that json.dumps, which calls itself for every level, gives up."""
    import json

    gap, colon = ("", ":") if indent is None else ("\n", ": ")
    # What is open: the iterator over what is left, and the bracket that closes it.
    opened: list[tuple[Iterator[tuple[str, object]], str]] = []
    current: object = made
    while True:
        if isinstance(current, (dict, list)) and current:
            entries: Iterable[tuple[str, object]]
            if isinstance(current, dict):
                entries = ((json.dumps(key) + colon, item) for key, item in current.items())
            else:
                entries = (("", item) for item in current)
            opened.append((iter(entries), "}" if isinstance(current, dict) else "]"))
            yield "{" if isinstance(current, dict) else "["
            comma = ""
        else:
            yield json.dumps(current, allow_nan=False)
            comma = ","
        entry = None
        while opened and (entry := next(opened[-1][0], None)) is None:
            _, closing = opened.pop()
            yield gap + " " * (len(opened) * (indent or 0)) + closing
            comma = ","
        if entry is None:
            return
        yield comma + gap + " " * (len(opened) * (indent or 0)) + entry[0]
        current = entry[1]
