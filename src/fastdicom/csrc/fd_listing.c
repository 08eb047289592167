#include "fd_listing.h"

void fd_listing_free(fd_listing *l)
{
    fd_buffer_free(&l->text);
    free(l->names);
    memset(l, 0, sizeof *l);
}

fd_status fd_listing_add(fd_listing *l, const char *text, size_t n, uint8_t type, uint8_t os_errno)
{
    if (l->text.used + n + 1 > UINT32_MAX || n > UINT16_MAX) return FD_LIMIT;
    if (l->count == l->room) {
        const size_t room = l->room ? 2 * l->room : 16;
        fd_listed *names = room > SIZE_MAX / sizeof *names ? NULL : realloc(l->names, room * sizeof *names);
        if (!names) return FD_MEMORY;
        l->names = names;
        l->room = room;
    }
    l->names[l->count] = (fd_listed){.offset = (uint32_t)l->text.used, .length = (uint16_t)n, .type = type, .os_errno = os_errno};
    if (fd_buffer_append(&l->text, text, n) != FD_OK || fd_buffer_append(&l->text, "", 1) != FD_OK) return FD_MEMORY;
    l->count++;
    return FD_OK;
}

/* sorting */

static bool before(const fd_listing *l, const fd_listed *a, const fd_listed *b)
{
    if (a->key != b->key) return a->key < b->key;
    return strcmp(fd_listing_text(l, a), fd_listing_text(l, b)) < 0;
}

static void sift(const fd_listing *l, size_t root, size_t count)
{
    fd_listed *names = l->names;
    for (;;) {
        size_t child = 2 * root + 1;
        if (child >= count) return;
        if (child + 1 < count && before(l, &names[child], &names[child + 1])) child++;
        if (!before(l, &names[root], &names[child])) return;
        const fd_listed swap = names[root];
        names[root] = names[child];
        names[child] = swap;
        root = child;
    }
}

static void heap_sort(fd_listing *l, size_t first, size_t count)
{
    const fd_listing part = {.text = l->text, .names = l->names + first};
    for (size_t i = count / 2; i-- > 0;) sift(&part, i, count);
    for (size_t n = count; n > 1; n--) {
        const fd_listed swap = part.names[0];
        part.names[0] = part.names[n - 1];
        part.names[n - 1] = swap;
        sift(&part, 0, n - 1);
    }
}

static void insertion_sort(fd_listing *l, size_t first, size_t count)
{
    fd_listed *names = l->names + first;
    for (size_t i = 1; i < count; i++) {
        const fd_listed moving = names[i];
        size_t j = i;
        for (; j > 0 && before(l, &moving, &names[j - 1]); j--) names[j] = names[j - 1];
        names[j] = moving;
    }
}

static size_t median_of_three(const fd_listing *l, size_t a, size_t b, size_t c)
{
    const fd_listed *n = l->names;
    if (before(l, &n[a], &n[b])) return before(l, &n[b], &n[c]) ? b : before(l, &n[a], &n[c]) ? c : a;
    return before(l, &n[a], &n[c]) ? a : before(l, &n[b], &n[c]) ? c : b;
}

/* Quicksort that turns to heap sort when a hostile order makes it slow; the stack stays below log2 of the count. */
static void sort_range(fd_listing *l, size_t first, size_t count, int budget, fd_flag *stop)
{
    while (count > 24) {
        if (fd_flag_is_up(stop)) return;
        if (budget-- == 0) {
            heap_sort(l, first, count);
            return;
        }
        fd_listed *names = l->names;
        const fd_listed pivot = names[median_of_three(l, first, first + count / 2, first + count - 1)];
        size_t i = first, j = first + count - 1;
        for (;;) {
            while (before(l, &names[i], &pivot)) i++;
            while (before(l, &pivot, &names[j])) j--;
            if (i >= j) break;
            const fd_listed swap = names[i];
            names[i++] = names[j];
            names[j--] = swap;
        }
        const size_t left = j + 1 - first, right = count - left;
        if (left == 0 || right == 0) {
            heap_sort(l, first, count);
            return;
        }
        if (left < right) {
            sort_range(l, first, left, budget, stop);
            first += left;
            count = right;
        } else {
            sort_range(l, first + left, right, budget, stop);
            count = left;
        }
    }
    insertion_sort(l, first, count);
}

/* Names in a folder mostly begin alike: the key is taken behind what all have in common. */
void fd_listing_sort(fd_listing *l, fd_flag *stop)
{
    if (l->count < 2) return;
    const char *first = fd_listing_text(l, &l->names[0]);
    size_t common = l->names[0].length;
    for (size_t i = 1; i < l->count && common; i++) {
        const char *other = fd_listing_text(l, &l->names[i]);
        size_t j = 0;
        while (j < common && other[j] == first[j]) j++;
        common = j;
    }
    int budget = 2;
    for (size_t n = l->count; n; n >>= 1) budget += 2;
    bool sorted = true;
    for (size_t i = 0; i < l->count; i++) {
        uint8_t bytes[8] = {0};
        const size_t rest = l->names[i].length - common;
        memcpy(bytes, fd_listing_text(l, &l->names[i]) + common, rest < 8 ? rest : 8);
        l->names[i].key = fd_load64be(bytes);
        if (sorted && i && before(l, &l->names[i], &l->names[i - 1])) sorted = false;
    }
    if (!sorted) sort_range(l, 0, l->count, budget, stop);
}
