#ifndef WD_HOLD_H
#define WD_HOLD_H

#include "assign.h"
#include "hold_pii.h"
#include "pem.h"
#include "tag.h"
#include "view.h"

/*
 * What may not leave yet. Small machines, each reading every character, say whether the one they read belongs
 * together with the one before; where none says so, the text may be cut. They look at the text alone, never at
 * how it arrived, so the cuts are the same for every way of feeding it.
 */
struct wd_hold {
    uint16_t live;         /* machines that hold */
    uint16_t last;         /* those that have read their last character */
    uint8_t before;        /* the character before */
    const uint32_t *extra; /* 256 bits: what else than wd_char_is_token() our own keys are made of; NULL: nothing */
    const uint8_t *past;   /* the characters before the view, */
    const uint32_t *past_len;
    uint32_t token, digits; /* where they started */
    uint8_t groups, group;  /* groups of digits, digits in the last one */
    uint8_t mark, marks, mark_blanks;
    struct wd_tag tag;
    uint8_t bond;
    uint16_t bond_len;
    struct wd_pem pem;
    struct wd_hold_pii pii;
    struct wd_assign assign[2]; /* the second: within the value of the first */
};

/* c, of raw_len bytes, is about to become v->chars[v->count]. True when it belongs together with the character before. */
bool wd_hold_step(struct wd_hold *h, const struct wd_view *v, uint8_t c, uint32_t raw_len);
/*
 * How many of the next n bytes, of a text without escapes before them, go on as it stands: letters of a word, or what is
 * between words. For these wd_hold_step() need not be called.
 */
size_t wd_hold_quick(struct wd_hold *h, const uint8_t *bytes, size_t n);
/* The first n characters of the view have been forgotten. */
void wd_hold_drop(struct wd_hold *h, const struct wd_view *v, uint32_t n);
/*
 * When more groups of digits are held than a card has, and nothing else: gives up the first of them and returns
 * where what is still held starts. 0 otherwise.
 */
uint32_t wd_hold_slide(struct wd_hold *h, const struct wd_view *v);

#endif
