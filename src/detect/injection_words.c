#include "injection_words.h"

#include "fold.h"

/* Kinds of bytes. A text in UTF-8: letters of two bytes belong to words, those of scripts without blanks are words each. */
enum { BYTE_SPACE, BYTE_LINE, BYTE_SIGN, BYTE_DIGIT, BYTE_LETTER, BYTE_HIGH };

enum {
    WORDS_STEM = 5,        /* bytes of a stem; twice as many in other scripts */
    WORDS_LONGEST = 40,    /* a longer run is no word of a language */
    WORDS_CLASS_REACH = 12 /* words of the lexicon so far apart still count as a pair */
};

/* Kinds of features: each hashes in its own way. */
enum { F_WORD = 1, F_STEM, F_PAIR, F_SKIP, F_TRIPLE, F_MEANS2, F_CLASS, F_CLASSES, F_CLASSES_NEAR, F_CLASS3, F_SIGN, F_MIXED };

/* clang-format off */
#define _ BYTE_SPACE
#define I BYTE_LINE
#define S BYTE_SIGN
#define D BYTE_DIGIT
#define L BYTE_LETTER
#define H BYTE_HIGH
static const uint8_t words_bytes[256] = {
    _, _, _, _, _, _, _, _, _, _, I, _, _, _, _, _,
    _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _,
    _, S, S, S, S, S, S, S, S, S, S, S, S, S, S, S,
    D, D, D, D, D, D, D, D, D, D, S, S, S, S, S, S,
    S, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L,
    L, L, L, L, L, L, L, L, L, L, L, S, S, S, S, S,
    S, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L,
    L, L, L, L, L, L, L, L, L, L, L, S, S, S, S, _,
    H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H,
    H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H,
    H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H,
    H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H,
    H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H,
    H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H,
    H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H,
    H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H,
};
#undef _
#undef I
#undef S
#undef D
#undef L
#undef H
/* clang-format on */

void
wd_injection_words_init(struct wd_injection_words *w, const struct wd_injection_lexicon *lexicon, struct wd_span text)
{
    *w = (struct wd_injection_words){ .lexicon = lexicon };
    w->begin = w->at = (const uint8_t *)text.ptr;
    w->end = w->begin + text.len;
}

/* One row of the lexicon for words of this hash, 0 for none. */
static inline uint8_t
words_class(const struct wd_injection_lexicon *lexicon, uint32_t hash)
{
    uint32_t i = wd_injection_lexicon_slot(hash);

    for (; lexicon->keys[i] != 0; i = (i + 1) & (WD_INJECTION_LEXICON_SIZE - 1))
        if (lexicon->keys[i] == hash)
            return lexicon->classes[i];
    return 0;
}

/* What a character of several bytes is. */
enum high { HIGH_LETTER, HIGH_ALONE, HIGH_SIGN, HIGH_APOSTROPHE };

static enum high
words_high(const uint8_t *p, const uint8_t *end, uint32_t *len)
{
    uint8_t c = p[0], next = end - p > 1 ? p[1] : 0;

    *len = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
    if (*len > (uint32_t)(end - p))
        *len = (uint32_t)(end - p);
    if (c < 0xc2)
        return HIGH_SIGN;
    if (c == 0xc2)
        return HIGH_SIGN;
    if (c < 0xe0)
        return HIGH_LETTER;
    if (c == 0xe0)
        return next >= 0xb8 && next <= 0xbb ? HIGH_ALONE : HIGH_LETTER; /* Thai and Lao know no blanks */
    if (c == 0xe1)
        return HIGH_LETTER;
    if (c == 0xe2)
        return next == 0x80 && *len == 3 && p[2] == 0x99 ? HIGH_APOSTROPHE : HIGH_SIGN;
    if (c == 0xe3)
        return next == 0x80 ? HIGH_SIGN : HIGH_ALONE;
    if (c < 0xea)
        return HIGH_ALONE;
    return c < 0xee ? HIGH_LETTER : HIGH_SIGN; /* Korean; then forms, and emoji */
}

/* The lower case of a letter of two bytes, where it is regular: Greek, Cyrillic. */
static inline uint32_t
words_lower2(uint8_t c, uint8_t next)
{
    if (c == 0xd0 && next >= 0x90 && next <= 0x9f)
        next += 0x20;
    else if (c == 0xd0 && next >= 0xa0 && next <= 0xaf)
        return 0xd1u << 8 | (next - 0x20u);
    else if (c == 0xce && next >= 0x91 && next <= 0x9f)
        next += 0x20;
    else if (c == 0xce && next >= 0xa0 && next <= 0xa9)
        return 0xcfu << 8 | (next - 0x20u);
    return (uint32_t)c << 8 | next;
}

