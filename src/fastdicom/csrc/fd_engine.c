#include "fd_engine.h"

#include "fd_file.h"
#include "fd_os.h"
#include "fd_thread.h"

#include <stdlib.h>

#define MOST_FILES 64u          /* a worker takes at a time; it begins with one */
#define SHORT_TIME 500u         /* microseconds: a worker whose files took less takes more of them */
#define LONG_TIME 4000u         /* and less when they took longer, so that slow files spread over the workers */
#define UNIT_FILES 2048u        /* in order: what one worker takes, and at most a batch */
#define OLD_BATCH 2000000u      /* microseconds after which a batch is handed over though it is not full */
#define QUEUE_BYTES (32u << 20) /* of batches that nobody has taken yet */
#define BUSY_BYTES (64u << 20)  /* of batches that are being filled */
#define LEAST_BYTES (4u << 20)
#define LOOK_AHEAD 1024u /* paths given that no worker has taken */
#define OPEN_FOLDERS 4u  /* that a worker keeps open at a time */
#define POLL 100u        /* milliseconds a worker waits at most before it looks up */
#define AHEAD 16u        /* files a worker has open before their turn where they come from a disk or a server; see look_ahead */
#define CHECKED 16u      /* files after which it asks where they come from */
#define COLD_TIME 100u   /* microseconds a file: what takes so long is not in memory, even if the system does not count it */
#define WARM_TIME 25u

typedef struct parcel parcel;
struct parcel {
    parcel *next;
    fd_batch *batch; /* NULL: a unit ends, and there were no more rows */
    uint8_t *outcomes;
    size_t bytes;
    uint64_t unit;
    bool last; /* of its unit */
};

typedef struct worker {
    fd_engine *engine;
    void *context; /* of the caller's hooks */
    fd_scanner *scanner;
    fd_thread thread;
    fd_range *ranges; /* what it works on */
    size_t range_count, range_room;
    size_t files;            /* to take next time */
    uint64_t began;          /* when the first row came into the batch at hand */
    uint64_t unit;           /* in order */
    bool cold;               /* the last files were not in memory */
    size_t unchecked;        /* files since it was asked, */
    uint64_t asked, fetched; /* when that was, and what fd_os_fetched said */
    bool looks;              /* it has paths that may turn out to be folders */
    fd_scan_counts counts;   /* published */
    char apart[64];          /* from what the next worker writes */
} worker;

struct fd_engine {
    fd_engine_options options;
    fd_scan_hooks hooks;
    size_t queue_most;
    size_t ahead; /* files that a worker may have open before their turn */
    long process;
    worker **workers;
    size_t started;
    fd_flag stop;

    /* A worker that has this lock may take the other one, never the other way round. The consumer never takes it. */
    fd_lock walking;
    fd_walk *walk;
    uint64_t next_unit;

    fd_lock state;
    fd_condition consumer, space, input; /* the queue has something; it has room; there is something to walk */
    fd_listing given;
    size_t given_next;
    bool closed;
    size_t promises; /* workers out to list a folder, or with paths that may turn out to be folders */
    uint64_t news;   /* how often the walk has got something */
    parcel *first, *last;
    size_t queued, queued_bytes;
    uint64_t wanted_unit; /* in order: the one whose batches the consumer gets now */
    size_t running;
    bool failed;
};

/* the queue */

static void parcel_free(parcel *p)
{
    fd_batch_release(p->batch);
    free(p->outcomes);
    free(p);
}

static void fail(fd_engine *e)
{
    fd_lock_take(&e->state);
    e->failed = true;
    fd_lock_drop(&e->state);
    fd_engine_stop(e);
}

/* In order a unit that is wanted now must never wait for those behind it. */
static bool may_queue(const fd_engine *e, const parcel *p)
{
    if (!e->queued) return true;
    if (e->options.ordered && p->unit == e->wanted_unit && e->first->unit != p->unit) return true;
    return e->queued < e->queue_most && e->queued_bytes + p->bytes <= QUEUE_BYTES;
}

static void enqueue(fd_engine *e, parcel *p)
{
    parcel **at = &e->first;
    if (e->options.ordered) {
        while (*at && (*at)->unit <= p->unit) at = &(*at)->next;
        p->next = *at;
        *at = p;
    } else if (e->last) {
        e->last->next = p;
    } else {
        e->first = p;
    }
    if (!p->next) e->last = p;
    e->queued++;
    e->queued_bytes += p->bytes;
}

