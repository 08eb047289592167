#include "fd_rle.h"

#include <stdlib.h>

#include "fd_pixel.h"

#define HEADER 64u /* G.3: sixteen numbers of 32 bits, the number of segments and their offsets */
#define MOST_SEGMENTS 15u
#define BLOCK ((size_t)4096) /* pixels at a time */
#define SHORT 16u            /* a short run is written as so many bytes, where there is room for them */

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

/* The next bytes of a segment (G.3.2), up to n of them. Answers how many there were: fewer only at its end. */
static size_t unpack(plane *s, uint8_t *to, size_t n)
{
    size_t made = 0;
    plane at = *s;
    while (made < n) {
        if (!at.copies && !at.repeats) {
            if (at.end - at.p < 2) break;
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

/* Segment k; it must lie in the frame, but the segments may be in any order. */
static fd_status find_segment(const uint8_t *src, size_t size, unsigned count, unsigned k, plane *out, fd_error *error)
{
    const uint64_t first = fd_load32le(src + 4 + 4 * k);
    const uint64_t next = k + 1 < count ? fd_load32le(src + 8 + 4 * k) : size;
    if (first < HEADER || first > size)
        return failed(error, FD_INVALID, 4 + 4 * k, first, size, "an RLE segment begins outside the frame");
    /* the next one's offset ends this one; where that is nonsense, the frame's end does, and the pixels stop it before */
    *out = (plane){.p = src + first, .end = src + (next > first && next <= size ? next : size)};
    return FD_OK;
}

/* Block by block: the planes of a block are put together while they are in the cache. */
static fd_status unpack_planes(uint8_t *dst, size_t pixels, plane *planes, unsigned count, uint8_t *block, fd_error *error)
{
    fd_status status = FD_OK;
    for (size_t done = 0; done < pixels && status == FD_OK; done += BLOCK) {
        const size_t n = pixels - done < BLOCK ? pixels - done : BLOCK;
        for (unsigned i = 0; i < count; i++) {
            const size_t made = unpack(&planes[i], block + i * n, n);
            if (made < n) return failed(error, FD_TRUNCATED, 0, done + made, pixels, "an RLE segment ends before its pixels do");
        }
        status = fd_pixel_interleave(dst + done * count, n * count, block, n * count, 1, count);
    }
    return status;
}

fd_status fd_rle_decode(uint8_t *dst, size_t dst_size, const uint8_t *src, size_t src_size, unsigned bytes, unsigned samples,
                        fd_error *error)
{
    if ((bytes != 1 && bytes != 2 && bytes != 4 && bytes != 8) || samples == 0 || samples > MOST_SEGMENTS ||
        bytes * samples > MOST_SEGMENTS || dst_size % (bytes * samples))
        return failed(error, FD_INVALID, 0, dst_size, (uint64_t)bytes * samples, "the frame is not made of whole pixels");
    const unsigned count = bytes * samples;
    if (src_size < HEADER) return failed(error, FD_TRUNCATED, 0, src_size, HEADER, "an RLE frame has a header of 64 bytes");
    if (fd_load32le(src) != count) return failed(error, FD_INVALID, 0, fd_load32le(src), count, "wrong number of RLE segments");
    plane planes[MOST_SEGMENTS];
    for (unsigned k = 0; k < count; k++) {
        const unsigned at = k / bytes * bytes + (bytes - 1 - k % bytes); /* the most significant byte is stored first */
        const fd_status status = find_segment(src, src_size, count, k, &planes[at], error);
        if (status != FD_OK) return status;
    }
    const size_t pixels = dst_size / count;
    if (count == 1) {
        const size_t made = unpack(&planes[0], dst, pixels);
        if (made == pixels) return FD_OK;
        return failed(error, FD_TRUNCATED, 0, made, pixels, "an RLE segment ends before its pixels do");
    }
    uint8_t *block = malloc((size_t)count * BLOCK);
    if (!block) return failed(error, FD_MEMORY, 0, 0, 0, "no memory");
    const fd_status status = unpack_planes(dst, pixels, planes, count, block, error);
    free(block);
    return status;
}
