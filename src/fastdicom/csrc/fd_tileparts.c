#include "fd_tileparts.h"

#include <stdlib.h>

enum { SOC_SIZ = 0x4FFF51, SOT = 0xFF90, SOD = 0xFF93, EOC = 0xFFD9 };

#define SOT_SIZE 12 /* of the marker and its segment, T.800 A.4.2 */

/* How many tile-parts of a tile were met, and how many there are to be; 0 when nobody has said. */
typedef struct tile {
    uint8_t met, said;
} tile;

typedef struct stream {
    const uint8_t *src;
    size_t pos, end;
    uint32_t number_of_tiles;
    tile *tiles;
    fd_error *error;
} stream;

static fd_status failed(stream *s, fd_status status, size_t at, uint64_t found, uint64_t expected, const char *reason)
{
    *s->error = (fd_error){.status = status, .offset = at, .found = found, .expected = expected, .reason = reason};
    return status;
}

/* From the boxes of a file (T.800 I.4) to the contents of jp2c. */
static fd_status unbox(stream *s)
{
    static const uint8_t signature[12] = {0, 0, 0, 12, 'j', 'P', ' ', ' ', 13, 10, 0x87, 10};
    if (s->end < sizeof signature || memcmp(s->src, signature, sizeof signature) != 0) return FD_OK;
    while (s->end - s->pos >= 8) {
        const uint8_t *p = s->src + s->pos;
        const size_t left = s->end - s->pos;
        uint64_t length = fd_load32be(p);
        size_t head = 8;
        if (length == 1 && left >= 16) {
            length = fd_load64be(p + 8);
            head = 16;
        } else if (length == 0) {
            length = left;
        }
        if (length < head) return failed(s, FD_INVALID, s->pos, length, head, "a box is shorter than its head");
        if (memcmp(p + 4, "jp2c", 4) == 0) {
            s->pos += head;
            if (length < left) s->end = s->pos - head + (size_t)length;
            return FD_OK;
        }
        if (length > left) break;
        s->pos += (size_t)length;
    }
    return failed(s, FD_TRUNCATED, s->pos, s->end - s->pos, 8, "the JP2 file has no codestream");
}

/* T.800 A.5.1, B.3: where the tiles begin, and how many there are. */
static fd_status read_size(stream *s, const uint8_t *p, size_t n)
{
    if (n < 39) return failed(s, FD_INVALID, s->pos, n, 39, "the JPEG 2000 SIZ segment is cut off");
    const uint32_t width = fd_load32be(p + 2), height = fd_load32be(p + 6);
    const uint32_t tile_width = fd_load32be(p + 18), tile_height = fd_load32be(p + 22), left = fd_load32be(p + 26),
                   top = fd_load32be(p + 30);
    const uint32_t image_left = fd_load32be(p + 10), image_top = fd_load32be(p + 14);
    if (!tile_width || !tile_height || image_left >= width || image_top >= height)
        return failed(s, FD_INVALID, s->pos, tile_width, 1, "the JPEG 2000 SIZ segment has no tiles");
    /* B-3, B-4. OpenJPH does not come back from tiles that begin below the image */
    if (left > image_left || (uint64_t)left + tile_width <= image_left)
        return failed(s, FD_INVALID, s->pos, left, image_left, "the first JPEG 2000 tile does not hold the first column");
    if (top > image_top || (uint64_t)top + tile_height <= image_top)
        return failed(s, FD_INVALID, s->pos, top, image_top, "the first JPEG 2000 tile does not hold the first row");
    const uint64_t across = ((uint64_t)width - left + tile_width - 1) / tile_width;
    const uint64_t down = ((uint64_t)height - top + tile_height - 1) / tile_height;
    uint64_t number;
    if (!fd_mul64(across, down, &number) || number > 65535)
        return failed(s, FD_INVALID, s->pos, across, 65535, "a JPEG 2000 codestream has at most 65535 tiles");
    s->number_of_tiles = (uint32_t)number;
    if ((uint64_t)(s->end - s->pos) / (SOT_SIZE + 2) < number) /* so that what is allocated was paid for in bytes */
        return failed(s, FD_TRUNCATED, s->end, s->end - s->pos, number * (SOT_SIZE + 2),
                      "there is no room for all JPEG 2000 tiles");
    s->tiles = calloc(s->number_of_tiles, sizeof *s->tiles);
    return s->tiles ? FD_OK : failed(s, FD_MEMORY, 0, 0, 0, "no memory for the tiles");
}

/* The marker segment at pos, of which the marker is known to be there. */
static fd_status skip_segment(stream *s, size_t end)
{
    if (end - s->pos < 4) return failed(s, FD_TRUNCATED, s->pos, end - s->pos, 4, "a JPEG 2000 marker segment is cut off");
    const size_t length = fd_load16be(s->src + s->pos + 2);
    if (length < 2) return failed(s, FD_INVALID, s->pos, length, 2, "a JPEG 2000 marker segment is shorter than its length");
    if (end - s->pos - 2 < length)
        return failed(s, FD_TRUNCATED, s->pos, end - s->pos - 2, length, "a JPEG 2000 marker segment is cut off");
    s->pos += 2 + length;
    return FD_OK;
}

