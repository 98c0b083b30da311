#ifndef WD_KEYS_PROBE_H
#define WD_KEYS_PROBE_H

#include "../src/base/secret.h"
#include "../src/policy/policy.h"

/*
 * Asks the provider for its models with this key, as the gateway would: its address, its certificate verified, no redirect, no
 * proxy. True: it answered 2xx. False with why on stderr, never the key. At most 20 s.
 */
bool keys_probe(const struct wd_provider *provider, const struct wd_secret *key);

#endif
