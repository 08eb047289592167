/* Is a JPEG stream of the DCT processes whole? libjpeg only warns of damage, and fills what is missing with gray. */
#ifndef FD_JPEGCHECK_H
#define FD_JPEGCHECK_H

#include "fd_common.h"

/* Tables of the streams before, for as many streams as are alike. Allocate with fd_jpegcheck_new, one a thread at a time. */
typedef struct fd_jpegcheck fd_jpegcheck;

fd_jpegcheck *fd_jpegcheck_new(void); /* NULL: no memory */
void fd_jpegcheck_free(fd_jpegcheck *check);

/* For tests: from how many bytes on (4096 by default) a scan of one component is read in several places at once; SIZE_MAX: never.
 * The answers are the same. */
void fd_jpegcheck_use_lanes(fd_jpegcheck *check, size_t from);

/* Whether, from now on, the decoder will tell what it misses: then a scan that holds the whole image is left to it. */
void fd_jpegcheck_hear(fd_jpegcheck *check, bool on);

/* Looks for what is missing. The markers of every stream are looked at: each scan must be followed by one, restarts be in order,
 * and no other marker stand in a scan. Where that does not tell (the end marker is missing, or there are restarts, or several
 * scans), and with `thorough` always, the Huffman codes of a sequential stream (SOF0, SOF1) are read as a decoder would, but no
 * sample is made: a tenth to a third of the time of decoding. Progressive and arithmetic streams, whose scans build on each other, are not.
 *
 * FD_OK; FD_INVALID, FD_TRUNCATED with *error, whose offset is in src, near the damage. With FD_TRUNCATED *whole_rows is how many
 * rows of the image a decoder makes of what there is, without a guess; 0 where that cannot be told. */
fd_status fd_jpegcheck_run(fd_jpegcheck *check, const uint8_t *src, size_t size, bool thorough, uint32_t *whole_rows,
                           fd_error *error);

#endif
