#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scratch.h"
#include "store/limits.h"

#define SECOND UINT64_C(1000000)
#define MIB ((size_t)1 << 20)
#define DAY 86400

static uint64_t random_state;

static uint32_t
pick(uint32_t below)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 33) % below;
}

static struct wd_limits *
open_map(struct scratch *s, size_t bytes)
{
    struct wd_limits *l;

    assert_int_equal(wd_limits_open(&l, scratch_path(s, "limits.map"), bytes), WD_OK);
    return l;
}

static struct wd_claim
claim_of(const char *name, const struct wd_limit *limit, uint64_t amount)
{
    struct wd_claim c = { .amount = amount };
    uint8_t secret[32] = { 0 }, scope[16];

    wd_limits_key(scope, secret, "test", wd_span_str(name), WD_SPAN(""));
    wd_limits_key_of(&c, scope, limit);
    return c;
}

static struct wd_claim
tokens(const char *name, uint64_t count, uint32_t window_s, uint64_t amount)
{
    struct wd_limit limit = { count, window_s, WD_UNIT_TOKENS, 0, 0 };

    return claim_of(name, &limit, amount);
}

static enum wd_err
take(struct wd_limits *l, struct wd_claim *c, uint64_t now)
{
    size_t which;

    return wd_limits_take(l, c, 1, now, &which);
}

static void
settle(struct wd_limits *l, struct wd_claim *c, uint64_t used)
{
    c->used = used;
    wd_limits_settle(l, c, 1);
}

static uint64_t
left(struct wd_limits *l, const char *name, uint64_t count, uint32_t window_s, uint64_t now)
{
    struct wd_claim c = tokens(name, count, window_s, 0);

    assert_int_equal(take(l, &c, now), WD_OK);
    return c.remaining;
}

static void
what_was_used_takes_the_place_of_what_was_reserved(void **state)
{
    struct scratch s;

    scratch_make(&s);
    struct wd_limits *l = open_map(&s, MIB);
    struct wd_claim a = tokens("a", 1000, 64, 600), b = a;
    assert_int_equal(take(l, &a, 100 * SECOND), WD_OK);
    assert_int_equal(a.remaining, 400);
    assert_int_equal(a.reset_us, 65 * SECOND); /* of its slice of one second */
    assert_int_equal(take(l, &b, 101 * SECOND), WD_ERR_DENIED);
    assert_int_equal(b.remaining, 400);
    assert_int_equal(b.reset_us, 64 * SECOND);
    settle(l, &a, 250);
    assert_int_equal(left(l, "a", 1000, 64, 101 * SECOND), 750);
    assert_int_equal(take(l, &b, 102 * SECOND), WD_OK);
    assert_int_equal(b.remaining, 150);
    wd_limits_return(l, &b, 1);
    assert_int_equal(left(l, "a", 1000, 64, 102 * SECOND), 750);
    /* in the slice where it was reserved: free when that one is out */
    assert_int_equal(left(l, "a", 1000, 64, 165 * SECOND - 1), 750);
    assert_int_equal(left(l, "a", 1000, 64, 165 * SECOND), 1000);
    wd_limits_close(l);
    scratch_drop(&s);
}

