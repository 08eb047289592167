#include "fd_cursor.h"

#include <stdlib.h>

#define MOST_ZEROS (64u << 20) /* that a delimiter is looked for behind */

enum { VR_UNKNOWN, VR_SHORT, VR_LONG };

#define BIT(c) (1u << ((c) - 'A'))

/* For each first letter, the second letters of the VRs of PS3.5 6.2; and of those with a 32-bit length (7.1.2). */
static const uint32_t KNOWN_VR[26] = {
    ['A' - 'A'] = BIT('E') | BIT('S') | BIT('T'),
    ['C' - 'A'] = BIT('S'),
    ['D' - 'A'] = BIT('A') | BIT('S') | BIT('T'),
    ['F' - 'A'] = BIT('D') | BIT('L'),
    ['I' - 'A'] = BIT('S'),
    ['L' - 'A'] = BIT('O') | BIT('T'),
    ['O' - 'A'] = BIT('B') | BIT('D') | BIT('F') | BIT('L') | BIT('V') | BIT('W'),
    ['P' - 'A'] = BIT('N'),
    ['S' - 'A'] = BIT('H') | BIT('L') | BIT('Q') | BIT('S') | BIT('T') | BIT('V'),
    ['T' - 'A'] = BIT('M'),
    ['U' - 'A'] = BIT('C') | BIT('I') | BIT('L') | BIT('N') | BIT('R') | BIT('S') | BIT('T') | BIT('V'),
};
static const uint32_t LONG_VR[26] = {
    ['O' - 'A'] = BIT('B') | BIT('D') | BIT('F') | BIT('L') | BIT('V') | BIT('W'),
    ['S' - 'A'] = BIT('Q') | BIT('V'),
    ['U' - 'A'] = BIT('C') | BIT('N') | BIT('R') | BIT('T') | BIT('V'),
};

static inline int vr_kind(uint8_t a, uint8_t b)
{
    unsigned i = (unsigned)a - 'A', j = (unsigned)b - 'A';
    if (i > 25 || j > 25 || !(KNOWN_VR[i] >> j & 1u)) return VR_UNKNOWN;
    return LONG_VR[i] >> j & 1u ? VR_LONG : VR_SHORT;
}

static inline bool is_capital(uint8_t a) { return a >= 'A' && a <= 'Z'; }

const char *fd_note_text(unsigned kind)
{
    static const char *const texts[FD_NOTE_KINDS] = {
        "a value goes beyond the end: what there is was kept",
        "an item or sequence delimiter where no item or sequence is open was passed over",
        "zeros, or bytes that are no element, behind the last element were ignored",
        "a VR that the standard does not know, or a header that contradicts it: the reading that fits what follows was taken",
        "the other kind of VR (implicit or explicit) than the transfer syntax says: read as what it is",
        "the other byte order than the transfer syntax says: read as what it is",
        "a sequence or item without its delimiter: it ends where the enclosing one does",
        "something else where an item was expected: passed over up to the next delimiter",
        "elements out of order",
        "a tag twice in one data set: the last one counts",
        "the data set ends inside the header of an element: those bytes were ignored",
    };
    return kind < FD_NOTE_KINDS ? texts[kind] : "";
}

static void note(fd_cursor *c, uint32_t kind, uint32_t tag, uint64_t offset)
{
    if (kind & (FD_NOTE_NO_DELIMITER | FD_NOTE_CUT)) c->damaged = true;
    if (c->notes & kind) return;
    c->notes |= kind;
    unsigned i = 0;
    while (kind >>= 1) i++;
    c->where[i] = (fd_place_of_note){offset, tag};
}

static inline uint64_t left(const fd_cursor *c, uint64_t pos) { return pos < c->end ? c->end - pos : 0; }

/* The input turned out shorter than it said. */
static void settle_end(fd_cursor *c)
{
    if (c->end > c->in->size) c->end = c->in->size;
}

/* Could a header stand at pos, behind an element `after`? Used to choose between readings of a header that is wrong. */
static bool plausible(fd_cursor *c, uint64_t pos, uint32_t after, bool implicit)
{
    if (pos == c->end) return true;
    if (left(c, pos) < 8) return false;
    const uint8_t *p = fd_input_at(c->in, pos, 8);
    if (!p) return false;
    uint32_t tag = fd_load_tag(p, c->big), length = fd_load32(p + 4, c->big);
    if (tag == FD_TAG_ITEM_END || tag == FD_TAG_SEQUENCE_END || tag == FD_TAG_ITEM) return c->place != FD_TOP_LEVEL;
    if (tag <= after) return false;
    if (!implicit) return vr_kind(p[4], p[5]) != VR_UNKNOWN;
    return length == UINT32_MAX || left(c, pos + 8) >= length;
}

