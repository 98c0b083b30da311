#include "redis_server.h"
#include "store/redis_admin.h"

static struct wd_redis_hello
hello(int key, bool check, uint64_t version, struct wd_filter *filter)
{
    struct wd_redis_hello h = { .check = check, .filter_version = version };
    uint64_t time_us = 0;

    memset(h.key, key, 32);
    assert_int_equal(wd_redis_hello_format(&rs.redis, &h, &rs.out), WD_OK);
    redisReply *reply = redis_server_ask(&rs);
    if (reply->type == REDIS_REPLY_ERROR)
        fail_msg("%s", reply->str);
    assert_int_equal(wd_redis_hello_answer(&h, filter, reply, &time_us), WD_REDIS_ANSWERED);
    freeReplyObject(reply);
    assert_true(h.err != WD_OK || time_us > 1600000000000000);
    return h;
}

static void
the_first_gateway_brings_the_key_of_all(void **state)
{
    redis_server_do(&rs, "FLUSHALL");
    struct wd_redis_hello first = hello(1, false, UINT64_MAX, NULL), second = hello(2, false, UINT64_MAX, NULL);
    assert_int_equal(first.err, WD_OK);
    assert_true(first.made);
    assert_false(second.made);
    assert_memory_equal(first.key, second.key, 32);
    assert_int_equal(first.key[0], 1);

    struct wd_store_op op = redis_op(WD_STORE_ARRIVE, NULL); /* it may be asked now */
    op.failed = redis_claim("f", 10, 60, WD_UNIT_REQUESTS, 1);
    assert_int_equal(redis_server_run(&rs, &op, 0), WD_REDIS_ANSWERED);
    assert_int_equal(op.why, WD_WHY_UNKNOWN);
    redis_server_do(&rs, "FLUSHALL");
    assert_true(hello(2, false, UINT64_MAX, NULL).made);
}

static void
another_master_key_is_refused(void **state)
{
    redis_server_do(&rs, "FLUSHALL");
    assert_int_equal(hello(1, true, UINT64_MAX, NULL).err, WD_OK);
    assert_int_equal(hello(1, true, UINT64_MAX, NULL).err, WD_OK);
    struct wd_redis_hello other = hello(2, true, UINT64_MAX, NULL), none = hello(2, false, UINT64_MAX, NULL);
    assert_int_equal(other.err, WD_ERR_DENIED);
    assert_int_equal(other.why, WD_REDIS_MASTER_OTHER);
    assert_int_equal(none.why, WD_REDIS_MASTER_MISSING);
    redis_server_do(&rs, "FLUSHALL");
    hello(1, false, UINT64_MAX, NULL);
    assert_int_equal(hello(1, true, UINT64_MAX, NULL).why, WD_REDIS_MASTER_UNEXPECTED);
    redis_server_do(&rs, "HSET {warder}:m schema 2");
    assert_int_equal(hello(1, false, UINT64_MAX, NULL).why, WD_REDIS_SCHEMA_OTHER);
    for (int i = 0; i <= WD_REDIS_EVICTS; i++)
        assert_true(strlen(wd_redis_refusal_text((enum wd_redis_refusal)i)) > 5);
}

static void
a_redis_that_throws_out_is_refused(void **state)
{
    redis_server_do(&rs, "CONFIG SET maxmemory 100mb maxmemory-policy volatile-lru");
    assert_int_equal(hello(1, false, UINT64_MAX, NULL).why, WD_REDIS_EVICTS);
    redis_server_do(&rs, "CONFIG SET maxmemory-policy noeviction");
    assert_int_equal(hello(1, false, UINT64_MAX, NULL).err, WD_OK);
    redis_server_do(&rs, "CONFIG SET maxmemory 0");
}

