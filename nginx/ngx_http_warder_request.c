#include "ngx_http_warder_module.h"

#define NGX_HTTP_WARDER_WAIT_MS    20

static void ngx_http_warder_body_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_warder_steps(ngx_http_request_t *r, ngx_http_warder_ctx_t *ctx, struct wd_store_op *op,
    enum wd_step step);
static ngx_int_t ngx_http_warder_forward(ngx_http_request_t *r, ngx_http_warder_ctx_t *ctx);


static void
ngx_http_warder_note_token(struct wd_arrival *arrival, struct wd_span token)
{
    while (token.len > 0 && token.ptr[0] == ' ') {
        token = wd_span(token.ptr + 1, token.len - 1);
    }

    if (token.len == 0) {
        return;
    }

    if (arrival->token.len > 0 && !wd_secret_equal(arrival->token, token)) {
        arrival->tokens_differ = 1;
    }

    arrival->token = token;
}


static void
ngx_http_warder_read_header(struct wd_arrival *arrival, ngx_table_elt_t *h)
{
    struct wd_span  name = wd_span((char *) h->lowcase_key, h->key.len);
    struct wd_span  value = wd_span((char *) h->value.data, h->value.len);

    const struct wd_policy  *policy = ngx_http_warder_worker.gate.policy;

    if (wd_span_eq(name, WD_SPAN("authorization"))) {
        if (value.len > 7 && ngx_strncasecmp((u_char *) value.ptr, (u_char *) "Bearer ", 7) == 0) {
            ngx_http_warder_note_token(arrival, wd_span(value.ptr + 7, value.len - 7));
        }

    } else if (wd_span_eq(name, WD_SPAN("x-api-key")) || wd_span_eq(name, WD_SPAN("x-goog-api-key"))) {
        ngx_http_warder_note_token(arrival, value);

    } else if (wd_span_eq(name, WD_SPAN("content-encoding"))) {
        if (!wd_span_eq(value, WD_SPAN("identity"))) {
            arrival->encoded = 1;
        }

    } else if (wd_span_eq(name, WD_SPAN("anthropic-version"))) {
        arrival->anthropic = 1;

    } else if (wd_span_eq(name, WD_SPAN("x-warder-sensitive"))) {
        arrival->sensitive_again |= arrival->sensitive.ptr != NULL;
        arrival->sensitive = value;

    } else if (policy->isolation.scope == WD_SCOPE_CONVERSATION && wd_span_eq(name, wd_span_str(policy->isolation.header))) {
        arrival->conversation = value;
    }
}


static void
ngx_http_warder_read_arrival(ngx_http_request_t *r, struct wd_arrival *arrival)
{
    u_char           *query;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    ngx_memzero(arrival, sizeof(struct wd_arrival));

    arrival->method = wd_span((char *) r->method_name.data, r->method_name.len);
    arrival->path = wd_span((char *) r->unparsed_uri.data, r->unparsed_uri.len);

    query = ngx_strlchr(r->unparsed_uri.data, r->unparsed_uri.data + r->unparsed_uri.len, '?');
    if (query != NULL) {
        arrival->path.len = query - r->unparsed_uri.data;
        arrival->query = wd_span((char *) query + 1, r->unparsed_uri.len - arrival->path.len - 1);
    }

    arrival->has_body = r->headers_in.content_length_n > 0 || r->headers_in.chunked;

    part = &r->headers_in.headers.part;
    h = part->elts;

    for (i = 0; /* void */; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                break;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        ngx_http_warder_read_header(arrival, &h[i]);
    }
}


ngx_int_t
ngx_http_warder_handler(ngx_http_request_t *r)
{
    uint64_t                began;
    enum wd_step            step;
    struct wd_arrival       arrival;
    struct wd_store_op      op;
    ngx_http_warder_ctx_t  *ctx;

    ctx = ngx_http_warder_create_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    began = ngx_http_warder_ns();
    ngx_http_warder_worker_look(r->connection->log);
    ngx_http_warder_read_arrival(r, &arrival);

    step = wd_inner_arrive(&ngx_http_warder_worker.gate, &ctx->ex, &arrival, &op);
    ctx->ex.gateway_ns += ngx_http_warder_ns() - began;

    return ngx_http_warder_steps(r, ctx, &op, step);
}


/* The body as one piece; copied only when it arrived in two buffers. */

