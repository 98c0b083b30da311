#include "store.h"

#include <stdlib.h>
#include <string.h>

struct wd_reservation *
wd_reservation_copy(const struct wd_reservation *r)
{
    size_t claims = r->claim_count * sizeof(*r->claims), values = r->value_count * sizeof(*r->values);
    size_t refs = r->ref_count * sizeof(*r->refs);
    struct wd_reservation *copy = malloc(sizeof(*copy) + claims + values + refs);

    if (copy == NULL)
        return NULL;
    *copy = *r;
    copy->claims = (struct wd_claim *)(copy + 1);
    copy->values = (struct wd_holding *)(copy->claims + r->claim_count);
    copy->refs = copy->values + r->value_count;
    if (claims > 0)
        memcpy(copy->claims, r->claims, claims);
    if (values > 0)
        memcpy(copy->values, r->values, values);
    if (refs > 0)
        memcpy(copy->refs, r->refs, refs);
    return copy;
}

static void
store_deny(struct wd_store_op *op, enum wd_store_why why, size_t which)
{
    op->err = WD_ERR_DENIED;
    op->why = why;
    op->which = which;
}

/* An unknown token counts against its address. */
static void
store_bad_token(const struct wd_store *store, struct wd_store_op *op, enum wd_store_why why, uint64_t mono_us)
{
    size_t which;

    op->err = wd_limits_take(store->limits, &op->failed, 1, mono_us, &which);
    if (op->err == WD_ERR_DENIED)
        why = WD_WHY_FAILED;
    if (op->err == WD_OK || op->err == WD_ERR_DENIED)
        store_deny(op, why, 0);
}

static void
store_arrive(const struct wd_store *store, struct wd_store_op *op, uint64_t wall_us, uint64_t mono_us)
{
    size_t which;

    op->err = WD_ERR_IO;
    if (store->limits == NULL)
        return;
    if (op->address.limit.count > 0) {
        op->err = wd_limits_take(store->limits, &op->address, 1, mono_us, &which);
        if (op->err == WD_ERR_DENIED)
            store_deny(op, WD_WHY_ADDRESS, 0);
        if (op->err != WD_OK)
            return;
    }
    if (!op->has_digest && op->failed.limit.count == 0) {
        op->err = WD_OK;
        return;
    }
    if (!op->has_digest) {
        store_bad_token(store, op, WD_WHY_UNKNOWN, mono_us);
        return;
    }
    op->err =
        store->tokens != NULL ? wd_tokens_find(store->tokens, op->digest, (int64_t)(wall_us / 1000000), &op->who) : WD_ERR_IO;
    if (op->err == WD_ERR_NOTFOUND)
        store_bad_token(store, op, WD_WHY_UNKNOWN, mono_us);
    else if (op->err == WD_ERR_DENIED)
        store_bad_token(store, op, WD_WHY_EXPIRED, mono_us);
}

static size_t
store_first(const struct wd_holding *h, size_t count, enum wd_held held, bool is)
{
    for (size_t i = 0; i < count; i++)
        if ((h[i].held == held) == is)
            return i;
    return count;
}

/* A value was named since the texts were read: it was not looked for in them. */
static bool
store_stale(const struct wd_store *store, struct wd_store_op *op)
{
    if (op->filter_version == UINT64_MAX || store->ledger == NULL ||
        __atomic_load_n(&wd_ledger_filter(store->ledger)->version, __ATOMIC_ACQUIRE) == op->filter_version)
        return false;
    store_deny(op, WD_WHY_STALE, 0);
    return true;
}

