"""The short way to an array: elements that are finished without pydicom, and fragments that are not copied, are what pydicom would have."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

pydicom = pytest.importorskip("pydicom")

from pydicom import config  # noqa: E402
from pydicom.data import get_testdata_file  # noqa: E402
from pydicom.dataelem import RawDataElement, convert_raw_data_element  # noqa: E402
from pydicom.encaps import encapsulate, generate_frames  # noqa: E402
from pydicom.tag import BaseTag  # noqa: E402

from fastdicom.pydicom import _values, dcmread, decoders, direct  # noqa: E402

pytestmark = pytest.mark.skipif(not pydicom.__version__.startswith("3.0"), reason="compares with what pydicom 3.0 does")

PLAIN = [
    (0x00280010, "US", b"\1\2"),
    (0x00280010, "US", b"\1\2\3\4"),
    (0x00280010, None, b"\1\2"),
    (0x00280004, "CS", b"MONOCHROME2 "),
    (0x00280004, "CS", b" A\\B "),
    (0x00280004, None, b"RGB\0"),
    (0x00280008, "IS", b"12"),
    (0x00280008, None, b" -1\\2 "),
    (0x7FE00010, "OB", b"\1\0\2\0"),
    (0x7FE00010, "OW", b"\1\0"),
]
OTHERS = [
    (0x00280010, "US", b""),
    (0x00280010, "US", b"\1"),
    (0x00280010, "US", None),
    (0x00280010, "UN", b"\1\2"),
    (0x00280008, "IS", b"1.5 "),
    (0x7FE00010, None, b"\1\0"),
    (0x00110010, "CS", b"CREATOR "),
    (0x00280030, "DS", b"1.5 "),
]


@pytest.fixture
def ours() -> Iterator[None]:
    decoders.register()
    yield
    decoders.unregister()


def raw(tag: int, vr: str | None, data: bytes | None, little: bool = True, length: int | None = None) -> Any:
    size = length if length is not None else 2 if data is None else len(data)
    return RawDataElement(BaseTag(tag), vr, size, data, 1234, vr is None, little)


@pytest.mark.parametrize("little", [True, False])
@pytest.mark.parametrize(("tag", "vr", "data"), PLAIN)
def test_finished_as_pydicom_does_it(tag: int, vr: str | None, data: bytes, little: bool) -> None:
    for length in (None, 0xFFFFFFFF):
        each = raw(tag, vr, data, little, length)
        mine: Any = _values.finished(each)
        theirs = convert_raw_data_element(each)
        assert list(vars(mine).items()) == list(vars(theirs).items())
        assert type(mine.value) is type(theirs.value)
        assert mine.VR == theirs.VR
        assert mine == theirs
        if vr in ("OB", "OW"):
            assert mine.value is data


@pytest.mark.parametrize(("tag", "vr", "data"), OTHERS)
def test_what_is_not_plain_is_left_to_pydicom(tag: int, vr: str | None, data: bytes | None) -> None:
    assert _values.finished(raw(tag, vr, data)) is None


def test_callbacks_see_every_element(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "data_element_callback", lambda each, **_: each)
    assert _values.finished(raw(*PLAIN[0])) is None
    assert _values.finished(pydicom.DataElement(0x00280010, "US", 5)) is None


@pytest.mark.parametrize("name", ["MR_small_RLE.dcm", "SC_rgb_jpeg_dcmtk.dcm", "SC_rgb_rle_2frame.dcm"])
@pytest.mark.parametrize("reader", [pydicom.dcmread, dcmread])
def test_a_data_set_stays_what_it_is(name: str, reader: Any, ours: None) -> None:
    path = get_testdata_file(name, download=False)
    if path is None:
        pytest.skip(f"{name} is not among the files of pydicom")
    ds = reader(path)
    kept = ds.pixel_array
    decoders.unregister()
    other = pydicom.dcmread(path)
    assert np.allclose(kept, other.pixel_array, atol=1)
    decoders.register()
    assert ds.pixel_array is kept
    assert ds == other
    assert {tag: type(ds._dict.get(tag)) for tag in direct._STORED} == {tag: type(other._dict.get(tag)) for tag in direct._STORED}
    buffer = io.BytesIO()
    ds.save_as(buffer)
    with open(path, "rb") as file:
        assert buffer.getvalue() == file.read()
    ds._dict[BaseTag(0x00280100)] = raw(0x00280100, "US", b"\7\0")  # as another reader may put it there
    with pytest.raises((RuntimeError, ValueError, NotImplementedError, AttributeError)):
        _ = ds.pixel_array


def test_pixel_data_that_come_raw_reset_what_is_kept(ours: None) -> None:
    path = get_testdata_file("MR_small_RLE.dcm", download=False)
    if path is None:
        pytest.skip("not among the files of pydicom")
    ds, again = pydicom.dcmread(path), pydicom.dcmread(path)
    kept = ds.pixel_array
    ds._dict[BaseTag(0x7FE00010)] = again._dict[BaseTag(0x7FE00010)]
    assert ds.pixel_array is not kept
    assert np.array_equal(ds.pixel_array, kept)


def item(data: bytes, length: int | None = None) -> bytes:
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(data) if length is None else length) + data


def test_frames_side_by_side() -> None:
    frames = [b"ab", b"cdef", b"gh", b"ij"]
    for has_bot in (True, False):
        src = encapsulate(frames, has_bot=has_bot)
        for end in (b"", b"\xfe\xff\xdd\xe0\0\0\0\0"):
            found = direct._side_by_side(src + end, 4)
            assert found == frames == list(generate_frames(src + end, number_of_frames=4))
        assert direct._side_by_side(src, 3) is None
        assert direct._side_by_side(src, 5) is None
    assert direct._side_by_side(encapsulate([b"abcdef"], fragments_per_frame=3), 1) is None


def test_frames_that_are_not_side_by_side() -> None:
    """Whatever is given is what pydicom finds, and what it would not take is not given."""
    whole = encapsulate([b"ab", b"cdefgh", b"ij"], has_bot=True)
    cases = [whole[:n] for n in range(len(whole))]
    cases += [whole[:at] + bytes([whole[at] ^ bit]) + whole[at + 1 :] for at in range(len(whole)) for bit in (1, 2, 8, 128)]
    cases += [b"", item(b""), item(b"") + item(b"ab", 0xFFFFFFFF), item(b"\0" * 3) + item(b"ab"), whole + b"\0", whole + item(b"")]
    given = 0
    for src in cases:
        for count in (1, 2, 3, 4):
            found = direct._side_by_side(src, count)
            if found is not None:
                given += 1
                assert found == list(generate_frames(src, number_of_frames=count))
    assert given  # where only the bytes of frames were changed
