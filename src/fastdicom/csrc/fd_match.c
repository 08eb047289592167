#include "fd_match.h"

#include <stdlib.h>

typedef struct slot {
    uint32_t hash;
    uint32_t row; /* from 1; 0: nobody is here */
} slot;

typedef struct table {
    slot *slots;
    size_t mask;
} table;

static bool is_sound(const fd_texts *t)
{
    if (!t->count) return true;
    if (t->offsets[0] < 0) return false;
    for (size_t i = 0; i < t->count; i++)
        if (t->offsets[i] > t->offsets[i + 1]) return false;
    return (uint64_t)t->offsets[t->count] <= t->length;
}

static const uint8_t *text(const fd_texts *t, size_t i, size_t *n)
{
    *n = (size_t)(t->offsets[i + 1] - t->offsets[i]);
    return *n ? t->data + t->offsets[i] : (const uint8_t *)"";
}

static bool is_equal(const fd_texts *a, size_t i, const fd_texts *b, size_t j)
{
    size_t n, m;
    const uint8_t *p = text(a, i, &n), *q = text(b, j, &m);
    return n == m && memcmp(p, q, n) == 0;
}

static uint64_t mix(uint64_t h)
{
    h *= 0x9E3779B97F4A7C15u;
    return h ^ h >> 32;
}

static uint64_t hash_of(const fd_texts *t, size_t i, uint64_t seed)
{
    size_t n;
    const uint8_t *p = text(t, i, &n);
    uint64_t h = mix(seed ^ n);
    for (; n >= 8; n -= 8, p += 8) h = mix(h ^ fd_load64le(p));
    uint8_t rest[8] = {0};
    memcpy(rest, p, n);
    return mix(mix(h ^ fd_load64le(rest)) ^ seed);
}

/* The slot of a text, or the empty one where it would be. */
static slot *find(const table *found, const fd_texts *among, const fd_texts *t, size_t i, uint64_t hash)
{
    const uint32_t tag = (uint32_t)hash;
    for (size_t k = (size_t)(hash >> 24) & found->mask;; k = (k + 1) & found->mask) {
        slot *s = &found->slots[k];
        if (!s->row || (s->hash == tag && is_equal(t, i, among, s->row - 1))) return s;
    }
}

static fd_status make(table *found, const fd_texts *among, uint64_t seed)
{
    if (among->count >= UINT32_MAX) return FD_LIMIT;
    size_t room = 16;
    while (room < 2 * among->count) room *= 2;
    found->slots = calloc(room, sizeof *found->slots);
    found->mask = room - 1;
    if (!found->slots) return FD_MEMORY;
    for (size_t i = 0; i < among->count; i++) {
        const uint64_t hash = hash_of(among, i, seed);
        slot *s = find(found, among, among, i, hash);
        if (!s->row) *s = (slot){(uint32_t)hash, (uint32_t)(i + 1)};
    }
    return FD_OK;
}

fd_status fd_match(const fd_texts *wanted, const fd_texts *among, uint64_t seed, int64_t *at)
{
    if (!is_sound(wanted) || !is_sound(among)) return FD_INVALID;
    table found = {0};
    size_t next = 0;
    fd_status status = FD_OK;
    for (size_t i = 0; i < wanted->count; i++) {
        if (next < among->count && is_equal(wanted, i, among, next)) {
            at[i] = (int64_t)next++;
            continue;
        }
        if (!found.slots && (status = make(&found, among, seed)) != FD_OK) break;
        const slot *s = find(&found, among, wanted, i, hash_of(wanted, i, seed));
        at[i] = (int64_t)s->row - 1;
        if (s->row) next = s->row;
    }
    free(found.slots);
    return status;
}
