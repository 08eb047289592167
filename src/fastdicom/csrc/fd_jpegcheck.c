#include "fd_jpegcheck.h"

#include <stdlib.h>

#include "fd_bmi2.h"
#include "fd_huffman.h"

#define LOOKUP_BITS 12
#define LOOKUP_SIZE (1u << LOOKUP_BITS)
#define MOST_COMPONENTS 4
#define MOST_SCANS 256 /* libjpeg writes ten; every scan of a few bytes costs a decoder a pass over the whole image */

/* An entry of `several`: the bits of as many whole symbols as fit; how far they reach in the block, one more when the last of
 * them ends it; and 63 then. An entry that reaches too far for any block: not even one fits. */
#define ENTRY(bits, advance, ends) ((uint32_t)(bits) | (uint32_t)((advance) + (ends)) << 8 | (uint32_t)((ends)*63u) << 16)
#define ENTRY_BITS(e) ((e)&255u)
#define ENTRY_REACH(e) ((e) >> 8 & 255u)
#define ENTRY_MASK(e) ((e) >> 16)
#define ENTRY_NONE ENTRY(0, 127, 0)

typedef struct table {
    fd_huffman codes;
    uint8_t symbol[LOOKUP_SIZE], length[LOOKUP_SIZE]; /* by the next bits; length 0: a longer code, or none */
    uint32_t several[LOOKUP_SIZE];
} table;

typedef struct component {
    uint8_t id, across, down; /* blocks in an MCU */
    uint8_t dc, ac;           /* tables of the scan at hand */
    bool seen;                /* by a scan before */
    uint8_t lacking[64];      /* progressive: the bits of each coefficient that no scan has brought yet */
} component;

/* The entropy coded bits at hand. */
typedef struct reader {
    uint64_t bits; /* the next ones, left aligned; zeros behind the last */
    int count;     /* how many are from the stream; below 0: more were taken than there are */
    const uint8_t *p, *end;
} reader;

struct fd_jpegcheck {
    table dc[FD_HUFFMAN_TABLES], ac[FD_HUFFMAN_TABLES];
    uint8_t *room; /* for a scan without its stuffed zeros */
    size_t room_size;
    size_t lanes_from; /* bytes of a scan */
    bool heard;
};

typedef struct checker {
    fd_jpegcheck *kept;
    const uint8_t *src, *end, *p;
    fd_error *error;
    uint32_t *whole_rows;
    unsigned process; /* n of SOFn */
    uint32_t rows, columns, restart_interval;
    unsigned components, in_scan, scans, widest, tallest;
    component all[MOST_COMPONENTS];
    component *scan[MOST_COMPONENTS];
    bool thorough, have_frame, have_dc[FD_HUFFMAN_TABLES], have_ac[FD_HUFFMAN_TABLES]; /* by this stream */
} checker;

static fd_status failed(checker *c, fd_status status, const uint8_t *at, uint64_t found, uint64_t expected, const char *reason)
{
    *c->error =
        (fd_error){.status = status, .offset = (uint64_t)(at - c->src), .found = found, .expected = expected, .reason = reason};
    return status;
}

/* tables */

static unsigned symbol_bits(unsigned symbol) { return symbol & 15; }

/* Which symbols the next LOOKUP_BITS bits hold whole, with the bits of their numbers; of the first its code will do. */
static uint32_t several_of(const table *t, uint32_t bits)
{
    unsigned used = 0, advance = 0;
    while (used < LOOKUP_BITS) {
        const uint32_t next = bits << used & (LOOKUP_SIZE - 1);
        const unsigned length = t->length[next], symbol = t->symbol[next], extra = symbol_bits(symbol);
        if (!length || (used && used + length + extra > LOOKUP_BITS)) break;
        used += length + extra;
        if (extra == 0 && symbol != 0xF0) return ENTRY(used, advance, 1);
        if (advance + (symbol >> 4) + 1 > 63) { /* it ends a block by itself, or breaks it: one by one */
            used -= length + extra;
            break;
        }
        advance += (symbol >> 4) + 1;
    }
    return used ? ENTRY(used, advance, 0) : ENTRY_NONE;
}

