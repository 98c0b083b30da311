#include "ngx_http_warder_module.h"

#include "../cli/key_channel.h"

/*
 * The provider keys of one worker, as the supervisor tells them on the channel. What must not show in any text (gate.keys) is one
 * array of fixed length, so that a stream in progress can stand on it while keys change: first the keys in use in the order of
 * the policy, then those that were used until a moment ago. A place without a key holds the empty secret, which is found nowhere.
 */

typedef struct {
    struct wd_secret *key;
    ngx_event_t       wipe;
    ngx_uint_t        place;
} ngx_http_warder_retired_t;

typedef struct {
    const struct wd_secret     **own;
    uint64_t                    *serials;  /* as own: of the change that brought the key */
    ngx_uint_t                   first[NGX_HTTP_WARDER_PROVIDERS_MAX + 1]; /* place of a provider's first key */
    struct wd_secret            *none;
    ngx_http_warder_retired_t    retired[WD_CHANNEL_RETIRED];
    const struct wd_policy      *policy;
} ngx_http_warder_keys_t;

static ngx_http_warder_keys_t  ngx_http_warder_keys;


ngx_int_t
ngx_http_warder_keys_init(ngx_cycle_t *cycle, const struct wd_policy *policy)
{
    ngx_uint_t               i, total;
    ngx_http_warder_keys_t  *k = &ngx_http_warder_keys;

    ngx_memzero(k, sizeof(*k));
    k->policy = policy;

    for (total = 0, i = 0; i < policy->provider_count; i++) {
        k->first[i] = total;
        total += policy->providers[i].key_count;
    }

    k->first[i] = total;

    if (wd_secret_new(&k->none, wd_span("", 0)) != WD_OK) {
        return NGX_ERROR;
    }

    k->own = ngx_palloc(cycle->pool, (total + WD_CHANNEL_RETIRED) * sizeof(struct wd_secret *));
    k->serials = ngx_pcalloc(cycle->pool, (total + WD_CHANNEL_RETIRED) * sizeof(uint64_t));

    if (k->own == NULL || k->serials == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < total + WD_CHANNEL_RETIRED; i++) {
        k->own[i] = k->none;
    }

    for (i = 0; i < WD_CHANNEL_RETIRED; i++) {
        k->retired[i].place = total + i;
    }

    ngx_http_warder_worker.gate.keys = k->own;
    ngx_http_warder_worker.gate.key_count = total + WD_CHANNEL_RETIRED;

    return NGX_OK;
}


void
ngx_http_warder_keys_exit(void)
{
    ngx_uint_t               i;
    ngx_http_warder_keys_t  *k = &ngx_http_warder_keys;

    if (k->own == NULL) {
        return;
    }

    ngx_http_warder_worker.gate.key_count = 0;

    for (i = 0; i < k->first[k->policy->provider_count] + WD_CHANNEL_RETIRED; i++) {
        if (k->own[i] != k->none) {
            wd_secret_free((struct wd_secret *) k->own[i]);
            k->own[i] = k->none;
        }
    }
}


static ngx_int_t
ngx_http_warder_key_place(ngx_uint_t provider, ngx_uint_t slot)
{
    ngx_http_warder_keys_t  *k = &ngx_http_warder_keys;

    if (provider >= k->policy->provider_count || slot >= k->policy->providers[provider].key_count) {
        return NGX_ERROR;
    }

    return k->first[provider] + slot;
}


const struct wd_secret *
ngx_http_warder_key(ngx_uint_t provider, ngx_uint_t slot)
{
    ngx_int_t                place = ngx_http_warder_key_place(provider, slot);
    ngx_http_warder_keys_t  *k = &ngx_http_warder_keys;

    return place == NGX_ERROR || k->own[place] == k->none ? NULL : k->own[place];
}


uint64_t
ngx_http_warder_key_serial(ngx_uint_t provider, ngx_uint_t slot)
{
    ngx_int_t  place = ngx_http_warder_key_place(provider, slot);

    return place == NGX_ERROR ? 0 : ngx_http_warder_keys.serials[place];
}


