#!/usr/bin/env python3
"""Writes the generated tables of facts out of tools/standard/*.tsv (standard library only).

tools/generate.py           writes what is stale
tools/generate.py --check   writes nothing; exit status 1 when something is stale
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
STANDARD = ROOT / "tools" / "standard"
CSRC = ROOT / "src" / "fastdicom" / "csrc"
WIDTH = 138
EDITION = "2026b"
CHUNK = 1 << 15  # bytes of one row of a text pool: compilers limit the length of a string literal
MASK64 = (1 << 64) - 1
# The multiplier of fd_dict_hash (odd, the golden ratio of 2**64); fd_dict.c has the same.
GOLDEN = 0x9E3779B97F4A7C15
AMBIGUOUS = {"US|SS": "US_SS", "OB|OW": "OB_OW", "US|OW": "US_OW", "US|SS|OW": "US_SS_OW", "-": "NONE"}
RETIRED, REPEATING = 1, 2


class Element(NamedTuple):
    """A row of elements.tsv."""

    pattern: str
    vr: str
    vm: str
    keyword: str
    name: str
    retired: bool
    tag: int

    @property
    def repeating(self) -> bool:
        return "x" in self.pattern


def rows(name: str, columns: int) -> Iterator[list[str]]:
    for number, line in enumerate((STANDARD / name).read_text("utf-8").splitlines()):
        if number >= 2:
            cells = line.split("\t")
            yield cells + [""] * (columns - len(cells))


def elements() -> list[Element]:
    found = []
    for pattern, vr, vm, keyword, name, retired, first in rows("elements.tsv", 7):
        found.append(Element(pattern, vr, vm, keyword, name, retired == "R", int(first or pattern, 16)))
    return sorted(found, key=lambda element: (element.repeating, element.tag))


def vr_code(vr: str) -> str:
    return "FD_VR_" + AMBIGUOUS.get(vr, vr)


def wrap(items: Iterable[str], indent: str = "    ") -> str:
    lines, line = [], indent
    for item in items:
        if len(line) + len(item) + 1 > WIDTH and line != indent:
            lines.append(line.rstrip())
            line = indent
        line += item + " "
    return "\n".join([*lines, line.rstrip()])


def c_string(text: str) -> str:
    """A C literal of the text and its NUL."""
    out = []
    for byte in text.encode():
        char = chr(byte)
        out.append("\\" + char if char in '"\\' else char if 32 <= byte < 127 else f"\\{byte:03o}")
    return '"' + "".join(out).replace("??", "?\\?") + '\\0"'


class Text:
    """A pool of NUL-terminated strings in rows of CHUNK bytes, each string once and none over the end of a row."""

    def __init__(self) -> None:
        self.offsets: dict[str, int] = {}
        self.chunks: list[list[str]] = [[]]
        self.used = 0

    def add(self, text: str) -> int:
        if text not in self.offsets:
            size = len(text.encode()) + 1
            if self.used + size > CHUNK - 1:
                self.chunks.append([])
                self.used = 0
            self.offsets[text] = (len(self.chunks) - 1) * CHUNK + self.used
            self.chunks[-1].append(text)
            self.used += size
        return self.offsets[text]

    def c(self, name: str) -> str:
        bodies = [wrap(map(c_string, chunk)) for chunk in self.chunks]
        return f"const char {name}[{len(self.chunks)}][FD_DICT_CHUNK] = {{\n" + ",\n".join(bodies) + "};\n"


def text_hash(text: bytes) -> int:
    """fd_dict_hash: eight bytes at a time, the last eight may overlap those before."""
    starts = [0] if len(text) < 8 else [*range(0, len(text) - 8, 8), len(text) - 8]
    h = len(text) * GOLDEN & MASK64
    for start in starts:
        h = (h ^ int.from_bytes(text[start : start + 8], "little")) * GOLDEN & MASK64
    return h


def slots(hashes: list[int], bits: int) -> tuple[list[int], int]:
    """An open-addressed table of index + 1, and its longest probe."""
    table, longest = [0] * (1 << bits), 1
    for index, start in enumerate(hashes):
        position, probes = start, 1
        while table[position]:
            position, probes = (position + 1) % len(table), probes + 1
        table[position] = index + 1
        longest = max(longest, probes)
    return table, longest


def tag_multiplier(tags: list[int], bits: int) -> tuple[int, list[int]]:
    """The best of some odd multipliers for the table of tags, and that table."""
    best: tuple[int, int, list[int]] | None = None
    for number in range(1, 400):
        multiplier = (number * 0x9E3779B1 + 0x7F4A7C15) & 0xFFFFFFFF | 1
        starts = [(tag * multiplier & 0xFFFFFFFF) >> (32 - bits) for tag in tags]
        if best is None or len(tags) - len(set(starts)) < best[0]:
            best = (len(tags) - len(set(starts)), multiplier, starts)
    assert best
    return best[1], slots(best[2], bits)[0]


def array(kind: str, name: str, values: Iterable[object]) -> str:
    items = list(values)
    return f"const {kind} {name}[{len(items)}] = {{\n{wrap(f'{v},' for v in items)}\n}};\n"


def head(comment: str, source: str) -> str:
    return (
        f"/* GENERATED by tools/generate.py from tools/standard/{source}, edition {EDITION}: do not edit.\n"
        f" *\n * {comment} */\n/* clang-format off */\n"
    )


def vm_table() -> dict[str, int]:
    vms = {element.vm for element in elements()} | {row[3] for row in rows("private.tsv", 5)}
    return {vm: i for i, vm in enumerate(sorted(vms, key=lambda vm: (len(vm), vm)))}


def element_tables() -> str:
    bits = 14
    found = elements()
    vms = vm_table()
    text = Text()
    text.add("")
    plain = sum(not element.repeating for element in found)
    lines = []
    for element in found:
        flags = RETIRED * element.retired | REPEATING * element.repeating
        keyword = text.add(element.keyword) << 8 | len(element.keyword)
        name = text.add(element.name)
        lines.append(f"{{0x{element.tag:08X}u, 0x{keyword:X}u, 0x{name:X}u, {vr_code(element.vr)}, {vms[element.vm]}, {flags}}},")
    # Groups that repeat (50xx) are found at their first group; elements that repeat (31xx) through masks.
    by_mask = [i for i, element in enumerate(found) if "x" in element.pattern[4:]]
    keys = [i for i in range(len(found)) if i not in by_mask]
    multiplier, tag_slots = tag_multiplier([found[i].tag for i in keys], bits)
    slot_rows = []
    for slot in tag_slots:
        row = keys[slot - 1] if slot else 0
        slot_rows.append(f"{{0x{found[row].tag:X}, {row + 1}, {vr_code(found[row].vr)}}}" if slot else "{0}")
    named = [i for i, element in enumerate(found) if element.keyword]
    starts = [text_hash(found[i].keyword.encode()) >> (64 - bits) for i in named]
    keyword_slots = [named[slot - 1] + 1 if slot else 0 for slot in slots(starts, bits)[0]]
    masks = []
    for i in by_mask:
        pattern = found[i].pattern
        mask = int(re.sub("[^x]", "F", pattern).replace("x", "0"), 16)
        masks.append(f"{{0x{mask:08X}u, 0x{int(pattern.replace('x', '0'), 16):08X}u, {i}}},")
    return "\n".join(
        [
            head("Data elements of PS3.6 and PS3.7 E, sorted; behind them the repeating ones at their first tag.", "elements.tsv"),
            '#include "fd_dict_tables.h"\n',
            f'const char fd_dict_edition[] = "{EDITION}";',
            f"const uint32_t fd_dict_rows = {plain}u, fd_dict_rows_all = {len(found)}u, fd_dict_masks = {len(masks)}u;",
            f"const uint32_t fd_dict_multiplier = 0x{multiplier:08X}u;",
            f"const char fd_dict_vms[{len(vms)}][FD_DICT_VM] = {{\n" + wrap(f'"{vm}",' for vm in vms) + "\n};\n",
            f"const fd_dict_entry fd_dict_row[{len(found)}] = {{\n{wrap(lines)}\n}};\n",
            f"const fd_dict_mask fd_dict_mask_row[{len(masks)}] = {{\n{wrap(masks)}\n}};\n",
            array("fd_dict_slot", "fd_dict_tag_slot", slot_rows),
            array("uint16_t", "fd_dict_keyword_slot", keyword_slots),
            text.c("fd_dict_text"),
        ]
    )


def private_tables() -> str:
    bits = 10
    vms = vm_table()
    text = Text()
    text.add("")
    creators: dict[str, list[tuple[int, str, str, str]]] = {}
    creator = ""
    for cell, element, vr, vm, name in rows("private.tsv", 5):
        creator = cell or creator
        # A group that repeats (60xx) is kept at its even first group, where no private element can be; and what is different in
        # block 10 at the even group before its own.
        key = int(element.replace("x", "0"), 16) if len(element) == 6 else int(element[:4] + element[6:], 16) - 0x100
        creators.setdefault(creator, []).append((key, vr, vm, name))
    vrs = sorted({row[1] for found in creators.values() for row in found})
    lines, heads = [], []
    for creator, found in creators.items():
        heads.append(f"{{0x{text.add(creator):X}u, {len(creator)}, {len(lines)}, {len(found)}}},")
        for element_key, vr, vm, name in sorted(found):
            lines.append(f"{{0x{element_key << 8 | vrs.index(vr):08X}u, 0x{text.add(name) << 8 | vms[vm]:X}u}},")
    starts = [text_hash(creator.encode()) >> (64 - bits) for creator in creators]
    return "\n".join(
        [
            head("Private data elements by creator, sorted within each.", "private.tsv"),
            '#include "fd_dict_tables.h"\n',
            f"const uint32_t fd_dict_creators = {len(creators)}u;",
            array("uint16_t", "fd_dict_private_vrs", map(vr_code, vrs)),
            f"const fd_dict_creator fd_dict_creator_row[{len(heads)}] = {{\n{wrap(heads)}\n}};\n",
            array("uint16_t", "fd_dict_creator_slot", slots(starts, bits)[0]),
            f"const fd_dict_private fd_dict_private_row[{len(lines)}] = {{\n{wrap(lines)}\n}};\n",
            text.c("fd_dict_private_text"),
        ]
    )


def uid_table() -> str:
    lines = []
    for uid, keyword, name, kind, retired in rows("uids.tsv", 5):
        entry = f'    "{uid}": ({name!r}, {kind!r}, {retired == "R"}, {keyword!r}),'.replace("'", '"')
        lines.append(entry)
    return "\n".join(
        [
            '"""Registered UIDs (PS3.6 A): UID -> name, type, retired, keyword.',
            "",
            f"GENERATED by tools/generate.py from tools/standard/uids.tsv, edition {EDITION}: do not edit.",
            '"""',
            "",
            "# ruff: noqa: E501",
            "# fmt: off",
            "",
            "UIDS: dict[str, tuple[str, str, bool, str]] = {",
            *lines,
            "}",
            "",
        ]
    )


def outputs() -> dict[Path, str]:
    """Every generated file and what must be in it."""
    return {
        CSRC / "fd_dict_tables.c": element_tables(),
        CSRC / "fd_dict_private.c": private_tables(),
        ROOT / "src" / "fastdicom" / "dictionary" / "_uids.py": uid_table(),
    }


def main() -> int:
    if sys.argv[1:] not in ([], ["--check"]):
        print(__doc__, file=sys.stderr)
        return 2
    stale = 0
    for path, text in outputs().items():
        if path.exists() and path.read_text("utf-8") == text:
            continue
        stale += 1
        print(f"stale: {path.relative_to(ROOT)}")
        if not sys.argv[1:]:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8", newline="\n")
    return 1 if stale and sys.argv[1:] else 0


if __name__ == "__main__":
    sys.exit(main())
