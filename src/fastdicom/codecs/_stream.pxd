from fastdicom._core cimport fd_error, fd_status
from libc.stdint cimport uint8_t, uint32_t, uint64_t

cdef extern from "<stdbool.h>" nogil:
    ctypedef bint c_bool "bool"

cdef extern from "fd_stream.h" nogil:
    enum:
        FD_STREAM_COMPONENTS
    ctypedef struct fd_stream_header:
        uint32_t format
        uint32_t colour
        uint32_t rows
        uint32_t columns
        uint32_t components
        uint32_t extra
        uint32_t offset_x
        uint32_t offset_y
        uint8_t *precision
        uint8_t *is_signed
        uint8_t *across
        uint8_t *down
        uint8_t *ids
        uint8_t is_uneven
        uint8_t is_boxed
        uint8_t process
        uint8_t has_jfif
        uint8_t has_adobe
        uint8_t adobe_transform
        uint8_t point_transform
        uint8_t near
        uint8_t interleave
        uint8_t has_mapping
        uint8_t hp_transform
        uint8_t transform
        uint8_t is_reversible
        uint8_t is_ht
        uint8_t is_float
        uint8_t is_xyb
        uint8_t has_alpha
        uint8_t orientation
        uint8_t is_recompressed
    fd_status fd_stream_read_header(const uint8_t *src, size_t size, fd_stream_header *header, fd_error *error)

cdef extern from "fd_sample.h" nogil:
    fd_status fd_sample_widen(uint8_t *dst, size_t dst_size, const uint8_t *src, size_t src_size, unsigned int from_bytes,
                              unsigned int to_bytes, c_bool is_signed)

cdef extern from "fd_jpegcheck.h" nogil:
    ctypedef struct fd_jpegcheck:
        pass
    fd_jpegcheck *fd_jpegcheck_new()
    void fd_jpegcheck_free(fd_jpegcheck *check)
    void fd_jpegcheck_hear(fd_jpegcheck *check, c_bool on)
    void fd_jpegcheck_use_lanes(fd_jpegcheck *check, size_t start)
    fd_status fd_jpegcheck_run(fd_jpegcheck *check, const uint8_t *src, size_t size, c_bool thorough, uint32_t *whole_rows, fd_error *error)

cdef class Reader:
    cdef fd_stream_header last
    cdef object made
