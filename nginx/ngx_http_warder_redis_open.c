#include "ngx_http_warder_redis_priv.h"

#include <netdb.h>
#include <ngx_event_connect.h>
#include <ngx_thread_pool.h>
#include <openssl/x509v3.h>

#define NGX_HTTP_WARDER_REDIS_SYSTEM_CA  "/etc/ssl/certs/ca-certificates.crt"
#define NGX_HTTP_WARDER_REDIS_ADDRS      8
#define NGX_HTTP_WARDER_REDIS_TRY_MS     1000 /* at least, for a connection and all that is said at first */

/* The way to a connection: which host, its address, TLS. */

/* Written by the thread between post and done; by the worker otherwise. */
typedef struct {
    char            host[WD_REDIS_HOST_SIZE];
    char            port[8];
    ngx_uint_t      naddrs;
    ngx_sockaddr_t  addrs[NGX_HTTP_WARDER_REDIS_ADDRS];
    socklen_t       lens[NGX_HTTP_WARDER_REDIS_ADDRS];
} ngx_http_warder_redis_lookup_t;


void
ngx_http_warder_redis_close(void)
{
    ngx_pool_t               *pool;
    ngx_http_warder_redis_t  *l = &ngx_http_warder_redis;
    ngx_connection_t         *c = l->c;

    l->generation++;
    l->c = NULL;

    if (l->deadline.timer_set) {
        ngx_del_timer(&l->deadline);
    }

    if (l->beat.timer_set) {
        ngx_del_timer(&l->beat);
    }

    wd_redis_reader_deinit(&l->reader);

    if (l->out.ptr != NULL) {
        wd_secret_wipe(l->out.ptr, l->out.len);
    }

    wd_buf_clear(&l->out);
    l->out_sent = 0;

    if (c == NULL) {
        return;
    }

    if (c->ssl) {
        c->ssl->no_wait_shutdown = 1;
        c->ssl->no_send_shutdown = 1;
        (void) ngx_ssl_shutdown(c);
    }

    pool = c->pool;
    ngx_close_connection(c);
    ngx_destroy_pool(pool);
}


static void
ngx_http_warder_redis_deadline(ngx_event_t *ev)
{
    ngx_http_warder_redis_fail(WD_REDIS_SILENT);
}


/* Verified once the handshake is over: before that nothing is said. */

static void
ngx_http_warder_redis_shaken(ngx_connection_t *c)
{
    X509  *cert;

    if (!c->ssl->handshaked || SSL_get_verify_result(c->ssl->connection) != X509_V_OK) {
        ngx_http_warder_redis_fail(WD_REDIS_TLS);
        return;
    }

    cert = SSL_get_peer_certificate(c->ssl->connection);

    if (cert == NULL) {
        ngx_http_warder_redis_fail(WD_REDIS_TLS);
        return;
    }

    X509_free(cert);
    ngx_http_warder_redis_greet();
}


static ngx_int_t
ngx_http_warder_redis_expect(SSL *ssl, const char *host)
{
    struct in6_addr     addr;
    X509_VERIFY_PARAM  *param = SSL_get0_param(ssl);

    if (inet_pton(AF_INET, host, &addr) == 1 || inet_pton(AF_INET6, host, &addr) == 1) {
        return X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1 ? NGX_OK : NGX_ERROR;
    }

    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);

    if (X509_VERIFY_PARAM_set1_host(param, host, 0) != 1 || SSL_set_tlsext_host_name(ssl, host) != 1) {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_http_warder_redis_handshake(ngx_connection_t *c)
{
    ngx_int_t                 rc;
    ngx_http_warder_redis_t  *l = &ngx_http_warder_redis;

    l->phase = NGX_HTTP_WARDER_REDIS_HANDSHAKE;

    if (ngx_ssl_create_connection(l->ssl, c, NGX_SSL_CLIENT) != NGX_OK
        || ngx_http_warder_redis_expect(c->ssl->connection, l->place.host) != NGX_OK)
    {
        ngx_http_warder_redis_fail(WD_REDIS_TLS);
        return;
    }

    rc = ngx_ssl_handshake(c);

    if (rc == NGX_AGAIN) {
        c->ssl->handler = ngx_http_warder_redis_shaken;
        return;
    }

    ngx_http_warder_redis_shaken(c);
}


static void
ngx_http_warder_redis_connected(ngx_event_t *ev)
{
    int                       err;
    socklen_t                 len = sizeof(err);
    ngx_connection_t         *c = ev->data;
    ngx_http_warder_redis_t  *l = &ngx_http_warder_redis;

    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &len) == -1 || err != 0) {
        ngx_http_warder_redis_fail(WD_REDIS_UNREACHABLE);
        return;
    }

    if (l->store->tls) {
        ngx_http_warder_redis_handshake(c);
    } else {
        ngx_http_warder_redis_greet();
    }
}


