"""The frames of a data set as they are stored: side by side in an uncompressed value, or in fragments."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

import numpy as np

from fastdicom.codecs import _native, _stream, native, registry
from fastdicom.codecs.base import HEADER_OF, Decoded
from fastdicom.errors import DecodeError, DicomError, TruncatedError, UnsupportedError
from fastdicom.pixels._frames import FrameIndex, Room
from fastdicom.pixels.agree import Plan, agree, is_exact
from fastdicom.pixels.color import becomes_rgb, to_rgb
from fastdicom.pixels.describe import Description, path_of, warn
from fastdicom.transfer_syntax import get as transfer_syntax_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    import numpy.typing as npt

    from fastdicom.codecs.base import FrameInfo, StreamHeader

    Array = npt.NDArray[Any]
    # answers how many rows are whole when not all are, or what there is of all of them, which only `partial` allows
    Fill = Callable[[int, memoryview], int | str | None]

__all__ = ["Encapsulated", "Native", "Video", "check_stream_size", "stored"]

# How frames lie in fragments (PS3.5 A.4, `TransferSyntax.fragments`) -> what tells them apart without a table
_KINDS = {"frame": "fragment", "any": "markers", "stream": "video", "any-stream": "video", "": "markers"}
_CELLS = frozenset(("rle", "deflated-frame", "encapsulated-uncompressed"))  # families without headers that keep all bits
_EXTENDED_OFFSET_TABLE = 0x7FE00001
_EXTENDED_OFFSET_TABLE_LENGTHS = 0x7FE00002
# family -> decoded bytes that a byte of a stream can become at most; of the lossy and lossless JPEG, samples. RLE: two bytes
# become 128 (PS3.5 G.3.1); a bit a sample (T.81 H.1.2); less than a bit a block of 64, four for one when subsampled; RFC 1951.
_MOST = {"rle": 64, "deflated-frame": 1032, "encapsulated-uncompressed": 1}
_MOST_SAMPLES = {"jpeg-lossless": 8, "jpeg": 4096}
_BOXED = b"\0\0\0\x0c", b"\r\n\x87\n"
_BEGINNINGS = {
    "jpeg": (b"\xff\xd8\xff",),
    "jpeg-ls": (b"\xff\xd8\xff",),
    "j2k": (b"\xff\x4f\xff\x51", b"jP  ".join(_BOXED)),
    "jxl": (b"\xff\x0a", b"JXL ".join(_BOXED)),
}
_JXL_HEADERS = 64  # bytes in which nothing is told apart: the boxes of a file, and how its first frame begins
_CHECK_FROM = 64 << 20  # decoded bytes from which it is asked whether the streams can hold so many


_NOTHING: Any = object()  # which no decoder answers


def check_stream_size(info: FrameInfo, size: int, number: int | None = None) -> None:
    """Raise DecodeError when so many bytes of a stream cannot become a frame of this size."""
    family = transfer_syntax_of(info.transfer_syntax_uid).family
    if family in _MOST:  # which pack bits as they are stored
        enough = size * _MOST[family] >= (native.frame_bits(info) + 7) // 8
    else:
        enough = family not in _MOST_SAMPLES or size * _MOST_SAMPLES[family] >= info.samples
    if not enough:
        raise DecodeError(f"a stream of {size} bytes cannot hold {info.rows} x {info.columns} pixels, {info.frame_size} bytes", number)


def _ends_in_header(stream: memoryview, form: str | None) -> bool:
    """Whether a stream is empty, or begins as one of its format and ends before its first coded data."""
    data = bytes(stream[: 1 << 20]).rstrip(b"\0")  # headers with long profiles have some 100 KiB
    if form is None or not data:
        return not data
    if len(stream) > 1 << 20 or not any(data.startswith(each) or each.startswith(data) for each in _BEGINNINGS[form]):
        return False
    if form == "jxl":  # its headers are entropy-coded themselves
        return len(data) <= _JXL_HEADERS
    if form == "j2k":
        return b"\xff\x93" not in data  # SOD
    scan = data.find(b"\xff\xda")  # SOS, whose segment tells its length
    return scan < 0 or scan + 2 + int.from_bytes(data[scan + 2 : scan + 4].ljust(2, b"\xff")) > len(data)


class Native:
    """Uncompressed frames: one follows the other in the value (PS3.5 8.1.1)."""

    in_turn = False

    def __init__(self, dataset: Any, description: Description) -> None:
        self._path = path_of(dataset)
        self._description = description

    def check(self, decoder: str | None) -> None:
        """Raise UnsupportedError when a decoder is asked for that is not ours."""
        if decoder is not None and registry.load(self._description.info.transfer_syntax_uid, decoder) is not native:
            raise UnsupportedError(f"the decoder {decoder} does not read uncompressed frames")

    def require(self, number: int) -> int:
        """The number of a frame that is there; TruncatedError when the file ends before."""
        there, said = self._description.available, self._description.number_of_frames
        if number >= there:
            element = self._description.element
            text = f"the file ends inside or before frame {number}: {there} of {said} are whole"
            raise TruncatedError(text, element.tag, element.offset, self._path)
        return number

    def encoded(self, number: int) -> memoryview:
        """The bytes that hold a frame; the first and the last may hold packed pixels of its neighbours."""
        place = native.span(self._description.info, self.require(number))
        raw: memoryview = self._description.element.raw
        return raw[place.start : place.stop]

    def spans(self, number: int) -> list[tuple[int, int]]:
        """(offset, length) in the file of what `encoded` gives."""
        place = native.span(self._description.info, self.require(number))
        return [(self._description.element.offset + place.start, place.stop - place.start)]

    def view(self, numbers: Sequence[int]) -> Array | None:
        """An array on the stored bytes; None when they are not what is decoded, or have unused bits to be changed first."""
        info, element = self._description.info, self._description.element
        if not isinstance(numbers, range) or numbers.step != 1 or not native.is_stored_as_decoded(info):
            return None
        start, size = numbers.start * info.frame_size, len(numbers) * info.frame_size
        stored = element.raw
        if info.bits_stored < info.bits_allocated:
            piece = stored[start : start + size]
            if not _native.unused_clean(piece, info.itemsize, info.bits_stored, info.is_signed):
                return None
        array = np.frombuffer(stored, info.dtype, len(numbers) * info.samples, start)
        return array.reshape(len(numbers), *info.shape)

    def precision(self, number: int) -> int:  # noqa: ARG002
        """Bits Stored."""
        return self._description.info.bits_stored

    def becomes_rgb(self) -> bool:
        """Whether frames must be converted to become RGB; UnsupportedError where nobody knows how."""
        return becomes_rgb(self._description.info)

    def cells(self, number: int, target: memoryview, bit: int = 0) -> None:  # noqa: ARG002
        """A frame as it is stored, all bits of every sample, into a buffer; `bit` is the one that is wanted of them."""
        self.filler(None, False, whole_cells=True)(number, target)

    def count(self) -> int:
        """How many frames are there whole."""
        return self._description.available

    def held(self) -> int:
        """The bytes of pixels that are there."""
        return int(self._description.element.length)

    def check_size(self, numbers: Sequence[int], rgb: bool) -> None:
        """Nothing: the length of the value was compared with what the header says."""

    def session(self, decoder: str | None) -> AbstractContextManager[object]:  # noqa: ARG002
        """Nothing is done once around many frames."""
        return nullcontext()

    def filler(self, decoder: str | None, rgb: bool, *, whole_cells: bool = False, partial: bool = False) -> Fill:  # noqa: ARG002
        """What decodes a frame into a buffer; it never reads through the map: a file truncated meanwhile is an error, no fault.

        With `partial` a frame that the file ends inside is filled as far as there are bytes.
        """
        info, element = self._description.info, self._description.element
        in_place = native.is_in_place(info)
        scratch = memoryview(b"")
        there = self._description.available

        def fill(number: int, target: memoryview) -> int | None:
            nonlocal scratch
            place = native.span(info, number)
            stop = min(place.stop, element.length)
            whole = native.whole_rows(info, number, element.length) if partial and number >= there else None
            if whole == 0:
                return 0
            if whole is not None:
                stored = memoryview(bytearray(place.stop - place.start))
                element.read_into(stored[: stop - place.start], place.start)
                native.decode(stored, info, target, place.skip, whole_cells)
                if rgb:
                    to_rgb(target, info.photometric_interpretation)
                return whole
            if in_place:
                stored = target
            else:
                if len(scratch) < stop - place.start:
                    scratch = memoryview(bytearray(stop - place.start + 2))
                stored = scratch[: stop - place.start]
            element.read_into(stored, place.start)
            native.decode(stored, info, target, place.skip, whole_cells)
            if rgb:
                to_rgb(target, info.photometric_interpretation)
            return None

        return fill


class Encapsulated:
    """Frames in fragments (PS3.5 A.4), each a bitstream of its own."""

    in_turn = False  # whether frames must be decoded in their order

    def __init__(self, dataset: Any, description: Description) -> None:
        self._dataset = dataset
        self._description = description
        self._syntax = transfer_syntax_of(description.info.transfer_syntax_uid)
        self._lock = threading.Lock()
        self._found: FrameIndex | None = None
        self._codecs: dict[str | None, Any] = {}  # those that were checked last
        self._headers = _stream.Reader()
        self._plans: dict[tuple[bool, bool], tuple[Plan, bool]] = {}  # by whether RGB is wanted, and whether parts are

    @property
    def _index(self) -> FrameIndex:
        with self._lock:
            if self._found is None:
                self._found = self._make_index()
            return self._found

    def _make_index(self) -> FrameIndex:
        element, info = self._description.element, self._description.info
        if not element.is_encapsulated and not element.is_undefined_length:
            raise DecodeError(
                f"the transfer syntax is {info.transfer_syntax_uid}, whose frames are in fragments, but the pixel data has a defined length"
            )
        kind = _KINDS[self._syntax.fragments]
        extended = bytes(self._dataset[_EXTENDED_OFFSET_TABLE].raw) if _EXTENDED_OFFSET_TABLE in self._dataset else None
        index = FrameIndex(element, self._description.number_of_frames, kind, extended)
        for note in index.notes:
            warn(self._dataset, note)
        if extended is not None and not self._lengths_fit(index):
            warn(self._dataset, "the Extended Offset Table Lengths do not fit the fragments, and were not used")
        return index

    def _lengths_fit(self, index: FrameIndex) -> bool:
        """Whether (7FE0,0002), if it is there, says how long the fragments are, but for their padding (PS3.3 C.7.6.3.1.8)."""
        if _EXTENDED_OFFSET_TABLE_LENGTHS not in self._dataset:
            return True
        raw = bytes(self._dataset[_EXTENDED_OFFSET_TABLE_LENGTHS].raw)
        if len(raw) != 8 * len(index):
            return False
        for number, length in enumerate(np.frombuffer(raw, "<u8").tolist()):
            padding = index.size(number) - length
            # of several fragments, which there should not be, each may have a byte of padding
            if padding not in (0, 1) and not 0 <= padding <= len(index.spans(number)):
                return False
        return True

    def count(self) -> int:
        """How many frames there are."""
        return len(self._index)

    def held(self) -> int:
        """The bytes of pixels that are there, decoded."""
        return len(self._index) * self._description.info.frame_size

    def check_size(self, numbers: Sequence[int], rgb: bool) -> None:
        """Raise DecodeError when streams cannot become as many pixels as the header says, before these get any memory."""
        info, index, family = self._description.info, self._index, self._syntax.family
        if len(numbers) * info.frame_size < _CHECK_FROM:
            return
        for number in numbers if family in _MOST or family in _MOST_SAMPLES else ():
            check_stream_size(info, index.size(number), number)
        if family in HEADER_OF:
            stream = index.read(numbers[0])
            try:
                agree(info, _stream.header(stream), rgb)
            except DecodeError as error:
                if _ends_in_header(stream, HEADER_OF[family]):  # which is said when it is decoded, or is no error then
                    return
                raise DecodeError(error.reason, numbers[0], error.offset) from error

    def check(self, decoder: str | None) -> None:
        """Raise UnsupportedError or MissingDecoderError when nobody here decodes these frames."""
        self._codecs[decoder] = registry.load(self._description.info.transfer_syntax_uid, decoder)

    def require(self, number: int) -> int:
        """The number of a frame that is there; TruncatedError when there are fewer."""
        there = len(self._index)
        if number >= there:
            element = self._description.element
            text = f"there is no frame {number}: the pixel data holds {there} of {self._description.number_of_frames}"
            raise TruncatedError(text, element.tag, element.offset, path_of(self._dataset))
        return number

    def encoded(self, number: int) -> memoryview:
        """The bitstream of a frame."""
        return self._index.encoded(self.require(number))

    def spans(self, number: int) -> list[tuple[int, int]]:
        """(offset, length) in the file of each fragment of a frame."""
        return self._index.spans(self.require(number))

    def _is_whole(self, stream: memoryview) -> bool:
        """Whether a stream that the file ends in has its end.

        JPEG, JPEG-LS and JPEG 2000 have a marker there, RLE is as long as its pixels, DEFLATE knows.
        """
        if HEADER_OF.get(self._syntax.family) in (None, "jxl"):
            return self._syntax.family in ("rle", "deflated-frame")
        return bytes(stream[-4:]).rstrip(b"\0").endswith(b"\xff\xd9")

    def cells(self, number: int, target: memoryview, bit: int = 0) -> None:
        """A frame with all bits of every sample that the stream holds; UnsupportedError where it does not hold that one exactly.

        RLE compresses whole cells (PS3.5 G.2), what is deflated or left as it is has them, and so do those who give a lossless stream
        more bits than are stored.
        """
        info, stream = self._description.info, self._index.read(self.require(number))
        header = self._headers.read(stream) if self._syntax.family in HEADER_OF else None
        plan = agree(info, header, False)
        held = self._syntax.family in _CELLS if header is None else is_exact(info, header) and bit < min(header.precision)
        if not held:
            raise UnsupportedError(f"bit {bit} of the samples, which holds an overlay, was not kept when they were compressed")
        whole = replace(plan.info, bits_stored=info.bits_allocated, high_bit=info.bits_allocated - 1)
        registry.load(info.transfer_syntax_uid).decode(stream, whole, target)

    def _has_overlay(self) -> bool:
        """Whether a bit above the samples is an overlay (retired from PS3.3 C.9.2): it has a position there, and no data of its own."""
        info = self._description.info
        for group in range(0x60000000, 0x60200000, 0x20000):
            if group | 0x0102 in self._dataset and group | 0x3000 not in self._dataset:
                position = self._dataset[group | 0x0102].value
                if isinstance(position, int) and info.high_bit < position < info.bits_allocated:
                    return True
        return False

    def _plan(self, info: FrameInfo, header: StreamHeader | None, rgb: bool) -> tuple[Plan, bool]:
        """The plan for streams of this header, and whether samples may have bits above Bits Stored that were as well none of theirs."""
        above = header is not None and info.kind == "int" and max(header.precision) > info.bits_stored and is_exact(info, header)
        plan = agree(info, header, rgb, above and self._has_overlay())
        for note in plan.notes:
            warn(self._dataset, note)
        return plan, above and not plan.step and not plan.rgb

    def _agreed(self, info: FrameInfo, header: StreamHeader | None, rgb: bool) -> tuple[Plan, bool]:
        """The plan for streams of this header, the last one if it is; whoever decodes on other threads takes the same."""
        known = self._plans.get((rgb, info.partial))
        if known is None or known[0].info.stream is not header:
            known = self._plans[rgb, info.partial] = self._plan(info, header, rgb)
        return known

    def precision(self, number: int) -> int:
        """The most bits that a sample has by the header of the stream; Bits Stored where it has none."""
        family = self._syntax.family
        header = self._headers.read(self._index.read(self.require(number))) if family in HEADER_OF else None
        return self._description.info.bits_stored if header is None else max(header.precision)

    def becomes_rgb(self) -> bool:
        """True: whether there is something to be converted, the streams tell."""
        return True

    def view(self, numbers: Sequence[int]) -> Array | None:  # noqa: ARG002
        """None: what is stored is never what is decoded."""
        return None

    def _finish(self, plan: Plan, above: bool, held: Decoded | None, target: memoryview) -> int | str | None:
        """Give decoded samples their sign and colour; answers as a `Fill`."""
        info = plan.info
        if held is not None and not isinstance(held, Decoded):
            raise DecodeError(f"the decoder answered a {type(held).__name__}: None or a fastdicom.codecs.Decoded was expected")
        if held is None or (held.whole_rows is None and not held.coarse):
            plan.finish(held, target)
            if above and not _native.unused_clean(target, info.itemsize, info.bits_stored, info.is_signed, True):
                warn(self._dataset, f"there are bits above Bits Stored, which is {info.bits_stored}, in a lossless stream: they were kept")
            return None
        # cells that are near what they were say nothing of the samples in them, without the bits above; nor does what nobody wrote
        if held.whole_rows == 0 or (held.coarse and plan.step == "cells"):
            return 0
        samples = np.frombuffer(target, f"u{info.itemsize}").reshape(info.rows, info.columns, -1)
        if held.whole_rows is not None:
            samples[held.whole_rows :] = 0  # of what was made up there, no sign and no colour is asked
        plan.finish(held, target)
        for top, bottom, left, right in held.missing:
            samples[top:bottom, left:right] = 0  # which is another colour in luminance and chrominance
        return held.coarse or held.whole_rows

    def filler(self, decoder: str | None, rgb: bool, *, partial: bool = False) -> Fill:
        """What decodes a frame into a buffer; `rgb`: luminance and chrominance become RGB.

        With `partial` a stream that ends too early gives the rows that its decoder can tell to be whole.
        """
        info, index, read = self._description.info, self._index, self._index.read
        if partial:
            info = replace(info, partial=True)
        cut = len(index) - 1 if index.is_cut else -1
        codec = self._codecs.get(decoder) or registry.load(info.transfer_syntax_uid, decoder)
        read_header = self._headers.read if self._syntax.family in HEADER_OF else None
        room = Room(0)  # for the streams, one after the other
        plan: Plan | None = None
        above, done = False, _NOTHING  # done: what a decoder answers when there is nothing left to be finished

        def decode(number: int, target: memoryview) -> int | str | None:
            nonlocal room, plan, above, done
            stream = read(number, room)
            if stream is None:
                room = Room(index.size(number) * 5 // 4)
                stream = read(number, room)
            assert stream is not None
            if number == cut and not self._is_whole(stream):
                if not partial:
                    raise DecodeError("the file ends inside the frame")
                if not getattr(codec, "PARTIAL", False):  # what such a decoder makes of half a stream is anybody's guess
                    return 0
            header = None if read_header is None else read_header(stream)
            if plan is None or plan.info.stream is not header:  # frames of a file are mostly alike
                plan, above = self._agreed(info, header, rgb)
                done = _NOTHING
            try:
                held = codec.decode(stream, plan.info, target)
            except (DicomError, MemoryError, KeyboardInterrupt, SystemExit):
                raise
            except BaseException as error:  # somebody else's decoder: its faults are a frame's, and what panics in Rust is no Exception
                raise DecodeError(f"{type(error).__name__}: {error}") from error
            if held is done:
                return None
            whole = self._finish(plan, above, held, target)
            if whole is None and not above and plan.is_done(held):
                done = held
            return whole

        return self._lenient(decode, cut) if partial else decode

    def _lenient(self, decode: Fill, cut: int) -> Fill:
        """The same with `partial`: of a frame that is not there, or ends before it says what it is, there is nothing."""
        count, form = len(self._index), HEADER_OF.get(self._syntax.family)

        def fill(number: int, target: memoryview) -> int | str | None:
            if number >= count:
                return 0
            try:
                return decode(number, target)
            except DecodeError:
                if number != cut and not _ends_in_header(self.encoded(number), form):
                    raise
                return 0

        return fill

    def session(self, decoder: str | None) -> AbstractContextManager[object]:
        """What the decoder wants to be done once around many frames."""
        return registry.session(self._codecs.get(decoder))


class Video(Encapsulated):
    """Frames of a video: all are one stream (PS3.5 8.2.5 to 8.2.13), and each needs those before it.

    The reader stays where it is, so that the next frame costs one frame.
    """

    in_turn = True

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._readers: dict[tuple[str | None, bool], Any] = {}

    def count(self) -> int:
        """How many frames the data set says that there are; the stream tells when it is decoded."""
        return self._description.number_of_frames if len(self._index) else 0

    def require(self, number: int) -> int:
        """The number of a frame; TruncatedError when there is no stream at all."""
        if not len(self._index):
            element = self._description.element
            raise TruncatedError("the pixel data holds no stream", element.tag, element.offset, path_of(self._dataset))
        return number

    def encoded(self, number: int) -> memoryview:  # noqa: ARG002
        """The whole stream."""
        return self._index.encoded(self.require(0))

    def held(self) -> int:
        """As many bytes as frames have, if there is a stream."""
        return self.count() * self._description.info.frame_size

    def check_size(self, numbers: Sequence[int], rgb: bool) -> None:
        """Nothing: how large frames are, the first that is decoded tells."""

    def filler(self, decoder: str | None, rgb: bool, *, partial: bool = False) -> Fill:  # noqa: ARG002
        """What decodes a frame into a buffer."""
        info = self._description.info
        codec = registry.load(info.transfer_syntax_uid, decoder)
        if not hasattr(codec, "Reader"):
            raise UnsupportedError(f"the decoder of {info.transfer_syntax_uid} does not read frames of a video")
        wanted = rgb and info.samples_per_pixel == 3 and info.photometric_interpretation.startswith("YBR")

        def fill(number: int, target: memoryview) -> int | None:
            with self._lock:
                reader = self._readers.pop((decoder, wanted), None)
            if reader is None:
                reader = codec.Reader(self._index.read(0), replace(info, wanted_rgb=wanted))
            reader.read(number, target)
            with self._lock:
                self._readers[decoder, wanted] = reader
            return None

        return fill


def stored(dataset: Any, description: Description) -> Native | Encapsulated:
    """The frames of a data set as its transfer syntax stores them."""
    if description.is_native:
        return Native(dataset, description)
    is_video = transfer_syntax_of(description.info.transfer_syntax_uid).video
    return (Video if is_video else Encapsulated)(dataset, description)
