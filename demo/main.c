/*
 * warder-demo: a small provider on loopback that speaks the four wire formats,
 * so that the gateway can be tried without any provider's key. One thread, one
 * poll loop; streams send an event each tick.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "http.h"
#include "reply.h"

enum { MAIN_CONNS = 512, MAIN_TICK_MS = 4, MAIN_IDLE_MS = 120000, MAIN_READ_BYTES = 64 << 10, MAIN_OUT_BYTES = 16 << 20 };

struct conn {
    int fd;
    struct demo_http http;
    struct wd_buf in, out; /* in: read, not yet looked at */
    struct demo_reply reply;
    bool replying;
    bool closing; /* when out is empty */
    size_t next;  /* piece of the reply */
    uint64_t seen_ms;
};

static uint64_t
main_now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static struct conn *
conn_new(int fd, uint64_t now_ms)
{
    struct conn *c = calloc(1, sizeof(*c));

    if (c == NULL) {
        close(fd);
        return NULL;
    }
    c->fd = fd;
    c->seen_ms = now_ms;
    demo_http_init(&c->http);
    demo_reply_init(&c->reply);
    wd_buf_init(&c->in, MAIN_READ_BYTES);
    wd_buf_init(&c->out, MAIN_OUT_BYTES);
    return c;
}

static void
conn_free(struct conn *c)
{
    close(c->fd);
    demo_http_deinit(&c->http);
    demo_reply_deinit(&c->reply);
    wd_buf_deinit(&c->in);
    wd_buf_deinit(&c->out);
    free(c);
}

static const char *
conn_reason(int status)
{
    switch (status) {
    case 200:
        return "OK";
    case 401:
        return "Unauthorized";
    case 404:
        return "Not Found";
    case 413:
        return "Content Too Large";
    default:
        return "Bad Request";
    }
}

static enum wd_err
conn_send_head(struct conn *c)
{
    const struct demo_reply *r = &c->reply;
    bool chunked = r->stream && !c->http.old;
    enum wd_err err;

    c->closing = !c->http.keep_alive || c->http.error != 0 || (r->stream && !chunked);
    err = wd_buf_printf(&c->out, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nConnection: %s\r\n", r->status, conn_reason(r->status),
                        r->content_type, c->closing ? "close" : "keep-alive");
    if (err == WD_OK && chunked) {
        err = wd_buf_add_str(&c->out, "Transfer-Encoding: chunked\r\n");
    } else if (err == WD_OK && !r->stream) {
        err = wd_buf_printf(&c->out, "Content-Length: %zu\r\n", r->bytes.len);
    }
    return err != WD_OK ? err : wd_buf_add_str(&c->out, "\r\n");
}

/* Puts the next piece into out; the request is over with the last. */
static enum wd_err
conn_send_piece(struct conn *c)
{
    bool chunked = c->reply.stream && !c->http.old;
    struct wd_span piece = demo_reply_piece(&c->reply, c->next);
    bool last = ++c->next == demo_reply_pieces(&c->reply);
    enum wd_err err = chunked ? wd_buf_printf(&c->out, "%zx\r\n", piece.len) : WD_OK;

    if (err == WD_OK) {
        err = wd_buf_add(&c->out, piece);
    }
    if (err == WD_OK && chunked) {
        err = wd_buf_add_str(&c->out, last ? "\r\n0\r\n\r\n" : "\r\n");
    }
    if (last) {
        c->replying = false;
        demo_reply_deinit(&c->reply);
        demo_http_reset(&c->http);
    }
    return err;
}

static enum wd_err
conn_reply(struct conn *c)
{
    const struct demo_http *h = &c->http;
    const char *query = h->target.len > 0 ? memchr(h->target.ptr, '?', h->target.len) : NULL;
    struct demo_request req = {
        .method = h->method,
        .path = query != NULL ? wd_span(h->target.ptr, (size_t)(query - h->target.ptr)) : h->target,
        .body = wd_buf_span(&h->body),
        .has_key = h->has_key,
        .anthropic_version = h->anthropic_version,
        .google_key = h->google_key,
    };
    enum wd_err err;

    demo_reply_init(&c->reply);
    c->next = 0;
    if (h->error != 0) {
        err = demo_reply_error(&c->reply, req.path, h->error, "the demo provider cannot read this request");
    } else {
        err = demo_reply_make(&c->reply, &req);
    }
    if (err == WD_OK) {
        err = conn_send_head(c);
    }
    c->replying = true;
    if (err == WD_OK && !c->reply.stream) {
        err = conn_send_piece(c);
    }
    return err;
}

/* Looks at what was read, as far as answers may follow one another. */
static enum wd_err
conn_advance(struct conn *c)
{
    enum wd_err err = WD_OK;

    while (err == WD_OK && !c->replying && !c->closing && c->in.len > 0) {
        wd_buf_drop(&c->in, demo_http_read(&c->http, wd_buf_span(&c->in)));
        if (c->http.state == HTTP_DONE || c->http.error != 0) {
            err = conn_reply(c);
        } else if (c->http.expects_continue && c->http.state != HTTP_HEAD) {
            c->http.expects_continue = false;
            err = wd_buf_add_str(&c->out, "HTTP/1.1 100 Continue\r\n\r\n");
        }
    }
    return err;
}

