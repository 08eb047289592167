/* A whole file through the scanner, into columns of every kind. The first byte says how, the rest is the file.
 *
 * A scanner serves many files, as in life: a finding that does not repeat alone was left behind by a file before it.
 * Held: one row a file, every column as long, offsets that ascend inside their data, UTF-8 where it is promised.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fd_scan.h"
#include "fuzz_input.h"

static const fd_column_spec SPECS[] = {
    {.name = "TransferSyntaxUID", .tag = 0x00020010, .vr = FD_VR_UI, .kind = FD_KIND_UTF8},
    {.name = "ImageType", .tag = 0x00080008, .vr = FD_VR_CS, .kind = FD_KIND_LIST, .item = FD_KIND_DICTIONARY},
    {.name = "SOPInstanceUID", .tag = 0x00080018, .vr = FD_VR_UI, .kind = FD_KIND_UTF8},
    {.name = "StudyDate", .tag = 0x00080020, .vr = FD_VR_DA, .kind = FD_KIND_DATE},
    {.name = "StudyDate_text",
     .tag = 0x00080020,
     .vr = FD_VR_DA,
     .kind = FD_KIND_UTF8,
     .item = FD_KIND_DATE,
     .flags = FD_COLUMN_KEPT},
    {.name = "PatientName", .tag = 0x00100010, .vr = FD_VR_PN, .kind = FD_KIND_DICTIONARY, .item = FD_KIND_DICTIONARY},
    {.name = "PatientComments", .tag = 0x00104000, .vr = FD_VR_LT, .kind = FD_KIND_UTF8, .flags = FD_COLUMN_UNSPLIT},
    {.name = "SliceThickness", .tag = 0x00180050, .vr = FD_VR_DS, .kind = FD_KIND_FLOAT64},
    {.name = "InstanceNumber", .tag = 0x00200013, .vr = FD_VR_IS, .kind = FD_KIND_INT64},
    {.name = "ImagePosition", .tag = 0x00200032, .vr = FD_VR_DS, .kind = FD_KIND_LIST, .item = FD_KIND_FLOAT64},
    {.name = "Rows", .tag = 0x00280010, .vr = FD_VR_US, .kind = FD_KIND_UINT16},
    {.name = "FrameIncrementPointer", .tag = 0x00280009, .vr = FD_VR_AT, .kind = FD_KIND_LIST, .item = FD_KIND_UTF8},
    {.name = "SmallestImagePixelValue", .tag = 0x00280106, .vr = FD_VR_US_SS, .kind = FD_KIND_INT32},
    {.name = "LUT", .tag = 0x00281101, .vr = FD_VR_US_SS, .kind = FD_KIND_LIST, .item = FD_KIND_INT32, .flags = FD_COLUMN_LUT},
    {.name = "Private", .tag = 0x00290010, .vr = FD_VR_UN, .kind = FD_KIND_BINARY, .creator = "ACME", .creator_length = 4},
    {.name = "RealWorld", .tag = 0x00409216, .vr = FD_VR_FD, .kind = FD_KIND_FLOAT32},
    {.name = "PixelData", .tag = 0x7FE00010, .vr = FD_VR_OB_OW, .kind = FD_KIND_BINARY},
};
enum { COUNT = sizeof SPECS / sizeof *SPECS };

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
    *out = (fd_input){.data = s->window, .size = UINT64_MAX / 4, .fill = stored_fill, .context = s};
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

static void check_batch(fd_batch *batch, size_t width, const fd_field *fields)
{
    struct ArrowArray array;
    struct ArrowSchema schema;
    CHECK(fd_batch_rows(batch) == 1);
    for (size_t i = 0; i < width; i++) check_array(fd_batch_column(batch, i), 1);
    CHECK(fd_batch_export(batch, &array) == FD_OK && array.length == 1);
    CHECK(fd_schema_export(fields, width, &schema) == FD_OK && schema.n_children == (int64_t)width);
    array.release(&array);
    schema.release(&schema);
}

static stored inflater;
static fd_scanner *scanners[8][16];

static fd_scanner *new_scanner(unsigned mode)
{
    fd_scan_options options = {.force = mode & 1, .thorough = mode >> 1 & 1, .path_bytes = mode >> 2 & 1, .batch_rows = 4};
    fd_scan_hooks hooks = {&inflater, decode, inflate, inflate_error, inflate_end};
    /* fewer columns: another last tag */
    return fd_scanner_new(SPECS, COUNT - (mode >> 4) % COUNT, &options, &hooks);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int file = -1;
    static char name[64];
    if (size < 1) return 0;
    if (file < 0) {
        file = memfd_create("input", 0);
        CHECK(file >= 0);
        snprintf(name, sizeof name, "/proc/self/fd/%d", file);
    }
    CHECK(pwrite(file, data + 1, size - 1, 0) == (ssize_t)size - 1 && ftruncate(file, (off_t)size - 1) == 0);

    inflater.refuse = data[0] >> 3 & 1;
    fd_scanner **kept = &scanners[data[0] & 7][data[0] >> 4], *s;
    if (!*kept) *kept = new_scanner(data[0]);
    s = *kept;
    fd_entry entry = {.type = FD_ENTRY_FILE,
                      .folder = AT_FDCWD,
                      .prefix = "",
                      .name = name,
                      .name_length = strlen(name),
                      .prefix_is_utf8 = true};
    CHECK(s);
    CHECK(fd_scanner_visit(s, &entry) == FD_OK && fd_scanner_rows(s) == 1);
    uint8_t *outcomes = NULL;
    fd_batch *batch = fd_scanner_take(s, &outcomes);
    CHECK(batch && outcomes && outcomes[0] <= FD_OUTCOME_FAILED);
    check_batch(batch, fd_scanner_width(s), fd_scanner_fields(s));
    free(outcomes);
    fd_batch_release(batch);
    return 0;
}
