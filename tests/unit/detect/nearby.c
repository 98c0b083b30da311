/* The table of words beside a value, which is looked up by pairs of letters, and what is found with it. */
#include "../../../src/detect/secret/nearby.c"

#include "harness.h"

static void
test_table_is_in_order_and_its_pairs_are_complete(void **state)
{
    uint32_t pairs[26] = { 0 };
    size_t i, longest = 0;
    uint8_t a, b;

    for (i = 0; i < NEARBY_COUNT; i++) {
        a = (uint8_t)nearby_words[i].text[0];
        b = (uint8_t)nearby_words[i].text[1];
        assert_true(i == 0 || strcmp(nearby_words[i - 1].text, nearby_words[i].text) <= 0);
        assert_true(nearby_is_pair(a, b));
        pairs[a - 'a'] |= (uint32_t)1 << (wd_char_is(b, WD_CH_DIGIT) ? 26 : b - 'a');
        longest = strlen(nearby_words[i].text) > longest ? strlen(nearby_words[i].text) : longest;
    }
    assert_memory_equal(pairs, nearby_pairs, sizeof(pairs));
    /* With an s, and blanks as they are written. */
    assert_true(longest + 1 < WD_NEARBY_WORD_MAX);
}

/* Each word alone, with text before it and behind it that holds none. */
static void
test_each_word_is_found(void **state)
{
    char text[128];
    size_t i;
    int len;

    for (i = 0; i < NEARBY_COUNT; i++) {
        bool other = (nearby_words[i].flags & NEARBY_NOT) != 0;

        len = snprintf(text, sizeof(text), "%s %s  ...", other ? "token" : "..", nearby_words[i].text);
        assert_int_equal(wd_nearby_secret(wd_span(text, (size_t)len), WD_NEARBY_FAR), !other);
        if (!other)
            assert_true(wd_nearby_last(wd_span(text, (size_t)len)) > 0);
    }
}

static void
test_last_word_and_its_reach_decide(void **state)
{
    static const struct {
        const char *text;
        size_t reach;
        bool secret;
    } cases[] = {
        { "the token is ", 32, true },
        { "token of the commit ", 32, false },
        { "commit with the token ", 32, true },
        { "my public key is ", 32, false },
        { "its apiKey ", 32, true },
        { "a monkey and ", 32, false },
        { "keys: ", 32, true },
        { "", 32, false },
        { "k", 32, false },
        { "token ....................", 20, false },
        { "token ...................", 20, true },
    };
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(wd_nearby_secret(wd_span_str(cases[i].text), cases[i].reach), cases[i].secret);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_is_in_order_and_its_pairs_are_complete),
        cmocka_unit_test(test_each_word_is_found),
        cmocka_unit_test(test_last_word_and_its_reach_decide),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
