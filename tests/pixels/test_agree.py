"""A stream against its data set, case by case: what is followed, what comes out, and where there is an error instead."""

from __future__ import annotations

import numpy as np
import pytest

import fastdicom
import jpegll_builder as jpegll
from builders import encapsulated, image, part10
from fastdicom import DecodeError, DicomWarning, UnsupportedError
from fastdicom.codecs import registry
from fastdicom.codecs.base import Decoded, FrameInfo, StreamHeader
from fastdicom.pixels.agree import agree

BASELINE, EXTENDED = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"
SV1, JPEG_LS, J2K, J2K_LOSSY = "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91"
JXL, JXL_JPEG = "1.2.840.10008.1.2.4.110", "1.2.840.10008.1.2.4.111"
PLAIN = StreamHeader("jpeg", 4, 5, 3, (8, 8, 8), (False,) * 3, sampling=((1, 1),) * 3, ids=(1, 2, 3))
SUBSAMPLED = ((2, 1), (1, 1), (1, 1))
RGB_IDS = (82, 71, 66)


def info(photometric="RGB", syntax=BASELINE, *, samples=3, allocated=8, stored=None, signed=False, kind="int", high=None) -> FrameInfo:
    stored = allocated if stored is None else stored
    high = stored - 1 if high is None else high
    return FrameInfo(4, 5, samples, allocated, stored, high, int(signed), photometric, 0, syntax, kind)


def gray(format_="j2k", bits=12, signed=False, **more) -> StreamHeader:
    return StreamHeader(format_, 4, 5, 1, (bits,), (signed,), sampling=((1, 1),), **more)


# shape


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"rows": 3}, "3 rows, the data set says 4"),
        ({"rows": 8}, "8 rows, the data set says 4"),
        ({"columns": 6}, "6 columns, the data set says 5"),
        ({"components": 1}, "1 components, the data set says 3"),
        ({"components": 4}, "4 components, the data set says 3"),
        ({"precision": (12, 12, 12)}, "samples of 12 bits, the data set allocates 8"),
        ({"format": "j2k"}, "the stream is JPEG 2000, the transfer syntax is"),
        ({"is_float": True}, "floating point"),
    ],
)
@pytest.mark.parametrize("rgb", (False, True))
def test_shape_that_differs(change, reason, rgb):
    with pytest.raises(DecodeError, match=reason):
        agree(info(), PLAIN._replace(**change), rgb)


def test_kinds_that_have_no_place():
    j2k = PLAIN._replace(format="j2k", ids=(), sampling=((1, 1), (2, 2), (2, 2)))
    with pytest.raises(UnsupportedError, match="subsampled"):
        agree(info(syntax=J2K), j2k, True)
    with pytest.raises(UnsupportedError, match="differ in precision or sign"):
        agree(info(syntax=J2K), j2k._replace(is_uneven=True), True)
    with pytest.raises(UnsupportedError, match="mapping table"):
        agree(info(syntax=JPEG_LS), PLAIN._replace(format="jpeg-ls", mapped=True), True)
    jxl = PLAIN._replace(format="jxl")
    with pytest.raises(DecodeError, match="an alpha channel"):
        agree(info(syntax=JXL), jxl._replace(extra=1, has_alpha=True), True)
    with pytest.raises(DecodeError, match="2 extra channel"):
        agree(info(syntax=JXL), jxl._replace(extra=2), True)
    with pytest.raises(DecodeError, match="orientation 6"):
        agree(info(syntax=JXL), jxl._replace(orientation=6), True)
    with pytest.raises(DecodeError, match="integers, which do not belong into Float"):
        agree(info(syntax=JXL, samples=1, allocated=32, kind="float"), gray("jxl"), False)


# sign and precision: (format, stream bits, stream sign, process) against (allocated, stored, sign) and what is decoded -> what comes out


def finished(header, samples, *, allocated=16, stored=12, signed=False, syntax=J2K, high=None, held=None):
    """The samples, when a decoder gave `samples` for such a stream."""
    said = info("MONOCHROME2", syntax, samples=1, allocated=allocated, stored=stored, signed=signed, high=high)
    plan = agree(said, header, True)
    out = np.zeros((4, 5), f"<i{allocated // 8}")
    out.flat[: len(samples)] = samples
    plan.finish(held, memoryview(out.reshape(-1).view("u1")))
    return out.view(said.dtype).reshape(-1)[: len(samples)].tolist()