static void make_table(table *t, bool is_ac)
{
    const uint8_t *at = t->codes.specification;
    memset(t->length, 0, sizeof t->length);
    uint32_t first = 0;
    for (unsigned length = 1, k = 0; length <= LOOKUP_BITS; length++) {
        const uint32_t n = 1u << (LOOKUP_BITS - length);
        for (unsigned i = 0; i < at[length - 1]; i++, k++, first += n) {
            memset(t->symbol + first, at[16 + k], n);
            memset(t->length + first, (int)length, n);
        }
    }
    for (uint32_t i = 0; i < LOOKUP_SIZE; i++) {
        if (is_ac)
            t->several[i] = several_of(t, i);
        else
            t->several[i] = t->length[i] ? ENTRY(t->length[i] + t->symbol[i], 1, 0) : ENTRY_NONE;
    }
}

static fd_status read_tables(checker *c, const uint8_t *p, size_t n)
{
    while (n) {
        fd_huffman_found found;
        const uint8_t *at = p;
        bool same = false;
        fd_status status = fd_huffman_next(&p, &n, &found, c->error);
        if (status == FD_OK) {
            table *t = found.is_ac ? &c->kept->ac[found.destination] : &c->kept->dc[found.destination];
            status = fd_huffman_make(&t->codes, &found, &same, c->error);
            if (status == FD_OK && !same) make_table(t, found.is_ac);
        }
        if (status != FD_OK) {
            c->error->offset = (uint64_t)(at - c->src);
            return status;
        }
        (found.is_ac ? c->have_ac : c->have_dc)[found.destination] = true;
    }
    return FD_OK;
}

/* bits */

static inline bool may_have_ff(uint64_t x) { return ((~x - 0x0101010101010101u) & x & 0x8080808080808080u) != 0; }

/* At least 56 bits, unless a marker or the end comes before. 0xFF is written as 0xFF 0x00 (T.81 F.1.2.3). */
static inline void refill(reader *r)
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
    while (r->count <= 56) {
        if (r->p >= r->end || (*r->p == 0xFF && (r->end - r->p < 2 || r->p[1] != 0))) return;
        const uint64_t byte = *r->p;
        r->p += byte == 0xFF ? 2 : 1;
        r->bits |= byte << (56 - r->count);
        r->count += 8;
    }
}

static inline void skip(reader *r, unsigned n)
{
    r->bits <<= n;
    r->count -= (int)n;
}

static inline int next_symbol(const table *t, uint64_t bits, unsigned *length)
{
    const uint32_t next = (uint32_t)(bits >> (64 - LOOKUP_BITS));
    *length = t->length[next];
    return *length ? t->symbol[next] : fd_huffman_long(&t->codes, bits, LOOKUP_BITS, length);
}

/* A block of 64 coefficients. false: there is no such code, or a run goes beyond the block. */
static inline bool pass_block(reader *restrict r, const table *dc, const table *ac)
{
    unsigned length, k = 1;
    refill(r);
    const int category = next_symbol(dc, r->bits, &length);
    if (category < 0) return false;
    skip(r, length + (unsigned)category);
    while (k < 64) {
        if (r->count < 32) refill(r);
        const uint32_t entry = ac->several[r->bits >> (64 - LOOKUP_BITS)];
        if (k + ENTRY_REACH(entry) <= 64) {
            skip(r, ENTRY_BITS(entry));
            if (ENTRY_MASK(entry)) return true;
            k += ENTRY_REACH(entry);
            continue;
        }
        const int symbol = next_symbol(ac, r->bits, &length);
        if (symbol < 0) return false;
        const unsigned run = (unsigned)symbol >> 4, extra = symbol_bits((unsigned)symbol);
        skip(r, length + extra);
        if (extra == 0 && run != 15) return true; /* the end of the block */
        k += run + 1;
        if (k > 64) return false;
    }
    return true;
}

