"""Frames in fragments (PS3.5 A.4): which of them are which frame, whatever the tables say; and decoded through the data set."""

from __future__ import annotations

import os
import struct
import zlib

import numpy as np
import pytest

import fastdicom
import jpegll_builder as jpegll
from builders import basic_offset_table, element, encapsulated, image, item, part10, sequence
from fastdicom import DecodeError, DicomWarning, TruncatedError
from fastdicom.pixels._frames import FrameIndex, Room
from rle_builder import encoded as rle

RLE = "1.2.840.10008.1.2.5"
SV1 = "1.2.840.10008.1.2.4.70"
BASELINE = "1.2.840.10008.1.2.4.50"
DEFLATED = "1.2.840.10008.1.2.8.1"
UNCOMPRESSED = "1.2.840.10008.1.2.1.98"
MPEG2 = "1.2.840.10008.1.2.4.100"
FRAMES = [np.random.default_rng(i).integers(0, 4000, (5, 6)).astype("<u2") for i in range(4)]
STREAMS = [jpegll.encode(frame, precision=12) for frame in FRAMES]


def halves(stream: bytes) -> list[bytes]:
    middle = len(stream) // 4 * 2
    return [stream[:middle], stream[middle:]]


def opened(frames, count=4, syntax=SV1, between=b"", **options):
    stored = options.pop("stored", 12)
    data = image(None, 5, 6, frames=count, stored=stored, signed=options.pop("signed", False)) + between
    return fastdicom.dcmread(part10(data + encapsulated(frames, **options), syntax))


def same(ds) -> bool:
    return np.array_equal(ds.pixel_array, np.stack(FRAMES))


@pytest.mark.parametrize("bot", (False, True))
@pytest.mark.parametrize("eot", (False, True))
@pytest.mark.parametrize("delimiter", (False, True))
def test_one_fragment_a_frame(bot, eot, delimiter, recwarn):
    ds = opened(STREAMS, bot=bot, eot=eot, delimiter=delimiter)
    assert same(ds)
    assert [bytes(ds.frames.encoded(i)).rstrip(b"\0") for i in range(4)] == STREAMS
    assert np.array_equal(ds.frames[2], FRAMES[2])
    assert np.array_equal(np.asarray(ds.frames[1:3]), np.stack(FRAMES[1:3]))


@pytest.mark.parametrize("bot", (False, True))
@pytest.mark.parametrize("eot", (False, True))
def test_many_fragments_a_frame(bot, eot):
    ds = opened([halves(stream) for stream in STREAMS], bot=bot, eot=eot)
    assert same(ds)
    assert bytes(ds.frames.encoded(3)).startswith(STREAMS[3][:40])


def test_one_frame_in_many_fragments():
    ds = opened([[STREAMS[0][i : i + 10] for i in range(0, len(STREAMS[0]), 10)]], count=1)
    assert np.array_equal(ds.pixel_array, FRAMES[0])


@pytest.mark.parametrize(
    "table",
    (
        struct.pack("<4I", 0, 8, 16, 24),  # no fragment begins there
        struct.pack("<4I", 0, 0, 0, 0),
        struct.pack("<3I", 0, 8, 16),  # too short
        struct.pack("<4I", *[0xFFFFFFF0] * 4),
        b"\1\2\3",
        bytes(4000),
    ),
)
@pytest.mark.filterwarnings("ignore::fastdicom.DicomWarning")
def test_a_table_that_lies_is_not_used(table):
    assert same(opened(STREAMS, bot=table))
    assert same(opened([halves(stream) for stream in STREAMS], bot=table))


def test_a_lie_is_said():
    ds = opened(STREAMS, bot=struct.pack("<4I", 0, 8, 16, 24))
    with pytest.warns(DicomWarning, match="offset table does not fit"):
        ds.pixel_array


def test_a_table_that_points_into_the_middle_of_a_frame():
    """Each of its offsets is that of a fragment, but a stream does not begin there."""
    parts = [halves(stream) for stream in STREAMS]
    fragments = [part for pair in parts for part in pair]
    starts = np.cumsum([0] + [8 + len(part) + len(part) % 2 for part in fragments])
    lie = struct.pack("<4I", *[int(starts[i]) for i in (0, 3, 4, 6)])
    with pytest.warns(DicomWarning, match="offset table"):
        assert same(opened(parts, bot=lie))


