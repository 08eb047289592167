#include "fd_long.h"

#include "fd_dict.h"
#include "fd_resolve.h"

#include <stdio.h>
#include <stdlib.h>

#define TAG_CHARSET 0x00080005u

/* Few texts make all of these columns but `value`: each is stored once a batch. */
const fd_field fd_long_fields[FD_LONG_COLUMNS] = {
    [FD_LONG_PATH] = {.name = "path", .kind = FD_KIND_DICTIONARY},
    [FD_LONG_ELEMENT] = {.name = "element", .kind = FD_KIND_DICTIONARY},
    [FD_LONG_TAG] = {.name = "tag", .kind = FD_KIND_DICTIONARY},
    [FD_LONG_KEYWORD] = {.name = "keyword", .kind = FD_KIND_DICTIONARY},
    [FD_LONG_VR] = {.name = "vr", .kind = FD_KIND_DICTIONARY},
    [FD_LONG_LENGTH] = {.name = "length", .kind = FD_KIND_INT64},
    [FD_LONG_VALUE] = {.name = "value", .kind = FD_KIND_UTF8},
    [FD_LONG_ERROR] = {.name = "error", .kind = FD_KIND_UTF8},
    [FD_LONG_NOTES] = {.name = "notes", .kind = FD_KIND_UTF8},
};

typedef struct charset {
    size_t offset, length; /* in fd_long.charsets */
    unsigned kind;         /* FD_CHARSET_* */
} charset;

/* A data set on the way down, and the sequence in it whose items are being walked. */
typedef struct level {
    fd_index ix;
    size_t at;       /* the next of its elements */
    size_t name_end; /* what stands before the names of its elements in fd_long.name */
    charset charset;
    int representation;
    uint32_t unsaid; /* what was repaired in it and is not yet in the notes of a row */
    bool in_items;
    fd_cursor items;
    size_t items_name_end;
    unsigned long long item;
    bool implicit, big; /* of the items' data sets */
} level;

struct fd_long {
    fd_convert *convert;
    fd_input *in;
    uint64_t value_limit, wanted_end;
    bool thorough;
    fd_buffer path, raw; /* of the file */
    fd_buffer name, charsets, text;
    size_t rows_of_file;
    bool pending; /* the last row waits for its notes: some belong to what stands behind it */
    bool noted;
    uint32_t said; /* kinds of notes, once a file */
    size_t depth;  /* of levels in use */
    level levels[FD_LONG_DEPTH + 1];
};

fd_long *fd_long_new(fd_convert *convert, uint64_t value_limit, bool thorough)
{
    fd_long *l = calloc(1, sizeof *l);
    if (!l) return NULL;
    l->convert = convert;
    l->value_limit = value_limit < FD_VALUE_LIMIT ? value_limit : FD_VALUE_LIMIT;
    l->thorough = thorough;
    return l;
}

static level *top(fd_long *l) { return &l->levels[l->depth - 1]; }

static void close_items(level *t)
{
    if (t->in_items) fd_cursor_close(&t->items);
    t->in_items = false;
}

static void close_levels(fd_long *l)
{
    for (; l->depth; l->depth--) {
        close_items(top(l));
        fd_index_close(&top(l)->ix);
    }
}

void fd_long_free(fd_long *l)
{
    if (!l) return;
    close_levels(l);
    fd_buffer_free(&l->path);
    fd_buffer_free(&l->raw);
    fd_buffer_free(&l->name);
    fd_buffer_free(&l->charsets);
    fd_buffer_free(&l->text);
    free(l);
}

/* rows */

static fd_status flush_notes(fd_long *l, fd_long_rows *rows)
{
    if (!l->pending) return FD_OK;
    fd_buffer *note = &l->convert->note;
    fd_array *to = &rows->arrays[FD_LONG_NOTES];
    const fd_status status = note->used ? fd_array_bytes(to, note->data, note->used) : fd_array_null(to);
    l->noted |= note->used != 0;
    l->pending = false;
    note->used = 0;
    return status;
}

static size_t text_bytes(const fd_array *a) { return a->data.used + (a->child ? a->child->data.used : 0); }