/* scans */

static uint32_t divided_up(uint32_t a, uint32_t b) { return (uint32_t)(((uint64_t)a + b - 1) / b); }

/* The MCUs of the scan: T.81 A.2. One component is in blocks of its own, several are interleaved. */
static uint64_t units_of(const checker *c, uint32_t *across)
{
    uint32_t down;
    if (c->in_scan == 1) {
        const component *one = c->scan[0];
        *across = divided_up((uint32_t)((uint64_t)c->columns * one->across + c->widest - 1) / c->widest, 8);
        down = divided_up((uint32_t)((uint64_t)c->rows * one->down + c->tallest - 1) / c->tallest, 8);
    } else {
        *across = divided_up(c->columns, 8 * c->widest);
        down = divided_up(c->rows, 8 * c->tallest);
    }
    return (uint64_t)*across * down;
}

/* The rows of so many MCUs, when their scan holds all components. Where rows of chrominance are between those of luminance, the
 * last one is interpolated with the first one below. */
static uint32_t rows_of(const checker *c, uint64_t units, uint32_t across)
{
    if (c->in_scan < c->components) return 0;
    bool between = false;
    for (unsigned i = 0; i < c->components; i++) between |= c->all[i].down < c->tallest;
    const uint64_t rows = units / across * 8 * (c->in_scan == 1 ? 1 : c->tallest);
    return rows >= c->rows ? c->rows : (uint32_t)(rows && between ? rows - 1 : rows);
}

/* What is left behind the last MCU before the marker: less than a byte of padding, and perhaps whole bytes of it. */
static bool only_padding(reader *r)
{
    skip(r, (unsigned)r->count & 7);
    for (; r->count > 0; skip(r, 8))
        if (r->bits >> 56 != 0 && r->bits >> 56 != 0xFF) return false;
    for (; r->p < r->end; r->p++) {
        if (*r->p == 0xFF && (r->end - r->p < 2 || r->p[1] != 0)) return true;
        if (*r->p != 0 && *r->p != 0xFF) return false;
    }
    return true;
}

static fd_status pass_restart(checker *c, reader *r, unsigned number)
{
    if (!only_padding(r))
        return failed(c, FD_INVALID, r->p, 0, 0, "the JPEG stream has data behind the last block before a restart");
    r->p = fd_huffman_behind_fill(r->p, r->end);
    if (r->end - r->p < 2) return failed(c, FD_TRUNCATED, r->p, 0, 0, "the JPEG stream ends before its last block");
    if (r->p[1] != 0xD0 + number)
        return failed(c, FD_INVALID, r->p, r->p[1], 0xD0 + number, "the JPEG stream has another marker where a restart is due");
    r->p += 2;
    r->bits = 0;
    r->count = 0;
    return FD_OK;
}

static fd_status pass_interval(checker *c, reader *r, uint64_t units, uint64_t *done)
{
    for (uint64_t unit = 0; unit < units; unit++, ++*done) {
        for (unsigned i = 0; i < c->in_scan; i++) {
            const component *one = c->scan[i];
            const table *dc = &c->kept->dc[one->dc], *ac = &c->kept->ac[one->ac];
            const unsigned blocks = c->in_scan == 1 ? 1 : (unsigned)one->across * one->down;
            for (unsigned b = 0; b < blocks; b++) {
                const bool good = pass_block(r, dc, ac);
                if (r->count < 0)
                    return failed(c, r->end - r->p < 2 ? FD_TRUNCATED : FD_INVALID, r->p, unit, units,
                                  "the JPEG stream ends, or has a marker, before its last block");
                if (!good) return failed(c, FD_INVALID, r->p, unit, units, "the JPEG stream has no such Huffman code");
            }
        }
    }
    return FD_OK;
}

