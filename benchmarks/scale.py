"""Scanning at scale: threads, a million paths, and the index of yesterday brought up to date; and the plot of it.

Everything runs on one archive of CT files, which hard links multiply: python benchmarks/scale.py --plot benchmarks/scale.svg

Each task runs in a process of its own; those that are compared take turns, and ratios are of the best of each.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import compare
import report

HERE = Path(__file__).parent
THEMES = ("threads", "cold", "million", "growth", "update")
MIB = 1 << 20


@dataclass
class Line:
    """One line of a table."""

    theme: str
    what: str
    files: int
    seconds: float
    peak: int = 0
    note: str = ""

    @property
    def rate(self) -> float:
        return self.files / self.seconds

    def words(self) -> list[str]:
        memory = f"{self.peak / MIB:,.0f}" if self.peak else ""
        each = f"{self.seconds / self.files * 1e6:.2f}"
        return [
            self.what,
            f"{self.files:,}",
            f"{self.seconds:.2f}",
            f"{self.rate:,.0f}",
            each,
            memory,
            self.note,
        ]


HEADINGS = ["what", "files", "seconds", "files/s", "µs a file", "peak MiB", ""]


def child(what: str, folder: Path, **more: Any) -> dict[str, Any]:
    """Run a task in a process of its own."""
    task = {"what": what, "folder": str(folder), **{name: str(value) if isinstance(value, Path) else value for name, value in more.items()}}
    command = [sys.executable, str(HERE / "scale_child.py"), json.dumps(task)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=compare.environment(sys.executable))
    if done.returncode:
        raise SystemExit(f"{what} failed:\n{done.stderr}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def limit_seconds(program: Path | None, paths: list[Path], passes: int) -> float | None:
    """Open + pread(8 KiB) + close of every path, in one process of C."""
    if program is None:
        return None
    text = "\n".join(map(str, paths)) + "\n"
    done = subprocess.run([program, "read", "8192", str(passes)], input=text, capture_output=True, text=True, check=True)
    return min(float(line) for line in done.stdout.split())


def walk_seconds(program: Path | None, folder: Path, passes: int) -> float | None:
    """Readdir + fstatat of everything below a folder, in one process of C."""
    if program is None:
        return None
    done = subprocess.run([program, "walk", str(folder), str(passes)], capture_output=True, text=True, check=True)
    return min(float(line) for line in done.stdout.split())


def below(folder: Path) -> list[Path]:
    return [Path(root) / name for root, _, names in os.walk(folder) for name in names]


class Run:
    """The archive, the options, and the lines measured."""

    def __init__(self, args: argparse.Namespace, folder: Path) -> None:
        self.args, self.folder = args, folder
        self.lines: list[Line] = []
        self.goals: list[report.Goal] = []
        self.program = compare.compiled_limit(folder)
        self.archive = args.archive
        if self.archive is None:
            import make_archive

            self.archive = folder / "archive"
            make_archive.make(self.archive, args.files, args.rows)
        self.real = below(self.archive)
        self.many = folder / "many"
        self.made = 0

    def say(self, text: str) -> None:
        print(f"… {text}", file=sys.stderr, flush=True)

    def add(self, line: Line) -> Line:
        self.lines.append(line)
        return line

    def grow(self, files: int) -> Path:
        """Hard links below `many` up to that number of paths, 1,000 a folder."""
        while self.made < files:
            source = self.real[self.made % len(self.real)]
            folder = self.many / f"{self.made // 100_000:03d}" / f"{self.made // 1000 % 100:02d}"
            if self.made % 1000 == 0:
                folder.mkdir(parents=True, exist_ok=True)
            os.link(source, folder / f"{self.made:08d}.dcm")
            self.made += 1
        return self.many

    def threads(self) -> None:
        """The archive by one thread and by more, and the peers; all in turns."""
        tasks: dict[str, tuple[str, dict[str, Any]]] = {
            f"scan → Arrow table, {n} thread{'s' * (n > 1)}": ("scan_to_table", {"threads": n, "passes": 5}) for n in self.args.threads
        }
        tasks["os.scandir + stat (Python)"] = ("walk_and_stat", {"passes": 3})
        tasks["pydicom, dcmread(specific_tags) + 10 values"] = ("pydicom_rows", {"most": 500})
        best: dict[str, dict[str, Any]] = {}
        limit: list[float] = []
        for _ in range(self.args.rounds):
            for name, (what, more) in tasks.items():
                got = child(what, self.archive, **more)
                got["best"] = min(got["seconds"])
                if name not in best or got["best"] < best[name]["best"]:
                    best[name] = got
            taken = limit_seconds(self.program, self.real, 3)
            limit += [taken] if taken else []
        if limit:
            self.add(Line("threads", "limit: open + pread(8 KiB) + close, one thread", len(self.real), min(limit)))
        lines = [self.add(Line("threads", name, got["rows"], got["best"], got["peak"])) for name, got in best.items()]
        by_threads = dict(zip(self.args.threads, lines, strict=False))
        if 1 in by_threads and 2 in by_threads:
            speedup = by_threads[2].rate / by_threads[1].rate
            self.goals.append(report.Goal("threads", "two threads against one", speedup, 1.8, at_most=False, unit=" ×"))
        if 1 in by_threads and limit:
            ratio = by_threads[1].seconds / min(limit)
            self.goals.append(report.Goal("threads", "one thread, a file, against the limit", ratio, 2.0, at_most=True, unit=" ×"))

    def cold(self) -> None:
        """Files that are not in memory: with and without opening them before their turn, and by more threads. Bytes from the disk."""
        tasks: dict[str, tuple[str, dict[str, Any]]] = {"cold: open + pread(8 KiB) + close (Python)": ("read_heads", {})}
        for n in self.args.cold_threads:
            words = f"{n} thread{'s' * (n > 1)}"
            tasks[f"cold scan, {words}, each file in its turn"] = ("scan_cold", {"threads": n, "ahead": False})
            tasks[f"cold scan, {words}"] = ("scan_cold", {"threads": n, "ahead": None})
        best: dict[str, dict[str, Any]] = {}
        for _ in range(self.args.rounds):
            for name, (what, more) in tasks.items():
                forget(self.real)
                got = child(what, self.archive, **more)
                if name not in best or got["seconds"] < best[name]["seconds"]:
                    best[name] = got
        for name, got in best.items():
            note = f"{got['fetched'] / len(self.real) / 1024:,.1f} KiB a file from the disk"
            self.add(Line("cold", name, got["rows"], min(got["seconds"]), got["peak"], note))
        if not any(got["fetched"] for got in best.values()):
            self.say("nothing came from a disk: these files stay in memory here")

    def million(self) -> None:
        """Very many paths: rate and memory."""
        folder = self.grow(self.args.paths)
        threads, output = max(self.args.threads), self.folder / "million.parquet"
        taken = limit_seconds(self.program, below(folder), 1)
        if taken:
            self.add(Line("million", "limit: open + pread(8 KiB) + close, one thread", self.args.paths, taken))
        for n in sorted({1, threads}):
            got = child("scan_through", folder, threads=n)
            self.add(Line("million", f"scan, batches dropped, {n} thread{'s' * (n > 1)}", got["rows"], min(got["seconds"]), got["peak"]))
            streamed = got["peak"]
        got = child("scan_to_table", folder, threads=threads)
        self.add(Line("million", f"scan → Arrow table, {threads} threads", got["rows"], min(got["seconds"]), got["peak"]))
        os.sync()
        got = child("scan_to_parquet", folder, threads=threads, output=output, tags=None)
        note = f"26 columns, {got['size'] / MIB:,.1f} MiB on disk"
        line = self.add(Line("million", f"scan → Parquet, {threads} threads", got["rows"], min(got["seconds"]), got["peak"], note))
        peak = max(streamed, line.peak) / MIB
        self.goals.append(report.Goal("million", "peak memory, streamed", peak, 200, at_most=True, unit=" MiB"))

    def growth(self) -> None:
        """Files a second against the number of files."""
        number = 1000
        while number <= self.args.paths:
            folder = self.folder / f"growth{number}"
            for i in range(number):
                part = folder / f"{i // 1000:04d}"
                if i % 1000 == 0:
                    part.mkdir(parents=True)
                os.link(self.real[i % len(self.real)], part / f"{i:07d}.dcm")
            for n in self.args.threads:
                passes = 5 if number <= 10_000 else 2
                seconds = min(child("scan_through", folder, threads=n, passes=passes)["seconds"])
                self.add(Line("growth", f"{number:,} files, {n} thread{'s' * (n > 1)}", number, seconds))
            shutil.rmtree(folder)
            number *= 10

    def update(self) -> None:
        """One file in a hundred changed since the index was made."""
        folder, output, threads = self.folder / "update", self.folder / "update.parquet", max(self.args.threads)
        number = self.args.update_files
        for i in range(number):
            part = folder / f"{i // 1000:04d}"
            if i % 1000 == 0:
                part.mkdir(parents=True)
            os.link(self.real[i % len(self.real)], part / f"{i:07d}.dcm")
        os.sync()
        fresh = child("scan_to_parquet", folder, threads=threads, output=output, tags=None)
        self.add(Line("update", f"fresh scan → Parquet, {threads} threads", number, min(fresh["seconds"]), fresh["peak"]))
        tasks: dict[str, tuple[str, dict[str, Any]]] = {
            f"update, 1 % changed, {threads} threads": ("update", {"threads": threads, "output": output, "tags": None}),
            "the same, as a command": ("command", {"threads": threads, "output": output, "files": number}),
            "os.walk + os.stat (Python), one thread": ("walk_stat", {"passes": 3}),
            "os.scandir + stat (Python), one thread": ("walk_and_stat", {"passes": 3}),
        }
        limit = "readdir + fstatat (C), one thread"
        best: dict[str, tuple[float, int]] = {}
        for turn in range(self.args.rounds):
            for i, (name, (what, more)) in enumerate(tasks.items()):
                if "output" in more:
                    change(folder, number // 100, seed=len(tasks) * turn + i)
                got = child(what, folder, **more)
                best[name] = min(best.get(name, (min(got["seconds"]), got["peak"])), (min(got["seconds"]), got["peak"]))
            if walked := walk_seconds(self.program, folder, 3):
                best[limit] = min(best.get(limit, (walked, 0)), (walked, 0))
        first = best[next(iter(tasks))][0]
        for name, (seconds, peak) in best.items():
            is_walk = name not in tasks or "output" not in tasks[name][1]
            note = f"the update is {first / seconds:.2f} × this" if is_walk else ""
            self.add(Line("update", name, number, seconds, 0 if name == "the same, as a command" else peak, note))
            if is_walk:
                self.goals.append(report.Goal("update", f"update, against {name}", first / seconds, 1.3, at_most=True, unit=" ×"))


def forget(paths: list[Path]) -> None:
    """Out of the system's memory: all that it has of all disks where that is allowed (root), else these files."""
    os.sync()
    try:
        Path("/proc/sys/vm/drop_caches").write_text("3")
    except OSError:
        for path in paths:
            with path.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def change(folder: Path, count: int, seed: int) -> None:
    """Put a copy of itself in the place of some files: another inode and another time."""
    for path in random.Random(seed).sample(sorted(below(folder)), count):
        data = path.read_bytes()
        path.unlink()
        path.write_bytes(data)
    os.sync()  # the index is synchronised when it is written: it must not wait for these files


