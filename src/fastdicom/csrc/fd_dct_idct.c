#include "fd_dct_idct.h"

#include "fd_bmi2.h"

/* Loeffler, Ligtenberg and Moschytz, "Practical Fast 1-D DCT Algorithms with 11 Multiplications" (1989): its constants. */
enum {
    POINT = 13,
    C_0_298 = 2446,
    C_0_390 = 3196,
    C_0_541 = 4433,
    C_0_765 = 6270,
    C_0_899 = 7373,
    C_1_175 = 9633,
    C_1_501 = 12299,
    C_1_847 = 15137,
    C_1_961 = 16069,
    C_2_053 = 16819,
    C_2_562 = 20995,
    C_3_072 = 25172,
};
enum { BETWEEN_8 = 2, BETWEEN_12 = 1 }; /* bits behind the point between columns and rows */

/* A column makes no more than 1.3871 x the sum of its coefficients, 8 x the samples. So with these nothing overflows in 32 bits, nor
 * in the 16 bits in which others have their sums of two, and what comes out is clipped by all alike. Encoders come to 1,024 x 1.13
 * and 16,384 x 1.13: half of the largest step is added to what a block of black and white can have. */
enum {
    MOST_8 = 4095,          /* of a coefficient x its step */
    MOST_12 = 20000,        /* the same */
    MOST_BETWEEN_8 = 16383, /* of a number between columns and rows */
    MOST_ROW_12 = 94000,    /* the sum of those of a row: beyond 4 x the range of samples libjpeg's clipping goes round */
};

/* clang-format off */
/* Rows and columns in zigzag: T.81 figure A.6. */
#define ZIGZAG(X) \
    X(0, 0), X(0, 1), X(1, 0), X(2, 0), X(1, 1), X(0, 2), X(0, 3), X(1, 2), \
    X(2, 1), X(3, 0), X(4, 0), X(3, 1), X(2, 2), X(1, 3), X(0, 4), X(0, 5), \
    X(1, 4), X(2, 3), X(3, 2), X(4, 1), X(5, 0), X(6, 0), X(5, 1), X(4, 2), \
    X(3, 3), X(2, 4), X(1, 5), X(0, 6), X(0, 7), X(1, 6), X(2, 5), X(3, 4), \
    X(4, 3), X(5, 2), X(6, 1), X(7, 0), X(7, 1), X(6, 2), X(5, 3), X(4, 4), \
    X(3, 5), X(2, 6), X(1, 7), X(2, 7), X(3, 6), X(4, 5), X(5, 4), X(6, 3), \
    X(7, 2), X(7, 3), X(6, 4), X(5, 5), X(4, 6), X(3, 7), X(4, 7), X(5, 6), \
    X(6, 5), X(7, 4), X(7, 5), X(6, 6), X(5, 7), X(6, 7), X(7, 6), X(7, 7),
#define NATURAL(row, column) (row) * 8 + (column)
/* clang-format on */

bool fd_dct_make_steps(fd_dct_steps *steps, const fd_dct_way *way, const uint16_t *zigzag, unsigned precision)
{
    const unsigned most = precision == 8 ? MOST_8 : MOST_12;
    for (unsigned k = 0; k < 64; k++) {
        if (!zigzag[k]) return false;
        const unsigned limit = most / zigzag[k];
        steps->step[way->order[k]] = (int16_t)(limit ? zigzag[k] : 1);
        steps->most[way->order[k]] = (uint16_t)limit;
    }
    return true;
}

int fd_dct_flat(int dc, const fd_dct_steps *steps, unsigned precision)
{
    const int middle = 1 << (precision - 1), most = steps->most[0];
    if (dc > most || dc < -most) return -1;
    const int sample = ((dc * steps->step[0] + 4) >> 3) + middle; /* the bits between columns and rows are 0 */
    return sample < 0 ? 0 : sample >= 2 * middle ? 2 * middle - 1 : sample;
}

/* portable */

typedef uint32_t line[8]; /* numbers of 32 bits with a sign, in which overflow, of wild blocks alone, is defined */

FD_INLINE uint32_t down(uint32_t x, unsigned shift) { return (uint32_t)((int32_t)x >> shift); }

