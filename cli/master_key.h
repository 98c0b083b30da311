#ifndef WD_MASTER_KEY_H
#define WD_MASTER_KEY_H

#include "../src/base/secret.h"
#include "../src/policy/policy.h"

#define MASTER_KEY_ACCEPTED "a file of mode 0600 with 32 bytes, raw or as 64 hex characters"

/*
 * The master key, which seals what is kept of secrets: from the file that WARDER_MASTER_KEY names, else from the systemd
 * credential warder-master-key (in $CREDENTIALS_DIRECTORY). *key: 32 bytes, the caller's to free; NULL when there is none: that
 * is no error. False with a message on stderr when it is there and cannot be used. Derive from it with wd_install_derive and a
 * label; never use it as it is.
 */
bool master_key_load(wd_getenv_fn *env, struct wd_secret **key);
/* The key of 32 bytes for that label, the caller's to free: "keys" seals keys at rest, "store" is a shared store's. False: no
 * memory. */
bool master_key_derive(const struct wd_secret *master, const char *label, struct wd_secret **key);

#endif
