#ifndef WD_CLI_SHARED_H
#define WD_CLI_SHARED_H

#include "../src/store/redis_admin.h"
#include "redis_link.h"

/* The shared store as a command uses it: connected, greeted, its scripts loaded. */
struct shared {
    struct redis_link *link;
    struct wd_redis redis;
    struct wd_redis_hello hello;
    struct wd_buf command; /* for the next question */
};

/* False with a message on stderr. The policy outlives it. */
bool shared_open(struct shared *s, const struct wd_policy *policy);
void shared_close(struct shared *s); /* also when it could not be opened */
/* Sends s->command, which is empty again afterwards; err is how it was made. NULL with a message on stderr. */
redisReply *shared_call(struct shared *s, enum wd_err err);
/* An answer that is none: says why on stderr. */
void shared_complain(enum wd_redis_went said, enum wd_err err);

#endif
