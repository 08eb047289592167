"""Make an archive of CT files with a real scanner's header, to time header reading on.

The header is that of pydicom's CT_small.dcm (GE, 258 elements, many of them private) with an image of --rows × --rows. UIDs and
instance numbers differ from file to file; 250 files are a series. --links N links each file N times more, for archives of a
million paths on a small disk. Needs pydicom and numpy.
"""

from __future__ import annotations

import argparse
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pydicom
from pydicom.data import get_testdata_file

SERIES = 250
PICTURES = 8
UID_LENGTH = 46
ROOT = "1.2.826.0.1.3680043.8.498."
GIANT = 32768  # rows and columns of 16 bit: 2 GiB
FIELDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "PatientID", "InstanceNumber")


def uid(kind: int, number: int) -> str:
    """A UID of always the same length, so that it can be put over another in the encoded file."""
    tail = f"{kind}{number:09d}"
    return ROOT + "1" * (UID_LENGTH - len(ROOT) - len(tail) - 1) + "." + tail


def values_of(i: int) -> dict[str, str]:
    """What differs in file `i`, each value as long as in any other file."""
    return {
        "StudyInstanceUID": uid(1, i // SERIES),
        "SeriesInstanceUID": uid(2, i // SERIES),
        "SOPInstanceUID": uid(3, i),
        "PatientID": f"PID{i // 1000:05d}",
        "InstanceNumber": f"{i % SERIES + 1:04d}",
    }


def encoded(rows: int, pixels: bytes) -> bytes:
    ds = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    ds.Rows = ds.Columns = rows
    for keyword, value in values_of(0).items():
        setattr(ds, keyword, value)
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.PixelData = pixels
    out = io.BytesIO()
    ds.save_as(out, enforce_file_format=True)
    return out.getvalue()


def places(data: bytes) -> list[tuple[str, int]]:
    """Where the values stand that differ: keyword and offset. Found by what stands before them: tag, VR and length."""
    found = []
    for keyword in FIELDS:
        value = values_of(0)[keyword].encode()
        tag = pydicom.datadict.tag_for_keyword(keyword)
        wanted = [(tag, pydicom.datadict.dictionary_VR(keyword))]
        if keyword == "SOPInstanceUID":
            wanted.append((0x00020003, "UI"))
        for number, vr in wanted:
            header = (number >> 16).to_bytes(2, "little") + (number & 0xFFFF).to_bytes(2, "little") + vr.encode()
            header += len(value).to_bytes(2, "little") + value
            at = data.index(header)
            found.append((keyword, at + 8))
    return found


def pictures(rows: int) -> Iterator[bytes]:
    """A bright disc under noise, as a phantom on a scanner looks, again and again with other noise."""
    yy, xx = np.mgrid[:rows, :rows] - rows // 2
    disc = (xx * xx + yy * yy < (rows * 0.4) ** 2) * 1000.0
    rng = np.random.default_rng(0)
    for _ in range(PICTURES):
        yield (disc + rng.normal(0, 30, disc.shape)).astype("<i2").tobytes()


def make(folder: Path, files: int, rows: int = 512, links: int = 0) -> list[Path]:
    """Write the archive and return the paths of its files, those of the links too."""
    templates = [bytearray(encoded(rows, pixels)) for pixels in pictures(rows)]
    where = places(bytes(templates[0]))
    made = []
    for i in range(files):
        data = templates[i // 50 % PICTURES]
        values = values_of(i)
        for keyword, at in where:
            value = values[keyword].encode()
            data[at : at + len(value)] = value
        path = folder / f"{i // 1000:04d}" / f"{i:07d}.dcm"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        made.append(path)
        for k in range(links):
            twin = folder / f"L{k:03d}" / path.parent.name / path.name
            twin.parent.mkdir(parents=True, exist_ok=True)
            os.link(path, twin)
            made.append(twin)
    return made


def make_giant(path: Path) -> Path:
    """One file of the same header with 2 GiB of pixels, all of them a hole: it takes no room on the disk."""
    data = encoded(1, b"\1\2")
    ds = pydicom.dcmread(io.BytesIO(data))
    size = 2 * GIANT * GIANT
    head = data[: data.rindex(b"\xe0\x7f\x10\x00OW")]
    for keyword in ("Rows", "Columns"):
        at = head.rindex(pydicom.tag.Tag(keyword).group.to_bytes(2, "little") + ds[keyword].tag.element.to_bytes(2, "little") + b"US")
        head = head[: at + 8] + GIANT.to_bytes(2, "little") + head[at + 10 :]
    with path.open("wb") as file:
        write_giant(file, head, size)
    return path


def write_giant(file: BinaryIO, head: bytes, size: int) -> None:
    file.write(head + b"\xe0\x7f\x10\x00OW\0\0" + size.to_bytes(4, "little"))
    file.truncate(file.tell() + size)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dir", type=Path)
    parser.add_argument("files", type=int)
    parser.add_argument("--rows", type=int, default=512)
    parser.add_argument("--links", type=int, default=0)
    parser.add_argument("--giant", action="store_true", help="also one sparse file of 2 GiB, giant.dcm")
    args = parser.parse_args()
    made = make(args.dir, args.files, args.rows, args.links)
    if args.giant:
        make_giant(args.dir / "giant.dcm")
    print(f"{len(made)} files of {made[0].stat().st_size} bytes in {args.dir}")


if __name__ == "__main__":
    main()
