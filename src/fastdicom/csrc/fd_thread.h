/* Threads, locks and conditions: POSIX's or Windows'. */
#ifndef FD_THREAD_H
#define FD_THREAD_H

#include "fd_common.h"

#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
typedef SRWLOCK fd_lock;
typedef CONDITION_VARIABLE fd_condition;
typedef HANDLE fd_thread;
#else
#include <pthread.h>
typedef pthread_mutex_t fd_lock;
typedef pthread_cond_t fd_condition;
typedef pthread_t fd_thread;
#endif

/* false: the system has no more */
bool fd_lock_init(fd_lock *lock);
void fd_lock_free(fd_lock *lock);
void fd_lock_take(fd_lock *lock);
void fd_lock_drop(fd_lock *lock);

bool fd_condition_init(fd_condition *condition);
void fd_condition_free(fd_condition *condition);
/* Drops the lock, waits until the condition is signalled or so many milliseconds have gone (or for no reason), takes the lock. */
void fd_condition_wait(fd_condition *condition, fd_lock *lock, unsigned milliseconds);
void fd_condition_signal(fd_condition *condition);
void fd_condition_broadcast(fd_condition *condition);

/* No signal handler of the process runs in the thread. */
bool fd_thread_start(fd_thread *thread, void (*work)(void *), void *context);
void fd_thread_join(fd_thread thread);
void fd_thread_abandon(fd_thread thread);

uint64_t fd_clock(void); /* microseconds since whenever; never goes back */
long fd_process_id(void);

#endif
