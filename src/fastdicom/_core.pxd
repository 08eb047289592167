# The C face of the core: `cimport fastdicom._core` from other packages sees this. What they may call is at the end: the functions fd_*
# that are no inline ones are linked, with hidden names, into each module of ours that calls them, and there is nothing to link to.

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy


cdef extern from "fd_common.h" nogil:
    ctypedef enum fd_status:
        FD_OK, FD_END, FD_NOT_DICOM, FD_TRUNCATED, FD_INVALID, FD_LIMIT, FD_MEMORY, FD_IO

    ctypedef struct fd_error:
        fd_status status
        uint32_t tag
        uint64_t offset
        uint64_t found
        uint64_t expected
        int os_errno
        const char *reason

    uint16_t fd_load16(const uint8_t *p, bint big)
    uint32_t fd_load32(const uint8_t *p, bint big)
    uint64_t fd_load64(const uint8_t *p, bint big)
    uint32_t fd_load_tag(const uint8_t *p, bint big)


cdef extern from "fd_vr.h" nogil:
    enum:
        FD_VR_NONE, FD_VR_AE, FD_VR_AS, FD_VR_AT, FD_VR_CS, FD_VR_DA, FD_VR_DS, FD_VR_DT, FD_VR_FD, FD_VR_FL, FD_VR_IS, FD_VR_LO
        FD_VR_LT, FD_VR_OB, FD_VR_OD, FD_VR_OF, FD_VR_OL, FD_VR_OV, FD_VR_OW, FD_VR_PN, FD_VR_SH, FD_VR_SL, FD_VR_SQ, FD_VR_SS
        FD_VR_ST, FD_VR_SV, FD_VR_TM, FD_VR_UC, FD_VR_UI, FD_VR_UL, FD_VR_UN, FD_VR_UR, FD_VR_US, FD_VR_UT, FD_VR_UV
        FD_VR_OB_OW, FD_VR_US_SS, FD_VR_US_OW, FD_VR_US_SS_OW

    bint fd_vr_is_known(uint16_t vr)


cdef extern from "fd_cursor.h":
    const uint64_t FD_UNDEFINED
    enum:
        FD_ELEMENT_UNDEFINED, FD_ELEMENT_CUT, FD_ELEMENT_IMPLICIT, FD_ELEMENT_BIG, FD_ELEMENT_ENCAPSULATED
        FD_NOTE_CUT, FD_NOTE_NO_DELIMITER, FD_NOTE_IMPLICIT, FD_NOTE_KINDS, FD_NOTE_BYTE_ORDER, FD_NOTE_BAD_ITEM
        FD_NOTE_ORDER, FD_NOTE_DUPLICATE
        FD_TAG_PIXEL_DATA, FD_TAG_ITEM

    ctypedef enum fd_place:
        FD_TOP_LEVEL, FD_ITEM, FD_UNDEFINED_ITEM

    ctypedef struct fd_input
    ctypedef fd_status (*fd_fill_fn)(fd_input *input, uint64_t offset, size_t want)

    ctypedef struct fd_input:
        const uint8_t *data
        uint64_t start
        uint64_t end
        uint64_t size
        fd_fill_fn fill
        void *context
        bint failed

    ctypedef struct fd_element:
        uint64_t offset
        uint64_t length
        uint32_t tag
        uint16_t vr
        uint8_t header
        uint8_t flags

    ctypedef struct fd_place_of_note:
        uint64_t offset
        uint32_t tag

    ctypedef struct fd_cursor:
        uint64_t pos
        uint64_t end
        bint implicit
        bint big
        uint32_t notes
        fd_place_of_note where[10]
        size_t deepest

    ctypedef struct fd_item:
        uint64_t offset
        uint64_t length
        bint undefined
        bint cut

    void fd_input_memory(fd_input *input, const void *data, uint64_t size) noexcept nogil
    const char *fd_note_text(unsigned kind)
    void fd_cursor_open(fd_cursor *c, fd_input *input, uint64_t pos, uint64_t end, bint implicit, bint big, fd_place place) nogil
    void fd_cursor_close(fd_cursor *c) nogil
    fd_status fd_cursor_next(fd_cursor *c, fd_element *e) nogil
    fd_status fd_cursor_skip(fd_cursor *c, fd_element *e) nogil
    fd_status fd_cursor_item(fd_cursor *c, fd_item *item) nogil


