#include "ngx_http_warder_redis_priv.h"
#include "ngx_http_warder_module.h"

#define NGX_HTTP_WARDER_REDIS_BACKOFF_MIN  50
#define NGX_HTTP_WARDER_REDIS_BACKOFF_MAX  1000
#define NGX_HTTP_WARDER_REDIS_SILENCE      4  /* times store_timeout without a byte: the connection is dead */
#define NGX_HTTP_WARDER_REDIS_READ         (64 * 1024)

ngx_http_warder_redis_t  ngx_http_warder_redis;


static ngx_http_warder_redis_sent_t *
ngx_http_warder_redis_at(uint64_t seq)
{
    return &ngx_http_warder_redis.sent[seq % NGX_HTTP_WARDER_REDIS_CALLS];
}


static void
ngx_http_warder_redis_arm(void)
{
    ngx_msec_t                now, due, silent;
    ngx_http_warder_redis_t  *l = &ngx_http_warder_redis;

    if (l->phase != NGX_HTTP_WARDER_REDIS_READY || l->head == l->tail) {
        if (l->expiry.timer_set) {
            ngx_del_timer(&l->expiry);
        }

        return;
    }

    /* the oldest call runs out of time first; when all have, the connection does */

    now = ngx_current_msec;
    due = l->expire < l->tail ? ngx_http_warder_redis_at(l->expire)->at + l->timeout - now : NGX_MAX_INT_T_VALUE;
    silent = ngx_http_warder_redis_at(l->head)->at;

    if ((ngx_msec_int_t) (l->arrived - silent) > 0) {
        silent = l->arrived;
    }

    silent += NGX_HTTP_WARDER_REDIS_SILENCE * l->timeout - now;

    due = (ngx_msec_t) ngx_min((ngx_msec_int_t) due, (ngx_msec_int_t) silent);
    due = (ngx_msec_int_t) due > 0 ? due : 1;

    if (l->expiry.timer_set) {
        if ((ngx_msec_int_t) (l->expiry.timer.key - (now + due)) <= 0) {
            return; /* soon enough */
        }

        ngx_del_timer(&l->expiry);
    }

    ngx_add_timer(&l->expiry, due);
}


ngx_int_t
ngx_http_warder_redis_put(ngx_http_warder_redis_call_t *call, struct wd_span command)
{
    ngx_http_warder_redis_sent_t  *sent;
    ngx_http_warder_redis_t       *l = &ngx_http_warder_redis;

    if (l->c == NULL || call->waiting || l->tail - l->head == NGX_HTTP_WARDER_REDIS_CALLS
        || wd_buf_add(&l->out, command) != WD_OK)
    {
        return NGX_ERROR;
    }

    sent = ngx_http_warder_redis_at(l->tail);
    sent->call = call;
    sent->at = ngx_current_msec;

    call->seq = l->tail++;
    call->waiting = 1;

    if (!l->flush.posted) {
        ngx_post_event(&l->flush, &ngx_posted_events);
    }

    ngx_http_warder_redis_arm();

    return NGX_OK;
}


ngx_int_t
ngx_http_warder_redis_send(ngx_http_warder_redis_call_t *call, struct wd_span command)
{
    ngx_http_warder_redis_t  *l = &ngx_http_warder_redis;

    if ((l->phase != NGX_HTTP_WARDER_REDIS_READY && !l->hooking) || l->stalled) {
        return NGX_ERROR;
    }

    return ngx_http_warder_redis_put(call, command);
}


void
ngx_http_warder_redis_forget(ngx_http_warder_redis_call_t *call)
{
    if (call->waiting) {
        ngx_http_warder_redis_at(call->seq)->call = NULL;
        call->waiting = 0;
    }
}


ngx_int_t
ngx_http_warder_redis_wait_on(ngx_http_warder_redis_call_t *call)
{
    ngx_http_warder_redis_t  *l = &ngx_http_warder_redis;

    if (call->waiting || call->seq < l->head || call->seq >= l->tail) {
        return NGX_ERROR;
    }

    ngx_http_warder_redis_at(call->seq)->call = call;
    call->waiting = 1;

    return NGX_OK;
}


