#include "fd_head.h"

#include <errno.h>
#include <stdlib.h>

#ifndef FD_HEAD_PAGE /* a fuzzer's is smaller, so that small files are read in pieces too */
#define FD_HEAD_PAGE 4096u
#endif
#define PAGE FD_HEAD_PAGE /* what the system reads from a disk at least */
#define SMALLEST_HEAD PAGE
#define LARGEST_HEAD (SMALLEST_HEAD << (FD_HEAD_SIZES - 1))
#define SMALL (PAGE / 8u)  /* a header, or a value so short that what follows is wanted next */
#define NEAR PAGE          /* what lies between is read too */
#define KEPT (256u * PAGE) /* of pieces */
#define LEARN_FROM 64u     /* files */

static fd_status read_at(fd_head *f, uint8_t *to, uint64_t offset, size_t n, size_t *got)
{
    const int code = f->stop && fd_flag_is_up(f->stop) ? EINTR : fd_os_read(f->fd, offset, to, n, got);
    if (code) f->os_errno = code; /* and it stays: what was read after it does not make the file whole */
    return code ? FD_IO : FD_OK;
}

static fd_status make_room(fd_head *f, size_t need)
{
    if (need <= f->room) return FD_OK;
    size_t room = 2 * f->room > need ? 2 * f->room : need;
    uint8_t *data = realloc(f->data, room);
    if (!data) return FD_MEMORY;
    f->data = data;
    f->room = room;
    return FD_OK;
}

static void show(fd_head *f, const fd_head_piece *p)
{
    f->in.data = f->data + p->at;
    f->in.start = p->offset;
    f->in.end = p->offset + p->length;
}

/* The bytes from `offset` on that a piece has. */
static size_t held(const fd_head_piece *p, uint64_t offset)
{
    return offset >= p->offset && offset - p->offset <= p->length ? p->length - (size_t)(offset - p->offset) : 0;
}

static const fd_head_piece *longest(const fd_head *f, uint64_t offset)
{
    const fd_head_piece *best = NULL;
    for (size_t i = 0; i < f->count; i++)
        if (held(&f->pieces[i], offset) > (best ? held(best, offset) : 0)) best = &f->pieces[i];
    return best;
}

/* All pieces but the head; of that, when it has grown, the beginning. */
static void forget(fd_head *f)
{
    f->count = 1;
    if (f->pieces[0].length > LARGEST_HEAD) f->pieces[0].length = LARGEST_HEAD;
    f->used = f->pieces[0].length;
}

/* The piece that is to have [offset, offset + want), as yet with what of it is at hand already. It is the last one, so that it
 * can grow. */
static fd_head_piece *begin_piece(fd_head *f, uint64_t offset, size_t want)
{
    fd_head_piece *last = &f->pieces[f->count - 1];
    if (offset >= last->offset && offset - last->offset <= last->length + NEAR && last->length < KEPT) {
        if (want <= SMALL && f->step < LARGEST_HEAD) f->step = f->step ? 2 * f->step : SMALLEST_HEAD;
        return last;
    }
    if (!f->needed) f->needed = f->pieces[0].length;
    f->step = 0;
    const fd_head_piece *part = longest(f, offset);
    const size_t n = part ? held(part, offset) : 0, from = part ? part->at + (part->length - n) : 0;
    if (f->count == FD_HEAD_PIECES || f->used + want > KEPT) forget(f);
    if (make_room(f, f->used + n) != FD_OK) return NULL;
    if (n) memmove(f->data + f->used, f->data + from, n);
    fd_head_piece *p = &f->pieces[f->count++];
    *p = (fd_head_piece){offset, f->used, n};
    f->used += n;
    return p;
}

/* Where to read to. Of a value exactly what is missing. How much is wanted behind a header nobody knows: to the end of its
 * page, which the system reads anyway; when it goes on there, a page, then twice as much each time. */
static uint64_t target_of(const fd_head *f, const fd_head_piece *p, uint64_t end, size_t want)
{
    uint64_t to = end;
    if (want <= SMALL) to = (f->step ? p->offset + p->length + f->step + PAGE / 2 : end + SMALL + PAGE - 1) / PAGE * PAGE;
    if (to < end) to = end;
    return to < f->in.size ? to : f->in.size;
}

static fd_status read_more(fd_head *f, uint64_t offset, size_t want)
{
    fd_head_piece *p = begin_piece(f, offset, want);
    const uint64_t to = p ? target_of(f, p, offset + want, want) : 0; /* it is inside the file */
    const size_t more = p ? (size_t)(to - p->offset) - p->length : 0;
    size_t got = 0;
    fd_status status = FD_IO;
    if (!p || make_room(f, f->used + more) != FD_OK)
        f->os_errno = ENOMEM;
    else
        status = read_at(f, f->data + f->used, p->offset + p->length, more, &got);
    if (status == FD_OK) {
        f->used += got;
        p->length += got;
        if (got < more) f->in.size = p->offset + p->length; /* it was cut while being read */
    }
    show(f, p ? p : &f->pieces[0]);
    return status;
}

