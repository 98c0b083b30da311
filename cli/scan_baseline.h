#ifndef WD_SCAN_BASELINE_H
#define WD_SCAN_BASELINE_H

#include "../src/base/buf.h"
#include "scan_text.h"

/*
 * Findings that are known. The file holds their fingerprints and the random key that these were made with: equal on every
 * machine, and of no use to whoever looks for the values in a table of digests made before.
 */
struct scan_baseline {
    uint8_t key[32];
    bool has_key;
    uint8_t (*known)[WD_FINGERPRINT_BYTES]; /* sorted */
    size_t known_count;
    /* What a new file will hold: an object of JSON a finding. */
    struct wd_buf lines;
    size_t *starts;
    size_t count, size;
};

void scan_baseline_init(struct scan_baseline *b);
void scan_baseline_deinit(struct scan_baseline *b);
/* The file's key, and its findings as known when `known` is set. False with a message on stderr. */
bool scan_baseline_read(struct scan_baseline *b, const char *file, bool known);
bool scan_baseline_knows(const struct scan_baseline *b, const struct scan_finding *f);
/* One more for the new file. */
enum wd_err scan_baseline_add(struct scan_baseline *b, const char *path, const struct scan_finding *f) WD_CHECK;
/* Puts the new file in the place of the old one. False with a message on stderr. */
bool scan_baseline_write(struct scan_baseline *b, const char *file);

#endif
