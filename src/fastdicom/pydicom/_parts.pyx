# cython: nonecheck=True
"""What the lazy mapping is made of: pydicom's tags, VRs and blank data sets, and the bytes of a file that nobody has written to."""

import os
from io import BytesIO

from pydicom import config
from pydicom._dicom_dict import DicomDictionary
from pydicom.dataset import FileDataset
from pydicom.hooks import hooks, raw_element_value, raw_element_vr
from pydicom.tag import BaseTag

from fastdicom.errors import TruncatedError
from fastdicom.tag import Tag

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.dict cimport PyDict_Copy, PyDict_GetItem
from cpython.object cimport PyObject
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from fastdicom._core cimport Source

# Tags and VRs as pydicom has them, each made once. Private tags are not kept, as there is no end of them.
cdef dict TAGS = {}
cdef dict VRS = {}


cdef object tag_object(uint32_t tag):
    cdef object key = tag
    cdef PyObject *known = PyDict_GetItem(TAGS, key)
    if known != NULL:
        return <object>known
    made = BaseTag(key)
    if not tag >> 16 & 1 and len(TAGS) < 10000:
        TAGS[key] = made
    return made


cdef object vr_object(uint16_t vr):
    cdef object key = vr
    cdef PyObject *known = PyDict_GetItem(VRS, key)
    if known != NULL:
        return <object>known
    made = chr(vr >> 8) + chr(vr & 0xFF) if vr else None
    VRS[key] = made
    return made


cdef object bytes_at(Source source, uint64_t offset, uint64_t length, uint32_t tag):
    """The bytes of a value. Those that are not in memory are read, from a file that nobody has written to meanwhile."""
    cdef const uint8_t *p = source.locate(offset, length)
    if p != NULL:
        return PyBytes_FromStringAndSize(<const char *>p, <Py_ssize_t>length)
    check_unchanged(source, tag)
    return source.fetch(offset, length, tag)


cdef int check_unchanged(Source source, uint32_t tag) except -1:
    source.acquire()
    try:
        now = os.fstat(source.file.fd)
    finally:
        source.release()
    if <uint64_t>now.st_mtime_ns != source.file.changed or <uint64_t>now.st_size != source.file.size:
        raise TruncatedError(
            "the file was written to after it was opened, and this was not read before: mmap=False reads everything at once",
            Tag(tag), None, source.path)
    return 0


cdef bint plain_conversion() except -1:
    """Whether pydicom converts values in its own way at the moment: no callback of the user's has a say."""
    return (
        config.data_element_callback is None and hooks.raw_element_vr is raw_element_vr
        and hooks.raw_element_value is raw_element_value and not hooks.raw_element_kwargs
    )


cdef object dictionary_vr(uint32_t tag):
    """The VR of pydicom's dictionary, which a program may have added to; None: there is none, or one of several."""
    cdef PyObject *found = PyDict_GetItem(<dict>DicomDictionary, tag_object(tag))
    if found == NULL or tag >> 16 & 1:
        return None
    vr = (<tuple><object>found)[0]
    return vr if len(vr) == 2 else None


cdef uint16_t vr_code(object vr) except? 0xFFFF:
    return <uint16_t>(ord(vr[0]) << 8 | ord(vr[1]))


cdef dict TEMPLATES = {}  # (class, pydicom's setting) → what its instances hold, and which of that is each one's own


cdef dict from_template(object kind):
    """The attributes of a new data set as pydicom's own constructor leaves them."""
    cdef object future = config._use_future
    cdef PyObject *known = PyDict_GetItem(TEMPLATES, (kind, future))
    cdef dict out
    if known == NULL:
        made = kind("", {}) if kind is FileDataset else kind()
        template = dict(vars(made))
        own = [name for name, value in template.items() if isinstance(value, (dict, list, set))]
        TEMPLATES[kind, future] = template, own
        return from_template(kind)
    template, own = <object>known
    out = PyDict_Copy(template)
    for name in own:
        out[name] = template[name].copy()
    return out


class Part(BytesIO):
    """Some bytes of a file, at the positions that they have there."""

    def __init__(self, data, start):
        super().__init__(data)
        self.start = start

    def tell(self):
        return super().tell() + self.start

    def seek(self, position, whence=0):
        return super().seek(position - self.start if whence == 0 else position, whence) + self.start
