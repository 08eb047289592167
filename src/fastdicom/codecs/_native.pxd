from cpython.buffer cimport Py_buffer
from fastdicom._core cimport fd_error, fd_status
from libc.stdint cimport uint8_t, uint32_t, uint64_t

cdef extern from "<stdbool.h>" nogil:
    ctypedef bint c_bool "bool"

cdef extern from "fd_guard.h" nogil:
    ctypedef void (*fd_guarded)(void *context) noexcept
    fd_status fd_guard_run(const void *start, size_t size, fd_guarded work, void *context)

cdef extern from "fd_pixel.h" nogil:
    fd_status fd_pixel_swap(uint8_t *dst, size_t dst_size, const uint8_t *src, size_t src_size, unsigned int bytes)
    fd_status fd_pixel_swap_words(uint8_t *dst, size_t dst_size, const uint8_t *src, size_t src_size, uint64_t first)
    fd_status fd_pixel_unpack_1(uint8_t *dst, size_t dst_size, const uint8_t *src, size_t src_size, uint64_t first_bit)
    fd_status fd_pixel_unpack_12(uint8_t *dst, size_t dst_size, const uint8_t *src, size_t src_size, uint64_t first)
    fd_status fd_pixel_interleave(uint8_t *dst, size_t dst_size, const uint8_t *src, size_t src_size, unsigned int bytes, unsigned int samples)
    fd_status fd_pixel_expand_422(uint8_t *dst, size_t dst_size, const uint8_t *src, size_t src_size, unsigned int bytes)
    fd_status fd_pixel_ybr_to_rgb(uint8_t *dst, size_t dst_size, const uint8_t *src, size_t src_size)
    fd_status fd_pixel_unused_clean(const uint8_t *src, size_t src_size, unsigned int bytes, unsigned int stored, c_bool is_signed, c_bool from_end,
                                    c_bool *clean)
    fd_status fd_pixel_clear_unused(uint8_t *data, size_t size, unsigned int bytes, unsigned int stored, c_bool is_signed)
    fd_status fd_pixel_shift(uint8_t *data, size_t size, unsigned int bytes, unsigned int shift)
    fd_status fd_pixel_bit(uint8_t *dst, size_t dst_size, const uint8_t *src, size_t src_size, unsigned int bytes, unsigned int bit)
    c_bool fd_pixel_use_simd(c_bool on)

cdef extern from "fd_color.h" nogil:
    fd_status fd_color_rgb_to_ybr(uint8_t *dst, size_t dst_size, const uint8_t *src, size_t src_size)
    fd_status fd_color_partial_to_rgb(uint8_t *dst, size_t dst_size, const uint8_t *src, size_t src_size)

cdef extern from "fd_rle.h" nogil:
    fd_status fd_rle_decode(uint8_t *dst, size_t dst_size, const uint8_t *src, size_t src_size, unsigned int bytes, unsigned int samples, size_t *done, size_t *left, fd_error *error)

cdef extern from "fd_jpegll.h" nogil:
    ctypedef struct fd_jpegll_header:
        uint32_t rows
        uint32_t columns
        uint8_t components
        uint8_t precision
        uint8_t process
        uint8_t *ids
        c_bool has_jfif
        c_bool has_adobe
        uint8_t adobe_transform
    fd_status fd_jpegll_read_header(const uint8_t *src, size_t size, fd_jpegll_header *header, fd_error *error)
    fd_status fd_jpegll_decode(uint8_t *dst, size_t dst_size, const uint8_t *src, size_t size, unsigned int bytes, uint32_t *done, fd_error *error)
    c_bool fd_jpegll_use_fast(c_bool on)

cdef extern from "fd_dct.h" nogil:
    ctypedef struct fd_dct:
        pass
    ctypedef struct fd_dct_frame:
        uint32_t rows
        uint32_t columns
        unsigned int precision
        unsigned int bytes
    fd_dct *fd_dct_new()
    void fd_dct_free(fd_dct *d)
    fd_status fd_dct_decode(fd_dct *d, uint8_t *dst, size_t dst_size, const uint8_t *src, size_t size, const fd_dct_frame *frame, uint32_t *whole_rows, fd_error *error)
    c_bool fd_dct_use_fast(c_bool on)


cdef class _View:
    cdef Py_buffer buffer
    cdef uint8_t *data
    cdef size_t size
    cdef bint held


cdef int overlap(_View out, _View src, bint same_allowed) except -1
cdef int check(fd_status status, size_t out_size, size_t src_size) except -1
