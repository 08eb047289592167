# What stands in for the dictionaries and lists inside pydicom's data sets.
from libc.stdint cimport uint16_t, uint32_t, uint64_t

from fastdicom._core cimport Index, Source, fd_element, fd_item


cdef class Elements:
    cdef Index index          # what has not been made yet; None when everything is in `done`
    cdef dict done            # elements by tag: made, or put here by the caller
    cdef set gone             # tags that were taken out
    cdef Py_ssize_t limit     # elements of the index from here on are not shown (stop_before_pixels); -1: all are
    cdef bint implicit
    cdef bint little
    cdef uint64_t base        # what pydicom counts positions from
    cdef object charset       # the encodings of this data set, as pydicom keeps them
    cdef object outer         # those of the data set around it
    cdef object pixel_rep     # Pixel Representation of a data set around it, or None
    cdef object defer         # the size above which values wait to be read again (an int), or None
    cdef object reread        # a callable that gives the same data set as pydicom's own reader does
    cdef int depth            # how many sequences are around it

    cdef Py_ssize_t find(self, object key) except -2
    cdef Py_ssize_t visible(self) except -1
    cdef int complete(self) except -1
    cdef int fill(self) except -1
    cdef int secure(self) except -1
    cdef list tags(self)
    cdef object raw_at(self, Index index, Py_ssize_t i)
    cdef object finished_at(self, Index index, Py_ssize_t i)
    cdef object value_at(self, Index index, const fd_element *e, uint16_t code, object vr, object mode)
    cdef object creator_of(self, uint32_t tag)
    cdef object made_at(self, Index index, Py_ssize_t i)
    cdef object sequence_at(self, Index index, const fd_element *e)
    cdef object sequence_vr(self, const fd_element *e)
    cdef object foreign(self, Index index, const fd_element *e)
    cdef bint is_sequence(self, const fd_element *e) except -1
    cdef object representation(self)
    cdef object own_representation(self)


cdef class ItemList:
    cdef Source source
    cdef fd_item *spans
    cdef Py_ssize_t n
    cdef list made            # a Dataset an item, or None; once it is whole, the list itself
    cdef Py_ssize_t missing   # how many are still to be made
    cdef bint implicit
    cdef bint little
    cdef uint64_t base        # of the values inside
    cdef uint64_t place_base  # of the items
    cdef object charset
    cdef object pixel_rep
    cdef int depth            # how many sequences there are around an item

    cdef bint read(self, const fd_element *e) except -1
    cdef bint is_regular(self, const fd_item *item) except -1
    cdef object dataset(self, Py_ssize_t i)
    cdef int secure(self) except -1
    cdef list whole(self)


cpdef Elements open_elements(
    Source source, uint64_t start, uint64_t stop, bint implicit, bint big, object stop_before, object defer, object reread, object outer
)
