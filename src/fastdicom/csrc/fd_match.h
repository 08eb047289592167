/* Where texts are among other texts: the paths that a walk has met, in the index of yesterday. */
#ifndef FD_MATCH_H
#define FD_MATCH_H

#include "fd_common.h"

/* A column of texts as Arrow keeps it: text i is data[offsets[i]] to data[offsets[i + 1]]. */
typedef struct fd_texts {
    const int64_t *offsets; /* count + 1 of them */
    size_t count;
    const uint8_t *data;
    size_t length; /* of data */
} fd_texts;

/* at[i]: the number of the text among[at[i]] that is equal to wanted[i]; -1: there is none.
 *
 * Behind a text that was found the next one is looked at first: what comes in the same order costs a comparison, and no hash is made.
 * Else it is the first of those that are equal. `seed` is any number that an enemy does not know.
 *
 * FD_INVALID: offsets that do not rise, or leave the data; FD_LIMIT: four thousand million texts; FD_MEMORY. */
fd_status fd_match(const fd_texts *wanted, const fd_texts *among, uint64_t seed, int64_t *at);

#endif
