#include "fd_scan.h"

#include "fd_dict.h"
#include "fd_head.h"
#include "fd_long.h"
#include "fd_nest.h"
#include "fd_part10.h"

#include <stdio.h>
#include <string.h>

#define TAG_CHARSET 0x00080005u
#define TAG_PIXEL_REPRESENTATION 0x00280103u
#define TAG_EXTENDED_OFFSET_TABLE 0x7FE00001u
#define BATCH_BYTES ((size_t)64 << 20)     /* a batch is cut when its buffers hold this much */
#define OBJECT_BYTES ((size_t)256 << 20)   /* of text of an object in the long table, whose rows are made in one go */
#define INFLATED_KEPT ((uint64_t)64 << 20) /* a deflated data set up to this size is read in memory, forth and back */
#define TOGETHER 65536u                    /* bytes of a wanted value that is read with the header behind it */
#define NONE SIZE_MAX

/* A tag to look for, and what was found of it in the file at hand. */
typedef struct slot {
    uint32_t tag; /* of a private element with a creator: gggg00ee */
    const char *creator;
    size_t creator_length;
    uint32_t block; /* gggg10bb with bb the block's number, 0: the creator was not seen in this file */
    bool present;
    bool whole; /* its value is wanted, not only where it is or a part of it */
    fd_element found;
} slot;

/* A file on its way into the long table. */
typedef struct long_file {
    enum { NO_FILE, IN_META, IN_DATA_SET } stage;
    fd_part10 part10;
    fd_input inflated;
    bool inflating; /* the caller's inflater is at work */
    bool whole;     /* its rows must be in one batch */
    fd_buffer bytes, path, raw;
} long_file;

struct fd_scanner {
    fd_scan_options options;
    fd_scan_hooks hooks;
    const fd_column_spec *specs;
    size_t count;    /* of specs */
    size_t *slot_of; /* spec -> slot */
    slot *slots;     /* sorted: group 0002, then the others by tag, then those with a creator */
    size_t meta_slots, plain_slots, all_slots;
    size_t charset_slot, sign_slot; /* NONE: nobody needs it */
    uint32_t last_tag;              /* none of the wanted ones is behind it */
    bool stop_at_pixels;            /* where they are is wanted, their bytes are not */
    bool inflated;                  /* offsets are not those of the file at hand */
    const char *syntax;             /* its transfer syntax, "" when there is no data set that could tell */
    uint32_t last_seen;             /* the tag of its last element; 0: it has none, or the walk did not come to its end */
    fd_field *fields;
    fd_array *arrays;
    size_t width, rows;
    fd_buffer outcomes;
    fd_head head;
    fd_convert convert;
    fd_locale *locale;
    fd_scan_counts counts;
    fd_long *elements; /* NULL: a row a file */
    long_file file;
};

/* setting up */

static int slot_order(const void *a, const void *b)
{
    const slot *x = a, *y = b;
    if (!x->creator != !y->creator) return x->creator ? 1 : -1;
    return x->tag < y->tag ? -1 : x->tag > y->tag;
}

static bool same_slot(const slot *a, const slot *b)
{
    if (a->tag != b->tag || a->creator_length != b->creator_length || !a->creator != !b->creator) return false;
    return !a->creator || memcmp(a->creator, b->creator, a->creator_length) == 0;
}

static size_t find_slot(const fd_scanner *s, const slot *wanted)
{
    for (size_t i = 0; i < s->all_slots; i++)
        if (same_slot(&s->slots[i], wanted)) return i;
    return NONE;
}

static void add_slot(fd_scanner *s, slot wanted)
{
    const size_t i = find_slot(s, &wanted);
    if (i == NONE)
        s->slots[s->all_slots++] = wanted;
    else
        s->slots[i].whole |= wanted.whole;
}

static const uint32_t PIXELS[] = {FD_TAG_PIXEL_DATA, 0x7FE00008u, 0x7FE00009u}; /* PS3.3 C.7.6.3, C.7.6.24, C.7.6.25 */
enum { PIXEL_TAGS = sizeof PIXELS / sizeof *PIXELS };

static bool is_pixels(uint32_t tag)
{
    for (size_t i = 0; i < PIXEL_TAGS; i++)
        if (tag == PIXELS[i]) return true;
    return false;
}

static bool is_of_pixels(fd_fact fact) { return fact && fact != FD_FACT_TRANSFER_SYNTAX && fact != FD_FACT_LAST_TAG; }

static void add_fact_slots(fd_scanner *s, fd_fact fact)
{
    if (fact == FD_FACT_TABLE_FRAMES) add_slot(s, (slot){.tag = TAG_EXTENDED_OFFSET_TABLE});
    for (size_t i = 0; i < PIXEL_TAGS && is_of_pixels(fact); i++) add_slot(s, (slot){.tag = PIXELS[i]});
}

static slot slot_for(const fd_column_spec *spec)
{
    if (spec->step_count) {
        const fd_step *step = &spec->steps[0];
        return (slot){.tag = step->tag, .creator = step->creator, .creator_length = step->creator ? step->creator_length : 0};
    }
    return (slot){
        .tag = spec->tag, .creator = spec->creator, .creator_length = spec->creator ? spec->creator_length : 0, .whole = true};
}

/* A private element by its number: no column can say what it is before the creator in the file did. */
static bool is_nameless(const fd_column_spec *spec)
{
    return !spec->fact && !spec->step_count && !spec->creator && spec->tag & 0x10000 && (spec->tag & 0xFFFF) >= 0x1000;
}

/* The element that reserves its block (PS3.5 7.8.1). */
static uint32_t creator_of(uint32_t tag) { return (tag & 0xFFFF0000) | (tag >> 8 & 0xFF); }

