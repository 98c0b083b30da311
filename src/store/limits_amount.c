#include "limits_window.h"

/*
 * Slices of amounts: pairs of words in the blocks that the table names. A slice that is begun gets its amount first and its
 * number then, so a kill in between leaves what its slot held before, which is out of the window.
 */
#define AMOUNT_RING (LIMITS_SLICES + 1) /* a window touches 65 slices */
#define AMOUNT_PAIRS (LIMITS_SLOTS / 2)
#define AMOUNT_BLOCKS ((AMOUNT_RING + AMOUNT_PAIRS - 1) / AMOUNT_PAIRS)
_Static_assert(AMOUNT_BLOCKS <= LIMITS_TABLE, "the table names them all");

static uint64_t *
amount_pair(const struct wd_limits *l, const struct limits_counter *c, uint64_t slice)
{
    uint32_t at = (uint32_t)(slice % AMOUNT_RING);
    uint64_t *words = limits_block(l, c->table[at / AMOUNT_PAIRS]);

    return words != NULL ? &words[at % AMOUNT_PAIRS * 2] : NULL;
}

static uint64_t
amount_capped(uint64_t n)
{
    return n < LIMITS_AMOUNT_CAP ? n : LIMITS_AMOUNT_CAP;
}

uint64_t
limits_amount_at(const struct wd_limits *l, const struct limits_counter *c, uint64_t slice)
{
    const uint64_t *pair = amount_pair(l, c, slice);

    return pair != NULL && pair[0] == slice ? amount_capped(pair[1]) : 0;
}

uint64_t
limits_amounts_sum(const struct wd_limits *l, const struct limits_counter *c, uint64_t now, uint64_t *oldest)
{
    uint64_t last = now / limits_slice_us(c->slice_window_s), sum = 0;

    *oldest = last;
    for (uint32_t b = 0; b < AMOUNT_BLOCKS; b++) {
        const uint64_t *words = limits_block(l, c->table[b]);
        if (words == NULL)
            continue;
        for (uint32_t i = 0; i < LIMITS_SLOTS; i += 2) {
            if (words[i + 1] == 0 || words[i] > last || last - words[i] > LIMITS_SLICES)
                continue;
            sum += amount_capped(words[i + 1]);
            if (words[i] < *oldest)
                *oldest = words[i];
        }
    }
    return sum;
}

enum wd_err
limits_amounts_add(struct wd_limits *l, struct limits_counter *c, uint64_t slice, uint64_t n)
{
    uint32_t *ref = &c->table[slice % AMOUNT_RING / AMOUNT_PAIRS];

    if (n == 0)
        return WD_OK;
    if (limits_block(l, *ref) == NULL) {
        *ref = limits_block_take(l);
        if (*ref == 0)
            return WD_ERR_FULL;
    }
    uint64_t *pair = amount_pair(l, c, slice);
    if (pair[0] > slice)
        return WD_OK; /* a slice a whole ring later: this one is long out of the window */
    if (pair[0] == slice) {
        limits_store(&pair[1], amount_capped(amount_capped(pair[1]) + amount_capped(n)));
        return WD_OK;
    }
    limits_store(&pair[1], amount_capped(n));
    limits_store(&pair[0], slice);
    return WD_OK;
}

void
limits_amounts_less(struct wd_limits *l, struct limits_counter *c, uint64_t slice, uint64_t n)
{
    uint64_t there = limits_amount_at(l, c, slice);

    if (there != 0)
        limits_store(&amount_pair(l, c, slice)[1], there > n ? there - n : 0);
}
