#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "scan_escape.h"
#include "scan_git_seen.h"

typedef enum wd_err escape_fn(struct wd_buf *out, struct wd_span text);

static const struct {
    escape_fn *escape;
    const char *text, *want;
} cases[] = {
    { scan_escape_terminal, "plain \xc3\xa9\xf0\x9f\x98\x80", "plain \xc3\xa9\xf0\x9f\x98\x80" },
    { scan_escape_terminal, "\x1b[2J\r\n\t\x7f", "\\x1b[2J\\x0d\\x0a\\x09\\x7f" },
    { scan_escape_terminal, "a\\x1b", "a\\\\x1b" },
    { scan_escape_terminal,
      "\xc2\x9b"
      "2J",
      "\\u{009b}2J" },
    { scan_escape_terminal,
      "\xe2\x80\xae"
      "txt.exe\xe2\x80\x8b",
      "\\u{202e}txt.exe\\u{200b}" },
    { scan_escape_terminal, "\xf3\xa0\x81\x81", "\\u{e0041}" },
    { scan_escape_terminal, "\xff\xc3", "\\xff\\xc3" },
    { scan_escape_json, "a\"\\\n\x01\xc3\xa9", "\"a\\\"\\\\\\n\\u0001\xc3\xa9\"" },
    { scan_escape_json, "\xff\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
    { scan_escape_uri, "a b/c%\xc3\xa9#?.txt", "a%20b/c%25%C3%A9%23%3F.txt" },
    { scan_escape_uri, "c:x", "c%3Ax" },
    { scan_escape_uri, "/a\n\xff", "file:///a%0A%FF" },
    { scan_escape_uri, "../a", "../a" },
};

static void
test_escapes(void **state)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct wd_buf out;

        wd_buf_init(&out, 1000);
        assert_int_equal(cases[i].escape(&out, wd_span_str(cases[i].text)), WD_OK);
        if (!wd_span_eq(wd_buf_span(&out), wd_span_str(cases[i].want)))
            fail_msg("%zu: %.*s instead of %s", i, (int)out.len, out.ptr, cases[i].want);
        wd_buf_deinit(&out);
    }
}

static void
test_ids_are_seen_once(void **state)
{
    struct scan_git_seen seen = { 0 };
    char id[41];

    for (int round = 0; round < 2; round++)
        for (unsigned i = 0; i < 5000; i++) {
            snprintf(id, sizeof(id), "%08x%024x%08x", i * 2654435761u, i + 1, 0);
            assert_int_equal(scan_git_seen_add(&seen, id), round == 0 ? WD_OK : WD_ERR_DENIED);
        }
    assert_int_equal(seen.count, 5000);
    scan_git_seen_deinit(&seen);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_ids_are_seen_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
