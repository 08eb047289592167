/* Text to numbers (IS and DS, PS3.5 6.2) and text to UTF-8, without Python. */
#ifndef FD_NUMBER_H
#define FD_NUMBER_H

#include "fd_column.h"

/* The "C" locale, which the rare number of more than 19 digits needs. NULL: none. */
typedef struct fd_locale fd_locale;
fd_locale *fd_locale_new(void);
void fd_locale_free(fd_locale *locale);

/* A whole number, however it is written: "12", "4.000", "4e3". The text has no spaces around. false: no such number. */
bool fd_parse_integer(const uint8_t *p, size_t n, bool *negative, uint64_t *magnitude);

/* [+-]digits[.digits][E[+-]digits], correctly rounded; "inf" and "nan" too, which some writers write. What is too large is
 * infinite. false: no such number. */
bool fd_parse_decimal(const uint8_t *p, size_t n, const fd_locale *locale, double *x);

/* A number as text in the C locale, whatever that of the process is: the number of bytes, without a NUL behind them. Floating
 * point numbers have the fewest digits, of at least 15 (a float: 6), that read back as the same number. */
#define FD_NUMBER_TEXT 32
size_t fd_write_integer(char out[FD_NUMBER_TEXT], bool negative, uint64_t magnitude);
size_t fd_write_double(char out[FD_NUMBER_TEXT], double x, const fd_locale *locale);
size_t fd_write_float(char out[FD_NUMBER_TEXT], float x, const fd_locale *locale);

/* All bytes below 0x80 and none of them ESC: the same text in every character set of PS3.3 C.12.1.1.2 but ISO_IR 13. */
bool fd_text_is_plain(const uint8_t *p, size_t n);

/* Bytes from the start that are well-formed UTF-8 (Unicode table 3-7); n when all are. */
size_t fd_utf8_valid(const uint8_t *p, size_t n);

/* ISO 8859-1 as UTF-8, appended to `out`. */
fd_status fd_latin1_to_utf8(fd_buffer *out, const uint8_t *p, size_t n);

/* Bytes as valid UTF-8: what is not is written \xNN. Appended to `out`. */
fd_status fd_utf8_escape(fd_buffer *out, const uint8_t *p, size_t n);

#endif
