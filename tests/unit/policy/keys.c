#include "support.h"

#include <fcntl.h>

/* One key source, what it holds, and the whole text of the error; error NULL: the key. The value itself is never in an error. */
struct key_case {
    const char *title;
    const char *prefix;
    const char *environ; /* of KEY; NULL: a file */
    const char *file;
    mode_t mode;
    const char *key, *error;
};

#define ENV_ERROR(what) "p.yaml:7: providers.acme.keys: env:KEY " what
#define A_VARIABLE " (accepted: a variable that holds a key)"
#define WRONG_BEGIN "gives a key that does not begin as the keys of this provider do"
#define BAD_BYTES "gives a key with spaces, control or non-ASCII characters"
#define A_FILE " (accepted: a file of mode 0600, 1 to 8192 bytes)"

static const struct key_case key_cases[] = {
    { "from a variable", "sk-", "KEY=sk-verysecret", .key = "sk-verysecret" },
    { "without a prefix", "", "KEY=verysecret", .key = "verysecret" },
    { "F38: a new form of key with - and _", "sk-", "KEY=sk-proj-very_secret-x", .key = "sk-proj-very_secret-x" },
    { "F33: no default key: variable not set", "sk-", "OTHER=x", .error = ENV_ERROR("is not set" A_VARIABLE) },
    { "F33: no default key: variable empty", "sk-", "KEY=", .error = ENV_ERROR("is empty" A_VARIABLE) },
    { "wrong prefix shows what was expected alone", "sk-ant-", "KEY=sk-verysecret",
      .error = ENV_ERROR(WRONG_BEGIN " (accepted: a key that begins with sk-ant-)") },
    { "a long prefix is not shown whole", "prefix-that-is-long", "KEY=verysecret",
      .error = ENV_ERROR(WRONG_BEGIN " (accepted: a key that begins with prefix-t)") },
    { "F38: sk- does not pass sk-ant-", "sk-", "KEY=sk-ant-verysecret",
      .error = ENV_ERROR(WRONG_BEGIN " (accepted: a key that begins with sk-)") },
    { "F38: the prefix of another letter case", "sk-", "KEY=SK-verysecret",
      .error = ENV_ERROR(WRONG_BEGIN " (accepted: a key that begins with sk-)") },
    { "a key shorter than its prefix", "sk-ant-", "KEY=sk-",
      .error = ENV_ERROR(WRONG_BEGIN " (accepted: a key that begins with sk-ant-)") },
    { "sk-ant- is fine where it is asked for", "sk-ant-", "KEY=sk-ant-verysecret", .key = "sk-ant-verysecret" },
    { "a space", "", "KEY=very secret", .error = ENV_ERROR(BAD_BYTES A_VARIABLE) },
    { "a carriage return", "", "KEY=verysecret\r", .error = ENV_ERROR(BAD_BYTES A_VARIABLE) },
    { "not ASCII", "", "KEY=verysecret\xc3\xa4", .error = ENV_ERROR(BAD_BYTES A_VARIABLE) },

    { "from a file", "sk-", .file = "sk-verysecret", .mode = 0600, .key = "sk-verysecret" },
    { "from a file that cannot be written", "sk-", .file = "sk-verysecret", .mode = 0400, .key = "sk-verysecret" },
    { "a newline at the end is cut", "sk-", .file = "sk-verysecret\n", .mode = 0600, .key = "sk-verysecret" },
    { "a newline of Windows is cut", "sk-", .file = "sk-verysecret\r\n", .mode = 0600, .key = "sk-verysecret" },
    { "two newlines", "sk-", .file = "sk-verysecret\n\n", .mode = 0600, .error = BAD_BYTES A_FILE },
    { "two lines", "sk-", .file = "sk-verysecret\nsk-other\n", .mode = 0600, .error = BAD_BYTES A_FILE },
    { "an empty file", "", .file = "", .mode = 0600, .error = "is empty" A_FILE },
    { "a file of a newline", "", .file = "\n", .mode = 0600, .error = "is empty" A_FILE },
    { "F33: a file that the group can read", "", .file = "verysecret", .mode = 0640,
      .error = "is open to others than its owner" A_FILE },
    { "F33: a file that all can read", "", .file = "verysecret", .mode = 0604,
      .error = "is open to others than its owner" A_FILE },
    { "F33: a file that others can write", "", .file = "verysecret", .mode = 0602,
      .error = "is open to others than its owner" A_FILE },
    { "a file that is not there", "", .error = "does not exist" A_FILE },
};

