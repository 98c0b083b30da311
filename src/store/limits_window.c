#include "limits_window.h"

#define LIMITS_RING (LIMITS_SLICES + 1) /* a window touches 65 slices */

/* --- the log of one counter --- */

uint32_t
limits_log_count(const struct limits_counter *c)
{
    uint32_t count = (uint32_t)c->ring;

    return count < LIMITS_LOG ? count : LIMITS_LOG;
}

static uint32_t
log_place(const struct limits_counter *c, uint32_t i)
{
    return ((uint32_t)(c->ring >> 32) + i) % LIMITS_LOG;
}

static uint64_t *
log_word(const struct wd_limits *l, const struct limits_counter *c, uint32_t i)
{
    uint32_t at = log_place(c, i);
    uint64_t *words = limits_block(l, c->table[at / LIMITS_SLOTS]);

    return words != NULL ? &words[at % LIMITS_SLOTS] : NULL;
}

uint64_t
limits_log_time(const struct wd_limits *l, const struct limits_counter *c, uint32_t i)
{
    const uint64_t *word = log_word(l, c, i);

    return word != NULL ? *word : l->header->last_us;
}

uint32_t
limits_log_expired(const struct wd_limits *l, const struct limits_counter *c, uint64_t window_us, uint64_t now)
{
    uint32_t low = 0, high = limits_log_count(c);

    if (high == 0 || limits_log_time(l, c, 0) + window_us > now)
        return 0;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (limits_log_time(l, c, mid) + window_us > now)
            high = mid;
        else
            low = mid + 1;
    }
    return low;
}

void
limits_log_drop(struct wd_limits *l, struct limits_counter *c, uint32_t n)
{
    uint32_t count = limits_log_count(c), old = log_place(c, 0) / LIMITS_SLOTS;

    if (n == 0)
        return;
    limits_store(&c->ring, (uint64_t)log_place(c, n) << 32 | (count - n));
    uint32_t keep = log_place(c, 0) / LIMITS_SLOTS, last = log_place(c, count - n) / LIMITS_SLOTS;
    if (count - n == 0)
        keep = last = LIMITS_TABLE;
    /* from the old first block on, around the ring, up to the first that is still in use */
    for (uint32_t i = 0; i < LIMITS_TABLE; i++) {
        uint32_t b = (old + i) % LIMITS_TABLE;
        if (b == keep)
            break;
        if (b != last)
            limits_block_free(l, &c->table[b]);
    }
}

void
limits_log_hide(struct limits_counter *c, uint64_t n, uint64_t time, uint64_t now)
{
    if (c->hidden_us + c->keep_us <= now)
        c->hidden = 0;
    c->hidden += n;
    c->hidden_us = time;
    limits_order();
}

enum wd_err
limits_log_push(struct wd_limits *l, struct limits_counter *c, uint64_t now)
{
    uint32_t count = limits_log_count(c);

    if (count == LIMITS_LOG) { /* kept for a longer window than the one asked for */
        limits_log_hide(c, 1, limits_log_time(l, c, 0), now);
        limits_log_drop(l, c, 1);
        count--;
    }
    uint32_t at = log_place(c, count), *ref = &c->table[at / LIMITS_SLOTS];
    if (limits_block(l, *ref) == NULL) {
        *ref = limits_block_take(l);
        if (*ref == 0)
            return WD_ERR_FULL;
    }
    c->newest_us = now;
    limits_store(&limits_block(l, *ref)[at % LIMITS_SLOTS], now);
    limits_store(&c->ring, c->ring + 1);
    return WD_OK;
}

void
limits_log_remove(struct wd_limits *l, struct limits_counter *c, uint64_t time)
{
    uint32_t count = limits_log_count(c), i = count;

    while (i > 0 && limits_log_time(l, c, i - 1) > time)
        i--;
    if (i == 0 || log_word(l, c, i - 1) == NULL || limits_log_time(l, c, i - 1) != time)
        return;
    for (; i < count; i++) {
        uint64_t *to = log_word(l, c, i - 1);
        if (to == NULL)
            return;
        limits_store(to, limits_log_time(l, c, i));
    }
    limits_store(&c->ring, (uint64_t)log_place(c, 0) << 32 | (count - 1));
}

/* --- the slices of one counter --- */

uint64_t *
limits_slice_word(const struct wd_limits *l, const struct limits_counter *c, uint64_t slice)
{
    uint32_t at = (uint32_t)(slice % LIMITS_RING);
    uint64_t *words = limits_block(l, c->table[at / LIMITS_SLOTS]);

    return words != NULL ? &words[at % LIMITS_SLOTS] : NULL;
}

uint32_t
limits_slice_count(const struct wd_limits *l, const struct limits_counter *c, uint64_t slice)
{
    const uint64_t *word = limits_slice_word(l, c, slice);

    return word != NULL && (uint32_t)(*word >> 32) == (uint32_t)slice ? (uint32_t)*word : 0;
}

uint64_t
limits_slices_sum(const struct wd_limits *l, const struct limits_counter *c, uint64_t now, uint64_t *oldest)
{
    uint64_t width = limits_slice_us(c->slice_window_s), last = now / width, sum = 0;

    *oldest = last;
    for (uint64_t s = limits_since(last, LIMITS_SLICES); s <= last; s++) {
        uint32_t n = limits_slice_count(l, c, s);
        if (n != 0 && sum == 0)
            *oldest = s;
        sum += n;
    }
    return sum;
}

enum wd_err
limits_slices_add(struct wd_limits *l, struct limits_counter *c, uint64_t slice, uint64_t n)
{
    uint32_t at = (uint32_t)(slice % LIMITS_RING), *ref = &c->table[at / LIMITS_SLOTS];

    if (limits_block(l, *ref) == NULL) {
        *ref = limits_block_take(l);
        if (*ref == 0)
            return WD_ERR_FULL;
    }
    n += limits_slice_count(l, c, slice);
    if (n > UINT32_MAX)
        n = UINT32_MAX;
    limits_store(limits_slice_word(l, c, slice), slice << 32 | n);
    return WD_OK;
}
