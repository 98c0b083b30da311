#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>

#include "scratch.h"
#include "store/limits.h"

#define SECOND UINT64_C(1000000)
#define MIB ((size_t)1 << 20)

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
claim(const char *name, uint32_t count, uint32_t window_s)
{
    struct wd_claim c = { .limit = { count, window_s } };
    uint8_t secret[32] = { 0 };

    wd_limits_key(c.key, secret, "test", wd_span_str(name), WD_SPAN(""));
    return c;
}

static enum wd_err
take(struct wd_limits *l, struct wd_claim *c, uint64_t now)
{
    size_t which;

    return wd_limits_take(l, c, 1, now, &which);
}

static void
F24_window_slides_and_tells_what_is_left(void **state)
{
    struct scratch s;

    scratch_make(&s);
    struct wd_limits *l = open_map(&s, MIB);
    struct wd_claim c = claim("a", 3, 60);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(take(l, &c, (50 + i) * SECOND), WD_OK);
        assert_int_equal(c.remaining, 2 - i);
        assert_int_equal(c.reset_us, i < 2 ? 0 : 58 * SECOND);
    }
    /* the edge of any fixed minute means nothing */
    assert_int_equal(take(l, &c, 60 * SECOND), WD_ERR_DENIED);
    assert_int_equal(c.remaining, 0);
    assert_int_equal(c.reset_us, 50 * SECOND);
    assert_int_equal(take(l, &c, 110 * SECOND - 1), WD_ERR_DENIED);
    assert_int_equal(c.reset_us, 1);
    assert_int_equal(take(l, &c, 110 * SECOND), WD_OK);
    assert_int_equal(take(l, &c, 110 * SECOND), WD_ERR_DENIED);
    assert_int_equal(c.reset_us, 1 * SECOND);
    wd_limits_close(l);
    scratch_drop(&s);
}

static void
F26_each_key_has_its_own_window(void **state)
{
    struct scratch s;
    uint8_t secret[32] = { 0 }, a[16], b[16];

    scratch_make(&s);
    struct wd_limits *l = open_map(&s, MIB);
    struct wd_claim x = claim("x", 1, 60), y = claim("y", 1, 60);
    assert_int_equal(take(l, &x, SECOND), WD_OK);
    assert_int_equal(take(l, &x, SECOND), WD_ERR_DENIED);
    assert_int_equal(take(l, &y, SECOND), WD_OK);
    wd_limits_close(l);
    scratch_drop(&s);
    wd_limits_key(a, secret, "user", WD_SPAN("ab"), WD_SPAN("c"));
    wd_limits_key(b, secret, "user", WD_SPAN("a"), WD_SPAN("bc"));
    assert_memory_not_equal(a, b, 16);
    wd_limits_key(b, secret, "role", WD_SPAN("ab"), WD_SPAN("c"));
    assert_memory_not_equal(a, b, 16);
}

static void
claims_are_taken_together_or_not_at_all(void **state)
{
    struct scratch s;
    size_t which;

    scratch_make(&s);
    struct wd_limits *l = open_map(&s, MIB);
    struct wd_claim c[4] = { claim("provider", 100, 60), claim("user", 5, 60), claim("role", 2, 60), claim("big", 5000, 60) };
    for (int i = 0; i < 2; i++)
        assert_int_equal(wd_limits_take(l, c, 4, SECOND, &which), WD_OK);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(wd_limits_take(l, c, 4, 2 * SECOND, &which), WD_ERR_DENIED);
        assert_int_equal(which, 2);
        assert_int_equal(c[0].remaining, 98);
        assert_int_equal(c[1].remaining, 3);
        assert_int_equal(c[2].remaining, 0);
        assert_int_equal(c[3].remaining, 4998);
        assert_int_equal(c[2].reset_us, 59 * SECOND);
    }
    /* the same key twice in one request counts twice */
    struct wd_claim twice[2] = { claim("twice", 3, 60), claim("twice", 3, 60) };
    assert_int_equal(wd_limits_take(l, twice, 2, 2 * SECOND, &which), WD_OK);
    assert_int_equal(wd_limits_take(l, twice, 2, 2 * SECOND, &which), WD_ERR_DENIED);
    assert_int_equal(which, 1);
    assert_int_equal(twice[0].remaining, 1);
    wd_limits_close(l);
    scratch_drop(&s);
}

