"""The child of compare.py: one reader in one process, timed a slice at a time, so that readers can take turns.

Reads a JSON object a line: {"key", "work", "seconds", "slices"} and answers {"samples": [seconds an operation], "files"} or {"error"}.
`work` is the name of a JSON file with {"paths", "scan_source"}.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from time import perf_counter
from typing import Any

import readers

# What a slice of a call on one path may hold, at most
MOST = 20_000
# What takes so many seconds on one path is not repeated for long
SLOW, SLOW_SAMPLES = 0.3, 3


@cache
def work_of(name: str) -> dict[str, Any]:
    return json.loads(Path(name).read_text())


class Timed:
    """One row with its place in the list of paths: each slice goes on where the last one ended."""

    def __init__(self, row: readers.Row, work: dict[str, Any]) -> None:
        self.row, self.work = row, work
        self.read = row.make()
        self.paths: Iterator[str] = itertools.cycle(work["paths"])
        self.left = SLOW_SAMPLES
        self.estimate = self.whole() if row.whole else self.some(1)  # what comes first is slow: imports, tables, caches
        if self.estimate < SLOW:
            self.estimate = min(self.estimate, self.whole() if row.whole else self.some(3))

    def whole(self) -> float:
        start = perf_counter()
        self.read(self.work)
        return (perf_counter() - start) / len(self.work["paths"])

    def some(self, n: int) -> float:
        read, chunk = self.read, list(itertools.islice(self.paths, n))
        start = perf_counter()
        for path in chunk:
            read(path)
        return (perf_counter() - start) / n

    def samples(self, seconds: float, slices: int) -> list[float]:
        """Seconds an operation, of up to `slices` slices that together take about `seconds`; one slice at least."""
        if self.estimate >= SLOW:
            self.left -= 1
            return [self.whole() if self.row.whole else self.some(1)] if self.left >= 0 else []
        if self.row.whole:
            n = min(slices, max(1, int(seconds / (self.estimate * len(self.work["paths"])))))
            return [self.whole() for _ in range(n)]
        n = min(MOST, int(seconds / slices / self.estimate))
        return [self.some(max(1, n)) for _ in range(slices if n else 1)]


def main() -> None:
    warnings.simplefilter("ignore")
    by_key = {row.key: row for row in readers.ROWS}
    timed: dict[tuple[str, str], Timed] = {}
    # a reader may print to stdout; the answers go where it cannot
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        ask = json.loads(line)
        answer: dict[str, Any]
        try:
            if "reader" in ask:
                answer = {"version": readers.version_of(ask["reader"]), "python": sys.version.split()[0]}
            else:
                at = (ask["key"], ask["work"])
                if at not in timed:
                    timed[at] = Timed(by_key[ask["key"]], work_of(ask["work"]))
                answer = {"samples": timed[at].samples(ask["seconds"], ask["slices"])}
        except Exception as error:  # what a reader cannot do is a cell of the table
            answer = {"error": f"{type(error).__name__}: {error}".splitlines()[0][:120]}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
    os._exit(0)  # GDCM and SimpleITK may crash while they are torn down


if __name__ == "__main__":
    main()
