#include "fd_encap.h"

#include <stdlib.h>

void fd_encap_init(fd_encap *e) { memset(e, 0, sizeof *e); }

void fd_encap_free(fd_encap *e)
{
    free(e->fragments);
    free(e->first);
    memset(e, 0, sizeof *e);
}

/* fragments */

static fd_status add_fragment(fd_encap *e, uint64_t offset, uint64_t length)
{
    if (e->count == e->room) {
        const size_t room = e->room ? 2 * e->room : 16;
        fd_fragment *fragments = room > SIZE_MAX / sizeof *fragments ? NULL : realloc(e->fragments, room * sizeof *fragments);
        if (!fragments) return FD_MEMORY;
        e->fragments = fragments;
        e->room = room;
    }
    e->fragments[e->count++] = (fd_fragment){offset, length};
    return FD_OK;
}

/* The item at *pos, little endian (PS3.5 A.4). FD_END: the delimiter, zeros or the end; FD_INVALID: no item. */
static fd_status next_item(fd_encap *e, fd_input *in, uint64_t *pos, uint64_t end, fd_fragment *item)
{
    if (end - *pos < 8) return FD_END;
    const uint8_t *p = fd_input_at(in, *pos, 8);
    if (!p) return in->failed ? FD_IO : FD_END;
    const uint32_t tag = fd_load_tag(p, false), length = fd_load32le(p + 4);
    if (tag == FD_TAG_SEQUENCE_END || tag == 0) return FD_END;
    if (tag != FD_TAG_ITEM || length == UINT32_MAX) {
        e->notes |= FD_ENCAP_NOT_ITEM;
        return FD_INVALID;
    }
    *item = (fd_fragment){*pos + 8, length};
    if (length > end - item->offset) {
        item->length = end - item->offset;
        e->notes |= FD_ENCAP_CUT;
    }
    *pos = item->offset + item->length;
    return FD_OK;
}

/* Which kind of stream begins with a fragment's bytes: its second byte, 12 for a container. 0: none; FD_IO in *status. */
static uint8_t beginning(fd_input *in, const fd_fragment *f, fd_status *status)
{
    const size_t n = f->length < 8 ? (size_t)f->length : 8;
    const uint8_t *p = n >= 2 ? fd_input_at(in, f->offset, n) : NULL;
    if (!p) {
        if (n >= 2 && in->failed) *status = FD_IO;
        return 0;
    }
    if (p[0] == 0xFF && (p[1] == 0xD8 || p[1] == 0x0A)) return p[1];
    if (p[0] == 0xFF && p[1] == 0x4F && (n < 4 || (p[2] == 0xFF && p[3] == 0x51))) return p[1];
    if (n < 8 || fd_load32be(p) != 12) return 0;
    return memcmp(p + 4, "JXL ", 4) == 0 || memcmp(p + 4, "jP  ", 4) == 0 ? 12 : 0;
}

/* An offset table begins with 0, and no table with what a stream does: the first item is a fragment then. */
static fd_status check_table(fd_encap *e, fd_input *in)
{
    const fd_fragment item = {e->table_offset, e->table_length};
    fd_status status = FD_OK;
    if (!beginning(in, &item, &status)) return status;
    e->notes |= FD_ENCAP_NO_TABLE;
    e->base = item.offset - 8;
    e->table_length = 0;
    return add_fragment(e, item.offset, item.length);
}

fd_status fd_encap_read(fd_encap *e, fd_input *in, uint64_t offset, uint64_t end)
{
    fd_fragment item;
    uint64_t pos = offset;
    if (end > in->size) end = in->size;
    if (end < offset) end = offset;
    fd_status status = next_item(e, in, &pos, end, &item);
    if (status != FD_OK) return status == FD_IO ? FD_IO : FD_INVALID;
    e->table_offset = item.offset;
    e->table_length = item.length;
    e->base = pos;
    if ((status = check_table(e, in)) != FD_OK) return status;
    while ((status = next_item(e, in, &pos, end, &item)) == FD_OK) {
        if (add_fragment(e, item.offset, item.length) != FD_OK) return FD_MEMORY;
    }
    return status == FD_IO ? FD_IO : FD_OK;
}

/* frames */

static fd_status make_first(fd_encap *e, size_t frames)
{
    free(e->first);
    e->first = malloc((frames + 1) * sizeof *e->first); /* there are no more frames than fragments */
    if (!e->first) return FD_MEMORY;
    e->frames = frames;
    e->first[frames] = e->count;
    return FD_OK;
}

