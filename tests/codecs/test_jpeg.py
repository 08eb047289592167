"""JPEG of the DCT processes: what libjpeg-turbo decodes, bit for bit, and nothing that it made up."""

from __future__ import annotations

import base64
import importlib.util
import io
import struct

import numpy as np
import pytest

import corpus
import fastdicom
from builders import encapsulated, image, part10
from fastdicom import DecodeError, DicomWarning, UnsupportedError
from fastdicom.codecs import _stream

ic = pytest.importorskip("imagecodecs")
Image = pytest.importorskip("PIL.Image")

BASELINE, EXTENDED, SPECTRAL, PROGRESSIVE = (f"1.2.840.10008.1.2.4.{n}" for n in (50, 51, 53, 55))
ROWS, COLUMNS = 83, 117
RANDOM = np.random.default_rng(5)
Y, X = np.mgrid[0:ROWS, 0:COLUMNS]
GRAY = ((np.sin(X / 7) + np.cos(Y / 5)) * 60 + 128 + RANDOM.normal(0, 5, X.shape)).clip(0, 255).astype("u1")
COLOUR = np.stack([GRAY, GRAY[::-1], GRAY[:, ::-1]], -1)
DEEP = (GRAY.astype("u2") << 4) + RANDOM.integers(0, 16, GRAY.shape, dtype="u2")
EOI = b"\xff\xd9"


def opened(stream, syntax=BASELINE, photometric=None, shape=(ROWS, COLUMNS), **more):
    samples = _stream.header(stream).components if more.pop("samples", None) is None else 1
    photometric = photometric or ("MONOCHROME2" if samples == 1 else "YBR_FULL_422")
    more.setdefault("allocated", 8)
    frames = stream if isinstance(stream, list) else [stream]
    data = image(None, *shape, samples=samples, photometric=photometric, planar=0 if samples > 1 else None, **more)
    return fastdicom.dcmread(part10(data + encapsulated(frames), syntax))


def difference(a, b) -> int:
    return int(np.abs(a.astype(int) - b.astype(int)).max())


def pillow(pixels, **options) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", **options)
    return file.getvalue()


def data_of(stream: bytes) -> bytes:
    """The entropy coded data of a stream of one scan."""
    start = stream.rindex(b"\xff\xda")
    return stream[start + 2 + struct.unpack_from(">H", stream, start + 2)[0] : -2]


def by_component(planes, factors) -> bytes:
    """A baseline stream with a scan a component: each the scan of a gray image, with the tables of the first."""
    streams = [ic.jpeg8_encode(np.ascontiguousarray(plane), level=90, optimize=False) for plane in planes]
    start = streams[0].index(b"\xff\xc0")
    rows, columns = planes[0].shape
    frame = struct.pack(">BHHB", 8, rows, columns, len(planes)) + b"".join(bytes([i, f, 0]) for i, f in enumerate(factors))
    tables = streams[0][start + 2 + 11 : streams[0].rindex(b"\xff\xda")]
    out = streams[0][:start] + b"\xff\xc0" + struct.pack(">H", len(frame) + 2) + frame + tables
    for i, stream in enumerate(streams):
        out += b"\xff\xda\0\x08\1" + bytes([i, 0, 0, 63, 0]) + data_of(stream)
    return out + EOI


# what comes out


@pytest.mark.parametrize("subsampling", ("444", "422", "420", "440", "411"))
@pytest.mark.parametrize("level", (30, 75, 95))
def test_colour(subsampling, level):
    stream = ic.jpeg8_encode(COLOUR, level=level, subsampling=subsampling)
    ds = opened(stream)
    assert np.array_equal(ds.pixel_array, ic.jpeg8_decode(stream))
    raw = ds.decode(raw=True)
    assert np.array_equal(raw, ic.jpeg8_decode(stream, colorspace="YCBCR", outcolorspace="YCBCR"))
    assert difference(fastdicom.pixels.color.convert_color_space(raw, "YBR_FULL", "RGB"), ds.pixel_array) <= 1


def test_gray():
    stream = ic.jpeg8_encode(GRAY, level=95)
    array = opened(stream).pixel_array
    assert array.dtype == np.uint8
    assert np.array_equal(array, ic.jpeg8_decode(stream))
    assert difference(array, GRAY) < 12


