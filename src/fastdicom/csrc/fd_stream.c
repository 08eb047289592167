#include "fd_stream.h"

#include "fd_stream_jxl.h"

typedef struct parser {
    const uint8_t *src, *end;
    const uint8_t *p; /* the next byte to look at */
    fd_error *error;
    fd_stream_header *header;
} parser;

static fd_status failed(parser *s, fd_status status, const uint8_t *at, uint64_t found, uint64_t expected, const char *reason)
{
    *s->error =
        (fd_error){.status = status, .offset = (uint64_t)(at - s->src), .found = found, .expected = expected, .reason = reason};
    return status;
}

/* The segment behind a marker, without the two bytes that tell its length. */
static fd_status segment(parser *s, const uint8_t **start, size_t *length)
{
    const size_t left = (size_t)(s->end - s->p);
    if (left < 2) return failed(s, FD_TRUNCATED, s->p, left, 2, "the stream ends inside a marker segment");
    const size_t n = fd_load16be(s->p);
    if (n < 2) return failed(s, FD_INVALID, s->p, n, 2, "a marker segment is shorter than its length");
    if (left < n) return failed(s, FD_TRUNCATED, s->p, left, n, "the stream ends inside a marker segment");
    *start = s->p + 2;
    *length = n - 2;
    s->p += n;
    return FD_OK;
}

static void check_even(fd_stream_header *h)
{
    const unsigned n = h->components < FD_STREAM_COMPONENTS ? h->components : FD_STREAM_COMPONENTS;
    for (unsigned i = 1; i < n; i++)
        if (h->precision[i] != h->precision[0] || h->is_signed[i] != h->is_signed[0]) h->is_uneven = 1;
}

/* JPEG and JPEG-LS */

/* The next marker, 0xFFnn without fill bytes; bytes that are none are passed over. 0: the stream ends. */
static unsigned next_marker(parser *s)
{
    while (s->end - s->p >= 2) {
        const uint8_t *ff = memchr(s->p, 0xFF, (size_t)(s->end - s->p - 1));
        if (!ff) break;
        s->p = ff + 1;
        if (*s->p == 0xFF || *s->p == 0) continue;
        return 0xFF00u | *s->p++;
    }
    s->p = s->end;
    return 0;
}

static bool is_frame_header(unsigned marker)
{
    return (marker >= 0xFFC0 && marker <= 0xFFCF && marker != 0xFFC4 && marker != 0xFFC8 && marker != 0xFFCC) || marker == 0xFFF7;
}

static fd_status read_frame(parser *s, unsigned marker)
{
    const uint8_t *p;
    size_t n;
    const fd_status status = segment(s, &p, &n);
    if (status != FD_OK) return status;
    fd_stream_header *h = s->header;
    if (h->components) return failed(s, FD_INVALID, p, marker, 0, "the JPEG stream has a second frame header");
    if (n < 6 || n < 6 + 3u * p[5])
        return failed(s, FD_INVALID, p, n, n < 6 ? 6 : 6 + 3u * p[5], "the JPEG frame header is cut off");
    if (p[5] == 0) return failed(s, FD_INVALID, p, 0, 1, "the JPEG frame has no component");
    h->format = marker == 0xFFF7 ? FD_STREAM_JPEG_LS : FD_STREAM_JPEG;
    h->process = marker == 0xFFF7 ? 55 : (uint8_t)(marker & 15);
    /* T.87 C.2.4.1.4: an LSE segment before may have told dimensions above 65535 */
    if (fd_load16be(p + 1)) h->rows = fd_load16be(p + 1);
    if (fd_load16be(p + 3)) h->columns = fd_load16be(p + 3);
    h->components = p[5];
    for (unsigned i = 0; i < h->components && i < FD_STREAM_COMPONENTS; i++) {
        h->precision[i] = p[0];
        h->ids[i] = p[6 + 3 * i];
        h->across[i] = p[7 + 3 * i] >> 4;
        h->down[i] = p[7 + 3 * i] & 15;
    }
    return FD_OK;
}

