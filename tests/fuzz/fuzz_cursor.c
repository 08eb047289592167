/* Walks a whole data set with the cursor, sequences and their items included, as the reader does.
 *
 * The first byte says how: bit 0 implicit VR, bit 1 big endian, bit 2 and 3 the place, bits 4 to 6 the size of the small
 * window, bit 7 what is passed over.
 * Held: every step advances, every value lies inside its data set, an item inside its sequence, and the walk over small
 * windows sees what the walk over the whole does.
 */
#include "fuzz_input.h"

enum { MAX_DEPTH = 64 };

typedef struct walk {
    uint64_t hash;
    uint64_t elements;
    uint32_t notes;
    bool compare; /* worth comparing: no limit of the harness was reached */
} walk;

static void mix(walk *w, uint64_t value) { w->hash = (w->hash ^ value) * 0x9E3779B97F4A7C15u + (w->hash >> 29); }

static void walk_dataset(walk *w, fd_input *in, uint64_t pos, uint64_t end, bool implicit, bool big, fd_place place, int depth);

/* The items of a sequence value; what stands in it is walked too. */
static void walk_items(walk *w, fd_input *in, const fd_element *e, bool implicit, bool big, int depth)
{
    fd_cursor c;
    fd_item item;
    fd_status status;
    uint64_t end = e->offset + e->length, before;
    fd_cursor_open(&c, in, e->offset, end, implicit, big, FD_ITEM);
    for (;;) {
        before = c.pos;
        status = fd_cursor_item(&c, &item);
        if (status != FD_OK) break;
        CHECK(c.pos > before && c.pos <= end);
        CHECK(item.offset >= before + 8 && item.offset + item.length <= end);
        CHECK(item.offset + item.length <= c.pos);
        mix(w, item.offset);
        mix(w, item.length);
        walk_dataset(w, in, item.offset, item.offset + item.length, c.implicit, c.big,
                     item.undefined ? FD_UNDEFINED_ITEM : FD_ITEM, depth + 1);
    }
    CHECK(status == FD_END || status == FD_INVALID);
    CHECK(c.pos <= end || c.pos == before);
    w->notes |= c.notes;
    fd_cursor_close(&c);
}

static bool is_sequence(const fd_element *e)
{
    if (e->flags & FD_ELEMENT_ENCAPSULATED) return false;
    return e->vr == FD_VR_SQ || ((e->vr == FD_VR_UN || e->vr == FD_VR_NONE) && e->flags & FD_ELEMENT_UNDEFINED);
}

static void walk_dataset(walk *w, fd_input *in, uint64_t pos, uint64_t end, bool implicit, bool big, fd_place place, int depth)
{
    fd_cursor c;
    fd_element e;
    fd_status status;
    if (depth > MAX_DEPTH || w->elements > 100000) {
        w->compare = false;
        return;
    }
    fd_cursor_open(&c, in, pos, end, implicit, big, place);
    for (;;) {
        uint64_t before = c.pos;
        status = fd_cursor_next(&c, &e);
        if (status != FD_OK) break;
        w->elements++;
        CHECK(e.header == 8 || e.header == 12);
        CHECK(e.offset >= before + e.header && e.offset <= c.end);
        status = fd_cursor_skip(&c, &e);
        CHECK(status == FD_OK);
        CHECK(c.pos > before && c.pos <= end);
        CHECK(e.length != FD_UNDEFINED && e.length <= end - e.offset);
        CHECK(e.offset + e.length <= c.pos);
        mix(w, e.tag);
        mix(w, e.offset);
        mix(w, e.length);
        mix(w, (uint64_t)e.vr << 16 | (uint64_t)e.header << 8 | e.flags);
        if (is_sequence(&e)) {
            bool un = e.vr == FD_VR_UN; /* CP-246: implicit VR little endian inside */
            walk_items(w, in, &e, c.implicit || un, c.big && !un, depth);
        }
    }
    CHECK(status == FD_END);
    CHECK(c.pos <= end);
    w->notes |= c.notes;
    fd_cursor_close(&c);
}

/* Passing over elements leads to one that the plain walk sees too, and leaves out only tags that nobody wanted. */
static void check_pass(fd_input *in, uint64_t size, bool implicit, bool big, fd_place place, uint32_t until)
{
    fd_cursor plain, passing;
    fd_element e, found;
    fd_cursor_open(&plain, in, 0, size, implicit, big, place);
    fd_cursor_open(&passing, in, 0, size, implicit, big, place);
    const uint32_t notes = plain.notes; /* of the look at the first element */
    fd_cursor_pass(&passing, until);
    CHECK(passing.pos <= size);
    fd_status status = fd_cursor_next(&passing, &found);
    CHECK(status == FD_OK || status == FD_END);
    while (fd_cursor_next(&plain, &e) == FD_OK && (status != FD_OK || e.offset != found.offset)) {
        CHECK(e.tag < until && !(e.flags & FD_ELEMENT_UNDEFINED) && plain.notes == notes);
        CHECK(fd_cursor_skip(&plain, &e) == FD_OK);
    }
    if (status == FD_OK) {
        CHECK(e.tag == found.tag && e.offset == found.offset && e.length == found.length);
        CHECK(e.vr == found.vr && e.header == found.header && e.flags == found.flags);
        CHECK(fd_cursor_skip(&passing, &found) == FD_OK && fd_cursor_skip(&plain, &e) == FD_OK);
    }
    CHECK(passing.pos == plain.pos && passing.notes == plain.notes && passing.last_tag == plain.last_tag);
    fd_cursor_close(&plain);
    fd_cursor_close(&passing);
}

static walk run(fd_input *in, uint64_t size, unsigned mode)
{
    walk w = {.hash = 1, .compare = true};
    fd_place place = (mode >> 2 & 3) == 3 ? FD_TOP_LEVEL : (fd_place)(mode >> 2 & 3);
    walk_dataset(&w, in, 0, size, mode & 1, mode >> 1 & 1, place, 0);
    check_pass(in, size, mode & 1, mode >> 1 & 1, place, mode & 0x80 ? 0x00280010 : 0x00100010);
    return w;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fd_input in;
    windowed small;
    if (size < 1) return 0;
    unsigned mode = data[0];
    fd_input_memory(&in, data + 1, size - 1);
    walk whole = run(&in, size - 1, mode);

    size_t least = (size_t)1 << (mode >> 4 & 7);
    walk pieces = run(windowed_open(&small, data + 1, size - 1, size - 1, least), size - 1, mode);
    windowed_close(&small);
    CHECK(!whole.compare || !pieces.compare || (whole.hash == pieces.hash && whole.notes == pieces.notes));

    /* a file that was cut while it was read */
    run(windowed_open(&small, data + 1, size - 1, size + 1000, least), size + 1000, mode);
    windowed_close(&small);
    return 0;
}
