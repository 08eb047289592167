#include "fd_column.h"

#include <math.h>

fd_status fd_buffer_grow(fd_buffer *b, size_t more)
{
    if (more > SIZE_MAX / 4 || b->used > SIZE_MAX / 4) return FD_MEMORY;
    size_t room = b->room ? 2 * b->room : 1024;
    if (room < b->used + more) room = b->used + more;
    uint8_t *data = realloc(b->data, room);
    if (!data) return FD_MEMORY;
    b->data = data;
    b->room = room;
    return FD_OK;
}

static bool has_offsets(fd_kind kind) { return kind == FD_KIND_UTF8 || kind == FD_KIND_BINARY || kind == FD_KIND_LIST; }

fd_status fd_array_init(fd_array *a, fd_kind kind, fd_kind item)
{
    memset(a, 0, sizeof *a);
    a->kind = kind;
    const int32_t zero = 0;
    if (has_offsets(kind) && fd_buffer_append(&a->offsets, &zero, sizeof zero) != FD_OK) return FD_MEMORY;
    if (kind != FD_KIND_LIST && kind != FD_KIND_DICTIONARY) return FD_OK;
    if (kind == FD_KIND_DICTIONARY) item = FD_KIND_UTF8;
    a->child = malloc(sizeof *a->child);
    if (!a->child) return FD_MEMORY;
    return fd_array_init(a->child, item, item);
}

void fd_array_free(fd_array *a)
{
    fd_buffer_free(&a->validity);
    fd_buffer_free(&a->offsets);
    fd_buffer_free(&a->data);
    fd_buffer_free(&a->table);
    if (a->child) fd_array_free(a->child);
    free(a->child);
    a->child = NULL;
    a->length = a->nulls = 0;
}

/* The first null: a bitmap of ones for the rows before it. */
static fd_status begin_validity(fd_array *a)
{
    size_t bytes = a->length / 8 + 1;
    if (fd_buffer_reserve(&a->validity, bytes) != FD_OK) return FD_MEMORY;
    memset(a->validity.data, 0xFF, bytes);
    a->validity.used = bytes;
    return FD_OK;
}

/* The bit of the row about to be appended. */
static fd_status append_validity(fd_array *a, bool valid)
{
    if (!a->validity.used) {
        if (valid) return FD_OK;
        if (begin_validity(a) != FD_OK) return FD_MEMORY;
    }
    size_t byte = a->length / 8;
    if (byte >= a->validity.used) {
        const uint8_t ones = 0xFF;
        if (fd_buffer_append(&a->validity, &ones, 1) != FD_OK) return FD_MEMORY;
    }
    if (!valid) {
        a->validity.data[byte] = (uint8_t)(a->validity.data[byte] & ~(1u << a->length % 8));
        a->nulls++;
    }
    return FD_OK;
}

static fd_status append_offset(fd_array *a, size_t end)
{
    if (end > INT32_MAX) return FD_LIMIT;
    const int32_t offset = (int32_t)end;
    return fd_buffer_append(&a->offsets, &offset, sizeof offset);
}

static size_t width(fd_kind kind)
{
    switch (kind) {
    case FD_KIND_INT16:
    case FD_KIND_UINT16: return 2;
    case FD_KIND_INT32:
    case FD_KIND_UINT32:
    case FD_KIND_DATE:
    case FD_KIND_DICTIONARY:
    case FD_KIND_FLOAT32: return 4;
    default: return 8;
    }
}

fd_status fd_array_null(fd_array *a)
{
    static const uint8_t zeros[8];
    fd_status status;
    if (a->kind == FD_KIND_LIST)
        status = append_offset(a, a->child->length);
    else if (has_offsets(a->kind))
        status = append_offset(a, a->data.used);
    else
        status = fd_buffer_append(&a->data, zeros, width(a->kind));
    if (status == FD_OK) status = append_validity(a, false);
    if (status == FD_OK) a->length++;
    return status;
}

