"""The pixel kernels of csrc for Python: bytes in, the caller's buffer out, no GIL held while they run."""

from fastdicom.errors import DecodeError, TruncatedError, UnsupportedError

from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from fastdicom._core cimport FD_LIMIT, FD_MEMORY, FD_OK, FD_TRUNCATED
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memset


cdef class _View:
    """A contiguous buffer, held as long as this object lives."""

    def __cinit__(self, object source, bint writable):
        PyObject_GetBuffer(source, &self.buffer, PyBUF_WRITABLE if writable else PyBUF_SIMPLE)
        self.held = True
        self.data = <uint8_t *>self.buffer.buf
        self.size = <size_t>self.buffer.len

    def __dealloc__(self):
        if self.held:
            PyBuffer_Release(&self.buffer)


cdef int overlap(_View out, _View src, bint same_allowed) except -1:
    """The kernels read and write in one pass: other than in place, they must not read what they wrote."""
    if out.size == 0 or src.size == 0 or (same_allowed and out.data == src.data):
        return 0
    if out.data < src.data + src.size and src.data < out.data + out.size:
        raise ValueError("the output overlaps the input")
    return 0


cdef int check(fd_status status, size_t out_size, size_t src_size) except -1:
    if status == FD_OK:
        return 0
    if status == FD_TRUNCATED:
        raise ValueError(f"{src_size} bytes are too few for {out_size} bytes of output")
    raise ValueError(f"{src_size} bytes do not make {out_size} bytes of output")


ctypedef fd_status (*plain_kernel)(uint8_t *, size_t, const uint8_t *, size_t) noexcept nogil
ctypedef fd_status (*sized_kernel)(uint8_t *, size_t, const uint8_t *, size_t, unsigned int) noexcept nogil
ctypedef fd_status (*placed_kernel)(uint8_t *, size_t, const uint8_t *, size_t, uint64_t) noexcept nogil


cdef int plain(plain_kernel kernel, object src, object out, bint same_allowed) except -1:
    cdef _View a = _View(src, False), b = _View(out, True)
    cdef fd_status status
    overlap(b, a, same_allowed)
    with nogil:
        status = kernel(b.data, b.size, a.data, a.size)
    return check(status, b.size, a.size)


cdef int sized(sized_kernel kernel, object src, object out, unsigned int itemsize, bint same_allowed) except -1:
    cdef _View a = _View(src, False), b = _View(out, True)
    cdef fd_status status
    overlap(b, a, same_allowed)
    with nogil:
        status = kernel(b.data, b.size, a.data, a.size, itemsize)
    return check(status, b.size, a.size)


cdef int placed(placed_kernel kernel, object src, object out, uint64_t first) except -1:
    cdef _View a = _View(src, False), b = _View(out, True)
    cdef fd_status status
    overlap(b, a, False)
    with nogil:
        status = kernel(b.data, b.size, a.data, a.size, first)
    return check(status, b.size, a.size)


def swap(object src, object out, unsigned int itemsize) -> None:
    """Reverse the bytes of every sample of 1, 2, 4 or 8 bytes; `out` may be `src`."""
    sized(fd_pixel_swap, src, out, itemsize, True)


def swap_words(object src, object out, uint64_t first=0) -> None:
    """Fill `out` with the bytes from number `first` on of 16-bit words whose bytes are exchanged (PS3.5 8.1.2: OW in big endian)."""
    placed(fd_pixel_swap_words, src, out, first)


def unpack_1(object src, object out, uint64_t first=0) -> None:
    """Fill `out` with 0 or 1 a byte for the pixels from number `first` on of packed bits (PS3.5 8.1.1)."""
    placed(fd_pixel_unpack_1, src, out, first)


def unpack_12(object src, object out, uint64_t first=0) -> None:
    """Fill `out` with 16-bit samples for the pixels from number `first` on of packed 12-bit cells (PS3.5 8.1.1)."""
    placed(fd_pixel_unpack_12, src, out, first)


def interleave(object src, object out, unsigned int itemsize, unsigned int samples) -> None:
    """Planar Configuration 1 to 0 for one frame (PS3.3 C.7.6.3.1.3)."""
    cdef _View a = _View(src, False), b = _View(out, True)
    cdef fd_status status
    overlap(b, a, False)
    with nogil:
        status = fd_pixel_interleave(b.data, b.size, a.data, a.size, itemsize, samples)
    check(status, b.size, a.size)


