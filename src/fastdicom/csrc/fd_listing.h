/* The names in a folder: collected, then sorted by their bytes. */
#ifndef FD_LISTING_H
#define FD_LISTING_H

#include "fd_column.h"
#include "fd_flag.h"

/* Sorting compares `key`, eight bytes of the name, before it looks at the rest. */
typedef struct fd_listed {
    uint64_t key;
    uint32_t offset; /* in the listing's text, NUL behind it */
    uint16_t length;
    uint8_t type, os_errno; /* the owner's */
} fd_listed;

typedef struct fd_listing {
    fd_buffer text;
    fd_listed *names;
    size_t count, room;
} fd_listing;

static inline const char *fd_listing_text(const fd_listing *l, const fd_listed *n)
{
    return (const char *)l->text.data + n->offset;
}

/* FD_LIMIT: four gigabytes of names, or a name too long; FD_MEMORY */
fd_status fd_listing_add(fd_listing *l, const char *text, size_t n, uint8_t type, uint8_t os_errno);
void fd_listing_free(fd_listing *l);

/* In any order as soon as `stop` is up. */
void fd_listing_sort(fd_listing *l, fd_flag *stop);

#endif
