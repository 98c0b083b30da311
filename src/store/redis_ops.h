#ifndef WD_REDIS_OPS_H
#define WD_REDIS_OPS_H

#include "redis_wire.h"
#include "store.h"

/*
 * What is asked of a Redis that gateways share, and how its answers read; the adapter carries the bytes. An op is one command,
 * the call of one script: one round trip, and nobody sees the half of it. The scripts are src/store/lua/. All keys carry one hash
 * tag, so that they live in one slot of a cluster. The one clock is that of Redis. What does not look as expected is an error,
 * never a yes.
 */
enum wd_redis_kind {
    WD_REDIS_ARRIVE, /* the first four: as enum wd_store_kind */
    WD_REDIS_RESERVE,
    WD_REDIS_SETTLE,
    WD_REDIS_ISSUE,
    WD_REDIS_HELLO,
    WD_REDIS_NAME,
    WD_REDIS_TOKEN_PUT,
    WD_REDIS_TOKEN_LIST,
    WD_REDIS_TOKEN_DROP,
    WD_REDIS_LEDGER_PUT,
    WD_REDIS_LEDGER_READ,
    WD_REDIS_SCRIPTS,
};

/* How a command went, for the adapter. Everything but ANSWERED means that nothing was done (UNCLEAR: nobody knows). */
enum wd_redis_went {
    WD_REDIS_ANSWERED,
    WD_REDIS_LATE,      /* it came after its deadline, and nothing was counted */
    WD_REDIS_EMPTY,     /* Redis has lost what it held, or this is another one: say hello again */
    WD_REDIS_UNLOADED,  /* NOSCRIPT: load the scripts and ask again */
    WD_REDIS_ELSEWHERE, /* another node of the cluster has the slot: wd_redis_moved() */
    WD_REDIS_FAILED,    /* the store cannot: wd_redis_state_of() says why, or WD_REDIS_PERMISSION within a script */
    WD_REDIS_UNCLEAR,   /* an answer that is not understood */
};

struct wd_redis_script {
    const char *name, *text; /* static */
    size_t len;
    char sha1[41]; /* as Redis answered SCRIPT LOAD; "": not loaded yet */
};

#define WD_REDIS_PREFIX_MAX 32
/* One per connection's worth of adapter; no pointers but static ones, so it may be copied. */
struct wd_redis {
    struct wd_redis_script scripts[WD_REDIS_SCRIPTS];
    char tag[WD_REDIS_PREFIX_MAX + 4]; /* "{prefix}:" */
    size_t tag_len;
};

/* prefix: 1 to 32 letters, digits, '.', '_' or '-', else WD_ERR_RANGE; NULL: "warder". */
enum wd_err wd_redis_init(struct wd_redis *r, const char *prefix) WD_CHECK;
/* Appends SCRIPT LOAD of one script; wd_redis_loaded() reads the answer. The sha1 holds for every Redis. */
enum wd_err wd_redis_load(const struct wd_redis *r, enum wd_redis_kind kind, struct wd_buf *out) WD_CHECK;
enum wd_redis_went wd_redis_loaded(struct wd_redis *r, enum wd_redis_kind kind, const redisReply *reply);

/* Most that one op may hold; beyond it wd_redis_format is WD_ERR_LIMIT. */
#define WD_REDIS_CLAIMS_MAX 1024
#define WD_REDIS_HOLDINGS_MAX 4096

/* False: op asks for nothing that Redis has to know; its answer is WD_OK without a command. */
bool wd_redis_needed(const struct wd_store_op *op);
/*
 * Appends the command of op. deadline_us: the latest time of Redis (as answers tell it) at which it may still be carried out;
 * 0: any; SETTLE is carried out whenever it comes, once within a minute. RESERVE with has_digest looks whether the token is still
 * who says; with another filter_version than UINT64_MAX whether the filter is that of Redis. WD_ERR_NOTFOUND: the script was not
 * loaded; WD_ERR_RANGE, WD_ERR_LIMIT: op is more than scripts can count; WD_ERR_NOMEM. out is as before then.
 */
enum wd_err wd_redis_format(const struct wd_redis *r, const struct wd_store_op *op, uint64_t deadline_us,
                            struct wd_buf *out) WD_CHECK;
/*
 * Reads the answer into op, all of it or only err: WD_OK; WD_ERR_DENIED with why and which (WD_WHY_STALE: wd_redis_filter_apply()
 * takes the same reply); WD_ERR_FULL; WD_ERR_IO: the store cannot; WD_ERR_CORRUPT: nobody could read that. *time_us, when the
 * answer tells it, is the time of Redis, which never runs backwards. NULL is an answer that is not understood.
 */
enum wd_redis_went wd_redis_answer(struct wd_store_op *op, const redisReply *reply, uint64_t *time_us);
/* Changes that are known already do no harm. WD_ERR_NOTFOUND: they are not all there; read the whole filter with
 * wd_redis_hello_format(). WD_ERR_CORRUPT. */
enum wd_err wd_redis_filter_apply(struct wd_filter *f, const redisReply *reply) WD_CHECK;
#endif
