"""Our plug-ins among pydicom's decoders: its arrays, its options, its errors, and everything as before when they are taken back."""

from __future__ import annotations

import io
import logging
import struct
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pydicom = pytest.importorskip("pydicom")
imagecodecs: Any = pytest.importorskip("imagecodecs")

import pydicom.dataset  # noqa: E402, F811
from pydicom._uid_dict import UID_dictionary  # noqa: E402
from pydicom.data import get_testdata_file  # noqa: E402
from pydicom.dataset import Dataset, FileMetaDataset  # noqa: E402
from pydicom.encaps import encapsulate, generate_frames  # noqa: E402
from pydicom.pixels import get_decoder, iter_pixels  # noqa: E402
from pydicom.pixels.decoders import base  # noqa: E402
from pydicom.uid import UID  # noqa: E402
from tests import jpegll_builder, rle_builder  # noqa: E402

import fastdicom  # noqa: E402
from fastdicom.codecs import registry  # noqa: E402
from fastdicom.errors import DecodeError, DicomWarning  # noqa: E402
from fastdicom.pydicom import dcmread, decoders, direct, frames  # noqa: E402

RLE, LOSSLESS, J2K, BASELINE, EXTENDED = (f"1.2.840.10008.1.2.{end}" for end in ("5", "4.70", "4.90", "4.50", "4.51"))
JPEG_LS, JPEG_XL, DEFLATED, PLAIN = (f"1.2.840.10008.1.2.{end}" for end in ("4.80", "4.110", "8.1", "1.98"))
LOSSLESS_FILES = [
    "MR_small_RLE.dcm",
    "SC_rgb_rle_16bit_2frame.dcm",
    "MR_small_jp2klossless.dcm",
    "J2K_pixelrep_mismatch.dcm",
    "693_J2KI.dcm",
    "GDCMJ2K_TextGBR.dcm",
    "MR_small_jpeg_ls_lossless.dcm",
    "JPEGLSNearLossless_16.dcm",
    "SC_rgb_jls_lossy_line.dcm",
]
LOSSY_FILES = [
    "SC_rgb_jpeg_dcmtk.dcm",
    "SC_rgb_jpeg_app14_dcmd.dcm",
    "SC_rgb_small_odd_jpeg.dcm",
    "JPGExtended.dcm",
]

pytestmark = [
    pytest.mark.skipif(not pydicom.__version__.startswith("3.0"), reason="compares with what pydicom 3.0 does"),
    # pydicom's own: what a test file says that is not so
    pytest.mark.filterwarnings("ignore:The .0028,0004. 'Photometric Interpretation' value:UserWarning"),
]


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)
    decoders.unregister()
    yield
    decoders.unregister()
    logging.getLogger("pydicom").setLevel(logging.NOTSET)


@pytest.fixture
def ours() -> None:
    decoders.register()


def pixel_array(src: Any, **options: Any) -> Any:
    return pydicom.pixels.pixel_array(src, **options)  # whatever stands there now


def read(name: str) -> Any:
    path = get_testdata_file(name, download=False)
    if path is None:
        pytest.skip(f"{name} is not among the files of pydicom")
    return pydicom.dcmread(path)


