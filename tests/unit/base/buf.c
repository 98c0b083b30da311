#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buf.h"

static void
test_cap(void **state)
{
    for (size_t cap = 0; cap < 600; cap++) {
        struct wd_buf b;

        wd_buf_init(&b, cap);
        for (size_t i = 0; i < cap; i++)
            assert_int_equal(wd_buf_add_byte(&b, (char)i), WD_OK);
        assert_int_equal(wd_buf_add_byte(&b, 'x'), WD_ERR_LIMIT);
        assert_int_equal(wd_buf_add(&b, wd_span(NULL, 0)), WD_OK);
        assert_int_equal(wd_buf_printf(&b, "%d", 1), WD_ERR_LIMIT);
        assert_int_equal(b.len, cap);
        for (size_t i = 0; i < cap; i++)
            assert_int_equal(b.ptr[i], (char)i);
        wd_buf_deinit(&b);
        assert_int_equal(b.cap, cap);
        assert_null(b.ptr);
    }
}

static void
test_sizes_that_overflow(void **state)
{
    struct wd_buf b;

    wd_buf_init(&b, SIZE_MAX);
    assert_int_equal(wd_buf_add_str(&b, "abc"), WD_OK);
    assert_int_equal(wd_buf_reserve(&b, SIZE_MAX), WD_ERR_LIMIT);
    assert_int_equal(wd_buf_reserve(&b, SIZE_MAX - 2), WD_ERR_LIMIT);
    assert_int_equal(wd_buf_add(&b, wd_span("x", SIZE_MAX)), WD_ERR_LIMIT);
    assert_true(wd_span_eq(wd_buf_span(&b), WD_SPAN("abc")));
    wd_buf_deinit(&b);
}

/* The NUL that vsnprintf() writes does not count against the cap. */
static void
test_printf(void **state)
{
    struct wd_buf b;

    wd_buf_init(&b, 6);
    assert_int_equal(wd_buf_printf(&b, "%s-%d", "ab", 123), WD_OK);
    assert_int_equal(wd_buf_printf(&b, "%s", ""), WD_OK);
    assert_int_equal(wd_buf_printf(&b, "x"), WD_ERR_LIMIT);
    assert_true(wd_span_eq(wd_buf_span(&b), WD_SPAN("ab-123")));
    wd_buf_deinit(&b);
}

static void
test_drop_clear_wipe(void **state)
{
    struct wd_buf b;
    char *ptr;

    wd_buf_init(&b, 100);
    wd_buf_drop(&b, 0);
    assert_int_equal(wd_buf_add_str(&b, "abcdef"), WD_OK);
    wd_buf_drop(&b, 4);
    assert_true(wd_span_eq(wd_buf_span(&b), WD_SPAN("ef")));
    wd_buf_drop(&b, 2);
    assert_int_equal(b.len, 0);
    assert_int_equal(wd_buf_add_str(&b, "abc"), WD_OK);
    ptr = b.ptr;
    wd_buf_clear(&b);
    assert_int_equal(wd_buf_add_str(&b, "d"), WD_OK);
    assert_ptr_equal(b.ptr, ptr);
    wd_buf_wipe(&b);
    assert_null(b.ptr);
    wd_buf_wipe(&b);
    wd_buf_deinit(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cap),
        cmocka_unit_test(test_sizes_that_overflow),
        cmocka_unit_test(test_printf),
        cmocka_unit_test(test_drop_clear_wipe),
    };

    return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
