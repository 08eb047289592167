"""Uncompressed pixels: what every layout of PS3.5 8.1 becomes, and what a header that lies is told."""

from __future__ import annotations

import os
import struct
import tempfile
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastdicom
from builders import (
    BIG,
    EXPLICIT,
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT,
    IMPLICIT_LITTLE,
    deflated_part10,
    element,
    encapsulated,
    image,
    part10,
    pixel_data,
)
from fastdicom import DecodeError, DicomWarning, LimitError, MissingElementError, TruncatedError, UnsupportedError
from fastdicom.codecs import _native

GE_DLX = "1.2.840.113619.5.2"


def opened(data: bytes, syntax: str = EXPLICIT_LITTLE, **options):
    return fastdicom.dcmread(part10(data, syntax), **options)


def gray(pixels: np.ndarray, **fields):
    """A data set with these pixels as they are in memory."""
    *frames, rows, columns = pixels.shape
    fields.setdefault("allocated", 8 * pixels.itemsize)
    return opened(image(pixels.tobytes(), rows, columns, frames=frames[0] if frames else None, signed=pixels.dtype.kind == "i", **fields))


def ramp(dtype, *shape):
    return (np.arange(np.prod(shape)) * 7919).astype(dtype).reshape(shape)


@pytest.mark.parametrize("dtype", ("u1", "i1", "<u2", "<i2", "<u4", "<i4", "<u8", "<i8"))
@pytest.mark.parametrize("shape", ((3, 5), (4, 6), (1, 1), (2, 3, 5)))
def test_integers_are_views(dtype, shape):
    pixels = ramp(dtype, *shape)
    array = gray(pixels).pixel_array
    assert array.dtype == pixels.dtype
    assert array.shape == pixels.shape
    assert np.array_equal(array, pixels)
    assert not array.flags.writeable
    assert not array.flags.owndata


@pytest.mark.parametrize(("tag", "vr", "dtype"), ((0x7FE00008, "OF", "<f4"), (0x7FE00009, "OD", "<f8")))
@pytest.mark.parametrize("big", (False, True))
def test_float_pixels(tag, vr, dtype, big):
    pixels = np.array([[1.5, -0.25, np.inf], [np.nan, 1e-30, 3e8]], dtype)
    encoding = BIG if big else EXPLICIT
    data = image(None, 2, 3, allocated=8 * pixels.itemsize, encoding=encoding) + element(
        tag, vr, pixels.astype(pixels.dtype.newbyteorder(">" if big else "<")).tobytes(), encoding
    )
    array = opened(data, EXPLICIT_BIG if big else EXPLICIT_LITTLE).pixel_array
    assert array.dtype == pixels.dtype
    assert np.array_equal(array, pixels, equal_nan=True)


@pytest.mark.parametrize("itemsize", (2, 4, 8))
@pytest.mark.parametrize("vr", ("OW", "OB"))  # writers say OB for words too; pydicom swaps them all the same
@pytest.mark.parametrize("frames", (1, 3))
def test_big_endian_words(itemsize, vr, frames):
    pixels = ramp(f">i{itemsize}", frames, 3, 5)
    data = image(pixels.tobytes(), 3, 5, frames=frames, allocated=8 * itemsize, signed=True, encoding=BIG, vr=vr)
    ds = opened(data, EXPLICIT_BIG)
    assert ds.pixel_array.dtype == np.dtype(f"<i{itemsize}")
    assert np.array_equal(ds.pixel_array, pixels if frames > 1 else pixels[0])
    assert np.array_equal(ds.frames[frames - 1], pixels[-1])


@pytest.mark.parametrize(("vr", "swapped"), (("OB", False), ("OW", True)))
@pytest.mark.parametrize("planar", (0, 1))
def test_big_endian_bytes(vr, swapped, planar):
    """PS3.5 8.1.2: two 8-bit samples in a word of OW change places, and frames of odd size begin inside a word."""
    pixels = ramp("u1", 3, 3, 3, 3)
    stored = pixels.transpose(0, 3, 1, 2).tobytes() if planar else pixels.tobytes()
    stored += b"\0" * (len(stored) % 2)
    if swapped:
        stored = np.frombuffer(stored, "<u2").byteswap().tobytes()
    data = image(stored, 3, 3, frames=3, samples=3, photometric="RGB", planar=planar, allocated=8, encoding=BIG, vr=vr)
    ds = opened(data, EXPLICIT_BIG)
    assert np.array_equal(ds.pixel_array, pixels)
    for i in range(3):
        assert np.array_equal(ds.frames[i], pixels[i])


