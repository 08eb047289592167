"""Tables and windows: the kernels, the standard's formulas, what pydicom gives, and damaged modules."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import fastdicom
from builders import BIG, EXPLICIT_BIG, IMPLICIT, IMPLICIT_LITTLE, element, image, item, part10, sequence
from fastdicom import DecodeError, DicomWarning, MissingElementError, UnsupportedError
from fastdicom.pixels import (
    _lut,
    apply_color_lut,
    apply_modality_lut,
    apply_presentation_lut,
    apply_rescale,
    apply_voi,
    apply_voi_lut,
    apply_windowing,
    convert_color_space,
    lut,
)
from lut_builder import (
    descriptor,
    lut_item,
    modality_lut,
    opened,
    palette,
    rescale,
    theirs,
    voi_lut,
    window,
    words,
)

PIXELS = np.arange(-5, 31, dtype="<i2").reshape(6, 6)
UNSIGNED = np.arange(36, dtype="<u2").reshape(6, 6)
KINDS = [np.dtype(name) for name in _lut.KINDS]


def clamped(arr, first, count):
    """Where the standard looks, in Python's whole numbers."""
    places = [0 if x != x else min(max(int(min(max(x, -1e6), 1e6)) - first, 0), count - 1) for x in np.asarray(arr).ravel().tolist()]
    return np.array(places, dtype=np.intp).reshape(np.shape(arr))


# Kernels


@pytest.mark.parametrize("dtype", KINDS, ids=str)
@pytest.mark.parametrize(("channels", "entry"), ((1, "u1"), (1, "u2"), (3, "u1"), (3, "u2"), (4, "u1"), (4, "u2")))
@given(data=st.data())
@settings(deadline=None, max_examples=15)
def test_look_up(dtype, channels, entry, data):
    """Every kind of sample, every width of an entry; samples below and above the table give its ends."""
    arr = data.draw(hnp.arrays(dtype, st.integers(0, 40), elements=st.integers(0, 60) if dtype.kind != "u" else None))
    first = data.draw(st.sampled_from((-32768, -3, 0, 7, 65535)))
    count = data.draw(st.integers(1, 50))
    shape = (count,) if channels == 1 else (count, channels)
    table = np.random.default_rng(count).integers(0, np.iinfo(entry).max, shape, entry, endpoint=True)
    out = lut.look_up(arr, first, table)
    assert out.dtype == table.dtype
    assert np.array_equal(out, table[clamped(arr, first, count)])


@pytest.mark.parametrize("dtype", ("u1", "i1", "<u2", "<i2", ">u2"))
@pytest.mark.parametrize("first", (-40000, -100, 0, 100, 65535))
def test_look_up_of_many_samples(dtype, first):
    """More samples than values: a table of all of them is made first, and must say the same."""
    info = np.iinfo(dtype)
    arr = np.random.default_rng(2).integers(info.min, info.max, (300, 300), np.dtype(dtype).newbyteorder("="), endpoint=True)
    arr = arr.astype(dtype)
    table = np.random.default_rng(3).integers(0, 256, (777, 3), np.uint8)
    assert np.array_equal(lut.look_up(arr, first, table), table[np.clip(arr.astype(np.int64) - first, 0, 776)])


@pytest.mark.parametrize("value", (float("nan"), float("inf"), float("-inf"), -1e300, 1e300, 2.999, 3.0))
def test_look_up_of_strange_floats(value):
    table = np.arange(10, 20, dtype=np.uint8)
    expected = {2.999: 12, 3.0: 13}.get(value, 19 if value > 0 else 10)
    for dtype in ("f4", "f8"):
        if dtype == "f4" and abs(value) == 1e300:
            continue
        assert lut.look_up(np.array([value], dtype), 0, table)[0] == (expected if dtype == "f8" or value != 2.999 else 12)


def test_extreme_whole_numbers():
    table = np.arange(10, dtype=np.uint8)
    for dtype in ("u8", "i8", "u4", "i4"):
        info = np.iinfo(dtype)
        arr = np.array([info.min, info.max, 4], dtype)
        assert lut.look_up(arr, -32768, table).tolist() == [0 if info.min < 0 else 9, 9, 9]
        assert lut.look_up(arr, 0, table).tolist() == [0, 9, 4]


