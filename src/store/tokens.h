#ifndef WD_TOKENS_H
#define WD_TOKENS_H

#include <stdint.h>

#include "../base/buf.h"
#include "../base/err.h"
#include "../base/span.h"

/*
 * Caller tokens in LMDB: the digest (BLAKE2b-256) to user, role and times. What one
 * process creates or revokes, every other sees at its next lookup. Open after fork(2), once a process.
 */
struct wd_tokens;

#define WD_TOKEN_USER_MAX 128
#define WD_TOKEN_ROLE_MAX 64

struct wd_principal {
    char id[17]; /* first 8 bytes of the digest in hex: names the token in lists and for revoke */
    char user[WD_TOKEN_USER_MAX + 1];
    char role[WD_TOKEN_ROLE_MAX + 1];
    int64_t created_s, expires_s; /* Unix time; expires 0: never */
};

/* dir: the state folder, made by the caller (0700). New files get 0600 and the folder's owner. */
enum wd_err wd_tokens_open(struct wd_tokens **t, const char *dir, bool read_only) WD_CHECK;
void wd_tokens_close(struct wd_tokens *t);
/*
 * token receives "wdr_" and 43 characters (base64url of 32 random bytes handed in). User: 1 to 128 bytes of
 * well-formed UTF-8 without control characters, else WD_ERR_RANGE. Synced to disk on return.
 */
enum wd_err wd_tokens_create(struct wd_tokens *t, const uint8_t random[32], const struct wd_principal *who, char token[48],
                             char id[17]) WD_CHECK;
/* WD_ERR_NOTFOUND: unknown or not of the form; WD_ERR_DENIED: expired (*who filled in); WD_ERR_IO, WD_ERR_CORRUPT: the store
 * failed. */
enum wd_err wd_tokens_lookup(struct wd_tokens *t, struct wd_span token, int64_t now_s, struct wd_principal *who) WD_CHECK;
/* The same in two steps. False: not of the form of a token. */
bool wd_tokens_digest(struct wd_span token, uint8_t digest[32]);
enum wd_err wd_tokens_find(struct wd_tokens *t, const uint8_t digest[32], int64_t now_s, struct wd_principal *who) WD_CHECK;
/* A user or role: 1 to max bytes of well-formed UTF-8 without control characters. */
bool wd_tokens_text_ok(struct wd_span s, size_t max);
/* which: an id, or the token itself. WD_ERR_NOTFOUND. */
enum wd_err wd_tokens_revoke(struct wd_tokens *t, struct wd_span which) WD_CHECK;
/* All tokens of a user; *count tells how many. */
enum wd_err wd_tokens_revoke_user(struct wd_tokens *t, struct wd_span user, uint32_t *count) WD_CHECK;
/* The text, digest and id of a new token of 32 random bytes. */
void wd_tokens_make(const uint8_t random[32], char token[48], uint8_t digest[32], char id[17]);
/* Calls fn for each, in order of creation; stops when it returns false. */
enum wd_err wd_tokens_list(struct wd_tokens *t, bool (*fn)(void *ctx, const struct wd_principal *who), void *ctx) WD_CHECK;
/* Tokens as another store has them: by digest. */
struct wd_token_entry {
    uint8_t digest[32];
    struct wd_principal who;
};
/* A page of up to room entries in the order of digests, those behind after (NULL: from the first). *count less than room: the
 * last. */
enum wd_err wd_tokens_page(struct wd_tokens *t, const uint8_t *after, struct wd_token_entry *entries, size_t room,
                           size_t *count) WD_CHECK;
/*
 * All of entries in one step, synced to disk. *added tells how many were not there; *others how many digests stand for somebody
 * else and were left. WD_ERR_RANGE: a user or role that cannot be; nothing was written.
 */
enum wd_err wd_tokens_put(struct wd_tokens *t, const struct wd_token_entry *entries, size_t count, size_t *added,
                          size_t *others) WD_CHECK;
/* A write and its undoing, for readiness. */
enum wd_err wd_tokens_probe(struct wd_tokens *t) WD_CHECK;

#endif
