/* Values inside sequences: a path from an element of the data set down to one of an item, read only as far as it is asked. */
#ifndef FD_NEST_H
#define FD_NEST_H

#include "fd_convert.h"

#define FD_NEST_DEPTH 64 /* levels of sequences, as in reading */

/* Appends one row to `to`: the value at the end of the column's steps, which start at the element `e` (NULL: it is absent).
 * With a step of every item, a list with what each has, in order: null for an item without a value, nothing for a sequence
 * without items. Null and a note where a step is no sequence. *wanted_end grows to the end of what was read.
 * FD_OK or FD_MEMORY. */
fd_status fd_nest_append(fd_convert *v, const fd_column_spec *column, const fd_element *e, bool thorough, fd_array *to,
                         uint64_t *wanted_end);

#endif
