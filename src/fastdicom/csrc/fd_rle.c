#include "fd_rle.h"

#include <stdlib.h>

#include "fd_pixel.h"

#define HEADER 64u /* G.3: sixteen numbers of 32 bits, the number of segments and their offsets */
#define MOST_SEGMENTS 15u
#define BLOCK ((size_t)4096) /* pixels at a time */
#define LONGEST 128u         /* bytes that a run makes */
#define SHORT 32u            /* a run is written as so many bytes at least, where there is room for them */

static fd_status failed(fd_error *error, fd_status status, uint64_t offset, uint64_t found, uint64_t expected, const char *reason)
{
    *error = (fd_error){.status = status, .offset = offset, .found = found, .expected = expected, .reason = reason};
    return status;
}

/* A segment on its way: between two calls it may stand inside a run. */
typedef struct plane {
    const uint8_t *p, *end;
    size_t copies, repeats; /* bytes of the run at hand that are still to come */
    uint8_t repeated;
} plane;

/* A run, written as 16, 64 or 128 bytes: what is too much is written over by the next one. A length that is asked for less
 * often is guessed wrong less often. */
static inline void copy_run(uint8_t *to, const uint8_t *from, size_t n)
{
    memcpy(to, from, SHORT);
    if (n > SHORT) {
        memcpy(to + SHORT, from + SHORT, 64 - SHORT);
        if (n > 64) memcpy(to + 64, from + 64, LONGEST - 64);
    }
}

static inline void fill_run(uint8_t *to, uint8_t byte, size_t n)
{
    memset(to, byte, SHORT);
    if (n > SHORT) {
        memset(to + SHORT, byte, 64 - SHORT);
        if (n > 64) memset(to + 64, byte, LONGEST - 64);
    }
}

/* Whole runs, while the longest fits on both sides. Answers how many bytes they made. */
static size_t unpack_whole(plane *s, uint8_t *to, size_t n)
{
    const uint8_t *p = s->p, *const last = s->end - s->p > (ptrdiff_t)LONGEST ? s->end - LONGEST - 1 : NULL;
    size_t made = 0;
    while (last && p <= last && n - made >= LONGEST) {
        const unsigned code = *p;
        if (code < 128) { /* so many bytes and one as they are */
            copy_run(to + made, p + 1, code + 1);
            p += code + 2;
            made += code + 1;
        } else if (code > 128) {
            fill_run(to + made, p[1], 257 - code);
            p += 2;
            made += 257 - code;
        } else {
            p++;
        }
    }
    s->p = p;
    return made;
}

/* The next bytes of a segment (G.3.2), up to n of them. Answers how many there were: fewer only at its end. */
static size_t unpack(plane *s, uint8_t *to, size_t n)
{
    size_t made = 0;
    plane at = *s;
    while (made < n) {
        if (!at.copies && !at.repeats) {
            made += unpack_whole(&at, to + made, n - made);
            if (made == n || at.end - at.p < 2) break;
            const unsigned code = *at.p++;
            if (code < 128) {
                at.copies = code + 1u; /* so many bytes as they are */
            } else if (code > 128) {
                at.repeats = 257u - code; /* the next byte so many times */
                at.repeated = *at.p++;
            }
        }
        const size_t room = n - made, there = (size_t)(at.end - at.p);
        if (at.copies) {
            if (at.copies > there) at.copies = there; /* the segment ends inside the run */
            const size_t run = at.copies < room ? at.copies : room;
            if (run <= SHORT && there >= SHORT && room >= SHORT)
                memcpy(to + made, at.p, SHORT);
            else
                memcpy(to + made, at.p, run);
            at.p += run;
            at.copies -= run;
            made += run;
        } else if (at.repeats) {
            const size_t run = at.repeats < room ? at.repeats : room;
            if (run <= SHORT && room >= SHORT)
                memset(to + made, at.repeated, SHORT);
            else
                memset(to + made, at.repeated, run);
            at.repeats -= run;
            made += run;
        }
    }
    *s = at;
    return made;
}

/* Where segment k stands in a pixel: the most significant byte of a sample is stored first (G.2). */
static inline unsigned place_of(unsigned k, unsigned bytes) { return k / bytes * bytes + (bytes - 1 - k % bytes); }

/* Segment k; it must lie in the frame, but the segments may be in any order. */
static fd_status find_segment(const uint8_t *src, size_t size, unsigned count, unsigned k, plane *out, fd_error *error)
{
    const uint64_t first = fd_load32le(src + 4 + 4 * k);
    const uint64_t next = k + 1 < count ? fd_load32le(src + 8 + 4 * k) : size;
    if (first < HEADER || first > size)
        return failed(error, first > size ? FD_TRUNCATED : FD_INVALID, 4 + 4 * k, first, size,
                      "an RLE segment begins outside the frame");
    /* the next one's offset ends this one; where that is nonsense, the frame's end does, and the pixels stop it before */
    *out = (plane){.p = src + first, .end = src + (next > first && next <= size ? next : size)};
    return FD_OK;
}

