#include "fd_dct.h"

#include <stdlib.h>

#include "fd_bmi2.h"
#include "fd_dct_idct.h"
#include "fd_flag.h"
#include "fd_huffman.h"

#define DC_BITS 10
#define AC_BITS 12
#define ROOM_BEHIND 512 /* zeros behind the bytes of an interval: a block takes 1 + 63 times 31 bits at most, which is less */
#define PLACES 256      /* of a coefficient in the block and beyond: see AC_ENTRY */
#define ENDS 128
#define ROOM_KEPT ((size_t)16 << 20) /* from frame to frame, at most */

/* What the next DC_BITS or AC_BITS bits tell in one look: a code and those of its magnitude bits that are among them, the sign at
 * least. Bits 0 to 7: all bits of code and magnitude; 0: a longer code, or none. 8 to 15: by how much the bits behind the look are to
 * be shifted to get the magnitude bits that are missing, so that these are added without a question being asked. In an entry of AC
 * follow the places: 16 to 23, how many zeros come before the coefficient (127: it is none, but the end of the block); 24 to 31, how
 * far behind it a second one is, whose code and magnitude are whole among the bits (0: there is none, and the first is written
 * twice; 128: the end of the block); 32 to 47 and 48 to 63, the coefficients. In one of DC 16 to 31 is the difference. */
#define SHIFT_OF(bits, missing) (64u - (bits) - (missing))
#define BEHIND_LOOK(bits) (((uint64_t)1 << (64 - (bits))) - 1)
#define AC_ENTRY(used, missing, run, second, a, b)                                                                     \
    ((uint64_t)(used) | (uint64_t)SHIFT_OF(AC_BITS, missing) << 8 | (uint64_t)(run) << 16 | (uint64_t)(second) << 24 | \
     (uint64_t)((uint32_t)(a)&0xFFFF) << 32 | (uint64_t)((uint32_t)(b)&0xFFFF) << 48)

typedef struct dc_table {
    fd_huffman codes;
    uint32_t look[1u << DC_BITS];
} dc_table;

typedef struct ac_table {
    fd_huffman codes;
    uint64_t look[1u << AC_BITS];
} ac_table;

struct fd_dct {
    dc_table dc[FD_HUFFMAN_TABLES];
    ac_table ac[FD_HUFFMAN_TABLES];
    uint64_t single[1u << AC_BITS]; /* of the table that is being made: one symbol an entry */
    uint8_t *room;                  /* an interval without the zeros stuffed into it */
    size_t room_size;
};

/* The entropy coded bits at hand: none end before ROOM_BEHIND bytes of zeros. */
typedef struct reader {
    uint64_t bits; /* the next ones, left aligned */
    unsigned count;
    const uint8_t *p;
} reader;

/* Blocks of a scan, as they are decoded. */
typedef struct job {
    const dc_table *dc;
    const ac_table *ac;
    const fd_dct_steps *steps;
    fd_dct_transform *transform;
    uint8_t places[PLACES];
    uint8_t *dst;
    size_t pitch;
    uint32_t rows, columns, across; /* samples; blocks */
    unsigned precision, bytes;
    const uint8_t *start, *end; /* of the interval */
    uint64_t units, done;       /* blocks up to the end of the interval; decoded */
    reader reader;
    unsigned wild; /* a block was: fd_dct_idct.h. Its codes and those behind it are read nevertheless */
} job;

typedef enum outcome { GOOD, NO_CODE, DRY } outcome;

typedef struct decoder {
    fd_dct *kept;
    const uint8_t *src, *end, *p;
    const uint8_t *entropy; /* where the interval at hand begins */
    fd_error *error;
    const fd_dct_frame *frame;
    const fd_dct_way *way;
    uint8_t *dst;
    uint32_t *whole_rows;
    uint16_t quantisation[4][64]; /* in zigzag */
    bool have_quantisation[4], have_dc[FD_HUFFMAN_TABLES], have_ac[FD_HUFFMAN_TABLES], have_frame, is_done, is_fast;
    unsigned id, steps_of; /* the component, and the number of its steps */
    uint32_t restart_interval;
} decoder;

