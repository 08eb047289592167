/* Text to dates and times (DA, TM and DT, PS3.5 6.2), without Python and without time zones. */
#ifndef FD_WHEN_H
#define FD_WHEN_H

#include "fd_common.h"

#define FD_DAY_US ((int64_t)86400 * 1000000)

/* YYYYMMDD, and YYYY.MM.DD of ACR-NEMA: days since 1970-01-01, in the Gregorian calendar, years 0001 to 9999.
 * The text has no padding. false, here and below: no such date, and nothing was written. */
bool fd_parse_date(const uint8_t *p, size_t n, int32_t *days);

/* HH[MM[SS[.F to .FFFFFF]]], and HH:MM[:SS[.F]] of ACR-NEMA: microseconds since midnight. Neither hour 24 nor second 60. */
bool fd_parse_time(const uint8_t *p, size_t n, int64_t *us);

/* YYYY[MM[DD[HH[MM[SS[.F to .FFFFFF]]]]]][&ZZXX]: microseconds since 1970-01-01, of the clock as written; what is not written is
 * the first there is. *offset: did it say its offset from UTC? */
bool fd_parse_datetime(const uint8_t *p, size_t n, int64_t *us, bool *offset);

#endif
