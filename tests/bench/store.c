/*
 * What the stores of one machine cost: bench_store [--entries N] [--dir DIR]. Nanoseconds an operation, reading the clock among
 * them; with --entries the ledger is filled with that many first, and what it takes on the disk is printed.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/store.h"

enum {
    BENCH_OPS = 200000,
    BENCH_LOOKS = 64, /* operations before the file is looked at again: the gateway does it each few milliseconds */
    BENCH_CLAIMS = 5,
    BENCH_VALUES = 2,
    BENCH_NOW = 1700000000,
    BENCH_LIMITS_BYTES = 64 << 20,
};

static const uint8_t bench_secret[32] = { 1, 2, 3 };

struct bench {
    struct wd_store store;
    uint64_t next; /* the next value that was never seen */
    uint64_t known;
    uint64_t random;
    uint32_t *times;
};

static uint64_t
bench_now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static int
bench_order(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

static uint64_t
bench_pick(struct bench *b, uint64_t below)
{
    b->random = b->random * 6364136223846793005u + 1442695040888963407u;
    return (b->random >> 20) % below;
}

static void
bench_die(const char *what)
{
    fprintf(stderr, "bench_store: %s failed\n", what);
    exit(1);
}

static struct wd_holding
bench_value(uint64_t n)
{
    struct wd_holding h = { .kind = 1 };

    wd_ledger_key(h.key, bench_secret, "value", WD_SPAN("ann"), wd_span((const char *)&n, sizeof(n)));
    return h;
}

static void
bench_claims(struct bench *b, struct wd_claim claims[BENCH_CLAIMS])
{
    static const char *const scopes[BENCH_CLAIMS] = { "provider", "provider_user", "role", "user", "model" };

    for (size_t i = 0; i < BENCH_CLAIMS; i++) {
        uint64_t user = i == 1 || i == 3 ? bench_pick(b, 1000) : 0;
        claims[i] = (struct wd_claim){ .limit = { .count = 1000000000, .window_s = 3600 } };
        wd_limits_key(claims[i].key, bench_secret, scopes[i], wd_span((const char *)&user, sizeof(user)), WD_SPAN(""));
    }
}

/* look, take of what is nobody's, end: as a request does it, without its limits. */
static void
bench_new(struct bench *b, uint64_t n)
{
    struct wd_holding h = bench_value(n);
    uint64_t from = bench_now_ns();

    if (wd_ledger_begin(b->store.ledger, BENCH_NOW) != WD_OK)
        bench_die("begin");
    wd_ledger_look(b->store.ledger, &h, 1, 1);
    if (h.held != WD_HELD_NOT || wd_ledger_take(b->store.ledger, &h, 1, 1, 86400, 1) != WD_OK)
        bench_die("take");
    wd_ledger_end(b->store.ledger);
    b->times[n % BENCH_OPS] = (uint32_t)(bench_now_ns() - from);
}

static void
bench_op_new(struct bench *b, uint32_t i)
{
    (void)i;
    bench_new(b, b->next++);
}

static void
bench_op_known(struct bench *b, uint32_t i)
{
    struct wd_holding h = bench_value(bench_pick(b, b->known));
    uint64_t from = bench_now_ns();

    if (wd_ledger_begin(b->store.ledger, BENCH_NOW) != WD_OK)
        bench_die("begin");
    wd_ledger_look(b->store.ledger, &h, 1, 1);
    wd_ledger_end(b->store.ledger);
    if (h.held != WD_HELD_SAME)
        bench_die("look");
    b->times[i] = (uint32_t)(bench_now_ns() - from);
}

static void
bench_op_limits(struct bench *b, uint32_t i)
{
    struct wd_claim claims[BENCH_CLAIMS];
    size_t which;

    bench_claims(b, claims);
    uint64_t from = bench_now_ns();
    if (wd_limits_take(b->store.limits, claims, BENCH_CLAIMS, from / 1000, &which) != WD_OK)
        bench_die("limits");
    b->times[i] = (uint32_t)(bench_now_ns() - from);
}

static void
bench_run(struct bench *b, uint32_t i, uint64_t first, uint64_t second)
{
    struct wd_claim claims[BENCH_CLAIMS];
    struct wd_holding values[BENCH_VALUES] = { bench_value(first), bench_value(second) };
    struct wd_reservation held = { .claims = claims, .claim_count = BENCH_CLAIMS, .values = values, .value_count = BENCH_VALUES };
    struct wd_store_op op = { .kind = WD_STORE_RESERVE, .held = &held };

    held.provider = held.user = 1;
    held.keep_s = 86400;
    held.nonce = i + 1;
    bench_claims(b, claims);
    uint64_t from = bench_now_ns();
    wd_store_run(&b->store, &op, (uint64_t)BENCH_NOW * 1000000, from / 1000);
    b->times[i] = (uint32_t)(bench_now_ns() - from);
    if (op.err != WD_OK)
        bench_die("reserve");
}

static void
bench_op_request_new(struct bench *b, uint32_t i)
{
    b->next += 2;
    bench_run(b, i, b->next - 2, b->next - 1);
}

static void
bench_op_request_known(struct bench *b, uint32_t i)
{
    bench_run(b, i, bench_pick(b, b->known), bench_pick(b, b->known));
}

static void
bench_measure(struct bench *b, const char *name, void (*op)(struct bench *b, uint32_t i))
{
    for (uint32_t i = 0; i < BENCH_OPS; i++) {
        if (i % BENCH_LOOKS == 0) {
            wd_ledger_look_again(b->store.ledger);
            wd_limits_look_again(b->store.limits);
        }
        op(b, i);
    }
    qsort(b->times, BENCH_OPS, sizeof(*b->times), bench_order);
    printf("%-46s p50 %5u ns, p99 %5u ns\n", name, b->times[BENCH_OPS / 2], b->times[BENCH_OPS / 100 * 99]);
}

static void
bench_fill(struct bench *b, const char *path, uint64_t entries)
{
    struct stat st;
    uint64_t from = bench_now_ns();

    while (b->next < entries) {
        if (b->next % BENCH_LOOKS == 0)
            wd_ledger_look_again(b->store.ledger);
        bench_new(b, b->next++);
    }
    from = bench_now_ns() - from;
    b->known = b->next;
    if (stat(path, &st) != 0)
        bench_die("stat");
    printf("%-46s %.1f s, %.0f MB on the disk, %.1f bytes an entry\n", "ledger filled", (double)from / 1e9,
           (double)st.st_blocks * 512 / 1e6, (double)st.st_blocks * 512 / (double)entries);
}

static void
bench_all(struct bench *b, const char *dir, uint64_t entries)
{
    char ledger[512], limits[512];

    snprintf(ledger, sizeof(ledger), "%s/ledger.map", dir);
    snprintf(limits, sizeof(limits), "%s/limits.map", dir);
    if (wd_ledger_prepare(ledger, 0, BENCH_NOW) != WD_OK || wd_ledger_open(&b->store.ledger, ledger, 0) != WD_OK)
        bench_die("ledger");
    if (wd_limits_prepare(limits, BENCH_LIMITS_BYTES, 1, 1) != WD_OK ||
        wd_limits_open(&b->store.limits, limits, BENCH_LIMITS_BYTES) != WD_OK)
        bench_die("limits");
    bench_fill(b, ledger, entries);
    bench_measure(b, "ledger, a known value: look", bench_op_known);
    bench_measure(b, "ledger, a new value: look and take", bench_op_new);
    bench_measure(b, "limits, 5 of them: take", bench_op_limits);
    bench_measure(b, "a request, 5 limits and 2 known values", bench_op_request_known);
    bench_measure(b, "a request, 5 limits and 2 new values", bench_op_request_new);
    wd_ledger_close(b->store.ledger);
    uint64_t from = bench_now_ns();
    if (wd_ledger_prepare(ledger, 0, BENCH_NOW) != WD_OK)
        bench_die("prepare");
    printf("%-46s %.0f ms\n", "ledger, start", (double)(bench_now_ns() - from) / 1e6);
    wd_limits_close(b->store.limits);
    unlink(ledger);
    unlink(limits);
    rmdir(dir);
}

int
main(int argc, char **argv)
{
    static const struct option options[] = { { "entries", required_argument, NULL, 'e' },
                                             { "dir", required_argument, NULL, 'd' },
                                             { 0 } };
    struct bench b = { .random = 1, .times = malloc(BENCH_OPS * sizeof(*b.times)) };
    uint64_t entries = 200000;
    const char *in = "/tmp";
    char dir[256];
    int c;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == 'e')
            entries = strtoull(optarg, NULL, 10);
        else if (c == 'd')
            in = optarg;
        else
            return 2;
    }
    snprintf(dir, sizeof(dir), "%s/bench-store-XXXXXX", in);
    if (b.times == NULL || entries == 0 || mkdtemp(dir) == NULL)
        bench_die("start");
    bench_all(&b, dir, entries);
    free(b.times);
    return 0;
}
