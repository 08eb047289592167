/* A flag that one thread raises and others look at without a lock. */
#ifndef FD_FLAG_H
#define FD_FLAG_H

#include "fd_common.h"

#ifdef _MSC_VER
#include <intrin.h>
typedef volatile long fd_flag;
static inline void fd_flag_raise(fd_flag *flag) { _InterlockedExchange(flag, 1); }
static inline bool fd_flag_is_up(fd_flag *flag) { return *flag != 0; }
#else
#include <stdatomic.h>
typedef atomic_int fd_flag;
static inline void fd_flag_raise(fd_flag *flag) { atomic_store_explicit(flag, 1, memory_order_relaxed); }
static inline bool fd_flag_is_up(fd_flag *flag) { return atomic_load_explicit(flag, memory_order_relaxed) != 0; }
#endif

#endif
