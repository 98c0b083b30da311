#include <ctype.h>
#include <string.h>

#include "redis_parts.h"

/* Made by the build out of src/store/lua/. */
#include "src/store/lua_arrive.h"
#include "src/store/lua_hello.h"
#include "src/store/lua_issue.h"
#include "src/store/lua_ledger_put.h"
#include "src/store/lua_ledger_read.h"
#include "src/store/lua_name.h"
#include "src/store/lua_reserve.h"
#include "src/store/lua_settle.h"
#include "src/store/lua_token_drop.h"
#include "src/store/lua_token_list.h"
#include "src/store/lua_token_put.h"

#define SCRIPT(name)                                                                                                             \
    {                                                                                                                            \
#name, lua_##name, sizeof(lua_##name), ""                                                                                \
    }

static const struct wd_redis_script redis_scripts[WD_REDIS_SCRIPTS] = {
    [WD_REDIS_ARRIVE] = SCRIPT(arrive),
    [WD_REDIS_RESERVE] = SCRIPT(reserve),
    [WD_REDIS_SETTLE] = SCRIPT(settle),
    [WD_REDIS_ISSUE] = SCRIPT(issue),
    [WD_REDIS_HELLO] = SCRIPT(hello),
    [WD_REDIS_NAME] = SCRIPT(name),
    [WD_REDIS_TOKEN_PUT] = SCRIPT(token_put),
    [WD_REDIS_TOKEN_LIST] = SCRIPT(token_list),
    [WD_REDIS_TOKEN_DROP] = SCRIPT(token_drop),
    [WD_REDIS_LEDGER_PUT] = SCRIPT(ledger_put),
    [WD_REDIS_LEDGER_READ] = SCRIPT(ledger_read),
};

enum wd_err
wd_redis_init(struct wd_redis *r, const char *prefix)
{
    size_t len;

    if (prefix == NULL)
        prefix = "warder";
    len = strlen(prefix);
    if (len == 0 || len > WD_REDIS_PREFIX_MAX)
        return WD_ERR_RANGE;
    for (size_t i = 0; i < len; i++)
        if (!isascii((unsigned char)prefix[i]) || (!isalnum((unsigned char)prefix[i]) && strchr("._-", prefix[i]) == NULL))
            return WD_ERR_RANGE;
    memcpy(r->scripts, redis_scripts, sizeof(r->scripts));
    r->tag_len = (size_t)snprintf(r->tag, sizeof(r->tag), "{%s}:", prefix);
    return WD_OK;
}

enum wd_err
wd_redis_load(const struct wd_redis *r, enum wd_redis_kind kind, struct wd_buf *out)
{
    struct redis_command c;

    redis_begin(&c, r, out, 3);
    redis_arg(&c, "SCRIPT", 6);
    redis_arg(&c, "LOAD", 4);
    redis_arg(&c, r->scripts[kind].text, r->scripts[kind].len);
    return redis_end(&c);
}

enum wd_redis_went
wd_redis_loaded(struct wd_redis *r, enum wd_redis_kind kind, const redisReply *reply)
{
    enum wd_redis_went went = redis_went(reply);

    if (went != WD_REDIS_ANSWERED)
        return went;
    if ((reply->type != REDIS_REPLY_STRING && reply->type != REDIS_REPLY_STATUS) || reply->len != 40 || reply->str == NULL)
        return WD_REDIS_UNCLEAR;
    for (size_t i = 0; i < 40; i++)
        if (strchr("0123456789abcdef", reply->str[i]) == NULL || reply->str[i] == 0)
            return WD_REDIS_UNCLEAR;
    memcpy(r->scripts[kind].sha1, reply->str, 40);
    r->scripts[kind].sha1[40] = 0;
    return WD_REDIS_ANSWERED;
}
