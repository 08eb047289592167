"""Lossless JPEG: every option that a stream may have, against an encoder of the tests' own and against libjpeg-turbo's."""

from __future__ import annotations

import imagecodecs
import numpy as np
import pytest

import jpegll_builder as jpegll
from fastdicom import DecodeError, UnsupportedError
from fastdicom.codecs import _native
from fastdicom.codecs import jpegll as codec
from fastdicom.codecs.base import FrameInfo


def picture(precision, shape, seed=0):
    """Smooth, with noise and jumps over the whole range."""
    rng = np.random.default_rng(seed + precision)
    top = (1 << precision) - 1
    out = rng.normal(top / 2, top / 20 + 1, shape).clip(0, top).astype(np.uint16)
    out.reshape(-1)[:: max(2, out.size // 9)] = top
    out.reshape(-1)[3 :: max(2, out.size // 7)] = 0
    return out.astype(np.uint8) if precision <= 8 else out


@pytest.fixture(autouse=True, params=(True, False), ids=("fast", "portable"))
def path_through_the_code(request):
    _native.use_simd(request.param)
    yield
    _native.use_simd(True)


def decoded(stream, shape, dtype):
    out = np.full(shape, 77, dtype)
    _native.decode_jpegll(stream, out, out.itemsize)
    return out


@pytest.mark.parametrize("predictor", range(1, 8))
@pytest.mark.parametrize("precision", range(2, 17))
def test_every_precision_and_predictor(precision, predictor):
    for shape in ((7, 9), (1, 1), (1, 9), (9, 1), (3, 4, 3)):
        image = picture(precision, shape)
        for lengths in (jpegll.FLAT, jpegll.STEEP) if precision < 16 else (jpegll.FLAT,):
            stream = jpegll.encode(image, precision=precision, predictor=predictor, lengths=lengths)
            assert np.array_equal(decoded(stream, shape, image.dtype), image)
            assert np.array_equal(decoded(stream, shape, np.uint16), image)


@pytest.mark.parametrize("predictor", range(1, 8))
@pytest.mark.parametrize("precision", (2, 7, 8, 9, 12, 15, 16))
def test_libjpeg_turbo(precision, predictor):
    for shape in ((33, 47), (20, 31, 3)):
        image = picture(precision, shape)
        stream = imagecodecs.jpeg_encode(image, lossless=True, predictor=predictor, bitspersample=precision)
        assert np.array_equal(decoded(stream, shape, image.dtype), image)


@pytest.mark.parametrize(
    "options",
    (
        {"transform": 3},
        {"restart_rows": 1},
        {"restart_rows": 4},
        {"interleaved": False},
        {"interleaved": False, "restart_rows": 2, "transform": 2},
        {"table_behind_frame": True},
        {"fill_bytes": 3},
        {"rows_behind": True},
        {"rows_behind": True, "interleaved": False, "restart_rows": 2},
        {"ids": (0, 1, 2, 3)},
        {"ids": (82, 71, 66, 65)},
        {"tables": (jpegll.FLAT, jpegll.STEEP, jpegll.FLAT, jpegll.STEEP)},
        {"tables": (jpegll.STEEP, jpegll.FLAT, jpegll.STEEP, jpegll.FLAT), "interleaved": False, "restart_rows": 2},
    ),
    ids=str,
)
@pytest.mark.parametrize("components", (1, 2, 3, 4))
def test_options(options, components):
    shape = (11, 8) if components == 1 else (11, 8, components)
    image = picture(12, shape) >> options.get("transform", 0) << options.get("transform", 0)
    for predictor in (1, 4, 7):
        stream = jpegll.encode(image, precision=12, predictor=predictor, **options)
        assert np.array_equal(decoded(stream, shape, np.uint16), image)


@pytest.mark.parametrize("precision", (2, 8, 12, 16))
@pytest.mark.parametrize("predictor", (1, 4, 7))
def test_every_point_transform(precision, predictor):
    for transform in range(precision):
        image = picture(precision, (5, 7)) >> transform << transform
        stream = jpegll.encode(image, precision=precision, predictor=predictor, transform=transform)
        assert np.array_equal(decoded(stream, image.shape, image.dtype), image), transform


@pytest.mark.parametrize(
    "options",
    (
        {"tables": (jpegll.FLAT, jpegll.STEEP, jpegll.FLAT)},
        {"tables": (jpegll.STEEP, jpegll.FLAT, jpegll.STEEP), "interleaved": False},
        {"restart_rows": 2},
        {"table_behind_frame": True, "predictor": 7},
        {"predictor": 5, "ids": (82, 71, 66)},
    ),
    ids=str,
)
def test_what_the_builder_makes_is_read_by_others(options):
    """By the libjpeg of ISO/IEC 18477, so that builder and decoder are not wrong together."""
    libjpeg = pytest.importorskip("libjpeg")
    for shape in ((11, 8), (11, 8, 3)):
        if "tables" in options and len(shape) == 2:
            continue
        image = picture(12, shape)
        stream = jpegll.encode(image, precision=12, **options)
        theirs = np.frombuffer(libjpeg.decode_pixel_data(stream, version=2), np.uint16).reshape(shape)
        assert np.array_equal(theirs, image)
        assert np.array_equal(decoded(stream, shape, np.uint16), image)


@pytest.mark.parametrize("components", (1, 3))
@pytest.mark.parametrize("noise", (0.3, 20, 900, 20000))
def test_wide_images(components, noise):
    """Rows of many refills, with codes and differences of every length, and 0xFF among the bytes."""
    rng = np.random.default_rng(int(noise))
    image = rng.normal(32768, noise, (37, 301, components)).clip(0, 65535).astype(np.uint16)
    image[5, ::7] = 65535
    image = image[..., 0] if components == 1 else image
    for predictor in (1, 2, 3, 4, 5, 6, 7):
        stream = imagecodecs.jpeg_encode(image, lossless=True, predictor=predictor, bitspersample=16)
        assert stream.count(b"\xff\0") > 20
        assert np.array_equal(decoded(stream, image.shape, np.uint16), image)


def test_arithmetic_is_modulo_65536():
    """Clamping is wrong: a prediction may leave 16 bits and come back (H.1.2.1)."""
    image = np.array([[0, 65535, 0, 65535], [65535, 0, 65535, 1], [0, 65535, 65535, 0]], np.uint16)
    for predictor in range(1, 8):
        assert np.array_equal(decoded(jpegll.encode(image, predictor=predictor), image.shape, np.uint16), image)


def test_what_stands_before_and_behind():
    image = picture(12, (6, 7))
    stream = jpegll.encode(image, precision=12)
    comment = jpegll.segment(0xFFFE, b"comment") + jpegll.segment(0xFFE0, b"JFIF\0\1\1") + jpegll.segment(0xFFEE, b"Adobe\0\0\0\0\0\0\1")
    more = stream[:2] + comment + stream[2:]
    assert np.array_equal(decoded(more + b"\0\0\0", image.shape, np.uint16), image)
    assert np.array_equal(decoded(stream[:-2], image.shape, np.uint16), image)  # without EOI
    held = _native.jpegll_header(more)
    assert held == {
        "rows": 6, "columns": 7, "components": 1, "precision": 12, "process": 3, "ids": (1,), "jfif": True, "adobe_transform": 1
    }  # fmt: skip


def test_cut_anywhere():
    """Never a wrong pixel in silence: a stream that was cut off is an error, wherever it was cut."""
    image = picture(12, (9, 10))
    stream = jpegll.encode(image, precision=12, restart_rows=3)
    whole = len(stream) - 2  # the EOI says nothing
    for stop in range(whole):
        try:
            out = decoded(stream[:stop], image.shape, np.uint16)
        except DecodeError:
            continue
        assert stop == whole - 1, "only the padding of the last byte may be missing"
        assert np.array_equal(out, image)


@pytest.mark.parametrize("restart_rows", (0, 3))
@pytest.mark.parametrize("components", (1, 3))
def test_partial(components, restart_rows):
    """The rows before the cut, and 0 behind them; never a row that the stream did not hold."""
    image = picture(12, (9, 10, components)) | 1
    image = image[..., 0] if components == 1 else image
    stream = jpegll.encode(image, precision=12, restart_rows=restart_rows)
    before = 0
    for stop in range(stream.index(b"\xff\xda") + 6 + 2 * components + 2, len(stream) - 3):
        out = np.full(image.shape, 77, np.uint16)
        whole = _native.decode_jpegll(stream[:stop], out, 2, True)
        assert before <= whole < 9
        assert np.array_equal(out[:whole], image[:whole])
        assert not out[whole:].any()
        before = whole
    assert before == 8
    assert _native.decode_jpegll(stream, out, 2, True) == 9
    with pytest.raises(DecodeError, match="does not begin"):
        _native.decode_jpegll(b"12345", out, 2, True)


def test_partial_needs_every_component():
    image = picture(12, (9, 10, 3))
    stream = jpegll.encode(image, precision=12, interleaved=False)
    out = np.full(image.shape, 77, np.uint16)
    second = stream.rindex(b"\xff\xda")
    assert _native.decode_jpegll(stream[: second + 60], out, 2, True) < 9
    assert _native.decode_jpegll(stream[:second], out, 2, True) == 0
    assert not out.any()


def test_rows_that_nobody_tells():
    stream = jpegll.encode(picture(12, (9, 10)), precision=12, rows_behind=True).replace(b"\xff\xdc", b"\xff\xfe")
    with pytest.raises(DecodeError, match="no rows"):
        decoded(stream, (9, 10), np.uint16)


def test_tables_change_between_scans():
    """A component a scan, each after its own table, which takes the place of the one before."""
    image = picture(12, (9, 10, 3))
    parts = [jpegll.encode(image[..., i], precision=12, lengths=(jpegll.FLAT, jpegll.STEEP, jpegll.FLAT)[i]) for i in range(3)]
    head = jpegll.encode(image, precision=12, interleaved=False)
    out = head[: head.index(b"\xff\xc4")]
    frame = head.index(b"\xff\xc3")
    out += head[frame : head.index(b"\xff\xda")]
    for i, part in enumerate(parts):
        table, scan = part.index(b"\xff\xc4"), part.index(b"\xff\xda")
        out += part[table : part.index(b"\xff\xc3")] + part[scan : scan + 5] + bytes([i + 1]) + part[scan + 6 : -2]
    assert np.array_equal(decoded(out + b"\xff\xd9", image.shape, np.uint16), image)


def test_a_restart_marker_is_missing():
    stream = jpegll.encode(picture(12, (9, 10)), precision=12, restart_rows=3)
    with pytest.raises(DecodeError, match="restart marker"):
        decoded(stream.replace(b"\xff\xd1", b"\xff\xd3"), (9, 10), np.uint16)


@pytest.mark.parametrize(
    ("change", "text"),
    (
        (lambda s: b"\xff\xd9" + s[2:], "does not begin"),
        (lambda s: s[:2] + s[s.index(b"\xff\xc3") :], "Huffman table that was not given"),
        (lambda s: s.replace(b"\xff\xc3\x00\x0b\x0c", b"\xff\xc3\x00\x0b\x11"), "precision"),
        (lambda s: s.replace(b"\xff\xda\x00\x08\x01\x01\x00\x01", b"\xff\xda\x00\x08\x01\x01\x00\x08"), "predictor"),
        (lambda s: s.replace(b"\xff\xda\x00\x08\x01\x01\x00\x01\x00\x00", b"\xff\xda\x00\x08\x01\x01\x00\x01\x00\x0c"), "point transform"),
        (lambda s: s.replace(b"\xff\xda\x00\x08\x01\x01", b"\xff\xda\x00\x08\x01\x05"), "names a component"),
        (lambda s: s[:2] + jpegll.segment(0xFFDD, b"\0\3") + s[2:], "whole number of rows"),
        (lambda s: s[: s.index(b"\xff\xda")] + b"\xff\xd9", "before all components"),
        (lambda s: s[:2] + jpegll.segment(0xFFC4, bytes([0, 3, *[0] * 15, 0, 1, 2])) + s[2:], "more codes than fit"),
    ),
)
def test_broken(change, text):
    stream = jpegll.encode(picture(12, (6, 7)), precision=12)
    with pytest.raises(DecodeError, match=text):
        decoded(change(stream), (6, 7), np.uint16)


@pytest.mark.parametrize("itemsize", (0, 3, 4, 8))
def test_samples_have_one_or_two_bytes(itemsize):
    stream = bytearray(jpegll.encode(picture(12, (6, 7)), precision=12))
    stream[stream.index(b"\xff\xc3") + 4] = 44  # a precision that such samples would hold
    with pytest.raises(DecodeError, match="one or two bytes"):
        _native.decode_jpegll(bytes(stream), bytearray(42 * itemsize), itemsize)


def test_a_frame_that_contradicts_the_data_set():
    """Through the adapter: the stream's own size, components and precision decide whether it is this frame."""
    image = picture(12, (6, 7))
    stream = memoryview(jpegll.encode(image, precision=12))
    out = memoryview(bytearray(84))

    def info(rows=6, columns=7, samples=1, bits=16):
        return FrameInfo(rows, columns, samples, bits, min(bits, 12), 11, 0, "MONOCHROME2")

    assert codec.decode(stream, info(), out).precision == 12
    assert bytes(out) == image.tobytes()
    for wrong, text in (({"rows": 7}, "6 rows"), ({"columns": 6}, "7 columns"), ({"samples": 3}, "1 components"), ({"bits": 8}, "12 bits")):
        with pytest.raises(DecodeError, match=text):
            codec.decode(stream, info(**wrong), out)
    with pytest.raises(UnsupportedError, match="SOF11"):
        codec.decode(memoryview(jpegll.encode(image, precision=12, process=11)), info(), out)
    wide = memoryview(bytearray(168))  # the same numbers in wider samples
    assert codec.decode(stream, info(bits=32), wide).precision == 12
    assert np.array_equal(np.frombuffer(wide, "<u4").reshape(6, 7), image)
