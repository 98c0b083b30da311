/* The rules for personal data. */
#include "chars.h"
#include "rules.h"

#define BOTH (WD_INPUT | WD_OUTPUT)

/* clang-format off */
static const struct wd_rule rows[] = {
    { .id = "email", .kind = "email", .category = WD_PII, .severity = WD_MEDIUM, .directions = BOTH, .shape = WD_SHAPE_EMAIL,
      .glued = 1, .pattern = "[A-Za-z0-9._%+-]@[A-Za-z0-9]", .needs = "@" },
    { .id = "card", .kind = "card", .category = WD_PII, .severity = WD_HIGH, .directions = BOTH, .shape = WD_SHAPE_CARD,
      .pattern = "[2-6][0-9]{3}(?:[0-9]{8}|[ .-][0-9]{4,6}[ .-][0-9]{4})", .needs = "0123456789" },
};
/* clang-format on */

const struct wd_rule_table wd_rules_pii = { rows, sizeof(rows) / sizeof(rows[0]) };
