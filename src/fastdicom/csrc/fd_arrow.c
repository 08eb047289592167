#include "fd_arrow.h"

#ifdef _MSC_VER
#include <intrin.h>
typedef volatile long counter;
static void counter_begin(counter *c) { *c = 1; }
static void counter_up(counter *c) { _InterlockedIncrement(c); }
static bool counter_down(counter *c) { return _InterlockedDecrement(c) == 0; }
#else
#include <stdatomic.h>
typedef atomic_size_t counter;
static void counter_begin(counter *c) { atomic_init(c, 1); }
static void counter_up(counter *c) { atomic_fetch_add_explicit(c, 1, memory_order_relaxed); }
static bool counter_down(counter *c) { return atomic_fetch_sub_explicit(c, 1, memory_order_acq_rel) == 1; }
#endif

struct fd_batch {
    counter holders;
    size_t rows, count;
    fd_array *columns;
};

fd_batch *fd_batch_new(fd_array *columns, size_t count, size_t rows)
{
    fd_batch *batch = malloc(sizeof *batch);
    fd_array *own = calloc(count ? count : 1, sizeof *own);
    if (!batch || !own) {
        free(batch);
        free(own);
        return NULL;
    }
    if (count) memcpy(own, columns, count * sizeof *own);
    memset(columns, 0, count * sizeof *columns);
    for (size_t i = 0; i < count; i++) fd_array_finish(&own[i]);
    counter_begin(&batch->holders);
    batch->rows = rows;
    batch->count = count;
    batch->columns = own;
    return batch;
}

fd_batch *fd_batch_share(fd_batch *batch)
{
    counter_up(&batch->holders);
    return batch;
}

void fd_batch_release(fd_batch *batch)
{
    if (!batch || !counter_down(&batch->holders)) return;
    for (size_t i = 0; i < batch->count; i++) fd_array_free(&batch->columns[i]);
    free(batch->columns);
    free(batch);
}

size_t fd_batch_rows(const fd_batch *batch) { return batch->rows; }
const fd_array *fd_batch_column(const fd_batch *batch, size_t index) { return &batch->columns[index]; }

/* What an exported array holds. Each array of the tree holds the batch for itself: the interface lets a receiver move a
 * child away and release the rest. */
typedef struct array_private {
    fd_batch *batch;
    const void *buffers[3];
    struct ArrowArray *children; /* one block */
    struct ArrowArray **child_pointers;
} array_private;

static void release_array(struct ArrowArray *array)
{
    array_private *own = array->private_data;
    for (int64_t i = 0; i < array->n_children; i++)
        if (own->children[i].release) own->children[i].release(&own->children[i]);
    if (array->dictionary && array->dictionary->release) array->dictionary->release(array->dictionary);
    free(own->children);
    free(own->child_pointers);
    fd_batch_release(own->batch);
    free(own);
    array->release = NULL;
}

/* An array without buffers and with `children` empty children. */
static fd_status begin_array(fd_batch *batch, size_t children, struct ArrowArray *out)
{
    memset(out, 0, sizeof *out);
    array_private *own = calloc(1, sizeof *own);
    if (!own) return FD_MEMORY;
    own->children = calloc(children ? children : 1, sizeof *own->children);
    own->child_pointers = calloc(children ? children : 1, sizeof *own->child_pointers);
    if (!own->children || !own->child_pointers) {
        free(own->children);
        free(own->child_pointers);
        free(own);
        return FD_MEMORY;
    }
    for (size_t i = 0; i < children; i++) own->child_pointers[i] = &own->children[i];
    own->batch = fd_batch_share(batch);
    out->n_children = (int64_t)children;
    out->children = children ? own->child_pointers : NULL;
    out->buffers = own->buffers;
    out->private_data = own;
    out->release = release_array;
    return FD_OK;
}

static fd_status export_column(fd_batch *batch, const fd_array *a, struct ArrowArray *out)
{
    static const uint8_t nothing[64]; /* a data buffer may not be NULL for some receivers */
    fd_status status = begin_array(batch, a->child ? 1 : 0, out);
    if (status != FD_OK) return status;
    array_private *own = out->private_data;
    out->length = (int64_t)a->length;
    out->null_count = (int64_t)a->nulls;
    own->buffers[0] = a->nulls ? a->validity.data : NULL;
    const void *data = a->data.data ? a->data.data : nothing;
    if (a->kind == FD_KIND_LIST) {
        out->n_buffers = 2;
        own->buffers[1] = a->offsets.data;
        status = export_column(batch, a->child, &own->children[0]);
    } else if (a->kind == FD_KIND_UTF8 || a->kind == FD_KIND_BINARY) {
        out->n_buffers = 3;
        own->buffers[1] = a->offsets.data;
        own->buffers[2] = data;
    } else {
        out->n_buffers = 2;
        own->buffers[1] = data;
        if (a->kind == FD_KIND_DICTIONARY) {
            status = export_column(batch, a->child, &own->children[0]);
            if (status == FD_OK) out->dictionary = &own->children[0];
            out->n_children = 0;
            out->children = NULL;
        }
    }
    if (status != FD_OK) out->release(out);
    return status;
}

