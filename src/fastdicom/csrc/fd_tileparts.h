/* Whether a JPEG 2000 or HTJ2K codestream (T.800 Annex A, T.814) is whole: every tile-part has the bytes that it says, every tile is
 * there, and EOC follows. Decoders make up what is missing, or only warn. */
#ifndef FD_TILEPARTS_H
#define FD_TILEPARTS_H

#include "fd_common.h"

/* The codestream in src, which may be in the boxes of a JP2 file: *start and *stop, behind EOC; what follows is padding.
 * FD_TRUNCATED, FD_INVALID, FD_MEMORY with *error, whose offset is in src. */
fd_status fd_tileparts_check(const uint8_t *src, size_t size, size_t *start, size_t *stop, fd_error *error);

#endif
