#ifndef WD_HOLD_H
#define WD_HOLD_H

#include "secret/assign.h"
#include "pii/hold_pii.h"
#include "secret/pem.h"
#include "script/tag.h"
#include "text/view.h"

enum { WD_HOLD_PIECES = 256 };

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
/* Stretches of the view that are complete, places in its characters. */
struct wd_hold_pieces {
    struct wd_hold_piece {
        uint32_t start, end;
    } items[WD_HOLD_PIECES];
    uint32_t count, longest;
    uint32_t least; /* words of letters alone that are shorter are none: they hold nothing */
};

static inline void
wd_hold_pieces_add(struct wd_hold_pieces *p, uint32_t start, uint32_t end)
{
    p->items[p->count].start = start;
    p->items[p->count].end = end;
    p->count++;
    p->longest = end - start > p->longest ? end - start : p->longest;
}

/*
 * How many of the next n bytes, ASCII of a text without escapes before them, are words, and what stands between words, that need
 * no look at each character: for these wd_hold_step() need not be called. Their pieces are added, but for room for one. A word
 * goes on over at most `most` bytes. *open: where what is held starts. v has room for n more characters, and what is there is
 * overwritten.
 */
size_t wd_hold_quick(struct wd_hold *h, const struct wd_view *v, struct wd_span bytes, uint32_t most,
                     struct wd_hold_pieces *pieces, uint32_t *open);
/* Characters that are in no word have gone by, c the last of them. */
static inline void
wd_hold_pass(struct wd_hold *h, uint8_t c)
{
    h->before = c;
    h->pii.behind = false;
}
/* The first n characters of the view have been forgotten. */
void wd_hold_drop(struct wd_hold *h, const struct wd_view *v, uint32_t n);
/*
 * When more groups of digits are held than a card has, and nothing else: gives up the first of them and returns
 * where what is still held starts. 0 otherwise.
 */
uint32_t wd_hold_slide(struct wd_hold *h, const struct wd_view *v);

#endif