/* The rows at hand to the consumer. `last`: the unit ends with them. */
static fd_status hand_over(worker *w, bool last)
{
    fd_engine *e = w->engine;
    parcel *p = calloc(1, sizeof *p);
    if (!p) return FD_MEMORY;
    w->began = fd_clock();
    p->unit = w->unit;
    p->last = last;
    if (fd_scanner_rows(w->scanner)) {
        p->bytes = fd_scanner_bytes(w->scanner);
        p->batch = fd_scanner_take(w->scanner, &p->outcomes);
        if (!p->batch) {
            free(p);
            return FD_MEMORY;
        }
    }
    fd_lock_take(&e->state);
    w->counts = *fd_scanner_counts(w->scanner);
    while (!may_queue(e, p) && !fd_flag_is_up(&e->stop)) fd_condition_wait(&e->space, &e->state, POLL);
    const bool stopped = fd_flag_is_up(&e->stop);
    if (!stopped) {
        enqueue(e, p);
        fd_condition_signal(&e->consumer);
    }
    fd_lock_drop(&e->state);
    if (stopped) parcel_free(p);
    return stopped ? FD_END : FD_OK;
}

/* what to work on */

/* The walk has got something, or will: one promise more or less of that. The walk's lock is held. */
static void announce(fd_engine *e, bool more, bool less)
{
    fd_lock_take(&e->state);
    e->promises = e->promises + more - less;
    e->news++;
    if (!more) fd_condition_broadcast(&e->input);
    fd_lock_drop(&e->state);
}

/* What was given goes into the walk. *any: something was. *seen: what await_input has to know. The walk's lock is held. */
static fd_status feed(fd_engine *e, bool *any, uint64_t *seen)
{
    fd_status status = FD_OK;
    fd_lock_take(&e->state);
    fd_listing *l = &e->given;
    *any = e->given_next < l->count;
    for (; e->given_next < l->count && status == FD_OK; e->given_next++) {
        const fd_listed *n = &l->names[e->given_next];
        status = fd_walk_give(e->walk, fd_listing_text(l, n), n->length, FD_ENTRY_UNSEEN);
    }
    l->text.used = l->count = e->given_next = 0;
    if (*any) {
        e->news++;
        fd_condition_broadcast(&e->input);
        if (!e->closed) fd_condition_signal(&e->consumer);
    }
    *seen = e->news;
    fd_lock_drop(&e->state);
    return status;
}

static fd_status add_range(worker *w, fd_range range)
{
    if (w->range_count == w->range_room) {
        const size_t room = w->range_room ? 2 * w->range_room : 8;
        fd_range *ranges = realloc(w->ranges, room * sizeof *ranges);
        if (!ranges) {
            fd_walk_done(w->engine->walk, &range);
            return FD_MEMORY;
        }
        w->ranges = ranges;
        w->range_room = room;
    }
    w->ranges[w->range_count++] = range;
    return FD_OK;
}

/* Gives back what was worked on. The walk's lock is held. */
static void end_task(worker *w)
{
    for (size_t i = 0; i < w->range_count; i++) fd_walk_done(w->engine->walk, &w->ranges[i]);
    w->range_count = 0;
    if (w->looks) announce(w->engine, false, true);
    w->looks = false;
}

/* Waits for something to walk, a moment at most. FD_END: there will be nothing. */
static fd_status await_input(fd_engine *e, uint64_t seen)
{
    fd_lock_take(&e->state);
    bool over = fd_flag_is_up(&e->stop);
    if (!over && e->given_next == e->given.count && e->news == seen) {
        over = e->closed && !e->promises;
        if (!over) fd_condition_wait(&e->input, &e->state, POLL);
    }
    fd_lock_drop(&e->state);
    return over ? FD_END : FD_OK;
}

/* A folder, listed while others work. The walk's lock is held, and dropped meanwhile. */
static fd_status list_apart(fd_engine *e, fd_folder *folder)
{
    announce(e, true, false);
    fd_lock_drop(&e->walking);
    const fd_status listed = fd_walk_list(e->walk, folder);
    fd_lock_take(&e->walking);
    const fd_status status = fd_walk_accept(e->walk, folder, listed == FD_OK);
    announce(e, false, true);
    return listed == FD_OK ? status : listed;
}

