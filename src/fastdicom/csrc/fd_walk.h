/* Walking: from what the user named (files, folders) to files, with flat memory.
 *
 * In order: in a folder the files come first, sorted by the bytes of their names, then the folders in it, sorted too; at any
 * moment one folder is being read and only the names of the folders on the way down are kept. Apart: folders are handed
 * out to be listed by several threads at once, and come as they are done.
 *
 * A walk is used by one thread at a time, except where a function says otherwise. What is no regular file is never opened.
 */
#ifndef FD_WALK_H
#define FD_WALK_H

#include "fd_listing.h"

typedef enum fd_entry_type {
    FD_ENTRY_FILE,    /* to be opened: a regular file, or a link to one, when it was looked at */
    FD_ENTRY_FAILED,  /* os_errno says why: a folder that cannot be entered, a link that leads nowhere */
    FD_ENTRY_SPECIAL, /* a fifo, a socket, a device */
    FD_ENTRY_FOLDER,  /* a folder that the user named; else only inside the walk */
    FD_ENTRY_UNSEEN   /* a path that the user named and nobody has looked at */
} fd_entry_type;

/* The path is prefix + name; open `name` relative to `folder` (a descriptor or FD_OS_HERE). */
typedef struct fd_entry {
    fd_entry_type type;
    int os_errno;
    int folder;
    const char *prefix, *name;
    size_t prefix_length, name_length;
    bool prefix_is_utf8;
} fd_entry;

typedef struct fd_folder fd_folder;

/* Files of one folder, one behind the other. The folder is kept while there are ranges of it. */
typedef struct fd_range {
    fd_folder *folder;
    size_t next, end;
} fd_range;

typedef struct fd_walk fd_walk;

/* Listing a large folder ends early when `stop` goes up; it may be NULL, and outlives the walk. */
fd_walk *fd_walk_new(bool recursive, bool follow_links, bool apart, fd_flag *stop);
void fd_walk_free(fd_walk *walk); /* not while there are ranges */

/* A path to visit, behind those given before. `type`: FD_ENTRY_UNSEEN, or FD_ENTRY_FOLDER when that is known. */
fd_status fd_walk_give(fd_walk *walk, const char *path, size_t length, fd_entry_type type);

typedef enum fd_walk_answer {
    FD_WALK_FILES,  /* *range, to be given back by fd_walk_done */
    FD_WALK_FOLDER, /* apart only: *folder is to be listed, and given back by fd_walk_accept */
    FD_WALK_END,    /* nothing more, until something is given or given back */
    FD_WALK_MEMORY
} fd_walk_answer;

/* Up to `most` files. A walk in order has looked at all of them; one apart has not at those that the user named. */
fd_walk_answer fd_walk_take(fd_walk *walk, size_t most, fd_range *range, fd_folder **folder);
void fd_walk_done(fd_walk *walk, fd_range *range);

/* By any number of threads at once, each with a folder of its own. */
fd_status fd_walk_list(fd_walk *walk, fd_folder *folder);
/* Takes the folder, listed or not (`listed`). */
fd_status fd_walk_accept(fd_walk *walk, fd_folder *folder, bool listed);

/* Closes the folder of a range until fd_range_open, if nobody else needs it: so that few descriptors are open at a time. */
bool fd_walk_close(fd_walk *walk, fd_range *range);
/* 0 or an errno. By the thread that has the range, as long as it has it; so are the others. */
int fd_range_open(fd_range *range);
fd_entry fd_range_entry(const fd_range *range, size_t index);

/* One after the other, of a walk in order. Valid until the next call. FD_END: nothing more, until something is given; FD_MEMORY. */
fd_status fd_walk_next(fd_walk *walk, fd_entry *entry);

#endif
