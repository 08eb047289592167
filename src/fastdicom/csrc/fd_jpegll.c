#include "fd_jpegll.h"
#include "fd_flag.h"

#include <stdlib.h>

#include "fd_bmi2.h"

#define LOOKUP_BITS 12
#define LOOKUP_SIZE (1u << LOOKUP_BITS)
#define LOOKUP_SHIFT (64 - LOOKUP_BITS)
#define BEHIND_LOOKUP (((uint64_t)1 << LOOKUP_SHIFT) - 1)
#define MOST_TABLES 4
#define MOST_CATEGORY 16 /* H.1.2.2: differences of up to 16 bits */

/* A Huffman table (annex C) as it is used. `lookup` answers the next LOOKUP_BITS bits, in which there are a code and the
 * first of its magnitude bits, the sign among them. Bits 16 to 31 of an entry: the difference, with 0 for the magnitude bits
 * that are not among them; 8 to 15: LOOKUP_SHIFT less the number of these; 0 to 7: all bits of code and magnitude. So what
 * is missing is added without a question being asked, and no branch depends on the image. 0: a longer code, or none. */
typedef struct table {
    bool defined;
    uint8_t values[MOST_CATEGORY + 1]; /* in the order of the codes; no more are legal */
    uint32_t most[18];                 /* the largest code of each length, left aligned in 16 bits and one more; 0: none */
    int32_t index[17];                 /* code >> (16 - length) + index[length]: the place in `values` */
    uint32_t lookup[LOOKUP_SIZE];
} table;

typedef struct component {
    uint8_t id;
    uint8_t table; /* in the scan at hand */
} component;

/* The entropy coded bits at hand. */
typedef struct reader {
    uint64_t bits; /* the next ones, left aligned */
    int count;     /* how many of them are from the stream; below 0: more were taken than there are */
    bool dry;      /* a marker, or the end: only zeros follow */
    const uint8_t *p, *end;
} reader;

typedef struct decoder {
    const uint8_t *src, *end;
    const uint8_t *p; /* the next byte to look at */
    fd_error *error;
    fd_jpegll_header header;
    component components[FD_JPEGLL_MOST_COMPONENTS];
    bool have_frame;
    uint32_t restart_interval;
    table *tables;      /* MOST_TABLES of them */
    unsigned seen;      /* a bit a component: decoded by this scan or an earlier one */
    uint32_t rows_done; /* of all components in `seen` */
} decoder;

static fd_status failed(decoder *d, fd_status status, const uint8_t *at, uint64_t found, uint64_t expected, const char *reason)
{
    *d->error =
        (fd_error){.status = status, .offset = (uint64_t)(at - d->src), .found = found, .expected = expected, .reason = reason};
    return status;
}

/* markers */

/* The segment behind a marker: its length, without the two bytes that tell it. */
static fd_status segment(decoder *d, const uint8_t **start, size_t *length)
{
    if (d->end - d->p < 2) return failed(d, FD_TRUNCATED, d->p, 0, 2, "the JPEG stream ends inside a marker segment");
    const size_t n = fd_load16be(d->p);
    if (n < 2) return failed(d, FD_INVALID, d->p, n, 2, "a JPEG marker segment is shorter than its length");
    if ((size_t)(d->end - d->p) < n)
        return failed(d, FD_TRUNCATED, d->p, (uint64_t)(d->end - d->p), n, "the JPEG stream ends inside a marker segment");
    *start = d->p + 2;
    *length = n - 2;
    d->p += n;
    return FD_OK;
}

/* The next marker, 0xFFnn without fill bytes; bytes that are none are passed over. 0: the stream ends. */
static unsigned next_marker(decoder *d)
{
    while (d->end - d->p >= 2) {
        const uint8_t *ff = memchr(d->p, 0xFF, (size_t)(d->end - d->p - 1));
        if (!ff) break;
        d->p = ff + 1;
        if (*d->p == 0xFF || *d->p == 0) continue;
        return 0xFF00u | *d->p++;
    }
    d->p = d->end;
    return 0;
}

