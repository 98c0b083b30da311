#ifndef NGX_HTTP_WARDER_METRICS_H
#define NGX_HTTP_WARDER_METRICS_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "../src/gate/exchange.h"

#define NGX_HTTP_WARDER_METRICS_SLOTS 65 /* providers by name, the last: none */
#define NGX_HTTP_WARDER_BUCKETS 14
#define NGX_HTTP_WARDER_KEYS_MAX 8 /* of a provider */
#define NGX_HTTP_WARDER_KEY_STATUSES 3 /* 401, 403, 429 */
#define NGX_HTTP_WARDER_WORKERS_MAX 192 /* 64, and those of two reloads that still drain */

/* What all workers know of a key: see ngx_http_warder_standby.c. */
typedef struct {
    ngx_atomic_t mark; /* 0: nothing is known against it */
    ngx_atomic_t turn; /* counts the keys that stood in this slot */
    ngx_atomic_t failures[NGX_HTTP_WARDER_KEY_STATUSES];
} ngx_http_warder_key_marks_t;

#define NGX_HTTP_WARDER_STORE_NONE 0
#define NGX_HTTP_WARDER_STORE_DOWN 1
#define NGX_HTTP_WARDER_STORE_UP 2

/* Counters of all workers in shared memory. Names come from the policy only, never from callers. */
typedef struct {
    ngx_atomic_t locked;
    struct {
        char name[40];
        ngx_atomic_t requests[WD_DECISIONS][WD_CODE_COUNT];
        ngx_atomic_t gateway_bucket[NGX_HTTP_WARDER_BUCKETS + 1];
        ngx_atomic_t gateway_us_sum;
        ngx_atomic_t streams_total;
        ngx_atomic_t events_total;
        ngx_atomic_t tokens_in, tokens_out;
        ngx_atomic_t conflicts;
        ngx_http_warder_key_marks_t key[NGX_HTTP_WARDER_KEYS_MAX];
        ngx_atomic_t cost; /* micro-dollars */
    } provider[NGX_HTTP_WARDER_METRICS_SLOTS];
    ngx_atomic_t findings[2][WD_CATEGORIES];
    /* streams under way, by worker: those of one that was killed are over */
    struct {
        ngx_atomic_t pid;
        ngx_atomic_t streams[NGX_HTTP_WARDER_METRICS_SLOTS];
        ngx_atomic_t store; /* one of those above */
    } worker[NGX_HTTP_WARDER_WORKERS_MAX];
} ngx_http_warder_metrics_t;

ngx_int_t ngx_http_warder_metrics_zone(ngx_conf_t *cf, ngx_shm_zone_t **zone, void *tag);
/* Finds the slot of each provider by name, making it when new. */
void ngx_http_warder_metrics_bind(ngx_http_warder_metrics_t *m, const struct wd_policy *policy);
/* The marks of a provider's keys, by its index in the policy that was bound. */
ngx_http_warder_key_marks_t *ngx_http_warder_metrics_keys(ngx_http_warder_metrics_t *m, ngx_uint_t provider);
void ngx_http_warder_metrics_count(ngx_http_warder_metrics_t *m, const struct wd_exchange *ex, uint64_t events);
void ngx_http_warder_metrics_stream(ngx_http_warder_metrics_t *m, const struct wd_exchange *ex, int delta);
/* Of this worker's connection to the shared store; none also for a worker that quits. */
void ngx_http_warder_metrics_store(ngx_http_warder_metrics_t *m, ngx_uint_t state);
/* Prometheus text exposition format 0.0.4. */
enum wd_err ngx_http_warder_metrics_print(ngx_http_warder_metrics_t *m, struct wd_buf *out);

#endif
