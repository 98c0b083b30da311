/* A text as words that are compared. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "detect/text/words.h"

static const struct {
    const char *text, *words;
} cases[] = {
    { "", "" },
    { "Hello, World-9!", "hello world 9" },
    { "a\\nb \\\"c\\\" d", "a b c d" },
    { "K\xc3\x96LN k\xc3\xb6ln Ko\xcc\x88ln", "koln koln koln" },
    { "\\u004b\\\\u00f6ln", "koln" },
    { "pro\xe2\x80\x8bject", "project" },
    { "\xef\xbd\x81\xef\xbd\x82", "ab" },
    { "\xd0\x98\xd0\xb2\xd0\xb0\xd0\xbd \xd0\x98\xd0\x92\xd0\x90\xd0\x9d", NULL },
    { "x\xe2\x86\x92y", "x y" },
    { "bad \xff byte", "bad byte" },
    { "\\ud83d\\ude00ok \\ud83d", "ok" },
    { "end\\", "end" },
    { "\\u12", "u12" },
};

static void
read_words(struct wd_span text, char *out, size_t *first_at)
{
    struct wd_arena arena;
    struct wd_words w;
    size_t len = 0;

    wd_arena_init(&arena, 1 << 20);
    assert_int_equal(wd_words_read(&w, text, &arena), WD_OK);
    *first_at = SIZE_MAX;
    for (size_t i = 0; i < w.count; i++) {
        uint8_t c = wd_words_fold[w.chars[i]];
        assert_true(wd_words_at(&w, i) <= text.len);
        assert_true(i == 0 || wd_words_at(&w, i) >= wd_words_at(&w, i - 1));
        if (c == 0 && len > 0 && out[len - 1] != ' ')
            out[len++] = ' ';
        if (c != 0)
            out[len++] = (char)c;
        if (c != 0 && *first_at == SIZE_MAX)
            *first_at = wd_words_at(&w, i);
    }
    assert_true(w.count == 0 || wd_words_at(&w, w.count) == text.len);
    while (len > 0 && out[len - 1] == ' ')
        len--;
    out[len] = '\0';
    wd_arena_deinit(&arena);
}

static void
test_words(void **state)
{
    char got[256];
    size_t at;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        read_words(wd_span_str(cases[i].text), got, &at);
        if (cases[i].words != NULL)
            assert_string_equal(got, cases[i].words);
        else /* the same word twice */
            assert_int_equal(memcmp(got, strchr(got, ' ') + 1, strlen(strchr(got, ' ') + 1)), 0);
    }
    read_words(WD_SPAN("\\n\\u0041b"), got, &at);
    assert_int_equal(at, 2);
}

/* Any bytes are read within their bounds. */
static void
test_any(void **state)
{
    static const char alphabet[] = "\\u0d8e9fnAb \"\xc3\xa9\xe2\x80\xf0\x9f\xff";
    uint32_t seed = 7;
    char text[64], got[512];
    size_t at;

    (void)state;
    for (int round = 0; round < 20000; round++) {
        size_t len = 0, n = round % sizeof(text);
        while (len < n) {
            seed = seed * 1664525 + 1013904223;
            text[len++] = alphabet[(seed >> 16) % (sizeof(alphabet) - 1)];
        }
        read_words(wd_span(text, len), got, &at);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_words), cmocka_unit_test(test_any) };
    return cmocka_run_group_tests_name("words", tests, NULL, NULL);
}