def made(uid: str, streams: list[bytes], pixels: np.ndarray, **elements: Any) -> Any:
    """A data set of these streams, each a frame like `pixels`."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = UID(uid)
    ds.Rows, ds.Columns = pixels.shape[:2]
    ds.SamplesPerPixel = 3 if pixels.ndim == 3 else 1
    ds.PhotometricInterpretation = "RGB" if pixels.ndim == 3 else "MONOCHROME2"
    if pixels.ndim == 3:
        ds.PlanarConfiguration = 0
    ds.BitsAllocated = ds.BitsStored = 8 * pixels.itemsize
    ds.HighBit = ds.BitsStored - 1
    ds.PixelRepresentation = int(pixels.dtype.kind == "i")
    if len(streams) > 1:
        ds.NumberOfFrames = len(streams)
    ds.PixelData = encapsulate(streams)
    ds["PixelData"].VR = "OB"
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    return ds


def image(shape: tuple[int, ...] = (16, 24), dtype: str = "u2", high: int = 4096) -> np.ndarray:
    low = -high if dtype.startswith("i") else 0
    return np.random.default_rng(5).integers(low, high, shape).astype(dtype)


def state() -> Any:
    """All of pydicom that is changed, in order."""
    table = [
        (uid, decoder, list(decoder._available.items()), list(decoder._unavailable.items()), sorted(vars(decoder)))
        for uid, (decoder, _) in base._PIXEL_DATA_DECODERS.items()
    ]
    names = [module.pixel_array for module in (pydicom, pydicom.pixels, pydicom.pixels.utils, pydicom.dataset)]
    return table, list(UID_dictionary), list(base.PROCESSORS), names, pydicom.dataset.get_image_pixel_ids


# Registration


@pytest.mark.parametrize("first", [True, False])
def test_unregister_leaves_nothing(first):
    before = state()
    tables = [decoder._available for decoder, _ in base._PIXEL_DATA_DECODERS.values()]
    for _ in range(2):
        decoders.register(first)
        assert decoders.is_registered()
    assert state() != before
    assert ("pydicom.pixels.pixel_array" in decoders.replaced()) == first
    decoders.unregister()
    decoders.unregister()
    assert state() == before
    assert all(a is b._available for a, (b, _) in zip(tables, base._PIXEL_DATA_DECODERS.values(), strict=True))
    assert not decoders.is_registered()
    assert decoders.replaced() == ()


def test_first_and_last():
    syntaxes = [uid for uid, (decoder, _) in base._PIXEL_DATA_DECODERS.items() if decoder.is_encapsulated]
    before = {uid: list(get_decoder(uid)._available) for uid in syntaxes}
    decoders.register()
    assert {uid: list(get_decoder(uid)._available) for uid in syntaxes} == {uid: ["fastdicom", *before[uid]] for uid in syntaxes}
    decoders.register(first=False)
    assert {uid: list(get_decoder(uid)._available) for uid in syntaxes} == {uid: [*before[uid], "fastdicom"] for uid in syntaxes}


def test_what_others_add_meanwhile_stays(ours):
    decoder = get_decoder(RLE)
    before = [label for label in decoder._available if label != "fastdicom"]
    decoder._available["theirs"] = lambda src, runner: b""
    try:
        decoders.register()
        decoders.unregister()
        assert list(decoder._available) == [*before, "theirs"]
    finally:
        decoder.remove_plugin("theirs")


def test_somebody_elses_plug_in_of_that_name():
    decoder = get_decoder(RLE)
    before = state()
    decoder._available["fastdicom"] = None
    try:
        with pytest.raises(ValueError, match="not ours"):
            decoders.register()
    finally:
        del decoder._available["fastdicom"]
    assert state() == before


def test_a_decoder_that_is_not_installed(monkeypatch):
    monkeypatch.setattr(registry, "_is_there", lambda name: False)
    before = state()
    decoders.register()
    decoder = get_decoder(JPEG_LS)
    assert "fastdicom" not in decoder.available_plugins
    assert "fastdicom - requires imagecodecs" in decoder.missing_dependencies
    assert next(iter(get_decoder(RLE)._available)) == "fastdicom"  # needs nothing
    decoders.unregister()
    assert state() == before


def test_while_threads_read():
    pixels = image()
    ds = made(RLE, [rle_builder.encoded(pixels)], pixels)
    stop = threading.Event()
    failures: list[Any] = []

    def work() -> None:
        while not stop.is_set():
            try:
                if not np.array_equal(get_decoder(RLE).as_array(ds)[0], pixels):
                    failures.append("other pixels")
            except Exception as error:
                failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for turn in range(40):
        decoders.register(first=turn % 3 != 0)
        decoders.unregister()
    stop.set()
    for thread in threads:
        thread.join()
    assert not failures


# The pixels


def everything(name: str) -> list[Any]:
    """What pydicom gives of a file, in every way that it has."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ds = read(name)
        decoder = get_decoder(ds.file_meta.TransferSyntaxUID)
        found = [ds.pixel_array, pixel_array(ds, raw=True), pixel_array(ds.filename), pixel_array(ds.filename, index=0, raw=True)]
        found += [decoder.as_array(ds, as_rgb=False)[0], decoder.as_array(ds, index=0)[0]]
        found += [pixel_array(dcmread(ds.filename), index=0), dcmread(ds.filename).pixel_array]
        if name != "J2K_pixelrep_mismatch.dcm":  # a fault of pydicom 3.0 with GDCM: it corrects bytes that cannot be written to
            found += [*iter_pixels(ds.filename, indices=[0]), *(array for array, _ in decoder.iter_array(ds))]
        return [*found, decoder.as_array(ds)[1], decoder.as_array(ds, raw=True)[1]]


