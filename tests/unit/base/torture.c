/* Each allocation fails once: every function answers with an error, leaves nothing behind and works when called again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/edit.h"
#include "base/json.h"
#include "wire/sse.h"
#include "../torture.h"

static enum wd_err
run_json(void)
{
    struct wd_json_error error;
    struct wd_arena arena;
    struct wd_json doc;
    struct wd_buf text;
    enum wd_err err = WD_OK;

    wd_buf_init(&text, 1 << 20);
    wd_arena_init(&arena, 1 << 20);
    for (int i = 0; err == WD_OK && i < 400; i++)
        err = wd_buf_printf(&text, "%s\"k\\u0030%d\":[%d]", i == 0 ? "{" : ",", i, i);
    if (err == WD_OK)
        err = wd_buf_add_byte(&text, '}');
    if (err == WD_OK)
        err = wd_json_parse(&doc, wd_buf_span(&text), &arena, WD_JSON_LIMITS, &error);
    if (err == WD_OK && wd_json_key(&doc, 1, &arena).ptr == NULL)
        err = WD_ERR_NOMEM;
    wd_arena_deinit(&arena);
    wd_buf_deinit(&text);
    return err;
}

static enum wd_err
run_edit(void)
{
    struct wd_edits edits = { 0 };
    struct wd_arena arena;
    struct wd_buf out;
    enum wd_err err = WD_OK;
    char text[2000];

    memset(text, 'x', sizeof(text));
    wd_buf_init(&out, 1 << 20);
    wd_arena_init(&arena, 1 << 20);
    for (size_t i = 0; err == WD_OK && i < sizeof(text); i += 4)
        err = wd_edits_add(&edits, &arena, i, i + 1, WD_SPAN("0123456789"));
    if (err == WD_OK)
        err = wd_edits_apply(&edits, wd_span(text, sizeof(text)), &out);
    wd_arena_deinit(&arena);
    wd_buf_deinit(&out);
    return err;
}

static enum wd_err
run_sse(void)
{
    static const char text[] = "event: a\ndata: 1\ndata: 2\n\n: a comment that makes the block grow "
                               "12345678901234567890123456789012345678901234567890123456789012345678901234567890"
                               "12345678901234567890123456789012345678901234567890123456789012345678901234567890"
                               "12345678901234567890123456789012345678901234567890123456789012345678901234567890\ndata\ndata\n\n";
    struct wd_span in = wd_span_str(text);
    struct wd_sse_event event;
    struct wd_sse sse;
    enum wd_err err;
    bool got;

    wd_sse_init(&sse, 4096);
    do
        err = wd_sse_next(&sse, &in, &event, &got);
    while (err == WD_OK && got);
    wd_sse_deinit(&sse);
    return err;
}

static void
sweep(enum wd_err (*run)(void), long at_least)
{
    long n = 0;
    enum wd_err err;

    do {
        until = n;
        err = run();
        if (until >= 0) { /* fewer allocations than that: the sweep is over */
            until = -1;
            assert_int_equal(err, WD_OK);
            break;
        }
        assert_int_equal(err, WD_ERR_NOMEM);
        n++;
    } while (n < 1000);
    assert_in_range(n, at_least, 999);
    assert_int_equal(run(), WD_OK);
}

static void
test_json(void **state)
{
    sweep(run_json, 5);
}

static void
test_edit(void **state)
{
    sweep(run_edit, 3);
}

static void
test_sse(void **state)
{
    sweep(run_sse, 3);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_edit),
        cmocka_unit_test(test_sse),
    };

    return cmocka_run_group_tests_name("torture", tests, NULL, NULL);
}
