/* The shape of the generated tables (fd_dict_tables.c, fd_dict_private.c); only fd_dict.c reads them. */
#ifndef FD_DICT_TABLES_H
#define FD_DICT_TABLES_H

#include "fd_dict.h"

#define FD_DICT_CHUNK 32768 /* one row of a text pool: compilers limit the length of a string literal */
#define FD_DICT_VM 10
#define FD_DICT_TAG_BITS 14
#define FD_DICT_KEYWORD_BITS 14
#define FD_DICT_CREATOR_BITS 10

typedef struct fd_dict_mask {
    uint32_t mask, value;
    uint16_t row;
} fd_dict_mask;

typedef struct fd_dict_slot {
    uint32_t tag;
    uint16_t row; /* from 1; 0: empty */
    uint16_t vr;  /* of the row: the most asked question touches one cache line */
} fd_dict_slot;

typedef struct fd_dict_creator {
    uint32_t name;
    uint16_t length, first, count;
} fd_dict_creator;

typedef struct fd_dict_private {
    uint32_t key;  /* group << 16 | last byte of the element << 8 | index of the VR */
    uint32_t text; /* offset of the name << 8 | index of the VM */
} fd_dict_private;

extern const char fd_dict_edition[];
extern const uint32_t fd_dict_rows, fd_dict_rows_all, fd_dict_masks, fd_dict_multiplier, fd_dict_creators;
extern const char fd_dict_vms[][FD_DICT_VM];
extern const fd_dict_entry fd_dict_row[];
extern const fd_dict_mask fd_dict_mask_row[];
extern const fd_dict_slot fd_dict_tag_slot[1 << FD_DICT_TAG_BITS];
extern const uint16_t fd_dict_keyword_slot[1 << FD_DICT_KEYWORD_BITS];
extern const char fd_dict_text[][FD_DICT_CHUNK];

extern const uint16_t fd_dict_private_vrs[];
extern const fd_dict_creator fd_dict_creator_row[];
extern const uint16_t fd_dict_creator_slot[1 << FD_DICT_CREATOR_BITS];
extern const fd_dict_private fd_dict_private_row[];
extern const char fd_dict_private_text[][FD_DICT_CHUNK];

#endif
