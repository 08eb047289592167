/* Texts among texts: a byte is a text of up to 15 equal letters. An offset may be spoiled, and must be found out. */
#include "fd_match.h"
#include "fuzz_input.h"

typedef struct made {
    fd_texts texts;
    int64_t *offsets;
    uint8_t *letters; /* as many as count: a read beside them is seen */
} made;

/* As many texts as `size` bytes make; each of few letters, so that many are equal. */
static made make(const uint8_t *data, size_t size)
{
    made m = {.offsets = malloc((size + 1) * sizeof(int64_t))};
    CHECK(m.offsets);
    size_t used = 0;
    m.offsets[0] = 0;
    for (size_t i = 0; i < size; i++) m.offsets[i + 1] = (int64_t)(used += data[i] & 15);
    m.letters = malloc(used);
    CHECK(m.letters || !used);
    for (size_t i = 0; i < size; i++)
        for (int64_t k = m.offsets[i]; k < m.offsets[i + 1]; k++) m.letters[k] = (uint8_t)('a' + (data[i] >> 4 & 3));
    m.texts = (fd_texts){m.offsets, size, m.letters, used};
    return m;
}

static bool is_equal(const made *a, size_t i, const made *b, size_t j)
{
    const int64_t n = a->offsets[i + 1] - a->offsets[i];
    return n == b->offsets[j + 1] - b->offsets[j] &&
           (n == 0 || memcmp(a->letters + a->offsets[i], b->letters + b->offsets[j], (size_t)n) == 0);
}

static void check(const made *wanted, const made *among, const int64_t *at)
{
    for (size_t i = 0; i < wanted->texts.count; i++) {
        CHECK(at[i] >= -1 && at[i] < (int64_t)among->texts.count);
        if (at[i] >= 0) CHECK(is_equal(wanted, i, among, (size_t)at[i]));
        for (size_t j = 0; at[i] < 0 && j < among->texts.count; j++) CHECK(!is_equal(wanted, i, among, j));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3 || size > 4096) return 0;
    const size_t cut = data[0] * (size - 3) / 255;
    const uint8_t spoil = data[1];
    made wanted = make(data + 3, cut), among = make(data + 3 + cut, size - 3 - cut);
    int64_t *at = malloc((cut + 1) * sizeof *at);
    CHECK(at);
    const int64_t wrong[] = {-1, INT64_MIN, INT64_MAX, (int64_t)among.texts.length + 1};
    if (spoil & 1 && among.texts.count) among.offsets[spoil % (among.texts.count + 1)] = wrong[spoil >> 1 & 3];
    const fd_status status = fd_match(&wanted.texts, &among.texts, data[2], at);
    if (spoil & 1 && among.texts.count)
        CHECK(status == FD_INVALID);
    else
        CHECK(status == FD_OK);
    if (status == FD_OK) check(&wanted, &among, at);
    free(at);
    free(wanted.offsets), free(wanted.letters);
    free(among.offsets), free(among.letters);
    return 0;
}