static bool plausible_either(fd_cursor *c, uint64_t pos, uint32_t after)
{
    return plausible(c, pos, after, true) || plausible(c, pos, after, false);
}

/* Reading a header of 8 or 12 bytes as implicit, or explicit with a 16-bit or 32-bit length. */
static void take(fd_element *e, uint64_t pos, unsigned header, uint64_t length, uint16_t vr, bool big)
{
    e->offset = pos + header;
    e->length = length;
    e->vr = vr;
    e->header = (uint8_t)header;
    e->flags = (uint8_t)((vr == FD_VR_NONE ? FD_ELEMENT_IMPLICIT : 0) | (big ? FD_ELEMENT_BIG : 0));
    if (length == UINT32_MAX && (header == 12 || vr == FD_VR_NONE)) {
        e->length = FD_UNDEFINED;
        e->flags |= FD_ELEMENT_UNDEFINED;
    }
}

/* Explicit VR was said, but the two bytes are no VR of the standard. Three readings are possible; the first that leads to
 * a sensible next header is taken. */
static fd_status unknown_vr(fd_cursor *c, fd_element *e, const uint8_t *header)
{
    uint64_t pos = c->pos;
    uint16_t vr = FD_VR(header[4], header[5]);
    bool capitals = is_capital(header[4]) && is_capital(header[5]);
    uint64_t short_length = fd_load16(header + 6, c->big), implicit_length = fd_load32(header + 4, c->big);
    uint64_t long_length = 0;
    bool has_long = false;
    if (capitals && short_length == 0 && left(c, pos) >= 12) {
        const uint8_t *p = fd_input_at(c->in, pos + 8, 4);
        if (p) {
            long_length = fd_load32(p, c->big);
            has_long = true;
        }
    }
    note(c, FD_NOTE_BAD_VR, e->tag, pos);
    if (capitals) {
        /* PS3.5 7.1.2: a VR of a later edition has a 32-bit length; writers that invent one mostly use 16 bits. */
        if (has_long && (long_length == UINT32_MAX ||
                         (left(c, pos + 12) >= long_length && plausible(c, pos + 12 + long_length, e->tag, false))))
            take(e, pos, 12, long_length, vr, c->big);
        else
            take(e, pos, 8, short_length, vr, c->big);
        return FD_OK;
    }
    /* Some writers fall back to implicit VR for an element or a sequence (pydicom #1035, #1067). */
    bool fits = implicit_length == UINT32_MAX || left(c, pos + 8) >= implicit_length;
    if (fits && (implicit_length == UINT32_MAX || plausible_either(c, pos + 8 + implicit_length, e->tag))) {
        take(e, pos, 8, implicit_length, FD_VR_NONE, c->big);
        return FD_OK;
    }
    if (left(c, pos + 8) >= short_length && plausible(c, pos + 8 + short_length, e->tag, false)) {
        take(e, pos, 8, short_length, FD_VR_NONE, c->big);
        return FD_OK;
    }
    if (e->tag <= c->last_tag) return FD_INVALID; /* no reading makes sense, and the tag goes backwards: no element */
    take(e, pos, 8, implicit_length, FD_VR_NONE, c->big);
    return FD_OK;
}

/* A length that goes beyond the end: is there another reading of the header that does not? */
static void reread_length(fd_cursor *c, fd_element *e, const uint8_t *header)
{
    uint64_t pos = c->pos, other;
    if (e->header == 12) { /* OB and its kin written with a 16-bit length */
        other = fd_load16(header + 6, c->big);
        if (other && left(c, pos + 8) >= other && plausible(c, pos + 8 + other, e->tag, false)) {
            note(c, FD_NOTE_BAD_VR, e->tag, pos);
            take(e, pos, 8, other, e->vr, c->big);
            return;
        }
    } else if (e->flags & FD_ELEMENT_IMPLICIT) { /* an explicit header in an implicit data set */
        int kind = vr_kind(header[4], header[5]);
        other = fd_load16(header + 6, c->big);
        if (kind == VR_SHORT && left(c, pos + 8) >= other && plausible_either(c, pos + 8 + other, e->tag)) {
            note(c, FD_NOTE_IMPLICIT, e->tag, pos);
            take(e, pos, 8, other, FD_VR(header[4], header[5]), c->big);
            return;
        }
        if (kind == VR_LONG && left(c, pos) >= 12) {
            const uint8_t *p = fd_input_at(c->in, pos + 8, 4);
            uint32_t length = p ? fd_load32(p, c->big) : 0;
            if (p && (length == UINT32_MAX || (left(c, pos + 12) >= length && plausible_either(c, pos + 12 + length, e->tag)))) {
                note(c, FD_NOTE_IMPLICIT, e->tag, pos);
                take(e, pos, 12, length, FD_VR(header[4], header[5]), c->big);
                return;
            }
        }
    }
    /* A length field filled with spaces (a Siemens writer): the value is empty, if what follows is a header. */
    if (e->length == 0x20202020u && plausible(c, e->offset, e->tag, c->implicit)) {
        note(c, FD_NOTE_CUT, e->tag, pos);
        e->length = 0;
    }
}

