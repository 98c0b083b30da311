#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "../src/gate/record.h"
#include "../src/store/journal.h"
#include "../src/store/seal.h"
#include "serve.h"

#define CHANGE_FILE_GRACE_S 60

/* The record of a change while it is made: the supervisor has no chain of its own, it continues one that no worker holds. */
struct change_record {
    struct wd_journal *journal; /* NULL: audit is off */
    struct wd_key_event event;
    struct wd_buf body;
    uint32_t journal_slot;
};

static bool
change_say(char *text, size_t size, const char *what)
{
    snprintf(text, size, "%s", what);
    return false;
}

/* From here to change_record_end in the state folder, with its owner's rights. */
static bool
change_record_begin(struct serve *s, struct change_record *r)
{
    enum wd_err err;

    wd_buf_init(&r->body, WD_JOURNAL_OPEN_MAX);
    r->journal = NULL;
    if (!s->policy->audit)
        return true;
    r->event.decision = "interrupted";
    err = wd_record_key(&r->event, &r->body);
    if (err == WD_OK)
        err = wd_journal_open(&r->journal, "audit", s->audit_key);
    if (err == WD_OK)
        err = wd_journal_begin(r->journal, wd_buf_span(&r->body), &r->journal_slot);
    if (err == WD_OK)
        return true;
    wd_journal_close(r->journal);
    wd_buf_deinit(&r->body);
    return false;
}

/* It was begun, so it is kept whatever happens now. */
static void
change_record_end(struct change_record *r, bool done)
{
    if (r->journal != NULL) {
        wd_buf_clear(&r->body);
        r->event.decision = done ? "allowed" : "failed";
        if (wd_record_key(&r->event, &r->body) == WD_OK)
            wd_journal_end(r->journal, r->journal_slot, wd_buf_span(&r->body));
        wd_journal_close(r->journal);
    }
    wd_buf_deinit(&r->body);
}

/* What the state folder keeps of the change. */
static bool
change_keep(const struct serve *s, const struct keyring_slot *slot, const struct serve_change *c)
{
    uint8_t nonce[WD_SEAL_NONCE];

    if (c->source)
        return wd_seal_remove("keys", slot->provider, slot->slot) == WD_OK;
    if (s->seal_key == NULL)
        return true;
    randombytes_buf(nonce, sizeof(nonce));
    return wd_seal_write("keys", (const uint8_t *)wd_secret_get(s->seal_key).ptr, slot->provider, slot->slot, slot->source_print,
                         c->key, nonce) == WD_OK;
}

static struct serve_retired *
change_retired_room(struct serve *s)
{
    for (size_t i = 0; i < WD_CHANNEL_RETIRED; i++)
        if (s->retired[i].key == NULL)
            return &s->retired[i];
    return NULL;
}

/* Puts key, which it takes over, in the slot; gives back the one before. */
static struct wd_secret *
change_slot(struct keyring_slot *slot, const struct serve_change *c, struct wd_secret *key, const uint8_t *print, uint64_t serial)
{
    struct wd_secret *before = slot->key;

    slot->key = key;
    slot->rotated = !c->source;
    slot->serial = serial;
    slot->grace_s = c->grace_s;
    slot->old_until = before != NULL ? time(NULL) + c->grace_s : 0;
    slot->failing_status = 0;
    slot->failing_since = slot->failing_until = 0;
    if (key != NULL)
        memcpy(slot->print, print, WD_SEAL_PRINT);
    if (c->source)
        memcpy(slot->source_print, print, WD_SEAL_PRINT);
    return before;
}

/* Keys are in force for whoever asks from here on: nothing in it can fail. other: the same slot while a reload is under way. */
static void
change_force(struct serve *s, struct keyring_slot *slot, const struct serve_change *c, struct wd_secret *keys[2],
             const uint8_t *print, struct serve_retired *room)
{
    struct keyring_slot *other = NULL;
    struct wd_secret *before;

    s->key_serial++;
    if (s->keys_before != NULL) {
        bool newer = slot >= s->keys->slots && slot < s->keys->slots + s->keys->count;
        other = keyring_find(newer ? s->keys_before : s->keys, slot->provider, slot->slot);
    }
    if (other != NULL)
        wd_secret_free(change_slot(other, c, keys[1], print, s->key_serial));
    else
        wd_secret_free(keys[1]);
    before = change_slot(slot, c, keys[0], print, s->key_serial);
    if (before == NULL)
        return;
    if (c->grace_s > 0)
        *room = (struct serve_retired){ .key = before, .until = serve_mono() + c->grace_s + 1, .serial = s->key_serial };
    else
        wd_secret_free(before);
}