/* Hands over the reply, or NULL, when somebody still wants it. */

static void
ngx_http_warder_redis_end(uint64_t seq, redisReply *reply)
{
    ngx_http_warder_redis_sent_t  *sent = ngx_http_warder_redis_at(seq);
    ngx_http_warder_redis_call_t  *call = sent->call;

    sent->call = NULL;

    if (call != NULL) {
        call->waiting = 0;
        call->handler(call, reply);
    }
}


void
ngx_http_warder_redis_drain(void)
{
    ngx_http_warder_redis_t  *l = &ngx_http_warder_redis;

    /* the connection is gone: nothing can be sent from a handler */

    while (l->head < l->tail) {
        ngx_http_warder_redis_end(l->head++, NULL);
    }

    l->expire = l->head;
    ngx_http_warder_redis_arm();
}


void
ngx_http_warder_redis_set_state(enum wd_redis_state state)
{
    ngx_http_warder_redis_t  *l = &ngx_http_warder_redis;

    l->state = state;

    if (!ngx_exiting) {
        ngx_http_warder_metrics_store(ngx_http_warder_worker.metrics, ngx_http_warder_redis_state() == WD_REDIS_OK
                                      ? NGX_HTTP_WARDER_STORE_UP : NGX_HTTP_WARDER_STORE_DOWN);
    }

    if (state != l->said && state != WD_REDIS_CONNECTING) {
        l->said = state;
        ngx_log_error(NGX_LOG_WARN, l->log, 0, "the shared store: %s", wd_redis_state_text(state));
    }
}


enum wd_redis_state
ngx_http_warder_redis_state(void)
{
    ngx_http_warder_redis_t  *l = &ngx_http_warder_redis;

    if (l->stalled) {
        return WD_REDIS_SILENT;
    }

    return l->phase == NGX_HTTP_WARDER_REDIS_READY || l->state != WD_REDIS_OK ? l->state : WD_REDIS_CONNECTING;
}


void
ngx_http_warder_redis_fail(enum wd_redis_state state)
{
    ngx_msec_t                wait;
    ngx_http_warder_redis_t  *l = &ngx_http_warder_redis;

    ngx_http_warder_redis_close();

    l->phase = NGX_HTTP_WARDER_REDIS_WAITING;
    l->stalled = 0;
    ngx_http_warder_redis_set_state(state);

    wait = l->backoff / 2 + (ngx_msec_t) ngx_random() % (l->backoff / 2 + 1);
    l->backoff = ngx_min(2 * l->backoff, NGX_HTTP_WARDER_REDIS_BACKOFF_MAX);
    ngx_add_timer(&l->retry, wait);

    ngx_http_warder_redis_drain();
}


void
ngx_http_warder_redis_reject(enum wd_redis_state state)
{
    if (ngx_http_warder_redis.phase >= NGX_HTTP_WARDER_REDIS_HOOK) {
        ngx_http_warder_redis_fail(state);
    }
}


/* What the reply says of the store as a whole, after its call has had it. */

static void
ngx_http_warder_redis_judge(const redisReply *reply)
{
    enum wd_redis_state       state;
    ngx_http_warder_redis_t  *l = &ngx_http_warder_redis;

    if (reply->type != REDIS_REPLY_ERROR) {
        return;
    }

    if (wd_redis_moved(reply, &l->place)) {
        l->sent_on = 1;
        ngx_http_warder_redis_fail(WD_REDIS_CONNECTING);
        return;
    }

    state = wd_redis_state_of(reply);

    switch (state) {

    case WD_REDIS_OK:
    case WD_REDIS_PERMISSION: /* of one command; the probe tells of the whole */
        break;

    case WD_REDIS_FULL:
    case WD_REDIS_REFUSED:
    case WD_REDIS_SILENT:
        ngx_http_warder_redis_set_state(state);
        break;

    default:
        ngx_http_warder_redis_fail(state);
    }
}


/* Every whole reply that has come. False when the connection is gone meanwhile. */

