#include "ngx_http_warder_module.h"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "../cli/key_channel.h"
#include "ngx_http_warder_shared.h"

#define NGX_HTTP_WARDER_KEYS_WAIT_MS  20000

/*
 * The supervisor (warder serve) is reached on two sockets. One is inherited from nginx's master, its number stands in WARDER_KEYS_FD, and
 * is shared by all: there each says a byte, the master C of a configuration that it took and F of one that it did not, a
 * worker W with one end of its channel, R when it is ready to serve, Q when it takes no new connection any more. The other is the worker's own
 * channel (cli/key_channel.h), which brings the keys. So the master has no key at all, and a worker that nginx starts anew
 * after a crash has the keys of that moment.
 */

static int                ngx_http_warder_shared_fd = -1;
static ngx_connection_t  *ngx_http_warder_channel;
static struct wd_policy  *ngx_http_warder_channel_policy;


static int
ngx_http_warder_shared(void)
{
    char  *value;

    if (ngx_http_warder_shared_fd == -1) {
        value = getenv("WARDER_KEYS_FD");
        ngx_http_warder_shared_fd = value != NULL ? atoi(value) : -1;
    }

    return ngx_http_warder_shared_fd;
}


void
ngx_http_warder_say(ngx_log_t *log, const char *what)
{
    int  fd = ngx_http_warder_shared();

    if (fd != -1 && send(fd, what, 1, MSG_NOSIGNAL) != 1) {
        ngx_log_error(NGX_LOG_ERR, log, ngx_errno, "the supervisor cannot be told \"%s\"", what);
    }
}


/* Q comes from a connection of nginx's that is marked idle: idle ones are closed right after the listening sockets of a worker that quits. */

static void
ngx_http_warder_quitting(ngx_event_t *ev)
{
    ngx_connection_t  *c = ev->data;

    ngx_http_warder_metrics_store(ngx_http_warder_worker.metrics, NGX_HTTP_WARDER_STORE_NONE);
    ngx_http_warder_say(ev->log, "Q");
    ngx_http_warder_shared_fd = -1;
    ngx_close_connection(c);
}


ngx_int_t
ngx_http_warder_ready(ngx_log_t *log)
{
    ngx_connection_t  *c;

    c = ngx_get_connection(ngx_http_warder_shared(), log);
    if (c == NULL) {
        return NGX_ERROR;
    }

    c->idle = 1;
    c->log = log;
    c->read->log = log;
    c->read->handler = ngx_http_warder_quitting;

    ngx_http_warder_say(log, "R");

    return NGX_OK;
}


/* One byte with one end of the channel. */