static void
F23_what_is_given_back_does_not_count(void **state)
{
    static const uint32_t counts[] = { 10, 1000, 1001, 5000 };
    struct scratch s;

    for (size_t i = 0; i < 4; i++) {
        scratch_make(&s);
        struct wd_limits *l = open_map(&s, MIB);
        struct wd_claim c = claim("a", counts[i], 60), first, middle;
        for (uint32_t n = 0; n < counts[i]; n++) {
            assert_int_equal(take(l, &c, SECOND + n), WD_OK);
            if (n == 0)
                first = c;
            if (n == counts[i] / 2)
                middle = c;
        }
        assert_int_equal(take(l, &c, 2 * SECOND), WD_ERR_DENIED);
        wd_limits_return(l, &middle, 1);
        assert_int_equal(take(l, &c, 2 * SECOND), WD_OK);
        assert_int_equal(take(l, &c, 2 * SECOND), WD_ERR_DENIED);
        wd_limits_return(l, &first, 1);
        wd_limits_return(l, &c, 1); /* was denied: nothing to give back */
        assert_int_equal(take(l, &c, 2 * SECOND), WD_OK);
        assert_int_equal(take(l, &c, 2 * SECOND), WD_ERR_DENIED);
        wd_limits_close(l);
        scratch_drop(&s);
    }
}

static void
limits_out_of_range_are_refused(void **state)
{
    static const struct wd_limit bad[] = { { 0, 60 }, { 1, 0 }, { 1000000001, 60 }, { 1, 31 * 86400 + 1 } };
    struct scratch s;

    scratch_make(&s);
    struct wd_limits *l = open_map(&s, MIB);
    for (size_t i = 0; i < 4; i++) {
        struct wd_claim c = claim("a", bad[i].count, bad[i].window_s);
        assert_int_equal(take(l, &c, SECOND), WD_ERR_RANGE);
    }
    struct wd_claim most = claim("b", 1000000000, 31 * 86400);
    assert_int_equal(take(l, &most, SECOND), WD_OK);
    assert_int_equal(most.remaining, 999999999);
    wd_limits_close(l);
    scratch_drop(&s);
}

/* --- a naive twin --- */

#define TWIN_KEYS 6
#define TWIN_EVENTS 20000

struct twin {
    uint64_t at[TWIN_EVENTS];
    uint32_t count;
};
static struct twin twins[TWIN_KEYS];

static uint32_t
twin_used(const struct twin *t, uint64_t now, uint64_t window_us)
{
    uint32_t n = 0;

    for (uint32_t i = t->count; i > 0; i--)
        n += t->at[i - 1] + window_us > now;
    return n;
}

static const struct wd_limit twin_limits[TWIN_KEYS] = { { 1, 1 }, { 5, 2 }, { 40, 3 }, { 200, 1 }, { 1000, 4 }, { 33, 10 } };

