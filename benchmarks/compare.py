"""Our row beside every peer that is installed, and the machine's limit, in one run.

Each reader lives in a process of its own; they take turns (A B C A B C …), so that whatever else the machine does hits all alike.
A figure is the best of all slices; the median stands beside it. Peers that are absent are left out. README.md says how to read it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import readers
import report
from report import LIMIT, OURS, Cell, Results

HERE = Path(__file__).resolve().parent
THEMES = ("scan", "open", "every", "pixels", "seg", "size", "import", "memory")
TITLES = {
    "scan": "Scan: ten tags of every file of a folder, one thread",
    "open": "Open: a data set and ten values",
    "every": "Every value of a header of 258 elements, as Python objects",
    "pixels": "Pixels: an uncompressed image of 512 × 512 × 16 bit",
    "seg": "A segmentation of many frames: open + one value of the top level",
    "size": "Open + ten values: the same header before few and before many pixels",
    "import": "Import: a process that imports and ends",
    "memory": "Memory of open data sets",
}
MILLISECONDS = {"seg"}
LIMITS = (
    (report.SCAN_LIMIT, "read", 8192),
    ("open + pread(16 KiB) + close", "read", 16384),
    ("open + fstat + mmap + touch + munmap + close", "map", 8192),
)
SLICES = 10  # a turn is measured in so many parts: the shorter, the likelier that one of them is undisturbed
HEAVY = ("numpy", "pyarrow", "imagecodecs", "openjpeg", "pylibjpeg", "pydicom")
IMPORTS = {
    OURS: ("import fastdicom", "import fastdicom; fastdicom.dcmread"),
    "pydicom": ("import pydicom",),
    "dicomsdl": ("import dicomsdl",),
    "GDCM": ("import gdcm",),
    "SimpleITK": ("import SimpleITK",),
}


@dataclass
class Plan:
    """What this run is to do."""

    themes: list[str]
    rounds: int
    seconds: float
    starts: int
    opened: int
    rust: str | None


def environment(python: str, **more: str) -> dict[str, str]:
    """Of a child: another interpreter must not see our package, which has the name of the one it is to show."""
    hidden = {"PYTHONDONTWRITEBYTECODE"} if python == sys.executable else {"PYTHONDONTWRITEBYTECODE", "PYTHONPATH"}
    return {name: value for name, value in os.environ.items() if name not in hidden} | more


class Child:
    """A reader in its process."""

    def __init__(self, reader: str, python: str) -> None:
        command = [python, str(HERE / "worker.py")]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, env=environment(python), stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True)
        self.version = self.ask(reader=reader).get("version")

    def ask(self, **what: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(json.dumps(what) + "\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        return json.loads(answer) if answer else {"error": "the process died"}

    def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(timeout=30)


@contextmanager
def children(plan: Plan) -> Iterator[dict[str, Child]]:
    """A process for each reader that is there."""
    found = {}
    for reader in readers.READERS:
        python = plan.rust if reader == "fastdicom (Rust)" else sys.executable
        if python is None:
            continue
        child = Child(reader, python)
        if child.version is None:
            child.end()
        else:
            found[reader] = child
    try:
        yield found
    finally:
        for child in found.values():
            child.end()


def works(folder: Path, args: argparse.Namespace, themes: list[str]) -> dict[str, dict[str, Path]]:
    """Theme → name of the work → the file that lists its paths. Makes what is missing below `folder`."""
    made: dict[str, Path] = {}

    def work(name: str, paths: list[Path], source: Path) -> Path:
        if name not in made:
            made[name] = folder / f"{name}.json"
            made[name].write_text(json.dumps({"paths": [str(path) for path in paths], "scan_source": str(source)}))
        return made[name]

    archive = args.archive
    if archive is None:
        archive = folder / "archive"
        import make_archive

        make_archive.make(archive, args.files, args.rows)
    paths = sorted(path for path in archive.rglob("*") if path.is_file())
    everything = work("archive", paths, archive)
    out = {theme: {"": everything} for theme in ("scan", "open", "every", "pixels", "memory")}
    if "seg" in themes:
        import make_seg

        segmentations = make_seg.make(folder / "seg", args.frames)
        print(f"segmentations of {args.frames:,} frames")
        out["seg"] = {f"{name} lengths": work(f"seg_{name}", [path], path.parent) for name, path in segmentations.items()}
    if "size" in themes:
        import make_archive

        giant = make_archive.make_giant(folder / "giant.dcm")
        out["size"] = {"small": work("small", paths[:1], archive), "2 GiB": work("giant", [giant], giant.parent)}
    return out


def limit_samples(program: Path, mode: str, size: int, work: Path) -> dict[str, Any]:
    paths = json.loads(work.read_text())["paths"]
    text = "\n".join(paths) + "\n"
    done = subprocess.run([program, mode, str(size), str(SLICES)], input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        return {"error": done.stderr}
    return {"samples": [float(line) / len(paths) for line in done.stdout.split()]}


def compiled_limit(folder: Path) -> Path | None:
    """The program of limit.c, made with the machine's compiler; None where there is none."""
    compiler = os.environ.get("CC") or shutil.which("cc")
    if compiler is None or sys.platform == "win32":
        return None
    program = folder / "limit"
    done = subprocess.run([compiler, "-O2", str(HERE / "limit.c"), "-o", str(program)], capture_output=True, text=True, check=False)
    return program if done.returncode == 0 else None


