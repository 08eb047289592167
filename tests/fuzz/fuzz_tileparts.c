/* Whether JPEG 2000 codestreams are whole: what is called so lies inside of the input, ends with EOC, and is so again alone. */
#include "fd_tileparts.h"
#include "fuzz_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fd_error error = {0};
    size_t start = 0, stop = 0;
    uint8_t *stream = malloc(size ? size : 1); /* of its own, so that a read behind it is seen */
    CHECK(stream);
    memcpy(stream, data, size);
    const fd_status status = fd_tileparts_check(stream, size, &start, &stop, &error);
    if (status != FD_OK) {
        CHECK(error.reason && error.status == status);
        CHECK(error.offset <= size);
    } else {
        CHECK(start < stop && stop <= size);
        CHECK(stream[start] == 0xFF && stream[start + 1] == 0x4F && stream[stop - 2] == 0xFF && stream[stop - 1] == 0xD9);
        size_t again = 1, end = 0;
        CHECK(fd_tileparts_check(stream + start, stop - start, &again, &end, &error) == FD_OK);
        CHECK(again == 0 && end == stop - start);
    }
    free(stream);
    return 0;
}
