#include "findings.h"

#include <string.h>

bool
wd_findings_count(struct wd_findings *f, const struct wd_rule *rule, enum wd_direction direction, enum wd_action action)
{
    struct wd_finding *item;
    uint32_t i;

    for (i = 0; i < f->count; i++) {
        item = &f->items[i];
        if (item->rule != rule || item->direction != direction || item->action != action)
            continue;
        item->count += item->count < UINT32_MAX;
        return true;
    }
    return false;
}

void
wd_findings_add(struct wd_findings *f, const struct wd_rule *rule, enum wd_direction direction, enum wd_action action,
                const uint8_t fingerprint[WD_FINGERPRINT_BYTES])
{
    struct wd_finding *item;

    if (f->count == 0 || rule->severity > f->worst)
        f->worst = (enum wd_severity)rule->severity;
    if (wd_findings_count(f, rule, direction, action))
        return;
    if (f->count == WD_FINDINGS_MAX) {
        f->more += f->more < UINT32_MAX;
        return;
    }
    item = &f->items[f->count++];
    *item = (struct wd_finding){ .rule = rule, .direction = direction, .action = action, .count = 1 };
    memcpy(item->fingerprint, fingerprint, WD_FINGERPRINT_BYTES);
}

double
wd_findings_score(const struct wd_findings *f)
{
    static const double rest[] = { 0.9, 0.7, 0.4, 0.0 };
    double score = 1;
    uint32_t i, n;

    for (i = 0; i < f->count && score > 0; i++)
        for (n = 0; n < f->items[i].count && score > 1e-12; n++)
            score *= rest[f->items[i].rule->severity];
    return score > 1e-12 ? score : 0;
}
