#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/secret.h"

/* Access and VmFlags of the mapping that holds p, from /proc/self/smaps. */
static bool
mapping(const void *p, char access[8], char flags[512])
{
    FILE *f = fopen("/proc/self/smaps", "r");
    char line[512], perms[8];
    uintptr_t low, high;
    bool inside = false, found = false;

    if (f == NULL)
        return false;
    while (!found && fgets(line, sizeof(line), f) != NULL) {
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %7s", &low, &high, perms) == 3) {
            inside = (uintptr_t)p >= low && (uintptr_t)p < high;
            if (inside)
                memcpy(access, perms, sizeof(perms));
        } else if (inside && strncmp(line, "VmFlags:", 8) == 0) {
            strcpy(flags, line + 8);
            found = true;
        }
    }
    fclose(f);
    return found;
}

static void
test_bytes_of_every_length(void **state)
{
    for (size_t len = 0; len < 70; len++) {
        char bytes[70];
        struct wd_secret *s;
        struct wd_span got;

        memset(bytes, 'k', len);
        assert_int_equal(wd_secret_new(&s, wd_span(bytes, len)), WD_OK);
        memset(bytes, 0, sizeof(bytes));
        got = wd_secret_get(s);
        assert_int_equal(got.len, len);
        for (size_t i = 0; i < len; i++)
            assert_int_equal(got.ptr[i], 'k');
        wd_secret_free(s);
    }
    wd_secret_free(NULL);
}

/* F30: not in a core dump, and read-only. */
static void
test_guarded(void **state)
{
    char access[8] = "", flags[512] = "";
    struct wd_secret *s;

    assert_int_equal(wd_secret_new(&s, WD_SPAN("sk-not-a-key")), WD_OK);
    if (!mapping(wd_secret_get(s).ptr, access, flags)) {
        printf("no /proc/self/smaps: skipped\n");
        wd_secret_free(s);
        skip();
    }
    assert_non_null(strstr(flags, " dd"));
    assert_string_equal(access, "r--p");
    assert_true(wd_span_eq(wd_secret_get(s), WD_SPAN("sk-not-a-key")));
    wd_secret_free(s);
}

static void
test_equal_and_wipe(void **state)
{
    char bytes[] = "secret";

    assert_true(wd_secret_equal(WD_SPAN("abc"), WD_SPAN("abc")));
    assert_true(wd_secret_equal(wd_span(NULL, 0), WD_SPAN("")));
    assert_false(wd_secret_equal(WD_SPAN("abc"), WD_SPAN("abd")));
    assert_false(wd_secret_equal(WD_SPAN("abc"), WD_SPAN("ab")));
    assert_false(wd_secret_equal(WD_SPAN("a\0c"), WD_SPAN("a\0d")));
    wd_secret_wipe(bytes, 3);
    assert_memory_equal(bytes, "\0\0\0ret", 7);
    wd_secret_wipe(NULL, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_of_every_length),
        cmocka_unit_test(test_guarded),
        cmocka_unit_test(test_equal_and_wipe),
    };

    return cmocka_run_group_tests_name("secret", tests, NULL, NULL);
}
