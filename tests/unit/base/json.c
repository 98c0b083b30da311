#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/json.h"

static const struct wd_json_limits limits = { .depth = 64, .nodes = 100000 };

struct doc {
    struct wd_arena arena;
    struct wd_json json;
    struct wd_json_error error;
    enum wd_err err;
};

static void
doc_read(struct doc *d, struct wd_span text)
{
    wd_arena_init(&d->arena, 1 << 24);
    d->err = wd_json_parse(&d->json, text, &d->arena, limits, &d->error);
}

static void
doc_free(struct doc *d)
{
    wd_arena_deinit(&d->arena);
}

static void
test_accepted_and_refused(void **state)
{
    static const struct {
        struct wd_span text;
        enum wd_err err;
        size_t offset;
    } cases[] = {
        { WD_SPAN_INIT("null"), WD_OK, 0 },
        { WD_SPAN_INIT(" [1, -0, 0.5e+7, true,false , null]\r\n\t"), WD_OK, 0 },
        { WD_SPAN_INIT("{}"), WD_OK, 0 },
        { WD_SPAN_INIT("[[],{},[{}]]"), WD_OK, 0 },
        { WD_SPAN_INIT("\"\\u0000\\ud83d\\ude00\""), WD_OK, 0 },
        { WD_SPAN_INIT("{\"\":1,\"a\":2,\"A\":3}"), WD_OK, 0 },
        { WD_SPAN_INIT(""), WD_ERR_SYNTAX, 0 },
        { WD_SPAN_INIT(" "), WD_ERR_SYNTAX, 1 },
        { WD_SPAN_INIT("\xef\xbb\xbf{}"), WD_ERR_SYNTAX, 0 },
        { WD_SPAN_INIT("{} {}"), WD_ERR_SYNTAX, 3 },
        { WD_SPAN_INIT("null\0"), WD_ERR_SYNTAX, 4 },
        { WD_SPAN_INIT("01"), WD_ERR_SYNTAX, 1 },
        { WD_SPAN_INIT("1."), WD_ERR_SYNTAX, 2 },
        { WD_SPAN_INIT(".5"), WD_ERR_SYNTAX, 0 },
        { WD_SPAN_INIT("+1"), WD_ERR_SYNTAX, 0 },
        { WD_SPAN_INIT("-"), WD_ERR_SYNTAX, 1 },
        { WD_SPAN_INIT("1e"), WD_ERR_SYNTAX, 2 },
        { WD_SPAN_INIT("NaN"), WD_ERR_SYNTAX, 0 },
        { WD_SPAN_INIT("[1,]"), WD_ERR_SYNTAX, 3 },
        { WD_SPAN_INIT("[,1]"), WD_ERR_SYNTAX, 1 },
        { WD_SPAN_INIT("[1}"), WD_ERR_SYNTAX, 2 },
        { WD_SPAN_INIT("{\"a\":1,}"), WD_ERR_SYNTAX, 7 },
        { WD_SPAN_INIT("{\"a\" 1}"), WD_ERR_SYNTAX, 5 },
        { WD_SPAN_INIT("{a:1}"), WD_ERR_SYNTAX, 1 },
        { WD_SPAN_INIT("\"\\ud800\""), WD_ERR_SYNTAX, 1 },
        { WD_SPAN_INIT("\"\\udc00\""), WD_ERR_SYNTAX, 1 },
        { WD_SPAN_INIT("\"\\udc00\\udc00\""), WD_ERR_SYNTAX, 1 },
        { WD_SPAN_INIT("\"\\ud800\\ud800\""), WD_ERR_SYNTAX, 1 },
        { WD_SPAN_INIT("\"\\ud800\\u0041\""), WD_ERR_SYNTAX, 1 },
        { WD_SPAN_INIT("\"\\u12g4\""), WD_ERR_SYNTAX, 1 },
        { WD_SPAN_INIT("\"\\x\""), WD_ERR_SYNTAX, 1 },
        { WD_SPAN_INIT("\"a\nb\""), WD_ERR_SYNTAX, 2 },
        { WD_SPAN_INIT("\"a\0b\""), WD_ERR_SYNTAX, 2 },
        { WD_SPAN_INIT("\"12345678\xff\""), WD_ERR_SYNTAX, 9 },
        { WD_SPAN_INIT("\"\xed\xa0\x80\""), WD_ERR_SYNTAX, 1 },
        { WD_SPAN_INIT("\"\xc0\xaf\""), WD_ERR_SYNTAX, 1 },
        { WD_SPAN_INIT("\"\xf4\x90\x80\x80\""), WD_ERR_SYNTAX, 1 },
        { WD_SPAN_INIT("\"abc"), WD_ERR_SYNTAX, 4 },
        { WD_SPAN_INIT("['a']"), WD_ERR_SYNTAX, 1 },
        { WD_SPAN_INIT("[1]//"), WD_ERR_SYNTAX, 3 },
        { WD_SPAN_INIT("{\"a\":1,\"b\":2,\"a\":3}"), WD_ERR_SYNTAX, 14 },
        { WD_SPAN_INIT("{\"a\":1,\"\\u0061\":3}"), WD_ERR_SYNTAX, 8 },
        { WD_SPAN_INIT("{\"\\u0061\":1,\"a\":3}"), WD_ERR_SYNTAX, 13 },
        { WD_SPAN_INIT("{\"a\\/\":1,\"a/\":3}"), WD_ERR_SYNTAX, 10 },
        { WD_SPAN_INIT("{\"a\\u0000\":1,\"a\":3}"), WD_OK, 0 },
        { WD_SPAN_INIT("[{\"a\":1},{\"a\":1}]"), WD_OK, 0 },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct doc d;

        doc_read(&d, cases[i].text);
        if (d.err != cases[i].err || (d.err != WD_OK && d.error.offset != cases[i].offset))
            fail_msg("%s: got %d at %zu (%s)", cases[i].text.ptr, d.err, d.error.offset, d.error.what);
        doc_free(&d);
    }
}

