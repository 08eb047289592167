"""Reads damaged files with `dcmread` and touches everything: ``python tests/fuzz/fuzz_dcmread.py --seconds 60``.

What is held: nothing but a DicomError comes out, nothing crashes or hangs, memory has a limit, and the same bytes read from
memory, a file, a map and a stream give the same elements. Input N of a seed is always the same: ``--seed S --only N`` repeats
it. What fails is written into the findings folder, and made smaller where that goes quickly.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import importlib.util
import io
import mmap
import os
import pickle
import random
import struct
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "fuzz")]

import mutate as mutator  # noqa: E402
import seeds as seed_files  # noqa: E402

import builders as b  # noqa: E402

try:
    import pyarrow as pa
except ImportError:
    pa = None

MEMORY = 4 << 30
LARGEST_SEED = 40_000


def seeds() -> list[bytes]:
    """Whole files that are small, and the heads of those that are not."""
    out = []
    for data, implicit, big in seed_files.built():
        out.append(b.part10(data, b.IMPLICIT_LITTLE if implicit else b.EXPLICIT_BIG if big else b.EXPLICIT_LITTLE))
    out += [b.deflated_part10(b.minimal(b.nested(4))), b.minimal(encoding=b.IMPLICIT), b.file_meta() + b.minimal()]
    for path in seed_files.corpus_files():
        with path.open("rb") as file:
            data = file.read(LARGEST_SEED + 1)
        out.append(data if len(data) <= LARGEST_SEED else data[:8000])
    return out


def signature(ds: Any) -> list[tuple[int, str, int, bytes]]:
    """What two readings of the same bytes must agree on."""
    out = []
    for elem in ds.iterall():
        raw = elem.raw
        out.append((int(elem.tag), str(elem.VR), elem.length, b"" if raw is None else bytes(raw)))
    return out


def built(room: str) -> bool:
    return importlib.util.find_spec(f"fastdicom.{room}") is not None


def touch(ds: Any) -> None:
    """Everything that a damaged file must allow (api.md): iteration, every value, str, JSON, copies, pixels."""
    from fastdicom import DicomError

    for elem in ds.iterall():
        value = elem.value
        if value is not None and elem.VR != "SQ":
            repr(value)
        repr(elem)
        (elem.VM, elem.name, elem.keyword, elem.is_private, elem.offset, elem.length, elem.is_undefined_length)
    for elem in ds:
        assert elem.tag in ds
        assert ds[elem.tag].offset == elem.offset
    str(ds)
    repr(ds)
    if built("json"):
        ds.to_json()
        ds.to_json_dict()
    ds.walk(lambda ds, elem: None)
    dir(ds)
    str(ds.file_meta)
    (ds.preamble, ds.transfer_syntax, ds.filename, len(ds))
    again = pickle.loads(pickle.dumps(ds))
    assert len(again) == len(ds)
    copy.copy(ds)
    if built("pixels"):
        with contextlib.suppress(DicomError):
            ds.pixel_array
        with contextlib.suppress(DicomError):
            ds.to_image()
        with contextlib.suppress(DicomError):
            ds.pixel_array_rescaled
        for group in {tag >> 16 for tag in ds.tags() if 0x6000 <= tag >> 16 <= 0x60FF and not tag >> 16 & 1}:
            with contextlib.suppress(DicomError):
                ds.overlay_array(group)


def openings(data: bytes, path: Path) -> list[Callable[[], Any]]:
    class Stream(io.RawIOBase):
        """What cannot seek."""

        def __init__(self) -> None:
            self.inner = io.BytesIO(data)

        def readable(self) -> bool:
            return True

        def readinto(self, out: Any) -> int:
            return self.inner.readinto(memoryview(out)[:100])

    return [lambda: path, lambda: str(path), lambda: io.BytesIO(data), Stream, lambda: memoryview(data)]


def exercise(data: bytes, n: int, folder: Path) -> None:
    """Read `data`; whatever is raised but a DicomError is a finding."""
    import fastdicom

    force = n % 3 != 0
    refused = None
    try:
        ds = fastdicom.dcmread(data, force=force)
    except fastdicom.DicomError as error:
        ds, refused = None, error
    if n % 4 == 1 and pa:
        compare_scan(ds, refused, data, n, force, folder)
    if n % 8 == 0:
        compare(ds, data, n, force, folder)
    if ds is not None:
        try:
            touch(ds)
        except fastdicom.DicomError as error:
            str(error)


def compare(ds: Any, data: bytes, n: int, force: bool, folder: Path) -> None:
    """The same bytes from another kind of source."""
    import fastdicom

    path = folder / "input.dcm"
    path.unlink(missing_ok=True)
    path.write_bytes(data)
    choices = openings(data, path)
    source = choices[n // 8 % len(choices)]()
    try:
        other = fastdicom.dcmread(source, force=force, mmap=bool(n // 40 % 2))
    except fastdicom.DicomError:
        assert ds is None, "read from memory, refused from another source"
        return
    assert ds is not None, "refused from memory, read from another source"
    results = []
    for one in (ds, other):
        try:
            results.append(signature(one))
        except fastdicom.DicomError as error:
            results.append(type(error))
    assert results[0] == results[1], f"bytes and {type(source).__name__} differ"
    other.close()


SCANNED = ["SOPInstanceUID", "PatientName", "PatientID", "InstanceNumber", "Rows", "ImagePositionPatient", "BitsStored", "StudyDescription"]


def number(value: Any) -> str:
    """A number, or the text of one: a column of numbers takes it from an element whose header says text."""
    try:
        return repr(float(value))
    except (TypeError, ValueError):
        return repr(value)


def compare_scan(ds: Any, error: Exception | None, data: bytes, n: int, force: bool, folder: Path) -> None:
    """A row of a scan says what `dcmread` says, or says that it does not."""
    import fastdicom

    path = folder / "scanned.dcm"
    path.unlink(missing_ok=True)
    path.write_bytes(data)
    [row] = pa.table(fastdicom.scan([path], SCANNED, force=force, thorough=True)).to_pylist()
    if error is not None:
        assert row["error"], f"refused with {error}, scanned without an error"
        return
    assert row["error"] is None, f"read, but a scan says {row['error']}"
    if "deflated" in (row["notes"] or ""):  # of a broken stream each keeps what it has by then
        return
    for keyword in SCANNED:
        value, found = ds.get(keyword), row[keyword]
        if keyword in (row["notes"] or ""):  # the row says that the value does not fit
            continue
        if found is None:
            assert value is None, f"{keyword} is {value!r}, and a scan says nothing"
        elif isinstance(found, str):
            told = "\\".join(map(str, value)) if isinstance(value, list) else str(value)
            assert found == told, f"{keyword} is {value!r}, and {found!r} in a scan"
        else:
            values, many = (x if isinstance(x, list) else [x] for x in (value, found))
            assert values == many or list(map(number, values)) == list(map(number, many)), (
                f"{keyword} is {value!r}, and {found!r} in a scan"
            )


def fails(data: bytes, n: int, folder: Path) -> str | None:
    """Type and place of what went wrong, or None."""
    try:
        exercise(data, n, folder)
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__} in {last.name} ({Path(last.filename).name}:{last.lineno}): {error}"[:300]
    return None


def smaller(data: bytes, n: int, folder: Path, seconds: float = 5) -> bytes:
    """Fewer bytes that fail in the same place."""
    place = (fails(data, n, folder) or "").split(":")[0]
    stop = time.monotonic() + seconds
    step = max(len(data) // 2, 1)
    while step and time.monotonic() < stop:
        position = 0
        while position < len(data) and time.monotonic() < stop:
            shorter = data[:position] + data[position + step :]
            if (fails(shorter, n, folder) or "").split(":")[0] == place:
                data = shorter
            else:
                position += step
        step //= 2
    return data


def child(args: argparse.Namespace) -> int:
    """Runs inputs from args.start on and tells the parent the number of the current one through args.counter."""
    if sys.platform == "linux" and "asan" not in os.environ.get("LD_PRELOAD", ""):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    import fastdicom.reader  # noqa: F401  what is slow about the first input is not its fault

    pool = seeds()
    stop = time.monotonic() + args.seconds
    n = args.start
    with args.counter.open("r+b") as file, mmap.mmap(file.fileno(), 8) as counter, tempfile.TemporaryDirectory() as folder:
        while time.monotonic() < stop and n < args.end:
            counter[:] = struct.pack("<Q", n)
            data = mutator.mutate(random.Random(f"{args.seed}:{n}"), pool)
            problem = fails(data, n, Path(folder))
            if problem:
                args.out.mkdir(parents=True, exist_ok=True)
                (args.out / f"{args.seed}-{n}.dcm").write_bytes(data)
                (args.out / f"{args.seed}-{n}.small.dcm").write_bytes(smaller(data, n, Path(folder)))
                print(f"input {n} of seed {args.seed}: {problem}", flush=True)
                return 3
            n += 1
        counter[:] = struct.pack("<Q", n)
    return 0


def parent(args: argparse.Namespace) -> int:
    """Starts children until the time is over; a finding ends a child, the next one goes on behind it."""
    findings, n, began = 0, 0, time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        counter = Path(folder) / "counter"
        counter.write_bytes(bytes(8))
        while (left := args.seconds - (time.monotonic() - began)) > 0 and n < args.end and findings < args.findings:
            told = [f"--seconds={left}", f"--start={n}", f"--end={args.end}", f"--seed={args.seed}", f"--out={args.out}"]
            process = subprocess.Popen([sys.executable, "-X", "faulthandler", __file__, "--child", f"--counter={counter}", *told])
            status = watch(process, counter, args.hang)
            (n,) = struct.unpack("<Q", counter.read_bytes())
            if status != 0:
                findings += 1
                if status != 3:
                    keep(args, n, "hangs" if status is None else f"ends the process with {status}")
                n += 1
    print(f"{n} inputs in {time.monotonic() - began:.0f} s, {findings} findings")
    return 1 if findings else 0


def keep(args: argparse.Namespace, n: int, what: str) -> None:
    args.out.mkdir(parents=True, exist_ok=True)
    path = args.out / f"{args.seed}-{n}.dcm"
    path.write_bytes(mutator.mutate(random.Random(f"{args.seed}:{n}"), seeds()))
    print(f"input {n} of seed {args.seed} {what}: {path}", flush=True)


def watch(process: subprocess.Popen[bytes], counter: Path, hang: float) -> int | None:
    """The child's status, or None when one input took longer than `hang` seconds."""
    seen, since = b"", time.monotonic()
    while True:
        try:
            return process.wait(timeout=0.5)
        except subprocess.TimeoutExpired:
            now = counter.read_bytes()
            if now != seen:
                seen, since = now, time.monotonic()
            elif time.monotonic() - since > hang:
                process.kill()
                process.wait()
                return None