def test_kernels_refuse_what_does_not_fit():
    out = bytearray(6)
    for arguments in (
        (bytes(6), 0, 0, b"", 1, out, 1),  # no table
        (bytes(6), 0, 0, bytes(7), 2, out, 1),  # half an entry
        (bytes(6), 0, 0, bytes(8), 4, out, 2),  # no such entry
        (bytes(5), 0, 0, bytes(8), 1, out, 1),
        (bytes(6), 10, 0, bytes(8), 1, out, 1),  # no such kind
        (bytes(6), 0, 1 << 40, bytes(8), 1, out, 1),
        (bytes(6), 2, 0, bytes(8), 1, out, 1),
    ):
        with pytest.raises(ValueError, match="bytes"):
            _lut.apply(*arguments)
    for arguments in ((bytes(6), 1, bytes(255), 1, out, 1), (bytes(6), 2, bytes(256), 1, out, 1), (bytes(6), 4, bytes(256), 1, out, 1)):
        with pytest.raises(ValueError, match="bytes"):
            _lut.map_all(*arguments)
    with pytest.raises(ValueError, match="bytes"):
        _lut.rescale(bytes(6), 0, bytearray(47), 1.0, 0.0)
    with pytest.raises(ValueError, match="bytes"):
        _lut.window(bytes(16), bytearray(16), 8, 0.0, float("nan"), 0.0, 1.0)
    with pytest.raises(ValueError, match="bytes"):
        _lut.value_range(bytes(5), 2, 0.0, 0.0)
    same = bytearray(300)
    with pytest.raises(ValueError, match="overlaps"):
        _lut.map_all(memoryview(same)[:20], 1, bytes(256), 1, memoryview(same)[10:30], 1)


@pytest.mark.parametrize("dtype", KINDS, ids=str)
@given(data=st.data())
@settings(deadline=None, max_examples=20)
def test_rescale_is_numpys(dtype, data):
    arr = data.draw(hnp.arrays(dtype, st.integers(0, 30)))
    slope = data.draw(st.floats(-1e6, 1e6))
    intercept = data.draw(st.floats(-1e6, 1e6))
    with np.errstate(all="ignore"):
        expected = arr.astype(np.float64) * slope
        expected += intercept
    assert np.array_equal(lut.rescale(arr, slope, intercept), expected, equal_nan=True)


@pytest.mark.parametrize("dtype", KINDS, ids=str)
@given(data=st.data())
@settings(deadline=None, max_examples=30)
def test_value_range(dtype, data):
    arr = data.draw(hnp.arrays(dtype, st.integers(0, 30)))
    padding = data.draw(st.none() | st.sampled_from(((0.0, 0.0), (-5.0, 5.0), (100.0, 70000.0))))
    kept = arr[np.isfinite(arr)]
    if padding is not None:
        kept = kept[(kept.astype(np.float64) < padding[0]) | (kept.astype(np.float64) > padding[1])]
    expected = (float(kept.min()), float(kept.max())) if kept.size else None
    assert lut.value_range(arr, padding) == expected


# pydicom's functions on hypothesis' arrays


MODULES = {
    "nothing": b"",
    "rescale": rescale("1.25", "-1024"),
    "rescale by nothing": rescale("0", "7"),
    "modality 16": modality_lut([i * 1000 for i in range(20)], 3, 16),
    "modality 8": modality_lut([255 - i for i in range(20)], -2, 8),
    "modality OW": modality_lut([i * 1000 for i in range(20)], 3, 16, vr="OW"),
}


def same_as_pydicom(ours, arr, ds, *arguments, **options):
    import pydicom.pixels as peer

    with np.errstate(over="ignore"):
        expected = getattr(peer, ours.__name__)(arr.copy(), theirs(ds), *arguments, **options)
    made = ours(arr, ds, *arguments, **options)
    assert made.dtype == expected.dtype
    assert made.shape == expected.shape
    assert np.array_equal(made, expected, equal_nan=made.dtype.kind == "f")
    # and on pydicom's own data set
    assert np.array_equal(ours(arr, theirs(ds), *arguments, **options), expected, equal_nan=made.dtype.kind == "f")


