# cython: nonecheck=True
"""The objects over csrc: where bytes come from (Source), what a data set holds (Index), one element (DataElement), the items
of a sequence (Items).

Plain, well-formed values are decoded here; everything else goes to the `_decode` of the subclass, which knows the rules for
text in other character sets and for values that do not fit their VR. The two must agree: a test holds them together.
"""

import errno
import os
import sys
import warnings

from fastdicom.errors import DicomWarning, LimitError, NotDicomError, ParseError, TruncatedError
from fastdicom.tag import Tag
from fastdicom.uid import UID

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.buffer cimport PyBUF_WRITABLE, PyBuffer_FillInfo, PyBuffer_Release, PyObject_GetBuffer
from cpython.dict cimport PyDict_GetItemWithError
from cpython.memoryview cimport PyMemoryView_GET_BUFFER
from cpython.object cimport PyObject, PyObject_GenericGetAttr
from cpython.unicode cimport PyUnicode_DecodeASCII
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memchr, memcpy

from fastdicom.dictionary._tables cimport private_vr_of, tag_of, vr_of

cdef extern from "Python.h":
    int PyGC_Disable()
    int PyGC_Enable()
    double PyOS_string_to_double(const char *s, char **endptr, PyObject *overflow) except? -1.0
    const char *PyUnicode_AsUTF8AndSize(object s, Py_ssize_t *size) except NULL
    Py_UCS4 PyUnicode_READ_CHAR(object s, Py_ssize_t i)

cdef enum:
    HEAD_SIZE = 16384       # the first read; most headers end within
    WHOLE_SIZE = 65536      # files up to this size are read whole
    HEAD_LIMIT = 1 << 20    # the head grows up to this while elements go on behind it
    MAP_FROM = 16384        # shorter values behind the head are copied, longer ones are views on the map
    KEEP_LIMIT = 1 << 26    # sequences up to this size are read into memory when touched

# How many files are open at the moment for data sets whose end has not been read; see Source.open_file.
cdef int open_files = 0
cdef int open_files_budget = fd_file_budget()

cdef str PACKAGE = os.path.dirname(__file__) + os.sep


cdef object raise_error(fd_error *error, object path):
    """The one place where an fd_error becomes an exception."""
    if error.status == FD_MEMORY:
        raise MemoryError
    if error.status == FD_IO:
        text = "not a regular file" if error.os_errno == errno.EINVAL else os.strerror(error.os_errno)
        raise OSError(error.os_errno, text, path)
    cdef object tag = Tag(error.tag) if error.tag else None
    cdef str reason = error.reason.decode() if error.reason != NULL else "unreadable"
    cdef object offset = error.offset if error.offset else None
    if error.status == FD_NOT_DICOM:
        raise NotDicomError(reason, tag, offset, path)
    if error.status == FD_TRUNCATED:
        raise TruncatedError(reason, tag, offset, path)
    if error.status == FD_LIMIT:
        raise LimitError(reason)
    raise ParseError(reason, tag, offset, path)


cdef class Map:
    """A file mapped read-only; unmapped when the last view on it is gone."""

    cdef void *address
    cdef uint64_t size

    def __getbuffer__(self, Py_buffer *buffer, int flags):
        PyBuffer_FillInfo(buffer, self, self.address, <Py_ssize_t>self.size, 1, flags)

    def __dealloc__(self):
        if self.address != NULL:
            fd_file_unmap(self.address, self.size)


cdef fd_status fill_from_source(fd_input *input, uint64_t offset, size_t want) noexcept:
    return (<Source>input.context).fill(offset, want)


