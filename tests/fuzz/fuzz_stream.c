/* The headers of compressed streams, and the check of JPEG streams.
 *
 * Byte 0: whether the check is thorough, how samples are widened, whether tables of earlier streams are compared with fresh ones. The rest is the stream, in a block of its own, so that a read behind it is seen.
 */
#include "fd_jpegcheck.h"
#include "fd_sample.h"
#include "fd_stream.h"
#include "fuzz_input.h"

static void look_at_header(const uint8_t *stream, size_t size)
{
    fd_error error = {0};
    fd_stream_header header, again;
    const fd_status status = fd_stream_read_header(stream, size, &header, &error);
    if (status != FD_OK) {
        CHECK(error.reason && error.status == status && (status == FD_NOT_DICOM || error.offset <= size));
        return;
    }
    CHECK(header.format != FD_STREAM_UNKNOWN && header.components > 0 && header.columns > 0);
    CHECK(header.orientation >= 1 && header.orientation <= 8);
    if (header.format != FD_STREAM_JPEG && header.format != FD_STREAM_JPEG_LS)
        for (unsigned i = 0; i < header.components && i < FD_STREAM_COMPONENTS; i++)
            CHECK(header.precision[i] > 0 && header.across[i] > 0 && header.down[i] > 0);
    CHECK(fd_stream_read_header(stream, size, &again, &error) == FD_OK && memcmp(&header, &again, sizeof header) == 0);
}

/* A stream that was found whole by all its codes is so by its markers; tables of other streams do not matter, nor whether a scan
 * was read in several places at once. */
static void look_at_jpeg(fd_jpegcheck *kept, const uint8_t *stream, size_t size, bool thorough, bool compare)
{
    fd_error error = {0};
    uint32_t rows, same;
    const fd_status status = fd_jpegcheck_run(kept, stream, size, thorough, &rows, &error);
    if (status != FD_OK) CHECK(error.reason && error.status == status && error.offset <= size);
    CHECK(rows <= 65535 && (rows == 0 || status == FD_TRUNCATED));
    if (thorough && status == FD_OK) CHECK(fd_jpegcheck_run(kept, stream, size, false, &same, &error) == FD_OK);
    if (!compare) return;
    fd_jpegcheck *fresh = fd_jpegcheck_new();
    CHECK(fresh);
    fd_jpegcheck_use_lanes(fresh, SIZE_MAX);
    fd_error other = {0};
    CHECK(fd_jpegcheck_run(fresh, stream, size, thorough, &same, &other) == status && same == rows);
    if (status != FD_OK) CHECK(other.offset == error.offset && other.reason == error.reason);
    fd_jpegcheck_free(fresh);
}

static void widen(const uint8_t *stream, size_t size, unsigned how)
{
    const unsigned from = 1u << (how & 3), to = 1u << (how >> 2 & 3);
    const size_t n = size / from;
    uint8_t *out = malloc(n * to + 1);
    CHECK(out);
    const fd_status status = fd_sample_widen(out, n * to, stream, n * from, from, to, how & 16);
    CHECK(status == (from <= to ? FD_OK : FD_INVALID));
    if (status == FD_OK)
        for (size_t i = 0; i < n; i++) CHECK(memcmp(out + i * to, stream + i * from, from) == 0);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static fd_jpegcheck *kept;
    if (!kept) kept = fd_jpegcheck_new();
    if (size < 1 || !kept) return 0;
    fd_jpegcheck_use_lanes(kept, 0);
    uint8_t *stream = malloc(size - 1 ? size - 1 : 1);
    CHECK(stream);
    memcpy(stream, data + 1, size - 1);
    look_at_header(stream, size - 1);
    look_at_jpeg(kept, stream, size - 1, data[0] & 1, data[0] >> 6 == 3);
    widen(stream, size - 1, data[0] >> 1);
    free(stream);
    return 0;
}
