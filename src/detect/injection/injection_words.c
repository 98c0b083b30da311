#include "injection_words.h"

#include <string.h>

#include "../text/fold.h"

/* Kinds of bytes. A text in UTF-8: letters of two bytes belong to words, those of scripts without blanks are words each. */
enum { BYTE_SPACE, BYTE_LINE, BYTE_SIGN, BYTE_DIGIT, BYTE_LETTER, BYTE_HIGH };

enum {
    WORDS_STEM = 5,        /* bytes of a stem; twice as many in other scripts */
    WORDS_RUN = 64,        /* what stands further on in a run without blanks is data */
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
    w->begin = w->at = w->run = (const uint8_t *)text.ptr;
    w->end = w->begin + text.len;
}

/* One row of the lexicon for words of this hash, 0 for none. */
static inline uint8_t
words_class(const struct wd_injection_lexicon *lexicon, uint32_t hash)
{
    uint32_t i = wd_injection_lexicon_slot(hash), bit = wd_injection_lexicon_bit(hash);

    if ((lexicon->bits[bit / 64] >> bit % 64 & 1) == 0)
        return 0;
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

/* Adds a letter of several bytes: Latin ones as what they are without accents, as in the readings of canon.h. */
static uint32_t
words_add_high(uint8_t *out, const uint8_t *p, uint32_t len)
{
    struct wd_fold fold = { .len = 0 };
    uint32_t pair, i;

    if (len == 2 && p[0] <= 0xc9)
        fold = wd_fold_get((p[0] & 0x1fu) << 6 | (p[1] & 0x3fu));
    for (i = 0; i < fold.len; i++)
        out[i] = (uint8_t)fold.ascii[i] | 0x20;
    if (fold.len > 0)
        return fold.len;
    memcpy(out, p, len);
    if (len == 2) {
        pair = words_lower2(p[0], p[1]);
        out[0] = (uint8_t)(pair >> 8);
        out[1] = (uint8_t)pair;
    }
    return len;
}

#define WORDS_EACH(byte) (0x0101010101010101u * (byte))

/* The upper bit of each byte that is an ASCII letter or digit. */
static inline uint64_t
words_alnum(uint64_t v)
{
    uint64_t x = v & WORDS_EACH(0x7f), l = x | WORDS_EACH(0x20);
    uint64_t letter = (l + WORDS_EACH(0x80 - 'a')) & ~(l + WORDS_EACH(0x7f - 'z'));
    uint64_t digit = (x + WORDS_EACH(0x80 - '0')) & ~(x + WORDS_EACH(0x7f - '9'));

    return (letter | digit) & ~v & WORDS_EACH(0x80);
}

static inline uint64_t
words_mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * 0x9fb21c651e98df25u;
    return h ^ h >> 32;
}

uint32_t
wd_injection_hash(const uint8_t *bytes, size_t len)
{
    uint64_t h = 0, v;

    for (; len > 8; bytes += 8, len -= 8) {
        memcpy(&v, bytes, 8);
        h = words_mix(h, v);
    }
    v = 0;
    memcpy(&v, bytes, len);
    return (uint32_t)words_mix(h, v);
}

/* How many of the bytes have bit 5 set; no other bit is. */
static inline uint32_t
words_count(uint64_t v)
{
    return (uint32_t)((v >> 5) * WORDS_EACH(1) >> 56);
}

/* A word of ASCII letters and digits, eight at a time, with bytes behind it to read. False when it is none. */
static inline bool
words_take_ascii(struct wd_injection_words *w, struct wd_injection_word *is)
{
    const uint8_t *p = w->at;
    uint64_t v, outside, keep, hash = 0, letters = 0, first = 0;
    uint32_t n = 0, part, upper = 0;

    do {
        if (w->end - p < 9 || n > WORDS_LONGEST - 8)
            return false;
        memcpy(&v, p, 8);
        outside = ~words_alnum(v) & WORDS_EACH(0x80);
        part = outside != 0 ? (uint32_t)__builtin_ctzll(outside) / 8 : 8;
        if (part == 0)
            break;
        keep = ~(uint64_t)0 >> (64 - 8 * part);
        upper += words_count(~v & WORDS_EACH(0x20) & keep & (n == 0 ? ~(uint64_t)0xff : ~(uint64_t)0));
        v = (v | WORDS_EACH(0x20)) & keep;
        first = n == 0 ? v : first;
        letters |= v;
        hash = words_mix(hash, v);
        n += part;
        p += part;
    } while (part == 8);
    if (n == 0 || words_bytes[*p] == BYTE_HIGH || *p == '\'')
        return false;
    w->at = p;
    is->mixed = upper != 0 && upper + 1 < n;
    if ((letters & WORDS_EACH(0x40)) == 0) {
        is->kind = WD_NUMBER;
        is->word = is->stem = '0';
        return true;
    }
    is->kind = WD_WORD;
    is->word = (uint32_t)hash;
    is->stem = n > WORDS_STEM ? (uint32_t)words_mix(0, first & 0xffffffffff) : (uint32_t)hash;
    is->class = words_class(w->lexicon, is->word);
    return true;
}