static void
twin_run(uint64_t seed, bool restarts)
{
    struct scratch s;
    struct wd_claim held[8];
    uint32_t held_count = 0;
    uint64_t mono = 5 * SECOND, wall = 1700000000 * SECOND;

    random_state = seed;
    memset(twins, 0, sizeof(twins));
    scratch_make(&s);
    assert_int_equal(wd_limits_prepare(scratch_path(&s, "limits.map"), MIB, wall, mono), WD_OK);
    struct wd_limits *l = open_map(&s, MIB);
    for (int step = 0; step < 30000; step++) {
        uint64_t pass = pick(100) == 0 ? pick(2000000) : pick(4000);
        mono += pass;
        wall += pass;
        uint32_t k = pick(TWIN_KEYS), what = pick(1000);
        if (restarts && what == 0) { /* the wall clock is set forward meanwhile: nobody gains by it */
            wd_limits_close(l);
            wall += pick(2) * 7200 * SECOND;
            if (pick(2) != 0)
                assert_int_equal(wd_limits_prepare(scratch_path(&s, "limits.map"), MIB, wall, mono), WD_OK);
            l = open_map(&s, MIB);
        } else if (what < 60 && held_count > 0) {
            struct wd_claim *c = &held[--held_count];
            for (k = 0; k < TWIN_KEYS; k++) {
                char name[2] = { (char)('a' + k), 0 };
                struct wd_claim of = claim(name, 1, 1);
                if (memcmp(of.key, c->key, 16) != 0)
                    continue;
                uint64_t at = c->reset_us; /* where the test keeps its own time */
                for (uint32_t i = twins[k].count; i > 0; i--) {
                    if (twins[k].at[i - 1] != at)
                        continue;
                    memmove(&twins[k].at[i - 1], &twins[k].at[i], (twins[k].count - i) * sizeof(uint64_t));
                    twins[k].count--;
                    break;
                }
            }
            wd_limits_return(l, c, 1);
        } else {
            char name[2] = { (char)('a' + k), 0 };
            struct wd_claim c = claim(name, twin_limits[k].count, twin_limits[k].window_s);
            uint32_t used = twin_used(&twins[k], mono, twin_limits[k].window_s * SECOND);
            enum wd_err err = take(l, &c, mono);
            assert_int_equal(err, used < twin_limits[k].count ? WD_OK : WD_ERR_DENIED);
            assert_int_equal(c.remaining, err == WD_OK ? twin_limits[k].count - used - 1 : 0);
            if (err == WD_OK) {
                if (twins[k].count == TWIN_EVENTS) {
                    memmove(twins[k].at, twins[k].at + TWIN_EVENTS / 2, sizeof(twins[k].at) / 2);
                    twins[k].count = TWIN_EVENTS / 2;
                }
                twins[k].at[twins[k].count++] = mono;
                if (held_count < 8 && pick(8) == 0) {
                    c.reset_us = mono;
                    held[held_count++] = c;
                }
            }
        }
    }
    wd_limits_close(l);
    scratch_drop(&s);
}

static void
exact_as_a_naive_twin(void **state)
{
    for (uint64_t seed = 1; seed <= 8; seed++)
        twin_run(seed, false);
}

static void
F22_exact_over_restarts_and_a_wall_clock_set_forward(void **state)
{
    for (uint64_t seed = 100; seed <= 108; seed++)
        twin_run(seed, true);
}

/* --- above 1,000: never more, and at most 2 % less --- */

static void
large_limits_are_never_exceeded_and_hardly_rounded(void **state)
{
    enum { N = 1500, WINDOW = 8, EVENTS = 60000 };
    static uint64_t at[EVENTS];
    struct scratch s;

    for (uint64_t seed = 1; seed <= 4; seed++) {
        uint64_t now = 100 * SECOND, slack = WINDOW * SECOND / 64;
        uint32_t count = 0, low = 0, lower = 0;
        random_state = seed;
        scratch_make(&s);
        struct wd_limits *l = open_map(&s, MIB);
        struct wd_claim c = claim("a", N, WINDOW);
        while (count < EVENTS) {
            now += pick(5000) == 0 ? pick(9000000) : pick(seed < 3 ? 2000 : 9000);
            enum wd_err err = take(l, &c, now);
            while (low < count && at[low] + WINDOW * SECOND <= now)
                low++;
            while (lower < count && at[lower] + WINDOW * SECOND + slack <= now)
                lower++;
            if (err == WD_OK)
                at[count++] = now;
            assert_true(count - low <= N);
            if (err == WD_ERR_DENIED) {
                assert_true(count - lower >= N);
                assert_true(c.reset_us > 0);
                now += c.reset_us - 1;
                assert_int_equal(take(l, &c, now), WD_ERR_DENIED);
                now += 1;
                assert_int_equal(take(l, &c, now), WD_OK);
                at[count++] = now;
                if (count >= EVENTS - 1)
                    break;
            }
        }
        wd_limits_close(l);
        scratch_drop(&s);
    }
}

