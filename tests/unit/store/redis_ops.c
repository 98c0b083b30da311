#include "redis_server.h"

#include <time.h>

static enum wd_redis_went
run(struct wd_store_op *op, uint64_t deadline_us)
{
    return redis_server_run(&rs, op, deadline_us);
}

static void
put_token(const uint8_t digest[32], const char *user, const char *role, uint64_t expires_s)
{
    uint8_t value[256] = { 1, [17] = (uint8_t)strlen(user) };

    for (int i = 0; i < 8; i++)
        value[9 + i] = (uint8_t)(expires_s >> 8 * (7 - i));
    int n = snprintf((char *)value + 18, 200, "%s%s", user, role);
    redis_server_do(&rs, "HSET {warder}:T %b %b", digest, (size_t)32, value, (size_t)(18 + n));
}

static void
an_address_is_counted_and_a_token_found(void **state)
{
    uint8_t digest[32] = "who";

    put_token(digest, "ann", "basic", 0);
    for (int i = 0; i < 4; i++) {
        struct wd_store_op op = redis_op(WD_STORE_ARRIVE, NULL);
        op.address = redis_claim("address", 3, 60, WD_UNIT_REQUESTS, 1);
        op.failed = redis_claim("failed", 2, 60, WD_UNIT_REQUESTS, 1);
        op.has_digest = true;
        memcpy(op.digest, digest, 32);
        assert_int_equal(run(&op, 0), WD_REDIS_ANSWERED);
        if (i < 3) {
            assert_int_equal(op.err, WD_OK);
            assert_string_equal(op.who.user, "ann");
            assert_string_equal(op.who.role, "basic");
            assert_int_equal(op.address.remaining, 2 - i);
        } else {
            assert_int_equal(op.err, WD_ERR_DENIED);
            assert_int_equal(op.why, WD_WHY_ADDRESS);
            assert_in_range(op.address.reset_us, 50000000, 60000000);
        }
    }
}

static void
an_address_alone_is_counted_too(void **state)
{
    for (int i = 0; i < 3; i++) {
        struct wd_store_op op = redis_op(WD_STORE_ARRIVE, NULL);
        assert_false(wd_redis_needed(&op));
        op.address = redis_claim("address", 2, 60, WD_UNIT_REQUESTS, 1);
        assert_true(wd_redis_needed(&op));
        assert_int_equal(run(&op, 0), WD_REDIS_ANSWERED);
        assert_int_equal(op.err, i < 2 ? WD_OK : WD_ERR_DENIED);
    }
}

static void
an_unknown_token_counts_against_its_address(void **state)
{
    static const enum wd_store_why why[] = { WD_WHY_UNKNOWN, WD_WHY_EXPIRED, WD_WHY_FAILED, WD_WHY_FAILED };
    uint8_t old[32] = "old";

    put_token(old, "bob", "basic", 1000);
    for (int i = 0; i < 4; i++) {
        struct wd_store_op op = redis_op(WD_STORE_ARRIVE, NULL);
        op.failed = redis_claim("failed", 2, 60, WD_UNIT_REQUESTS, 1);
        op.has_digest = i == 1;
        memcpy(op.digest, old, 32);
        assert_int_equal(run(&op, 0), WD_REDIS_ANSWERED);
        assert_int_equal(op.err, WD_ERR_DENIED);
        assert_int_equal(op.why, why[i]);
    }
}

/* F32: a digest that agrees in all bytes but the last is another token. */
static void
f32_a_digest_counts_in_full(void **state)
{
    uint8_t digest[32] = "who";

    put_token(digest, "ann", "basic", 0);
    digest[31] ^= 1;
    struct wd_store_op op = redis_op(WD_STORE_ARRIVE, NULL);
    op.has_digest = true;
    memcpy(op.digest, digest, 32);
    assert_int_equal(run(&op, 0), WD_REDIS_ANSWERED);
    assert_int_equal(op.why, WD_WHY_UNKNOWN);
}