@pytest.mark.parametrize("name", LOSSLESS_FILES + LOSSY_FILES)
def test_as_pydicom(name):
    before = everything(name)
    decoders.register()
    after = everything(name)
    assert len(before) == len(after)
    for theirs, mine in zip(before, after, strict=True):
        if isinstance(theirs, dict):
            assert mine == theirs
            continue
        assert (mine.shape, mine.dtype) == (theirs.shape, theirs.dtype)
        assert mine.flags.writeable
        assert np.abs(mine.astype(np.int64) - theirs).max() <= (name in LOSSY_FILES)


@pytest.mark.parametrize("uid", (RLE, JPEG_LS, J2K, BASELINE))
@pytest.mark.parametrize("options", ({}, {"raw": True}, {"as_rgb": False}, {"indices": [1, 0]}, {"indices": [0, 2], "raw": True}), ids=str)
def test_frames_one_by_one(uid, options):
    """One runner goes from index to index: what was said of one frame must not be taken for the next."""
    colours = np.array([(100, 90, 200), (200, 130, 140), (50, 160, 110)], "u1")
    pixels = np.ascontiguousarray(np.broadcast_to(colours[:, None, None], (3, 16, 24, 3)))
    if uid == RLE:
        streams = [rle_builder.encoded(each) for each in pixels]
    elif uid == JPEG_LS:
        streams = [imagecodecs.jpegls_encode(each) for each in pixels]
    elif uid == J2K:
        streams = [imagecodecs.jpeg2k_encode(each, codecformat="j2k", mct=False, level=0) for each in pixels]
    else:
        streams = [
            imagecodecs.jpeg8_encode(each, level=95, colorspace="YCBCR", outcolorspace="YCBCR", subsampling="444") for each in pixels
        ]
    ds = made(uid, streams, pixels[0], PhotometricInterpretation="YBR_FULL")
    decoder = get_decoder(UID(uid))

    def frames_of() -> list[tuple[np.ndarray, str]]:
        return [(each.astype(int), told["photometric_interpretation"]) for each, told in decoder.iter_array(ds, **options)]

    wanted = frames_of()
    decoders.register()
    found = frames_of()
    assert len(found) == len(wanted) == len(options.get("indices", (0, 1, 2)))
    for (here, said), (there, meant) in zip(found, wanted, strict=True):
        assert said == meant
        assert np.abs(here - there).max() <= (3 if uid == BASELINE else 0)


@pytest.mark.parametrize(
    "name", ["MR_small_RLE.dcm", "SC_rgb_rle_16bit_2frame.dcm", "MR_small_jpeg_ls_lossless.dcm", "examples_ybr_color.dcm"]
)
def test_buffers_and_options(name):
    def given() -> list[Any]:
        ds = read(name)
        decoder = get_decoder(ds.file_meta.TransferSyntaxUID)
        found = [decoder.as_buffer(ds), decoder.as_buffer(ds, index=0), *decoder.iter_buffer(ds, indices=[0])]
        if ds.SamplesPerPixel == 3 and ds.BitsAllocated == 8:
            found.append(decoder.as_array(ds, force_ybr=True, index=0)[0].tobytes())
            found.append(decoder.as_array(ds, force_rgb=True, index=0)[0].tobytes())
        return found

    before = given()
    decoders.register()
    assert given() == before


def test_unused_bits_are_the_callers(ours):
    """RLE compresses whole cells: with correct_unused_bits=False there is what was in them, such as overlays."""
    pixels = image(high=1 << 16)
    ds = made(RLE, [rle_builder.encoded(pixels)], pixels, BitsStored=12, HighBit=11)
    decoder = get_decoder(RLE)
    assert np.array_equal(decoder.as_array(ds)[0], pixels & 0xFFF)
    assert np.array_equal(ds.pixel_array, pixels & 0xFFF)
    assert np.array_equal(decoder.as_array(ds, correct_unused_bits=False)[0], pixels)
    assert decoder.as_buffer(ds)[0] == pixels.tobytes()
    assert np.array_equal(next(decoder.iter_array(ds))[0], pixels & 0xFFF)