/* A letter of several bytes: Latin ones as what they are without accents, as in the readings of canon.h. */
static uint32_t
words_hash_high(uint32_t h, const uint8_t *p, uint32_t len)
{
    struct wd_fold fold = { .len = 0 };
    uint32_t pair, i;

    if (len == 2 && p[0] <= 0xc9)
        fold = wd_fold_get((p[0] & 0x1fu) << 6 | (p[1] & 0x3fu));
    for (i = 0; i < fold.len; i++)
        h = wd_injection_hash(h, (uint8_t)(fold.ascii[i] | 0x20));
    if (fold.len > 0)
        return h;
    if (len == 2) {
        pair = words_lower2(p[0], p[1]);
        return wd_injection_hash(wd_injection_hash(h, (uint8_t)(pair >> 8)), (uint8_t)pair);
    }
    for (i = 0; i < len; i++)
        h = wd_injection_hash(h, p[i]);
    return h;
}

/* A run of letters and digits. */
static void
words_take_word(struct wd_injection_words *w)
{
    const uint8_t *p = w->at, *end = w->end;
    uint32_t h = WD_INJECTION_HASH_START, six = 0, twelve = 0, n = 0, stem_at = WORDS_STEM, upper = 0, digits = 0, len;
    uint8_t kind;

    w->stem = 0;
    for (; p < end; p++) {
        kind = words_bytes[*p];
        if (kind == BYTE_LETTER) {
            upper += (*p & 0x20) == 0 && n > 0;
            h = wd_injection_hash(h, *p | 0x20);
            n++;
        } else if (kind == BYTE_DIGIT) {
            h = wd_injection_hash(h, *p);
            digits++;
            n++;
        } else if (kind == BYTE_HIGH) {
            enum high high = words_high(p, end, &len);

            if (high == HIGH_APOSTROPHE && n > 0 && end - p > 3 && words_bytes[p[3]] == BYTE_LETTER) {
                p += 2;
                continue;
            }
            if (high != HIGH_LETTER)
                break;
            if (n == 0 && *p > 0xc9)
                stem_at = 2 * WORDS_STEM;
            h = words_hash_high(h, p, len);
            n += *p > 0xc9 ? len : 1;
            p += len - 1;
        } else if (*p == '\'' && n > 0 && end - p > 1 && words_bytes[p[1]] == BYTE_LETTER) {
            continue;
        } else {
            break;
        }
        if (n >= stem_at && w->stem == 0)
            w->stem = h;
        if (n == 6)
            six = h;
        else if (n == 12)
            twelve = h;
    }
    w->at = p;
    w->kind = digits == n ? WD_NUMBER : WD_WORD;
    w->mixed = upper > 0 && upper + digits + 1 < n;
    if (w->kind == WD_NUMBER || n > WORDS_LONGEST) {
        w->word = w->stem = w->kind == WD_NUMBER ? '0' : 'L';
        return;
    }
    w->word = h;
    if (w->stem == 0)
        w->stem = h;
    w->class = words_class(w->lexicon, h);
    if (w->class == 0 && six != 0)
        w->class = words_class(w->lexicon, six ^ 6u);
    if (w->class == 0 && twelve != 0)
        w->class = words_class(w->lexicon, twelve ^ 12u);
}

/* A character of a script without blanks. Two of them may make a word of the lexicon. */
static void
words_take_alone(struct wd_injection_words *w, uint32_t len)
{
    const uint8_t *p = w->at;
    uint32_t h = WD_INJECTION_HASH_START, two, i;

    for (i = 0; i < len; i++)
        h = wd_injection_hash(h, p[i]);
    two = h;
    w->at += len;
    for (i = 0; i < len && w->at + i < w->end; i++)
        two = wd_injection_hash(two, w->at[i]);
    w->kind = WD_WORD;
    w->word = w->stem = h;
    w->class = words_class(w->lexicon, two);
}

static void
words_take_sign(struct wd_injection_words *w, uint32_t len)
{
    const uint8_t *p = w->at;
    uint32_t h = WD_INJECTION_HASH_START;

    w->kind = WD_SIGN;
    w->sign = *p;
    while (len-- > 0)
        h = wd_injection_hash(h, *w->at++);
    /* A ruler of signs is one sign. */
    while (w->at < w->end && *p < 0x80 && *w->at == *p)
        w->at++;
    w->word = w->stem = h;
}

