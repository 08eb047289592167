"""The headers of compressed streams, and samples made as wide as a data set allocates."""

from fastdicom.codecs.base import StreamHeader
from fastdicom.errors import DecodeError

from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from fastdicom._core cimport FD_NOT_DICOM, FD_OK, FD_TRUNCATED
from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcmp

cdef tuple _FORMATS = (None, "jpeg", "jpeg-ls", "j2k", "jxl")
cdef tuple _COLOURS = ("", "gray", "rgb", "ybr", "palette", "other")


cdef int raise_broken(const fd_error *error) except -1:
    reason = (<bytes>error.reason).decode()
    numbers = f" (found {error.found}, expected {error.expected})" if error.found or error.expected else ""
    raise DecodeError(reason + numbers, offset=error.offset)


cdef object made_of(const fd_stream_header *h):
    cdef unsigned int i, n = min(h.components, <unsigned int>FD_STREAM_COMPONENTS)
    return StreamHeader(
        _FORMATS[h.format],
        h.rows,
        h.columns,
        h.components,
        tuple([h.precision[i] for i in range(n)]),
        tuple([h.is_signed[i] != 0 for i in range(n)]),
        h.is_uneven != 0,
        tuple([(h.across[i], h.down[i]) for i in range(n)]),
        _COLOURS[h.colour],
        h.is_boxed != 0,
        tuple([h.ids[i] for i in range(n)]) if h.process or h.format <= 2 else (),
        h.process,
        h.has_jfif != 0,
        h.adobe_transform if h.has_adobe else None,
        h.point_transform,
        h.near,
        h.interleave,
        h.has_mapping != 0,
        h.hp_transform,
        h.transform != 0,
        h.is_reversible != 0,
        h.is_ht != 0,
        (h.offset_x, h.offset_y),
        h.extra,
        h.is_float != 0,
        h.is_xyb != 0,
        h.has_alpha != 0,
        h.is_recompressed != 0,
        h.orientation,
    )


cdef class Reader:
    """Reads the headers of many streams: as long as they are alike, `read` gives the same object again."""

    def read(self, object src, /) -> StreamHeader | None:
        """What the stream says; see :func:`header`."""
        cdef Py_buffer buffer
        cdef fd_stream_header h
        cdef fd_error error
        cdef fd_status status
        PyObject_GetBuffer(src, &buffer, PyBUF_SIMPLE)
        try:
            status = fd_stream_read_header(<const uint8_t *>buffer.buf, <size_t>buffer.len, &h, &error)
        finally:
            PyBuffer_Release(&buffer)
        if status == FD_NOT_DICOM:
            return None
        if status != FD_OK:
            raise_broken(&error)
        if self.made is None or memcmp(&h, &self.last, sizeof(h)) != 0:
            self.made, self.last = made_of(&h), h
        return self.made


def header(object src, /) -> StreamHeader | None:
    """What a compressed stream says of itself before its first scan, tile or frame; nothing is decoded.

    Parameters
    ----------
    src : bytes-like
        JPEG, JPEG-LS, JPEG 2000, HTJ2K or JPEG XL, with or without the boxes of a file.

    Returns
    -------
    StreamHeader or None
        None when it begins as none of these formats.

    Raises
    ------
    DecodeError
        When it begins so, but its headers are broken or cut off.
    """
    return Reader().read(src)


def widen(object src, object out, unsigned int from_bytes, unsigned int to_bytes, bint is_signed) -> None:
    """Fill `out` with the same numbers in wider little endian samples, with the sign or 0 in the bytes that are new.

    Raises ValueError when `out` has not room for exactly as many samples as `src` holds.
    """
    cdef Py_buffer a, b
    cdef fd_status status
    PyObject_GetBuffer(src, &a, PyBUF_SIMPLE)
    try:
        PyObject_GetBuffer(out, &b, PyBUF_WRITABLE)
    except BaseException:
        PyBuffer_Release(&a)
        raise
    try:
        if b.buf < a.buf + a.len and a.buf < b.buf + b.len:
            raise ValueError("the output overlaps the input")
        with nogil:
            status = fd_sample_widen(
                <uint8_t *>b.buf, <size_t>b.len, <const uint8_t *>a.buf, <size_t>a.len, from_bytes, to_bytes, is_signed
            )
        if status != FD_OK:
            raise ValueError(f"{a.len} bytes in samples of {from_bytes} do not make {b.len} bytes in samples of {to_bytes}")
    finally:
        PyBuffer_Release(&a)
        PyBuffer_Release(&b)


cdef class _Check:
    """Tables of Huffman codes, kept from frame to frame."""

    cdef fd_jpegcheck *check

    def __cinit__(self):
        self.check = fd_jpegcheck_new()
        if self.check == NULL:
            raise MemoryError

    def __dealloc__(self):
        fd_jpegcheck_free(self.check)


cdef list _idle = []  # as many as there were threads at once


def check_jpeg(object src, /, bint thorough=True, bint partial=False, bint heard=False, Py_ssize_t lanes=4096) -> int | None:
    """See whether a JPEG stream of the DCT processes is whole, as far as can be told without decoding it.

    Parameters
    ----------
    src : bytes-like
        The stream.
    thorough : bool
        Read every Huffman code of a sequential stream. Else only where its markers do not tell that nothing was cut off.
    partial : bool
        A stream that ends too early is no error.
    heard : bool
        The decoder will tell what it misses: unless `thorough`, a sequential scan that holds the whole image is left to it.
    lanes : int
        For tests: from how many bytes on a scan is read in several places at once; -1 for never. The answers are the same.

    Returns
    -------
    int or None
        How many rows of the image a stream has that ends too early: those that are decoded without a guess, 0 where several
        scans bring them. None when it is whole.

    Raises
    ------
    DecodeError
        A scan does not end, or holds other markers than restarts in order. And where codes are read: a block is missing, a code
        is none, or data are left over.
    """
    cdef Py_buffer buffer
    cdef fd_error error
    cdef fd_status status
    cdef uint32_t whole_rows = 0
    cdef _Check kept = _idle.pop() if _idle else _Check()
    PyObject_GetBuffer(src, &buffer, PyBUF_SIMPLE)
    try:
        fd_jpegcheck_use_lanes(kept.check, <size_t>lanes)
        fd_jpegcheck_hear(kept.check, heard)
        with nogil:
            status = fd_jpegcheck_run(kept.check, <const uint8_t *>buffer.buf, <size_t>buffer.len, thorough, &whole_rows, &error)
    finally:
        PyBuffer_Release(&buffer)
        _idle.append(kept)
    if status == FD_TRUNCATED and partial:
        return whole_rows
    if status != FD_OK:
        raise_broken(&error)
    return None
