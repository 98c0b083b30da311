#include "hold.h"

#include "text/chars.h"
#include "rules.h"

enum {
    HOLD_TOKEN = 1,
    HOLD_OWN = 2,
    HOLD_DIGITS = 4,
    HOLD_ASSIGN = 8,
    HOLD_ASSIGN_INNER = 16,
    HOLD_LINK = 32,
    HOLD_PEM = 64,
    HOLD_TAG = 128,
    HOLD_MARK = 256,
    HOLD_HIDDEN = 512,
    HOLD_BOND = 1024,
    HOLD_PII = 2048,
};

enum { HOLD_BLANKS = 4, HOLD_GROUPS = 5, HOLD_DIGITS_MAX = 19, HOLD_NAME_MAX = 32, HOLD_BOND_MAX = 256, HOLD_QUICK_MAX = 1024 };

static bool
hold_is_blank(uint8_t c)
{
    return wd_char_is(c, WD_CH_SPACE);
}

/* The end of the token that ends before the next character, with at most max characters. */
static struct wd_span
hold_word(const struct wd_hold *h, const struct wd_view *v, uint32_t max)
{
    uint32_t len = v->count - h->token;

    len = len < max ? len : max;
    return wd_span((const char *)v->chars + v->count - len, len);
}

static bool
hold_word_ends(struct wd_span word, const char *with)
{
    size_t i, len = strlen(with);

    if (word.len < len)
        return false;
    for (i = 0; i < len; i++)
        if (wd_char_lower((uint8_t)word.ptr[word.len - len + i]) != (uint8_t)with[i])
            return false;
    return true;
}

/*
 * A token is over: what may follow it belongs to it when it is a name, a scheme or the start of a PEM block. stay: the
 * machines that go on.
 */
static uint16_t
hold_after_token(struct wd_hold *h, const struct wd_view *v, uint8_t c, uint32_t raw_len, uint16_t stay)
{
    struct wd_span word = hold_word(h, v, HOLD_NAME_MAX);
    struct wd_assign *assign;
    uint16_t live = 0;

    if (wd_rule_name_ends(word) || wd_rule_handler_ends(word)) {
        assign = &h->assign[(stay & HOLD_ASSIGN) != 0];
        /* The escape that a token may begin with is no part of a name. */
        while (word.len > 0 && hold_is_blank((uint8_t)word.ptr[0]))
            word = wd_span(word.ptr + 1, word.len - 1);
        *assign = wd_assign_begin(word);
        if (wd_assign_step(assign, c, raw_len))
            live |= (stay & HOLD_ASSIGN) != 0 ? HOLD_ASSIGN_INNER : HOLD_ASSIGN;
    }
    if (c == '(' && hold_word_ends(word, "url"))
        live |= HOLD_LINK;
    if (c == ':' && (hold_word_ends(word, "javascript") || hold_word_ends(word, "vbscript") ||
                     hold_word_ends(word, "-moz-binding") || hold_word_ends(word, "data")))
        live |= HOLD_LINK;
    /* One that has shown no key yet was only mentioned. */
    if (c == ' ' && ((stay & HOLD_PEM) == 0 || h->pem.state != WD_PEM_BODY) && hold_word_ends(word, "-----begin")) {
        h->pem = (struct wd_pem){ 0 };
        if (wd_pem_step(&h->pem, c))
            live |= HOLD_PEM;
    }
    return live;
}

/* Could the group of digits at i be the first of a card that is written in groups? */
static bool
hold_is_first_group(const struct wd_view *v, uint32_t i)
{
    uint32_t len = 0;

    if (v->chars[i] < '2' || v->chars[i] > '6')
        return false;
    while (i + len < v->count && wd_char_is(v->chars[i + len], WD_CH_DIGIT))
        len++;
    return len == 4;
}

/* Groups of digits that may be a card, with one separator between two. */
static bool
hold_digits(struct wd_hold *h, const struct wd_view *v, uint8_t c)
{
    bool first = h->groups == 1;

    if (wd_char_is(c, WD_CH_DIGIT)) {
        if (!wd_char_is(h->before, WD_CH_DIGIT)) {
            h->groups++;
            h->group = 0;
        }
        return ++h->group <= HOLD_DIGITS_MAX;
    }
    if (!wd_char_is(h->before, WD_CH_DIGIT) || (c != ' ' && c != '-' && c != '.'))
        return false;
    return first ? hold_is_first_group(v, h->digits) : h->group >= 4 && h->group <= 6;
}

