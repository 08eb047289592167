"""Time a scan here on one thread, on one worker of a Dask cluster, and on several, of one thread each.

    python benchmarks/bench_cluster.py FOLDER [--workers 2] [--times 3]

FOLDER is an archive, as make_archive.py makes one; it is read once before, so that it is warm. Workers are processes of this machine,
so there should be a core for each. Starting them is not timed. Needs distributed and pyarrow.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import pyarrow as pa
from distributed import Client, LocalCluster

import fastdicom


def seconds(folder: str, target: Path | None, client: Client | None = None) -> tuple[float, int]:
    """Of a scan into a table, or into Parquet, and how many files it met."""
    begin = time.perf_counter()
    scan = fastdicom.scan(folder, threads=1, client=client)
    if target is None:
        files = len(pa.table(scan))
    else:
        files = scan.to_parquet(target).files
    return time.perf_counter() - begin, files


def medians(folder: str, times: int, client: Client | None) -> tuple[float, float, int]:
    """Seconds of a scan into a table and into Parquet, and the number of files; the first run is for what is loaded on first use."""
    with tempfile.TemporaryDirectory(prefix="fastdicom-") as scratch:
        target = Path(scratch) / "index.parquet"
        files = seconds(folder, None, client)[1]
        seconds(folder, target, client)
        tables = [seconds(folder, None, client)[0] for _ in range(times)]
        parts = [seconds(folder, target, client)[0] for _ in range(times)]
    return statistics.median(tables), statistics.median(parts), files


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--times", type=int, default=3)
    args = parser.parse_args()
    rows = [("here, one thread", *medians(args.folder, args.times, None))]
    for workers in (1, args.workers):
        with (
            LocalCluster(n_workers=workers, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0") as cluster,
            Client(cluster) as client,
        ):
            name = "one worker" if workers == 1 else f"{workers} workers"
            rows.append((name, *medians(args.folder, args.times, client)))
    print(f"fastdicom {fastdicom.__version__}, {rows[0][3]:,} files\n")
    print("| | table, files/s | against one worker | Parquet, files/s | against one worker |\n|---|---|---|---|---|")
    for name, table, parts, files in rows:
        print(f"| {name} | {files / table:,.0f} | {rows[1][1] / table:.2f} | {files / parts:,.0f} | {rows[1][2] / parts:.2f} |")


if __name__ == "__main__":
    main()
