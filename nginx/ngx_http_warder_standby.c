#include "ngx_http_warder_module.h"

#define NGX_HTTP_WARDER_NO_KEY  ((ngx_uint_t) -1)

#define NGX_HTTP_WARDER_DENIED_MS  600000 /* 401 and 403: how long a key stands aside */
#define NGX_HTTP_WARDER_TRIAL_MS  30000 /* then one request in this time may try it */
#define NGX_HTTP_WARDER_BUSY_S  30 /* 429 without retry-after */
#define NGX_HTTP_WARDER_BUSY_MAX_S  300

/*
 * Which key of a provider a request goes out with, and what is remembered of keys that the provider refused. A mark is one word that all
 * workers share: from bit 16 on the time of ngx_current_msec when it ends, below it the provider's status. Marks move the order of keys
 * and nothing else; no request is refused because of one.
 *
 * A 403 may mean the model and a 429 the size of one request, so a single caller could mark every key. Therefore the last key that nothing
 * is known against keeps its place with such a mark (LAST): the others, marked for good reason perhaps, do not overtake it. A 401
 * cannot be provoked that way.
 */

#define NGX_HTTP_WARDER_MARK_STATUS  0x1ff
#define NGX_HTTP_WARDER_MARK_LAST  0x200
#define NGX_HTTP_WARDER_MARK_SHIFT  16

typedef enum {
    NGX_HTTP_WARDER_KEY_FREE,  /* nothing is known against it */
    NGX_HTTP_WARDER_KEY_LAST,
    NGX_HTTP_WARDER_KEY_TRIAL, /* was refused long ago: one request may try it */
    NGX_HTTP_WARDER_KEY_ASIDE
} ngx_http_warder_key_state_e;

static const ngx_uint_t  ngx_http_warder_key_statuses[NGX_HTTP_WARDER_KEY_STATUSES] = {
    NGX_HTTP_UNAUTHORIZED, NGX_HTTP_FORBIDDEN, NGX_HTTP_TOO_MANY_REQUESTS
};

_Static_assert(sizeof(ngx_atomic_t) == 8, "a mark needs 64 bits");


static ngx_http_warder_key_marks_t *
ngx_http_warder_marks(ngx_uint_t provider)
{
    return ngx_http_warder_metrics_keys(ngx_http_warder_worker.metrics, provider);
}


static ngx_uint_t
ngx_http_warder_key_count(ngx_uint_t provider)
{
    return ngx_min(ngx_http_warder_worker.gate.policy->providers[provider].key_count, NGX_HTTP_WARDER_KEYS_MAX);
}


static ngx_msec_t
ngx_http_warder_mark_end(ngx_atomic_uint_t mark)
{
    return mark >> NGX_HTTP_WARDER_MARK_SHIFT;
}


static ngx_atomic_uint_t
ngx_http_warder_mark(ngx_uint_t status, ngx_msec_t ms)
{
    return ((ngx_atomic_uint_t) (ngx_current_msec + ms) << NGX_HTTP_WARDER_MARK_SHIFT) | status;
}


static ngx_http_warder_key_state_e
ngx_http_warder_key_state(ngx_atomic_uint_t mark)
{
    ngx_uint_t  last = (mark & NGX_HTTP_WARDER_MARK_LAST) != 0;

    if (mark == 0) {
        return NGX_HTTP_WARDER_KEY_FREE;
    }

    if (ngx_http_warder_mark_end(mark) > ngx_current_msec) {
        return last ? NGX_HTTP_WARDER_KEY_LAST : NGX_HTTP_WARDER_KEY_ASIDE;
    }

    return last || (mark & NGX_HTTP_WARDER_MARK_STATUS) == NGX_HTTP_TOO_MANY_REQUESTS ? NGX_HTTP_WARDER_KEY_FREE
                                                                                      : NGX_HTTP_WARDER_KEY_TRIAL;
}


/* The first key that nothing is known against; but is left out. */

static ngx_uint_t
ngx_http_warder_key_free(ngx_uint_t provider, ngx_uint_t but)
{
    ngx_uint_t                    k;
    ngx_http_warder_key_marks_t  *keys = ngx_http_warder_marks(provider);

    for (k = 0; k < ngx_http_warder_key_count(provider); k++) {
        if (k != but && ngx_http_warder_key(provider, k) != NULL
            && ngx_http_warder_key_state(keys[k].mark) == NGX_HTTP_WARDER_KEY_FREE)
        {
            return k;
        }
    }

    return NGX_HTTP_WARDER_NO_KEY;
}