/* Eight columns at once, which a compiler may take side by side: in[k][c] -> out[n][c]. */
FD_INLINE void transform_columns(const line *restrict in, line *restrict out, unsigned round, unsigned shift)
{
    for (unsigned c = 0; c < 8; c++) {
        const uint32_t z1 = (in[2][c] + in[6][c]) * C_0_541;
        const uint32_t e2 = z1 - in[6][c] * C_1_847, e3 = z1 + in[2][c] * C_0_765;
        const uint32_t e0 = ((in[0][c] + in[4][c]) << POINT) + round, e1 = ((in[0][c] - in[4][c]) << POINT) + round;
        const uint32_t z5 = (in[1][c] + in[3][c] + in[5][c] + in[7][c]) * C_1_175;
        const uint32_t z3 = z5 - (in[3][c] + in[7][c]) * C_1_961, z4 = z5 - (in[1][c] + in[5][c]) * C_0_390;
        const uint32_t y1 = (in[1][c] + in[7][c]) * C_0_899, y2 = (in[3][c] + in[5][c]) * C_2_562;
        const uint32_t o0 = in[1][c] * C_1_501 - y1 + z4, o1 = in[3][c] * C_3_072 - y2 + z3;
        const uint32_t o2 = in[5][c] * C_2_053 - y2 + z4, o3 = in[7][c] * C_0_298 - y1 + z3;
        out[0][c] = down(e0 + e3 + o0, shift);
        out[1][c] = down(e1 + e2 + o1, shift);
        out[2][c] = down(e1 - e2 + o2, shift);
        out[3][c] = down(e0 - e3 + o3, shift);
        out[4][c] = down(e0 - e3 - o3, shift);
        out[5][c] = down(e1 - e2 - o2, shift);
        out[6][c] = down(e1 + e2 - o1, shift);
        out[7][c] = down(e0 + e3 - o0, shift);
    }
}

FD_INLINE void turn(const line *restrict in, line *restrict out)
{
    for (unsigned r = 0; r < 8; r++)
        for (unsigned c = 0; c < 8; c++) out[c][r] = in[r][c];
}

static uint32_t size_of(uint32_t x) { return x >> 31 ? 0 - x : x; }

/* Of the rows of a block: is there one whose numbers, or whose sum, is beyond what is known to fit? */
FD_INLINE unsigned is_wild_between(const line *w, unsigned precision)
{
    uint32_t beyond = 0;
    for (unsigned r = 0; r < 8; r++) {
        uint32_t sum = 0;
        for (unsigned c = 0; c < 8; c++) {
            const uint32_t size = size_of(w[r][c]); /* at most 2^20: no sum of them overflows */
            beyond |= precision == 8 && size > MOST_BETWEEN_8;
            sum += size;
        }
        beyond |= precision == 12 && sum > MOST_ROW_12;
    }
    return beyond;
}

/* Coefficients by their steps. Is one of them wild? */
FD_INLINE unsigned multiply(const int16_t *restrict block, const fd_dct_steps *restrict steps, uint32_t *restrict values)
{
    uint16_t beyond = 0;
    for (unsigned i = 0; i < 64; i++) {
        const uint16_t size = (uint16_t)(block[i] < 0 ? -block[i] : block[i]);
        beyond = (uint16_t)(beyond | (size > steps->most[i] ? 1 : 0));
    }
    for (unsigned i = 0; i < 64; i++) values[i] = (uint32_t)(block[i] * steps->step[i]);
    return beyond;
}

FD_INLINE unsigned transform(int16_t *block, const fd_dct_steps *steps, line *out, unsigned precision)
{
    const unsigned between = precision == 8 ? BETWEEN_8 : BETWEEN_12, first = POINT - between, second = POINT + between + 3;
    const uint32_t middle = (uint32_t)1 << (precision - 1);
    uint32_t values[64];
    line columns[8], turned[8], rows[8];
    unsigned wild = multiply(block, steps, values);
    memset(block, 0, 64 * sizeof *block);
    transform_columns((const line *)(const void *)values, columns, (uint32_t)1 << (first - 1), first);
    wild |= is_wild_between((const line *)columns, precision);
    turn((const line *)columns, turned);
    transform_columns((const line *)turned, rows, ((uint32_t)1 << (second - 1)) + (middle << second), second);
    turn((const line *)rows, out);
    return wild;
}

