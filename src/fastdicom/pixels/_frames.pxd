from fastdicom._core cimport DataElement, Source, fd_input, fd_status
from libc.stdint cimport uint8_t, uint32_t, uint64_t


cdef extern from "fd_encap.h":
    enum:
        FD_ENCAP_CUT
        FD_ENCAP_NOT_ITEM
        FD_ENCAP_TABLE_LIES
        FD_ENCAP_FEWER
        FD_ENCAP_NO_TABLE
    ctypedef enum fd_stream:
        FD_STREAM_ONE_FRAGMENT
        FD_STREAM_MARKERS
        FD_STREAM_VIDEO
    ctypedef struct fd_fragment:
        uint64_t offset
        uint64_t length
    ctypedef struct fd_encap:
        uint64_t table_offset
        uint64_t table_length
        fd_fragment *fragments
        size_t count
        uint64_t *first
        size_t frames
        uint32_t notes
    void fd_encap_init(fd_encap *e)
    void fd_encap_free(fd_encap *e)
    fd_status fd_encap_read(fd_encap *e, fd_input *input, uint64_t offset, uint64_t end)
    fd_status fd_encap_frames(fd_encap *e, fd_input *input, uint64_t wanted, fd_stream kind, const uint8_t *extended, size_t extended_length)


cdef class Room:
    cdef uint8_t *data
    cdef size_t capacity
    cdef size_t size


cdef class FrameIndex:
    cdef readonly Source source
    cdef fd_encap encap
    cdef uint32_t tag
