"""Frames: our own decoders beside others, `decode` of whole files beside the fastest library's raw call, threads, colour, kernels.

    python benchmarks/frames.py [THEME ...] [--corpus DIR] [--markdown]

Files of 32 frames are encoded by imagecodecs and pydicom, from made images, or with --corpus from the uncompressed files of a folder (of
the corpus: the six images of the goals). `raw` is a loop over the library's own function on the bytes of each frame, which are in memory
already, into an array that is there; of several libraries, that of the fastest. Turns are taken A B A B, in one process; ratios are of
the best of each. The last table has every goal.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple

import compare
import decode as images
import imagecodecs
import numpy as np
import numpy.typing as npt
import report

import fastdicom
from fastdicom.codecs import _native

Array = npt.NDArray[Any]
Call = Callable[[], object]
FRAMES = 32
BASE = "1.2.840.10008.1.2"


class Run:
    """What was asked, and the tables and goals that are made."""

    def __init__(self, args: argparse.Namespace, folder: Path) -> None:
        self.args, self.folder = args, folder
        self.tables: list[tuple[str, list[list[str]]]] = []
        self.goals: list[report.Goal] = []

    def best(self, *calls: Call) -> list[float]:
        """Seconds of each, the best of its turns; all take turns."""
        found = [1e9] * len(calls)
        for _ in range(self.args.rounds + 1):
            for i, call in enumerate(calls):
                start = perf_counter()
                call()
                found[i] = min(found[i], perf_counter() - start)
        return found

    def goal(self, theme: str, text: str, values: list[float], bound: float, unit: str, *, at_most: bool = False) -> None:
        value = (max(values) if at_most else min(values)) if values else None
        self.goals.append(report.Goal(theme, text, value, bound, at_most=at_most, unit=unit))


def pictures(args: argparse.Namespace) -> Iterator[tuple[str, int, Array]]:
    for name, bits, image in images.chosen(args.corpus):
        yield name, bits, np.ascontiguousarray(image[:64, :64]) if args.quick else image


def saved(folder: Path, syntax: str, streams: list[bytes], image: Array, bits: int, photometric: str = "") -> Any:
    """A file of these frames, opened."""
    import pydicom
    from pydicom.encaps import encapsulate
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    ds = pydicom.Dataset()
    ds.file_meta = pydicom.dataset.FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = f"{BASE}.{syntax}" if syntax else ExplicitVRLittleEndian
    ds.SOPClassUID, ds.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7.2", generate_uid()
    ds.Rows, ds.Columns = image.shape[:2]
    ds.SamplesPerPixel = 1 if image.ndim == 2 else image.shape[2]
    ds.PhotometricInterpretation = photometric or ("MONOCHROME2" if image.ndim == 2 else "RGB")
    if image.ndim == 3:
        ds.PlanarConfiguration = 0
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 8 * image.itemsize, bits, bits - 1, 0
    ds.NumberOfFrames = len(streams)
    ds.PixelData = encapsulate(streams) if syntax else b"".join(streams)
    ds["PixelData"].VR = "OB" if syntax or image.itemsize == 1 else "OW"
    ds["PixelData"].is_undefined_length = bool(syntax)
    path = folder / f"{generate_uid()}.dcm"
    written(ds, path)
    return fastdicom.dcmread(path)


def written(ds: Any, path: Path) -> None:
    """Write a file of any transfer syntax: `dcmwrite` refuses those that pydicom does not know."""
    from pydicom.filebase import DicomFileLike
    from pydicom.filewriter import write_dataset, write_file_meta_info

    with path.open("wb") as file:
        file.write(bytes(128) + b"DICM")
        write_file_meta_info(file, ds.file_meta, enforce_standard=False)
        out = DicomFileLike(file)
        out.is_little_endian, out.is_implicit_VR = True, False
        write_dataset(out, ds)


class Case(NamedTuple):
    """An image in a transfer syntax, and the raw calls of the libraries that decode it: bytes and out=."""

    syntax: str
    suffix: str
    image: Array
    bits: int
    stream: bytes
    photometric: str
    raws: dict[str, Callable[..., Any]]


def libraries(image: Array, bits: int) -> Iterator[Case]:
    """Every syntax that a library decodes for us."""
    gray = image.ndim == 2
    ybr = "" if gray else "YBR_FULL_422"
    small = image if image.itemsize == 1 else (image >> max(bits - 8, 0)).astype("u1")
    baseline = imagecodecs.jpeg8_encode(small, level=90)
    turbo = {"libjpeg-turbo, imagecodecs": imagecodecs.jpeg8_decode}
    yield Case("JPEG, 8 bits", "4.50", small, 8, baseline, ybr, {**turbo, **simplejpeg("GRAY" if gray else "RGB")})
    if image.itemsize > 1:
        deep = (image >> max(bits - 12, 0)).astype("u2")
        yield Case("JPEG, 12 bits", "4.51", deep, min(bits, 12), imagecodecs.jpeg8_encode(deep, level=90, bitspersample=12), "", turbo)
    yield Case("JPEG-LS", "4.80", image, bits, imagecodecs.jpegls_encode(image), "", {"CharLS": imagecodecs.jpegls_decode})
    j2k = imagecodecs.jpeg2k_encode(image, level=0, codecformat="j2k", reversible=True, mct=not gray)
    rct = "" if gray else "YBR_RCT"
    openjpeg = {"OpenJPEG, imagecodecs": partial(imagecodecs.jpeg2k_decode, numthreads=1), **pylibjpeg_openjpeg()}
    yield Case("JPEG 2000", "4.90", image, bits, j2k, rct, openjpeg)
    ht = {"OpenJPH": imagecodecs.htj2k_decode, **pylibjpeg_openjpeg()}
    yield Case("HTJ2K", "4.201", image, bits, imagecodecs.htj2k_encode(image, reversible=True), rct, ht)
    libjxl = {"libjxl": partial(imagecodecs.jpegxl_decode, numthreads=1)}
    yield Case("JPEG XL", "4.110", image, bits, imagecodecs.jpegxl_encode(image, lossless=True, effort=3), "", libjxl)
    inflate = {"libdeflate": partial(imagecodecs.deflate_decode, raw=True)}
    yield Case("Deflated Image Frame", "8.1", image, bits, imagecodecs.deflate_encode(image.tobytes(), raw=True), "", inflate)


def simplejpeg(space: str) -> dict[str, Callable[..., Any]]:
    """libjpeg-turbo by its other API, if that is installed."""
    library = images.module("simplejpeg")
    return {} if library is None else {"libjpeg-turbo, simplejpeg": lambda data, out: library.decode_jpeg(data, space, buffer=out)}


def pylibjpeg_openjpeg() -> dict[str, Callable[..., Any]]:
    """OpenJPEG as pylibjpeg has it, if that is installed: it makes its own array."""
    library = images.module("openjpeg")
    return {} if library is None else {"OpenJPEG, pylibjpeg": lambda data, out: library.decode(data)}  # noqa: ARG005


def fastest(case: Case, part: Array) -> tuple[str, Callable[..., Any]]:
    """Name and call of the library that decodes the stream in the shortest time."""
    found: dict[str, float] = dict.fromkeys(case.raws, 1e9)
    for _ in range(3 if len(found) > 1 else 0):
        for name, raw in case.raws.items():
            start = perf_counter()
            raw(case.stream, out=part)
            found[name] = min(found[name], perf_counter() - start)
    name = min(found, key=lambda each: found[each])
    return name, case.raws[name]


def own(run: Run) -> None:
    """Our own decoders: bytes in, samples out, beside the decoders of others."""
    lines = [["image", "syntax", "decoder", "MB/s", "of ours"]]
    ratios: dict[str, list[float]] = {}
    for name, bits, image in pictures(run.args):
        for syntax, _, found in images.own(bits, image, 3 * run.args.rounds + 1):
            ours = found[images.OURS]
            lines += [[name, syntax, who, report.number(rate), report.number(rate / ours)] for who, rate in found.items()]
            images.keep(ratios, syntax, image, found)
    run.tables.append(("own", lines))
    run.goals += images.own_goals(ratios)


def codecs(run: Run) -> None:
    """A frame of a file of 32 against the raw call."""
    lines = [["image", "syntax", "fastest library", "raw, MB/s", "fastdicom, MB/s", "of raw"]]
    ratios: dict[str, list[float]] = {}
    for name, bits, image in pictures(run.args):
        for case in libraries(image, bits):
            frames = FRAMES if len(case.stream) * FRAMES < 64 << 20 and case.suffix not in ("4.90", "4.110") else 8
            ds = saved(run.folder, case.suffix, [case.stream] * frames, case.image, case.bits, case.photometric)
            out = np.empty((frames, *case.image.shape), case.image.dtype)  # of both: where memory lies is worth some per cent
            parts = [part.reshape(-1).view("u1") for part in out] if case.suffix == "8.1" else list(out)
            library, raw = fastest(case, parts[0])
            streams = [bytes(ds.frames.encoded(i)) for i in range(frames)]  # each frame has bytes of its own, as in the file

            def loop(parts: list[Array] = parts, streams: list[bytes] = streams, raw: Callable[..., Any] = raw) -> None:
                for part, stream in zip(parts, streams, strict=True):
                    raw(stream, out=part)

            def all_frames(ds: Any = ds, out: Array = out) -> None:
                ds.decode(out=out, threads=1)

            loop()
            theirs = out.copy()
            out[:] = 0
            slow, fast = run.best(loop, all_frames)  # ours are the last
            if not library.endswith("pylibjpeg") and not np.array_equal(out, theirs):
                raise SystemExit(f"{name}, {case.syntax}: the samples differ")
            size = out.nbytes / 1e6
            lines.append([name, case.syntax, library, *map(report.number, (size / slow, size / fast, slow / fast))])
            ratios.setdefault(case.syntax, []).append(slow / fast)
    run.tables.append(("codecs", lines))
    for syntax, found in ratios.items():
        run.goal("codecs", f"{syntax}, the median of the images, against the raw call", [median(found)], 0.97, " ×")


def threads(run: Run) -> None:
    """Two threads over frames."""
    lines = [["image", "syntax", "one thread, MB/s", "two threads, MB/s", "ratio"]]
    found = []
    name, bits, image = next(pictures(run.args))
    lossless = imagecodecs.jpeg8_encode(image, lossless=True, predictor=1, bitspersample=8 if image.itemsize == 1 else max(bits, 9))
    cases = [
        Case("RLE", "5", image, bits, images.encoded_rle(image), "", {}),
        Case("JPEG lossless SV1", "4.70", image, bits, lossless, "", {}),
        *libraries(image, bits),
    ]
    for case in cases:
        syntax = case.syntax
        ds = saved(run.folder, case.suffix, [case.stream] * FRAMES, case.image, case.bits, case.photometric)
        out = np.empty((FRAMES, *case.image.shape), case.image.dtype)

        def one(ds: Any = ds, out: Array = out) -> None:
            ds.decode(out=out, threads=1)

        def two(ds: Any = ds, out: Array = out) -> None:
            ds.decode(out=out, threads=2)

        slow, fast = run.best(one, two)
        size = out.nbytes / 1e6
        lines.append([name, syntax, report.number(size / slow), report.number(size / fast), report.number(slow / fast)])
        found.append(slow / fast)
    run.tables.append(("threads", lines))
    run.goal("threads", "two threads over frames against one, the median of the syntaxes", [median(found)], 1.8, " ×")


def colour(run: Run) -> None:
    """A colour ultrasound of 300 frames to RGB, against libjpeg-turbo's own calls, those of the faster binding."""
    rng = np.random.default_rng(3)
    yy, xx = np.mgrid[:480, :640]
    base = np.stack([128 + 90 * np.sin(xx / 31), 128 + 90 * np.cos(yy / 23), 128 + 60 * np.sin((xx + yy) / 47)], -1)
    frames = [(np.roll(base, i, 1) + rng.normal(0, 6, base.shape)).clip(0, 255).astype("u1") for i in range(12)]
    streams = [imagecodecs.jpeg8_encode(frame, level=85, subsampling="422") for frame in frames] * (1 if run.args.quick else 25)
    ds = saved(run.folder, "4.50", streams, frames[0], 8, "YBR_FULL_422")
    out = np.empty((len(streams), 480, 640, 3), "u1")  # of all

    def loop() -> None:
        for i, stream in enumerate(streams):
            imagecodecs.jpeg8_decode(stream, out=out[i], colorspace="YCBCR", outcolorspace="RGB")

    def all_frames() -> None:
        ds.decode(out=out, threads=1)

    def other_loop() -> None:
        for i, stream in enumerate(streams):
            for raw in simplejpeg("RGB").values():
                raw(stream, out=out[i])

    loop()
    theirs = out.copy()
    slow, other, fast = run.best(loop, other_loop, all_frames)
    slow = min(slow, other) if simplejpeg("RGB") else slow
    if not np.array_equal(out, theirs):
        raise SystemExit("colour: the samples differ")
    head = [f"{len(streams)} frames of 480 × 640, 4:2:2 JPEG to RGB", "seconds", "of the codec's"]
    run.tables.append(
        ("colour", [head, ["libjpeg-turbo, raw calls", f"{slow:.2f}", "1"], ["fastdicom", f"{fast:.2f}", report.number(fast / slow)]])
    )
    run.goal("colour", "to RGB, of the codec's own time", [fast / slow], 1.05, " ×", at_most=True)


