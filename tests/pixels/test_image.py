"""Pictures: what a workstation shows of a data set, step by step, and against dcmtk's pictures where that is installed."""

from __future__ import annotations

import shutil
import subprocess
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import corpus
import fastdicom
from builders import EXPLICIT_LITTLE, IMPLICIT_LITTLE, element, encapsulated, image, item, part10, sequence
from fastdicom import DecodeError, DicomWarning, MissingElementError, UnsupportedError
from fastdicom.pixels import contact_sheet, pixel_array_rescaled, pixel_aspect, square_pixels, to_png
from lut_builder import lut_item, modality_lut, opened, palette, rescale, voi_lut, window

RAMP = np.arange(256, dtype="<u2").reshape(16, 16)
SIGNED = np.arange(-128, 128, dtype="<i2").reshape(16, 16)


def linear(x, center: float, width: float) -> np.ndarray:
    """PS3.3 C.11.2.1.2.1 from 0 to 255, rounded half up."""
    y = ((np.asarray(x, float) - (center - 0.5)) / (width - 1) + 0.5) * 255
    return np.floor(np.clip(y, 0, 255) + 0.5).astype(np.uint8)


def stretched(x) -> np.ndarray:
    x = np.asarray(x, float)
    return np.floor((x - x.min()) / (x.max() - x.min()) * 255 + 0.5).astype(np.uint8)


def test_from_the_least_to_the_greatest():
    for pixels in (RAMP * 16, SIGNED, RAMP.astype("u1"), RAMP.astype("<u4") * 70000, SIGNED.astype("<i4")):
        image = opened(pixels).to_image()
        assert image.dtype == np.uint8
        assert np.array_equal(image, stretched(pixels))
        assert image.flags.writeable


def test_window_of_the_data_set_and_of_the_caller():
    ds = opened(RAMP, window("100\\50", "80\\10"))
    assert np.array_equal(ds.to_image(), linear(RAMP, 100, 80))
    assert np.array_equal(ds.to_image(window=(60, 33)), linear(RAMP, 60, 33))
    assert np.array_equal(ds.to_image((60, 33)), linear(RAMP, 60, 33))
    ds = opened(SIGNED, rescale("2", "-1000"), window("-1000", "100"))
    assert np.array_equal(ds.to_image(), linear(SIGNED * 2.0 - 1000, -1000, 100))


def test_window_functions():
    ds = opened(RAMP, window("100", "80", "LINEAR_EXACT"))
    expected = np.floor(np.clip(((RAMP - 100.0) / 80 + 0.5) * 255, 0, 255) + 0.5)
    assert np.array_equal(ds.to_image(), expected)
    ds = opened(RAMP, window("100", "80", "SIGMOID"))
    assert np.array_equal(ds.to_image(), np.floor(255 / (1 + np.exp(-4 * (RAMP - 100.0) / 80)) + 0.5))
    assert np.array_equal(ds.to_image((50, 20)), np.floor(255 / (1 + np.exp(-4 * (RAMP - 50.0) / 20)) + 0.5))


@pytest.mark.parametrize("bad", ((5, 0), (5, 0.5), (5, -3), (float("nan"), 3), (5, float("inf"))))
def test_windows_that_are_none(bad):
    with pytest.raises(ValueError, match=r"window|WindowWidth"):
        opened(RAMP).to_image(bad)
    for nonsense in (7, (1,), (1, 2, 3), "ab", ("x", "y")):
        with pytest.raises(TypeError, match="window"):
            opened(RAMP).to_image(nonsense)


@pytest.mark.filterwarnings("ignore:.*WindowCenter:fastdicom.DicomWarning", "ignore:.*Window Center:fastdicom.DicomWarning")
@pytest.mark.parametrize("module", (window("5", "0"), window("x", "7"), window("5", "9", "CUBIC"), voi_lut(lut_item([1], 0, 16, count=9))))
def test_damaged_views_are_passed_over(module):
    ds = opened(RAMP, module)
    with pytest.warns(DicomWarning, match="ignored"):
        assert np.array_equal(ds.to_image(), stretched(RAMP))


def test_damaged_modality_is_an_error():
    with pytest.raises(DecodeError, match="has 2 bytes"):
        opened(RAMP, modality_lut([1], 0, 16, count=9)).to_image()


