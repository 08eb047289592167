/* The inverse DCT of blocks of 8 x 8 coefficients, with the same samples as the accurate one of libjpeg ("islow"): in integers of
 * 13 bits behind the point, columns before rows, and what is between them rounded to 2 bits behind the point, of 12-bit samples to 1.
 *
 * Libraries that follow it to the bit in all that an encoder makes do not agree on what is far beyond: they overflow in registers of
 * other sizes. Such a block is not transformed into anything: FD_DCT_WILD.
 */
#ifndef FD_DCT_IDCT_H
#define FD_DCT_IDCT_H

#include "fd_common.h"

#define FD_DCT_ROOM 80 /* coefficients, and behind them room for what is written in vain */
#define FD_DCT_ALIGN 32

/* Quantisation, in the order of a way. */
typedef struct fd_dct_steps {
    _Alignas(FD_DCT_ALIGN) int16_t step[64];
    _Alignas(FD_DCT_ALIGN) uint16_t most[64]; /* larger coefficients are wild */
} fd_dct_steps;

/* From a block to rows of samples, `pitch` bytes from each other: of 8 bits in bytes, of 12 bits in little endian words. The first
 * 64 numbers of the block are 0 afterwards. Not 0: the block is wild, and the samples are nothing. */
typedef unsigned fd_dct_transform(int16_t *block, const fd_dct_steps *steps, uint8_t *out, size_t pitch);

/* A way to transform blocks, and where it wants the coefficients: order[k] for the one that is number k in zigzag. */
typedef struct fd_dct_way {
    uint8_t order[64];
    fd_dct_transform *of_8_bits, *of_12_bits;
} fd_dct_way;

/* The portable way, or the fast one, which is for processors with AVX2 and BMI2: fd_bmi2.h. */
const fd_dct_way *fd_dct_way_of(bool fast);

/* The steps of a way from those in zigzag; false: one is 0. */
bool fd_dct_make_steps(fd_dct_steps *steps, const fd_dct_way *way, const uint16_t *zigzag, unsigned precision);

/* A block that has only its first coefficient: all samples are this one. -1: wild. */
int fd_dct_flat(int dc, const fd_dct_steps *steps, unsigned precision);

#endif