static int32_t difference_of(unsigned category, uint32_t magnitude)
{
    if (category == 0) return 0;
    if (category == 16) return 32768; /* H.1.2.2: no bits follow */
    return magnitude >> (category - 1) ? (int32_t)magnitude : (int32_t)magnitude - (int32_t)((1u << category) - 1);
}

static void fill_lookup(table *t, uint32_t code, unsigned length, unsigned category)
{
    const unsigned extra = category == 16 ? 0 : category, used = length + extra;
    if (length > LOOKUP_BITS || (extra && length == LOOKUP_BITS)) return; /* the sign must be seen */
    const unsigned missing = used > LOOKUP_BITS ? used - LOOKUP_BITS : 0, seen = extra - missing;
    for (uint32_t magnitude = 0; magnitude < 1u << seen; magnitude++) {
        const uint32_t difference = (uint32_t)difference_of(category, magnitude << missing);
        const uint32_t entry = difference << 16 | (LOOKUP_SHIFT - missing) << 8 | used;
        uint32_t *to = t->lookup + (((code << seen) | magnitude) << (LOOKUP_BITS - length - seen));
        for (uint32_t i = 0; i < 1u << (LOOKUP_BITS - length - seen); i++) to[i] = entry;
    }
}

static fd_status read_table(decoder *d, const uint8_t **p, size_t *left)
{
    const uint8_t *at = *p;
    if (*left < 17) return failed(d, FD_INVALID, at, *left, 17, "a Huffman table is cut off");
    const unsigned class = at[0] >> 4, destination = at[0] & 15;
    unsigned total = 0;
    for (unsigned i = 1; i <= 16; i++) total += at[i];
    if (destination >= MOST_TABLES || class > 1)
        return failed(d, FD_INVALID, at, at[0], MOST_TABLES, "a Huffman table has no such destination");
    if (total > 256 || *left - 17 < total) return failed(d, FD_INVALID, at, total, *left - 17, "a Huffman table is cut off");
    *p += 17 + total;
    *left -= 17 + total;
    if (class == 1) return FD_OK; /* for DCT coefficients: not used here */
    if (total > MOST_CATEGORY + 1)
        return failed(d, FD_INVALID, at, total, MOST_CATEGORY + 1, "a Huffman table has more codes than there are categories");
    table *t = &d->tables[destination];
    memset(t, 0, sizeof *t);
    uint32_t code = 0, k = 0;
    for (unsigned length = 1; length <= 16; length++, code <<= 1) {
        t->index[length] = (int32_t)k - (int32_t)code;
        for (unsigned i = 0; i < at[length]; i++, k++, code++) {
            const uint8_t category = at[17 + k];
            if (category > MOST_CATEGORY)
                return failed(d, FD_INVALID, at, category, MOST_CATEGORY, "a Huffman table has a category above 16");
            if (code >= 1u << length) return failed(d, FD_INVALID, at, length, 0, "a Huffman table has more codes than fit");
            t->values[k] = category;
            fill_lookup(t, code, length, category);
        }
        t->most[length] = at[length] ? code << (16 - length) : 0;
    }
    t->defined = true;
    return FD_OK;
}

