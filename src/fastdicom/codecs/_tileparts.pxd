from libc.stdint cimport uint8_t, uint64_t

cdef extern from "fd_common.h" nogil:
    ctypedef enum fd_status:
        FD_OK
        FD_TRUNCATED
        FD_MEMORY
    ctypedef struct fd_error:
        fd_status status
        uint64_t offset
        uint64_t found
        uint64_t expected
        const char *reason

cdef extern from "fd_tileparts.h" nogil:
    fd_status fd_tileparts_check(const uint8_t *src, size_t size, size_t *start, size_t *stop, fd_error *error)
