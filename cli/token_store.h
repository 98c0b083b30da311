#ifndef WD_CLI_TOKEN_STORE_H
#define WD_CLI_TOKEN_STORE_H

#include "../src/store/tokens.h"
#include "shared.h"
#include "state.h"

/* Callers' tokens wherever the policy keeps them. Each function says on stderr what is wrong with the store. */
struct token_store {
    struct wd_tokens *own; /* in the state folder; NULL: shared */
    struct shared shared;
    struct state state;
};

bool token_store_open(struct token_store *t, const struct wd_policy *policy);
void token_store_close(struct token_store *t);

/* As wd_tokens_create(); WD_ERR_RANGE: the user is no text. */
enum wd_err token_store_create(struct token_store *t, const uint8_t random[32], const struct wd_principal *who, char token[48],
                               char id[17]) WD_CHECK;
/* As wd_tokens_list(). */
enum wd_err token_store_list(struct token_store *t, bool (*fn)(void *ctx, const struct wd_principal *who), void *ctx) WD_CHECK;
/* As wd_tokens_revoke() and wd_tokens_revoke_user(); WD_ERR_NOTFOUND is no fault of the store. */
enum wd_err token_store_revoke(struct token_store *t, struct wd_span which) WD_CHECK;
enum wd_err token_store_revoke_user(struct token_store *t, struct wd_span user, uint32_t *count) WD_CHECK;

#endif