static void
large_limit_under_steady_demand_loses_at_most_two_percent(void **state)
{
    struct scratch s;
    uint32_t taken = 0;

    scratch_make(&s);
    struct wd_limits *l = open_map(&s, MIB);
    struct wd_claim c = claim("a", 2000, 10);
    for (uint64_t now = 0; now < 100 * SECOND; now += 400)
        taken += take(l, &c, 1000 * SECOND + now) == WD_OK;
    assert_true(taken <= 22000);
    assert_true(taken >= 19600);
    wd_limits_close(l);
    scratch_drop(&s);
}

/* --- a policy that changes --- */

/*
 * Takes under limits that change at random. With one window for all of them what was taken before a change counts whole; with
 * others, what was taken since.
 */
static void
changing_limits(const struct wd_limit *limits, uint32_t limit_count, bool same_window, uint64_t seed)
{
    static uint64_t at[400000];
    uint64_t now = 100 * SECOND, since = now;
    uint32_t count = 0, denied = 0;
    const struct wd_limit *limit = &limits[0];
    struct scratch s;

    random_state = seed;
    scratch_make(&s);
    struct wd_limits *l = open_map(&s, 4 * MIB);
    for (int step = 0; step < 60000; step++) {
        now += pick(3000);
        if (pick(3000) == 0) {
            limit = &limits[pick(limit_count)];
            since = now;
        }
        struct wd_claim c = claim("a", limit->count, limit->window_s);
        if (take(l, &c, now) != WD_OK) {
            denied++;
            continue;
        }
        at[count++] = now;
        uint64_t from = now - limit->window_s * SECOND;
        if (!same_window && from < since)
            from = since;
        uint32_t n = 0;
        for (uint32_t i = count; i > 0 && at[i - 1] > from; i--)
            n++;
        assert_true(n <= limit->count);
    }
    assert_true(count > 0 && denied > 0);
    wd_limits_close(l);
    scratch_drop(&s);
}

static void
changed_limits_let_nothing_more_through(void **state)
{
    static const struct wd_limit same[] = { { 1000, 10 }, { 1001, 10 }, { 20, 10 }, { 5000, 10 }, { 900, 10 }, { 1500, 10 } };
    static const struct wd_limit mixed[] = { { 1000, 10 }, { 1001, 10 }, { 20, 10 },   { 5000, 10 }, { 900, 10 },
                                             { 3000, 7 },  { 3000, 10 }, { 1000, 20 }, { 2, 1 },     { 100000, 20 } };

    for (uint64_t seed = 1; seed <= 6; seed++) {
        changing_limits(same, 6, true, seed);
        changing_limits(mixed, 10, false, seed);
    }
}

static void
change_of_kind_keeps_what_was_taken(void **state)
{
    struct scratch s;

    scratch_make(&s);
    struct wd_limits *l = open_map(&s, MIB);
    struct wd_claim small = claim("a", 1000, 60), large = claim("a", 1500, 60), hour = claim("a", 100, 3600);
    for (uint32_t i = 0; i < 1000; i++)
        assert_int_equal(take(l, &small, SECOND + i), WD_OK);
    for (uint32_t i = 0; i < 500; i++)
        assert_int_equal(take(l, &large, 2 * SECOND), WD_OK);
    assert_int_equal(take(l, &large, 2 * SECOND), WD_ERR_DENIED);
    assert_int_equal(take(l, &small, 2 * SECOND), WD_ERR_DENIED);
    assert_int_equal(take(l, &hour, 2 * SECOND), WD_ERR_DENIED);
    assert_int_equal(take(l, &small, 61 * SECOND), WD_ERR_DENIED);
    assert_int_equal(take(l, &small, 65 * SECOND), WD_OK);
    wd_limits_close(l);
    scratch_drop(&s);
}