def test_both_agree():
    assert finished(gray(), [0, 1, 4095]) == [0, 1, 4095]
    assert finished(gray(signed=True), [0, -2048, 2047], signed=True) == [0, -2048, 2047]
    assert finished(gray(bits=8), [0, 255], stored=8) == [0, 255]  # pydicom #2010: 8 bits in 16 allocated
    assert finished(gray(bits=8, signed=True), [-128, 127], stored=8, signed=True) == [-128, 127]
    assert finished(gray(bits=16), [0, -1], stored=16) == [0, 65535]


@pytest.mark.parametrize(("syntax", "format_"), [(J2K, "j2k"), (JPEG_LS, "jpeg-ls"), (JXL, "jxl"), (EXTENDED, "jpeg")])
def test_signed_samples_in_an_unsigned_stream(syntax, format_):
    """pydicom #1149, #2009, #2073."""
    assert finished(gray(format_), [0, 2047, 2048, 4095], signed=True, syntax=syntax) == [0, 2047, -2048, -1]
    assert finished(gray(format_, 16), [0, -1, -32768], stored=16, signed=True, syntax=syntax) == [0, -1, -32768]
    assert finished(gray(format_, 8), [0, 127, -128, -1], allocated=8, stored=8, signed=True, syntax=syntax) == [0, 127, -128, -1]
    assert finished(gray(format_, 7), [0, 63, 64, 127], allocated=8, stored=7, signed=True, syntax=syntax) == [0, 63, -64, -1]


@pytest.mark.parametrize(("stream", "said"), ((False, True), (True, False)))
def test_another_sign_in_jpeg_2000_is_said(stream, said):
    """Also where the same bits are read; the other formats have no sign to contradict."""
    found = agree(info("MONOCHROME2", J2K, samples=1, allocated=16, stored=12, signed=said), gray(signed=stream), True).notes
    assert len(found) == 1
    assert "Pixel Representation says" in found[0]
    for same in (False, True):
        assert not agree(info("MONOCHROME2", J2K, samples=1, allocated=16, stored=12, signed=same), gray(signed=same), True).notes
    assert not agree(info("MONOCHROME2", JPEG_LS, samples=1, allocated=16, stored=12, signed=True), gray("jpeg-ls"), True).notes


@pytest.mark.parametrize(("syntax", "format_"), [(J2K, "j2k"), (JPEG_LS, "jpeg-ls")])
def test_a_stream_of_more_bits_than_the_signed_data_set(syntax, format_):
    header = gray(format_, 16)
    assert finished(header, [0, 2047, -2048, -1], signed=True, syntax=syntax) == [0, 2047, -2048, -1]  # with their sign
    assert finished(header, [0, 2047, 0x800, 0xFFF], signed=True, syntax=syntax) == [0, 2047, -2048, -1]  # without
    with pytest.raises(DecodeError, match="unsigned samples of 16 bits, the data set says signed of 12"):
        finished(header, [0, 5000], signed=True, syntax=syntax)


@pytest.mark.parametrize(("syntax", "format_"), [(J2K, "j2k"), (JPEG_LS, "jpeg-ls"), (SV1, "jpeg")])
def test_a_stream_of_fewer_bits_than_the_signed_data_set(syntax, format_):
    header = gray(format_, 12, process=3 if format_ == "jpeg" else 0)
    assert finished(header, [0, 1, 2047], stored=16, signed=True, syntax=syntax) == [0, 1, 2047]
    with pytest.raises(DecodeError, match="unsigned samples of 12 bits, the data set says signed of 16"):
        finished(header, [0, 2048], stored=16, signed=True, syntax=syntax)


def test_unsigned_samples_in_a_signed_stream():
    assert finished(gray(signed=True), [0, 2047, -2048, -1]) == [0, 2047, 2048, 4095]
    assert finished(gray(bits=16, signed=True), [0, -1], stored=16) == [0, 65535]
    for bits, stored in ((16, 12), (12, 16)):
        assert finished(gray(bits=bits, signed=True), [0, 2047], stored=stored) == [0, 2047]
        with pytest.raises(DecodeError, match=f"signed samples of {bits} bits, the data set says unsigned of {stored}"):
            finished(gray(bits=bits, signed=True), [0, -1], stored=stored)


