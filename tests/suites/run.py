"""Runs the test suites of pydicom and of libraries that use it without and with `fastdicom.pydicom.install`.

    python tests/suites/run.py pydicom

What passes without must pass with. The tests come from the sdist of the version that is installed, which is fetched once; the outcome
without us is kept for as long as Python and the packages that the tests use are the same. Tests that are left out stand in exclusions.toml.
"""

from __future__ import annotations

import argparse
import fnmatch
import functools
import hashlib
import importlib.metadata
import json
import os
import platform
import re
import resource
import shutil
import socket
import subprocess
import sys
import sysconfig
import tarfile
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
MOST_EXCLUDED = 0.02  # of the tests that pass without
USED = r"pydicom|highdicom|pynetdicom|numpy|pillow|python-gdcm|pylibjpeg|pyjpegls|pytest|simpleitk|pyfakefs|sqlalchemy|requests"
MOST_AGAIN = 100  # tests that are tried once more alone; more than that is no accident


@dataclass(frozen=True)
class Suite:
    """Where a library's tests are in its sdist, and which of them are those of a short run."""

    name: str
    tests: tuple[str, ...]
    quick: tuple[str, ...]
    options: tuple[str, ...] = ()
    # what its repository has beside the tests and the sdist lacks: a folder of the corpus, and where it belongs
    data: tuple[str, str] | None = None
    # modules that stand for what the sdist lacks, and where they belong
    helpers: tuple[tuple[str, str], ...] = ()


# what reads, sends or receives data sets, without the hundreds of tests that wait for a peer's time-out
PYNETDICOM_QUICK = ("dimse_c", "dimse_msg", "dimse_n", "dsutils", "presentation", "service_non_patient", "service_storage", "utils")

HIGHDICOM_QUICK = ("ann", "content", "ko", "legacy", "pm", "pr", "sc", "spatial", "sr", "utils", "valuetypes", "volume")

SUITES = {
    suite.name: suite
    for suite in (
        # encoders are not ours, and most of the time
        Suite("pydicom", ("tests",), ("tests", *(f"--ignore=tests/pixels/test_encoder_{name}.py" for name in ("pylibjpeg", "pyjpegls")))),
        Suite(
            "highdicom",
            ("tests",),
            # without the making of segmentations, and pydicom's largest images
            ("tests/test_seg.py::TestSegmentationParsing", *(f"tests/test_{name}.py" for name in HIGHDICOM_QUICK)),
            # these load files from GitHub when they are imported
            tuple(f"--ignore=tests/test_{name}.py" for name in ("itk", "nib", "sitk")),
            data=("highdicom/test_files", "data/test_files"),
            helpers=(("highdicom_utils.py", "tests/utils.py"), ("highdicom_init.py", "tests/__init__.py")),
        ),
        Suite(
            "pynetdicom",
            ("pynetdicom/tests", "pynetdicom/apps/tests"),
            tuple(f"pynetdicom/tests/test_{name}.py" for name in PYNETDICOM_QUICK),
        ),
    )
}

Outcomes = dict[str, dict[str, object]]


def cache_folder() -> Path:
    """``FASTDICOM_CACHE``, or the user's cache."""
    if named := os.environ.get("FASTDICOM_CACHE"):
        return Path(named) / "suites"
    base = os.environ.get("LOCALAPPDATA") if os.name == "nt" else os.environ.get("XDG_CACHE_HOME")
    return Path(base or Path.home() / ".cache") / "fastdicom" / "suites"


def sources(suite: Suite, cache: Path) -> Path:
    """The unpacked sdist of the installed version."""
    version = importlib.metadata.version(suite.name)
    folder, packed = cache / f"{suite.name}-{version}", cache / f"{suite.name}-{version}.tar.gz"
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        if not packed.exists():
            command = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check", "download", "--no-deps", "--no-binary", ":all:"]
            subprocess.run([*command, "--dest", str(cache), f"{suite.name}=={version}"], check=True)
        unpacked = cache / f".unpacking-{suite.name}-{os.getpid()}"
        with tarfile.open(packed) as archive:
            archive.extractall(unpacked, filter="data")
        next(unpacked.iterdir()).rename(folder)
        unpacked.rmdir()
    if suite.data is not None and (corpus := os.environ.get("FASTDICOM_CORPUS")):
        there, here = Path(corpus, suite.data[0]), folder / suite.data[1]
        if there.is_dir() and not here.exists():
            shutil.copytree(there, here)
    for ours, theirs in suite.helpers:
        shutil.copy(HERE / ours, folder / theirs)
    return folder