static void
limits_are_taken_together_or_not_at_all(void **state)
{
    struct wd_claim claims[3];
    struct wd_reservation held = { .claims = claims, .claim_count = 3, .nonce = 1 };

    for (uint32_t i = 0; i < 7; i++) {
        claims[0] = redis_claim("a", 100, 60, WD_UNIT_REQUESTS, 1);
        claims[1] = redis_claim("b", 5, 60, WD_UNIT_REQUESTS, 1);
        claims[2] = redis_claim("c", 1000000, 3600, WD_UNIT_TOKENS, 1000);
        held.nonce = i + 1;
        struct wd_store_op op = redis_op(WD_STORE_RESERVE, &held);
        assert_int_equal(run(&op, 0), WD_REDIS_ANSWERED);
        if (i < 5) {
            assert_int_equal(op.err, WD_OK);
            assert_int_equal(claims[0].remaining, 99 - i);
            assert_int_equal(claims[1].remaining, 4 - i);
            assert_int_equal(claims[2].remaining, 999000 - i * 1000);
            assert_int_not_equal(claims[0].taken_us, 0);
        } else {
            assert_int_equal(op.err, WD_ERR_DENIED);
            assert_int_equal(op.why, WD_WHY_LIMIT);
            assert_int_equal(op.which, 1);
            assert_int_equal(claims[0].remaining, 95);
            assert_int_equal(claims[2].remaining, 995000);
            assert_int_equal(claims[0].taken_us, 0);
            assert_in_range(claims[1].reset_us, 50000000, 60000000);
        }
    }
}

static void
what_was_taken_is_given_back_once(void **state)
{
    struct wd_claim claims[2] = { redis_claim("a", 2, 60, WD_UNIT_REQUESTS, 1), redis_claim("t", 1000, 60, WD_UNIT_TOKENS, 400) };
    struct wd_reservation held = { .claims = claims, .claim_count = 2, .nonce = 7 };
    struct wd_store_op op = redis_op(WD_STORE_RESERVE, &held), back = redis_op(WD_STORE_SETTLE, &held);

    assert_int_equal(run(&op, 0), WD_REDIS_ANSWERED);
    struct wd_claim first[2] = { claims[0], claims[1] };
    held.nonce = 8;
    assert_int_equal(run(&op, 0), WD_REDIS_ANSWERED);
    assert_int_equal(claims[0].remaining, 0);
    assert_int_equal(claims[1].remaining, 200);
    held.nonce = 7;
    held.claims = first;
    back.give_back = true;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(run(&back, 0), WD_REDIS_ANSWERED);
        assert_int_equal(back.err, WD_OK);
    }
    held.nonce = 9;
    held.claims = claims;
    assert_int_equal(run(&op, 0), WD_REDIS_ANSWERED);
    assert_int_equal(op.err, WD_OK);
    assert_int_equal(claims[0].remaining, 0);
    assert_int_equal(claims[1].remaining, 200);
}

static void
what_was_used_takes_the_place_of_what_was_reserved(void **state)
{
    struct wd_claim claims[1] = { redis_claim("t", 1000, 60, WD_UNIT_TOKENS, 400) };
    struct wd_reservation held = { .claims = claims, .claim_count = 1, .nonce = 7 };
    struct wd_store_op op = redis_op(WD_STORE_RESERVE, &held), settle = redis_op(WD_STORE_SETTLE, &held);

    assert_int_equal(run(&op, 0), WD_REDIS_ANSWERED);
    claims[0].used = 50;
    assert_true(wd_redis_needed(&settle));
    assert_int_equal(run(&settle, 0), WD_REDIS_ANSWERED);
    assert_int_equal(run(&settle, 0), WD_REDIS_ANSWERED);
    held.nonce = 8;
    assert_int_equal(run(&op, 0), WD_REDIS_ANSWERED);
    assert_int_equal(claims[0].remaining, 550);
    claims[0].used = 5000; /* more than was reserved, and than there is */
    assert_int_equal(run(&settle, 0), WD_REDIS_ANSWERED);
    held.nonce = 9;
    assert_int_equal(run(&op, 0), WD_REDIS_ANSWERED);
    assert_int_equal(op.why, WD_WHY_LIMIT);
    assert_int_equal(claims[0].remaining, 0);
    claims[0].taken_us = 0;
    assert_false(wd_redis_needed(&settle));
}

