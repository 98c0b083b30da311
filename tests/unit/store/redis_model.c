/* Random interleavings on a real Redis, its clock in the test's hands, against a naive twin and against the store of one machine.
 */
#include "redis_server.h"

#include "unit/store/lua_test_arrive.h"
#include "unit/store/lua_test_issue.h"
#include "unit/store/lua_test_reserve.h"
#include "unit/store/lua_test_settle.h"

#define LIMITS 6
#define LOGS 3 /* the first of them are exact to the request */
#define EVENTS 60000
#define VALUES 6
#define PENDING 24

static const struct wd_limit model_limits[LIMITS] = {
    { 5, 10, WD_UNIT_REQUESTS },    { 1000, 60, WD_UNIT_REQUESTS }, { 1, 1, WD_UNIT_REQUESTS },
    { 2000, 10, WD_UNIT_REQUESTS }, { 10000, 10, WD_UNIT_TOKENS },  { (uint64_t)1 << 52, 5, WD_UNIT_MICRO_USD },
};

struct event {
    uint64_t time, amount;
    uint32_t nonce; /* 0: given back */
};

struct entry {
    uint64_t holder;
    uint32_t nonce;
};

struct pending {
    struct wd_claim claims[LIMITS];
    int limit[LIMITS];
    struct wd_holding values[2];
    int value[2];
    struct wd_reservation held;
    bool first[2]; /* the naive twin says: free until then */
};

static uint64_t model_seed, model_now;
static struct event *model_events[LIMITS];
static size_t model_count[LIMITS], model_first[LIMITS];
static struct entry model_ledger[VALUES];
static uint64_t model_raw, twin_ahead; /* the file of the twin has a time of its own */

static uint64_t
dice(uint64_t sides)
{
    model_seed = model_seed * 6364136223846793005u + 1442695040888963407u;
    return (model_seed >> 33) % sides;
}

/* The command with one argument more, which the test's clock reads. */
static enum wd_redis_went
run_at(struct wd_store_op *op, uint64_t raw_us, uint64_t deadline_us)
{
    struct wd_buf made;
    char number[24];
    uint64_t time_us = 0;

    assert_int_equal(wd_redis_format(&rs.redis, op, deadline_us, &rs.out), WD_OK);
    size_t end = (size_t)((char *)memchr(rs.out.ptr, '\n', rs.out.len) - rs.out.ptr) + 1;
    int len = snprintf(number, sizeof(number), "%llu", (unsigned long long)raw_us);
    wd_buf_init(&made, 1 << 20);
    assert_int_equal(wd_buf_printf(&made, "*%d\r\n", atoi(rs.out.ptr + 1) + 1), WD_OK);
    assert_int_equal(wd_buf_add(&made, wd_span(rs.out.ptr + end, rs.out.len - end)), WD_OK);
    assert_int_equal(wd_buf_printf(&made, "$%d\r\n%s\r\n", len, number), WD_OK);
    wd_buf_clear(&rs.out);
    assert_int_equal(wd_buf_add(&rs.out, wd_buf_span(&made)), WD_OK);
    wd_buf_deinit(&made);
    redisReply *reply = redis_server_ask(&rs);
    if (reply->type == REDIS_REPLY_ERROR)
        fail_msg("%s", reply->str);
    enum wd_redis_went went = wd_redis_answer(op, reply, &time_us);
    freeReplyObject(reply);
    if (time_us != 0) {
        assert_true(time_us >= model_now);
        model_now = time_us;
    }
    return went;
}

static uint64_t
naive_sum(int limit, uint64_t span_us)
{
    uint64_t sum = 0;

    while (model_first[limit] < model_count[limit] &&
           model_events[limit][model_first[limit]].time + 2 * (uint64_t)model_limits[limit].window_s * 1000000 <= model_now)
        model_first[limit]++;
    for (size_t i = model_first[limit]; i < model_count[limit]; i++)
        if (model_events[limit][i].time + span_us > model_now)
            sum += model_events[limit][i].amount;
    return sum;
}

static struct event *
naive_find(int limit, uint64_t time, uint32_t nonce)
{
    for (size_t i = model_count[limit]; i > 0; i--)
        if (model_events[limit][i - 1].time == time && model_events[limit][i - 1].nonce == nonce)
            return &model_events[limit][i - 1];
    return NULL;
}

