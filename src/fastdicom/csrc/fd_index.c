#include "fd_index.h"

#include <stdlib.h>

/* Most elements take some twenty bytes; few data sets have more than a few hundred. */
static size_t first_room(const fd_index *ix)
{
    uint64_t guess = (ix->cursor.end - ix->cursor.pos) / 24 + 4;
    return guess < 288 ? (size_t)guess : 288;
}

static fd_status append(fd_index *ix, const fd_element *e)
{
    if (ix->count == ix->room) {
        /* An element takes at least eight bytes of the input, so the array is at most five times as large as that. */
        size_t room = ix->room ? ix->room + ix->room / 2 : first_room(ix);
        if (room > UINT32_MAX) return FD_MEMORY;
        fd_element *elements = realloc(ix->elements, room * sizeof *elements);
        if (!elements) return FD_MEMORY;
        ix->elements = elements;
        ix->room = room;
    }
    if (ix->count && e->tag <= ix->elements[ix->count - 1].tag) ix->sorted = false;
    ix->elements[ix->count++] = *e;
    return FD_OK;
}

typedef struct keyed {
    uint32_t tag, position;
} keyed;

static int by_tag(const void *a, const void *b)
{
    const keyed *x = a, *y = b;
    if (x->tag != y->tag) return x->tag < y->tag ? -1 : 1;
    return x->position < y->position ? -1 : 1;
}

/* Elements that are not in ascending order: drop all but the last of each tag, and make `order`. */
static fd_status settle(fd_index *ix)
{
    free(ix->order);
    ix->order = NULL;
    if (ix->sorted || ix->count == 0) return FD_OK;
    keyed *keys = malloc(ix->count * sizeof *keys);
    uint32_t *order = malloc(ix->count * sizeof *order);
    bool *dropped = calloc(ix->count, sizeof *dropped);
    if (!keys || !order || !dropped) {
        free(keys);
        free(order);
        free(dropped);
        return FD_MEMORY;
    }
    for (size_t i = 0; i < ix->count; i++) keys[i] = (keyed){ix->elements[i].tag, (uint32_t)i};
    qsort(keys, ix->count, sizeof *keys, by_tag);
    for (size_t i = 0; i + 1 < ix->count; i++) dropped[keys[i].position] = keys[i].tag == keys[i + 1].tag;
    size_t kept = 0;
    for (size_t i = 0; i < ix->count; i++) { /* `order` serves as the map from old to new positions first */
        order[i] = (uint32_t)kept;
        if (!dropped[i]) ix->elements[kept++] = ix->elements[i];
    }
    size_t n = 0;
    for (size_t i = 0; i < ix->count; i++)
        if (!dropped[keys[i].position]) keys[n++].position = order[keys[i].position];
    for (size_t i = 0; i < n; i++) order[i] = keys[i].position;
    ix->count = kept;
    ix->order = order;
    free(keys);
    free(dropped);
    return FD_OK;
}

/* Give back what was guessed too much. */
static void trim(fd_index *ix)
{
    if (ix->count == 0 || ix->room - ix->count <= ix->count / 4) return;
    fd_element *elements = realloc(ix->elements, ix->count * sizeof *elements);
    if (!elements) return;
    ix->elements = elements;
    ix->room = ix->count;
}

/* Where the cursor stood before a step that the input may fail. */
typedef struct mark {
    uint64_t pos;
    uint32_t last_tag, notes;
} mark;

static mark here(const fd_cursor *c) { return (mark){c->pos, c->last_tag, c->notes}; }

/* FD_IO when the input failed, which looks like its end to the cursor: it goes back, and nothing was found. */
static fd_status failed(fd_cursor *c, mark m)
{
    if (!c->in->failed) return FD_OK;
    c->pos = m.pos;
    c->last_tag = m.last_tag;
    c->notes = m.notes;
    return FD_IO;
}

/* From where the cursor stands to the end; with `stops` to encapsulated Pixel Data only. */
static fd_status walk(fd_index *ix, bool stops)
{
    fd_cursor *c = &ix->cursor;
    for (;;) {
        fd_element e;
        mark m = here(c);
        fd_status status = fd_cursor_next(c, &e);
        bool stop = status == FD_OK && stops && e.tag == FD_TAG_PIXEL_DATA && e.flags & FD_ELEMENT_ENCAPSULATED;
        if (status == FD_OK && !stop) status = fd_cursor_skip(c, &e);
        if (failed(c, m) != FD_OK) {
            status = settle(ix);
            return status == FD_OK ? FD_IO : status;
        }
        if (status == FD_OK) status = append(ix, &e);
        if (stop && status == FD_OK) return settle(ix); /* to be completed when somebody asks */
        if (status == FD_END) break;
        if (status != FD_OK) return status;
    }
    ix->complete = true;
    fd_cursor_close(c);
    trim(ix);
    return settle(ix);
}

fd_status fd_index_open(fd_index *ix, fd_input *in, uint64_t pos, uint64_t end, bool implicit, bool big, fd_place place)
{
    ix->elements = NULL;
    ix->count = ix->room = 0;
    ix->order = NULL;
    ix->sorted = true;
    ix->complete = false;
    in->failed = false;
    fd_cursor_open(&ix->cursor, in, pos, end, implicit, big, place);
    return in->failed ? FD_IO : walk(ix, true);
}

fd_status fd_index_complete(fd_index *ix)
{
    if (ix->complete) return FD_OK;
    fd_cursor *c = &ix->cursor;
    c->in->failed = false;
    /* The element that stopped the walk is the only one without a length. */
    for (size_t i = ix->count; i-- > 0;) {
        fd_element e = ix->elements[i];
        if (e.length != FD_UNDEFINED) continue;
        mark m = here(c);
        fd_status status = fd_cursor_skip(c, &e);
        if (failed(c, m) != FD_OK) return FD_IO;
        if (status != FD_OK) return status;
        ix->elements[i] = e;
        break;
    }
    return walk(ix, false);
}

void fd_index_close(fd_index *ix)
{
    free(ix->elements);
    free(ix->order);
    fd_cursor_close(&ix->cursor);
    ix->elements = NULL;
    ix->order = NULL;
    ix->count = ix->room = 0;
}

ptrdiff_t fd_index_find(const fd_index *ix, uint32_t tag)
{
    size_t low = 0, high = ix->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        uint32_t at = ix->elements[ix->order ? ix->order[middle] : middle].tag;
        if (at == tag) return (ptrdiff_t)(ix->order ? ix->order[middle] : middle);
        if (at < tag)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}
