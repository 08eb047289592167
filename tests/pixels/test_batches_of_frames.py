"""Many frames at a time: on threads, with failures, of what is cut off, and of what lies about its size."""

from __future__ import annotations

import os
import struct
import sys
import threading
import warnings

import numpy as np
import pytest

import children
import fastdicom
import jpegll_builder as jpegll
from builders import BIG, EXPLICIT_BIG, element, encapsulated, extended_offset_table, header, image, part10
from fastdicom import DecodeError, DicomWarning, LimitError, TruncatedError
from fastdicom.codecs import register_decoder, registry
from fastdicom.pixels.frames import _Shares
from rle_builder import encoded as rle

RLE = "1.2.840.10008.1.2.5"
SV1 = "1.2.840.10008.1.2.4.70"
FRAMES = [np.random.default_rng(i).integers(1, 4000, (96, 100)).astype("<u2") for i in range(4)]
STREAMS = [jpegll.encode(frame, precision=12) for frame in FRAMES]


def opened(streams, count=None, syntax=SV1, before=b"", **options):
    head = image(None, 96, 100, frames=count or len(streams), stored=12)
    return fastdicom.dcmread(part10(head + before + encapsulated(streams, **options), syntax))


class TestShares:
    def test_everything_once_and_in_order(self):
        shares = _Shares(103, 7)
        taken = [[], []]
        threads = [threading.Thread(target=lambda k=k: taken[k].extend(shares)) for k in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(taken[0] + taken[1]) == list(range(103))
        assert all(part == sorted(part) for part in taken)
        shares.close()

    def test_the_first_failure_is_raised_and_nothing_more_handed_out(self):
        shares = _Shares(10, 2)
        for at in shares:
            if at == 3:
                shares.failed(7, ValueError("later"))
                shares.failed(3, ValueError("sooner"))
        assert at == 3
        with pytest.raises(ValueError, match="sooner"):
            shares.close()


@pytest.mark.parametrize("threads", (1, 2, 5))
def test_threads_give_the_same(threads):
    ds = opened(STREAMS * 5, bot=True)
    out = np.zeros((20, 96, 100), "<u2")
    assert ds.decode(out=out, threads=threads) is out
    assert np.array_equal(out, np.stack(FRAMES * 5))
    assert np.array_equal(ds.decode(frames=[7, 2, 2], threads=threads), np.stack([FRAMES[3], FRAMES[2], FRAMES[2]]))


@pytest.mark.parametrize("threads", (1, 3))
def test_what_was_decoded_before_a_broken_frame_stays(threads):
    streams = STREAMS * 4
    streams[9] = streams[9][:300]
    streams[12] = b"\xff\xd8"
    out = np.zeros((16, 96, 100), "<u2")
    with pytest.raises(DecodeError, match="frame 9") as caught:
        opened(streams).decode(out=out, threads=threads)
    assert caught.value.frame == 9
    assert np.array_equal(out[:9], np.stack(FRAMES * 4)[:9])


def test_threads_hold_no_gil():
    """Two threads are inside of a decoder at once: each waits for the other there."""
    barrier = threading.Barrier(2, timeout=20)

    class Waits:
        @staticmethod
        def decode(src, info, out):
            barrier.wait()
            out[:] = bytes(src[:1]) * len(out)

    register_decoder("waits", Waits, "1.2.3.4.9", rank=1)
    try:
        ds = opened([bytes([i, 0]) for i in range(8)], syntax="1.2.3.4.9")
        assert [frame[0, 0] & 255 for frame in ds.decode(threads=2)] == list(range(8))
    finally:
        registry._rows[:] = [row for row in registry._rows if row.name != "waits"]


class TestPartial:
    def test_a_cut_stream(self):
        streams = [*STREAMS[:2], STREAMS[2][: len(STREAMS[2]) // 2], STREAMS[3]]
        ds = opened(streams, bot=True)
        with pytest.raises(DecodeError, match="frame 2"):
            ds.decode()
        with pytest.warns(DicomWarning, match=r"of frame 2 \d+ of 96 rows") as told:
            out = ds.decode(partial=True)
        rows = int(str(told[0].message).split("frame 2 ")[1].split()[0])
        assert 30 < rows < 60
        assert np.array_equal(out[2, :rows], FRAMES[2][:rows])
        assert not out[2, rows:].any()
        assert np.array_equal(out[[0, 1, 3]], np.stack(FRAMES)[[0, 1, 3]])

    @pytest.mark.filterwarnings("ignore::fastdicom.DicomWarning")
    @pytest.mark.parametrize("streams", (STREAMS, [rle(frame) for frame in FRAMES]), ids=("sv1", "rle"))
    def test_a_cut_file(self, streams):
        """Cut anywhere: whole frames, rows of one, and nothing of the rest; never a pixel that was not there."""
        syntax = SV1 if streams is STREAMS else RLE
        data = part10(image(None, 96, 100, frames=4, stored=12) + encapsulated(streams), syntax)
        first, rows = data.index(streams[0]), 0
        for stop in range(first + 9, len(data), 3001):
            out = fastdicom.dcmread(data[:stop]).decode(partial=True)
            there = out.reshape(-1) != 0
            count = int(there.argmin()) if not there.all() else there.size
            assert not there[count:].any()
            assert np.array_equal(out.reshape(-1)[:count], np.stack(FRAMES).reshape(-1)[:count])
            assert count // 9600 >= sum(data.index(stream) + len(stream) <= stop for stream in streams)
            rows += count // 100 % 96
        assert rows > 100  # of frames that were cut, too

    def test_missing_frames(self):
        ds = opened(STREAMS[:2], count=4)
        with pytest.raises(TruncatedError):
            ds.decode()
        with pytest.warns(DicomWarning, match=r"of frames 2, 3 nothing"):
            out = ds.decode(partial=True)
        assert np.array_equal(out[:2], np.stack(FRAMES[:2]))
        assert not out[2:].any()
        with pytest.raises(IndexError):
            ds.decode(frames=4, partial=True)

    def test_a_decoder_that_cannot(self):
        """It gets no half streams: the frame that the file ends in is 0, and any other failure stays one."""

        class Careless:
            @staticmethod
            def decode(src, info, out):
                if len(src) < 5000:
                    raise DecodeError("too short")
                out[:] = b"\1" * len(out)

        register_decoder("careless", Careless, SV1, rank=90)
        try:
            data = part10(image(None, 96, 100, frames=4, stored=12) + encapsulated(STREAMS), SV1)
            stop = data.index(STREAMS[3]) + len(STREAMS[3]) - 100
            with pytest.warns(DicomWarning, match="beyond the end"):
                (ds := fastdicom.dcmread(data[:stop]))["PixelData"]
            with pytest.warns(DicomWarning, match="ends inside a fragment"):
                ds.decode(frames=[0, 1, 2], decoder="careless")
            with pytest.raises(DecodeError, match="frame 3: the file ends inside the frame"):
                ds.decode(decoder="careless")
            with pytest.warns(DicomWarning, match="of frame 3 nothing"):
                out = ds.decode(decoder="careless", partial=True)
            assert (out[:3] == 257).all()
            assert not out[3].any()
            with pytest.raises(DecodeError, match="frame 1: too short"):
                opened([STREAMS[0], STREAMS[1][:999]]).decode(decoder="careless", partial=True)
        finally:
            registry._rows[:] = [row for row in registry._rows if row.name != "careless"]

    @pytest.mark.parametrize("big", (False, True))
    @pytest.mark.parametrize("allocated", (1, 8, 12, 16, 32))
    @pytest.mark.filterwarnings("ignore::fastdicom.DicomWarning")
    def test_uncompressed(self, allocated, big):
        shape = (3, 7, 10)
        bits = np.ones(int(np.prod(shape)) * allocated, np.uint8)  # a pixel that is there is not 0
        pixels = np.packbits(bits, bitorder="little").tobytes()
        pixels += b"\0" * (len(pixels) % 2)
        options = {"encoding": BIG} if big else {}
        head = image(None, 7, 10, frames=3, allocated=allocated, **options)
        for stop in range(0, len(pixels), max(1, len(pixels) // 40)):
            value = header(0x7FE00010, "OW", len(pixels), **options) + pixels[:stop]
            ds = fastdicom.dcmread(part10(head + value, EXPLICIT_BIG if big else "1.2.840.10008.1.2.1"))
            there = (ds.decode(partial=True) != 0).reshape(21, 10)
            count = int(there.all(axis=1).sum())
            assert there[:count].all()
            assert not there[count:].any()
            assert count <= 8 * stop // (10 * allocated)
            assert count >= (8 * stop - 128) // (10 * allocated)

    @pytest.mark.filterwarnings("ignore::fastdicom.DicomWarning")
    @pytest.mark.parametrize("photometric", ("RGB", "YBR_FULL", "YBR_FULL_422"))
    @pytest.mark.parametrize("planar", (0, 1))
    def test_colour_that_is_missing_is_black(self, photometric, planar):
        subsampled = photometric == "YBR_FULL_422"
        pixels = np.full((6, 4, 2 if subsampled else 3), 200, np.uint8).tobytes()
        head = image(None, 6, 4, samples=3, photometric=photometric, planar=planar, allocated=8)
        whole = fastdicom.dcmread(part10(head + element(0x7FE00010, "OB", pixels))).pixel_array
        for stop in range(len(pixels)):
            ds = fastdicom.dcmread(part10(head + header(0x7FE00010, "OB", len(pixels)) + pixels[:stop]))
            out = ds.decode(partial=True)
            rows = int(out.any(axis=(1, 2)).sum())
            assert np.array_equal(out[:rows], whole[:rows])
            if planar and not subsampled:
                assert rows == max(0, stop - 48) // 4
            else:
                assert rows == stop // (len(pixels) // 6)

    def test_what_is_whole_is_not_warned_of(self):
        assert np.array_equal(opened(STREAMS).decode(partial=True), np.stack(FRAMES))
        view = fastdicom.dcmread(part10(image(FRAMES[0].tobytes(), 96, 100))).decode(partial=True)
        assert np.array_equal(view, FRAMES[0])


@pytest.mark.filterwarnings("ignore::fastdicom.DicomWarning")
@pytest.mark.parametrize(
    "fields",
    (
        {"rows": 65535, "columns": 65535},
        {"rows": 65535, "columns": 65535, "frames": 2147483647},
        {"rows": 96, "columns": 100, "frames": 2147483647},
    ),
)
def test_what_is_missing_for_the_most_part_is_refused(fields):
    for value in (header(0x7FE00010, "OW", 1 << 31) + bytes(50), encapsulated([STREAMS[0]])):
        ds = fastdicom.dcmread(part10(image(None, **fields) + value, SV1 if b"\xff\xd8" in value else "1.2.840.10008.1.2.1"))
        with pytest.raises((LimitError, DecodeError), match=r"most of which are missing|cannot hold"):
            ds.decode(partial=True)
        with pytest.raises(LimitError):
            ds.decode(partial=True, limit=1 << 20)
        with pytest.raises((TruncatedError, DecodeError)):
            ds.pixel_array  # at once, however many frames are said to be there


def test_extended_offset_table_lengths():
    streams = [stream[: len(stream) // 2 * 2] for stream in STREAMS]
    table = extended_offset_table([[stream] for stream in STREAMS])
    for wrong in (0, 3, len(STREAMS[1]) * 2, 1 << 63):
        lengths = struct.pack("<4Q", len(STREAMS[0]), wrong, len(STREAMS[2]), len(STREAMS[3]))
        lying = table[: table.index(struct.pack("<HH", 0x7FE0, 2))] + element(0x7FE00002, "OV", lengths)
        ds = opened(STREAMS, before=lying)
        with pytest.warns(DicomWarning, match="Extended Offset Table Lengths"):
            assert np.array_equal(ds.pixel_array, np.stack(FRAMES))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.array_equal(opened(STREAMS, before=table).pixel_array, np.stack(FRAMES))
    assert len(streams) == 4


CLAIM = """
import sys, fastdicom
for path in sys.argv[1:]:
    ds = fastdicom.dcmread(path)
    for call in (lambda: ds.pixel_array, lambda: ds.decode(frames=0), lambda: ds.frames[0], lambda: ds.decode(partial=True)):
        try:
            call()
        except fastdicom.DicomError as error:
            print(type(error).__name__, error)
        else:
            raise SystemExit("no error")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of memory there")
def test_claims_of_gigabytes_get_no_memory(tmp_path):
    """65535 x 65535 pixels in a hundred bytes, in a process that has 2 GiB."""
    paths = []
    for n, (syntax, stream) in enumerate(((RLE, rle(FRAMES[0])[:100]), (SV1, STREAMS[0][:100]), (SV1, jpegll_of(65535)))):
        paths.append(tmp_path / f"{n}.dcm")
        data = image(None, 65535, 65535, frames=2) + encapsulated([stream] * 2)
        paths[-1].write_bytes(part10(data, syntax))
    told = children.run(CLAIM, *paths, memory=2 << 30).splitlines()
    assert len(told) == 12
    assert all(line.startswith("DecodeError") and "cannot hold 65535 x 65535" in line for line in told)


def jpegll_of(rows: int) -> bytes:
    """A stream that itself says that it has so many rows and columns."""
    return STREAMS[0].replace(struct.pack(">HH", 96, 100), struct.pack(">HH", rows, rows))[:100]


def test_no_memory_is_our_error(monkeypatch):
    def refuse(*_, **__):
        raise MemoryError

    ds = opened(STREAMS)
    monkeypatch.setattr(np, "empty", refuse)
    with pytest.raises(LimitError, match="no memory"):
        ds.decode()


COUNT = """
import sys, fastdicom, fastdicom.pixels
def told():
    with open("/proc/self/io") as file:
        return int(file.readline().split()[1])
fastdicom.dcmread(sys.argv[2]).decode()  # what is imported on first use
before = told()
frame = fastdicom.dcmread(sys.argv[1]).frames[150]
print(told() - before, frame[0, 0], frame[-1, -1])
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/io"), reason="counts what the system says was read")
@pytest.mark.parametrize("compressed", (False, True))
def test_one_frame_of_many_reads_no_other(tmp_path, compressed):
    """200 frames of 512 KiB: what is read is the head of the file, item headers, and the frame."""
    small, large = tmp_path / "small.dcm", tmp_path / "large.dcm"
    pixels = np.full((512, 512), 77, "<u2")
    head = image(None, 512, 512, frames=200)
    stream = pixels.tobytes() if not compressed else b"".join([struct.pack("<16I", 2, 64, 64 + 264192, *[0] * 13), literal(0), literal(77)])
    with open(large, "wb") as file:
        if compressed:
            file.write(part10(head + encapsulated([stream] * 200, bot=True), RLE))
        else:
            file.write(part10(head + header(0x7FE00010, "OW", 200 * len(stream))))
            file.writelines(stream for _ in range(200))
    small.write_bytes(part10(image(None, 96, 100) + encapsulated([rle(FRAMES[0])]), RLE))
    read, first, last = map(int, children.run(COUNT, large, small, memory=0).split())
    assert (first, last) == (77, 77)
    assert read < (1 << 17) + (len(stream) + 200 * 2 * 8192 if compressed else 0)


def literal(value: int) -> bytes:
    """A plane of 512 x 512 bytes as runs of 128, which is longer than the plane."""
    return (b"\x7f" + bytes([value]) * 128) * 2048
