#ifndef NGX_HTTP_WARDER_SHARED_H
#define NGX_HTTP_WARDER_SHARED_H

#include "ngx_http_warder_module.h"

#include "../src/store/redis_ops.h"

/* The store that gateways share, as ngx_http_warder_store.c asks it. */

/* own: the key that an empty store gets where there is no master key, so that what was migrated from here later fits. */
ngx_int_t ngx_http_warder_shared_init(const uint8_t own[32]);
/* Before it: the store's key, where it comes from a master key and is not the store's to know. */
ngx_int_t ngx_http_warder_shared_master(struct wd_span key);
void ngx_http_warder_shared_exit(void);
/* As ngx_http_warder_store_ask(). */
ngx_int_t ngx_http_warder_shared_ask(ngx_http_warder_ctx_t *ctx, struct wd_store_op *op);
/* Nobody waits for the answer. */
void ngx_http_warder_shared_tell(ngx_http_warder_ctx_t *ctx, struct wd_store_op *op);
/* The request is gone, waiting or not. */
void ngx_http_warder_shared_leave(ngx_http_warder_ctx_t *ctx);

/* ngx_http_warder_alone.c: what a worker knows without asking. */
/* A token that the store knew. */
typedef struct {
    uint8_t digest[32];
    struct wd_principal who;
    ngx_msec_t at;
    ngx_uint_t used;
} ngx_http_warder_known_t;

/* The token of this digest, or NULL; valid until the next call. */
ngx_http_warder_known_t *ngx_http_warder_known(const uint8_t *digest);
void ngx_http_warder_know(const uint8_t *digest, const struct wd_principal *who);
void ngx_http_warder_unknow(const uint8_t *digest);
/* The store did not answer op: with on_store_failure: local it is answered here, as far as it can be. */
void ngx_http_warder_shared_alone(ngx_http_warder_ctx_t *ctx, struct wd_store_op *op);

/* ngx_http_warder_tell.c: what the store is told. redis is borrowed, with the scripts as they are loaded. */
void ngx_http_warder_tell_init(const struct wd_redis *redis);
void ngx_http_warder_tell_exit(void);
/* Tells a SETTLE or an ISSUE, copied, now or within 30 s when the store is there again. */
void ngx_http_warder_tell(const struct wd_store_op *op);
/* The store answers: what had to wait is told. */
void ngx_http_warder_tell_again(void);

#endif
