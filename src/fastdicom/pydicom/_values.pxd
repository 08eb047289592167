# Values as pydicom makes them of well-formed bytes.
from libc.stdint cimport uint8_t, uint16_t

cdef object NOT_PLAIN  # the answer for what pydicom should convert itself

cdef object value_of(uint16_t vr, const uint8_t *p, Py_ssize_t n, bint big, object encodings, object mode)
cdef object element_of(object tag, object vr, object value, object place, bint undefined, object mode, object creator)