static bool is_full(const fd_long_rows *rows)
{
    if (rows->count >= rows->limit) return true;
    const fd_array *a = rows->arrays;
    return text_bytes(&a[FD_LONG_PATH]) + text_bytes(&a[FD_LONG_ELEMENT]) + text_bytes(&a[FD_LONG_VALUE]) >= rows->bytes;
}

static fd_status begin_row(fd_long *l, fd_long_rows *rows)
{
    fd_status status = fd_array_bytes(&rows->arrays[FD_LONG_PATH], l->path.data, l->path.used);
    if (status == FD_OK && rows->raw) status = fd_array_bytes(&rows->arrays[FD_LONG_COLUMNS], l->raw.data, l->raw.used);
    l->pending = true;
    l->rows_of_file++;
    rows->count++;
    return status;
}

/* A row of the file itself. */
static fd_status file_row(fd_long *l, fd_long_rows *rows, const char *error)
{
    fd_status status = flush_notes(l, rows);
    if (status == FD_OK) status = begin_row(l, rows);
    for (size_t i = FD_LONG_ELEMENT; i < FD_LONG_NOTES && status == FD_OK; i++) {
        fd_array *to = &rows->arrays[i];
        status = error && i == FD_LONG_ERROR ? fd_array_bytes(to, error, strlen(error)) : fd_array_null(to);
    }
    return status;
}

/* notes */

static fd_status note_kind(fd_long *l, unsigned kind, const fd_place_of_note *where)
{
    char place[64];
    l->said |= 1u << kind;
    snprintf(place, sizeof place, "(%04X,%04X) at 0x%llX", (unsigned)(where->tag >> 16), (unsigned)(where->tag & 0xFFFF),
             (unsigned long long)where->offset);
    return fd_convert_note(l->convert, place, fd_note_text(kind));
}

/* What a cursor noted and no row said, of one element or (tag 0) of all. */
static fd_status note_repairs(fd_long *l, const fd_cursor *c, uint32_t *unsaid, uint32_t tag)
{
    *unsaid &= ~l->said;
    for (unsigned i = 0; i < FD_NOTE_KINDS && *unsaid; i++) {
        if (!(*unsaid >> i & 1) || (tag && c->where[i].tag != tag)) continue;
        *unsaid &= ~(1u << i);
        if (note_kind(l, i, &c->where[i]) != FD_OK) return FD_MEMORY;
    }
    return FD_OK;
}

/* data sets */

static fd_status use_charset(fd_long *l, const charset *wanted)
{
    fd_convert *v = l->convert;
    v->charset_class = wanted->kind;
    v->charset.used = 0;
    return fd_buffer_append(&v->charset, l->charsets.data + wanted->offset, wanted->length);
}

/* Its own Specific Character Set, else that of the data set around it (PS3.5 7.5.3). */
static fd_status find_charset(fd_long *l, level *t, const charset *outer)
{
    fd_convert *v = l->convert;
    const ptrdiff_t i = fd_index_find(&t->ix, TAG_CHARSET);
    t->charset = *outer;
    if (i < 0) return use_charset(l, outer);
    if (fd_convert_charset(v, &t->ix.elements[i]) != FD_OK) return FD_MEMORY;
    l->charsets.used = outer->offset + outer->length;
    t->charset = (charset){l->charsets.used, v->charset.used, v->charset_class};
    return fd_buffer_append(&l->charsets, v->charset.data, v->charset.used);
}

/* Indexes a data set and makes it the top. The elements behind encapsulated Pixel Data stand behind all their fragments, each
 * of which would have to be read: that is only done when asked for, or inside an item, whose end is known to be near. */
static fd_status push(fd_long *l, uint64_t pos, uint64_t end, bool implicit, bool big, fd_place place, bool complete)
{
    static const charset plain = {0, 0, FD_CHARSET_PLAIN};
    const level *outer = l->depth ? top(l) : NULL;
    level *t = &l->levels[l->depth++];
    t->at = 0;
    t->name_end = l->name.used;
    t->in_items = false;
    t->unsaid = 0;
    fd_status status = fd_index_open(&t->ix, l->in, pos, end, implicit, big, place);
    if (status == FD_OK && complete) status = fd_index_complete(&t->ix);
    if (status != FD_OK) return status;
    t->unsaid = t->ix.cursor.notes;
    t->representation = fd_resolve_representation(&t->ix, l->in, outer ? outer->representation : -1);
    status = find_charset(l, t, outer ? &outer->charset : &plain);
    return status == FD_OK && l->in->failed ? FD_IO : status;
}