static void
what_comes_late_is_not_counted(void **state)
{
    struct wd_claim claims[1] = { redis_claim("a", 2, 60, WD_UNIT_REQUESTS, 1) };
    struct wd_reservation held = { .claims = claims, .claim_count = 1, .nonce = 7 };
    struct wd_store_op op = redis_op(WD_STORE_RESERVE, &held);

    assert_int_equal(run(&op, 1000), WD_REDIS_LATE);
    assert_int_equal(op.err, WD_ERR_IO);
    assert_int_equal(run(&op, (uint64_t)time(NULL) * 1000000 + 10000000), WD_REDIS_ANSWERED);
    assert_int_equal(op.err, WD_OK);
    assert_int_equal(claims[0].remaining, 1);
}

static void
a_redis_that_lost_everything_is_told(void **state)
{
    struct wd_claim claims[1] = { redis_claim("a", 2, 60, WD_UNIT_REQUESTS, 1) };
    struct wd_reservation held = { .claims = claims, .claim_count = 1, .nonce = 7 };
    struct wd_store_op op = redis_op(WD_STORE_RESERVE, &held);

    redis_server_do(&rs, "FLUSHALL");
    assert_int_equal(run(&op, 0), WD_REDIS_EMPTY);
    assert_int_equal(op.err, WD_ERR_IO);
    redis_server_do(&rs, "SCRIPT FLUSH");
    assert_int_equal(run(&op, 0), WD_REDIS_UNLOADED);
    redis_server_load(&rs);
}

static struct wd_holding
value(const char *name)
{
    struct wd_holding h = { .kind = 3 };

    snprintf((char *)h.key, sizeof(h.key), "%s", name);
    return h;
}

#define OPENAI 0xfedcba98765432u
#define GOOGLE 0x01234567abcdefu
#define ANN 0xaaaaaaaaaaaaaau
#define BOB 0xbbbbbbbbbbbbbbu

/* F21: of two providers exactly one gets the value; a value of another refuses everything, limits too. */
static void
f21_a_value_is_one_providers(void **state)
{
    struct wd_holding values[2] = { value("card"), value("iban") };
    struct wd_claim claims[1] = { redis_claim("a", 10, 60, WD_UNIT_REQUESTS, 1) };
    struct wd_reservation held = { .values = values, .value_count = 1, .provider = OPENAI, .keep_s = 60, .nonce = 1 };
    struct wd_store_op op = redis_op(WD_STORE_RESERVE, &held);

    assert_int_equal(run(&op, 0), WD_REDIS_ANSWERED);
    assert_int_equal(op.err, WD_OK);
    assert_int_equal(values[0].held, WD_HELD_NOT);
    struct wd_store_op shown = redis_op(WD_STORE_SETTLE, &held); /* not answered, but sent: it stays */
    shown.give_back = shown.shown = true;
    assert_false(wd_redis_needed(&shown));
    held.provider = GOOGLE;
    held.nonce = 2;
    held.claims = claims;
    held.claim_count = 1;
    struct wd_holding other[2] = { value("iban"), value("card") };
    held.values = other;
    held.value_count = 2;
    assert_int_equal(run(&op, 0), WD_REDIS_ANSWERED);
    assert_int_equal(op.err, WD_ERR_DENIED);
    assert_int_equal(op.why, WD_WHY_VALUE);
    assert_int_equal(op.which, 1);
    assert_int_equal(other[0].held, WD_HELD_NOT);
    assert_int_equal(other[1].held, WD_HELD_OTHER);
    assert_true(other[1].owner == OPENAI);

    held.conflicts_pass = true; /* what is the other's is left, the rest is taken */
    assert_int_equal(run(&op, 0), WD_REDIS_ANSWERED);
    assert_int_equal(op.err, WD_OK);
    assert_int_equal(claims[0].remaining, 9);
    held.nonce = 3;
    assert_int_equal(run(&op, 0), WD_REDIS_ANSWERED);
    assert_int_equal(other[0].held, WD_HELD_SAME);
    assert_int_equal(other[1].held, WD_HELD_OTHER);
}

