#include "limits.h"

#include <string.h>

#include "keyed.h"
#include "limits_convert.h"
#include "limits_map.h"
#include "limits_window.h"

#define LIMITS_CLAIMS_MAX 1024
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
            c->kind = (uint16_t)limits_kind_for(&claim->limit);
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

/* How much of its unit a claim asks for. */
static uint64_t
claim_needs(const struct wd_claim *claim)
{
    return claim->limit.unit == WD_UNIT_REQUESTS ? 1 : claim->amount;
}

/* When the oldest slices are out of the window without which no more than `most` is used. */
static uint64_t
counter_free_at(const struct wd_limits *l, const struct limits_counter *c, uint64_t used, uint64_t most, uint64_t oldest,
                uint64_t now)
{
    uint64_t width = limits_slice_us(c->slice_window_s);

    for (; oldest < now / width; oldest++) {
        used -= c->kind == LIMITS_KIND_SLICES ? limits_slice_count(l, c, oldest) : limits_amount_at(l, c, oldest);
        if (used <= most)
            break;
    }
    return (oldest + 1 + LIMITS_SLICES) * width;
}

/* Used and remaining of the claim's window; *reset_us until there is room for such a claim, when there is none. */
static bool
counter_room(const struct wd_limits *l, const struct limits_counter *c, struct wd_claim *claim, uint64_t now)
{
    uint64_t window = limits_window(&claim->limit), used, free_at = now, oldest;
    uint64_t max = claim->limit.count, needs = claim_needs(claim);
    uint32_t gone = 0;

    if (c->kind == LIMITS_KIND_LOG) {
        gone = limits_log_expired(l, c, window, now);
        used = limits_log_count(c) - gone;
    } else if (c->kind == LIMITS_KIND_SLICES) {
        used = limits_slices_sum(l, c, now, &oldest);
    } else {
        used = limits_amounts_sum(l, c, now, &oldest);
    }
    claim->remaining = used < max ? max - used : 0;
    bool room = needs <= claim->remaining;
    if (!room && needs > max)
        free_at = now + window; /* alone it is too much */
    else if (!room && c->kind == LIMITS_KIND_LOG)
        free_at = limits_log_time(l, c, gone + (uint32_t)(used - max)) + window;
    else if (!room)
        free_at = counter_free_at(l, c, used, max - needs, oldest, now);
    claim->reset_us = limits_since(free_at, now);
    return room;
}

/* The key of rank 0 of the claim's group. */
static void
claim_first_key(uint8_t key[16], const struct wd_claim *claim)
{
    memcpy(key, claim->key, 16);
    key[7] ^= claim->limit.rank;
}

static uint32_t
claim_counter(struct wd_limits *l, const struct wd_claim *claim, uint64_t now)
{
    uint32_t at = counter_find(l, claim->key);

    return at != LIMITS_NONE ? at : counter_make(l, claim, now);
}

/*
 * Limits of a group count the same over different windows. When the windows are not those that its counters were last made for,
 * each is made anew out of the one with the longest window, so that no change of the policy forgets what was used.
 */
static enum wd_err
claims_regroup(struct wd_limits *l, const struct wd_claim *claims, size_t count, uint64_t now)
{
    for (size_t i = 0; i < count; i++) {
        const struct wd_limit *limit = &claims[i].limit;
        if (limit->group == 0 || limit->rank != 0)
            continue;
        uint32_t first = counter_find(l, claims[i].key);
        if (first == LIMITS_NONE || l->counters[first].group == limit->group)
            continue;
        for (size_t k = 0; k < count; k++) {
            uint8_t key[16];
            claim_first_key(key, &claims[k]);
            if (claims[k].limit.rank == 0 || memcmp(key, claims[i].key, 16) != 0)
                continue;
            uint32_t at = claim_counter(l, &claims[k], now);
            if (at == LIMITS_NONE)
                return WD_ERR_FULL;
            enum wd_err err = limits_convert(l, &l->counters[at], &l->counters[first], &claims[k].limit, now);
            if (err != WD_OK)
                return err;
            l->counters[at].keep_us = limits_window(&claims[k].limit);
        }
        l->counters[first].group = limit->group;
        limits_order();
    }
    return WD_OK;
}

/* The counter as the limit wants it. */
static enum wd_err
counter_ready(struct wd_limits *l, struct limits_counter *c, const struct wd_limit *limit, uint64_t now)
{
    uint64_t window = limits_window(limit);
    uint16_t kind = (uint16_t)limits_kind_for(limit);

    if (limit->rank == 0)
        c->group = limit->group; /* another one, and with fellows: seen to by claims_regroup() */
    if (c->keep_us < window)
        c->keep_us = window;
    if (c->kind == LIMITS_KIND_LOG) {
        limits_log_drop(l, c, limits_log_expired(l, c, c->keep_us, now));
        if (limits_log_count(c) == 0)
            c->keep_us = window;
    }
    if (c->kind == kind && (kind == LIMITS_KIND_LOG || c->slice_window_s == limit->window_s))
        return WD_OK;
    return limits_convert(l, c, c, limit, now);
}

