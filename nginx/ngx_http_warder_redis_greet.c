#include "ngx_http_warder_redis_priv.h"

#define NGX_HTTP_WARDER_REDIS_BEAT_MS  1000

/* What is said on a new connection, in one write, and what is asked once a second from then on. */


static ngx_int_t
ngx_http_warder_redis_put_buf(ngx_http_warder_redis_call_t *call, struct wd_buf *command, enum wd_err err)
{
    if (err == WD_OK && command->len > 0
        && ngx_http_warder_redis_put(call, wd_buf_span(command)) != NGX_OK)
    {
        err = WD_ERR_LIMIT;
    }

    wd_buf_wipe(command);

    return err == WD_OK ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_warder_redis_put_probe(void)
{
    enum wd_err    err;
    struct wd_buf  command;

    wd_buf_init(&command, 256);
    err = wd_redis_probe(&command);

    return ngx_http_warder_redis_put_buf(&ngx_http_warder_redis.probe, &command, err);
}


static ngx_int_t
ngx_http_warder_redis_put_greeting(enum wd_redis_greeting greeting)
{
    enum wd_err    err;
    struct wd_buf  command;

    wd_buf_init(&command, 2048);

    err = wd_buf_reserve(&command, 2048);
    if (err == WD_OK) {
        err = wd_redis_greet(&command, ngx_http_warder_redis.store, greeting);
    }

    return ngx_http_warder_redis_put_buf(&ngx_http_warder_redis.greeting[greeting], &command, err);
}


static ngx_int_t
ngx_http_warder_redis_put_ask(void)
{
    enum wd_err    err;
    struct wd_buf  command;

    wd_buf_init(&command, 256);
    err = wd_redis_ask_sentinel(&command, ngx_http_warder_redis.store->sentinel);

    return ngx_http_warder_redis_put_buf(&ngx_http_warder_redis.ask, &command, err);
}


void
ngx_http_warder_redis_greet(void)
{
    ngx_int_t                 rc = NGX_OK;
    ngx_uint_t                i;
    ngx_http_warder_redis_t  *l = &ngx_http_warder_redis;

    l->c->read->handler = ngx_http_warder_redis_read_handler;
    l->c->write->handler = ngx_http_warder_redis_write_handler;
    l->arrived = ngx_current_msec;

    if (l->store->sentinel != NULL && !l->sent_on) {
        l->phase = NGX_HTTP_WARDER_REDIS_ASKING;
        rc = ngx_http_warder_redis_put_ask();

    } else {
        l->phase = NGX_HTTP_WARDER_REDIS_GREETING;
        l->secret = l->store->password != NULL;

        for (i = 0; rc == NGX_OK && i < WD_REDIS_GREETINGS; i++) {
            rc = ngx_http_warder_redis_put_greeting(i);
        }
    }

    if (rc != NGX_OK) {
        ngx_http_warder_redis_fail(WD_REDIS_UNREACHABLE);
        return;
    }

    /* TLS may hold bytes that no event will tell of */

    if (l->c->read->ready) {
        ngx_post_event(l->c->read, &ngx_posted_events);
    }
}


static void
ngx_http_warder_redis_asked(ngx_http_warder_redis_call_t *call, redisReply *reply)
{
    enum wd_redis_state       state;
    ngx_http_warder_redis_t  *l = &ngx_http_warder_redis;

    if (reply == NULL) {
        return;
    }

    state = wd_redis_state_of(reply);

    if (!wd_redis_sentinel_says(reply, &l->place)) {
        ngx_http_warder_redis_fail(state != WD_REDIS_OK ? state : WD_REDIS_NO_MASTER);
        return;
    }

    l->sent_on = 1;
    ngx_http_warder_redis_close();
    ngx_http_warder_redis_drain();
    l->phase = NGX_HTTP_WARDER_REDIS_WAITING;
    ngx_http_warder_redis_open(&l->retry);
}


static void
ngx_http_warder_redis_greeted(ngx_http_warder_redis_call_t *call, redisReply *reply)
{
    ngx_int_t                 rc;
    enum wd_redis_state       state;
    enum wd_redis_greeting    greeting;
    ngx_http_warder_redis_t  *l = &ngx_http_warder_redis;

    if (reply == NULL) {
        return;
    }

    greeting = (enum wd_redis_greeting) (call - l->greeting);
    state = wd_redis_greeted(l->store, greeting, reply);

    if (state != WD_REDIS_OK) {
        ngx_http_warder_redis_fail(state);
        return;
    }

    if (greeting < WD_REDIS_GREET_ROLE) {
        return;
    }

    /* the probe's answer comes after all that the hook has asked */

    l->phase = NGX_HTTP_WARDER_REDIS_HOOK;

    l->hooking = 1;
    rc = l->hook != NULL ? l->hook() : NGX_OK;
    l->hooking = 0;

    if (rc != NGX_OK
        || (l->phase == NGX_HTTP_WARDER_REDIS_HOOK && ngx_http_warder_redis_put_probe() != NGX_OK))
    {
        ngx_http_warder_redis_fail(WD_REDIS_REFUSED);
    }
}


static void
ngx_http_warder_redis_probed(ngx_http_warder_redis_call_t *call, redisReply *reply)
{
    enum wd_redis_state       state;
    ngx_http_warder_redis_t  *l = &ngx_http_warder_redis;

    if (reply == NULL) {
        if (l->phase == NGX_HTTP_WARDER_REDIS_READY) {
            ngx_add_timer(&l->beat, NGX_HTTP_WARDER_REDIS_BEAT_MS);
        }

        return;
    }

    state = wd_redis_probed(reply);

    if (state != WD_REDIS_OK && state != WD_REDIS_FULL && state != WD_REDIS_REFUSED && state != WD_REDIS_SILENT) {
        ngx_http_warder_redis_fail(state);
        return;
    }

    if (l->phase == NGX_HTTP_WARDER_REDIS_READY) {
        l->backoff = 50; /* it has lasted */

    } else {
        l->phase = NGX_HTTP_WARDER_REDIS_READY;
        ngx_del_timer(&l->deadline);
    }

    ngx_http_warder_redis_set_state(state);
    ngx_add_timer(&l->beat, NGX_HTTP_WARDER_REDIS_BEAT_MS);
}


void
ngx_http_warder_redis_beat(ngx_event_t *ev)
{
    ngx_http_warder_redis_t  *l = &ngx_http_warder_redis;

    if (l->phase == NGX_HTTP_WARDER_REDIS_READY && ngx_http_warder_redis_put_probe() != NGX_OK) {
        ngx_add_timer(&l->beat, NGX_HTTP_WARDER_REDIS_BEAT_MS);
    }
}


void
ngx_http_warder_redis_greet_init(void)
{
    ngx_uint_t                i;
    ngx_http_warder_redis_t  *l = &ngx_http_warder_redis;

    for (i = 0; i < WD_REDIS_GREETINGS; i++) {
        l->greeting[i].handler = ngx_http_warder_redis_greeted;
    }

    l->probe.handler = ngx_http_warder_redis_probed;
    l->ask.handler = ngx_http_warder_redis_asked;
}
