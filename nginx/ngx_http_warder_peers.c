#include "ngx_http_warder_module.h"

#include <ngx_thread_pool.h>
#include <netdb.h>

#define NGX_HTTP_WARDER_ADDRS_MAX      16
#define NGX_HTTP_WARDER_RESOLVE_MS     10000 /* a name is looked up again this often */
#define NGX_HTTP_WARDER_RESOLVE_RETRY  1000  /* after a failure */

/*
 * Addresses of the providers. The distribution's nginx resolves the servers of an upstream block at start only; here each worker looks a
 * name up again with getaddrinfo() in a thread of its own, so hosts files, search domains and changes of resolv.conf work
 * as everywhere else on the machine. The keepalive pool of nginx stands in front of this.
 */

typedef struct {
    ngx_sockaddr_t  sockaddr;
    socklen_t       socklen;
    ngx_str_t       name;
    u_char          text[NGX_SOCKADDR_STRLEN];
} ngx_http_warder_addr_t;

typedef struct {
    ngx_http_warder_addr_t  addrs[NGX_HTTP_WARDER_ADDRS_MAX];
    ngx_uint_t              naddrs;
} ngx_http_warder_addrs_t;

/* Written by the thread between post and done; by the worker otherwise. */
typedef struct {
    char                     host[256];
    char                     port[8];
    int                      error;
    ngx_uint_t               loopback; /* without TLS: the key goes nowhere else, whatever a resolver says */
    ngx_http_warder_addrs_t  found;
} ngx_http_warder_lookup_t;

typedef struct {
    ngx_http_warder_addrs_t  current;
    ngx_uint_t               next;
    ngx_uint_t               tried;   /* at least one look-up has ended */
    ngx_uint_t               failing;
    ngx_event_t              timer;
    ngx_thread_pool_t       *pool;
    ngx_thread_task_t       *task;
    ngx_log_t               *log;
    const char              *provider;
} ngx_http_warder_peers_t;

typedef struct {
    ngx_http_warder_peers_t  *peers;
    ngx_uint_t                first;
    ngx_uint_t                used;
    ngx_http_warder_addr_t    addr; /* a copy: the table may change while the request lasts */
} ngx_http_warder_peer_data_t;

static ngx_http_warder_peers_t  ngx_http_warder_peers_table[NGX_HTTP_WARDER_PROVIDERS_MAX];


static void
ngx_http_warder_addr_set(ngx_http_warder_addr_t *addr, struct sockaddr *sa, socklen_t len)
{
    ngx_memcpy(&addr->sockaddr, sa, len);
    addr->socklen = len;
    addr->name.data = addr->text;
    addr->name.len = ngx_sock_ntop(sa, len, addr->text, NGX_SOCKADDR_STRLEN, 1);
}


static ngx_uint_t
ngx_http_warder_is_loopback(struct sockaddr *sa)
{
    if (sa->sa_family == AF_INET) {
        return (ntohl(((struct sockaddr_in *) sa)->sin_addr.s_addr) >> 24) == 127;
    }

    return sa->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&((struct sockaddr_in6 *) sa)->sin6_addr);
}


/* RFC 6761, 6.3: localhost is this machine, also where no hosts file says so. */