@pytest.mark.parametrize("signed", (False, True))
def test_8_bits_in_16(signed):
    array = opened(ic.jpeg8_encode(GRAY, level=100), allocated=16, stored=8, signed=signed).pixel_array
    assert array.dtype == ("<i2" if signed else "<u2")
    assert difference(array, GRAY.view("i1") if signed else GRAY) < 6 or signed
    assert np.array_equal(array.astype("u1"), ic.jpeg8_decode(ic.jpeg8_encode(GRAY, level=100)))
    colour = opened(ic.jpeg8_encode(COLOUR, level=100, subsampling="444"), allocated=16, stored=8).pixel_array
    assert colour.dtype == "<u2"
    assert difference(colour, COLOUR) < 6


@pytest.mark.parametrize("stored", (10, 12, 16))
def test_12_bits(stored):
    samples = DEEP >> max(12 - stored, 0)
    stream = ic.jpeg8_encode(samples, level=95, bitspersample=12)
    array = opened(stream, EXTENDED, allocated=16, stored=stored).pixel_array
    assert array.dtype == np.uint16
    assert np.array_equal(array, ic.jpeg8_decode(stream))
    assert difference(array, samples) < 60


def test_12_bits_of_colour():
    colour = np.stack([DEEP, DEEP[::-1], DEEP[:, ::-1]], -1)
    stream = ic.jpeg8_encode(colour, level=98, bitspersample=12, subsampling="444")
    array = opened(stream, EXTENDED, allocated=16, stored=12).pixel_array
    assert np.array_equal(array, ic.jpeg8_decode(stream))
    assert difference(array, colour) < 80


