/* Statuses, unaligned loads and checked arithmetic: what every other file of csrc stands on.
 *
 * Nothing in csrc knows Python. Functions return an fd_status; what went wrong is written into an fd_error that the
 * caller owns. Numbers from a file are 64-bit and every sum of them is checked.
 */
#ifndef FD_COMMON_H
#define FD_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef enum fd_status {
    FD_OK = 0,
    FD_END,         /* nothing more: the end of the data set, of the items, of the input */
    FD_NOT_DICOM,   /* no DICM, no group 0002 */
    FD_TRUNCATED,   /* the input ends inside what was asked for */
    FD_INVALID,     /* the bytes break the format beyond repair */
    FD_LIMIT,       /* a limit of the caller's was reached */
    FD_MEMORY,      /* malloc failed */
    FD_IO           /* the operating system failed; fd_error.os_errno says how */
} fd_status;

/* What went wrong and where. `reason` is a constant string; `found` and `expected` are numbers for the message. */
typedef struct fd_error {
    fd_status status;
    uint32_t tag;
    uint64_t offset;
    uint64_t found;
    uint64_t expected;
    int os_errno;
    const char *reason;
} fd_error;

static inline uint16_t fd_load16le(const uint8_t *p) { return (uint16_t)(p[0] | (unsigned)p[1] << 8); }
static inline uint16_t fd_load16be(const uint8_t *p) { return (uint16_t)(p[1] | (unsigned)p[0] << 8); }

static inline uint32_t fd_load32le(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint32_t fd_load32be(const uint8_t *p)
{
    return (uint32_t)p[3] | (uint32_t)p[2] << 8 | (uint32_t)p[1] << 16 | (uint32_t)p[0] << 24;
}

static inline uint64_t fd_load64le(const uint8_t *p) { return (uint64_t)fd_load32le(p) | (uint64_t)fd_load32le(p + 4) << 32; }
static inline uint64_t fd_load64be(const uint8_t *p) { return (uint64_t)fd_load32be(p + 4) | (uint64_t)fd_load32be(p) << 32; }

static inline uint16_t fd_load16(const uint8_t *p, bool big) { return big ? fd_load16be(p) : fd_load16le(p); }
static inline uint32_t fd_load32(const uint8_t *p, bool big) { return big ? fd_load32be(p) : fd_load32le(p); }
static inline uint64_t fd_load64(const uint8_t *p, bool big) { return big ? fd_load64be(p) : fd_load64le(p); }

/* A tag is two 16-bit numbers, each in the byte order of the data set (PS3.5 7.1.1). */
static inline uint32_t fd_load_tag(const uint8_t *p, bool big)
{
    return (uint32_t)fd_load16(p, big) << 16 | fd_load16(p + 2, big);
}

/* false when the result does not fit; *out is then untouched */
static inline bool fd_add64(uint64_t a, uint64_t b, uint64_t *out)
{
    if (a > UINT64_MAX - b) return false;
    *out = a + b;
    return true;
}

static inline bool fd_mul64(uint64_t a, uint64_t b, uint64_t *out)
{
    if (b != 0 && a > UINT64_MAX / b) return false;
    *out = a * b;
    return true;
}

#endif