static fd_status read_main_header(stream *s)
{
    const uint8_t *p = s->src + s->pos;
    if (s->end - s->pos < 6) return failed(s, FD_TRUNCATED, s->pos, s->end - s->pos, 6, "the JPEG 2000 stream is cut off");
    if (p[0] != 0xFF || ((uint32_t)p[1] << 16 | fd_load16be(p + 2)) != SOC_SIZ)
        return failed(s, FD_INVALID, s->pos, fd_load32be(p), 0xFF4FFF51, "the JPEG 2000 stream does not begin with SOC and SIZ");
    s->pos += 2;
    const uint8_t *size = s->src + s->pos + 4;
    const size_t length = fd_load16be(s->src + s->pos + 2);
    fd_status status = skip_segment(s, s->end);
    if (status == FD_OK) status = read_size(s, size, length - 2);
    while (status == FD_OK) {
        if (s->end - s->pos < 2) return failed(s, FD_TRUNCATED, s->pos, 0, 2, "the JPEG 2000 stream ends in its main header");
        const unsigned marker = fd_load16be(s->src + s->pos);
        if (marker == SOT) return FD_OK;
        if (marker < 0xFF30 || marker == EOC || marker == SOD)
            return failed(s, FD_INVALID, s->pos, marker, SOT, "the JPEG 2000 main header has no such marker");
        status = skip_segment(s, s->end);
    }
    return status;
}

/* The length that a last tile-part of Psot = 0 has: up to EOC, which only padding may follow. */
static fd_status open_length(stream *s, uint64_t *length)
{
    size_t end = s->end;
    while (end > s->pos && s->src[end - 1] == 0) end--;
    if (end - s->pos < SOT_SIZE + 2 + 2 || fd_load16be(s->src + end - 2) != EOC)
        return failed(s, FD_TRUNCATED, end, end - s->pos, SOT_SIZE + 4, "the JPEG 2000 stream does not end with EOC");
    *length = end - 2 - s->pos;
    return FD_OK;
}

/* The tile-part at pos (T.800 A.4.2): pos goes behind it. */
static fd_status read_tile_part(stream *s)
{
    const size_t at = s->pos;
    if (s->end - at < SOT_SIZE) return failed(s, FD_TRUNCATED, at, s->end - at, SOT_SIZE, "a JPEG 2000 tile-part is cut off");
    const uint8_t *p = s->src + at;
    const uint32_t number = fd_load16be(p + 4);
    uint64_t length = fd_load32be(p + 6);
    if (fd_load16be(p + 2) != 10)
        return failed(s, FD_INVALID, at, fd_load16be(p + 2), 10, "a JPEG 2000 SOT segment has a wrong length");
    if (number >= s->number_of_tiles)
        return failed(s, FD_INVALID, at, number, s->number_of_tiles, "there is no JPEG 2000 tile of this number");
    if (length == 0) {
        const fd_status status = open_length(s, &length);
        if (status != FD_OK) return status;
    }
    if (length > s->end - at)
        return failed(s, FD_TRUNCATED, at, s->end - at, length, "the JPEG 2000 stream ends inside a tile-part");
    if (length < SOT_SIZE) return failed(s, FD_INVALID, at, length, SOT_SIZE, "a JPEG 2000 tile-part is shorter than its head");
    const size_t end = at + (size_t)length;
    s->pos = at + SOT_SIZE;
    while (end > s->pos) { /* a tile-part may be empty: some writers leave out SOD then */
        if (end - s->pos < 2) return failed(s, FD_INVALID, s->pos, 1, 2, "a JPEG 2000 tile-part has no SOD");
        if (fd_load16be(s->src + s->pos) == SOD) break;
        const fd_status status = skip_segment(s, end);
        if (status != FD_OK) return status;
    }
    s->pos = end;
    if (s->tiles[number].met < UINT8_MAX) s->tiles[number].met++;
    if (p[11] > s->tiles[number].said) s->tiles[number].said = p[11];
    return FD_OK;
}

static fd_status read_tile_parts(stream *s)
{
    fd_status status = FD_OK;
    while (status == FD_OK && s->end - s->pos >= 2 && fd_load16be(s->src + s->pos) == SOT) status = read_tile_part(s);
    if (status != FD_OK) return status;
    for (uint32_t i = 0; i < s->number_of_tiles; i++) {
        if (s->tiles[i].met == 0 || s->tiles[i].met < s->tiles[i].said)
            return failed(s, FD_TRUNCATED, s->pos, s->tiles[i].met, s->tiles[i].said ? s->tiles[i].said : 1,
                          "a JPEG 2000 tile lacks tile-parts");
    }
    if (s->end - s->pos < 2 || fd_load16be(s->src + s->pos) != EOC)
        return failed(s, FD_TRUNCATED, s->pos, s->end - s->pos < 2 ? 0 : fd_load16be(s->src + s->pos), EOC,
                      "the JPEG 2000 stream does not end with EOC");
    s->pos += 2;
    return FD_OK;
}

fd_status fd_tileparts_check(const uint8_t *src, size_t size, size_t *start, size_t *stop, fd_error *error)
{
    stream s = {.src = src, .end = size, .error = error};
    fd_status status = unbox(&s);
    *start = s.pos;
    if (status == FD_OK) status = read_main_header(&s);
    if (status == FD_OK) status = read_tile_parts(&s);
    free(s.tiles);
    *stop = s.pos;
    return status;
}
