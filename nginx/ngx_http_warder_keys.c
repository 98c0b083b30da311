#include "ngx_http_warder_module.h"

#include <poll.h>

#define NGX_HTTP_WARDER_FRAME_MAX (4 * 1024 * 1024)

/*
 * The supervisor hands over the provider keys on a socket whose number stands in WARDER_KEYS_FD. A frame is a 32-bit length and, for each
 * key, the provider's name and the key, each after a 32-bit length (all in host order); the password of the shared store stands behind
 * them under the name ":store". A reload without a new frame, as when a person signals nginx itself, keeps what was last received.
 */

static struct wd_secret  *ngx_http_warder_frame;
static int                ngx_http_warder_keys_fd = -1;


static ngx_int_t
ngx_http_warder_read_all(int fd, u_char *p, size_t size)
{
    ssize_t        n;
    struct pollfd  pfd;

    pfd.fd = fd;
    pfd.events = POLLIN;

    while (size > 0) {

        if (poll(&pfd, 1, 5000) <= 0) {
            return NGX_ERROR;
        }

        n = recv(fd, p, size, 0);

        if (n <= 0) {
            if (n < 0 && ngx_errno == NGX_EINTR) {
                continue;
            }

            return NGX_ERROR;
        }

        p += n;
        size -= n;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_warder_frame_read(int fd)
{
    u_char     *data;
    uint32_t    len;
    ngx_int_t   rc;

    if (ngx_http_warder_read_all(fd, (u_char *) &len, sizeof(len)) != NGX_OK || len > NGX_HTTP_WARDER_FRAME_MAX) {
        return NGX_ERROR;
    }

    data = malloc(len + 1);
    if (data == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_http_warder_read_all(fd, data, len);

    if (rc == NGX_OK) {
        wd_secret_free(ngx_http_warder_frame);
        ngx_http_warder_frame = NULL;

        if (wd_secret_new(&ngx_http_warder_frame, wd_span((char *) data, len)) != WD_OK) {
            rc = NGX_ERROR;
        }
    }

    wd_secret_wipe(data, len);
    free(data);

    return rc;
}


/* Takes every frame that is there; the newest counts. The first one is waited for. */

static ngx_int_t
ngx_http_warder_frames(void)
{
    char           *value;
    struct pollfd   pfd;

    if (ngx_http_warder_keys_fd == -1) {
        value = getenv("WARDER_KEYS_FD");
        if (value == NULL) {
            return NGX_ERROR;
        }

        ngx_http_warder_keys_fd = atoi(value);
    }

    pfd.fd = ngx_http_warder_keys_fd;
    pfd.events = POLLIN;

    while (ngx_http_warder_frame == NULL || poll(&pfd, 1, 0) > 0) {
        if (ngx_http_warder_frame_read(pfd.fd) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* Walks the frame: the n-th key of a provider, or all when provider is empty. */

static struct wd_span
ngx_http_warder_frame_item(struct wd_span *rest)
{
    uint32_t        len;
    struct wd_span  item = { NULL, 0 };

    if (rest->len < sizeof(len)) {
        rest->len = 0;
        return item;
    }

    ngx_memcpy(&len, rest->ptr, sizeof(len));

    if (len > rest->len - sizeof(len)) {
        rest->len = 0;
        return item;
    }

    item = wd_span(rest->ptr + sizeof(len), len);
    rest->ptr += sizeof(len) + len;
    rest->len -= sizeof(len) + len;

    return item;
}


static ngx_int_t
ngx_http_warder_provider_keys(ngx_conf_t *cf, ngx_http_warder_main_conf_t *mcf, const struct wd_provider *provider)
{
    uint32_t        n;
    struct wd_span  rest, name, key;

    mcf->keys[provider->index] = ngx_pcalloc(cf->pool, provider->key_count * sizeof(struct wd_secret *));
    if (mcf->keys[provider->index] == NULL) {
        return NGX_ERROR;
    }

    n = 0;
    rest = wd_secret_get(ngx_http_warder_frame);

    while (rest.len > 0 && n < provider->key_count) {
        name = ngx_http_warder_frame_item(&rest);
        key = ngx_http_warder_frame_item(&rest);

        if (key.len == 0 || !wd_span_eq(name, wd_span_str(provider->name))) {
            continue;
        }

        if (wd_secret_new(&mcf->keys[provider->index][n], key) != WD_OK) {
            return NGX_ERROR;
        }

        mcf->all_keys[mcf->all_keys_count++] = mcf->keys[provider->index][n++];
    }

    if (n < provider->key_count) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "the supervisor handed over no key for \"%s\"", provider->name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* The store's password, by the name that no provider has: it may come from the supervisor's environment. */

static ngx_int_t
ngx_http_warder_store_password(ngx_conf_t *cf, ngx_http_warder_main_conf_t *mcf)
{
    struct wd_span  rest, name, password;

    rest = wd_secret_get(ngx_http_warder_frame);

    while (rest.len > 0) {
        name = ngx_http_warder_frame_item(&rest);
        password = ngx_http_warder_frame_item(&rest);

        if (wd_span_eq(name, WD_SPAN(":store")) && wd_policy_store_password(mcf->policy, password) != WD_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "the store's password cannot be kept");
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_warder_keys_read(ngx_conf_t *cf, ngx_http_warder_main_conf_t *mcf)
{
    ngx_uint_t  i, total;

    if (ngx_http_warder_frames() != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "no keys from the supervisor; start the gateway with \"warder serve\"");
        return NGX_ERROR;
    }

    for (total = 0, i = 0; i < mcf->policy->provider_count; i++) {
        total += mcf->policy->providers[i].key_count;
    }

    mcf->all_keys = ngx_pcalloc(cf->pool, (total + 1) * sizeof(struct wd_secret *));
    if (mcf->all_keys == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < mcf->policy->provider_count; i++) {
        if (ngx_http_warder_provider_keys(cf, mcf, &mcf->policy->providers[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return ngx_http_warder_store_password(cf, mcf);
}


const struct wd_secret *
ngx_http_warder_key(ngx_uint_t provider, ngx_uint_t slot)
{
    ngx_http_warder_main_conf_t  *mcf;

    mcf = ngx_http_cycle_get_module_main_conf(ngx_cycle, ngx_http_warder_module);

    return mcf->keys[provider][slot];
}


/*
 * The supervisor is told with one byte: by the master C of a configuration that it took, F of one that it did not; by each worker R when it
 * is ready to serve, Q when it takes no new connection any more. The latter comes from a connection of nginx's that is marked idle: idle ones are closed right after the listening sockets of a worker that quits.
 */

void
ngx_http_warder_say(ngx_log_t *log, const char *what)
{
    if (ngx_http_warder_keys_fd != -1 && send(ngx_http_warder_keys_fd, what, 1, MSG_NOSIGNAL) != 1) {
        ngx_log_error(NGX_LOG_ERR, log, ngx_errno, "the supervisor cannot be told \"%s\"", what);
    }
}


static void
ngx_http_warder_quitting(ngx_event_t *ev)
{
    ngx_connection_t  *c = ev->data;

    ngx_http_warder_metrics_store(ngx_http_warder_worker.metrics, NGX_HTTP_WARDER_STORE_NONE);
    ngx_http_warder_say(ev->log, "Q");
    ngx_http_warder_keys_fd = -1;
    ngx_close_connection(c);
}


ngx_int_t
ngx_http_warder_ready(ngx_log_t *log)
{
    ngx_connection_t  *c;

    c = ngx_get_connection(ngx_http_warder_keys_fd, log);
    if (c == NULL) {
        return NGX_ERROR;
    }

    c->idle = 1;
    c->log = log;
    c->read->log = log;
    c->read->handler = ngx_http_warder_quitting;

    ngx_http_warder_say(log, "R");

    wd_secret_free(ngx_http_warder_frame);
    ngx_http_warder_frame = NULL;

    return NGX_OK;
}
