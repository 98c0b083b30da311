#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "policy/policy.h"
#include "policy/value.h"

static void
test_limits(void **state)
{
    static const struct {
        const char *text;
        enum wd_err err;
        uint32_t count, window_s;
    } cases[] = {
        { "100/60s", WD_OK, 100, 60 },
        { "10/1h", WD_OK, 10, 3600 },
        { "5/31d", WD_OK, 5, 31 * 86400 },
        { "1000000000/1s", WD_OK, 1000000000, 1 },
        { "1/15m", WD_OK, 1, 900 },
        { "1/2678400s", WD_OK, 1, 2678400 },
        { "0/60s", WD_ERR_RANGE },
        { "1000000001/1s", WD_ERR_RANGE },
        { "4294967297/1s", WD_ERR_RANGE },
        { "18446744073709551617/1s", WD_ERR_RANGE },
        { "1/0s", WD_ERR_RANGE },
        { "1/32d", WD_ERR_RANGE },
        { "1/2678401s", WD_ERR_RANGE },
        { "1/213503982334602d", WD_ERR_RANGE },
        { "1/99999999999999999999999d", WD_ERR_RANGE },
        { "", WD_ERR_SYNTAX },
        { "/", WD_ERR_SYNTAX },
        { "100", WD_ERR_SYNTAX },
        { "100/", WD_ERR_SYNTAX },
        { "/60s", WD_ERR_SYNTAX },
        { "100/60", WD_ERR_SYNTAX },
        { "100/s", WD_ERR_SYNTAX },
        { "100/60s ", WD_ERR_SYNTAX },
        { " 100/60s", WD_ERR_SYNTAX },
        { "100 /60s", WD_ERR_SYNTAX },
        { "-1/60s", WD_ERR_SYNTAX },
        { "+1/60s", WD_ERR_SYNTAX },
        { "1.5/60s", WD_ERR_SYNTAX },
        { "1e3/60s", WD_ERR_SYNTAX },
        { "0x10/60s", WD_ERR_SYNTAX },
        { "010/60s", WD_ERR_SYNTAX },
        { "10/1h30m", WD_ERR_SYNTAX },
        { "10/1w", WD_ERR_SYNTAX },
        { "10/1H", WD_ERR_SYNTAX },
        { "10/60s/60s", WD_ERR_SYNTAX },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct wd_limit limit = { 0 };

        print_message("%s\n", cases[i].text);
        assert_int_equal(wd_limit_parse(&limit, WD_UNIT_REQUESTS, cases[i].text), cases[i].err);
        assert_int_equal(limit.count, cases[i].count);
        assert_int_equal(limit.window_s, cases[i].window_s);
    }
}

static void
test_limits_of_money(void **state)
{
    static const struct {
        const char *text;
        enum wd_unit unit;
        enum wd_err err;
        uint64_t count;
    } cases[] = {
        { "5/1d", WD_UNIT_MICRO_USD, WD_OK, 5000000 },
        { "0.000001/1d", WD_UNIT_MICRO_USD, WD_OK, 1 },
        { "0.1/1d", WD_UNIT_MICRO_USD, WD_OK, 100000 },
        { "123456.789012/1d", WD_UNIT_MICRO_USD, WD_OK, 123456789012 },
        { "1000000/1d", WD_UNIT_MICRO_USD, WD_OK, 1000000000000 },
        { "1000000.000001/1d", WD_UNIT_MICRO_USD, WD_ERR_RANGE, 0 },
        { "999999999999999/1d", WD_UNIT_MICRO_USD, WD_ERR_RANGE, 0 },
        { "18446744073709.551616/1d", WD_UNIT_MICRO_USD, WD_ERR_RANGE, 0 },
        { "0/1d", WD_UNIT_MICRO_USD, WD_ERR_RANGE, 0 },
        { ".5/1d", WD_UNIT_MICRO_USD, WD_ERR_SYNTAX, 0 },
        { "5./1d", WD_UNIT_MICRO_USD, WD_ERR_SYNTAX, 0 },
        { "5.1234567/1d", WD_UNIT_MICRO_USD, WD_ERR_SYNTAX, 0 },
        { "5,5/1d", WD_UNIT_MICRO_USD, WD_ERR_SYNTAX, 0 },
        { "1000000000000/1h", WD_UNIT_TOKENS, WD_OK, 1000000000000 },
        { "1000000000001/1h", WD_UNIT_TOKENS, WD_ERR_RANGE, 0 },
        { "200000/1h", WD_UNIT_TOKENS, WD_OK, 200000 },
        { "0.5/1h", WD_UNIT_TOKENS, WD_ERR_SYNTAX, 0 },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct wd_limit limit = { 0 };

        print_message("%s\n", cases[i].text);
        assert_int_equal(wd_limit_parse(&limit, cases[i].unit, cases[i].text), cases[i].err);
        assert_int_equal(limit.count, cases[i].count);
        assert_int_equal(limit.unit, cases[i].err == WD_OK ? cases[i].unit : 0);
    }
}

