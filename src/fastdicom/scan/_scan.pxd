"""The scanner of csrc/fd_scan and the batches it makes, for other compiled modules."""

from libc.stddef cimport size_t
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t


cdef extern from "fd_os.h" nogil:
    bint fd_os_is_remote(const char *path) noexcept
    int fd_os_exchange(const char *path, const char *other) noexcept


cdef extern from "fd_engine.h" nogil:
    ctypedef enum fd_status:
        FD_OK
        FD_END
        FD_INVALID
        FD_LIMIT
        FD_MEMORY
        FD_IO
    ctypedef enum fd_kind:
        FD_KIND_UTF8
        FD_KIND_BINARY
        FD_KIND_INT16
        FD_KIND_UINT16
        FD_KIND_INT32
        FD_KIND_UINT32
        FD_KIND_INT64
        FD_KIND_UINT64
        FD_KIND_FLOAT32
        FD_KIND_FLOAT64
        FD_KIND_TIMESTAMP
        FD_KIND_DATE
        FD_KIND_TIME
        FD_KIND_DATETIME
        FD_KIND_DICTIONARY
        FD_KIND_LIST
    ctypedef struct fd_buffer:
        uint8_t *data
        size_t used
    ctypedef struct fd_array:
        fd_kind kind
        size_t length
        fd_buffer data
        fd_array *child
    ctypedef struct fd_input:
        const uint8_t *data
        uint64_t start, end, size
        fd_status (*fill)(fd_input *input, uint64_t offset, size_t want) noexcept
        void *context
    const uint8_t *fd_input_at(fd_input *input, uint64_t offset, size_t n) noexcept
    enum:
        FD_EVERY_ITEM
    ctypedef struct fd_step:
        uint32_t tag, item
        const char *creator
        size_t creator_length
    ctypedef enum fd_fact:
        FD_FACT_NONE
        FD_FACT_TRANSFER_SYNTAX
        FD_FACT_PIXEL_OFFSET
        FD_FACT_PIXEL_LENGTH
        FD_FACT_TABLE_FRAMES
        FD_FACT_LAST_TAG
    ctypedef struct fd_column_spec:
        const char *name
        uint32_t tag
        uint16_t vr
        fd_kind kind, item
        const char *creator
        size_t creator_length
        const fd_step *steps
        size_t step_count
        fd_fact fact
        uint32_t flags
        const char *metadata
        size_t metadata_length
    ctypedef struct fd_text_value:
        const uint8_t *data
        size_t length
        const uint8_t *charset
        size_t charset_length
        uint16_t vr
        bint big
        bint unsplit
    ctypedef struct fd_flag:
        pass
    bint fd_flag_is_up(fd_flag *flag) noexcept
    ctypedef struct fd_scan_options:
        bint force, thorough, path_bytes, plain, elements, facts_only
        uint64_t value_limit
        size_t batch_rows, batch_bytes
        fd_flag *stop
    ctypedef struct fd_scan_hooks:
        void *context
        fd_status (*decode)(void *context, const fd_text_value *value, fd_array *items, fd_buffer *remark) noexcept
        fd_status (*inflate)(void *context, fd_input *file, uint64_t offset, fd_input *out) noexcept
        const char *(*inflate_error)(void *context, int *too_large) noexcept
        void (*inflate_end)(void *context) noexcept
    ctypedef struct fd_scan_counts:
        uint64_t files, read, not_dicom, failed, noted
    enum:
        FD_OUTCOME_FAILED
    ctypedef struct fd_scanner
    ctypedef struct fd_walk
    ctypedef struct fd_batch
    ctypedef struct fd_field:
        const char *name
        fd_kind kind, item
    struct ArrowSchema:
        void (*release)(ArrowSchema *) noexcept
    struct ArrowArray:
        void (*release)(ArrowArray *) noexcept
    struct ArrowArrayStream:
        int (*get_schema)(ArrowArrayStream *, ArrowSchema *) noexcept
        int (*get_next)(ArrowArrayStream *, ArrowArray *) noexcept
        const char *(*get_last_error)(ArrowArrayStream *) noexcept
        void (*release)(ArrowArrayStream *) noexcept
        void *private_data
    fd_status fd_array_bytes(fd_array *a, const void *data, size_t n) noexcept
    fd_status fd_buffer_append(fd_buffer *b, const void *data, size_t n) noexcept
    int32_t fd_array_offset(const fd_array *a, size_t row) noexcept
    int32_t fd_array_index(const fd_array *a, size_t row) noexcept
    bint fd_array_is_null(const fd_array *a, size_t row) noexcept
    fd_batch *fd_batch_share(fd_batch *batch) noexcept
    void fd_batch_release(fd_batch *batch) noexcept
    size_t fd_batch_rows(const fd_batch *batch) noexcept
    const fd_array *fd_batch_column(const fd_batch *batch, size_t index) noexcept
    fd_status fd_batch_export(fd_batch *batch, ArrowArray *out) noexcept
    fd_status fd_schema_export(const fd_field *fields, size_t count, ArrowSchema *out) noexcept
    enum fd_entry_type:
        FD_ENTRY_UNSEEN
    fd_walk *fd_walk_new(bint recursive, bint follow_links, bint apart, fd_flag *stop) noexcept
    void fd_walk_free(fd_walk *walk) noexcept
    fd_status fd_walk_give(fd_walk *walk, const char *path, size_t length, fd_entry_type type) noexcept
    fd_scanner *fd_scanner_new(const fd_column_spec *specs, size_t count, const fd_scan_options *options, const fd_scan_hooks *hooks) noexcept
    void fd_scanner_free(fd_scanner *s) noexcept
    const fd_field *fd_scanner_fields(const fd_scanner *s) noexcept
    size_t fd_scanner_width(const fd_scanner *s) noexcept
    ctypedef struct fd_piece:
        uint64_t offset
        const uint8_t *data
        size_t length
    ctypedef struct fd_bytes:
        uint64_t need, need_end
    ctypedef struct fd_object:
        const char *path
        size_t path_length
        bint has_size, has_mtime
        uint64_t size
        int64_t mtime
    fd_status fd_scanner_visit_bytes(fd_scanner *s, const fd_object *object, const fd_piece *pieces, size_t count, fd_bytes *bytes) noexcept
    fd_status fd_scanner_fail(fd_scanner *s, const fd_object *object, const char *error) noexcept
    bint fd_scanner_is_full(const fd_scanner *s) noexcept
    fd_status fd_scanner_run(fd_scanner *s, fd_walk *walk, size_t files) noexcept
    size_t fd_scanner_rows(const fd_scanner *s) noexcept
    fd_batch *fd_scanner_take(fd_scanner *s, uint8_t **outcomes) noexcept
    const fd_scan_counts *fd_scanner_counts(const fd_scanner *s) noexcept
    ctypedef enum fd_ahead:
        FD_AHEAD_COLD
        FD_AHEAD_ALWAYS
        FD_AHEAD_NEVER

    ctypedef struct fd_engine_options:
        size_t threads
        bint ordered, recursive, follow_links
        fd_ahead ahead
        fd_scan_options scan
    enum fd_engine_answer:
        FD_ENGINE_BATCH
        FD_ENGINE_HUNGRY
        FD_ENGINE_TIME
        FD_ENGINE_END
        FD_ENGINE_FAILED
    ctypedef struct fd_engine
    fd_engine *fd_engine_new(const fd_column_spec *specs, size_t count, const fd_engine_options *options, const fd_scan_hooks *hooks,
                             void *const *contexts) noexcept
    fd_status fd_engine_start(fd_engine *e) noexcept
    fd_status fd_engine_give(fd_engine *e, const char *path, size_t length) noexcept
    size_t fd_engine_room(fd_engine *e) noexcept
    void fd_engine_close(fd_engine *e) noexcept
    fd_engine_answer fd_engine_wait(fd_engine *e, unsigned milliseconds, fd_batch **batch, uint8_t **outcomes) noexcept
    fd_scan_counts fd_engine_counts(fd_engine *e) noexcept
    void fd_engine_stop(fd_engine *e) noexcept
    fd_flag *fd_engine_stopping(fd_engine *e) noexcept
    bint fd_engine_is_lost(const fd_engine *e) noexcept
    bint fd_engine_free(fd_engine *e, unsigned milliseconds) noexcept


