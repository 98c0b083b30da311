#include "limits.h"

#include <string.h>

#include "keyed.h"
#include "limits_map.h"
#include "limits_window.h"

#define LIMITS_COUNT_MAX 1000000000u
#define LIMITS_WINDOW_MAX_S (31u * 86400)
#define LIMITS_CLAIMS_MAX 16
#define LIMITS_NONE UINT32_MAX
#define LIMITS_SWEEP 8         /* counters looked at in a take */
#define LIMITS_SWEEP_FULL 1024 /* when room has run out */

static uint64_t
limits_window(const struct wd_limit *limit)
{
    return (uint64_t)limit->window_s * 1000000;
}

static bool
counter_dead(const struct wd_limits *l, const struct limits_counter *c, uint64_t now)
{
    uint64_t slack = c->kind == LIMITS_KIND_LOG ? 0 : limits_slice_us(c->slice_window_s);

    if (c->kind == LIMITS_KIND_LOG && limits_log_count(c) == 0)
        return true;
    return c->newest_us <= now && now - c->newest_us >= c->keep_us + slack;
}

static uint32_t
counter_hash(const struct wd_limits *l, const uint8_t key[16])
{
    uint64_t h;

    memcpy(&h, key, sizeof(h));
    return (uint32_t)(h % l->counter_count);
}

static uint32_t
counter_find(const struct wd_limits *l, const uint8_t key[16])
{
    uint32_t at = counter_hash(l, key);

    for (uint32_t n = 0; n < LIMITS_PROBE; n++) {
        if (limits_used(l, at) && memcmp(l->counters[at].key, key, 16) == 0)
            return at;
        if (++at == l->counter_count)
            at = 0;
    }
    return LIMITS_NONE;
}

static uint32_t
counter_make(struct wd_limits *l, const struct wd_claim *claim, uint64_t now)
{
    uint32_t at = counter_hash(l, claim->key);

    for (uint32_t n = 0; n < LIMITS_PROBE; n++) {
        if (limits_used(l, at) && counter_dead(l, &l->counters[at], now))
            limits_counter_free(l, at);
        if (!limits_used(l, at)) {
            struct limits_counter *c = &l->counters[at];
            memset(c, 0, sizeof(*c));
            memcpy(c->key, claim->key, sizeof(c->key));
            c->kind = claim->limit.count <= LIMITS_EXACT_MAX ? LIMITS_KIND_LOG : LIMITS_KIND_SLICES;
            c->slice_window_s = claim->limit.window_s;
            c->keep_us = limits_window(&claim->limit);
            c->newest_us = now;
            limits_store(&l->used[at / 64], l->used[at / 64] | (uint64_t)1 << (at % 64));
            return at;
        }
        if (++at == l->counter_count)
            at = 0;
    }
    return LIMITS_NONE;
}

/* Each entry of a log into the slice of its time. */
static enum wd_err
counter_to_slices(struct wd_limits *l, struct limits_counter *c, const struct limits_counter *old, uint64_t now)
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
        uint64_t end = (s + 1) * old_width - 1; /* its latest moment: against the caller */
        uint64_t slice = (end < now ? end : now) / width;
        uint32_t n = limits_slice_count(l, old, s);
        if (n != 0 && slice >= from)
            err = limits_slices_add(l, c, slice, n);
    }
    return err;
}

/* The newest 1,024 of the slices, each at the latest moment of its slice. */
static enum wd_err
counter_to_log(struct wd_limits *l, struct limits_counter *c, const struct limits_counter *old, uint64_t now)
{
    uint64_t width = limits_slice_us(old->slice_window_s), last = now / width, oldest;
    uint64_t sum = limits_slices_sum(l, old, now, &oldest), skip = sum > LIMITS_LOG ? sum - LIMITS_LOG : 0;
    enum wd_err err = WD_OK;

    for (uint64_t s = oldest; s <= last && err == WD_OK; s++) {
        uint64_t n = limits_slice_count(l, old, s), end = (s + 1) * width - 1;
        uint64_t gone = n < skip ? n : skip;
        if (gone != 0)
            limits_log_hide(c, gone, end < now ? end : now, now);
        skip -= gone;
        for (n -= gone; n > 0 && err == WD_OK; n--)
            err = limits_log_push(l, c, end < now ? end : now);
    }
    return err;
}