/* Names become known to each gateway: by its own answer, by a refusal, or whole. */
static void
a_filter_comes_to_all(void **state)
{
    static struct wd_filter own, other, third;
    struct wd_redis_name names[200];
    struct wd_reservation held = { .nonce = 1 };
    struct wd_store_op op = redis_op(WD_STORE_RESERVE, &held);

    memset(&own, 0, sizeof(own));
    memset(&other, 0, sizeof(other));
    for (int round = 0; round < 4; round++) {
        for (uint32_t i = 0; i < 200; i++)
            names[i] = (struct wd_redis_name){ (i * 7919 + (uint32_t)round * 104729) % WD_FILTER_BITS, (uint8_t)(1 + i % 16) };
        assert_int_equal(wd_redis_name_format(&rs.redis, names, 200, own.version, &rs.out), WD_OK);
        redisReply *reply = redis_server_ask(&rs);
        assert_int_equal(wd_redis_filter_apply(&own, reply), WD_OK);
        freeReplyObject(reply);
        assert_int_equal(own.version, 200 * (round + 1));
        for (uint32_t i = 0; i < 200; i++)
            assert_true(own.bits[names[i].bit / 64] >> names[i].bit % 64 & 1);
        assert_int_equal(own.word_counts, 0x1fffe);

        if (round == 2)
            continue; /* misses more than there is a list of */
        op.filter_version = other.version;
        assert_int_equal(wd_redis_format(&rs.redis, &op, 0, &rs.out), WD_OK);
        reply = redis_server_ask(&rs);
        assert_int_equal(wd_redis_answer(&op, reply, NULL), WD_REDIS_ANSWERED);
        assert_int_equal(op.why, WD_WHY_STALE);
        assert_int_equal(wd_redis_filter_apply(&other, reply), round == 3 ? WD_ERR_NOTFOUND : WD_OK);
        freeReplyObject(reply);
        if (round == 3)
            assert_int_equal(hello(1, false, other.version, &other).err, WD_OK);
        assert_memory_equal(&own, &other, sizeof(own));
        op.filter_version = other.version;
        assert_int_equal(redis_server_run(&rs, &op, 0), WD_REDIS_ANSWERED);
        assert_int_equal(op.err, WD_OK);
    }
    memset(&third, 0xff, sizeof(third));
    assert_int_equal(hello(1, false, 0, &third).err, WD_OK);
    assert_memory_equal(&own, &third, sizeof(own));
    for (int known = 0; known < 3; known++) { /* answers that overlap: all of it is known, some of it, or a part between is not */
        memcpy(&third, &own, sizeof(third));
        op.filter_version = 790;
        assert_int_equal(wd_redis_format(&rs.redis, &op, 0, &rs.out), WD_OK);
        redisReply *reply = redis_server_ask(&rs);
        third.version = known == 0 ? 801 : known == 1 ? 795 : 789;
        assert_int_equal(wd_redis_filter_apply(&third, reply), known == 2 ? WD_ERR_NOTFOUND : WD_OK);
        assert_int_equal(third.version, known == 0 ? 801 : known == 1 ? 800 : 789);
        freeReplyObject(reply);
    }
    memset(&third, 0xff, sizeof(third)); /* nothing new: as it is */
    assert_int_equal(hello(1, false, own.version, &third).err, WD_OK);
    assert_true(third.version == UINT64_MAX);

    assert_int_equal(wd_redis_name_format(&rs.redis, names, 200, own.version, &rs.out), WD_OK); /* named before: no change */
    redisReply *reply = redis_server_ask(&rs);
    assert_int_equal(wd_redis_filter_apply(&own, reply), WD_OK);
    freeReplyObject(reply);
    assert_int_equal(own.version, 800);
}

/* A filter that was lost and came again never has a version that somebody knew. */
static void
a_lost_filter_is_another(void **state)
{
    static struct wd_filter before, after;
    struct wd_redis_name name = { 77, 2 };

    for (int round = 0; round < 2; round++) {
        struct wd_filter *f = round == 0 ? &before : &after;
        memset(f, 0, sizeof(*f));
        redis_server_do(&rs, "FLUSHALL");
        assert_int_equal(hello(1, false, 0, f).err, WD_OK);
        name.bit += 1;
        assert_int_equal(wd_redis_name_format(&rs.redis, &name, 1, f->version, &rs.out), WD_OK);
        redisReply *reply = redis_server_ask(&rs);
        assert_int_equal(wd_redis_filter_apply(f, reply), WD_ERR_NOTFOUND);
        freeReplyObject(reply);
        assert_int_equal(hello(1, false, 0, f).err, WD_OK);
        assert_int_equal(f->word_counts, 1 << 2);
        usleep(2000);
    }
    assert_true(before.version > 1600000000000 && after.version > before.version);
    assert_int_equal(hello(1, false, before.version, &before).err, WD_OK);
    assert_memory_equal(&before, &after, sizeof(before));
}

