#include "redis_ops.h"

#include "redis_parts.h"

#define OPS_COUNT_MAX REDIS_MOST
#define OPS_WINDOW_MAX_S (31u * 86400)
#define OPS_EXACT_MAX 1000 /* requests; above, slices */
#define OPS_CLAIM 25       /* bytes of a claim: count (8), window (4), amount (8), unit, group (2), first of its scope (2) */
#define OPS_SETTLED 25     /* taken (8), amount (8), used (8), unit */

static bool
claim_ok(const struct wd_claim *claim)
{
    const struct wd_limit *limit = &claim->limit;

    return limit->count > 0 && limit->count <= OPS_COUNT_MAX && limit->window_s > 0 && limit->window_s <= OPS_WINDOW_MAX_S &&
           claim->amount <= REDIS_MOST;
}

/* Claims of one scope, in different windows, have keys that differ by their rank: the number of the first, from 1; 0: none. */
static size_t
claim_first(const struct wd_claim *claims, size_t i)
{
    uint8_t key[16];

    memcpy(key, claims[i].key, sizeof(key));
    key[7] ^= claims[i].limit.rank;
    for (size_t k = i + 1; k > 0; k--)
        if (claims[k - 1].limit.rank == 0 && memcmp(claims[k - 1].key, key, sizeof(key)) == 0)
            return k;
    return 0;
}

static size_t
claim_put(uint8_t *to, const struct wd_claim *claim, size_t first)
{
    size_t n = redis_put(to, claim->limit.count, 8);

    n += redis_put(to + n, claim->limit.window_s, 4);
    n += redis_put(to + n, claim->amount, 8);
    to[n++] = claim->limit.unit;
    n += redis_put(to + n, claim->limit.rank == 0 ? claim->limit.group : 0, 2);
    n += redis_put(to + n, first, 2);
    return n;
}

static void
claim_key(struct redis_command *c, const struct wd_claim *claim)
{
    redis_key(c, REDIS_KEY_CLAIM, claim->key, sizeof(claim->key));
}

static void
holding_keys(struct redis_command *c, const struct wd_holding *h, size_t count)
{
    for (size_t i = 0; i < count; i++)
        redis_key(c, REDIS_KEY_ENTRY, h[i].key, sizeof(h[i].key));
}

static void
holding_kinds(struct redis_command *c, const struct wd_holding *h, size_t count)
{
    uint8_t kinds[WD_REDIS_HOLDINGS_MAX];

    for (size_t i = 0; i < count; i++)
        kinds[i] = h[i].kind;
    redis_arg(c, kinds, count);
}

/* 0 and what a script could not count: any time. */
static uint64_t
deadline(uint64_t us)
{
    return us == 0 || us > REDIS_MOST ? REDIS_MOST : us;
}

static enum wd_err
format_arrive(const struct wd_redis *r, const struct wd_store_op *op, uint64_t deadline_us, struct wd_buf *out)
{
    bool address = op->address.limit.count > 0, failed = op->failed.limit.count > 0;
    uint8_t ask[9 + 2 * OPS_CLAIM] = { 0 };
    struct redis_command c;

    if ((address && !claim_ok(&op->address)) || (failed && !claim_ok(&op->failed)))
        return WD_ERR_RANGE;
    redis_put(ask, deadline(deadline_us), 8);
    ask[8] = (uint8_t)(address | failed << 1 | op->has_digest << 2);
    claim_put(ask + 9, &op->address, 0);
    claim_put(ask + 9 + OPS_CLAIM, &op->failed, 0);

    redis_begin_script(&c, r, out, WD_REDIS_ARRIVE, 1u + address + failed + op->has_digest, 1u + op->has_digest);
    redis_key(&c, REDIS_KEY_CLOCK, NULL, 0);
    if (address)
        claim_key(&c, &op->address);
    if (failed)
        claim_key(&c, &op->failed);
    if (op->has_digest)
        redis_key(&c, REDIS_KEY_TOKENS, NULL, 0);
    redis_arg(&c, ask, sizeof(ask));
    if (op->has_digest)
        redis_arg(&c, op->digest, sizeof(op->digest));
    return redis_end(&c);
}

