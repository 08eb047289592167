"""Tables and goals of compare.py, from the numbers that it took."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

OURS = "fastdicom-core"
LIMIT = "limit"
SCAN_LIMIT = "open + pread(8 KiB) + close"


@dataclass
class Cell:
    """One line of a table: what a reader took, in seconds (or bytes), an operation."""

    theme: str
    reader: str
    what: str
    work: str = ""
    samples: list[float] = field(default_factory=list)
    error: str = ""
    note: str = ""

    @property
    def best(self) -> float:
        return min(self.samples)

    @property
    def median(self) -> float:
        return median(self.samples)


@dataclass
class Goal:
    """A figure that the project wants to reach; ``value`` is None where it could not be taken."""

    theme: str
    text: str
    value: float | None
    bound: float
    at_most: bool
    unit: str = ""

    @property
    def met(self) -> bool | None:
        if self.value is None:
            return None
        return self.value <= self.bound if self.at_most else self.value >= self.bound

    def words(self) -> list[str]:
        sign = "≤" if self.at_most else "≥"
        measured = "not measured" if self.value is None else number(self.value) + self.unit
        verdict = {True: "met", False: "NOT MET", None: "?"}[self.met]
        return [self.theme, f"{self.text} {sign} {number(self.bound)}{self.unit}", measured, verdict]


class Results:
    """Everything that one run measured."""

    def __init__(self) -> None:
        self.cells: list[Cell] = []

    def of(self, theme: str, reader: str, what: str = "", work: str = "") -> list[Cell]:
        """The measured cells of a reader; those whose `what` starts so, and of one work, where told."""
        return [
            cell
            for cell in self.cells
            if cell.theme == theme and cell.reader == reader and cell.what.startswith(what) and cell.samples and work in ("", cell.work)
        ]

    def fastest(self, theme: str, readers: Iterable[str], what: str = "", work: str = "") -> Cell | None:
        found = [cell for reader in readers for cell in self.of(theme, reader, what, work)]
        return min(found, key=lambda cell: cell.best, default=None)

    def ratio(self, over: Cell | None, under: Cell | None) -> float | None:
        return over.best / under.best if over is not None and under is not None else None


def number(value: float) -> str:
    """Three digits, or all before the point."""
    if value >= 1000:
        return f"{value:,.0f}"
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def ratio(value: float | None) -> str:
    return "" if value is None else number(value)


def goals(results: Results, compiled: tuple[str, ...]) -> list[Goal]:
    """The goals of the project, each against what this run measured."""
    first = results.fastest
    scan, ten = first("scan", [OURS], "scan(folder)"), first("open", [OURS], "dcmread + ds.Keyword")
    every, pixels = first("every", [OURS]), first("pixels", [OURS], "dcmread(path).pixel_array")
    seg = first("seg", [OURS], work="undefined lengths")
    small, giant = first("size", [OURS], work="small"), first("size", [OURS], work="2 GiB")
    limit = first("scan", [LIMIT], SCAN_LIMIT)
    pydicom_pixels = first("pixels", ["pydicom"], "dcmread(path).pixel_array")

    def against(theme: str, text: str, over: Cell | None, under: Cell | None, least: float) -> Goal:
        return Goal(theme, text, results.ratio(over, under), least, at_most=False, unit=" ×")

    return [
        Goal("scan", "a file, against the limit", results.ratio(scan, limit), 2.0, at_most=True, unit=" ×"),
        against("scan", "faster than pydicom", first("scan", ["pydicom"]), scan, 100),
        against("scan", "faster than the fastest compiled peer", first("scan", compiled), scan, 15),
        Goal("open", "dcmread + ten values", None if ten is None else ten.best * 1e6, 20, at_most=True, unit=" µs"),
        against("open", "faster than pydicom", first("open", ["pydicom"]), ten, 35),
        against("open", "faster than the fastest compiled peer", first("open", compiled), ten, 4),
        against("every", "faster than pydicom", first("every", ["pydicom"]), every, 35),
        against("pixels", "faster than pydicom", pydicom_pixels, pixels, 40),
        against("seg", "faster than pydicom", first("seg", ["pydicom"], work="undefined lengths"), seg, 100),
        Goal("size", "a file of 2 GiB, against a small one", results.ratio(giant, small), 1.1, at_most=True, unit=" ×"),
        *import_goals(results),
        *memory_goals(results),
    ]


def import_goals(results: Results) -> list[Goal]:
    ours, bare = results.of("import", OURS), results.of("import", "python", "pass")
    over = (ours[0].median - bare[0].median) * 1e3 if ours and bare else None
    heavy = float(sum(cell.note.count("+") for cell in ours)) if ours else None
    return [
        Goal("import", "over a bare interpreter", over, 30, at_most=True, unit=" ms"),
        Goal("import", "numpy, pyarrow and codecs imported", heavy, 0, at_most=True),
    ]


def memory_goals(results: Results) -> list[Goal]:
    index, beside = results.of("memory", OURS, "index"), results.of("memory", OURS, "resident, beside")
    return [
        Goal("memory", "index, an element", index[0].best if index else None, 64, at_most=True, unit=" bytes"),
        Goal("memory", "resident beside the head, an element", beside[0].best if beside else None, 64, at_most=True, unit=" bytes"),
    ]


def time_table(results: Results, theme: str, compiled: tuple[str, ...], unit: tuple[str, float]) -> list[list[str]]:
    """The lines of a theme; ratios compare the best of each, within one kind of file."""
    name, scale = unit
    pool = [cell for cell in results.cells if cell.theme == theme]
    lines = [["reader", "what", f"best {name}", f"median {name}", "a second", "× pydicom", "× compiled", "÷ limit"]]
    limit = results.fastest("scan", [LIMIT], SCAN_LIMIT) if theme in {"scan", "open"} else None
    for cell in pool:
        what = f"{cell.what}, {cell.work}" if cell.work else cell.what
        if not cell.samples:
            lines.append([cell.reader, f"{what}: {cell.error[:60]}", "", "", "", "", "", ""])
            continue
        pydicom = results.fastest(theme, ["pydicom"], work=cell.work)
        peer = results.fastest(theme, compiled, work=cell.work)
        if cell.note:
            what += f" [{cell.note}]"
        lines.append(
            [
                cell.reader,
                what,
                number(cell.best * scale),
                number(cell.median * scale),
                number(1 / cell.best),
                ratio(results.ratio(pydicom, cell)),
                ratio(results.ratio(peer, cell)),
                ratio(results.ratio(cell, limit)),
            ]
        )
    return lines


def import_table(results: Results) -> list[list[str]]:
    lines = [["reader", "what", "median ms", "over bare ms", "inside ms", "modules"]]
    for cell in results.cells:
        if cell.theme != "import":
            continue
        bare = results.of("import", cell.work or "python", "pass")
        over = number((cell.median - bare[0].median) * 1e3) if bare and cell is not bare[0] else ""
        inside, _, modules = cell.note.partition(" ")
        lines.append([cell.reader, cell.what, number(cell.median * 1e3), over, inside, modules])
    return lines


def memory_table(results: Results) -> list[list[str]]:
    lines = [["reader", "what", "bytes an element", "note"]]
    lines += [[cell.reader, cell.what, number(cell.best), cell.note] for cell in results.cells if cell.theme == "memory" and cell.samples]
    return lines


def aligned(lines: list[list[str]]) -> str:
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    out = []
    for k, line in enumerate(lines):
        pairs = enumerate(zip(line, widths, strict=True))
        cells = [text.rjust(width) if i > 1 and text[-1:].isdigit() else text.ljust(width) for i, (text, width) in pairs]
        out.append("  ".join(cells).rstrip())
        if k == 0:
            out.append("  ".join("-" * width for width in widths))
    return "\n".join(out)


def markdown(lines: list[list[str]]) -> str:
    rows = [lines[0], ["---"] * len(lines[0]), *lines[1:]]
    return "\n".join("| " + " | ".join(text.replace("|", "\\|") for text in line) + " |" for line in rows)


def goal_lines(found: list[Goal]) -> list[list[str]]:
    return [["theme", "goal", "measured", ""], *(goal.words() for goal in found)]


def as_json(machine: dict[str, Any], versions: dict[str, str], results: Results, found: list[Goal]) -> dict[str, Any]:
    cells = [{**asdict(cell), **({"best": cell.best, "median": cell.median} if cell.samples else {})} for cell in results.cells]
    return {"machine": machine, "versions": versions, "cells": cells, "goals": [{**asdict(goal), "met": goal.met} for goal in found]}


Writer = Callable[[list[list[str]]], str]
