#include "fd_convert.h"

#include "fd_when.h"

#include <math.h>
#include <stdio.h>

typedef enum value_class {
    CLASS_TEXT,    /* in the data set's character set */
    CLASS_CODE,    /* text of the default repertoire */
    CLASS_INTEGER, /* binary */
    CLASS_FLOAT,
    CLASS_TAG,
    CLASS_BYTES,
    CLASS_SEQUENCE
} value_class;

typedef struct vr_facts {
    value_class class;
    uint8_t width; /* of a binary number */
    bool is_signed;
    bool splits; /* a backslash separates values */
} vr_facts;

static vr_facts facts_of(uint16_t vr)
{
    switch (vr) {
    case FD_VR_LO:
    case FD_VR_PN:
    case FD_VR_SH:
    case FD_VR_UC: return (vr_facts){CLASS_TEXT, 0, false, true};
    case FD_VR_LT:
    case FD_VR_ST:
    case FD_VR_UT: return (vr_facts){CLASS_TEXT, 0, false, false};
    case FD_VR_UR: return (vr_facts){CLASS_CODE, 0, false, false};
    case FD_VR_AE:
    case FD_VR_AS:
    case FD_VR_CS:
    case FD_VR_DA:
    case FD_VR_DS:
    case FD_VR_DT:
    case FD_VR_IS:
    case FD_VR_TM:
    case FD_VR_UI: return (vr_facts){CLASS_CODE, 0, false, true};
    case FD_VR_US: return (vr_facts){CLASS_INTEGER, 2, false, true};
    case FD_VR_SS: return (vr_facts){CLASS_INTEGER, 2, true, true};
    case FD_VR_UL: return (vr_facts){CLASS_INTEGER, 4, false, true};
    case FD_VR_SL: return (vr_facts){CLASS_INTEGER, 4, true, true};
    case FD_VR_UV: return (vr_facts){CLASS_INTEGER, 8, false, true};
    case FD_VR_SV: return (vr_facts){CLASS_INTEGER, 8, true, true};
    case FD_VR_FL: return (vr_facts){CLASS_FLOAT, 4, true, true};
    case FD_VR_FD: return (vr_facts){CLASS_FLOAT, 8, true, true};
    case FD_VR_AT: return (vr_facts){CLASS_TAG, 4, false, true};
    case FD_VR_SQ: return (vr_facts){CLASS_SEQUENCE, 0, false, false};
    default: return (vr_facts){CLASS_BYTES, 0, false, false};
    }
}

fd_status fd_convert_init(fd_convert *v)
{
    memset(v, 0, sizeof *v);
    return fd_array_init(&v->items, FD_KIND_UTF8, FD_KIND_UTF8);
}

void fd_convert_free(fd_convert *v)
{
    fd_buffer_free(&v->charset);
    fd_buffer_free(&v->note);
    fd_buffer_free(&v->scratch);
    fd_buffer_free(&v->remark);
    fd_array_free(&v->items);
}

void fd_convert_begin(fd_convert *v, fd_input *in)
{
    v->in = in;
    v->charset.used = v->note.used = 0;
    v->charset_class = FD_CHARSET_PLAIN;
    v->signed_pixels = false;
}

/* notes */

fd_status fd_convert_note(fd_convert *v, const char *name, const char *text)
{
    if (v->note.used > 4096) return FD_OK; /* enough is known */
    if (v->note.used && fd_buffer_append(&v->note, "; ", 2) != FD_OK) return FD_MEMORY;
    if (name && (fd_buffer_append(&v->note, name, strlen(name)) != FD_OK || fd_buffer_append(&v->note, ": ", 2) != FD_OK))
        return FD_MEMORY;
    return fd_buffer_append(&v->note, text, strlen(text));
}

fd_status fd_convert_note_repair(fd_convert *v, unsigned kind, const fd_place_of_note *where)
{
    char place[64] = "group 0002";
    if (where)
        snprintf(place, sizeof place, "(%04X,%04X) at 0x%llX", (unsigned)(where->tag >> 16), (unsigned)(where->tag & 0xFFFF),
                 (unsigned long long)where->offset);
    return fd_convert_note(v, place, fd_note_text(kind));
}

