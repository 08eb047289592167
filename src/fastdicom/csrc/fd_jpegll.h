/* Lossless JPEG (ITU T.81 Annex H, processes 14 and 14 SV1): Huffman coding of differences from a predictor. */
#ifndef FD_JPEGLL_H
#define FD_JPEGLL_H

#include "fd_common.h"

#define FD_JPEGLL_MOST_COMPONENTS 4

/* What a stream says of itself: before its first scan, but for rows that are told behind it (DNL, B.2.5). */
typedef struct fd_jpegll_header {
    uint32_t rows, columns;
    uint8_t components, precision;
    uint8_t process; /* n of SOFn: 3 is this decoder's, others are not lossless or not Huffman coded */
    uint8_t ids[FD_JPEGLL_MOST_COMPONENTS];
    bool has_jfif, has_adobe;
    uint8_t adobe_transform;
} fd_jpegll_header;

/* Reads the markers up to the frame header. FD_INVALID, FD_TRUNCATED with *error. */
fd_status fd_jpegll_read_header(const uint8_t *src, size_t size, fd_jpegll_header *header, fd_error *error);

/* One frame into dst: rows * columns * components samples of `bytes` = 1 or 2, interleaved, little endian, with the bits above
 * the precision clear. dst_size must be exactly that. FD_INVALID, FD_TRUNCATED, FD_MEMORY with *error; error->offset is in src.
 * *done is how many rows of dst are whole, from the first one on, also of a stream that is broken. */
fd_status fd_jpegll_decode(uint8_t *dst, size_t dst_size, const uint8_t *src, size_t size, unsigned bytes, uint32_t *done,
                           fd_error *error);

/* For tests: false takes the portable path from now on, true the best one of this processor. Answers whether there is another. */
bool fd_jpegll_use_fast(bool on);

#endif