static void
ngx_http_warder_key_wipe(ngx_event_t *ev)
{
    ngx_http_warder_retired_t  *r = ev->data;

    ngx_http_warder_keys.own[r->place] = ngx_http_warder_keys.none;
    wd_secret_free(r->key);
    r->key = NULL;
}


/* Takes the key over. When all places are taken, the one whose time comes first gives way. */

static void
ngx_http_warder_key_retire(struct wd_secret *key, ngx_uint_t seconds)
{
    ngx_uint_t                  i;
    ngx_http_warder_retired_t  *r;
    ngx_http_warder_keys_t     *k = &ngx_http_warder_keys;

    if (seconds == 0) {
        wd_secret_free(key);
        return;
    }

    r = &k->retired[0];

    for (i = 0; i < WD_CHANNEL_RETIRED; i++) {
        if (k->retired[i].key == NULL) {
            r = &k->retired[i];
            break;
        }

        if ((ngx_msec_int_t) (k->retired[i].wipe.timer.key - r->wipe.timer.key) < 0) {
            r = &k->retired[i];
        }
    }

    if (r->key != NULL) {
        ngx_del_timer(&r->wipe);
        ngx_http_warder_key_wipe(&r->wipe);
    }

    r->key = key;
    k->own[r->place] = key;

    r->wipe.handler = ngx_http_warder_key_wipe;
    r->wipe.data = r;
    r->wipe.log = ngx_cycle->log;
    r->wipe.cancelable = 1;
    ngx_add_timer(&r->wipe, (ngx_msec_t) seconds * 1000);
}


ngx_int_t
ngx_http_warder_key_retired(struct wd_span key, ngx_uint_t seconds)
{
    ngx_uint_t               i;
    struct wd_secret        *secret;
    ngx_http_warder_keys_t  *k = &ngx_http_warder_keys;

    for (i = 0; i < ngx_http_warder_worker.gate.key_count; i++) {
        if (wd_secret_equal(wd_secret_get(k->own[i]), key)) {
            return NGX_OK;
        }
    }

    if (wd_secret_new(&secret, key) != WD_OK) {
        return NGX_ERROR;
    }

    ngx_http_warder_key_retire(secret, seconds);

    return NGX_OK;
}


/* A provider or slot that this worker's policy does not have is none of its business: the policy was reloaded meanwhile. */

ngx_int_t
ngx_http_warder_key_set(const char *provider, ngx_uint_t slot, uint64_t serial, struct wd_span key, ngx_uint_t seconds)
{
    ngx_int_t                  place;
    struct wd_secret          *secret;
    const struct wd_secret    *before;
    ngx_http_warder_keys_t    *k = &ngx_http_warder_keys;
    const struct wd_provider  *p;

    p = wd_policy_provider(k->policy, wd_span_str(provider));
    if (p == NULL) {
        return NGX_OK;
    }

    place = ngx_http_warder_key_place(p->index, slot);
    if (place == NGX_ERROR) {
        return NGX_OK;
    }

    before = k->own[place];
    k->serials[place] = serial;

    if (wd_secret_equal(wd_secret_get(before), key)) {
        return NGX_OK;
    }

    secret = k->none;

    if (key.len > 0 && wd_secret_new(&secret, key) != WD_OK) {
        return NGX_ERROR;
    }

    k->own[place] = secret;

    if (before != k->none) {
        ngx_http_warder_key_retire((struct wd_secret *) before, seconds);
        ngx_http_warder_key_unmark(p->index, slot);
    }

    return NGX_OK;
}


/* Every provider was spoken of: the supervisor and this worker read the same policy. */

ngx_int_t
ngx_http_warder_keys_complete(ngx_log_t *log)
{
    ngx_uint_t               i;
    ngx_http_warder_keys_t  *k = &ngx_http_warder_keys;

    for (i = 0; i < k->first[k->policy->provider_count]; i++) {
        if (k->serials[i] == 0) {
            ngx_log_error(NGX_LOG_EMERG, log, 0, "the supervisor did not hand over every key");
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_uint_t
ngx_http_warder_key_any(ngx_uint_t provider)
{
    ngx_uint_t  i;

    for (i = 0; i < ngx_http_warder_keys.policy->providers[provider].key_count; i++) {
        if (ngx_http_warder_key(provider, i) != NULL) {
            return 1;
        }
    }

    return 0;
}