@pytest.mark.parametrize("module", MODULES)
@given(arr=hnp.arrays(st.sampled_from(("<i2", "<i4")), st.sampled_from(((3, 4), (2, 3, 2), (1, 1))), elements=st.integers(-300, 300)))
@settings(deadline=None, max_examples=20)
def test_modality_like_pydicom(module, arr):
    same_as_pydicom(apply_modality_lut, arr, opened(PIXELS, MODULES[module]))


def test_modality_of_a_whole_image_like_pydicom():
    arr = np.random.default_rng(1).integers(-32000, 32000, (300, 300), np.int16)
    for module in MODULES.values():
        same_as_pydicom(apply_modality_lut, arr, opened(PIXELS, module))
    assert apply_rescale is apply_modality_lut


VOI = voi_lut(lut_item([i * 100 for i in range(30)], -3, 12), lut_item([255 - i for i in range(10)], 2, 8))


@pytest.mark.parametrize("index", (0, 1))
@given(arr=hnp.arrays("<i4", (4, 5), elements=st.integers(-50, 90)))
@settings(deadline=None, max_examples=20)
def test_voi_like_pydicom(index, arr):
    same_as_pydicom(apply_voi, arr, opened(PIXELS, VOI), index)
    same_as_pydicom(apply_voi_lut, arr, opened(PIXELS, VOI, window("4", "9")), index)


@pytest.mark.parametrize("function", ("", "LINEAR", "LINEAR_EXACT", "SIGMOID"))
@pytest.mark.parametrize("module", ("nothing", "rescale", "modality 16", "modality 8"))
@pytest.mark.parametrize("pixels", (PIXELS, UNSIGNED), ids=("signed", "unsigned"))
@given(
    arr=hnp.arrays(st.sampled_from(("<i2", "<u2", "<f8")), (4, 5), elements=st.integers(0, 300)),
    center=st.integers(-4000, 4000),
    width=st.integers(10, 40000),
)
@settings(deadline=None, max_examples=10)
def test_windows_like_pydicom(function, module, pixels, arr, center, width):
    made = window(f"{center / 10}\\{center}", f"{width / 10}\\{width}", function)
    ds = opened(pixels, MODULES[module], made, stored=12)
    for index in (0, 1):
        same_as_pydicom(apply_windowing, arr, ds, index)
    same_as_pydicom(apply_voi_lut, arr, ds)


def test_above_a_window_is_the_greatest_value_itself():
    """No sum of the least value and the range, which may be rounded another way."""
    ds = opened(PIXELS, rescale("0.001", "0"), window("-0.216", "2.393"), stored=12)
    arr = np.array([1564 * 0.001, 5.0])
    same_as_pydicom(apply_windowing, arr, ds, 0)
    assert apply_windowing(arr, ds)[1] == 2.047


def test_window_of_a_whole_image_like_pydicom():
    arr = np.random.default_rng(1).integers(-32000, 32000, (300, 300), np.int16)
    for function in ("LINEAR", "LINEAR_EXACT", "SIGMOID"):
        same_as_pydicom(apply_windowing, arr, opened(PIXELS, window("40", "400", function)))


# The standard's own numbers


def test_linear_by_the_standard():
    """PS3.3 C.11.2.1.2.1, its pseudo-code, of a width of 1 too."""
    x = np.arange(-300, 300, dtype=np.int16)
    for center, width in ((40, 400), (0, 100), (0, 1), (0.5, 2), (-7.25, 33.5)):
        ds = opened(UNSIGNED.astype("u1"), window(str(center), str(width)))
        expected = []
        for one in x.tolist():
            if one <= center - 0.5 - (width - 1) / 2:
                expected.append(0.0)
            elif one > center - 0.5 + (width - 1) / 2:
                expected.append(255.0)
            else:
                expected.append(((one - (center - 0.5)) / (width - 1) + 0.5) * 255)
        assert np.array_equal(apply_windowing(x, ds), expected)


def test_prefer_lut():
    ds = opened(PIXELS, VOI, window("4", "9"))
    assert np.array_equal(apply_voi_lut(PIXELS, ds), apply_voi(PIXELS, ds))
    assert np.array_equal(apply_voi_lut(PIXELS, ds, prefer_lut=False), apply_windowing(PIXELS, ds))


