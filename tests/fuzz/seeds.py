"""Writes the seeds of the libFuzzer harnesses: ``python tests/fuzz/seeds.py OUT`` makes OUT/cursor, OUT/part10, ….

From what builders.py makes, and from the small files and the heads of the large ones of the corpus (FASTDICOM_CORPUS), where there is one.
"""

from __future__ import annotations

import hashlib
import os
import struct
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

import numpy as np  # noqa: E402

import builders as b  # noqa: E402
import jpegdct_builder as dct  # noqa: E402
import jpegll_builder  # noqa: E402
import rle_builder  # noqa: E402

HEAD = 6144
"""Bytes that are taken of a file: long seeds make a slow fuzzer."""


def corpus_files() -> list[Path]:
    """Every file of the corpus, small ones first; none where there is no corpus.

    Found without its manifest, so that a folder of one's own files will do.
    """
    told = os.environ.get("FASTDICOM_CORPUS")
    folder = Path(told) if told else ROOT.parent / "shared" / "corpus"
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix not in {".csv", ".md", ".txt", ".json"}]
    return sorted(files, key=lambda path: (path.stat().st_size, path.name))


def built() -> Iterator[tuple[bytes, bool, bool]]:
    """Data sets that show every header form: bytes, implicit, big."""
    for encoding in (b.EXPLICIT, b.IMPLICIT, b.BIG, b.Encoding(implicit=True, big=True)):
        inner = b.element(0x00100020, "LO", "x", encoding)
        undefined = b.item(inner, encoding=encoding, undefined=True)
        defined = b.item(inner, encoding=encoding)
        parts = [
            b.minimal(encoding=encoding),
            b.sequence(0x00081140, undefined, defined, encoding=encoding, undefined=True),
            b.sequence(0x00081115, undefined, defined, encoding=encoding),
            b.nested(5, inner, encoding=encoding),
            b.nested(5, inner, encoding=encoding, undefined=False),
            b.private_block(0x0029, "ACME", (0x10, "UN", b"1234"), encoding=encoding),
            b.image(bytes(8), 2, 2, encoding=encoding),
            b.element(0xFFFCFFFC, "OB", bytes(10), encoding),
            b.item_end(encoding) + b.sequence_end(encoding) + bytes(16),
        ]
        for data in [*parts, b"".join(parts), b"".join(parts)[:-7]]:
            yield data, encoding.implicit, encoding.big
    yield b.image(None, 2, 2) + b.encapsulated([b"abc", [b"de", b"f"]], bot=True), False, False
    yield b.image(None, 2, 2) + b.encapsulated([b"abc"], delimiter=False) + b.element(0xFFFCFFFC, "OB", bytes(4)), False, False
    un = b.header(0x00091001, "UN", b.UNDEFINED) + b.item(b.minimal(encoding=b.IMPLICIT), undefined=True) + b.SEQUENCE_END
    yield un + b.minimal(), False, False  # CP-246


def data_set_of(file: bytes) -> tuple[bytes, bool, bool]:
    """What stands behind group 0002, inflated if need be, and how it is encoded."""
    position, syntax = 132, ""
    if file[128:132] != b"DICM":
        return file, True, False
    while file[position : position + 2] == b"\2\0" and position + 12 <= len(file):
        long = file[position + 4 : position + 6].decode("latin-1") in b.LONG_VRS
        (length,) = struct.unpack_from("<I" if long else "<H", file, position + (8 if long else 6))
        start = position + (12 if long else 8)
        if file[position + 2 : position + 4] == b"\x10\0":
            syntax = file[start : start + length].decode("latin-1").rstrip("\0 ")
        position = start + length
    data = file[position:]
    if syntax == b.DEFLATED_EXPLICIT:
        data = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, HEAD)
    return data, syntax == b.IMPLICIT_LITTLE, syntax == b.EXPLICIT_BIG


def write(folder: Path, data: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / hashlib.sha1(data, usedforsecurity=False).hexdigest()[:16]).write_bytes(data)


def write_pixels(out: Path) -> None:
    """Fragments with every kind of table, and frames of our own decoders."""
    frames = [[b"\xff\xd8" + bytes([i]) * (9 + i), b"more"] for i in range(3)]
    for bot in (False, True, struct.pack("<3I", 0, 8, 16)):
        value = b.encapsulated(frames, bot=bot)[12:]
        offsets = struct.pack("<3Q", *struct.unpack("<3I", b.basic_offset_table(frames)))
        for kind in range(3):
            write(out / "encap", bytes([kind, 3, 0, kind]) + value)
            write(out / "encap", bytes([kind, 3, len(offsets), 40]) + offsets + value)
    image = np.random.default_rng(1).integers(0, 4096, (8, 8, 3)).astype("<u2")
    for samples in (1, 3):
        pixels = image[..., :samples]
        write(out / "codecs", bytes([1 | 1 << 1, samples, 64]) + rle_builder.encoded(pixels))
        for predictor in range(1, 8):
            for more in ({}, {"restart_rows": 2}, {"interleaved": False}, {"transform": 3}, {"lengths": jpegll_builder.STEEP}):
                stream = jpegll_builder.encode(pixels, precision=12, predictor=predictor, **more)
                write(out / "codecs", bytes([1 << 1, samples, 1]) + stream)


