#include "redis_admin.h"

#include <stdlib.h>

#include "redis_parts.h"

#define ADMIN_PAGE 256                 /* tokens */
#define ADMIN_ENTRY (REDIS_HOLDER + 9) /* holder, kind, milliseconds to live (8) */

static void
admin_tokens(struct redis_command *c, const struct wd_redis *r, struct wd_buf *out, enum wd_redis_kind kind, size_t args)
{
    redis_begin_script(c, r, out, kind, 3, args);
    redis_key(c, REDIS_KEY_CLOCK, NULL, 0);
    redis_key(c, REDIS_KEY_TOKENS, NULL, 0);
    redis_key(c, REDIS_KEY_TOKEN_INDEX, NULL, 0);
}

enum wd_err
wd_redis_token_put_format(const struct wd_redis *r, const uint8_t digest[32], const struct wd_principal *who, struct wd_buf *out)
{
    struct wd_span user = wd_span(who->user, strnlen(who->user, sizeof(who->user)));
    struct wd_span role = wd_span(who->role, strnlen(who->role, sizeof(who->role)));
    uint8_t token[REDIS_TOKEN_MAX];
    struct redis_command c;

    if (!wd_tokens_text_ok(user, WD_TOKEN_USER_MAX) || !wd_tokens_text_ok(role, WD_TOKEN_ROLE_MAX) || who->created_s < 0 ||
        who->expires_s < 0 || (uint64_t)who->expires_s > REDIS_MOST / 1000000)
        return WD_ERR_RANGE;
    admin_tokens(&c, r, out, WD_REDIS_TOKEN_PUT, 2);
    redis_arg(&c, digest, 32);
    redis_arg(&c, token, redis_token_put(token, who));
    return redis_end(&c);
}

enum wd_err
wd_redis_token_list_format(const struct wd_redis *r, struct wd_span prefix, const uint8_t *after, struct wd_buf *out)
{
    struct redis_command c;

    if (prefix.len > 32)
        return WD_ERR_RANGE;
    admin_tokens(&c, r, out, WD_REDIS_TOKEN_LIST, 3);
    redis_arg(&c, prefix.ptr, prefix.len);
    redis_arg(&c, after, after != NULL ? 32 : 0);
    redis_arg(&c, "256", 3);
    return redis_end(&c);
}

enum wd_redis_went
wd_redis_token_list_answer(const redisReply *reply,
                           bool (*fn)(void *ctx, const uint8_t digest[32], const struct wd_principal *who), void *ctx,
                           uint8_t last[32], bool *more)
{
    struct wd_span body = { NULL, 0 };
    size_t count = 0, seen = 0;
    char status = 0;

    *more = false;
    enum wd_redis_went went = redis_head(reply, &status, NULL, &count, &body);
    if (went != WD_REDIS_ANSWERED)
        return went;
    if (status != 'K')
        return WD_REDIS_UNCLEAR;
    for (; body.len > 0; seen++) {
        struct wd_principal who;
        size_t len = body.len > 34 ? redis_get(body.ptr + 32, 2) : 0;
        const uint8_t *digest = (const uint8_t *)body.ptr;
        if (seen >= ADMIN_PAGE || body.len < 34 + len || !redis_token_get(&who, digest, wd_span(body.ptr + 34, len)))
            return WD_REDIS_UNCLEAR;
        memcpy(last, digest, 32);
        if (!fn(ctx, digest, &who))
            return WD_REDIS_ANSWERED;
        body = wd_span(body.ptr + 34 + len, body.len - 34 - len);
    }
    *more = count == ADMIN_PAGE && seen > 0;
    return WD_REDIS_ANSWERED;
}

enum wd_err
wd_redis_token_drop_format(const struct wd_redis *r, const uint8_t digest[32], struct wd_buf *out)
{
    struct redis_command c;

    admin_tokens(&c, r, out, WD_REDIS_TOKEN_DROP, 2);
    redis_arg(&c, "d", 1);
    redis_arg(&c, digest, 32);
    return redis_end(&c);
}