static void
ngx_http_warder_lookup_localhost(ngx_http_warder_lookup_t *lookup)
{
    struct sockaddr_in  sin;

    ngx_memzero(&sin, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_port = htons((in_port_t) atoi(lookup->port));
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    ngx_http_warder_addr_set(&lookup->found.addrs[0], (struct sockaddr *) &sin, sizeof(sin));
    lookup->found.naddrs = 1;
    lookup->error = 0;
}


static void
ngx_http_warder_lookup(ngx_http_warder_lookup_t *lookup, int flags)
{
    struct addrinfo           hints, *list, *ai;
    ngx_http_warder_addrs_t  *found = &lookup->found;

    ngx_memzero(&hints, sizeof(hints));
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG|AI_NUMERICSERV|flags;

    found->naddrs = 0;
    lookup->error = getaddrinfo(lookup->host, lookup->port, &hints, &list);

    if (lookup->error == 0) {
        for (ai = list; ai != NULL && found->naddrs < NGX_HTTP_WARDER_ADDRS_MAX; ai = ai->ai_next) {
            if (ai->ai_addrlen <= sizeof(ngx_sockaddr_t)
                && (!lookup->loopback || ngx_http_warder_is_loopback(ai->ai_addr)))
            {
                ngx_http_warder_addr_set(&found->addrs[found->naddrs++], ai->ai_addr, ai->ai_addrlen);
            }
        }

        freeaddrinfo(list);
    }
}


static void
ngx_http_warder_lookup_thread(void *data, ngx_log_t *log)
{
    ngx_http_warder_lookup(data, 0);
}


static void
ngx_http_warder_peers_take(ngx_http_warder_peers_t *peers, ngx_http_warder_lookup_t *lookup)
{
    ngx_uint_t  i;

    peers->current = lookup->found;

    for (i = 0; i < peers->current.naddrs; i++) {
        peers->current.addrs[i].name.data = peers->current.addrs[i].text;
    }
}


/* Back in the worker. A failed look-up keeps the addresses that were known. */

static void
ngx_http_warder_lookup_done(ngx_event_t *ev)
{
    ngx_http_warder_peers_t   *peers = ev->data;
    ngx_http_warder_lookup_t  *lookup = peers->task->ctx;

    peers->tried = 1;

    if (lookup->found.naddrs == 0 && peers->current.naddrs == 0 && ngx_strcmp(lookup->host, "localhost") == 0) {
        ngx_http_warder_lookup_localhost(lookup);
    }

    if (lookup->error == 0 && lookup->found.naddrs > 0) {
        peers->failing = 0;
        ngx_http_warder_peers_take(peers, lookup);

    } else if (!peers->failing) {
        peers->failing = 1; /* said once, not at every try */
        ngx_log_error(NGX_LOG_WARN, peers->log, 0, "the host of provider \"%s\" cannot be resolved: %s", peers->provider,
                      lookup->error != 0 ? gai_strerror(lookup->error) : "no address");
    }

    if (!ngx_exiting) {
        ngx_add_timer(&peers->timer, peers->current.naddrs > 0 ? NGX_HTTP_WARDER_RESOLVE_MS : NGX_HTTP_WARDER_RESOLVE_RETRY);
    }
}


static void
ngx_http_warder_peers_timer(ngx_event_t *ev)
{
    ngx_http_warder_peers_t  *peers = ev->data;

    if (!ngx_exiting && ngx_thread_task_post(peers->pool, peers->task) != NGX_OK) {
        ngx_add_timer(&peers->timer, NGX_HTTP_WARDER_RESOLVE_RETRY);
    }
}


static ngx_int_t
ngx_http_warder_peers_start(ngx_cycle_t *cycle, const struct wd_provider *provider)
{
    ngx_str_t                  name = ngx_string("warder_resolve");
    ngx_http_warder_peers_t   *peers = &ngx_http_warder_peers_table[provider->index];
    ngx_http_warder_lookup_t  *lookup;

    ngx_memzero(peers, sizeof(ngx_http_warder_peers_t));
    peers->log = cycle->log;
    peers->provider = provider->name;

    peers->task = ngx_thread_task_alloc(cycle->pool, sizeof(ngx_http_warder_lookup_t));
    if (peers->task == NULL) {
        return NGX_ERROR;
    }

    lookup = peers->task->ctx;
    (void) ngx_snprintf((u_char *) lookup->host, sizeof(lookup->host), "%s%Z", provider->host);
    (void) ngx_snprintf((u_char *) lookup->port, sizeof(lookup->port), "%ud%Z", (unsigned) provider->port);

    lookup->loopback = !provider->tls;

    /* a literal address needs no look-up, now or later */

    ngx_http_warder_lookup(lookup, AI_NUMERICHOST);

    if (lookup->error == 0 && lookup->found.naddrs > 0) {
        ngx_http_warder_peers_take(peers, lookup);
        peers->tried = 1;
        return NGX_OK;
    }

    peers->pool = ngx_thread_pool_get(cycle, &name);
    if (peers->pool == NULL) {
        return NGX_ERROR;
    }

    peers->task->handler = ngx_http_warder_lookup_thread;
    peers->task->event.handler = ngx_http_warder_lookup_done;
    peers->task->event.data = peers;
    peers->task->event.log = cycle->log;

    peers->timer.handler = ngx_http_warder_peers_timer;
    peers->timer.data = peers;
    peers->timer.log = cycle->log;
    peers->timer.cancelable = 1;

    return ngx_thread_task_post(peers->pool, peers->task);
}


ngx_int_t
ngx_http_warder_peers_init_worker(ngx_cycle_t *cycle, ngx_http_warder_main_conf_t *mcf)
{
    ngx_uint_t  i;

    for (i = 0; i < mcf->policy->provider_count; i++) {
        if (ngx_http_warder_peers_start(cycle, &mcf->policy->providers[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_warder_peers_state(ngx_uint_t provider)
{
    ngx_http_warder_peers_t  *peers = &ngx_http_warder_peers_table[provider];

    if (peers->current.naddrs > 0) {
        return NGX_OK;
    }

    return peers->tried ? NGX_DECLINED : NGX_AGAIN;
}


static ngx_int_t
ngx_http_warder_peer_get(ngx_peer_connection_t *pc, void *data)
{
    ngx_http_warder_addr_t       *addr;
    ngx_http_warder_peer_data_t  *pd = data;

    if (pd->peers->current.naddrs == 0) {
        return NGX_BUSY;
    }

    addr = &pd->addr;
    *addr = pd->peers->current.addrs[(pd->first + pd->used++) % pd->peers->current.naddrs];
    addr->name.data = addr->text;

    pc->sockaddr = &addr->sockaddr.sockaddr;
    pc->socklen = addr->socklen;
    pc->name = &addr->name;
    pc->cached = 0;
    pc->connection = NULL;

    return NGX_OK;
}


static void
ngx_http_warder_peer_free(ngx_peer_connection_t *pc, void *data, ngx_uint_t state)
{
    if (pc->tries > 0) {
        pc->tries--;
    }
}


static ngx_int_t
ngx_http_warder_peer_init(ngx_http_request_t *r, ngx_http_upstream_srv_conf_t *us)
{
    ngx_http_warder_ctx_t        *ctx;
    ngx_http_warder_peers_t      *peers;
    ngx_http_warder_peer_data_t  *pd;

    ctx = ngx_http_get_module_ctx(r, ngx_http_warder_module);
    pd = ngx_pcalloc(r->pool, sizeof(ngx_http_warder_peer_data_t));

    if (ctx == NULL || ctx->ex.provider == NULL || pd == NULL) {
        return NGX_ERROR;
    }

    peers = &ngx_http_warder_peers_table[ctx->ex.provider->index];

    pd->peers = peers;
    pd->first = peers->next++;

    r->upstream->peer.data = pd;
    r->upstream->peer.get = ngx_http_warder_peer_get;
    r->upstream->peer.free = ngx_http_warder_peer_free;
    r->upstream->peer.tries = ngx_max(1, ngx_min(peers->current.naddrs, 3));

    return NGX_OK;
}


static ngx_int_t
ngx_http_warder_peers_init_upstream(ngx_conf_t *cf, ngx_http_upstream_srv_conf_t *us)
{
    us->peer.init = ngx_http_warder_peer_init;

    return NGX_OK;
}


char *
ngx_http_warder_peers(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_upstream_srv_conf_t  *uscf;

    uscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_upstream_module);
    uscf->peer.init_upstream = ngx_http_warder_peers_init_upstream;
    uscf->flags = NGX_HTTP_UPSTREAM_CREATE;

    return NGX_CONF_OK;
}