def write_dct(out: Path) -> None:
    """Gray JPEG with the options that streams have, of a few blocks."""
    random = np.random.default_rng(3)
    for n in range(24):
        size = random.integers(-(4 << n % 6), 4 << n % 6, (6, 64), endpoint=True)
        blocks = np.where(random.random((6, 64)) < (0.05, 0.3, 1)[n % 3], size, 0)
        more = {"dc": dct.STEEP_DC, "ac": dct.STEEP_AC} if n & 1 else {}
        options = dct.Options(precision=12 if n & 2 else 8, process=n >> 1 & 1, restart=n % 5, fill=b"\xff" * (n % 4), **more)
        write(out / "dct", bytes([n & 2, 0, 0]) + dct.encode(blocks, 9 + n % 8, 17 + n % 8, options))


def write_streams(out: Path) -> None:
    """Small frames of every format that another encoder writes; without imagecodecs none, and a fuzzer begins with the rest."""
    try:
        import imagecodecs as ic
    except ImportError:
        return
    random = np.random.default_rng(2)
    colour = random.integers(0, 256, (17, 21, 3), dtype="u1")
    gray, deep = np.ascontiguousarray(colour[..., 0]), random.integers(0, 4096, (17, 21), dtype="u2")
    streams = [ic.jpeg8_encode(colour, subsampling=each) for each in ("444", "422", "420", "411")]
    streams += [ic.jpeg8_encode(colour, outcolorspace="RGB", optimize=True), ic.jpeg8_encode(gray), ic.jpeg8_encode(deep, bitspersample=12)]
    streams += [ic.jpeg8_encode(deep, lossless=True, bitspersample=12), ic.jpegls_encode(deep), ic.jpegls_encode(colour)]
    for container in ("j2k", "jp2"):
        streams += [ic.jpeg2k_encode(each, codecformat=container, reversible=True) for each in (colour, deep)]
    streams += [ic.htj2k_encode(gray, reversible=True), ic.jpegxl_encode_jpeg(streams[2])]
    for container in (False, True):
        streams += [ic.jpegxl_encode(each, lossless=True, usecontainer=container) for each in (colour, gray, deep)]
    streams += [ic.jpegxl_encode(np.dstack([colour, gray]), lossless=True, photometric="rgb"), ic.jpegxl_encode(colour, level=80)]
    first = streams[2]
    at, scan = first.index(b"\xff\xc0"), first.index(b"\xff\xda")
    streams += [first[: at + 1] + bytes([0xC0 | n]) + first[at + 2 :] for n in (1, 2, 9)]
    streams += [first[:scan] + b"\xff\xdd\0\4\0\1" + first[scan:], first[:scan] + b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\0" + first[scan:]]
    for n, stream in enumerate(streams):
        write(out / "stream", bytes([n & 0xFF]) + stream)
        write(out / "tileparts", bytes(stream))
    write(out / "tileparts", bytes(ic.htj2k_encode(gray, reversible=True, tile=(8, 8), tlm=True, tilepart=1)))


def main(out: Path) -> None:
    files = [path.open("rb").read(HEAD) for path in corpus_files()]
    sets = [*built(), *(data_set_of(file) for file in files)]
    for n, (data, implicit, big) in enumerate(sets):
        mode = implicit | big << 1 | (n & 7) << 4
        for harness in ("cursor", "index"):
            write(out / harness, bytes([mode]) + data[:HEAD])
    heads = [b.part10(b.minimal()), b.deflated_part10(b.minimal()), b.part10(meta=b.file_meta(group_length=False)), b.file_meta()]
    for n, file in enumerate([*heads, *files]):
        write(out / "part10", bytes([n & 0xF1]) + file[:1024])
        write(out / "scan", bytes([n & 0xFF | 1]) + file[:HEAD])
        write(out / "long", bytes([n & 0xFF | 1]) + file[:HEAD])
        write(out / "pass", bytes([n & 0xFF]) + file[:HEAD])
    for n, (data, implicit, big) in enumerate(built()):
        syntax = b.EXPLICIT_BIG if big else b.IMPLICIT_LITTLE if implicit else b.EXPLICIT_LITTLE
        write(out / "long", bytes([n & 0xFF]) + b.part10(data, syntax)[:HEAD])
    for n in range(13 * 8):  # fuzz_pixel.c: every kernel with every width
        write(out / "pixel", bytes([n // 8, n % 8, 12, n & 1, 0, 0, 0, 0]) + bytes(range(240)))
    for n in range(6 * 10):  # fuzz_lut.c: every kernel with every kind of sample
        write(out / "lut", bytes([n // 10, n % 10, 4 + n % 5, n, 7, 0, 40, 0]) + bytes(range(0, 240, 2)))
    for parts in ([0, 3, 10, 20, 30, 1, 5, 80, 0, 1, 7, 1, 4, 65535], [0, 2, 100, 200, 1, 2, 300, 2, 2, 0, 0, 2, 1, 8, 0]):
        write(out / "lut", bytes([5, 1, 0, 0, 0, 0, 20, 0]) + struct.pack(f"<{len(parts)}H", *parts))
        write(out / "lut", bytes([5, 0, 0, 0, 0, 0, 20, 0]) + bytes(one & 255 for one in parts))
    write_pixels(out)
    write_dct(out)
    write_streams(out)
    for text in ("1", "-1.5", "4.000", "1e3", "0.1234567890123456789012", "+12 ", "1E-400", "\u00e9", "9223372036854775808", "NaN"):
        write(out / "number", text.encode())
    for text in ("20240229", "2024.02.29", "07:09:07.5", "070907.000001", "202402", "20240229070907.123456+0530", "2024-1200"):
        write(out / "when", text.encode())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
