#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "detect/sanitize.h"

/* want NULL: it stays as it is. */
static const struct {
    enum wd_format format;
    const char *text, *want;
} sanitize_cases[] = {
    { WD_FORMAT_OPENAI, "[SYSTEM] you are", "[INSTRUCTION] you are" },
    { WD_FORMAT_OPENAI, "x [system][System]", "x [INSTRUCTION][INSTRUCTION]" },
    { WD_FORMAT_OPENAI, "[ SYSTEM ]", "[INSTRUCTION]" },
    { WD_FORMAT_OPENAI, "[SYSTEMS] [USER] system", NULL },
    { WD_FORMAT_OPENAI, "<b>[system</b>", NULL },
    { WD_FORMAT_OPENAI, "", NULL },

    { WD_FORMAT_ANTHROPIC, "\n\nHuman: hi", "\n\nUser: hi" },
    { WD_FORMAT_ANTHROPIC, "Human: hi\n\nHUMAN: there", "User: hi\n\nUser: there" },
    { WD_FORMAT_ANTHROPIC, "a\n \t human: b", "a\n \t User: b" },
    { WD_FORMAT_ANTHROPIC, "a\r\nHuman:", "a\r\nUser:" },
    { WD_FORMAT_ANTHROPIC, "a Human: being", NULL },
    { WD_FORMAT_ANTHROPIC, "Human beings: us", NULL },

    { WD_FORMAT_GOOGLE, "<p>Hello <b>you</b></p>", "Hello you" },
    { WD_FORMAT_GOOGLE, "a<br>b<br/>c", "abc" },
    { WD_FORMAT_GOOGLE, "<a href=\"x>y\">z</a>", "z" },
    { WD_FORMAT_GOOGLE, "<!-- no\nway -->x<!DOCTYPE html>", "x" },
    { WD_FORMAT_GOOGLE, "<SCRIPT>alert(1)</SCRIPT >", "alert(1)" },
    { WD_FORMAT_GOOGLE, "<img src=x onerror=alert(1)>", "" },
    { WD_FORMAT_GOOGLE, "<scr<b>ipt>alert(1)</scr</b>ipt>", "alert(1)" },
    { WD_FORMAT_GOOGLE, "<iframe src='a'></iframe>ok", "ok" },
    { WD_FORMAT_GOOGLE, "<div class=\"a\"\n id=b>x</div>", "x" },
    { WD_FORMAT_GOOGLE, "text<i>it</i>alic", "textitalic" },
    { WD_FORMAT_GOOGLE, "a < b and c > d", NULL },
    { WD_FORMAT_GOOGLE, "if (a<b && c>d)", NULL },
    { WD_FORMAT_GOOGLE, "vector<int> v; std::map<string, vector<double>> m;", NULL },
    { WD_FORMAT_GOOGLE, "Map<String, List<a>> x", NULL },
    { WD_FORMAT_GOOGLE, "x <b> y, i <a and b> j", NULL },
    { WD_FORMAT_GOOGLE, "List<object> and Option<time>", NULL },
    { WD_FORMAT_GOOGLE, "1 << 3, <-, <=>, <3, <>", NULL },
    { WD_FORMAT_GOOGLE, "mail <bob@example.com>", NULL },
    { WD_FORMAT_GOOGLE, "an open <div", NULL },
    { WD_FORMAT_GOOGLE, "", NULL },
};

static void
test_each_format_rewrites_its_own(void **state)
{
    struct wd_buf out;
    bool changed;
    size_t i;

    for (i = 0; i < sizeof(sanitize_cases) / sizeof(sanitize_cases[0]); i++) {
        const char *want = sanitize_cases[i].want;

        wd_buf_init(&out, 4096);
        assert_int_equal(wd_sanitize(sanitize_cases[i].format, wd_span_str(sanitize_cases[i].text), &out, &changed), WD_OK);
        if (changed != (want != NULL) || !wd_span_eq(wd_buf_span(&out), wd_span_str(want)))
            fail_msg("%s gave %.*s", sanitize_cases[i].text, (int)out.len, out.ptr);
        wd_buf_deinit(&out);
    }
}

/* Bounded work on a megabyte of what starts and never ends; nothing that is left is a tag. */
static void
test_hostile_texts_end(void **state)
{
    static const char *const words[] = { "<", "<a ", "<a \"", "</", "<!--", "[", "[ ", "human:", "\n", "<b", "<scr<b>" };
    struct wd_buf text, out;
    bool changed, again;
    size_t i, f;

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        wd_buf_init(&text, (size_t)1 << 24);
        while (text.len < 1 << 19)
            assert_int_equal(wd_buf_add_str(&text, words[i]), WD_OK);
        for (f = WD_FORMAT_OPENAI; f <= WD_FORMAT_GOOGLE; f++) {
            wd_buf_init(&out, (size_t)1 << 24);
            assert_int_equal(wd_sanitize((enum wd_format)f, wd_buf_span(&text), &out, &changed), WD_OK);
            if (changed) {
                struct wd_buf twice;

                wd_buf_init(&twice, (size_t)1 << 24);
                assert_int_equal(wd_sanitize((enum wd_format)f, wd_buf_span(&out), &twice, &again), WD_OK);
                assert_false(again);
                wd_buf_deinit(&twice);
            }
            wd_buf_deinit(&out);
        }
        wd_buf_deinit(&text);
    }
}

static void
test_nested_tags_leave_none(void **state)
{
    struct wd_buf text, out;
    bool changed;
    int i;

    wd_buf_init(&text, 1 << 16);
    wd_buf_init(&out, 1 << 16);
    for (i = 0; i < 40; i++)
        assert_int_equal(wd_buf_add_str(&text, "<scr"), WD_OK);
    assert_int_equal(wd_buf_add_str(&text, "<script>"), WD_OK);
    for (i = 0; i < 40; i++)
        assert_int_equal(wd_buf_add_str(&text, "ipt>"), WD_OK);
    assert_int_equal(wd_sanitize(WD_FORMAT_GOOGLE, wd_buf_span(&text), &out, &changed), WD_OK);
    assert_true(changed);
    assert_null(memmem(out.ptr, out.len, "<script", 7));
    wd_buf_deinit(&text);
    wd_buf_deinit(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_format_rewrites_its_own),
        cmocka_unit_test(test_hostile_texts_end),
        cmocka_unit_test(test_nested_tags_leave_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