/* The slots, in the order in which the elements of a file come. */
static fd_status make_slots(fd_scanner *s)
{
    s->slots = calloc((PIXEL_TAGS + 1) * s->count + 2, sizeof *s->slots);
    s->slot_of = calloc(s->count + 1, sizeof *s->slot_of);
    if (!s->slots || !s->slot_of) return FD_MEMORY;
    bool text = false, ambiguous = false, pixel_facts = false, pixel_values = false;
    for (size_t i = 0; i < s->count; i++) {
        const fd_column_spec *spec = &s->specs[i];
        if (spec->fact) {
            add_fact_slots(s, spec->fact);
            pixel_facts |= is_of_pixels(spec->fact);
            continue;
        }
        add_slot(s, slot_for(spec));
        if (is_nameless(spec)) add_slot(s, (slot){.tag = creator_of(spec->tag)});
        pixel_values |= is_pixels(slot_for(spec).tag);
        text |= fd_kind_is_text(spec->kind) || fd_kind_is_text(spec->item);
        ambiguous |= spec->vr == FD_VR_US_SS;
    }
    const slot charset = {.tag = TAG_CHARSET}, sign = {.tag = TAG_PIXEL_REPRESENTATION};
    if (text) add_slot(s, charset);
    if (ambiguous) add_slot(s, sign);
    qsort(s->slots, s->all_slots, sizeof *s->slots, slot_order);
    for (size_t i = 0; i < s->all_slots; i++) {
        const slot *w = &s->slots[i];
        s->meta_slots += !w->creator && w->tag >> 16 <= 2;
        s->plain_slots += !w->creator;
        const uint32_t last = w->creator ? w->tag | 0xFF00 : w->tag; /* any block of the group */
        if (w->tag >> 16 > 2 && last > s->last_tag) s->last_tag = last;
    }
    for (size_t i = 0; i < s->count; i++) {
        const slot wanted = slot_for(&s->specs[i]);
        s->slot_of[i] = s->specs[i].fact ? NONE : find_slot(s, &wanted);
    }
    s->stop_at_pixels = pixel_facts && !pixel_values && s->last_tag == FD_TAG_PIXEL_DATA && !s->options.thorough;
    s->charset_slot = find_slot(s, &charset);
    s->sign_slot = find_slot(s, &sign);
    return FD_OK;
}

static fd_status make_long_fields(fd_scanner *s)
{
    s->width = FD_LONG_COLUMNS + s->options.path_bytes;
    s->fields = calloc(s->width, sizeof *s->fields);
    s->arrays = calloc(s->width, sizeof *s->arrays);
    if (!s->fields || !s->arrays) return FD_MEMORY;
    memcpy(s->fields, fd_long_fields, sizeof fd_long_fields);
    for (size_t i = 0; i < FD_LONG_COLUMNS && s->options.plain; i++)
        if (s->fields[i].kind == FD_KIND_DICTIONARY) s->fields[i].kind = FD_KIND_UTF8;
    if (s->options.path_bytes) s->fields[FD_LONG_COLUMNS] = (fd_field){.name = "path_bytes", .kind = FD_KIND_BINARY};
    s->elements = fd_long_new(&s->convert, s->options.value_limit, s->options.thorough);
    return s->elements ? FD_OK : FD_MEMORY;
}

static fd_status make_fields(fd_scanner *s)
{
    static const fd_field first[FD_SCAN_FIRST_COLUMNS] = {{.name = "path", .kind = FD_KIND_UTF8},
                                                          {.name = "size", .kind = FD_KIND_INT64},
                                                          {.name = "mtime", .kind = FD_KIND_TIMESTAMP},
                                                          {.name = "error", .kind = FD_KIND_UTF8}};
    s->width = FD_SCAN_FIRST_COLUMNS + s->count + 1 + s->options.path_bytes;
    s->fields = calloc(s->width, sizeof *s->fields);
    s->arrays = calloc(s->width, sizeof *s->arrays);
    if (!s->fields || !s->arrays) return FD_MEMORY;
    memcpy(s->fields, first, sizeof first);
    fd_field *next = s->fields + FD_SCAN_FIRST_COLUMNS;
    for (size_t i = 0; i < s->count; i++) {
        const fd_column_spec *spec = &s->specs[i];
        *next++ = (fd_field){.name = spec->name,
                             .kind = spec->kind,
                             .item = spec->item,
                             .metadata = spec->metadata,
                             .metadata_length = spec->metadata_length};
    }
    *next++ = (fd_field){.name = "notes", .kind = FD_KIND_UTF8};
    if (s->options.path_bytes) *next = (fd_field){.name = "path_bytes", .kind = FD_KIND_BINARY};
    return FD_OK;
}

static fd_status make_arrays(fd_scanner *s)
{
    s->rows = 0;
    for (size_t i = 0; i < s->width; i++)
        if (fd_array_init(&s->arrays[i], s->fields[i].kind, s->fields[i].item) != FD_OK) return FD_MEMORY;
    return FD_OK;
}

fd_scanner *fd_scanner_new(const fd_column_spec *specs, size_t count, const fd_scan_options *options, const fd_scan_hooks *hooks)
{
    fd_scanner *s = calloc(1, sizeof *s);
    if (!s) return NULL;
    s->head.fd = -1;
    s->options = *options;
    s->hooks = *hooks;
    s->specs = specs;
    s->count = count;
    fd_status status = make_slots(s);
    if (status == FD_OK) status = options->elements ? make_long_fields(s) : make_fields(s);
    if (status == FD_OK) status = make_arrays(s);
    if (status == FD_OK) status = fd_head_init(&s->head);
    if (status == FD_OK) status = fd_convert_init(&s->convert);
    s->locale = fd_locale_new();
    if (status != FD_OK || !s->locale) {
        fd_scanner_free(s);
        return NULL;
    }
    if (!s->options.batch_bytes) s->options.batch_bytes = BATCH_BYTES;
    s->head.stop = options->stop;
    s->convert.locale = s->locale;
    s->convert.decode = hooks->decode;
    s->convert.context = hooks->context;
    return s;
}

