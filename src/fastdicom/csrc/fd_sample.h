/* Samples as a library decodes them, to samples as wide as the data set allocates. */
#ifndef FD_SAMPLE_H
#define FD_SAMPLE_H

#include "fd_common.h"

/* The same numbers in wider little endian samples: `from` bytes each become `to`, both 1, 2, 4 or 8, from <= to; filled with
 * the sign, or 0. FD_INVALID when the sizes are no such ones, or the two buffers hold different numbers of samples.
 * They must not overlap. */
fd_status fd_sample_widen(uint8_t *dst, size_t dst_size, const uint8_t *src, size_t src_size, unsigned from, unsigned to,
                          bool is_signed);

#endif