static fd_status read_frame(decoder *d, unsigned marker)
{
    const uint8_t *p;
    size_t n;
    fd_status status = segment(d, &p, &n);
    if (status != FD_OK) return status;
    fd_jpegll_header *h = &d->header;
    if (d->have_frame) return failed(d, FD_INVALID, p, marker, 0, "the JPEG stream has a second frame header");
    if (n < 6 || n < 6 + 3u * p[5]) return failed(d, FD_INVALID, p, n, 6, "the JPEG frame header is cut off");
    h->process = (uint8_t)(marker & 15);
    h->precision = p[0];
    h->rows = fd_load16be(p + 1);
    h->columns = fd_load16be(p + 3);
    h->components = p[5];
    if (h->components < 1 || h->components > FD_JPEGLL_MOST_COMPONENTS)
        return failed(d, FD_INVALID, p, h->components, FD_JPEGLL_MOST_COMPONENTS,
                      "the JPEG frame has no such number of components");
    for (unsigned i = 0; i < h->components; i++) {
        d->components[i].id = h->ids[i] = p[6 + 3 * i];
        if (p[7 + 3 * i] != 0x11 && h->components > 1)
            return failed(d, FD_INVALID, p, p[7 + 3 * i], 0x11, "subsampled components of lossless JPEG are not decoded");
    }
    d->have_frame = true;
    return FD_OK;
}

static fd_status read_application(decoder *d, unsigned marker)
{
    const uint8_t *p;
    size_t n;
    const fd_status status = segment(d, &p, &n);
    if (status != FD_OK) return status;
    if (marker == 0xFFE0 && n >= 5 && memcmp(p, "JFIF", 5) == 0) d->header.has_jfif = true;
    if (marker == 0xFFEE && n >= 12 && memcmp(p, "Adobe", 5) == 0) {
        d->header.has_adobe = true;
        d->header.adobe_transform = p[11];
    }
    return FD_OK;
}

/* The rows that are told behind the first scan (DNL, B.2.5); 0: they are not. */
static uint32_t rows_behind(const decoder *d)
{
    fd_error ignored;
    decoder at = *d;
    at.error = &ignored;
    for (;;) {
        const uint8_t *p;
        size_t n;
        const unsigned marker = next_marker(&at);
        if (marker == 0 || marker == 0xFFD9) return 0;
        if (marker == 0xFF01 || (marker >= 0xFFD0 && marker <= 0xFFD8)) continue;
        if (segment(&at, &p, &n) != FD_OK) return 0;
        if (marker == 0xFFDC) return n < 2 ? 0 : fd_load16be(p);
    }
}

/* One marker that is neither the start of a scan nor the end. Tables are passed over where nobody keeps them. */
static fd_status read_marker(decoder *d, unsigned marker)
{
    const uint8_t *p;
    size_t n;
    if (marker == 0xFF01 || (marker >= 0xFFD0 && marker <= 0xFFD8)) return FD_OK; /* they stand alone */
    if (marker >= 0xFFC0 && marker <= 0xFFCF && marker != 0xFFC4 && marker != 0xFFC8 && marker != 0xFFCC) {
        const fd_status frame = read_frame(d, marker);
        if (frame == FD_OK && d->header.rows == 0) d->header.rows = rows_behind(d);
        return frame;
    }
    if (marker >= 0xFFE0 && marker <= 0xFFEF) return read_application(d, marker);
    fd_status status = segment(d, &p, &n);
    if (status != FD_OK) return status;
    if (marker == 0xFFC4) {
        while (n && d->tables && status == FD_OK) status = read_table(d, &p, &n);
    } else if (marker == 0xFFDD) {
        if (n < 2) return failed(d, FD_INVALID, p, n, 2, "the restart interval is cut off");
        d->restart_interval = fd_load16be(p);
    }
    return status;
}

static fd_status begin(decoder *d, const uint8_t *src, size_t size, fd_error *error)
{
    memset(d, 0, sizeof *d);
    d->src = d->p = src;
    d->end = src + size;
    d->error = error;
    if (size < 4) return failed(d, FD_TRUNCATED, src, size, 4, "the JPEG stream is cut off");
    if (src[0] != 0xFF || src[1] != 0xD8)
        return failed(d, FD_INVALID, src, fd_load16be(src), 0xFFD8, "the stream does not begin as JPEG does");
    d->p += 2;
    return FD_OK;
}

