#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>

#include "scratch.h"
#include "store/seal.h"

static const uint8_t master[32] = { 1, 2, 3 }, other[32] = { 3, 2, 1 };
static const uint8_t print[WD_SEAL_PRINT] = { 7, 7 }, nonce[WD_SEAL_NONCE] = { 9 };

#define KEY "sk-not-a-key-of-anybody-0123456789"

static char *
folder(struct scratch *s)
{
    scratch_make(s);
    scratch_path(s, "keys");
    return s->path;
}

static void
put(const char *dir, const char *key)
{
    assert_int_equal(wd_seal_write(dir, master, "openai", 1, print, wd_span_str(key), nonce), WD_OK);
}

/* The file DIR/NAME: its bytes, or those bytes put there. */
static size_t
file(const char *dir, const char *name, uint8_t *bytes, size_t size, bool write_it)
{
    char path[512];
    ssize_t n;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    int fd = open(path, write_it ? O_WRONLY | O_TRUNC | O_CREAT : O_RDONLY, 0600);
    assert_true(fd >= 0);
    n = write_it ? write(fd, bytes, size) : read(fd, bytes, size);
    assert_true(n >= 0);
    close(fd);
    return (size_t)n;
}

static void
what_was_sealed_opens(void **state)
{
    struct scratch s;
    const char *dir = folder(&s);
    uint8_t got[WD_SEAL_PRINT], bytes[16384];
    struct wd_secret *key;
    char longest[WD_SEAL_KEY_MAX + 2];

    assert_int_equal(wd_seal_read(dir, master, "openai", 1, got, &key), WD_ERR_NOTFOUND);
    put(dir, KEY);
    assert_int_equal(wd_seal_read(dir, master, "openai", 1, got, &key), WD_OK);
    assert_true(wd_secret_equal(wd_secret_get(key), WD_SPAN(KEY)));
    assert_memory_equal(got, print, sizeof(print));
    wd_secret_free(key);
    assert_null(memmem(bytes, file(dir, "openai.1", bytes, sizeof(bytes), false), KEY, 8));

    put(dir, "");
    assert_int_equal(wd_seal_read(dir, master, "openai", 1, got, &key), WD_OK);
    assert_null(key);

    memset(longest, 'a', sizeof(longest));
    longest[WD_SEAL_KEY_MAX] = '\0';
    put(dir, longest);
    assert_int_equal(wd_seal_read(dir, master, "openai", 1, got, &key), WD_OK);
    assert_int_equal(wd_secret_get(key).len, WD_SEAL_KEY_MAX);
    wd_secret_free(key);
    assert_int_equal(wd_seal_write(dir, master, "openai", 1, print, wd_span(longest, WD_SEAL_KEY_MAX + 1), nonce), WD_ERR_RANGE);

    assert_int_equal(wd_seal_remove(dir, "openai", 1), WD_OK);
    assert_int_equal(wd_seal_remove(dir, "openai", 1), WD_OK);
    assert_int_equal(wd_seal_read(dir, master, "openai", 1, got, &key), WD_ERR_NOTFOUND);
    scratch_drop(&s);
}

static void
another_master_key_does_not_fit(void **state)
{
    struct scratch s;
    const char *dir = folder(&s);
    uint8_t got[WD_SEAL_PRINT];
    struct wd_secret *key;

    put(dir, KEY);
    assert_int_equal(wd_seal_read(dir, other, "openai", 1, got, &key), WD_ERR_DENIED);
    assert_null(key);
    assert_int_equal(wd_seal_read(dir, NULL, "openai", 1, got, &key), WD_ERR_DENIED);
    assert_null(key);
    scratch_drop(&s);
}

static void
every_changed_byte_and_length_is_seen(void **state)
{
    struct scratch s;
    const char *dir = folder(&s);
    uint8_t got[WD_SEAL_PRINT], bytes[512];
    struct wd_secret *key;
    size_t len;

    put(dir, KEY);
    len = file(dir, "openai.1", bytes, sizeof(bytes), false);
    for (size_t i = 0; i < len; i++) {
        bytes[i] ^= 1;
        file(dir, "openai.1", bytes, len, true);
        enum wd_err err = wd_seal_read(dir, master, "openai", 1, got, &key);
        assert_int_equal(err, i >= 8 && i < 16 ? WD_ERR_DENIED : WD_ERR_CORRUPT);
        assert_null(key);
        bytes[i] ^= 1;
    }
    for (size_t i = 0; i < len; i++) {
        file(dir, "openai.1", bytes, i, true);
        assert_int_equal(wd_seal_read(dir, master, "openai", 1, got, &key), WD_ERR_CORRUPT);
    }
    bytes[len] = 0;
    file(dir, "openai.1", bytes, len + 1, true);
    assert_int_equal(wd_seal_read(dir, master, "openai", 1, got, &key), WD_ERR_CORRUPT);
    scratch_drop(&s);
}

static void
a_file_of_another_slot_does_not_open(void **state)
{
    static const char *const names[] = { "openai.0", "openai.11", "google.1" };
    struct scratch s;
    const char *dir = folder(&s);
    uint8_t got[WD_SEAL_PRINT], bytes[512];
    struct wd_secret *key;
    size_t len;

    put(dir, KEY);
    len = file(dir, "openai.1", bytes, sizeof(bytes), false);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        file(dir, names[i], bytes, len, true);
    assert_int_equal(wd_seal_read(dir, master, "openai", 0, got, &key), WD_ERR_CORRUPT);
    assert_int_equal(wd_seal_read(dir, master, "openai", 11, got, &key), WD_ERR_CORRUPT);
    assert_int_equal(wd_seal_read(dir, master, "google", 1, got, &key), WD_ERR_CORRUPT);
    scratch_drop(&s);
}

static void
names_stay_in_the_folder(void **state)
{
    static const char *const names[] = { "", "../x", "a/b", "A", ".", "a.b", "0123456789012345678901234567890123456789" };
    struct scratch s;
    const char *dir = folder(&s);
    uint8_t got[WD_SEAL_PRINT];
    struct wd_secret *key;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_int_equal(wd_seal_write(dir, master, names[i], 0, print, WD_SPAN(KEY), nonce), WD_ERR_RANGE);
        assert_int_equal(wd_seal_read(dir, master, names[i], 0, got, &key), WD_ERR_RANGE);
        assert_int_equal(wd_seal_remove(dir, names[i], 0), WD_ERR_RANGE);
    }
    scratch_drop(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_sealed_opens),
        cmocka_unit_test(another_master_key_does_not_fit),
        cmocka_unit_test(every_changed_byte_and_length_is_seen),
        cmocka_unit_test(a_file_of_another_slot_does_not_open),
        cmocka_unit_test(names_stay_in_the_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
