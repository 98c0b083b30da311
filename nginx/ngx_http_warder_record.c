#include "ngx_http_warder_module.h"

#include "../src/gate/record.h"

#define NGX_HTTP_WARDER_FLUSH_MS  5


/* Before the first byte of an answer leaves: from here on not even kill -9 loses the exchange. */

ngx_int_t
ngx_http_warder_record_begin(ngx_http_warder_ctx_t *ctx)
{
    ngx_int_t                  rc;
    struct wd_buf             *body = &ngx_http_warder_worker.record;
    ngx_http_warder_worker_t  *w = &ngx_http_warder_worker;

    if (ctx->recorded || !w->gate.policy->audit) {
        return NGX_OK;
    }

    if (w->journal == NULL) {
        return NGX_ERROR;
    }

    wd_buf_clear(body);
    rc = NGX_ERROR;

    if (wd_record_write(&ctx->ex, 1, body) != WD_OK) {
        return NGX_ERROR;
    }

    if (wd_journal_begin(w->journal, wd_buf_span(body), &ctx->slot) == WD_OK) {
        ctx->recorded = 1;
        rc = NGX_OK;

    } else if (wd_journal_flush(w->journal) == WD_OK
               && wd_journal_begin(w->journal, wd_buf_span(body), &ctx->slot) == WD_OK)
    {
        /* a full disk has room again */
        ctx->recorded = 1;
        rc = NGX_OK;
    }

    return rc;
}


void
ngx_http_warder_record_flush(ngx_event_t *ev)
{
    ngx_http_warder_worker_t  *w = ev->data;

    if (w->journal != NULL && wd_journal_flush(w->journal) != WD_OK) {
        ngx_log_error(NGX_LOG_ALERT, ev->log, ngx_errno, "the audit log cannot be written");
    }
}


/* What became of an exchange that the gates let through. */

static void
ngx_http_warder_record_outcome(ngx_http_request_t *r, ngx_http_warder_ctx_t *ctx)
{
    ngx_uint_t           i;
    struct wd_exchange  *ex = &ctx->ex;

    if (ctx->outer != NULL) {
        ex->usage = wd_outer_usage(ctx->outer);
    }

    if (ctx->forwarded && ex->upstream_ms == 0) {
        ex->upstream_ms = ngx_current_msec - ctx->upstream_began;
    }

    if (ex->code != WD_CODE_NONE || ex->decision != WD_DECISION_INTERRUPTED) {
        return;
    }

    ex->status = r->headers_out.status != 0 ? (int) r->headers_out.status : NGX_HTTP_CLIENT_CLOSED_REQUEST;

    if (!ctx->done) {
        ex->decision = WD_DECISION_ABORTED;

        if (!ctx->streaming) {
            ex->status = NGX_HTTP_CLIENT_CLOSED_REQUEST;
        }

        if (!ngx_http_warder_was_sent(ctx)) {
            /* the provider never saw it; what it saw counts, or who aborts each call would have no limit */
            ngx_http_warder_give_back(ctx);
        }

        return;
    }

    ex->decision = (ex->changed || ex->clamped[0] != '\0') ? WD_DECISION_CHANGED : WD_DECISION_ALLOWED;

    for (i = 0; i < ex->findings.count; i++) {
        if (ex->findings.items[i].action == WD_REDACT) {
            ex->decision = WD_DECISION_CHANGED;
        }
    }
}


ngx_int_t
ngx_http_warder_log_handler(ngx_http_request_t *r)
{
    uint64_t                   events;
    struct wd_buf             *body = &ngx_http_warder_worker.record;
    ngx_http_warder_ctx_t     *ctx;
    ngx_http_warder_worker_t  *w = &ngx_http_warder_worker;

    ctx = ngx_http_warder_get_ctx(r);

    if (ctx == NULL || ctx->counted) {
        return NGX_OK;
    }

    ctx->counted = 1;
    ngx_http_warder_record_outcome(r, ctx);
    ngx_http_warder_settle(ctx);

    events = ctx->outer != NULL ? wd_outer_events(ctx->outer) : 0;
    ngx_http_warder_metrics_count(w->metrics, &ctx->ex, events);

    if (ctx->streaming) {
        ngx_http_warder_metrics_stream(w->metrics, &ctx->ex, -1);
    }

    /* an exchange that ended before its first byte, as when the client left while the body was read */

    if (!ctx->recorded && ngx_http_warder_record_begin(ctx) != NGX_OK) {
        return NGX_OK;
    }

    if (!ctx->recorded) {
        return NGX_OK;
    }

    wd_buf_clear(body);

    if (wd_record_write(&ctx->ex, 0, body) != WD_OK) {

        /* too long, or out of memory: better a record that holds less than none */

        ngx_log_error(NGX_LOG_ALERT, r->connection->log, 0, "the findings of an exchange did not fit its record");
        wd_buf_clear(body);
        ctx->ex.findings.more += ctx->ex.findings.count;
        ctx->ex.findings.count = 0;
        (void) !wd_record_write(&ctx->ex, 0, body);
    }

    wd_journal_end(w->journal, ctx->slot, wd_buf_span(body));
    ctx->recorded = 0;

    /* the record is safe in the mapping; under load many lines go out in one write */

    if (!w->flush.timer_set) {
        ngx_add_timer(&w->flush, NGX_HTTP_WARDER_FLUSH_MS);
    }

    return NGX_OK;
}