def test_more_bits_than_are_stored_are_kept():
    """A lossy stream overshoots: white must not become black. pydicom cuts bits off here."""
    assert finished(gray("jpeg", 12, process=1), [1023, 1030], stored=10, syntax=EXTENDED) == [1023, 1030]
    assert finished(gray("j2k", 16), [4095, 4100]) == [4095, 4100]
    assert finished(gray("j2k", 16, True), [-2049, 2050], signed=True) == [-2049, 2050]


def test_lossless_jpeg_holds_whole_cells():
    """The unused bits were compressed too, such as those of overlays (PS3.5 8.1.1)."""
    header = gray("jpeg", 16, process=3)
    assert finished(header, [0x1FFF, 0x2800], syntax=SV1) == [0xFFF, 0x800]
    assert finished(header, [0x17FF, 0x2800], signed=True, syntax=SV1) == [0x7FF, -2048]
    assert finished(header, [0x1230, 0x7FF0], high=15, syntax=SV1) == [0x123, 0x7FF]


def test_a_decoder_is_compared_again():
    for held, reason in (
        (Decoded(rows=5), "5 rows, the data set says 4"),
        (Decoded(columns=4), "4 columns, the data set says 5"),
        (Decoded(samples_per_pixel=3), "3 components, the data set says 1"),
        (Decoded(precision=17), "17 bits, the data set allocates 16"),
    ):
        with pytest.raises(DecodeError, match=reason):
            finished(gray(), [1], held=held)
    assert finished(gray(), [1], held=Decoded(4, 5, 1, 12)) == [1]


def test_without_a_header_the_data_set_decides():
    plan = agree(info("YBR_FULL", "1.2.840.10008.1.2.5"), None, True)
    assert (plan.colour, plan.info.wanted_rgb, plan.step) == ("YBR_FULL", False, "")
    assert finished(None, [0xFFF, 0x1800], signed=True, syntax=JPEG_LS) == [-1, -2048]


# colour


def colour(said, header, syntax=BASELINE):
    plan = agree(info(said, syntax), header, True)
    assert plan.info.stream == header
    assert plan.info.photometric_interpretation == said
    return plan.colour, plan.info.wanted_rgb, len(plan.notes)


@pytest.mark.parametrize(
    ("said", "change", "expected"),
    [
        # nothing in the stream: the data set
        ("RGB", {}, ("RGB", False, 0)),
        ("RGB", {"ids": (0, 1, 2)}, ("RGB", False, 0)),
        ("YBR_FULL", {}, ("YBR_FULL", True, 0)),
        ("YBR_FULL_422", {}, ("YBR_FULL", True, 0)),
        ("YBR_FULL_422", {"sampling": SUBSAMPLED}, ("YBR_FULL", True, 0)),
        ("YBR_PARTIAL_422", {"sampling": SUBSAMPLED}, ("YBR_PARTIAL_422", False, 0)),
        # identifiers
        ("RGB", {"ids": RGB_IDS}, ("RGB", False, 0)),
        ("YBR_FULL_422", {"ids": RGB_IDS}, ("RGB", False, 1)),
        ("YBR_FULL", {"ids": (114, 103, 98)}, ("RGB", False, 1)),
        ("MONOCHROME2", {"ids": RGB_IDS}, ("RGB", False, 1)),
        ("RGB", {"ids": RGB_IDS, "sampling": SUBSAMPLED}, ("RGB", False, 0)),
        # Adobe
        ("RGB", {"adobe": 0}, ("RGB", False, 0)),
        ("YBR_FULL_422", {"adobe": 0}, ("RGB", False, 1)),
        ("RGB", {"adobe": 1}, ("YBR_FULL", True, 1)),
        ("YBR_FULL", {"adobe": 1}, ("YBR_FULL", True, 0)),
        ("RGB", {"adobe": 0, "ids": RGB_IDS}, ("RGB", False, 0)),
        # JFIF
        ("RGB", {"jfif": True}, ("YBR_FULL", True, 1)),
        ("YBR_FULL_422", {"jfif": True}, ("YBR_FULL", True, 0)),
        ("YBR_PARTIAL_422", {"jfif": True}, ("YBR_FULL", True, 1)),
        ("MONOCHROME2", {"jfif": True}, ("YBR_FULL", True, 1)),
        ("RGB", {"jfif": True, "adobe": 1}, ("YBR_FULL", True, 1)),
        # subsampling
        ("RGB", {"sampling": SUBSAMPLED}, ("YBR_FULL", True, 1)),
        ("RGB", {"sampling": SUBSAMPLED, "adobe": 0}, ("RGB", False, 0)),
    ],
)
def test_jpeg(said, change, expected):
    assert colour(said, PLAIN._replace(**change)) == expected


