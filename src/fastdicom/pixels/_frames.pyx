"""Where the frames of encapsulated Pixel Data lie in the file (PS3.5 A.4)."""

from fastdicom.errors import DecodeError

from cpython.buffer cimport PyBuffer_FillInfo
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.memoryview cimport PyMemoryView_FromObject
from fastdicom._core cimport FD_INVALID, FD_OK
from libc.stdlib cimport free, malloc

NOTES = {
    FD_ENCAP_CUT: "the file ends inside a fragment",
    FD_ENCAP_NOT_ITEM: "something else than an item stands among the fragments, which end there",
    FD_ENCAP_TABLE_LIES: "the offset table does not fit the fragments, and was not used",
    FD_ENCAP_NO_TABLE: "there is no Basic Offset Table: the first item, which cannot be one, was taken for a fragment (PS3.5 A.4)",
}


cdef class Room:
    """Memory for the streams of frames, one after the other. As a buffer it is the last of them, read-only.

    It never grows, so that a view on an earlier stream is at worst one on other bytes.
    """

    def __cinit__(self, size_t capacity):
        self.data = <uint8_t *>malloc(capacity or 1)
        if self.data == NULL:
            raise MemoryError
        self.capacity = capacity

    def __dealloc__(self):
        free(self.data)

    def __getbuffer__(self, Py_buffer *buffer, int flags):
        PyBuffer_FillInfo(buffer, self, self.data, <Py_ssize_t>self.size, True, flags)


cdef class FrameIndex:
    """The fragments of an element, and which of them are which frame.

    Parameters
    ----------
    element : DataElement
        Pixel Data made of fragments.
    frames : int
        Number of Frames (0028,0008).
    kind : {"fragment", "markers", "video"}
        What tells frames apart where no table does: each is a fragment; the first bytes of their streams; nothing.
    extended : bytes, optional
        The value of the Extended Offset Table (7FE0,0001).

    Raises
    ------
    DecodeError
        The value is not made of fragments, or nothing tells which of them are which frame.
    """

    def __cinit__(self):
        fd_encap_init(&self.encap)

    def __dealloc__(self):
        fd_encap_free(&self.encap)

    def __init__(self, DataElement element not None, uint64_t frames, str kind not None, bytes extended=None):
        cdef fd_stream stream = FD_STREAM_MARKERS
        cdef fd_status status
        cdef const uint8_t *table = NULL
        cdef size_t table_length = 0
        if self.source is not None:
            raise RuntimeError("this frame index is made")
        self.source, self.tag = element.owner.source, element.e.tag
        if kind != "markers":
            stream = FD_STREAM_VIDEO if kind == "video" else FD_STREAM_ONE_FRAGMENT
        if extended is not None:
            table, table_length = <const uint8_t *>PyBytes_AS_STRING(extended), <size_t>PyBytes_GET_SIZE(extended)
        self.source.input.failed = False
        status = fd_encap_read(&self.encap, &self.source.input, element.e.offset, element.e.offset + element.e.length)
        self.source.check(status)
        if status == FD_INVALID:
            raise DecodeError("the pixel data does not begin with a Basic Offset Table (PS3.5 A.4), as encapsulated pixel data does")
        status = fd_encap_frames(&self.encap, &self.source.input, frames, stream, table, table_length)
        self.source.check(status)
        if status != FD_OK:
            raise DecodeError(
                f"{self.encap.count} fragments, {frames} frames, and no offset table that fits them: nothing tells which are which"
            )

    def __len__(self):
        return <Py_ssize_t>self.encap.frames

    @property
    def notes(self):
        """What was wrong with the fragments and tables, in words."""
        return [text for bit, text in NOTES.items() if self.encap.notes & bit]

    @property
    def is_cut(self):
        """Whether the file ends inside the last fragment."""
        return bool(self.encap.notes & FD_ENCAP_CUT)

    @property
    def table(self):
        """(offset, length) of the value of the Basic Offset Table."""
        return self.encap.table_offset, self.encap.table_length

    @property
    def number_of_fragments(self):
        """How many fragments there are, of all frames."""
        return self.encap.count

    def size(self, Py_ssize_t number):
        """The bytes of a frame's fragments, with their padding."""
        if not 0 <= number < <Py_ssize_t>self.encap.frames:
            raise IndexError(f"frame {number} was asked, there are {self.encap.frames}")
        cdef uint64_t i, size = 0
        for i in range(self.encap.first[number], self.encap.first[number + 1]):
            size += self.encap.fragments[i].length
        return size

    def spans(self, Py_ssize_t number):
        """(offset, length) of each fragment of a frame, in the file."""
        if not 0 <= number < <Py_ssize_t>self.encap.frames:
            raise IndexError(f"frame {number} was asked, there are {self.encap.frames}")
        cdef uint64_t i
        return [(self.encap.fragments[i].offset, self.encap.fragments[i].length)
                for i in range(self.encap.first[number], self.encap.first[number + 1])]

    def encoded(self, Py_ssize_t number):
        """The bitstream of a frame, read-only; without a copy where it is one fragment and on the map or in memory."""
        parts = [self.source.view(offset, length) for offset, length in self.spans(number)]
        return parts[0] if len(parts) == 1 else memoryview(b"".join(parts))

    def read(self, Py_ssize_t number, Room room=None):
        """The same bytes, but never of the map: what C may read even when the file shrinks meanwhile.

        Parameters
        ----------
        number : int
            Of the frame.
        room : Room, optional
            Where those go that must be read from the file: to take new memory for each of many frames costs more than to read them.

        Returns
        -------
        memoryview or None
            Read-only; None when `room` is too small.
        """
        if not 0 <= number < <Py_ssize_t>self.encap.frames:
            raise IndexError(f"frame {number} was asked, there are {self.encap.frames}")
        cdef const fd_fragment *fragment = &self.encap.fragments[self.encap.first[number]]
        cdef uint64_t i, count = self.encap.first[number + 1] - self.encap.first[number], size = 0
        if room is None:
            parts = [self.source.read(offset, length) for offset, length in self.spans(number)]
            return parts[0] if len(parts) == 1 else memoryview(b"".join(parts))
        if count == 1 and self.source.locate(fragment.offset, fragment.length) != NULL:
            return self.source.read(fragment.offset, fragment.length)
        for i in range(count):
            size += fragment[i].length
        if size > room.capacity:
            return None
        room.size = 0
        for i in range(count):
            self.source.read_at(fragment[i].offset, room.data + room.size, <size_t>fragment[i].length, self.tag)
            room.size += <size_t>fragment[i].length
        return PyMemoryView_FromObject(room)

    def __repr__(self):
        return f"<FrameIndex: {self.encap.frames} frames in {self.encap.count} fragments>"
