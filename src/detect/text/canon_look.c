/* Does a text need readings at all? One pass, for nearly every text needs none. */
#include "../../base/utf8.h"
#include "canon_mask.h"
#include "canon_parts.h"
#include "canon_words.h"
#include "decode.h"
#include "fold.h"

enum {
    LOOK_LETTER = 1,
    LOOK_DIGIT = 2,
    LOOK_JOIN = 4,
    LOOK_ESCAPE = 8,
    LOOK_SIGN = 16,
    LOOK_TOKEN = LOOK_LETTER | LOOK_DIGIT | LOOK_JOIN
};
enum { LOOK_EVIDENCE = 2, LOOK_SINGLES = 4, LOOK_PAIRS = 8, LOOK_BITS = 8, LOOK_CHANCE = 20, LOOK_BLOCK = 64, LOOK_WORTH = 16 };

/* clang-format off */
static const uint8_t look_classes[256] = {
    ['A'] = 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    ['a'] = 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    ['0'] = 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
    ['+'] = 4, ['-'] = 4, ['/'] = 4, ['_'] = 4,
    ['&'] = 8, ['%'] = 8, ['\\'] = 8,
    ['@'] = 16, ['$'] = 16, ['!'] = 16, ['|'] = 16,
};
/* clang-format on */