/* Any other word: its letters are put together first. */
static void
words_take_word(struct wd_injection_words *w, struct wd_injection_word *is)
{
    uint8_t letters[WORDS_LONGEST + 8];
    const uint8_t *p = w->at, *end = w->end;
    uint32_t n = 0, upper = 0, digits = 0, len, stem;

    for (; p < end; p++) {
        uint8_t kind = words_bytes[*p];
        uint32_t at = n < WORDS_LONGEST ? n : WORDS_LONGEST; /* a longer run is walked over */

        if (kind == BYTE_LETTER || kind == BYTE_DIGIT) {
            upper += (*p & 0x20) == 0 && n > 0;
            digits += kind == BYTE_DIGIT;
            letters[at] = *p | 0x20;
            n++;
        } else if (kind == BYTE_HIGH) {
            enum high high = words_high(p, end, &len);

            if (high == HIGH_APOSTROPHE && n > 0 && end - p > 3 && words_bytes[p[3]] == BYTE_LETTER) {
                p += 2;
                continue;
            }
            if (high != HIGH_LETTER)
                break;
            n += words_add_high(letters + at, p, len);
            p += len - 1;
        } else if (*p != '\'' || n == 0 || end - p < 2 || words_bytes[p[1]] != BYTE_LETTER) {
            break;
        }
    }
    w->at = p;
    is->kind = digits == n ? WD_NUMBER : WD_WORD;
    is->mixed = upper > 0 && upper + 1 < n;
    if (is->kind == WD_NUMBER || n > WORDS_LONGEST) {
        is->word = is->stem = is->kind == WD_NUMBER ? '0' : 'L';
        return;
    }
    stem = letters[0] < 0x80 ? WORDS_STEM : 2 * WORDS_STEM;
    is->word = is->stem = wd_injection_hash(letters, n);
    if (n > stem)
        is->stem = wd_injection_hash(letters, stem);
    is->class = words_class(w->lexicon, is->word);
    if (letters[0] < 0x80)
        return;
    if (is->class == 0 && n > 6)
        is->class = words_class(w->lexicon, wd_injection_hash(letters, 6) ^ 6u);
    if (is->class == 0 && n > 12)
        is->class = words_class(w->lexicon, wd_injection_hash(letters, 12) ^ 12u);
}

/* A character of a script without blanks. Two of them may make a word of the lexicon. */
static void
words_take_alone(struct wd_injection_words *w, struct wd_injection_word *is, uint32_t len)
{
    const uint8_t *p = w->at;
    size_t two = (size_t)(w->end - p) < 2 * (size_t)len ? (size_t)(w->end - p) : 2 * (size_t)len;

    w->at += len;
    is->kind = WD_WORD;
    is->word = is->stem = wd_injection_hash(p, len);
    is->class = words_class(w->lexicon, wd_injection_hash(p, two));
}

static void
words_take_sign(struct wd_injection_words *w, struct wd_injection_word *is, uint32_t len)
{
    const uint8_t *p = w->at;
    struct wd_fold fold = { .len = 0 };

    is->kind = WD_SIGN;
    is->sign = *p;
    w->at += len;
    if (len == 3 && *p == 0xe2) /* a typographic quote is a quote */
        fold = wd_fold_get((p[0] & 0x0fu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu));
    if (fold.len == 1) {
        is->sign = (uint8_t)*fold.ascii;
        p = (const uint8_t *)fold.ascii;
        len = 1;
    }
    is->word = is->stem = wd_injection_hash(p, len);
    /* A ruler of signs is one sign. */
    while (w->at < w->end && w->at[-1] < 0x80 && *w->at == w->at[-1])
        w->at++;
}

