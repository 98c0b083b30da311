#ifndef WD_INJECTION_WORDS_H
#define WD_INJECTION_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../base/span.h"

/*
 * What the injection classifier sees of a text: its words, signs and line ends, in lower case, and for each of them the
 * numbers of the features that it completes. Training and gateway share this file, so that both see the same.
 */

/* What a word means to an assistant, in whichever language: the row of the lexicon that it stands in, 0 for most. */
enum { WD_INJECTION_LEXICON_SIZE = 8192, WD_INJECTION_LEXICON_BITS = 65536 };

struct wd_injection_lexicon {
    uint32_t keys[WD_INJECTION_LEXICON_SIZE];
    uint8_t classes[WD_INJECTION_LEXICON_SIZE];
    uint64_t bits[WD_INJECTION_LEXICON_BITS / 64]; /* most words have no bit here, and no row */
};

void wd_injection_lexicon_init(struct wd_injection_lexicon *lexicon);

enum wd_injection_kind { WD_WORD, WD_NUMBER, WD_SIGN, WD_LINE };

/* The most features that one word completes. */
enum { WD_INJECTION_FEATURES_MAX = 20, WD_INJECTION_CLASSES_KEPT = 3 };

/* One of the words of a text. */
struct wd_injection_word {
    uint32_t word, stem;   /* hashes: of all of it, and of how it begins */
    uint32_t number;       /* 1, 2, ... */
    uint32_t start, after; /* its bytes */
    uint8_t kind, sign, class;
    bool mixed; /* letters in both cases, as in camelCase */
    bool data;  /* far on in a run without blanks: it has no features */
};

struct wd_injection_words {
    const struct wd_injection_lexicon *lexicon;
    const uint8_t *begin, *at, *end;
    const uint8_t *run; /* where the run of ASCII without blanks began that the word stands in */
    uint32_t number;    /* of the last word */
    /* What stood before: stems, the same with words of the lexicon made one, and the last words of the lexicon. */
    uint32_t stems[2], means[2];
    uint8_t classes[WD_INJECTION_CLASSES_KEPT];
    uint32_t places[WD_INJECTION_CLASSES_KEPT];
    struct wd_injection_word last; /* for next() and features() */
};

/* Text is any bytes, less than 4 GiB; invalid UTF-8 makes words that nobody knows. The text is borrowed. */
void wd_injection_words_init(struct wd_injection_words *w, const struct wd_injection_lexicon *lexicon, struct wd_span text);
/* The next word; false at the end. Takes time linear in its length. */
bool wd_injection_words_read(struct wd_injection_words *w, struct wd_injection_word *is);

/* The features of words that stand in a row, hashes of 32 bits, all bits of use. To be called once for each word of a text. */
uint32_t wd_injection_words_list(struct wd_injection_words *w, const struct wd_injection_word *row, uint32_t count,
                                 uint32_t *ids /* count * WD_INJECTION_FEATURES_MAX */);

/* The same for who takes one word after the other. */
static inline bool
wd_injection_words_next(struct wd_injection_words *w)
{
    return wd_injection_words_read(w, &w->last);
}

static inline uint32_t
wd_injection_words_features(struct wd_injection_words *w, uint32_t ids[WD_INJECTION_FEATURES_MAX])
{
    return wd_injection_words_list(w, &w->last, 1, ids);
}

/* The hash of a word in lower case, and of beginnings of words. */
uint32_t wd_injection_hash(const uint8_t *bytes, size_t len);

/* Where the search for a word begins. */
static inline uint32_t
wd_injection_lexicon_slot(uint32_t hash)
{
    return hash * 0x9e3779b1u >> 19;
}

static inline uint32_t
wd_injection_lexicon_bit(uint32_t hash)
{
    return hash * 0x9e3779b1u >> 16;
}

static inline uint32_t
wd_injection_mix(uint32_t a, uint32_t b)
{
    uint64_t h = ((uint64_t)a << 32 | b) * 0x9e3779b97f4a7c15u;

    return (uint32_t)(h >> 32) ^ (uint32_t)(h >> 17);
}

#endif