static void
slices_of_another_width_round_against_the_caller(void **state)
{
    struct scratch s;

    scratch_make(&s);
    struct wd_limits *l = open_map(&s, MIB);
    struct wd_claim wide = claim("a", 1500, 64), narrow = claim("a", 1500, 32);
    for (uint32_t i = 0; i < 1500; i++)
        assert_int_equal(take(l, &wide, 100 * SECOND + 900000), WD_OK);
    assert_int_equal(take(l, &narrow, 102 * SECOND), WD_ERR_DENIED);
    assert_int_equal(take(l, &narrow, 132 * SECOND + 899999), WD_ERR_DENIED);
    assert_int_equal(take(l, &narrow, 134 * SECOND), WD_OK);
    wd_limits_close(l);
    scratch_drop(&s);
}

/* --- clocks --- */

static void
clock_steps_never_give_room(void **state)
{
    static const struct {
        int64_t wall_step_s, mono_step_s; /* between close and prepare */
        bool reboot;
        enum wd_err after;
    } rows[] = {
        { 0, 1, false, WD_ERR_DENIED },
        { 7200, 1, false, WD_ERR_DENIED },  /* wall set forward */
        { -7200, 1, false, WD_ERR_DENIED }, /* and backward */
        { 0, 3600, false, WD_OK },          /* an hour did pass */
        { 7200, 10, true, WD_ERR_DENIED },  /* started anew: 10 s are certain, the wall clock is not */
        { 0, 3600, true, WD_OK },
        { -90000, 3600, true, WD_ERR_DENIED }, /* a file from another machine, or a clock set back */
    };
    struct scratch s;

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        uint64_t mono = 500000 * SECOND, wall = 1700000000 * SECOND;
        scratch_make(&s);
        assert_int_equal(wd_limits_prepare(scratch_path(&s, "limits.map"), MIB, wall, mono), WD_OK);
        struct wd_limits *l = open_map(&s, MIB);
        struct wd_claim c = claim("a", 1, 3600);
        assert_int_equal(take(l, &c, mono), WD_OK);
        wd_limits_close(l);
        mono = (rows[i].reboot ? 0 : mono) + (uint64_t)rows[i].mono_step_s * SECOND;
        wall += (uint64_t)(rows[i].wall_step_s + rows[i].mono_step_s) * SECOND;
        assert_int_equal(wd_limits_prepare(scratch_path(&s, "limits.map"), MIB, wall, mono), WD_OK);
        l = open_map(&s, MIB);
        assert_int_equal(take(l, &c, mono), rows[i].after);
        /* a reading from before: time stands still */
        assert_int_equal(take(l, &c, mono - SECOND), WD_ERR_DENIED);
        assert_int_equal(take(l, &c, 0), WD_ERR_DENIED);
        assert_int_equal(take(l, &c, mono + 3600 * SECOND), WD_OK);
        wd_limits_close(l);
        scratch_drop(&s);
    }
}

static void
prepare_beside_others_leaves_their_clock_alone(void **state)
{
    struct scratch s;

    scratch_make(&s);
    assert_int_equal(wd_limits_prepare(scratch_path(&s, "limits.map"), MIB, 1000 * SECOND, 10 * SECOND), WD_OK);
    struct wd_limits *l = open_map(&s, MIB);
    struct wd_claim c = claim("a", 1, 60);
    assert_int_equal(take(l, &c, 20 * SECOND), WD_OK);
    assert_int_equal(wd_limits_prepare(scratch_path(&s, "limits.map"), MIB, 9000 * SECOND, 21 * SECOND), WD_OK);
    assert_int_equal(take(l, &c, 79 * SECOND), WD_ERR_DENIED);
    assert_int_equal(take(l, &c, 80 * SECOND), WD_OK);
    wd_limits_close(l);
    scratch_drop(&s);
}