@pytest.mark.parametrize(
    ("said", "change"),
    [
        ("RGB", {"jfif": True, "adobe": 0}),
        ("YBR_FULL", {"jfif": True, "adobe": 0}),
        ("RGB", {"jfif": True, "ids": RGB_IDS}),
        ("YBR_FULL_422", {"adobe": 1, "ids": RGB_IDS}),
        ("RGB", {"adobe": 2}),
        ("MONOCHROME2", {}),
        ("PALETTE COLOR", {}),
        ("YBR_RCT", {}),
        ("YBR_ICT", {"ids": (0, 1, 2)}),
    ],
)
def test_jpeg_without_a_safe_reading(said, change):
    header = PLAIN._replace(**change)
    with pytest.raises(DecodeError, match=rf"the data set says {said}: .* raw=True"):
        agree(info(said), header, True)
    assert agree(info(said), header, False).rgb is False


def test_jpeg_ls():
    header = PLAIN._replace(format="jpeg-ls", process=55)
    assert colour("RGB", header, JPEG_LS) == ("RGB", False, 0)
    assert colour("YBR_FULL", header, JPEG_LS) == ("YBR_FULL", False, 0)
    assert colour("YBR_FULL", header._replace(hp_transform=1), JPEG_LS) == ("RGB", False, 1)
    assert colour("RGB", header._replace(colour="ybr"), JPEG_LS) == ("RGB", False, 0)  # SPIFF headers are often wrong


@pytest.mark.parametrize(
    ("said", "transform", "expected"),
    [
        ("RGB", True, ("RGB", False, 0)),
        ("YBR_RCT", True, ("RGB", False, 0)),
        ("YBR_ICT", True, ("RGB", False, 0)),
        ("MONOCHROME2", True, ("RGB", False, 1)),
        ("YBR_FULL", True, None),
        ("YBR_FULL_422", True, None),
        ("RGB", False, ("RGB", False, 0)),
        ("YBR_FULL", False, ("YBR_FULL", False, 0)),
        ("YBR_RCT", False, ("RGB", False, 1)),
        ("YBR_ICT", False, None),
        ("PALETTE COLOR", False, None),
    ],
)
def test_jpeg_2000(said, transform, expected):
    header = PLAIN._replace(format="j2k", ids=(), transform=transform)
    if expected is not None:
        assert colour(said, header, J2K) == expected
        return
    with pytest.raises(DecodeError, match=rf"the data set says {said}: .* raw=True"):
        agree(info(said, J2K), header, True)
    agree(info(said, J2K), header, False)


def test_jpeg_xl():
    header = PLAIN._replace(format="jxl", ids=())
    assert colour("RGB", header, JXL) == ("RGB", False, 0)
    assert colour("XYB", header._replace(is_xyb=True), JXL) == ("RGB", False, 0)
    assert colour("YBR_FULL_422", header._replace(is_recompressed=True), JXL_JPEG) == ("RGB", False, 0)
    assert colour("YBR_FULL_422", header, JXL_JPEG) == ("RGB", False, 0)
    with pytest.raises(DecodeError, match="YBR_FULL"):
        agree(info("YBR_FULL", JXL), header, True)


# all of it through a data set

COLOUR = np.stack(np.meshgrid(np.arange(0, 256, 4), np.arange(0, 256, 8)), -1).astype("u1")
COLOUR = np.dstack([COLOUR, 255 - COLOUR[..., :1]])


def opened(stream, photometric="MONOCHROME2", syntax=BASELINE, shape=(32, 64), **more):
    samples = 1 if photometric.startswith(("MONO", "PAL")) else 3
    data = image(None, *shape, samples=samples, photometric=photometric, planar=0 if samples > 1 else None, **more)
    return fastdicom.dcmread(part10(data + encapsulated([stream]), syntax))