static void
more_than_was_reserved_is_a_debt(void **state)
{
    struct scratch s;

    scratch_make(&s);
    struct wd_limits *l = open_map(&s, MIB);
    struct wd_claim a = tokens("a", 1000, 64, 100), b = tokens("a", 1000, 64, 1);
    assert_int_equal(take(l, &a, 100 * SECOND), WD_OK);
    settle(l, &a, 5000);
    assert_int_equal(left(l, "a", 1000, 64, 101 * SECOND), 0);
    assert_int_equal(take(l, &b, 101 * SECOND), WD_ERR_DENIED);
    assert_int_equal(b.reset_us, 64 * SECOND);
    assert_int_equal(take(l, &b, 165 * SECOND), WD_OK);
    /* a slice never taken from, as when a price was 0 before it was known */
    struct wd_claim c = tokens("c", 1000, 64, 0);
    assert_int_equal(take(l, &c, 200 * SECOND), WD_OK);
    settle(l, &c, 1000);
    c.amount = 1;
    assert_int_equal(take(l, &c, 201 * SECOND), WD_ERR_DENIED);
    c.amount = 0;
    assert_int_equal(take(l, &c, 201 * SECOND), WD_OK);
    /* no number that a provider can make up wraps */
    for (int i = 0; i < 300; i++) {
        struct wd_claim d = tokens("d", WD_LIMIT_AMOUNT_MAX, 64, 0);
        assert_int_equal(take(l, &d, 300 * SECOND + (uint64_t)i * SECOND / 4), WD_OK);
        settle(l, &d, UINT64_MAX - (i % 3 == 0 ? (uint64_t)i : 0));
        assert_int_equal(left(l, "d", WD_LIMIT_AMOUNT_MAX, 64, 300 * SECOND + (uint64_t)i * SECOND / 4), 0);
    }
    wd_limits_close(l);
    scratch_drop(&s);
}

static void
more_than_the_limit_never_fits(void **state)
{
    static const uint64_t amounts[] = { 1001, UINT64_C(1) << 56, UINT64_C(1) << 63, UINT64_MAX };
    struct scratch s;

    scratch_make(&s);
    struct wd_limits *l = open_map(&s, MIB);
    for (size_t i = 0; i < 4; i++) {
        struct wd_claim a = tokens("a", 1000, 60, amounts[i]);
        assert_int_equal(take(l, &a, 100 * SECOND), WD_ERR_DENIED);
        assert_int_equal(a.reset_us, 60 * SECOND);
        assert_int_equal(a.remaining, 1000);
    }
    struct wd_claim all = tokens("a", 1000, 60, 1000);
    assert_int_equal(take(l, &all, 100 * SECOND), WD_OK);
    assert_int_equal(all.remaining, 0);
    wd_limits_close(l);
    scratch_drop(&s);
}

static void
requests_tokens_and_money_are_taken_together_or_not_at_all(void **state)
{
    static const struct wd_limit limits[] = { { 3, 60, WD_UNIT_REQUESTS, 0, 0 },
                                              { 1000, 60, WD_UNIT_TOKENS, 0, 0 },
                                              { 5000000, DAY, WD_UNIT_MICRO_USD, 0, 0 } };
    struct scratch s;
    struct wd_claim c[3];
    size_t which;

    scratch_make(&s);
    struct wd_limits *l = open_map(&s, MIB);
    for (size_t i = 0; i < 3; i++)
        c[i] = claim_of("a", &limits[i], i == 1 ? 400 : 1500000);
    assert_memory_not_equal(c[0].key, c[1].key, 16);
    assert_memory_not_equal(c[1].key, c[2].key, 16);
    for (int i = 0; i < 2; i++)
        assert_int_equal(wd_limits_take(l, c, 3, 100 * SECOND, &which), WD_OK);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(wd_limits_take(l, c, 3, 101 * SECOND, &which), WD_ERR_DENIED);
        assert_int_equal(which, 1);
        assert_int_equal(c[0].remaining, 1);
        assert_int_equal(c[1].remaining, 200);
        assert_int_equal(c[2].remaining, 2000000);
    }
    c[1].amount = 200;
    c[2].amount = 2000001;
    assert_int_equal(wd_limits_take(l, c, 3, 101 * SECOND, &which), WD_ERR_DENIED);
    assert_int_equal(which, 2);
    assert_int_equal(c[1].remaining, 200);
    c[2].amount = 2000000;
    assert_int_equal(wd_limits_take(l, c, 3, 101 * SECOND, &which), WD_OK);
    wd_limits_close(l);
    scratch_drop(&s);
}