void fd_scanner_free(fd_scanner *s)
{
    if (!s) return;
    for (size_t i = 0; s->arrays && i < s->width; i++) fd_array_free(&s->arrays[i]);
    free(s->arrays);
    free(s->fields);
    free(s->slots);
    free(s->slot_of);
    fd_buffer_free(&s->outcomes);
    fd_head_free(&s->head);
    fd_convert_free(&s->convert);
    fd_locale_free(s->locale);
    fd_long_free(s->elements);
    fd_buffer_free(&s->file.bytes);
    fd_buffer_free(&s->file.path);
    fd_buffer_free(&s->file.raw);
    free(s);
}

const fd_field *fd_scanner_fields(const fd_scanner *s) { return s->fields; }
size_t fd_scanner_width(const fd_scanner *s) { return s->width; }
size_t fd_scanner_rows(const fd_scanner *s) { return s->rows; }
const fd_scan_counts *fd_scanner_counts(const fd_scanner *s) { return &s->counts; }

/* finding the elements */

/* A private creator (gggg,00bb), or an element of a block that one of the wanted creators reserved (PS3.5 7.8.1). */
static void match_private(fd_scanner *s, fd_input *in, const fd_element *e)
{
    const uint32_t element = e->tag & 0xFFFF, group = e->tag & 0xFFFF0000;
    for (size_t i = s->plain_slots; i < s->all_slots; i++) {
        slot *w = &s->slots[i];
        if ((w->tag & 0xFFFF0000) != group) continue;
        if (element >= 0x10 && element <= 0xFF) {
            size_t n;
            const uint8_t *p = fd_convert_trimmed(in, e, &n);
            if (p && n == w->creator_length && memcmp(p, w->creator, n) == 0 && !w->block) w->block = e->tag;
        } else if (w->block && element >> 8 == (w->block & 0xFF) && (element & 0xFF) == (w->tag & 0xFF)) {
            w->found = *e;
            w->present = true;
        }
    }
}

/* Up to which tag the cursor may pass without looking. */
static uint32_t pass_until(const fd_scanner *s, uint32_t next_tag, uint32_t at)
{
    for (size_t i = s->plain_slots; i < s->all_slots; i++) {
        const uint32_t group = s->slots[i].tag & 0xFFFF0000;
        if (at < group && group < next_tag) next_tag = group;
        if (at >= group && at <= (group | 0xFFFF)) return 0; /* creators and blocks are looked at one by one */
    }
    return next_tag;
}

/* A wanted value of which the rest is not at hand, and the header behind it: one read instead of two. */
static void bring(fd_input *in, const fd_element *e)
{
    const uint64_t end = e->offset + e->length;
    if (end <= in->end || e->length > TOGETHER || end > in->size) return;
    fd_input_at(in, e->offset, (size_t)e->length + (in->size - end < 12 ? (size_t)(in->size - end) : 12));
}

/* Walks one data set and fills slots[first:end]. The last of duplicates wins. */
static fd_status find_elements(fd_scanner *s, fd_cursor *c, size_t first, size_t end, uint32_t last_tag, bool thorough)
{
    slot *const slots = s->slots;
    const bool private = s->all_slots > s->plain_slots && end == s->plain_slots;
    const uint32_t stop = thorough || last_tag == UINT32_MAX ? UINT32_MAX : last_tag + 1;
    size_t next = first;
    fd_element e;
    for (;;) {
        uint32_t next_tag = next < end && slots[next].tag < stop ? slots[next].tag : stop;
        fd_cursor_pass(c, private ? pass_until(s, next_tag, c->last_tag) : next_tag);
        const uint32_t before = c->last_tag;
        fd_status status = fd_cursor_next(c, &e);
        if (status != FD_OK) return status;
        if (e.tag >= stop && !thorough) return FD_END;
        const bool pixels = s->stop_at_pixels && is_pixels(e.tag);
        if (!pixels && (status = fd_cursor_skip(c, &e)) != FD_OK) return status;
        if (e.tag < before) next = first; /* out of order: look from the start again */
        while (next < end && slots[next].tag < e.tag) next++;
        if (next < end && slots[next].tag == e.tag) {
            slots[next].found = e;
            slots[next].present = true;
            if (slots[next++].whole) bring(c->in, &e);
        } else if (next > first && slots[next - 1].tag == e.tag) { /* a duplicate */
            slots[next - 1].found = e;
        }
        if (pixels) return FD_END;
        if (private && e.tag & 0x10000) match_private(s, c->in, &e);
    }
}

/* rows */

static fd_status append_path(fd_scanner *s, const fd_entry *entry)
{
    fd_array *to = &s->arrays[0];
    const uint8_t *prefix = (const uint8_t *)entry->prefix, *name = (const uint8_t *)entry->name;
    const size_t n = entry->prefix_length + entry->name_length;
    if (s->options.path_bytes) {
        fd_array *raw = &s->arrays[s->width - 1];
        if (fd_buffer_append(&raw->data, prefix, entry->prefix_length) != FD_OK) return FD_MEMORY;
        if (fd_array_bytes(raw, name, entry->name_length) != FD_OK) return FD_MEMORY;
    }
    if (fd_buffer_reserve(&to->data, 4 * n) != FD_OK) return FD_MEMORY;
    if (entry->prefix_is_utf8)
        fd_buffer_append(&to->data, prefix, entry->prefix_length);
    else
        fd_utf8_escape(&to->data, prefix, entry->prefix_length);
    if (fd_text_is_plain(name, entry->name_length)) return fd_array_bytes(to, name, entry->name_length);
    fd_utf8_escape(&to->data, name, entry->name_length);
    return fd_array_bytes(to, "", 0);
}