/* lanes: a long scan of one component is read in four places at once
 *
 * To read one code after the other is to wait for each: where the next one begins, the last one tells. But Huffman codes find
 * their way: who begins anywhere soon reads the same codes as who began at the beginning. So four readers begin in four places,
 * take turns, and each goes on until it stands where the next one once began a block; from there on both read the same. What
 * comes out is only that all is well. Wherever it is not, or not known, the scan is read again, one code after the other. */

#define LANES 4
#define LANES_FROM 4096
#define LANES_LEAST 128
#define LANES_TO ((size_t)16 << 20) /* bytes of the scan; what is kept for the next frame is no more than that */
#define LANE_STARTS 32
#define LANE_TRIES 256 /* to begin, before it is given up */
#define LOST (UINT64_MAX >> 1)

typedef struct place {
    uint64_t at;   /* bits from the beginning of the scan; LOST: there was no such code */
    uint64_t done; /* blocks, and coefficients of the one at hand: 64 of these are a block */
} place;

typedef struct lane {
    place now;
    uint64_t begin, starts[LANE_STARTS]; /* of its first blocks */
} lane;

typedef struct lanes {
    const uint8_t *data;
    uint64_t total; /* bits */
    const table *dc, *ac;
    uint32_t several[2 * LOOKUP_SIZE]; /* of both, DC first */
} lanes;

FD_INLINE uint64_t bits_at(const uint8_t *data, uint64_t at) { return fd_load64be(data + (at >> 3)) << (at & 7); }

/* One symbol. */
static place slow_step(const lanes *all, place from)
{
    unsigned length;
    const unsigned before = from.done & 63;
    const int symbol = next_symbol(before ? all->ac : all->dc, bits_at(all->data, from.at), &length);
    const place lost = {.at = LOST};
    if (symbol < 0) return lost;
    if (!before) return (place){from.at + length + (unsigned)symbol, from.done + 1};
    const unsigned run = (unsigned)symbol >> 4, extra = symbol_bits((unsigned)symbol);
    from.at += length + extra;
    if (extra == 0 && run != 15) return (place){from.at, (from.done | 63) + 1};
    return before + run + 1 > 64 ? lost : (place){from.at, from.done + run + 1};
}

/* As many symbols as one look tells. Nothing here depends on the image but which way is the rare one. */
FD_INLINE place step(const lanes *all, place from)
{
    const uint64_t next = bits_at(all->data, from.at) >> (64 - LOOKUP_BITS);
    const unsigned before = from.done & 63;
    const uint32_t entry = all->several[(uint64_t)(before != 0) << LOOKUP_BITS | next];
    if (before + ENTRY_REACH(entry) > 64) return slow_step(all, from);
    return (place){from.at + ENTRY_BITS(entry), ((from.done + ENTRY_REACH(entry) - 1) | ENTRY_MASK(entry)) + 1};
}

/* To the next beginning of a block; LOST also beyond the end. */
static place pass_to_block(const lanes *all, place from)
{
    do {
        from = step(all, from);
        if (from.at > all->total) return (place){.at = LOST};
    } while (from.done & 63);
    return from;
}

/* Begin somewhere, and know where the first blocks begin. */
static bool begin_lane(const lanes *all, lane *one, uint64_t end)
{
    unsigned known = 0, tries = 0;
    one->now = (place){.at = one->begin};
    while (known < LANE_STARTS) {
        if (one->now.at >= end || tries > LANE_TRIES) return false;
        one->starts[known] = one->now.at;
        const place next = pass_to_block(all, one->now);
        known++;
        one->now = next;
        if (next.at == LOST) {
            one->now = (place){.at = one->starts[known - 1] + 1};
            known = 0;
            tries++;
        }
    }
    return true;
}

/* All lanes in turns, until one of them is where it should end. */
FD_INLINE void take_turns(const lanes *all, place *now, const uint64_t *limits)
{
    place a = now[0], b = now[1], c = now[2], d = now[3];
    while ((a.at < limits[0]) & (b.at < limits[1]) & (c.at < limits[2]) & (d.at < limits[3])) {
        a = step(all, a);
        b = step(all, b);
        c = step(all, c);
        d = step(all, d);
    }
    now[0] = a;
    now[1] = b;
    now[2] = c;
    now[3] = d;
}