static fd_status failed(decoder *d, fd_status status, const uint8_t *at, uint64_t found, uint64_t expected, const char *reason)
{
    *d->error =
        (fd_error){.status = status, .offset = (uint64_t)(at - d->src), .found = found, .expected = expected, .reason = reason};
    return status;
}

static fd_status unknown(decoder *d, const uint8_t *at, uint64_t found, const char *what)
{
    return failed(d, FD_LIMIT, at, found, 0, what);
}

/* tables */

static int value_of(unsigned category, uint32_t magnitude)
{
    if (!category) return 0;
    return magnitude >> (category - 1) ? (int)magnitude : (int)magnitude - (int)((1u << category) - 1);
}

static uint64_t dc_entry(unsigned symbol, unsigned used, unsigned missing, int value)
{
    (void)symbol;
    return (uint32_t)value << 16 | SHIFT_OF(DC_BITS, missing) << 8 | used;
}

static uint64_t ac_entry(unsigned symbol, unsigned used, unsigned missing, int value)
{
    const unsigned run = symbol >> 4;
    if (!(symbol & 15) && run != 15) return AC_ENTRY(used, 0, ENDS - 1, 0, 0, 0); /* the end of the block */
    return AC_ENTRY(used, missing, run, 0, value, value);
}

/* All looks of `most` bits, of one symbol each. 0 where its code is longer, or its sign is not among them. */
static void fill_looks(const fd_huffman *t, unsigned most, uint64_t *look,
                       uint64_t entry_of(unsigned symbol, unsigned used, unsigned missing, int value))
{
    const uint8_t *counts = t->specification, *symbols = counts + 16;
    memset(look, 0, sizeof *look << most);
    for (unsigned length = 1; length <= most; length++) {
        for (unsigned i = 0; i < counts[length - 1]; i++, symbols++) {
            const unsigned category = *symbols & 15, used = length + category, missing = used > most ? used - most : 0;
            const unsigned seen = category - missing, same = 1u << (most - length - seen);
            for (uint32_t magnitude = 0; magnitude < 1u << seen; magnitude++) {
                const uint64_t entry = entry_of(*symbols, used, missing, value_of(category, magnitude << missing));
                for (unsigned n = 0; n < same; n++) *look++ = category && !seen ? 0 : entry;
            }
        }
    }
}

static void make_dc(dc_table *t, uint64_t *single)
{
    fill_looks(&t->codes, DC_BITS, single, dc_entry);
    for (uint32_t i = 0; i < 1u << DC_BITS; i++) t->look[i] = (uint32_t)single[i];
}

#define USED(entry) ((unsigned)(entry)&255)
#define RUN(entry) ((unsigned)((entry) >> 16) & 255)
#define SECOND(entry) ((unsigned)((entry) >> 24) & 255)

static void make_ac(ac_table *t, uint64_t *single)
{
    fill_looks(&t->codes, AC_BITS, single, ac_entry);
    for (uint32_t i = 0; i < 1u << AC_BITS; i++) {
        const uint64_t one = single[i];
        t->look[i] = one;
        if (!one || USED(one) >= AC_BITS || RUN(one) == ENDS - 1) continue;
        const uint64_t two = single[i << USED(one) & ((1u << AC_BITS) - 1)];
        if (!two || USED(one) + USED(two) > AC_BITS) continue;
        t->look[i] = AC_ENTRY(USED(one) + USED(two), 0, RUN(one), RUN(two) + 1, one >> 32, two >> 32);
    }
}

static fd_status read_tables(decoder *d, const uint8_t *p, size_t n)
{
    while (n) {
        fd_huffman_found found;
        const uint8_t *at = p;
        bool same = false;
        fd_status status = fd_huffman_next(&p, &n, &found, d->error);
        if (status == FD_OK) {
            dc_table *dc = &d->kept->dc[found.destination];
            ac_table *ac = &d->kept->ac[found.destination];
            fd_huffman *codes = found.is_ac ? &ac->codes : &dc->codes;
            status = fd_huffman_make(codes, &found, &same, d->error);
            if (status == FD_OK && codes->has_all_ones) return unknown(d, at, 0, "a Huffman table with a code of ones alone");
            if (status == FD_OK && !same && found.is_ac) make_ac(ac, d->kept->single);
            if (status == FD_OK && !same && !found.is_ac) make_dc(dc, d->kept->single);
        }
        if (status != FD_OK) {
            d->error->offset = (uint64_t)(at - d->src);
            return status;
        }
        (found.is_ac ? d->have_ac : d->have_dc)[found.destination] = true;
    }
    return FD_OK;
}