static enum wd_err
claim_take(struct wd_limits *l, struct wd_claim *claim, uint64_t now)
{
    uint32_t at = claim_counter(l, claim, now);
    uint64_t needs = claim_needs(claim);

    if (at == LIMITS_NONE)
        return WD_ERR_FULL;
    struct limits_counter *c = &l->counters[at];
    enum wd_err err = counter_ready(l, c, &claim->limit, now);
    if (err != WD_OK)
        return err;
    if (!counter_room(l, c, claim, now))
        return WD_ERR_DENIED;
    if (c->kind == LIMITS_KIND_LOG) {
        err = limits_log_push(l, c, now);
    } else {
        uint64_t slice = now / limits_slice_us(c->slice_window_s);
        c->newest_us = now;
        err = c->kind == LIMITS_KIND_SLICES ? limits_slices_add(l, c, slice, 1) : limits_amounts_add(l, c, slice, needs);
    }
    if (err != WD_OK)
        return err;
    claim->taken_us = now;
    claim->remaining -= needs;
    if (claim->remaining < needs)
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
    if ((c->kind == LIMITS_KIND_LOG || c->kind == LIMITS_KIND_SLICES) != (claim->limit.unit == WD_UNIT_REQUESTS))
        return;
    if (c->kind == LIMITS_KIND_LOG) {
        limits_log_remove(l, c, taken_us);
        if (limits_log_count(c) == 0)
            limits_counter_free(l, at);
        return;
    }
    uint64_t slice = taken_us / limits_slice_us(c->slice_window_s);
    if (c->kind != LIMITS_KIND_SLICES) {
        limits_amounts_less(l, c, slice, claim->amount);
        return;
    }
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
    /* of another kind since a reload: told at its first take */
    if (c->kind == limits_kind_for(&claim->limit))
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
        uint64_t max = limit->unit == WD_UNIT_REQUESTS ? WD_LIMIT_REQUESTS_MAX : WD_LIMIT_AMOUNT_MAX;
        if (limit->unit > WD_UNIT_MICRO_USD || limit->count == 0 || limit->count > max || limit->window_s == 0 ||
            limit->window_s > WD_LIMIT_WINDOW_MAX_S || limit->rank > WD_LIMIT_RANK_MAX)
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
    err = claims_regroup(l, claims, count, now);
    if (err == WD_ERR_FULL) {
        limits_sweep(l, now, LIMITS_SWEEP_FULL);
        err = claims_regroup(l, claims, count, now);
    }
    for (; err == WD_OK && done < count; done++) {
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

static void
claim_settle(struct wd_limits *l, const struct wd_claim *claim, uint64_t now)
{
    uint32_t at = counter_find(l, claim->key);

    if (at == LIMITS_NONE || l->counters[at].kind != limits_kind_for(&claim->limit))
        return;
    struct limits_counter *c = &l->counters[at];
    uint64_t slice = claim->taken_us / limits_slice_us(c->slice_window_s);
    if (claim->used <= claim->amount) {
        limits_amounts_less(l, c, slice, claim->amount - claim->used);
    } else if (limits_amounts_add(l, c, slice, claim->used - claim->amount) == WD_ERR_FULL) {
        limits_sweep(l, now, LIMITS_SWEEP_FULL);
        /* with no block even so it is lost: all that was reserved still counts */
        if (limits_amounts_add(l, c, slice, claim->used - claim->amount) != WD_OK)
            return;
    }
}

void
wd_limits_settle(struct wd_limits *l, const struct wd_claim *claims, size_t count)
{
    if (limits_lock(l) != WD_OK)
        return;
    for (size_t i = 0; i < count && i < LIMITS_CLAIMS_MAX; i++)
        if (claims[i].taken_us != 0 && claims[i].limit.unit != WD_UNIT_REQUESTS)
            claim_settle(l, &claims[i], l->header->last_us);
    limits_unlock(l);
}

enum wd_err
wd_limits_probe(struct wd_limits *l)
{
    enum wd_err err;

    l->looked = false;
    err = limits_lock(l);
    if (err == WD_OK)
        limits_unlock(l);
    return err;
}

void
wd_limits_look_again(struct wd_limits *l)
{
    l->keeps = true;
    l->looked = false;
}

void
wd_limits_key_of(struct wd_claim *claim, const uint8_t scope[16], const struct wd_limit *limit)
{
    memcpy(claim->key, scope, 16);
    claim->key[7] ^= (uint8_t)(limit->unit << 4 | limit->rank);
    claim->limit = *limit;
}

void
wd_limits_key(uint8_t out[16], const uint8_t secret[32], const char *scope, struct wd_span a, struct wd_span b)
{
    wd_keyed(out, secret, scope, a, b);
}
