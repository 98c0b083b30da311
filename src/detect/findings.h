#ifndef WD_FINDINGS_H
#define WD_FINDINGS_H

#include "rules.h"

#define WD_FINDINGS_MAX 32
#define WD_FINGERPRINT_BYTES 16

struct wd_rule;

/* One line of the record: a rule, how often it matched, and the fingerprint of the first value. Never the text. */
struct wd_finding {
    const struct wd_rule *rule;
    enum wd_direction direction;
    enum wd_action action;
    uint32_t count;
    uint8_t fingerprint[WD_FINGERPRINT_BYTES];
};

/* Findings of one exchange, by (rule, direction, action). Beyond the table they are counted in `more`. */
struct wd_findings {
    struct wd_finding items[WD_FINDINGS_MAX];
    uint32_t count;
    uint32_t more;
    enum wd_severity worst; /* meaningful when count > 0 */
};

/* Counts one more of those that are there; false when there is none. wd_findings_add() does so, too, and needs a fingerprint. */
bool wd_findings_count(struct wd_findings *f, const struct wd_rule *rule, enum wd_direction direction, enum wd_action action);
void wd_findings_add(struct wd_findings *f, const struct wd_rule *rule, enum wd_direction direction, enum wd_action action,
                     const uint8_t fingerprint[WD_FINGERPRINT_BYTES]);
/* DESIGN: product over findings of (1 - w), w = 0.1, 0.3, 0.6, 1.0 by severity; 1 is clean. Each counted match weighs. */
double wd_findings_score(const struct wd_findings *f);

#endif
