"""The whole element tree of a file as pydicom and this library read it, side by side."""

from __future__ import annotations

import logging
import math
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataelem import RawDataElement
from pydicom.multival import MultiValue

import fastdicom
from oracle.difference import Difference

__all__ = ["compare"]

TEXT_VRS = frozenset({"AE", "AS", "CS", "DA", "DT", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"})
# PS3.5 6.2 to Python types, as the README's table of values has it; a number that does not fit its VR is text
TYPES: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(TEXT_VRS, (str,)),
    "PN": (fastdicom.PersonName,),
    "UI": (fastdicom.UID,),
    "DS": (float,),
    "IS": (int,),
    "AT": (fastdicom.Tag,),
    **dict.fromkeys(("US", "SS", "UL", "SL", "UV", "SV"), (int,)),
    **dict.fromkeys(("FL", "FD"), (float,)),
    **dict.fromkeys(("OB", "OD", "OF", "OL", "OV", "OW", "UN"), (memoryview,)),
}


def short(value: object) -> str:
    """A value for a message."""
    if isinstance(value, memoryview):
        value = bytes(value[:60])
    text = repr(value)
    return text if len(text) <= 90 else text[:87] + "..."


def is_empty(value: object) -> bool:
    return value is None or value == "" or (isinstance(value, (bytes, memoryview, list, MultiValue)) and len(value) == 0)


def same(theirs: object, ours: object) -> bool:
    """Whether two values, in each library's own types, are the same."""
    if is_empty(theirs) or is_empty(ours):
        return is_empty(theirs) and is_empty(ours)
    if isinstance(ours, list):
        return (
            isinstance(theirs, (list, MultiValue))
            and len(theirs) == len(ours)
            and all(same(t, o) for t, o in zip(theirs, ours, strict=True))
        )
    if isinstance(ours, memoryview):
        return isinstance(theirs, (bytes, bytearray)) and ours == theirs
    if isinstance(ours, float):
        return not isinstance(theirs, str) and (float(theirs) == ours or (math.isnan(float(theirs)) and math.isnan(ours)))  # type: ignore[arg-type]
    if isinstance(ours, str):
        return str(theirs) == str(ours)
    return type(theirs) is not str and theirs == ours


class Comparison:
    """Collects the differences of one file."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.found: list[Difference] = []

    def say(self, kind: str, theirs: object, ours: object, where: str = "", vr: str = "", size: int = 0) -> None:
        self.found.append(Difference(self.file, where, kind, str(theirs), str(ours), vr, size))

    def datasets(self, theirs: pydicom.Dataset, ours: fastdicom.Dataset, where: str = "", *, top: bool = False) -> None:
        """Two data sets, and all below them."""
        their_tags, our_tags = set(map(int, theirs.keys())), set(map(int, ours.tags()))
        for tag in sorted(their_tags - our_tags):
            raw = theirs._dict[pydicom.tag.BaseTag(tag)]  # get_item decodes what has no value yet, which may fail
            self.say("missing", short(raw.value), "absent", f"{where}{tag:08X}", str(raw.VR))
        for tag in sorted(our_tags - their_tags):
            self.say("extra", "absent", ours[tag].length, f"{where}{tag:08X}", ours[tag].VR, ours[tag].length)
        offsets = [elem.offset for elem in ours]
        if offsets != sorted(offsets) or len(set(offsets)) != len(offsets):
            self.say("order", "file order", offsets, where)
        for tag in sorted(their_tags & our_tags):
            self.elements(theirs, tag, ours[tag], f"{where}{tag:08X}", top=top)

    def elements(self, theirs: pydicom.Dataset, tag: int, ours: fastdicom.DataElement, where: str, *, top: bool) -> None:
        facts = {"where": where, "vr": ours.VR, "size": ours.length}
        raw = theirs._dict[pydicom.tag.BaseTag(tag)]
        if isinstance(raw, RawDataElement):
            stored = b"" if raw.value is None else raw.value
            if ours.raw != stored:
                self.say("raw", f"{len(stored)} bytes", f"{ours.length} bytes", **facts)
            if top and raw.value_tell != ours.offset:
                self.say("offset", raw.value_tell, ours.offset, **facts)
            if raw.length != 0xFFFFFFFF and (ours.is_undefined_length or (raw.length != ours.length and not ours.is_truncated)):
                self.say("length", raw.length, ours.length, **facts)
            if raw.length == 0xFFFFFFFF and not ours.is_undefined_length:
                self.say("length", "undefined", ours.length, **facts)
        try:
            element = theirs[tag]
            value = element.value
        except Exception as error:
            self.say("raises", f"{type(error).__name__}: {error}", short(ours.value), **facts)
            return
        if element.VR != ours.VR:
            self.say("VR", element.VR, ours.VR, **facts)
            return
        try:
            mine = ours.value
        except fastdicom.DicomError as error:
            self.say("raises", short(value), f"{type(error).__name__}: {error}", **facts)
            return
        if element.keyword != ours.keyword and not pydicom.datadict.repeater_has_tag(tag):
            self.say("keyword", element.keyword, ours.keyword, **facts)
        if ours.VR == "SQ":
            self.sequences(element.value, mine, where)
            return
        if not same(value, mine):
            self.say("value", short(value), short(mine), **facts)
        elif element.VM != ours.VM:
            self.say("VM", element.VM, ours.VM, **facts)
        for part in mine if isinstance(mine, list) else [mine]:
            if isinstance(part, str) and part and ours.VR in ("DS", "IS"):
                continue
            if part is not None and not (isinstance(part, TYPES[ours.VR]) and type(part) is not bool):
                self.say("type", type(value).__name__, type(part).__name__, **facts)

    def sequences(self, theirs: Any, ours: fastdicom.Sequence, where: str) -> None:
        if len(theirs) != len(ours):
            self.say("items", len(theirs), len(ours), where, "SQ")
            return
        for i, (their_item, our_item) in enumerate(zip(theirs, ours, strict=True)):
            self.datasets(their_item, our_item, f"{where}[{i}].")


def _read(read: Any, path: Path, *, force: bool) -> Any:
    try:
        return read(path, force=force)
    except Exception as error:  # whatever pydicom raises is its answer; ours may only raise its own, which the caller looks at
        return error


def compare(path: Path, name: str) -> list[Difference]:
    """All differences of a file. What both refuse without ``force`` is read with it."""
    seen = Comparison(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.getLogger("pydicom").setLevel(logging.CRITICAL)
        theirs, ours = _read(pydicom.dcmread, path, force=False), _read(fastdicom.dcmread, path, force=False)
        if isinstance(theirs, Exception) and isinstance(ours, fastdicom.NotDicomError):
            theirs, ours = _read(pydicom.dcmread, path, force=True), _read(fastdicom.dcmread, path, force=True)
        if isinstance(theirs, Exception) or isinstance(ours, Exception):
            seen.say("opens", *(f"{type(x).__name__}: {x}" if isinstance(x, Exception) else f"{len(x)} elements" for x in (theirs, ours)))
            return seen.found
        with ours:
            _files(seen, theirs, ours)
    return seen.found


def _files(seen: Comparison, theirs: Any, ours: fastdicom.Dataset) -> None:
    if theirs.preamble != ours.preamble:
        seen.say("preamble", short(theirs.preamble), short(ours.preamble))
    seen.datasets(theirs.file_meta, ours.file_meta)
    seen.datasets(theirs, ours, top=True)
    encoding = ours.is_implicit_VR, not ours.is_big_endian
    if theirs.original_encoding != encoding and len(ours):
        seen.say("encoding", theirs.original_encoding, encoding)
    said = str(theirs.file_meta.get("TransferSyntaxUID", ""))
    if said and ours.transfer_syntax.uid != said:
        seen.say("encoding", said, ours.transfer_syntax.uid)


def main(paths: list[str]) -> Iterator[str]:
    """For a child process: a line before each file, and one for each difference."""
    for text in paths:
        name, _, path = text.partition("=")
        yield f"> {name}"
        yield from (difference.json() for difference in compare(Path(path), name))


if __name__ == "__main__":
    for line in main(sys.argv[1:]):
        print(line, flush=True)