/* In the state folder. */
static bool
change_make(struct serve *s, struct keyring_slot *slot, const struct serve_change *c, char *text, size_t size)
{
    struct serve_retired *room = change_retired_room(s);
    struct wd_secret *keys[2] = { NULL, NULL };
    struct change_record r = { .event = { .event = c->event,
                                          .who = c->who,
                                          .uid = c->uid,
                                          .provider = slot->provider,
                                          .slot = slot->slot,
                                          .grace_s = c->grace_s } };
    uint8_t print[WD_SEAL_PRINT], old[WD_SEAL_PRINT];
    struct timespec now;
    bool ok;

    if (room == NULL)
        return change_say(text, size, "too many keys were changed a moment ago; wait until the grace of one is over");
    clock_gettime(CLOCK_REALTIME, &now);
    r.event.wall_us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
    memcpy(old, slot->print, sizeof(old));
    r.event.old_print = slot->key != NULL ? old : NULL;
    if (c->key.len > 0) {
        keyring_print(s->print_key, c->key, print);
        r.event.new_print = print;
        if (wd_secret_new(&keys[0], c->key) != WD_OK || wd_secret_new(&keys[1], c->key) != WD_OK) {
            wd_secret_free(keys[0]);
            return change_say(text, size, "out of guarded memory; nothing was changed");
        }
    }
    ok = change_record_begin(s, &r);
    if (!ok)
        change_say(text, size, "the audit log cannot be written; nothing was changed");
    else {
        ok = change_keep(s, slot, c);
        if (ok)
            change_force(s, slot, c, keys, print, room);
        else
            snprintf(text, size, "the key cannot be kept in the state folder: %s; nothing was changed", strerror(errno));
        change_record_end(&r, ok);
    }
    if (!ok) {
        wd_secret_free(keys[0]);
        wd_secret_free(keys[1]);
    }
    return ok;
}

uint32_t
serve_change(struct serve *s, struct keyring_slot *slot, const struct serve_change *change, uint64_t *serial, char *text,
             size_t size)
{
    bool ok;

    *serial = 0;
    if (!state_enter(&s->state)) {
        change_say(text, size, "the state folder cannot be entered; nothing was changed");
        return CONTROL_FAILED;
    }
    ok = change_make(s, slot, change, text, size);
    state_leave(&s->state);
    *serial = s->key_serial;
    return ok ? CONTROL_OK : CONTROL_FAILED;
}

static void
change_from_file(struct serve *s, struct keyring_slot *slot)
{
    struct serve_change change = {
        .event = "key_rotated", .who = "file", .uid = -1, .grace_s = CHANGE_FILE_GRACE_S, .source = true
    };
    struct wd_secret *key = NULL;
    char text[CONTROL_TEXT];
    uint64_t serial;

    if (!keyring_look(s->keys, slot, s->print_key, &key))
        return;
    change.key = wd_secret_get(key);
    if (serve_change(s, slot, &change, &serial, text, sizeof(text)) == CONTROL_OK) {
        printf("warder: providers.%s.keys: the new key of %s is in use\n", slot->provider, slot->source);
        fflush(stdout);
    } else {
        fprintf(stderr, "warder: providers.%s.keys: the new key of %s is not used: %s\n", slot->provider, slot->source, text);
        memset(&slot->seen, 0, sizeof(slot->seen)); /* tried again */
    }
    wd_secret_free(key);
}

void
serve_change_look(struct serve *s)
{
    int64_t now = serve_mono();

    for (size_t i = 0; i < WD_CHANNEL_RETIRED; i++) {
        if (s->retired[i].key == NULL || s->retired[i].until > now)
            continue;
        wd_secret_free(s->retired[i].key);
        s->retired[i].key = NULL;
    }
    if (s->keys == NULL || s->keys_before != NULL || now == s->looked_at)
        return;
    s->looked_at = now;
    for (uint32_t i = 0; i < s->keys->count; i++)
        if (s->keys->slots[i].file != NULL)
            change_from_file(s, &s->keys->slots[i]);
}

void
serve_change_tidy(struct serve *s)
{
    if (!state_enter(&s->state))
        return;
    for (uint32_t i = 0; i < s->keys->count; i++) {
        const struct keyring_slot *slot = &s->keys->slots[i];
        if (!slot->rotated && wd_seal_remove("keys", slot->provider, slot->slot) != WD_OK)
            fprintf(stderr, "warder: keys/%s.%u in the state folder is out of date and cannot be removed\n", slot->provider,
                    slot->slot);
    }
    state_leave(&s->state);
}