fd_status fd_batch_export(fd_batch *batch, struct ArrowArray *out)
{
    fd_status status = begin_array(batch, batch->count, out);
    if (status != FD_OK) return status;
    array_private *own = out->private_data;
    out->length = (int64_t)batch->rows;
    out->n_buffers = 1; /* the struct's validity: none */
    for (size_t i = 0; i < batch->count && status == FD_OK; i++)
        status = export_column(batch, &batch->columns[i], &own->children[i]);
    if (status != FD_OK) out->release(out);
    return status;
}

static const char *format(fd_kind kind)
{
    switch (kind) {
    case FD_KIND_UTF8: return "u";
    case FD_KIND_BINARY: return "z";
    case FD_KIND_INT16: return "s";
    case FD_KIND_UINT16: return "S";
    case FD_KIND_DICTIONARY: /* its indices */
    case FD_KIND_INT32: return "i";
    case FD_KIND_UINT32: return "I";
    case FD_KIND_INT64: return "l";
    case FD_KIND_UINT64: return "L";
    case FD_KIND_FLOAT32: return "f";
    case FD_KIND_FLOAT64: return "g";
    case FD_KIND_TIMESTAMP: return "tsu:UTC";
    case FD_KIND_DATE: return "tdD";
    case FD_KIND_TIME: return "ttu";
    case FD_KIND_DATETIME: return "tsu:";
    case FD_KIND_LIST: return "+l";
    }
    return "n";
}

typedef struct schema_private {
    char *name, *metadata;
    struct ArrowSchema *children;
    struct ArrowSchema **child_pointers;
} schema_private;

static void release_schema(struct ArrowSchema *schema)
{
    schema_private *own = schema->private_data;
    for (int64_t i = 0; i < schema->n_children; i++)
        if (own->children[i].release) own->children[i].release(&own->children[i]);
    if (schema->dictionary && schema->dictionary->release) schema->dictionary->release(schema->dictionary);
    free(own->name);
    free(own->metadata);
    free(own->children);
    free(own->child_pointers);
    free(own);
    schema->release = NULL;
}

static char *copy(const char *data, size_t n)
{
    char *own = malloc(n + 1);
    if (!own) return NULL;
    if (n) memcpy(own, data, n);
    own[n] = 0;
    return own;
}

static fd_status begin_schema(const fd_field *field, const char *form, size_t children, struct ArrowSchema *out)
{
    memset(out, 0, sizeof *out);
    schema_private *own = calloc(1, sizeof *own);
    if (!own) return FD_MEMORY;
    own->name = copy(field->name, strlen(field->name));
    own->metadata = field->metadata ? copy(field->metadata, field->metadata_length) : NULL;
    own->children = calloc(children ? children : 1, sizeof *own->children);
    own->child_pointers = calloc(children ? children : 1, sizeof *own->child_pointers);
    out->private_data = own;
    out->release = release_schema;
    if (!own->name || (field->metadata && !own->metadata) || !own->children || !own->child_pointers) {
        out->release(out);
        return FD_MEMORY;
    }
    for (size_t i = 0; i < children; i++) own->child_pointers[i] = &own->children[i];
    out->format = form;
    out->name = own->name;
    out->metadata = own->metadata;
    out->flags = ARROW_FLAG_NULLABLE;
    out->n_children = (int64_t)children;
    out->children = children ? own->child_pointers : NULL;
    return FD_OK;
}

static fd_status export_field(const fd_field *field, struct ArrowSchema *out)
{
    const bool list = field->kind == FD_KIND_LIST, dictionary = field->kind == FD_KIND_DICTIONARY;
    fd_status status = begin_schema(field, format(field->kind), list || dictionary ? 1 : 0, out);
    if (status != FD_OK || !(list || dictionary)) return status;
    const fd_field item = {.name = list ? "item" : "", .kind = list ? field->item : FD_KIND_UTF8};
    struct ArrowSchema *inner = out->children[0];
    if (dictionary) {
        out->dictionary = inner;
        out->n_children = 0;
        out->children = NULL;
    }
    status = export_field(&item, inner);
    if (status != FD_OK) out->release(out);
    return status;
}

fd_status fd_schema_export(const fd_field *fields, size_t count, struct ArrowSchema *out)
{
    const fd_field top = {.name = ""};
    fd_status status = begin_schema(&top, "+s", count, out);
    if (status != FD_OK) return status;
    out->flags = 0;
    for (size_t i = 0; i < count && status == FD_OK; i++) status = export_field(&fields[i], out->children[i]);
    if (status != FD_OK) out->release(out);
    return status;
}
