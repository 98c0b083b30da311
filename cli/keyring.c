#include "keyring.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
keyring_print(const uint8_t print_key[32], struct wd_span key, uint8_t print[WD_SEAL_PRINT])
{
    crypto_generichash(print, WD_SEAL_PRINT, (const uint8_t *)key.ptr, key.len, print_key, 32);
}

struct keyring_slot *
keyring_find(struct keyring *ring, const char *provider, uint32_t slot)
{
    for (uint32_t i = 0; ring != NULL && i < ring->count; i++)
        if (ring->slots[i].slot == slot && strcmp(ring->slots[i].provider, provider) == 0)
            return &ring->slots[i];
    return NULL;
}

void
keyring_free(struct keyring *ring)
{
    if (ring == NULL)
        return;
    for (uint32_t i = 0; i < ring->count; i++)
        wd_secret_free(ring->slots[i].key);
    wd_secret_free(ring->store_key);
    free(ring->slots);
    free(ring);
}

static void
keyring_newer(const struct keyring_slot *slot)
{
    fprintf(stderr,
            "warder: providers.%s.keys: %s holds another key than when the key of slot %u was changed: it is newer and is used\n",
            slot->provider, slot->source, slot->slot);
}

static bool
keyring_same_source(const struct keyring_slot *slot, const uint8_t print[WD_SEAL_PRINT])
{
    return memcmp(slot->source_print, print, WD_SEAL_PRINT) == 0;
}

/* Puts key (NULL: revoked) in the place of what the source gave; takes it over. */
static void
keyring_rotated(struct keyring_slot *slot, struct wd_secret *key, const uint8_t print[WD_SEAL_PRINT])
{
    wd_secret_free(slot->key);
    slot->key = key;
    slot->rotated = true;
    memcpy(slot->print, print, WD_SEAL_PRINT);
}

static bool
keyring_sealed(struct keyring_slot *slot, const struct keyring_from *from)
{
    uint8_t source[WD_SEAL_PRINT], print[WD_SEAL_PRINT];
    struct wd_secret *key = NULL;
    enum wd_err err;

    if (!state_enter(from->state))
        return false;
    err = wd_seal_read("keys", from->seal_key, slot->provider, slot->slot, source, &key);
    state_leave(from->state);
    if (err == WD_ERR_NOTFOUND)
        return true;
    if (err != WD_OK) {
        fprintf(stderr, "warder: keys/%s.%u in the state folder, a key that was changed by \"warder keys\": %s\n", slot->provider,
                slot->slot,
                err == WD_ERR_CORRUPT
                    ? "is damaged (accepted: the file as it was written, or none: then the configured key is used)"
                : err != WD_ERR_DENIED   ? "cannot be read"
                : from->seal_key == NULL ? "is sealed and there is no master key (accepted: WARDER_MASTER_KEY, or no such file: "
                                           "then the configured key is used)"
                                         : "does not open with this master key (accepted: the one it was sealed with, or no such "
                                           "file: then the configured key "
                                           "is used)");
        return false;
    }
    if (!keyring_same_source(slot, source)) {
        if (from->before == NULL)
            keyring_newer(slot);
        wd_secret_free(key);
        return true;
    }
    if (key != NULL)
        keyring_print(from->print_key, wd_secret_get(key), print);
    keyring_rotated(slot, key, key != NULL ? print : slot->print);
    return true;
}

/* What the running gateway had in this slot: a rotated key goes on, and all else that is known of a key that did not change. */
static bool
keyring_go_on(struct keyring_slot *slot, const struct keyring_slot *before, const struct keyring_from *from)
{
    struct wd_secret *key = NULL;

    if (before->rotated && !keyring_same_source(before, slot->source_print))
        keyring_newer(slot);
    else if (before->rotated) {
        if (before->key != NULL && wd_secret_new(&key, wd_secret_get(before->key)) != WD_OK)
            return false;
        keyring_rotated(slot, key, before->print);
    }
    if (memcmp(slot->print, before->print, WD_SEAL_PRINT) != 0 || (slot->key == NULL) != (before->key == NULL)) {
        slot->serial = ++*from->serial;
        return true;
    }
    slot->serial = before->serial;
    slot->grace_s = before->grace_s;
    slot->old_until = before->old_until;
    return true;
}