def key(suite: Suite, folder: Path, tests: tuple[str, ...]) -> str:
    """What the outcome without us depends on: Python, the packages that such tests use and where they are, and how they are run.

    The names of tests hold the paths of files in packages, and which files there are decides which of them is taken.
    """
    packages = sorted(
        f"{distribution.name}=={distribution.version}".lower()
        for distribution in importlib.metadata.distributions()
        if re.match(USED, distribution.name.lower())
    )
    facts = [platform.python_version(), sys.prefix, sysconfig.get_platform(), f"offline: {offline()}", *packages, *tests, *suite.options]
    facts += sorted(path.name for path in Path("~/.pydicom/data").expanduser().glob("*"))  # what pydicom has downloaded
    facts += [(HERE / ours).read_text(encoding="utf-8") for ours, _ in suite.helpers]
    facts.append(str(suite.data is not None and (folder / suite.data[1]).exists()))
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:16]


@functools.cache
def offline() -> bool:
    """Whether the host of pydicom's further test files cannot be reached."""
    try:
        socket.create_connection(("github.com", 443), timeout=5).close()
    except OSError:
        return True
    return False


def run(folder: Path, suite: Suite, tests: list[str], face: str, report: Path, jobs: int) -> Outcomes:
    """Run tests with one of the faces; the outcome of each."""
    report.unlink(missing_ok=True)
    paths = [str(HERE), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "SUITE_FACE": face, "SUITE_REPORT": str(report)}
    environment["PYTHONHASHSEED"] = "0"  # parameters that come from a set have the same order in all processes
    environment["SUITE_OFFLINE"] = str(int(offline()))
    environment.pop("PYTEST_ADDOPTS", None)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "suite_plugin",
        "-p",
        "no:cacheprovider",
        "-n",
        str(jobs),
        "--tb=short",
        *suite.options,
    ]
    log, junit = report.with_suffix(".log"), report.with_suffix(".xml")
    with log.open("w", encoding="utf-8") as out:
        done = subprocess.run(
            [*command, f"--junitxml={junit}", *tests], cwd=folder, env=environment, stdout=out, stderr=subprocess.STDOUT, timeout=3600
        )
    if done.returncode not in (0, 1) or not report.exists():
        raise SystemExit(f"{suite.name}, {face}: pytest ended with {done.returncode}\n{log.read_text(encoding='utf-8')[-4000:]}")
    return json.loads(report.read_text(encoding="utf-8"))


def timed(what: str, folder: Path, suite: Suite, tests: list[str], face: str, report: Path, jobs: int) -> Outcomes:
    """Run and say how long it took."""
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    outcomes = run(folder, suite, tests, face, report, jobs)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"{what}: {_counts(outcomes)}; {time.monotonic() - began:.0f} s, {cpu:.0f} s of the processor", flush=True)
    return outcomes


def _counts(outcomes: Outcomes) -> str:
    found = [str(entry["outcome"]) for entry in outcomes.values()]
    return ", ".join(f"{found.count(kind)} {kind}" for kind in ("passed", "failed", "skipped"))


def passed(outcomes: Outcomes) -> set[str]:
    """The tests that passed."""
    return {test for test, entry in outcomes.items() if entry["outcome"] == "passed"}


def excluded(name: str, tests: set[str]) -> tuple[dict[str, str], list[str]]:
    """The tests that are left out with their reasons, and the patterns that name none."""
    entries = tomllib.loads((HERE / "exclusions.toml").read_text(encoding="utf-8")).get(name, [])
    reasons, idle = {}, []
    registered = any(
        point.value.startswith("fastdicom.") for point in importlib.metadata.entry_points(group="pylibjpeg.pixel_data_decoders")
    )
    for entry in entries:
        if entry.get("registered") and not registered:
            continue
        # brackets stand for themselves: they enclose the parameters of a test
        pattern = entry["test"].replace("[", "[[]")
        named = {test: entry["reason"] for test in tests if fnmatch.fnmatchcase(test, pattern)}
        reasons.update(named)
        if not named:
            idle.append(entry["test"])
    return reasons, idle