/* A role marker: [ blanks name blanks ] */
static bool
hold_mark(struct wd_hold *h, uint8_t c)
{
    static const char *const names[] = { "system", "assistant", "human" };
    uint8_t i, left = 0;

    if (hold_is_blank(c))
        return ++h->mark_blanks <= 2 * HOLD_BLANKS;
    if (c == ']') {
        h->last |= HOLD_MARK;
        return h->mark > 0;
    }
    for (i = 0; i < 3; i++)
        if ((h->marks & 1 << i) != 0 && h->mark < strlen(names[i]) && wd_char_lower(c) == (uint8_t)names[i][h->mark])
            left |= (uint8_t)(1 << i);
    h->mark++;
    h->marks = left;
    return left != 0;
}

/* javascript: and the character behind it, data: and the token behind it */
static bool
hold_link(const struct wd_hold *h, uint8_t c)
{
    return wd_char_is_token(c);
}

/* Words with = or : between, as key=value, 12345:key and base64==; and what is before the host of scheme://name:password@host */
static bool
hold_bond(struct wd_hold *h, uint8_t c)
{
    enum { WORD, COLON, SLASH, USER };

    if (h->bond == USER) {
        if (c == '/')
            h->bond = WORD;
        return !hold_is_blank(c) && !wd_char_is_quote(c) && c != '<' && c != '>' && ++h->bond_len < HOLD_BOND_MAX;
    }
    if (c == '/' && h->bond != WORD) {
        h->bond = h->bond == COLON ? SLASH : USER;
        h->bond_len = 0;
        return true;
    }
    h->bond = c == ':' ? COLON : WORD;
    return wd_char_is_token(c) || c == '=' || c == ':';
}

static bool
hold_is_extra(const struct wd_hold *h, uint8_t c)
{
    return h->extra != NULL && (h->extra[c / 32] >> (c % 32) & 1) != 0;
}

/* The text as the machines for personal data see it. token: whether the character before is part of a word. */
static struct wd_hold_text
hold_text(const struct wd_hold *h, const struct wd_view *v, bool token)
{
    return (struct wd_hold_text){
        .view = v,
        .past = h->past,
        .past_len = h->past_len != NULL ? *h->past_len : 0,
        .token = token ? (int64_t)h->token : -1,
        .before = h->before,
    };
}

/* Which machines that hold go on with c. */
static uint16_t
hold_stay(struct wd_hold *h, const struct wd_view *v, uint8_t c, uint32_t raw_len)
{
    uint16_t was = h->live & (uint16_t)~h->last, stay = 0;
    bool token = wd_char_is_token(c);
    struct wd_hold_text text = hold_text(h, v, (was & HOLD_TOKEN) != 0);

    if (wd_hold_pii_stay(&h->pii, &text, c))
        stay |= HOLD_PII;
    if ((was & HOLD_OWN) != 0 && (token || hold_is_extra(h, c)))
        stay |= HOLD_OWN;
    if ((was & HOLD_DIGITS) != 0 && hold_digits(h, v, c))
        stay |= HOLD_DIGITS;
    if ((was & HOLD_ASSIGN) != 0 && wd_assign_step(&h->assign[0], c, raw_len))
        stay |= HOLD_ASSIGN;
    if ((was & HOLD_ASSIGN_INNER) != 0 && wd_assign_step(&h->assign[1], c, raw_len))
        stay |= HOLD_ASSIGN_INNER;
    if ((was & HOLD_LINK) != 0 && hold_link(h, c))
        stay |= HOLD_LINK;
    if ((was & HOLD_PEM) != 0 && wd_pem_step(&h->pem, c))
        stay |= HOLD_PEM;
    if ((was & HOLD_TAG) != 0 && wd_tag_step(&h->tag, c))
        stay |= HOLD_TAG;
    if ((was & HOLD_MARK) != 0 && hold_mark(h, c))
        stay |= HOLD_MARK;
    if ((was & HOLD_HIDDEN) != 0 && c == WD_CH_HIDDEN)
        stay |= HOLD_HIDDEN;
    if ((was & HOLD_BOND) == 0 && (was & HOLD_TOKEN) != 0 && (c == '=' || c == ':')) {
        h->bond = 0;
        was |= HOLD_BOND;
    }
    if ((was & HOLD_BOND) != 0 && hold_bond(h, c))
        stay |= HOLD_BOND;
    if ((was & HOLD_TOKEN) != 0)
        stay |= token ? HOLD_TOKEN : hold_after_token(h, v, c, raw_len, stay);
    return stay;
}