cdef extern from "fd_part10.h" nogil:
    ctypedef struct fd_part10:
        bint has_preamble
        bint guessed
        uint64_t meta_offset
        uint64_t meta_length
        uint64_t dataset_offset
        bint implicit
        bint big
        bint deflated
        char transfer_syntax[65]
        uint32_t notes

    fd_status fd_part10_read(fd_input *input, bint force, fd_part10 *out, fd_error *error)


cdef extern from "fd_index.h" nogil:
    ctypedef struct fd_index:
        fd_element *elements
        size_t count
        size_t room
        fd_cursor cursor
        bint complete

    fd_status fd_index_open(fd_index *ix, fd_input *input, uint64_t pos, uint64_t end, bint implicit, bint big, fd_place place)
    fd_status fd_index_complete(fd_index *ix)
    void fd_index_close(fd_index *ix)
    Py_ssize_t fd_index_find(const fd_index *ix, uint32_t tag)


cdef extern from "fd_file.h" nogil:
    ctypedef struct fd_file:
        int fd
        uint64_t size
        uint64_t changed

    bint fd_file_same(const fd_file *a, const fd_file *b)
    uint64_t fd_file_size_now(const fd_file *file)
    fd_status fd_file_open(const char *path, fd_file *file, fd_error *error)
    void fd_file_close(fd_file *file)
    fd_status fd_file_read(const fd_file *file, uint64_t offset, void *out, size_t n, size_t *got, fd_error *error)
    void *fd_file_map(const fd_file *file)
    void fd_file_unmap(void *map, uint64_t size)
    int fd_file_budget()


cdef class Source:
    cdef fd_input input
    cdef fd_file file
    cdef object memory        # read-only memoryview of what is in memory: everything, or the head
    cdef list old_heads       # shorter heads that pointers may still go into
    cdef const uint8_t *data  # its first byte, at offset `base`
    cdef uint64_t base
    cdef uint64_t held        # [base, held) is in memory
    cdef object map_view
    cdef list chunks          # values read from the file and kept: (offset, bytes), by offset
    cdef const uint8_t *chunk
    cdef uint64_t chunk_start
    cdef uint64_t chunk_end
    cdef uint8_t *window
    cdef size_t window_room
    cdef bint may_map
    cdef bint counted         # the file counts among the open files, and stays open between reads
    cdef int readers
    cdef object failure       # why the parser could not read, to be raised by check
    cdef readonly bint closed
    cdef readonly object path
    cdef public object transfer_syntax  # the UID of (0002,0010) of the file, for the items in it; or None
    cdef bytes name           # the path for the operating system, absolute where the file is not kept open
    cdef uint32_t warned
    cdef set warned_texts
    cdef public bint quiet      # nothing is warned of; `has_notes` tells whether there was something

    cdef int hold(self, object view, uint64_t base) except -1
    cdef int open_file(self, object path, bint may_map) except -1
    cdef int start_file(self, bint may_map, bint only_this) except -1
    cdef int read_head(self, uint64_t size, bint first) except -1
    cdef int acquire(self) except -1
    cdef void release(self)
    cdef bint make_map(self) except -1
    cdef fd_status fill(self, uint64_t offset, size_t want) noexcept
    cdef fd_status fill_window(self, uint64_t offset, size_t want, bint onward) except *
    cdef int check(self, fd_status status) except -1
    cdef const uint8_t *locate(self, uint64_t offset, uint64_t length) noexcept
    cdef Py_ssize_t chunk_before(self, uint64_t offset) noexcept
    cdef object fetch(self, uint64_t offset, uint64_t length, uint32_t tag)
    cdef object view_of(self, uint64_t offset, uint64_t length, uint32_t tag)
    cdef int keep(self, uint64_t offset, uint64_t length, uint32_t tag) except -1
    cdef int check_size(self, uint64_t offset, uint64_t length, uint32_t tag) except -1
    cdef int notes(self, fd_cursor *cursor) except -1
    cdef int read_at(self, uint64_t offset, void *out, size_t size, uint32_t tag) except -1


