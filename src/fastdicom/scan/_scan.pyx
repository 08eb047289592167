"""Scanning as Python sees it: a scanner over csrc/fd_scan, and batches that any Arrow consumer takes without a copy."""

import atexit
import weakref
import zlib
from datetime import date, datetime, timedelta, timezone
from os import strerror

cimport cython
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytearray cimport PyByteArray_AS_STRING
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_New
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.stddef cimport size_t
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memset


cdef extern from "Python.h":
    int Py_IsInitialized() nogil


cdef extern from "errno.h":
    enum:
        EIO
        EINTR
        ENOMEM
        ENOSYS


#: Name of a column's type -> its code in csrc/fd_column.
KINDS = {
    "utf8": FD_KIND_UTF8,
    "binary": FD_KIND_BINARY,
    "int16": FD_KIND_INT16,
    "uint16": FD_KIND_UINT16,
    "int32": FD_KIND_INT32,
    "uint32": FD_KIND_UINT32,
    "int64": FD_KIND_INT64,
    "uint64": FD_KIND_UINT64,
    "float32": FD_KIND_FLOAT32,
    "float64": FD_KIND_FLOAT64,
    "date32": FD_KIND_DATE,
    "time64": FD_KIND_TIME,
    "timestamp": FD_KIND_DATETIME,
    "dictionary": FD_KIND_DICTIONARY,
    "list": FD_KIND_LIST,
}

#: Name of a fact of a file -> its code in csrc/fd_convert.
FACTS = {
    "": FD_FACT_NONE,
    "transfer_syntax": FD_FACT_TRANSFER_SYNTAX,
    "pixel_data_offset": FD_FACT_PIXEL_OFFSET,
    "pixel_data_length": FD_FACT_PIXEL_LENGTH,
    "offset_table_frames": FD_FACT_TABLE_FRAMES,
    "last_tag": FD_FACT_LAST_TAG,
}

cdef object EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
cdef object NAIVE_EPOCH = datetime(1970, 1, 1)
cdef int EPOCH_ORDINAL = date(1970, 1, 1).toordinal()

#: What Scanner.run answers.
MORE = FD_OK
FULL = FD_LIMIT
END = FD_END


# columns as Python objects

cdef object fixed(const fd_array *a, size_t row):
    cdef const uint8_t *p = a.data.data
    if a.kind == FD_KIND_INT16:
        return (<const int16_t *>p)[row]
    if a.kind == FD_KIND_UINT16:
        return (<const uint16_t *>p)[row]
    if a.kind == FD_KIND_INT32:
        return (<const int32_t *>p)[row]
    if a.kind == FD_KIND_UINT32:
        return (<const uint32_t *>p)[row]
    if a.kind == FD_KIND_INT64:
        return (<const int64_t *>p)[row]
    if a.kind == FD_KIND_UINT64:
        return (<const uint64_t *>p)[row]
    if a.kind == FD_KIND_FLOAT32:
        return <double>(<const float *>p)[row]
    if a.kind == FD_KIND_FLOAT64:
        return (<const double *>p)[row]
    if a.kind == FD_KIND_DATE:
        return date.fromordinal(EPOCH_ORDINAL + (<const int32_t *>p)[row])
    if a.kind == FD_KIND_DATETIME:
        return NAIVE_EPOCH + timedelta(microseconds=(<const int64_t *>p)[row])
    if a.kind == FD_KIND_TIME:
        return (NAIVE_EPOCH + timedelta(microseconds=(<const int64_t *>p)[row])).time()
    try:
        return EPOCH + timedelta(microseconds=(<const int64_t *>p)[row])
    except OverflowError:  # a file from before the year 1 or after 9999
        return None


cdef object cell(const fd_array *a, size_t row):
    cdef int32_t start, end
    if fd_array_is_null(a, row):
        return None
    if a.kind == FD_KIND_DICTIONARY:
        return cell(a.child, <size_t>fd_array_index(a, row))
    if a.kind != FD_KIND_LIST and a.kind != FD_KIND_UTF8 and a.kind != FD_KIND_BINARY:
        return fixed(a, row)
    start = fd_array_offset(a, row)
    end = fd_array_offset(a, row + 1)
    if a.kind == FD_KIND_LIST:
        return [cell(a.child, <size_t>i) for i in range(start, end)]
    if start == end:
        return "" if a.kind == FD_KIND_UTF8 else b""
    text = (<const char *>a.data.data)[start:end]
    return text.decode("utf-8") if a.kind == FD_KIND_UTF8 else text


