#include "redis_link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LINK_WAIT_MS 5000 /* a person waits longer than a request */
#define LINK_MOVES 4
#define LINK_SYSTEM_CA "/etc/ssl/certs/ca-certificates.crt"

struct redis_link {
    const struct wd_store_url *store;
    SSL_CTX *tls;
    SSL *ssl;
    int fd;
    int64_t until_ms; /* of what is being waited for */
    struct wd_redis_reader reader;
    struct wd_redis_place place;
    char shown[WD_REDIS_HOST_SIZE + 16];
    struct redis_link_error error;
};

static int64_t
link_now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static bool
link_fail(struct redis_link *link, enum wd_redis_state state)
{
    snprintf(link->error.text, sizeof(link->error.text), "the shared store at %.160s: %s", link->shown,
             wd_redis_state_text(state));
    return false;
}

/* Until the socket can be read or written; false when time is up. */
static bool
link_wait(struct redis_link *link, short events)
{
    struct pollfd pfd = { .fd = link->fd, .events = events };

    for (;;) {
        int64_t left = link->until_ms - link_now_ms();
        int n = left > 0 ? poll(&pfd, 1, (int)left) : 0;

        if (n > 0)
            return true;
        if (n == 0 || errno != EINTR)
            return link_fail(link, WD_REDIS_SILENT);
    }
}

/* Whether what OpenSSL says is a reason to wait, and then waits. */
static bool
link_wait_tls(struct redis_link *link, int rc, enum wd_redis_state otherwise)
{
    int why = SSL_get_error(link->ssl, rc);

    ERR_clear_error();
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
        return link_wait(link, why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT);
    return link_fail(link, otherwise);
}

static bool
link_send(struct redis_link *link, struct wd_span bytes)
{
    while (bytes.len > 0) {
        size_t some = bytes.len < 65536 ? bytes.len : 65536;
        ssize_t n =
            link->ssl != NULL ? SSL_write(link->ssl, bytes.ptr, (int)some) : send(link->fd, bytes.ptr, some, MSG_NOSIGNAL);

        if (n > 0) {
            bytes = wd_span(bytes.ptr + n, bytes.len - (size_t)n);
        } else if (link->ssl != NULL) {
            if (!link_wait_tls(link, (int)n, WD_REDIS_UNREACHABLE))
                return false;
        } else if (errno == EAGAIN) {
            if (!link_wait(link, POLLOUT))
                return false;
        } else if (errno != EINTR) {
            return link_fail(link, WD_REDIS_UNREACHABLE);
        }
    }
    return true;
}

static bool
link_receive(struct redis_link *link)
{
    static char block[16384];

    for (;;) {
        ssize_t n = link->ssl != NULL ? SSL_read(link->ssl, block, sizeof(block)) : recv(link->fd, block, sizeof(block), 0);

        if (n > 0)
            return wd_redis_reader_feed(&link->reader, block, (size_t)n) == WD_OK || link_fail(link, WD_REDIS_GARBAGE);
        if (link->ssl != NULL) {
            if (!link_wait_tls(link, (int)n, WD_REDIS_UNREACHABLE))
                return false;
        } else if (n < 0 && errno == EAGAIN) {
            if (!link_wait(link, POLLIN))
                return false;
        } else if (n == 0 || errno != EINTR) {
            return link_fail(link, WD_REDIS_UNREACHABLE);
        }
    }
}

static redisReply *
link_exchange(struct redis_link *link, struct wd_span command)
{
    redisReply *reply = NULL;

    link->until_ms = link_now_ms() + LINK_WAIT_MS;
    if (!link_send(link, command))
        return NULL;
    for (;;) {
        if (wd_redis_reader_next(&link->reader, &reply) != WD_OK) {
            link_fail(link, WD_REDIS_GARBAGE);
            return NULL;
        }
        if (reply != NULL)
            return reply;
        if (!link_receive(link))
            return NULL;
    }
}

static void
link_disconnect(struct redis_link *link)
{
    SSL_free(link->ssl);
    link->ssl = NULL;
    if (link->fd != -1)
        close(link->fd);
    link->fd = -1;
    wd_redis_reader_deinit(&link->reader);
}

