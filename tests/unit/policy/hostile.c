#include "support.h"

#include <time.h>

/* Files that are made to be expensive, and those that cannot be read at all. */

static char text[(1 << 20) + 2];

static void
refused(size_t len, const char *part)
{
    struct wd_policy_error error;
    struct wd_policy *policy;

    assert_int_not_equal(wd_policy_parse(&policy, wd_span(text, len), "p.yaml", "/base", support_getenv, &error), WD_OK);
    assert_null(policy);
    if (part != NULL && strstr(error.text, part) == NULL)
        fail_msg("%s", error.text);
}

/* A mebibyte of one pattern must end, in time that does not grow with its square. */
static void
test_repeated_patterns(void **state)
{
    static const char *const patterns[] = {
        "[",  "{",  "- ",      "? ",    ": ",    "a: ", "- - ", "[[],",  "{a: ", "a: b\n",       "\"",          "'",
        "# ", "\n", "&a ",     "*a ",   "!a ",   "%",   "--- ", "---\n", "| ",   ">\n ",         "a",           " ",
        "\t", ",",  "\"\\x41", "? a\n", "- a\n", "[a,", "{? ",  "a:\n ", "\r",   "\xef\xbb\xbf", "a: [b, c]\n",
    };

    for (size_t p = 0; p < sizeof(patterns) / sizeof(patterns[0]); p++) {
        size_t len = strlen(patterns[p]);
        clock_t start = clock();

        for (size_t i = 0; i < 1 << 20; i++)
            text[i] = patterns[p][i % len];
        refused(1 << 20, NULL);
        /* far above what is needed, far below what a square would need */
        if (clock() - start > 20 * CLOCKS_PER_SEC)
            fail_msg("slow: %s", patterns[p]);
    }
}

static void
test_many_laughs(void **state)
{
    size_t len = (size_t)sprintf(text, "a: &a [x, x]\n");

    for (char c = 'b'; c < 'k'; c++)
        len += (size_t)sprintf(text + len, "%c: &%c [*%c, *%c]\n", c, c, c - 1, c - 1);
    refused(len, "p.yaml:1: a: has an anchor or alias");
}

static void
test_too_many(void **state)
{
    size_t len = (size_t)sprintf(text, "providers:\n");

    for (int i = 0; i < 65; i++)
        len += (size_t)sprintf(text + len, "  p%d: {format: openai, url: https://h.example, keys: [env:A], models: [m]}\n", i);
    sprintf(text + len, ROLES);
    refused(strlen(text), "p.yaml:1: providers: holds too many (accepted: a map of 1 to 64 providers)");

    len = (size_t)sprintf(text, PROVIDERS "roles:\n");
    for (int i = 0; i < 65; i++)
        len += (size_t)sprintf(text + len, "  r%d: {providers: [a]}\n", i);
    refused(len, "p.yaml:2: roles: holds too many (accepted: a map of 1 to 64 roles)");

    len = (size_t)sprintf(text, "roles:\n");
    for (int i = 0; i < 257; i++)
        len += (size_t)sprintf(text + len, "  r%d: {providers: [a]}\n", i);
    refused(len, "p.yaml:258: roles: has too many keys (accepted: 256 keys)");

    len = (size_t)sprintf(text, PROVIDERS "roles: {r: {providers: [a], tools: [");
    for (int i = 0; i < 257; i++)
        len += (size_t)sprintf(text + len, "t%d,", i);
    len += (size_t)sprintf(text + len, "]}}\n");
    refused(len, "p.yaml:2: roles.r.tools: has too many items (accepted: a list of 0 to 256");

    len = (size_t)sprintf(text, "fallback:\n");
    for (int i = 0; i < 1025; i++)
        len += (size_t)sprintf(text + len, "- x\n");
    refused(len, "p.yaml:1026: fallback: is too long (accepted: 1024 items)");

    len = (size_t)sprintf(text, "state: ");
    memset(text + len, 'x', 4097);
    refused(len + 4097, "p.yaml:1: state: holds a text that is too long (accepted: 4096 bytes)");
    refused(len + 4096, "p.yaml:1: state: is not valid");

    len = 0;
    for (int i = 0; i < 30; i++) {
        len += (size_t)sprintf(text + len, "k%d: [", i);
        for (int k = 0; k < 1000; k++)
            len += (size_t)sprintf(text + len, "x,");
        len += (size_t)sprintf(text + len, "]\n");
    }
    refused(len, "makes the file too large (accepted: 20000 values)");
}

