"""`fastdicom decode`: frames as a NumPy file."""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
from pathlib import Path
from typing import Any

from fastdicom.cli.parsers import add_command, is_same_file
from fastdicom.errors import DicomError, DicomWarning

DESCRIPTION = """Decode the frames of a file into a NumPy file (.npy), which numpy.load(path, mmap_mode="r") opens without reading it.
Frames are decoded straight into the file, so that memory stays flat; it appears under its name when it is complete."""
EXAMPLES = """examples:
  fastdicom decode image.dcm -o image.npy
  fastdicom decode image.dcm -o first.npy --frames 0
  fastdicom decode image.dcm -o some.npy --frames 0:10 --threads 2
  fastdicom decode image.dcm -o stored.npy --raw
"""
PIECE = 64 << 20  # bytes that are mapped and decoded at a time
_BETWEEN = 0.2  # seconds from one progress line to the next


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add the command to the program."""
    parser = add_command(subparsers, "decode", DESCRIPTION, EXAMPLES)
    parser.add_argument("file", metavar="FILE", help="a DICOM file; - reads standard input")
    parser.add_argument("-o", "--output", metavar="NPY", required=True, help="where to write; the name ends in .npy")
    parser.add_argument(
        "-F", "--frames", metavar="A:B", type=_frames, help="only these frames, as Python counts: 3, 0:10, -5:, ::2; one has no frame axis"
    )
    parser.add_argument("--raw", action="store_true", help="leave the colour as it is stored: YBR stays YBR")
    parser.add_argument("--partial", action="store_true", help="of a truncated file or stream what there is; the rest is 0")
    parser.add_argument("--threads", metavar="N", type=_positive, help="how many threads decode (the cores)")
    parser.add_argument("--decoder", metavar="NAME", help="the decoder, as `fastdicom codecs` calls it; the best when left out")
    parser.add_argument("-f", "--force", action="store_true", help="read what has neither DICM nor group 0002 as a bare data set")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress, and nothing said when all went well")
    parser.set_defaults(run=run, parser=parser)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1")
    return int(text)


def _frames(text: str) -> int | slice:
    parts = text.split(":")
    try:
        numbers = [int(part) if part.strip() else None for part in parts]
        if len(parts) == 1 and numbers[0] is not None:
            return numbers[0]
        if 2 <= len(parts) <= 3 and (len(parts) < 3 or numbers[2] != 0):
            return slice(*numbers)
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"{text!r} is neither a number nor A:B nor A:B:STEP")


def run(args: argparse.Namespace) -> int:
    """Decode; 0: the file is written, 1: something cannot be read, decoded or written."""
    if not args.output.endswith(".npy"):
        args.parser.error(f"{args.output}: the name ends in .npy")
    if is_same_file(args.file, args.output):
        args.parser.error(f"{args.output} is the file that is read")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", DicomWarning)
            warnings.showwarning = _warn  # type: ignore[assignment]
            _decode(args)
    except (DicomError, IndexError) as error:
        reason = str(error).replace("force=True", "--force").replace("partial=True", "--partial")
        print(f"fastdicom: {reason}" if args.file in reason else f"fastdicom: {args.file}: {reason}", file=sys.stderr)
        return 1
    except OSError as error:
        name = args.file if error.filename == args.file else args.output
        print(f"fastdicom: {name}: {error.strerror or error}", file=sys.stderr)
        return 1
    return 0


def _warn(message: Warning | str, *_: object) -> None:
    print(f"warning: {message}", file=sys.stderr)


def _decode(args: argparse.Namespace) -> None:
    from fastdicom.pixels.frames import Frames
    from fastdicom.reader import dcmread

    with dcmread(sys.stdin.buffer if args.file == "-" else args.file, force=args.force) as ds:
        try:
            frames = Frames(ds, partial=args.partial)
            numbers = _numbers(args.frames, len(frames))
            single = isinstance(args.frames, int) or (args.frames is None and len(frames) == 1)
            _write(args, frames, numbers, frames.shape[1:] if single else (len(numbers), *frames.shape[1:]))
        except DicomError as error:
            error.path = error.path or ds.filename
            raise


def _numbers(asked: int | slice | None, count: int) -> range:
    if isinstance(asked, int):
        if not -count <= asked < count:
            raise IndexError(f"frame {asked} was asked, there are {count}")
        return range(asked % count, asked % count + 1)
    return range(count)[asked] if asked else range(count)


def _write(args: argparse.Namespace, frames: Any, numbers: range, shape: tuple[int, ...]) -> None:
    """Decode into a file beside the one that is asked for, which then takes its name."""
    import numpy as np
    from numpy.lib import format as npy

    goal = Path(args.output)
    beside = goal.with_name(f".{goal.name}.{os.getpid()}.part")
    size = frames.dtype.itemsize * int(np.prod(frames.shape[1:], dtype=np.int64))
    began = time.perf_counter()
    try:
        with open(beside, "w+b") as file:
            npy.write_array_header_1_0(file, {"descr": npy.dtype_to_descr(frames.dtype), "fortran_order": False, "shape": shape})
            start = file.tell()
            frames.check(_order(args), numbers)
            _take_room(file, start, size * len(numbers))
            progress = _Progress(args.quiet, len(numbers), size)
            step = max(1, PIECE // size)
            for at in range(0, len(numbers), step):
                part = numbers[at : at + step]
                # a map a piece: what is decoded leaves our memory with it
                out = np.memmap(file, frames.dtype, "r+", start + at * size, (len(part), *frames.shape[1:]))
                frames.decode(_order(args), out.view(np.ndarray), part)
                out.flush()
                del out
                progress.done(at + len(part))
            os.fsync(file.fileno())
        beside.replace(goal)
    finally:
        beside.unlink(missing_ok=True)
    if not args.quiet:
        seconds = max(time.perf_counter() - began, 1e-9)
        rate = size * len(numbers) / seconds / 1e6
        text = f"{len(numbers)} frame{'' if len(numbers) == 1 else 's'}, {frames.dtype} {shape}, {rate:.0f} MB/s"
        print(f"{args.output}: {text}")


def _order(args: argparse.Namespace) -> Any:
    from fastdicom.pixels.frames import Order

    return Order(args.raw, None, args.threads, args.decoder, args.partial)


def _take_room(file: Any, start: int, size: int) -> None:
    """The room on the disk: a full one is an error now, and no fault when the map is written."""
    file.flush()
    if size and hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), start, size)
    else:
        file.truncate(start + size)


class _Progress:
    """How far it is, on stderr while that is a terminal."""

    def __init__(self, quiet: bool, count: int, size: int) -> None:
        self._live = sys.stderr.isatty() and not quiet
        self._count, self._size = count, size
        self._began = self._said = time.perf_counter()

    def done(self, count: int) -> None:
        now = time.perf_counter()
        if not self._live or (now - self._said < _BETWEEN and count < self._count):
            return
        self._said = now
        rate = count * self._size / max(now - self._began, 1e-9)
        left = (self._count - count) * self._size / rate
        print(f"\r{count} of {self._count} frames, {rate / 1e6:.0f} MB/s, {left:.0f} s left\033[K", end="", file=sys.stderr, flush=True)
        if count == self._count:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
