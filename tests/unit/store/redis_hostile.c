/* Answers that no Redis of ours gives: none may crash, and none is a yes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/redis_admin.h"

static uint64_t seed;

static uint64_t
dice(uint64_t sides)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (seed >> 33) % sides;
}

static redisReply *
drop(redisReply *r)
{
    if (r != NULL) {
        for (size_t i = 0; i < r->elements; i++)
            drop(r->element[i]);
        free(r->element);
        free(r->str);
        free(r);
    }
    return NULL;
}

static redisReply *
text(int type, const char *bytes, size_t len)
{
    redisReply *r = calloc(1, sizeof(*r));

    r->type = type;
    r->len = len;
    r->str = malloc(len > 0 ? len : 1); /* no NUL after it: reading on is seen */
    if (len > 0)
        memcpy(r->str, bytes, len);
    return r;
}

static redisReply *
draw(int depth)
{
    static const char *const words[] = {
        "MOVED 1 127.0.0.1:7000", "MOVED", "MOVED 1", "NOSCRIPT x", "OOM", "ERR", "", "BUSYKEY", "NOAUTHX", "LOADING Redis"
    };
    static const char statuses[] = "KLEAFUXRVNSD";
    char bytes[300];
    size_t len = dice(5) == 0 ? dice(12) : dice(sizeof(bytes));

    if (dice(40) == 0)
        return NULL;
    for (size_t i = 0; i < len; i++)
        bytes[i] = (char)(dice(3) == 0 ? dice(256) : 0);
    switch (dice(8)) {
    case 0: {
        const char *word = words[dice(sizeof(words) / sizeof(words[0]))];
        return text(REDIS_REPLY_ERROR, word, strlen(word));
    }
    case 1: {
        redisReply *r = calloc(1, sizeof(*r));
        r->type = (int)dice(9);
        r->integer = (long long)dice(1000) - 500;
        return r;
    }
    case 2: {
        redisReply *r = calloc(1, sizeof(*r));
        r->type = REDIS_REPLY_ARRAY;
        r->elements = depth < 3 ? dice(4) : 0;
        r->element = calloc(4, sizeof(*r->element));
        for (size_t i = 0; i < r->elements; i++)
            r->element[i] = draw(depth + 1);
        return r;
    }
    default:
        if (len > 0 && dice(4) > 0)
            bytes[0] = statuses[dice(sizeof(statuses) - 1)];
        return text(dice(4) == 0 ? REDIS_REPLY_STATUS : REDIS_REPLY_STRING, bytes, len);
    }
}

static bool
see(void *ctx, const uint8_t digest[32], const struct wd_principal *who)
{
    *(int *)ctx += digest[0] + who->user[0];
    return true;
}

static void
random_answers_are_never_a_yes(void **state)
{
    static struct wd_filter filter;
    struct wd_claim claims[5];
    struct wd_holding values[3], refs[2];
    struct wd_redis redis;

    assert_int_equal(wd_redis_init(&redis, "x"), WD_OK);
    for (int n = 0; n < 200000; n++) {
        redisReply *reply = draw(0);
        struct wd_reservation held = { .claims = claims,
                                       .claim_count = dice(6),
                                       .values = values,
                                       .value_count = dice(4),
                                       .refs = refs,
                                       .ref_count = dice(3),
                                       .nonce = 1 };
        struct wd_store_op op = { .kind = (enum wd_store_kind)dice(4),
                                  .held = &held,
                                  .has_digest = dice(2),
                                  .filter_version = dice(2) ? UINT64_MAX : dice(3) };
        uint64_t time_us = 0, cursor, count;
        enum wd_err err;

        if (op.kind == WD_STORE_RESERVE && held.claim_count + held.value_count + held.ref_count == 0)
            held.claim_count = 1; /* what asks for nothing has nothing to say */
        if (op.kind == WD_STORE_ISSUE)
            held.ref_count = 1 + dice(2);
        op.address.limit.count = dice(2);
        op.failed.limit.count = dice(2);
        enum wd_redis_went said = wd_redis_answer(&op, reply, &time_us);
        if (said != WD_REDIS_ANSWERED)
            assert_true(op.err != WD_OK && op.err != WD_ERR_DENIED);
        /* of random bytes nothing that was granted, but for an answer without a content */
        if (op.err == WD_OK)
            assert_true(reply->len == 11 + (op.kind == WD_STORE_RESERVE ? 16 * held.claim_count : 0) +
                                          (op.kind == WD_STORE_RESERVE ? 8 * (held.value_count + held.ref_count) : 0) +
                                          (op.kind == WD_STORE_ISSUE ? 8 * held.ref_count : 0) &&
                        reply->str[0] == 'K' && op.kind != WD_STORE_ARRIVE);
        if (op.why == WD_WHY_LIMIT)
            assert_true(op.which < held.claim_count);
        else if (op.why == WD_WHY_VALUE)
            assert_true(op.which < held.value_count);
        else if (op.why == WD_WHY_REFERENCE)
            assert_true(op.which < held.ref_count);

        struct wd_redis_hello hello = { .check = dice(2), .filter_version = dice(2) ? 0 : UINT64_MAX };
        wd_redis_hello_answer(&hello, &filter, reply, &time_us);
        assert_true(hello.err != WD_OK || !hello.check);
        if (wd_redis_filter_apply(&filter, reply) == WD_OK)
            assert_int_equal(reply->str[0], 'S');
        wd_redis_done(reply, &err, &count);
        struct wd_ledger_entry entries[WD_REDIS_ENTRIES_MAX];
        size_t got;
        wd_redis_ledger_scan_answer(&redis, reply, &cursor, entries, &got);
        wd_redis_ledger_read_answer(reply, entries, dice(5));
        uint8_t last[32];
        bool more;
        int seen = 0;
        wd_redis_token_list_answer(reply, see, &seen, last, &more);
        if (wd_redis_loaded(&redis, WD_REDIS_ARRIVE, reply) == WD_REDIS_ANSWERED)
            fail_msg("a script was loaded");
        drop(reply);
    }
}

