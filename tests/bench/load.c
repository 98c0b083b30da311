/*
 * Requests over keep-alive connections. Closed loop: each connection asks again when it was answered. Open loop (--rate):
 * requests fall due at a constant rate whatever comes back, and their latency counts from when they were due, so a stall is not
 * hidden.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "answer.h"
#include "net.h"
#include "plan.h"

#define LOAD_LATENCIES_MAX (16 * 1024 * 1024)

struct load_conn {
    int fd;
    bool busy;
    bool begun; /* a byte of the answer came */
    uint64_t due_ns;
    struct answer answer;
};

struct load {
    struct plan plan;
    int epoll;
    struct load_conn *conns;
    struct load_conn **idle; /* ring: the one that rests longest comes first */
    unsigned idle_first, idle_count;
    uint64_t start_ns, measure_ns, end_ns, step_ns; /* requests due before measure_ns only warm up */
    uint64_t launched;
    uint64_t *latencies;
    size_t done;
    uint64_t errors, reconnects;
    char said[256]; /* the beginning of the first answer that was not a 200 */
};

static void
load_open(struct load *l, struct load_conn *c)
{
    c->fd = net_connect(l->plan.port);
    net_watch(l->epoll, c->fd, c);
}

static void
load_reopen(struct load *l, struct load_conn *c)
{
    close(c->fd);
    load_open(l, c);
    l->reconnects++;
}

static void
load_launch(struct load *l, struct load_conn *c, uint64_t due_ns)
{
    c->busy = true;
    c->begun = false;
    c->due_ns = due_ns;
    answer_reset(&c->answer);
    for (int tries = 0; net_send_all(c->fd, l->plan.request, l->plan.request_len) != 0; tries++) {
        if (tries == 3)
            net_fail("cannot send");
        load_reopen(l, c);
    }
}

static void
load_rest(struct load *l, struct load_conn *c)
{
    l->idle[(l->idle_first + l->idle_count++) % l->plan.connections] = c;
}

/* Whatever is due and finds a connection. */
static void
load_launch_due(struct load *l, uint64_t now)
{
    while (l->idle_count > 0) {
        uint64_t due = l->plan.rate > 0 ? l->start_ns + l->launched * l->step_ns : now;

        if (due > now)
            return;
        l->launched++;
        l->idle_count--;
        l->idle_first = (l->idle_first + 1) % l->plan.connections;
        load_launch(l, l->idle[(l->idle_first + l->plan.connections - 1) % l->plan.connections], due);
    }
}

static void
load_done(struct load *l, struct load_conn *c)
{
    uint64_t now = net_now_ns();

    if (c->answer.status != 200) {
        if (l->errors++ == 0)
            snprintf(l->said, sizeof(l->said), "%.250s", c->answer.head);
    } else if (c->due_ns >= l->measure_ns && now < l->end_ns && l->done < LOAD_LATENCIES_MAX)
        l->latencies[l->done++] = now - c->due_ns;
    c->busy = false;
    if (c->answer.close)
        load_reopen(l, c);
    load_rest(l, c);
}

static void
load_read(struct load *l, struct load_conn *c)
{
    static char bytes[65536];
    ssize_t n = recv(c->fd, bytes, sizeof(bytes), 0);

    if (n == -1 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        bool again = c->busy && !c->begun; /* a keep-alive connection that was closed meanwhile */

        if (c->busy && !again)
            net_die("an answer broke off");
        load_reopen(l, c);
        if (again)
            load_launch(l, c, c->due_ns);
        return;
    }
    c->begun = true;
    switch (c->busy ? answer_feed(&c->answer, bytes, (size_t)n, NULL, NULL) : ANSWER_BAD) {
    case ANSWER_MORE:
        return;
    case ANSWER_DONE:
        load_done(l, c);
        return;
    case ANSWER_BAD:
        net_die("an answer cannot be read: %.200s", c->answer.head);
    }
}