static ngx_uint_t
ngx_http_warder_redis_replies(void)
{
    redisReply               *reply;
    ngx_uint_t                generation;
    ngx_http_warder_redis_t  *l = &ngx_http_warder_redis;

    generation = l->generation;

    for ( ;; ) {
        if (wd_redis_reader_next(&l->reader, &reply) != WD_OK || (reply != NULL && l->head == l->tail)) {
            freeReplyObject(reply);
            ngx_http_warder_redis_fail(WD_REDIS_GARBAGE);
            return 0;
        }

        if (reply == NULL) {
            return 1;
        }

        l->expire = ngx_max(l->expire, l->head + 1);
        ngx_http_warder_redis_end(l->head++, reply);

        if (l->generation == generation) {
            ngx_http_warder_redis_judge(reply);
        }

        freeReplyObject(reply);

        if (l->generation != generation) {
            return 0;
        }
    }
}


void
ngx_http_warder_redis_read_handler(ngx_event_t *rev)
{
    ssize_t                   n;
    ngx_connection_t         *c = rev->data;
    ngx_http_warder_redis_t  *l = &ngx_http_warder_redis;

    static u_char  block[NGX_HTTP_WARDER_REDIS_READ];

    do {
        n = c->recv(c, block, sizeof(block));

        if (n == NGX_AGAIN) {
            break;
        }

        if (n == NGX_ERROR || n == 0) {
            ngx_http_warder_redis_fail(WD_REDIS_UNREACHABLE);
            return;
        }

        l->arrived = ngx_current_msec;

        if (l->stalled) {
            l->stalled = 0;
            ngx_http_warder_redis_set_state(l->state);
        }

        if (wd_redis_reader_feed(&l->reader, (char *) block, (size_t) n) != WD_OK) {
            ngx_http_warder_redis_fail(WD_REDIS_GARBAGE);
            return;
        }

        if (!ngx_http_warder_redis_replies()) {
            return;
        }

    } while (rev->ready);

    if (ngx_handle_read_event(rev, 0) != NGX_OK) {
        ngx_http_warder_redis_fail(WD_REDIS_UNREACHABLE);
        return;
    }

    ngx_http_warder_redis_arm();
}


void
ngx_http_warder_redis_write_handler(ngx_event_t *wev)
{
    ssize_t                   n;
    ngx_connection_t         *c = wev->data;
    ngx_http_warder_redis_t  *l = &ngx_http_warder_redis;

    while (l->out_sent < l->out.len) {
        n = c->send(c, (u_char *) l->out.ptr + l->out_sent, l->out.len - l->out_sent);

        if (n == NGX_ERROR) {
            ngx_http_warder_redis_fail(WD_REDIS_UNREACHABLE);
            return;
        }

        if (n == NGX_AGAIN) {
            break;
        }

        l->out_sent += (size_t) n;
    }

    if (l->out_sent == l->out.len) {
        if (l->secret) {
            wd_secret_wipe(l->out.ptr, l->out.len);
            l->secret = 0;
        }

        l->out_sent = 0;
        wd_buf_clear(&l->out);

    } else if (l->out_sent >= NGX_HTTP_WARDER_REDIS_OUT / 4) {
        wd_buf_drop(&l->out, l->out_sent);
        l->out_sent = 0;
    }

    if (ngx_handle_write_event(wev, 0) != NGX_OK) {
        ngx_http_warder_redis_fail(WD_REDIS_UNREACHABLE);
    }
}


/* At the end of a turn of the event loop. */

static void
ngx_http_warder_redis_flush(ngx_event_t *ev)
{
    ngx_http_warder_redis_t  *l = &ngx_http_warder_redis;

    if (l->c != NULL && l->phase >= NGX_HTTP_WARDER_REDIS_ASKING && l->out.len > 0) {
        ngx_http_warder_redis_write_handler(l->c->write);
    }
}