def run_theme(theme: str, plan: Plan, there: dict[str, Child], kinds: dict[str, Path], program: Path | None, results: Results) -> None:
    """All rows of a theme in turns, `plan.rounds` times, on each kind of file."""
    turns: list[tuple[Cell, Callable[[], dict[str, Any]]]] = []
    for name, work in kinds.items():
        if theme == "scan" and program is not None:
            turns += [(Cell(theme, LIMIT, what), partial(limit_samples, program, mode, size, work)) for what, mode, size in LIMITS]
        for row in readers.rows(theme):
            if row.reader in there:
                take = partial(there[row.reader].ask, key=row.key, work=str(work), seconds=plan.seconds, slices=SLICES)
                turns.append((Cell(theme, row.reader, row.what, name), take))
    results.cells += [cell for cell, _ in turns]
    for _ in range(plan.rounds):
        for cell, take in turns:
            if cell.error:
                continue
            answer = take()
            cell.samples += answer.get("samples", [])
            cell.error = answer.get("error", "")


PROBE = """
import sys, time
before = set(sys.modules); start = time.perf_counter()
{statement}
took = time.perf_counter() - start
new = set(sys.modules) - before
heavy = [name for name in {heavy} if name in new]
print(f"{{took * 1e3:.1f}} {{len(new)}}" + "".join(" +" + name for name in heavy))
"""


def run_import(plan: Plan, there: dict[str, Child], folder: Path, results: Results) -> None:
    """Starts of processes in turns. All modules are compiled to bytecode before, as pip does when it installs them."""
    turns = [(Cell("import", "python", "pass"), sys.executable, "pass")]
    for reader, statements in IMPORTS.items():
        if reader in there:
            turns += [(Cell("import", reader, statement), sys.executable, statement) for statement in statements]
    if "fastdicom (Rust)" in there and plan.rust:
        turns.append((Cell("import", "python (Rust's)", "pass"), plan.rust, "pass"))
        turns.append((Cell("import", "fastdicom (Rust)", "import fastdicom", "python (Rust's)"), plan.rust, "import fastdicom"))
    results.cells += [cell for cell, _, _ in turns]
    for cell, python, statement in turns:
        run_python(python, statement, folder)
        cell.note = run_python(python, PROBE.format(statement=statement, heavy=HEAVY), folder).strip() if statement != "pass" else ""
    for _ in range(plan.starts):
        for cell, python, statement in turns:
            start = perf_counter()
            run_python(python, statement, folder)
            cell.samples.append(perf_counter() - start)


def run_python(python: str, code: str, bytecode: Path) -> str:
    env = environment(python, PYTHONPYCACHEPREFIX=str(bytecode))
    return subprocess.run([python, "-c", code], env=env, capture_output=True, text=True, check=True).stdout


def run_memory(plan: Plan, there: dict[str, Child], work: Path, results: Results) -> None:
    if not Path("/proc/self/statm").exists():
        return
    for reader in (OURS, "pydicom", "dicomsdl", "fastdicom (Rust)"):
        if reader not in there:
            continue
        python = plan.rust if reader == "fastdicom (Rust)" and plan.rust else sys.executable
        command = [python, str(HERE / "memory.py"), reader, str(work), str(plan.opened)]
        done = subprocess.run(command, env=environment(python), capture_output=True, text=True, check=False)
        if done.returncode:
            results.cells.append(Cell("memory", reader, "resident", error=done.stderr.strip().rpartition("\n")[2]))
            continue
        got = json.loads(done.stdout)
        whole, elements, head = got["resident"], got["elements"], got["head"]
        note = f"{whole:,.0f} bytes a data set of {elements} elements, {plan.opened} open"
        if reader == OURS:
            beside = Cell("memory", reader, "resident, beside the head", samples=[(whole - head) / elements])
            beside.note = f"the head is {head} bytes"
            results.cells += [Cell("memory", reader, "index: bytes_per_element", samples=[got["index"]]), beside]
        results.cells.append(Cell("memory", reader, "resident, all of it", samples=[whole / elements], note=note))