static bool
keyring_slot_load(const struct wd_policy *policy, const struct wd_provider *p, struct keyring_slot *slot,
                  const struct keyring_from *from)
{
    const struct wd_key_source *source = &p->keys[slot->slot];
    const struct keyring_slot *before = keyring_find((struct keyring *)from->before, p->name, slot->slot);
    struct wd_policy_error error = { "out of memory" };

    snprintf(slot->provider, sizeof(slot->provider), "%s", p->name);
    snprintf(slot->source, sizeof(slot->source), "%s%s", source->is_file ? "file:" : "env:", source->name);
    slot->file = source->is_file ? source->name : NULL;
    /* looked at before it is read: what is written meanwhile is seen by the next look */
    if (slot->file != NULL && stat(slot->file, &slot->seen) != 0)
        memset(&slot->seen, 0, sizeof(slot->seen));
    slot->last = slot->seen;
    if (wd_key_load(p, slot->slot, policy->file, from->env, &slot->key, &error) != WD_OK) {
        fprintf(stderr, "warder: %s\n", error.text);
        return false;
    }
    keyring_print(from->print_key, wd_secret_get(slot->key), slot->print);
    memcpy(slot->source_print, slot->print, WD_SEAL_PRINT);
    if (!keyring_sealed(slot, from))
        return false;
    if (before != NULL)
        return keyring_go_on(slot, before, from);
    slot->serial = ++*from->serial;
    return true;
}

struct keyring *
keyring_load(const struct wd_policy *policy, const struct keyring_from *from)
{
    struct keyring *ring = calloc(1, sizeof(*ring));
    uint32_t total = 0;

    for (uint32_t i = 0; i < policy->provider_count; i++)
        total += policy->providers[i].key_count;
    if (ring != NULL)
        ring->slots = calloc(total, sizeof(*ring->slots));
    if (ring == NULL || ring->slots == NULL) {
        keyring_free(ring);
        return NULL;
    }
    ring->policy = policy;
    for (uint32_t i = 0; i < policy->provider_count; i++) {
        for (uint32_t k = 0; k < policy->providers[i].key_count; k++) {
            struct keyring_slot *slot = &ring->slots[ring->count++];
            slot->slot = k;
            if (!keyring_slot_load(policy, &policy->providers[i], slot, from)) {
                keyring_free(ring);
                return NULL;
            }
        }
    }
    return ring;
}

static bool
keyring_stat_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size && a->st_mode == b->st_mode &&
           a->st_uid == b->st_uid && a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
           a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

bool
keyring_look(const struct keyring *ring, struct keyring_slot *slot, const uint8_t print_key[32], struct wd_secret **key)
{
    const struct wd_provider *p = wd_policy_provider(ring->policy, wd_span_str(slot->provider));
    struct wd_policy_error error = { "out of memory" };
    uint8_t print[WD_SEAL_PRINT];
    struct stat now;
    bool still;

    *key = NULL;
    if (slot->file == NULL || p == NULL)
        return false;
    if (stat(slot->file, &now) != 0)
        memset(&now, 0, sizeof(now));
    still = keyring_stat_same(&now, &slot->last);
    slot->last = now;
    /* a file that changed since the last look may be half written */
    if (!still || keyring_stat_same(&now, &slot->seen))
        return false;
    slot->seen = now;
    if (wd_key_load(p, slot->slot, ring->policy->file, NULL, key, &error) != WD_OK) {
        fprintf(stderr, "warder: %s; the key of before stays in use\n", error.text);
        return false;
    }
    keyring_print(print_key, wd_secret_get(*key), print);
    if (!keyring_same_source(slot, print))
        return true;
    wd_secret_free(*key);
    *key = NULL;
    return false;
}