static void
key_check(const struct key_case *c, const struct wd_provider *provider, const char *error)
{
    struct wd_policy_error got;
    struct wd_secret *keys[1];
    enum wd_err err = wd_key_load(provider, 0, "p.yaml", support_getenv, keys, &got);

    if (c->key != NULL) {
        if (err != WD_OK)
            fail_msg("%s", got.text);
        assert_true(wd_secret_equal(wd_secret_get(keys[0]), wd_span_str(c->key)));
        wd_secret_free(keys[0]);
        return;
    }
    assert_int_not_equal(err, WD_OK);
    assert_null(keys[0]);
    assert_string_equal(got.text, error);
    assert_null(strstr(got.text, "very"));
}

static void
test_key(void **state)
{
    const struct key_case *c = *state;
    char path[4200], error[512];
    struct wd_key_source source = { .name = "KEY", .line = 7 };
    struct wd_provider provider = { .name = "acme", .keys = &source, .key_count = 1, .key_prefix = c->prefix };

    support_environ = c->environ != NULL ? c->environ : "";
    if (c->environ != NULL) {
        key_check(c, &provider, c->error);
        return;
    }
    snprintf(path, sizeof(path), "%s/key", support_dir);
    unlink(path);
    if (c->file != NULL)
        support_file("key", c->file, strlen(c->file), c->mode);
    source.is_file = true;
    source.name = path;
    snprintf(error, sizeof(error), "p.yaml:7: providers.acme.keys: file:%.200s %s", path, c->error != NULL ? c->error : "");
    key_check(c, &provider, error);
}

static void
file_error(const char *name, const char *what)
{
    char path[4200], error[512];
    struct wd_policy_error got;
    struct wd_key_source source = { .is_file = true, .name = path, .line = 1 };
    struct wd_provider provider = { .name = "acme", .keys = &source, .key_count = 1, .key_prefix = "" };
    struct wd_secret *keys[1];

    snprintf(path, sizeof(path), "%s/%s", support_dir, name);
    snprintf(error, sizeof(error), "p.yaml:1: providers.acme.keys: file:%.200s %s" A_FILE, path, what);
    assert_int_not_equal(wd_key_load(&provider, 0, "p.yaml", support_getenv, keys, &got), WD_OK);
    assert_string_equal(got.text, error);
}