static fd_status read_quantisation(decoder *d, const uint8_t *p, size_t n)
{
    while (n) {
        const unsigned wide = p[0] >> 4, destination = p[0] & 15;
        const size_t size = 1 + 64 * (wide ? 2 : 1);
        if (wide > 1 || destination > 3 || n < size) return unknown(d, p, p[0], "such a quantisation table");
        for (unsigned k = 0; k < 64; k++) d->quantisation[destination][k] = wide ? fd_load16be(p + 1 + 2 * k) : p[1 + k];
        d->have_quantisation[destination] = true;
        p += size;
        n -= size;
    }
    return FD_OK;
}

/* bits */

FD_INLINE void refill(reader *r)
{
    r->bits |= fd_load64be(r->p) >> r->count;
    r->p += (63 - r->count) >> 3;
    r->count |= 56;
}

FD_INLINE void skip(reader *r, unsigned n)
{
    r->bits <<= n & 63;
    r->count -= n & 63;
}

/* A code that no look tells, and its magnitude, at most 31 bits: its symbol; -1: there is no such code. */
static int long_symbol(reader *r, const fd_huffman *t, int *value)
{
    unsigned length;
    const int symbol = fd_huffman_long(t, r->bits, 0, &length);
    if (symbol < 0) return -1;
    const unsigned category = (unsigned)symbol & 15;
    skip(r, length);
    *value = value_of(category, (uint32_t)((r->bits >> 1) >> (63 - category)));
    skip(r, category);
    return symbol;
}

/* Where the hot loop looks. */
typedef struct looks {
    const uint32_t *dc;
    const uint64_t *ac;
    const uint8_t *places;
    const job *j;
} looks;

/* One coefficient by its code alone. */
static unsigned take_long(reader *r, const job *j, int16_t *block, unsigned k)
{
    int value = 0;
    refill(r);
    const int symbol = long_symbol(r, &j->ac->codes, &value);
    if (symbol < 0) return 0;
    refill(r);
    if (!(symbol & 15) && symbol != 0xF0) return k + ENDS;
    k += (unsigned)symbol >> 4;
    block[j->places[k]] = (int16_t)value;
    return k + 1;
}

/* One or two coefficients: the place behind them; above ENDS: the block has ended, before that place less ENDS. 0: no such code. Takes
 * 26 bits at most. */
FD_INLINE unsigned take(reader *r, const looks *at, int16_t *block, unsigned k)
{
    const uint64_t entry = at->ac[r->bits >> (64 - AC_BITS)];
    const unsigned place = k + RUN(entry);
    if (!USED(entry) || place == 63) { /* behind the last coefficient there is no second one: those bits are the next block's */
        reader moved = *r;
        k = take_long(&moved, at->j, block, k);
        *r = moved;
        return k;
    }
    const unsigned rest = (unsigned)((r->bits & BEHIND_LOOK(AC_BITS)) >> (entry >> 8 & 63));
    skip(r, (unsigned)entry);
    block[at->places[place]] = (int16_t)((unsigned)(entry >> 32) + rest);
    k = place + SECOND(entry);
    block[at->places[k]] = (int16_t)((unsigned)(entry >> 48) + rest);
    return k + 1;
}

