#include "ngx_http_warder_module.h"

#include "../src/wire/native.h"


ngx_int_t
ngx_http_warder_add_header(ngx_http_request_t *r, const char *name, const char *value, size_t len)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->hash = 1;
    h->key.data = (u_char *) name;
    h->key.len = ngx_strlen(name);
    h->lowcase_key = (u_char *) name;
    h->value.len = len;
    h->value.data = ngx_pnalloc(r->pool, len);

    if (h->value.data == NULL) {
        h->hash = 0;
        return NGX_ERROR;
    }

    ngx_memcpy(h->value.data, value, len);

    return NGX_OK;
}


static ngx_int_t
ngx_http_warder_add_number(ngx_http_request_t *r, const char *name, uint64_t value)
{
    u_char  buf[NGX_INT64_LEN], *p;

    p = ngx_sprintf(buf, "%uL", value);

    return ngx_http_warder_add_header(r, name, (char *) buf, p - buf);
}


/* What every answer carries, ours or the provider's. */

ngx_int_t
ngx_http_warder_common_headers(ngx_http_request_t *r, ngx_http_warder_ctx_t *ctx)
{
    const char                *code;
    const struct wd_exchange  *ex = &ctx->ex;

    if (ngx_http_warder_add_header(r, "x-request-id", ex->request_id, ngx_strlen(ex->request_id)) != NGX_OK) {
        return NGX_ERROR;
    }

    code = wd_code_name(ex->code);

    if (*code != '\0' && ngx_http_warder_add_header(r, "x-warder-code", code, ngx_strlen(code)) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ex->clamped[0] != '\0'
        && ngx_http_warder_add_header(r, "x-warder-clamped", ex->clamped, ngx_strlen(ex->clamped)) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if ((ex->code == WD_CODE_RATE_LIMIT_EXCEEDED || ex->code == WD_CODE_BUDGET_EXCEEDED)
        && ngx_http_warder_add_number(r, "retry-after", ex->retry_after_s) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (!ex->limit_known) {
        return NGX_OK;
    }

    if (ngx_http_warder_add_number(r, "x-ratelimit-limit-requests", ex->shown.limit) != NGX_OK
        || ngx_http_warder_add_number(r, "x-ratelimit-remaining-requests", ex->shown.remaining) != NGX_OK
        || ngx_http_warder_add_number(r, "x-ratelimit-reset-requests", ex->shown.reset_s) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_warder_is_policy_refusal(enum wd_code code)
{
    switch (code) {
    case WD_CODE_MALICIOUS_CONTENT:
    case WD_CODE_INJECTION_DETECTED:
    case WD_CODE_SECRET_DETECTED:
    case WD_CODE_PII_DETECTED:
    case WD_CODE_PROVIDER_NOT_ALLOWED:
    case WD_CODE_MODEL_NOT_ALLOWED:
    case WD_CODE_TOOL_NOT_ALLOWED:
        return 1;
    default:
        return 0;
    }
}


/* With refusal: native a policy refusal is a 200 in the provider's own words (Mastra moves to the next provider on any error). */

static ngx_uint_t
ngx_http_warder_native(ngx_http_warder_ctx_t *ctx)
{
    const struct wd_exchange  *ex = &ctx->ex;

    if (!ngx_http_warder_worker.gate.policy->refusal_native || !ex->routed || !ngx_http_warder_is_policy_refusal(ex->code)) {
        return 0;
    }

    switch (ex->route.op) {
    case WD_OP_CHAT:
    case WD_OP_RESPONSES:
    case WD_OP_MESSAGES:
    case WD_OP_GENERATE:
    case WD_OP_STREAM_GENERATE:
        return 1;
    default:
        return 0;
    }
}


/* Sets status, headers and the one buffer of an answer of our own. */

static ngx_int_t
ngx_http_warder_reply_build(ngx_http_request_t *r, ngx_http_warder_ctx_t *ctx, ngx_chain_t *out)
{
    ngx_uint_t           native, sse;
    ngx_buf_t           *b;
    enum wd_err          err;
    struct wd_exchange  *ex = &ctx->ex;

    native = ngx_http_warder_native(ctx);
    sse = native && ex->stream;

    wd_buf_clear(&ctx->out);

    if (native) {
        ex->status = NGX_HTTP_OK;
        err = wd_native_refusal(&ctx->out, ex->route.op, ex->stream, wd_span_str(ex->model), wd_span_str(ex->message),
                                wd_span_str(ex->request_id));
    } else {
        err = wd_error_body(&ctx->out, ex->route.shape, ex->code, wd_span_str(ex->message), wd_span_str(ex->param),
                            wd_span_str(ex->request_id));
    }

    b = ngx_calloc_buf(r->pool);

    if (err != WD_OK || b == NULL) {
        return NGX_ERROR;
    }

    b->start = b->pos = (u_char *) ctx->out.ptr;
    b->last = b->end = b->start + ctx->out.len;
    b->memory = 1;
    b->last_buf = 1;
    b->last_in_chain = 1;

    out->buf = b;
    out->next = NULL;

    r->headers_out.status = ex->status;
    r->headers_out.status_line.len = 0;
    r->headers_out.content_length_n = ctx->out.len;
    r->headers_out.last_modified_time = -1;
    r->headers_out.location = NULL;

    if (sse) {
        ngx_str_set(&r->headers_out.content_type, "text/event-stream");
    } else {
        ngx_str_set(&r->headers_out.content_type, "application/json");
    }

    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;
    ngx_str_null(&r->headers_out.charset);

    return ngx_http_warder_common_headers(r, ctx);
}


ngx_int_t
ngx_http_warder_reply(ngx_http_request_t *r, ngx_http_warder_ctx_t *ctx)
{
    ngx_int_t    rc;
    ngx_chain_t  out;

    ctx->filtering = 0;

    if (ngx_http_warder_record_begin(ctx) != NGX_OK && ctx->ex.code != WD_CODE_AUDIT_UNAVAILABLE) {
        wd_exchange_refuse(&ctx->ex, WD_CODE_AUDIT_UNAVAILABLE, "the audit log cannot be written; the request was not sent");
    }

    if (ngx_http_discard_request_body(r) != NGX_OK) {
        r->keepalive = 0;
        r->lingering_close = 0;
    }

    if (ngx_http_warder_reply_build(r, ctx, &out) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->done = 1;

    rc = ngx_http_send_header(r);
    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    return ngx_http_output_filter(r, &out);
}


ngx_int_t
ngx_http_warder_reply_filtered(ngx_http_request_t *r, ngx_http_warder_ctx_t *ctx)
{
    ngx_int_t    rc;
    ngx_chain_t  out;

    if (ngx_http_warder_reply_build(r, ctx, &out) != NGX_OK) {
        return NGX_ERROR;
    }

    ctx->done = 1;

    rc = ngx_http_warder_next_header_filter(r);
    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    return ngx_http_warder_next_body_filter(r, &out);
}
