#include "fd_pixel.h"

#include "fd_flag.h"

/* The loops are written once, for the compiler to vectorise; where they need the byte shuffles that x86-64 lacks in its
 * baseline, they are compiled a second time for AVX2 and chosen at run time. AArch64 has them always. FD_PORTABLE: as for any other processor. */
#if (defined(__GNUC__) || defined(__clang__)) && defined(__x86_64__) && !defined(FD_PORTABLE)
#define FD_HAS_AVX2 1
#include <immintrin.h>
#define FD_TARGET_AVX2 __attribute__((target("avx2")))
#else
#define FD_HAS_AVX2 0
#endif

#if defined(__GNUC__) || defined(__clang__)
#define FD_INLINE static inline __attribute__((always_inline))
#define FD_PREFETCH(address) __builtin_prefetch(address)
#else
#define FD_INLINE static inline
#define FD_PREFETCH(address) (void)(address)
#endif

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define FD_HOST_BIG 1
#else
#define FD_HOST_BIG 0
#endif

static fd_flag simd_state; /* 0: not looked yet, 1: portable, 2: AVX2 */

static bool cpu_has_simd(void)
{
#if FD_HAS_AVX2
    return __builtin_cpu_supports("avx2") != 0;
#else
    return false;
#endif
}

bool fd_pixel_use_simd(bool on)
{
    bool has = cpu_has_simd();
    fd_flag_set(&simd_state, on && has ? 2 : 1);
    return has;
}

#if FD_HAS_AVX2
static bool use_simd(void)
{
    int state = fd_flag_get(&simd_state);
    if (state == 0) {
        state = cpu_has_simd() ? 2 : 1;
        fd_flag_set(&simd_state, state);
    }
    return state == 2;
}
#endif

#define FD_LOAD_STORE(bits)                               \
    FD_INLINE uint##bits##_t load##bits(const uint8_t *p) \
    {                                                     \
        uint##bits##_t v;                                 \
        memcpy(&v, p, sizeof v);                          \
        return v;                                         \
    }                                                     \
    FD_INLINE void store##bits(uint8_t *p, uint##bits##_t v) { memcpy(p, &v, sizeof v); }
FD_LOAD_STORE(16)
FD_LOAD_STORE(32)
FD_LOAD_STORE(64)

FD_INLINE uint16_t swap16(uint16_t v) { return (uint16_t)(v >> 8 | v << 8); }

FD_INLINE uint32_t swap32(uint32_t v) { return v >> 24 | (v >> 8 & 0xFF00u) | (v << 8 & 0xFF0000u) | v << 24; }

FD_INLINE uint64_t swap64(uint64_t v) { return (uint64_t)swap32((uint32_t)v) << 32 | swap32((uint32_t)(v >> 32)); }

FD_INLINE uint16_t little16(uint16_t v) { return FD_HOST_BIG ? swap16(v) : v; }

FD_INLINE uint32_t little32(uint32_t v) { return FD_HOST_BIG ? swap32(v) : v; }

FD_INLINE uint64_t little64(uint64_t v) { return FD_HOST_BIG ? swap64(v) : v; }

/* Byte order */

FD_INLINE void swap_loop(uint8_t *dst, const uint8_t *src, size_t size, unsigned bytes)
{
    if (bytes == 2) {
        for (size_t i = 0; i < size; i += 2) store16(dst + i, swap16(load16(src + i)));
    } else if (bytes == 4) {
        for (size_t i = 0; i < size; i += 4) store32(dst + i, swap32(load32(src + i)));
    } else {
        for (size_t i = 0; i < size; i += 8) store64(dst + i, swap64(load64(src + i)));
    }
}

static void swap_portable(uint8_t *dst, const uint8_t *src, size_t size, unsigned bytes) { swap_loop(dst, src, size, bytes); }

#if FD_HAS_AVX2
FD_TARGET_AVX2 static void swap_avx2(uint8_t *dst, const uint8_t *src, size_t size, unsigned bytes)
{
    uint8_t order[32];
    for (unsigned i = 0; i < 32; i++) order[i] = (uint8_t)((i ^ (bytes - 1)) & 15u);
    __m256i shuffle = _mm256_loadu_si256((const __m256i *)order);
    size_t i = 0;
    for (; size - i >= 32; i += 32) {
        __m256i v = _mm256_loadu_si256((const __m256i *)(src + i));
        _mm256_storeu_si256((__m256i *)(dst + i), _mm256_shuffle_epi8(v, shuffle));
    }
    swap_loop(dst + i, src + i, size - i, bytes);
}
#endif

