# cython: nonecheck=True
"""What stands in for the dictionaries and lists inside pydicom's data sets: elements and items that are made when touched.

`Elements` is the mapping that a pydicom Dataset keeps as ``_dict``, `ItemList` the list inside a pydicom Sequence. Only what pydicom's own
reader would read in the same way to the letter is left to be made later: `open_elements` and `ItemList.read` judge that by the bytes.
Everything else pydicom reads itself, so that its warnings, its errors and its values are what they always were.
"""

import os
from collections.abc import KeysView, MutableMapping, MutableSequence
from copy import deepcopy

from pydicom import config
from pydicom.charset import convert_encodings, default_encoding, python_encoding
from pydicom.datadict import _dictionary_vr_fast
from pydicom.dataelem import DataElement, RawDataElement, convert_raw_data_element, empty_value_for_VR
from pydicom.dataset import Dataset
from pydicom.filereader import data_element_generator
from pydicom.sequence import Sequence
from pydicom.valuerep import VR

from fastdicom.pydicom._parts import Part

from cpython.dict cimport PyDict_GetItem
from cpython.long cimport PyLong_AsLongLongAndOverflow, PyLong_Check
from cpython.object cimport PyObject, PyObject_GenericSetAttr
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc

from fastdicom._core cimport (
    FD_ELEMENT_BIG, FD_ELEMENT_ENCAPSULATED, FD_ELEMENT_IMPLICIT, FD_ELEMENT_UNDEFINED, FD_END, FD_ITEM, FD_NOTE_KINDS, FD_NOTE_ORDER,
    FD_OK, FD_TAG_PIXEL_DATA, FD_TOP_LEVEL, FD_UNDEFINED, FD_UNDEFINED_ITEM, FD_VR_NONE, FD_VR_OB, FD_VR_OW, FD_VR_SQ, FD_VR_UN,
    Index, Source, fd_cursor, fd_cursor_close, fd_cursor_item, fd_cursor_next, fd_cursor_open, fd_cursor_skip, fd_element,
    fd_index_complete, fd_index_find, fd_item, fd_status,
)
from fastdicom.pydicom._parts cimport (
    bytes_at, check_unchanged, dictionary_vr, from_template, plain_conversion, tag_object, vr_code, vr_object,
)
from fastdicom.pydicom._values cimport NOT_PLAIN, element_of, value_of

cdef object new_object = object.__new__
cdef object new_tuple = tuple.__new__
# whether they are what is put together here; otherwise their constructors are called
cdef bint PLAIN_RAW = RawDataElement._field_defaults == {"is_raw": True, "is_buffered": False} and len(RawDataElement._fields) == 9
cdef bint PLAIN_SEQUENCE = list(vars(Sequence())) == ["_list"]

cdef enum:
    TAG_CHARSET = 0x00080005
    TAG_PIXEL_REPRESENTATION = 0x00280103
    TAG_ITEM_END = 0xFFFEE00D
    ALL_NOTES = 0x7FFFFFFF
    DEEP = 200  # sequences and items inside each other; pydicom, which reads them by recursion, takes somewhat more, or says that it cannot
    FAR = 64  # sequences around one, from which on pydicom reads what is inside

cdef inline bint is_lut_descriptor(uint32_t tag) noexcept:
    return tag == 0x00283002 or 0x00281101 <= tag <= 0x00281103


cdef inline bint is_binary(uint16_t vr) noexcept:
    return (vr >> 8) == 0x4F  # O..., whose bytes are the value


class NestingError(RecursionError):
    """Sequences are nested deeper than pydicom can read. Its writer makes a new error of this one at each level around it, with the text of
    all levels inside, twice: so the text is always the same.
    """

    def __init__(self, *args):
        super().__init__("sequences are nested deeper than pydicom can read")


class _Keys(KeysView):
    """The tags of `Elements`, as ``ds.keys()`` gives them."""

    __slots__ = ()

    def __iter__(self):
        return iter(self._mapping._tags())

    def __reversed__(self):
        return reversed(self._mapping._tags())