static void
ngx_http_warder_key_take(ngx_http_warder_ctx_t *ctx, ngx_uint_t slot, ngx_atomic_uint_t mark)
{
    ctx->key_slot = slot;
    ctx->key_mark = mark;
    ctx->key_turn = ngx_http_warder_marks(ctx->ex.provider->index)[slot].turn;
}


/* Of several workers one gets the key; for the others it stands aside as long as the trial may last. */

static ngx_int_t
ngx_http_warder_key_try(ngx_http_warder_ctx_t *ctx, ngx_uint_t slot)
{
    ngx_atomic_uint_t             mark, trial;
    ngx_http_warder_key_marks_t  *key;

    key = &ngx_http_warder_marks(ctx->ex.provider->index)[slot];
    mark = key->mark;

    if (ngx_http_warder_key_state(mark) != NGX_HTTP_WARDER_KEY_TRIAL) {
        return NGX_DECLINED;
    }

    trial = ngx_http_warder_mark(mark & NGX_HTTP_WARDER_MARK_STATUS, NGX_HTTP_WARDER_TRIAL_MS);

    if (!ngx_atomic_cmp_set(&key->mark, mark, trial)) {
        return NGX_DECLINED;
    }

    ngx_http_warder_key_take(ctx, slot, trial);

    return NGX_OK;
}


/* When nothing is free: the one that kept its place, or else the one whose mark ends first. */

static ngx_uint_t
ngx_http_warder_key_least(ngx_uint_t provider)
{
    ngx_uint_t                    k, best;
    ngx_atomic_uint_t             mark, least;
    ngx_http_warder_key_marks_t  *keys = ngx_http_warder_marks(provider);

    best = NGX_HTTP_WARDER_NO_KEY;
    least = 0;

    for (k = 0; k < ngx_http_warder_key_count(provider); k++) {
        if (ngx_http_warder_key(provider, k) == NULL) {
            continue;
        }

        mark = keys[k].mark;

        if (ngx_http_warder_key_state(mark) == NGX_HTTP_WARDER_KEY_LAST) {
            return k;
        }

        if (best == NGX_HTTP_WARDER_NO_KEY || mark < least) {
            best = k;
            least = mark;
        }
    }

    return best == NGX_HTTP_WARDER_NO_KEY ? 0 : best;
}


void
ngx_http_warder_standby_choose(ngx_http_warder_ctx_t *ctx)
{
    ngx_uint_t                    k, slot, provider = ctx->ex.provider->index;
    ngx_http_warder_key_marks_t  *keys = ngx_http_warder_marks(provider);

    slot = ngx_http_warder_key_free(provider, NGX_HTTP_WARDER_NO_KEY);

    /* who tries a key needs another to fall back on */

    for (k = 0; slot != NGX_HTTP_WARDER_NO_KEY && k < ngx_http_warder_key_count(provider); k++) {
        if (ngx_http_warder_key(provider, k) != NULL && ngx_http_warder_key_try(ctx, k) == NGX_OK) {
            return;
        }
    }

    if (slot == NGX_HTTP_WARDER_NO_KEY) {
        slot = ngx_http_warder_key_least(provider);

        if (ngx_http_warder_key_try(ctx, slot) == NGX_OK) {
            return;
        }
    }

    ngx_http_warder_key_take(ctx, slot, keys[slot].mark);
}


static void
ngx_http_warder_key_count_failure(ngx_uint_t provider, ngx_uint_t slot, ngx_uint_t status)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_WARDER_KEY_STATUSES; i++) {
        if (ngx_http_warder_key_statuses[i] == status) {
            (void) ngx_atomic_fetch_add(&ngx_http_warder_marks(provider)[slot].failures[i], 1);
        }
    }
}


/* Counts and marks; the one place that marks. */