fd_status fd_pixel_swap(uint8_t *dst, size_t dst_size, const uint8_t *src, size_t src_size, unsigned bytes)
{
    if ((bytes != 1 && bytes != 2 && bytes != 4 && bytes != 8) || dst_size % bytes) return FD_INVALID;
    if (src_size < dst_size) return FD_TRUNCATED;
    if (src_size > dst_size) return FD_INVALID;
    if (dst_size == 0) return FD_OK;
    if (bytes == 1) {
        memmove(dst, src, dst_size);
        return FD_OK;
    }
#if FD_HAS_AVX2
    if (use_simd()) {
        swap_avx2(dst, src, dst_size, bytes);
        return FD_OK;
    }
#endif
    swap_portable(dst, src, dst_size, bytes);
    return FD_OK;
}

fd_status fd_pixel_swap_words(uint8_t *dst, size_t dst_size, const uint8_t *src, size_t src_size, uint64_t first)
{
    uint64_t end;
    if (!fd_add64(first, dst_size, &end)) return FD_INVALID;
    uint64_t whole = src_size & ~(uint64_t)1;
    if (end > whole) return FD_TRUNCATED;
    if (dst_size == 0) return FD_OK;
    size_t at = (size_t)first, n = dst_size;
    if (at & 1) {
        *dst++ = src[at - 1];
        at++;
        n--;
    }
    size_t even = n & ~(size_t)1;
    fd_status status = fd_pixel_swap(dst, even, src + at, even, 2);
    if (n & 1) dst[even] = src[at + even + 1];
    return status;
}

/* Packed pixels */

/* Eight pixels of a byte: copies of it side by side, of each its own bit, and whatever is not 0 becomes 1. */
FD_INLINE uint64_t spread_bits(unsigned byte)
{
    uint64_t v = ((uint64_t)byte * 0x0101010101010101u) & 0x8040201008040201u;
    return (v + 0x7F7F7F7F7F7F7F7Fu) >> 7 & 0x0101010101010101u;
}

FD_INLINE void unpack_1_bytes(uint8_t *dst, const uint8_t *src, size_t groups, unsigned shift)
{
    if (shift == 0) {
        for (size_t i = 0; i < groups; i++) store64(dst + 8 * i, little64(spread_bits(src[i])));
    } else {
        for (size_t i = 0; i < groups; i++) {
            unsigned byte = ((unsigned)src[i] >> shift | (unsigned)src[i + 1] << (8 - shift)) & 0xFFu;
            store64(dst + 8 * i, little64(spread_bits(byte)));
        }
    }
}

static void unpack_1_portable(uint8_t *dst, const uint8_t *src, size_t groups, unsigned shift)
{
    unpack_1_bytes(dst, src, groups, shift);
}

#if FD_HAS_AVX2
/* Thirty-two pixels a step: each source byte into eight lanes, each lane its own bit. `groups` counts bytes of eight pixels;
 * with a shift the caller guarantees one more byte behind the last group. */
FD_TARGET_AVX2 static void unpack_1_avx2(uint8_t *dst, const uint8_t *src, size_t groups, unsigned shift)
{
    const __m256i lanes =
        _mm256_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3);
    const __m256i bits = _mm256_set1_epi64x((long long)0x8040201008040201u);
    const __m256i one = _mm256_set1_epi8(1);
    size_t i = 0;
    for (; groups - i >= 4; i += 4) {
        uint32_t word = load32(src + i);
        if (shift) word = word >> shift | (uint32_t)src[i + 4] << (32 - shift);
        __m256i v = _mm256_shuffle_epi8(_mm256_set1_epi32((int)word), lanes);
        v = _mm256_cmpeq_epi8(_mm256_and_si256(v, bits), bits);
        _mm256_storeu_si256((__m256i *)(dst + 8 * i), _mm256_and_si256(v, one));
    }
    unpack_1_bytes(dst + 8 * i, src + i, groups - i, shift);
}
#endif

