#define _GNU_SOURCE /* strtod_l */
#include "fd_number.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#ifdef __APPLE__
#include <xlocale.h>
#endif

#ifdef _WIN32
struct fd_locale {
    _locale_t c;
};
#else
struct fd_locale {
    locale_t c;
};
#endif

fd_locale *fd_locale_new(void)
{
    fd_locale *locale = malloc(sizeof *locale);
    if (!locale) return NULL;
#ifdef _WIN32
    locale->c = _create_locale(LC_ALL, "C");
#else
    locale->c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
#endif
    if (locale->c) return locale;
    free(locale);
    return NULL;
}

void fd_locale_free(fd_locale *locale)
{
    if (!locale) return;
#ifdef _WIN32
    _free_locale(locale->c);
#else
    freelocale(locale->c);
#endif
    free(locale);
}

/* What a decimal text says: digits × 10^exponent, with at most 19 digits kept exactly. */
typedef struct decimal {
    uint64_t digits;
    int64_t exponent;
    bool negative, exact;
} decimal;

static bool scan_exponent(const uint8_t *p, size_t n, int64_t *exponent)
{
    size_t i = 0;
    const bool negative = n && p[0] == '-';
    if (n && (p[0] == '-' || p[0] == '+')) i = 1;
    if (i == n) return false;
    int64_t sum = 0;
    for (; i < n; i++) {
        if (p[i] < '0' || p[i] > '9') return false;
        if (sum < 100000) sum = 10 * sum + (p[i] - '0');
    }
    *exponent += negative ? -sum : sum;
    return true;
}

static bool scan_decimal(const uint8_t *p, size_t n, decimal *d)
{
    *d = (decimal){.exact = true};
    size_t i = 0, seen = 0;
    d->negative = n && p[0] == '-';
    if (n && (p[0] == '-' || p[0] == '+')) i = 1;
    bool point = false;
    for (; i < n; i++) {
        if (p[i] == '.' && !point) {
            point = true;
            continue;
        }
        if (p[i] < '0' || p[i] > '9') break;
        seen++;
        if (d->digits >= 1000000000000000000u) { /* a twentieth digit */
            if (p[i] != '0' || !point) d->exact = false;
            continue;
        }
        d->digits = 10 * d->digits + (uint64_t)(p[i] - '0');
        d->exponent -= point;
    }
    if (!seen) return false;
    if (i == n) return true;
    if (p[i] != 'e' && p[i] != 'E') return false;
    return scan_exponent(p + i + 1, n - i - 1, &d->exponent);
}

bool fd_parse_integer(const uint8_t *p, size_t n, bool *negative, uint64_t *magnitude)
{
    decimal d;
    if (!scan_decimal(p, n, &d) || !d.exact) return false;
    *negative = d.negative;
    *magnitude = d.digits;
    if (!d.digits) return true;
    for (; d.exponent < 0; d.exponent++) {
        if (*magnitude % 10) return false;
        *magnitude /= 10;
    }
    for (; d.exponent > 0; d.exponent--) {
        if (*magnitude > UINT64_MAX / 10) return false;
        *magnitude *= 10;
    }
    return true;
}

static bool same_letters(const uint8_t *p, size_t n, const char *word)
{
    if (n != strlen(word)) return false;
    for (size_t i = 0; i < n; i++)
        if ((p[i] | 0x20) != word[i]) return false;
    return true;
}

/* What is no number and yet a double. */
static bool parse_special(const uint8_t *p, size_t n, double *x)
{
    const bool negative = n && p[0] == '-';
    if (n && (p[0] == '-' || p[0] == '+')) {
        p++;
        n--;
    }
    if (same_letters(p, n, "nan"))
        *x = NAN;
    else if (same_letters(p, n, "inf") || same_letters(p, n, "infinity"))
        *x = negative ? -INFINITY : INFINITY;
    else
        return false;
    return true;
}

