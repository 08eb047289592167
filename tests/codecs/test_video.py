"""Frames of videos, encoded by libav itself and put into data sets."""

from __future__ import annotations

import io

import numpy as np
import pytest

import fastdicom
from builders import encapsulated, image, part10
from fastdicom import DecodeError, UnsupportedError

av = pytest.importorskip("av", reason="PyAV is not installed (fastdicom-core[video])")

SUFFIX = "1.2.840.10008.1.2.4."
KINDS = {
    "mpeg2": ("100", "mpeg2video", "mpeg2video", "yuv420p"),
    "mpeg2 in packs": ("101.1", "mpeg2video", "vob", "yuv420p"),
    "h264": ("102", "libx264", "h264", "yuv420p"),
    "h264 in mp4": ("103", "libx264", "mp4", "yuv420p"),
    "h264 in packets": ("104.1", "libx264", "mpegts", "yuv420p"),
    "hevc": ("107", "libx265", "hevc", "yuv420p"),
    "hevc of 10 bits": ("108", "libx265", "hevc", "yuv420p10le"),
}
ROWS, COLUMNS, FRAMES = 64, 80, 12


def shown(number):
    """A box that wanders: each frame is told from the others."""
    rgb = np.full((ROWS, COLUMNS, 3), 40, np.uint8)
    rgb[:, :, 1] = np.arange(COLUMNS)
    rgb[8:40, 4 + 5 * number : 12 + 5 * number] = (200, 60, 60)
    return rgb


def stream(kind):
    _, codec, container, pixels = KINDS[kind]
    try:
        av.codec.Codec(codec, "w")
    except Exception:
        pytest.skip(f"this libav does not encode {codec}")
    out = io.BytesIO()
    with av.open(out, "w", format=container) as file:
        video = file.add_stream(codec, rate=25)
        video.width, video.height, video.pix_fmt = COLUMNS, ROWS, pixels
        video.bit_rate = 4_000_000
        if codec == "libx265":
            video.options = {"x265-params": "log-level=error"}
        for number in range(FRAMES):
            file.mux(video.encode(av.VideoFrame.from_ndarray(shown(number), format="rgb24")))
        file.mux(video.encode())
    return out.getvalue()


STREAMS = {}


@pytest.fixture(params=list(KINDS))
def kind(request):
    if request.param not in STREAMS:
        STREAMS[request.param] = stream(request.param)
    return request.param


def opened(kind, data=None, *, frames=FRAMES, rows=ROWS, cut=False, samples=3):
    deep = "10" in kind
    head = image(
        None, rows, COLUMNS, frames=frames, samples=samples, photometric="YBR_PARTIAL_420" if samples == 3 else "MONOCHROME2",
        planar=0 if samples == 3 else None, allocated=16 if deep else 8, stored=10 if deep else 8,
    )  # fmt: skip
    data = STREAMS[kind] if data is None else data
    half = len(data) // 4 * 2
    return fastdicom.dcmread(part10(head + encapsulated([[data[:half], data[half:]]] if cut else [data]), SUFFIX + KINDS[kind][0]))


def is_frame(array, number):
    # compression, and chrominance of every other pixel
    assert np.abs(array.astype(int)[10:38, 6 + 5 * number : 10 + 5 * number] - (200, 60, 60)).mean() < 14, number


def test_frames(kind):
    ds = opened(kind, cut=kind.endswith("packs"))
    assert bytes(ds.frames.encoded(3)).rstrip(b"\0") == STREAMS[kind].rstrip(b"\0")
    array = ds.pixel_array
    assert array.shape == (FRAMES, ROWS, COLUMNS, 3)
    if "10" in kind:
        assert array.dtype == np.uint16
        assert array.max() < 1024
        array = array // 4
    for number in range(FRAMES):
        is_frame(array[number], number)


def test_any_order(kind):
    ds = opened(kind)
    array, frames = ds.pixel_array, ds.frames
    for number in (5, 6, 2, 11, 0):
        assert np.array_equal(frames[number], array[number])
    assert np.array_equal(ds.decode(frames=[9, 1], threads=2), array[[9, 1]])
    assert all(np.array_equal(a, b) for a, b in zip(frames, array, strict=True))


def test_raw_is_luminance_and_chrominance(kind):
    array = opened(kind).decode(raw=True, frames=0) >> (2 if "10" in kind else 0)
    y, cb, cr = (array[10:38, 6:10, i].mean() for i in range(3))
    assert abs(y - (16 + 0.257 * 200 + 0.504 * 60 + 0.098 * 60)) < 6  # PS3.3 C.7.6.3.1.2: YBR_PARTIAL
    assert abs(cb - 104) < 10
    assert abs(cr - 185) < 12


def test_fewer_frames_than_said(kind):
    ds = opened(kind, frames=FRAMES + 3)
    is_frame(ds.frames[1] // (4 if "10" in kind else 1), 1)
    with pytest.raises(DecodeError, match=f"the stream has {FRAMES} frames") as caught:
        ds.frames[FRAMES]
    assert caught.value.frame == FRAMES


def test_cut_off_and_other_sizes(kind):
    data = STREAMS[kind]
    with pytest.raises(DecodeError):
        opened(kind, data[: len(data) // 2]).pixel_array
    with pytest.raises((DecodeError, UnsupportedError)):  # what libav takes for MPEG-1
        opened(kind, b"\x12\x34" * 400).pixel_array
    with pytest.raises(DecodeError, match="rows"):
        opened(kind, rows=ROWS + 2).pixel_array
    with pytest.raises(DecodeError, match="components"):
        opened(kind, samples=1).pixel_array


def test_damage_is_an_error():
    """libav hides what is broken, unless it is asked not to."""
    for kind in ("mpeg2", "h264"):
        data = bytearray(STREAMS.setdefault(kind, stream(kind)))
        for at in range(len(data) // 2, len(data) // 2 + 60):
            data[at] ^= 0x5A
        with pytest.raises(DecodeError):
            opened(kind, bytes(data)).pixel_array


def test_another_codec():
    STREAMS.setdefault("h264", stream("h264"))
    with pytest.raises((UnsupportedError, DecodeError)):
        opened("mpeg2", STREAMS["h264"]).pixel_array


def test_a_playlist_opens_nothing(tmp_path):
    """libav follows lists of files, where it is left to guess."""
    STREAMS.setdefault("h264", stream("h264"))
    (tmp_path / "secret.h264").write_bytes(STREAMS["h264"])
    for text in (f"ffconcat version 1.0\nfile {tmp_path}/secret.h264\n", f"#EXTM3U\n#EXTINF:1,\n{tmp_path}/secret.h264\n"):
        with pytest.raises((DecodeError, UnsupportedError)):
            opened("h264", text.encode()).pixel_array
