#ifndef WD_NUMBERS_H
#define WD_NUMBERS_H

#include "../../base/span.h"

/*
 * Where in a text numbers are: rules that start from digits are many, look alike to a matcher, and need not look anywhere else.
 */
enum {
    WD_NUMBERS_GAP = 24, /* digits that stand further apart belong to different numbers */
    WD_NUMBERS_PLAIN = 4,
    WD_NUMBERS_AROUND = 48, /* bytes before the first and behind the last digit that a pattern may take in */
};

struct wd_number {
    struct wd_span around; /* it, and what stands around it */
    unsigned digits;
    bool plain; /* at most WD_NUMBERS_PLAIN digits, none of them beside a letter, a dot or a colon: a year, a price, an amount */
};

/* The next number of at least `least` digits from *at on. False when there is none. *at moves behind it. */
bool wd_numbers_next(struct wd_span text, unsigned least, size_t *at, struct wd_number *number);

/* The first digit from i on, or the end. */
size_t wd_numbers_digit(struct wd_span text, size_t i);

#endif
