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

/* Whether a fragment ends as a stream of JPEG and JPEG 2000 does: FFD9, and zeros that pad it. FD_IO in *status. */
static bool ends(fd_input *in, const fd_fragment *f, fd_status *status)
{
    size_t n = f->length < 4 ? (size_t)f->length : 4;
    const uint8_t *p = n >= 2 ? fd_input_at(in, f->offset + f->length - n, n) : NULL;
    if (!p) {
        if (n >= 2 && in->failed) *status = FD_IO;
        return false;
    }
    while (n > 2 && p[n - 1] == 0) n--;
    return p[n - 2] == 0xFF && p[n - 1] == 0xD9;
}

/* The first item, taken for the Basic Offset Table, is the first fragment. */
static fd_status no_table(fd_encap *e)
{
    const fd_fragment item = {e->table_offset, e->table_length};
    const fd_status status = add_fragment(e, item.offset, item.length);
    if (status != FD_OK) return status;
    memmove(e->fragments + 1, e->fragments, (e->count - 1) * sizeof *e->fragments);
    e->fragments[0] = item;
    e->notes |= FD_ENCAP_NO_TABLE;
    e->base = item.offset - 8;
    e->table_length = 0;
    return FD_OK;
}

/* Whether the first item is what an offset table must be: offsets from 0 on, each at least an item header behind the other. */
static bool is_table(const fd_encap *e, fd_input *in, fd_status *status)
{
    if (e->table_length % 4) return false;
    uint64_t next = 0;
    for (uint64_t at = 0; at < e->table_length; at += 4) {
        const uint8_t *p = fd_input_at(in, e->table_offset + at, 4);
        if (!p && in->failed) *status = FD_IO;
        if (!p || (at == 0 ? fd_load32le(p) != 0 : fd_load32le(p) < next)) return false;
        next = (uint64_t)fd_load32le(p) + 8;
    }
    return true;
}

/* No table begins as a stream does, or ends as one without being a table: the first item is a fragment then. */
static fd_status check_table(fd_encap *e, fd_input *in)
{
    const fd_fragment item = {e->table_offset, e->table_length};
    fd_status status = FD_OK;
    bool stream = beginning(in, &item, &status) != 0;
    if (!stream && status == FD_OK && ends(in, &item, &status)) stream = !is_table(e, in, &status);
    return stream && status == FD_OK ? no_table(e) : status;
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

/* Frames by a table of `n` offsets of `bytes` = 4 or 8; with `part` those at and behind the end are of frames that are
 * missing. FD_INVALID: it does not fit the fragments. */
static fd_status frames_by_table(fd_encap *e, fd_input *in, const uint8_t *memory, size_t n, unsigned bytes, bool part)
{
    if (n > e->count && !part) return FD_INVALID;
    if (make_first(e, n < e->count ? n : e->count) != FD_OK) return FD_MEMORY;
    const fd_fragment *last = &e->fragments[e->count - 1];
    const uint64_t end = last->offset + last->length - e->base;
    uint64_t before = 0;
    size_t frames = 0, from = 0;
    for (size_t i = 0; i < n; i++) {
        const uint8_t *p = memory ? memory + i * bytes : fd_input_at(in, e->table_offset + i * bytes, bytes);
        if (!p) return in->failed ? FD_IO : FD_INVALID;
        const uint64_t offset = bytes == 8 ? fd_load64le(p) : fd_load32le(p);
        if (i > 0 && offset <= before) return FD_INVALID;
        before = offset;
        if (part && i > 0 && offset >= end) continue;
        from = fragment_at(e, offset, from);
        if (from == e->count || (i == 0 && from != 0)) return FD_INVALID;
        e->first[frames++] = from++;
    }
    e->frames = frames;
    e->first[frames] = e->count;
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
        status = extended_length / 8 == wanted ? frames_by_table(e, in, extended, extended_length / 8, 8, false) : FD_INVALID;
        if (status == FD_OK || status == FD_MEMORY || status == FD_IO) return status;
        e->notes |= FD_ENCAP_TABLE_LIES;
    }
    if (e->table_length >= 4) {
        const uint64_t n = e->table_length / 4;
        status = n == wanted ? frames_by_table(e, in, NULL, (size_t)n, 4, false) : FD_INVALID;
        if (status == FD_INVALID) e->notes |= FD_ENCAP_TABLE_LIES;
    }
    return status;
}

/* Whether the frames that a part of a table tells are all that is there: each fragment is one, or streams begin in those it
 * tells and in no other. FD_INVALID: they are not. */
static fd_status check_part(fd_encap *e, fd_input *in, fd_stream kind)
{
    if (e->frames == e->count) return FD_OK;
    if (kind == FD_STREAM_ONE_FRAGMENT) return FD_INVALID;
    fd_status status = FD_OK;
    const uint8_t begin = beginning(in, &e->fragments[0], &status);
    for (size_t i = 0, frame = 0; i < e->count && status == FD_OK; i++) {
        const uint8_t found = beginning(in, &e->fragments[i], &status);
        const bool told = frame < e->frames && e->first[frame] == i;
        if (told) frame++;
        if (status == FD_OK && (told ? e->fragments[i].length >= 4 && !found : found && found == begin)) return FD_INVALID;
    }
    return status;
}

