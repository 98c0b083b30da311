#include <sodium.h>

#include "redis_parts.h"

#define TOKEN_VERSION 1
#define TOKEN_HEAD 18

size_t
redis_token_put(uint8_t to[REDIS_TOKEN_MAX], const struct wd_principal *who)
{
    size_t user = strnlen(who->user, WD_TOKEN_USER_MAX), role = strnlen(who->role, WD_TOKEN_ROLE_MAX);

    to[0] = TOKEN_VERSION;
    redis_put(to + 1, (uint64_t)who->created_s, 8);
    redis_put(to + 9, (uint64_t)who->expires_s, 8);
    to[17] = (uint8_t)user;
    memcpy(to + TOKEN_HEAD, who->user, user);
    memcpy(to + TOKEN_HEAD + user, who->role, role);
    return TOKEN_HEAD + user + role;
}

bool
redis_token_get(struct wd_principal *who, const uint8_t digest[32], struct wd_span value)
{
    const uint8_t *p = (const uint8_t *)value.ptr;

    if (value.len < TOKEN_HEAD || value.len > REDIS_TOKEN_MAX || p[0] != TOKEN_VERSION || p[17] > value.len - TOKEN_HEAD)
        return false;
    struct wd_span user = wd_span(value.ptr + TOKEN_HEAD, p[17]);
    struct wd_span role = wd_span(value.ptr + TOKEN_HEAD + p[17], value.len - TOKEN_HEAD - p[17]);
    uint64_t created = redis_get(p + 1, 8), expires = redis_get(p + 9, 8);
    if (!wd_tokens_text_ok(user, WD_TOKEN_USER_MAX) || !wd_tokens_text_ok(role, WD_TOKEN_ROLE_MAX) || created > INT64_MAX ||
        expires > REDIS_MOST)
        return false;
    memset(who, 0, sizeof(*who));
    sodium_bin2hex(who->id, sizeof(who->id), digest, 8);
    memcpy(who->user, user.ptr, user.len);
    memcpy(who->role, role.ptr, role.len);
    who->created_s = (int64_t)created;
    who->expires_s = (int64_t)expires;
    return true;
}