cdef extern from "fd_match.h" nogil:
    ctypedef struct fd_texts:
        const int64_t *offsets
        size_t count
        const uint8_t *data
        size_t length
    fd_status fd_match(const fd_texts *wanted, const fd_texts *among, uint64_t seed, int64_t *at) noexcept


cdef class Batch:
    cdef fd_batch *handle
    cdef uint8_t *outcomes
    cdef Scanner scanner


cdef class Inflater:
    cdef fd_input *file
    cdef uint64_t start  # of the deflated bytes in the file, and of the inflated ones in the result
    cdef uint64_t read_to, limit
    cdef int passes
    cdef object stream
    cdef bytearray window
    cdef bytes error
    cdef int wbits  # how the stream begins, as zlib counts it
    cdef bint at_end, too_large
    cdef fd_flag *stop

    cdef int begin(self, fd_input *out) except -1
    cdef int publish(self, fd_input *out) except -1
    cdef bytes next_input(self)
    cdef int fill(self, fd_input *out, uint64_t offset, size_t want) except -1
    cdef int fail(self, text) except -1
    cdef int note(self, text) except -1
    cdef int start_as(self, int wbits, fd_input *out) except -1


cdef class Hooks:
    cdef object decoder
    cdef object failure
    cdef Inflater inflater
    cdef uint64_t inflate_limit
    cdef fd_flag *stop

    cdef int raise_failure(self) except -1


cdef class Scanner:
    cdef fd_scanner *handle
    cdef fd_walk *walk
    cdef fd_column_spec *specs
    cdef size_t count  # of specs
    cdef fd_step *steps  # of all specs
    cdef size_t step_count
    cdef fd_scan_options options
    cdef bint recursive, follow_links
    cdef Hooks hooks
    cdef list kept  # the bytes that the specs point into
    cdef readonly list names

    cdef int describe_path(self, fd_column_spec *spec, path) except -1
    cdef int describe(self, fd_column_spec *spec, column) except -1
    cdef int checked(self, fd_status status) except -1


cdef class Engine:
    cdef object __weakref__
    cdef fd_engine *handle
    cdef Scanner scanner
    cdef list workers
    cdef bint waiting
    cdef readonly size_t threads
    cdef tuple last_counts

    cdef int fail(self) except -1
    cdef fd_engine *running(self) except NULL


cdef class Stream:
    cdef object batches
    cdef Scanner scanner
    cdef bytes error


cdef class Held:
    cdef Py_buffer offsets, data
    cdef fd_texts texts

    cdef int hold(self, tuple place) except -1
