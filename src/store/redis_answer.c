#include "redis_ops.h"

#include "redis_parts.h"

#define ANSWER_CLAIM 16                   /* remaining (8), reset (8) */
#define ANSWER_HOLDING (1 + REDIS_HOLDER) /* enum wd_held, owner */

enum wd_err
redis_went_err(enum wd_redis_went went, const redisReply *reply)
{
    switch (went) {
    case WD_REDIS_ANSWERED:
        return WD_OK;
    case WD_REDIS_FAILED:
        return wd_redis_state_of(reply) == WD_REDIS_FULL ? WD_ERR_FULL : WD_ERR_IO;
    case WD_REDIS_UNCLEAR:
        return WD_ERR_CORRUPT;
    default:
        return WD_ERR_IO;
    }
}

static bool
answer_begins(const redisReply *reply, const char *word)
{
    size_t len = strlen(word);

    return reply->str != NULL && reply->len >= len && memcmp(reply->str, word, len) == 0 &&
           (reply->len == len || reply->str[len] == ' ');
}

enum wd_redis_went
redis_went(const redisReply *reply)
{
    if (reply == NULL)
        return WD_REDIS_UNCLEAR;
    if (reply->type != REDIS_REPLY_ERROR)
        return WD_REDIS_ANSWERED;
    if (answer_begins(reply, "NOSCRIPT"))
        return WD_REDIS_UNLOADED;
    if (answer_begins(reply, "MOVED") || answer_begins(reply, "ASK"))
        return WD_REDIS_ELSEWHERE;
    if (wd_redis_state_of(reply) != WD_REDIS_OK || answer_begins(reply, "TRYAGAIN") ||
        answer_begins(reply, "ERR The user executing the script"))
        return WD_REDIS_FAILED;
    return WD_REDIS_UNCLEAR;
}

enum wd_redis_went
redis_head(const redisReply *reply, char *status, uint64_t *time_us, size_t *which, struct wd_span *body)
{
    enum wd_redis_went went = redis_went(reply);
    uint64_t time;

    if (went != WD_REDIS_ANSWERED)
        return went;
    if (reply->type != REDIS_REPLY_STRING || reply->str == NULL || reply->len < REDIS_HEAD)
        return WD_REDIS_UNCLEAR;
    *status = reply->str[0];
    time = redis_get(reply->str + 1, 8);
    *which = redis_get(reply->str + 9, 2);
    *body = wd_span(reply->str + REDIS_HEAD, reply->len - REDIS_HEAD);
    if (time > REDIS_MOST)
        return WD_REDIS_UNCLEAR;
    if (*status == 'L' || *status == 'E') {
        if (body->len > 0)
            return WD_REDIS_UNCLEAR;
        went = *status == 'L' ? WD_REDIS_LATE : WD_REDIS_EMPTY;
    }
    if (time_us != NULL && time != 0)
        *time_us = time;
    return went;
}

/* What is left of an answer's body while it is read. */
struct answer {
    struct wd_span rest;
    uint64_t time_us;
};

static const char *
answer_take(struct answer *a, size_t len)
{
    const char *at = a->rest.ptr;

    a->rest = wd_span(a->rest.ptr + len, a->rest.len - len);
    return at;
}

static void
answer_claim(struct answer *a, struct wd_claim *claim, bool taken)
{
    claim->remaining = redis_get(answer_take(a, 8), 8);
    claim->reset_us = redis_get(answer_take(a, 8), 8);
    claim->taken_us = taken ? a->time_us : 0;
}

static bool
answer_holdings_ok(struct wd_span s)
{
    for (size_t i = 0; i < s.len; i += ANSWER_HOLDING) {
        if ((uint8_t)s.ptr[i] > WD_HELD_OTHER)
            return false;
    }
    return true;
}

static void
answer_holdings(struct answer *a, struct wd_holding *h, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        h[i].held = (uint8_t)*answer_take(a, 1);
        h[i].owner = redis_get(answer_take(a, REDIS_HOLDER), REDIS_HOLDER);
    }
}

static bool
deny(struct wd_store_op *op, enum wd_store_why why, size_t which)
{
    op->err = WD_ERR_DENIED;
    op->why = why;
    op->which = which;
    return true;
}

