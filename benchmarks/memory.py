"""What many open data sets take: the child of compare.py for memory. usage: memory.py READER WORK COUNT

Prints a JSON object: bytes of resident memory that a data set added, its elements, what of it is the head of the file as read, and
what the reader itself says an element takes.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import tracemalloc
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

WARM = 50


def resident() -> int:
    """Bytes of resident memory of this process (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def opener(reader: str) -> Callable[[str], Any]:
    if reader == "pydicom":
        from pydicom import dcmread

        return lambda path: dcmread(path, stop_before_pixels=True)
    if reader == "dicomsdl":
        import dicomsdl

        return dicomsdl.open
    from fastdicom import dcmread as ours

    if reader == "fastdicom (Rust)":
        return lambda path: ours(path, stop_before_pixels=True)
    return ours


def head_of(read: Callable[[str], Any], path: str) -> int:
    """The largest block that opening asks of Python: the head of the file."""
    tracemalloc.start()
    kept = read(path)
    traces = tracemalloc.take_snapshot().traces
    tracemalloc.stop()
    del kept
    return max(trace.size for trace in traces)


def main() -> None:
    warnings.simplefilter("ignore")
    reader, work, count = sys.argv[1], json.loads(Path(sys.argv[2]).read_text()), int(sys.argv[3])
    paths = work["paths"]
    read = opener(reader)
    kept = [read(paths[i % len(paths)]) for i in range(WARM)]
    gc.collect()
    before = resident()
    kept = [*kept, *(read(paths[i % len(paths)]) for i in range(count))]
    gc.collect()
    answer = {"resident": (resident() - before) / count, "elements": sum(1 for _ in kept[-1])}
    answer["head"] = head_of(read, paths[0]) if reader == "fastdicom-core" else 0
    answer["index"] = getattr(kept[0], "bytes_per_element", 0)
    print(json.dumps(answer), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
