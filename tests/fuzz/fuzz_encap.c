/* Fragments, offset tables and frames of encapsulated Pixel Data.
 *
 * Bytes 0 to 3: the kind of stream, frames wanted, length of the Extended Offset Table (of the bytes behind), size of a window.
 */
#include "fd_encap.h"
#include "fuzz_input.h"

static void check(const fd_encap *e, uint64_t size)
{
    uint64_t before = 0;
    for (size_t i = 0; i < e->count; i++) {
        const fd_fragment *f = &e->fragments[i];
        CHECK(f->offset >= before + 8 && f->offset <= size && f->length <= size - f->offset);
        before = f->offset + f->length;
    }
    if (!e->first) return;
    CHECK(e->frames <= e->count);
    for (size_t i = 0; i < e->frames; i++) CHECK(e->first[i] < e->first[i + 1]);
    CHECK(e->first[e->frames] == e->count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 4) return 0;
    const fd_stream kind = (fd_stream)(data[0] % 3);
    const uint64_t wanted = data[0] & 0x80 ? (uint64_t)data[1] << 32 : data[1];
    size_t extended = data[2];
    const size_t least = data[3];
    data += 4, size -= 4;
    if (extended > size) extended = size;
    const uint8_t *table = data;
    data += extended, size -= extended;
    windowed w;
    fd_input *in = windowed_open(&w, data, size, size, least);
    fd_encap e;
    fd_encap_init(&e);
    if (fd_encap_read(&e, in, 0, size) == FD_OK) {
        check(&e, size);
        if (fd_encap_frames(&e, in, wanted, kind, extended ? table : NULL, extended) == FD_OK) check(&e, size);
    }
    fd_encap_free(&e);
    windowed_close(&w);
    return 0;
}
