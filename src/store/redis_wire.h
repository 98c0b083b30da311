#ifndef WD_REDIS_WIRE_H
#define WD_REDIS_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include <hiredis/hiredis.h>

#include "../base/buf.h"
#include "../policy/policy.h"

/* The protocol of Redis (RESP2) as bytes and replies: no connection, no clock. What the gateway and the command line share. */

#define WD_REDIS_REPLY_BYTES (1 << 20) /* of one reply */
#define WD_REDIS_REPLY_ITEMS 65536     /* of one reply, on all its levels */

/* What a store is in, as a person and /readyz are told; the order is that of the texts. */
enum wd_redis_state {
    WD_REDIS_OK,
    WD_REDIS_CONNECTING,
    WD_REDIS_UNRESOLVED,   /* its name */
    WD_REDIS_UNREACHABLE,  /* no connection, or lost */
    WD_REDIS_SILENT,       /* no answer in time */
    WD_REDIS_PASSWORD,     /* refused: wrong, or missing */
    WD_REDIS_PERMISSION,   /* the user may not do what it must */
    WD_REDIS_TLS,          /* the certificate, or no TLS at all */
    WD_REDIS_GARBAGE,      /* not the protocol, or too large */
    WD_REDIS_LOADING,      /* its data from disk */
    WD_REDIS_READONLY,     /* a replica */
    WD_REDIS_FULL,         /* maxmemory */
    WD_REDIS_NO_MASTER,    /* the Sentinels know none, or a cluster is down */
    WD_REDIS_FAR,          /* an address that is not spoken to without TLS */
    WD_REDIS_OTHER_MASTER, /* its data was begun with another master key, or without one */
    WD_REDIS_OTHER_SCHEMA, /* or by another version of Warder */
    WD_REDIS_FORGETS,      /* maxmemory-policy is not noeviction */
    WD_REDIS_REFUSED,      /* another error: a disk that cannot be written, an older version */
    WD_REDIS_STATES,
};

/* Constant text of a few words. */
const char *wd_redis_state_text(enum wd_redis_state state);

/*
 * What an error reply says of the whole store: WD_REDIS_OK for an error of its command alone (NOSCRIPT, WRONGTYPE, ERR),
 * and for a reply that is none.
 */
enum wd_redis_state wd_redis_state_of(const redisReply *reply);

/* Replies out of bytes. Bounded as above: a count that a reply announces makes no memory beyond it. */
struct wd_redis_reader {
    redisReader *reader;
    size_t pending; /* bytes of a reply that is not whole */
    size_t items;
};

enum wd_err wd_redis_reader_init(struct wd_redis_reader *r) WD_CHECK;
void wd_redis_reader_deinit(struct wd_redis_reader *r); /* also after a failed or no init, when zeroed */
/* WD_ERR_NOMEM. */
enum wd_err wd_redis_reader_feed(struct wd_redis_reader *r, const char *bytes, size_t len) WD_CHECK;
/* WD_OK: *reply is the next one, freed by the caller with freeReplyObject(), or NULL when more bytes are needed. WD_ERR_SYNTAX,
 * WD_ERR_LIMIT. */
enum wd_err wd_redis_reader_next(struct wd_redis_reader *r, redisReply **reply) WD_CHECK;

/* Appends one command of count words, 1 and up. WD_ERR_LIMIT above the buffer's cap, WD_ERR_NOMEM; the buffer is then unchanged.
 */
enum wd_err wd_redis_command(struct wd_buf *out, const struct wd_span *words, size_t count) WD_CHECK;

/* What is said first on a connection. */
enum wd_redis_greeting {
    WD_REDIS_GREET_AUTH,   /* answered with a status */
    WD_REDIS_GREET_SELECT, /* the same */
    WD_REDIS_GREET_ROLE,
    WD_REDIS_GREETINGS,
};

/* Appends one of them; nothing when the store needs it not (no password; database 0). WD_ERR_NOMEM, WD_ERR_LIMIT. */
enum wd_err wd_redis_greet(struct wd_buf *out, const struct wd_store_url *store, enum wd_redis_greeting greeting) WD_CHECK;
/* What its answer says. */
enum wd_redis_state wd_redis_greeted(const struct wd_store_url *store, enum wd_redis_greeting greeting, const redisReply *reply);

/*
 * A command that says whether the store takes writes, and writes nothing: answered with 1, or with the reason (full, a replica,
 * loading, a disk that is full). Asks for Redis 7 and the right to EVAL.
 */
enum wd_err wd_redis_probe(struct wd_buf *out) WD_CHECK;
enum wd_redis_state wd_redis_probed(const redisReply *reply);

#define WD_REDIS_HOST_SIZE 256

/* Another place to go to. */
struct wd_redis_place {
    char host[WD_REDIS_HOST_SIZE]; /* a name or an address, no brackets */
    uint16_t port;
};

/* Asks a Sentinel for the master's address. */
enum wd_err wd_redis_ask_sentinel(struct wd_buf *out, const char *name) WD_CHECK;
/* False: it knows none, or the answer is none. */
bool wd_redis_sentinel_says(const redisReply *reply, struct wd_redis_place *place);
/* "MOVED slot host:port"; an empty host means that of before, which *place holds then. False for every other reply. */
bool wd_redis_moved(const redisReply *reply, struct wd_redis_place *place);

#endif