/* Apart: a few files from a few folders, as there are some. FD_OK also when there are none yet: come again. */
static fd_status take_apart(worker *w)
{
    fd_engine *e = w->engine;
    fd_status status = FD_OK;
    size_t files = 0;
    uint64_t seen = 0;
    bool fed = true;
    fd_lock_take(&e->walking);
    end_task(w);
    while (status == FD_OK && fed && files < w->files && w->range_count < OPEN_FOLDERS && !fd_flag_is_up(&e->stop)) {
        fd_range range;
        fd_folder *folder;
        switch (fd_walk_take(e->walk, w->files - files, &range, &folder)) {
        case FD_WALK_FILES:
            files += range.end - range.next;
            if (!w->looks && fd_range_entry(&range, range.next).type == FD_ENTRY_UNSEEN) {
                w->looks = true;
                announce(e, true, false);
            }
            status = add_range(w, range);
            break;
        case FD_WALK_FOLDER: status = list_apart(e, folder); break;
        case FD_WALK_END: status = feed(e, &fed, &seen); break;
        case FD_WALK_MEMORY: status = FD_MEMORY; break;
        }
    }
    fd_lock_drop(&e->walking);
    if (status == FD_OK && fd_flag_is_up(&e->stop)) return FD_END;
    return status != FD_OK || files || fed ? status : await_input(e, seen);
}

/* In order: the next unit of the walk, whose size depends on nothing but what is walked. The others wait meanwhile. */
static fd_status take_unit(worker *w)
{
    fd_engine *e = w->engine;
    const size_t most = e->options.scan.batch_rows < UNIT_FILES ? e->options.scan.batch_rows : UNIT_FILES;
    fd_status status = FD_OK;
    size_t files = 0, open = 0;
    fd_lock_take(&e->walking);
    end_task(w);
    fd_lock_take(&e->state);
    while (e->next_unit >= e->wanted_unit + 4 * e->options.threads && !fd_flag_is_up(&e->stop))
        fd_condition_wait(&e->space, &e->state, POLL);
    fd_lock_drop(&e->state);
    while (status == FD_OK && files < most) {
        fd_range range;
        fd_folder *unused;
        bool fed = false;
        uint64_t seen = 0;
        const fd_walk_answer answer = fd_walk_take(e->walk, most - files, &range, &unused);
        if (answer == FD_WALK_FILES) {
            files += range.end - range.next;
            status = add_range(w, range);
            if (status == FD_OK && w->range_count > 1 && ++open > OPEN_FOLDERS)
                fd_walk_close(e->walk, &w->ranges[w->range_count - 2]);
        } else {
            status = answer == FD_WALK_MEMORY ? FD_MEMORY : feed(e, &fed, &seen);
            if (status == FD_OK && !fed) status = await_input(e, seen);
        }
        if (fd_flag_is_up(&e->stop)) break;
    }
    if (status == FD_END && files) status = FD_OK;
    w->unit = e->next_unit;
    if (status == FD_OK) e->next_unit++;
    fd_lock_drop(&e->walking);
    return status;
}

/* working */

/* A path that the user named and that is a folder goes back to the walk. FD_END: it did. */
static fd_status look_at(fd_engine *e, fd_entry *entry)
{
    const fd_os_name name = {entry->folder, entry->prefix, entry->prefix_length, entry->name};
    fd_os_facts facts;
    entry->os_errno = fd_os_look(&name, true, &facts);
    if (entry->os_errno) {
        entry->type = FD_ENTRY_FAILED;
    } else if (facts.type == FD_OS_FOLDER) {
        fd_lock_take(&e->walking);
        const fd_status status = fd_walk_give(e->walk, entry->name, entry->name_length, FD_ENTRY_FOLDER);
        announce(e, false, false);
        fd_lock_drop(&e->walking);
        return status == FD_OK ? FD_END : status;
    } else {
        entry->type = facts.type == FD_OS_FILE ? FD_ENTRY_FILE : FD_ENTRY_SPECIAL;
    }
    return FD_OK;
}

static fd_status visit(worker *w, fd_entry *entry)
{
    fd_status status = entry->type == FD_ENTRY_UNSEEN ? look_at(w->engine, entry) : FD_OK;
    if (status == FD_END) return FD_OK;
    if (status == FD_OK && fd_scanner_is_full(w->scanner)) status = hand_over(w, false);
    if (status == FD_OK) status = fd_scanner_visit(w->scanner, entry);
    while (status == FD_LIMIT) { /* the batch is full in the middle of a file */
        status = hand_over(w, false);
        if (status == FD_OK) status = fd_scanner_resume(w->scanner);
    }
    return status;
}