static void
test_ranks(void **state)
{
    struct wd_limit l[] = { { 5, 60 }, { 9, 60, WD_UNIT_TOKENS }, { 7, 3600 }, { 4, 60 } }, other[] = { { 5, 60 }, { 7, 7200 } };

    wd_limits_rank(l, 4);
    assert_int_equal(l[0].window_s, 3600);
    assert_int_equal(l[1].count, 4);
    assert_int_equal(l[2].count, 5);
    assert_int_equal(l[3].unit, WD_UNIT_TOKENS);
    assert_int_equal(l[0].rank + 10 * l[1].rank + 100 * l[2].rank + 1000 * l[3].rank, 210);
    assert_true(l[0].group != 0 && l[0].group == l[1].group && l[1].group == l[2].group);
    assert_int_equal(l[3].group, 0);
    wd_limits_rank(other, 2);
    assert_true(other[0].group != 0 && other[0].group != l[0].group);
    wd_limits_rank(other, 1);
    assert_int_equal(other[0].group, 0);
}

static uint32_t
glob_text(char *out, uint32_t n, const char *letters, uint32_t base)
{
    uint32_t len = 0;

    for (; n > 0; n /= base)
        out[len++] = letters[n % base];
    out[len] = '\0';
    return len;
}

/* Against all texts up to four letters: the smallest that two short globs need. */
static void
test_globs_among_themselves(void **state)
{
    char a[8], b[8], text[8];
    uint32_t covers = 0;

    for (uint32_t i = 0; i < 125; i++) {
        for (uint32_t k = 0; k < 125; k++) {
            bool all = true, some = false;

            glob_text(a, i, "\0ab*?", 5);
            glob_text(b, k, "\0ab*?", 5);
            for (uint32_t n = 0; n < 256; n++) {
                glob_text(text, n, "\0abc", 4);
                bool in_a = wd_glob_match(a, wd_span_str(text)), in_b = wd_glob_match(b, wd_span_str(text));
                all = all && (in_a || !in_b);
                some = some || (in_a && in_b);
            }
            if (wd_glob_covers(a, b)) {
                assert_true(all);
                covers += strcmp(a, b) != 0;
            }
            assert_int_equal(wd_glob_overlap(a, b), some);
        }
    }
    assert_true(covers > 100);
    assert_true(wd_glob_covers("*", "gpt-*") && wd_glob_covers("gpt-*", "gpt-4o*") && wd_glob_covers("gpt-*", "gpt-?"));
    assert_false(wd_glob_covers("gpt-?", "gpt-*") || wd_glob_covers("gpt-4*", "gpt-*") || wd_glob_covers("*a", "*"));
}