def expand_422(object src, object out, unsigned int itemsize) -> None:
    """YBR_FULL_422 to YBR_FULL, interleaved (PS3.3 C.7.6.3.1.2)."""
    sized(fd_pixel_expand_422, src, out, itemsize, False)


def ybr_to_rgb(object src, object out) -> None:
    """YBR_FULL of 8 bits, interleaved, to RGB (PS3.3 C.7.6.3.1.2); `out` may be `src`."""
    plain(fd_pixel_ybr_to_rgb, src, out, True)


def rgb_to_ybr(object src, object out) -> None:
    """RGB of 8 bits, interleaved, to YBR_FULL (PS3.3 C.7.6.3.1.2); `out` may be `src`."""
    plain(fd_color_rgb_to_ybr, src, out, True)


def partial_to_rgb(object src, object out) -> None:
    """YBR_PARTIAL of 8 bits, interleaved, to RGB (retired); `out` may be `src`."""
    plain(fd_color_partial_to_rgb, src, out, True)


def shift(object data, unsigned int itemsize, unsigned int bits) -> None:
    """Shift every little endian sample down by `bits`, in place: a High Bit above Bits Stored - 1 (PS3.5 8.1.1)."""
    cdef _View a = _View(data, True)
    cdef fd_status status
    with nogil:
        status = fd_pixel_shift(a.data, a.size, itemsize, bits)
    check(status, a.size, a.size)


def bit(object src, object out, unsigned int itemsize, unsigned int number) -> None:
    """Fill `out` with bit `number` of every little endian sample, as 0 or 1 a byte (PS3.3 C.9.2: overlays in unused bits)."""
    cdef _View a = _View(src, False), b = _View(out, True)
    cdef fd_status status
    overlap(b, a, False)
    with nogil:
        status = fd_pixel_bit(b.data, b.size, a.data, a.size, itemsize, number)
    check(status, b.size, a.size)


cdef struct unused_check:
    const uint8_t *data
    size_t size
    unsigned int itemsize
    unsigned int stored
    bint is_signed
    bint from_end
    c_bool clean
    fd_status status


cdef void check_unused(void *context) noexcept nogil:
    cdef unused_check *job = <unused_check *>context
    job.status = fd_pixel_unused_clean(job.data, job.size, job.itemsize, job.stored, job.is_signed, job.from_end, &job.clean)


def unused_clean(object src, unsigned int itemsize, unsigned int stored, bint is_signed, bint fresh=False) -> bool:
    """Are the bits above the `stored` ones 0, or copies of the sign bit, in every little endian sample?

    `src` may be a view on a mapped file: TruncatedError when that file has lost a page meanwhile. `fresh`: they have just been
    written, and are looked at from their end on.
    """
    cdef _View a = _View(src, False)
    cdef unused_check job
    cdef fd_status status
    job.data, job.size, job.itemsize, job.stored, job.is_signed = a.data, a.size, itemsize, stored, is_signed
    job.clean, job.status, job.from_end = False, FD_OK, fresh
    with nogil:
        status = fd_guard_run(a.data, a.size, check_unused, &job)
    if status != FD_OK:
        raise TruncatedError("the file was truncated while its pixels were read")
    check(job.status, a.size, a.size)
    return bool(job.clean)


def clear_unused(object data, unsigned int itemsize, unsigned int stored, bint is_signed) -> None:
    """Make the bits above the `stored` ones 0, or copies of the sign bit, in place (PS3.5 8.1.1)."""
    cdef _View a = _View(data, True)
    cdef fd_status status
    with nogil:
        status = fd_pixel_clear_unused(a.data, a.size, itemsize, stored, is_signed)
    check(status, a.size, a.size)


def use_simd(bint on) -> bool:
    """For tests: the portable path (False) or the best of this processor (True) from now on; is there another than the portable one?"""
    fd_dct_use_fast(on)
    fd_jpegll_use_fast(on)
    return bool(fd_pixel_use_simd(on))


# compressed frames

cdef int raise_broken(const fd_error *error) except -1:
    if error.status == FD_MEMORY:
        raise MemoryError
    reason = (<bytes>error.reason).decode()
    raise DecodeError(f"{reason} (found {error.found}, expected {error.expected})", offset=error.offset)


