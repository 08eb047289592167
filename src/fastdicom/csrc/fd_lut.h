/* Look-up tables and windows: from stored samples to what is shown.
 *
 * Samples are in the byte order of the machine, at any alignment; `fd_sample` says what they are. Every function is told the
 * sizes of its buffers and touches none of them when these do not fit together: FD_INVALID. Nothing is allocated.
 */
#ifndef FD_LUT_H
#define FD_LUT_H

#include "fd_common.h"

typedef enum fd_sample { FD_U8 = 0, FD_I8, FD_U16, FD_I16, FD_U32, FD_I32, FD_U64, FD_I64, FD_F32, FD_F64 } fd_sample;

/* The bytes of a sample; 0 when there is no such kind. */
unsigned fd_sample_size(unsigned kind);

/* Output entry i is table[src[i] - first], a number below the table giving its first entry and one beyond it the last (PS3.3
 * C.7.6.3.1.5, C.11.1.1, C.11.2.1.1). Floating-point samples are cut to whole numbers, NaN gives the first entry. Entries stand
 * `stride` = 1, 2, 4 or 8 bytes apart, of which `entry` are output: 3 of 4 for RGB of 8 bits, 6 of 8 for 16 bits. */
fd_status fd_lut_apply(uint8_t *dst, size_t dst_size, const uint8_t *src, size_t src_size, unsigned kind, int64_t first,
                       const uint8_t *table, size_t table_size, unsigned stride, unsigned entry);

/* The same by a table with an entry for each of the 2^8 or 2^16 patterns of a sample of 1 or 2 bytes: no number is beyond it. */
fd_status fd_lut_map(uint8_t *dst, size_t dst_size, const uint8_t *src, size_t src_size, unsigned bytes, const uint8_t *table,
                     size_t table_size, unsigned stride, unsigned entry);

/* Doubles src * slope + intercept (PS3.3 C.11.1.1.2), each operation rounded by itself. */
fd_status fd_lut_rescale(uint8_t *dst, size_t dst_size, const uint8_t *src, size_t src_size, unsigned kind, double slope,
                         double intercept);

/* A linear window over doubles: y_min up to and at `center - width / 2`, y_max above `center + width / 2`, between them
 * ((x - center) / width + 0.5) * (y_max - y_min) + y_min. That is PS3.3 C.11.2.1.3.2 (LINEAR_EXACT); for LINEAR (C.11.2.1.2.1) the
 * caller takes 0.5 from the center and 1 from the width, which may then be 0. `bytes` of an output number: 8 for doubles,
 * 1 for uint8 rounded half up between 0 and 255. NaN gives NaN, and 0 as uint8. dst == src is allowed for doubles. */
fd_status fd_lut_window(uint8_t *dst, size_t dst_size, unsigned bytes, const uint8_t *src, size_t src_size, double center,
                        double width, double y_min, double y_max);

/* The least and the greatest finite sample that is not from pad_low to pad_high (NaN: all count). *found: are there any? */
fd_status fd_lut_range(const uint8_t *src, size_t src_size, unsigned kind, double pad_low, double pad_high, double *low,
                       double *high, bool *found);

/* Segmented Palette Color Lookup Table Data (PS3.3 C.7.9.2) of entries of `bytes` = 1 or 2 to `entries` numbers of 16 bits in
 * the byte order of the machine. What stands behind the last entry is not read. FD_INVALID and `error` (offset in src) when a
 * segment is unknown, empty, cut off or refers to no segment, or when all of them make less than `entries`. */
fd_status fd_lut_expand(uint8_t *dst, size_t entries, const uint8_t *src, size_t src_size, unsigned bytes, bool big_endian,
                        fd_error *error);

#endif
