#ifndef WD_LIMITS_WINDOW_H
#define WD_LIMITS_WINDOW_H

#include "limits_map.h"

/* The window of one counter: a log of times, or slices of counts or amounts. Private to the limits; under the lock. */

/* 1,000,000 / 64 is whole, so a slice is a whole number of microseconds. */
static inline uint64_t
limits_slice_us(uint32_t window_s)
{
    return window_s != 0 ? (uint64_t)window_s * (1000000 / LIMITS_SLICES) : 1;
}

static inline uint64_t
limits_since(uint64_t now, uint64_t back)
{
    return now > back ? now - back : 0;
}

uint32_t limits_log_count(const struct limits_counter *c);
/* The time of entry i; one that cannot be read counts as new. */
uint64_t limits_log_time(const struct wd_limits *l, const struct limits_counter *c, uint32_t i);
/* How many of the oldest entries are out of the window. */
uint32_t limits_log_expired(const struct wd_limits *l, const struct limits_counter *c, uint64_t window_us, uint64_t now);
/* Drops the n oldest and the blocks that no entry is left in. */
void limits_log_drop(struct wd_limits *l, struct limits_counter *c, uint32_t n);
/* n entries, none later than time, that the log has no room for: it needs none but the last 1,024, a larger limit may. */
void limits_log_hide(struct limits_counter *c, uint64_t n, uint64_t time, uint64_t now);
enum wd_err limits_log_push(struct wd_limits *l, struct limits_counter *c, uint64_t now) WD_CHECK;
/* Takes out the last entry of this time; those after it move up, so that at every moment none is missing. */
void limits_log_remove(struct wd_limits *l, struct limits_counter *c, uint64_t time);

/* NULL when it has no block. */
uint64_t *limits_slice_word(const struct wd_limits *l, const struct limits_counter *c, uint64_t slice);
uint32_t limits_slice_count(const struct wd_limits *l, const struct limits_counter *c, uint64_t slice);
/* The sum of the window; *oldest: the first slice with a count. */
uint64_t limits_slices_sum(const struct wd_limits *l, const struct limits_counter *c, uint64_t now, uint64_t *oldest);
enum wd_err limits_slices_add(struct wd_limits *l, struct limits_counter *c, uint64_t slice, uint64_t n) WD_CHECK;

/* No slice holds more, so 65 of them fit a word: with it a counter has no room for any limit. */
#define LIMITS_AMOUNT_CAP (UINT64_C(1) << 56)
uint64_t limits_amount_at(const struct wd_limits *l, const struct limits_counter *c, uint64_t slice);
/* As limits_slices_sum(). */
uint64_t limits_amounts_sum(const struct wd_limits *l, const struct limits_counter *c, uint64_t now, uint64_t *oldest);
/* Nothing happens when the slice is out of the window and its slot in use. */
enum wd_err limits_amounts_add(struct wd_limits *l, struct limits_counter *c, uint64_t slice, uint64_t n) WD_CHECK;
void limits_amounts_less(struct wd_limits *l, struct limits_counter *c, uint64_t slice, uint64_t n);

#endif