fd_status fd_pixel_unpack_1(uint8_t *dst, size_t dst_size, const uint8_t *src, size_t src_size, uint64_t first_bit)
{
    uint64_t end;
    if (!fd_add64(first_bit, dst_size, &end)) return FD_INVALID;
    if (end / 8 + (end % 8 != 0) > src_size) return FD_TRUNCATED;
    if (dst_size == 0) return FD_OK;
    src += first_bit / 8;
    unsigned shift = (unsigned)(first_bit % 8);
    size_t groups = dst_size / 8; /* with a shift, whole groups end inside a byte that the check above has covered */
#if FD_HAS_AVX2
    if (use_simd())
        unpack_1_avx2(dst, src, groups, shift);
    else
#endif
        unpack_1_portable(dst, src, groups, shift);
    for (size_t i = groups * 8; i < dst_size; i++) {
        size_t bit = i + shift;
        dst[i] = (uint8_t)(src[bit / 8] >> (bit % 8) & 1u);
    }
    return FD_OK;
}

fd_status fd_pixel_unpack_12(uint8_t *dst, size_t dst_size, const uint8_t *src, size_t src_size, uint64_t first)
{
    uint64_t count = dst_size / 2, end, bits;
    if (dst_size % 2 || !fd_add64(first, count, &end) || !fd_mul64(end, 12, &bits)) return FD_INVALID;
    if (bits / 8 + (bits % 8 != 0) > src_size) return FD_TRUNCATED;
    if (count == 0) return FD_OK;
    const uint8_t *p = src + (size_t)(first / 2) * 3;
    if (first & 1) {
        store16(dst, little16((uint16_t)(p[1] >> 4 | (unsigned)p[2] << 4)));
        dst += 2;
        p += 3;
        count--;
    }
    for (; count >= 6; count -= 4, dst += 8, p += 6) { /* 8 bytes are loaded for the 6 of four pixels: there are 9 */
        uint64_t v = little64(load64(p));
        v = (v & 0xFFFFFFu) | (v & 0xFFFFFF000000u) << 8;
        store64(dst, little64((v & 0x00000FFF00000FFFu) | (v & 0x00FFF00000FFF000u) << 4));
    }
    for (; count >= 2; count -= 2, dst += 4, p += 3) {
        uint32_t v = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;
        store32(dst, little32((v & 0xFFFu) | (v & 0xFFF000u) << 4));
    }
    if (count) store16(dst, little16((uint16_t)(p[0] | (p[1] & 0xFu) << 8)));
    return FD_OK;
}

/* Planes */

FD_INLINE void interleave_any(uint8_t *dst, const uint8_t *src, size_t pixels, unsigned bytes, unsigned samples)
{
    for (unsigned s = 0; s < samples; s++) {
        const uint8_t *plane = src + (size_t)s * pixels * bytes;
        uint8_t *to = dst + (size_t)s * bytes;
        size_t step = (size_t)samples * bytes;
        if (bytes == 1) {
            for (size_t i = 0; i < pixels; i++) to[i * step] = plane[i];
        } else if (bytes == 2) {
            for (size_t i = 0; i < pixels; i++) store16(to + i * step, load16(plane + 2 * i));
        } else if (bytes == 4) {
            for (size_t i = 0; i < pixels; i++) store32(to + i * step, load32(plane + 4 * i));
        } else {
            for (size_t i = 0; i < pixels; i++) store64(to + i * step, load64(plane + 8 * i));
        }
    }
}

/* Three planes in one pass: this is what colour images have. */
FD_INLINE void interleave_3(uint8_t *dst, const uint8_t *a, const uint8_t *b, const uint8_t *c, size_t pixels, unsigned bytes)
{
    if (bytes == 1) {
        size_t i = 0;
        for (; pixels - i >= 4; i += 4, dst += 12) {
            uint32_t r = little32(load32(a + i)), g = little32(load32(b + i)), u = little32(load32(c + i));
            uint32_t w0 = (r & 0xFFu) | (g & 0xFFu) << 8 | (u & 0xFFu) << 16 | (r & 0xFF00u) << 16;
            uint32_t w1 = (g & 0xFF00u) >> 8 | (u & 0xFF00u) | (r & 0xFF0000u) | (g & 0xFF0000u) << 8;
            uint32_t w2 = (u & 0xFF0000u) >> 16 | (r & 0xFF000000u) >> 16 | (g & 0xFF000000u) >> 8 | (u & 0xFF000000u);
            store64(dst, little64((uint64_t)w1 << 32 | w0));
            store32(dst + 8, little32(w2));
        }
        for (; i < pixels; i++, dst += 3) {
            dst[0] = a[i];
            dst[1] = b[i];
            dst[2] = c[i];
        }
    } else if (bytes == 2) {
        for (size_t i = 0; i < pixels; i++, dst += 6) {
            store16(dst, load16(a + 2 * i));
            store16(dst + 2, load16(b + 2 * i));
            store16(dst + 4, load16(c + 2 * i));
        }
    } else if (bytes == 4) {
        for (size_t i = 0; i < pixels; i++, dst += 12) {
            store32(dst, load32(a + 4 * i));
            store32(dst + 4, load32(b + 4 * i));
            store32(dst + 8, load32(c + 4 * i));
        }
    } else {
        for (size_t i = 0; i < pixels; i++, dst += 24) {
            store64(dst, load64(a + 8 * i));
            store64(dst + 8, load64(b + 8 * i));
            store64(dst + 16, load64(c + 8 * i));
        }
    }
}