cdef class Source:
    """Where the bytes of a file come from: memory, or a file whose head is in memory and whose rest is read when touched.

    The parser never reads from the map: what lies behind the head it reads into buffers, so that a file truncated
    meanwhile ends in an error, not in a signal. The map is made for views on long values only.
    """

    def __cinit__(self):
        self.file.fd = -1
        self.input.context = <void *>self
        self.chunks = []
        self.old_heads = []
        self.warned_texts = set()

    def __dealloc__(self):
        global open_files
        if self.counted:
            open_files -= 1
        fd_file_close(&self.file)
        free(self.window)

    @staticmethod
    def from_path(path, bint may_map=True):
        """A Source on a file; its head is read, the file stays open as long as something behind the head may be asked."""
        cdef Source source = Source.__new__(Source)
        source.open_file(path, may_map)
        return source

    @staticmethod
    def from_descriptor(int fd, path=None, bint may_map=True):
        """A Source on an open file, by a duplicate of its descriptor."""
        cdef Source source = Source.__new__(Source)
        source.path = path
        source.file.fd = os.dup(fd)
        source.file.size = fd_file_size_now(&source.file)
        source.start_file(may_map, True)
        return source

    @staticmethod
    def from_buffer(buffer, path=None, uint64_t base=0):
        """A Source on bytes in memory, whose first byte has the offset `base`."""
        cdef Source source = Source.__new__(Source)
        source.path = path
        source.hold(memoryview(buffer).cast("B"), base)
        source.input.size = source.held
        return source

    cdef int hold(self, object view, uint64_t base) except -1:
        self.memory = view if view.readonly else view.toreadonly()
        self.data = <const uint8_t *>PyMemoryView_GET_BUFFER(self.memory).buf
        self.base = base
        self.held = base + <uint64_t>PyMemoryView_GET_BUFFER(self.memory).len
        self.input.data = self.data
        self.input.start = base
        self.input.end = self.held
        return 0

    cdef int open_file(self, object path, bint may_map) except -1:
        cdef fd_error error
        cdef fd_status status
        self.name = os.fsencode(path)
        cdef const char *raw = self.name
        self.path = os.fspath(path)
        if b"\0" in self.name:
            raise ValueError("embedded null byte in a path")
        with nogil:
            status = fd_file_open(raw, &self.file, &error)
        if status != FD_OK:
            raise_error(&error, path)
        return self.start_file(may_map, False)

    cdef int start_file(self, bint may_map, bint only_this) except -1:
        global open_files
        self.may_map = may_map
        self.readers = 1
        self.input.size = self.file.size
        self.input.fill = fill_from_source
        self.read_head(self.file.size if self.file.size <= WHOLE_SIZE else HEAD_SIZE, True)
        if self.held >= self.file.size:
            self.input.fill = NULL
        elif only_this or open_files < open_files_budget:
            open_files += 1
            self.counted = True
        else:  # reopened when something behind the head is asked, wherever the process has gone meanwhile
            self.name = os.path.abspath(self.name)
        self.release()
        return 0

    cdef int acquire(self) except -1:
        """Have the file open; each acquire wants its release. A file that was closed to save handles is opened again."""
        cdef fd_error error
        cdef fd_file again
        if self.file.fd < 0:
            if self.closed:
                raise ValueError(f"{self.path}: the file is closed, and this was not read before")
            if fd_file_open(self.name, &again, &error) != FD_OK:
                raise_error(&error, self.path)
            if not fd_file_same(&again, &self.file):
                fd_file_close(&again)
                raise TruncatedError("the file was changed or replaced after it was opened; mmap=False does not help, open it again",
                                     None, None, self.path)
            self.file = again
        self.readers += 1
        return 0

    cdef void release(self):
        self.readers -= 1
        if self.readers == 0 and (self.closed or not self.counted):
            fd_file_close(&self.file)

    cdef int read_head(self, uint64_t size, bint first) except -1:
        cdef fd_error error
        cdef fd_status status
        cdef size_t got = 0
        cdef bytes head = PyBytes_FromStringAndSize(NULL, <Py_ssize_t>size)
        cdef char *out = PyBytes_AS_STRING(head)
        if first:
            with nogil:
                status = fd_file_read(&self.file, 0, out, <size_t>size, &got, &error)
        else:  # the parser waits for it: another thread must not come to the same index meanwhile
            status = fd_file_read(&self.file, 0, out, <size_t>size, &got, &error)
        if status != FD_OK:
            raise_error(&error, self.path)
        if got < size:  # it was truncated since it was opened
            head = head[:got]
            self.input.size = self.file.size = got
        view = memoryview(head)
        if self.memory is not None:  # nothing that could run other Python code between these two
            self.old_heads.append(self.memory)
        self.hold(view, 0)
        return 0

    cdef bint make_map(self) except -1:
        cdef Map map
        if self.map_view is None and self.may_map:
            self.acquire()
            try:
                map = Map.__new__(Map)
                map.address = fd_file_map(&self.file)
                map.size = self.file.size
                if map.address != NULL:
                    self.map_view = memoryview(map)
            finally:
                self.release()
        return self.map_view is not None

    def close(self):
        """Close the file. What is in memory stays readable, and so do views on the map."""
        global open_files
        self.closed = True
        self.map_view = None
        if self.counted:
            self.counted = False
            open_files -= 1
        if self.readers == 0:
            fd_file_close(&self.file)

    cdef fd_status fill(self, uint64_t offset, size_t want) noexcept:
        """Bring `want` bytes at `offset` into the parser's window: from memory if they are there, else read."""
        cdef fd_status status
        # Elements that go on behind the window, or a jump over a value or a fragment?
        cdef bint onward = self.input.end <= offset + want and offset <= self.input.end + 4096
        if self.locate(offset, want) != NULL:
            if self.base <= offset <= self.held and self.held - offset >= want:
                self.input.data, self.input.start, self.input.end = self.data, self.base, self.held
            else:
                self.input.data, self.input.start, self.input.end = self.chunk, self.chunk_start, self.chunk_end
            return FD_OK
        cdef int collecting = PyGC_Disable()  # a finalizer could come back to the index that is being made
        try:
            self.acquire()
            try:
                status = self.fill_window(offset, want, onward)
            finally:
                self.release()
        except (OSError, ValueError, MemoryError) as error:
            self.failure = error
            status = FD_IO
        if collecting:
            PyGC_Enable()
        return status

    cdef int check(self, fd_status status) except -1:
        """Raise what went wrong in the parser, or in what it read from."""
        failure, self.failure = self.failure, None
        if status == FD_MEMORY:
            raise MemoryError
        if failure is not None:
            raise failure
        return 0

    cdef fd_status fill_window(self, uint64_t offset, size_t want, bint onward) except *:
        cdef fd_error error
        cdef size_t got = 0, room = 262144 if onward else 4096
        if onward and offset <= self.held and self.held < HEAD_LIMIT:  # a header longer than usual: a larger head
            self.read_head(min(self.input.size, max(4 * self.held, offset + want)), False)
            if self.held >= offset and self.held - offset >= want:
                return FD_OK
        if offset < self.input.size and room > self.input.size - offset:
            room = <size_t>(self.input.size - offset)  # asking past the end costs one more read, to learn that it is the end
        if room < want:
            room = want
        # the window is about to be overwritten: should that fail, it must not be taken for what it was
        self.input.data, self.input.start, self.input.end = self.data, self.base, self.held
        if room > self.window_room:
            free(self.window)
            self.window_room = 0
            self.window = <uint8_t *>malloc(room)
            if self.window == NULL:
                raise MemoryError
            self.window_room = room
        if fd_file_read(&self.file, offset, self.window, room, &got, &error) != FD_OK:
            raise_error(&error, self.path)
        if got < want:  # truncated since it was opened
            self.input.size = offset + got
        self.input.data, self.input.start, self.input.end = self.window, offset, offset + got
        return FD_OK

    cdef const uint8_t *locate(self, uint64_t offset, uint64_t length) noexcept:
        """The bytes, if they are in memory and stay there; else NULL."""
        if self.base <= offset <= self.held and self.held - offset >= length:
            return self.data + (offset - self.base)
        if self.chunk_start <= offset <= self.chunk_end and self.chunk_end - offset >= length:
            return self.chunk + (offset - self.chunk_start)
        cdef Py_ssize_t i = self.chunk_before(offset)
        if i < 0:
            return NULL
        cdef tuple known = <tuple>self.chunks[i]
        cdef uint64_t start = known[0], end = start + <uint64_t>len(<bytes>known[1])
        if end < offset or end - offset < length:
            return NULL
        self.chunk, self.chunk_start, self.chunk_end = <const uint8_t *>PyBytes_AS_STRING(<bytes>known[1]), start, end
        return self.chunk + (offset - start)

    cdef Py_ssize_t chunk_before(self, uint64_t offset) noexcept:
        """The place of the last chunk that starts at `offset` or before; -1: there is none."""
        cdef Py_ssize_t low = 0, high = len(self.chunks), middle
        while low < high:
            middle = (low + high) // 2
            if <uint64_t>(<tuple>self.chunks[middle])[0] <= offset:
                low = middle + 1
            else:
                high = middle
        return low - 1

    cdef int check_size(self, uint64_t offset, uint64_t length, uint32_t tag) except -1:
        if offset > self.input.size or self.input.size - offset < length:
            raise TruncatedError("the file ends inside the value", Tag(tag), self.input.size, self.path)
        return 0

    cdef object fetch(self, uint64_t offset, uint64_t length, uint32_t tag):
        """The bytes, read now (bytes)."""
        cdef fd_error error
        cdef fd_status status
        cdef size_t got = 0
        cdef bytes out
        cdef char *target
        self.check_size(offset, length, tag)
        self.acquire()
        try:
            out = PyBytes_FromStringAndSize(NULL, <Py_ssize_t>length)
            target = PyBytes_AS_STRING(out)
            with nogil:
                status = fd_file_read(&self.file, offset, target, <size_t>length, &got, &error)
        finally:
            self.release()
        if status != FD_OK:
            raise_error(&error, self.path)
        if got < length:
            raise TruncatedError(
                f"the file was truncated after it was opened: value of {length} bytes, {got} are left", Tag(tag), offset, self.path
            )
        return out

    cdef int keep(self, uint64_t offset, uint64_t length, uint32_t tag) except -1:
        """Read [offset, offset + length) into memory for good, if it is not there and not too long."""
        if length == 0 or length > KEEP_LIMIT or self.locate(offset, length) != NULL:
            return 0
        value = self.fetch(offset, length, tag)
        self.chunks.insert(self.chunk_before(offset) + 1, (offset, value))
        return 0

    cdef object view_of(self, uint64_t offset, uint64_t length, uint32_t tag):
        """A read-only memoryview of the bytes: of memory, of the map, or of a copy where there is no map."""
        if self.base <= offset <= self.held and self.held - offset >= length:
            return self.memory[offset - self.base:offset - self.base + length]
        cdef Py_ssize_t i = self.chunk_before(offset)
        if i >= 0:
            start, chunk = self.chunks[i]
            if length <= <uint64_t>len(chunk) and offset - start <= <uint64_t>len(chunk) - length:
                return memoryview(chunk)[offset - start:offset - start + length]
        self.check_size(offset, length, tag)
        if length >= MAP_FROM and self.make_map():
            self.acquire()
            try:
                now = fd_file_size_now(&self.file)
            finally:
                self.release()
            if now < offset + length:
                raise TruncatedError(
                    f"the file was truncated after it was opened: {now} bytes are left", Tag(tag), offset, self.path
                )
            return self.map_view[offset:offset + length]
        return memoryview(self.fetch(offset, length, tag))

    def view(self, uint64_t offset, uint64_t length):
        """A read-only memoryview of `length` bytes at `offset`."""
        return self.view_of(offset, length, 0)

    def read(self, uint64_t offset, uint64_t length):
        """The same bytes, but never of the map: what our own C code may read even when the file shrinks meanwhile."""
        if self.locate(offset, length) != NULL:
            return self.view_of(offset, length, 0)
        return memoryview(self.fetch(offset, length, 0))

    cdef int read_at(self, uint64_t offset, void *out, size_t size, uint32_t tag) except -1:
        """Copy `size` bytes at `offset`: from memory, or without the GIL from the file."""
        cdef fd_error error
        cdef fd_status status
        cdef size_t got = 0
        cdef const uint8_t *p = self.locate(offset, size)
        if p != NULL:
            memcpy(out, p, size)
            return 0
        self.check_size(offset, size, tag)
        self.acquire()
        try:
            with nogil:
                status = fd_file_read(&self.file, offset, out, size, &got, &error)
        finally:
            self.release()
        if status != FD_OK:
            raise_error(&error, self.path)
        if got < size:
            raise TruncatedError("the file was truncated after it was opened", Tag(tag), offset, self.path)
        return 0

    def read_into(self, uint64_t offset, out, uint32_t tag=0):
        """Fill the writable buffer `out` with the bytes at `offset`, without the GIL where they are read from the file."""
        cdef Py_buffer buffer
        PyObject_GetBuffer(out, &buffer, PyBUF_WRITABLE)
        try:
            self.read_at(offset, buffer.buf, <size_t>buffer.len, tag)
        finally:
            PyBuffer_Release(&buffer)

    cdef int notes(self, fd_cursor *cursor) except -1:
        cdef uint32_t fresh = cursor.notes & ~self.warned
        if not fresh:
            return 0
        self.warned |= fresh
        for i in range(FD_NOTE_KINDS):
            if fresh >> i & 1:
                tag = Tag(cursor.where[i].tag)
                self.warn(f"{tag} at 0x{cursor.where[i].offset:X}: {fd_note_text(<unsigned>i).decode()}")
        return 0

    def warn(self, str text, kind=None):
        """Give a DicomWarning, unless the source has given one of this kind."""
        kind = text if kind is None else kind
        if kind in self.warned_texts:
            return
        self.warned_texts.add(kind)
        if self.quiet:
            return
        where = f"{os.fsdecode(self.path)}: " if self.path is not None else ""
        cdef int level = 1
        frame = sys._getframe(0)  # compiled code has no frames: this is the nearest Python one
        while frame is not None and frame.f_code.co_filename.startswith(PACKAGE):
            frame = frame.f_back
            level += 1
        warnings.warn(where + text, DicomWarning, stacklevel=level)

    @property
    def has_notes(self):
        """Whether there was something to be warned of, said or not."""
        return bool(self.warned_texts)

    @property
    def size(self):
        """The number of bytes of the file."""
        return self.input.size

    @property
    def mapped(self):
        """Whether the file is mapped at the moment."""
        return self.map_view is not None


