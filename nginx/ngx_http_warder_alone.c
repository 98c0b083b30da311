#include "ngx_http_warder_shared.h"

#include <sodium.h>

/*
 * What a worker knows by itself: tokens that the shared store called good a moment ago, by their whole digest, and this gateway's share of the
 * limits for as long as the store does not answer.
 */

#define NGX_HTTP_WARDER_KNOWN_SETS  256
#define NGX_HTTP_WARDER_KNOWN_WAYS  4
#define NGX_HTTP_WARDER_KNOWN_MS    900000 /* how long a token serves while the store does not answer */

static ngx_http_warder_known_t  ngx_http_warder_tokens[NGX_HTTP_WARDER_KNOWN_SETS][NGX_HTTP_WARDER_KNOWN_WAYS];


/* --- tokens that were good --- */

static ngx_http_warder_known_t *
ngx_http_warder_known_set(const uint8_t *digest)
{
    return ngx_http_warder_tokens[digest[0] % NGX_HTTP_WARDER_KNOWN_SETS];
}


ngx_http_warder_known_t *
ngx_http_warder_known(const uint8_t *digest)
{
    ngx_uint_t                i;
    ngx_http_warder_known_t  *set = ngx_http_warder_known_set(digest);

    for (i = 0; i < NGX_HTTP_WARDER_KNOWN_WAYS; i++) {
        if (set[i].used && sodium_memcmp(set[i].digest, digest, 32) == 0) {
            return &set[i];
        }
    }

    return NULL;
}


void
ngx_http_warder_know(const uint8_t *digest, const struct wd_principal *who)
{
    ngx_uint_t                i;
    ngx_http_warder_known_t  *set, *at;

    at = ngx_http_warder_known(digest);
    set = ngx_http_warder_known_set(digest);

    for (i = 0; at == NULL && i < NGX_HTTP_WARDER_KNOWN_WAYS; i++) {
        if (!set[i].used) {
            at = &set[i];
        }
    }

    if (at == NULL) {
        for (at = &set[0], i = 1; i < NGX_HTTP_WARDER_KNOWN_WAYS; i++) {
            if ((ngx_msec_int_t) (set[i].at - at->at) < 0) {
                at = &set[i];
            }
        }
    }

    ngx_memcpy(at->digest, digest, 32);
    at->who = *who;
    at->at = ngx_current_msec;
    at->used = 1;
}


void
ngx_http_warder_unknow(const uint8_t *digest)
{
    ngx_http_warder_known_t  *at = ngx_http_warder_known(digest);

    if (at != NULL) {
        at->used = 0;
    }
}


/* --- the store does not answer --- */

static void
ngx_http_warder_share_of(struct wd_claim *claim)
{
    claim->limit.count /= ngx_http_warder_worker.gate.policy->replicas;
}


/* This gateway's share of each limit, counted here. What only the store can tell is refused. */

void
ngx_http_warder_shared_alone(ngx_http_warder_ctx_t *ctx, struct wd_store_op *op)
{
    size_t                    i;
    struct wd_now             now;
    struct wd_store           own;
    ngx_http_warder_known_t  *known;

    own.tokens = NULL;
    own.limits = ngx_http_warder_worker.gate.store.limits;
    own.ledger = NULL;

    /* what a running stream has taken must be settled where it was taken */

    if (ngx_http_warder_worker.gate.policy->on_store_failure != WD_STORE_LOCAL || own.limits == NULL || ctx->more_asked) {
        return;
    }

    now = ngx_http_warder_now();

    if (op->kind == WD_STORE_ARRIVE) {
        known = op->has_digest ? ngx_http_warder_known(op->digest) : NULL;

        if (known == NULL || ngx_current_msec - known->at > NGX_HTTP_WARDER_KNOWN_MS
            || (known->who.expires_s != 0 && known->who.expires_s <= (int64_t) (now.wall_us / 1000000)))
        {
            return;
        }

        op->err = WD_OK;
        op->who = known->who;

        if (op->address.limit.count > 0) {
            ngx_http_warder_share_of(&op->address);
            op->err = op->address.limit.count > 0 ? wd_limits_take(own.limits, &op->address, 1, now.mono_us, &op->which)
                                                  : WD_ERR_DENIED;
            op->why = WD_WHY_ADDRESS;
        }

        return;
    }

    if (op->kind != WD_STORE_RESERVE) {
        return;
    }

    for (i = 0; i < op->held->claim_count; i++) {
        ngx_http_warder_share_of(&op->held->claims[i]);

        if (op->held->claims[i].limit.count == 0) {
            op->err = WD_ERR_DENIED;
            op->why = WD_WHY_LIMIT;
            op->which = i;
            op->held->claims[i].reset_us = 1000000;
            return;
        }
    }

    ctx->alone = 1;
    wd_store_run(&own, op, now.wall_us, now.mono_us);
}
