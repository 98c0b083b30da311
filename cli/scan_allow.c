#include "scan_allow.h"

#include "../src/detect/text/chars.h"

static const struct wd_span scan_allow_word = WD_SPAN_INIT("warder:allow");

bool
scan_allow_possible(struct wd_span text)
{
    return text.len > 0 && memmem(text.ptr, text.len, scan_allow_word.ptr, scan_allow_word.len) != NULL;
}

/* What follows the word allows the rule. */
static bool
scan_allow_names(struct wd_span rest, const struct wd_rule *rule)
{
    size_t n;

    if (rest.len == 0 || rest.ptr[0] != '=')
        return rest.len == 0 || !wd_char_is((uint8_t)rest.ptr[0], WD_CH_KEY);
    do {
        rest = wd_span(rest.ptr + 1, rest.len - 1);
        for (n = 0; n < rest.len && wd_char_is((uint8_t)rest.ptr[n], WD_CH_KEY); n++)
            ;
        if (wd_span_eq(wd_span(rest.ptr, n), wd_span_str(rule->id)) ||
            wd_span_eq(wd_span(rest.ptr, n), wd_span_str(wd_category_name((enum wd_category)rule->category))))
            return true;
        rest = wd_span(rest.ptr + n, rest.len - n);
    } while (rest.len > 0 && rest.ptr[0] == ',');
    return false;
}

bool
scan_allow_is(struct wd_span text, size_t start, size_t len, const struct wd_rule *rule)
{
    size_t from = start > SCAN_ALLOW_LOOK ? start - SCAN_ALLOW_LOOK : 0, end = start + len, to;
    const char *newline = memrchr(text.ptr + from, '\n', start - from), *at;

    from = newline != NULL ? (size_t)(newline + 1 - text.ptr) : from;
    to = text.len - end > SCAN_ALLOW_LOOK ? end + SCAN_ALLOW_LOOK : text.len;
    newline = memchr(text.ptr + end, '\n', to - end);
    to = newline != NULL ? (size_t)(newline - text.ptr) : to;
    while ((at = memmem(text.ptr + from, to - from, scan_allow_word.ptr, scan_allow_word.len)) != NULL) {
        from = (size_t)(at - text.ptr) + scan_allow_word.len;
        if (scan_allow_names(wd_span(text.ptr + from, to - from), rule))
            return true;
    }
    return false;
}
