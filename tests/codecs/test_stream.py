"""What streams say of themselves: every field against encoders that were told it, and broken headers."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from fastdicom import DecodeError
from fastdicom.codecs import _stream
from fastdicom.codecs.base import StreamHeader

ic = pytest.importorskip("imagecodecs")

ROWS, COLUMNS = 37, 53
RANDOM = np.random.default_rng(7)
GRAY = RANDOM.integers(0, 256, (ROWS, COLUMNS), dtype="u1")
COLOUR = RANDOM.integers(0, 256, (ROWS, COLUMNS, 3), dtype="u1")
DEEP = RANDOM.integers(0, 4096, (ROWS, COLUMNS), dtype="u2")


def header(stream: bytes) -> StreamHeader:
    found = _stream.header(stream)
    assert found is not None
    assert (found.rows, found.columns) == (ROWS, COLUMNS)
    return found


# streams made by hand


def segment(marker: int, payload: bytes) -> bytes:
    return struct.pack(">HH", marker, len(payload) + 2) + payload


def jpeg(*before: bytes, sof=0xFFC0, precision=8, rows=ROWS, columns=COLUMNS, components=((1, 0x11),), scan=b"\0\x3f\0") -> bytes:
    """A JPEG stream up to its first scan."""
    frame = struct.pack(">BHHB", precision, rows, columns, len(components))
    frame += b"".join(bytes([name, sampling, 0]) for name, sampling in components)
    sos = bytes([len(components)]) + b"".join(bytes([name, 0]) for name, _ in components) + scan
    return b"\xff\xd8" + b"".join(before) + segment(sof, frame) + segment(0xFFDA, sos) + b"\x12\x34\xff\xd9"


JFIF = segment(0xFFE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")


def adobe(transform: int) -> bytes:
    return segment(0xFFEE, b"Adobe\0\x64\0\0\0\0" + bytes([transform]))


def j2k(*more: bytes, size=(COLUMNS, ROWS), offset=(0, 0), components=((7, 1, 1),), cod=b"\0\0\0\1\0\5\4\4\0\1") -> bytes:
    """A JPEG 2000 codestream up to its first tile-part; components are (Ssiz, XRsiz, YRsiz)."""
    siz = struct.pack(">H8IH", 0, *size, *offset, *size, 0, 0, len(components)) + b"".join(bytes(each) for each in components)
    coding = segment(0xFF52, cod) if cod else b""
    return b"\xff\x4f" + segment(0xFF51, siz) + b"".join(more) + coding + b"\xff\x90\0\x0a"


def box(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I4s", len(payload) + 8, kind) + payload


JP2 = b"\0\0\0\x0cjP  \r\n\x87\n" + box(b"ftyp", b"jp2 \0\0\0\0jp2 ")
JXL = b"\0\0\0\x0cJXL \r\n\x87\n" + box(b"ftyp", b"jxl \0\0\0\0jxl ")


class TestJpeg:
    @pytest.mark.parametrize(
        ("subsampling", "sampling"),
        [("444", (1, 1)), ("422", (2, 1)), ("420", (2, 2)), ("440", (1, 2)), ("411", (4, 1))],
    )
    def test_subsampling(self, subsampling, sampling):
        found = header(ic.jpeg8_encode(COLOUR, subsampling=subsampling))
        assert found.format == "jpeg"
        assert found.process == 0
        assert found.sampling == (sampling, (1, 1), (1, 1))
        assert found.is_subsampled == (subsampling != "444")
        assert (found.components, found.precision, found.signed) == (3, (8, 8, 8), (False, False, False))
        assert (found.ids, found.jfif, found.adobe) == ((1, 2, 3), True, None)

    def test_rgb(self):
        found = header(ic.jpeg8_encode(COLOUR, outcolorspace="RGB"))
        assert (found.ids, found.jfif, found.adobe) == ((82, 71, 66), False, 0)

    def test_deep(self):
        found = header(ic.jpeg8_encode(DEEP, bitspersample=12))
        assert (found.process, found.precision, found.dtype, found.components) == (1, (12,), "<u2", 1)

    @pytest.mark.parametrize("bits", (9, 12, 16))
    def test_lossless(self, bits):
        found = header(ic.jpeg8_encode(DEEP >> 3, lossless=True, bitspersample=bits))
        assert (found.process, found.precision) == (3, (bits,))

    @pytest.mark.parametrize("process", (0, 1, 2, 3, 5, 6, 7, 9, 10, 11, 13, 14, 15))
    def test_process(self, process):
        assert header(jpeg(sof=0xFFC0 + process)).process == process

    def test_markers(self):
        found = header(jpeg(JFIF, adobe(1), segment(0xFFFE, b"no marker \xff\xc0 in here"), b"\xff\xff"))
        assert found.jfif
        assert found.adobe == 1
        assert header(jpeg(adobe(2))).adobe == 2
        assert header(jpeg(segment(0xFFE0, b"JFXX\0"), segment(0xFFEE, b"Adob"))) == header(jpeg())

    def test_point_transform_is_lossless_jpegs(self):
        assert header(jpeg(sof=0xFFC3, scan=b"\1\0\3")).point_transform == 3
        assert header(jpeg(sof=0xFFC2, scan=b"\0\0\1")).point_transform == 0

    def test_rows_behind_the_scan(self):
        found = _stream.header(jpeg(rows=0))
        assert found is not None
        assert found.rows == 0

    def test_more_components_than_are_told(self):
        found = header(jpeg(components=[(i, 0x11) for i in range(9)]))
        assert found.components == 9
        assert found.ids == (0, 1, 2, 3)

    @pytest.mark.parametrize(
        ("stream", "reason"),
        [
            (b"\xff\xd8\xff\xd9", "no frame header"),
            (jpeg()[:20], "ends inside a marker segment"),
            (b"\xff\xd8\xff\xe0\0\1", "shorter than its length"),
            (b"\xff\xd8" + segment(0xFFC0, b"\x08\0\1\0\1\3\1\x11\0"), "frame header is cut off"),
            (b"\xff\xd8" + segment(0xFFC0, b"\x08\0\1\0\1\0"), "no component"),
            (jpeg(columns=0), "no columns"),
            (b"\xff\xd8" + segment(0xFFDA, b"\1\0\0\0\x3f\0"), "a scan before its frame header"),
            (jpeg(segment(0xFFC1, b"\x08\0\1\0\1\1\1\x11\0")), "second frame header"),
            (b"\xff\xd8" + segment(0xFFC0, b"\x08\0\1\0\1\1\1\x11\0") + b"\xff\xd9", "no scan"),
        ],
    )
    def test_broken(self, stream, reason):
        with pytest.raises(DecodeError, match=reason) as caught:
            _stream.header(stream)
        assert caught.value.offset is not None


class TestJpegLS:
    @pytest.mark.parametrize("near", (0, 2))
    def test_gray(self, near):
        found = header(ic.jpegls_encode(GRAY, level=near))
        assert (found.format, found.process, found.near, found.interleave, found.precision) == ("jpeg-ls", 55, near, 0, (8,))
        assert header(ic.jpegls_encode(DEEP)).dtype == "<u2"

    def test_colour(self):
        found = header(ic.jpegls_encode(COLOUR))
        assert found.components == 3
        assert found.interleave in (1, 2)

    def test_extensions(self):
        found = header(jpeg(segment(0xFFE8, b"mrfx\1"), sof=0xFFF7, scan=b"\0\2\0"))
        assert (found.hp_transform, found.interleave) == (1, 2)
        spiff = b"SPIFF\0\1\2\0\1" + struct.pack(">II", ROWS, COLUMNS) + bytes([8, 8, 6, 1]) + bytes(8)
        assert header(jpeg(segment(0xFFE8, spiff), sof=0xFFF7)).colour == "gray"

    def test_large(self):
        oversize = segment(0xFFF8, b"\4\4" + struct.pack(">II", ROWS, COLUMNS))
        assert header(jpeg(oversize, sof=0xFFF7, rows=0, columns=0)).format == "jpeg-ls"

    def test_mapping_table(self):
        stream = jpeg(sof=0xFFF7, scan=b"\0\0\0")
        assert not header(stream).mapped
        assert header(stream.replace(b"\1\1\0\0\0\0", b"\1\1\1\0\0\0")).mapped


class TestJpeg2000:
    @pytest.mark.parametrize("mct", (False, True))
    @pytest.mark.parametrize("reversible", (False, True))
    @pytest.mark.parametrize("container", ("j2k", "jp2"))
    def test_colour(self, mct, reversible, container):
        options = {"reversible": True} if reversible else {"level": 60}
        found = header(ic.jpeg2k_encode(COLOUR, codecformat=container, mct=mct, **options))
        assert (found.format, found.components, found.precision) == ("j2k", 3, (8, 8, 8))
        assert (found.transform, found.is_reversible, found.is_boxed, found.is_ht) == (mct, reversible, container == "jp2", False)
        assert found.colour == ("rgb" if container == "jp2" else "")

    @pytest.mark.parametrize("bits", (1, 7, 8, 9, 12, 16))
    @pytest.mark.parametrize("signed", (False, True))
    def test_sign_and_precision(self, bits, signed):
        kind = ("i" if signed else "u") + ("1" if bits <= 8 else "2")
        found = header(ic.jpeg2k_encode(np.zeros((ROWS, COLUMNS), kind), codecformat="j2k", reversible=True, bitspersample=bits))
        assert (found.precision, found.signed, found.dtype) == ((bits,), (signed,), ("|" if bits <= 8 else "<") + kind)

    def test_high_throughput(self):
        assert header(ic.htj2k_encode(GRAY, reversible=True)).is_ht
        assert header(j2k(segment(0xFF50, b"\0\2\0\0\0\0"))).is_ht
        assert not header(j2k(segment(0xFF50, b"\0\1\0\0\0\0"))).is_ht

    def test_offsets_and_subsampling(self):
        found = header(j2k(size=(COLUMNS + 5, ROWS + 9), offset=(5, 9), components=((7, 1, 1), (7, 2, 2), (7, 2, 2))))
        assert (found.offset, found.sampling) == ((5, 9), ((1, 1), (2, 2), (2, 2)))
        assert found.is_subsampled

    def test_uneven(self):
        assert header(j2k(components=((7, 1, 1), (0x87, 1, 1), (7, 1, 1)))).is_uneven
        assert header(j2k(components=((7, 1, 1),) * 4 + ((8, 1, 1),))).is_uneven
        assert not header(j2k(components=((0x8B, 1, 1),) * 3)).is_uneven

    def test_palette(self):
        boxes = box(b"jp2h", box(b"ihdr", bytes(14)) + box(b"pclr", bytes(9)) + box(b"colr", b"\1\0\0\0\0\0\x10"))
        assert header(JP2 + boxes + box(b"jp2c", j2k())).colour == "palette"
        long = struct.pack(">I4sQ", 1, b"jp2c", 16 + len(j2k())) + j2k()
        assert header(JP2 + long).is_boxed
        assert header(JP2 + struct.pack(">I4s", 0, b"jp2c") + j2k()).is_boxed  # up to the end

    @pytest.mark.parametrize(
        ("stream", "reason"),
        [
            (j2k()[:30], "ends inside a marker segment"),
            (j2k()[:-4], "ends in its main header"),
            (j2k(cod=b""), "no COD segment"),
            (j2k(cod=b"\0\0\0"), "COD segment is cut off"),
            (j2k(size=(0, 0)), "no columns"),
            (j2k(size=(5, 5), offset=(0, 5)), "no rows"),
            (j2k(components=()), "no component"),
            (j2k(components=((7, 0, 1),)), "no distance"),
            (j2k(components=((38, 1, 1),)), "too many bits"),
            (j2k(b"\xff\xd9"), "no such marker"),
            (b"\xff\x4f\xff\x52" + bytes(40), "SOC and SIZ"),
            (JP2, "no codestream"),
            (JP2 + b"\0\0\0\7jp2c" + j2k(), "shorter than its head"),
        ],
    )
    def test_broken(self, stream, reason):
        with pytest.raises(DecodeError, match=reason):
            _stream.header(stream)


class TestJpegXL:
    @pytest.mark.parametrize("shape", [(ROWS, COLUMNS), (8, 8), (64, 32), (480, 640), (1080, 1920), (2500, 2000), (1, 1), (70000, 2)])
    @pytest.mark.parametrize("container", (False, True))
    def test_size(self, shape, container):
        found = _stream.header(ic.jpegxl_encode(np.zeros(shape, "u1"), lossless=True, effort=1, usecontainer=container))
        assert found is not None
        assert (found.format, found.rows, found.columns, found.components) == ("jxl", *shape, 1)
        assert found.is_boxed == container

    @pytest.mark.parametrize("bits", (8, 10, 12, 14, 16))
    def test_precision(self, bits):
        found = header(ic.jpegxl_encode((DEEP >> 4).astype("u1" if bits == 8 else "u2"), lossless=True, bitspersample=bits))
        assert (found.precision, found.is_float, found.is_xyb, found.colour) == ((bits,), False, False, "gray")

    def test_float(self):
        found = header(ic.jpegxl_encode(DEEP.astype("f4") / 4096, lossless=True))
        assert (found.precision, found.is_float, found.dtype) == ((32,), True, "<f4")

    def test_colour(self):
        assert not header(ic.jpegxl_encode(COLOUR, lossless=True)).is_xyb
        assert header(ic.jpegxl_encode(COLOUR, level=80)).is_xyb
        alpha = header(ic.jpegxl_encode(np.dstack([COLOUR, GRAY]), lossless=True, photometric="rgb"))
        assert (alpha.components, alpha.extra, alpha.has_alpha) == (3, 1, True)

    def test_recompressed(self):
        stream = ic.jpegxl_encode_jpeg(ic.jpeg8_encode(COLOUR, subsampling="420"))
        assert header(stream).is_recompressed

    def test_orientation(self):
        # all_default 0, extra_fields 1, orientation 6 - 1, three flags 0, then 8 bits and all that is usual
        size = 0 | (0 << 1) | (36 << 3) | (0 << 12) | (0 << 15) | (52 << 17)
        metadata = 0b0 | 1 << 1 | 5 << 2
        bits = size | metadata << 26
        assert header(b"\xff\x0a" + bits.to_bytes(16, "little")).orientation == 6

    def test_parts(self):
        stream = ic.jpegxl_encode(GRAY, lossless=True, usecontainer=False)
        parts = b"".join(box(b"jxlp", struct.pack(">I", i) + stream[i : i + 1]) for i in range(40))
        assert header(JXL + parts)._replace(is_boxed=False) == header(stream)

    @pytest.mark.parametrize(
        ("stream", "reason"),
        [
            (b"\xff\x0a", "cut off"),
            (b"\xff\x0a\xff", "cut off"),
            (JXL, "no codestream"),
            (JXL + box(b"jxlc", b"\xff\x0b\0\0"), "does not begin"),
        ],
    )
    def test_broken(self, stream, reason):
        with pytest.raises(DecodeError, match=reason):
            _stream.header(stream)


@pytest.mark.parametrize("stream", (b"", b"\xff", b"\xff\xd8", b"hello, world", bytes(100), b"RIFF" + bytes(20)))
def test_no_such_format(stream):
    assert _stream.header(stream) is None


def test_every_cut_is_an_error_or_tells_the_same():
    streams = [
        ic.jpeg8_encode(COLOUR),
        ic.jpegls_encode(GRAY),
        ic.jpeg2k_encode(COLOUR, codecformat="jp2", reversible=True),
        ic.jpegxl_encode(COLOUR, lossless=True, usecontainer=True),
    ]
    for stream in streams:
        whole = header(stream)
        for cut in range(min(len(stream), 800)):
            try:
                found = _stream.header(stream[:cut])
            except DecodeError:
                continue
            assert found is None or found == whole


def test_a_reader_knows_what_it_read():
    reader = _stream.Reader()
    first, second = ic.jpeg8_encode(GRAY), ic.jpeg8_encode(GRAY, level=20)
    assert reader.read(first) is reader.read(second)
    assert reader.read(ic.jpeg8_encode(COLOUR)) == header(ic.jpeg8_encode(COLOUR))
    assert reader.read(b"nothing") is None
    assert reader.read(first) == header(first)


class TestWiden:
    @pytest.mark.parametrize("signed", (False, True))
    @pytest.mark.parametrize(("narrow", "wide"), [(1, 2), (1, 4), (1, 8), (2, 4), (2, 8), (4, 8), (1, 1), (2, 2), (8, 8)])
    def test_numbers_stay(self, narrow, wide, signed):
        kind = "i" if signed else "u"
        numbers = np.frombuffer(RANDOM.bytes(narrow * 1001), f"<{kind}{narrow}")
        out = np.empty(1001, f"<{kind}{wide}")
        _stream.widen(numbers.view("u1"), out.view("u1"), narrow, wide, signed)
        assert np.array_equal(out, numbers)

    @pytest.mark.parametrize(("source", "room", "narrow", "wide"), [(4, 9, 1, 2), (4, 6, 1, 2), (4, 4, 2, 1), (3, 6, 3, 6), (3, 4, 2, 4)])
    def test_sizes_that_do_not_fit(self, source, room, narrow, wide):
        with pytest.raises(ValueError, match="do not make"):
            _stream.widen(bytes(source), bytearray(room), narrow, wide, False)

    def test_overlap(self):
        data = bytearray(12)
        with pytest.raises(ValueError, match="overlaps"):
            _stream.widen(memoryview(data)[:4], memoryview(data)[2:10], 1, 2, False)