/* Zeros where a header should be. true: they are followed by something, and the cursor stands there. */
static bool skip_zeros(fd_cursor *c)
{
    note(c, FD_NOTE_PADDING, 0, c->pos);
    size_t look = left(c, c->pos) < 4096 ? (size_t)left(c, c->pos) : 4096;
    const uint8_t *p = fd_input_at(c->in, c->pos, look);
    if (!p) return false;
    size_t i = 0;
    while (i < look && p[i] == 0) i++;
    if (i == look) return false;
    c->pos += i & ~(size_t)1;
    return true;
}

/* A tag of group FFFE among the elements. FD_END: the data set ends here. FD_OK: it was passed over. */
static fd_status delimiter(fd_cursor *c, uint32_t tag)
{
    if (tag == FD_TAG_ITEM_END && c->place == FD_UNDEFINED_ITEM) {
        c->pos += 8;
        c->delimited = true;
        return FD_END;
    }
    if (c->place == FD_UNDEFINED_ITEM) { /* the next item, or the end of the sequence: this item has no delimiter of its own */
        note(c, FD_NOTE_NO_DELIMITER, tag, c->pos);
        return FD_END;
    }
    note(c, FD_NOTE_STRAY_DELIMITER, tag, c->pos);
    c->pos += 8;
    return FD_OK;
}

static void mark_encapsulated(fd_element *e)
{
    /* PS3.5 A.4: fragments. UN and implicit VR of undefined length are sequences (CP-246), but for Pixel Data. */
    bool sequence = e->vr == FD_VR_SQ || ((e->vr == FD_VR_UN || e->vr == FD_VR_NONE) && e->tag != FD_TAG_PIXEL_DATA);
    if (!sequence) e->flags |= FD_ELEMENT_ENCAPSULATED;
}

/* Fewer bytes than a header has are the beginning of one that was cut off, if its tag could stand here; blanks, line feeds
 * or zeros that some program has added are not. */
static bool is_cut_header(fd_cursor *c)
{
    const size_t n = left(c, c->pos) < 8 ? (size_t)left(c, c->pos) : 0;
    const uint8_t *p = n && c->place == FD_TOP_LEVEL ? fd_input_at(c->in, c->pos, n) : NULL;
    if (!p || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0)) return false;
    size_t blanks = 0;
    while (blanks < n && (p[blanks] == '\r' || p[blanks] == '\n' || p[blanks] == ' ' || p[blanks] == 0x1A)) blanks++;
    if (blanks == n) return false;
    const uint32_t last = c->last_tag >> 16;
    if (n == 1) return last < 0x7FE0 && (c->big ? p[0] >= last >> 8 : p[0] >= (last & 0xFF));
    const uint32_t group = fd_load16(p, c->big);
    if (group < last || group == 0xFFFE || group == 0xFFFF) return false;
    return n >= 4 ? fd_load_tag(p, c->big) > c->last_tag : true;
}

static fd_status at_end(fd_cursor *c)
{
    if (c->pos < c->end) {
        note(c, is_cut_header(c) ? FD_NOTE_CUT_HEADER : FD_NOTE_PADDING, 0, c->pos);
        c->pos = c->end;
    }
    if (c->place == FD_UNDEFINED_ITEM) note(c, FD_NOTE_NO_DELIMITER, FD_TAG_ITEM_END, c->pos);
    return FD_END;
}