cdef class Elements:
    """The elements of one data set by tag, in the order of the file: a mapping as pydicom's Dataset keeps it.

    ``[tag]`` gives a finished DataElement where that is plain, ``get(tag)`` what the file has, a RawDataElement: pydicom's Dataset asks
    the one way for a value, the other way for what is to be written.
    """

    def __init__(self):
        raise TypeError("Elements come with a data set that was read")

    # What the index has

    cdef Py_ssize_t visible(self) except -1:
        """How many elements of the index are shown."""
        cdef Index index = self.index
        if index is None:
            return 0
        if self.limit >= 0:
            return self.limit
        if not index.ix.complete:
            self.complete()
        return <Py_ssize_t>index.ix.count if self.index is not None else 0

    cdef Py_ssize_t find(self, object key) except -2:
        """Where the index has a tag that may be shown; -1: nowhere, or it is no tag."""
        cdef Py_ssize_t i
        cdef uint32_t tag
        cdef int overflow = 0
        cdef long long number
        if self.index is None or not PyLong_Check(key):
            return -1
        number = PyLong_AsLongLongAndOverflow(key, &overflow)  # pydicom's tags compare in Python, at a microsecond each
        if overflow or not 0 <= number <= 0xFFFFFFFF or (self.gone is not None and number in self.gone):
            return -1
        tag = <uint32_t>number
        i = fd_index_find(&self.index.ix, tag)
        if self.limit >= 0:
            return i if i < self.limit else -1
        if i < 0 and not self.index.ix.complete:
            self.complete()
            if self.index is None:
                return -1
            i = fd_index_find(&self.index.ix, tag)
        return i

    cdef int complete(self) except -1:
        """Walk through encapsulated pixel data. What is not regular there, or behind them, is left to pydicom."""
        cdef Index index = self.index  # another thread may take it away meanwhile, here and below
        cdef Source source
        if index is None:
            return 0
        source = index.source
        if index.busy:
            raise RuntimeError("this data set is being read at the moment")
        if source.held < source.input.size:
            check_unchanged(source, FD_TAG_PIXEL_DATA)
        index.busy = True
        try:
            source.check(fd_index_complete(&index.ix))
        finally:
            index.busy = False
        if self.index is None:
            return 0
        if index.ix.cursor.notes or index.ix.cursor.deepest > DEEP or not are_regular(index, 0, <Py_ssize_t>index.ix.count):
            self.take_over(self.reread()._dict)
        return 0

    def take_over(self, elements):
        """Have the elements that pydicom read, besides those that were touched."""
        done, gone = self.done, self.gone or ()
        out = {tag: done.get(tag, elem) for tag, elem in elements.items() if tag not in gone or tag in done}
        out.update(done)
        self.done = out
        self.index = None

    cdef list tags(self):
        """All tags, in the order that a dict would have."""
        cdef Py_ssize_t i, n = self.visible()
        cdef Index index = self.index
        cdef set gone = self.gone
        cdef list out
        if index is None:
            return list(self.done)
        out = []
        for i in range(n):
            if gone is None or index.ix.elements[i].tag not in gone:
                out.append(tag_object(index.ix.elements[i].tag))
        # what was put here, also under a tag that the file has behind the end of reading
        out.extend([tag for tag in list(self.done) if not 0 <= fd_index_find(&index.ix, tag) < n])
        return out

    cdef int fill(self) except -1:
        """Make everything that has not been made: from here on this is a dict."""
        cdef PyObject *known
        cdef dict out
        cdef list tags = self.tags()
        cdef Index index = self.index  # another thread may come here meanwhile
        if index is None:
            return 0
        out = {}
        for tag in tags:
            known = PyDict_GetItem(self.done, tag)
            out[tag] = <object>known if known != NULL else self.made_at(index, fd_index_find(&index.ix, tag))
        for tag, elem in list(self.done.items()):  # what another thread made meanwhile
            out[tag] = elem
        self.done = out
        self.index = None
        self.gone = None
        return 0

    cdef int secure(self) except -1:
        """Read everything into memory: the file is about to be overwritten, perhaps."""
        self.fill()
        for elem in list(self.done.values()):
            if isinstance(elem, DataElement) and elem.VR == "SQ":
                found = getattr(elem.value, "_list", None)
                if isinstance(found, ItemList):
                    (<ItemList>found).secure()
        return 0

    # Elements

    cdef object raw_at(self, Index index, Py_ssize_t i):
        """The element as pydicom's reader gives it."""
        cdef fd_element e = index.ix.elements[i]
        cdef object value, length = e.length
        if e.length == FD_UNDEFINED:
            self.complete()
            if self.index is None:  # pydicom has read it
                return self.done[tag_object(e.tag)]
            e = index.ix.elements[fd_index_find(&index.ix, e.tag)]
        if e.flags & FD_ELEMENT_UNDEFINED:
            length = 0xFFFFFFFF
        if self.defer is not None and e.length > <uint64_t>self.defer and e.tag != TAG_CHARSET:
            value = None
        elif e.length:
            value = bytes_at(index.source, e.offset, e.length, e.tag)
        else:
            value = b"" if e.flags & FD_ELEMENT_UNDEFINED else empty_value_for_VR(vr_object(e.vr), raw=True)
        if not PLAIN_RAW:
            place = e.offset - self.base
            return RawDataElement(tag_object(e.tag), vr_object(e.vr), length, value, place, bool(self.implicit), bool(self.little))
        return new_tuple(
            RawDataElement,
            (tag_object(e.tag), vr_object(e.vr), length, value, e.offset - self.base, bool(self.implicit), bool(self.little), True, False))

    cdef object made_at(self, Index index, Py_ssize_t i):
        """The element as pydicom's reader gives it: a sequence of undefined length is a DataElement."""
        cdef fd_element e = index.ix.elements[i]
        if e.flags & FD_ELEMENT_UNDEFINED and e.length != FD_UNDEFINED and self.is_sequence(&e):
            return self.sequence_at(index, &e)
        return self.raw_at(index, i)

    cdef object finished_at(self, Index index, Py_ssize_t i):
        """The element as pydicom's Dataset keeps it after it was touched, or as the reader gives it when that is not plain."""
        cdef fd_element e = index.ix.elements[i]
        cdef object value, vr, creator = None, mode
        cdef uint16_t code = e.vr
        if e.flags & FD_ELEMENT_UNDEFINED:
            return self.made_at(index, i)
        if (self.defer is not None and e.length > <uint64_t>self.defer) or not plain_conversion() or is_lut_descriptor(e.tag):
            return self.raw_at(index, i)
        if code == FD_VR_NONE:
            vr = dictionary_vr(e.tag)
            code = 0 if vr is None else vr_code(vr)
        else:
            vr = vr_object(code)
        if code == FD_VR_NONE or code == FD_VR_UN:
            return self.raw_at(index, i)
        if e.tag >> 16 & 1:
            creator = self.creator_of(e.tag)
            if creator is NOT_PLAIN:
                return self.raw_at(index, i)
        if code == FD_VR_SQ:
            elem = self.sequence_at(index, &e) if e.length else None
            if elem is None:
                return self.raw_at(index, i)
            elem.private_creator = creator
            return elem
        mode = config.settings.reading_validation_mode
        value = self.value_at(index, &e, code, vr, mode)
        if value is NOT_PLAIN:
            return self.raw_at(index, i)
        return element_of(tag_object(e.tag), vr, value, e.offset - self.base, False, mode, creator)

    cdef object value_at(self, Index index, const fd_element *e, uint16_t code, object vr, object mode):
        """The value that pydicom would make, or NOT_PLAIN."""
        cdef fd_element copy = e[0]
        cdef const uint8_t *p
        cdef Source source = index.source
        cdef object charset
        if e.length == 0:
            return empty_value_for_VR(vr)
        p = source.locate(e.offset, e.length)
        if p == NULL:
            if is_binary(code):
                return bytes_at(source, copy.offset, copy.length, copy.tag)
            data = bytes_at(source, copy.offset, copy.length, copy.tag)
            p = <const uint8_t *><const char *>data
        charset = default_encoding if copy.tag == TAG_CHARSET else self.charset
        return value_of(code, p, <Py_ssize_t>copy.length, not self.little, charset or default_encoding, mode)

    cdef object creator_of(self, uint32_t tag):
        """What pydicom writes beside a private element: the value of (gggg,00xx), None without one (PS3.5 7.8.1)."""
        cdef uint32_t place = (tag & 0xFFFF0000) | (tag >> 8 & 0xFF)
        if place == tag or tag_object(place) not in self:
            return None
        elem = self[tag_object(place)]
        return NOT_PLAIN if isinstance(elem, RawDataElement) else elem.value

    cdef bint is_sequence(self, const fd_element *e) except -1:
        """Whether pydicom takes it for a sequence; private ones without a VR are left to it."""
        if e.vr == FD_VR_SQ:
            return True
        if e.flags & FD_ELEMENT_UNDEFINED:
            return not e.flags & FD_ELEMENT_ENCAPSULATED
        if self.implicit and not e.tag >> 16 & 1:
            try:
                return _dictionary_vr_fast(tag_object(e.tag)) == "SQ"
            except KeyError:
                return False
        return False

    cdef object representation(self):
        """Pixel Representation for the items of a sequence, as pydicom hands it down when it converts one."""
        tag = tag_object(TAG_PIXEL_REPRESENTATION)
        if tag not in self:
            return self.pixel_rep
        elem = self[tag]
        if isinstance(elem, RawDataElement):
            elem = convert_raw_data_element(elem)
        value = elem.value
        if value is None:
            return self.pixel_rep
        return int(b"\x01" in value) if isinstance(value, bytes) else value

    cdef object own_representation(self):
        """The same of an item that is new: most have none of their own."""
        return self.representation() if fd_index_find(&self.index.ix, TAG_PIXEL_REPRESENTATION) >= 0 else self.pixel_rep

    cdef object sequence_at(self, Index index, const fd_element *e):
        """A DataElement whose items are made when touched; what is not regular is read by pydicom (None: as it converts a raw element)."""
        cdef ItemList items
        cdef bint undefined = e.flags & FD_ELEMENT_UNDEFINED
        cdef fd_element copy = e[0]
        if undefined and (e.vr == FD_VR_UN or self.depth >= FAR):
            return self.foreign(index, &copy)
        if self.depth >= FAR:
            return None
        items = ItemList.__new__(ItemList)
        items.source = index.source
        items.implicit, items.little = self.implicit, self.little
        items.place_base = self.base
        items.depth = self.depth + 1
        if undefined:
            items.base = self.base
            items.charset = self.charset_at(copy.offset)
        else:
            items.base = copy.offset
            items.charset = self.charset if isinstance(self.charset, list) else [self.charset or default_encoding]
            items.pixel_rep = self.representation()
        if not items.read(&copy):
            return self.foreign(index, &copy) if undefined else None
        sequence = new_object(Sequence) if PLAIN_SEQUENCE else Sequence()
        sequence._list = items
        sequence.is_undefined_length = bool(undefined)
        mode = config.settings.reading_validation_mode
        return element_of(tag_object(copy.tag), self.sequence_vr(&copy), sequence, copy.offset - self.base, undefined, mode, None)

    cdef object sequence_vr(self, const fd_element *e):
        """SQ as pydicom writes it: its own constant where the items alone tell that it is one."""
        if self.implicit and e.flags & FD_ELEMENT_UNDEFINED:
            try:
                return _dictionary_vr_fast(tag_object(e.tag))
            except KeyError:
                return VR.SQ
        return "SQ"

    def charset_at(self, offset):
        """The encodings for a sequence of undefined length: of this data set once (0008,0005) has come, before it those around it."""
        cdef Py_ssize_t i
        if self.index is not None:
            i = fd_index_find(&self.index.ix, TAG_CHARSET)
            if i >= 0 and self.index.ix.elements[i].offset > offset:
                return self.outer
        return self.charset

    cdef object foreign(self, Index index, const fd_element *e):
        """An element of undefined length that is not regular, by pydicom's own reader."""
        cdef uint64_t start = e.offset - e.header
        cdef bytes data = bytes_at(index.source, start, e.header + e.length, e.tag)
        cdef Source source = index.source
        # its delimiter, where there is one
        if e.offset + e.length + 8 <= source.input.size:
            data += bytes_at(source, e.offset + e.length, 8, e.tag)
        stream = Part(data, start - self.base)
        encoding = self.charset_at(e.offset)
        try:
            return next(data_element_generator(stream, bool(self.implicit), bool(self.little), None, self.defer, encoding))
        except RecursionError:
            if self.depth == 0:
                raise
            raise NestingError() from None

    # The mapping

    def __getitem__(self, tag):
        cdef PyObject *known = PyDict_GetItem(self.done, tag)
        cdef Index index
        cdef Py_ssize_t i
        if known != NULL:
            return <object>known
        i = self.find(tag)
        index = self.index
        if i < 0 or index is None:
            return self.done[tag]  # where it may have come, or a KeyError
        elem = self.finished_at(index, i)
        return self.done.setdefault(elem.tag, elem)

    def get(self, tag, default=None):
        cdef PyObject *known = PyDict_GetItem(self.done, tag)
        cdef Index index
        cdef Py_ssize_t i
        if known != NULL:
            return <object>known
        i = self.find(tag)
        index = self.index
        if i < 0 or index is None:
            return self.done.get(tag, default)
        elem = self.made_at(index, i)
        if not isinstance(elem, RawDataElement):
            return self.done.setdefault(elem.tag, elem)
        return elem

    def __contains__(self, tag):
        if PyDict_GetItem(self.done, tag) != NULL:
            return True
        return self.find(tag) >= 0 or tag in self.done

    def __setitem__(self, tag, elem):
        if self.index is not None and self.gone is not None and tag in self.gone:
            self.fill()
        self.done[tag] = elem

    def __delitem__(self, tag):
        if tag not in self:
            raise KeyError(tag)
        self.done.pop(tag, None)
        if self.index is not None:
            if self.gone is None:
                self.gone = set()
            self.gone.add(int(tag))

    def pop(self, tag, *default):
        if len(default) > 1:
            raise TypeError(f"pop expected at most 2 arguments, got {1 + len(default)}")
        elem = self.get(tag, self)
        if elem is self:
            if default:
                return default[0]
            raise KeyError(tag)
        del self[tag]
        return elem

    def popitem(self):
        self.fill()
        return self.done.popitem()

    def setdefault(self, tag, default=None):
        if tag not in self:
            self[tag] = default
        return self.get(tag)

    def update(self, *args, **kwargs):
        for tag, elem in dict(*args, **kwargs).items():
            self[tag] = elem

    def clear(self):
        self.index = None
        self.gone = None
        self.done = {}

    def copy(self):
        self.fill()
        return self.done.copy()

    def __array__(self, *args, **kwargs):
        import numpy as np

        self.fill()
        return np.asarray(self.done, *args, **kwargs)  # as of a dict: NumPy would take this for a sequence

    def __len__(self):
        cdef Py_ssize_t n
        if self.index is None:
            return len(self.done)
        if not self.done and self.gone is None:
            n = self.visible()
            return n if self.index is not None else len(self.done)
        return len(self.tags())

    def __iter__(self):
        # pydicom's writer goes through the tags so, before it opens a file that may be this one: what is not in memory is read now
        self.secure()
        return iter(self.tags())

    def __reversed__(self):
        return reversed(self.tags())

    def _tags(self):
        return self.tags()

    def keys(self):
        return self.done.keys() if self.index is None else _Keys(self)

    def values(self):
        self.fill()
        return self.done.values()

    def items(self):
        self.fill()
        return self.done.items()

    def __eq__(self, other):
        self.fill()
        if isinstance(other, Elements):
            (<Elements>other).fill()
            return self.done == (<Elements>other).done
        return self.done == other

    __hash__ = None

    def __or__(self, other):
        return self.copy() | other

    def __repr__(self):
        self.fill()
        return repr(self.done)

    def __reduce__(self):
        # a plain dict, which is unpickled where this package is not
        self.fill()
        return dict, (self.done,)

    def __copy__(self):
        return self.copy()

    def __deepcopy__(self, memo):
        self.fill()
        return deepcopy(self.done, memo)


