/* Look-up in the generated tables. Tags and keywords are found in open-addressed tables that are at most a third full. */
#include "fd_dict.h"
#include "fd_dict_tables.h"

static const fd_dict_entry group_length = {0, 0, 0, FD_VR_UL, 0, FD_DICT_GENERIC};
static const fd_dict_entry private_creator = {0, 0, 0, FD_VR_LO, 0, FD_DICT_GENERIC};

static const char *text_at(const char (*pool)[FD_DICT_CHUNK], uint32_t offset)
{
    return pool[offset / FD_DICT_CHUNK] + offset % FD_DICT_CHUNK;
}

/* tools/generate.py has the same. */
static uint64_t text_hash(const char *text, size_t n)
{
    const uint64_t golden = 0x9E3779B97F4A7C15u;
    const uint8_t *p = (const uint8_t *)text;
    uint64_t h = n * golden;
    if (n < 8) {
        uint64_t word = 0;
        for (size_t i = 0; i < n; i++) word |= (uint64_t)p[i] << 8 * i;
        return (h ^ word) * golden;
    }
    for (size_t i = 0; i < n - 8; i += 8) h = (h ^ fd_load64le(p + i)) * golden;
    return (h ^ fd_load64le(p + n - 8)) * golden;
}

static inline const fd_dict_slot *probe(uint32_t tag)
{
    const uint32_t wrap = (1u << FD_DICT_TAG_BITS) - 1;
    const fd_dict_slot *slot = &fd_dict_tag_slot[tag * fd_dict_multiplier >> (32 - FD_DICT_TAG_BITS)];
    while (slot->row != 0) {
        if (slot->tag == tag) return slot;
        slot = &fd_dict_tag_slot[(uint32_t)(slot - fd_dict_tag_slot + 1) & wrap];
    }
    return NULL;
}

/* Behind the exact look-up: what PS3.6 says for families of tags, and PS3.5 7.2 and 7.8.1 for all groups. */
static const fd_dict_entry *find_family(uint32_t tag)
{
    if ((tag & 0xFFFF) == 0) return &group_length;
    if (tag & 0x10000) return (tag & 0xFFFF) >= 0x10 && (tag & 0xFFFF) <= 0xFF ? &private_creator : NULL;
    switch (tag >> 24) {
    case 0x50:
    case 0x60:
    case 0x7F: { /* PS3.5 7.6: repeating groups */
        const fd_dict_slot *slot = probe(tag & 0xFF00FFFFu);
        const fd_dict_entry *e = slot ? &fd_dict_row[slot->row - 1] : NULL;
        return e && e->flags & FD_DICT_REPEATING ? e : NULL;
    }
    case 0x00:
    case 0x10: /* elements with free digits: (0020,31xx), (0028,04x0), (1000,xxx0), (1010,xxxx) */
        for (uint32_t i = 0; i < fd_dict_masks; i++) {
            if ((tag & fd_dict_mask_row[i].mask) == fd_dict_mask_row[i].value) return &fd_dict_row[fd_dict_mask_row[i].row];
        }
        return NULL;
    default: return NULL;
    }
}

const char *fd_dict_edition_name(void) { return fd_dict_edition; }

const fd_dict_entry *fd_dict_find(uint32_t tag)
{
    const fd_dict_slot *slot = tag & 0x10000 ? NULL : probe(tag);
    return slot ? &fd_dict_row[slot->row - 1] : find_family(tag);
}

uint16_t fd_dict_vr(uint32_t tag)
{
    const fd_dict_slot *slot = tag & 0x10000 ? NULL : probe(tag);
    if (slot) return slot->vr;
    const fd_dict_entry *e = find_family(tag);
    return e ? e->vr : (uint16_t)FD_VR_NONE;
}

bool fd_dict_tag(const char *keyword, size_t n, uint32_t *tag)
{
    const uint32_t wrap = (1u << FD_DICT_KEYWORD_BITS) - 1;
    if (n == 0 || n > 0xFF) return false;
    uint32_t slot = (uint32_t)(text_hash(keyword, n) >> (64 - FD_DICT_KEYWORD_BITS));
    for (uint32_t row; (row = fd_dict_keyword_slot[slot]) != 0; slot = (slot + 1) & wrap) {
        const fd_dict_entry *e = &fd_dict_row[row - 1];
        if (fd_dict_keyword_length(e) == n && memcmp(text_at(fd_dict_text, e->keyword >> 8), keyword, n) == 0) {
            *tag = e->tag;
            return true;
        }
    }
    return false;
}

