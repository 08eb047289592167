/* Pieces of something that is not here (an object in a bucket, a member of an archive) as an fd_input.
 *
 * What is not at hand fails, and is remembered: whoever holds the pieces fetches it and reads again from the start. So no
 * thread ever waits inside the parser, and thousands of objects can be on their way at once.
 */
#ifndef FD_BYTES_H
#define FD_BYTES_H

#include "fd_cursor.h"

typedef struct fd_piece {
    uint64_t offset;
    const uint8_t *data;
    size_t length;
} fd_piece;

typedef struct fd_bytes {
    const fd_piece *pieces; /* in any order; they may overlap */
    size_t count;
    bool missing; /* the first bytes that were asked for and are not here: [need, need_end) */
    uint64_t need, need_end;
} fd_bytes;

/* `in` reads the pieces of an object of `size` bytes; `b` must outlive it. */
void fd_bytes_open(fd_bytes *b, const fd_piece *pieces, size_t count, uint64_t size, fd_input *in);

#endif