static void
bounds_of_each_unit(void **state)
{
    static const struct wd_limit bad[] = { { WD_LIMIT_AMOUNT_MAX + 1, 60, WD_UNIT_TOKENS, 0, 0 },
                                           { 0, 60, WD_UNIT_MICRO_USD, 0, 0 },
                                           { 1, 31 * DAY + 1, WD_UNIT_TOKENS, 0, 0 },
                                           { 1000000001, 60, WD_UNIT_REQUESTS, 0, 0 },
                                           { 1, 60, 3, 0, 0 },
                                           { 1, 60, WD_UNIT_TOKENS, 8, 0 } };
    struct scratch s;

    scratch_make(&s);
    struct wd_limits *l = open_map(&s, MIB);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct wd_claim c = claim_of("a", &bad[i], 1);
        assert_int_equal(take(l, &c, 100 * SECOND), WD_ERR_RANGE);
    }
    struct wd_claim c = tokens("a", WD_LIMIT_AMOUNT_MAX, 31 * DAY, WD_LIMIT_AMOUNT_MAX);
    assert_int_equal(take(l, &c, 100 * SECOND), WD_OK);
    wd_limits_close(l);
    scratch_drop(&s);
}

/* --- a naive twin --- */

#define TWIN_EVENTS 200000
#define TWIN_OPEN 40

struct event {
    uint64_t at, amount;
};

static struct {
    struct event events[TWIN_EVENTS];
    uint32_t count;
    uint64_t known_from; /* what was before is not known: no window was so long */
} twin;

static uint64_t
twin_used(uint64_t now, uint64_t window_us)
{
    uint64_t sum = 0;

    for (uint32_t i = twin.count; i > 0; i--) {
        const struct event *e = &twin.events[i - 1];
        if (e->at + window_us <= now)
            break; /* in the order of time */
        if (e->at >= twin.known_from)
            sum += e->amount;
    }
    return sum;
}

#define POLICY_LIMITS 3
struct limits_of {
    struct wd_limit limits[POLICY_LIMITS];
    uint32_t count;
};

/* What a policy may say, with windows that slices fit unevenly. */
static void
twin_policy(struct limits_of *p, uint8_t unit)
{
    static const uint32_t windows[] = { 1, 3, 7, 10, 20 };
    static const uint32_t a_second[][2] = { [WD_UNIT_REQUESTS] = { 30, 90 }, [WD_UNIT_TOKENS] = { 900, 3000 } };

    p->count = 1 + pick(POLICY_LIMITS);
    for (uint32_t i = 0; i < p->count; i++) {
        uint32_t w = windows[pick(5)];
        p->limits[i] = (struct wd_limit){ (uint64_t)a_second[unit][pick(2)] * w + pick(50), w, unit, 0, 0 };
    }
    wd_limits_rank(p->limits, p->count);
}

