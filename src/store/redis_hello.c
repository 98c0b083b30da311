#include "redis_admin.h"

#include "install.h"
#include "redis_parts.h"

#define HELLO_KNOWN_ANY REDIS_MOST
#define HELLO_CHANGE 5 /* bit (4), words (1) */

const char *
wd_redis_refusal_text(enum wd_redis_refusal why)
{
    static const char *const texts[] = {
        [WD_REDIS_WELCOME] = "welcome",
        [WD_REDIS_SCHEMA_OTHER] =
            "the data in Redis is of another version of Warder (accepted: a Redis or a prefix of its own for "
            "each version)",
        [WD_REDIS_MASTER_MISSING] =
            "the data in Redis was begun with a master key and this gateway has none (accepted: the master "
            "key of the other gateways)",
        [WD_REDIS_MASTER_UNEXPECTED] = "the data in Redis was begun without a master key and this gateway has one (accepted: no "
                                       "master key, or a prefix of its own)",
        [WD_REDIS_MASTER_OTHER] = "this gateway's master key is not the one that the data in Redis was begun with",
        [WD_REDIS_EVICTS] = "Redis would throw out what counts when its memory is full (accepted: maxmemory-policy noeviction)",
    };

    return why < sizeof(texts) / sizeof(texts[0]) ? texts[why] : texts[WD_REDIS_SCHEMA_OTHER];
}

enum wd_redis_state
wd_redis_refusal_state(enum wd_redis_refusal why)
{
    switch (why) {
    case WD_REDIS_SCHEMA_OTHER:
        return WD_REDIS_OTHER_SCHEMA;
    case WD_REDIS_MASTER_MISSING:
    case WD_REDIS_MASTER_UNEXPECTED:
    case WD_REDIS_MASTER_OTHER:
        return WD_REDIS_OTHER_MASTER;
    case WD_REDIS_EVICTS:
        return WD_REDIS_FORGETS;
    case WD_REDIS_WELCOME:
        break;
    }
    return WD_REDIS_REFUSED;
}

void
wd_redis_hello_check(const uint8_t store_key[32], uint8_t check[32])
{
    wd_install_derive(store_key, "check", check);
}

enum wd_err
wd_redis_hello_format(const struct wd_redis *r, const struct wd_redis_hello *hello, struct wd_buf *out)
{
    const struct wd_redis_script *script = &r->scripts[WD_REDIS_HELLO];
    struct redis_command c;
    uint8_t ask[45];
    size_t n = redis_put(ask, WD_REDIS_SCHEMA, 4);

    ask[n++] = hello->check;
    n += redis_put(ask + n, hello->filter_version < HELLO_KNOWN_ANY ? hello->filter_version : HELLO_KNOWN_ANY, 8);
    memcpy(ask + n, hello->key, 32);
    redis_begin(&c, r, out, 8);
    redis_arg(&c, "EVAL", 4);
    redis_arg(&c, script->text, script->len);
    redis_arg(&c, "4", 1);
    redis_key(&c, REDIS_KEY_CLOCK, NULL, 0);
    redis_key(&c, REDIS_KEY_META, NULL, 0);
    redis_key(&c, REDIS_KEY_FILTER, NULL, 0);
    redis_key(&c, REDIS_KEY_BITS, NULL, 0);
    redis_arg(&c, ask, n + 32);
    return redis_end(&c);
}

static void
filter_set(struct wd_filter *f, uint32_t bit)
{
    f->bits[bit / 64] |= (uint64_t)1 << bit % 64;
}

/* words (4), bits: of each byte the highest is the first, as the script turned them. */
static bool
hello_filter(struct wd_filter *f, uint64_t version, struct wd_span s)
{
    const uint8_t *bytes = (const uint8_t *)s.ptr + 4;
    size_t count = s.len - 4;

    if (s.len < 4 || count > sizeof(f->bits) || redis_get(s.ptr, 4) >= (uint64_t)2 << WD_FILTER_WORDS_MAX)
        return false;
    memset(f, 0, sizeof(*f));
    f->version = version;
    f->word_counts = redis_get(s.ptr, 4);
    for (size_t i = 0; i < count; i++)
        f->bits[i / 8] |= (uint64_t)bytes[i] << i % 8 * 8;
    return true;
}