static fd_status fill(fd_input *in, uint64_t offset, size_t want)
{
    fd_head *f = in->context;
    if (!f->count) {
        f->used = (size_t)in->end;
        f->pieces[f->count++] = (fd_head_piece){0, 0, f->used};
    }
    const fd_head_piece *there = longest(f, offset);
    if (!there || held(there, offset) < want) return read_more(f, offset, want);
    show(f, there);
    return FD_OK;
}

fd_status fd_head_init(fd_head *f)
{
    memset(f, 0, sizeof *f);
    f->fd = -1;
    f->head = 2 * SMALLEST_HEAD;
    return make_room(f, LARGEST_HEAD);
}

void fd_head_free(fd_head *f)
{
    fd_head_end_ahead(f);
    if (f->fd >= 0) fd_os_close(f->fd);
    free(f->data);
    f->data = NULL;
    f->fd = -1;
}

bool fd_head_ahead(fd_head *f, const fd_os_name *name)
{
    int fd;
    if (f->ahead_count == FD_HEAD_AHEAD) return false;
    if (fd_os_open(name, &fd) != 0) return true; /* it is tried again when its turn comes, and then it is a row */
    fd_os_fetch(fd, f->head);
    f->ahead[(f->ahead_first + f->ahead_count++) % FD_HEAD_AHEAD] = (fd_head_next){name->name, fd};
    return true;
}

void fd_head_end_ahead(fd_head *f)
{
    for (; f->ahead_count; f->ahead_count--) fd_os_close(f->ahead[f->ahead_first++ % FD_HEAD_AHEAD].fd);
    f->ahead_first = 0;
}

static int open_next(fd_head *f, const fd_os_name *name)
{
    const fd_head_next *next = &f->ahead[f->ahead_first % FD_HEAD_AHEAD];
    if (!f->ahead_count || next->name != name->name) {
        const int code = fd_os_open(name, &f->fd);
        if ((code != EMFILE && code != ENFILE) || !f->ahead_count) return code;
        fd_head_end_ahead(f); /* those that are open before their turn must not keep out one whose turn it is */
        return fd_os_open(name, &f->fd);
    }
    f->fd = next->fd;
    f->ahead_first = (f->ahead_first + 1) % FD_HEAD_AHEAD;
    f->ahead_count--;
    return 0;
}

fd_status fd_head_open(fd_head *f, const fd_os_name *name, bool *known)
{
    *known = false;
    f->os_errno = open_next(f, name);
    if (f->os_errno) {
        f->fd = -1;
        return FD_IO;
    }
    fd_status status = FD_OK;
    f->os_errno = fd_os_facts_of(f->fd, &f->facts);
    if (f->os_errno) {
        status = FD_IO;
    } else {
        *known = true;
        if (f->facts.type != FD_OS_FILE) status = FD_INVALID;
    }
    if (status == FD_OK) {
        const uint64_t size = f->facts.size;
        const size_t want = size < f->head ? (size_t)size : f->head;
        size_t got = 0;
        if (want) status = read_at(f, f->data, 0, want, &got);
        f->first = want;
        f->count = 0;
        f->step = SMALLEST_HEAD / 2; /* the first that goes on behind the head is a whole one */
        f->needed = 0;
        f->in = (fd_input){.data = f->data, .start = 0, .end = got, .size = got < want ? got : size, .fill = fill, .context = f};
    }
    if (status != FD_OK) {
        fd_os_close(f->fd);
        f->fd = -1;
    }
    return status;
}

/* The first read that would have been cheapest for the last files. Reading costs about 0.12 µs a KiB and 0.8 µs a call. */
static size_t cheapest_head(const fd_head *f)
{
    size_t best = f->head;
    uint64_t best_cost = UINT64_MAX;
    for (unsigned i = 0; i < FD_HEAD_SIZES; i++) {
        const uint64_t kib = (uint64_t)(SMALLEST_HEAD << i) / 1024;
        uint64_t cost = f->files * kib * 12;
        for (unsigned j = i + 1; j <= FD_HEAD_SIZES; j++) /* steps that double up to there */
            cost += f->needs[j] * ((j - i) * 80 + 12 * (((uint64_t)SMALLEST_HEAD << j) / 1024 - kib));
        if (cost < best_cost) {
            best_cost = cost;
            best = SMALLEST_HEAD << i;
        }
    }
    return best;
}

void fd_head_close(fd_head *f, uint64_t wanted_end)
{
    fd_os_close(f->fd);
    f->fd = -1;
    if (f->room > KEPT) { /* one large value is no reason to keep its room */
        uint8_t *data = realloc(f->data, LARGEST_HEAD);
        if (data) {
            f->data = data;
            f->room = LARGEST_HEAD;
        }
    }
    /* Of a file with a long value before the last wanted one, only what stands before the jump is a matter of the head. */
    if (f->count && wanted_end <= f->first) wanted_end = f->first + 1; /* the header behind it was not there */
    if (f->needed) wanted_end = f->needed;
    unsigned i = 0;
    while (i < FD_HEAD_SIZES && wanted_end > SMALLEST_HEAD << i) i++;
    f->needs[i]++;
    if (++f->files < LEARN_FROM) return;
    f->head = cheapest_head(f);
    for (unsigned j = 0; j <= FD_HEAD_SIZES; j++) f->needs[j] /= 2;
    f->files /= 2;
}
