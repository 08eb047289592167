from fastdicom.codecs._native cimport c_bool, fd_error, fd_status
from libc.stdint cimport int64_t, uint8_t

cdef extern from "fd_lut.h" nogil:
    unsigned int fd_sample_size(unsigned int kind)
    fd_status fd_lut_apply(uint8_t *dst, size_t dst_size, const uint8_t *src, size_t src_size, unsigned int kind, int64_t first, const uint8_t *table, size_t table_size, unsigned int stride, unsigned int entry)
    fd_status fd_lut_map(uint8_t *dst, size_t dst_size, const uint8_t *src, size_t src_size, unsigned int bytes, const uint8_t *table, size_t table_size, unsigned int stride, unsigned int entry)
    fd_status fd_lut_rescale(uint8_t *dst, size_t dst_size, const uint8_t *src, size_t src_size, unsigned int kind, double slope, double intercept)
    fd_status fd_lut_window(uint8_t *dst, size_t dst_size, unsigned int bytes, const uint8_t *src, size_t src_size, double center, double width, double y_min, double y_max)
    fd_status fd_lut_range(const uint8_t *src, size_t src_size, unsigned int kind, double pad_low, double pad_high, double *low, double *high, c_bool *found)
    fd_status fd_lut_expand(uint8_t *dst, size_t entries, const uint8_t *src, size_t src_size, unsigned int bytes, c_bool big_endian, fd_error *error)
