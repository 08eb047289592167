/* Pixel kernels: bits, byte order, planes and colour of uncompressed frames.
 *
 * Every function is told the size of both buffers and touches neither when they do not fit together: FD_TRUNCATED when the
 * source holds too little, FD_INVALID when the arguments contradict each other. Buffers may have any alignment. Samples
 * come out little endian. `dst` and `src` are the same buffer or do not overlap; where the same buffer is allowed it is said.
 */
#ifndef FD_PIXEL_H
#define FD_PIXEL_H

#include "fd_common.h"

/* Reverses the bytes of every sample of `bytes` = 2, 4 or 8 (1: copies). Sizes are equal. dst == src is allowed. */
fd_status fd_pixel_swap(uint8_t *dst, size_t dst_size, const uint8_t *src, size_t src_size, unsigned bytes);

/* Bytes [first, first + dst_size) of a stream of 16-bit words whose two bytes are exchanged: 8-bit samples written as OW in
 * big endian (PS3.5 8.1.2), where frames of odd size begin inside a word. A last odd byte of src has no partner: FD_TRUNCATED. */
fd_status fd_pixel_swap_words(uint8_t *dst, size_t dst_size, const uint8_t *src, size_t src_size, uint64_t first);

/* dst_size pixels of 1 bit, from bit `first_bit` of src, to 0 or 1 a byte. The first pixel is the least significant bit
 * (PS3.5 8.1.1); frames follow each other without padding, so they begin anywhere in a byte. */
fd_status fd_pixel_unpack_1(uint8_t *dst, size_t dst_size, const uint8_t *src, size_t src_size, uint64_t first_bit);

/* dst_size / 2 pixels of 12 bits, from pixel `first` of src, to 16-bit samples with clear upper bits: two pixels in three
 * bytes, least significant bit first (PS3.5 8.1.1, Bits Allocated 12 of the editions before 1998). */
fd_status fd_pixel_unpack_12(uint8_t *dst, size_t dst_size, const uint8_t *src, size_t src_size, uint64_t first);

/* Planar Configuration 1 to 0 (PS3.3 C.7.6.3.1.3) for one frame: `samples` planes of samples of `bytes` = 1, 2, 4 or 8. */
fd_status fd_pixel_interleave(uint8_t *dst, size_t dst_size, const uint8_t *src, size_t src_size, unsigned bytes,
                              unsigned samples);

/* YBR_FULL_422 (Y1 Y2 Cb Cr) to YBR_FULL (Y1 Cb Cr Y2 Cb Cr), PS3.3 C.7.6.3.1.2: both pixels get the pair's chrominance. */
fd_status fd_pixel_expand_422(uint8_t *dst, size_t dst_size, const uint8_t *src, size_t src_size, unsigned bytes);

/* YBR_FULL of 8 bits to RGB, interleaved (PS3.3 C.7.6.3.1.2, ITU T.871 7): rounded half up, exactly. dst == src is allowed. */
fd_status fd_pixel_ybr_to_rgb(uint8_t *dst, size_t dst_size, const uint8_t *src, size_t src_size);

/* Are the bits above `stored` in every little endian sample of `bytes` what a reader expects: 0, or copies of the sign bit?
 * `from_end`: looked at in that order, which is quicker when they have just been written. *clean is set only with FD_OK. */
fd_status fd_pixel_unused_clean(const uint8_t *src, size_t src_size, unsigned bytes, unsigned stored, bool is_signed,
                                bool from_end, bool *clean);

/* Makes them so, in place (PS3.5 8.1.1: their values are unspecified). */
fd_status fd_pixel_clear_unused(uint8_t *data, size_t size, unsigned bytes, unsigned stored, bool is_signed);

/* Shifts every little endian sample of `bytes` down by `shift` bits, in place: a High Bit above Bits Stored - 1 (PS3.5 8.1.1 of
 * the editions that allowed it). What comes from above is 0. */
fd_status fd_pixel_shift(uint8_t *data, size_t size, unsigned bytes, unsigned shift);

/* Bit number `bit` of every little endian sample of `bytes`, as 0 or 1 a byte: an overlay in the unused bits of the pixels
 * (PS3.3 C.9.2, retired: Overlay Bit Position). */
fd_status fd_pixel_bit(uint8_t *dst, size_t dst_size, const uint8_t *src, size_t src_size, unsigned bytes, unsigned bit);

/* For tests: 0 takes the portable path from now on, 1 the best one of this processor. Answers whether there is another one. */
bool fd_pixel_use_simd(bool on);

#endif