MutableMapping.register(Elements)


# Items


cdef class ItemList:
    """The items of a sequence: where each begins is known, its data set is made when it is touched. A list for the rest."""

    def __init__(self):
        raise TypeError("an ItemList comes with a sequence that was read")

    def __dealloc__(self):
        free(self.spans)

    cdef bint read(self, const fd_element *e) except -1:
        """Find the items. False: something in them is not regular, or asks more than this knows."""
        cdef fd_cursor cursor
        cdef fd_item item
        cdef fd_status status = FD_OK
        cdef Py_ssize_t room = 0
        cdef void *grown
        cdef bint regular = True
        cdef bint big = not self.little
        if e.length:
            if self.source.locate(e.offset, e.length) == NULL:
                check_unchanged(self.source, e.tag)
                self.source.keep(e.offset, e.length, e.tag)
            fd_cursor_open(&cursor, &self.source.input, e.offset, e.offset + e.length, self.implicit, big, FD_UNDEFINED_ITEM)
            cursor.implicit, cursor.big, cursor.notes = self.implicit, big, 0
            try:
                while regular:
                    status = fd_cursor_item(&cursor, &item)
                    if status != FD_OK:
                        break
                    if self.n == room:
                        room = room * 2 if room else 4
                        grown = realloc(self.spans, <size_t>room * sizeof(fd_item))
                        if grown == NULL:
                            raise MemoryError
                        self.spans = <fd_item *>grown
                    self.spans[self.n] = item
                    self.n += 1
                    regular = self.is_regular(&item)
                self.source.check(status)
                regular = regular and status == FD_END and not cursor.notes and cursor.deepest <= DEEP
            finally:
                fd_cursor_close(&cursor)
        self.made = [None] * self.n
        self.missing = self.n
        return regular

    cdef bint is_regular(self, const fd_item *item) except -1:
        """Whether pydicom would find the same elements in an item: looked at without making anything."""
        cdef fd_cursor cursor
        cdef fd_element e
        cdef fd_status status = FD_OK
        cdef bint regular = not item.cut
        cdef bint big = not self.little
        cdef uint64_t end = item.offset + item.length
        if item.length == 0:  # pydicom takes what follows for its first element, and finds no VR there
            return regular and self.implicit
        fd_cursor_open(&cursor, &self.source.input, item.offset, end, self.implicit, big, FD_ITEM)
        try:
            regular = regular and cursor.implicit == self.implicit and cursor.big == big
            while regular:
                status = fd_cursor_next(&cursor, &e)
                if status != FD_OK:
                    regular = status == FD_END and cursor.pos == end
                    break
                status = fd_cursor_skip(&cursor, &e)
                regular = status == FD_OK and is_regular_element(&e, self.implicit, big, False)
            self.source.check(status)
            regular = regular and not cursor.notes and cursor.deepest <= DEEP
        finally:
            fd_cursor_close(&cursor)
        return regular

    cdef object dataset(self, Py_ssize_t i):
        """The data set of item i."""
        cdef Index index
        cdef Elements elements
        cdef object made = self.made[i]
        if made is not None:
            return made
        index = Index.__new__(Index)
        index.source = self.source
        index.open(self.spans[i].offset, self.spans[i].offset + self.spans[i].length, self.implicit, not self.little, FD_ITEM)
        elements = Elements.__new__(Elements)
        elements.index = index
        elements.done = {}
        elements.limit = <Py_ssize_t>index.ix.count if index.ix.complete else -1
        elements.implicit, elements.little = self.implicit, self.little
        elements.base = self.base
        elements.depth = self.depth
        elements.outer = self.charset
        elements.charset = self.charset
        elements.charset = charset_of(elements)
        elements.pixel_rep = self.pixel_rep
        made = new_object(Dataset)
        facts = from_template(Dataset)
        facts["_parent_encoding"] = self.charset
        facts["_dict"] = elements
        facts["_read_implicit"], facts["_read_little"], facts["_read_charset"] = bool(self.implicit), bool(self.little), elements.charset
        facts["is_undefined_length_sequence_item"] = bool(self.spans[i].undefined)
        facts["seq_item_tell"] = facts["file_tell"] = self.spans[i].offset - 8 - self.place_base
        if self.pixel_rep is not None:
            elements.pixel_rep = facts["_pixel_rep"] = elements.own_representation()
        PyObject_GenericSetAttr(made, "__dict__", facts)
        if self.made[i] is None:
            self.made[i] = made
            self.missing -= 1
        return self.made[i]

    cdef int secure(self) except -1:
        """Read the bytes of all items into memory, of whichever file they are: the sequence may have been put into another data set."""
        cdef Source source = self.source
        cdef uint64_t start, length
        if self.made:
            start = self.spans[0].offset
            length = self.spans[self.n - 1].offset + self.spans[self.n - 1].length - start
            if source.locate(start, length) == NULL:
                source.chunks.insert(source.chunk_before(start) + 1, (start, bytes_at(source, start, length, 0)))
        return 0

    cdef list whole(self):
        """The list itself, all items made."""
        cdef Py_ssize_t i
        if self.missing:
            for i in range(self.n):
                if self.made[i] is None:
                    self.dataset(i)
            self.missing = 0
        return self.made

    # The list

    def __len__(self):
        return len(self.made)

    def __getitem__(self, i):
        cdef Py_ssize_t n = len(self.made), k
        if not self.missing or isinstance(i, slice):
            return self.whole()[i]
        k = i
        if k < 0:
            k += n
        if not 0 <= k < n:
            raise IndexError("list index out of range")
        return self.dataset(k)

    def __iter__(self):
        if not self.missing:
            return iter(self.made)
        return _each(self)

    def __reversed__(self):
        return reversed(self.whole())

    def __contains__(self, item):
        return item in self.whole()

    def __setitem__(self, i, item):
        self.whole()[i] = item

    def __delitem__(self, i):
        del self.whole()[i]

    def insert(self, i, item):
        self.whole().insert(i, item)

    def append(self, item):
        self.whole().append(item)

    def extend(self, items):
        self.whole().extend(items)

    def __iadd__(self, items):
        self.whole().extend(items)
        return self

    def pop(self, i=-1):
        return self.whole().pop(i)

    def remove(self, item):
        self.whole().remove(item)

    def reverse(self):
        self.whole().reverse()

    def sort(self, **options):
        self.whole().sort(**options)

    def clear(self):
        self.made = []
        self.missing = 0

    def copy(self):
        return self.whole().copy()

    def index(self, *args):
        return self.whole().index(*args)

    def count(self, item):
        return self.whole().count(item)

    def __eq__(self, other):
        if isinstance(other, ItemList):
            return self.whole() == (<ItemList>other).whole()
        return self.whole() == other

    __hash__ = None

    def __repr__(self):
        return repr(self.whole())

    def __reduce__(self):
        return list, (self.whole(),)

    def __copy__(self):
        return self.copy()

    def __deepcopy__(self, memo):
        return deepcopy(self.whole(), memo)