static void
test_durations(void **state)
{
    static const struct {
        const char *text;
        enum wd_err err;
        uint64_t seconds;
    } cases[] = {
        { "30d", WD_OK, 2592000 },
        { "12h", WD_OK, 43200 },
        { "90s", WD_OK, 90 },
        { "15m", WD_OK, 900 },
        { "36500d", WD_OK, 3153600000 },
        { "36501d", WD_ERR_RANGE },
        { "0s", WD_ERR_RANGE },
        { "999999999999999d", WD_ERR_RANGE },
        { "", WD_ERR_SYNTAX },
        { "s", WD_ERR_SYNTAX },
        { "30", WD_ERR_SYNTAX },
        { "30days", WD_ERR_SYNTAX },
        { "-1d", WD_ERR_SYNTAX },
        { "1 d", WD_ERR_SYNTAX },
        { "030d", WD_ERR_SYNTAX },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t seconds = 0;

        print_message("%s\n", cases[i].text);
        assert_int_equal(wd_duration_parse(&seconds, cases[i].text), cases[i].err);
        assert_int_equal(seconds, cases[i].seconds);
    }
}

static void
test_numbers(void **state)
{
    uint64_t n;
    double d;

    assert_int_equal(wd_value_uint(&n, "0"), WD_OK);
    assert_int_equal(n, 0);
    assert_int_equal(wd_value_uint(&n, "999999999999999"), WD_OK);
    assert_true(n == 999999999999999);
    assert_int_equal(wd_value_uint(&n, "1000000000000000"), WD_ERR_RANGE);
    assert_int_equal(wd_value_uint(&n, "1000000000000000x"), WD_ERR_SYNTAX);
    assert_int_equal(wd_value_uint(&n, "00"), WD_ERR_SYNTAX);

    assert_int_equal(wd_value_decimal(&d, "0.7"), WD_OK);
    assert_true(d == 0.7);
    assert_int_equal(wd_value_decimal(&d, "2"), WD_OK);
    assert_true(d == 2);
    assert_int_equal(wd_value_decimal(&d, "1.000001"), WD_OK);
    assert_true(d == 1.000001);
    assert_int_equal(wd_value_decimal(&d, "1."), WD_ERR_SYNTAX);
    assert_int_equal(wd_value_decimal(&d, ".5"), WD_ERR_SYNTAX);
    assert_int_equal(wd_value_decimal(&d, "1.0000001"), WD_ERR_SYNTAX);
    assert_int_equal(wd_value_decimal(&d, "1e1"), WD_ERR_SYNTAX);
    assert_int_equal(wd_value_decimal(&d, "inf"), WD_ERR_SYNTAX);

    assert_int_equal(wd_value_bytes(&n, "10MiB"), WD_OK);
    assert_int_equal(n, 10 << 20);
    assert_int_equal(wd_value_bytes(&n, "1KiB"), WD_OK);
    assert_int_equal(n, 1024);
    assert_int_equal(wd_value_bytes(&n, "999999999999999MiB"), WD_ERR_RANGE);
    assert_int_equal(wd_value_bytes(&n, "10MB"), WD_ERR_SYNTAX);
}

static void
test_globs(void **state)
{
    static const struct {
        const char *glob, *text;
        bool match;
    } cases[] = {
        { "", "", true },
        { "", "a", false },
        { "*", "", true },
        { "*", "anything/at all", true },
        { "**", "x", true },
        { "?", "", false },
        { "?", "a", true },
        { "?", "ab", false },
        { "?", "\xc3\xa4", true },
        { "??", "\xc3\xa4", false },
        { "*?", "\xe2\x82\xac", true },
        { "gpt-5*", "gpt-5", true },
        { "gpt-5*", "gpt-5.1-mini", true },
        { "gpt-5*", "xgpt-5", false },
        { "gpt-4o", "gpt-4o-mini", false },
        { "gpt-4o", "GPT-4o", false },
        { "*-mini", "gpt-4o-mini", true },
        { "*-mini", "gpt-4o-mini-x", false },
        { "*-mini", "-mini-mini", true },
        { "a*b*c", "abbc", true },
        { "a*b*c", "acb", false },
        { "a*?c", "ac", false },
        { "a*?c", "abc", true },
        { "[a]", "a", false },
        { "[a]", "[a]", true },
        { "a\\*", "a*", false },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        print_message("%s %s\n", cases[i].glob, cases[i].text);
        assert_int_equal(wd_glob_match(cases[i].glob, wd_span_str(cases[i].text)), cases[i].match);
    }
    assert_false(wd_glob_match("gpt-4o", WD_SPAN("gpt-4o\0x")));
    assert_true(wd_glob_match("gpt-4o*", WD_SPAN("gpt-4o\0x")));
    assert_false(wd_glob_match("gpt-4o", WD_SPAN("gpt-4")));
}