/* Two planes of bytes: the halves of 16-bit samples, as RLE keeps them. */
FD_INLINE void interleave_2(uint8_t *dst, const uint8_t *a, const uint8_t *b, size_t pixels)
{
    size_t i = 0;
#if FD_HAS_AVX2 /* SSE2 is part of every x86-64 */
    for (; pixels - i >= 16; i += 16) {
        const __m128i x = _mm_loadu_si128((const __m128i *)(a + i)), y = _mm_loadu_si128((const __m128i *)(b + i));
        _mm_storeu_si128((__m128i *)(dst + 2 * i), _mm_unpacklo_epi8(x, y));
        _mm_storeu_si128((__m128i *)(dst + 2 * i + 16), _mm_unpackhi_epi8(x, y));
    }
#endif
    for (; i < pixels; i++) {
        dst[2 * i] = a[i];
        dst[2 * i + 1] = b[i];
    }
}

#if FD_HAS_AVX2
/* The three shuffles that put 16 bytes of plane p where they stand in 48 interleaved bytes; 0x80 leaves a zero to be or-ed. */
FD_TARGET_AVX2 FD_INLINE __m128i interleave_order(unsigned plane, unsigned part, unsigned bytes)
{
    uint8_t order[16];
    for (unsigned i = 0; i < 16; i++) {
        unsigned at = part * 16 + i, sample = at / bytes;
        order[i] = sample % 3 == plane ? (uint8_t)(sample / 3 * bytes + at % bytes) : 0x80u;
    }
    return _mm_loadu_si128((const __m128i *)order);
}

FD_TARGET_AVX2 static size_t interleave_3_avx2(uint8_t *dst, const uint8_t *a, const uint8_t *b, const uint8_t *c, size_t size,
                                               unsigned bytes)
{
    __m128i order[3][3];
    for (unsigned plane = 0; plane < 3; plane++)
        for (unsigned part = 0; part < 3; part++) order[plane][part] = interleave_order(plane, part, bytes);
    size_t i = 0;
    for (; size - i >= 16; i += 16, dst += 48) {
        __m128i x = _mm_loadu_si128((const __m128i *)(a + i));
        __m128i y = _mm_loadu_si128((const __m128i *)(b + i));
        __m128i z = _mm_loadu_si128((const __m128i *)(c + i));
        for (unsigned part = 0; part < 3; part++) {
            __m128i v = _mm_or_si128(_mm_shuffle_epi8(x, order[0][part]), _mm_shuffle_epi8(y, order[1][part]));
            _mm_storeu_si128((__m128i *)(dst + 16 * part), _mm_or_si128(v, _mm_shuffle_epi8(z, order[2][part])));
        }
    }
    return i;
}
#endif

fd_status fd_pixel_interleave(uint8_t *dst, size_t dst_size, const uint8_t *src, size_t src_size, unsigned bytes,
                              unsigned samples)
{
    if ((bytes != 1 && bytes != 2 && bytes != 4 && bytes != 8) || samples == 0 || samples > 65535) return FD_INVALID;
    if (dst_size % ((size_t)bytes * samples)) return FD_INVALID;
    if (src_size < dst_size) return FD_TRUNCATED;
    if (src_size > dst_size) return FD_INVALID;
    size_t pixels = dst_size / ((size_t)bytes * samples);
    if (pixels == 0) return FD_OK;
    if (samples == 2 && bytes == 1) {
        interleave_2(dst, src, src + pixels, pixels);
        return FD_OK;
    }
    if (samples != 3) {
        interleave_any(dst, src, pixels, bytes, samples);
        return FD_OK;
    }
    size_t plane = pixels * bytes, done = 0;
#if FD_HAS_AVX2
    if (use_simd()) done = interleave_3_avx2(dst, src, src + plane, src + 2 * plane, plane, bytes);
#endif
    interleave_3(dst + 3 * done, src + done, src + plane + done, src + 2 * plane + done, pixels - done / bytes, bytes);
    return FD_OK;
}

