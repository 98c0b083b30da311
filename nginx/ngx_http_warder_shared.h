#ifndef NGX_HTTP_WARDER_SHARED_H
#define NGX_HTTP_WARDER_SHARED_H

#include "ngx_http_warder_module.h"

#include "../src/store/redis_ops.h"

/* The store that gateways share, as ngx_http_warder_store.c asks it. */

ngx_int_t ngx_http_warder_shared_init(void);
void ngx_http_warder_shared_exit(void);
/* As ngx_http_warder_store_ask(). */
ngx_int_t ngx_http_warder_shared_ask(ngx_http_warder_ctx_t *ctx, struct wd_store_op *op);
/* Nobody waits for the answer. */
void ngx_http_warder_shared_tell(ngx_http_warder_ctx_t *ctx, struct wd_store_op *op);
/* The request is gone, waiting or not. */
void ngx_http_warder_shared_leave(ngx_http_warder_ctx_t *ctx);

/* ngx_http_warder_tell.c: what the store is told. redis is borrowed, with the scripts as they are loaded. */
void ngx_http_warder_tell_init(const struct wd_redis *redis);
void ngx_http_warder_tell_exit(void);
/* Tells a SETTLE or an ISSUE, copied, now or within 30 s when the store is there again. */
void ngx_http_warder_tell(const struct wd_store_op *op);
/* The store answers: what had to wait is told. */
void ngx_http_warder_tell_again(void);

#endif
