#include "ledger_store.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "../src/store/install.h"

static enum wd_err
store_failed(enum wd_err err)
{
    const char *what = err == WD_ERR_CORRUPT ? "is damaged" : err == WD_ERR_FULL ? "is full" : strerror(errno);

    if (err != WD_OK && err != WD_ERR_NOTFOUND)
        fprintf(stderr, "warder: ledger.map in the state folder: %s\n", what);
    return err;
}

static bool
open_own(struct ledger_store *l, const struct wd_policy *policy)
{
    uint8_t key[32];

    if (!state_open(&l->state, policy->state) || !state_enter(&l->state))
        return false;
    l->entered = true;
    if (!state_store_key(key))
        return false;
    wd_install_derive(key, "ledger", l->key);
    sodium_memzero(key, sizeof(key));
    return store_failed(wd_ledger_open(&l->own, "ledger.map", 0)) == WD_OK;
}

bool
ledger_store_open(struct ledger_store *l, const struct wd_policy *policy)
{
    memset(l, 0, sizeof(*l));
    if (!policy->store.shared)
        return open_own(l, policy);
    if (!shared_open(&l->shared, policy, NULL))
        return false;
    wd_install_derive(l->shared.key, "ledger", l->key);
    return true;
}

void
ledger_store_close(struct ledger_store *l)
{
    wd_ledger_close(l->own);
    if (l->shared.link != NULL)
        shared_close(&l->shared);
    if (l->entered)
        state_leave(&l->state);
    sodium_memzero(l->key, sizeof(l->key));
}

/* --- taking --- */

static enum wd_err
add_own(struct ledger_store *l, struct wd_holding *items, size_t count, uint64_t holder, uint32_t keep_s, size_t *others)
{
    enum wd_err err = wd_ledger_begin(l->own, (uint64_t)time(NULL));

    if (err != WD_OK)
        return store_failed(err);
    wd_ledger_look(l->own, items, count, holder);
    for (size_t i = 0; i < count; i++)
        *others += items[i].held == WD_HELD_OTHER;
    if (*others == 0)
        err = wd_ledger_take(l->own, items, count, holder, keep_s, randombytes_random() | 1);
    for (size_t i = 0; *others == 0 && err == WD_OK && i < count; i++)
        wd_ledger_name(l->own, items[i].first, items[i].words);
    wd_ledger_end(l->own);
    return store_failed(err);
}

/* One step: what an exchange reserves, without its limits. look: nothing is taken. */
static enum wd_err
add_step(struct ledger_store *l, struct wd_reservation *held, bool look, size_t *others)
{
    struct wd_store_op op = { .kind = WD_STORE_RESERVE, .held = held, .filter_version = UINT64_MAX };
    redisReply *reply;
    enum wd_redis_went went;

    held->probe_count = look ? held->value_count : 0;
    reply = shared_call(&l->shared, wd_redis_format(&l->shared.redis, &op, 0, &l->shared.command));
    if (reply == NULL)
        return WD_ERR_IO;
    went = wd_redis_answer(&op, reply, NULL);
    freeReplyObject(reply);
    if (op.err == WD_ERR_DENIED && op.why == WD_WHY_VALUE) {
        for (size_t i = 0; i < held->value_count; i++)
            *others += held->values[i].held == WD_HELD_OTHER;
        return WD_OK;
    }
    if (op.err != WD_OK)
        shared_complain(went, op.err);
    return op.err;
}

static enum wd_err
add_shared(struct ledger_store *l, struct wd_holding *items, size_t count, uint64_t holder, uint32_t keep_s, size_t *others)
{
    enum wd_err err = WD_OK;

    for (int look = count > WD_REDIS_HOLDINGS_MAX; look >= 0 && err == WD_OK && *others == 0; look--) {
        for (size_t at = 0; at < count && err == WD_OK; at += WD_REDIS_HOLDINGS_MAX) {
            size_t left = count - at;
            struct wd_reservation held = { .values = items + at,
                                           .value_count = left < WD_REDIS_HOLDINGS_MAX ? left : WD_REDIS_HOLDINGS_MAX,
                                           .provider = holder,
                                           .keep_s = keep_s,
                                           .nonce = randombytes_random() | 1 };
            err = add_step(l, &held, look > 0, others);
        }
    }
    return err;
}

enum wd_err
ledger_store_add(struct ledger_store *l, struct wd_holding *items, size_t count, uint64_t holder, uint32_t keep_s, size_t *others)
{
    *others = 0;
    return l->own != NULL ? add_own(l, items, count, holder, keep_s, others)
                          : add_shared(l, items, count, holder, keep_s, others);
}

/* --- looking through all, and forgetting --- */

struct list_live {
    ledger_store_fn *fn;
    void *ctx;
    uint32_t now_s;
};

/* The shared store tells how long entries live. */
static bool
list_absolute(void *ctx, const struct wd_ledger_entry *e)
{
    struct list_live *live = ctx;
    struct wd_ledger_entry told = *e;

    told.expires_s = e->expires_s < UINT32_MAX - live->now_s ? live->now_s + e->expires_s : UINT32_MAX;
    return live->fn(live->ctx, &told);
}

enum wd_err
ledger_store_list(struct ledger_store *l, ledger_store_fn *fn, void *ctx)
{
    struct list_live live = { .fn = fn, .ctx = ctx, .now_s = (uint32_t)time(NULL) };

    if (l->own != NULL)
        return store_failed(wd_ledger_list(l->own, (uint64_t)time(NULL), fn, ctx));
    return shared_entries(&l->shared, list_absolute, &live);
}

enum wd_err
ledger_store_forget(struct ledger_store *l, const struct wd_ledger_entry *keys, size_t n, uint64_t *count)
{
    uint64_t gone = 0;
    enum wd_err err = WD_OK;

    if (n == 0)
        return WD_OK;
    if (l->own == NULL) {
        err = shared_done(&l->shared, wd_redis_ledger_forget_format(&l->shared.redis, keys, n, &l->shared.command), &gone);
        *count += gone;
        return err;
    }
    for (size_t i = 0; i < n && err == WD_OK; i++) {
        err = wd_ledger_forget(l->own, keys[i].key);
        *count += err == WD_OK;
        if (err == WD_ERR_NOTFOUND)
            err = WD_OK;
    }
    return store_failed(err);
}

struct forget_some {
    struct ledger_store *l;
    ledger_store_fn *fn;
    void *ctx;
    struct wd_ledger_entry entries[WD_REDIS_ENTRIES_MAX];
    size_t n;
    uint64_t *count;
    enum wd_err err;
};

static bool
forget_one(void *ctx, const struct wd_ledger_entry *e)
{
    struct forget_some *some = ctx;

    if (some->fn != NULL && !some->fn(some->ctx, e))
        return true;
    some->entries[some->n++] = *e;
    if (some->n == WD_REDIS_ENTRIES_MAX) {
        some->err = ledger_store_forget(some->l, some->entries, some->n, some->count);
        some->n = 0;
    }
    return some->err == WD_OK;
}

enum wd_err
ledger_store_forget_if(struct ledger_store *l, ledger_store_fn *fn, void *ctx, uint64_t *count)
{
    struct forget_some some = { .l = l, .fn = fn, .ctx = ctx, .count = count };

    *count = 0;
    if (l->own != NULL)
        return store_failed(wd_ledger_forget_if(l->own, fn, ctx, count));
    enum wd_err err = ledger_store_list(l, forget_one, &some);
    if (err == WD_OK)
        err = some.err;
    return err == WD_OK ? ledger_store_forget(l, some.entries, some.n, count) : err;
}
