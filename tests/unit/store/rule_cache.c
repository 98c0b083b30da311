#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>

#include "scratch.h"
#include "store/rule_cache.h"

/* Few rules compile fast. */
static const char *cache_off[2][1024];
static struct wd_ruleset cache_sets[2];

static int
cache_setup(void **state)
{
    const struct wd_rule *rule;

    for (size_t k = 0; k < 2; k++) {
        cache_sets[k].off = cache_off[k];
        for (size_t i = k; (rule = wd_rule_at(i)) != NULL; i++)
            if (strcmp(rule->id, "email") != 0)
                cache_off[k][cache_sets[k].off_count++] = rule->id;
    }
    return 0;
}

static unsigned
cache_files(const char *folder, char name[100])
{
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    unsigned n = 0;

    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL)
        if (strncmp(entry->d_name, "rules-", 6) == 0) {
            assert_true(strlen(entry->d_name) < 100);
            strcpy(name, entry->d_name);
            n++;
        }
    closedir(dir);
    return n;
}

static void
cache_opens(const struct wd_ruleset *set, const char *folder)
{
    struct wd_engine *engine = NULL;

    assert_int_equal(wd_rule_cache_open(&engine, set, folder), WD_OK);
    assert_non_null(engine);
    wd_engine_free(engine);
}

/* Inode and time say whether it was written again. */
static struct stat
cache_stat(struct scratch *s, const char *name)
{
    struct stat st;

    assert_int_equal(stat(scratch_path(s, name), &st), 0);
    return st;
}

static void
test_what_was_compiled_is_kept_and_read_again(void **state)
{
    struct scratch s;
    struct stat first;
    char name[100], other[100];

    scratch_make(&s);
    cache_opens(&cache_sets[0], s.dir);
    assert_int_equal(cache_files(s.dir, name), 1);
    first = cache_stat(&s, name);
    assert_int_equal(first.st_mode & 0777, 0600);
    cache_opens(&cache_sets[0], s.dir);
    assert_int_equal(cache_stat(&s, name).st_ino, first.st_ino);
    /* of other rules: another file, and the old one is gone */
    cache_opens(&cache_sets[1], s.dir);
    assert_int_equal(cache_files(s.dir, other), 1);
    assert_string_not_equal(name, other);
    scratch_drop(&s);
}

static void
test_damage_is_mended(void **state)
{
    struct scratch s;
    struct stat first;
    char name[100];

    scratch_make(&s);
    cache_opens(&cache_sets[0], s.dir);
    cache_files(s.dir, name);
    first = cache_stat(&s, name);
    assert_int_equal(truncate(scratch_path(&s, name), first.st_size / 2), 0);
    cache_opens(&cache_sets[0], s.dir);
    assert_int_equal(cache_stat(&s, name).st_size, first.st_size);
    scratch_drop(&s);
}

static void
test_what_others_can_write_is_not_read(void **state)
{
    struct scratch s;
    struct stat first;
    char name[100];

    scratch_make(&s);
    cache_opens(&cache_sets[0], s.dir);
    cache_files(s.dir, name);
    first = cache_stat(&s, name);
    assert_int_equal(chmod(scratch_path(&s, name), 0620), 0);
    cache_opens(&cache_sets[0], s.dir);
    assert_int_not_equal(cache_stat(&s, name).st_ino, first.st_ino);
    /* the folder: neither read nor written */
    assert_int_equal(unlink(scratch_path(&s, name)), 0);
    assert_int_equal(chmod(s.dir, 0770), 0);
    cache_opens(&cache_sets[0], s.dir);
    assert_int_equal(cache_files(s.dir, name), 0);
    assert_int_equal(chmod(s.dir, 0700), 0);
    /* a link in the place of the file */
    cache_opens(&cache_sets[0], s.dir);
    cache_files(s.dir, name);
    assert_int_equal(unlink(scratch_path(&s, name)), 0);
    assert_int_equal(symlink("/dev/zero", s.path), 0);
    cache_opens(&cache_sets[0], s.dir);
    assert_true(S_ISREG(cache_stat(&s, name).st_mode));
    scratch_drop(&s);
}

static void
test_no_folder_is_no_error(void **state)
{
    cache_opens(&cache_sets[0], NULL);
    cache_opens(&cache_sets[0], "/nonesuch/folder");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_compiled_is_kept_and_read_again),
        cmocka_unit_test(test_damage_is_mended),
        cmocka_unit_test(test_what_others_can_write_is_not_read),
        cmocka_unit_test(test_no_folder_is_no_error),
    };

    return cmocka_run_group_tests(tests, cache_setup, NULL);
}