fd_status fd_jpegll_read_header(const uint8_t *src, size_t size, fd_jpegll_header *header, fd_error *error)
{
    decoder d;
    fd_status status = begin(&d, src, size, error);
    while (status == FD_OK && !d.have_frame) {
        const unsigned marker = next_marker(&d);
        if (marker == 0 || marker == 0xFFD9) return failed(&d, FD_TRUNCATED, d.p, 0, 0, "the JPEG stream has no frame header");
        status = read_marker(&d, marker);
    }
    *header = d.header;
    return status;
}

/* bits */

FD_INLINE bool may_have_ff(uint64_t x) { return ((~x - 0x0101010101010101u) & x & 0x8080808080808080u) != 0; }

/* 56 to 63 bits, unless the segment ends before. 0xFF is written as 0xFF 0x00 (F.1.2.3); 0xFF and anything else is a marker. */
FD_INLINE void refill(reader *r)
{
    if (r->end - r->p >= 8) {
        const uint64_t next = fd_load64be(r->p);
        if (!may_have_ff(next)) {
            const int take = (63 - r->count) >> 3;
            r->bits |= next >> r->count;
            r->count += 8 * take;
            r->p += take;
            return;
        }
    }
    while (r->count < 56) {
        if (r->p >= r->end || (*r->p == 0xFF && (r->end - r->p < 2 || r->p[1] != 0))) {
            r->dry = true;
            return;
        }
        const uint64_t byte = *r->p;
        r->p += byte == 0xFF ? 2 : 1;
        r->bits |= byte << (56 - r->count);
        r->count += 8;
    }
}

/* A difference that `lookup` does not know, by its code, then its magnitude: at most 31 bits. -1: there is no such code. */
static int long_difference(reader *r, const table *t)
{
    const uint32_t code = (uint32_t)(r->bits >> 48);
    unsigned length = 1;
    while (length <= 16 && code >= t->most[length]) length++;
    if (length > 16) return -1;
    const unsigned category = t->values[(int32_t)(code >> (16 - length)) + t->index[length]];
    const unsigned extra = category & 15; /* H.1.2.2: category 16 has no bits */
    r->bits <<= length;
    const uint32_t magnitude = (uint32_t)((r->bits >> 1) >> (63 - extra));
    r->bits <<= extra;
    r->count -= (int)(length + extra);
    return difference_of(category, magnitude) & 0xFFFF;
}

/* What `entry` says of the bits at hand; they are taken. */
FD_INLINE unsigned difference_by(reader *r, uint32_t entry)
{
    const uint32_t rest = (uint32_t)((r->bits & BEHIND_LOOKUP) >> (entry >> 8 & 63));
    r->bits <<= entry & 63;
    r->count -= (int)(entry & 63);
    return (entry >> 16) + rest;
}

FD_INLINE uint32_t look(const reader *r, const table *t) { return t->lookup[r->bits >> LOOKUP_SHIFT]; }

/* One difference, wherever in the stream. -1: there is no such code. */
static int next_difference(reader *r, const table *t)
{
    if (r->count < 32 && !r->dry) refill(r);
    const uint32_t entry = look(r, t);
    return entry ? (int)(difference_by(r, entry) & 0xFFFF) : long_difference(r, t);
}

/* The differences of a row of one component, two between refills: an entry takes 27 bits at most. With `keep` = 0xFFFF they
 * come added up, from `sample` on, as predictor 1 wants them; with 0 as they are. */
FD_INLINE bool row_of_one(reader *at, const table *t, uint16_t *row, size_t n, unsigned sample, unsigned keep)
{
    reader r = *at;
    size_t i = 0;
    int slow = 0;
    while (n - i >= 2 && !r.dry && slow >= 0) {
        refill(&r);
        uint32_t entry = look(&r, t);
        if (entry) {
            row[i++] = (uint16_t)(sample = (sample & keep) + difference_by(&r, entry));
            entry = look(&r, t);
            if (entry) {
                row[i++] = (uint16_t)(sample = (sample & keep) + difference_by(&r, entry));
                continue;
            }
        }
        slow = next_difference(&r, t);
        row[i++] = (uint16_t)(sample = (sample & keep) + (unsigned)slow);
    }
    for (; i < n && slow >= 0 && r.count >= 0; i++) {
        slow = next_difference(&r, t);
        row[i] = (uint16_t)(sample = (sample & keep) + (unsigned)slow);
    }
    *at = r;
    return slow >= 0;
}