/* What may be said about a claim that the store let through, or did not. */
static void
naive_check(const struct wd_claim *claim, int limit, bool room)
{
    const struct wd_limit *l = &model_limits[limit];
    uint64_t window = (uint64_t)l->window_s * 1000000, needs = l->unit == WD_UNIT_REQUESTS ? 1 : claim->amount;
    uint64_t sum = naive_sum(limit, window);

    if (limit < LOGS) {
        assert_int_equal(room, sum + needs <= l->count);
        if (room)
            assert_int_equal(claim->remaining, l->count - sum - needs);
    } else if (room) {
        assert_true(sum + needs <= l->count);
        assert_true(claim->remaining <= l->count - sum - needs);
    } else {
        assert_true(naive_sum(limit, window + window / 64) + needs > l->count);
    }
}

static void
draw(struct pending *p, uint32_t nonce)
{
    memset(p, 0, sizeof(*p));
    for (int i = 0; i < LIMITS; i++) {
        if (dice(100) < (i == 0 || i == 2 ? 15 : 60)) {
            struct wd_claim *c = &p->claims[p->held.claim_count];
            p->limit[p->held.claim_count++] = i;
            c->limit = model_limits[i];
            c->key[0] = (uint8_t)(i + 1);
            c->amount = 1 + dice(i == 5 ? (uint64_t)1 << 30 : 400);
            if (i == 5)
                c->amount *= (uint64_t)1 << 16;
        }
    }
    p->held.value_count = dice(3);
    int from = (int)dice(VALUES);
    for (size_t i = 0; i < p->held.value_count; i++) {
        p->value[i] = (from + (int)i) % VALUES;
        p->values[i].key[15] = (uint8_t)(p->value[i] + 1);
    }
    p->held.claims = p->claims;
    p->held.values = p->values;
    p->held.provider = 1 + dice(2);
    p->held.keep_s = 86400;
    p->held.nonce = nonce;
}

/* The exact limits of a request on the store of one machine. */
static void
twin_take(struct wd_limits *twin, const struct pending *p, bool ok, bool denied, size_t which)
{
    struct wd_claim claims[LIMITS];
    size_t count = 0, at = 0;

    while (count < p->held.claim_count && p->limit[count] < LOGS) {
        claims[count] = p->claims[count];
        count++;
    }
    if (count == 0 || (denied && which >= count))
        return;
    enum wd_err err = wd_limits_take(twin, claims, count, model_now, &at);
    if (twin_ahead == UINT64_MAX && ok)
        twin_ahead = claims[0].taken_us - model_now;
    assert_int_equal(err, ok ? WD_OK : WD_ERR_DENIED);
    for (size_t i = 0; i < count; i++) {
        if (ok)
            assert_int_equal(claims[i].remaining, p->claims[i].remaining);
        if (ok || i == which)
            assert_int_equal(claims[i].reset_us, p->claims[i].reset_us);
        if (ok)
            assert_int_equal(claims[i].taken_us, model_now + twin_ahead);
    }
    if (!ok)
        assert_int_equal(at, which);
}

static void
reserve(struct wd_limits *twin, struct pending *p)
{
    struct wd_store_op op = redis_op(WD_STORE_RESERVE, &p->held);
    int conflict = -1;

    assert_int_equal(run_at(&op, model_raw, 0), WD_REDIS_ANSWERED);
    for (size_t i = 0; i < p->held.value_count; i++) {
        const struct entry *e = &model_ledger[p->value[i]];
        enum wd_held held = e->holder == 0 ? WD_HELD_NOT : e->holder == p->held.provider ? WD_HELD_SAME : WD_HELD_OTHER;
        assert_int_equal(p->values[i].held, held);
        if (held == WD_HELD_OTHER && conflict < 0)
            conflict = (int)i;
    }
    if (conflict >= 0) {
        assert_int_equal(op.why, WD_WHY_VALUE);
        assert_int_equal(op.which, conflict);
        p->held.nonce = 0;
        return;
    }
    if (op.err != WD_OK) {
        assert_int_equal(op.why, WD_WHY_LIMIT);
        for (size_t i = 0; i < op.which && p->limit[i] < LOGS; i++)
            assert_true(naive_sum(p->limit[i], (uint64_t)p->claims[i].limit.window_s * 1000000) < p->claims[i].limit.count);
        naive_check(&p->claims[op.which], p->limit[op.which], false);
        twin_take(twin, p, false, true, op.which);
        p->held.nonce = 0;
        return;
    }
    for (size_t i = 0; i < p->held.claim_count; i++)
        naive_check(&p->claims[i], p->limit[i], true);
    twin_take(twin, p, true, false, 0);
    for (size_t i = 0; i < p->held.claim_count; i++) {
        int l = p->limit[i];
        assert_true(model_count[l] < EVENTS);
        model_events[l][model_count[l]++] =
            (struct event){ model_now, model_limits[l].unit == WD_UNIT_REQUESTS ? 1 : p->claims[i].amount, p->held.nonce };
    }
    for (size_t i = 0; i < p->held.value_count; i++) {
        struct entry *e = &model_ledger[p->value[i]];
        *e = (struct entry){ p->held.provider, e->holder == 0 ? p->held.nonce : 0 };
    }
}

