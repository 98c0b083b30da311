/*
 * What one Redis carries: microseconds that it spends on each op of the shared store, ops a second over one connection, and bytes
 * an entry of the ledger. Usage: bench_redis SOCKET [ENTRIES]; empties that Redis.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "store/redis_admin.h"

#define PIPELINE 32
#define CLAIMS 5

static int fd;
static redisReader *reader;
static struct wd_redis redis;
static struct wd_buf out;

static void
fail(const char *what)
{
    fprintf(stderr, "bench_redis: %s\n", what);
    exit(1);
}

static void
check(bool ok, const char *what)
{
    if (!ok)
        fail(what);
}

static double
seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
send_all(void)
{
    for (size_t at = 0; at < out.len;) {
        ssize_t n = write(fd, out.ptr + at, out.len - at);
        check(n > 0, strerror(errno));
        at += (size_t)n;
    }
    wd_buf_clear(&out);
}

static redisReply *
next(void)
{
    void *reply = NULL;
    char buf[16384];

    for (;;) {
        check(redisReaderGetReply(reader, &reply) == REDIS_OK, reader->errstr);
        if (reply != NULL)
            return reply;
        ssize_t n = read(fd, buf, sizeof(buf));
        check(n > 0, "the connection is closed");
        redisReaderFeed(reader, buf, (size_t)n);
    }
}

static redisReply *
ask(const char *command)
{
    char *made;
    int len = redisFormatCommand(&made, command);

    check(len > 0 && wd_buf_add(&out, wd_span(made, (size_t)len)) == WD_OK, command);
    redisFreeCommand(made);
    send_all();
    return next();
}

/* The number after name, after the first place of where. */
static double
number(const char *command, const char *where, const char *name)
{
    redisReply *reply = ask(command);
    const char *at = reply->str != NULL ? strstr(reply->str, where) : NULL;
    double n = 0;

    if (at != NULL && (at = strstr(at, name)) != NULL)
        n = atof(at + strlen(name));
    freeReplyObject(reply);
    return n;
}

static void
connect_to(const char *path)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };

    check((size_t)snprintf(at.sun_path, sizeof(at.sun_path), "%s", path) < sizeof(at.sun_path), "the path is too long");
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    check(connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0, strerror(errno));
    reader = redisReaderCreate();
    wd_buf_init(&out, (size_t)64 << 20);
    check(wd_redis_init(&redis, NULL) == WD_OK, "init");
    freeReplyObject(ask("FLUSHALL"));
    for (int kind = 0; kind < WD_REDIS_SCRIPTS; kind++) {
        check(wd_redis_load(&redis, (enum wd_redis_kind)kind, &out) == WD_OK, "load");
        send_all();
        redisReply *reply = next();
        check(wd_redis_loaded(&redis, (enum wd_redis_kind)kind, reply) == WD_REDIS_ANSWERED, "loaded");
        freeReplyObject(reply);
    }
    struct wd_redis_hello hello = { .filter_version = UINT64_MAX };
    check(wd_redis_hello_format(&redis, &hello, &out) == WD_OK, "hello");
    send_all();
    redisReply *reply = next();
    check(wd_redis_hello_answer(&hello, NULL, reply, NULL) == WD_REDIS_ANSWERED && hello.err == WD_OK, "hello");
    freeReplyObject(reply);
}

/* One exchange's memory. */
struct bench {
    struct wd_claim claims[CLAIMS];
    struct wd_holding values[64];
    struct wd_reservation held;
    struct wd_store_op op;
};

static struct bench slots[PIPELINE];
static uint32_t serial;

static void
draw(struct bench *b, size_t logs, size_t slices, size_t values)
{
    b->held = (struct wd_reservation){ .claims = b->claims,
                                       .claim_count = logs + slices,
                                       .values = b->values,
                                       .value_count = values,
                                       .provider = 1,
                                       .keep_s = 86400,
                                       .nonce = ++serial };
    b->op = (struct wd_store_op){ .kind = WD_STORE_RESERVE, .held = &b->held, .filter_version = UINT64_MAX };
    for (size_t i = 0; i < logs + slices; i++) {
        uint32_t user = i < 2 ? (uint32_t)i : serial * 2654435761u >> 24; /* some of all, some of each of 256 users */
        b->claims[i] = (struct wd_claim){ .limit = { 1000, 1, WD_UNIT_REQUESTS }, .amount = 500 };
        if (i >= logs)
            b->claims[i].limit = (struct wd_limit){ (uint64_t)1 << 50, 3600, WD_UNIT_TOKENS };
        else if (i < 2)
            b->claims[i].limit = (struct wd_limit){ 100000000, 60, WD_UNIT_REQUESTS };
        memcpy(b->claims[i].key, &user, sizeof(user));
        b->claims[i].key[15] = (uint8_t)(i + logs * 16);
    }
    for (size_t i = 0; i < values; i++) {
        uint64_t key = ((uint64_t)serial << 8 | i) * 0x9e3779b97f4a7c15u;
        memcpy(b->values[i].key, &key, sizeof(key));
        b->values[i].key[15] = 9;
    }
}