/* Certificate and name are verified within the handshake. */
static bool
link_tls(struct redis_link *link)
{
    const char *host = link->place.host;
    unsigned char address[sizeof(struct in6_addr)];
    int rc;

    link->ssl = SSL_new(link->tls);
    if (link->ssl == NULL || SSL_set_fd(link->ssl, link->fd) != 1)
        return link_fail(link, WD_REDIS_TLS);
    if (inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1)
        rc = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(link->ssl), host);
    else
        rc = SSL_set_tlsext_host_name(link->ssl, host) == 1 && SSL_set1_host(link->ssl, host) == 1;
    if (rc != 1)
        return link_fail(link, WD_REDIS_TLS);
    SSL_set_hostflags(link->ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    while ((rc = SSL_connect(link->ssl)) != 1)
        if (!link_wait_tls(link, rc, WD_REDIS_TLS))
            return false;
    return true;
}

/* Where a resolver or a Sentinel leads to is no better than what the policy may name. */
static bool
link_near(const struct addrinfo *ai)
{
    char text[NI_MAXHOST];

    return getnameinfo(ai->ai_addr, ai->ai_addrlen, text, sizeof(text), NULL, 0, NI_NUMERICHOST) == 0 &&
           wd_store_address_private(text);
}

static bool
link_dial(struct redis_link *link, const struct addrinfo *ai)
{
    int error = 0, on = 1;
    socklen_t len = sizeof(error);

    if (!link->store->tls && !link_near(ai))
        return link_fail(link, WD_REDIS_FAR);
    link->fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (link->fd == -1)
        return link_fail(link, WD_REDIS_UNREACHABLE);
    (void)setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(link->fd, ai->ai_addr, ai->ai_addrlen) != 0) {
        if (errno != EINPROGRESS)
            return link_fail(link, WD_REDIS_UNREACHABLE);
        if (!link_wait(link, POLLOUT))
            return false;
        if (getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error != 0)
            return link_fail(link, WD_REDIS_UNREACHABLE);
    }
    if (wd_redis_reader_init(&link->reader) != WD_OK)
        return link_fail(link, WD_REDIS_UNREACHABLE);
    return !link->store->tls || link_tls(link);
}

/* To link->place, whichever of its addresses works. */
static bool
link_connect(struct redis_link *link)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV }, *list = NULL;
    char port[8];
    bool ok = false;

    snprintf(link->shown, sizeof(link->shown), strchr(link->place.host, ':') != NULL ? "[%s]:%u" : "%s:%u", link->place.host,
             link->place.port);
    snprintf(port, sizeof(port), "%u", link->place.port);
    if (getaddrinfo(link->place.host, port, &hints, &list) != 0)
        return link_fail(link, WD_REDIS_UNRESOLVED);
    for (const struct addrinfo *ai = list; ai != NULL && !ok; ai = ai->ai_next) {
        link->until_ms = link_now_ms() + LINK_WAIT_MS;
        ok = link_dial(link, ai);
        if (!ok)
            link_disconnect(link);
    }
    freeaddrinfo(list);
    return ok;
}

static bool
link_greet(struct redis_link *link)
{
    for (unsigned i = 0; i < WD_REDIS_GREETINGS; i++) {
        enum wd_redis_state state = WD_REDIS_UNREACHABLE;
        struct wd_buf command;
        redisReply *reply = NULL;

        wd_buf_init(&command, 2048);
        if (wd_buf_reserve(&command, 2048) == WD_OK && wd_redis_greet(&command, link->store, i) == WD_OK) {
            state = WD_REDIS_OK;
            if (command.len > 0)
                reply = link_exchange(link, wd_buf_span(&command));
            if (reply != NULL)
                state = wd_redis_greeted(link->store, i, reply);
        }
        if (state == WD_REDIS_OK && command.len > 0 && reply == NULL) {
            wd_buf_wipe(&command);
            return false; /* link_exchange() has said why */
        }
        wd_buf_wipe(&command);
        freeReplyObject(reply);
        if (state != WD_REDIS_OK)
            return link_fail(link, state);
    }
    return true;
}