/* False when the connection is over. */
static bool
conn_read(struct conn *c, uint64_t now_ms)
{
    char bytes[16384];
    size_t room = c->in.cap - c->in.len;
    ssize_t n = recv(c->fd, bytes, room < sizeof(bytes) ? room : sizeof(bytes), MSG_DONTWAIT);

    if (n < 0) {
        return errno == EAGAIN || errno == EINTR;
    }
    c->seen_ms = now_ms;
    return n > 0 && wd_buf_add(&c->in, wd_span(bytes, (size_t)n)) == WD_OK && conn_advance(c) == WD_OK;
}

static bool
conn_write(struct conn *c, uint64_t now_ms)
{
    ssize_t n = c->out.len > 0 ? send(c->fd, c->out.ptr, c->out.len, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;

    if (n < 0) {
        return errno == EAGAIN || errno == EINTR;
    }
    if (n > 0) {
        c->seen_ms = now_ms;
        wd_buf_drop(&c->out, (size_t)n);
    }
    return c->out.len > 0 || !c->closing || c->replying;
}

static bool
conn_step(struct conn *c, short events, bool tick, uint64_t now_ms)
{
    if ((events & (POLLERR | POLLNVAL)) != 0 || now_ms - c->seen_ms > MAIN_IDLE_MS) {
        return false;
    }
    if ((events & (POLLIN | POLLHUP)) != 0 && c->in.len < c->in.cap && !conn_read(c, now_ms)) {
        return false;
    }
    if (tick && c->replying && c->out.len == 0 && conn_send_piece(c) != WD_OK) {
        return false;
    }
    return conn_advance(c) == WD_OK && conn_write(c, now_ms);
}

static void
main_loop(int listener)
{
    static struct conn *conns[MAIN_CONNS];
    static struct pollfd fds[MAIN_CONNS + 1];
    uint64_t ticked_ms = 0;
    size_t n = 0;

    for (;;) {
        bool streaming = false, tick;
        uint64_t now_ms;
        size_t kept = 0;

        for (size_t i = 0; i < n; i++) {
            fds[i] = (struct pollfd){ .fd = conns[i]->fd };
            fds[i].events = (short)((conns[i]->in.len < conns[i]->in.cap ? POLLIN : 0) | (conns[i]->out.len > 0 ? POLLOUT : 0));
            streaming |= conns[i]->replying && conns[i]->out.len == 0;
        }
        fds[n] = (struct pollfd){ .fd = n < MAIN_CONNS ? listener : -1, .events = POLLIN };
        poll(fds, n + 1, streaming ? MAIN_TICK_MS : 1000);
        now_ms = main_now_ms();
        tick = now_ms - ticked_ms >= MAIN_TICK_MS;
        ticked_ms = tick ? now_ms : ticked_ms;
        for (size_t i = 0; i < n; i++) {
            if (conn_step(conns[i], fds[i].revents, tick, now_ms)) {
                conns[kept++] = conns[i];
            } else {
                conn_free(conns[i]);
            }
        }
        if ((fds[n].revents & POLLIN) != 0) {
            int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

            conns[kept] = fd >= 0 ? conn_new(fd, now_ms) : NULL;
            kept += conns[kept] != NULL;
        }
        n = kept;
    }
}

/* Loopback addresses only; the port 0 takes any. Returns -1 after a message. */
static int
main_listen(const char *address)
{
    struct sockaddr_in sin = { .sin_family = AF_INET };
    const char *colon = strrchr(address, ':');
    socklen_t len = sizeof(sin);
    char host[INET_ADDRSTRLEN];
    char *end = NULL;
    long port = colon != NULL ? strtol(colon + 1, &end, 10) : -1;
    int one = 1, fd;

    if (port < 0 || port > 65535 || end == colon + 1 || *end != '\0' || (size_t)(colon - address) >= sizeof(host)) {
        fprintf(stderr, "warder-demo: --listen: no address and port (accepted: 127.0.0.1:PORT)\n");
        return -1;
    }
    snprintf(host, sizeof(host), "%.*s", (int)(colon - address), address);
    sin.sin_port = htons((uint16_t)port);
    if (inet_pton(AF_INET, host, &sin.sin_addr) != 1 || (ntohl(sin.sin_addr.s_addr) >> 24) != 127) {
        fprintf(stderr, "warder-demo: --listen: not a loopback address (accepted: 127.0.0.1:PORT)\n");
        return -1;
    }
    fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
        bind(fd, (struct sockaddr *)&sin, sizeof(sin)) != 0 || listen(fd, 128) != 0 ||
        getsockname(fd, (struct sockaddr *)&sin, &len) != 0) {
        fprintf(stderr, "warder-demo: %s: %s\n", address, strerror(errno));
        return -1;
    }
    printf("warder-demo: listening on http://%s:%u\n", host, ntohs(sin.sin_port));
    fflush(stdout);
    return fd;
}

int
main(int argc, char **argv)
{
    static const char usage[] = "usage: warder-demo --listen 127.0.0.1:PORT [--with-parent]\n"
                                "  --listen       loopback address to serve on; port 0 takes any free one\n"
                                "  --with-parent  end when the process that started this one ends\n";
    const char *address = NULL;
    int listener;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--listen") == 0 && i + 1 < argc) {
            address = argv[++i];
        } else if (strcmp(argv[i], "--with-parent") == 0) {
            prctl(PR_SET_PDEATHSIG, SIGTERM);
        } else {
            bool help = strcmp(argv[i], "--help") == 0;

            fputs(usage, help ? stdout : stderr);
            return help ? 0 : 2;
        }
    }
    if (address == NULL) {
        fputs(usage, stderr);
        return 2;
    }
    listener = main_listen(address);
    if (listener < 0) {
        return 1;
    }
    main_loop(listener);
    return 0;
}
