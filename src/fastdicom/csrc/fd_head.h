/* A file as an fd_input: opened only when it is a regular file, its head read in one go, more of it exactly as needed. */
#ifndef FD_HEAD_H
#define FD_HEAD_H

#include "fd_cursor.h"
#include "fd_flag.h"
#include "fd_os.h"

#define FD_HEAD_SIZES 5 /* 4, 8, 16, 32, 64 KiB */

/* One reader serves many files, one after the other: it keeps the buffer, and learns how large the heads are. */
typedef struct fd_head {
    fd_input in;
    int fd;
    int os_errno;  /* of a read that failed */
    fd_flag *stop; /* when it is up, nothing more is read; or NULL */
    fd_os_facts facts;
    uint8_t *data;
    size_t room;
    size_t head;                              /* bytes of the first read */
    uint32_t needs[FD_HEAD_SIZES + 1], files; /* how many files of the last ones needed how much */
} fd_head;

fd_status fd_head_init(fd_head *f);
void fd_head_free(fd_head *f);

/* Opens a file and reads its head. FD_OK; FD_IO: f->os_errno says why; FD_INVALID: no regular file (and nothing was read).
 * When not FD_OK, nothing is open; *known says whether f->facts are set all the same. */
fd_status fd_head_open(fd_head *f, const fd_os_name *name, bool *known);

/* Closes the file. `wanted_end` is where the last byte that was needed ends: the size of the next first read follows it. */
void fd_head_close(fd_head *f, uint64_t wanted_end);

#endif