static void
ngx_http_warder_redis_expire(ngx_event_t *ev)
{
    uint64_t                  seq;
    ngx_msec_t                since;
    ngx_uint_t                generation;
    ngx_http_warder_redis_t  *l = &ngx_http_warder_redis;

    generation = l->generation;

    while (l->expire < l->tail
           && (ngx_msec_int_t) (ngx_current_msec - ngx_http_warder_redis_at(l->expire)->at) >= (ngx_msec_int_t) l->timeout)
    {
        seq = l->expire++;

        if (!l->stalled) {
            l->stalled = 1;
            ngx_http_warder_redis_set_state(l->state);
        }

        ngx_http_warder_redis_end(seq, NULL);

        if (l->generation != generation) {
            return;
        }
    }

    if (l->head < l->tail) {
        since = ngx_http_warder_redis_at(l->head)->at;

        if ((ngx_msec_int_t) (l->arrived - since) > 0) {
            since = l->arrived;
        }

        if ((ngx_msec_int_t) (ngx_current_msec - since) >= (ngx_msec_int_t) (NGX_HTTP_WARDER_REDIS_SILENCE * l->timeout)) {
            ngx_http_warder_redis_fail(WD_REDIS_SILENT);
            return;
        }
    }

    ngx_http_warder_redis_arm();
}


void
ngx_http_warder_redis_on_connect(ngx_http_warder_redis_hook_pt hook)
{
    ngx_http_warder_redis.hook = hook;
}


static void
ngx_http_warder_redis_event(ngx_event_t *ev, ngx_event_handler_pt handler, ngx_uint_t cancelable)
{
    ev->handler = handler;
    ev->data = &ngx_http_warder_redis;
    ev->log = ngx_http_warder_redis.log;
    ev->cancelable = cancelable;
}


ngx_int_t
ngx_http_warder_redis_init(ngx_cycle_t *cycle, const struct wd_policy *policy, ngx_ssl_t *ssl)
{
    ngx_http_warder_redis_t  *l = &ngx_http_warder_redis;

    if (!policy->store.shared) {
        return NGX_OK;
    }

    l->store = &policy->store;
    l->timeout = policy->store_timeout_ms;
    l->ssl = ssl;
    l->log = cycle->log;
    l->quiet = *cycle->log;
    l->quiet.log_level = NGX_LOG_ALERT;
    l->quiet.next = NULL;
    l->backoff = NGX_HTTP_WARDER_REDIS_BACKOFF_MIN;
    l->host = (ngx_uint_t) ngx_pid % policy->store.host_count;
    wd_buf_init(&l->out, NGX_HTTP_WARDER_REDIS_OUT);

    /* growth would leave copies of the password */

    if (wd_buf_reserve(&l->out, 4096) != WD_OK) {
        return NGX_ERROR;
    }

    ngx_http_warder_redis_event(&l->flush, ngx_http_warder_redis_flush, 0);
    ngx_http_warder_redis_event(&l->expiry, ngx_http_warder_redis_expire, 0); /* a request may wait for it */
    ngx_http_warder_redis_event(&l->retry, ngx_http_warder_redis_open, 1);
    ngx_http_warder_redis_event(&l->beat, ngx_http_warder_redis_beat, 1);
    ngx_http_warder_redis_greet_init();

    l->phase = NGX_HTTP_WARDER_REDIS_WAITING;
    l->said = WD_REDIS_CONNECTING;
    ngx_http_warder_redis_set_state(WD_REDIS_CONNECTING);

    if (ngx_http_warder_redis_open_init(cycle) != NGX_OK) {
        return NGX_ERROR;
    }

    /* not now: the clock of a worker that has not served yet is that of its configuration */

    ngx_add_timer(&l->retry, 1);

    return NGX_OK;
}


void
ngx_http_warder_redis_exit(void)
{
    ngx_http_warder_redis_t  *l = &ngx_http_warder_redis;

    if (l->phase == NGX_HTTP_WARDER_REDIS_OFF) {
        return;
    }

    ngx_http_warder_redis_close();
    l->phase = NGX_HTTP_WARDER_REDIS_OFF;
    ngx_http_warder_redis_drain();
    wd_buf_wipe(&l->out);
}
