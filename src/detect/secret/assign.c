#include "assign.h"

#include "../text/chars.h"

enum { ASSIGN_GLUE_MAX = 24, ASSIGN_QUOTED_MAX = 256 };

enum { ASSIGN_IS, ASSIGN_WAS, ASSIGN_VALUE, ASSIGN_WORDS };

static const char *const assign_words[ASSIGN_WORDS] = { "is", "was", "value" };

struct wd_assign
wd_assign_begin(struct wd_span name)
{
    static const char *const names[] = { "bearer", "basic" };
    struct wd_assign a = { .option = name.len > 0 && name.ptr[0] == '-' };
    size_t i, k;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        for (k = 0; k < name.len && wd_char_lower((uint8_t)name.ptr[k]) == (uint8_t)names[i][k]; k++)
            continue;
        a.option = a.option || (k == name.len && names[i][k] == '\0');
    }
    return a;
}

/* A letter of a word between name and value. */
static bool
assign_letter(struct wd_assign *a, uint8_t c)
{
    uint8_t i, left = 0;

    a->words = a->word == 0 ? (1 << ASSIGN_WORDS) - 1 : a->words;
    for (i = 0; i < ASSIGN_WORDS; i++)
        if ((a->words >> i & 1) != 0 && a->word < strlen(assign_words[i]) &&
            wd_char_lower(c) == (uint8_t)assign_words[i][a->word])
            left |= (uint8_t)(1 << i);
    a->words = left;
    a->word++;
    return left != 0;
}

/* The word is over: which one it was, or ASSIGN_WORDS. */
static unsigned
assign_word(const struct wd_assign *a)
{
    unsigned i;

    for (i = 0; i < ASSIGN_WORDS; i++)
        if ((a->words >> i & 1) != 0 && strlen(assign_words[i]) == a->word)
            return i;
    return ASSIGN_WORDS;
}

/* What is no sign yet and may lead to one. */
static bool
assign_unsigned(struct wd_assign *a, uint8_t c)
{
    unsigned word = ASSIGN_VALUE;

    if (wd_char_is(c, WD_CH_LOWER))
        return (a->word > 0 || a->blank) && assign_letter(a, c);
    if (a->word > 0) {
        word = assign_word(a);
        if (word == ASSIGN_WORDS || (word == ASSIGN_VALUE && c != '=' && c != ' ') ||
            (word != ASSIGN_VALUE && c != ' ' && c != ':'))
            return false;
        a->word = 0;
        a->said = a->sign = word != ASSIGN_VALUE;
    }
    if (c == '>' && a->glue == 1)
        a->sign = a->tag = true;
    else if (c == ',' && a->named)
        a->sign = a->list = a->said = true;
    else if (c == ':' || c == '=')
        a->sign = true;
    a->sign = a->sign || (a->option && a->glue == 1 && (c == ' ' || c == '\t'));
    a->joined = c == '=';
    /* . and + right behind a name are part of it. */
    if ((c == '.' || c == '+') && a->glue > 1)
        return true;
    a->blank = c == ' ' || c == '\t';
    return a->sign || a->blank || c == '*' || c == '\\' || c == '?' || c == '|' || c == '!';
}

static bool
assign_before(struct wd_assign *a, uint8_t c, uint32_t raw_len)
{
    if (++a->glue > ASSIGN_GLUE_MAX)
        return false;
    if (wd_char_is_quote(c) && a->word == 0) {
        a->member = a->member || (c == WD_CH_STRING_QUOTE && !a->sign);
        a->named = true;
        if (a->sign) {
            a->state = WD_ASSIGN_QUOTED;
            a->quote = c;
            a->quote_len = raw_len;
        }
        return true;
    }
    if (!a->sign)
        return assign_unsigned(a, c);
    if (c == ':' || c == '=') {
        a->joined = c == '=';
        return true;
    }
    if (c == ' ' || c == '\t' || c == '*' || c == '\\' || c == '>' || (a->tag && wd_char_is(c, WD_CH_SPACE))) {
        a->joined = false;
        return true;
    }
    if (a->list || wd_char_is(c, WD_CH_SPACE))
        return false;
    a->state = WD_ASSIGN_BARE;
    return true;
}

static bool
assign_bare(const struct wd_assign *a, uint8_t c)
{
    if ((a->member && (c == ',' || c == ']' || c == '}')) || (a->tag && c == '<'))
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