static void
a_yes_of_another_length_is_none(void **state)
{
    struct wd_claim claims[3] = { 0 };
    struct wd_holding values[2] = { 0 };
    struct wd_reservation held = { .claims = claims, .claim_count = 3, .values = values, .value_count = 2, .nonce = 1 };
    char bytes[11 + 3 * 16 + 2 * 8 + 40] = "K\0\0\0\0\0\0\0\1";
    const size_t right = 11 + 3 * 16 + 2 * 8;

    for (size_t len = 0; len <= sizeof(bytes); len++) {
        struct wd_store_op op = { .kind = WD_STORE_RESERVE, .held = &held, .filter_version = UINT64_MAX };
        redisReply *reply = text(REDIS_REPLY_STRING, bytes, len);
        assert_int_equal(wd_redis_answer(&op, reply, NULL), len == right ? WD_REDIS_ANSWERED : WD_REDIS_UNCLEAR);
        assert_int_equal(op.err, len == right ? WD_OK : WD_ERR_CORRUPT);
        if (len == right) {
            reply->str[8] = 0; /* no time: nothing could be given back */
            wd_redis_answer(&op, reply, NULL);
            assert_int_equal(op.err, WD_ERR_CORRUPT);
            reply->str[8] = 1;
            reply->str[right - 8] = 3; /* no such enum wd_held */
            wd_redis_answer(&op, reply, NULL);
            assert_int_equal(op.err, WD_ERR_CORRUPT);
        }
        drop(reply);
    }
    struct wd_store_op op = { .kind = WD_STORE_RESERVE, .held = &held };
    assert_int_equal(wd_redis_answer(&op, NULL, NULL), WD_REDIS_UNCLEAR);
    assert_int_equal(op.err, WD_ERR_CORRUPT);
}

static void
what_cannot_be_counted_is_not_asked(void **state)
{
    static struct wd_claim claims[WD_REDIS_CLAIMS_MAX + 1];
    struct wd_reservation held = { .claims = claims, .claim_count = 1, .nonce = 1 };
    struct wd_store_op op = { .kind = WD_STORE_RESERVE, .held = &held, .filter_version = UINT64_MAX };
    struct wd_redis redis;
    struct wd_buf out;

    assert_int_equal(wd_redis_init(&redis, "pre.fix_1-2"), WD_OK);
    assert_int_equal(wd_redis_init(&redis, ""), WD_ERR_RANGE);
    assert_int_equal(wd_redis_init(&redis, "a b"), WD_ERR_RANGE);
    assert_int_equal(wd_redis_init(&redis, "a}b"), WD_ERR_RANGE);
    assert_int_equal(wd_redis_init(&redis, "a*"), WD_ERR_RANGE);
    assert_int_equal(wd_redis_init(&redis, "012345678901234567890123456789012"), WD_ERR_RANGE);
    assert_int_equal(wd_redis_init(&redis, "01234567890123456789012345678901"), WD_OK);
    wd_buf_init(&out, 1 << 20);
    assert_int_equal(wd_buf_add_str(&out, "before"), WD_OK);
    for (size_t i = 0; i <= WD_REDIS_CLAIMS_MAX; i++)
        claims[i] = (struct wd_claim){ .limit = { 10, 60, WD_UNIT_TOKENS }, .amount = 1 };
    assert_int_equal(wd_redis_format(&redis, &op, 0, &out), WD_ERR_NOTFOUND); /* not loaded */
    memset(redis.scripts[WD_REDIS_RESERVE].sha1, 'a', 40);
    assert_int_equal(wd_redis_format(&redis, &op, 0, &out), WD_OK);
    out.len = 6;
    held.claim_count = WD_REDIS_CLAIMS_MAX + 1;
    assert_int_equal(wd_redis_format(&redis, &op, 0, &out), WD_ERR_LIMIT);
    held.claim_count = 1;
    claims[0].amount = (uint64_t)1 << 53;
    assert_int_equal(wd_redis_format(&redis, &op, 0, &out), WD_ERR_RANGE);
    claims[0].amount = 1;
    claims[0].limit.count = (uint64_t)1 << 53;
    assert_int_equal(wd_redis_format(&redis, &op, 0, &out), WD_ERR_RANGE);
    claims[0].limit = (struct wd_limit){ 10, 31 * 86400 + 1, WD_UNIT_TOKENS };
    assert_int_equal(wd_redis_format(&redis, &op, 0, &out), WD_ERR_RANGE);
    claims[0].limit.window_s = 0;
    assert_int_equal(wd_redis_format(&redis, &op, 0, &out), WD_ERR_RANGE);
    claims[0].limit.window_s = 60;
    held.nonce = 0;
    assert_int_equal(wd_redis_format(&redis, &op, 0, &out), WD_ERR_RANGE);
    held.nonce = 1;
    out.cap = 200;
    assert_int_equal(wd_redis_format(&redis, &op, 0, &out), WD_ERR_LIMIT);
    assert_int_equal(out.len, 6);
    wd_buf_deinit(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_answers_are_never_a_yes),
        cmocka_unit_test(a_yes_of_another_length_is_none),
        cmocka_unit_test(what_cannot_be_counted_is_not_asked),
    };

    seed = getenv("SEED") != NULL ? (uint64_t)atoll(getenv("SEED")) : 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