void fd_array_reopen_list(fd_array *a)
{
    const size_t last = --a->length;
    a->offsets.used -= sizeof(int32_t);
    if (!fd_array_is_null(a, last)) return;
    a->validity.data[last / 8] = (uint8_t)(a->validity.data[last / 8] | 1u << last % 8);
    a->nulls--;
}

static fd_status append_fixed(fd_array *a, const void *value, size_t n)
{
    if (append_validity(a, true) != FD_OK || fd_buffer_append(&a->data, value, n) != FD_OK) return FD_MEMORY;
    a->length++;
    return FD_OK;
}

/* dictionaries */

static bool is_text(const fd_array *texts, size_t i, const void *data, size_t n)
{
    const int32_t from = fd_array_offset(texts, i), end = fd_array_offset(texts, i + 1);
    return (size_t)(end - from) == n && (n == 0 || memcmp(texts->data.data + from, data, n) == 0);
}

/* FNV-1a, eight bytes a step. UIDs differ at their end, so that all of a text counts. */
static uint32_t hash_of(const uint8_t *p, size_t n)
{
    uint64_t h = 0xCBF29CE484222325u ^ n;
    for (; n >= 8; p += 8, n -= 8) {
        h = (h ^ fd_load64le(p)) * 0x100000001B3u;
        h ^= h >> 29;
    }
    for (; n; p++, n--) h = (h ^ *p) * 0x100000001B3u;
    return (uint32_t)(h ^ h >> 32);
}

/* Where the number of a text is, or would be, among the `room` entries of the table. */
static size_t find_text(const fd_array *a, const uint32_t *table, size_t room, const void *data, size_t n)
{
    size_t at = hash_of(data, n) & (room - 1);
    while (table[at] && !is_text(a->child, table[at] - 1, data, n)) at = (at + 1) & (room - 1);
    return at;
}

/* Twice the room, half of which is then in use at most. */
static fd_status grow_table(fd_array *a)
{
    const size_t used = a->table.used ? 2 * a->table.used : 64 * sizeof(uint32_t);
    if (fd_buffer_reserve(&a->table, used - a->table.used) != FD_OK) return FD_MEMORY;
    memset(a->table.data, 0, used);
    a->table.used = used;
    uint32_t *table = (void *)a->table.data; /* aligned as malloc does */
    for (size_t i = 0; i < a->child->length; i++) {
        const size_t from = (size_t)fd_array_offset(a->child, i), end = (size_t)fd_array_offset(a->child, i + 1);
        const uint8_t *text = end > from ? a->child->data.data + from : NULL;
        table[find_text(a, table, used / sizeof *table, text, end - from)] = (uint32_t)i + 1;
    }
    return FD_OK;
}

/* Most rows have the text of the row before, or the one that was new behind it when that was: tags come in the order of tags. */
static fd_status append_entry(fd_array *a, const void *data, size_t n)
{
    if (a->child->length && a->length) {
        const int32_t last = fd_array_index(a, a->length - 1);
        for (int32_t i = last; i <= last + 1 && (size_t)i < a->child->length; i++)
            if (is_text(a->child, (size_t)i, data, n)) return append_fixed(a, &i, sizeof i);
    }
    if (2 * sizeof(uint32_t) * a->child->length >= a->table.used && grow_table(a) != FD_OK) return FD_MEMORY;
    uint32_t *table = (void *)a->table.data;
    const size_t at = find_text(a, table, a->table.used / sizeof *table, data, n);
    if (!table[at]) {
        const fd_status status = fd_array_bytes(a->child, data, n);
        if (status != FD_OK) return status;
        table[at] = (uint32_t)a->child->length;
    }
    const int32_t index = (int32_t)(table[at] - 1);
    return append_fixed(a, &index, sizeof index);
}