/* One difference of a pixel, for which 27 bits are at hand; what a longer one takes is made up for. */
FD_INLINE int any_difference(reader *r, const table *t)
{
    const uint32_t entry = look(r, t);
    if (entry) return (int)(difference_by(r, entry) & 0xFFFF);
    const int difference = next_difference(r, t);
    if (!r->dry) refill(r);
    return difference;
}

/* The differences of a row of pixels of several components; n is a multiple of them. */
FD_INLINE bool row_of_several(reader *at, const table *const *tables, unsigned components, uint16_t *row, size_t n)
{
    reader r = *at;
    const table *const t0 = tables[0], *const t1 = tables[1], *const t2 = tables[2];
    size_t i = 0;
    int any = 0; /* below 0: a code that is none */
    for (; components == 3 && n - i >= 6 && !r.dry && any >= 0; i += 6) {
        int d[6];
        refill(&r);
        d[0] = any_difference(&r, t0);
        d[1] = any_difference(&r, t1);
        refill(&r);
        d[2] = any_difference(&r, t2);
        d[3] = any_difference(&r, t0);
        refill(&r);
        d[4] = any_difference(&r, t1);
        d[5] = any_difference(&r, t2);
        any = d[0] | d[1] | d[2] | d[3] | d[4] | d[5];
        for (unsigned k = 0; k < 6; k++) row[i + k] = (uint16_t)d[k];
    }
    for (unsigned c = 0; i < n && any >= 0 && r.count >= 0; i++) {
        any = next_difference(&r, tables[c]);
        row[i] = (uint16_t)any;
        c = c + 1 == components ? 0 : c + 1;
    }
    *at = r;
    return any >= 0;
}

/* What a row is decoded with. */
typedef struct row_job {
    const table *tables[FD_JPEGLL_MOST_COMPONENTS];
    unsigned components;
    unsigned sample, keep; /* of row_of_one */
} row_job;

FD_INLINE bool any_row(reader *r, const row_job *job, uint16_t *row, size_t n)
{
    return job->components == 1 ? row_of_one(r, job->tables[0], row, n, job->sample, job->keep)
                                : row_of_several(r, job->tables, job->components, row, n);
}

static bool portable_row(reader *r, const row_job *job, uint16_t *row, size_t n) { return any_row(r, job, row, n); }

#if FD_HAVE_BMI2
/* The same with shifts that do not wait for the flags: they are most of what is done. */
FD_TARGET_BMI2 static bool bmi2_row(reader *r, const row_job *job, uint16_t *row, size_t n) { return any_row(r, job, row, n); }
#endif

typedef bool decode_row(reader *r, const row_job *job, uint16_t *row, size_t n);

static fd_flag fast_state; /* 0: not looked yet, 1: portable, 2: BMI2 */

bool fd_jpegll_use_fast(bool on)
{
#if FD_HAVE_BMI2
    __builtin_cpu_init();
    const bool has = __builtin_cpu_supports("bmi2") != 0;
#else
    const bool has = false;
#endif
    fd_flag_set(&fast_state, on && has ? 2 : 1);
    return has;
}

static decode_row *best_row(void)
{
    if (fd_flag_get(&fast_state) == 0) fd_jpegll_use_fast(true);
#if FD_HAVE_BMI2
    if (fd_flag_get(&fast_state) == 2) return bmi2_row;
#endif
    return portable_row;
}

/* prediction */

