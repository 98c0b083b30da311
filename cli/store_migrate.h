#ifndef WD_CLI_STORE_MIGRATE_H
#define WD_CLI_STORE_MIGRATE_H

#include "../src/policy/policy.h"

/*
 * Copies tokens and ledger between the state folder and the shared store, both the policy's; what is there already stays as it
 * is, and nothing is taken away. to_shared: from the folder. tokens_only: leaves the ledger. False with a message on stderr; what
 * was copied until then stays, and another run goes on.
 */
bool store_migrate(const struct wd_policy *policy, bool to_shared, bool tokens_only);

#endif
