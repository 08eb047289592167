#include "fd_huffman.h"

static fd_status broken(fd_error *error, uint64_t found, uint64_t expected, const char *reason)
{
    *error = (fd_error){.status = FD_INVALID, .found = found, .expected = expected, .reason = reason};
    return FD_INVALID;
}

fd_status fd_huffman_next(const uint8_t **p, size_t *n, fd_huffman_found *found, fd_error *error)
{
    const uint8_t *at = *p;
    if (*n < 17) return broken(error, *n, 17, "a Huffman table of the JPEG stream is cut off");
    const unsigned class = at[0] >> 4, destination = at[0] & 15;
    unsigned total = 0;
    for (unsigned i = 1; i <= 16; i++) total += at[i];
    if (class > 1 || destination >= FD_HUFFMAN_TABLES)
        return broken(error, at[0], FD_HUFFMAN_TABLES, "a Huffman table of the JPEG stream has no such destination");
    if (total > 256 || *n - 17 < total) return broken(error, total, *n - 17, "a Huffman table of the JPEG stream is cut off");
    *found = (fd_huffman_found){class == 1, destination, at + 1, 16 + total};
    *p += 17 + total;
    *n -= 17 + total;
    return FD_OK;
}

fd_status fd_huffman_make(fd_huffman *t, const fd_huffman_found *found, bool *same, fd_error *error)
{
    const uint8_t *at = found->specification;
    *same = t->defined && t->size == found->size && memcmp(t->specification, at, found->size) == 0;
    if (*same) return FD_OK;
    t->defined = t->has_all_ones = false;
    t->size = (uint16_t)found->size;
    memcpy(t->specification, at, found->size);
    uint32_t code = 0, k = 0;
    for (unsigned length = 1; length <= 16; length++, code <<= 1) {
        const unsigned count = at[length - 1];
        if (count > (1u << length) - code)
            return broken(error, length, 0, "a Huffman table of the JPEG stream has more codes than fit");
        t->index[length] = (int32_t)k - (int32_t)code;
        k += count;
        code += count;
        t->has_all_ones |= count && code == 1u << length;
        t->most[length] = count ? code << (16 - length) : 0;
    }
    for (k = 0; k < found->size - 16 && !found->is_ac; k++)
        if (at[16 + k] > 15) return broken(error, at[16 + k], 15, "a Huffman table of the JPEG stream has no such category");
    t->defined = true;
    return FD_OK;
}
