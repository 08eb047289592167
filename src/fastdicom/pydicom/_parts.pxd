# What the lazy mapping is made of.
from libc.stdint cimport uint16_t, uint32_t, uint64_t

from fastdicom._core cimport Source

cdef object tag_object(uint32_t tag)
cdef object vr_object(uint16_t vr)
cdef object bytes_at(Source source, uint64_t offset, uint64_t length, uint32_t tag)
cdef int check_unchanged(Source source, uint32_t tag) except -1
cdef bint plain_conversion() except -1
cdef object dictionary_vr(uint32_t tag)
cdef uint16_t vr_code(object vr) except? 0xFFFF
cdef dict from_template(object kind)
