#define _XOPEN_SOURCE 700
#include "fd_guard.h"

#ifdef _WIN32

/* Windows refuses to truncate a file that is mapped. */
fd_status fd_guard_run(const void *start, size_t size, fd_guarded work, void *context)
{
    (void)start;
    (void)size;
    work(context);
    return FD_OK;
}

#else

#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>

typedef struct region {
    const uint8_t *start, *end;
    sigjmp_buf back;
} region;

static _Thread_local region *volatile current; /* of the thread in which the signal is raised */
static struct sigaction before;                /* whose handler it was */
static atomic_flag changing = ATOMIC_FLAG_INIT;

static void on_bus_error(int number, siginfo_t *info, void *context)
{
    region *mine = current;
    const uint8_t *at = info->si_addr;
    if (mine && at >= mine->start && at < mine->end) siglongjmp(mine->back, 1);
    /* Not ours: as if this handler were not there. */
    if (before.sa_flags & SA_SIGINFO && before.sa_sigaction) {
        before.sa_sigaction(number, info, context);
    } else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) {
        before.sa_handler(number);
    } else {
        signal(number, SIG_DFL); /* the access is made again, and ends the process as it would have */
    }
}

/* Put the handler in place. Others (faulthandler, a sanitizer) may have put theirs there meanwhile: it is called for theirs. */
static bool install(void)
{
    struct sigaction now;
    if (sigaction(SIGBUS, NULL, &now) != 0) return false;
    if (now.sa_flags & SA_SIGINFO && now.sa_sigaction == on_bus_error) return true;
    while (atomic_flag_test_and_set(&changing)) {}
    bool done = sigaction(SIGBUS, NULL, &now) == 0;
    if (done && !(now.sa_flags & SA_SIGINFO && now.sa_sigaction == on_bus_error)) {
        struct sigaction ours = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK};
        sigemptyset(&ours.sa_mask);
        before = now;
        done = sigaction(SIGBUS, &ours, NULL) == 0;
    }
    atomic_flag_clear(&changing);
    return done;
}

fd_status fd_guard_run(const void *start, size_t size, fd_guarded work, void *context)
{
    region mine = {.start = start, .end = (const uint8_t *)start + size};
    if (!install()) return FD_IO;
    region *outer = current;
    if (sigsetjmp(mine.back, 0) == 0) { /* SA_NODEFER: the mask need not be restored */
        current = &mine;
        work(context);
        current = outer;
        return FD_OK;
    }
    current = outer;
    return FD_TRUNCATED;
}

#endif