static uint32_t clipped(uint32_t x, uint32_t most) { return x >> 31 ? 0 : x > most ? most : x; }

static unsigned portable_8(int16_t *block, const fd_dct_steps *steps, uint8_t *out, size_t pitch)
{
    line rows[8];
    const unsigned wild = transform(block, steps, rows, 8);
    for (unsigned y = 0; y < 8; y++)
        for (unsigned x = 0; x < 8; x++) out[y * pitch + x] = (uint8_t)clipped(rows[y][x], 255);
    return wild;
}

static unsigned portable_12(int16_t *block, const fd_dct_steps *steps, uint8_t *out, size_t pitch)
{
    line rows[8];
    const unsigned wild = transform(block, steps, rows, 12);
    for (unsigned y = 0; y < 8; y++) {
        for (unsigned x = 0; x < 8; x++) {
            const uint32_t sample = clipped(rows[y][x], 4095);
            out[y * pitch + 2 * x] = (uint8_t)sample;
            out[y * pitch + 2 * x + 1] = (uint8_t)(sample >> 8);
        }
    }
    return wild;
}

#if FD_HAVE_BMI2
#include <immintrin.h>

#define TARGET __attribute__((target("avx2,bmi2")))

/* A column's coefficients k and k + 4 stand side by side, so that one instruction multiplies both and adds them up. Four such vectors
 * are a block; their columns stand in the order 0, 4, 1, 5, 2, 6, 3, 7, so that columns that are such a pair for the rows will again
 * stand side by side. */
#define PLACE(row, column) (((row)&3) * 16 + ((((column)&3) << 1) | (column) >> 2) * 2 + ((row) >> 2))

typedef struct octet {
    __m256i v[8];
} octet;

#define PAIR(a, b) _mm256_set1_epi32((int)((uint32_t)(uint16_t)(int16_t)(a) | (uint32_t)(uint16_t)(int16_t)(b) << 16))
#define PRODUCTS(x, a, b) _mm256_madd_epi16(x, PAIR(a, b))

/* Eight columns; p[k] has the pairs k and k + 4. The constants are those above, added up: what each coefficient is multiplied by on its
 * way. */
TARGET FD_INLINE octet columns_of(const __m256i *p, int round, unsigned shift)
{
    const __m256i half = _mm256_set1_epi32(round);
    const __m256i e0 = _mm256_add_epi32(PRODUCTS(p[0], 1 << POINT, 1 << POINT), half);
    const __m256i e1 = _mm256_add_epi32(PRODUCTS(p[0], 1 << POINT, -(1 << POINT)), half);
    const __m256i e2 = PRODUCTS(p[2], C_0_541, C_0_541 - C_1_847), e3 = PRODUCTS(p[2], C_0_541 + C_0_765, C_0_541);
    const __m256i even[4] = {_mm256_add_epi32(e0, e3), _mm256_add_epi32(e1, e2), _mm256_sub_epi32(e1, e2),
                             _mm256_sub_epi32(e0, e3)};
    const __m256i odd[4] = {
        _mm256_add_epi32(PRODUCTS(p[1], C_1_501 - C_0_899 - C_0_390 + C_1_175, C_1_175 - C_0_390),
                         PRODUCTS(p[3], C_1_175, C_1_175 - C_0_899)),
        _mm256_add_epi32(PRODUCTS(p[1], C_1_175, C_1_175 - C_2_562),
                         PRODUCTS(p[3], C_3_072 - C_2_562 - C_1_961 + C_1_175, C_1_175 - C_1_961)),
        _mm256_add_epi32(PRODUCTS(p[1], C_1_175 - C_0_390, C_2_053 - C_2_562 - C_0_390 + C_1_175),
                         PRODUCTS(p[3], C_1_175 - C_2_562, C_1_175)),
        _mm256_add_epi32(PRODUCTS(p[1], C_1_175 - C_0_899, C_1_175),
                         PRODUCTS(p[3], C_1_175 - C_1_961, C_0_298 - C_0_899 - C_1_961 + C_1_175)),
    };
    octet out;
    for (int n = 0; n < 4; n++) {
        out.v[n] = _mm256_srai_epi32(_mm256_add_epi32(even[n], odd[n]), (int)shift);
        out.v[7 - n] = _mm256_srai_epi32(_mm256_sub_epi32(even[n], odd[n]), (int)shift);
    }
    return out;
}

