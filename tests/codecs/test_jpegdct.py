"""Our own decoder of gray sequential JPEG: the samples of libjpeg-turbo to the bit, or an error, or no answer; never others."""

from __future__ import annotations

import struct
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

import fastdicom
from builders import encapsulated, image, part10
from fastdicom import DecodeError, UnsupportedError
from fastdicom.codecs import _native, _stream
from jpegdct_builder import FLAT_AC, STEEP_AC, STEEP_DC, Options, encode
from jpegll_builder import segment

ic = pytest.importorskip("imagecodecs")
EOI = b"\xff\xd9"


@pytest.fixture(params=(True, False), ids=("simd", "portable"), autouse=True)
def path(request):
    if request.param and not _native.use_simd(True):
        pytest.skip("this processor has the portable path alone")
    _native.use_simd(request.param)
    yield
    _native.use_simd(True)


def decoded(stream, *, itemsize=None, partial=False):
    held = _stream.header(stream)
    bits = held.precision[0]
    itemsize = itemsize or (1 if bits == 8 else 2)
    out = np.full((held.rows, held.columns), 77, f"u{itemsize}")
    rows = _native.decode_jpegdct(stream, out, held.rows, held.columns, bits, itemsize, partial)
    return (out, rows) if partial else out


def picture(random, bits, rows, columns):
    """Noise, flat, smooth with noise, black and white at random and in squares, an object on black, dots."""
    y, x, top = *np.mgrid[:rows, :columns], (1 << bits) - 1
    smooth = (np.sin(x / 7) + np.cos(y / 5)) * top / 5 + top / 2
    inside = (x - columns / 2) ** 2 + (y - rows / 2) ** 2 < (min(rows, columns) / 3) ** 2
    kinds = (
        random.integers(0, top + 1, (rows, columns)),
        np.full((rows, columns), random.integers(0, top + 1)),
        smooth + random.normal(0, top / 50, (rows, columns)),
        random.integers(0, 2, (rows, columns)) * top,
        ((x // 8 + y // 8) % 2) * top,
        np.where(inside, top // 2 + random.normal(0, top / 100, (rows, columns)), 0),
        (random.random((rows, columns)) < 0.02) * top,
    )
    return kinds[random.integers(len(kinds))].clip(0, top).astype("u1" if bits == 8 else "u2")


# what comes out


@pytest.mark.parametrize("bits", (8, 12))
@pytest.mark.parametrize("seed", range(3))
def test_the_samples_of_libjpeg(bits, seed):
    """Of all sizes, qualities, contents and tables."""
    random = np.random.default_rng(seed)
    for _ in range(120):
        rows, columns = random.integers(1, 90, 2)
        options = {"level": int(random.integers(1, 101)), "optimize": bool(random.integers(2))}
        stream = ic.jpeg8_encode(picture(random, bits, rows, columns), bitspersample=bits, **options)
        expected = ic.jpeg8_decode(stream)
        assert np.array_equal(decoded(stream), expected)
        if bits == 8:
            assert np.array_equal(decoded(stream, itemsize=2), expected)


def test_of_the_other_binding():
    simplejpeg = pytest.importorskip("simplejpeg")
    random = np.random.default_rng(7)
    for _ in range(60):
        stream = ic.jpeg8_encode(picture(random, 8, *random.integers(1, 90, 2)), level=int(random.integers(1, 101)))
        assert np.array_equal(decoded(stream), simplejpeg.decode_jpeg(stream, "GRAY")[..., 0])


def coefficients(random, blocks, most, share):
    """Blocks in which this share of the coefficients is not 0, up to `most` in size."""
    size = random.integers(0, most, (blocks, 64), endpoint=True) * random.choice((1, -1), (blocks, 64))
    return np.where(random.random((blocks, 64)) < share, size, 0)


@pytest.mark.parametrize("bits", (8, 12))
def test_coefficients_of_every_size(bits):
    """What libjpeg makes of coefficients, which no picture need have: the same, or it is left to libjpeg."""
    random = np.random.default_rng(bits)
    done = left = 0
    for n in range(400):
        most = 1 << int(random.integers(1, 15))
        blocks = coefficients(random, 4, most, random.choice((0.02, 0.1, 0.5, 1.0)))
        wide = bool(random.integers(2))
        steps = random.integers(1, 1 << int(random.integers(1, 16 if wide else 8)), 64, endpoint=True).clip(1, 65535 if wide else 255)
        blocks = (blocks // steps).clip(-16383, 16383) if n % 3 else blocks
        lengths = {"dc": STEEP_DC, "ac": STEEP_AC} if n % 2 else {}
        stream = encode(blocks, 15, 13, Options(precision=bits, process=1, steps=steps.tolist(), wide_steps=wide, **lengths))
        try:
            out = decoded(stream)
        except UnsupportedError:
            left += 1
            continue
        assert np.array_equal(out, ic.jpeg8_decode(stream))
        done += 1
    assert done > 100
    assert left > 50


@pytest.mark.parametrize("bits", (8, 12))
def test_each_coefficient_alone_up_to_where_it_is_left_to_others(bits):
    large = 1 << (bits + 2)
    blocks = np.zeros((64, 64), int)
    for size in (1, -1, 1000, -1000, large, -large, 30000):
        np.fill_diagonal(blocks, size)
        for k in range(64) if size == 30000 else (0,):
            some = blocks[k : k + 1] if size == 30000 else blocks
            stream = encode(some, 8, 8 * len(some), Options(precision=bits, process=1, wide_steps=True))
            if size == 30000:
                with pytest.raises(UnsupportedError):
                    decoded(stream)
            else:
                assert np.array_equal(decoded(stream), ic.jpeg8_decode(stream))


def test_what_is_left_to_libjpeg_comes_out_as_before():
    blocks = np.zeros((4, 64), int)
    blocks[:, 5] = 9000
    stream = encode(blocks, 16, 16, Options())
    with pytest.raises(UnsupportedError):
        decoded(stream)
    ds = opened(stream, 16, 16)
    assert np.array_equal(ds.pixel_array, ic.jpeg8_decode(stream))
    assert np.array_equal(ds.pixel_array, ds.decode(decoder="libjpeg-turbo"))
    with pytest.raises(UnsupportedError):
        ds.decode(decoder="jpegdct")


def opened(stream, rows, columns, *, allocated=8, stored=8, syntax="1.2.840.10008.1.2.4.51"):
    return fastdicom.dcmread(part10(image(None, rows, columns, allocated=allocated, stored=stored) + encapsulated([stream]), syntax))


@pytest.mark.parametrize("allocated", (8, 16, 32))
def test_cells_of_every_width(allocated):
    random = np.random.default_rng(3)
    gray = picture(random, 8, 37, 45)
    stream = ic.jpeg8_encode(gray, level=90)
    array = opened(stream, 37, 45, allocated=allocated).decode(decoder="jpegdct")
    assert array.itemsize == allocated // 8
    assert np.array_equal(array, ic.jpeg8_decode(stream))
    if allocated > 8:
        stream = ic.jpeg8_encode(gray.astype("u2") << 4, level=90, bitspersample=12)
        array = opened(stream, 37, 45, allocated=allocated, stored=12).decode(decoder="jpegdct")
        assert np.array_equal(array, ic.jpeg8_decode(stream))


# every option that a stream may have

BLOCKS = coefficients(np.random.default_rng(4), 6, 9, 0.2)
BASE = Options(steps=range(1, 65))
VARIANTS = {
    "plain": BASE,
    "extended": replace(BASE, process=1),
    "12 bits": replace(BASE, process=1, precision=12),
    "12 bits, baseline": replace(BASE, precision=12),
    "steps of 16 bits": replace(BASE, process=1, wide_steps=True, steps=[300, *range(1, 64)]),
    "other destinations": replace(BASE, destinations=(3, 2, 1)),
    "long codes": replace(BASE, dc=STEEP_DC, ac=STEEP_AC),
    "long codes of what is frequent": replace(BASE, ac=STEEP_AC, ac_symbols=tuple(range(255, -1, -1))),
    "restarts": replace(BASE, restart=1),
    "restarts of two": replace(BASE, restart=2),
    "restarts that do not fit": replace(BASE, restart=4),
    "a restart that never comes": replace(BASE, restart=600),
    "fill bytes": replace(BASE, restart=2, fill=b"\xff\xff\xff"),
    "zeros for padding": replace(BASE, padding=0, restart=2),
    "sampling factors": replace(BASE, sampling=0x22),
    "others, uneven": replace(BASE, sampling=0x41),
    "segments before": replace(
        BASE, before=segment(0xFFE0, b"JFIF\0\1\2\0\0\1\0\1\0\0") + segment(0xFFFE, b"\xff\xda") + segment(0xFFEE, b"")
    ),
    "steps that are told twice": replace(BASE, before=segment(0xFFDB, bytes([0] + [99] * 64 + [1] + [5] * 64))),
    "no end marker": replace(BASE, behind=b""),
    "padding": replace(BASE, behind=b"\0\0\0" + EOI + b"\0\0"),
    "something behind the end": replace(BASE, behind=EOI + b"\xff\xd8\xff\xda"),
}


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("shape", ((16, 24), (9, 17), (24, 16), (1, 48)))
def test_variants(name, shape):
    stream = encode(BLOCKS, *shape, VARIANTS[name])
    expected = ic.jpeg8_decode(stream)
    assert np.array_equal(decoded(stream), expected)
    _stream.check_jpeg(stream)
    deep = VARIANTS[name].precision == 12
    whole = opened(stream, *shape, allocated=16 if deep else 8, stored=12 if deep else 8)
    assert np.array_equal(whole.pixel_array, expected)


def test_tables_that_change():
    """From frame to frame, and back: what is kept of the last one is not used for another."""
    streams = [encode(BLOCKS, 16, 24, replace(BASE, ac=lengths)) for lengths in (FLAT_AC, STEEP_AC, FLAT_AC)]
    streams += [ic.jpeg8_encode(picture(np.random.default_rng(n), 8, 33, 41), optimize=True) for n in range(5)]
    for stream in streams * 2:
        assert np.array_equal(decoded(stream), ic.jpeg8_decode(stream))
    broken = encode(BLOCKS, 16, 24, replace(BASE, before=segment(0xFFC4, bytes([0x10, 3, *[0] * 15, 1, 2, 3]))))
    with pytest.raises(DecodeError, match="more codes than fit"):
        decoded(broken)
    assert np.array_equal(decoded(streams[0]), ic.jpeg8_decode(streams[0]))


OTHERS = {
    "a code of ones alone": lambda s: s.replace(bytes(FLAT_AC), bytes((*[0] * 6, 1, 253, 2, *[0] * 7))),
    "a step of 0": lambda s: s.replace(b"\xff\xdb\0\x43\0\1", b"\xff\xdb\0\x43\0\0"),
    "progressive": lambda s: s.replace(b"\xff\xc0", b"\xff\xc2"),
    "a second scan": lambda s: s[:-2] + s[s.index(b"\xff\xda") :],
    "rows behind the scan": lambda s: s[:-2] + b"\xff\xdc\0\4\0\x10" + EOI,
    "bytes between segments": lambda s: s.replace(b"\xff\xdb", b"\0\0\xff\xdb"),
    "some coefficients": lambda s: s.replace(b"\0\x3f\0", b"\0\x20\0"),
    "another component": lambda s: s.replace(b"\xff\xda\0\x08\1\1", b"\xff\xda\0\x08\1\2"),
    "a table that is not there": lambda s: s.replace(b"\xff\xda\0\x08\1\1\0", b"\xff\xda\0\x08\1\1\1"),
    "no steps": lambda s: s.replace(b"\xff\xdb", b"\xff\xe1"),
    "10 bits": lambda s: s.replace(b"\xff\xc0\0\x0b\x08", b"\xff\xc0\0\x0b\x0a"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_left_to_others(name):
    stream = encode(BLOCKS, 16, 24, BASE)
    other = OTHERS[name](stream)
    assert other != stream
    out = np.zeros((16, 24), "u1")
    with pytest.raises(UnsupportedError):
        _native.decode_jpegdct(other, out, 16, 24, 8, 1)
    for shape in ((16, 23), (24, 16), (0, 0)):
        with pytest.raises(UnsupportedError):
            _native.decode_jpegdct(stream, np.zeros(shape, "u1"), *shape, 8, 1)
    for precision, itemsize in ((8, 3), (12, 1), (12, 2), (8, 2), (16, 1)):  # none of them fits
        with pytest.raises(UnsupportedError):
            _native.decode_jpegdct(stream, out, 16, 24, precision, itemsize)


# damage


def verdict(stream):
    try:
        _stream.check_jpeg(stream)
    except DecodeError as error:
        return error
    return None


@pytest.mark.parametrize("bits", (8, 12))
@pytest.mark.parametrize("restart", (0, 3))
def test_damage_is_what_reading_all_codes_finds(bits, restart):
    """Each damaged stream: the same verdict, for the same reason, in the same place; or else what libjpeg makes of it."""
    random = np.random.default_rng(bits + restart)
    blocks = coefficients(random, 60, 30, 0.3)
    stream = encode(blocks, 48, 80, Options(precision=bits, process=1, restart=restart))
    start, found, silent = stream.index(b"\xff\xda") + 10, 0, 0
    for at in random.integers(start, len(stream) - 2, 60).tolist():
        n = int(random.integers(1, 40))
        for damaged in (
            stream[:at] + random.bytes(n) + stream[at + n :],
            stream[:at] + stream[at + n :],
            stream[: at + n] + stream[at:],
            stream[:at] + bytes([stream[at] ^ 1 << n % 8]) + stream[at + 1 :],
            stream[:at] + bytes(n) + stream[at + n :],
            stream[:at] + EOI,
            stream[:at],
        ):
            out, mine, error = None, None, verdict(damaged)
            try:
                out = decoded(damaged)
            except UnsupportedError:
                continue
            except DecodeError as raised:
                mine = raised
            if mine is None:
                assert error is None
                assert np.array_equal(out, ic.jpeg8_decode(damaged))
                silent += 1
            else:
                assert error is not None
                assert str(mine).partition(" (")[0] == str(error).partition(" (")[0]
                assert error.offset - 64 <= mine.offset <= error.offset + 8
                found += 1
    assert found > 100
    assert silent > 3


def test_runs_beyond_the_last_coefficient():
    """Which libjpeg neither minds nor tells."""
    blocks = np.zeros((6, 64), int)
    blocks[:, 60] = 1
    stream = encode(blocks, 16, 24, Options())
    assert np.array_equal(decoded(stream), ic.jpeg8_decode(stream))
    symbols = list(range(256))
    at = stream.index(bytes(range(256)))
    symbols[0xB1], symbols[0xF1] = 0xF1, 0xB1  # 3 x 16 zeros, then 15 and not 11
    other = stream[:at] + bytes(symbols) + stream[at + 256 :]
    assert ic.jpeg8_decode(other).shape == (16, 24)
    with pytest.raises(DecodeError, match="no such Huffman code"):
        decoded(other)
    with pytest.raises(DecodeError, match="no such Huffman code"):
        opened(other, 16, 24).pixel_array
    symbols[0x00], symbols[0xF0] = 0xF0, 0x00  # 16 zeros more, and more
    with pytest.raises(DecodeError):
        decoded(stream[:at] + bytes(symbols) + stream[at + 256 :])


def test_a_last_coefficient_and_what_follows():
    """No end of block behind it: the bits that follow are the next block's, whatever they might be."""
    blocks = np.zeros((6, 64), int)
    blocks[:, 62:] = 1
    blocks[1::2, 0] = 1
    for lengths in (FLAT_AC, STEEP_AC, (0, 0, 0, 4, *[0] * 11, 252)):
        stream = encode(
            blocks, 16, 24, Options(ac=lengths, ac_symbols=tuple(sorted(range(256), key=lambda s: (s not in (1, 0xF0, 0xE1, 0), s))))
        )
        assert np.array_equal(decoded(stream), ic.jpeg8_decode(stream))


@pytest.mark.parametrize("restart", (0, 3))
@pytest.mark.parametrize("bits", (8, 12))
def test_the_rows_of_what_was_cut_off(bits, restart):
    stream = encode(coefficients(np.random.default_rng(1), 60, 30, 0.3), 45, 80, Options(precision=bits, process=1, restart=restart))
    whole, most = decoded(stream), 0
    for cut in range(stream.index(b"\xff\xda") + 10, len(stream) - 2, 37):
        array, rows = decoded(stream[:cut], partial=True)
        assert rows == _stream.check_jpeg(stream[:cut], partial=True)
        assert np.array_equal(array[:rows], whole[:rows])
        assert not array[rows:].any()
        assert rows >= most
        most = rows
        with pytest.raises(DecodeError):
            decoded(stream[:cut])
    assert most >= 32
    with pytest.raises(DecodeError):  # not cut off, but blocks are missing
        decoded(stream[: len(stream) // 2] + EOI, partial=True)


def test_headers_that_are_cut_off_or_broken():
    stream = encode(BLOCKS, 16, 24, BASE)
    out = np.zeros((16, 24), "u1")
    for cut in range(stream.index(b"\xff\xda") + 10):
        with pytest.raises((DecodeError, UnsupportedError)):
            _native.decode_jpegdct(stream[:cut], out, 16, 24, 8, 1)
    for change, reason in (
        (b"hello, world", "does not begin as JPEG does"),
        (stream.replace(b"\xff\xc4\0", b"\xff\xc4\1", 1), "Huffman table of the JPEG stream"),
        (stream[:2] + b"\xff\xe0\0\1" + stream[2:], "shorter than its length"),
        (stream.replace(b"\xff\xc4\0\x23\0", b"\xff\xc4\0\x23\7"), "no such destination"),
    ):
        with pytest.raises(DecodeError, match=reason):
            _native.decode_jpegdct(change, out, 16, 24, 8, 1)


def test_threads_do_not_mind_each_other():
    random = np.random.default_rng(2)
    streams = [ic.jpeg8_encode(picture(random, 8, 64, 80), level=90, optimize=True) for _ in range(24)]
    expected = [ic.jpeg8_decode(stream) for stream in streams]
    with ThreadPoolExecutor(4) as pool:
        for out, right in zip(pool.map(decoded, streams * 4), expected * 4, strict=True):
            assert np.array_equal(out, right)


def test_no_more_memory_than_there_are_bytes():
    """A frame that is said to be huge is the caller's to make."""
    stream = encode(BLOCKS, 16, 24, BASE)
    at = stream.index(b"\xff\xc0")
    huge = stream[: at + 5] + struct.pack(">HH", 65535, 65535) + stream[at + 9 :]
    with pytest.raises(fastdicom.DicomError):
        opened(huge, 65535, 65535).pixel_array
