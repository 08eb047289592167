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


def test_bits_are_no_bytes():
    with pytest.raises(UnsupportedError, match="1 bits"):
        rle.decode(memoryview(bytes(64)), FrameInfo(2, 3, 1, 1, 1, 0, 0, "MONOCHROME2"), memoryview(bytearray(6)))