cdef enum:
    TAG_CHARSET = 0x00080005
    TAG_BITS_ALLOCATED = 0x00280100
    TAG_PIXEL_REPRESENTATION = 0x00280103
    TAG_LUT_DESCRIPTOR = 0x00283002
    TAG_WAVEFORM_BITS_ALLOCATED = 0x54001004


cdef inline bint is_lut_descriptor(uint32_t tag) noexcept:
    return tag == TAG_LUT_DESCRIPTOR or 0x00281101 <= tag <= 0x00281103


cdef inline bint is_big(const fd_element *e) noexcept:
    """Is the value in big endian? UN never is, whatever the transfer syntax (PS3.5 6.2.2, note 3)."""
    return e.flags & FD_ELEMENT_BIG and e.vr != FD_VR_UN


cdef int key_of(object key, uint32_t *tag) except -1:
    """A tag from a keyword, a number, a pair, or eight hex digits. 0: a string that is no keyword."""
    cdef Py_ssize_t n
    cdef const char *text
    if isinstance(key, str):
        if not key.isascii():  # no keyword, and perhaps nothing that UTF-8 can say
            return 0
        text = PyUnicode_AsUTF8AndSize(key, &n)
        if tag_of(text, <size_t>n, tag):
            return 1
        if n in (8, 9, 11):  # ggggeeee, gggg,eeee, (gggg,eeee)
            try:
                tag[0] = <uint32_t>Tag(key)
                return 1
            except ValueError:
                return 0
        return 0
    if not isinstance(key, int) and hasattr(key, "__index__"):
        key = key.__index__()
    if isinstance(key, int):
        if not 0 <= key <= 0xFFFFFFFF:
            raise ValueError(f"a tag is a number from 0 to 0xFFFFFFFF, not {key}")
        tag[0] = <uint32_t>key
        return 1
    if isinstance(key, tuple):
        tag[0] = <uint32_t>Tag(key)
        return 1
    raise TypeError(f"a tag is a keyword, an int, or a pair (group, element), not {type(key).__name__}")


