"""The tables and windows of csrc for Python: arrays in, the caller's array out, no GIL held while they run.

Samples are in the byte order of the machine. Kinds of samples are numbered as in `KINDS`.
"""

from fastdicom._core cimport FD_OK
from fastdicom.codecs._native cimport _View, check, overlap
from libc.stdint cimport int64_t

from fastdicom.errors import DecodeError

KINDS = ("u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8")


def apply(object src, unsigned int kind, int64_t first, object table, unsigned int stride, object out, unsigned int entry) -> None:
    """Look every sample up in a table whose first entry is for `first`; beyond it are its first and its last (PS3.3 C.7.6.3.1.5)."""
    cdef _View a = _View(src, False), t = _View(table, False), b = _View(out, True)
    cdef fd_status status
    overlap(b, a, False)
    overlap(b, t, False)
    with nogil:
        status = fd_lut_apply(b.data, b.size, a.data, a.size, kind, first, t.data, t.size, stride, entry)
    check(status, b.size, a.size)


def map_all(object src, unsigned int itemsize, object table, unsigned int stride, object out, unsigned int entry) -> None:
    """Look every sample of 1 or 2 bytes up in a table that has an entry for each of their 2^8 or 2^16 patterns."""
    cdef _View a = _View(src, False), t = _View(table, False), b = _View(out, True)
    cdef fd_status status
    overlap(b, a, False)
    overlap(b, t, False)
    with nogil:
        status = fd_lut_map(b.data, b.size, a.data, a.size, itemsize, t.data, t.size, stride, entry)
    check(status, b.size, a.size)


def rescale(object src, unsigned int kind, object out, double slope, double intercept) -> None:
    """Fill `out` with doubles: sample * slope + intercept (PS3.3 C.11.1.1.2)."""
    cdef _View a = _View(src, False), b = _View(out, True)
    cdef fd_status status
    overlap(b, a, False)
    with nogil:
        status = fd_lut_rescale(b.data, b.size, a.data, a.size, kind, slope, intercept)
    check(status, b.size, a.size)


def window(object src, object out, unsigned int itemsize, double center, double width, double y_min, double y_max) -> None:
    """Window doubles as LINEAR_EXACT does (PS3.3 C.11.2.1.3.2) to doubles, or to bytes; doubles may be windowed in place."""
    cdef _View a = _View(src, False), b = _View(out, True)
    cdef fd_status status
    overlap(b, a, itemsize == 8)
    with nogil:
        status = fd_lut_window(b.data, b.size, itemsize, a.data, a.size, center, width, y_min, y_max)
    check(status, b.size, a.size)


def value_range(object src, unsigned int kind, double pad_low, double pad_high) -> tuple[float, float] | None:
    """The least and the greatest finite sample not from pad_low to pad_high (NaN: there is no padding); None when there is none."""
    cdef _View a = _View(src, False)
    cdef double low = 0, high = 0
    cdef c_bool found = False
    cdef fd_status status
    with nogil:
        status = fd_lut_range(a.data, a.size, kind, pad_low, pad_high, &low, &high, &found)
    check(status, a.size, a.size)
    return (low, high) if found else None


def expand(object src, unsigned int itemsize, bint big_endian, object out) -> None:
    """Fill `out` with the 16-bit entries that the segments of a palette make (PS3.3 C.7.9.2); DecodeError when they do not."""
    cdef _View a = _View(src, False), b = _View(out, True)
    cdef fd_error error
    cdef fd_status status
    overlap(b, a, False)
    with nogil:
        status = fd_lut_expand(b.data, b.size // 2, a.data, a.size, itemsize, big_endian, &error)
    if status != FD_OK:
        reason = (<bytes>error.reason).decode()
        raise DecodeError(f"{reason} (found {error.found}, expected {error.expected}, at byte {error.offset} of the segments)")