/* "name: text" and, in quotes, the beginning of what was found. */
static fd_status note_found(fd_convert *v, const fd_column_spec *column, const char *text, const uint8_t *found, size_t n)
{
    const size_t shown = n < 64 ? n : 64;
    if (fd_convert_note(v, column->name, text) != FD_OK || fd_buffer_append(&v->note, " '", 2) != FD_OK) return FD_MEMORY;
    if (fd_utf8_escape(&v->note, found, shown) != FD_OK) return FD_MEMORY;
    return shown < n ? fd_buffer_append(&v->note, "…'", strlen("…'")) : fd_buffer_append(&v->note, "'", 1);
}

static fd_status note_number(fd_convert *v, const fd_column_spec *column, const char *form, uint64_t a, uint64_t b)
{
    char text[160];
    snprintf(text, sizeof text, form, (unsigned long long)a, (unsigned long long)b);
    return fd_convert_note(v, column->name, text);
}

static fd_status null_and(fd_array *to, fd_status noted) { return noted == FD_OK ? fd_array_null(to) : noted; }

static fd_status too_many(fd_convert *v, const fd_column_spec *column, size_t count, fd_array *to)
{
    return null_and(to, note_number(v, column, "%llu values where the column holds %llu", count, 1));
}

/* text */

static bool is_padding(uint8_t c) { return c == ' ' || c == 0; }

static size_t trim_end(const uint8_t *p, size_t n)
{
    while (n && is_padding(p[n - 1])) n--;
    return n;
}

const uint8_t *fd_convert_trimmed(fd_input *in, const fd_element *e, size_t *n)
{
    if (e->length > 1024) return NULL;
    const uint8_t *p = fd_input_at(in, e->offset, (size_t)e->length);
    if (!p) return NULL;
    size_t used = trim_end(p, (size_t)e->length);
    for (; used && *p == ' '; used--) p++;
    *n = used;
    return p;
}

static bool equals(const uint8_t *p, size_t n, const char *text) { return n == strlen(text) && memcmp(p, text, n) == 0; }

fd_status fd_convert_charset(fd_convert *v, const fd_element *e)
{
    size_t n = 0;
    const uint8_t *p = fd_convert_trimmed(v->in, e, &n);
    v->charset.used = 0;
    v->charset_class = FD_CHARSET_OTHER;
    if (!p) return FD_OK;
    if (n == 0 || equals(p, n, "ISO_IR 6"))
        v->charset_class = FD_CHARSET_PLAIN;
    else if (equals(p, n, "ISO_IR 100"))
        v->charset_class = FD_CHARSET_LATIN1;
    else if (equals(p, n, "ISO_IR 192"))
        v->charset_class = FD_CHARSET_UTF8;
    return fd_buffer_append(&v->charset, p, n);
}

void fd_convert_pixel_representation(fd_convert *v, const fd_element *e)
{
    const uint8_t *p = e->length >= 2 ? fd_input_at(v->in, e->offset, 2) : NULL;
    v->signed_pixels = p && fd_load16(p, e->flags & FD_ELEMENT_BIG) == 1;
}

static size_t count_values(const uint8_t *p, size_t n)
{
    size_t count = 1;
    for (const uint8_t *end = p + n; p < end && (p = memchr(p, '\\', (size_t)(end - p))); p++) count++;
    return count;
}

/* Does the reader take blanks away around each value, or at the end of the whole only? */
static bool trims_each_end(uint16_t vr)
{
    return vr == FD_VR_LO || vr == FD_VR_SH || vr == FD_VR_UC || vr == FD_VR_AE || vr == FD_VR_UI || vr == FD_VR_DS ||
           vr == FD_VR_IS;
}

static bool is_number_padding(uint8_t c) { return is_padding(c) || (c >= '\t' && c <= '\r'); }