cdef class Batch:
    """Rows of a scan: an Arrow record batch.

    It holds Arrow buffers; ``pyarrow.record_batch(batch)`` and every other consumer of the Arrow PyCapsule interface take
    them without copying. Without any of those, :meth:`to_pydict` and :meth:`rows` give Python objects.
    """

    def __cinit__(self):
        self.handle = NULL
        self.outcomes = NULL

    def __init__(self):
        raise TypeError("a Batch comes from a scan")

    def __dealloc__(self):
        fd_batch_release(self.handle)
        free(self.outcomes)

    def __len__(self):
        return <Py_ssize_t>fd_batch_rows(self.handle)

    @property
    def num_rows(self):
        """The number of rows, one a file (in the long table one an element)."""
        return len(self)

    @property
    def num_columns(self):
        """The number of columns, those of the file included."""
        return len(self.scanner.names)

    @property
    def column_names(self):
        """The names of the columns."""
        return list(self.scanner.names)

    def column(self, str name not None):
        """The values of a column as a list of Python objects; KeyError when there is none of that name."""
        cdef size_t i
        if name not in self.scanner.names:
            raise KeyError(name)
        cdef const fd_array *a = fd_batch_column(self.handle, <size_t>self.scanner.names.index(name))
        cdef size_t rows = fd_batch_rows(self.handle)
        if a.kind != FD_KIND_DICTIONARY:
            return [cell(a, i) for i in range(rows)]
        texts = [cell(a.child, i) for i in range(a.child.length)]
        return [None if fd_array_is_null(a, i) else texts[fd_array_index(a, i)] for i in range(rows)]

    def to_pydict(self):
        """A dictionary of the columns as lists of Python objects."""
        return {name: self.column(name) for name in self.scanner.names}

    def to_pylist(self):
        """The rows as a list of dictionaries."""
        names = self.scanner.names
        return [dict(zip(names, row, strict=True)) for row in self.rows()]

    def rows(self):
        """The rows as a list of tuples, in the order of the columns."""
        return list(zip(*[self.column(name) for name in self.scanner.names], strict=True))

    def failures(self):
        """(path, error) of each row whose file or folder could not be opened or read; what is no DICOM is not among them."""
        cdef size_t i
        cdef const fd_array *path = fd_batch_column(self.handle, 0)
        cdef const fd_array *error = fd_batch_column(self.handle, <size_t>self.scanner.names.index("error"))
        return [(cell(path, i), cell(error, i)) for i in range(fd_batch_rows(self.handle)) if self.outcomes[i] == FD_OUTCOME_FAILED]

    def __arrow_c_schema__(self):
        """The schema as a PyCapsule (Arrow PyCapsule interface)."""
        return self.scanner.schema_capsule()

    def __arrow_c_array__(self, requested_schema=None):
        """Schema and array as PyCapsules (Arrow PyCapsule interface); there is one schema, whatever is requested."""
        return self.scanner.schema_capsule(), array_capsule(self.handle)

    def __repr__(self):
        return f"<fastdicom.scan.Batch: {len(self)} rows, {len(self.scanner.names)} columns>"


# what C leaves to Python

cdef class Hooks:
    """What one thread that scans leaves to Python, and what went wrong there."""

    cdef int raise_failure(self) except -1:
        if self.failure is not None:
            failure, self.failure = self.failure, None
            raise failure
        return 0


cdef Hooks new_hooks(object decoder, uint64_t inflate_limit):
    cdef Hooks hooks = Hooks()
    hooks.decoder = decoder
    hooks.inflate_limit = inflate_limit
    return hooks


cdef void fill_hooks(fd_scan_hooks *hooks, Hooks context) noexcept:
    hooks.context = <void *>context
    hooks.decode, hooks.inflate, hooks.inflate_error, hooks.inflate_end = decode, inflate, inflate_error, inflate_end


cdef fd_status append_text(fd_array *items, str text) except *:
    cdef bytes raw = text.encode("utf-8", "replace")
    return fd_array_bytes(items, PyBytes_AS_STRING(raw), <size_t>PyBytes_GET_SIZE(raw))


