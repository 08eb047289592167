/* Arrow arrays under construction: growable buffers in the layout of the Arrow columnar format, filled one row at a time.
 *
 * An array of kind FD_KIND_LIST holds its items in `child`; one of kind FD_KIND_DICTIONARY its distinct texts, of which each row
 * is the number of one. Offsets are int32, so that no array may hold 2 GiB of data; whoever fills it cuts the batch long before.
 */
#ifndef FD_COLUMN_H
#define FD_COLUMN_H

#include <stdlib.h>

#include "fd_common.h"

typedef enum fd_kind {
    FD_KIND_UTF8,
    FD_KIND_BINARY,
    FD_KIND_INT16,
    FD_KIND_UINT16,
    FD_KIND_INT32,
    FD_KIND_UINT32,
    FD_KIND_INT64,
    FD_KIND_UINT64,
    FD_KIND_FLOAT32,
    FD_KIND_FLOAT64,
    FD_KIND_TIMESTAMP,  /* int64 microseconds since 1970, UTC */
    FD_KIND_DATE,       /* int32 days since 1970 */
    FD_KIND_TIME,       /* int64 microseconds since midnight */
    FD_KIND_DATETIME,   /* int64 microseconds since 1970, of a clock of nobody knows which zone */
    FD_KIND_DICTIONARY, /* UTF8, each different text once */
    FD_KIND_LIST
} fd_kind;

typedef struct fd_buffer {
    uint8_t *data;
    size_t used, room; /* in bytes */
} fd_buffer;

typedef struct fd_array fd_array;
struct fd_array {
    fd_kind kind;
    size_t length, nulls;
    fd_buffer validity; /* a bit a row; empty while no row is null */
    fd_buffer offsets;  /* int32: UTF8, BINARY, LIST */
    fd_buffer data;
    fd_buffer table; /* DICTIONARY while it grows: uint32, by hash: 1 + the number of a text, 0: free */
    fd_array *child; /* LIST, DICTIONARY */
};

/* Makes room for `more` bytes behind `used`. FD_MEMORY when there is none. */
fd_status fd_buffer_grow(fd_buffer *b, size_t more);

static inline fd_status fd_buffer_reserve(fd_buffer *b, size_t more)
{
    return b->room - b->used >= more ? FD_OK : fd_buffer_grow(b, more);
}

static inline fd_status fd_buffer_append(fd_buffer *b, const void *data, size_t n)
{
    if (fd_buffer_reserve(b, n) != FD_OK) return FD_MEMORY;
    if (n) memcpy(b->data + b->used, data, n);
    b->used += n;
    return FD_OK;
}

static inline void fd_buffer_free(fd_buffer *b)
{
    free(b->data);
    memset(b, 0, sizeof *b);
}

/* `item` is the kind of a list's items, ignored for every other kind */
fd_status fd_array_init(fd_array *a, fd_kind kind, fd_kind item);
void fd_array_free(fd_array *a);

/* One row each. A row of a list is made of items appended to `child`, then fd_array_close_list. */
fd_status fd_array_null(fd_array *a);
fd_status fd_array_bytes(fd_array *a, const void *data, size_t n);
fd_status fd_array_close_list(fd_array *a);

/* Takes the last row of a list back, but leaves its items: what is appended to `child` follows them. */
void fd_array_reopen_list(fd_array *a);

/* Nothing will be appended any more: gives back what only that needs. */
void fd_array_finish(fd_array *a);

/* The integer -magnitude or +magnitude, the number x. FD_LIMIT: it does not fit the kind, and nothing was appended. */
fd_status fd_array_integer(fd_array *a, bool negative, uint64_t magnitude);
fd_status fd_array_float(fd_array *a, double x);

/* Takes rows back: the first `rows` are left, and what was begun of the next one is gone. */
void fd_array_truncate(fd_array *a, size_t rows);

/* Bytes of all buffers in use: what decides when a batch is large enough. */
size_t fd_array_bytes_used(const fd_array *a);

static inline bool fd_kind_is_text(fd_kind kind) { return kind == FD_KIND_UTF8 || kind == FD_KIND_DICTIONARY; }

/* The number of a row's text in the dictionary, which is `child`. */
static inline int32_t fd_array_index(const fd_array *a, size_t row)
{
    int32_t index;
    memcpy(&index, a->data.data + row * sizeof index, sizeof index);
    return index;
}

static inline int32_t fd_array_offset(const fd_array *a, size_t row)
{
    int32_t offset;
    memcpy(&offset, a->offsets.data + row * sizeof offset, sizeof offset);
    return offset;
}

static inline bool fd_array_is_null(const fd_array *a, size_t row)
{
    return a->nulls && !(a->validity.data[row / 8] >> (row % 8) & 1);
}

#endif
