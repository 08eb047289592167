#include "fd_stream_jxl.h"

/* Bits come from the least significant end of each byte. Behind the end are zeros; `dry` says that some were taken. */
typedef struct bits {
    const uint8_t *src;
    uint64_t at, count;
    bool dry;
} bits;

/* One of four ways to write a number: `base` + so many bits (18181-1, U32). */
typedef struct way {
    uint32_t base;
    uint8_t bits;
} way;

static uint32_t take(bits *b, unsigned n)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < n; i++, b->at++) {
        if (b->at >= b->count) {
            b->dry = true;
            return 0;
        }
        value |= (uint32_t)(b->src[b->at >> 3] >> (b->at & 7) & 1) << i;
    }
    return value;
}

static bool flag(bits *b) { return take(b, 1) != 0; }

static uint32_t number(bits *b, const way ways[4])
{
    const way *w = &ways[take(b, 2)];
    return w->base + take(b, w->bits);
}

static uint32_t enumerated(bits *b)
{
    static const way ways[4] = {{0, 0}, {1, 0}, {2, 4}, {18, 6}};
    return number(b, ways);
}

/* Columns that follow from the rows by one of the usual ratios; ratio 0 is none. */
static uint32_t by_ratio(uint32_t rows, unsigned ratio)
{
    static const uint8_t across[8] = {0, 1, 12, 4, 3, 16, 5, 2}, down[8] = {1, 1, 10, 3, 2, 9, 4, 1};
    const uint64_t columns = (uint64_t)rows * across[ratio] / down[ratio];
    return columns > UINT32_MAX ? UINT32_MAX : (uint32_t)columns;
}

static void read_size(bits *b, uint32_t *rows, uint32_t *columns)
{
    static const way ways[4] = {{1, 9}, {1, 13}, {1, 18}, {1, 30}};
    const bool is_small = flag(b);
    *rows = is_small ? 8 * (take(b, 5) + 1) : number(b, ways);
    const unsigned ratio = take(b, 3);
    if (ratio)
        *columns = by_ratio(*rows, ratio);
    else
        *columns = is_small ? 8 * (take(b, 5) + 1) : number(b, ways);
}

static void skip_preview(bits *b)
{
    static const way eighths[4] = {{16, 0}, {32, 0}, {1, 5}, {33, 9}}, plain[4] = {{1, 6}, {65, 8}, {321, 10}, {1345, 12}};
    const way *ways = flag(b) ? eighths : plain;
    number(b, ways);
    if (take(b, 3) == 0) number(b, ways);
}

static void skip_animation(bits *b)
{
    static const way numerator[4] = {{100, 0}, {1000, 0}, {1, 10}, {1, 30}},
                     denominator[4] = {{1, 0}, {1001, 0}, {1, 8}, {1, 10}};
    static const way loops[4] = {{0, 0}, {0, 3}, {0, 16}, {0, 32}};
    number(b, numerator);
    number(b, denominator);
    number(b, loops);
    flag(b);
}

static void read_depth(bits *b, uint8_t *precision, uint8_t *is_float)
{
    static const way whole[4] = {{8, 0}, {10, 0}, {12, 0}, {1, 6}}, floating[4] = {{32, 0}, {16, 0}, {24, 0}, {1, 6}};
    *is_float = flag(b);
    *precision = (uint8_t)number(b, *is_float ? floating : whole);
    if (*is_float) take(b, 4); /* bits of the exponent */
}

static void read_extra(bits *b, fd_stream_header *h)
{
    static const way shift[4] = {{0, 0}, {3, 0}, {4, 0}, {1, 3}}, name[4] = {{0, 0}, {0, 4}, {16, 5}, {48, 10}};
    static const way filter[4] = {{1, 0}, {0, 2}, {3, 4}, {19, 8}};
    uint8_t precision, is_float;
    if (flag(b)) { /* all as usual: 8 bits of alpha */
        h->has_alpha = 1;
        return;
    }
    const uint32_t type = enumerated(b);
    read_depth(b, &precision, &is_float);
    number(b, shift);
    const uint32_t length = number(b, name);
    for (uint32_t i = 0; i < length && !b->dry; i++) take(b, 8);
    if (type == 0) { /* alpha; associated? */
        h->has_alpha = 1;
        flag(b);
    } else if (type == 2) { /* a spot colour: four half floats */
        for (unsigned i = 0; i < 4; i++) take(b, 16);
    } else if (type == 5) { /* colour filter array */
        number(b, filter);
    }
}

static void read_colour(bits *b, fd_stream_header *h)
{
    h->colour = FD_COLOUR_RGB;
    if (flag(b)) return; /* all as usual: sRGB */
    flag(b);             /* an ICC profile follows; the kind of colour is told all the same */
    const uint32_t space = enumerated(b);
    h->colour = space == 0 ? FD_COLOUR_RGB : space == 1 ? FD_COLOUR_GRAY : FD_COLOUR_OTHER;
}

static void read_metadata(bits *b, fd_stream_header *h)
{
    static const way channels[4] = {{0, 0}, {1, 0}, {2, 4}, {1, 12}};
    h->precision[0] = 8;
    h->is_xyb = 1;
    h->colour = FD_COLOUR_RGB;
    if (flag(b)) return; /* all as usual */
    if (flag(b)) {
        uint32_t rows, columns;
        h->orientation = (uint8_t)(1 + take(b, 3));
        if (flag(b)) read_size(b, &rows, &columns); /* the size at which it is to be shown */
        if (flag(b)) skip_preview(b);
        if (flag(b)) skip_animation(b);
    }
    read_depth(b, &h->precision[0], &h->is_float);
    flag(b); /* 16 bits are enough for a decoder's buffers */
    h->extra = number(b, channels);
    for (uint32_t i = 0; i < h->extra && !b->dry; i++) read_extra(b, h);
    h->is_xyb = flag(b);
    read_colour(b, h);
}

fd_status fd_stream_read_jxl(const uint8_t *src, size_t size, fd_stream_header *header, const char **reason)
{
    header->format = FD_STREAM_JXL;
    if (size < 2 || src[0] != 0xFF || src[1] != 0x0A) {
        *reason = "the JPEG XL codestream does not begin as one";
        return FD_INVALID;
    }
    bits b = {.src = src + 2, .count = 8 * (uint64_t)(size - 2)};
    read_size(&b, &header->rows, &header->columns);
    read_metadata(&b, header);
    if (b.dry) {
        *reason = "the JPEG XL header is cut off";
        return FD_TRUNCATED;
    }
    header->components = header->colour == FD_COLOUR_GRAY ? 1 : 3;
    for (unsigned i = 0; i < header->components; i++) {
        header->precision[i] = header->precision[0];
        header->across[i] = header->down[i] = 1;
    }
    return FD_OK;
}