/* link->place becomes that of the master. */
static bool
link_ask_sentinel(struct redis_link *link)
{
    struct wd_buf command;
    redisReply *reply = NULL;
    bool ok = false;

    wd_buf_init(&command, 256);
    if (wd_redis_ask_sentinel(&command, link->store->sentinel) == WD_OK)
        reply = link_exchange(link, wd_buf_span(&command));
    if (reply != NULL) {
        enum wd_redis_state state = wd_redis_state_of(reply);

        ok = wd_redis_sentinel_says(reply, &link->place) || link_fail(link, state != WD_REDIS_OK ? state : WD_REDIS_NO_MASTER);
        freeReplyObject(reply);
    }
    wd_buf_deinit(&command);
    link_disconnect(link);
    return ok;
}

static bool
link_to_host(struct redis_link *link, const struct wd_store_host *host)
{
    snprintf(link->place.host, sizeof(link->place.host), "%s", host->host);
    link->place.port = host->port;
    if (!link_connect(link))
        return false;
    if (link->store->sentinel != NULL && (!link_ask_sentinel(link) || !link_connect(link)))
        return false;
    return link_greet(link);
}

static bool
link_trust(struct redis_link *link)
{
    const char *file = link->store->ca_file != NULL ? link->store->ca_file : LINK_SYSTEM_CA;

    if (!link->store->tls)
        return true;
    link->tls = SSL_CTX_new(TLS_client_method());
    if (link->tls != NULL && SSL_CTX_set_min_proto_version(link->tls, TLS1_2_VERSION) == 1 &&
        SSL_CTX_load_verify_locations(link->tls, file, NULL) == 1) {
        SSL_CTX_set_verify(link->tls, SSL_VERIFY_PEER, NULL);
        SSL_CTX_set_mode(link->tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
        return true;
    }
    ERR_clear_error();
    snprintf(link->error.text, sizeof(link->error.text),
             "the shared store: no certificate of an authority can be read from %.160s", file);
    return false;
}

bool
redis_link_open(struct redis_link **out, const struct wd_policy *policy, struct redis_link_error *error)
{
    struct redis_link *link = calloc(1, sizeof(*link));
    bool ok = false;

    *out = NULL;
    snprintf(error->text, sizeof(error->text), "out of memory");
    if (link == NULL)
        return false;
    link->store = &policy->store;
    link->fd = -1;
    snprintf(link->error.text, sizeof(link->error.text), "the policy names no shared store (accepted: store: redis://...)");
    if (link->store->user != NULL && link->store->password == NULL)
        snprintf(link->error.text, sizeof(link->error.text),
                 "store names a user and no password (accepted: USER:PASSWORD, or WARDER_STORE_PASSWORD in the environment)");
    else if (link->store->shared && link_trust(link))
        for (uint32_t i = 0; i < link->store->host_count && !ok; i++) {
            ok = link_to_host(link, &link->store->hosts[i]);
            if (!ok)
                link_disconnect(link);
        }
    if (ok) {
        *out = link;
        return true;
    }
    *error = link->error;
    redis_link_close(link);
    return false;
}

void
redis_link_close(struct redis_link *link)
{
    if (link == NULL)
        return;
    link_disconnect(link);
    SSL_CTX_free(link->tls);
    free(link);
}

redisReply *
redis_link_call(struct redis_link *link, struct wd_span command)
{
    for (unsigned moves = 0;; moves++) {
        redisReply *reply = link->fd != -1 ? link_exchange(link, command) : NULL;

        if (reply == NULL) {
            link_disconnect(link);
            return NULL;
        }
        if (moves == LINK_MOVES || !wd_redis_moved(reply, &link->place))
            return reply;
        freeReplyObject(reply);
        link_disconnect(link);
        if (!link_connect(link) || !link_greet(link)) {
            link_disconnect(link);
            return NULL;
        }
    }
}

const char *
redis_link_why(const struct redis_link *link)
{
    return link->error.text;
}

const char *
redis_link_place(const struct redis_link *link)
{
    return link->shown;
}
