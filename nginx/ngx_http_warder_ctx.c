#include "ngx_http_warder_module.h"
#include "ngx_http_warder_shared.h"

#include <sodium.h>


/* What an error log line says of a request: never its query, where a key could stand. */

static u_char *
ngx_http_warder_log_error(ngx_http_request_t *r, ngx_http_request_t *sr, u_char *buf, size_t len)
{
    u_char                 *p;
    ngx_http_warder_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_warder_module);

    if (ctx == NULL) {
        return buf;
    }

    p = ngx_snprintf(buf, len, ", request_id: %s", ctx->ex.request_id);
    len -= p - buf;

    if (ctx->ex.provider != NULL) {
        p = ngx_snprintf(p, len, ", provider: %s", ctx->ex.provider->name);
    }

    return p;
}


/* Runs before nginx can log anything of the request itself. */

ngx_int_t
ngx_http_warder_post_read_handler(ngx_http_request_t *r)
{
    r->log_handler = ngx_http_warder_log_error;

    return NGX_DECLINED;
}


/* The request buffer holds the provider's key: it does not stay in freed memory. */

void
ngx_http_warder_wipe_upstream_request(ngx_http_request_t *r)
{
    ngx_buf_t  *b;

    if (r->upstream == NULL || r->upstream->request_bufs == NULL) {
        return;
    }

    b = r->upstream->request_bufs->buf;

    if (b != NULL && b->temporary && b->start != NULL) {
        wd_secret_wipe(b->start, b->end - b->start);
    }
}


static void
ngx_http_warder_cleanup(void *data)
{
    ngx_http_warder_ctx_t  *ctx = data;

    if (ctx->wait.timer_set) {
        ngx_del_timer(&ctx->wait);
    }

    if (ctx->forwarded) {
        ngx_http_warder_wipe_upstream_request(ctx->request);
    }

    ngx_http_warder_shared_leave(ctx);
    wd_exchange_release(&ctx->ex);
    wd_outer_free(ctx->outer);
    wd_buf_wipe(&ctx->sent);
    wd_buf_wipe(&ctx->body);
    wd_buf_wipe(&ctx->out);
    ngx_free(ctx);
}


/* Survives internal redirects, which clear the module contexts. */

ngx_http_warder_ctx_t *
ngx_http_warder_get_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t     *cln;
    ngx_http_warder_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_warder_module);
    if (ctx != NULL) {
        return ctx;
    }

    for (cln = r->pool->cleanup; cln; cln = cln->next) {
        if (cln->handler == ngx_http_warder_cleanup) {
            ngx_http_set_ctx(r, cln->data, ngx_http_warder_module);
            return cln->data;
        }
    }

    return NULL;
}


static void
ngx_http_warder_request_id(char *out, const u_char *random)
{
    static const char  hex[] = "0123456789abcdef";

    ngx_uint_t  i;

    for (i = 0; i < 16; i++) {
        *out++ = hex[random[i] >> 4];
        *out++ = hex[random[i] & 15];

        if (i == 3 || i == 5 || i == 7 || i == 9) {
            *out++ = '-';
        }
    }

    *out = '\0';
}


/* 16 random bytes of a block that is fetched for many requests at once. */

static const u_char *
ngx_http_warder_random(void)
{
    static u_char      block[4096];
    static ngx_uint_t  used = sizeof(block);

    if (used == sizeof(block)) {
        randombytes_buf(block, sizeof(block));
        used = 0;
    }

    used += 16;

    return block + used - 16;
}


ngx_http_warder_ctx_t *
ngx_http_warder_create_ctx(ngx_http_request_t *r)
{
    ngx_str_t              *addr, *agent;
    const u_char           *random;
    ngx_pool_cleanup_t     *cln;
    ngx_http_warder_ctx_t  *ctx;

    cln = ngx_pool_cleanup_add(r->pool, 0);

    if (cln == NULL) {
        return NULL;
    }

    /* of its exact size: in the pool it would cost a block, and streams are many */

    ctx = ngx_calloc(sizeof(ngx_http_warder_ctx_t), r->connection->log);

    if (ctx == NULL) {
        return NULL;
    }

    cln->handler = ngx_http_warder_cleanup;
    cln->data = ctx;

    ctx->request = r;
    ctx->http_version = r->http_version;
    ctx->ex.route.shape = WD_SHAPE_UNIVERSAL;
    ctx->ex.began = ngx_http_warder_now();
    wd_buf_init(&ctx->body, NGX_HTTP_WARDER_BODY_MAX);
    wd_buf_init(&ctx->out, 4 * NGX_HTTP_WARDER_BODY_MAX);

    random = ngx_http_warder_random();
    ngx_http_warder_request_id(ctx->ex.request_id, random);

    /* of random bits of its own: the id is told */
    random = ngx_http_warder_random();
    ngx_memcpy(&ctx->ex.nonce, random, sizeof(ctx->ex.nonce));
    ctx->ex.nonce += ctx->ex.nonce == 0;

    if (r->headers_in.user_agent != NULL) {
        agent = &r->headers_in.user_agent->value;
        wd_exchange_note(&ctx->ex, &ngx_http_warder_worker.gate, wd_span((char *) agent->data, agent->len), ctx->ex.agent,
                         sizeof(ctx->ex.agent));
    }

    addr = &r->connection->addr_text;
    ngx_memcpy(ctx->ex.address, addr->data, ngx_min(addr->len, WD_ADDRESS_MAX - 1));

    ngx_http_set_ctx(r, ctx, ngx_http_warder_module);

    return ctx;
}
