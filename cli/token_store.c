#include "token_store.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

static enum wd_err
store_failed(enum wd_err err)
{
    const char *what = err == WD_ERR_CORRUPT ? "is damaged" : err == WD_ERR_FULL ? "is full" : strerror(errno);

    if (err != WD_OK && err != WD_ERR_NOTFOUND && err != WD_ERR_RANGE)
        fprintf(stderr, "warder: tokens.mdb in the state folder: %s\n", what);
    return err;
}

bool
token_store_open(struct token_store *t, const struct wd_policy *policy)
{
    memset(t, 0, sizeof(*t));
    if (policy->store.shared)
        return shared_open(&t->shared, policy, NULL);
    if (!state_open(&t->state, policy->state) || !state_enter(&t->state))
        return false;
    return store_failed(wd_tokens_open(&t->own, ".", false)) == WD_OK;
}

void
token_store_close(struct token_store *t)
{
    wd_tokens_close(t->own);
    if (t->shared.link != NULL)
        shared_close(&t->shared);
    if (t->state.fd > 0)
        state_leave(&t->state);
}

enum wd_err
token_store_create(struct token_store *t, const uint8_t random[32], const struct wd_principal *who, char token[48], char id[17])
{
    uint8_t digest[32];
    uint64_t count;

    if (t->own != NULL)
        return store_failed(wd_tokens_create(t->own, random, who, token, id));
    wd_tokens_make(random, token, digest, id);
    enum wd_err err =
        shared_done(&t->shared, wd_redis_token_put_format(&t->shared.redis, digest, who, &t->shared.command), &count);
    if (err != WD_OK)
        sodium_memzero(token, 48);
    return err;
}

/* --- the tokens of a shared store, page by page --- */

struct store_page {
    struct wd_principal *all;
    uint8_t (*digests)[32];
    size_t count, room;
};

static bool
page_keep(void *ctx, const uint8_t digest[32], const struct wd_principal *who)
{
    struct store_page *p = ctx;

    if (p->count == p->room) {
        size_t room = p->room > 0 ? 2 * p->room : 256;
        struct wd_principal *all = reallocarray(p->all, room, sizeof(*all));
        if (all == NULL)
            return false;
        p->all = all;
        uint8_t(*digests)[32] = reallocarray(p->digests, room, sizeof(*digests));
        if (digests == NULL)
            return false;
        p->digests = digests;
        p->room = room;
    }
    p->all[p->count] = *who;
    memcpy(p->digests[p->count++], digest, 32);
    return true;
}

static enum wd_err
shared_pages(struct token_store *t, struct wd_span prefix, struct store_page *p)
{
    uint8_t last[32];
    bool more = false, first = true;

    do {
        redisReply *reply = shared_call(
            &t->shared, wd_redis_token_list_format(&t->shared.redis, prefix, first ? NULL : last, &t->shared.command));
        if (reply == NULL)
            return WD_ERR_IO;
        enum wd_redis_went went = wd_redis_token_list_answer(reply, page_keep, p, last, &more);
        freeReplyObject(reply);
        if (went != WD_REDIS_ANSWERED) {
            shared_complain(went, WD_ERR_IO);
            return WD_ERR_IO;
        }
        first = false;
    } while (more);
    return WD_OK;
}

static int
page_by_age(const void *a, const void *b)
{
    const struct wd_principal *x = a, *y = b;

    if (x->created_s != y->created_s)
        return x->created_s < y->created_s ? -1 : 1;
    return strcmp(x->id, y->id);
}

enum wd_err
token_store_list(struct token_store *t, bool (*fn)(void *ctx, const struct wd_principal *who), void *ctx)
{
    struct store_page page = { NULL, NULL, 0, 0 };

    if (t->own != NULL)
        return store_failed(wd_tokens_list(t->own, fn, ctx));
    enum wd_err err = shared_pages(t, wd_span("", 0), &page);
    if (err == WD_OK && page.count > 0)
        qsort(page.all, page.count, sizeof(*page.all), page_by_age);
    for (size_t i = 0; err == WD_OK && i < page.count && fn(ctx, &page.all[i]); i++)
        continue;
    free(page.all);
    free(page.digests);
    return err;
}

enum wd_err
token_store_revoke(struct token_store *t, struct wd_span which)
{
    struct store_page page = { NULL, NULL, 0, 0 };
    uint8_t prefix[32];
    uint64_t count = 0;
    size_t len = 32;
    enum wd_err err;

    if (t->own != NULL)
        return store_failed(wd_tokens_revoke(t->own, which));
    if (!wd_tokens_digest(which, prefix) &&
        (which.len != 16 || sodium_hex2bin(prefix, 8, which.ptr, which.len, NULL, &len, NULL) != 0 || len != 8))
        return WD_ERR_NOTFOUND;
    err = shared_pages(t, wd_span((const char *)prefix, len), &page);
    for (size_t i = 0; err == WD_OK && i < page.count; i++) {
        uint64_t dropped = 0;
        err =
            shared_done(&t->shared, wd_redis_token_drop_format(&t->shared.redis, page.digests[i], &t->shared.command), &dropped);
        count += dropped;
    }
    free(page.all);
    free(page.digests);
    return err == WD_OK && count == 0 ? WD_ERR_NOTFOUND : err;
}

enum wd_err
token_store_revoke_user(struct token_store *t, struct wd_span user, uint32_t *count)
{
    uint64_t dropped;
    enum wd_err err;

    if (t->own != NULL)
        return store_failed(wd_tokens_revoke_user(t->own, user, count));
    *count = 0;
    do {
        dropped = 0;
        err = shared_done(&t->shared, wd_redis_token_drop_user_format(&t->shared.redis, user, &t->shared.command), &dropped);
        *count += (uint32_t)dropped;
    } while (err == WD_OK && dropped > 0);
    return err == WD_ERR_RANGE || (err == WD_OK && *count == 0) ? WD_ERR_NOTFOUND : err;
}