def test_fewer_frames_than_said():
    ds = opened(STREAMS[:3], bot=True)
    with pytest.warns(DicomWarning, match="offset table"):
        assert np.array_equal(ds.frames[2], FRAMES[2])
    with pytest.raises(TruncatedError, match="3 of 4"):
        ds.frames[3]
    with pytest.raises(TruncatedError):
        ds.pixel_array


def test_nothing_tells_frames_apart():
    ds = opened([STREAMS[0], b"abcd", b"efgh", b"ijkl", b"mnop"], count=3)
    with pytest.raises(DecodeError, match="5 fragments, 3 frames"):
        ds.pixel_array


@pytest.mark.filterwarnings("ignore::fastdicom.DicomWarning")
def test_cut_off():
    """The frames before the cut are read, the one that was cut is an error; whatever the place."""
    data = part10(image(None, 5, 6, frames=4, stored=12) + encapsulated(STREAMS), SV1)
    begin = data.index(STREAMS[1])
    for stop in range(begin, len(data) - 10, 7):
        ds = fastdicom.dcmread(data[:stop])
        assert np.array_equal(ds.frames[0], FRAMES[0])
        there = [np.array_equal(ds.frames[i], FRAMES[i]) for i in range(4) if data.index(STREAMS[i]) + len(STREAMS[i]) <= stop]
        assert all(there)
        with pytest.raises((DecodeError, TruncatedError)):
            ds.frames[3]


def test_zeros_instead_of_the_delimiter():
    data = image(None, 5, 6, frames=4, stored=12) + encapsulated(STREAMS, delimiter=False) + bytes(24)
    ds = fastdicom.dcmread(part10(data, SV1))
    with pytest.warns(DicomWarning):
        assert same(ds)


def test_an_icon_does_not_swallow_the_pixels():
    """Encapsulated pixel data in an item of defined length."""
    icon = image(None, 5, 6, stored=12) + encapsulated(STREAMS[3:])
    ds = opened(STREAMS, between=sequence(0x00880200, item(icon)))
    assert same(ds)
    assert np.array_equal(ds.IconImageSequence[0].pixel_array, FRAMES[3])


def test_rows_that_are_told_behind_the_scan():
    """DNL of lossless JPEG; whatever it says must be what the data set says."""
    stream = jpegll.encode(FRAMES[0], precision=12, rows_behind=True)
    assert np.array_equal(opened([stream], count=1).pixel_array, FRAMES[0])
    for rows in (0, 4, 6):
        with pytest.raises(DecodeError, match=f"{rows} rows"):
            opened([stream.replace(b"\xff\xdc\0\4\0\5", bytes([0xFF, 0xDC, 0, 4, 0, rows]))], count=1).pixel_array


def test_signed_samples_shorter_than_their_words():
    """The stream holds 12 bits without a sign; Pixel Representation says what they mean."""
    signed = FRAMES[0].astype(np.int32) - 2000
    stream = jpegll.encode(signed & 0xFFF, precision=12)
    ds = opened([stream], count=1, signed=True)
    assert ds.pixel_array.dtype == np.int16
    assert np.array_equal(ds.pixel_array, signed)


def test_decode_into_the_callers_array_on_threads():
    ds = opened(STREAMS * 8, count=32)
    out = np.zeros((32, 5, 6), np.uint16)
    assert ds.decode(out=out, threads=3) is out
    assert np.array_equal(out, np.stack(FRAMES * 8))
    assert np.array_equal(ds.decode(frames=[5, 2]), np.stack([FRAMES[1], FRAMES[2]]))


def test_a_broken_frame_is_named():
    ds = opened([*STREAMS[:2], STREAMS[2][:60], STREAMS[3]])
    with pytest.raises(DecodeError, match="frame 2") as caught:
        ds.pixel_array
    assert caught.value.frame == 2
    assert np.array_equal(ds.frames[3], FRAMES[3])


