"""`fastdicom bench`: how fast the decoders are, on one's own files and beside other libraries."""

from __future__ import annotations

import argparse
import json
import os
import pickle
import platform
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastdicom.cli.parsers import add_command
from fastdicom.errors import DicomError, DicomWarning

DESCRIPTION = """Time every decoder that is installed, and the libraries beside (pydicom with its plug-ins, imagecodecs, GDCM, SimpleITK,
dicomsdl), on the frames of files: MB of decoded samples and frames a second, the best of several turns, a line a transfer syntax
and decoder. Every turn goes through all of them; one before is not timed. What is decoded is compared with our best decoder's:
what differs is marked."""
EXAMPLES = """examples:
  fastdicom bench image.dcm
  fastdicom bench . --files 2 --repeats 1
  fastdicom bench image.dcm --json | jq .
  fastdicom bench image.dcm --threads 2 --no-peers
"""
COLUMNS = ("transfer syntax", "decoder", "what", "MB/s", "frames/s", "of ours", "samples")


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add the command to the program."""
    parser = add_command(subparsers, "bench", DESCRIPTION, EXAMPLES)
    parser.add_argument("sources", metavar="FILE|DIR", nargs="+", help="a DICOM file, or a folder, which is walked")
    parser.add_argument("--files", metavar="N", type=_positive, default=4, help="of a folder so many files a transfer syntax (%(default)s)")
    parser.add_argument("--frames", metavar="N", type=_positive, default=32, help="of a file so many frames (%(default)s)")
    parser.add_argument("--repeats", metavar="N", type=_positive, default=5, help="turns of each decoder (%(default)s)")
    parser.add_argument("--threads", metavar="N", type=_positive, default=None, help="time ours on so many threads too (the cores)")
    parser.add_argument("--no-peers", dest="peers", action="store_false", help="only our decoders")
    parser.add_argument("-f", "--force", action="store_true", help="read what has neither DICM nor group 0002 as a bare data set")
    parser.add_argument("-j", "--json", action="store_true", help="one object, for programs")
    parser.set_defaults(run=run, parser=parser)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Measure and print; 0: everything was measured, 1: a file of the folder, or that was named, cannot be read or decoded."""
    from fastdicom.cli.peers import versions

    threads = args.threads or (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    totals: dict[tuple[str, str, str], _Total] = {}
    status = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("ignore", DicomWarning)
        for path in _files(args):
            try:
                _add(totals, _measure(path, args, threads))
            except (DicomError, OSError) as error:
                text = str((isinstance(error, OSError) and error.strerror) or error)
                text = text.replace("force=True", "--force")
                print(f"fastdicom: {text}" if path in text else f"fastdicom: {path}: {text}", file=sys.stderr)
                status = 1
    if not totals:
        print("fastdicom: there is nothing to measure", file=sys.stderr)
        return 1
    from fastdicom._version import __version__

    machine = {
        "machine": _processor(),
        "processors": os.cpu_count(),
        "python": platform.python_version(),
        "threads": 1,
        "repeats": args.repeats,
        "versions": {"fastdicom-core": __version__, **(versions() if args.peers else {})},
    }
    rows = _rows(totals)
    if args.json:
        print(json.dumps({**machine, "rows": rows}, indent=1, ensure_ascii=False))
        return status
    print(", ".join(f"{name} {version}" for name, version in machine["versions"].items()))
    print(f"{machine['machine']}, {machine['processors']} processors, Python {machine['python']}; one thread where none is named,")
    print(f"best of {args.repeats} turns; 'file': with opening and reading, 'frames': without\n")
    _print(rows)
    return status


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next(line.partition(":")[2].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


class _Total:
    """What was measured of a decoder over the files of a transfer syntax."""

    def __init__(self) -> None:
        self.size = self.frames = self.files = 0
        self.seconds = 0.0
        self.ours = 0.0  # seconds of our best decoder on the same files, in the same scope
        self.samples: set[str] = set()
        self.error = ""


def _files(args: argparse.Namespace) -> list[str]:
    """The files that were named, and of folders a few a transfer syntax; what is no DICOM there, or has no pixels, is passed over."""
    found: list[str] = []
    seen: dict[str, int] = {}
    for source in args.sources:
        if not Path(source).is_dir():
            found.append(source)
            continue
        for path in sorted(path for path in Path(source).rglob("*") if path.is_file()):
            uid = _syntax_of(str(path))
            if uid and seen.get(uid, 0) < args.files:
                seen[uid] = seen.get(uid, 0) + 1
                found.append(str(path))
    return found


def _syntax_of(path: str) -> str:
    """The transfer syntax of a file with pixels that can be decoded; "" for any other."""
    from fastdicom.codecs import registry
    from fastdicom.reader import dcmread

    try:
        with warnings.catch_warnings(), dcmread(path) as ds:
            warnings.simplefilter("ignore")
            uid = str(ds.frames.description.info.transfer_syntax_uid)
            return uid if any(row.installed for row in registry.find(uid)) else ""
    except (DicomError, OSError):
        return ""


@dataclass(frozen=True, slots=True)
class _Result:
    """What a decoder did on a file."""

    size: int
    frames: int
    seconds: float
    ours: float
    samples: str


_Results = dict[tuple[str, str, str], "_Result | str"]  # by transfer syntax, name and scope; text: it failed
_Key = tuple[str, str]


def _measure(path: str, args: argparse.Namespace, threads: int) -> _Results:
    """Time every contestant on a file, in a process of its own where there is `fork`: some libraries end theirs."""
    if not hasattr(os, "fork"):
        return _field(path, args, threads, {}, lambda _: None)
    killers: dict[_Key, str] = {}
    while True:
        answer, last = _in_a_child(lambda tell: _field(path, args, threads, killers, tell))
        if isinstance(answer, Exception):
            raise answer
        if answer is not None:
            return answer
        if last is None or last in killers:
            raise OSError("the process that measures ended")
        killers[last] = "ends the process"


def _in_a_child(work: Callable[[Callable[[_Key], None]], _Results]) -> tuple[_Results | Exception | None, _Key | None]:
    """What `work` answers or raises, and what it told last before it was killed."""
    source, target = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(source)
        with open(target, "wb") as pipe:

            def tell(what: object) -> None:
                pickle.dump(what, pipe)
                pipe.flush()

            try:
                tell([work(tell)])
            except Exception as error:
                tell([error if isinstance(error, (DicomError, OSError)) else OSError(f"{type(error).__name__}: {error}")])
        os._exit(0)
    os.close(target)
    told: list[Any] = [None]
    with open(source, "rb") as heard:
        try:
            while True:
                told.append(pickle.load(heard))  # noqa: S301  # from our own child
        except (EOFError, pickle.UnpicklingError):
            pass
    os.waitpid(child, 0)
    return (told[-1][0], None) if isinstance(told[-1], list) else (None, told[-1])


def _field(path: str, args: argparse.Namespace, threads: int, killers: dict[_Key, str], tell: Callable[[_Key], None]) -> _Results:
    import numpy as np

    from fastdicom.cli.peers import contestants, in_rgb, same
    from fastdicom.reader import dcmread

    with dcmread(path, force=args.force) as ds:
        frames = ds.frames
        count = min(args.frames, len(frames))
        ds.decode(frames=range(count), threads=1, raw=not in_rgb(ds))  # what cannot be decoded raises here
        field = [one for one in contestants(path, ds, count, threads) if args.peers or one.name.startswith("fastdicom")]
        reference, best, verdicts, errors = None, dict[_Key, float](), dict[_Key, str](), dict(killers)
        for turn in range(args.repeats + 1):  # the first is not timed: modules are imported, files read, memory taken
            for one in field:
                key = (one.name, one.scope)
                if key in errors:
                    continue
                tell(key)
                start = time.perf_counter()
                try:
                    made = one.run()
                except Exception as error:  # somebody else's library
                    errors[key] = f"{type(error).__name__}: {error}".replace(f"{path}: ", "").partition("\n")[0]
                    continue
                if turn:
                    best[key] = min(best.get(key, 1e9), time.perf_counter() - start)
                else:
                    if reference is None:
                        reference = np.array(made)
                    compared = one.scope == "frames" or count == len(frames)
                    verdicts[key] = same(reference, made) if compared else "not compared"
        uid = str(frames.description.info.transfer_syntax_uid)
        results: _Results = {}
        for one in field:
            key = (one.name, one.scope)
            amount = count if one.scope == "frames" else len(frames)
            size = amount * int(np.prod(frames.shape[1:])) * frames.dtype.itemsize
            ours = next((best[other] for other in best if other[1] == one.scope), 0.0)
            results[uid, *key] = errors.get(key) or _Result(size, amount, best[key], ours, verdicts[key])
        return results


def _add(totals: dict[tuple[str, str, str], _Total], results: _Results) -> None:
    for key, result in results.items():
        total = totals.setdefault(key, _Total())
        if isinstance(result, str):
            total.error = result
            continue
        total.size += result.size
        total.frames += result.frames
        total.files += 1
        total.seconds += result.seconds
        total.ours += result.ours
        total.samples.add(result.samples)


def _rows(totals: dict[tuple[str, str, str], _Total]) -> list[dict[str, Any]]:
    from fastdicom.transfer_syntax import get

    rows = []
    for (uid, name, scope), total in sorted(totals.items(), key=lambda item: (item[0][0], item[0][2] == "file")):
        row: dict[str, Any] = {"uid": uid, "syntax": get(uid).name, "decoder": name, "scope": scope, "files": total.files}
        if total.seconds:
            row |= {
                "frames": total.frames,
                "mb_per_s": round(total.size / total.seconds / 1e6, 1),
                "frames_per_s": round(total.frames / total.seconds, 1),
                "of_ours": round(total.ours / total.seconds, 3),
                "samples": "differs" if "differs" in total.samples else ", ".join(sorted(total.samples)),
            }
        if total.error:
            row["error"] = total.error
        rows.append(row)
    return rows


def _print(rows: list[dict[str, Any]]) -> None:
    lines, last = [COLUMNS], ""
    for row in rows:
        name = row["syntax"] if row["uid"] != last else ""
        last = row["uid"]
        if "mb_per_s" in row:
            cells = (f"{row['mb_per_s']:.0f}", f"{row['frames_per_s']:.0f}", f"{row['of_ours']:.2f}", row["samples"])
        else:
            error = row["error"]
            cells = ("-", "-", "-", error if len(error) <= 60 else error[:59] + "…")
        lines.append((name[:44], row["decoder"], row["scope"], *cells))
    widths = [max(len(line[i]) for line in lines) for i in range(len(COLUMNS))]
    for line in lines:
        right = {3, 4, 5}
        print("  ".join(c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(line, widths, strict=True))).rstrip())