MutableSequence.register(ItemList)


def _each(ItemList items):
    """The items one after the other, as a list gives them: those that come while it goes on too."""
    cdef Py_ssize_t i = 0
    while i < len(items.made):
        yield items[i]
        i += 1


# What is regular


cdef bint is_regular_element(const fd_element *e, bint implicit, bint big, bint top):
    """Whether pydicom's reader takes the header as it was taken here, or reads an undefined length on its own (`foreign`)."""
    if e.tag >> 16 == 0xFFFE or (e.flags & FD_ELEMENT_IMPLICIT != 0) != implicit or (e.flags & FD_ELEMENT_BIG != 0) != big:
        return False
    if not e.flags & FD_ELEMENT_UNDEFINED:
        return True
    if e.flags & FD_ELEMENT_ENCAPSULATED:
        return top and e.tag == FD_TAG_PIXEL_DATA and (e.vr == FD_VR_OB or e.vr == FD_VR_OW)
    if implicit:
        try:
            return _dictionary_vr_fast(e.tag) == "SQ"
        except KeyError:
            return e.length >= 8  # pydicom looks whether an item follows
    return e.vr == FD_VR_SQ or (e.vr == FD_VR_UN and config.settings.infer_sq_for_un_vr)


cdef bint are_regular(Index index, Py_ssize_t start, Py_ssize_t stop):
    cdef Py_ssize_t i
    for i in range(start, stop):
        if not is_regular_element(&index.ix.elements[i], index.told_implicit, index.told_big, True):
            return False
    return True