/* Do the files come from memory, or from a disk or a server? Asked every few files, so that it costs nothing. */
static void check_cold(worker *w)
{
    if (++w->unchecked < CHECKED) return;
    const uint64_t now = fd_clock(), fetched = fd_os_fetched(), each = (now - w->asked) / w->unchecked;
    if (w->asked) w->cold = fetched != w->fetched || each > (w->cold ? WARM_TIME : COLD_TIME);
    w->asked = now;
    w->fetched = fetched;
    w->unchecked = 0;
}

/* The files behind range[i] are opened and their heads fetched, so that a disk or a server has several requests at a time: it
 * has answered most of them when their turn comes. From memory this would cost a twentieth of a file's time for nothing. */
static void look_ahead(worker *w, const fd_range *range, size_t i, size_t *done)
{
    if (*done <= i) *done = i + 1;
    for (; *done < range->end && *done <= i + w->engine->ahead; ++*done) {
        fd_entry entry = fd_range_entry(range, *done);
        const fd_os_name name = {entry.folder, entry.prefix, entry.prefix_length, entry.name};
        fd_os_facts facts;
        if (entry.type == FD_ENTRY_UNSEEN && fd_os_look(&name, true, &facts) == 0 && facts.type == FD_OS_FILE)
            entry.type = FD_ENTRY_FILE;
        if (!fd_scanner_look_ahead(w->scanner, &entry)) return;
    }
}

static fd_status visit_range(worker *w, fd_range *range)
{
    const int code = fd_range_open(range);
    fd_status status = FD_OK;
    size_t ahead = 0;
    for (size_t i = range->next; i < range->end && status == FD_OK; i++) {
        if (fd_flag_is_up(&w->engine->stop)) status = FD_END;
        if (status == FD_END) break;
        check_cold(w);
        if ((w->cold || w->engine->options.ahead == FD_AHEAD_ALWAYS) && !code) look_ahead(w, range, i, &ahead);
        fd_entry entry = fd_range_entry(range, i);
        if (code && entry.type == FD_ENTRY_FILE) {
            entry.type = FD_ENTRY_FAILED;
            entry.os_errno = code;
        }
        status = visit(w, &entry);
    }
    fd_scanner_end_ahead(w->scanner);
    return status;
}

static fd_status visit_task(worker *w)
{
    fd_status status = FD_OK;
    for (size_t i = 0; i < w->range_count && status == FD_OK; i++) status = visit_range(w, &w->ranges[i]);
    return status;
}

/* So many files that a task takes a millisecond or so; and a batch that is old goes. */
static fd_status after_task(worker *w, uint64_t begin)
{
    fd_engine *e = w->engine;
    const uint64_t now = fd_clock();
    if (w->range_count && now - begin < SHORT_TIME && w->files < MOST_FILES) w->files *= 2;
    if (w->range_count && now - begin > LONG_TIME && w->files > (w->cold ? AHEAD : 1)) w->files /= 2;
    fd_lock_take(&e->state);
    w->counts = *fd_scanner_counts(w->scanner);
    fd_lock_drop(&e->state);
    if (!fd_scanner_rows(w->scanner)) {
        w->began = now;
        return FD_OK;
    }
    if (now - w->began < OLD_BATCH && !fd_scanner_is_full(w->scanner)) return FD_OK;
    return hand_over(w, false);
}

static fd_status work_apart(worker *w)
{
    fd_status status;
    w->began = fd_clock();
    for (;;) {
        status = take_apart(w);
        if (status != FD_OK) break;
        const uint64_t begin = fd_clock();
        status = visit_task(w);
        if (status == FD_OK) status = after_task(w, begin);
        if (status != FD_OK) break;
    }
    return status == FD_END && fd_scanner_rows(w->scanner) ? hand_over(w, false) : status;
}

static fd_status work_in_order(worker *w)
{
    for (;;) {
        fd_status status = take_unit(w);
        if (status == FD_OK) status = visit_task(w);
        if (status == FD_OK) status = hand_over(w, true);
        if (status != FD_OK) return status;
    }
}

static void work(void *context)
{
    worker *w = context;
    fd_engine *e = w->engine;
    const fd_status status = e->options.ordered ? work_in_order(w) : work_apart(w);
    if (status != FD_END && status != FD_OK) fail(e);
    fd_lock_take(&e->walking);
    end_task(w);
    fd_lock_drop(&e->walking);
    fd_lock_take(&e->state);
    w->counts = *fd_scanner_counts(w->scanner);
    e->running--;
    fd_condition_signal(&e->consumer);
    fd_lock_drop(&e->state);
}