/* Frames by the table of a value that ends before its last frame: as far as it goes, the table is true. */
static fd_status frames_by_part(fd_encap *e, fd_input *in, uint64_t wanted, fd_stream kind, const uint8_t *extended,
                                size_t extended_length)
{
    fd_status status = FD_END;
    bool lies = false;
    if (extended && extended_length >= 8) {
        status = extended_length / 8 == wanted ? frames_by_table(e, in, extended, extended_length / 8, 8, true) : FD_INVALID;
        if (status == FD_OK) status = check_part(e, in, kind);
        lies = status == FD_INVALID;
    }
    if ((status == FD_END || lies) && e->table_length >= 4) {
        const uint64_t n = e->table_length / 4;
        status = n == wanted ? frames_by_table(e, in, NULL, (size_t)n, 4, true) : FD_INVALID;
        if (status == FD_OK) status = check_part(e, in, kind);
    }
    if (status != FD_OK) return status;
    e->notes |= FD_ENCAP_FEWER;
    if (!lies) e->notes &= ~(uint32_t)FD_ENCAP_TABLE_LIES;
    return FD_OK;
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

/* Where nothing but their number tells frames: whether the first item is one of them, by what it must be as a table, by the
 * header of RLE (PS3.5 G.5: 1 to 15 segments, the first at 64) and by what is there besides. FD_INVALID: it may be either. */
static fd_status check_first_item(fd_encap *e, fd_input *in, uint64_t wanted)
{
    fd_status status = FD_OK;
    if (e->table_length == 0 || is_table(e, in, &status) || status != FD_OK) return status;
    uint8_t head[8] = {0};
    const size_t n = e->table_length < 8 ? (size_t)e->table_length : 8;
    const uint8_t *p = fd_input_at(in, e->table_offset, n);
    if (!p && in->failed) return FD_IO;
    if (p) memcpy(head, p, n);
    const uint32_t segments = fd_load32le(head);
    if (segments >= 1 && segments <= 15 && fd_load32le(head + 4) == 64) return no_table(e);
    if (e->count >= wanted) return FD_OK; /* a table that lies: all frames are there without it */
    const bool alike = e->count == 0 || e->fragments[0].length == e->table_length;
    if (segments == 0 && !alike) return FD_OK; /* a table that nobody filled */
    return e->count + 1 == wanted && (alike || e->table_length / 4 != wanted) ? no_table(e) : FD_INVALID;
}

static fd_status frames_fewer(fd_encap *e, uint64_t wanted)
{
    if (e->count > wanted) return FD_INVALID;
    if (e->count < wanted) e->notes |= FD_ENCAP_FEWER;
    return frames_one_each(e);
}

/* Frames without a table, where streams do not begin in as many fragments as there should be frames. What follows a stream
 * that has not ended is more of it; what follows an end is a frame, though none begins there. Where the two may be taken for
 * each other, so that frames would get others' numbers: FD_INVALID. */
static fd_status frames_by_ends(fd_encap *e, fd_input *in, uint64_t wanted)
{
    if (make_first(e, e->count) != FD_OK) return FD_MEMORY;
    fd_status status = FD_OK;
    uint8_t kind = beginning(in, &e->fragments[0], &status);
    if (status == FD_OK && !kind && e->count > wanted) return FD_INVALID;
    size_t frames = 1, begun = kind != 0;
    bool strange = false, behind = false; /* something where no stream begins was a frame; there is more behind it */
    e->first[0] = 0;
    for (size_t i = 1; i < e->count && status == FD_OK; i++) {
        const fd_fragment *f = &e->fragments[i];
        const uint8_t found = beginning(in, f, &status);
        const bool several = e->first[frames - 1] != i - 1, starts = found && (!kind || found == kind);
        const bool ended = (!starts || several) && kind != 0x0A && ends(in, f - 1, &status);
        const bool short_end = i == e->count - 1 && e->notes & FD_ENCAP_CUT && f->length < (kind == 12 ? 8u : 2u);
        begun += found != 0;
        behind = strange;
        if (!kind) kind = found;
        if (starts) {
            if (several && !ended) return status == FD_OK ? FD_INVALID : status;
        } else if (ended) {
            strange = strange || !found;
        } else if (!short_end || frames != i) {
            continue;
        }
        e->first[frames++] = i;
    }
    if (status != FD_OK) return status;
    const bool mixed = begun == e->count && (kind == 0x0A || kind == 12);
    if (begun == 0 || mixed) return frames_fewer(e, wanted);
    if (frames > wanted || (behind && (frames != wanted || frames != e->count))) return FD_INVALID;
    if (frames < wanted) e->notes |= FD_ENCAP_FEWER;
    e->frames = frames;
    e->first[frames] = e->count;
    return FD_OK;
}

fd_status fd_encap_frames(fd_encap *e, fd_input *in, uint64_t wanted, fd_stream kind, const uint8_t *extended,
                          size_t extended_length)
{
    fd_status status = kind == FD_STREAM_ONE_FRAGMENT ? check_first_item(e, in, wanted) : FD_OK;
    if (status != FD_OK) return status;
    if (e->count == 0) return make_first(e, 0);
    if (kind == FD_STREAM_VIDEO || wanted == 1) return one_frame(e);
    status = frames_by_any_table(e, in, wanted, extended, extended_length);
    if (status == FD_OK && kind == FD_STREAM_MARKERS && e->count > wanted) status = check_beginnings(e, in);
    if (status == FD_OK || status == FD_MEMORY || status == FD_IO) return status;
    if (kind == FD_STREAM_MARKERS) {
        status = frames_by_markers(e, in);
        if ((status == FD_OK && e->frames == wanted) || status == FD_MEMORY || status == FD_IO) return status;
    }
    status = frames_by_part(e, in, wanted, kind, extended, extended_length);
    if (status == FD_OK || status == FD_MEMORY || status == FD_IO) return status;
    return kind == FD_STREAM_MARKERS ? frames_by_ends(e, in, wanted) : frames_fewer(e, wanted);
}
