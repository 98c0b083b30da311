#ifndef WD_ASSIGN_H
#define WD_ASSIGN_H

#include <stdbool.h>
#include <stdint.h>

/*
 * An assignment, read a character at a time from behind its name: quotes and blanks, a sign (: or =, also :=, =>), the
 * value up to white space or, when it is quoted, up to its quote.
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
    bool joined; /* the value stands right behind = */
    bool member; /* the value of an object member, outside of strings */
    bool spaced; /* white space in the quoted value */
    uint16_t len;
    uint32_t quote_len; /* bytes of the opening quote: one that is escaped deeper does not close it */
};

/* c took raw_len bytes of the text. False when it is not part of the assignment any more. */
bool wd_assign_step(struct wd_assign *a, uint8_t c, uint32_t raw_len);

#endif
