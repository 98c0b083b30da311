#ifndef NGX_HTTP_WARDER_MODULE_H
#define NGX_HTTP_WARDER_MODULE_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_http.h>

#include "../src/gate/budget.h"
#include "../src/gate/inner.h"
#include "../src/gate/outer.h"
#include "../src/store/journal.h"
#include "ngx_http_warder_metrics.h"

#define NGX_HTTP_WARDER_PROVIDERS_MAX 64
#define NGX_HTTP_WARDER_STANDBY 418 /* nginx raises it for nothing else: error_page leads to warder_standby */
#define NGX_HTTP_WARDER_BODY_MAX (32 * 1024 * 1024) /* bytes of a whole answer, and of one event */

typedef struct {
    struct wd_policy *policy;
    struct wd_engine *engine; /* the policy's rules, compiled; workers share the pages */
    void **provider_conf[NGX_HTTP_WARDER_PROVIDERS_MAX]; /* loc_conf of the location that proxies */
    ngx_shm_zone_t *metrics_zone;
    ngx_ssl_t *store_ssl; /* of the shared store, or NULL */
    u_char install_key[32];
    ngx_uint_t generation; /* the supervisor's number of it */
    ngx_uint_t taken; /* nginx runs by it */
} ngx_http_warder_main_conf_t;

typedef struct {
    ngx_str_t provider;
} ngx_http_warder_loc_conf_t;

/* What one worker stands on: opened after the fork. */
typedef struct {
    struct wd_gate gate;
    struct wd_journal *journal;
    uint8_t audit_key[32];
    struct wd_buf record; /* a record while it is made */
    struct wd_arena arena; /* of one inner gate at a time */
    struct wd_outer_spare spare;
    ngx_event_t flush;
    ngx_msec_t looked_at; /* when the stores last looked at their files */
    ngx_msec_t retry_at; /* when a store that could not be opened is tried again */
    ngx_http_warder_metrics_t *metrics;
} ngx_http_warder_worker_t;

typedef struct ngx_http_warder_ask_s ngx_http_warder_ask_t;

typedef struct {
    ngx_http_request_t *request;
    struct wd_exchange ex;

    struct wd_scan scan; /* borrowed by outer */
    struct wd_outer *outer;
    struct wd_buf sent; /* the request's body when it was changed, until the provider has it */
    struct wd_buf body; /* a whole answer as it arrives */
    struct wd_buf out;  /* what may leave */
    ngx_chain_t *in;    /* arrived, not yet looked at: the client is slow */
    ngx_buf_t *sending; /* stands on out's memory */
    ngx_chain_t link;

    void (*upstream_finalize)(ngx_http_request_t *r, ngx_int_t rc);
    ngx_msec_t upstream_began;
    ngx_uint_t http_version; /* of the request */
    size_t burst_bytes;

    ngx_uint_t key_slot; /* which of the provider's keys the request goes out with */
    ngx_uint_t key_status; /* with which the provider refused the last one; 0: none */
    ngx_atomic_uint_t key_mark, key_turn; /* of the key when it was chosen */

    enum wd_code broken; /* the provider's stream broke off; the client has not been told yet */
    int upstream_status;
    uint32_t slot;
    unsigned recorded:1;  /* slot is open in the journal */
    unsigned counted:1;   /* the end of the exchange was recorded */
    unsigned body_read:1; /* the request's body is there */
    unsigned changed:1;   /* sent takes its place */
    unsigned forwarded:1; /* handed to the proxy */
    unsigned filtering:1; /* the provider's answer goes through the filters */
    unsigned whole:1;     /* answer is collected; the header is not sent yet */
    unsigned streaming:1;
    unsigned done:1;      /* the last byte for the client is on its way; the rest is dropped */
    unsigned answered:1;  /* the provider sent a header */
    unsigned more_asked:1; /* the store is asked for more of a running stream, and has not answered */
    unsigned flush_header:1; /* of a stream whose first event has not come */
    unsigned has_digest:1;
    unsigned alone:1;     /* reserved here, since the shared store did not answer */
    uint8_t digest[32];   /* of the caller's token, for a shared store */
    ngx_http_warder_ask_t *ask; /* what a shared store is asked and the request waits for */
    ngx_event_t wait;     /* for the first resolution of the provider's name */
} ngx_http_warder_ctx_t;