def machine() -> dict[str, Any]:
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
        cpu = names[0] if names else cpu
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load_before": round(load, 2),
    }


def arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("themes", nargs="*", metavar="THEME", help=f"which: {', '.join(THEMES)} (all)")
    parser.add_argument("--archive", type=Path, help="a folder made by make_archive.py; without it one is made and removed again")
    parser.add_argument("--files", type=int, default=1000, help="how many files to make (%(default)s)")
    parser.add_argument("--rows", type=int, default=512, help="rows and columns of the files to make (%(default)s)")
    parser.add_argument("--frames", type=int, default=12000, help="frames of the segmentations (%(default)s)")
    parser.add_argument("--rounds", type=int, default=7, help="how many turns each reader has (%(default)s)")
    parser.add_argument("--seconds", type=float, default=0.15, help="how long a turn takes, about (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="small files, one turn: does it run? The figures mean nothing")
    rust = os.environ.get("FASTDICOM_BENCH_RUST")
    parser.add_argument("--rust-python", default=rust, help="an interpreter that has the Rust package fastdicom (%(default)s)")
    parser.add_argument("--tmp", type=Path, help="where to make files (the system's folder for temporary files)")
    parser.add_argument("--json", type=Path, help="also write every sample to this file")
    parser.add_argument("--markdown", action="store_true", help="tables for a README")
    args = parser.parse_args(argv)
    unknown = set(args.themes) - set(THEMES)
    if unknown:
        parser.error(f"no such theme: {', '.join(sorted(unknown))}")
    if args.quick:
        args.files, args.rows, args.frames = min(args.files, 20), min(args.rows, 64), min(args.frames, 100)
    return args


def measure(args: argparse.Namespace, plan: Plan) -> tuple[Results, dict[str, str]]:
    results = Results()
    with tempfile.TemporaryDirectory(dir=args.tmp) as name, children(plan) as there:
        folder = Path(name)
        listed = works(folder, args, plan.themes)
        program = compiled_limit(folder) if "scan" in plan.themes else None
        for theme in plan.themes:
            print(f"… {theme}", file=sys.stderr, flush=True)
            if theme == "import":
                run_import(plan, there, folder / "bytecode", results)
            elif theme == "memory":
                run_memory(plan, there, listed[theme][""], results)
            else:
                run_theme(theme, plan, there, listed[theme], program, results)
        versions = {reader: str(child.version) for reader, child in there.items()}
    return results, versions


def noise(results: Results) -> str:
    """How far medians lie above the best: what the machine did besides."""
    spread = sorted(cell.median / cell.best - 1 for cell in results.cells if len(cell.samples) > 2)
    if not spread:
        return "few samples"
    return f"medians are {spread[len(spread) // 2]:.0%} above the best (the worst: {spread[-1]:.0%})"


def show(results: Results, plan: Plan, writer: report.Writer) -> None:
    for theme in plan.themes:
        if theme == "import":
            lines = report.import_table(results)
        elif theme == "memory":
            lines = report.memory_table(results)
        else:
            unit = ("ms", 1e3) if theme in MILLISECONDS else ("µs", 1e6)
            lines = report.time_table(results, theme, readers.COMPILED, unit)
        print(f"\n## {TITLES[theme]}\n\n{writer(lines)}")


def main(argv: list[str] | None = None) -> int:
    args = arguments(argv)
    plan = Plan(
        themes=[theme for theme in THEMES if theme in (args.themes or THEMES)],
        rounds=1 if args.quick else args.rounds,
        seconds=0.01 if args.quick else args.seconds,
        starts=2 if args.quick else 3 * args.rounds,
        opened=60 if args.quick else 2000,
        rust=args.rust_python,
    )
    host = machine()
    results, versions = measure(args, plan)
    host["noise"] = noise(results)
    writer = report.markdown if args.markdown else report.aligned
    print(f"{host['cpu']}, {host['cores']} cores, {host['system']}, Python {host['python']}")
    print(f"load before: {host['load_before']}; {host['noise']}\n")
    print(", ".join(f"{reader} {version}" for reader, version in versions.items()))
    show(results, plan, writer)
    found = [goal for goal in report.goals(results, readers.COMPILED) if goal.theme in plan.themes]
    print(f"\n## Goals\n\n{writer(report.goal_lines(found))}")
    if args.json is not None:
        args.json.write_text(json.dumps(report.as_json(host, versions, results, found), indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