static void
a_limit_without_room_takes_no_value(void **state)
{
    struct wd_holding values[1] = { value("card") };
    struct wd_claim claims[2] = { redis_claim("a", 10, 60, WD_UNIT_REQUESTS, 1),
                                  redis_claim("u", 10, 60, WD_UNIT_MICRO_USD, 11) };
    struct wd_reservation held = {
        .values = values, .value_count = 1, .claims = claims, .claim_count = 2, .provider = OPENAI, .keep_s = 60, .nonce = 1
    };
    struct wd_store_op op = redis_op(WD_STORE_RESERVE, &held);

    assert_int_equal(run(&op, 0), WD_REDIS_ANSWERED);
    assert_int_equal(op.why, WD_WHY_LIMIT);
    assert_int_equal(op.which, 1);
    assert_int_equal(claims[1].reset_us, 60000000); /* alone it is too much */
    claims[1].amount = 10;
    assert_int_equal(run(&op, 0), WD_REDIS_ANSWERED);
    assert_int_equal(op.err, WD_OK);
    assert_int_equal(values[0].held, WD_HELD_NOT);
    assert_int_equal(claims[0].remaining, 9);
}

static void
what_was_not_sent_is_released_unless_another_request_holds_it(void **state)
{
    struct wd_holding values[1] = { value("card") };
    struct wd_reservation held = { .values = values, .value_count = 1, .provider = OPENAI, .keep_s = 60, .nonce = 1 };
    struct wd_store_op op = redis_op(WD_STORE_RESERVE, &held), back = redis_op(WD_STORE_SETTLE, &held);

    back.give_back = true;
    for (uint32_t round = 0; round < 3; round++) {
        held.nonce = 1;
        run(&op, 0);
        assert_int_equal(values[0].held, WD_HELD_NOT);
        if (round > 0) { /* another takes it too: now nobody gives it back */
            held.nonce = 2;
            run(&op, 0);
            assert_int_equal(values[0].held, WD_HELD_SAME);
        }
        held.nonce = round == 1 ? 1 : round == 2 ? 2 : 1;
        assert_int_equal(run(&back, 0), WD_REDIS_ANSWERED);
        held.nonce = 9;
        held.provider = GOOGLE;
        run(&op, 0);
        assert_int_equal(values[0].held, round == 0 ? WD_HELD_NOT : WD_HELD_OTHER);
        held.provider = OPENAI;
        redis_server_fresh(&rs);
    }
}