def test_unused_bits_of_lossless_jpeg(ours):
    """A stream of whole cells, 16 bits where 12 are stored: what lies above is no sample."""
    pixels = image(high=1 << 16)
    ds = made(LOSSLESS, [jpegll_builder.encode(pixels, precision=16)], pixels, BitsStored=12, HighBit=11)
    decoder = get_decoder(LOSSLESS)
    for array in (ds.pixel_array, decoder.as_array(ds)[0], next(decoder.iter_array(ds))[0]):
        assert np.array_equal(array, pixels & 0xFFF)
    assert np.array_equal(decoder.as_array(ds, correct_unused_bits=False)[0], pixels)
    assert decoder.as_buffer(ds)[0] == pixels.tobytes()


def test_signs_of_jpeg_2000(ours):
    pixels = image(dtype="i2", high=2048)
    stream = imagecodecs.jpeg2k_encode((pixels & 0xFFF).astype("u2"), level=0, bitspersample=12)
    ds = made(J2K, [stream], pixels, BitsStored=12, HighBit=11)
    decoder = get_decoder(J2K)
    assert np.array_equal(ds.pixel_array, pixels)
    assert np.array_equal(decoder.as_array(ds)[0], pixels)
    assert np.array_equal(next(decoder.iter_array(ds))[0], pixels)
    assert np.array_equal(decoder.as_array(ds, apply_j2k_sign_correction=False)[0], pixels & 0xFFF)


def test_white_does_not_become_black(ours):
    """A lossy stream that overshoots Bits Stored: pydicom would cut off the bits, and leave the darkest of the brightest samples."""
    pixels = np.full((16, 16), 1030, np.uint16)
    ds = made(EXTENDED, [imagecodecs.jpeg8_encode(pixels, bitspersample=12, level=100)], pixels, BitsStored=10, HighBit=9)
    for array in (ds.pixel_array, get_decoder(EXTENDED).as_array(ds)[0], next(get_decoder(EXTENDED).iter_array(ds))[0]):
        assert abs(int(array[3, 3]) - 1030) <= 8


def test_colour_that_the_stream_tells(ours):
    """Subsampled chrominance under RGB: nobody subsamples green and blue. pydicom gives luminance and chrominance as RGB."""
    ds = read("SC_rgb_jpeg_lossy_gdcm.dcm")
    pixels = np.full((16, 16, 3), (254, 0, 0), np.uint8)
    ds = made(BASELINE, [imagecodecs.jpeg8_encode(pixels, level=95, subsampling="420")], pixels)
    stream = bytearray(next(generate_frames(ds.PixelData, number_of_frames=1)))
    at = stream.find(b"JFIF")
    if at > 0:  # of what the stream says, only the sampling is left
        stream[at : at + 4] = b"none"
        ds.PixelData = encapsulate([bytes(stream)])
    decoder = get_decoder(BASELINE)
    with pytest.warns(DicomWarning, match="subsampled"):
        array = ds.pixel_array
    assert np.abs(array.astype(int) - pixels).max() <= 3
    with pytest.warns(DicomWarning, match="subsampled"):
        frame, said = next(decoder.iter_array(ds))
    assert np.abs(frame.astype(int) - array).max() <= 1
    assert said["photometric_interpretation"] == "RGB"
    with pytest.warns(DicomWarning, match="subsampled"):
        raw, said = decoder.as_array(ds, raw=True)
    assert np.abs(raw[0, 0].astype(int) - (76, 85, 255)).max() <= 2
    assert said["photometric_interpretation"].startswith("YBR_FULL")


def test_colour_that_nobody_can_tell(ours):
    pixels = image((16, 16, 3), "u1", 256)
    ds = made(J2K, [imagecodecs.jpeg2k_encode(pixels, level=0, mct=True)], pixels, PhotometricInterpretation="YBR_FULL")
    decoder = get_decoder(J2K)
    for failing in (lambda: ds.pixel_array, lambda: decoder.as_array(ds), lambda: next(decoder.iter_array(ds))):
        with pytest.raises(RuntimeError, match="multiple component transform"):
            failing()
    assert np.array_equal(decoder.as_array(ds, raw=True)[0], pixels)
    assert np.array_equal(next(decoder.iter_array(ds, raw=True))[0], pixels)