void fd_array_finish(fd_array *a)
{
    fd_buffer_free(&a->table);
    if (a->child) fd_array_finish(a->child);
}

fd_status fd_array_bytes(fd_array *a, const void *data, size_t n)
{
    if (a->kind == FD_KIND_DICTIONARY) return append_entry(a, data, n);
    if (n > INT32_MAX || a->data.used + n > INT32_MAX) return FD_LIMIT;
    if (fd_buffer_append(&a->data, data, n) != FD_OK) return FD_MEMORY;
    if (append_offset(a, a->data.used) != FD_OK || append_validity(a, true) != FD_OK) return FD_MEMORY;
    a->length++;
    return FD_OK;
}

fd_status fd_array_close_list(fd_array *a)
{
    fd_status status = append_offset(a, a->child->length);
    if (status == FD_OK) status = append_validity(a, true);
    if (status == FD_OK) a->length++;
    return status;
}

fd_status fd_array_integer(fd_array *a, bool negative, uint64_t magnitude)
{
    uint64_t highest, lowest; /* the magnitudes of the largest and of the smallest integer of the kind */
    switch (a->kind) {
    case FD_KIND_INT16: highest = INT16_MAX, lowest = (uint64_t)INT16_MAX + 1; break;
    case FD_KIND_UINT16: highest = UINT16_MAX, lowest = 0; break;
    case FD_KIND_DATE:
    case FD_KIND_INT32: highest = INT32_MAX, lowest = (uint64_t)INT32_MAX + 1; break;
    case FD_KIND_UINT32: highest = UINT32_MAX, lowest = 0; break;
    case FD_KIND_TIMESTAMP:
    case FD_KIND_TIME:
    case FD_KIND_DATETIME:
    case FD_KIND_INT64: highest = INT64_MAX, lowest = (uint64_t)INT64_MAX + 1; break;
    case FD_KIND_UINT64: highest = UINT64_MAX, lowest = 0; break;
    default: return FD_LIMIT;
    }
    if (magnitude > (negative ? lowest : highest)) return FD_LIMIT;
    const uint64_t bits = negative ? 0 - magnitude : magnitude;
    switch (width(a->kind)) {
    case 2: return append_fixed(a, &(uint16_t){(uint16_t)bits}, 2);
    case 4: return append_fixed(a, &(uint32_t){(uint32_t)bits}, 4);
    default: return append_fixed(a, &bits, 8);
    }
}

fd_status fd_array_float(fd_array *a, double x)
{
    if (a->kind == FD_KIND_FLOAT64) return append_fixed(a, &x, sizeof x);
    if (a->kind != FD_KIND_FLOAT32) return FD_LIMIT;
    const float narrow = (float)x;
    if (isfinite(x) && !isfinite(narrow)) return FD_LIMIT;
    return append_fixed(a, &narrow, sizeof narrow);
}

void fd_array_truncate(fd_array *a, size_t rows)
{
    for (; a->length > rows; a->length--) {
        const size_t last = a->length - 1;
        if (!fd_array_is_null(a, last)) continue;
        a->nulls--;
        a->validity.data[last / 8] = (uint8_t)(a->validity.data[last / 8] | 1u << last % 8);
    }
    if (a->validity.used > (a->length + 7) / 8) a->validity.used = (a->length + 7) / 8;
    if (!has_offsets(a->kind)) {
        a->data.used = a->length * width(a->kind);
        return;
    }
    a->offsets.used = (a->length + 1) * sizeof(int32_t);
    const size_t end = (size_t)fd_array_offset(a, a->length);
    if (a->kind == FD_KIND_LIST)
        fd_array_truncate(a->child, end);
    else
        a->data.used = end;
}

size_t fd_array_bytes_used(const fd_array *a)
{
    size_t sum = a->validity.used + a->offsets.used + a->data.used + a->table.used;
    return a->child ? sum + fd_array_bytes_used(a->child) : sum;
}