/* Where a resolver or a Sentinel leads to is no better than what the policy may name. */

static ngx_uint_t
ngx_http_warder_redis_near(struct sockaddr *sa, socklen_t len)
{
    u_char  text[NGX_SOCKADDR_STRLEN + 1];
    size_t  n;

    n = ngx_sock_ntop(sa, len, text, NGX_SOCKADDR_STRLEN, 0);
    text[n] = '\0';

    return wd_store_address_private((char *) text);
}


static void
ngx_http_warder_redis_connect(ngx_http_warder_redis_lookup_t *lookup)
{
    int                       tcp_nodelay = 1;
    ngx_int_t                 rc;
    ngx_uint_t                i;
    ngx_pool_t               *pool;
    ngx_connection_t         *c = NULL;
    ngx_peer_connection_t     peer;
    ngx_http_warder_redis_t  *l = &ngx_http_warder_redis;

    i = l->tries++ % lookup->naddrs;

    if (!l->store->tls && !ngx_http_warder_redis_near(&lookup->addrs[i].sockaddr, lookup->lens[i])) {
        ngx_http_warder_redis_fail(WD_REDIS_FAR);
        return;
    }

    l->sockaddr = lookup->addrs[i];
    l->name.data = l->text;
    l->name.len = ngx_sock_ntop(&l->sockaddr.sockaddr, lookup->lens[i], l->text, sizeof(l->text), 1);
    l->phase = NGX_HTTP_WARDER_REDIS_CONNECTING;

    ngx_memzero(&peer, sizeof(peer));
    peer.sockaddr = &l->sockaddr.sockaddr;
    peer.socklen = lookup->lens[i];
    peer.name = &l->name;
    peer.get = ngx_event_get_peer;
    peer.log = &l->quiet;
    peer.log_error = NGX_ERROR_ERR;

    pool = ngx_create_pool(1024, &l->quiet);
    rc = pool != NULL ? ngx_event_connect_peer(&peer) : NGX_ERROR;

    if (rc == NGX_OK || rc == NGX_AGAIN) {
        c = l->c = peer.connection;
        c->pool = pool;
        c->read->handler = ngx_http_warder_redis_connected;
        c->write->handler = ngx_http_warder_redis_connected;
    }

    if ((rc != NGX_OK && rc != NGX_AGAIN) || wd_redis_reader_init(&l->reader) != WD_OK) {
        if (l->c == NULL && peer.connection != NULL) {
            ngx_close_connection(peer.connection);
        }

        if (l->c == NULL && pool != NULL) {
            ngx_destroy_pool(pool);
        }

        ngx_http_warder_redis_fail(WD_REDIS_UNREACHABLE);
        return;
    }

    (void) setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &tcp_nodelay, sizeof(tcp_nodelay));

    ngx_add_timer(&l->deadline, ngx_max(4 * l->timeout, NGX_HTTP_WARDER_REDIS_TRY_MS));

    if (rc == NGX_OK) {
        ngx_http_warder_redis_connected(c->write);
    }
}


static void
ngx_http_warder_redis_lookup(ngx_http_warder_redis_lookup_t *lookup, int flags)
{
    struct addrinfo  hints, *list, *ai;

    ngx_memzero(&hints, sizeof(hints));
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV|flags;

    lookup->naddrs = 0;

    if (getaddrinfo(lookup->host, lookup->port, &hints, &list) != 0) {
        return;
    }

    for (ai = list; ai != NULL && lookup->naddrs < NGX_HTTP_WARDER_REDIS_ADDRS; ai = ai->ai_next) {
        if (ai->ai_addrlen <= sizeof(ngx_sockaddr_t)) {
            ngx_memcpy(&lookup->addrs[lookup->naddrs], ai->ai_addr, ai->ai_addrlen);
            lookup->lens[lookup->naddrs++] = ai->ai_addrlen;
        }
    }

    freeaddrinfo(list);
}


static void
ngx_http_warder_redis_lookup_thread(void *data, ngx_log_t *log)
{
    ngx_http_warder_redis_lookup(data, AI_ADDRCONFIG);
}