/* the consumer's side */

static bool make_locks(fd_engine *e)
{
    return fd_lock_init(&e->walking) && fd_lock_init(&e->state) && fd_condition_init(&e->consumer) &&
           fd_condition_init(&e->space) && fd_condition_init(&e->input);
}

/* The caller's hooks are not called any more once the engine stops: what they need may be going. */
static fd_status guarded_decode(void *context, const fd_text_value *value, fd_array *items, fd_buffer *remark)
{
    const worker *w = context;
    if (fd_flag_is_up(&w->engine->stop)) return FD_INVALID;
    return w->engine->hooks.decode(w->context, value, items, remark);
}

static fd_status guarded_inflate(void *context, fd_input *file, uint64_t offset, fd_input *out)
{
    const worker *w = context;
    if (fd_flag_is_up(&w->engine->stop)) return FD_INVALID;
    return w->engine->hooks.inflate(w->context, file, offset, out);
}

static const char *guarded_inflate_error(void *context, int *too_large)
{
    const worker *w = context;
    return w->engine->hooks.inflate_error(w->context, too_large);
}

static void guarded_inflate_end(void *context)
{
    const worker *w = context;
    w->engine->hooks.inflate_end(w->context);
}

static worker *worker_new(fd_engine *e, const fd_column_spec *specs, size_t count, void *context)
{
    worker *w = calloc(1, sizeof *w);
    if (!w) return NULL;
    const fd_scan_hooks own = {.context = w,
                               .decode = e->hooks.decode ? guarded_decode : NULL,
                               .inflate = e->hooks.inflate ? guarded_inflate : NULL,
                               .inflate_error = guarded_inflate_error,
                               .inflate_end = guarded_inflate_end};
    w->engine = e;
    w->context = context;
    w->files = 1;
    w->scanner = fd_scanner_new(specs, count, &e->options.scan, &own);
    return w;
}

/* When no worker runs any more. */
static void release(fd_engine *e)
{
    for (size_t i = 0; e->workers && i < e->options.threads; i++) {
        if (!e->workers[i]) continue;
        fd_scanner_free(e->workers[i]->scanner);
        free(e->workers[i]->ranges);
        free(e->workers[i]);
    }
    free(e->workers);
    for (parcel *p = e->first, *next; p; p = next) {
        next = p->next;
        parcel_free(p);
    }
    fd_walk_free(e->walk);
    fd_listing_free(&e->given);
    fd_lock_free(&e->walking);
    fd_lock_free(&e->state);
    fd_condition_free(&e->consumer);
    fd_condition_free(&e->space);
    fd_condition_free(&e->input);
    free(e);
}

fd_engine *fd_engine_new(const fd_column_spec *specs, size_t count, const fd_engine_options *options, const fd_scan_hooks *hooks,
                         void *const *contexts)
{
    fd_engine *e = calloc(1, sizeof *e);
    if (!e) return NULL;
    e->options = *options;
    e->hooks = *hooks;
    e->process = fd_process_id();
    e->queue_most = 2 * options->threads + 2;
    const size_t budget = (size_t)fd_file_budget() / options->threads;
    e->ahead = options->ahead == FD_AHEAD_NEVER ? 0 : budget < AHEAD ? budget : AHEAD;
    size_t bytes = BUSY_BYTES / options->threads;
    if (bytes < LEAST_BYTES) bytes = LEAST_BYTES;
    if (!e->options.scan.batch_bytes || e->options.scan.batch_bytes > bytes) e->options.scan.batch_bytes = bytes;
    if (!make_locks(e)) {
        free(e);
        return NULL;
    }
    e->options.scan.stop = &e->stop;
    e->walk = fd_walk_new(options->recursive, options->follow_links, !options->ordered && options->threads > 1, &e->stop);
    e->workers = calloc(options->threads, sizeof *e->workers);
    bool done = e->walk && e->workers;
    for (size_t i = 0; done && i < options->threads; i++) {
        e->workers[i] = worker_new(e, specs, count, contexts[i]);
        done = e->workers[i] && e->workers[i]->scanner;
    }
    if (done) return e;
    release(e);
    return NULL;
}

fd_status fd_engine_start(fd_engine *e)
{
    fd_lock_take(&e->state);
    for (; e->started < e->options.threads; e->started++) {
        if (!fd_thread_start(&e->workers[e->started]->thread, work, e->workers[e->started])) break;
        e->running++;
    }
    fd_lock_drop(&e->state);
    return e->started ? FD_OK : FD_LIMIT;
}

