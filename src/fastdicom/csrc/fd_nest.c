#include "fd_nest.h"

#define TAG_CHARSET 0x00080005u
#define TAG_PIXEL_REPRESENTATION 0x00280103u

typedef struct nest {
    fd_convert *v;
    const fd_column_spec *column;
    fd_array *to;
    uint64_t *wanted_end;
    bool thorough, every; /* every: some step is of every item */
    bool text, ambiguous; /* which elements of an item decide what its values mean */
    uint32_t said;        /* kinds of notes, once a row */
} nest;

/* What was found in one item. The tag of an absent one is 0. */
typedef struct findings {
    fd_element wanted, charset, sign;
} findings;

static void touch(const nest *n, uint64_t end)
{
    if (end > *n->wanted_end) *n->wanted_end = end;
}

static fd_status note_repairs(nest *n, const fd_cursor *c)
{
    const uint32_t unsaid = c->notes & ~n->said;
    n->said |= unsaid;
    for (unsigned i = 0; i < FD_NOTE_KINDS; i++)
        if (unsaid >> i & 1 && fd_convert_note_repair(n->v, i, &c->where[i]) != FD_OK) return FD_MEMORY;
    return FD_OK;
}

/* one data set */

static uint32_t smaller(uint32_t a, uint32_t b) { return a < b ? a : b; }

/* The next tag to look at, behind the one that the cursor has passed. */
static uint32_t next_tag(const nest *n, const fd_step *step, uint32_t at)
{
    uint32_t next = UINT32_MAX;
    const uint32_t group = step->tag & 0xFFFF0000;
    if (n->text && at < TAG_CHARSET) next = TAG_CHARSET;
    if (n->ambiguous && at < TAG_PIXEL_REPRESENTATION) next = smaller(next, TAG_PIXEL_REPRESENTATION);
    if (!step->creator) return at < step->tag ? smaller(next, step->tag) : next;
    if (at >= group && at <= (group | 0xFFFF)) return 0; /* creators and blocks are looked at one by one */
    return at < group ? smaller(next, group) : next;
}

/* Is it the wanted element? *block is that of its creator, once it was seen (PS3.5 7.8.1). */
static bool is_wanted(fd_input *in, const fd_step *step, const fd_element *e, uint32_t *block)
{
    const uint32_t element = e->tag & 0xFFFF;
    if (!step->creator) return e->tag == step->tag;
    if (e->tag >> 16 != step->tag >> 16) return false;
    if (element >= 0x10 && element <= 0xFF) {
        size_t length;
        const uint8_t *p = fd_convert_trimmed(in, e, &length);
        if (!*block && p && length == step->creator_length && memcmp(p, step->creator, length) == 0) *block = element;
        return false;
    }
    return *block && element >> 8 == *block && (element & 0xFF) == (step->tag & 0xFF);
}

/* Walks the data set of an item up to the last tag that matters. The last of duplicates counts. */
static fd_status search(nest *n, const fd_item *item, const fd_cursor *items, const fd_step *step, findings *found)
{
    fd_cursor c;
    fd_element e;
    uint32_t block = 0, last = step->creator ? step->tag | 0xFF00 : step->tag;
    if (n->ambiguous && last < TAG_PIXEL_REPRESENTATION) last = TAG_PIXEL_REPRESENTATION;
    memset(found, 0, sizeof *found);
    fd_cursor_open(&c, n->v->in, item->offset, item->offset + item->length, items->implicit, items->big, FD_ITEM);
    touch(n, item->offset);
    fd_status status;
    for (;;) {
        fd_cursor_pass(&c, n->thorough ? 0 : smaller(next_tag(n, step, c.last_tag), last == UINT32_MAX ? last : last + 1));
        status = fd_cursor_next(&c, &e);
        if (status != FD_OK) break;
        touch(n, e.offset);
        if (e.tag > last && !n->thorough) break;
        if ((status = fd_cursor_skip(&c, &e)) != FD_OK) break;
        if (e.tag == TAG_CHARSET) found->charset = e;
        if (e.tag == TAG_PIXEL_REPRESENTATION) found->sign = e;
        if (is_wanted(n->v->in, step, &e, &block)) found->wanted = e;
    }
    if (status != FD_MEMORY) status = note_repairs(n, &c);
    fd_cursor_close(&c);
    return status;
}

/* items */

static fd_status descend(nest *n, const fd_element *e, size_t depth);

/* The row without a value; of a list, one item without. */
static fd_status absent(const nest *n) { return fd_array_null(n->every ? n->to->child : n->to); }

static fd_status leaf(nest *n, const fd_element *e)
{
    touch(n, e->offset + (e->length <= FD_VALUE_LIMIT ? e->length : 0));
    const fd_status status = fd_convert_append(n->v, n->column, e, n->to);
    if (status != FD_OK || !n->every) return status;
    const bool null = fd_array_is_null(n->to, n->to->length - 1);
    fd_array_reopen_list(n->to);
    return null ? absent(n) : FD_OK;
}