/* T.81 B.2.3, T.87 C.2.3: the last three bytes are Ss, Se, Ah Al, or NEAR, ILV and the point transform. */
static fd_status read_scan(parser *s)
{
    const uint8_t *p;
    size_t n;
    const fd_status status = segment(s, &p, &n);
    if (status != FD_OK) return status;
    fd_stream_header *h = s->header;
    if (!h->components) return failed(s, FD_INVALID, p, 0, 0, "the JPEG stream has a scan before its frame header");
    if (n < 1 || n < 4 + 2u * p[0]) return failed(s, FD_INVALID, p, n, n ? 4 + 2u * p[0] : 6, "the JPEG scan header is cut off");
    if (!h->columns) return failed(s, FD_INVALID, p, 0, 1, "the JPEG frame has no columns");
    const uint8_t *last = p + 1 + 2 * p[0];
    if (h->format == FD_STREAM_JPEG_LS) {
        h->near = last[0];
        h->interleave = last[1];
        h->point_transform = last[2] & 15;
        for (unsigned i = 0; i < p[0]; i++)
            if (p[2 + 2 * i]) h->has_mapping = 1;
    } else if (h->process == 3 || h->process == 7 || h->process == 11 || h->process == 15) {
        h->point_transform = last[2] & 15;
    }
    return FD_OK;
}

static fd_stream_colour spiff_colour(unsigned code)
{
    switch (code) { /* T.84 F.2.1 */
    case 8: return FD_COLOUR_GRAY;
    case 10: return FD_COLOUR_RGB;
    case 1:
    case 3:
    case 4: return FD_COLOUR_YBR;
    case 2: return FD_COLOUR_UNSAID;
    default: return FD_COLOUR_OTHER;
    }
}

static fd_status read_application(parser *s, unsigned marker)
{
    const uint8_t *p;
    size_t n;
    const fd_status status = segment(s, &p, &n);
    if (status != FD_OK) return status;
    fd_stream_header *h = s->header;
    if (marker == 0xFFE0 && n >= 5 && memcmp(p, "JFIF", 5) == 0) h->has_jfif = 1;
    if (marker == 0xFFEE && n >= 12 && memcmp(p, "Adobe", 5) == 0) {
        h->has_adobe = 1;
        h->adobe_transform = p[11];
    }
    if (marker == 0xFFE8 && n >= 19 && memcmp(p, "SPIFF", 6) == 0) h->colour = spiff_colour(p[18]);
    if (marker == 0xFFE8 && n >= 5 && memcmp(p, "mrfx", 4) == 0) h->hp_transform = p[4];
    return FD_OK;
}

/* T.87 C.2.4.1.4: the dimensions of an image of more than 65535 rows or columns. */
static void read_oversize(fd_stream_header *h, const uint8_t *p, size_t n)
{
    if (n < 2 || p[0] != 4 || p[1] < 2 || p[1] > 4 || n < 2 + 2u * p[1]) return;
    uint32_t rows = 0, columns = 0;
    for (unsigned i = 0; i < p[1]; i++) {
        rows = rows << 8 | p[2 + i];
        columns = columns << 8 | p[2 + p[1] + i];
    }
    h->rows = rows;
    h->columns = columns;
}

static fd_status read_jpeg(parser *s)
{
    fd_stream_header *h = s->header;
    h->format = FD_STREAM_JPEG;
    s->p += 2;
    for (;;) {
        const unsigned marker = next_marker(s);
        if (marker == 0 || marker == 0xFFD9)
            return failed(s, FD_TRUNCATED, s->p, 0, 0,
                          h->components ? "the JPEG stream has no scan" : "the JPEG stream has no frame header");
        if (marker == 0xFFDA) break;
        if (marker == 0xFF01 || (marker >= 0xFFD0 && marker <= 0xFFD8)) continue; /* they stand alone */
        fd_status status;
        if (is_frame_header(marker)) {
            status = read_frame(s, marker);
        } else if (marker >= 0xFFE0 && marker <= 0xFFEF) {
            status = read_application(s, marker);
        } else {
            const uint8_t *p;
            size_t n;
            status = segment(s, &p, &n);
            if (status == FD_OK && marker == 0xFFF8) read_oversize(h, p, n);
        }
        if (status != FD_OK) return status;
    }
    return read_scan(s);
}

/* JPEG 2000 */

