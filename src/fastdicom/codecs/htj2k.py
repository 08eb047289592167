"""HTJ2K (T.814; PS3.5 A.4.4) by OpenJPH, through imagecodecs."""

from __future__ import annotations

import sys
import threading
from functools import partial
from typing import Any, NamedTuple

import imagecodecs
import numpy as np

from fastdicom.codecs import _tileparts
from fastdicom.codecs._imagecodecs import described, even, fill
from fastdicom.codecs.base import Decoded
from fastdicom.errors import DecodeError, UnsupportedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fastdicom.codecs.base import FrameInfo, StreamHeader

__all__ = ["PARTIAL", "decode", "session"]

PARTIAL = True  # what ends too early is left to OpenJPEG
_openjph: Any = imagecodecs.htj2k_decode  # takes every buffer, whatever its stub says
_LOSSLESS_ONLY = ("1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.202")
_THROWN = "ojph error"
_FORGETFUL = "imagecodecs._htj2k."  # the functions in which OpenJPH's exceptions end


def decode(src: memoryview, info: FrameInfo, out: memoryview, /) -> Decoded:
    """Decode one frame; see `codecs.base.Decoder`.

    Three faults are met here. OpenJPH decodes a truncated codestream without a word, so it is known to be whole before. What it throws
    while it decodes, imagecodecs prints and forgets, and the rows from there on are 0; it is heard here. And where a lossy stream
    gives numbers beyond its range, imagecodecs takes their low bits: white becomes black. Where that could not be seen in the output,
    the stream is left to OpenJPEG.
    """
    global _last  # noqa: PLW0603  # what was found out last, and nothing that changes an answer
    how = _last
    if how is None or how.info is not info or info.stream is None:
        how = _last = _how(info, even(described(src, info, "j2k")))
    if how.unsupported:
        raise UnsupportedError(how.unsupported)
    start, stop = _tileparts.whole(src, info.partial)
    if not stop:  # its resilient mode never comes back from some streams that are cut, such as those that end in a tile-part's header
        raise UnsupportedError("the stream is cut, what there is of it OpenJPEG decodes")
    if start or stop != len(src):
        src = src[start:stop]
    if how.in_place:
        target: Any = np.ndarray(how.info.shape, how.dtype, out)
        _decode(src, target, how=how)
    else:
        fill(partial(_decode, how=how), src, how.described, out)
    return how.answer


class _How(NamedTuple):
    """How the frames of one description are decoded."""

    info: FrameInfo
    described: FrameInfo
    stream: StreamHeader
    dtype: np.dtype[Any]
    in_place: bool
    lossless: bool
    answer: Decoded
    unsupported: str


_last: _How | None = None  # replaced whole, so that threads do not mind


def _how(info: FrameInfo, told: FrameInfo) -> _How:
    stream = told.stream
    assert stream is not None
    lossless = stream.is_reversible and info.transfer_syntax_uid in _LOSSLESS_ONLY
    bits, unsupported = stream.precision[0], ""
    if not stream.is_ht:
        unsupported = "the stream is JPEG 2000 without high-throughput code-blocks (T.814), which OpenJPH does not decode"
    elif not lossless and bits == 8 * stream.itemsize and not (bits == 16 and stream.signed[0] and stream.is_reversible):
        unsupported = f"a lossy stream of {bits} bits: OpenJPH, as imagecodecs calls it, wraps what is beyond its range"
    answer = Decoded(stream.rows, stream.columns, stream.components, bits, stream.signed[0])
    dtype = np.dtype(stream.dtype)
    return _How(info, told, stream, dtype, dtype.itemsize == info.itemsize, lossless, answer, unsupported)


def _decode(src: memoryview, out: Any, *, how: _How) -> Any:
    if out is None:
        out = np.empty(how.info.shape, how.dtype)
    try:
        heard = _listener.quiet(_openjph, src, planar=False, out=out)
    except (MemoryError, DecodeError):
        raise
    except Exception as error:  # its errors have no common root but this
        raise DecodeError(f"{type(error).__name__}: {error}") from error
    if not heard:
        raise DecodeError("OpenJPH gave up: the code-blocks are broken")
    if not how.lossless:
        _clamp(out, how.stream)
    return out


class _Listener:
    """Hears what imagecodecs gives to hooks of `sys` while threads decode, and passes on all that is not OpenJPH's.

    Cython prints what it forgets by ``sys.excepthook``, and then tells ``sys.unraisablehook`` where that was.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open = 0  # sessions
        self._busy: dict[int, int] = {}  # the threads that decode, and in how many calls
        self._threads: set[int] = set()  # those on which something was thrown
        self._hooks: dict[str, tuple[Any, Any]] = {}  # ours, and whose it was before

    def __enter__(self) -> None:
        """Begin a session: the hooks stay in place until the last one ends, as to put them there costs more than a call."""
        with self._lock:
            self._open += 1
            self._listen()

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._open -= 1
            self._leave()

    def _listen(self) -> None:
        for name, heard in (("excepthook", self._printed), ("unraisablehook", self._heard)):
            before = getattr(sys, name)
            if name not in self._hooks or before is not self._hooks[name][0]:  # somebody may have put theirs there since
                self._hooks[name] = partial(heard, before), before
                setattr(sys, name, self._hooks[name][0])

    def _leave(self) -> None:
        if self._open or self._busy:
            return
        for name, (ours, before) in self._hooks.items():
            if getattr(sys, name) is ours:
                setattr(sys, name, before)
        self._hooks.clear()

    def quiet(self, function: Any, *arguments: Any, **options: Any) -> bool:
        """Call the function; whether nothing was thrown in it on this thread."""
        me, busy, threads = threading.get_ident(), self._busy, self._threads
        with self._lock:
            busy[me] = busy.get(me, 0) + 1
            threads.discard(me)
            self._listen()
        try:
            function(*arguments, **options)
            return me not in threads
        finally:
            with self._lock:
                threads.discard(me)
                busy[me] -= 1
                if not busy[me]:
                    del busy[me]
                    self._leave()

    def _heard(self, before: Any, unraisable: Any, /) -> None:
        if str(unraisable.object).startswith(_FORGETFUL):
            self._threads.add(threading.get_ident())
        else:
            before(unraisable)

    def _printed(self, before: Any, kind: Any, value: Any, traceback: Any, /) -> None:
        me = threading.get_ident()
        if me in self._busy and kind is RuntimeError and traceback is None and str(value) == _THROWN:
            self._threads.add(me)
        else:
            before(kind, value, traceback)


_listener = _Listener()


def session() -> _Listener:
    """Listen while many frames are decoded; see `codecs.base.Decoder`."""
    return _listener


def _clamp(out: Any, stream: StreamHeader) -> None:
    """Bring what is beyond the range of the stream to its ends (T.800 G.1.2), while it can still be told from what is not."""
    bits, signed = stream.precision[0], stream.signed[0]
    if bits == 8 * out.itemsize:  # what wraps by less than a quarter of the range is in the outer quarters
        if out.size and (int(out.min()) < -(1 << (bits - 2)) or int(out.max()) >= 1 << (bits - 2)):
            raise UnsupportedError("a lossy stream whose samples may have wrapped in OpenJPH, as imagecodecs calls it")
        return
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    numbers = out.view(f"<i{out.itemsize}")
    np.clip(numbers, low, high, out=numbers)