/* The next value of text whose padding at the end is gone; *p and *n go behind it. */
static const uint8_t *next_value(const uint8_t **p, size_t *n, uint16_t vr, bool splits, size_t *length)
{
    const bool number = vr == FD_VR_DS || vr == FD_VR_IS;
    const uint8_t *start = *p, *separator = splits && *n ? memchr(*p, '\\', *n) : NULL;
    size_t used = separator ? (size_t)(separator - start) : *n;
    *p = separator ? separator + 1 : start + used;
    *n -= separator ? used + 1 : used;
    while (used && trims_each_end(vr) && (is_padding(start[used - 1]) || (number && is_number_padding(start[used - 1])))) used--;
    while (used && ((*start == ' ' && vr == FD_VR_AE) || (is_padding(*start) && vr == FD_VR_UI) ||
                    (number && is_number_padding(*start)))) {
        start++;
        used--;
    }
    if (vr == FD_VR_PN) /* empty component groups at the end are left out */
        while (used && start[used - 1] == '=') used--;
    *length = used;
    return start;
}

/* Text that has been decoded (or needs none) into the column. */
static fd_status append_text(fd_convert *v, const fd_column_spec *column, uint16_t vr, bool splits, const uint8_t *p, size_t n,
                             fd_array *to)
{
    size_t length;
    n = trim_end(p, n);
    if (column->flags & FD_COLUMN_UNSPLIT) splits = false;
    if (column->kind != FD_KIND_LIST) {
        const size_t count = splits && n ? count_values(p, n) : 1;
        if (count > 1) return null_and(to, note_found(v, column, "several values where the column holds one:", p, n));
        const uint8_t *value = next_value(&p, &n, vr, false, &length);
        return fd_array_bytes(to, value, length);
    }
    fd_status status = FD_OK;
    for (size_t left = splits ? count_values(p, n) : 1; left && status == FD_OK; left--) {
        const uint8_t *value = next_value(&p, &n, vr, splits, &length);
        status = fd_array_bytes(to->child, value, length);
    }
    return status == FD_OK ? fd_array_close_list(to) : status;
}

/* What the caller's decoder makes of it. */
static fd_status append_decoded(fd_convert *v, const fd_column_spec *column, const fd_text_value *value, fd_array *to)
{
    v->items.length = v->items.nulls = v->items.data.used = v->items.validity.used = 0;
    v->items.offsets.used = sizeof(int32_t);
    v->remark.used = 0;
    fd_status status = v->decode ? v->decode(v->context, value, &v->items, &v->remark) : FD_INVALID;
    if (status == FD_OK && v->remark.used) {
        status = fd_buffer_append(&v->remark, "", 1);
        if (status == FD_OK) status = fd_convert_note(v, column->name, (const char *)v->remark.data);
    }
    if (status == FD_INVALID) return null_and(to, note_found(v, column, "cannot be decoded:", value->data, value->length));
    if (status != FD_OK) return status;
    if (column->kind != FD_KIND_LIST && v->items.length != 1) {
        if (v->items.length == 0) return fd_array_null(to);
        return null_and(to, note_found(v, column, "several values where the column holds one:", value->data, value->length));
    }
    for (size_t i = 0; i < v->items.length && status == FD_OK; i++) {
        const int32_t from = fd_array_offset(&v->items, i), end = fd_array_offset(&v->items, i + 1);
        fd_array *target = column->kind == FD_KIND_LIST ? to->child : to;
        if (fd_array_is_null(&v->items, i))
            status = fd_array_null(target);
        else
            status = fd_array_bytes(target, end > from ? v->items.data.data + from : NULL, (size_t)(end - from));
    }
    if (status != FD_OK || column->kind != FD_KIND_LIST) return status;
    return fd_array_close_list(to);
}

/* Printable ASCII, without the two that ISO_IR 13 replaces: no character set and no codec of Python's reads it otherwise. */
static bool is_same_everywhere(const uint8_t *p, size_t n)
{
    bool other = false;
    for (size_t i = 0; i < n; i++) other |= (p[i] < 0x20 && p[i] != 0) || p[i] == '\\' || p[i] >= '~';
    return !other;
}