/* Takes, settles, returns, restarts and reloads at random. Never more than the limit; without a reload hardly less. */
static void
twin_run(uint64_t seed, bool reloads, uint8_t unit)
{
    static struct {
        struct wd_claim claims[POLICY_LIMITS];
        uint32_t count, event, policy;
    } open[TWIN_OPEN];
    uint32_t open_count = 0, granted = 0, denied = 0, policies = 0, seen = 0;
    uint64_t mono = 500 * SECOND, wall = 1700000000 * SECOND, kept_us = 3600 * SECOND;
    struct limits_of policy;
    struct scratch s;

    random_state = seed;
    memset(&twin, 0, sizeof(twin));
    scratch_make(&s);
    assert_int_equal(wd_limits_prepare(scratch_path(&s, "limits.map"), 4 * MIB, wall, mono), WD_OK);
    struct wd_limits *l = open_map(&s, 4 * MIB);
    twin_policy(&policy, unit);
    for (int step = 0; step < 20000; step++) {
        uint64_t pass = pick(300) == 0 ? pick(15000000) : pick(9000);
        uint32_t what = pick(1000);
        mono += pass;
        wall += pass;
        if (reloads && what < 4) {
            twin_policy(&policy, unit);
            policies++;
        } else if (what < 8) {
            wd_limits_close(l);
            if (pick(2) != 0) {
                wall += pick(3) * 3600 * SECOND;
                assert_int_equal(wd_limits_prepare(s.path, 4 * MIB, wall, mono), WD_OK);
            }
            l = open_map(&s, 4 * MIB);
        } else if (what < 400 && open_count > 0) {
            uint32_t k = pick(open_count);
            struct event *e = &twin.events[open[k].event];
            uint64_t used = 0;
            if (pick(4) == 0 || unit == WD_UNIT_REQUESTS) {
                wd_limits_return(l, open[k].claims, open[k].count);
            } else {
                used = pick(20) == 0 ? e->amount + pick(500) : pick((uint32_t)e->amount + 1);
                for (uint32_t i = 0; i < open[k].count; i++)
                    open[k].claims[i].used = used;
                wd_limits_settle(l, open[k].claims, open[k].count);
            }
            /* what a limit of today was not asked for it is not told: a debt from before counts as far as it was reserved */
            if (used < e->amount || open[k].policy == policies)
                e->amount = used;
            open[k] = open[--open_count];
        } else if (twin.count < TWIN_EVENTS) {
            struct wd_claim c[POLICY_LIMITS];
            uint64_t amount = unit == WD_UNIT_REQUESTS ? 1 : pick(3) == 0 ? pick(900) : pick(60);
            bool fits = true, rounded = true;
            size_t which;
            /* a new policy finds what the one before it was asked for last */
            if (seen != policies && mono > kept_us && mono - kept_us > twin.known_from)
                twin.known_from = mono - kept_us;
            seen = policies;
            kept_us = policy.limits[0].window_s * SECOND;
            for (uint32_t i = 0; i < policy.count; i++) {
                const struct wd_limit *limit = &policy.limits[i];
                uint64_t window = limit->window_s * SECOND;
                c[i] = claim_of("twin", limit, amount);
                fits = fits && (amount == 0 || twin_used(mono, window) + amount <= limit->count);
                rounded = rounded && (amount == 0 || twin_used(mono, window + window / 64) + amount <= limit->count);
            }
            enum wd_err err = wd_limits_take(l, c, policy.count, mono, &which);
            if (err == WD_OK) {
                assert_true(fits);
                granted++;
                twin.events[twin.count] = (struct event){ mono, amount };
                if (open_count < TWIN_OPEN) {
                    memcpy(open[open_count].claims, c, sizeof(c));
                    open[open_count].count = policy.count;
                    open[open_count].policy = policies;
                    open[open_count++].event = twin.count;
                }
                twin.count++;
            } else {
                assert_int_equal(err, WD_ERR_DENIED);
                denied++;
                assert_true(c[which].reset_us > 0);
                if (!reloads)
                    assert_false(rounded);
            }
        }
    }
    assert_true(granted > 500 && denied > 20);
    wd_limits_close(l);
    scratch_drop(&s);
}

static void
exact_as_a_naive_twin(void **state)
{
    for (uint64_t seed = 1; seed <= 12; seed++)
        twin_run(seed, false, WD_UNIT_TOKENS);
}

static void
no_reload_gives_room(void **state)
{
    for (uint64_t seed = 100; seed <= 140; seed++)
        twin_run(seed, true, seed % 3 == 0 ? WD_UNIT_REQUESTS : WD_UNIT_TOKENS);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_used_takes_the_place_of_what_was_reserved),
        cmocka_unit_test(more_than_was_reserved_is_a_debt),
        cmocka_unit_test(more_than_the_limit_never_fits),
        cmocka_unit_test(requests_tokens_and_money_are_taken_together_or_not_at_all),
        cmocka_unit_test(bounds_of_each_unit),
        cmocka_unit_test(exact_as_a_naive_twin),
        cmocka_unit_test(no_reload_gives_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