/* What the script asks of the reservation, in one argument. */
static void
reserve_ask(struct redis_command *c, const struct wd_store_op *op, uint64_t deadline_us, bool filter, bool named)
{
    const struct wd_reservation *held = op->held;
    uint8_t ask[51 + WD_REDIS_CLAIMS_MAX * OPS_CLAIM];
    size_t n = redis_put(ask, deadline(deadline_us), 8);
    bool groups = false;

    for (size_t i = 0; i < held->claim_count; i++)
        groups = groups || held->claims[i].limit.group != 0;
    ask[n++] = (uint8_t)(filter | op->has_digest << 1 | held->conflicts_pass << 2 | groups << 3 | named << 4);
    n += redis_put(ask + n, held->claim_count, 2);
    n += redis_put(ask + n, held->value_count, 2);
    n += redis_put(ask + n, held->probe_count, 2);
    n += redis_put(ask + n, held->ref_count, 2);
    n += redis_put(ask + n, filter ? op->filter_version : 0, 8);
    n += redis_put(ask + n, (uint64_t)held->keep_s * 1000, 8);
    n += redis_put(ask + n, held->nonce, 4);
    n += redis_put(ask + n, held->provider, REDIS_HOLDER);
    n += redis_put(ask + n, held->user, REDIS_HOLDER);
    for (size_t i = 0; i < held->claim_count; i++)
        n += claim_put(ask + n, &held->claims[i], groups ? claim_first(held->claims, i) : 0);
    redis_arg(c, ask, n);
}

/* Named values that are taken, for the filter; 5 bytes each. Returns how many bytes. */
static size_t
reserve_names(const struct wd_reservation *held, uint8_t *to)
{
    size_t n = 0;

    for (size_t i = 0; i < held->value_count - held->probe_count; i++) {
        const struct wd_holding *h = &held->values[i];
        if (h->words == 0)
            continue;
        n += redis_put(to + n, h->first % WD_FILTER_BITS, 4);
        to[n++] = h->words;
    }
    return n;
}

static enum wd_err
reserve_ok(const struct wd_reservation *held)
{
    if (held->claim_count > WD_REDIS_CLAIMS_MAX || held->value_count > WD_REDIS_HOLDINGS_MAX ||
        held->ref_count > WD_REDIS_HOLDINGS_MAX - held->value_count || held->probe_count > held->value_count)
        return WD_ERR_LIMIT;
    for (size_t i = 0; i < held->claim_count; i++)
        if (!claim_ok(&held->claims[i]))
            return WD_ERR_RANGE;
    for (size_t i = 0; i < held->value_count; i++)
        if (held->values[i].words > WD_FILTER_WORDS_MAX)
            return WD_ERR_RANGE;
    if ((held->value_count > 0 && (held->provider == 0 || held->provider > REDIS_HOLDER_MAX)) ||
        (held->ref_count > 0 && (held->user == 0 || held->user > REDIS_HOLDER_MAX)))
        return WD_ERR_RANGE;
    return held->nonce == 0 || (held->value_count > 0 && held->keep_s == 0) ? WD_ERR_RANGE : WD_OK;
}

static enum wd_err
format_reserve(const struct wd_redis *r, const struct wd_store_op *op, uint64_t deadline_us, struct wd_buf *out)
{
    const struct wd_reservation *held = op->held;
    bool filter = op->filter_version != UINT64_MAX;
    uint8_t names[WD_REDIS_HOLDINGS_MAX * 5];
    enum wd_err err = reserve_ok(held);
    struct redis_command c;

    if (err != WD_OK)
        return err;
    if (filter && op->filter_version > REDIS_MOST)
        return WD_ERR_RANGE;
    size_t named = reserve_names(held, names), keys = 1 +
                                                      (named > 0 ? 3
                                                       : filter  ? 2
                                                                 : 0) +
                                                      op->has_digest + held->claim_count + held->value_count + held->ref_count;
    redis_begin_script(&c, r, out, WD_REDIS_RESERVE, keys, 5);
    redis_key(&c, REDIS_KEY_CLOCK, NULL, 0);
    if (filter || named > 0) {
        redis_key(&c, REDIS_KEY_FILTER, NULL, 0);
        redis_key(&c, REDIS_KEY_CHANGES, NULL, 0);
    }
    if (named > 0)
        redis_key(&c, REDIS_KEY_BITS, NULL, 0);
    if (op->has_digest)
        redis_key(&c, REDIS_KEY_TOKENS, NULL, 0);
    for (size_t i = 0; i < held->claim_count; i++)
        claim_key(&c, &held->claims[i]);
    holding_keys(&c, held->values, held->value_count);
    holding_keys(&c, held->refs, held->ref_count);

    reserve_ask(&c, op, deadline_us, filter, named > 0);
    holding_kinds(&c, held->values, held->value_count);
    if (op->has_digest) {
        uint8_t token[REDIS_TOKEN_MAX];
        size_t n = redis_token_put(token, &op->who);
        redis_arg(&c, op->digest, sizeof(op->digest));
        redis_arg(&c, token + 17, n - 17); /* who it is, not since when and until when */
    } else {
        redis_arg(&c, NULL, 0);
        redis_arg(&c, NULL, 0);
    }
    redis_arg(&c, names, named);
    return redis_end(&c);
}

/* Requests are left as they are unless they are given back. */
static bool
settles(const struct wd_store_op *op, const struct wd_claim *claim)
{
    if (claim->taken_us == 0 || claim->taken_us > REDIS_MOST)
        return false;
    return op->give_back || (claim->limit.unit != WD_UNIT_REQUESTS && claim->used != claim->amount);
}

