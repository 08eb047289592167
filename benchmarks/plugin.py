"""`Dataset.pixel_array` of pydicom with our plug-ins, beside our own, and beside pydicom without them.

    python benchmarks/plugin.py [--rounds N] [--markdown] [--quick]

Files of one frame and of 32 are made as in `frames.py`. Data sets are open, and pydicom forgets its array before every turn. Turns are
taken A B A B, in one process; ratios are of the best of each. The goal is our own time, 10 % and 50 µs.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

import compare
import decode as images
import frames
import imagecodecs
import numpy as np
import pydicom
import report

from fastdicom.pydicom import dcmread, register, unregister

SYNTAXES = {"5": "RLE", "4.70": "JPEG lossless SV1", "4.50": "JPEG baseline", "4.51": "JPEG extended", "4.90": "JPEG 2000"}


def cases(image: Any, bits: int) -> list[Any]:
    """The image in each of these syntaxes."""
    lossless = imagecodecs.jpeg8_encode(image, lossless=True, predictor=1, bitspersample=8 if image.itemsize == 1 else max(bits, 9))
    own = [("5", images.encoded_rle(image)), ("4.70", lossless)]
    made = [frames.Case(SYNTAXES[suffix], suffix, image, bits, stream, "", {}) for suffix, stream in own]
    return made + [case for case in frames.libraries(image, bits) if case.suffix in SYNTAXES]


def best(rounds: int, *calls: Any) -> list[float]:
    """Seconds of each, the best of its turns; what takes microseconds has as many turns as fit into half a second."""
    found = [1e9] * len(calls)
    turns, number = rounds + 1, 0
    start = perf_counter()
    while number < turns or (perf_counter() - start < 0.5 and rounds):
        number += 1
        for i, call in enumerate(calls):
            before = perf_counter()
            call()
            found[i] = min(found[i], perf_counter() - before)
    return found


def compared(ds: Any, rounds: int) -> list[float]:
    """Seconds of pydicom with the plug-ins, over our reader with them, of our own, and of pydicom without."""
    plain, lazy = pydicom.dcmread(ds.filename), dcmread(ds.filename)

    def of(each: Any) -> Any:
        each._pixel_array, each._pixel_id = None, {}
        return each.pixel_array

    [without] = best(0, lambda: of(plain))
    expected = of(plain)
    register()
    try:
        if int(np.abs(of(plain).astype(int) - expected).max()) > 1 or not np.array_equal(of(plain), ds.pixel_array):
            raise SystemExit(f"{ds.filename}: the samples differ")
        found = best(rounds, lambda: of(plain), lambda: of(lazy), lambda: ds.pixel_array)
    finally:
        unregister()
    return [*found, without]


def main(argv: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="turns of each (%(default)s)")
    parser.add_argument("--markdown", action="store_true", help="tables for a README")
    parser.add_argument("--quick", action="store_true", help="does it run? The figures mean nothing")
    parser.add_argument("--corpus", type=Path, help="take the uncompressed files of this folder as images")
    args = parser.parse_args(argv)
    lines = [["image", "syntax", "frames", "plug-in, µs", "over our reader, µs", "fastdicom, µs", "pydicom, µs", "above ours"]]
    goals = []
    with tempfile.TemporaryDirectory() as folder:
        for name, bits, image in frames.pictures(args):
            for case in cases(image, bits):
                for count in (1, 8 if case.suffix == "4.90" else 32):
                    ds = frames.saved(Path(folder), case.suffix, [case.stream] * count, case.image, case.bits, case.photometric)
                    plugin, lazy, ours, without = compared(ds, 0 if args.quick else args.rounds)
                    above = max(plugin, lazy) - (1.1 * ours + 50e-6)
                    cells = [f"{1e6 * seconds:,.0f}" for seconds in (plugin, lazy, ours, without)]
                    lines.append([name, SYNTAXES[case.suffix], str(count), *cells, f"{100 * (plugin / ours - 1):+.0f} %"])
                    goals.append(above)
    value = 1e6 * max(goals)
    goal = report.Goal("plugin", "the worst, beyond our own time, 10 % and 50 µs", value, 0, at_most=True, unit=" µs")
    writer = report.markdown if args.markdown else report.aligned
    print("\n".join(f"{key}: {value}" for key, value in compare.machine().items()))
    print(f"imagecodecs: {imagecodecs.__version__}\n\n## plug-in\n\n{writer(lines)}\n\n## goals\n\n{writer(report.goal_lines([goal]))}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
