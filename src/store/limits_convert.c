#include "limits_convert.h"

#include <string.h>

#include "limits_window.h"

enum limits_kind
limits_kind_for(const struct wd_limit *limit)
{
    switch ((enum wd_unit)limit->unit) {
    case WD_UNIT_TOKENS:
        return LIMITS_KIND_TOKENS;
    case WD_UNIT_MICRO_USD:
        return LIMITS_KIND_USD;
    case WD_UNIT_REQUESTS:
        break;
    }
    return limit->count <= LIMITS_EXACT_MAX ? LIMITS_KIND_LOG : LIMITS_KIND_SLICES;
}

static bool
kind_counts_requests(uint16_t kind)
{
    return kind == LIMITS_KIND_LOG || kind == LIMITS_KIND_SLICES;
}

/* What slice s held, at its latest moment: against the caller. */
static uint64_t
slice_end(uint64_t s, uint64_t width, uint64_t now)
{
    uint64_t end = (s + 1) * width - 1;

    return end < now ? end : now;
}

/* Each entry of a log into the slice of its time. */
static enum wd_err
convert_to_slices(struct wd_limits *l, struct limits_counter *c, const struct limits_counter *old, uint64_t now)
{
    uint64_t width = limits_slice_us(c->slice_window_s), from = limits_since(now / width, LIMITS_SLICES);
    enum wd_err err = WD_OK;

    if (old->kind == LIMITS_KIND_LOG) {
        if (old->hidden != 0 && old->hidden_us / width >= from && old->hidden_us <= now)
            err = limits_slices_add(l, c, old->hidden_us / width, old->hidden);
        for (uint32_t i = 0; i < limits_log_count(old) && err == WD_OK; i++) {
            uint64_t slice = limits_log_time(l, old, i) / width;
            if (slice >= from)
                err = limits_slices_add(l, c, slice, 1);
        }
        return err;
    }
    uint64_t old_width = limits_slice_us(old->slice_window_s), last = now / old_width;
    for (uint64_t s = limits_since(last, LIMITS_SLICES); s <= last && err == WD_OK; s++) {
        uint64_t slice = slice_end(s, old_width, now) / width;
        uint32_t n = limits_slice_count(l, old, s);
        if (n != 0 && slice >= from)
            err = limits_slices_add(l, c, slice, n);
    }
    return err;
}

static enum wd_err
convert_amounts(struct wd_limits *l, struct limits_counter *c, const struct limits_counter *old, uint64_t now)
{
    uint64_t width = limits_slice_us(c->slice_window_s), from = limits_since(now / width, LIMITS_SLICES);
    uint64_t old_width = limits_slice_us(old->slice_window_s), last = now / old_width;
    enum wd_err err = WD_OK;

    for (uint64_t s = limits_since(last, LIMITS_SLICES); s <= last && err == WD_OK; s++) {
        uint64_t slice = slice_end(s, old_width, now) / width;
        if (slice >= from)
            err = limits_amounts_add(l, c, slice, limits_amount_at(l, old, s));
    }
    return err;
}

/* The newest 1,024 of the slices, each at the latest moment of its slice. */
static enum wd_err
convert_to_log(struct wd_limits *l, struct limits_counter *c, const struct limits_counter *old, uint64_t now)
{
    uint64_t width = limits_slice_us(old->slice_window_s), last = now / width, oldest;
    uint64_t sum = limits_slices_sum(l, old, now, &oldest), skip = sum > LIMITS_LOG ? sum - LIMITS_LOG : 0;
    enum wd_err err = WD_OK;

    for (uint64_t s = oldest; s <= last && err == WD_OK; s++) {
        uint64_t n = limits_slice_count(l, old, s), end = slice_end(s, width, now);
        uint64_t gone = n < skip ? n : skip;
        if (gone != 0)
            limits_log_hide(c, gone, end, now);
        skip -= gone;
        for (n -= gone; n > 0 && err == WD_OK; n--)
            err = limits_log_push(l, c, end);
    }
    return err;
}

/* The log of another key that counted the same requests. */
static enum wd_err
convert_copy_log(struct wd_limits *l, struct limits_counter *c, const struct limits_counter *old)
{
    enum wd_err err = WD_OK;

    for (uint32_t i = 0; i < limits_log_count(old) && err == WD_OK; i++)
        err = limits_log_push(l, c, limits_log_time(l, old, i));
    c->hidden = old->hidden;
    c->hidden_us = old->hidden_us;
    return err;
}

/* A counter of another unit says nothing about this one: it refuses for a window. */
static enum wd_err
convert_full(struct wd_limits *l, struct limits_counter *c, uint64_t now)
{
    uint64_t slice = now / limits_slice_us(c->slice_window_s);
    enum wd_err err = WD_OK;

    if (c->kind == LIMITS_KIND_SLICES)
        return limits_slices_add(l, c, slice, UINT32_MAX);
    if (c->kind != LIMITS_KIND_LOG)
        return limits_amounts_add(l, c, slice, LIMITS_AMOUNT_CAP);
    for (uint32_t i = 0; i < LIMITS_LOG && err == WD_OK; i++)
        err = limits_log_push(l, c, now);
    return err;
}

enum wd_err
limits_convert(struct wd_limits *l, struct limits_counter *c, const struct limits_counter *from, const struct wd_limit *limit,
               uint64_t now)
{
    struct limits_counter made = *c, old = *c;
    enum wd_err err;

    made.kind = (uint16_t)limits_kind_for(limit);
    made.ring = made.hidden = 0;
    made.slice_window_s = limit->window_s;
    memset(made.table, 0, sizeof(made.table));
    if (made.kind >= LIMITS_KIND_TOKENS && from->kind == made.kind)
        err = convert_amounts(l, &made, from, now);
    else if (!kind_counts_requests(made.kind) || !kind_counts_requests(from->kind))
        err = convert_full(l, &made, now);
    else if (made.kind == LIMITS_KIND_SLICES)
        err = convert_to_slices(l, &made, from, now);
    else
        err = from->kind == LIMITS_KIND_LOG ? convert_copy_log(l, &made, from) : convert_to_log(l, &made, from, now);
    if (err != WD_OK) {
        for (uint32_t b = 0; b < LIMITS_TABLE; b++)
            limits_block_free(l, &made.table[b]);
        return err;
    }
    c->kind = LIMITS_KIND_BUSY;
    limits_order();
    c->slice_window_s = made.slice_window_s;
    c->ring = made.ring;
    c->hidden = made.hidden;
    c->hidden_us = made.hidden_us;
    c->newest_us = now;
    memcpy(c->table, made.table, sizeof(c->table));
    limits_order();
    c->kind = made.kind;
    limits_order();
    for (uint32_t b = 0; b < LIMITS_TABLE; b++)
        limits_block_free(l, &old.table[b]);
    return WD_OK;
}