/* The columns of a block, which is cleared. */
TARGET FD_INLINE octet columns_of_block(int16_t *block, const fd_dct_steps *steps, unsigned between, __m256i *wild)
{
    const unsigned shift = POINT - between;
    __m256i p[4];
    for (int k = 0; k < 4; k++) {
        __m256i *at = (__m256i *)(void *)(block + 16 * k);
        const __m256i held = _mm256_load_si256(at);
        const __m256i most = _mm256_load_si256((const __m256i *)(const void *)(steps->most + 16 * k));
        const __m256i step = _mm256_load_si256((const __m256i *)(const void *)(steps->step + 16 * k));
        *wild = _mm256_or_si256(*wild, _mm256_subs_epu16(_mm256_abs_epi16(held), most));
        p[k] = _mm256_mullo_epi16(held, step);
        _mm256_store_si256(at, _mm256_setzero_si256());
    }
    return columns_of(p, 1 << (shift - 1), shift);
}

FD_INLINE TARGET void store_half(uint8_t *at, __m128i x) { _mm_storel_epi64((__m128i *)(void *)at, x); }

TARGET static unsigned avx2_8(int16_t *block, const fd_dct_steps *steps, uint8_t *out, size_t pitch)
{
    const unsigned shift = POINT + BETWEEN_8 + 3;
    __m256i wild = _mm256_setzero_si256(), largest = wild, p[4], q[4], pairs[4];
    const octet w = columns_of_block(block, steps, BETWEEN_8, &wild);
    for (int i = 0; i < 4; i++) { /* rows 2i and 2i + 1; in the first half the pairs of columns 04 15, in the second 26 37 */
        p[i] = _mm256_packs_epi32(w.v[2 * i], w.v[2 * i + 1]);
        largest = _mm256_max_epu16(largest, _mm256_abs_epi16(p[i]));
    }
    wild = _mm256_or_si256(wild, _mm256_subs_epu16(largest, _mm256_set1_epi16(MOST_BETWEEN_8)));
    for (int i = 0; i < 4; i += 2) { /* even rows; odd ones */
        q[i] = i ? _mm256_unpackhi_epi32(p[0], p[1]) : _mm256_unpacklo_epi32(p[0], p[1]);
        q[i + 1] = i ? _mm256_unpackhi_epi32(p[2], p[3]) : _mm256_unpacklo_epi32(p[2], p[3]);
    }
    const __m256i even02 = _mm256_unpacklo_epi64(q[0], q[1]), even13 = _mm256_unpackhi_epi64(q[0], q[1]);
    const __m256i odd02 = _mm256_unpacklo_epi64(q[2], q[3]), odd13 = _mm256_unpackhi_epi64(q[2], q[3]);
    pairs[0] = _mm256_permute2x128_si256(even02, odd02, 0x20); /* of rows 0 2 4 6, 1 3 5 7 */
    pairs[2] = _mm256_permute2x128_si256(even02, odd02, 0x31);
    pairs[1] = _mm256_permute2x128_si256(even13, odd13, 0x20);
    pairs[3] = _mm256_permute2x128_si256(even13, odd13, 0x31);
    const octet s = columns_of(pairs, 1 << (shift - 1), shift);
    const __m256i turn = _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
    const __m256i left =
        _mm256_shuffle_epi8(_mm256_packs_epi16(_mm256_packs_epi32(s.v[0], s.v[1]), _mm256_packs_epi32(s.v[2], s.v[3])), turn);
    const __m256i right =
        _mm256_shuffle_epi8(_mm256_packs_epi16(_mm256_packs_epi32(s.v[4], s.v[5]), _mm256_packs_epi32(s.v[6], s.v[7])), turn);
    const __m256i middle = _mm256_set1_epi8((char)0x80);
    const __m256i rows[2] = {_mm256_xor_si256(_mm256_unpacklo_epi32(left, right), middle),
                             _mm256_xor_si256(_mm256_unpackhi_epi32(left, right), middle)};
    for (size_t i = 0; i < 2; i++) {
        const __m128i low = _mm256_castsi256_si128(rows[i]), high = _mm256_extracti128_si256(rows[i], 1);
        store_half(out + 4 * i * pitch, low);
        store_half(out + (4 * i + 1) * pitch, high);
        store_half(out + (4 * i + 2) * pitch, _mm_unpackhi_epi64(low, low));
        store_half(out + (4 * i + 3) * pitch, _mm_unpackhi_epi64(high, high));
    }
    return !_mm256_testz_si256(wild, wild);
}

