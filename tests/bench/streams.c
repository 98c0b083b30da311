/*
 * Streams, many at once. Says "open N" when each brought its first event, then counts events for --ms. Of an endless stream: how
 * long the finished words and the last word of an event were under way, and how much text of an event had not come with it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "answer.h"
#include "net.h"
#include "plan.h"
#include "stamp.h"

#define STREAMS_EVENT_MAX 4096
#define STREAMS_DELAYS_MAX (4 * 1024 * 1024)

struct stream {
    int fd;
    struct streams *all;
    struct answer answer;
    bool open;
    uint64_t pos; /* bytes of text so far */
    uint64_t stamp_ns;
    size_t event_len;
    char event[STREAMS_EVENT_MAX];
};

struct streams {
    struct plan plan;
    int epoll;
    unsigned open;
    uint64_t now_ns, measure_ns, end_ns;
    uint64_t events, bytes, held_sum, held_max, ended, reconnects;
    uint64_t *word_ns, *last_ns; /* how long finished words and last words were under way */
    size_t words, lasts;
};

static void
streams_take_text(struct stream *s, const char *text, size_t len)
{
    struct streams *all = s->all;

    for (size_t i = 0; i < len; i++) {
        unsigned k = (unsigned)(s->pos++ % STAMP_TEXT);

        if (k == 0) {
            if (text[i] != ' ')
                net_die("the text was changed: %.*s", (int)len, text);
            s->stamp_ns = 0;
        } else if (k <= STAMP_LETTERS)
            s->stamp_ns = s->stamp_ns * 26 + (uint64_t)(text[i] - 'a');
        if (all->measure_ns == 0 || s->stamp_ns < all->measure_ns)
            continue;
        if (k == STAMP_LETTERS && all->words < STREAMS_DELAYS_MAX)
            all->word_ns[all->words++] = all->now_ns - s->stamp_ns;
        else if (k == STAMP_TEXT - 1 && all->lasts < STREAMS_DELAYS_MAX)
            all->last_ns[all->lasts++] = all->now_ns - s->stamp_ns;
    }
    if (all->measure_ns > 0) {
        uint64_t held = (STAMP_TEXT - s->pos % STAMP_TEXT) % STAMP_TEXT;

        all->events++;
        all->held_sum += held;
        all->held_max = held > all->held_max ? held : all->held_max;
    }
    if (!s->open) {
        s->open = true;
        all->open++;
    }
}

static void
streams_take_event(struct stream *s)
{
    static const char name[] = "\"content\":\"";
    char *text = memmem(s->event, s->event_len, name, sizeof(name) - 1), *end;

    if (text == NULL) {
        if (memmem(s->event, s->event_len, "\"error\"", 7) != NULL)
            net_die("a stream ended with an error: %.*s", (int)s->event_len, s->event);
        return;
    }
    text += sizeof(name) - 1;
    end = memchr(text, '"', s->event_len - (size_t)(text - s->event));
    if (end == NULL)
        net_die("an event is not whole: %.*s", (int)s->event_len, s->event);
    if (end > text)
        streams_take_text(s, text, (size_t)(end - text));
}

static void
streams_take_body(void *ctx, const char *bytes, size_t len)
{
    struct stream *s = ctx;

    s->all->bytes += len;
    while (len > 0) {
        const char *line = memchr(bytes, '\n', len);
        size_t take = line != NULL ? (size_t)(line + 1 - bytes) : len;

        if (s->event_len + take > sizeof(s->event))
            net_die("an event is too long");
        memcpy(s->event + s->event_len, bytes, take);
        s->event_len += take;
        if (line != NULL && (s->event_len == 1 || s->event[s->event_len - 2] == '\n')) {
            streams_take_event(s);
            s->event_len = 0;
        }
        bytes += take;
        len -= take;
    }
}

static void
streams_ask(struct stream *s)
{
    answer_reset(&s->answer);
    s->event_len = 0;
    s->pos = 0;
    if (net_send_all(s->fd, s->all->plan.request, s->all->plan.request_len) != 0)
        net_fail("cannot send");
}