def compare(suite: Suite, folder: Path, without: Outcomes, with_us: Outcomes, reports: Path, *, all_run: bool = True) -> int:
    """Say what differs; the exit status."""
    reasons, idle = excluded(suite.name, passed(without))
    lost = sorted(passed(without) - passed(with_us))
    unexplained = [test for test in lost if test not in reasons]
    unsteady: list[str] = []
    if 0 < len(unexplained) <= MOST_AGAIN:
        # a network or a clock may have been the reason: alone, and both ways
        plain = passed(timed("again without", folder, suite, unexplained, "plain", reports / f"{suite.name}-again-plain.json", 0))
        ours = timed("again with", folder, suite, unexplained, "fastdicom", reports / f"{suite.name}-again-fastdicom.json", 0)
        with_us.update({test: entry for test, entry in ours.items() if entry["outcome"] != "passed"})
        unsteady = [test for test in unexplained if test in passed(ours) or test not in plain]
        unexplained = [test for test in unexplained if test not in unsteady]
    for test in unexplained:
        entry = with_us.get(test, {"outcome": "not seen"})
        print(f"\n{test}: {entry['outcome']}\n{str(entry.get('message', ''))[-1500:]}")
    for test in unsteady:
        print(f"unsteady, failed once and passes alone, or fails without too: {test}")
    needless = sorted(test for test in reasons if test in passed(with_us))
    idle = idle if all_run else []
    for test in [*needless, *idle]:
        print(f"excluded, but it passes or is not there; take it off the list: {test}")
    share = len(reasons) / max(1, len(passed(without)))
    print(f"\n{suite.name}: {len(passed(without))} pass without, {len(lost)} of them do not with; {len(unexplained)} are lost")
    print(f"{len(reasons)} are excluded, {share:.2%}")
    gained = sorted(passed(with_us) - passed(without))
    if gained:
        print(f"{len(gained)} pass only with: {', '.join(gained[:5])}{' …' if len(gained) > 5 else ''}")
    if share > MOST_EXCLUDED:
        print(f"more than {MOST_EXCLUDED:.0%} are excluded")
    return int(bool(unexplained or needless or idle or share > MOST_EXCLUDED or not passed(without)))


def main() -> int:
    """Run one suite or several both ways."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suites", nargs="+", choices=sorted(SUITES))
    parser.add_argument("-n", "--jobs", type=int, default=2, help="processes of pytest-xdist (2)")
    parser.add_argument("--quick", action="store_true", help="only the part that takes no time on networks and subprocesses")
    parser.add_argument("--fresh", action="store_true", help="run without us again, whatever is kept")
    parser.add_argument("--only", nargs="+", metavar="TEST", help="these files or tests of the sdist; nothing is kept of that")
    parser.add_argument("--reports", type=Path, default=Path("build/suites"), help="where JSON, JUnit XML and logs go (build/suites)")
    options = parser.parse_args()
    status = 0
    reports = options.reports.resolve()
    reports.mkdir(parents=True, exist_ok=True)
    for suite in (SUITES[name] for name in options.suites):
        print(f"\n== {suite.name} {importlib.metadata.version(suite.name)}, Python {platform.python_version()}", flush=True)
        folder = sources(suite, cache_folder())
        tests = tuple(options.only or (suite.quick if options.quick else suite.tests))
        kept = cache_folder() / "outcomes" / f"{suite.name}-{key(suite, folder, tests)}.json"
        if kept.exists() and not options.fresh and not options.only:
            without = json.loads(kept.read_text(encoding="utf-8"))
            print(f"without: {_counts(without)} (kept)", flush=True)
        else:
            without = timed("without", folder, suite, list(tests), "plain", reports / f"{suite.name}-plain.json", options.jobs)
            if not options.only and passed(without):
                kept.parent.mkdir(parents=True, exist_ok=True)
                kept.write_text(json.dumps({test: {"outcome": entry["outcome"]} for test, entry in without.items()}), encoding="utf-8")
        with_us = timed("with   ", folder, suite, list(tests), "fastdicom", reports / f"{suite.name}-fastdicom.json", options.jobs)
        status |= compare(suite, folder, without, with_us, reports, all_run=not (options.only or options.quick))
    return status


if __name__ == "__main__":
    sys.exit(main())