static fd_status append_file_facts(fd_scanner *s, bool known)
{
    if (!known) return fd_array_null(&s->arrays[1]) == FD_OK ? fd_array_null(&s->arrays[2]) : FD_MEMORY;
    if (fd_array_integer(&s->arrays[1], false, s->head.facts.size) != FD_OK) return FD_MEMORY;
    const int64_t t = s->head.facts.mtime;
    return fd_array_integer(&s->arrays[2], t < 0, t < 0 ? 0 - (uint64_t)t : (uint64_t)t);
}

/* The rest of a row without values. The path and the file facts are there; `error` may be NULL. */
static fd_status end_row_failed(fd_scanner *s, fd_outcome outcome, const char *error)
{
    fd_status status = error ? fd_array_bytes(&s->arrays[3], error, strlen(error)) : fd_array_null(&s->arrays[3]);
    for (size_t i = 0; i <= s->count && status == FD_OK; i++) status = fd_array_null(&s->arrays[FD_SCAN_FIRST_COLUMNS + i]);
    const uint8_t byte = (uint8_t)outcome;
    if (status == FD_OK) status = fd_buffer_append(&s->outcomes, &byte, 1);
    s->rows++;
    s->counts.files++;
    s->counts.read += outcome == FD_OUTCOME_READ;
    s->counts.not_dicom += outcome == FD_OUTCOME_NOT_DICOM;
    s->counts.failed += outcome == FD_OUTCOME_FAILED;
    return status;
}

static fd_status end_row_errno(fd_scanner *s, int os_errno)
{
    char text[256] = "";
    fd_os_message(os_errno, text, sizeof text);
    if (!text[0]) memcpy(text, "the system failed", 18);
    return end_row_failed(s, FD_OUTCOME_FAILED, text);
}

/* The element of a tag that the facts want, or NULL. */
static const fd_element *found_of(const fd_scanner *s, uint32_t tag)
{
    const slot wanted = {.tag = tag};
    const size_t i = find_slot(s, &wanted);
    return i != NONE && s->slots[i].present ? &s->slots[i].found : NULL;
}

/* Entries of the Extended Offset Table (PS3.3 C.7.6.3.1.8), else of the Basic one (PS3.5 A.4). */
static fd_status append_table_frames(fd_scanner *s, fd_array *to, uint64_t *wanted_end)
{
    const fd_element *pixels = found_of(s, FD_TAG_PIXEL_DATA), *extended = found_of(s, TAG_EXTENDED_OFFSET_TABLE);
    if (!pixels || !(pixels->flags & FD_ELEMENT_ENCAPSULATED)) return fd_array_null(to);
    if (extended && extended->length >= 8) return fd_array_integer(to, false, extended->length / 8);
    const bool big = pixels->flags & FD_ELEMENT_BIG;
    const uint8_t *p = fd_input_at(s->convert.in, pixels->offset, 8);
    if (!p || fd_load_tag(p, big) != FD_TAG_ITEM) return fd_array_null(to);
    const uint32_t length = fd_load32(p + 4, big);
    if (pixels->offset + 8 > *wanted_end) *wanted_end = pixels->offset + 8;
    return fd_array_integer(to, false, length / 4);
}

/* The bytes of native pixel data that are there, whatever was declared. */
static fd_status append_pixel_length(fd_scanner *s, const fd_element *e, fd_array *to)
{
    const uint64_t size = s->convert.in->size;
    if (e->flags & FD_ELEMENT_ENCAPSULATED || e->length == FD_UNDEFINED) return fd_array_null(to);
    const uint64_t there = e->offset < size ? size - e->offset : 0;
    return fd_array_integer(to, false, e->length < there ? e->length : there);
}

static fd_status append_last_tag(fd_scanner *s, fd_array *to)
{
    char text[9];
    if (!s->last_seen) return fd_array_null(to);
    snprintf(text, sizeof text, "%08x", (unsigned)s->last_seen);
    return fd_array_bytes(to, text, 8);
}

static fd_status append_fact(fd_scanner *s, fd_fact fact, fd_array *to, uint64_t *wanted_end)
{
    if (fact == FD_FACT_TRANSFER_SYNTAX) { /* it may be anything: as the reader, Latin-1 then */
        fd_buffer *text = &s->convert.scratch;
        if (!*s->syntax) return fd_array_null(to);
        text->used = 0;
        if (fd_latin1_to_utf8(text, (const uint8_t *)s->syntax, strlen(s->syntax)) != FD_OK) return FD_MEMORY;
        return fd_array_bytes(to, text->data, text->used);
    }
    if (fact == FD_FACT_TABLE_FRAMES) return append_table_frames(s, to, wanted_end);
    if (fact == FD_FACT_LAST_TAG) return append_last_tag(s, to);
    const fd_element *e = NULL;
    for (size_t i = 0; i < PIXEL_TAGS && !e; i++) e = found_of(s, PIXELS[i]);
    if (!e || (s->inflated && fact == FD_FACT_PIXEL_OFFSET)) return fd_array_null(to);
    return fact == FD_FACT_PIXEL_LENGTH ? append_pixel_length(s, e, to) : fd_array_integer(to, false, e->offset);
}

/* The VR that the dictionary of its creator gives a private element, where the file gives none. */
static void name_private(fd_scanner *s, fd_element *e)
{
    const fd_element *creator = e->vr == FD_VR_NONE || e->vr == FD_VR_UN ? found_of(s, creator_of(e->tag)) : NULL;
    size_t n;
    const uint8_t *p = creator ? fd_convert_trimmed(s->convert.in, creator, &n) : NULL;
    const uint16_t vr = p ? fd_dict_private_vr((const char *)p, n, e->tag) : (uint16_t)FD_VR_NONE;
    if (vr != FD_VR_NONE) e->vr = vr;
}

