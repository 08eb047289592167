"""The frames of a runner of pydicom's, decoded by our decoders under the rules of `pixels.agree`."""

from __future__ import annotations

import warnings
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from pydicom.encaps import generate_frames, get_frame
from pydicom.pixels.common import PhotometricInterpretation

from fastdicom.codecs import _native, _stream, registry
from fastdicom.codecs.base import HEADER_OF, FrameInfo
from fastdicom.codecs.workers import inner
from fastdicom.errors import DecodeError, DicomError, DicomWarning, UnsupportedError
from fastdicom.pixels.agree import Plan, agree
from fastdicom.pixels.frames import SHARE, SMALL_FRAME, THREADS_FROM, processors, shares
from fastdicom.pixels.stored import check_stream_size
from fastdicom.transfer_syntax import get as transfer_syntax_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from fastdicom.codecs.base import StreamHeader

    Array = npt.NDArray[Any]

__all__ = ["YBR", "Piece", "decode_all", "decode_one", "encoded", "fill", "rgb_is_wanted", "streams_of"]

YBR = ("YBR_FULL", "YBR_FULL_422")  # what pydicom makes RGB of
CORRECTIONS = ("correct_unused_bits", "apply_j2k_sign_correction", "apply_jls_sign_correction")
_CHECK_FROM = 64 << 20  # decoded bytes from which it is asked whether streams can hold so many
_KINDS: dict[str, Any] = {"PixelData": "int", "FloatPixelData": "float", "DoubleFloatPixelData": "double"}
_DESCRIPTION = ("rows", "columns", "samples_per_pixel", "bits_allocated", "bits_stored", "pixel_representation", "planar_configuration")
_OURS = ("cells", "extend")  # steps of a plan that are pydicom's own corrections of arrays


class Reading(NamedTuple):
    """What is done with the streams of one header.

    Attributes
    ----------
    header : StreamHeader or None
        The header.
    plan : Plan
        What the decoder is told; the colour stays that of the stream.
    to_rgb : Plan or None
        The same, with RGB made of luminance and chrominance; None where there is nothing to be made.
    colour : str
        The photometric interpretation of what `plan` gives.
    problem : DicomError or None
        Why the colour is not safe to tell.
    notes : tuple of str
        Where the data set is not followed.
    """

    header: StreamHeader | None
    plan: Plan
    to_rgb: Plan | None
    colour: str
    problem: DicomError | None
    notes: tuple[str, ...]


def _within(name: str, value: Any, low: int, high: int) -> int:
    if not isinstance(value, int) or not low <= value <= high:
        raise UnsupportedError(f"{name} is {value!r}: {low} to {high} was expected")
    return int(value)


def _info(runner: Any, photometric_interpretation: str) -> FrameInfo:
    """What the options of a runner say of a frame. They are checked again: `validate=False` leaves out pydicom's checks."""
    allocated = _within("bits_allocated", runner.bits_allocated, 1, 64)
    if allocated not in (1, 8, 16, 32, 64):
        raise UnsupportedError(f"bits_allocated is {allocated}: 1, 8, 16, 32 and 64 can be decoded")
    kind = _KINDS.get(runner.pixel_keyword, "int")
    stored = _within("bits_stored", runner.bits_stored, 1, allocated) if kind == "int" else allocated
    samples = _within("samples_per_pixel", runner.samples_per_pixel, 1, 3)
    if samples == 2:
        raise UnsupportedError("samples_per_pixel is 2: 1 and 3 can be decoded")
    return FrameInfo(
        rows=_within("rows", runner.rows, 1, 65535),
        columns=_within("columns", runner.columns, 1, 65535),
        samples_per_pixel=samples,
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=stored - 1,  # the runner knows none, as PS3.5 8.1.1 has it
        pixel_representation=_within("pixel_representation", runner.pixel_representation, 0, 1) if kind == "int" else 0,
        photometric_interpretation=photometric_interpretation,
        planar_configuration=_within("planar_configuration", runner.planar_configuration, 0, 1) if samples == 3 else 0,
        transfer_syntax_uid=str(runner.transfer_syntax),
        kind=kind,
    )


