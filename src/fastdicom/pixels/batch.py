"""Many files into one array: what a training loop wants of a folder of images."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from fastdicom.errors import DecodeError, DicomError, LimitError
from fastdicom.pixels.frames import Frames, Order, check_options, processors, shares
from fastdicom.reader import dcmread

TYPE_CHECKING = False
if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[Any]

__all__ = ["Batch", "decode_many"]


class Batch(NamedTuple):
    """What `decode_many` gives: ``array, errors = decode_many(paths)``.

    Attributes
    ----------
    array : numpy.ndarray
        (files, rows, columns), (files, rows, columns, samples), or with an axis of frames behind that of files.
    errors : dict of int to Exception
        What went wrong, by the index of the file: DicomError, or OSError where the system refused. Empty when all went well.
    """

    array: Array
    errors: dict[int, Exception]

    def __repr__(self) -> str:
        return f"<Batch: {self.array.dtype} {self.array.shape}, {len(self.errors)} errors>"

    @property
    def ok(self) -> Array:
        """(files,) of bool: True where the file was decoded, so that ``batch.array[batch.ok]`` are the images."""
        mask = np.ones(len(self.array), bool)
        mask[list(self.errors)] = False
        return mask


def decode_many(
    paths: Iterable[Any],
    /,
    *,
    threads: int | None = None,
    fill: float = 0,
    dtype: npt.DTypeLike | None = None,
    raw: bool = False,
    limit: int | None = None,
    decoder: str | None = None,
    force: bool = False,
    progress: Callable[[int, int], object] | None = None,
    out: Array | None = None,
) -> Batch:
    """Decode many files of one shape into one array; a file that fails is an error of its index and stops nothing.

    Files are read and decoded on threads, without the GIL, straight into the array: beside it nothing is kept but the file
    that each thread has open.

    Parameters
    ----------
    paths : iterable
        What `dcmread` takes, or data sets. An iterator is read to its end first: the array needs their number.
    threads : int, optional
        How many threads work, each on files of its own; as many as there are processors when not given.
    fill : number
        What the pixels of a file that failed are.
    dtype : dtype, optional
        The type of the array; that of the first file which can be read when not given. Others are converted where no value can
        be lost (as ``numpy.can_cast`` says): 12-bit images with and without a sign fit into ``"float32"``.
    raw, decoder
        As in `decode`.
    limit : int, optional
        The most bytes that the array may have.
    force : bool
        As in `dcmread`.
    progress : callable, optional
        Called with the number of files that are done and that of all, from any thread, one call at a time.
    out : numpy.ndarray, optional
        Where to put them: C-contiguous and writable, a row a file; it decides the shape and type. Such is
        ``torch.empty(...).numpy()``, pinned or shared or not.

    Returns
    -------
    Batch
        `array`, and `errors` by index. Without `out` the first file that can be read decides the shape: (rows, columns),
        (rows, columns, samples), with frames in front when there is more than one; a file of another shape is an error.

    Raises
    ------
    ValueError, TypeError
        `out` does not fit the number of files or `dtype`, the array cannot hold `fill`, `threads` is no positive number, or there are no
        files and no `out`.
    LimitError
        The array would be larger than `limit`, or than there is memory.
    DecodeError
        Not one file can be read, so that nothing tells the shape.
    """
    check_options(threads, limit, decoder)
    files = _listed(paths)
    if out is not None:
        _check_out(out, len(files))
        array = out
        if dtype is not None and np.dtype(dtype) != out.dtype:
            raise ValueError(f"dtype is {np.dtype(dtype)}, but out has {out.dtype}")
    else:
        array = _array_for(files, force, dtype, limit)
    _check_fill(fill, array.dtype)
    errors: dict[int, Exception] = {}

    def one(index: int, inner: int) -> None:
        try:
            _decode_into(array[index], files[index], force, Order(raw, None, inner, decoder))
        except (DicomError, OSError) as error:
            array[index] = fill
            errors[index] = error

    _on_threads(len(files), threads or processors(), one, progress)
    return Batch(array, dict(sorted(errors.items())))


def _listed(paths: Any) -> list[Any]:
    """The files; one alone is no list of them: a str would be taken for its letters, a data set for its elements."""
    if isinstance(paths, (str, os.PathLike, bytes, bytearray, memoryview)) or hasattr(paths, "transfer_syntax") or hasattr(paths, "read"):
        raise TypeError(f"decode_many takes a list of files, not a {type(paths).__name__}: of one file write decode_many([file])")
    try:
        return list(paths)
    except TypeError as error:
        raise TypeError(f"decode_many takes a list or iterator of files, not a {type(paths).__name__}") from error


def _on_threads(count: int, threads: int, one: Callable[[int, int], None], progress: Callable[[int, int], object] | None) -> None:
    """Call `one` with each number and the threads that it may use itself."""
    outer = max(1, min(threads, count))
    lock, done = threading.Lock(), 0

    def work(index: int) -> None:
        nonlocal done
        one(index, max(1, threads // outer))
        if progress is not None:
            with lock:
                done += 1
                progress(done, count)

    shares(count, max(1, min(16, count // (8 * outer))), outer, lambda: work)


def _opened(file: Any, force: bool) -> Any:
    return file if hasattr(file, "transfer_syntax") else dcmread(file, force=force)


def _shape(frames: Frames) -> tuple[int, ...]:
    return frames.shape[1:] if len(frames) == 1 else frames.shape


def _decode_into(row: Array, file: Any, force: bool, order: Order) -> None:
    ds = _opened(file, force)
    try:
        frames = Frames(ds)
        if _shape(frames) != row.shape or not np.can_cast(frames.dtype, row.dtype):
            raise DecodeError(f"the pixels are {frames.dtype} {_shape(frames)}, the batch has {row.dtype} {row.shape}")
        if frames.dtype == row.dtype:
            frames.decode(order, row)
        else:
            row[...] = frames.decode(order)
    except DicomError as error:
        if error.path is None:
            error.path = ds.filename
        raise
    finally:
        if ds is not file:
            ds.close()


def _array_for(files: list[Any], force: bool, dtype: npt.DTypeLike | None, limit: int | None) -> Array:
    """An array of the shape of the first file that can be read."""
    first: Exception | None = None
    for file in files:
        try:
            ds = _opened(file, force)
            frames = Frames(ds)
        except (DicomError, OSError) as error:
            first = first or error
            continue
        shape = (len(files), *_shape(frames))
        kind = frames.dtype if dtype is None else np.dtype(dtype)
        size = kind.itemsize
        for length in shape:
            size *= length
        if limit is not None and size > limit:
            raise LimitError(f"{len(files)} decoded file(s) have {size} bytes, the limit is {limit}")
        try:
            return np.empty(shape, kind)
        except (MemoryError, ValueError) as error:
            raise LimitError(f"{len(files)} decoded file(s) have {size} bytes: there is no memory for them") from error
    if first is None:
        raise ValueError("there are no files, and no out that says what an empty batch looks like")
    raise DecodeError(f"none of {len(files)} file(s) can be read, so that nothing tells their shape; the first: {first}") from first


def _check_fill(fill: Any, dtype: np.dtype[Any]) -> None:
    """Raise ValueError or TypeError when a pixel cannot be `fill`."""
    try:
        with np.errstate(all="ignore"):
            held = np.array(fill).astype(dtype)
            fits = held.shape == () and (dtype.kind not in "iu" or held.item() == fill)
    except (TypeError, ValueError, OverflowError) as error:
        raise TypeError(f"fill is {str(fill)[:50]!r}, a {type(fill).__name__}: a number was expected") from error
    if not fits:
        raise ValueError(f"fill is {str(fill)[:50]}, which {dtype} does not hold")


def _check_out(out: Any, count: int) -> None:
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out is a {type(out).__name__}, a numpy.ndarray was expected")
    if out.ndim < 3 or len(out) != count:
        raise ValueError(f"out has the shape {out.shape}: {count} rows, each an image, were expected")
    if not out.flags.c_contiguous or not out.flags.writeable:
        raise ValueError("out must be C-contiguous and writable")