/* One column of the row of a file that was read. */
static fd_status append_column(fd_scanner *s, size_t i, uint64_t *wanted_end)
{
    const fd_column_spec *spec = &s->specs[i];
    fd_array *to = &s->arrays[FD_SCAN_FIRST_COLUMNS + i];
    if (spec->fact) return append_fact(s, spec->fact, to, wanted_end);
    const slot *w = &s->slots[s->slot_of[i]];
    const fd_element *e = w->present ? &w->found : NULL;
    if (spec->step_count) return fd_nest_append(&s->convert, spec, e, s->options.thorough, to, wanted_end);
    if (e && e->offset + e->length > *wanted_end) *wanted_end = e->offset + e->length;
    if (!e || !is_nameless(spec)) return fd_convert_append(&s->convert, spec, e, to);
    fd_element named = *e;
    name_private(s, &named);
    return fd_convert_append(&s->convert, spec, &named, to);
}

static fd_status end_row_read(fd_scanner *s, uint64_t *wanted_end)
{
    fd_status status = fd_array_null(&s->arrays[3]);
    for (size_t i = 0; i < s->count && status == FD_OK; i++) status = append_column(s, i, wanted_end);
    if (status != FD_OK) return status;
    fd_array *notes = &s->arrays[FD_SCAN_FIRST_COLUMNS + s->count];
    const fd_buffer *note = &s->convert.note;
    status = note->used ? fd_array_bytes(notes, note->data, note->used) : fd_array_null(notes);
    const uint8_t byte = FD_OUTCOME_READ;
    if (status == FD_OK) status = fd_buffer_append(&s->outcomes, &byte, 1);
    s->rows++;
    s->counts.files++;
    s->counts.read++;
    s->counts.noted += note->used != 0;
    return status;
}

/* What the cursor had to repair, in the words of its warnings. */
static fd_status note_repairs(fd_scanner *s, uint32_t notes, const fd_place_of_note *where)
{
    for (unsigned i = 0; i < FD_NOTE_KINDS; i++) {
        if (!(notes >> i & 1)) continue;
        if (fd_convert_note_repair(&s->convert, i, where ? &where[i] : NULL) != FD_OK) return FD_MEMORY;
    }
    return FD_OK;
}

/* a file */

static fd_status walk_meta(fd_scanner *s, fd_input *in, const fd_part10 *part10)
{
    if (!s->meta_slots || !part10->meta_length) return FD_OK;
    fd_cursor c;
    fd_cursor_open(&c, in, part10->meta_offset, part10->meta_offset + part10->meta_length, false, false, FD_TOP_LEVEL);
    const fd_status status = find_elements(s, &c, 0, s->meta_slots, UINT32_MAX, true);
    fd_cursor_close(&c);
    return status == FD_MEMORY ? status : FD_OK;
}

#define IMPLICIT_LITTLE "1.2.840.10008.1.2"
#define EXPLICIT_LITTLE "1.2.840.10008.1.2.1"
#define EXPLICIT_BIG "1.2.840.10008.1.2.2"

/* The wanted elements of the data set that begins at `offset`, and what was repaired on the way. */
static fd_status walk_data_set(fd_scanner *s, fd_input *in, const fd_part10 *part10, uint64_t *end)
{
    s->syntax = part10->transfer_syntax;
    s->last_seen = 0;
    if (s->all_slots == s->meta_slots && !s->options.thorough && *s->syntax) return FD_OK;
    fd_cursor c;
    fd_cursor_open(&c, in, part10->dataset_offset, in->size, part10->implicit, part10->big, FD_TOP_LEVEL);
    if (part10->guessed) c.notes = 0; /* nobody said what the encoding is */
    if (!*s->syntax && part10->dataset_offset < in->size)
        s->syntax = c.big ? EXPLICIT_BIG : c.implicit ? IMPLICIT_LITTLE : EXPLICIT_LITTLE;
    fd_status status = find_elements(s, &c, s->meta_slots, s->plain_slots, s->last_tag, s->options.thorough);
    if (status == FD_END) status = note_repairs(s, c.notes, c.where);
    if (s->options.thorough) s->last_seen = c.last_tag;
    *end = c.pos;
    fd_cursor_close(&c);
    return status;
}

/* The values of what was found in `in`. */
static fd_status collect(fd_scanner *s, fd_input *in, uint64_t *wanted_end)
{
    fd_convert *v = &s->convert;
    v->in = in;
    if (s->charset_slot != NONE && s->slots[s->charset_slot].present &&
        fd_convert_charset(v, &s->slots[s->charset_slot].found) != FD_OK)
        return FD_MEMORY;
    if (s->sign_slot != NONE && s->slots[s->sign_slot].present) fd_convert_pixel_representation(v, &s->slots[s->sign_slot].found);
    return end_row_read(s, wanted_end);
}

static void forget(fd_scanner *s, size_t first)
{
    for (size_t i = first; i < s->all_slots; i++) {
        s->slots[i].present = false;
        s->slots[i].block = 0;
    }
}

/* A deflated data set (PS3.5 A.5). `in` is the file as if it were not: its size is known once all has been inflated.
 * FD_INVALID: it is not deflated, nothing was appended. */
