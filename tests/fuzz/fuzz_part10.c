/* The head of a file: preamble, group 0002 and the encoding that follows from it. The first byte's bit 0 is `force`. */
#include "fd_part10.h"
#include "fuzz_input.h"

static fd_status head(fd_input *in, uint64_t size, bool force, fd_part10 *out)
{
    fd_error error = {.status = FD_OK};
    fd_status status = fd_part10_read(in, force, out, &error);
    CHECK(status == FD_OK || status == FD_NOT_DICOM);
    if (status != FD_OK) {
        CHECK(!force && error.status == status && error.reason);
        return status;
    }
    CHECK(out->meta_offset <= size && out->meta_length <= size - out->meta_offset);
    CHECK(out->dataset_offset <= size && out->dataset_offset >= out->meta_offset);
    CHECK(memchr(out->transfer_syntax, 0, sizeof out->transfer_syntax));
    CHECK(!(out->implicit && out->deflated) && !(out->implicit && out->big));
    CHECK(out->guessed == (out->transfer_syntax[0] == 0));
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fd_input in;
    windowed small;
    fd_part10 whole, pieces;
    if (size < 1) return 0;
    bool force = data[0] & 1;
    size_t least = (size_t)1 << (data[0] >> 4);
    data++;
    size--;
    fd_input_memory(&in, data, size);
    fd_status status = head(&in, size, force, &whole);

    CHECK(head(windowed_open(&small, data, size, size, least), size, force, &pieces) == status);
    if (status == FD_OK) {
        CHECK(whole.meta_offset == pieces.meta_offset && whole.meta_length == pieces.meta_length);
        CHECK(whole.dataset_offset == pieces.dataset_offset && whole.notes == pieces.notes);
        CHECK(strcmp(whole.transfer_syntax, pieces.transfer_syntax) == 0);
    }
    windowed_close(&small);

    head(windowed_open(&small, data, size, (uint64_t)size + 1000, least), (uint64_t)size + 1000, force, &pieces);
    windowed_close(&small);
    return 0;
}