static fd_status convert_text(fd_convert *v, const fd_column_spec *column, const fd_text_value *value, vr_facts facts,
                              fd_array *to)
{
    const uint8_t *p = value->data;
    const size_t n = value->length;
    if (v->charset_class == FD_CHARSET_OTHER && facts.class == CLASS_TEXT && !is_same_everywhere(p, n))
        return append_decoded(v, column, value, to);
    if (fd_text_is_plain(p, n)) return append_text(v, column, value->vr, facts.splits, p, n, to);
    const bool escapes = n && memchr(p, 0x1B, n);
    if (facts.class == CLASS_TEXT && !escapes) {
        if (v->charset_class == FD_CHARSET_UTF8 && fd_utf8_valid(p, n) == n)
            return append_text(v, column, value->vr, facts.splits, p, n, to);
        if (v->charset_class == FD_CHARSET_LATIN1) {
            v->scratch.used = 0;
            if (fd_latin1_to_utf8(&v->scratch, p, n) != FD_OK) return FD_MEMORY;
            return append_text(v, column, value->vr, facts.splits, v->scratch.data, v->scratch.used, to);
        }
    }
    return append_decoded(v, column, value, to);
}

/* numbers */

static bool is_float(fd_kind kind) { return kind == FD_KIND_FLOAT32 || kind == FD_KIND_FLOAT64; }

/* One number in text. FD_INVALID: it is none, or does not fit. */
static fd_status append_number_text(const fd_convert *v, const uint8_t *p, size_t n, fd_array *to, bool *finite)
{
    bool negative;
    uint64_t magnitude;
    double x;
    if (!is_float(to->kind)) {
        if (!fd_parse_integer(p, n, &negative, &magnitude)) return FD_INVALID;
        const fd_status status = fd_array_integer(to, negative, magnitude);
        return status == FD_LIMIT ? FD_INVALID : status;
    }
    if (!fd_parse_decimal(p, n, v->locale, &x)) return FD_INVALID;
    *finite = isfinite(x);
    const fd_status status = fd_array_float(to, x);
    return status == FD_LIMIT ? FD_INVALID : status;
}

static fd_status numbers_from_text(fd_convert *v, const fd_column_spec *column, const uint8_t *p, size_t n, fd_array *to)
{
    const bool list = column->kind == FD_KIND_LIST;
    n = trim_end(p, n);
    if (n == 0) return fd_array_null(to);
    const size_t count = count_values(p, n);
    if (!list && count > 1) return null_and(to, note_found(v, column, "several values where the column holds one:", p, n));
    fd_array *target = list ? to->child : to;
    for (size_t i = 0; i < count; i++) {
        size_t length;
        const uint8_t *value = next_value(&p, &n, FD_VR_DS, true, &length);
        bool finite = true;
        fd_status status = length ? append_number_text(v, value, length, target, &finite) : fd_array_null(target);
        if (status == FD_OK && !finite) status = note_found(v, column, "no decimal number:", value, length);
        if (status == FD_INVALID)
            status = null_and(target, note_found(v, column, "not a number that fits the column:", value, length));
        if (status != FD_OK) return status;
    }
    return list ? fd_array_close_list(to) : FD_OK;
}

/* dates and times */

static bool is_when(fd_kind kind) { return kind == FD_KIND_DATE || kind == FD_KIND_TIME || kind == FD_KIND_DATETIME; }

/* One date or time as the integer of its kind. *whole: that is all that the text says. */
static bool parse_when(fd_kind kind, const uint8_t *p, size_t n, int64_t *x, bool *whole)
{
    int32_t days;
    bool offset = false, parsed;
    if (kind == FD_KIND_DATE) {
        parsed = fd_parse_date(p, n, &days);
        if (parsed) *x = days;
    } else {
        parsed = kind == FD_KIND_TIME ? fd_parse_time(p, n, x) : fd_parse_datetime(p, n, x, &offset);
    }
    *whole = parsed && !offset;
    return parsed;
}