/* The coefficients of a block but for the first, which is added to *dc. 1: there are some; 0: none; -1: there is no such code. */
FD_INLINE int read_block(reader *r, const looks *at, int16_t *block, int *dc)
{
    refill(r);
    const uint32_t entry = at->dc[r->bits >> (64 - DC_BITS)];
    if (entry) {
        const unsigned rest = (unsigned)((r->bits & BEHIND_LOOK(DC_BITS)) >> (entry >> 8 & 63));
        *dc += (int16_t)((entry >> 16) + rest);
        skip(r, entry);
    } else {
        int difference = 0;
        reader moved = *r;
        if (long_symbol(&moved, &at->j->dc->codes, &difference) < 0) return -1;
        *dc += difference;
        *r = moved;
    }
    unsigned k = 1;
    do {
        refill(r);
        k = take(r, at, block, k);
        if (k - 1 >= 63) break; /* 0 too */
        k = take(r, at, block, k);
    } while (k - 1 < 63);
    if (!k || (k & (ENDS - 1)) > 64) return -1; /* a run beyond the last coefficient */
    return k != 1 + ENDS;
}

/* blocks */

/* A block that is not whole in the image, or whose samples are stored wider than they are. */
static void copy_part(const job *j, const uint8_t *tile, uint32_t y, uint32_t x)
{
    const uint32_t high = j->rows - y < 8 ? j->rows - y : 8, wide = j->columns - x < 8 ? j->columns - x : 8;
    const unsigned from = j->precision > 8 ? 2 : 1;
    for (uint32_t r = 0; r < high; r++) {
        uint8_t *out = j->dst + (size_t)(y + r) * j->pitch + (size_t)x * j->bytes;
        const uint8_t *in = tile + 8 * from * r;
        if (from == j->bytes) {
            memcpy(out, in, (size_t)wide * from);
        } else {
            for (uint32_t c = 0; c < wide; c++) {
                out[2 * c] = in[c];
                out[2 * c + 1] = 0;
            }
        }
    }
}

FD_INLINE void fill_flat(uint8_t *out, size_t pitch, unsigned sample, unsigned precision)
{
    uint8_t row[16];
    for (unsigned i = 0; i < 8; i++) {
        if (precision > 8) {
            row[2 * i] = (uint8_t)sample;
            row[2 * i + 1] = (uint8_t)(sample >> 8);
        } else {
            row[i] = (uint8_t)sample;
        }
    }
    for (unsigned y = 0; y < 8; y++) memcpy(out + y * pitch, row, precision > 8 ? 16 : 8);
}

/* The blocks of an interval. */
FD_INLINE outcome read_blocks(job *restrict j, unsigned precision)
{
    _Alignas(FD_DCT_ALIGN) int16_t block[FD_DCT_ROOM] = {0};
    _Alignas(FD_DCT_ALIGN) uint8_t tile[128];
    const looks at = {j->dc->look, j->ac->look, j->places, j};
    reader r = j->reader;
    int dc = 0;
    unsigned wild = 0;
    outcome result = GOOD;
    const unsigned size = precision > 8 ? 2 : 1;
    uint64_t done = j->done;
    uint32_t y = (uint32_t)(done / j->across) * 8, x = (uint32_t)(done % j->across) * 8;
    for (; done < j->units; done++) {
        const int others = read_block(&r, &at, block, &dc);
        if ((uint64_t)(r.p - j->start) * 8 - r.count > (uint64_t)(j->end - j->start) * 8) {
            result = DRY;
            break;
        }
        if (others < 0) {
            result = NO_CODE;
            break;
        }
        wild |= dc != (int16_t)dc;
        dc = (int16_t)dc;
        const bool whole = j->rows - y >= 8 && j->columns - x >= 8 && j->bytes == size;
        uint8_t *out = whole ? j->dst + (size_t)y * j->pitch + (size_t)x * size : tile;
        const size_t pitch = whole ? j->pitch : 8 * size;
        if (others) {
            block[0] = (int16_t)dc;
            wild |= j->transform(block, j->steps, out, pitch);
        } else {
            const int sample = fd_dct_flat(dc, j->steps, precision);
            wild |= sample < 0;
            fill_flat(out, pitch, (unsigned)sample, precision);
        }
        if (!whole) copy_part(j, tile, y, x);
        x += 8;
        if (x >= j->columns) {
            x = 0;
            y += 8;
        }
    }
    j->done = done;
    j->reader = r;
    j->wild |= wild;
    return result;
}