bool fd_parse_decimal(const uint8_t *p, size_t n, const fd_locale *locale, double *x)
{
    static const double POWERS[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    decimal d;
    if (!scan_decimal(p, n, &d)) return parse_special(p, n, x);
    if (d.exact && d.digits <= (uint64_t)1 << 53 && d.exponent >= -22 && d.exponent <= 22) {
        /* Both factors are exact, so one multiplication or division rounds correctly (Clinger 1990). */
        const double whole = (double)d.digits;
        *x = d.exponent < 0 ? whole / POWERS[-d.exponent] : whole * POWERS[d.exponent];
        if (d.negative) *x = -*x;
        return true;
    }
    char text[1200]; /* no double needs more digits; a longer text is no DS of anybody */
    if (!locale || n >= sizeof text) return false;
    memcpy(text, p, n);
    text[n] = 0;
#ifdef _WIN32
    *x = _strtod_l(text, NULL, locale->c);
#else
    *x = strtod_l(text, NULL, locale->c);
#endif
    return true;
}

/* numbers to text */

size_t fd_write_integer(char out[FD_NUMBER_TEXT], bool negative, uint64_t magnitude)
{
    char digits[20];
    size_t n = 0, used = 0;
    do {
        digits[n++] = (char)('0' + magnitude % 10);
        magnitude /= 10;
    } while (magnitude);
    if (negative) out[used++] = '-';
    while (n) out[used++] = digits[--n];
    return used;
}

/* What needs no search for the fewest digits: what is no number, and whole numbers below `limit`. 0: it is neither. */
static size_t write_simple(char *out, double x, double limit)
{
    if (isnan(x)) return (size_t)(memcpy(out, "nan", 3), 3);
    if (isinf(x)) return x < 0 ? (size_t)(memcpy(out, "-inf", 4), 4) : (size_t)(memcpy(out, "inf", 3), 3);
    if (!(fabs(x) < limit) || x != floor(x)) return 0;
    return fd_write_integer(out, signbit(x) != 0, (uint64_t)fabs(x));
}

static size_t write_digits(char *out, double x, int digits, const fd_locale *locale)
{
#ifdef _WIN32
    const int n = _snprintf_l(out, FD_NUMBER_TEXT, "%.*g", locale->c, digits, x);
#else
    const locale_t before = uselocale(locale->c); /* of this thread */
    const int n = snprintf(out, FD_NUMBER_TEXT, "%.*g", digits, x);
    uselocale(before);
#endif
    return n > 0 && n < FD_NUMBER_TEXT ? (size_t)n : 0;
}

#ifdef _WIN32
#define READ_DOUBLE _strtod_l
#define READ_FLOAT _strtof_l
#else
#define READ_DOUBLE strtod_l
#define READ_FLOAT strtof_l
#endif

size_t fd_write_double(char out[FD_NUMBER_TEXT], double x, const fd_locale *locale)
{
    size_t n = write_simple(out, x, 1e15);
    for (int digits = 15; n == 0 && digits <= 17; digits++) {
        const size_t used = write_digits(out, x, digits, locale);
        if (digits == 17 || READ_DOUBLE(out, NULL, locale->c) == x) n = used;
    }
    return n;
}

size_t fd_write_float(char out[FD_NUMBER_TEXT], float x, const fd_locale *locale)
{
    size_t n = write_simple(out, (double)x, 1e6);
    for (int digits = 6; n == 0 && digits <= 9; digits++) {
        const size_t used = write_digits(out, (double)x, digits, locale);
        if (digits == 9 || READ_FLOAT(out, NULL, locale->c) == x) n = used;
    }
    return n;
}

bool fd_text_is_plain(const uint8_t *p, size_t n)
{
    uint64_t high = 0;
    size_t i = 0;
    bool escape = false;
    for (; n - i >= 8; i += 8) {
        uint64_t word;
        memcpy(&word, p + i, 8);
        high |= word;
        const uint64_t x = word ^ 0x1B1B1B1B1B1B1B1Bu; /* a zero byte where there was an ESC */
        escape |= ((x - 0x0101010101010101u) & ~x & 0x8080808080808080u) != 0;
    }
    for (; i < n; i++) {
        high |= p[i];
        escape |= p[i] == 0x1B;
    }
    return !(high & 0x8080808080808080u) && !escape;
}

/* Length of the well-formed sequence at p, or 0. */
static size_t sequence_length(const uint8_t *p, size_t n)
{
    const uint8_t a = p[0];
    if (a < 0x80) return 1;
    const size_t length = a >= 0xC2 && a <= 0xDF ? 2 : a >= 0xE0 && a <= 0xEF ? 3 : a >= 0xF0 && a <= 0xF4 ? 4 : 0;
    if (!length || n < length) return 0;
    const uint8_t low = a == 0xE0 ? 0xA0 : a == 0xF0 ? 0x90 : 0x80, high = a == 0xED ? 0x9F : a == 0xF4 ? 0x8F : 0xBF;
    if (p[1] < low || p[1] > high) return 0;
    for (size_t i = 2; i < length; i++)
        if (p[i] < 0x80 || p[i] > 0xBF) return 0;
    return length;
}

size_t fd_utf8_valid(const uint8_t *p, size_t n)
{
    size_t i = 0;
    while (i < n) {
        if (n - i >= 8) {
            uint64_t word;
            memcpy(&word, p + i, 8);
            if (!(word & 0x8080808080808080u)) {
                i += 8;
                continue;
            }
        }
        const size_t length = sequence_length(p + i, n - i);
        if (!length) return i;
        i += length;
    }
    return n;
}

fd_status fd_latin1_to_utf8(fd_buffer *out, const uint8_t *p, size_t n)
{
    if (n == 0) return FD_OK; /* `out` may have no data to point into */
    if (n > SIZE_MAX / 4 || fd_buffer_reserve(out, 2 * n) != FD_OK) return FD_MEMORY;
    uint8_t *to = out->data + out->used;
    for (size_t i = 0; i < n; i++) {
        if (p[i] < 0x80) {
            *to++ = p[i];
        } else {
            *to++ = (uint8_t)(0xC0 | p[i] >> 6);
            *to++ = (uint8_t)(0x80 | (p[i] & 0x3F));
        }
    }
    out->used = (size_t)(to - out->data);
    return FD_OK;
}

fd_status fd_utf8_escape(fd_buffer *out, const uint8_t *p, size_t n)
{
    static const char HEX[] = "0123456789ABCDEF";
    size_t i = 0;
    while (i < n) {
        const size_t valid = fd_utf8_valid(p + i, n - i);
        if (fd_buffer_append(out, p + i, valid) != FD_OK) return FD_MEMORY;
        i += valid;
        if (i == n) break;
        const char escape[4] = {'\\', 'x', HEX[p[i] >> 4], HEX[p[i] & 15]};
        if (fd_buffer_append(out, escape, sizeof escape) != FD_OK) return FD_MEMORY;
        i++;
    }
    return FD_OK;
}
