"""The whole element tree of a file as DCMTK's dcmdump prints it, beside what this library reads."""

from __future__ import annotations

import re
import shutil
import subprocess
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import fastdicom
from oracle.difference import Difference

__all__ = ["DCMDUMP", "Printed", "Unreadable", "compare"]

DCMDUMP = shutil.which("dcmdump")

# -M: values above 4 kB are not printed; -dc: padding as stored; -Un: UIDs as numbers; +uc: UN by the dictionary, as we read it
OPTIONS = ("-q", "+L", "-M", "+R", "4", "-dc", "-Un", "+uc")
LINE = re.compile(
    r"^(?P<indent> *)\((?P<group>[0-9a-f]{4}),(?P<element>[0-9a-f]{4})\) (?P<vr>[A-Za-z?]{2}) (?P<text>.*?) *"
    r"# *(?P<length>u/l|\d+), *\d+ (?P<name>\S+|Unknown Tag & Data)\n",
    re.DOTALL | re.MULTILINE,
)
PADDED = " \0"
# DCMTK's own names for what its dictionary leaves open
OPEN_VRS = {"up": {"UL"}, "xs": {"US", "SS"}, "ox": {"OB", "OW"}, "lt": {"US", "SS", "OW"}, "??": {"UN"}}


class Unreadable(Exception):
    """dcmdump does not take the file."""


@dataclass(frozen=True)
class Printed:
    """An element as dcmdump prints it. length is None where it is undefined."""

    vr: str
    length: int | None
    text: str


def printed(path: Path) -> dict[str, Printed]:
    """What dcmdump says, by the path of the element, in the notation of `Difference.where`."""
    assert DCMDUMP is not None
    done = subprocess.run([DCMDUMP, *OPTIONS, path], capture_output=True, timeout=60)
    if done.returncode:
        raise Unreadable(done.stderr.decode("latin-1"))
    out: dict[str, Printed] = {}
    where: list[str] = [""]  # the prefixes of the open data sets
    items: list[tuple[str, int]] = []  # the open sequences, and how many items they have so far
    for found in LINE.finditer(done.stdout.decode("latin-1")):
        tag = (found["group"] + found["element"]).upper()
        if tag == "FFFEE000" and found["vr"] != "pi":
            name, count = items[-1]
            items[-1] = name, count + 1
            where.append(f"{name}[{count}].")
        elif tag == "FFFEE00D":
            where.pop()
        elif tag == "FFFEE0DD":
            items.pop()
        elif found["vr"] != "pi":
            name = where[-1] + tag
            out[name] = Printed(found["vr"], None if found["length"] == "u/l" else int(found["length"]), found["text"])
            if found["vr"] == "SQ" or found["text"].startswith("(PixelSequence"):
                items.append((name, 0))
    return out


def elements(dataset: fastdicom.Dataset, where: str = "") -> Iterator[tuple[str, fastdicom.DataElement]]:
    """Every element of ours with its path."""
    for elem in dataset:
        name = f"{where}{elem.tag:08X}"
        yield name, elem
        if elem.VR == "SQ":
            for i, item in enumerate(elem.value):
                yield from elements(item, f"{name}[{i}].")


def same_text(theirs: Printed, ours: fastdicom.DataElement) -> bool:
    """Whether the printed value is ours."""
    text = theirs.text
    if text in ("(not loaded)", "(no value available)") or ours.VR in ("SQ", "OW", "OF", "OD", "OL", "OV"):
        return text != "(no value available)" or not ours.raw.tobytes().strip(b" \0")
    if ours.VR in ("OB", "UN"):
        return ours.is_encapsulated or bytes(ours.raw) == bytes.fromhex(text.replace("\\", ""))
    values = ours.value if isinstance(ours.value, list) else [ours.value]
    if ours.VR == "AT":
        return [f"({tag >> 16:04x},{tag & 0xFFFF:04x})" for tag in values] == text.split("\\")
    if ours.VR in ("FL", "FD"):
        said = [float(part) for part in text.split("\\")]
        return len(said) == len(values) and all(a == b or abs(a - b) <= 1e-6 * abs(b) or a != a for a, b in zip(said, values, strict=True))
    if ours.VR in ("US", "SS", "UL", "SL", "UV", "SV"):
        return [int(part) for part in text.split("\\")] == values
    stored = bytes(ours.raw).decode("latin-1")
    return text[1:-1].rstrip(PADDED) == stored.rstrip(PADDED) and (text[0], text[-1]) == ("[", "]")


def compare(path: Path, name: str) -> list[Difference]:
    """All differences of a file that dcmdump reads."""
    theirs = printed(path)
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with fastdicom.dcmread(path, force=True) as dataset:
            ours = dict(elements(dataset.file_meta)) | dict(elements(dataset))
            for where in theirs.keys() - ours.keys():
                found.append(
                    Difference(
                        name, where, "missing", f"{theirs[where].length} bytes: {theirs[where].text[:60]}", "absent", theirs[where].vr
                    )
                )
            for where in ours.keys() - theirs.keys():
                have = ours[where]
                found.append(Difference(name, where, "extra", "absent", f"{have.length} bytes", have.VR, have.length))
            for where in ours.keys() & theirs.keys():
                found.extend(_elements(name, where, theirs[where], ours[where]))
    return sorted(found, key=lambda difference: difference.where)


def _elements(name: str, where: str, theirs: Printed, ours: fastdicom.DataElement) -> Iterator[Difference]:
    if ours.VR not in OPEN_VRS.get(theirs.vr, {theirs.vr}):
        yield Difference(name, where, "VR", theirs.vr, ours.VR, ours.VR, ours.length)
        return
    length = None if ours.is_undefined_length else ours.length
    if theirs.length != length:
        yield Difference(name, where, "length", str(theirs.length), str(length), ours.VR, ours.length)
    elif not same_text(theirs, ours):
        yield Difference(name, where, "value", theirs.text[:80], repr(ours.value)[:80], ours.VR, ours.length)
