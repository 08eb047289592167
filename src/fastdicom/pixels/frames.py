"""Frames of a data set: one, some or all of them, as numpy arrays."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import index as as_index
from typing import Any

import numpy as np

from fastdicom.codecs import _native
from fastdicom.codecs.workers import inner
from fastdicom.errors import DecodeError, LimitError
from fastdicom.pixels.describe import Description, decoded_size, describe, warn
from fastdicom.pixels.stored import Encapsulated, Native, stored

TYPE_CHECKING = False
if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[Any]

__all__ = ["Frames", "Order", "decode", "pixel_array", "processors", "shares"]

_MONOCHROME = ("MONOCHROME2", "MONOCHROME1")
# Samples per Pixel, Rows, Columns, Bits Allocated, Bits Stored, High Bit, Pixel Representation
_PLAIN_TAGS = (0x00280002, 0x00280010, 0x00280011, 0x00280100, 0x00280101, 0x00280102, 0x00280103)
_PLAIN_TYPES: dict[tuple[Any, Any], np.dtype[Any]] = {
    (8, 0): np.dtype("u1"),
    (8, 1): np.dtype("i1"),
    (16, 0): np.dtype("<u2"),
    (16, 1): np.dtype("<i2"),
}
THREADS_FROM = 8 << 20  # decoded bytes from which threads are worth their start
SMALL_FRAME = 16 << 10  # smaller frames are handed from thread to thread more slowly than they are decoded
MISSING = 16  # of a truncated file so many times what is there are filled with 0, unless a limit allows more
SHARE = 1 << 20  # decoded bytes that a thread takes at a time


def pixel_array(dataset: Any, /, *, raw: bool = False, limit: int | None = None) -> Array:
    """The pixels of all frames.

    Parameters
    ----------
    dataset : Dataset
        The data set with the Image Pixel module (PS3.3 C.7.6.3).
    raw : bool
        Leave the colour as it is stored: YBR stays YBR.
    limit : int, optional
        The most bytes that the array may have.

    Returns
    -------
    numpy.ndarray
        (rows, columns), (rows, columns, samples), (frames, rows, columns) or (frames, rows, columns, samples). A read-only
        view on the file or its map where the stored bytes are the pixels; else an array of its own. The type follows Bits
        Allocated and Pixel Representation; 1-bit pixels are uint8. Bits above Bits Stored are 0 or the sign (PS3.5 8.1.1).

    Raises
    ------
    MissingElementError, DecodeError, UnsupportedError, TruncatedError
        See `describe`.
    LimitError
        The array would be larger than `limit`.

    Notes
    -----
    A view on a map lives on the file: if the file is truncated while it is used, the process gets a bus error. Files that
    others may truncate are opened with ``mmap=False``.
    """
    check_options(None, limit, None)
    array = _plain(dataset) if limit is None else None
    return Frames(dataset)._all(Order(raw, limit)) if array is None else array


def decode(
    dataset: Any,
    /,
    *,
    frames: Any = None,
    threads: int | None = None,
    raw: bool = False,
    limit: int | None = None,
    decoder: str | None = None,
    partial: bool = False,
    out: Array | None = None,
) -> Array:
    """Many frames at once.

    Parameters
    ----------
    dataset : Dataset
        The data set with the Image Pixel module (PS3.3 C.7.6.3).
    frames : int, slice, iterable of int, or mask, optional
        Which frames: a number gives one frame without a frame axis, the others keep the axis; all when not given. As in NumPy,
        negative numbers count from the end, and as many True and False as there are frames are a mask.
    threads : int, optional
        How many threads work on frames, without the GIL; as many as there are processors when not given and there is enough to
        do. Frames of less than 16 KiB are decoded by one: they cost more of Python than of the decoder.
    raw : bool
        Leave the colour as it is stored.
    limit : int, optional
        The most bytes that the decoded frames may have. With `partial` and without a limit, an array that is more than 8 MiB and
        would be 0 for the most part is refused too.
    decoder : str, optional
        The name of the decoder, as in ``fastdicom.codecs.available()``.
    partial : bool
        What a truncated file or stream has is given: missing frames, and the rows of a frame that are not whole, are 0, and a
        DicomWarning says which. Without it they are an error. JPEG 2000 and HTJ2K give the whole frame with less detail, and tiles
        that are missing as 0; JPEG XL gives nothing of such a frame. Decoders other than the first of their syntax may raise
        DecodeError all the same, but for the frame that the file ends in.
    out : numpy.ndarray, optional
        Where to put them: C-contiguous and writable, of the right shape and type.

    Returns
    -------
    numpy.ndarray
        `out`, or what `pixel_array` would give for these frames.

    Raises
    ------
    IndexError
        There is no such frame.
    ValueError, TypeError
        `out` does not fit, or `threads` is no positive number.
    MissingElementError, DecodeError, UnsupportedError, TruncatedError, LimitError
        As in `pixel_array`. A DecodeError has the number of the first frame that failed; the frames before it are in `out`.
    """
    check_options(threads, limit, decoder)
    return Frames(dataset, partial=partial).decode(Order(raw, limit, threads, decoder, partial), out, frames)


def check_options(threads: Any, limit: Any, decoder: Any) -> None:
    """Raise TypeError or ValueError when an option is not of its kind."""
    if threads is not None and whole(threads, "threads") < 1:
        raise ValueError(f"threads is {threads}: at least 1 was expected")
    if limit is not None and (isinstance(limit, (bool, np.bool_)) or not isinstance(limit, (int, float, np.number))):
        raise TypeError(f"limit is {str(limit)[:50]!r}, a {type(limit).__name__}: a number of bytes was expected")
    if limit is not None and not limit >= 0:
        raise ValueError(f"limit is {limit}: a number of bytes was expected")
    if decoder is not None and not isinstance(decoder, str):
        raise TypeError(f"decoder is a {type(decoder).__name__}, a name was expected, as in fastdicom.codecs.available()")


def whole(value: Any, what: str) -> int:
    """A whole number; True and 1.0 are none."""
    if isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{what} is {value}, a whole number was expected")
    try:
        return as_index(value)
    except TypeError as error:
        raise TypeError(f"{what} is {str(value)[:50]!r}, a {type(value).__name__}: a whole number was expected") from error


def _plain(dataset: Any) -> Array | None:
    """The short way to what most files hold: one uncompressed little endian frame of 8 or 16 bits, one sample a pixel.

    None when anything is unusual or wrong: the long way then says what.
    """
    syntax = dataset.transfer_syntax
    if syntax.family != "native" or syntax.pixels_big_endian:
        return None
    samples, rows, columns, allocated, stored, high, sign = dataset.numbers(_PLAIN_TAGS)
    if samples != 1 or not rows or not columns or not stored or (allocated, sign) not in _PLAIN_TYPES or stored > allocated:
        return None
    if high != stored - 1:
        return None
    if dataset.get("PhotometricInterpretation") not in _MONOCHROME or dataset.get("NumberOfFrames", 1) != 1:
        return None
    if 0x7FE00010 not in dataset or 0x7FE00008 in dataset or 0x7FE00009 in dataset:
        return None
    element, size = dataset[0x7FE00010], rows * columns * allocated // 8
    if element.length != size + size % 2 or element.is_undefined_length or element.is_big_endian:
        return None
    stored_bytes = element.raw
    if stored < allocated and not _native.unused_clean(stored_bytes[:size], allocated // 8, stored, sign == 1):
        return None
    array: Array = np.frombuffer(stored_bytes, _PLAIN_TYPES[allocated, sign], rows * columns).reshape(rows, columns)
    return array


@dataclass(frozen=True, slots=True)
class Order:
    """How frames are to be decoded: see `decode`."""

    raw: bool = False
    limit: int | None = None
    threads: int | None = None
    decoder: str | None = None
    partial: bool = False


class _Shares:
    """Hands out numbers below `count` to threads, some at a time and in order, and keeps what failed.

    Whatever fails, everything before it was handed out and is done, so that a failure leaves no holes in front of it.
    """

    def __init__(self, count: int, step: int) -> None:
        self._starts = iter(range(0, count, step))
        self._count, self._step = count, step
        self._lock = threading.Lock()
        self._failures: dict[int, BaseException] = {}

    def __iter__(self) -> Iterator[int]:
        while not self._failures:
            with self._lock:
                start = next(self._starts, None)
            if start is None:
                return
            yield from range(start, min(start + self._step, self._count))

    def failed(self, at: int, error: BaseException) -> None:
        with self._lock:
            self._failures[at] = error

    def close(self) -> None:
        """Raise what failed first."""
        if self._failures:
            raise self._failures[min(self._failures)]


def shares(count: int, step: int, threads: int, make: Callable[[], Callable[[int], None]]) -> None:
    """Call what `make` makes, once in each of so many threads (this one among them), with every number below `count`."""
    handed = _Shares(count, step)

    def work() -> None:
        at = 0
        try:
            one = make()
            for at in handed:
                one(at)
        except BaseException as error:
            handed.failed(at, error)

    others = [threading.Thread(target=work, daemon=True) for _ in range(threads - 1)]
    for thread in others:
        thread.start()
    work()
    for thread in others:
        thread.join()
    handed.close()


class Frames(Sequence[Any]):
    """The frames of a data set, each decoded when it is asked for.

    ``frames[i]`` is the array of a frame, ``frames[a:b]``, ``frames[[3, 1]]`` and a mask give these frames, still not decoded;
    ``numpy.asarray`` decodes them. Pickled, they go with their data set.
    """

    def __init__(self, dataset: Any, *, partial: bool = False) -> None:
        self._dataset = dataset
        self._partial = partial
        self.description: Description = describe(dataset, partial=partial)
        self._stored: Native | Encapsulated = stored(dataset, self.description)
        self._indices: Sequence[int] = range(self.description.number_of_frames)

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, key: Any) -> Any:
        numbers = self._chosen(key)
        if numbers is None:
            return self._one(self._number(key))
        part = Frames.__new__(Frames)
        part.__dict__.update(self.__dict__)
        part._indices = numbers
        return part

    def __reduce__(self) -> tuple[Any, ...]:
        return _frames_again, (self._dataset, self._partial, self._indices)

    def __iter__(self) -> Iterator[Array]:
        return (self._one(number) for number in self._indices)

    def __repr__(self) -> str:
        return f"<Frames: {len(self)} of {'x'.join(map(str, self.description.info.shape))}, {self.dtype}>"

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        if copy is False and self._stored.view(self._indices) is None:
            raise ValueError("frames that must be decoded are no array yet: without a copy there is none")
        array = self._numbers(self._indices, Order(), None)
        if copy is False and dtype is not None and np.dtype(dtype) != array.dtype:
            raise ValueError(f"the frames are {array.dtype}: without a copy they do not become {np.dtype(dtype)}")
        array = array if dtype is None else array.astype(dtype, copy=False)
        return array.copy() if copy and not array.flags.writeable else array

    @property
    def shape(self) -> tuple[int, ...]:
        """(frames, rows, columns) or (frames, rows, columns, samples)."""
        return (len(self), *self.description.info.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of a decoded sample."""
        return np.dtype(self.description.info.dtype)

    def precision(self, key: int) -> int:
        """The bits of a sample of a frame, as its stream says; Bits Stored where that says nothing."""
        return self._stored.precision(self._number(key))

    def encoded(self, key: int) -> memoryview:
        """The stored bytes of a frame, read-only and without a copy where they are in one piece on the map.

        Of packed pixels the bytes that hold the frame; its first and last byte may hold pixels of its neighbours. Of a video the
        whole stream, whatever the frame.
        """
        return self._stored.encoded(self._number(key))

    def spans(self, key: int) -> list[tuple[int, int]]:
        """Where these bytes lie in the file: (offset, length), one pair a fragment. In a deflated data set, where in the inflated bytes."""
        return self._stored.spans(self._number(key))

    def _number(self, key: Any) -> int:
        try:
            return self._indices[whole(key, "a frame")]
        except IndexError:
            raise IndexError(f"frame {key} was asked, there are {len(self._indices)}") from None

    def _chosen(self, key: Any) -> Sequence[int] | None:
        """The numbers of several frames: of a slice, a mask, or an iterable of numbers; None when `key` is one number."""
        if isinstance(key, slice):
            return self._indices[key]
        if isinstance(key, (str, bytes, bytearray, memoryview)) or not isinstance(key, Iterable) or getattr(key, "ndim", 1) == 0:
            return None
        keys = list(key)
        flags = sum(isinstance(each, (bool, np.bool_)) for each in keys)
        if not flags:
            return [self._number(each) for each in keys]
        if flags != len(keys) or len(keys) != len(self._indices):
            raise IndexError(f"a mask of {len(keys)} was given, there are {len(self._indices)} frames")
        return [number for number, wanted in zip(self._indices, keys, strict=True) if wanted]

    def _all(self, order: Order) -> Array:
        count = self.description.number_of_frames
        array = self._numbers(range(count), order, None)
        return array[0] if count == 1 else array

    def decode(self, order: Order, out: Array | None = None, key: Any = None) -> Array:
        """Many of the frames at once, `key` of them: see `decode`."""
        single, numbers = len(self._indices) == 1, self._indices
        if key is not None:
            chosen = self._chosen(key)
            single, numbers = chosen is None, range(self._number(key), self._number(key) + 1) if chosen is None else chosen
        if out is None:
            array = self._numbers(numbers, order, None)
            return array[0] if single else array
        shape = self.description.info.shape if single else (len(numbers), *self.description.info.shape)
        _check_out(out, shape, self.dtype)
        self._numbers(numbers, order, out.reshape((len(numbers), *self.description.info.shape)))
        return out

    def _one(self, number: int) -> Array:
        array: Array = self._numbers(range(number, number + 1), Order(threads=1), None)[0]
        return array

    def check(self, order: Order, numbers: Sequence[int]) -> None:
        """Raise what says already now that these frames cannot be decoded, before anything gets memory for them."""
        self._check(numbers, order, not order.raw and self._stored.becomes_rgb())

    def _check(self, numbers: Sequence[int], order: Order, rgb: bool) -> bool:
        """Whether all of these frames are there, which only `partial` allows them not to be."""
        size = decoded_size(self.description.info, len(numbers))
        if order.limit is not None and size > order.limit:
            raise LimitError(f"{len(numbers)} decoded frame(s) have {size} bytes, the limit is {order.limit}")
        self._stored.check(order.decoder)
        if not numbers:
            return True
        last = max(numbers[0], numbers[-1]) if isinstance(numbers, range) else max(numbers)
        there: Sequence[int] = numbers
        if order.partial and last >= self._stored.count():
            if order.limit is None and size > MISSING * max(self._stored.held(), THREADS_FROM):
                raise LimitError(f"the header says {size} bytes of pixels, most of which are missing; limit={size} gives them as 0")
            there = [number for number in numbers if number < self._stored.count()]
        else:
            self._stored.require(last)
        if there:
            self._stored.check_size(there, rgb)
        return len(there) == len(numbers)

    def _numbers(self, numbers: Sequence[int], order: Order, out: Array | None) -> Array:
        """These frames with their axis: a view when the stored bytes are the answer and no `out` is given."""
        info = self.description.info
        rgb = not order.raw and self._stored.becomes_rgb()
        complete = self._check(numbers, order, rgb)
        if out is None:
            view = self._stored.view(numbers) if complete and not rgb else None
            if view is not None:
                return view
            try:
                out = np.empty((len(numbers), *info.shape), info.dtype)
            except (MemoryError, ValueError) as error:  # ValueError: more than an array can have
                size = decoded_size(info, len(numbers))
                raise LimitError(f"{len(numbers)} decoded frame(s) have {size} bytes: there is no memory for them") from error
        if len(numbers):
            self._fill(numbers, out, rgb, order)
        return out

    def _fill(self, numbers: Sequence[int], out: Array, rgb: bool, order: Order) -> None:
        size, threads = self.description.info.frame_size, order.threads
        if threads is None:
            threads = processors() if out.nbytes >= THREADS_FROM else 1
        threads = 1 if size < SMALL_FRAME or self._stored.in_turn else min(threads, len(numbers))
        flat = out.reshape(-1).view(np.uint8).data
        cut: dict[int, int | str] = {}

        def make() -> Callable[[int], None]:
            fill = self._stored.filler(order.decoder, rgb, partial=order.partial)

            def one(at: int) -> None:
                target = flat[at * size : (at + 1) * size]
                try:
                    whole = fill(numbers[at], target)
                except DecodeError as error:
                    raise DecodeError(error.reason, numbers[at], error.offset) from error
                if whole is not None:
                    cut[numbers[at]] = whole
                    if not isinstance(whole, str):
                        np.frombuffer(target, np.uint8)[whole * (size // self.description.info.rows) :] = 0

            return one

        # a frame that is alone may be shared out by its decoder; who asks for one thread gets one
        with self._stored.session(order.decoder), inner(processors() if threads == 1 and order.threads is None else 1):
            shares(len(numbers), max(1, min(SHARE // size, len(numbers) // (16 * threads))), threads, make)
        if cut:
            warn(self._dataset, _notwhole(cut, self.description.info.rows))


def _frames_again(dataset: Any, partial: bool, indices: Sequence[int]) -> Frames:
    """How Frames are unpickled."""
    frames = Frames(dataset, partial=partial)
    frames._indices = indices
    return frames


def _notwhole(cut: dict[int, int | str], rows: int) -> str:
    """What is said of frames, by number, of which only so many rows are there, or all of them but not exactly."""
    some, none = [], []
    for number, whole in sorted(cut.items()):
        if isinstance(whole, str):
            some.append(f"of frame {number} {whole}, and its samples are near what they were, not exact")
        elif whole:
            some.append(f"of frame {number} {whole} of {rows} rows")
        else:
            none.append(number)
    if none:
        some.append(f"of frame{'s' if len(none) > 1 else ''} {', '.join(map(str, none[:8]))}{', ...' if len(none) > 8 else ''} nothing")
    rest = "; the rest is 0" if any(not isinstance(whole, str) or "tiles" in whole for whole in cut.values()) else ""
    return f"the file or a stream ends too early: there are {'; '.join(some)}{rest}"


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _check_out(out: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out is a {type(out).__name__}, a numpy.ndarray was expected")
    if out.shape != shape or out.dtype != dtype:
        raise ValueError(f"out is {out.dtype} {out.shape}, {dtype} {shape} was expected")
    if not out.flags.c_contiguous or not out.flags.writeable:
        raise ValueError("out must be C-contiguous and writable")
