#define _POSIX_C_SOURCE 200809L
#define _DARWIN_C_SOURCE
#include "fd_thread.h"

#include <stdlib.h>

/* What a new thread is told. */
typedef struct start {
    void (*work)(void *);
    void *context;
} start;

#ifdef _WIN32

#include <process.h>

bool fd_lock_init(fd_lock *lock)
{
    InitializeSRWLock(lock);
    return true;
}

void fd_lock_free(fd_lock *lock) { (void)lock; }
void fd_lock_take(fd_lock *lock) { AcquireSRWLockExclusive(lock); }
void fd_lock_drop(fd_lock *lock) { ReleaseSRWLockExclusive(lock); }

bool fd_condition_init(fd_condition *condition)
{
    InitializeConditionVariable(condition);
    return true;
}

void fd_condition_free(fd_condition *condition) { (void)condition; }

void fd_condition_wait(fd_condition *condition, fd_lock *lock, unsigned milliseconds)
{
    SleepConditionVariableSRW(condition, lock, milliseconds, 0);
}

void fd_condition_signal(fd_condition *condition) { WakeConditionVariable(condition); }
void fd_condition_broadcast(fd_condition *condition) { WakeAllConditionVariable(condition); }

static unsigned __stdcall run(void *context)
{
    const start s = *(start *)context;
    free(context);
    s.work(s.context);
    return 0;
}

bool fd_thread_start(fd_thread *thread, void (*work)(void *), void *context)
{
    start *s = malloc(sizeof *s);
    if (!s) return false;
    *s = (start){work, context};
    *thread = (HANDLE)_beginthreadex(NULL, 0, run, s, 0, NULL);
    if (!*thread) free(s);
    return *thread != NULL;
}

void fd_thread_join(fd_thread thread)
{
    WaitForSingleObject(thread, INFINITE);
    CloseHandle(thread);
}

void fd_thread_abandon(fd_thread thread) { CloseHandle(thread); }

uint64_t fd_clock(void) { return GetTickCount64() * 1000; }
long fd_process_id(void) { return (long)GetCurrentProcessId(); }

#else

#include <signal.h>
#include <time.h>
#include <unistd.h>

#ifdef __APPLE__
#define WAITING_CLOCK CLOCK_REALTIME /* conditions know no other there */
#else
#define WAITING_CLOCK CLOCK_MONOTONIC
#endif

bool fd_lock_init(fd_lock *lock) { return pthread_mutex_init(lock, NULL) == 0; }
void fd_lock_free(fd_lock *lock) { pthread_mutex_destroy(lock); }
void fd_lock_take(fd_lock *lock) { pthread_mutex_lock(lock); }
void fd_lock_drop(fd_lock *lock) { pthread_mutex_unlock(lock); }

bool fd_condition_init(fd_condition *condition)
{
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) != 0) return false;
#ifndef __APPLE__
    bool done = pthread_condattr_setclock(&attributes, WAITING_CLOCK) == 0;
#else
    bool done = true;
#endif
    done = done && pthread_cond_init(condition, &attributes) == 0;
    pthread_condattr_destroy(&attributes);
    return done;
}

void fd_condition_free(fd_condition *condition) { pthread_cond_destroy(condition); }

void fd_condition_wait(fd_condition *condition, fd_lock *lock, unsigned milliseconds)
{
    struct timespec until;
    clock_gettime(WAITING_CLOCK, &until);
    until.tv_sec += milliseconds / 1000;
    until.tv_nsec += (long)(milliseconds % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    pthread_cond_timedwait(condition, lock, &until);
}

void fd_condition_signal(fd_condition *condition) { pthread_cond_signal(condition); }
void fd_condition_broadcast(fd_condition *condition) { pthread_cond_broadcast(condition); }

static void *run(void *context)
{
    const start s = *(start *)context;
    free(context);
    s.work(s.context);
    return NULL;
}

bool fd_thread_start(fd_thread *thread, void (*work)(void *), void *context)
{
    start *s = malloc(sizeof *s);
    if (!s) return false;
    *s = (start){work, context};
    /* A new thread has the mask of the one that made it. What is raised by a fault (SIGBUS) must not be held back. */
    sigset_t all, before;
    sigfillset(&all);
    const int faults[] = {SIGBUS, SIGSEGV, SIGFPE, SIGILL, SIGABRT, SIGTRAP};
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) sigdelset(&all, faults[i]);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const bool done = pthread_create(thread, NULL, run, s) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!done) free(s);
    return done;
}

void fd_thread_join(fd_thread thread) { pthread_join(thread, NULL); }
void fd_thread_abandon(fd_thread thread) { pthread_detach(thread); }

uint64_t fd_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

long fd_process_id(void) { return (long)getpid(); }

#endif
