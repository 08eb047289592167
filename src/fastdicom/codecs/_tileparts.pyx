"""Whether a JPEG 2000 codestream is whole."""

from fastdicom.errors import DecodeError

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from fastdicom._core cimport FD_MEMORY, FD_OK, FD_TRUNCATED
from libc.stdint cimport uint8_t


def whole(object src, /, bint partial=False) -> tuple:
    """The codestream of JPEG 2000 or HTJ2K (T.800 Annex A) in `src`, which may be in the boxes of a JP2 file: its start and its end.

    Raises DecodeError when a tile-part has fewer bytes than it says, a tile is missing, or EOC is; what follows EOC is padding.
    With `partial` a codestream that ends too early is no error: its end is then 0.
    """
    cdef Py_buffer buffer
    cdef fd_error error
    cdef fd_status status
    cdef size_t start = 0, stop = 0
    PyObject_GetBuffer(src, &buffer, PyBUF_SIMPLE)
    try:
        with nogil:
            status = fd_tileparts_check(<const uint8_t *>buffer.buf, <size_t>buffer.len, &start, &stop, &error)
    finally:
        PyBuffer_Release(&buffer)
    if status == FD_MEMORY:
        raise MemoryError
    if status == FD_TRUNCATED and partial:
        return start, 0
    if status != FD_OK:
        reason = (<bytes>error.reason).decode()
        raise DecodeError(f"{reason} (found {error.found}, expected {error.expected})", offset=error.offset)
    return start, stop
