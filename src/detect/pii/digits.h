#ifndef WD_DIGITS_H
#define WD_DIGITS_H

#include <stdint.h>

#include "../../base/span.h"

enum { WD_DIGITS_MAX = 20 };

/* The digits of a value, without what stands between them. */
struct wd_digits {
    uint8_t at[WD_DIGITS_MAX];
    unsigned count;
};

/* What is more than WD_DIGITS_MAX is not read. */
struct wd_digits wd_digits_read(struct wd_span s);
/* The number that n of them from i on make. */
uint64_t wd_digits_value(const struct wd_digits *d, unsigned i, unsigned n);
/* Sum of the first n digits, each times its weight. */
unsigned wd_digits_weigh(const struct wd_digits *d, const uint8_t *weights, unsigned n);
/* ISO/IEC 7812-1, from digit `from` to the last. */
bool wd_digits_luhn(const struct wd_digits *d, unsigned from);
bool wd_digits_verhoeff(const struct wd_digits *d);
/* ISO 7064, mod 11,10. */
bool wd_digits_mod11_10(const struct wd_digits *d);
/* There is such a day, in some year: two digits each. */
bool wd_digits_is_day(unsigned month, unsigned day);
/* No digit but one. */
bool wd_digits_same(const struct wd_digits *d);

#endif