/* Eight rows of columns 0 4 1 5 2 6 3 7 to eight columns in order. */
TARGET FD_INLINE octet turned(const octet *w)
{
    __m256i pair[8], four[8];
    octet out;
    for (int i = 0; i < 4; i++) {
        pair[2 * i] = _mm256_unpacklo_epi32(w->v[2 * i], w->v[2 * i + 1]);     /* 0 4, 2 6 */
        pair[2 * i + 1] = _mm256_unpackhi_epi32(w->v[2 * i], w->v[2 * i + 1]); /* 1 5, 3 7 */
    }
    for (int i = 0; i < 2; i++) {
        four[4 * i] = _mm256_unpacklo_epi64(pair[4 * i], pair[4 * i + 2]);     /* 0, 2 */
        four[4 * i + 1] = _mm256_unpackhi_epi64(pair[4 * i], pair[4 * i + 2]); /* 4, 6 */
        four[4 * i + 2] = _mm256_unpacklo_epi64(pair[4 * i + 1], pair[4 * i + 3]);
        four[4 * i + 3] = _mm256_unpackhi_epi64(pair[4 * i + 1], pair[4 * i + 3]);
    }
    out.v[0] = _mm256_permute2x128_si256(four[0], four[4], 0x20);
    out.v[2] = _mm256_permute2x128_si256(four[0], four[4], 0x31);
    out.v[4] = _mm256_permute2x128_si256(four[1], four[5], 0x20);
    out.v[6] = _mm256_permute2x128_si256(four[1], four[5], 0x31);
    out.v[1] = _mm256_permute2x128_si256(four[2], four[6], 0x20);
    out.v[3] = _mm256_permute2x128_si256(four[2], four[6], 0x31);
    out.v[5] = _mm256_permute2x128_si256(four[3], four[7], 0x20);
    out.v[7] = _mm256_permute2x128_si256(four[3], four[7], 0x31);
    return out;
}

TARGET FD_INLINE __m256i times(__m256i x, int constant) { return _mm256_mullo_epi32(x, _mm256_set1_epi32(constant)); }

/* As transform_columns above: 12-bit samples have more than 16 bits between columns and rows. */
TARGET FD_INLINE octet wide_rows(const octet *in, int round, int shift)
{
    const __m256i *x = in->v, half = _mm256_set1_epi32(round);
    const __m256i z1 = times(_mm256_add_epi32(x[2], x[6]), C_0_541);
    const __m256i e2 = _mm256_sub_epi32(z1, times(x[6], C_1_847)), e3 = _mm256_add_epi32(z1, times(x[2], C_0_765));
    const __m256i e0 = _mm256_add_epi32(_mm256_slli_epi32(_mm256_add_epi32(x[0], x[4]), POINT), half);
    const __m256i e1 = _mm256_add_epi32(_mm256_slli_epi32(_mm256_sub_epi32(x[0], x[4]), POINT), half);
    const __m256i even[4] = {_mm256_add_epi32(e0, e3), _mm256_add_epi32(e1, e2), _mm256_sub_epi32(e1, e2),
                             _mm256_sub_epi32(e0, e3)};
    const __m256i y3 = _mm256_add_epi32(x[3], x[7]), y4 = _mm256_add_epi32(x[1], x[5]);
    const __m256i z5 = times(_mm256_add_epi32(y3, y4), C_1_175);
    const __m256i z3 = _mm256_sub_epi32(z5, times(y3, C_1_961)), z4 = _mm256_sub_epi32(z5, times(y4, C_0_390));
    const __m256i y1 = times(_mm256_add_epi32(x[1], x[7]), C_0_899), y2 = times(_mm256_add_epi32(x[3], x[5]), C_2_562);
    const __m256i odd[4] = {
        _mm256_add_epi32(_mm256_sub_epi32(times(x[1], C_1_501), y1), z4),
        _mm256_add_epi32(_mm256_sub_epi32(times(x[3], C_3_072), y2), z3),
        _mm256_add_epi32(_mm256_sub_epi32(times(x[5], C_2_053), y2), z4),
        _mm256_add_epi32(_mm256_sub_epi32(times(x[7], C_0_298), y1), z3),
    };
    octet out;
    for (int n = 0; n < 4; n++) {
        out.v[n] = _mm256_srai_epi32(_mm256_add_epi32(even[n], odd[n]), shift);
        out.v[7 - n] = _mm256_srai_epi32(_mm256_sub_epi32(even[n], odd[n]), shift);
    }
    return out;
}