/* What is only looked at is a conflict when it is another's, and is not taken; a named value that is taken is in the filter. */
static void
values_are_looked_at_and_named(void **state)
{
    static struct wd_filter filter;
    struct wd_holding values[3] = { value("named"), value("seen"), value("seen too") };
    struct wd_reservation held = {
        .values = values, .value_count = 3, .probe_count = 2, .provider = OPENAI, .keep_s = 60, .nonce = 1
    };
    struct wd_store_op op = redis_op(WD_STORE_RESERVE, &held), back = redis_op(WD_STORE_SETTLE, &held);

    values[0].words = 3;
    values[0].first = 5 * WD_FILTER_BITS + 77;
    op.filter_version = 0;
    assert_int_equal(run(&op, 0), WD_REDIS_ANSWERED);
    assert_int_equal(op.err, WD_OK);
    memset(&filter, 0, sizeof(filter));
    assert_int_equal(wd_redis_format(&rs.redis, &op, 0, &rs.out), WD_OK);
    redisReply *reply = redis_server_ask(&rs);
    assert_int_equal(wd_redis_filter_apply(&filter, reply), WD_OK);
    freeReplyObject(reply);
    assert_int_equal(filter.version, 1);
    assert_int_equal(filter.word_counts, 1 << 3);
    assert_true(filter.bits[1] == (uint64_t)1 << 13);

    op.filter_version = 1; /* again: nothing new */
    run(&op, 0);
    assert_int_equal(op.err, WD_OK);
    assert_int_equal(values[0].held, WD_HELD_SAME);
    assert_int_equal(values[1].held, WD_HELD_NOT);
    held.provider = GOOGLE; /* what was looked at is free */
    held.nonce = 2;
    held.values = values + 1;
    held.probe_count = 0;
    held.value_count = 1;
    run(&op, 0);
    assert_int_equal(op.err, WD_OK);
    held.provider = OPENAI; /* and is a conflict now */
    held.nonce = 3;
    held.values = values;
    held.value_count = 3;
    held.probe_count = 2;
    run(&op, 0);
    assert_int_equal(op.why, WD_WHY_VALUE);
    assert_int_equal(op.which, 1);
    held.value_count = held.probe_count = 1;
    back.give_back = true;
    assert_false(wd_redis_needed(&back));
}

/* F39: a reference is honoured for the user to whom it was issued, and for nobody else. */
static void
f39_a_reference_is_the_users(void **state)
{
    struct wd_holding refs[1] = { value("resp_1") };
    struct wd_claim claims[1] = { redis_claim("a", 10, 60, WD_UNIT_REQUESTS, 1) };
    struct wd_reservation held = { .refs = refs, .ref_count = 1, .user = ANN, .keep_s = 60, .nonce = 1 };
    struct wd_store_op use = redis_op(WD_STORE_RESERVE, &held), issue = redis_op(WD_STORE_ISSUE, &held);

    run(&use, 0);
    assert_int_equal(use.why, WD_WHY_REFERENCE);
    assert_int_equal(run(&issue, 0), WD_REDIS_ANSWERED);
    assert_int_equal(issue.err, WD_OK);
    held.claims = claims;
    held.claim_count = 1;
    held.user = BOB;
    run(&use, 0);
    assert_int_equal(use.err, WD_ERR_DENIED);
    assert_int_equal(use.why, WD_WHY_REFERENCE);
    run(&issue, 0); /* he does not get it by having it issued again */
    held.user = ANN;
    run(&use, 0);
    assert_int_equal(use.err, WD_OK);
    assert_int_equal(claims[0].remaining, 9);
}

static void
entries_are_kept_as_long_as_asked(void **state)
{
    struct wd_holding values[1] = { value("card") };
    struct wd_reservation held = { .values = values, .value_count = 1, .provider = OPENAI, .keep_s = 3600, .nonce = 1 };
    struct wd_store_op op = redis_op(WD_STORE_RESERVE, &held);

    run(&op, 0);
    held.keep_s = 60; /* less never shortens */
    held.nonce = 2;
    run(&op, 0);
    redisReply *left = redis_server_command(&rs, "PTTL {warder}:l%b", values[0].key, (size_t)16);
    assert_in_range(left->integer, 3590000, 3600000);
    freeReplyObject(left);
    held.keep_s = 7200;
    run(&op, 0);
    left = redis_server_command(&rs, "PTTL {warder}:l%b", values[0].key, (size_t)16);
    assert_in_range(left->integer, 7190000, 7200000);
    freeReplyObject(left);
}

