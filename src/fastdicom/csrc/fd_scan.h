/* Heads of files into columns: for each file open, one read, the element cursor up to the last wanted tag, a row, close.
 *
 * A scanner belongs to one thread and needs no lock. It fills one batch after the other; who owns it takes each when it
 * is full. The columns are path, size, mtime, error, then those asked for, then notes and, when wished, path_bytes; or those
 * of the long table.
 */
#ifndef FD_SCAN_H
#define FD_SCAN_H

#include "fd_arrow.h"
#include "fd_bytes.h"
#include "fd_convert.h"
#include "fd_walk.h"

#define FD_SCAN_FIRST_COLUMNS 4 /* path, size, mtime, error */

typedef struct fd_scan_options {
    bool force;      /* as in reading: without DICM and group 0002, guess */
    bool thorough;   /* look behind the last wanted tag for elements out of order */
    bool path_bytes; /* one more column: the name as the system has it */
    bool plain;      /* no dictionaries in the long table */
    bool elements;   /* the long table (fd_long.h): a row an element; there are no specs then */
    bool facts_only; /* path, size and mtime: no file is opened */
    size_t batch_rows;
    uint64_t value_limit; /* bytes of the longest value in the long table */
    size_t batch_bytes;   /* a batch is cut when its buffers hold this much; 0: 64 MiB */
    fd_flag *stop;        /* when it goes up, reading ends in the middle of a file; or NULL */
} fd_scan_options;

/* What the scanner leaves to its caller. Both are called without any lock of the scanner's held. */
typedef struct fd_scan_hooks {
    void *context;
    fd_decode_fn decode;
    /* A file whose data set, from `offset` on, is deflated (PS3.5 A.5), as an input that reads as if it were not. Its size
     * is a huge number until the end has been reached. FD_INVALID: it is not deflated. What went wrong on the way, or NULL.
     * The end of it. */
    fd_status (*inflate)(void *context, fd_input *file, uint64_t offset, fd_input *out); /* `out` is zero before */
    const char *(*inflate_error)(void *context, int *too_large);
    void (*inflate_end)(void *context);
} fd_scan_hooks;

typedef enum fd_outcome { FD_OUTCOME_READ, FD_OUTCOME_NOT_DICOM, FD_OUTCOME_FAILED } fd_outcome;

typedef struct fd_scan_counts {
    uint64_t files, read, not_dicom, failed, noted;
} fd_scan_counts;

typedef struct fd_scanner fd_scanner;

/* The specs and their names must outlive the scanner. NULL: no memory. */
fd_scanner *fd_scanner_new(const fd_column_spec *specs, size_t count, const fd_scan_options *options, const fd_scan_hooks *hooks);
void fd_scanner_free(fd_scanner *s);

/* The columns' names and types, fd_scanner_width of them. */
const fd_field *fd_scanner_fields(const fd_scanner *s);
size_t fd_scanner_width(const fd_scanner *s);

/* One entry of a walk: one row, in the long table one or more. FD_LIMIT, in the long table only: the batch is full in the middle
 * of the file: take it, then call fd_scanner_resume until the answer is another. FD_MEMORY is the only failure. */
fd_status fd_scanner_visit(fd_scanner *s, const fd_entry *entry);
fd_status fd_scanner_resume(fd_scanner *s);

/* An entry that will be visited later, in the order of visits: its file is opened and its head fetched meanwhile. false: there are
 * enough. What was not visited must be given up before the walk gives up its names. */
bool fd_scanner_look_ahead(fd_scanner *s, const fd_entry *entry);
void fd_scanner_end_ahead(fd_scanner *s);

/* What is known of an object in a bucket or a member of an archive before it is read. */
typedef struct fd_object {
    const char *path; /* as it stands in the table */
    size_t path_length;
    bool has_size, has_mtime;
    uint64_t size;
    int64_t mtime; /* microseconds since 1970, UTC */
} fd_object;

/* One object of which pieces are at hand (its size is known): one row, or all its rows in the long table. FD_LIMIT: more of it
 * is needed, bytes->need up to need_end, and there is no row yet. FD_MEMORY. */
fd_status fd_scanner_visit_bytes(fd_scanner *s, const fd_object *object, const fd_piece *pieces, size_t count, fd_bytes *bytes);

/* A row with an error. */
fd_status fd_scanner_fail(fd_scanner *s, const fd_object *object, const char *error);

/* Is the batch to be taken before the next visit? Who visits bytes asks; fd_scanner_run does by itself. */
bool fd_scanner_is_full(const fd_scanner *s);

/* Up to `files` entries of the walk. FD_OK: there is more; FD_LIMIT: the batch is full; FD_END: the walk is at its end. */
fd_status fd_scanner_run(fd_scanner *s, fd_walk *walk, size_t files);

/* The rows since the last take (NULL: no memory), and an fd_outcome for each in *outcomes, which the caller frees. */
size_t fd_scanner_rows(const fd_scanner *s);
size_t fd_scanner_bytes(const fd_scanner *s);
fd_batch *fd_scanner_take(fd_scanner *s, uint8_t **outcomes);

const fd_scan_counts *fd_scanner_counts(const fd_scanner *s);

#endif
