#include "fd_color.h"

/* Steps of 2^-40: no triple of bytes comes so near to a half that the rounding of the constants would matter (a test walks
 * through all of them). */
enum { BITS = 40 };
#define FD_STEPS(x) ((int64_t)((x) * (double)((int64_t)1 << BITS) + ((x) < 0 ? -0.5 : 0.5)))
#define FD_HALF ((int64_t)1 << (BITS - 1))

static inline uint8_t rounded(int64_t v)
{
    v += FD_HALF + 512; /* the constants are less than 400 steps off: what is a half by the formula stays one */
    if (v < 0) return 0;
    v >>= BITS;
    return v > 255 ? 255 : (uint8_t)v;
}

static fd_status sizes_fit(size_t dst_size, size_t src_size) { return dst_size != src_size || dst_size % 3 ? FD_INVALID : FD_OK; }

fd_status fd_color_rgb_to_ybr(uint8_t *dst, size_t dst_size, const uint8_t *src, size_t src_size)
{
    if (sizes_fit(dst_size, src_size) != FD_OK) return FD_INVALID;
    const int64_t middle = (int64_t)128 << BITS;
    for (size_t i = 0; i < dst_size; i += 3) {
        int64_t r = src[i], g = src[i + 1], b = src[i + 2];
        dst[i] = rounded(FD_STEPS(0.299) * r + FD_STEPS(0.587) * g + FD_STEPS(0.114) * b);
        dst[i + 1] = rounded(middle - FD_STEPS(0.299 / 1.772) * r - FD_STEPS(0.587 / 1.772) * g + FD_STEPS(0.5) * b);
        dst[i + 2] = rounded(middle + FD_STEPS(0.5) * r - FD_STEPS(0.587 / 1.402) * g - FD_STEPS(0.114 / 1.402) * b);
    }
    return FD_OK;
}

fd_status fd_color_partial_to_rgb(uint8_t *dst, size_t dst_size, const uint8_t *src, size_t src_size)
{
    if (sizes_fit(dst_size, src_size) != FD_OK) return FD_INVALID;
    for (size_t i = 0; i < dst_size; i += 3) {
        int64_t y = FD_STEPS(255.0 / 219) * (src[i] - 16), cb = src[i + 1] - 128, cr = src[i + 2] - 128;
        dst[i] = rounded(y + FD_STEPS(1.402 * 255 / 224) * cr);
        dst[i + 1] =
            rounded(y - FD_STEPS(0.114 * 1.772 / 0.587 * 255 / 224) * cb - FD_STEPS(0.299 * 1.402 / 0.587 * 255 / 224) * cr);
        dst[i + 2] = rounded(y + FD_STEPS(1.772 * 255 / 224) * cb);
    }
    return FD_OK;
}
