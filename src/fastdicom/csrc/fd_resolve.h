/* With which VR is a value read? As written, else as the dictionary and the elements around it say (PS3.5 6.2.2, A.1; PS3.3
 * C.7.6.3.1 and C.11.1.1). The core answers the same question for the reader, with its own way to the bytes. */
#ifndef FD_RESOLVE_H
#define FD_RESOLVE_H

#include "fd_index.h"

/* One of the VRs of the standard. `representation` is Pixel Representation of the data set around this one, -1: not said. */
uint16_t fd_resolve_vr(const fd_index *ix, fd_input *in, int representation, const fd_element *e);

/* Pixel Representation (0028,0103) of this data set, else `outer`. */
int fd_resolve_representation(const fd_index *ix, fd_input *in, int outer);

/* The element (gggg,00bb) that reserves the block of a private element (PS3.5 7.8.1), or NULL. */
const fd_element *fd_resolve_creator(const fd_index *ix, uint32_t tag);

#endif
