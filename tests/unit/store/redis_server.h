#ifndef TEST_REDIS_SERVER_H
#define TEST_REDIS_SERVER_H

#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "scratch.h"
#include "store/redis_ops.h"

/* A redis-server of the test's own on a unix socket, and one connection to it. */
struct redis_server {
    struct scratch s;
    pid_t pid;
    int fd;
    redisReader *reader;
    struct wd_redis redis;
    struct wd_buf out;
};

static inline int
redis_server_connect(struct redis_server *rs)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true((size_t)snprintf(at.sun_path, sizeof(at.sun_path), "%.100s/r", rs->s.dir) < sizeof(at.sun_path));
    if (connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0)
        return fd;
    close(fd);
    return -1;
}

/* Sends what stands in out and waits for the answer; the caller frees it. */
static inline redisReply *
redis_server_ask(struct redis_server *rs)
{
    void *reply = NULL;
    char buf[65536];

    for (size_t at = 0; at < rs->out.len;) {
        ssize_t n = write(rs->fd, rs->out.ptr + at, rs->out.len - at);
        assert_true(n > 0);
        at += (size_t)n;
    }
    wd_buf_clear(&rs->out);
    for (;;) {
        assert_int_equal(redisReaderGetReply(rs->reader, &reply), REDIS_OK);
        if (reply != NULL)
            return reply;
        ssize_t n = read(rs->fd, buf, sizeof(buf));
        assert_true(n > 0);
        redisReaderFeed(rs->reader, buf, (size_t)n);
    }
}

static inline redisReply *
redis_server_command(struct redis_server *rs, const char *format, ...)
{
    char *text;
    va_list ap;

    va_start(ap, format);
    int len = redisvFormatCommand(&text, format, ap);
    va_end(ap);
    assert_true(len > 0);
    assert_int_equal(wd_buf_add(&rs->out, wd_span(text, (size_t)len)), WD_OK);
    redisFreeCommand(text);
    return redis_server_ask(rs);
}

#define redis_server_do(...) freeReplyObject(redis_server_command(__VA_ARGS__))

static inline bool
redis_server_start(struct redis_server *rs)
{
    const char *program = access("/usr/bin/redis-server", X_OK) == 0 ? "/usr/bin/redis-server" : "/usr/local/bin/redis-server";
    char socket_path[300];

    memset(rs, 0, sizeof(*rs));
    if (access(program, X_OK) != 0) {
        print_message("redis-server is not installed: nothing tested\n");
        return false;
    }
    scratch_make(&rs->s);
    snprintf(socket_path, sizeof(socket_path), "%s", scratch_path(&rs->s, "r"));
    rs->pid = fork();
    if (rs->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execl(program, program, "--port", "0", "--unixsocket", socket_path, "--save", "", "--appendonly", "no", "--dir",
              rs->s.dir, "--logfile", scratch_path(&rs->s, "log"), "--enable-debug-command", "yes", (char *)NULL);
        _exit(127);
    }
    while ((rs->fd = redis_server_connect(rs)) < 0) {
        assert_int_equal(waitpid(rs->pid, NULL, WNOHANG), 0);
        usleep(2000);
    }
    rs->reader = redisReaderCreate();
    wd_buf_init(&rs->out, 64 << 20);
    assert_int_equal(wd_redis_init(&rs->redis, NULL), WD_OK);
    return true;
}

static inline void
redis_server_stop(struct redis_server *rs)
{
    if (rs->pid <= 0)
        return;
    close(rs->fd);
    redisReaderFree(rs->reader);
    wd_buf_deinit(&rs->out);
    kill(rs->pid, SIGKILL);
    waitpid(rs->pid, NULL, 0);
    scratch_drop(&rs->s);
}

static inline void
redis_server_load(struct redis_server *rs)
{
    for (int kind = 0; kind < WD_REDIS_SCRIPTS; kind++) {
        if (rs->redis.scripts[kind].text == NULL)
            continue;
        assert_int_equal(wd_redis_load(&rs->redis, kind, &rs->out), WD_OK);
        redisReply *reply = redis_server_ask(rs);
        if (reply->type == REDIS_REPLY_ERROR)
            fail_msg("%s: %s", rs->redis.scripts[kind].name, reply->str);
        assert_int_equal(wd_redis_loaded(&rs->redis, kind, reply), WD_REDIS_ANSWERED);
        freeReplyObject(reply);
    }
}

static inline enum wd_redis_went
redis_server_run(struct redis_server *rs, struct wd_store_op *op, uint64_t deadline_us)
{
    uint64_t time_us = 0;

    assert_int_equal(wd_redis_format(&rs->redis, op, deadline_us, &rs->out), WD_OK);
    redisReply *reply = redis_server_ask(rs);
    enum wd_redis_went went = wd_redis_answer(op, reply, &time_us);
    if (reply->type == REDIS_REPLY_ERROR && getenv("VERBOSE") != NULL)
        print_message("%s\n", reply->str);
    freeReplyObject(reply);
    return went;
}

static inline void
redis_server_fresh(struct redis_server *rs)
{
    static const uint8_t clock[16] = { 0 };

    redis_server_do(rs, "FLUSHALL");
    redis_server_do(rs, "SET {warder}:t %b", clock, sizeof(clock));
    redis_server_do(rs, "HSET {warder}:f version 0"); /* and not from the time on */
}

static inline struct wd_claim
redis_claim(const char *name, uint64_t count, uint32_t window_s, enum wd_unit unit, uint64_t amount)
{
    struct wd_claim c = { .limit = { .count = count, .window_s = window_s, .unit = (uint8_t)unit }, .amount = amount };

    snprintf((char *)c.key, sizeof(c.key), "%s", name);
    return c;
}

static inline struct wd_store_op
redis_op(enum wd_store_kind kind, struct wd_reservation *held)
{
    return (struct wd_store_op){ .kind = kind, .held = held, .filter_version = UINT64_MAX };
}

/* What a file of tests asks: started before the first, emptied before each, skipped where Redis is not installed. */
static struct redis_server rs;

static inline int
redis_fixture_start(void **state)
{
    (void)state;
    if (redis_server_start(&rs))
        redis_server_load(&rs);
    return 0;
}

static inline int
redis_fixture_stop(void **state)
{
    (void)state;
    redis_server_stop(&rs);
    return 0;
}

static inline int
redis_fixture_each(void **state)
{
    (void)state;
    if (rs.pid == 0)
        skip();
    redis_server_fresh(&rs);
    return 0;
}

#endif
