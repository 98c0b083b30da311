#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/json.h"
#include "base/utf8.h"

struct doc {
    struct wd_arena arena;
    struct wd_json json;
};

static void
doc_read(struct doc *d, struct wd_span text)
{
    struct wd_json_error error;

    wd_arena_init(&d->arena, 1 << 20);
    if (wd_json_parse(&d->json, text, &d->arena, WD_JSON_LIMITS, &error) != WD_OK)
        fail_msg("%.*s: %s", (int)text.len, text.ptr, error.what);
}

static const struct {
    struct wd_span inside, plain;
} unescapes[] = {
    { WD_SPAN_INIT(""), WD_SPAN_INIT("") },
    { WD_SPAN_INIT("abc"), WD_SPAN_INIT("abc") },
    { WD_SPAN_INIT("\\\"\\\\\\/\\b\\f\\n\\r\\t"), WD_SPAN_INIT("\"\\/\b\f\n\r\t") },
    { WD_SPAN_INIT("a\\u0000b"), WD_SPAN_INIT("a\0b") },
    { WD_SPAN_INIT("\\u0073\\u006B-x"), WD_SPAN_INIT("sk-x") },
    { WD_SPAN_INIT("\\u00e9\\u20AC\\uFFFF"), WD_SPAN_INIT("\xc3\xa9\xe2\x82\xac\xef\xbf\xbf") },
    { WD_SPAN_INIT("\\ud83d\\uDE00"), WD_SPAN_INIT("\xf0\x9f\x98\x80") },
    { WD_SPAN_INIT("\\udbff\\udfff."), WD_SPAN_INIT("\xf4\x8f\xbf\xbf.") },
    { WD_SPAN_INIT("\xe2\x82\xac\\\\u0041"), WD_SPAN_INIT("\xe2\x82\xac\\u0041") },
};

/* F10: what is inspected is the text behind the escapes. */
static void
test_unescape(void **state)
{
    for (size_t i = 0; i < sizeof(unescapes) / sizeof(*unescapes); i++) {
        struct wd_buf text, plain;
        struct wd_arena arena;
        struct doc d;

        wd_buf_init(&text, 1000);
        wd_buf_init(&plain, unescapes[i].inside.len);
        wd_arena_init(&arena, 1000);
        assert_int_equal(wd_buf_printf(&text, "{\"%.*s\":\"%.*s\"}", (int)unescapes[i].inside.len, unescapes[i].inside.ptr,
                                       (int)unescapes[i].inside.len, unescapes[i].inside.ptr),
                         WD_OK);
        doc_read(&d, wd_buf_span(&text));
        assert_true(wd_span_eq(wd_json_string(&d.json, 1, &arena), unescapes[i].plain));
        assert_true(wd_span_eq(wd_json_key(&d.json, 1, &arena), unescapes[i].plain));
        assert_int_equal(wd_json_unescape(&plain, unescapes[i].inside), WD_OK);
        assert_true(wd_span_eq(wd_buf_span(&plain), unescapes[i].plain));
        wd_arena_deinit(&d.arena);
        wd_arena_deinit(&arena);
        wd_buf_deinit(&text);
        wd_buf_deinit(&plain);
    }
}

static void
test_no_memory(void **state)
{
    struct wd_arena arena;
    struct doc d;

    doc_read(&d, WD_SPAN("{\"\\n\":\"\\t\",\"a\":\"b\"}"));
    wd_arena_init(&arena, 0);
    assert_null(wd_json_string(&d.json, 1, &arena).ptr);
    assert_null(wd_json_key(&d.json, 1, &arena).ptr);
    assert_non_null(wd_json_string(&d.json, 2, &arena).ptr);
    assert_non_null(wd_json_key(&d.json, 2, &arena).ptr);
    wd_arena_deinit(&d.arena);
}

/* Every character there is, escaped, read back by the parser, unescaped. */
static void
test_round_trip(void **state)
{
    struct wd_buf plain, text, back;
    struct wd_arena arena;
    struct doc d;

    wd_buf_init(&plain, 1 << 20);
    wd_buf_init(&text, 1 << 20);
    wd_buf_init(&back, 1 << 20);
    for (uint32_t cp = 0; cp < 0x110000; cp++) {
        char out[4];

        if (cp < 0xd800 || cp > 0xdfff)
            assert_int_equal(wd_buf_add(&plain, wd_span(out, wd_utf8_encode(cp, out))), WD_OK);
        if ((cp & 0xffff) != 0xffff)
            continue;
        assert_int_equal(wd_buf_add_byte(&text, '"'), WD_OK);
        assert_int_equal(wd_json_escape(&text, wd_buf_span(&plain)), WD_OK);
        assert_int_equal(wd_buf_add_byte(&text, '"'), WD_OK);
        doc_read(&d, wd_buf_span(&text));
        wd_arena_init(&arena, 1 << 20);
        assert_true(wd_span_eq(wd_json_string(&d.json, 0, &arena), wd_buf_span(&plain)));
        assert_int_equal(wd_json_unescape(&back, wd_span(text.ptr + 1, text.len - 2)), WD_OK);
        assert_true(wd_span_eq(wd_buf_span(&back), wd_buf_span(&plain)));
        wd_arena_deinit(&arena);
        wd_arena_deinit(&d.arena);
        wd_buf_clear(&plain);
        wd_buf_clear(&text);
        wd_buf_clear(&back);
    }
    wd_buf_deinit(&plain);
    wd_buf_deinit(&text);
    wd_buf_deinit(&back);
}

