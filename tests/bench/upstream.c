/*
 * Fixed answers of a provider as fast as they are asked for, one thread. The model that a chat request names picks the answer:
 * bench-json a JSON answer, bench-burst a stream as fast as it is read, bench-slow a stream without end, one event every
 * --every-ms. An event of a stream begins with the time it was sent at, in letters (stamp.h).
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "net.h"
#include "stamp.h"

#define UPSTREAM_ASK_MAX 4096  /* of a request: head and the beginning of the body, where the model stands */
#define UPSTREAM_MODEL_MAX 256 /* bytes of body that are waited for before the model is looked up */
#define UPSTREAM_WHEEL 4096    /* slots of 1 ms */

struct upstream_conn {
    int fd;
    size_t ask_len;
    uint64_t body_left; /* of a request's body, not read yet */
    bool asked;         /* the answer is known; it goes out when the body is read */
    const char *out;    /* still to be sent */
    size_t out_len;
    struct upstream_conn *next, **link; /* in a slot of the wheel */
    enum upstream_answer { UPSTREAM_JSON, UPSTREAM_BURST, UPSTREAM_SLOW } answer;
    char ask[UPSTREAM_ASK_MAX];
};

struct upstream {
    int epoll;
    uint64_t start_ns, every_ms;
    uint64_t tick;   /* ms since the start that the wheel was turned by */
    uint64_t slow;   /* connections in the wheel */
    uint64_t events; /* of one burst */
    char *json, *burst;
    size_t json_len, burst_len;
    struct upstream_conn *wheel[UPSTREAM_WHEEL];
    struct upstream_conn listener;
    uint64_t opened;
};

/* What a provider says beside the answer. */
#define UPSTREAM_HEADERS                                                                                                         \
    "Date: Mon, 17 Nov 2025 10:00:00 GMT\r\nServer: upstream\r\nopenai-organization: org-bench\r\n"                              \
    "openai-processing-ms: 412\r\nopenai-version: 2020-10-01\r\nx-request-id: req_4f0c1f5a2b7d4e11a9c0\r\n"                      \
    "x-ratelimit-limit-requests: 10000\r\nx-ratelimit-limit-tokens: 2000000\r\n"                                                 \
    "x-ratelimit-remaining-requests: 9999\r\nx-ratelimit-remaining-tokens: 1999000\r\n"                                          \
    "x-ratelimit-reset-requests: 6ms\r\nx-ratelimit-reset-tokens: 0s\r\n"                                                        \
    "Set-Cookie: __cf_bm=3T4v; path=/; HttpOnly\r\nConnection: keep-alive\r\n"

static const char upstream_answer[] =
    "{\"id\":\"chatcmpl-CbqAbVYpZ3Jq8fWbX2nK1sLrT0d9e\",\"object\":\"chat.completion\",\"created\":1763373600,"
    "\"model\":\"bench-json\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\""
    "The harbour master keeps two ledgers. The first lists every ship that came in, the hour of the tide and the name of the "
    "pilot; "
    "the second lists what was paid.\\n\\nWhen the two disagree, the first one is right: nobody invents a tide. So begin with "
    "the "
    "entries of the spring, compare them line by line, and mark each ship that paid nothing. There will be few of them, and most "
    "will turn out to be fishing boats, which were free of dues until the law was changed.\\n\\nWhat remains is worth a closer "
    "look."
    "\",\"refusal\":null,\"annotations\":[]},\"logprobs\":null,\"finish_reason\":\"stop\"}],"
    "\"usage\":{\"prompt_tokens\":412,\"completion_tokens\":118,\"total_tokens\":530,"
    "\"prompt_tokens_details\":{\"cached_tokens\":0,\"audio_tokens\":0},\"completion_tokens_details\":"
    "{\"reasoning_tokens\":0,\"audio_tokens\":0,\"accepted_prediction_tokens\":0,\"rejected_prediction_tokens\":0}},"
    "\"service_tier\":\"default\",\"system_fingerprint\":\"fp_cbf1785567\"}";

static const char upstream_stream_head[] =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n" UPSTREAM_HEADERS "Transfer-Encoding: chunked\r\n\r\n";

#define UPSTREAM_EVENT                                                                                                           \
    "data: {\"id\":\"chatcmpl-CbqAbVYpZ3Jq8fWbX2nK1sLrT0d9e\",\"object\":\"chat.completion.chunk\","                             \
    "\"created\":1763373600,\"model\":\"bench\",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_cbf1785567\","          \
    "\"choices\":["

/* One chunk each, as providers send them. */
static size_t
upstream_chunk(char *out, size_t size, const char *event)
{
    int n = snprintf(out, size, "%zx\r\n%s\r\n", strlen(event), event);

    if (n < 0 || (size_t)n >= size)
        net_die("an event is too long");
    return (size_t)n;
}

