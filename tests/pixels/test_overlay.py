"""Overlays, in groups 60xx and in the bits of pixels."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import corpus
import fastdicom
from builders import BIG, EXPLICIT_BIG, element, encapsulated, image, part10
from fastdicom import DecodeError, DicomWarning, MissingElementError, UnsupportedError
from fastdicom.pixels import overlay_groups
from lut_builder import opened, overlay, theirs
from rle_builder import encoded as rle

imagecodecs = pytest.importorskip("imagecodecs")
RLE = "1.2.840.10008.1.2.5"

GRAY = np.full((5, 7), 100, np.uint8)


def packed(bits: np.ndarray) -> bytes:
    data = np.packbits(bits.ravel(), bitorder="little").tobytes()
    return data + b"\0" * (len(data) % 2)


def random_bits(*shape: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2, shape, np.uint8)


@given(frames=st.integers(1, 4), rows=st.integers(1, 9), columns=st.integers(1, 9), group=st.sampled_from((0x6000, 0x6002, 0x601E)))
@settings(deadline=None, max_examples=30)
def test_like_pydicom(frames, rows, columns, group):
    bits = random_bits(frames, rows, columns)
    more = element(group << 16 | 0x100, "US", 1) + element(group << 16 | 0x102, "US", 0)
    ds = opened(GRAY, overlay(group, rows, columns, packed(bits), more, frames=frames))
    assert np.array_equal(ds.overlay_array(group), bits if frames > 1 else bits[0])
    assert np.array_equal(ds.overlay_array(group), theirs(ds).overlay_array(group))
    assert ds.overlay_array(group).dtype == np.uint8
    assert overlay_groups(ds) == [group]


def test_big_endian_words():
    """PS3.5 8.1.2: the bits of OW are in words."""
    bits = random_bits(5, 7)
    data = np.frombuffer(packed(bits), "<u2").byteswap().tobytes()
    head = element(0x60000010, "US", 5, BIG) + element(0x60000011, "US", 7, BIG)
    for vr, stored in (("OW", data), ("OB", packed(bits))):
        whole = image(None, 5, 7, allocated=8, encoding=BIG) + head + element(0x60003000, vr, stored, BIG)
        ds = fastdicom.dcmread(part10(whole + element(0x7FE00010, "OB", bytes(36), BIG), EXPLICIT_BIG))
        assert np.array_equal(ds.overlay_array(0x6000), bits)


@pytest.mark.parametrize("position", (12, 15, 0, 3))
def test_in_the_bits_of_pixels(position):
    """Retired: an unused bit of every sample; those below where High Bit is above."""
    cells = np.random.default_rng(2).integers(0, 65536, (2, 5, 7), np.uint16)
    high = 15 if position < 4 else 11
    more = element(0x60000100, "US", 16) + element(0x60000102, "US", position)
    ds = opened(cells, overlay(0x6000, 5, 7, None, more), stored=12, high=high)
    assert np.array_equal(ds.overlay_array(0x6000), cells >> position & 1)
    assert np.array_equal(ds.pixel_array, cells >> 4 if high == 15 else cells & 0xFFF)
    assert overlay_groups(ds) == [0x6000]
    shown = ds.to_image(frame=1)
    assert (shown[(cells[1] >> position & 1) == 1] == 255).all()


def test_in_bits_that_are_pixels():
    for position in (0, 11, 16):
        more = element(0x60000100, "US", 16) + element(0x60000102, "US", position)
        ds = opened(GRAY.astype("<u2"), overlay(0x6000, 5, 7, None, more), stored=12)
        with pytest.raises(DecodeError, match="no unused bit"):
            ds.overlay_array(0x6000)
    more = element(0x60000100, "US", 16) + element(0x60000102, "US", 12)
    with pytest.raises(DecodeError, match="4 x 7"):
        opened(GRAY.astype("<u2"), overlay(0x6000, 4, 7, None, more), stored=12).overlay_array(0x6000)


def by_rle(cells: np.ndarray) -> bytes:
    return rle(cells)


def by_jpeg(cells: np.ndarray) -> bytes:
    return imagecodecs.jpeg8_encode(cells, lossless=True, bitspersample=16)


def by_jpeg_ls(cells: np.ndarray) -> bytes:
    return imagecodecs.jpegls_encode(cells)


def by_jpeg_2000(cells: np.ndarray) -> bytes:
    return imagecodecs.jpeg2k_encode(cells, level=0, reversible=True)


def by_htj2k(cells: np.ndarray) -> bytes:
    return imagecodecs.htj2k_encode(cells, reversible=True)


def by_jpeg_xl(cells: np.ndarray) -> bytes:
    return imagecodecs.jpegxl_encode(cells, lossless=True)


def by_deflate(cells: np.ndarray) -> bytes:
    return imagecodecs.deflate_encode(cells.tobytes(), raw=True)


WHOLE = {
    "5": by_rle,
    "4.70": by_jpeg,
    "4.57": by_jpeg,
    "4.80": by_jpeg_ls,
    "4.90": by_jpeg_2000,
    "4.201": by_htj2k,
    "4.110": by_jpeg_xl,
    "8.1": by_deflate,
    "1.98": np.ndarray.tobytes,
}


@pytest.mark.parametrize(("syntax", "encode"), WHOLE.items())
@pytest.mark.parametrize("frames", (1, 3))
def test_in_the_bits_of_compressed_pixels(encode, syntax, frames):
    """As of the same cells uncompressed, where the codec kept all of them."""
    bits = random_bits(frames, 5, 7)
    cells = np.arange(frames * 35).reshape(frames, 5, 7).astype("<u2") | bits.astype("<u2") << 13
    more = element(0x60000100, "US", 16) + element(0x60000102, "US", 13)
    head = image(None, 5, 7, stored=12, frames=frames) + overlay(0x6000, 5, 7, None, more)
    plain = fastdicom.dcmread(part10(head + element(0x7FE00010, "OW", cells.tobytes())))
    ds = fastdicom.dcmread(part10(head + encapsulated([bytes(encode(frame)) for frame in cells]), f"1.2.840.10008.1.2.{syntax}"))
    assert np.array_equal(ds.overlay_array(0x6000), bits if frames > 1 else bits[0])
    assert np.array_equal(ds.overlay_array(0x6000), plain.overlay_array(0x6000))
    assert np.array_equal(ds.pixel_array, plain.pixel_array)


@pytest.mark.parametrize(("syntax", "encode"), WHOLE.items())
@pytest.mark.parametrize("sign", (0, 1))
def test_compressed_cells_whose_samples_are_above(syntax, encode, sign):
    """High Bit 15 of 12 bits, with something below them, is the same as of uncompressed cells (PS3.5 8.1.1)."""
    cells = np.random.default_rng(5).integers(0, 65536, (5, 7)).astype("<u2")
    head = image(None, 5, 7, stored=12, high=15, signed=bool(sign))
    plain = fastdicom.dcmread(part10(head + element(0x7FE00010, "OW", cells.tobytes()))).pixel_array
    ds = fastdicom.dcmread(part10(head + encapsulated([bytes(encode(cells))]), f"1.2.840.10008.1.2.{syntax}"))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "pixel data: Pixel Representation says signed", DicomWarning)
        assert np.array_equal(ds.pixel_array, plain)
    assert np.array_equal(plain, cells.astype("<i2") >> 4 if sign else cells >> 4)


def test_bits_above_that_nobody_claims():
    """A precision above Bits Stored is what counts (PS3.5 8.2.3, 8.2.4): the bits are in the samples, and that is said."""
    cells = np.full((5, 7), 0x2005, "<u2")
    for syntax in ("4.80", "4.90", "4.201", "4.110"):
        data = image(None, 5, 7, stored=12) + encapsulated([bytes(WHOLE[syntax](cells))])
        with pytest.warns(DicomWarning, match="bits above Bits Stored, which is 12, in a lossless stream"):
            assert np.array_equal(fastdicom.dcmread(part10(data, f"1.2.840.10008.1.2.{syntax}")).pixel_array, cells)
        data = image(None, 5, 7, stored=12) + encapsulated([bytes(WHOLE[syntax](cells & 0xFFF))])
        assert np.array_equal(fastdicom.dcmread(part10(data, f"1.2.840.10008.1.2.{syntax}")).pixel_array, cells & 0xFFF)


@pytest.mark.parametrize(
    ("stream", "syntax"),
    (
        (lambda cells: imagecodecs.jpeg8_encode(cells & 0xFFF, lossless=True, bitspersample=12), "4.70"),
        (lambda cells: imagecodecs.jpegls_encode(cells, level=2), "4.81"),
        (lambda cells: imagecodecs.jpeg2k_encode(cells, level=0, reversible=True), "4.91"),
        (lambda cells: imagecodecs.jpegxl_encode(cells, lossless=True), "4.112"),
    ),
)
def test_bits_that_were_not_kept(stream, syntax):
    more = element(0x60000100, "US", 16) + element(0x60000102, "US", 12)
    cells = np.full((5, 7), 0x1001, "<u2")
    data = image(None, 5, 7, stored=12) + overlay(0x6000, 5, 7, None, more) + encapsulated([bytes(stream(cells))])
    with pytest.raises(UnsupportedError, match="bit 12 of the samples, which holds an overlay, was not kept"):
        fastdicom.dcmread(part10(data, f"1.2.840.10008.1.2.{syntax}")).overlay_array(0x6000)
    broken = fastdicom.dcmread(part10(image(None, 5, 7, stored=12) + overlay(0x6000, 5, 7, None, more) + encapsulated([b"xx"]), RLE))
    with pytest.raises(DecodeError):
        broken.overlay_array(0x6000)


def test_what_is_missing_or_wrong():
    bits = packed(random_bits(5, 7))
    ds = opened(GRAY, overlay(0x6000, 5, 7, bits))
    with pytest.raises(MissingElementError, match="6002,0010"):
        ds.overlay_array(0x6002)
    for group in (0x6001, 0x5FFE, 0x6100):
        with pytest.raises(ValueError, match="group"):
            ds.overlay_array(group)
    with pytest.raises(DecodeError, match="has 6 bytes: 1000000 frame"):
        opened(GRAY, overlay(0x6000, 5, 7, bits, frames=1000000)).overlay_array(0x6000)
    with pytest.raises(DecodeError, match="Overlay Rows is '0'"):
        opened(GRAY, overlay(0x6000, 0, 7, bits)).overlay_array(0x6000)
    with pytest.raises(DecodeError, match=r"65535 x 65535 bits need 536854529"):
        opened(GRAY, overlay(0x6000, 65535, 65535, bits)).overlay_array(0x6000)
    with pytest.raises(MissingElementError, match="Overlay Data is absent"):
        opened(GRAY, overlay(0x6000, 5, 7, None, element(0x60000100, "US", 1))).overlay_array(0x6000)
    with pytest.warns(DicomWarning, match="the rest was ignored"):
        opened(GRAY, overlay(0x6000, 5, 7, bits + bytes(4))).overlay_array(0x6000)


# In pictures


@pytest.mark.parametrize("origin", ((1, 1), (3, 2), (-1, -2), (5, 7), (6, 8), (-40, 1), (30000, -30000)))
def test_origin(origin):
    """(1, 1) is the first pixel; what is outside of the image is cut (PS3.3 C.9.2.1.1)."""
    bits = random_bits(4, 6)
    more = element(0x60000050, "SS", np.array(origin, "<i2").tobytes())
    ds = opened(GRAY, overlay(0x6000, 4, 6, packed(bits), more))
    plain = ds.to_image(overlays=False)
    expected = plain.copy()
    for (row, column), bit in np.ndenumerate(bits):
        at = row + origin[0] - 1, column + origin[1] - 1
        if bit and 0 <= at[0] < 5 and 0 <= at[1] < 7:
            expected[at] = 255
    assert np.array_equal(ds.to_image(), expected)
    assert not plain.any()


def test_frames():
    """C.9.3: an overlay of several frames begins at Image Frame Origin; a single one is for all, unless it names a frame."""
    pixels = np.zeros((4, 5, 7), np.uint8)
    bits = random_bits(2, 5, 7)
    ds = opened(pixels, overlay(0x6000, 5, 7, packed(bits), element(0x60000051, "US", 2), frames=2))
    assert [ds.to_image(frame=i).any() for i in range(4)] == [False, True, True, False]
    assert np.array_equal(ds.to_image(frame=2), bits[1] * 255)
    ds = opened(pixels, overlay(0x6000, 5, 7, packed(bits[0])))
    assert all(np.array_equal(ds.to_image(frame=i), bits[0] * 255) for i in range(4))
    ds = opened(pixels, overlay(0x6000, 5, 7, packed(bits[0]), element(0x60000051, "US", 3)))
    assert [ds.to_image(frame=i).any() for i in range(4)] == [False, False, True, False]


def test_several_groups_and_colour():
    pixels = np.zeros((5, 7, 3), np.uint8)
    one, two = random_bits(5, 7), random_bits(5, 7, seed=9)
    ds = opened(pixels, overlay(0x6000, 5, 7, packed(one)), overlay(0x6002, 5, 7, packed(two)), samples=3, photometric="RGB")
    assert np.array_equal(ds.to_image(), np.repeat(((one | two) * 255)[..., None], 3, -1))


def test_damaged_ones_are_left_out():
    ds = opened(GRAY, overlay(0x6000, 5, 7, b"\xff\xff"), overlay(0x6002, 5, 7, packed(np.ones((5, 7), np.uint8))))
    with pytest.warns(DicomWarning, match="group 6000 is not shown"):
        assert (ds.to_image() == 255).all()


@corpus.needed
@pytest.mark.parametrize("name", ("pydicom-data/data/MR-SIEMENS-DICOM-WithOverlays.dcm", "pydicom/test_files/examples_overlay.dcm"))
@pytest.mark.filterwarnings("ignore")
def test_corpus_like_pydicom(name):
    ds = fastdicom.dcmread(corpus.folder() / name)
    for group in overlay_groups(ds):
        assert np.array_equal(ds.overlay_array(group), theirs(ds).overlay_array(group))