def test_voi_lut_goes_before_a_window():
    table = np.random.default_rng(1).integers(0, 4096, 200)
    table[0] = 4095
    ds = opened(RAMP, window("100", "80"), voi_lut(lut_item(table, 20, 12)))
    expected = np.floor(table[np.clip(RAMP.astype(int) - 20, 0, 199)] * 255 / 4095 + 0.5)
    assert np.array_equal(ds.to_image(), expected)
    assert np.array_equal(ds.to_image((100, 80)), linear(RAMP, 100, 80))


def test_voi_lut_after_rescale():
    """What is no whole number is rounded to the nearest entry."""
    table = np.arange(256)[::-1]
    ds = opened(RAMP, rescale("0.5", "0.2"), voi_lut(lut_item(table, 0, 8)))
    assert np.array_equal(ds.to_image(), 255 - np.floor(RAMP * 0.5 + 0.7).astype(int))


def test_modality_lut():
    table = np.random.default_rng(1).integers(0, 65536, 256)
    ds = opened(RAMP, modality_lut(table, 0, 16))
    assert np.array_equal(ds.to_image(), stretched(table[RAMP]))
    assert np.array_equal(ds.pixel_array_rescaled, table[RAMP])
    ds = opened(RAMP, modality_lut(table, 0, 16), window("30000", "20000"))
    assert np.array_equal(ds.to_image(), linear(table[RAMP], 30000, 20000))


