/* Passing over elements that nobody wants sees what looking at each of them sees. The first byte says which are wanted. */
#include "fuzz_input.h"

#include "fd_part10.h"

enum { MOST_ELEMENTS = 4096 };

/* The elements of the top level; with `until`, those below it may be passed over. */
static size_t walk(fd_input *in, const fd_part10 *head, uint32_t until, fd_element *out, uint32_t *notes)
{
    fd_cursor c;
    size_t count = 0;
    fd_cursor_open(&c, in, head->dataset_offset, in->size, head->implicit, head->big, FD_TOP_LEVEL);
    for (;;) {
        const uint64_t before = c.pos;
        fd_cursor_pass(&c, until);
        CHECK(c.pos >= before && c.pos <= c.end);
        if (count == MOST_ELEMENTS || fd_cursor_next(&c, &out[count]) != FD_OK) break;
        if (fd_cursor_skip(&c, &out[count]) != FD_OK) break;
        count++;
    }
    *notes = c.notes;
    fd_cursor_close(&c);
    return count;
}

static void compare_walks(const uint8_t *data, size_t size, unsigned mode)
{
    static fd_element all[MOST_ELEMENTS], some[MOST_ELEMENTS];
    fd_input in;
    fd_part10 head;
    fd_error error;
    uint32_t notes, notes_of_some;
    fd_input_memory(&in, data, size);
    if (fd_part10_read(&in, true, &head, &error) != FD_OK) return;
    const size_t count = walk(&in, &head, 0, all, &notes);
    if (count == MOST_ELEMENTS) return;
    const uint32_t until = (mode & 15) == 15 ? UINT32_MAX : all[count ? mode % count : 0].tag;
    const size_t fewer = walk(&in, &head, until, some, &notes_of_some);
    CHECK(notes == notes_of_some && fewer <= count);
    size_t next = 0;
    for (size_t i = 0; i < fewer; i++, next++) {
        while (next < count && all[next].offset != some[i].offset) CHECK(all[next++].tag < until);
        CHECK(next < count && all[next].tag == some[i].tag && all[next].length == some[i].length && all[next].vr == some[i].vr);
    }
    for (; next < count; next++) CHECK(all[next].tag < until);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) return 0;
    compare_walks(data + 1, size - 1, data[0]);
    return 0;
}
