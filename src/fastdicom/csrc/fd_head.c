#include "fd_head.h"

#include <errno.h>
#include <stdlib.h>

#define SMALLEST_HEAD 4096u
#define LARGEST_HEAD (SMALLEST_HEAD << (FD_HEAD_SIZES - 1))
#define KEPT (1u << 20) /* a window that grows beyond this is started anew */
#define LEARN_FROM 64u  /* files */

static fd_status read_at(fd_head *f, uint8_t *to, uint64_t offset, size_t n, size_t *got)
{
    f->os_errno = f->stop && fd_flag_is_up(f->stop) ? EINTR : fd_os_read(f->fd, offset, to, n, got);
    return f->os_errno ? FD_IO : FD_OK;
}

static fd_status make_room(fd_head *f, size_t need)
{
    if (need <= f->room) return FD_OK;
    size_t room = 2 * f->room > need ? 2 * f->room : need;
    uint8_t *data = realloc(f->data, room);
    if (!data) return FD_MEMORY;
    f->data = data;
    f->room = room;
    f->in.data = data;
    return FD_OK;
}

/* The window grows while it is in one piece with what is asked for; a jump over a large value starts a new one. */
static fd_status fill(fd_input *in, uint64_t offset, size_t want)
{
    fd_head *f = in->context;
    const uint64_t end = offset + want; /* both are inside the file */
    size_t have = (size_t)(in->end - in->start);
    const bool grows = offset >= in->start && offset <= in->end + SMALLEST_HEAD && end - in->start <= KEPT;
    if (!grows) {
        in->start = in->end = offset;
        have = 0;
    }
    uint64_t target = end > in->end + SMALLEST_HEAD ? end : in->end + SMALLEST_HEAD;
    if (grows && target < in->end + have && have < LARGEST_HEAD) target = in->end + have; /* dense: twice as much each time */
    if (target > in->size) target = in->size;
    if (make_room(f, (size_t)(target - in->start)) != FD_OK) {
        f->os_errno = ENOMEM;
        return FD_IO;
    }
    size_t got;
    const size_t more = (size_t)(target - in->end);
    if (read_at(f, f->data + have, in->end, more, &got) != FD_OK) return FD_IO;
    in->end += got;
    if (got < more) in->size = in->end; /* it was cut while being read */
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
    if (f->fd >= 0) fd_os_close(f->fd);
    free(f->data);
    f->data = NULL;
    f->fd = -1;
}

fd_status fd_head_open(fd_head *f, const fd_os_name *name, bool *known)
{
    *known = false;
    f->os_errno = fd_os_open(name, &f->fd);
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
        for (unsigned j = i + 1; j <= FD_HEAD_SIZES; j++) cost += f->needs[j] * (80 + 12 * kib);
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
    unsigned i = 0;
    while (i < FD_HEAD_SIZES && wanted_end > SMALLEST_HEAD << i) i++;
    f->needs[i]++;
    if (++f->files < LEARN_FROM) return;
    f->head = cheapest_head(f);
    for (unsigned j = 0; j <= FD_HEAD_SIZES; j++) f->needs[j] /= 2;
    f->files /= 2;
}
