#include "ngx_http_warder_module.h"

#include <sodium.h>

#include "ngx_http_warder_redis.h"
#include "ngx_http_warder_shared.h"

#include "../src/store/install.h"
#include "../src/store/redis_admin.h"

/*
 * A store that gateways share, asked over the worker's one connection. A token that was good a moment ago is taken from memory, so
 * that a request costs one round trip: the op that takes its limits looks at the token again, and refuses one that was revoked.
 */

/* A question that a request waits for. */
struct ngx_http_warder_ask_s {
    ngx_http_warder_redis_call_t call;
    ngx_http_warder_ctx_t *ctx; /* NULL: the request is gone */
    struct wd_store_op op;
    struct wd_reservation *held; /* of a request that is gone */
    uint64_t filter_version;     /* that the whole filter was asked with */
    uint64_t asked_us;           /* on the monotonic clock */
};

typedef struct {
    struct wd_redis redis;
    struct wd_buf command;
    int64_t ahead_us; /* the store's clock less the monotonic one */
    ngx_uint_t clock; /* ahead_us is known */
    ngx_http_warder_redis_call_t load[WD_REDIS_SCRIPTS], greet;
    struct wd_redis_hello hello;
    struct wd_secret *master; /* the store's key, which the store does not know; NULL: hello holds it */
    struct wd_filter filter; /* of named values, as the store has it */
} ngx_http_warder_shared_t;

static ngx_http_warder_shared_t  shared;


/* --- time --- */

/* Of an answer to what was asked at asked_us, on the monotonic clock. */

static void
ngx_http_warder_shared_time(uint64_t time_us, uint64_t asked_us)
{
    int64_t  low, high;

    if (time_us == 0) {
        return;
    }

    /* the store said so between then and now */

    low = (int64_t) (time_us - ngx_http_warder_now().mono_us);
    high = (int64_t) (time_us - asked_us);

    if (!shared.clock || shared.ahead_us < low || shared.ahead_us > high) {
        shared.ahead_us = low;
        shared.clock = 1;
    }
}


/* --- the connection is new --- */

static void
ngx_http_warder_shared_refused(enum wd_redis_went went, const redisReply *reply)
{
    enum wd_redis_state  state = WD_REDIS_REFUSED;

    if (went == WD_REDIS_FAILED && wd_redis_state_of(reply) != WD_REDIS_OK) {
        state = wd_redis_state_of(reply);
    }

    ngx_http_warder_redis_reject(state);
}


static void
ngx_http_warder_shared_loaded(ngx_http_warder_redis_call_t *call, redisReply *reply)
{
    enum wd_redis_went  went;
    enum wd_redis_kind  kind = call - shared.load;

    if (reply == NULL) {
        return;
    }

    went = wd_redis_loaded(&shared.redis, kind, reply);

    /* to where another node has it the connection goes by itself */

    if (went != WD_REDIS_ANSWERED && went != WD_REDIS_ELSEWHERE) {
        ngx_http_warder_shared_refused(went, reply);
    }
}


/* Keys of what is kept there are the same for all gateways: derived from the store's own key. */

static void
ngx_http_warder_shared_keys(void)
{
    const uint8_t   *key;
    struct wd_gate  *gate = &ngx_http_warder_worker.gate;

    key = shared.master != NULL ? (const uint8_t *) wd_secret_get(shared.master).ptr : shared.hello.key;

    wd_install_derive(key, "limits", gate->limits_key);
    wd_install_derive(key, "ledger", gate->ledger_key);
    gate->filter = &shared.filter;
}


static void
ngx_http_warder_shared_greeted(ngx_http_warder_redis_call_t *call, redisReply *reply)
{
    uint64_t            time_us;
    enum wd_redis_went  went;

    if (reply == NULL) {
        return;
    }

    time_us = 0;
    went = wd_redis_hello_answer(&shared.hello, &shared.filter, reply, &time_us);

    if (shared.hello.err == WD_OK) {
        ngx_http_warder_shared_time(time_us, 0);
        ngx_http_warder_shared_keys();
        return;
    }

    if (went == WD_REDIS_ELSEWHERE) {
        return;
    }

    if (shared.hello.err == WD_ERR_DENIED) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0, "the shared store: %s", wd_redis_refusal_text(shared.hello.why));
    }

    if (shared.hello.err == WD_ERR_DENIED) {
        ngx_http_warder_redis_reject(wd_redis_refusal_state(shared.hello.why));
        return;
    }

    ngx_http_warder_shared_refused(went, reply);
}