static outcome portable_blocks(job *j) { return j->precision == 8 ? read_blocks(j, 8) : read_blocks(j, 12); }

#if FD_HAVE_BMI2
FD_TARGET_BMI2 static outcome bmi2_blocks(job *j) { return j->precision == 8 ? read_blocks(j, 8) : read_blocks(j, 12); }
#endif

static fd_flag fast_state; /* 0: not looked yet, 1: portable, 2: AVX2 and BMI2 */

bool fd_dct_use_fast(bool on)
{
#if FD_HAVE_BMI2
    __builtin_cpu_init();
    const bool has = __builtin_cpu_supports("bmi2") != 0 && __builtin_cpu_supports("avx2") != 0;
#else
    const bool has = false;
#endif
    fd_flag_set(&fast_state, on && has ? 2 : 1);
    return has;
}

static bool is_fast(void)
{
    if (fd_flag_get(&fast_state) == 0) fd_dct_use_fast(true);
    return fd_flag_get(&fast_state) == 2;
}

static outcome run(const decoder *d, job *j)
{
#if FD_HAVE_BMI2
    if (d->is_fast) return bmi2_blocks(j);
#endif
    (void)d;
    return portable_blocks(j);
}

/* scans */

/* The bytes up to the next marker, without the zeros that are stuffed behind 0xFF (F.1.2.3), and zeros behind them. */
static fd_status gather(decoder *d, job *j)
{
    fd_dct *kept = d->kept;
    const size_t most = (size_t)(d->end - d->p) + ROOM_BEHIND;
    if (kept->room_size < most) {
        free(kept->room);
        kept->room = malloc(most);
        kept->room_size = kept->room ? most : 0;
        if (!kept->room) return failed(d, FD_MEMORY, d->p, 0, 0, "no memory");
    }
    uint8_t *out = kept->room;
    const uint8_t *p = d->entropy = d->p;
    for (;;) {
        const uint8_t *ff = d->end - p >= 2 ? memchr(p, 0xFF, (size_t)(d->end - p)) : NULL;
        const bool last = !ff || d->end - ff < 2;
        const size_t n = ff ? (size_t)(ff - p) + (!last && ff[1] == 0) : (size_t)(d->end - p);
        memcpy(out, p, n);
        out += n;
        d->p = ff ? ff : d->end;
        if (last || ff[1] != 0) break;
        p = ff + 2;
    }
    const uint8_t *behind = fd_huffman_behind_fill(d->p, d->end);
    if (behind != d->p && d->end - behind >= 2 && behind[1] == 0) return unknown(d, d->p, 0, "fill bytes before a stuffed byte");
    memset(out, 0, ROOM_BEHIND);
    j->start = kept->room;
    j->end = out;
    j->reader = (reader){.p = j->start};
    return FD_OK;
}

static size_t taken(const job *j) { return (size_t)(j->reader.p - j->start) - j->reader.count / 8; }

/* Where in the stream the next byte of the interval is. */
static const uint8_t *place_of(const decoder *d, const job *j)
{
    size_t n = taken(j);
    const uint8_t *p = d->entropy;
    for (; n && p < d->p; n--) p += *p == 0xFF ? 2 : 1;
    return p < d->p ? p : d->p;
}

/* What is left behind the last block before the marker: less than a byte of padding, and perhaps whole bytes of it. */
static bool only_padding(const job *j)
{
    for (const uint8_t *p = j->start + taken(j); p < j->end; p++)
        if (*p != 0 && *p != 0xFF) return false;
    return true;
}

static fd_status pass_restart(decoder *d, unsigned number)
{
    const uint8_t *p = fd_huffman_behind_fill(d->p, d->end);
    if (d->end - p < 2) return failed(d, FD_TRUNCATED, p, 0, 0, "the JPEG stream ends before its last block");
    if (p[1] != 0xD0 + number)
        return failed(d, FD_INVALID, p, p[1], 0xD0 + number, "the JPEG stream has another marker where a restart is due");
    d->p = p + 2;
    return FD_OK;
}