/* What is at the end of the path in one item. Its own character set and representation of pixels hold inside it. */
static fd_status visit_item(nest *n, const fd_item *item, const fd_cursor *items, size_t depth)
{
    fd_convert *v = n->v;
    findings found;
    const bool at_leaf = depth + 1 == n->column->step_count;
    const fd_step end = {.tag = n->column->tag, .creator = n->column->creator, .creator_length = n->column->creator_length};
    fd_status status = search(n, item, items, at_leaf ? &end : &n->column->steps[depth + 1], &found);
    if (status != FD_OK) return status;
    if (!found.wanted.tag) return absent(n);
    const bool signed_pixels = v->signed_pixels;
    const unsigned outer_class = v->charset_class;
    fd_buffer outer = v->charset;
    if (found.sign.tag) fd_convert_pixel_representation(v, &found.sign);
    if (found.charset.tag) {
        memset(&v->charset, 0, sizeof v->charset);
        status = fd_convert_charset(v, &found.charset);
    }
    if (status == FD_OK) status = at_leaf ? leaf(n, &found.wanted) : descend(n, &found.wanted, depth + 1);
    if (found.charset.tag) {
        fd_buffer_free(&v->charset);
        v->charset = outer;
        v->charset_class = outer_class;
    }
    v->signed_pixels = signed_pixels;
    return status;
}

/* Written as one, or of undefined length (CP-246), or what looks like one where nobody says what it is. */
static bool is_sequence(fd_input *in, const fd_element *e)
{
    if (e->vr == FD_VR_SQ) return true;
    if (e->flags & FD_ELEMENT_UNDEFINED) return !(e->flags & FD_ELEMENT_ENCAPSULATED);
    if (e->vr != FD_VR_NONE && e->vr != FD_VR_UN) return false;
    if (e->length < 8) return e->length == 0;
    const uint8_t *p = fd_input_at(in, e->offset, 4);
    return p && (fd_load_tag(p, false) == FD_TAG_ITEM || fd_load_tag(p, true) == FD_TAG_ITEM);
}

static void open_items(fd_cursor *c, fd_input *in, const fd_element *e)
{
    const bool implicit = e->flags & FD_ELEMENT_IMPLICIT || e->vr == FD_VR_UN;
    bool big = e->flags & FD_ELEMENT_BIG;
    if (big && e->vr == FD_VR_UN) { /* PS3.5 6.2.2 note 2: little endian, but not every writer knows */
        const uint8_t *p = e->length >= 8 ? fd_input_at(in, e->offset, 4) : NULL;
        if (p && fd_load_tag(p, false) == FD_TAG_ITEM) big = false;
    }
    fd_cursor_open(c, in, e->offset, e->offset + e->length, implicit, big, FD_UNDEFINED_ITEM);
    c->implicit = implicit; /* what stands there is an item, which tells nothing of the encoding */
    c->big = big;
    c->notes = 0;
}

static fd_status descend(nest *n, const fd_element *e, size_t depth)
{
    const fd_step *step = &n->column->steps[depth];
    const char *trouble = NULL;
    if (!is_sequence(n->v->in, e)) trouble = "a step of the path is no sequence";
    if (depth >= FD_NEST_DEPTH) trouble = "sequences nested deeper than 64 levels are not read";
    if (trouble) return fd_convert_note(n->v, n->column->name, trouble) == FD_OK ? absent(n) : FD_MEMORY;
    if (e->length == 0) return step->item == FD_EVERY_ITEM ? FD_OK : absent(n);
    fd_cursor c;
    fd_item item;
    fd_status status = FD_OK;
    bool reached = step->item == FD_EVERY_ITEM;
    open_items(&c, n->v->in, e);
    for (uint32_t i = 0; status == FD_OK; i++) {
        status = fd_cursor_item(&c, &item);
        if (status != FD_OK) break;
        touch(n, item.offset);
        if (step->item != FD_EVERY_ITEM && i < step->item) continue;
        status = visit_item(n, &item, &c, depth);
        reached = true;
        if (step->item != FD_EVERY_ITEM) break;
    }
    if (status != FD_MEMORY && !n->v->in->failed) {
        const bool wrong = status == FD_INVALID;
        status = note_repairs(n, &c);
        if (status == FD_OK && wrong && !(n->said & FD_NOTE_BAD_ITEM))
            status = fd_convert_note(n->v, n->column->name, "something else where an item was expected");
    }
    fd_cursor_close(&c);
    if (status == FD_MEMORY) return status;
    return reached ? FD_OK : absent(n);
}

fd_status fd_nest_append(fd_convert *v, const fd_column_spec *column, const fd_element *e, bool thorough, fd_array *to,
                         uint64_t *wanted_end)
{
    nest n = {.v = v, .column = column, .to = to, .wanted_end = wanted_end, .thorough = thorough};
    if (!e) return fd_array_null(to);
    for (size_t i = 0; i < column->step_count; i++) n.every |= column->steps[i].item == FD_EVERY_ITEM;
    n.text = fd_kind_is_text(column->kind) || fd_kind_is_text(column->item);
    n.ambiguous = column->vr == FD_VR_US_SS;
    if (n.every && !is_sequence(v->in, e))
        return fd_convert_note(v, column->name, "a step of the path is no sequence") == FD_OK ? fd_array_null(to) : FD_MEMORY;
    const fd_status status = descend(&n, e, 0);
    return status == FD_OK && n.every ? fd_array_close_list(to) : status;
}