struct look {
    struct wd_span text;
    struct wd_canon_words words;
    uint32_t leet, singles, pairs;
    unsigned signs; /* WD_CANON_SIGN_* */
    bool any;       /* one of them is enough */
    size_t slow;    /* up to here byte by byte */
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

/* A digit that a letter follows. */
static bool
look_leet(const struct look *l, size_t i, size_t end)
{
    const uint8_t *p = (const uint8_t *)l->text.ptr;

    for (; i + 1 < end; i++)
        if ((look_classes[p[i]] & LOOK_DIGIT) != 0 && (look_classes[p[i + 1]] & LOOK_LETTER) != 0)
            return true;
    return false;
}

/* I-g-n-o-r-e is one token. */
static bool
look_joined(const struct look *l, size_t i, size_t end)
{
    size_t k;

    for (k = i + 1; k < end && (look_classes[(uint8_t)l->text.ptr[k]] & LOOK_JOIN) != 0; k += 2)
        if (k - i + 2 >= 2 * LOOK_SINGLES - 1)
            return true;
    return false;
}

/* The token [i, end), whose characters are of these classes. */
static void
look_token(struct look *l, size_t i, size_t end, unsigned classes)
{
    struct wd_span t = l->text;
    struct wd_canon_words is;
    size_t len = end - i;

    if (classes == LOOK_LETTER && len > 2) {
        is = wd_canon_word(t.ptr + i, len, t.len - i, true);
        l->words.turned += is.turned;
        l->words.backward += is.backward;
        l->words.all += is.all;
    } else if ((classes & LOOK_DIGIT) != 0 && len > 2) {
        l->leet += look_leet(l, i, end);
    }
    l->singles = len == 1 ? l->singles + 1 : 0;
    l->pairs = (len == 2 || len == 4 || len == LOOK_BITS) && wd_decode_hex_pair(t.ptr + end - 2) >= 0 ? l->pairs + 1 : 0;
    if (l->singles >= LOOK_SINGLES || ((classes & LOOK_JOIN) != 0 && len >= 2 * LOOK_SINGLES - 1 && look_joined(l, i, end)))
        l->signs |= WD_CANON_SIGN_SPACED;
    if (l->leet >= LOOK_EVIDENCE)
        l->signs |= WD_CANON_SIGN_LEET;
    if (l->pairs >= LOOK_PAIRS || (len >= WD_DECODE_MIN && wd_decode_likely(wd_span(t.ptr + i, len), WD_DECODE_TOKENS)))
        l->signs |= WD_CANON_SIGN_ENCODED;
}

/* A sign for a letter before one. */
static bool
look_sign(struct wd_span t, size_t i)
{
    unsigned before = i > 0 ? look_classes[(uint8_t)t.ptr[i - 1]] : 0;

    return look_classes[(uint8_t)t.ptr[i]] == LOOK_SIGN && i + 1 < t.len &&
           (look_classes[(uint8_t)t.ptr[i + 1]] & LOOK_LETTER) != 0 && (i == 0 || before == LOOK_LETTER || t.ptr[i - 1] == ' ');
}

/* Of 64 bytes: letters, what else belongs to tokens, and escapes and signs. */
struct look_masks {
    uint64_t letters, others, signs;
};

static inline struct look_masks
look_masks(const char *p)
{
    struct look_masks m = { 0 };
    wd_canon_mask_vector v, lower;
    uint32_t k;

    for (k = 0; k < LOOK_BLOCK; k += sizeof(v)) {
        v = wd_canon_mask_load((const uint8_t *)p + k);
        m.letters |= wd_canon_mask_bits(wd_canon_mask_letters(v)) << k;
        lower = wd_canon_mask_digits(v);
        lower |= (wd_canon_mask_vector)(v == '+') | (wd_canon_mask_vector)(v == '-') | (wd_canon_mask_vector)(v == '/') |
                 (wd_canon_mask_vector)(v == '_');
        m.others |= wd_canon_mask_bits(lower) << k;
        /* ! is 0x21, $ to & stand in a row */
        lower = (wd_canon_mask_vector)(v - '$' <= '&' - '$') | (wd_canon_mask_vector)(v == '!') |
                (wd_canon_mask_vector)(v == '@') | (wd_canon_mask_vector)(v == '|') | (wd_canon_mask_vector)(v == '\\');
        m.signs |= wd_canon_mask_bits(lower) << k;
    }
    return m;
}

/* How many of the bytes are words and punctuation, and nothing else that is of interest, up to the end of a token. */
static inline unsigned
look_plain(struct look_masks m)
{
    uint64_t below, gaps;
    unsigned at;

    if ((m.others | m.signs) == 0)
        return LOOK_BLOCK;
    at = (unsigned)__builtin_ctzll(m.others | m.signs);
    if ((m.signs >> at & 1) != 0)
        return at;
    below = ((uint64_t)1 << at) - 1;
    gaps = ~m.letters & below;
    return gaps != 0 ? 64 - (unsigned)__builtin_clzll(gaps) : 0;
}

/*
 * The part of 64 bytes that look_plain() says, unless it is too short to be worth it or looks spaced out. Returns how many
 * bytes are dealt with; 0 when they are to be looked at one by one.
 */
static size_t
look_block(struct look *l, size_t i)
{
    const char *p = l->text.ptr + i;
    struct look_masks m = look_masks(p);
    unsigned plain = look_plain(m), done;
    uint64_t letters = m.letters, run, lone;

    if (plain < LOOK_WORTH)
        return 0;
    if (plain < LOOK_BLOCK)
        letters &= ((uint64_t)1 << plain) - 1;
    /* Letters that stand apart, or sixteen in a row. */
    lone = letters & ~(letters << 1) & ~(letters >> 1);
    if ((lone & lone >> 2) != 0)
        return 0;
    run = letters & letters >> 1;
    run &= run >> 2;
    run &= run >> 4;
    if ((run & run >> 8) != 0)
        return 0;
    l->singles = l->pairs = 0;
    done = wd_canon_block_words(p, letters, &l->words);
    /* The token behind is looked at by itself, unless it is a word that the block cuts. */
    l->slow = plain < LOOK_BLOCK ? i + plain + 1 : i;
    return done < plain ? done : plain;
}

static void
look_ascii(struct look *l)
{
    struct wd_span t = l->text;
    size_t i = 0, start;
    unsigned c, classes;

    while (i < t.len && !(l->any && l->signs != 0)) {
        c = look_classes[(uint8_t)t.ptr[i]];
        /* Words begin here, not in the middle of one. */
        if (i >= l->slow && t.len - i >= LOOK_BLOCK + 8) {
            l->slow = i + LOOK_BLOCK;
            i += look_block(l, i);
            continue;
        }
        if ((c & LOOK_TOKEN) == 0) {
            if (c == LOOK_ESCAPE && look_escape(t, i))
                l->signs |= WD_CANON_SIGN_ESCAPED;
            else if (c == LOOK_SIGN)
                l->leet += look_sign(t, i);
            i++;
            continue;
        }
        for (start = i, classes = 0; i < t.len && (c = look_classes[(uint8_t)t.ptr[i]] & LOOK_TOKEN) != 0; i++)
            classes |= c;
        look_token(l, start, i, classes);
    }
    if (l->words.turned >= LOOK_EVIDENCE)
        l->signs |= WD_CANON_SIGN_TURNED;
    /* In a long text a word may be one backwards by chance. */
    if (l->words.backward >= LOOK_EVIDENCE && l->words.backward * LOOK_CHANCE > l->words.all)
        l->signs |= WD_CANON_SIGN_BACKWARD;
    if (l->leet >= LOOK_EVIDENCE)
        l->signs |= WD_CANON_SIGN_LEET;
}

unsigned
wd_canon_signs(struct wd_span text)
{
    struct look l = { .text = text };

    look_ascii(&l);
    return l.signs;
}

/* A character above ASCII that folding changes. */
static bool
look_unicode(struct wd_span t, bool plain)
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
        case WD_FOLD_PLAIN:
            if (plain)
                return true;
            break;
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

static bool
look_needed(struct wd_span text, bool plain)
{
    struct look l = { .text = text, .any = true };

    if (look_unicode(text, plain))
        return true;
    look_ascii(&l);
    return l.signs != 0;
}

bool
wd_canon_needed(struct wd_span text)
{
    return look_needed(text, true);
}

bool
wd_canon_alters(struct wd_span text)
{
    return look_needed(text, false);
}
