#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "scan_ignore.h"

/* gitignore(5), 2.39; each row was also put to git check-ignore. A path that ends in / is a folder. */
static const struct {
    const char *lines, *path;
    bool ignored;
} cases[] = {
    { "", "a", false },
    { "# a\n\n", "a", false },
    { "a", "a", true },
    { "a", "x/a", true },
    { "a", "ab", false },
    { "a\r\n", "a", true },
    { "\\#a", "#a", true },
    { "\\!a", "!a", true },
    { "a   ", "a", true },
    { "a\\ ", "a ", true },
    { "a\\ ", "a", false },
    { " a", "a", false },
    { "/a", "a", true },
    { "/a", "x/a", false },
    { "x/a", "x/a", true },
    { "x/a", "y/x/a", false },
    { "a/", "a", false },
    { "a/", "a/", true },
    { "a/", "x/a/", true },
    { "x/a/", "y/x/a/", false },
    { "*.log", "x.log", true },
    { "*.log", "x/y.log", true },
    { "*.log", ".log", true },
    { "*.log", "x.logs", false },
    { "*.log\n!keep.log", "keep.log", false },
    { "*.log\n!keep.log", "x.log", true },
    { "!a\na", "a", true },
    { "a\n!a", "a", false },
    { "/*.c", "a.c", true },
    { "/*.c", "x/a.c", false },
    { "x/*.c", "x/a.c", true },
    { "x/*.c", "x/y/a.c", false },
    { "x/*", "x/a", true },
    { "x/*", "x", false },
    { "**/a", "a", true },
    { "**/a", "x/y/a", true },
    { "**/a/b", "x/a/b", true },
    { "**/a/b", "a/b", true },
    { "x/**", "x/a", true },
    { "x/**", "x/y/a", true },
    { "x/**", "x/", false },
    { "x/**", "y/x/a", false },
    { "x/**/a", "x/a", true },
    { "x/**/a", "x/1/2/3/a", true },
    { "x/**/a", "x/1/2/3/b", false },
    { "x/**/y/**/a", "x/1/y/2/y/3/a", true },
    { "x/**/y/**/a", "x/1/2/3/a", false },
    { "**/x/**/y", "1/x/2/x/y", true },
    { "a**b", "axyb", true },
    { "x/a**b", "x/a/b", false },
    { "a*b*c", "aXbXbc", true },
    { "a*b*c", "aXbXb", false },
    { "?", "a", true },
    { "?", "ab", false },
    { "[abc]x", "bx", true },
    { "[abc]x", "dx", false },
    { "[a-c]x", "bx", true },
    { "[!a-c]x", "bx", false },
    { "[^a-c]x", "dx", true },
    { "[]a]x", "]x", true },
    { "[a-]x", "-x", true },
    { "[[:digit:]]x", "7x", true },
    { "[[:digit:]]x", "ax", false },
    { "[![:alnum:]_]x", "-x", true },
    { "[\\]]x", "]x", true },
    { "[a", "[a", false },
    { "\\*", "*", true },
    { "\\*", "a", false },
    { "a\\b", "ab", true },
    { "\xef\xbb\xbf"
      "a",
      "a", true },
    { "/", "a", false },
    { "!", "a", false },
};

static bool
ignored(const struct scan_ignore *ignore, const char *path)
{
    size_t len = strlen(path);
    bool folder = path[len - 1] == '/';

    return scan_ignore_match(ignore, wd_span(path, len - folder), folder);
}

static void
test_lines(void **state)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct scan_ignore *ignore = scan_ignore_new(wd_span_str(cases[i].lines), 0, NULL);

        assert_non_null(ignore);
        if (ignored(ignore, cases[i].path) != cases[i].ignored)
            fail_msg("\"%s\" and %s", cases[i].lines, cases[i].path);
        scan_ignore_free(ignore);
    }
}

static void
test_a_file_further_down_decides_first(void **state)
{
    struct scan_ignore *top = scan_ignore_new(WD_SPAN("*.log\n/sub/only\n"), 0, NULL);
    struct scan_ignore *sub = scan_ignore_new(WD_SPAN("!keep.log\n/here\n"), 4, top);

    assert_true(ignored(sub, "sub/x.log"));
    assert_false(ignored(sub, "sub/keep.log"));
    assert_true(ignored(sub, "sub/here"));
    assert_false(ignored(sub, "sub/x/here"));
    assert_true(ignored(sub, "sub/only"));
    scan_ignore_free(sub);
    scan_ignore_free(top);
}

/* What takes exponential time with a matcher that goes back to every star; and more lines than count. */
static void
test_hostile_lines(void **state)
{
    char pattern[2000], path[4000];
    struct scan_ignore *ignore;
    char *many;
    size_t i;

    for (i = 0; i + 5 < sizeof(pattern); i += 5)
        memcpy(pattern + i, i % 2 == 0 ? "**/*a" : "*a*a/", 5);
    memcpy(pattern + i - 1, "b", 2);
    for (i = 0; i + 1 < sizeof(path); i++)
        path[i] = i % 20 == 19 ? '/' : 'a';
    path[sizeof(path) - 2] = 'a';
    path[sizeof(path) - 1] = '\0';
    ignore = scan_ignore_new(wd_span_str(pattern), 0, NULL);
    assert_false(ignored(ignore, path));
    scan_ignore_free(ignore);

    many = malloc(3 * SCAN_IGNORE_LINES_MAX + 100);
    assert_non_null(many);
    for (i = 0; i < SCAN_IGNORE_LINES_MAX; i++)
        memcpy(many + 2 * i, "x\n", 2);
    strcpy(many + 2 * i, "a\n");
    ignore = scan_ignore_new(wd_span_str(many), 0, NULL);
    assert_true(ignored(ignore, "x"));
    assert_false(ignored(ignore, "a"));
    scan_ignore_free(ignore);
    free(many);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_a_file_further_down_decides_first),
        cmocka_unit_test(test_hostile_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
