/* Reading memory that may be a map of a file which somebody truncates: the bus error becomes a status.
 *
 * Only pure computations may run guarded: no lock, no allocation, nothing that must be undone, for they are left in the middle.
 */
#ifndef FD_GUARD_H
#define FD_GUARD_H

#include "fd_common.h"

typedef void (*fd_guarded)(void *context);

/* Calls work(context), which reads [start, start + size). FD_TRUNCATED when a page of that range was gone; else FD_OK. */
fd_status fd_guard_run(const void *start, size_t size, fd_guarded work, void *context);

#endif