static void
streams_start(struct stream *s)
{
    s->fd = net_connect(s->all->plan.port);
    net_watch(s->all->epoll, s->fd, s);
    streams_ask(s);
}

static void
streams_read(struct stream *s)
{
    static char bytes[65536];
    ssize_t n = recv(s->fd, bytes, sizeof(bytes), 0);

    if (n == -1 && (errno == EAGAIN || errno == EINTR))
        return;
    s->all->now_ns = net_now_ns();
    if (n <= 0)
        net_die("a stream broke off");
    switch (answer_feed(&s->answer, bytes, (size_t)n, streams_take_body, s)) {
    case ANSWER_MORE:
        return;
    case ANSWER_DONE:
        if (s->answer.status != 200)
            net_die("no stream, but: %s", s->answer.head);
        s->all->ended++;
        if (!s->answer.close) {
            streams_ask(s);
            return;
        }
        s->all->reconnects++;
        close(s->fd);
        streams_start(s);
        return;
    case ANSWER_BAD:
        net_die("an answer cannot be read: %.200s", s->answer.head);
    }
}

static void
streams_run(struct streams *all)
{
    struct epoll_event events[256];
    uint64_t give_up = net_now_ns() + 30000000000ull, now;
    struct plan_cpu cpu = { 0, 0 }, after;
    double seconds = (double)all->plan.ms / 1e3, count;

    while ((now = net_now_ns()) < all->end_ns || all->measure_ns == 0) {
        if (all->measure_ns == 0 && all->open == all->plan.connections) {
            printf("open %u\n", all->open);
            fflush(stdout);
            cpu = plan_cpu(&all->plan);
            all->bytes = 0;
            all->measure_ns = net_now_ns();
            all->end_ns = all->measure_ns + all->plan.ms * 1000000;
        }
        if (all->measure_ns == 0 && now > give_up)
            net_die("%u of %u streams brought an event within 30 s", all->open, all->plan.connections);
        for (int i = epoll_wait(all->epoll, events, 256, 20) - 1; i >= 0; i--)
            streams_read(events[i].data.ptr);
    }
    after = plan_cpu(&all->plan);
    count = all->events > 0 ? (double)all->events : 1;
    plan_sort(all->word_ns, all->words);
    plan_sort(all->last_ns, all->lasts);
    printf("events=%llu rate=%.0f mbytes=%.1f ended=%llu held_mean=%.1f held_max=%llu word_p50_us=%.1f word_p99_us=%.1f"
           " last_p50_us=%.1f cpu_us=%.2f busy=%.2f\n",
           (unsigned long long)all->events, (double)all->events / seconds, (double)all->bytes / seconds / 1e6,
           (unsigned long long)all->ended, (double)all->held_sum / count, (unsigned long long)all->held_max,
           (double)plan_rank(all->word_ns, all->words, 0.5) / 1e3, (double)plan_rank(all->word_ns, all->words, 0.99) / 1e3,
           (double)plan_rank(all->last_ns, all->lasts, 0.5) / 1e3,
           (after.user_s - cpu.user_s + after.system_s - cpu.system_s) * 1e6 / count,
           (after.user_s - cpu.user_s + after.system_s - cpu.system_s) / seconds);
}

int
main(int argc, char **argv)
{
    struct streams all = { .epoll = epoll_create1(EPOLL_CLOEXEC) };
    struct stream *streams;

    plan_read(&all.plan, argc, argv);
    net_files_max();
    streams = calloc(all.plan.connections, sizeof(*streams));
    all.word_ns = malloc(STREAMS_DELAYS_MAX * sizeof(*all.word_ns)); /* touched as they fill */
    all.last_ns = malloc(STREAMS_DELAYS_MAX * sizeof(*all.last_ns));
    if (all.epoll == -1 || streams == NULL || all.word_ns == NULL || all.last_ns == NULL)
        net_fail("cannot start");
    for (unsigned i = 0; i < all.plan.connections; i++) {
        streams[i].all = &all;
        streams_start(&streams[i]);
    }
    streams_run(&all);
    return 0;
}