enum wd_redis_went
wd_redis_hello_answer(struct wd_redis_hello *hello, struct wd_filter *filter, const redisReply *reply, uint64_t *time_us)
{
    struct wd_span body = { NULL, 0 };
    uint64_t time = 0;
    size_t which = 0;
    char status = 0;

    hello->why = WD_REDIS_WELCOME;
    hello->made = false;
    enum wd_redis_went went = redis_head(reply, &status, &time, &which, &body);
    hello->err = redis_went_err(went, reply);
    if (went != WD_REDIS_ANSWERED)
        return went;
    hello->err = WD_ERR_CORRUPT;
    if (status == 'D' && which > WD_REDIS_WELCOME && which <= WD_REDIS_EVICTS && body.len == 0) {
        hello->err = WD_ERR_DENIED;
        hello->why = (enum wd_redis_refusal)which;
        return WD_REDIS_ANSWERED;
    }
    if (status != 'K' || body.len < 41 || (uint8_t)body.ptr[0] > 1)
        return WD_REDIS_UNCLEAR;
    if (hello->check && memcmp(hello->key, body.ptr + 1, 32) != 0)
        return WD_REDIS_UNCLEAR;
    uint64_t version = redis_get(body.ptr + 33, 8);
    struct wd_span bits = wd_span(body.ptr + 41, body.len - 41);
    if (version > REDIS_MOST || (bits.len == 0) != (hello->filter_version >= HELLO_KNOWN_ANY || version == hello->filter_version))
        return WD_REDIS_UNCLEAR;
    if (filter != NULL && bits.len > 0 && !hello_filter(filter, version, bits))
        return WD_REDIS_UNCLEAR;
    memcpy(hello->key, body.ptr + 1, 32);
    hello->made = body.ptr[0] == 1;
    hello->err = WD_OK;
    if (time_us != NULL && time != 0)
        *time_us = time;
    return WD_REDIS_ANSWERED;
}

enum wd_err
wd_redis_name_format(const struct wd_redis *r, const struct wd_redis_name *names, size_t count, uint64_t known,
                     struct wd_buf *out)
{
    uint8_t changes[256 * HELLO_CHANGE], ask[8];
    struct redis_command c;
    size_t n = 0;

    if (count > 256)
        return WD_ERR_LIMIT;
    if (known > REDIS_MOST)
        return WD_ERR_RANGE;
    redis_put(ask, known, 8);
    for (size_t i = 0; i < count; i++) {
        if (names[i].bit >= WD_FILTER_BITS || names[i].words == 0 || names[i].words > WD_FILTER_WORDS_MAX)
            return WD_ERR_RANGE;
        n += redis_put(changes + n, names[i].bit, 4);
        changes[n++] = names[i].words;
    }
    redis_begin_script(&c, r, out, WD_REDIS_NAME, 4, 2);
    redis_key(&c, REDIS_KEY_CLOCK, NULL, 0);
    redis_key(&c, REDIS_KEY_FILTER, NULL, 0);
    redis_key(&c, REDIS_KEY_CHANGES, NULL, 0);
    redis_key(&c, REDIS_KEY_BITS, NULL, 0);
    redis_arg(&c, ask, sizeof(ask));
    redis_arg(&c, changes, n);
    return redis_end(&c);
}

enum wd_err
wd_redis_filter_apply(struct wd_filter *f, const redisReply *reply)
{
    struct wd_span body = { NULL, 0 };
    size_t which;
    char status = 0;

    if (redis_head(reply, &status, NULL, &which, &body) != WD_REDIS_ANSWERED || status != 'S' || body.len < 9)
        return WD_ERR_CORRUPT;
    uint64_t version = redis_get(body.ptr, 8);
    size_t count = (body.len - 9) / HELLO_CHANGE;
    if (body.ptr[8] != 0)
        return WD_ERR_NOTFOUND;
    if ((body.len - 9) % HELLO_CHANGE != 0 || version > REDIS_MOST)
        return WD_ERR_CORRUPT;
    if (count > version)
        return WD_ERR_CORRUPT;
    if (f->version < version - count) /* between what is known and the first of them are others */
        return WD_ERR_NOTFOUND;
    if (f->version >= version) /* answers to questions that were asked at the same time overlap */
        return WD_OK;
    for (int apply = 0; apply < 2; apply++) { /* all of them or none */
        for (size_t i = 0; i < count; i++) {
            const char *change = body.ptr + 9 + i * HELLO_CHANGE;
            uint64_t bit = redis_get(change, 4), words = redis_get(change + 4, 1);
            if (bit >= WD_FILTER_BITS || words == 0 || words > WD_FILTER_WORDS_MAX)
                return WD_ERR_CORRUPT;
            if (apply == 1) {
                filter_set(f, (uint32_t)bit);
                f->word_counts |= (uint64_t)1 << words;
            }
        }
    }
    f->version = version;
    return WD_OK;
}