def decode_rle(object src, object out, unsigned int itemsize, unsigned int samples, bint partial=False) -> tuple:
    """Fill `out` with a frame of RLE Lossless (PS3.5 Annex G): interleaved, little endian; DecodeError when it is broken.

    With `partial` a stream that ends too early is none. Answers how many pixels are whole (the others are 0), and how many more
    the stream holds than `out` does.
    """
    cdef _View a = _View(src, False), b = _View(out, True)
    cdef fd_error error
    cdef fd_status status
    cdef size_t done = 0, left = 0
    overlap(b, a, False)
    with nogil:
        status = fd_rle_decode(b.data, b.size, a.data, a.size, itemsize, samples, &done, &left, &error)
        if partial and status == FD_TRUNCATED:
            memset(b.data + done * itemsize * samples, 0, b.size - done * itemsize * samples)
    if status != FD_OK and not (partial and status == FD_TRUNCATED):
        raise_broken(&error)
    return done, left


def jpegll_header(object src) -> dict:
    """What a JPEG stream says of itself before its first scan; DecodeError when it does not."""
    cdef _View a = _View(src, False)
    cdef fd_error error
    cdef fd_jpegll_header h
    if fd_jpegll_read_header(a.data, a.size, &h, &error) != FD_OK:
        raise_broken(&error)
    return {
        "rows": h.rows,
        "columns": h.columns,
        "components": h.components,
        "precision": h.precision,
        "process": h.process,
        "ids": tuple([h.ids[i] for i in range(h.components)]),
        "jfif": bool(h.has_jfif),
        "adobe_transform": h.adobe_transform if h.has_adobe else None,
    }


def decode_jpegll(object src, object out, unsigned int itemsize, bint partial=False) -> int:
    """Fill `out` with a frame of lossless JPEG (ITU T.81 Annex H): interleaved, little endian; DecodeError when it is broken.

    With `partial` a stream that ends behind its frame header is none: answers how many rows are whole, and the others are 0.
    """
    cdef _View a = _View(src, False), b = _View(out, True)
    cdef fd_error error
    cdef fd_jpegll_header h
    cdef fd_status status
    cdef uint32_t done = 0
    cdef size_t size
    overlap(b, a, False)
    with nogil:
        status = fd_jpegll_decode(b.data, b.size, a.data, a.size, itemsize, &done, &error)
        if partial and status == FD_TRUNCATED:
            size = 0
            if done and fd_jpegll_read_header(a.data, a.size, &h, &error) == FD_OK:
                size = <size_t>done * h.columns * h.components * itemsize
            memset(b.data + size, 0, b.size - size)
    if status != FD_OK and not (partial and status == FD_TRUNCATED):
        raise_broken(&error)
    return done


cdef class _Dct:
    """Tables of Huffman codes, kept from frame to frame."""

    cdef fd_dct *made

    def __cinit__(self):
        self.made = fd_dct_new()
        if self.made == NULL:
            raise MemoryError

    def __dealloc__(self):
        fd_dct_free(self.made)


cdef list _idle = []  # as many as there were threads at once


def decode_jpegdct(object src, object out, uint32_t rows, uint32_t columns, unsigned int precision, unsigned int itemsize, bint partial=False) -> int:
    """Fill `out` with a gray frame of sequential JPEG with Huffman codes (ITU T.81 Annex F), of 8 or 12 bits, little endian.

    Every code is checked: DecodeError when the stream is broken. With `partial` one that ends too early is none: answers how many
    rows are whole, and the others are 0. UnsupportedError for what is left to other decoders; `out` may have been written to.
    """
    cdef _View a = _View(src, False), b = _View(out, True)
    cdef _Dct kept = _idle.pop() if _idle else _Dct()
    cdef fd_dct_frame frame
    cdef fd_error error
    cdef fd_status status
    cdef uint32_t done = 0
    cdef size_t size
    overlap(b, a, False)
    frame.rows, frame.columns, frame.precision, frame.bytes = rows, columns, precision, itemsize
    with nogil:
        status = fd_dct_decode(kept.made, b.data, b.size, a.data, a.size, &frame, &done, &error)
        if partial and status == FD_TRUNCATED:
            size = <size_t>done * columns * itemsize
            memset(b.data + size, 0, b.size - size)
    _idle.append(kept)
    if status == FD_OK:
        return rows
    if status == FD_LIMIT:
        raise UnsupportedError((<bytes>error.reason).decode())
    if not (partial and status == FD_TRUNCATED):
        raise_broken(&error)
    return done