static fd_status when_from_text(fd_convert *v, const fd_column_spec *column, const uint8_t *p, size_t n, fd_array *to)
{
    int64_t x;
    bool whole;
    if (n == 0) return fd_array_null(to);
    if (parse_when(to->kind, p, n, &x, &whole)) return fd_array_integer(to, x < 0, x < 0 ? 0 - (uint64_t)x : (uint64_t)x);
    const char *text = to->kind == FD_KIND_DATE   ? "not a date:"
                       : to->kind == FD_KIND_TIME ? "not a time of the day:"
                                                  : "not a date and time:";
    return null_and(to, note_found(v, column, text, p, n));
}

static fd_status whens_from_text(fd_convert *v, const fd_column_spec *column, const uint8_t *p, size_t n, fd_array *to)
{
    n = trim_end(p, n);
    if (n == 0) return fd_array_null(to);
    const size_t count = count_values(p, n);
    if (column->kind != FD_KIND_LIST) {
        if (count > 1) return null_and(to, note_found(v, column, "several values where the column holds one:", p, n));
        return when_from_text(v, column, p, n, to);
    }
    for (size_t i = 0; i < count; i++) {
        size_t length;
        const uint8_t *value = next_value(&p, &n, FD_VR_LO, true, &length);
        const fd_status status = when_from_text(v, column, value, length, to->child);
        if (status != FD_OK) return status;
    }
    return fd_array_close_list(to);
}

/* The text, where the column of its dates or times does not hold all of what it says. */
static fd_status keep_text(const fd_column_spec *column, const uint8_t *p, size_t n, fd_array *to)
{
    const bool splits = (column->flags & FD_COLUMN_SPLIT) != 0;
    n = trim_end(p, n);
    const uint8_t *rest = p;
    size_t left = n;
    bool whole = true;
    for (size_t count = splits ? count_values(p, n) : 1; count && whole; count--) {
        int64_t x;
        size_t length;
        const uint8_t *value = next_value(&rest, &left, FD_VR_LO, splits, &length);
        if (length) parse_when(column->item, value, length, &x, &whole);
    }
    if (whole) return fd_array_null(to);
    return fd_utf8_escape(&to->data, p, n) == FD_OK ? fd_array_bytes(to, "", 0) : FD_MEMORY;
}

static double load_float(const uint8_t *p, unsigned width, bool big)
{
    if (width == 4) {
        const uint32_t bits = fd_load32(p, big);
        float x;
        memcpy(&x, &bits, 4);
        return (double)x;
    }
    const uint64_t bits = fd_load64(p, big);
    double x;
    memcpy(&x, &bits, 8);
    return x;
}

/* One binary number. FD_INVALID: it does not fit. */
static fd_status append_binary(const uint8_t *p, vr_facts facts, bool big, fd_array *to)
{
    fd_status status;
    if (facts.class == CLASS_FLOAT) {
        const double x = load_float(p, facts.width, big);
        if (is_float(to->kind))
            status = fd_array_float(to, x);
        else if (x == floor(x) && fabs(x) < 9.0e18)
            status = fd_array_integer(to, x < 0, (uint64_t)fabs(x));
        else
            status = FD_LIMIT;
        return status == FD_LIMIT ? FD_INVALID : status;
    }
    uint64_t bits = facts.width == 2 ? fd_load16(p, big) : facts.width == 4 ? fd_load32(p, big) : fd_load64(p, big);
    const bool negative = facts.is_signed && bits >> (8 * facts.width - 1) & 1;
    if (negative) bits = (0 - bits) & (UINT64_MAX >> (64 - 8 * facts.width));
    if (is_float(to->kind))
        status = fd_array_float(to, negative ? -(double)bits : (double)bits);
    else
        status = fd_array_integer(to, negative, bits);
    return status == FD_LIMIT ? FD_INVALID : status;
}