enum wd_err
wd_redis_token_drop_user_format(const struct wd_redis *r, struct wd_span user, struct wd_buf *out)
{
    struct redis_command c;

    if (!wd_tokens_text_ok(user, WD_TOKEN_USER_MAX))
        return WD_ERR_RANGE;
    admin_tokens(&c, r, out, WD_REDIS_TOKEN_DROP, 2);
    redis_arg(&c, "u", 1);
    redis_arg(&c, user.ptr, user.len);
    return redis_end(&c);
}

static void
admin_entries(struct redis_command *c, const struct wd_ledger_entry *entries, size_t count)
{
    redis_key(c, REDIS_KEY_CLOCK, NULL, 0);
    for (size_t i = 0; i < count; i++)
        redis_key(c, REDIS_KEY_ENTRY, entries[i].key, sizeof(entries[i].key));
}

enum wd_err
wd_redis_ledger_put_format(const struct wd_redis *r, const struct wd_ledger_entry *entries, size_t count, struct wd_buf *out)
{
    uint8_t ask[WD_REDIS_ENTRIES_MAX * ADMIN_ENTRY];
    struct redis_command c;
    size_t n = 0;

    if (count == 0 || count > WD_REDIS_ENTRIES_MAX)
        return WD_ERR_LIMIT;
    for (size_t i = 0; i < count; i++) {
        if (entries[i].holder == 0 || entries[i].holder > REDIS_HOLDER_MAX || entries[i].expires_s == 0)
            return WD_ERR_RANGE;
        n += redis_put(ask + n, entries[i].holder, REDIS_HOLDER);
        ask[n++] = entries[i].kind;
        n += redis_put(ask + n, (uint64_t)entries[i].expires_s * 1000, 8);
    }
    redis_begin_script(&c, r, out, WD_REDIS_LEDGER_PUT, 1 + count, 1);
    admin_entries(&c, entries, count);
    redis_arg(&c, ask, n);
    return redis_end(&c);
}

enum wd_redis_went
wd_redis_ledger_put_answer(const redisReply *reply, struct wd_holding *held, size_t count, enum wd_err *err)
{
    struct wd_span body = { NULL, 0 };
    char status = 0;
    size_t which;

    enum wd_redis_went went = redis_head(reply, &status, NULL, &which, &body);
    *err = redis_went_err(went, reply);
    if (went != WD_REDIS_ANSWERED)
        return went;
    *err = WD_ERR_CORRUPT;
    if (status != 'K' || body.len != count * (1 + REDIS_HOLDER))
        return WD_REDIS_UNCLEAR;
    for (size_t i = 0; i < count; i++) {
        const char *at = body.ptr + i * (1 + REDIS_HOLDER);
        if ((uint8_t)at[0] > WD_HELD_OTHER)
            return WD_REDIS_UNCLEAR;
        held[i].held = (uint8_t)at[0];
        held[i].owner = redis_get(at + 1, REDIS_HOLDER);
    }
    *err = WD_OK;
    return WD_REDIS_ANSWERED;
}

enum wd_err
wd_redis_ledger_scan_format(const struct wd_redis *r, uint64_t cursor, struct wd_buf *out)
{
    char text[24];
    struct redis_command c;
    int len = snprintf(text, sizeof(text), "%llu", (unsigned long long)cursor);

    redis_begin(&c, r, out, 6);
    redis_arg(&c, "SCAN", 4);
    redis_arg(&c, text, (size_t)len);
    redis_arg(&c, "MATCH", 5);
    redis_key(&c, REDIS_KEY_ENTRY, "*", 1);
    redis_arg(&c, "COUNT", 5);
    redis_arg(&c, "256", 3);
    return redis_end(&c);
}