/* How many more bytes a segment would make. Where a run would begin and only zeros follow, they are padding. */
static size_t count_rest(const plane *s, const uint8_t *end)
{
    if (end < s->p || (size_t)(end - s->p) < s->copies) return 0; /* it reached into another one */
    const uint8_t *p = s->p + s->copies;
    size_t left = s->copies + s->repeats;
    const uint8_t *zeros = end;
    while (zeros > p && zeros[-1] == 0) zeros--;
    while (p < zeros && end - p >= 2) {
        const unsigned code = *p++;
        if (code < 128) {
            const size_t there = (size_t)(end - p), run = code + 1u < there ? code + 1u : there;
            p += run;
            left += run;
        } else if (code > 128) {
            p++;
            left += 257u - code;
        }
    }
    return left;
}

/* Pixels that every segment holds behind the last one; each ends where another begins, in whatever order they are. */
static size_t count_left(const uint8_t *src, size_t size, const plane *planes, unsigned count, unsigned bytes)
{
    size_t least = SIZE_MAX;
    for (unsigned k = 0; k < count; k++) {
        const size_t first = fd_load32le(src + 4 + 4 * k);
        size_t end = size;
        for (unsigned i = 0; i < count; i++) {
            const size_t other = fd_load32le(src + 4 + 4 * i);
            if (other > first && other < end) end = other;
        }
        const size_t left = count_rest(&planes[place_of(k, bytes)], src + end);
        if (left < least) least = left;
    }
    return least;
}

/* Block by block: the planes of a block are put together while they are in the cache. */
static fd_status unpack_planes(uint8_t *dst, size_t pixels, plane *planes, unsigned count, uint8_t *block, size_t *done,
                               fd_error *error)
{
    while (*done < pixels) {
        const size_t n = pixels - *done < BLOCK ? pixels - *done : BLOCK;
        size_t whole = n;
        for (unsigned i = 0; i < count; i++) {
            const size_t made = unpack(&planes[i], block + i * n, n);
            if (made < whole) whole = made;
        }
        uint8_t *to = dst + *done * count;
        if (whole == n) {
            const fd_status status = fd_pixel_interleave(to, n * count, block, n * count, 1, count);
            if (status != FD_OK) return failed(error, status, 0, 0, 0, "the frame is not made of whole pixels");
        } else {
            for (size_t k = 0; k < whole * count; k++) to[k] = block[k % count * n + k / count];
        }
        *done += whole;
        if (whole < n) return failed(error, FD_TRUNCATED, 0, *done, pixels, "an RLE segment ends before its pixels do");
    }
    return FD_OK;
}

fd_status fd_rle_decode(uint8_t *dst, size_t dst_size, const uint8_t *src, size_t src_size, unsigned bytes, unsigned samples,
                        size_t *done, size_t *left, fd_error *error)
{
    *done = *left = 0;
    if ((bytes != 1 && bytes != 2 && bytes != 4 && bytes != 8) || samples == 0 || samples > MOST_SEGMENTS ||
        bytes * samples > MOST_SEGMENTS || dst_size % (bytes * samples))
        return failed(error, FD_INVALID, 0, dst_size, (uint64_t)bytes * samples, "the frame is not made of whole pixels");
    const unsigned count = bytes * samples;
    if (src_size < HEADER) return failed(error, FD_TRUNCATED, 0, src_size, HEADER, "an RLE frame has a header of 64 bytes");
    if (fd_load32le(src) != count) return failed(error, FD_INVALID, 0, fd_load32le(src), count, "wrong number of RLE segments");
    plane planes[MOST_SEGMENTS];
    for (unsigned k = 0; k < count; k++) {
        const fd_status status = find_segment(src, src_size, count, k, &planes[place_of(k, bytes)], error);
        if (status != FD_OK) return status;
    }
    const size_t pixels = dst_size / count;
    if (count == 1) {
        *done = unpack(&planes[0], dst, pixels);
        if (*done < pixels) return failed(error, FD_TRUNCATED, 0, *done, pixels, "an RLE segment ends before its pixels do");
        *left = count_left(src, src_size, planes, count, bytes);
        return FD_OK;
    }
    uint8_t *block = malloc((size_t)count * BLOCK);
    if (!block) return failed(error, FD_MEMORY, 0, 0, 0, "no memory");
    const fd_status status = unpack_planes(dst, pixels, planes, count, block, done, error);
    free(block);
    if (status == FD_OK) *left = count_left(src, src_size, planes, count, bytes);
    return status;
}