static bool
answer_arrive(struct wd_store_op *op, char status, struct answer *a)
{
    bool address = op->address.limit.count > 0, failed = op->failed.limit.count > 0;

    if (status == 'A' && address && a->rest.len == ANSWER_CLAIM) {
        answer_claim(a, &op->address, false);
        return deny(op, WD_WHY_ADDRESS, 0);
    }
    if (status == 'K' && op->has_digest && a->rest.len > (address ? ANSWER_CLAIM : 0)) {
        struct wd_span token = a->rest;
        if (address)
            token = wd_span(token.ptr + ANSWER_CLAIM, token.len - ANSWER_CLAIM);
        if (!redis_token_get(&op->who, op->digest, token))
            return false;
        if (address)
            answer_claim(a, &op->address, true);
        op->err = WD_OK;
        return true;
    }
    if (status == 'K' && !op->has_digest && !failed && a->rest.len == (address ? ANSWER_CLAIM : 0)) {
        if (address)
            answer_claim(a, &op->address, true);
        op->err = WD_OK;
        return true;
    }
    if ((status == 'U' || (status == 'X' && op->has_digest) || (status == 'F' && failed)) &&
        a->rest.len == ((size_t)address + failed) * ANSWER_CLAIM) {
        if (address)
            answer_claim(a, &op->address, true);
        if (failed)
            answer_claim(a, &op->failed, status != 'F');
        return deny(op, status == 'F' ? WD_WHY_FAILED : status == 'X' ? WD_WHY_EXPIRED : WD_WHY_UNKNOWN, 0);
    }
    return false;
}

static bool
answer_reserve(struct wd_store_op *op, char status, size_t which, struct answer *a)
{
    struct wd_reservation *held = op->held;
    size_t claims = held->claim_count * ANSWER_CLAIM, holdings = (held->value_count + held->ref_count) * ANSWER_HOLDING;
    enum wd_store_why why = WD_WHY_NONE;

    if (status == 'S')
        return op->filter_version != UINT64_MAX && a->rest.len >= 9 && deny(op, WD_WHY_STALE, 0);
    if (status == 'U' || status == 'X')
        return op->has_digest && a->rest.len == 0 && deny(op, status == 'U' ? WD_WHY_UNKNOWN : WD_WHY_EXPIRED, 0);
    if (status == 'R' || status == 'V') {
        why = status == 'R' ? WD_WHY_REFERENCE : WD_WHY_VALUE;
        claims = 0;
        if (which >= (status == 'R' ? held->ref_count : held->value_count))
            return false;
    } else if (status == 'N') {
        why = WD_WHY_LIMIT;
        if (which >= held->claim_count)
            return false;
    } else if (status != 'K') {
        return false;
    }
    if (a->rest.len != claims + holdings || !answer_holdings_ok(wd_span(a->rest.ptr + claims, holdings)))
        return false;
    for (size_t i = 0; i < claims / ANSWER_CLAIM; i++)
        answer_claim(a, &held->claims[i], status == 'K');
    answer_holdings(a, held->values, held->value_count);
    answer_holdings(a, held->refs, held->ref_count);
    op->err = WD_OK;
    return status == 'K' || deny(op, why, which);
}

static bool
answer_issue(struct wd_store_op *op, char status, struct answer *a)
{
    struct wd_reservation *held = op->held;

    if (status != 'K' || a->rest.len != held->ref_count * ANSWER_HOLDING || !answer_holdings_ok(a->rest))
        return false;
    answer_holdings(a, held->refs, held->ref_count);
    op->err = WD_OK;
    return true;
}

enum wd_redis_went
wd_redis_answer(struct wd_store_op *op, const redisReply *reply, uint64_t *time_us)
{
    struct answer a = { { NULL, 0 }, 0 };
    char status = 0;
    size_t which = 0;
    bool ok = false;

    op->why = WD_WHY_NONE;
    op->which = 0;
    enum wd_redis_went went = redis_head(reply, &status, &a.time_us, &which, &a.rest);
    op->err = redis_went_err(went, reply);
    if (a.time_us != 0 && time_us != NULL)
        *time_us = a.time_us;
    if (went != WD_REDIS_ANSWERED)
        return went;
    op->err = WD_ERR_CORRUPT;
    if (a.time_us == 0 && (op->kind == WD_STORE_ARRIVE || op->kind == WD_STORE_RESERVE))
        return WD_REDIS_UNCLEAR;
    switch (op->kind) {
    case WD_STORE_ARRIVE:
        ok = answer_arrive(op, status, &a);
        break;
    case WD_STORE_RESERVE:
        ok = answer_reserve(op, status, which, &a);
        break;
    case WD_STORE_SETTLE:
        ok = status == 'K' && a.rest.len == 0;
        if (ok)
            op->err = WD_OK;
        break;
    case WD_STORE_ISSUE:
        ok = answer_issue(op, status, &a);
        break;
    }
    return ok ? WD_REDIS_ANSWERED : WD_REDIS_UNCLEAR;
}