/* Table H.1 */
FD_INLINE int guess_by(unsigned selector, int a, int b, int c)
{
    switch (selector) {
    case 2: return b;
    case 3: return c;
    case 4: return a + b - c;
    case 5: return a + ((b - c) >> 1);
    case 6: return b + ((a - c) >> 1);
    default: return (a + b) >> 1;
    }
}

/* The rest of a row that has one above it. A loop a selector: what they wait for differs; samples that others wait for stay
 * in registers. */
FD_INLINE void predict_by(uint16_t *row, const uint16_t *up, size_t n, unsigned step, unsigned selector)
{
    if (step == 1) {
        int a = row[0], c = up[0];
        for (size_t i = 1; i < n; i++) {
            const int b = up[i];
            a = (row[i] + guess_by(selector, a, b, c)) & 0xFFFF;
            row[i] = (uint16_t)a;
            c = b;
        }
        return;
    }
    for (size_t i = step; i < n; i++) row[i] = (uint16_t)(row[i] + guess_by(selector, row[i - step], up[i], up[i - step]));
}

/* Differences to samples, modulo 65536 (H.1.2.1). `up` is the row above or NULL; `step` the number of components; n >= step. */
static void predict(uint16_t *row, const uint16_t *up, size_t n, unsigned step, unsigned selector, unsigned start)
{
    for (unsigned c = 0; c < step; c++) row[c] = (uint16_t)(row[c] + (up ? up[c] : start));
    if (!up || selector == 1) {
        if (step == 1) {
            unsigned sample = row[0];
            for (size_t i = 1; i < n; i++) row[i] = (uint16_t)(sample += row[i]);
        } else if (step == 3) { /* three chains that do not wait for each other, in registers */
            unsigned x = row[0], y = row[1], z = row[2];
            for (size_t i = 3; i < n; i += 3) {
                row[i] = (uint16_t)(x += row[i]);
                row[i + 1] = (uint16_t)(y += row[i + 1]);
                row[i + 2] = (uint16_t)(z += row[i + 2]);
            }
        } else {
            for (size_t i = step; i < n; i++) row[i] = (uint16_t)(row[i] + row[i - step]);
        }
        return;
    }
    switch (selector) {
    case 2: predict_by(row, up, n, step, 2); break;
    case 3: predict_by(row, up, n, step, 3); break;
    case 4: predict_by(row, up, n, step, 4); break;
    case 5: predict_by(row, up, n, step, 5); break;
    case 6: predict_by(row, up, n, step, 6); break;
    default: predict_by(row, up, n, step, 7); break;
    }
}

/* scans */

typedef struct scan {
    unsigned components; /* in this scan */
    unsigned first;      /* the place of its first component in a pixel */
    const table *tables[FD_JPEGLL_MOST_COMPONENTS];
    unsigned selector, transform;
} scan;

static fd_status read_scan_header(decoder *d, scan *s)
{
    const uint8_t *p;
    size_t n;
    const fd_status status = segment(d, &p, &n);
    if (status != FD_OK) return status;
    const fd_jpegll_header *h = &d->header;
    if (!d->have_frame) return failed(d, FD_INVALID, p, 0, 0, "a JPEG scan comes before the frame header");
    if (n < 1 || n < 4 + 2u * p[0]) return failed(d, FD_INVALID, p, n, 6, "the JPEG scan header is cut off");
    memset(s, 0, sizeof *s);
    s->components = p[0];
    s->selector = p[1 + 2 * s->components];
    s->transform = p[3 + 2 * s->components] & 15;
    if (s->components != 1 && s->components != h->components)
        return failed(d, FD_INVALID, p, s->components, h->components, "a JPEG scan has neither one nor all of the components");
    if (s->selector < 1 || s->selector > 7)
        return failed(d, FD_INVALID, p, s->selector, 7, "a lossless JPEG predictor is 1 to 7");
    if (s->transform >= h->precision)
        return failed(d, FD_INVALID, p, s->transform, h->precision, "the point transform leaves no bits");
    for (unsigned i = 0; i < s->components; i++) {
        unsigned at = 0;
        while (at < h->components && h->ids[at] != p[1 + 2 * i]) at++;
        if (s->components == h->components && h->components > 1) at = i; /* real streams repeat ids, the order tells */
        if (at == h->components)
            return failed(d, FD_INVALID, p, p[1 + 2 * i], h->ids[0], "a JPEG scan names a component that is none");
        const unsigned destination = p[2 + 2 * i] >> 4;
        if (destination >= MOST_TABLES || !d->tables[destination].defined)
            return failed(d, FD_INVALID, p, destination, MOST_TABLES, "a JPEG scan names a Huffman table that was not given");
        s->tables[i] = &d->tables[destination];
        if (i == 0) s->first = at;
        if (d->seen >> at & 1) return failed(d, FD_INVALID, p, p[1 + 2 * i], 0, "a component of the JPEG stream is coded twice");
        d->seen |= 1u << at;
    }
    return FD_OK;
}