@pytest.mark.parametrize("big", (False, True))
@given(frames=st.integers(1, 5), rows=st.integers(1, 9), columns=st.integers(1, 9), seed=st.integers(0, 999))
@settings(deadline=None, max_examples=40)
def test_packed_bits(big, frames, rows, columns, seed):
    """Frames of 1-bit pixels follow each other without padding (PS3.5 8.1.1)."""
    pixels = np.random.default_rng(seed).integers(0, 2, (frames, rows, columns), np.uint8)
    stored = np.packbits(pixels.ravel(), bitorder="little").tobytes()
    stored += b"\0" * (len(stored) % 2)
    if big:  # words
        stored = np.frombuffer(stored, "<u2").byteswap().tobytes()
    data = image(stored, rows, columns, frames=frames, allocated=1, encoding=BIG if big else EXPLICIT, vr="OW")
    ds = opened(data, EXPLICIT_BIG if big else EXPLICIT_LITTLE)
    assert ds.pixel_array.dtype == np.uint8
    assert np.array_equal(ds.pixel_array, pixels if frames > 1 else pixels[0])
    for i in range(frames):
        assert np.array_equal(ds.frames[i], pixels[i])
    assert np.array_equal(ds.decode(frames=[frames - 1, 0]), pixels[[frames - 1, 0]])