static fd_status pop(fd_long *l)
{
    level *t = top(l);
    fd_status status = note_repairs(l, &t->ix.cursor, &t->unsaid, 0);
    l->name.used = t->name_end;
    fd_index_close(&t->ix);
    l->depth--;
    if (status == FD_OK && l->depth) status = use_charset(l, &top(l)->charset);
    return status;
}

fd_status fd_long_begin(fd_long *l, const fd_buffer *path, const fd_buffer *raw)
{
    close_levels(l);
    l->path.used = l->raw.used = l->name.used = l->charsets.used = 0;
    l->rows_of_file = 0;
    l->pending = l->noted = false;
    l->said = 0;
    l->wanted_end = 0;
    if (fd_buffer_append(&l->path, path->data, path->used) != FD_OK) return FD_MEMORY;
    if (fd_buffer_reserve(&l->charsets, 1) != FD_OK || fd_buffer_reserve(&l->name, 1) != FD_OK) return FD_MEMORY;
    return fd_buffer_append(&l->raw, raw->data, raw->used);
}

static void use_input(fd_long *l, fd_input *in) { l->in = l->convert->in = in; }

fd_status fd_long_open_meta(fd_long *l, fd_input *in, const fd_part10 *part10)
{
    use_input(l, in);
    l->said |= part10->notes;
    return push(l, part10->meta_offset, part10->meta_offset + part10->meta_length, false, false, FD_ITEM, true);
}

fd_status fd_long_open_data_set(fd_long *l, fd_input *in, const fd_part10 *part10)
{
    use_input(l, in);
    if (part10->guessed) l->said |= FD_NOTE_IMPLICIT | FD_NOTE_BYTE_ORDER;
    return push(l, part10->dataset_offset, in->size, part10->implicit, part10->big, FD_TOP_LEVEL, l->thorough);
}

/* elements */

static void write_hex(char *out, uint32_t number, unsigned digits)
{
    for (unsigned i = 0; i < digits; i++) out[i] = "0123456789abcdef"[number >> (4 * (digits - 1 - i)) & 15];
}

static fd_status append_tag(fd_long *l, uint32_t tag)
{
    char text[8];
    write_hex(text, tag, 8);
    return fd_buffer_append(&l->name, text, sizeof text);
}

/* `(gggg,"CREATOR",ee)`; ggggeeee where nobody reserved the block. */
static fd_status append_private(fd_long *l, const level *t, uint32_t tag)
{
    char group[] = "(gggg,\"", element[] = "\",ee)";
    const fd_element *creator = fd_resolve_creator(&t->ix, tag);
    size_t n = 0;
    const uint8_t *p = creator ? fd_convert_trimmed(l->in, creator, &n) : NULL;
    if (!p || n == 0) return append_tag(l, tag);
    write_hex(group + 1, tag >> 16, 4);
    write_hex(element + 2, tag & 0xFF, 2);
    if (fd_buffer_append(&l->name, group, sizeof group - 1) != FD_OK || fd_utf8_escape(&l->name, p, n) != FD_OK) return FD_MEMORY;
    return fd_buffer_append(&l->name, element, sizeof element - 1);
}

/* A keyword that stands for a family of tags (60xx) names none of them. */
static fd_status append_name(fd_long *l, const level *t, uint32_t tag, const fd_dict_entry *entry)
{
    if (tag & 0x10000) return append_private(l, t, tag);
    if (entry && entry->tag == tag && fd_dict_keyword_length(entry))
        return fd_buffer_append(&l->name, fd_dict_entry_keyword(entry), fd_dict_keyword_length(entry));
    return append_tag(l, tag);
}