/* --- room --- */

static void
F51_full_map_refuses_and_memory_of_the_gone_returns(void **state)
{
    struct scratch s;
    char name[32];
    uint32_t full = 0, again = 0;

    scratch_make(&s);
    struct wd_limits *l = open_map(&s, 64 * 1024);
    for (int round = 0; round < 2; round++) {
        uint32_t ok = 0;
        for (uint32_t i = 0; i < 2000; i++) {
            snprintf(name, sizeof(name), "%d.%u", round, i);
            struct wd_claim c = claim(name, 5, 60);
            enum wd_err err = take(l, &c, (1 + (uint64_t)round * 61) * SECOND);
            assert_true(err == WD_OK || err == WD_ERR_FULL);
            ok += err == WD_OK;
        }
        assert_true(ok > 40 && ok < 400);
        *(round == 0 ? &full : &again) = ok;
    }
    assert_true(again * 2 > full);
    wd_limits_close(l);

    /* blocks run out before counters do: all or nothing holds there too */
    l = open_map(&s, 64 * 1024);
    struct wd_claim pair[2] = { claim("p", 1000, 60), claim("q", 1000, 60) };
    enum wd_err err = WD_OK;
    size_t which;
    uint32_t n = 0;
    for (uint32_t k = 0; err != WD_ERR_FULL && k < 100; k++) {
        snprintf(name, sizeof(name), "p%u", k);
        pair[0] = claim(name, 1000, 60);
        snprintf(name, sizeof(name), "q%u", k);
        pair[1] = claim(name, 1000, 60);
        for (n = 0; n < 1000; n++) {
            err = wd_limits_take(l, pair, 2, 1000 * SECOND, &which);
            if (err != WD_OK)
                break;
        }
    }
    assert_int_equal(err, WD_ERR_FULL);
    assert_int_equal(pair[0].remaining, 1000 - n);
    assert_int_equal(pair[1].remaining, 1000 - n);
    wd_limits_close(l);
    scratch_drop(&s);
}

static void
steady_churn_of_users_never_fills_the_map(void **state)
{
    struct scratch s;
    char name[32];

    scratch_make(&s);
    struct wd_limits *l = open_map(&s, 64 * MIB);
    struct stat before, after;
    assert_int_equal(stat(s.path, &before), 0);
    for (uint32_t i = 0; i < 100000; i++) {
        snprintf(name, sizeof(name), "%u", i);
        struct wd_claim c = claim(name, 5, 1);
        assert_int_equal(take(l, &c, i * (SECOND / 100)), WD_OK); /* 100 alive at a time */
    }
    assert_int_equal(stat(s.path, &after), 0);
    assert_true(after.st_blocks - before.st_blocks <= (off_t)(4 * MIB / 512));
    wd_limits_close(l);
    scratch_drop(&s);
}

/* --- damage --- */

static void
hammer(struct wd_limits *l, uint64_t now)
{
    char name[8];
    size_t which;

    for (uint32_t i = 0; i < 300; i++) {
        snprintf(name, sizeof(name), "%u", pick(20));
        struct wd_claim c[4] = { claim(name, pick(2) != 0 ? 50 : 5000, 1 + pick(3)), claim("all", 200, 2) };
        struct wd_limit group[2] = { { 90000, 3, WD_UNIT_TOKENS }, { 50000, 1 + pick(3), WD_UNIT_TOKENS } };
        wd_limits_rank(group, 2);
        for (int k = 0; k < 2; k++) {
            wd_limits_key_of(&c[2 + k], c[0].key, &group[k]);
            c[2 + k].amount = pick(3000);
            c[2 + k].used = pick(5000);
        }
        now += pick(30000);
        if (wd_limits_take(l, c, 4, now, &which) == WD_OK && pick(4) == 0)
            wd_limits_return(l, c, 4);
        else
            wd_limits_settle(l, c, 4);
    }
}

