#include "ngx_http_warder_module.h"

#include "ngx_http_warder_shared.h"

#include "../src/gate/issue.h"


ngx_int_t
ngx_http_warder_store_ask(ngx_http_warder_ctx_t *ctx, struct wd_store_op *op)
{
    struct wd_now  now;

    if (ngx_http_warder_worker.gate.policy->store.shared) {
        return ngx_http_warder_shared_ask(ctx, op);
    }

    now = ngx_http_warder_now();
    wd_store_run(&ngx_http_warder_worker.gate.store, op, now.wall_us, now.mono_us);

    return NGX_OK;
}


/* Nobody waits for the answer. */

static void
ngx_http_warder_store_tell(ngx_http_warder_ctx_t *ctx, struct wd_store_op *op)
{
    struct wd_now  now;

    if (ngx_http_warder_worker.gate.policy->store.shared) {
        ngx_http_warder_shared_tell(ctx, op);
        return;
    }

    now = ngx_http_warder_now();
    wd_store_run(&ngx_http_warder_worker.gate.store, op, now.wall_us, now.mono_us);
}


/* An id that the provider issued: the store knows whose it is before the client does. */

void
ngx_http_warder_issued(void *data, enum wd_isolate_kind kind, struct wd_span id)
{
    struct wd_issue         issue;
    ngx_http_warder_ctx_t  *ctx = data;

    wd_issue(&issue, &ngx_http_warder_worker.gate, &ctx->ex, kind, id);
    ngx_http_warder_store_tell(ctx, &issue.op);
}


enum wd_code
ngx_http_warder_may_go_on(void *data, uint64_t text_bytes, const char **message)
{
    struct wd_store_op      op;
    ngx_http_warder_ctx_t  *ctx = data;

    while (!ctx->more_asked && wd_budget_more(&ctx->ex, text_bytes, &op)) {

        /* a store that is far away answers later: the stream goes on meanwhile, and what it uses counts */

        ctx->more_asked = 1;

        if (ngx_http_warder_store_ask(ctx, &op) == NGX_AGAIN) {
            break;
        }

        ctx->more_asked = 0;
        wd_budget_answered(&ctx->ex, &op);
    }

    *message = ctx->ex.message;

    return ctx->ex.budget.stop;
}


void
ngx_http_warder_settle(ngx_http_warder_ctx_t *ctx)
{
    struct wd_store_op    op;
    struct wd_budget_end  end;

    ngx_memzero(&end, sizeof(end));
    end.status = ctx->upstream_status;
    end.streamed = ctx->streaming;

    if (ctx->outer != NULL) {
        end.complete = wd_outer_complete(ctx->outer);
        end.text_bytes = wd_outer_text_bytes(ctx->outer);
    }

    if (wd_budget_settle(&ctx->ex, &end, &op)) {
        ngx_http_warder_store_tell(ctx, &op);
    }
}


/* With this key, or with one that the provider refused. */

ngx_uint_t
ngx_http_warder_was_sent(ngx_http_warder_ctx_t *ctx)
{
    ngx_http_upstream_t  *u = ctx->request->upstream;

    return ctx->forwarded && (ctx->key_status != 0 || (u != NULL && u->request_sent));
}


void
ngx_http_warder_give_back(ngx_http_warder_ctx_t *ctx)
{
    struct wd_store_op  op;

    if (wd_inner_unanswered(&ctx->ex, ngx_http_warder_was_sent(ctx), &op)) {
        ngx_http_warder_store_tell(ctx, &op);
    }
}
