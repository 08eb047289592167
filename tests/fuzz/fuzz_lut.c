/* Tables, windows and segments: against what the standard says, written down as plainly as can be.
 *
 * Bytes 0 to 7: the kernel, kind of sample (or bytes of an entry), width of an entry, flags, first sample (2), size of the table or
 * number of entries (2). Then the table, and the rest is the source.
 */
#include "fd_lut.h"
#include "fuzz_input.h"

#include <math.h>

static double sample_at(const uint8_t *p, unsigned kind)
{
#define CASE(number, type)       \
    case number: {               \
        type v;                  \
        memcpy(&v, p, sizeof v); \
        return (double)v;        \
    }
    switch (kind) {
        CASE(FD_U8, uint8_t)
        CASE(FD_I8, int8_t)
        CASE(FD_U16, uint16_t)
        CASE(FD_I16, int16_t)
        CASE(FD_U32, uint32_t)
        CASE(FD_I32, int32_t)
        CASE(FD_U64, uint64_t)
        CASE(FD_I64, int64_t)
        CASE(FD_F32, float)
    default: {
        double v;
        memcpy(&v, p, sizeof v);
        return v;
    }
    }
}

/* A copy in a block of its own, so that the sanitizer sees what is read behind it. */
static uint8_t *block(const uint8_t *data, size_t size)
{
    uint8_t *made = malloc(size ? size : 1);
    CHECK(made);
    if (size) memcpy(made, data, size);
    return made;
}

static void look_up(const uint8_t *p, const uint8_t *table, size_t table_size, const uint8_t *src, size_t size)
{
    static const unsigned strides[8] = {1, 2, 4, 4, 8, 8, 3, 0}, entries[8] = {1, 2, 4, 3, 8, 6, 3, 0};
    unsigned kind = p[1] % 11, stride = strides[p[2] & 7], entry = entries[p[2] & 7], bytes = fd_sample_size(kind);
    int64_t first = (int16_t)fd_load16le(p + 4);
    size_t n = bytes ? size / bytes : 3;
    if (p[3] & 1 && bytes) size = n * bytes;
    size_t out_size = n * entry;
    uint8_t *out = calloc(out_size + 1, 1);
    CHECK(out);
    fd_status status = fd_lut_apply(out, out_size, src, size, kind, first, table, table_size, stride, entry);
    bool fits = bytes && size == n * bytes && stride && stride != 3 && table_size && table_size % stride == 0;
    CHECK(status == (fits ? FD_OK : FD_INVALID) && out[out_size] == 0);
    for (size_t i = 0; fits && i < n; i++) {
        double at = trunc(sample_at(src + i * bytes, kind) - (double)first), last = (double)(table_size / stride) - 1;
        size_t place = !(at > 0) ? 0 : at > last ? (size_t)last : (size_t)at;
        CHECK(memcmp(out + i * entry, table + place * stride, entry) == 0);
    }
    free(out);
}

static void map_all(const uint8_t *p, const uint8_t *src, size_t size)
{
    unsigned bytes = p[1] & 1 ? 2 : 1, stride = p[2] & 1 ? 4 : 8, entry = stride - stride / 4;
    size_t count = (size_t)1 << 8 * bytes, n = size / bytes;
    uint8_t *table = malloc(count * stride), *out = calloc(n * entry + 1, 1);
    CHECK(table && out);
    for (size_t i = 0; i < count * stride; i++) table[i] = (uint8_t)(i * 31 + p[3]);
    CHECK(fd_lut_map(out, n * entry, src, n * bytes, bytes, table, count * stride, stride, entry) == FD_OK);
    CHECK(fd_lut_map(out, n * entry, src, n * bytes, bytes, table, (count - 1) * stride, stride, entry) == FD_INVALID);
    CHECK(out[n * entry] == 0);
    for (size_t i = 0; i < n; i++) {
        size_t place = bytes == 1 ? src[i] : (size_t)sample_at(src + 2 * i, FD_U16);
        CHECK(memcmp(out + i * entry, table + place * stride, entry) == 0);
    }
    free(table);
    free(out);
}

static void numbers(const uint8_t *p, const uint8_t *src, size_t size)
{
    unsigned kind = p[1] % 10, bytes = fd_sample_size(kind);
    size_t n = size / bytes;
    double slope = (int8_t)p[2] / 8.0, intercept = (int16_t)fd_load16le(p + 4), width = fd_load16le(p + 6) / 4.0;
    uint8_t *out = malloc(8 * n + 1), *levels = malloc(n + 1);
    CHECK(out && levels);
    CHECK(fd_lut_rescale(out, 8 * n, src, n * bytes, kind, slope, intercept) == FD_OK);
    CHECK(fd_lut_window(levels, n, 1, out, 8 * n, intercept, width, 0, 255) == FD_OK);
    double low = 0, high = 0, least = INFINITY, most = -INFINITY, pad = p[3] & 1 ? intercept : NAN;
    bool found = false;
    CHECK(fd_lut_range(src, n * bytes, kind, pad, pad + p[2], &low, &high, &found) == FD_OK);
    for (size_t i = 0; i < n; i++) {
        double x = sample_at(src + i * bytes, kind), y = sample_at(out + 8 * i, FD_F64), expected = x * slope;
        expected = expected + intercept;
        CHECK(y == expected || (isnan(y) && isnan(expected)));
        if (isfinite(x) && !(x >= pad && x <= pad + p[2])) {
            least = fmin(least, x);
            most = fmax(most, x);
        }
        double part = y <= intercept - width / 2  ? 0
                      : y > intercept + width / 2 ? 1
                      : isnan(y)                  ? 0
                                                  : (y - intercept) / width + 0.5;
        CHECK(fabs(levels[i] - 255 * part) <= 0.5 + 1e-9);
    }
    CHECK(found == (least <= most) && (!found || (low == least && high == most)));
    CHECK(fd_lut_window(out, 8 * n, 8, out, 8 * n, intercept, width, -1, 1) == FD_OK);
    for (size_t i = 0; i < n; i++) CHECK(!(fabs(sample_at(out + 8 * i, FD_F64)) > 1 + 1e-9));
    CHECK(fd_lut_window(out, 8 * n, 8, out, 8 * n, 0, -1, -1, 1) == FD_INVALID);
    free(out);
    free(levels);
}

static void segments(const uint8_t *p, const uint8_t *src, size_t size)
{
    unsigned bytes = p[1] & 1 ? 2 : 1;
    size_t entries = fd_load16le(p + 6);
    uint8_t *out = malloc(2 * entries + 1);
    fd_error error = {0};
    CHECK(out);
    memset(out, 0xAB, 2 * entries + 1);
    fd_status status = fd_lut_expand(out, entries, src, size, bytes, p[3] & 1, &error);
    CHECK(status == FD_OK || (status == FD_INVALID && error.reason && error.offset <= size));
    CHECK(out[2 * entries] == 0xAB && (status != FD_OK || entries));
    if (status == FD_OK && bytes == 1)
        for (size_t i = 0; i < entries; i++) CHECK(sample_at(out + 2 * i, FD_U16) < 256);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 8) return 0;
    size_t table_size = fd_load16le(data + 6) % (size - 7);
    uint8_t *table = block(data + 8, table_size), *src = block(data + 8, size - 8);
    switch (data[0] % 6) {
    case 0:
    case 1: look_up(data, table, table_size, src + table_size, size - 8 - table_size); break;
    case 2: map_all(data, src, size - 8); break;
    case 3:
    case 4: numbers(data, src, size - 8); break;
    default: segments(data, src, size - 8);
    }
    free(table);
    free(src);
    return 0;
}
