#include "shared.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "../src/store/install.h"
#include "master_key.h"

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

/* version, filter: as struct wd_redis_hello has them. */
static bool
shared_greet(struct shared *s, uint64_t version, struct wd_filter *filter)
{
    uint64_t time_us;
    redisReply *reply;
    enum wd_redis_went went;

    if (s->mastered)
        wd_redis_hello_check(s->key, s->hello.key);
    else
        memcpy(s->hello.key, s->key, sizeof(s->hello.key));
    s->hello.check = s->mastered;
    s->hello.filter_version = version;
    reply = shared_call(s, wd_redis_hello_format(&s->redis, &s->hello, &s->command));
    if (reply == NULL)
        return false;
    went = wd_redis_hello_answer(&s->hello, filter, reply, &time_us);
    freeReplyObject(reply);
    if (s->hello.err == WD_ERR_DENIED)
        fprintf(stderr, "warder: the shared store: %s\n", wd_redis_refusal_text(s->hello.why));
    else if (s->hello.err != WD_OK)
        shared_complain(went, s->hello.err);
    else if (!s->mastered)
        memcpy(s->key, s->hello.key, sizeof(s->key));
    return s->hello.err == WD_OK;
}

bool
shared_filter(struct shared *s, struct wd_filter *filter)
{
    return shared_greet(s, 0, filter);
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

/* The key that the store shall have. */
static bool
shared_key(struct shared *s, const uint8_t *own)
{
    struct wd_secret *master;

    if (!master_key_load(getenv, &master))
        return false;
    s->mastered = master != NULL;
    if (s->mastered)
        wd_install_derive((const uint8_t *)wd_secret_get(master).ptr, "store", s->key);
    else if (own != NULL)
        memcpy(s->key, own, sizeof(s->key));
    else
        randombytes_buf(s->key, sizeof(s->key));
    wd_secret_free(master);
    return true;
}

bool
shared_open(struct shared *s, const struct wd_policy *policy, const uint8_t *own)
{
    struct redis_link_error error;

    memset(s, 0, sizeof(*s));
    wd_buf_init(&s->command, SHARED_COMMAND_MAX);
    if (!shared_key(s, own))
        return false;
    if (wd_redis_init(&s->redis, NULL) != WD_OK)
        return false;
    if (!redis_link_open(&s->link, policy, &error)) {
        fprintf(stderr, "warder: %s\n", error.text);
        return false;
    }
    if (!shared_greet(s, UINT64_MAX, NULL))
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
    wd_secret_wipe(s->key, sizeof(s->key));
    wd_buf_deinit(&s->command);
}

enum wd_err
shared_done(struct shared *s, enum wd_err made, uint64_t *count)
{
    redisReply *reply;
    enum wd_redis_went went;
    enum wd_err err;

    if (made == WD_ERR_RANGE)
        return made;
    if ((reply = shared_call(s, made)) == NULL)
        return WD_ERR_IO;
    went = wd_redis_done(reply, &err, count);
    freeReplyObject(reply);
    if (went != WD_REDIS_ANSWERED || (err != WD_OK && err != WD_ERR_RANGE))
        shared_complain(went, err);
    return went != WD_REDIS_ANSWERED && err == WD_OK ? WD_ERR_IO : err;
}

/* A page of entries; those that are gone have holder 0. */
static enum wd_err
shared_page(struct shared *s, uint64_t *cursor, struct wd_ledger_entry *entries, size_t *count)
{
    redisReply *reply = shared_call(s, wd_redis_ledger_scan_format(&s->redis, *cursor, &s->command));
    enum wd_redis_went went;

    if (reply == NULL)
        return WD_ERR_IO;
    went = wd_redis_ledger_scan_answer(&s->redis, reply, cursor, entries, count);
    freeReplyObject(reply);
    if (went == WD_REDIS_ANSWERED && *count > 0) {
        if ((reply = shared_call(s, wd_redis_ledger_read_format(&s->redis, entries, *count, &s->command))) == NULL)
            return WD_ERR_IO;
        went = wd_redis_ledger_read_answer(reply, entries, *count);
        freeReplyObject(reply);
    }
    if (went != WD_REDIS_ANSWERED)
        shared_complain(went, WD_ERR_IO);
    return went == WD_REDIS_ANSWERED ? WD_OK : WD_ERR_IO;
}

enum wd_err
shared_entries(struct shared *s, bool (*fn)(void *ctx, const struct wd_ledger_entry *e), void *ctx)
{
    struct wd_ledger_entry entries[WD_REDIS_ENTRIES_MAX];
    uint64_t cursor = 0;
    size_t count;

    do {
        enum wd_err err = shared_page(s, &cursor, entries, &count);
        if (err != WD_OK)
            return err;
        for (size_t i = 0; i < count; i++)
            if (entries[i].holder != 0 && !fn(ctx, &entries[i]))
                return WD_OK;
    } while (cursor != 0);
    return WD_OK;
}
