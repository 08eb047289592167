/* Text to dates and times. What parses is written anew from the number, and must be the text again. */
#include "fd_when.h"
#include "fuzz_input.h"

static void civil(int32_t days, int *year, int *month, int *day)
{
    static const int lengths[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int left = (int)days + 719162;
    CHECK(left >= 0);
    for (*year = 1;; ++*year) {
        const int leap = *year % 400 == 0 || (*year % 4 == 0 && *year % 100 != 0);
        if (left < 365 + leap) break;
        left -= 365 + leap;
    }
    CHECK(*year <= 9999);
    const int leap = *year % 400 == 0 || (*year % 4 == 0 && *year % 100 != 0);
    for (*month = 1; left >= lengths[*month - 1] + (*month == 2 && leap); ++*month)
        left -= lengths[*month - 1] + (*month == 2 && leap);
    *day = left + 1;
}

/* The digits of the text begin with those written, and hold nothing else but zeros and ones that fill it up. */
static void check_digits(const char *written, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n && p[i] != '+' && p[i] != '-'; i++) {
        if (p[i] == '.' || p[i] == ':') continue;
        CHECK(*written && (uint8_t)*written == p[i]);
        written++;
    }
}

static void write_time(char *to, size_t room, int64_t us)
{
    CHECK(us >= 0 && us < FD_DAY_US);
    snprintf(to, room, "%02d%02d%02d%06d", (int)(us / 3600000000), (int)(us / 60000000 % 60), (int)(us / 1000000 % 60),
             (int)(us % 1000000));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *exact = malloc(size);
    char text[64];
    int year, month, day;
    int32_t days;
    int64_t us;
    bool offset = false;
    CHECK(exact || size == 0);
    if (size) memcpy(exact, data, size);
    if (fd_parse_date(exact, size, &days)) {
        civil(days, &year, &month, &day);
        snprintf(text, sizeof text, "%04d%02d%02d", year, month, day);
        check_digits(text, exact, size);
    }
    if (fd_parse_time(exact, size, &us)) {
        write_time(text, sizeof text, us);
        check_digits(text, exact, size);
    }
    if (fd_parse_datetime(exact, size, &us, &offset)) {
        const int64_t day_of = us >= 0 ? us / FD_DAY_US : -((-us + FD_DAY_US - 1) / FD_DAY_US);
        civil((int32_t)day_of, &year, &month, &day);
        snprintf(text, sizeof text, "%04d%02d%02d", year, month, day);
        write_time(text + 8, sizeof text - 8, us - day_of * FD_DAY_US);
        check_digits(text, exact, size);
        CHECK(offset == (memchr(exact, '+', size) || memchr(exact, '-', size)));
    }
    free(exact);
    return 0;
}