static fd_status append_row(fd_long *l, const fd_element *e, const fd_dict_entry *entry, uint16_t vr, bool has_text,
                            fd_long_rows *rows)
{
    fd_array *a = rows->arrays;
    const size_t keyword = entry ? fd_dict_keyword_length(entry) : 0;
    const char letters[2] = {(char)(vr >> 8), (char)(vr & 0xFF)};
    char digits[8];
    write_hex(digits, e->tag, sizeof digits);
    fd_status status = begin_row(l, rows);
    if (status == FD_OK) status = fd_array_bytes(&a[FD_LONG_ELEMENT], l->name.data, l->name.used);
    if (status == FD_OK) status = fd_array_bytes(&a[FD_LONG_TAG], digits, sizeof digits);
    if (status == FD_OK && keyword) status = fd_array_bytes(&a[FD_LONG_KEYWORD], fd_dict_entry_keyword(entry), keyword);
    if (status == FD_OK && !keyword) status = fd_array_null(&a[FD_LONG_KEYWORD]);
    if (status == FD_OK) status = fd_array_bytes(&a[FD_LONG_VR], letters, sizeof letters);
    if (status == FD_OK && e->flags & FD_ELEMENT_UNDEFINED) status = fd_array_null(&a[FD_LONG_LENGTH]);
    if (status == FD_OK && !(e->flags & FD_ELEMENT_UNDEFINED)) status = fd_array_integer(&a[FD_LONG_LENGTH], false, e->length);
    if (status == FD_OK && has_text) status = fd_array_bytes(&a[FD_LONG_VALUE], l->text.data, l->text.used);
    if (status == FD_OK && !has_text) status = fd_array_null(&a[FD_LONG_VALUE]);
    return status == FD_OK ? fd_array_null(&a[FD_LONG_ERROR]) : status;
}

static bool is_pixels(uint32_t tag) { return tag == FD_TAG_PIXEL_DATA || tag == 0x7FE00008u || tag == 0x7FE00009u; }

static bool is_lut_descriptor(uint32_t tag) { return tag == 0x00283002u || (tag >= 0x00281101u && tag <= 0x00281103u); }

/* The value as text in l->text. FD_END: it has none. */
static fd_status read_value(fd_long *l, const fd_element *e, uint16_t vr)
{
    fd_convert *v = l->convert;
    l->text.used = 0;
    if (vr == FD_VR_SQ || vr == FD_VR_UN || (vr >> 8 == 'O') || is_pixels(e->tag)) return FD_END;
    if (e->length == 0) return fd_convert_empty_is_text(vr) ? FD_OK : FD_END;
    if (e->length > l->value_limit) {
        char text[96];
        snprintf(text, sizeof text, "longer than the %llu bytes of value_limit: not read", (unsigned long long)l->value_limit);
        return fd_convert_note(v, NULL, text) == FD_OK ? FD_END : FD_MEMORY;
    }
    const uint8_t *p = fd_input_at(l->in, e->offset, (size_t)e->length);
    if (!p && l->in->failed) return FD_IO;
    if (!p) return fd_convert_note(v, NULL, "the file ends inside the value") == FD_OK ? FD_END : FD_MEMORY;
    const fd_text_value value = {.data = p,
                                 .length = (size_t)e->length,
                                 .charset = v->charset.data,
                                 .charset_length = v->charset.used,
                                 .vr = vr,
                                 .big = e->flags & FD_ELEMENT_BIG && e->vr != FD_VR_UN}; /* PS3.5 6.2.2 note 3 */
    if (e->offset + e->length > l->wanted_end) l->wanted_end = e->offset + e->length;
    return fd_convert_as_text(v, &value, is_lut_descriptor(e->tag), &l->text);
}

