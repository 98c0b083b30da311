#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>

#include "scratch.h"
#include "store/install.h"

static const uint8_t some[32] = { 1, 2, 3 };

static void
key_is_made_once_and_kept(void **state)
{
    struct scratch s;
    struct stat st;
    uint8_t a[32] = { 0 }, b[32] = { 0 }, other[32] = { 9 };

    scratch_make(&s);
    assert_int_equal(wd_install_key(s.dir, NULL, a), WD_ERR_NOTFOUND);
    assert_int_equal(wd_install_key(s.dir, some, a), WD_OK);
    assert_int_equal(wd_install_key(s.dir, NULL, b), WD_OK);
    assert_memory_equal(a, b, 32);
    assert_memory_equal(a, some, 32);
    assert_int_equal(wd_install_key(s.dir, other, b), WD_OK);
    assert_memory_equal(a, b, 32);
    assert_int_equal(stat(scratch_path(&s, "install.key"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(st.st_size, 32);
    scratch_drop(&s);
}

static void
key_that_cannot_be_trusted_is_refused(void **state)
{
    struct scratch s;
    uint8_t key[32];

    scratch_make(&s);
    assert_int_equal(wd_install_key(s.dir, some, key), WD_OK);
    scratch_path(&s, "install.key");
    assert_int_equal(chmod(s.path, 0640), 0);
    assert_int_equal(wd_install_key(s.dir, some, key), WD_ERR_DENIED);
    assert_int_equal(chmod(s.path, 0600), 0);
    assert_int_equal(truncate(s.path, 31), 0);
    assert_int_equal(wd_install_key(s.dir, some, key), WD_ERR_CORRUPT);
    assert_int_equal(truncate(s.path, 33), 0);
    assert_int_equal(wd_install_key(s.dir, some, key), WD_ERR_CORRUPT);
    assert_int_equal(unlink(s.path), 0);
    assert_int_equal(symlink("/etc/hostname", s.path), 0);
    assert_int_equal(wd_install_key(s.dir, some, key), WD_ERR_IO);
    scratch_drop(&s);
}

static void
racing_processes_agree_on_the_key(void **state)
{
    struct scratch s;
    uint8_t key[32], other[32];
    int out[2];

    scratch_make(&s);
    assert_int_equal(pipe(out), 0);
    for (int i = 0; i < 8; i++) {
        if (fork() == 0) {
            uint8_t own[32] = { (uint8_t)(i + 1) };
            if (wd_install_key(s.dir, own, key) != WD_OK || write(out[1], key, 32) != 32)
                _exit(1);
            _exit(0);
        }
    }
    for (int i = 0; i < 8; i++) {
        int status;
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    assert_int_equal(read(out[0], key, 32), 32);
    for (int i = 1; i < 8; i++) {
        assert_int_equal(read(out[0], other, 32), 32);
        assert_memory_equal(key, other, 32);
    }
    close(out[0]);
    close(out[1]);
    scratch_drop(&s);
}

static void
derived_keys_differ_by_label(void **state)
{
    uint8_t key[32] = { 1 }, a[32], b[32], again[32];

    wd_install_derive(key, "audit", a);
    wd_install_derive(key, "limits", b);
    wd_install_derive(key, "audit", again);
    assert_memory_equal(a, again, 32);
    assert_memory_not_equal(a, b, 32);
    assert_memory_not_equal(a, key, 32);
}

static void
the_key_of_the_store_is_derived_until_another_is_brought(void **state)
{
    struct scratch s;
    struct stat st;
    uint8_t derived[32], key[32], brought[32] = { 7 }, third[32] = { 8 };

    scratch_make(&s);
    wd_install_derive(some, "store", derived);
    assert_int_equal(wd_install_store_key(s.dir, some, key), WD_OK);
    assert_memory_equal(key, derived, 32);
    assert_int_equal(wd_install_store_key_set(s.dir, some, derived), WD_OK); /* no file is needed for that */
    assert_int_equal(stat(scratch_path(&s, "store.key"), &st), -1);
    assert_int_equal(wd_install_store_key_set(s.dir, some, brought), WD_OK);
    assert_int_equal(wd_install_store_key(s.dir, some, key), WD_OK);
    assert_memory_equal(key, brought, 32);
    assert_int_equal(stat(scratch_path(&s, "store.key"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    close(open(scratch_path(&s, "store.key.new"), O_CREAT | O_WRONLY, 0600)); /* of one that was interrupted */
    assert_int_equal(wd_install_store_key_set(s.dir, some, third), WD_OK);
    assert_int_equal(wd_install_store_key(s.dir, some, key), WD_OK);
    assert_memory_equal(key, third, 32);
    assert_int_equal(stat(scratch_path(&s, "store.key.new"), &st), -1);

    assert_int_equal(chmod(scratch_path(&s, "store.key"), 0640), 0);
    assert_int_equal(wd_install_store_key(s.dir, some, key), WD_ERR_DENIED);
    assert_int_equal(wd_install_store_key_set(s.dir, some, brought), WD_ERR_DENIED);
    assert_int_equal(chmod(s.path, 0600), 0);
    assert_int_equal(truncate(s.path, 31), 0);
    assert_int_equal(wd_install_store_key(s.dir, some, key), WD_ERR_CORRUPT);
    scratch_drop(&s);
}

static void
state_folder_is_made_private(void **state)
{
    struct scratch s;
    struct stat st;

    scratch_make(&s);
    assert_int_equal(wd_state_dir(scratch_path(&s, "a/b/c")), WD_OK);
    assert_int_equal(stat(s.path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(wd_state_dir(s.path), WD_OK);
    assert_int_equal(chmod(s.path, 0750), 0);
    assert_int_equal(wd_state_dir(s.path), WD_ERR_DENIED);
    assert_int_equal(wd_state_dir(scratch_path(&s, "a/b/c/")), WD_ERR_DENIED);
    close(open(scratch_path(&s, "file"), O_CREAT | O_WRONLY, 0600));
    assert_int_equal(wd_state_dir(s.path), WD_ERR_IO);
    assert_int_equal(wd_state_dir(scratch_path(&s, "file/x")), WD_ERR_IO);
    assert_int_equal(wd_state_dir(""), WD_ERR_IO);
    scratch_drop(&s);
}

static void
files_made_by_root_belong_to_the_owner_of_the_folder(void **state)
{
    struct scratch s;
    struct stat st;
    uint8_t key[32];

    if (geteuid() != 0) {
        print_message("not root: cannot give files away\n");
        skip();
    }
    scratch_make(&s);
    assert_int_equal(chown(s.dir, 65534, 65534), 0);
    assert_int_equal(wd_install_key(s.dir, some, key), WD_OK);
    assert_int_equal(stat(scratch_path(&s, "install.key"), &st), 0);
    assert_int_equal(st.st_uid, 65534);
    scratch_drop(&s);
}

static void
other_names_of_a_file_are_refused(void **state)
{
    struct scratch s;
    char other[300];

    scratch_make(&s);
    snprintf(other, sizeof(other), "%s/b", s.dir);
    close(open(scratch_path(&s, "a"), O_CREAT | O_WRONLY, 0600));
    assert_int_equal(link(s.path, other), 0);
    assert_int_equal(wd_install_file(s.dir, "a", O_RDWR), -1);
    assert_int_equal(unlink(other), 0);
    assert_int_equal(symlink(s.path, other), 0);
    assert_int_equal(wd_install_file(s.dir, "b", O_RDWR | O_CREAT), -1);
    int fd = wd_install_file(s.dir, "a", O_RDWR);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(wd_install_file(s.dir, "none", O_RDWR), -1);
    assert_int_equal(errno, ENOENT);
    scratch_drop(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(key_is_made_once_and_kept),
        cmocka_unit_test(key_that_cannot_be_trusted_is_refused),
        cmocka_unit_test(racing_processes_agree_on_the_key),
        cmocka_unit_test(derived_keys_differ_by_label),
        cmocka_unit_test(the_key_of_the_store_is_derived_until_another_is_brought),
        cmocka_unit_test(state_folder_is_made_private),
        cmocka_unit_test(files_made_by_root_belong_to_the_owner_of_the_folder),
        cmocka_unit_test(other_names_of_a_file_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