/* Under the ledger's lock, so that no other provider's request comes between the look and the taking. */
static void
store_take_held(const struct wd_store *store, struct wd_store_op *op, uint64_t mono_us)
{
    struct wd_reservation *r = op->held;
    size_t i, taken;

    if (store_stale(store, op))
        return;
    wd_ledger_look(store->ledger, r->refs, r->ref_count, r->user);
    if ((i = store_first(r->refs, r->ref_count, WD_HELD_SAME, false)) < r->ref_count) {
        store_deny(op, WD_WHY_REFERENCE, i);
        return;
    }
    wd_ledger_look(store->ledger, r->values, r->value_count, r->provider);
    if (!r->conflicts_pass && (i = store_first(r->values, r->value_count, WD_HELD_OTHER, true)) < r->value_count) {
        store_deny(op, WD_WHY_VALUE, i);
        return;
    }
    if (r->claim_count > 0) {
        op->err = wd_limits_take(store->limits, r->claims, r->claim_count, mono_us, &op->which);
        if (op->err == WD_ERR_DENIED)
            op->why = WD_WHY_LIMIT;
        if (op->err != WD_OK)
            return;
    }
    taken = r->value_count - r->probe_count;
    op->err = wd_ledger_take(store->ledger, r->values, taken, r->provider, r->keep_s, r->nonce);
    if (op->err != WD_OK && r->claim_count > 0)
        wd_limits_return(store->limits, r->claims, r->claim_count);
    for (i = 0; op->err == WD_OK && i < taken; i++)
        if (r->values[i].words > 0)
            wd_ledger_name(store->ledger, r->values[i].first, r->values[i].words);
}

static void
store_reserve(const struct wd_store *store, struct wd_store_op *op, uint64_t wall_us, uint64_t mono_us)
{
    struct wd_reservation *r = op->held;

    op->err = WD_ERR_IO;
    if (r->claim_count > 0 && store->limits == NULL)
        return;
    if (r->value_count == 0 && r->ref_count == 0) {
        if (store_stale(store, op))
            return;
        op->err = r->claim_count > 0 ? wd_limits_take(store->limits, r->claims, r->claim_count, mono_us, &op->which) : WD_OK;
        if (op->err == WD_ERR_DENIED)
            op->why = WD_WHY_LIMIT;
        return;
    }
    if (store->ledger == NULL)
        return;
    op->err = wd_ledger_begin(store->ledger, wall_us / 1000000);
    if (op->err != WD_OK)
        return;
    store_take_held(store, op, mono_us);
    wd_ledger_end(store->ledger);
}

static void
store_settle(const struct wd_store *store, struct wd_store_op *op)
{
    const struct wd_reservation *r = op->held;

    op->err = WD_OK;
    if (store->limits != NULL && r->claim_count > 0) {
        if (op->give_back)
            wd_limits_return(store->limits, r->claims, r->claim_count);
        else
            wd_limits_settle(store->limits, r->claims, r->claim_count);
    }
    if (op->give_back && !op->shown && store->ledger != NULL && r->value_count > 0)
        wd_ledger_release(store->ledger, r->values, r->value_count - r->probe_count, r->nonce);
}

static void
store_issue(const struct wd_store *store, struct wd_store_op *op, uint64_t wall_us)
{
    struct wd_reservation *r = op->held;

    op->err = WD_ERR_IO;
    if (store->ledger == NULL)
        return;
    op->err = wd_ledger_begin(store->ledger, wall_us / 1000000);
    if (op->err != WD_OK)
        return;
    op->err = wd_ledger_take(store->ledger, r->refs, r->ref_count, r->user, r->keep_s, r->nonce);
    wd_ledger_end(store->ledger);
}

void
wd_store_run(const struct wd_store *store, struct wd_store_op *op, uint64_t wall_us, uint64_t mono_us)
{
    op->err = WD_OK;
    op->why = WD_WHY_NONE;
    op->which = 0;
    switch (op->kind) {
    case WD_STORE_ARRIVE:
        store_arrive(store, op, wall_us, mono_us);
        return;
    case WD_STORE_RESERVE:
        store_reserve(store, op, wall_us, mono_us);
        return;
    case WD_STORE_SETTLE:
        store_settle(store, op);
        return;
    case WD_STORE_ISSUE:
        store_issue(store, op, wall_us);
        return;
    }
}
