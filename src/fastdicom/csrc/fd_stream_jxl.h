/* The header of a JPEG XL codestream (ISO/IEC 18181-1): size, bit depth, channels, colour. */
#ifndef FD_STREAM_JXL_H
#define FD_STREAM_JXL_H

#include "fd_stream.h"

/* Reads what stands before the first frame. FD_INVALID, FD_TRUNCATED with *reason, a constant string. */
fd_status fd_stream_read_jxl(const uint8_t *src, size_t size, fd_stream_header *header, const char **reason);

#endif