cdef class Index:
    """The elements of one data set: found in one pass, decoded when asked, kept when decoded.

    The subclass says what the core does not know: `_decode` for values that are not plain, `_charset`, `_person_name`,
    `_sequence_type`.
    """

    def __cinit__(self):
        self.values = {}
        self.max_depth = 64
        self.outer_representation = -1
        self.ix.complete = True  # and empty, until it is opened

    def __dealloc__(self):
        if self.opened:
            fd_index_close(&self.ix)

    cdef int open(self, uint64_t start, uint64_t stop, bint implicit, bint big, fd_place place) except -1:
        self.start, self.stop, self.place = start, stop, place
        self.told_implicit, self.told_big = implicit, big
        self.opened = True
        self.source.check(fd_index_open(&self.ix, &self.source.input, start, stop, implicit, big, place))
        if self.ix.cursor.notes:
            self.source.notes(&self.ix.cursor)
        return 0

    cdef int complete(self) except -1:
        if self.ix.complete:
            return 0
        if self.busy:  # reading can end in Python code (errors, the garbage collector), and that in another thread
            raise RuntimeError("this data set is being read at the moment")
        self.busy = True
        try:
            self.source.check(fd_index_complete(&self.ix))
        finally:
            self.busy = False
        if self.ix.cursor.notes & (FD_NOTE_ORDER | FD_NOTE_DUPLICATE):
            self.values.clear()  # the last of two counts, and it may have come just now
        if self.ix.cursor.notes:
            self.source.notes(&self.ix.cursor)
        return 0

    cdef Py_ssize_t find(self, uint32_t tag) except -2:
        """The position of an element. What was not found before encapsulated pixel data is looked for behind them."""
        cdef Py_ssize_t i = fd_index_find(&self.ix, tag)
        if i < 0 and not self.ix.complete:
            self.complete()
            i = fd_index_find(&self.ix, tag)
        return i

    cdef long small_number(self, uint32_t tag, long otherwise):
        """A US element that the core itself needs, as indexed so far."""
        cdef Py_ssize_t i = fd_index_find(&self.ix, tag)
        cdef const uint8_t *p
        cdef fd_element e
        if i < 0 or self.ix.elements[i].length < 2:
            return otherwise
        e = self.ix.elements[i]  # a copy: the array may move while the GIL is released
        p = self.source.locate(e.offset, 2)
        if p == NULL:
            try:
                raw = self.source.fetch(e.offset, 2, tag)
            except (ParseError, OSError, ValueError):
                return otherwise
            p = <const uint8_t *>PyBytes_AS_STRING(raw)
        return fd_load16(p, e.flags & FD_ELEMENT_BIG)

    cdef int representation(self):
        """Pixel Representation of this data set, or of the one around it; -1 when neither says."""
        return <int>self.small_number(TAG_PIXEL_REPRESENTATION, self.outer_representation)

    cdef uint16_t private_vr(self, uint32_t tag) except? 0xFFFF:
        """PS3.5 7.8.1: element (gggg,xxyy) belongs to the creator in (gggg,00xx)."""
        cdef const uint8_t *p
        cdef Py_ssize_t i
        cdef fd_element creator
        if not tag & 0xFF00:
            return FD_VR_LO if (tag & 0xFF) >= 0x10 else FD_VR_UN
        i = fd_index_find(&self.ix, (tag & 0xFFFF0000) | (tag >> 8 & 0xFF))
        if i < 0:
            return FD_VR_UN
        creator = self.ix.elements[i]  # a copy: the array may move while the GIL is released
        if creator.length == 0 or creator.length > 256:
            return FD_VR_UN
        p = self.source.locate(creator.offset, creator.length)
        if p == NULL:
            raw = self.source.fetch(creator.offset, creator.length, creator.tag)
            p = <const uint8_t *>PyBytes_AS_STRING(raw)
        return self.known_private(p, creator.length, tag)

    cdef uint16_t known_private(self, const uint8_t *creator, uint64_t n, uint32_t tag):
        while n and (creator[n - 1] == 0x20 or creator[n - 1] == 0):
            n -= 1
        cdef uint16_t vr = private_vr_of(<const char *>creator, <size_t>n, tag)
        return vr if vr != FD_VR_NONE else FD_VR_UN

    cdef bint has_items(self, const fd_element *e) except -1:
        """Does the value look like items? (An empty one may be a sequence.)"""
        cdef const uint8_t *p
        if e.length < 8:
            return e.length == 0
        p = self.source.locate(e.offset, 4)
        if p == NULL:
            raw = self.source.fetch(e.offset, 4, e.tag)
            p = <const uint8_t *>PyBytes_AS_STRING(raw)
        return fd_load_tag(p, False) == FD_TAG_ITEM or fd_load_tag(p, True) == FD_TAG_ITEM

    cdef uint16_t resolve(self, const fd_element *e) except? 0xFFFF:
        """The VR to read the value with: as written, else as the dictionary and the context say."""
        cdef uint16_t vr = e.vr
        cdef bint private = e.tag >> 16 & 1
        if vr != FD_VR_NONE and vr != FD_VR_UN and fd_vr_is_known(vr):
            return vr
        if e.flags & FD_ELEMENT_UNDEFINED and not e.flags & FD_ELEMENT_ENCAPSULATED:
            return FD_VR_SQ  # CP-246: UN of undefined length is a sequence
        if not e.tag & 0xFFFF and e.length == 4:
            return FD_VR_UL  # PS3.5 7.2: group length, which private groups have too
        if private:
            vr = self.private_vr(e.tag)
            if vr == FD_VR_SQ and not self.has_items(e):
                return FD_VR_UN
        else:
            vr = vr_of(e.tag)
            if vr == FD_VR_NONE or (vr == FD_VR_SQ and e.vr == FD_VR_UN and not self.has_items(e)):
                return FD_VR_UN
        if vr == FD_VR_OB_OW or vr == FD_VR_US_SS or vr == FD_VR_US_OW or vr == FD_VR_US_SS_OW:
            return self.by_context(e, vr)
        return vr

    cdef uint16_t by_context(self, const fd_element *e, uint16_t vr):
        """Which of two VRs (PS3.5 A.1 and 8.1.2, PS3.3 C.7.6.3.1.1 and C.11.1.1.1)."""
        cdef bint implicit = e.flags & FD_ELEMENT_IMPLICIT
        if vr == FD_VR_US_SS:
            return FD_VR_SS if self.representation() == 1 else FD_VR_US
        if vr == FD_VR_US_OW:  # LUT Data: one entry is a number
            return FD_VR_US if self.small_number(TAG_LUT_DESCRIPTOR, 0) == 1 else FD_VR_OW
        if vr == FD_VR_US_SS_OW:
            return FD_VR_OW
        if e.tag == FD_TAG_PIXEL_DATA:
            if e.flags & FD_ELEMENT_UNDEFINED:
                return FD_VR_OB
            return FD_VR_OW if implicit or self.small_number(TAG_BITS_ALLOCATED, 16) > 8 else FD_VR_OB
        if implicit or e.tag >> 24 == 0x60:
            return FD_VR_OW
        return FD_VR_OW if self.small_number(TAG_WAVEFORM_BITS_ALLOCATED, 16) > 8 else FD_VR_OB

    cdef object value_at(self, Py_ssize_t i):
        """The value of the element at position i, decoded once."""
        cdef object key = self.ix.elements[i].tag
        cdef PyObject *known = PyDict_GetItemWithError(self.values, key)
        if known != NULL:
            return <object>known
        if self.ix.elements[i].length == FD_UNDEFINED:
            self.complete()
            i = fd_index_find(&self.ix, key)
        cdef fd_element e = self.ix.elements[i]
        cdef object value = self.decode(&e, self.resolve(&e))
        self.values[key] = value
        return value

    cdef object decode(self, const fd_element *e, uint16_t vr):
        cdef const uint8_t *p
        cdef object value, raw = None
        cdef int kind = value_kind(vr)
        cdef bint big = is_big(e)
        if e.flags & FD_ELEMENT_CUT and kind != KIND_SEQUENCE and not self.source.warned & (FD_NOTE_CUT | FD_NOTE_NO_DELIMITER):
            self.source.warn(
                f"{Tag(e.tag)} at 0x{e.offset:X}: the value ends after {e.length} bytes, the end of the data set: what there is was kept", "cut"
            )
        if kind == KIND_SEQUENCE:
            return self._sequence(self.items_of(e))
        if e.length == 0:
            if kind != KIND_TEXT or vr == FD_VR_DS or vr == FD_VR_IS:
                return None
            return UID("") if vr == FD_VR_UI else self._person_name("") if vr == FD_VR_PN else ""
        if kind == KIND_BINARY:
            return self.source.view_of(e.offset, e.length, e.tag)
        p = self.source.locate(e.offset, e.length)
        if p == NULL:
            raw = self.source.fetch(e.offset, e.length, e.tag)
            p = <const uint8_t *>PyBytes_AS_STRING(raw)
        if kind == KIND_NUMBER:
            value = numbers(p, e.length, vr, big)
        else:
            value = self.plain_text(p, e.length, vr)
        if value is None:
            if raw is None:
                raw = self.source.view_of(e.offset, e.length, e.tag)
            value = self._decode(vr_name(vr), raw, bool(big), e.tag, e.offset)
        if is_lut_descriptor(e.tag) and type(value) is list and type(value[0]) is int and value[0] < 0:
            value[0] += 65536  # PS3.3 C.11.1.1: the first value counts entries and is never negative, whatever its VR
        return value

    cdef object plain_text(self, const uint8_t *p, uint64_t n, uint16_t vr):
        """A value of printable ASCII, as nearly all are; None: not plain, ask _decode."""
        if vr == FD_VR_IS:
            return integers(p, n)
        if vr == FD_VR_DS:
            return decimals(p, n)
        cdef object value = strings(p, n, vr)
        if value is None:
            return None
        if vr == FD_VR_UI:
            return UID(value) if type(value) is str else [UID(part) for part in value]
        if vr == FD_VR_PN:
            return self._person_name(value) if type(value) is str else [self._person_name(part) for part in value]
        return value

    cdef Items items_of(self, const fd_element *e):
        cdef Items items = Items.__new__(Items)
        items.kind = type(self)
        items.depth = self.depth + 1
        items.max_depth = self.max_depth
        items.representation = self.representation()
        items.charset = self._charset()
        items.read(self, e)
        return items

    cdef DataElement element_at(self, Py_ssize_t i):
        cdef DataElement element
        cdef uint32_t tag = self.ix.elements[i].tag
        if self.ix.elements[i].length == FD_UNDEFINED:
            self.complete()
            i = fd_index_find(&self.ix, tag)
        element = DataElement.__new__(DataElement)
        element.owner = self
        element.e = self.ix.elements[i]
        element.vr = self.resolve(&element.e)
        return element

    # What Python sees

    def __getattribute__(self, name):
        cdef uint32_t tag
        cdef Py_ssize_t n, i
        cdef const char *text
        cdef Py_UCS4 first = PyUnicode_READ_CHAR(name, 0) if name else 0
        if not u"A" <= first <= u"Z" or not name.isascii():  # keywords start with a capital, the names of this class do not
            return PyObject_GenericGetAttr(self, name)
        text = PyUnicode_AsUTF8AndSize(name, &n)
        if tag_of(text, <size_t>n, &tag):
            i = self.find(tag)
            if i >= 0:
                return self.value_at(i)
            raise AttributeError(f"this data set has no {name} {Tag(tag)}", name=name, obj=self)
        return PyObject_GenericGetAttr(self, name)

    def __getitem__(self, key):
        cdef uint32_t tag = 0
        cdef Py_ssize_t i = -1
        if isinstance(key, slice):
            return self._slice(key)
        if key_of(key, &tag):
            i = self.find(tag)
        if i < 0:
            raise KeyError(key if isinstance(key, str) else Tag(tag))
        return self.element_at(i)

    def __contains__(self, key):
        cdef uint32_t tag = 0
        if not key_of(key, &tag):
            return False
        return self.find(tag) >= 0

    def get(self, key, default=None):
        """The value of a keyword, or the DataElement of a tag; `default` when the data set has none.

        Parameters
        ----------
        key : str, int or tuple
            A keyword gives the value; a number, a pair or eight hex digits give the DataElement.
        default : object
            What to return for an absent element.
        """
        cdef uint32_t tag = 0
        cdef Py_ssize_t n, i
        cdef const char *text
        if not key_of(key, &tag):
            return default
        i = self.find(tag)
        if i < 0:
            return default
        if isinstance(key, str):
            text = PyUnicode_AsUTF8AndSize(key, &n)
            if tag_of(text, <size_t>n, &tag):
                return self.value_at(i)
        return self.element_at(i)

    def value(self, key, default=None):
        """The value of an element by keyword or tag; `default` when the data set has none."""
        cdef uint32_t tag = 0
        cdef Py_ssize_t i = self.find(tag) if key_of(key, &tag) else -1
        return self.value_at(i) if i >= 0 else default

    def numbers(self, tuple tags):
        """The numbers in several elements of VR US with one value each, in one step.

        Parameters
        ----------
        tags : tuple of int

        Returns
        -------
        tuple
            For each tag an int, or None: the element is absent, or no such number, or not in memory yet.
        """
        cdef Py_ssize_t i
        cdef const uint8_t *p
        cdef fd_element e
        cdef list out = []
        for tag in tags:
            i = self.find(tag)
            if i < 0:
                out.append(None)
                continue
            e = self.ix.elements[i]  # a copy: the array may move while the GIL is released
            p = self.source.locate(e.offset, 2) if e.length == 2 and self.resolve(&e) == FD_VR_US else NULL
            out.append(None if p == NULL else <object>fd_load16(p, is_big(&e)))
        return tuple(out)

    def indexed(self, uint32_t tag):
        """The DataElement of a tag if it is indexed so far, else None: what does not wait behind encapsulated pixel data."""
        cdef Py_ssize_t i = fd_index_find(&self.ix, tag)
        return self.element_at(i) if i >= 0 else None

    def __len__(self):
        self.complete()
        return self.ix.count

    def __bool__(self):
        return self.ix.count > 0

    def __iter__(self):
        return iter(self.elements())

    def elements(self):
        """The DataElements in file order, as a list."""
        self.complete()
        cdef size_t i
        cdef list out = []
        for i in range(self.ix.count):
            out.append(self.element_at(i))
        return out

    def tags(self):
        """The tags in file order, as a list."""
        self.complete()
        cdef size_t i
        return [Tag(self.ix.elements[i].tag) for i in range(self.ix.count)]

    def close(self):
        """Close the file. Views stay valid; what was not read before raises ValueError."""
        self.source.close()

    @property
    def is_implicit_VR(self):
        """Whether this data set is encoded in implicit VR (bool)."""
        return bool(self.ix.cursor.implicit)

    @property
    def is_big_endian(self):
        """Whether this data set is encoded in big endian (bool)."""
        return bool(self.ix.cursor.big)

    @property
    def span(self):
        """Where the data set stands in the file: (first byte, byte behind the last)."""
        return self.start, min(self.stop, self.source.input.size)

    @property
    def bytes_per_element(self):
        """What the index takes in memory, a data element (float)."""
        return self.ix.room * sizeof(fd_element) / self.ix.count if self.ix.count else 0.0

    @property
    def is_complete(self):
        """Whether the whole data set is indexed; false while encapsulated pixel data wait to be walked through."""
        return bool(self.ix.complete)

    @property
    def known_count(self):
        """How many elements are indexed so far."""
        return self.ix.count

    def _open(self, Source source, start, stop, implicit, big, place=0, *, depth=0, max_depth=64, charset=None, representation=-1,
              quiet=False):
        """Index the data set at [start, stop) of the source. place: 0 top level, 1 item, 2 item of undefined length."""
        if self.opened:
            raise RuntimeError("this data set is open")
        self.source = source
        self.depth, self.max_depth = depth, max_depth
        self.outer_charset = charset
        self.outer_representation = representation
        if quiet:  # nobody said how it is encoded, so nothing contradicts
            source.warned |= FD_NOTE_IMPLICIT | FD_NOTE_BYTE_ORDER
        self.open(start, stop, implicit, big, <fd_place><int>place)
        return self

    def _state(self):
        """What _open needs to make this data set again from its bytes."""
        # what was said of the encoding, not what was found: asked again, the same bytes give the same answer
        return (self.start, min(self.stop, self.source.input.size), bool(self.told_implicit), bool(self.told_big), <int>self.place,
                self.depth, self.max_depth, self.outer_charset, self.outer_representation)