static void
a_token_that_was_revoked_meanwhile_reserves_nothing(void **state)
{
    struct wd_claim claims[1] = { redis_claim("a", 10, 60, WD_UNIT_REQUESTS, 1) };
    struct wd_reservation held = { .claims = claims, .claim_count = 1, .nonce = 1 };
    struct wd_store_op op = redis_op(WD_STORE_RESERVE, &held);
    const struct {
        const char *user, *role;
        uint64_t expires;
        enum wd_store_why why;
    } cases[] = {
        { "ann", "basic", 0, WD_WHY_NONE },       { "ann", "basic", 5000000000, WD_WHY_NONE },
        { "ann", "premium", 0, WD_WHY_UNKNOWN },  { "annb", "asic", 0, WD_WHY_UNKNOWN },
        { "ann", "basic", 1000, WD_WHY_EXPIRED }, { NULL, NULL, 0, WD_WHY_UNKNOWN },
    };

    op.has_digest = true;
    memcpy(op.digest, "digest", 6);
    snprintf(op.who.user, sizeof(op.who.user), "ann");
    snprintf(op.who.role, sizeof(op.who.role), "basic");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        redis_server_fresh(&rs);
        if (cases[i].user != NULL)
            put_token(op.digest, cases[i].user, cases[i].role, cases[i].expires);
        assert_int_equal(run(&op, 0), WD_REDIS_ANSWERED);
        assert_int_equal(op.why, cases[i].why);
        assert_int_equal(op.err, cases[i].why == WD_WHY_NONE ? WD_OK : WD_ERR_DENIED);
    }
}

/* Somebody wrote something else into Redis: refused, and nothing is counted elsewhere. */
static void
garbage_in_redis_is_never_a_yes(void **state)
{
    static const char *const writes[] = { "SET %b %s",    "RPUSH %b %s",  "SADD %b %s",
                                          "HSET %b %s f", "ZADD %b 1 %s", "XADD %b * f %s" };
    struct wd_holding values[1] = { value("v") }, refs[1] = { value("r") };
    struct wd_claim claims[3] = { redis_claim("a", 10, 60, WD_UNIT_REQUESTS, 1), redis_claim("b", 10, 60, WD_UNIT_TOKENS, 1),
                                  redis_claim("z", 10, 60, WD_UNIT_REQUESTS, 1) };
    struct wd_reservation held = { .claims = claims,
                                   .claim_count = 3,
                                   .values = values,
                                   .value_count = 1,
                                   .refs = refs,
                                   .ref_count = 1,
                                   .provider = OPENAI,
                                   .user = ANN,
                                   .keep_s = 60,
                                   .nonce = 1 };
    struct wd_store_op op = redis_op(WD_STORE_RESERVE, &held), arrive = redis_op(WD_STORE_ARRIVE, NULL);
    struct {
        const char *letter;
        const uint8_t *name;
        size_t len;
    } keys[] = { { "t", NULL, 0 },           { "f", NULL, 0 },           { "T", NULL, 0 },           { "c", claims[0].key, 16 },
                 { "c", claims[1].key, 16 }, { "c", claims[2].key, 16 }, { "l", values[0].key, 16 }, { "l", refs[0].key, 16 } };
    int n = 0;

    op.has_digest = arrive.has_digest = true;
    op.filter_version = 0;
    arrive.failed = redis_claim("a", 10, 60, WD_UNIT_REQUESTS, 1);
    for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++)
        for (size_t w = 0; w < 2 * sizeof(writes) / sizeof(writes[0]); w++) {
            char name[64];
            size_t len = (size_t)snprintf(name, sizeof(name), "{warder}:%s", keys[k].letter);

            redis_server_fresh(&rs);
            snprintf(op.who.user, sizeof(op.who.user), "ann");
            snprintf(op.who.role, sizeof(op.who.role), "basic");
            put_token(op.digest, "ann", "basic", 0);
            struct wd_store_op issue = redis_op(WD_STORE_ISSUE, &held);
            assert_int_equal(run(&issue, 0), WD_REDIS_ANSWERED);
            if (keys[k].len > 0)
                memcpy(name + len, keys[k].name, keys[k].len);
            redis_server_do(&rs, "DEL %b", name, len + keys[k].len);
            redis_server_do(&rs, writes[w / 2], name, len + keys[k].len,
                            w % 2 ? "x" : "a much longer text that is not what belongs here");
            run(&op, 0);
            /* a hash in the place of the filter, of the tokens: nothing of ours is in it */
            if (op.err == WD_OK && strcmp(keys[k].letter, "f") == 0 && w / 2 == 3)
                continue;
            assert_int_not_equal(op.err, WD_OK);
            redisReply *last = redis_server_command(&rs, "EXISTS {warder}:c%b", claims[0].key, (size_t)16);
            if (k != 3)
                assert_int_equal(last->integer, 0);
            freeReplyObject(last);
            if (strcmp(keys[k].letter, "T") == 0 || strcmp(keys[k].letter, "t") == 0) {
                run(&arrive, 0);
                assert_int_not_equal(arrive.err, WD_OK);
            }
            n++;
        }
    assert_true(n > 80);
}

