#ifndef WD_REDIS_ADMIN_H
#define WD_REDIS_ADMIN_H

#include "redis_ops.h"

/*
 * What a gateway asks when it connects, and what the command line asks of a shared store. Each _format appends one command, as
 * wd_redis_format(); the function after it reads the answer, as wd_redis_answer().
 */

/* The version of what stands in Redis. */
#define WD_REDIS_SCHEMA 1

enum wd_redis_refusal {
    WD_REDIS_WELCOME,
    WD_REDIS_SCHEMA_OTHER,      /* its data is of another version of Warder */
    WD_REDIS_MASTER_MISSING,    /* it was begun with a master key, and this gateway has none */
    WD_REDIS_MASTER_UNEXPECTED, /* it was begun without one, and this gateway has one */
    WD_REDIS_MASTER_OTHER,      /* this gateway's master key is another */
    WD_REDIS_EVICTS,            /* maxmemory-policy is not noeviction: it would forget what counts */
};
/* What is wrong and what to do about it, for people. */
const char *wd_redis_refusal_text(enum wd_redis_refusal why);
/* How the store stands then. */
enum wd_redis_state wd_redis_refusal_state(enum wd_redis_refusal why);

/*
 * The first thing on a connection, before anything else is asked; loads nothing, so it may go out together with the scripts. The
 * key of the store is in the place of an installation key for all gateways: the keys of limits and of the ledger are derived from
 * it.
 */
struct wd_redis_hello {
    /*
     * 32 random bytes (of the key that was told before, when there was one), which become the store's if it has none; the answer
     * tells the store's. With check: a value derived from the master key, of which nothing else may be learned; it stays as it
     * is.
     */
    uint8_t key[32];
    bool check;
    uint64_t filter_version; /* known; UINT64_MAX: of no interest */
    /* the answer */
    enum wd_err err; /* WD_OK; WD_ERR_DENIED with why; as wd_redis_answer() */
    enum wd_redis_refusal why;
    bool made; /* there was nothing: a new Redis, or one that lost everything */
};
/* The check value for a store's key that comes from a master key. */
void wd_redis_hello_check(const uint8_t store_key[32], uint8_t check[32]);
enum wd_err wd_redis_hello_format(const struct wd_redis *r, const struct wd_redis_hello *hello, struct wd_buf *out) WD_CHECK;
/* filter becomes that of Redis, when it is of another version than was asked with; NULL: of no interest. */
enum wd_redis_went wd_redis_hello_answer(struct wd_redis_hello *hello, struct wd_filter *filter, const redisReply *reply,
                                         uint64_t *time_us);

/* A named value: the hash of its first word modulo WD_FILTER_BITS, and how many words it has (1 to WD_FILTER_WORDS_MAX). */
struct wd_redis_name {
    uint32_t bit;
    uint8_t words;
};
/*
 * At most 256. known: version of the filter at hand; wd_redis_filter_apply() reads the answer and brings it up to date. May go
 * out together with the op that claims the values.
 */
enum wd_err wd_redis_name_format(const struct wd_redis *r, const struct wd_redis_name *names, size_t count, uint64_t known,
                                 struct wd_buf *out) WD_CHECK;

/* WD_ERR_RANGE: user or role are not those of a token. Answer: wd_redis_done(), WD_ERR_RANGE when another token has the digest;
 * count 0 when it was there already. */
enum wd_err wd_redis_token_put_format(const struct wd_redis *r, const uint8_t digest[32], const struct wd_principal *who,
                                      struct wd_buf *out) WD_CHECK;
/* Tokens whose digest begins with prefix (0 to 32 bytes: all, an id of 8, one), after a digest when not NULL: a page of 256. */
enum wd_err wd_redis_token_list_format(const struct wd_redis *r, struct wd_span prefix, const uint8_t *after,
                                       struct wd_buf *out) WD_CHECK;
/* fn for each; last: the digest to go on after; *more: there may be more. */
enum wd_redis_went wd_redis_token_list_answer(const redisReply *reply,
                                              bool (*fn)(void *ctx, const uint8_t digest[32], const struct wd_principal *who),
                                              void *ctx, uint8_t last[32], bool *more);
/* Answer: wd_redis_done(), count 0 or 1. */
enum wd_err wd_redis_token_drop_format(const struct wd_redis *r, const uint8_t digest[32], struct wd_buf *out) WD_CHECK;
/* Up to 500 of a user's tokens: ask until the count is 0. */
enum wd_err wd_redis_token_drop_user_format(const struct wd_redis *r, struct wd_span user, struct wd_buf *out) WD_CHECK;

/* Entries: at most 512 a command. expires_s is told and given as seconds from now. */
#define WD_REDIS_ENTRIES_MAX 512
/* Entries that are another's are left. */
enum wd_err wd_redis_ledger_put_format(const struct wd_redis *r, const struct wd_ledger_entry *entries, size_t count,
                                       struct wd_buf *out) WD_CHECK;
/* held and owner of each, as it was before, as wd_ledger_take() tells them; *err as wd_redis_done(). */
enum wd_redis_went wd_redis_ledger_put_answer(const redisReply *reply, struct wd_holding *held, size_t count, enum wd_err *err);
/* A page of keys, from cursor 0 until the answer's cursor is 0; a key may be told twice. */
enum wd_err wd_redis_ledger_scan_format(const struct wd_redis *r, uint64_t cursor, struct wd_buf *out) WD_CHECK;
/* entries has room for WD_REDIS_ENTRIES_MAX; only their keys are filled in. */
enum wd_redis_went wd_redis_ledger_scan_answer(const struct wd_redis *r, const redisReply *reply, uint64_t *cursor,
                                               struct wd_ledger_entry *entries, size_t *count);
/* What stands under those keys; an answer with holder 0 is gone meanwhile. */
enum wd_err wd_redis_ledger_read_format(const struct wd_redis *r, const struct wd_ledger_entry *entries, size_t count,
                                        struct wd_buf *out) WD_CHECK;
enum wd_redis_went wd_redis_ledger_read_answer(const redisReply *reply, struct wd_ledger_entry *entries, size_t count);
/* Answer: wd_redis_done(), count of those that were there. */
enum wd_err wd_redis_ledger_forget_format(const struct wd_redis *r, const struct wd_ledger_entry *entries, size_t count,
                                          struct wd_buf *out) WD_CHECK;

/* The answer to what only changes something. *err: WD_OK, or as described at the command; *count: how many it were. */
enum wd_redis_went wd_redis_done(const redisReply *reply, enum wd_err *err, uint64_t *count);

#endif
