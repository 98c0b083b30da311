/* Does a text need readings at all? One pass, for nearly every text needs none. */
#include "../base/utf8.h"
#include "canon.h"
#include "canon_words.h"
#include "decode.h"
#include "fold.h"

enum { LOOK_LETTER = 1, LOOK_DIGIT = 2, LOOK_JOIN = 4, LOOK_ESCAPE = 8, LOOK_TOKEN = LOOK_LETTER | LOOK_DIGIT | LOOK_JOIN };
enum { LOOK_EVIDENCE = 2, LOOK_SINGLES = 4, LOOK_PAIRS = 8, LOOK_BITS = 8 };

/* clang-format off */
static const uint8_t look_classes[256] = {
    ['A'] = 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    ['a'] = 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    ['0'] = 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
    ['+'] = 4, ['-'] = 4, ['/'] = 4, ['_'] = 4,
    ['&'] = 8, ['%'] = 8, ['\\'] = 8,
};
/* clang-format on */

struct look {
    struct wd_span text;
    struct wd_canon_words words;
    uint32_t leet, singles, pairs;
};

/* An escape at i? */
static bool
look_escape(struct wd_span t, size_t i)
{
    struct wd_span rest = wd_span(t.ptr + i + 1, t.len - i - 1);
    size_t n = 0;

    switch (t.ptr[i]) {
    case '&':
        while (n < rest.len && n < 16 && (look_classes[(uint8_t)rest.ptr[n]] & (LOOK_LETTER | LOOK_DIGIT)) != 0)
            n++;
        return rest.len > 1 && (rest.ptr[0] == '#' || (n > 1 && n < rest.len && rest.ptr[n] == ';'));
    case '%':
        return rest.len >= 2 && wd_decode_hex_pair(rest.ptr) >= 0;
    default:
        return rest.len > 0 && memchr("xuUnrt\"'/\\", rest.ptr[0], 10) != NULL;
    }
}

/* The token [i, end), whose characters are of these classes. */
static bool
look_token(struct look *l, size_t i, size_t end, unsigned classes)
{
    struct wd_span t = l->text;
    struct wd_canon_words is;
    size_t len = end - i, k;

    if (classes == LOOK_LETTER && len > 2) {
        is = wd_canon_word(t.ptr + i, len, t.len - i);
        l->words.turned += is.turned;
        l->words.backward += is.backward;
    } else if ((classes & LOOK_DIGIT) != 0 && len > 2) {
        for (k = i; k + 1 < end; k++)
            if ((look_classes[(uint8_t)t.ptr[k]] & LOOK_DIGIT) != 0 && (look_classes[(uint8_t)t.ptr[k + 1]] & LOOK_LETTER) != 0)
                break;
        l->leet += k + 1 < end;
    }
    l->singles = len == 1 ? l->singles + 1 : 0;
    l->pairs = (len == 2 || len == 4 || len == LOOK_BITS) && wd_decode_hex_pair(t.ptr + end - 2) >= 0 ? l->pairs + 1 : 0;
    /* I-g-n-o-r-e is one token. */
    if ((classes & LOOK_JOIN) != 0 && len >= 2 * LOOK_SINGLES - 1)
        for (k = i + 1; k < end && (look_classes[(uint8_t)t.ptr[k]] & LOOK_JOIN) != 0; k += 2)
            if (k - i + 2 >= 2 * LOOK_SINGLES - 1)
                return true;
    if (l->singles >= LOOK_SINGLES || l->pairs >= LOOK_PAIRS || l->leet >= LOOK_EVIDENCE)
        return true;
    return len >= WD_DECODE_MIN && wd_decode_likely(wd_span(t.ptr + i, len), WD_DECODE_TOKENS);
}

static bool
look_ascii(struct look *l)
{
    struct wd_span t = l->text;
    size_t i = 0, start;
    unsigned c, classes;

    while (i < t.len) {
        c = look_classes[(uint8_t)t.ptr[i]];
        if ((c & LOOK_TOKEN) == 0) {
            if (c == LOOK_ESCAPE && look_escape(t, i))
                return true;
            if (t.ptr[i] == '@' || t.ptr[i] == '$' || t.ptr[i] == '!')
                l->leet += i > 0 && i + 1 < t.len && (look_classes[(uint8_t)t.ptr[i + 1]] & LOOK_LETTER) != 0 &&
                           (t.ptr[i - 1] == ' ' || (look_classes[(uint8_t)t.ptr[i - 1]] & LOOK_LETTER) != 0);
            i++;
            continue;
        }
        for (start = i, classes = 0; i < t.len && (c = look_classes[(uint8_t)t.ptr[i]] & LOOK_TOKEN) != 0; i++)
            classes |= c;
        if (look_token(l, start, i, classes))
            return true;
    }
    return l->words.turned >= LOOK_EVIDENCE || l->words.backward >= LOOK_EVIDENCE;
}

/* A character above ASCII that folding changes. */
static bool
look_unicode(struct wd_span t)
{
    bool foreign = false;
    uint32_t cp;
    size_t i, n;

    for (i = wd_fold_ascii(t); i < t.len; i += n) {
        n = wd_fold_ascii(wd_span(t.ptr + i, t.len - i));
        foreign = foreign && n == 0;
        i += n;
        if (i == t.len)
            break;
        n = wd_utf8_decode(wd_span(t.ptr + i, t.len - i), &cp);
        if (n == 0) {
            n = 1;
            continue;
        }
        switch (wd_fold_kind(cp)) {
        case WD_FOLD_SELF:
        case WD_FOLD_LETTER:
            foreign = true;
            break;
        case WD_FOLD_JOIN:
        case WD_FOLD_SELECTOR:
            if (foreign)
                break;
            return true;
        default:
            return true;
        }
    }
    return false;
}

bool
wd_canon_needed(struct wd_span text)
{
    struct look l = { .text = text };

    return look_unicode(text) || look_ascii(&l);
}