/* A counter outlives a change of its limit: what was counted counts on, or more. */
static void
a_changed_limit_forgets_nothing(void **state)
{
    static const struct {
        uint64_t count;
        uint32_t window_s;
        enum wd_unit unit;
    } limits[] = { { 20, 3600, 0 }, { 5000, 3600, 0 }, { 900, 7200, 0 }, { 2000, 86400, 0 }, { 3000, 3600, 0 }, { 30, 60, 0 } };
    struct wd_claim claims[1];
    struct wd_reservation held = { .claims = claims, .claim_count = 1, .nonce = 1 };
    struct wd_store_op op = redis_op(WD_STORE_RESERVE, &held);
    unsigned used = 0;

    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
        for (int k = 0; k < 4; k++, used++) {
            claims[0] = redis_claim("a", limits[i].count, limits[i].window_s, limits[i].unit, 1);
            assert_int_equal(run(&op, 0), WD_REDIS_ANSWERED);
            assert_int_equal(op.err, WD_OK);
            assert_int_equal(claims[0].remaining, limits[i].count - used - 1);
        }
}

/* Counters go by themselves, but never before what they hold is out of its window. */
static void
counters_live_as_long_as_they_are_of_use(void **state)
{
    struct wd_claim claims[2];
    struct wd_reservation held = { .claims = claims, .claim_count = 2 };
    struct wd_store_op op = redis_op(WD_STORE_RESERVE, &held);

    for (int i = 0; i < 900; i++) {
        held.nonce++;
        claims[0] = redis_claim("log", 1000, 1, WD_UNIT_REQUESTS, 1);
        claims[1] = redis_claim("slices", 1000000, 1, WD_UNIT_TOKENS, 1);
        assert_int_equal(run(&op, 0), WD_REDIS_ANSWERED);
        for (int k = 0; k < 2; k++) {
            /* against the store's own clock: whatever the machine does meanwhile */
            redisReply *at = redis_server_command(&rs, "PEXPIRETIME {warder}:c%b", claims[k].key, (size_t)16);
            assert_in_range(at->integer - (long long)(claims[k].taken_us / 1000), 1000 + 1000 + 15, 2050);
            freeReplyObject(at);
        }
    }
}