def read_part10(Source source, bint force=False):
    """The head of a Part 10 file (PS3.10 7.1).

    Returns
    -------
    tuple
        (has a preamble, start and end of group 0002, start of the data set, implicit VR, big endian, deflated, transfer syntax
        UID or "", guessed).
    """
    cdef fd_part10 head
    cdef fd_error error
    cdef fd_status status = fd_part10_read(&source.input, force, &head, &error)
    source.check(FD_OK)
    if status != FD_OK:
        raise_error(&error, source.path)
    return (bool(head.has_preamble), head.meta_offset, head.meta_offset + head.meta_length, head.dataset_offset, bool(head.implicit),
            bool(head.big), bool(head.deflated), head.transfer_syntax.decode("latin-1"), bool(head.guessed))


cdef class DataElement:
    """One data element: what its header says, and its value, decoded when asked.

    Attributes
    ----------
    tag : Tag
    VR : str
        The value representation: as written, or by the dictionary and the context where the file does not say.
    value : object
        See the table of values in the README. Kept by the data set once decoded.
    raw : memoryview
        The bytes of the value as stored, read-only, without a copy where they are in memory or on the map.
    offset : int
        Of the value in the file (in the inflated bytes of a deflated data set).
    length : int
        Of the value in bytes, without a delimiter.
    """

    def __init__(self):
        raise TypeError("a DataElement comes from a Dataset")

    @property
    def tag(self):
        return Tag(self.e.tag)

    @property
    def VR(self):
        return vr_name(self.vr)

    @property
    def VM(self):
        """How many values there are; 0 when the value is empty (a sequence counts as one, PS3.5 6.4)."""
        value = self.value
        if self.vr == FD_VR_SQ:
            return 1
        if type(value) is list:
            return len(value)
        return 0 if value is None or (isinstance(value, str) and not value) else 1

    @property
    def keyword(self):
        """The keyword of PS3.6, or "" where there is none."""
        return Tag(self.e.tag).keyword

    @property
    def name(self):
        """The name of PS3.6; of private elements what their creator published."""
        return self.owner._name_of(self.e.tag)

    @property
    def value(self):
        cdef Py_ssize_t i = fd_index_find(&self.owner.ix, self.e.tag)
        return self.owner.value_at(i)

    @property
    def raw(self):
        return self.owner.source.view_of(self.e.offset, self.e.length, self.e.tag)

    @property
    def offset(self):
        return self.e.offset

    @property
    def length(self):
        return self.e.length

    @property
    def is_undefined_length(self):
        """Whether it was written with undefined length (FFFFFFFF)."""
        return bool(self.e.flags & FD_ELEMENT_UNDEFINED)

    @property
    def is_encapsulated(self):
        """Whether the value is made of fragments (PS3.5 A.4)."""
        return bool(self.e.flags & FD_ELEMENT_ENCAPSULATED)

    @property
    def is_truncated(self):
        """Whether the file ends inside the value."""
        return bool(self.e.flags & FD_ELEMENT_CUT)

    @property
    def is_big_endian(self):
        return bool(is_big(&self.e))

    @property
    def is_private(self):
        """Whether the group is odd (PS3.5 7.8)."""
        return bool(self.e.tag >> 16 & 1)

    @property
    def is_empty(self):
        return self.e.length == 0

    def read(self):
        """The bytes as `raw` gives them, but never on the map: safe to hand to C code even if the file shrinks meanwhile."""
        if self.owner.source.locate(self.e.offset, self.e.length) != NULL:
            return self.owner.source.view_of(self.e.offset, self.e.length, self.e.tag)
        return memoryview(self.owner.source.fetch(self.e.offset, self.e.length, self.e.tag))

    def read_into(self, out, uint64_t start=0):
        """Fill the writable buffer `out` with the bytes of the value from `start` on, without a detour through the map."""
        if start > self.e.length or self.e.length - start < <uint64_t>memoryview(out).nbytes:
            raise ValueError(f"the value has {self.e.length} bytes, asked were {memoryview(out).nbytes} from {start}")
        self.owner.source.read_into(self.e.offset + start, out, self.e.tag)

    def __repr__(self):
        return self.owner._element_text(self)

    def __eq__(self, other):
        if not isinstance(other, DataElement):
            return NotImplemented
        cdef DataElement that = other
        if self.e.tag != that.e.tag or self.vr != that.vr:
            return False
        try:
            return self.value == that.value
        except LimitError:  # sequences nested too deep to be entered
            return self.raw == that.raw

    __hash__ = None

    def __reduce__(self):
        return element_of, (self.owner, self.e.tag)