@pytest.mark.parametrize("big", (False, True))
@given(frames=st.integers(1, 4), rows=st.integers(1, 5), columns=st.integers(1, 5), seed=st.integers(0, 999), signed=st.booleans())
@settings(deadline=None, max_examples=40)
def test_twelve_bits_packed(big, frames, rows, columns, seed, signed):
    pixels = np.random.default_rng(seed).integers(0, 4096, (frames, rows, columns))
    packed = sum(int(value) << 12 * i for i, value in enumerate(pixels.ravel())).to_bytes((12 * pixels.size + 7) // 8, "little")
    packed += b"\0" * (len(packed) % 2)
    if big:
        packed = np.frombuffer(packed, "<u2").byteswap().tobytes()
    data = image(packed, rows, columns, frames=frames, allocated=12, signed=signed, encoding=BIG if big else EXPLICIT, vr="OW")
    ds = opened(data, EXPLICIT_BIG if big else EXPLICIT_LITTLE)
    expected = np.where(pixels >= 2048, pixels - 4096, pixels) if signed else pixels
    assert ds.pixel_array.dtype == np.dtype("<i2" if signed else "<u2")
    assert np.array_equal(ds.pixel_array, expected if frames > 1 else expected[0])
    for i in range(frames):
        assert np.array_equal(ds.frames[i], expected[i])


@pytest.mark.parametrize("dtype", ("u1", "<u2", ">u2", "<i4"))
@pytest.mark.parametrize("planar", (0, 1))
@pytest.mark.parametrize("frames", (1, 2))
def test_colour_planes(dtype, planar, frames):
    pixels = ramp(dtype, frames, 5, 7, 3)
    big = dtype.startswith(">")
    stored = pixels.transpose(0, 3, 1, 2).tobytes() if planar else pixels.tobytes()
    data = image(
        stored,
        5,
        7,
        frames=frames,
        samples=3,
        photometric="RGB",
        planar=planar,
        allocated=8 * pixels.itemsize,
        signed=pixels.dtype.kind == "i",
        encoding=BIG if big else EXPLICIT,
    )
    ds = opened(data, EXPLICIT_BIG if big else EXPLICIT_LITTLE)
    expected = pixels if frames > 1 else pixels[0]
    assert ds.pixel_array.shape == expected.shape
    assert ds.pixel_array.flags.c_contiguous
    assert np.array_equal(ds.pixel_array, expected)
    assert np.array_equal(ds.decode(), expected)
    assert np.array_equal(ds.frames[frames - 1], pixels[-1])


def rgb_of(ybr):
    out = np.empty_like(ybr)
    _native.ybr_to_rgb(np.ascontiguousarray(ybr), out)
    return out


@pytest.mark.parametrize("planar", (0, 1))
def test_ybr_full(planar):
    pixels = ramp("u1", 2, 4, 5, 3)
    stored = pixels.transpose(0, 3, 1, 2).tobytes() if planar else pixels.tobytes()
    ds = opened(image(stored, 4, 5, frames=2, samples=3, photometric="YBR_FULL", planar=planar, allocated=8))
    assert np.array_equal(ds.pixel_array, rgb_of(pixels))
    assert np.array_equal(ds.frames[1], rgb_of(pixels[1]))
    assert np.array_equal(ds.decode(raw=True), pixels)
    assert not np.array_equal(pixels, rgb_of(pixels))


@pytest.mark.parametrize("frames", (1, 3))
def test_ybr_full_422(frames):
    """PS3.3 C.7.6.3.1.2: Y1 Y2 Cb Cr for two pixels."""
    pairs = ramp("u1", frames, 4 * 6 // 2, 4)
    full = pairs[..., [0, 2, 3, 1, 2, 3]].reshape(frames, 4, 6, 3)
    ds = opened(image(pairs.tobytes(), 4, 6, frames=frames, samples=3, photometric="YBR_FULL_422", planar=0, allocated=8))
    expected = full if frames > 1 else full[0]
    assert np.array_equal(ds.decode(raw=True), expected)
    assert np.array_equal(ds.pixel_array, rgb_of(expected))
    assert np.array_equal(ds.frames[-1], rgb_of(full[-1]))
    assert np.array_equal(ds.decode(np.empty_like(expected)), rgb_of(expected))
    lying = opened(image(pairs.tobytes(), 4, 6, frames=frames, samples=3, photometric="YBR_FULL_422", planar=1, allocated=8))
    assert np.array_equal(lying.pixel_array, rgb_of(expected))  # there are no planes of pairs: pydicom, too, ignores it


def test_ybr_of_words_is_left_to_the_caller():
    pixels = ramp("<u2", 2, 2, 3)
    ds = opened(image(pixels.tobytes(), 2, 2, samples=3, photometric="YBR_FULL", planar=0))
    with pytest.raises(UnsupportedError, match="raw=True"):
        ds.pixel_array
    assert np.array_equal(ds.decode(raw=True), pixels)


@pytest.mark.parametrize("signed", (False, True))
@pytest.mark.parametrize("big", (False, True))
@pytest.mark.parametrize("frames", (1, 2))
def test_unused_bits(signed, big, frames):
    """Bits above Bits Stored say nothing (PS3.5 8.1.1): overlays of old files, rubbish, a sign."""
    noise = np.random.default_rng(1).integers(0, 65536, (frames, 4, 5)).astype("<u2")
    expected = ((noise << 4).view("<i2" if signed else "<u2")) >> 4
    stored = noise.astype(">u2" if big else "<u2").tobytes()
    ds = opened(
        image(stored, 4, 5, frames=frames, stored=12, signed=signed, encoding=BIG if big else EXPLICIT),
        EXPLICIT_BIG if big else EXPLICIT_LITTLE,
    )
    assert ds.pixel_array.dtype == expected.dtype
    assert np.array_equal(ds.pixel_array, expected if frames > 1 else expected[0])
    assert np.array_equal(ds.frames[0], expected[0])


@pytest.mark.parametrize("signed", (False, True))
def test_clean_unused_bits_stay_a_view(signed):
    pixels = (np.arange(-30, 30) if signed else np.arange(60)).astype("<i2" if signed else "<u2").reshape(6, 10)
    array = gray(pixels, stored=12).pixel_array
    assert np.array_equal(array, pixels)
    assert not array.flags.writeable


def test_other_encodings():
    pixels = ramp("<u2", 3, 4)
    assert np.array_equal(opened(image(pixels.tobytes(), 3, 4, encoding=IMPLICIT), IMPLICIT_LITTLE).pixel_array, pixels)
    assert np.array_equal(fastdicom.dcmread(deflated_part10(image(pixels.tobytes(), 3, 4))).pixel_array, pixels)
    # GE's private syntax: an implicit little endian data set around big endian words
    swapped = opened(image(pixels.astype(">u2").tobytes(), 3, 4, encoding=IMPLICIT), GE_DLX)
    assert np.array_equal(swapped.pixel_array, pixels)


@pytest.mark.parametrize("mmap", (True, False))
def test_large_file(mmap):
    """A file longer than what is read at once: on the map, or read."""
    pixels = ramp("<u2", 5, 256, 256)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "a.dcm")
        with open(path, "wb") as file:
            file.write(part10(image(pixels.tobytes(), 256, 256, frames=5)))
        ds = fastdicom.dcmread(path, mmap=mmap)
        array, third = ds.pixel_array, ds.frames[3]
        del ds
        assert np.array_equal(array, pixels)
        assert np.array_equal(third, pixels[3])


def test_a_file_that_shrinks_is_an_error(tmp_path):
    path = tmp_path / "a.dcm"
    whole = part10(image(ramp("<u2", 512, 512).tobytes(), 512, 512, stored=12))
    path.write_bytes(whole)
    ds = fastdicom.dcmread(path)
    os.truncate(path, len(whole) // 2)
    with pytest.raises(TruncatedError):
        ds.pixel_array
    with pytest.raises(TruncatedError):
        ds.frames[0]


class TestFrames:
    pixels = ramp("<u2", 6, 3, 4)

    @pytest.fixture
    def ds(self):
        return gray(self.pixels)

    def test_sequence(self, ds):
        frames = ds.frames
        assert len(frames) == 6
        assert frames.shape == (6, 3, 4)
        assert np.array_equal(frames[2], self.pixels[2])
        assert np.array_equal(frames[-1], self.pixels[5])
        assert np.array_equal(frames[1:5:2], self.pixels[1:5:2])
        assert len(frames[1:5:2]) == 2
        assert np.array_equal(frames[::-1][0], self.pixels[5])
        assert np.array_equal(np.asarray(frames), self.pixels)
        assert np.array_equal(np.stack(list(frames)), self.pixels)
        assert [a.tolist() for a in reversed(frames)] == self.pixels[::-1].tolist()
        for wrong in (6, -7):
            with pytest.raises(IndexError, match="there are 6"):
                frames[wrong]
        with pytest.raises(TypeError):
            frames["0"]

    def test_encoded(self, ds):
        assert bytes(ds.frames.encoded(2)) == self.pixels[2].tobytes()
        assert ds.frames.encoded(0).readonly
        assert bytes(ds.frames[3:].encoded(0)) == self.pixels[3].tobytes()
        with pytest.raises(IndexError):
            ds.frames.encoded(6)

    def test_one_frame_has_no_axis(self):
        ds = gray(self.pixels[:1])
        assert ds.pixel_array.shape == (3, 4)
        assert len(ds.frames) == 1
        assert ds.decode().shape == (3, 4)
        assert ds.decode(frames=[0]).shape == (1, 3, 4)

    def test_decode_selection(self, ds):
        assert np.array_equal(ds.decode(frames=4), self.pixels[4])
        assert np.array_equal(ds.decode(frames=np.int64(4)), self.pixels[4])
        assert np.array_equal(ds.decode(frames=slice(1, 3)), self.pixels[1:3])
        assert np.array_equal(ds.decode(frames=[5, 0, 0]), self.pixels[[5, 0, 0]])
        assert np.array_equal(ds.decode(frames=range(2, 4)), self.pixels[2:4])
        assert ds.decode(frames=[]).shape == (0, 3, 4)
        with pytest.raises(IndexError):
            ds.decode(frames=[0, 6])

    @pytest.mark.parametrize("threads", (None, 1, 2, 7))
    def test_decode_into(self, ds, threads):
        out = np.zeros((6, 3, 4), "<u2")
        assert ds.decode(out=out, threads=threads) is out
        assert np.array_equal(out, self.pixels)
        one = np.zeros((3, 4), "<u2")
        ds.decode(out=one, frames=3)
        assert np.array_equal(one, self.pixels[3])

    @pytest.mark.parametrize("out", (np.zeros((6, 3, 4), "<i2"), np.zeros((6, 4, 3), "<u2"), np.zeros((6, 3, 8), "<u2")[:, :, ::2]))
    def test_out_that_does_not_fit(self, ds, out):
        with pytest.raises(ValueError, match="out"):
            ds.decode(out=out)

    def test_wrong_arguments(self, ds):
        with pytest.raises(TypeError, match=r"numpy\.ndarray"):
            ds.decode(out=bytearray(144))
        with pytest.raises(ValueError, match="threads"):
            ds.decode(threads=0)
        locked = np.zeros((6, 3, 4), "<u2")
        locked.flags.writeable = False
        with pytest.raises(ValueError, match="writable"):
            ds.decode(out=locked)
        with pytest.raises(UnsupportedError, match="no decoder called nobody"):
            ds.decode(decoder="nobody")

    def test_limit(self, ds):
        assert ds.decode(limit=144).nbytes == 144
        with pytest.raises(LimitError, match="144 bytes, the limit is 143"):
            ds.decode(limit=143)
        with pytest.raises(LimitError):
            ds.decode(frames=[0, 1], limit=47)


def test_threads_give_the_same():
    pixels = ramp("u1", 9, 64, 66, 3)
    ds = opened(image(pixels.transpose(0, 3, 1, 2).tobytes(), 64, 66, frames=9, samples=3, photometric="YBR_FULL", planar=1, allocated=8))
    for threads in (1, 2, 4, 20):
        assert np.array_equal(ds.decode(threads=threads), rgb_of(pixels))


def without(data: bytes, group: int, number: int) -> bytes:
    """The data set without one of its short elements: two 16-bit numbers, VR, 16-bit length."""
    at = data.index(struct.pack("<HH", group, number))
    return data[:at] + data[at + 8 + struct.unpack_from("<H", data, at + 6)[0] :]


REQUIRED = {
    0x0002: "SamplesPerPixel",
    0x0004: "PhotometricInterpretation",
    0x0010: "Rows",
    0x0011: "Columns",
    0x0100: "BitsAllocated",
    0x0101: "BitsStored",
    0x0103: "PixelRepresentation",
}


@pytest.mark.parametrize("number", REQUIRED)
def test_missing_element(number):
    whole = image(bytes(24), 3, 4)
    at = whole.index(struct.pack("<HH", 0x0028, number))
    rest = without(whole, 0x0028, number)
    for data in (rest, rest[:at] + element(0x00280000 | number, "US", b"") + rest[at:]):
        with pytest.raises(MissingElementError, match=rf"\(0028,{number:04X}\) {REQUIRED[number]} is"):
            opened(data).pixel_array


def test_no_pixels():
    with pytest.raises(MissingElementError, match="7FE0,0010"):
        opened(image(None, 3, 4)).pixel_array
    with pytest.raises(KeyError):
        opened(image(None, 3, 4)).frames
    with pytest.raises(MissingElementError, match="PlanarConfiguration"):
        opened(image(bytes(36), 3, 4, samples=3, photometric="RGB", allocated=8)).pixel_array
    with pytest.raises(DecodeError, match="more than one"):
        opened(image(None, 3, 4) + element(0x7FE00008, "OF", bytes(48)) + pixel_data(bytes(24))).pixel_array


HOSTILE = [
    ({"rows": 0}, DecodeError, "Rows is 0"),
    ({"columns": 0}, DecodeError, "Columns is 0"),
    ({"rows": 65535, "columns": 65535}, DecodeError, "need 8589672450"),
    ({"frames": -1}, DecodeError, "NumberOfFrames is -1"),
    ({"frames": 2147483647}, DecodeError, "2147483647 frame"),
    ({"frames": "1.5"}, DecodeError, r"NumberOfFrames is '1\.5"),
    ({"frames": "1\\2"}, DecodeError, "one whole number"),
    ({"allocated": 0}, UnsupportedError, "BitsAllocated is 0"),
    ({"allocated": 24}, UnsupportedError, "BitsAllocated is 24"),
    ({"allocated": 65535}, UnsupportedError, "BitsAllocated"),
    ({"stored": 0}, DecodeError, "BitsStored is 0"),
    ({"stored": 17}, DecodeError, "BitsStored is 17"),
    ({"samples": 0}, DecodeError, "SamplesPerPixel is 0"),
    ({"samples": 4, "planar": 0}, UnsupportedError, "SamplesPerPixel is 4"),
    ({"samples": 3, "planar": 2, "photometric": "RGB"}, DecodeError, "PlanarConfiguration is 2"),
    ({"photometric": "FUZZ"}, UnsupportedError, "FUZZ"),
    ({"photometric": "YBR_FULL_422"}, UnsupportedError, "YBR_FULL_422 with 1 samples"),
    ({"photometric": "YBR_FULL"}, UnsupportedError, "YBR_FULL with 1 unsigned"),
    ({"rows": 4, "columns": 4}, DecodeError, "24 bytes"),
]


@pytest.mark.parametrize(("fields", "error", "text"), HOSTILE)
@pytest.mark.filterwarnings("ignore::fastdicom.DicomWarning")
def test_header_that_lies(fields, error, text):
    fields = {"rows": 3, "columns": 4, **fields}
    stored = max(fields.pop("stored", fields.get("allocated", 16)), 0)
    data = image(bytes(24), stored=stored, vr="OW", **fields)
    with pytest.raises(error, match=text):
        opened(data).pixel_array
    with pytest.raises((DecodeError, UnsupportedError)):
        opened(data).decode(frames=[0])


@pytest.mark.parametrize(("vr", "value"), (("UL", 3), ("IS", "3"), ("DS", "3.0"), ("SS", 3), ("LO", "3 "), ("UV", 3), ("FD", 3.0)))
def test_rows_in_another_vr(vr, value):
    data = without(image(bytes(range(24)), 3, 4), 0x0028, 0x0010)
    at = data.index(struct.pack("<HH", 0x0028, 0x0011))
    ds = opened(data[:at] + element(0x00280010, vr, value) + data[at:])
    assert ds.pixel_array.shape == (3, 4)


@pytest.mark.parametrize(("vr", "value"), (("UL", 70000), ("DS", "3.5"), ("LO", "three"), ("UL", [3, 3]), ("FD", float("nan")), ("SS", -3)))
@pytest.mark.filterwarnings("ignore::fastdicom.DicomWarning")
def test_rows_that_make_no_sense(vr, value):
    data = without(image(bytes(range(24)), 3, 4), 0x0028, 0x0010)
    at = data.index(struct.pack("<HH", 0x0028, 0x0011))
    with pytest.raises(DecodeError, match="Rows is"):
        opened(data[:at] + element(0x00280010, vr, value) + data[at:]).pixel_array


class TestLength:
    def test_padding_byte(self):
        pixels = ramp("u1", 3, 5)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert np.array_equal(gray(pixels).pixel_array, pixels)  # 15 bytes and one of padding

    def test_odd_length_without_padding(self):
        data = image(None, 3, 5, allocated=8) + element(0x7FE00010, "OB", b"")[:-4] + struct.pack("<I", 15) + bytes(range(15))
        assert opened(data).pixel_array.tobytes() == bytes(range(15))

    def test_more_frames_than_said(self):
        """pydicom 3: what is there is given, with a warning."""
        pixels = ramp("<u2", 3, 4, 5)
        ds = opened(image(pixels.tobytes(), 4, 5, frames=2))
        with pytest.warns(DicomWarning, match="there are 3 frames"):
            assert np.array_equal(ds.pixel_array, pixels)
        assert len(ds.frames) == 3

    def test_excess_bytes(self):
        pixels = ramp("<u2", 4, 5)
        with pytest.warns(DicomWarning, match="padding"):
            assert np.array_equal(opened(image(pixels.tobytes() + bytes(6), 4, 5)).pixel_array, pixels)

    def test_422_written_whole(self):
        with pytest.raises(DecodeError, match="not subsampled"):
            opened(image(bytes(72), 4, 6, samples=3, photometric="YBR_FULL_422", planar=0, allocated=8)).pixel_array

    @pytest.mark.parametrize("frames", (0, ""))
    def test_no_number_of_frames(self, frames):
        ds = opened(image(bytes(24), 3, 4, frames=frames))
        with pytest.warns(DicomWarning, match="one frame was assumed"):
            assert ds.pixel_array.shape == (3, 4)

    @pytest.mark.filterwarnings("ignore::fastdicom.DicomWarning")
    def test_truncated_file(self):
        """What lies before the cut stays usable."""
        pixels = ramp("<u2", 4, 8, 8)
        whole = part10(image(pixels.tobytes(), 8, 8, frames=4))
        ds = fastdicom.dcmread(whole[: -128 - 50])
        with pytest.raises(TruncatedError, match="2 of 4 are whole"):
            ds.pixel_array
        assert np.array_equal(ds.frames[1], pixels[1])
        assert np.array_equal(ds.decode(frames=slice(2)), pixels[:2])
        with pytest.raises(TruncatedError):
            ds.frames[2]
        with pytest.raises(TruncatedError, match="first frame"):
            fastdicom.dcmread(whole[:-500]).pixel_array

    def test_truncation_is_said_of_the_file(self, tmp_path):
        path = tmp_path / "cut.dcm"
        path.write_bytes(part10(image(ramp("<u2", 4, 8, 8).tobytes(), 8, 8, frames=4))[: -128 - 50])
        with pytest.warns(DicomWarning), fastdicom.dcmread(path) as ds, pytest.raises(TruncatedError) as caught:
            ds.frames[2]
        assert caught.value.path == str(path)
        assert str(caught.value).startswith(f"{path}: (7FE0,0010) PixelData at 0x")

    def test_empty_value(self):
        with pytest.raises(DecodeError, match="0 bytes"):
            opened(image(b"", 3, 4)).pixel_array


HIERARCHICAL = "1.2.840.10008.1.2.4.59"  # nobody decodes these
SPECTRAL = "1.2.840.10008.1.2.4.61"


def test_encapsulated_is_said_to_be_unsupported():
    for syntax, name in ((HIERARCHICAL, "JPEG Extended, Hierarchical"), (SPECTRAL, "JPEG Spectral Selection")):
        ds = opened(image(None, 3, 4, allocated=8) + encapsulated([b"\xff\xd8\xff\xd9"]), syntax)
        with pytest.raises(UnsupportedError, match=name) as caught:
            ds.pixel_array
        assert syntax in str(caught.value)
        assert len(ds.frames) == 1
        with pytest.raises(NotImplementedError):
            ds.frames[0]
    with pytest.raises(UnsupportedError, match=r"1\.2\.3\.4\.5"):
        opened(image(bytes(24), 3, 4), "1.2.3.4.5").pixel_array


@pytest.mark.filterwarnings("ignore::fastdicom.DicomWarning")
def test_fragments_in_an_uncompressed_syntax():
    ds = opened(image(None, 3, 4) + encapsulated([bytes(24)]))
    with pytest.raises(DecodeError, match="fragments"):
        ds.pixel_array


@given(
    rows=st.integers(0, 9),
    columns=st.integers(0, 9),
    frames=st.sampled_from([None, 0, 1, 2, 3, -1, 99999]),
    samples=st.sampled_from([0, 1, 2, 3, 4]),
    photometric=st.sampled_from(["MONOCHROME2", "RGB", "YBR_FULL", "YBR_FULL_422", "PALETTE COLOR", "X"]),
    planar=st.sampled_from([None, 0, 1, 2]),
    allocated=st.sampled_from([0, 1, 8, 12, 16, 24, 32, 64, 128]),
    stored=st.integers(0, 65),
    signed=st.booleans(),
    big=st.booleans(),
    vr=st.sampled_from(["OB", "OW", "UN"]),
    size=st.integers(0, 900),
)
@settings(deadline=None, max_examples=300)
def test_any_header_gives_an_array_or_our_error(rows, columns, frames, big, size, **fields):
    """The short way and the long one agree, and nothing but our own errors comes out."""
    data = image(bytes(i * 37 % 256 for i in range(size)), rows, columns, frames=frames, encoding=BIG if big else EXPLICIT, **fields)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DicomWarning)
        ds = opened(data, EXPLICIT_BIG if big else EXPLICIT_LITTLE)
        try:
            array = ds.pixel_array
        except fastdicom.DicomError as error:
            with pytest.raises(type(error)):
                fastdicom.pixels.pixel_array(ds, limit=1 << 40)
            return
        long_way = fastdicom.pixels.pixel_array(ds, limit=1 << 40)
        assert array.dtype == long_way.dtype
        assert np.array_equal(array, long_way)
        assert np.array_equal(np.asarray(ds.frames), array if len(ds.frames) != 1 else array[None])
