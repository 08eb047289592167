/* A whole file through the scanner into the long table. The first byte says how, the rest is the file.
 *
 * Held: the same rows, whether they come in batches of a few or in one; not more than a file of that size has headers; every
 * column as long, offsets that ascend inside their data, UTF-8; each file is counted once.
 */
#define _GNU_SOURCE
#include "fuzz_scan.h"

enum { FEW = 3, MANY = 1 << 20 };

typedef struct sums {
    size_t rows;
    uint64_t nulls, data;
} sums;

static void add(sums *t, const fd_array *a)
{
    for (size_t i = 0; i < a->length; i++) {
        const bool null = fd_array_is_null(a, i);
        const bool index = a->kind == FD_KIND_DICTIONARY;
        const fd_array *texts = index ? a->child : a;
        const size_t at = index && !null ? (size_t)fd_array_index(a, i) : i;
        t->nulls = 31 * t->nulls + null;
        if (null || a->kind == FD_KIND_INT64) continue;
        for (int32_t j = fd_array_offset(texts, at); j < fd_array_offset(texts, at + 1); j++)
            t->data = 31 * t->data + texts->data.data[j];
        t->data = 31 * t->data + 255; /* no byte of UTF-8 */
    }
}

static void take(fd_scanner *s, sums *columns, size_t limit)
{
    uint8_t *outcomes = NULL;
    struct ArrowArray array;
    fd_batch *batch = fd_scanner_take(s, &outcomes);
    CHECK(batch && outcomes);
    const size_t rows = fd_batch_rows(batch);
    CHECK(rows >= 1 && rows <= limit);
    for (size_t i = 0; i < rows; i++) CHECK(outcomes[i] <= FD_OUTCOME_FAILED);
    for (size_t i = 0; i < fd_scanner_width(s); i++) {
        check_array(fd_batch_column(batch, i), rows);
        columns[i].rows += rows;
        add(&columns[i], fd_batch_column(batch, i));
    }
    CHECK(fd_batch_export(batch, &array) == FD_OK && array.length == (int64_t)rows);
    array.release(&array);
    free(outcomes);
    fd_batch_release(batch);
}

static fd_scanner *new_scanner(unsigned mode, size_t batch_rows)
{
    const fd_scan_options options = {.force = mode & 1,
                                     .thorough = mode >> 1 & 1,
                                     .path_bytes = mode >> 2 & 1,
                                     .plain = mode >> 2 & 1,
                                     .elements = true,
                                     .value_limit = mode >> 4 & 1 ? 20 : 65536,
                                     .batch_rows = batch_rows};
    return fd_scanner_new(NULL, 0, &options, &HOOKS);
}

static void run(fd_scanner *s, const fd_entry *entry, sums *columns, size_t limit)
{
    const uint64_t files = fd_scanner_counts(s)->files;
    fd_status status = fd_scanner_visit(s, entry);
    while (status == FD_LIMIT) {
        CHECK(fd_scanner_rows(s) == limit && fd_scanner_counts(s)->files == files);
        take(s, columns, limit);
        status = fd_scanner_resume(s);
    }
    CHECK(status == FD_OK && fd_scanner_counts(s)->files == files + 1);
    if (fd_scanner_rows(s)) take(s, columns, limit + 1); /* the row of an error has always room */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static fd_scanner *few[32], *many[32];
    sums a[16] = {0}, b[16] = {0};
    if (size < 1) return 0;
    const fd_entry entry = file_entry(data + 1, size - 1);
    const unsigned mode = data[0] & 0x17u;
    inflater.refuse = data[0] >> 3 & 1;
    if (!few[mode]) few[mode] = new_scanner(mode, FEW);
    if (!many[mode]) many[mode] = new_scanner(mode, MANY);
    CHECK(few[mode] && many[mode]);
    run(few[mode], &entry, a, FEW);
    run(many[mode], &entry, b, MANY);
    CHECK(a[0].rows == b[0].rows && a[0].rows <= size / 8 + 2);
    for (size_t i = 0; i < fd_scanner_width(few[mode]); i++) CHECK(a[i].nulls == b[i].nulls && a[i].data == b[i].data);
    return 0;
}