static void
test_spans_and_links(void **state)
{
    static const char text[] = " {\"a\": [1, \"x\\n\"], \"b\\u0062\" :{\"c\":null}, \"d\":\"\"} ";
    struct wd_arena arena;
    struct doc d;
    uint32_t a, b, c;

    doc_read(&d, wd_span_str(text));
    assert_int_equal(d.err, WD_OK);
    assert_int_equal(d.json.count, 7);
    a = wd_json_get(&d.json, 0, "a");
    b = wd_json_get(&d.json, 0, "bb");
    assert_int_equal(a, 1);
    assert_true(wd_span_eq(wd_json_raw(&d.json, a), WD_SPAN("[1, \"x\\n\"]")));
    assert_true(wd_span_eq(wd_json_raw(&d.json, 3), WD_SPAN("\"x\\n\"")));
    assert_true(wd_span_eq(wd_json_key_raw(&d.json, b), WD_SPAN("b\\u0062")));
    assert_int_equal(d.json.nodes[a].next, b);
    assert_int_equal(d.json.nodes[a].child, 2);
    assert_int_equal(d.json.nodes[2].next, 3);
    assert_int_equal(d.json.nodes[3].next, 0);
    assert_int_equal(d.json.nodes[3].parent, a);
    c = wd_json_get(&d.json, b, "c");
    assert_int_equal(wd_json_type(&d.json, c), WD_JSON_NULL);
    assert_int_equal(wd_json_get(&d.json, 0, "c"), 0);
    assert_int_equal(wd_json_get(&d.json, a, "c"), 0);

    wd_arena_init(&arena, 1024);
    assert_true(wd_span_eq(wd_json_string(&d.json, 3, &arena), WD_SPAN("x\n")));
    assert_true(wd_span_eq(wd_json_key(&d.json, b, &arena), WD_SPAN("bb")));
    assert_non_null(wd_json_string(&d.json, wd_json_get(&d.json, 0, "d"), &arena).ptr);
    assert_null(wd_json_string(&d.json, 2, &arena).ptr);
    assert_true(wd_json_string_is(&d.json, 3, "x\n"));
    assert_false(wd_json_string_is(&d.json, 3, "x"));
    assert_false(wd_json_string_is(&d.json, 2, "1"));
    wd_arena_deinit(&arena);
    doc_free(&d);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepted_and_refused),
        cmocka_unit_test(test_spans_and_links),
    };

    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
