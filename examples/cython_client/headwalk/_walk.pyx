"""What a package of its own does with the core of fastdicom."""

from libc.stdint cimport uint16_t, uint32_t, uint64_t, uint8_t
from libc.string cimport memset

from fastdicom._core cimport (
    FD_ELEMENT_ENCAPSULATED, FD_ELEMENT_UNDEFINED, FD_OK, FD_ITEM, FD_TOP_LEVEL, FD_VR_SQ,
    Index, Items, check_abi, cursor_close, cursor_item, cursor_next, cursor_open, cursor_skip, elements_of, fd_cursor, fd_element,
    fd_error, fd_input, fd_input_memory, fd_item, fd_part10, fd_status, items_of_element, items_open, part10_read, value_of,
    vr_of_element,
)

check_abi()  # at import: an ImportError now, not a crash later

cdef enum:
    DEEPEST = 64  # levels of sequences that count_all enters


cdef inline int slot_of(uint16_t vr) noexcept nogil:
    """A place in a table for two capital letters; 676 for what is none, such as implicit VR."""
    cdef int first = (vr >> 8) - 65, second = (vr & 0xFF) - 65
    return first * 26 + second if 0 <= first < 26 and 0 <= second < 26 else 676


def sizes_by_vr(Index ds not None):
    """The bytes that the values of each VR take at the top level of a data set, as a dict; the loop over the index holds no GIL."""
    cdef size_t count = 0, i
    cdef const fd_element *elements = elements_of(ds, &count)
    cdef uint64_t[677] total
    with nogil:
        memset(total, 0, sizeof(total))
        for i in range(count):
            total[slot_of(elements[i].vr)] += elements[i].length
    if total[676]:  # implicit VR: the dictionary and the context say what it is
        for i in range(count):
            if slot_of(elements[i].vr) == 676:
                total[slot_of(vr_of_element(ds, &elements[i]))] += elements[i].length
    return {chr(65 + i // 26) + chr(65 + i % 26): total[i] for i in range(676) if total[i]}


def first_bytes(Index ds not None, uint32_t tag, size_t most=16):
    """The first bytes of a value as stored, without an object for the element; None when there is none."""
    cdef size_t count = 0, i
    cdef const fd_element *elements = elements_of(ds, &count)
    cdef const uint8_t *bytes_there
    for i in range(count):
        if elements[i].tag == tag:
            bytes_there = value_of(ds, &elements[i])
            return bytes_there[:min(most, <size_t>elements[i].length)]
    return None


def items(Index ds not None, uint32_t tag):
    """The data sets in a sequence; the caller gets objects of fastdicom again."""
    cdef size_t count = 0, i
    cdef const fd_element *elements = elements_of(ds, &count)
    cdef Items found
    for i in range(count):
        if elements[i].tag == tag and vr_of_element(ds, &elements[i]) == FD_VR_SQ:
            found = items_of_element(ds, &elements[i])
            return [found.dataset(k) for k in range(len(found))]
    return []


cdef bint is_sequence(const fd_element *e) noexcept nogil:
    return e.vr == FD_VR_SQ or (e.flags & FD_ELEMENT_UNDEFINED and not e.flags & FD_ELEMENT_ENCAPSULATED)


cdef uint64_t count_dataset(fd_input *input, fd_cursor *c, int depth) noexcept nogil:
    """The elements that `c` gives, and those in their items."""
    cdef fd_element e
    cdef fd_item item
    cdef fd_cursor spans, inner
    cdef uint64_t total = 0
    while cursor_next(c, &e) == FD_OK:
        if cursor_skip(c, &e) != FD_OK:
            break
        total += 1
        if not is_sequence(&e) or depth == DEEPEST:
            continue
        items_open(&spans, input, &e)
        while cursor_item(&spans, &item) == FD_OK:
            cursor_open(&inner, input, item.offset, item.offset + item.length, spans.implicit, spans.big, FD_ITEM)
            total += count_dataset(input, &inner, depth + 1)
            cursor_close(&inner)
        cursor_close(&spans)
    return total


def count_all(const uint8_t[::1] data not None, bint force=False):
    """How many elements a Part 10 file in memory has behind its File Meta Information, those of sequences in it too.

    Sequences in implicit VR are known only where they have undefined length. Nothing here holds the GIL: as many threads as there
    are processors can count at once.

    Raises
    ------
    ValueError
        It is no DICOM.
    """
    cdef fd_input input
    cdef fd_part10 head
    cdef fd_error error
    cdef fd_cursor c
    cdef fd_status status = FD_OK
    cdef uint64_t total = 0
    if data.shape[0] == 0:
        raise ValueError("no bytes")
    with nogil:
        fd_input_memory(&input, &data[0], <uint64_t>data.shape[0])
        status = part10_read(&input, force, &head, &error)
        if status == FD_OK:
            cursor_open(&c, &input, head.dataset_offset, <uint64_t>data.shape[0], head.implicit, head.big, FD_TOP_LEVEL)
            total = count_dataset(&input, &c, 0)
            cursor_close(&c)
    if status != FD_OK:
        raise ValueError(error.reason.decode() if error.reason != NULL else "unreadable")
    return total