extern ngx_module_t ngx_http_warder_module;
extern ngx_http_warder_worker_t ngx_http_warder_worker;

/* ngx_http_warder_keys.c: this worker's provider keys. */
ngx_int_t ngx_http_warder_keys_init(ngx_cycle_t *cycle, const struct wd_policy *policy);
void ngx_http_warder_keys_exit(void);
/* NGX_ERROR with a line in the log when a key is still missing. */
ngx_int_t ngx_http_warder_keys_complete(ngx_log_t *log);
/* The key in use at a provider's slot, borrowed until the next event; NULL: it was revoked, or there is no such slot. */
const struct wd_secret *ngx_http_warder_key(ngx_uint_t provider, ngx_uint_t slot);
/* Names the key at that slot: grows with each change of it. */
uint64_t ngx_http_warder_key_serial(ngx_uint_t provider, ngx_uint_t slot);
/* Whether the provider has a key that was not revoked. */
ngx_uint_t ngx_http_warder_key_any(ngx_uint_t provider);
/* From the channel. The key before it must not show for so many seconds; an empty one revokes. */
ngx_int_t ngx_http_warder_key_set(const char *provider, ngx_uint_t slot, uint64_t serial, struct wd_span key, ngx_uint_t seconds);
ngx_int_t ngx_http_warder_key_retired(struct wd_span key, ngx_uint_t seconds);

/* ngx_http_warder_channel.c: what the supervisor is told and tells. */
/* In a worker: waits for all keys, then takes changes in the event loop. */
ngx_int_t ngx_http_warder_channel_open(ngx_cycle_t *cycle, ngx_http_warder_main_conf_t *mcf);
/* For "keys list": the provider answered with this HTTP status to the key of the slot, which matters for ms; 0: until it is told otherwise. Status 0: it works again. */
void ngx_http_warder_channel_key_state(ngx_uint_t provider, ngx_uint_t slot, ngx_uint_t status, ngx_msec_t ms);
/* Tells the supervisor one byte: see there. */
void ngx_http_warder_say(ngx_log_t *log, const char *what);
/* Tells the supervisor that this worker serves, and later that it quits. */
ngx_int_t ngx_http_warder_ready(ngx_log_t *log);

/* ngx_http_warder_worker.c: the stores of one worker. */
ngx_int_t ngx_http_warder_worker_init(ngx_cycle_t *cycle);
void ngx_http_warder_worker_exit(ngx_cycle_t *cycle);
/* With each request: has the stores look at their files every few milliseconds, and opens what could not be opened, once a second. */
void ngx_http_warder_worker_look(ngx_log_t *log);
struct wd_now ngx_http_warder_now(void);

/* For the gateway's own time. */
static ngx_inline uint64_t
ngx_http_warder_ns(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + ts.tv_nsec;
}


/* ngx_http_warder_ctx.c: what belongs to one exchange. */
ngx_http_warder_ctx_t *ngx_http_warder_create_ctx(ngx_http_request_t *r);
ngx_http_warder_ctx_t *ngx_http_warder_get_ctx(ngx_http_request_t *r);
ngx_int_t ngx_http_warder_post_read_handler(ngx_http_request_t *r);
/* Before another takes its place, and at the end. */
void ngx_http_warder_wipe_upstream_request(ngx_http_request_t *r);

/* ngx_http_warder_store.c: the store that is asked. */
/* NGX_OK: op is answered; NGX_AGAIN: ngx_http_warder_resume() is called when it is. */
ngx_int_t ngx_http_warder_store_ask(ngx_http_warder_ctx_t *ctx, struct wd_store_op *op);
/* The provider gave no answer: what the exchange took is given back. */
void ngx_http_warder_give_back(ngx_http_warder_ctx_t *ctx);
/* The provider may have seen the request. */
ngx_uint_t ngx_http_warder_was_sent(ngx_http_warder_ctx_t *ctx);
/* For wd_outer_config.issued; ctx is an ngx_http_warder_ctx_t. */
void ngx_http_warder_issued(void *ctx, enum wd_isolate_kind kind, struct wd_span id);
/* For wd_outer_config: takes more when a running stream has used up what was reserved. data: the context. */
enum wd_code ngx_http_warder_may_go_on(void *data, uint64_t text_bytes, const char **message);
/* The exchange is over: what it used takes the place of what was reserved. */
void ngx_http_warder_settle(ngx_http_warder_ctx_t *ctx);