/* A step for each pair of glob and text position, not one for each way of placing the stars. */
static void
test_glob_time(void **state)
{
    char glob[129], *text = malloc(1 << 20);
    size_t len = 0;

    assert_non_null(text);
    memset(text, 'a', 1 << 20);
    while (len < 126) {
        glob[len++] = '*';
        glob[len++] = 'a';
    }
    memcpy(glob + len, "b", 2);
    assert_false(wd_glob_match(glob, wd_span(text, 1 << 20)));
    free(text);
}

static void
test_addresses(void **state)
{
    static const struct {
        const char *text;
        enum wd_err err;
        const char *host;
        uint16_t port;
    } cases[] = {
        { "127.0.0.1:8484", WD_OK, "127.0.0.1", 8484 },
        { "LocalHost:1", WD_OK, "127.0.0.1", 1 },
        { "[0:0:0:0:0:0:0:1]:65535", WD_OK, "::1", 65535 },
        { "[::]:80", WD_OK, "::", 80 },
        { "", WD_ERR_SYNTAX },
        { ":80", WD_ERR_SYNTAX },
        { "::1:80", WD_ERR_SYNTAX },
        { "[::1]", WD_ERR_SYNTAX },
        { "[::1", WD_ERR_SYNTAX },
        { "[]:80", WD_ERR_SYNTAX },
        { "[::1]x:80", WD_ERR_SYNTAX },
        { "[127.0.0.1]:80", WD_ERR_SYNTAX },
        { "[fe80::1%lo]:80", WD_ERR_SYNTAX },
        { "127.0.0.1:", WD_ERR_SYNTAX },
        { "127.0.0.1:80x", WD_ERR_SYNTAX },
        { "127.0.0.1:+80", WD_ERR_SYNTAX },
        { "127.0.0.01:80", WD_ERR_SYNTAX },
        { "127.0.0.1:99999", WD_ERR_RANGE },
        { "unix:/run/x", WD_ERR_SYNTAX },
        { "[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0001]:80", WD_ERR_SYNTAX },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char host[WD_ADDRESS_SIZE];
        uint16_t port;

        print_message("%s\n", cases[i].text);
        assert_int_equal(wd_value_address(host, &port, cases[i].text), cases[i].err);
        if (cases[i].err != WD_OK)
            continue;
        assert_string_equal(host, cases[i].host);
        assert_int_equal(port, cases[i].port);
    }
}