static fd_status read_size(parser *s)
{
    const uint8_t *p;
    size_t n;
    const fd_status status = segment(s, &p, &n);
    if (status != FD_OK) return status;
    fd_stream_header *h = s->header;
    /* T.800 A.5.1: Rsiz, Xsiz, Ysiz, XOsiz, YOsiz, the tiles' four, Csiz; three bytes a component */
    if (n < 36 || n < 36 + 3u * fd_load16be(p + 34))
        return failed(s, FD_INVALID, p, n, n < 36 ? 36 : 36 + 3u * fd_load16be(p + 34), "the JPEG 2000 SIZ segment is cut off");
    const uint32_t x = fd_load32be(p + 2), y = fd_load32be(p + 6);
    h->offset_x = fd_load32be(p + 10);
    h->offset_y = fd_load32be(p + 14);
    h->components = fd_load16be(p + 34);
    if (h->offset_x >= x) return failed(s, FD_INVALID, p + 2, x, h->offset_x, "the JPEG 2000 image has no columns");
    if (h->offset_y >= y) return failed(s, FD_INVALID, p + 6, y, h->offset_y, "the JPEG 2000 image has no rows");
    if (!h->components) return failed(s, FD_INVALID, p + 34, 0, 1, "the JPEG 2000 image has no component");
    h->columns = x - h->offset_x;
    h->rows = y - h->offset_y;
    for (unsigned i = 0; i < h->components; i++) {
        const uint8_t *c = p + 36 + 3 * i;
        if (c[1] == 0 || c[2] == 0) return failed(s, FD_INVALID, c, 0, 1, "a JPEG 2000 component has no distance of samples");
        if ((c[0] & 127) + 1 > 38)
            return failed(s, FD_INVALID, c, (c[0] & 127) + 1u, 38, "a JPEG 2000 component has too many bits");
        if (i && c[0] != p[36]) h->is_uneven = 1;
        if (i >= FD_STREAM_COMPONENTS) continue;
        h->precision[i] = (uint8_t)((c[0] & 127) + 1);
        h->is_signed[i] = c[0] >> 7;
        h->across[i] = c[1];
        h->down[i] = c[2];
    }
    return FD_OK;
}

static fd_status read_codestream(parser *s)
{
    fd_stream_header *h = s->header;
    h->format = FD_STREAM_J2K;
    const uint8_t *start = s->p;
    if (s->end - s->p < 4) return failed(s, FD_TRUNCATED, s->p, (uint64_t)(s->end - s->p), 4, "the JPEG 2000 stream is cut off");
    if (fd_load32be(s->p) != 0xFF4FFF51)
        return failed(s, FD_INVALID, s->p, fd_load32be(s->p), 0xFF4FFF51, "the JPEG 2000 stream does not begin with SOC and SIZ");
    s->p += 4;
    fd_status status = read_size(s);
    bool have_coding = false;
    while (status == FD_OK) {
        if (s->end - s->p < 2) return failed(s, FD_TRUNCATED, s->p, 0, 2, "the JPEG 2000 stream ends in its main header");
        const unsigned marker = fd_load16be(s->p);
        if (marker == 0xFF90) break; /* SOT: the first tile-part */
        if (marker < 0xFF4F || marker == 0xFFD9 || marker == 0xFF93)
            return failed(s, FD_INVALID, s->p, marker, 0xFF90, "the JPEG 2000 main header has no such marker");
        s->p += 2;
        const uint8_t *p;
        size_t n;
        status = segment(s, &p, &n);
        if (status != FD_OK) return status;
        if (marker == 0xFF50 && n >= 4 && fd_load32be(p) & 0x00020000u) h->is_ht = 1; /* T.814 A.2: Pcap15 */
        if (marker != 0xFF52 || have_coding) continue;
        if (n < 10) return failed(s, FD_INVALID, p, n, 10, "the JPEG 2000 COD segment is cut off");
        have_coding = true; /* T.800 A.6.1 */
        h->transform = p[4] != 0;
        if (p[8] & 0x40) h->is_ht = 1;
        h->is_reversible = p[9] == 1;
    }
    if (status == FD_OK && !have_coding)
        return failed(s, FD_INVALID, start, 0, 0, "the JPEG 2000 main header has no COD segment");
    return status;
}

/* Boxes of JP2 (T.800 I.4) and of JPEG XL containers have one form. */

typedef struct box {
    uint32_t type;
    const uint8_t *start, *end; /* of its contents */
} box;

#define TYPE(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

/* The box at s->p; one that is longer than the stream ends with it. FD_END behind the last. */
static fd_status next_box(parser *s, box *b)
{
    const size_t left = (size_t)(s->end - s->p);
    if (left < 8) return FD_END;
    uint64_t length = fd_load32be(s->p);
    size_t head = 8;
    b->type = fd_load32be(s->p + 4);
    if (length == 1) {
        if (left < 16) return FD_END;
        length = fd_load64be(s->p + 8);
        head = 16;
    } else if (length == 0) {
        length = left;
    }
    if (length < head) return failed(s, FD_INVALID, s->p, length, head, "a box is shorter than its head");
    b->start = s->p + head;
    b->end = length < left ? s->p + length : s->end;
    s->p = b->end;
    return FD_OK;
}

