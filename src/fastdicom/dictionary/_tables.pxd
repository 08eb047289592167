# The dictionary for other compiled modules: cimport these, they need no GIL and cannot fail.
from libc.stddef cimport size_t
from libc.stdint cimport uint16_t, uint32_t

cdef uint16_t vr_of(uint32_t tag) noexcept nogil
cdef uint16_t private_vr_of(const char *creator, size_t n, uint32_t tag) noexcept nogil
cdef bint tag_of(const char *keyword, size_t n, uint32_t *tag) noexcept nogil