enum wd_redis_went
wd_redis_ledger_scan_answer(const struct wd_redis *r, const redisReply *reply, uint64_t *cursor, struct wd_ledger_entry *entries,
                            size_t *count)
{
    enum wd_redis_went went = redis_went(reply);
    size_t name = r->tag_len + 1;

    *count = 0;
    if (went != WD_REDIS_ANSWERED)
        return went;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 || reply->element[0] == NULL || reply->element[1] == NULL)
        return WD_REDIS_UNCLEAR;
    const redisReply *next = reply->element[0], *keys = reply->element[1];
    if (next->type != REDIS_REPLY_STRING || next->len == 0 || next->len > 20 || keys->type != REDIS_REPLY_ARRAY ||
        keys->elements > WD_REDIS_ENTRIES_MAX)
        return WD_REDIS_UNCLEAR;
    char text[24] = { 0 }, *end;
    memcpy(text, next->str, next->len);
    *cursor = strtoull(text, &end, 10);
    if (*end != 0 || end == text)
        return WD_REDIS_UNCLEAR;
    for (size_t i = 0; i < keys->elements; i++) {
        const redisReply *key = keys->element[i];
        if (key == NULL || key->type != REDIS_REPLY_STRING || key->len < name || memcmp(key->str, r->tag, r->tag_len) != 0)
            return WD_REDIS_UNCLEAR;
        if (key->len != name + sizeof(entries->key)) /* somebody else's */
            continue;
        memset(&entries[*count], 0, sizeof(entries[*count]));
        memcpy(entries[(*count)++].key, key->str + name, sizeof(entries->key));
    }
    return WD_REDIS_ANSWERED;
}

enum wd_err
wd_redis_ledger_read_format(const struct wd_redis *r, const struct wd_ledger_entry *entries, size_t count, struct wd_buf *out)
{
    struct redis_command c;

    if (count == 0 || count > WD_REDIS_ENTRIES_MAX)
        return WD_ERR_LIMIT;
    redis_begin_script(&c, r, out, WD_REDIS_LEDGER_READ, 1 + count, 0);
    admin_entries(&c, entries, count);
    return redis_end(&c);
}

enum wd_redis_went
wd_redis_ledger_read_answer(const redisReply *reply, struct wd_ledger_entry *entries, size_t count)
{
    struct wd_span body = { NULL, 0 };
    char status = 0;
    size_t which;

    enum wd_redis_went went = redis_head(reply, &status, NULL, &which, &body);
    if (went != WD_REDIS_ANSWERED)
        return went;
    if (status != 'K' || body.len != count * ADMIN_ENTRY)
        return WD_REDIS_UNCLEAR;
    for (size_t i = 0; i < count; i++) {
        const char *at = body.ptr + i * ADMIN_ENTRY;
        uint64_t left_s = (redis_get(at + REDIS_HOLDER + 1, 8) + 999) / 1000;
        entries[i].holder = redis_get(at, REDIS_HOLDER);
        entries[i].kind = (uint8_t)at[REDIS_HOLDER];
        entries[i].expires_s = left_s < UINT32_MAX ? (uint32_t)left_s : UINT32_MAX;
    }
    return WD_REDIS_ANSWERED;
}

enum wd_err
wd_redis_ledger_forget_format(const struct wd_redis *r, const struct wd_ledger_entry *entries, size_t count, struct wd_buf *out)
{
    struct redis_command c;

    if (count == 0 || count > WD_REDIS_ENTRIES_MAX)
        return WD_ERR_LIMIT;
    redis_begin(&c, r, out, 1 + count);
    redis_arg(&c, "DEL", 3);
    for (size_t i = 0; i < count; i++)
        redis_key(&c, REDIS_KEY_ENTRY, entries[i].key, sizeof(entries[i].key));
    return redis_end(&c);
}

enum wd_redis_went
wd_redis_done(const redisReply *reply, enum wd_err *err, uint64_t *count)
{
    struct wd_span body = { NULL, 0 };
    size_t which = 0;
    char status = 0;

    *count = 0;
    *err = WD_OK;
    if (reply != NULL && reply->type == REDIS_REPLY_INTEGER && reply->integer >= 0) {
        *count = (uint64_t)reply->integer;
        return WD_REDIS_ANSWERED;
    }
    enum wd_redis_went went = redis_head(reply, &status, NULL, &which, &body);
    *err = redis_went_err(went, reply);
    if (went == WD_REDIS_ANSWERED && status != 'K' && status != 'X') {
        *err = WD_ERR_CORRUPT;
        return WD_REDIS_UNCLEAR;
    }
    if (went == WD_REDIS_ANSWERED && status == 'X')
        *err = WD_ERR_RANGE;
    *count = which;
    return went;
}