cdef class Index:
    cdef readonly Source source
    cdef fd_index ix
    cdef bint opened
    cdef bint busy            # the walk goes on at the moment
    cdef uint64_t start
    cdef uint64_t stop
    cdef fd_place place
    cdef bint told_implicit
    cdef bint told_big
    cdef dict values
    cdef readonly int depth
    cdef readonly int max_depth
    cdef int outer_representation
    cdef readonly object outer_charset

    cdef int open(self, uint64_t start, uint64_t stop, bint implicit, bint big, fd_place place) except -1
    cdef int complete(self) except -1
    cdef Py_ssize_t find(self, uint32_t tag) except -2
    cdef uint16_t resolve(self, const fd_element *e) except? 0xFFFF
    cdef uint16_t private_vr(self, uint32_t tag) except? 0xFFFF
    cdef uint16_t known_private(self, const uint8_t *creator, uint64_t n, uint32_t tag)
    cdef bint has_items(self, const fd_element *e) except -1
    cdef uint16_t by_context(self, const fd_element *e, uint16_t vr)
    cdef object value_at(self, Py_ssize_t i)
    cdef object decode(self, const fd_element *e, uint16_t vr)
    cdef object plain_text(self, const uint8_t *p, uint64_t n, uint16_t vr)
    cdef Items items_of(self, const fd_element *e)
    cdef DataElement element_at(self, Py_ssize_t i)
    cdef int representation(self)
    cdef long small_number(self, uint32_t tag, long otherwise)


cdef class DataElement:
    cdef readonly Index owner
    cdef fd_element e
    cdef uint16_t vr


cdef class Items:
    cdef readonly Source source
    cdef fd_item *spans
    cdef Py_ssize_t count
    cdef list datasets
    cdef object kind
    cdef bint implicit
    cdef bint big
    cdef int depth
    cdef int max_depth
    cdef int representation
    cdef object charset
    cdef fd_element e
    cdef readonly bint is_undefined_length

    cdef int read(self, Index owner, const fd_element *e) except -1
    cdef int find_spans(self) except -1


cdef inline object number_of(const uint8_t *p, uint16_t vr, bint big, object kind):
    """A sample of a VR of numbers; a tag as one of that `kind`."""
    cdef uint32_t u4
    cdef uint64_t u8
    cdef float f4
    cdef double f8
    if vr == FD_VR_US:
        return fd_load16(p, big)
    if vr == FD_VR_SS:
        return <int16_t>fd_load16(p, big)
    if vr == FD_VR_UL:
        return fd_load32(p, big)
    if vr == FD_VR_SL:
        return <int32_t>fd_load32(p, big)
    if vr == FD_VR_FL:
        u4 = fd_load32(p, big)
        memcpy(&f4, &u4, 4)
        return <double>f4
    if vr == FD_VR_FD:
        u8 = fd_load64(p, big)
        memcpy(&f8, &u8, 8)
        return f8
    if vr == FD_VR_AT:
        return kind(fd_load_tag(p, big))
    if vr == FD_VR_SV:
        return <int64_t>fd_load64(p, big)
    return fd_load64(p, big)


# What other packages may call; examples/cython_client does. All else above may change from one version to the next, as the
# layout of the classes may: compile against the version that runs, and have check_abi say so when it is another.

cdef enum:
    FASTDICOM_ABI = 2  # raised when a cdef method above, or a function below, comes, goes, moves or means something else

cdef int check_layout(int abi, size_t element, size_t item, size_t cursor, size_t input, size_t part10) except -1

cdef inline int check_abi() except -1:
    """ImportError where the caller was compiled against another version than the one that runs. To be called at import."""
    return check_layout(FASTDICOM_ABI, sizeof(fd_element), sizeof(fd_item), sizeof(fd_cursor), sizeof(fd_input), sizeof(fd_part10))

cdef const fd_element *elements_of(Index index, size_t *count) except? NULL
cdef uint16_t vr_of_element(Index index, const fd_element *e) except? 0xFFFF
cdef const uint8_t *value_of(Index index, const fd_element *e) except? NULL
cdef Items items_of_element(Index index, const fd_element *e)

# Without Python and without the GIL, over an fd_input of the caller's own (fd_input_memory, or a `fill` that needs no GIL)
cdef fd_status part10_read(fd_input *input, bint force, fd_part10 *out, fd_error *error) noexcept nogil
cdef void cursor_open(fd_cursor *c, fd_input *input, uint64_t pos, uint64_t end, bint implicit, bint big, fd_place place) noexcept nogil
cdef fd_status cursor_next(fd_cursor *c, fd_element *e) noexcept nogil
cdef fd_status cursor_skip(fd_cursor *c, fd_element *e) noexcept nogil
cdef void items_open(fd_cursor *c, fd_input *input, const fd_element *e) noexcept nogil
cdef fd_status cursor_item(fd_cursor *c, fd_item *item) noexcept nogil
cdef void cursor_close(fd_cursor *c) noexcept nogil
