"""Tries an installed fastdicom, most of all a wheel: python -I tests/smoke.py [--bare]

It is no part of the suite: it needs nothing but the package and what that requires, takes a second, and refuses a fastdicom that is not
installed. ``--bare``: imagecodecs and pylibjpeg-openjpeg are not there, as on systems for which they have no wheels.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent))

import numpy as np

import fastdicom
from builders import deflate, element, encapsulated, image, part10
from jpegll_builder import encode as jpegll
from rle_builder import encoded as rle

ROWS, COLUMNS = 48, 40


def picture() -> np.ndarray:
    """12 bits, smooth with some noise."""
    y, x = np.mgrid[:ROWS, :COLUMNS]
    return ((y * 50 + x * 30 + np.random.default_rng(1).integers(0, 40, (ROWS, COLUMNS))) % 4096).astype("<u2")


def own(pixels: np.ndarray) -> dict[str, bytes]:
    """The syntaxes that fastdicom decodes itself: UID behind 1.2.840.10008.1.2, stream."""
    return {
        ".5": rle(pixels),
        ".4.57": jpegll(pixels, precision=12, predictor=4),
        ".4.70": jpegll(pixels, precision=12),
        ".8.1": deflate(pixels.tobytes()),
    }


def of_libraries(pixels: np.ndarray) -> dict[str, bytes]:
    """The others, by the libraries that decode them."""
    import imagecodecs

    return {
        ".4.51": imagecodecs.jpeg8_encode(pixels, level=95, bitspersample=12),
        ".4.80": imagecodecs.jpegls_encode(pixels),
        ".4.90": imagecodecs.jpeg2k_encode(pixels, level=0, codecformat="j2k", reversible=True),
        ".4.201": imagecodecs.htj2k_encode(pixels, reversible=True),
        ".4.110": imagecodecs.jpegxl_encode(pixels, lossless=True, effort=3),
    }


def write(folder: Path, streams: dict[str, bytes], pixels: np.ndarray) -> dict[str, Path]:
    patient, head = element(0x00100020, "LO", "SMOKE"), image(None, ROWS, COLUMNS, stored=12)
    paths = {}
    for suffix, stream in streams.items():
        paths[suffix] = folder / f"{suffix[1:]}.dcm"
        paths[suffix].write_bytes(part10(patient + head + encapsulated([stream]), "1.2.840.10008.1.2" + suffix))
    paths[".1"] = folder / "plain.dcm"
    paths[".1"].write_bytes(part10(patient + image(pixels.tobytes(), ROWS, COLUMNS, stored=12)))
    return paths


def check(paths: dict[str, Path], pixels: np.ndarray) -> None:
    for suffix, path in paths.items():
        ds = fastdicom.dcmread(path)
        assert ds.PatientID == "SMOKE", path
        difference = int(np.abs(ds.pixel_array.astype(int) - pixels).max())
        assert difference <= (60 if suffix == ".4.51" else 0), f"{path.name}: wrong by {difference}"


def check_scan(folder: Path, files: int) -> None:
    assert sum(len(batch) for batch in fastdicom.scan(folder, ["PatientID", "Rows"])) == files
    try:
        import pyarrow as pa
    except ImportError:
        return
    table = pa.table(fastdicom.scan(folder, ["PatientID", "Rows"]))
    assert table.num_rows == files
    assert table.column("Rows").to_pylist() == [ROWS] * files
    assert {str(value) for value in table.column("PatientID").to_pylist()} == {"SMOKE"}


def check_commands(folder: Path) -> int:
    script = shutil.which("fastdicom", path=sysconfig.get_path("scripts"))
    command = [script] if script else [sys.executable, "-m", "fastdicom"]
    tried = (
        ["--version"],
        ["codecs"],
        ["dump", str(folder / "plain.dcm")],
        ["scan", str(folder), "-t", "PatientID", "-o", str(folder / "out.csv")],
    )
    for arguments in tried:
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, encoding="utf-8", errors="replace", check=False)
        assert done.returncode == 0, f"fastdicom {' '.join(arguments)}: {done.stdout}{done.stderr}"
    return len(tried)


def main() -> None:
    source = Path(__file__).resolve().parents[1] / "src"
    assert source not in Path(fastdicom.__file__).resolve().parents, f"not an installed one: {fastdicom.__file__}"
    pixels = picture()
    streams = own(pixels)
    if "--bare" not in sys.argv:
        streams |= of_libraries(pixels)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        paths = write(folder, streams, pixels)
        check(paths, pixels)
        check_scan(folder, len(paths))
        commands = check_commands(folder)
    print(f"fastdicom {fastdicom.__version__}: {len(paths)} transfer syntaxes, a scan, {commands} commands: good")


if __name__ == "__main__":
    main()
