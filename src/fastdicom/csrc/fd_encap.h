/* Encapsulated Pixel Data (PS3.5 A.4): fragments, offset tables, and which fragments are which frame. */
#ifndef FD_ENCAP_H
#define FD_ENCAP_H

#include "fd_cursor.h"

typedef struct fd_fragment {
    uint64_t offset, length; /* of its bytes, without the item header */
} fd_fragment;

enum {                          /* fd_encap.notes */
       FD_ENCAP_CUT = 1,        /* the last fragment goes beyond the end: its length is what there is */
       FD_ENCAP_NOT_ITEM = 2,   /* something else than an item stands among them: they end there */
       FD_ENCAP_TABLE_LIES = 4, /* an offset table does not fit the fragments, and was not used */
       FD_ENCAP_FEWER = 8,      /* there are fewer frames than Number of Frames says */
       FD_ENCAP_NO_TABLE = 16   /* the first item is no Basic Offset Table but a fragment */
};

typedef struct fd_encap {
    uint64_t base;                       /* of the first fragment's item header: what offset tables count from */
    uint64_t table_offset, table_length; /* the value of the Basic Offset Table */
    fd_fragment *fragments;
    size_t count, room;
    uint64_t *first; /* frame -> its first fragment; frames + 1 of them */
    size_t frames;
    uint32_t notes;
} fd_encap;

/* How a frame begins in the streams of a transfer syntax, where no table tells it. */
typedef enum fd_stream {
    FD_STREAM_ONE_FRAGMENT, /* a frame is one fragment, always (RLE, PS3.5 A.4.2, and its kin) */
    FD_STREAM_MARKERS,      /* FFD8 (JPEG, JPEG-LS), FF4F (JPEG 2000), FF0A or a container (JPEG XL) */
    FD_STREAM_VIDEO         /* frames are no matter of fragments: one stream */
} fd_stream;

void fd_encap_init(fd_encap *e);
void fd_encap_free(fd_encap *e);

/* The fragments of the value [offset, end). FD_OK, FD_INVALID (no Basic Offset Table), FD_MEMORY, FD_IO. */
fd_status fd_encap_read(fd_encap *e, fd_input *in, uint64_t offset, uint64_t end);

/* Which fragments are which of `wanted` frames. `extended` is the value of the Extended Offset Table (7FE0,0001), little
 * endian, or NULL. A table counts only when each of its offsets is where a fragment begins, or behind the end, where the
 * last frames are missing. FD_OK, FD_MEMORY, FD_IO; FD_INVALID: nothing tells the frames apart. */
fd_status fd_encap_frames(fd_encap *e, fd_input *in, uint64_t wanted, fd_stream kind, const uint8_t *extended,
                          size_t extended_length);

#endif
