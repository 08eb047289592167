/* The head of a Part 10 file (PS3.10 7): preamble, DICM, group 0002, and what it says of the data set's encoding. */
#ifndef FD_PART10_H
#define FD_PART10_H

#include "fd_cursor.h"

typedef struct fd_part10 {
    bool has_preamble;
    bool guessed; /* no transfer syntax: the encoding is what the first element looks like */
    uint64_t meta_offset, meta_length; /* group 0002; length 0 when there is none */
    uint64_t dataset_offset;
    bool implicit, big, deflated;
    char transfer_syntax[65]; /* "" when unknown */
    uint32_t notes;           /* FD_NOTE_* taken in group 0002 */
} fd_part10;

/* FD_OK, or FD_NOT_DICOM with *error filled: no DICM and no group 0002, and `force` is false. */
fd_status fd_part10_read(fd_input *in, bool force, fd_part10 *out, fd_error *error);

/* What a transfer syntax UID says of the data set around the pixels (PS3.5 A). Unknown ones are explicit little endian. */
void fd_part10_encoding(const char *uid, bool *implicit, bool *big, bool *deflated);

#endif
