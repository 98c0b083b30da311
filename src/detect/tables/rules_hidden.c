/* The rule for text that only a machine reads: tags, variation selectors and zero-width characters in a row. */
#include "../rules.h"

static const struct wd_rule rows[] = {
    /* The reader shows each of them as this character (WD_CH_HIDDEN). */
    { .id = "hidden-text",
      .kind = "hidden-text",
      .category = WD_INJECTION,
      .severity = WD_HIGH,
      .directions = WD_INPUT | WD_OUTPUT,
      .shape = WD_SHAPE_HIDDEN,
      .glued = 1,
      .pattern = "\\x02",
      .needs = "\x02",
      .source = "Unicode TR 36, UTS 39, UTS 51" },
};

const struct wd_rule_table wd_rules_hidden = { rows, sizeof(rows) / sizeof(rows[0]) };
