#include "shared.h"

#include <sodium.h>
#include <stdio.h>

#include "../src/store/install.h"

#define SHARED_COMMAND_MAX (4 * 1024 * 1024)

void
shared_complain(enum wd_redis_went went, enum wd_err err)
{
    static const char *const why[] = {
        [WD_REDIS_LATE] = "answered too late",
        [WD_REDIS_EMPTY] = "has lost what it held; try again",
        [WD_REDIS_UNLOADED] = "has lost the scripts; try again",
        [WD_REDIS_ELSEWHERE] = "another node has the data; try again",
        [WD_REDIS_FAILED] = "cannot do it (full, read-only, or without the rights)",
        [WD_REDIS_UNCLEAR] = "gave an answer that is not understood",
    };

    if (went != WD_REDIS_ANSWERED)
        fprintf(stderr, "warder: the shared store: %s\n", why[went]);
    else
        fprintf(stderr, "warder: the shared store: %s\n", err == WD_ERR_FULL ? "is full" : "does not answer as it should");
}

redisReply *
shared_call(struct shared *s, enum wd_err err)
{
    redisReply *reply = NULL;

    if (err != WD_OK) {
        fprintf(stderr, "warder: the shared store: the question is %s\n", err == WD_ERR_NOMEM ? "out of memory" : "too large");
    } else if ((reply = redis_link_call(s->link, wd_buf_span(&s->command))) == NULL) {
        fprintf(stderr, "warder: the shared store: %s\n", redis_link_why(s->link));
    }
    wd_buf_clear(&s->command);
    return reply;
}

static bool
shared_greet(struct shared *s)
{
    uint64_t time_us;
    redisReply *reply;
    enum wd_redis_went went;

    randombytes_buf(s->hello.key, sizeof(s->hello.key));
    s->hello.filter_version = UINT64_MAX;
    reply = shared_call(s, wd_redis_hello_format(&s->redis, &s->hello, &s->command));
    if (reply == NULL)
        return false;
    went = wd_redis_hello_answer(&s->hello, NULL, reply, &time_us);
    freeReplyObject(reply);
    if (s->hello.err == WD_ERR_DENIED)
        fprintf(stderr, "warder: the shared store: %s\n", wd_redis_refusal_text(s->hello.why));
    else if (s->hello.err != WD_OK)
        shared_complain(went, s->hello.err);
    return s->hello.err == WD_OK;
}

static bool
shared_load(struct shared *s, enum wd_redis_kind kind)
{
    redisReply *reply;
    enum wd_redis_went went;

    reply = shared_call(s, wd_redis_load(&s->redis, kind, &s->command));
    if (reply == NULL)
        return false;
    went = wd_redis_loaded(&s->redis, kind, reply);
    freeReplyObject(reply);
    if (went != WD_REDIS_ANSWERED)
        shared_complain(went, WD_ERR_IO);
    return went == WD_REDIS_ANSWERED;
}

bool
shared_open(struct shared *s, const struct wd_policy *policy)
{
    struct redis_link_error error;

    memset(s, 0, sizeof(*s));
    wd_buf_init(&s->command, SHARED_COMMAND_MAX);
    if (wd_redis_init(&s->redis, NULL) != WD_OK)
        return false;
    if (!redis_link_open(&s->link, policy, &error)) {
        fprintf(stderr, "warder: %s\n", error.text);
        return false;
    }
    if (!shared_greet(s))
        return false;
    for (int kind = 0; kind < WD_REDIS_SCRIPTS; kind++)
        if (kind != WD_REDIS_HELLO && !shared_load(s, (enum wd_redis_kind)kind))
            return false;
    return true;
}

void
shared_close(struct shared *s)
{
    redis_link_close(s->link);
    s->link = NULL;
    wd_secret_wipe(s->hello.key, sizeof(s->hello.key));
    wd_buf_deinit(&s->command);
}
