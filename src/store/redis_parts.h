#ifndef WD_REDIS_PARTS_H
#define WD_REDIS_PARTS_H

#include "redis_ops.h"

/* What the files of the shared store have in common. Private to them. Numbers are big-endian, as the scripts unpack them. */

/* 2^53 - 1: what a script can count exactly. */
#define REDIS_MOST (((uint64_t)1 << 53) - 1)
#define REDIS_HOLDER 7 /* bytes: wd_ledger_holder() is below 2^56 */
#define REDIS_HOLDER_MAX (((uint64_t)1 << 56) - 1)
#define REDIS_HEAD 11 /* of an answer: status, time (8), which (2) */

/* Of a key's name, after the tag. */
#define REDIS_KEY_CLOCK 't'
#define REDIS_KEY_META 'm'
#define REDIS_KEY_FILTER 'f'
#define REDIS_KEY_CHANGES 'g'
#define REDIS_KEY_BITS 'b'
#define REDIS_KEY_TOKENS 'T'
#define REDIS_KEY_TOKEN_INDEX 'I'
#define REDIS_KEY_CLAIM 'c'
#define REDIS_KEY_ENTRY 'l'
#define REDIS_KEY_SETTLED 's'

/* A command that grows in out; the first error is kept, and end puts out back as it was. */
struct redis_command {
    const struct wd_redis *r;
    struct wd_buf *out;
    size_t start;
    enum wd_err err;
};

void redis_begin(struct redis_command *c, const struct wd_redis *r, struct wd_buf *out, size_t args);
/* EVALSHA of a script with that many keys and arguments, which must follow, keys first. */
void redis_begin_script(struct redis_command *c, const struct wd_redis *r, struct wd_buf *out, enum wd_redis_kind kind,
                        size_t keys, size_t args);
void redis_arg(struct redis_command *c, const void *bytes, size_t len);
void redis_key(struct redis_command *c, char letter, const void *name, size_t len);
enum wd_err redis_end(struct redis_command *c) WD_CHECK;

static inline size_t
redis_put(uint8_t *to, uint64_t n, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        to[i] = (uint8_t)(n >> 8 * (bytes - 1 - i));
    return bytes;
}

static inline uint64_t
redis_get(const void *from, size_t bytes)
{
    const uint8_t *p = from;
    uint64_t n = 0;

    for (size_t i = 0; i < bytes; i++)
        n = n << 8 | p[i];
    return n;
}

/* WD_REDIS_ANSWERED for every reply that is no error. */
enum wd_redis_went redis_went(const redisReply *reply);
/*
 * A script's answer: its status, the time when not NULL, and what follows the head. WD_REDIS_ANSWERED also for a denial; LATE and
 * EMPTY are told by the status.
 */
enum wd_redis_went redis_head(const redisReply *reply, char *status, uint64_t *time_us, size_t *which, struct wd_span *body);
/* As op would have it. */
enum wd_err redis_went_err(enum wd_redis_went went, const redisReply *reply);

/* A token as it stands in Redis: version, created (8), expires (8), length of the user, user, role. */
#define REDIS_TOKEN_MAX (18 + WD_TOKEN_USER_MAX + WD_TOKEN_ROLE_MAX)
size_t redis_token_put(uint8_t to[REDIS_TOKEN_MAX], const struct wd_principal *who);
bool redis_token_get(struct wd_principal *who, const uint8_t digest[32], struct wd_span value);

#endif