struct seen {
    size_t count;
    char users[1024][8];
};

static bool
see(void *ctx, const uint8_t digest[32], const struct wd_principal *who)
{
    struct seen *seen = ctx;

    snprintf(seen->users[seen->count++], 8, "%.7s", who->user);
    assert_int_equal(who->id[1], digest[0] % 16 < 10 ? '0' + digest[0] % 16 : 'a' + digest[0] % 16 - 10);
    return true;
}

static struct seen
list(struct wd_span prefix)
{
    struct seen seen = { 0 };
    uint8_t last[32];
    bool more = false;

    do {
        assert_int_equal(wd_redis_token_list_format(&rs.redis, prefix, more ? last : NULL, &rs.out), WD_OK);
        redisReply *reply = redis_server_ask(&rs);
        assert_int_equal(wd_redis_token_list_answer(reply, see, &seen, last, &more), WD_REDIS_ANSWERED);
        freeReplyObject(reply);
    } while (more);
    return seen;
}

static uint64_t
done(enum wd_err want)
{
    enum wd_err err;
    uint64_t count;
    redisReply *reply = redis_server_ask(&rs);

    if (reply->type == REDIS_REPLY_ERROR)
        fail_msg("%s", reply->str);
    assert_int_equal(wd_redis_done(reply, &err, &count), WD_REDIS_ANSWERED);
    assert_int_equal(err, want);
    freeReplyObject(reply);
    return count;
}

static void
tokens_are_made_listed_and_revoked(void **state)
{
    struct wd_principal who = { .role = "basic", .created_s = 1700000000, .expires_s = 5000000000 };
    uint8_t digest[32] = { 0 };

    for (uint32_t i = 0; i < 700; i++) {
        for (int k = 0; k < 8; k++)
            digest[k] = (uint8_t)(i * 2654435761u >> (k % 4 * 8));
        snprintf(who.user, sizeof(who.user), "%s", i % 3 == 0 ? "ann" : i % 3 == 1 ? "anna" : "bob");
        assert_int_equal(wd_redis_token_put_format(&rs.redis, digest, &who, &rs.out), WD_OK);
        assert_int_equal(done(WD_OK), 1);
    }
    assert_int_equal(wd_redis_token_put_format(&rs.redis, digest, &who, &rs.out), WD_OK);
    assert_int_equal(done(WD_OK), 0); /* the same again, as a migration does that is begun anew */
    snprintf(who.user, sizeof(who.user), "eve");
    assert_int_equal(wd_redis_token_put_format(&rs.redis, digest, &who, &rs.out), WD_OK);
    done(WD_ERR_RANGE);
    who.user[0] = 0;
    assert_int_equal(wd_redis_token_put_format(&rs.redis, digest, &who, &rs.out), WD_ERR_RANGE);

    assert_int_equal(list(wd_span(NULL, 0)).count, 700);
    assert_int_equal(list(wd_span((char *)digest, 8)).count, 1);
    struct wd_store_op op = redis_op(WD_STORE_ARRIVE, NULL);
    op.has_digest = true;
    memcpy(op.digest, digest, 32);
    assert_int_equal(redis_server_run(&rs, &op, 0), WD_REDIS_ANSWERED);
    assert_string_equal(op.who.user, "ann");
    assert_int_equal(op.who.expires_s, 5000000000);

    assert_int_equal(wd_redis_token_drop_format(&rs.redis, digest, &rs.out), WD_OK);
    assert_int_equal(done(WD_OK), 1);
    assert_int_equal(wd_redis_token_drop_format(&rs.redis, digest, &rs.out), WD_OK);
    assert_int_equal(done(WD_OK), 0);
    redis_server_run(&rs, &op, 0);
    assert_int_equal(op.why, WD_WHY_UNKNOWN);

    assert_int_equal(wd_redis_token_drop_user_format(&rs.redis, wd_span_str("ann"), &rs.out), WD_OK);
    assert_int_equal(done(WD_OK), 233);
    struct seen seen = list(wd_span(NULL, 0));
    assert_int_equal(seen.count, 466);
    for (size_t i = 0; i < seen.count; i++)
        assert_string_not_equal(seen.users[i], "ann");
    redisReply *index = redis_server_command(&rs, "ZCARD {warder}:I");
    assert_int_equal(index->integer, 2 * 466);
    freeReplyObject(index);
}

