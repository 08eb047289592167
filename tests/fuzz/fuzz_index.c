/* The index of a data set, completed behind encapsulated Pixel Data, and look-up. The first byte is as in fuzz_cursor.c. */
#include "fd_index.h"
#include "fuzz_input.h"

static void check_order(const fd_index *ix, uint64_t size)
{
    uint64_t behind = 0;
    for (size_t i = 0; i < ix->count; i++) {
        const fd_element *e = &ix->elements[i];
        CHECK(e->header == 8 || e->header == 12);
        CHECK(e->offset >= behind + e->header && e->offset <= size);
        if (e->length == FD_UNDEFINED) {
            CHECK(!ix->complete && i + 1 == ix->count);
            behind = e->offset;
        } else {
            CHECK(e->length <= size - e->offset);
            behind = e->offset + e->length;
        }
    }
    for (size_t i = 0; i < ix->count; i++) CHECK(fd_index_find(ix, ix->elements[i].tag) == (ptrdiff_t)i);
    CHECK(ix->sorted || ix->count == 0 || ix->order);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fd_index ix;
    windowed small;
    if (size < 1) return 0;
    unsigned mode = data[0];
    fd_place place = (mode >> 2 & 3) == 3 ? FD_TOP_LEVEL : (fd_place)(mode >> 2 & 3);
    data++;
    size--;
    fd_input *in = windowed_open(&small, data, size, size, (size_t)1 << (mode >> 4 & 7));
    CHECK(fd_index_open(&ix, in, 0, size, mode & 1, mode >> 1 & 1, place) == FD_OK);
    check_order(&ix, size);
    for (unsigned tries = 0; !ix.complete; tries++) {
        CHECK(tries <= size / 8);
        CHECK(fd_index_complete(&ix) == FD_OK);
        check_order(&ix, size);
    }
    fd_index_find(&ix, FD_TAG_PIXEL_DATA);
    fd_index_close(&ix);
    windowed_close(&small);
    return 0;
}