static void
ngx_http_warder_key_fails(ngx_uint_t provider, ngx_uint_t slot, ngx_uint_t status, ngx_msec_t ms)
{
    ngx_atomic_uint_t             mark;
    ngx_http_warder_key_state_e   state;
    ngx_http_warder_key_marks_t  *key = &ngx_http_warder_marks(provider)[slot];

    ngx_http_warder_key_count_failure(provider, slot, status);

    mark = ngx_http_warder_mark(status, ms);
    state = ngx_http_warder_key_state(key->mark);

    if (status != NGX_HTTP_UNAUTHORIZED && (state == NGX_HTTP_WARDER_KEY_FREE || state == NGX_HTTP_WARDER_KEY_LAST)
        && ngx_http_warder_key_free(provider, slot) == NGX_HTTP_WARDER_NO_KEY)
    {
        mark |= NGX_HTTP_WARDER_MARK_LAST;
    }

    key->mark = mark;

    ngx_http_warder_channel_key_state(provider, slot, status, (mark & NGX_HTTP_WARDER_MARK_LAST) != 0
                                      || status == NGX_HTTP_TOO_MANY_REQUESTS ? ms : 0);
}


void
ngx_http_warder_key_failing(ngx_uint_t provider, ngx_uint_t slot, ngx_uint_t status)
{
    ngx_http_warder_key_fails(provider, slot, status, status == NGX_HTTP_TOO_MANY_REQUESTS
                              ? NGX_HTTP_WARDER_BUSY_S * 1000 : NGX_HTTP_WARDER_DENIED_MS);
}


void
ngx_http_warder_key_unmark(ngx_uint_t provider, ngx_uint_t slot)
{
    ngx_http_warder_key_marks_t  *key;

    if (slot >= NGX_HTTP_WARDER_KEYS_MAX) {
        return;
    }

    key = &ngx_http_warder_marks(provider)[slot];

    /* what requests in flight learn of the key before is no news of this one */

    (void) ngx_atomic_fetch_add(&key->turn, 1);
    key->mark = 0;
}


ngx_uint_t
ngx_http_warder_key_marked(ngx_uint_t provider, ngx_uint_t slot, ngx_msec_t *left)
{
    ngx_atomic_uint_t  mark = ngx_http_warder_marks(provider)[slot].mark;

    if (ngx_http_warder_key_state(mark) == NGX_HTTP_WARDER_KEY_FREE) {
        *left = 0;
        return 0;
    }

    *left = ngx_http_warder_mark_end(mark) > ngx_current_msec ? ngx_http_warder_mark_end(mark) - ngx_current_msec : 0;

    return mark & NGX_HTTP_WARDER_MARK_STATUS;
}


/* How long the provider asks to be left alone: retry-after in seconds or as a date. */

static ngx_msec_t
ngx_http_warder_retry_after(ngx_http_request_t *r)
{
    time_t            at;
    ngx_int_t         s;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    s = NGX_HTTP_WARDER_BUSY_S;
    part = &r->upstream->headers_in.headers.part;
    h = part->elts;

    for (i = 0; /* void */; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                break;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        if (h[i].key.len != 11 || ngx_strncasecmp(h[i].key.data, (u_char *) "retry-after", 11) != 0) {
            continue;
        }

        s = ngx_atoi(h[i].value.data, h[i].value.len);

        if (s == NGX_ERROR) {
            at = ngx_parse_http_time(h[i].value.data, h[i].value.len);
            s = at != NGX_ERROR ? at - ngx_time() : NGX_HTTP_WARDER_BUSY_S;
        }

        break;
    }

    return ngx_max(1, ngx_min(s, NGX_HTTP_WARDER_BUSY_MAX_S)) * 1000;
}


ngx_int_t
ngx_http_warder_standby_answer(ngx_http_request_t *r, ngx_http_warder_ctx_t *ctx)
{
    ngx_uint_t                    first, next, same, status, provider = ctx->ex.provider->index;
    ngx_http_warder_key_marks_t  *key = &ngx_http_warder_marks(provider)[ctx->key_slot];

    status = r->headers_out.status;

    if (status != NGX_HTTP_UNAUTHORIZED && status != NGX_HTTP_FORBIDDEN && status != NGX_HTTP_TOO_MANY_REQUESTS) {

        /* taken although it was marked: what is known against it is over, unless another learned more meanwhile */

        if (status < NGX_HTTP_SPECIAL_RESPONSE && ctx->key_mark != 0 && ngx_atomic_cmp_set(&key->mark, ctx->key_mark, 0)) {
            ngx_http_warder_channel_key_state(provider, ctx->key_slot, 0, 0);
        }

        return NGX_OK;
    }

    first = ctx->key_status;
    ctx->key_status = status;
    same = key->turn == ctx->key_turn;

    if (same && status != first) {
        ngx_http_warder_key_fails(provider, ctx->key_slot, status, status == NGX_HTTP_TOO_MANY_REQUESTS
                                  ? ngx_http_warder_retry_after(r) : NGX_HTTP_WARDER_DENIED_MS);

    } else {
        ngx_http_warder_key_count_failure(provider, ctx->key_slot, status);
    }

    next = ngx_http_warder_key_free(provider, ctx->key_slot);

    if (next == NGX_HTTP_WARDER_NO_KEY && !same) {
        next = ngx_http_warder_key_free(provider, NGX_HTTP_WARDER_NO_KEY);
    }

    if (first != 0 || next == NGX_HTTP_WARDER_NO_KEY) {
        return NGX_OK;
    }

    ngx_http_warder_key_take(ctx, next, ngx_http_warder_marks(provider)[next].mark);

    return NGX_HTTP_WARDER_STANDBY;
}