/* Until some answer comes or the next request is due. */
static int
load_wait(struct load *l, struct epoll_event *events, int max)
{
    uint64_t now = net_now_ns(), until = l->end_ns;
    struct timespec wait = { 0, 0 };

    if (l->plan.rate > 0 && l->idle_count > 0) {
        uint64_t due = l->start_ns + l->launched * l->step_ns;
        until = due < until ? due : until;
    }
    if (until > now) {
        wait.tv_sec = (time_t)((until - now) / 1000000000);
        wait.tv_nsec = (long)((until - now) % 1000000000);
    }
    return epoll_pwait2(l->epoll, events, max, &wait, NULL);
}

static double
load_own_s(void)
{
    struct rusage own;

    getrusage(RUSAGE_SELF, &own);
    return (double)(own.ru_utime.tv_sec + own.ru_stime.tv_sec) + (double)(own.ru_utime.tv_usec + own.ru_stime.tv_usec) / 1e6;
}

static void
load_run(struct load *l, struct plan_cpu *cpu, double *own_s)
{
    struct epoll_event events[256];
    bool measuring = false;

    l->start_ns = net_now_ns();
    l->step_ns = l->plan.rate > 0 ? 1000000000 / l->plan.rate : 0;
    l->measure_ns = l->start_ns + l->plan.warmup_ms * 1000000;
    l->end_ns = l->measure_ns + l->plan.ms * 1000000;

    for (uint64_t now; (now = net_now_ns()) < l->end_ns;) {
        if (!measuring && now >= l->measure_ns) {
            measuring = true;
            *cpu = plan_cpu(&l->plan);
            *own_s = load_own_s();
        }
        load_launch_due(l, now);
        for (int i = load_wait(l, events, 256) - 1; i >= 0; i--)
            load_read(l, events[i].data.ptr);
    }
    *own_s = load_own_s() - *own_s;
}

static void
load_report(struct load *l, struct plan_cpu before, double own_s)
{
    struct plan_cpu after = plan_cpu(&l->plan);
    double seconds = (double)l->plan.ms / 1e3, count = l->done > 0 ? (double)l->done : 1;

    plan_sort(l->latencies, l->done);
    printf("requests=%zu rate=%.0f p50_us=%.1f p90_us=%.1f p99_us=%.1f max_us=%.1f errors=%llu reconnects=%llu"
           " user_us=%.2f system_us=%.2f busy=%.2f load_us=%.2f\n",
           l->done, (double)l->done / seconds, (double)plan_rank(l->latencies, l->done, 0.5) / 1e3,
           (double)plan_rank(l->latencies, l->done, 0.9) / 1e3, (double)plan_rank(l->latencies, l->done, 0.99) / 1e3,
           (double)plan_rank(l->latencies, l->done, 1) / 1e3, (unsigned long long)l->errors, (unsigned long long)l->reconnects,
           (after.user_s - before.user_s) * 1e6 / count, (after.system_s - before.system_s) * 1e6 / count,
           (after.user_s - before.user_s + after.system_s - before.system_s) / seconds, own_s * 1e6 / count);
    if (l->errors > 0)
        net_die("%llu answers were not a 200; the first: %s", (unsigned long long)l->errors, l->said);
}

int
main(int argc, char **argv)
{
    struct load l = { .epoll = epoll_create1(EPOLL_CLOEXEC) };
    struct plan_cpu cpu = { 0, 0 };
    double own_s = 0;

    plan_read(&l.plan, argc, argv);
    net_files_max();
    prctl(PR_SET_TIMERSLACK, 1);
    l.conns = calloc(l.plan.connections, sizeof(*l.conns));
    l.idle = calloc(l.plan.connections, sizeof(*l.idle));
    l.latencies = malloc(LOAD_LATENCIES_MAX * sizeof(*l.latencies)); /* touched as it fills */
    if (l.epoll == -1 || l.conns == NULL || l.idle == NULL || l.latencies == NULL)
        net_fail("cannot start");
    for (unsigned i = 0; i < l.plan.connections; i++) {
        load_open(&l, &l.conns[i]);
        load_rest(&l, &l.conns[i]);
    }
    load_run(&l, &cpu, &own_s);
    load_report(&l, cpu, own_s);
    return 0;
}