static ngx_int_t
ngx_http_warder_body_span(ngx_http_request_t *r, struct wd_span *body)
{
    size_t        len;
    u_char       *p;
    ngx_chain_t  *cl, *bufs;

    *body = wd_span("", 0);
    bufs = r->request_body != NULL ? r->request_body->bufs : NULL;

    if (bufs == NULL) {
        return NGX_OK;
    }

    for (len = 0, cl = bufs; cl; cl = cl->next) {
        if (cl->buf->in_file) {
            return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE; /* chunk framing counts, and did not fit the buffer */
        }

        len += ngx_buf_size(cl->buf);
    }

    if (bufs->next == NULL) {
        *body = wd_span((char *) bufs->buf->pos, len);
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    *body = wd_span((char *) p, len);

    for (cl = bufs; cl; cl = cl->next) {
        p = ngx_cpymem(p, cl->buf->pos, ngx_buf_size(cl->buf));
    }

    return NGX_OK;
}


/* ctx->sent takes the place of the body that came. */

static ngx_int_t
ngx_http_warder_replace_body(ngx_http_request_t *r, ngx_http_warder_ctx_t *ctx)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    b = ngx_calloc_buf(r->pool);
    cl = ngx_alloc_chain_link(r->pool);

    if (b == NULL || cl == NULL) {
        return NGX_ERROR;
    }

    b->start = b->pos = (u_char *) ctx->sent.ptr;
    b->last = b->end = b->start + ctx->sent.len;
    b->memory = 1;
    b->last_buf = 1;

    cl->buf = b;
    cl->next = NULL;

    r->request_body->bufs = cl;
    r->headers_in.content_length_n = ctx->sent.len;

    return NGX_OK;
}


/* *rc is an HTTP status when the body could not be looked at. */

static enum wd_step
ngx_http_warder_check_body(ngx_http_request_t *r, ngx_http_warder_ctx_t *ctx, struct wd_store_op *op, ngx_int_t *rc)
{
    bool              changed;
    uint64_t          began;
    enum wd_step      step;
    struct wd_span    body;
    struct wd_arena  *arena = &ngx_http_warder_worker.arena;

    *rc = ngx_http_warder_body_span(r, &body);
    if (*rc != NGX_OK) {
        return WD_STEP_REFUSED;
    }

    began = ngx_http_warder_ns();

    wd_buf_wipe(&ctx->sent);
    wd_buf_init(&ctx->sent, body.len * 2 + 65536);

    step = wd_inner_body(&ngx_http_warder_worker.gate, &ctx->ex, body, arena, &ctx->sent, &changed, op);
    ctx->changed = changed;

    wd_arena_reset(arena);
    ctx->ex.gateway_ns += ngx_http_warder_ns() - began;

    return step;
}


/* The step that follows the store's answer. */

static enum wd_step
ngx_http_warder_answered(ngx_http_request_t *r, ngx_http_warder_ctx_t *ctx, struct wd_store_op *op)
{
    uint64_t           began;
    enum wd_step       step;
    struct wd_arrival  arrival;

    began = ngx_http_warder_ns();

    if (op->kind == WD_STORE_ARRIVE) {
        ngx_http_warder_read_arrival(r, &arrival);
        step = wd_inner_arrived(&ngx_http_warder_worker.gate, &ctx->ex, &arrival, op);

    } else {
        step = wd_inner_reserved(&ngx_http_warder_worker.gate, &ctx->ex, op);
    }

    ctx->ex.gateway_ns += ngx_http_warder_ns() - began;

    return step;
}


/* Everything was looked at and taken: on to the body, or to the provider. */

