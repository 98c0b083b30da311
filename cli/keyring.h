#ifndef WD_KEYRING_H
#define WD_KEYRING_H

#include <sys/stat.h>
#include <time.h>

#include "../src/policy/policy.h"
#include "../src/store/seal.h"
#include "key_channel.h"
#include "state.h"

/* What the supervisor knows of one configured key. */
struct keyring_slot {
    char provider[WD_CHANNEL_NAME];
    uint32_t slot;
    char source[256];                    /* env:NAME or file:PATH, cut to what fits */
    const char *file;                    /* PATH, the policy's; NULL: a variable */
    struct wd_secret *key;               /* in use; NULL: revoked */
    bool rotated;                        /* key (or that there is none) did not come from the source */
    uint8_t print[WD_SEAL_PRINT];        /* fingerprint of the key, or of the one that was revoked */
    uint8_t source_print[WD_SEAL_PRINT]; /* of what the source holds */
    uint64_t serial;                     /* of the change that brought key */
    uint32_t grace_s;                    /* how long the one before it must not show */
    int64_t old_until;                   /* Unix time; 0: there was none before */
    uint32_t failing_status;             /* what the provider answered to it; 0: nothing bad */
    int64_t failing_since;
    int64_t failing_until;  /* 0: until it is told otherwise */
    struct stat seen, last; /* of file: as it was read, and at the last look */
};

/* All slots of one policy, in its order. */
struct keyring {
    const struct wd_policy *policy; /* borrowed */
    struct keyring_slot *slots;
    uint32_t count;
    unsigned generation;         /* of the configuration that it goes with */
    struct wd_secret *store_key; /* of the shared store; NULL: none, or no master key */
};

/* What a ring is loaded with. */
struct keyring_from {
    wd_getenv_fn *env;
    const struct state *state;
    const struct keyring *before; /* rotated keys of the running gateway; NULL at the start */
    const uint8_t *print_key;     /* 32 bytes: keys fingerprints */
    const uint8_t *seal_key;      /* 32 bytes, or NULL: no master key */
    uint64_t *serial;             /* of the last change; counted up for each new key */
};

/*
 * Reads the keys of every provider; a key that was rotated or revoked stays so as long as its source holds what it held then.
 * NULL with a message on stderr.
 */
struct keyring *keyring_load(const struct wd_policy *policy, const struct keyring_from *from);
void keyring_free(struct keyring *ring);
/* NULL when there is no such slot, or no ring. */
struct keyring_slot *keyring_find(struct keyring *ring, const char *provider, uint32_t slot);
/* A keyed fingerprint of a key. */
void keyring_print(const uint8_t print_key[32], struct wd_span key, uint8_t print[WD_SEAL_PRINT]);
/*
 * Looks at one slot's file. True: it changed, is no longer being written, and holds *key, which is the caller's. False, and a
 * message once, when it holds no key that can be used.
 */
bool keyring_look(const struct keyring *ring, struct keyring_slot *slot, const uint8_t print_key[32], struct wd_secret **key);

#endif
