/* The pixel kernels with sizes and parameters of all kinds; the SIMD path must make what the portable one makes.
 *
 * Bytes 0 to 7: the kernel, bytes a sample, samples or bits stored, sign, offset (2), size of the output (2). The rest is the source.
 */
#include "fd_color.h"
#include "fd_pixel.h"
#include "fuzz_input.h"

typedef struct job {
    unsigned kernel, bytes, number;
    bool is_signed;
    uint64_t first;
    const uint8_t *src;
    size_t src_size, dst_size;
} job;

static fd_status run(const job *j, uint8_t *dst, bool *flag)
{
    switch (j->kernel) {
    case 0: return fd_pixel_swap(dst, j->dst_size, j->src, j->src_size, j->bytes);
    case 1: return fd_pixel_swap_words(dst, j->dst_size, j->src, j->src_size, j->first);
    case 2: return fd_pixel_unpack_1(dst, j->dst_size, j->src, j->src_size, j->first);
    case 3: return fd_pixel_unpack_12(dst, j->dst_size, j->src, j->src_size, j->first);
    case 4: return fd_pixel_interleave(dst, j->dst_size, j->src, j->src_size, j->bytes, j->number);
    case 5: return fd_pixel_expand_422(dst, j->dst_size, j->src, j->src_size, j->bytes);
    case 6: return fd_pixel_ybr_to_rgb(dst, j->dst_size, j->src, j->src_size);
    case 7: return fd_pixel_unused_clean(j->src, j->src_size, j->bytes, j->number, j->is_signed, j->src_size & 8, flag);
    case 8: return fd_pixel_bit(dst, j->dst_size, j->src, j->src_size, j->bytes, j->number);
    case 9: return fd_color_rgb_to_ybr(dst, j->dst_size, j->src, j->src_size);
    case 10: return fd_color_partial_to_rgb(dst, j->dst_size, j->src, j->src_size);
    case 11:
        if (j->dst_size) memcpy(dst, j->src, j->dst_size < j->src_size ? j->dst_size : j->src_size);
        return fd_pixel_shift(dst, j->dst_size, j->bytes, j->number);
    default:
        if (j->dst_size) memcpy(dst, j->src, j->dst_size < j->src_size ? j->dst_size : j->src_size);
        return fd_pixel_clear_unused(dst, j->dst_size, j->bytes, j->number, j->is_signed);
    }
}

/* Sizes that fit together are rare among random ones: mostly the output gets the size that the kernel wants. */
static size_t fitting(const job *j, size_t asked)
{
    if (asked & 1) return asked;
    switch (j->kernel) {
    case 0:
    case 4:
    case 6:
    case 9:
    case 10:
    case 11:
    case 12: return j->src_size;
    case 8: return j->bytes ? j->src_size / j->bytes : asked;
    case 2: return asked % (8 * j->src_size + 1);
    case 3: return (asked % (j->src_size + 1)) & ~(size_t)1;
    case 5: return j->src_size / 2 * 3;
    default: return asked % (j->src_size + 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 8) return 0;
    static const unsigned widths[8] = {1, 2, 4, 8, 2, 1, 3, 0};
    job j = {.kernel = data[0] % 13, .bytes = widths[data[1] & 7], .number = data[2], .is_signed = data[3] & 1};
    j.first = fd_load16le(data + 4);
    if (data[3] & 2) j.first = UINT64_MAX - j.first;
    if (data[3] & 4) j.first <<= 45;
    /* the source in a block of its own, at any alignment */
    const size_t shift = data[3] >> 5;
    uint8_t *block = malloc(size - 8 + shift);
    CHECK(block || size - 8 + shift == 0);
    if (size > 8) memcpy(block + shift, data + 8, size - 8);
    j.src = block + shift;
    j.src_size = size - 8;
    j.dst_size = fitting(&j, fd_load16le(data + 6));

    uint8_t *plain = calloc(j.dst_size + 1, 1), *fast = calloc(j.dst_size + 1, 1);
    bool clean_plain = false, clean_fast = false;
    CHECK(plain && fast);
    /* what touches the byte behind the end is seen by the comparison below, what goes further by the sanitizer */
    fd_pixel_use_simd(false);
    fd_status status = run(&j, plain, &clean_plain);
    fd_pixel_use_simd(true);
    CHECK(run(&j, fast, &clean_fast) == status);
    CHECK(status == FD_OK || status == FD_TRUNCATED || status == FD_INVALID);
    CHECK(memcmp(plain, fast, j.dst_size + 1) == 0 && plain[j.dst_size] == 0 && clean_plain == clean_fast);
    if (j.kernel == 12 && status == FD_OK) {
        CHECK(fd_pixel_unused_clean(plain, j.dst_size, j.bytes, j.number, j.is_signed, false, &clean_plain) == FD_OK &&
              clean_plain);
        CHECK(fd_pixel_unused_clean(plain, j.dst_size, j.bytes, j.number, j.is_signed, true, &clean_plain) == FD_OK &&
              clean_plain);
    }
    free(plain);
    free(fast);
    free(block);
    return 0;
}