static void portable_turns(const lanes *all, place *now, const uint64_t *limits) { take_turns(all, now, limits); }

#if FD_HAVE_BMI2
/* The same with shifts that do not wait for the flags. */
FD_TARGET_BMI2 static void bmi2_turns(const lanes *all, place *now, const uint64_t *limits) { take_turns(all, now, limits); }
#endif

static void run_lanes(const lanes *all, lane *l, const uint64_t *limits)
{
    place now[LANES];
    for (unsigned i = 0; i < LANES; i++) now[i] = l[i].now;
#if FD_HAVE_BMI2
    if (__builtin_cpu_supports("bmi2"))
        bmi2_turns(all, now, limits);
    else
#endif
        portable_turns(all, now, limits);
    for (unsigned i = 0; i < LANES; i++) {
        while (now[i].at < limits[i]) now[i] = step(all, now[i]);
        if (now[i].done & 63) now[i] = pass_to_block(all, now[i]);
        l[i].now = now[i];
    }
}

/* Which of the first blocks of the next lane this one comes to; LANE_STARTS: none. */
static unsigned meet(const lanes *all, lane *one, const lane *next)
{
    unsigned i = 0;
    while (one->now.at != LOST) {
        while (i < LANE_STARTS && next->starts[i] < one->now.at) i++;
        if (i == LANE_STARTS || next->starts[i] == one->now.at) return i;
        one->now = pass_to_block(all, one->now);
    }
    return LANE_STARTS;
}

static bool pass_lanes(const lanes *all, uint64_t units)
{
    lane l[LANES];
    uint64_t limits[LANES], done = 0;
    for (unsigned i = 0; i < LANES; i++) {
        l[i].begin = all->total / 8 / LANES * i * 8;
        if (i) limits[i - 1] = l[i].begin;
    }
    limits[LANES - 1] = all->total - 64;
    l[0].now = (place){0};
    for (unsigned i = 1; i < LANES; i++)
        if (!begin_lane(all, &l[i], limits[i])) return false;
    run_lanes(all, l, limits);
    unsigned met = 0;
    for (unsigned i = 0; i + 1 < LANES; i++) {
        const unsigned next = meet(all, &l[i], &l[i + 1]);
        if (next == LANE_STARTS) return false;
        done += (l[i].now.done >> 6) - met;
        met = next;
    }
    place last = l[LANES - 1].now;
    done -= met;
    while (last.at != LOST && done + (last.done >> 6) < units) last = pass_to_block(all, last);
    return last.at != LOST && done + (last.done >> 6) == units && all->total - last.at < 8;
}

/* The bytes up to the next marker, without the zeros that are stuffed behind 0xFF, and zeros behind them; NULL: too few or too many. */
static const uint8_t *unstuffed(checker *c, size_t *size, const uint8_t **behind)
{
    fd_jpegcheck *kept = c->kept;
    const size_t most = (size_t)(c->end - c->p), padding = 16;
    if (most < kept->lanes_from || most > LANES_TO) return NULL;
    if (kept->room_size < most + padding) {
        free(kept->room);
        kept->room = malloc(most + padding);
        kept->room_size = kept->room ? most + padding : 0;
        if (!kept->room) return NULL;
    }
    uint8_t *out = kept->room;
    const uint8_t *p = c->p;
    for (;;) {
        const uint8_t *ff = memchr(p, 0xFF, (size_t)(c->end - p));
        if (!ff || c->end - ff < 2) return NULL;
        const size_t n = (size_t)(ff - p) + (ff[1] == 0);
        memcpy(out, p, n);
        out += n;
        p = ff + 2;
        if (ff[1] == 0) continue;
        *behind = ff;
        break;
    }
    memset(out, 0, padding);
    *size = (size_t)(out - kept->room);
    return *size < kept->lanes_from ? NULL : kept->room;
}