/* The header is not one that a careful writer makes. FD_OK: c->pos moved or *e is set (header != 0). */
static fd_status odd_header(fd_cursor *c, fd_element *e, const uint8_t *header)
{
    e->header = 0;
    if (e->tag == FD_TAG_ITEM || e->tag == FD_TAG_ITEM_END || e->tag == FD_TAG_SEQUENCE_END) return delimiter(c, e->tag);
    if (e->tag == 0 && fd_load32le(header + 4) == 0) return skip_zeros(c) ? FD_OK : at_end(c);
    if (unknown_vr(c, e, header) != FD_OK) {
        note(c, FD_NOTE_PADDING, e->tag, c->pos);
        c->pos = c->end;
        return at_end(c);
    }
    return FD_OK;
}

fd_status fd_cursor_next(fd_cursor *c, fd_element *e)
{
    c->delimited = false; /* an item inside may have set it */
    for (;;) {
        const uint8_t *p = left(c, c->pos) < 8 ? NULL : fd_input_at(c->in, c->pos, 8);
        if (!p) {
            settle_end(c);
            return at_end(c);
        }
        uint32_t tag = fd_load_tag(p, c->big);
        bool special = tag >> 16 == 0xFFFE || tag == 0;
        int kind = c->implicit ? VR_UNKNOWN : vr_kind(p[4], p[5]);
        e->tag = tag;
        if (special || (!c->implicit && kind == VR_UNKNOWN)) {
            uint8_t header[8];
            memcpy(header, p, 8);
            if (c->implicit && tag >> 16 == 0xFFFE && tag != FD_TAG_ITEM && tag != FD_TAG_ITEM_END && tag != FD_TAG_SEQUENCE_END)
                take(e, c->pos, 8, fd_load32(p + 4, c->big), FD_VR_NONE, c->big);
            else if (c->implicit && tag == 0 && fd_load32le(p + 4) != 0)
                take(e, c->pos, 8, fd_load32(p + 4, c->big), FD_VR_NONE, c->big);
            else {
                fd_status status = odd_header(c, e, header);
                if (status != FD_OK) return status;
                if (!e->header) continue;
            }
        } else if (kind == VR_SHORT) {
            e->offset = c->pos + 8;
            e->length = fd_load16(p + 6, c->big);
            e->vr = FD_VR(p[4], p[5]);
            e->header = 8;
            e->flags = c->big ? FD_ELEMENT_BIG : 0;
        } else if (kind == VR_LONG) {
            uint16_t vr = FD_VR(p[4], p[5]);
            p = left(c, c->pos) < 12 ? NULL : fd_input_at(c->in, c->pos, 12);
            if (!p) {
                settle_end(c);
                note(c, FD_NOTE_CUT, tag, c->pos);
                c->pos = c->end;
                return at_end(c);
            }
            take(e, c->pos, 12, fd_load32(p + 8, c->big), vr, c->big);
        } else {
            take(e, c->pos, 8, fd_load32(p + 4, c->big), FD_VR_NONE, c->big);
        }
        if (e->flags & FD_ELEMENT_UNDEFINED) {
            mark_encapsulated(e);
        } else if (left(c, e->offset) < e->length) {
            uint8_t header[8];
            p = fd_input_at(c->in, c->pos, 8);
            if (p) {
                memcpy(header, p, 8);
                reread_length(c, e, header);
            }
            if (e->flags & FD_ELEMENT_UNDEFINED) mark_encapsulated(e);
        }
        if (tag <= c->last_tag && c->last_tag) note(c, tag == c->last_tag ? FD_NOTE_DUPLICATE : FD_NOTE_ORDER, tag, c->pos);
        c->last_tag = tag;
        c->pos = e->offset;
        return FD_OK;
    }
}

void fd_cursor_pass(fd_cursor *c, uint32_t until)
{
    const fd_input *in = c->in;
    const uint64_t limit = in->end < c->end ? in->end : c->end;
    uint64_t pos = c->pos;
    uint32_t last = c->last_tag;
    if (c->big || pos < in->start) return;
    while (pos < limit && limit - pos >= 12) {
        const uint8_t *p = in->data + (pos - in->start);
        const uint32_t tag = fd_load_tag(p, false);
        if (tag <= last || tag >= until || tag >> 16 == 0xFFFE) break;
        uint64_t next;
        int kind = c->implicit ? VR_UNKNOWN : vr_kind(p[4], p[5]);
        if (kind == VR_SHORT) {
            next = pos + 8 + fd_load16le(p + 6);
        } else {
            if (kind == VR_UNKNOWN && !c->implicit) break;
            const uint32_t length = fd_load32le(p + (c->implicit ? 4 : 8));
            if (length == UINT32_MAX) break;
            next = pos + (c->implicit ? 8u : 12u) + length;
        }
        if (next > c->end) break;
        pos = next;
        last = tag;
    }
    c->pos = pos;
    c->last_tag = last;
}

