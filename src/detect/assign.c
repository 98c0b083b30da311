#include "assign.h"

#include "chars.h"

enum { ASSIGN_GLUE_MAX = 16, ASSIGN_QUOTED_MAX = 256 };

static bool
assign_before(struct wd_assign *a, uint8_t c, uint32_t raw_len)
{
    if (++a->glue > ASSIGN_GLUE_MAX)
        return false;
    if (wd_char_is_quote(c)) {
        a->member = a->member || (c == WD_CH_STRING_QUOTE && !a->sign);
        if (a->sign) {
            a->state = WD_ASSIGN_QUOTED;
            a->quote = c;
            a->quote_len = raw_len;
        }
        return true;
    }
    if (c == ':' || c == '=') {
        a->sign = true;
        a->joined = c == '=';
        return true;
    }
    if (c == ' ' || c == '\t' || c == '*' || c == '\\' || (c == '>' && a->sign)) {
        a->joined = false;
        return true;
    }
    if (!a->sign || wd_char_is(c, WD_CH_SPACE))
        return false;
    a->state = WD_ASSIGN_BARE;
    return true;
}

static bool
assign_bare(const struct wd_assign *a, uint8_t c)
{
    if (a->member && (c == ',' || c == ']' || c == '}'))
        return false;
    return !wd_char_is(c, WD_CH_SPACE) && !wd_char_is_quote(c);
}

static bool
assign_quoted(struct wd_assign *a, uint8_t c, uint32_t raw_len)
{
    if (c == '\n' || c == WD_CH_STRING_QUOTE || (c == a->quote && raw_len <= a->quote_len))
        return false;
    a->spaced = a->spaced || wd_char_is(c, WD_CH_SPACE);
    if (++a->len > ASSIGN_QUOTED_MAX) {
        if (a->spaced)
            return false;
        /* One long word: it ends where a bare one would. */
        a->state = WD_ASSIGN_BARE;
        return assign_bare(a, c);
    }
    return true;
}

bool
wd_assign_step(struct wd_assign *a, uint8_t c, uint32_t raw_len)
{
    switch ((enum wd_assign_state)a->state) {
    case WD_ASSIGN_BEFORE:
        return assign_before(a, c, raw_len);
    case WD_ASSIGN_QUOTED:
        return assign_quoted(a, c, raw_len);
    case WD_ASSIGN_BARE:
        break;
    }
    return assign_bare(a, c);
}