static void store_row(uint8_t *dst, const uint16_t *row, const decoder *d, const scan *s, unsigned bytes)
{
    const size_t n = (size_t)d->header.columns * s->components;
    const size_t step = s->components == d->header.components ? 1 : d->header.components;
    uint8_t *to = dst + (size_t)s->first * bytes * (step > 1);
    const unsigned shift = s->transform;
    if (bytes == 1) {
        for (size_t i = 0; i < n; i++) to[i * step] = (uint8_t)(row[i] << shift);
        return;
    }
    if (step == 1) {
        for (size_t i = 0; i < n; i++) {
            const uint16_t sample = (uint16_t)(row[i] << shift);
            to[2 * i] = (uint8_t)sample;
            to[2 * i + 1] = (uint8_t)(sample >> 8);
        }
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const uint16_t sample = (uint16_t)(row[i] << shift);
        to[2 * i * step] = (uint8_t)sample;
        to[2 * i * step + 1] = (uint8_t)(sample >> 8);
    }
}

/* The restart marker that must stand here. */
static fd_status restart(decoder *d, reader *r, unsigned number)
{
    d->p = r->p;
    const unsigned marker = next_marker(d);
    if (marker != 0xFFD0 + (number & 7))
        return failed(d, marker ? FD_INVALID : FD_TRUNCATED, d->p, marker, 0xFFD0 + (number & 7),
                      "a restart marker of the JPEG stream is missing");
    *r = (reader){.p = d->p, .end = d->end};
    return FD_OK;
}

/* The entropy coded segments of a scan. Answers in *y how many rows there were. */
static fd_status read_rows(decoder *d, const scan *s, uint8_t *dst, unsigned bytes, uint16_t *rows, uint32_t *y)
{
    const fd_jpegll_header *h = &d->header;
    const uint32_t rows_an_interval = d->restart_interval / h->columns;
    const size_t n = (size_t)h->columns * s->components, pitch = (size_t)h->columns * h->components * bytes;
    uint16_t *row = rows, *up = NULL;
    reader r = {.p = d->p, .end = d->end};
    row_job job = {.components = s->components};
    memcpy(job.tables, s->tables, sizeof job.tables);
    decode_row *const decode = best_row();
    for (*y = 0; *y < h->rows; ++*y) {
        if (rows_an_interval && *y && *y % rows_an_interval == 0) {
            const fd_status status = restart(d, &r, *y / rows_an_interval - 1);
            if (status != FD_OK) return status;
            up = NULL;
        }
        const unsigned start = 1u << (h->precision - s->transform - 1);
        const bool added_up = s->components == 1 && (s->selector == 1 || !up);
        job.sample = up ? up[0] : start;
        job.keep = added_up ? 0xFFFF : 0;
        const bool good = decode(&r, &job, row, n);
        if (r.count < 0) return failed(d, FD_TRUNCATED, r.p, *y, h->rows, "the JPEG stream ends before its last row");
        if (!good) return failed(d, FD_INVALID, r.p, *y, h->rows, "bits that are no code of the Huffman table");
        if (!added_up) predict(row, up, n, s->components, s->selector, start);
        store_row(dst + *y * pitch, row, d, s, bytes);
        up = row;
        row = row == rows ? rows + n : rows;
    }
    d->p = r.p;
    return FD_OK;
}

