#ifndef WD_ASSIGN_H
#define WD_ASSIGN_H

#include <stdbool.h>
#include <stdint.h>

#include "../../base/span.h"

/*
 * An assignment, read a character at a time from behind its name: quotes and blanks, a sign (: or =, also :=, =>, ?=, .=, !=;
 * a comma between quotes; the > of a tag; "is"; value=), the value up to white space or, when it is quoted, up to its quote.
 */
enum wd_assign_state {
    WD_ASSIGN_BEFORE,
    WD_ASSIGN_QUOTED, /* in a quoted value; the character that led here is the quote */
    WD_ASSIGN_BARE,   /* in a bare value; the character that led here is its first */
};

struct wd_assign {
    uint8_t state;
    uint8_t glue;
    uint8_t quote;
    bool sign;
    bool joined;         /* the value stands right behind = */
    bool member;         /* the value of an object member, outside of strings */
    bool spaced;         /* white space in the quoted value */
    bool blank;          /* before the sign: the character before was a blank */
    bool named;          /* a quote stands behind the name */
    bool option;         /* a blank is sign enough */
    bool list;           /* the sign is a comma: only a quoted value counts */
    bool tag;            /* the sign is the end of a tag */
    bool said;           /* the sign is a word, or a comma */
    uint8_t word, words; /* letters of a word that were read; which words it may be, a bit each */
    uint16_t len;
    uint32_t quote_len; /* bytes of the opening quote: one that is escaped deeper does not close it */
};

/* Behind this name, whole word by whole word: a blank is sign enough behind "Bearer", "Basic" and --flags. */
struct wd_assign wd_assign_begin(struct wd_span name);
/* c took raw_len bytes of the text. False when it is not part of the assignment any more. */
bool wd_assign_step(struct wd_assign *a, uint8_t c, uint32_t raw_len);

#endif