static size_t
upstream_text_event(char *out, size_t size, uint64_t now_ns)
{
    char event[1024], stamp[STAMP_LETTERS + 1];

    stamp_write(stamp, now_ns);
    snprintf(event, sizeof(event),
             UPSTREAM_EVENT "{\"index\":0,\"delta\":{\"content\":\" %s" STAMP_WORDS
                            "\"},\"logprobs\":null,\"finish_reason\":null}]}\n\n",
             stamp);
    return upstream_chunk(out, size, event);
}

static void
upstream_render(struct upstream *u)
{
    size_t size = u->events * 1024 + 8192;

    u->json = malloc(8192);
    u->burst = malloc(size);
    if (u->json == NULL || u->burst == NULL)
        net_die("out of memory");
    u->json_len = (size_t)snprintf(
        u->json, 8192, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" UPSTREAM_HEADERS "Content-Length: %zu\r\n\r\n%s",
        strlen(upstream_answer), upstream_answer);
    u->burst_len = (size_t)snprintf(u->burst, size, "%s", upstream_stream_head);
    for (uint64_t i = 0; i < u->events; i++)
        u->burst_len += upstream_text_event(u->burst + u->burst_len, size - u->burst_len, 0);
    u->burst_len +=
        upstream_chunk(u->burst + u->burst_len, size - u->burst_len,
                       UPSTREAM_EVENT "{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"stop\"}]}\n\n");
    u->burst_len += upstream_chunk(u->burst + u->burst_len, size - u->burst_len, "data: [DONE]\n\n");
    u->burst_len += (size_t)snprintf(u->burst + u->burst_len, size - u->burst_len, "0\r\n\r\n");
}

static void
upstream_leave_wheel(struct upstream *u, struct upstream_conn *c)
{
    if (c->link == NULL)
        return;
    *c->link = c->next;
    if (c->next != NULL)
        c->next->link = c->link;
    c->link = NULL;
    u->slow--;
}

static void
upstream_enter_wheel(struct upstream *u, struct upstream_conn *c, uint64_t tick)
{
    struct upstream_conn **slot = &u->wheel[tick % UPSTREAM_WHEEL];

    c->next = *slot;
    c->link = slot;
    if (c->next != NULL)
        c->next->link = &c->next;
    *slot = c;
    u->slow++;
}

static void
upstream_close(struct upstream *u, struct upstream_conn *c)
{
    upstream_leave_wheel(u, c);
    close(c->fd);
    free(c);
}

/* False when the peer is gone; what the socket does not take waits until it is writable. */
static bool
upstream_flush(struct upstream *u, struct upstream_conn *c, bool was_waiting)
{
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };

    while (c->out_len > 0) {
        ssize_t n = send(c->fd, c->out, c->out_len, MSG_NOSIGNAL);

        if (n == -1 && errno == EINTR)
            continue;
        if (n == -1 && errno != EAGAIN)
            return false;
        if (n == -1)
            break;
        c->out += n;
        c->out_len -= (size_t)n;
    }
    if (c->out_len > 0)
        event.events |= EPOLLOUT;
    if (was_waiting != (c->out_len > 0))
        epoll_ctl(u->epoll, EPOLL_CTL_MOD, c->fd, &event);
    return true;
}

/* The next event of an endless stream. One that does not fit means a reader that does not read: it is dropped. */
static bool
upstream_step(struct upstream *u, struct upstream_conn *c)
{
    char event[1280];
    size_t len = upstream_text_event(event, sizeof(event), net_now_ns());

    upstream_enter_wheel(u, c, u->tick + u->every_ms);
    return send(c->fd, event, len, MSG_NOSIGNAL) == (ssize_t)len;
}

static bool
upstream_answer_now(struct upstream *u, struct upstream_conn *c)
{
    c->asked = false;
    c->ask_len = 0;
    if (c->answer == UPSTREAM_SLOW) {
        if (send(c->fd, upstream_stream_head, sizeof(upstream_stream_head) - 1, MSG_NOSIGNAL) <= 0 || !upstream_step(u, c))
            return false;
        /* the streams' events are spread evenly over time, not over when they were opened */
        upstream_leave_wheel(u, c);
        upstream_enter_wheel(u, c, u->tick + 1 + u->opened++ * 7919 % u->every_ms);
        return true;
    }
    c->out = c->answer == UPSTREAM_JSON ? u->json : u->burst;
    c->out_len = c->answer == UPSTREAM_JSON ? u->json_len : u->burst_len;
    return upstream_flush(u, c, false);
}

/* Knows head and model once enough of the request is here. False when that is no request. */
static bool
upstream_ask(struct upstream_conn *c, size_t got)
{
    char *end = memmem(c->ask, c->ask_len, "\r\n\r\n", 4), *length, *model;
    uint64_t body;
    size_t have;

    if (end == NULL)
        return c->ask_len < UPSTREAM_ASK_MAX - 1;
    c->ask[c->ask_len] = '\0';
    length = strcasestr(c->ask, "\r\nContent-Length:");
    if (length == NULL || length > end)
        return false;
    body = strtoull(length + 17, NULL, 10);
    have = c->ask_len - (size_t)(end + 4 - c->ask);
    if (have < body && have < UPSTREAM_MODEL_MAX)
        return true;
    have += got - c->ask_len; /* what went to the scratch buffer */
    if (have > body || (model = strstr(end, "\"model\":\"bench-")) == NULL)
        return false;
    c->answer = model[15] == 'j' ? UPSTREAM_JSON : model[15] == 'b' ? UPSTREAM_BURST : UPSTREAM_SLOW;
    c->body_left = body - have;
    c->asked = true;
    return true;
}

