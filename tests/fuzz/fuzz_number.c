/* Text to numbers and to UTF-8. Numbers are compared with those of the C library. */
#include <math.h>

#include "fd_number.h"
#include "fuzz_input.h"

static fd_locale *locale;

static void check_utf8(const uint8_t *p, size_t n)
{
    fd_buffer out = {0};
    size_t valid = fd_utf8_valid(p, n);
    CHECK(valid <= n);
    CHECK(!fd_text_is_plain(p, n) || valid == n);
    CHECK(fd_utf8_escape(&out, p, n) == FD_OK);
    CHECK(fd_utf8_valid(out.data, out.used) == out.used && out.used >= n && out.used <= 4 * n);
    CHECK(valid != n || (out.used == n && (n == 0 || memcmp(out.data, p, n) == 0)));
    fd_buffer_free(&out);
    CHECK(fd_latin1_to_utf8(&out, p, n) == FD_OK);
    CHECK(fd_utf8_valid(out.data, out.used) == out.used && out.used >= n && out.used <= 2 * n);
    fd_buffer_free(&out);
}

static bool is_plain_number(const char *text)
{
    size_t digits = 0;
    for (const char *p = text; *p; p++) {
        if (!strchr("0123456789+-.eE", *p)) return false;
        digits += *p >= '0' && *p <= '9';
    }
    return digits > 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!locale) locale = fd_locale_new();
    CHECK(locale);
    char *text = malloc(size + 1);
    uint8_t *exact = malloc(size);
    CHECK(text && (exact || size == 0));
    if (size) memcpy(text, data, size);
    if (size) memcpy(exact, data, size);
    text[size] = 0;
    check_utf8(exact, size);

    double x = 0, expected;
    char *end = text;
    bool decimal = fd_parse_decimal(exact, size, locale, &x), negative = false;
    expected = strtod(text, &end);
    if (strlen(text) == size && is_plain_number(text)) {
        CHECK(decimal == (end == text + size && text != end));
        if (decimal) CHECK(x == expected);
    }
    uint64_t magnitude = 0;
    if (fd_parse_integer(exact, size, &negative, &magnitude)) {
        CHECK(decimal);
        double value = negative ? -(double)magnitude : (double)magnitude;
        CHECK(value == x || fabs(value - x) <= fabs(x) * 1e-15);
    }
    free(text);
    free(exact);
    return 0;
}