cdef fd_status decode(void *context, const fd_text_value *value, fd_array *items, fd_buffer *remark) noexcept with gil:
    cdef Hooks self = <Hooks>context
    cdef fd_status status = FD_OK
    cdef bytes raw
    try:
        vr = chr(value.vr >> 8) + chr(value.vr & 0xFF)
        charset = (<const char *>value.charset)[:value.charset_length] if value.charset_length else b""
        texts, remarks = self.decoder(vr, (<const char *>value.data)[:value.length], charset, value.big, value.unsplit)
        for text in texts:
            status = append_text(items, text)
            if status != FD_OK:
                return status
        if remarks:
            raw = "; ".join(remarks).encode("utf-8", "replace")
            status = fd_buffer_append(remark, PyBytes_AS_STRING(raw), <size_t>PyBytes_GET_SIZE(raw))
        return status
    except MemoryError:
        return FD_MEMORY
    except ValueError:
        return FD_INVALID
    except BaseException as error:  # an interrupt, or a mistake of ours: the scan ends with it
        self.failure = error
        return FD_MEMORY


cdef bytes up_to_the_fault(stream, bytes data):
    """What comes out before the byte that breaks the stream: zlib gives nothing of a call that fails."""
    parts = []
    size = 256  # which inflates to what is asked for at once
    while size and data:
        before = stream.copy()
        try:
            parts.append(stream.decompress(data[:size], 1 << 20))
        except zlib.error:
            stream = before
            size //= 2
        else:
            data = data[size:]
    return b"".join(parts)


cdef class Inflater:
    """A deflated data set as it goes: only a window of the inflated bytes is kept.

    Forward it inflates and forgets; a step back behind the window begins anew. The size and the number of beginnings are
    limited, so that neither a bomb nor a file that makes the reader go back and forth takes forever.
    """

    cdef int begin(self, fd_input *out) except -1:
        """Back to the head of the file, which comes before the inflated bytes."""
        cdef const uint8_t *p
        self.passes += 1
        self.stream = zlib.decompressobj(self.wbits)
        self.read_to = self.start
        self.at_end = False
        out.size = <uint64_t>1 << 62
        self.window = bytearray()
        out.start = 0
        cdef uint64_t have = 0
        cdef size_t n
        while have < self.start:
            n = <size_t>min(self.start - have, <uint64_t>65536)
            p = fd_input_at(self.file, have, n)
            if p == NULL:
                break
            self.window += (<const char *>p)[:n]
            have += n
        self.publish(out)
        return 0

    cdef int publish(self, fd_input *out) except -1:
        cdef unsigned char[::1] view
        out.data = NULL
        if self.window:
            view = self.window
            out.data = &view[0]
        out.end = out.start + <uint64_t>len(self.window)
        return 0

    cdef bytes next_input(self):
        cdef uint64_t left = self.file.size - self.read_to if self.file.size > self.read_to else 0
        cdef size_t n = <size_t>left if left < <uint64_t>16384 else 16384
        cdef const uint8_t *p = fd_input_at(self.file, self.read_to, n) if n else NULL
        if p == NULL:
            return b""
        self.read_to += n
        return (<const char *>p)[:n]

    cdef int fill(self, fd_input *out, uint64_t offset, size_t want) except -1:
        cdef uint64_t target = offset + want
        if offset < out.start and self.passes < 8:
            self.begin(out)
        while out.end < target and not self.at_end:
            if self.stop != NULL and fd_flag_is_up(self.stop):
                raise InterruptedError
            if out.end - self.start > self.limit:
                self.too_large = True
                self.fail(f"the deflated data set is larger than {self.limit} bytes")
                break
            data = self.stream.unconsumed_tail or self.next_input()
            before = self.stream.copy()
            try:
                made = self.stream.decompress(data, 262144)
            except zlib.error as error:
                made = up_to_the_fault(before, data)
                self.fail(f"the deflated data set is broken ({error})")
            if not made and not self.at_end and (self.stream.eof or not data):
                if not self.stream.eof:
                    self.fail("the deflated data set is broken (it is cut off)")
                self.at_end = True
            if offset > out.end and len(self.window) > 1 << 20:  # nothing of the window is wanted any more
                out.start = out.end
                self.window = bytearray()
            self.window += made
            self.publish(out)
        if out.end < target:
            self.at_end = True
            out.size = out.end
        return 0

    cdef int fail(self, text) except -1:
        self.note(text)
        self.at_end = True
        return 0

    cdef int note(self, text) except -1:
        self.error = text.encode() if self.error is None or self.too_large else self.error + b"; " + text.encode()
        return 0

    cdef int start_as(self, int wbits, fd_input *out) except -1:
        """Try one kind of stream; whether anything came out."""
        self.wbits = wbits
        self.error = None
        self.begin(out)
        self.fill(out, self.start, 1)
        return out.end > self.start


