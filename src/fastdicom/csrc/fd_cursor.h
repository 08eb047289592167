/* The element cursor: the one place that reads element headers (PS3.5 7.1), for the index, the scanner and the nets to come.
 *
 * It sees an fd_input (bytes at hand and a way to get more), walks one data set between two offsets, and reports one
 * element at a time. It never allocates by a declared length and every step advances. What it had to repair it counts in
 * `notes`, once a kind.
 */
#ifndef FD_CURSOR_H
#define FD_CURSOR_H

#include "fd_common.h"
#include "fd_vr.h"

#define FD_UNDEFINED UINT64_MAX /* the length of an element of undefined length before its end is known */

#define FD_TAG_ITEM 0xFFFEE000u
#define FD_TAG_ITEM_END 0xFFFEE00Du
#define FD_TAG_SEQUENCE_END 0xFFFEE0DDu
#define FD_TAG_PIXEL_DATA 0x7FE00010u

typedef struct fd_input fd_input;

/* Brings [offset, offset + want) into the window (in->data, start, end), or as much as there is. `want` is small (a header)
 * and lies below in->size. A short answer sets in->size to what is really there. FD_OK or FD_IO. */
typedef fd_status (*fd_fill_fn)(fd_input *in, uint64_t offset, size_t want);

struct fd_input {
    const uint8_t *data; /* bytes at hand: data[0] is the byte at offset `start` */
    uint64_t start, end; /* the window covers [start, end) */
    uint64_t size;       /* the input ends here */
    fd_fill_fn fill;     /* NULL: the window is all there is */
    void *context;
    bool failed; /* fill could not read: what seemed to be the end is none; the caller clears it */
};

/* n bytes at offset, or NULL when the input ends before or cannot be read. Valid until the next call. */
static inline const uint8_t *fd_input_at(fd_input *in, uint64_t offset, size_t n)
{
    if (offset >= in->start && offset <= in->end && in->end - offset >= n) return in->data + (offset - in->start);
    if (offset > in->size || in->size - offset < n || !in->fill) return NULL;
    if (in->fill(in, offset, n) != FD_OK) {
        in->failed = true;
        return NULL;
    }
    if (offset >= in->start && offset <= in->end && in->end - offset >= n) return in->data + (offset - in->start);
    return NULL;
}

static inline void fd_input_memory(fd_input *in, const void *data, uint64_t size)
{
    in->data = data;
    in->start = 0;
    in->end = in->size = size;
    in->fill = NULL;
    in->context = NULL;
    in->failed = false;
}

enum { /* fd_element.flags */
    FD_ELEMENT_UNDEFINED = 1, /* written with undefined length */
    FD_ELEMENT_CUT = 2,       /* the declared length goes beyond the end: `length` is what there is */
    FD_ELEMENT_IMPLICIT = 4,  /* this header had no VR */
    FD_ELEMENT_BIG = 8,       /* big endian */
    FD_ELEMENT_ENCAPSULATED = 16 /* undefined length and made of fragments, not of items with data sets (PS3.5 A.4) */
};

typedef struct fd_element {
    uint64_t offset; /* of the value */
    uint64_t length; /* of the value, without its delimiter; FD_UNDEFINED until fd_cursor_skip */
    uint32_t tag;
    uint16_t vr;     /* as written; FD_VR_NONE in implicit VR */
    uint8_t header;  /* bytes of the header before the value: 8 or 12 */
    uint8_t flags;
} fd_element;

enum { /* fd_cursor.notes: what was tolerated, a bit a kind */
    FD_NOTE_CUT = 1,               /* a value goes beyond the end */
    FD_NOTE_STRAY_DELIMITER = 2,   /* an item or sequence delimiter where no item or sequence is open */
    FD_NOTE_PADDING = 4,           /* zeros, or bytes that are no element, behind the last element */
    FD_NOTE_BAD_VR = 8,            /* a VR that the standard does not know */
    FD_NOTE_IMPLICIT = 16,         /* implicit VR found where explicit was said, or the other way round */
    FD_NOTE_BYTE_ORDER = 32,       /* the other byte order than said */
    FD_NOTE_NO_DELIMITER = 64,     /* a sequence or item without its delimiter */
    FD_NOTE_BAD_ITEM = 128,        /* something else where an item was expected */
    FD_NOTE_ORDER = 256,           /* elements out of order */
    FD_NOTE_DUPLICATE = 512,       /* a tag twice in one data set */
    FD_NOTE_CUT_HEADER = 1024,     /* the data set ends inside the header of an element */
    FD_NOTE_KINDS = 11
};

/* What is said of the kind whose bit is 1 << kind. */
const char *fd_note_text(unsigned kind);

typedef struct fd_place_of_note {
    uint64_t offset;
    uint32_t tag;
} fd_place_of_note;

typedef enum fd_place {
    FD_TOP_LEVEL,
    FD_ITEM,          /* the data set of an item of defined length */
    FD_UNDEFINED_ITEM /* of undefined length: an item delimiter ends it */
} fd_place;

typedef struct fd_cursor {
    fd_input *in;
    uint64_t pos, end;   /* the next header; the end of this data set */
    uint32_t last_tag;   /* of the element before, 0 at the start */
    bool implicit, big;
    fd_place place;
    bool delimited;      /* after FD_END: an item delimiter was there and has been passed */
    bool damaged;        /* noted since it was cleared: a value goes beyond the end, or has no delimiter */
    uint32_t notes;
    fd_place_of_note where[FD_NOTE_KINDS]; /* where each kind was first noted, valid when its bit is set */
    uint8_t *stack; /* of the walk through nested sequences; made when needed */
    size_t stack_room;
    size_t deepest; /* sequences and items of undefined length that it has seen inside each other */
} fd_cursor;

/* A cursor over the data set in [pos, end). The first element tells whether `implicit` and `big` are true; where it
 * contradicts, what it says is taken (and noted). Call fd_cursor_close afterwards. */
void fd_cursor_open(fd_cursor *c, fd_input *in, uint64_t pos, uint64_t end, bool implicit, bool big, fd_place place);
void fd_cursor_close(fd_cursor *c);

/* The next element's header. Then call fd_cursor_skip (always) before the next fd_cursor_next.
 * FD_END at the end of the data set; c->pos is then behind its item delimiter, if it has one. */
fd_status fd_cursor_next(fd_cursor *c, fd_element *e);

/* Goes behind the value. An undefined length is resolved by walking the items: e->length is set. */
fd_status fd_cursor_skip(fd_cursor *c, fd_element *e);

/* Passes over elements that nobody wants: as next and skip do, but only as long as they are well-formed, in ascending order,
 * of defined length, with their headers in the window and tags below `until`. Never reads and never notes. */
void fd_cursor_pass(fd_cursor *c, uint32_t until);

/* The items of a sequence value [pos, end): each call gives the span of the next item's data set.
 * FD_END: no more; FD_INVALID: something else than an item stands there. */
typedef struct fd_item {
    uint64_t offset; /* of the item's data set, behind the item header */
    uint64_t length; /* without the item delimiter */
    bool undefined;
    bool cut;
} fd_item;
fd_status fd_cursor_item(fd_cursor *c, fd_item *item);

#endif