def element_of(Index owner, tag):
    """The element `tag` of a data set: how a DataElement is unpickled."""
    return owner[tag]


cdef class Items:
    """The items of a sequence: found in one pass when the sequence is touched, each indexed when it is touched itself."""

    def __cinit__(self):
        self.datasets = []

    def __dealloc__(self):
        free(self.spans)

    cdef int read(self, Index owner, const fd_element *e) except -1:
        self.source = owner.source
        self.e = e[0]
        self.is_undefined_length = bool(e.flags & FD_ELEMENT_UNDEFINED)
        # an element in implicit VR, and UN (CP-246, little endian always), have implicit VR inside
        self.implicit = bool(e.flags & FD_ELEMENT_IMPLICIT) or e.vr == FD_VR_UN
        self.big = bool(e.flags & FD_ELEMENT_BIG)
        if e.length == 0:
            return 0
        if self.depth > self.max_depth:
            where = "" if self.source.path is None else f"{os.fsdecode(self.source.path)}: "
            raise LimitError(
                f"{where}{Tag(e.tag)} at 0x{e.offset:X}: sequences are nested deeper than {self.max_depth} levels; max_depth= allows more"
            )
        self.source.keep(e.offset, e.length, e.tag)
        if self.big and e.vr == FD_VR_UN and owner.has_items(e):
            head = bytes(self.source.view_of(e.offset, 4, e.tag)) if e.length >= 4 else b""
            self.big = head != b"\xfe\xff\x00\xe0"
        return self.find_spans()

    cdef int find_spans(self) except -1:
        cdef fd_cursor cursor
        cdef fd_item item
        cdef fd_status status
        cdef Py_ssize_t room = 0
        cdef void *grown
        fd_cursor_open(&cursor, &self.source.input, self.e.offset, self.e.offset + self.e.length, self.implicit, self.big, FD_UNDEFINED_ITEM)
        cursor.implicit, cursor.big, cursor.notes = self.implicit, self.big, 0
        try:
            while True:
                status = fd_cursor_item(&cursor, &item)
                if status != FD_OK:
                    break
                if self.count == room:
                    room = room * 2 if room else 4
                    grown = realloc(self.spans, <size_t>room * sizeof(fd_item))
                    if grown == NULL:
                        raise MemoryError
                    self.spans = <fd_item *>grown
                self.spans[self.count] = item
                self.count += 1
            self.source.check(status)
            self.source.notes(&cursor)
            if status == FD_INVALID:
                self.source.warn(
                    f"{Tag(self.e.tag)} at 0x{cursor.pos:X}: no item where one was expected; the sequence ends with {self.count} items", "no item"
                )
        finally:
            fd_cursor_close(&cursor)
        self.datasets = [None] * self.count
        return 0

    def _state(self):
        """What _restore needs: how a Sequence is pickled."""
        return (self.kind, bytes(self.source.read(self.e.offset, self.e.length)), self.e.offset, self.e.tag, self.implicit, self.big,
                self.is_undefined_length, self.depth, self.max_depth, self.representation, self.charset)

    @staticmethod
    def _restore(kind, data, offset, tag, implicit, big, undefined, depth, max_depth, representation, charset):
        cdef Items items = Items.__new__(Items)
        items.kind, items.charset = kind, charset
        items.source = Source.from_buffer(data, None, offset)
        items.e.offset, items.e.length, items.e.tag = offset, len(data), tag
        items.implicit, items.big, items.is_undefined_length = implicit, big, undefined
        items.depth, items.max_depth, items.representation = depth, max_depth, representation
        items.find_spans()
        return items

    def __len__(self):
        return self.count

    def dataset(self, Py_ssize_t i):
        """The data set of item i (0 <= i < len)."""
        if not 0 <= i < self.count:
            raise IndexError(f"item {i} of {self.count}")
        known = self.datasets[i]
        if known is not None:
            return known
        cdef fd_item *item = &self.spans[i]
        cdef Index made = self.kind.__new__(self.kind)
        made.source = self.source
        made.depth, made.max_depth = self.depth, self.max_depth
        made.outer_charset = self.charset
        made.outer_representation = self.representation
        made.open(item.offset, item.offset + item.length, self.implicit, self.big, FD_ITEM)  # its delimiter was found already
        self.datasets[i] = made
        return made