cdef fd_status fill_inflated(fd_input *out, uint64_t offset, size_t want) noexcept with gil:
    cdef Hooks self = <Hooks>out.context
    try:
        self.inflater.fill(out, offset, want)
        return FD_OK
    except MemoryError:
        return FD_MEMORY
    except BaseException as error:
        self.failure = error
        return FD_IO


cdef fd_status inflate(void *context, fd_input *file, uint64_t offset, fd_input *out) noexcept with gil:
    cdef Hooks self = <Hooks>context
    cdef Inflater inflater
    try:
        inflater = Inflater()
        inflater.file = file
        inflater.start = offset
        inflater.limit = self.inflate_limit
        inflater.stop = self.stop
        self.inflater = inflater
        out.fill = fill_inflated
        out.context = context
        if inflater.start_as(-zlib.MAX_WBITS, out) or inflater.error is None:  # or a data set of nothing
            return FD_OK
        if not inflater.start_as(zlib.MAX_WBITS, out):  # PS3.5 A.5 wants none of it, some writers put it there
            return FD_INVALID
        inflater.note("a zlib header (RFC 1950) before the deflated data set was passed over")
        return FD_OK
    except BaseException as error:
        self.failure = error
        return FD_MEMORY


cdef const char *inflate_error(void *context, int *too_large) noexcept with gil:
    cdef Hooks self = <Hooks>context
    too_large[0] = 0
    if self.inflater is None or self.inflater.error is None:
        return NULL
    too_large[0] = self.inflater.too_large
    return PyBytes_AS_STRING(self.inflater.error)


cdef void inflate_end(void *context) noexcept with gil:
    (<Hooks>context).inflater = None


# the scanner