def whole_corpus() -> int:
    """Every file of the corpus as it is, from every kind of source and through a scan; the number of findings."""
    findings = 0
    with tempfile.TemporaryDirectory() as folder:
        for path in seed_files.corpus_files():
            data = path.read_bytes()
            for n in (0, 49, 56, 65):  # with and without force, other sources
                problem = fails(data, n, Path(folder))
                if problem:
                    print(f"{path}: {problem}", flush=True)
                    findings += 1
    print(f"{len(seed_files.corpus_files())} files, {findings} findings")
    return findings


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="run this one input and show what it raises")
    parser.add_argument("--file", type=Path, help="run this file instead, as input --only (0)")
    parser.add_argument("--corpus", action="store_true", help="run the files of the corpus as they are")
    parser.add_argument("--findings", type=int, default=5, help="stop after so many")
    parser.add_argument("--hang", type=float, default=20, help="seconds that one input may take")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "fuzz-findings")
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--end", type=int, default=1 << 62)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--counter", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    if args.corpus:
        return 1 if whole_corpus() else 0
    if args.only is not None or args.file:
        n = args.only or 0
        data = args.file.read_bytes() if args.file else mutator.mutate(random.Random(f"{args.seed}:{n}"), seeds())
        with tempfile.TemporaryDirectory() as folder:
            exercise(data, n, Path(folder))
        return 0
    return child(args) if args.child else parent(args)


if __name__ == "__main__":
    sys.exit(main())
