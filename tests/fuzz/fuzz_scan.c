/* A whole file through the scanner, into columns of every kind. The first byte says how, the rest is the file.
 *
 * A scanner serves many files, as in life: a finding that does not repeat alone was left behind by a file before it.
 * Held: one row a file, every column as long, offsets that ascend inside their data, UTF-8 where it is promised; and the row of a
 * file that is read in pieces is that of the same bytes in memory.
 */
#define _GNU_SOURCE
#include "fuzz_scan.h"

static const fd_step EVERY[] = {{.tag = 0x00081140, .item = FD_EVERY_ITEM}};
static const fd_step PLAIN[] = {{.tag = 0x00081115}, {.tag = 0x00081140, .item = 1}};
static const fd_step MIXED[] = {{.tag = 0x00081115, .item = FD_EVERY_ITEM},
                                {.tag = 0x00290010, .creator = "ACME", .creator_length = 4, .item = FD_EVERY_ITEM}};

static const fd_column_spec SPECS[] = {
    {.name = "transfer_syntax", .kind = FD_KIND_DICTIONARY, .fact = FD_FACT_TRANSFER_SYNTAX},
    {.name = "every",
     .tag = 0x00100020,
     .vr = FD_VR_LO,
     .kind = FD_KIND_LIST,
     .item = FD_KIND_UTF8,
     .steps = EVERY,
     .step_count = 1},
    {.name = "one", .tag = 0x00100020, .vr = FD_VR_LO, .kind = FD_KIND_DICTIONARY, .steps = PLAIN, .step_count = 2},
    {.name = "mixed",
     .tag = 0x00280106,
     .vr = FD_VR_US_SS,
     .kind = FD_KIND_LIST,
     .item = FD_KIND_INT32,
     .steps = MIXED,
     .step_count = 2},
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
    {.name = "offset_table_frames", .kind = FD_KIND_INT64, .fact = FD_FACT_TABLE_FRAMES},
    {.name = "pixel_data_offset", .kind = FD_KIND_INT64, .fact = FD_FACT_PIXEL_OFFSET},
    {.name = "PixelData", .tag = 0x7FE00010, .vr = FD_VR_OB_OW, .kind = FD_KIND_BINARY},
};
enum { COUNT = sizeof SPECS / sizeof *SPECS };

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

static bool same_bytes(const fd_buffer *a, const fd_buffer *b)
{
    return a->used == b->used && (a->used == 0 || memcmp(a->data, b->data, a->used) == 0);
}

static bool same_array(const fd_array *a, const fd_array *b)
{
    if (a->length != b->length || a->nulls != b->nulls) return false;
    if (a->nulls && !same_bytes(&a->validity, &b->validity)) return false;
    return same_bytes(&a->offsets, &b->offsets) && same_bytes(&a->data, &b->data) &&
           (!a->child || same_array(a->child, b->child));
}

/* The same bytes once more, all at hand. What a folder knows of a file (mtime) stands in no object. */
static void check_whole(fd_scanner *s, const fd_entry *entry, const uint8_t *data, size_t size, const fd_batch *file)
{
    const fd_object object = {.path = entry->name, .path_length = entry->name_length, .has_size = true, .size = size};
    const fd_piece piece = {0, data, size};
    fd_bytes bytes;
    uint8_t *outcomes = NULL;
    CHECK(fd_scanner_visit_bytes(s, &object, &piece, 1, &bytes) == FD_OK);
    fd_batch *batch = fd_scanner_take(s, &outcomes);
    CHECK(batch && outcomes);
    for (size_t i = 0; i < fd_scanner_width(s); i++)
        CHECK(i == 2 || same_array(fd_batch_column(file, i), fd_batch_column(batch, i)));
    free(outcomes);
    fd_batch_release(batch);
}

static fd_scanner *scanners[8][16];

static fd_scanner *new_scanner(unsigned mode)
{
    fd_scan_options options = {.force = mode & 1, .thorough = mode >> 1 & 1, .path_bytes = mode >> 2 & 1, .batch_rows = 4};
    /* fewer columns: another last tag */
    return fd_scanner_new(SPECS, COUNT - (mode >> 4) % COUNT, &options, &HOOKS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) return 0;
    const fd_entry entry = file_entry(data + 1, size - 1);
    inflater.refuse = data[0] >> 3 & 1;
    fd_scanner **kept = &scanners[data[0] & 7][data[0] >> 4], *s;
    if (!*kept) *kept = new_scanner(data[0]);
    s = *kept;
    CHECK(s);
    CHECK(fd_scanner_visit(s, &entry) == FD_OK && fd_scanner_rows(s) == 1);
    uint8_t *outcomes = NULL;
    fd_batch *batch = fd_scanner_take(s, &outcomes);
    CHECK(batch && outcomes && outcomes[0] <= FD_OUTCOME_FAILED);
    check_batch(batch, fd_scanner_width(s), fd_scanner_fields(s));
    check_whole(s, &entry, data + 1, size - 1, batch);
    free(outcomes);
    fd_batch_release(batch);
    return 0;
}
