#ifndef WD_RECORD_H
#define WD_RECORD_H

#include "exchange.h"

/*
 * The audit record of an exchange (DESIGN 4.5): the inside of a JSON object, without prev and hash, which the journal adds.
 * begun: the form that is kept while the exchange is under way (decision "interrupted", at most WD_JOURNAL_OPEN_MAX bytes).
 */
enum wd_err wd_record_write(const struct wd_exchange *ex, bool begun, struct wd_buf *out) WD_CHECK;

/* A change of a provider key. No key is in it, only keyed fingerprints. */
struct wd_key_event {
    uint64_t wall_us;
    const char *event; /* key_rotated, key_revoked */
    const char *who;   /* a user's name, or "file" */
    int64_t uid;       /* -1: nobody's */
    const char *provider;
    uint32_t slot;
    const uint8_t *old_print, *new_print; /* WD_FINGERPRINT_BYTES each; NULL: no key */
    uint32_t grace_s;
    const char *decision; /* allowed, failed; interrupted as begun */
};

/* Its record, as above. */
enum wd_err wd_record_key(const struct wd_key_event *event, struct wd_buf *out) WD_CHECK;

#endif
