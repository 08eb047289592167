/* Huffman tables of JPEG (ITU T.81 annex C and B.2.4.2), as those read them who decode the DCT processes or check them. */
#ifndef FD_HUFFMAN_H
#define FD_HUFFMAN_H

#include "fd_common.h"

#define FD_HUFFMAN_TABLES 4 /* destinations of a class */

/* The codes of a table, and what they were made of: frames that follow each other mostly have the same. */
typedef struct fd_huffman {
    bool defined;
    bool has_all_ones;               /* one of the codes: annex C has none */
    uint16_t size;                   /* of the specification */
    uint8_t specification[16 + 256]; /* how many codes of each length there are, and the symbols in the order of the codes */
    uint32_t most[18];               /* the largest code of each length, left aligned in 16 bits and one more; 0: none */
    int32_t index[17];               /* code >> (16 - length) + index[length]: the place among the symbols */
} fd_huffman;

/* One table of a DHT segment. */
typedef struct fd_huffman_found {
    bool is_ac;
    unsigned destination;
    const uint8_t *specification;
    unsigned size;
} fd_huffman_found;

/* Takes the next table from *p, of which *n bytes are left. FD_INVALID: *error, but for its offset, which is *p. */
fd_status fd_huffman_next(const uint8_t **p, size_t *n, fd_huffman_found *found, fd_error *error);

/* Makes the codes, unless t has them already: then *same. FD_INVALID as above, and t is not defined. */
fd_status fd_huffman_make(fd_huffman *t, const fd_huffman_found *found, bool *same, fd_error *error);

/* The symbol whose code of more than `shorter` bits begins `bits` (left aligned), and *length of the code; -1: there is none. */
static inline int fd_huffman_long(const fd_huffman *t, uint64_t bits, unsigned shorter, unsigned *length)
{
    const uint32_t next = (uint32_t)(bits >> 48);
    for (unsigned n = shorter + 1; n <= 16; n++) {
        if (next >= t->most[n]) continue;
        *length = n;
        return t->specification[16 + (int32_t)(next >> (16 - n)) + t->index[n]];
    }
    return -1;
}

/* Fill bytes before a marker: T.81 B.1.1.2. */
static inline const uint8_t *fd_huffman_behind_fill(const uint8_t *p, const uint8_t *end)
{
    while (end - p >= 2 && p[0] == 0xFF && p[1] == 0xFF) p++;
    return p;
}

#endif
