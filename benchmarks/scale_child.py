"""The child of scale.py: one task in a process of its own, so that its memory is its own. usage: scale_child.py TASK

TASK is a JSON object with "what" and what that needs; the answer on stdout is one with "seconds" (a list), "rows" and "peak" (bytes of
resident memory at the most, of the whole process).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from time import perf_counter
from typing import Any

from readers import KEYWORDS

Task = dict[str, Any]


def scan_to_table(task: Task) -> Callable[[], int]:
    import pyarrow as pa

    import fastdicom

    return lambda: pa.table(fastdicom.scan(task["folder"], KEYWORDS, threads=task["threads"])).num_rows


def scan_through(task: Task) -> Callable[[], int]:
    """The batches go by and are dropped, as in a stream."""
    import fastdicom

    return lambda: sum(len(batch) for batch in fastdicom.scan(task["folder"], KEYWORDS, threads=task["threads"]))


def scan_to_parquet(task: Task) -> Callable[[], int]:
    import pyarrow.parquet  # noqa: F401  # what it takes to import is not the scan's

    import fastdicom

    def run() -> int:
        scan = fastdicom.scan(task["folder"], task["tags"], threads=task["threads"])
        scan.to_parquet(task["output"])
        return scan.counts.files

    return run


def update(task: Task) -> Callable[[], int]:
    import pyarrow.parquet  # noqa: F401

    import fastdicom

    def run() -> int:
        scan = fastdicom.scan(task["folder"], task["tags"], threads=task["threads"])
        scan.to_parquet(task["output"], update=True)
        return scan.counts.files

    return run


def files_below(folder: str) -> Iterable[os.DirEntry[str]]:
    todo = [folder]
    while todo:
        with os.scandir(todo.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    todo.append(entry.path)
                else:
                    yield entry


def walk_stat(task: Task) -> Callable[[], int]:
    """What os.walk and os.stat take, as one writes it down first."""

    def run() -> int:
        count = 0
        for root, _, names in os.walk(task["folder"]):
            for name in names:
                os.stat(os.path.join(root, name))
                count += 1
        return count

    return run


def command(task: Task) -> Callable[[], int]:
    """The program, from the start of its process to its end."""
    program = [
        sys.executable,
        "-m",
        "fastdicom",
        "scan",
        task["folder"],
        "-o",
        task["output"],
        "--update",
        "--threads",
        str(task["threads"]),
    ]

    def run() -> int:
        subprocess.run(program, check=True, capture_output=True)
        return int(task["files"])

    return run


def scan_cold(task: Task) -> Callable[[], int]:
    """As scan_through; `ahead`: whether files are opened before their turn, None: as the scan decides."""
    import functools

    import fastdicom
    from fastdicom.scan import _scan, arrow

    arrow._scan.Engine = functools.partial(_scan.Engine, look_ahead=task["ahead"])  # type: ignore[assignment, misc]
    scan = fastdicom.scan(task["folder"], KEYWORDS, threads=task["threads"])
    return lambda: sum(len(batch) for batch in scan)


def read_heads(task: Task) -> Callable[[], int]:
    """What nobody can do without, one file after the other."""

    def run() -> int:
        rows = 0
        for entry in files_below(task["folder"]):
            file = os.open(entry.path, os.O_RDONLY)
            rows += len(os.pread(file, 8192, 0)) > 0
            os.close(file)
        return rows

    return run


def walk_and_stat(task: Task) -> Callable[[], int]:
    """What Python's own os.scandir and stat take."""
    return lambda: sum(1 for entry in files_below(task["folder"]) if entry.stat().st_size >= 0)


def pydicom_rows(task: Task) -> Callable[[], int]:
    from pydicom import dcmread

    paths = [entry.path for entry in files_below(task["folder"])][: task["most"]]
    wanted = list(KEYWORDS)

    def run() -> int:
        for path in paths:
            ds = dcmread(path, stop_before_pixels=True, specific_tags=wanted)
            for keyword in KEYWORDS:
                ds.get(keyword)
        return len(paths)

    return run


WORK = (scan_to_table, scan_through, scan_to_parquet, scan_cold, read_heads, update, command, walk_stat, walk_and_stat, pydicom_rows)
TASKS = {function.__name__: function for function in WORK}


def fetched() -> int:
    """Bytes that this process had read from disks, 0 where the system does not tell."""
    try:
        text = Path("/proc/self/io").read_text()
    except OSError:
        return 0
    return int(next(line for line in text.splitlines() if line.startswith("read_bytes")).split()[1])


def peak() -> int:
    """Return the most memory that this process had resident; what getrusage says begins with the parent's."""
    try:
        text = Path("/proc/self/status").read_text()
        return 1024 * int(next(line for line in text.splitlines() if line.startswith("VmHWM")).split()[1])
    except (OSError, StopIteration):
        import resource

    scale = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale


def main() -> None:
    warnings.simplefilter("ignore")
    task: Task = json.loads(sys.argv[1])
    run = TASKS[task["what"]](task)
    before, from_disk = peak(), fetched()
    seconds, rows = [], 0
    for _ in range(task.get("passes", 1)):
        start = perf_counter()
        rows = run()
        seconds.append(perf_counter() - start)
    size = Path(task["output"]).stat().st_size if "output" in task else 0
    answer = {"seconds": seconds, "rows": rows, "peak": peak(), "before": before, "size": size, "fetched": fetched() - from_disk}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