/* Values of undefined length */

/* The offset of the next sequence delimiter at or behind pos; c->end when there is none. A long run of zeros is the hole of
 * a sparse or preallocated file, which may have hundreds of gigabytes: nothing is looked for behind it. */
static uint64_t find_delimiter(fd_cursor *c, uint64_t pos)
{
    uint64_t zeros = 0;
    static const uint8_t little[8] = {0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0}, big[8] = {0xFF, 0xFE, 0xE0, 0xDD, 0, 0, 0, 0};
    const uint8_t *mark = c->big ? big : little;
    while (left(c, pos) >= 8) {
        size_t look = left(c, pos) < 4096 ? (size_t)left(c, pos) : 4096;
        const uint8_t *p = fd_input_at(c->in, pos, look);
        if (!p) {
            settle_end(c);
            break;
        }
        for (size_t i = 0; i + 8 <= look; i++) {
            const uint8_t *q = memchr(p + i, mark[0], look - 7 - i);
            if (!q) break;
            i = (size_t)(q - p);
            if (memcmp(q, mark, 8) == 0) return pos + i;
        }
        zeros = p[0] == 0 && memcmp(p, p + 1, look - 1) == 0 ? zeros + look : 0;
        if (zeros > MOST_ZEROS) break;
        pos += look - 7;
    }
    return c->end;
}

/* What should have been an item is none: the value ends where a delimiter is found, or with the data set. */
static uint64_t lost(fd_cursor *c, uint64_t pos, uint32_t tag)
{
    note(c, FD_NOTE_BAD_ITEM, tag, pos);
    uint64_t end = find_delimiter(c, pos);
    if (end == c->end) note(c, FD_NOTE_NO_DELIMITER, tag, pos);
    return end;
}

/* Behind the fragments that start at c->pos; *end is the end of the value, without the delimiter. */
static void skip_fragments(fd_cursor *c, uint32_t tag, uint64_t *end)
{
    for (;;) {
        const uint8_t *p = left(c, c->pos) < 8 ? NULL : fd_input_at(c->in, c->pos, 8);
        if (!p) {
            settle_end(c);
            note(c, FD_NOTE_NO_DELIMITER, tag, c->pos);
            *end = c->pos = c->end;
            return;
        }
        uint32_t found = fd_load_tag(p, c->big), length = fd_load32(p + 4, c->big);
        if (found == FD_TAG_ITEM && length != UINT32_MAX) {
            if (left(c, c->pos + 8) < length) {
                note(c, FD_NOTE_CUT, tag, c->pos);
                *end = c->pos = c->end;
                return;
            }
            c->pos += 8 + (uint64_t)length;
            continue;
        }
        if (found == FD_TAG_SEQUENCE_END) {
            *end = c->pos;
            c->pos += 8;
            return;
        }
        /* NULs instead of the delimiter, the next element, or a fragment length that lies */
        if ((found == 0 && length == 0) || (found > tag && plausible(c, c->pos, tag, c->implicit))) {
            note(c, FD_NOTE_NO_DELIMITER, tag, c->pos);
            *end = c->pos;
            return;
        }
        *end = lost(c, c->pos, tag);
        c->pos = left(c, *end) >= 8 ? *end + 8 : c->end;
        return;
    }
}

typedef struct level {
    uint32_t last_tag;
    uint8_t item;     /* 1: an item of undefined length, 0: a sequence of undefined length */
    uint8_t implicit; /* of the data set that this level is in */
    uint8_t big;
    uint8_t place;
} level;

/* A level takes at least eight bytes of the input, so the stack is never larger than the input. */
static fd_status push(fd_cursor *c, size_t *depth, bool item)
{
    size_t need = (*depth + 1) * sizeof(level);
    if (need > c->stack_room) {
        size_t room = c->stack_room ? 2 * c->stack_room : 32 * sizeof(level);
        uint8_t *stack = realloc(c->stack, room);
        if (!stack) return FD_MEMORY;
        c->stack = stack;
        c->stack_room = room;
    }
    level *top = (level *)(void *)c->stack + (*depth)++;
    if (*depth > c->deepest) c->deepest = *depth;
    *top = (level){c->last_tag, item, c->implicit, c->big, (uint8_t)c->place};
    return FD_OK;
}