/* Colour */

FD_INLINE void expand_422_loop(uint8_t *dst, const uint8_t *src, size_t pairs, unsigned bytes)
{
    if (bytes == 1) {
        for (size_t i = 0; i < pairs; i++, dst += 6) {
            uint32_t v = little32(load32(src + 4 * i)); /* Cr Cb Y2 Y1, from the top */
            store32(dst, little32((v & 0xFFu) | (v >> 8 & 0xFFFF00u) | (v & 0xFF00u) << 16));
            store16(dst + 4, little16((uint16_t)(v >> 16)));
        }
        return;
    }
    for (size_t i = 0; i < pairs; i++, dst += 6u * bytes, src += 4u * bytes) {
        memcpy(dst, src, bytes);
        memcpy(dst + bytes, src + 2u * bytes, 2u * bytes);
        memcpy(dst + 3u * bytes, src + bytes, bytes);
        memcpy(dst + 4u * bytes, src + 2u * bytes, 2u * bytes);
    }
}

#if FD_HAS_AVX2
FD_TARGET_AVX2 static size_t expand_422_avx2(uint8_t *dst, const uint8_t *src, size_t pairs)
{
    /* 16 bytes are four pairs: 24 bytes out, stored as 16 and 8 */
    const __m128i low = _mm_setr_epi8(0, 2, 3, 1, 2, 3, 4, 6, 7, 5, 6, 7, 8, 10, 11, 9);
    const __m128i high = _mm_setr_epi8(10, 11, 12, 14, 15, 13, 14, 15, -1, -1, -1, -1, -1, -1, -1, -1);
    size_t i = 0;
    for (; pairs - i >= 4; i += 4) {
        __m128i v = _mm_loadu_si128((const __m128i *)(src + 4 * i));
        _mm_storeu_si128((__m128i *)(dst + 6 * i), _mm_shuffle_epi8(v, low));
        _mm_storel_epi64((__m128i *)(dst + 6 * i + 16), _mm_shuffle_epi8(v, high));
    }
    return i;
}
#endif

fd_status fd_pixel_expand_422(uint8_t *dst, size_t dst_size, const uint8_t *src, size_t src_size, unsigned bytes)
{
    if ((bytes != 1 && bytes != 2 && bytes != 4) || dst_size % (6u * bytes)) return FD_INVALID;
    size_t pairs = dst_size / (6u * bytes), needed = pairs * 4u * bytes;
    if (src_size < needed) return FD_TRUNCATED;
    if (src_size > needed) return FD_INVALID;
    if (pairs == 0) return FD_OK;
    size_t done = 0;
#if FD_HAS_AVX2
    if (bytes == 1 && use_simd()) done = expand_422_avx2(dst, src, pairs);
#endif
    if (bytes == 1)
        expand_422_loop(dst + 6 * done, src + 4 * done, pairs - done, 1);
    else if (bytes == 2)
        expand_422_loop(dst, src, pairs, 2);
    else
        expand_422_loop(dst, src, pairs, 4);
    return FD_OK;
}

/* PS3.3 C.7.6.3.1.2 turned round, in steps of 2^-22. The constants and the added 64 are chosen so that all 2^24 triples
 * come out as the exact formula rounded half up (a test walks through all of them). */
enum {
    YBR_BITS = 22,
    YBR_HALF = (1 << (YBR_BITS - 1)) + 64,
    YBR_RED_CR = 5880414,   /* 1.402 */
    YBR_GREEN_CB = 1443412, /* 0.114 * 1.772 / 0.587 */
    YBR_GREEN_CR = 2995305, /* 0.299 * 1.402 / 0.587 */
    YBR_BLUE_CB = 7432307   /* 1.772 */
};

FD_INLINE uint8_t clamp8(int32_t v) { return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v); }

/* An arithmetic shift of a negative number is what every compiler of ours does, but C leaves it open: shift a positive one. */
FD_INLINE int32_t ybr_round(int32_t v) { return (int32_t)(((uint32_t)v + 0x80000000u) >> YBR_BITS) - (1 << (31 - YBR_BITS)); }

FD_INLINE void ybr_loop(uint8_t *dst, const uint8_t *src, size_t pixels)
{
    for (size_t i = 0; i < pixels; i++, src += 3, dst += 3) {
        int32_t y = src[0], cb = src[1] - 128, cr = src[2] - 128;
        dst[0] = clamp8(y + ybr_round(YBR_RED_CR * cr + YBR_HALF));
        dst[1] = clamp8(y + ybr_round(YBR_HALF - YBR_GREEN_CB * cb - YBR_GREEN_CR * cr));
        dst[2] = clamp8(y + ybr_round(YBR_BLUE_CB * cb + YBR_HALF));
    }
}