def test_rle_with_colour():
    rgb = np.random.default_rng(1).integers(0, 255, (5, 6, 3)).astype(np.uint8)
    for photometric in ("RGB", "YBR_FULL"):
        head = image(None, 5, 6, samples=3, photometric=photometric, planar=1, allocated=8)
        ds = fastdicom.dcmread(part10(head + encapsulated([rle(rgb)]), RLE))
        assert np.array_equal(ds.decode(raw=True), rgb)
        assert np.array_equal(ds.pixel_array, rgb) == (photometric == "RGB")


def test_encoded_of_what_nobody_decodes():
    data = image(None, 5, 6, frames=2, allocated=8)
    ds = fastdicom.dcmread(part10(data + encapsulated([b"\xff\xd8one!\xff\xd9", b"\xff\xd8two!\xff\xd9"]), BASELINE))
    assert bytes(ds.frames.encoded(1)) == b"\xff\xd8two!\xff\xd9"


def test_a_video_comes_whole():
    data = image(None, 5, 6, frames=50, allocated=8)
    ds = fastdicom.dcmread(part10(data + encapsulated([[b"first", b"second"]]), MPEG2))
    assert bytes(ds.frames.encoded(0)) == b"first\0second"
    assert bytes(ds.frames.encoded(49)) == b"first\0second"


def test_defined_length_in_an_encapsulated_syntax():
    ds = fastdicom.dcmread(part10(image(FRAMES[0].tobytes(), 5, 6), SV1))
    with pytest.raises(DecodeError, match="defined length"):
        ds.pixel_array


def test_a_range_of_frames_of_a_large_file(tmp_path):
    """From a file, whose fragments lie far behind its head."""
    path = tmp_path / "large.dcm"
    padding = element(0x00091010, "OB", bytes(100_000))
    path.write_bytes(part10(padding + image(None, 5, 6, frames=4, stored=12) + encapsulated(STREAMS), SV1))
    for options in ({}, {"mmap": False}):
        with fastdicom.dcmread(path, **options) as ds:
            assert np.array_equal(ds.frames[3], FRAMES[3])
            assert same(ds)
            assert bytes(ds.frames.encoded(0)).startswith(b"\xff\xd8")


def test_streams_are_read_into_a_room(tmp_path):
    """One after the other into the same memory, if it is large enough; from memory without it."""
    path = tmp_path / "large.dcm"
    pieces = [[stream[:20], stream[20:] + bytes(len(stream) % 2)] for stream in STREAMS]
    path.write_bytes(part10(element(0x00091010, "OB", bytes(100_000)) + image(None, 5, 6, frames=4) + encapsulated(pieces), SV1))
    room = Room(max(sum(map(len, each)) for each in pieces))
    with fastdicom.dcmread(path) as ds:
        index = FrameIndex(ds["PixelData"], 4, "markers")
        views = []
        for number, each in enumerate(pieces):
            views.append(index.read(number, room))
            assert views[-1] == b"".join(each) == index.read(number)
            assert views[-1].readonly
        assert index.read(0, Room(3)) is None
        with pytest.raises(IndexError):
            index.read(4, room)
        del room
        assert bytes(views[3]) == b"".join(pieces[3])  # which keeps the room
        os.truncate(path, path.stat().st_size - len(pieces[3][1]) - 8)
        with pytest.raises(TruncatedError):
            index.read(3, Room(1000))
    index = FrameIndex(opened(pieces, bot=True)["PixelData"], 4, "markers")
    assert [index.read(number, Room(1000)) for number in range(4)] == [b"".join(each) for each in pieces]


def test_frame_index():
    ds = opened([halves(stream) for stream in STREAMS], bot=True)
    index = FrameIndex(ds["PixelData"], 4, "markers")
    assert (len(index), index.number_of_fragments, index.table[1], index.notes) == (4, 8, 16, [])
    assert [len(index.spans(i)) for i in range(4)] == [2, 2, 2, 2]
    assert "4 frames in 8 fragments" in repr(index)
    with pytest.raises(IndexError):
        index.spans(4)


def without_table(fragments: list[bytes]) -> bytes:
    """Fragments where the Basic Offset Table should be the first item."""
    items = b"".join(struct.pack("<HHI", 0xFFFE, 0xE000, len(each)) + each for each in fragments)
    return struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF) + items + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)