static size_t
settle_count(const struct wd_store_op *op, const struct wd_claim **first)
{
    size_t count = 0;

    for (size_t i = 0; i < op->held->claim_count; i++)
        if (settles(op, &op->held->claims[i]) && count++ == 0)
            *first = &op->held->claims[i];
    return count;
}

static enum wd_err
format_settle(const struct wd_redis *r, const struct wd_store_op *op, struct wd_buf *out)
{
    const struct wd_reservation *held = op->held;
    const struct wd_claim *first = NULL;
    size_t count = settle_count(op, &first), values = op->give_back && !op->shown ? held->value_count - held->probe_count : 0;
    uint8_t ask[9 + WD_REDIS_CLAIMS_MAX * OPS_SETTLED], mark[12];
    struct redis_command c;
    size_t n = 1;

    if (count > WD_REDIS_CLAIMS_MAX || values > WD_REDIS_HOLDINGS_MAX)
        return WD_ERR_LIMIT;
    ask[0] = op->give_back;
    n += redis_put(ask + n, count, 2);
    n += redis_put(ask + n, values, 2);
    n += redis_put(ask + n, held->nonce, 4);
    redis_put(mark, held->nonce, 4);
    redis_put(mark + 4, first != NULL ? first->taken_us : 0, 8);

    redis_begin_script(&c, r, out, WD_REDIS_SETTLE, 2 + count + values, 1);
    redis_key(&c, REDIS_KEY_CLOCK, NULL, 0);
    redis_key(&c, REDIS_KEY_SETTLED, mark, sizeof(mark));
    for (size_t i = 0; i < held->claim_count; i++) {
        const struct wd_claim *claim = &held->claims[i];
        if (!settles(op, claim))
            continue;
        claim_key(&c, claim);
        n += redis_put(ask + n, claim->taken_us, 8);
        n += redis_put(ask + n, claim->amount < REDIS_MOST ? claim->amount : REDIS_MOST, 8);
        n += redis_put(ask + n, claim->used < REDIS_MOST ? claim->used : REDIS_MOST, 8);
        ask[n++] = claim->limit.unit;
    }
    holding_keys(&c, held->values, values);
    redis_arg(&c, ask, n);
    return redis_end(&c);
}

static enum wd_err
format_issue(const struct wd_redis *r, const struct wd_store_op *op, uint64_t deadline_us, struct wd_buf *out)
{
    const struct wd_reservation *held = op->held;
    uint8_t ask[29];
    size_t n = redis_put(ask, deadline(deadline_us), 8);
    struct redis_command c;

    if (held->ref_count > WD_REDIS_HOLDINGS_MAX)
        return WD_ERR_LIMIT;
    if (held->keep_s == 0 || held->nonce == 0 || held->user == 0 || held->user > REDIS_HOLDER_MAX)
        return WD_ERR_RANGE;
    n += redis_put(ask + n, held->ref_count, 2);
    n += redis_put(ask + n, (uint64_t)held->keep_s * 1000, 8);
    n += redis_put(ask + n, held->nonce, 4);
    n += redis_put(ask + n, held->user, REDIS_HOLDER);
    redis_begin_script(&c, r, out, WD_REDIS_ISSUE, 1 + held->ref_count, 2);
    redis_key(&c, REDIS_KEY_CLOCK, NULL, 0);
    holding_keys(&c, held->refs, held->ref_count);
    redis_arg(&c, ask, n);
    holding_kinds(&c, held->refs, held->ref_count);
    return redis_end(&c);
}

bool
wd_redis_needed(const struct wd_store_op *op)
{
    const struct wd_reservation *held = op->held;
    const struct wd_claim *first;

    switch (op->kind) {
    case WD_STORE_ARRIVE:
        return op->address.limit.count > 0 || op->failed.limit.count > 0 || op->has_digest;
    case WD_STORE_RESERVE:
        return held->claim_count + held->value_count + held->ref_count > 0 || op->has_digest || op->filter_version != UINT64_MAX;
    case WD_STORE_SETTLE:
        return settle_count(op, &first) > 0 || (op->give_back && !op->shown && held->value_count > held->probe_count);
    case WD_STORE_ISSUE:
        return held->ref_count > 0;
    }
    return true;
}

enum wd_err
wd_redis_format(const struct wd_redis *r, const struct wd_store_op *op, uint64_t deadline_us, struct wd_buf *out)
{
    switch (op->kind) {
    case WD_STORE_ARRIVE:
        return format_arrive(r, op, deadline_us, out);
    case WD_STORE_RESERVE:
        return format_reserve(r, op, deadline_us, out);
    case WD_STORE_SETTLE:
        return format_settle(r, op, out);
    case WD_STORE_ISSUE:
        return format_issue(r, op, deadline_us, out);
    }
    return WD_ERR_RANGE;
}