static fd_status read_interval(decoder *d, job *j, bool is_last)
{
    fd_status status = gather(d, j);
    if (status != FD_OK) return status;
    const outcome result = run(d, j);
    if (result == DRY)
        return failed(d, d->end - d->p < 2 ? FD_TRUNCATED : FD_INVALID, d->p, j->done, j->units,
                      "the JPEG stream ends, or has a marker, before its last block");
    if (result == NO_CODE)
        return failed(d, FD_INVALID, place_of(d, j), j->done, j->units, "the JPEG stream has no such Huffman code");
    if (!only_padding(j))
        return failed(d, FD_INVALID, place_of(d, j), 0, 0,
                      is_last ? "the JPEG stream has data behind its last block"
                              : "the JPEG stream has data behind the last block before a restart");
    return FD_OK;
}

static fd_status read_scan(decoder *d, job *j)
{
    const uint64_t total = (uint64_t)j->across * ((j->rows + 7) / 8);
    const uint64_t interval = d->restart_interval ? d->restart_interval : total;
    fd_status status = FD_OK;
    for (unsigned n = 0; status == FD_OK && j->done < total; n++) {
        if (n) status = pass_restart(d, (n - 1) & 7);
        j->units = total - j->done < interval ? total : j->done + interval;
        if (status == FD_OK) status = read_interval(d, j, j->units == total);
    }
    if (j->wild && (status == FD_OK || status == FD_TRUNCATED)) return unknown(d, d->p, 0, "coefficients that no encoder makes");
    if (status == FD_TRUNCATED) *d->whole_rows = (uint32_t)(j->done / j->across * 8);
    if (status != FD_OK) return status;
    const uint8_t *p = fd_huffman_behind_fill(d->p, d->end);
    d->is_done = d->end - p < 2 || p[1] == 0xD9; /* without its end marker it is whole nevertheless */
    return d->is_done ? FD_OK : unknown(d, p, p[1], "something else than the end behind its first scan");
}

static fd_status begin_scan(decoder *d, const uint8_t *p, size_t n)
{
    if (!d->have_frame) return unknown(d, p, 0, "a scan before its frame header");
    if (n != 6 || p[0] != 1 || p[1] != d->id || p[3] != 0 || p[4] != 63 || p[5] != 0)
        return unknown(d, p, n, "such a scan header");
    const unsigned dc = p[2] >> 4, ac = p[2] & 15;
    if (dc >= FD_HUFFMAN_TABLES || ac >= FD_HUFFMAN_TABLES || !d->have_dc[dc] || !d->have_ac[ac] ||
        !d->have_quantisation[d->steps_of])
        return unknown(d, p, p[2], "a scan without one of its tables");
    const fd_dct_frame *f = d->frame;
    fd_dct_steps steps;
    job j = {.dc = &d->kept->dc[dc],
             .ac = &d->kept->ac[ac],
             .steps = &steps,
             .transform = f->precision == 8 ? d->way->of_8_bits : d->way->of_12_bits,
             .dst = d->dst,
             .pitch = (size_t)f->columns * f->bytes,
             .rows = f->rows,
             .columns = f->columns,
             .across = (f->columns + 7) / 8,
             .precision = f->precision,
             .bytes = f->bytes};
    if (!fd_dct_make_steps(&steps, d->way, d->quantisation[d->steps_of], f->precision)) return unknown(d, p, 0, "a step of 0");
    memset(j.places, 64, sizeof j.places);
    memcpy(j.places, d->way->order, sizeof d->way->order);
    return read_scan(d, &j);
}

/* headers */

static fd_status read_frame(decoder *d, const uint8_t *p, size_t n)
{
    const fd_dct_frame *f = d->frame;
    if (d->have_frame || n != 9 || p[5] != 1) return unknown(d, p, n, "a frame of several components, or two frames");
    if (p[0] != f->precision || fd_load16be(p + 1) != f->rows || fd_load16be(p + 3) != f->columns)
        return unknown(d, p, p[0], "a frame of another size than was asked for");
    const unsigned across = p[7] >> 4, down = p[7] & 15;
    if (!across || !down || across > 4 || down > 4 || p[8] > 3) return unknown(d, p, p[7], "such a component");
    d->id = p[6];
    d->steps_of = p[8];
    d->have_frame = true;
    return FD_OK;
}