#if FD_HAS_AVX2
/* Eight samples to 32 bits, the three channels of eight pixels, back to 16 bits. */
FD_TARGET_AVX2 FD_INLINE void ybr_8(__m128i y8, __m128i cb8, __m128i cr8, __m256i *r, __m256i *g, __m256i *b)
{
    const __m256i half = _mm256_set1_epi32(YBR_HALF), mid = _mm256_set1_epi32(128);
    __m256i y = _mm256_cvtepu8_epi32(y8);
    __m256i cb = _mm256_sub_epi32(_mm256_cvtepu8_epi32(cb8), mid), cr = _mm256_sub_epi32(_mm256_cvtepu8_epi32(cr8), mid);
    __m256i red = _mm256_add_epi32(_mm256_mullo_epi32(cr, _mm256_set1_epi32(YBR_RED_CR)), half);
    __m256i blue = _mm256_add_epi32(_mm256_mullo_epi32(cb, _mm256_set1_epi32(YBR_BLUE_CB)), half);
    __m256i green = _mm256_sub_epi32(half, _mm256_mullo_epi32(cb, _mm256_set1_epi32(YBR_GREEN_CB)));
    green = _mm256_sub_epi32(green, _mm256_mullo_epi32(cr, _mm256_set1_epi32(YBR_GREEN_CR)));
    *r = _mm256_add_epi32(y, _mm256_srai_epi32(red, YBR_BITS));
    *g = _mm256_add_epi32(y, _mm256_srai_epi32(green, YBR_BITS));
    *b = _mm256_add_epi32(y, _mm256_srai_epi32(blue, YBR_BITS));
}

/* Two times eight 32-bit values to 16 bytes, clamped. */
FD_TARGET_AVX2 FD_INLINE __m128i pack_16(__m256i first, __m256i second)
{
    __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(first, second), 0xD8);
    return _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
}

/* Byte i of channel `channel` from part `part` of 48 interleaved bytes. */
FD_TARGET_AVX2 FD_INLINE __m128i separate_order(unsigned channel, unsigned part)
{
    uint8_t order[16];
    for (unsigned i = 0; i < 16; i++) {
        unsigned at = 3 * i + channel;
        order[i] = at / 16 == part ? (uint8_t)(at % 16) : 0x80u;
    }
    return _mm_loadu_si128((const __m128i *)order);
}

FD_TARGET_AVX2 static size_t ybr_avx2(uint8_t *dst, const uint8_t *src, size_t pixels)
{
    __m128i apart[3][3], together[3][3];
    for (unsigned channel = 0; channel < 3; channel++) {
        for (unsigned part = 0; part < 3; part++) {
            apart[channel][part] = separate_order(channel, part);
            together[channel][part] = interleave_order(channel, part, 1);
        }
    }
    size_t i = 0;
    for (; pixels - i >= 16; i += 16) {
        __m128i in[3], plane[3], out[3];
        for (unsigned part = 0; part < 3; part++) in[part] = _mm_loadu_si128((const __m128i *)(src + 3 * i + 16 * part));
        for (unsigned channel = 0; channel < 3; channel++) {
            __m128i v = _mm_or_si128(_mm_shuffle_epi8(in[0], apart[channel][0]), _mm_shuffle_epi8(in[1], apart[channel][1]));
            plane[channel] = _mm_or_si128(v, _mm_shuffle_epi8(in[2], apart[channel][2]));
        }
        __m256i r0, g0, b0, r1, g1, b1;
        ybr_8(plane[0], plane[1], plane[2], &r0, &g0, &b0);
        ybr_8(_mm_srli_si128(plane[0], 8), _mm_srli_si128(plane[1], 8), _mm_srli_si128(plane[2], 8), &r1, &g1, &b1);
        out[0] = pack_16(r0, r1);
        out[1] = pack_16(g0, g1);
        out[2] = pack_16(b0, b1);
        for (unsigned part = 0; part < 3; part++) {
            __m128i v = _mm_or_si128(_mm_shuffle_epi8(out[0], together[0][part]), _mm_shuffle_epi8(out[1], together[1][part]));
            v = _mm_or_si128(v, _mm_shuffle_epi8(out[2], together[2][part]));
            _mm_storeu_si128((__m128i *)(dst + 3 * i + 16 * part), v);
        }
    }
    return i;
}
#endif

