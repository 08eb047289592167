/* A small number that one thread sets and others look at without a lock; a flag that is raised. MSVC has no C11 atomics unless it is asked
 * for what it calls experimental. */
#ifndef FD_FLAG_H
#define FD_FLAG_H

#include "fd_common.h"

#ifdef _MSC_VER
#include <intrin.h>
typedef volatile long fd_flag;
static inline void fd_flag_set(fd_flag *flag, int value) { _InterlockedExchange(flag, value); }
static inline int fd_flag_get(fd_flag *flag) { return (int)*flag; }
#else
#include <stdatomic.h>
typedef atomic_int fd_flag;
static inline void fd_flag_set(fd_flag *flag, int value) { atomic_store_explicit(flag, value, memory_order_relaxed); }
static inline int fd_flag_get(fd_flag *flag) { return atomic_load_explicit(flag, memory_order_relaxed); }
#endif

static inline void fd_flag_raise(fd_flag *flag) { fd_flag_set(flag, 1); }
static inline bool fd_flag_is_up(fd_flag *flag) { return fd_flag_get(flag) != 0; }

#endif