static bool pop(fd_cursor *c, size_t *depth)
{
    const level *top = (const level *)(const void *)c->stack + --*depth;
    c->last_tag = top->last_tag;
    c->implicit = top->implicit;
    c->big = top->big;
    c->place = (fd_place)top->place;
    return *depth == 0;
}

/* In UN of undefined length the items are implicit VR little endian whatever the file is (CP-246, PS3.5 6.2.2 note 2). */
static void enter_sequence(fd_cursor *c, uint16_t vr)
{
    if (vr != FD_VR_UN) return;
    c->implicit = true;
    if (!c->big) return;
    const uint8_t *p = left(c, c->pos) < 8 ? NULL : fd_input_at(c->in, c->pos, 8);
    if (p && fd_load_tag(p, false) == FD_TAG_ITEM) c->big = false;
}

static void detect(fd_cursor *c);

static void enter_item(fd_cursor *c)
{
    c->place = FD_UNDEFINED_ITEM;
    c->delimited = false;
    c->last_tag = 0;
    detect(c);
}

/* An item header, a delimiter, or neither, at c->pos inside a sequence. FD_OK: an item of undefined length was entered.
 * FD_END: the sequence ends, *end says where. FD_INVALID: something was passed over, go on. */
static fd_status step_items(fd_cursor *c, uint64_t *end)
{
    const uint8_t *p = left(c, c->pos) < 8 ? NULL : fd_input_at(c->in, c->pos, 8);
    if (!p) {
        settle_end(c);
        note(c, FD_NOTE_NO_DELIMITER, FD_TAG_SEQUENCE_END, c->pos);
        *end = c->pos = c->end;
        return FD_END;
    }
    uint32_t tag = fd_load_tag(p, c->big), length = fd_load32(p + 4, c->big);
    if (tag == FD_TAG_ITEM) {
        c->pos += 8;
        if (length == UINT32_MAX) return FD_OK;
        if (left(c, c->pos) < length) {
            note(c, FD_NOTE_CUT, tag, c->pos - 8);
            c->pos = c->end;
        } else
            c->pos += length;
        return FD_INVALID;
    }
    *end = c->pos;
    if (tag == FD_TAG_SEQUENCE_END) {
        c->pos += 8;
        return FD_END;
    }
    if (tag == FD_TAG_ITEM_END) { /* a delimiter behind an item of defined length */
        note(c, FD_NOTE_STRAY_DELIMITER, tag, c->pos);
        c->pos += 8;
        return FD_INVALID;
    }
    note(c, FD_NOTE_NO_DELIMITER, FD_TAG_SEQUENCE_END, c->pos);
    return FD_END;
}

/* Through a sequence (item = false) or the data set of an item (item = true) of undefined length, to behind its
 * delimiter. Iterative: only levels of undefined length go on the stack, those of defined length are jumped over. */
static fd_status skip_nested(fd_cursor *c, bool item, uint64_t *end)
{
    size_t depth = 0;
    fd_element e;
    fd_status status = push(c, &depth, item);
    if (item && status == FD_OK) enter_item(c);
    while (status == FD_OK) {
        const level *top = (const level *)(const void *)c->stack + (depth - 1);
        if (top->item) {
            uint64_t before = c->pos;
            status = fd_cursor_next(c, &e);
            if (status == FD_END) {
                *end = c->delimited ? c->pos - 8 : c->pos;
                if (pop(c, &depth)) return FD_OK;
                status = FD_OK;
                continue;
            }
            if (e.length != FD_UNDEFINED) {
                if (left(c, e.offset) < e.length) note(c, FD_NOTE_CUT, e.tag, before);
                c->pos = left(c, e.offset) < e.length ? c->end : e.offset + e.length;
            } else if (e.flags & FD_ELEMENT_ENCAPSULATED) {
                skip_fragments(c, e.tag, end);
            } else {
                status = push(c, &depth, false);
                enter_sequence(c, e.vr);
            }
            continue;
        }
        fd_status step = step_items(c, end);
        if (step == FD_END) {
            if (pop(c, &depth)) return FD_OK;
        } else if (step == FD_OK) {
            status = push(c, &depth, true);
            enter_item(c);
        }
    }
    return status;
}