/* Another window beside those of a scope counts what they counted, whatever the kinds; the windows as they were: they stay. */
static void
a_new_window_of_a_scope_knows_what_was_used(void **state)
{
    static const struct {
        enum wd_unit unit;
        uint16_t group;
        struct {
            uint64_t count;
            uint32_t window_s;
        } of[3];
    } policies[] = {
        { WD_UNIT_TOKENS, 0, { { 100000, 3600 } } },
        { WD_UNIT_TOKENS, 7, { { 200000, 3600 }, { 5000, 60 } } },
        { WD_UNIT_TOKENS, 8, { { 900000, 86400 }, { 200000, 3600 }, { 5000, 60 } } },
        { WD_UNIT_TOKENS, 7, { { 200000, 3600 }, { 5000, 60 } } },
        { WD_UNIT_TOKENS, 0, { { 5000, 30 } } },
        { WD_UNIT_TOKENS, 7, { { 200000, 3600 }, { 5000, 60 } } },
        { WD_UNIT_REQUESTS, 0, { { 500, 3600 } } },
        { WD_UNIT_REQUESTS, 7, { { 600, 3600 }, { 50, 60 } } },
        { WD_UNIT_REQUESTS, 8, { { 5000, 86400 }, { 600, 3600 }, { 2000, 60 } } },
        { WD_UNIT_REQUESTS, 9, { { 700, 86400 }, { 60, 3600 } } },
        { WD_UNIT_REQUESTS, 8, { { 5000, 86400 }, { 600, 3600 }, { 2000, 60 } } },
    };
    struct wd_claim claims[3];
    struct wd_reservation held = { .claims = claims };
    struct wd_store_op op = redis_op(WD_STORE_RESERVE, &held);
    uint64_t used = 0;

    for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
        if (i > 0 && policies[i].unit != policies[i - 1].unit)
            used = 0;
        for (int k = 0; k < 3; k++) {
            uint64_t amount = policies[i].unit == WD_UNIT_REQUESTS ? 1 : 100;
            held.nonce++;
            for (held.claim_count = 0; held.claim_count < 3 && policies[i].of[held.claim_count].count > 0; held.claim_count++) {
                struct wd_claim *c = &claims[held.claim_count];
                uint8_t rank = (uint8_t)held.claim_count;
                *c = redis_claim("scope", policies[i].of[rank].count, policies[i].of[rank].window_s, policies[i].unit, amount);
                c->key[0] = (uint8_t)policies[i].unit;
                c->key[7] ^= rank;
                c->limit.rank = rank;
                c->limit.group = policies[i].group;
            }
            assert_int_equal(run(&op, 0), WD_REDIS_ANSWERED);
            assert_int_equal(op.err, WD_OK);
            used += amount;
            for (size_t n = 0; n < held.claim_count; n++)
                assert_int_equal(claims[n].remaining, claims[n].limit.count - used);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_address_is_counted_and_a_token_found, redis_fixture_each),
        cmocka_unit_test_setup(an_address_alone_is_counted_too, redis_fixture_each),
        cmocka_unit_test_setup(an_unknown_token_counts_against_its_address, redis_fixture_each),
        cmocka_unit_test_setup(f32_a_digest_counts_in_full, redis_fixture_each),
        cmocka_unit_test_setup(limits_are_taken_together_or_not_at_all, redis_fixture_each),
        cmocka_unit_test_setup(what_was_taken_is_given_back_once, redis_fixture_each),
        cmocka_unit_test_setup(what_was_used_takes_the_place_of_what_was_reserved, redis_fixture_each),
        cmocka_unit_test_setup(what_comes_late_is_not_counted, redis_fixture_each),
        cmocka_unit_test_setup(a_redis_that_lost_everything_is_told, redis_fixture_each),
        cmocka_unit_test_setup(f21_a_value_is_one_providers, redis_fixture_each),
        cmocka_unit_test_setup(a_limit_without_room_takes_no_value, redis_fixture_each),
        cmocka_unit_test_setup(what_was_not_sent_is_released_unless_another_request_holds_it, redis_fixture_each),
        cmocka_unit_test_setup(values_are_looked_at_and_named, redis_fixture_each),
        cmocka_unit_test_setup(f39_a_reference_is_the_users, redis_fixture_each),
        cmocka_unit_test_setup(entries_are_kept_as_long_as_asked, redis_fixture_each),
        cmocka_unit_test_setup(a_token_that_was_revoked_meanwhile_reserves_nothing, redis_fixture_each),
        cmocka_unit_test_setup(garbage_in_redis_is_never_a_yes, redis_fixture_each),
        cmocka_unit_test_setup(a_changed_limit_forgets_nothing, redis_fixture_each),
        cmocka_unit_test_setup(a_new_window_of_a_scope_knows_what_was_used, redis_fixture_each),
        cmocka_unit_test_setup(counters_live_as_long_as_they_are_of_use, redis_fixture_each),
    };

    return cmocka_run_group_tests(tests, redis_fixture_start, redis_fixture_stop);
}