# Plain values

cdef enum:
    KIND_TEXT, KIND_NUMBER, KIND_BINARY, KIND_SEQUENCE


cdef int value_kind(uint16_t vr) noexcept:
    if vr == FD_VR_SQ:
        return KIND_SEQUENCE
    if vr in (FD_VR_OB, FD_VR_OW, FD_VR_UN, FD_VR_OF, FD_VR_OD, FD_VR_OL, FD_VR_OV):
        return KIND_BINARY
    if vr in (FD_VR_US, FD_VR_SS, FD_VR_UL, FD_VR_SL, FD_VR_FL, FD_VR_FD, FD_VR_AT, FD_VR_SV, FD_VR_UV):
        return KIND_NUMBER
    return KIND_TEXT


cdef dict VR_NAMES = {}


cdef str vr_name(uint16_t vr):
    cdef PyObject *known = PyDict_GetItemWithError(VR_NAMES, vr)
    if known != NULL:
        return <str>known
    name = sys.intern(chr(vr >> 8) + chr(vr & 0xFF))
    VR_NAMES[vr] = name
    return name


cdef object numbers(const uint8_t *p, uint64_t n, uint16_t vr, bint big):
    """A number, or a list of them; None when the length does not fit."""
    cdef uint64_t size = 2 if vr == FD_VR_US or vr == FD_VR_SS else 8 if vr in (FD_VR_FD, FD_VR_SV, FD_VR_UV) else 4
    cdef uint64_t i = 0
    cdef list out
    if n == size:
        return number_of(p, vr, big, Tag)
    if n % size:
        return None
    out = []
    while i < n:
        out.append(number_of(p + i, vr, big, Tag))
        i += size
    return out


cdef object strings(const uint8_t *p, uint64_t n, uint16_t vr):
    """Printable ASCII without doubtful blanks: a str, or a list where there are backslashes. Else None."""
    cdef uint64_t i, start = 0
    cdef uint32_t slashes = 0
    cdef uint8_t bad = 0
    cdef list out
    while n and (p[n - 1] == 0x20 or p[n - 1] == 0):
        n -= 1
    if n == 0 or p[0] == 0x20:
        return None
    for i in range(n):
        bad |= (p[i] < 0x20) | (p[i] > 0x7D)  # 0x7E is the overline of ISO-IR 14, and 0x5C its yen sign where it does not delimit
        slashes += p[i] == 0x5C
    if bad:
        return None
    if slashes and (vr == FD_VR_LT or vr == FD_VR_ST or vr == FD_VR_UT):
        return None
    if slashes == 0 or vr == FD_VR_UR:
        return PyUnicode_DecodeASCII(<const char *>p, <Py_ssize_t>n, NULL)
    out = []
    for i in range(n + 1):
        if i < n and p[i] != 0x5C:
            continue
        if i > start and (p[start] == 0x20 or p[i - 1] == 0x20):
            return None
        out.append(PyUnicode_DecodeASCII(<const char *>p + start, <Py_ssize_t>(i - start), NULL))
        start = i + 1
    return out


