#include "ngx_http_warder_module.h"

#define NGX_HTTP_WARDER_BURST  65536 /* bytes of one stream in one turn of the event loop */
#define NGX_HTTP_WARDER_RESERVE 262144 /* bytes that an announced length alone may claim */
#define NGX_HTTP_WARDER_KEEP   4096  /* bytes of output buffer that an idle stream keeps */

ngx_http_output_header_filter_pt  ngx_http_warder_next_header_filter;
ngx_http_output_body_filter_pt    ngx_http_warder_next_body_filter;

static ngx_int_t ngx_http_warder_stream_filter(ngx_http_request_t *r, ngx_http_warder_ctx_t *ctx, ngx_chain_t *in);


/* The provider's answer is cut off or refused: nothing more is read from it. */

static void
ngx_http_warder_drop(ngx_chain_t *cl)
{
    for ( /* void */ ; cl; cl = cl->next) {
        cl->buf->pos = cl->buf->last;
    }
}


static void
ngx_http_warder_stop_upstream(ngx_http_request_t *r, ngx_http_warder_ctx_t *ctx)
{
    ngx_http_upstream_t  *u = r->upstream;

    ctx->in = NULL;

    if (u != NULL) {
        u->length = 0;
        u->keepalive = 0;

        /* in the header filter: what the proxy takes the length from only afterwards */
        u->headers_in.chunked = 0;
        u->headers_in.content_length_n = 0;
        u->headers_in.connection_close = 1;

        ngx_http_warder_drop(u->out_bufs);
        ngx_http_warder_drop(u->busy_bufs);
    }
}


static ngx_int_t
ngx_http_warder_fail(ngx_http_request_t *r, ngx_http_warder_ctx_t *ctx, enum wd_code code, const char *message)
{
    wd_exchange_refuse(&ctx->ex, code, "%s", message);
    ctx->ex.decision = code == WD_CODE_PROVIDER_UNAVAILABLE || code == WD_CODE_PROVIDER_INVALID_RESPONSE
                       || code == WD_CODE_PROVIDER_TIMEOUT ? WD_DECISION_FAILED : WD_DECISION_ENDED;

    ngx_http_warder_stop_upstream(r, ctx);

    return ngx_http_warder_reply_filtered(r, ctx);
}


/* The provider failed after its header arrived: nginx would close without a word. */

static void
ngx_http_warder_upstream_finalize(ngx_http_request_t *r, ngx_int_t rc)
{
    enum wd_code            code;
    ngx_http_warder_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_warder_module);

    if (ctx == NULL) {
        return;
    }

    ctx->upstream_finalize(r, rc);
    ctx->ex.upstream_ms = ngx_current_msec - ctx->upstream_began;

    if (rc == 0 || rc == NGX_DONE || rc == NGX_HTTP_CLIENT_CLOSED_REQUEST || rc == NGX_HTTP_REQUEST_TIME_OUT
        || ctx->done || !ctx->filtering || r->connection->error || r->connection->timedout)
    {
        return;
    }

    code = rc == NGX_HTTP_GATEWAY_TIME_OUT ? WD_CODE_PROVIDER_TIMEOUT : WD_CODE_PROVIDER_UNAVAILABLE;

    if (ctx->whole) {
        ngx_http_warder_give_back(ctx);
        (void) ngx_http_warder_fail(r, ctx, code, code == WD_CODE_PROVIDER_TIMEOUT
                                                  ? "the provider did not finish its answer in time"
                                                  : "the provider broke off its answer");
        return;
    }

    /* the error event comes after what the client has not taken yet */

    ctx->broken = code;
    (void) ngx_http_warder_stream_filter(r, ctx, NULL);
}


static ngx_uint_t
ngx_http_warder_type_is(ngx_http_request_t *r, const char *type)
{
    size_t      len = ngx_strlen(type);
    ngx_str_t  *ct = &r->headers_out.content_type;

    return ct->len >= len && ngx_strncasecmp(ct->data, (u_char *) type, len) == 0
           && (ct->len == len || ct->data[len] == ';' || ct->data[len] == ' ');
}


