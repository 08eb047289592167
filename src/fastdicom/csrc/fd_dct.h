/* JPEG of the sequential DCT processes with Huffman codes (ITU T.81 annex F, SOF0 and SOF1), one component of 8 or 12 bits. Each code
 * is checked where it is decoded, and the samples are those of libjpeg-turbo: fd_dct_idct.h. */
#ifndef FD_DCT_H
#define FD_DCT_H

#include "fd_common.h"

/* What is kept from stream to stream, as most have the same tables. Allocate with fd_dct_new, one a thread at a time. */
typedef struct fd_dct fd_dct;

fd_dct *fd_dct_new(void); /* NULL: no memory */
void fd_dct_free(fd_dct *d);

/* What the caller knows of the frame. */
typedef struct fd_dct_frame {
    uint32_t rows, columns;
    unsigned precision; /* 8 or 12 */
    unsigned bytes;     /* of a sample in dst: 1 or 2, and 2 where the precision is 12 */
} fd_dct_frame;

/* One frame into dst: rows * columns samples, little endian; dst_size must be exactly that.
 *
 * FD_OK. FD_INVALID, FD_TRUNCATED: the stream is broken or cut off, *error says where; with FD_TRUNCATED *whole_rows is how many rows
 * of dst are whole, from the first one on. FD_LIMIT: error->reason is what this decoder does not know, and leaves to others; the
 * stream may be whole, and so may the frame be another one than was asked for. FD_MEMORY. */
fd_status fd_dct_decode(fd_dct *d, uint8_t *dst, size_t dst_size, const uint8_t *src, size_t size, const fd_dct_frame *frame,
                        uint32_t *whole_rows, fd_error *error);

/* For tests: false takes the portable path from now on, true the best one of this processor. Answers whether there is another. */
bool fd_dct_use_fast(bool on);

#endif