static void
settle(struct wd_limits *twin, struct pending *p)
{
    struct wd_store_op op = redis_op(WD_STORE_SETTLE, &p->held);
    size_t logs = 0;

    op.give_back = dice(3) == 0;
    for (size_t i = 0; i < p->held.claim_count; i++)
        p->claims[i].used = dice(2 * p->claims[i].amount);
    if (wd_redis_needed(&op))
        for (uint64_t times = 1 + dice(2); times > 0; times--)
            assert_int_equal(run_at(&op, model_raw, 0), WD_REDIS_ANSWERED);
    assert_int_equal(op.err, WD_OK);
    for (size_t i = 0; i < p->held.claim_count; i++) {
        struct event *e = naive_find(p->limit[i], p->claims[i].taken_us, p->held.nonce);
        logs += p->limit[i] < LOGS;
        if (op.give_back)
            e->amount = 0;
        else if (p->claims[i].limit.unit != WD_UNIT_REQUESTS)
            e->amount = p->claims[i].used;
    }
    for (size_t i = 0; i < logs; i++)
        p->claims[i].taken_us += twin_ahead;
    if (op.give_back)
        wd_limits_return(twin, p->claims, logs);
    for (size_t i = 0; op.give_back && i < p->held.value_count; i++)
        if (model_ledger[p->value[i]].nonce == p->held.nonce)
            model_ledger[p->value[i]] = (struct entry){ 0 };
    p->held.nonce = 0;
}

static void
what_redis_decides_is_what_twins_decide(void **state)
{
    static struct pending pending[PENDING];
    struct scratch s;
    struct wd_limits *twin;
    const char *seed = getenv("SEED");
    unsigned steps = getenv("STEPS") != NULL ? (unsigned)atoi(getenv("STEPS")) : 20000;

    if (rs.pid == 0)
        skip();
    model_seed = seed != NULL ? (uint64_t)atoll(seed) : (uint64_t)getpid();
    print_message("SEED=%llu\n", (unsigned long long)model_seed);
    redis_server_fresh(&rs);
    model_raw = 1700000000000000;
    model_now = 0;
    twin_ahead = UINT64_MAX;
    scratch_make(&s);
    assert_int_equal(wd_limits_prepare(scratch_path(&s, "limits"), 4 << 20, model_raw, model_raw), WD_OK);
    assert_int_equal(wd_limits_open(&twin, scratch_path(&s, "limits"), 4 << 20), WD_OK);
    model_raw += 10; /* a file that was just made is a moment ahead of its clock */
    for (int i = 0; i < LIMITS; i++)
        model_events[i] = calloc(EVENTS, sizeof(struct event));

    for (uint32_t step = 1; step <= steps; step++) {
        struct pending *p = &pending[dice(PENDING)];
        static const uint64_t paces[] = { 2, 1000, 20000, 150000 };
        model_raw += dice(paces[step / 2000 % 4]);
        if (dice(3000) == 0)
            model_raw += 12000000;
        int l = (int)dice(LOGS);
        if (dice(10) == 0 && model_first[l] < model_count[l]) { /* to the moment when the oldest goes, or just before */
            naive_sum(l, 0);
            for (size_t i = model_first[l]; i < model_count[l]; i++) {
                uint64_t gone = model_events[l][i].time + (uint64_t)model_limits[l].window_s * 1000000 - dice(2);
                if (model_events[l][i].amount > 0 && gone > model_now) {
                    model_raw += gone - model_now < 3000000 ? gone - model_now : 0;
                    break;
                }
            }
        }
        if (dice(500) == 0) /* somebody sets the clock back */
            model_raw -= dice(100000000);
        if (p->held.nonce != 0) {
            settle(twin, p);
        } else {
            draw(p, step);
            reserve(twin, p);
        }
    }
    wd_limits_close(twin);
    scratch_drop(&s);
    for (int i = 0; i < LIMITS; i++)
        free(model_events[i]);
}

