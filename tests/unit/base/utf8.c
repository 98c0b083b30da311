#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/utf8.h"

/* The table of Unicode 15, 3.9 (well-formed byte sequences), row by row. */
static size_t
naive_char(const unsigned char *p, size_t n)
{
    static const struct {
        unsigned char low[4], high[4];
        size_t len;
    } rows[] = {
        { { 0x00 }, { 0x7f }, 1 },
        { { 0xc2, 0x80 }, { 0xdf, 0xbf }, 2 },
        { { 0xe0, 0xa0, 0x80 }, { 0xe0, 0xbf, 0xbf }, 3 },
        { { 0xe1, 0x80, 0x80 }, { 0xec, 0xbf, 0xbf }, 3 },
        { { 0xed, 0x80, 0x80 }, { 0xed, 0x9f, 0xbf }, 3 },
        { { 0xee, 0x80, 0x80 }, { 0xef, 0xbf, 0xbf }, 3 },
        { { 0xf0, 0x90, 0x80, 0x80 }, { 0xf0, 0xbf, 0xbf, 0xbf }, 4 },
        { { 0xf1, 0x80, 0x80, 0x80 }, { 0xf3, 0xbf, 0xbf, 0xbf }, 4 },
        { { 0xf4, 0x80, 0x80, 0x80 }, { 0xf4, 0x8f, 0xbf, 0xbf }, 4 },
    };

    for (size_t r = 0; r < sizeof(rows) / sizeof(*rows); r++) {
        size_t i = 0;

        while (i < rows[r].len && i < n && p[i] >= rows[r].low[i] && p[i] <= rows[r].high[i])
            i++;
        if (i == rows[r].len)
            return i;
    }
    return 0;
}

static bool
naive_valid(const unsigned char *p, size_t n, size_t *count)
{
    size_t len;

    for (*count = 0; n > 0; p += len, n -= len, ++*count) {
        len = naive_char(p, n);
        if (len == 0)
            return false;
    }
    return true;
}

static void
check(const unsigned char *p, size_t n)
{
    struct wd_span s = wd_span((const char *)p, n);
    size_t count;
    bool valid = naive_valid(p, n, &count);

    if (wd_utf8_valid(s) != valid)
        fail_msg("%02x %02x %02x %02x", p[0], n > 1 ? p[1] : 0, n > 2 ? p[2] : 0, n > 3 ? p[3] : 0);
    if (valid)
        assert_int_equal(wd_utf8_count(s), count);
}

static void
test_all_short_sequences(void **state)
{
    static const unsigned char edges[] = { 0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0,
                                           0xbf, 0xc0, 0xc2, 0xe0, 0xed, 0xf0, 0xf4, 0xff };
    unsigned char p[12];

    for (unsigned a = 0; a < 256; a++) {
        for (unsigned b = 0; b < 256; b++) {
            p[0] = (unsigned char)a;
            p[1] = (unsigned char)b;
            check(p, 1);
            check(p, 2);
            for (size_t c = 0; c < sizeof(edges); c++) {
                for (size_t d = 0; d < sizeof(edges); d++) {
                    p[2] = edges[c];
                    p[3] = edges[d];
                    check(p, 3);
                    check(p, 4);
                }
            }
        }
    }
}

/* Well-formed text of mixed lengths, whole, cut anywhere, and with one byte changed. */
static void
test_random_text(void **state)
{
    static const uint32_t tops[] = { 0x80, 0x80, 0x800, 0x10000, 0x110000 };
    unsigned char p[64];
    uint64_t seed = 7;

    for (int round = 0; round < 20000; round++) {
        size_t n = 0;

        while (n < sizeof(p) - 4) {
            uint32_t cp;

            seed = seed * 6364136223846793005u + 1442695040888963407u;
            cp = (uint32_t)(seed >> 33) % tops[seed >> 60 & 3];
            if ((seed >> 56 & 15) == 0)
                cp = (uint32_t)(seed >> 33) % tops[4];
            if (cp < 0xd800 || cp > 0xdfff)
                n += wd_utf8_encode(cp, (char *)p + n);
        }
        assert_true(wd_utf8_valid(wd_span((char *)p, n)));
        check(p, n);
        check(p, n - (seed >> 40) % n);
        p[(seed >> 20) % n] = (unsigned char)(seed >> 50);
        check(p, n);
    }
}

static void
test_every_character(void **state)
{
    for (uint32_t cp = 0; cp < 0x110000; cp++) {
        char out[4];
        uint32_t back;
        size_t n;

        if (cp >= 0xd800 && cp < 0xe000)
            continue;
        n = wd_utf8_encode(cp, out);
        assert_true(n == (cp < 0x80 ? 1u : cp < 0x800 ? 2u : cp < 0x10000 ? 3u : 4u));
        assert_int_equal(wd_utf8_decode(wd_span(out, n), &back), n);
        assert_true(back == cp);
        assert_int_equal(naive_char((unsigned char *)out, n), n);
        assert_int_equal(wd_utf8_decode(wd_span(out, n - 1), &back), 0);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_short_sequences),
        cmocka_unit_test(test_random_text),
        cmocka_unit_test(test_every_character),
    };

    return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
