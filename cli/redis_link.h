#ifndef WD_REDIS_LINK_H
#define WD_REDIS_LINK_H

#include "../src/store/redis_wire.h"

/* A blocking connection to the policy's shared store, for commands. One at a time; not for the gateway. */
struct redis_link;

/* A sentence for a person, without the password. */
struct redis_link_error {
    char text[256];
};

/*
 * Connects to the master, by the Sentinels where the policy names them: the first host that works. *link stands on the policy,
 * which outlives it. False: *error says why, *link is NULL.
 */
bool redis_link_open(struct redis_link **link, const struct wd_policy *policy, struct redis_link_error *error) WD_CHECK;
void redis_link_close(struct redis_link *link); /* NULL too */

/*
 * Sends a command of wd_redis_command() and waits for its reply, which the caller frees with freeReplyObject(). A MOVED is
 * followed. An error of Redis is a reply. NULL: *error of the link says why; the link is of no more use, and whether the command
 * was carried out is not known.
 */
redisReply *redis_link_call(struct redis_link *link, struct wd_span command) WD_CHECK;
/* Why the last call gave NULL. */
const char *redis_link_why(const struct redis_link *link);
/* "127.0.0.1:6379": where it is connected to. */
const char *redis_link_place(const struct redis_link *link);

#endif
