"""The generated tables of csrc/fd_dict as Python objects, and for other compiled modules (see _tables.pxd)."""

from cpython.unicode cimport PyUnicode_AsUTF8AndSize
from libc.stddef cimport size_t
from libc.stdint cimport uint16_t, uint32_t


cdef extern from "fd_dict.h" nogil:
    enum:
        FD_DICT_RETIRED
        FD_DICT_REPEATING
        FD_DICT_GENERIC
        FD_VR_NONE
        FD_VR_OB_OW
        FD_VR_US_SS
        FD_VR_US_OW
        FD_VR_US_SS_OW
    ctypedef struct fd_dict_entry:
        uint32_t tag
        uint16_t vr
        unsigned char flags
    ctypedef struct fd_dict_private_entry:
        const char *name
        const char *vm
        uint16_t vr
    const char *fd_dict_edition_name() noexcept
    const fd_dict_entry *fd_dict_find(uint32_t tag) noexcept
    uint16_t fd_dict_vr(uint32_t tag) noexcept
    bint fd_dict_tag(const char *keyword, size_t n, uint32_t *tag) noexcept
    const char *fd_dict_entry_keyword(const fd_dict_entry *e) noexcept
    const char *fd_dict_entry_name(const fd_dict_entry *e) noexcept
    const char *fd_dict_entry_vm(const fd_dict_entry *e) noexcept
    size_t fd_dict_keyword_length(const fd_dict_entry *e) noexcept
    const fd_dict_entry *fd_dict_at(size_t index) noexcept
    uint16_t fd_dict_private_vr(const char *creator, size_t n, uint32_t tag) noexcept
    bint fd_dict_private_find(const char *creator, size_t n, uint32_t tag, fd_dict_private_entry *out) noexcept
    bint fd_dict_creator_at(size_t index, const char **creator, size_t *entries) noexcept
    bint fd_dict_private_at(size_t index, size_t entry, uint32_t *tag, fd_dict_private_entry *out) noexcept


cdef uint16_t vr_of(uint32_t tag) noexcept nogil:
    return fd_dict_vr(tag)


cdef uint16_t private_vr_of(const char *creator, size_t n, uint32_t tag) noexcept nogil:
    return fd_dict_private_vr(creator, n, tag)


cdef bint tag_of(const char *keyword, size_t n, uint32_t *tag) noexcept nogil:
    return fd_dict_tag(keyword, n, tag)


cdef str vr_text(uint16_t vr):
    """A VR code as PS3.6 prints it."""
    if vr == FD_VR_NONE:
        return "NONE"
    if vr == FD_VR_US_SS:
        return "US or SS"
    if vr == FD_VR_OB_OW:
        return "OB or OW"
    if vr == FD_VR_US_OW:
        return "US or OW"
    if vr == FD_VR_US_SS_OW:
        return "US or SS or OW"
    return chr(vr >> 8) + chr(vr & 0xFF)


cdef tuple entry_tuple(const fd_dict_entry *e, uint32_t tag):
    return (
        tag,
        vr_text(e.vr),
        (<bytes> fd_dict_entry_vm(e)).decode("ascii"),
        (<bytes> fd_dict_entry_keyword(e)).decode("ascii"),
        (<bytes> fd_dict_entry_name(e)).decode("utf-8"),
        bool(e.flags & FD_DICT_RETIRED),
        bool(e.flags & FD_DICT_REPEATING),
    )


def edition():
    """The edition of the standard that the tables were made from."""
    return (<bytes> fd_dict_edition_name()).decode("ascii")


def find(uint32_t tag, bint generic=False):
    """(tag, VR, VM, keyword, name, retired, repeating) or None; with ``generic`` group lengths and private creators too."""
    cdef const fd_dict_entry *e = fd_dict_find(tag)
    if e == NULL or (e.flags & FD_DICT_GENERIC and not generic):
        return None
    return entry_tuple(e, tag)


def vr(uint32_t tag):
    """The VR as PS3.6 prints it, or None: group lengths and private creators are known, too."""
    cdef const fd_dict_entry *e = fd_dict_find(tag)
    return None if e == NULL else vr_text(e.vr)


def keyword(uint32_t tag):
    """The keyword, or "" where there is none."""
    cdef const fd_dict_entry *e = fd_dict_find(tag)
    return "" if e == NULL else (<bytes> fd_dict_entry_keyword(e)).decode("ascii")


def tag_for(str text not None):
    """The tag of a keyword, or None."""
    cdef Py_ssize_t n = 0
    cdef uint32_t tag = 0
    if not text.isascii():  # a lone surrogate has no UTF-8, and no keyword has more than ASCII
        return None
    cdef const char *p = PyUnicode_AsUTF8AndSize(text, &n)
    return tag if fd_dict_tag(p, <size_t> n, &tag) else None


def entries():
    """All entries as ``find`` gives them, those of repeating groups last."""
    cdef size_t i = 0
    cdef const fd_dict_entry *e
    out = []
    while True:
        e = fd_dict_at(i)
        if e == NULL:
            return out
        out.append(entry_tuple(e, e.tag))
        i += 1


def keywords():
    """All keywords, in the order of their tags, those of repeating groups last."""
    cdef size_t i = 0
    cdef const fd_dict_entry *e
    out = []
    while True:
        e = fd_dict_at(i)
        if e == NULL:
            return out
        if fd_dict_keyword_length(e):
            out.append((<bytes> fd_dict_entry_keyword(e)).decode("ascii"))
        i += 1


cdef tuple private_tuple(const fd_dict_private_entry *e):
    return vr_text(e.vr), (<bytes> e.vm).decode("ascii"), (<bytes> e.name).decode("utf-8")


def private_find(str creator not None, uint32_t tag):
    """(VR, VM, name) of a vendor's element, or None; the block of the tag does not matter (PS3.5 7.8.1)."""
    cdef fd_dict_private_entry e
    cdef bytes raw = creator.encode("utf-8", "replace")
    return private_tuple(&e) if fd_dict_private_find(raw, <size_t> len(raw), tag, &e) else None


def private_entries():
    """(creator, tag with block 00, VR, VM, name) of every vendor's element."""
    cdef size_t i = 0, j, count = 0
    cdef const char *creator = NULL
    cdef uint32_t tag = 0
    cdef fd_dict_private_entry e
    out = []
    while fd_dict_creator_at(i, &creator, &count):
        name = (<bytes> creator).decode("utf-8")
        for j in range(count):
            fd_dict_private_at(i, j, &tag, &e)
            out.append((name, tag, *private_tuple(&e)))
        i += 1
    return out