def test_overshoot_is_not_cut_off():
    """White at the edge of black: the stream has values above Bits Stored, which stay what they are."""
    samples = np.where(X // 3 % 2, 1023, 0).astype("u2")
    array = opened(ic.jpeg8_encode(samples, level=50, bitspersample=12), EXTENDED, allocated=16, stored=10).pixel_array
    assert array.max() > 1023
    assert difference(array, samples) < 300


@pytest.mark.parametrize("syntax", (BASELINE, EXTENDED, SPECTRAL, PROGRESSIVE))
@pytest.mark.parametrize("pixels", (GRAY, COLOUR), ids=("gray", "colour"))
def test_progressive(syntax, pixels):
    stream = pillow(pixels, progressive=True, quality=90)
    assert _stream.header(stream).process == 2
    assert np.array_equal(opened(stream, syntax).pixel_array, ic.jpeg8_decode(stream))


# 24 x 32 pixels as libjpeg-turbo's cjpeg -quality 75 writes them, plain, with -arithmetic and with -arithmetic -progressive:
# the same coefficients three times
HUFFMAN = (
    "|JeWF01!$>Nk#wx0RR9200961|JwjV00;&K2L=TQ2L}fU2?z=d6b%du3k(?&6Au&}8Xq1V8XO!TBrYc)A}k{u94I#_EHE)NG&CP4IXyTsJT5ad"
    "GXKB;3kU!h03ZPY5di<h03QGV0R;g80RaI400000000000RjUA1qKHQ2?`7U!~nGr00IF60|EpC1qB2I0004f0RjU61Q7)iAu&M)6H#FYB5@Ql"
    "fsvsIBSNvk6;jdgBr{@if(Z&17Z@2DB_<~*DJnEIHa9pqIzvQ7Mn_0VN>fx-R##YAT4Q8oW@l(=YIAgTc6WGrdV_?8hKGoWijtF*m6n&7nVO=b"
    "q@|{(sHv*5v$VCgx45~w!o$SH#>dFX%F@%+)z;V8+1laa<K*S$=jiF`@$&QZ_4fDp`TGCb00;pA002J#^c@#ki^^QE%}uLoQF$%%0mrR*mb0zJ"
    "=C>oRIi%6`xV+)>4z(_cb2x>1)VjsY{z?1Q=333v;$z9{Nu%7(CLMh%-ZWnhfeQS+s$E~hqsecVwRx7a;nC)|%Sog7b$sA<_pkri"
)
ARITHMETIC = (
    "|JeWF01!$>Nk#wx0RR9200961|JwjV00;&K2L=TQ2L}fU2?z=d6b%du3k(?&6Au&}8Xq1V8XO!TBrYc)A}k{u94I#_EHE)NG&CP4IXyTsJT5ad"
    "GXKc{3kU!h03ZPY5di<p00saM5C#9*00;pA002J#(xA^&TSU5N6h%8qmKN}M$DcS}BD%0^?q)R{@zU#x^dOiZ^(|&2=Wpk&qg4S^`Fa|dAo!*L"
    "Z93dUyhz?S!d|x67l*LfCh?d50P3Aa@hJO1|Je"
)
ARITHMETIC_PROGRESSIVE = (
    "|JeWF01!$>Nk#wx0RR9200961|JwjV00;&K2L=TQ2L}fU2?z=d6b%du3k(?&6Au&}8Xq1V8XO!TBrYc)A}k{u94I#_EHE)NG&CP4IXyTsJT5ad"
    "GXKf|3kU!h03ZPY5di<p00aOK|Jncu0RaF200Ghl#9X^xRniwR|I7dc5C#9*00;pA009L86L-+O@B54$MqYC~i^;MOtNYe~|I7dc5C#9*00;pA"
    "00ut-!2iqu1P}%P+5iXv0RRC%A=MoYa$*9xwRt<21<M`6|Jncu0RaF201)CZ|I7dc5C#9*00;pA00BP`g`_me9DCw=``fp9?QR+J$6g|V(;Eof"
    "sQ=j"
)


@pytest.mark.parametrize(
    ("coded", "process", "syntax"), [(ARITHMETIC, 9, 52), (ARITHMETIC_PROGRESSIVE, 10, 54), (ARITHMETIC_PROGRESSIVE, 10, 56)]
)
def test_arithmetic_codes(coded, process, syntax):
    stream, plain = base64.b85decode(coded), base64.b85decode(HUFFMAN)
    assert _stream.header(stream).process == process
    uid = f"1.2.840.10008.1.2.4.{syntax}"
    array = opened(stream, uid, shape=(24, 32)).pixel_array
    assert array.std() > 30
    assert np.array_equal(array, opened(plain, shape=(24, 32)).pixel_array)
    with pytest.raises(DecodeError):
        opened(stream[: len(stream) * 2 // 3], uid, shape=(24, 32)).pixel_array


def test_lossless_stream_in_a_lossy_syntax():
    stream = ic.jpeg8_encode(DEEP, lossless=True, bitspersample=12)
    with pytest.warns(DicomWarning, match=r"lossless JPEG \(SOF3\), the transfer syntax is JPEG Extended.*the stream was followed"):
        assert np.array_equal(opened(stream, EXTENDED, allocated=16, stored=12).pixel_array, DEEP)


@pytest.mark.parametrize("syntax", ("1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70"))
def test_lossy_stream_in_a_lossless_syntax(syntax):
    """Decoded as what it is (PS3.5 8.2.1), and that it is lossy is said."""
    for array, bits, more in ((COLOUR, 8, {}), (DEEP, 12, {"allocated": 16, "stored": 12})):
        stream = ic.jpeg8_encode(array, level=90, bitspersample=bits)
        plain = opened(stream, BASELINE if bits == 8 else EXTENDED, **more).pixel_array
        with pytest.warns(DicomWarning, match=r"lossy JPEG \(SOF[01]\), the transfer syntax is JPEG Lossless.*the stream was followed"):
            assert np.array_equal(opened(stream, syntax, **more).pixel_array, plain)
        with pytest.raises(DecodeError), pytest.warns(DicomWarning):
            opened(stream[: len(stream) // 2], syntax, **more).pixel_array


def test_into_the_callers_array_and_many_frames():
    frames = [np.roll(COLOUR, 7 * i, 1) for i in range(6)]
    streams = [ic.jpeg8_encode(frame, level=90) for frame in frames]
    data = image(None, ROWS, COLUMNS, samples=3, photometric="YBR_FULL_422", planar=0, allocated=8, frames=6) + encapsulated(streams)
    ds = fastdicom.dcmread(part10(data, BASELINE))
    expected = np.stack([ic.jpeg8_decode(stream) for stream in streams])
    out = np.empty_like(expected)
    assert ds.decode(out=out) is out
    assert np.array_equal(out, expected)
    assert np.array_equal(ds.decode(threads=3), expected)
    assert np.array_equal(ds.frames[4], expected[4])


def test_kinds_that_are_not_decoded():
    stream = bytearray(ic.jpeg8_encode(GRAY))
    at = stream.index(b"\xff\xc0")
    stream[at + 1] = 0xC5
    with pytest.raises(UnsupportedError, match="SOF5"):
        opened(bytes(stream)).pixel_array
    stream[at + 1 : at + 5] = b"\xc1\0\x0b\x0a"  # 10 bits
    with pytest.raises(UnsupportedError, match="10 bits"):
        opened(bytes(stream), EXTENDED, allocated=16, stored=10).pixel_array


def test_a_stream_that_is_no_jpeg():
    data = image(None, 2, 2, allocated=8) + encapsulated([b"hello, world"])
    with pytest.raises(DecodeError, match="no JPEG"):
        fastdicom.dcmread(part10(data, BASELINE)).pixel_array


# damage

STREAMS = {
    "gray": ic.jpeg8_encode(GRAY, level=90),
    "colour": ic.jpeg8_encode(COLOUR, level=90, subsampling="420"),
    "12 bits": ic.jpeg8_encode(DEEP, level=90, bitspersample=12),
    "optimized": ic.jpeg8_encode(COLOUR, level=50, subsampling="422", optimize=True),
    "progressive": pillow(COLOUR, progressive=True, quality=80),
    "restarts": pillow(COLOUR, quality=80, restart_marker_blocks=3),
    "restart rows": pillow(GRAY, quality=80, restart_marker_rows=1),
    "scans": by_component([GRAY, GRAY[::-1], GRAY[:, ::-1]], [0x11, 0x11, 0x11]),
    "subsampled scans": by_component([GRAY, GRAY[:, : (COLUMNS + 1) // 2], GRAY[:, : (COLUMNS + 1) // 2]], [0x21, 0x11, 0x11]),
}
DEFAULT, CHECKED, STRICT, OWN = "libjpeg-turbo", "libjpeg-turbo-checked", "simplejpeg", "jpegdct"
needs_simplejpeg = pytest.mark.skipif(importlib.util.find_spec(STRICT) is None, reason="simplejpeg is not installed")
DECODERS = (DEFAULT, CHECKED, pytest.param(STRICT, marks=needs_simplejpeg), OWN)


def decoded(stream, decoder=DEFAULT, **options):
    held = _stream.header(stream)
    deep = held is not None and held.precision[0] > 8
    data = image(
        None,
        ROWS,
        COLUMNS,
        samples=held.components if held else 1,
        photometric="YBR_FULL" if held and held.components == 3 else "MONOCHROME2",
        planar=0 if held and held.components == 3 else None,
        allocated=16 if deep else 8,
        stored=12 if deep else 8,
    )
    return fastdicom.dcmread(part10(data + encapsulated([stream]), EXTENDED)).decode(decoder=decoder, **options)


def known(name, decoder):
    if decoder == STRICT and name == "12 bits":
        pytest.skip("simplejpeg decodes 8 bits")
    if decoder == OWN and name not in ("gray", "12 bits", "restart rows"):
        pytest.skip("our own decoder is for gray")


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("name", STREAMS)
def test_whole_streams(name, decoder):
    known(name, decoder)
    assert np.array_equal(decoded(STREAMS[name], decoder), ic.jpeg8_decode(STREAMS[name], colorspace=None))


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("end", (b"", EOI), ids=("cut", "cut and ended"))
@pytest.mark.parametrize("name", STREAMS)
def test_what_was_cut_off_is_never_made_up(name, end, decoder):
    """At every byte of the scans: an error, or the whole picture. libjpeg gives gray, and says nothing."""
    known(name, decoder)
    if name == "progressive" and end:
        pytest.skip("a scan that was cut off and ended is not told from a whole one")
    stream = STREAMS[name]
    whole, start = decoded(stream), stream.index(b"\xff\xda")
    missed = []
    for cut in (*range(start, len(stream) - 40, 97), *range(len(stream) - 40, len(stream))):
        damaged = stream[:cut] + end
        try:
            array = decoded(damaged, decoder)
        except DecodeError:
            continue
        if not np.array_equal(array, whole):
            missed.append(cut - len(stream))
    # What libjpeg makes up of the last unit alone is seen by the other decoder
    assert [cut for cut in missed if decoder != DEFAULT or cut < -_last_unit(stream)] == []


def _last_unit(stream) -> int:
    return 120 if len(stream) > 3000 else 60


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.filterwarnings("ignore:.*ends too early:fastdicom.DicomWarning")
@pytest.mark.parametrize("name", ("gray", "colour", "12 bits", "optimized", "restarts", "restart rows"))
def test_the_rows_of_what_was_cut_off(name, decoder):
    """On request: every row that is not 0 is that of the whole picture, and most of what there is comes out."""
    known(name, decoder)
    stream = STREAMS[name]
    whole, start = decoded(stream), stream.index(b"\xff\xda") + 14
    most = 0
    for cut in range(start, len(stream) - 2, 61):
        held = _stream.check_jpeg(stream[:cut], partial=True) if most else None
        array = decoded(stream[:cut], decoder, partial=True)
        rows = int(np.flatnonzero(array.reshape(ROWS, -1).any(1))[-1]) + 1 if array.any() else 0
        assert np.array_equal(array[:rows], whole[:rows])
        assert not array[rows:].any()
        assert rows >= most
        assert rows == held or held is None
        most = rows
    assert most >= ROWS - 24


@pytest.mark.parametrize("name", STREAMS)
def test_other_markers_in_a_scan(name):
    stream = STREAMS[name]
    at = stream.rindex(b"\xff\xda") + 40
    for marker in (EOI, b"\xff\xd3", b"\xff\xda", b"\xff\xc4"):
        if marker == EOI and name == "progressive":
            continue  # a scan that was cut off and ended is not told from a whole one
        with pytest.raises(DecodeError):
            decoded(stream[:at] + marker + stream[at + 2 :])


@needs_simplejpeg
@pytest.mark.parametrize(("name", "least"), [("gray", 0.6), ("colour", 0.35), ("optimized", 0.25), ("progressive", 0.35)])
def test_damage_is_found_without_asking(name, least):
    """The decoder that is tried first hears what libjpeg warns of: of 16 random bytes, and of all that is missing or left over."""
    stream = STREAMS[name]
    whole, start = decoded(stream), stream.index(b"\xff\xda") + 14
    random, found, silent = np.random.default_rng(11), [0, 0, 0], [0, 0, 0]
    for at in random.integers(start, len(stream) - 120, 60):
        changed = stream[:at] + random.bytes(16) + stream[at + 16 :]
        for i, damaged in enumerate((changed, stream[:at] + stream[at + 100 :], stream[: at + 100] + stream[at:])):
            try:
                silent[i] += not np.array_equal(decoded(damaged, None), whole)
            except DecodeError:
                found[i] += 1
    assert found[0] >= least * (found[0] + silent[0])
    assert silent[1] + silent[2] <= 12  # few other codes fit to the end


@needs_simplejpeg
def test_what_simplejpeg_leaves_to_others():
    """Its own answers are those of the other binding; and what it does not know is decoded all the same."""
    stream = STREAMS["colour"]
    assert np.array_equal(opened(stream).decode(raw=True), ic.jpeg8_decode(stream, colorspace="YCBCR", outcolorspace="YCBCR"))
    with pytest.raises(UnsupportedError, match="another colour"):
        opened(stream).decode(raw=True, decoder=STRICT)
    with pytest.raises(UnsupportedError, match="12 bits"):
        decoded(STREAMS["12 bits"], STRICT)
    ds = opened(ic.jpeg8_encode(COLOUR, level=90, outcolorspace="RGB"), photometric="RGB")
    assert np.array_equal(ds.decode(decoder=STRICT), ds.decode(decoder=DEFAULT))
    assert difference(ds.pixel_array, COLOUR) < 60
    # three components without a word of their colour: libjpeg would take them for YCbCr
    plain = ic.jpeg8_encode(COLOUR, level=90, subsampling="444")
    plain = plain[:2] + plain[plain.index(b"\xff\xdb") :]
    ds = opened(plain, photometric="RGB")
    with pytest.raises(UnsupportedError, match="another colour"):
        ds.decode(decoder=STRICT)
    assert np.array_equal(ds.pixel_array, ic.jpeg8_decode(plain, colorspace="YCBCR", outcolorspace="YCBCR"))


@needs_simplejpeg
@pytest.mark.parametrize("seed", range(4))
def test_both_bindings_give_the_same(seed):
    """Pictures of all sizes, subsamplings and tables, in cells of 8 and of 16 bits."""
    random = np.random.default_rng(seed)
    for _ in range(12):
        rows, columns = random.integers(1, 90, 2)
        pixels = random.integers(0, 256, (rows, columns, 3), dtype="u1")
        level = int(random.integers(1, 101))
        for stream in (
            ic.jpeg8_encode(pixels, subsampling=str(random.choice(["444", "422", "420", "440", "411"])), level=level),
            ic.jpeg8_encode(np.ascontiguousarray(pixels[..., 0]), level=level),
            pillow(pixels, quality=level, progressive=True),
            pillow(pixels, quality=level, restart_marker_blocks=int(random.integers(1, 9))),
        ):
            ds = opened(stream, shape=(rows, columns), allocated=int(random.choice([8, 16])), stored=8)
            assert np.array_equal(ds.decode(decoder=STRICT), ds.decode(decoder=DEFAULT))


def test_damage_is_found():
    """What reading all codes finds: a block too many or too few, or no code. Damage that makes other codes looks like a picture."""
    stream = STREAMS["colour"]
    start, found, fast = stream.index(b"\xff\xda") + 14, 0, 0
    for at in range(start, len(stream) - 20, max((len(stream) - start) // 60, 1)):
        damaged = stream[:at] + RANDOM.bytes(16) + stream[at + 16 :]
        for decoder in (DEFAULT, CHECKED):
            try:
                assert decoded(damaged, decoder).shape == COLOUR.shape
            except DecodeError:
                found += decoder == CHECKED
                fast += decoder == DEFAULT
    assert found > 30
    assert found >= fast > 0


def verdict(stream, **options):
    try:
        return _stream.check_jpeg(stream, **options)
    except DecodeError as error:
        return str(error)


@pytest.mark.parametrize("bits", (8, 12))
@pytest.mark.parametrize("level", (50, 90, 100))
def test_reading_in_four_places_at_once_says_the_same(bits, level):
    """Whole, damaged, cut off, with blocks too many and too few."""
    random = np.random.default_rng(level)
    y, x = np.mgrid[:120, :160]
    smooth = np.sin(x / 9) + np.cos(y / 17)
    for noise in (0.0, 4.0, 40.0):
        samples = (smooth * 60 + 128 + random.normal(0, noise, x.shape)).clip(0, 255) * (1 << (bits - 8))
        stream = ic.jpeg8_encode(samples.astype("u1" if bits == 8 else "u2"), level=level, bitspersample=bits, optimize=bool(noise))
        start, found = stream.index(b"\xff\xda") + 10, 0
        assert verdict(stream, lanes=0) is None
        for at in random.integers(start, len(stream) - 40, 16).tolist():
            n = int(random.integers(1, 40))
            for damaged in (
                stream[:at] + random.bytes(n) + stream[at + n :],
                stream[:at] + stream[at + n :],
                stream[: at + n] + stream[at:],
                stream[:at] + bytes([stream[at] ^ 1 << n % 8]) + stream[at + 1 :],
                stream[:at] + EOI,
                stream[:at],
            ):
                alone = verdict(damaged, lanes=-1)
                assert verdict(damaged, lanes=0) == verdict(damaged) == alone
                assert verdict(damaged, lanes=0, partial=True) == verdict(damaged, lanes=-1, partial=True)
                found += alone is not None
        assert found > 32
        rows = stream.index(b"\xff\xc0" if bits == 8 else b"\xff\xc1") + 5
        for more in (-8, -1, 1, 8, 200):
            other = stream[:rows] + struct.pack(">H", 120 + more) + stream[rows + 2 :]
            assert verdict(other, lanes=0) == verdict(other, lanes=-1)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda s: s[:-2] + b"\x12\x34\x56" + EOI, "data behind its last block"),
        (lambda s: s.replace(b"\xff\xc4", b"\xff\xfe"), "without its Huffman table"),
        (lambda s: s[: s.index(b"\xff\xda")] + EOI, "before all components were there"),
    ],
)
def test_reasons(change, reason):
    with pytest.raises(DecodeError, match=reason):
        _stream.check_jpeg(change(STREAMS["gray"]))


def test_a_bomb_of_scans():
    """Each scan of a few bytes would cost libjpeg a pass over the image."""
    stream = STREAMS["progressive"]
    at = stream.rindex(b"\xff\xda")
    with pytest.raises(DecodeError, match="more scans than"):
        decoded(stream[:at] + 1000 * (stream[at : at + 10] + b"\0\0") + stream[at:])


def test_padding_is_no_damage():
    for more in (b"", b"\0", b"\0\0\0\0", b"\xff\xff"):
        _stream.check_jpeg(STREAMS["gray"][:-2] + more + EOI + b"\0\0")
    _stream.check_jpeg(STREAMS["gray"][:-2])  # the end marker alone is missing, every block is there
    with pytest.raises(DecodeError, match=r"without its end marker|inside a scan"):
        _stream.check_jpeg(STREAMS["progressive"][:-2])


def test_restarts_out_of_order():
    stream = STREAMS["restarts"]
    with pytest.raises(DecodeError, match="another marker where a restart is due"):
        _stream.check_jpeg(stream.replace(b"\xff\xd1", b"\xff\xd2", 1))
    first, second = stream.index(b"\xff\xd0"), stream.index(b"\xff\xd1")
    with pytest.raises(DecodeError):
        _stream.check_jpeg(stream[:first] + stream[second:])


@pytest.mark.parametrize("seed", range(12))
def test_no_false_alarm(seed):
    """Pictures of all sizes, subsamplings and tables: what an encoder wrote is whole."""
    random = np.random.default_rng(seed)
    for _ in range(12):
        rows, columns = random.integers(1, 90, 2)
        pixels = random.integers(0, 256, (rows, columns, 3), dtype="u1")
        if random.random() < 0.5:
            pixels[:] = pixels[0, 0]
        options = {"level": int(random.integers(1, 101)), "optimize": bool(random.random() < 0.5)}
        _stream.check_jpeg(ic.jpeg8_encode(pixels, subsampling=str(random.choice(["444", "422", "420", "440", "411"])), **options))
        _stream.check_jpeg(ic.jpeg8_encode(np.ascontiguousarray(pixels[..., 0]), **options))
        deep = pixels[..., 1].astype("u2") << 4
        _stream.check_jpeg(ic.jpeg8_encode(deep, bitspersample=12, **options))
        _stream.check_jpeg(pillow(pixels, quality=options["level"], restart_marker_blocks=int(random.integers(1, 9))))
        _stream.check_jpeg(pillow(pixels, quality=options["level"], progressive=True))


def jpegs() -> list[corpus.Entry]:
    syntaxes = (BASELINE, EXTENDED, SPECTRAL, PROGRESSIVE)
    return [entry for entry in corpus.entries() if entry.row["transfer_syntax_uid"] in syntaxes and not entry.hostile]


@corpus.needed
@pytest.mark.parametrize("entry", jpegs(), ids=str)
@pytest.mark.filterwarnings("ignore")
def test_corpus(entry):
    """GDCM and Pillow use the same library, older; what pydicom says of colour is compared elsewhere."""
    ds = fastdicom.dcmread(entry.path, force=True)
    raw = ds.decode(raw=True).reshape(len(ds.frames), *ds.frames.shape[1:])
    assert np.array_equal(raw, ds.decode(raw=True, decoder=CHECKED).reshape(raw.shape))
    for i in (0, len(ds.frames) - 1):
        stream = ds.frames.encoded(i)
        same = None if raw.ndim == 3 else "YCBCR"
        assert np.array_equal(raw[i], ic.jpeg8_decode(stream, colorspace=same, outcolorspace=same))
