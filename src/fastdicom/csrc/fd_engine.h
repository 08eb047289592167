/* Scanning on several threads: one walk, workers that each fill batches of their own, and a bounded queue to whoever wants them.
 *
 * All functions but fd_engine_stopping are for one thread, the consumer's, and none of them waits for a worker's input or
 * output: a file that hangs in the system delays rows, and nothing else.
 */
#ifndef FD_ENGINE_H
#define FD_ENGINE_H

#include "fd_scan.h"

/* Whether files are opened, and their heads fetched, before their turn: where they come from a disk or a server. */
typedef enum fd_ahead { FD_AHEAD_COLD, FD_AHEAD_ALWAYS, FD_AHEAD_NEVER } fd_ahead;

typedef struct fd_engine_options {
    size_t threads; /* from 1 */
    bool ordered;   /* rows in the order of the walk, whatever the number of threads */
    bool recursive, follow_links;
    fd_ahead ahead;
    fd_scan_options scan;
} fd_engine_options;

typedef struct fd_engine fd_engine;

/* contexts[i] takes the place of hooks->context for worker i. Specs, their names and the contexts must outlive the engine.
 * NULL: no memory. */
fd_engine *fd_engine_new(const fd_column_spec *specs, size_t count, const fd_engine_options *options, const fd_scan_hooks *hooks,
                         void *const *contexts);

/* Starts the threads: FD_OK when there is at least one. FD_LIMIT: the system has no thread to give. */
fd_status fd_engine_start(fd_engine *e);

/* A path to visit. FD_MEMORY. */
fd_status fd_engine_give(fd_engine *e, const char *path, size_t length);
size_t fd_engine_room(fd_engine *e); /* how many paths to give before the next wait */
void fd_engine_close(fd_engine *e);  /* nothing more will be given */

typedef enum fd_engine_answer {
    FD_ENGINE_BATCH,  /* *batch and *outcomes are the caller's */
    FD_ENGINE_HUNGRY, /* fd_engine_room has become large */
    FD_ENGINE_TIME,
    FD_ENGINE_END,
    FD_ENGINE_FAILED /* no memory, or a hook failed */
} fd_engine_answer;

fd_engine_answer fd_engine_wait(fd_engine *e, unsigned milliseconds, fd_batch **batch, uint8_t **outcomes);

/* What the workers have met until now; exact at the end. */
fd_scan_counts fd_engine_counts(fd_engine *e);

void fd_engine_stop(fd_engine *e);
fd_flag *fd_engine_stopping(fd_engine *e); /* for the hooks, from any thread */

/* This is a forked process: the workers are not here, and what they held is locked for ever. No other function may be called
 * but fd_engine_free. */
bool fd_engine_is_lost(const fd_engine *e);

/* Stops, waits up to so long for the workers to end, and frees. false: one of them hangs in the system (or this is a forked
 * process, which has no workers); then everything that was given to the engine must be left alone for ever. */
bool fd_engine_free(fd_engine *e, unsigned milliseconds);

#endif
