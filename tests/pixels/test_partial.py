"""Streams that end too early, in files that are whole: an error, and with ``partial=True`` what there is of them."""

from __future__ import annotations

import re
import struct
import warnings
import zlib

import numpy as np
import pytest

import fastdicom
from builders import encapsulated, image, part10
from fastdicom import DecodeError, DicomWarning

imagecodecs = pytest.importorskip("imagecodecs")
SUFFIX = "1.2.840.10008.1.2."


def picture(shape, top, dtype):
    """Smooth, with a little noise; no sample is 0."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    plane = (np.sin(x / 17) + np.cos(y / 11) + 2) * top / 5
    noise = np.random.default_rng(3).integers(1, 8, shape)
    return (plane.reshape(plane.shape + (1,) * (len(shape) - 2)) + noise).astype(dtype)


GRAY = picture((96, 100), 4095, "<u2")
RGB = picture((60, 50, 3), 255, "u1")


def deflated(array):
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    return deflater.compress(array.tobytes()) + deflater.flush()


def jpeg_ls(array, mode=0):
    encoder = pytest.importorskip("jpeg_ls")
    samples = 1 if array.ndim == 2 else 3
    bits = 12 if samples == 1 else 8
    source = np.ascontiguousarray(array if samples == 1 or mode else array.transpose(2, 0, 1))
    return bytes(encoder.encode_buffer(source.tobytes(), *array.shape[:2], samples, bits, interleave_mode=mode))


def dataset(stream, array, uid, photometric="RGB"):
    bits = 12 if array.itemsize == 2 else 8
    colour = {} if array.ndim == 2 else {"samples": 3, "photometric": photometric, "planar": 0}
    head = image(None, *array.shape[:2], allocated=8 * array.itemsize, stored=bits, **colour)
    return fastdicom.dcmread(part10(head + encapsulated([bytes(stream)]), SUFFIX + uid))


def cuts(stream, first=40, steps=15):
    return sorted({first + (len(stream) - first) * step // steps for step in range(1, steps)})


EXACT = {
    "deflated": (deflated, "8.1", GRAY),
    "deflated colour": (deflated, "8.1", RGB),
    "uncompressed": (lambda array: array.tobytes(), "1.98", GRAY),
    "uncompressed colour": (lambda array: array.tobytes(), "1.98", RGB),
    "JPEG-LS": (jpeg_ls, "4.80", GRAY),
    "JPEG-LS by line": (lambda array: jpeg_ls(array, 1), "4.80", RGB),
    "JPEG-LS by pixel": (lambda array: jpeg_ls(array, 2), "4.80", RGB),
}


@pytest.mark.parametrize("name", EXACT)
def test_rows_before_the_cut(name):
    """As many rows as the warning says, all as they were, and 0 behind them; the more bytes the more rows."""
    encode, uid, array = EXACT[name]
    stream, before = encode(array), 0
    for stop in cuts(stream):
        with pytest.raises(DecodeError):
            dataset(stream[:stop], array, uid).pixel_array
        with pytest.warns(DicomWarning, match=r"of frame 0 (nothing|\d+ of \d+ rows); the rest is 0") as said:
            out = dataset(stream[:stop], array, uid).decode(partial=True)
        found = re.search(r"of frame 0 (\d+) of", str(said[0].message))
        whole = int(found[1]) if found else 0
        assert before <= whole < len(array)
        assert np.array_equal(out[:whole], array[:whole])
        assert not out[whole:].any()
        before = whole
    assert before > len(array) // 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.array_equal(dataset(stream, array, uid).decode(partial=True), array)


def test_jpeg_ls_is_cut_at_every_byte():
    """A row that needs a bit which is not there is none, also where the rows are narrower than a byte of codes."""
    for array in (GRAY[:40, :3], GRAY[:30, :1] & 1, np.full((20, 30), 7, "<u2"), GRAY[:9, :40]):
        stream, before = jpeg_ls(np.ascontiguousarray(array)), 0
        for stop in range(stream.index(b"\xff\xda") + 10, len(stream) - 2):
            with pytest.warns(DicomWarning, match="ends too early") as said:
                out = dataset(stream[:stop], array, "4.80").decode(partial=True)
            found = re.search(r"of frame 0 (\d+) of", str(said[0].message))
            whole = int(found[1]) if found else 0
            assert whole >= before
            assert np.array_equal(out[:whole], array[:whole]), stop
            assert not out[whole:].any()
            before = whole


def test_jpeg_ls_of_black_and_white():
    """Rows of 0 that were decoded out of made-up bits are no rows, though other rows of 0 are where nothing was written."""
    pixels = np.zeros((40, 37), np.uint8)
    pixels[10:20, 5:20] = 200
    stream = imagecodecs.jpegls_encode(pixels)
    for stop in range(60, stream.rindex(b"\xff\xd9")):
        with pytest.warns(DicomWarning, match="ends too early") as said:
            out = dataset(stream[:stop], pixels, "4.80").decode(partial=True)
        found = re.search(r"of frame 0 (\d+) of", str(said[0].message))
        whole = int(found[1]) if found else 0
        assert np.array_equal(out[:whole], pixels[:whole]), stop
        assert not out[whole:].any()


def test_jpeg_ls_of_planes_needs_all_of_them():
    stream = jpeg_ls(RGB)
    last = stream.rindex(b"\xff\xda")
    with pytest.warns(DicomWarning, match="of frame 0 nothing"):
        assert not dataset(stream[: last - 20], RGB, "4.80").decode(partial=True).any()
    stop = (last + len(stream)) // 2
    with pytest.warns(DicomWarning, match=r"of frame 0 \d+ of 60 rows") as said:
        out = dataset(stream[:stop], RGB, "4.80").decode(partial=True)
    whole = int(re.search(r"of frame 0 (\d+) of", str(said[0].message))[1])
    assert 20 < whole < 40
    assert np.array_equal(out[:whole], RGB[:whole])


HEADED = {
    "JPEG": (lambda: imagecodecs.jpeg8_encode(GRAY, bitspersample=12), "4.51", b"\xff\xda"),
    "lossless JPEG": (lambda: imagecodecs.ljpeg_encode(GRAY), "4.70", b"\xff\xda"),
    "JPEG-LS": (lambda: imagecodecs.jpegls_encode(GRAY), "4.80", b"\xff\xda"),
    "JPEG 2000": (lambda: imagecodecs.jpeg2k_encode(GRAY, level=0, reversible=True, codecformat="j2k"), "4.90", b"\xff\x93"),
    "JP2": (lambda: imagecodecs.jpeg2k_encode(GRAY, level=0, reversible=True, codecformat="jp2"), "4.90", b"\xff\x93"),
    "HTJ2K": (lambda: imagecodecs.htj2k_encode(GRAY, reversible=True), "4.201", b"\xff\x93"),
    "JPEG XL": (lambda: imagecodecs.jpegxl_encode(GRAY, lossless=True), "4.110", None),
}


@pytest.mark.parametrize("name", HEADED)
def test_a_stream_that_ends_in_its_header_is_nothing(name):
    """And the frames beside it are there."""
    encode, uid, marker = HEADED[name]
    stream = encode()
    header = stream.index(marker) + 2 if marker else 64
    for stop in sorted({*range(0, header, 7), 1, 3, 5, header - 1}):
        ds = image(None, *GRAY.shape, allocated=16, stored=12, frames=3) + encapsulated([stream, stream[:stop], stream], bot=True)
        ds = fastdicom.dcmread(part10(ds, SUFFIX + uid))
        with pytest.raises(DecodeError, match="frame 1"):
            ds.decode()
        with pytest.warns(DicomWarning, match="of frame 1 nothing; the rest is 0"):
            out = ds.decode(partial=True)
        assert out[0].any()
        assert not out[1].any()
        assert np.array_equal(out[2], out[0])
    broken = bytearray(stream)
    broken[:4] = b"none"
    with pytest.raises(DecodeError):
        dataset(broken[:header], GRAY, uid).decode(partial=True)


def test_single_bits_by_rle():
    bits = np.random.default_rng(4).integers(0, 2, (40, 20), np.uint8)
    packed = np.packbits(bits, bitorder="little").tobytes()
    stream = struct.pack("<16I", 1, 64, *[0] * 14) + bytes([len(packed) - 1]) + packed + b"\0"
    for stop, whole in ((64, 0), (70, 2), (114, 19), (116, 20), (164, 39)):
        head = image(None, 40, 20, allocated=1, stored=1) + encapsulated([stream[:stop]])
        ds = fastdicom.dcmread(part10(head, SUFFIX + "5"))
        with pytest.warns(DicomWarning, match=f"of frame 0 {whole or 'nothing'}"):
            out = ds.decode(partial=True)
        assert np.array_equal(out[:whole], bits[:whole])
        assert not out[whole:].any()


def test_what_is_broken_is_no_end():
    """Damage and contradictions stay errors."""
    stream = bytearray(deflated(GRAY))
    stream[len(stream) // 2 :] = b"\xff" * (len(stream) - len(stream) // 2)
    for broken in (stream, deflated(GRAY[:50]), deflated(np.vstack([GRAY, GRAY]))):
        with pytest.raises(DecodeError):
            dataset(broken, GRAY, "8.1").decode(partial=True)
    with pytest.raises(DecodeError, match="the fragment has"):
        dataset(GRAY.tobytes() + b"1234", GRAY, "1.98").decode(partial=True)


def jpeg_2000(array):
    encoder = pytest.importorskip("openjpeg.utils")
    kind = {"photometric_interpretation": 2, "bits_stored": 12} if array.ndim == 2 else {"photometric_interpretation": 1, "bits_stored": 8}
    return bytes(encoder.encode_array(array, use_mct=array.ndim == 3, **kind))


def htj2k(array, **options):
    return bytes(imagecodecs.htj2k_encode(array, reversible=True, **options))


def in_tiles(array, size=64, encode=jpeg_2000):
    """A codestream of tiles, put together of one each: what a tile holds does not depend on where it is a multiple of 64."""
    pieces = [array[y : y + size, x : x + size] for y in range(0, array.shape[0], size) for x in range(0, array.shape[1], size)]
    out = b""
    for number, piece in enumerate(pieces):
        stream = encode(np.ascontiguousarray(piece))
        start = stream.index(b"\xff\x90\0\x0a")
        if not number:
            head = bytearray(stream[:start])
            head[8:40] = struct.pack(">8I", array.shape[1], array.shape[0], 0, 0, size, size, 0, 0)  # T.800 A.5.1
            out += head
        assert stream[:start].endswith(out[48:start])  # COD and QCD are the same
        out += stream[start : start + 4] + number.to_bytes(2, "big") + stream[start + 6 : -2]
    return out + b"\xff\xd9"


COARSE = {
    "JPEG 2000": (jpeg_2000, "4.90", GRAY),
    "JPEG 2000 colour": (jpeg_2000, "4.90", RGB),
    "JPEG 2000 in tiles": (in_tiles, "4.90", GRAY),
    "HTJ2K": (htj2k, "4.201", GRAY),
    "HTJ2K colour": (htj2k, "4.201", RGB),
    "HTJ2K by resolution": (lambda array: htj2k(array, tilepart=1), "4.202", GRAY),
}


@pytest.mark.parametrize("name", COARSE)
def test_a_coarser_image(name):
    """JPEG 2000 has the coarse before the fine: all rows, and the more bytes the nearer."""
    encode, uid, array = COARSE[name]
    stream, last = encode(array), None
    for stop in cuts(stream, first=stream.index(b"\xff\x93") + 2, steps=9):
        with pytest.raises(DecodeError):
            dataset(stream[:stop], array, uid, "YBR_RCT").pixel_array
        with pytest.warns(DicomWarning, match="of frame 0 .*not exact|of frame 0 nothing") as said:
            out = dataset(stream[:stop], array, uid, "YBR_RCT").decode(partial=True)
        assert ("the rest is 0" in str(said[0].message)) == ("nothing" in str(said[0].message) or "tiles" in str(said[0].message))
        if "nothing" in str(said[0].message):
            assert not out.any()
            assert last is None
            continue
        error = np.abs(out.astype(int) - array).mean()
        assert last is None or error <= last * 1.1 + 0.5
        last = error
    assert last < 0.2 * array.mean()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.array_equal(dataset(stream, array, uid, "YBR_RCT").decode(partial=True), array)


def test_tiles_that_are_missing_are_0():
    stream = in_tiles(GRAY)
    third = [found.start() for found in re.finditer(b"\xff\x90\0\x0a", stream)][2]
    with pytest.warns(DicomWarning, match="of frame 0 2 of 4 tiles, and"):
        out = dataset(stream[:third], GRAY, "4.90").decode(partial=True)
    assert np.array_equal(out[:64], GRAY[:64])
    assert not out[64:].any()


@pytest.mark.parametrize("photometric", ("RGB", "YBR_FULL"))
def test_tiles_of_colour_that_are_missing_are_black(photometric):
    array = np.dstack([picture((128, 128), 255, "u1")] * 3)
    encoder = pytest.importorskip("openjpeg.utils")

    def encode(piece):
        return bytes(encoder.encode_array(piece, use_mct=False, photometric_interpretation=1, bits_stored=8))

    stream = in_tiles(array, encode=encode)
    third = [found.start() for found in re.finditer(b"\xff\x90\0\x0a", stream)][2]
    with pytest.warns(DicomWarning, match="tiles, and its samples are near what they were, not exact; the rest is 0"):
        out = dataset(stream[:third], array, "4.90", photometric).decode(partial=True)
    whole = dataset(stream, array, "4.90", photometric).pixel_array
    assert np.array_equal(out[:64], whole[:64])
    assert not out[64:].any()


def test_jpeg_xl_gives_nothing_but_the_other_frames():
    stream = bytes(imagecodecs.jpegxl_encode(GRAY, lossless=True, bitspersample=12))
    frames = [stream, stream[: len(stream) // 2], stream]
    ds = fastdicom.dcmread(part10(image(None, 96, 100, frames=3) + encapsulated(frames), SUFFIX + "4.110"))
    with pytest.raises(DecodeError, match="frame 1"):
        ds.pixel_array
    with pytest.warns(DicomWarning, match="of frame 1 nothing"):
        out = ds.decode(partial=True)
    assert np.array_equal(out[[0, 2]], [GRAY, GRAY])
    assert not out[1].any()
    with pytest.raises(DecodeError):
        dataset(stream.replace(stream[60:90], b"\0" * 30), GRAY, "4.110").decode(partial=True)


@pytest.mark.parametrize("options", ({"tilepart": 1}, {"tile": (32, 32)}), ids=str)
def test_htj2k_cut_where_tile_parts_begin(options):
    """OpenJPH's resilient mode never came back from some of these; OpenJPEG, of a stream that ends, does."""
    array = GRAY[:64, :64]
    stream = htj2k(np.ascontiguousarray(array), **options)
    starts = [found.start() for found in re.finditer(b"\xff\x90\0\x0a", stream)]
    assert len(starts) > 3
    for start in starts[1:]:
        for stop in range(start - 3, start + 18, 3):
            with pytest.warns(DicomWarning, match="ends too early"):
                out = dataset(stream[:stop], array, "4.202").decode(partial=True)
            assert out.any() or stop < starts[1]
