/* What harnesses of the scanner share: a decoder and an inflater of their own, a file in memory, and what holds of every column. */
#ifndef FUZZ_SCAN_H
#define FUZZ_SCAN_H

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fd_scan.h"
#include "fuzz_input.h"

static fd_status decode(void *context, const fd_text_value *value, fd_array *items, fd_buffer *remark)
{
    uint8_t sum = 0;
    (void)context;
    for (size_t i = 0; i < value->length; i++) sum = (uint8_t)(sum + value->data[i]); /* read them all */
    for (size_t i = 0; i < value->charset_length; i++) sum = (uint8_t)(sum + value->charset[i]);
    if (sum % 16 == 0) return FD_INVALID;
    if (sum % 16 == 1 && fd_buffer_append(remark, "odd", 3) != FD_OK) return FD_MEMORY;
    if (fd_utf8_escape(&items->data, value->data, value->length) != FD_OK) return FD_MEMORY;
    return fd_array_bytes(items, "", 0);
}

/* "Inflates" a data set that is stored as it is; how long it is shows at its end. */
typedef struct stored {
    fd_input *file;
    uint64_t offset;
    uint8_t window[4096];
    bool refuse;
} stored;

static fd_status stored_fill(fd_input *in, uint64_t offset, size_t want)
{
    stored *s = in->context;
    uint64_t there = s->file->size - s->offset, n = 0;
    if (offset < there) n = there - offset < want ? there - offset : want;
    if (n > sizeof s->window) n = sizeof s->window;
    if (offset + want > there) in->size = there;
    const uint8_t *p = n ? fd_input_at(s->file, s->offset + offset, (size_t)n) : NULL;
    in->data = s->window;
    in->start = offset;
    in->end = offset + (p ? n : 0);
    if (p) memcpy(s->window, p, (size_t)n);
    return FD_OK;
}

static fd_status inflate(void *context, fd_input *file, uint64_t offset, fd_input *out)
{
    stored *s = context;
    if (s->refuse) return FD_INVALID;
    s->file = file;
    s->offset = offset;
    /* as the inflater of Python does: the rest is zero already */
    out->data = s->window;
    out->size = UINT64_MAX / 4;
    out->fill = stored_fill;
    out->context = s;
    return FD_OK;
}

static const char *inflate_error(void *context, int *too_large)
{
    (void)context;
    *too_large = 0;
    return NULL;
}

static void inflate_end(void *context) { (void)context; }

static void check_array(const fd_array *a, size_t length)
{
    CHECK(a->length == length && a->nulls <= length);
    if (a->kind == FD_KIND_DICTIONARY) {
        for (size_t i = 0; i < length; i++)
            CHECK(fd_array_is_null(a, i) || (fd_array_index(a, i) >= 0 && (size_t)fd_array_index(a, i) < a->child->length));
        check_array(a->child, a->child->length);
        return;
    }
    if (a->kind != FD_KIND_UTF8 && a->kind != FD_KIND_BINARY && a->kind != FD_KIND_LIST) return;
    size_t room = a->kind == FD_KIND_LIST ? a->child->length : a->data.used;
    int32_t before = 0;
    for (size_t i = 0; i <= length && a->offsets.used; i++) {
        int32_t offset = fd_array_offset(a, i);
        CHECK(offset >= before && (size_t)offset <= room);
        before = offset;
    }
    if (a->kind == FD_KIND_UTF8) CHECK(fd_utf8_valid(a->data.data, a->data.used) == a->data.used);
    if (a->kind == FD_KIND_LIST) check_array(a->child, a->child->length);
}

static stored inflater;
static const fd_scan_hooks HOOKS = {&inflater, decode, inflate, inflate_error, inflate_end};

/* The input as a file that a scanner can open by its name. */
static fd_entry file_entry(const uint8_t *data, size_t size)
{
    static int file = -1;
    static char name[64];
    if (file < 0) {
        file = memfd_create("input", 0);
        CHECK(file >= 0);
        snprintf(name, sizeof name, "/proc/self/fd/%d", file);
    }
    CHECK(pwrite(file, data, size, 0) == (ssize_t)size && ftruncate(file, (off_t)size) == 0);
    return (fd_entry){.type = FD_ENTRY_FILE,
                      .folder = AT_FDCWD,
                      .prefix = "",
                      .name = name,
                      .name_length = strlen(name),
                      .prefix_is_utf8 = true};
}

#endif