static ngx_int_t
ngx_http_warder_go(ngx_http_request_t *r, ngx_http_warder_ctx_t *ctx)
{
    ngx_int_t  rc;

    if (ctx->ex.route.op == WD_OP_MODELS) {
        rc = ngx_http_discard_request_body(r);
        return rc == NGX_OK ? ngx_http_warder_forward(r, ctx) : rc;
    }

    if (ctx->body_read) {
        if (ctx->changed && ngx_http_warder_replace_body(r, ctx) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        return ngx_http_warder_forward(r, ctx);
    }

    r->request_body_in_single_buf = 1;

    rc = ngx_http_read_client_request_body(r, ngx_http_warder_body_handler);

    return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
}


/* The inner gate, step by step, as far as it goes without waiting. */

static ngx_int_t
ngx_http_warder_steps(ngx_http_request_t *r, ngx_http_warder_ctx_t *ctx, struct wd_store_op *op, enum wd_step step)
{
    ngx_int_t  rc;

    for ( ;; ) {

        switch (step) {

        case WD_STEP_ASK:
            if (ngx_http_warder_store_ask(ctx, op) == NGX_AGAIN) {
                r->main->count++;
                return NGX_DONE;
            }

            step = ngx_http_warder_answered(r, ctx, op);
            break;

        case WD_STEP_AGAIN:
            step = ngx_http_warder_check_body(r, ctx, op, &rc);
            if (rc != NGX_OK) {
                return rc;
            }

            break;

        case WD_STEP_REFUSED:
            ngx_http_warder_give_back(ctx);
            return ngx_http_warder_reply(r, ctx);

        case WD_STEP_GO:
            return ngx_http_warder_go(r, ctx);
        }
    }
}


/* The store has answered an op that was waited for. */

void
ngx_http_warder_resume(ngx_http_warder_ctx_t *ctx, struct wd_store_op *op)
{
    ngx_http_request_t  *r = ctx->request;
    ngx_connection_t    *c = r->connection;

    if (ctx->more_asked) {
        ctx->more_asked = 0;
        wd_budget_answered(&ctx->ex, op);
        return;
    }

    ngx_http_finalize_request(r, ngx_http_warder_steps(r, ctx, op, ngx_http_warder_answered(r, ctx, op)));
    ngx_http_run_posted_requests(c);
}


static void
ngx_http_warder_body_handler(ngx_http_request_t *r)
{
    ngx_int_t               rc;
    enum wd_step            step;
    struct wd_store_op      op;
    ngx_http_warder_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_warder_module);
    ctx->body_read = 1;

    step = ngx_http_warder_check_body(r, ctx, &op, &rc);

    if (rc == NGX_OK) {
        rc = ngx_http_warder_steps(r, ctx, &op, step);
    }

    ngx_http_finalize_request(r, rc);
}


static void
ngx_http_warder_wait_handler(ngx_event_t *ev)
{
    ngx_connection_t       *c;
    ngx_http_request_t     *r;
    ngx_http_warder_ctx_t  *ctx = ev->data;

    r = ctx->request;
    c = r->connection;

    ngx_http_finalize_request(r, ngx_http_warder_forward(r, ctx));
    ngx_http_run_posted_requests(c);
}


/* The first resolution of the provider's name may still be under way when the first request comes. */

static ngx_int_t
ngx_http_warder_wait(ngx_http_request_t *r, ngx_http_warder_ctx_t *ctx)
{
    if (ngx_http_warder_now().mono_us - ctx->ex.began.mono_us > (uint64_t) ctx->ex.provider->connect_timeout_ms * 1000) {
        ctx->forwarded = 1;
        return NGX_HTTP_BAD_GATEWAY;
    }

    ctx->wait.handler = ngx_http_warder_wait_handler;
    ctx->wait.data = ctx;
    ctx->wait.log = r->connection->log;

    r->main->count++;
    ngx_add_timer(&ctx->wait, NGX_HTTP_WARDER_WAIT_MS);

    return NGX_DONE;
}


static ngx_int_t
ngx_http_warder_set_path(ngx_http_request_t *r, ngx_http_warder_ctx_t *ctx)
{
    u_char         *p, *query;
    size_t          len;
    struct wd_buf   path;

    wd_buf_init(&path, 4096);

    if (wd_route_upstream(&ctx->ex.route, ctx->ex.provider, wd_span_str(ctx->ex.path_model), &path) != WD_OK) {
        wd_buf_deinit(&path);
        return NGX_ERROR;
    }

    len = path.len;
    p = ngx_pnalloc(r->pool, len);

    if (p != NULL) {
        ngx_memcpy(p, path.ptr, len);
    }

    wd_buf_deinit(&path);

    if (p == NULL) {
        return NGX_ERROR;
    }

    query = ngx_strlchr(p, p + len, '?');

    r->uri.data = p;
    r->uri.len = query != NULL ? (size_t) (query - p) : len;
    r->args.data = query != NULL ? query + 1 : p;
    r->args.len = query != NULL ? len - r->uri.len - 1 : 0;
    r->valid_unparsed_uri = 0;
    r->quoted_uri = 0;

    return NGX_OK;
}


ngx_int_t
ngx_http_warder_proxy(ngx_http_request_t *r, ngx_http_warder_ctx_t *ctx)
{
    ngx_http_core_loc_conf_t     *clcf;
    ngx_http_warder_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_warder_module);

    r->loc_conf = mcf->provider_conf[ctx->ex.provider->index];
    ngx_http_update_location_config(r);

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    return clcf->handler(r);
}