static fd_status read_deflated(fd_scanner *s, const fd_part10 *part10)
{
    fd_input in = {0};
    uint64_t ignored = 0;
    fd_status status = s->hooks.inflate(s->hooks.context, &s->head.in, part10->dataset_offset, &in);
    s->inflated = status == FD_OK;
    if (status == FD_OK) {
        const uint64_t size = in.size;
        const size_t noted = s->convert.note.used;
        status = walk_data_set(s, &in, part10, &ignored);
        if (status == FD_OK && in.size != size) { /* now that the end is known, lengths beyond it can be told */
            forget(s, s->meta_slots);
            s->convert.note.used = noted;
            status = walk_data_set(s, &in, part10, &ignored);
        }
    }
    int too_large = 0;
    const char *error = s->hooks.inflate_error(s->hooks.context, &too_large);
    if (status == FD_OK && too_large)
        status = end_row_failed(s, FD_OUTCOME_FAILED, error);
    else if (status == FD_OK)
        status = error && fd_convert_note(&s->convert, NULL, error) != FD_OK ? FD_MEMORY : collect(s, &in, &ignored);
    s->hooks.inflate_end(s->hooks.context);
    return status;
}

/* Where a row begins, so that it can be taken back. */
typedef struct mark {
    size_t rows, outcomes;
    fd_scan_counts counts;
} mark;

static mark mark_of(const fd_scanner *s) { return (mark){s->rows, s->outcomes.used, s->counts}; }

static void take_back(fd_scanner *s, const mark *to)
{
    for (size_t i = 0; i < s->width; i++) fd_array_truncate(&s->arrays[i], to->rows);
    s->outcomes.used = to->outcomes;
    s->rows = to->rows;
    s->counts = to->counts;
}

static fd_status read_open_file(fd_scanner *s, uint64_t *wanted_end)
{
    fd_input *in = &s->head.in;
    fd_part10 part10;
    fd_error error = {0};
    if (fd_part10_read(in, s->options.force, &part10, &error) != FD_OK) {
        if (s->head.os_errno) return end_row_errno(s, s->head.os_errno);
        return end_row_failed(s, FD_OUTCOME_NOT_DICOM, error.reason);
    }
    fd_convert_begin(&s->convert, in);
    forget(s, 0);
    s->inflated = false;
    if (walk_meta(s, in, &part10) != FD_OK) return FD_MEMORY;
    if (part10.notes && note_repairs(s, part10.notes, NULL) != FD_OK) return FD_MEMORY;
    if (part10.deflated && s->hooks.inflate && part10.dataset_offset < in->size) {
        const fd_status inflated = read_deflated(s, &part10);
        if (inflated != FD_INVALID) return inflated;
        if (fd_convert_note(&s->convert, NULL, "the transfer syntax says deflated, the data set is not: read as it is") != FD_OK)
            return FD_MEMORY;
    }
    const fd_status status = walk_data_set(s, in, &part10, wanted_end);
    if (s->head.os_errno) return end_row_errno(s, s->head.os_errno);
    return status == FD_OK ? collect(s, in, wanted_end) : status;
}

/* the long table */

static fd_status count_rows(fd_scanner *s, size_t rows, fd_outcome outcome)
{
    const uint8_t byte = (uint8_t)outcome;
    for (; s->rows < rows; s->rows++)
        if (fd_buffer_append(&s->outcomes, &byte, 1) != FD_OK) return FD_MEMORY;
    return FD_OK;
}

static fd_status end_long_file(fd_scanner *s, fd_outcome outcome, const char *error)
{
    bool noted = false;
    uint64_t wanted_end = 0;
    fd_long_rows rows = {s->arrays, s->rows, SIZE_MAX, SIZE_MAX, s->options.path_bytes};
    const fd_status status = fd_long_end(s->elements, &rows, error, &noted, &wanted_end);
    if (s->file.inflating) s->hooks.inflate_end(s->hooks.context);
    if (s->head.fd >= 0) fd_head_close(&s->head, wanted_end);
    s->file.inflating = false;
    s->file.stage = NO_FILE;
    s->file.bytes.used = 0;
    s->counts.files++;
    s->counts.read += outcome == FD_OUTCOME_READ;
    s->counts.not_dicom += outcome == FD_OUTCOME_NOT_DICOM;
    s->counts.failed += outcome == FD_OUTCOME_FAILED;
    s->counts.noted += outcome == FD_OUTCOME_READ && noted;
    return status == FD_OK ? count_rows(s, rows.count, outcome) : FD_MEMORY;
}

static fd_status end_long_errno(fd_scanner *s, int os_errno)
{
    char text[256] = "";
    if (os_errno) fd_os_message(os_errno, text, sizeof text);
    return end_long_file(s, FD_OUTCOME_FAILED, text[0] ? text : "the system failed");
}

/* What was inflated, into memory, where the walk can go back; if it is not too long. */
static fd_status keep_inflated(fd_scanner *s, uint64_t start)
{
    long_file *f = &s->file;
    if (f->inflated.size <= start || f->inflated.size - start > INFLATED_KEPT) return FD_OK;
    for (uint64_t at = start; at < f->inflated.size;) {
        const size_t n = f->inflated.size - at < 65536 ? (size_t)(f->inflated.size - at) : 65536;
        const uint8_t *p = fd_input_at(&f->inflated, at, n);
        if (!p) break;
        if (fd_buffer_append(&f->bytes, p, n) != FD_OK) return FD_MEMORY;
        at += n;
    }
    s->hooks.inflate_end(s->hooks.context);
    f->inflating = false;
    f->inflated = (fd_input){.data = f->bytes.data, .start = start, .end = start + f->bytes.used, .size = start + f->bytes.used};
    return FD_OK;
}

/* A deflated data set (PS3.5 A.5) is inflated once to its end, which tells its size. FD_INVALID: it is not deflated. FD_END: the
 * file has ended here. */
