/* Colour spaces that are rarer than YBR_FULL, which fd_pixel has: 8-bit samples, three a pixel, interleaved.
 *
 * Both sizes are equal and a multiple of three, else FD_INVALID and nothing is touched. dst == src is allowed. Every result is
 * the formula's, rounded half up and kept between 0 and 255.
 */
#ifndef FD_COLOR_H
#define FD_COLOR_H

#include "fd_common.h"

/* RGB to YBR_FULL (PS3.3 C.7.6.3.1.2, ITU T.871 7). */
fd_status fd_color_rgb_to_ybr(uint8_t *dst, size_t dst_size, const uint8_t *src, size_t src_size);

/* YBR_PARTIAL (retired: PS3.3 C.7.6.3.1.2 of earlier editions, ITU-R BT.601: luminance from 16 to 235, chrominance from 16 to 240) to RGB. */
fd_status fd_color_partial_to_rgb(uint8_t *dst, size_t dst_size, const uint8_t *src, size_t src_size);

#endif
