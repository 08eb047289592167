#!/usr/bin/env python3
"""Makes the extracts of tools/standard from tables of facts that were gathered elsewhere.

Usage: tools/extract.py FOLDER, where FOLDER holds attributes.tsv, private.tsv and uids.tsv (columns: see the readers below).
Cleans on the way: what the gathered tables say otherwise than PS3.6 is put right here, each with its reason.
What they lack stands in elements_added.tsv and uids_added.tsv, kept by hand.
Run it when a new edition comes, look at the difference, then run tools/generate.py.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent / "standard"

# PS3.6 prints several VRs as "US or SS"; ours are written with a bar.
VRS = {"US or SS": "US|SS", "OB or OW": "OB|OW", "OB_OW": "OB|OW", "US or OW": "US|OW", "US or SS or OW": "US|SS|OW", "NONE": "-"}

# Names that were made out of keywords by splitting at capitals, which PS3.6 prints otherwise.
NAMES = {
    "0040,A034": "Effective Start DateTime",
    "0040,A035": "Effective Stop DateTime",
    "0040,B034": "Annotation DateTime",
    "0040,B036": "Segment Definition DateTime",
    "0044,0110": "RT Assertions Sequence",
    "3002,0136": "RT Cone Beam Imaging Geometry Sequence",
    "3004,0021": "RT Dose Interpreted Type Code Sequence",
    "3004,0022": "RT Dose Interpreted Type Code Modifier Sequence",
    "3004,0024": "RT Dose Intent Code Sequence",
    # PS3.6 prints no name: the rows are blank and retired.
    "0008,0202": "",
    "0018,9445": "",
    "0028,0020": "",
}


def rows(path: Path) -> Iterator[list[str]]:
    """The rows of a table: the first line tells the edition, the second the columns."""
    for number, line in enumerate(path.read_text("utf-8").splitlines()):
        if number >= 2 and line:
            yield line.split("\t")


def write(name: str, head: str, columns: str, lines: list[str]) -> None:
    text = f"# {head}\n{columns}\n" + "".join(line.rstrip(" ") + "\n" for line in lines)
    (HERE / name).write_text(text, "utf-8", newline="\n")
    print(f"{name}: {len(lines)} rows")


def elements(folder: Path) -> None:
    """attributes.tsv: tag as gggg,eeee with x for a free digit; VR; VM; keyword; name; Y when retired."""
    found = [row for row in rows(folder / "attributes.tsv") if "-" not in row[0]]  # a-b repeats what the row with xx says
    known = {row[0] for row in found}
    found += [[*row, ""] for row in rows(HERE / "elements_added.tsv") if row[0] not in known]
    repeated = {row[3] for row in found if "x" in row[0]}
    lines = []
    for tag, vr, vm, keyword, name, retired in found:
        pattern = tag.replace(",", "")
        first = ""
        if "x" not in pattern and keyword in repeated:
            continue  # one element of a repeating group, written out: PS3.6 has the group only
        if "x" in pattern:
            # The tag that a keyword stands for: the one that is written out, else the first of the group.
            written = [row[0].replace(",", "") for row in found if row[3] == keyword and "x" not in row[0]]
            first = written[0] if written else pattern.replace("x", "0")
        lines.append("\t".join([pattern, VRS.get(vr, vr), vm, keyword, NAMES.get(tag, name), "R" if retired else "", first]).rstrip("\t"))
    head = "Data elements of PS3.6 (groups 0000: PS3.7 E), edition 2026b. x: any digit. A bar between VRs: the context decides."
    write("elements.tsv", head, "tag\tVR\tVM\tkeyword\tname\tretired\tfirst", sorted(lines))


def private(folder: Path) -> None:
    """private.tsv: creator, tag as ggggxxee, VR, VM, name."""
    table: dict[tuple[str, str], tuple[str, str, str]] = {}
    ranks: dict[tuple[str, str], int] = {}
    for creator, tag, vr, vm, name in rows(folder / "private.tsv"):
        group, block, element = tag[:4], tag[4:6], tag[6:]
        if group[3] in "02468ACE" or element == "xx":
            continue  # an even group is not private (PS3.5 7.8); a whole block tells nothing about its elements
        key = (creator, f"{group}{element}")
        # The block is free (PS3.5 7.8.1). Published with one (10) instead of xx: the VR stood in a file, and is believed first.
        rank = ("00", "xx").index(block) if block in ("00", "xx") else 2
        if rank > ranks.get(key, -1):
            ranks[key] = rank
            table[key] = (VRS.get(vr, vr), vm, re.sub(r"\s+", " ", name).strip())
    lines = []
    last = ""
    for (creator, element), facts in sorted(table.items()):
        lines.append("\t".join(["" if creator == last else creator, element, *facts]))
        last = creator
    head = "Private data elements that vendors published: group and last two digits of the element. An empty creator: as above."
    write("private.tsv", head, "creator\telement\tVR\tVM\tname", lines)


def uids(folder: Path) -> None:
    """uids.tsv: UID, name, type, Y when retired, keyword."""
    lines = []
    found = list(rows(folder / "uids.tsv"))
    known = {row[0] for row in found}
    found += [row for row in rows(HERE / "uids_added.tsv") if row[0] not in known]
    for uid, name, kind, retired, keyword in found:
        lines.append((tuple(map(int, uid.split("."))), "\t".join([uid, keyword, name, kind, "R" if retired else ""]).rstrip("\t")))
    head = "Registered UIDs of PS3.6 A, edition 2026b."
    write("uids.tsv", head, "uid\tkeyword\tname\ttype\tretired", [line for _, line in sorted(lines)])


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    folder = Path(sys.argv[1])
    elements(folder)
    private(folder)
    uids(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