static void
test_what_is_no_regular_file(void **state)
{
    char path[4200];

    file_error(".", "is not a regular file");
    snprintf(path, sizeof(path), "%s/pipe", support_dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    file_error("pipe", "is not a regular file");
    file_error("pipe/x", "does not exist");
}

static void
test_link_counts_as_its_target(void **state)
{
    struct key_case c = { .key = "verysecret" };
    char path[4200];
    struct wd_key_source source = { .is_file = true, .name = path };
    struct wd_provider provider = { .name = "acme", .keys = &source, .key_count = 1, .key_prefix = "" };

    support_file("target", "verysecret", 10, 0600);
    snprintf(path, sizeof(path), "%s/link", support_dir);
    assert_int_equal(symlink("target", path), 0);
    key_check(&c, &provider, NULL);
    support_file("target", "verysecret", 10, 0644);
    file_error("link", "is open to others than its owner");
}

static void
test_file_of_another_user(void **state)
{
    char path[4200];

    if (geteuid() != 0)
        skip();
    support_file("foreign", "verysecret", 10, 0600);
    snprintf(path, sizeof(path), "%s/foreign", support_dir);
    assert_int_equal(chown(path, 12345, 0), 0);
    file_error("foreign", "belongs to another user");
}

static void
test_largest_file(void **state)
{
    char text[8194];
    struct wd_policy_error error;
    char path[4200];
    struct wd_key_source source = { .is_file = true, .name = path };
    struct wd_provider provider = { .name = "acme", .keys = &source, .key_count = 1, .key_prefix = "" };
    struct wd_secret *keys[1];

    memset(text, 'k', sizeof(text));
    snprintf(path, sizeof(path), "%s/large", support_dir);
    support_file("large", text, 8192, 0600);
    assert_int_equal(wd_key_load(&provider, 0, "p.yaml", support_getenv, keys, &error), WD_OK);
    assert_int_equal(wd_secret_get(keys[0]).len, 8192);
    wd_secret_free(keys[0]);
    support_file("large", text, 8193, 0600);
    file_error("large", "is too large");
    support_file("nul", "very\0secret", 11, 0600);
    file_error("nul", BAD_BYTES);
}

/* Each slot is read for itself. */
static void
test_slots(void **state)
{
    struct wd_key_source sources[] = { { .name = "A", .line = 1 }, { .name = "NONE", .line = 2 }, { .name = "B", .line = 3 } };
    struct wd_provider provider = { .name = "acme", .keys = sources, .key_count = 3, .key_prefix = "" };
    struct wd_policy_error error;
    struct wd_secret *key;

    support_environ = "A=first\nB=second";
    assert_int_equal(wd_key_load(&provider, 1, "p.yaml", support_getenv, &key, &error), WD_ERR_NOTFOUND);
    assert_string_equal(error.text, "p.yaml:2: providers.acme.keys: env:NONE is not set" A_VARIABLE);
    assert_null(key);
    assert_int_equal(wd_key_load(&provider, 2, "p.yaml", support_getenv, &key, &error), WD_OK);
    assert_true(wd_secret_equal(wd_secret_get(key), WD_SPAN("second")));
    wd_secret_free(key);
}

/* Bytes that came another way than through a source. */
static void
test_check(void **state)
{
    struct wd_provider provider = { .name = "acme", .key_prefix = "sk-" };
    char longest[8193];
    const char *what;

    memset(longest, 'a', sizeof(longest));
    memcpy(longest, "sk-", 3);
    assert_int_equal(wd_key_check(&provider, WD_SPAN("sk-good"), &what), WD_OK);
    assert_int_equal(wd_key_check(&provider, wd_span(longest, 8192), &what), WD_OK);
    assert_int_equal(wd_key_check(&provider, wd_span(longest, 8193), &what), WD_ERR_LIMIT);
    assert_int_equal(wd_key_check(&provider, WD_SPAN(""), &what), WD_ERR_SYNTAX);
    assert_int_equal(wd_key_check(&provider, WD_SPAN("sk-a b"), &what), WD_ERR_SYNTAX);
    assert_int_equal(wd_key_check(&provider, WD_SPAN("sk-a\0b"), &what), WD_ERR_SYNTAX);
    assert_int_equal(wd_key_check(&provider, WD_SPAN("sk-\xc3\xa9"), &what), WD_ERR_SYNTAX);
    assert_int_equal(wd_key_check(&provider, WD_SPAN("pk-good"), &what), WD_ERR_RANGE);
    assert_int_equal(wd_key_check(&provider, WD_SPAN("sk-ant-foreign"), &what), WD_ERR_RANGE);
}

int
main(void)
{
    static struct CMUnitTest tests[sizeof(key_cases) / sizeof(key_cases[0])];
    const struct CMUnitTest more[] = {
        cmocka_unit_test(test_what_is_no_regular_file),
        cmocka_unit_test(test_link_counts_as_its_target),
        cmocka_unit_test(test_file_of_another_user),
        cmocka_unit_test(test_largest_file),
        cmocka_unit_test(test_slots),
        cmocka_unit_test(test_check),
    };
    int failed;

    for (size_t i = 0; i < sizeof(key_cases) / sizeof(key_cases[0]); i++)
        tests[i] = (struct CMUnitTest){ key_cases[i].title, test_key, NULL, NULL, (void *)(uintptr_t)&key_cases[i] };
    failed = cmocka_run_group_tests(tests, support_setup, support_teardown);
    return failed + cmocka_run_group_tests(more, support_setup, support_teardown);
}
