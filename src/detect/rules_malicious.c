/* The rules for what attacks whoever reads or renders the text. */
#include "rules.h"

#define GAP "(?:\\s|\\\\+[fnrt])*"
#define BOTH (WD_INPUT | WD_OUTPUT)

#define SCRIPT(id_, kind_, shape_, glued_, pattern_, needs_)                                                                     \
    {                                                                                                                            \
        .id = (id_), .kind = (kind_), .category = WD_MALICIOUS, .severity = WD_HIGH, .directions = BOTH, .shape = (shape_),      \
        .glued = (glued_), .pattern = (pattern_), .needs = (needs_)                                                              \
    }

/* clang-format off */
static const struct wd_rule rows[] = {
    SCRIPT("role-marker", "marker", WD_SHAPE_MATCH, 1, "(?i)\\[" GAP "(?:system|assistant|human)" GAP "\\]", "["),
    SCRIPT("script-tag", "script", WD_SHAPE_TAG, 1, "(?i)<" GAP "/?" GAP "script", "<"),
    SCRIPT("javascript-link", "script", WD_SHAPE_LINK, 0, "(?i)javascript:", ":"),
    SCRIPT("html-data-link", "script", WD_SHAPE_MATCH, 0, "(?i)data:text/html", ":"),
};
/* clang-format on */

const struct wd_rule_table wd_rules_malicious = { rows, sizeof(rows) / sizeof(rows[0]) };
