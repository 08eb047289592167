"""Adapters of libraries: the same numbers whatever the container, and an error for whatever is not whole."""

from __future__ import annotations

import contextlib
import sys
import threading
import zlib

import numpy as np
import pytest

import fastdicom
from builders import encapsulated, image, part10
from fastdicom import DecodeError, UnsupportedError
from fastdicom.codecs import _stream, registry, workers
from fastdicom.codecs.base import FrameInfo

imagecodecs = pytest.importorskip("imagecodecs")

JPEG_LS, J2K, J2K_LOSSY = "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91"
HTJ2K, HTJ2K_LOSSY, JPEG_XL = "1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.203", "1.2.840.10008.1.2.4.110"
BASELINE = "1.2.840.10008.1.2.4.50"
DEFLATED, UNCOMPRESSED = "1.2.840.10008.1.2.8.1", "1.2.840.10008.1.2.1.98"


def smooth(rows, columns, samples=1, top=4095, dtype="u2"):
    """A picture with edges: a gradient with a box, and some noise."""
    y, x = np.mgrid[:rows, :columns]
    base = (x * 3 + y * 5) / (3 * columns + 5 * rows)
    base[rows // 4 : rows // 2, columns // 3 : columns // 2] = 1
    noise = np.random.default_rng(rows).random((rows, columns, samples)) * 0.05
    out = np.clip((base[..., None] * 0.9 + noise) * top, 0, top).astype(dtype)
    return out[..., 0] if samples == 1 else out


def j2k(array, **more):
    options = {"level": 0, "codecformat": "j2k", "reversible": True, "mct": array.ndim == 3}
    return imagecodecs.jpeg2k_encode(array, **{**options, **more})


ENCODERS = {
    JPEG_LS: imagecodecs.jpegls_encode,
    J2K: j2k,
    HTJ2K: lambda array: imagecodecs.htj2k_encode(array, reversible=True),
    JPEG_XL: lambda array: imagecodecs.jpegxl_encode(array, lossless=True, effort=3),
}
DECODERS = [(uid, row.name) for uid in ENCODERS for row in registry.find(uid) if row.installed and not row.name.startswith("gdcm")]


def opened(stream, array, uid, **more):
    rows, columns, *samples = array.shape
    colour = {"samples": 3, "photometric": "RGB" if uid in (JPEG_LS, JPEG_XL) else "YBR_RCT", "planar": 0} if samples else {}
    frames = stream if isinstance(stream, list) else [stream]
    head = image(None, rows, columns, **{"allocated": 8 * array.itemsize, **colour, **more})
    return fastdicom.dcmread(part10(head + encapsulated(frames), uid))


@pytest.mark.parametrize(("uid", "name"), DECODERS)
@pytest.mark.parametrize("samples", (1, 3))
@pytest.mark.parametrize("shape", ((37, 53), (64, 64), (1, 1), (1, 300), (300, 1)), ids=str)
def test_lossless(uid, name, samples, shape):
    for dtype, top in (("u1", 255), ("u2", 65535)):
        array = smooth(*shape, samples, top, dtype)
        ds = opened(ENCODERS[uid](array), array, uid)
        assert np.array_equal(ds.decode(decoder=name), array)


@pytest.mark.parametrize(("uid", "name"), DECODERS)
def test_narrow_samples_in_wide_ones(uid, name):
    """Streams of 8 bits where 16 are allocated (pydicom #2010)."""
    array = smooth(20, 30, 1, 200, "u1")
    for samples in (1, 3):
        array = smooth(20, 30, samples, 200, "u1")
        ds = opened(ENCODERS[uid](array), array.astype("u2"), uid, stored=8)
        assert np.array_equal(ds.decode(decoder=name), array)


@pytest.mark.parametrize(("uid", "name"), DECODERS)
def test_cut_off(uid, name):
    """Wherever it is cut, it is an error, and never a picture that is not whole."""
    array = smooth(90, 70)
    stream = bytes(ENCODERS[uid](array))
    for stop in sorted({*range(0, len(stream), max(1, len(stream) // 60)), *(len(stream) - k for k in range(1, 9))}):
        ds = opened(stream[:stop], array, uid)
        with pytest.raises(DecodeError) as caught:
            ds.decode(decoder=name)
        assert caught.value.frame == 0


@pytest.mark.parametrize(("uid", "name"), DECODERS)
def test_zeros_for_the_end(uid, name):
    array = smooth(90, 70)
    stream = bytes(ENCODERS[uid](array))
    for count in (10, 100, 500):
        ds = opened(stream[:-count] + bytes(count), array, uid)
        with pytest.raises(DecodeError):
            ds.decode(decoder=name)


@pytest.mark.parametrize(("uid", "name"), DECODERS)
def test_padding(uid, name):
    array = smooth(33, 47)
    for padding in (b"\0", bytes(1000)):
        ds = opened(bytes(ENCODERS[uid](array)) + padding, array, uid)
        assert np.array_equal(ds.decode(decoder=name), array)


@pytest.mark.parametrize(("uid", "name"), DECODERS)
def test_damage_is_an_exception_or_pixels(uid, name):
    """A bit turned over anywhere: pixels of the right size or an error of ours, and the process lives."""
    array = smooth(60, 50)
    stream = bytearray(ENCODERS[uid](array))
    random = np.random.default_rng(5)
    for _ in range(60):
        at, bit = int(random.integers(len(stream))), 1 << int(random.integers(8))
        stream[at] ^= bit
        with contextlib.suppress(DecodeError, UnsupportedError):
            assert opened(bytes(stream), array, uid).decode(decoder=name).shape == array.shape
        stream[at] ^= bit


@pytest.mark.parametrize(("uid", "name"), DECODERS)
def test_another_size_than_the_data_set(uid, name):
    array = smooth(40, 30)
    for wrong in (np.zeros((41, 30), "u2"), np.zeros((40, 29), "u2"), np.zeros((30, 40), "u2"), np.zeros((40, 30, 3), "u2")):
        with pytest.raises(DecodeError):
            opened(ENCODERS[uid](array), wrong, uid).decode(decoder=name)
    with pytest.raises(DecodeError):
        opened(ENCODERS[uid](array), array.astype("u1"), uid).decode(decoder=name)


def test_signed_jpeg_2000():
    array = smooth(50, 40).astype("i2") - 2000
    for uid, stream in ((J2K, j2k(array)), (HTJ2K, imagecodecs.htj2k_encode(array, reversible=True))):
        for row in registry.find(uid):
            if row.installed:
                assert np.array_equal(opened(stream, array, uid, signed=True).decode(decoder=row.name), array), row.name
    small = smooth(50, 40, 1, 200, "u1").astype("i1")
    for uid, stream in ((J2K, j2k(small)), (HTJ2K, imagecodecs.htj2k_encode(small, reversible=True))):
        for row in registry.find(uid):
            if row.installed:  # 8 bits with a sign where 16 are allocated
                ds = opened(stream, small.astype("i2"), uid, signed=True)
                assert np.array_equal(ds.decode(decoder=row.name), small), row.name


def test_a_lossy_ht_stream_does_not_wrap():
    """Sharp edges at the ends of the range overshoot: white must not become black."""
    array = np.where((np.indices((64, 64)) // 3).sum(0) % 2, 255, 0).astype("u1")
    for top, allocated in ((1, 8), (257, 16)):
        wide = array.astype("u2") * 257 if allocated == 16 else array
        stream = imagecodecs.htj2k_encode(wide, level=0.01, reversible=False)
        decoded = opened(stream, wide, HTJ2K_LOSSY).pixel_array
        assert np.abs(decoded.astype(int) - wide.astype(int)).max() < 20 * top
    with pytest.raises(UnsupportedError, match="wraps"):
        opened(stream, wide, HTJ2K_LOSSY).decode(decoder="openjph")


def test_jpeg_2000_in_a_high_throughput_syntax():
    """OpenJPH leaves to OpenJPEG what is not of its kind."""
    array = smooth(40, 50)
    assert np.array_equal(opened(j2k(array), array, HTJ2K).pixel_array, array)


def test_jp2_boxes():
    array = smooth(40, 50, 3, 255, "u1")
    stream = imagecodecs.jpeg2k_encode(array, level=0, codecformat="jp2", reversible=True, mct=True)
    assert np.array_equal(opened(stream, array, J2K).pixel_array, array)


def test_planes_of_jpeg_ls():
    """ILV 0: a scan a component, which CharLS gives plane behind plane."""
    pyjpegls = pytest.importorskip("jpeg_ls")
    for dtype, top in (("u1", 255), ("u2", 4000)):
        array = smooth(20, 30, 3, top, dtype)
        stream = bytes(pyjpegls.encode_array(np.ascontiguousarray(np.moveaxis(array, -1, 0)), interleave_mode=0))
        for row in registry.find(JPEG_LS):
            if row.installed and row.name != "gdcm":
                assert np.array_equal(opened(stream, array, JPEG_LS, allocated=16, stored=16).decode(decoder=row.name), array), row.name


def test_tiles_and_tile_parts():
    array = smooth(150, 130)
    tiled = imagecodecs.htj2k_encode(array, reversible=True, tile=(64, 64))
    assert np.array_equal(opened(tiled, array, HTJ2K).pixel_array, array)
    # a tile-part that says that there are two of its tile
    lies = bytearray(tiled)
    at = lies.index(b"\xff\x90")
    lies[at + 11] = 2
    with pytest.raises(DecodeError, match="lacks tile-parts"):
        opened(bytes(lies), array, HTJ2K).pixel_array
    # one tile twice, another never
    lies = bytearray(tiled)
    second = lies.index(b"\xff\x90", at + 12)
    lies[second + 4 : second + 6] = b"\0\0"
    with pytest.raises(DecodeError, match="lacks tile-parts"):
        opened(bytes(lies), array, HTJ2K).pixel_array
    # the last tile-part may have no length: it goes up to EOC
    lies = bytearray(tiled)
    last = lies.rindex(b"\xff\x90\x00\x0a")
    lies[last + 6 : last + 10] = bytes(4)
    assert np.array_equal(opened(bytes(lies), array, HTJ2K).pixel_array, array)
    with pytest.raises(DecodeError, match="EOC"):
        opened(bytes(lies[:-2]), array, HTJ2K).pixel_array


def broken_blocks(array):
    """Lossless HTJ2K streams of the array in whose code-blocks OpenJPH throws, which imagecodecs before 2026.10 prints and forgets."""
    whole = bytes(imagecodecs.htj2k_encode(array, reversible=True))
    random = np.random.default_rng(2)
    seen, found, before = [], [], sys.unraisablehook
    sys.unraisablehook = lambda unraisable: seen.append(str(unraisable.object))
    try:
        for _ in range(60):
            at = int(random.integers(100, len(whole) - 40))
            stream = whole[:at] + random.bytes(16) + whole[at + 16 :]
            seen.clear()
            try:
                imagecodecs.htj2k_decode(stream)
            except Exception as error:
                seen.append(str(error))
            if seen:
                found.append(stream)
    finally:
        sys.unraisablehook = before
    return found


def test_openjph_gives_up(monkeypatch):
    """What it throws is an error, also on threads, and not a picture of zeros; whole frames beside are decoded."""
    array = smooth(120, 130)
    whole = bytes(imagecodecs.htj2k_encode(array, reversible=True))
    broken = broken_blocks(array)
    assert len(broken) > 5
    printed: list[str] = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, value, traceback: printed.append(str(value)))
    hook, print_hook = sys.unraisablehook, sys.excepthook
    for stream in broken:
        with pytest.raises(DecodeError, match=r"OpenJPH gave up|Htj2kError"):
            opened(stream, array, HTJ2K).decode(decoder="openjph")
        ds = opened([whole, whole, stream, whole], array, HTJ2K, frames=4)
        with pytest.raises(DecodeError) as caught:
            ds.decode(decoder="openjph", threads=4)
        assert caught.value.frame == 2
        assert np.array_equal(ds.decode(decoder="openjph", frames=[0, 1, 3], threads=3), np.stack([array] * 3))
    assert sys.unraisablehook is hook
    assert sys.excepthook is print_hook
    assert not printed


def test_what_others_throw_is_passed_on(monkeypatch):
    """While OpenJPH is listened to, the hook of the caller gets what is not OpenJPH's."""
    from fastdicom.codecs import htj2k

    class Throws:
        def __del__(self):
            raise ValueError("from elsewhere")

    got = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: got.append(str(unraisable.exc_value)))
    hook = sys.unraisablehook
    assert htj2k._listener.quiet(lambda: Throws() and None)
    assert got == ["from elsewhere"]
    assert sys.unraisablehook is hook
    monkeypatch.setattr(sys, "excepthook", lambda kind, value, traceback: got.append(str(value)))
    hook = sys.excepthook
    assert htj2k._listener.quiet(lambda: sys.excepthook(ValueError, ValueError("printed"), None))
    assert got == ["from elsewhere", "printed"]
    assert sys.excepthook is hook


def test_listening_goes_on_as_long_as_anybody_decodes():
    """Sessions and single calls overlap on threads: whoever ends first does not take the hooks from the other."""
    from fastdicom.codecs import htj2k

    class OpenJPH:  # what imagecodecs tells of an exception that it forgets
        object = "imagecodecs._htj2k.decode"

    before = sys.unraisablehook
    session = registry.session(registry.load(HTJ2K))  # the others of the syntax have none
    session.__enter__()
    inside, ended = threading.Event(), threading.Event()
    heard = []

    def call():
        inside.set()
        ended.wait(10)
        sys.unraisablehook(OpenJPH)

    thread = threading.Thread(target=lambda: heard.append(htj2k._listener.quiet(call)))
    thread.start()
    assert inside.wait(10)
    session.__exit__(None, None, None)
    assert sys.unraisablehook is not before
    ended.set()
    thread.join()
    assert heard == [False]
    assert sys.unraisablehook is before
    with registry.session(registry.load(HTJ2K)):
        assert htj2k._listener.quiet(lambda: None)
        assert sys.unraisablehook is not before
        assert not htj2k._listener.quiet(lambda: sys.unraisablehook(OpenJPH))
        assert htj2k._listener.quiet(lambda: None)
    assert sys.unraisablehook is before
    assert not htj2k._listener._hooks
    assert not htj2k._listener._busy


def test_frames_that_are_not_alike():
    """What needs no finishing in one frame does in the next, whose stream says something else."""
    array = smooth(20, 24)
    plain, signed = j2k(array, bitspersample=12), j2k(array.astype("i2"))
    negative = j2k(np.where(np.arange(24) == 5, -1, array.astype("i2")))
    ds = opened([plain, plain, signed, plain, plain], array, J2K, frames=5, stored=12)
    with pytest.warns(fastdicom.DicomWarning, match="signed"):
        assert np.array_equal(ds.decode(threads=1), np.stack([array] * 5))
    ds = opened([plain, plain, signed, plain, negative], array, J2K, frames=5, stored=12)
    with pytest.warns(fastdicom.DicomWarning, match="signed"), pytest.raises(DecodeError, match="makes a difference") as caught:
        ds.decode(threads=1)
    assert caught.value.frame == 4


def test_a_decoder_that_declines_is_not_asked_for_every_frame():
    asked = []

    class Declining:
        def declines(self, info):
            asked.append("declines")
            return info.rows == 1

        def decode(self, src, info, out):
            asked.append("first")
            raise UnsupportedError("not by the first")

    class Second:
        def __init__(self, decodes):
            self.decodes = decodes

        def decode(self, src, info, out):
            asked.append("second")
            if not self.decodes:
                raise UnsupportedError("not by the second")

    wide, high = FrameInfo(1, 4, 1, 8, 8, 7, 0, "MONOCHROME2"), FrameInfo(4, 1, 1, 8, 8, 7, 0, "MONOCHROME2")
    turns = registry._InTurn([Declining(), Second(True)])
    for info in (wide, wide, high, high):
        assert turns.decode(memoryview(b""), info, memoryview(bytearray(4))) is None
    assert asked == ["declines", "second", "second", "declines", "first", "second", "first", "second"]
    for info in (wide, high):
        with pytest.raises(UnsupportedError, match="not by the first"):
            registry._InTurn([Declining(), Second(False)]).decode(memoryview(b""), info, memoryview(bytearray(4)))


@pytest.mark.parametrize(("samples", "bits"), ((1, 8), (1, 12), (3, 8)))
def test_what_jpeg_decoders_decline_they_do_not_decode(samples, bits):
    array = smooth(16, 24, samples, (1 << bits) - 1, "u1" if bits == 8 else "u2")
    stream = imagecodecs.jpeg8_encode(array, level=90, bitspersample=bits)
    header = _stream.header(stream)
    info = FrameInfo(16, 24, samples, 8 * array.itemsize, bits, bits - 1, 0, "RGB" if samples == 3 else "MONOCHROME2", stream=header)
    declined = []
    for name in ("jpegdct", "simplejpeg"):
        decoder, out = registry.load(BASELINE, name), memoryview(bytearray(info.frame_size))
        if decoder.declines(info):
            declined.append(name)
            with pytest.raises(UnsupportedError):
                decoder.decode(memoryview(stream), info, out)
        else:
            decoder.decode(memoryview(stream), info, out)
    # simplejpeg gives colour as RGB only, and this is YBR
    assert declined == {(1, 8): [], (1, 12): ["simplejpeg"], (3, 8): ["jpegdct", "simplejpeg"]}[samples, bits]


def raw_deflate(data):
    deflater = zlib.compressobj(6, zlib.DEFLATED, -15)
    return deflater.compress(data) + deflater.flush()


@pytest.mark.parametrize("name", ("libdeflate", "zlib"))
class TestDeflated:
    def test_frames(self, name):
        frames = np.stack([smooth(21, 33), smooth(21, 33)[::-1]])
        ds = opened([raw_deflate(frame.tobytes()) for frame in frames], frames[0], DEFLATED, frames=2)
        assert np.array_equal(ds.decode(decoder=name), frames)

    def test_odd_planar_and_bits(self, name):
        odd = smooth(5, 5, 1, 255, "u1")
        for stream in (raw_deflate(odd.tobytes()), raw_deflate(odd.tobytes() + b"\0")):  # padded inside or not
            assert np.array_equal(opened(stream, odd, DEFLATED).decode(decoder=name), odd)
        rgb = smooth(5, 6, 3, 255, "u1")
        ds = opened(raw_deflate(np.moveaxis(rgb, -1, 0).tobytes()), rgb, DEFLATED, photometric="RGB", planar=1)
        assert np.array_equal(ds.decode(decoder=name), rgb)
        bits = smooth(7, 9, 1, 1, "u1")
        stream = raw_deflate(np.packbits(bits, bitorder="little").tobytes())
        assert np.array_equal(opened([stream, stream], bits, DEFLATED, frames=2, allocated=1).decode(decoder=name)[1], bits)

    def test_a_bomb(self, name):
        array = smooth(16, 16)
        bomb = raw_deflate(bytes(200_000_000))
        with pytest.raises(DecodeError):
            opened(bomb, array, DEFLATED).decode(decoder=name)

    def test_short_long_and_broken(self, name):
        array = smooth(16, 16)
        whole = array.tobytes()
        stream = raw_deflate(whole)
        for broken in (
            raw_deflate(whole[:-1]),
            raw_deflate(whole + b"\0"),
            raw_deflate(whole + b"12"),
            stream[: len(stream) // 2],
            b"\7\7",
        ):
            with pytest.raises(DecodeError):
                opened(broken, array, DEFLATED).decode(decoder=name)


def test_encapsulated_uncompressed():
    frames = np.stack([smooth(5, 5, 1, 255, "u1"), smooth(5, 5, 1, 200, "u1")])
    ds = opened([frame.tobytes() for frame in frames], frames[0], UNCOMPRESSED, frames=2)
    assert np.array_equal(ds.pixel_array, frames)
    rgb = smooth(4, 5, 3, 255, "u1")
    ds = opened(np.moveaxis(rgb, -1, 0).tobytes(), rgb, UNCOMPRESSED, photometric="RGB", planar=1)
    assert np.array_equal(ds.pixel_array, rgb)
    bits = smooth(3, 3, 1, 1, "u1")
    packed = np.packbits(bits, bitorder="little").tobytes()
    assert np.array_equal(opened([packed, packed], bits, UNCOMPRESSED, frames=2, allocated=1).pixel_array[1], bits)
    for wrong in (frames[0].tobytes()[:-1], frames[0].tobytes() + b"123"):
        with pytest.raises(DecodeError, match="fragment has"):
            opened(wrong, frames[0], UNCOMPRESSED).pixel_array


def test_ge_and_philips():
    """GE: implicit VR little endian with big endian pixels. Philips: explicit VR little endian."""
    from builders import IMPLICIT

    array = smooth(6, 7)
    data = part10(image(array.astype(">u2").tobytes(), 6, 7, encoding=IMPLICIT), "1.2.840.113619.5.2")
    assert np.array_equal(fastdicom.dcmread(data).pixel_array, array)
    data = part10(image(array.tobytes(), 6, 7), "1.3.46.670589.33.1.4.1")
    assert np.array_equal(fastdicom.dcmread(data).pixel_array, array)


def test_threads_inside_of_a_frame():
    assert workers.inner_threads() == 1
    with workers.inner(4):
        assert workers.inner_threads() == 4
        seen = []
        thread = threading.Thread(target=lambda: seen.append(workers.inner_threads()))
        thread.start()
        thread.join()
        assert seen == [1]
    assert workers.inner_threads() == 1
    array = smooth(700, 700)
    info = FrameInfo(700, 700, 1, 16, 16, 15, 0, "MONOCHROME2", transfer_syntax_uid=J2K)
    out = np.empty_like(array)
    with workers.inner(2):
        registry.load(J2K, "openjpeg").decode(memoryview(bytes(j2k(array))), info, out.view("u1").reshape(-1).data)
    assert np.array_equal(out, array)


@pytest.mark.parametrize(("field", "name"), ((32, "column"), (36, "row")))
@pytest.mark.parametrize("value", (1, 4, 1 << 31))
def test_tiles_that_begin_below_the_image(field, name, value):
    """XTOsiz and YTOsiz (T.800 B.3): OpenJPH runs for ever on them."""
    whole = bytearray(imagecodecs.htj2k_encode(np.zeros((33, 40), np.uint8), reversible=True))
    whole[field : field + 4] = value.to_bytes(4)
    with pytest.raises(DecodeError, match=f"first JPEG 2000 tile does not hold the first {name}|has no tiles"):
        fastdicom.dcmread(part10(image(None, 33, 40, allocated=8) + encapsulated([bytes(whole)]), HTJ2K)).decode()