def test_many_frames_on_threads(ours):
    few = np.stack([image((256, 256), high=60000) + n for n in range(4)])
    ds = made(RLE, [rle_builder.encoded(frame) for frame in few] * 18, few[0])  # more than 8 MiB: on threads
    expected = np.concatenate([few] * 18)
    assert np.array_equal(ds.pixel_array, expected)
    assert np.array_equal(pixel_array(ds, index=70), expected[70])
    assert np.array_equal(get_decoder(RLE).as_array(ds)[0], expected)


# Syntaxes that pydicom has no decoder for


@pytest.mark.parametrize("uid", [JPEG_XL, DEFLATED, PLAIN, "1.2.840.10008.1.2.4.55"])
def test_syntaxes_without_a_decoder_of_pydicoms(uid):
    pixels = image((16, 24), "u1", 256)
    if uid == JPEG_XL:
        stream = imagecodecs.jpegxl_encode(pixels, lossless=True)
    elif uid == DEFLATED:
        stream = imagecodecs.deflate_encode(pixels.tobytes(), raw=True)
    elif uid == PLAIN:
        stream = pixels.tobytes()
    else:
        stream = imagecodecs.jpeg8_encode(pixels, level=95)
        pixels = imagecodecs.jpeg8_decode(stream)
    ds = made(uid, [stream] * 2, pixels)
    with pytest.raises(NotImplementedError):
        _ = ds.pixel_array
    decoders.register()
    assert np.array_equal(ds.pixel_array, np.stack([pixels] * 2))
    assert np.array_equal(pixel_array(ds, index=1), pixels)
    assert UID(uid).is_encapsulated
    ds.decompress(generate_instance_uid=False)
    assert ds.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
    assert np.array_equal(ds.pixel_array, np.stack([pixels] * 2))


def test_jpeg_xl_in_xyb(ours):
    """PS3.5 8.2.15 names it XYB, a name that pydicom does not know; what comes out is RGB."""
    pixels = image((32, 32, 3), "u1", 256)
    stream = imagecodecs.jpegxl_encode(pixels, distance=1.0)
    ds = made("1.2.840.10008.1.2.4.112", [stream], pixels, PhotometricInterpretation="XYB")
    expected = imagecodecs.jpegxl_decode(stream)
    assert np.array_equal(ds.pixel_array, expected)
    decoder = get_decoder("1.2.840.10008.1.2.4.112")
    assert decoder.as_array(ds, raw=True)[1]["photometric_interpretation"] == "RGB"
    assert np.array_equal(next(decoder.iter_array(ds))[0], expected)
    assert decoder.as_buffer(ds)[0] == expected.tobytes()


# Errors