static void
entries_are_put_listed_and_forgotten(void **state)
{
    static struct wd_ledger_entry entries[WD_REDIS_ENTRIES_MAX];
    static struct wd_holding held[WD_REDIS_ENTRIES_MAX];
    size_t count, total = 0;
    enum wd_err err;
    uint64_t cursor = 0;

    for (size_t i = 0; i < 400; i++) {
        memset(&entries[i], 0, sizeof(entries[i]));
        memcpy(entries[i].key, &i, sizeof(i));
        entries[i].holder = 7 + i % 2;
        entries[i].kind = (uint8_t)(i % 5);
        entries[i].expires_s = 1000 + (uint32_t)i;
    }
    for (int round = 0; round < 3; round++) { /* taken, the holder's already, another's in part */
        for (size_t i = 0; round == 2 && i < 200; i++)
            entries[i].holder = 9;
        assert_int_equal(wd_redis_ledger_put_format(&rs.redis, entries, 400, &rs.out), WD_OK);
        redisReply *reply = redis_server_ask(&rs);
        assert_int_equal(wd_redis_ledger_put_answer(reply, held, 400, &err), WD_REDIS_ANSWERED);
        assert_int_equal(err, WD_OK);
        assert_int_equal(wd_redis_ledger_put_answer(reply, held, 399, &err), WD_REDIS_UNCLEAR);
        assert_int_equal(err, WD_ERR_CORRUPT);
        freeReplyObject(reply);
        for (size_t i = 0; i < 400; i++) {
            assert_int_equal(held[i].held, round == 2 && i < 200 ? WD_HELD_OTHER : round > 0 ? WD_HELD_SAME : WD_HELD_NOT);
            assert_int_equal(held[i].owner, round > 0 ? 7 + i % 2 : 0);
        }
    }
    redis_server_do(&rs, "SET {warder}:c1234567890123456 x");
    do {
        assert_int_equal(wd_redis_ledger_scan_format(&rs.redis, cursor, &rs.out), WD_OK);
        redisReply *reply = redis_server_ask(&rs);
        assert_int_equal(wd_redis_ledger_scan_answer(&rs.redis, reply, &cursor, entries, &count), WD_REDIS_ANSWERED);
        freeReplyObject(reply);
        if (count == 0)
            continue;
        assert_int_equal(wd_redis_ledger_read_format(&rs.redis, entries, count, &rs.out), WD_OK);
        reply = redis_server_ask(&rs);
        assert_int_equal(wd_redis_ledger_read_answer(reply, entries, count), WD_REDIS_ANSWERED);
        freeReplyObject(reply);
        for (size_t i = 0; i < count; i++) {
            size_t n;
            memcpy(&n, entries[i].key, sizeof(n));
            assert_int_equal(entries[i].holder, 7 + n % 2);
            assert_int_equal(entries[i].kind, n % 5);
            assert_in_range(entries[i].expires_s, 990 + n, 1000 + n);
        }
        total += count;
        assert_int_equal(wd_redis_ledger_forget_format(&rs.redis, entries, count, &rs.out), WD_OK);
        assert_int_equal(done(WD_OK), count);
    } while (cursor != 0);
    assert_int_equal(total, 400);
    assert_int_equal(wd_redis_ledger_read_format(&rs.redis, entries, 1, &rs.out), WD_OK);
    redisReply *reply = redis_server_ask(&rs);
    assert_int_equal(wd_redis_ledger_read_answer(reply, entries, 1), WD_REDIS_ANSWERED);
    freeReplyObject(reply);
    assert_int_equal(entries[0].holder, 0);
}