def kernels(run: Run) -> None:
    """What is done to samples in C, GB of output a second."""
    rng = np.random.default_rng(4)
    size = 6 << 20
    data = rng.integers(0, 256, size, dtype="u1")
    out = np.empty(size, "u1")
    bits = data[: size // 8 + 1]
    rows: list[tuple[str, Call]] = [
        ("YBR_FULL → RGB", lambda: _native.ybr_to_rgb(data, out)),
        ("planar → interleaved, 8 bits", lambda: _native.interleave(data, out, 1, 3)),
        ("planar → interleaved, 16 bits", lambda: _native.interleave(data, out, 2, 3)),
        ("unpack 1 bit", lambda: _native.unpack_1(bits, out, 3)),
        ("unpack 12 bits", lambda: _native.unpack_12(data[: size // 4 * 3], out, 0)),
        ("swap, 16 bits", lambda: _native.swap(data, out, 2)),
    ]
    lines = [["kernel", "GB/s of output"]]
    found = []
    for name, call in rows:
        [seconds] = run.best(call)
        found.append(size / seconds / 1e9)
        lines.append([name, report.number(found[-1])])
    palette(run, lines, found)
    run.tables.append(("kernels", lines))
    run.goal("kernels", "the slowest", found, 3.0, " GB/s")


def palette(run: Run, lines: list[list[str]], found: list[float]) -> None:
    """Palette Color to RGB, and YBR to RGB beside pydicom."""
    from pydicom.pixels.processing import convert_color_space

    from fastdicom.pixels import apply_palette

    rng = np.random.default_rng(5)
    indices = rng.integers(0, 256, (1024, 1024), dtype="u1")
    ds = fastdicom.dcmread(compare_palette(run.folder))
    [seconds] = run.best(lambda: apply_palette(indices, ds))
    found.append(3 * indices.size * 2 / seconds / 1e9)
    lines.append(["palette → RGB, 16-bit entries", report.number(found[-1])])
    image = rng.integers(0, 256, (512, 512, 3), dtype="u1")
    target = np.empty_like(image)
    ours, theirs = run.best(lambda: _native.ybr_to_rgb(image, target), lambda: convert_color_space(image, "YBR_FULL", "RGB"))
    lines.append(["YBR_FULL → RGB, times pydicom", report.number(theirs / ours)])
    run.goal("kernels", "YBR_FULL → RGB against pydicom", [theirs / ours], 10, " ×")


def compare_palette(folder: Path) -> Path:
    """A file with a palette of 256 entries of 16 bits."""
    import pydicom

    image = np.zeros((2, 2), "u1")
    path = Path(str(saved(folder, "", [image.tobytes()], image, 8, "PALETTE COLOR").filename))
    ds = pydicom.dcmread(path)
    for i, factor in enumerate((257, 200, 111)):  # red, green, blue
        ds.add_new(0x00281101 + i, "US", [256, 0, 16])
        ds.add_new(0x00281201 + i, "OW", (np.arange(256) * factor).astype("<u2").tobytes())
    written(ds, path)
    return path


def uncompressed(run: Run) -> None:
    """A multi-frame of 400 MB is opened, and one frame of it is looked at."""
    image = np.zeros((512, 512), "<u2")
    frames = 8 if run.args.quick else 800
    path = Path(str(saved(run.folder, "", [bytes(image.nbytes)] * frames, image, 12).filename))

    def show() -> None:
        with fastdicom.dcmread(path) as ds:
            if ds.frames[frames // 2].sum() != 0:
                raise SystemExit("uncompressed: the samples differ")

    [seconds] = run.best(show)
    run.tables.append(
        ("uncompressed", [["what", "ms"], [f"{os.path.getsize(path) / 1e6:,.0f} MB: open, one frame", report.number(seconds * 1e3)]])
    )
    run.goal("uncompressed", "open and one frame", [seconds * 1e3], 1, " ms", at_most=True)


RUN = {"own": own, "codecs": codecs, "threads": threads, "colour": colour, "kernels": kernels, "uncompressed": uncompressed}


def main(argv: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("themes", nargs="*", metavar="THEME", choices=[*RUN, []], help=f"{', '.join(RUN)} (all)")
    parser.add_argument("--corpus", type=Path, help="take uncompressed files of this folder as images")
    parser.add_argument("--rounds", type=int, default=7, help="turns of each (%(default)s)")
    parser.add_argument("--markdown", action="store_true", help="tables for a README")
    parser.add_argument("--quick", action="store_true", help="does it run? The figures mean nothing")
    args = parser.parse_args(argv)
    if args.quick:
        args.rounds = 0
    with tempfile.TemporaryDirectory() as folder:
        run = Run(args, Path(folder))
        for theme in args.themes or RUN:
            RUN[theme](run)
    writer = report.markdown if args.markdown else report.aligned
    print("\n".join(f"{key}: {value}" for key, value in compare.machine().items()))
    for title, lines in run.tables:
        print(f"\n## {title}\n\n{writer(lines)}")
    print(f"\n## goals\n\n{writer(report.goal_lines(run.goals))}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