fd_status fd_engine_give(fd_engine *e, const char *path, size_t length)
{
    fd_lock_take(&e->state);
    /* No system takes a path as long as this, so that cutting it makes no other of it. */
    const fd_status status = fd_listing_add(&e->given, path, length > UINT16_MAX ? UINT16_MAX : length, FD_ENTRY_UNSEEN, 0);
    fd_condition_signal(&e->input);
    fd_lock_drop(&e->state);
    return status;
}

static size_t room(const fd_engine *e)
{
    const size_t waiting = e->given.count - e->given_next;
    return waiting < LOOK_AHEAD ? LOOK_AHEAD - waiting : 0;
}

size_t fd_engine_room(fd_engine *e)
{
    fd_lock_take(&e->state);
    const size_t n = room(e);
    fd_lock_drop(&e->state);
    return n;
}

void fd_engine_close(fd_engine *e)
{
    fd_lock_take(&e->state);
    e->closed = true;
    fd_condition_broadcast(&e->input);
    fd_lock_drop(&e->state);
}

/* The parcel that the consumer gets next, if it is there. */
static parcel *pop(fd_engine *e)
{
    parcel *p = e->first;
    if (!p || (e->options.ordered && p->unit != e->wanted_unit)) return NULL;
    e->first = p->next;
    if (!e->first) e->last = NULL;
    e->queued--;
    e->queued_bytes -= p->bytes;
    if (p->last) e->wanted_unit++;
    fd_condition_broadcast(&e->space);
    return p;
}

fd_engine_answer fd_engine_wait(fd_engine *e, unsigned milliseconds, fd_batch **batch, uint8_t **outcomes)
{
    const uint64_t until = fd_clock() + 1000u * (uint64_t)milliseconds;
    fd_engine_answer answer = FD_ENGINE_TIME;
    parcel *p;
    fd_lock_take(&e->state);
    for (;;) {
        while ((p = pop(e)) && !p->batch) free(p);
        const uint64_t now = fd_clock();
        if (e->failed)
            answer = FD_ENGINE_FAILED;
        else if (p)
            answer = FD_ENGINE_BATCH;
        else if (!e->running)
            answer = FD_ENGINE_END;
        else if (!e->closed && room(e) > LOOK_AHEAD / 2)
            answer = FD_ENGINE_HUNGRY;
        else if (now < until) {
            fd_condition_wait(&e->consumer, &e->state, (unsigned)((until - now + 999) / 1000));
            continue;
        }
        break;
    }
    fd_lock_drop(&e->state);
    if (answer == FD_ENGINE_BATCH) {
        *batch = p->batch;
        *outcomes = p->outcomes;
        free(p);
    } else if (p) {
        parcel_free(p);
    }
    return answer;
}

fd_scan_counts fd_engine_counts(fd_engine *e)
{
    fd_scan_counts sum = {0};
    fd_lock_take(&e->state);
    for (size_t i = 0; i < e->options.threads; i++) {
        const fd_scan_counts *c = &e->workers[i]->counts;
        sum.files += c->files;
        sum.read += c->read;
        sum.not_dicom += c->not_dicom;
        sum.failed += c->failed;
        sum.noted += c->noted;
    }
    fd_lock_drop(&e->state);
    return sum;
}

void fd_engine_stop(fd_engine *e)
{
    fd_flag_raise(&e->stop);
    fd_lock_take(&e->state);
    fd_condition_broadcast(&e->space);
    fd_condition_broadcast(&e->input);
    fd_condition_broadcast(&e->consumer);
    fd_lock_drop(&e->state);
}

fd_flag *fd_engine_stopping(fd_engine *e) { return &e->stop; }
bool fd_engine_is_lost(const fd_engine *e) { return e->process != fd_process_id(); }

bool fd_engine_free(fd_engine *e, unsigned milliseconds)
{
    if (!e) return true;
    if (fd_engine_is_lost(e)) return false;
    fd_engine_stop(e);
    const uint64_t until = fd_clock() + 1000u * (uint64_t)milliseconds;
    fd_lock_take(&e->state);
    while (e->running && fd_clock() < until) fd_condition_wait(&e->consumer, &e->state, 10);
    const bool ended = !e->running;
    fd_lock_drop(&e->state);
    for (size_t i = 0; i < e->started; i++) {
        if (ended)
            fd_thread_join(e->workers[i]->thread);
        else
            fd_thread_abandon(e->workers[i]->thread);
    }
    if (ended) release(e);
    return ended;
}