cdef object charset_of(Elements elements):
    """The encodings of a data set, as pydicom's reader finds them."""
    cdef Py_ssize_t i = fd_index_find(&elements.index.ix, TAG_CHARSET)
    if i < 0 or (elements.limit >= 0 and i >= elements.limit):
        return elements.outer
    elem = elements.finished_at(elements.index, i)
    if not isinstance(elem, RawDataElement) and type(elem.value) is str:
        found = python_encoding.get(elem.value)
        if found is not None and elem.value:
            return [found]
    return convert_encodings(convert_raw_data_element(elements.raw_at(elements.index, i)).value)


def steady(Source source, mmap):
    """A source whose bytes stay as they are whatever becomes of the path: the file stays open for it, or is read to its end now."""
    if source.held >= source.input.size:
        return source
    if mmap and source.counted:
        if source.file.changed == 0:  # opened by somebody else
            source.file.changed = <uint64_t>os.fstat(source.file.fd).st_mtime_ns
        return source
    return Source.from_buffer(source.fetch(0, source.input.size, 0), source.path)


cpdef Elements open_elements(
    Source source, uint64_t start, uint64_t stop, bint implicit, bint big, object stop_before, object defer, object reread, object outer
):
    """The mapping of a top-level data set; None when something in it is not regular, and pydicom should read it.

    Parameters
    ----------
    stop_before : frozenset of int
        Tags before which reading ends.
    """
    cdef Index index = Index.__new__(Index)
    cdef Elements elements
    cdef Py_ssize_t i, shown = -1
    cdef uint32_t notes
    cdef int kind
    source.warned = ALL_NOTES
    index.source = source
    index.open(start, stop, implicit, big, FD_TOP_LEVEL)
    if bool(index.ix.cursor.implicit) != implicit or bool(index.ix.cursor.big) != big:
        return None
    notes = index.ix.cursor.notes
    if stop_before:
        for i in range(<Py_ssize_t>index.ix.count):
            if index.ix.elements[i].tag in stop_before:
                shown = i
                break
        if shown < 0 and not index.ix.complete:
            return None
        if shown >= 0:
            for kind in range(FD_NOTE_KINDS):  # what is behind the end does not matter, but that it may replace an element before it
                if notes >> kind & 1 and <uint32_t>1 << kind != FD_NOTE_ORDER and index.ix.cursor.where[kind].offset >= index.ix.elements[shown].offset - index.ix.elements[shown].header:
                    notes &= ~(<uint32_t>1 << kind)
    if notes or index.ix.cursor.deepest > DEEP or not are_regular(index, 0, shown if shown >= 0 else <Py_ssize_t>index.ix.count):
        return None
    if shown < 0 and not index.ix.complete and not ends_with_delimiter(source, stop):
        source.check(fd_index_complete(&index.ix))
        if index.ix.cursor.notes or index.ix.cursor.deepest > DEEP or not are_regular(index, 0, <Py_ssize_t>index.ix.count):
            return None
    elements = Elements.__new__(Elements)
    elements.index = index
    elements.done = {}
    elements.limit = shown if shown >= 0 else <Py_ssize_t>index.ix.count if index.ix.complete else -1
    elements.implicit, elements.little = implicit, not big
    elements.defer = defer
    elements.reread = reread
    elements.outer = outer
    elements.charset = outer
    elements.charset = charset_of(elements)
    return elements


