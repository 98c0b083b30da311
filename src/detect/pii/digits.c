#include "digits.h"

struct wd_digits
wd_digits_read(struct wd_span s)
{
    struct wd_digits d = { 0 };
    size_t i;

    for (i = 0; i < s.len && d.count < WD_DIGITS_MAX; i++)
        if (s.ptr[i] >= '0' && s.ptr[i] <= '9')
            d.at[d.count++] = (uint8_t)(s.ptr[i] - '0');
    return d;
}

uint64_t
wd_digits_value(const struct wd_digits *d, unsigned i, unsigned n)
{
    uint64_t value = 0;

    for (; n > 0 && i < d->count; n--)
        value = value * 10 + d->at[i++];
    return value;
}

unsigned
wd_digits_weigh(const struct wd_digits *d, const uint8_t *weights, unsigned n)
{
    unsigned sum = 0, i;

    for (i = 0; i < n; i++)
        sum += (unsigned)d->at[i] * weights[i];
    return sum;
}

bool
wd_digits_luhn(const struct wd_digits *d, unsigned from)
{
    unsigned sum = 0, i, x;

    for (i = from; i < d->count; i++) {
        x = d->at[i];
        if ((d->count - i) % 2 == 0)
            x = x > 4 ? x * 2 - 9 : x * 2;
        sum += x;
    }
    return sum % 10 == 0;
}

bool
wd_digits_verhoeff(const struct wd_digits *d)
{
    static const uint8_t turn[10] = { 1, 5, 7, 6, 2, 8, 3, 0, 9, 4 };
    unsigned c = 0, i, k, x;

    for (i = 0; i < d->count; i++) {
        x = d->at[d->count - 1 - i];
        for (k = 0; k < i % 8; k++)
            x = turn[x];
        /* The dihedral group of ten: turns of a pentagon, and turns of its other side. */
        if (c < 5)
            c = x < 5 ? (c + x) % 5 : 5 + (c + x) % 5;
        else
            c = x < 5 ? 5 + (c - 5 + 5 - x) % 5 : (c - 5 + 5 - (x - 5)) % 5;
    }
    return c == 0;
}

bool
wd_digits_mod11_10(const struct wd_digits *d)
{
    unsigned product = 10, i, sum;

    for (i = 0; i + 1 < d->count; i++) {
        sum = (d->at[i] + product) % 10;
        product = (sum == 0 ? 10 : sum) * 2 % 11;
    }
    return d->count > 0 && (11 - product) % 10 == d->at[d->count - 1];
}

bool
wd_digits_is_day(unsigned month, unsigned day)
{
    static const uint8_t days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

    return month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1];
}

bool
wd_digits_same(const struct wd_digits *d)
{
    unsigned i;

    for (i = 1; i < d->count; i++)
        if (d->at[i] != d->at[0])
            return false;
    return true;
}
