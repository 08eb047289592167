/* Our own decoders of compressed frames: RLE Lossless and lossless JPEG.
 *
 * Bytes 0 to 2: the decoder and bytes a sample, samples a pixel or components, pixels. The rest is the stream.
 */
#include "fd_jpegll.h"
#include "fd_rle.h"
#include "fuzz_input.h"

static void decode(const uint8_t *stream, size_t size, bool is_rle, unsigned bytes, unsigned samples, size_t pixels)
{
    fd_error error = {0};
    fd_jpegll_header header = {0};
    if (!is_rle) { /* sizes that fit are rare among random ones: mostly the stream's own is taken */
        if (fd_jpegll_read_header(stream, size, &header, &error) != FD_OK)
            CHECK(error.reason);
        else if (pixels & 1 && (uint64_t)header.rows * header.columns < 70000) {
            pixels = (size_t)header.rows * header.columns;
            samples = header.components;
        }
    }
    const size_t room = pixels * samples * bytes;
    uint8_t *out = malloc(room ? room : 1);
    CHECK(out);
    size_t whole = 0, left = 0;
    uint32_t rows = 0;
    const fd_status status = is_rle ? fd_rle_decode(out, room, stream, size, bytes, samples, &whole, &left, &error)
                                    : fd_jpegll_decode(out, room, stream, size, bytes, &rows, &error);
    if (status != FD_OK) CHECK(error.reason && error.status == status);
    CHECK(whole <= pixels);
    if (is_rle && status == FD_OK) CHECK(whole == pixels);
    if (left) CHECK(is_rle && status == FD_OK && left <= size * 128);
    if (rows) CHECK(rows <= header.rows && (status != FD_OK || rows == header.rows));
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3) return 0;
    uint8_t *stream = malloc(size - 3 ? size - 3 : 1); /* of its own, so that a read behind it is seen */
    CHECK(stream);
    memcpy(stream, data + 3, size - 3);
    decode(stream, size - 3, data[0] & 1, 1u << (data[0] >> 1 & 3), data[1], (size_t)data[2] * (data[0] & 0x80 ? 64 : 1));
    free(stream);
    return 0;
}
