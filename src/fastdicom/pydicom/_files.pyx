# cython: nonecheck=True
"""pydicom's FileDataset of a regular file: what its reader puts together, over the lazy mapping."""

import os

import pydicom.uid
from pydicom.charset import default_encoding
from pydicom.dataelem import RawDataElement
from pydicom.dataset import FileDataset, FileMetaDataset

from cpython.object cimport PyObject_GenericSetAttr
from libc.stdint cimport uint8_t

from fastdicom._core cimport FD_OK, FD_VR_UI, FD_VR_UL, Source, fd_element, fd_error, fd_load32, fd_part10, fd_part10_read, fd_status
from fastdicom.pydicom._lazy cimport Elements, open_elements
from fastdicom.pydicom._parts cimport bytes_at, from_template, tag_object

cdef object new_object = object.__new__


cdef object file_meta_of(Source source, fd_part10 *head):
    """Group 0002 as pydicom reads it, or None: it would have something to say."""
    cdef Elements elements = open_elements(source, head.meta_offset, head.dataset_offset, False, False, None, None, None, default_encoding)
    cdef Py_ssize_t i
    cdef const uint8_t *p
    cdef fd_element e
    if elements is None or elements.index.ix.count == 0 or elements.limit < 0:
        return None
    for i in range(elements.limit):
        if elements.index.ix.elements[i].tag >> 16 != 2:
            return None
    i = elements.find(0x00020000)
    if i >= 0:
        e = elements.index.ix.elements[i]
        p = source.locate(e.offset, 4)
        if e.vr != FD_VR_UL or e.length != 4 or p == NULL or fd_load32(p, False) != head.dataset_offset - head.meta_offset - 12:
            return None
    i = elements.find(0x00020010)
    if i < 0 or elements.index.ix.elements[i].vr != FD_VR_UI:
        return None
    first = tag_object(elements.index.ix.elements[0].tag)
    # pydicom's reader has converted the first one and the transfer syntax
    if isinstance(elements[first], RawDataElement) or isinstance(elements[tag_object(0x00020010)], RawDataElement):
        return None
    elements.fill()
    made = new_object(FileMetaDataset)
    facts = from_template(FileMetaDataset)
    facts["_dict"] = elements.done
    facts["_read_implicit"], facts["_read_little"], facts["_read_charset"] = False, True, default_encoding
    PyObject_GenericSetAttr(made, "__dict__", facts)
    return made


def open_file(Source source, object filename, object buffer, object stop_before, object defer, object reread):
    """The FileDataset of a file, or None: something in it is not regular, and pydicom should read it.

    Parameters
    ----------
    filename : str or None
    buffer : BytesIO or None
        Where the bytes come from: one of the two.
    stop_before : set of int or None
        Tags before which reading ends.
    defer : float or None
        Values longer than this are read again when they are touched.
    reread : callable
        Gives the data set as pydicom's own reader reads it.
    """
    cdef fd_part10 head
    cdef fd_error error
    cdef Elements elements
    cdef fd_status status = fd_part10_read(&source.input, False, &head, &error)
    source.check(FD_OK)
    if (status != FD_OK or not head.has_preamble or head.guessed or head.notes or head.deflated or head.meta_offset != 132
            or head.meta_offset + head.meta_length != head.dataset_offset or head.dataset_offset >= source.input.size):
        return None
    if source.input.size - head.dataset_offset >= 2 and bytes_at(source, head.dataset_offset, 2, 0) == b"\0\0":
        return None  # a command set (PS3.7 6.3), which pydicom reads by itself
    uid = head.transfer_syntax.decode("latin-1")
    if bool(head.implicit) != (uid == "1.2.840.10008.1.2") or bool(head.big) != (uid == "1.2.840.10008.1.2.2"):
        return None
    if pydicom.uid.PrivateTransferSyntaxes and uid in pydicom.uid.PrivateTransferSyntaxes:
        return None
    file_meta = file_meta_of(source, &head)
    if file_meta is None or file_meta._dict[0x00020010]._value != uid:
        return None
    elements = open_elements(
        source, head.dataset_offset, source.input.size, bool(head.implicit), bool(head.big), stop_before, defer, reread, default_encoding)
    if elements is None:
        return None
    made = new_object(FileDataset)
    facts = from_template(FileDataset)
    facts["_dict"] = elements
    facts["preamble"] = bytes_at(source, 0, 128, 0)
    facts["file_meta"] = file_meta
    facts["_read_implicit"], facts["_read_little"], facts["_read_charset"] = bool(head.implicit), not head.big, elements.charset
    if "_is_implicit_VR" in facts:
        facts["_is_implicit_VR"], facts["_is_little_endian"] = bool(head.implicit), not head.big
    if buffer is None:
        facts["filename"] = filename
        facts["timestamp"] = os.stat(filename).st_mtime
    else:
        facts["filename"], facts["buffer"], facts["fileobj_type"] = None, buffer, type(buffer)
    PyObject_GenericSetAttr(made, "__dict__", facts)
    if tag_object(0x00080005) in elements:  # pydicom's reader has converted it
        made[tag_object(0x00080005)]
    return made