/* Hands the request to the proxy of the chosen provider. */

static ngx_int_t
ngx_http_warder_forward(ngx_http_request_t *r, ngx_http_warder_ctx_t *ctx)
{
    ngx_int_t  rc;

    rc = ngx_http_warder_peers_state(ctx->ex.provider->index);

    if (rc == NGX_AGAIN) {
        return ngx_http_warder_wait(r, ctx);
    }

    if (!ngx_http_warder_key_any(ctx->ex.provider->index)) {
        ngx_http_warder_give_back(ctx);
        wd_exchange_refuse(&ctx->ex, WD_CODE_PROVIDER_UNAVAILABLE, "every key of the provider \"%s\" was revoked",
                           ctx->ex.provider->name);
        return ngx_http_warder_reply(r, ctx);
    }

    if (ngx_http_warder_record_begin(ctx) != NGX_OK) {
        ngx_http_warder_give_back(ctx);
        wd_exchange_refuse(&ctx->ex, WD_CODE_AUDIT_UNAVAILABLE, "the audit log cannot be written; the request was not sent");
        return ngx_http_warder_reply(r, ctx);
    }

    ctx->forwarded = 1;

    if (rc != NGX_OK) {
        return NGX_HTTP_BAD_GATEWAY;
    }

    if (ngx_http_warder_set_path(r, ctx) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_warder_standby_choose(ctx);
    ctx->upstream_began = ngx_current_msec;

    return ngx_http_warder_proxy(r, ctx);
}


/* Where nginx's own errors end: a body that the caller's SDK can read, never a page. */

ngx_int_t
ngx_http_warder_error_handler(ngx_http_request_t *r)
{
    ngx_uint_t              i, status;
    const char             *message;
    enum wd_code            code;
    struct wd_arrival       arrival;
    ngx_http_warder_ctx_t  *ctx;

    static const struct {
        ngx_uint_t    status;
        enum wd_code  code;
        const char   *message;
    } table[] = {
        { NGX_HTTP_REQUEST_ENTITY_TOO_LARGE, WD_CODE_REQUEST_TOO_LARGE, "the request body is larger than the policy's input.body_bytes" },
        { NGX_HTTP_BAD_GATEWAY, WD_CODE_PROVIDER_UNAVAILABLE, "the provider cannot be reached or broke off" },
        { NGX_HTTP_GATEWAY_TIME_OUT, WD_CODE_PROVIDER_TIMEOUT, "the provider did not answer in time" },
        { NGX_HTTP_NOT_ALLOWED, WD_CODE_UNKNOWN_ROUTE, "the gateway does not accept this method" },
        { NGX_HTTP_NOT_FOUND, WD_CODE_UNKNOWN_ROUTE, "there is no such route" },
        { NGX_HTTP_INTERNAL_SERVER_ERROR, WD_CODE_STORE_UNAVAILABLE, "the gateway could not handle the request" },
        { NGX_HTTP_SERVICE_UNAVAILABLE, WD_CODE_STORE_UNAVAILABLE, "the gateway could not handle the request" },
    };

    ctx = ngx_http_warder_get_ctx(r);

    if (ctx == NULL) {
        ctx = ngx_http_warder_create_ctx(r);
        if (ctx == NULL) {
            return NGX_ERROR;
        }

        /* for the shape of the error alone */
        ngx_http_warder_read_arrival(r, &arrival);
        (void) wd_route_read(&ctx->ex.route, ngx_http_warder_worker.gate.policy, arrival.method, arrival.path,
                             arrival.query, &message);
    }

    status = r->err_status;
    r->err_status = 0;
    r->expect_tested = 1;

    if (ctx->ex.code == WD_CODE_NONE) {
        code = WD_CODE_INVALID_REQUEST;

        for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
            if (table[i].status == status) {
                code = table[i].code;
                break;
            }
        }

        wd_exchange_refuse(&ctx->ex, code, "%s",
                           i < sizeof(table) / sizeof(table[0]) ? table[i].message : "the request could not be read as HTTP");
    }

    if (ctx->forwarded) {
        ctx->ex.decision = WD_DECISION_FAILED;
        ctx->ex.upstream_ms = ctx->upstream_began != 0 ? ngx_current_msec - ctx->upstream_began : 0;
    }

    if (!ctx->answered) {
        ngx_http_warder_give_back(ctx);
    }

    ctx->filtering = 0;

    return ngx_http_warder_reply(r, ctx);
}