@pytest.mark.parametrize(("relation", "applied"), (("LIN", True), ("LOG", False), ("DISP", False), ("", True)))
def test_modality_lut_of_x_ray_angiography(relation, applied):
    """PS3.3 C.8.7.1.1.2: of logarithmic intensity it is for measuring."""
    more = element(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.12.1") + element(0x00281040, "CS", relation)
    table = np.arange(256)[::-1]
    ds = opened(RAMP, more, modality_lut(table, 0, 16))
    assert np.array_equal(ds.to_image(), stretched(table[RAMP] if applied else RAMP))
    assert np.array_equal(ds.pixel_array_rescaled, table[RAMP])


@pytest.mark.parametrize(
    ("photometric", "shape", "inverse"),
    (
        ("MONOCHROME1", "", True),
        ("MONOCHROME1", "INVERSE", True),
        ("MONOCHROME2", "", False),
        ("MONOCHROME2", "IDENTITY", False),
        ("MONOCHROME1", "IDENTITY", False),
        ("MONOCHROME2", "INVERSE", True),
    ),
)
def test_polarity(photometric, shape, inverse):
    ds = opened(RAMP, element(0x20500020, "CS", shape) if shape else b"", photometric=photometric)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        image = ds.to_image()
    assert np.array_equal(image, 255 - stretched(RAMP) if inverse else stretched(RAMP))
    assert len(caught) == (bool(shape) and inverse != (photometric == "MONOCHROME1"))


# Padding (C.7.5.1.1.2)


@pytest.mark.parametrize("vr", ("SS", "US"))
def test_padding_does_not_count(vr):
    pixels = SIGNED.copy()
    pixels[0] = -2000
    raw = np.array([-2000], "<i2").tobytes()
    image = opened(pixels, element(0x00280120, vr, raw)).to_image()
    assert not image[0].any()
    assert np.array_equal(image[1:], stretched(pixels[1:]))


def test_padding_of_a_range():
    pixels = RAMP.copy()
    pixels[0] = np.arange(60000, 60016)
    more = element(0x00280120, "US", 65000) + element(0x00280121, "US", 59000)
    image = opened(pixels, more).to_image()
    assert np.array_equal(image[1:], stretched(pixels[1:]))
    assert (image[0] == 255).all()


def test_nothing_but_padding():
    with pytest.warns(DicomWarning, match="all pixels are padding"):
        assert not opened(np.full((4, 4), 7, "<u2"), element(0x00280120, "US", 7)).to_image().any()


def test_one_value_on_padding():
    pixels = np.zeros((4, 4), np.uint8)
    pixels[1] = 3
    assert np.array_equal(opened(pixels, element(0x00280120, "US", 0)).to_image(), pixels * 85)


def test_one_value_only():
    assert not opened(np.full((4, 4), 7, "<u2")).to_image().any()
    assert not opened(RAMP, rescale("0", "5")).to_image().any()


@pytest.mark.parametrize(("dtype", "tag", "vr"), (("<f4", 0x7FE00008, "OF"), ("<f8", 0x7FE00009, "OD")))
def test_floating_point_pixels(dtype, tag, vr):
    from builders import image, part10

    pixels = np.linspace(-1, 3, 256).astype(dtype).reshape(16, 16)
    pixels[0, :3] = np.nan, np.inf, -np.inf
    pixels[1, 1] = 1e30 if vr == "OF" else 1e308
    data = image(None, 16, 16, allocated=32 if vr == "OF" else 64)
    padding = element(0x00280122 if vr == "OF" else 0x00280123, "FL" if vr == "OF" else "FD", pixels[1, 1:2].tobytes())
    ds = fastdicom.dcmread(part10(data + padding + element(tag, vr, pixels.tobytes())))
    shown = ds.to_image()
    assert shown[0, :3].tolist() == [0, 255, 0]
    expected = (pixels[2:].astype(float) - pixels[0, 3]) / (3.0 - pixels[0, 3]) * 255
    assert np.abs(shown[2:] - expected).max() < 0.5000001
    extreme = image(None, 1, 2, allocated=64) + element(0x7FE00009, "OD", np.array([-1.7e308, 1.7e308]).tobytes())
    assert fastdicom.dcmread(part10(extreme)).to_image().tolist() == [[0, 255]]


# Colour


def test_colour_is_shown_as_it_is():
    pixels = np.random.default_rng(1).integers(0, 256, (5, 7, 3), np.uint8)
    for photometric, planar in (("RGB", 0), ("YBR_FULL", 0)):
        ds = opened(pixels, samples=3, photometric=photometric, planar=planar)
        assert np.array_equal(ds.to_image(), ds.pixel_array)
        assert ds.to_image().flags.writeable
    with pytest.raises(ValueError, match="window is for grayscale"):
        ds.to_image((5, 9))


@pytest.mark.parametrize("stored", (5, 8, 12, 16))
def test_colour_of_other_depths(stored):
    pixels = np.random.default_rng(1).integers(0, 1 << stored, (5, 7, 3)).astype("<u2" if stored > 8 else "u1")
    image = opened(pixels, samples=3, photometric="RGB", stored=stored).to_image()
    assert np.array_equal(image, np.floor(pixels / (2.0**stored - 1) * 255 + 0.5))


def test_palette():
    tables = [np.random.default_rng(i).integers(0, 65536, 200) for i in range(3)]
    ds = opened(RAMP.astype("u1"), palette(tables, 10, 16), photometric="PALETTE COLOR")
    places = np.clip(RAMP.astype(int) - 10, 0, 199)
    assert np.array_equal(ds.to_image(), np.stack([table[places] >> 8 for table in tables], -1))
    narrow = opened(RAMP.astype("u1"), palette([table >> 8 for table in tables], 10, 16), photometric="PALETTE COLOR")
    with pytest.warns(DicomWarning, match="taken for 8 bits"):
        assert np.array_equal(narrow.to_image(), ds.to_image())
    with pytest.raises(MissingElementError, match="Descriptor is absent"):
        opened(RAMP, photometric="PALETTE COLOR").to_image()


def test_supplemental_palette():
    """C.7.6.19: samples from the first mapped one on are in colour, the others gray, windowed by their own range."""
    pixels = RAMP.copy()
    tables = [[65535, 0], [0, 32768], [0, 65535]]
    more = element(0x00089205, "CS", "COLOR") + palette(tables, 250, 16)
    image = opened(pixels, more).to_image()
    assert image.shape == (16, 16, 3)
    gray = stretched(np.arange(250))
    assert np.array_equal(image.reshape(-1, 3)[:250], np.repeat(gray[:, None], 3, -1))
    assert image.reshape(-1, 3)[250:252].tolist() == [[255, 0, 0], [0, 128, 255]]
    assert image.reshape(-1, 3)[255].tolist() == [0, 128, 255]
    plain = opened(pixels, element(0x00089205, "CS", "MONOCHROME") + palette(tables, 250, 16)).to_image()
    assert np.array_equal(plain, stretched(pixels))


def test_padding_below_a_supplemental_palette():
    """Padding is a stored sample: what the modality LUT makes of others may be the same number (PS3.3 C.7.5.1.1.2)."""
    pixels = np.array([[0, 1000, 1500], [2000, 4000, 4001]], "<u2")
    more = element(0x00089205, "CS", "COLOR") + element(0x00280120, "US", b"\0\0") + palette([[65535, 0], [0, 65535], [0, 0]], 4000, 16)
    image = opened(pixels, rescale("1", "-1000"), more).to_image()
    assert image[..., 0].reshape(-1)[:4].tolist() == [0, 0, 128, 255]


def test_colour_of_more_bits_than_are_stored():
    """The stream's bits count (PS3.5 8.2.1), in every frame, when samples show that there are more."""
    ic = pytest.importorskip("imagecodecs")
    frames = [np.full((16, 16, 3), level, np.uint8) for level in (200, 100, 40)]
    streams = [ic.jpeg8_encode(frame, level=100, colorspace="RGB", outcolorspace="RGB") for frame in frames]
    head = image(None, 16, 16, frames=3, samples=3, photometric="RGB", planar=0, allocated=8, stored=6)
    ds = fastdicom.dcmread(part10(head + encapsulated(streams), "1.2.840.10008.1.2.4.50"))
    with pytest.warns(DicomWarning):
        assert [int(ds.to_image(frame=i).max()) for i in range(2)] == [200, 100]


@pytest.mark.parametrize("frame", (1.5, True, "0", None))
def test_a_frame_that_is_no_number(frame):
    with pytest.raises(TypeError, match="frame is"):
        opened(RAMP).to_image(frame=frame)


@pytest.mark.parametrize(("photometric", "samples"), (("HSV", 3), ("MONOCHROME2", 3), ("RGB", 1), ("CMYK", 1), ("PALETTE COLOR", 3)))
def test_what_cannot_be_shown(photometric, samples):
    pixels = np.zeros((4, 4, 3) if samples == 3 else (4, 4), np.uint8)
    with pytest.raises(UnsupportedError, match="cannot be shown"):
        opened(pixels, photometric=photometric, samples=samples).to_image()


# Several frames


FRAMES = np.stack([SIGNED, SIGNED * 2, SIGNED + 500]).astype("<i2")


def groups(*per_frame: bytes, shared: bytes = b"") -> bytes:
    made = sequence(0x52009229, item(shared)) if shared else b""
    return made + sequence(0x52009230, *(item(one) for one in per_frame))


def transformation(slope: str, intercept: str) -> bytes:
    return sequence(0x00289145, item(rescale(slope, intercept)))


def frame_window(center: str, width: str) -> bytes:
    return sequence(0x00289132, item(window(center, width)))


def test_frames():
    ds = opened(FRAMES)
    for i in (0, 1, 2, -1):
        assert np.array_equal(ds.to_image(frame=i), stretched(FRAMES[i]))
    for i in (3, -4):
        with pytest.raises(IndexError, match="frame"):
            ds.to_image(frame=i)


def test_functional_groups_of_frames():
    """PS3.3 C.7.6.16: a frame's own transformation and window, else the shared ones, else those of the data set."""
    ds = opened(
        FRAMES,
        window("1", "2"),
        groups(
            frame_window("20", "100") + transformation("2", "10"),
            transformation("3", "-7"),
            shared=frame_window("-30", "200"),
        ),
    )
    assert np.array_equal(ds.to_image(frame=0), linear(FRAMES[0] * 2.0 + 10, 20, 100))
    assert np.array_equal(ds.to_image(frame=1), linear(FRAMES[1] * 3.0 - 7, -30, 200))
    assert np.array_equal(ds.to_image(frame=2), linear(FRAMES[2], -30, 200))  # fewer items than frames
    rescaled = pixel_array_rescaled(ds)
    assert rescaled.dtype == np.float64
    assert np.array_equal(rescaled, [FRAMES[0] * 2.0 + 10, FRAMES[1] * 3.0 - 7, FRAMES[2]])


def test_transformation_of_a_later_frame_only():
    ds = opened(FRAMES[:2], groups(b"", transformation("2", "-1024")))
    assert ds.pixel_array_rescaled.dtype == np.float64
    assert np.array_equal(ds.pixel_array_rescaled, [FRAMES[0], FRAMES[1] * 2.0 - 1024])


def test_shared_transformation_of_one_frame():
    ds = opened(SIGNED, groups(shared=transformation("2", "1")))
    assert np.array_equal(ds.pixel_array_rescaled, SIGNED * 2.0 + 1)
    assert np.array_equal(opened(SIGNED, rescale("2", "1")).pixel_array_rescaled, SIGNED * 2.0 + 1)
    assert opened(SIGNED).pixel_array_rescaled.dtype == np.int16


def test_segmentations():
    from builders import image, part10

    bits = np.zeros((8, 8), np.uint8)
    bits[2:4] = 1
    stored = np.packbits(bits, bitorder="little").tobytes()
    assert np.array_equal(fastdicom.dcmread(part10(image(stored, 8, 8, allocated=1))).to_image(), bits * 255)
    empty = fastdicom.dcmread(part10(image(bytes(8), 8, 8, allocated=1)))
    assert not empty.to_image().any()
    more = element(0x00620001, "CS", "FRACTIONAL") + element(0x0062000E, "US", 200)
    assert np.array_equal(opened(np.full((4, 4), 100, "u1"), more).to_image(), np.full((4, 4), 128))


# PNG


def decoded(data: bytes) -> np.ndarray:
    return pytest.importorskip("imagecodecs").png_decode(data)


def test_notebooks_and_files():
    ds = opened(RAMP)
    assert np.array_equal(decoded(ds._repr_png_()), ds.to_image())
    assert np.array_equal(decoded(to_png(ds, (60, 33))), linear(RAMP, 60, 33))
    assert opened(np.zeros((4, 4), "u1"), photometric="HSV")._repr_png_() is None
    from builders import minimal, part10

    assert fastdicom.dcmread(part10(minimal()))._repr_png_() is None


@pytest.mark.parametrize(
    ("module", "aspect"),
    (
        (b"", 1.0),
        (element(0x00280030, "DS", "0.5\\0.25"), 2.0),
        (element(0x00181164, "DS", "0.5\\0.25"), 2.0),
        (element(0x00182010, "DS", "1\\4"), 0.25),
        (element(0x00280034, "IS", "4\\3"), 4 / 3),
        (element(0x00280030, "DS", "1\\1") + element(0x00280034, "IS", "4\\3"), 1.0),
        (element(0x00280030, "DS", "0\\1"), 1.0),
        (element(0x00280030, "DS", "-1\\1"), 1.0),
        (element(0x00280030, "DS", "1000\\1"), 1.0),
        (element(0x00280030, "DS", "1"), 1.0),
        (groups(sequence(0x00289110, item(element(0x00280030, "DS", "3\\1")))), 3.0),
    ),
)
def test_aspect(module, aspect):
    ds = opened(RAMP, module)
    assert pixel_aspect(ds) == aspect
    high, wide = (round(16 * aspect), 16) if aspect > 1 else (16, round(16 / aspect))
    assert decoded(to_png(ds)).shape == (high, wide)
    assert ds.to_image().shape == (16, 16)


def test_square_pixels_keep_what_is_there():
    image = np.array([[0, 100, 200]], np.uint8)
    assert square_pixels(image, 1.0) is image
    assert square_pixels(image, 3.0).tolist() == [[0, 100, 200]] * 3
    assert square_pixels(image, 0.5).tolist() == [[0, 25, 75, 125, 175, 200]]
    assert square_pixels(np.full((4, 16000), 7, np.uint8), 0.5).shape == (4, 16000)  # would be too wide


def test_contact_sheet():
    sheet = contact_sheet(opened(np.stack([RAMP] * 5)))
    assert sheet.shape == (2 * 16 + 2, 3 * 16 + 4)
    assert np.array_equal(sheet[18:, 18:34], stretched(RAMP))
    assert (sheet[16:18] == 64).all()
    assert (sheet[18:, 36:] == 64).all()
    big = contact_sheet(opened(np.tile(RAMP.astype("u1"), (4, 100, 150))))
    assert max(big.shape) <= 2048 + 2
    many = contact_sheet(opened(np.tile(RAMP.astype("u1"), (300, 1, 1))))
    assert many.shape == (8 * 18 - 2, 8 * 18 - 2)
    with pytest.raises(ValueError, match="at least one"):
        contact_sheet(opened(RAMP), frames=[])


# Whatever the modules say


NUMBERS = st.sampled_from(("0", "1", "-1", "1e308", "-1e308", "1e-320", "nan", "inf", "x", "", "-1024", "0.5", r"5\6\7", "65536", "1e400"))
WORDS = st.sampled_from((0, 1, 2, 7, 8, 12, 16, 255, 256, 32768, 65535))


def some_words(draw, count: int) -> bytes:
    return b"".join(draw(WORDS).to_bytes(2, "little") for _ in range(count))


@st.composite
def modules(draw):
    """Elements that to_image looks at, with values that they should not have."""
    out = [element(tag, "DS", draw(NUMBERS)) for tag in (0x00281050, 0x00281051, 0x00281052, 0x00281053, 0x00280030) if draw(st.booleans())]
    out += [element(tag, "US", draw(WORDS)) for tag in (0x00280120, 0x00280121, 0x0062000E) if draw(st.booleans())]
    for tag, values in (
        (0x00281056, ("LINEAR", "LINEAR_EXACT", "SIGMOID", "X")),
        (0x20500020, ("IDENTITY", "INVERSE", "X")),
        (0x00089205, ("COLOR", "MIXED", "MONOCHROME")),
        (0x00620001, ("FRACTIONAL", "BINARY")),
    ):
        if draw(st.booleans()):
            out.append(element(tag, "CS", draw(st.sampled_from(values))))
    for tag in (0x00283000, 0x00283010):
        if draw(st.integers(0, 3)) == 0:
            table = element(0x00283002, "US", some_words(draw, draw(st.sampled_from((3, 3, 3, 1)))))
            out.append(sequence(tag, item(table + element(0x00283006, "OW", bytes(range(2 * draw(st.integers(0, 20))))))))
    if draw(st.booleans()):
        same = some_words(draw, 3)
        for color in (1, 2, 3):
            data = bytes(draw(st.sampled_from((0, 2, 512))))
            out += [element(0x00281100 + color, "US", same), element(0x00281200 + color, "OW", data)]
    if draw(st.integers(0, 2)) == 0:
        rows, columns, position = (draw(WORDS) for _ in range(3))
        out += [element(0x60000010, "US", rows), element(0x60000011, "US", columns), element(0x60000102, "US", position & 31)]
        out += [element(0x60000050, "SS", some_words(draw, 2)), element(0x60003000, "OW", bytes(draw(st.sampled_from((0, 32)))))]
    return out


@given(
    modules=modules(),
    pixels=st.sampled_from((RAMP, SIGNED, RAMP.astype("u1"), np.zeros((0x120, 0x100), "<u2"), RAMP.astype("<u4") << 24)),
    photometric=st.sampled_from(("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR")),
)
@settings(deadline=None, max_examples=300)
def test_any_module_gives_a_picture_or_our_error(modules, pixels, photometric):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DicomWarning)
        ds = opened(pixels, *modules, photometric=photometric)
        try:
            image = ds.to_image()
        except fastdicom.DicomError:
            return
        assert image.dtype == np.uint8
        assert image.shape[:2] == pixels.shape
        assert ds._repr_png_()