static fd_status numbers_from_binary(fd_convert *v, const fd_column_spec *column, const fd_text_value *value, vr_facts facts,
                                     fd_array *to)
{
    const bool list = column->kind == FD_KIND_LIST;
    if (value->length % facts.width &&
        note_number(v, column, "value length %llu is not a multiple of %llu", value->length, facts.width) != FD_OK)
        return FD_MEMORY;
    const size_t count = value->length / facts.width; /* the whole ones count */
    if (count == 0) return fd_array_null(to);
    if (!list && count > 1) return too_many(v, column, count, to);
    fd_array *target = list ? to->child : to;
    bool noted = false;
    for (size_t i = 0; i < count; i++) {
        const bool entries = i == 0 && count > 1 && facts.width == 2 && column->flags & FD_COLUMN_LUT;
        fd_status status = append_binary(value->data + i * facts.width,
                                         entries ? (vr_facts){CLASS_INTEGER, 2, false, true} : facts, value->big, target);
        if (status == FD_INVALID) {
            status = fd_array_null(target);
            if (status == FD_OK && !noted) status = fd_convert_note(v, column->name, "a number that does not fit the column");
            noted = true;
        }
        if (status != FD_OK) return status;
    }
    return list ? fd_array_close_list(to) : FD_OK;
}

static fd_status append_tags(fd_convert *v, const fd_column_spec *column, const fd_text_value *value, fd_array *to)
{
    const bool list = column->kind == FD_KIND_LIST;
    if (value->length % 4 && note_number(v, column, "value length %llu is not a multiple of %llu", value->length, 4) != FD_OK)
        return FD_MEMORY;
    const size_t count = value->length / 4;
    if (count == 0) return fd_array_null(to);
    if (!list && count > 1) return too_many(v, column, count, to);
    for (size_t i = 0; i < count; i++) {
        char text[16];
        snprintf(text, sizeof text, "%08x", (unsigned)fd_load_tag(value->data + 4 * i, value->big));
        const fd_status status = fd_array_bytes(list ? to->child : to, text, 8);
        if (status != FD_OK) return status;
    }
    return list ? fd_array_close_list(to) : FD_OK;
}

/* the choice */

/* The VR that counts: the file's, but the dictionary's where the file says none (implicit VR, UN). */
static uint16_t effective_vr(const fd_convert *v, const fd_column_spec *column, const fd_element *e)
{
    if (e->vr != FD_VR_UN && fd_vr_is_known(e->vr)) return e->vr;
    if (e->flags & FD_ELEMENT_UNDEFINED && !(e->flags & FD_ELEMENT_ENCAPSULATED)) return FD_VR_SQ; /* CP-246 */
    if (column->vr == FD_VR_US_SS) return v->signed_pixels ? FD_VR_SS : FD_VR_US;
    return column->vr;
}

static fd_status append_empty(const fd_column_spec *column, vr_facts facts, fd_array *to)
{
    const fd_kind kind = column->kind == FD_KIND_LIST ? column->item : column->kind;
    const bool text = facts.class == CLASS_TEXT || facts.class == CLASS_CODE;
    if (!fd_kind_is_text(kind) || !text) return fd_array_null(to);
    if (column->kind != FD_KIND_LIST) return fd_array_bytes(to, "", 0);
    const fd_status status = fd_array_bytes(to->child, "", 0);
    return status == FD_OK ? fd_array_close_list(to) : status;
}

static fd_status append_bytes(const fd_column_spec *column, const uint8_t *p, size_t n, fd_array *to)
{
    if (column->kind != FD_KIND_LIST) return fd_array_bytes(to, p, n);
    const fd_status status = fd_array_bytes(to->child, p, n);
    return status == FD_OK ? fd_array_close_list(to) : status;
}

static fd_status convert_value(fd_convert *v, const fd_column_spec *column, const fd_text_value *value, vr_facts facts,
                               fd_array *to)
{
    const fd_kind kind = column->kind == FD_KIND_LIST ? column->item : column->kind;
    const bool text = facts.class == CLASS_TEXT || facts.class == CLASS_CODE;
    if (kind == FD_KIND_BINARY) return append_bytes(column, value->data, value->length, to);
    if (facts.class == CLASS_SEQUENCE)
        return null_and(to, fd_convert_note(v, column->name, "a sequence where a value was expected"));
    if (facts.class == CLASS_BYTES)
        return null_and(to, note_number(v, column, "%llu bytes that no dictionary explains", value->length, 0));
    if (fd_kind_is_text(kind)) {
        if (text) return convert_text(v, column, value, facts, to);
        if (facts.class == CLASS_TAG) return append_tags(v, column, value, to);
        return append_decoded(v, column, value, to);
    }
    if (is_when(kind)) {
        if (text) return whens_from_text(v, column, value->data, value->length, to);
        return null_and(to, fd_convert_note(v, column->name, "numbers where a date or time was expected"));
    }
    if (text) return numbers_from_text(v, column, value->data, value->length, to);
    return numbers_from_binary(v, column, value, facts.class == CLASS_TAG ? facts_of(FD_VR_UL) : facts, to);
}