def test_descriptor_of_65536_entries():
    table = np.arange(65536)[::-1]
    ds = opened(UNSIGNED, modality_lut(table, 0, 16, vr="OW"))
    arr = np.array([[0, 1, 65535]], np.uint16)
    assert apply_modality_lut(arr, ds).tolist() == [[65535, 65534, 0]]


def test_first_sample_of_explicit_vr_and_of_implicit_vr():
    """A first sample of 65436 is -100 where samples are signed (C.11.1.1); the VR says so, or Pixel Representation."""

    table = list(range(200))
    data = sequence(0x00283000, lut_item(table, -100, 16, encoding=IMPLICIT), encoding=IMPLICIT)

    for signed, expected in ((True, [100, 105]), (False, [0, 0])):
        head = image(None, 1, 2, encoding=IMPLICIT, signed=signed) + data + element(0x7FE00010, "OW", bytes(4), IMPLICIT)
        ds = fastdicom.dcmread(part10(head, IMPLICIT_LITTLE))
        assert apply_modality_lut(np.array([0, 5], np.int16), ds).tolist() == expected


def test_first_sample_of_a_voi_lut_after_a_negative_intercept():
    """C.11.2.1.1: it is signed where what it maps is, though the stored samples are not."""

    head = image(None, 1, 2, encoding=IMPLICIT)
    head += element(0x00281052, "DS", "-1024", IMPLICIT) + element(0x00281053, "DS", "1", IMPLICIT)
    head += sequence(0x00283010, lut_item(list(range(200)), -100, 16, encoding=IMPLICIT), encoding=IMPLICIT)
    ds = fastdicom.dcmread(part10(head + element(0x7FE00010, "OW", bytes(4), IMPLICIT), IMPLICIT_LITTLE))
    assert apply_voi(np.array([-100.0, 5.0, 99.0, 500.0]), ds).tolist() == [0, 105, 199, 199]


def test_big_endian_tables():

    for vr in ("OW", "US"):
        data = image(None, 1, 2, encoding=BIG) + modality_lut([1, 258, 515], 0, 16, vr=vr, encoding=BIG)
        ds = fastdicom.dcmread(part10(data + element(0x7FE00010, "OW", bytes(4), BIG), EXPLICIT_BIG))
        assert apply_modality_lut(np.array([0, 1, 2, 3], np.uint8), ds).tolist() == [1, 258, 515, 515]


def test_eight_bit_entries_packed_in_words():
    data = bytes(range(100, 107)) + b"\0"
    made = sequence(0x00283000, item(descriptor(0x00283002, 7, 0, 8) + element(0x00283006, "OW", data)))
    out = apply_modality_lut(np.arange(9, dtype=np.uint8), opened(UNSIGNED, made))
    assert out.dtype == np.uint8
    assert out.tolist() == [100, 101, 102, 103, 104, 105, 106, 106, 106]


def test_entries_that_need_more_bits_than_the_descriptor_says():
    ds = opened(UNSIGNED, modality_lut([0, 500, 4000], 0, 8))
    with pytest.warns(DicomWarning, match="need 12"):
        assert apply_modality_lut(np.arange(3), ds).tolist() == [0, 500, 4000]


def test_presentation_lut_like_pydicom():
    table = sequence(0x20500010, item(descriptor(0x00283002, 256, 0, 12) + element(0x00283006, "US", words(np.arange(256) * 16))))
    for module in (table, element(0x20500020, "CS", "IDENTITY"), element(0x20500020, "CS", "INVERSE"), b""):
        same_as_pydicom(apply_presentation_lut, UNSIGNED, opened(UNSIGNED, module))
    with pytest.raises(UnsupportedError, match="LIN OD"):
        apply_presentation_lut(UNSIGNED, opened(UNSIGNED, element(0x20500020, "CS", "LIN OD")))


# Palettes


RGB = [np.random.default_rng(i).integers(0, 65536, 40) for i in range(3)]
NARROW = [table >> 8 for table in RGB]