cdef class Scanner:
    """One run over files: give it paths, let it run, take its batches.

    Parameters
    ----------
    columns : sequence of Column
        See :mod:`fastdicom.scan.columns`; none for the long table.
    decoder : callable
        ``(vr, data, charset, big_endian, unsplit) -> (texts, remarks)`` for text that C does not decode.
    plain : bool
        No dictionaries in the long table.
    elements : bool
        The long table: a row an element.
    facts_only : bool
        Path, size and mtime; no file is opened.
    value_limit : int
        Bytes of the longest value in the long table.
    inflate_limit : int
        How many bytes a deflated data set (PS3.5 A.5) may inflate to; as in ``dcmread``.
    """

    def __cinit__(self):
        self.handle = NULL
        self.walk = NULL
        self.specs = NULL
        self.steps = NULL
        self.step_count = 0

    def __init__(self, columns, decoder, *, bint force=False, bint thorough=False, bint recursive=True, bint follow_links=False,
                 bint path_bytes=False, bint plain=False, bint elements=False, bint facts_only=False,
                 uint64_t value_limit=65536, size_t batch_size=32768, uint64_t inflate_limit=1 << 29):
        cdef fd_scan_hooks hooks
        cdef size_t i = 0
        if self.handle != NULL:
            raise RuntimeError("this scanner is made")
        columns = tuple(columns)
        self.hooks = new_hooks(decoder, inflate_limit)
        self.recursive, self.follow_links = recursive, follow_links
        self.kept = []
        self.specs = <fd_column_spec *>calloc(len(columns) + 1, sizeof(fd_column_spec))
        self.steps = <fd_step *>calloc(sum([len(column.path) for column in columns]) + 1, sizeof(fd_step))
        if self.specs == NULL or self.steps == NULL:
            raise MemoryError
        for column in columns:
            self.describe(&self.specs[i], column)
            i += 1
        self.count = i
        memset(&self.options, 0, sizeof(fd_scan_options))
        self.options.force, self.options.thorough, self.options.path_bytes = force, thorough, path_bytes
        self.options.plain, self.options.elements, self.options.value_limit = plain, elements, value_limit
        self.options.facts_only, self.options.batch_rows = facts_only, batch_size
        fill_hooks(&hooks, self.hooks)
        self.handle = fd_scanner_new(self.specs, self.count, &self.options, &hooks)
        self.walk = fd_walk_new(recursive, follow_links, False, NULL)
        if self.handle == NULL or self.walk == NULL:
            raise MemoryError
        cdef const fd_field *fields = fd_scanner_fields(self.handle)
        self.names = [(<bytes>fields[i].name).decode("utf-8") for i in range(fd_scanner_width(self.handle))]

    def __dealloc__(self):
        fd_scanner_free(self.handle)
        fd_walk_free(self.walk)
        free(self.specs)
        free(self.steps)

    cdef int describe(self, fd_column_spec *spec, column) except -1:
        name = column.name.encode("utf-8")
        metadata = arrow_metadata(column)
        creator = None if column.creator is None else column.creator.encode("utf-8")
        self.kept += [name, metadata, creator]
        spec.name = PyBytes_AS_STRING(name)
        spec.tag = column.tag
        spec.vr = vr_code(column.vr)
        spec.item = <fd_kind><int>KINDS["dictionary" if column.dictionary else column.item_kind]
        spec.kind = FD_KIND_LIST if column.multiple else <fd_kind><int>KINDS["dictionary" if column.dictionary else column.kind]
        spec.flags = column.flags
        spec.fact = <fd_fact><int>FACTS[column.fact]
        self.describe_path(spec, column.path)
        spec.metadata = PyBytes_AS_STRING(metadata)
        spec.metadata_length = <size_t>PyBytes_GET_SIZE(metadata)
        if creator is not None:
            spec.creator = PyBytes_AS_STRING(creator)
            spec.creator_length = <size_t>PyBytes_GET_SIZE(creator)
        return 0

    cdef int describe_path(self, fd_column_spec *spec, path) except -1:
        cdef fd_step *step
        spec.steps = &self.steps[self.step_count]
        spec.step_count = <size_t>len(path)
        for tag, creator, item in path:
            step = &self.steps[self.step_count]
            step.tag = tag
            step.item = FD_EVERY_ITEM if item is None else <uint32_t>item
            if creator is not None:
                name = creator.encode("utf-8")
                self.kept.append(name)
                step.creator = PyBytes_AS_STRING(name)
                step.creator_length = <size_t>PyBytes_GET_SIZE(name)
            self.step_count += 1
        return 0

    def give(self, bytes path not None):
        """A file or folder to visit, behind those given before."""
        if fd_walk_give(self.walk, PyBytes_AS_STRING(path), <size_t>PyBytes_GET_SIZE(path), FD_ENTRY_UNSEEN) != FD_OK:
            raise MemoryError

    def run(self, size_t files):
        """Visit up to `files` files without the GIL: MORE, FULL (take the batch) or END (of what was given)."""
        cdef fd_status status
        with nogil:
            status = fd_scanner_run(self.handle, self.walk, files)
        return self.checked(status)

    cdef int checked(self, fd_status status) except -1:
        self.hooks.raise_failure()
        if status == FD_OK or status == FD_END or status == FD_LIMIT:
            return <int>status
        raise MemoryError

    def visit(self, bytes path not None, uint64_t size, mtime, pieces not None):
        """One row of an object of which only pieces are at hand; None, or the span (from, to) of the bytes that it takes too.

        Parameters
        ----------
        path : bytes
            What stands in the column `path`.
        size : int
            The size of the whole object.
        mtime : int or None
            Microseconds since 1970, UTC.
        pieces : sequence of (int, bytes)
            Bytes and where they begin. Given again with what was missing, all of them.
        """
        cdef fd_object known = object_of(path, size, mtime)
        cdef fd_bytes found
        cdef size_t i = 0
        cdef fd_piece *c_pieces = <fd_piece *>calloc(<size_t>len(pieces) + 1, sizeof(fd_piece))
        if c_pieces == NULL:
            raise MemoryError
        try:
            for offset, data in pieces:
                c_pieces[i].offset = offset
                c_pieces[i].data = <const uint8_t *>PyBytes_AS_STRING(<bytes?>data)
                c_pieces[i].length = <size_t>PyBytes_GET_SIZE(data)
                i += 1
            status = fd_scanner_visit_bytes(self.handle, &known, c_pieces, i, &found)
        finally:
            free(c_pieces)
        self.checked(status)
        return (found.need, found.need_end) if status == FD_LIMIT else None

    def fail(self, bytes path not None, str error not None, size=None, mtime=None):
        """One row with an error; what is known of the object as in :meth:`visit`."""
        cdef fd_object known = object_of(path, size, mtime)
        cdef bytes text = error.encode("utf-8", "replace").replace(b"\0", b" ")
        self.checked(fd_scanner_fail(self.handle, &known, PyBytes_AS_STRING(text)))

    @property
    def full(self):
        """Must the batch be taken before the next visit?"""
        return bool(fd_scanner_is_full(self.handle))

    @property
    def rows(self):
        """Rows in the batch that is being filled."""
        return fd_scanner_rows(self.handle)

    def take(self):
        """The rows since the last take."""
        cdef Batch batch = Batch.__new__(Batch)
        batch.scanner = self
        batch.handle = fd_scanner_take(self.handle, &batch.outcomes)
        if batch.handle == NULL:
            raise MemoryError
        return batch

    @property
    def counts(self):
        """(files, read, not DICOM, failed, with notes), until now."""
        cdef const fd_scan_counts *c = fd_scanner_counts(self.handle)
        return c.files, c.read, c.not_dicom, c.failed, c.noted

    def schema_capsule(self):
        """The schema of the batches as a PyCapsule."""
        cdef ArrowSchema *schema = <ArrowSchema *>calloc(1, sizeof(ArrowSchema))
        if schema == NULL or fd_schema_export(fd_scanner_fields(self.handle), fd_scanner_width(self.handle), schema) != FD_OK:
            free(schema)
            raise MemoryError
        return PyCapsule_New(schema, "arrow_schema", release_schema_capsule)


