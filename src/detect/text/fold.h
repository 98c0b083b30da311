#ifndef WD_FOLD_H
#define WD_FOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../base/span.h"

/*
 * What a reader takes a character for, whatever its code point is. A table of two levels that tools/fold-table makes from
 * the Unicode data; nothing is allocated.
 */
enum wd_fold_kind {
    WD_FOLD_SELF,     /* itself: ASCII, signs, symbols, emoji */
    WD_FOLD_HIDDEN,   /* shows nothing: zero-width space, soft hyphen, word joiner, fillers, byte order mark */
    WD_FOLD_JOIN,     /* joiner and non-joiner: nothing, but emoji, Persian and Indic scripts need them */
    WD_FOLD_BIDI,     /* marks, embeddings, overrides and isolates of direction */
    WD_FOLD_TAG,      /* U+E0000 to U+E007F */
    WD_FOLD_SELECTOR, /* variation selectors */
    WD_FOLD_MARK,     /* combining marks of no script of their own */
    WD_FOLD_FORM,     /* a form of one ASCII character: full-width, mathematical, enclosed, a digit or blank of any script */
    WD_FOLD_ALIKE,    /* a letter of another script that looks like an ASCII one */
    WD_FOLD_PLAIN,    /* a Latin letter with something on it, a typographic quote: ASCII without it */
    WD_FOLD_LETTER,   /* a letter of another script that looks like none */
    WD_FOLD_FLAG,     /* a regional indicator, half of a flag */
    WD_FOLD_MANY,     /* two to four ASCII letters or digits: ligatures, units, enclosed numbers */
};

struct wd_fold {
    uint8_t kind;
    uint8_t len;       /* ASCII characters it is read as; 0 for what shows nothing and what is itself */
    uint8_t script;    /* of letters: any number but 0 that its script's other letters share; 0 for the less common ones */
    const char *ascii; /* len of them, not NUL-terminated */
};

extern const uint16_t wd_fold_index[2048];
extern const uint16_t wd_fold_blocks[][64];
extern const char wd_fold_pool[];

/* The entry of a code point: kind in the upper four bits. */
static inline uint16_t
wd_fold_entry(uint32_t cp)
{
    if (cp < 0x20000)
        return wd_fold_blocks[wd_fold_index[cp >> 6]][cp & 63];
    if (cp >= 0xe0000 && cp < 0xe1000)
        return cp < 0xe0080 ? WD_FOLD_TAG << 12 : cp >= 0xe0100 && cp < 0xe01f0 ? WD_FOLD_SELECTOR << 12 : WD_FOLD_HIDDEN << 12;
    return cp < 0x40000 ? WD_FOLD_LETTER << 12 : WD_FOLD_SELF;
}

static inline enum wd_fold_kind
wd_fold_kind(uint32_t cp)
{
    return (enum wd_fold_kind)(wd_fold_entry(cp) >> 12);
}

/* True for what shows nothing. */
static inline bool
wd_fold_hides(enum wd_fold_kind kind)
{
    return kind >= WD_FOLD_HIDDEN && kind <= WD_FOLD_MARK;
}

/* The one ASCII character it is read as, 0 when there is none or more than one. */
static inline uint8_t
wd_fold_char(uint16_t entry)
{
    enum wd_fold_kind kind = (enum wd_fold_kind)(entry >> 12);

    return (kind >= WD_FOLD_FORM && kind <= WD_FOLD_PLAIN) || kind == WD_FOLD_FLAG ? entry & 0x7f : 0;
}

struct wd_fold wd_fold_get(uint32_t cp);

/* How many bytes at the start of s are ASCII. */
size_t wd_fold_ascii(struct wd_span s);

#endif
