/* Our own decoder of gray sequential JPEG, and beside it the check that reads the same codes.
 *
 * Bytes 0 to 2: bytes a sample, precision, whether the size is the stream's own and whether nothing is kept; rows and columns. The rest
 * is the stream.
 */
#include "fd_dct.h"
#include "fd_jpegcheck.h"
#include "fd_stream.h"
#include "fuzz_input.h"

typedef struct answer {
    fd_status status;
    fd_error error;
    uint32_t whole_rows;
    uint8_t *out;
} answer;

static answer decoded(fd_dct *d, const uint8_t *stream, size_t size, const fd_dct_frame *frame, bool fast)
{
    answer a = {0};
    const size_t room = (size_t)frame->rows * frame->columns * frame->bytes;
    a.out = calloc(room ? room : 1, 1);
    CHECK(a.out);
    fd_dct_use_fast(fast);
    a.status = fd_dct_decode(d, a.out, room, stream, size, frame, &a.whole_rows, &a.error);
    if (a.status != FD_OK) CHECK(a.error.reason && a.error.status == a.status && a.error.offset <= size);
    CHECK(a.whole_rows == 0 || (a.status == FD_TRUNCATED && a.whole_rows <= frame->rows));
    return a;
}

/* Both paths, tables of other streams or none: the same samples, or the same error. What is decoded, and what is not, is so for who
 * only reads the codes. */
static void look_at(fd_dct *kept, fd_jpegcheck *check, const uint8_t *stream, size_t size, const fd_dct_frame *frame,
                    bool without)
{
    fd_error error = {0};
    uint32_t rows = 0;
    static fd_dct *other;
    fd_dct *fresh = other && !without ? other : fd_dct_new();
    CHECK(fresh);
    const answer a = decoded(kept, stream, size, frame, true), b = decoded(fresh, stream, size, frame, false);
    if (!other)
        other = fresh;
    else if (fresh != other)
        fd_dct_free(fresh);
    const size_t held = a.status == FD_OK ? frame->rows : a.whole_rows;
    CHECK(a.status == b.status && a.whole_rows == b.whole_rows);
    if (a.status != FD_OK) CHECK(a.error.reason == b.error.reason && a.error.offset == b.error.offset);
    CHECK(memcmp(a.out, b.out, held * frame->columns * frame->bytes) == 0);
    free(a.out);
    free(b.out);
    const fd_status status = fd_jpegcheck_run(check, stream, size, true, &rows, &error);
    if (a.status == FD_OK) CHECK(status == FD_OK);
    if (a.status == FD_TRUNCATED || a.status == FD_INVALID) CHECK(status != FD_OK);
    if (a.whole_rows) CHECK(status == FD_TRUNCATED && rows == a.whole_rows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static fd_dct *kept;
    static fd_jpegcheck *check;
    if (!kept) kept = fd_dct_new();
    if (!check) check = fd_jpegcheck_new();
    if (size < 3 || !kept || !check) return 0;
    fd_jpegcheck_use_lanes(check, SIZE_MAX);
    uint8_t *stream = malloc(size - 3 ? size - 3 : 1); /* of its own, so that a read behind it is seen */
    CHECK(stream);
    memcpy(stream, data + 3, size - 3);
    fd_dct_frame frame = {data[1], data[2], data[0] & 1 ? 12 : 8, 1 + (data[0] >> 1 & 1)};
    fd_stream_header header;
    fd_error error;
    if (data[0] < 0xF0 && fd_stream_read_header(stream, size - 3, &header, &error) == FD_OK &&
        (uint64_t)header.rows * header.columns < 70000) {
        frame = (fd_dct_frame){header.rows, header.columns, header.precision[0], frame.bytes};
        if (frame.precision == 12) frame.bytes = 2;
    }
    look_at(kept, check, stream, size - 3, &frame, data[0] >> 4 == 7);
    free(stream);
    return 0;
}