static fd_status open_deflated(fd_scanner *s)
{
    long_file *f = &s->file;
    const uint64_t start = f->part10.dataset_offset;
    f->inflated = (fd_input){0};
    fd_status status = s->hooks.inflate(s->hooks.context, &s->head.in, start, &f->inflated);
    if (status != FD_OK) {
        s->hooks.inflate_end(s->hooks.context);
        return status;
    }
    f->inflating = true;
    fd_input_at(&f->inflated, f->inflated.size - 1, 1);
    int too_large = 0;
    const char *error = s->hooks.inflate_error(s->hooks.context, &too_large);
    if (s->head.os_errno) return end_long_errno(s, s->head.os_errno) == FD_OK ? FD_END : FD_MEMORY;
    if (error && too_large) return end_long_file(s, FD_OUTCOME_FAILED, error) == FD_OK ? FD_END : FD_MEMORY;
    if (error && fd_convert_note(&s->convert, NULL, error) != FD_OK) return FD_MEMORY;
    if (keep_inflated(s, start) != FD_OK) return FD_MEMORY;
    return fd_long_open_data_set(s->elements, &f->inflated, &f->part10);
}

static fd_status open_data_set(fd_scanner *s)
{
    const fd_part10 *part10 = &s->file.part10;
    s->file.stage = IN_DATA_SET;
    if (part10->deflated && s->hooks.inflate && part10->dataset_offset < s->head.in.size) {
        const fd_status status = open_deflated(s);
        if (status != FD_INVALID) return status;
        if (fd_convert_note(&s->convert, NULL, "the transfer syntax says deflated, the data set is not: read as it is") != FD_OK)
            return FD_MEMORY;
    }
    return fd_long_open_data_set(s->elements, &s->head.in, part10);
}

fd_status fd_scanner_resume(fd_scanner *s)
{
    fd_status status = FD_OK;
    while (s->file.stage != NO_FILE && status == FD_OK) {
        const size_t limit = s->file.whole ? SIZE_MAX : s->options.batch_rows;
        const size_t bytes = s->file.whole ? OBJECT_BYTES : s->options.batch_bytes;
        fd_long_rows rows = {s->arrays, s->rows, limit, bytes, s->options.path_bytes};
        status = fd_long_walk(s->elements, &rows);
        if (count_rows(s, rows.count, FD_OUTCOME_READ) != FD_OK) return FD_MEMORY;
        if (status == FD_END) {
            status = s->file.stage == IN_META ? open_data_set(s) : end_long_file(s, FD_OUTCOME_READ, NULL);
            if (status == FD_END) return FD_OK;
        }
        if (status == FD_IO) status = end_long_errno(s, s->head.os_errno);
        if (status == FD_LIMIT && s->file.whole)
            status = end_long_file(s, FD_OUTCOME_FAILED, "more elements than fit a batch: what follows is left out");
    }
    return status;
}

static fd_status begin_long_file(fd_scanner *s, const fd_entry *entry)
{
    fd_buffer *path = &s->file.path, *raw = &s->file.raw;
    path->used = raw->used = 0;
    if (fd_buffer_append(raw, entry->prefix, entry->prefix_length) != FD_OK) return FD_MEMORY;
    if (entry->prefix_is_utf8 && fd_buffer_append(path, raw->data, raw->used) != FD_OK) return FD_MEMORY;
    if (!entry->prefix_is_utf8 && fd_utf8_escape(path, raw->data, raw->used) != FD_OK) return FD_MEMORY;
    if (fd_utf8_escape(path, (const uint8_t *)entry->name, entry->name_length) != FD_OK) return FD_MEMORY;
    if (fd_buffer_append(raw, entry->name, entry->name_length) != FD_OK) return FD_MEMORY;
    fd_convert_begin(&s->convert, &s->head.in);
    return fd_long_begin(s->elements, path, raw);
}

/* What `head.in` reads. */
static fd_status read_long(fd_scanner *s)
{
    fd_error error = {0};
    long_file *f = &s->file;
    if (fd_part10_read(&s->head.in, s->options.force, &f->part10, &error) != FD_OK) {
        if (s->head.os_errno) return end_long_errno(s, s->head.os_errno);
        return end_long_file(s, FD_OUTCOME_NOT_DICOM, error.reason);
    }
    if (f->part10.notes && note_repairs(s, f->part10.notes, NULL) != FD_OK) return FD_MEMORY;
    f->stage = IN_META;
    const fd_status status = f->part10.meta_length ? fd_long_open_meta(s->elements, &s->head.in, &f->part10) : FD_OK;
    if (status == FD_IO) return end_long_errno(s, s->head.os_errno);
    return status == FD_OK ? fd_scanner_resume(s) : status;
}

static fd_status visit_long(fd_scanner *s, const fd_entry *entry)
{
    bool known;
    fd_status opened = FD_INVALID;
    const fd_os_name name = {entry->folder, entry->prefix, entry->prefix_length, entry->name};
    s->file.whole = false;
    if (begin_long_file(s, entry) != FD_OK) return FD_MEMORY;
    if (entry->type == FD_ENTRY_FAILED) return end_long_errno(s, entry->os_errno);
    if (entry->type == FD_ENTRY_FILE) opened = fd_head_open(&s->head, &name, &known);
    if (opened == FD_INVALID) return end_long_file(s, FD_OUTCOME_FAILED, "not a regular file");
    if (opened != FD_OK) return end_long_errno(s, s->head.os_errno);
    return read_long(s);
}

/* A row of what the folder and the system know. */
static fd_status visit_facts(fd_scanner *s, const fd_entry *entry)
{
    if (append_path(s, entry) != FD_OK) return FD_MEMORY;
    int failed = entry->os_errno;
    const fd_os_name name = {entry->folder, entry->prefix, entry->prefix_length, entry->name};
    if (entry->type == FD_ENTRY_FILE) failed = fd_os_look(&name, true, &s->head.facts);
    if (append_file_facts(s, entry->type == FD_ENTRY_FILE && !failed) != FD_OK) return FD_MEMORY;
    if (entry->type == FD_ENTRY_FAILED || failed) return end_row_errno(s, failed);
    if (entry->type != FD_ENTRY_FILE || s->head.facts.type != FD_OS_FILE)
        return end_row_failed(s, FD_OUTCOME_FAILED, "not a regular file");
    return end_row_failed(s, FD_OUTCOME_READ, NULL);
}