const char *fd_dict_entry_keyword(const fd_dict_entry *e) { return text_at(fd_dict_text, e->keyword >> 8); }

const char *fd_dict_entry_name(const fd_dict_entry *e)
{
    if (e == &group_length) return "Group Length";
    if (e == &private_creator) return "Private Creator";
    return text_at(fd_dict_text, e->name);
}

const char *fd_dict_entry_vm(const fd_dict_entry *e) { return fd_dict_vms[e->vm]; }

const fd_dict_entry *fd_dict_at(size_t index) { return index < fd_dict_rows_all ? &fd_dict_row[index] : NULL; }

static const fd_dict_creator *find_creator(const char *creator, size_t n)
{
    const uint32_t wrap = (1u << FD_DICT_CREATOR_BITS) - 1;
    /* PS3.5 6.2: leading and trailing spaces of an LO are not significant; some writers pad with NUL. */
    while (n && (creator[n - 1] == ' ' || creator[n - 1] == '\0')) n--;
    while (n && *creator == ' ') creator++, n--;
    if (n == 0 || n > 0xFF) return NULL;
    uint32_t slot = (uint32_t)(text_hash(creator, n) >> (64 - FD_DICT_CREATOR_BITS));
    for (uint32_t row; (row = fd_dict_creator_slot[slot]) != 0; slot = (slot + 1) & wrap) {
        const fd_dict_creator *c = &fd_dict_creator_row[row - 1];
        if (c->length == n && memcmp(text_at(fd_dict_private_text, c->name), creator, n) == 0) return c;
    }
    return NULL;
}

/* The creator's row with this key (without its VR), or NULL. */
static const fd_dict_private *find_key(const fd_dict_creator *c, uint32_t key)
{
    const fd_dict_private *row = fd_dict_private_row + c->first;
    size_t low = 0, high = c->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (row[middle].key >> 8 < key)
            low = middle + 1;
        else
            high = middle;
    }
    return low < c->count && row[low].key >> 8 == key ? &row[low] : NULL;
}

static const fd_dict_private *find_private(const char *creator, size_t n, uint32_t tag)
{
    if (!(tag & 0x10000) || (tag & 0xFFFF) < 0x1000) return NULL;
    const fd_dict_creator *c = find_creator(creator, n);
    if (!c) return NULL;
    const uint32_t key = (tag >> 8 & 0xFFFF00) | (tag & 0xFF);
    const fd_dict_private *row = (tag >> 8 & 0xFF) == 0x10 ? find_key(c, key - 0x100) : NULL; /* another in block 10 */
    if (!row) row = find_key(c, key);
    return row ? row : find_key(c, (tag >> 8 & 0xFF0000) | (tag & 0xFF)); /* 60xx: kept at 6000 */
}

static void fill_private(const fd_dict_private *row, fd_dict_private_entry *out)
{
    out->vr = fd_dict_private_vrs[row->key & 0xFF];
    out->vm = fd_dict_vms[row->text & 0xFF];
    out->name = text_at(fd_dict_private_text, row->text >> 8);
}

uint16_t fd_dict_private_vr(const char *creator, size_t n, uint32_t tag)
{
    const fd_dict_private *row = find_private(creator, n, tag);
    return row ? fd_dict_private_vrs[row->key & 0xFF] : (uint16_t)FD_VR_NONE;
}

bool fd_dict_private_find(const char *creator, size_t n, uint32_t tag, fd_dict_private_entry *out)
{
    const fd_dict_private *row = find_private(creator, n, tag);
    if (!row) return false;
    fill_private(row, out);
    return true;
}

bool fd_dict_creator_at(size_t index, const char **creator, size_t *entries)
{
    if (index >= fd_dict_creators) return false;
    *creator = text_at(fd_dict_private_text, fd_dict_creator_row[index].name);
    *entries = fd_dict_creator_row[index].count;
    return true;
}

bool fd_dict_private_at(size_t index, size_t entry, uint32_t *tag, fd_dict_private_entry *out)
{
    if (index >= fd_dict_creators || entry >= fd_dict_creator_row[index].count) return false;
    const fd_dict_private *row = &fd_dict_private_row[fd_dict_creator_row[index].first + entry];
    *tag = row->key >> 16 << 16 | (row->key >> 8 & 0xFF);
    if (!(*tag & 0x10000) && *tag & 0xFF0000) *tag += 0x11000; /* what is different in block 10 */
    fill_private(row, out);
    return true;
}