static void read_colour_box(fd_stream_header *h, const box *b)
{
    if (b->end - b->start < 7 || b->start[0] != 1 || h->colour == FD_COLOUR_PALETTE) return; /* I.5.3.3: enumerated */
    switch (fd_load32be(b->start + 3)) {
    case 16: h->colour = FD_COLOUR_RGB; break;
    case 17: h->colour = FD_COLOUR_GRAY; break;
    case 18: h->colour = FD_COLOUR_YBR; break;
    default: h->colour = FD_COLOUR_OTHER;
    }
}

static fd_status read_jp2(parser *s)
{
    box b;
    s->header->format = FD_STREAM_J2K;
    s->header->is_boxed = 1;
    for (;;) {
        const fd_status status = next_box(s, &b);
        if (status == FD_END) return failed(s, FD_TRUNCATED, s->p, 0, 0, "the JP2 file has no codestream");
        if (status != FD_OK) return status;
        if (b.type == TYPE('j', 'p', '2', 'h')) s->p = b.start; /* its boxes are read as if they stood here */
        if (b.type == TYPE('c', 'o', 'l', 'r')) read_colour_box(s->header, &b);
        if (b.type == TYPE('p', 'c', 'l', 'r')) s->header->colour = FD_COLOUR_PALETTE;
        if (b.type != TYPE('j', 'p', '2', 'c')) continue;
        s->p = b.start;
        s->end = b.end;
        return read_codestream(s);
    }
}

/* JPEG XL */

#define MOST_JXL_HEAD 1024 /* bytes of a codestream that are looked at: names of extra channels count, pixels do not */

static fd_status read_jxl_codestream(parser *s, const uint8_t *head, size_t size, const uint8_t *at)
{
    const char *reason = "the JPEG XL header is cut off";
    const fd_status status = fd_stream_read_jxl(head, size, s->header, &reason);
    return status == FD_OK ? FD_OK : failed(s, status, at, size, 0, reason);
}

static fd_status read_jxl_container(parser *s)
{
    uint8_t head[MOST_JXL_HEAD];
    size_t n = 0;
    const uint8_t *at = NULL;
    box b;
    s->header->is_boxed = 1;
    for (;;) {
        const fd_status status = next_box(s, &b);
        if (status == FD_END) break;
        if (status != FD_OK) return status;
        if (b.type == TYPE('j', 'b', 'r', 'd')) s->header->is_recompressed = 1;
        if (b.type != TYPE('j', 'x', 'l', 'c') && b.type != TYPE('j', 'x', 'l', 'p')) continue;
        const size_t skip = b.type == TYPE('j', 'x', 'l', 'p') ? 4 : 0; /* the number of the part */
        if ((size_t)(b.end - b.start) <= skip) continue;
        if (!at) at = b.start + skip;
        const size_t length = (size_t)(b.end - b.start) - skip, room = sizeof head - n;
        memcpy(head + n, b.start + skip, length < room ? length : room);
        n += length < room ? length : room;
    }
    if (!at) return failed(s, FD_TRUNCATED, s->p, 0, 0, "the JPEG XL container has no codestream");
    return read_jxl_codestream(s, head, n, at);
}

fd_status fd_stream_read_header(const uint8_t *src, size_t size, fd_stream_header *header, fd_error *error)
{
    static const uint8_t jp2[12] = {0, 0, 0, 12, 'j', 'P', ' ', ' ', 13, 10, 0x87, 10};
    static const uint8_t jxl[12] = {0, 0, 0, 12, 'J', 'X', 'L', ' ', 13, 10, 0x87, 10};
    memset(header, 0, sizeof *header);
    header->orientation = 1;
    parser s = {.src = src, .end = src + size, .p = src, .error = error, .header = header};
    fd_status status = FD_NOT_DICOM;
    if (size >= 3 && src[0] == 0xFF && src[1] == 0xD8 && src[2] == 0xFF) {
        status = read_jpeg(&s);
        if (status == FD_OK) check_even(header);
    } else if (size >= 3 && src[0] == 0xFF && src[1] == 0x4F && src[2] == 0xFF) {
        status = read_codestream(&s);
    } else if (size >= sizeof jp2 && memcmp(src, jp2, sizeof jp2) == 0) {
        status = read_jp2(&s);
    } else if (size >= sizeof jxl && memcmp(src, jxl, sizeof jxl) == 0) {
        status = read_jxl_container(&s);
    } else if (size >= 2 && src[0] == 0xFF && src[1] == 0x0A) {
        status = read_jxl_codestream(&s, src, size < MOST_JXL_HEAD ? size : MOST_JXL_HEAD, src);
    } else {
        *error = (fd_error){.status = status, .reason = "the stream is no JPEG, JPEG-LS, JPEG 2000 or JPEG XL"};
    }
    return status;
}
