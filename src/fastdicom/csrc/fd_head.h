/* A file as an fd_input: opened only when it is a regular file, its head read in one go, more of it exactly as needed.
 *
 * What was read is kept, in pieces, until the file is closed or they become too large: a walk that jumps over long values and
 * goes back for those it found reads nothing twice.
 */
#ifndef FD_HEAD_H
#define FD_HEAD_H

#include "fd_cursor.h"
#include "fd_flag.h"
#include "fd_os.h"

#define FD_HEAD_SIZES 5 /* 4, 8, 16, 32, 64 KiB */
#define FD_HEAD_PIECES 8
#define FD_HEAD_AHEAD 16 /* files that may be open before their turn */

typedef struct fd_head_piece {
    uint64_t offset; /* in the file */
    size_t at, length;
} fd_head_piece;

/* A file that was opened before its turn; `name` is the pointer that fd_head_open will get. */
typedef struct fd_head_next {
    const char *name;
    int fd;
} fd_head_next;

/* One reader serves many files, one after the other: it keeps the buffer, and learns how large the heads are. */
typedef struct fd_head {
    fd_input in;
    int fd;
    int os_errno;  /* of a read of this file that failed */
    fd_flag *stop; /* when it is up, nothing more is read; or NULL */
    fd_os_facts facts;
    uint8_t *data;
    size_t room, used;
    size_t first;                             /* bytes of this file's first read */
    fd_head_piece pieces[FD_HEAD_PIECES];     /* each behind the one before in `data`; the first is the head */
    size_t count;                             /* 0: the head alone, which `in` shows */
    size_t step;                              /* bytes of the next read that goes on behind what is there */
    uint64_t needed;                          /* of the head, when the walk went elsewhere from there; 0: it did not */
    size_t head;                              /* bytes of the first read */
    uint32_t needs[FD_HEAD_SIZES + 1], files; /* how many files of the last ones needed how much */
    fd_head_next ahead[FD_HEAD_AHEAD];        /* a ring, in the order of their turns */
    size_t ahead_first, ahead_count;
} fd_head;

fd_status fd_head_init(fd_head *f);
void fd_head_free(fd_head *f);

/* Opens a file and reads its head. FD_OK; FD_IO: f->os_errno says why; FD_INVALID: no regular file (and nothing was read).
 * When not FD_OK, nothing is open; *known says whether f->facts are set all the same. */
fd_status fd_head_open(fd_head *f, const fd_os_name *name, bool *known);

/* Opens a file that fd_head_open will be asked for later, with the same `name`, and lets the system fetch its head meanwhile:
 * a disk or a server then has several requests at a time. Regular files only, in the order of their turns. false: no more. */
bool fd_head_ahead(fd_head *f, const fd_os_name *name);
/* Closes those whose turn did not come. */
void fd_head_end_ahead(fd_head *f);

/* Closes the file. `wanted_end` is where the last byte that was needed ends: the size of the next first read follows it. */
void fd_head_close(fd_head *f, uint64_t wanted_end);

#endif
