/* What every harness of this folder shares: an input whose windows are as small as may be, each in a block of its own, so that
 * a read beside the window or of an older window is seen by the address sanitizer; and CHECK.
 */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include <stdio.h>
#include <stdlib.h>

#include "fd_cursor.h"

#define CHECK(condition)                                                            \
    do {                                                                            \
        if (!(condition)) {                                                         \
            fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                                \
        }                                                                           \
    } while (0)

typedef struct windowed {
    fd_input in;
    const uint8_t *bytes;
    uint64_t size;  /* how many there really are */
    size_t least;   /* a window holds at least so many */
    uint8_t *block; /* the window, or NULL */
} windowed;

static inline fd_status windowed_fill(fd_input *in, uint64_t offset, size_t want)
{
    windowed *w = in->context;
    free(w->block);
    w->block = NULL;
    in->size = w->size;
    in->data = NULL;
    in->start = in->end = 0;
    if (offset >= w->size) return FD_OK;
    uint64_t n = want < w->least ? w->least : want;
    if (n > w->size - offset) n = w->size - offset;
    w->block = malloc((size_t)n);
    CHECK(w->block || n == 0);
    memcpy(w->block, w->bytes + offset, (size_t)n);
    in->data = w->block;
    in->start = offset;
    in->end = offset + n;
    return FD_OK;
}

/* `said` is the size that the input claims; it turns out to be `size` at the first read that asks for more. */
static inline fd_input *windowed_open(windowed *w, const uint8_t *bytes, uint64_t size, uint64_t said, size_t least)
{
    w->bytes = bytes;
    w->size = size;
    w->least = least;
    w->block = NULL;
    w->in = (fd_input){.data = NULL, .start = 0, .end = 0, .size = said, .fill = windowed_fill, .context = w};
    return &w->in;
}

static inline void windowed_close(windowed *w)
{
    free(w->block);
    w->block = NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
