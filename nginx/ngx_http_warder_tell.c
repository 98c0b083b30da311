#include "ngx_http_warder_module.h"

#include "ngx_http_warder_redis.h"
#include "ngx_http_warder_shared.h"

/*
 * What the shared store is told and nobody waits for: settlements, and ids that were issued. What could not be told, or was on its way when
 * the connection was lost, is told again: to say it twice does no harm for as long as the store remembers that it was said.
 */

#define NGX_HTTP_WARDER_TELL_MS   30000
#define NGX_HTTP_WARDER_TELL_MAX  4096

typedef struct {
    ngx_http_warder_redis_call_t call;
    struct wd_store_op op;
    struct wd_reservation *held; /* op's own */
    ngx_msec_t began;
    ngx_queue_t queue; /* of those that have to wait */
} ngx_http_warder_tell_t;

static struct {
    const struct wd_redis *redis;
    struct wd_buf command;
    ngx_queue_t waiting;
    ngx_uint_t count, waits;
} telling;


static void
ngx_http_warder_tell_free(ngx_http_warder_tell_t *s)
{
    telling.count--;
    free(s->held);
    ngx_free(s);
}


static void
ngx_http_warder_tell_wait(ngx_http_warder_tell_t *s)
{
    telling.waits++;
    ngx_queue_insert_tail(&telling.waiting, &s->queue);
}


static void
ngx_http_warder_tell_send(ngx_http_warder_tell_t *s)
{
    enum wd_err  err;

    wd_buf_clear(&telling.command);

    err = wd_redis_format(telling.redis, &s->op, 0, &telling.command);

    if ((err != WD_OK && err != WD_ERR_NOTFOUND) || ngx_current_msec - s->began > NGX_HTTP_WARDER_TELL_MS) {
        ngx_http_warder_tell_free(s);
        return;
    }

    if (err == WD_ERR_NOTFOUND || ngx_http_warder_redis_send(&s->call, wd_buf_span(&telling.command)) != NGX_OK) {
        ngx_http_warder_tell_wait(s);
    }
}


static void
ngx_http_warder_told(ngx_http_warder_redis_call_t *call, redisReply *reply)
{
    enum wd_redis_went         went;
    ngx_http_warder_tell_t  *s = call->data;

    if (reply == NULL) {
        if (ngx_http_warder_redis_wait_on(call) != NGX_OK) {
            ngx_http_warder_tell_wait(s);
        }

        return;
    }

    went = wd_redis_answer(&s->op, reply, NULL);

    if (went != WD_REDIS_UNLOADED && went != WD_REDIS_ELSEWHERE) {
        ngx_http_warder_tell_free(s);
        return;
    }

    ngx_http_warder_tell_wait(s);

    if (went == WD_REDIS_UNLOADED) {
        ngx_http_warder_redis_reject(WD_REDIS_CONNECTING);
    }
}


void
ngx_http_warder_tell(const struct wd_store_op *op)
{
    ngx_http_warder_tell_t  *s;

    if (!wd_redis_needed(op) || telling.count == NGX_HTTP_WARDER_TELL_MAX) {
        return;
    }

    s = ngx_calloc(sizeof(ngx_http_warder_tell_t), ngx_cycle->log);
    if (s == NULL) {
        return;
    }

    telling.count++;

    s->op = *op;
    s->op.held = s->held = wd_reservation_copy(op->held);
    s->call.handler = ngx_http_warder_told;
    s->call.data = s;
    s->began = ngx_current_msec;

    if (s->held == NULL) {
        ngx_http_warder_tell_free(s);
        return;
    }

    ngx_http_warder_tell_send(s);
}


void
ngx_http_warder_tell_again(void)
{
    ngx_uint_t    n;
    ngx_queue_t  *q;

    for (n = telling.waits; n > 0; n--) {
        q = ngx_queue_head(&telling.waiting);
        ngx_queue_remove(q);
        telling.waits--;
        ngx_http_warder_tell_send(ngx_queue_data(q, ngx_http_warder_tell_t, queue));
    }
}


void
ngx_http_warder_tell_init(const struct wd_redis *redis)
{
    telling.redis = redis;
    ngx_queue_init(&telling.waiting);
    wd_buf_init(&telling.command, 4 * 1024 * 1024);
}


void
ngx_http_warder_tell_exit(void)
{
    ngx_queue_t  *q;

    while (telling.waits > 0) {
        q = ngx_queue_head(&telling.waiting);
        ngx_queue_remove(q);
        telling.waits--;
        ngx_http_warder_tell_free(ngx_queue_data(q, ngx_http_warder_tell_t, queue));
    }

    wd_buf_deinit(&telling.command);
}