cdef object integer(const uint8_t *p, uint64_t n):
    """An IS of up to 18 digits, spaces around it allowed; None when it is not that."""
    cdef uint64_t i = 0
    cdef int64_t total = 0
    cdef bint minus = False
    while n and (p[n - 1] == 0x20 or p[n - 1] == 0):
        n -= 1
    while i < n and p[i] == 0x20:
        i += 1
    if i < n and (p[i] == 0x2D or p[i] == 0x2B):
        minus = p[i] == 0x2D
        i += 1
    if i == n or n - i > 18:
        return None
    while i < n:
        if not 0x30 <= p[i] <= 0x39:
            return None
        total = total * 10 + (p[i] - 0x30)
        i += 1
    return -total if minus else total


cdef object integers(const uint8_t *p, uint64_t n):
    return several(p, n, integer)


cdef double[23] POWERS = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
                          1e20, 1e21, 1e22]


cdef object decimal(const uint8_t *p, uint64_t n):
    """A DS, correctly rounded; None when it is none.

    Up to 15 digits and a power of ten up to 22 are exact in a double, so one multiplication or division rounds once.
    """
    cdef uint64_t i = 0, start, digits = 0, mantissa = 0
    cdef int exponent = 0, written = 0, after = 0
    cdef bint minus = False, minus_exponent = False
    cdef char[64] copy
    cdef double value
    while n and (p[n - 1] == 0x20 or p[n - 1] == 0):
        n -= 1
    while i < n and p[i] == 0x20:
        i += 1
    start = i
    if n - i > 60:
        return None
    if i < n and (p[i] == 0x2D or p[i] == 0x2B):
        minus = p[i] == 0x2D
        i += 1
    while i < n and 0x30 <= p[i] <= 0x39:
        mantissa = mantissa * 10 + (p[i] - 0x30) if digits < 18 else mantissa
        digits += 1
        i += 1
    if i < n and p[i] == 0x2E:
        i += 1
        while i < n and 0x30 <= p[i] <= 0x39:
            mantissa = mantissa * 10 + (p[i] - 0x30) if digits < 18 else mantissa
            digits += 1
            after += 1
            i += 1
    if digits == 0:
        return None
    if i < n and (p[i] == 0x65 or p[i] == 0x45):
        i += 1
        if i < n and (p[i] == 0x2D or p[i] == 0x2B):
            minus_exponent = p[i] == 0x2D
            i += 1
        if i == n:
            return None
        while i < n and 0x30 <= p[i] <= 0x39 and written < 5:
            exponent = exponent * 10 + (p[i] - 0x30)
            written += 1
            i += 1
    if i != n:
        return None
    exponent = (-exponent if minus_exponent else exponent) - after
    if digits <= 18 and mantissa <= 9007199254740992 and -22 <= exponent <= 22:
        value = <double>mantissa * POWERS[exponent] if exponent >= 0 else <double>mantissa / POWERS[-exponent]
        return -value if minus else value
    memcpy(copy, p + start, n - start)
    copy[n - start] = 0
    return PyOS_string_to_double(copy, NULL, NULL)


cdef object decimals(const uint8_t *p, uint64_t n):
    return several(p, n, decimal)


ctypedef object (*one_value)(const uint8_t *p, uint64_t n)


cdef object several(const uint8_t *p, uint64_t n, one_value one):
    """One value, or a list of them between backslashes; None when any of them is not plain."""
    cdef const uint8_t *slash = <const uint8_t *>memchr(p, 0x5C, n)
    cdef uint64_t part
    cdef list out
    if slash == NULL:
        return one(p, n)
    out = []
    while True:
        part = <uint64_t>(slash - p) if slash != NULL else n
        value = one(p, part)
        if value is None:
            return None
        out.append(value)
        if slash == NULL:
            return out
        p += part + 1
        n -= part + 1
        slash = <const uint8_t *>memchr(p, 0x5C, n)


# What other packages may call. Their own copies of these would be no smaller, but the functions of csrc have hidden names.

cdef int check_layout(int abi, size_t element, size_t item, size_t cursor, size_t input, size_t part10) except -1:
    if (abi, element, item, cursor, input, part10) != (
        FASTDICOM_ABI, sizeof(fd_element), sizeof(fd_item), sizeof(fd_cursor), sizeof(fd_input), sizeof(fd_part10)
    ):
        raise ImportError(f"this was compiled for another C interface of fastdicom (number {abi}, {FASTDICOM_ABI} is installed): build it again")
    return 0


cdef const fd_element *elements_of(Index index, size_t *count) except? NULL:
    """The elements of a data set in file order, all of them. The array lives as long as the data set, and does not move."""
    index.complete()
    count[0] = index.ix.count
    return index.ix.elements


cdef uint16_t vr_of_element(Index index, const fd_element *e) except? 0xFFFF:
    """The VR to read the value with: as written, else as the dictionary and the context say."""
    return index.resolve(e)


cdef const uint8_t *value_of(Index index, const fd_element *e) except? NULL:
    """The bytes of a value as stored, read if need be and kept as long as the file is: for values that are not long."""
    if e.length > KEEP_LIMIT:
        raise LimitError(f"{Tag(e.tag)} has {e.length} bytes, {KEEP_LIMIT} at most are kept in memory; `raw` gives a view on it")
    index.source.keep(e.offset, e.length, e.tag)
    return index.source.locate(e.offset, e.length)


cdef Items items_of_element(Index index, const fd_element *e):
    """The items of a sequence, whose `dataset(i)` gives data sets."""
    return index.items_of(e)


cdef fd_status part10_read(fd_input *input, bint force, fd_part10 *out, fd_error *error) noexcept nogil:
    return fd_part10_read(input, force, out, error)


cdef void cursor_open(fd_cursor *c, fd_input *input, uint64_t pos, uint64_t end, bint implicit, bint big, fd_place place) noexcept nogil:
    fd_cursor_open(c, input, pos, end, implicit, big, place)


cdef fd_status cursor_next(fd_cursor *c, fd_element *e) noexcept nogil:
    return fd_cursor_next(c, e)


cdef fd_status cursor_skip(fd_cursor *c, fd_element *e) noexcept nogil:
    return fd_cursor_skip(c, e)


cdef void items_open(fd_cursor *c, fd_input *input, const fd_element *e) noexcept nogil:
    """A cursor for cursor_item over the value of a sequence, whose length is resolved (cursor_skip)."""
    fd_cursor_open(c, input, e.offset, e.offset + e.length, False, False, FD_UNDEFINED_ITEM)
    # an element in implicit VR, and UN (CP-246), have implicit VR inside
    c.implicit, c.big, c.notes = bool(e.flags & FD_ELEMENT_IMPLICIT) or e.vr == FD_VR_UN, bool(e.flags & FD_ELEMENT_BIG), 0


cdef fd_status cursor_item(fd_cursor *c, fd_item *item) noexcept nogil:
    return fd_cursor_item(c, item)


cdef void cursor_close(fd_cursor *c) noexcept nogil:
    fd_cursor_close(c)