bool
wd_injection_words_read(struct wd_injection_words *w, struct wd_injection_word *is)
{
    uint32_t len;

    if (w->at < w->end && words_bytes[*w->at] == BYTE_SPACE) {
        do
            w->at++;
        while (w->at < w->end && words_bytes[*w->at] == BYTE_SPACE);
        w->run = w->at;
    }
    if (w->at == w->end)
        return false;
    is->start = (uint32_t)(w->at - w->begin);
    is->number = ++w->number;
    is->class = 0;
    is->mixed = false;
    is->sign = 0;
    switch (words_bytes[*w->at]) {
    case BYTE_LINE:
        while (w->at < w->end && words_bytes[*w->at] <= BYTE_LINE)
            w->at++;
        is->kind = WD_LINE;
        is->word = is->stem = '\n';
        w->run = w->at;
        break;
    case BYTE_SIGN:
        words_take_sign(w, is, 1);
        break;
    case BYTE_HIGH:
        w->run = w->at;
        switch (words_high(w->at, w->end, &len)) {
        case HIGH_LETTER:
            words_take_word(w, is);
            break;
        case HIGH_ALONE:
            words_take_alone(w, is, len);
            break;
        default:
            words_take_sign(w, is, len);
        }
        break;
    default:
        if (!words_take_ascii(w, is))
            words_take_word(w, is);
    }
    is->after = (uint32_t)(w->at - w->begin);
    is->data = w->at - w->run > WORDS_RUN;
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
words_class_features(struct wd_injection_words *w, const struct wd_injection_word *is, uint32_t *ids)
{
    uint32_t n = 0, pair, i, far;

    ids[n++] = wd_injection_mix(F_CLASS, is->class);
    for (i = 0; i < WD_INJECTION_CLASSES_KEPT; i++) {
        far = is->number - w->places[i];
        if (w->classes[i] == 0 || far > WORDS_CLASS_REACH)
            break;
        pair = (uint32_t)w->classes[i] << 8 | is->class;
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
    w->classes[0] = is->class;
    w->places[0] = is->number;
    return n;
}

static uint32_t
words_sign_feature(const struct wd_injection_words *w, const struct wd_injection_word *is)
{
    uint8_t before = is->start > 0 ? w->begin[is->start - 1] : ' ';
    uint8_t behind = w->begin + is->after < w->end ? w->begin[is->after] : ' ';

    return wd_injection_mix(F_SIGN, words_beside(before) << 16 | (uint32_t)is->sign << 8 | words_beside(behind));
}

uint32_t
wd_injection_words_list(struct wd_injection_words *w, const struct wd_injection_word *row, uint32_t count, uint32_t *ids)
{
    uint32_t n = 0, stem, means, i;
    uint32_t stem1 = w->stems[0], stem2 = w->stems[1], means1 = w->means[0], means2 = w->means[1];

    for (i = 0; i < count; i++) {
        const struct wd_injection_word *is = row + i;

        if (is->data)
            continue;
        stem = is->stem;
        means = is->class != 0 ? wd_injection_mix(F_CLASS, is->class) : stem;
        ids[n++] = wd_injection_mix(F_WORD, is->word);
        /* Written in any case, kept in some: what no one can predict is no branch. */
        ids[n] = wd_injection_mix(F_STEM, stem);
        n += stem != is->word;
        ids[n++] = wd_injection_mix(F_PAIR * 0x01000193u ^ stem1, stem);
        ids[n++] = wd_injection_mix(F_SKIP * 0x01000193u ^ stem2, stem);
        ids[n++] = wd_injection_mix(F_TRIPLE * 0x01000193u ^ wd_injection_mix(means2, means1), means);
        ids[n] = wd_injection_mix(F_MEANS2 * 0x01000193u ^ means1, means);
        n += (is->class != 0) | (means1 != stem1);
        if (is->class != 0)
            n += words_class_features(w, is, ids + n);
        if (is->kind == WD_SIGN)
            ids[n++] = words_sign_feature(w, is);
        ids[n] = wd_injection_mix(F_MIXED, 0);
        n += is->mixed;
        stem2 = stem1;
        stem1 = stem;
        means2 = means1;
        means1 = means;
    }
    w->stems[0] = stem1;
    w->stems[1] = stem2;
    w->means[0] = means1;
    w->means[1] = means2;
    return n;
}