static ngx_int_t
ngx_http_warder_shared_greet(void)
{
    shared.hello.filter_version = shared.filter.version;
    shared.greet.handler = ngx_http_warder_shared_greeted;

    wd_buf_clear(&shared.command);

    if (wd_redis_hello_format(&shared.redis, &shared.hello, &shared.command) != WD_OK) {
        return NGX_ERROR;
    }

    return ngx_http_warder_redis_send(&shared.greet, wd_buf_span(&shared.command));
}


static ngx_int_t
ngx_http_warder_shared_hook(void)
{
    ngx_uint_t  kind;

    shared.clock = 0;

    for (kind = 0; kind < WD_REDIS_SCRIPTS; kind++) {

        if (shared.redis.scripts[kind].text == NULL) {
            continue;
        }

        wd_buf_clear(&shared.command);
        shared.load[kind].handler = ngx_http_warder_shared_loaded;

        if (wd_redis_load(&shared.redis, kind, &shared.command) != WD_OK
            || ngx_http_warder_redis_send(&shared.load[kind], wd_buf_span(&shared.command)) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (ngx_http_warder_shared_greet() != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_warder_tell_again();

    return NGX_OK;
}


ngx_int_t
ngx_http_warder_shared_master(struct wd_span key)
{
    return key.len == 32 && wd_secret_new(&shared.master, key) == WD_OK ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_http_warder_shared_init(const uint8_t own[32])
{
    if (shared.master != NULL) {
        shared.hello.check = 1;
        wd_redis_hello_check((const uint8_t *) wd_secret_get(shared.master).ptr, shared.hello.key);

    } else {
        ngx_memcpy(shared.hello.key, own, sizeof(shared.hello.key));
    }

    if (wd_redis_init(&shared.redis, NULL) != WD_OK) {
        return NGX_ERROR;
    }

    wd_buf_init(&shared.command, 4 * 1024 * 1024);
    ngx_http_warder_tell_init(&shared.redis);
    ngx_http_warder_redis_on_connect(ngx_http_warder_shared_hook);

    return NGX_OK;
}


void
ngx_http_warder_shared_exit(void)
{
    wd_buf_deinit(&shared.command);
    ngx_http_warder_tell_exit();
    wd_secret_free(shared.master);
    wd_secret_wipe(shared.hello.key, sizeof(shared.hello.key));
}


/* By when a question must be answered, on the store's clock: later nobody waits for it, and nothing may be counted. */

static uint64_t
ngx_http_warder_shared_deadline(void)
{
    const struct wd_policy  *policy = ngx_http_warder_worker.gate.policy;

    if (!shared.clock) {
        return 0;
    }

    return ngx_http_warder_now().mono_us + shared.ahead_us + (uint64_t) policy->store_timeout_ms * 1000;
}


/* --- asking --- */

/* What a script does not know of: the token that the request came with. */

static void
ngx_http_warder_shared_note(ngx_http_warder_ctx_t *ctx, struct wd_store_op *op)
{
    if (op->kind == WD_STORE_ARRIVE) {
        ctx->has_digest = op->has_digest;
        ngx_memcpy(ctx->digest, op->digest, sizeof(ctx->digest));

    } else if (op->kind == WD_STORE_RESERVE && ctx->has_digest) {
        op->has_digest = 1;
        ngx_memcpy(op->digest, ctx->digest, sizeof(op->digest));
        op->who = ctx->ex.who;
    }
}


static void
ngx_http_warder_shared_learn(struct wd_store_op *op)
{
    if (!op->has_digest) {
        return;
    }

    if (op->err == WD_OK) {
        ngx_http_warder_know(op->digest, &op->who);

    } else if (op->err == WD_ERR_DENIED && (op->why == WD_WHY_UNKNOWN || op->why == WD_WHY_EXPIRED)) {
        ngx_http_warder_unknow(op->digest);
    }
}


void
ngx_http_warder_shared_tell(ngx_http_warder_ctx_t *ctx, struct wd_store_op *op)
{
    struct wd_now  now;

    if (ctx->alone && op->kind == WD_STORE_SETTLE) {
        now = ngx_http_warder_now();
        wd_store_run(&ngx_http_warder_worker.gate.store, op, now.wall_us, now.mono_us);
        return;
    }

    ngx_http_warder_tell(op);
}


/* The changes were too many to be told: the whole filter was asked for. */

static void
ngx_http_warder_shared_filtered(ngx_http_warder_redis_call_t *call, redisReply *reply)
{
    uint64_t                time_us;
    struct wd_redis_hello   hello;
    struct wd_store_op      op;
    ngx_http_warder_ctx_t  *ctx;
    ngx_http_warder_ask_t  *ask = call->data;

    hello = shared.hello;
    hello.err = WD_ERR_IO;
    hello.filter_version = ask->filter_version;
    ctx = ask->ctx;
    op = ask->op;

    if (reply != NULL) {
        (void) wd_redis_hello_answer(&hello, &shared.filter, reply, &time_us);
    }

    wd_secret_wipe(hello.key, sizeof(hello.key));
    free(ask->held);
    ngx_free(ask);

    if (ctx == NULL) {
        return;
    }

    ctx->ask = NULL;

    if (hello.err != WD_OK) {
        op.err = WD_ERR_IO;
    }

    ngx_http_warder_resume(ctx, &op);
}


/* The filter has grown: NGX_OK, and the body is read again; NGX_AGAIN when the whole of it has to come first. */

static ngx_int_t
ngx_http_warder_shared_stale(ngx_http_warder_ask_t *ask, redisReply *reply)
{
    enum wd_err  err;

    if (shared.filter.version != ask->op.filter_version) {
        return NGX_OK; /* the answer to another has brought it meanwhile */
    }

    err = wd_redis_filter_apply(&shared.filter, reply);

    if (err == WD_OK) {
        return NGX_OK;
    }

    if (err == WD_ERR_NOTFOUND) {
        wd_buf_clear(&shared.command);
        ask->filter_version = shared.hello.filter_version = shared.filter.version;
        ask->call.handler = ngx_http_warder_shared_filtered;

        if (wd_redis_hello_format(&shared.redis, &shared.hello, &shared.command) == WD_OK
            && ngx_http_warder_redis_send(&ask->call, wd_buf_span(&shared.command)) == NGX_OK)
        {
            return NGX_AGAIN;
        }
    }

    ask->op.err = WD_ERR_IO;

    return NGX_OK;
}


/* Nobody waits for the answer: what was reserved goes back. */

static void
ngx_http_warder_shared_unwanted(ngx_http_warder_ask_t *ask, redisReply *reply)
{
    struct wd_store_op  op = ask->op;

    if (reply == NULL && op.kind == WD_STORE_RESERVE && ngx_http_warder_redis_wait_on(&ask->call) == NGX_OK) {
        return;
    }

    if (op.kind == WD_STORE_RESERVE && op.err == WD_OK) {
        op.kind = WD_STORE_SETTLE;
        op.give_back = 1;
        ngx_http_warder_tell(&op);
    }

    free(ask->held);
    ngx_free(ask);
}


/* The request does not wait any longer: what its answer may still say it got goes back. */

static void
ngx_http_warder_shared_late(ngx_http_warder_ask_t *ask)
{
    ask->ctx = NULL;
    ask->held = ask->op.kind == WD_STORE_RESERVE ? wd_reservation_copy(ask->op.held) : NULL;
    ask->op.held = ask->held;

    if (ask->held == NULL || ngx_http_warder_redis_wait_on(&ask->call) != NGX_OK) {
        free(ask->held);
        ngx_free(ask);
    }
}


static void
ngx_http_warder_shared_answered(ngx_http_warder_redis_call_t *call, redisReply *reply)
{
    uint64_t                time_us;
    enum wd_redis_went      went;
    struct wd_store_op      op;
    ngx_http_warder_ctx_t  *ctx;
    ngx_http_warder_ask_t  *ask = call->data;

    time_us = 0;
    went = WD_REDIS_UNCLEAR;
    ask->op.err = WD_ERR_IO;

    if (reply != NULL) {
        went = wd_redis_answer(&ask->op, reply, &time_us);
        ngx_http_warder_shared_time(time_us, ask->asked_us);
        ngx_http_warder_shared_learn(&ask->op);
        ngx_http_warder_tell_again();
    }

    if (ask->ctx == NULL) {
        ngx_http_warder_shared_unwanted(ask, reply);
        return;
    }

    if (ask->op.err == WD_ERR_DENIED && ask->op.why == WD_WHY_STALE
        && ngx_http_warder_shared_stale(ask, reply) == NGX_AGAIN)
    {
        return;
    }

    ctx = ask->ctx;
    op = ask->op;
    ctx->ask = NULL;

    if (reply == NULL) {
        ngx_http_warder_shared_late(ask);
    } else {
        ngx_free(ask);
    }

    if (reply != NULL && (went == WD_REDIS_UNLOADED || went == WD_REDIS_EMPTY)) {
        ngx_http_warder_redis_reject(WD_REDIS_CONNECTING);
    }

    if (op.err != WD_OK && op.err != WD_ERR_DENIED) {
        ngx_http_warder_shared_alone(ctx, &op);
    }

    ngx_http_warder_resume(ctx, &op);
}


ngx_int_t
ngx_http_warder_shared_ask(ngx_http_warder_ctx_t *ctx, struct wd_store_op *op)
{
    ngx_http_warder_ask_t    *ask;
    struct wd_now             now;
    ngx_http_warder_known_t  *known;

    if (ctx->more_asked && ctx->alone) {
        now = ngx_http_warder_now();
        wd_store_run(&ngx_http_warder_worker.gate.store, op, now.wall_us, now.mono_us);
        return NGX_OK;
    }

    ngx_http_warder_shared_note(ctx, op);

    if (op->kind == WD_STORE_ARRIVE && op->has_digest && op->address.limit.count == 0) {
        known = ngx_http_warder_known(op->digest);

        if (known != NULL && ngx_http_warder_redis_state() == WD_REDIS_OK) {
            op->err = WD_OK;
            op->who = known->who;
            return NGX_OK;
        }
    }

    if (!wd_redis_needed(op)) {
        op->err = WD_OK;
        return NGX_OK;
    }

    op->err = WD_ERR_IO;
    ask = ngx_calloc(sizeof(ngx_http_warder_ask_t), ngx_cycle->log);

    if (ask == NULL) {
        return NGX_OK;
    }

    ask->ctx = ctx;
    ask->op = *op;
    ask->asked_us = ngx_http_warder_now().mono_us;
    ask->call.handler = ngx_http_warder_shared_answered;
    ask->call.data = ask;

    wd_buf_clear(&shared.command);

    if (wd_redis_format(&shared.redis, op, ngx_http_warder_shared_deadline(), &shared.command) != WD_OK
        || ngx_http_warder_redis_send(&ask->call, wd_buf_span(&shared.command)) != NGX_OK)
    {
        ngx_free(ask);
        ngx_http_warder_shared_alone(ctx, op);
        return NGX_OK;
    }

    ctx->ask = ask;

    return NGX_AGAIN;
}


/* The request ends before its answer: the reservation lives on, to be given back. */

void
ngx_http_warder_shared_leave(ngx_http_warder_ctx_t *ctx)
{
    struct wd_reservation  **held;

    if (ctx->ask != NULL) {
        held = ctx->more_asked ? &ctx->ex.budget.more : &ctx->ex.held;

        ctx->ask->ctx = NULL;
        ctx->ask->held = *held;
        *held = NULL;
        ctx->ask = NULL;
    }
}