static bool pass_at_once(checker *c, uint64_t units)
{
    if (c->in_scan != 1 || c->restart_interval) return false;
    size_t size = 0;
    const uint8_t *behind = NULL, *data = unstuffed(c, &size, &behind);
    if (!data) return false;
    const component *one = c->scan[0];
    lanes all;
    all.data = data;
    all.total = 8 * (uint64_t)size;
    all.dc = &c->kept->dc[one->dc];
    all.ac = &c->kept->ac[one->ac];
    memcpy(all.several, all.dc->several, sizeof all.dc->several);
    memcpy(all.several + LOOKUP_SIZE, all.ac->several, sizeof all.ac->several);
    if (!pass_lanes(&all, units)) return false;
    c->p = behind;
    return true;
}

static fd_status pass_sequential(checker *c)
{
    for (unsigned i = 0; i < c->in_scan; i++)
        if (!c->have_dc[c->scan[i]->dc] || !c->have_ac[c->scan[i]->ac])
            return failed(c, FD_INVALID, c->p, c->scan[i]->dc, c->scan[i]->ac,
                          "the JPEG stream has a scan without its Huffman table");
    reader r = {.p = c->p, .end = c->end};
    uint32_t across;
    const uint64_t units = units_of(c, &across), interval = c->restart_interval ? c->restart_interval : units;
    if (pass_at_once(c, units)) return FD_OK;
    for (uint64_t done = 0, n = 0; done < units; n++) {
        fd_status status = n ? pass_restart(c, &r, (unsigned)(n - 1) & 7) : FD_OK;
        if (status == FD_OK) status = pass_interval(c, &r, units - done < interval ? units - done : interval, &done);
        if (status == FD_TRUNCATED) *c->whole_rows = rows_of(c, done, across);
        if (status != FD_OK) return status;
    }
    if (!only_padding(&r)) return failed(c, FD_INVALID, r.p, 0, 0, "the JPEG stream has data behind its last block");
    c->p = r.p;
    return FD_OK;
}

/* Markers alone: restarts in order and as many as are due; the scan must be followed by something. */
static fd_status pass_by_markers(checker *c)
{
    uint32_t across;
    const uint64_t units = units_of(c, &across);
    const uint64_t due = c->restart_interval && units ? (units - 1) / c->restart_interval : 0;
    uint64_t restarts = 0;
    for (;;) {
        const uint8_t *ff = c->end - c->p >= 2 ? memchr(c->p, 0xFF, (size_t)(c->end - c->p - 1)) : NULL;
        if (!ff) return failed(c, FD_TRUNCATED, c->end, 0, 0, "the JPEG stream ends inside a scan");
        c->p = ff + 1;
        if (*c->p == 0 || *c->p == 0xFF) continue;
        if (*c->p < 0xD0 || *c->p > 0xD7) {
            c->p = ff;
            break;
        }
        if (!c->restart_interval || (*c->p & 7u) != (restarts & 7))
            return failed(c, FD_INVALID, ff, *c->p, 0xD0 + (restarts & 7), "the JPEG stream has a restart where none is due");
        restarts++;
    }
    if (restarts != due) return failed(c, FD_INVALID, c->p, restarts, due, "the JPEG stream has a scan with too few restarts");
    return FD_OK;
}

/* headers */