def plot(lines: list[Line], threads: list[int], target: Path) -> None:
    """Files a second against the number of files and against threads, as SVG."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "fastdicom"
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), constrained_layout=True)
    for n in threads:
        drawn = [line for line in lines if line.theme == "growth" and line.what.endswith(f", {n} thread{'s' * (n > 1)}")]
        left.plot([line.files for line in drawn], [line.rate for line in drawn], marker="o", label=f"{n} thread{'s' * (n > 1)}")
    left.set(xscale="log", xlabel="files", ylabel="files a second", title="Number of files")
    left.legend()
    scanned = [line for line in lines if line.theme == "threads" and line.what.startswith("scan")]
    right.plot(threads, [line.rate for line in scanned], marker="o", label="scan → Arrow table")
    right.plot(threads, [scanned[0].rate * min(n, os.cpu_count() or 1) for n in threads], linestyle=":", label="one thread × cores in use")
    limits = [line.rate for line in lines if line.theme == "threads" and line.what.startswith("limit")]
    if limits:
        right.axhline(limits[0], color="grey", linewidth=1, label="limit of one thread")
    right.set(xlabel="threads", title=f"Threads, on {os.cpu_count()} cores", xticks=threads)
    right.legend()
    for axes in (left, right):
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
        axes.yaxis.set_major_formatter(lambda value, _: f"{value / 1000:,.0f} k")
    figure.savefig(target, metadata={"Date": None})


def arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("themes", nargs="*", metavar="THEME", help=f"which: {', '.join(THEMES)} (all)")
    parser.add_argument("--archive", type=Path, help="a folder made by make_archive.py, on the disk of --tmp; without it one is made")
    parser.add_argument("--files", type=int, default=4000, help="how many real files to make (%(default)s)")
    parser.add_argument("--rows", type=int, default=512, help="rows and columns of the files to make (%(default)s)")
    parser.add_argument("--paths", type=int, default=1_000_000, help="how many paths the largest scan has (%(default)s)")
    parser.add_argument("--update-files", type=int, default=200_000, help="how many files the index to update has (%(default)s)")
    parser.add_argument("--threads", type=lambda text: [int(n) for n in text.split(",")], default=[1, 2], help="numbers of threads (1,2)")
    parser.add_argument("--cold-threads", type=lambda text: [int(n) for n in text.split(",")], default=[1, 2, 8, 16], help="(1,2,8,16)")
    parser.add_argument("--rounds", type=int, default=3, help="how many turns (%(default)s)")
    parser.add_argument("--tmp", type=Path, help="where to make files")
    parser.add_argument("--plot", type=Path, metavar="FILE.svg", help="draw growth and threads; needs matplotlib")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--quick", action="store_true", help="few files: does it run? The figures mean nothing")
    args = parser.parse_args(argv)
    unknown = set(args.themes) - set(THEMES)
    if unknown:
        parser.error(f"no such theme: {', '.join(sorted(unknown))}")
    if args.quick:
        args.files, args.rows, args.paths, args.update_files, args.rounds = 20, 16, 2000, 1000, 1
    return args


def main(argv: list[str] | None = None) -> None:
    """Measure, print, draw."""
    args = arguments(argv)
    facts = compare.machine()
    print("\n".join(f"{name}: {value}" for name, value in facts.items()))
    with tempfile.TemporaryDirectory(dir=args.tmp) as name:
        run = Run(args, Path(name))
        for theme in args.themes or THEMES:
            run.say(theme)
            getattr(run, theme)()
    for theme in dict.fromkeys(line.theme for line in run.lines):
        print(f"\n## {theme}\n")
        print(report.aligned([HEADINGS, *(line.words() for line in run.lines if line.theme == theme)]))
    if run.goals:
        print("\n## Goals\n")
        print(report.aligned(report.goal_lines(run.goals)))
    if args.json:
        rows = [{**vars(line), "rate": line.rate} for line in run.lines]
        args.json.write_text(json.dumps({"machine": facts, "lines": rows, "goals": [vars(goal) for goal in run.goals]}, indent=1))
    if args.plot:
        plot(run.lines, args.threads, args.plot)


if __name__ == "__main__":
    main()
