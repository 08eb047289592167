/* The data dictionary: PS3.6 and PS3.7 E, with the private elements that vendors published.
 *
 * Everything here is read-only and safe under threads; nothing fails, what is unknown is FD_VR_NONE, NULL or false.
 */
#ifndef FD_DICT_H
#define FD_DICT_H

#include "fd_vr.h"

enum { /* fd_dict_entry.flags */
       FD_DICT_RETIRED = 1,
       FD_DICT_REPEATING = 2, /* stands for a family of tags (50xx, 60xx, ...): `tag` is the first of them */
       FD_DICT_GENERIC = 4    /* a group length or a private creator: known by rule, not in the dictionary */
};

typedef struct fd_dict_entry {
    uint32_t tag;
    uint32_t keyword; /* offset << 8 | length; use the functions below */
    uint32_t name;
    uint16_t vr; /* FD_VR_NONE for items and delimiters; FD_VR_US_SS and the like where the context decides */
    uint8_t vm;
    uint8_t flags;
} fd_dict_entry;

typedef struct fd_dict_private_entry {
    const char *name; /* may be empty */
    const char *vm;
    uint16_t vr;
} fd_dict_private_entry;

/* The edition of the standard, "2026b". */
const char *fd_dict_edition_name(void);

/* The entry of a tag: its own, else that of its repeating group, else a generic one (group length, private creator). */
const fd_dict_entry *fd_dict_find(uint32_t tag);

/* Its VR. FD_VR_NONE: nobody knows, or an item or delimiter. (gggg,0000) is UL, (odd,0010-00FF) LO. */
uint16_t fd_dict_vr(uint32_t tag);

/* The tag of a keyword; of a repeating group, the first. */
bool fd_dict_tag(const char *keyword, size_t n, uint32_t *tag);

const char *fd_dict_entry_keyword(const fd_dict_entry *e);
const char *fd_dict_entry_name(const fd_dict_entry *e); /* UTF-8 */
const char *fd_dict_entry_vm(const fd_dict_entry *e);
static inline size_t fd_dict_keyword_length(const fd_dict_entry *e) { return e->keyword & 0xFF; }

/* All entries, those of repeating groups last. NULL behind the end. */
const fd_dict_entry *fd_dict_at(size_t index);

/* Private elements (PS3.5 7.8): the creator with or without padding; the block (third byte of the tag) does not matter. */
uint16_t fd_dict_private_vr(const char *creator, size_t n, uint32_t tag);
bool fd_dict_private_find(const char *creator, size_t n, uint32_t tag, fd_dict_private_entry *out);

/* The creators, as an enumeration: false behind the end. */
bool fd_dict_creator_at(size_t index, const char **creator, size_t *entries);
/* Entry number `entry` of creator `index`: its tag has block 00; a group of xx digits (60xx) is given as its even first. */
bool fd_dict_private_at(size_t index, size_t entry, uint32_t *tag, fd_dict_private_entry *out);

#endif