/* Without notes: the column whose text this is has them. */
static fd_status append_kept(fd_convert *v, const fd_column_spec *column, const fd_element *e, vr_facts facts, fd_array *to)
{
    const bool text = facts.class == CLASS_TEXT || facts.class == CLASS_CODE;
    const uint8_t *p = text && e->length <= FD_VALUE_LIMIT ? fd_input_at(v->in, e->offset, (size_t)e->length) : NULL;
    return p ? keep_text(column, p, (size_t)e->length, to) : fd_array_null(to);
}

fd_status fd_convert_append(fd_convert *v, const fd_column_spec *column, const fd_element *e, fd_array *to)
{
    if (!e) return fd_array_null(to);
    const vr_facts facts = facts_of(effective_vr(v, column, e));
    if (column->flags & FD_COLUMN_KEPT) return append_kept(v, column, e, facts, to);
    if (e->length == 0) return append_empty(column, facts, to);
    if (e->length > FD_VALUE_LIMIT)
        return null_and(to, note_number(v, column, "a value of %llu bytes is longer than the %llu of a column entry", e->length,
                                        FD_VALUE_LIMIT));
    const uint8_t *p = fd_input_at(v->in, e->offset, (size_t)e->length);
    if (!p) return null_and(to, fd_convert_note(v, column->name, "the file ends inside the value"));
    const fd_text_value value = {.data = p,
                                 .length = (size_t)e->length,
                                 .charset = v->charset.data,
                                 .charset_length = v->charset.used,
                                 .vr = effective_vr(v, column, e),
                                 .big = (e->flags & FD_ELEMENT_BIG) != 0,
                                 .unsplit = (column->flags & FD_COLUMN_UNSPLIT) != 0};
    return convert_value(v, column, &value, facts, to);
}

/* a value as one text */

static const fd_column_spec NAMELESS = {.name = NULL}; /* of whom the notes are, the row says */

static fd_status join_values(fd_buffer *out, const uint8_t *p, size_t n, uint16_t vr, bool splits)
{
    size_t length;
    n = trim_end(p, n);
    for (size_t left = splits && n ? count_values(p, n) : 1; left; left--) {
        const uint8_t *value = next_value(&p, &n, vr, splits, &length);
        if (fd_buffer_append(out, value, length) != FD_OK) return FD_MEMORY;
        if (left > 1 && fd_buffer_append(out, "\\", 1) != FD_OK) return FD_MEMORY;
    }
    return FD_OK;
}

/* What the caller's decoder makes of it. */
static fd_status join_decoded(fd_convert *v, const fd_text_value *value, fd_buffer *out)
{
    v->items.length = v->items.nulls = v->items.data.used = v->items.validity.used = 0;
    v->items.offsets.used = sizeof(int32_t);
    v->remark.used = 0;
    fd_status status = v->decode ? v->decode(v->context, value, &v->items, &v->remark) : FD_INVALID;
    if (status == FD_OK && v->remark.used) {
        status = fd_buffer_append(&v->remark, "", 1);
        if (status == FD_OK) status = fd_convert_note(v, NULL, (const char *)v->remark.data);
    }
    if (status == FD_INVALID)
        return note_found(v, &NAMELESS, "cannot be decoded:", value->data, value->length) == FD_OK ? FD_END : FD_MEMORY;
    for (size_t i = 0; i < v->items.length && status == FD_OK; i++) {
        const int32_t from = fd_array_offset(&v->items, i), end = fd_array_offset(&v->items, i + 1);
        if (i) status = fd_buffer_append(out, "\\", 1);
        if (status == FD_OK && end > from) status = fd_buffer_append(out, v->items.data.data + from, (size_t)(end - from));
    }
    return status;
}