/*
 * After a reload the limit may want the other kind, or other slices. The new state is built beside the old one; while
 * the two are swapped the counter is marked, and a kill in between makes it refuse for a window.
 */
static enum wd_err
counter_convert(struct wd_limits *l, struct limits_counter *c, const struct wd_limit *limit, uint64_t now)
{
    bool log = limit->count <= LIMITS_EXACT_MAX;
    struct limits_counter made = *c, old = *c;
    enum wd_err err;

    if (c->kind == LIMITS_KIND_LOG ? log : !log && c->slice_window_s == limit->window_s)
        return WD_OK;
    made.kind = log ? LIMITS_KIND_LOG : LIMITS_KIND_SLICES;
    made.ring = made.hidden = 0;
    made.slice_window_s = limit->window_s;
    memset(made.table, 0, sizeof(made.table));
    err = log ? counter_to_log(l, &made, &old, now) : counter_to_slices(l, &made, &old, now);
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

/* Used and remaining of the claim's window; *reset_us until one more is free, when none is. */
static bool
counter_room(const struct wd_limits *l, const struct limits_counter *c, struct wd_claim *claim, uint64_t now)
{
    uint64_t window = limits_window(&claim->limit), used, free_at, oldest;
    uint64_t max = claim->limit.count;

    if (c->kind == LIMITS_KIND_LOG) {
        uint32_t gone = limits_log_expired(l, c, window, now);
        used = limits_log_count(c) - gone;
        free_at = used >= max ? limits_log_time(l, c, gone + (uint32_t)(used - max)) + window : now;
    } else {
        used = limits_slices_sum(l, c, now, &oldest);
        uint64_t width = limits_slice_us(c->slice_window_s);
        for (uint64_t left = used; left >= max && oldest < now / width; oldest++) {
            left -= limits_slice_count(l, c, oldest);
            if (left < max)
                break;
        }
        free_at = used >= max ? (oldest + 1 + LIMITS_SLICES) * width : now;
    }
    claim->remaining = used < max ? max - used : 0;
    claim->reset_us = limits_since(free_at, now);
    return used < max;
}

static enum wd_err
claim_take(struct wd_limits *l, struct wd_claim *claim, uint64_t now)
{
    uint64_t window = limits_window(&claim->limit);
    uint32_t at = counter_find(l, claim->key);
    struct limits_counter *c;
    enum wd_err err = WD_OK;

    if (at == LIMITS_NONE)
        at = counter_make(l, claim, now);
    if (at == LIMITS_NONE)
        return WD_ERR_FULL;
    c = &l->counters[at];
    if (c->keep_us < window)
        c->keep_us = window;
    if (c->kind == LIMITS_KIND_LOG) {
        limits_log_drop(l, c, limits_log_expired(l, c, c->keep_us, now));
        if (limits_log_count(c) == 0)
            c->keep_us = window;
    }
    err = counter_convert(l, c, &claim->limit, now);
    if (err == WD_OK && !counter_room(l, c, claim, now))
        return WD_ERR_DENIED;
    if (err == WD_OK && c->kind == LIMITS_KIND_LOG) {
        err = limits_log_push(l, c, now);
    } else if (err == WD_OK) {
        c->newest_us = now;
        err = limits_slices_add(l, c, now / limits_slice_us(c->slice_window_s), 1);
    }
    if (err != WD_OK)
        return err;
    claim->taken_us = now;
    if (--claim->remaining == 0)
        counter_room(l, c, claim, now);
    return WD_OK;
}

static void
claim_return(struct wd_limits *l, const struct wd_claim *claim, uint64_t taken_us)
{
    uint32_t at = counter_find(l, claim->key);

    if (at == LIMITS_NONE)
        return;
    struct limits_counter *c = &l->counters[at];
    if (c->kind == LIMITS_KIND_LOG) {
        limits_log_remove(l, c, taken_us);
        if (limits_log_count(c) == 0)
            limits_counter_free(l, at);
        return;
    }
    uint64_t slice = taken_us / limits_slice_us(c->slice_window_s);
    uint32_t n = limits_slice_count(l, c, slice);
    if (n > 0)
        limits_store(limits_slice_word(l, c, slice), slice << 32 | (n - 1));
}

/* What a claim has room for, when it is not taken. */
static void
claim_show(const struct wd_limits *l, struct wd_claim *claim, uint64_t now)
{
    uint32_t at = counter_find(l, claim->key);

    claim->remaining = claim->limit.count;
    claim->reset_us = 0;
    if (at == LIMITS_NONE)
        return;
    const struct limits_counter *c = &l->counters[at];
    bool log = claim->limit.count <= LIMITS_EXACT_MAX;
    /* of another kind since a reload: told at its first take */
    if (log == (c->kind == LIMITS_KIND_LOG))
        counter_room(l, c, claim, now);
}

/* Memory of those who are gone: looks at up to `looks` counters from where the last call stopped. */
static void
limits_sweep(struct wd_limits *l, uint64_t now, uint32_t looks)
{
    uint32_t i = l->header->sweep % l->counter_count;

    for (uint32_t n = 0; n < looks; n++) {
        if (limits_used(l, i) && counter_dead(l, &l->counters[i], now))
            limits_counter_free(l, i);
        if (l->used[i / 64] == 0)
            i |= 63; /* nobody here: on to the next word */
        if (++i >= l->counter_count)
            i = 0;
    }
    l->header->sweep = i;
}

static uint64_t
limits_now(struct limits_header *h, uint64_t mono_us)
{
    uint64_t now = mono_us + h->clock_offset_us;

    if (mono_us > h->last_mono_us)
        h->last_mono_us = mono_us;
    /* a reading from before prepare wraps around; so does none that a running machine can make */
    if (now > h->last_us && now <= (uint64_t)1 << 62)
        h->last_us = now;
    if (h->last_us == 0)
        h->last_us = 1;
    return h->last_us;
}

static bool
claims_ok(const struct wd_claim *claims, size_t count)
{
    if (count > LIMITS_CLAIMS_MAX)
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct wd_limit *limit = &claims[i].limit;
        if (limit->count == 0 || limit->count > LIMITS_COUNT_MAX || limit->window_s == 0 || limit->window_s > LIMITS_WINDOW_MAX_S)
            return false;
    }
    return true;
}

