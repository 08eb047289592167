"""Where the bits of uncompressed samples are, and the rarer colour spaces, kernel by kernel and in files."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastdicom
import rle_builder
from builders import BIG, EXPLICIT, EXPLICIT_BIG, EXPLICIT_LITTLE, element, encapsulated, image, part10
from fastdicom import DecodeError, DicomWarning, UnsupportedError
from fastdicom.codecs import _native


def opened(data: bytes, syntax: str = EXPLICIT_LITTLE):
    return fastdicom.dcmread(part10(data, syntax))


def noise(dtype, *shape, seed: int = 1) -> np.ndarray:
    info = np.iinfo(dtype)
    return np.random.default_rng(seed).integers(info.min, info.max, shape, dtype, endpoint=True)


# High Bit (PS3.5 8.1.1 of earlier editions)


@pytest.mark.parametrize("big", (False, True))
@pytest.mark.parametrize("signed", (False, True))
@pytest.mark.parametrize(("allocated", "stored", "high"), ((16, 12, 15), (16, 10, 11), (8, 5, 6), (32, 20, 30), (16, 1, 15)))
def test_high_bit_above_the_stored_ones(allocated, stored, high, signed, big):
    """The sample is the `stored` bits from High Bit down, whatever stands above and below."""
    cells = noise(f"u{allocated // 8}", 3, 4, 6)
    below = high + 1 - stored
    expected = (cells.astype(np.int64) >> below) & ((1 << stored) - 1)
    if signed:
        expected -= (expected >> (stored - 1)) << stored
    word = cells.astype(cells.dtype.newbyteorder(">" if big else "<"))
    data = image(
        word.tobytes(),
        4,
        6,
        frames=3,
        allocated=allocated,
        stored=stored,
        high=high,
        signed=signed,
        vr="OW",
        encoding=BIG if big else EXPLICIT,
    )
    if big and allocated == 8:
        data = image(cells.tobytes(), 4, 6, frames=3, allocated=8, stored=stored, high=high, signed=signed, vr="OB", encoding=BIG)
    ds = opened(data, EXPLICIT_BIG if big else EXPLICIT_LITTLE)
    assert np.array_equal(ds.pixel_array, expected)
    assert ds.pixel_array.dtype.kind == ("i" if signed else "u")
    assert np.array_equal(ds.frames[1], expected[1])
    assert np.array_equal(ds.decode(frames=[2, 0]), expected[[2, 0]])


def test_high_bit_of_one_plain_frame():
    """The short way of pixel_array does not miss it."""
    cells = noise("u2", 4, 6)
    ds = opened(image(cells.tobytes(), 4, 6, stored=12, high=15))
    assert np.array_equal(ds.pixel_array, cells >> 4)


@pytest.mark.parametrize("high", (16, 20, 65535, 10, 0))
def test_high_bit_that_cannot_be(high):
    cells = noise("u2", 4, 6)
    ds = opened(image(cells.tobytes(), 4, 6, stored=12, high=high))
    with pytest.warns(DicomWarning, match="HighBit.*11 was assumed"):
        array = ds.pixel_array
    assert np.array_equal(array, cells & 0xFFF)


@pytest.mark.parametrize("signed", (False, True))
def test_high_bit_of_rle(signed):
    """Cells are compressed whole (PS3.5 G.2), so what is below the sample comes out too."""
    cells = noise("<u2", 4, 6)
    data = image(None, 4, 6, stored=12, high=15, signed=signed) + encapsulated([rle_builder.encoded(cells)])
    ds = opened(data, "1.2.840.10008.1.2.5")
    assert np.array_equal(ds.pixel_array, cells.view("<i2") >> 4 if signed else cells >> 4)


def test_whole_cells_are_left():
    """What reads overlays out of pixels gets all their bits."""
    from fastdicom.pixels.describe import describe
    from fastdicom.pixels.stored import Native

    cells = noise("u2", 2, 4, 6)
    ds = opened(image(cells.tobytes(), 4, 6, frames=2, stored=10, high=11))
    target = bytearray(4 * 6 * 2)
    Native(ds, describe(ds)).cells(1, memoryview(target))
    assert bytes(target) == cells[1].tobytes()


@pytest.mark.parametrize("itemsize", (1, 2, 4, 8))
@given(seed=st.integers(0, 99), count=st.integers(0, 70), data=st.data())
@settings(deadline=None, max_examples=30)
def test_bit_kernels(itemsize, seed, count, data):
    number = data.draw(st.integers(0, 8 * itemsize - 1))
    cells = noise(f"u{itemsize}", count, seed=seed)
    out = np.full(count + 1, 7, np.uint8)
    _native.bit(cells, out[:count], itemsize, number)
    assert np.array_equal(out[:count], cells >> np.array(number, cells.dtype) & 1)
    assert out[count] == 7
    moved = cells.copy()
    _native.shift(moved, itemsize, number)
    assert np.array_equal(moved, cells >> np.array(number, cells.dtype))


def test_bit_kernels_refuse():
    for itemsize, number in ((2, 16), (3, 0), (0, 0)):
        with pytest.raises(ValueError, match="bytes"):
            _native.bit(bytes(12), bytearray(6), itemsize, number)
        with pytest.raises(ValueError, match="bytes"):
            _native.shift(bytearray(12), itemsize, number)
    for size in (5, 7):
        with pytest.raises(ValueError, match="bytes"):
            _native.bit(bytes(12), bytearray(size), 2, 0)


# Colour (PS3.3 C.7.6.3.1.2)


def all_triples() -> np.ndarray:
    grid = np.arange(256, dtype=np.uint8)
    return np.stack(np.meshgrid(grid, grid, grid, indexing="ij"), axis=-1).reshape(-1, 3)


@pytest.mark.slow
def test_rgb_to_ybr_is_exact():
    """All 2^24 triples, against the formula in whole numbers."""
    triples = all_triples()
    out = np.empty_like(triples)
    _native.rgb_to_ybr(triples, out)
    r, g, b = (triples[:, i].astype(np.int64) for i in range(3))
    assert np.array_equal(out[:, 0], (299 * r + 587 * g + 114 * b + 500) // 1000)
    assert np.array_equal(out[:, 1], np.clip(128 + (-299 * r - 587 * g + 886 * b + 886) // 1772, 0, 255))
    assert np.array_equal(out[:, 2], np.clip(128 + (701 * r - 587 * g - 114 * b + 701) // 1402, 0, 255))


def test_partial_to_rgb_is_exact():
    """All 2^24 triples; the whole numbers are those of ITU-R BT.601 over the common denominator."""
    triples = all_triples()
    out = np.empty_like(triples)
    _native.partial_to_rgb(triples, out)
    y, cb, cr = (triples[:, i].astype(np.int64) - (16 if i == 0 else 128) for i in range(3))
    scale = 219 * 224 * 587 * 1000
    luminance = 255 * 224 * 587 * 1000 * y
    for channel, chrominance in enumerate(
        (
            255 * 219 * 587 * 1402 * cr,
            -255 * 219 * 114 * 1772 * cb - 255 * 219 * 299 * 1402 * cr,
            255 * 219 * 587 * 1772 * cb,
        )
    ):
        expected = (2 * (luminance + chrominance) + scale) // (2 * scale)
        assert np.array_equal(out[:, channel], np.clip(expected, 0, 255))


def test_black_white_and_grey_of_partial():
    out = np.empty((3, 3), np.uint8)
    _native.partial_to_rgb(np.array([[16, 128, 128], [235, 128, 128], [126, 128, 128]], np.uint8), out)
    assert out.tolist() == [[0] * 3, [255] * 3, [128] * 3]


@pytest.mark.parametrize("frames", (1, 3))
def test_ybr_partial_422(frames):
    """Retired: Y1 Y2 Cb Cr as YBR_FULL_422, in the ranges of video."""
    pairs = noise("u1", frames, 4 * 6 // 2, 4)
    full = pairs[..., [0, 2, 3, 1, 2, 3]].reshape(frames, 4, 6, 3)
    expected = np.empty_like(full)
    _native.partial_to_rgb(full, expected)
    ds = opened(image(pairs.tobytes(), 4, 6, frames=frames, samples=3, photometric="YBR_PARTIAL_422", planar=0, allocated=8))
    assert np.array_equal(ds.decode(raw=True, frames=[0]), full[:1])
    assert np.array_equal(ds.pixel_array, expected if frames > 1 else expected[0])
    assert np.array_equal(ds.frames[-1], expected[-1])


def test_ybr_partial_422_written_whole_is_an_error():
    ds = opened(image(bytes(4 * 6 * 3), 4, 6, samples=3, photometric="YBR_PARTIAL_422", planar=0, allocated=8))
    with pytest.raises(DecodeError, match="not subsampled"):
        ds.pixel_array


def test_ybr_partial_420_has_no_uncompressed_form():
    ds = opened(image(bytes(4 * 6 * 3), 4, 6, samples=3, photometric="YBR_PARTIAL_420", planar=0, allocated=8))
    with pytest.raises(UnsupportedError, match="YBR_PARTIAL_420"):
        ds.pixel_array


@pytest.mark.parametrize("photometric", ("YBR_ICT", "YBR_RCT"))
def test_transformations_of_jpeg_2000_in_uncompressed_pixels(photometric):
    """Whoever decompressed them forgot to say RGB: as pydicom, but with a warning."""
    pixels = noise("u1", 4, 6, 3)
    ds = opened(image(pixels.tobytes(), 4, 6, samples=3, photometric=photometric, planar=0, allocated=8))
    with pytest.warns(DicomWarning, match="taken for RGB"):
        array = ds.pixel_array
    assert np.array_equal(array, pixels)


@pytest.mark.parametrize("frames", (1, 3))
@pytest.mark.parametrize("planar", (0, 1))
@pytest.mark.parametrize("allocated", (1, 12))
def test_three_packed_samples(allocated, planar, frames):
    """Colour of one bit, or of twelve, a sample: packed in the order that the samples have (PS3.5 8.1.1; PS3.3 C.7.6.3.1.3)."""
    shape = (frames, 5, 6, 3)
    pixels = np.random.default_rng(planar).integers(0, 1 << allocated, shape).astype("<u2")
    stored = pixels.transpose(0, 3, 1, 2) if planar else pixels
    bits = (stored.reshape(-1, 1) >> np.arange(allocated) & 1).astype(np.uint8).ravel()
    packed = np.packbits(bits, bitorder="little").tobytes()
    head = image(None, 5, 6, samples=3, photometric="RGB", planar=planar, allocated=allocated, stored=allocated, frames=frames)
    ds = fastdicom.dcmread(part10(head + element(0x7FE00010, "OW", packed + b"\0" * (len(packed) % 2))))
    assert np.array_equal(ds.pixel_array, pixels if frames > 1 else pixels[0])
    assert np.array_equal(ds.frames[-1], pixels[-1])
    per_frame = [np.packbits(each, bitorder="little").tobytes() for each in bits.reshape(frames, -1)]
    encapsulated_one = fastdicom.dcmread(part10(head + encapsulated(per_frame), "1.2.840.10008.1.2.1.98"))
    assert np.array_equal(encapsulated_one.pixel_array, ds.pixel_array)


def test_chrominance_of_one_bit_has_no_formula():
    head = image(None, 4, 4, samples=3, photometric="YBR_FULL", planar=0, allocated=1, stored=1)
    ds = fastdicom.dcmread(part10(head + element(0x7FE00010, "OW", bytes(6))))
    with pytest.raises(fastdicom.UnsupportedError, match="of 1 bits cannot become RGB"):
        ds.pixel_array
    assert ds.decode(raw=True).shape == (4, 4, 3)