@pytest.mark.parametrize("first", (-5, 0, 3))
@given(arr=hnp.arrays(st.sampled_from(("<i2", "<u2")), (3, 5), elements=st.integers(0, 60)))
@settings(deadline=None, max_examples=20)
def test_palette_like_pydicom(first, arr):
    pixels = PIXELS if first < 0 else UNSIGNED
    for module in (
        palette(RGB, first, 16),
        palette(NARROW, first, 8, packed=True),
        palette(NARROW, first, 8),  # 8 bits, each in a word
        palette([*RGB, RGB[0]], first, 16),  # with alpha
    ):
        same_as_pydicom(apply_color_lut, arr, opened(pixels, module, photometric="PALETTE COLOR"))


def segments(*parts) -> list[int]:
    return [number for part in parts for number in part]


SEGMENTED = segments([0, 3, 10, 20, 30], [1, 5, 80], [0, 1, 7], [1, 4, 65535], [1, 3, 65535], [1, 7, 3])


def test_segmented_palette():
    """PS3.3 C.7.9.2: discrete, linear from the entry before, up, down and flat."""
    module = palette([SEGMENTED] * 3, 0, 16, segmented=True, count=23)
    ds = opened(UNSIGNED, module, photometric="PALETTE COLOR")
    arr = np.arange(23, dtype=np.uint8).reshape(1, 23)
    line = [10, 20, 30, 40, 50, 60, 70, 80, 7]
    line += [16389, 32771, 49153, 65535, 65535, 65535, 65535, 56173, 46812, 37450, 28088, 18726, 9365, 3]
    assert apply_color_lut(arr, ds)[0, :, 1].tolist() == line
    same_as_pydicom(apply_color_lut, arr, ds)


def test_segmented_palette_of_8_bits():
    parts = segments([0, 2, 1, 2], [1, 8, 250], [2, 1, 0, 0, 0, 0], [1, 1, 5])
    ds = opened(UNSIGNED, palette([parts] * 3, 0, 8, segmented=True, packed=True, count=13), photometric="PALETTE COLOR")
    same_as_pydicom(apply_color_lut, np.arange(20, dtype=np.uint8), ds)
    assert apply_color_lut(np.arange(20, dtype=np.uint8), ds)[:, 0].tolist()[8:] == [219, 250, 1, 2, 5, 5, 5, 5, 5, 5, 5, 5]


def test_indirect_segment_counts_bytes():
    """C.7.9.2.3: the offset is in bytes from the first segment; a copy of a line begins where the table is."""
    parts = segments([0, 2, 100, 200], [1, 2, 300], [0, 1, 5], [2, 2, 8, 0])
    ds = opened(UNSIGNED, palette([parts] * 3, 0, 16, segmented=True, count=8), photometric="PALETTE COLOR")
    assert apply_color_lut(np.arange(8), ds)[:, 2].tolist() == [100, 200, 250, 300, 5, 153, 300, 5]


@pytest.mark.parametrize(
    ("parts", "text"),
    (
        ([1, 3, 9], "cannot be linear"),
        ([2, 1, 0, 0], "no segment begins"),
        ([0, 0], "empty"),
        ([0, 9, 1], "cut off"),
        ([0, 1, 7, 1, 3], "cut off"),
        ([0, 1, 7, 3, 3, 3], "unknown"),
        ([0, 1, 7, 2, 1, 1, 0], "no segment begins"),
        ([0, 1, 7, 2, 1, 4, 0], "no segment begins"),
        ([0, 1, 7, 2, 1, 0, 1], "no segment begins"),
        ([0, 1, 7, 2, 9, 0, 0], "copies itself"),
        ([0, 1, 7, 2, 1, 0, 0, 2, 1, 6, 0], "unknown"),  # indirect to indirect
        ([0, 1, 7], "too few"),
        ([0, 1, 7, 2], "cut off"),
    ),
)
def test_damaged_segments(parts, text):
    ds = opened(UNSIGNED, palette([parts] * 3, 0, 16, segmented=True, count=300), photometric="PALETTE COLOR")
    with pytest.raises(DecodeError, match=text):
        apply_color_lut(UNSIGNED, ds)