class Streams:
    """What decodes the frames of one description, and what was found out of the last header. Threads may share it."""

    def __init__(self, info: FrameInfo) -> None:
        self.info = info
        self._has_header = transfer_syntax_of(info.transfer_syntax_uid).family in HEADER_OF
        self._codec = registry.load(info.transfer_syntax_uid)
        self._headers = _stream.Reader()
        self._last: Reading | None = None
        self._done: tuple[Plan | None, Any] = None, None  # a plan, and an answer of which nothing is to be finished

    def header(self, src: memoryview) -> StreamHeader | None:
        """What a stream says; the same object as long as streams are alike."""
        return self._headers.read(src) if self._has_header else None

    def reading(self, header: StreamHeader | None, photometric_interpretation: str) -> Reading:
        """What is to be done with a stream of this header."""
        last = self._last
        if last is not None and last.header is header and last.plan.info.photometric_interpretation == photometric_interpretation:
            return last
        info = self.info
        if info.photometric_interpretation != photometric_interpretation:
            info = replace(info, photometric_interpretation=photometric_interpretation)
        plan, to_rgb, problem = agree(info, header, False), None, None
        notes: tuple[str, ...] = ()
        if info.samples_per_pixel == 3:
            try:
                coloured = agree(info, header, True)
            except DicomError as error:
                problem = error
            else:
                plan, notes = replace(plan, colour=coloured.colour), coloured.notes
                to_rgb = coloured if coloured.rgb and coloured.colour in YBR and not coloured.unsupported else None
        self._last = last = Reading(header, plan, to_rgb, plan.colour, problem, notes)
        return last

    def decode(self, src: memoryview, plan: Plan, out: memoryview) -> None:
        """Decode one frame into `out`, and give it sign and colour as the plan says."""
        try:
            held = self._codec.decode(src, plan.info, out)
        except (DicomError, MemoryError, KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # somebody else's decoder; what panics in Rust is no Exception
            raise DecodeError(f"{type(error).__name__}: {error}") from error
        done = self._done
        if done[0] is plan and done[1] is held:
            return
        plan.finish(held, out)
        if plan.is_done(held):
            self._done = plan, held

    def session(self) -> AbstractContextManager[object]:
        """What the decoder wants to be done once around many frames."""
        return registry.session(self._codec)


_shared: tuple[Any, list[registry.Row], Streams] | None = None  # of the last description: most files have one, and so have series


def streams_of(key: Any, make: Callable[[], FrameInfo]) -> Streams:
    """The streams of a description, known by its key; `make` checks what is new."""
    global _shared  # noqa: PLW0603  # replaced whole, so that threads do not mind
    last, rows = _shared, registry.rows()
    if last is not None and last[0] == key and last[1] == rows:
        return last[2]
    streams = Streams(make())
    _shared = key, rows, streams
    return streams


class Job:
    """The frames of one runner."""

    def __init__(self, runner: Any, streams: Streams) -> None:
        self.streams = streams
        self.info = streams.info
        self.corrections = {name: runner.get_option(name) for name in CORRECTIONS}
        self.problem: DicomError | None = None  # of the colour of the last frame, for whoever wants RGB of it
        self._last: Reading | None = None

    def reading(self, runner: Any, header: StreamHeader | None) -> Reading:
        """What is to be done with a stream of this header; a DicomWarning where the data set is not followed."""
        reading = self.streams.reading(header, photometric(runner))
        self.problem = reading.problem
        if reading is not self._last:
            self._last = reading
            for note in reading.notes:
                warnings.warn(f"pixel data: {note}", DicomWarning, stacklevel=4)
        return reading

    def wraps(self, plan: Plan, runner: Any, out: memoryview) -> bool:
        """Whether samples have more bits than are stored, and pydicom is going to cut these off.

        Lossy streams overshoot, and lossless ones may hold more bits than the data set says: without them white is black.
        """
        info, stream = plan.info, plan.info.stream
        if stream is None or plan.step or max(stream.precision) <= info.bits_stored or not runner.get_option("correct_unused_bits"):
            return False
        return not _native.unused_clean(out, info.itemsize, info.bits_stored, info.is_signed, True)


def job_of(runner: Any) -> Job:
    """The job of a runner: made once, but when somebody changed what describes its frames."""
    said = photometric(runner)
    found: tuple[Any, Job] | None = getattr(runner, "_fastdicom", None)
    key = tuple(map(runner.options.get, _DESCRIPTION))
    if found is not None and found[0] == key:
        return found[1]
    job = Job(runner, streams_of((str(runner.transfer_syntax), runner.pixel_keyword, *key), lambda: _info(runner, said)))
    runner._fastdicom = key, job
    return job


def photometric(runner: Any) -> str:
    """The photometric interpretation of the frame that is decoded now; pydicom 3.1 has one for each frame."""
    if hasattr(runner, "get_frame_option"):
        return str(runner.get_frame_option(runner.index, "photometric_interpretation"))
    return str(runner.photometric_interpretation)


def report(runner: Any, colour: str, bits_allocated: int | None = None, planar: int = 0) -> None:
    """Tell a runner what it gets: the colour, the size and the order of the samples."""
    options: dict[str, Any] = {}
    said = photometric(runner)
    if colour != said and not (colour in YBR and said in YBR):
        options["photometric_interpretation"] = PhotometricInterpretation[colour]
    if runner.samples_per_pixel > 1:
        options["planar_configuration"] = planar
    if bits_allocated is not None:
        options["bits_allocated"] = bits_allocated
    for name, value in options.items():
        if hasattr(runner, "set_frame_option"):
            runner.set_frame_option(runner.index, name, value)
        else:
            runner.set_option(name, value)


def rgb_is_wanted(runner: Any) -> bool:
    """Whether the options ask for RGB of luminance and chrominance, and for nothing else."""
    get = runner.get_option
    return bool(get("as_rgb", False)) and not get("force_rgb", False) and not get("force_ybr", False)


def is_pydicoms(plan: Plan, runner: Any, job: Job) -> bool:
    """Whether a step is left to pydicom, which corrects arrays but not buffers, and only when its options say so."""
    if plan.step not in _OURS:
        return False
    on = [value for value in job.corrections.values() if value is not None]
    return not any(on) or bool(runner._test_for("sign_correction") or runner._test_for("shift_correction"))


def decode_one(runner: Any, src: bytes) -> bytearray:
    """One frame, as pydicom asks its plug-ins for it: samples and colour as in the stream, in Bits Allocated.

    What pydicom's own corrections of arrays do is left to them, so that buffers are what the stream holds. pydicom 3.1 lets a plug-in
    make RGB, and says when it is not wanted.

    Raises
    ------
    DicomError
        The stream is broken, contradicts the options, or is of a kind that nobody here decodes.
    """
    job, info = job_of(runner), job_of(runner).info
    per_frame = hasattr(runner, "set_frame_option")
    if info.bits_allocated == 1 and not per_frame:
        raise UnsupportedError("frames of packed bits one by one, which pydicom 3.0 does not expect; as arrays they can be had")
    for name, value in job.corrections.items():
        if value is not None:
            runner.set_option(name, value)
    view = memoryview(src)
    reading = job.reading(runner, job.streams.header(view))
    plan, colour = reading.plan, reading.colour
    if per_frame and rgb_is_wanted(runner):
        if reading.problem is not None:
            raise reading.problem
        if reading.to_rgb is not None:
            plan, colour = reading.to_rgb, "RGB"
    if is_pydicoms(plan, runner, job):
        plan = replace(plan, step="")
    if info.frame_size >= _CHECK_FROM:
        check_stream_size(info, len(src))
    out = bytearray(info.frame_size)
    with inner(processors()):
        job.streams.decode(view, plan, memoryview(out))
    if job.wraps(reading.plan, runner, memoryview(out)):  # not where a step was left to pydicom
        runner.set_option("correct_unused_bits", False)
    in_planes = info.samples_per_pixel == 3 and transfer_syntax_of(info.transfer_syntax_uid).family == "rle"
    report(runner, colour, 8 if info.bits_allocated == 1 else None, int(in_planes))
    if in_planes:  # pydicom's own plug-ins give RLE plane behind plane, and callers of as_buffer count on it
        planes = np.empty(info.samples, info.dtype)
        planes.reshape(3, -1)[...] = np.frombuffer(out, info.dtype).reshape(-1, 3).T
        out[:] = planes.view(np.uint8).data
    return out


class Piece(NamedTuple):
    """The stream of a frame, and what is done with it."""

    src: memoryview
    plan: Plan


def decode_all(runner: Any, index: int | None, raw: bool, fuse: bool) -> Array | None:
    """Frame `index` of a runner, or all, straight into one array; None where pydicom's own way must be taken.

    Parameters
    ----------
    runner : pydicom.pixels.decoders.base.DecodeRunner
        Of pydicom 3.0, with its options set and validated.
    index : int or None
        The frame.
    raw : bool
        RGB is not wanted.
    fuse : bool
        Whether RGB may be made here: if not, somebody else's processing shall see what is in the stream.

    Raises
    ------
    DicomError
        A stream is broken, or there are less than Number of Frames.
    """
    job, options = job_of(runner), runner.options
    excess = bool(options.get("allow_excess_frames", False))
    frames = encoded(runner.src, index, runner.number_of_frames, runner.extended_offsets, excess)
    if frames is None:
        return None
    pieces, colour = _plans(runner, job, frames, fuse and not raw and rgb_is_wanted(runner), raw)
    array = fill(job.streams, pieces, index or 0)
    report(runner, colour)
    for name, value in job.corrections.items():  # there is nothing left to be corrected
        if value is not None:
            runner.set_option(name, False)
    return array


def fill(streams: Streams, pieces: Sequence[Piece], first: int = 0) -> Array:
    """Decode frames side by side into a new array; errors number them from `first`."""
    info, count = streams.info, len(pieces)
    if count * info.frame_size >= _CHECK_FROM:
        for number, piece in enumerate(pieces):
            check_stream_size(info, len(piece.src), first + number)
    array: Array = np.empty(count * info.samples, info.dtype)
    size, threads = info.frame_size, 1
    flat = array.view(np.uint8).data

    def one(number: int) -> None:
        piece = pieces[number]
        try:
            streams.decode(piece.src, piece.plan, flat[number * size : (number + 1) * size])
        except DecodeError as error:
            raise DecodeError(error.reason, first + number, error.offset) from error

    # as `pixels.frames` does it: on threads where there is enough to do, and one frame alone by a decoder that shares it out
    if array.nbytes >= THREADS_FROM and size >= SMALL_FRAME:
        threads = min(processors(), count)
    with inner(processors() if threads == 1 else 1):
        if count == 1:
            one(0)
            return array
        with streams.session():
            shares(count, max(1, min(SHARE // size, count // (4 * threads))), threads, lambda: one)
    return array


def encoded(src: Any, index: int | None, count: int, extended: Any = None, allow_excess: bool = True) -> list[bytes] | None:
    """The encoded frames as pydicom finds them, one or all; None where there are more of them than Number of Frames.

    Raises
    ------
    DecodeError
        There are less.
    """
    if index is not None:
        return [get_frame(src, index, number_of_frames=count, extended_offsets=extended)]
    place = src.tell() if hasattr(src, "tell") else None
    try:
        frames = list(generate_frames(src, number_of_frames=count, extended_offsets=extended))
    finally:
        if place is not None:
            src.seek(place)
    if len(frames) > count:
        if allow_excess:
            return None
        del frames[count:]
    if len(frames) < count:
        raise DecodeError(f"the pixel data holds {len(frames)} frame(s), Number of Frames says {count}")
    return frames


def _plans(runner: Any, job: Job, frames: Sequence[bytes], wanted: bool, raw: bool) -> tuple[list[Piece], str]:
    """The plan of every frame, and the colour of all of them then."""
    said = runner.get_option("photometric_interpretation")
    on = any(value for value in job.corrections.values() if value is not None)
    last: Any = job  # no header
    pieces: list[Piece] = []
    colour, plan = str(said), None
    for frame in frames:
        src = memoryview(frame)
        header = job.streams.header(src)
        if header is not last or plan is None:
            last = header
            runner.set_option("photometric_interpretation", said)
            runner._get_frame_info(frame)  # pydicom's own look at the markers of JPEG, with its warnings
            reading = job.reading(runner, header)
            if reading.problem is not None and not raw and rgb_is_wanted(runner):
                raise reading.problem
            plan, colour = reading.plan, reading.colour
            if wanted and reading.to_rgb is not None:
                plan, colour = reading.to_rgb, "RGB"
            if plan.step in _OURS and not on:
                plan = replace(plan, step="")
        pieces.append(Piece(src, plan))
    return pieces, colour