/* The first answer was dropped with its connection; nothing of it stays, and the second may fail like any first. */

ngx_int_t
ngx_http_warder_standby_handler(ngx_http_request_t *r)
{
    ngx_http_warder_ctx_t  *ctx;

    ctx = ngx_http_warder_get_ctx(r);

    if (ctx == NULL || !ctx->forwarded || ctx->key_status == 0) {
        return NGX_HTTP_NOT_FOUND;
    }

    ngx_http_warder_wipe_upstream_request(r);
    ngx_http_clean_header(r);

    r->err_status = 0;
    r->error_page = 0;
    r->internal = 0; /* or the proxy would escape the path once more */

    return ngx_http_warder_proxy(r, ctx);
}


void
ngx_http_warder_standby_forget(ngx_http_warder_metrics_t *m)
{
    ngx_uint_t  i, k;

    for (i = 0; i < NGX_HTTP_WARDER_METRICS_SLOTS; i++) {
        for (k = 0; k < NGX_HTTP_WARDER_KEYS_MAX; k++) {
            (void) ngx_atomic_fetch_add(&m->provider[i].key[k].turn, 1);
            m->provider[i].key[k].mark = 0;
        }
    }
}


static enum wd_err
ngx_http_warder_print_key(ngx_uint_t provider, ngx_uint_t slot, ngx_uint_t failures, struct wd_buf *out)
{
    ngx_uint_t                    i;
    ngx_msec_t                    left;
    enum wd_err                   err;
    const char                   *name = ngx_http_warder_worker.gate.policy->providers[provider].name;
    ngx_http_warder_key_marks_t  *key = &ngx_http_warder_marks(provider)[slot];

    if (!failures) {
        return wd_buf_printf(out, "warder_provider_key_failing{provider=\"%s\",slot=\"%u\"} %d\n", name, (unsigned) slot,
                             ngx_http_warder_key_marked(provider, slot, &left) != 0);
    }

    for (err = WD_OK, i = 0; err == WD_OK && i < NGX_HTTP_WARDER_KEY_STATUSES; i++) {
        err = wd_buf_printf(out, "warder_provider_key_failures_total{provider=\"%s\",slot=\"%u\",status=\"%u\"} %lu\n", name,
                            (unsigned) slot, (unsigned) ngx_http_warder_key_statuses[i], (unsigned long) key->failures[i]);
    }

    return err;
}


enum wd_err
ngx_http_warder_standby_print(struct wd_buf *out)
{
    ngx_uint_t   i, k, n;
    enum wd_err  err;

    static const char  *head[] = {
        "# HELP warder_provider_key_failing Keys that the provider refused last.\n"
        "# TYPE warder_provider_key_failing gauge\n",
        "# HELP warder_provider_key_failures_total Answers 401, 403 and 429 of the provider, by key.\n"
        "# TYPE warder_provider_key_failures_total counter\n"
    };

    for (err = WD_OK, n = 0; err == WD_OK && n < 2; n++) {
        err = wd_buf_add_str(out, head[n]);

        for (i = 0; err == WD_OK && i < ngx_http_warder_worker.gate.policy->provider_count; i++) {
            for (k = 0; err == WD_OK && k < ngx_http_warder_key_count(i); k++) {
                if (ngx_http_warder_key(i, k) != NULL) {
                    err = ngx_http_warder_print_key(i, k, n, out);
                }
            }
        }
    }

    return err;
}