static fd_status read_frame(checker *c, const uint8_t *p, size_t n, unsigned marker)
{
    if (c->have_frame) return failed(c, FD_INVALID, p, marker, 0, "the JPEG stream has a second frame header");
    if (n < 6 || n < 6 + 3u * p[5]) return failed(c, FD_INVALID, p, n, 6, "the JPEG frame header is cut off");
    c->process = marker & 15;
    c->rows = fd_load16be(p + 1);
    c->columns = fd_load16be(p + 3);
    c->components = p[5];
    if (!c->rows || !c->columns) return failed(c, FD_INVALID, p, 0, 1, "the JPEG frame has no rows or no columns");
    if (!c->components || c->components > MOST_COMPONENTS)
        return failed(c, FD_INVALID, p, c->components, MOST_COMPONENTS, "the JPEG frame has no such number of components");
    for (unsigned i = 0; i < c->components; i++) {
        const uint8_t *one = p + 6 + 3 * i;
        c->all[i] = (component){.id = one[0], .across = one[1] >> 4, .down = one[1] & 15};
        memset(c->all[i].lacking, 1, sizeof c->all[i].lacking);
        if (!c->all[i].across || !c->all[i].down || c->all[i].across > 4 || c->all[i].down > 4)
            return failed(c, FD_INVALID, one, one[1], 0x44, "a JPEG component has no such sampling factors");
        if (c->all[i].across > c->widest) c->widest = c->all[i].across;
        if (c->all[i].down > c->tallest) c->tallest = c->all[i].down;
    }
    c->have_frame = true;
    return FD_OK;
}

static bool is_progressive(const checker *c) { return (c->process & 3) == 2; }

static fd_status read_scan(checker *c, const uint8_t *p, size_t n)
{
    if (!c->have_frame) return failed(c, FD_INVALID, p, 0, 0, "the JPEG stream has a scan before its frame header");
    if (n < 1 || n < 4 + 2u * p[0]) return failed(c, FD_INVALID, p, n, 6, "the JPEG scan header is cut off");
    if (++c->scans > MOST_SCANS)
        return failed(c, FD_INVALID, p, c->scans, MOST_SCANS, "the JPEG stream has more scans than any encoder writes");
    c->in_scan = p[0];
    if (!c->in_scan || c->in_scan > c->components)
        return failed(c, FD_INVALID, p, c->in_scan, c->components, "the JPEG scan has no such number of components");
    for (unsigned i = 0; i < c->in_scan; i++) {
        const uint8_t *one = p + 1 + 2 * i;
        unsigned k = 0;
        while (k < c->components && c->all[k].id != one[0]) k++;
        if (k == c->components)
            return failed(c, FD_INVALID, one, one[0], 0, "the JPEG scan has a component that the frame has not");
        c->all[k].dc = one[1] >> 4 & 3;
        c->all[k].ac = one[1] & 3;
        c->all[k].seen = true;
        c->scan[i] = &c->all[k];
    }
    if (is_progressive(c)) {
        const uint8_t *last = p + 1 + 2 * p[0]; /* Ss, Se, Ah Al (T.81 G.1.1.1) */
        if (last[0] > last[1] || last[1] > 63)
            return failed(c, FD_INVALID, last, last[0], last[1], "the JPEG scan has no such coefficients");
        for (unsigned i = 0; i < c->in_scan; i++) memset(c->scan[i]->lacking + last[0], last[2] & 15, last[1] - last[0] + 1u);
    }
    if (c->process > 1) return pass_by_markers(c);
    if (c->thorough || c->restart_interval || c->in_scan < c->components) return pass_sequential(c);
    if (c->kept->heard) { /* to look for its end costs a per cent of decoding it */
        c->p = c->end;
        return FD_OK;
    }
    /* One scan holds all: if it is followed by the end marker, nothing was cut off. Else its blocks are counted. */
    const uint8_t *start = c->p;
    const fd_status status = pass_by_markers(c);
    if (status == FD_OK && c->end - c->p >= 2 && fd_huffman_behind_fill(c->p, c->end)[1] == 0xD9) return FD_OK;
    c->p = start;
    return pass_sequential(c);
}