/* The fragment whose item header stands at `base + offset`, from `from` on; count: none. */
static size_t fragment_at(const fd_encap *e, uint64_t offset, size_t from)
{
    size_t low = from, high = e->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (e->fragments[middle].offset - 8 - e->base < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low < e->count && e->fragments[low].offset - 8 - e->base == offset ? low : e->count;
}

/* Frames by a table of `n` offsets of `bytes` = 4 or 8. FD_INVALID: it does not fit the fragments. */
static fd_status frames_by_table(fd_encap *e, fd_input *in, uint64_t at, const uint8_t *memory, size_t n, unsigned bytes)
{
    if (n > e->count) return FD_INVALID;
    if (make_first(e, n) != FD_OK) return FD_MEMORY;
    size_t from = 0;
    for (size_t i = 0; i < n; i++) {
        const uint8_t *p = memory ? memory + i * bytes : fd_input_at(in, at + i * bytes, bytes);
        if (!p) return in->failed ? FD_IO : FD_INVALID;
        const uint64_t offset = bytes == 8 ? fd_load64le(p) : fd_load32le(p);
        from = fragment_at(e, offset, from);
        if (from == e->count || (i == 0 && from != 0)) return FD_INVALID;
        e->first[i] = from++;
    }
    return FD_OK;
}

/* Frames by where streams begin. FD_INVALID: the first fragment does not begin one. */
static fd_status frames_by_markers(fd_encap *e, fd_input *in)
{
    if (make_first(e, e->count) != FD_OK) return FD_MEMORY;
    size_t frames = 0;
    fd_status status = FD_OK;
    const uint8_t kind = beginning(in, &e->fragments[0], &status); /* bytes in the middle may look like another's */
    if (!kind) return status == FD_OK ? FD_INVALID : status;
    for (size_t i = 0; i < e->count; i++) {
        if (beginning(in, &e->fragments[i], &status) == kind) e->first[frames++] = i;
        if (status != FD_OK) return status;
    }
    e->frames = frames;
    e->first[frames] = e->count;
    return FD_OK;
}

static fd_status frames_one_each(fd_encap *e)
{
    if (make_first(e, e->count) != FD_OK) return FD_MEMORY;
    for (size_t i = 0; i < e->count; i++) e->first[i] = i;
    return FD_OK;
}

static fd_status frames_by_any_table(fd_encap *e, fd_input *in, uint64_t wanted, const uint8_t *extended, size_t extended_length)
{
    fd_status status = FD_END; /* no table */
    if (extended && extended_length >= 8) {
        status = extended_length / 8 == wanted ? frames_by_table(e, in, 0, extended, extended_length / 8, 8) : FD_INVALID;
        if (status == FD_OK || status == FD_MEMORY || status == FD_IO) return status;
        e->notes |= FD_ENCAP_TABLE_LIES;
    }
    if (e->table_length >= 4) {
        const uint64_t n = e->table_length / 4;
        status = n == wanted ? frames_by_table(e, in, e->table_offset, NULL, (size_t)n, 4) : FD_INVALID;
        if (status == FD_INVALID) e->notes |= FD_ENCAP_TABLE_LIES;
    }
    return status;
}

static fd_status one_frame(fd_encap *e)
{
    if (make_first(e, 1) != FD_OK) return FD_MEMORY;
    e->first[0] = 0;
    return FD_OK;
}

/* A table that splits streams in the middle lies, even where its offsets are those of fragments. */
static fd_status check_beginnings(fd_encap *e, fd_input *in)
{
    for (size_t i = 0; i < e->frames; i++) {
        const fd_fragment *f = &e->fragments[e->first[i]];
        fd_status status = FD_OK;
        const uint8_t kind = beginning(in, f, &status);
        if (status != FD_OK) return status;
        if (f->length >= 4 && !kind) {
            e->notes |= FD_ENCAP_TABLE_LIES;
            return FD_INVALID;
        }
    }
    return FD_OK;
}

fd_status fd_encap_frames(fd_encap *e, fd_input *in, uint64_t wanted, fd_stream kind, const uint8_t *extended,
                          size_t extended_length)
{
    if (e->count == 0) return make_first(e, 0);
    if (kind == FD_STREAM_VIDEO || wanted == 1) return one_frame(e);
    fd_status status = frames_by_any_table(e, in, wanted, extended, extended_length);
    if (status == FD_OK && kind == FD_STREAM_MARKERS && e->count > wanted) status = check_beginnings(e, in);
    if (status == FD_OK || status == FD_MEMORY || status == FD_IO) return status;
    if (e->count <= wanted) {
        if (e->count < wanted) e->notes |= FD_ENCAP_FEWER;
        return frames_one_each(e);
    }
    if (kind == FD_STREAM_ONE_FRAGMENT) return FD_INVALID;
    status = frames_by_markers(e, in);
    return status == FD_OK && e->frames != wanted ? FD_INVALID : status;
}