@given(data=st.binary(max_size=120), itemsize=st.sampled_from((1, 2)), count=st.integers(0, 70), big=st.booleans())
@settings(deadline=None, max_examples=200)
def test_any_segments(data, itemsize, count, big):
    """An error of ours or every entry."""
    out = bytearray(2 * count)
    try:
        _lut.expand(data, itemsize, big, out)
    except DecodeError:
        return
    assert count


def test_damaged_palettes():
    whole = palette(RGB, 0, 16)
    for module, text in (
        (palette([table[:39] for table in RGB], 0, 16, count=60), "has 78 bytes"),
        (palette(RGB, 0, 12), "12 bits"),
        (whole.replace(struct.pack("<3H", 40, 0, 16), struct.pack("<3H", 39, 0, 16), 1), "contradict"),
        (descriptor(0x00281101, 4, 0, 16) + descriptor(0x00281102, 4, 0, 16) + descriptor(0x00281103, 4, 0, 16), "absent"),
        (b"", "absent"),
    ):
        with pytest.raises((DecodeError, MissingElementError), match=text):
            apply_color_lut(UNSIGNED, opened(UNSIGNED, module, photometric="PALETTE COLOR"))


def test_palette_of_another_data_set():
    other = opened(UNSIGNED, palette(RGB, 0, 16))
    assert np.array_equal(apply_color_lut(UNSIGNED, palette=other), apply_color_lut(UNSIGNED, other))
    with pytest.raises(ValueError, match="needed"):
        apply_color_lut(UNSIGNED)
    with pytest.raises(ValueError, match="HOT_IRON"):
        apply_color_lut(UNSIGNED, palette="LUKEWARM")


def test_well_known_palettes_like_pydicom():
    """By UID: pydicom exchanges FALL (PS3.6 B.1.7) and WINTER (B.1.8) when asked by name."""
    import pydicom.pixels as peer

    from fastdicom.pixels.palettes import WELL_KNOWN

    arr = np.arange(256, dtype=np.uint8).reshape(16, 16)
    for number, name in enumerate(WELL_KNOWN, start=1):
        made = apply_color_lut(arr, palette=f"1.2.840.10008.1.5.{number}")
        assert made.dtype == np.uint8
        assert np.array_equal(made, peer.apply_color_lut(arr, palette=f"1.2.840.10008.1.5.{number}"))
        assert np.array_equal(apply_color_lut(arr, palette=name), made)
    assert apply_color_lut(np.array([0, 128, 255]), palette="FALL").tolist() == [[255, 255, 0], [255, 127, 0], [255, 0, 0]]
    assert apply_color_lut(np.array([0, 255]), palette="WINTER").tolist() == [[0, 0, 255], [127, 255, 128]]


# Damage


@pytest.mark.parametrize(
    ("module", "text"),
    (
        (modality_lut([1, 2, 3], 0, 16, count=5), "has 6 bytes: 5 entries"),
        (modality_lut([1, 2, 3], 0, 0), "up to 16 bits"),
        (modality_lut([1, 2, 3], 0, 17), "up to 16 bits"),
        (modality_lut([1, 2, 3], 0, 16, count=0), "65536 entries"),
        (sequence(0x00283000, item(element(0x00283002, "US", words([3, 0])))), "three numbers"),
        (sequence(0x00283000, item(descriptor(0x00283002, 3, 0, 16))), "LUTData is absent"),
        (sequence(0x00283000, item(element(0x00283006, "US", words([3, 0])))), "LUTDescriptor is absent"),
        (sequence(0x00283000, item(element(0x00283002, "LO", "x") + element(0x00283006, "US", words([3, 0])))), "three numbers"),
        (rescale("abc", "0"), "RescaleSlope is 'abc'"),
        (rescale("nan", "0"), "RescaleSlope"),
        (rescale("1e999", "0"), "RescaleSlope"),
    ),
)
@pytest.mark.filterwarnings("ignore::fastdicom.DicomWarning")
def test_damaged_modality(module, text):
    with pytest.raises((DecodeError, MissingElementError), match=text):
        apply_modality_lut(UNSIGNED, opened(UNSIGNED, module))