/* Flips bytes anywhere but in the lock itself, in a closed and in a mapped file. */
static void
damaged_file_never_leads_out_of_the_map(void **state)
{
    struct scratch s;
    struct wd_limits *l;
    uint8_t bytes[64];

    for (uint64_t seed = 1; seed <= 150; seed++) {
        random_state = seed;
        scratch_make(&s);
        l = open_map(&s, 256 * 1024);
        hammer(l, SECOND);
        bool mapped = seed % 2 == 0;
        if (!mapped)
            wd_limits_close(l);
        int fd = open(scratch_path(&s, "limits.map"), O_RDWR);
        for (int i = 0; i < 200; i++) {
            /* dense parts more often: the header's numbers, the first counters' page, anywhere */
            uint32_t at = (uint32_t[]){ 40 + pick(mapped ? 24 : 300), 8192 + pick(70000), pick(262000) }[i % 3];
            if (mapped && at < 4096 && at >= 64)
                continue;
            for (size_t b = 0; b < sizeof(bytes); b++)
                bytes[b] = (uint8_t)pick(256);
            assert_true(pwrite(fd, bytes, 1 + pick(8), at) > 0);
        }
        close(fd);
        if (!mapped) {
            assert_int_equal(wd_limits_prepare(s.path, 256 * 1024, 5 * SECOND, SECOND), WD_OK);
            l = open_map(&s, 256 * 1024);
        }
        hammer(l, 20 * SECOND);
        wd_limits_close(l);
        scratch_drop(&s);
    }
}

static void
cut_file_is_an_error_and_made_anew_at_start(void **state)
{
    static const off_t sizes[] = { 0, 1, 4096, 8192, 100000, 1048575 };
    struct scratch s;
    struct wd_limits *l;

    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        scratch_make(&s);
        l = open_map(&s, MIB);
        struct wd_claim c = claim("a", 5, 60);
        assert_int_equal(take(l, &c, SECOND), WD_OK);
        assert_int_equal(truncate(s.path, sizes[i]), 0);
        assert_int_equal(take(l, &c, SECOND), WD_ERR_IO);
        wd_limits_return(l, &c, 1);
        wd_limits_close(l);
        if (sizes[i] != 0) {
            assert_int_equal(wd_limits_open(&l, s.path, MIB), WD_ERR_CORRUPT);
            assert_null(l);
        }
        assert_int_equal(wd_limits_prepare(s.path, MIB, SECOND, SECOND), WD_OK);
        l = open_map(&s, MIB);
        assert_int_equal(take(l, &c, SECOND), WD_OK);
        wd_limits_close(l);
        scratch_drop(&s);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(F24_window_slides_and_tells_what_is_left),
        cmocka_unit_test(F26_each_key_has_its_own_window),
        cmocka_unit_test(claims_are_taken_together_or_not_at_all),
        cmocka_unit_test(F23_what_is_given_back_does_not_count),
        cmocka_unit_test(limits_out_of_range_are_refused),
        cmocka_unit_test(exact_as_a_naive_twin),
        cmocka_unit_test(F22_exact_over_restarts_and_a_wall_clock_set_forward),
        cmocka_unit_test(large_limits_are_never_exceeded_and_hardly_rounded),
        cmocka_unit_test(large_limit_under_steady_demand_loses_at_most_two_percent),
        cmocka_unit_test(changed_limits_let_nothing_more_through),
        cmocka_unit_test(change_of_kind_keeps_what_was_taken),
        cmocka_unit_test(slices_of_another_width_round_against_the_caller),
        cmocka_unit_test(clock_steps_never_give_room),
        cmocka_unit_test(prepare_beside_others_leaves_their_clock_alone),
        cmocka_unit_test(F51_full_map_refuses_and_memory_of_the_gone_returns),
        cmocka_unit_test(steady_churn_of_users_never_fills_the_map),
        cmocka_unit_test(damaged_file_never_leads_out_of_the_map),
        cmocka_unit_test(cut_file_is_an_error_and_made_anew_at_start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
