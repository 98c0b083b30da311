#include "random.h"

#include "../text/chars.h"

/*
 * Bit b of row a: the letters a, b follow each other often in prose and in code; all of the pairs together make up 95 % of
 * what is written.
 */
static const uint32_t random_common[26] = {
    0x13ebd4e, 0x0124911, 0x01a4d91, 0x0164119, 0x1eff97d, 0x0164931, 0x0166991, 0x00a4111, 0x22ef87f,
    0x0000010, 0x0040110, 0x11c4919, 0x004d117, 0x13c6d7d, 0x07efd6e, 0x01ec911, 0x0100000, 0x13e7d5d,
    0x15ccd95, 0x11e49b5, 0x00eb91f, 0x0000111, 0x0026191, 0x0080000, 0x0048000, 0x0000010,
};

enum {
    RANDOM_COMMON = -9,
    RANDOM_RARE = 16,
    RANDOM_ROW = -5, /* aa, ab, 12 */
    RANDOM_DIGITS = -2,
    RANDOM_TO_DIGIT = 6,
    RANDOM_TO_LETTER = 9,
    RANDOM_HUMP = 3,
    RANDOM_GAP = -7,
};

static int
random_pair(uint8_t a, uint8_t b)
{
    unsigned from = wd_chars[a], to = wd_chars[b];

    if ((from & WD_CH_ALNUM) == 0 || (to & WD_CH_ALNUM) == 0)
        return RANDOM_GAP;
    if (b == a + 1 || a == b)
        return RANDOM_ROW;
    if ((from & to & WD_CH_DIGIT) != 0)
        return RANDOM_DIGITS;
    if ((to & WD_CH_DIGIT) != 0)
        return RANDOM_TO_DIGIT;
    if ((from & WD_CH_DIGIT) != 0)
        return RANDOM_TO_LETTER;
    if ((random_common[(a | 0x20) - 'a'] >> ((b | 0x20) - 'a') & 1) == 0)
        return RANDOM_RARE;
    return RANDOM_COMMON + ((from & WD_CH_LOWER) != 0 && (to & WD_CH_UPPER) != 0 ? RANDOM_HUMP - RANDOM_COMMON : 0);
}

int
wd_random_score(struct wd_span s)
{
    int sum = 0, best = 0;
    size_t i;

    for (i = 1; i < s.len; i++) {
        sum += random_pair((uint8_t)s.ptr[i - 1], (uint8_t)s.ptr[i]);
        sum = sum < 0 ? 0 : sum;
        best = sum > best ? sum : best;
    }
    return best;
}