FD_INLINE TARGET void store_row(uint8_t *at, __m128i x) { _mm_storeu_si128((__m128i *)(void *)at, x); }

TARGET static unsigned avx2_12(int16_t *block, const fd_dct_steps *steps, uint8_t *out, size_t pitch)
{
    enum { SHIFT = POINT + BETWEEN_12 + 3 };
    __m256i wild = _mm256_setzero_si256(), p[4];
    const octet w = columns_of_block(block, steps, BETWEEN_12, &wild), columns = turned(&w);
    __m256i sum = _mm256_abs_epi32(columns.v[0]);
    for (int i = 1; i < 8; i++) sum = _mm256_add_epi32(sum, _mm256_abs_epi32(columns.v[i]));
    wild = _mm256_or_si256(wild, _mm256_cmpgt_epi32(sum, _mm256_set1_epi32(MOST_ROW_12)));
    const octet s = wide_rows(&columns, (1 << (SHIFT - 1)) + (2048 << SHIFT), SHIFT);
    for (int i = 0; i < 4; i++) /* 0 4, 1 5, 2 6, 3 7 */
        p[i] = _mm256_min_epu16(_mm256_packus_epi32(s.v[i], s.v[i + 4]), _mm256_set1_epi16(4095));
    const __m256i left[2] = {_mm256_unpacklo_epi16(p[0], p[1]), _mm256_unpacklo_epi16(p[2], p[3])};
    const __m256i right[2] = {_mm256_unpackhi_epi16(p[0], p[1]), _mm256_unpackhi_epi16(p[2], p[3])};
    for (size_t i = 0; i < 2; i++) { /* rows 0 1, 4 5; 2 3, 6 7 */
        const __m256i a = i ? _mm256_unpackhi_epi32(left[0], left[1]) : _mm256_unpacklo_epi32(left[0], left[1]);
        const __m256i b = i ? _mm256_unpackhi_epi32(right[0], right[1]) : _mm256_unpacklo_epi32(right[0], right[1]);
        const __m256i first = _mm256_unpacklo_epi64(a, b), second = _mm256_unpackhi_epi64(a, b);
        store_row(out + 2 * i * pitch, _mm256_castsi256_si128(first));
        store_row(out + (2 * i + 1) * pitch, _mm256_castsi256_si128(second));
        store_row(out + (2 * i + 4) * pitch, _mm256_extracti128_si256(first, 1));
        store_row(out + (2 * i + 5) * pitch, _mm256_extracti128_si256(second, 1));
    }
    return !_mm256_testz_si256(wild, wild);
}
#endif

static const fd_dct_way PORTABLE = {{ZIGZAG(NATURAL)}, portable_8, portable_12};
#if FD_HAVE_BMI2
static const fd_dct_way AVX2 = {{ZIGZAG(PLACE)}, avx2_8, avx2_12};
#endif

const fd_dct_way *fd_dct_way_of(bool fast)
{
#if FD_HAVE_BMI2
    return fast ? &AVX2 : &PORTABLE;
#else
    (void)fast;
    return &PORTABLE;
#endif
}