fd_status fd_cursor_skip(fd_cursor *c, fd_element *e)
{
    if (e->length != FD_UNDEFINED) {
        uint64_t there = left(c, e->offset);
        if (there < e->length) {
            note(c, FD_NOTE_CUT, e->tag, e->offset - e->header);
            e->flags |= FD_ELEMENT_CUT;
            e->length = there;
        }
        c->pos = e->offset + e->length;
        return FD_OK;
    }
    uint64_t end = c->end;
    uint32_t last_tag = c->last_tag;
    c->damaged = false;
    c->pos = e->offset;
    const uint8_t *p = left(c, c->pos) < 8 ? NULL : fd_input_at(c->in, c->pos, 8);
    uint32_t first = p ? fd_load_tag(p, c->big) : 0;
    bool items = p && (first == FD_TAG_ITEM || first == FD_TAG_SEQUENCE_END || fd_load_tag(p, false) == FD_TAG_ITEM);
    if (!items) { /* undefined length, but no items: up to a delimiter, or all there is */
        e->flags &= (uint8_t)~FD_ELEMENT_ENCAPSULATED;
        end = lost(c, c->pos, e->tag);
        c->pos = left(c, end) >= 8 ? end + 8 : c->end;
    } else if (e->flags & FD_ELEMENT_ENCAPSULATED) {
        skip_fragments(c, e->tag, &end);
    } else {
        bool implicit = c->implicit, big = c->big;
        fd_place place = c->place;
        enter_sequence(c, e->vr);
        fd_status status = skip_nested(c, false, &end);
        c->implicit = implicit;
        c->big = big;
        c->place = place;
        c->delimited = false;
        if (status != FD_OK) return status;
    }
    if (c->damaged) e->flags |= FD_ELEMENT_CUT;
    c->last_tag = last_tag;
    e->length = end - e->offset;
    return FD_OK;
}

fd_status fd_cursor_item(fd_cursor *c, fd_item *item)
{
    for (;;) {
        uint64_t end = c->pos, header = c->pos;
        if (left(c, c->pos) == 0) return FD_END;
        fd_status step;
        const uint8_t *p = left(c, c->pos) < 8 ? NULL : fd_input_at(c->in, c->pos, 8);
        uint32_t tag = p ? fd_load_tag(p, c->big) : 0, length = p ? fd_load32(p + 4, c->big) : 0;
        step = step_items(c, &end);
        if (tag == FD_TAG_ITEM && step != FD_END) {
            item->offset = header + 8;
            item->undefined = length == UINT32_MAX;
            item->length = c->pos - item->offset;
            item->cut = !item->undefined && item->length < length;
            if (item->undefined) {
                uint32_t last_tag = c->last_tag;
                bool implicit = c->implicit, big = c->big;
                fd_place place = c->place;
                c->damaged = false;
                fd_status status = skip_nested(c, true, &end);
                c->implicit = implicit;
                c->big = big;
                c->place = place;
                c->delimited = false;
                c->last_tag = last_tag;
                item->length = end - item->offset;
                item->cut = c->damaged;
                return status;
            }
            return FD_OK;
        }
        if (step == FD_END) {
            if (tag == FD_TAG_SEQUENCE_END || (p && tag == 0 && length == 0)) return FD_END;
            return FD_INVALID;
        }
    }
}

/* What the first element tells */

static bool fits_explicit(fd_cursor *c, const uint8_t *header, bool big)
{
    int kind = vr_kind(header[4], header[5]);
    if (kind == VR_UNKNOWN) return false;
    return kind == VR_LONG || left(c, c->pos + 8) >= fd_load16(header + 6, big);
}

static bool fits_implicit(fd_cursor *c, const uint8_t *header, bool big)
{
    uint32_t length = fd_load32(header + 4, big);
    return length == UINT32_MAX || left(c, c->pos + 8) >= length;
}

/* Where the element at pos ends, if implicit or explicit VR is right; 0: nowhere sensible. *undefined: its length is that. */
static uint64_t element_end(fd_cursor *c, uint64_t pos, bool implicit, bool *undefined)
{
    const uint8_t *p = left(c, pos) < 8 ? NULL : fd_input_at(c->in, pos, 8);
    if (!p) return 0;
    int kind = implicit ? VR_LONG : vr_kind(p[4], p[5]);
    *undefined = false;
    if (kind == VR_UNKNOWN) return 0;
    if (kind == VR_SHORT) return pos + 8 + fd_load16(p + 6, c->big);
    uint64_t inside = pos + (implicit ? 8 : 12);
    p = left(c, pos) < inside - pos ? NULL : fd_input_at(c->in, inside - 4, 4);
    if (!p) return 0;
    uint32_t length = fd_load32(p, c->big);
    if (length != UINT32_MAX) return inside + length;
    *undefined = true; /* an item follows, or the end of none */
    p = left(c, inside) < 8 ? NULL : fd_input_at(c->in, inside, 8);
    uint32_t first = p ? fd_load_tag(p, c->big) : 0;
    return first == FD_TAG_ITEM || first == FD_TAG_SEQUENCE_END ? inside : 0;
}

