"""The pixel kernels against numpy models, on every shape of buffer and on both code paths."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastdicom.codecs import _native


@pytest.fixture(params=["portable", "simd"], autouse=True, scope="module")
def path(request):
    """Every test runs on the portable loops and on those of this processor."""
    if request.param == "simd" and not _native.use_simd(True):
        pytest.skip("this processor has the portable path only")
    _native.use_simd(request.param == "simd")
    yield
    _native.use_simd(True)


def misaligned(data: bytes, by: int = 1) -> memoryview:
    """The same bytes at an odd address, as a value in a file may stand."""
    return memoryview(bytes(by) + data)[by:]


@pytest.mark.parametrize("itemsize", (1, 2, 4, 8))
@given(data=st.data())
def test_swap(itemsize, data):
    n = data.draw(st.integers(0, 70))
    src = data.draw(st.binary(min_size=n * itemsize, max_size=n * itemsize))
    expected = np.frombuffer(src, f"<u{itemsize}").astype(f">u{itemsize}").tobytes()
    out = bytearray(len(src))
    _native.swap(misaligned(src), out, itemsize)
    assert out == expected
    same = bytearray(src)
    _native.swap(same, same, itemsize)
    assert same == expected


@given(src=st.binary(max_size=90), first=st.integers(0, 95), n=st.integers(0, 95))
def test_swap_words(src, first, n):
    out = bytearray(n)
    whole = len(src) // 2 * 2
    if first + n > whole:
        with pytest.raises(ValueError, match="too few"):
            _native.swap_words(src, out, first)
        assert out == bytes(n)
        return
    _native.swap_words(misaligned(src), out, first)
    assert bytes(out) == np.frombuffer(src[:whole], "<u2").byteswap().tobytes()[first : first + n]


@given(src=st.binary(max_size=60), first=st.integers(0, 500), n=st.integers(0, 500))
def test_unpack_1(src, first, n):
    out = bytearray(b"\xaa" * n)
    if first + n > 8 * len(src):
        with pytest.raises(ValueError, match="too few"):
            _native.unpack_1(src, out, first)
        assert out == b"\xaa" * n
        return
    _native.unpack_1(misaligned(src), out, first)
    assert bytes(out) == np.unpackbits(np.frombuffer(src, "u1"), bitorder="little")[first : first + n].tobytes()


@given(pixels=st.lists(st.integers(0, 4095), max_size=40), data=st.data())
def test_unpack_12(pixels, data):
    packed = sum(value << (12 * i) for i, value in enumerate(pixels)).to_bytes((12 * len(pixels) + 7) // 8, "little")
    first = data.draw(st.integers(0, len(pixels)))
    out = np.zeros(data.draw(st.integers(0, len(pixels) - first)), "<u2")
    _native.unpack_12(misaligned(packed), out, first)
    assert out.tolist() == pixels[first : first + len(out)]
    with pytest.raises(ValueError, match="too few"):
        _native.unpack_12(packed, bytearray(2 * len(pixels) + 4), 0)


@pytest.mark.parametrize("itemsize", (1, 2, 4, 8))
@given(pixels=st.integers(0, 70), samples=st.sampled_from([1, 2, 3, 4]), seed=st.integers(0, 1 << 30))
def test_interleave(itemsize, pixels, samples, seed):
    src = np.random.default_rng(seed).integers(0, 256, (samples, pixels, itemsize), np.uint8)
    out = bytearray(src.size)
    _native.interleave(misaligned(src.tobytes()), out, itemsize, samples)
    assert bytes(out) == src.transpose(1, 0, 2).tobytes()


@pytest.mark.parametrize("itemsize", (1, 2, 4))
@given(pairs=st.integers(0, 40), seed=st.integers(0, 1 << 30))
def test_expand_422(itemsize, pairs, seed):
    src = np.random.default_rng(seed).integers(0, 256, (pairs, 4, itemsize), np.uint8)
    out = bytearray(pairs * 6 * itemsize)
    _native.expand_422(misaligned(src.tobytes()), out, itemsize)
    assert bytes(out) == src[:, [0, 2, 3, 1, 2, 3]].tobytes()


def test_ybr_to_rgb_every_triple():
    """PS3.3 C.7.6.3.1.2 solved for RGB, in exact integers, rounded half up, for all 2**24 values."""
    cb, cr = np.meshgrid(np.arange(256) - 128, np.arange(256) - 128, indexing="ij")
    red = (2 * 1402 * cr + 1000) // 2000
    green = (587000 - 2 * (202008 * cb + 419198 * cr)) // (2 * 587000)  # 0.114 * 1.772, 0.299 * 1.402, over 0.587
    blue = (2 * 1772 * cb + 1000) // 2000
    offsets = np.stack([red, green, blue], -1)
    src = np.empty((256, 256, 3), np.uint8)
    src[..., 1] = cb + 128
    src[..., 2] = cr + 128
    out = np.empty_like(src)
    for y in range(256):
        src[..., 0] = y
        _native.ybr_to_rgb(src, out)
        assert np.array_equal(out, np.clip(y + offsets, 0, 255))


@given(src=st.binary(max_size=300))
def test_ybr_to_rgb_in_place_and_odd_sizes(src):
    src = src[: len(src) // 3 * 3]
    out = bytearray(len(src))
    _native.ybr_to_rgb(misaligned(src), out)
    same = bytearray(src)
    _native.ybr_to_rgb(same, same)
    assert same == out
    for i in range(0, len(src), 3):
        one = bytearray(3)
        _native.ybr_to_rgb(src[i : i + 3], one)
        assert out[i : i + 3] == one


@pytest.mark.parametrize("itemsize", (1, 2, 4, 8))
@pytest.mark.parametrize("is_signed", (False, True))
@given(data=st.data())
def test_unused_bits(itemsize, is_signed, data):
    stored = data.draw(st.integers(1, 8 * itemsize))
    dtype = np.dtype(f"<{'i' if is_signed else 'u'}{itemsize}")
    raw = data.draw(st.binary(max_size=40 * itemsize))
    pixels = np.frombuffer(raw[: len(raw) // itemsize * itemsize], dtype)
    shift = dtype.type(8 * itemsize - stored)
    expected = (pixels << shift) >> shift
    for fresh in (False, True):
        found = _native.unused_clean(misaligned(pixels.tobytes()), itemsize, stored, is_signed, fresh)
        assert found == np.array_equal(pixels, expected)
    out = pixels.copy()
    _native.clear_unused(out, itemsize, stored, is_signed)
    assert np.array_equal(out, expected)
    assert _native.unused_clean(out, itemsize, stored, is_signed)


def test_unused_bits_behind_the_first_block():
    pixels = np.zeros(100_001, "<u2")
    assert _native.unused_clean(pixels, 2, 12, False)
    pixels[-1] = 0x1000
    assert not _native.unused_clean(pixels, 2, 12, False)


@pytest.mark.parametrize("samples", (8191, 8192, 8193, 20_000, 24_576))
@pytest.mark.parametrize("is_signed", (False, True))
def test_unused_bits_are_cleared_in_every_block(samples, is_signed):
    """Blocks without any are not written: one alone is found wherever it is, and its neighbours stay what they are."""
    dtype = np.dtype("<i2" if is_signed else "<u2")
    clean = (np.arange(samples) % 4096 - (2048 if is_signed else 0)).astype(dtype)
    for at in (0, 1, samples // 2, samples - 8193, samples - 8192, samples - 1):
        if at >= 0:
            pixels = clean.copy()
            assert _native.unused_clean(pixels, 2, 12, is_signed, True)
            pixels[at] ^= dtype.type(0x3000)
            assert not _native.unused_clean(pixels, 2, 12, is_signed, True)
            assert not _native.unused_clean(pixels, 2, 12, is_signed)
            _native.clear_unused(pixels, 2, 12, is_signed)
            assert np.array_equal(pixels, clean)


@pytest.mark.parametrize(
    "call",
    (
        lambda: _native.swap(b"abc", bytearray(3), 2),  # not whole samples
        lambda: _native.swap(b"abcdef", bytearray(6), 3),  # no such sample
        lambda: _native.swap(b"abcd", bytearray(2), 2),  # more than the output holds
        lambda: _native.interleave(bytes(8), bytearray(8), 1, 3),
        lambda: _native.interleave(bytes(8), bytearray(8), 1, 0),
        lambda: _native.interleave(bytes(6), bytearray(9), 1, 3),
        lambda: _native.expand_422(bytes(4), bytearray(5), 1),
        lambda: _native.expand_422(bytes(5), bytearray(6), 1),
        lambda: _native.ybr_to_rgb(bytes(4), bytearray(4)),
        lambda: _native.unpack_12(bytes(4), bytearray(3)),
        lambda: _native.unused_clean(bytes(4), 2, 0, False),
        lambda: _native.unused_clean(bytes(4), 2, 17, False),
        lambda: _native.clear_unused(bytearray(3), 2, 12, False),
    ),
)
def test_sizes_that_contradict_each_other(call):
    with pytest.raises(ValueError, match="bytes"):
        call()


def test_overlap_and_read_only():
    data = bytearray(24)
    with pytest.raises(ValueError, match="overlaps"):
        _native.interleave(memoryview(data)[:12], memoryview(data)[6:18], 1, 3)
    with pytest.raises(ValueError, match="overlaps"):
        _native.swap(memoryview(data)[:12], memoryview(data)[2:14], 2)
    with pytest.raises(BufferError):
        _native.swap(bytes(4), bytes(4), 2)
    with pytest.raises((BufferError, ValueError)):
        _native.swap(memoryview(bytes(8))[::2], bytearray(4), 2)
    with pytest.raises(OverflowError):
        _native.unpack_1(bytes(8), bytearray(8), -1)
    with pytest.raises(ValueError, match="do not make"):
        _native.unpack_1(bytes(8), bytearray(8), 2**64 - 1)