static ngx_uint_t
ngx_http_warder_is_encoded(ngx_http_request_t *r)
{
    ngx_table_elt_t  *h = r->headers_out.content_encoding;

    return h != NULL && h->hash != 0 && h->value.len > 0
           && !(h->value.len == 8 && ngx_strncasecmp(h->value.data, (u_char *) "identity", 8) == 0);
}


static ngx_int_t
ngx_http_warder_outer_create(ngx_http_warder_ctx_t *ctx)
{
    struct wd_outer_config  config;

    wd_exchange_scan(&ctx->ex, &ngx_http_warder_worker.gate, WD_OUTPUT, &ctx->scan);

    ngx_memzero(&config, sizeof(config));
    config.op = ctx->ex.route.op;
    config.scan = &ctx->scan;
    config.drop_usage = ctx->ex.drop_usage;
    config.request_id = wd_span_str(ctx->ex.request_id);
    config.body_max = NGX_HTTP_WARDER_BODY_MAX;
    config.unstored = ctx->ex.unstored;
    config.issued = ngx_http_warder_issued;
    config.issued_ctx = ctx;
    config.spare = &ngx_http_warder_worker.spare;
    config.may_go_on = ngx_http_warder_may_go_on;
    config.data = ctx;

    return wd_outer_new(&ctx->outer, &config) == WD_OK ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_warder_start_stream(ngx_http_request_t *r, ngx_http_warder_ctx_t *ctx)
{
    ctx->streaming = 1;
    ctx->flush_header = 1;
    ngx_http_warder_metrics_stream(ngx_http_warder_worker.metrics, &ctx->ex, 1);

    ngx_http_clear_content_length(r);
    ngx_str_set(&r->headers_out.content_type, "text/event-stream");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    if (ngx_http_warder_clean_headers(r) != NGX_OK || ngx_http_warder_common_headers(r, ctx) != NGX_OK
        || ngx_http_warder_add_header(r, "cache-control", "no-cache", 8) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_warder_next_header_filter(r);
}


static ngx_int_t
ngx_http_warder_header_filter(ngx_http_request_t *r)
{
    ngx_http_warder_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_warder_module);

    if (ctx == NULL || !ctx->forwarded || ctx->done || r->upstream == NULL || r != r->main) {
        return ngx_http_warder_next_header_filter(r);
    }

    if (ngx_http_warder_standby_answer(r, ctx) != NGX_OK) {
        return NGX_HTTP_WARDER_STANDBY;
    }

    ctx->filtering = 1;
    ctx->answered = 1;
    ctx->upstream_status = (int) r->headers_out.status;
    r->upstream->upgrade = 0; /* a tunnel would pass the gate by */

    ctx->upstream_finalize = r->upstream->finalize_request;
    r->upstream->finalize_request = ngx_http_warder_upstream_finalize;

    if (r->upstream->request_body_sent) {
        wd_buf_wipe(&ctx->sent); /* a stream may last for hours */
    }

    r->main_filter_need_in_memory = 1;
    r->allow_ranges = 0;

    if (ngx_http_warder_outer_create(ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    if (r->headers_out.status == NGX_HTTP_OK && ngx_http_warder_type_is(r, "text/event-stream")
        && !ngx_http_warder_is_encoded(r) && r->http_version == ctx->http_version)
    {
        return ngx_http_warder_start_stream(r, ctx);
    }

    /* the header waits until the whole body was looked at */

    ctx->whole = 1;

    if (r->headers_out.content_length_n > 0 && r->headers_out.content_length_n <= NGX_HTTP_WARDER_RESERVE
        && wd_buf_reserve(&ctx->body, r->headers_out.content_length_n) != WD_OK)
    {
        return NGX_ERROR;
    }

    if (r->http_version != ctx->http_version) {
        /* the proxy takes what is no HTTP for HTTP/0.9, and would answer so */
        r->http_version = ctx->http_version;
        (void) ngx_http_warder_clean_headers(r);
        return ngx_http_warder_fail(r, ctx, WD_CODE_PROVIDER_INVALID_RESPONSE, "the provider's answer is not HTTP");
    }

    if (ngx_http_warder_is_encoded(r)) {
        (void) ngx_http_warder_clean_headers(r);
        return ngx_http_warder_fail(r, ctx, WD_CODE_PROVIDER_INVALID_RESPONSE,
                                    "the provider's answer is compressed although that was not asked for");
    }

    if (r->headers_out.status < 200 || (r->headers_out.status >= 300 && r->headers_out.status < 400)) {
        (void) ngx_http_warder_clean_headers(r);
        return ngx_http_warder_fail(r, ctx, WD_CODE_PROVIDER_INVALID_RESPONSE,
                                    "the provider answered with a redirect, which is never followed, or a change of protocol");
    }

    return ngx_http_warder_clean_headers(r);
}


/* The header of a stream does not wait for its first event. A buffer of its own: it may still be on its way when the event comes. */

static ngx_int_t
ngx_http_warder_send_flush(ngx_http_request_t *r, ngx_http_warder_ctx_t *ctx)
{
    ngx_buf_t  *b;

    ctx->flush_header = 0;

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->flush = 1;
    ctx->link.buf = b;
    ctx->link.next = NULL;

    return ngx_http_warder_next_body_filter(r, &ctx->link);
}


/*
 * Output stands in ctx->out until the client took it; only then new input is looked at. What waits keeps its buffer, so nginx stops
 * reading from the provider: a slow client costs no memory.
 */

static ngx_int_t
ngx_http_warder_send(ngx_http_request_t *r, ngx_http_warder_ctx_t *ctx, ngx_uint_t last)
{
    ngx_int_t   rc;
    ngx_buf_t  *b;

    if (ctx->out.len == 0 && !last) {
        return ctx->flush_header ? ngx_http_warder_send_flush(r, ctx) : NGX_OK;
    }

    ctx->flush_header = 0;

    b = ctx->sending;

    if (b == NULL) {
        b = ngx_calloc_buf(r->pool);
        if (b == NULL) {
            return NGX_ERROR;
        }

        ctx->sending = b;
    }

    ngx_memzero(b, sizeof(ngx_buf_t));

    if (ctx->out.len > 0) {
        b->start = b->pos = (u_char *) ctx->out.ptr;
        b->last = b->end = b->start + ctx->out.len;
        b->memory = 1;
    }

    b->flush = 1;
    b->last_buf = last;
    b->last_in_chain = last;

    ctx->link.buf = b;
    ctx->link.next = NULL;

    if (last) {
        ctx->done = 1;
    }

    rc = ngx_http_warder_next_body_filter(r, &ctx->link);

    if (!last && ngx_buf_size(b) == 0) {
        if (ctx->out.size > NGX_HTTP_WARDER_KEEP) {
            wd_buf_deinit(&ctx->out);
        }

        wd_buf_clear(&ctx->out);
    }

    return rc;
}


static ngx_uint_t
ngx_http_warder_sending(ngx_http_warder_ctx_t *ctx)
{
    return ctx->sending != NULL && ngx_buf_size(ctx->sending) > 0;
}


/* One stream that never pauses must not keep the others waiting: after a burst its next read comes in the next turn (FAILURES F52). */

static void
ngx_http_warder_be_fair(ngx_http_request_t *r, ngx_http_warder_ctx_t *ctx, size_t bytes)
{
    ngx_event_t  *rev;

    ctx->burst_bytes += bytes;

    if (ctx->burst_bytes < NGX_HTTP_WARDER_BURST || r->upstream == NULL || r->upstream->peer.connection == NULL) {
        return;
    }

    ctx->burst_bytes = 0;
    rev = r->upstream->peer.connection->read;

    if (rev->ready && !rev->eof && !rev->error) {
        rev->ready = 0;

        /* posted for this turn it would find nothing ready, and not be posted again */
        if (rev->posted) {
            ngx_delete_posted_event(rev);
        }

        ngx_post_event(rev, &ngx_posted_next_events);
    }
}


/* why: NONE when the provider closed, or what broke its stream. */

static ngx_int_t
ngx_http_warder_end_stream(ngx_http_request_t *r, ngx_http_warder_ctx_t *ctx, enum wd_code why)
{
    enum wd_code         code;
    struct wd_exchange  *ex = &ctx->ex;

    if (wd_outer_ended(ctx->outer)) {
        ngx_http_warder_stop_upstream(r, ctx);

    } else if (wd_outer_end(ctx->outer, why, &ctx->out) != WD_OK) {
        return NGX_ERROR;
    }

    code = why != WD_CODE_NONE ? why : wd_outer_code(ctx->outer);

    if (code != WD_CODE_NONE) {
        wd_exchange_refuse(ex, code, "the stream was ended");
        ex->status = NGX_HTTP_OK;
        ex->decision = wd_code_status(code) >= 500 ? WD_DECISION_FAILED : WD_DECISION_ENDED;
    }

    return ngx_http_warder_send(r, ctx, 1);
}


/* Looks at one buffer of the provider's answer; *end when nothing follows for the client. */

static ngx_int_t
ngx_http_warder_stream_buf(ngx_http_request_t *r, ngx_http_warder_ctx_t *ctx, ngx_buf_t *b, ngx_uint_t *end)
{
    size_t       size;
    uint64_t     began;
    enum wd_err  err;

    size = ngx_buf_in_memory(b) ? (size_t) (b->last - b->pos) : 0;
    *end = b->last_buf;

    if (size == 0) {
        return NGX_OK;
    }

    began = ngx_http_warder_ns();
    err = wd_outer_feed(ctx->outer, wd_span((char *) b->pos, size), &ctx->out);
    ctx->ex.gateway_ns += ngx_http_warder_ns() - began;

    b->pos = b->last;
    ngx_http_warder_be_fair(r, ctx, size);

    return err == WD_OK ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_warder_stream_filter(ngx_http_request_t *r, ngx_http_warder_ctx_t *ctx, ngx_chain_t *in)
{
    ngx_int_t     rc;
    ngx_uint_t    end;
    ngx_chain_t  *cl;

    if (in != NULL && ngx_chain_add_copy(r->pool, &ctx->in, in) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = NGX_OK;

    if (ngx_http_warder_sending(ctx) || in == NULL) {
        rc = ngx_http_warder_next_body_filter(r, NULL);

        if (rc == NGX_ERROR || ngx_http_warder_sending(ctx)) {
            return rc;
        }

        wd_buf_clear(&ctx->out);
    }

    while (ctx->in != NULL && !ctx->done && !ngx_http_warder_sending(ctx)) {
        cl = ctx->in;

        if (ngx_http_warder_stream_buf(r, ctx, cl->buf, &end) != NGX_OK) {
            return NGX_ERROR;
        }

        ctx->in = cl->next;
        ngx_free_chain(r->pool, cl);

        if (end || wd_outer_ended(ctx->outer)) {
            return ngx_http_warder_end_stream(r, ctx, WD_CODE_NONE);
        }

        if (ctx->in == NULL || ctx->out.len >= NGX_HTTP_WARDER_BURST) {
            rc = ngx_http_warder_send(r, ctx, 0);

            if (rc == NGX_ERROR) {
                return NGX_ERROR;
            }
        }
    }

    if (ctx->broken != WD_CODE_NONE && ctx->in == NULL && !ctx->done && !ngx_http_warder_sending(ctx)) {
        return ngx_http_warder_end_stream(r, ctx, ctx->broken);
    }

    return rc;
}


/* A whole answer is here: what may leave goes out with its header. */

static ngx_int_t
ngx_http_warder_send_whole(ngx_http_request_t *r, ngx_http_warder_ctx_t *ctx)
{
    ngx_int_t    rc;
    uint64_t     began;
    enum wd_err  err;

    began = ngx_http_warder_ns();
    err = wd_outer_body(ctx->outer, wd_buf_span(&ctx->body), (int) r->headers_out.status, &ctx->out);
    ctx->ex.gateway_ns += ngx_http_warder_ns() - began;

    wd_buf_wipe(&ctx->body);

    if (err == WD_ERR_REFUSED) {
        wd_exchange_refuse_finding(&ctx->ex, WD_OUTPUT, NULL);
        ctx->ex.decision = WD_DECISION_ENDED;
        ngx_http_warder_stop_upstream(r, ctx);
        return ngx_http_warder_reply_filtered(r, ctx);
    }

    if (err != WD_OK) {
        return ngx_http_warder_fail(r, ctx, WD_CODE_PROVIDER_INVALID_RESPONSE, err == WD_ERR_LIMIT
                                    ? "the provider's answer is larger than the gateway accepts"
                                    : "the provider's answer is not JSON of its format");
    }

    ctx->whole = 0;
    ngx_str_set(&r->headers_out.content_type, "application/json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;
    r->headers_out.content_length_n = ctx->out.len;

    if (r->headers_out.content_length) {
        r->headers_out.content_length->hash = 0;
        r->headers_out.content_length = NULL;
    }

    if (ngx_http_warder_common_headers(r, ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_http_warder_next_header_filter(r);
    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    return ngx_http_warder_send(r, ctx, 1);
}


static ngx_int_t
ngx_http_warder_whole_filter(ngx_http_request_t *r, ngx_http_warder_ctx_t *ctx, ngx_chain_t *in)
{
    size_t        size;
    ngx_uint_t    last;
    enum wd_err   err;

    for (last = 0; in != NULL && !ctx->done; in = in->next) {
        size = ngx_buf_in_memory(in->buf) ? (size_t) (in->buf->last - in->buf->pos) : 0;
        last |= in->buf->last_buf;

        if (size == 0) {
            continue;
        }

        err = wd_buf_add(&ctx->body, wd_span((char *) in->buf->pos, size));
        in->buf->pos = in->buf->last;
        ngx_http_warder_be_fair(r, ctx, size);

        if (err != WD_OK) {
            return ngx_http_warder_fail(r, ctx, WD_CODE_PROVIDER_INVALID_RESPONSE,
                                        "the provider's answer is larger than the gateway accepts");
        }
    }

    return last && !ctx->done ? ngx_http_warder_send_whole(r, ctx) : NGX_OK;
}


static ngx_int_t
ngx_http_warder_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_chain_t            *cl;
    ngx_http_warder_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_warder_module);

    if (ctx == NULL || !ctx->filtering || r != r->main) {
        return ngx_http_warder_next_body_filter(r, in);
    }

    if (ctx->done) {
        for (cl = in; cl; cl = cl->next) {
            if (ngx_buf_in_memory(cl->buf) && cl->buf->pos != cl->buf->last) {
                cl->buf->pos = cl->buf->last;
                ngx_http_warder_stop_upstream(r, ctx);
            }
        }

        return ngx_http_warder_next_body_filter(r, NULL);
    }

    return ctx->whole ? ngx_http_warder_whole_filter(r, ctx, in) : ngx_http_warder_stream_filter(r, ctx, in);
}


ngx_int_t
ngx_http_warder_filter_init(ngx_conf_t *cf)
{
    ngx_http_warder_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_warder_header_filter;

    ngx_http_warder_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_warder_body_filter;

    return NGX_OK;
}