/* Into the items of a sequence, if it has any. */
static fd_status enter_items(fd_long *l, level *t, const fd_element *e)
{
    if (e->length == 0) return FD_OK;
    if (l->depth > FD_LONG_DEPTH) {
        char text[64];
        snprintf(text, sizeof text, "nested deeper than %u levels: not entered", FD_LONG_DEPTH);
        return fd_convert_note(l->convert, NULL, text);
    }
    /* an element in implicit VR, and UN (CP-246, little endian always), have implicit VR inside */
    t->implicit = e->flags & FD_ELEMENT_IMPLICIT || e->vr == FD_VR_UN;
    t->big = e->flags & FD_ELEMENT_BIG;
    if (t->big && e->vr == FD_VR_UN) {
        const uint8_t *p = e->length >= 8 ? fd_input_at(l->in, e->offset, 4) : NULL;
        if (p && fd_load_tag(p, false) == FD_TAG_ITEM) t->big = false;
    }
    fd_cursor_open(&t->items, l->in, e->offset, e->offset + e->length, t->implicit, t->big, FD_UNDEFINED_ITEM);
    t->items.implicit = t->implicit; /* what stands there is an item, which tells nothing of the encoding */
    t->items.big = t->big;
    t->items.notes = 0;
    t->in_items = true;
    t->item = 0;
    t->items_name_end = l->name.used;
    return l->in->failed ? FD_IO : FD_OK;
}

static fd_status next_item(fd_long *l, level *t)
{
    fd_item item;
    fd_status status = fd_cursor_item(&t->items, &item);
    if (l->in->failed) return FD_IO;
    uint32_t unsaid = t->items.notes;
    t->items.notes = 0;
    if (status == FD_MEMORY || note_repairs(l, &t->items, &unsaid, 0) != FD_OK) return FD_MEMORY;
    if (status == FD_OK) {
        char text[32];
        const int n = snprintf(text, sizeof text, "[%llu]/", t->item++);
        l->name.used = t->items_name_end;
        if (fd_buffer_append(&l->name, text, (size_t)n) != FD_OK) return FD_MEMORY;
        /* its delimiter was found already */
        return push(l, item.offset, item.offset + item.length, t->implicit, t->big, FD_ITEM, true);
    }
    if (status == FD_INVALID && fd_convert_note(l->convert, NULL, "no item where one was expected: the sequence ends") != FD_OK)
        return FD_MEMORY;
    close_items(t);
    return FD_OK;
}

/* Everything is read before the row begins, so that a disk that fails leaves no half of one. */
static fd_status element_row(fd_long *l, level *t, fd_long_rows *rows)
{
    const fd_element *e = &t->ix.elements[t->at];
    if (flush_notes(l, rows) != FD_OK) return FD_MEMORY;
    if (is_full(rows)) return FD_LIMIT;
    const uint16_t vr = fd_resolve_vr(&t->ix, l->in, t->representation, e);
    const fd_dict_entry *entry = fd_dict_find(e->tag);
    l->name.used = t->name_end;
    if (append_name(l, t, e->tag, entry) != FD_OK || note_repairs(l, &t->ix.cursor, &t->unsaid, e->tag) != FD_OK)
        return FD_MEMORY;
    if (e->flags & FD_ELEMENT_CUT && vr != FD_VR_SQ && !(l->said & (FD_NOTE_CUT | FD_NOTE_NO_DELIMITER)) &&
        fd_convert_note(l->convert, NULL, "the value goes beyond the end of its data set: what there is was kept") != FD_OK)
        return FD_MEMORY;
    fd_status status = read_value(l, e, vr);
    if (status != FD_OK && status != FD_END) return status;
    if (l->in->failed) return FD_IO;
    status = append_row(l, e, entry, vr, status == FD_OK, rows);
    if (status != FD_OK) return status;
    t->at++;
    if (e->offset > l->wanted_end) l->wanted_end = e->offset;
    return vr == FD_VR_SQ ? enter_items(l, t, e) : FD_OK;
}

fd_status fd_long_walk(fd_long *l, fd_long_rows *rows)
{
    fd_status status = FD_OK;
    while (status == FD_OK && l->depth) {
        level *t = top(l);
        if (t->in_items)
            status = next_item(l, t);
        else if (t->at < t->ix.count)
            status = element_row(l, t, rows);
        else
            status = pop(l);
    }
    return status == FD_OK ? FD_END : status;
}

fd_status fd_long_end(fd_long *l, fd_long_rows *rows, const char *error, bool *noted, uint64_t *wanted_end)
{
    fd_status status = FD_OK;
    close_levels(l);
    if (error || l->rows_of_file == 0) status = file_row(l, rows, error);
    if (status == FD_OK) status = flush_notes(l, rows);
    *noted = l->noted;
    *wanted_end = l->wanted_end;
    return status;
}
