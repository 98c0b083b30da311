#ifndef WD_CLI_LEDGER_STORE_H
#define WD_CLI_LEDGER_STORE_H

#include "../src/store/ledger.h"
#include "shared.h"
#include "state.h"

/* The ledger wherever the policy keeps it. Each function says on stderr what is wrong with the store. */
struct ledger_store {
    struct wd_ledger *own; /* in the state folder; NULL: shared */
    struct shared shared;
    struct state state;
    uint8_t key[32]; /* of fingerprints and holders */
    bool entered;
};

bool ledger_store_open(struct ledger_store *l, const struct wd_policy *policy);
void ledger_store_close(struct ledger_store *l); /* also when it could not be opened */

/*
 * Makes holder the owner of all of items, and notes those that are named, when none is another's; *others tells how many are.
 * Up to WD_REDIS_HOLDINGS_MAX in one step; of more in a shared store some may be taken when an error comes between.
 */
enum wd_err ledger_store_add(struct ledger_store *l, struct wd_holding *items, size_t count, uint64_t holder, uint32_t keep_s,
                             size_t *others) WD_CHECK;
typedef bool ledger_store_fn(void *ctx, const struct wd_ledger_entry *e);
/* As wd_ledger_list(); an entry of a shared store that grows or shrinks meanwhile may be told twice. */
enum wd_err ledger_store_list(struct ledger_store *l, ledger_store_fn *fn, void *ctx) WD_CHECK;
/* Those of the keys that are there. *count grows by how many they were. */
enum wd_err ledger_store_forget(struct ledger_store *l, const struct wd_ledger_entry *keys, size_t n, uint64_t *count) WD_CHECK;
/* As wd_ledger_forget_if(). */
enum wd_err ledger_store_forget_if(struct ledger_store *l, ledger_store_fn *fn, void *ctx, uint64_t *count) WD_CHECK;

#endif