static fd_status read_scan(decoder *d, uint8_t *dst, unsigned bytes, uint16_t *rows)
{
    scan s;
    uint32_t done = 0;
    const bool first = d->seen == 0;
    fd_status status = read_scan_header(d, &s);
    if (status != FD_OK) return status;
    if (d->restart_interval % d->header.columns) /* H.1.1 */
        return failed(d, FD_INVALID, d->p, d->restart_interval, d->header.columns,
                      "the restart interval is no whole number of rows");
    status = read_rows(d, &s, dst, bytes, rows, &done);
    if (first || done < d->rows_done) d->rows_done = done;
    return status;
}

static fd_status check_frame(decoder *d, size_t dst_size, unsigned bytes)
{
    const fd_jpegll_header *h = &d->header;
    if (h->process != 3)
        return failed(d, FD_INVALID, d->p, h->process, 3, "the JPEG stream is not lossless with Huffman codes (SOF3)");
    if (bytes != 1 && bytes != 2) return failed(d, FD_INVALID, d->p, bytes, 2, "samples of lossless JPEG have one or two bytes");
    if (h->precision < 2 || h->precision > 8 * bytes)
        return failed(d, FD_INVALID, d->p, h->precision, 8 * bytes, "the precision of the JPEG stream does not fit the samples");
    if (!h->rows || !h->columns) return failed(d, FD_INVALID, d->p, h->rows, h->columns, "the JPEG frame has no rows or columns");
    const uint64_t need = (uint64_t)h->rows * h->columns * h->components * bytes;
    if (need != dst_size) return failed(d, FD_INVALID, d->p, need, dst_size, "the JPEG frame has another size than asked for");
    return FD_OK;
}

static fd_status decode_scans(decoder *d, uint8_t *dst, size_t dst_size, unsigned bytes)
{
    fd_status status = FD_OK;
    uint16_t *rows = NULL;
    while (status == FD_OK) {
        const unsigned marker = next_marker(d);
        const unsigned all = (1u << d->header.components) - 1;
        if (d->have_frame && d->seen == all) break; /* whatever comes after the last scan */
        if (marker == 0 || marker == 0xFFD9) {
            status = failed(d, FD_TRUNCATED, d->p, d->seen, all, "the JPEG stream ends before all components were coded");
        } else if (marker != 0xFFDA) {
            status = read_marker(d, marker);
            if (status == FD_OK && d->have_frame && !rows) {
                status = check_frame(d, dst_size, bytes);
                if (status == FD_OK) rows = malloc((size_t)d->header.columns * d->header.components * 2 * sizeof *rows);
                if (status == FD_OK && !rows) status = failed(d, FD_MEMORY, d->p, 0, 0, "no memory");
            }
        } else {
            status = read_scan(d, dst, bytes, rows);
        }
    }
    free(rows);
    return status;
}

fd_status fd_jpegll_decode(uint8_t *dst, size_t dst_size, const uint8_t *src, size_t size, unsigned bytes, uint32_t *done,
                           fd_error *error)
{
    decoder d;
    *done = 0;
    fd_status status = begin(&d, src, size, error);
    if (status != FD_OK) return status;
    d.tables = calloc(MOST_TABLES, sizeof *d.tables);
    if (!d.tables) return failed(&d, FD_MEMORY, src, 0, 0, "no memory");
    status = decode_scans(&d, dst, dst_size, bytes);
    if (d.have_frame && d.seen == (1u << d.header.components) - 1) *done = d.rows_done;
    free(d.tables);
    return status;
}
