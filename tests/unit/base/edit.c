#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/edit.h"

enum { EDITS_MAX = 4 };

static const struct {
    const char *text;
    struct {
        size_t start, end;
        const char *with;
    } edits[EDITS_MAX];
    const char *want; /* NULL: refused */
} cases[] = {
    { "abc", { { 0 } }, "abc" },
    { "", { { 0, 0, "x" } }, "x" },
    { "abcdef", { { 1, 3, "X" } }, "aXdef" },
    { "abcdef", { { 4, 6, "" }, { 0, 1, "longer" } }, "longerbcd" },
    { "abcdef", { { 0, 6, "" } }, "" },
    { "abcdef", { { 2, 4, "X" }, { 4, 5, "Y" }, { 0, 2, "Z" } }, "ZXYf" },
    { "abc", { { 1, 1, "1" }, { 1, 1, "2" }, { 1, 1, "3" } }, "a123bc" },
    { "abc", { { 1, 2, "X" }, { 1, 1, "1" }, { 2, 2, "2" } }, "a1X2c" },
    { "abc", { { 3, 3, "end" } }, "abcend" },
    { "abc", { { 0, 2, "X" }, { 1, 3, "Y" } }, NULL },
    { "abc", { { 0, 3, "X" }, { 1, 1, "Y" } }, NULL },
    { "abc", { { 1, 2, "X" }, { 1, 2, "Y" } }, NULL },
    { "abc", { { 2, 4, "X" } }, NULL },
    { "abc", { { 4, 4, "X" } }, NULL },
    { "abc", { { 2, 1, "X" } }, NULL },
    { "abc", { { SIZE_MAX, SIZE_MAX, "X" } }, NULL },
};

static void
test_cases(void **state)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct wd_edits edits = { 0 };
        struct wd_arena arena;
        struct wd_buf out;
        enum wd_err err;

        wd_arena_init(&arena, 1 << 16);
        wd_buf_init(&out, 100);
        assert_int_equal(wd_buf_add_str(&out, "before "), WD_OK);
        for (size_t k = 0; k < EDITS_MAX && cases[i].edits[k].with != NULL; k++) {
            char with[16];

            /* The bytes are copied: what the caller does with them later does not show. */
            snprintf(with, sizeof(with), "%s", cases[i].edits[k].with);
            assert_int_equal(wd_edits_add(&edits, &arena, cases[i].edits[k].start, cases[i].edits[k].end, wd_span_str(with)),
                             WD_OK);
            memset(with, '#', sizeof(with));
        }
        err = wd_edits_apply(&edits, wd_span_str(cases[i].text), &out);
        assert_int_equal(err, cases[i].want != NULL ? WD_OK : WD_ERR_SYNTAX);
        assert_memory_equal(out.ptr, "before ", 7);
        wd_buf_drop(&out, 7);
        if (!wd_span_eq(wd_buf_span(&out), wd_span_str(cases[i].want)))
            fail_msg("case %zu: '%.*s'", i, (int)out.len, out.ptr);
        wd_buf_deinit(&out);
        wd_arena_deinit(&arena);
    }
}

static void
test_caps(void **state)
{
    struct wd_edits edits = { 0 };
    struct wd_arena arena;
    struct wd_buf out;
    enum wd_err err = WD_OK;
    size_t count = 0;

    wd_arena_init(&arena, 100000);
    while (err == WD_OK && count < 100000) {
        err = wd_edits_add(&edits, &arena, 0, 0, WD_SPAN("ab"));
        count += err == WD_OK;
    }
    assert_int_equal(err, WD_ERR_NOMEM);
    assert_true(count > 100 && edits.count == count);
    wd_buf_init(&out, 2 * count + 2);
    assert_int_equal(wd_edits_apply(&edits, WD_SPAN("xyz"), &out), WD_ERR_LIMIT);
    assert_int_equal(out.len, 0);
    assert_int_equal(wd_edits_apply(&edits, WD_SPAN("xy"), &out), WD_OK);
    assert_int_equal(out.len, 2 * count + 2);
    wd_buf_deinit(&out);
    wd_arena_deinit(&arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_caps),
    };

    return cmocka_run_group_tests_name("edit", tests, NULL, NULL);
}
