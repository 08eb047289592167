#include "fd_part10.h"

#define TAG_GROUP_LENGTH 0x00020000u
#define TAG_TRANSFER_SYNTAX 0x00020010u

void fd_part10_encoding(const char *uid, bool *implicit, bool *big, bool *deflated)
{
    static const char *const implicit_uids[] = {
        "1.2.840.10008.1.2",    /* Implicit VR Little Endian */
        "1.2.840.10008.1.20",   /* Papyrus 3 (retired) */
        "1.2.840.113619.5.2",   /* GE: implicit VR little endian, pixels big endian */
    };
    static const char *const deflated_uids[] = {
        "1.2.840.10008.1.2.1.99",  /* Deflated Explicit VR Little Endian */
        "1.2.840.10008.1.2.4.95",  /* JPIP Referenced Deflate */
        "1.2.840.10008.1.2.4.205", /* JPIP HTJ2K Referenced Deflate */
    };
    *implicit = *deflated = false;
    for (size_t i = 0; i < sizeof implicit_uids / sizeof *implicit_uids; i++)
        if (strcmp(uid, implicit_uids[i]) == 0) *implicit = true;
    for (size_t i = 0; i < sizeof deflated_uids / sizeof *deflated_uids; i++)
        if (strcmp(uid, deflated_uids[i]) == 0) *deflated = true;
    *big = strcmp(uid, "1.2.840.10008.1.2.2") == 0;
}

static void copy_uid(fd_input *in, const fd_element *e, char out[65])
{
    size_t n = e->length < 64 ? (size_t)e->length : 64, used = 0;
    const uint8_t *p = fd_input_at(in, e->offset, n);
    if (!p) return;
    while (n && (p[n - 1] == 0 || p[n - 1] == ' ')) n--;
    size_t i = 0;
    while (i < n && p[i] == ' ') i++;
    for (; i < n && p[i]; i++) out[used++] = (char)p[i];
    out[used] = 0;
}

static bool starts_group_2(const uint8_t *p) { return fd_load16le(p) == 2; }

/* Reads group 0002 at out->meta_offset. It ends where the group ends, whatever its group length says (PS3.10 7.1). */
static void read_meta(fd_input *in, fd_part10 *out)
{
    fd_cursor c;
    fd_element e;
    uint64_t said = 0, pos = out->meta_offset;
    fd_cursor_open(&c, in, pos, in->size, false, false, FD_TOP_LEVEL);
    c.implicit = false; /* each header tells for itself: some writers use implicit VR here (pydicom #503) */
    c.notes = 0;
    for (;;) {
        pos = c.pos;
        const uint8_t *p = fd_input_at(in, pos, 8);
        if (!p || !starts_group_2(p) || fd_cursor_next(&c, &e) != FD_OK) break;
        if (fd_cursor_skip(&c, &e) != FD_OK) break;
        if (e.tag == TAG_GROUP_LENGTH && e.length == 4) {
            p = fd_input_at(in, e.offset, 4);
            if (p) said = e.offset + 4 + fd_load32le(p);
        } else if (e.tag == TAG_TRANSFER_SYNTAX)
            copy_uid(in, &e, out->transfer_syntax);
        /* a value that runs over the whole file: the group length, if it is sane, says where to go on */
        if ((e.flags & FD_ELEMENT_CUT) && said >= e.offset && said < in->size) {
            pos = said;
            break;
        }
    }
    out->meta_length = pos - out->meta_offset;
    out->dataset_offset = pos;
    out->notes = c.notes & ~(uint32_t)FD_NOTE_ORDER;
    fd_cursor_close(&c);
}

fd_status fd_part10_read(fd_input *in, bool force, fd_part10 *out, fd_error *error)
{
    memset(out, 0, sizeof *out);
    const uint8_t *p = in->size >= 132 ? fd_input_at(in, 0, 132) : NULL;
    if (p && memcmp(p + 128, "DICM", 4) == 0) {
        out->has_preamble = true;
        out->meta_offset = 132;
    } else {
        p = in->size >= 8 ? fd_input_at(in, 0, 8) : NULL;
        bool prefix = p && memcmp(p, "DICM", 4) == 0; /* the preamble was cut away */
        bool group_2 = p && starts_group_2(p) && fd_load16le(p + 2) <= 0x0102 && p[4] >= 'A' && p[4] <= 'Z';
        if (prefix) out->meta_offset = 4;
        if (!prefix && !group_2 && !force) {
            *error = (fd_error){.status = FD_NOT_DICOM,
                                .reason = in->size == 0 ? "the file is empty"
                                                        : "no DICM at byte 128 and no group 0002 at byte 0; force=True reads it as a bare data set"};
            return FD_NOT_DICOM;
        }
    }
    read_meta(in, out);
    if (out->transfer_syntax[0]) {
        fd_part10_encoding(out->transfer_syntax, &out->implicit, &out->big, &out->deflated);
    } else { /* the first element tells, see fd_cursor_open */
        out->implicit = true;
        out->guessed = true;
    }
    return FD_OK;
}
