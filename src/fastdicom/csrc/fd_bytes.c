#include "fd_bytes.h"

static bool holds(const fd_piece *p, uint64_t offset) { return offset >= p->offset && offset - p->offset < p->length; }

/* A header may lie across two pieces: what is asked for begins where the first of them ends, so that they can be joined. */
static fd_status fill(fd_input *in, uint64_t offset, size_t want)
{
    fd_bytes *b = in->context;
    uint64_t need = offset;
    for (size_t i = 0; i < b->count && !b->missing; i++) {
        const fd_piece *p = &b->pieces[i];
        if (!holds(p, offset)) continue;
        const size_t left = p->length - (size_t)(offset - p->offset);
        if (left >= want) {
            in->data = p->data;
            in->start = p->offset;
            in->end = p->offset + p->length;
            return FD_OK;
        }
        if (offset + left > need) need = offset + left;
    }
    if (!b->missing) {
        b->missing = true;
        b->need = need;
        b->need_end = offset + want;
    }
    return FD_IO;
}

void fd_bytes_open(fd_bytes *b, const fd_piece *pieces, size_t count, uint64_t size, fd_input *in)
{
    *b = (fd_bytes){.pieces = pieces, .count = count};
    *in = (fd_input){.size = size, .fill = fill, .context = b};
}