static void
flush(struct bench *all, size_t count)
{
    send_all();
    for (size_t i = 0; i < count; i++) {
        redisReply *reply = next();
        if (wd_redis_answer(&all[i].op, reply, NULL) != WD_REDIS_ANSWERED || all[i].op.err != WD_OK)
            fail(reply->type == REDIS_REPLY_ERROR ? reply->str : "an op was refused");
        freeReplyObject(reply);
    }
}

/* Seconds of processor that Redis has used. */
static double
processor(void)
{
    return number("INFO cpu", "used_cpu_sys:", "used_cpu_sys:") + number("INFO cpu", "used_cpu_user:", "used_cpu_user:");
}

static void
tell(const char *name, double used, size_t count, double rate)
{
    printf("%-48s %5.1f us of Redis' processor (script by the clock: %5.1f us), %6.0f ops/s\n", name,
           (processor() - used) * 1e6 / (double)count, number("INFO commandstats", "cmdstat_evalsha:", "usec_per_call="), rate);
}

static void
measure(const char *name, size_t logs, size_t slices, size_t values, bool settle, size_t count)
{
    freeReplyObject(ask("CONFIG RESETSTAT"));
    double began = seconds(), used = processor();
    for (size_t n = 0; n < count; n += PIPELINE) {
        for (size_t i = 0; i < PIPELINE; i++) {
            draw(&slots[i], logs, slices, values);
            check(wd_redis_format(&redis, &slots[i].op, 0, &out) == WD_OK, "format");
        }
        flush(slots, PIPELINE);
        for (size_t i = 0; settle && i < PIPELINE; i++) {
            slots[i].op.kind = WD_STORE_SETTLE;
            for (size_t k = 0; k < slots[i].held.claim_count; k++)
                slots[i].claims[k].used = 400;
            check(wd_redis_format(&redis, &slots[i].op, 0, &out) == WD_OK, "format");
        }
        if (settle)
            flush(slots, PIPELINE);
    }
    double rate = (double)count * (settle ? 2 : 1) / (seconds() - began);
    tell(name, used, count * (settle ? 2 : 1), rate);
}

static void
tokens(size_t count)
{
    struct wd_principal who = { .user = "somebody", .role = "basic" };
    uint8_t digest[32] = { 0 };

    for (size_t i = 0; i < count; i++) {
        memcpy(digest, &i, sizeof(i));
        check(wd_redis_token_put_format(&redis, digest, &who, &out) == WD_OK, "token");
        send_all();
        freeReplyObject(next());
    }
}

static void
arrivals(size_t count)
{
    freeReplyObject(ask("CONFIG RESETSTAT"));
    double began = seconds(), used = processor();
    for (size_t n = 0; n < count; n += PIPELINE) {
        for (size_t i = 0; i < PIPELINE; i++) {
            draw(&slots[i], 2, 0, 0);
            size_t user = serial % 1000;
            slots[i].op.kind = WD_STORE_ARRIVE;
            slots[i].op.has_digest = true;
            memcpy(slots[i].op.digest, &user, sizeof(user));
            slots[i].op.address = slots[i].op.failed = slots[i].claims[1];
            check(wd_redis_format(&redis, &slots[i].op, 0, &out) == WD_OK, "format");
        }
        flush(slots, PIPELINE);
    }
    tell("arrive, address and token", used, count, (double)count / (seconds() - began));
}

static void
ledger(size_t entries)
{
    double before = number("INFO memory", "", "used_memory:");

    for (size_t n = 0; n < entries; n += 64) {
        draw(&slots[0], 0, 0, 64);
        check(wd_redis_format(&redis, &slots[0].op, 0, &out) == WD_OK, "format");
        flush(slots, 1);
    }
    double used = number("INFO memory", "", "used_memory:") - before;
    printf("ledger of %zu entries: %.0f MB, %.1f bytes each\n", entries, used / 1e6, used / (double)entries);
}

int
main(int argc, char **argv)
{
    check(argc >= 2, "usage: bench_redis SOCKET [ENTRIES]");
    connect_to(argv[1]);
    tokens(1000);
    arrivals(40000);
    measure("reserve, 1 limit of requests", 1, 0, 0, false, 40000);
    measure("reserve, 5 limits of requests", 5, 0, 0, false, 40000);
    measure("reserve, 5 limits of tokens", 0, 5, 0, false, 40000);
    measure("reserve, 3 of requests, 2 of tokens", 3, 2, 0, false, 40000);
    measure("reserve, 3 of requests, 2 of tokens, 3 values", 3, 2, 3, false, 40000);
    measure("reserve and settle, 5 limits of tokens", 0, 5, 0, true, 40000);
    if (argc > 2)
        ledger(strtoul(argv[2], NULL, 10));
    return 0;
}