enum { CONVINCED = 8 };

/* How many elements follow each other from c->pos on, if implicit or explicit VR is right; CONVINCED when they do so up to
 * the end of the data set. */
static unsigned chain(fd_cursor *c, bool implicit)
{
    uint64_t pos = c->pos;
    uint32_t last = 0;
    for (unsigned n = 0; n < CONVINCED; n++) {
        if (pos == c->end) return CONVINCED;
        const uint8_t *p = left(c, pos) < 8 ? NULL : fd_input_at(c->in, pos, 8);
        if (!p) return n;
        uint32_t tag = fd_load_tag(p, c->big);
        if (tag == FD_TAG_ITEM_END && c->place != FD_TOP_LEVEL) return CONVINCED;
        if (tag <= last || tag >> 16 == 0xFFFE) return n;
        bool undefined;
        pos = element_end(c, pos, implicit, &undefined);
        if (pos == 0 || pos > c->end) return n;
        if (undefined) return CONVINCED;
        last = tag;
    }
    return CONVINCED;
}

/* Does something sensible follow the first header, in the byte order that c has now? */
static bool goes_on(fd_cursor *c, const uint8_t *header) { return chain(c, vr_kind(header[4], header[5]) == VR_UNKNOWN) >= 2; }

/* The other byte order: group 0008 reads as 0800. Only the first element of a file is asked: groups above 00FF do not
 * start one, but they start items. */
static void detect_byte_order(fd_cursor *c, const uint8_t *header)
{
    uint16_t said = fd_load16(header, c->big), other = fd_load16(header, !c->big);
    if (said < 0x0100 || other >= 0x0100 || other == 0 || (other & 1)) return;
    bool as_said = goes_on(c, header);
    if (as_said && other != 0x0008) return; /* there is no group 0800, but 5400 and the like are */
    c->big = !c->big;
    if (as_said ? goes_on(c, header)
                : goes_on(c, header) || fits_explicit(c, header, c->big) || (c->implicit && fits_implicit(c, header, c->big)))
        note(c, FD_NOTE_BYTE_ORDER, fd_load_tag(header, c->big), c->pos);
    else
        c->big = !c->big;
}

static void detect(fd_cursor *c)
{
    uint8_t header[8];
    const uint8_t *p = left(c, c->pos) < 8 ? NULL : fd_input_at(c->in, c->pos, 8);
    if (!p) return;
    memcpy(header, p, 8);
    uint32_t tag = fd_load_tag(header, c->big);
    if (tag >> 16 == 0xFFFE || tag >> 16 == 0) return; /* a delimiter; a command set (always implicit, PS3.7 6.3) */
    if (c->place == FD_TOP_LEVEL) {
        detect_byte_order(c, header);
        tag = fd_load_tag(header, c->big);
    }
    bool explicit_vr = vr_kind(header[4], header[5]) != VR_UNKNOWN;
    uint64_t length = fd_load32(header + 4, c->big);
    if (c->implicit && explicit_vr) {
        /* As a length the two capitals say at least 0x4141 bytes, which is possible: the reading that goes further is right,
         * and what was said where both do. */
        unsigned as_said = chain(c, true);
        if (as_said >= 2 && as_said >= chain(c, false)) return;
        note(c, FD_NOTE_IMPLICIT, tag, c->pos);
        c->implicit = false;
    } else if (!c->implicit && !explicit_vr && !(is_capital(header[4]) && is_capital(header[5]))) {
        if (length != UINT32_MAX && (left(c, c->pos + 8) < length || !plausible(c, c->pos + 8 + length, tag, true))) return;
        note(c, FD_NOTE_IMPLICIT, tag, c->pos);
        c->implicit = true;
    }
}

void fd_cursor_open(fd_cursor *c, fd_input *in, uint64_t pos, uint64_t end, bool implicit, bool big, fd_place place)
{
    c->in = in;
    c->pos = pos;
    c->end = end < in->size ? end : in->size;
    c->last_tag = 0;
    c->implicit = implicit;
    c->big = big;
    c->place = place;
    c->delimited = false;
    c->damaged = false;
    c->notes = 0;
    c->stack = NULL;
    c->stack_room = 0;
    c->deepest = 0;
    detect(c);
}

void fd_cursor_close(fd_cursor *c)
{
    free(c->stack);
    c->stack = NULL;
    c->stack_room = 0;
}