static void
test_urls(void **state)
{
    static const struct {
        const char *text, *host, *path; /* host NULL: refused */
        uint16_t port;
        bool tls;
    } cases[] = {
        { "https://api.openai.com", "api.openai.com", "", 443, true },
        { "https://API.OpenAI.com/", "api.openai.com", "", 443, true },
        { "https://h.example:8443/openai/v1/", "h.example", "/openai/v1", 8443, true },
        { "https://h.example/a.b/..c/~d_e-f", "h.example", "/a.b/..c/~d_e-f", 443, true },
        { "https://10.0.0.1", "10.0.0.1", "", 443, true },
        { "https://[2001:DB8::1]:1", "2001:db8::1", "", 1, true },
        { "https://xn--bcher-kva.example", "xn--bcher-kva.example", "", 443, true },
        { "https://a", "a", "", 443, true },
        { "http://localhost:9000", "localhost", "", 9000, false },
        { "http://127.8.9.1", "127.8.9.1", "", 80, false },
        { "http://[::1]", "::1", "", 80, false },
        { "http://localhost.example" },
        { "http://0.0.0.0" },
        { "http://[::]" },
        { "http://[::ffff:127.0.0.1]" },
        { "http://128.0.0.1" },
        { "https://" },
        { "https:///" },
        { "https://:443" },
        { "https://h:" },
        { "https://h:443x" },
        { "https://h:65536" },
        { "https://h:00443" },
        { "https://h:0000000000000000443" },
        { "https:/h" },
        { "https:h" },
        { "//h" },
        { "h" },
        { "" },
        { "https://h/a//b" },
        { "https://h//" },
        { "https://h/./a" },
        { "https://h/.." },
        { "https://h/%2e%2e" },
        { "https://h/a b" },
        { "https://h\\a" },
        { "https://h/a;b" },
        { "https://h/$x" },
        { "https://h?x" },
        { "https://h#x" },
        { "https://u@h" },
        { "https://h/@" },
        { "https://h." },
        { "https://.h" },
        { "https://a..h" },
        { "https://-a.h" },
        { "https://a-.h" },
        { "https://a.1" },
        { "https://1.2.3" },
        { "https://1.2.3.4.5" },
        { "https://256.1.1.1" },
        { "https://0x7f000001" },
        { "https://h\xc3\xa4.example" },
        { "https://h.example:80:80" },
        { "https://[::1]80" },
        { "https://[127.0.0.1]" },
        { "https://[h.example]" },
        { "https://::1" },
        { "https://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct wd_url url;
        const char *what;
        enum wd_err err = wd_value_url(&url, cases[i].text, &what);

        print_message("%s\n", cases[i].text);
        if (cases[i].host == NULL) {
            assert_int_not_equal(err, WD_OK);
            continue;
        }
        assert_int_equal(err, WD_OK);
        assert_string_equal(url.host, cases[i].host);
        assert_string_equal(url.path, cases[i].path);
        assert_int_equal(url.port, cases[i].port);
        assert_int_equal(url.tls, cases[i].tls);
    }
}

static void
test_url_lengths(void **state)
{
    for (size_t len = WD_URL_SIZE - 4; len < WD_URL_SIZE + 4; len++) {
        char text[WD_URL_SIZE + 8];
        struct wd_url url;
        const char *what;

        memset(text, 'a', sizeof(text));
        memcpy(text, "https://h/", 10);
        text[len] = '\0';
        assert_int_equal(wd_value_url(&url, text, &what), len < WD_URL_SIZE ? WD_OK : WD_ERR_RANGE);
        memset(text + 8, 'a', len - 8);
        assert_int_not_equal(wd_value_url(&url, text, &what), WD_OK);
    }
}

static void
test_secretive(void **state)
{
    static const char *const secret[] = { "sk-proj-abcdefgh", "sk-ant-api03-x", "AIzaSyA0123456789", "ghp_0123456789",
                                          "Zm9vYmFyYmF6cXV4MDEyMzQ1Njc4OQ" };
    static const char *const plain[] = { "sk-ant-", "openai", "OPENAI_API_KEY", "claude-sonnet-4-5-20250929-thinking", "AIza" };

    for (size_t i = 0; i < sizeof(secret) / sizeof(secret[0]); i++)
        assert_true(wd_value_secretive(secret[i]));
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
        assert_false(wd_value_secretive(plain[i]));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limits),      cmocka_unit_test(test_limits_of_money),
        cmocka_unit_test(test_ranks),       cmocka_unit_test(test_globs_among_themselves),
        cmocka_unit_test(test_durations),   cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_globs),       cmocka_unit_test(test_glob_time),
        cmocka_unit_test(test_addresses),   cmocka_unit_test(test_urls),
        cmocka_unit_test(test_url_lengths), cmocka_unit_test(test_secretive),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