def test_what_is_empty_is_absent():
    assert apply_modality_lut(UNSIGNED, opened(UNSIGNED, rescale("", ""))) is UNSIGNED
    assert np.array_equal(apply_voi_lut(UNSIGNED, opened(UNSIGNED, window("", ""))), UNSIGNED)
    assert np.array_equal(apply_voi_lut(UNSIGNED, opened(UNSIGNED, sequence(0x00283010))), UNSIGNED)
    emptied = opened(UNSIGNED, sequence(0x00283000, item(element(0x00283003, "LO", "nothing"))))
    with pytest.warns(DicomWarning, match="without a table"):
        assert apply_modality_lut(UNSIGNED, emptied) is UNSIGNED


@pytest.mark.parametrize(
    ("center", "width", "function", "text"),
    (
        ("5", "0.5", "", "at least 1"),
        ("5", "0", "LINEAR", "at least 1"),
        ("5", "-9", "LINEAR_EXACT", "more than 0"),
        ("5", "0", "SIGMOID", "more than 0"),
        ("5", "9", "CUBIC", "CUBIC"),
        ("x", "9", "", "WindowCenter is 'x'"),
        ("5", "inf", "", "WindowWidth"),
    ),
)
@pytest.mark.filterwarnings("ignore::fastdicom.DicomWarning")
def test_damaged_windows(center, width, function, text):
    with pytest.raises(DecodeError, match=text):
        apply_windowing(UNSIGNED, opened(UNSIGNED, window(center, width, function)))


def test_views_that_are_not_there():
    ds = opened(UNSIGNED, window("5\\6", "9\\10"))
    with pytest.raises(IndexError, match="view 2"):
        apply_windowing(UNSIGNED, ds, 2)
    with pytest.raises(IndexError, match="view 3"):
        apply_voi(UNSIGNED, opened(UNSIGNED, VOI), 3)
    with pytest.raises(ValueError, match="RGB"):
        apply_windowing(np.zeros((2, 2, 3), "u1"), opened(np.zeros((2, 2, 3), "u1"), window("5", "9"), samples=3, photometric="RGB"))


def test_arrays_of_other_types():
    ds = opened(UNSIGNED, rescale("2", "1"))
    assert apply_modality_lut([[1, 2]], ds).tolist() == [[3.0, 5.0]]
    assert apply_modality_lut(np.array([True, False]), ds).tolist() == [3.0, 1.0]
    assert apply_modality_lut(np.array([1.5], np.float16), ds).tolist() == [4.0]
    assert apply_modality_lut(UNSIGNED.T[::2], ds).tolist() == (UNSIGNED.T[::2] * 2.0 + 1).tolist()
    with pytest.raises(TypeError, match="complex128"):
        apply_modality_lut(np.array([1j]), ds)


# Colour spaces


@pytest.mark.parametrize(
    ("current", "desired"), (("YBR_FULL", "RGB"), ("YBR_FULL_422", "RGB"), ("RGB", "YBR_FULL"), ("RGB", "YBR_FULL_422"))
)
def test_colour_spaces_like_pydicom(current, desired):
    """But where a result lies exactly between two integers, which 32-bit floats miss now and then."""
    from pydicom.pixels import convert_color_space as peer

    arr = np.random.default_rng(5).integers(0, 256, (2, 50, 60, 3), np.uint8)
    made, expected = convert_color_space(arr, current, desired), peer(arr, current, desired)
    assert made.dtype == expected.dtype
    assert np.abs(made.astype(int) - expected).max() <= 1
    assert (made != expected).mean() < 0.001
    kept = arr.copy()
    assert convert_color_space(kept, current, desired, per_frame=True) is kept
    assert np.array_equal(kept, made)
    turned = arr.transpose(0, 2, 1, 3)
    assert np.array_equal(convert_color_space(turned, current, desired), made.transpose(0, 2, 1, 3))


def test_colour_spaces_that_are_none():
    arr = np.zeros((2, 2, 3), np.uint8)
    assert convert_color_space(arr, "YBR_FULL", "YBR_FULL_422") is arr
    with pytest.raises(NotImplementedError):
        convert_color_space(arr, "HSV", "RGB")
    with pytest.raises(ValueError, match="uint16"):
        convert_color_space(arr.astype("u2"), "RGB", "YBR_FULL")
    with pytest.raises(ValueError, match="three samples"):
        convert_color_space(arr[..., :2], "RGB", "YBR_FULL")