fd_status fd_pixel_ybr_to_rgb(uint8_t *dst, size_t dst_size, const uint8_t *src, size_t src_size)
{
    if (dst_size % 3) return FD_INVALID;
    if (src_size < dst_size) return FD_TRUNCATED;
    if (src_size > dst_size) return FD_INVALID;
    size_t pixels = dst_size / 3, done = 0;
    if (pixels == 0) return FD_OK;
#if FD_HAS_AVX2
    if (use_simd()) done = ybr_avx2(dst, src, pixels);
#endif
    ybr_loop(dst + 3 * done, src + 3 * done, pixels - done);
    return FD_OK;
}

/* Unused bits */

#define BLOCK ((size_t)4096) /* bytes after which it is asked whether to go on */

/* With h the weight of the sign bit (0 when there is none), v is clean when v + h has no bit above the stored ones. */
#define FD_DIRTY(bits)                                                                                                   \
    FD_INLINE uint##bits##_t dirty##bits(const uint8_t *p, size_t n, uint##bits##_t half, uint##bits##_t above)          \
    {                                                                                                                    \
        uint##bits##_t dirt = 0;                                                                                         \
        for (size_t i = 0; i < n; i++)                                                                                   \
            dirt |= (uint##bits##_t)((uint##bits##_t)(little##bits(load##bits(p + i * (bits / 8))) + half) & above);     \
        return dirt;                                                                                                     \
    }                                                                                                                    \
    FD_INLINE void clear##bits(uint8_t *p, size_t n, uint##bits##_t half, uint##bits##_t above)                          \
    {                                                                                                                    \
        for (size_t i = 0; i < n; i++) {                                                                                 \
            uint##bits##_t v = (uint##bits##_t)(little##bits(load##bits(p + i * (bits / 8))) & (uint##bits##_t) ~above); \
            store##bits(p + i * (bits / 8), little##bits((uint##bits##_t)((uint##bits##_t)(v ^ half) - half)));          \
        }                                                                                                                \
    }
FD_INLINE uint8_t load8(const uint8_t *p) { return *p; }

FD_INLINE void store8(uint8_t *p, uint8_t v) { *p = v; }

FD_INLINE uint8_t little8(uint8_t v) { return v; }

FD_DIRTY(8)
FD_DIRTY(16)
FD_DIRTY(32)
FD_DIRTY(64)

FD_INLINE bool dirty_loop(const uint8_t *src, size_t size, unsigned bytes, uint64_t half, uint64_t above)
{
    if (bytes == 1) return dirty8(src, size, (uint8_t)half, (uint8_t)above) != 0;
    if (bytes == 2) return dirty16(src, size / 2, (uint16_t)half, (uint16_t)above) != 0;
    if (bytes == 4) return dirty32(src, size / 4, (uint32_t)half, (uint32_t)above) != 0;
    return dirty64(src, size / 8, half, above) != 0;
}

FD_INLINE void clear_loop(uint8_t *data, size_t size, unsigned bytes, uint64_t half, uint64_t above)
{
    if (bytes == 1)
        clear8(data, size, (uint8_t)half, (uint8_t)above);
    else if (bytes == 2)
        clear16(data, size / 2, (uint16_t)half, (uint16_t)above);
    else if (bytes == 4)
        clear32(data, size / 4, (uint32_t)half, (uint32_t)above);
    else
        clear64(data, size / 8, half, above);
}

static bool dirty_portable(const uint8_t *src, size_t size, unsigned bytes, uint64_t half, uint64_t above)
{
    return dirty_loop(src, size, bytes, half, above);
}

static void clear_portable(uint8_t *data, size_t size, unsigned bytes, uint64_t half, uint64_t above)
{
    clear_loop(data, size, bytes, half, above);
}

#if FD_HAS_AVX2
FD_TARGET_AVX2 static bool dirty_avx2(const uint8_t *src, size_t size, unsigned bytes, uint64_t half, uint64_t above)
{
    return dirty_loop(src, size, bytes, half, above);
}

FD_TARGET_AVX2 static void clear_avx2(uint8_t *data, size_t size, unsigned bytes, uint64_t half, uint64_t above)
{
    clear_loop(data, size, bytes, half, above);
}
#endif

static fd_status unused_masks(size_t size, unsigned bytes, unsigned stored, bool is_signed, uint64_t *half, uint64_t *above)
{
    if ((bytes != 1 && bytes != 2 && bytes != 4 && bytes != 8) || size % bytes) return FD_INVALID;
    if (stored == 0 || stored > 8 * bytes) return FD_INVALID;
    *half = is_signed && stored < 8 * bytes ? (uint64_t)1 << (stored - 1) : 0;
    *above = stored == 64 ? 0 : ~(uint64_t)0 << stored;
    return FD_OK;
}

static bool is_dirty(const uint8_t *src, size_t size, unsigned bytes, uint64_t half, uint64_t above)
{
#if FD_HAS_AVX2
    if (use_simd()) return dirty_avx2(src, size, bytes, half, above);
#endif
    return dirty_portable(src, size, bytes, half, above);
}

/* What a decoder wrote last is still near the processor, so its samples are looked at from the end on, a block at a time; what lies
 * before a block is asked for meanwhile. The answer is the start of the block in front of `end`. */
static size_t block_before(const uint8_t *data, size_t end)
{
    const size_t at = (end - 1) / BLOCK * BLOCK;
    for (size_t i = 0; i < BLOCK && i < at; i += 64) FD_PREFETCH(data + at - 1 - i);
    return at;
}

fd_status fd_pixel_unused_clean(const uint8_t *src, size_t src_size, unsigned bytes, unsigned stored, bool is_signed,
                                bool from_end, bool *clean)
{
    uint64_t half, above;
    fd_status status = unused_masks(src_size, bytes, stored, is_signed, &half, &above);
    if (status != FD_OK) return status;
    *clean = true;
    if (stored == 8 * bytes) return FD_OK;
    if (from_end) {
        for (size_t end = src_size, at; end > 0 && *clean; end = at) {
            at = block_before(src, end);
            *clean = !is_dirty(src + at, end - at, bytes, half, above);
        }
        return FD_OK;
    }
    const size_t block = 8 * BLOCK;
    for (size_t at = 0; at < src_size && *clean; at += block)
        *clean = !is_dirty(src + at, src_size - at < block ? src_size - at : block, bytes, half, above);
    return FD_OK;
}

fd_status fd_pixel_clear_unused(uint8_t *data, size_t size, unsigned bytes, unsigned stored, bool is_signed)
{
    uint64_t half, above;
    fd_status status = unused_masks(size, bytes, stored, is_signed, &half, &above);
    if (status != FD_OK || stored == 8 * bytes) return status;
    for (size_t end = size, at; end > 0; end = at) {
        at = block_before(data, end);
        if (!is_dirty(data + at, end - at, bytes, half, above)) continue; /* mostly, and to look costs less than to write */
#if FD_HAS_AVX2
        if (use_simd()) {
            clear_avx2(data + at, end - at, bytes, half, above);
            continue;
        }
#endif
        clear_portable(data + at, end - at, bytes, half, above);
    }
    return FD_OK;
}

fd_status fd_pixel_shift(uint8_t *data, size_t size, unsigned bytes, unsigned shift)
{
    if ((bytes != 1 && bytes != 2 && bytes != 4 && bytes != 8) || size % bytes || shift >= 8 * bytes) return FD_INVALID;
    if (shift == 0) return FD_OK;
    if (bytes == 1) {
        for (size_t i = 0; i < size; i++) data[i] = (uint8_t)(data[i] >> shift);
    } else if (bytes == 2) {
        for (size_t i = 0; i < size; i += 2) store16(data + i, little16((uint16_t)(little16(load16(data + i)) >> shift)));
    } else if (bytes == 4) {
        for (size_t i = 0; i < size; i += 4) store32(data + i, little32(little32(load32(data + i)) >> shift));
    } else {
        for (size_t i = 0; i < size; i += 8) store64(data + i, little64(little64(load64(data + i)) >> shift));
    }
    return FD_OK;
}

fd_status fd_pixel_bit(uint8_t *dst, size_t dst_size, const uint8_t *src, size_t src_size, unsigned bytes, unsigned bit)
{
    if ((bytes != 1 && bytes != 2 && bytes != 4 && bytes != 8) || src_size % bytes || bit >= 8 * bytes) return FD_INVALID;
    if (src_size / bytes < dst_size) return FD_TRUNCATED;
    if (src_size / bytes > dst_size) return FD_INVALID;
    const uint8_t *p = src + bit / 8;
    for (size_t i = 0; i < dst_size; i++) dst[i] = (uint8_t)(p[i * bytes] >> bit % 8 & 1u);
    return FD_OK;
}