/* The clock set back a day: what was counted counts, and goes out of its window as before. Far ahead and back again: as well. */
static void
a_clock_set_back_gives_no_room_and_takes_none_for_long(void **state)
{
    static const int64_t steps[] = { 0, -86400, -1, 86400 * 365, -86400 * 365, -3600 };
    struct wd_claim claims[2];
    struct wd_reservation held = { .claims = claims, .claim_count = 2 };
    struct wd_store_op op = redis_op(WD_STORE_RESERVE, &held);

    if (rs.pid == 0)
        skip();
    redis_server_fresh(&rs);
    model_raw = 1700000000000000;
    model_now = 0;
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        model_raw += (uint64_t)(steps[i] * 1000000);
        for (int k = 0; k < 30; k++) { /* ten seconds, three a second */
            held.nonce++;
            claims[0] = redis_claim("log", 6, 2, WD_UNIT_REQUESTS, 1);
            claims[1] = redis_claim("slices", 60, 2, WD_UNIT_TOKENS, 10);
            model_raw += 333334;
            assert_int_equal(run_at(&op, model_raw, 0), WD_REDIS_ANSWERED);
            if (op.err != WD_OK)
                assert_in_range(claims[op.which].reset_us, 1, 2000000 + 2000000 / 64 + 1);
            held.nonce++;
            struct wd_store_op again = op; /* at once: no room */
            for (int m = 0; m < 6; m++)
                assert_int_equal(run_at(&again, model_raw, 0), WD_REDIS_ANSWERED);
            assert_int_equal(again.err, WD_ERR_DENIED);
        }
    }
}

static void
a_deadline_is_told_in_the_time_of_answers(void **state)
{
    struct wd_claim claims[1] = { redis_claim("a", 10, 60, WD_UNIT_REQUESTS, 1) };
    struct wd_reservation held = { .claims = claims, .claim_count = 1, .nonce = 1 };
    struct wd_store_op op = redis_op(WD_STORE_RESERVE, &held);

    if (rs.pid == 0)
        skip();
    redis_server_fresh(&rs);
    model_now = 0;
    assert_int_equal(run_at(&op, 2000000000, 2000000000), WD_REDIS_ANSWERED);
    /* set back by a thousand seconds: answers go on from 2,000 */
    assert_int_equal(run_at(&op, 1000000000, 2000000000), WD_REDIS_ANSWERED);
    assert_int_equal(run_at(&op, 1000000005, 2000000004), WD_REDIS_LATE);
    assert_int_equal(run_at(&op, 1000000005, 2000000005), WD_REDIS_ANSWERED);
    assert_int_equal(claims[0].remaining, 7);
}

#define TEST_SCRIPT(kind, array)                                                                                                 \
    rs.redis.scripts[kind].text = array;                                                                                         \
    rs.redis.scripts[kind].len = sizeof(array)

static int
start(void **state)
{
    if (!redis_server_start(&rs))
        return 0;
    memset(rs.redis.scripts, 0, sizeof(rs.redis.scripts));
    TEST_SCRIPT(WD_REDIS_ARRIVE, lua_test_arrive);
    TEST_SCRIPT(WD_REDIS_RESERVE, lua_test_reserve);
    TEST_SCRIPT(WD_REDIS_SETTLE, lua_test_settle);
    TEST_SCRIPT(WD_REDIS_ISSUE, lua_test_issue);
    redis_server_load(&rs);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_redis_decides_is_what_twins_decide),
        cmocka_unit_test(a_clock_set_back_gives_no_room_and_takes_none_for_long),
        cmocka_unit_test(a_deadline_is_told_in_the_time_of_answers),
    };

    return cmocka_run_group_tests(tests, start, redis_fixture_stop);
}
