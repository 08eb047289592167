#include "fd_when.h"

/* `count` digits as a number; -1: they are none, or not there. */
static int digits(const uint8_t *p, size_t n, size_t count)
{
    int value = 0;
    if (n < count) return -1;
    for (size_t i = 0; i < count; i++) {
        const unsigned digit = p[i] - (unsigned)'0';
        if (digit > 9) return -1;
        value = 10 * value + (int)digit;
    }
    return value;
}

static bool is_leap(int year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

static bool days_of(int year, int month, int day, int32_t *days)
{
    static const int before[12] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    static const int lengths[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (year < 1 || month < 1 || month > 12 || day < 1) return false;
    const bool leap = is_leap(year);
    if (day > lengths[month - 1] + (leap && month == 2)) return false;
    const int y = year - 1, until_1970 = 719162;
    *days = 365 * y + y / 4 - y / 100 + y / 400 + before[month - 1] + (leap && month > 2) + day - 1 - until_1970;
    return true;
}

bool fd_parse_date(const uint8_t *p, size_t n, int32_t *days)
{
    if (n == 8) return days_of(digits(p, 4, 4), digits(p + 4, 2, 2), digits(p + 6, 2, 2), days);
    if (n != 10 || p[4] != '.' || p[7] != '.') return false;
    return days_of(digits(p, 4, 4), digits(p + 5, 2, 2), digits(p + 8, 2, 2), days);
}

/* The digits behind the point of seconds: 1 to 6 (PS3.5 6.2). */
static bool fraction(const uint8_t *p, size_t n, int64_t *us)
{
    if (n < 1 || n > 6) return false;
    const int value = digits(p, n, n);
    if (value < 0) return false;
    int64_t scaled = value;
    for (size_t i = n; i < 6; i++) scaled *= 10;
    *us += scaled;
    return true;
}

bool fd_parse_time(const uint8_t *p, size_t n, int64_t *us)
{
    static const int limits[3] = {24, 60, 60};
    static const int64_t units[3] = {(int64_t)3600 * 1000000, 60 * 1000000, 1000000};
    const bool colons = n > 2 && p[2] == ':';
    int64_t sum = 0;
    size_t at = 0, parts = 0;
    while (parts < 3 && at < n) {
        if (colons && parts && p[at++] != ':') return false;
        const int value = digits(p + at, n - at, 2);
        if (value < 0 || value >= limits[parts]) return false;
        sum += value * units[parts++];
        at += 2;
    }
    if (parts == 0) return false;
    if (at < n && (parts < 3 || p[at] != '.' || !fraction(p + at + 1, n - at - 1, &sum))) return false;
    *us = sum;
    return true;
}

/* &ZZXX, from -1200 to +1400 (PS3.5 6.2). */
static bool is_offset(const uint8_t *p, size_t n)
{
    const int hours = n == 5 ? digits(p + 1, 2, 2) : -1, minutes = n == 5 ? digits(p + 3, 2, 2) : -1;
    if (hours < 0 || minutes < 0 || minutes > 59) return false;
    return 60 * hours + minutes <= 60 * (p[0] == '-' ? 12 : 14);
}

bool fd_parse_datetime(const uint8_t *p, size_t n, int64_t *us, bool *offset)
{
    size_t used = 0;
    while (used < n && p[used] != '+' && p[used] != '-') used++;
    if (used < n && !is_offset(p + used, n - used)) return false;
    const size_t date = used < 8 ? used : 8;
    int32_t days;
    int64_t time = 0;
    if (date != 4 && date != 6 && date != 8) return false;
    if (!days_of(digits(p, 4, 4), date > 4 ? digits(p + 4, 2, 2) : 1, date > 6 ? digits(p + 6, 2, 2) : 1, &days)) return false;
    if (used > 10 && p[10] == ':') return false; /* colons are of the old TM only */
    if (used > 8 && !fd_parse_time(p + 8, used - 8, &time)) return false;
    *us = days * FD_DAY_US + time;
    *offset = used < n;
    return true;
}