/* ngx_http_warder_request.c: the inner gate. */
void ngx_http_warder_resume(ngx_http_warder_ctx_t *ctx, struct wd_store_op *op);
ngx_int_t ngx_http_warder_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_warder_error_handler(ngx_http_request_t *r);
/* Sends the request to the provider that the gate chose, with ctx->key_slot. */
ngx_int_t ngx_http_warder_proxy(ngx_http_request_t *r, ngx_http_warder_ctx_t *ctx);

/* ngx_http_warder_standby.c: the keys of a provider in turn. Slots count from 0 in the order of the policy. */
/* Sets the key that a request goes out with. */
void ngx_http_warder_standby_choose(ngx_http_warder_ctx_t *ctx);
/*
 * Judges the key by the header that the provider answered with. NGX_OK: the answer is for the caller; NGX_HTTP_WARDER_STANDBY: another key
 * was chosen; the header filter returns this status, which drops the answer and leads to the handler.
 */
ngx_int_t ngx_http_warder_standby_answer(ngx_http_request_t *r, ngx_http_warder_ctx_t *ctx);
ngx_int_t ngx_http_warder_standby_handler(ngx_http_request_t *r);
/* The provider answered 401, 403 or 429 to this key: counts it, and others go before it for a while. */
void ngx_http_warder_key_failing(ngx_uint_t provider, ngx_uint_t slot, ngx_uint_t status);
/* Another key stands in the slot. */
void ngx_http_warder_key_unmark(ngx_uint_t provider, ngx_uint_t slot);
/* The status that a key is marked for, or 0. *left: milliseconds until the mark ends; 0 when the key waits to be tried again. */
ngx_uint_t ngx_http_warder_key_marked(ngx_uint_t provider, ngx_uint_t slot, ngx_msec_t *left);
/* All slots, as when a reload may have brought other keys. */
void ngx_http_warder_standby_forget(ngx_http_warder_metrics_t *m);
/* Prometheus text, to go after that of the metrics. */
enum wd_err ngx_http_warder_standby_print(struct wd_buf *out);

/* ngx_http_warder_reply.c: answers of our own and the headers of every answer. */
ngx_int_t ngx_http_warder_reply(ngx_http_request_t *r, ngx_http_warder_ctx_t *ctx);
/* As reply, but from inside the filters: through the next ones only. */
ngx_int_t ngx_http_warder_reply_filtered(ngx_http_request_t *r, ngx_http_warder_ctx_t *ctx);
ngx_int_t ngx_http_warder_add_header(ngx_http_request_t *r, const char *name, const char *value, size_t len);
ngx_int_t ngx_http_warder_common_headers(ngx_http_request_t *r, ngx_http_warder_ctx_t *ctx);

/* ngx_http_warder_headers.c: of all that a provider sends, what may come back. */
ngx_int_t ngx_http_warder_clean_headers(ngx_http_request_t *r);

/* ngx_http_warder_filter.c: the outer gate. */
ngx_int_t ngx_http_warder_filter_init(ngx_conf_t *cf);
extern ngx_http_output_header_filter_pt ngx_http_warder_next_header_filter;
extern ngx_http_output_body_filter_pt ngx_http_warder_next_body_filter;

/* ngx_http_warder_record.c: audit record and metrics of an exchange. */
ngx_int_t ngx_http_warder_record_begin(ngx_http_warder_ctx_t *ctx);
ngx_int_t ngx_http_warder_log_handler(ngx_http_request_t *r);
void ngx_http_warder_record_flush(ngx_event_t *ev);

/* ngx_http_warder_log.c */
void ngx_http_warder_log_init(ngx_conf_t *cf);

/* ngx_http_warder_peers.c: addresses of the providers. */
char *ngx_http_warder_peers(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
ngx_int_t ngx_http_warder_peers_init_worker(ngx_cycle_t *cycle, ngx_http_warder_main_conf_t *mcf);
/* NGX_OK: there is an address; NGX_AGAIN: the first resolution is under way; NGX_DECLINED: the name cannot be resolved. */
ngx_int_t ngx_http_warder_peers_state(ngx_uint_t provider);

/* ngx_http_warder_admin.c */
char *ngx_http_warder_admin(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

#endif
