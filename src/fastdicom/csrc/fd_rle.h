/* RLE Lossless (PS3.5 Annex G): up to fifteen byte planes, each packed as PackBits does. */
#ifndef FD_RLE_H
#define FD_RLE_H

#include "fd_common.h"

/* One frame into dst, which holds whole pixels of `samples` samples of `bytes` = 1, 2, 4 or 8: interleaved, little endian.
 * The planes are stored with the most significant byte of the first sample first (G.2); there must be samples * bytes of
 * them. A plane that ends before its pixels do, or begins behind the end, is FD_TRUNCATED; what stands behind the pixels
 * is not written. *done is how many pixels of dst are whole, from the first one on, also of a stream that is broken; *left is
 * how many more every plane would make, zeros at its end left aside. */
fd_status fd_rle_decode(uint8_t *dst, size_t dst_size, const uint8_t *src, size_t src_size, unsigned bytes, unsigned samples,
                        size_t *done, size_t *left, fd_error *error);

#endif