fd_status fd_scanner_visit(fd_scanner *s, const fd_entry *entry)
{
    if (s->elements) return visit_long(s, entry);
    if (s->options.facts_only) return visit_facts(s, entry);
    if (append_path(s, entry) != FD_OK) return FD_MEMORY;
    bool known = false;
    fd_status opened = FD_INVALID;
    const fd_os_name name = {entry->folder, entry->prefix, entry->prefix_length, entry->name};
    if (entry->type == FD_ENTRY_FILE) opened = fd_head_open(&s->head, &name, &known);
    if (append_file_facts(s, known) != FD_OK) return FD_MEMORY;
    if (entry->type == FD_ENTRY_FAILED) return end_row_errno(s, entry->os_errno);
    if (opened == FD_INVALID) return end_row_failed(s, FD_OUTCOME_FAILED, "not a regular file");
    if (opened != FD_OK) return end_row_errno(s, s->head.os_errno);
    uint64_t wanted_end = 0;
    const mark before = mark_of(s);
    fd_status status = read_open_file(s, &wanted_end);
    fd_head_close(&s->head, wanted_end);
    if (status != FD_OK || !s->head.os_errno) return status;
    take_back(s, &before); /* a value could not be read: the row would look like that of a shorter file */
    status = append_path(s, entry);
    if (status == FD_OK) status = append_file_facts(s, known);
    return status == FD_OK ? end_row_errno(s, s->head.os_errno) : status;
}

bool fd_scanner_look_ahead(fd_scanner *s, const fd_entry *entry)
{
    if (s->options.facts_only) return false;
    const fd_os_name name = {entry->folder, entry->prefix, entry->prefix_length, entry->name};
    return entry->type != FD_ENTRY_FILE || fd_head_ahead(&s->head, &name);
}

void fd_scanner_end_ahead(fd_scanner *s) { fd_head_end_ahead(&s->head); }

/* objects */

static fd_status begin_object(fd_scanner *s, const fd_object *object)
{
    const fd_entry entry = {
        .type = FD_ENTRY_FILE, .prefix = "", .name = object->path, .name_length = object->path_length, .prefix_is_utf8 = true};
    s->head.os_errno = 0;
    s->file.whole = true;
    if (s->elements) return begin_long_file(s, &entry);
    if (append_path(s, &entry) != FD_OK) return FD_MEMORY;
    s->head.facts = (fd_os_facts){.type = FD_OS_FILE, .size = object->size, .mtime = object->mtime};
    if (object->has_size && object->has_mtime) return append_file_facts(s, true);
    fd_array *size = &s->arrays[1], *mtime = &s->arrays[2];
    const uint64_t t = (uint64_t)object->mtime;
    fd_status status = object->has_size ? fd_array_integer(size, false, object->size) : fd_array_null(size);
    if (status != FD_OK) return status;
    return object->has_mtime ? fd_array_integer(mtime, object->mtime < 0, object->mtime < 0 ? 0 - t : t) : fd_array_null(mtime);
}

fd_status fd_scanner_visit_bytes(fd_scanner *s, const fd_object *object, const fd_piece *pieces, size_t count, fd_bytes *bytes)
{
    const mark before = mark_of(s);
    if (begin_object(s, object) != FD_OK) return FD_MEMORY;
    if (s->options.facts_only) return end_row_failed(s, FD_OUTCOME_READ, NULL);
    fd_bytes_open(bytes, pieces, count, object->size, &s->head.in);
    uint64_t wanted_end = 0;
    const fd_status status = s->elements ? read_long(s) : read_open_file(s, &wanted_end);
    if (status != FD_OK || !bytes->missing) return status;
    /* the row tells what a file of these pieces would be: not this object */
    take_back(s, &before);
    return FD_LIMIT;
}

fd_status fd_scanner_fail(fd_scanner *s, const fd_object *object, const char *error)
{
    if (begin_object(s, object) != FD_OK) return FD_MEMORY;
    return s->elements ? end_long_file(s, FD_OUTCOME_FAILED, error) : end_row_failed(s, FD_OUTCOME_FAILED, error);
}

size_t fd_scanner_bytes(const fd_scanner *s)
{
    size_t sum = 0;
    for (size_t i = 0; i < s->width; i++) sum += fd_array_bytes_used(&s->arrays[i]);
    return sum;
}

bool fd_scanner_is_full(const fd_scanner *s)
{
    if (s->rows >= s->options.batch_rows) return true;
    return s->rows % 16 == 0 && s->rows && fd_scanner_bytes(s) > s->options.batch_bytes;
}

fd_status fd_scanner_run(fd_scanner *s, fd_walk *walk, size_t files)
{
    fd_entry entry;
    for (size_t i = 0; i < files; i++) {
        if (fd_scanner_is_full(s)) return FD_LIMIT;
        fd_status status = FD_OK;
        if (s->file.stage != NO_FILE)
            status = fd_scanner_resume(s);
        else if ((status = fd_walk_next(walk, &entry)) == FD_OK)
            status = fd_scanner_visit(s, &entry);
        if (status != FD_OK) return status;
    }
    return FD_OK;
}

fd_batch *fd_scanner_take(fd_scanner *s, uint8_t **outcomes)
{
    fd_batch *batch = fd_batch_new(s->arrays, s->width, s->rows);
    if (!batch) return NULL;
    *outcomes = s->outcomes.data;
    memset(&s->outcomes, 0, sizeof s->outcomes);
    if (make_arrays(s) == FD_OK) return batch;
    fd_batch_release(batch);
    free(*outcomes);
    *outcomes = NULL;
    return NULL;
}
