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


void
ngx_http_warder_give_back(ngx_http_warder_ctx_t *ctx)
{
    struct wd_store_op    op;
    ngx_http_upstream_t  *u = ctx->request->upstream;

    if (wd_inner_unanswered(&ctx->ex, u != NULL && u->request_sent, &op)) {
        ngx_http_warder_store_tell(ctx, &op);
    }
}
