#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arena.h"

static bool
all_zero(const char *p, size_t n)
{
    while (n > 0 && *p == 0)
        p++, n--;
    return n == 0;
}

/* Sizes of every kind, large among small: aligned, zeroed, and none overlaps another. */
static void
test_blocks(void **state)
{
    enum { COUNT = 3000 };
    static char *ptrs[COUNT];
    static size_t sizes[COUNT];
    struct wd_arena a;
    uint32_t seed = 1;

    wd_arena_init(&a, 1 << 26);
    for (int i = 0; i < COUNT; i++) {
        seed = seed * 1664525 + 1013904223;
        sizes[i] = (seed >> 8) % (i % 50 == 0 ? 200000 : i % 7 == 0 ? 3000 : 100);
        ptrs[i] = wd_arena_alloc(&a, sizes[i]);
        assert_non_null(ptrs[i]);
        assert_int_equal((uintptr_t)ptrs[i] % 16, 0);
        assert_true(all_zero(ptrs[i], sizes[i]));
        memset(ptrs[i], i % 255 + 1, sizes[i]);
    }
    for (int i = 0; i < COUNT; i++) {
        for (size_t k = 0; k < sizes[i]; k++)
            assert_int_equal((unsigned char)ptrs[i][k], i % 255 + 1);
    }
    wd_arena_deinit(&a);
    assert_int_equal(a.used, 0);
    assert_non_null(wd_arena_alloc(&a, 1));
    wd_arena_deinit(&a);
}

static void
test_cap(void **state)
{
    struct wd_arena a;

    wd_arena_init(&a, 64);
    assert_null(wd_arena_alloc(&a, 65));
    assert_null(wd_arena_alloc(&a, SIZE_MAX));
    assert_null(wd_arena_alloc(&a, SIZE_MAX - 15));
    assert_null(wd_arena_dup(&a, wd_span("x", SIZE_MAX)));
    assert_non_null(wd_arena_alloc(&a, 33));
    assert_null(wd_arena_alloc(&a, 17));
    assert_non_null(wd_arena_alloc(&a, 0));
    assert_null(wd_arena_alloc(&a, 0));
    assert_int_equal(a.used, 64);
    wd_arena_deinit(&a);

    wd_arena_init(&a, 0);
    assert_null(wd_arena_alloc(&a, 0));
    wd_arena_deinit(&a);
    wd_arena_init(&a, SIZE_MAX);
    assert_null(wd_arena_alloc(&a, SIZE_MAX / 2));
    assert_null(wd_arena_alloc(&a, SIZE_MAX - 1));
    wd_arena_deinit(&a);
}

static void
test_dup(void **state)
{
    struct wd_arena a;
    char *copy;

    wd_arena_init(&a, 1024);
    copy = wd_arena_dup(&a, WD_SPAN("0123456789abcdef"));
    assert_string_equal(copy, "0123456789abcdef");
    assert_string_equal(wd_arena_dup(&a, wd_span(NULL, 0)), "");
    copy = wd_arena_dup(&a, WD_SPAN("a\0b"));
    assert_memory_equal(copy, "a\0b", 4);
    wd_arena_deinit(&a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_cap),
        cmocka_unit_test(test_dup),
    };

    return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