cdef bint ends_with_delimiter(Source source, uint64_t stop) except -1:
    """Whether the file ends as encapsulated pixel data do: what was cut off is found without a walk through the fragments."""
    if stop < 8:
        return False
    return bytes_at(source, stop - 8, 8, FD_TAG_PIXEL_DATA) in (b"\xfe\xff\xdd\xe0\0\0\0\0", b"\xff\xfe\xe0\xdd\0\0\0\0")


def end_of(Elements elements):
    """Where reading ended: the place of the header of the pixel data that were left out, or None."""
    cdef Py_ssize_t i = elements.limit
    if elements.index is None or not 0 <= i < <Py_ssize_t>elements.index.ix.count:
        return None
    return elements.index.ix.elements[i].offset - elements.index.ix.elements[i].header


def only(Elements elements, wanted):
    """Keep the elements of `wanted`, a set of tags."""
    cdef Py_ssize_t i
    cdef list places = []
    for tag in wanted:
        i = elements.find(tag)
        if i >= 0:
            places.append(i)
        elif elements.index is None:
            break
    if elements.index is not None:
        # tags first: an element that is got may have pydicom read the file, and the index is gone then
        tags = [tag_object(elements.index.ix.elements[i].tag) for i in sorted(places)]
        made = {tag: elements.get(tag) for tag in tags}
        elements.done = made
        elements.index = None
    else:
        elements.done = {tag: elem for tag, elem in elements.done.items() if tag in wanted}


