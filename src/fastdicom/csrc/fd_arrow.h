/* Handing finished arrays to anybody through the Arrow C data interface, without copying.
 *
 * The two structs are those of the interface's specification (https://arrow.apache.org/docs/format/CDataInterface.html).
 */
#ifndef FD_ARROW_H
#define FD_ARROW_H

#include "fd_column.h"

#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE
#define ARROW_FLAG_NULLABLE 2

struct ArrowSchema {
    const char *format;
    const char *name;
    const char *metadata;
    int64_t flags;
    int64_t n_children;
    struct ArrowSchema **children;
    struct ArrowSchema *dictionary;
    void (*release)(struct ArrowSchema *);
    void *private_data;
};

struct ArrowArray {
    int64_t length;
    int64_t null_count;
    int64_t offset;
    int64_t n_buffers;
    int64_t n_children;
    const void **buffers;
    struct ArrowArray **children;
    struct ArrowArray *dictionary;
    void (*release)(struct ArrowArray *);
    void *private_data;
};
#endif

#ifndef ARROW_C_STREAM_INTERFACE
#define ARROW_C_STREAM_INTERFACE
struct ArrowArrayStream {
    int (*get_schema)(struct ArrowArrayStream *, struct ArrowSchema *out);
    int (*get_next)(struct ArrowArrayStream *, struct ArrowArray *out);
    const char *(*get_last_error)(struct ArrowArrayStream *);
    void (*release)(struct ArrowArrayStream *);
    void *private_data;
};
#endif

/* A finished batch: columns of equal length, shared by everybody who was handed a view of it. */
typedef struct fd_batch fd_batch;

/* Takes over the arrays (they are empty afterwards). NULL: no memory, and the arrays are as they were. */
fd_batch *fd_batch_new(fd_array *columns, size_t count, size_t rows);
fd_batch *fd_batch_share(fd_batch *batch);
void fd_batch_release(fd_batch *batch);
size_t fd_batch_rows(const fd_batch *batch);
const fd_array *fd_batch_column(const fd_batch *batch, size_t index);

typedef struct fd_field {
    const char *name;
    fd_kind kind, item;
    const char *metadata; /* in the interface's own form, or NULL */
    size_t metadata_length;
} fd_field;

/* A struct array (a record batch) and its schema. Both are the receiver's to release. FD_OK or FD_MEMORY. */
fd_status fd_batch_export(fd_batch *batch, struct ArrowArray *out);
fd_status fd_schema_export(const fd_field *fields, size_t count, struct ArrowSchema *out);

#endif