def broken(uid: str) -> Any:
    if uid == LOSSLESS:
        pixels = image(dtype="u2")
        stream = jpegll_builder.encode(pixels, precision=12)
        stream = stream[: len(stream) // 2] + b"\xff\xd9"
    else:
        pixels = image((64, 64), high=65536)
        stream = imagecodecs.jpeg2k_encode(pixels, level=0)
        stream = stream[: len(stream) * 3 // 4]
    return made(uid, [stream], pixels)


@pytest.fixture
def guess(monkeypatch) -> Iterator[list[str]]:
    """A plug-in behind ours, in two decoders, that makes black of everything; what it was asked for."""
    asked: list[str] = []

    def black(src: bytes, runner: Any) -> bytearray:
        asked.append(str(runner.transfer_syntax))
        return bytearray(runner.frame_length())

    for uid in (LOSSLESS, J2K, BASELINE):
        monkeypatch.setattr(get_decoder(uid), "_available", {"black": black})
    yield asked
    decoders.unregister()


@pytest.mark.parametrize("uid", [LOSSLESS, J2K])
def test_what_is_broken_is_an_error(uid, guess):
    decoders.register()
    ds = broken(uid)
    decoder = get_decoder(uid)
    ways = [
        lambda: ds.pixel_array,
        lambda: decoder.as_array(ds),
        lambda: decoder.as_array(ds, index=0),
        lambda: decoder.as_buffer(ds),
        lambda: list(decoder.iter_array(ds)),
        lambda: list(decoder.iter_buffer(ds)),
        lambda: pydicom.pixels.decompress(ds),
    ]
    for way in ways:
        with pytest.raises(RuntimeError, match=r"fastdicom: (.|\n)*black: not asked"):
            way()
    assert not guess
    decoders.register(strict=False)
    assert ds.pixel_array.max() == 0  # somebody else's guess, as was asked for
    assert guess


def test_a_stream_of_another_kind_goes_to_the_next(guess):
    decoders.register()
    pixels = image((8, 8), "u1", 255)
    stream = bytearray(imagecodecs.jpeg8_encode(pixels, level=95))
    stream[stream.find(b"\xff\xc0") + 1] = 0xC5  # a hierarchical process, which nobody decodes
    ds = made(BASELINE, [bytes(stream)], pixels)
    assert ds.pixel_array.max() == 0
    assert get_decoder(BASELINE).as_array(ds)[0].max() == 0
    assert len(guess) == 2


def test_fewer_and_more_frames_than_are_said(ours):
    pixels = image()
    ds = made(RLE, [rle_builder.encoded(pixels)] * 2, pixels, NumberOfFrames=5)
    for failing in (lambda: ds.pixel_array, lambda: get_decoder(RLE).as_array(ds)):
        with pytest.raises((RuntimeError, ValueError), match="frames"):
            failing()
    pixels = pixels.astype("u1")
    ds = made(BASELINE, [imagecodecs.jpeg8_encode(pixels, level=95)] * 3, pixels, NumberOfFrames=2)
    with pytest.warns(UserWarning, match="3 frames have been found"):
        assert ds.pixel_array.shape == (3, 16, 24)
    assert get_decoder(BASELINE).as_array(ds, allow_excess_frames=False)[0].shape == (2, 16, 24)


def test_no_memory_for_what_a_header_says(ours):
    pixels = image()
    ds = made(RLE, [rle_builder.encoded(pixels)], pixels, Rows=20000, Columns=20000)
    with pytest.raises(DecodeError, match="cannot hold"):
        direct.array_of(ds, None, False, lambda uid: True)
    with pytest.raises(RuntimeError, match="cannot hold"):
        list(get_decoder(RLE).iter_array(ds, decoding_plugin="fastdicom"))


@pytest.mark.parametrize("options", [{"bits_allocated": 24}, {"bits_stored": 0}, {"rows": -1}, {"samples_per_pixel": 2}])
def test_options_that_nobody_checked(options, ours):
    pixels = image()
    ds = made(RLE, [rle_builder.encoded(pixels)], pixels)
    with pytest.raises((RuntimeError, ValueError, NotImplementedError)):
        get_decoder(RLE).as_array(ds, validate=False, decoding_plugin="fastdicom", **options)


# What pydicom does with its data sets


def test_the_array_is_kept_until_an_element_changes(ours):
    pixels = image()
    ds = made(RLE, [rle_builder.encoded(pixels)], pixels)
    kept = ds.pixel_array
    assert ds.pixel_array is kept
    ds.PixelData = encapsulate([rle_builder.encoded(pixels + 1)])
    assert np.array_equal(ds.pixel_array, pixels + 1)
    ds.BitsStored, ds.HighBit = 4, 3
    assert np.array_equal(ds.pixel_array, (pixels + 1) & 0xF)
    ds.pixel_array_options(index=0, raw=True)
    assert np.array_equal(ds.pixel_array, (pixels + 1) & 0xF)


def test_the_ids_are_pydicoms(ours):
    for name in ("MR_small_RLE.dcm", "SC_rgb_rle_16bit_2frame.dcm", "CT_small.dcm"):
        ds = read(name)
        assert pydicom.dataset.get_image_pixel_ids(ds) == pydicom.pixels.utils.get_image_pixel_ids(ds)


def test_by_name(ours):
    ds = read("MR_small_RLE.dcm")
    expected = ds.pixel_array
    for label in get_decoder(RLE).available_plugins:
        again = read("MR_small_RLE.dcm")
        again.convert_pixel_data(label)
        assert np.array_equal(again.pixel_array, expected)
        assert np.array_equal(pixel_array(ds, decoding_plugin=label), expected)
    with pytest.raises(ValueError, match="No plugin named"):
        pixel_array(ds, decoding_plugin="nobody")


@pytest.mark.parametrize("name", ["MR_small_RLE.dcm", "SC_rgb_rle_2frame.dcm", "MR_small_jp2klossless.dcm"])
def test_decompress(name):
    def bytes_of() -> bytes:
        ds = read(name)
        ds.decompress(generate_instance_uid=False)
        out = io.BytesIO()
        ds.save_as(out)
        return out.getvalue()

    before = bytes_of()
    decoders.register()
    assert bytes_of() == before


def test_others_processing_sees_what_pydicom_would_show(ours):
    """Somebody who put a function behind pydicom's gets what pydicom would hand on; ours does not go around it."""
    seen = []

    def theirs(arr: Any, runner: Any, changes: dict[str, Any]) -> Any:
        seen.append((str(runner.photometric_interpretation), changes.get("photometric_interpretation")))
        return arr

    base.PROCESSORS.append(theirs)
    try:
        array = read("examples_ybr_color.dcm").pixel_array
    finally:
        base.PROCESSORS.remove(theirs)
    assert seen == [("YBR_FULL_422", "RGB")]
    assert np.abs(array.astype(int) - read("examples_ybr_color.dcm").pixel_array).max() <= 1


def test_one_frame_of_a_file_is_read_alone(tmp_path: Path, ours):
    pixels = image((256, 256), high=65536)
    stream = rle_builder.encoded(pixels)
    ds = made(RLE, [stream] * 40, pixels)
    ds.SOPClassUID, ds.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7.3", "1.2.3"
    path = tmp_path / "many.dcm"
    ds.save_as(path, enforce_file_format=True)
    count = 0

    class Counted(io.FileIO):
        def readinto(self, buffer: Any) -> int:
            nonlocal count
            number = super().readinto(buffer)
            count += number
            return number

    with io.BufferedReader(Counted(path), 4096) as file:
        assert np.array_equal(pixel_array(file, index=33), pixels)
    assert len(stream) < count < 2 * len(stream) < path.stat().st_size // 10
    assert np.array_equal(pixel_array(path, index=33), pixels)
    ds = dcmread(path)
    assert np.array_equal(pixel_array(str(path), index=39), pixels)
    assert np.array_equal(pixel_array(ds, index=33), pixels)
    assert ds.PixelData == pydicom.dcmread(path).PixelData
    for bad in (40, -1, 1.5):
        with pytest.raises(Exception, match=r".") as error:
            pixel_array(path, index=bad)
        decoders.unregister()
        with pytest.raises(error.type):  # pydicom's own, whatever it is
            pixel_array(path, index=bad)
        decoders.register()
    ds.Rows = 512  # changed: it is no longer the file's
    with pytest.raises(RuntimeError):
        pixel_array(ds, index=33)
    with pytest.raises(FileNotFoundError):
        pixel_array(tmp_path / "none.dcm")


def irregular() -> Iterator[tuple[str, bytes]]:
    """Files of which our own reader has something to say, and pydicom perhaps."""
    pixels = image((16, 24))
    ds = made(RLE, [rle_builder.encoded(pixels)], pixels)
    ds.SOPClassUID, ds.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", "1.2.3"
    out = io.BytesIO()
    ds.save_as(out, enforce_file_format=True)
    data = out.getvalue()
    rows, stream = (data.index(struct.pack("<HH", *tag) + vr) for tag, vr in (((0x28, 0x10), b"US"), ((0x7FE0, 0x10), b"OB")))

    def element(group: int, number: int, vr: bytes, value: bytes) -> bytes:
        return struct.pack("<HH2sH", group, number, vr, len(value)) + value

    def put(place: int, *elements: bytes) -> bytes:
        return data[:place] + b"".join(elements) + data[place:]

    yield "regular", data
    yield "order", put(stream, element(0x10, 0x20, b"LO", b"abcd"))
    yield "duplicate", put(rows, element(0x28, 0x10, b"US", b"\x10\0"))
    yield "VR", put(stream, element(0x29, 0x10, b"ZZ", b"ab"))
    yield "trailing bytes", data + b"abc"
    yield "trailing zeros", data + bytes(200)
    yield "element behind", data + element(0x10, 0x20, b"LO", b"abcd")
    yield "cut behind", data + element(0xFFFC, 0xFFFC, b"OB", b"\0\0\x20\0\0\0ab")
    yield "no delimiter", data[:-8]
    yield "cut delimiter", data[:-5]
    yield "group length", data[:140] + b"\1\0\0\0" + data[144:]
    for count in (b"1 ", b" 1", b"1\0", b"1.0 ", b"01", b"1\\1 ", b"0 ", b"x ", b"", b"+1", b"-1", b"1e0 "):
        yield f"frames {count!r}", put(rows, element(0x28, 8, b"IS", count))
    yield "signed rows", data.replace(element(0x28, 0x10, b"US", b"\x10\0"), element(0x28, 0x10, b"SS", b"\x10\0"))


def test_files_that_are_not_regular_are_what_they_are_to_pydicom(tmp_path: Path):
    """The same array or kind of error and the same warnings, also where warnings are errors."""

    def outcome(how: Any, path: Path, action: Any) -> Any:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter(action)
            try:
                found: Any = how(path).tobytes()
            except Exception as error:
                found = type(error)
        return found, sorted(str(each.message) for each in caught)

    ways = [
        pixel_array,
        lambda path: pixel_array(path, index=0),
        lambda path: pixel_array(dcmread(path), index=0),
        lambda path: dcmread(path).pixel_array,
    ]
    for name, data in irregular():
        path = tmp_path / "irregular.dcm"
        path.write_bytes(data)
        for action in ("always", "error"):
            decoders.unregister()
            theirs = [outcome(way, path, action) for way in ways]
            decoders.register()
            assert [outcome(way, path, action) for way in ways] == theirs, (name, action)


def test_the_same_as_under_our_own_face(ours):
    for name in [*LOSSLESS_FILES, *LOSSY_FILES]:
        ds = read(name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert np.array_equal(fastdicom.dcmread(ds.filename).pixel_array, ds.pixel_array), name


# pydicom 3.1


class Runner31(base.DecodeRunner):
    """A runner with the options a frame that pydicom 3.1 has; so much of it as a plug-in sees."""

    index = 0

    def __init__(self, uid: str, ds: Any) -> None:
        super().__init__(UID(uid))
        self.set_source(ds)
        self.frame: dict[str, Any] = {}

    def get_frame_option(self, index: int, name: str, default: Any = None) -> Any:
        assert index == self.index
        return self.frame.get(name, self.get_option(name, default))

    def set_frame_option(self, index: int, name: str, value: Any) -> None:
        assert index == self.index
        self.frame[name] = value


def test_options_of_a_frame(ours):
    ds = read("examples_ybr_color.dcm")
    src = next(generate_frames(ds.PixelData, number_of_frames=30))
    runner = Runner31(BASELINE, ds)
    rgb = decoders.decode_frame(src, runner)
    assert runner.frame == {"photometric_interpretation": "RGB", "planar_configuration": 0}
    assert runner.get_option("photometric_interpretation") == "YBR_FULL_422"
    assert rgb == pixel_array(ds, index=0).tobytes()
    runner = Runner31(BASELINE, ds)
    runner.set_option("as_rgb", False)  # as pydicom 3.1 does for raw=True
    assert decoders.decode_frame(src, runner) == pixel_array(ds, index=0, raw=True).tobytes()
    assert runner.frame == {"planar_configuration": 0}


def test_packed_bits(ours):
    """Pixels of 1 bit come unpacked: 3.1 is told so; 3.0 knows no such frames, but its arrays have room."""
    bits = image((8, 16), "u1", 2)
    stream = rle_builder.frame([rle_builder.packed(np.packbits(bits, bitorder="little").tobytes())])
    ds = made(RLE, [stream], bits, BitsAllocated=1, BitsStored=1, HighBit=0)
    runner = Runner31(RLE, ds)
    assert decoders.decode_frame(stream, runner) == bits.tobytes()
    assert runner.frame["bits_allocated"] == 8
    assert np.array_equal(ds.pixel_array, bits)
    with pytest.raises(RuntimeError, match="packed bits"):
        next(get_decoder(RLE).iter_array(ds, decoding_plugin="fastdicom"))


def test_the_error_has_our_type_where_a_plug_in_is_called(ours):
    with pytest.raises(DecodeError):
        frames.decode_one(Runner31(LOSSLESS, broken(LOSSLESS)), b"\xff\xd8\xff")
