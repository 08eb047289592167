"""RLE Lossless against pydicom's encoder, and against bytes built here (PS3.5 Annex G)."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from fastdicom import DecodeError, UnsupportedError
from fastdicom.codecs import _native, rle
from fastdicom.codecs.base import FrameInfo
from rle_builder import encoded, frame, packed


def decoded(stream: bytes, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    out = np.full(shape, 77, dtype)
    _native.decode_rle(stream, out, out.itemsize, shape[2] if len(shape) > 2 else 1)
    return out


@pytest.mark.parametrize("dtype", ("u1", "<u2", "<i2", "<u4"))
@pytest.mark.parametrize("shape", ((1, 1), (3, 5), (64, 70), (130, 67), (3, 5, 3), (70, 65, 3)), ids=str)
@pytest.mark.parametrize("values", (1, 3, 200))
def test_round_trip(dtype, shape, values):
    image = np.random.default_rng(values).integers(0, values, shape).astype(dtype)
    image[shape[0] // 2 :] = 5
    if image.itemsize > 1:
        image = image * np.array(251, dtype)
    stream = encoded(image)
    assert np.array_equal(decoded(stream, shape, dtype), image)
    for on in (False, True):
        _native.use_simd(on)
        assert np.array_equal(decoded(stream, shape, dtype), image)


def test_like_pydicom():
    from pydicom.pixels.decoders.rle import _rle_decode_frame

    image = np.random.default_rng(5).integers(0, 60000, (31, 33)).astype("<u2")
    stream = encoded(image)
    assert bytes(_rle_decode_frame(stream, 31, 33, 1, 16, ">")) == decoded(stream, image.shape, "<u2").tobytes()


def test_segments_in_any_order_and_more_than_needed():
    planes = [packed(bytes([7] * 6)), packed(bytes(range(6))) + b"\5\1\2\3\4\5\6"]
    head = struct.pack("<16I", 2, 64 + len(planes[1]), 64, *[0] * 13)
    out = decoded(head + planes[1] + planes[0], (2, 3), "<u2")
    assert np.array_equal(out.reshape(-1), 7 * 256 + np.arange(6))


@pytest.mark.parametrize(
    ("stream", "text"),
    (
        (b"", "64 bytes"),
        (frame([b"\x05123456"]), "number of RLE segments"),
        (frame([b"\x05123456", b"\4"]), "ends before"),
        (frame([b"\x05123456", b"\x07123"]), "ends before"),
        (struct.pack("<16I", 2, 64, 4000, *[0] * 13) + b"\x05123456", "outside the frame"),
        (struct.pack("<16I", 2, 64, 3, *[0] * 13) + b"\x05123456", "outside the frame"),
        (struct.pack("<16I", 0xFFFFFFFF, *[0] * 15), "number of RLE segments"),
    ),
)
def test_broken(stream, text):
    with pytest.raises(DecodeError, match=text):
        decoded(stream, (2, 3), "<u2")


def test_cut_anywhere():
    image = np.random.default_rng(5).integers(0, 60000, (9, 9)).astype("<u2")
    stream = encoded(image)
    for stop in range(len(stream) - 1):
        with pytest.raises(DecodeError):
            decoded(stream[:stop], (9, 9), "<u2")


def test_long_runs_of_every_length():
    """Rows that are longer than what is unpacked at once, with runs of every length at every place."""
    rng = np.random.default_rng(3)
    runs = [np.full(n, rng.integers(256)) if rng.integers(2) else rng.integers(0, 256, n) for n in rng.integers(1, 140, 3000)]
    plane = np.concatenate(runs)[:150_000].astype(np.uint8)
    stream = frame([packed(plane.tobytes())])
    assert np.array_equal(decoded(stream, (300, 500), "u1").reshape(-1), plane)
    low = plane[::-1].copy()
    both = decoded(frame([packed(plane.tobytes()), packed(low.tobytes())]), (300, 500), "<u2").reshape(-1)
    assert np.array_equal(both, plane.astype(np.uint16) << 8 | low)


@pytest.mark.parametrize("shape", ((9, 9), (70, 61), (20, 31, 3)), ids=str)
def test_partial(shape):
    """The pixels before the cut, and 0 behind them."""
    image = (np.random.default_rng(5).integers(0, 60000, shape) | 257).astype("<u2")
    stream, last = encoded(image), 0
    pixels = image.reshape(shape[0] * shape[1], -1)
    for stop in range(0, len(stream), 1 + len(stream) // 97):
        out = np.full_like(pixels, 77)
        whole, left = _native.decode_rle(stream[:stop], out, 2, pixels.shape[1], True)
        assert left == 0
        assert last <= whole <= len(pixels)
        assert np.array_equal(out[:whole], pixels[:whole])
        assert not out[whole:].any()
        last = whole
    assert last > len(pixels) * 0.8
    with pytest.raises(DecodeError, match="number of RLE segments"):
        _native.decode_rle(encoded(image[:3]), np.zeros((3, 3), "<u4"), 4, 1, True)


def test_bits():
    """Packed as they are uncompressed; the bits that fill the last byte are nothing."""
    bits = np.random.default_rng(4).integers(0, 2, (3, 7)).astype("u1")
    packed = np.packbits(bits, bitorder="little")
    out = bytearray(21)
    info = FrameInfo(3, 7, 1, 1, 1, 0, 0, "MONOCHROME2")
    rle.decode(memoryview(encoded(packed[None])), info, memoryview(out))
    assert np.array_equal(np.frombuffer(out, "u1").reshape(3, 7), bits)
    with pytest.raises(DecodeError):
        rle.decode(memoryview(encoded(packed[None, :-1])), info, memoryview(out))
    for allocated in (1, 12):  # colour in bits, and bits across bytes
        with pytest.raises(UnsupportedError, match=f"{allocated} bits"):
            rle.decode(memoryview(bytes(64)), FrameInfo(2, 3, 3, allocated, 1, 0, 0, "RGB"), memoryview(bytearray(36)))


@pytest.mark.parametrize(("dtype", "shape"), (("u1", (40, 9)), ("<u2", (40, 9)), ("<u2", (40, 9, 3)), ("<u4", (200, 131))), ids=str)
@pytest.mark.parametrize(("rows", "columns"), ((20, 9), (39, 9), (40, 4), (39, 8)))
def test_more_than_the_header_says(dtype, shape, rows, columns):
    """A row more in every plane is another image: with too few Columns it would be sheared."""
    rows, columns = rows * shape[0] // 40, columns * shape[1] // 9
    image = np.random.default_rng(3).integers(0, 4, shape).astype(dtype) * np.array(40, dtype)
    samples = 3 if len(shape) > 2 else 1
    bits = 8 * image.itemsize
    info = FrameInfo(rows, columns, samples, bits, bits, bits - 1, 0, "RGB" if samples == 3 else "MONOCHROME2")
    out = bytearray(info.frame_size)
    with pytest.raises(DecodeError, match=f"hold {shape[0] * shape[1]} pixels, Rows x Columns"):
        rle.decode(memoryview(encoded(image)), info, memoryview(out))


@pytest.mark.parametrize("tail", (b"\0", b"\0" * 300, b"\x80" * 20, b"\5\1\2\3\4\5\6", b"\xfb\0"), ids=repr)
def test_padding_is_no_image(tail):
    image = np.arange(21, dtype="u1").reshape(3, 7)
    stream = frame([packed(image.tobytes()) + tail])
    out = bytearray(21)
    rle.decode(memoryview(stream), FrameInfo(3, 7, 1, 8, 8, 7, 0, "MONOCHROME2"), memoryview(out))
    assert bytes(out) == image.tobytes()


def test_one_plane_that_is_too_long_is_no_other_image():
    image = np.arange(400, dtype="<u2").reshape(20, 20)
    high, low = (packed(plane.tobytes()) for plane in ((image >> 8).astype("u1"), image.astype("u1")))
    out = bytearray(800)
    for planes in ([high + packed(bytes(range(200))), low], [high, low + packed(bytes(range(200)))]):
        rle.decode(memoryview(frame(planes)), FrameInfo(20, 20, 1, 16, 16, 15, 0, "MONOCHROME2"), memoryview(out))
        assert bytes(out) == image.tobytes()
