from fastdicom._core cimport fd_error, fd_status
from libc.stdint cimport uint8_t

cdef extern from "fd_tileparts.h" nogil:
    fd_status fd_tileparts_check(const uint8_t *src, size_t size, size_t *start, size_t *stop, fd_error *error)
