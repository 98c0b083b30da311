#ifndef WD_CLI_SHARED_H
#define WD_CLI_SHARED_H

#include "../src/store/redis_admin.h"
#include "redis_link.h"

/* The shared store as a command uses it: connected, greeted, its scripts loaded. */
struct shared {
    struct redis_link *link;
    struct wd_redis redis;
    struct wd_redis_hello hello;
    uint8_t key[32];       /* of the store: the keys of ledger and limits are derived from it */
    bool mastered;         /* key comes from the master key */
    struct wd_buf command; /* for the next question */
};

/*
 * own: 32 bytes that become the key of an empty store where there is no master key; NULL: any. False with a message on stderr.
 * The policy outlives it.
 */
bool shared_open(struct shared *s, const struct wd_policy *policy, const uint8_t *own) WD_CHECK;
void shared_close(struct shared *s); /* also when it could not be opened */
/* Sends s->command, which is empty again afterwards; err is how it was made. NULL with a message on stderr. */
redisReply *shared_call(struct shared *s, enum wd_err err);
/* The same for what only changes something: WD_OK, or as described at the command; *count: how many it were. */
enum wd_err shared_done(struct shared *s, enum wd_err made, uint64_t *count) WD_CHECK;
/* Calls fn for each entry of the ledger until it returns false; expires_s is how long it lives. Some may be told twice. */
enum wd_err shared_entries(struct shared *s, bool (*fn)(void *ctx, const struct wd_ledger_entry *e), void *ctx) WD_CHECK;
/* The whole filter of named values; *filter is zeroed by the caller. False with a message on stderr. */
bool shared_filter(struct shared *s, struct wd_filter *filter) WD_CHECK;
/* An answer that is none: says why on stderr. */
void shared_complain(enum wd_redis_went said, enum wd_err err);

#endif
