/* One element's value into one row of one column: by the VR in the file and the type of the column. */
#ifndef FD_CONVERT_H
#define FD_CONVERT_H

#include "fd_column.h"
#include "fd_cursor.h"
#include "fd_number.h"

#define FD_VALUE_LIMIT ((uint64_t)1 << 24) /* a longer value is no column entry; this bounds the memory of a batch */

enum {
    FD_COLUMN_UNSPLIT = 1, /* nobody knows how many values there are: text stays in one piece, backslashes and all */
    FD_COLUMN_LUT = 2,     /* a LUT descriptor, whose first value is never negative (PS3.3 C.11.1.1) */
    FD_COLUMN_KEPT = 4,    /* text of a date or time (`item` says which) where the column of that kind does not tell it all */
    FD_COLUMN_SPLIT = 8    /* with FD_COLUMN_KEPT: that column is a list */
};

/* A step of a path into sequences: the element, and which of its items. */
typedef struct fd_step {
    uint32_t tag; /* with a creator: gggg00ee */
    uint32_t item;
    const char *creator; /* of a private block, or NULL */
    size_t creator_length;
} fd_step;

#define FD_EVERY_ITEM UINT32_MAX

/* What is known of a file as a whole. */
typedef enum fd_fact {
    FD_FACT_NONE,
    FD_FACT_TRANSFER_SYNTAX, /* the UID that is in force */
    FD_FACT_PIXEL_OFFSET,    /* of the value of (7FE0,0010), (7FE0,0008) or (7FE0,0009) in the file */
    FD_FACT_PIXEL_LENGTH,    /* of that value, when it is not encapsulated: the bytes that are there */
    FD_FACT_TABLE_FRAMES,    /* entries of the offset table of encapsulated pixel data */
    FD_FACT_LAST_TAG         /* of the last element; known to a thorough scan only */
} fd_fact;

/* What a column holds. `kind` is FD_KIND_LIST for elements of several values, `item` is then the kind of one. */
typedef struct fd_column_spec {
    const char *name;
    uint32_t tag; /* with a creator: gggg00ee */
    uint16_t vr;  /* of the dictionary, or FD_VR_NONE */
    fd_kind kind, item;
    const char *creator; /* of a private block (PS3.5 7.8.1), or NULL */
    size_t creator_length;
    const fd_step *steps; /* the sequences on the way to the element, or NULL */
    size_t step_count;
    fd_fact fact;         /* not an element, but this */
    uint32_t flags;       /* FD_COLUMN_* */
    const char *metadata; /* of the Arrow field, see fd_field */
    size_t metadata_length;
} fd_column_spec;

typedef struct fd_text_value {
    const uint8_t *data;
    size_t length;
    const uint8_t *charset; /* Specific Character Set as stored */
    size_t charset_length;
    uint16_t vr;
    bool big;
    bool unsplit; /* one text, with its backslashes, is wanted */
} fd_text_value;

/* What C leaves to its caller: text in a character set that has to be looked up, numbers where a column of text was
 * expected. Appends the values to `items` (UTF8) and what was wrong with them to `remark`. FD_INVALID: there is no such text. */
typedef fd_status (*fd_decode_fn)(void *context, const fd_text_value *value, fd_array *items, fd_buffer *remark);

typedef struct fd_convert {
    fd_input *in;
    const fd_locale *locale;
    fd_buffer charset;
    enum { FD_CHARSET_PLAIN, FD_CHARSET_LATIN1, FD_CHARSET_UTF8, FD_CHARSET_OTHER } charset_class;
    bool signed_pixels; /* Pixel Representation: what US or SS means */
    fd_decode_fn decode;
    void *context;
    fd_buffer note; /* of this row; "; " between several */
    fd_buffer scratch, remark;
    fd_array items;
} fd_convert;

fd_status fd_convert_init(fd_convert *v);
void fd_convert_free(fd_convert *v);

/* Forgets what the file before said. */
void fd_convert_begin(fd_convert *v, fd_input *in);

/* Specific Character Set (0008,0005), PS3.3 C.12.1.1.2. */
fd_status fd_convert_charset(fd_convert *v, const fd_element *e);
void fd_convert_pixel_representation(fd_convert *v, const fd_element *e);

/* Appends one row to `to`. FD_OK also when the value does not fit (null, and a note); FD_MEMORY. */
fd_status fd_convert_append(fd_convert *v, const fd_column_spec *column, const fd_element *e, fd_array *to);

/* A value as one text, appended to `out`: UTF-8; several values, each without its padding, with backslashes between them;
 * numbers in decimal digits, tags as ggggeeee. `lut`: a LUT descriptor. FD_END: there is no text (and a note says why, unless
 * the VR has none or it is empty); FD_MEMORY. */
fd_status fd_convert_as_text(fd_convert *v, const fd_text_value *value, bool lut, fd_buffer *out);

/* Has an empty value of this VR a text, the empty one? */
bool fd_convert_empty_is_text(uint16_t vr);

/* Adds to the note of this row: "name: text". */
fd_status fd_convert_note(fd_convert *v, const char *name, const char *text);

/* What a cursor had to repair, in the words of its warnings; `where` NULL: in group 0002. */
fd_status fd_convert_note_repair(fd_convert *v, unsigned kind, const fd_place_of_note *where);

/* The bytes of an element that a private creator may be: without padding. NULL when they are not there. */
const uint8_t *fd_convert_trimmed(fd_input *in, const fd_element *e, size_t *n);

#endif