cdef bint is_untouched(Elements elements) except -1:
    """Whether the mapping has what the file has: nothing taken out or put in, and what was made has the values of the file."""
    cdef Py_ssize_t i
    cdef ItemList items
    cdef fd_element *e
    cdef Index index = elements.index
    if index is None or elements.gone or (0 <= elements.limit < <Py_ssize_t>index.ix.count):
        return False
    for tag, elem in list(elements.done.items()):
        i = fd_index_find(&index.ix, tag)
        if i < 0:
            return False
        if isinstance(elem, RawDataElement):
            if elem != elements.raw_at(index, i):
                return False
        elif elem.VR == "SQ":
            found = getattr(elem.value, "_list", None)
            if not isinstance(found, ItemList):
                return False
            items, e = <ItemList>found, &index.ix.elements[i]
            if items.missing < items.n or items.source is not index.source:
                return False
            # or is it another sequence of the same file that was put here?
            if items.n and not e.offset <= items.spans[0].offset <= e.offset + e.length or not items.n and e.length:
                return False
        elif elem != convert_raw_data_element(elements.raw_at(index, i), encoding=elements.charset):
            return False
    return True


def untouched(elements):
    """(source, start, stop, implicit VR, big endian, head) of a mapping of `open_elements` that has what the file has; else None.

    `head` are the bytes before the data set, b"" where the source begins with it.
    The source is another one on the same open file, or on the same bytes: closing it leaves the mapping as it is.
    """
    cdef Index index = (<Elements>elements).index if isinstance(elements, Elements) else None
    cdef Source source
    if index is None or not is_untouched(<Elements>elements):
        return None
    source = index.source
    if source.held >= source.input.size:
        again = Source.from_buffer(source.view(source.base, source.held - source.base), source.path, source.base)
    elif source.file.fd >= 0:
        check_unchanged(source, 0)
        again = Source.from_descriptor(source.file.fd, source.path, False)
    else:
        return None
    head = bytes(again.read(source.base, index.start - source.base))
    return again, index.start, min(index.stop, source.input.size), bool(index.told_implicit), bool(index.told_big), head