@pytest.mark.parametrize("split", (2, 4, 8, 16))
@pytest.mark.parametrize("count", (1, 4))
def test_a_first_fragment_of_a_few_bytes(split, count):
    pieces = [[stream[:split], stream[split:]] for stream in STREAMS[:count]]
    assert np.array_equal(opened(pieces, count).pixel_array, np.stack(FRAMES)[:count] if count > 1 else FRAMES[0])


@pytest.mark.parametrize("split", (0, 2, 16))
@pytest.mark.parametrize("count", (1, 4))
def test_no_table_at_all(split, count):
    """The first item is a fragment, where a stream begins in it: an offset table begins with 0 (PS3.5 A.4)."""
    even = [stream + b"\0" * (len(stream) % 2) for stream in STREAMS[:count]]
    pieces = [each for stream in even for each in (stream[:split], stream[split:]) if each]
    ds = fastdicom.dcmread(part10(image(None, 5, 6, frames=count, stored=12) + without_table(pieces), SV1))
    with pytest.warns(DicomWarning, match="no Basic Offset Table"):
        assert np.array_equal(ds.pixel_array, np.stack(FRAMES)[:count] if count > 1 else FRAMES[0])


def stored_in(frame: np.ndarray, syntax: str) -> bytes:
    if syntax == RLE:
        return rle(frame)
    deflate = zlib.compressobj(wbits=-15)
    return frame.tobytes() if syntax == UNCOMPRESSED else deflate.compress(frame.tobytes()) + deflate.flush()


@pytest.mark.parametrize("syntax", (RLE, DEFLATED, UNCOMPRESSED))
@pytest.mark.parametrize("black", (False, True))
@pytest.mark.parametrize("count", (1, 4))
def test_no_table_where_nothing_begins_a_frame(syntax, black, count):
    """Frames that begin as no table does, or as one that does not rise."""
    frames = [frame * (0 if black and i == 0 else 1) for i, frame in enumerate(FRAMES[:count])]
    data = image(None, 5, 6, frames=count, stored=12) + without_table([stored_in(frame, syntax) for frame in frames])
    ds = fastdicom.dcmread(part10(data, syntax))
    with pytest.warns(DicomWarning, match="no Basic Offset Table"):
        assert np.array_equal(ds.pixel_array, np.stack(frames) if count > 1 else frames[0])


def test_no_table_and_fewer_frames():
    """The header of RLE is no table, however many frames are missing; of what has none, either may be."""
    head = image(None, 5, 6, frames=4, stored=12)
    ds = fastdicom.dcmread(part10(head + without_table([rle(frame) for frame in FRAMES[:2]]), RLE))
    with pytest.warns(DicomWarning, match="no Basic Offset Table"):
        assert np.array_equal(ds.frames[1], FRAMES[1])
    with pytest.raises(TruncatedError, match="2 of 4"):
        ds.frames[2]
    ds = fastdicom.dcmread(part10(head + without_table([frame.tobytes() for frame in FRAMES[:2]]), UNCOMPRESSED))
    with pytest.raises(DecodeError, match="nothing tells"):
        ds.frames[0]


@pytest.mark.parametrize("bot", (False, True))
@pytest.mark.parametrize("split", ((1,), (1, 2), (0, 1, 2, 3)))
@pytest.mark.parametrize("there", (1, 2, 3))
@pytest.mark.parametrize("delimiter", (False, True))
def test_frames_keep_their_numbers(bot, split, there, delimiter, recwarn):
    """Some of several fragments, the last ones missing: there may be as many fragments as frames were said."""
    parts = [halves(stream) if i in split else [stream] for i, stream in enumerate(STREAMS)]
    ds = opened(parts[:there], bot=basic_offset_table(parts) if bot else b"", delimiter=delimiter)
    for i in range(there):
        assert np.array_equal(ds.frames[i], FRAMES[i])
    with pytest.raises(TruncatedError, match=f"{there} of 4"):
        ds.frames[there]
    assert np.array_equal(ds.decode(partial=True), np.stack([*FRAMES[:there], *[np.zeros_like(FRAMES[0])] * (4 - there)]))
    assert not [said for said in recwarn if "offset table" in str(said.message)]


