/* The index of one data set: what the cursor found, kept in an array of 24 bytes an element, with look-up by tag.
 *
 * The walk stops at encapsulated Pixel Data, whose fragments may be many; fd_index_complete goes on behind it.
 */
#ifndef FD_INDEX_H
#define FD_INDEX_H

#include "fd_cursor.h"

typedef struct fd_index {
    fd_element *elements; /* in file order, each tag once: of duplicates the last */
    size_t count, room;
    uint32_t *order; /* positions sorted by tag; NULL while the elements themselves are */
    fd_cursor cursor;
    bool sorted, complete;
} fd_index;

/* FD_OK, FD_MEMORY, or FD_IO when the input could not be read: fd_index_complete then tries again. The index is usable after any answer; call fd_index_close in the end. */
fd_status fd_index_open(fd_index *ix, fd_input *in, uint64_t pos, uint64_t end, bool implicit, bool big, fd_place place);
fd_status fd_index_complete(fd_index *ix);
void fd_index_close(fd_index *ix);

/* The position of a tag among the elements indexed so far, or -1. */
ptrdiff_t fd_index_find(const fd_index *ix, uint32_t tag);

#endif