static fd_status join_text(fd_convert *v, const fd_text_value *value, vr_facts facts, fd_buffer *out)
{
    const uint8_t *p = value->data;
    const size_t n = value->length;
    const bool text = facts.class == CLASS_TEXT;
    if (text && v->charset_class == FD_CHARSET_OTHER && !is_same_everywhere(p, n)) return join_decoded(v, value, out);
    if (fd_text_is_plain(p, n)) return join_values(out, p, n, value->vr, facts.splits);
    if (!text || memchr(p, 0x1B, n)) return join_decoded(v, value, out);
    if (v->charset_class == FD_CHARSET_UTF8 && fd_utf8_valid(p, n) == n) return join_values(out, p, n, value->vr, facts.splits);
    if (v->charset_class != FD_CHARSET_LATIN1) return join_decoded(v, value, out);
    v->scratch.used = 0;
    if (fd_latin1_to_utf8(&v->scratch, p, n) != FD_OK) return FD_MEMORY;
    return join_values(out, v->scratch.data, v->scratch.used, value->vr, facts.splits);
}

static size_t write_number(char *text, const fd_convert *v, const uint8_t *p, vr_facts facts, bool big)
{
    if (facts.class == CLASS_TAG) return (size_t)snprintf(text, FD_NUMBER_TEXT, "%08x", (unsigned)fd_load_tag(p, big));
    if (facts.class == CLASS_FLOAT) {
        const double x = load_float(p, facts.width, big);
        return facts.width == 4 ? fd_write_float(text, (float)x, v->locale) : fd_write_double(text, x, v->locale);
    }
    uint64_t bits = facts.width == 2 ? fd_load16(p, big) : facts.width == 4 ? fd_load32(p, big) : fd_load64(p, big);
    const bool negative = facts.is_signed && bits >> (8 * facts.width - 1) & 1;
    if (negative) bits = (0 - bits) & (UINT64_MAX >> (64 - 8 * facts.width));
    return fd_write_integer(text, negative, bits);
}

static fd_status join_numbers(fd_convert *v, const fd_text_value *value, vr_facts facts, bool lut, fd_buffer *out)
{
    const size_t count = value->length / facts.width; /* the whole ones count */
    if (value->length % facts.width &&
        note_number(v, &NAMELESS, "value length %llu is not a multiple of %llu", value->length, facts.width) != FD_OK)
        return FD_MEMORY;
    for (size_t i = 0; i < count; i++) {
        char text[FD_NUMBER_TEXT + 1] = "\\";
        const bool entries = i == 0 && count > 1 && lut && facts.width == 2; /* how many there are is never negative */
        const size_t n = write_number(text + 1, v, value->data + i * facts.width,
                                      entries ? (vr_facts){CLASS_INTEGER, 2, false, true} : facts, value->big);
        if (fd_buffer_append(out, i ? text : text + 1, i ? n + 1 : n) != FD_OK) return FD_MEMORY;
    }
    return count ? FD_OK : FD_END;
}

bool fd_convert_empty_is_text(uint16_t vr)
{
    const value_class class = facts_of(vr).class;
    return (class == CLASS_TEXT || class == CLASS_CODE) && vr != FD_VR_DS && vr != FD_VR_IS;
}

fd_status fd_convert_as_text(fd_convert *v, const fd_text_value *value, bool lut, fd_buffer *out)
{
    const vr_facts facts = facts_of(value->vr);
    if (facts.class == CLASS_BYTES || facts.class == CLASS_SEQUENCE) return FD_END;
    if (facts.class != CLASS_TEXT && facts.class != CLASS_CODE) return join_numbers(v, value, facts, lut, out);
    const size_t before = out->used;
    const fd_status status = join_text(v, value, facts, out);
    return status == FD_OK && out->used == before && !fd_convert_empty_is_text(value->vr) ? FD_END : status;
}