static fd_status read_segment(checker *c, unsigned marker)
{
    const size_t left = (size_t)(c->end - c->p);
    if (left < 2) return failed(c, FD_TRUNCATED, c->p, left, 2, "the JPEG stream ends inside a marker segment");
    const size_t n = fd_load16be(c->p);
    if (n < 2) return failed(c, FD_INVALID, c->p, n, 2, "a JPEG marker segment is shorter than its length");
    if (left < n) return failed(c, FD_TRUNCATED, c->p, left, n, "the JPEG stream ends inside a marker segment");
    const uint8_t *p = c->p + 2;
    c->p += n;
    if (marker == 0xFFDA) return read_scan(c, p, n - 2);
    if (marker == 0xFFC4) return read_tables(c, p, n - 2);
    if (marker == 0xFFDD) {
        if (n < 4) return failed(c, FD_INVALID, p, n, 4, "the restart interval is cut off");
        c->restart_interval = fd_load16be(p);
    } else if (marker >= 0xFFC0 && marker <= 0xFFCF && marker != 0xFFC8 && marker != 0xFFCC) {
        return read_frame(c, p, n - 2, marker);
    }
    return FD_OK;
}

static fd_status finish(checker *c, bool at_end_marker)
{
    if (!c->have_frame) return failed(c, FD_TRUNCATED, c->p, 0, 0, "the JPEG stream has no frame header");
    for (unsigned i = 0; i < c->components; i++)
        if (!c->all[i].seen)
            return failed(c, FD_TRUNCATED, c->p, i, c->components, "the JPEG stream ends before all components were there");
    for (unsigned i = 0; i < c->components && is_progressive(c); i++)
        for (unsigned k = 0; k < 64; k++)
            if (c->all[i].lacking[k])
                return failed(c, FD_TRUNCATED, c->p, i, k,
                              "the JPEG stream ends before the last scan of a component and coefficient");
    /* a stream of which every block was seen may do without its end marker; others may have lost a scan */
    if (!at_end_marker && c->process > 1)
        return failed(c, FD_TRUNCATED, c->p, 0, 0, "the JPEG stream ends without its end marker");
    return FD_OK;
}

fd_status fd_jpegcheck_run(fd_jpegcheck *check, const uint8_t *src, size_t size, bool thorough, uint32_t *whole_rows,
                           fd_error *error)
{
    checker c = {
        .kept = check, .src = src, .end = src + size, .p = src, .error = error, .whole_rows = whole_rows, .thorough = thorough};
    *whole_rows = 0;
    if (size < 4) return failed(&c, FD_TRUNCATED, src, size, 4, "the JPEG stream is cut off");
    if (src[0] != 0xFF || src[1] != 0xD8)
        return failed(&c, FD_INVALID, src, fd_load16be(src), 0xFFD8, "the stream does not begin as JPEG does");
    c.p += 2;
    /* PS3.5 A.4: a fragment is padded to even length. Without an end marker the padding would count as data of the last block. */
    while (c.end - c.p > 2 && c.end[-1] == 0) c.end--;
    while (c.end - c.p >= 2) {
        const uint8_t *ff = memchr(c.p, 0xFF, (size_t)(c.end - c.p - 1));
        if (!ff) break;
        c.p = ff + 1;
        if (*c.p == 0xFF || *c.p == 0) continue;
        const unsigned marker = 0xFF00u | *c.p++;
        if (marker == 0xFFD9) return finish(&c, true);
        if (marker == 0xFF01 || (marker >= 0xFFD0 && marker <= 0xFFD8)) continue; /* they stand alone */
        const fd_status status = read_segment(&c, marker);
        if (status != FD_OK) return status;
    }
    c.p = c.end;
    return finish(&c, false);
}

fd_jpegcheck *fd_jpegcheck_new(void)
{
    fd_jpegcheck *made = calloc(1, sizeof *made);
    if (made) made->lanes_from = LANES_FROM;
    return made;
}
void fd_jpegcheck_use_lanes(fd_jpegcheck *check, size_t from) { check->lanes_from = from < LANES_LEAST ? LANES_LEAST : from; }

void fd_jpegcheck_hear(fd_jpegcheck *check, bool on) { check->heard = on; }

void fd_jpegcheck_free(fd_jpegcheck *check)
{
    if (check) free(check->room);
    free(check);
}
