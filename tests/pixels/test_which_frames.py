"""Which frames are meant: numbers, slices, masks, and what is none of these; and frames that are pickled."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import numpy as np
import pytest

import fastdicom
from builders import encapsulated, image, part10
from lut_builder import opened
from rle_builder import encoded as rle

FRAMES = np.arange(5 * 4 * 6, dtype="<u2").reshape(5, 4, 6)
NATIVE = part10(image(FRAMES.tobytes(), 4, 6, frames=5, vr="OW"))
PACKED = part10(image(None, 4, 6, frames=5) + encapsulated([rle(frame) for frame in FRAMES]), "1.2.840.10008.1.2.5")
MANY = (
    slice(1, 3),
    slice(None, None, -2),
    [3, 1],
    [],
    (0, -1),
    range(4, 0, -2),
    np.array([2, 2]),
    [np.int64(1), -1],
    [True, False, True, False, False],
    np.array([False, True, True, False, True]),
    np.zeros(5, bool),
)


@pytest.mark.parametrize("data", (NATIVE, PACKED), ids=("native", "packed"))
@pytest.mark.parametrize("key", MANY, ids=str)
def test_several(data, key):
    """As NumPy has them, also of a mask, in `decode` and by index."""
    wanted = FRAMES[list(key) if isinstance(key, (tuple, range)) else key] if not (isinstance(key, list) and not key) else FRAMES[:0]
    ds = fastdicom.dcmread(data)
    assert np.array_equal(ds.decode(frames=key), wanted)
    assert np.array_equal(np.asarray(ds.frames[key]), wanted)
    assert len(ds.frames[key]) == len(wanted)


@pytest.mark.parametrize("key", (2, -3, np.int32(2), np.uint8(2), np.array(2)), ids=repr)
def test_one(key):
    ds = fastdicom.dcmread(PACKED)
    assert np.array_equal(ds.decode(frames=key), FRAMES[2])
    assert np.array_equal(ds.frames[key], FRAMES[2])


@pytest.mark.parametrize("key", (True, 1.0, "1", b"\0\1", [1.0], ["1"], np.array([[0, 1]]), [None]), ids=repr)
def test_no_number(key):
    ds = fastdicom.dcmread(NATIVE)
    for call in (lambda: ds.decode(frames=key), lambda: ds.frames[key]):
        with pytest.raises(TypeError, match="a whole number was expected"):
            call()


@pytest.mark.parametrize("key", ([True], [True] * 6, [True, 1, False, 0, 1], np.ones(4, bool)), ids=str)
def test_a_mask_of_another_length(key):
    """It was taken for the numbers 0 and 1."""
    with pytest.raises(IndexError, match=r"a mask of \d was given, there are 5 frames"):
        fastdicom.dcmread(NATIVE).decode(frames=key)


@pytest.mark.parametrize("data", (NATIVE, PACKED), ids=("native", "packed"))
def test_pickled(data, tmp_path):
    (tmp_path / "a.dcm").write_bytes(data)
    for ds in (fastdicom.dcmread(data), fastdicom.dcmread(tmp_path / "a.dcm")):
        frames = ds.frames
        frames[1]  # what is kept from frame to frame stays here
        for some, wanted in ((frames, FRAMES), (frames[1:3], FRAMES[1:3]), (frames[[4, 0]], FRAMES[[4, 0]])):
            assert np.array_equal(np.asarray(pickle.loads(pickle.dumps(some))), wanted)
            assert np.array_equal(np.asarray(copy.copy(some)), wanted)
            assert np.array_equal(np.asarray(copy.deepcopy(some)), wanted)


@pytest.mark.parametrize("one", ("a.dcm", Path("a.dcm"), NATIVE, bytearray(NATIVE), None, 3), ids=lambda one: type(one).__name__)
def test_one_file_is_no_list(one):
    with pytest.raises(TypeError, match="decode_many takes a list"):
        fastdicom.decode_many(one)


def test_one_data_set_is_no_list():
    with pytest.raises(TypeError, match=r"write decode_many\(\[file\]\)"):
        fastdicom.decode_many(fastdicom.dcmread(NATIVE))


def test_an_element_is_no_file():
    """It has a `read`, which never comes to an end."""
    with pytest.raises(TypeError, match=r"element\.raw"):
        fastdicom.dcmread(fastdicom.dcmread(NATIVE)["PixelData"])


@pytest.mark.parametrize(
    ("options", "text"),
    (
        ({"decoder": 3}, "a name was expected"),
        ({"decoder": b"rle"}, "a name was expected"),
        ({"threads": "2"}, "threads is '2', a str"),
        ({"threads": 1.5}, "a whole number"),
        ({"threads": True}, "threads is True"),
        ({"limit": "1 GB"}, "a number of bytes was expected"),
    ),
    ids=str,
)
def test_options_of_another_kind(options, text):
    for call in (fastdicom.dcmread(PACKED).decode, lambda **more: fastdicom.decode_many([PACKED], **more)):
        with pytest.raises(TypeError, match=text):
            call(**options)


@pytest.mark.parametrize("limit", (float("nan"), -1))
def test_limits_that_are_none(limit):
    with pytest.raises(ValueError, match="limit"):
        opened(np.zeros((2, 4, 4), np.uint8)).decode(limit=limit)


def test_a_limit_is_no_truth_value():
    with pytest.raises(TypeError, match="limit"):
        opened(np.zeros((2, 4, 4), np.uint8)).decode(limit=True)


def test_array_without_a_copy():
    """As NumPy asks of `__array__`: where there is no array yet, there is none without a copy."""
    plain = opened(np.zeros((2, 4, 4), np.uint8)).frames
    assert plain.__array__(copy=False).shape == (2, 4, 4)
    with pytest.raises(ValueError, match="without a copy"):
        plain.__array__(np.float32, copy=False)
    data = image(None, 4, 4, frames=2, allocated=8) + encapsulated([rle(np.zeros((4, 4), "u1"))] * 2)
    packed = fastdicom.dcmread(part10(data, "1.2.840.10008.1.2.5")).frames
    with pytest.raises(ValueError, match="without a copy"):
        packed.__array__(copy=False)
    assert packed.__array__().shape == (2, 4, 4)