cdef fd_object object_of(bytes path, size, mtime) except *:
    cdef fd_object known
    memset(&known, 0, sizeof(known))
    known.path = PyBytes_AS_STRING(path)
    known.path_length = <size_t>PyBytes_GET_SIZE(path)
    known.has_size = size is not None
    known.has_mtime = mtime is not None
    if size is not None:
        known.size = size
    if mtime is not None:
        known.mtime = mtime
    return known


# the engine

#: What Engine.wait answers besides a Batch and None.
HUNGRY = "hungry"
TIME = "time"

cdef unsigned PATIENCE = 700  # milliseconds for threads to end; what hangs longer in the system is left alone
cdef object LIVE = weakref.WeakSet()  # engines whose threads must not meet the end of the interpreter


@atexit.register
def _stop_all():
    for engine in list(LIVE):
        engine.close()


def is_remote(bytes path not None):
    """Whether a path lies on a file system of the network, or one that a program serves."""
    cdef const char *text = PyBytes_AS_STRING(path)
    cdef bint remote
    with nogil:
        remote = fd_os_is_remote(text)
    return remote


def exchange(bytes path not None, bytes other not None):
    """Let two names change places at once; False where the system cannot.

    Raises
    ------
    OSError
        It can, but not these.
    """
    cdef const char *text = PyBytes_AS_STRING(path)
    cdef const char *other_text = PyBytes_AS_STRING(other)
    cdef int code
    with nogil:
        code = fd_os_exchange(text, other_text)
    if code and code != ENOSYS:
        raise OSError(code, strerror(code), path, None, other)
    return code == 0


