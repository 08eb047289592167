#include "fd_sample.h"

static bool is_width(unsigned bytes) { return bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8; }

/* The two widenings that are met: plain loops, which compilers turn into SIMD. */
static void from_8_to_16(uint8_t *restrict dst, const uint8_t *restrict src, size_t n, bool is_signed)
{
    if (is_signed) {
        for (size_t i = 0; i < n; i++) {
            dst[2 * i] = src[i];
            dst[2 * i + 1] = (uint8_t)(0u - (src[i] >> 7));
        }
    } else {
        for (size_t i = 0; i < n; i++) {
            dst[2 * i] = src[i];
            dst[2 * i + 1] = 0;
        }
    }
}

static void from_16_to_32(uint8_t *restrict dst, const uint8_t *restrict src, size_t n, bool is_signed)
{
    for (size_t i = 0; i < n; i++) {
        const uint8_t fill = is_signed ? (uint8_t)(0u - (src[2 * i + 1] >> 7)) : 0;
        dst[4 * i] = src[2 * i];
        dst[4 * i + 1] = src[2 * i + 1];
        dst[4 * i + 2] = dst[4 * i + 3] = fill;
    }
}

fd_status fd_sample_widen(uint8_t *dst, size_t dst_size, const uint8_t *src, size_t src_size, unsigned from, unsigned to,
                          bool is_signed)
{
    if (!is_width(from) || !is_width(to) || from > to || src_size % from || dst_size % to) return FD_INVALID;
    const size_t n = src_size / from;
    if (dst_size / to != n) return FD_INVALID;
    if (from == to) {
        memcpy(dst, src, src_size);
    } else if (from == 1 && to == 2) {
        from_8_to_16(dst, src, n, is_signed);
    } else if (from == 2 && to == 4) {
        from_16_to_32(dst, src, n, is_signed);
    } else {
        for (size_t i = 0; i < n; i++) {
            memcpy(dst + i * to, src + i * from, from);
            memset(dst + i * to + from, is_signed && src[i * from + from - 1] >> 7 ? 0xFF : 0, to - from);
        }
    }
    return FD_OK;
}