static void
test_nul(void **state)
{
    memcpy(text, "refusal: error\n# \0\n" REST, sizeof("refusal: error\n# \0\n" REST));
    refused(sizeof("refusal: error\n# \0\n" REST) - 1, "p.yaml:2: policy: holds a control character");
    refused(0, "p.yaml:1: policy: holds no settings");
    memcpy(text, "\xff\xfel\0i\0", 6);
    refused(6, "p.yaml:1: policy: is not UTF-8");
}

static void
load_error(const char *name, const char *what)
{
    char file[4200], expected[512];
    struct wd_policy_error error;
    struct wd_policy *policy;
    size_t len;

    snprintf(file, sizeof(file), "%s/%s", support_dir, name);
    assert_int_not_equal(wd_policy_load(&policy, file, NULL, support_getenv, &error), WD_OK);
    assert_null(policy);
    /* of a long name the end is shown */
    len = strlen(file);
    snprintf(expected, sizeof(expected), "%.160s:1: policy: %s (accepted: a regular file of 1 byte to 1 MiB)",
             len > 160 ? file + len - 160 : file, what);
    assert_string_equal(error.text, expected);
}

static void
test_files(void **state)
{
    char path[4200];

    load_error("nope.yaml", "does not exist");
    load_error(".", "is not a regular file");
    snprintf(path, sizeof(path), "%s/pipe", support_dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    load_error("pipe", "is not a regular file");
    support_file("empty.yaml", "", 0, 0600);
    load_error("empty.yaml", "is empty");
    memset(text, '\n', sizeof(text));
    memcpy(text, REST, sizeof(REST) - 1);
    support_file("large.yaml", text, (1 << 20) + 1, 0600);
    load_error("large.yaml", "is too large");
}

static void
test_largest_file(void **state)
{
    char file[4200];
    struct wd_policy_error error;
    struct wd_policy *policy;

    memset(text, '\n', sizeof(text));
    memcpy(text, REST, sizeof(REST) - 1);
    support_file("large.yaml", text, 1 << 20, 0600);
    snprintf(file, sizeof(file), "%s/large.yaml", support_dir);
    assert_int_equal(wd_policy_load(&policy, file, NULL, support_getenv, &error), WD_OK);
    wd_policy_free(policy);
    assert_int_equal(wd_policy_load(&policy, file, "/nope/at/all", support_getenv, &error), WD_ERR_IO);
    assert_null(policy);
}

/* A file that was cut anywhere is refused or whole, never half of a policy that reads past its end. */
static void
test_every_cut(void **state)
{
    static const char whole[] =
        "input: {temperature: {min: 0.5}, attachments: [image]}\ndetect:\n  replacement: \"\\x41\"\n" REST;
    struct wd_policy_error error;

    for (size_t len = 0; len < sizeof(whole); len++) {
        char *copy = malloc(len + 1);
        struct wd_policy *policy;

        assert_non_null(copy);
        memcpy(copy, whole, len);
        if (wd_policy_parse(&policy, wd_span(copy, len), "p.yaml", "/base", support_getenv, &error) == WD_OK)
            assert_true(len >= sizeof(whole) - 2);
        wd_policy_free(policy);
        free(copy);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_repeated_patterns),
        cmocka_unit_test(test_many_laughs),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_nul),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_largest_file),
        cmocka_unit_test(test_every_cut),
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}