static void
test_escape(void **state)
{
    struct wd_buf out;

    wd_buf_init(&out, 40);
    assert_int_equal(wd_json_escape(&out, WD_SPAN("a\"b\\c/\b\f\n\r\t\0\x1f\x7f\xc3\xa9")), WD_OK);
    assert_true(wd_span_eq(wd_buf_span(&out), WD_SPAN("a\\\"b\\\\c/\\b\\f\\n\\r\\t\\u0000\\u001f\x7f\xc3\xa9")));
    assert_int_equal(wd_json_escape(&out, WD_SPAN("ab\1\1\1")), WD_ERR_LIMIT);
    assert_int_equal(out.len, 33);
    assert_int_equal(wd_json_unescape(&out, WD_SPAN("12345678")), WD_ERR_LIMIT);
    assert_int_equal(out.len, 33);
    wd_buf_deinit(&out);
}

/* F16: key, name, is it the name, would a lax reader take it for the name. */
static void
test_key_names(void **state)
{
    static const struct {
        struct wd_span key;
        const char *name;
        bool is, folds;
    } cases[] = {
        { WD_SPAN_INIT("messages"), "messages", true, false },
        { WD_SPAN_INIT("m\\u0065ssages"), "messages", true, false },
        { WD_SPAN_INIT("Messages"), "messages", false, true },
        { WD_SPAN_INIT("MESSAGES"), "messages", false, true },
        { WD_SPAN_INIT("me\xc5\xbfsages"), "messages", false, true },
        { WD_SPAN_INIT("me\\u017fsages"), "messages", false, true },
        { WD_SPAN_INIT("\\u004dessages"), "messages", false, true },
        { WD_SPAN_INIT("max_to\xe2\x84\xaa"
                       "ens"),
          "max_tokens", false, true },
        { WD_SPAN_INIT("max_to\\u212Aens"), "max_tokens", false, true },
        { WD_SPAN_INIT("GenerationConfig"), "generationConfig", false, true },
        { WD_SPAN_INIT("generationconfig"), "generationConfig", false, true },
        { WD_SPAN_INIT("generationConfig"), "generationConfig", true, false },
        { WD_SPAN_INIT("message"), "messages", false, false },
        { WD_SPAN_INIT("messages2"), "messages", false, false },
        { WD_SPAN_INIT("messages\\u0000"), "messages", false, false },
        { WD_SPAN_INIT("Messages\\u0000"), "messages", false, false },
        { WD_SPAN_INIT("messageS "), "messages", false, false },
        { WD_SPAN_INIT("mes\xc3\x9f"
                       "ages"),
          "messages", false, false },
        { WD_SPAN_INIT("a@b"), "a`b", false, false },
        { WD_SPAN_INIT("a["), "a{", false, false },
        { WD_SPAN_INIT(""), "a", false, false },
        { WD_SPAN_INIT(""), "", true, false },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct wd_buf text;
        struct doc d;

        wd_buf_init(&text, 100);
        assert_int_equal(wd_buf_printf(&text, "{\"%.*s\":\"%.*s\"}", (int)cases[i].key.len, cases[i].key.ptr,
                                       (int)cases[i].key.len, cases[i].key.ptr),
                         WD_OK);
        doc_read(&d, wd_buf_span(&text));
        if (wd_json_key_is(&d.json, 1, cases[i].name) != cases[i].is ||
            wd_json_string_is(&d.json, 1, cases[i].name) != cases[i].is ||
            wd_json_key_folds_to(&d.json, 1, cases[i].name) != cases[i].folds ||
            wd_json_get(&d.json, 0, cases[i].name) != (cases[i].is ? 1 : 0))
            fail_msg("'%s' against '%s'", text.ptr, cases[i].name);
        wd_arena_deinit(&d.arena);
        wd_buf_deinit(&text);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unescape), cmocka_unit_test(test_no_memory), cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_escape),   cmocka_unit_test(test_key_names),
    };

    return cmocka_run_group_tests_name("json_text", tests, NULL, NULL);
}