/* What the words of a refusal say of the store. */
static enum wd_redis_state
why(struct wd_store_op *op)
{
    assert_int_equal(wd_redis_format(&rs.redis, op, 0, &rs.out), WD_OK);
    redisReply *reply = redis_server_ask(&rs);
    enum wd_redis_state state = wd_redis_state_of(reply);
    freeReplyObject(reply);
    return state;
}

/* Real refusals of Redis, told apart. */
static void
refusals_of_redis_are_told_apart(void **state)
{
    struct wd_holding values[1] = { { .key = "v", .kind = 1 } };
    struct wd_claim claims[1] = { redis_claim("a", 10, 60, WD_UNIT_REQUESTS, 1) };
    struct wd_reservation held = {
        .claims = claims, .claim_count = 1, .values = values, .value_count = 1, .provider = 1, .keep_s = 60, .nonce = 1
    };
    struct wd_store_op op = redis_op(WD_STORE_RESERVE, &held), back = redis_op(WD_STORE_SETTLE, &held);

    back.give_back = true;
    assert_int_equal(redis_server_run(&rs, &op, 0), WD_REDIS_ANSWERED);
    redis_server_do(&rs, "CONFIG SET maxmemory 1000000");
    assert_int_equal(redis_server_run(&rs, &op, 0), WD_REDIS_FAILED);
    assert_int_equal(op.err, WD_ERR_FULL);
    assert_int_equal(why(&op), WD_REDIS_FULL);
    claims[0].taken_us = 0;
    assert_int_equal(redis_server_run(&rs, &back, 0), WD_REDIS_ANSWERED); /* giving back frees memory */
    redis_server_do(&rs, "CONFIG SET maxmemory 0");
    redisReply *entry = redis_server_command(&rs, "EXISTS {warder}:l%b", values[0].key, (size_t)16);
    assert_int_equal(entry->integer, 0);
    freeReplyObject(entry);

    redis_server_do(&rs, "REPLICAOF 127.0.0.1 1");
    assert_int_equal(redis_server_run(&rs, &op, 0), WD_REDIS_FAILED);
    assert_int_equal(op.err, WD_ERR_IO);
    assert_int_equal(why(&op), WD_REDIS_READONLY);
    redis_server_do(&rs, "CONFIG SET replica-serve-stale-data no");
    assert_int_equal(redis_server_run(&rs, &op, 0), WD_REDIS_FAILED);
    redis_server_do(&rs, "CONFIG SET replica-serve-stale-data yes");
    redis_server_do(&rs, "REPLICAOF NO ONE");
    redis_server_do(&rs, "ACL SETUSER default -evalsha");
    assert_int_equal(redis_server_run(&rs, &op, 0), WD_REDIS_FAILED);
    redis_server_do(&rs, "ACL SETUSER default +@all -set"); /* within the script */
    assert_int_equal(redis_server_run(&rs, &op, 0), WD_REDIS_FAILED);
    redis_server_do(&rs, "ACL SETUSER default +@all");
    assert_int_equal(redis_server_run(&rs, &op, 0), WD_REDIS_ANSWERED);
    assert_int_equal(op.err, WD_OK);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_first_gateway_brings_the_key_of_all, redis_fixture_each),
        cmocka_unit_test_setup(another_master_key_is_refused, redis_fixture_each),
        cmocka_unit_test_setup(a_redis_that_throws_out_is_refused, redis_fixture_each),
        cmocka_unit_test_setup(a_filter_comes_to_all, redis_fixture_each),
        cmocka_unit_test_setup(a_lost_filter_is_another, redis_fixture_each),
        cmocka_unit_test_setup(tokens_are_made_listed_and_revoked, redis_fixture_each),
        cmocka_unit_test_setup(entries_are_put_listed_and_forgotten, redis_fixture_each),
        cmocka_unit_test_setup(refusals_of_redis_are_told_apart, redis_fixture_each),
    };

    return cmocka_run_group_tests(tests, redis_fixture_start, redis_fixture_stop);
}
