/* What the scanner asks of the operating system: folders, files, and words for errors. Paths are UTF-8 on Windows and bytes
 * elsewhere. Functions return 0 or an errno.
 */
#ifndef FD_OS_H
#define FD_OS_H

#include "fd_common.h"

#ifdef _WIN32
#define FD_OS_SEPARATOR '\\'
#else
#define FD_OS_SEPARATOR '/'
#endif

#define FD_OS_HERE (-100) /* as a folder: the working directory */
#define FD_OS_END (-1)    /* of a folder */

typedef enum fd_os_type { FD_OS_FILE, FD_OS_FOLDER, FD_OS_LINK, FD_OS_OTHER, FD_OS_UNKNOWN } fd_os_type;

typedef struct fd_os_facts {
    fd_os_type type;
    uint64_t size;
    int64_t mtime; /* microseconds since 1970 */
    uint64_t device, inode;
} fd_os_facts;

/* A name in an open folder: `prefix` is the folder's path with a separator at its end, `name` has a NUL behind it. */
typedef struct fd_os_name {
    int folder;
    const char *prefix;
    size_t prefix_length;
    const char *name;
} fd_os_name;

typedef struct fd_os_listing fd_os_listing;

/* `follow`: what a link leads to. */
int fd_os_look(const fd_os_name *name, bool follow, fd_os_facts *facts);

/* The folder of that path, and what it is; without `follow` not if the path is a link. */
int fd_os_list(const char *path, bool follow, fd_os_listing **listing, fd_os_facts *facts);
int fd_os_list_next(fd_os_listing *listing, const char **name, fd_os_type *type); /* . and .. left out; FD_OS_END */
int fd_os_list_folder(const fd_os_listing *listing);
void fd_os_list_end(fd_os_listing *listing);
/* A folder to open names in, without listing it: FD_OS_HERE where the system knows no such thing. */
int fd_os_folder_open(const char *path, bool follow, int *folder);
void fd_os_folder_close(int folder);

/* Opens for reading, without waiting for anybody. */
int fd_os_open(const fd_os_name *name, int *file);
int fd_os_facts_of(int file, fd_os_facts *facts);
/* Up to n bytes; *got is less only at the end. */
int fd_os_read(int file, uint64_t offset, void *out, size_t n, size_t *got);
void fd_os_close(int file);

/* Lets the system fetch the first n bytes while others are read, and does not wait for them. Without a word where it cannot. */
void fd_os_fetch(int file, size_t n);
/* How often this thread has asked a disk or a server for something, as far as the system counts that: it grows or it does not. */
uint64_t fd_os_fetched(void);

/* Whether the path lies on a file system that others serve: each access may take a while, and many can be under way. */
bool fd_os_is_remote(const char *path);

/* Two names change places at once, so that nobody ever finds one of them missing. ENOSYS: this system, or this file system, cannot. */
int fd_os_exchange(const char *path, const char *other);

/* What Python's os.strerror says. */
void fd_os_message(int os_errno, char *text, size_t room);

#endif