static ngx_int_t
ngx_http_warder_channel_pass(int fd)
{
    char             what = 'W';
    struct iovec     iov;
    struct msghdr    msg;
    struct cmsghdr  *cmsg;
    union {
        struct cmsghdr  align;
        char            space[CMSG_SPACE(sizeof(int))];
    } control;

    ngx_memzero(&msg, sizeof(msg));
    ngx_memzero(&control, sizeof(control));

    iov.iov_base = &what;
    iov.iov_len = 1;
    msg.msg_iov = &iov;
    msg.msg_iovlen = 1;
    msg.msg_control = control.space;
    msg.msg_controllen = sizeof(control.space);

    cmsg = CMSG_FIRSTHDR(&msg);
    cmsg->cmsg_level = SOL_SOCKET;
    cmsg->cmsg_type = SCM_RIGHTS;
    cmsg->cmsg_len = CMSG_LEN(sizeof(int));
    ngx_memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));

    return sendmsg(ngx_http_warder_shared(), &msg, MSG_NOSIGNAL) == 1 ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_warder_channel_send(int fd, const struct wd_channel_packet *p)
{
    return send(fd, p, sizeof(*p), MSG_NOSIGNAL|MSG_DONTWAIT) == (ssize_t) sizeof(*p) ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_warder_channel_take(int fd, const struct wd_channel_packet *p, struct wd_span key)
{
    struct wd_channel_packet  ack;

    switch (p->type) {

    case WD_CHANNEL_KEY:
        return ngx_http_warder_key_set(p->provider, p->slot, p->serial, key, p->seconds);

    case WD_CHANNEL_RETIRED_KEY:
        return ngx_http_warder_key_retired(key, p->seconds);

    case WD_CHANNEL_STORE_PASSWORD:
        return wd_policy_store_password(ngx_http_warder_channel_policy, key) == WD_OK ? NGX_OK : NGX_ERROR;

    case WD_CHANNEL_STORE_KEY:
        return ngx_http_warder_shared_master(key);

    case WD_CHANNEL_SYNC:
        ngx_memzero(&ack, sizeof(ack));
        ack.type = WD_CHANNEL_ACK;
        ack.serial = p->serial;
        return ngx_http_warder_channel_send(fd, &ack);

    default:
        return NGX_ERROR;
    }
}


/* NGX_OK: one packet was taken, of the type in *type; NGX_AGAIN: there is none; NGX_ERROR: the supervisor is gone or talks nonsense. */

static ngx_int_t
ngx_http_warder_channel_read(int fd, ngx_uint_t *type)
{
    ssize_t    n;
    ngx_int_t  rc;

    /* not on the stack, where parts of a key could stay */
    static struct {
        struct wd_channel_packet  packet;
        char                      key[WD_CHANNEL_KEY_MAX];
    } in;

    do {
        n = recv(fd, &in, sizeof(in), MSG_DONTWAIT|MSG_TRUNC);
    } while (n == -1 && ngx_errno == NGX_EINTR);

    if (n == -1) {
        return ngx_errno == NGX_EAGAIN ? NGX_AGAIN : NGX_ERROR;
    }

    rc = NGX_ERROR;

    if (n >= (ssize_t) sizeof(in.packet) && n <= (ssize_t) sizeof(in)
        && in.packet.key_len == (size_t) n - sizeof(in.packet)
        && ngx_strnlen((u_char *) in.packet.provider, WD_CHANNEL_NAME) < WD_CHANNEL_NAME)
    {
        *type = in.packet.type;
        rc = ngx_http_warder_channel_take(fd, &in.packet, wd_span(in.key, in.packet.key_len));
    }

    wd_secret_wipe(&in, sizeof(in));

    return rc;
}


static void
ngx_http_warder_channel_handler(ngx_event_t *ev)
{
    ngx_int_t          rc;
    ngx_uint_t         type;
    ngx_connection_t  *c = ev->data;

    do {
        rc = ngx_http_warder_channel_read(c->fd, &type);
    } while (rc == NGX_OK);

    if (rc == NGX_ERROR) {

        /* this worker would go on with keys that are used no more: it ends what it has, and nginx starts another */

        ngx_log_error(NGX_LOG_ALERT, ev->log, 0, "the channel to the supervisor is gone; this worker quits");
        ngx_http_warder_channel = NULL;
        ngx_close_connection(c);
        ngx_quit = 1;
        return;
    }

    if (ngx_handle_read_event(ev, 0) != NGX_OK) {
        ngx_log_error(NGX_LOG_ALERT, ev->log, 0, "the channel to the supervisor cannot be waited for");
    }
}


/* A worker without keys is of no use: at its start it waits until it has them all. */

static ngx_int_t
ngx_http_warder_channel_first(int fd)
{
    ngx_int_t      rc;
    ngx_uint_t     type;
    struct pollfd  pfd;

    pfd.fd = fd;
    pfd.events = POLLIN;
    type = 0;

    while (type != WD_CHANNEL_SYNC) {
        rc = ngx_http_warder_channel_read(fd, &type);

        if (rc == NGX_ERROR || (rc == NGX_AGAIN && poll(&pfd, 1, NGX_HTTP_WARDER_KEYS_WAIT_MS) == 0)) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_warder_channel_open(ngx_cycle_t *cycle, ngx_http_warder_main_conf_t *mcf)
{
    int                        pair[2];
    ngx_int_t                  rc;
    ngx_connection_t          *c;
    struct wd_channel_packet   hello;

    ngx_http_warder_channel_policy = mcf->policy;

    if (ngx_http_warder_shared() == -1 || socketpair(AF_UNIX, SOCK_SEQPACKET|SOCK_CLOEXEC|SOCK_NONBLOCK, 0, pair) == -1) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno, "no keys; start the gateway with \"warder serve\"");
        return NGX_ERROR;
    }

    ngx_memzero(&hello, sizeof(hello));
    hello.type = WD_CHANNEL_HELLO;
    hello.slot = WD_CHANNEL_VERSION;
    hello.serial = mcf->generation;

    rc = ngx_http_warder_channel_send(pair[0], &hello);

    if (rc == NGX_OK) {
        rc = ngx_http_warder_channel_pass(pair[1]);
    }

    (void) close(pair[1]);

    if (rc != NGX_OK || ngx_http_warder_channel_first(pair[0]) != NGX_OK || ngx_http_warder_keys_complete(cycle->log) != NGX_OK) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno, "the supervisor hands over no keys");
        (void) close(pair[0]);
        return NGX_ERROR;
    }

    c = ngx_get_connection(pair[0], cycle->log);
    if (c == NULL) {
        (void) close(pair[0]);
        return NGX_ERROR;
    }

    c->log = cycle->log;
    c->read->log = cycle->log;
    c->write->log = cycle->log;
    c->read->handler = ngx_http_warder_channel_handler;
    c->read->channel = 1; /* stays open to the end of a worker that quits, and is none of the sockets it complains about */
    ngx_http_warder_channel = c;

    return ngx_handle_read_event(c->read, 0);
}


void
ngx_http_warder_channel_key_state(ngx_uint_t provider, ngx_uint_t slot, ngx_uint_t status, ngx_msec_t ms)
{
    const struct wd_policy    *policy = ngx_http_warder_worker.gate.policy;
    struct wd_channel_packet   p;

    if (ngx_http_warder_channel == NULL || provider >= policy->provider_count) {
        return;
    }

    ngx_memzero(&p, sizeof(p));
    p.type = WD_CHANNEL_STATE;
    p.slot = slot;
    p.serial = ngx_http_warder_key_serial(provider, slot);
    p.status = status;
    p.at = ngx_time();
    p.seconds = (ms + 999) / 1000;
    (void) ngx_cpystrn((u_char *) p.provider, (u_char *) policy->providers[provider].name, WD_CHANNEL_NAME);

    /* a supervisor that does not listen shows less in "keys list", and that is all */
    (void) ngx_http_warder_channel_send(ngx_http_warder_channel->fd, &p);
}