bool
wd_injection_words_next(struct wd_injection_words *w)
{
    uint32_t len;

    while (w->at < w->end && words_bytes[*w->at] == BYTE_SPACE)
        w->at++;
    if (w->at == w->end)
        return false;
    w->start = (size_t)(w->at - w->begin);
    w->number++;
    w->class = 0;
    w->mixed = false;
    w->sign = 0;
    switch (words_bytes[*w->at]) {
    case BYTE_LINE:
        while (w->at < w->end && words_bytes[*w->at] <= BYTE_LINE)
            w->at++;
        w->kind = WD_LINE;
        w->word = w->stem = '\n';
        break;
    case BYTE_SIGN:
        words_take_sign(w, 1);
        break;
    case BYTE_HIGH:
        switch (words_high(w->at, w->end, &len)) {
        case HIGH_LETTER:
            words_take_word(w);
            break;
        case HIGH_ALONE:
            words_take_alone(w, len);
            break;
        default:
            words_take_sign(w, len);
        }
        break;
    default:
        words_take_word(w);
    }
    w->after = (size_t)(w->at - w->begin);
    return true;
}

/* What stands beside a sign, roughly. */
static uint32_t
words_beside(uint8_t c)
{
    switch (words_bytes[c]) {
    case BYTE_LETTER:
        return (c & 0x20) != 0 ? 'a' : 'A';
    case BYTE_DIGIT:
        return '0';
    case BYTE_SIGN:
        return c;
    case BYTE_HIGH:
        return 'h';
    default:
        return c == '\n' ? '\n' : ' ';
    }
}

static uint32_t
words_class_features(struct wd_injection_words *w, uint32_t *ids)
{
    uint32_t n = 0, pair, i, far;

    ids[n++] = wd_injection_mix(F_CLASS, w->class);
    for (i = 0; i < WD_INJECTION_CLASSES_KEPT; i++) {
        far = w->number - w->places[i];
        if (w->classes[i] == 0 || far > WORDS_CLASS_REACH)
            break;
        pair = (uint32_t)w->classes[i] << 8 | w->class;
        ids[n++] = wd_injection_mix(F_CLASSES, pair);
        if (far <= 3)
            ids[n++] = wd_injection_mix(F_CLASSES_NEAR, pair);
        if (i == 1)
            ids[n++] = wd_injection_mix(F_CLASS3, (uint32_t)w->classes[0] << 16 | pair);
    }
    for (i = WD_INJECTION_CLASSES_KEPT - 1; i > 0; i--) {
        w->classes[i] = w->classes[i - 1];
        w->places[i] = w->places[i - 1];
    }
    w->classes[0] = w->class;
    w->places[0] = w->number;
    return n;
}

uint32_t
wd_injection_words_features(struct wd_injection_words *w, uint32_t ids[WD_INJECTION_FEATURES_MAX])
{
    uint32_t n = 0, means = w->class != 0 ? wd_injection_mix(F_CLASS, w->class) : w->stem;

    ids[n++] = wd_injection_mix(F_WORD, w->word);
    if (w->stem != w->word)
        ids[n++] = wd_injection_mix(F_STEM, w->stem);
    ids[n++] = wd_injection_mix(F_PAIR * 0x01000193u ^ w->stems[0], w->stem);
    ids[n++] = wd_injection_mix(F_SKIP * 0x01000193u ^ w->stems[1], w->stem);
    ids[n++] = wd_injection_mix(F_TRIPLE * 0x01000193u ^ wd_injection_mix(w->means[1], w->means[0]), means);
    if (w->class != 0 || w->means[0] != w->stems[0])
        ids[n++] = wd_injection_mix(F_MEANS2 * 0x01000193u ^ w->means[0], means);
    if (w->class != 0)
        n += words_class_features(w, ids + n);
    if (w->kind == WD_SIGN) {
        uint8_t before = w->start > 0 ? w->begin[w->start - 1] : ' ', behind = w->at < w->end ? *w->at : ' ';

        ids[n++] = wd_injection_mix(F_SIGN, words_beside(before) << 16 | (uint32_t)w->sign << 8 | words_beside(behind));
    }
    if (w->mixed)
        ids[n++] = wd_injection_mix(F_MIXED, 0);
    w->stems[1] = w->stems[0];
    w->stems[0] = w->stem;
    w->means[1] = w->means[0];
    w->means[0] = means;
    return n;
}