/* Which machines start with c. */
static uint16_t
hold_start(struct wd_hold *h, const struct wd_view *v, uint8_t c, uint32_t raw_len)
{
    uint16_t live = 0;
    bool token = wd_char_is_token(c), escape = raw_len > 1 && wd_char_is(c, WD_CH_SPACE);
    struct wd_hold_text text = hold_text(h, v, false);

    if (wd_hold_pii_start(&h->pii, &text, c))
        live |= HOLD_PII;
    /* An escape may be no escape but a backslash and the first letter of a token: \rk_live_... */
    if ((token || escape) && (h->live & HOLD_TOKEN) == 0) {
        h->token = v->count;
        live |= HOLD_TOKEN;
    }
    if (h->extra != NULL && (token || hold_is_extra(h, c)))
        live |= HOLD_OWN;
    if ((h->live & HOLD_DIGITS) == 0 && wd_char_is(c, WD_CH_DIGIT) && !wd_char_is(h->before, WD_CH_ALNUM)) {
        h->digits = v->count;
        h->groups = h->group = 1;
        live |= HOLD_DIGITS;
    }
    if (c == WD_CH_HIDDEN)
        live |= HOLD_HIDDEN;
    if ((h->live & HOLD_TAG) == 0 && wd_tag_start(&h->tag, c))
        live |= HOLD_TAG;
    if (c == '[' && (h->live & HOLD_MARK) == 0) {
        h->mark = h->mark_blanks = 0;
        h->marks = 7;
        live |= HOLD_MARK;
    }
    return live;
}

bool
wd_hold_step(struct wd_hold *h, const struct wd_view *v, uint8_t c, uint32_t raw_len)
{
    bool together;

    h->live = hold_stay(h, v, c, raw_len);
    h->last &= h->live;
    together = h->live != 0;
    h->live |= hold_start(h, v, c, raw_len);
    h->before = c;
    return together;
}

/* Neither part of a word nor a start of anything, and ASCII. */
static bool
hold_is_gap(uint8_t c)
{
    return c < 0x80 && c != WD_CH_HIDDEN && !wd_char_is_token(c) && c != '<' && c != '&' && c != '[' && c != '(' && c != ':' &&
           c != '\\' && c != '"' && c != WD_CH_STRING_QUOTE;
}

/* Nothing starts with it but a word, or it is within one. */
static bool
hold_is_quick(uint8_t c, uint8_t before)
{
    return wd_char_is_token(c) && ((!wd_char_is(c, WD_CH_DIGIT) && c != '+') || wd_char_is(before, WD_CH_ALNUM));
}

/* The end of the word that starts at `from`, which is behind its first character. *plain: it is made of letters alone. */
static size_t
hold_word_end(struct wd_span bytes, size_t from, uint8_t before, bool *plain)
{
    size_t i = from;

    for (; i < bytes.len && wd_char_is((uint8_t)bytes.ptr[i], WD_CH_ALPHA); i++)
        before = (uint8_t)bytes.ptr[i];
    if (i == bytes.len || !wd_char_is_token((uint8_t)bytes.ptr[i]))
        return i;
    *plain = false;
    for (; i < bytes.len && hold_is_quick((uint8_t)bytes.ptr[i], before); i++)
        before = (uint8_t)bytes.ptr[i];
    return i;
}

/* Nothing follows the word that ends before c. Of a name or a handler the end tells, see hold_after_token(). */
static bool
hold_is_over(struct wd_span word, bool plain, uint8_t c)
{
    struct wd_span end = word;

    if (end.len > HOLD_NAME_MAX)
        end = wd_span(word.ptr + word.len - HOLD_NAME_MAX, HOLD_NAME_MAX);
    if (!hold_is_gap(c) || c == '=' || wd_rule_name_ends(end))
        return false;
    if ((!plain || word.len > HOLD_NAME_MAX || (word.ptr[0] | 0x20) == 'o') && wd_rule_handler_ends(end))
        return false;
    if (c == ' ' && !plain && hold_word_ends(end, "-----begin"))
        return false;
    return !wd_hold_pii_follows((const uint8_t *)word.ptr, (uint32_t)word.len, c);
}

