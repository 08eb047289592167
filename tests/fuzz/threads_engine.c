/* The engine over a folder on four threads, for ThreadSanitizer: threads_engine FOLDER FILES.
 *
 * Apart and in order, with small batches so that the queue is full, given as a folder and as paths one by one, read to the
 * end and stopped early. Held: every file is a row of a scan that was read to its end.
 */
#define _GNU_SOURCE
#include "fuzz_scan.h"

#include "fd_engine.h"

enum { THREADS = 4, ROUNDS = 12 };

static const fd_column_spec SPECS[] = {
    {.name = "SOPInstanceUID", .tag = 0x00080018, .vr = FD_VR_UI, .kind = FD_KIND_UTF8},
    {.name = "PatientID", .tag = 0x00100020, .vr = FD_VR_LO, .kind = FD_KIND_DICTIONARY},
    {.name = "PatientName", .tag = 0x00100010, .vr = FD_VR_PN, .kind = FD_KIND_UTF8},
};

static void give(fd_engine *e, const char *folder, size_t times)
{
    for (size_t i = 0; i < times; i++) CHECK(fd_engine_give(e, folder, strlen(folder)) == FD_OK);
}

/* `most` batches, then it is stopped; the rows until then. */
static size_t read_batches(fd_engine *e, const char *folder, size_t late, size_t most)
{
    size_t rows = 0;
    for (size_t batches = 0; batches < most;) {
        fd_batch *batch;
        uint8_t *outcomes;
        const fd_engine_answer answer = fd_engine_wait(e, 100, &batch, &outcomes);
        (void)fd_engine_counts(e);
        CHECK(answer != FD_ENGINE_FAILED);
        if (answer == FD_ENGINE_END) break;
        if (answer == FD_ENGINE_HUNGRY) { /* a folder that comes when the others are being read */
            give(e, folder, late);
            fd_engine_close(e);
        }
        if (answer != FD_ENGINE_BATCH) continue;
        rows += fd_batch_rows(batch);
        batches++;
        free(outcomes);
        fd_batch_release(batch);
    }
    return rows;
}

static size_t scan(const char *folder, bool ordered, bool ahead, size_t batch_rows, size_t most)
{
    stored inflaters[THREADS] = {0};
    void *contexts[THREADS];
    for (size_t i = 0; i < THREADS; i++) contexts[i] = &inflaters[i];
    const fd_engine_options options = {.threads = THREADS,
                                       .ordered = ordered,
                                       .ahead = ahead ? FD_AHEAD_ALWAYS : FD_AHEAD_COLD,
                                       .recursive = true,
                                       .scan = {.batch_rows = batch_rows}};
    fd_engine *e = fd_engine_new(SPECS, sizeof SPECS / sizeof *SPECS, &options, &HOOKS, contexts);
    CHECK(e);
    give(e, folder, 1);
    CHECK(fd_engine_start(e) == FD_OK);
    const size_t rows = read_batches(e, folder, 2, most);
    CHECK(fd_engine_free(e, 60000));
    return rows;
}

int main(int argc, char **argv)
{
    CHECK(argc == 3);
    (void)file_entry;
    (void)check_array;
    const size_t files = strtoul(argv[2], NULL, 10);
    for (size_t round = 0; round < ROUNDS; round++) {
        const bool ordered = round & 1, ahead = round & 2;
        CHECK(scan(argv[1], ordered, ahead, round < 4 ? 1 : 50, SIZE_MAX) == 3 * files);
        scan(argv[1], ordered, ahead, 1 + round, round);
    }
    puts("every file is a row");
    return 0;
}