# Against dcmtk


def dcmtk(path, *options: str) -> np.ndarray | None:
    done = subprocess.run(["dcm2pnm", "-q", "+op", *options, str(path)], capture_output=True, check=False)
    if done.returncode or not done.stdout.startswith((b"P5", b"P6")):
        return None
    kind, size, _, body = done.stdout.split(b"\n", 3)
    columns, rows = map(int, size.split())
    return np.frombuffer(body, np.uint8).reshape((rows, columns) if kind == b"P5" else (rows, columns, 3)).astype(int)


# Pictures that differ by intent
DIFFERENT = {
    "CT1_UNC": "pixel padding does not count for the window here",
    "seg_image_sm_control_labelmap": "pixel padding does not count for the window here",
}


@corpus.needed
@pytest.mark.skipif(shutil.which("dcm2pnm") is None, reason="dcmtk is not installed")
@pytest.mark.parametrize(
    "entry",
    [entry for entry in corpus.entries() if entry.row["rows"] and entry.row["transfer_syntax_uid"] in (IMPLICIT_LITTLE, EXPLICIT_LITTLE)],
    ids=str,
)
@pytest.mark.filterwarnings("ignore")
def test_like_dcmtk(entry):
    """Within two levels of 255: dcmtk cuts off where we round, and computes with 32 bits here and there."""
    if (known := next((why for name, why in DIFFERENT.items() if name in entry.name), None)) is not None:
        pytest.skip(known)
    try:
        ds = fastdicom.dcmread(entry.path, force=True)
        image = ds.to_image()
    except fastdicom.DicomError:
        pytest.skip("no picture, and why is tested elsewhere")
    options = []
    if image.ndim == 2:
        options = ["+Wl", "1"] if ds.get("VOILUTSequence") else ["+Wi", "1"] if ds.get("WindowCenter") not in (None, "") else ["+Wm"]
    expected = dcmtk(entry.path, *options)
    if expected is None:
        pytest.skip("dcmtk does not show it")
    if expected.ndim < image.ndim:
        pytest.skip("dcmtk knows no supplemental palettes")
    assert expected.shape == image.shape
    assert np.abs(expected - image).max() <= 2