@cython.no_gc_clear  # the threads use what it holds until it is closed
cdef class Engine:
    """A run over files on several threads: give it paths, wait for batches, close it.

    Parameters
    ----------
    scanner : Scanner
        What to extract, and how to walk; it does not run itself.
    threads : int
        How many.
    ordered : bool
        The rows come in the order of the walk.
    look_ahead : bool, optional
        Open files before their turn, or never. None: those that come from a disk or a server, not those in memory.
    """

    def __cinit__(self):
        self.handle = NULL

    def __init__(self, Scanner scanner not None, *, size_t threads, bint ordered=False, look_ahead=None):
        cdef fd_engine_options options
        cdef fd_scan_hooks hooks
        cdef size_t i
        cdef Hooks worker
        if self.handle != NULL or threads < 1:
            raise ValueError("an engine is made once, with one thread at least")
        self.scanner = scanner
        self.threads = threads
        self.last_counts = (0, 0, 0, 0, 0)
        self.workers = [new_hooks(scanner.hooks.decoder, scanner.hooks.inflate_limit) for _ in range(threads)]
        options.threads, options.ordered = threads, ordered
        options.ahead = FD_AHEAD_COLD if look_ahead is None else FD_AHEAD_ALWAYS if look_ahead else FD_AHEAD_NEVER
        options.recursive, options.follow_links, options.scan = scanner.recursive, scanner.follow_links, scanner.options
        cdef void **contexts = <void **>calloc(threads, sizeof(void *))
        if contexts == NULL:
            raise MemoryError
        for i in range(threads):
            contexts[i] = <void *>self.workers[i]
        fill_hooks(&hooks, scanner.hooks)
        self.handle = fd_engine_new(scanner.specs, scanner.count, &options, &hooks, contexts)
        free(contexts)
        if self.handle == NULL:
            raise MemoryError
        for worker in self.workers:
            worker.stop = fd_engine_stopping(self.handle)
        # What the threads see must live as long as they do, which may be longer than this object
        Py_INCREF(self.workers)
        Py_INCREF(scanner)
        LIVE.add(self)
        if fd_engine_start(self.handle) != FD_OK:
            self.close()
            raise RuntimeError("the system has no thread left")

    def __dealloc__(self):
        self.close()

    cdef fd_engine *running(self) except NULL:
        if self.handle == NULL:
            raise ValueError("the scan was closed")
        if fd_engine_is_lost(self.handle):
            raise RuntimeError("a scan does not go on in a forked process: begin a new one there")
        return self.handle

    cdef int fail(self) except -1:
        cdef Hooks worker
        for worker in self.workers:
            worker.raise_failure()
        raise MemoryError

    def give(self, bytes path not None):
        """A file or folder to visit."""
        if fd_engine_give(self.running(), PyBytes_AS_STRING(path), <size_t>PyBytes_GET_SIZE(path)) != FD_OK:
            raise MemoryError

    def end(self):
        """Nothing more will be given."""
        fd_engine_close(self.running())

    @property
    def room(self):
        """How many paths may be given before the next wait."""
        return fd_engine_room(self.running())

    def wait(self, unsigned milliseconds):
        """Wait so long without the GIL: a Batch, HUNGRY (give more), TIME (it is up), or None at the end."""
        cdef fd_engine *handle = self.running()
        cdef fd_engine_answer answer
        if self.waiting:
            raise ValueError("another thread waits already")
        cdef fd_batch *found = NULL
        cdef uint8_t *outcomes = NULL
        cdef Batch batch
        self.waiting = True
        with nogil:
            answer = fd_engine_wait(handle, milliseconds, &found, &outcomes)
        self.waiting = False
        if answer == FD_ENGINE_BATCH:
            batch = Batch.__new__(Batch)
            batch.scanner = self.scanner
            batch.handle, batch.outcomes = found, outcomes
            return batch
        if answer == FD_ENGINE_FAILED:
            self.fail()
        return HUNGRY if answer == FD_ENGINE_HUNGRY else TIME if answer == FD_ENGINE_TIME else None

    @property
    def counts(self):
        """(files, read, not DICOM, failed, with notes), until now."""
        cdef fd_scan_counts c
        if self.handle == NULL or fd_engine_is_lost(self.handle):
            return self.last_counts
        c = fd_engine_counts(self.handle)
        return c.files, c.read, c.not_dicom, c.failed, c.noted

    def close(self):
        """Stop the threads. One that hangs in the system is left there, with what it needs."""
        cdef fd_engine *handle = self.handle
        cdef bint ended
        if handle == NULL:
            return
        if self.waiting:  # by another thread, at the end of the interpreter: it has to leave first
            fd_engine_stop(handle)
            return
        self.last_counts = self.counts
        self.handle = NULL
        with nogil:
            ended = fd_engine_free(handle, PATIENCE)
        if ended:
            Py_DECREF(self.workers)
            Py_DECREF(self.scanner)


# texts among texts

cdef class Held:
    """Texts of which a memory is held while they are looked at."""

    def __dealloc__(self):
        PyBuffer_Release(&self.offsets)
        PyBuffer_Release(&self.data)

    cdef int hold(self, tuple place) except -1:
        offsets, data, first_text, texts = place
        cdef size_t first = first_text, count = texts
        PyObject_GetBuffer(offsets, &self.offsets, PyBUF_SIMPLE)
        if data is not None:  # there is no text at all
            PyObject_GetBuffer(data, &self.data, PyBUF_SIMPLE)
        if count and (first + count + 1) > <size_t>self.offsets.len // sizeof(int64_t):
            raise ValueError(f"there are no {count} texts from the one with number {first}")
        self.texts.offsets = <const int64_t *>self.offsets.buf + first
        self.texts.count = count
        self.texts.data = <const uint8_t *>self.data.buf
        self.texts.length = 0 if data is None else <size_t>self.data.len
        return 0


def places(wanted, among, uint64_t seed):
    """Where each text is among others, as int64; -1: nowhere. What comes in the same order costs least.

    Parameters
    ----------
    wanted, among : tuple
        Offsets (int64) and bytes as Arrow keeps them, the number of the first text, and how many there are.
    seed : int
        What an enemy who chooses the texts does not know.
    """
    cdef Held sought = Held(), others = Held()
    cdef fd_status status
    sought.hold(wanted)
    others.hold(among)
    out = bytearray(sizeof(int64_t) * sought.texts.count)
    cdef int64_t *at = <int64_t *>PyByteArray_AS_STRING(out)
    with nogil:
        status = fd_match(&sought.texts, &others.texts, seed, at)
    if status == FD_INVALID:
        raise ValueError("offsets that leave the texts")
    if status != FD_OK:
        raise MemoryError
    return out


