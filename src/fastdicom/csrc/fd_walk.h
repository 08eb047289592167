/* Walking: from what the user named (files, folders) to files, in a fixed order, with flat memory.
 *
 * In a folder the files come first, sorted by the bytes of their names, then the folders in it, sorted too. At any moment
 * one folder is open and only the names of the folders on the way down are kept. What is no regular file is never opened.
 */
#ifndef FD_WALK_H
#define FD_WALK_H

#include "fd_column.h"

typedef enum fd_entry_type {
    FD_ENTRY_FILE,    /* to be opened: a regular file, or a link to one, when it was looked at */
    FD_ENTRY_FAILED,  /* os_errno says why: a folder that cannot be entered, a link that leads nowhere */
    FD_ENTRY_SPECIAL, /* a fifo, a socket, a device */
    FD_ENTRY_FOLDER   /* only inside the walk */
} fd_entry_type;

/* Valid until the next call. The path is prefix + name; open `name` relative to `folder` (a descriptor or FD_OS_HERE). */
typedef struct fd_entry {
    fd_entry_type type;
    int os_errno;
    int folder;
    const char *prefix, *name;
    size_t prefix_length, name_length;
    bool prefix_is_utf8;
} fd_entry;

typedef struct fd_walk fd_walk;

fd_walk *fd_walk_new(bool recursive, bool follow_links);
void fd_walk_free(fd_walk *walk);

/* A path to visit, behind those given before. */
fd_status fd_walk_give(fd_walk *walk, const char *path, size_t length);

/* FD_OK; FD_END: nothing more, until something is given; FD_MEMORY. */
fd_status fd_walk_next(fd_walk *walk, fd_entry *entry);

#endif