enum wd_err
wd_limits_take(struct wd_limits *l, struct wd_claim *claims, size_t count, uint64_t mono_us, size_t *which)
{
    size_t done = 0;

    *which = 0;
    if (!claims_ok(claims, count))
        return WD_ERR_RANGE;
    enum wd_err err = limits_lock(l);
    if (err != WD_OK)
        return err;
    uint64_t now = limits_now(l->header, mono_us);
    limits_sweep(l, now, LIMITS_SWEEP);
    for (; done < count; done++) {
        err = claim_take(l, &claims[done], now);
        if (err == WD_ERR_FULL) {
            limits_sweep(l, now, LIMITS_SWEEP_FULL);
            err = claim_take(l, &claims[done], now);
        }
        if (err != WD_OK)
            break;
    }
    if (err != WD_OK) {
        *which = done;
        for (size_t i = 0; i < done; i++)
            claim_return(l, &claims[i], now);
        for (size_t i = 0; i < count; i++) {
            claims[i].taken_us = 0;
            claim_show(l, &claims[i], now);
        }
    }
    limits_unlock(l);
    return err;
}

void
wd_limits_return(struct wd_limits *l, const struct wd_claim *claims, size_t count)
{
    if (limits_lock(l) != WD_OK)
        return;
    for (size_t i = 0; i < count && i < LIMITS_CLAIMS_MAX; i++)
        if (claims[i].taken_us != 0)
            claim_return(l, &claims[i], claims[i].taken_us);
    limits_unlock(l);
}

void
wd_limits_settle(struct wd_limits *l, const struct wd_claim *claims, size_t count)
{
    (void)l;
    (void)claims;
    (void)count;
}

void
wd_limits_look_again(struct wd_limits *l)
{
    l->keeps = true;
    l->looked = false;
}

void
wd_limits_key(uint8_t out[16], const uint8_t secret[32], const char *scope, struct wd_span a, struct wd_span b)
{
    wd_keyed(out, secret, scope, a, b);
}