static void
ngx_http_warder_redis_lookup_done(ngx_event_t *ev)
{
    ngx_http_warder_redis_t         *l = &ngx_http_warder_redis;
    ngx_http_warder_redis_lookup_t  *lookup = l->task->ctx;

    if (l->phase != NGX_HTTP_WARDER_REDIS_RESOLVING) {
        return;
    }

    if (lookup->naddrs == 0) {
        ngx_http_warder_redis_fail(WD_REDIS_UNRESOLVED);
        return;
    }

    ngx_http_warder_redis_connect(lookup);
}


/* To where a Sentinel or a MOVED has sent us, once; otherwise to the next host of the policy. */

void
ngx_http_warder_redis_open(ngx_event_t *ev)
{
    ngx_str_t                        pool = ngx_string("warder_resolve");
    ngx_thread_pool_t               *threads;
    const struct wd_store_host      *host;
    ngx_http_warder_redis_t         *l = &ngx_http_warder_redis;
    ngx_http_warder_redis_lookup_t  *lookup = l->task->ctx;

    if (l->sent_on == 1) {
        l->sent_on = 2;

    } else {
        l->sent_on = 0;
        host = &l->store->hosts[l->host++ % l->store->host_count];
        ngx_cpystrn((u_char *) l->place.host, (u_char *) host->host, sizeof(l->place.host));
        l->place.port = host->port;
    }

    ngx_cpystrn((u_char *) lookup->host, (u_char *) l->place.host, sizeof(lookup->host));
    (void) ngx_snprintf((u_char *) lookup->port, sizeof(lookup->port), "%ud%Z", (unsigned) l->place.port);

    ngx_http_warder_redis_lookup(lookup, AI_NUMERICHOST);

    if (lookup->naddrs > 0) {
        ngx_http_warder_redis_connect(lookup);
        return;
    }

    l->phase = NGX_HTTP_WARDER_REDIS_RESOLVING;
    threads = ngx_thread_pool_get((ngx_cycle_t *) ngx_cycle, &pool);

    if (threads == NULL || ngx_thread_task_post(threads, l->task) != NGX_OK) {
        ngx_http_warder_redis_fail(WD_REDIS_UNRESOLVED);
    }
}


ngx_int_t
ngx_http_warder_redis_open_init(ngx_cycle_t *cycle)
{
    ngx_http_warder_redis_t  *l = &ngx_http_warder_redis;

    l->deadline.handler = ngx_http_warder_redis_deadline;
    l->deadline.data = l;
    l->deadline.log = cycle->log;
    l->deadline.cancelable = 1;

    l->task = ngx_thread_task_alloc(cycle->pool, sizeof(ngx_http_warder_redis_lookup_t));
    if (l->task == NULL) {
        return NGX_ERROR;
    }

    l->task->handler = ngx_http_warder_redis_lookup_thread;
    l->task->event.handler = ngx_http_warder_redis_lookup_done;
    l->task->event.data = l;
    l->task->event.log = cycle->log;

    return NGX_OK;
}


static void
ngx_http_warder_redis_ssl_cleanup(void *data)
{
    ngx_ssl_cleanup_ctx(data);
}


ngx_int_t
ngx_http_warder_redis_conf(ngx_conf_t *cf, const struct wd_policy *policy, ngx_ssl_t **ssl)
{
    const char          *file = policy->store.ca_file;
    ngx_pool_cleanup_t  *cln;

    *ssl = NULL;

    if (!policy->store.tls) {
        return NGX_OK;
    }

    *ssl = ngx_pcalloc(cf->pool, sizeof(ngx_ssl_t));
    cln = ngx_pool_cleanup_add(cf->pool, 0);

    if (*ssl == NULL || cln == NULL) {
        return NGX_ERROR;
    }

    (*ssl)->log = cf->log;

    if (ngx_ssl_create(*ssl, NGX_SSL_TLSv1_2|NGX_SSL_TLSv1_3, NULL) != NGX_OK) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_warder_redis_ssl_cleanup;
    cln->data = *ssl;

    file = file != NULL ? file : NGX_HTTP_WARDER_REDIS_SYSTEM_CA;

    if (SSL_CTX_load_verify_locations((*ssl)->ctx, file, NULL) != 1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "the shared store: no certificate of an authority can be read from %s", file);
        return NGX_ERROR;
    }

    /* commands that are added while others wait move the buffer */

    SSL_CTX_set_mode((*ssl)->ctx, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);

    return NGX_OK;
}