static bool
upstream_read(struct upstream *u, struct upstream_conn *c)
{
    static char scratch[65536];
    size_t room = UPSTREAM_ASK_MAX - 1 - c->ask_len;
    struct iovec parts[2] = { { c->ask + c->ask_len, room }, { scratch, sizeof(scratch) } };
    ssize_t n = c->asked ? read(c->fd, scratch, sizeof(scratch)) : readv(c->fd, parts, 2);

    if (n == -1 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (n <= 0 || c->out_len > 0 || c->link != NULL)
        return false;
    if (c->asked) {
        if ((uint64_t)n > c->body_left)
            return false;
        c->body_left -= (uint64_t)n;
    } else {
        size_t got = c->ask_len + (size_t)n;

        c->ask_len = (size_t)n < room ? got : UPSTREAM_ASK_MAX - 1;
        if (!upstream_ask(c, got) || (!c->asked && got > c->ask_len))
            return false;
    }
    return !c->asked || c->body_left > 0 || upstream_answer_now(u, c);
}

static void
upstream_accept(struct upstream *u)
{
    int one = 1, fd;

    while ((fd = accept4(u->listener.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) != -1) {
        struct upstream_conn *c = calloc(1, sizeof(*c));

        if (c == NULL)
            net_die("out of memory");
        c->fd = fd;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        net_watch(u->epoll, fd, c);
    }
}

/* Sends what fell due in the wheel. */
static void
upstream_turn_wheel(struct upstream *u)
{
    uint64_t until = (net_now_ns() - u->start_ns) / 1000000;

    for (; u->tick < until && u->slow > 0; u->tick++) {
        struct upstream_conn *c = u->wheel[u->tick % UPSTREAM_WHEEL], *next;

        for (; c != NULL; c = next) {
            next = c->next;
            upstream_leave_wheel(u, c);
            if (!upstream_step(u, c))
                upstream_close(u, c);
        }
    }
    u->tick = u->slow > 0 ? u->tick : until;
}

/* Until the next slot that is not empty. */
static struct timespec
upstream_wait(const struct upstream *u)
{
    uint64_t now = net_now_ns() - u->start_ns, due = u->tick;

    if (u->slow == 0)
        return (struct timespec){ 3600, 0 };
    while (due < u->tick + UPSTREAM_WHEEL && u->wheel[due % UPSTREAM_WHEEL] == NULL)
        due++;
    due = (due + 1) * 1000000;
    due = due > now ? due - now : 0;
    return (struct timespec){ (time_t)(due / 1000000000), (long)(due % 1000000000) };
}

static void
upstream_serve(struct upstream *u)
{
    struct epoll_event events[256];

    for (u->start_ns = net_now_ns();;) {
        struct timespec wait = upstream_wait(u);
        int count = epoll_pwait2(u->epoll, events, 256, &wait, NULL);

        if (u->slow == 0)
            upstream_turn_wheel(u);
        for (int i = 0; i < count; i++) {
            struct upstream_conn *c = events[i].data.ptr;

            if (c == &u->listener)
                upstream_accept(u);
            else if (((events[i].events & EPOLLOUT) != 0 && !upstream_flush(u, c, true)) ||
                     ((events[i].events & ~(unsigned)EPOLLOUT) != 0 && !upstream_read(u, c)))
                upstream_close(u, c);
        }
        upstream_turn_wheel(u);
    }
}

int
main(int argc, char **argv)
{
    static struct upstream u = { .every_ms = 500, .events = 500 };
    unsigned port;

    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--every-ms") == 0)
            u.every_ms = net_number(argv[i], argv[i + 1]);
        else if (strcmp(argv[i], "--events") == 0)
            u.events = net_number(argv[i], argv[i + 1]);
    }
    if (argc % 2 == 0 || u.every_ms == 0 || u.every_ms >= UPSTREAM_WHEEL)
        net_die("accepted: --every-ms 1 to %d, --events N", UPSTREAM_WHEEL - 1);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    prctl(PR_SET_TIMERSLACK, 1);
    net_files_max();
    upstream_render(&u);
    u.epoll = epoll_create1(EPOLL_CLOEXEC);
    u.listener.fd = net_listen(&port);
    net_watch(u.epoll, u.listener.fd, &u.listener);
    printf("listening %u json %zu event %zu events %llu\n", port, strlen(upstream_answer),
           (u.burst_len - sizeof(upstream_stream_head)) / (u.events + 2), (unsigned long long)u.events);
    fflush(stdout);
    upstream_serve(&u);
}