@pytest.mark.parametrize("bot", (False, True))
@pytest.mark.filterwarnings("ignore::fastdicom.DicomWarning")
def test_cut_off_among_many_fragments(bot):
    parts = [halves(stream) for stream in STREAMS]
    data = part10(image(None, 5, 6, frames=4, stored=12) + encapsulated(parts, bot=bot), SV1)
    ends = [data.index(part[1]) + len(part[1]) for part in parts]
    for stop in range(ends[0], len(data) - 10, 5):
        ds = fastdicom.dcmread(data[:stop])
        for i, end in enumerate(ends):
            if end <= stop:
                assert np.array_equal(ds.frames[i], FRAMES[i])
            else:
                with pytest.raises((DecodeError, TruncatedError)):
                    ds.frames[i]


def test_the_table_of_a_cut_file_is_no_lie():
    ds = opened(STREAMS[:2], bot=basic_offset_table([[stream] for stream in STREAMS]))
    assert np.array_equal(ds.frames[1], FRAMES[1])  # without a warning
    with pytest.raises(TruncatedError, match="2 of 4"):
        ds.frames[2]


def test_a_table_that_ends_too_early_loses_no_frame():
    for bot in (struct.pack("<4I", 0, 1 << 20, 2 << 20, 3 << 20), struct.pack("<4I", 0, *[0xFFFFFFF0] * 3)):
        for frames, there in ((STREAMS, 4), (STREAMS[:3], 3), ([halves(stream) for stream in STREAMS], 4)):
            ds = opened(frames, bot=bot)
            with pytest.warns(DicomWarning, match="offset table does not fit"):
                assert np.array_equal(ds.decode(frames=range(there)), np.stack(FRAMES[:there]))


def test_a_frame_that_does_not_begin():
    """Behind the end of another it is a frame, where there are as many of them; where there are fewer, nobody can say."""
    broken = [STREAMS[0], b"\1" * 40 + STREAMS[1][40:], *STREAMS[2:]]
    ds = opened(broken)
    assert np.array_equal(ds.frames[3], FRAMES[3])
    with pytest.raises(DecodeError):
        ds.frames[1]
    first = [b"\1" * 40 + STREAMS[0][40:], *STREAMS[1:]]
    even = [stream + b"\0" * (len(stream) % 2) for stream in first]
    ds = fastdicom.dcmread(part10(image(None, 5, 6, frames=4, stored=12) + without_table(even), SV1))
    with pytest.warns(DicomWarning, match="no Basic Offset Table"):
        assert np.array_equal(ds.frames[1], FRAMES[1])
    for frames in (broken[:3], [STREAMS[0], b"\1" * 40, STREAMS[2][:-2], b"\1" * 40, STREAMS[3]]):
        with pytest.raises(DecodeError, match="nothing tells"):
            opened(frames).frames[2]


def test_bytes_in_the_middle_that_look_like_another_stream():
    """The size in a SPIFF header is 12, as that of the first box of a container; FF0A begins JPEG XL, and may stand in JPEG 2000."""
    for look in (b"\0\0\0\x0c", b"\xff\x0a", b"\xff\x4f\x01\x02"):
        streams = [stream[:2] + jpegll.segment(0xFFFE, b"ab" + look + b"cd") + stream[2:] for stream in STREAMS]
        pieces = [[stream[: stream.index(look)], stream[stream.index(look) :]] for stream in streams]
        assert same(opened([[each + b"\0" * (len(each) % 2) for each in frame] for frame in pieces]))


def test_lossless_jpeg_with_subsampled_components():
    """Nobody here decodes it, and PS3.5 8.2.1 has no place for it: the message names who may."""
    stream = bytearray(jpegll.encode(np.zeros((4, 6, 3), int), precision=8))
    frame = stream.index(b"\xff\xc3")
    stream[frame + 11] = 0x21  # twice as many samples of the first component
    head = image(None, 4, 6, samples=3, photometric="YBR_FULL_422", planar=0, allocated=8, stored=8)
    with pytest.raises(fastdicom.UnsupportedError, match="pylibjpeg-libjpeg"):
        fastdicom.dcmread(part10(head + encapsulated([bytes(stream)]), SV1)).pixel_array
