#include "ngx_http_warder_module.h"
#include "ngx_http_warder_redis.h"


static ngx_int_t
ngx_http_warder_admin_send(ngx_http_request_t *r, ngx_uint_t status, struct wd_span body)
{
    ngx_int_t     rc;
    ngx_buf_t    *b;
    ngx_chain_t   out;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    b = ngx_create_temp_buf(r->pool, body.len + 1);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b->last = ngx_cpymem(b->last, body.ptr, body.len);
    b->last_buf = 1;
    b->last_in_chain = 1;

    ngx_str_set(&r->headers_out.content_type, "text/plain; version=0.0.4; charset=utf-8");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.status = status;
    r->headers_out.content_length_n = body.len;

    rc = ngx_http_send_header(r);
    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


static ngx_int_t
ngx_http_warder_healthz(ngx_http_request_t *r)
{
    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    return ngx_http_warder_admin_send(r, NGX_HTTP_OK, WD_SPAN("ok\n"));
}


/* With a shared store: ready when it takes writes; why not stands behind. */

static ngx_int_t
ngx_http_warder_readyz_store(ngx_http_request_t *r)
{
    u_char               text[256], *last;
    ngx_uint_t           ok;
    const char          *word;
    enum wd_redis_state  state;

    if (!ngx_http_warder_worker.gate.policy->store.shared) {
        return ngx_http_warder_admin_send(r, NGX_HTTP_OK, WD_SPAN("ready\n"));
    }

    state = ngx_http_warder_redis_state();
    ok = state == WD_REDIS_OK;
    word = ok ? "ready" : "store_unavailable";

    if (!ok && state != WD_REDIS_OTHER_MASTER && state != WD_REDIS_OTHER_SCHEMA
        && ngx_http_warder_worker.gate.policy->on_store_failure == WD_STORE_LOCAL)
    {
        ok = 1;
        word = "ready, degraded: this gateway applies its share of the limits to the tokens that it knows";
    }

    last = ngx_snprintf(text, sizeof(text), "%s\nstore: %s\n", word, wd_redis_state_text(state));

    return ngx_http_warder_admin_send(r, ok ? NGX_HTTP_OK : NGX_HTTP_SERVICE_UNAVAILABLE, wd_span((char *) text, last - text));
}


/* The stores of this machine: those that it needs are there and whole. */

static ngx_uint_t
ngx_http_warder_stores_whole(const struct wd_gate *gate)
{
    uint64_t  now_s = ngx_http_warder_now().wall_us / 1000000;

    if (gate->store.limits == NULL || wd_limits_probe(gate->store.limits) != WD_OK) {
        return 0;
    }

    if (gate->policy->store.shared) {
        return 1;
    }

    if (gate->store.tokens == NULL || wd_tokens_probe(gate->store.tokens) != WD_OK || gate->store.ledger == NULL) {
        return 0;
    }

    wd_ledger_look_again(gate->store.ledger);

    if (wd_ledger_begin(gate->store.ledger, now_s) != WD_OK) {
        return 0;
    }

    wd_ledger_end(gate->store.ledger);

    return 1;
}


/* Ready: the token store, the limits and the ledger can be written, and so can the audit log. */

static ngx_int_t
ngx_http_warder_readyz(ngx_http_request_t *r)
{
    ngx_http_warder_worker_t  *w = &ngx_http_warder_worker;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    ngx_http_warder_worker_look(r->connection->log);

    if (!ngx_http_warder_stores_whole(&w->gate)) {
        return ngx_http_warder_admin_send(r, NGX_HTTP_SERVICE_UNAVAILABLE, WD_SPAN("store_unavailable\n"));
    }

    if (w->gate.policy->audit && (w->journal == NULL || !wd_journal_writable(w->journal))) {
        return ngx_http_warder_admin_send(r, NGX_HTTP_SERVICE_UNAVAILABLE, WD_SPAN("audit_unavailable\n"));
    }

    return ngx_http_warder_readyz_store(r);
}


static ngx_int_t
ngx_http_warder_metrics(ngx_http_request_t *r)
{
    ngx_int_t      rc;
    struct wd_buf  out;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    wd_buf_init(&out, 4 * 1024 * 1024);

    if (ngx_http_warder_metrics_print(ngx_http_warder_worker.metrics, &out) != WD_OK
        || ngx_http_warder_standby_print(&out) != WD_OK)
    {
        wd_buf_deinit(&out);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_warder_admin_send(r, NGX_HTTP_OK, wd_buf_span(&out));
    wd_buf_deinit(&out);

    return rc;
}


char *
ngx_http_warder_admin(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                 *value;
    ngx_uint_t                 i;
    ngx_http_core_loc_conf_t  *clcf;

    static const struct {
        const char           *name;
        ngx_http_handler_pt   handler;
    } pages[] = {
        { "healthz", ngx_http_warder_healthz },
        { "readyz", ngx_http_warder_readyz },
        { "metrics", ngx_http_warder_metrics },
    };

    value = cf->args->elts;
    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    for (i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        if (ngx_strcmp(value[1].data, pages[i].name) == 0) {
            clcf->handler = pages[i].handler;
            return NGX_CONF_OK;
        }
    }

    return "is no page: healthz, readyz or metrics";
}
