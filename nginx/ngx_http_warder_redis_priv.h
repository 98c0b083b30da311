#ifndef NGX_HTTP_WARDER_REDIS_PRIV_H
#define NGX_HTTP_WARDER_REDIS_PRIV_H

#include "ngx_http_warder_redis.h"

/* What the pipeline (ngx_http_warder_redis.c) and the way to a connection (ngx_http_warder_redis_open.c) share. */

#define NGX_HTTP_WARDER_REDIS_CALLS 4096
#define NGX_HTTP_WARDER_REDIS_OUT (16 * 1024 * 1024)

typedef enum {
    NGX_HTTP_WARDER_REDIS_OFF,        /* no shared store, or the worker ends */
    NGX_HTTP_WARDER_REDIS_WAITING,    /* for the next try */
    NGX_HTTP_WARDER_REDIS_RESOLVING,
    NGX_HTTP_WARDER_REDIS_CONNECTING,
    NGX_HTTP_WARDER_REDIS_HANDSHAKE,  /* of TLS */
    NGX_HTTP_WARDER_REDIS_ASKING,     /* a Sentinel */
    NGX_HTTP_WARDER_REDIS_GREETING,
    NGX_HTTP_WARDER_REDIS_HOOK,       /* the user of the connection prepares it */
    NGX_HTTP_WARDER_REDIS_READY,
} ngx_http_warder_redis_phase_t;

/* A command on its way, or one whose owner is gone and whose reply is still to come. */
typedef struct {
    ngx_http_warder_redis_call_t *call;
    ngx_msec_t at;
} ngx_http_warder_redis_sent_t;

typedef struct {
    const struct wd_store_url *store;
    ngx_msec_t timeout;
    ngx_ssl_t *ssl;
    ngx_log_t *log;
    ngx_log_t quiet; /* of a connection: what fails is said once, by us */

    ngx_http_warder_redis_phase_t phase;
    enum wd_redis_state state;
    enum wd_redis_state said; /* in the log */
    ngx_http_warder_redis_hook_pt hook;

    ngx_connection_t *c;
    ngx_uint_t generation; /* of the connection */
    ngx_sockaddr_t sockaddr;
    ngx_str_t name;
    u_char text[NGX_SOCKADDR_STRLEN];

    struct wd_redis_place place; /* where it goes, or is */
    ngx_uint_t host;             /* the next of the store's */
    ngx_uint_t tries;
    ngx_msec_t backoff;
    ngx_uint_t sent_on; /* place came from a Sentinel or a MOVED */
    ngx_thread_task_t *task;

    struct wd_redis_reader reader;
    struct wd_buf out;
    size_t out_sent;

    ngx_http_warder_redis_sent_t sent[NGX_HTTP_WARDER_REDIS_CALLS];
    uint64_t head, tail; /* the next to be answered, the next to be sent */
    uint64_t expire;     /* the first that may still run out of time */
    ngx_msec_t arrived;  /* when bytes came last */
    unsigned stalled:1;  /* a call ran out of time, and nothing came since */
    unsigned hooking:1;  /* the hook is at work, and may send */
    unsigned secret:1;   /* the password stands in out */

    ngx_event_t flush;
    ngx_event_t expiry;   /* of calls */
    ngx_event_t retry;    /* the next try */
    ngx_event_t deadline; /* of a try */
    ngx_event_t beat;     /* the next probe */

    ngx_http_warder_redis_call_t greeting[WD_REDIS_GREETINGS];
    ngx_http_warder_redis_call_t probe;
    ngx_http_warder_redis_call_t ask;
} ngx_http_warder_redis_t;

extern ngx_http_warder_redis_t ngx_http_warder_redis;

/* ngx_http_warder_redis.c */
/* Sends whatever the phase. */
ngx_int_t ngx_http_warder_redis_put(ngx_http_warder_redis_call_t *call, struct wd_span command);
/* The connection is lost or given up: calls get NULL, and the next try comes by itself. */
void ngx_http_warder_redis_fail(enum wd_redis_state state);
void ngx_http_warder_redis_set_state(enum wd_redis_state state);
/* The next probe, in a second. */
void ngx_http_warder_redis_read_handler(ngx_event_t *rev);
void ngx_http_warder_redis_write_handler(ngx_event_t *wev);
/* Fails every call. */
void ngx_http_warder_redis_drain(void);

/* ngx_http_warder_redis_open.c */
void ngx_http_warder_redis_open(ngx_event_t *ev);
void ngx_http_warder_redis_close(void);
ngx_int_t ngx_http_warder_redis_open_init(ngx_cycle_t *cycle);
/* The connection is made and, with TLS, its certificate good. */
void ngx_http_warder_redis_greet(void);

/* ngx_http_warder_redis_greet.c */
void ngx_http_warder_redis_greet_init(void);
void ngx_http_warder_redis_beat(ngx_event_t *ev);

#endif
