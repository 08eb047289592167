"""Decoding frames: MB of decoded samples a second, one thread, raw codec calls, ours beside the peers' in turns.

    python benchmarks/decode.py [--corpus DIR] [--markdown]

Images are made (a bright disc under noise, as a phantom looks); --corpus takes uncompressed files of a folder instead, or just the six of
the project's goals if it has them. Needs pydicom (it encodes RLE), imagecodecs (it encodes and decodes lossless JPEG) and, as peers,
pylibjpeg-rle and pylibjpeg-libjpeg if they are there.
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from time import perf_counter
from types import SimpleNamespace
from typing import Any

import compare
import imagecodecs
import numpy as np
import numpy.typing as npt
import report

from fastdicom.codecs import jpegll, rle
from fastdicom.codecs.base import FrameInfo

Array = npt.NDArray[Any]
Decode = Callable[[], object]
OURS = "fastdicom-core"


def made() -> Iterator[tuple[str, int, Array]]:
    """Name, bits stored, image."""
    rng = np.random.default_rng(0)
    for name, size, bits, noise in (
        ("CT 512², 12 bits", 512, 12, 12),
        ("XR 1024², 14 bits", 1024, 14, 3),
        ("RT 1024², 16 bits", 1024, 16, 300),
    ):
        yy, xx = np.mgrid[:size, :size] - size // 2
        disc = (xx * xx + yy * yy < (size * 0.4) ** 2) * 2.0 ** (bits - 2)
        yield name, bits, (disc + 2.0 ** (bits - 3) + rng.normal(0, noise, disc.shape)).clip(0, 2**bits - 1).astype("<u2")
    columns = np.linspace(0, 255, 640) + rng.normal(0, 4, (480, 640))
    yield "US 480 × 640, RGB", 8, np.stack([columns, columns * 0.8, columns * 0.7], -1).clip(0, 255).astype("u1")


# The images that the project's goals are about: a path below the corpus
GOALS = {
    "CT 512², 16 bits": "dicomsdl/tutorials/CT1_UNC",
    "CT 512², 14 bits": "pydicom-data/data/693_UNCI.dcm",
    "MR 1024², 12 bits": "pydicom-data/data/MR2_UNCI.dcm",
    "XA 1024², 10 bits": "dicom-test-files/WG04/REF/XA1_UNC",
    "RT 1024², 16 bits": "pynetdicom/pynetdicom/tests/dicom_files/RTImageStorage.dcm",
    "US 480 × 640, RGB": "pydicom-data/data/US1_UNCI.dcm",
}


def of_the_goals(folder: Path) -> Iterator[tuple[str, int, Array]]:
    """The images of the goals; what is negative is taken as its bits, all of which count then."""
    import pydicom

    for name, path in GOALS.items():
        ds = pydicom.dcmread(folder / path, force=True)
        pixels = np.ascontiguousarray(ds.pixel_array)
        image = pixels.view(f"u{pixels.itemsize}")
        yield name, 8 * image.itemsize if int(image.max()) >> ds.BitsStored else ds.BitsStored, image


def chosen(folder: Path | None) -> Iterator[tuple[str, int, Array]]:
    """The images that `--corpus` asks for."""
    if folder is None:
        return made()
    if all((folder / path).is_file() for path in GOALS.values()):
        return of_the_goals(folder)
    return stored(folder)


def stored(folder: Path) -> Iterator[tuple[str, int, Array]]:
    """The uncompressed images of a folder, the first frame of each."""
    import pydicom

    for path in sorted(folder.rglob("*.dcm")):
        try:
            ds = pydicom.dcmread(path)
            if ds.file_meta.TransferSyntaxUID.is_compressed or ds.BitsAllocated not in (8, 16) or ds.Rows * ds.Columns < 65536:
                continue
            image = ds.pixel_array if ds.get("NumberOfFrames", 1) == 1 else ds.pixel_array[0]
        except Exception:  # what pydicom does not read is no image to measure on
            continue
        yield path.stem[:40], ds.BitsStored, np.ascontiguousarray(image.view(f"u{image.itemsize}"))


def encoded_rle(image: Array) -> bytes:
    from pydicom.pixels.encoders.native import _encode_frame

    rows, columns = image.shape[:2]
    samples = 1 if image.ndim == 2 else image.shape[2]
    runner = SimpleNamespace(rows=rows, columns=columns, samples_per_pixel=samples, bits_allocated=8 * image.itemsize)
    runner.get_option = lambda *_: None
    return bytes(_encode_frame(image.tobytes(), runner))


def module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def rle_decoders(stream: bytes, image: Array, info: FrameInfo) -> Iterator[tuple[str, Decode]]:
    out = memoryview(bytearray(image.nbytes))
    kind = image.dtype.newbyteorder("<").str if image.itemsize > 1 else "u1"
    yield OURS, lambda: rle.decode(memoryview(stream), info, out)
    yield "imagecodecs", lambda: imagecodecs.dicomrle_decode(stream, kind)
    theirs = module("rle.utils")
    if theirs is not None:
        yield "pylibjpeg-rle", lambda: theirs.decode_frame(stream, image.shape[0] * image.shape[1], 8 * image.itemsize, "<")


def jpegll_decoders(stream: bytes, image: Array, info: FrameInfo) -> Iterator[tuple[str, Decode]]:
    out, array = memoryview(bytearray(image.nbytes)), np.empty_like(image)
    yield OURS, lambda: jpegll.decode(memoryview(stream), info, out)
    yield "imagecodecs (libjpeg-turbo)", lambda: imagecodecs.jpeg_decode(stream, out=array)
    theirs = module("libjpeg")
    if theirs is not None:
        yield "pylibjpeg-libjpeg", lambda: theirs.decode(stream)


def rates(decoders: list[tuple[str, Decode]], size: int, rounds: int) -> dict[str, float]:
    """MB a second of each decoder, the best of its turns."""
    best: dict[str, float] = {}
    for _ in range(rounds):
        for name, decode in decoders:
            start = perf_counter()
            decode()
            best[name] = min(best.get(name, 1e9), perf_counter() - start)
    return {name: size / seconds / 1e6 for name, seconds in best.items()}


def own(bits: int, image: Array, rounds: int) -> Iterator[tuple[str, int, dict[str, float]]]:
    """Of our own decoders: syntax, bytes of the stream, MB a second of each decoder."""
    samples = 1 if image.ndim == 2 else image.shape[2]
    photometric = "RGB" if samples == 3 else "MONOCHROME2"
    info = FrameInfo(image.shape[0], image.shape[1], samples, 8 * image.itemsize, bits, bits - 1, 0, photometric)
    lossless = imagecodecs.jpeg_encode(image, lossless=True, predictor=1, bitspersample=8 if image.itemsize == 1 else max(bits, 9))
    for syntax, stream, decoders in (("RLE", encoded_rle(image), rle_decoders), ("JPEG lossless SV1", lossless, jpegll_decoders)):
        yield syntax, len(stream), rates(list(decoders(stream, image, info)), image.nbytes, rounds)


def keep(ratios: dict[str, list[float]], syntax: str, image: Array, found: dict[str, float]) -> None:
    """What the goals ask of an image."""
    if syntax != "RLE":
        ratios.setdefault("jpegll", []).append(found[OURS] / found["imagecodecs (libjpeg-turbo)"])
    elif image.itemsize == 2:
        ratios.setdefault("rle", []).append(max(found[OURS] / 3000, found[OURS] / found["imagecodecs"] / 2.5))


def own_goals(ratios: dict[str, list[float]]) -> list[report.Goal]:
    """The goals of our own decoders."""
    rle, jpegll = ratios.get("rle"), ratios["jpegll"]
    text = "RLE, 16 bits, of 3 GB/s or of 2.5 × imagecodecs, the nearer; the worst image"
    return [
        report.Goal("own", text, min(rle) if rle else None, 1.0, at_most=False),
        report.Goal("own", "lossless JPEG, the median of the images, against libjpeg-turbo", median(jpegll), 1.6, at_most=False, unit=" ×"),
        report.Goal("own", "lossless JPEG, the worst image", min(jpegll), 1.3, at_most=False, unit=" ×"),
    ]


def main(argv: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, help="measure on files of this folder")
    parser.add_argument("--rounds", type=int, default=25, help="turns of each decoder (%(default)s)")
    parser.add_argument("--markdown", action="store_true", help="a table for a README")
    args = parser.parse_args(argv)
    lines = [["image", "syntax", "compressed to", "decoder", "MB/s", "× ours"]]
    ratios: dict[str, list[float]] = {}
    for name, bits, image in chosen(args.corpus):
        for syntax, size, found in own(bits, image, args.rounds):
            lines += [
                [name, syntax, f"{size / image.nbytes:.0%}", who, report.number(rate), report.number(rate / found[OURS])]
                for who, rate in found.items()
            ]
            keep(ratios, syntax, image, found)
    goals = own_goals(ratios)
    writer = report.markdown if args.markdown else report.aligned
    print("\n".join(f"{key}: {value}" for key, value in compare.machine().items()))
    print(f"\n{writer(lines)}\n\n{writer(report.goal_lines(goals))}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