static fd_status read_segment(decoder *d, unsigned marker)
{
    const size_t left = (size_t)(d->end - d->p);
    if (left < 2) return failed(d, FD_TRUNCATED, d->p, left, 2, "the JPEG stream ends inside a marker segment");
    const size_t n = fd_load16be(d->p);
    if (n < 2) return failed(d, FD_INVALID, d->p, n, 2, "a JPEG marker segment is shorter than its length");
    if (left < n) return failed(d, FD_TRUNCATED, d->p, left, n, "the JPEG stream ends inside a marker segment");
    const uint8_t *p = d->p + 2;
    d->p += n;
    switch (marker) {
    case 0xC0:
    case 0xC1: return read_frame(d, p, n - 2);
    case 0xC4: return read_tables(d, p, n - 2);
    case 0xDA: return begin_scan(d, p, n - 2);
    case 0xDB: return read_quantisation(d, p, n - 2);
    case 0xDD:
        if (n != 4) return unknown(d, p, n, "such a restart interval");
        d->restart_interval = fd_load16be(p);
        return FD_OK;
    default: /* APPn, COM */
        return (marker >= 0xE0 && marker <= 0xEF) || marker == 0xFE ? FD_OK : unknown(d, p, marker, "such a marker");
    }
}

static bool is_possible(const fd_dct_frame *f, size_t dst_size)
{
    if ((f->precision != 8 && f->precision != 12) || f->bytes > 2 || f->bytes < (f->precision > 8 ? 2 : 1)) return false;
    if (!f->rows || !f->columns || f->rows > 65535 || f->columns > 65535) return false;
    return (uint64_t)f->rows * f->columns * f->bytes == dst_size;
}

static fd_status read_stream(decoder *d)
{
    while (!d->is_done) {
        const uint8_t *p = fd_huffman_behind_fill(d->p, d->end);
        if (d->end - p < 2) return failed(d, FD_TRUNCATED, p, 0, 0, "the JPEG stream ends before its first scan");
        if (p[0] != 0xFF || p[1] < 0xC0 || (p[1] >= 0xD0 && p[1] <= 0xD8))
            return unknown(d, p, p[1], "no segment where one is due");
        if (p[1] == 0xD9) return failed(d, FD_TRUNCATED, p, 0, 0, "the JPEG stream ends before its first scan");
        d->p = p + 2;
        const fd_status status = read_segment(d, p[1]);
        if (status != FD_OK) return status;
    }
    return FD_OK;
}

fd_status fd_dct_decode(fd_dct *kept, uint8_t *dst, size_t dst_size, const uint8_t *src, size_t size, const fd_dct_frame *frame,
                        uint32_t *whole_rows, fd_error *error)
{
    decoder d = {.kept = kept,
                 .src = src,
                 .end = src + size,
                 .p = src,
                 .error = error,
                 .frame = frame,
                 .dst = dst,
                 .whole_rows = whole_rows,
                 .is_fast = is_fast()};
    d.way = fd_dct_way_of(d.is_fast);
    *whole_rows = 0;
    if (!is_possible(frame, dst_size)) return unknown(&d, src, dst_size, "such a frame");
    if (size < 4) return failed(&d, FD_TRUNCATED, src, size, 4, "the JPEG stream is cut off");
    if (fd_load16be(src) != 0xFFD8)
        return failed(&d, FD_INVALID, src, fd_load16be(src), 0xFFD8, "the stream does not begin as JPEG does");
    d.p += 2;
    /* PS3.5 A.4: a fragment is padded to even length. Without an end marker the padding would count as data of the last block. */
    while (d.end - d.p > 2 && d.end[-1] == 0) d.end--;
    const fd_status status = read_stream(&d);
    if (kept->room_size > ROOM_KEPT) {
        free(kept->room);
        kept->room = NULL;
        kept->room_size = 0;
    }
    return status;
}

fd_dct *fd_dct_new(void) { return calloc(1, sizeof(fd_dct)); }

void fd_dct_free(fd_dct *d)
{
    if (d) free(d->room);
    free(d);
}