cdef uint16_t vr_code(str vr):
    """The 16-bit code of csrc/fd_vr.h; those of ambiguous VRs are in lower case there."""
    known = {"US or SS": "xs", "OB or OW": "ox", "US or OW": "uw", "US or SS or OW": "xw", "": "\0\0", "NONE": "\0\0"}
    pair = known.get(vr, vr)
    return <uint16_t>(ord(pair[0]) << 8 | ord(pair[1]))


def arrow_metadata(column):
    """Tag and VR of a column in the form of the Arrow C data interface: counts and lengths as native int32."""
    import sys

    out = bytearray()
    pairs = [(b"dicom.tag", column.tag_text.encode()), (b"dicom.vr", column.vr.encode())]
    out += len(pairs).to_bytes(4, sys.byteorder)
    for pair in pairs:
        for text in pair:
            out += len(text).to_bytes(4, sys.byteorder) + text
    return bytes(out)


# PyCapsules

cdef void release_schema_capsule(object capsule) noexcept:
    cdef ArrowSchema *schema = <ArrowSchema *>PyCapsule_GetPointer(capsule, "arrow_schema")
    if schema.release != NULL:
        schema.release(schema)
    free(schema)


cdef void release_array_capsule(object capsule) noexcept:
    cdef ArrowArray *array = <ArrowArray *>PyCapsule_GetPointer(capsule, "arrow_array")
    if array.release != NULL:
        array.release(array)
    free(array)


cdef void release_stream_capsule(object capsule) noexcept:
    cdef ArrowArrayStream *stream = <ArrowArrayStream *>PyCapsule_GetPointer(capsule, "arrow_array_stream")
    if stream.release != NULL:
        stream.release(stream)
    free(stream)


cdef object array_capsule(fd_batch *batch):
    cdef ArrowArray *array = <ArrowArray *>calloc(1, sizeof(ArrowArray))
    if array == NULL or fd_batch_export(batch, array) != FD_OK:
        free(array)
        raise MemoryError
    return PyCapsule_New(array, "arrow_array", release_array_capsule)


cdef class Stream:
    """What an exported stream holds: the batches to come, and the schema."""


cdef int stream_schema(ArrowArrayStream *stream, ArrowSchema *out) noexcept with gil:
    cdef Stream self = <Stream>stream.private_data
    return 0 if fd_schema_export(fd_scanner_fields(self.scanner.handle), fd_scanner_width(self.scanner.handle), out) == FD_OK else ENOMEM


cdef int stream_next(ArrowArrayStream *stream, ArrowArray *out) noexcept with gil:
    cdef Stream self = <Stream>stream.private_data
    cdef Batch batch
    memset(out, 0, sizeof(ArrowArray))  # a released array: the end
    try:
        batch = next(self.batches, None)
        if batch is None:
            return 0
        return 0 if fd_batch_export(batch.handle, out) == FD_OK else ENOMEM
    except KeyboardInterrupt:
        import _thread

        self.error = b"interrupted"
        _thread.interrupt_main()  # the consumer makes an error of its own out of ours; the interrupt must not be lost
        return EINTR
    except MemoryError:
        self.error = b"out of memory"
        return ENOMEM
    except BaseException as error:
        self.error = f"{type(error).__name__}: {error}".encode("utf-8", "replace")
        return EIO


cdef const char *stream_error(ArrowArrayStream *stream) noexcept with gil:
    cdef Stream self = <Stream>stream.private_data
    return NULL if self.error is None else PyBytes_AS_STRING(self.error)


cdef void drop_stream(Stream stream) noexcept with gil:
    Py_DECREF(stream)


cdef void release_stream(ArrowArrayStream *stream) noexcept nogil:
    if Py_IsInitialized():
        with gil:
            drop_stream(<Stream>stream.private_data)
    stream.release = NULL


def stream_capsule(Scanner scanner not None, batches):
    """An Arrow stream of the batches of an iterator, as a PyCapsule; `scanner` gives the schema."""
    cdef Stream held = Stream()
    held.batches = iter(batches)
    held.scanner = scanner
    cdef ArrowArrayStream *stream = <ArrowArrayStream *>malloc(sizeof(ArrowArrayStream))
    if stream == NULL:
        raise MemoryError
    stream.get_schema = stream_schema
    stream.get_next = stream_next
    stream.get_last_error = stream_error
    stream.release = <void (*)(ArrowArrayStream *) noexcept>release_stream
    stream.private_data = <void *>held
    Py_INCREF(held)
    return PyCapsule_New(stream, "arrow_array_stream", release_stream_capsule)
