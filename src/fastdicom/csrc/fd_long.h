/* The long table: a row an element, those of sequences too, whatever the schema of a file.
 *
 * It shows the elements that the reader gives: each data set is indexed (fd_index) before its rows are made, so that what the
 * cursor repairs, duplicates, character sets and the VRs that a context decides are the same here and there. The walk goes
 * down with a stack of its own and can stop between any two rows: a file of a million elements fills many batches.
 */
#ifndef FD_LONG_H
#define FD_LONG_H

#include "fd_arrow.h"
#include "fd_convert.h"
#include "fd_part10.h"

#define FD_LONG_DEPTH 64u /* levels of sequences, as in reading */

enum {
    FD_LONG_PATH,
    FD_LONG_ELEMENT, /* SharedFunctionalGroupsSequence[0]/PixelMeasuresSequence[0]/PixelSpacing */
    FD_LONG_TAG,
    FD_LONG_KEYWORD,
    FD_LONG_VR,
    FD_LONG_LENGTH,
    FD_LONG_VALUE,
    FD_LONG_ERROR,
    FD_LONG_NOTES,
    FD_LONG_COLUMNS
};
extern const fd_field fd_long_fields[FD_LONG_COLUMNS];

/* Where rows go. An array more than FD_LONG_COLUMNS (`raw`): the path as the system has it. */
typedef struct fd_long_rows {
    fd_array *arrays;
    size_t count, limit; /* rows there are, rows at which the batch is full */
    size_t bytes;        /* of data at which it is full */
    bool raw;
} fd_long_rows;

typedef struct fd_long fd_long;

/* `convert` is the caller's: its charset, its notes and its decoder serve here. NULL: no memory. */
fd_long *fd_long_new(fd_convert *convert, uint64_t value_limit, bool thorough);
void fd_long_free(fd_long *l);

/* A file: its path as UTF-8 and as the system has it. */
fd_status fd_long_begin(fd_long *l, const fd_buffer *path, const fd_buffer *raw);

/* A data set of that file: it is indexed. `in` must stay where it is until the walk has ended. FD_OK, FD_MEMORY, FD_IO. */
fd_status fd_long_open_meta(fd_long *l, fd_input *in, const fd_part10 *part10);
fd_status fd_long_open_data_set(fd_long *l, fd_input *in, const fd_part10 *part10);

/* Its rows. FD_END: there are no more; FD_LIMIT: the batch is full, call again with the next one; FD_MEMORY, FD_IO. */
fd_status fd_long_walk(fd_long *l, fd_long_rows *rows);

/* The end of a file. `error` (or NULL) makes a row of its own; a file without any element has one row too. *noted: were there
 * notes? *wanted_end: where the last byte ends that was needed. */
fd_status fd_long_end(fd_long *l, fd_long_rows *rows, const char *error, bool *noted, uint64_t *wanted_end);

#endif