def near(array, expected, most=6):
    return np.abs(array.astype(int) - expected.astype(int)).max() <= most


@pytest.mark.parametrize("said", ("RGB", "YBR_FULL", "YBR_FULL_422"))
@pytest.mark.parametrize("truth", ("RGB", "YCBCR"))
def test_colours_of_a_file(said, truth, recwarn):
    """Whatever the data set says, the picture is right, and a lie is told of."""
    ic = pytest.importorskip("imagecodecs")
    stream = ic.jpeg8_encode(COLOUR, level=98, outcolorspace=truth, subsampling="444" if truth == "YCBCR" else None)
    ds = opened(stream, said, allocated=8)
    assert near(ds.pixel_array, COLOUR)
    assert bool(recwarn) == ((said == "RGB") != (truth == "RGB"))
    raw = ds.decode(raw=True)
    assert near(raw, COLOUR) == (truth == "RGB")
    if truth == "YCBCR":
        assert near(raw[..., 0], COLOUR @ [0.299, 0.587, 0.114])


def test_a_contradiction_names_its_cure():
    ic = pytest.importorskip("imagecodecs")
    stream = ic.jpeg8_encode(COLOUR, outcolorspace="RGB", level=98)
    jfif = b"\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0"
    ds = opened(stream[:2] + jfif + stream[2:], "RGB", allocated=8)
    with pytest.raises(DecodeError, match=r"frame 0: .*JFIF.*the data set says RGB.*raw=True"):
        ds.pixel_array
    assert near(ds.decode(raw=True), COLOUR)


def test_lossless_jpeg_of_a_data_set_with_another_sign():
    samples = np.array([[0, 2047, 2048, 4095]] * 3, "<u2")
    ds = opened(jpegll.encode(samples, precision=12), syntax=SV1, shape=(3, 4), stored=12, signed=True)
    assert ds.pixel_array[0].tolist() == [0, 2047, -2048, -1]


def test_other_rows_are_never_cropped():
    ds = opened(jpegll.encode(np.zeros((5, 4), "<u2"), precision=12), syntax=SV1, shape=(3, 4))
    with pytest.raises(DecodeError, match="5 rows, the data set says 3"):
        ds.pixel_array


def test_a_third_partys_colour(monkeypatch):
    """A decoder that does not convert is converted for; one that says RGB is believed."""
    ic = pytest.importorskip("imagecodecs")
    monkeypatch.setattr(registry, "_rows", list(registry._rows))
    stream = ic.jpeg8_encode(COLOUR, level=98, subsampling="444")
    seen = []

    class Third:
        answer: Decoded | None = None

        def decode(self, src, info, out):
            seen.append((info.wanted_rgb, info.stream.jfif))
            out[:] = bytes([76, 85, 255]) * (len(out) // 3)
            return self.answer

    third = Third()
    fastdicom.codecs.register_decoder("third", third, BASELINE)
    ds = opened(stream, "YBR_FULL_422", allocated=8)
    assert ds.decode(decoder="third")[0, 0].tolist() == [254, 0, 0]
    assert ds.decode(decoder="third", raw=True)[0, 0].tolist() == [76, 85, 255]
    third.answer = Decoded(photometric_interpretation="RGB")
    assert ds.decode(decoder="third")[0, 0].tolist() == [76, 85, 255]
    assert seen == [(True, True), (False, True), (True, True)]


def test_frames_that_differ_are_each_followed():
    ic = pytest.importorskip("imagecodecs")
    streams = [ic.jpeg8_encode(COLOUR, level=98, outcolorspace=space, subsampling=None) for space in ("RGB", "YCBCR", "RGB")]
    data = image(None, 32, 64, samples=3, photometric="YBR_FULL", planar=0, allocated=8, frames=3) + encapsulated(streams)
    ds = fastdicom.dcmread(part10(data, BASELINE))
    with pytest.warns(DicomWarning, match="the stream was followed"):
        array = ds.pixel_array
    assert all(near(frame, COLOUR, 40) for frame in array)
    assert all(near(frame, COLOUR) for frame in array[::2])
