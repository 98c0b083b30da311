#ifndef NGX_HTTP_WARDER_REDIS_H
#define NGX_HTTP_WARDER_REDIS_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include "../src/store/redis_wire.h"

/*
 * The worker's one connection to the shared store, on nginx's event loop. Nothing here blocks. Commands of one turn of the loop leave with
 * one write, replies come in the order of the commands. When the connection is lost, or the store is not what it should be, every call
 * gets NULL and the connection is made again by itself.
 */

typedef struct ngx_http_warder_redis_call_s ngx_http_warder_redis_call_t;

/*
 * reply is borrowed and gone when the handler returns; an error of Redis is a reply. NULL: not answered within store_timeout, or the
 * connection is lost; whether the command was carried out is then not known. The call is free again before its handler is called, which may
 * send and forget others.
 */
typedef void (*ngx_http_warder_redis_handler_pt)(ngx_http_warder_redis_call_t *call, redisReply *reply);

/* Zeroed by its owner, who fills in handler and data; memory stays the owner's. */
struct ngx_http_warder_redis_call_s {
    ngx_http_warder_redis_handler_pt handler;
    void *data;
    uint64_t seq;       /* not of the owner */
    unsigned waiting:1; /* sent, and the handler was not called yet */
};

/*
 * Sends a command of wd_redis_command(), copied. NGX_OK: the handler will be called, once, and never from within this function. NGX_ERROR at
 * once, without a call of the handler, when the store is not connected, does not answer at present, or too much waits (4,096 calls, 16 MiB).
 */
ngx_int_t ngx_http_warder_redis_send(ngx_http_warder_redis_call_t *call, struct wd_span command);
/*
 * In a handler that got NULL: NGX_OK when the reply may still come, and the handler will be called once more, with it or with NULL when the
 * connection is lost. NGX_ERROR: nothing will come.
 */
ngx_int_t ngx_http_warder_redis_wait_on(ngx_http_warder_redis_call_t *call);
/* The owner goes away: the handler will not be called. Also for a call that does not wait. */
void ngx_http_warder_redis_forget(ngx_http_warder_redis_call_t *call);

/*
 * Called on each new connection to a master, before it counts as ready: may send with ngx_http_warder_redis_send(); all of that is
 * answered before anything else is sent, and others get NGX_ERROR meanwhile. NGX_ERROR, here or ngx_http_warder_redis_reject() from a
 * handler, gives the connection up.
 */
typedef ngx_int_t (*ngx_http_warder_redis_hook_pt)(void);
/* Before the worker starts; NULL: none. */
void ngx_http_warder_redis_on_connect(ngx_http_warder_redis_hook_pt hook);
/* Gives up the connection and tries again later; state is shown meanwhile. Calls that wait get NULL. */
void ngx_http_warder_redis_reject(enum wd_redis_state state);

/* WD_REDIS_OK: connected, and the last probe (once a second) said that writes are taken. */
enum wd_redis_state ngx_http_warder_redis_state(void);

/* With the configuration: reads the trust anchors. *ssl is NULL without TLS. */
ngx_int_t ngx_http_warder_redis_conf(ngx_conf_t *cf, const struct wd_policy *policy, ngx_ssl_t **ssl);
/* In a worker: begins to connect; nothing without a shared store. policy and ssl are borrowed. */
ngx_int_t ngx_http_warder_redis_init(ngx_cycle_t *cycle, const struct wd_policy *policy, ngx_ssl_t *ssl);
/* Calls that wait get NULL; nothing is sent any more. */
void ngx_http_warder_redis_exit(void);

#endif
