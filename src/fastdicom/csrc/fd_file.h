/* Files as the reader needs them: open, read at an offset, map. One room for what differs between operating systems. */
#ifndef FD_FILE_H
#define FD_FILE_H

#include "fd_common.h"

typedef struct fd_file {
    int fd; /* -1: closed */
    uint64_t size;
    uint64_t device, inode, changed; /* which file it is: reopened, it must be the same; `changed` is its mtime in ns */
} fd_file;

/* FD_OK, or FD_IO with error->os_errno. What is no regular file (a folder, a fifo, a device) is not read: EISDIR or EINVAL. */
fd_status fd_file_open(const char *path, fd_file *file, fd_error *error); /* UTF-8 on Windows, bytes elsewhere */
void fd_file_close(fd_file *file);
bool fd_file_same(const fd_file *a, const fd_file *b);

/* The size that it has now, or 0 when it cannot be asked. */
uint64_t fd_file_size_now(const fd_file *file);

/* Up to n bytes at offset into out; *got is less than n only at the end of the file. */
fd_status fd_file_read(const fd_file *file, uint64_t offset, void *out, size_t n, size_t *got, fd_error *error);

/* The whole file, read-only; NULL when it cannot be mapped (the caller then reads). fd_file_unmap takes it back. */
void *fd_file_map(const fd_file *file);
void fd_file_unmap(void *map, uint64_t size);

/* How many files this process may keep open for data sets that were opened but not read to the end. */
int fd_file_budget(void);

#endif