size_t
wd_hold_quick(struct wd_hold *h, const struct wd_view *v, struct wd_span bytes, uint32_t most, struct wd_hold_pieces *pieces,
              uint32_t *open)
{
    struct wd_span word = wd_span(bytes.ptr, 0);
    uint8_t before = h->before;
    size_t i = 0, from = 0;
    bool plain = false;

    if (h->extra != NULL || (h->live & (uint16_t)~HOLD_TOKEN) != 0)
        return 0;
    for (;;) {
        if (h->live == 0) {
            while (i < bytes.len && hold_is_gap((uint8_t)bytes.ptr[i]))
                i++;
            before = i > 0 ? (uint8_t)bytes.ptr[i - 1] : before;
            *open = v->count + (uint32_t)i;
            if (i == bytes.len || pieces->count + 1 >= WD_HOLD_PIECES || !hold_is_quick((uint8_t)bytes.ptr[i], before))
                break;
            h->live = HOLD_TOKEN;
            h->token = *open;
            most = HOLD_QUICK_MAX;
            from = i++;
            plain = wd_char_is((uint8_t)bytes.ptr[from], WD_CH_ALPHA);
            before = (uint8_t)bytes.ptr[from];
        }
        i = hold_word_end(wd_span(bytes.ptr, bytes.len - from > most ? from + most : bytes.len), i, before, &plain);
        before = i > 0 ? (uint8_t)bytes.ptr[i - 1] : before;
        if (i == bytes.len || pieces->count + 1 >= WD_HOLD_PIECES)
            break;
        word = wd_span(bytes.ptr + from, i - from);
        if (h->token < v->count) {
            memcpy(v->chars + v->count, bytes.ptr, i);
            word = wd_span((const char *)v->chars + h->token, v->count + i - h->token);
        }
        if (word.len == 0 || !hold_is_over(word, plain, (uint8_t)bytes.ptr[i]))
            break;
        if (!plain || word.len >= pieces->least)
            wd_hold_pieces_add(pieces, *open, v->count + (uint32_t)i);
        h->live = 0;
    }
    if (i > 0) {
        h->pii.behind = bytes.ptr[i - 1] == ' ' && wd_char_is(i > 1 ? (uint8_t)bytes.ptr[i - 2] : h->before, WD_CH_DIGIT);
        h->before = before;
    }
    return i;
}

/* Moves the start of the digits to the next group from `from` on that may be the first of a card, and counts anew. */
static void
hold_recount(struct wd_hold *h, const struct wd_view *v, uint32_t from)
{
    uint32_t i;

    h->digits = v->count;
    h->groups = h->group = 0;
    for (i = from; i < v->count; i++) {
        if (!wd_char_is(v->chars[i], WD_CH_DIGIT))
            continue;
        if (i == from || !wd_char_is(v->chars[i - 1], WD_CH_DIGIT)) {
            if (h->groups == 0 && !hold_is_first_group(v, i)) {
                while (i + 1 < v->count && wd_char_is(v->chars[i + 1], WD_CH_DIGIT))
                    i++;
                continue;
            }
            h->digits = h->groups == 0 ? i : h->digits;
            h->groups++;
            h->group = 0;
        }
        h->group++;
    }
}

void
wd_hold_drop(struct wd_hold *h, const struct wd_view *v, uint32_t n)
{
    h->token -= h->token < n ? h->token : n;
    wd_hold_pii_drop(&h->pii, n);
    if (h->digits >= n)
        h->digits -= n;
    else if ((h->live & HOLD_DIGITS) != 0)
        hold_recount(h, v, 0);
}

uint32_t
wd_hold_slide(struct wd_hold *h, const struct wd_view *v)
{
    uint32_t i = h->digits;

    if (h->live != HOLD_DIGITS || h->groups < HOLD_GROUPS)
        return 0;
    while (wd_char_is(v->chars[i], WD_CH_DIGIT))
        i++;
    hold_recount(h, v, i);
    return h->digits;
}
