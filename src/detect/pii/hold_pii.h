#ifndef WD_HOLD_PII_H
#define WD_HOLD_PII_H

#include <stdbool.h>
#include <stdint.h>

#include "../text/view.h"

/*
 * What personal data is written in besides single words: groups of digits, addresses with colons, groups of letters and digits,
 * and dates and streets behind a word that announces them. Small machines, as those of hold.h.
 */
struct wd_hold_pii {
    uint8_t live;
    bool behind; /* a digit and a blank were read last: a row of digits does not start here */
    /* The row of digits. */
    uint32_t start;
    uint8_t groups, group, chars, gap_len, lens[10];
    char gap[2];
    bool paren;   /* one is open */
    bool open;    /* its form lets any groups follow */
    int8_t named; /* so does what stands before it; negative: nobody has looked yet */
    /* Groups of letters and digits. */
    uint8_t word, words;
    bool nino;
    uint8_t place; /* characters of a date or a street */
};

/* The text around: the view, what left before it, where the word starts that the next character would end (-1: in none). */
struct wd_hold_text {
    const struct wd_view *view;
    const uint8_t *past;
    uint32_t past_len;
    int64_t token;
    uint8_t before;
};

/* c comes next. True when it belongs together with the character before. */
bool wd_hold_pii_stay(struct wd_hold_pii *h, const struct wd_hold_text *text, uint8_t c);
/* Then: true when it may start something, so that it has to wait for the next one. */
bool wd_hold_pii_start(struct wd_hold_pii *h, const struct wd_hold_text *text, uint8_t c);
/* False when nothing can follow the word that ends before c, with no machine at work. Looks at the word alone. */
bool wd_hold_pii_follows(const uint8_t *word, uint32_t len, uint8_t c);
void wd_hold_pii_drop(struct wd_hold_pii *h, uint32_t n);

#endif
